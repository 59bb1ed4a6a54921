"""Checks of exercise 03: places and their bytes, n of m, gaps, one threshold, shares by layer."""

# In the order of the exercise, which `progress` shows.
from .n_of_m_bytes import n_of_m_bytes
from .keep_n_of_m import keep_n_of_m
from .as_gaps import as_gaps
from .masks_together import masks_together
from .my_kernels import my_kernels
from .few_weights import few_weights

# What is shown after the written answers.
from .why_kernels import why_kernels
from .why_shares import why_shares
