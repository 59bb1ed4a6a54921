"""Bugs to find: weights rounded to a grid of few bits, with a scale for each group of them."""

import torch

from ..task import task


def _grouped(random: torch.Generator, case: int) -> tuple:
    group = (4, 8, 16, 2)[case % 4]
    weights = torch.randn(6, group * (3 + case), generator=random)
    weights *= torch.rand(6, 1, generator=random).mul(4).exp()
    weights[:, ::group] *= 3  # scales differ from group to group
    if case % 4 == 3:
        weights[0, :group] = 0
    return weights, (4, 3, 5, 4)[case % 4], group


@task(
    "04_quantization",
    draw=_grouped,
    borrowed=("quantize_weights", "integer_weights", "scale_and_zero_point", "fake_quantize"),
)
def round_in_groups(weights, bits, group, *, size=torch.abs, signs=1):
    """Groups of 32 to 128 weights with a scale each are how language models are stored in 4 bits.

    An outlier spoils its group alone, and a scale of 16 bits for 32 weights costs half a bit each.
    """
    parts = weights.reshape(-1, group)
    largest = size(parts).amax(1, keepdim=True)
    largest = torch.where(largest == 0, torch.ones_like(largest), largest)
    scale = largest / (2 ** (bits - signs) - 1)
    return (scale * (parts / scale).round()).reshape(weights.shape)


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

round_in_groups.mistaken("largest_with_its_sign", size=lambda parts: parts)("""
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
