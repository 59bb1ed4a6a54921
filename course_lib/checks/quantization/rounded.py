"""Rounding that knows its limits, and lets gradients through between them."""

import torch
from torch import Tensor

from ..gradients import with_gradient
from ..task import task
from .inputs import between


def _to_round(random: torch.Generator, case: int) -> tuple:
    x = 2 * torch.randn(16, generator=random)
    low, high = limits = ((-8, 7), (0, 15), (-4, 3), (-1, 1))[case % 4]
    scale = between(random, 0.1, 0.3)
    x[:4] = scale * torch.tensor([low - 2.2, high + 2.2, low + 0.7, high - 0.3])  # on both sides
    # Less than half a step beyond a limit a number rounds onto it, or is cut off: the field does
    # either, and torch's own function the former.
    steps = x / scale
    between_both = (steps > low - 0.5) & (steps < low) | (steps > high) & (steps < high + 0.5)
    return (x.masked_fill(between_both, 0.4 * scale).requires_grad_(), scale, *limits)


def _straight_through(exact: Tensor, wanted: Tensor) -> Tensor:
    return exact + (wanted - exact).detach()


@task(
    "04_quantization",
    draw=_to_round,
    observed=with_gradient,
    borrowed=("fake_quantize",),
)
def rounded(x, scale, low, high, *, through=_straight_through, snap=torch.round):
    """Networks in 2 or 3 bits are trained with just this.

    What is cut off gets no gradient, so the range matters: next, let the scale learn too.
    """
    inside = (x / scale).clamp(low, high)
    return scale * through(inside, snap(inside))


rounded.mistaken("without_limits", lambda x, scale, *_: rounded.right(x, scale, -1e9, 1e9))("""
    - What becomes of a number that lies beyond the last integer?
    - That is the chapter's line: it rounds, but its integers never end. Here they run from `low` to
      `high`.
    - Cut off at `low` and `high` as well, where autograd sees it: what is cut off gets no gradient.
""")


@rounded.mistake
def limits_unseen_by_autograd(x, scale, low, high):
    """
    - The numbers are right, the gradients are not. Who should still learn beyond the limits?
    - A number beyond `high` comes out as `high`, whether it grows or shrinks. Yours has a gradient
      of 1 there.
    - The clamp is inside of `detach()`, where autograd does not see it. Clip outside, round inside.
    """
    return scale * _straight_through(x / scale, (x / scale).round().clamp(low, high))


rounded.mistaken("no_gradient", through=lambda exact, wanted: wanted)("""
    - The numbers are right. Does anything learn from them? Look at the gradient.
    - `round` is flat nearly everywhere, so its gradient is zero; behind `detach()` there is none at
      all.
    - The straight-through trick: only the *difference* that rounding makes is detached, and added
      to what was not rounded.
""")


@rounded.mistake
def left_as_integers(x, scale, low, high):
    """
    - In which unit is your result: integers, or the unit of x?
    - You return integers. The next layer wants numbers of the size of x.
    - Multiply by the scale at the end.
    """
    inside = (x / scale).clamp(low, high)
    return _straight_through(inside, inside.round())


@rounded.mistake
def limits_in_the_wrong_unit(x, scale, low, high):
    """
    - `low` and `high` are integers. What do you compare them with?
    - You clip x itself, but the limits are those of x / scale.
    - First divide by the scale, then clip, then round.
    """
    return rounded.right(x.clamp(low, high), scale, -1e9, 1e9)


@rounded.mistake
def whole_numbers(x, scale, low, high):
    """
    - Which numbers come out: multiples of the scale, or of 1?
    - Your limits are in the unit of x, which is fine. But you round x itself.
    - The grid has steps of `scale`: divide by it, round, multiply.
    """
    inside = x.clamp(scale * low, scale * high)
    return _straight_through(inside, inside.round())


