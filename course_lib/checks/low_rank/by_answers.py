"""Task 2 of exercise 06: a cut that leaves the mean alone."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..inputs import whole
from ..task import task


def _heard(random: torch.Generator, case: int) -> tuple:
    outputs, size, rank = whole(random, 6, 8), whole(random, 9, 12), 2 + case % 2
    basis = torch.linalg.qr(torch.randn(size, size, generator=random))[0]
    seen = torch.randn(40, size, generator=random) * 0.6 ** torch.arange(size) @ basis
    weight = torch.randn(outputs, size, generator=random)
    bias = torch.randn(outputs, generator=random)
    return weight, bias, seen + torch.randn(size, generator=random), rank


def _as_heard(result: Any, weight: Tensor, bias: Tensor, inputs: Tensor, rank: int) -> Any:
    """What the pair answers, and the shapes of its two factors. Factors alone are not unique."""
    if not isinstance(result, tuple | list) or len(result) != 3:
        raise TypeError("three things were asked for: first, second and shift")
    first, second, shift = (_numbers(part) for part in result)
    outputs, size = weight.shape
    if first.shape == (rank, size) and second.shape == (outputs, rank):
        said = inputs.double() @ first.T @ second.T + shift.squeeze()
    else:
        said = torch.zeros(len(inputs), outputs)  # the shapes are what is said of it
    return {
        "first": torch.zeros(first.shape),
        "second": torch.zeros(second.shape),
        "how the answers differ from their mean": said - said.mean(0),
        "the mean of the answers": said.mean(0),
    }


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
    "06_low_rank",
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


def _cut(weight, bias, inputs, rank, *, shift):
    """The right directions, and a bias made of the old one, the mean, and what the factors say."""
    mean, directions = _centred(weight, inputs, rank)
    return _pair(weight, shift(bias, mean, lambda x: directions @ (directions.T @ x)), directions)


by_answers.mistaken("by_the_weights", lambda w, b, x, r: _pair(w, b, _directions(w.T, r)))("""
    - Where do `inputs` come into your cut?
    - You cut by the weights: as near as can be to the layer, not to what it answers.
    - Compute the answers first. The directions to keep are those in which the answers vary.
""")

by_answers.mistaken("mean_left_in", lambda w, b, x, r: _pair(w, b, _directions(x @ w.T, r)))("""
    - Is anything of the narrow place spent on what is the same for all inputs?
    - That is the chapter's cut: its directions carry the mean, too. Here the bias can do that.
    - Take the mean of the answers away before you look for directions, and let the bias give it
      back.
""")


@by_answers.mistake
def bias_and_mean_left_in(weight, bias, inputs, rank):
    """
    - Is anything of the narrow place spent on what is the same for all inputs?
    - The bias is in your answers, and the mean too: the directions have to carry both.
    - Take the mean of the answers away before you look for directions, and let the bias give it
      back.
    """
    return _pair(weight, bias, _directions(inputs @ weight.T + bias, rank))


by_answers.mistaken("bias_as_it_was", _cut, shift=lambda bias, mean, said: bias)("""
    - The directions are right. Compare the mean of your answers with that of the layer's.
    - What your directions do not carry of the mean is lost: the old bias does not know of it.
    - The new bias makes up for the difference of the two means.
""")

by_answers.mistaken(
    "mean_taken_away", _cut, shift=lambda bias, mean, said: bias - mean + said(mean)
)(
    """
    - The directions are right. Compare the mean of your answers with that of the layer's.
    - Your shift goes the wrong way: what the factors leave out of the mean has to be added.
    - Ask of each part of your shift: is it missing in what the two factors say, or in it twice?
"""
)

by_answers.mistaken(
    "mean_itself_forgotten", _cut, shift=lambda bias, mean, said: bias - said(mean)
)("""
    - The directions are right. Compare the mean of your answers with that of the layer's.
    - You take away what the factors say to the mean input. What should stand in its place?
    - The difference of *two* means is missing: the layer's, and that of the two factors.
""")

by_answers.mistaken(
    "bias_twice", _cut, shift=lambda bias, mean, said: 2 * bias + mean - said(mean)
)(
    """
    - The directions are right. Of which answers is your mean: with the bias, or without?
    - Your mean has the bias in it already, and you add it once more.
    - Take the mean of `inputs @ weight.T`, or leave the bias out of the sum.
"""
)

by_answers.mistaken("mean_without_the_bias", _cut, shift=lambda bias, mean, said: mean)("""
    - The directions are right. Compare the mean of your answers with that of the layer's.
    - Your shift is the mean of W x. The layer's own bias is not in it, and what the factors say to
      the mean input comes on top.
    - Three things: the old bias, the mean, and what of the mean comes through the factors.
""")

by_answers.mistaken("no_shift_at_all", _cut, shift=lambda bias, mean, said: 0 * bias)("""
    - The directions are right. What do your two factors say to an input of zeros, and the layer?
    - You took the mean away before you looked for directions, and nobody gives it back.
    - When the layer is used, its inputs are not centred: the shift has to make up for that.
""")

by_answers.mistaken("the_whole_mean_as_bias", _cut, shift=lambda bias, mean, _: bias + mean)("""
    - The directions are right. Compare the mean of your answers with that of the layer's.
    - The mean of the answers is your bias. But a part of it comes through the two factors, too.
    - Take away from the mean what the factors already say to the mean input.
