"""What is counted from the network itself, the same on every machine: operations and bytes.

>>> from torch import nn
>>> network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(8 * 4 * 4, 10))
>>> macs_by_layer(network, (3, 4, 4))  # 4x4 places x 8 filters x (3x3x3), then 128 x 10
{'0': 3456, '2': 1280}
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList
from torch.utils.flop_counter import FlopCounterMode

from course_lib import arguments
from course_lib.networks import structure

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
COUNTED = (*CONVOLUTIONS, *TRANSPOSED, nn.Linear)
# Weights of several dimensions, but no sums of products: a norm folds into its neighbour.
UNCOUNTED = (nn.LayerNorm, nn.Embedding, ParametrizationList)

# Picojoules in 45 nm at 0.9 V: Horowitz, "Computing's energy problem", ISSCC 2014, figure 1.1.9;
# the float and DRAM rows are table 1 of Han et al. 2015, arXiv 1506.02626.
PICOJOULES = {
    "float32 add": 0.9,
    "float32 multiply": 3.7,
    "int32 add": 0.1,
    "int8 add": 0.03,
    "int8 multiply": 0.2,
    "32 bits from DRAM": 640.0,
}
# One multiply-add; the products of int8 are summed up in 32 bits.
PICOJOULES_PER_MAC = {
    "float32": PICOJOULES["float32 multiply"] + PICOJOULES["float32 add"],
    "int8": PICOJOULES["int8 multiply"] + PICOJOULES["int32 add"],
}


@dataclass(frozen=True)
class Layer:
    """One call of one layer for one image: its multiply-accumulates and the bytes it touches."""

    name: str  # as in network.named_modules()
    kind: str
    macs: int
    input_bytes: int
    output_bytes: int

    @property
    def in_place(self) -> bool:
        """Could the result take the place of the input? (ReLU, batch norm, dropout, ...)"""
        return self.macs == 0 and self.input_bytes == self.output_bytes


@dataclass(frozen=True)
class Counted:
    """What a network holds and does for one image, all at once."""

    macs: int
    parameters: int  # weights and biases, zeros included; scales and zero points are none
    nonzero_parameters: int
    moved_bytes: int
    working_bytes: int


def count(network: nn.Module, shape: Sequence[int]) -> Counted:
    """All of it for one image of `shape`; `graphs.count` is the same for an ONNX file."""
    return Counted(
        macs=macs(network, shape),
        parameters=parameters(network),
        nonzero_parameters=nonzero_parameters(network),
        moved_bytes=moved_bytes(network, shape),
        working_bytes=working_memory(network, shape),
    )


def macs(network: nn.Module, shape: Sequence[int]) -> int:
    """Multiply-accumulates for one image of `shape`, e.g. (3, 64, 64); see `layers`."""
    return sum(layer.macs for layer in each_layer(network, shape))


def macs_by_layer(network: nn.Module, shape: Sequence[int]) -> dict[str, int]:
    """Multiply-accumulates of each layer that has any, in the order of the computation."""
    by_name: dict[str, int] = {}
    for layer in each_layer(network, shape):
        if layer.macs:
            by_name[layer.name] = by_name.get(layer.name, 0) + layer.macs
    return by_name


def each_layer(network: nn.Module, shape: Sequence[int]) -> tuple[Layer, ...]:
    """Every layer that one image of `shape` passes through, in order.

    One MAC is one multiplication and one addition (other counters call that 2 FLOPs).
    Convolutions (grouped, transposed) and linear layers are counted as dense: a weight that
    is zero is multiplied all the same. Bias, activation, pooling and norms count as nothing,
    as usual: they are thousands of times fewer, or fold into a neighbour.
    The sum is held against torch's own counter each time. Raises ValueError if they differ
    (products outside of these layers), if a layer is unknown (LSTM, attention), or if the
    network cannot take the image.
    """
    shape = arguments.shape("shape", shape)
    network = still(network)
    found: list[Layer] = []

    def note(name: str):
        def hook(module: nn.Module, inputs: tuple, output: object) -> None:
            count = _macs(module, inputs[0] if inputs else None, output)
            found.append(Layer(name, type(module).__name__, count, _bytes(inputs), _bytes(output)))

        return hook

    for name, module in network.named_modules():
        if not isinstance(module, (*COUNTED, *UNCOUNTED)):
            _refuse_matrices(name, module)
        if isinstance(module, COUNTED) or not any(module.children()):
            module.register_forward_hook(note(name))
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        try:
            network(torch.zeros(1, *shape, dtype=dtype))
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise ValueError(
                f"the network cannot take an image of shape {shape}: {error}"
            ) from None
    ours, theirs = sum(layer.macs for layer in found), counter.get_total_flops() / 2
    if ours != theirs:
        raise ValueError(
            f"the convolution and linear layers make {ours:,} multiply-accumulates, but torch "
            f"counts {theirs:,.0f}: the network multiplies outside of them, or a layer's weight "
            f"was replaced; use nn.Conv2d and nn.Linear so that every layer is counted"
        )
    return tuple(found)


def _macs(module: nn.Module, image: object, output: object) -> int:
    if not isinstance(module, COUNTED):
        return 0
    assert isinstance(image, Tensor)
    assert isinstance(output, Tensor)
    each = module.weight[0].numel()  # products for one place: of the output, or of the input
    return each * (image if isinstance(module, TRANSPOSED) else output).numel()


def _refuse_matrices(name: str, module: nn.Module) -> None:
    for own, weight in module.named_parameters(recurse=False):
        if weight.numel() > max(weight.shape, default=1):  # more than a scale for each channel
            raise ValueError(
                f"cannot count the operations of layer {name or 'network'!r}, a "
                f"{type(module).__name__}: its weight {own!r} {tuple(weight.shape)} belongs to no "
                f"convolution or linear layer; build it from nn.Conv2d and nn.Linear"
            )


def _bytes(value: object) -> int:
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, dict):
        value = tuple(value.values())
    return sum(_bytes(v) for v in value) if isinstance(value, (tuple, list)) else 0


def still(network: nn.Module) -> nn.Module:
    """A copy on the processor in evaluation mode; the network itself is left as it is."""
    return structure.duplicate(structure.unwrapped(network)).cpu().eval()


# Bytes


def weight_bytes(network: nn.Module) -> int:
    """Bytes of all parameters and buffers, as they lie in memory; shared ones count once."""
    return sum(t.numel() * t.element_size() for t in (*network.parameters(), *network.buffers()))


def parameters(network: nn.Module) -> int:
    """Number of parameters as stored, zeros included."""
    return sum(p.numel() for p in network.parameters())


def nonzero_parameters(network: nn.Module) -> int:
    """Number of parameters that are not zero; under a mask (torch.nn.utils.prune), the kept."""
    masks = dict(network.named_buffers())
    count = 0
    for name, weight in network.named_parameters():
        mask = masks.get(name.removesuffix("_orig") + "_mask")
        count += int((weight if mask is None else weight * mask).count_nonzero())
    return count


def working_memory(network: nn.Module, shape: Sequence[int]) -> int:
    """Bytes that one image needs: all weights, plus the largest input and output of one layer.

    That is what a microcontroller must hold when it computes layer by layer, with activations
    and norms in place. A skip connection keeps one more tensor alive, which is not counted.
    """
    largest = max(
        (layer.input_bytes + layer.output_bytes
         for layer in each_layer(network, shape) if not layer.in_place),
        default=0,
    )  # fmt: skip
    return weight_bytes(network) + largest


def moved_bytes(network: nn.Module, shape: Sequence[int]) -> int:
    """Bytes to and from memory for one image, at best.

    Every weight is read once; every convolution and linear layer reads its input and writes
    its output once. What stands between them (norm, activation, pooling) is taken as fused.
    """
    activations = sum(
        layer.input_bytes + layer.output_bytes for layer in each_layer(network, shape) if layer.macs
    )
    return weight_bytes(network) + activations


def estimated_energy(operations: int, bytes_moved: int, kind: str = "float32") -> float:
    """Millijoules: `operations` MACs, and `bytes_moved` to and from DRAM (640 pJ for 4 bytes).

    An *estimate*: published costs of a 45 nm chip (`PICOJOULES`, with their sources), no
    caches, no idle power. It says which of two networks needs less, not what your meter shows.

    >>> round(estimated_energy(operations=1_000_000, bytes_moved=4_000), 4)  # 4.6 uJ + 0.64 uJ
    0.0052
    """
    if kind not in PICOJOULES_PER_MAC:
        raise ValueError(f"kind must be one of {', '.join(PICOJOULES_PER_MAC)}, got {kind!r}")
    picojoules = operations * PICOJOULES_PER_MAC[kind]
    picojoules += bytes_moved / 4 * PICOJOULES["32 bits from DRAM"]
    return picojoules / 1e9
