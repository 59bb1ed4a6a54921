"""How many MACs a convolution takes, with a stride and a padding."""

import math
from collections.abc import Callable

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


@conv_macs.mistake
def with_the_bias(inputs, outputs, window, side, stride, padding):
    """
    - Which part of your sum multiplies nothing?
    - A bias is added. There is no multiplication that it would go with.
    - A MAC is a multiplication together with the addition that follows it: leave the bias out.
    """
    macs = conv_macs.right(inputs, outputs, window, side, stride, padding)
    return macs + macs // (inputs * window**2)


conv_macs.mistaken("one_input", lambda _inputs, *rest: conv_macs.right(1, *rest))("""
    - Which of the arguments did you not use?
    - Your window lies over a single channel. How many channels come in?
    - Each number of the output is computed from *all* input channels.
""")

conv_macs.mistaken("one_output", lambda inputs, _out, *rest: conv_macs.right(inputs, 1, *rest))("""
    - Which of the arguments did you not use?
    - You counted one channel of the output. How many does the layer put out?
    - Each output channel has a filter of its own, which stops at every place.
""")


@conv_macs.mistake
def numbers_alone(inputs, outputs, window, side, stride, padding):
    """
    - How much work is one number of the output?
    - You counted the numbers that the layer puts out, not what each of them costs.
    - The start chapter's function had two lines: how many numbers, and how many multiplications
      for each.
    """
    return conv_macs.right(1, outputs, 1, side - window + 1, stride, padding)


@conv_macs.mistake
def one_dimension(inputs, outputs, window, side, stride, padding):
    """
    - Is the picture a single row?
    - You counted one row of the output, and one row of the window.
    - Both are squares: places as well as window count along the rows and along the columns.
    """
    return one_row(inputs, outputs, window, side, stride, padding) // window


@conv_macs.mistake
def padding_not_multiplied(inputs, outputs, window, side, stride, padding):
    """
    - Does a layer look at a number before it multiplies by it?
    - You leave out what is multiplied by the zeros of the padding. They are multiplied like any
      other number.
    - All places cost the same. How many are there?
    """
    starts = range(-padding, side + padding - window + 1, stride)
    real = sum(min(start + window, side) - max(start, 0) for start in starts)
    return inputs * outputs * real**2


# What follows counts other places along one side.


def _with_places(along: Callable) -> Callable:
    """The MACs with so many places along one side, given window, side, stride and padding."""
    return lambda inputs, outputs, window, *rest: (
        inputs * outputs * window**2 * along(window, *rest) ** 2
    )


conv_macs.mistaken("without_stride", _with_places(lambda w, side, _, p: side + 2 * p - w + 1))("""
    - Which of the arguments did you not use?
    - Your window stops at every pixel. How far does it move each time?
    - From one place to the next it is `stride` pixels: fewer places fit into the same way.
""")

