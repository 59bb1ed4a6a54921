"""Two networks image by image: their difference in points, and its margin."""

from typing import Any

import torch

from ..task import task
from .numbers import between, pair


def _two_networks(random: torch.Generator, case: int) -> tuple:
    count = 400 + 37 * case
    fewer, more = between(random, 8, 16), between(random, 30, 45)  # they are never even
    lost, gained = (more, fewer) if case % 2 else (fewer, more)
    order = torch.randperm(count, generator=random)
    before = torch.zeros(count, dtype=torch.bool)
    before[order[: 4 * count // 5]] = True
    after = before.clone()
    after[order[:lost]] = False
    after[order[-gained:]] = True
    return before, after


@task(
    "01_jigsaw", draw=_two_networks, observed=pair, borrowed=("paired", "wilson"), tolerance=0.004
)
def points_and_margin(before, after, *, points=100, margin=196, spread=torch.std, power=0.5):
    """Two networks agree on most images, and those say nothing about which is better.

    So the margin is far narrower than those of two separate accuracies: half a point can be a
    finding.
    """
    each = after.double() - before.double()
    return points * each.mean(), margin * spread(each) / len(each) ** power


def _counted(before, after):
    points, margin = points_and_margin.right(before, after)
    return points * len(before) / 100, margin


def _relative(before, after):
    points, margin = points_and_margin.right(before, after)
    return points / before.double().mean(), margin


@points_and_margin.mistake
def sign_dropped(before, after):
    """
    - What does your function say of a second network that is worse?
    - Where the second network is better all is right. A worse one comes out better, too.
    - A difference has a sign: lost images are minus.
    """
    points, margin = points_and_margin.right(before, after)
    return abs(points), margin


@points_and_margin.mistake
def rounded(before, after):
    """
    - Whoever calls your function gets fewer digits than there were. Do they want that?
    - Both numbers are nearly right: they were rounded.
    - Return what you computed. Rounding is for printing.
    """
    points, margin = points_and_margin.right(before, after)
    return round(float(points), 1), round(float(margin), 1)


points_and_margin.mistaken("turned_around", points=-100)("""
    - If the second network is better, which sign should the difference have?
    - The margin is right. Your difference is that of the first network over the second.
    - Gained is plus, lost is minus, seen from `before` to `after`.
""")

points_and_margin.mistaken("in_shares", points=1, margin=1.96)("""
    - In which unit is your result, and in which was it asked for?
    - Yours are shares of 1. Points are percent of the images.
    - One image of a hundred is one point, for the difference and for the margin.
""")

points_and_margin.mistaken("margin_in_shares", margin=1.96)("""
    - Are both of your numbers in the same unit?
    - The difference is in points. The margin is a share of 1.
    - Both go together: a margin beside points is in points.
""")


@points_and_margin.mistake
def two_separate(before, after):
    """
    - Would your margin change if the images of the second list were shuffled? Should it?
    - You added up the uncertainty of two accuracies, as if each network had seen images of its own.
    - They saw the same images: begin with one number for each image, gained, lost or even, and see
      how much these numbers vary.
    """
    first, second = before.double().mean(), after.double().mean()
    both = first * (1 - first) + second * (1 - second)
    return 100 * (second - first), 196 * (both / len(before)) ** 0.5


@points_and_margin.mistake
def lost_counted_as_gained(before, after):
    """
    - An image gained, and another one lost: what is the difference?
    - You counted the images on which the two disagree. Some of them speak for the first network.
    - A lost image counts against a gained one: it needs a sign of its own.
    """
    return points_and_margin.right(before & after, before | after)


@points_and_margin.mistake
def those_that_disagree_alone(before, after):
    """
    - A point is a percent of which images?
    - You left out the images on which both agree. They say nothing about who is better, but they
      count.
    - Mean, deviation and number of images are all of the whole list, zeros included.
    """
    they = before != after
    return points_and_margin.right(before[they], after[they])


points_and_margin.mistaken("number_of_images_forgotten", power=0)("""
    - How wide would your margin be with a million images?
    - The difference is right. The margin is that of a single image, not that of a mean.
    - What do you divide by, and is it under a root? A mean of more images is surer.
""")

points_and_margin.mistaken("no_root", power=1)("""
    - With four times the images, how much narrower should a margin be?
    - The difference is right. Your margin shrinks too fast.
    - You divide by the number of images itself. Chapter 00 says how much narrower an interval
      becomes with a hundred times the images.
""")

points_and_margin.mistaken("variance", spread=torch.var)("""
    - What is the difference between a variance and a standard deviation?
    - The difference is right. Something in your margin is squared.
    - Take the root of the variance, before you multiply by anything.
""")

points_and_margin.mistaken("standard_error", margin=100)("""
    - How sure is your margin: 68%, or 95%?
    - The difference is right. Your margin is one standard error.
    - Chapter 00 had a number for 95% confidence: it was called z.
""")

points_and_margin.mistaken("whole_width", margin=2 * 196)("""
    - Is it the width of the interval that was asked for?
    - The difference is right. The margin is twice what it should be.
    - It is "plus or minus" the margin: from the middle of the interval to one of its ends.
""")


points_and_margin.mistaken("two_for_z", margin=200)("""
    - How wide is your margin beside the one that was asked for?
    - The difference is right. Your margin is a little too wide.
    - Two standard deviations are a rule of thumb. Which number does the task name?
""")

points_and_margin.mistaken("counted", _counted)("""
    - How many points is one image of a thousand?
    - Your difference is a number of images. The margin is right.
    - A mean of the images' numbers, not their sum.
""")

points_and_margin.mistaken("relative", _relative)("""
    - From 50% to 51% right: how many points is that?
    - The margin is right. Your difference is measured against the first network's accuracy.
    - Points are percent of the *images*: nothing is divided by an accuracy.
""")


@points_and_margin.mistake
def gained_alone(before, after):
    """
    - What does your function say of a second network that only lost images?
    - You count the images that were gained, and nothing against them.
    - Each image has one of three numbers: which ones have minus one?
    """
    return points_and_margin.right(before, before | after)


@points_and_margin.mistake
def one_network_alone(before, after):
    """
    - Whose margin is yours?
    - The difference is right. The margin is that of one network's own accuracy.
    - It is about the *difference*: see how much the images' numbers (+1, 0, -1) vary.
    """
    points, _ = points_and_margin.right(before, after)
    return points, points_and_margin.right(torch.zeros_like(after), after)[1]


@points_and_margin.mistake
def the_first_alone(before, after):
    """
    - Whose margin is yours?
    - The difference is right. The margin is that of the first network's own accuracy.
    - It is about the *difference*: see how much the images' numbers (+1, 0, -1) vary.
    """
    points, _ = points_and_margin.right(before, after)
    return points, points_and_margin.right(torch.zeros_like(before), before)[1]


@points_and_margin.mistake
def root_of_those_that_disagree(before, after):
    """
    - By the root of which number do you divide?
    - The difference is right. For the margin you counted the images that disagree alone.
    - The mean is that of all images, so their number counts: zeros included.
    """
    points, margin = points_and_margin.right(before, after)
    return points, margin * (len(before) / (before != after).sum()) ** 0.5


@points_and_margin.mistake
def around_zero(before, after):
    """
    - Around which value did you measure how far the numbers are spread?
    - The difference is right. Your margin would be right if the networks were equally good.
    - A standard deviation is taken around the mean of the numbers, not around zero.
    """
    points, _ = points_and_margin.right(before, after)
    return points, 196 * (before != after).sum() ** 0.5 / len(before)


points_and_margin.mistaken("power_without_brackets", margin=98, power=1)("""
    - In which order does Python compute `a ** 1 / 2`?
    - The difference is right. Your margin shrinks too fast, and is halved.
    - Print `16 ** 1 / 2`. Where do brackets belong?
""")

points_and_margin.mistaken("hundred_twice", margin=19600)("""
    - Can a margin be larger than all points there are?
    - The difference is right. The margin is a hundred times too large.
    - Your images' numbers are in points already, or they are not: multiply once.
""")

points_and_margin.mistaken("margin_first", lambda *given: points_and_margin.right(*given)[::-1])("""
    - Which of the two numbers comes first?
    - Both numbers are right. Their order is not.
    - The difference first, then its margin.
""")


@points_and_margin.mistake
def low_and_high(before, after):
    """
    - What are your two numbers: a difference and a margin?
    - You return both ends of the interval.
    - Asked for is its middle, and how far it is from there to an end.
    """
    points, margin = points_and_margin.right(before, after)
    return points - margin, points + margin


@points_and_margin.mistake
def wrapped_around(before, after):
    """
    - Print your numbers for the images. Which ones are there?
    - 0 minus 1 became 255: these numbers have no sign.
    - Look at the type that you turned the bools into: is there one with a sign?
    """
    each = (after.byte() - before.byte()).double()
    return 100 * each.mean(), 196 * each.std() / len(each) ** 0.5


points_and_margin.mistaken("ninety_percent", margin=164.5)("""
    - How sure is your margin: 90%, or 95%?
    - The difference is right. Your margin is a little too narrow.
    - Which number does the task name beside the 95%?
""")


@points_and_margin.mistake
def margins_added_up(before, after):
    """
    - Would your margin change if the images of the second list were shuffled? Should it?
    - The difference is right. Your margin is the sum of two networks' margins, as if each had seen
      images of its own.
    - Begin with one number for each image, gained, lost or even, and see how these numbers vary.
    """
    return points_and_margin.right(before, after)[0], sum(
        points_and_margin.right(torch.zeros_like(each), each)[1] for each in (before, after)
    )


@points_and_margin.mistake
def share_that_disagrees(before, after):
    """
    - Lost and gained: do they have the same number in yours?
    - The difference is right. Your margin is that of the share of images that disagree.
    - A lost image is -1 and a gained one +1: the deviation is that of these numbers.
    """
    points, _ = points_and_margin.right(before, after)
    return points, points_and_margin.right(before & after, before | after)[1]


@points_and_margin.mistake
def points_of_those_that_disagree(before, after):
    """
    - A point is a percent of which images?
    - The margin is right. Your difference is a share of the images that disagree.
    - Even images count as 0, but they count.
    """
    points, margin = points_and_margin.right(before, after)
    return points * len(before) / (before != after).sum(), margin


_others: dict[str, dict[str, Any]] = {
    "no_root": {"power": 1},
    "one_image": {"power": 0},
    "variance": {"spread": torch.var},
    "one_deviation": {"margin": 1},
    "margin_in_points": {"margin": 196},
}
for _name, _changed in _others.items():
    points_and_margin.mistaken(
        f"in_shares_and_{_name}", **{"points": 1, "margin": 1.96, **_changed}
    )("""
    - In which unit is your difference, and in which was it asked for?
    - Your difference is a share of 1. Points are percent of the images. And the margin has a
      mistake of its own.
    - One image of a hundred is one point, for the difference and for the margin. Then take the
      margin's formula word by word: deviation, root, 1.96.
""")
