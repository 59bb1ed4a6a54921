"""Checks of exercise 07: shares of the way, short words there and back, an interval, a recipe."""

# In the exercise's order: `progress` shows it.
# isort: off
from .contributions import contributions
from .canonical import canonical
from .decoded import decoded
from .my_saving import my_saving
from .interval import interval
from .small_file import small_file

__all__ = ["canonical", "contributions", "decoded", "interval", "my_saving", "small_file"]
