"""Task 3 of exercise 06, find the bugs: rows first."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..inputs import whole
from ..task import task


def _windows(random: torch.Generator, case: int) -> tuple:
    high, wide = ((3, 3), (3, 5))[case // 4 % 2]
    inputs, outputs = whole(random, 4, 6), whole(random, 7, 9)
    stride = (1, 1, 2, (2, 1), 1, 1, (1, 2), 2)[case % 8]  # down and along are not always alike
    conv = nn.Conv2d(
        inputs, outputs, (high, wide), stride, (high // 2, wide // 2), bias=case % 2 == 0
    )
    terms = min(outputs * high, inputs * wide)
    left, right = (
        torch.linalg.qr(torch.randn(size, terms, generator=random))[0]
        for size in (outputs * high, inputs * wide)
    )
    table = 3 * left * 0.8 ** torch.arange(terms) @ right.T  # no two strengths are alike
    conv.weight.data = table.reshape(outputs, high, inputs, wide).transpose(1, 2).contiguous()
    if conv.bias is not None:
        conv.bias.data = torch.randn(outputs, generator=random)
    return conv, whole(random, 3, 5)


def _on_an_image(result: Any, conv: nn.Conv2d, rank: int) -> dict[str, Tensor]:
    """The channels and the window of each layer, and what they say to an image."""
    if isinstance(result, tuple | list) and all(isinstance(part, nn.Module) for part in result):
        result = nn.Sequential(*result)
    if not isinstance(result, nn.Module):
        raise TypeError(f"a network of two layers was asked for, this is {result!r:.40}")
    weights = [weight for weight in result.parameters() if weight.dim() == 4]
    image = torch.randn(2, conv.in_channels, 12, 10, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        said = result.to(image.dtype)(image)
    drawn = _drawn_by_chance(result, conv)
    return {
        "the channels and windows of its layers": torch.tensor(
            [[len(weight), *weight.shape[2:]] for weight in weights]
        ),
        "its biases": torch.tensor(drawn),
        "what it says to an image": torch.zeros(()) if drawn else said,
    }


def _drawn_by_chance(pair: nn.Module, conv: nn.Conv2d) -> bool:
    """Has it a bias that is neither zero nor the layer's? Then its numbers are chance."""
    layers = [layer for layer in pair.modules() if isinstance(layer, nn.Conv2d)]
    kept = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias
    return any(
        bool(layer.bias.any()) and not (last and torch.allclose(layer.bias.float(), kept))
        for layer in layers
        for last in [layer is layers[-1]]
        if layer.bias is not None
    )


def _both(*whole: int) -> tuple:
    """All of a stride, or of a padding, for both factors."""
    return whole, whole


def _split(
    conv: nn.Conv2d,
    rank: int,
    sides: tuple = (0, 2, 1, 3),  # the weight's, in which order they make the table
    biased: bool = True,
    strides: Callable = lambda down, along: ((1, along), (down, 1)),
    paddings: Callable = lambda top, beside: ((0, beside), (top, 0)),
    mixed: bool = False,  # the second factor's sides are not moved back
    power: float = 1,  # of the strengths
    between: Sequence[nn.Module] = (),
    last: bool = False,  # the weakest ranks, not the strongest
) -> nn.Sequential:
    outputs, inputs, high, wide = conv.weight.shape
    table = conv.weight.detach().permute(sides).reshape(outputs * high, inputs * wide)
    left, strength, right = torch.linalg.svd(table.double(), full_matrices=False)
    if last:
        left, strength, right = left.flip(1), strength.flip(0), right.flip(0)
    stride, padding = strides(*conv.stride), paddings(*conv.padding)
    first = nn.Conv2d(inputs, rank, (1, wide), stride[0], padding[0], bias=False)
    biased = biased and conv.bias is not None
    second = nn.Conv2d(rank, outputs, (high, 1), stride[1], padding[1], bias=biased)
    first.weight.data = right[:rank].reshape(rank, inputs, 1, wide).float()
    mixture = (left[:, :rank] * strength[:rank] ** power).float()
    second.weight.data = (
        mixture.reshape(outputs, rank, high, 1)
        if mixed
        else mixture.reshape(outputs, high, rank).transpose(1, 2)[..., None].contiguous()
    )
    if biased:
        assert second.bias is not None
        assert conv.bias is not None
        second.bias.data = conv.bias.detach().clone()
    return nn.Sequential(first, *between, second)


