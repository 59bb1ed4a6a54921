"""Low rank: the filters of a layer ask similar questions. Ask what they share once, then mix.

>>> network = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 10, 1))
>>> print(plan(network, "channel_svd", (32, 16, 16), rank=8))
layer  method       rank  parameters          MACs                 energy kept
0      channel_svd  8     18 k → 2.9 k (16%)  4.7 M → 721 k (15%)  ...%
2      channel_svd  8     650 → 602 (93%)     164 k → 152 k (92%)  ...%
all                       19 k → 3.5 k (18%)  4.9 M → 872 k (18%)
>>> factor(network, "channel_svd", (32, 16, 16), rank=8)[0]
Sequential(
  (0): Conv2d(32, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
  (1): Conv2d(8, 64, kernel_size=(1, 1), stride=(1, 1))
)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from course_lib import arguments
from course_lib.images.image_data import Images
from course_lib.networks import counting, structure, training
from course_lib.techniques import ranks
from course_lib.techniques.decompositions import METHODS, Decomposition, Rank, decompose, full_rank
from course_lib.techniques.factors import (
    channel_svd,
    cp,
    cutter,
    depthwise_separable,
    kept_energy,
    rebuilt,
    sequence,
    spatial,
    svd,
    tucker2,
)
from course_lib.techniques.rank_plan import Plan, Row
from course_lib.techniques.ranks import (
    Cost,
    Layer,
    cost,
    largest_useful_rank,
    rank_for_budget,
    rank_for_energy,
    singular_values,
)

__all__ = [
    "METHODS", "Cost", "Plan", "Row", "answers", "channel_svd", "cost", "cp", "cutter",
    "depthwise_separable", "factor", "full_rank", "kept_energy", "largest_useful_rank", "plan",
    "rank_for_budget", "rank_for_energy", "rebuilt", "singular_values", "spatial", "svd",
    "tucker2",
]  # fmt: skip


def answers(network: nn.Module, images: Images, batch_size: int = 50) -> dict[str, Tensor]:
    """What each layer says to images: the mean of y y^T over images and places, y without bias.

    Returns {layer: (outputs, outputs)}, float64. Its eigenvectors are the directions in which the
    layer answers, its eigenvalues how much in each. images: training images, some hundred.
    Their mean counts, too: Zhang et al. 2016 take it away first and give it back as a bias, which
    costs a bias; a batch norm behind the layer takes it away in any case.
    """
    if not len(images):
        raise ValueError("answers needs images, got none; data.train.first(128) is enough of them")
    network = counting.still(network)
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}

    def note(name: str):
        def hook(layer: Any, _inputs: tuple, output: Tensor) -> None:
            said = output.movedim(1, -1) if isinstance(layer, nn.Conv2d) else output
            said = said.flatten(0, -2)
            if layer.bias is not None:
                said = said - layer.bias
            sums[name] = sums.get(name, 0) + (said.T @ said).double()
            counts[name] = counts.get(name, 0) + len(said)

        return hook

    for name, layer in structure.layers(network).items():
        layer.register_forward_hook(note(name))
    training.predict(network, images, batch_size)
    return {name: sums[name] / counts[name] for name in sums}


def plan(
    network: nn.Module,
    method: str,
    shape: Sequence[int],
    *,
    energy: float | None = None,
    rank: Rank | Mapping[str, Rank] | None = None,
    macs: float | None = None,
    layers: Iterable[str] | None = None,
    images: Images | None = None,
) -> Plan:
    """Which layers `factor` would factor, to which rank, and what that costs and keeps.

    method: for the convolutions, see `decompositions.decompose`; linear layers are always
    factored by SVD (and "svd" factors them alone). shape: of one image (channels, height, width).
    layers: only these. Give one of
      energy  the share, in (0, 1], of each layer's energy to keep at least
      rank    one for all, or {layer: rank} for these alone
      macs    the share, in (0, 1), of the network's MACs to leave at most, shared out so that the
              product of the kept energies is largest (see `ranks.share_out`)
    images: training images, some hundred, for channel_svd and svd: then energy is that of the
    layers' answers to them, and the answers, not the weights, come as close as they can.

    A layer stays whole, and its row says why, unless its factors have fewer parameters and fewer
    MACs. A rank that you ask for by the layer's name is refused in that case: ValueError, with
    the figures. So are a rank that is none, a share out of its range or out of reach, a method
    or layer that is not there, and NaN weights.
    """
    return _planned(network, method, shape, energy, rank, macs, layers, images)[0]


def factor(
    network: nn.Module,
    method: str,
    shape: Sequence[int],
    *,
    energy: float | None = None,
    rank: Rank | Mapping[str, Rank] | None = None,
    macs: float | None = None,
    layers: Iterable[str] | None = None,
    images: Images | None = None,
) -> nn.Module:
    """A copy of the network with its layers factored where that pays; arguments as in `plan`.

    Each becomes an nn.Sequential under its old name, so that all else stays as it was; what was
    factored can be factored again. A mask on a factored layer ends there: its zeros are in the
    product of the factors, which are dense. Raises ValueError if no layer would be factored.

    >>> from course_lib import models
    >>> network = factor(models.LeNet300100(), "svd", (1, 28, 28), rank=20)
    >>> [len(list(layer.children())) for layer in network.layers]
    [0, 2, 0, 2, 0, 0]
    """
    planned, apart = _planned(network, method, shape, energy, rank, macs, layers, images)
    if not planned.ranks:
        raise ValueError(f"no layer gets cheaper by being factored like this:\n{planned}")
    copy = structure.copied(network)
    places = list(copy.named_modules(remove_duplicate=False))
    for row in planned.rows:
        if row.rank is None:
            continue
        whole: Any = copy.get_submodule(row.layer)
        factors = sequence(whole, row.method, apart[row.layer].cut(row.rank))
        if whole is copy:
            return factors
        for place, module in places:  # what is used under two names stays shared
            if module is whole:
                copy.set_submodule(place, factors)
    return copy


def _planned(
    network: nn.Module,
    method: str,
    shape: Sequence[int],
    energy: float | None,
    rank: Any,
    macs: float | None,
    layers: Iterable[str] | None,
    images: Images | None,
) -> tuple[Plan, dict[str, Decomposition]]:
    """The plan, and the layers taken apart on the way."""
    given = {"energy": energy, "rank": rank, "macs": macs}
    if sum(value is not None for value in given.values()) != 1:
        raise ValueError(f"give exactly one of energy=, rank= and macs=; got {given}")
    arguments.one_of("method", method, METHODS)
    structure.check_weights(network)
    network = structure.unwrapped(network)
    every: dict[str, Any] = dict(structure.layers(network))
    methods = {n: "svd" if isinstance(layer, nn.Linear) else method for n, layer in every.items()}
    if isinstance(rank, Mapping):
        if layers is not None:
            raise ValueError("rank={layer: rank} names its layers itself; leave out layers=")
        layers = rank
    elif rank is not None:
        ranks.check_number(rank)
    chosen = every if layers is None else structure.layers(network, names=layers)
    seen = _seen(network, shape)
    said = {} if images is None else answers(network, images)

    left: dict[str, str] = {}  # why a layer stays whole
    apart: dict[str, Decomposition] = {}
    for name, layer in every.items():
        reason = ranks.why_not(layer, methods[name])
        if name not in chosen:
            left[name] = "not chosen"
        elif reason and layers is not None:
            raise ValueError(f"{name} can't be factored: {reason}")
        elif reason or name not in seen:
            left[name] = reason or "no image passes through it"
        else:
            apart[name] = decompose(layer.weight, methods[name], said.get(name))

    before = {name: cost(layer, seen.get(name, [])) for name, layer in every.items()}
    if macs is not None:
        options = {
            n: (before[n].macs, ranks.options(every[n], methods[n], seen[n], a.values))
            for n, a in apart.items()
        }
        wanted = ranks.share_out(options, macs, others=sum(before[name].macs for name in left))
    elif energy is not None:
        wanted = {n: ranks.smallest_rank(a.values, energy) for n, a in apart.items()}
    else:
        wanted = {n: rank[n] if isinstance(rank, Mapping) else rank for n in apart}

    rows = []
    for name, layer in every.items():
        row = Row(name, methods[name], None, before[name], before[name], None, left.get(name, ""))
        if name in wanted:
            try:
                row = _row(row, layer, seen[name], wanted[name], apart[name])
            except ValueError as refused:
                if rank is not None and layers is not None:
                    raise ValueError(f"{name}: {refused}") from None
                row = replace(row, left=str(refused))
        elif not row.left:
            row = replace(row, left="not needed for this share of the MACs")
        rows.append(row)
    return Plan(tuple(rows)), apart


def _row(row: Row, layer: Layer, shape: Any, rank: Rank, apart: Decomposition) -> Row:
    """The row with this rank. Raises ValueError, with the figures, if it does not pay."""
    if row.method == "tucker2" and isinstance(rank, int):
        rank = (rank, rank)
    rank = ranks.check(layer, row.method, rank)
    after = cost(layer, shape, row.method, rank)
    if after.parameters >= row.before.parameters or after.macs >= row.before.macs:
        raise ValueError(
            f"rank {rank} does not pay: {row.before.parameters:,} to {after.parameters:,} "
            f"parameters, {row.before.macs:,} to {after.macs:,} MACs"
        )
    return replace(row, rank=rank, after=after, energy=_energy(apart, rank))


def _energy(apart: Decomposition, rank: Rank) -> float | None:
    """The share of the energy that this rank keeps; None where only the fit will tell."""
    if isinstance(apart.values, tuple):
        core = apart.cut(rank)[1]
        return float(core.square().sum() / apart.values[0].square().sum())
    if apart.values is None:
        return None
    assert isinstance(rank, int)
    return float(ranks.energies(apart.values)[rank - 1])


def _seen(network: nn.Module, shape: Sequence[int]) -> dict[str, list[tuple[int, ...]]]:
    """The shape of what each layer is given for one image, once for each time it is used."""
    shape = arguments.shape("shape", shape)
    network = counting.still(network)
    found: dict[str, list[tuple[int, ...]]] = {}

    def note(name: str):
        def hook(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            found.setdefault(name, []).append(tuple(inputs[0].shape[1:]))

        return hook

    for name, layer in structure.layers(network).items():
        layer.register_forward_pre_hook(note(name))
    weight = next(network.parameters())
    try:
        with torch.inference_mode():
            network(torch.zeros(1, *shape, dtype=weight.dtype))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"the network cannot take an image of shape {tuple(shape)}: {error}"
        ) from None
    return found
