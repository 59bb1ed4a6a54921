"""Which layer can spare how many channels: measure it layer by layer, and share the cut out.

>>> from course_lib import models
>>> network, shape = models.LeafNet(8, classes=3), (3, 64, 64)
>>> fractions = [0, 0.5, 0.75]
>>> accuracies = {layer: [0.9, 0.9, 0.1] for layer in parts(network)}
>>> accuracies["features.0"] = [0.9, 0.2, 0.1]  # the first layer cannot spare any
>>> half = counting.macs(network, shape) // 2
>>> chosen = allocate(network, shape, accuracies, fractions, half)
>>> chosen["features.0"], chosen["features.3"]
(0.0, 0.5)
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from course_lib.images.image_data import Images
from course_lib.networks import counting, feeding, structure, training
from course_lib.techniques.channels import Part, chain, parts, remove
from course_lib.techniques.neuron_pruning import choose, importance

STEPS = 32  # a layer gives up its channels in so many steps


def sensitivity(
    network: nn.Module,
    images: Images,
    fractions: Sequence[float],
    criterion: str = "l1",
    looked_at: Images | None = None,
) -> dict[str, list[float]]:
    """Accuracy with a fraction of one layer's channels gone, all others whole: layer -> a list.

    fractions: in [0, 1), in ascending order, for instance [0, 0.25, 0.5, 0.75]. images: validation
    images to judge by. looked_at: training images for the criteria that need some (Li et al.
    2017, section 3.2, do this for "l1").
    In a chain, what comes before a layer's channels are read is computed once for all of them.
    """
    if not fractions or list(fractions) != sorted(fractions):
        raise ValueError(
            f"fractions must be ascending and at least one, got {list(fractions)}; "
            f"[0, 0.25, 0.5, 0.75] measures four points of each layer"
        )
    if not len(images):
        raise ValueError("images must hold at least one image to judge by, got none")
    shape = tuple(images.pixels.shape[1:])
    network = structure.plain(network)
    owned = parts(network, shape)
    importances = importance(network, criterion, looked_at, shape, owned=owned)
    cuts = {
        layer: [choose({layer: values}, fraction) for fraction in fractions]
        for layer, values in importances.items()
    }
    steps = chain(network)
    if steps is None:
        return {
            layer: [
                training.evaluate(remove(network, cut, shape, owned), images) for cut in several
            ]
            for layer, several in cuts.items()
        }
    return _in_chain(network, steps, owned, images, cuts)


@torch.inference_mode()
def _in_chain(network, steps, owned, images, cuts) -> dict[str, list[float]]:
    names = list(steps)
    correct = {layer: torch.zeros(len(several)) for layer, several in cuts.items()}
    layout = feeding.layout(network, images.pixels.shape[1:])
    for inputs, labels in feeding.batches(network, images, 100, layout):
        seen, at = inputs, 0
        for layer, several in cuts.items():
            reader = owned[layer][-1]  # the next layer: the first to miss what is gone
            to = names.index(reader.layer)
            seen, at = _run(steps, names[at:to], seen), to
            for row, cut in enumerate(several):
                if not cut[layer]:
                    continue  # nothing gone: the whole network's answers, below
                gone = torch.isin(reader.channel, torch.tensor(cut[layer])).to(seen.device)
                mask = (~gone).to(seen.dtype).view(-1, *[1] * (seen.ndim - 2))
                answers = _run(steps, names[to:], seen * mask).argmax(1)
                correct[layer][row] += (answers == labels).sum().item()
        answers = _run(steps, names[at:], seen).argmax(1)
        for layer, several in cuts.items():
            nothing = torch.tensor([not cut[layer] for cut in several])
            correct[layer][nothing] += (answers == labels).sum().item()
    return {layer: (count / len(images)).tolist() for layer, count in correct.items()}


def _run(steps, names, values):
    for name in names:
        values = steps[name](values)
    return values


def allocate(
    network: nn.Module,
    shape: Sequence[int],
    accuracies: Mapping[str, Sequence[float]],
    fractions: Sequence[float],
    macs: int,
    least: int = 1,
) -> dict[str, float]:
    """How much of each layer to remove so that at most `macs` multiply-accumulates are left.

    shape: (channels, height, width) of one image. accuracies: from `sensitivity`, for `fractions`.
    Greedy: as long as the network needs more, the layer gives up its next channels that loses
    least for what it saves. Lost is -log(accuracy), interpolated, as if the layers' losses
    multiplied; nothing is taken from a layer beyond the largest fraction measured, and `least`
    channels of each stay. Give the result to `choose` or `prune`.

    Raises ValueError when so few MACs cannot be reached.
    """
    network = structure.plain(network)
    owned = parts(network, shape)
    unknown = [layer for layer in accuracies if layer not in owned]
    if unknown or not accuracies:
        raise ValueError(
            f"accuracies must name layers that can be pruned ({', '.join(owned)}), "
            f"got {unknown or 'none'}; see sensitivity()"
        )
    work = counting.macs_by_layer(network, shape)
    size = {layer: len(owned[layer][0].channel) for layer in accuracies}
    lost = {n: -np.log(np.maximum(a, 1e-3)) for n, a in accuracies.items()}
    lost = {n: np.maximum.accumulate(v) for n, v in lost.items()}  # noise may say that less is more
    gone = dict.fromkeys(accuracies, 0)
    largest = {n: min(int(max(fractions) * count), count - least) for n, count in size.items()}
    while (now := _macs_left(work, owned, gone)) > macs:
        best, best_price = None, np.inf
        for name, count in size.items():
            more = gone | {name: gone[name] + max(1, count // STEPS)}
            saved = now - _macs_left(work, owned, more)
            if more[name] > largest[name] or saved <= 0:
                continue
            before, after = np.interp(
                [gone[name] / count, more[name] / count], fractions, lost[name]
            )
            if (after - before) / saved < best_price:
                best, best_price = more, (after - before) / saved
        if best is None:
            raise ValueError(
                f"macs must be at least {now:,.0f} here, got {macs:,}: the layers "
                f"measured can give up at most {max(fractions):.0%}"
            )
        gone = best
    return {name: gone[name] / count for name, count in size.items()}


def _macs_left(
    work: Mapping[str, int], owned: Mapping[str, list[Part]], gone: Mapping[str, int]
) -> float:
    """MACs with so many channels of each layer gone: outputs and inputs shrink, both."""
    left = dict.fromkeys(((name, dim) for name in work for dim in (0, 1)), 1.0)
    for layer, count in gone.items():
        for part in owned[layer]:
            if part.layer in work:
                mine = (part.channel >= 0).double().mean().item()
                left[part.layer, part.dim] -= mine * count / len(owned[layer][0].channel)
    return sum(macs * left[name, 0] * left[name, 1] for name, macs in work.items())
