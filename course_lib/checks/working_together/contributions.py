"""Task 1 of exercise 07: who did how much?"""

import math
import operator
from itertools import pairwise

import torch

from ..inputs import whole
from ..task import task
from .results import listed


def _sizes(random: torch.Generator, case: int) -> tuple:
    sizes = [whole(random, 2_000_000, 5_000_000)]
    for number in range(3 + case % 3):
        sizes.append(sizes[-1] // whole(random, 2 + number % 2 * 3, 4 + number % 2 * 4))
    if case % 4 == 1:  # a step that makes the file larger, as a low-rank step at full rank does
        sizes.insert(2, sizes[1] * 5 // 4)
    if case % 4 == 3:  # one that changes nothing
        sizes.insert(2, sizes[1])
    return (sizes,)


def _way(before: float, after: float) -> float:
    """Equal lengths for equal factors."""
    return math.log(before / after)


@task("07_working_together", draw=_sizes, observed=listed)
def contributions(sizes, *, way=_way):
    """Counted in bytes the first step always looks best: there was the most to take.

    In factors every step is judged by the same measure, wherever it stands in the recipe.
    """
    whole_way = way(sizes[0], sizes[-1])
    return [way(a, b) / whole_way for a, b in pairwise(sizes)]


def _ways(sizes, *, way):
    """What is no share of anything."""
    return [way(a, b) for a, b in pairwise(sizes)]


contributions.mistaken("in_bytes", way=operator.sub)("""
    - From 100 bytes to 10, then from 10 to 1: does your first step do more than the second?
    - You count bytes. Both steps of that example make the file ten times smaller, so they did
      equally much.
    - What has equal lengths for equal factors? The chapter's picture of the stages does, and its
      axis says how.
""")

contributions.mistaken("factors", _ways, way=operator.truediv)("""
    - Do your shares add up to 1?
    - These are the factors. They multiply to the factor of the whole recipe, but shares are to add
      up.
    - Which function makes sums of products? Put the factors through it, then divide by what the
      whole recipe gives.
""")


@contributions.mistake
def factors_over_their_sum(sizes):
    """
    - What is the share of a step that changes nothing?
    - Your shares add up to 1, but a step that leaves the file as it is gets one above zero: its
      factor is 1, not 0.
    - Factors multiply, so it makes no sense to add them. Turn the product into a sum first.
    """
    each = _ways(sizes, way=operator.truediv)
    return [factor / sum(each) for factor in each]


contributions.mistaken("not_shares", _ways, way=_way)("""
    - Nearly. Do your numbers add up to 1?
    - The logarithms of the factors are lengths on the picture. Asked for is each length as a share
      of the whole way.
    - What is the length of the whole way, from the first size to the last? Divide by that.
""")


@contributions.mistake
def from_the_original_on(sizes):
    """
    - Your last share is 1, always. What do the steps before it get?
    - You measure each size from the original on. Then a step inherits what those before it did.
    - Compare each size with the one just before it.
    """
    total = math.log(sizes[0] / sizes[-1])
    return [math.log(sizes[0] / b) / total for b in sizes[1:]]


contributions.mistaken("what_each_removes", _ways, way=lambda a, b: 1 - b / a)("""
    - Do your shares add up to 1?
    - You say which part of its input each step removes. 90% and then 90% again are not 180%.
    - What is left multiplies from step to step. Shares are to add up: what turns the one into the
      other?
""")


@contributions.mistake
def upside_down(sizes):
    """
    - What does a minus sign mean here?
    - The sizes of your shares are right, their signs are not: a step that makes the file smaller
      gets a share above zero.
    - One of your two fractions is upside down, or one of your differences turned around.
    """
    return [-share for share in contributions.right(sizes)]


@contributions.mistake
def in_percent(sizes):
    """
    - What do your shares add up to?
    - Asked for are shares that add up to 1.
    - You return percent. A share of one half is 0.5.
    """
    return [100 * share for share in contributions.right(sizes)]


contributions.mistaken("what_is_left", _ways, way=lambda a, b: b / a)("""
    - A step that changes nothing: which number do you give it?
    - You say which part of its input each step leaves. A step that does nothing gets 1 then, and
      one that does much gets nearly nothing.
    - What is left multiplies from step to step. Shares are to add up: what turns the one into the
      other?
""")


@contributions.mistake
def removed_over_their_sum(sizes):
    """
    - Two steps of 10x each, and one of 2x: is the last worth more than half of one of the others?
    - You take which part of its input each step removes, made to add up to 1. From 90% removed to
      99% looks like little then, though the second makes the file ten times smaller still.
    - Ask how many times smaller a step makes the file, not how much of it goes. Then: what has
      equal lengths for equal factors?
    """
    each = _ways(sizes, way=lambda a, b: 1 - b / a)
    return [removed / sum(each) for removed in each]


@contributions.mistake
def in_bytes_of_the_original(sizes):
    """
    - From 100 bytes to 10, then from 10 to 1: does your first step do more than the second?
    - You count bytes, as parts of the original's. Both steps of that example did equally much.
    - What has equal lengths for equal factors? The chapter's picture of the stages does, and its
      axis says how.
    """
    return [(a - b) / sizes[0] for a, b in pairwise(sizes)]


@contributions.mistake
def logarithms_of_the_sizes(sizes):
    """
    - How many sizes does it take to see what *one* step did?
    - You take the logarithm of what is left after each step. That says where the way has come to,
      not how far the step went.
    - A step goes from one size to the next: it takes both of them to tell its length.
    """
    logs = [math.log(size) for size in sizes[1:]]
    return [each / sum(logs) for each in logs]


@contributions.mistake
def all_steps_forward(sizes):
    """
    - Mostly right. What does your function say of a step that makes the file larger?
    - You lose a sign: going back counts like going forward, and the way seems longer than it is.
    - The way is from the first size to the last. A step that goes back has a share below 0.
    """
    each = [abs(way) for way in _ways(sizes, way=_way)]
    return [way / sum(each) for way in each]


@contributions.mistake
def no_step_back(sizes):
    """
    - Mostly right. What does your function say of a step that makes the file larger?
    - You turn everything below 0 into 0. The other shares are too small then.
    - Leave the sign as it is: a step that goes back has a share below 0, and all add up to 1.
    """
    each = [max(0.0, way) for way in _ways(sizes, way=_way)]
    return [way / sum(each) for way in each]


contributions.mistaken("factors_of_the_whole_factor", lambda sizes: [
    (a / b) / (sizes[0] / sizes[-1]) for a, b in pairwise(sizes)
])("""
    - Do your shares add up to 1?
    - You divide the factor of each step by that of the whole recipe. Factors multiply: a tenth of
      100x is not 10x' share of it.
    - Which function makes sums of products? Put both factors through it before you divide.
""")  # fmt: skip


@contributions.mistake
def over_the_originals_logarithm(sizes):
    """
    - Do your numbers add up to 1?
    - You divide by the logarithm of the original's size: the way down to a file of one byte.
    - How long is the way of this recipe, from the first size to the last?
    """
    return [_way(a, b) / math.log(sizes[0]) for a, b in pairwise(sizes)]


@contributions.mistake
def one_for_the_original(sizes):
    """
    - How many steps are there, and how many sizes?
    - You return a number for each size. The first size is the original's, and no step made it.
    - Your list begins with a number too many: a step stands between two sizes.
    """
    return [0.0, *contributions.right(sizes)]
