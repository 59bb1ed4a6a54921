"""Task 3 of exercise 08, find the bugs: the smallest that holds for sure."""

import math

import torch
from torch import Tensor

from ..inputs import whole
from ..task import task


def _trials(random: torch.Generator, case: int) -> tuple:
    """Networks on 400 images, each the smallest for one way of choosing; in no order."""
    count, most = 400, (2, 3)[case // 4 % 2]
    before = torch.zeros(count)
    before[torch.randperm(count, generator=random)[:368]] = 1
    some = whole(random, 2, 3)
    exact = 4 * most  # so many images are `most` points
    changes = [  # (gained, lost), the smallest network first
        (some, some + exact + 4),  # holds at the upper end of its interval alone
        (some, some + exact),  # loses just that much on these images
        (some, some + exact - 1),  # a little less
        (some, some + exact - 4),  # and less, but not for sure: half the interval would hold
    ]
    if case % 4 == 2 or case == 1:
        changes.insert(0, (some, some + 60))  # hopeless
    elif case == 0:
        changes.insert(0, (30, 26))  # changes a lot, for better and worse: a wide interval
    if case % 4 != 2:  # there are some that hold
        held = [(3, 4), (14, 2), (some, 1), (20, 0)]
        changes += held[case % 3 :] + held[: case % 3]
    if case == 5:  # the smallest of all holds
        changes = changes[4:] + changes[:4]
    rows = [_changed(before, gained, lost, random) for gained, lost in changes]
    if case % 4 == 3:
        rows.insert(0, torch.full((count,), math.nan))  # failed, and left a tiny file
    sizes = sorted(
        whole(random, 10 * place, 10 * place + 8) * 100 for place in range(2, 2 + len(rows))
    )
    order = torch.randperm(len(rows), generator=random).tolist()
    smallest = 0 if case == 5 else len(rows) - 4  # of the four that hold
    if next(row for row in order if row >= smallest) == smallest:  # let it not come first
        order.reverse()
    return before, torch.stack([rows[i] for i in order]), [sizes[i] for i in order], most


def _changed(before: Tensor, gained: int, lost: int, random: torch.Generator) -> Tensor:
    after = before.clone()
    for value, count in ((0, gained), (1, lost)):
        there = (before == value).nonzero().flatten()
        after[there[torch.randperm(len(there), generator=random)[:count]]] = 1 - value
    return after


def _smallest(holds: Tensor, sizes: list) -> int | None:
    return min((n for n in range(len(sizes)) if holds[n]), key=lambda n: sizes[n], default=None)


def _ends(before: Tensor, after: Tensor, root: bool = True) -> tuple[Tensor, Tensor]:
    """The mean change in points, and half of its interval."""
    change = 100 * (after - before).double()
    return change.mean(1), 1.96 * change.std(1) / len(before) ** (0.5 if root else 1)


@task("08_trade_offs", draw=_trials)
def winner(before, after, sizes, most):
    """On a few hundred images a point is within luck, so "lost at most a point" promises little.

    Ask for the end of the interval at which the network does worst. And look for failures: `nan` is
    neither more nor less than anything.
    """
    mean, half = _ends(before, after)
    return _smallest(mean - half >= -most, sizes)


def _not_lost(before, after, sizes, most, *, end=-1, root=True):
    """Who does not lose too much, be it for `nan`; end: of the interval, the lower or the upper."""
    mean, half = _ends(before, after, root)
    return _smallest(~(mean + end * half < -most), sizes)


winner.mistaken("failed_one_wins", _not_lost)("""
    - Often right. What does `float("nan") < -1` say, and what `float("nan") >= -1`?
    - A failed network has no answers, only `nan`. Every comparison with it is False, so it slips
      past a question that sorts out the bad ones.
    - Ask who holds, not who fails to hold; or sort out the rows of `nan` first. But mind the
      numbers: they are places in the list that you were given.
""")

winner.mistaken("as_given", _not_lost, end=1, root=False)("""
    - How wide is the interval of 400 images, about? Print it for one network.
    - Put in numbers that you know: of 100 images one is lost. How wide is the interval then, and on
      which end of it do you stand?
    - Compare line by line with what is said of the interval above, and ask of each sign and each
      division whether it is as it says. The third mistake shows with a network of `nan` alone.
""")

winner.mistaken("optimistic_end", _not_lost, end=1)("""
    - The width of the interval is right. On which end of it do you stand?
    - You let a network pass if it *might* lose so little. Asked for is one that surely does.
    - The end where it does worst must still hold. And what becomes of a failed network, of `nan`?
""")

winner.mistaken("far_too_narrow", _not_lost, root=False)("""
    - You stand on the right end. How wide is the interval? Print it for one network.
    - With four times as many images an interval is half as wide. With yours?
    - The spread of a mean shrinks with the *root* of the number of images. And what becomes of a
      failed network, of `nan`?
""")


@winner.mistake
def no_interval(before, after, sizes, most):
    """
    - Where is the interval, and how wide? Asked for is one that loses little *for sure*.
    - You compare what was lost on these very images (or your interval is in shares beside a mean in
      points, and a hundred times too narrow). On others it will be more, or less.
    - Work out how uncertain the mean is, in points too, and let only those pass whose worse end
      still holds.
    """
    mean, _ = _ends(before, after)
    return _smallest(mean > -most, sizes)


@winner.mistake
def two_intervals(before, after, sizes, most):
    """
    - Both networks saw the same images. Does your interval know?
    - You put together the spread of two accuracies. Images that both get right, or both wrong, say
      nothing about the difference.
    - Take the difference image by image first; its spread is what counts.
    """
    half = 196 * (before.double().var() + after.double().var(1)).sqrt() / len(before) ** 0.5
    return _smallest(100 * (after - before).double().mean(1) - half >= -most, sizes)


@winner.mistake
def two_intervals_one_forgotten(before, after, sizes, most):
    """
    - Both networks saw the same images. Does your interval know?
    - Your interval is that of the new network's accuracy. How sure is the *difference* of the two?
      Images that both get right, or both wrong, say nothing about it.
    - Take the difference image by image first; its spread is what counts.
    """
    half = 196 * after.double().std(1) / len(before) ** 0.5
    return _smallest(100 * (after - before).double().mean(1) - half >= -most, sizes)


@winner.mistake
def the_first_that_holds(before, after, sizes, most):
    """
    - Does your function look at `sizes`?
    - Yours takes the first network of the list that holds. The list has no order.
    - Among all that hold, the one of the fewest bytes.
    """
    mean, half = _ends(before, after)
    return next((n for n in range(len(sizes)) if mean[n] - half[n] >= -most), None)


@winner.mistake
def the_most_accurate(before, after, sizes, most):
    """
    - The rule says which one to take of those that hold. Which?
    - You take the one that loses least. It may be large.
    - Whoever holds, holds: among these the bytes decide alone.
    """
    mean, half = _ends(before, after)
    return max((n for n in range(len(sizes)) if mean[n] - half[n] >= -most),
               key=lambda n: mean[n], default=None)  # fmt: skip


@winner.mistake
def its_size(before, after, sizes, most):
    """
    - What comes back: the bytes, or who has them?
    - You return the size of the winner. Asked for is its number, its place in the list.
    - Look for the place of the smallest, not for the smallest size.
    """
    number = winner.right(before, after, sizes, most)
    return None if number is None else sizes[number]


@winner.mistake
def place_among_those_left(before, after, sizes, most):
    """
    - The right one is found, under a wrong number. Among whom do you count?
    - You sort out some networks first, and return the place in the list of those that are left.
    - The number is the place in the list that your function was given. Keep the numbers while you
      sort out.
    """
    mean, half = _ends(before, after)
    held = [size for n, size in enumerate(sizes) if mean[n] - half[n] >= -most]
    return held.index(min(held)) if held else None


# Before those who are taken in the same cases, and in others.
@winner.mistake
def smallest_of_all(before, after, sizes, most):
    """
    - What if nobody holds?
    - You return the smallest of all networks then. The rule takes nobody.
    - `None` says that no network holds.
    """
    number = winner.right(before, after, sizes, most)
    return sizes.index(min(sizes)) if number is None else number


@winner.mistake
def smallest_or_nobody(before, after, sizes, most):
    """
    - If the smallest network does not hold, who is the next?
    - You ask only the smallest. If it does not hold, you return `None`, and there may be others.
    - First find out who holds, then take the smallest of these.
    """
    number = winner.right(before, after, sizes, most)
    return number if number == sizes.index(min(sizes)) else None


def _by(before, after, sizes, most, holds):
    """The smallest that holds by another rule, given the mean change and half of its interval."""
    mean, half = _ends(before, after)
    return _smallest(holds(mean, half, most), sizes)


winner.mistaken(
    "shares_beside_points", _by, holds=lambda mean, half, most: (mean - half) / 100 >= -most
)("""
    - In which unit is `most`, and in which is your change?
    - A network that loses a tenth of the images passes: -0.1 is more than -2.
    - `most` is given in points. A change of 0.01 is one point.
""")

winner.mistaken(
    "gained_and_lost_exchanged", _by, holds=lambda mean, half, most: -mean - half >= -most
)("""
    - A network that got many more right than the original: does it hold?
    - You count what was lost as gained. So the bad ones hold, and the good ones do not.
    - +1 is an image that only the *new* network names right: which of the two is taken from which?
""")

winner.mistaken(
    "no_better_allowed", _by, holds=lambda mean, half, most: mean.abs() + half <= most
)("""
    - A network that got many more right than the original: does it hold?
    - You refuse whoever changes much, for better or worse. Only losses are limited.
    - One end of the interval matters: that at which the network does worst.
""")

winner.mistaken("half_as_wide", _by, holds=lambda mean, half, most: mean - half / 1.96 >= -most)("""
    - How wide is the interval? Print it for one network, beside the task's formula.
    - It is too narrow, by a factor of about two: what do you multiply by, or divide by?
    - Deviation / √images is how far a mean is off on the average. 95 of 100 lie within 1.96 times
      that, to both sides.
""")

winner.mistaken("far_too_wide", _by, holds=lambda mean, half, most: mean - 20 * half >= -most)("""
    - Does anybody hold? Print the interval for one network.
    - Yours is so wide that nobody can hold. By what do you divide the deviation?
    - The deviation (not its square) over the root of the number of *images*, not of networks.
""")

winner.mistaken("gain_asked_for", _by, holds=lambda mean, half, most: mean - half >= most)("""
    - Must a network become better to hold?
    - You ask for a gain of `most` points. It may *lose* so much.
    - A loss is a negative change. What sign has the limit?
""")


@winner.mistake
def minus_one_for_nobody(before, after, sizes, most):
    """
    - What if nobody holds?
    - You return a number then. In Python -1 is the last one of a list, and somebody will use it so.
    - `None` says that no network holds.
    """
    number = winner.right(before, after, sizes, most)
    return -1 if number is None else number


@winner.mistake
def the_largest(before, after, sizes, most):
    """
    - The rule says which one to take of those that hold. Which?
    - You take the one of the most bytes.
    - Smallest: `min`, not `max`.
    """
    mean, half = _ends(before, after)
    return max((n for n in range(len(sizes)) if mean[n] - half[n] >= -most),
               key=lambda n: sizes[n], default=None)  # fmt: skip


@winner.mistake
def all_that_hold(before, after, sizes, most):
    """
    - How many winners are there?
    - You return all networks that hold.
    - One number: that of the smallest of them.
    """
    mean, half = _ends(before, after)
    return [n for n in range(len(sizes)) if mean[n] - half[n] >= -most]


@winner.mistake
def mean_over_the_networks(before, after, sizes, most):
    """
    - How many means do you get, and how many networks are there?
    - A row is a network, a column an image. You took the mean over the networks, for each image.
    - Which `dim` is left when the images are averaged away?
    """
    change = 100 * (after - before).double()
    return _smallest(change.mean(0) - 1.96 * change.std(0) / len(before) ** 0.5 >= -most, sizes)
