"""Task 5 of exercise 06: who gets the next rank?"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..inputs import whole
from ..task import task


def _layers(random: torch.Generator, case: int) -> tuple:
    kinds = (  # least and most of a rank's cost, of the number of ranks; steepness, size of values
        (40, 60, 5, 7, 0.5, 0.3),
        (4, 7, 11, 13, 2.0, 1.0),
        (15, 25, 8, 10, 1.0, 8.0),
        (9, 14, 6, 8, 0.7, 2.0),
    )
    costs, values = [], []
    for place in torch.randperm(len(kinds), generator=random).tolist():
        cheap, dear, few, many, steep, scale = kinds[place]
        costs.append(whole(random, cheap, dear))
        steps = 0.3 + 0.65 * torch.rand(whole(random, few, many), generator=random)
        values.append(scale * steps.pow(steep).cumprod(0))
    every = sum(cost * len(own) for cost, own in zip(costs, values, strict=True))
    least = sum(costs) + 2 * min(costs)  # two cheap ranks beside the first of each
    shares = (0.35, 0.5, 0.65, 1.5 if case == 4 else 0.42)
    budget = (least, *(int(every * share) for share in shares))[case % 5]
    budget += whole(random, 0, 3)
    if case % 5 in (1, 3):  # just enough for the last rank
        budget = sum(c * r for c, r in zip(costs, _shared(values, costs, budget), strict=True))
    return tuple(values), tuple(costs), budget


def _gain(share: Tensor, rank: int, cost: int) -> Tensor | float:
    return share[rank] / cost


def _shared(
    values: Sequence[Tensor],
    costs: Sequence[int],
    budget: int,
    power: int = 2,
    whole: Callable = lambda own: own.sum(),  # of what a gain is a share
    gain: Callable = _gain,
    first: int = 1,
    goes_on: bool = True,  # to cheaper layers, when the best does not fit
    too_far: bool = False,
    free: int = 0,  # ranks that are not counted
    spare: int = 0,  # weights that stay unused
    unused: int = 0,  # ranks that no layer gets
) -> list[int]:
    energies = [own.double() ** power for own in values]
    shares = [own / whole(own) for own in energies]
    ranks = [first] * len(values)
    while True:
        used = sum(cost * (rank - free) for cost, rank in zip(costs, ranks, strict=True))
        wanted = [
            (float(gain(own, rank, cost)), place)
            for place, (own, rank, cost) in enumerate(zip(shares, ranks, costs, strict=True))
            if rank < len(own) - unused
        ]
        fitting = [(g, place) for g, place in wanted if used + costs[place] <= budget - spare]
        if not goes_on and fitting and max(wanted) not in fitting:
            fitting = []
        if not fitting:
            if too_far and wanted:
                ranks[max(wanted)[1]] += 1
            return ranks
        ranks[max(fitting)[1]] += 1


@task(
    "06_low_rank",
    draw=_layers,
    borrowed=("share_out", "plan", "factor", "rank_for_budget", "rank_for_energy"),
    cases=20,
)
def shared_ranks(values, costs, budget):
    """One budget for all layers buys more than a share for each.

    The price of a rank decides as much as what it keeps; and with bytes for a price the ranks come
    out otherwise than with operations.
    """
    return _shared(values, costs, budget)


shared_ranks.mistaken("values_as_they_are", _shared, power=1)("""
    - What is the energy of a singular value?
    - You compare the singular values themselves. Shares of the energy were asked for.
    - Energies are squares; their sum is what a share is a part of.
""")

shared_ranks.mistaken("energy_not_as_a_share", _shared, whole=lambda own: 1)("""
    - Would a layer get more ranks if all its weights were ten times as large?
    - You compare energies between layers as they are, so the layer with the largest weights wins.
    - A gain is a share of the energy of its own layer.
""")

shared_ranks.mistaken("price_forgotten", _shared, gain=lambda share, rank, cost: share[rank])("""
    - Does one rank cost the same in each layer?
    - You take the largest gain. What does it cost, and what would the same weights buy elsewhere?
    - Compare what each layer gains for one weight, not for one rank.
""")

shared_ranks.mistaken("gives_up_early", _shared, goes_on=False)("""
    - How much of the budget is left when you stop?
    - The best rank does not fit any more (or, if you went down from all ranks: you took it away).
      Does a cheaper one fit into what is left?
    - Choose among those that still fit, and stop only when none does.
""")

shared_ranks.mistaken("beyond_the_budget", _shared, too_far=True)("""
    - Add up what your ranks cost. Is it within the budget?
    - The last rank that you give does not fit any more.
    - Look whether a rank fits before you give it.
""")

shared_ranks.mistaken("from_nothing", _shared, first=0)("""
    - Where do the ranks begin?
    - In some layer nothing goes through: its rank is 0, or was so when the others were served.
    - Every layer has rank 1 to begin with, whatever it gains.
""")

shared_ranks.mistaken(
    "gain_of_the_last", _shared, gain=lambda share, rank, cost: share[rank - 1] / cost
)("""
    - Which singular value comes with the next rank?
    - A layer that has rank 1 already has the first one. You count it as its gain once more.
    - Python counts from 0: what stands at `values[rank]`?
