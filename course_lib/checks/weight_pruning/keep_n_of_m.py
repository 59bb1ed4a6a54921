"""Which weights stay when every group of m neighbours keeps its n strongest."""

from typing import Any

import torch
from torch import Tensor

from ..task import task
from .masks import as_tensor


def _in_groups(weights: Tensor, m: int) -> Tensor:
    """(outputs, ..., groups, m): neighbours along the inputs, at the same place of the kernel."""
    return weights.movedim(1, -1).unflatten(-1, (-1, m))


def _back(parts: Tensor) -> Tensor:
    return parts.flatten(-2).movedim(-1, 1)


def _top(strength: Tensor, n: int) -> Tensor:
    order = strength.argsort(dim=-1, descending=True, stable=True)
    return torch.zeros_like(strength, dtype=torch.bool).scatter_(-1, order[..., :n], True)


def _kept_in_groups(mask: Any, weights: Tensor, n: int, m: int) -> dict[str, Tensor]:
    """How many each group keeps, and how strong these are: of equal weights any may stay."""
    mask = as_tensor(mask, weights, "the mask")
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
    "03_weight_pruning",
    draw=_to_group,
    observed=_kept_in_groups,
    borrowed=("n_of_m", "masks", "l1_unstructured", "ln_structured", "global_unstructured"),
    cases=16,
)
def keep_n_of_m(weights, n, m, *, strength=torch.abs):
    """Every group has the same number of weights, so a chip knows how much is coming and where.

    That is what single weights lack, and a price is paid for it: a strong weight among stronger
    ones has to go.
    """
    return _back(_top(_in_groups(strength(weights), m), n))


@keep_n_of_m.mistake
def as_they_lie_in_memory(weights, n, m):
    """
    - Right for linear layers, wrong for convolutions. Which weights are neighbours in memory?
    - In memory a kernel's weights follow each other: the last index runs fastest. Here neighbours
      differ in their *input* alone.
    - Which dimension holds the inputs? It has to stand last before you cut it into groups, and go
      back to its place afterwards.
    """
    return _top(weights.abs().reshape(-1, m), n).reshape(weights.shape)


@keep_n_of_m.mistake
def not_moved_back(weights, n, m):
    """
    - Right for linear layers, wrong for convolutions. In which order are your dimensions?
    - You moved the inputs to the end, and chose rightly there. Then `reshape` gave the old shape,
      but not the old order.
    - What was moved has to be moved back, before or instead of the last `reshape`.
    """
    return _top(_in_groups(weights.abs(), m), n).reshape(weights.shape)


@keep_n_of_m.mistake
def along_the_outputs(weights, n, m):
    """
    - Which numbers are added up together: those of neighbouring inputs, or of outputs?
    - Your groups run along the outputs.
    - PyTorch stores (outputs, inputs, height, width). A group lies within one output.
    """
    return keep_n_of_m.right(weights.transpose(0, 1), n, m).transpose(0, 1)


@keep_n_of_m.mistake
def far_apart(weights, n, m):
    """
    - Take 8 inputs and groups of 4. Which inputs are in your first group?
    - Your groups take every so-manieth input. Neighbours were asked for.
    - Look at the order of the two numbers in your `reshape`: which of them runs fastest?
    """
    strength = weights.abs().movedim(1, -1).unflatten(-1, (m, -1)).transpose(-1, -2)
    return _top(strength, n).transpose(-1, -2).flatten(-2).movedim(-1, 1)


keep_n_of_m.mistaken("with_their_signs", strength=lambda weights: weights)("""
    - Try a group of [-4, 1, 0.5, 0.2]. Which one stays?
    - A weight of -4 is strong. Yours is the first to go.
    - What counts is the magnitude: signs aside.
""")

keep_n_of_m.mistaken("weakest_stay", strength=lambda weights: -weights.abs())("""
    - Which ones did you keep?
    - Print a group beside its mask. You keep `n`, but the wrong ones.
    - The sort is the other way round: the strongest are to stay.
""")

