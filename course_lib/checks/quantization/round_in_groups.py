"""Bugs to find: weights rounded to a grid of few bits, with a scale for each group of them."""

import torch
from torch import Tensor

from ..task import task


def _grouped(random: torch.Generator, case: int) -> tuple:
    group = (4, 8, 16, 2)[case % 4]
    weights = torch.randn(6, group * (3 + case), generator=random)
    weights *= torch.rand(6, 1, generator=random).mul(4).exp()
    weights[:, ::group] *= 3  # scales differ from group to group
    if case % 4 == 3:
        weights[0, :group] = 0
    return weights, (4, 3, 5, 4)[case % 4], group


def _largest(parts: Tensor) -> Tensor:
    return parts.amax(1, keepdim=True)


@task(
    "04_quantization",
    draw=_grouped,
    borrowed=("quantize_weights", "integer_weights", "scale_and_zero_point", "fake_quantize"),
)
def round_in_groups(
    weights, bits, group, *, size=torch.abs, signs=1, end=-1, snap=torch.round, largest_of=_largest
):
    """Groups of 32 to 128 weights with a scale each are how language models are stored in 4 bits.

    An outlier spoils its group alone, and a scale of 16 bits for 32 weights costs half a bit each.
    """
    parts = weights.reshape(-1, group)
    largest = largest_of(size(parts))
    largest = torch.where(largest == 0, torch.ones_like(largest), largest)
    scale = largest / (2 ** (bits - signs) + end)
    return (scale * snap(parts / scale)).reshape(weights.shape)


