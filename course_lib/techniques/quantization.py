"""Quantization: fewer bits for the weights and the activations of a network.

The numbers are in `integers`, the ranges of activations in `calibration`, batch norms in
`folding`, codebooks in `weight_sharing`; all of it can be reached from here.

>>> from course_lib import models
>>> network = models.LeNet300100()
>>> small = quantize_weights(network, bits=2)
>>> small.layers[1].weight[0].unique().numel()  # of each neuron: -scale, 0, scale
3
>>> stored_bytes(network, bits=32), stored_bytes(network, bits=2)
(1066440, 69830)
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from course_lib.images.data import ImageData
from course_lib.networks import counting, structure, training
from course_lib.networks.folding import fold_batch_norm
from course_lib.techniques.calibration import METHODS, Ranges, calibrate
from course_lib.techniques.integers import (
    Quantized,
    dequantize,
    fake_quantize,
    integer_conv,
    integer_linear,
    limits,
    quantize,
    scale_and_zero_point,
)
from course_lib.techniques.weight_sharing import Codebook, codebook, lloyd, shared_bytes

__all__ = [
    "METHODS", "Codebook", "Quantized", "Ranges", "calibrate", "codebook", "dequantize",
    "fake_quantize", "fold_batch_norm", "integer_conv", "integer_linear", "integer_weights",
    "limits", "lloyd", "quantize", "quantize_network", "quantize_weights", "scale_and_zero_point",
    "shared_bytes", "simulate", "stored_bytes", "train_quantized", "trained_integers",
]  # fmt: skip


def integer_weights(
    network: nn.Module,
    bits: int = 8,
    per_channel: bool = True,
    symmetric: bool = True,
    names: Iterable[str] | None = None,
) -> dict[str, Quantized]:
    """The weights of every convolution and linear layer as integers: {layer: Quantized}.

    The scale comes from the smallest and the largest weight, of the layer or, per channel, of
    each output channel. These are the numbers that an engine stores, which folds batch norms
    first (`fold_batch_norm`). names: only these layers.

    Raises ValueError for bits out of range, NaN weights, names that are no such layers.
    """
    limits(bits)
    network = structure.plain(network)
    found = {}
    with torch.no_grad():
        for name, layer in structure.layers(network, names=names).items():
            weight = layer.weight
            assert isinstance(weight, Tensor)
            if not weight.numel():
                raise ValueError(f"layer {name} has no weights: {tuple(weight.shape)}")
            axes = tuple(range(1 if per_channel else 0, weight.ndim))
            low, high = weight.amin(axes, keepdim=True), weight.amax(axes, keepdim=True)
            scale, zero_point = scale_and_zero_point(low, high, bits, symmetric)
            integers = quantize(weight, scale, zero_point, bits, symmetric)
            found[name] = Quantized(integers, scale, zero_point)
    return found


def quantize_weights(
    network: nn.Module,
    bits: int = 8,
    per_channel: bool = True,
    symmetric: bool = True,
    names: Iterable[str] | None = None,
) -> nn.Module:
    """A copy, in evaluation mode, whose weights lie on the grid of `bits`; they stay floats.

    See `integer_weights`, whose integers these are, as real numbers again. Biases and batch norms
    are left as they are.
    """
    rounded = integer_weights(network, bits, per_channel, symmetric, names)
    network = structure.plain(network)
    for name, layer in structure.layers(network, names=rounded).items():
        _write(layer, dequantize(*rounded[name]))
    return network


def quantize_network(
    network: nn.Module,
    ranges: Ranges,
    weight_bits: int = 8,
    activation_bits: int = 8,
    per_channel: bool = True,
) -> nn.Module:
    """A copy, in evaluation mode, that computes in floats what an integer engine computes.

    Batch norms are folded; weights are rounded, symmetric; and the inputs of every convolution
    and linear layer are rounded on their way in, affine, to the ranges that `calibrate` saw.
    Biases stay floats (engines keep them in 32 bits).

    Raises ValueError for bits out of range, ranges of other layers than the network has, and
    whatever `fold_batch_norm` refuses.
    """
    limits(activation_bits)
    network = quantize_weights(fold_batch_norm(network), weight_bits, per_channel)
    _round_inputs(network, ranges, activation_bits)
    return network


def simulate(
    network: nn.Module,
    bits: int,
    ranges: Ranges | None = None,
    activation_bits: int = 8,
) -> nn.Module:
    """A copy to train: its weights are rounded to `bits` each time they are used.

    The weights behind them stay real numbers, which training moves by the straight-through
    gradient, until they round to another value. Each output channel has a scale of its own, which
    is learned too (learned step size: Esser et al. 2020, arXiv 1902.08153). With ranges, the
    inputs of the layers are rounded as well, see `quantize_network`.
    Train it with `training.fit`, with any loss; `structure.plain` then writes the rounded weights
    in.
    """
    limits(bits, symmetric=True)
    network = structure.copied(network)
    for layer in structure.layers(network).values():
        rounding = RoundedWeight(layer.weight, bits)  # type: ignore[arg-type]
        parametrize.register_parametrization(layer, "weight", rounding)
    if ranges is not None:
        _round_inputs(network, ranges, activation_bits)
    return network


def train_quantized(
    network: nn.Module,
    data: ImageData,
    bits: int,
    epochs: int = 2,
    learning_rate: float = 0.01,
    ranges: Ranges | None = None,
    activation_bits: int = 8,
    **settings: Any,  # further arguments of training.fit
) -> tuple[nn.Module, training.History]:
    """Quantization-aware training: train a trained network on with rounding in place.

    Returns (network, history). The network rounds its weights as it runs, and can be trained
    further; `structure.plain` writes the rounded weights in. See `simulate`, which it comes from.
    """
    simulated = simulate(network, bits, ranges, activation_bits)
    return training.fit(simulated, data, epochs, learning_rate, **settings)


def trained_integers(simulated: nn.Module) -> tuple[nn.Module, dict[str, Quantized]]:
    """What training with rounding left: the network as it is now, and its weights' integers.

    simulated: as `simulate` and `train_quantized` give it. Returns (network with batch norms
    folded and rounded weights written in, {layer: Quantized}), for `engines.int8`. A batch norm
    multiplies the scales, the integers stay; scales are rounded to 8 significant bits.
    Raises ValueError for a network whose weights are not rounded.
    """
    found, folded = {}, fold_batch_norm(simulated)
    with torch.no_grad():
        for name, layer in structure.layers(simulated).items():
            steps: Any = getattr(layer, "parametrizations", {})
            if "weight" not in steps or not isinstance(steps.weight[-1], RoundedWeight):
                raise ValueError(
                    f"the weights of {name} are not rounded; simulate(network, bits) does it"
                )
            rounding: Any = steps.weight[-1]
            weight, after = layer.weight, folded.get_submodule(name).weight
            assert isinstance(weight, Tensor)
            assert isinstance(after, Tensor)
            raw, integers = weight.flatten(1), (weight / rounding.step).round()
            largest = raw.abs().argmax(1, keepdim=True)
            factor = after.flatten(1).gather(1, largest) / raw.gather(1, largest)
            factor = torch.where(raw.gather(1, largest) == 0, 1.0, factor).view_as(rounding.step)
            scale = _short_floats(rounding.step * factor.abs()).clamp(min=torch.finfo().tiny)
            integers = (integers * factor.sign()).to(torch.int8)
            found[name] = Quantized(integers, scale, torch.zeros_like(scale, dtype=torch.int32))
            after.copy_(dequantize(*found[name]))
    return folded, found


def _short_floats(values: Tensor) -> Tensor:
    """Rounded to 8 significant bits, as bfloat16 has them."""
    return values.to(torch.bfloat16).to(values.dtype)


def stored_bytes(
    network: nn.Module, bits: int, per_channel: bool = True, symmetric: bool = True
) -> int:
    """Bytes of the network with the weights of its convolution and linear layers in `bits`.

    Counted: the integers packed side by side, layer by layer; four bytes for each scale, and, if
    affine, one for each zero point; everything else (biases, batch norms) as it lies in memory.
    32 bits: the network as it is, without scales.
    """
    network = structure.plain(network)
    if bits == 32:
        return counting.weight_bytes(network)
    limits(bits, symmetric)
    total = counting.weight_bytes(network)
    for layer in structure.layers(network).values():
        weight = layer.weight
        assert isinstance(weight, Tensor)
        total -= weight.numel() * weight.element_size()
        total += math.ceil(weight.numel() * bits / 8)
        total += (weight.shape[0] if per_channel else 1) * (4 if symmetric else 5)
    return total


class RoundedWeight(nn.Module):
    """The parametrization that `simulate` puts on each weight: symmetric, learned scales."""

    def __init__(self, weight: Tensor, bits: int):
        super().__init__()
        if not weight.numel():
            raise ValueError(f"there are no weights to round in one of shape {tuple(weight.shape)}")
        self.bits = bits
        axes, (_, highest) = tuple(range(1, weight.ndim)), limits(bits, symmetric=True)
        mean = weight.detach().abs().mean(axes, keepdim=True)
        start = 2 * mean / math.sqrt(highest)  # Esser et al. 2020, section 2.1
        start = start.clamp(min=torch.finfo(start.dtype).eps)  # a channel of zeros
        self.scale = nn.Parameter(start, requires_grad=weight.requires_grad)
        # So that a scale, which all weights of its channel pull at, moves no faster than they do.
        self.pull = 1 / math.sqrt(weight[0].numel() * highest)

    @property
    def step(self) -> Tensor:
        """The scales as they are used: training may carry a parameter below zero."""
        return self.scale.abs().clamp(min=torch.finfo(self.scale.dtype).eps)

    def forward(self, weight: Tensor) -> Tensor:
        scale = self.step * self.pull + (self.step * (1 - self.pull)).detach()
        return fake_quantize(weight, scale, 0, self.bits, symmetric=True)


@dataclass(frozen=True)
class RoundedInput:
    """The hook that rounds what goes into a layer. Plain numbers, so that it fits any device."""

    scale: float
    zero_point: int
    bits: int

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        rounded = fake_quantize(inputs[0], self.scale, self.zero_point, self.bits)
        return rounded, *inputs[1:]


def _round_inputs(network: nn.Module, ranges: Ranges, bits: int) -> None:
    layers = structure.layers(network)
    missing, unknown = layers.keys() - ranges.keys(), ranges.keys() - layers.keys()
    if missing or unknown:
        raise ValueError(
            f"ranges must hold (low, high) for each of the {len(layers)} convolution and linear "
            f"layers; missing: {', '.join(sorted(missing)) or 'none'}; not in the network: "
            f"{', '.join(sorted(unknown)) or 'none'}; calibrate(network, images) makes them"
        )
    for name, layer in layers.items():
        if any(isinstance(hook, RoundedInput) for hook in layer._forward_pre_hooks.values()):
            raise ValueError(
                f"the inputs of layer {name!r} are rounded already; "
                f"start from the network before quantize_network or simulate"
            )
        scale, zero_point = scale_and_zero_point(*ranges[name], bits)
        layer.register_forward_pre_hook(RoundedInput(scale.item(), int(zero_point), bits))


@torch.no_grad()
def _write(layer: nn.Module, weight: Tensor) -> None:
    assert isinstance(layer.weight, Tensor)
    layer.weight.copy_(weight)
