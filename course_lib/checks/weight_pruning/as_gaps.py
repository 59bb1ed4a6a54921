"""Weights stored as gaps: how many zeros lie before each, with fillers where they are too many."""

from typing import Any

import torch
from torch import Tensor

from ..task import task


def _read(gaps: Any, values: Any, count: int) -> Tensor:
    """What the reader in the notebook makes of them; what lies beyond the end is left out."""
    weights, place = torch.zeros(count), -1
    for gap, value in zip(gaps, values, strict=True):
        place += gap + 1
        if 0 <= place < count and place == int(place):
            weights[int(place)] = value
    return weights


def _as_read(result: Any, weights: Tensor, bits: int) -> dict[str, Any]:
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise ValueError(f"two lists were asked for, gaps and values; got {result!r:.60}")
    gaps, values = ([float(number) for number in part] for part in result)
    if len(gaps) != len(values):
        raise ValueError(f"there are {len(gaps)} gaps and {len(values)} values")
    return {
        "what the reader makes of it": _read(gaps, values, len(weights)),
        "how many entries there are": len(gaps),
        "how many gaps have too many bits": sum(not 0 <= gap < 2**bits for gap in gaps),
    }


def _with_runs(random: torch.Generator, case: int) -> tuple:
    bits = (2, 3, 4)[case % 3]
    most = 2**bits - 1
    runs = torch.tensor([0, 0, 1, most - 1, most, most + 1, most + 2, 2 * most + 2, 3 * most + 5])
    parts = []
    for run in runs[torch.randperm(len(runs), generator=random)].tolist():
        value = torch.randn(1, generator=random)
        parts += [torch.zeros(run), value + value.sign()]
    ends = (0, most + 4, 2, 3 * most, 0, 1)[case % 6]
    return torch.cat([*parts, torch.zeros(ends)]), bits


def _gaps(
    weights: Tensor,
    bits: int,
    largest=lambda bits: 2**bits - 1,
    before: int = 0,
    itself: int = 1,
    most_fillers: int = 10**9,
    filled=lambda most, weight: (most, 0.0),
    least: int = 1,
    after=lambda zeros: 0,
) -> tuple[list[int], list[float]]:
    """before: what each gap begins with. itself: places that a filler takes besides its gap.

    filled: a filler's gap and value. least: by how many zeros too many a filler comes. after: what
    is left of the zeros behind a weight.
    """
    gaps: list[int] = []
    values: list[float] = []
    most, zeros = largest(bits), before
    for weight in weights.tolist():
        if weight == 0:
            zeros += 1
            continue
        fillers = 0
        while zeros >= most + least and fillers < most_fillers:
            gap, value = filled(most, weight)
            gaps.append(gap)
            values.append(value)
            zeros -= gap + itself
            fillers += 1
        gaps.append(zeros)
        values.append(weight)
        zeros = before + after(zeros)
    return gaps, values


@task("03_weight_pruning", draw=_with_runs, observed=_as_read, cases=6)
def as_gaps(weights, bits):
    """Deep Compression stores its zeros this way: a gap of 4 or 5 bits, where a column takes 32.

    Fewer bits make shorter gaps but more fillers, so the best number depends on the sparsity.
    """
    return _gaps(weights, bits)


as_gaps.mistaken("no_fillers", _gaps, most_fillers=0)("""
    - What is your largest gap, and does it fit into the bits?
    - With 2 bits a gap can be 0, 1, 2 or 3. What do you do with seven zeros in a row?
    - Where the zeros are too many for one gap, an entry with the value 0.0 has to come between.
""")

as_gaps.mistaken("fillers_take_no_place", _gaps, itself=0)("""
    - Read your gaps with the given reader: where do the weights behind a long run stand?
    - Too far to the right, by one for each filler. Which places does the reader step over when it
      meets a filler?
    - A filler stands somewhere itself, on one of the zeros. Did you count that zero?
""")


@as_gaps.mistake
def fillers_too_early(weights, bits):
    """
    - Take exactly as many zeros as the largest gap. Do they need a filler?
    - You write a filler as soon as the largest gap is reached, though a weight may follow at once;
      and the reader then ends up one too far.
    - Wait for one zero more: only then the gap is too long, and the filler has a zero to stand on.
    """
    gaps, values, zeros, most = [], [], 0, 2**bits - 1
    for weight in weights.tolist():
        if weight != 0:
            gaps.append(zeros)
            values.append(weight)
            zeros = 0
            continue
        zeros += 1
        if zeros == most:
            gaps.append(most)
            values.append(0.0)
            zeros = 0
    return gaps, values


