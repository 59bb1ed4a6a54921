"""Task 1 of exercise 09: who keeps the beat?"""

import math

import numpy as np
import torch

from ..inputs import between, whole
from ..task import task

# Networks by their frames, in shares of the time that there is: [(share of the frames, capture,
# preparation, network), ...]. The most accurate one first, so that whoever lets one of these
# pass by mistake also chooses it.
FRAMES = {
    "far too slow": [(1.0, 0.3, 0.3, 2.4)],
    "slow preparation": [(1.0, 0.2, 1.2, 0.3)],
    "quick alone": [(1.0, 0.4, 0.35, 0.85)],
    "quick without its capture": [(1.0, 0.7, 0.3, 0.6)],
    "a third is quick": [(0.3, 0.2, 0.2, 0.4), (0.7, 0.3, 0.3, 1.3)],
    "half are quick": [(0.6, 0.2, 0.2, 0.4), (0.4, 0.3, 0.3, 1.4)],
    "quick on average": [(0.82, 0.2, 0.2, 0.35), (0.18, 0.2, 0.2, 1.1)],
    "slow by turns": [(0.79, 0.2, 0.2, 0.3), (0.07, 1.0, 0.2, 0.3), (0.07, 0.2, 1.0, 0.3),
                      (0.07, 0.2, 0.2, 1.1)],
}  # fmt: skip
KEEPING = (
    [(0.94, 0.2, 0.2, 0.45), (0.06, 0.3, 0.3, 1.0)],  # a few frames are late
    [(0.7, 0.2, 0.2, 0.5), (0.15, 0.4, 0.2, 0.3), (0.15, 0.2, 0.4, 0.3)],  # its parts are, by turns
    [(0.97, 0.2, 0.2, 0.45), (0.03, 0.3, 0.3, 1.0)],  # hardly any are late
    [(0.7, 0.2, 0.2, 0.5), (0.15, 0.4, 0.2, 0.3), (0.15, 0.2, 0.4, 0.3)],
)
LESS_ACCURATE = {
    "keeps it narrowly": [(1.0, 0.2, 0.2, 0.56)],
    "fast": [(1.0, 0.1, 0.1, 0.2)],
    "neither": [(1.0, 0.2, 0.2, 0.3)],
}


def _frames(kinds: list, count: int, left: float, random: torch.Generator) -> np.ndarray:
    """Recorded times (frames, 3) in ms: capture, preparation and network."""
    rows = [row for share, *row in kinds for _ in range(round(share * count))]
    times = left * torch.tensor(rows, dtype=torch.float64)
    times *= 1 + 0.02 * (torch.rand(times.shape, generator=random, dtype=torch.float64) - 0.5)
    return times[torch.randperm(len(times), generator=random)].numpy()


