"""Task 2 of exercise 08: what a front covers."""

import itertools
from operator import itemgetter

import torch

from ..inputs import between, whole
from ..task import task


def _networks(random: torch.Generator, case: int) -> tuple:
    """(accuracy, bytes) in no order: a front, beaten ones, and some beyond a limit."""
    most = 1000 * whole(random, 8, 20)
    least = (0.9, 0.8, 0.5, 0.7)[case % 4]
    steps = 5
    sizes = [most * (0.15 + 0.7 * (step + between(random, 0.1, 0.9)) / steps) for step in range(5)]
    shares = [least + (1 - least) * (0.1 + 0.75 * (step + between(random, 0.1, 0.9)) / steps)
              for step in range(5)]  # fmt: skip
    front = [(share, int(size)) for share, size in zip(shares, sizes, strict=True)]
    beaten = [(share - (1 - least) * 0.06, int(size * 1.1)) for share, size in front[1:4]]
    beyond = [(shares[-1] + (1 - least) * 0.1, int(most * 1.4)), (least * 0.9, int(sizes[0] / 2))]
    found = front + beaten + (beyond if case % 2 else [])
    if case % 4 == 2:
        found.append(front[2])  # the same network twice
    order = torch.randperm(len(found), generator=random).tolist()
    return [found[place] for place in order], least, most


def _within(networks, least, most):
    return [(share, size) for share, size in networks if share >= least and size <= most]


def _alone(networks, least, most):
    """What each network within the limits covers by itself."""
    area = (1 - least) * most
    inside = _within(networks, least, most)
    return [(share - least) * (most - size) / area for share, size in inside]


def _stairs(networks, least, most, last=True):
    """The area under the stairs through networks, in the order given, each at its own height."""
    ends = [size for _, size in networks[1:]] + ([most] if last else [])
    steps = [(share - least) * (end - size)
             for (share, size), end in zip(networks, ends, strict=False)]  # fmt: skip
    return sum(steps) / ((1 - least) * most)


def _front(networks):
    """By size, smallest first."""
    kept: list[tuple[float, int]] = []
    for share, size in sorted(networks, key=lambda each: (each[1], -each[0])):
        if not kept or share > kept[-1][0]:
            kept.append((share, size))
    return kept


@task(
    "08_trade_offs", draw=_networks, borrowed=("compute_hypervolume", "_compute_2d", "_compute_hv")
)
def covered(networks, least, most, *, within=_within, front=_front, last=True):
    """So two searches can be compared by one number, though neither has a single winner.

    It is called the hypervolume. If another hour of search adds nothing to it, stop.
    """
    return _stairs(front(within(networks, least, most)), least, most, last)


covered.mistaken("overlaps_counted_twice", lambda *given: sum(_alone(*given)))("""
    - Two networks that are nearly the same: does the second one cover anything new?
    - You add up the rectangles of all networks. Most of one lies within another.
    - Draw it: the rectangles together are a staircase. Cut it into strips that do not overlap.
""")

covered.mistaken("the_largest_alone", lambda *given: max(_alone(*given)))("""
    - What do the other networks of the front add?
    - Your number is the largest single rectangle. Others cover places that it does not reach.
    - A place counts if *any* network covers it. Draw three rectangles and cut them into strips.
""")

covered.mistaken("beaten_ones_kept", front=lambda inside: sorted(inside, key=itemgetter(1)))("""
    - Try two networks of which one is larger and worse than the other. Does the area shrink?
    - A network that is beaten lowers a step of your staircase. It should not matter at all.
    - On the way from small to large the step never goes down: a place stays covered by the best of
      all that are small enough.
""")

covered.mistaken("not_sorted", front=lambda them: [it for it in them if it in _front(them)])("""
    - In which order do the networks come, and in which order does your staircase need them?
    - Your strips run from one network to the next in the list. The list has no order.
    - Sort by bytes first, so that each strip begins where the one before it ended.
""")

