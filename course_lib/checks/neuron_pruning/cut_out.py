"""Bugs to find: a channel is cut out with all that belongs to it, in three modules in a row."""

import copy
import math

import torch
from torch import Tensor, nn

from ..task import task
from .modules import made


def _to_cut(random: torch.Generator, case: int) -> tuple:
    count, side, stride = (6, 8, 7, 9)[case % 4], 2 + case % 2, 1 + case // 2 % 2
    left = 1 if case == 5 else 3 + int(torch.randint(0, 2, (), generator=random))
    order = torch.randperm(count - 1, generator=random) + 1  # never just the first ones
    settings: dict = {"kernel_size": 3, "stride": stride, "padding": 1, "bias": case % 4 == 3}
    return (
        made(random, nn.Conv2d, 2, count, **settings),
        made(random, nn.BatchNorm2d, count, eps=0.3 if case % 4 == 1 else 1e-5),
        made(random, nn.Linear, count * side**2, 4),
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
    conv,
    norm,
    reader,
    stay,
    filters=list,
    means=list,
    spreads=list,
    statistics=list,
    scales=list,
    shifts=list,
    columns="channel by channel",
    bias=True,
) -> tuple[nn.Module, ...]:
    """Copies with the channels `stay`; filters and so on: of `stay`, those that are taken."""
    count = len(norm.weight)
    places = range(reader.in_features // count)
    conv, norm, reader = copy.deepcopy(conv), copy.deepcopy(norm), copy.deepcopy(reader)
    conv.weight = nn.Parameter(conv.weight[filters(stay)])
    conv.bias = nn.Parameter(conv.bias[stay]) if bias and conv.bias is not None else None
    norm.weight = nn.Parameter(norm.weight[scales(stay)])
    norm.bias = nn.Parameter(norm.bias[scales(shifts(stay))])
    norm.running_mean = norm.running_mean[statistics(means(stay))]
    norm.running_var = norm.running_var[statistics(spreads(stay))]
    kept = {
        "channel by channel": [len(places) * number + place for number in stay for place in places],
        "place by place": [number + count * place for place in places for number in stay],
        "mixed": [len(places) * number + place for place in places for number in stay],
        "the first": list(range(len(places) * len(stay))),
        "one for each": [number for number in stay for place in places],
    }[columns]
    reader.weight = nn.Parameter(reader.weight[:, kept])
    return conv, norm, reader


def _as_many(stay: list[int]) -> list[int]:
    """The first channels, by mistake."""
    return [*range(len(stay))]


@task("02_neuron_pruning", draw=_to_cut, observed=_in_a_row, borrowed=("remove", "prune", "zeroed"))
def cut_out(conv, norm, reader, stay):
    """A channel is more than a filter, and a wrong cut raises no error: it only answers wrongly.

    So every tool that cuts compares with the silenced network afterwards. Yours was compared, too.
    """
    return _cut(conv, norm, reader, stay)


cut_out.mistaken("as_given", _cut, statistics=_as_many, columns="place by place", bias=False)("""
    - Which channel's mean does the norm subtract in the copy? Go through it with `stay = [1, 3]`.
    - Three things go wrong: one in the norm, one in the reader's columns, one in the convolution.
    - Look at what a norm remembers, at the order in which `nn.Flatten` lines up the places, and at
      what a convolution may have besides its weight.
""")

cut_out.mistaken("statistics_of_the_first", _cut, statistics=_as_many)("""
    - Which channel's mean does the norm subtract in the copy? Go through it with `stay = [1, 3]`.
    - The norm's scale and shift are of the channels that stay. What it remembers is of others.
    - Look at how the running mean and variance are cut: by what stays, or by how many?
""")

cut_out.mistaken("scales_of_the_first", _cut, scales=_as_many)("""
    - A norm has four numbers for each channel. Are all of them cut alike?
    - The norm's scale and shift are those of other channels.
    - `norm.weight` and `norm.bias` go with `stay`, just as the two that it remembers.
""")


cut_out.mistaken("filters_of_the_first", _cut, filters=_as_many)("""
    - Which filters are in your copy? Compare with `conv.weight[stay]`.
    - Your convolution keeps as many filters as it should, but the first ones.
    - `[:few]` takes by number, `[stay]` takes those that are named. Look for the first in your
      function.
""")

for _name, _changed in {
    "mean_of_the_first": {"means": _as_many},
    "spread_of_the_first": {"spreads": _as_many},
    "shift_of_the_first": {"shifts": _as_many},
}.items():
    cut_out.mistaken(_name, _cut, **_changed)("""
        - A norm has four numbers for each channel. Compare each of the four with the one given.
        - Three of the norm's four are those of `stay`. The fourth is of other channels.
        - `running_mean`, `running_var`, `weight`, `bias`: which of them is cut by how many, and
          not by which?
    """)

cut_out.mistaken("first_columns", _cut, columns="the first")("""
    - Which columns of the reader belong to channel 3, if each channel has four places?
    - Your reader keeps as many columns as it should, but the first ones.
    - A channel's columns begin at its number times the places. Do that for each channel in `stay`.
""")

cut_out.mistaken("columns_are_channels", _cut, columns="one for each")("""
    - A channel with four places: how many columns of the reader are its own, and which?
    - You take the column whose number is the channel's, again and again.
    - Behind `nn.Flatten` channel 3 does not stand at number 3, but three channels further on: how
      many columns is that?
""")


@cut_out.mistake
def bias_of_the_first(conv, norm, reader, stay):
    """
    - Some of the convolutions drawn have a bias. Which entries of it are in your copy?
    - The filters are right; their biases are those of the first channels.
    - A bias is cut as the filters are.
    """
    made = _cut(conv, norm, reader, stay)
    if conv.bias is not None:
        made[0].bias = nn.Parameter(conv.bias[: len(stay)])
    return made


@cut_out.mistake
def readers_bias_lost(conv, norm, reader, stay):
    """
    - What does the reader add to its sums? Is that still so in your copy?
    - The reader's columns are right; its bias is another one. It is not cut, since it belongs to
      the outputs.
    - A new `nn.Linear` draws a bias by chance. Take the reader's own along.
    """
    made = _cut(conv, norm, reader, stay)
    made[2].bias = nn.Parameter(torch.zeros_like(reader.bias))
    return made


for _name, _setting in {
    "stride_lost": ("stride", (1, 1)),
    "padding_lost": ("padding", (0, 0)),
}.items():

    def _with_setting(conv, norm, reader, stay, setting=_setting):
        made = _cut(conv, norm, reader, stay)
        setattr(made[0], *setting)
        return made

    cut_out.mistaken(_name, _with_setting)("""
        - How large are the pictures that your convolution writes, and those that the old one wrote?
        - The reader gets another number of places than before: your convolution steps or pads
          otherwise than the one that was given.
        - Print both convolutions. Stride and padding stand there, unless they are the usual ones;
          a new one has the usual ones.
    """)


@cut_out.mistake
def inputs_cut(conv, norm, reader, stay):
    """
    - PyTorch stores a filter bank as (outputs, inputs, rows, columns). Which of them went?
    - Your convolution reads fewer channels. It is to write fewer.
    - The first dimension stands for the filters. The second stays as it is: nobody cut the picture.
    """
    conv = copy.deepcopy(conv)
    conv.weight = nn.Parameter(conv.weight[:, : len(stay)])
    return conv, norm, reader


@cut_out.mistake
def filters_alone(conv, norm, reader, stay):
    """
    - Who expects the channels that are gone?
    - The filters are cut, and the norm behind them still has numbers for all.
    - Three modules change: the norm has an entry for each channel, the reader a column for each
      place of each channel.
    """
    return _cut(conv, norm, reader, stay)[0], copy.deepcopy(norm), copy.deepcopy(reader)


@cut_out.mistake
def reader_left_whole(conv, norm, reader, stay):
    """
    - How many numbers arrive at the reader now, and how many does it expect?
    - Filters and norm are cut; the reader still reads all channels.
    - Its weight is (outputs, columns). The columns of the channels that went have to go.
    """
    return *_cut(conv, norm, reader, stay)[:2], copy.deepcopy(reader)


@cut_out.mistake
def statistics_forgotten(conv, norm, reader, stay):
    """
    - Print the running mean of your copy, and that of the norm that you were given.
    - Your norm is a new one that has never seen anything: it remembers a mean of 0 and a variance
      of 1.
    - A norm's buffers are no parameters, and still belong to the channels. Take them along.
    """
    made = _cut(conv, norm, reader, stay)
    made[1].reset_running_stats()  # type: ignore[operator]
    return made


cut_out.mistaken("places_apart", _cut, columns="place by place")("""
    - Flatten two channels of 2 x 2 places by hand. What stands at number 1?
    - The reader's columns are those of other channels: which runs fastest in a flattened image, the
      channel or the place?
    - `torch.arange(8).reshape(1, 2, 2, 2).flatten(1)` shows it: channel by channel, so the places
      of one stand side by side.
""")

cut_out.mistaken("columns_in_another_order", _cut, columns="mixed")("""
    - The right columns. In which order will they be read?
    - Behind the cut image `nn.Flatten` lines up channel by channel again. Your columns stand place
      by place.
    - In a loop inside of a loop, which runs faster? A channel's places are to stand side by side.
""")

cut_out.mistaken("bias_lost", _cut, bias=False)("""
    - Right for a LeafNet. What might another network's convolution have?
    - Some of the convolutions drawn have a bias. In your copy it is gone.
    - Look at how the new convolution is made: what about its bias, if there is one? It has an entry
      for each channel.
""")


@cut_out.mistake
def small_number_lost(conv, norm, reader, stay):
    """
    - Right for a LeafNet. Does your norm have the same settings as the one given?
    - Some of the norms drawn add another number to the variance than PyTorch's usual one.
    - Print both norms: what stands behind the number of channels? A new module has the usual
      settings, a copy has its own.
    """
    made = _cut(conv, norm, reader, stay)
    made[1].eps = 1e-5  # type: ignore[assignment]
    return made


@cut_out.mistake
def stay_goes(conv, norm, reader, stay):
    """
    - Does `stay` name the channels that stay, or those that go?
    - Your copy has lost just those channels that should have stayed.
    - `choose` names what goes; here it is the other way round.
    """
    return _cut(conv, norm, reader, [n for n in range(len(norm.weight)) if n not in stay])


@cut_out.mistake
def only_silenced(conv, norm, reader, stay):
    """
    - The answers are right. Has anything become smaller?
    - Your copy still has all channels: some are zero, and cost as much as before.
    - What does not stay is to be cut off, so that the tensors get shorter.
    """
    conv, norm, reader = copy.deepcopy(conv), copy.deepcopy(norm), copy.deepcopy(reader)
    places = reader.in_features // len(norm.weight)
    channel = torch.arange(reader.in_features) // places
    reader.weight[:, ~torch.isin(channel, torch.tensor(stay))] = 0
    return conv, norm, reader
