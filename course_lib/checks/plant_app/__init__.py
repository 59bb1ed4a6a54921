"""Checks of exercise 09: a frame's time, a page's pictures, a threshold, a battery, a garden."""

# In the order of the exercise, which `progress` shows.
from .in_time import in_time
from .prepared import prepared
from .my_points import my_points
from .threshold import threshold
from .gain import gain
from .own_plants import GARDEN, garden, own_plants
from .why_points import why_points
from .why_silent import why_silent
from .why_garden import why_garden
