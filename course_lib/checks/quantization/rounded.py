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
def rounded(x, scale, low, high, *, through=_straight_through):
    """Networks in 2 or 3 bits are trained with just this.

    What is cut off gets no gradient, so the range matters: next, let the scale learn too.
    """
    inside = (x / scale).clamp(low, high)
    return scale * through(inside, inside.round())


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
