"""Checks of exercise 08: fair shares, what a front covers, luck, memory, a squeezed winner."""

import functools
import itertools
import math

import torch
from torch import Tensor

from .budget import Budget
from .prediction import Prediction
from .task import task

CHAPTER = "08_trade_offs"


def _between(random: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(1, generator=random))


def _whole(random: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, (1,), generator=random))


# 1. A fair share of each genus


def _photos(random: torch.Generator, case: int) -> tuple:
    """Many photos of some species, few of others; every other time a genus has none at all."""
    groups = torch.arange(12)[torch.randperm(12, generator=random)] % 4
    common = torch.rand(12, generator=random).mul(3).exp()
    right = 0.3 + 0.6 * torch.rand(12, generator=random)  # of each species: some are easy
    if case % 2:
        common[groups == _whole(random, 0, 3)] = 0
    there = common.nonzero().flatten()
    truth = torch.cat([there, torch.multinomial(common, 80, replacement=True, generator=random)])
    given = torch.randint(0, 12, truth.shape, generator=random)
    for place, species in enumerate(truth.tolist()):
        luck = float(torch.rand(1, generator=random))
        if luck < right[species]:
            given[place] = species
        elif luck < right[species] + 0.2:  # another one of its genus
            others = (groups == groups[species]).nonzero().flatten()
            given[place] = others[_whole(random, 0, len(others) - 1)]
    return given, truth, tuple(groups.tolist())


def _mean_of_shares(right: Tensor, kinds: Tensor) -> float:
    """The mean over the kinds that occur of the share of theirs that is right."""
    return torch.stack([right[kinds == kind].double().mean() for kind in kinds.unique()]).mean()  # type: ignore[return-value]


@task(CHAPTER, draw=_photos)
def by_genus(given, truth, groups):
    """A figure without a stated mix of photos is a figure for one mix: that of the test images.

    Users bring another mix. A balanced share asks for each genus alike, the rare ones too.
    """
    genus = torch.tensor(groups)
    return float(_mean_of_shares(genus[given] == genus[truth], genus[truth]))


@by_genus.mistake
def plain_share(given, truth, groups):
    """Ninety photos of oaks, ten of maples, and every one is called an oak. What do you return?

    Your number counts each photo alike, so the common genera decide it alone. That is the
    chapter's share.

    First a share for each genus, of its own photos. Then the mean of these shares.
    """
    genus = torch.tensor(groups)
    return float((genus[given] == genus[truth]).double().mean())


@by_genus.mistake
def share_of_species(given, truth, groups):
    """Which question do the users ask here: which species, or which genus?

    You count a name as right only if the species is. A wrong oak is an oak all the same.

    `groups` tells the genus of a species: look it up for the names given and for the truth, before
    you compare.
    """
    return float((given == truth).double().mean())


@by_genus.mistake
def balanced_species(given, truth, groups):
    """Balanced it is. But over what: what is each of your shares a share of?

    There are four genera, and you have a share for each species. Where does `groups` come in?

    Both the comparison and the sorting into kinds go by genus: look the genus up first, then forget
    the species.
    """
    return float(_mean_of_shares(given == truth, truth))


@by_genus.mistake
def species_within_genera(given, truth, groups):
    """The kinds are the genera now. When is a photo of an oak named right?

    You sort by genus, but compare species. Another oak's name is the right genus.

    Compare the genus of the name given with the genus of the truth.
    """
    return float(_mean_of_shares(given == truth, torch.tensor(groups)[truth]))


@by_genus.mistake
def mean_over_species(given, truth, groups):
    """You compare genera, as asked. Over how many shares do you take the mean?

    You have a share for each species. A genus of four species then counts twice as much as one of
    two.

    A share for each genus: all photos of its species together.
    """
    genus = torch.tensor(groups)
    return float(_mean_of_shares(genus[given] == genus[truth], truth))


@by_genus.mistake
def of_the_names_given(given, truth, groups):
    """All photos of maples are called oaks. What share do you get for the maples, and of what?

    You ask how many of those that were *called* an oak are one. Asked for is how many of those that
    *are* one were called so.

    Sort the photos into genera by the truth, not by the names given.
    """
    genus = torch.tensor(groups)
    return float(_mean_of_shares(genus[given] == genus[truth], genus[given]))


