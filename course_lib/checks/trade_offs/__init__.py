"""Checks of exercise 08: fair shares, what a front covers, luck, memory, a squeezed winner."""

# In the order of the exercise, which `progress` shows.
from .by_genus import by_genus
from .covered import covered
from .winner import winner
from .my_luck import my_luck
from .why_luck import why_luck
from .least_seconds import least_seconds
from .squeezed import squeezed
from .why_squeezed import why_squeezed
