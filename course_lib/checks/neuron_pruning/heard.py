"""How loudly a channel is heard: its filter, its norm and its reader together."""

import copy

import torch
from torch import nn

from ..task import task
from .modules import made


def _neighbours(random: torch.Generator, case: int) -> tuple:
    count = 5 + case
    conv = made(random, nn.Conv2d, 3, count, kernel_size=3, padding=1, bias=False)
    norm = made(random, nn.BatchNorm2d, count, eps=0.05 if case % 4 == 3 else 1e-5)
    if case % 4 == 2:  # a filter that died in training: it wrote nothing but zeros
        for tensor in (conv.state_dict()["weight"], norm.state_dict()["running_var"]):
            tensor[1] = 0
    # As many outputs as inputs: who takes the wrong dimension gets a hint, and no error of shapes.
    if case % 2:
        return conv, norm, made(random, nn.Linear, count, count)
    return conv, norm, made(random, nn.Conv2d, count, count, kernel_size=3, padding=1)


@task("02_neuron_pruning", draw=_neighbours)
def heard(
    conv,
    norm,
    reader,
    *,
    written=torch.Tensor.norm,
    scale=torch.abs,
    spread=torch.sqrt,
    read=torch.Tensor.norm,
    inputs=1,
    power=2,
):
    """A batch norm undoes the size of a filter: make it ten times as large, and nothing changes.

    l1 then finds it ten times as important. This measure does not: it asks what arrives. Whether
    it chooses better is another question, which only a measurement answers.
    """
    factor = scale(norm.weight) / spread(norm.running_var + norm.eps)
    arrives = read(reader.weight.transpose(0, inputs).flatten(1), power, dim=1)
    return written(conv.weight.flatten(1), power, dim=1) * factor * arrives


def _squares(values, _power, dim):
    """The root was forgotten."""
    return values.square().sum(dim)


def _roots_of_means(values, power, dim):
    """Averaged, not added up."""
    return values.norm(power, dim=dim) / values.shape[dim] ** 0.5


def _whole(values, power, dim):
    """Of all channels together."""
    return values.norm(power)


def _ones(values, _power, dim):
    """Left out."""
    return torch.ones(len(values))


for _name, _changed in {
    "roots_forgotten": {"written": _squares, "read": _squares},
    "root_of_the_filter_forgotten": {"written": _squares},
    "root_of_the_reader_forgotten": {"read": _squares},
}.items():
    heard.mistaken(_name, **_changed)("""
        - A filter of the weights 3 and 4: how large is it? And what does your function say?
        - Squares were added up, and the root that comes then is missing.
        - l2 has three steps: squares, their sum, the root. It is taken twice here, of the filter
          and of what reads.
    """)

heard.mistaken("norms_scale_alone", spread=torch.ones_like)("""
    - A batch norm does two things to what the filter writes, before it adds something. Which?
    - Of the norm you take its scale. It also divides by the spread that it remembers.
    - Print `norm.running_var`. In evaluation it has its part in the factor: how, says PyTorch's
      page of `BatchNorm2d`.
""")

heard.mistaken("times_the_spread", spread=lambda variance: 1 / variance.sqrt())("""
    - If the filter's numbers spread twice as widely, does the norm make them larger or smaller?
    - The spread is on the wrong side of the fraction line.
    - A batch norm brings every channel to a spread of one. It divides.
""")


@heard.mistake
def outside_the_root(conv, norm, reader):
    """
    - Where does a batch norm put its small number: to the variance, or to the root of it?
    - You add it to the standard deviation. PyTorch adds it before the root is taken.
    - The root comes last, of the sum of both.
    """
    scale = norm.weight.abs() / (norm.running_var.sqrt() + norm.eps)
    written = conv.weight.flatten(1).norm(dim=1)
    return written * scale * reader.weight.transpose(0, 1).flatten(1).norm(dim=1)


