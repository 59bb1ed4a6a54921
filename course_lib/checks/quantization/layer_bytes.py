"""The bytes of a quantized layer: its integers, and what lies beside them."""

import functools
import math
from collections.abc import Callable, Sequence

import torch

from ..task import task
from .inputs import between


def _layers(random: torch.Generator, case: int) -> tuple:
    outputs, inputs = (2 * int(between(random, low, high)) + 1 for low, high in ((5, 60), (3, 30)))
    bits, kernel = (3, 4, 5, 8)[case // 2 % 4], (3, 3) if case % 2 else ()
    # In 3 and 5 bits, more than half of the last byte is used in one case, less in the next.
    while bits % 2 and (math.prod((outputs, inputs, *kernel)) * bits % 8 > 4) != (case % 2 == 0):
        inputs += 2
    return (outputs, inputs, *kernel), bits


@task("04_quantization", draw=_layers)
def layer_bytes(shape, bits, *, whole=math.ceil, beside=8, outputs=0):
    """What lies beside the integers counts: in a layer of 100 inputs, 4 bits each, it is an eighth.

    Whoever leaves it out reports files that nobody can open.
    """
    return whole(math.prod(shape) * bits / 8) + beside * shape[outputs]


def _weights_and(beside: Callable, shape: Sequence[int], bits: int) -> int:
    """The bytes of the integers, and what a mistake puts beside them."""
    return math.ceil(math.prod(shape) * bits / 8) + beside(shape)


for _name, _all_in_bits in (
    ("in_bits", lambda shape, bits: math.prod(shape) * bits),
    ("everything_in_bits", lambda shape, bits: math.prod(shape) * bits + 64 * shape[0]),
):
    layer_bytes.mistaken(_name, _all_in_bits)("""
    - Your number is in another unit than the one asked for.
    - A byte has 8 bits.
    - Divide the bits of all weights by 8 and round up: a file has no half bytes. Then add what is
      stored beside them.
""")

layer_bytes.mistaken("bits_among_bytes", lambda s, bits: math.prod(s) * bits + 8 * s[0])("""
    - You add two numbers. Are they in one unit?
    - What you count of the weights are bits; what you count of scales and biases are bytes.
    - Make bytes of the weights' bits, before you add anything.
""")

layer_bytes.mistaken("bytes_among_bits", beside=64)("""
    - You add two numbers. Are they in one unit?
    - The weights are in bytes. What you add for scales and biases is far too much.
    - float32 has 32 bits. How many bytes are that?
""")

layer_bytes.mistaken("as_float64", beside=16)("""
    - How large is a number of float32?
    - You give each scale and each bias 8 bytes: that is float64.
    - 32 bits for a scale, 32 bits for a bias, and 8 bits in a byte.
""")

for _name, _each in (
    ("a_byte_for_each", lambda bits: math.ceil(bits / 8)),
    ("no_byte_for_each", lambda bits: bits // 8),
):
    layer_bytes.mistaken(_name, lambda s, bits, of=_each: math.prod(s) * of(bits) + 8 * s[0])("""
    - How many bits does one weight take in your function? Try 3 bits, and then 8.
    - You make whole bytes of each weight's bits. Two weights of 4 bits share one byte.
    - *Without gaps*: first count the bits of all weights, then divide by 8.
""")


@layer_bytes.mistake
def each_row_by_itself(shape, bits):
    """
    - Where do your last bits go: at the end of the layer, or of each output?
    - You round up once for each output channel. That leaves gaps between them.
    - *Without gaps*: round up once, for all weights together.
    """
    return shape[0] * (math.ceil(math.prod(shape[1:]) * bits / 8) + 8)


@layer_bytes.mistake
def without_the_kernel(shape, bits):
    """
    - How many weights does a 3x3 convolution have?
    - You count one weight for each input and output. What about height and width?
    - The shape has two numbers or four. All of them are multiplied.
    """
    return math.ceil(shape[0] * shape[1] * bits / 8) + 8 * shape[0]


@layer_bytes.mistake
def lengths_added(shape, bits):
    """
    - How many weights are there in a layer of 3 outputs and 5 inputs?
    - 3 rows of 5 weights: are these 8?
    - You add the numbers of the shape. The count of weights is their product.
    """
    return math.ceil(sum(shape) * bits / 8) + 8 * shape[0]


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


layer_bytes.mistaken("one_of_each", functools.partial(_weights_and, lambda shape: 8))("""
    - How many scales are there, and how many biases? Read the task again.
    - One for the whole layer is too few.
    - There are as many of each as output channels, which is the first number of the shape.
""")

for _name, _beside in (
    ("beside_each_weight", lambda shape: 8 * math.prod(shape)),
    ("beside_each_kernel", lambda shape: 8 * shape[0] * shape[1]),
):
    layer_bytes.mistaken(_name, functools.partial(_weights_and, _beside))("""
    - How many numbers share a scale? Read the task again.
    - You store far more scales than there are output channels.
    - One number of the shape counts the output channels. That many scales there are, and biases.
""")

for _name, _many in (("all_in_few_bits", 2), ("biases_in_few_bits", 1)):
    layer_bytes.mistaken(_name, lambda s, bits, few=_many: (
        math.ceil((math.prod(s) + few * s[0]) * bits / 8) + 4 * (2 - few) * s[0]
    ))("""
    - Which numbers are stored in `bits`, and which in float32?
    - You squeeze what lies beside the weights into `bits`, too.
    - Only the weights are integers of few bits. Scales and biases take 4 bytes each.
""")  # fmt: skip

layer_bytes.mistaken("zero_points_too", beside=12)("""
    - Which numbers lie beside the weights? Count them, as the task names them.
    - You count three for each output channel; two are named.
    - The weights' grid is symmetric, so there is no zero point to be stored.
""")

layer_bytes.mistaken("along_the_last", outputs=-1)("""
    - Which number of the shape counts the output channels?
    - The last number of the shape is a width, or counts the inputs.
    - Scales and biases go with the outputs: the first number of the shape.
""")

layer_bytes.mistaken("along_the_inputs", outputs=1)("""
    - Which number of the shape counts the output channels?
    - PyTorch stores (outputs, inputs, height, width). You counted scales along the inputs.
    - Scales and biases go with the outputs: the first number of the shape, not the second.
""")

layer_bytes.mistaken("to_the_nearest", whole=round)("""
    - Sometimes right, sometimes one too few: which way do you round?
    - You round to the nearest. If two bits are left over, what becomes of them?
    - What does not fill the last byte needs that byte all the same: look for a function that
      always rounds up.
""")

layer_bytes.mistaken("always_one_more", whole=lambda exact: math.floor(exact) + 1)("""
    - Sometimes right, sometimes one too many: try 8 bits.
    - You add a byte even where the last one is full.
    - Round up: a whole number stays as it is.
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