""")

shared_ranks.mistaken("first_ranks_for_free", _shared, free=1)("""
    - Add up what your ranks cost. Is it within the budget?
    - You begin with rank 1 in every layer, and with the whole budget. Who paid for these?
    - Take what the first ranks cost from the budget before you give the others.
""")


@shared_ranks.mistake
def the_same_for_all(values, costs, budget):
    """
    - Do all layers need the same rank?
    - You raise the rank of all layers together. Some need it less, and pay more.
    - One rank at a time, to one layer: the one that gains most for each weight.
    """
    rank = 1
    while sum(costs) * (rank + 1) <= budget and rank < max(map(len, values)):
        rank += 1
    return [min(rank, len(own)) for own in values]


shared_ranks.mistaken("squared_after_sharing", _shared, whole=lambda own: own.sqrt().sum() ** 2)("""
    - The energy of a layer is a sum of squares. What is yours a share of?
    - You divide by the sum of the values, and square afterwards. Such shares do not add up to 1.
    - First square, then divide by the sum of the squares.
""")

shared_ranks.mistaken("share_of_the_first", _shared, whole=lambda own: own[0])("""
    - Add up your shares over all ranks of one layer. What comes out?
    - You divide by the strongest value. A share of the layer's energy was asked for.
    - The energy of a layer is the sum of all its squares.
""")

shared_ranks.mistaken(
    "fills_the_cheapest", _shared, gain=lambda share, rank, cost: share[: rank + 1].sum() / cost
)("""
    - Print which layer gets each rank. Does one get nearly all before the next gets any?
    - What you compare does not shrink as a layer gets ranks, so the cheapest one is filled first.
      What does the *next* rank add, beside all that is kept already?
    - The gain is the energy of one singular value, and it is a share of the *whole* energy of the
      layer: neither what is kept by now nor what is left of it changes that.
""")

shared_ranks.mistaken(
    "all_that_is_kept_by_all_it_costs",
    _shared,
    gain=lambda share, rank, cost: share[: rank + 1].sum() / cost / (rank + 1),
)("""
    - What does the *next* rank add, and what does it cost?
    - You divide all that the layer would keep by all that it would cost. That is a mean over its
      ranks, the first ones included, which are given already.
    - Look at one rank alone: what it adds, and its own price.
""")

shared_ranks.mistaken(
    "price_of_all_ranks", _shared, gain=lambda share, rank, cost: share[rank] / cost / (rank + 1)
)("""
    - What does the next rank cost, if the layer has five already?
    - Your price grows with the ranks that a layer has. Each rank costs the same.
    - Divide by the cost of one rank, `costs[i]`.
""")

shared_ranks.mistaken(
    "price_turned_round", _shared, gain=lambda share, rank, cost: share[rank] * cost
)("""
    - Two layers gain alike, one rank costs 10 weights here and 50 there. Who gets it?
    - You multiply by the cost: the dearest wins.
    - For each weight: how much is gained for one of them?
""")

shared_ranks.mistaken("keeps_a_weight_back", _shared, spare=1)("""
    - Often right. What if a rank costs just as much as there is left?
    - You do not spend the budget to its last weight.
    - `<` and `<=`: which one says "fits"?
""")

shared_ranks.mistaken("last_rank_never_given", _shared, unused=1)("""
    - With a budget that is large enough, which ranks do you return?
    - No layer of yours gets its last rank.
    - A layer has as many ranks as singular values. Where do you stop?
""")


@shared_ranks.mistake
def one_layer_after_the_other(values, costs, budget):
    """
    - After a layer got a rank, do you ask all layers again?
    - You fill one layer before you turn to the next.
    - With each rank a layer's next gain becomes smaller: compare all of them anew each time.
    """
    shares = [own.double() ** 2 / (own.double() ** 2).sum() for own in values]
    ranks, left = [1] * len(values), budget - sum(costs)
    for i in sorted(range(len(ranks)), key=lambda i: -float(shares[i][1]) / costs[i]):
        more = min(len(values[i]) - 1, left // costs[i])
        ranks[i], left = 1 + more, left - more * costs[i]
    return ranks


@shared_ranks.mistake
def budget_in_ranks(values, costs, budget):
    """
    - What does the budget count: ranks, or weights?
    - You take 1 from the budget for each rank.
    - A rank of layer i takes `costs[i]` weights from it.
    """
    ranks = _shared(values, [1] * len(costs), budget)
    return ranks if sum(ranks) < budget else [min(len(own), budget) for own in values]


@shared_ranks.mistake
def the_same_weights_for_each(values, costs, budget):
    """
    - Does every layer get the same share of the budget?
    - You divide the budget by the number of layers. What one layer cannot use well, another could.
    - One rank at a time, to the layer that gains most by it, as long as one fits.
    """
    part = budget // len(costs)
    return [max(1, min(len(own), part // cost)) for own, cost in zip(values, costs, strict=True)]


@shared_ranks.mistake
def beside_the_first(values, costs, budget):
    """
    - What do you return: all ranks of a layer, or those that it got beside the first?
    - Every number is 1 too small.
    - The first rank counts, too: a layer of rank 1 has one.
    """
    return [rank - 1 for rank in _shared(values, costs, budget)]
