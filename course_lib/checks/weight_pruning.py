"""Checks of exercise 03: places and their bytes, n of m, gaps, one threshold, shares by layer."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import models, weight_pruning
from .budget import Budget
from .prediction import Prediction
from .task import task

CHAPTER = "03_weight_pruning"


def _between(random: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, (1,), generator=random))


def _odd(random: torch.Generator, low: int, high: int) -> int:
    return 2 * _between(random, low // 2, high // 2) + 1


# 1. What a place costs


def _patterns(random: torch.Generator, case: int) -> tuple:
    n, m, bits = (
        (2, 4, 16), (3, 8, 8), (2, 5, 4), (5, 8, 7), (1, 6, 32), (3, 16, 6), (4, 7, 5), (1, 4, 8),
    )[case % 8]  # fmt: skip
    outputs, groups = _odd(random, 10, 40), _odd(random, 4, 12)
    return (outputs, m * groups, 3, 3) if case % 2 else (outputs, m * groups), n, m, bits


def _n_of_m_bits(shape, n, m, bits, place=None) -> float:
    """Bits of all groups, when a place takes `place` of them."""
    place = (m - 1).bit_length() if place is None else place
    return math.prod(shape) // m * n * (bits + place)


@task(CHAPTER, draw=_patterns, tolerance=1e-9)
def n_of_m_bytes(shape, n, m, bits):
    """2 of 4 halves the multiplications, but not the file: the places are stored as well.

    The fewer bits a weight has, the more of the file tells only where the weights are.
    """
    return math.ceil(_n_of_m_bits(shape, n, m, bits) / 8)


@n_of_m_bytes.mistake
def in_bits(shape, n, m, bits):
    """Your number is in another unit than the one asked for.

    A byte has 8 bits.

    You counted bits. Make whole bytes of them at the very end, once for the whole layer.
    """
    return _n_of_m_bits(shape, n, m, bits)


@n_of_m_bytes.mistake
def places_forgotten(shape, n, m, bits):
    """The values are there. Does the reader know where each of them belongs?

    In a group of 4, two values alone could stand at six different pairs of places.

    Each kept weight has its value and its place in the group. You counted the values only.
    """
    return math.ceil(_n_of_m_bits(shape, n, m, bits, place=0) / 8)


@n_of_m_bytes.mistake
def a_yes_or_no_for_each(shape, n, m, bits):
    """How does your format say where a kept weight stands? Is that the way the task describes?

    Yours is the chapter's bitmask: a bit for every weight, kept or not. For 2 of 4 that happens to
    cost the same.

    Here a place is a number, and there is one beside each weight that is *kept*. How large can
    that number get?
    """
    return math.ceil(math.prod(shape) // m * (n * bits + m) / 8)


@n_of_m_bytes.mistake
def a_place_for_each_group(shape, n, m, bits):
    """How many places does a group need?

    You counted one place for each group. If two weights of a group are kept, where is the second?

    Every kept weight brings a place of its own.
    """
    return math.ceil(math.prod(shape) // m * (n * bits + (m - 1).bit_length()) / 8)


@n_of_m_bytes.mistake
def too_few_bits_for_a_place(shape, n, m, bits):
    """Right for some m, wrong for others: for which?

    With groups of 5 the places are 0, 1, 2, 3 and 4. Do 2 bits tell five of them apart?

    Where m is no power of two, your places have a bit too few: look at how you round.
    """
    return math.ceil(_n_of_m_bits(shape, n, m, bits, place=m.bit_length() - 1) / 8)


@n_of_m_bytes.mistake
def one_bit_too_many(shape, n, m, bits):
    """Right for some m, wrong for others: for which?

    With groups of 4 the places are 0, 1, 2 and 3. What is the last one in binary?

    Where m is a power of two, your places have a bit too many: they begin at 0 and end before m.
    """
    return math.ceil(_n_of_m_bits(shape, n, m, bits, place=m.bit_length()) / 8)


@n_of_m_bytes.mistake
def places_of_a_fraction(shape, n, m, bits):
    """Right for some m, wrong for others: for which?

    With groups of 5 your place takes 2.3 bits. Each place is stored by itself.

    The bits of one place are a whole number, before you multiply by anything.
    """
    return math.ceil(_n_of_m_bits(shape, n, m, bits, place=math.log2(m)) / 8)


@n_of_m_bytes.mistake
def a_byte_for_each_place(shape, n, m, bits):
    """How many bits does your place have, and how many does it need?

    A place within a group is a small number: a whole byte (or four) is what compressed rows take.

    Take as few bits as the numbers from 0 to m - 1 need.
    """
    return math.ceil(_n_of_m_bits(shape, n, m, bits, place=8) / 8)


@n_of_m_bytes.mistake
def removed_ones(shape, n, m, bits):
    """In 3 of 8, how many of the 8 weights are in the file?

    You store those that were removed.

    `n` is how many stay, in each group of `m`.
    """
    return math.ceil(_n_of_m_bits(shape, m - n, m, bits) / 8)


@n_of_m_bytes.mistake
def rounded_down(shape, n, m, bits):
    """Very close. What happens to the last few bits?

    If the bits do not fill the last byte, the byte is there all the same.

    `//` and `int` round down. The bytes of a file are rounded up.
    """
    return _n_of_m_bits(shape, n, m, bits) // 8


@n_of_m_bytes.mistake
def part_of_a_byte(shape, n, m, bits):
    """Can a file have that many bytes?

    Your result is not whole. The last byte is there even if it is not full.

    Round up, at the very end.
    """
    return _n_of_m_bits(shape, n, m, bits) / 8


@n_of_m_bytes.mistake
def each_group_rounded(shape, n, m, bits):
    """A little too much. Where do you round up, and how often?

    You round up in every group (or for every weight). The task says: without gaps.

    Only the last byte of the layer may be left unfilled. Count all bits first.
    """
    return math.prod(shape) // m * math.ceil(n * (bits + (m - 1).bit_length()) / 8)


@n_of_m_bytes.mistake
def two_roundings(shape, n, m, bits):
    """Very close: sometimes one too many. How often do you round up?

    You round the values' bytes, and then the places' bytes. Without gaps a value and a place may
    share a byte.

    Only the last byte of the layer may be left unfilled. Add up bits, not bytes.
    """
    values = _n_of_m_bits(shape, n, m, bits, place=0)
    return math.ceil(values / 8) + math.ceil((_n_of_m_bits(shape, n, m, bits) - values) / 8)


# 2. n of m


def _in_groups(weights: Tensor, m: int) -> Tensor:
    """(outputs, ..., groups, m): neighbours along the inputs, at the same place of the kernel."""
    return weights.movedim(1, -1).unflatten(-1, (-1, m))


def _back(parts: Tensor) -> Tensor:
    return parts.flatten(-2).movedim(-1, 1)


def _top(strength: Tensor, n: int) -> Tensor:
    order = strength.argsort(dim=-1, descending=True, stable=True)
    return torch.zeros_like(strength, dtype=torch.bool).scatter_(-1, order[..., :n], True)


def _as_tensor(mask: Any, like: Tensor, what: str) -> Tensor:
    """The mask that came back, whatever it is made of."""
    if mask is None or mask is Ellipsis or callable(mask):
        raise ValueError(f"{what} is {mask!r:.40}, not a mask")
    found = mask if isinstance(mask, Tensor) else torch.as_tensor(np.asarray(mask, dtype=float))
    if found.shape != like.shape:
        raise ValueError(f"{what} has the shape {tuple(found.shape)}, not {tuple(like.shape)}")
    return found.detach().double()


def _kept_in_groups(mask: Any, weights: Tensor, n: int, m: int) -> dict[str, Tensor]:
    """How many each group keeps, and how strong these are: of equal weights any may stay."""
    mask = _as_tensor(mask, weights, "the mask")
    strengths = _in_groups(mask * weights.abs().double(), m)
    return {
        "how many each group keeps": _in_groups(mask, m).sum(-1),
        "how strong the kept ones are": strengths.sort(dim=-1).values,
    }


def _to_group(random: torch.Generator, case: int) -> tuple:
    n, m = ((1, 4), (3, 4), (2, 6), (5, 8))[case % 4]
    shape = (2 * m, 3 * m) if case // 4 % 2 else (2 * m, 3 * m, 3, 3)
    weights = torch.randn(shape, generator=random)
    if case % 4 == 2:
        weights = (weights * 1.5).round() / 4  # many are equally strong, some are zero
    return weights, n, m


@task(
    CHAPTER,
    draw=_to_group,
    observed=_kept_in_groups,
    borrowed=("n_of_m", "masks", "l1_unstructured", "ln_structured", "global_unstructured"),
    cases=16,
)
def keep_n_of_m(weights, n, m):
    """Every group has the same number of weights, so a chip knows how much is coming and where.

    That is what single weights lack, and a price is paid for it: a strong weight among stronger
    ones has to go.
    """
    return _back(_top(_in_groups(weights.abs(), m), n))


@keep_n_of_m.mistake
def as_they_lie_in_memory(weights, n, m):
    """Right for linear layers, wrong for convolutions. Which weights are neighbours in memory?

    In memory a kernel's weights follow each other: the last index runs fastest. Here neighbours
    differ in their *input* alone.

    Which dimension holds the inputs? It has to stand last before you cut it into groups, and go
    back to its place afterwards.
    """
    return _top(weights.abs().reshape(-1, m), n).reshape(weights.shape)


@keep_n_of_m.mistake
def not_moved_back(weights, n, m):
    """Right for linear layers, wrong for convolutions. In which order are your dimensions?

    You moved the inputs to the end, and chose rightly there. Then `reshape` gave the old shape, but
    not the old order.

    What was moved has to be moved back, before or instead of the last `reshape`.
    """
    return _top(_in_groups(weights.abs(), m), n).reshape(weights.shape)


@keep_n_of_m.mistake
def along_the_outputs(weights, n, m):
    """Which numbers are added up together: those of neighbouring inputs, or of outputs?

    Your groups run along the outputs.

    PyTorch stores (outputs, inputs, height, width). A group lies within one output.
    """
    return _back(_top(_in_groups(weights.abs().transpose(0, 1), m), n)).transpose(0, 1)


@keep_n_of_m.mistake
def far_apart(weights, n, m):
    """Take 8 inputs and groups of 4. Which inputs are in your first group?

    Your groups take every so-manieth input. Neighbours were asked for.

    Look at the order of the two numbers in your `reshape`: which of them runs fastest?
    """
    strength = weights.abs().movedim(1, -1).unflatten(-1, (m, -1)).transpose(-1, -2)
    return _top(strength, n).transpose(-1, -2).flatten(-2).movedim(-1, 1)


@keep_n_of_m.mistake
def with_their_signs(weights, n, m):
    """Try a group of [-4, 1, 0.5, 0.2]. Which one stays?

    A weight of -4 is strong. Yours is the first to go.

    What counts is the magnitude: signs aside.
    """
    return _back(_top(_in_groups(weights, m), n))


@keep_n_of_m.mistake
def weakest_stay(weights, n, m):
    """Which ones did you keep?

    Print a group beside its mask. You keep `n`, but the wrong ones.

    The sort is the other way round: the strongest are to stay.
    """
    return _back(_top(-_in_groups(weights.abs(), m), n))


@keep_n_of_m.mistake
def n_are_removed(weights, n, m):
    """How many of each group are left?

    You remove `n` of each group.

    n of m is what *stays*. For 2 of 4 nobody would have seen the difference.
    """
    return _back(_top(_in_groups(weights.abs(), m), m - n))


@keep_n_of_m.mistake
def turned_round(weights, n, m):
    """What does True mean in a mask of this course?

    Yours says True where a weight goes.

    True is kept, False becomes zero.
    """
    return ~_back(_top(_in_groups(weights.abs(), m), n))


@keep_n_of_m.mistake
def as_strong_as_the_last(weights, n, m):
    """Count how many each group keeps. Always `n`?

    Where weights are equally strong, a comparison with `>=` keeps them all.

    Choose places, not a threshold: sorting or `topk` can tell *where* the strongest stand.
    """
    parts = _in_groups(weights.abs(), m)
    return _back(parts >= parts.sort(dim=-1, descending=True).values[..., n - 1 : n])


@keep_n_of_m.mistake
def stronger_than_the_next(weights, n, m):
    """Count how many each group keeps. Always `n`?

    Where weights are equally strong, a comparison with `>` keeps none of them.

    Choose places, not a threshold: sorting or `topk` can tell *where* the strongest stand.
    """
    parts = _in_groups(weights.abs(), m)
    return _back(parts > parts.sort(dim=-1, descending=True).values[..., n : n + 1])


@keep_n_of_m.mistake
def one_too_few(weights, n, m):
    """Count how many each group keeps.

    It is one less than `n`, or none at all: is the last of the chosen ones still in?

    Your threshold is the weakest of those that stay, and it is lost in your comparison.
    """
    parts = _in_groups(weights.abs(), m)
    return _back(parts > parts.sort(dim=-1, descending=True).values[..., n - 1 : n])


@keep_n_of_m.mistake
def one_ranking_for_the_layer(weights, n, m):
    """How many does each group keep? Count in two or three of them.

    Your ranking runs over the whole layer, as in the chapter. Some groups keep all, others none.

    Each group of `m` has a ranking of its own.
    """
    flat = weights.abs().flatten()
    kept = torch.ones(flat.shape, dtype=torch.bool)
    kept[flat.argsort(stable=True)[: round(len(flat) * (1 - n / m))]] = False
    return kept.reshape(weights.shape)


@keep_n_of_m.mistake
def weights_not_mask(weights, n, m):
    """A mask was asked for. What came back?

    You return the weights with their zeros.

    The mask says for each weight whether it stays: True or False, nothing else.
    """
    return weights * _back(_top(_in_groups(weights.abs(), m), n))


# 3. Gaps


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
    weights: Tensor, most: int, first: int = 0, covers: int | None = None, most_fillers: int = 10**9
) -> tuple[list[int], list[float]]:
    """A filler stands for `covers` weights; without, for its gap and itself."""
    gaps: list[int] = []
    values: list[float] = []
    zeros = first
    for weight in weights.tolist():
        if weight == 0:
            zeros += 1
            continue
        fillers = 0
        while zeros > most and fillers < most_fillers:
            gaps.append(most)
            values.append(0.0)
            zeros -= most + 1 if covers is None else covers
            fillers += 1
        gaps.append(zeros)
        values.append(weight)
        zeros = first
    return gaps, values


@task(CHAPTER, draw=_with_runs, observed=_as_read, cases=6)
def as_gaps(weights, bits):
    """Deep Compression stores its zeros this way: a gap of 4 or 5 bits, where a column takes 32.

    Fewer bits make shorter gaps but more fillers, so the best number depends on the sparsity.
    """
    return _gaps(weights, 2**bits - 1)


@as_gaps.mistake
def no_fillers(weights, bits):
    """What is your largest gap, and does it fit into the bits?

    With 2 bits a gap can be 0, 1, 2 or 3. What do you do with seven zeros in a row?

    Where the zeros are too many for one gap, an entry with the value 0.0 has to come between.
    """
    return _gaps(weights, 10**9)


@as_gaps.mistake
def fillers_take_no_place(weights, bits):
    """Read your gaps with the given reader: where do the weights behind a long run stand?

    Too far to the right, by one for each filler. Which places does the reader step over when it
    meets a filler?

    A filler stands somewhere itself, on one of the zeros. Did you count that zero?
    """
    return _gaps(weights, 2**bits - 1, covers=2**bits - 1)


@as_gaps.mistake
def fillers_too_early(weights, bits):
    """Take exactly as many zeros as the largest gap. Do they need a filler?

    You write a filler as soon as the largest gap is reached, though a weight may follow at once;
    and the reader then ends up one too far.

    Wait for one zero more: only then the gap is too long, and the filler has a zero to stand on.
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