for _name, _back in (
    ("multiplied_first", lambda steps, scale: steps * scale),
    ("multiplied_and_divided", lambda steps, scale: steps / scale),
):

    def _by_the_wrong_sign(x, scale, low, high, back=_back):
        """The scale is multiplied by, where it should divide."""
        inside = (x * scale).clamp(low, high)
        return back(_straight_through(inside, inside.round()), scale)

    rounded.mistaken(_name, _by_the_wrong_sign)("""
    - How many steps of 0.1 is 0.7? And in your function?
    - You multiply by the scale before you round. That gives fewer steps, not more.
    - A value is scale * integer. What gives the integer, then?
""")

for _name, _snap in (("cut_off", torch.trunc), ("rounded_down", torch.floor)):
    rounded.mistaken(_name, snap=_snap)("""
    - Is 2.9 nearer to 2 or to 3? And in your function?
    - You cut off what follows the point, as `int`, `trunc` and `floor` do.
    - The nearest integer is wanted, as in the chapter's line.
""")

for _name, _through in (
    ("not_rounded", lambda exact, wanted: exact),
    ("not_rounded_and_no_gradient", lambda exact, wanted: _straight_through(wanted, exact)),
):
    rounded.mistaken(_name, through=_through)("""
    - Which numbers come out: are they on the grid?
    - Nothing is rounded in what you return; it is only cut off at its limits.
    - Forward, the rounded number counts; backward, the one before rounding. Which of the two
      stands alone in your line, and which difference is detached?
""")

rounded.mistaken("backwards", through=lambda exact, wanted: exact.detach() + (wanted - exact))("""
    - The numbers are right. If x grows, should the result grow or shrink?
    - Your gradient is -1: what was to be detached is not, and the other way round.
    - Compare with the chapter's line: which part of it stands behind `detach()`?
""")


@rounded.mistake
def gradient_in_steps(x, scale, low, high):
    """
    - The numbers are right. If x grows by 0.01, by how much should the result grow?
    - Your gradient is 1 / scale inside of the limits, not 1.
    - What goes through undetached is counted in steps. It is to be in the unit of x, as the
      result is.
    """
    inside = (x / scale).clamp(low, high)
    return _straight_through(inside, scale * inside.round())


@rounded.mistake
def zero_beyond(x, scale, low, high):
    """
    - What should a number beyond `high` become? And in your function?
    - Beyond the limits you make it 0. A number that is too large should become the largest there
      is.
    - A mask takes the number away as well as its gradient. What does `clamp` do instead?
    """
    steps = x / scale
    inside = steps * ((steps >= low) & (steps <= high))
    return scale * _straight_through(inside, inside.round())


@rounded.mistake
def limits_for_the_gradient_alone(x, scale, low, high):
    """
    - What becomes of a number that lies beyond the last integer?
    - The gradients are right. The numbers run on beyond the limits.
    - Round what was cut off, not what came in.
    """
    steps = x / scale
    return scale * _straight_through(steps.clamp(low, high), steps.round())


for _name, _cut in (
    ("only_the_upper_limit", lambda steps, low, high: steps.clamp(max=high)),
    ("only_the_lower_limit", lambda steps, low, high: steps.clamp(min=low)),
    ("from_zero_on", lambda steps, low, high: steps.clamp(0, high)),
    ("as_far_below_as_above", lambda steps, low, high: steps.clamp(-high, high)),
    ("last_integer_left_out", lambda steps, low, high: steps.clamp(low, high - 1)),
):

    def _cut_elsewhere(x, scale, low, high, cut=_cut):
        inside = cut(x / scale, low, high)
        return scale * _straight_through(inside, inside.round())

    rounded.mistaken(_name, _cut_elsewhere)("""
    - Which is the smallest integer that comes out, and which the largest? Print both.
    - They are not `low` and `high`. Both belong to the grid, and each is a limit of its own.
    - Try low = -4 and high = 3 with numbers far beyond: -4 and 3 times the scale should come out.
""")