as_gaps.mistaken("one_filler_at_most", _gaps, most_fillers=1)("""
    - Most runs are right. What happens in the longest one?
    - One filler may not be enough: what is left behind it can be too long again.
    - Ask again after each filler whether the rest fits.
""")

as_gaps.mistaken("distances", _gaps, before=1)("""
    - Two weights stand side by side. How many zeros are between them?
    - You count steps from one weight to the next. A gap is the number of zeros *between* them.
    - All your gaps are one too large.
""")


@as_gaps.mistake
def zeros_at_the_end(weights, bits):
    """
    - The reader gets it right. Can you do with fewer entries?
    - What do you write for the zeros behind the last weight?
    - The reader knows how many weights there are, and fills up with zeros by itself.
    """
    gaps, values = _gaps(weights, bits)
    zeros = len(weights) - 1 - int(weights.nonzero().max())
    fillers = zeros // 2**bits
    return gaps + fillers * [2**bits - 1], values + fillers * [0.0]


@as_gaps.mistake
def the_rest_as_well(weights, bits):
    """
    - Look at your last entry. Which weight does it stand for?
    - What do you write for the zeros behind the last weight?
    - The reader knows how many weights there are, and fills up with zeros by itself: after the last
      weight nothing is written.
    """
    gaps, values = _gaps(torch.cat([weights, torch.ones(1)]), bits)
    return gaps, [*values[:-1], 0.0]


as_gaps.mistaken("one_too_large", _gaps, largest=lambda bits: 2**bits)("""
    - What is the largest number that fits into the bits?
    - With 2 bits there are four different gaps. One of them is 0.
    - Your largest gap needs one bit more than it has.
""")

as_gaps.mistaken("one_too_small", _gaps, largest=lambda bits: 2**bits - 2)("""
    - The reader gets it right. Can you do with fewer fillers?
    - What is the largest number that fits into the bits? Yours is one smaller.
    - Take a run of just the largest gap (three zeros for 2 bits), and see whether a filler appears.
""")

as_gaps.mistaken("bits_for_the_largest", _gaps, largest=lambda bits: bits)("""
    - The reader gets it right. Can you do with fewer fillers?
    - Your largest gap is `bits` itself. How many different numbers do so many bits hold?
    - With 4 bits a gap can be far longer than 4.
""")


@as_gaps.mistake
def places(weights, bits):
    """
    - Are these gaps, or places?
    - You store where each weight stands, counted from the start. Such numbers grow without end.
    - A gap begins behind the weight before.
    """
    there = weights.nonzero().flatten()
    return there, weights[there]


as_gaps.mistaken("values_first", lambda weights, bits: _gaps(weights, bits)[::-1])("""
    - In which order did you return the two lists?
    - The reader takes the gaps first.
    - Gaps, then values: the other way round.
""")


as_gaps.mistaken("filler_for_the_largest", _gaps, least=0)("""
    - Take exactly as many zeros as the largest gap. Do they need a filler?
    - You write a filler where the gap would still fit. What is your gap behind it?
    - Look at your comparison: is the largest gap itself too large?
""")

as_gaps.mistaken("never_reset", _gaps, after=lambda zeros: zeros)("""
    - Two weights side by side, with zeros before them: what is the second gap?
    - Your count of zeros goes on behind a weight.
    - A gap begins anew behind each entry: what has to happen once one is written?
""")

as_gaps.mistaken("filler_has_the_weight", _gaps, filled=lambda most, weight: (most, weight))("""
    - Read yours with the given reader: are there weights that nobody stored?
    - Your fillers carry the weight that comes after them.
    - A filler stands on a zero: which value does the task give it?
""")

as_gaps.mistaken("fillers_of_gap_zero", _gaps, filled=lambda most, weight: (0, 0.0))("""
    - The reader gets it right. Can you do with fewer fillers?
    - Each of your fillers steps over a single zero. How many could it step over?
    - A filler has the largest gap there is.
""")

as_gaps.mistaken("twice_the_bits", _gaps, largest=lambda bits: 2 * bits - 1)("""
    - The reader gets it right. Can you do with fewer fillers?
    - Right for 2 bits. How many different numbers do 3 bits hold, and 4?
    - Every bit more doubles them: look at how you compute the largest gap.
""")


def _changed(weights: Tensor, bits: int, gap) -> tuple[list[int], Tensor]:
    """No fillers; each gap is what `gap` makes of it."""
    gaps, values = _gaps(weights, bits, most_fillers=0)
    return [gap(each, 2**bits) for each in gaps], torch.tensor(values)


