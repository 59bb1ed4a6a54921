"""Channels by eights: which stay, when their number is rounded up to a multiple."""

import math

import torch
from torch import Tensor

from ..task import task


def _shares(random: torch.Generator, case: int) -> tuple:
    count, fraction, multiple = (
        (44, 0.25, 8),  # 33: up is another number than down, or than the nearest
        (20, 0.125, 8),  # more than there are
        (64, 0.5, 8),  # no rounding needed
        (12, 0.75, 8),  # rounded down there would be none
        (33, 0.5, 8),  # half a channel too many
        (100, 0.375, 16),
        (30, 0.125, 16),
        (48, 0.75, 4),
    )[case % 8]
    return torch.rand(count, generator=random), fraction, multiple


def _best(importance: Tensor, count: float) -> list[int]:
    order = importance.argsort(descending=True)
    return order[: max(0, int(count))].sort().values.tolist()


@task("02_neuron_pruning", draw=_shares)
def stays(importance, fraction, multiple, *, whole=math.ceil):
    """Processors take channels by 8 (AVX2) or 16 (AVX-512) at once: 33 take the steps of 40 or 48.

    Where an engine works that way the odd ones are free, and libraries for phones round widths in
    just this way.
    """
    left = (1 - fraction) * len(importance)
    return _best(importance, multiple * whole(left / multiple))


# Of mistakes that fit alike the first is named: those that show in few cases come first.


@stays.mistake
def half_channels_cut_off(importance, fraction, multiple):
    """
    - What is half of 33 channels, before you round to the multiple?
    - You make the count whole before you round it up to the multiple, and a little gets lost there.
    - There are two roundings in your function. Do only the one that was asked for, the one to the
      multiple, on the count as it comes.
    """
    left = int((1 - fraction) * len(importance))
    return _best(importance, multiple * math.ceil(left / multiple))


@stays.mistake
def counted_from_the_end(importance, fraction, multiple):
    """
    - Try 20 channels and a share of an eighth, in eights. How many come back?
    - Rounded up, there may be more channels to keep than there are. What does your slice do then?
    - A slice that starts at a negative number counts from the end. All channels should stay there.
    """
    left = (1 - fraction) * len(importance)
    start = len(importance) - multiple * math.ceil(left / multiple)
    return importance.argsort()[start:].sort().values.tolist()


stays.mistaken(
    "always_eights",
    lambda importance, fraction, multiple: stays.right(importance, fraction, 8),
)("""
    - Try it with a multiple of 4, and of 16.
    - You round to eights, whatever the multiple.
    - There is a number 8 in your function. Which argument belongs in its place?
""")

stays.mistaken("nearest_multiple", whole=round)("""
    - Where is 33 to go, with a multiple of 8?
    - You take the nearest multiple. That is sometimes below the count.
    - `round` goes both ways. Here it goes one way, so that never more is removed than was asked
      for.
""")

stays.mistaken("always_one_more", whole=lambda multiples: math.floor(multiples) + 1)("""
    - Half of 64 channels, in eights. Is there anything to round?
    - A count that is a multiple already stays what it is. Yours becomes the next one.
    - Adding one after `//` is right except where nothing was left over: look at that case alone.
""")

stays.mistaken("rounded_down", whole=math.floor)("""
    - Take 12 channels, of which three quarters go. How many stay in your function?
    - You round down. Then more goes than was asked for, and of few channels none may be left.
    - Which way do you round, and what does `//` do? The multiple *above* is asked for.
""")


@stays.mistake
def remainder_added(importance, fraction, multiple):
    """
    - How far is it from 33 to the next multiple of 8? And what is 33 % 8?
    - You add what is left over when you divide. What is missing up to the next multiple?
    - 33 is one above 32, and seven below 40. Your sum needs the second, and nothing where nothing
      is left over.
    """
    left = round((1 - fraction) * len(importance))
    return _best(importance, left + left % multiple)


def _without_multiple(name, whole):
    """Counts that nobody rounded to the multiple, made whole in one way or another."""
    stays.mistaken(
        name,
        lambda importance, fraction, multiple: _best(
            importance, whole((1 - fraction) * len(importance))
        ),
    )("""
        - How many channels stay? Is that a number that the hardware likes?
        - The share is right, but `multiple` has no say in your count.
        - Between the share and the choice comes a step: from the count that the share leaves to
          the next multiple above it.
    """)


_without_multiple("multiple_forgotten", round)
_without_multiple("multiple_forgotten_above", math.ceil)
_without_multiple("multiple_forgotten_below", math.floor)


def _gone_rounded(name, whole):
    """What goes is a multiple, not what stays."""
    stays.mistaken(
        name,
        lambda importance, fraction, multiple: _best(
            importance,
            len(importance) - multiple * whole(fraction * len(importance) / multiple),
        ),
    )("""
        - Count what stays in your result. Is it a multiple?
        - You round how many go. Who reads the layer afterwards sees how many stay.
        - First say how many stay, then round that number.
    """)


_gone_rounded("what_goes_is_rounded", math.ceil)
_gone_rounded("what_goes_is_rounded_down", math.floor)


stays.mistaken(
    "fraction_stays",
    lambda importance, fraction, multiple: stays.right(importance, 1 - fraction, multiple),
)("""
    - A quarter of 44 channels goes. How many stay in your function?
    - You keep the share that is to go.
    - `fraction` is what goes. What is left of the whole?
""")


@stays.mistake
def the_first(importance, fraction, multiple):
    """
    - Is the most important channel in your list? Try it with the last one as the most important.
    - The count is right, but these are the first channels of the layer, whatever their importance.
    - Did you order the numbers before you cut the list off? First the best, then their order.
    """
    return [*range(len(stays.right(importance, fraction, multiple)))]


@stays.mistake
def the_values(importance, fraction, multiple):
    """
    - What are channels called: by their number in the layer, or by their importance?
    - The right ones, but you return their importances.
    - `sort` gives back two things, `topk` too. Which of them says where the values stood?
    """
    kept = stays.right(importance, fraction, multiple)
    return importance.sort(descending=True).values[: len(kept)]


@stays.mistake
def places_in_the_ranking(importance, fraction, multiple):
    """
    - `argsort` of `argsort`: what does it say of each channel?
    - Yours are places in the ranking, one for each of the first channels.
    - Ordering once names the channels, best or worst first. Ordering that again names places.
    """
    kept = stays.right(importance, fraction, multiple)
    return importance.argsort(descending=True).argsort()[: len(kept)]


stays.mistaken("the_least_important", lambda importance, *rest: stays.right(-importance, *rest))("""
    - Take the channels [0.1, 0.9] and keep one of them. Which is it?
    - The count is right, but you keep the wrong end: the least important ones.
    - `argsort` begins with the smallest. Which end of its result is yours?
""")


@stays.mistake
def those_that_go(importance, fraction, multiple):
    """
    - Does your list name the channels that stay, or the others?
    - You return what goes, as the library's `choose` does. Asked for is what stays.
    - Turn it around: which numbers are *not* in your list?
    """
    kept = set(stays.right(importance, fraction, multiple))
    return [number for number in range(len(importance)) if number not in kept]


@stays.mistake
def in_order_of_importance(importance, fraction, multiple):
    """
    - The right channels. In which order do they stand in the layer?
    - Yours are ordered by importance. Then the channels of the smaller layer would change places.
    - Order the numbers themselves before you return them: the chapter's `trim` does that, too.
    """
    kept = stays.right(importance, fraction, multiple)
    return importance.argsort()[-len(kept) :].tolist()