@as_gaps.mistake
def one_filler_at_most(weights, bits):
    """Most runs are right. What happens in the longest one?

    One filler may not be enough: what is left behind it can be too long again.

    Ask again after each filler whether the rest fits.
    """
    return _gaps(weights, 2**bits - 1, most_fillers=1)


@as_gaps.mistake
def distances(weights, bits):
    """Two weights stand side by side. How many zeros are between them?

    You count steps from one weight to the next. A gap is the number of zeros *between* them.

    All your gaps are one too large.
    """
    return _gaps(weights, 2**bits - 1, first=1)


@as_gaps.mistake
def zeros_at_the_end(weights, bits):
    """The reader gets it right. Can you do with fewer entries?

    What do you write for the zeros behind the last weight?

    The reader knows how many weights there are, and fills up with zeros by itself.
    """
    gaps, values = _gaps(weights, 2**bits - 1)
    zeros = len(weights) - 1 - int(weights.nonzero().max())
    fillers = zeros // 2**bits
    return gaps + fillers * [2**bits - 1], values + fillers * [0.0]


@as_gaps.mistake
def the_rest_as_well(weights, bits):
    """Look at your last entry. Which weight does it stand for?

    What do you write for the zeros behind the last weight?

    The reader knows how many weights there are, and fills up with zeros by itself: after the last
    weight nothing is written.
    """
    gaps, values = _gaps(torch.cat([weights, torch.ones(1)]), 2**bits - 1)
    return gaps, [*values[:-1], 0.0]


