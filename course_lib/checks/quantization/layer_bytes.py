"""The bytes of a quantized layer: its integers, and what lies beside them."""

import math

import torch

from ..task import task
from .inputs import between


def _layers(random: torch.Generator, case: int) -> tuple:
    shape = [2 * int(between(random, low, high)) + 1 for low, high in ((5, 60), (3, 30))]
    return (*shape, 3, 3) if case % 2 else tuple(shape), (3, 4, 5, 8)[case // 2 % 4]


@task("04_quantization", draw=_layers)
def layer_bytes(shape, bits, *, whole=math.ceil, beside=8, outputs=0):
    """What lies beside the integers counts: in a layer of 100 inputs, 4 bits each, it is an eighth.

    Whoever leaves it out reports files that nobody can open.
    """
    return whole(math.prod(shape) * bits / 8) + beside * shape[outputs]


layer_bytes.mistaken("in_bits", lambda shape, bits: math.prod(shape) * bits)("""
    - Your number is in another unit than the one asked for.
    - A byte has 8 bits.
    - Divide the bits of all weights by 8 and round up: a file has no half bytes. Then add what is
      stored beside them.
""")

layer_bytes.mistaken("integers_alone", beside=0)("""
    - The integers are there. Can anyone make weights of them, with nothing beside?
    - What does each output channel need besides its integers?
    - Each output channel has a scale, and a bias: float32 numbers, of 4 bytes each.
""")

layer_bytes.mistaken("scales_without_biases", beside=4)("""
    - Each output channel has two numbers beside its weights. You counted one.
    - There is a scale for each output channel, and a bias.
    - Scales and biases: both are float32, and there are as many of each as output channels.
""")


@layer_bytes.mistake
def one_scale(shape, bits):
    """
    - How many scales are there? Read the task again.
    - You counted one scale for the whole layer: per tensor. Asked for is per channel.
    - There are as many scales as output channels, which is the first number of the shape.
    """
    return layer_bytes.right(shape, bits, beside=4) + 4


layer_bytes.mistaken("along_the_inputs", outputs=1)("""
    - Which number of the shape counts the output channels?
    - PyTorch stores (outputs, inputs, height, width). You counted scales along the inputs.
    - Scales and biases go with the outputs: the first number of the shape, not the second.
""")

layer_bytes.mistaken("rounded_down", whole=math.floor)("""
    - Sometimes right, sometimes one too few: what happens to the last bits?
    - If the bits do not fill the last byte, the byte is there all the same.
    - `//` and `int` round down. The bytes of a file are rounded up: `math.ceil`.
""")

layer_bytes.mistaken("half_bytes", whole=float)("""
    - A file of half a byte?
    - Your result is not whole. The last byte is there even if it is not full.
    - Round the bytes of the weights up, with `math.ceil`, before you add the others.
""")
