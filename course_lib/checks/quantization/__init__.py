"""Checks of exercise 04: bytes, grids that are shifted, grouped or cut off, bits for each layer."""

# In the order of the exercise, which `progress` shows.
from .layer_bytes import layer_bytes
from .affine import affine
from .round_in_groups import round_in_groups
from .my_factor import my_factor
from .why_factor import why_factor
from .rounded import rounded
from .few_bits import few_bits
from .why_bits import why_bits