@as_gaps.mistake
def one_too_large(weights, bits):
    """What is the largest number that fits into the bits?

    With 2 bits there are four different gaps. One of them is 0.

    Your largest gap needs one bit more than it has.
    """
    return _gaps(weights, 2**bits)


@as_gaps.mistake
def one_too_small(weights, bits):
    """The reader gets it right. Can you do with fewer fillers?

    What is the largest number that fits into the bits? Yours is one smaller.

    Take a run of just the largest gap (three zeros for 2 bits), and see whether a filler appears.
    """
    return _gaps(weights, 2**bits - 2)


@as_gaps.mistake
def bits_for_the_largest(weights, bits):
    """The reader gets it right. Can you do with fewer fillers?

    Your largest gap is `bits` itself. How many different numbers do so many bits hold?

    With 4 bits a gap can be far longer than 4.
    """
    return _gaps(weights, bits)


@as_gaps.mistake
def places(weights, bits):
    """Are these gaps, or places?

    You store where each weight stands, counted from the start. Such numbers grow without end.

    A gap begins behind the weight before.
    """
    there = weights.nonzero().flatten()
    return there, weights[there]


@as_gaps.mistake
def values_first(weights, bits):
    """In which order did you return the two lists?

    The reader takes the gaps first.

    Gaps, then values: the other way round.
    """
    return _gaps(weights, 2**bits - 1)[::-1]


