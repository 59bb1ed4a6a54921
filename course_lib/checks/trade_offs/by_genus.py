"""Task 1 of exercise 08: a fair share of each genus."""

import torch
from torch import Tensor

from ..inputs import whole
from ..task import task


def _photos(random: torch.Generator, case: int) -> tuple:
    """Many photos of some species, few of others; every other time a genus has none at all."""
    groups = torch.arange(12)[torch.randperm(12, generator=random)] % 4
    common = torch.rand(12, generator=random).mul(3).exp()
    right = 0.3 + 0.6 * torch.rand(12, generator=random)  # of each species: some are easy
    if case % 2:
        common[groups == whole(random, 0, 3)] = 0
    there = common.nonzero().flatten()
    truth = torch.cat([there, torch.multinomial(common, 80, replacement=True, generator=random)])
    given = torch.randint(0, 12, truth.shape, generator=random)
    for place, species in enumerate(truth.tolist()):
        luck = float(torch.rand(1, generator=random))
        if luck < right[species]:
            given[place] = species
        elif luck < right[species] + 0.2:  # another one of its genus
            others = (groups == groups[species]).nonzero().flatten()
            given[place] = others[whole(random, 0, len(others) - 1)]
    return given, truth, tuple(groups.tolist())


def _mean_of_shares(right: Tensor, kinds: Tensor) -> float:
    """The mean over the kinds that occur of the share of theirs that is right."""
    return torch.stack([right[kinds == kind].double().mean() for kind in kinds.unique()]).mean()  # type: ignore[return-value]


@task("08_trade_offs", draw=_photos)
def by_genus(given, truth, groups):
    """A figure without a stated mix of photos is a figure for one mix: that of the test images.

    Users bring another mix. A balanced share asks for each genus alike, the rare ones too.
    """
    genus = torch.tensor(groups)
    return float(_mean_of_shares(genus[given] == genus[truth], genus[truth]))


def _mixed_up(given, truth, groups, *, compared="genus", kinds="genus", of_given=False):
    """Compared, and sorted into kinds, by something else than the genus of the truth."""
    of = {"species": torch.arange(12), "genus": torch.tensor(groups), "all": torch.zeros(12)}
    right = of[compared][given] == of[compared][truth]
    return float(_mean_of_shares(right, of[kinds][given if of_given else truth]))


by_genus.mistaken("plain_share", _mixed_up, kinds="all")("""
    - Ninety photos of oaks, ten of maples, and every one is called an oak. What do you return?
    - Your number counts each photo alike, so the common genera decide it alone. That is the
      chapter's share.
    - First a share for each genus, of its own photos. Then the mean of these shares.
""")

by_genus.mistaken("share_of_species", _mixed_up, compared="species", kinds="all")("""
    - Which question do the users ask here: which species, or which genus?
    - You count a name as right only if the species is. A wrong oak is an oak all the same.
    - `groups` tells the genus of a species: look it up for the names given and for the truth,
      before you compare.
""")

by_genus.mistaken("balanced_species", _mixed_up, compared="species", kinds="species")("""
    - Balanced it is. But over what: what is each of your shares a share of?
    - There are four genera, and you have a share for each species. Where does `groups` come in?
    - Both the comparison and the sorting into kinds go by genus: look the genus up first, then
      forget the species.
""")

by_genus.mistaken("species_within_genera", _mixed_up, compared="species")("""
    - The kinds are the genera now. When is a photo of an oak named right?
    - You sort by genus, but compare species. Another oak's name is the right genus.
    - Compare the genus of the name given with the genus of the truth.
""")

by_genus.mistaken("mean_over_species", _mixed_up, kinds="species")("""
    - You compare genera, as asked. Over how many shares do you take the mean?
    - You have a share for each species. A genus of four species then counts twice as much as one of
      two.
    - A share for each genus: all photos of its species together.
""")

by_genus.mistaken("of_the_names_given", _mixed_up, of_given=True)("""
    - All photos of maples are called oaks. What share do you get for the maples, and of what?
    - You ask how many of those that were *called* an oak are one. Asked for is how many of those
      that *are* one were called so.
    - Sort the photos into genera by the truth, not by the names given.
""")


