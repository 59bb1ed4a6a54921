"""Round weights to integers so that a network's outputs change least: no training, a few pictures.

Two things are learned from pictures that flow through the network. How much its outputs answer to
each channel's weights says how fine the channel's step has to be. And how a layer's inputs go
together says which of its other weights can make up for the rounding of one.

>>> torch.manual_seed(0)
<torch._C.Generator object at ...>
>>> network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 4))
>>> images = torch.randn(64, 20) @ torch.randn(20, 20)
>>> seen = moments(network, images, batch_size=64)
>>> found = rounded(network, seen, steps(network, seen, harm=3e-3))
>>> found["0"].quantized.integers.shape, found["0"].bias.shape
(torch.Size([30, 20]), torch.Size([30]))
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.networks import structure
from course_lib.techniques.integers import Quantized

MOST = 64  # 255 * 64 twice is the most that processors without VNNI add up in 16 bits
FEWEST = 3  # steps to the largest weight of a channel: pictures of other things may need it more
DAMPING = 0.01  # of the mean second moment: a few pictures do not show every direction
PLACES = 20_000  # windows of a batch that are looked at in one layer
SCALES = 4  # to an octave: scales of few values pack well


@dataclass
class Moments:
    """What pictures showed of a layer.

    inputs: (groups, window + 1, window + 1), the mean products of any two of the inputs of one
    output, the bias's one among them; sensitivity: (outputs,), the mean square of what the
    outputs of the whole network change by for one weight of this channel.
    """

    inputs: Tensor
    sensitivity: Tensor


class Rounded(NamedTuple):
    """A layer's weights as integers with a scale for each channel, and the bias that fits them."""

    quantized: Quantized
    bias: Tensor


def moments(
    network: nn.Module, images: Tensor, batch_size: int = 8, seed: int = 0
) -> dict[str, Moments]:
    """What these pictures (count, ...) show of each convolution and linear layer, by name.

    The sensitivity is Fisher's information of the logits under white noise: the squared gradient
    of a random combination of them, one for each picture. Batch norms must be folded.
    Raises ValueError for convolutions of groups that are neither one nor one for each channel.
    """
    network = structure.copied(network).eval()
    layers = _layers(network)
    for name, layer in layers.items():
        if isinstance(layer, nn.Conv2d) and layer.groups not in (1, layer.out_channels):
            raise ValueError(
                f"layer {name!r} has {layer.groups} groups; only one, or one for each of its "
                f"{layer.out_channels} channels, can be rounded together"
            )
    found: dict[str, Moments] = {}

    def watch(name: str, layer: nn.Conv2d | nn.Linear, inputs: Tensor) -> None:
        windows = _windows(layer, inputs.detach())
        products = windows.mT @ windows / windows.shape[1] * (len(inputs) / len(images))
        if name in found:
            found[name].inputs += products
        else:
            found[name] = Moments(products, torch.zeros(len(layer.weight)))

    hooks = [
        layer.register_forward_pre_hook(lambda own, given, name=name: watch(name, own, given[0]))
        for name, layer in layers.items()
    ]
    with torch.no_grad():
        for batch in images.split(batch_size):
            network(batch)
    for hook in hooks:
        hook.remove()
    weights = [layer.weight.requires_grad_() for layer in layers.values()]
    generator = torch.Generator().manual_seed(seed)
    for image in images:
        logits = network(image[None])
        mixture = torch.randn(logits.shape, generator=generator)
        total = (logits * (mixture - mixture.mean())).sum()  # a shift of all changes no softmax
        for name, gradient in zip(layers, torch.autograd.grad(total, weights), strict=True):
            found[name].sensitivity += gradient.flatten(1).square().mean(1) / len(images)
    return found


def steps(network: nn.Module, seen: Mapping[str, Moments], harm: float) -> dict[str, Tensor]:
    """The step of each channel, (outputs,) by layer, at which every bit saved does equal harm.

    A step d leaves an error of d squared / 12 on each weight, and one bit a weight more halves d.
    So bits are best spread where sensitivity times d squared is one number everywhere: `harm`
    (Shoham and Gersho 1988). A channel counts at least as the median one of its layer, has at
    least FEWEST and at most MOST steps up to its largest weight, and scales are few.
    Raises ValueError unless harm is above zero.
    """
    if not harm > 0:
        raise ValueError(f"harm must be above zero, got {harm}; 3e-6 left photos their names")
    found = {}
    for name, layer in _layers(network).items():
        largest = layer.weight.detach().flatten(1).abs().amax(1).clamp(min=1e-12)
        sensitive = seen[name].sensitivity
        used = sensitive[largest > 1e-6]
        floor = used.median() if len(used) else sensitive.new_tensor(1.0)
        step = (harm / sensitive.clamp(min=max(floor.item(), 1e-20))).sqrt()
        coarsest = (largest / FEWEST).minimum(step).log2().mul(SCALES).floor()
        finest = (largest / MOST).log2().mul(SCALES).ceil()
        found[name] = 2 ** (coarsest.maximum(finest) / SCALES)
    return found