# 4. Find the bugs: one ranking for all layers


def _networks(random: torch.Generator, case: int) -> tuple:
    """100 weights in three layers of unlike size and strength."""
    kind = case % 4
    weights = {}
    for name, shape, strength in (
        ("first", (5, 2, 3), 0.4 if kind == 1 else 1.6), ("second", (10, 6), 1.0),
        ("last", (2, 5), 3.0),
    ):  # fmt: skip
        weights[name] = strength * torch.randn(shape, generator=random) + 0.3 * strength
    if kind == 2:  # pruned before: 60 zeros
        weights["second"].zero_()
    if kind == 3:  # many are equally strong
        weights = {name: (2 * weight).round().clamp(-3, 3) / 2 for name, weight in weights.items()}
    return weights, (0.29, 0.5, 0.4, 0.57, 0.58, 0.0, 0.29, 0.7)[case % 8]


def _kept(result: Any, weights: dict, sparsity: float) -> dict[str, Any]:
    """How many stay and how strong they are: of equal weights any may stay."""
    if not isinstance(result, dict) or result.keys() != weights.keys():
        got = list(result) if isinstance(result, dict) else f"{result!r:.60}"
        raise ValueError(f"a dictionary with a mask for each of {list(weights)} is wanted; {got}")
    masks = {
        name: _as_tensor(result[name], weight, f"the mask of {name!r}")
        for name, weight in weights.items()
    }
    strengths = [(masks[name] * weight.abs()).flatten() for name, weight in weights.items()]
    return {
        "how many weights stay": sum(mask.sum().item() for mask in masks.values()),
        "how strong those are that stay": torch.cat(strengths).sort().values,
    }


