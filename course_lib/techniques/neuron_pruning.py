"""Neuron pruning: take whole channels out, for good, and get a network that really is smaller.

>>> import torch
>>> from course_lib import models
>>> torch.manual_seed(0)
<torch._C.Generator object at ...>
>>> network = models.LeafNet(8, classes=3).eval()
>>> smaller = prune(network, fraction=0.5)
>>> network.widths, smaller.widths
((8, 8, 16, 16, 32, 32), (4, 4, 8, 8, 16, 16))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib import arguments
from course_lib.images.image_data import ImageData, Images, checked
from course_lib.networks import counting, feeding, structure, training
from course_lib.techniques.channels import Part, Parts, parts, remove, zeroed

__all__ = [
    "CRITERIA", "SCOPES", "Step", "choose", "importance", "prune", "prune_gradually",
    "remove", "zeroed",
]  # fmt: skip

SCOPES = ("layer", "global")
BATCH = 32  # images at a time where gradients are needed: they take memory


# What matters


def importance(
    network: nn.Module,
    criterion: str = "l1",
    images: Images | None = None,
    shape: Sequence[int] | None = None,
    seed: int = 0,
    owned: Parts | None = None,
) -> dict[str, Tensor]:
    """How much each channel matters: layer -> (channels,) float32, for all layers that can go.

    criterion:
      "l1", "l2"    norm of the channel's filter (Li et al. 2017, section 3.1; no images needed)
      "activation"  mean absolute value that the next layers read of it, over places and images
                    (after batch norm, ReLU and pooling)
      "taylor"      |gradient x value|, summed over the places where the next layers read it, mean
                    over images: the loss gained if it were gone, to first order (Molchanov et al.
                    2017, equation 8; the sum over places, so that layers can be compared)
      "random"      the baseline, from `seed`
    images: for "activation" and "taylor"; training images, since what you choose by must not be
    what you judge by. shape: (channels, height, width); needed only for a network that is no
    chain, if there are no images (see `channels.parts`, which also says what can go). owned: these
    parts, from who has found them already. Layers that share their channels are added up.

    Raises ValueError for an unknown criterion, missing or no images, and NaN weights.
    """
    arguments.one_of("criterion", criterion, tuple(CRITERIA))
    if images is not None:
        shape = tuple(checked(images).pixels.shape[1:])
    network = structure.plain(network)
    owned = owned or parts(network, shape)
    found = CRITERIA[criterion](network, owned, images, seed)
    for layer, values in found.items():
        if not values.isfinite().all():
            raise ValueError(
                f"the importance of {layer} is no number: its weights, or what it is given, are "
                f"far too large"
            )
    return found


def _channels(owned: list[Part]) -> int:
    return len(owned[0].channel)


def _by_chance(
    _network: nn.Module, owned: Parts, _images: Images | None, seed: int
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(arguments.seed(seed))
    return {layer: torch.rand(_channels(p), generator=generator) for layer, p in owned.items()}


def _norms(
    network: nn.Module, owned: Parts, _images: Images | None, _seed: int, power: int
) -> dict[str, Tensor]:
    return {layer: _norm(network, p, power) for layer, p in owned.items()}


def _norm(network: nn.Module, owned: list[Part], power: int) -> Tensor:
    total = torch.zeros(_channels(owned))
    for part in owned:
        layer = network.get_submodule(part.layer)
        if part.dim == 0 and isinstance(layer, structure.WEIGHTED):
            mine = part.channel >= 0
            filters = layer.weight.detach().float().cpu().flatten(1)
            total.index_add_(0, part.channel[mine], filters.abs().pow(power).sum(1)[mine])
    return total.pow(1 / power)


def _read(
    network: nn.Module, owned: Parts, images: Images | None, _seed: int, criterion: str
) -> dict[str, Tensor]:
    """Activation and Taylor importance: both look at what the next layers read."""
    if images is None or not len(images):
        raise ValueError(
            f"criterion {criterion!r} looks at images, got {images}; "
            f"data.train.first(256) is enough of them"
        )
    network.requires_grad_(True)  # a copy: a frozen network has gradients, too
    readers = {layer: [part for part in p if part.dim == 1] for layer, p in owned.items()}
    read: dict[str, Tensor] = {}

    def note(name: str):
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
            read[name] = inputs[0].clone()  # this reader's own, with a gradient of its own
            return (read[name],)

        return hook

    for name in {part.layer for several in readers.values() for part in several}:
        network.get_submodule(name).register_forward_pre_hook(note(name))
    total = {layer: torch.zeros(_channels(p)) for layer, p in owned.items()}
    for inputs, labels in feeding.batches(network, images, BATCH):
        with torch.set_grad_enabled(criterion == "taylor"):
            outputs = network(inputs)
            feeding.check_logits(outputs, len(labels))
            feeding.check_labels(labels, outputs)
            loss = F.cross_entropy(outputs, labels, reduction="sum")
        if criterion == "taylor":
            gradients = torch.autograd.grad(loss, list(read.values()))
            values = {n: x * g for (n, x), g in zip(read.items(), gradients, strict=True)}
        else:
            values = {name: value.abs() for name, value in read.items()}
        for layer, several in readers.items():
            each = torch.zeros(len(labels), _channels(owned[layer]))  # (images, channels)
            for part in several:
                places = values[part.layer].detach().float().cpu()
                if isinstance(network.get_submodule(part.layer), nn.Linear):
                    places = places.movedim(-1, 1)
                places = places.reshape(*places.shape[:2], -1)
                mine = part.channel[part.channel >= 0]
                seen = places.sum(2) if criterion == "taylor" else places.mean(2)
                if criterion == "activation":  # after flattening, places are entries
                    seen = seen / mine.bincount().max()
                each.index_add_(1, mine, seen[:, part.channel >= 0])
            total[layer] += each.abs().sum(0)
    return {layer: t / len(images) for layer, t in total.items()}


# name: (network, parts, images, seed) -> {layer: (channels,)}
CRITERIA: dict[str, Callable[[nn.Module, Parts, Images | None, int], dict[str, Tensor]]] = {
    "l1": partial(_norms, power=1),
    "l2": partial(_norms, power=2),
    "activation": partial(_read, criterion="activation"),
    "taylor": partial(_read, criterion="taylor"),
    "random": _by_chance,
}


# Which to remove


def choose(
    importances: Mapping[str, Tensor],
    fraction: float | Mapping[str, float] | None = None,
    scope: str = "layer",
    least: int = 1,
    keep: int | Mapping[str, int] | None = None,
) -> dict[str, list[int]]:
    """The least important channels: layer -> their numbers, ascending.

    Give fraction, the share of the channels to remove, in [0, 1), or keep, how many channels are
    left (all, where there are fewer): one for all layers, or one for each by name (a layer not
    named keeps all). scope: "layer" ranks each layer for itself; "global" ranks all channels
    together, each divided by its layer's mean, so that a layer of small filters is not emptied,
    and keep counts them together. At least `least` channels of each layer stay, even if fewer
    were asked for. Of equals, the lower number goes first.

    >>> choose({"conv": torch.tensor([3.0, 1.0, 2.0, 1.0])}, 0.5)
    {'conv': [1, 3]}
    >>> choose({"conv": torch.tensor([3.0, 1.0, 2.0, 1.0])}, keep=3)
    {'conv': [1]}
    """
    if scope not in SCOPES:
        raise ValueError(f"scope must be one of {', '.join(SCOPES)}; got {scope!r}")
    if not importances:
        raise ValueError("importances must name at least one layer, got none; see importance()")
    if not isinstance(importances, Mapping):
        kind = type(importances).__name__
        raise ValueError(f"importances must be a dict of layer -> (channels,), got a {kind}")
    least = arguments.count("least", least)
    for layer, values in importances.items():
        arguments.tensor(f"importances[{layer!r}]", values, "channels")
        if not (len(values) and values.is_floating_point() and values.isfinite().all()):
            raise ValueError(
                f"importances[{layer!r}] must be finite numbers, one for each channel, "
                f"got shape {tuple(values.shape)}: {values}"
            )
    if fraction is not None and keep is not None:
        raise ValueError(f"give either fraction or keep, got fraction={fraction}, keep={keep}")
    name, asked, to_go = (
        ("fraction", fraction, _to_remove) if keep is None else ("keep", keep, _all_but)
    )
    if scope == "global":
        if isinstance(asked, Mapping):
            raise ValueError(
                f"{name} must be one number with scope='global', got {dict(asked)}; "
                f"numbers by layer go with scope='layer'"
            )
        count = to_go(asked, sum(map(len, importances.values())))
        return _choose_globally(importances, count, least)
    wanted = asked if isinstance(asked, Mapping) else dict.fromkeys(importances, asked)
    unknown = [layer for layer in wanted if layer not in importances]
    if unknown:
        raise ValueError(
            f"{name} names {unknown[0]!r}, which is no layer that can be pruned; "
            f"there are: {', '.join(importances)}"
        )
    chosen = {}
    for layer, values in importances.items():
        count = to_go(wanted[layer], len(values)) if layer in wanted else 0
        count = min(count, max(0, len(values) - least))
        chosen[layer] = sorted(values.argsort(stable=True)[:count].tolist())
    return chosen


def _to_remove(fraction: Any, there: int) -> int:
    return round(_share(fraction) * there)


def _all_but(keep: Any, there: int) -> int:
    hint = "fraction takes the share to remove"
    return max(0, there - arguments.count("keep", keep, hint=hint))


def _share(fraction: float) -> float:
    return arguments.share("fraction", fraction, "0.3 removes 30% of the channels")


def _choose_globally(importances, to_go: int, least: int) -> dict[str, list[int]]:
    layers = [layer for layer, values in importances.items() for _ in values]
    numbers = [number for values in importances.values() for number in range(len(values))]
    ranks = torch.cat([v / v.mean().clamp_min(1e-12) for v in importances.values()])
    left = {layer: max(0, len(values) - least) for layer, values in importances.items()}
    chosen: dict[str, list[int]] = {layer: [] for layer in importances}
    for at in ranks.argsort(stable=True).tolist():
        layer = layers[at]
        if to_go and left[layer]:
            chosen[layer].append(numbers[at])
            left[layer] -= 1
            to_go -= 1
    return {layer: sorted(found) for layer, found in chosen.items()}


# All in one


def prune(
    network: nn.Module,
    fraction: float | Mapping[str, float] | None = None,
    criterion: str = "l1",
    scope: str = "layer",
    images: Images | None = None,
    shape: Sequence[int] | None = None,
    seed: int = 0,
    keep: int | Mapping[str, int] | None = None,
) -> nn.Module:
    """The network without its least important channels; `importance`, `choose` and `remove`."""
    network = structure.plain(network)
    shape = tuple(checked(images).pixels.shape[1:]) if images is not None else shape
    owned = parts(network, shape)
    values = importance(network, criterion, images, shape, seed, owned)
    return remove(network, choose(values, fraction, scope, keep=keep), shape, owned)


@dataclass(frozen=True)
class Step:
    """One step of gradual pruning; accuracies on the validation images, in [0, 1]."""

    fraction: float  # of the channels at the start that are gone now
    macs: int  # multiply-accumulates for one image
    cut: float  # accuracy right after the cut
    tuned: float  # accuracy after fine-tuning


def prune_gradually(
    network: nn.Module,
    data: ImageData,
    fraction: float,
    steps: int = 4,
    epochs: int = 1,
    last_epochs: int | None = None,
    criterion: str = "l1",
    scope: str = "layer",
    learning_rate: float = 0.02,
    seed: int = 0,
    progress: bool = True,
) -> tuple[nn.Module, list[Step]]:
    """Prune in steps, fine-tune after each, and look anew at what matters (Molchanov et al. 2017).

    Every step removes the same share of what is left, so that `fraction` is gone after the last.
    epochs: of fine-tuning on data.train after each step; last_epochs: after the last one, where
    more pays off (None: as many as before). steps=1 is one-shot pruning. Images for the criterion
    are the first 256 of data.train.
    """
    _share(fraction)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}; 1 is one-shot pruning")
    looked_at = data.train.first(256)
    network = structure.plain(network)
    start: dict[str, int] = {}
    history: list[Step] = []
    for step in range(1, steps + 1):
        gone = 1 - (1 - fraction) ** (step / steps)
        owned = parts(network, data.shape)
        now = importance(network, criterion, looked_at, data.shape, seed, owned)
        start = start or {layer: len(values) for layer, values in now.items()}
        keep: int | dict[str, int] = (
            _left(sum(start.values()), gone)
            if scope == "global"
            else {layer: _left(count, gone) for layer, count in start.items()}
        )
        network = remove(network, choose(now, scope=scope, keep=keep), data.shape, owned)
        cut = training.evaluate(network, data.val)
        passes = epochs if step < steps or last_epochs is None else last_epochs
        network, _ = training.fit(
            network, data, passes, learning_rate, seed=seed + step, progress=progress
        )
        tuned = training.evaluate(network, data.val)
        history.append(Step(gone, counting.macs(network, data.shape), cut, tuned))
    return network, history


def _left(count: int, gone: float) -> int:
    return max(1, count - round(gone * count))  # a layer never goes as a whole
