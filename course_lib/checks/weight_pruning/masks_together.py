"""Bugs to find: masks of one ranking for all layers, where exactly as many go as were asked for."""

import math
from typing import Any

import torch

from ..task import task
from .masks import as_tensor


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
    return weights, (0.29, 0.504, 0.4, 0.576, 0.58, 0.0, 0.294, 0.7)[case % 8]


def _kept(result: Any, weights: dict, sparsity: float) -> dict[str, Any]:
    """How many stay and how strong they are: of equal weights any may stay."""
    if not isinstance(result, dict) or result.keys() != weights.keys():
        got = list(result) if isinstance(result, dict) else f"{result!r:.60}"
        raise ValueError(f"a dictionary with a mask for each of {list(weights)} is wanted; {got}")
    masks = {
        name: as_tensor(result[name], weight, f"the mask of {name!r}")
        for name, weight in weights.items()
    }
    strengths = [(masks[name] * weight.abs()).flatten() for name, weight in weights.items()]
    return {
        "how many weights stay": sum(mask.sum().item() for mask in masks.values()),
        "how strong those are that stay": torch.cat(strengths).sort().values,
    }


@task(
    "03_weight_pruning",
    draw=_networks,
    observed=_kept,
    borrowed=("masks", "n_of_m", "below", "global_unstructured", "l1_unstructured"),
    cases=16,
)
def masks_together(weights, sparsity, *, strength=torch.abs, whole=round):
    """Exactly as many as asked for: or two networks of "50% zeros" are not the same size.

    Equal weights are no rarity: a network that was pruned before is full of zeros, one in few
    bits has hardly any that are unlike.
    """
    strengths = torch.cat([strength(weight).flatten() for weight in weights.values()])
    kept = torch.ones(len(strengths), dtype=torch.bool)
    kept[strengths.argsort(stable=True)[: whole(sparsity * len(strengths))]] = False
    parts = kept.split([weight.numel() for weight in weights.values()])
    return {name: part.reshape(weights[name].shape) for name, part in zip(weights, parts)}  # noqa: B905


def _each_alone(weights, sparsity, way, **changed):
    """What this way makes of each layer when it is given that one alone."""
    return {name: way({name: w}, sparsity, **changed)[name] for name, w in weights.items()}


def _above_quantile(weights, sparsity, strength=torch.abs):
    limit = torch.cat([strength(w).flatten() for w in weights.values()]).quantile(sparsity)
    return {name: strength(w) > limit for name, w in weights.items()}


def _compared(weights, sparsity, shift, stays):
    """The colleague's way, mended but for its comparison."""
    every = torch.cat([w.abs().flatten() for w in weights.values()]).sort().values
    place = round(sparsity * len(every)) + shift
    limit = every[place] if place >= 0 else torch.tensor(-1.0)
    return {name: stays(w.abs(), limit) for name, w in weights.items()}


masks_together.mistaken("as_given", _each_alone, way=_above_quantile, strength=lambda w: w)("""
    - What is a weak weight? Is -3 weaker than 0.1?
    - The colleague's thresholds sort signed numbers: whatever is negative goes first. And how many
      thresholds are there?
    - Magnitudes, then; one ranking over all layers; and the third mistake shows where many weights
      are equally strong, or where nothing is to go.
""")

masks_together.mistaken("each_layer_for_itself", _each_alone, way=_above_quantile)("""
    - How many weights does each layer lose? Should it be the same share in all?
    - Each layer has a threshold of its own. All layers were to compete.
    - Look at all weights at once before you decide about any of them.
""")

masks_together.mistaken("each_layer_exactly", _each_alone, way=masks_together.right)("""
    - How many weights does each layer lose? Should it be the same share in all?
    - The numbers are exact now, but each layer has a ranking of its own. All layers were to
      compete.
    - Look at all weights at once before you decide about any of them.
""")

masks_together.mistaken("with_the_signs", strength=lambda weight: weight)("""
    - What is a weak weight? Is -3 weaker than 0.1?
    - All layers compete now, but as signed numbers: whatever is negative goes first.
    - What counts is the magnitude, in the ranking as well as in any comparison.
""")

masks_together.mistaken("signs_and_threshold", _above_quantile, strength=lambda weight: weight)("""
    - What is a weak weight? Is -3 weaker than 0.1?
    - All layers compete now, but as signed numbers: whatever is negative goes first.
    - What counts is the magnitude. Once that is mended, try weights of which many are equal.
""")

