"""One layer as a chain of smaller ones: the factors of its weight, made into layers.

>>> layer = nn.Conv2d(32, 64, 3, padding=1)
>>> channel_svd(layer, rank=8)
Sequential(
  (0): Conv2d(32, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
  (1): Conv2d(8, 64, kernel_size=(1, 1), stride=(1, 1))
)
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.techniques import ranks
from course_lib.techniques.decompositions import Rank, decompose
from course_lib.techniques.ranks import Layer

# Which factor carries the window's rows, and which its columns: stride and padding go with them.
CARRIERS = {
    "channel_svd": (0, 0),
    "spatial": (0, 1),
    "tucker2": (1, 1),
    "cp": (1, 2),
    "depthwise_separable": (0, 0),
}


def svd(linear: nn.Linear, rank: int) -> nn.Sequential:
    """A linear layer to `rank` features and one from there: the truncated SVD of its weight.

    >>> svd(nn.Linear(800, 500), rank=100)
    Sequential(
      (0): Linear(in_features=800, out_features=100, bias=False)
      (1): Linear(in_features=100, out_features=500, bias=True)
    )
    """
    return cutter(linear, "svd")(rank)


def channel_svd(conv: nn.Conv2d, rank: int) -> nn.Sequential:
    """The whole window to `rank` channels, then 1x1 to all (Denil et al. 2013; Zhang et al. 2016).

    Every filter becomes a mixture of `rank` shared ones.
    """
    return cutter(conv, "channel_svd")(rank)


def spatial(conv: nn.Conv2d, rank: int) -> nn.Sequential:
    """The window's columns to `rank` channels, then its rows (Jaderberg et al. 2014, scheme 2)."""
    return cutter(conv, "spatial")(rank)


def tucker2(conv: nn.Conv2d, rank: tuple[int, int]) -> nn.Sequential:
    """1x1 to rank[0] channels, the window to rank[1], 1x1 to all (Kim et al. 2016, section 3)."""
    return cutter(conv, "tucker2")(rank)


def cp(conv: nn.Conv2d, rank: int) -> nn.Sequential:
    """1x1 to `rank` channels, a column and a row for each, 1x1 (Lebedev et al. 2015, section 3).

    Fitted by alternating least squares, which takes seconds for a large layer.
    """
    return cutter(conv, "cp")(rank)


def depthwise_separable(conv: nn.Conv2d, rank: int = 1) -> nn.Sequential:
    """`rank` windows for each input channel alone, then 1x1: with rank 1, MobileNet's layer.

    The closest one of that form; with as many windows as a window has weights it is exact
    (Guo et al. 2018, section 3).
    """
    return cutter(conv, "depthwise_separable")(rank)


def cutter(
    layer: Layer, method: str, answers: Tensor | None = None
) -> Callable[[Rank], nn.Sequential]:
    """Take the layer apart once; what is returned gives its factors for any rank.

    rank: a whole number from 1 to the full rank; for tucker2 a pair, of inputs and outputs.
    Stride, padding, dilation, bias, device, data type, and whether it is frozen, stay as they
    are. answers: the layer's entry in `answers`, for svd and channel_svd: then what it answers
    comes as close as it can, not what it weighs.
    Raises ValueError for a layer that the method is not for, and for NaN weights.

    >>> cut = cutter(nn.Conv2d(64, 64, 3), "spatial")
    >>> [cut(rank)[0].out_channels for rank in (1, 8, 64)]
    [1, 8, 64]
    """
    ranks.check(layer, method)
    apart = decompose(layer.weight, method, answers)
    return lambda rank: sequence(layer, method, apart.cut(ranks.check(layer, method, rank)))


def sequence(layer: Layer, method: str, weights: Sequence[Tensor]) -> nn.Sequential:
    """Layers with these weights, one after the other; the bias stands in the last."""
    factors: list[Layer] = []
    channels = layer.weight.shape[1]
    for number, weight in enumerate(weights):
        factor = _empty(layer, method, number, channels, weight.shape)
        weight = weight.to(layer.weight).contiguous()
        factor.weight = nn.Parameter(weight, requires_grad=layer.weight.requires_grad)
        factors.append(factor)
        channels = weight.shape[0]
    if layer.bias is not None:
        bias = layer.bias.detach().clone()
        factors[-1].bias = nn.Parameter(bias, requires_grad=layer.bias.requires_grad)
    return nn.Sequential(*factors).train(layer.training)


def _empty(layer: Layer, method: str, number: int, channels: int, shape: Sequence[int]) -> Layer:
    """The factor of this number, to take a weight of this shape; no random number is drawn."""
    if isinstance(layer, nn.Linear):
        return nn.Linear(channels, shape[0], bias=False, device="meta")
    carries = [carrier == number for carrier in CARRIERS[method]]

    def own(values: Any, neutral: int) -> Any:
        return tuple(v if here else neutral for v, here in zip(values, carries, strict=True))

    return nn.Conv2d(
        channels,
        shape[0],
        (shape[2], shape[3]),
        stride=own(layer.stride, 1),
        padding=layer.padding if isinstance(layer.padding, str) else own(layer.padding, 0),
        dilation=own(layer.dilation, 1),
        groups=channels // shape[1],
        bias=False,
        padding_mode=layer.padding_mode,
        device="meta",
    )


def rebuilt(factors: nn.Sequential) -> Tensor:
    """The weight of the one layer that does what these factors do, as `nn.Conv2d` stores it.

    >>> layer = nn.Conv2d(3, 8, 3)
    >>> torch.dist(rebuilt(tucker2(layer, (3, 8))), layer.weight).item() < 1e-5
    True
    """
    whole, *weights = [_dense(factor) for factor in factors]
    for weight in weights:  # along each side of the window, one of the two is 1 wide
        whole = torch.einsum("nm...,mc...->nc...", weight, whole)
    return whole


def _dense(factor: nn.Module) -> Tensor:
    """The factor's weight as if it had one group: zero between what is kept apart."""
    assert isinstance(factor, Layer)
    weight, groups = factor.weight.detach(), getattr(factor, "groups", 1)
    outputs, inputs, *window = weight.shape
    dense = weight.new_zeros(groups, outputs // groups, groups, inputs, *window)
    dense[range(groups), :, range(groups)] = weight.unflatten(0, (groups, -1))
    return dense.flatten(2, 3).flatten(0, 1)


def kept_energy(layer: Layer, factors: nn.Sequential) -> float:
    """The share of the weight's energy (its sum of squares) that the factors keep, in [0, 1]."""
    weight = layer.weight.detach().double()
    lost = (weight - rebuilt(factors).double()).square().sum() / weight.square().sum()
    return 1 - float(lost.nan_to_num(0.0))
