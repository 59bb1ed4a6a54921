"""How many MACs a convolution takes, with a stride and a padding."""

import math

import torch

from ..task import task
from .numbers import between


def _convolutions(random: torch.Generator, case: int) -> tuple:
    window, stride, padding = ((5, 2, 1), (3, 3, 2), (7, 2, 3), (4, 3, 1))[case % 4]
    left_over = (stride - 1) * (case // 4 % 2)  # pixels that no step reaches, as many as can be
    side = between(random, 6, 20) * stride + left_over + window - 2 * padding
    return between(random, 3, 12), between(random, 13, 40), window, side, stride, padding


@task("01_jigsaw", draw=_convolutions, borrowed=("macs", "macs_by_layer", "get_total_flops"))
def conv_macs(inputs, outputs, window, side, stride, padding, *, ends=2, whole=int, first=1):
    """A stride of 2 leaves a quarter of the work, there and in all that follows.

    That is why our network begins with one, and why silencing a channel, which leaves every
    multiplication in place, makes nothing faster yet.
    """
    places = whole((side + ends * padding - window) / stride) + first
    return outputs * places**2 * inputs * window**2


@conv_macs.mistake
def known_side(inputs, outputs, window, side, stride, padding):
    """
    - Where do stride and padding come into your result?
    - The start chapter's count was given the side of the output. Here `side` is that of the input.
    - First find out at how many places the window stops along one side; then count as you did.
    """
    return inputs * outputs * window**2 * side**2


@conv_macs.mistake
def divided_by_the_stride(inputs, outputs, window, side, stride, padding):
    """
    - Draw a row of 7 pixels and move a window of 5 along it, 2 a step. How often does it stop?
    - Dividing the side by the stride is right for some windows and paddings alone.
    - The window's first pixel cannot stand everywhere: how far can it go before the window leaves
      the padded picture?
    """
    return inputs * outputs * window**2 * (side // stride) ** 2


conv_macs.mistaken("without_padding", ends=0)("""
    - Which of the arguments did you not use?
    - The zeros around the picture are there for the window to stand on.
    - The picture that the window moves over is wider than `side`: on the left, and on the right.
""")

conv_macs.mistaken("padded_on_one_side", ends=1)("""
    - How wide is a picture of 8 pixels with a padding of 3? Draw it.
    - A row has two ends.
    - The padding lies around the picture: in each row it counts on the left and on the right.
""")

conv_macs.mistaken("steps_for_places", first=0)("""
    - Count the fence posts, and the gaps between them.
    - You counted how often the window moves. At how many places does it stop?
    - A window that fits without any move still stops once: test it with side and window alike.
""")

conv_macs.mistaken("rounded_up", whole=math.ceil)("""
    - Sometimes right, sometimes too many: what if the last step does not fit?
    - A window that would reach beyond the padded picture is not computed.
    - Look at how you round: pixels that are left over at the end make no place of their own.
""")

conv_macs.mistaken("fractions", whole=float)("""
    - Is a third of a place a place?
    - Somewhere your result is a fraction: the window stops at whole places only.
    - Look at your division: pixels that are left over at the end make no place.
""")


@conv_macs.mistake
def one_row(inputs, outputs, window, side, stride, padding):
    """
    - Does the window move to the right only?
    - The places are right along one side. The output is a square of them.
    - You counted one row of the output. How many rows has it?
    """
    places = (side + 2 * padding - window) // stride + 1
    return inputs * outputs * window**2 * places


@conv_macs.mistake
def flat_window(inputs, outputs, window, side, stride, padding):
    """
    - How many pixels does a window of 3 cover?
    - The window is as high as it is wide.
    - `window` is the length of its side. Each of its pixels is multiplied, in every input channel.
    """
    return conv_macs.right(inputs, outputs, window, side, stride, padding) // window


@conv_macs.mistake
def weights_alone(inputs, outputs, window, side, stride, padding):
    """
    - Is a weight used once, for one picture?
    - You counted the weights. The same weights are used at every place.
    - Multiply by the numbers of the output that belong to one channel: rows times columns.
    """
    return inputs * outputs * window**2


conv_macs.mistaken("operations", lambda *given: 2 * conv_macs.right(*given))("""
    - What is one MAC: one operation, or two?
    - You counted multiplications and additions apart, as PyTorch's own counter does.
    - A MAC is a multiplication together with the addition that follows it. Count the pair once.
""")