masks_together.mistaken("equal_ones_all_go", _compared, shift=-1, stays=torch.gt)("""
    - Nearly there. Prune a network that has many zeros already: how many weights go?
    - Where many are as strong as the threshold, `>` removes them all, more than were asked for.
    - Decide by place, not by size: the ranking knows which ones come first, even among equals.
""")

masks_together.mistaken("threshold_by_quantile", _above_quantile)("""
    - Nearly there. Two things to count: what goes for a sparsity of 0, and of a network of zeros?
    - A quantile lies at or above the weakest weight, so `>` always removes one; and where many are
      as strong as the threshold, it removes them all.
    - Decide by place, not by size: the ranking knows which ones come first, even among equals.
""")

masks_together.mistaken("equal_ones_all_stay", _compared, shift=0, stays=torch.ge)("""
    - Nearly there. Prune a network that has many zeros already: how many weights go?
    - Where many are as strong as the threshold, `>=` keeps them all, more than may stay.
    - Decide by place, not by size: the ranking knows which ones come first, even among equals.
""")

masks_together.mistaken("one_too_many", _compared, shift=0, stays=torch.gt)("""
    - Count what goes. And what goes for a sparsity of 0?
    - Always at least one too many. Which place in the sorted list does your threshold have, counted
      from 0, and does that weight stay?
    - The threshold belongs to those that stay. Or decide by place, without a threshold: that minds
      equal weights as well.
""")

masks_together.mistaken("cut_off", whole=int)("""
    - Nearly there. Try 0.29 of 100 weights: how many should go, and how many do?
    - 0.29 * 100 is 28.999999999999996 to a computer.
    - `int` cuts off. Asked for is the nearest whole number.
""")

masks_together.mistaken("the_strongest_go", strength=lambda weight: -weight.abs())("""
    - Which ones stay?
    - Print weights beside their masks: the strong ones are gone.
    - The ranking is the other way round.
""")


@masks_together.mistake
def true_for_removed(weights, sparsity):
    """
    - What does True mean in a mask of this course?
    - Yours says True where a weight goes.
    - True is kept, False becomes zero.
    """
    return {name: ~mask for name, mask in masks_together.right(weights, sparsity).items()}


@masks_together.mistake
def pruned_weights(weights, sparsity):
    """
    - Masks were asked for. What came back?
    - You return the weights with their zeros.
    - A mask says for each weight whether it stays: True or False, nothing else.
    """
    masks = masks_together.right(weights, sparsity)
    return {name: weight * masks[name] for name, weight in weights.items()}


# Other numbers, other rankings.


masks_together.mistaken("one_too_few", _compared, shift=-1, stays=torch.ge)("""
    - Count what goes. Is it one too few?
    - Your threshold is the last weight that is to go, and your comparison keeps it.
    - Look at the comparison. Then count again where many weights are equally strong: a ranking
      by place minds that as well.
""")

masks_together.mistaken("rounded_up", whole=math.ceil)("""
    - Nearly there. Try 0.294 of 100 weights: how many should go, and how many do?
    - You always round up.
    - Asked for is the nearest whole number.
""")


@masks_together.mistake
def share_that_stays(weights, sparsity):
    """
    - At a sparsity of 0.9, how many of 100 weights are left?
    - Yours is the share that stays. How many zeros does that make?
    - Sparsity is the share of zeros: count what goes by it.
    """
    strengths = torch.cat([weight.abs().flatten() for weight in weights.values()])
    stays = round(sparsity * len(strengths))
    return masks_together.right(weights, 1 - stays / len(strengths))


@masks_together.mistake
def sign_in_the_comparison(weights, sparsity):
    """
    - Are there negative weights that stay?
    - Your threshold is one of magnitudes. What do you compare with it?
    - The magnitude counts on both sides of your comparison.
    """
    limit = torch.cat([w.abs().flatten() for w in weights.values()]).quantile(sparsity)
    return {name: weight > limit for name, weight in weights.items()}


@masks_together.mistake
def signed_threshold(weights, sparsity):
    """
    - What is a weak weight? Is -3 weaker than 0.1?
    - You compare magnitudes, but the threshold was found among signed numbers.
    - The magnitude counts on both sides of your comparison.
    """
    limit = torch.cat([weight.flatten() for weight in weights.values()]).quantile(sparsity)
    return {name: weight.abs() > limit for name, weight in weights.items()}