@task(
    "06_low_rank",
    draw=_windows,
    observed=_on_an_image,
    borrowed=("spatial", "channel_svd", "cutter", "chain", "decompose", "factor", "tucker2"),
)
def rows_first(conv, rank):
    """Which side goes first is free; stride, padding and bias each go with one factor.

    A mistake in one of these shows only in a layer that has it. Test with such a layer.
    """
    return _split(conv, rank)


rows_first.mistaken("as_given", _split, sides=(0, 1, 2, 3), biased=False, strides=_both)("""
    - Take a rank so large that nothing is lost. Does the pair answer as the layer does?
    - It does not: look at which weights stand in one row of `table`. A reshape moves no number.
    - A row is to hold all weights of one output and one row of the window. The second mistake shows
      in layers with a bias, the third in layers with a stride.
""")

rows_first.mistaken("table_and_bias", _split, sides=(0, 1, 2, 3), biased=False)("""
    - The stride is right now. Does the pair answer as the layer does at full rank?
    - Look at which weights stand in one row of `table`: a reshape moves no number. And what does
      the layer add at the end?
    - A row is to hold all weights of one output and one row of the window. The other mistake shows
      in layers with a bias.
""")

rows_first.mistaken("table_and_stride", _split, sides=(0, 1, 2, 3), strides=_both)("""
    - The bias is right now. Does the pair answer as the layer does at full rank?
    - Look at which weights stand in one row of `table`: a reshape moves no number. And print the
      shape of what comes out, for a stride of 2.
    - A row is to hold all weights of one output and one row of the window. The other mistake shows
      in layers with a stride.
""")

rows_first.mistaken("bias_and_stride", _split, biased=False, strides=_both)("""
    - The table is right now. Which kinds of layer have you tried?
    - Layers without bias and stride are right. Two mistakes are left, one for each of these.
    - What does the layer add at the end? And how often is a picture halved that goes through both?
""")

rows_first.mistaken("wrong_rows_in_the_table", _split, sides=(0, 1, 2, 3))("""
    - Take a rank so large that nothing is lost. Does the pair answer as the layer does?
    - It does not. Which weights stand in one row of `table`? A reshape moves no number.
    - A row is to hold all weights of one output and one row of the window, but in the weight the
      inputs come between these two sides.
""")

rows_first.mistaken("bias_forgotten", _split, biased=False)("""
    - Which kinds of layer have you tried?
    - Layers without a bias are right now. What do the others add?
    - The bias is added once, to what comes out of the last factor.
""")

rows_first.mistaken("stride_in_both", _split, strides=_both)("""
    - Layers with a stride of 1 are right. What is the shape of your output with 2?
    - Both factors move by the whole stride, so the picture is halved twice.
    - The first factor moves along the rows, the second down the columns: each has its own part of
      the stride. The padding beside it shows how.
""")

rows_first.mistaken("stride_in_the_first", _split, strides=lambda *whole: (whole, 1))("""
    - Layers with a stride of 1 are right. With 2 the shape is right, the numbers are not: why?
    - The first factor leaves out rows that the second one needs.
    - Rows may be left out only by the factor that looks down the columns, which is the second.
""")

rows_first.mistaken("padding_in_both", _split, paddings=_both)("""
    - What is the shape of your output, beside that of the layer?
    - The picture grows: zeros are put around it twice.
    - A factor of height 1 needs no zeros above and below, one of width 1 none at its sides.
""")

rows_first.mistaken("mixture_not_moved", _split, mixed=True)("""
    - The first factor is right. In which order are the sides of `mixture`?
    - Its rows are outputs times rows of the window; its columns are the ranks. The layer wants
      (outputs, ranks, height, 1).
    - A reshape moves no number. Split the rows first, then move the side of the ranks.
""")

rows_first.mistaken("strengths_forgotten", _split, power=0)("""
    - How strong is each of the shared filters?
    - The SVD gives three things. Where is the middle one?
    - The strengths go into one of the factors, or their root into both.
""")

rows_first.mistaken("strengths_twice", _split, power=2)("""
    - How strong is each of the shared filters?
    - Multiply your two factors: the strengths are in there twice.
    - The strengths go into one of the factors, or their root into both.
""")


rows_first.mistaken("strengths_half", _split, power=0.5)("""
    - How strong is each of the shared filters?
    - The root of the strengths is in one factor. Multiply both factors: what is missing?
    - The strengths go into one of the factors, or their root into *both*.
""")

