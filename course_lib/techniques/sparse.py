"""What zeros are worth: bytes in several formats, time in sparse arithmetic.

>>> import torch
>>> weight = torch.tensor([[0.5, 0.0, 0.0, 0.0], [0.0, 0.0, -0.25, 0.0]])  # 8 weights, 2 kept
>>> {how: stored_bytes(weight, how) for how in ("dense", "bitmask", "csr")}
{'dense': 32, 'bitmask': 9, 'csr': 28}
"""

import math
import warnings
import zlib
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from course_lib import arguments
from course_lib.kept import content
from course_lib.networks import structure
from course_lib.techniques import weight_pruning

FORMATS = {
    "dense": "every weight, zeros too",
    "bitmask": "one bit a weight, then the weights that are not zero",
    "csr": "compressed sparse rows: each weight that is not zero with its column, and where each "
    "row begins; 32 bits for a column and a beginning, as in SciPy",
    "entropy": "the fewest bytes that say where the zeros are if they lie at random (the "
    "entropy), then the weights that are not zero",
    "zlib": "the dense weights through zlib, level 9",
}
INDEX_BYTES = 4


def stored_bytes(what: nn.Module | Tensor, how: str) -> int:
    """Bytes of a weight stored in one of `FORMATS`; of a network, all it has to store.

    In a network the weights of convolutions and linear layers take the format, layer by layer;
    biases, norms and other parameters and buffers stay dense. No header is counted. Values keep
    their own type, 4 bytes for float32.
    """
    arguments.one_of("how", how, tuple(FORMATS))
    if isinstance(what, Tensor):
        return _weight_bytes(arguments.tensor("what", what).detach().cpu(), how)
    network = structure.plain(arguments.network(what))
    weights = {f"{name}.weight" for name in structure.layers(network)}
    return sum(
        _weight_bytes(tensor.cpu(), how if name in weights else "dense")
        for name, tensor in network.state_dict().items()
    )


def _weight_bytes(weight: Tensor, how: str) -> int:
    kept = int(weight.count_nonzero())
    count, values = weight.numel(), kept * weight.element_size()
    if how == "bitmask":
        return math.ceil(count / 8) + values
    if how == "csr":
        rows = len(weight) if weight.ndim else 1
        return values + kept * INDEX_BYTES + (rows + 1) * INDEX_BYTES
    if how == "entropy":
        return math.ceil(count * _entropy(kept / max(1, count)) / 8) + values
    if how == "zlib":
        return len(zlib.compress(content(weight), 9))
    return count * weight.element_size()


def _entropy(share: float) -> float:
    """Bits for each yes or no when this share is yes (Shannon 1948)."""
    return -sum(p * math.log2(p) for p in (share, 1 - share) if p > 0)


def break_even(network: nn.Module, how: str, scope: str = "layer") -> float | None:
    """The sparsity from which the network, pruned by magnitude, takes fewer bytes than dense.

    Found on its own weights by bisection, to 0.1%. None if there is no such sparsity.
    """
    dense = stored_bytes(network, "dense")

    def saves(thousandths: int) -> bool:
        chosen = weight_pruning.masks(network, thousandths / 1000, scope=scope)
        return stored_bytes(weight_pruning.apply(network, chosen), how) < dense

    low, high = 0, 999
    if not saves(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if saves(middle) else (middle + 1, high)
    return low / 1000


def crossing(
    sparsities: Sequence[float], values: Sequence[float], reference: Sequence[float]
) -> float | None:
    """From which sparsity `values` stay below `reference`, between the measured ones by a line.

    >>> crossing([0.5, 0.9, 0.98], values=[4, 2, 1], reference=[1.5, 1.5, 1.5])
    0.94
    >>> crossing([0.5, 0.9], values=[4, 2], reference=[1, 1]) is None
    True
    """
    above = [value - limit for value, limit in zip(values, reference, strict=True)]
    if above[-1] >= 0:
        return None
    last = max((i for i, distance in enumerate(above) if distance >= 0), default=-1)
    if last == -1:
        return sparsities[0]
    step = above[last] / (above[last] - above[last + 1])
    return sparsities[last] + step * (sparsities[last + 1] - sparsities[last])


class CsrLayer(nn.Module):
    """A convolution or linear layer that stores and multiplies its nonzero weights alone.

    A convolution becomes a product of matrices: its weight (outputs, inputs x kernel), and one
    column of inputs for each place of the output.
    """

    def __init__(self, layer: nn.Conv2d | nn.Linear):
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls its sparse tensors beta, each time
            self.weight = layer.weight.detach().flatten(1).to_sparse_csr()
        self.bias = layer.bias
        self.unfold = None
        if isinstance(layer, nn.Conv2d):
            padding = cast(tuple[int, int], layer.padding)
            self.unfold = nn.Unfold(layer.kernel_size, layer.dilation, padding, layer.stride)

    def forward(self, inputs: Tensor) -> Tensor:
        if self.unfold is None:
            columns = inputs.reshape(-1, inputs.shape[-1]).T
            outputs = (self.weight @ columns).T.reshape(*inputs.shape[:-1], -1)
            return outputs if self.bias is None else outputs + self.bias
        outputs = torch.stack([self.weight @ columns for columns in self.unfold(inputs)])
        if self.bias is not None:
            outputs = outputs + self.bias[:, None]
        kernel, dilation, padding, stride = (
            cast(tuple[int, int], getattr(self.unfold, name))[0]
            for name in ("kernel_size", "dilation", "padding", "stride")
        )
        rows = (inputs.shape[2] + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        return outputs.unflatten(2, (rows, -1))


def csr(network: nn.Module) -> nn.Module:
    """A copy that computes with compressed sparse rows; the same outputs, up to rounding.

    Raises ValueError for grouped convolutions and other padding than zeros.
    """
    network = structure.plain(network)
    for name, layer in structure.layers(network).items():
        if isinstance(layer, nn.Conv2d) and (
            layer.groups > 1 or layer.padding_mode != "zeros" or isinstance(layer.padding, str)
        ):
            raise ValueError(
                f"csr takes convolutions of one group padded with a number of zeros, got {layer}"
            )
        parent, _, own = name.rpartition(".")
        setattr(network.get_submodule(parent), own, CsrLayer(cast(nn.Conv2d, layer)))
    return network
