"""Fold each batch norm into the layer before it: the same outputs, one operation fewer.

Every engine does this before it quantizes, so whoever compares weights must do it too.

>>> import torch
>>> from course_lib import models
>>> network = models.LeafNet(4).eval()
>>> folded = fold_batch_norm(network)
>>> [type(module).__name__ for module in folded.features[:3]]
['Conv2d', 'Identity', 'ReLU']
>>> images = torch.randn(2, 3, 32, 32)
>>> torch.allclose(folded(images), network(images), atol=1e-5)
True
"""

from collections import Counter

import torch
from torch import Tensor, fx, nn

from course_lib.networks import models, structure

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """A copy, in evaluation mode, whose batch norms are multiplied into the layer before them.

    A batch norm in use computes y = (x - mean) / sqrt(variance + eps) * scale + shift: a factor
    and a summand for each channel (Jacob et al. 2018, arXiv 1712.05877, section 3.2). Both go
    into the weights and the bias of a convolution or linear layer whose output the norm alone
    reads; an `nn.Identity` takes the norm's place, so that every layer keeps its name. Other
    norms stay, and a network without any comes back as a plain copy. Parametrizations (masks,
    simulated rounding) are written in first.

    Outputs are the same up to float rounding. Raises ValueError if the flow through the network
    can't be traced (a choice that depends on the values), or a weight is not a number.
    """
    network = structure.plain(network)
    modules = dict(network.named_modules())
    if not any(isinstance(module, NORMS) for module in modules.values()):
        return network
    for layer_name, norm_name in _pairs(network):
        layer, norm = modules[layer_name], modules[norm_name]
        assert isinstance(layer, structure.WEIGHTED)
        assert isinstance(norm, NORMS)
        _fold(layer, norm)
        parent, _, own = norm_name.rpartition(".")
        setattr(network.get_submodule(parent), own, nn.Identity())
    return network


def _pairs(network: nn.Module) -> list[tuple[str, str]]:
    """(layer, norm) by name, where the norm reads the layer's output and nothing else does."""
    try:
        graph = fx.Tracer(autowrap_functions=(models.check_images,)).trace(network)
    except Exception as error:  # tracing runs the network's own code, so any kind may come
        raise ValueError(
            f"the flow through this {type(network).__name__} can't be traced ({error}); "
            f"fold it by hand with torch.nn.utils.fusion.fuse_conv_bn_eval"
        ) from None
    calls = [node for node in graph.nodes if node.op == "call_module"]
    times_called = Counter(node.target for node in calls)
    modules = dict(network.named_modules())
    found = []
    for node in calls:
        norm, before = modules[str(node.target)], node.args[0]
        if not isinstance(norm, NORMS) or norm.running_mean is None:
            continue
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        if times_called[before.target] > 1 or times_called[node.target] > 1:
            continue
        if isinstance(modules[str(before.target)], structure.WEIGHTED):
            found.append((str(before.target), str(node.target)))
    return found


@torch.no_grad()
def _fold(layer: nn.Conv2d | nn.Linear, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = (norm.running_var + norm.eps).rsqrt()
    factor = factor if norm.weight is None else factor * norm.weight
    shift: Tensor | float = 0.0 if norm.bias is None else norm.bias
    bias = norm.running_mean.new_zeros(()) if layer.bias is None else layer.bias
    bias = (bias - norm.running_mean) * factor + shift
    layer.weight.mul_(factor.view(-1, *[1] * (layer.weight.ndim - 1)))
    layer.bias = nn.Parameter(bias, requires_grad=layer.weight.requires_grad)
