"""Bugs to find: a summary of latencies, the usual one and that of a bad day."""

import statistics
from collections.abc import Callable

import torch

from ..task import task
from .numbers import pair


def _latencies(random: torch.Generator, case: int) -> tuple:
    kept = (30, 25, 24, 20, 46, 38, 10, 17)[case % 8]
    warm_up = (3, 2, 4, 5)[case % 4]
    # No two are close, and more lies above the median than below: each mistake is seen.
    ranks = torch.randperm(kept + warm_up, generator=random)
    times = 5 * 1.05 ** (ranks + 0.3 * torch.rand(len(ranks), generator=random))
    if case % 2:  # the first runs are not always the slowest
        times[:warm_up] += 4 * times.max()
    return times.tolist(), warm_up


def _nine_tenths(ordered: list[float]) -> float:
    return ordered[-(-9 * len(ordered) // 10) - 1]


def _one_beyond(ordered: list[float]) -> float:
    return ordered[9 * len(ordered) // 10]


def _cut_off(ordered: list[float]) -> float:
    return ordered[9 * len(ordered) // 10 - 1]


def _rounded(ordered: list[float]) -> float:
    return ordered[round(0.9 * len(ordered)) - 1]


def _linear(ordered: list[float]) -> float:
    place = 0.9 * (len(ordered) - 1)
    above = ordered[min(int(place) + 1, len(ordered) - 1)] - ordered[int(place)]
    return ordered[int(place)] + (place - int(place)) * above


def _exclusive(ordered: list[float]) -> float:
    return statistics.quantiles(ordered, n=10)[-1]


def _always_beyond(ordered: list[float]) -> float:
    return ordered[min(-(-9 * len(ordered) // 10), len(ordered) - 1)]


def _share_for_percent(ordered: list[float]) -> float:
    return ordered[0] + 0.009 * (len(ordered) - 1) * (ordered[1] - ordered[0])


def _always_two(ordered: list[float]) -> float:
    return sum(ordered[len(ordered) // 2 - 1 : len(ordered) // 2 + 1]) / 2


@task("01_jigsaw", draw=_latencies, observed=pair)
def median_and_p90(times, warm_up, *, median=statistics.median, p90=_nine_tenths):
    """The median is what you usually wait, the p90 what you wait on a bad day. A mean is neither.

    One hiccup of the machine moves the mean and leaves the median where it is.
    """
    ordered = sorted(times[warm_up:])
    return median(ordered), p90(ordered)


def _by_size(times, warm_up, **changed):
    """What is left out are the fastest runs, not the first."""
    return median_and_p90.right(sorted(times), warm_up, **changed)


median_and_p90.mistaken("as_given", _by_size, median=statistics.median_high, p90=_one_beyond)("""
    - Follow a list of five times by hand, such as [9, 3, 1, 2, 4] with one run of warm-up. Which of
      them is left out?
    - The order of the first two steps matters. The other two mistakes are at the two places in the
      sorted list: try a list of 4 runs, then one of 10.
    - The runs to leave out are the first in time. For the median, see what an even number of runs
      has in its middle; for the p90, count on your fingers with ten runs.
""")

median_and_p90.mistaken("sorted_first", _by_size)("""
    - Which runs do you leave out: the first, or the fastest?
    - Once the list is sorted, nobody knows any more which run came first.
    - Look at the order of your first two steps.
""")

median_and_p90.mistaken("two_are_left", median=statistics.median_high, p90=_one_beyond)("""
    - The warm-up is left out correctly now. Two mistakes are left: what if there are 4 runs?
    - Of 4 runs, which one is in the middle? And of 10 runs, how many may be slower than the p90?
    - With an even number there are two in the middle. For the p90 try ten runs, 1 to 10 ms, by
      hand.
""")

median_and_p90.mistaken("upper_middle", median=statistics.median_high)("""
    - What is the median of four runs?
    - The p90 is right. The median is only right for odd numbers of runs.
    - With an even number of runs two lie in the middle, and the median halfway between them.
""")

median_and_p90.mistaken("one_beyond", p90=_one_beyond)("""
    - What is the p90 of ten runs that take 1, 2, ..., 10 ms?
    - The median is right, the p90 mostly. With 10, 20 or 30 runs it is one place too far.
    - Nine of ten runs must not exceed it, and it is the smallest such time. Lists begin at 0: which
      place has the ninth of ten?
""")

median_and_p90.mistaken("mean", median=statistics.mean)("""
    - One run of a hundred takes a second. What does that do to your first number?
    - The first number is a mean. Asked for is the time that half of the runs stay below.
    - The median is found by sorting, and lies in the middle.
""")


@median_and_p90.mistake
def between_two_runs(times, warm_up):
    """
    - Did any run take as long as your p90 says?
    - The median is right. Your p90 lies between two runs: the task asks for one of those measured.
    - Libraries know many kinds of percentiles. See what yours offers under `method` (or
      `interpolation`), or take it from the sorted list.
    """
    return median_and_p90.right(times, warm_up, p90=_linear)


@median_and_p90.mistake
def slowest_left_out(times, warm_up):
    """
    - Is the warm-up always slow? And is what is slow always the warm-up?
    - You leave out the slowest runs. A hiccup in the middle is part of what a user waits for.
    - Leave out by time of the run, not by how long it took: before you sort.
    """
    return median_and_p90.right(sorted(times, reverse=True), warm_up)


@median_and_p90.mistake
def not_sorted(times, warm_up):
    """
    - The time in the middle of the list, or the middle one of the times?
    - The warm-up is left out correctly. Now the runs stand in the order in which they came.
    - Median and p90 are places in a *sorted* list.
    """
    kept = times[warm_up:]
    return statistics.median(kept[(len(kept) - 1) // 2 : len(kept) // 2 + 1]), _nine_tenths(kept)


median_and_p90.mistaken("warm_up_kept", lambda times, _warm_up: median_and_p90.right(times, 0))("""
    - Which of the arguments did you not use?
    - The first runs allocate memory and choose algorithms. They are among your times.
    - Leave out the first `warm_up` runs before anything else.
""")


@median_and_p90.mistake
def last_left_out(times, warm_up):
    """
    - When does a program warm up?
    - You leave out runs at the end.
    - Read what your slice takes: the warm-up is at the beginning of the list.
    """
    return median_and_p90.right(times[::-1], warm_up)


median_and_p90.mistaken("lower_middle", median=statistics.median_low)("""
    - What is the median of four runs?
    - The p90 is right. With an even number of runs you take the lower one of the middle.
    - With an even number of runs two lie in the middle, and the median halfway between them.
""")

median_and_p90.mistaken("slowest_run", p90=max)("""
    - How many runs exceed your second number? How many may exceed the p90?
    - The median is right. Your second number is the slowest run of all.
    - The p90 is the *smallest* time that nine in ten do not exceed: go back from the end.
""")

median_and_p90.mistaken("swapped", lambda *given: median_and_p90.right(*given)[::-1])("""
    - Which of the two numbers comes first?
    - Both numbers are right. Their order is not.
    - The median first, then the p90.
""")


median_and_p90.mistaken("place_rounded", p90=_rounded)("""
    - Count how many of 25 runs are no slower than your p90. Is that nine in ten?
    - The median is right. Your p90 is sometimes one place too early: `round` goes down as well.
    - *At least* nine in ten must not exceed it: look at how you make a whole number of 0.9 times
      the runs.
""")

median_and_p90.mistaken("place_cut_off", p90=_cut_off)("""
    - Count how many of 24 runs are no slower than your p90. Is that nine in ten?
    - The median is right. Your p90 is one place too early, but for 10, 20 or 30 runs.
    - *At least* nine in ten must not exceed it: look at how you make a whole number of 0.9 times
      the runs (or at what `method` stands for).
""")

median_and_p90.mistaken("between_two_others", p90=_exclusive)("""
    - Did any run take as long as your p90 says?
    - The median is right. Your p90 lies between two runs: the task asks for one of those measured.
    - `quantiles` fills in between the runs. Take the p90 from the sorted list, and count.
""")

median_and_p90.mistaken("always_two_in_the_middle", median=_always_two)("""
    - What is the median of three runs?
    - The p90 is right. The median is only right for even numbers of runs.
    - With an odd number of runs a single one lies in the middle.
""")


def _shifted(times, warm_up):
    ordered = sorted(times[warm_up:])
    half = len(ordered) // 2
    return sum(ordered[half : half + 2]) / 2, _nine_tenths(ordered)


median_and_p90.mistaken("middle_of_the_next", _shifted)("""
    - Take four runs, 1 to 4 ms. Which two do you add up?
    - The p90 is right. Your two in the middle are one place too late (or there are two where one is
      enough).
    - Lists begin at 0: which places have the second and the third of four?
""")


@median_and_p90.mistake
def warm_up_in_the_p90(times, warm_up):
    """
    - Are both of your numbers of the same runs?
    - The median is right. The p90 still has the warm-up in it.
    - Leave out the first runs once, before anything else, and go on with what is left.
    """
    return median_and_p90.right(times, warm_up)[0], _nine_tenths(sorted(times))


@median_and_p90.mistake
def counted_with_the_warm_up(times, warm_up):
    """
    - How many runs are left after the warm-up?
    - The median is right. For the p90 you counted runs that you had left out.
    - Nine tenths of *those that are left*: look at where your count comes from.
    """
    ordered = sorted(times[warm_up:])
    place = -(-9 * len(times) // 10) - 1
    return statistics.median(ordered), ordered[min(place, len(ordered) - 1)]


median_and_p90.mistaken("one_more_left_out", lambda t, n: median_and_p90.right(t, n + 1))("""
    - How many runs do you leave out? Try three times, with a warm-up of 1.
    - You leave out one run too many.
    - Places begin at 0: the first run that counts has the place `warm_up`.
""")

median_and_p90.mistaken("one_less_left_out", lambda t, n: median_and_p90.right(t, n - 1))("""
    - How many runs do you leave out? Try three times, with a warm-up of 1.
    - The last run of the warm-up is still among yours.
    - Places begin at 0: the first run that counts has the place `warm_up`.
""")

median_and_p90.mistaken("nine_tenths_of_the_slowest", p90=lambda ordered: 0.9 * ordered[-1])("""
    - Did any run take as long as your p90 says?
    - The median is right. Your second number is nine tenths of a *time*.
    - The p90 is about nine tenths of the *runs*: count in the sorted list.
""")

median_and_p90.mistaken("from_the_wrong_end", p90=lambda ordered: _nine_tenths(ordered[::-1]))("""
    - Is your second number larger than the median?
    - The median is right. Nine in ten of your runs are slower than your second number.
    - The p90 is that of a bad day: from which end do you count?
""")

median_and_p90.mistaken(
    "fastest_nine_tenths",
    p90=lambda ordered: statistics.mean(ordered[: -(-9 * len(ordered) // 10)]),
)("""
    - Did any run take as long as your p90 says?
    - The median is right. Your second number is a mean of the fastest nine tenths.
    - Asked for is a single run: the slowest one of these.
""")


def _two_at_once(median: Callable, p90: Callable) -> Callable:
    return lambda times, warm_up: median_and_p90.right(times, warm_up, median=median, p90=p90)


for _middle, _median in (
    ("upper_middle", statistics.median_high),
    ("lower_middle", statistics.median_low),
    ("always_two", _always_two),
    ("mean", statistics.mean),
):
    for _name, _p90 in (
        ("rounded", _rounded),
        ("cut_off", _cut_off),
        ("between_two", _linear),
        ("between_two_others", _exclusive),
        ("slowest", max),
        ("one_beyond", _one_beyond),
        ("always_beyond", _always_beyond),
    ):
        if (_middle, _name) != ("upper_middle", "one_beyond"):  # that is two_are_left
            median_and_p90.mistaken(f"{_middle}_and_{_name}", _two_at_once(_median, _p90))("""
    - The warm-up is left out correctly. Both numbers are wrong: begin with the median of three
      runs, then of four.
    - What does the middle of an even number of runs look like, what that of an odd number? And of
      ten runs, 1 to 10 ms: which one is the p90?
    - One thing at a time. For the median two cases, even and odd; for the p90 count the runs that
      do not exceed it, with ten runs and with eleven.
""")


median_and_p90.mistaken("always_one_beyond", p90=_always_beyond)("""
    - Of ten runs, 1 to 10 ms, which one is your p90? And of eleven?
    - The median is right. Your p90 is one place too far.
    - Lists begin at 0: which place has the ninth of ten?
""")

median_and_p90.mistaken("percentile_of_a_share", p90=_share_for_percent)("""
    - Is your second number larger than the median?
    - The median is right. Your second number is nearly the fastest run of all.
    - 0.9 and 90: which of the two does your library want?
""")


@median_and_p90.mistake
def p90_not_sorted(times, warm_up):
    """
    - The run at nine tenths of the list, or a time that nine tenths do not exceed?
    - The median is right. For the p90 the runs stand in the order in which they came.
    - Median and p90 are places in a *sorted* list, both of them.
    """
    return median_and_p90.right(times, warm_up)[0], _nine_tenths(times[warm_up:])


median_and_p90.mistaken("warm_up_alone", lambda t, n: median_and_p90.right(t[:n], 0))("""
    - How many runs are among yours?
    - You keep the warm-up, and leave out the rest.
    - Look at the side of the colon in your slice.
""")

for _name, _p90 in (("rounded", _rounded), ("cut_off", _cut_off), ("between_two", _linear)):
    median_and_p90.mistaken(f"sorted_first_and_{_name}", _by_size, p90=_p90)("""
    - Which runs do you leave out: the first, or the fastest?
    - Once the list is sorted, nobody knows any more which run came first. (And the p90 has a
      mistake of its own.)
    - Look at the order of your first two steps. Then count, for the p90, the runs that do not
      exceed it, with ten runs and with eleven.
""")
