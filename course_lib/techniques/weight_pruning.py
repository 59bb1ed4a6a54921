"""Weight pruning: set weak connections to zero, and keep them there while the rest learns on.

>>> import torch
>>> network = nn.Sequential(nn.Linear(4, 2, bias=False))
>>> strengths = torch.tensor([[0.9, -0.1, 0.4, 0.0002], [-0.2, 0.1, 0.1, 0.3]])
>>> _ = network.load_state_dict({"0.weight": strengths})
>>> apply(network, masks(network, sparsity=0.5))[0].weight.data  # the weaker half is gone
tensor([[ 0.9000,  0.0000,  0.4000,  0.0000],
        [-0.2000,  0.0000,  0.0000,  0.3000]])

A mask is a bool tensor of the shape of a layer's weight: True is kept, False becomes zero. A mask
alone makes nothing smaller or faster; `sparse` measures what zeros are worth.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from course_lib import arguments
from course_lib.images.data import ImageData
from course_lib.networks import structure, training
from course_lib.techniques.weight_masks import (
    CRITERIA,
    EXAMPLE,
    GRANULARITIES,
    SCOPES,
    Granularity,
    Masks,
    below,
    effective_weights,
    masks,
    n_of_m,
)

__all__ = [
    "CRITERIA", "GRANULARITIES", "SCOPES", "Granularity", "Mask", "Masks", "apply", "below",
    "fine_tune", "masked", "masks", "n_of_m", "prune_gradually", "schedule",
    "sparsity", "winning_ticket",
]  # fmt: skip


def apply(network: nn.Module, masks: Masks) -> nn.Module:
    """A copy with zeros written where a mask is False; training may fill them again.

    Masks and other parametrizations that the network carries already are written in, too.
    """
    network = structure.plain(network)
    for name, mask in _checked(network, masks).items():
        weight = network.get_parameter(f"{name}.weight").data
        weight.masked_fill_(~mask.to(weight.device), 0)
    return network


class Mask(nn.Module):
    """The parametrization of `masked`: the weight, and zero where the mask is False."""

    mask: Tensor

    def __init__(self, mask: Tensor):
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: Tensor) -> Tensor:
        return torch.where(self.mask, weight, 0)  # a product would leave -0.0, and NaN


def masked(network: nn.Module, masks: Masks) -> nn.Module:
    """A copy whose zeros survive any training; `structure.plain` writes them in afterwards.

    Masks that the network carries already hold on. Given the network as it was before training,
    this is the rewinding of the lottery ticket (Frankle and Carbin 2019, arXiv 1803.03635).
    """
    network = structure.copied(network)
    for name, mask in _checked(network, masks).items():
        layer = network.get_submodule(name)
        own = mask.to(cast(Tensor, layer.weight).device, copy=True)
        parametrize.register_parametrization(layer, "weight", Mask(own))
    return network


def sparsity(network: nn.Module) -> dict[str, float]:
    """The share of zeros among each layer's weights, in [0, 1], and in all of them: "all"."""
    weights = effective_weights(network)
    zeros = {name: int((weight == 0).sum()) for name, weight in weights.items()}
    count = {name: weight.numel() for name, weight in weights.items()}
    total = sum(zeros.values()) / max(1, sum(count.values()))
    return {name: zeros[name] / max(1, count[name]) for name in weights} | {"all": total}


def fine_tune(
    network: nn.Module, masks: Masks, data: ImageData, **fit
) -> tuple[nn.Module, training.History]:
    """Train on with the masks held; returns (network with its zeros written in, history).

    fit: what `training.fit` takes, such as epochs=2, learning_rate=0.01.
    """
    tuned, history = training.fit(masked(network, masks), data, **fit)
    return structure.plain(tuned), history


