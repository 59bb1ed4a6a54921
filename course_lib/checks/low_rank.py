"""Checks of exercise 06: what a split costs, cuts by answers, rows first, ranks for each layer."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import models
from .budget import Budget
from .prediction import Prediction
from .task import task

CHAPTER = "06_low_rank"


def _whole(random: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, (), generator=random))


# 1. Three layers for one


def _convolutions(random: torch.Generator, case: int) -> tuple:
    inputs, outputs = _whole(random, 20, 39), _whole(random, 41, 60)
    ranks = _whole(random, 3, 9), _whole(random, 11, 17)
    side = 2 * _whole(random, 8, 20) + (1 if case % 4 == 2 else 0)
    return inputs, outputs, (3, 5)[case // 4 % 2], 1 if case % 4 == 0 else 2, side, ranks


def _three(inputs, outputs, window, ranks, places):
    """MACs of the three layers, each with its window's weights, at so many places each."""
    r, s = ranks
    weights = inputs * r, window**2 * r * s, s * outputs
    return sum(each * at for each, at in zip(weights, places, strict=True))


@task(CHAPTER, draw=_convolutions, borrowed=("cost", "macs", "macs_by_layer", "count"))
def tucker_macs(inputs, outputs, window, stride, side, ranks):
    """A layer that comes before the stride works at four times as many places as one behind it.

    Whoever counts weights alone does not see it, and wonders about the time.
    """
    before, after = side**2, math.ceil(side / stride) ** 2
    return _three(inputs, outputs, window, ranks, (before, after, after))


@tucker_macs.mistake
def weights_alone(inputs, outputs, window, stride, side, ranks):
    """How often is each weight used for one picture?

    You counted the weights. Each of them is multiplied at every place of its layer's output.

    Multiply the weights of each layer by the places at which that layer is computed.
    """
    return _three(inputs, outputs, window, ranks, (1, 1, 1))


@tucker_macs.mistake
def stride_at_the_start(inputs, outputs, window, stride, side, ranks):
    """Which of the three layers has the stride?

    You compute the first layer at fewer places than there are. The window behind it still needs
    all of them.

    The first 1x1 comes before the stride: it runs at every place of the layer's input.
    """
    return _three(inputs, outputs, window, ranks, 3 * [math.ceil(side / stride) ** 2])


@tucker_macs.mistake
def stride_forgotten(inputs, outputs, window, stride, side, ranks):
    """What does the stride do to the number of places?

    With a stride of 1 your number is right. With 2 the window stops at every second place only.

    From the middle layer on there are fewer places, in the height and in the width.
    """
    return _three(inputs, outputs, window, ranks, 3 * [side**2])


@tucker_macs.mistake
def stride_at_the_end(inputs, outputs, window, stride, side, ranks):
    """Which of the three layers has the stride?

    At how many places does the window stop? You let it stop everywhere.

    The window moves by the stride, so the middle layer already has fewer places.
    """
    after = math.ceil(side / stride) ** 2
    return _three(inputs, outputs, window, ranks, (side**2, side**2, after))


@tucker_macs.mistake
def one_side_only(inputs, outputs, window, stride, side, ranks):
    """In how many directions does the window move?

    The stride counts for the height and for the width; you let it count once.

    A picture of half the side has how many places: a half, or fewer?
    """
    after = math.ceil(side / stride) * side
    return _three(inputs, outputs, window, ranks, (side**2, after, after))


