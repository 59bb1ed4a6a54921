"""Checks of exercise 06: what a split costs, cuts by answers, rows first, ranks for each layer."""

# In the order of the exercise, which `progress` shows.
from .tucker_macs import tucker_macs
from .by_answers import by_answers
from .rows_first import rows_first
from .my_percent import my_percent
from .why_percent import why_percent
from .shared_ranks import shared_ranks
from .few_weights import few_weights
from .why_ranks import why_ranks
