"""Checks of exercise 04: bytes, grids that are shifted, grouped or cut off, bits for each layer."""

import math
from typing import Any

import torch
from torch import Tensor

from .. import models, quantization, surgery
from .budget import Budget
from .prediction import Prediction
from .task import task

CHAPTER = "04_quantization"


def _between(random: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(1, generator=random))


# 1. How many bytes?


def _layers(random: torch.Generator, case: int) -> tuple:
    shape = [2 * int(_between(random, low, high)) + 1 for low, high in ((5, 60), (3, 30))]
    return (*shape, 3, 3) if case % 2 else tuple(shape), (3, 4, 5, 8)[case // 2 % 4]


@task(CHAPTER, draw=_layers)
def layer_bytes(shape, bits):
    """What lies beside the integers counts: in a layer of 100 inputs, 4 bits each, it is an eighth.

    Whoever leaves it out reports files that nobody can open.
    """
    return math.ceil(math.prod(shape) * bits / 8) + 8 * shape[0]


@layer_bytes.mistake
def in_bits(shape, bits):
    """Your number is in another unit than the one asked for.

    A byte has 8 bits.

    Divide the bits of all weights by 8 and round up: a file has no half bytes. Then add what is
    stored beside them.
    """
    return math.prod(shape) * bits


@layer_bytes.mistake
def integers_alone(shape, bits):
    """The integers are there. Can anyone make weights of them, with nothing beside?

    What does each output channel need besides its integers?

    Each output channel has a scale, and a bias: float32 numbers, of 4 bytes each.
    """
    return math.ceil(math.prod(shape) * bits / 8)


@layer_bytes.mistake
def scales_without_biases(shape, bits):
    """Each output channel has two numbers beside its weights. You counted one.

    There is a scale for each output channel, and a bias.

    Scales and biases: both are float32, and there are as many of each as output channels.
    """
    return math.ceil(math.prod(shape) * bits / 8) + 4 * shape[0]


@layer_bytes.mistake
def one_scale(shape, bits):
    """How many scales are there? Read the task again.

    You counted one scale for the whole layer: per tensor. Asked for is per channel.

    There are as many scales as output channels, which is the first number of the shape.
    """
    return math.ceil(math.prod(shape) * bits / 8) + 4 + 4 * shape[0]


@layer_bytes.mistake
def along_the_inputs(shape, bits):
    """Which number of the shape counts the output channels?

    PyTorch stores (outputs, inputs, height, width). You counted scales along the inputs.

    Scales and biases go with the outputs: the first number of the shape, not the second.
    """
    return math.ceil(math.prod(shape) * bits / 8) + 8 * shape[1]


@layer_bytes.mistake
def rounded_down(shape, bits):
    """Sometimes right, sometimes one too few: what happens to the last bits?

    If the bits do not fill the last byte, the byte is there all the same.

    `//` and `int` round down. The bytes of a file are rounded up: `math.ceil`.
    """
    return math.prod(shape) * bits // 8 + 8 * shape[0]


@layer_bytes.mistake
def half_bytes(shape, bits):
    """A file of half a byte?

    Your result is not whole. The last byte is there even if it is not full.

    Round the bytes of the weights up, with `math.ceil`, before you add the others.
    """
    return math.prod(shape) * bits / 8 + 8 * shape[0]


# 2. A grid with a zero point


def _ranges(random: torch.Generator, case: int) -> tuple:
    low, high = (
        (_between(random, -5.0, -0.2), _between(random, 6.0, 9.0)),  # unlike on both sides
        (_between(random, 1.0, 2.0), _between(random, 4.0, 5.0)),  # all positive
        (_between(random, -8.0, -7.0), _between(random, -2.0, -1.0)),  # all negative
        (0.0, _between(random, 1.0, 3.0)),  # behind a ReLU
    )[case % 4]
    return low, high, (8, 4, 6, 3)[case // 4 % 4]


@task(CHAPTER, draw=_ranges, borrowed=("scale_and_zero_point", "calibrate"), cases=48)
def affine(low, high, bits):
    """This is what every engine does with what flows through a network.

    Behind a ReLU a shifted grid has twice the steps of a symmetric one, for the same bits.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / (2**bits - 1)
    return scale, round(-low / scale)


@affine.mistake
def symmetric(low, high, bits):
    """Your scale uses the largest value alone. If the range is lopsided, which integers lie idle?

    That is the symmetric grid of the chapter: its zero point is always 0. Here the grid is shifted,
    so that it begins at `low` and ends at `high`.

    The integers run from 0 to 2**bits - 1. `low` becomes the first and `high` the last: what is
    the step, and which integer does 0.0 fall on?
    """
    return max(abs(low), abs(high)) / (2 ** (bits - 1) - 1), 0


@affine.mistake
def zero_left_out(low, high, bits):
    """Try a range from 2 to 5. Which integer stands for 0.0 then, and is it one of yours?

    A range without zero gets a zero point that is no integer of the grid. Padding is made of
    zeros: they must be there.

    Widen the range until it holds 0.0, before you compute anything from it.
    """
    scale = (high - low) / (2**bits - 1)
    return scale, round(-low / scale)


@affine.mistake
def as_many_steps_as_integers(low, high, bits):
    """Count the fence posts, and the gaps between them.

    There are 2**bits integers. How many steps are there from the first to the last?

    With 2 bits there are the integers 0, 1, 2, 3: three steps. It is always one less.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 2**bits
    return scale, round(-low / scale)


@affine.mistake
def zero_point_not_whole(low, high, bits):
    """Is your zero point a whole number?

    The zero point takes the place of 0.0 in the grid, and the grid holds integers only.

    Round the zero point, so that 0.0 is hit exactly.
    """
    scale, _ = affine.right(low, high, bits)
    return scale, -min(low, 0.0) / scale


@affine.mistake
def sign_of_the_zero_point(low, high, bits):
    """Put `low` through your grid by hand: which integer comes out?

    The scale is right. The integer of a value is round(value / scale) + zero_point, and `low` is
    to come out as 0.

    The sign of your zero point is turned around: where `low` is negative, the integers move up.
    """
    scale, zero_point = affine.right(low, high, bits)
    return scale, -zero_point


@affine.mistake
def cut_off(low, high, bits):
    """Sometimes right, sometimes one too small: how do you round?

    `int` cuts off. Is 2.9 nearer to 2 or to 3?

    The nearest integer is wanted: `round`.
    """
    scale, _ = affine.right(low, high, bits)
    return scale, int(-min(low, 0.0) / scale)


@affine.mistake
def floored(low, high, bits):
    """Sometimes right, sometimes one too small: what does `//` do?

    `//` rounds down, and 0.3 // 0.1 is 2.0 besides. Is 2.9 nearer to 2 or to 3?

    The nearest integer is wanted: `round` the quotient of `/`.
    """
    scale, _ = affine.right(low, high, bits)
    return scale, int(-min(low, 0.0) // scale)


@affine.mistake
def with_a_sign(low, high, bits):
    """Which integers were asked for: with a sign, or without?

    Your grid starts at -2**(bits - 1). Asked for is one that starts at 0.

    Without a sign `low` becomes 0, so nothing is to be taken away from the zero point.
    """
    scale, zero_point = affine.right(low, high, bits)
    return scale, zero_point - 2 ** (bits - 1)


# 3. Find the bugs: a scale for each group of weights


def _grouped(random: torch.Generator, case: int) -> tuple:
    group = (4, 8, 16, 2)[case % 4]
    weights = torch.randn(6, group * (3 + case), generator=random)
    weights *= torch.rand(6, 1, generator=random).mul(4).exp()
    weights[:, ::group] *= 3  # scales differ from group to group
    if case % 4 == 3:
        weights[0, :group] = 0
    return weights, (4, 3, 5, 4)[case % 4], group


def _in_parts(parts: Tensor, like: Tensor, levels: int, absolute: bool = True) -> Tensor:
    largest = (parts.abs() if absolute else parts).amax(1, keepdim=True)
    scale = torch.where(largest == 0, torch.ones_like(largest), largest) / levels
    return (scale * (parts / scale).round()).reshape(like.shape)


@task(
    CHAPTER,
    draw=_grouped,
    borrowed=("quantize_weights", "integer_weights", "scale_and_zero_point", "fake_quantize"),
)
def round_in_groups(weights, bits, group):
    """Groups of 32 to 128 weights with a scale each are how language models are stored in 4 bits.

    An outlier spoils its group alone, and a scale of 16 bits for 32 weights costs half a bit each.
    """
    return _in_parts(weights.reshape(-1, group), weights, 2 ** (bits - 1) - 1)


@round_in_groups.mistake
def as_given(weights, bits, group):
    """How many numbers share a scale? Print the shape of `parts`.

    `reshape(group, -1)` makes `group` rows. How many numbers does each row hold then?

    Each row of `parts` is to hold `group` numbers. The second mistake shows with a group whose
    largest weight, by size, is negative; the third with a group of zeros.
    """
    parts = weights.reshape(group, -1)
    return _in_parts(parts, weights, 2 ** (bits - 1) - 1, absolute=False)


@round_in_groups.mistake
def so_many_groups(weights, bits, group):
    """Signs are minded now. How many numbers share a scale? Print the shape of `parts`.

    `reshape(group, -1)` makes `group` rows. How many numbers does each row hold then?

    Each row of `parts` is to hold `group` numbers: the -1 stands at the wrong place.
    """
    return _in_parts(weights.reshape(group, -1), weights, 2 ** (bits - 1) - 1)


@round_in_groups.mistake
def largest_with_its_sign(weights, bits, group):
    """The groups are right now. Try one of [-4, 1, 1, 1].

    In a group of [-4, 1, 1, 1] your scale comes from the 1. What becomes of the -4?

    The scale comes from the largest *magnitude*: signs aside.
    """
    parts = weights.reshape(-1, group)
    return _in_parts(parts, weights, 2 ** (bits - 1) - 1, absolute=False)


@round_in_groups.mistake
def down_the_columns(weights, bits, group):
    """Which weights follow each other in a row, and are used together?

    Your groups run down the columns, over several outputs. Asked for: along each row.

    No transposing: a group is `group` weights of one output, one after the other.
    """
    return _in_parts(weights.T.reshape(-1, group), weights.T, 2 ** (bits - 1) - 1).T


@round_in_groups.mistake
def a_scale_for_each_row(weights, bits, group):
    """Where does `group` come into your scales?

    You have one scale for each output: the chapter's way. Here each row is cut into groups, and
    each group has its own.

    Cut each row into pieces of `group` weights, then do to each piece what the chapter does to a
    row.
    """
    return _in_parts(weights, weights, 2 ** (bits - 1) - 1)


@round_in_groups.mistake
def twice_the_integers(weights, bits, group):
    """What is the largest integer with a sign?

    With 4 bits and a sign the integers end at 7. Yours end at 15.

    One bit is for the sign: the largest integer is 2**(bits - 1) - 1.
    """
    return _in_parts(weights.reshape(-1, group), weights, 2**bits - 1)


@round_in_groups.mistake
def zeros_forgotten(weights, bits, group):
    """What comes out for a group that is all zeros?

    A group of zeros has the scale 0, and 0 / 0 is not a number.

    Where the scale is 0 take any other, such as 1: the integers are zero all the same.
    """
    parts = weights.reshape(-1, group)
    scale = parts.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    return (scale * (parts / scale).round()).reshape(weights.shape)


# 4. One bit more


def _error_ratio() -> float:
    """Mean squared error of the original's weights at 5 bits, over that at 6."""
    network = quantization.fold_batch_norm(models.load_pretrained("leafnet_leaves"))
    errors = []
    for bits in (5, 6):
        rounded = quantization.quantize_weights(network, bits)
        squares = [
            (layer.weight - rounded.get_submodule(name).weight).detach().square().flatten()  # type: ignore[operator]
            for name, layer in surgery.layers(network).items()
        ]
        errors.append(torch.cat(squares).mean().item())
    return errors[0] / errors[1]


my_factor = Prediction(
    CHAPTER,
    "my_factor",
    "By which factor does the mean squared error fall, from 5 bits to 6?",
    low=1,
    high=100,
    measure=_error_ratio,
    why="Half the step (a little less: 15 steps to the largest weight become 31), squared. That is "
    "the rule of thumb of 6 decibels a bit.",
)


# 5. Rounding that knows its limits


def _with_gradient(result: Tensor, x: Tensor, *_settings: float) -> tuple[Tensor, Tensor]:
    """The outputs, and how they change with x: zeros where nothing flows back."""
    if not result.requires_grad:
        return result, torch.zeros_like(x)
    weights = torch.arange(1.0, 1 + result.numel())
    return result.detach(), torch.autograd.grad((result * weights).sum(), _leaf(result))[0]


def _leaf(result: Tensor) -> Tensor:
    """The one input that a result was computed from, found by going back through its graph."""
    waiting: list[Any] = [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if hasattr(node, "variable"):
            return node.variable
        waiting += [following for following, _ in getattr(node, "next_functions", ())]
    return result


def _to_round(random: torch.Generator, case: int) -> tuple:
    x = 2 * torch.randn(16, generator=random)
    limits = ((-8, 7), (0, 15), (-4, 3), (-1, 1))[case % 4]
    return (x.requires_grad_(), _between(random, 0.1, 0.3), *limits)


def _straight_through(exact: Tensor, wanted: Tensor) -> Tensor:
    return exact + (wanted - exact).detach()


@task(
    CHAPTER,
    draw=_to_round,
    observed=_with_gradient,
    borrowed=(
        "fake_quantize",
        "fake_quantize_per_tensor_affine",
        "fake_quantize_per_channel_affine",
    ),
)
def rounded(x, scale, low, high):
    """Networks in 2 or 3 bits are trained with just this.

    What is cut off gets no gradient, so the range matters: next, let the scale learn too.
    """
    inside = (x / scale).clamp(low, high)
    return scale * _straight_through(inside, inside.round())


@rounded.mistake
def without_limits(x, scale, low, high):
    """What becomes of a number that lies beyond the last integer?

    That is the chapter's line: it rounds, but its integers never end. Here they run from `low` to
    `high`.

    Cut off at `low` and `high` as well, where autograd sees it: what is cut off gets no gradient.
    """
    return scale * _straight_through(x / scale, (x / scale).round())


@rounded.mistake
def limits_unseen_by_autograd(x, scale, low, high):
    """The numbers are right, the gradients are not. Who should still learn beyond the limits?

    A number beyond `high` comes out as `high`, whether it grows or shrinks. Yours has a gradient of
    1 there.

    The clamp is inside of `detach()`, where autograd does not see it. Clip outside, round inside.
    """
    return scale * _straight_through(x / scale, (x / scale).round().clamp(low, high))


@rounded.mistake
def no_gradient(x, scale, low, high):
    """The numbers are right. Does anything learn from them? Look at the gradient.

    `round` is flat nearly everywhere, so its gradient is zero; behind `detach()` there is none at
    all.

    The straight-through trick: only the *difference* that rounding makes is detached, and added to
    what was not rounded.
    """
    return scale * (x / scale).round().clamp(low, high)


@rounded.mistake
def left_as_integers(x, scale, low, high):
    """In which unit is your result: integers, or the unit of x?

    You return integers. The next layer wants numbers of the size of x.

    Multiply by the scale at the end.
    """
    inside = (x / scale).clamp(low, high)
    return _straight_through(inside, inside.round())


@rounded.mistake
def limits_in_the_wrong_unit(x, scale, low, high):
    """`low` and `high` are integers. What do you compare them with?

    You clip x itself, but the limits are those of x / scale.

    First divide by the scale, then clip, then round.
    """
    inside = x.clamp(low, high) / scale
    return scale * _straight_through(inside, inside.round())


# 6. Bits for each layer

few_bits = Budget(
    CHAPTER,
    "few_bits",
    most_bytes=330_000,
    accuracy=0.97,
    test_accuracy=0.965,
    why="Bits are money: spend them where they buy accuracy. That is how mixed precision is chosen "
    "for large networks too, layer by layer, by sensitivity.",
    hints=(
        "Which layer lost most of it? Round one at a time and look.",
        "A layer in 2 bits loses more than two layers in 3. And where do 3 bits save most?",
        "Sort the layers by what 3 bits save in each (its weights), and by what that costs in "
        "accuracy. Begin where much is saved and little is lost; stop when the bytes fit.",
    ),
)