@tucker_macs.mistake
def side_rounded_down(inputs, outputs, window, stride, side, ranks):
    """Mostly right. What happens to a side that the stride does not divide?

    At a side of 5 and a stride of 2 the window stops at the places 0, 2 and 4.

    Look at how you divide the side: `//` rounds down.
    """
    before, after = side**2, (side // stride) ** 2
    return _three(inputs, outputs, window, ranks, (before, after, after))


@tucker_macs.mistake
def half_a_window(inputs, outputs, window, stride, side, ranks):
    """How many weights has a window of 3x3?

    The window has a height and a width. You counted one of them.

    In the middle layer each pair of channels has a whole window of weights, not a row of it.
    """
    before, after = side**2, math.ceil(side / stride) ** 2
    r, s = ranks
    return inputs * r * before + window * r * s * after + s * outputs * after


@tucker_macs.mistake
def window_everywhere(inputs, outputs, window, stride, side, ranks):
    """How large is the window of each of the three layers?

    You gave the window to more than one layer.

    Only the middle layer looks around; the first and the last have a window of 1x1.
    """
    before, after = side**2, math.ceil(side / stride) ** 2
    return window**2 * (_three(inputs, outputs, 1, ranks, (before, after, after)))


@tucker_macs.mistake
def ranks_swapped(inputs, outputs, window, stride, side, ranks):
    """Which of the two ranks belongs to the inputs?

    Your first layer goes to the second rank.

    The order is that of the picture's way: inputs, first rank, second rank, outputs.
    """
    return tucker_macs.right(inputs, outputs, window, stride, side, ranks[::-1])


@tucker_macs.mistake
def counted_twice(inputs, outputs, window, stride, side, ranks):
    """In which unit did you count?

    A multiplication and its addition together are one multiply-add.

    You counted both. The course counts the pair as one.
    """
    return 2 * tucker_macs.right(inputs, outputs, window, stride, side, ranks)


@tucker_macs.mistake
def without_the_last(inputs, outputs, window, stride, side, ranks):
    """How many layers are there?

    What comes out of yours has as many channels as the second rank. The next layer wants all.

    The third layer is missing: a 1x1 from the second rank to the outputs.
    """
    before, after = side**2, math.ceil(side / stride) ** 2
    return _three(inputs, 0, window, ranks, (before, after, after))


# 2. A cut that leaves the mean alone


def _heard(random: torch.Generator, case: int) -> tuple:
    outputs, size, rank = _whole(random, 6, 8), _whole(random, 9, 12), 2 + case % 2
    basis = torch.linalg.qr(torch.randn(size, size, generator=random))[0]
    seen = torch.randn(40, size, generator=random) * 0.6 ** torch.arange(size) @ basis
    weight = torch.randn(outputs, size, generator=random)
    bias = torch.randn(outputs, generator=random)
    return weight, bias, seen + torch.randn(size, generator=random), rank


def _as_heard(result: Any, weight: Tensor, bias: Tensor, inputs: Tensor, rank: int) -> Any:
    """What the pair answers, and the shapes of its two factors. Factors alone are not unique."""
    if not isinstance(result, tuple | list) or len(result) != 3:
        return result
    first, second, shift = (_numbers(part) for part in result)
    outputs, size = weight.shape
    if first.shape == (rank, size) and second.shape == (outputs, rank):
        said = inputs.double() @ first.T @ second.T + shift.squeeze()
    else:
        said = torch.zeros(len(inputs), outputs)  # the shapes are what is said of it
    return torch.zeros(first.shape), torch.zeros(second.shape), said


def _numbers(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().double()
    return torch.as_tensor(np.asarray(value, dtype=np.float64))


def _directions(table: Tensor, rank: int) -> Tensor:
    """(columns, rank): the directions in which the rows are largest."""
    return torch.linalg.svd(table.double(), full_matrices=False).Vh[:rank].T.float()


def _pair(weight, shift, directions):
    return directions.T @ weight, directions, shift


def _centred(weight, inputs, rank):
    """The mean of W x, and the directions in which W x departs from it."""
    said = inputs @ weight.T
    return said.mean(0), _directions(said - said.mean(0), rank)


@task(
    CHAPTER,
    draw=_heard,
    observed=_as_heard,
    borrowed=("answers", "decompose", "cutter", "factor", "channel_svd"),
)
def by_answers(weight, bias, inputs, rank):
    """What all answers have in common costs one number a channel, and no rank at all.

    Only what differs from picture to picture has to go through the narrow place.
    """
    mean, directions = _centred(weight, inputs, rank)
    return _pair(weight, bias + mean - directions @ (directions.T @ mean), directions)


@by_answers.mistake
def by_the_weights(weight, bias, inputs, rank):
    """Where do `inputs` come into your cut?

    You cut by the weights: as near as can be to the layer, not to what it answers.

    Compute the answers first. The directions to keep are those in which the answers vary.
    """
    return _pair(weight, bias, _directions(weight.T, rank))


@by_answers.mistake
def mean_left_in(weight, bias, inputs, rank):
    """Is anything of the narrow place spent on what is the same for all inputs?

    That is the chapter's cut: its directions carry the mean, too. Here the bias can do that.

    Take the mean of the answers away before you look for directions, and let the bias give it back.
    """
    return _pair(weight, bias, _directions(inputs @ weight.T, rank))


@by_answers.mistake
def bias_and_mean_left_in(weight, bias, inputs, rank):
    """Is anything of the narrow place spent on what is the same for all inputs?

    The bias is in your answers, and the mean too: the directions have to carry both.

    Take the mean of the answers away before you look for directions, and let the bias give it back.
    """
    return _pair(weight, bias, _directions(inputs @ weight.T + bias, rank))


@by_answers.mistake
def bias_as_it_was(weight, bias, inputs, rank):
    """The directions are right. Compare the mean of your answers with that of the layer's.

    What your directions do not carry of the mean is lost: the old bias does not know of it.

    The new bias makes up for the difference of the two means.
    """
    return _pair(weight, bias, _centred(weight, inputs, rank)[1])


@by_answers.mistake
def the_whole_mean_as_bias(weight, bias, inputs, rank):
    """The directions are right. Compare the mean of your answers with that of the layer's.

    The mean of the answers is your bias. But a part of it comes through the two factors, too.

    Take away from the mean what the factors already say to the mean input.
    """
    mean, directions = _centred(weight, inputs, rank)
    return _pair(weight, bias + mean, directions)


@by_answers.mistake
def bias_counted_as_carried(weight, bias, inputs, rank):
    """Nearly. What do your two factors say to an input of zeros?

    The layer says its bias to an input of zeros; your factors say nothing. Did you reckon with a
    part of the bias coming through them?

    The mean of the answers with their bias is not what goes through the factors: there is no bias
    before them.
    """
    mean, directions = _centred(weight, inputs, rank)
    whole = mean + bias
    return _pair(weight, whole - directions @ (directions.T @ whole), directions)


@by_answers.mistake
def old_bias_dropped(weight, bias, inputs, rank):
    """Did the layer not have a bias of its own?

    The new bias holds what is left of the mean of W x. The old one is nowhere.

    The old bias is the same for all inputs, so it costs no rank: it is a part of the new one.
    """
    mean, directions = _centred(weight, inputs, rank)
    return _pair(weight, mean - directions @ (directions.T @ mean), directions)


@by_answers.mistake
def weakest_directions(weight, bias, inputs, rank):
    """Which of the directions did you keep?

    Put your pair beside the layer: hardly anything of the answers is left. In which order do
    the values come out of the function that you use?

    `eigh` begins with the smallest.
    """
    mean, _ = _centred(weight, inputs, rank)
    directions = _centred(weight, inputs, len(weight))[1][:, -rank:]
    return _pair(weight, bias + mean - directions @ (directions.T @ mean), directions)


@by_answers.mistake
def directions_of_the_inputs(weight, bias, inputs, rank):
    """Directions of what: of that which goes in, or of that which comes out?

    You keep the directions in which the inputs vary most. The layer may hardly listen to those.

    Look for directions in the answers: there the layer has already said what it minds.
    """
    mean = inputs.mean(0)
    directions = _directions(inputs - mean, rank)
    shift = bias + weight @ (mean - directions @ (directions.T @ mean))
    return directions.T, weight @ directions, shift


@by_answers.mistake
def factors_the_other_way_round(weight, bias, inputs, rank):
    """Which shapes were asked for?

    A layer's weight has the shape (outputs, inputs): a row for each output.

    `first` takes the inputs to the rank, so it has as many rows as the rank.
    Transpose your factors.
    """
    first, second, shift = by_answers.right(weight, bias, inputs, rank)
    return first.T, second.T, shift


# 3. Find the bugs: rows first


def _windows(random: torch.Generator, case: int) -> tuple:
    high, wide = ((3, 3), (3, 5))[case // 4 % 2]
    inputs, outputs = _whole(random, 4, 6), _whole(random, 7, 9)
    conv = nn.Conv2d(
        inputs, outputs, (high, wide), 1 + case // 2 % 2, (high // 2, wide // 2), bias=case % 2 == 0
    )
    terms = min(outputs * high, inputs * wide)
    left, right = (
        torch.linalg.qr(torch.randn(size, terms, generator=random))[0]
        for size in (outputs * high, inputs * wide)
    )
    table = 3 * left * 0.8 ** torch.arange(terms) @ right.T  # no two strengths are alike
    conv.weight.data = table.reshape(outputs, high, inputs, wide).transpose(1, 2).contiguous()
    if conv.bias is not None:
        conv.bias.data = torch.randn(outputs, generator=random)
    return conv, _whole(random, 3, 5)


def _on_an_image(result: Any, conv: nn.Conv2d, rank: int) -> tuple[Tensor, Tensor]:
    """The channels and the window of each layer, and what they say to an image."""
    if isinstance(result, tuple | list) and all(isinstance(part, nn.Module) for part in result):
        result = nn.Sequential(*result)
    if not isinstance(result, nn.Module):
        raise TypeError(f"a network of two layers was asked for, this is {result!r:.40}")
    layers = [layer for layer in result.modules() if isinstance(layer, nn.Conv2d)]
    image = torch.randn(2, conv.in_channels, 12, 10, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        said = result.to(image.dtype)(image)
    return torch.tensor([[x.out_channels, *x.kernel_size] for x in layers]), said


def _split(
    conv: nn.Conv2d,
    rank: int,
    straight: bool = False,  # the table is read off without moving its sides
    biased: bool = True,
    strides: Any = None,
    paddings: Any = None,
    mixed: bool = False,  # the second factor's sides are not moved back
    power: int = 1,  # of the strengths
) -> nn.Sequential:
    outputs, inputs, high, wide = conv.weight.shape
    weight = conv.weight.detach()
    table = weight if straight else weight.transpose(1, 2)
    left, strength, right = torch.linalg.svd(
        table.reshape(outputs * high, inputs * wide).double(), full_matrices=False
    )
    padding: Any = conv.padding
    (down, along), (top, beside) = conv.stride, padding
    one, other = strides or ((1, along), (down, 1))
    around: Any = paddings or ((0, beside), (top, 0))
    first = nn.Conv2d(inputs, rank, (1, wide), one, around[0], bias=False)
    biased = biased and conv.bias is not None
    second = nn.Conv2d(rank, outputs, (high, 1), other, around[1], bias=biased)
    first.weight.data = right[:rank].reshape(rank, inputs, 1, wide).float()
    mixture = (left[:, :rank] * strength[:rank] ** power).float()
    second.weight.data = (
        mixture.reshape(outputs, rank, high, 1)
        if mixed
        else mixture.reshape(outputs, high, rank).transpose(1, 2)[..., None].contiguous()
    )
    if biased:
        assert second.bias is not None
        assert conv.bias is not None
        second.bias.data = conv.bias.detach().clone()
    return nn.Sequential(first, second)


@task(
    CHAPTER,
    draw=_windows,
    observed=_on_an_image,
    borrowed=("spatial", "channel_svd", "cutter", "chain", "decompose", "factor", "tucker2"),
)
def rows_first(conv, rank):
    """Which side goes first is free; stride, padding and bias each go with one factor.

    A mistake in one of these shows only in a layer that has it. Test with such a layer.
    """
    return _split(conv, rank)


@rows_first.mistake
def as_given(conv, rank):
    """Take a rank so large that nothing is lost. Does the pair answer as the layer does?

    It does not: look at which weights stand in one row of `table`. A reshape moves no number.

    A row is to hold all weights of one output and one row of the window. The second mistake shows
    in layers with a bias, the third in layers with a stride.
    """
    return _split(conv, rank, straight=True, biased=False, strides=(conv.stride, conv.stride))


@rows_first.mistake
def table_and_bias(conv, rank):
    """The stride is right now. Does the pair answer as the layer does at full rank?

    Look at which weights stand in one row of `table`: a reshape moves no number. And what does the
    layer add at the end?

    A row is to hold all weights of one output and one row of the window. The other mistake shows
    in layers with a bias.
    """
    return _split(conv, rank, straight=True, biased=False)


@rows_first.mistake
def table_and_stride(conv, rank):
    """The bias is right now. Does the pair answer as the layer does at full rank?

    Look at which weights stand in one row of `table`: a reshape moves no number. And print the
    shape of what comes out, for a stride of 2.

    A row is to hold all weights of one output and one row of the window. The other mistake shows
    in layers with a stride.
    """
    return _split(conv, rank, straight=True, strides=(conv.stride, conv.stride))


@rows_first.mistake
def bias_and_stride(conv, rank):
    """The table is right now. Which kinds of layer have you tried?

    Layers without bias and stride are right. Two mistakes are left, one for each of these.

    What does the layer add at the end? And how often is a picture halved that goes through both?
    """
    return _split(conv, rank, biased=False, strides=(conv.stride, conv.stride))


@rows_first.mistake
def wrong_rows_in_the_table(conv, rank):
    """Take a rank so large that nothing is lost. Does the pair answer as the layer does?

    It does not. Which weights stand in one row of `table`? A reshape moves no number.

    A row is to hold all weights of one output and one row of the window, but in the weight the
    inputs come between these two sides.
    """
    return _split(conv, rank, straight=True)


@rows_first.mistake
def bias_forgotten(conv, rank):
    """Which kinds of layer have you tried?

    Layers without a bias are right now. What do the others add?

    The bias is added once, to what comes out of the last factor.
    """
    return _split(conv, rank, biased=False)


@rows_first.mistake
def stride_in_both(conv, rank):
    """Layers with a stride of 1 are right. What is the shape of your output with 2?

    Both factors move by the whole stride, so the picture is halved twice.

    The first factor moves along the rows, the second down the columns: each has its own part of the
    stride. The padding beside it shows how.
    """
    return _split(conv, rank, strides=(conv.stride, conv.stride))


@rows_first.mistake
def stride_in_the_first(conv, rank):
    """Layers with a stride of 1 are right. With 2 the shape is right, the numbers are not: why?

    The first factor leaves out rows that the second one needs.

    Rows may be left out only by the factor that looks down the columns, which is the second.
    """
    return _split(conv, rank, strides=(conv.stride, 1))


@rows_first.mistake
def padding_in_both(conv, rank):
    """What is the shape of your output, beside that of the layer?

    The picture grows: zeros are put around it twice.

    A factor of height 1 needs no zeros above and below, one of width 1 none at its sides.
    """
    return _split(conv, rank, paddings=(conv.padding, conv.padding))


@rows_first.mistake
def mixture_not_moved(conv, rank):
    """The first factor is right. In which order are the sides of `mixture`?

    Its rows are outputs times rows of the window; its columns are the ranks. The layer wants
    (outputs, ranks, height, 1).

    A reshape moves no number. Split the rows first, then move the side of the ranks.
    """
    return _split(conv, rank, mixed=True)


@rows_first.mistake
def strengths_forgotten(conv, rank):
    """How strong is each of the shared filters?

    The SVD gives three things. Where is the middle one?

    The strengths go into one of the factors, or their root into both.
    """
    return _split(conv, rank, power=0)


@rows_first.mistake
def strengths_twice(conv, rank):
    """How strong is each of the shared filters?

    Multiply your two factors: the strengths are in there twice.

    The strengths go into one of the factors, or their root into both.
    """
    return _split(conv, rank, power=2)


@rows_first.mistake
def columns_first(conv, rank):
    """What are the windows of your two layers, and in which order were they asked for?

    k x 1 and then 1 x k: that is the chapter's `spatial`. Here it is the other way round.

    The first layer has a window of height 1. Then other sides of the weight belong together in
    the table.
    """
    # Any: a Conv2d's sides may be of any length, as far as types know.
    sides: Any = (conv.kernel_size[::-1], conv.stride[::-1], conv.padding[::-1])
    biased = conv.bias is not None
    turned: Any = nn.Conv2d(
        conv.in_channels, conv.out_channels, sides[0], sides[1], sides[2], bias=biased
    )
    turned.weight.data = conv.weight.detach().transpose(2, 3)
    if conv.bias is not None:
        turned.bias.data = conv.bias.detach()
    pair: Any = _split(turned, rank)
    for layer in pair:
        layer.weight.data = layer.weight.data.transpose(2, 3).contiguous()
        for setting in ("kernel_size", "stride", "padding"):
            setattr(layer, setting, getattr(layer, setting)[::-1])
        layer._reversed_padding_repeated_twice = [
            side for side in layer.padding[::-1] for _ in range(2)
        ]
    return pair


# 4. Shuffled


def _percent_when_shuffled() -> float:
    """Percent of the ranks for 90% of the energy, of the largest layer, its weights shuffled."""
    weight = models.load_pretrained("leafnet_leaves").get_submodule("features.17").weight
    assert isinstance(weight, Tensor)
    numbers = weight.detach().flatten()
    order = torch.randperm(len(numbers), generator=torch.Generator().manual_seed(0))
    energies = torch.linalg.svdvals(numbers[order].view(len(weight), -1)).square()
    kept = energies.cumsum(0) / energies.sum()
    return 100 * (1 + int((kept < 0.9).sum())) / len(kept)


my_percent = Prediction(
    CHAPTER,
    "my_percent",
    "Percent of the ranks for 90% of the energy, when shuffled?",
    low=0,
    high=100,
    unit="%",
    measure=_percent_when_shuffled,
    why="Shuffling leaves every weight as it is, and nothing of what the layer has learnt. By this "
    "number you would hardly notice.",
)


# 5. Who gets the next rank?


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
        costs.append(_whole(random, cheap, dear))
        steps = 0.3 + 0.65 * torch.rand(_whole(random, few, many), generator=random)
        values.append(scale * steps.pow(steep).cumprod(0))
    every = sum(cost * len(own) for cost, own in zip(costs, values, strict=True))
    least = sum(costs) + 2 * min(costs)  # two cheap ranks beside the first of each
    budget = (least, *(int(every * share) for share in (0.35, 0.5, 0.65, 1.5)))[case % 5]
    return tuple(values), tuple(costs), budget + _whole(random, 0, 3)


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
    CHAPTER,
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


@shared_ranks.mistake
def values_as_they_are(values, costs, budget):
    """What is the energy of a singular value?

    You compare the singular values themselves. Shares of the energy were asked for.

    Energies are squares; their sum is what a share is a part of.
    """
    return _shared(values, costs, budget, power=1)


@shared_ranks.mistake
def energy_not_as_a_share(values, costs, budget):
    """Would a layer get more ranks if all its weights were ten times as large?

    You compare energies between layers as they are, so the layer with the largest weights wins.

    A gain is a share of the energy of its own layer.
    """
    return _shared(values, costs, budget, relative=False)


@shared_ranks.mistake
def price_forgotten(values, costs, budget):
    """Does one rank cost the same in each layer?

    You take the largest gain. What does it cost, and what would the same weights buy elsewhere?

    Compare what each layer gains for one weight, not for one rank.
    """
    return _shared(values, costs, budget, by_cost=False)


@shared_ranks.mistake
def gives_up_early(values, costs, budget):
    """How much of the budget is left when you stop?

    The best rank does not fit any more. Does a cheaper one?

    Choose among those that still fit, and stop only when none does.
    """
    return _shared(values, costs, budget, goes_on=False)


@shared_ranks.mistake
def beyond_the_budget(values, costs, budget):
    """Add up what your ranks cost. Is it within the budget?

    The last rank that you give does not fit any more.

    Look whether a rank fits before you give it.
    """
    return _shared(values, costs, budget, too_far=True)


@shared_ranks.mistake
def from_nothing(values, costs, budget):
    """Where do the ranks begin?

    In some layer nothing goes through: its rank is 0, or was so when the others were served.

    Every layer has rank 1 to begin with, whatever it gains.
    """
    return _shared(values, costs, budget, first=0)


@shared_ranks.mistake
def gain_of_the_last(values, costs, budget):
    """Which singular value comes with the next rank?

    A layer that has rank 1 already has the first one. You count it as its gain once more.

    Python counts from 0: what stands at `values[rank]`?
    """
    return _shared(values, costs, budget, behind=1)


@shared_ranks.mistake
def first_ranks_for_free(values, costs, budget):
    """Add up what your ranks cost. Is it within the budget?

    You begin with rank 1 in every layer, and with the whole budget. Who paid for these?

    Take what the first ranks cost from the budget before you give the others.
    """
    return _shared(values, costs, budget, free=1)


@shared_ranks.mistake
def the_same_for_all(values, costs, budget):
    """Do all layers need the same rank?

    You raise the rank of all layers together. Some need it less, and pay more.

    One rank at a time, to one layer: the one that gains most for each weight.
    """
    rank = 1
    while sum(costs) * (rank + 1) <= budget and rank < max(map(len, values)):
        rank += 1
    return [min(rank, len(own)) for own in values]


# 6. Few weights

few_weights = Budget(
    CHAPTER,
    "few_weights",
    most_bytes=760_000,
    accuracy=0.97,
    test_accuracy=0.965,
    why="Every layer has its own way and its own rank, and none was trained again. From here a "
    "short training would win back more, as in the chapter.",
    hints=(
        "Which layer lost most of it? Cut one at a time, the others whole, and look.",
        "The plan counts operations; here bytes count. Which layers have many weights and mind "
        "little? And does every layer mind the same way of cutting?",
        "Put down for each layer and way what a cut saves in weights, and what it costs in "
        "accuracy. Cut hard where much is saved and little is lost, and leave the small layers, "
        "which save little, higher ranks or whole.",
    ),
)
