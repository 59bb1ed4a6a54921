"""What every technique does before and while it operates: a checked copy, layers by name.

>>> from course_lib import models
>>> list(layers(models.LeNet300100()))
['layers.1', 'layers.3', 'layers.5']
"""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import CellType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensor
from torch.nn.utils import parametrize

from course_lib import arguments

WEIGHTED = (nn.Conv2d, nn.Linear)
WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def copied(network: nn.Module) -> nn.Module:
    """A copy to operate on, in evaluation mode; the network given is left as it is.

    Device, data type and which parameters are frozen stay as they are. Raises ValueError for a
    network with NaN or infinite weights, since every choice made from them would be chance, and
    for weights that are computed from others (masks of torch.nn.utils.prune, weight_norm).
    """
    network = unwrapped(network)
    check_weights(network)
    for name, layer in network.named_modules():
        if not isinstance(layer, WEIGHTED) or parametrize.is_parametrized(layer, "weight"):
            continue
        if "weight" not in layer._parameters:
            raise ValueError(
                f"the weight of {name or 'this layer'} is computed from others, by "
                f"torch.nn.utils.prune or weight_norm; write it in first, for instance with "
                f"torch.nn.utils.prune.remove(layer, 'weight')"
            )
    return duplicate(network).eval()


def unwrapped(network: nn.Module) -> nn.Module:
    """The network itself, where it is compiled or spread over devices.

    Raises ValueError for a scripted or traced one, whose layers cannot be changed.
    """
    if isinstance(network, torch.jit.ScriptModule):
        raise ValueError(
            "a scripted or traced network cannot be changed; give the torch.nn.Module that it was "
            "made of"
        )
    inside: Any = arguments.network(network)
    while isinstance(inside, WRAPPERS) or hasattr(inside, "_orig_mod"):
        inside = inside._orig_mod if hasattr(inside, "_orig_mod") else inside.module
    return inside


def duplicate(network: nn.Module) -> nn.Module:
    """A deep copy, also of a network that keeps what it computed, or whose forward was set by hand.

    Kept activations are copied without the graph of their gradients, which cannot be; a function
    that holds the network or its layers holds the copy's.
    """
    arguments.network(network)
    memo: dict[int, Any] = {}
    for tensor in (t for module in network.modules() for t in _tensors(vars(module))):
        if isinstance(tensor, FakeTensor):  # left by an export: it never held numbers
            memo[id(tensor)] = None
        elif not tensor.is_leaf:
            memo[id(tensor)] = tensor.detach().clone()
    copied = copy.deepcopy(network, memo)
    for module in copied.modules():
        if isinstance(forward := vars(module).get("forward"), FunctionType):
            module.forward = _rebound(forward, memo)
    return copied


def _rebound(function: FunctionType, memo: dict[int, Any]) -> FunctionType:
    """A forward set by hand (`lambda x, n=network: n.head(x)`) that holds the copies instead."""

    def own(value: Any) -> Any:
        return memo.get(id(value), value) if isinstance(value, nn.Module) else value

    cells = tuple(CellType(own(cell.cell_contents)) for cell in function.__closure__ or ())
    defaults = tuple(map(own, function.__defaults__ or ()))
    found = FunctionType(function.__code__, function.__globals__, function.__name__,
                         defaults or None, cells or None)  # fmt: skip
    found.__kwdefaults__ = {k: own(v) for k, v in (function.__kwdefaults__ or {}).items()} or None
    return found


def _tensors(value: object, seen: set[int] | None = None) -> Iterator[Tensor]:
    """The tensors in attributes, however deep they lie in lists, tuples and dicts."""
    seen = set() if seen is None else seen
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple | set) and id(value) not in seen:
        seen.add(id(value))
        for each in value.values() if isinstance(value, dict) else value:
            yield from _tensors(each, seen)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """All of the network in evaluation mode; behind it each module's mode is what it was.

    >>> network = nn.Sequential(nn.BatchNorm1d(2).eval(), nn.Dropout())
    >>> with evaluating(network):
    ...     [module.training for module in network]
    [False, False]
    >>> [module.training for module in network]
    [False, True]
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def check_weights(network: nn.Module) -> None:
    """Raise ValueError, naming the tensor, unless all weights and buffers are finite numbers."""
    for name, tensor in (*arguments.network(network).named_parameters(), *network.named_buffers()):
        broken = int((~tensor.isfinite()).sum())
        if broken:
            raise ValueError(
                f"{name} holds {broken:,} NaN or infinite values of {tensor.numel():,}: the "
                f"training ran away; load an earlier checkpoint or train with a lower learning rate"
            )


def layers(
    network: nn.Module,
    kinds: type[nn.Module] | tuple[type[nn.Module], ...] = WEIGHTED,
    names: Iterable[str] | None = None,
) -> dict[str, nn.Module]:
    """The layers of these kinds by name, in the order of the network; only `names` if given.

    Raises ValueError when there are none, and for a name that is no such layer.
    """
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    network = unwrapped(network)
    found = {name: module for name, module in network.named_modules() if isinstance(module, kinds)}
    wanted = " or ".join(kind.__name__ for kind in kinds)
    if not found:
        raise ValueError(f"this {type(network).__name__} has no {wanted} layer to work on")
    if names is None:
        return found
    if not isinstance(names, Iterable):
        raise ValueError(f"names must be names of layers, or None for all, got {names!r:.60}")
    names = [names] if isinstance(names, str) else list(names)
    wrong = [name for name in names if name not in found]
    if wrong:
        raise ValueError(
            f"no {wanted} layer named {wrong[0]!r} in this {type(network).__name__}; "
            f"there are: {', '.join(found)}"
        )
    return {name: found[name] for name in found if name in names}


def plain(network: nn.Module) -> nn.Module:
    """A copy whose parametrizations (masks, simulated rounding) are written into the weights."""
    network = copied(network)
    for module in network.modules():
        if not parametrize.is_parametrized(module):
            continue
        steps: dict[str, nn.Module] = dict(module.parametrizations.items())  # type: ignore
        weights = {name: getattr(module, name).detach().clone() for name in steps}
        learns = {n: any(p.requires_grad for p in step.parameters()) for n, step in steps.items()}
        del module.parametrizations
        # Not remove_parametrizations: it takes the weight off the class, which copies share.
        module.__class__ = type(module).__mro__[1]
        others = dict(module._parameters)
        module._parameters.clear()
        for name, weight in weights.items():
            module.register_parameter(name, nn.Parameter(weight, learns[name]))
        module._parameters.update(others)
    return network