conv_macs.mistaken(
    "padding_added_last", _with_places(lambda w, s, by, p: (s - w) // by + 1 + 2 * p)
)("""
    - Is each pixel of padding a place where the window stops?
    - You add the padding to the places. The window steps over padding as over any other pixel.
    - The padding makes the *picture* wider. Where in your formula is the picture's width?
""")

conv_macs.mistaken("window_beyond", _with_places(lambda w, side, by, p: (side + 2 * p) // by))("""
    - Where does the window stop last? Does all of it still lie on the padded picture?
    - You count every place where a window could *begin*. At the last ones it reaches beyond.
    - How far can the window's first pixel go? The window's own width takes some of the way.
""")

conv_macs.mistaken(
    "window_last", _with_places(lambda w, side, by, p: (side + 2 * p) // by - w + 1)
)("""
    - Print your places for a picture of 7, a window of 5 and a stride of 2, and draw them.
    - You divide first and subtract the window then: it is subtracted in steps, not in pixels.
    - Window, side and padding are pixels: put them together before you ask how many steps fit.
""")

conv_macs.mistaken("rounded_up_side", _with_places(lambda w, side, by, p: math.ceil(side / by)))("""
    - Draw a row of 7 pixels and move a window of 5 along it, 2 a step. How often does it stop?
    - The side divided by the stride is right only where the padding is half of the window.
    - Window and padding both change how far the window can go. Where are they in your formula?
""")

conv_macs.mistaken("brackets", _with_places(lambda w, side, by, p: side + 2 * p - w // by + 1))("""
    - In which order does Python compute `a - b // c`?
    - In yours only the window is divided by the stride.
    - The window's whole way is cut into steps. Look at where your division begins.
""")

conv_macs.mistaken("of_the_padded_picture", _with_places(lambda w, side, by, p: side + 2 * p))("""
    - A row of 5 pixels, a window of 3: at how many places can it stop?
    - You count every pixel of the padded picture as a place. The window stops at fewer.
    - First find out at how many places the window stops along one side; then count as you did.
""")


@conv_macs.mistake
def stride_at_the_end(inputs, outputs, window, side, stride, padding):
    """
    - Nearly. Does a stride of 2 always leave exactly a quarter?
    - You divide the whole work by the stride's square. Of 4 places in a row a stride of 3 uses two,
      not four thirds.
    - Count the places along one side with the stride in it, and only then multiply.
    """
    return conv_macs.right(inputs, outputs, window, side, 1, padding) // stride**2


@conv_macs.mistake
def stride_in_one_direction(inputs, outputs, window, side, stride, padding):
    """
    - Does the stride count on the way to the right only?
    - In one direction you step by `stride`, in the other by single pixels.
    - The window moves down in steps of `stride` as well.
    """
    every = side + 2 * padding - window + 1
    return one_row(inputs, outputs, window, side, stride, padding) * every


conv_macs.mistaken("padding_taken_off", ends=-2)("""
    - Does padding make a picture larger or smaller?
    - You take the padding off the side. It is put around it.
    - How wide is a picture of 8 pixels with a padding of 3? Draw it.
""")

conv_macs.mistaken("window_doubled", lambda *given: conv_macs.right(*given) * 2 // given[2])("""
    - How many pixels does a window of 3 cover?
    - Twice the side is not the side squared.
    - `window` is the length of one side. Each of the window's pixels is multiplied.
""")


@conv_macs.mistake
def channels_added_up(inputs, outputs, window, side, stride, padding):
    """
    - With 2 channels in and 3 out, how many pairs are there?
    - You add inputs and outputs. Is each output computed from one input?
    - Every output channel looks at every input channel.
    """
    return conv_macs.right(1, inputs + outputs, window, side, stride, padding)


_PLACES = {
    "known_side": lambda w, side, by, p: side,
    "divided": lambda w, side, by, p: side // by,
    "without_padding": lambda w, side, by, p: (side - w) // by + 1,
    "padded_once": lambda w, side, by, p: (side + p - w) // by + 1,
    "steps": lambda w, side, by, p: (side + 2 * p - w) // by,
    "without_stride": lambda w, side, by, p: side + 2 * p - w + 1,
}
_COSTS = {
    "one_row": lambda i, o, w, places: i * o * w**2 * places,
    "flat_window": lambda i, o, w, places: i * o * w * places**2,
    "one_input": lambda i, o, w, places: o * w**2 * places**2,
    "one_output": lambda i, o, w, places: i * w**2 * places**2,
    "operations": lambda i, o, w, places: 2 * i * o * w**2 * places**2,
}


def _twice_wrong(inputs, outputs, window, side, stride, padding, *, along, costs):
    return costs(inputs, outputs, window, along(window, side, stride, padding))


for _where, _along in _PLACES.items():
    for _what, _cost in _COSTS.items():
        conv_macs.mistaken(f"{_where}_and_{_what}", _twice_wrong, along=_along, costs=_cost)("""
    - Two things are wrong. Begin with the places: at how many does a window of 5 stop along a row
      of 7 pixels, 2 a step? And with a pixel of padding at each end?
    - Once the places along one side are right: what does each number of the output cost, and how
      many numbers are there?
    - Print the places first, and hold them against a drawing. Then hold the rest against the start
      chapter's function, part by part.
""")