keep_n_of_m.mistaken("n_are_removed", lambda w, n, m: keep_n_of_m.right(w, m - n, m))("""
    - How many of each group are left?
    - You remove `n` of each group.
    - n of m is what *stays*. For 2 of 4 nobody would have seen the difference.
""")

keep_n_of_m.mistaken("turned_round", lambda w, n, m: ~keep_n_of_m.right(w, n, m))("""
    - What does True mean in a mask of this course?
    - Yours says True where a weight goes.
    - True is kept, False becomes zero.
""")


def _by_threshold(weights, n, m, place, stays):
    """A group's threshold is the weight at this place behind its n strongest; -1: the last."""
    parts = _in_groups(weights.abs(), m)
    return _back(stays(parts, parts.sort(dim=-1, descending=True).values[..., n + place, None]))


keep_n_of_m.mistaken("as_strong_as_the_last", _by_threshold, place=-1, stays=torch.ge)("""
    - Count how many each group keeps. Always `n`?
    - Where weights are equally strong, a comparison with `>=` keeps them all.
    - Choose places, not a threshold: sorting or `topk` can tell *where* the strongest stand.
""")

keep_n_of_m.mistaken("stronger_than_the_next", _by_threshold, place=0, stays=torch.gt)("""
    - Count how many each group keeps. Always `n`?
    - Where weights are equally strong, a comparison with `>` keeps none of them.
    - Choose places, not a threshold: sorting or `topk` can tell *where* the strongest stand.
""")

keep_n_of_m.mistaken("one_too_few", _by_threshold, place=-1, stays=torch.gt)("""
    - Count how many each group keeps.
    - It is one less than `n`, or none at all: is the last of the chosen ones still in?
    - Your threshold is the weakest of those that stay, and it is lost in your comparison.
""")


@keep_n_of_m.mistake
def one_ranking_for_the_layer(weights, n, m):
    """
    - How many does each group keep? Count in two or three of them.
    - Your ranking runs over the whole layer, as in the chapter. Some groups keep all, others none.
    - Each group of `m` has a ranking of its own.
    """
    flat = weights.abs().flatten()
    kept = torch.ones(flat.shape, dtype=torch.bool)
    kept[flat.argsort(stable=True)[: round(len(flat) * (1 - n / m))]] = False
    return kept.reshape(weights.shape)


keep_n_of_m.mistaken("weights_not_mask", lambda w, n, m: w * keep_n_of_m.right(w, n, m))("""
    - A mask was asked for. What came back?
    - You return the weights with their zeros.
    - The mask says for each weight whether it stays: True or False, nothing else.
""")


# Other groups, or other numbers in them.


