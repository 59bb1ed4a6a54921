"""A grid with a zero point: its scale, and the integer that stands for zero."""

import math

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


def without_a_look(low: float, high: float, bits: int) -> tuple[float, int]:
    """The grid of a range as it is, whether it holds zero or not."""
    scale = (high - low) / (2**bits - 1)
    return scale, round(-low / scale)


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
def mirrored(low, high, bits):
    """
    - From -1 to 9: which integer does the 9 get, and which one the -1?
    - Your range is as wide on both sides of zero. Behind a ReLU one side would lie idle.
    - The first integer belongs to `low` and the last to `high`, not to the larger of the two with
      both signs.
    """
    largest = max(abs(low), abs(high))
    scale = 2 * largest / (2**bits - 1)
    return scale, round(largest / scale)


for _name, _lowest in (
    ("largest_for_all_integers", lambda low: min(low, 0.0)),
    ("largest_for_all_integers_zero_left_out", lambda low: low),
):

    def _too_short(low, high, bits, lowest=_lowest):
        scale = max(abs(low), abs(high)) / (2**bits - 1)
        return scale, round(-lowest(low) / scale)

    affine.mistaken(_name, _too_short)("""
    - From -1 to 9: how far is it from the first integer to the last?
    - Your scale knows the largest value alone, not the whole range.
    - From `low` to `high`, there are so many steps. How long is one?
    """)


@affine.mistake
def only_low_widened(low, high, bits):
    """
    - Try a range from -5 to -2. Is 0.0 on your grid?
    - You widen the range where all is positive. And where all is negative?
    - It has two ends, and each may be on the wrong side of zero.
    """
    scale, _ = without_a_look(min(low, 0.0), high, bits)
    return scale, round(-min(low, 0.0) / scale)


@affine.mistake
def only_high_widened(low, high, bits):
    """
    - Try a range from 2 to 5. Is 0.0 on your grid?
    - You widen the range where all is negative. And where all is positive?
    - It has two ends, and each may be on the wrong side of zero.
    """
    return without_a_look(low, max(high, 0.0), bits)


@affine.mistake
def zero_point_pushed_in(low, high, bits):
    """
    - Try a range from 2 to 5. Which values do the first and the last of your integers stand for?
    - You push the zero point into the grid, but the scale is that of the range without zero. So
      the largest values no longer fit.
    - Widen the *range* until it holds 0.0, before you compute anything from it.
    """
    scale, zero_point = without_a_look(low, high, bits)
    return scale, min(max(zero_point, 0), 2**bits - 1)


@affine.mistake
def zero_left_out(low, high, bits):
    """
    - Try a range from 2 to 5. Which integer stands for 0.0 then, and is it one of yours?
    - A range without zero gets a zero point that is no integer of the grid. Padding is made of
      zeros: they must be there.
    - Widen the range until it holds 0.0, before you compute anything from it.
    """
    return without_a_look(low, high, bits)


affine.mistaken("as_many_steps_as_integers", steps=lambda bits: 2**bits)("""
    - Count the fence posts, and the gaps between them.
    - There are 2**bits integers. How many steps are there from the first to the last?
    - With 2 bits there are the integers 0, 1, 2, 3: three steps. It is always one less.
""")

for _name, _half in (
    ("one_bit_lost", lambda bits: 2 ** (bits - 1) - 1),
    ("half_of_the_integers", lambda bits: 2 ** (bits - 1)),
):
    affine.mistaken(_name, steps=_half)("""
    - Which is the last integer of your grid? And which was asked for?
    - Your steps are twice as long as they need be: half of the integers are never used.
    - In the chapter one bit is for the sign. Here the integers have none.
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
    - You cut off what follows the point, as `int`, `trunc` and `floor` do. Is 2.9 nearer to 2 or 3?
    - The nearest integer is wanted: look for what rounds to it.
""")

affine.mistaken("always_up", whole=math.ceil)("""
    - Sometimes right, sometimes one too large: how do you round?
    - You round up, always. Is 2.1 nearer to 2 or to 3?
    - The nearest integer is wanted: look for what rounds to it.
""")

affine.mistaken("always_zero", whole=lambda place: 0)("""
    - Put `low` through your grid by hand: which integer comes out?
    - Your scale is that of a shifted grid, but nothing is shifted: the zero point is always 0.
    - How many steps is it from `low` up to 0.0? So many integers lie below the zero point.
""")


def _scale(low: float, high: float, bits: int) -> float:
    return affine.right(low, high, bits)[0]


affine.mistaken(
    "in_the_middle", lambda low, high, bits: (_scale(low, high, bits), 2**bits // 2)
)("""
    - From -1 to 9: where does 0.0 lie, in the middle?
    - Your zero point is the middle of the grid, whatever the range.
    - How many steps is it from `low` up to 0.0?
""")

for _name, _place in (
    ("low_itself", lambda low: low),
    ("low_rounded", lambda low: round(low)),
    ("low_turned_around", lambda low: round(-low)),
):
    affine.mistaken(_name, lambda low, high, bits, of=_place: (
        _scale(low, high, bits), of(min(low, 0.0))
    ))("""
    - In which unit is your zero point: that of the values, or of the integers?
    - You take it from `low` alone. It is the *integer* that stands for 0.0.
    - How many steps is it from `low` up to 0.0, if one step is `scale`?
""")  # fmt: skip

affine.mistaken("from_the_other_end", lambda low, high, bits: (
    _scale(low, high, bits), round(max(high, 0.0) / _scale(low, high, bits))
))("""
    - From -1 to 9: which integer does 0.0 get, a small one or a large one?
    - You count the steps from 0.0 to `high`. The integers begin at the other end.
    - The integer 0 belongs to `low`. From there, how many steps is it to 0.0?
""")  # fmt: skip

affine.mistaken("turned_upside_down", lambda low, high, bits: (
    1 / _scale(low, high, bits), affine.right(low, high, bits)[1]
))("""
    - A value is scale * (integer - zero_point). Try yours: which value does the last integer get?
    - Your scale is the number of integers for each unit. Asked for is the other way round.
    - The scale is the length of one step: what is divided by what?
""")  # fmt: skip

affine.mistaken("exchanged", lambda *given: affine.right(*given)[::-1])("""
    - What comes back first, and what second?
    - The two have changed places.
    - The scale first, then the zero point: see the docstring.
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