def schedule(step: int, begin: int, end: int, final: float, initial: float = 0.0) -> float:
    """The sparsity at a training step: fast at first, ever slower towards `final`.

    A cubic from `initial` at step `begin` to `final` at step `end`, constant before and after
    (Zhu and Gupta 2017, arXiv 1710.01878, equation 1).

    >>> [round(schedule(step, begin=0, end=4, final=0.8), 4) for step in range(5)]
    [0.0, 0.4625, 0.7, 0.7875, 0.8]
    """
    arguments.share("final", final, EXAMPLE)
    arguments.share("initial", initial, EXAMPLE)
    now = arguments.number("step", step)
    first, last = arguments.number("begin", begin), arguments.number("end", end)
    if not first < last or not initial <= final:
        raise ValueError(
            f"a schedule needs begin < end and initial <= final, got begin={begin}, end={end}, "
            f"initial={initial}, final={final}"
        )
    left = 1 - min(max((now - first) / (last - first), 0), 1)
    return final + (initial - final) * left**3


def prune_gradually(
    network: nn.Module,
    data: ImageData,
    sparsity: float,
    epochs: int,
    scope: str = "global",
    granularity: Granularity = "weight",
    names: Sequence[str] | None = None,
    cuts: int = 20,  # how often the masks are chosen anew
    **fit,
) -> tuple[nn.Module, training.History]:
    """Train while the sparsity grows along `schedule`; returns (network with its zeros, history).

    The last quarter of the steps is left to recover at the final sparsity (Zhu and Gupta 2017,
    section 3). fit: what `training.fit` takes; the weights of the last epoch are kept, for earlier
    ones have fewer zeros.
    """
    arguments.share("sparsity", sparsity, EXAMPLE)
    arguments.count("cuts", cuts, hint="20 is smooth")

    def choose(network: nn.Module, share: float) -> Masks:
        return masks(network, share, scope=scope, granularity=granularity, names=names)

    def after_step(network: nn.Module, done: int, steps: int) -> None:
        end = max(1, 3 * steps // 4)
        if done == end or (done < end and done % max(1, end // cuts) == 0):
            for name, mask in choose(network, schedule(done, 0, end, sparsity)).items():
                layer: Any = network.get_submodule(name)
                layer.parametrizations.weight[-1].mask.copy_(mask)

    start = masked(network, choose(network, 0.0))
    pruned, history = training.fit(
        start, data, epochs=epochs, keep="last", after_step=after_step, **fit
    )
    return structure.plain(pruned), history


def winning_ticket(
    initial: nn.Module,
    data: ImageData,
    sparsity: float,
    rounds: int = 1,
    **fit,
) -> tuple[Masks, nn.Module]:
    """The masks of a lottery ticket, and the dense network trained to find them.

    Each round trains from the `initial` weights, removes the weakest of what is left in every
    layer, and rewinds: `masked(initial, masks)` is the ticket (Frankle and Carbin 2019, arXiv
    1803.03635, section 1). More rounds cost more training, and usually find better tickets.
    fit: what `training.fit` takes; use the same to train the ticket.
    """
    share = arguments.share("sparsity", sparsity, EXAMPLE)
    arguments.count("rounds", rounds)
    dense, _ = training.fit(initial, data, **fit)
    found = masks(dense, 1 - (1 - share) ** (1 / rounds))
    for done in range(2, rounds + 1):
        trained, _ = fine_tune(initial, found, data, **fit)
        found = masks(trained, 1 - (1 - share) ** (done / rounds))
    return found, dense


def _checked(network: nn.Module, masks: Masks) -> Masks:
    """The masks, if each is bool and has the shape of its layer's weight."""
    if not isinstance(masks, Mapping):
        raise ValueError(f"masks must be a dict of layer name -> mask, got {type(masks).__name__}")
    for name, weight in effective_weights(network, masks).items():
        mask = masks[name]
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
            what = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
            raise ValueError(f"the mask of {name} must be a bool tensor (True is kept), got {what}")
        if mask.shape != weight.shape:
            raise ValueError(
                f"the mask of {name} must be {tuple(weight.shape)} like its weight, got "
                f"{tuple(mask.shape)}; make the masks from this network"
            )
    return masks