covered.mistaken("beyond_the_limits", within=lambda networks, least, most: networks)("""
    - Sometimes right. What do you do with a network of more bytes than `most`?
    - A network beyond a limit covers nothing of the rectangle that is asked about. Yours adds to
      the area, or takes away from it.
    - Two limits: too many bytes, and too few right. Leave such networks out before you begin.
""")

covered.mistaken("without_the_last_strip", last=False)("""
    - One network alone: what area do you get?
    - Your strips end at the largest network. What about files larger than that, but within the
      limit?
    - The last strip runs from the largest network on to `most`.
""")


@covered.mistake
def the_next_ones_height(networks, least, most):
    """
    - Between two networks of the front: how much is right at that many bytes, for certain?
    - Your steps have the height of the *larger* network. Nobody who has fewer bytes gets that.
    - A strip begins at a network and has that network's height, up to where the next one begins.
    """
    front = _front(_within(networks, least, most))
    area = sum((b[0] - least) * (b[1] - a[1]) for a, b in itertools.pairwise(front))
    return (area + (front[-1][0] - least) * (most - front[-1][1])) / ((1 - least) * most)


@covered.mistake
def straight_lines(networks, least, most):
    """
    - Is there a network at every place of the line between two others?
    - You join the networks by slanted lines. In between there is nothing that you could hand out.
    - The outline is a staircase: it goes up only where a network is.
    """
    front = _front(_within(networks, least, most))
    ends = [*front[1:], (front[-1][0], most)]
    area = sum(
        ((a[0] + b[0]) / 2 - least) * (b[1] - a[1]) for a, b in zip(front, ends, strict=True)
    )
    return area / ((1 - least) * most)


@covered.mistake
def in_bytes(networks, least, most):
    """
    - Your area may be right, in its unit. Which number stands for "everything is covered"?
    - A share was asked for: 1 is the whole rectangle between the limits.
    - Divide by the rectangle's own area. It is as high as from `least` to 1.
    """
    return covered.right(networks, least, most) * (1 - least) * most


@covered.mistake
def above_zero(networks, least, most):
    """
    - What does a network cover whose share is just `least`?
    - Your strips reach down to 0. The rectangle begins at `least`.
    - Height is what lies above `least`, both of a strip and of the whole rectangle.
    """
    return _stairs(_front(_within(networks, least, most)), 0.0, most)


def _climbing(inside):
    """All of them by size, each as high as the best so far."""
    them = sorted(inside, key=itemgetter(1))
    return list(
        zip(itertools.accumulate((n[0] for n in them), max), (n[1] for n in them), strict=True)
    )


def _before(networks, least, most, *, front=_front, last=False):
    """Strips that end at their network, and perhaps one behind the last."""
    front = front(_within(networks, least, most))
    starts = [0, *(size for _, size in front)]
    area = sum((share - least) * (size - start)
               for (share, size), start in zip(front, starts, strict=False))  # fmt: skip
    return area / ((1 - least) * most) + (_stairs(front[-1:], least, most) if last else 0)


BEFORE = """
    - How much is covered at fewer bytes than the smallest network has?
    - Your strips end at a network and have its height. But who has fewer bytes does not get it.
    - A strip begins at a network, with that network's height, and ends where the next one begins
      (the last one at `most`).
"""
covered.mistaken("height_before_its_network", _before)(BEFORE)
covered.mistaken("best_before_its_network", _before, front=_climbing)(BEFORE)
covered.mistaken("height_before_and_a_last_strip", _before, last=True)(BEFORE)
covered.mistaken("best_before_and_a_last_strip", _before, front=_climbing, last=True)(BEFORE)


@covered.mistake
def first_strip_from_nothing(networks, least, most):
    """
    - How much is covered at fewer bytes than the smallest network has?
    - Your first strip begins at 0 bytes. There is no network so small.
    - Up to the smallest network nothing is covered.
    """
    front = _front(_within(networks, least, most))
    return _stairs([(front[0][0], 0), *front[1:]], least, most)


