"""Checks of exercise 02: channels by eights, how loud they are, cutting, norms, own widths."""

# In the order of the exercise, which `progress` shows.
from .stays import stays
from .heard import heard
from .cut_out import cut_out
from .my_percent import my_percent
from .mean_without import mean_without
from .own_widths import own_widths
from .why_norms import why_norms
from .why_widths import why_widths
