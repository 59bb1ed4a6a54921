"""Which rank? What a layer's factors cost, what they keep, and where they stop paying.

Every `shape` is that of the layer's input for one image: (channels, height, width), or (features,)
for a linear layer. Without it, operations are counted at a single place: as many as weights.

>>> layer = nn.Conv2d(64, 64, 3, padding=1, bias=False)
>>> cost(layer, (64, 32, 32)).macs, cost(layer, (64, 32, 32), "spatial", rank=16).macs
(37748736, 6291456)
>>> largest_useful_rank(layer, "spatial", (64, 32, 32))
95
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from course_lib import arguments
from course_lib.networks import structure
from course_lib.techniques.decompositions import (
    METHODS,
    Rank,
    Values,
    check_rank,
    decompose,
    full_rank,
    shapes,
)

Layer = nn.Conv2d | nn.Linear
NO_VALUES = (
    "cp has no singular values: what a rank keeps is known once it is fitted, by "
    "kept_energy(layer, cp(layer, rank)); choose by rank= or macs="
)


# What can be factored


def why_not(layer: nn.Module, method: str) -> str:
    """Why this layer can't be factored by this method, in words; "" if it can."""
    kind = parametrize.type_before_parametrizations(layer)
    if kind not in structure.WEIGHTED:
        return f"a {kind.__name__} is no plain nn.Conv2d or nn.Linear"
    fitting = METHODS[:1] if kind is nn.Linear else METHODS[1:]
    if method not in fitting:
        return f"{method} is not for nn.{kind.__name__}; {', '.join(fitting)} would be"
    if getattr(layer, "groups", 1) > 1:
        return f"{layer.groups} groups: they share no computation that could be done once"
    return ""


def check_number(rank: Any) -> None:
    """Raise ValueError unless it could be the rank of some layer."""
    each = rank if isinstance(rank, tuple) and len(rank) == 2 else (rank,)
    if not all(isinstance(r, int) and not isinstance(r, bool) and r >= 1 for r in each):
        raise ValueError(
            f"rank must be a whole number of at least 1 (for tucker2 a pair of them); got {rank!r}"
        )


def check(layer: Layer, method: str, rank: Any = None) -> Any:
    """Return the rank, if this layer can be factored by this method to this rank; else raise.

    rank: from 1 to the full rank, at which nothing is lost; for tucker2 a pair of inputs and
    outputs. Raises ValueError that says what would be accepted, and for NaN weights.
    """
    arguments.one_of("method", method, METHODS)
    if reason := why_not(layer, method):
        raise ValueError(f"this layer can't be factored: {reason}")
    structure.check_weights(layer)
    return None if rank is None else check_rank(layer.weight.shape, method, rank)


# What it costs


class Cost(NamedTuple):
    """Parameters (weights and bias), and multiply-accumulates for one image."""

    parameters: int
    macs: int


def cost(
    layer: Layer,
    shape: Sequence[Any] | None = None,
    method: str | None = None,  # None: the layer as it is
    rank: Rank = 1,
) -> Cost:
    """What the layer costs, or its factors of this rank. Nothing is decomposed."""
    bias = 0 if layer.bias is None else layer.bias.numel()
    if method is None:
        weights = layer.weight.numel()
        return Cost(weights + bias, weights * places(layer, shape)[-1])
    weights, macs = _costs(layer, places(layer, shape), method, check(layer, method, rank))
    return Cost(weights + bias, macs)


def _costs(layer: Layer, where: tuple[int, int, int], method: str, rank: Any) -> tuple[Any, Any]:
    """Weights and MACs of the factors, of one rank or of many at once (tensors)."""
    before, between, after = where
    factors = {
        "svd": (after, after),
        "channel_svd": (after, after),
        "spatial": (between, after),
        "tucker2": (before, after, after),
        "cp": (before, between, after, after),
        "depthwise_separable": (after, after),
    }[method]
    ones = [math.prod(factor) for factor in shapes(layer.weight.shape, method, 1)]
    times = (rank[0], rank[0] * rank[1], rank[1]) if method == "tucker2" else [rank] * len(ones)
    weights = [one * each for one, each in zip(ones, times, strict=True)]
    return sum(weights), sum(w * p for w, p in zip(weights, factors, strict=True))


