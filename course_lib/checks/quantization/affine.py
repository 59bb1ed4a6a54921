"""A grid with a zero point: its scale, and the integer that stands for zero."""

import torch

from ..task import task
from .inputs import between


def _ranges(random: torch.Generator, case: int) -> tuple:
    low, high = (
        (between(random, -5.0, -0.2), between(random, 6.0, 9.0)),  # unlike on both sides
        (between(random, 1.0, 2.0), between(random, 4.0, 5.0)),  # all positive
        (between(random, -8.0, -7.0), between(random, -2.0, -1.0)),  # all negative
        (0.0, between(random, 1.0, 3.0)),  # behind a ReLU
    )[case % 4]
    return low, high, (8, 4, 6, 3)[case // 4 % 4]


@task("04_quantization", draw=_ranges, borrowed=("scale_and_zero_point", "calibrate"), cases=48)
def affine(low, high, bits, *, steps=lambda bits: 2**bits - 1, whole=round):
    """This is what every engine does with what flows through a network.

    Behind a ReLU a shifted grid has twice the steps of a symmetric one, for the same bits.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / steps(bits)
    return scale, whole(-low / scale)


@affine.mistake
def symmetric(low, high, bits):
    """
    - Your scale uses the largest value alone. If the range is lopsided, which integers lie idle?
    - That is the symmetric grid of the chapter: its zero point is always 0. Here the grid is
      shifted, so that it begins at `low` and ends at `high`.
    - The integers run from 0 to 2**bits - 1. `low` becomes the first and `high` the last: what is
      the step, and which integer does 0.0 fall on?
    """
    return max(abs(low), abs(high)) / (2 ** (bits - 1) - 1), 0


@affine.mistake
def zero_left_out(low, high, bits):
    """
    - Try a range from 2 to 5. Which integer stands for 0.0 then, and is it one of yours?
    - A range without zero gets a zero point that is no integer of the grid. Padding is made of
      zeros: they must be there.
    - Widen the range until it holds 0.0, before you compute anything from it.
    """
    scale = (high - low) / (2**bits - 1)
    return scale, round(-low / scale)


affine.mistaken("as_many_steps_as_integers", steps=lambda bits: 2**bits)("""
    - Count the fence posts, and the gaps between them.
    - There are 2**bits integers. How many steps are there from the first to the last?
    - With 2 bits there are the integers 0, 1, 2, 3: three steps. It is always one less.
""")

affine.mistaken("zero_point_not_whole", whole=float)("""
    - Is your zero point a whole number?
    - The zero point takes the place of 0.0 in the grid, and the grid holds integers only.
    - Round the zero point, so that 0.0 is hit exactly.
""")

affine.mistaken("sign_of_the_zero_point", whole=lambda place: -round(place))("""
    - Put `low` through your grid by hand: which integer comes out?
    - The scale is right. The integer of a value is round(value / scale) + zero_point, and `low` is
      to come out as 0.
    - The sign of your zero point is turned around: where `low` is negative, the integers move up.
""")

affine.mistaken("cut_off", whole=int)("""
    - Sometimes right, sometimes one too small: how do you round?
    - `int` cuts off. Is 2.9 nearer to 2 or to 3?
    - The nearest integer is wanted: `round`.
""")


@affine.mistake
def floored(low, high, bits):
    """
    - Sometimes right, sometimes one too small: what does `//` do?
    - `//` rounds down, and 0.3 // 0.1 is 2.0 besides. Is 2.9 nearer to 2 or to 3?
    - The nearest integer is wanted: `round` the quotient of `/`.
    """
    scale, _ = affine.right(low, high, bits)
    return scale, int(-min(low, 0.0) // scale)


@affine.mistake
def with_a_sign(low, high, bits):
    """
    - Which integers were asked for: with a sign, or without?
    - Your grid starts at -2**(bits - 1). Asked for is one that starts at 0.
    - Without a sign `low` becomes 0, so nothing is to be taken away from the zero point.
    """
    scale, zero_point = affine.right(low, high, bits)
    return scale, zero_point - 2 ** (bits - 1)
