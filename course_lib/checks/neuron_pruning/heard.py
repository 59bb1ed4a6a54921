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
def heard(conv, norm, reader, *, scale=torch.abs, spread=torch.sqrt, inputs=1, power=2):
    """A batch norm undoes the size of a filter: make it ten times as large, and nothing changes.

    l1 then finds it ten times as important. This measure does not: it asks what arrives.
    """
    written = conv.weight.flatten(1).norm(power, dim=1)
    factor = scale(norm.weight) / spread(norm.running_var + norm.eps)
    read = reader.weight.transpose(0, inputs).flatten(1).norm(power, dim=1)
    return written * factor * read


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