def places(layer: Layer, shape: Sequence[Any] | None = None) -> tuple[int, int, int]:
    """At how many places a factor is computed: before the stride, after that of the rows, after.

    >>> places(nn.Conv2d(3, 64, 3, stride=2, padding=1), (3, 64, 64))
    (4096, 2048, 1024)
    """
    if shape is None:
        return 1, 1, 1
    if isinstance(shape, list):  # one for each time that the layer is used
        each = [places(layer, once) for once in shape]
        return sum(e[0] for e in each), sum(e[1] for e in each), sum(e[2] for e in each)
    if isinstance(layer, nn.Linear):
        return (math.prod(shape[:-1]),) * 3
    high, wide = shape[1:]
    rows, columns = (_moves(layer, axis, side) for axis, side in enumerate((high, wide)))
    return high * wide, rows * wide, rows * columns


def _moves(conv: nn.Conv2d, axis: int, side: int) -> int:
    """How many positions the window takes along one side of the image."""
    if conv.padding == "same":
        return side
    padding = 0 if isinstance(conv.padding, str) else conv.padding[axis]
    reach = conv.dilation[axis] * (conv.kernel_size[axis] - 1) + 1
    return (side + 2 * padding - reach) // conv.stride[axis] + 1


# What it keeps


def singular_values(
    layer: Layer, method: str, answers: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """The singular values of the matrix that the method cuts, the largest first.

    A pair for tucker2: those of the inputs and those of the outputs. For depthwise_separable
    those of all input channels together. With answers (see `low_rank.answers`) those of the
    layer's answers. Raises ValueError for cp, which has none.
    """
    check(layer, method)
    if method == "cp":
        raise ValueError(NO_VALUES)
    values = decompose(layer.weight, method, answers).values
    assert values is not None
    return values


def energies(values: Tensor) -> Tensor:
    """The energy kept by rank 1, 2, ...: the share of the sum of the squared singular values.

    >>> energies(torch.tensor([2.0, 1.0, 1.0]))
    tensor([0.6667, 0.8333, 1.0000])
    """
    sums = values.square().cumsum(0)
    return (sums / sums[-1]).nan_to_num(1.0)  # a layer of zeros keeps all it has


def rank_for_energy(
    layer: Layer, method: str, energy: float, answers: Tensor | None = None
) -> Rank:
    """The smallest rank that keeps at least this share, in (0, 1], of the weight's energy.

    For tucker2, inputs and outputs may each lose half of what may be lost: together they then
    lose no more (De Lathauwer et al. 2000, A multilinear SVD, property 10).
    """
    return smallest_rank(singular_values(layer, method, answers), energy)


def smallest_rank(values: Values, energy: float) -> Rank:
    """The same, for singular values that are there already."""
    arguments.share("energy", energy, "0.9 keeps 90%", below_one=False)
    if energy == 0:
        raise ValueError("energy must be in (0, 1], got 0; 0.9 keeps 90%")
    if values is None:
        raise ValueError(NO_VALUES)
    if isinstance(values, tuple):
        into, out = (_smallest(each, 1 - (1 - energy) / 2) for each in values)
        return into, out
    return _smallest(values, energy)


def _smallest(values: Tensor, energy: float) -> int:
    short = energies(values) < energy - 1e-12
    return min(int(short.sum()) + 1, len(values))


# What pays


class Options(NamedTuple):
    """All ranks of a layer that pay: fewer MACs and fewer parameters than the layer has."""

    ranks: Tensor  # (options,), or (options, 2) for tucker2
    macs: Tensor  # (options,)
    loss: Tensor  # (options,): -log of the kept energy

    def rank(self, number: int) -> Rank:
        rank = self.ranks[number].tolist()
        return tuple(rank) if isinstance(rank, list) else rank


def options(layer: Layer, method: str, shape: Sequence[Any] | None, values: Values) -> Options:
    """Every rank that pays, with its price and its loss; see `share_out`.

    values: the layer's singular values. cp has none, and takes those of spatial: a sum of r of
    its terms is one of r spatial terms, too, so that they bound what it can keep.
    """
    if values is None:
        values = decompose(layer.weight, "spatial").values
    full = full_rank(layer.weight.shape, method)
    if isinstance(full, tuple):
        assert isinstance(values, tuple)
        into, out = (torch.arange(1, most + 1) for most in full)
        ranks = torch.cartesian_prod(into, out)
        kept = torch.cartesian_prod(energies(values[0]), energies(values[1])).prod(1)
        weights, macs = _costs(layer, places(layer, shape), method, ranks.unbind(1))
    else:
        assert isinstance(values, Tensor)
        ranks = torch.arange(1, full + 1)
        kept = torch.ones(full).to(values)
        kept[: len(values)] = energies(values)[:full]
        weights, macs = _costs(layer, places(layer, shape), method, ranks)
    pays = (weights < layer.weight.numel()) & (macs < cost(layer, shape).macs)
    return Options(ranks[pays], macs[pays], -kept[pays].log())


def largest_useful_rank(layer: Layer, method: str, shape: Sequence[Any] | None = None) -> Rank:
    """The largest rank whose factors have fewer parameters and fewer MACs than the layer.

    0 if not even rank 1 has. For tucker2 the pair that keeps most, of those that pay.
    """
    check(layer, method)
    values = decompose(layer.weight, method).values if method == "tucker2" else torch.ones(1)
    found = options(layer, method, shape, values)
    if not len(found.ranks):
        return 0
    return found.rank(int(found.loss.argmin()) if method == "tucker2" else -1)


def rank_for_budget(
    layer: Layer, method: str, macs: float, shape: Sequence[Any] | None = None
) -> Rank:
    """The rank that keeps most with at most this share, in (0, 1), of the layer's MACs.

    Raises ValueError, with the least share there is, if rank 1 needs more.
    """
    check(layer, method)
    values = decompose(layer.weight, method).values
    found = options(layer, method, shape, values)
    return share_out({"": (cost(layer, shape).macs, found)}, macs)[""]


def share_out(
    layers: Mapping[str, tuple[int, Options]], macs: float, others: int = 0
) -> dict[str, Rank]:
    """The ranks that together keep most with at most this share, in (0, 1), of all MACs.

    layers: name -> (its MACs, its options); others: MACs of what stays. Layers that are not
    named in the result stay whole. "Most" is the largest product of kept energies (Zhang et al.
    2016, section 3.4). From whole layers on, the step that loses least for each MAC saved is
    taken next, along the lower convex hull of each layer's (MACs, loss). What comes out is at
    most one step of one layer away from the best choice of all.
    """
    arguments.share("macs", macs, "0.2 leaves a fifth of the multiply-accumulates")
    total = left = others + sum(whole for whole, _ in layers.values())
    budget = macs * total
    steps = sorted(
        (slope, order, name, number, saved)
        for name, (whole, found) in layers.items()
        for order, (slope, number, saved) in enumerate(_hull(whole, found))
    )
    chosen: dict[str, int] = {}
    for _, _, name, number, saved in steps:
        if left <= budget:
            break
        chosen[name], left = number, left - saved
        if left <= budget:  # the last step may be longer than needed
            found = layers[name][1]
            fits = found.macs <= found.macs[number] + budget - left
            chosen[name] = int(found.loss.where(fits, math.inf).argmin())
    if left > budget:
        raise ValueError(
            f"macs={macs} is out of reach: the smallest ranks leave "
            f"{left / total:.3f} of the multiply-accumulates"
        )
    return {name: layers[name][1].rank(number) for name, number in chosen.items()}


def _hull(whole: int, found: Options) -> list[tuple[float, int, int]]:
    """Steps from the whole layer to ever fewer MACs: (loss for each MAC saved, option, MACs)."""
    steps, macs, loss = [], whole, 0.0
    while (found.macs < macs).any():
        slopes = (found.loss - loss) / (macs - found.macs)
        number = int(slopes.where(found.macs < macs, math.inf).argmin())
        steps.append((float(slopes[number]), number, macs - int(found.macs[number])))
        macs, loss = int(found.macs[number]), float(found.loss[number])
    return steps
