"""Task 4 of exercise 09: when to say nothing."""

import math
from typing import Any

import torch
from torch import Tensor

from ..inputs import whole
from ..task import task


def _named(random: torch.Generator, case: int) -> tuple:
    """Probabilities of validation images and whether the name is right; other things among them.

    The surest names hold wrong ones, so that the share goes up and down on the way; at the best
    threshold it is just below the limit, and the next image is one of many that are equally sure.
    """
    most = (0.02, 0.05, 0.1, 0.03)[case % 4]
    allowed = whole(random, round(220 * most), round(280 * most))
    accepted, wrong = round((allowed + 0.5) / most), allowed - 1  # never just at the limit
    first = [True] * accepted
    for place in (0, 1) if case % 4 == 1 else (9, 10):  # sure, and wrong
        first[place] = False
    among = accepted // 2 - 30 if case == 2 else accepted - 30  # many of them early: too many
    rest = torch.randperm(among, generator=random)[: wrong - 2] + 20
    for place in rest.tolist():
        first[place] = False
    next_ones = [True] * 5 + [False] * 7  # in every other case they are equally sure
    tail = torch.rand(whole(random, 120, 160), generator=random) < 0.45
    tail[-3:] = torch.tensor([False, True, True])
    if case == 6:  # nothing can be accepted
        first, next_ones = [False, False, False, True, False], [True, False, False]
    right = torch.tensor([*first, *next_ones, *tail.tolist()])
    grid = torch.randperm(3600, generator=random)[: len(right)].sort(descending=True).values + 400
    if case // 2 % 2:
        grid[len(first) : len(first) + len(next_ones)] = grid[len(first)].clone()
    grid[-1] = 350
    sure = grid.float() / 4096
    if case == 5:  # hardly anything is more than half sure, and of that a third is wrong
        sure[6:] /= 2
    order = torch.randperm(len(right), generator=random)
    return sure[order], right[order], most


def _accepted(result: Any, probabilities: Tensor, *_inputs: Any) -> Any:
    """How many images a threshold accepts: all thresholds between two images are alike."""
    if result is None or result is Ellipsis:
        return result
    return int((probabilities.double() >= float(result)).sum())