def _weakest_go(weights: dict, count: int, sign: bool = False, weakest: bool = True) -> dict:
    scores = torch.cat([w.flatten() if sign else w.abs().flatten() for w in weights.values()])
    kept = torch.ones(len(scores), dtype=torch.bool)
    kept[scores.argsort(stable=True, descending=not weakest)[:count]] = False
    parts = kept.split([w.numel() for w in weights.values()])
    return {name: part.reshape(weights[name].shape) for name, part in zip(weights, parts)}  # noqa: B905


def _compared(weights: dict, sparsity: float, shift: int, strict: bool) -> dict:
    """The colleague's way, mended but for its comparison."""
    every = torch.cat([w.abs().flatten() for w in weights.values()]).sort().values
    place = round(sparsity * len(every)) + shift
    limit = every[place] if place >= 0 else -1
    return {n: w.abs() > limit if strict else w.abs() >= limit for n, w in weights.items()}


@task(
    CHAPTER,
    draw=_networks,
    observed=_kept,
    borrowed=("masks", "n_of_m", "below", "global_unstructured", "l1_unstructured"),
    cases=16,
)
def masks_together(weights, sparsity):
    """Exactly as many as asked for: or two networks of "50% zeros" are not the same size.

    Equal weights are no rarity: a network that was pruned before is full of zeros, one in few
    bits has hardly any that are unlike.
    """
    count = sum(weight.numel() for weight in weights.values())
    return _weakest_go(weights, round(sparsity * count))


