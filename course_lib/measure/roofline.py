"""The roofline: is a layer bound by arithmetic or by bytes, on the machine you sit at?

A processor multiplies at most so fast, and fetches bytes at most so fast. A layer that does many
multiplications for each byte it moves waits for the first, one that does few for the second.
Source: Williams, Waterman and Patterson 2009, Communications of the ACM 52 (4).

>>> roof = Roof(macs_per_second=50e9, bytes_per_second=10e9)
>>> roof.ridge  # multiply-adds for each byte, from where on arithmetic is what limits
5.0
>>> roof.reachable(1.0), roof.reachable(20.0)
(10000000000.0, 50000000000.0)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.measure.measuring import latency
from course_lib.networks import counting, structure

SIDES = (192, 384, 768)  # of the square matrices that are multiplied: the fastest is the roof
COPIED = 2**26  # bytes; more than the caches that one core uses hold


@dataclass(frozen=True)
class Roof:
    """What the machine can do at best, on the threads it was measured with."""

    macs_per_second: float  # float32 multiply-adds
    bytes_per_second: float  # read and written

    @property
    def ridge(self) -> float:
        """Multiply-adds for each byte from where on arithmetic limits, not memory."""
        return self.macs_per_second / self.bytes_per_second

    def reachable(self, intensity: float) -> float:
        """The most multiply-adds a second at so many for each byte."""
        return min(self.macs_per_second, intensity * self.bytes_per_second)


@dataclass(frozen=True)
class Point:
    """A layer, or a whole network, under the roof."""

    name: str
    macs: int  # multiply-adds for one image
    bytes: int  # weights, input and output, each moved once
    seconds: float

    @property
    def intensity(self) -> float:
        """Multiply-adds for each byte."""
        return self.macs / self.bytes

    @property
    def speed(self) -> float:
        """Multiply-adds a second."""
        return self.macs / self.seconds

    def share(self, roof: Roof) -> float:
        """How much of what is reachable at its intensity it reaches.

        Above 1 where a convolution needs fewer multiplications than are counted (Winograd's form,
        Lavin and Gray 2016), or the product was timed at a slow moment.
        """
        return self.speed / roof.reachable(self.intensity)


def roof(threads: int = 1, limit_s: float = 2) -> Roof:
    """Measure this machine: the fastest product of square matrices, and a copy of memory."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        factors = [(torch.rand(s, s), torch.rand(s, s), torch.empty(s, s)) for s in SIDES]
        source = torch.ones(COPIED // 4)
        target = torch.empty_like(source)
        *products, copy = latency(
            *(lambda a=a, b=b, out=out: torch.mm(a, b, out=out) for a, b, out in factors),
            lambda: target.copy_(source),
            limit_s=limit_s,
        )
    finally:
        torch.set_num_threads(before)
    speeds = [side**3 / time.median_ms * 1e3 for side, time in zip(SIDES, products, strict=True)]
    return Roof(max(speeds), 2 * COPIED / copy.median_ms * 1e3)


def layers(network: nn.Module, image: Tensor, threads: int = 1, limit_s: float = 3) -> list[Point]:
    """Every convolution and linear layer alone, in PyTorch, with the input it gets in the network.

    image: (1, channels, height, width). Norms and activations are not timed.
    """
    network = structure.plain(network)
    inputs: dict[str, Tensor] = {}
    named = structure.layers(network)
    handles = [
        layer.register_forward_pre_hook(
            lambda _layer, given, name=name: inputs.__setitem__(name, given[0].contiguous())
        )
        for name, layer in named.items()
    ]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            network(image)
            for handle in handles:
                handle.remove()
            runs = [lambda n=name: named[n](inputs[n]) for name in inputs]
            times = latency(*runs, limit_s=limit_s)
    finally:
        torch.set_num_threads(before)
    moved = {
        layer.name: layer.input_bytes + layer.output_bytes
        for layer in counting.each_layer(network, tuple(image.shape[1:]))
        if layer.macs
    }
    macs = counting.macs_by_layer(network, tuple(image.shape[1:]))
    return [
        Point(
            name,
            macs[name],
            moved[name] + counting.weight_bytes(named[name]),
            time.median_ms / 1e3,
        )
        for name, time in zip(inputs, times, strict=True)
    ]


def describe(points: Sequence[Point], roof: Roof) -> str:
    """A line for each point: what limits it, and how much of the reachable it reaches."""
    return "\n".join(
        f"{point.name:12} {point.intensity:6.1f} multiply-adds a byte, "
        f"{point.speed / 1e9:6.1f} billion a second, {point.share(roof):4.0%} of the roof "
        f"({'arithmetic' if point.intensity > roof.ridge else 'memory'})"
        for point in points
    )
