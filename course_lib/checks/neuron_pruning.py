"""Checks of exercise 02: channels by eights, how loud they are, cutting, norms, own widths."""

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .. import models, training
from .. import neuron_pruning as pruning
from .budget import Budget, leaves
from .prediction import Prediction
from .task import task

CHAPTER = "02_neuron_pruning"


# 1. By eights


def _shares(random: torch.Generator, case: int) -> tuple:
    count, fraction, multiple = (
        (44, 0.25, 8),  # 33: up is another number than down, or than the nearest
        (20, 0.125, 8),  # more than there are
        (64, 0.5, 8),  # no rounding needed
        (12, 0.75, 8),  # rounded down there would be none
        (33, 0.5, 8),  # half a channel too many
        (100, 0.375, 16),
        (30, 0.125, 16),
        (48, 0.75, 4),
    )[case % 8]
    return torch.rand(count, generator=random), fraction, multiple


def _best(importance: Tensor, count: float) -> list[int]:
    order = importance.argsort(descending=True)
    return order[: max(0, int(count))].sort().values.tolist()


@task(CHAPTER, draw=_shares)
def stays(importance, fraction, multiple):
    """Processors take channels by 8 (AVX2) or 16 (AVX-512) at once: 33 take the steps of 40 or 48.

    Where an engine works that way the odd ones are free, and libraries for phones round widths in
    just this way.
    """
    left = (1 - fraction) * len(importance)
    return _best(importance, multiple * math.ceil(left / multiple))


# Of mistakes that fit alike the first is named: those that show in few cases come first.


@stays.mistake
def half_channels_cut_off(importance, fraction, multiple):
    """What is half of 33 channels, before you round to the multiple?

    You make the count whole before you round it up to the multiple, and a little gets lost there.

    There are two roundings in your function. Do only the one that was asked for, the one to the
    multiple, on the count as it comes.
    """
    left = int((1 - fraction) * len(importance))
    return _best(importance, multiple * math.ceil(left / multiple))


@stays.mistake
def counted_from_the_end(importance, fraction, multiple):
    """Try 20 channels and a share of an eighth, in eights. How many come back?

    Rounded up, there may be more channels to keep than there are. What does your slice do then?

    A slice that starts at a negative number counts from the end. All channels should stay there.
    """
    left = (1 - fraction) * len(importance)
    start = len(importance) - multiple * math.ceil(left / multiple)
    return importance.argsort()[start:].sort().values.tolist()


@stays.mistake
def nearest_multiple(importance, fraction, multiple):
    """Where is 33 to go, with a multiple of 8?

    You take the nearest multiple. That is sometimes below the count.

    `round` goes both ways. Here it goes one way, so that never more is removed than was asked for.
    """
    return _best(importance, multiple * round((1 - fraction) * len(importance) / multiple))