def _counted(probabilities: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each threshold that comes into question, the highest first: who is accepted, who is wrong."""
    values, which = probabilities.unique(return_inverse=True)
    accepted = torch.bincount(which, minlength=len(values)).flip(0).cumsum(0)
    wrong = torch.bincount(which[~right], minlength=len(values)).flip(0).cumsum(0)
    return values.flip(0), accepted, wrong


def _lowest(values: Tensor, holds: Tensor) -> float:
    """The lowest threshold that holds; one that accepts nothing if there is none."""
    return float(values[holds.nonzero()[-1]]) if holds.any() else math.inf


@task("09_plant_app", draw=_named, observed=_accepted)
def threshold(probabilities, right, most, *, out_of=lambda accepted, wrong: accepted):
    """What a network calls 90% sure is right nine times in ten only if somebody saw to that.

    A threshold that was measured keeps its promise on images like those that it was measured on.
    """
    values, accepted, wrong = _counted(probabilities, right)
    return _lowest(values, wrong <= most * out_of(accepted, wrong))


@threshold.mistake
def nothing_comes_back_for_nothing(probabilities, right, most):
    """
    - Mostly right. What do you return if no threshold holds?
    - Nothing came back once: no threshold keeps the promise there. The page still needs a number.
    - A threshold that no probability reaches accepts nothing at all.
    """
    found = threshold.right(probabilities, right, most)
    return None if found == math.inf else found


@threshold.mistake
def everything_for_nothing(probabilities, right, most):
    """
    - Mostly right. What do you return if no threshold holds?
    - There you return 0, and all pictures get a name, though the promise cannot be kept.
    - A threshold that no probability reaches accepts nothing at all.
    """
    found = threshold.right(probabilities, right, most)
    return 0.0 if found == math.inf else found


@threshold.mistake
def the_surest_for_nothing(probabilities, right, most):
    """
    - Mostly right. What do you return if no threshold holds?
    - There you return the highest probability of all. The picture that has it gets a name.
    - A threshold that no probability reaches accepts nothing at all.
    """
    found = threshold.right(probabilities, right, most)
    return float(probabilities.max()) if found == math.inf else found


threshold.mistaken("share_of_all", out_of=lambda accepted, wrong: accepted[-1])("""
    - Wrong names are counted, as they should be. Out of how many do you take the share?
    - You divide by all images. Those that got no name have no part in the promise.
    - At most so many of the *accepted* ones are wrong: divide by how many were accepted.
""")

threshold.mistaken("out_of_the_right", out_of=lambda accepted, wrong: accepted - wrong)("""
    - Wrong names are counted, as they should be. Out of how many do you take the share?
    - You divide by the *right* names. One wrong name for nine right ones is one in ten.
    - A user sees all the accepted names: divide by these.
""")

threshold.mistaken("share_of_the_wrong", out_of=lambda accepted, wrong: wrong[-1])("""
    - Wrong names are counted, as they should be. Out of how many do you take the share?
    - You ask how many of the *wrong* names slip through. Asked for is how many of the accepted
      names are wrong.
    - A user sees the accepted names alone: divide by these.
""")


@threshold.mistake
def keeps_the_right_ones(probabilities, right, most):
    """
    - Which promise do you keep: that the names given are right, or that right ones are given?
    - You see to it that nearly all the right names are accepted. How many wrong ones are accepted
      with them?
    - Of those that are *accepted* take the share that is wrong.
    """
    values, accepted, wrong = _counted(probabilities, right)
    good = accepted - wrong
    return float(values[(good >= (1 - most) * good[-1]).nonzero()[0]])


threshold.mistaken("the_least_sure", lambda sure, right, most: torch.quantile(sure, most))("""
    - Does your function look at `right`?
    - You leave out a fixed share of the images, the least sure ones. Whether those that are left
      are right, you do not know yet.
    - Count how many of the accepted ones are wrong, at each threshold that comes into question.
""")

threshold.mistaken("believed", lambda sure, right, most: 1 - most)("""
    - Is a network that says 0.98 right in 98 of 100 cases? Count.
    - You take the network's word for it. It was never asked whether its probabilities are true.
    - `right` tells how often it is right indeed: count at each threshold that comes into question.
""")

threshold.mistaken("the_limit_itself", lambda sure, right, most: most)("""
    - `most` is a share of wrong names. Is it a probability that a name is right?
    - You return what was given. Nearly every image is accepted then, the wrong ones too.
    - Look for the threshold: try each one that comes into question, and count the wrong names.
""")


@threshold.mistake
def the_strictest(probabilities, right, most):
    """
    - The promise is kept. How many images still get a name?
    - You found a threshold that holds, the highest one. Others hold as well and accept more.
    - Of all thresholds that hold, the one that accepts the most images.
    """
    values, accepted, wrong = _counted(probabilities, right)
    holds = (wrong <= most * accepted).nonzero()
    return float(values[holds[0]]) if len(holds) else math.inf


@threshold.mistake
def stopped_at_the_first(probabilities, right, most):
    """
    - The surest image of all may be wrong. What does your function do then?
    - Your threshold lies above the first places where the share is too high. Further down it may be
      low again.
    - The share goes up and down on the way: look at all the thresholds before you decide.
    """
    values, accepted, wrong = _counted(probabilities, right)
    return _lowest(values, (wrong > most * accepted).cumsum(0) == 0)


@threshold.mistake
def cut_among_equals(probabilities, right, most):
    """
    - Often nearly right. Several images have the very same probability: what becomes of them?
    - You sort, count image by image, and stop between two that are equally sure. A threshold
      accepts both, or neither.
    - Look only at places where the probability changes, or count with the threshold itself.
    """
    values, order = probabilities.sort(descending=True, stable=True)
    wrong = (~right[order]).cumsum(0)
    holds = (wrong <= most * torch.arange(1, len(values) + 1)).nonzero().flatten()
    return float(values[holds[-1]]) if len(holds) else math.inf


@threshold.mistake
def strictly_above(probabilities, right, most):
    """
    - The image whose probability equals your threshold: is it accepted?
    - You count images *above* the threshold. The page accepts those that reach it, too.
    - Compare your sign with the task's words, "at least": is the one that you return among those
      that you counted?
    """
    values, accepted, wrong = _counted(probabilities, right)
    holds = (wrong <= most * accepted).nonzero()
    last = len(values) - 1
    return float(values[min(last, int(holds[-1]) + 1)]) if len(holds) else float(values[0])


@threshold.mistake
def the_wrong_way_round(probabilities, right, most):
    """
    - Which images does the page accept: those above the threshold, or those below?
    - You begin with the least sure images. The page accepts the surest ones.
    - Turn the order around: the highest probability comes first.
    """
    values, accepted, wrong = _counted(-probabilities, right)
    found = _lowest(values, wrong <= most * accepted)
    return -found if found < 0 else found


threshold.mistaken("accepts_everything", lambda sure, right, most: sure.min())("""
    - How many of all names are wrong at your threshold? Count.
    - Every picture gets a name: your condition holds at the lowest threshold already. Does it
      compare the share of *wrong* names with the limit, and both as shares from 0 to 1?
    - Print the share of wrong names at the lowest threshold, beside `most`, then what your
      condition says of them.
""")

threshold.mistaken("accepts_nothing", lambda sure, right, most: 2.0)("""
    - How many pictures get a name at your threshold?
    - None: no probability reaches it, though there are thresholds that hold. Is it a probability,
      or a place in a list, a count, or percent?
    - Print your threshold beside the probabilities. If it is the one for "nothing", print for a few
      thresholds the share of wrong names beside `most`, and what your condition says of them.
""")


def _holds(candidates: Tensor, probabilities: Tensor, right: Tensor, most: float) -> Tensor:
    """At which of these thresholds, from low to high, the promise is kept and somebody named."""
    order = probabilities.double().argsort()
    below = torch.searchsorted(probabilities.double()[order], candidates.double())
    wrong = torch.cat([(~right[order]).flip(0).cumsum(0).flip(0), torch.zeros(1)])[below]
    given = len(order) - below
    return (wrong <= most * given) & (given > 0)


@threshold.mistake
def steps_of_a_hundredth(probabilities, right, most):
    """
    - Between which two of your candidates does the best threshold lie?
    - You try round numbers. Some pictures lie between two of them, and would have got a name.
    - Only where a picture stands does anything change: which numbers are the candidates then?
    """
    round_ones = torch.arange(101, dtype=torch.float64) / 100
    holds = _holds(round_ones, probabilities, right, most).nonzero()
    return float(round_ones[holds[0]]) if len(holds) else 2.0


@threshold.mistake
def by_halving(probabilities, right, most):
    """
    - If a threshold does not keep the promise, does no lower one?
    - You halve an interval. That finds a place where the share crosses the limit, but there are
      several.
    - The share goes up and down on the way: look at all the thresholds before you decide.
    """
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        given = right[probabilities >= middle]
        holds = (~given).sum() <= most * len(given)
        low, high = (low, middle) if holds else (middle, high)
    return high


threshold.mistaken(
    "quantile_of_the_wrong",
    lambda sure, right, most: torch.quantile(sure[~right], 1 - most),
)("""
    - Out of how many do you take the share?
    - You let a fixed share of the *wrong* names slip through. Asked for is how many of the accepted
      names are wrong.
    - A user sees the accepted names alone: at each threshold, count these, and the wrong ones.
""")

threshold.mistaken(
    "quantile_of_the_right", lambda sure, right, most: torch.quantile(sure[right], most)
)("""
    - Which promise do you keep: that the names given are right, or that right ones are given?
    - You give up a fixed share of the right names. How many wrong ones are accepted with the rest?
    - Of those that are *accepted* take the share that is wrong.
""")


@threshold.mistake
def believed_on_average(probabilities, right, most):
    """
    - Does your function look at `right`?
    - You reckon from the probabilities how many names will be wrong, and the network is not asked
      whether they are.
    - `right` tells how often it is right indeed: count at each threshold that comes into question.
    """
    values, counts = probabilities.double().unique(return_counts=True)
    given = counts.flip(0).cumsum(0).flip(0)
    sure = (values * counts).flip(0).cumsum(0).flip(0) / given
    return _lowest(values.flip(0), (1 - sure <= most).flip(0))


@threshold.mistake
def rounded(probabilities, right, most):
    """
    - Is the picture whose probability you found still accepted by what you return?
    - Right, and then rounded. Rounded up it loses pictures, rounded down it may break the promise.
    - Return the probability as it is.
    """
    return round(threshold.right(probabilities, right, most), 2)