covered.mistaken(
    "height_not_divided", lambda nets, least, most: covered.right(nets, least, most) * (1 - least)
)(
    """
    - Put one network in that is perfect and has 0 bytes. What do you get?
    - You divide by the bytes alone, so your rectangle is 1 high. How high is it really?
    - The rectangle of all wishes reaches from `least` to 1.
"""
)

covered.mistaken("in_percent", lambda *given: 100 * covered.right(*given))("""
    - A share lies between which numbers?
    - Yours is 100 times as large: it is in percent.
    - The example of the task ends in 0.3, not in 30.
""")

covered.mistaken("what_is_not_covered", lambda *given: 1 - covered.right(*given))("""
    - One network more: does your number grow or shrink?
    - You return the share that is left open.
    - A wish is covered if a network fulfils it. Count those.
""")


@covered.mistake
def one_box(networks, least, most):
    """
    - Is there a network that has the best share *and* the fewest bytes?
    - Your rectangle joins the share of one network and the bytes of another.
    - Each network covers its own rectangle. Draw three and cut them into strips.
    """
    inside = _within(networks, least, most)
    best, fewest = max(share for share, _ in inside), min(size for _, size in inside)
    return (best - least) * (most - fewest) / ((1 - least) * most)


covered.mistaken(
    "too_few_right_kept", within=lambda them, least, most: [n for n in them if n[1] <= most]
)("""
    - Sometimes right. What does a network do to your area whose share is below `least`?
    - It takes something away: its height is negative.
    - Two limits: you kept to the bytes. Mind the other one, too.
""")

covered.mistaken(
    "too_large_kept", within=lambda them, least, most: [n for n in them if n[0] >= least]
)("""
    - Sometimes right. What does a network do to your area whose bytes are above `most`?
    - It adds or takes away something beyond the rectangle.
    - Two limits: you kept to the share. Mind the other one, too.
""")

covered.mistaken("sorted_by_share", front=sorted)("""
    - In which order does your staircase need the networks?
    - You sorted by the share. Where a network is larger and yet worse, a strip runs backwards.
    - Sort by bytes, and let the step never go down.
""")


@covered.mistake
def neighbours_overlap_alone(networks, least, most):
    """
    - Three networks can share a place, too. What do you take away then?
    - You take the overlap of neighbours away, but their rectangles overlap with more than these.
    - Cut the staircase into strips that do not overlap: then nothing has to be taken away.
    """
    inside = sorted(_within(networks, least, most), key=itemgetter(1))
    both = sum((min(a[0], b[0]) - least) * (most - b[1]) for a, b in itertools.pairwise(inside))
    return sum(_alone(networks, least, most)) - both / ((1 - least) * most)


@covered.mistake
def mean_of_rectangles(networks, least, most):
    """
    - What does a network that covers nothing new do to your number?
    - You take a mean over the networks, so a poor one makes it smaller.
    - A place counts once, if any network covers it.
    """
    alone = _alone(networks, least, most)
    return sum(alone) / len(alone)


def _gained(networks, least, most, *, front=_front):
    front = front(_within(networks, least, most))
    before = [least, *(share for share, _ in front)]
    rises = [(least + own[0] - b, own[1]) for own, b in zip(front, before, strict=False)]
    return _stairs(rises, least, most)


GAINED = """
    - How high is a strip: as high as its network, or as what it gains on the one before?
    - You count only what each network adds to the height. But how far to the right does that reach?
    - What a network covers, it covers up to `most`, not only up to the next one.
"""
covered.mistaken("only_what_is_gained", _gained)(GAINED)
covered.mistaken("only_what_is_gained_by_the_best", _gained, front=_climbing)(GAINED)


@covered.mistake
def bytes_and_share_exchanged(networks, least, most):
    """
    - What stands first in each network: the share, or the bytes?
    - Your number is far above 1: bytes stand where a share should.
    - `networks` is `[(share, bytes), ...]`.
    """
    return covered.right([(size, share) for share, size in networks], least, most)