@by_genus.mistake
def absent_as_zero(given, truth, groups):
    """Often right, sometimes too small. What do you do with a genus of which there is no photo?

    A genus without photos counts as 0 in your mean, as though all of its photos were named wrong.

    The mean is over the genera that occur in `truth`: how many are these?
    """
    genus = torch.tensor(groups)
    right = genus[given] == genus[truth]
    shares = [right[genus[truth] == g].double().sum() / max(1, int((genus[truth] == g).sum()))
              for g in set(groups)]  # fmt: skip
    return float(sum(shares) / len(shares))


@by_genus.mistake
def absent_divided(given, truth, groups):
    """Often right, sometimes not a number. Of which genus is the share then?

    The mean of no photos at all is `nan`, and so is every mean with a `nan` in it.

    Leave out the genera that do not occur in `truth`.
    """
    genus = torch.tensor(groups)
    right = genus[given] == genus[truth]
    shares = [right[genus[truth] == g].double().mean() for g in set(groups)]
    return float(sum(shares) / len(shares))


# 2. What a front covers


def _networks(random: torch.Generator, case: int) -> tuple:
    """(accuracy, bytes) in no order: a front, beaten ones, and some beyond a limit."""
    most = 1000 * _whole(random, 8, 20)
    least = (0.9, 0.8, 0.5, 0.7)[case % 4]
    steps = 5
    sizes = [most * (0.15 + 0.7 * (step + _between(random, 0.1, 0.9)) / steps) for step in range(5)]
    shares = [least + (1 - least) * (0.1 + 0.75 * (step + _between(random, 0.1, 0.9)) / steps)
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
    whole = (1 - least) * most
    inside = _within(networks, least, most)
    return [(share - least) * (most - size) / whole for share, size in inside]


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


@task(CHAPTER, draw=_networks, borrowed=("compute_hypervolume", "_compute_2d", "_compute_hv"))
def covered(networks, least, most):
    """So two searches can be compared by one number, though neither has a single winner.

    It is called the hypervolume. If another hour of search adds nothing to it, stop.
    """
    return _stairs(_front(_within(networks, least, most)), least, most)


@covered.mistake
def overlaps_counted_twice(networks, least, most):
    """Two networks that are nearly the same: does the second one cover anything new?

    You add up the rectangles of all networks. Most of one lies within another.

    Draw it: the rectangles together are a staircase. Cut it into strips that do not overlap.
    """
    return sum(_alone(networks, least, most))


@covered.mistake
def the_largest_alone(networks, least, most):
    """What do the other networks of the front add?

    Your number is the largest single rectangle. Others cover places that it does not reach.

    A place counts if *any* network covers it. Draw three rectangles and cut them into strips.
    """
    return max(_alone(networks, least, most))


@covered.mistake
def beaten_ones_kept(networks, least, most):
    """Try two networks of which one is larger and worse than the other. Does the area shrink?

    A network that is beaten lowers a step of your staircase. It should not matter at all.

    On the way from small to large the step never goes down: a place stays covered by the best of
    all that are small enough.
    """
    return _stairs(sorted(_within(networks, least, most), key=lambda e: e[1]), least, most)


@covered.mistake
def not_sorted(networks, least, most):
    """In which order do the networks come, and in which order does your staircase need them?

    Your strips run from one network to the next in the list. The list has no order.

    Sort by bytes first, so that each strip begins where the one before it ended.
    """
    front = _front(_within(networks, least, most))
    return _stairs([each for each in networks if each in front], least, most)


@covered.mistake
def beyond_the_limits(networks, least, most):
    """Sometimes right. What do you do with a network of more bytes than `most`?

    A network beyond a limit covers nothing of the rectangle that is asked about. Yours adds to the
    area, or takes away from it.

    Two limits: too many bytes, and too few right. Leave such networks out before you begin.
    """
    return _stairs(_front(networks), least, most)


@covered.mistake
def without_the_last_strip(networks, least, most):
    """One network alone: what area do you get?

    Your strips end at the largest network. What about files larger than that, but within the limit?

    The last strip runs from the largest network on to `most`.
    """
    return _stairs(_front(_within(networks, least, most)), least, most, last=False)


@covered.mistake
def the_next_ones_height(networks, least, most):
    """Between two networks of the front: how much is right at that many bytes, for certain?

    Your steps have the height of the *larger* network. Nobody who has fewer bytes gets that.

    A strip begins at a network and has that network's height, up to where the next one begins.
    """
    front = _front(_within(networks, least, most))
    area = sum((b[0] - least) * (b[1] - a[1]) for a, b in itertools.pairwise(front))
    return (area + (front[-1][0] - least) * (most - front[-1][1])) / ((1 - least) * most)


@covered.mistake
def straight_lines(networks, least, most):
    """Is there a network at every place of the line between two others?

    You join the networks by slanted lines. In between there is nothing that you could hand out.

    The outline is a staircase: it goes up only where a network is.
    """
    front = _front(_within(networks, least, most))
    ends = [*front[1:], (front[-1][0], most)]
    area = sum(
        ((a[0] + b[0]) / 2 - least) * (b[1] - a[1]) for a, b in zip(front, ends, strict=True)
    )
    return area / ((1 - least) * most)


@covered.mistake
def in_bytes(networks, least, most):
    """Your area may be right, in its unit. Which number stands for "everything is covered"?

    A share was asked for: 1 is the whole rectangle between the limits.

    Divide by the rectangle's own area. It is as high as from `least` to 1.
    """
    return covered.right(networks, least, most) * (1 - least) * most


@covered.mistake
def above_zero(networks, least, most):
    """What does a network cover whose share is just `least`?

    Your strips reach down to 0. The rectangle begins at `least`.

    Height is what lies above `least`, both of a strip and of the whole rectangle.
    """
    return _stairs(_front(_within(networks, least, most)), 0.0, most)


# 3. Find the bugs: the smallest that holds for sure


def _trials(random: torch.Generator, case: int) -> tuple:
    """Networks on 400 images, each the smallest for one way of choosing; in no order."""
    count, most = 400, (2, 3)[case // 4 % 2]
    before = torch.zeros(count)
    before[torch.randperm(count, generator=random)[:368]] = 1
    some = _whole(random, 2, 3)
    exact = 4 * most  # so many images are `most` points
    changes = [  # (gained, lost), the smallest network first
        (some, some + exact + 4),  # holds at the upper end of its interval alone
        (some, some + exact),  # loses just that much on these images
        (some, some + exact - 1),  # a little less
    ]
    if case % 4 != 2:  # there is one that holds
        changes += [(3, 4), (14, 2), (some, 1), (20, 0)]
    rows = [_changed(before, gained, lost, random) for gained, lost in changes]
    if case % 4 == 3:
        rows.insert(0, torch.full((count,), math.nan))  # failed, and left a tiny file
    sizes = sorted(
        _whole(random, 10 * place, 10 * place + 8) * 100 for place in range(2, 2 + len(rows))
    )
    order = torch.randperm(len(rows), generator=random).tolist()
    smallest = len(rows) - 4  # of the four that hold
    if next(row for row in order if row >= smallest) == smallest:  # let it not come first
        order.reverse()
    return before, torch.stack([rows[i] for i in order]), [sizes[i] for i in order], most


def _changed(before: Tensor, gained: int, lost: int, random: torch.Generator) -> Tensor:
    after = before.clone()
    for value, count in ((0, gained), (1, lost)):
        there = (before == value).nonzero().flatten()
        after[there[torch.randperm(len(there), generator=random)[:count]]] = 1 - value
    return after


def _smallest(holds: Tensor, sizes: list) -> int | None:
    return min((n for n in range(len(sizes)) if holds[n]), key=lambda n: sizes[n], default=None)


def _ends(before: Tensor, after: Tensor, root: bool = True) -> tuple[Tensor, Tensor]:
    """The mean change in points, and half of its interval."""
    change = 100 * (after - before).double()
    return change.mean(1), 1.96 * change.std(1) / len(before) ** (0.5 if root else 1)


@task(CHAPTER, draw=_trials)
def winner(before, after, sizes, most):
    """On a few hundred images a point is within luck, so "lost at most a point" promises little.

    Ask for the end of the interval at which the network does worst. And look for failures: `nan` is
    neither more nor less than anything.
    """
    mean, half = _ends(before, after)
    return _smallest(mean - half >= -most, sizes)


@winner.mistake
def failed_one_wins(before, after, sizes, most):
    """Often right. What does `float("nan") < -1` say, and what `float("nan") >= -1`?

    A failed network has no answers, only `nan`. Every comparison with it is False, so it slips past
    a question that sorts out the bad ones.

    Ask who holds, not who fails to hold; or sort out the rows of `nan` first. But mind the numbers:
    they are places in the list that you were given.
    """
    mean, half = _ends(before, after)
    return _smallest(~(mean - half < -most), sizes)


@winner.mistake
def as_given(before, after, sizes, most):
    """How wide is the interval of 400 images, about? Print it for one network.

    Put in numbers that you know: of 100 images one is lost. How wide is the interval then, and on
    which end of it do you stand?

    Compare line by line with what is said of the interval above, and ask of each sign and each
    division whether it is as it says. The third mistake shows with a network of `nan` alone.
    """
    mean, half = _ends(before, after, root=False)
    return _smallest(~(mean + half < -most), sizes)


@winner.mistake
def optimistic_end(before, after, sizes, most):
    """The width of the interval is right. On which end of it do you stand?

    You let a network pass if it *might* lose so little. Asked for is one that surely does.

    The end where it does worst must still hold. And what becomes of a failed network, of `nan`?
    """
    mean, half = _ends(before, after)
    return _smallest(~(mean + half < -most), sizes)


@winner.mistake
def far_too_narrow(before, after, sizes, most):
    """You stand on the right end. How wide is the interval? Print it for one network.

    With four times as many images an interval is half as wide. With yours?

    The spread of a mean shrinks with the *root* of the number of images. And what becomes of a
    failed network, of `nan`?
    """
    mean, half = _ends(before, after, root=False)
    return _smallest(~(mean - half < -most), sizes)


@winner.mistake
def no_interval(before, after, sizes, most):
    """Where is the interval? Asked for is one that loses little *for sure*.

    You compare what was lost on these very images. On others it will be more, or less.

    Work out how uncertain the mean is, and let only those pass whose worse end still holds.
    """
    mean, _ = _ends(before, after)
    return _smallest(mean > -most, sizes)


@winner.mistake
def two_intervals(before, after, sizes, most):
    """Both networks saw the same images. Does your interval know?

    You put together the spread of two accuracies. Images that both get right, or both wrong, say
    nothing about the difference.

    Take the difference image by image first; its spread is what counts.
    """
    half = 196 * (before.double().var() + after.double().var(1)).sqrt() / len(before) ** 0.5
    return _smallest(100 * (after - before).double().mean(1) - half >= -most, sizes)


@winner.mistake
def the_first_that_holds(before, after, sizes, most):
    """Does your function look at `sizes`?

    Yours takes the first network of the list that holds. The list has no order.

    Among all that hold, the one of the fewest bytes.
    """
    mean, half = _ends(before, after)
    return next((n for n in range(len(sizes)) if mean[n] - half[n] >= -most), None)


@winner.mistake
def the_most_accurate(before, after, sizes, most):
    """The rule says which one to take of those that hold. Which?

    You take the one that loses least. It may be large.

    Whoever holds, holds: among these the bytes decide alone.
    """
    mean, half = _ends(before, after)
    return max((n for n in range(len(sizes)) if mean[n] - half[n] >= -most),
               key=lambda n: mean[n], default=None)  # fmt: skip


@winner.mistake
def its_size(before, after, sizes, most):
    """What comes back: the bytes, or who has them?

    You return the size of the winner. Asked for is its number, its place in the list.

    Look for the place of the smallest, not for the smallest size.
    """
    number = winner.right(before, after, sizes, most)
    return None if number is None else sizes[number]


@winner.mistake
def place_among_those_left(before, after, sizes, most):
    """The right one is found, under a wrong number. Among whom do you count?

    You sort out some networks first, and return the place in the list of those that are left.

    The number is the place in the list that your function was given. Keep the numbers while you
    sort out.
    """
    mean, half = _ends(before, after)
    held = [size for n, size in enumerate(sizes) if mean[n] - half[n] >= -most]
    return held.index(min(held)) if held else None


# 4. The winner's luck


@functools.cache
def _luck() -> float:
    """Points by which the best of 20 equal networks looks better than it is; 300 images, 97%."""
    random = torch.Generator().manual_seed(0)
    named = torch.binomial(
        torch.full((20_000, 20), 300.0), torch.full((20_000, 20), 0.97), generator=random
    )
    return float(100 * (named.amax(1) / 300 - 0.97).mean())


my_luck = Prediction(
    CHAPTER,
    "my_luck",
    "By how many points does the best of 20 look better than it is?",
    low=0,
    high=3,
    measure=_luck,
    why="The mean over 20,000 such searches, all with networks of exactly 97%. On new images the "
    "best of them is right 97 times in 100, as all the others.",
)


# 5. Waiting for memory


def _machines(random: torch.Generator, case: int) -> tuple:
    """Layers of which some wait for memory and others for arithmetic, but for batches of one."""
    wide = [(_whole(random, 600, 900), _whole(random, 600, 900)) for _ in range(2)]
    thin = [(_whole(random, 4, 12), _whole(random, 2000, 4000))]
    batch = (32, 1, 48, 256)[case % 4]
    bits = (8, 4, 32, 16)[(case + case // 4) % 4]
    bytes_per_second = 1e9 * _between(random, 5, 20)
    ridge = _between(random, 4.5, 5.5)  # multiply-adds a byte
    return wide + thin, batch, bits, ridge * bytes_per_second, bytes_per_second


def _waits(layers, batch, bits, weights_for_each=False, moved=4.0, byte=8.0, each=None):
    """(multiply-adds, bytes) of each layer."""
    counted = []
    for outputs, inputs in layers:
        stored = outputs * inputs * bits / byte * (batch if weights_for_each else 1)
        flows = moved * (inputs + outputs) * (batch if each is None else each)
        counted.append(((batch if each is None else each) * outputs * inputs, stored + flows))
    return counted


def _seconds(counted, macs_per_second, bytes_per_second):
    return sum(max(m / macs_per_second, b / bytes_per_second) for m, b in counted)


@task(CHAPTER, draw=_machines)
def least_seconds(layers, batch, bits, macs_per_second, bytes_per_second):
    """A language model writes one word at a time, and each word needs every weight: a batch of one.

    So it waits for memory, and weights in 4 bits make it faster even where nothing computes in 4
    bits. Served to many people at once it waits for arithmetic, and then they do not.
    """
    return _seconds(_waits(layers, batch, bits), macs_per_second, bytes_per_second)


@least_seconds.mistake
def roof_of_the_whole(layers, batch, bits, macs_per_second, bytes_per_second):
    """One layer waits for memory, the next for arithmetic. Can one make up for the other?

    You add up all multiplications and all bytes first. Then a layer that waits for memory seems to
    share its time with another that computes.

    One layer comes after the other: each has its own roof, and its own time. Add the times.
    """
    macs, moved = (sum(part) for part in zip(*_waits(layers, batch, bits), strict=True))
    return _seconds([(macs, moved)], macs_per_second, bytes_per_second)


@least_seconds.mistake
def one_after_the_other(layers, batch, bits, macs_per_second, bytes_per_second):
    """While bytes are on their way, does the processor have to stand still?

    You add the time of the arithmetic and that of the memory. At best both happen at once.

    Of a layer's two times, which one is it waiting for?
    """
    counted = _waits(layers, batch, bits)
    return sum(m / macs_per_second + b / bytes_per_second for m, b in counted)


@least_seconds.mistake
def the_faster_of_the_two(layers, batch, bits, macs_per_second, bytes_per_second):
    """A layer is done when its arithmetic is done and its bytes are there. Which comes last?

    You take the shorter of the two times. The roofline takes the smaller *speed*.

    Less speed is more time: a layer waits for the slower of the two.
    """
    counted = _waits(layers, batch, bits)
    return sum(min(m / macs_per_second, b / bytes_per_second) for m, b in counted)


@least_seconds.mistake
def weights_for_each_image(layers, batch, bits, macs_per_second, bytes_per_second):
    """Right for a batch of one. How often are the weights fetched for a batch of 32?

    You move the weights once for each image. All images of a batch use the same ones.

    The weights are moved once, what flows in and out once for each image.
    """
    counted = _waits(layers, batch, bits, weights_for_each=True)
    return _seconds(counted, macs_per_second, bytes_per_second)


@least_seconds.mistake
def weights_alone(layers, batch, bits, macs_per_second, bytes_per_second):
    """What else has to be moved besides the weights?

    The layer reads its inputs and writes its outputs, for each image of the batch.

    Inputs and outputs are float32, whatever the bits of the weights are.
    """
    return _seconds(_waits(layers, batch, bits, moved=0), macs_per_second, bytes_per_second)


@least_seconds.mistake
def bits_taken_for_bytes(layers, batch, bits, macs_per_second, bytes_per_second):
    """In which unit are your weights moved?

    `bytes_per_second` counts bytes, and your weights are counted in bits.

    How many bits has a byte?
    """
    return _seconds(_waits(layers, batch, bits, byte=1), macs_per_second, bytes_per_second)


@least_seconds.mistake
def everything_in_bits(layers, batch, bits, macs_per_second, bytes_per_second):
    """What is stored in `bits`, and what is not? Read the task again.

    You move inputs and outputs in the weights' bits. They are float32 here.

    Only the weights take `bits` each. How many bytes has a float32?
    """
    counted = _waits(layers, batch, bits, moved=bits / 8)
    return _seconds(counted, macs_per_second, bytes_per_second)


@least_seconds.mistake
def one_image(layers, batch, bits, macs_per_second, bytes_per_second):
    """Right for a batch of one. Where does `batch` come into your function?

    Your time is that of a single image. The arithmetic grows with the batch, and so does what flows
    in and out.

    Of the three things that are counted (multiplications, weights moved, numbers in and out), which
    are there once for each image?
    """
    return _seconds(_waits(layers, batch, bits, each=1), macs_per_second, bytes_per_second)


@least_seconds.mistake
def macs_of_one_image(layers, batch, bits, macs_per_second, bytes_per_second):
    """The bytes are right. How many multiplications are there for a batch of 32?

    You count the multiplications of a single image.

    Each image of the batch is multiplied with all the weights.
    """
    counted = [(m / batch, b) for m, b in _waits(layers, batch, bits)]
    return _seconds(counted, macs_per_second, bytes_per_second)


@least_seconds.mistake
def two_for_one(layers, batch, bits, macs_per_second, bytes_per_second):
    """Where a layer waits for memory you are right. What does the machine do so often a second?

    You count a multiplication and an addition as two. Some tables do.

    `macs_per_second` counts multiply-adds: both together are one.
    """
    counted = [(2 * m, b) for m, b in _waits(layers, batch, bits)]
    return _seconds(counted, macs_per_second, bytes_per_second)


# 6. The gap in the front

squeezed = Budget(
    CHAPTER,
    "squeezed",
    most_bytes=5_300,
    accuracy=0.95,
    test_accuracy=0.935,
    why="There is room between any two networks of a front, and a search that costs seconds a try "
    "finds it. Whether it lasts, only images tell that had no part in the search.",
    hints=(
        "Which layer lost most of it? Squeeze one at a time and look.",
        "The same share everywhere is too much for some layers. And do only weights take bytes?",
        "Note for each layer what a quarter of its ones costs in accuracy and what it saves in "
        "bytes. Take from those where much is saved for little, and leave the others whole. Then "
        "look at `biases`: small steps of it cost nearly nothing.",
    ),
)
