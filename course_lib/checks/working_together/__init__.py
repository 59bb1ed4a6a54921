"""Checks of exercise 07: shares of the way, short words there and back, an interval, a recipe."""

# In the order of the exercise, which `progress` shows.
from .contributions import contributions
from .canonical import canonical
from .decoded import decoded
from .my_saving import my_saving
from .interval import interval
from .small_file import small_file
from .why_saving import why_saving
from .why_recipe import why_recipe