""")


@by_answers.mistake
def bias_counted_as_carried(weight, bias, inputs, rank):
    """
    - Nearly. What do your two factors say to an input of zeros?
    - The layer says its bias to an input of zeros; your factors say nothing. Did you reckon with a
      part of the bias coming through them?
    - The mean of the answers with their bias is not what goes through the factors: there is no bias
      before them.
    """
    mean, directions = _centred(weight, inputs, rank)
    answer = mean + bias
    return _pair(weight, answer - directions @ (directions.T @ answer), directions)


by_answers.mistaken("old_bias_dropped", _cut, shift=lambda _, mean, said: mean - said(mean))("""
    - Did the layer not have a bias of its own?
    - The new bias holds what is left of the mean of W x. The old one is nowhere.
    - The old bias is the same for all inputs, so it costs no rank: it is a part of the new one.
""")


@by_answers.mistake
def weakest_directions(weight, bias, inputs, rank):
    """
    - Which of the directions did you keep?
    - Put your pair beside the layer: hardly anything of the answers is left. In which order do the
      values come out of the function that you use?
    - `eigh` begins with the smallest.
    """
    mean, _ = _centred(weight, inputs, rank)
    directions = _centred(weight, inputs, len(weight))[1][:, -rank:]
    return _pair(weight, bias + mean - directions @ (directions.T @ mean), directions)


@by_answers.mistake
def directions_of_the_inputs(weight, bias, inputs, rank):
    """
    - Directions of what: of that which goes in, or of that which comes out?
    - You keep the directions in which the inputs vary most. The layer may hardly listen to those.
    - Look for directions in the answers: there the layer has already said what it minds.
    """
    mean = inputs.mean(0)
    directions = _directions(inputs - mean, rank)
    shift = bias + weight @ (mean - directions @ (directions.T @ mean))
    return directions.T, weight @ directions, shift


@by_answers.mistake
def factors_the_other_way_round(weight, bias, inputs, rank):
    """
    - Which shapes were asked for?
    - A layer's weight has the shape (outputs, inputs): a row for each output.
    - `first` takes the inputs to the rank, so it has as many rows as the rank. Transpose your
      factors.
    """
    first, second, shift = by_answers.right(weight, bias, inputs, rank)
    return first.T, second.T, shift


def _mended(weight, bias, inputs, second, first=None):
    """The pair of these factors, its mean as it should be."""
    mean = (inputs @ weight.T).mean(0)
    first = second.T @ weight if first is None else first
    return first, second, bias + mean - second @ (first @ inputs.mean(0))


@by_answers.mistake
def directions_with_the_mean(weight, bias, inputs, rank):
    """
    - The mean of your answers is right. Do the directions have to carry it?
    - Your directions are those of the chapter: they point at the mean, too, which the shift gives
      back in any case.
    - Take the mean of the answers away *before* you look for directions.
    """
    return _mended(weight, bias, inputs, _directions(inputs @ weight.T, rank))


@by_answers.mistake
def weights_cut_and_mean_mended(weight, bias, inputs, rank):
    """
    - The mean of your answers is right. By what did you choose the directions?
    - You cut the weights: as near as can be to the layer, not to what it answers.
    - Compute the answers first. The directions to keep are those in which the answers vary.
    """
    return _mended(weight, bias, inputs, _directions(weight.T, rank))


@by_answers.mistake
def answers_standardised(weight, bias, inputs, rank):
    """
    - What did you divide the answers by?
    - You made all channels vary alike. Then a channel that hardly varies counts as much as one that
      says a lot.
    - Squared differences are added up as they are: take the mean away, and nothing else.
    """
    said = inputs @ weight.T
    return _mended(weight, bias, inputs, _directions((said - said.mean(0)) / said.std(0), rank))


@by_answers.mistake
def mean_of_each_picture(weight, bias, inputs, rank):
    """
    - Of what do you take the mean: of a picture's answers, or of a channel's?
    - A row of the answers is a picture, a column a channel. You took the mean along the row.
    - What is the same for all pictures is one number for each channel: what is its `dim`?
    """
    said = inputs @ weight.T
    return _mended(weight, bias, inputs, _directions(said - said.mean(1, keepdim=True), rank))


@by_answers.mistake
def one_mean_for_all(weight, bias, inputs, rank):
    """
    - How many means are there?
    - You take one mean over everything. Each output has a mean of its own.
    - The mean over the pictures, for each output: `mean` takes a `dim`.
    """
    said = inputs @ weight.T
    directions = _directions(said - said.mean(), rank)
    every = said.mean().expand(len(weight))
    return _pair(weight, bias + every - directions @ (directions.T @ every), directions)


@by_answers.mistake
def strengths_too(weight, bias, inputs, rank):
    """
    - Where do the strengths go: into the factors, or are they in the answers already?
    - Your answers are too large along the first directions. `first` computes answers from inputs,
      and these are as large as they are.
    - Keep the directions alone, each of length 1: onto them, and back from them.
    """
    said = inputs @ weight.T
    strength = torch.linalg.svdvals(said - said.mean(0))[:rank]
    _, directions = _centred(weight, inputs, rank)
    return _mended(weight, bias, inputs, directions * strength, directions.T @ weight)


@by_answers.mistake
def columns_for_rows(weight, bias, inputs, rank):
    """
    - Of the three parts that the SVD gives, which way does the last one lie?
    - `svd` gives the directions as *rows* (it says `Vh`, not V), `eigh` as columns.
    - Take the first rows, then transpose.
    """
    said = inputs @ weight.T
    rows = torch.linalg.svd((said - said.mean(0)).double(), full_matrices=False).Vh.float()
    return _mended(weight, bias, inputs, rows[:, :rank])


@by_answers.mistake
def factors_exchanged(weight, bias, inputs, rank):
    """
    - In which order were the three things asked for?
    - Your first factor has a row for each output: it is the second.
    - `first` meets the inputs, `second` gives the outputs.
    """
    first, second, shift = by_answers.right(weight, bias, inputs, rank)
    return second, first, shift