as_gaps.mistaken("cut_to_the_largest", _changed, gap=lambda gap, many: min(gap, many - 1))("""
    - Read your gaps with the given reader: where do the weights behind a long run stand?
    - Too long a gap is cut down in yours, and the zeros that it loses are lost.
    - Where the zeros are too many for one gap, an entry with the value 0.0 has to come between.
""")

as_gaps.mistaken("rest_of_a_division", _changed, gap=lambda gap, many: gap % many)("""
    - Read your gaps with the given reader: where do the weights behind a long run stand?
    - What is left of a division is a good last gap. Where did the rest of the zeros go?
    - Where the zeros are too many for one gap, entries with the value 0.0 have to come between.
""")


@as_gaps.mistake
def rest_forgotten(weights, bits):
    """
    - Seven zeros and 2 bits: read your entries with the given reader. Where does the weight stand?
    - After a filler you begin to count at zero. It took only some of the zeros.
    - What is left behind a filler? Subtract what it took, its own place included.
    """
    gaps, values = [], []
    for gap, value in zip(*_gaps(weights, bits, most_fillers=0), strict=True):
        fillers = int(gap > 2**bits - 1)
        gaps += [2**bits - 1] * fillers + [0 if fillers else gap]
        values += [0.0] * fillers + [value]
    return gaps, values


@as_gaps.mistake
def first_place_off(weights, bits):
    """
    - Where does the reader put your first weight?
    - One place too far to the left, and with it all the others. Only your first gap is wrong.
    - Before the first weight there is no weight at place 0: where does the reader begin?
    """
    if weights[0] == 0:
        return _gaps(weights[1:], bits)
    gaps, values = _gaps(weights, bits)
    return [-1, *gaps[1:]], values


@as_gaps.mistake
def fillers_behind(weights, bits):
    """
    - Read yours with the given reader: which weights stand too early?
    - Your fillers come behind the weight that they were meant for.
    - In the list, as in the row of weights, the zeros come *before* the weight.
    """
    gaps, values = [], []
    for gap, value in zip(*_gaps(weights, bits, most_fillers=0), strict=True):
        fillers, rest = divmod(gap, 2**bits)
        gaps += [rest] + [2**bits - 1] * fillers
        values += [value] + [0.0] * fillers
    return gaps, values


@as_gaps.mistake
def gaps_behind(weights, bits):
    """
    - Whose zeros does your first gap count: those before the first weight, or those behind it?
    - Your gaps lie behind their weights.
    - The reader steps over the gap first, and puts the value down then.
    """
    there = weights.nonzero().flatten().tolist()
    gaps, values = [], []
    for place, following in zip(there, [*there[1:], len(weights)], strict=True):
        fillers, rest = divmod(following - place - 1, 2**bits)
        gaps += [2**bits - 1] * fillers + [rest]
        values += [weights[place].item()] + [0.0] * fillers
    return gaps, values


@as_gaps.mistake
def positive_alone(weights, bits):
    """
    - Read yours with the given reader. Which weights are missing?
    - Those below zero are.
    - A weight is stored if it is *not* zero: look at your comparison.
    """
    return _gaps(weights.clamp(min=0), bits)


as_gaps.mistaken("every_weight", lambda weights, bits: ([0] * len(weights), weights))("""
    - The reader gets it right. How many entries did you save?
    - You store the zeros as well.
    - Only what is not zero has an entry: the gap before it says how many zeros were left out.
""")


as_gaps.mistaken("filler_takes_too_little", _gaps, itself=-1)("""
    - Seven zeros and 2 bits: read your entries with the given reader. Where does the weight stand?
    - Too far to the right. How many zeros does the reader use up for a filler?
    - A filler uses up its gap, and the place on which it stands itself: what do you subtract?
""")

as_gaps.mistaken("bits_and_no_place", _gaps, largest=lambda bits: bits, itself=0)("""
    - Two things are wrong. What is the largest number that `bits` bits can hold?
    - With 4 bits a gap can be far longer than 4. And which place does a filler take itself?
    - First the largest gap. Then read yours with the given reader: a filler stands on a zero.
""")


@as_gaps.mistake
def filler_of_no_gap(weights, bits):
    """
    - Read yours with the given reader: where do the weights behind a long run stand?
    - Your filler says gap 0, but you subtract as if it had the largest gap.
    - Gap and value are two things: which of them is 0.0 in a filler?
    """
    gaps, values = _gaps(weights, bits)
    return [0 if value == 0 else gap for gap, value in zip(gaps, values, strict=True)], values