@masks_together.mistake
def as_given(weights, sparsity):
    """What is a weak weight? Is -3 weaker than 0.1?

    The colleague's thresholds sort signed numbers: whatever is negative goes first. And how many
    thresholds are there?

    Magnitudes, then; one ranking over all layers; and the third mistake shows where many weights
    are equally strong, or where nothing is to go.
    """
    return {n: weight > weight.flatten().quantile(sparsity) for n, weight in weights.items()}


@masks_together.mistake
def each_layer_for_itself(weights, sparsity):
    """How many weights does each layer lose? Should it be the same share in all?

    Each layer has a threshold of its own. All layers were to compete.

    Look at all weights at once before you decide about any of them.
    """
    return {n: w.abs() > w.abs().flatten().quantile(sparsity) for n, w in weights.items()}


@masks_together.mistake
def each_layer_exactly(weights, sparsity):
    """How many weights does each layer lose? Should it be the same share in all?

    The numbers are exact now, but each layer has a ranking of its own. All layers were to compete.

    Look at all weights at once before you decide about any of them.
    """
    return {
        name: _weakest_go({name: weight}, round(sparsity * weight.numel()))[name]
        for name, weight in weights.items()
    }


@masks_together.mistake
def with_the_signs(weights, sparsity):
    """What is a weak weight? Is -3 weaker than 0.1?

    All layers compete now, but as signed numbers: whatever is negative goes first.

    What counts is the magnitude, in the ranking as well as in any comparison.
    """
    return _weakest_go(weights, round(sparsity * 100), sign=True)


@masks_together.mistake
def signs_and_threshold(weights, sparsity):
    """What is a weak weight? Is -3 weaker than 0.1?

    All layers compete now, but as signed numbers: whatever is negative goes first.

    What counts is the magnitude. Once that is mended, try weights of which many are equal.
    """
    limit = torch.cat([w.flatten() for w in weights.values()]).quantile(sparsity)
    return {n: w > limit for n, w in weights.items()}


@masks_together.mistake
def equal_ones_all_go(weights, sparsity):
    """Nearly there. Prune a network that has many zeros already: how many weights go?

    Where many are as strong as the threshold, `>` removes them all, more than were asked for.

    Decide by place, not by size: the ranking knows which ones come first, even among equals.
    """
    return _compared(weights, sparsity, shift=-1, strict=True)


