"""Task 5 of exercise 06: who gets the next rank?"""

from collections.abc import Sequence

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
    budget = (least, *(int(every * share) for share in (0.35, 0.5, 0.65, 1.5)))[case % 5]
    return tuple(values), tuple(costs), budget + whole(random, 0, 3)


def _shared(
    values: Sequence[Tensor],
    costs: Sequence[int],
    budget: int,
    power: int = 2,
    relative: bool = True,
    by_cost: bool = True,
    first: int = 1,
    behind: int = 0,  # the gain is read off so many places too early
    goes_on: bool = True,  # to cheaper layers, when the best does not fit
    too_far: bool = False,
    free: int = 0,  # ranks that are not counted
) -> list[int]:
    energies = [own.double() ** power for own in values]
    shares = [own / own.sum() if relative else own for own in energies]
    ranks = [first] * len(values)
    while True:
        used = sum(cost * (rank - free) for cost, rank in zip(costs, ranks, strict=True))
        wanted = [
            (float(own[rank - behind]) / (cost if by_cost else 1), place)
            for place, (own, rank, cost) in enumerate(zip(shares, ranks, costs, strict=True))
            if rank < len(own)
        ]
        fitting = [(gain, place) for gain, place in wanted if used + costs[place] <= budget]
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
    cases=15,
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

shared_ranks.mistaken("energy_not_as_a_share", _shared, relative=False)("""
    - Would a layer get more ranks if all its weights were ten times as large?
    - You compare energies between layers as they are, so the layer with the largest weights wins.
    - A gain is a share of the energy of its own layer.
""")

shared_ranks.mistaken("price_forgotten", _shared, by_cost=False)("""
    - Does one rank cost the same in each layer?
    - You take the largest gain. What does it cost, and what would the same weights buy elsewhere?
    - Compare what each layer gains for one weight, not for one rank.
""")

shared_ranks.mistaken("gives_up_early", _shared, goes_on=False)("""
    - How much of the budget is left when you stop?
    - The best rank does not fit any more. Does a cheaper one?
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

shared_ranks.mistaken("gain_of_the_last", _shared, behind=1)("""
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
