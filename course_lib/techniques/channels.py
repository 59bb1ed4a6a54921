"""What belongs to a channel, and taking it out of a network: `parts`, `remove`, `zeroed`.

A channel is more than a filter: the batch norm after it, and the weights with which the next
layers read it, are its own, too. Through a skip connection it shares them with other layers.

>>> from course_lib import models
>>> for part in parts(models.LeNet5())["layers.2"]:  # 50 channels of 4x4, flattened
...     print(part.layer, part.dim, len(part.channel), part.channel[14:18].tolist())
layers.2 0 50 [14, 15, 16, 17]
layers.5 1 800 [0, 0, 1, 1]
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from course_lib.networks import feeding, models, structure
from course_lib.techniques import dependencies
from course_lib.techniques.dependencies import NORMS, Part, Parts

CHAINS = (nn.Sequential, models.LeafNet, models.LeNet5, models.LeNet300100)
# Modules that treat every channel alike and apart from the others.
APART = (
    *NORMS, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Hardswish, nn.Sigmoid, nn.Tanh,
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Flatten,
    nn.Dropout, nn.Dropout2d, nn.Identity,
)  # fmt: skip


Channels = Mapping[str, Sequence[int]]  # layer -> numbers of the channels to remove


def parts(network: nn.Module, shape: Sequence[int] | None = None) -> dict[str, list[Part]]:
    """For each layer whose channels can go: everything that goes with them, itself first.

    Layers are convolutions and linear layers by name, in the order of the network; those whose
    outputs are the network's own are not among them. Layers that add into the same channels
    (skip connections) share them, and stand under the first one's name.
    shape: (channels, height, width) of one image; needed for a network that is no chain, which
    is traced by torch-pruning's dependency graph (Fang et al. 2023, DepGraph). Channels that
    meet something else than convolutions, linear layers and batch norms (a grouped convolution,
    a layer norm, a bare parameter) are left out. So are those of layers whose channels something
    picks, orders or counts (a flip, a slice, a softmax), with a warning: each is tried.

    Raises ValueError when no channel of the network can go, ImportError without torch-pruning.
    """
    structure.layers(network)  # none at all is another error
    steps = chain(network)
    if steps is not None:
        found = _of_chain(steps)
    else:
        found = _followed(network, dependencies.traced(network, shape), shape or ())
    if not found:
        raise ValueError(
            f"this {type(network).__name__} has no channels that can go: it needs a convolution "
            f"or linear layer that another one reads, with at most batch norms in between"
        )
    return found


def chain(network: nn.Module) -> dict[str, nn.Module] | None:
    """The modules in the order of the computation, if each feeds only the next one; else None.

    True for LeafNet, LeNet5, LeNet300100 and for any nn.Sequential of the usual layers.
    """
    steps: dict[str, nn.Module] = {}
    for name, module in network.named_modules(remove_duplicate=False):
        if type(module) in CHAINS:
            continue
        simple = type(module) in (*APART, nn.Linear) or (
            type(module) is nn.Conv2d and module.groups == 1
        )
        shared = module in steps.values() and any(True for _ in module.parameters())
        if not simple or shared:
            return None
        if type(network) is models.LeafNet and "mean" not in steps and name.startswith("classify"):
            steps |= {"mean": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
        steps[name] = module
    return steps


def _of_chain(steps: dict[str, nn.Module]) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {}
    current: list[Part] = []
    for name, module in steps.items():
        if isinstance(module, NORMS) and current:
            current.append(_part(name, 0, module.num_features, current))
        if isinstance(module, structure.WEIGHTED):
            if current:
                current.append(_part(name, 1, module.weight.shape[1], current))
                found[current[0].layer] = current
            current = [Part(name, 0, torch.arange(len(module.weight)))]
    return found


def _followed(network: nn.Module, found: Parts, shape: Sequence[int]) -> dict[str, list[Part]]:
    """The layers whose channels can go and leave exactly the network with them silenced.

    Tried on all at once, and where that fails on ever smaller parts of them. Of layers that share
    a weight none can: what one reads the other would lose.
    """
    device, dtype = feeding.place(network)
    with torch.inference_mode():
        outputs = structure.copied(network)(torch.zeros(2, *shape, device=device, dtype=dtype))
    if not isinstance(outputs, Tensor):  # nothing to compare
        feeding.check_logits(outputs, 2)
    owners = Counter(id(p) for module in network.modules() for p in module._parameters.values())
    whole = {
        name: owned
        for name, owned in found.items()
        if all(
            owners[id(parameter)] == 1
            for part in owned
            for parameter in network.get_submodule(part.layer)._parameters.values()
            if parameter is not None
        )
    }

    def exact(layers: Sequence[str]) -> bool:
        some = {}  # other channels of each layer: the same might go by chance
        for number, name in enumerate(layers):
            count = len(found[name][0].channel)
            some[name] = [*{2 * number % count, (5 * number + 3) % count}][: count - 1]
        try:
            remove(network, some, shape, found)
        except Exception:  # of any kind: indices, sizes, the network's own
            return False
        return True

    def good(layers: Sequence[str]) -> list[str]:
        if not layers or exact(layers):
            return list(layers)
        middle = len(layers) // 2
        return [*good(layers[:middle]), *good(layers[middle:])] if middle else []

    kept = good(list(whole))
    if left := [name for name in found if name not in kept]:
        warnings.warn(
            f"{len(left)} of {len(found)} layers of this {type(network).__name__} keep all their "
            f"channels ({', '.join(left[:3])}{', ...' * (len(left) > 3)}): what is computed with "
            f"them depends on which they are, or how many",
            stacklevel=3,
        )
    return {name: found[name] for name in kept}


def _part(name: str, dim: int, count: int, current: list[Part]) -> Part:
    """After flattening, each channel owns as many entries as it has places."""
    channels = len(current[0].channel)
    if count % channels:
        raise ValueError(f"{name} reads {count} values, no multiple of {channels} channels before")
    return Part(name, dim, torch.arange(count) // (count // channels))


def remove(
    network: nn.Module,
    channels: Channels,
    shape: Sequence[int] | None = None,
    owned: Parts | None = None,
) -> nn.Module:
    """The network without these channels: fewer filters, norms and inputs of the next layers.

    channels: layer -> channel numbers, as from `choose`. The outputs are those of `zeroed`.
    owned: the network's `parts`, from who has found them already.
    Raises ValueError for layers and channels that are not there, and for a layer's last channel;
    for a network that is no chain also when the result would not compute what `zeroed` does.
    """
    smaller = structure.plain(network)
    owned = owned or parts(smaller, shape)
    for (name, dim), gone in _gone(owned, channels).items():
        module = smaller.get_submodule(name)
        kept = (~gone).nonzero()[:, 0]
        tensors = dict(module.named_parameters(recurse=False)) | dict(
            module.named_buffers(recurse=False)
        )
        if dim == 1:
            tensors = {"weight": tensors["weight"]}
        for key, tensor in tensors.items():
            if tensor.ndim == 0:  # a norm's count of batches
                continue
            rest = tensor.detach().index_select(dim, kept.to(tensor.device))
            if isinstance(tensor, nn.Parameter):
                rest = nn.Parameter(rest, requires_grad=tensor.requires_grad)
            setattr(module, key, rest)
        _note_sizes(module, len(kept))
    if chain(smaller) is None and shape is not None:
        _check_exact(zeroed(network, channels, shape, owned), smaller, shape)
    return smaller


def zeroed(
    network: nn.Module,
    channels: Channels,
    shape: Sequence[int] | None = None,
    owned: Parts | None = None,
) -> nn.Module:
    """The network with these channels silenced and still there: what `remove` must equal.

    Their filters, biases, norms and the weights that read them are zero. Arguments as in `remove`.
    """
    silenced = structure.plain(network)
    owned = owned or parts(silenced, shape)
    with torch.no_grad():
        for (name, dim), gone in _gone(owned, channels).items():
            module = silenced.get_submodule(name)
            gone = gone.to(next(module.parameters(), gone).device)
            for parameter in module.parameters(recurse=False):
                if dim < parameter.ndim:
                    parameter.index_fill_(dim, gone.nonzero()[:, 0], 0)
    return silenced


def _gone(owned: Parts, channels: Channels) -> dict[tuple[str, int], Tensor]:
    """(module, dimension) -> which of its entries go, bool."""
    gone: dict[tuple[str, int], Tensor] = {}
    for layer, numbers in channels.items():
        if layer not in owned:
            raise ValueError(
                f"channels names {layer!r}, which is no layer that can be pruned; "
                f"there are: {', '.join(owned)}"
            )
        if not isinstance(numbers, Iterable) or isinstance(numbers, str):
            raise ValueError(f"channels[{layer!r}] must be channel numbers, got {numbers!r}")
        count = len(owned[layer][0].channel)
        wrong = [n for n in numbers if isinstance(n, bool) or n not in range(count)]
        if wrong or len(set(numbers)) >= count:
            raise ValueError(
                f"{layer} has the channels 0 to {count - 1} and must keep one of them; got "
                f"{wrong or 'all of them'}"
            )
        for part in owned[layer]:
            mask = torch.isin(part.channel, torch.tensor(list(numbers), dtype=torch.long))
            place = (part.layer, part.dim)
            gone[place] = gone[place] | mask if place in gone else mask
    return gone


def _note_sizes(module: nn.Module, kept: int) -> None:
    """What the layer says of its size follows from its tensors, and is printed and counted."""
    if isinstance(module, nn.Conv2d):
        module.out_channels, inputs = module.weight.shape[:2]
        depthwise = module.groups > 1
        module.groups = module.out_channels if depthwise else 1
        module.in_channels = module.groups if depthwise else inputs
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, NORMS):
        module.num_features = kept


def _check_exact(silenced: nn.Module, smaller: nn.Module, shape: Sequence[int]) -> None:
    weight = next(smaller.parameters())
    # Of few images a channel may be silent in all of them, and tells nothing.
    images = torch.randn(16, *shape, generator=torch.Generator().manual_seed(0))
    images = images.to(weight.device, weight.dtype)
    try:
        with torch.inference_mode():
            wanted, got = silenced(images), smaller(images)
        if not isinstance(wanted, Tensor):
            feeding.check_logits(wanted, len(images))
        off = float((got - wanted).abs().max() / wanted.abs().max().clamp_min(1e-6))
        most = 1e-4 if weight.dtype in (torch.float32, torch.float64) else 1e-2  # rounding
        if got.shape != wanted.shape or not off < most:
            raise RuntimeError(f"off by {off:.1%}, shape {tuple(got.shape)}")
    except Exception as error:  # the network's own, of any kind
        raise ValueError(
            f"these channels cannot be removed from a {type(smaller).__name__}: the smaller "
            f"network does not compute what the network with them silenced does ({error})"
        ) from error
