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