rows_first.mistaken("weakest_ranks", _split, last=True)("""
    - Which of the terms do you keep?
    - The SVD gives the strongest first. You keep those at the end.
    - Look at the strengths of what you keep, beside the others.
""")

rows_first.mistaken(
    "stride_exchanged", _split, strides=lambda down, along: ((1, down), (along, 1))
)("""
    - Often right. Is a stride always the same down and along?
    - With a stride of (2, 1) your output has another shape than the layer's.
    - A setting of two numbers gives the height first, then the width: which of them does a layer
      use that looks along the rows?
""")

rows_first.mistaken("stride_lost", _split, strides=lambda *whole: (1, 1))("""
    - Layers with a stride of 1 are right. What is the shape of your output with 2?
    - Neither of your layers moves by the stride, so nothing is left out.
    - The first factor moves along the rows, the second down the columns: each has its own part of
      the stride.
""")

rows_first.mistaken("padding_forgotten", _split, paddings=lambda *whole: (0, 0))("""
    - What is the shape of your output, beside that of the layer?
    - The picture shrinks: no zeros are put around it.
    - The zeros beside it belong to the factor that looks along the rows, those above and below to
      the other.
""")

rows_first.mistaken("height_before_outputs", _split, sides=(2, 0, 1, 3))("""
    - Take a rank so large that nothing is lost. Does the pair answer as the layer does?
    - The rows of your table are the right ones, in another order than the one in which you read
      the mixture off.
    - The mixture is read as (outputs, height, rank). In which order do the rows of the table run?
""")

rows_first.mistaken("width_before_inputs", _split, sides=(0, 2, 3, 1))("""
    - Take a rank so large that nothing is lost. Does the pair answer as the layer does?
    - The rows of your table hold the right numbers, in another order than the one in which you read
      the shared filters off.
    - A shared filter is read as (inputs, 1, width). In which order do the columns of the table run?
""")

rows_first.mistaken("width_in_the_rows", _split, sides=(0, 3, 2, 1))("""
    - Which sides of the weight change places in your table?
    - `transpose` exchanges two sides. You moved the width next to the outputs, not the height.
    - A row of the table is an output and a row of the window: outputs and height come first.
""")

rows_first.mistaken("relu_between", _split, between=[nn.ReLU()])("""
    - What stands between your two layers?
    - A ReLU cuts off what is negative. Then two layers are no longer a product.
    - The chapter's quiz asks why no ReLU stands there.
""")


@rows_first.mistake
def bias_drawn_by_chance(conv, rank):
    """
    - Call your function twice with the same layer. Do both pairs say the same?
    - `nn.Conv2d` makes a bias of its own, drawn by chance, unless it is told not to. Which of your
      two layers has one, and where do its numbers come from?
    - The first layer needs none. The second has the layer's, copied, or none if the layer has none.
    """
    pair = _split(conv, rank)
    pair[0].bias = nn.Parameter(torch.ones(rank))
    return pair


@rows_first.mistake
def rank_not_kept(conv, rank):
    """
    - How many channels come out of your first layer?
    - You keep all ranks: nothing is lost, and nothing is saved.
    - Of the three parts that the SVD gives, `rank` cuts each.
    """
    return _split(conv, min(conv.weight.shape[0] * conv.weight.shape[2],
                            conv.weight.shape[1] * conv.weight.shape[3]))  # fmt: skip


@rows_first.mistake
def columns_first(conv, rank):
    """
    - What are the windows of your two layers, and in which order were they asked for?
    - k x 1 and then 1 x k: that is the chapter's `spatial`. Here it is the other way round.
    - The first layer has a window of height 1. Then other sides of the weight belong together in
      the table.
    """
    # Any: a Conv2d's sides may be of any length, as far as types know.
    sides: Any = (conv.kernel_size[::-1], conv.stride[::-1], conv.padding[::-1])
    biased = conv.bias is not None
    turned: Any = nn.Conv2d(
        conv.in_channels, conv.out_channels, sides[0], sides[1], sides[2], bias=biased
    )
    turned.weight.data = conv.weight.detach().transpose(2, 3)
    if conv.bias is not None:
        turned.bias.data = conv.bias.detach()
    pair: Any = _split(turned, rank)
    for layer in pair:
        layer.weight.data = layer.weight.data.transpose(2, 3).contiguous()
        for setting in ("kernel_size", "stride", "padding"):
            setattr(layer, setting, getattr(layer, setting)[::-1])
        layer._reversed_padding_repeated_twice = [
            side for side in layer.padding[::-1] for _ in range(2)
        ]
    return pair