@keep_n_of_m.mistake
def one_ranking_for_each_output(weights, n, m):
    """
    - How many does each group keep? Count in two or three of them.
    - Your ranking runs over all weights of an output. Some groups keep all, others none.
    - Each group of `m` neighbours has a ranking of its own.
    """
    flat = weights.abs().flatten(1)
    return _top(flat, flat.shape[1] * n // m).reshape(weights.shape)


@keep_n_of_m.mistake
def whole_kernels(weights, n, m):
    """
    - Right for linear layers, wrong for convolutions. Is your mask the same all over a kernel?
    - You chose whole kernels, by the sum of their weights.
    - Each place of the kernel has groups of its own: nothing is added up before the choice.
    """
    strength = weights.abs().flatten(2).sum(2) if weights.ndim == 4 else weights.abs()
    mask = _back(_top(_in_groups(strength, m), n))
    return mask.reshape(*mask.shape, *[1] * (weights.ndim - 2)).expand_as(weights)


@keep_n_of_m.mistake
def whole_inputs(weights, n, m):
    """
    - Do two outputs keep different inputs in yours?
    - You chose whole inputs, by the sum over all outputs.
    - Each output, and each place of a kernel, has groups of its own.
    """
    strength = weights.abs().transpose(0, 1).flatten(1).sum(1)
    mask = _back(_top(_in_groups(strength[None], m), n))
    return mask.reshape(1, -1, *[1] * (weights.ndim - 2)).expand_as(weights)


def _order_taken(weights, n, m, descending):
    order = _in_groups(weights.abs(), m).argsort(dim=-1, descending=descending, stable=True)
    return _back(order < n if descending else order >= m - n)


for _name, _descending in (("order_for_rank", True), ("order_for_rank_upwards", False)):
    keep_n_of_m.mistaken(_name, _order_taken, descending=_descending)("""
    - Each group keeps `n`. Are they the strongest? Print a group of 4 beside its mask.
    - `argsort` says which weight comes first, which second. It does not say how strong the first
      weight is among the others.
    - Its numbers are *places*: set the mask to True there. Or sort the order once more.
""")


@keep_n_of_m.mistake
def m_groups(weights, n, m):
    """
    - Take 24 inputs and m = 8. How many groups are there, and how large are they?
    - You made m groups. Each was to *have* m neighbours.
    - See what the number means that you give to `chunk`, or the order of yours in `reshape`.
    """
    size = weights.shape[1] // m
    return _back(_top(_in_groups(weights.abs(), size), min(n, size)))


@keep_n_of_m.mistake
def above_the_mean(weights, n, m):
    """
    - Count how many each group keeps. Always `n`?
    - You keep what is stronger than its group's mean. That may be any number of weights.
    - Choose places, not a threshold: sorting or `topk` can tell *where* the strongest stand.
    """
    parts = _in_groups(weights.abs(), m)
    return _back(parts > parts.mean(-1, keepdim=True))


@keep_n_of_m.mistake
def first_group_alone(weights, n, m):
    """
    - Look at the mask of the last inputs. What has been removed there?
    - Only the first group of each output was looked at.
    - All groups follow each other along the inputs: what runs over them in yours?
    """
    mask = torch.ones_like(weights, dtype=torch.bool)
    mask[:, :m] = keep_n_of_m.right(weights[:, :m], n, m)
    return mask


keep_n_of_m.mistaken("keeps_one_less", lambda w, n, m: keep_n_of_m.right(w, n - 1, m))("""
    - Count how many each group keeps.
    - It is one less than `n`.
    - Look at the end of your slice: it is not part of it.
""")

keep_n_of_m.mistaken("keeps_one_more", lambda w, n, m: keep_n_of_m.right(w, n + 1, m))("""
    - Count how many each group keeps.
    - It is one more than `n`.
    - Look at the end of your slice: it is not part of it.
""")


@keep_n_of_m.mistake
def all_in_the_first_group(weights, n, m):
    """
    - Look at the mask of the last inputs. Is anything kept there?
    - The places that `topk` tells are counted within the group. You write all of them to the first.
    - Each group begins somewhere: what has to be added to its places, or into which part do you
      write?
    """
    mask = torch.zeros_like(weights, dtype=torch.bool)
    for group in weights.abs().split(m, dim=1):
        mask.scatter_(1, group.topk(n, dim=1).indices, True)
    return mask


@keep_n_of_m.mistake
def groups_overlap(weights, n, m):
    """
    - Count how many each group keeps. Always `n`?
    - Your groups overlap: a weight is in several of them.
    - Where does the second group begin? Behind the first.
    """
    mask = torch.zeros_like(weights, dtype=torch.bool)
    for start in range(weights.shape[1] - m + 1):
        strongest = weights[:, start : start + m].abs().topk(n, dim=1).indices
        mask[:, start : start + m].scatter_(1, strongest, True)
    return mask


@keep_n_of_m.mistake
def above_the_median(weights, n, m):
    """
    - Count how many each group keeps. Always `n`?
    - You keep what is at least as strong as the group's median. That is half of it, whatever `n`.
    - Choose places, not a threshold: sorting or `topk` can tell *where* the strongest stand.
    """
    parts = _in_groups(weights.abs(), m)
    return _back(parts >= parts.median(-1, keepdim=True).values)


@keep_n_of_m.mistake
def the_first_ones(weights, n, m):
    """
    - Does your mask depend on the weights?
    - Each group keeps its first `n`, strong or not.
    - Look for the strongest: sorting or `topk` can tell where they stand.
    """
    mask = torch.zeros_like(_in_groups(weights, m), dtype=torch.bool)
    mask[..., :n] = True
    return _back(mask)
