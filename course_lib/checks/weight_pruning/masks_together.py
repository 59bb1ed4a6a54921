"""Bugs to find: masks of one ranking for all layers, where exactly as many go as were asked for."""

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
    return weights, (0.29, 0.5, 0.4, 0.57, 0.58, 0.0, 0.29, 0.7)[case % 8]


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