@heard.mistake
def shift_added(conv, norm, reader):
    """
    - A norm multiplies, and adds. Does what it adds depend on the filter?
    - Its bias has no part in the factor: it arrives whatever the filter writes.
    - Three numbers are multiplied for each channel, and nothing is added.
    """
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt() + norm.bias.abs()
    written = conv.weight.flatten(1).norm(dim=1)
    return written * factor * reader.weight.transpose(0, 1).flatten(1).norm(dim=1)


heard.mistaken("filter_left_out", written=_ones)("""
    - The norm and the reader are there. Who speaks?
    - Your measure has two factors of three: the size of the filter is not in it.
    - Each channel is written by one filter. How large is it?
""")

heard.mistaken("norm_alone", written=_ones, read=_ones)("""
    - That is the norm's factor. Who wrote what it multiplies, and who reads it?
    - One factor of three. The filter before the norm and the reader behind it are missing.
    - The task lists three things that are multiplied. Yours is the second.
""")

heard.mistaken("averaged", written=_roots_of_means, read=_roots_of_means)("""
    - Two filters of the same weights, one of them twice as long. Are they equally loud?
    - You take the root of a mean. Size is the root of a sum.
    - Look at how the squares are put together, in the filter and in the reader.
""")

heard.mistaken("all_channels_together", written=_whole, read=_whole)("""
    - How many numbers does `.norm()` give without a dimension?
    - You take one size for the whole layer. Each channel has a filter of its own.
    - `flatten(1)` leaves the channels apart. Along which dimension is the size taken then?
""")


heard.mistaken("filter_alone", lambda conv, norm, reader: conv.weight.flatten(1).norm(dim=1))("""
    - That is the filter's size. What happens to its numbers on their way to the next layer?
    - You look at the filter alone, as l1 and l2 do. Two modules come behind it.
    - There are three factors. Yours is the first; the second is the norm's, the third the reader's.
""")

heard.mistaken("norm_left_out", scale=torch.ones_like, spread=torch.ones_like)("""
    - Who stands between the filter and its reader, and what does it do to the numbers?
    - Your measure has two factors of three: the batch norm is not in it.
    - In evaluation a batch norm multiplies each channel by one number. Which, from its scale and
      the spread that it remembers?
""")


@heard.mistake
def reader_left_out(conv, norm, reader):
    """
    - You know now how loudly a channel speaks. Does anybody listen?
    - Your measure has two factors of three: the weights with which the next layer reads are not in
      it.
    - The reader has weights for each channel that it reads. How large are they, taken together?
    """
    return (
        conv.weight.flatten(1).norm(dim=1)
        * norm.weight.abs()
        / (norm.running_var + norm.eps) ** 0.5
    )


heard.mistaken("sign_of_the_scale", scale=lambda weight: weight)("""
    - Can a channel matter less than not at all?
    - Some of your numbers are negative: the norm's scale can be.
    - A scale of -2 is as loud as one of 2. Take the sign away.
""")

heard.mistaken("variance_without_root", spread=lambda variance: variance)("""
    - By what does a batch norm divide: by the variance, or by something else?
    - Variance is in squares: twice as large numbers have four times the variance.
    - A norm divides by the standard deviation. `running_var` is not that yet.
""")

heard.mistaken("along_the_outputs", inputs=0)("""
    - Which dimension of the reader's weight stands for the channels that it reads?
    - You took the reader's outputs. Those are its own channels, not those that it reads.
    - PyTorch stores (outputs, inputs, ...). What the reader has for one channel is found along the
      second.
""")

heard.mistaken("absolute_sums", power=1)("""
    - Which size of the weights was asked for: l1 or l2?
    - You add up absolute values. Asked for is the other way of the two.
    - Squares first, then their sum, then the root.
""")


@heard.mistake
def small_number_forgotten(conv, norm, reader):
    """
    - What comes out for a filter that died: its weights are zero, and so is its variance?
    - A batch norm never divides by zero, since it adds something to the variance first.
    - Each norm knows its own small number. Print one: it stands beside its size.
    """
    copied = copy.copy(norm)
    copied.eps = 0.0
    return heard.right(conv, copied, reader)
