"""Task 5 of exercise 07: no words at all."""

import math
from collections import Counter

import torch

from ..inputs import shuffled, whole
from ..task import task


def _message(random: torch.Generator, case: int) -> tuple:
    numbers = shuffled(random, [-2, -1, 1, 2])[: 2 + case % 2]
    numbers.insert(1, 0)
    if numbers == sorted(numbers):
        numbers.reverse()
    counts = [whole(random, low, low + 2) for low in (4, 9, 6, 12)[: len(numbers)]]
    if case % 4 == 0:
        counts[1] = 18  # zeros above all
    message = [numbers[-1], numbers[0], 0, numbers[case % 2], 0][: 4 + case % 2]
    if case % 4 == 3:  # beginning with the first of the table: the low end stays for a while
        message[:2] = [numbers[0], numbers[-1]]
    return message, dict(zip(numbers, counts, strict=True))


def _low_and_width(result, *_inputs):
    low, high = result
    return float(low), float(high) - float(low)


def _parts(counts: dict) -> dict:
    """{number: (where its part begins, where it ends)}."""
    total, below, found = sum(counts.values()), 0, {}
    for n, count in counts.items():
        found[n] = below / total, (below + count) / total
        below += count
    return found


def _narrowed(numbers, parts: dict) -> tuple[float, float]:
    low, width = 0.0, 1.0
    for n in numbers:
        start, end = parts[n]
        low, width = low + width * start, width * (end - start)
    return low, low + width


@task("07_working_together", draw=_message, observed=_low_and_width, tolerance=1e-3)
def interval(numbers, counts, *, table=dict):
    """The width is the product of the probabilities, so its bits are the sum of log2(1/p).

    That is the entropy, with no rounding up to whole bits for each number: a frequent zero costs
    a small part of a bit.
    """
    return _narrowed(numbers, _parts(table(counts)))


interval.mistaken("starts_anew", lambda numbers, counts: _parts(counts)[numbers[-1]])("""
    - Change the first of the numbers. Does your result change?
    - Each number narrows the interval that the one before it left. Yours begins at 0 and 1 each
      time.
    - The part of a number is a part *of the interval so far*, not of 0 to 1.
""")


@interval.mistake
def the_next_ones_part(numbers, counts):
    """
    - Where does the part of the table's very first number begin?
    - The widths are right. Each of your parts begins where it should end.
    - A part begins after all numbers that stand *before* it in the table: its own count is not
      among them yet.
    """
    parts = {n: (end, 2 * end - start) for n, (start, end) in _parts(counts).items()}
    return _narrowed(numbers, parts)


@interval.mistake
def low_moved_too_early(numbers, counts):
    """
    - One number goes well. What is different from the second on?
    - Both new ends are computed from both old ones. When you compute your second, is the first
      still the old one?
    - Keep the old low end, or the old width, until both new ends are there.
    """
    low, high = 0.0, 1.0
    for n in numbers:
        start, end = _parts(counts)[n]
        low = low + (high - low) * start
        high = low + (high - low) * end
    return low, high


@interval.mistake
def width_shrunk_too_early(numbers, counts):
    """
    - The width is right. What do you multiply by it, before or after it shrinks?
    - The low end moves by a part of the *old* width. Yours has shrunk already.
    - Two lines in the wrong order: move first, shrink then.
    """
    low, width = 0.0, 1.0
    for n in numbers:
        start, end = _parts(counts)[n]
        width *= end - start
        low += width * start
    return low, low + width


@interval.mistake
def low_not_scaled(numbers, counts):
    """
    - Can your low end get beyond 1?
    - The width shrinks, but the low end moves as if the interval still went from 0 to 1.
    - Where a part begins is a share of the interval so far: of its width.
    """
    low, width = 0.0, 1.0
    for n in numbers:
        start, end = _parts(counts)[n]
        low, width = low + start, width * (end - start)
    return low, low + width


@interval.mistake
def from_the_last_one_on(numbers, counts):
    """
    - Which number does a decoder find first?
    - The width is right. You take the numbers from the last to the first.
    - The first number chooses its part of 0 to 1, the second a part of that, and so on.
    """
    return _narrowed(list(numbers)[::-1], _parts(counts))


interval.mistaken("table_sorted_by_number", table=lambda counts: dict(sorted(counts.items())))("""
    - In which order do the parts lie?
    - The widths are right. You sorted the table by its numbers.
    - The parts lie in the order of the table as it came in. Encoder and decoder must agree on it.
""")

interval.mistaken("table_sorted_by_count", table=lambda its: dict(Counter(its).most_common()))("""
    - In which order do the parts lie? What does `most_common` do to it?
    - The widths are right. You sorted the table by how often its numbers occur.
    - The parts lie in the order of the table as it came in. Encoder and decoder must agree on it.
""")

interval.mistaken("equal_parts", table=lambda counts: dict.fromkeys(counts, 1))("""
    - How wide is the part of a frequent number, how wide that of a rare one?
    - All your parts are equally wide: the counts play no role.
    - The part of a number is its count among all counts of the table.
""")


