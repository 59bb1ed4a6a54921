"""Checks of exercise 08: fair shares, what a front covers, luck, memory, a squeezed winner."""

# In the exercise's order: `progress` shows it.
# isort: off
from .by_genus import by_genus
from .covered import covered
from .winner import winner
from .my_luck import my_luck
from .least_seconds import least_seconds
from .squeezed import squeezed

__all__ = ["by_genus", "covered", "least_seconds", "my_luck", "squeezed", "winner"]