@by_genus.mistake
def absent_as_zero(given, truth, groups):
    """
    - Often right, sometimes too small. What do you do with a genus of which there is no photo?
    - A genus without photos counts as 0 in your mean, as though all of its photos were named wrong.
    - The mean is over the genera that occur in `truth`: how many are these?
    """
    genus = torch.tensor(groups)
    right = genus[given] == genus[truth]
    shares = [right[genus[truth] == g].double().sum() / max(1, int((genus[truth] == g).sum()))
              for g in set(groups)]  # fmt: skip
    return float(sum(shares) / len(shares))


@by_genus.mistake
def absent_divided(given, truth, groups):
    """
    - Often right, sometimes not a number. Of which genus is the share then?
    - The mean of no photos at all is `nan`, and so is every mean with a `nan` in it.
    - Leave out the genera that do not occur in `truth`.
    """
    genus = torch.tensor(groups)
    right = genus[given] == genus[truth]
    shares = [right[genus[truth] == g].double().mean() for g in set(groups)]
    return float(sum(shares) / len(shares))


def _table(given, truth, groups):
    """How often each genus was named, and each that occurs: (right, named, there)."""
    genus = torch.tensor(groups)
    given, truth = genus[given], genus[truth]
    kinds = truth.unique()
    named = torch.stack([(given == kind).sum() for kind in kinds]).double()
    there = torch.stack([(truth == kind).sum() for kind in kinds]).double()
    right = torch.stack([((given == kind) & (truth == kind)).sum() for kind in kinds]).double()
    return right, named, there


@by_genus.mistake
def shares_of_all_photos(given, truth, groups):
    """
    - What is each of your shares a share of?
    - You divide by all photos. A genus of which there are few can then never get a large share.
    - For each genus: of *its own* photos, how many were named right?
    """
    return float((_table(given, truth, groups)[0] / len(truth)).mean())


@by_genus.mistake
def sum_of_shares(given, truth, groups):
    """
    - If every photo is named right, what do you return?
    - That is more than 1: the shares are added up.
    - The mean over the genera that occur.
    """
    right, _, there = _table(given, truth, groups)
    return float((right / there).sum())


@by_genus.mistake
def divided_by_the_species(given, truth, groups):
    """
    - If every photo is named right, what do you return?
    - You add up as many shares as there are genera, and divide by another number.
    - `groups` has an entry for each *species*. How many genera occur?
    """
    return sum_of_shares(given, truth, groups) / len(groups)


@by_genus.mistake
def one_genus_against_the_rest(given, truth, groups):
    """
    - A photo of a maple, called a beech: what do you count for the oaks?
    - You count it as right for the oaks, as nobody said oak. With many genera, that makes any
      network look good.
    - A genus's share is about its own photos alone.
    """
    right, named, there = _table(given, truth, groups)
    return float((1 - (named + there - 2 * right) / len(truth)).mean())


@by_genus.mistake
def named_and_there_together(given, truth, groups):
    """
    - What do photos of *other* genera that were called oaks do to your share of the oaks?
    - Your share mixes two questions: how many of the oaks were found, and how many of those called
      an oak are one (as F1 does).
    - Asked for is the first alone: of the photos of a genus, how many got a name of that genus.
    """
    right, named, there = _table(given, truth, groups)
    return float((2 * right / (named + there)).mean())


@by_genus.mistake
def right_over_named_or_there(given, truth, groups):
    """
    - What do photos of *other* genera that were called oaks do to your share of the oaks?
    - You divide by all that are an oak or were called one. That is another measure (Jaccard's).
    - Divide by the photos of the genus, and by nothing else.
    """
    right, named, there = _table(given, truth, groups)
    return float((right / (named + there - right)).mean())


by_genus.mistaken("share_of_wrong", lambda *photos: 1 - by_genus.right(*photos))("""
    - If every photo is named right, what do you return?
    - You count those that are named wrong.
    - The share of the *right* ones: 1 is the best.
""")

by_genus.mistaken("in_percent", lambda *photos: 100 * by_genus.right(*photos))("""
    - A share lies between which numbers?
    - Yours is 100 times as large: it is in percent.
    - If every photo is named right, the share is 1.
""")


@by_genus.mistake
def the_worst_genus(given, truth, groups):
    """
    - Which of the genera does your number speak of?
    - You take the worst share. That is a good question too, but another one.
    - The mean over the genera.
    """
    right, _, there = _table(given, truth, groups)
    return float((right / there).min())


@by_genus.mistake
def not_yet_one_number(given, truth, groups):
    """
    - How many numbers come back?
    - You return a share for each genus. They are right.
    - One step is missing: their mean.
    """
    right, _, there = _table(given, truth, groups)
    return right / there
