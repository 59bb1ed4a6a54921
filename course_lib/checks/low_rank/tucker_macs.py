"""Task 1 of exercise 06: three layers for one."""

import math

import torch

from ..inputs import whole
from ..task import task


def _convolutions(random: torch.Generator, case: int) -> tuple:
    inputs, outputs = whole(random, 20, 39), whole(random, 41, 60)
    ranks = whole(random, 3, 9), whole(random, 11, 17)
    side = 2 * whole(random, 8, 20) + (1 if case % 4 == 2 else 0)
    return inputs, outputs, (3, 5)[case // 4 % 2], 1 if case % 4 == 0 else 2, side, ranks


def _stops(side, by):
    """At how many places a window stops that moves by so many."""
    return math.ceil(side / by) ** 2


@task("06_low_rank", draw=_convolutions, borrowed=("cost", "macs", "macs_by_layer", "count"))
def tucker_macs(
    inputs, outputs, window, stride, side, ranks, *, behind=(0, 1, 1), stops=_stops, sides=2
):
    """A layer that comes before the stride works at four times as many places as one behind it.

    Whoever counts weights alone does not see it, and wonders about the time.
    """
    r, s = ranks
    weights = inputs * r, window**sides * r * s, s * outputs
    places = [stops(side, stride) if strided else side**2 for strided in behind]
    return sum(each * at for each, at in zip(weights, places, strict=True))


tucker_macs.mistaken("weights_alone", behind=(1, 1, 1), stops=lambda side, by: 1)("""
    - How often is each weight used for one picture?
    - You counted the weights. Each of them is multiplied at every place of its layer's output.
    - Multiply the weights of each layer by the places at which that layer is computed.
""")

tucker_macs.mistaken("stride_at_the_start", behind=(1, 1, 1))("""
    - Which of the three layers has the stride?
    - You compute the first layer at fewer places than there are. The window behind it still needs
      all of them.
    - The first 1x1 comes before the stride: it runs at every place of the layer's input.
""")

tucker_macs.mistaken("stride_forgotten", behind=(0, 0, 0))("""
    - What does the stride do to the number of places?
    - With a stride of 1 your number is right. With 2 the window stops at every second place only.
    - From the middle layer on there are fewer places, in the height and in the width.
""")

tucker_macs.mistaken("stride_at_the_end", behind=(0, 0, 1))("""
    - Which of the three layers has the stride?
    - At how many places does the window stop? You let it stop everywhere.
    - The window moves by the stride, so the middle layer already has fewer places.
""")

tucker_macs.mistaken("one_side_only", stops=lambda side, by: math.ceil(side / by) * side)("""
    - In how many directions does the window move?
    - The stride counts for the height and for the width; you let it count once.
    - A picture of half the side has how many places: a half, or fewer?
""")

tucker_macs.mistaken("side_rounded_down", stops=lambda side, by: (side // by) ** 2)("""
    - Mostly right. What happens to a side that the stride does not divide?
    - At a side of 5 and a stride of 2 the window stops at the places 0, 2 and 4.
    - Look at how you divide the side: `//` rounds down.
""")

tucker_macs.mistaken("half_a_window", sides=1)("""
    - How many weights has a window of 3x3?
    - The window has a height and a width. You counted one of them.
    - In the middle layer each pair of channels has a whole window of weights, not a row of it.
""")


@tucker_macs.mistake
def window_everywhere(inputs, outputs, window, *rest):
    """
    - How large is the window of each of the three layers?
    - You gave the window to more than one layer.
    - Only the middle layer looks around; the first and the last have a window of 1x1.
    """
    return window**2 * tucker_macs.right(inputs, outputs, 1, *rest)


@tucker_macs.mistake
def ranks_swapped(inputs, outputs, window, stride, side, ranks):
    """
    - Which of the two ranks belongs to the inputs?
    - Your first layer goes to the second rank.
    - The order is that of the picture's way: inputs, first rank, second rank, outputs.
    """
    return tucker_macs.right(inputs, outputs, window, stride, side, ranks[::-1])


tucker_macs.mistaken("counted_twice", lambda *layer: 2 * tucker_macs.right(*layer))("""
    - In which unit did you count?
    - A multiplication and its addition together are one multiply-add.
    - You counted both. The course counts the pair as one.
""")


@tucker_macs.mistake
def without_the_last(inputs, outputs, *rest):
    """
    - How many layers are there?
    - What comes out of yours has as many channels as the second rank. The next layer wants all.
    - The third layer is missing: a 1x1 from the second rank to the outputs.
    """
    return tucker_macs.right(inputs, 0, *rest)


tucker_macs.mistaken("last_at_the_start", behind=(0, 1, 0))("""
    - How large is the picture when it reaches the third layer?
    - You let the last layer run at all places of the input. The middle one left fewer.
    - What the window leaves out never comes back: the last 1x1 works on the middle layer's output.
""")

tucker_macs.mistaken("side_not_rounded", stops=lambda side, by: (side / by) ** 2)("""
    - Mostly right. Can a window stop at half a place?
    - At a side of 5 and a stride of 2 the window stops at the places 0, 2 and 4.
    - Your side is a fraction if the stride does not divide it. The task says how it is rounded.
""")

tucker_macs.mistaken("one_place_too_many", stops=lambda side, by: (side // by + 1) ** 2)("""
    - At a side of 6 and a stride of 2, at which places does the window stop?
    - You always add one place. With a stride of 1 the side stays as it is, says the task.
    - Only a side that the stride does not divide is rounded up.
""")

tucker_macs.mistaken(
    "stride_for_all_the_work", behind=(1, 1, 1), stops=lambda side, by: side**2 // by
)("""
    - Which of the three layers does the stride make cheaper, and by how much?
    - You divide the work of all three layers by the stride, once.
    - The stride leaves out rows and columns, and only from the middle layer on.
""")


def _side_alone(inputs, outputs, window, stride, side, ranks):
    r, s = ranks
    after = math.ceil(side / stride)
    return inputs * r * side + (window**2 * r * s + s * outputs) * after


tucker_macs.mistaken("a_row_of_places", _side_alone)("""
    - How many places has a picture of 4 x 4?
    - You count one row of places. The picture has as many rows as columns.
    - Each weight is used at every place: the side, times the side.
""")


@tucker_macs.mistake
def padding_forgotten(inputs, outputs, window, stride, side, ranks):
    """
    - Of how many zeros around the picture does the task tell?
    - Without padding a window of 3 stops at two places fewer. The layer has a padding.
    - With `window // 2` zeros at each side and a stride of 1 the side stays as it is.
    """
    stops = lambda side, by: ((side - window) // by + 1) ** 2  # noqa: E731
    return tucker_macs.right(inputs, outputs, window, stride, side, ranks, stops=stops)


@tucker_macs.mistake
def each_channel_alone(inputs, outputs, window, stride, side, ranks):
    """
    - To how many channels does each channel of the middle layer's input go?
    - Your middle layer has one window for each channel. That is another of the chapter's ways.
    - Every output channel of a convolution looks at every input channel: multiply both ranks.
    """
    r, s = ranks
    after = _stops(side, stride)
    return inputs * r * side**2 + (window**2 * r + s * outputs) * after


@tucker_macs.mistake
def one_rank_for_both(inputs, outputs, window, stride, side, ranks):
    """
    - There are two ranks. Where does the second one come in?
    - You used the first rank for both. They are not the same.
    - Write the number of channels before, between and after: there are four of them.
    """
    return tucker_macs.right(inputs, outputs, window, stride, side, (ranks[0], ranks[0]))


@tucker_macs.mistake
def last_from_the_first_rank(inputs, outputs, window, stride, side, ranks):
    """
    - How many channels come out of the middle layer?
    - Your last layer takes the first rank. What reaches it are the channels of the second.
    - Each layer takes as many channels as the one before it gives.
    """
    r, s = ranks
    after = _stops(side, stride)
    return inputs * r * side**2 + (window**2 * r * s + r * outputs) * after


@tucker_macs.mistake
def stride_twice(inputs, outputs, window, stride, side, ranks):
    """
    - Which of the three layers has the stride?
    - You let the picture shrink twice: in the middle layer, and in the last one again.
    - The last layer's 1x1 stops at every place of what it is given.
    """
    (r, s), after = ranks, math.ceil(side / stride)
    return (inputs * r * side**2 + window**2 * r * s * after**2
            + s * outputs * math.ceil(after / stride) ** 2)  # fmt: skip


@tucker_macs.mistake
def window_in_the_first(inputs, outputs, window, stride, side, ranks):
    """
    - Which of the three layers looks around?
    - You gave the window to the first layer. That is `channel_svd`, with a layer more.
    - The order is 1x1, window, 1x1.
    """
    r, s = ranks
    after = _stops(side, stride)
    return window**2 * inputs * r * side**2 + (r * s + s * outputs) * after


@tucker_macs.mistake
def biases_too(inputs, outputs, window, stride, side, ranks):
    """
    - A little too much. What is added, but not multiplied?
    - You count a bias for each output. It is an addition alone, and the course does not count it.
    - A multiply-add belongs to a weight: inputs times outputs times window, and nothing beside.
    """
    r, s = ranks
    return (tucker_macs.right(inputs, outputs, window, stride, side, ranks)
            + r * side**2 + (s + outputs) * _stops(side, stride))  # fmt: skip


def _whole(inputs, outputs, window, stride, side, ranks):
    return window**2 * inputs * outputs * _stops(side, stride)


@tucker_macs.mistake
def saved_instead_of_left(*layer):
    """
    - Of what is your number: of what the three layers need, or of what is no longer needed?
    - You take the three layers from the whole one: that is what they save.
    - Asked for is what they need. The layer that they replace does not come into it.
    """
    return _whole(*layer) - tucker_macs.right(*layer)


@tucker_macs.mistake
def as_a_share(*layer):
    """
    - In which unit is the answer?
    - You return a share of the whole layer. A number of multiply-adds was asked for.
    - Leave the layer that the three replace out of it.
    """
    return tucker_macs.right(*layer) / _whole(*layer)


tucker_macs.mistaken("the_whole_layer", _whole)("""
    - For which layers did you count?
    - That is the layer before it was split. The ranks do not come into it.
    - Three layers stand in its place: inputs to the first rank, to the second, to the outputs.
""")