@stays.mistake
def always_one_more(importance, fraction, multiple):
    """Half of 64 channels, in eights. Is there anything to round?

    A count that is a multiple already stays what it is. Yours becomes the next one.

    Adding one after `//` is right except where nothing was left over: look at that case alone.
    """
    left = (1 - fraction) * len(importance)
    return _best(importance, multiple * (left // multiple + 1))


@stays.mistake
def rounded_down(importance, fraction, multiple):
    """Take 12 channels, of which three quarters go. How many stay in your function?

    You round down. Then more goes than was asked for, and of few channels none may be left.

    Which way do you round, and what does `//` do? The multiple *above* is asked for.
    """
    return _best(importance, (1 - fraction) * len(importance) // multiple * multiple)


@stays.mistake
def multiple_forgotten(importance, fraction, multiple):
    """How many channels stay? Is that a number that the hardware likes?

    The share is right, but `multiple` has no say in your count.

    Between the share and the choice comes a step: from the count that the share leaves to the next
    multiple above it.
    """
    return _best(importance, round((1 - fraction) * len(importance)))


@stays.mistake
def what_goes_is_rounded(importance, fraction, multiple):
    """Count what stays in your result. Is it a multiple?

    You round how many go. Who reads the layer afterwards sees how many stay.

    First say how many stay, then round that number.
    """
    gone = multiple * math.ceil(fraction * len(importance) / multiple)
    return _best(importance, len(importance) - gone)


@stays.mistake
def the_least_important(importance, fraction, multiple):
    """Take the channels [0.1, 0.9] and keep one of them. Which is it?

    The count is right, but you keep the wrong end: the least important ones.

    `argsort` begins with the smallest. Which end of its result is yours?
    """
    left = (1 - fraction) * len(importance)
    order = importance.argsort()[: multiple * math.ceil(left / multiple)]
    return order.sort().values.tolist()


@stays.mistake
def those_that_go(importance, fraction, multiple):
    """Does your list name the channels that stay, or the others?

    You return what goes, as the library's `choose` does. Asked for is what stays.

    Turn it around: which numbers are *not* in your list?
    """
    kept = set(stays.right(importance, fraction, multiple))
    return [number for number in range(len(importance)) if number not in kept]


@stays.mistake
def in_order_of_importance(importance, fraction, multiple):
    """The right channels. In which order do they stand in the layer?

    Yours are ordered by importance. Then the channels of the smaller layer would change places.

    Order the numbers themselves before you return them: the chapter's `trim` does that, too.
    """
    kept = stays.right(importance, fraction, multiple)
    return importance.argsort()[-len(kept) :].tolist()


# 2. How loudly is a channel heard?


def _made(random: torch.Generator, kind: type[nn.Module], *sizes: int, **settings) -> nn.Module:
    """A module with random numbers for parameters, and statistics for a norm; no gradients."""
    with torch.random.fork_rng(devices=[]):  # the learner's own random numbers stay what they are
        module = kind(*sizes, **settings)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=random)
    if isinstance(module, nn.BatchNorm2d):
        module.running_mean = torch.randn(module.num_features, generator=random)
        module.running_var = 0.2 + 2 * torch.rand(module.num_features, generator=random)
    return module.requires_grad_(False).eval()


def _neighbours(random: torch.Generator, case: int) -> tuple:
    count = 5 + case
    conv = _made(random, nn.Conv2d, 3, count, kernel_size=3, padding=1, bias=False)
    norm = _made(random, nn.BatchNorm2d, count, eps=0.05 if case % 4 == 3 else 1e-5)
    if case % 4 == 2:  # a filter that died in training: it wrote nothing but zeros
        for tensor in (conv.state_dict()["weight"], norm.state_dict()["running_var"]):
            tensor[1] = 0
    # As many outputs as inputs: who takes the wrong dimension gets a hint, and no error of shapes.
    if case % 2:
        return conv, norm, _made(random, nn.Linear, count, count)
    return conv, norm, _made(random, nn.Conv2d, count, count, kernel_size=3, padding=1)


def _heard(
    conv,
    norm,
    reader,
    scale: Callable[[Tensor], Tensor] = torch.abs,
    spread: Callable[[Tensor], Tensor] = torch.sqrt,
    outputs: bool = False,
    power: int = 2,
) -> Tensor:
    read = reader.weight if outputs else reader.weight.transpose(0, 1)
    factor = scale(norm.weight) / spread(norm.running_var + norm.eps)
    sizes = [weight.flatten(1).norm(power, dim=1) for weight in (conv.weight, read)]
    return sizes[0] * factor * sizes[1]


@task(CHAPTER, draw=_neighbours)
def heard(conv, norm, reader):
    """A batch norm undoes the size of a filter: make it ten times as large, and nothing changes.

    l1 then finds it ten times as important. This measure does not: it asks what arrives.
    """
    return _heard(conv, norm, reader)


@heard.mistake
def filter_alone(conv, norm, reader):
    """That is the filter's size. What happens to its numbers on their way to the next layer?

    You look at the filter alone, as l1 and l2 do. Two modules come behind it.

    There are three factors. Yours is the first; the second is the norm's, the third the reader's.
    """
    return conv.weight.flatten(1).norm(dim=1)


@heard.mistake
def norm_left_out(conv, norm, reader):
    """Who stands between the filter and its reader, and what does it do to the numbers?

    Your measure has two factors of three: the batch norm is not in it.

    In evaluation a batch norm multiplies each channel by one number. Which, from its scale and the
    spread that it remembers?
    """
    return _heard(conv, norm, reader, torch.ones_like, torch.ones_like)


@heard.mistake
def reader_left_out(conv, norm, reader):
    """You know now how loudly a channel speaks. Does anybody listen?

    Your measure has two factors of three: the weights with which the next layer reads are not
    in it.

    The reader has weights for each channel that it reads. How large are they, taken together?
    """
    return (
        conv.weight.flatten(1).norm(dim=1)
        * norm.weight.abs()
        / (norm.running_var + norm.eps) ** 0.5
    )


@heard.mistake
def sign_of_the_scale(conv, norm, reader):
    """Can a channel matter less than not at all?

    Some of your numbers are negative: the norm's scale can be.

    A scale of -2 is as loud as one of 2. Take the sign away.
    """
    return _heard(conv, norm, reader, scale=lambda weight: weight)


@heard.mistake
def variance_without_root(conv, norm, reader):
    """By what does a batch norm divide: by the variance, or by something else?

    Variance is in squares: twice as large numbers have four times the variance.

    A norm divides by the standard deviation. `running_var` is not that yet.
    """
    return _heard(conv, norm, reader, spread=lambda variance: variance)


@heard.mistake
def along_the_outputs(conv, norm, reader):
    """Which dimension of the reader's weight stands for the channels that it reads?

    You took the reader's outputs. Those are its own channels, not those that it reads.

    PyTorch stores (outputs, inputs, ...). What the reader has for one channel is found along the
    second.
    """
    return _heard(conv, norm, reader, outputs=True)


@heard.mistake
def absolute_sums(conv, norm, reader):
    """Which size of the weights was asked for: l1 or l2?

    You add up absolute values. Asked for is the other way of the two.

    Squares first, then their sum, then the root.
    """
    return _heard(conv, norm, reader, power=1)


@heard.mistake
def small_number_forgotten(conv, norm, reader):
    """What comes out for a filter that died: its weights are zero, and so is its variance?

    A batch norm never divides by zero, since it adds something to the variance first.

    Each norm knows its own small number. Print one: it stands beside its size.
    """
    copied = copy.copy(norm)
    copied.eps = 0.0
    return _heard(conv, copied, reader)


# 3. Find the bugs: a channel with all that belongs to it


def _to_cut(random: torch.Generator, case: int) -> tuple:
    count, side, stride = (6, 8, 7, 9)[case % 4], 2 + case % 2, 1 + case // 2 % 2
    left = 1 if case == 5 else 3 + int(torch.randint(0, 2, (), generator=random))
    order = torch.randperm(count - 1, generator=random) + 1  # never just the first ones
    settings: dict = {"kernel_size": 3, "stride": stride, "padding": 1, "bias": case % 4 == 3}
    return (
        _made(random, nn.Conv2d, 2, count, **settings),
        _made(random, nn.BatchNorm2d, count, eps=0.3 if case % 4 == 1 else 1e-5),
        _made(random, nn.Linear, count * side**2, 4),
        order[:left].sort().values.tolist(),
    )


def _in_a_row(result, conv, norm, reader, stay) -> tuple[Tensor, Tensor]:
    """What the three modules answer in a row, and their sizes."""
    first, second, third = result
    side = conv.stride[0] * math.isqrt(reader.in_features // norm.num_features)
    images = torch.randn(16, 2, side, side, generator=torch.Generator().manual_seed(0))
    row = nn.Sequential(first, second, nn.ReLU(), nn.Flatten(), third).eval()
    with torch.no_grad():
        answers = row(images)
    return answers, torch.tensor([len(first.weight), len(second.weight), third.weight.shape[1]])


def _cut(
    conv, norm, reader, stay, statistics=None, scales=None, columns="channel by channel", bias=True
) -> tuple[nn.Module, ...]:
    """Copies with the channels `stay`; statistics, scales: those of other channels, by mistake."""
    count = len(norm.weight)
    places = range(reader.in_features // count)
    conv, norm, reader = copy.deepcopy(conv), copy.deepcopy(norm), copy.deepcopy(reader)
    conv.weight = nn.Parameter(conv.weight[stay])
    conv.bias = nn.Parameter(conv.bias[stay]) if bias and conv.bias is not None else None
    for name in ("weight", "bias"):
        setattr(norm, name, nn.Parameter(getattr(norm, name)[scales or stay]))
    for name in ("running_mean", "running_var"):
        setattr(norm, name, getattr(norm, name)[statistics or stay])
    kept = {
        "channel by channel": [len(places) * number + place for number in stay for place in places],
        "place by place": [number + count * place for place in places for number in stay],
        "mixed": [len(places) * number + place for place in places for number in stay],
    }[columns]
    reader.weight = nn.Parameter(reader.weight[:, kept])
    return conv, norm, reader


@task(CHAPTER, draw=_to_cut, observed=_in_a_row, borrowed=("remove", "prune", "zeroed"))
def cut_out(conv, norm, reader, stay):
    """A channel is more than a filter, and a wrong cut raises no error: it only answers wrongly.

    So every tool that cuts compares with the silenced network afterwards. Yours was compared, too.
    """
    return _cut(conv, norm, reader, stay)


@cut_out.mistake
def as_given(conv, norm, reader, stay):
    """Which channel's mean does the norm subtract in the copy? Go through it with `stay = [1, 3]`.

    Three things go wrong: one in the norm, one in the reader's columns, one in the convolution.

    Look at what a norm remembers, at the order in which `nn.Flatten` lines up the places, and at
    what a convolution may have besides its weight.
    """
    return _cut(conv, norm, reader, stay, [*range(len(stay))], columns="place by place", bias=False)


@cut_out.mistake
def statistics_of_the_first(conv, norm, reader, stay):
    """Which channel's mean does the norm subtract in the copy? Go through it with `stay = [1, 3]`.

    The norm's scale and shift are of the channels that stay. What it remembers is of others.

    Look at how the running mean and variance are cut: by what stays, or by how many?
    """
    return _cut(conv, norm, reader, stay, [*range(len(stay))])


@cut_out.mistake
def scales_of_the_first(conv, norm, reader, stay):
    """A norm has four numbers for each channel. Are all of them cut alike?

    The norm's scale and shift are those of other channels.

    `norm.weight` and `norm.bias` go with `stay`, just as the two that it remembers.
    """
    return _cut(conv, norm, reader, stay, scales=[*range(len(stay))])


@cut_out.mistake
def statistics_forgotten(conv, norm, reader, stay):
    """Print the running mean of your copy, and that of the norm that you were given.

    Your norm is a new one that has never seen anything: it remembers a mean of 0 and a variance
    of 1.

    A norm's buffers are no parameters, and still belong to the channels. Take them along.
    """
    made = _cut(conv, norm, reader, stay)
    made[1].reset_running_stats()  # type: ignore[operator]
    return made


@cut_out.mistake
def places_apart(conv, norm, reader, stay):
    """Flatten two channels of 2 x 2 places by hand. What stands at number 1?

    The reader's columns are those of other channels: which runs fastest in a flattened image,
    the channel or the place?

    `torch.arange(8).reshape(1, 2, 2, 2).flatten(1)` shows it: channel by channel, so the places of
    one stand side by side.
    """
    return _cut(conv, norm, reader, stay, columns="place by place")


@cut_out.mistake
def columns_in_another_order(conv, norm, reader, stay):
    """The right columns. In which order will they be read?

    Behind the cut image `nn.Flatten` lines up channel by channel again. Your columns stand place by
    place.

    In a loop inside of a loop, which runs faster? A channel's places are to stand side by side.
    """
    return _cut(conv, norm, reader, stay, columns="mixed")


@cut_out.mistake
def bias_lost(conv, norm, reader, stay):
    """Right for a LeafNet. What might another network's convolution have?

    Some of the convolutions drawn have a bias. In your copy it is gone.

    Look at how the new convolution is made: what about its bias, if there is one? It has an entry
    for each channel.
    """
    return _cut(conv, norm, reader, stay, bias=False)


@cut_out.mistake
def small_number_lost(conv, norm, reader, stay):
    """Right for a LeafNet. Does your norm have the same settings as the one given?

    Some of the norms drawn add another number to the variance than PyTorch's usual one.

    Print both norms: what stands behind the number of channels? A new module has the usual
    settings, a copy has its own.
    """
    made = _cut(conv, norm, reader, stay)
    made[1].eps = 1e-5  # type: ignore[assignment]
    return made


@cut_out.mistake
def stay_goes(conv, norm, reader, stay):
    """Does `stay` name the channels that stay, or those that go?

    Your copy has lost just those channels that should have stayed.

    `choose` names what goes; here it is the other way round.
    """
    return _cut(conv, norm, reader, [n for n in range(len(norm.weight)) if n not in stay])


@cut_out.mistake
def only_silenced(conv, norm, reader, stay):
    """The answers are right. Has anything become smaller?

    Your copy still has all channels: some are zero, and cost as much as before.

    What does not stay is to be cut off, so that the tensors get shorter.
    """
    conv, norm, reader = copy.deepcopy(conv), copy.deepcopy(norm), copy.deepcopy(reader)
    places = reader.in_features // len(norm.weight)
    channel = torch.arange(reader.in_features) // places
    reader.weight[:, ~torch.isin(channel, torch.tensor(stay))] = 0
    return conv, norm, reader


# 4. Let the norms look again


def _recovered() -> float:
    """Percent right on the validation leaves: half of the fifth layer gone, norms taken anew."""
    network = models.load_pretrained("leafnet_student_distilled")
    cut = pruning.prune(network, {"features.14": 0.5})
    fresh = training.recalibrated(cut, leaves().train.first(500))
    return round(100 * training.evaluate(fresh, leaves().val), 1)


my_percent = Prediction(
    CHAPTER,
    "my_percent",
    "Percent of the validation leaves that are named right, once the norms have looked again?",
    low=0,
    high=100,
    measure=_recovered,
    why="No weight has changed since the cut. Most of what looked like damage was a norm that "
    "subtracted what nobody writes any more.",
    unit="%",
)


# 5. The norms, without looking


def _norms(random: torch.Generator, case: int) -> tuple:
    outputs, inputs, side = 4 + case % 3, 5 + case, (3, 1, 5)[case % 3]
    gone = torch.randperm(inputs, generator=random)[: (2, 3, 1, 0)[case % 4]]
    return (
        torch.randn(outputs, generator=random),
        torch.randn(outputs, inputs, side, side, generator=random),
        0.2 + torch.rand(inputs, generator=random),
        gone.sort().values.tolist(),
    )


@task(CHAPTER, draw=_norms)
def mean_without(running_mean, weight, means, gone):
    """What a channel writes on average is a constant, and constants can be moved into the norm.

    Pruning without images does just this; what the channel said beyond its mean is really lost.
    """
    return running_mean - weight[:, gone].sum(dim=(2, 3)) @ means[gone]


@mean_without.mistake
def added(running_mean, weight, means, gone):
    """If less is written to the norm, is its mean larger or smaller?

    The amount is right. Try one channel with a positive mean and positive weights: what is missing
    in the sum after the cut?

    What is no longer written has to be taken out of the mean.
    """
    return 2 * running_mean - mean_without.right(running_mean, weight, means, gone)


@mean_without.mistake
def middle_alone(running_mean, weight, means, gone):
    """Through how many weights does one channel reach one output?

    You use a single weight of each window. The channel is read at all places of the window.

    If a channel writes the same number everywhere, what does a window of 3 x 3 make of it?
    """
    middle = weight.shape[2] // 2
    return running_mean - weight[:, gone, middle, middle] @ means[gone]


@mean_without.mistake
def mean_of_the_window(running_mean, weight, means, gone):
    """Does a convolution add up what it reads, or average it?

    Nearly: you take the mean over the window.

    A window of 3 x 3 ones that reads a channel of ones everywhere: what does it write?
    """
    return running_mean - weight[:, gone].mean(dim=(2, 3)) @ means[gone]


@mean_without.mistake
def means_left_out(running_mean, weight, means, gone):
    """How strong is what a channel writes? Where is that in your function?

    You take the weights away. What arrives is the weights times what the channel writes.

    `means` holds what each channel writes on average.
    """
    return running_mean - weight[:, gone].sum(dim=(1, 2, 3))


@mean_without.mistake
def those_that_stay(running_mean, weight, means, gone):
    """Whose part is to be taken out of the mean?

    You take out what the channels write that stay. They go on writing.

    `gone` names those whose part is missing.
    """
    stay = [number for number in range(len(means)) if number not in gone]
    return mean_without.right(running_mean, weight, means, stay)


@mean_without.mistake
def only_the_last(running_mean, weight, means, gone):
    """Take two channels out. Whose part is missing in your result?

    With one channel it is right. With more, each turn of the loop forgets the turn before.

    Look at what each turn starts from: the mean that was given, or the one made so far?
    """
    return mean_without.right(running_mean, weight, means, gone[-1:])


@mean_without.mistake
def only_the_part(running_mean, weight, means, gone):
    """What does your function return: the new mean, or how far it moves?

    That is what the gone channels wrote. The norm still remembers the others.

    Start from the running mean that was given.
    """
    return running_mean - mean_without.right(running_mean, weight, means, gone)


@mean_without.mistake
def anew_from_the_means(running_mean, weight, means, gone):
    """Take nothing away, with `gone = []`. Does your function return the mean that it was given?

    You compute the mean anew from what stays. What the norm measured in training is thrown away.

    The norm's own mean knows more than the product, the padding at the borders for instance. Change
    it only by what is missing.
    """
    stay = [number for number in range(len(means)) if number not in gone]
    return weight[:, stay].sum(dim=(2, 3)) @ means[stay]


# 6. Widths of your own

own_widths = Budget(
    CHAPTER,
    "own_widths",
    most_bytes=185_000,
    accuracy=0.963,
    test_accuracy=0.958,
    why="Sensitivity is worth what it was measured with: with the repair in place another layer is "
    "the one that can spare most.",
    hints=(
        "Have the norms looked again? And which layer lost most of it? Cut one at a time and look.",
        "Behind which layer does no norm come, that could repair the cut? Spare that one, and cut "
        "more where the repair works.",
        "Measure each layer alone at several shares, each time after the norms have looked again. "
        "Then write beside it how many bytes the cut saves, in this layer and in its reader, and "
        "begin where much is saved and little is lost.",
    ),
)