def _so_many_groups(weights, bits, group, **changed):
    """`group` is taken for the number of groups."""
    return round_in_groups.right(weights, bits, weights.numel() // group, **changed)


round_in_groups.mistaken("as_given", _so_many_groups, size=lambda parts: parts)("""
    - How many numbers share a scale? Print the shape of `parts`.
    - `reshape(group, -1)` makes `group` rows. How many numbers does each row hold then?
    - Each row of `parts` is to hold `group` numbers. The second mistake shows with a group whose
      largest weight, by size, is negative; the third with a group of zeros.
""")

round_in_groups.mistaken("so_many_groups", _so_many_groups)("""
    - Signs are minded now. How many numbers share a scale? Print the shape of `parts`.
    - `reshape(group, -1)` makes `group` rows. How many numbers does each row hold then?
    - Each row of `parts` is to hold `group` numbers: the -1 stands at the wrong place.
""")

for _name, _largest_of in (
    ("largest_with_its_sign", _largest),
    ("largest_with_its_sign_above_zero", lambda parts: _largest(parts).clamp(min=1e-12)),
):
    round_in_groups.mistaken(_name, size=lambda parts: parts, largest_of=_largest_of)("""
    - The groups are right now. Try one of [-4, 1, 1, 1].
    - In a group of [-4, 1, 1, 1] your scale comes from the 1. What becomes of the -4?
    - The scale comes from the largest *magnitude*: signs aside.
""")


@round_in_groups.mistake
def down_the_columns(weights, bits, group):
    """
    - Which weights follow each other in a row, and are used together?
    - Your groups run down the columns, over several outputs. Asked for: along each row.
    - No transposing: a group is `group` weights of one output, one after the other.
    """
    return round_in_groups.right(weights.T, bits, group).T


@round_in_groups.mistake
def a_scale_for_each_row(weights, bits, group):
    """
    - Where does `group` come into your scales?
    - You have one scale for each output: the chapter's way. Here each row is cut into groups, and
      each group has its own.
    - Cut each row into pieces of `group` weights, then do to each piece what the chapter does to a
      row.
    """
    return round_in_groups.right(weights, bits, weights.shape[1])


for _name, _apart in (
    ("every_so_many", lambda parts: parts.transpose(1, 2)),
    ("every_so_many_rows", lambda parts: parts.flatten(1).T),
):

    def _scattered(weights, bits, group, turned=_apart):
        """Groups of weights that lie apart, not side by side."""
        shape = (
            (len(weights), group, -1) if turned(torch.ones(1, 2, 3)).ndim == 3 else (group, 1, -1)
        )
        places = turned(torch.arange(weights.numel()).reshape(shape)).flatten()
        made = round_in_groups.right(weights.flatten()[places].reshape(-1, group), bits, group)
        return (
            torch.empty_like(made)
            .flatten()
            .scatter(0, places, made.flatten())
            .reshape(weights.shape)
        )

    round_in_groups.mistaken(_name, _scattered)("""
    - Which weights share a scale with the first one of a row? Print their places.
    - Your groups have the right size, but their weights lie apart. They should follow each other.
    - Look at your `reshape`, and at the dimension over which the largest is taken.
""")


@round_in_groups.mistake
def over_the_wrong_dimension(weights, bits, group):
    """
    - How many scales do you have, and how many groups? Print both shapes.
    - The pieces are right, but each scale comes from one weight of every piece.
    - Look at `dim`: the largest is to be found within a piece.
    """
    parts = weights.reshape(-1, group)
    return round_in_groups.right(parts.T, bits, len(parts)).T.reshape(weights.shape)


@round_in_groups.mistake
def one_scale_for_all(weights, bits, group):
    """
    - Where does `group` come into your scales?
    - You have one scale for the whole layer. Each group is to have its own.
    - `amax` without `dim` is the largest of all: where are the pieces?
    """
    return round_in_groups.right(weights, bits, weights.numel())


for _name, _snap in (("cut_off", torch.trunc), ("rounded_down", torch.floor)):
    round_in_groups.mistaken(_name, snap=_snap)("""
    - Is 2.9 nearer to 2 or to 3? And in your function?
    - You cut off what follows the point, as `int`, `trunc` and `floor` do.
    - The nearest integer is wanted, as in the colleague's last line.
""")

round_in_groups.mistaken("not_rounded", snap=lambda parts: parts)("""
    - Compare what comes out with what went in.
    - Nothing has changed: you divide by the scale and multiply by it again.
    - Between the two something has to be rounded.
""")


@round_in_groups.mistake
def left_as_integers(weights, bits, group):
    """
    - In which unit is your result: integers, or the unit of the weights?
    - You return integers. Asked for are the rounded weights.
    - Multiply each group by its scale at the end, as the colleague does.
    """
    parts = weights.reshape(-1, group)
    scale = _largest(parts.abs()).clamp(min=1e-12) / (2 ** (bits - 1) - 1)
    return (parts / scale).round().reshape(weights.shape)


for _name, _end in (
    ("one_integer_too_many", lambda bits: 2 ** (bits - 1)),
    ("one_integer_too_many_cut_off", lambda bits: 2 ** (bits - 1) - 1),
):

    def _too_far(weights, bits, group, end=_end):
        """The largest weight becomes an integer that is not there; some then cut it off."""
        parts = weights.reshape(-1, group)
        scale = _largest(parts.abs()).clamp(min=1e-12) / 2 ** (bits - 1)
        integers = (parts / scale).round().clamp(-(2 ** (bits - 1)), end(bits))
        return (scale * integers).reshape(weights.shape)

    round_in_groups.mistaken(_name, _too_far)("""
    - With 3 bits and a sign, which integers are there on both sides of zero?
    - Yours would need one more than there are: 2**(bits - 1) itself is no integer of the grid.
    - Count with 3 bits: -3 to 3. Which formula gives the 3?
""")

round_in_groups.mistaken(
    "length_of_the_range",
    size=lambda parts: parts,
    signs=0,
    largest_of=lambda parts: _largest(parts) + _largest(-parts),
)("""
    - A group of [0, 1, 2, 4]: which integer does the 4 become, and is it one of yours?
    - Your scale comes from the smallest weight and the largest: that is how a shifted grid begins.
    - A symmetric grid has zero in its middle, and its scale comes from the largest magnitude.
""")

round_in_groups.mistaken(
    "mean_of_the_group", largest_of=lambda parts: parts.mean(1, keepdim=True)
)("""
    - Which integer does the largest weight of a group become?
    - Your scale comes from the mean of a group. Its largest weight then lies far beyond the grid.
    - The scale is such that the *largest* magnitude becomes the largest integer.
""")


@round_in_groups.mistake
def a_shifted_grid(weights, bits, group):
    """
    - Is 0.0 still 0.0 after your rounding?
    - Your grid begins at the smallest weight: that is the affine one. Asked for is a symmetric one.
    - No zero point, and nothing is added: a scale alone, from the largest magnitude.
    """
    parts = weights.reshape(-1, group)
    low = parts.amin(1, keepdim=True)
    scale = ((_largest(parts) - low) / (2**bits - 1)).clamp(min=1e-12)
    return (scale * ((parts - low) / scale).round() + low).reshape(weights.shape)


round_in_groups.mistaken("twice_the_integers", signs=0)("""
    - What is the largest integer with a sign?
    - With 4 bits and a sign the integers end at 7. Yours end at 15.
    - One bit is for the sign: the largest integer is 2**(bits - 1) - 1.
""")


@round_in_groups.mistake
def zeros_forgotten(weights, bits, group):
    """
    - What comes out for a group that is all zeros?
    - A group of zeros has the scale 0, and 0 / 0 is not a number.
    - Where the scale is 0 take any other, such as 1: the integers are zero all the same.
    """
    parts = weights.reshape(-1, group)
    scale = parts.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    return (scale * (parts / scale).round()).reshape(weights.shape)
