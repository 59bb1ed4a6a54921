"""What belongs to a channel, and taking it out of a network: `parts`, `remove`, `zeroed`.

A channel is more than a filter: the batch norm after it, and the weights with which the next
layers read it, are its own, too. Through a skip connection it shares them with other layers.

>>> from course_lib import models
>>> for part in parts(models.LeNet5())["layers.2"]:  # 50 channels of 4x4, flattened
...     print(part.layer, part.dim, len(part.channel), part.channel[14:18].tolist())
layers.2 0 50 [14, 15, 16, 17]
layers.5 1 800 [0, 0, 1, 1]
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn

from course_lib.networks import feeding, models, structure

CHAINS = (nn.Sequential, models.LeafNet, models.LeNet5, models.LeNet300100)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
# Modules that treat every channel alike and apart from the others.
APART = (
    *NORMS, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Hardswish, nn.Sigmoid, nn.Tanh,
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Flatten,
    nn.Dropout, nn.Dropout2d, nn.Identity,
)  # fmt: skip


Channels = Mapping[str, Sequence[int]]  # layer -> numbers of the channels to remove


@dataclass(frozen=True)
class Part:
    """What a layer's channels own of one module's tensors.

    layer: the module's name. dim: 0, entries of all its tensors (filters, biases, a norm's scale
    and statistics), or 1, the columns of its weight that read the channels. channel: for every
    entry of that dimension the channel that owns it, -1 for another layer's.
    """

    layer: str
    dim: int
    channel: Tensor


Parts = Mapping[str, list[Part]]  # layer -> everything that goes with its channels, itself first


def parts(network: nn.Module, shape: Sequence[int] | None = None) -> dict[str, list[Part]]:
    """For each layer whose channels can go: everything that goes with them, itself first.

    Layers are convolutions and linear layers by name, in the order of the network; those whose
    outputs are the network's own are not among them. Layers that add into the same channels
    (skip connections) share them, and stand under the first one's name.
    shape: (channels, height, width) of one image; needed for a network that is no chain, which
    is traced by torch-pruning's dependency graph (Fang et al. 2023, DepGraph). Channels that
    meet something else than convolutions, linear layers and batch norms (a grouped convolution,
    a layer norm, a bare parameter) are left out.

    Raises ValueError when no channel of the network can go, ImportError without torch-pruning.
    """
    structure.layers(network)  # none at all is another error
    steps = chain(network)
    found = _of_chain(steps) if steps is not None else _of_graph(network, shape)
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


def _part(name: str, dim: int, count: int, current: list[Part]) -> Part:
    """After flattening, each channel owns as many entries as it has places."""
    channels = len(current[0].channel)
    if count % channels:
        raise ValueError(f"{name} reads {count} values, no multiple of {channels} channels before")
    return Part(name, dim, torch.arange(count) // (count // channels))


def _of_graph(network: nn.Module, shape: Sequence[int] | None) -> dict[str, list[Part]]:
    tp = _torch_pruning(network)
    if shape is None or len(shape) != 3:
        raise ValueError(
            f"shape must be (channels, height, width) of one image, got {shape}: a "
            f"{type(network).__name__} is traced to find which layers belong together"
        )
    with torch.inference_mode(False), torch.enable_grad():
        traced = structure.copied(network).cpu().float().requires_grad_(True)
        try:
            graph = tp.DependencyGraph()
            graph.build_dependency(traced, torch.randn(1, *shape), verbose=False)
            groups = {
                name: graph.get_pruning_group(
                    layer,
                    graph.get_pruner_of_module(layer).prune_out_channels,
                    range(layer.get_parameter("weight").shape[0]),
                )
                for name, layer in structure.layers(traced).items()
                if layer in graph.module2node
            }
        except Exception as error:  # of any kind: the graph is guessed from a trace
            raise ValueError(
                f"torch-pruning cannot find the dependencies of this {type(network).__name__} "
                f"with images of shape {tuple(shape)}: {error}"
            ) from error
    names = {module: name for name, module in traced.named_modules()}
    found: dict[str, list[Part]] = {}
    shared: set[str] = set()
    for name, group in groups.items():
        if name in shared:
            continue
        owned = _of_group(graph, group, names)
        shared |= {part.layer for part in owned if part.dim == 0}
        if any(part.dim == 1 for part in owned):
            found[name] = owned
    return found


def _of_group(graph, group, names: dict[nn.Module, str]) -> list[Part]:
    """The parts in one of torch-pruning's groups; none if something in it is not known here."""
    owned = []
    for item in group:
        module = item.dep.target.module
        if "Output" in type(module).__name__ or isinstance(module, nn.Parameter):
            return []
        owns = isinstance(module, NORMS) or any(True for _ in module.parameters())
        if module not in names or not owns:
            continue  # a sum, a ReLU
        if not _known(module) or None in item.root_idxs:
            return []
        # Norms and depthwise convolutions both write and read: one entry a channel.
        dim = 0 if graph.is_out_channel_pruning_fn(item.dep.handler) else 1
        norm = isinstance(module, NORMS)
        channel = torch.full((module.num_features if norm else module.weight.shape[dim],), -1)
        channel[item.idxs] = torch.tensor(item.root_idxs)
        owned.append(Part(names[module], dim, channel))
    return owned


def _known(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        depthwise = module.groups == module.in_channels == module.out_channels
        return module.groups == 1 or depthwise
    return isinstance(module, (nn.Linear, *NORMS))


def _torch_pruning(network: nn.Module) -> ModuleType:
    try:
        import torch_pruning
    except ImportError:
        raise ImportError(
            f"a {type(network).__name__} is no plain chain of layers; to find which of its layers "
            f"belong together, the course uses torch-pruning: pip install torch-pruning"
        ) from None
    return torch_pruning


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
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    images = images.to(weight.device, weight.dtype)
    try:
        with torch.inference_mode():
            wanted, got = silenced(images), smaller(images)
        if not isinstance(wanted, Tensor):
            feeding.check_logits(wanted, len(images))
        off = float((got - wanted).abs().max() / wanted.abs().max().clamp_min(1e-6))
        if got.shape != wanted.shape or not off < 1e-2:
            raise RuntimeError(f"off by {off:.1%}, shape {tuple(got.shape)}")
    except RuntimeError as error:
        raise ValueError(
            f"these channels cannot be removed from a {type(smaller).__name__}: the smaller "
            f"network does not compute what the network with them silenced does ({error})"
        ) from error
