"""How sure a figure is: 95% intervals of an accuracy, of a difference, and of a median.

>>> low, high = wilson(correct=970, total=1000)
>>> f"97.0%, 95% interval {low:.1%} to {high:.1%}"
'97.0%, 95% interval 95.7% to 97.9%'
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist, median

import numpy as np

from course_lib import arguments


def wilson(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval (low, high) of the share correct / total, each in [0, 1].

    Source: Wilson 1927, Journal of the American Statistical Association 22, 209-212. Unlike
    "plus or minus 1.96 standard errors" it stays sensible near 0% and 100%.
    """
    total = arguments.count("total", total)
    correct = arguments.count("correct", correct, 0, total)
    z = _z(confidence)
    share, shrink = correct / total, 1 + z * z / total
    middle = (share + z * z / (2 * total)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    # rounding must not leave 0% or 100% outside
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


@dataclass(frozen=True)
class Paired:
    """The difference of two networks on the same images, in percentage points (after - before)."""

    points: float
    low: float
    high: float
    gained: int  # images that only the second gets right
    lost: int  # images that only the first gets right
    total: int

    def __str__(self) -> str:
        points, low, high = (round(x, 1) + 0.0 for x in (self.points, self.low, self.high))
        return f"{points:+.1f} points ({low:+.1f} to {high:+.1f})"  # + 0.0 turns -0.0 into 0.0


def paired(before: Iterable[bool], after: Iterable[bool], confidence: float = 0.95) -> Paired:
    """Compare two networks image by image: who got which of the same images right?

    before, after: one bool for each image, in the same order. Only the images on which the
    two disagree say anything, so that it is usually far narrower than two separate intervals.
    Source: the score interval for paired proportions, Tango 1998, Statistics in Medicine 17,
    891-908. It excludes zero exactly when McNemar's test rejects "equally good".

    >>> print(paired([True] * 90 + [False] * 10, [True] * 95 + [False] * 5))
    +5.0 points (+1.1 to +11.2)
    """
    first, second = _right("before", before), _right("after", after)
    if first.ndim != 1 or first.shape != second.shape or not first.size:
        raise ValueError(
            f"before and after must hold one bool for each of the same images, "
            f"got shapes {first.shape} and {second.shape}"
        )
    gained, lost, total = int((second & ~first).sum()), int((first & ~second).sum()), first.size
    z = _z(confidence)
    return Paired(
        points=100 * (gained - lost) / total,
        low=100 * _tango_low(gained, lost, total, z),
        high=-100 * _tango_low(lost, gained, total, z),  # the same, seen from the other side
        gained=gained,
        lost=lost,
        total=total,
    )


def _right(name: str, given: Iterable[bool]) -> np.ndarray:
    """One bool for each image; probabilities, texts and NaN are none, though each is true."""
    iterates = isinstance(given, Iterable) and not hasattr(given, "__len__")
    values = np.asarray(list(given) if iterates else given)
    if values.dtype != bool:
        raise ValueError(
            f"{name} must hold one bool for each image, got {values.dtype}; "
            f"(answers == labels) gives them"
        )
    return values


def _tango_low(gained: int, lost: int, total: int, z: float) -> float:
    """The smallest true difference that lies no more than z standard errors below the one seen."""

    def too_low(difference: float) -> bool:
        # `share` is the likeliest share of lost images if `difference` were the truth
        a = 2 * total
        b = -gained - lost + (2 * total - gained + lost) * difference
        c = -lost * difference * (1 - difference)
        share = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
        variance = max(0.0, total * (2 * share + difference * (1 - difference)))
        return gained - lost - total * difference > z * math.sqrt(variance)

    low, high = -1.0, (gained - lost) / total
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if too_low(middle) else (low, middle)
    return high


def _z(confidence: float) -> float:
    if not 0 < arguments.number("confidence", confidence) < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}; 0.95 is usual")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def spread(values: Sequence[float]) -> float:
    """Width of the 95% order-statistics interval of the median, divided by the median.

    The interval runs from the k-th smallest to the k-th largest value; inf for fewer than
    six values, which cannot give one.
    Raises ValueError for values that are no numbers, and for a median that is not above zero.
    """
    values = arguments.numbers("values", values)
    k = _rank(len(values))
    if k == 0:
        return math.inf
    ordered = sorted(values)
    low, high = ordered[k - 1], ordered[-k]
    middle = arguments.above_zero("the median of values", median(ordered))
    return (high - low) / middle


@cache
def _rank(n: int) -> int:
    """The largest k whose interval covers the median at least 95% of the time, by the binomial."""
    k, tail = 0, 0  # tail counts the outcomes, of 2**n, with fewer than k values below
    while 2 * (tail := tail + math.comb(n, k)) * 20 <= 2**n:
        k += 1
    return k