@masks_together.mistake
def threshold_by_quantile(weights, sparsity):
    """Nearly there. Two things to count: what goes for a sparsity of 0, and of a network of zeros?

    A quantile lies at or above the weakest weight, so `>` always removes one; and where many are as
    strong as the threshold, it removes them all.

    Decide by place, not by size: the ranking knows which ones come first, even among equals.
    """
    every = torch.cat([w.abs().flatten() for w in weights.values()])
    return {n: w.abs() > every.quantile(sparsity) for n, w in weights.items()}


@masks_together.mistake
def equal_ones_all_stay(weights, sparsity):
    """Nearly there. Prune a network that has many zeros already: how many weights go?

    Where many are as strong as the threshold, `>=` keeps them all, more than may stay.

    Decide by place, not by size: the ranking knows which ones come first, even among equals.
    """
    return _compared(weights, sparsity, shift=0, strict=False)


@masks_together.mistake
def one_too_many(weights, sparsity):
    """Count what goes. And what goes for a sparsity of 0?

    Always at least one too many. Which place in the sorted list does your threshold have, counted
    from 0, and does that weight stay?

    The threshold belongs to those that stay. Or decide by place, without a threshold: that minds
    equal weights as well.
    """
    return _compared(weights, sparsity, shift=0, strict=True)


@masks_together.mistake
def cut_off(weights, sparsity):
    """Nearly there. Try 0.29 of 100 weights: how many should go, and how many do?

    0.29 * 100 is 28.999999999999996 to a computer.

    `int` cuts off. Asked for is the nearest whole number.
    """
    return _weakest_go(weights, int(sparsity * 100))


@masks_together.mistake
def the_strongest_go(weights, sparsity):
    """Which ones stay?

    Print weights beside their masks: the strong ones are gone.

    The ranking is the other way round.
    """
    return _weakest_go(weights, round(sparsity * 100), weakest=False)


@masks_together.mistake
def true_for_removed(weights, sparsity):
    """What does True mean in a mask of this course?

    Yours says True where a weight goes.

    True is kept, False becomes zero.
    """
    return {name: ~mask for name, mask in masks_together.right(weights, sparsity).items()}


@masks_together.mistake
def pruned_weights(weights, sparsity):
    """Masks were asked for. What came back?

    You return the weights with their zeros.

    A mask says for each weight whether it stays: True or False, nothing else.
    """
    masks = masks_together.right(weights, sparsity)
    return {name: weight * masks[name] for name, weight in weights.items()}


# 5. Empty kernels


def _empty_kernels() -> float:
    """Percent of the original's kernels without any weight left, at 90% zeros in each layer."""
    network = models.load_pretrained("leafnet_leaves")
    masks = weight_pruning.masks(network, 0.9)
    kernels = [mask.flatten(2).any(2).flatten() for mask in masks.values() if mask.ndim == 4]
    return 100 * (1 - torch.cat(kernels).double().mean().item())


my_kernels = Prediction(
    CHAPTER,
    "my_kernels",
    "How many percent of the kernels have all nine weights zero?",
    low=0,
    high=100,
    unit="%",
    measure=_empty_kernels,
    why="For comparison: if the zeros lay at random, it would be 0.9 to the power of nine.",
)


# 6. A share for each layer

few_weights = Budget(
    CHAPTER,
    "few_weights",
    most_bytes=870_000,
    accuracy=0.955,
    test_accuracy=0.945,
    why="No single ranking knew these shares: you measured what each layer can spare. That is how "
    "sparsity is shared out in large networks too.",
    hints=(
        "Which layer lost most of it? Prune one at a time, with fresh norms, and look.",
        "The global ranking takes nearly everything from one layer. Does that layer mind? Which "
        "other large layer could give more instead?",
        "Begin with the shares of the global ranking. Take less from the layer that lost most, "
        "more from its neighbours, until the bytes fit. Small layers bring few bytes: spare them.",
    ),
)