def rounded(
    network: nn.Module, seen: Mapping[str, Moments], scales: Mapping[str, Tensor]
) -> dict[str, Rounded]:
    """Integers for each layer's weights, one after the other, the rest making up for each.

    (Frantar et al. 2023, GPTQ, arXiv 2210.17323, section 3.) The bias comes last and stays a real
    number: it takes up the mean that rounding shifts (Nagel et al. 2019, arXiv 1906.04721, 4.2).
    """
    found = {}
    for name, layer in _layers(network).items():
        weight, scale = layer.weight.detach(), scales[name]
        bias = weight.new_zeros(len(weight)) if layer.bias is None else layer.bias.detach()
        integers, bias = _compensated(weight.flatten(1), bias, scale, seen[name].inputs)
        shape = (-1, *[1] * (weight.ndim - 1))
        found[name] = Rounded(
            Quantized(
                integers.reshape(weight.shape),
                scale.reshape(shape),
                torch.zeros_like(scale, dtype=torch.int32).reshape(shape),
            ),
            bias,
        )
    return found


@torch.no_grad()
def written(network: nn.Module, found: Mapping[str, Rounded]) -> nn.Module:
    """A copy of the network that computes in floats with the values that the integers stand for."""
    network = structure.copied(network)
    for name, layer in _layers(network).items():
        (integers, scale, _), bias = found[name]
        layer.weight.copy_(integers * scale)
        layer.bias = nn.Parameter(bias.to(layer.weight.dtype))
    return network


def _layers(network: nn.Module) -> dict[str, nn.Conv2d | nn.Linear]:
    return structure.layers(network)  # type: ignore[return-value]


def _compensated(
    weight: Tensor, bias: Tensor, scale: Tensor, inputs: Tensor, block: int = 128
) -> tuple[Tensor, Tensor]:
    """int8 (outputs, window) and the new bias (outputs,)."""
    left, step = torch.cat([weight, bias[:, None]], 1).double(), scale.double()
    products = inputs.double().clone()
    diagonal = products.diagonal(dim1=1, dim2=2)
    diagonal[:, :-1] += DAMPING * diagonal[:, :-1].mean(1, keepdim=True) + 1e-12
    diagonal[:, -1] += 1e-6
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(products))
    # Row i: how those after i share its error.
    share = torch.linalg.cholesky(inverse, upper=True)
    integers = torch.zeros(weight.shape, dtype=torch.int8)
    for start, stop in _blocks(weight.shape[1], block):
        errors = left.new_zeros(len(left), stop - start)
        for i in range(start, stop):
            nearest = (left[:, i] / step).round().clamp(-MOST, MOST)
            integers[:, i] = nearest.to(torch.int8)
            error = (left[:, i] - nearest * step) / share[:, i, i]
            left[:, i + 1 : stop] -= error[:, None] * share[:, i, i + 1 : stop]
            errors[:, i - start] = error
        rest = share[:, start:stop, stop:]
        left[:, stop:] -= errors @ rest[0] if len(rest) == 1 else (errors[:, None] @ rest)[:, 0]
    return integers, left[:, -1].float()


def _blocks(count: int, block: int) -> Iterator[tuple[int, int]]:
    yield from ((start, min(start + block, count)) for start in range(0, count, block))


def _windows(layer: nn.Conv2d | nn.Linear, inputs: Tensor) -> Tensor:
    """What each output is computed from, and a one for the bias: (groups, places, window + 1)."""
    if isinstance(layer, nn.Linear):
        windows = inputs.reshape(1, -1, inputs.shape[-1])
    else:
        inputs = F.pad(inputs, layer._reversed_padding_repeated_twice)
        (rows, columns), (down, across) = layer.kernel_size, layer.stride
        # (count, channels, height, width, rows, columns)
        views = inputs.unfold(2, rows, down).unfold(3, columns, across)
        places = views.shape[0] * views.shape[2] * views.shape[3]
        every = max(1, round((places / PLACES) ** 0.5))
        views = views[:, :, every // 2 :: every, every // 2 :: every]
        views = views.unflatten(1, (layer.groups, -1)).permute(1, 0, 3, 4, 2, 5, 6)
        windows = views.flatten(4).flatten(1, 3)
    return torch.cat([windows, torch.ones_like(windows[..., :1])], -1)