def _recorded(random: torch.Generator, case: int) -> tuple:
    """Networks that each look good by one wrong measure, and one or none that is good."""
    rate = (24, 60, 20, 50)[case % 4]
    page = 1000 / rate * between(random, 0.12, 0.18)
    left = 1000 / rate - page
    narrowly = [(1.0, 0.2, 0.2, 0.6 + page / left / 2)]  # in time if nothing else were to be done
    beyond = [(1.0, 0.2, 0.2, 0.6 + 1.5 * page / left)]
    kinds = [*FRAMES.values(), beyond, narrowly]
    best = 0 if case == 4 else len(kinds)  # once it is the most accurate of all
    if case != 5:  # else nobody keeps the beat
        kinds = [*kinds[:best], KEEPING[case % 4], *kinds[best:], *LESS_ACCURATE.values()]
    count = 100 * whole(random, 1, 3)
    times = [_frames(each, count, left, random) for each in kinds]
    steps = [between(random, 0.004, 0.01) for _ in times]
    accuracies = [0.985 - sum(steps[:place]) for place in range(len(times))]
    order = torch.randperm(len(times), generator=random).tolist()
    fast = len(times) - 2
    if case != 5 and (order.index(fast) < order.index(best)) != bool(case // 2 % 2):
        order.reverse()
    return [times[i] for i in order], [accuracies[i] for i in order], rate, page


def _slow_tenth(values: np.ndarray) -> float:
    """A tenth is slower. No frame is near the limit there, so it need not be interpolated."""
    return float(np.sort(values)[9 * len(values) // 10])


def _most_accurate(accuracies: list, holds: list) -> int | None:
    return max((n for n, good in enumerate(holds) if good), key=lambda n: accuracies[n],
               default=None)  # fmt: skip


def _left(rate: float, page: float) -> float:
    """Of a frame, in ms, beside the page's own work."""
    return 1000 / rate - page


def _slow_frame(times: np.ndarray) -> float:
    return _slow_tenth(times.sum(1))


@task("09_plant_app", draw=_recorded, cases=6)
def in_time(times, accuracies, rate, page, *, left=_left, measure=_slow_frame):
    """A user feels the frames that come late, not the mean of all.

    So a budget is for a whole frame, from the camera to the name, and for the slow tenth of them.
    """
    return _most_accurate(accuracies, [measure(each) <= left(rate, page) for each in times])


@in_time.mistake
def a_number_below_zero_for_nobody(times, accuracies, rate, page):
    """
    - What do you return if no network is in time?
    - You return -1 then. As a place in a list that is the last one.
    - Asked for is `None`.
    """
    number = in_time.right(times, accuracies, rate, page)
    return -1 if number is None else number


@in_time.mistake
def the_first_for_nobody(times, accuracies, rate, page):
    """
    - What do you return if no network is in time?
    - You return 0 then, and that is the first network. What does `argmax` say where all are alike?
    - Asked for is `None`: look whether there is any in time before you choose.
    """
    number = in_time.right(times, accuracies, rate, page)
    return 0 if number is None else number


@in_time.mistake
def the_best_or_nobody(times, accuracies, rate, page):
    """
    - If the most accurate network is too slow, who comes next?
    - You look at one network alone, the most accurate one. If it is late you return `None`.
    - First see who is in time. Of these take the most accurate.
    """
    number = int(np.argmax(accuracies))
    return number if _slow_frame(times[number]) <= _left(rate, page) else None


@in_time.mistake
def all_in_time(times, accuracies, rate, page):
    """
    - How many networks does the page need?
    - You return all that are in time.
    - One number is asked for: the place of the most accurate of them.
    """
    return [n for n, each in enumerate(times) if _slow_frame(each) <= _left(rate, page)]


@in_time.mistake
def the_least_accurate(times, accuracies, rate, page):
    """
    - Whoever is in time is in time. What decides among these, and in which direction?
    - You return the least accurate of those in time.
    - Look at how you choose, or at which end of the sorted list you stand.
    """
    good = [_slow_frame(each) <= _left(rate, page) for each in times]
    return _most_accurate([-accuracy for accuracy in accuracies], good)


def _slow_part(times: np.ndarray) -> float:
    return max(map(_slow_tenth, times.T))


in_time.mistaken("each_part_by_itself", measure=_slow_part)("""
    - Three parts that each just fit into a frame: does the frame?
    - You look at the numbers of the array one by one. Capture, preparation and network come one
      after the other.
    - How long does a whole frame take? That comes before any percentile.
""")

in_time.mistaken(
    "one_in_twenty", measure=lambda each: np.sort(each.sum(1))[19 * len(each) // 20]
)("""
    - How many frames may be late by your measure, and how many by the task's?
    - You refuse a network of which one frame in twenty is late.
    - One frame of ten may be late. Which number has nine tenths of the frames below it?
""")

in_time.mistaken("in_seconds", left=lambda rate, page: 1 / rate - page)("""
    - In which unit are the times, and in which one is 1 / rate?
    - A frame has 1 / rate *seconds*. The recorded times are milliseconds, so nobody can hold that.
    - Write down how many milliseconds one of 30 frames a second may take, and begin with that
      number.
""")

in_time.mistaken("rate_as_milliseconds", left=lambda rate, page: rate - page)("""
    - 60 frames a second: how long may one of them take? Longer than at 20 a second?
    - You compare milliseconds with frames a second. At about 30 the two happen to be alike.
    - More frames a second leave *less* time for each. Turn the rate into milliseconds first.
""")

in_time.mistaken("nothing_for_the_page", left=lambda rate, page: 1000 / rate)("""
    - Who else needs a part of each frame? Read the task again.
    - Your frame belongs to the three parts alone. The page draws the picture and the bars, too.
    - What `page` takes is not there for the others: the frame is shorter by it.
""")

in_time.mistaken("page_on_the_wrong_side", left=lambda rate, page: 1000 / rate + page)("""
    - Does the page's own work leave more time for a frame, or less?
    - Your limit is longer than the frame itself.
    - What the page takes counts like a fourth part of the frame. Put it on the right side of the
      comparison.
""")

in_time.mistaken("on_average", measure=lambda each: each.sum(1).mean())("""
    - Half of the frames take 10 ms, half take 50. What is the mean, and how does it feel?
    - You look at the mean. Many quick frames make up for slow ones there, but not for the user.
    - Nine of ten frames have to be in time: which number tells that?
""")

in_time.mistaken("the_frame_in_the_middle", measure=lambda each: np.median(each.sum(1)))("""
    - How many frames are slower than the median?
    - Half of all frames may be late by your measure. Asked for is a tenth.
    - The median is the 50th percentile. Which one was asked for?
""")

in_time.mistaken("the_fast_tenth", measure=lambda each: -_slow_tenth(-each.sum(1)))("""
    - Sort the frames from fast to slow. On which end do you stand?
    - Nine of ten frames are slower than your number. A high percentile of frames a *second* is a
      low one of milliseconds.
    - The slow end counts: in milliseconds the 90th percentile, in frames a second the 10th.
""")

in_time.mistaken("sum_of_the_percentiles", measure=lambda each: sum(map(_slow_tenth, each.T)))("""
    - Is the frame with the slow capture the same one as that with the slow network?
    - You take the slow tenth of each part, then add. The parts may be slow in different frames:
      then more frames are late than you think, or none is.
    - A frame is in time or late as a whole. What comes first then, the sum or the percentile?
""")

in_time.mistaken("the_network_alone", measure=lambda each: _slow_tenth(each[:, 2]))("""
    - From the camera to the name: what else takes time?
    - You look at the last column alone. A frame has to be captured and prepared before.
    - All three columns belong to a frame.
""")

in_time.mistaken("without_the_capture", measure=lambda each: _slow_tenth(each[:, 1:].sum(1)))("""
    - Where does a frame begin?
    - You add preparation and network. Until the camera's picture is there, time passes as well.
    - All three columns belong to a frame, the first one too.
""")

in_time.mistaken("every_frame", measure=lambda each: each.sum(1).max())("""
    - How many frames may be late by your measure, and how many by the task's?
    - You ask for the slowest frame of all. On a phone there is always one that is late.
    - One frame of ten may be late. Which number has nine tenths of the frames below it?
""")

in_time.mistaken("accuracy_alone", left=lambda rate, page: math.inf)("""
    - Would a user wait for the name that you offer?
    - You return the most accurate network of all. It is far too slow.
    - First see who is in time. Of these alone take the most accurate.
""")


@in_time.mistake
def the_first_in_time(times, accuracies, rate, page):
    """
    - Does your function look at `accuracies`?
    - Yours takes the first network that is in time. The list has no order.
    - Among all that are in time, the most accurate one.
    """
    limit = _left(rate, page)
    return next((n for n, each in enumerate(times) if _slow_frame(each) <= limit), None)


@in_time.mistake
def the_fastest(times, accuracies, rate, page):
    """
    - Whoever is in time is in time. What decides among these?
    - You take the fastest one. It is less accurate than another that is in time as well.
    - Time only says who may take part. Then `accuracies` decide.
    """
    slow = [_slow_frame(each) for each in times]
    best = int(np.argmin(slow))
    return best if slow[best] <= _left(rate, page) else None


@in_time.mistake
def the_slowest_in_time(times, accuracies, rate, page):
    """
    - Is a slower network always a better one?
    - You take the one that fills the frame. Some networks are slow without being accurate.
    - `accuracies` tell who is the best of those that are in time.
    """
    slow = [_slow_frame(each) for each in times]
    return _most_accurate(slow, [ms <= _left(rate, page) for ms in slow])


@in_time.mistake
def place_among_those_in_time(times, accuracies, rate, page):
    """
    - The right one is found, under a wrong number. Among whom do you count?
    - You sort out the slow ones first, and return the place in the list of those that are left.
    - The number is the place in the list that your function was given. Keep the numbers while you
      sort out.
    """
    held = [a for each, a in zip(times, accuracies, strict=True)
            if _slow_frame(each) <= _left(rate, page)]  # fmt: skip
    return held.index(max(held)) if held else None


@in_time.mistake
def its_accuracy(times, accuracies, rate, page):
    """
    - What comes back: how accurate the network is, or which one it is?
    - You return the accuracy of the right one. Asked for is its number, its place in the list.
    - Look for the place of the highest accuracy among those in time, not for the accuracy itself.
    """
    number = in_time.right(times, accuracies, rate, page)
    return None if number is None else accuracies[number]


@in_time.mistake
def the_best_of_the_late(times, accuracies, rate, page):
    """
    - Is the network that you return in time? Print its frames beside the limit.
    - You choose among those that are *late*.
    - In which direction does your comparison point?
    """
    return _most_accurate(accuracies, [_slow_frame(each) > _left(rate, page) for each in times])
