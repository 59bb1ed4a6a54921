"""Which layers belong together: torch-pruning's dependency graph of a network that is no chain.

Fang et al. 2023, DepGraph, arXiv 2301.12900. What comes of it is tried by `channels.parts`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn

from course_lib.networks import structure

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


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


def traced(network: nn.Module, shape: Sequence[int] | None) -> dict[str, list[Part]]:
    """The layers whose channels only known modules read: what `channels.parts` returns, untried.

    Raises ValueError for a network that cannot be traced, ImportError without torch-pruning.
    """
    tp = _torch_pruning(network)
    if shape is None or len(shape) != 3:
        raise ValueError(
            f"shape must be (channels, height, width) of one image, got {shape}: a "
            f"{type(network).__name__} is traced to find which layers belong together"
        )
    with torch.inference_mode(False), torch.enable_grad():
        copied = structure.copied(network).cpu().float().requires_grad_(True)
        try:
            graph = tp.DependencyGraph()
            graph.build_dependency(copied, torch.randn(1, *shape), verbose=False)
        except Exception as error:  # of any kind: the graph is guessed from a trace
            raise ValueError(
                f"torch-pruning cannot find the dependencies of this {type(network).__name__} "
                f"with images of shape {tuple(shape)}: {error}"
            ) from error
    names = {module: name for name, module in copied.named_modules()}
    found: dict[str, list[Part]] = {}
    shared: set[str] = set()
    for name, layer in structure.layers(copied).items():
        if name in shared or layer not in graph.module2node:
            continue
        try:
            owned = _of_layer(graph, layer, names)
        except Exception:  # of any kind: what it does with these channels is not known
            continue
        shared |= {part.layer for part in owned if part.dim == 0}
        if any(part.dim == 1 for part in owned):
            found[name] = owned
    return found


def _of_layer(graph, layer: nn.Module, names: dict[nn.Module, str]) -> list[Part]:
    """The parts in torch-pruning's group of a layer; none if something in it is not known here."""
    owned = []
    group = graph.get_pruning_group(
        layer,
        graph.get_pruner_of_module(layer).prune_out_channels,
        range(layer.get_parameter("weight").shape[0]),
    )
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
