"""The mean that a norm is to remember once some of the channels before it are gone."""

import torch

from ..task import task


def _norms(random: torch.Generator, case: int) -> tuple:
    outputs, inputs, side = 4 + case % 3, 5 + case, (3, 1, 5)[case % 3]
    gone = torch.randperm(inputs, generator=random)[: (2, 3, 1, 0)[case % 4]]
    return (
        torch.randn(outputs, generator=random),
        torch.randn(outputs, inputs, side, side, generator=random),
        0.2 + torch.rand(inputs, generator=random),
        gone.sort().values.tolist(),
    )


@task("02_neuron_pruning", draw=_norms)
def mean_without(running_mean, weight, means, gone, *, window=torch.sum):
    """What a channel writes on average is a constant, and constants can be moved into the norm.

    Pruning without images does just this; what the channel said beyond its mean is really lost.
    """
    return running_mean - window(weight[:, gone], dim=(2, 3)) @ means[gone]


@mean_without.mistake
def added(running_mean, weight, means, gone):
    """
    - If less is written to the norm, is its mean larger or smaller?
    - The amount is right. Try one channel with a positive mean and positive weights: what is
      missing in the sum after the cut?
    - What is no longer written has to be taken out of the mean.
    """
    return 2 * running_mean - mean_without.right(running_mean, weight, means, gone)


@mean_without.mistake
def middle_alone(running_mean, weight, means, gone):
    """
    - Through how many weights does one channel reach one output?
    - You use a single weight of each window. The channel is read at all places of the window.
    - If a channel writes the same number everywhere, what does a window of 3 x 3 make of it?
    """
    middle = weight.shape[2] // 2
    return running_mean - weight[:, gone, middle, middle] @ means[gone]


mean_without.mistaken("mean_of_the_window", window=torch.mean)("""
    - Does a convolution add up what it reads, or average it?
    - Nearly: you take the mean over the window.
    - A window of 3 x 3 ones that reads a channel of ones everywhere: what does it write?
""")


@mean_without.mistake
def corner_alone(running_mean, weight, means, gone):
    """
    - Through how many weights does one channel reach one output?
    - You use a single weight of each window, the one in its corner.
    - If a channel writes the same number everywhere, what does a window of 3 x 3 make of it?
    """
    return running_mean - weight[:, gone, 0, 0] @ means[gone]


@mean_without.mistake
def sums_multiplied(running_mean, weight, means, gone):
    """
    - Two channels go, with means 1 and 3. Which weights belong to which mean?
    - You add up the weights of all channels, the means of all, and multiply the two sums.
    - Each channel's weights meet its own mean: multiply first, channel by channel, then add up.
    """
    return running_mean - weight[:, gone].sum(dim=(1, 2, 3)) * means[gone].sum()


@mean_without.mistake
def mean_of_the_means(running_mean, weight, means, gone):
    """
    - Two channels go, with means 1 and 3. Is that the same as two with mean 2?
    - You take one mean for all channels that go.
    - Each channel's weights meet its own mean: multiply first, channel by channel, then add up.
    """
    mean = means[gone].mean() if gone else 0
    return running_mean - weight[:, gone].sum(dim=(1, 2, 3)) * mean


@mean_without.mistake
def averaged_over_channels(running_mean, weight, means, gone):
    """
    - Two channels go. Is twice as much missing as if one went?
    - You average over the channels that go. A convolution adds up what it reads.
    - Look for the `mean` in your function: over what does it go?
    """
    if not gone:
        return running_mean
    return running_mean - (weight.sum(dim=(2, 3))[:, gone] * means[gone]).mean(1)


@mean_without.mistake
def signs_lost(running_mean, weight, means, gone):
    """
    - A weight of -2 reads a channel of ones. What does it write?
    - You take the sizes of the weights. Some of them are negative, and lower the sum.
    - This is no importance: nothing is made positive.
    """
    return running_mean - weight[:, gone].abs().sum(dim=(2, 3)) @ means[gone]


@mean_without.mistake
def all_taken_out(running_mean, weight, means, gone):
    """
    - Take nothing away, with `gone = []`. Does your function return the mean that it was given?
    - You take out what all channels write, those that stay too.
    - Where does `gone` come in? It names the columns of the weight, and the entries of `means`.
    """
    return running_mean - weight.sum(dim=(2, 3)) @ means


@mean_without.mistake
def the_first_are_gone(running_mean, weight, means, gone):
    """
    - Are the channels that go always the first ones?
    - You take out as many as go, but others.
    - `gone` holds their numbers: use them as an index, not their count.
    """
    few = len(gone)
    return running_mean - weight[:, :few].sum(dim=(2, 3)) @ means[:few]


@mean_without.mistake
def counted_twice(running_mean, weight, means, gone):
    """
    - A window of 1 x 1: is it right there? And of 3 x 3?
    - You add up over the window, and then multiply by its size again.
    - The sum over rows and columns has taken each weight once. That is all of them.
    """
    size = weight.shape[2] * weight.shape[3]
    return running_mean - size * (weight[:, gone].sum(dim=(2, 3)) @ means[gone])


@mean_without.mistake
def share_of_the_channels(running_mean, weight, means, gone):
    """
    - Do all channels write the same, and are they all read alike?
    - You lower the mean by the share of the channels that go.
    - Some channels write much and are read strongly. What does one channel bring to one output?
    """
    return running_mean * (1 - len(gone) / len(means))


@mean_without.mistake
def outputs_taken_out(running_mean, weight, means, gone):
    """
    - `gone` numbers the channels that are read. Which numbers does `running_mean` have?
    - You drop entries of the running mean. It has one for each output, and all outputs stay.
    - The shape stays. Each entry gets smaller or larger by what it no longer reads.
    """
    return running_mean[[n for n in range(len(running_mean)) if n not in gone]]


@mean_without.mistake
def means_left_out(running_mean, weight, means, gone):
    """
    - How strong is what a channel writes? Where is that in your function?
    - You take the weights away. What arrives is the weights times what the channel writes.
    - `means` holds what each channel writes on average.
    """
    return running_mean - weight[:, gone].sum(dim=(1, 2, 3))


@mean_without.mistake
def those_that_stay(running_mean, weight, means, gone):
    """
    - Whose part is to be taken out of the mean?
    - You take out what the channels write that stay. They go on writing.
    - `gone` names those whose part is missing.
    """
    stay = [number for number in range(len(means)) if number not in gone]
    return mean_without.right(running_mean, weight, means, stay)


@mean_without.mistake
def only_the_last(running_mean, weight, means, gone):
    """
    - Take two channels out. Whose part is missing in your result?
    - With one channel it is right. With more, each turn of the loop forgets the turn before.
    - Look at what each turn starts from: the mean that was given, or the one made so far?
    """
    return mean_without.right(running_mean, weight, means, gone[-1:])


@mean_without.mistake
def only_the_part(running_mean, weight, means, gone):
    """
    - What does your function return: the new mean, or how far it moves?
    - That is what the gone channels wrote. The norm still remembers the others.
    - Start from the running mean that was given.
    """
    return running_mean - mean_without.right(running_mean, weight, means, gone)


@mean_without.mistake
def anew_from_the_means(running_mean, weight, means, gone):
    """
    - Take nothing away, with `gone = []`. Does your function return the mean that it was given?
    - You compute the mean anew from what stays. What the norm measured in training is thrown away.
    - The norm's own mean knows more than the product, the padding at the borders for instance.
      Change it only by what is missing.
    """
    stay = [number for number in range(len(means)) if number not in gone]
    return weight[:, stay].sum(dim=(2, 3)) @ means[stay]