@interval.mistake
def counted_in_the_message(numbers, counts):
    """
    - Where do your shares come from: the table, or the numbers themselves?
    - You count the numbers of the message. The decoder does not have them yet.
    - Encoder and decoder share the table: take the shares from there.
    """
    return _narrowed(numbers, _parts({n: list(numbers).count(n) for n in counts}))


@interval.mistake
def low_and_its_width(numbers, counts):
    """
    - Is your second number larger than the first? What was it to be?
    - You return where the interval begins and how wide it is.
    - Asked for are both ends of the interval.
    """
    low, high = interval.right(numbers, counts)
    return low, high - low


@interval.mistake
def counts_for_shares(numbers, counts):
    """
    - Can an interval that lies in another one be wider than it?
    - You multiply by the counts themselves. They are to be shares, all of them together 1.
    - Which number turns a count into a share? All counts of the table have a part in it.
    """
    total = sum(counts.values())
    parts = {n: (start * total, end * total) for n, (start, end) in _parts(counts).items()}
    return _narrowed(numbers, parts)


interval.mistaken("from_the_high_end_down", lambda numbers, counts: _narrowed(
    numbers, {n: (1 - end, 1 - start) for n, (start, end) in _parts(counts).items()}
))("""
    - Where does the part of the table's very first number begin?
    - The widths are right. Your parts lie from the high end down.
    - The first number of the table has the lowest part, as in the task's example.
""")  # fmt: skip


def _with_a_moving_table(numbers, counts, *, by):
    counts, low, width = dict(counts), 0.0, 1.0
    for n in numbers:
        start, end = _parts(counts)[n]
        low, width = low + width * start, width * (end - start)
        counts[n] += by
    return low, low + width


interval.mistaken("counts_used_up", _with_a_moving_table, by=-1)("""
    - The same number twice: does it choose an equally large part the second time?
    - You take each number out of the table when it has been coded, so the shares change on the way.
    - The table stays as it is: each interval is cut in the same proportions.
""")

interval.mistaken("counts_that_grow", _with_a_moving_table, by=1)("""
    - The same number twice: does it choose an equally large part the second time?
    - You count each coded number once more. Some coders do so and call it adaptive; not this one.
    - The table stays as it is: each interval is cut in the same proportions.
""")


@interval.mistake
def high_moved_too_early(numbers, counts):
    """
    - One number goes well. What is different from the second on?
    - Both new ends are computed from both old ones. When you compute the low end, is the high one
      still the old one?
    - Keep the old high end, or the old width, until both new ends are there.
    """
    low, high = 0.0, 1.0
    for n in numbers:
        start, end = _parts(counts)[n]
        high = low + (high - low) * end
        low = low + (high - low) * start
    return low, high


@interval.mistake
def high_without_the_low_end(numbers, counts):
    """
    - Does your high end lie in the interval before it?
    - The low end is right at first. The high end you count from 0, not from where the interval
      begins.
    - Both ends are so far above the *old low end*.
    """
    low, high = 0.0, 1.0
    for n in numbers:
        start, end = _parts(counts)[n]
        low, high = low + (high - low) * start, (high - low) * end
    return low, high


@interval.mistake
def begins_at_zero(numbers, counts):
    """
    - Two messages with the same numbers in another order: do you return two intervals?
    - The width is right. Your interval always begins at 0, whatever the numbers are.
    - Each number also moves the low end: to where its part of the interval begins.
    """
    low, high = interval.right(numbers, counts)
    return 0.0, high - low


@interval.mistake
def high_end_first(numbers, counts):
    """
    - Which of your two numbers is the smaller one?
    - Both ends are right. The high one comes first.
    - Asked for is (low, high).
    """
    low, high = interval.right(numbers, counts)
    return high, low


@interval.mistake
def a_single_place(numbers, counts):
    """
    - How wide is your interval?
    - Both of your numbers are the same: a place inside. A decoder can do with that.
    - Asked for are the two ends of the last interval.
    """
    low, high = interval.right(numbers, counts)
    return (low + high) / 2, (low + high) / 2


@interval.mistake
def ends_multiplied(numbers, counts):
    """
    - The second number chooses its part of what? Draw the first interval, and cut that.
    - You multiply all the low ends, and all the high ends. Products of ends are no ends: the
      interval does not lie in the one before it.
    - What multiplies are the widths. An end is the old low end plus a share of the old width.
    """
    parts = _parts(counts)
    return math.prod(parts[n][0] for n in numbers), math.prod(parts[n][1] for n in numbers)


@interval.mistake
def all_before_it_as_wide(numbers, counts):
    """
    - Where does the part of the table's last number end? It should end at 1.
    - You let a part begin after so many parts *of its own width*. Those before it have widths of
      their own.
    - A part begins where the one before it ends: add the shares of all that stand before it.
    """
    found = {}
    for place, (n, (start, end)) in enumerate(_parts(counts).items()):
        found[n] = place * (end - start), (place + 1) * (end - start)
    return _narrowed(numbers, found)