def _by_ranks(weights, keeps):
    """One mask over all weights, cut into layers; keeps: strengths -> what stays."""
    kept = keeps(torch.cat([weight.abs().flatten() for weight in weights.values()]))
    parts = kept.split([weight.numel() for weight in weights.values()])
    return {
        name: part.reshape(weight.shape)
        for (name, weight), part in zip(weights.items(), parts, strict=True)
    }


@masks_together.mistake
def order_for_rank(weights, sparsity):
    """
    - The right number goes. Are they the weakest? Print a few weights beside their masks.
    - `argsort` says which weight comes first, which second. It does not say which rank the first
      weight has.
    - Its numbers are *places*: write False there. Or sort the order once more.
    """
    count = round(sparsity * sum(weight.numel() for weight in weights.values()))
    return _by_ranks(weights, lambda strengths: strengths.argsort(stable=True) >= count)


@masks_together.mistake
def of_what_is_left(weights, sparsity):
    """
    - Prune a network to 50%, then ask for 60%: how many zeros should it have in the end?
    - You take the share of the weights that are not zero yet. It is asked of *all* weights.
    - Zeros that are there already count among those that go.
    """

    def keeps(strengths):
        places = strengths.argsort(stable=True)
        zeros = int((strengths == 0).sum())
        gone = places[: zeros + round(sparsity * (len(strengths) - zeros))]
        return torch.ones_like(strengths, dtype=torch.bool).index_fill(0, gone, False)

    return _by_ranks(weights, keeps)


@masks_together.mistake
def scaled_by_layer(weights, sparsity):
    """
    - A layer of weak weights and one of strong ones: which should lose more?
    - You measure each weight by its own layer before they are compared. Then no layer is weak.
    - Magnitudes are compared as they are, over all layers.
    """
    largest = {name: weight.abs().max().clamp(min=1e-9) for name, weight in weights.items()}
    return masks_together.right({n: w / largest[n] for n, w in weights.items()}, sparsity)


@masks_together.mistake
def mean_of_thresholds(weights, sparsity):
    """
    - Count what goes. Is it what was asked for?
    - Your threshold is a mean of the layers' own. A large layer counts no more than a small one.
    - Look at all weights at once before you decide about any of them.
    """
    limits = [weight.abs().quantile(sparsity) for weight in weights.values()]
    return {n: w.abs() > torch.stack(limits).mean() for n, w in weights.items()}


@masks_together.mistake
def sparsity_for_a_threshold(weights, sparsity):
    """
    - If all weights were ten times as large, would other ones go?
    - You compare weights with the sparsity. It is a share of them, not a strength.
    - First rank them all; the sparsity says how many go from the weak end.
    """
    return {name: weight.abs() > sparsity for name, weight in weights.items()}


@masks_together.mistake
def share_of_the_largest(weights, sparsity):
    """
    - Count what goes. Is it what was asked for?
    - You take a share of the largest *strength*. Sparsity is a share of the weights' *number*.
    - First rank them all; the sparsity says how many go from the weak end.
    """
    limit = sparsity * max(float(weight.abs().max()) for weight in weights.values())
    return {name: weight.abs() > limit for name, weight in weights.items()}


@masks_together.mistake
def above_the_mean(weights, sparsity):
    """
    - Which of the arguments did you not use?
    - You keep what is stronger than the mean. How many are that?
    - The sparsity says how many go: rank them, and count.
    """
    limit = torch.cat([weight.abs().flatten() for weight in weights.values()]).mean()
    return {name: weight.abs() > limit for name, weight in weights.items()}


@masks_together.mistake
def one_more_goes(weights, sparsity):
    """
    - Count what goes. And what goes for a sparsity of 0?
    - Always exactly one too many.
    - Look at the end of your slice: it is not part of it.
    """
    strengths = torch.cat([weight.abs().flatten() for weight in weights.values()])
    return masks_together.right(weights, (round(sparsity * len(strengths)) + 1) / len(strengths))


@masks_together.mistake
def cut_at_the_same_place(weights, sparsity):
    """
    - Do two layers have the same mask to begin with?
    - All layers get their masks from the beginning of the long list.
    - The second layer begins where the first one ends: what moves on in yours?
    """
    strengths = torch.cat([weight.abs().flatten() for weight in weights.values()])
    kept = torch.ones(len(strengths), dtype=torch.bool)
    kept[strengths.argsort(stable=True)[: round(sparsity * len(strengths))]] = False
    return {name: kept[: weight.numel()].reshape(weight.shape) for name, weight in weights.items()}
