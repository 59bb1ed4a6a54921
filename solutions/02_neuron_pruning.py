# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 02: neuron pruning
#
# *About 55 minutes, six tasks.* They start where the chapter stopped: counts that the hardware likes,
# channels that speak but are not heard, norms that remember what is gone. Each task stands alone. If one
# keeps you too long, go on with the next.
#
# The check under a task draws new inputs each time. It says what is missing, more clearly each time,
# but never the answer. What you passed is noted in `progress.json` beside this notebook, and nowhere else.
#
# Tasks 4 and 6 work on a LeafNet that was narrow from the start (how it was trained is a later chapter's
# story). It has far fewer weights than the chapter's, so there is less to spare, and you wait less.

# %%
import math
from copy import deepcopy

import torch
from torch import nn

from course_lib import (
    data,
    engines,
    models,
    neuron_pruning,
    packing,
    scorecard,
    structure,
    training,
)
from course_lib.checks import neuron_pruning as checks
from course_lib.checks import progress

scorecard.set_threads()
images = data.load("leaves")
network = models.load_pretrained("leafnet_student_distilled")
print(network.widths)

# %% [markdown]
# ## 1. By eights (warm-up)
# Processors take channels by 8 or 16 at once, as many as fill a register (AVX2 or AVX-512;
# `python -m course_lib doctor` says which yours has). A layer with 33 channels then takes as many steps as one with 40, or even 48. So remove a
# share of the channels, but round *what stays* up to the next multiple: **which channels stay?**
# `importance` has one number for each channel. Return the numbers of those that stay, ascending. There are
# never more than the layer has, even if the multiple lies above.


# %% task="stays"
def stays(importance, fraction, multiple):
    """Numbers of the channels that stay, if `fraction` goes; ascending."""
    ### BEGIN SOLUTION
    left = math.ceil((1 - fraction) * len(importance) / multiple) * multiple
    order = importance.argsort(descending=True)  # the most important first
    return sorted(order[:left].tolist())
    ### END SOLUTION


# %% check="stays" points=2
checks.stays(stays)

# %% [markdown]
# ## 2. How loudly is a channel heard?
# l1 looks at the filter alone. Behind it stands a batch norm, which makes any filter as loud as it likes, and
# then the next layer, which may hardly listen. Write an importance that asks what arrives. (Whether it also
# *chooses* better, nothing but a measurement can say: task 6.) It is the product of three:
# - the size of the filter,
# - the factor by which the batch norm multiplies that channel when it is not training (a size has no sign),
# - the size of the weights with which the next layer, `reader`, reads that channel.
#
# *Size* is l2 here: the root of the sum of the squares. The norm's factor is PyTorch's own, to the last
# detail: there may be a filter of zeros that never wrote anything. `reader` is a convolution, or a linear
# layer with one input for each channel.


# %% task="heard"
def heard(conv, norm, reader):
    """How much of each channel arrives: (channels,)."""
    ### BEGIN SOLUTION
    written = conv.weight.square().sum(dim=(1, 2, 3)).sqrt()
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    read = reader.weight.transpose(0, 1).flatten(1).square().sum(dim=1).sqrt()
    return written * factor * read
    ### END SOLUTION


# %% check="heard" points=3
checks.heard(heard)
### BEGIN HIDDEN TESTS
before = heard(network.features[3], network.features[4], network.features[7])
louder = deepcopy(network)
with torch.no_grad():  # filters ten times as large, and a norm that has noticed
    louder.features[3].weight.mul_(10)
    louder.features[4].running_var.mul_(100)
after = heard(louder.features[3], louder.features[4], louder.features[7])
before, after = (torch.as_tensor(x).detach().float() for x in (before, after))
assert torch.allclose(before.flatten(), after.flatten(), rtol=0.01)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Find the bugs
# Older networks *flatten* the image before a linear layer: it reads every place of every channel. A colleague
# wrote this cut for a convolution, its batch norm, and such a reader (a ReLU and `nn.Flatten` stand in
# between). It runs, and the shapes are right. The answers are not: it has **three mistakes**, and one of
# them never shows in a LeafNet. (Groups and other ways of padding are left out on purpose.) What comes back are three new modules with the channels
# `stay` left (their numbers, ascending); those that were given stay as they are.


# %%
def cut_by_a_colleague(conv, norm, reader, stay):
    count, few, inputs = norm.num_features, len(stay), conv.in_channels
    places = reader.in_features // count
    size, stride, padding = conv.kernel_size, conv.stride, conv.padding
    smaller = nn.Conv2d(inputs, few, size, stride, padding, conv.dilation, bias=False)
    smaller.weight = nn.Parameter(conv.weight[stay])
    norm, reader = deepcopy(norm), deepcopy(reader)
    for name in ("weight", "bias"):
        setattr(norm, name, nn.Parameter(getattr(norm, name)[stay]))
    for name in ("running_mean", "running_var"):
        setattr(norm, name, getattr(norm, name)[:few])
    columns = [c + count * place for place in range(places) for c in stay]
    reader.weight = nn.Parameter(reader.weight[:, columns])
    return smaller, norm, reader


# %% task="cut_out"
def cut_out(conv, norm, reader, stay):
    """New conv, norm and reader (nn.Linear) with the channels `stay`."""
    ### BEGIN SOLUTION
    places = reader.in_features // norm.num_features
    conv, norm, reader = deepcopy(conv), deepcopy(norm), deepcopy(reader)
    conv.weight = nn.Parameter(conv.weight[stay])
    if conv.bias is not None:
        conv.bias = nn.Parameter(conv.bias[stay])
    for name in ("weight", "bias"):
        setattr(norm, name, nn.Parameter(getattr(norm, name)[stay]))
    for name in ("running_mean", "running_var"):
        setattr(norm, name, getattr(norm, name)[stay])
    columns = [c * places + place for c in stay for place in range(places)]
    reader.weight = nn.Parameter(reader.weight[:, columns])
    return conv, norm, reader
    ### END SOLUTION


# %% check="cut_out" points=3
checks.cut_out(cut_out)
### BEGIN HIDDEN TESTS
torch.manual_seed(0)
given = [nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Linear(6 * 9, 5)]
given[1].running_mean += torch.arange(6.0)


def in_a_row(conv, norm, reader):
    return nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), reader).eval()


whole, some = in_a_row(*given), torch.randn(4, 3, 5, 5)
by_library = neuron_pruning.remove(whole, {"0": [0, 2, 5]})
by_hand = in_a_row(*cut_out(*given, [1, 3, 4]))
with torch.inference_mode():
    assert torch.allclose(by_hand(some), by_library(some), atol=1e-5)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. Let the norms look again
# Half of the channels of the *fifth* convolution go, and no other. You see what is left of the accuracy. Then
# `training.recalibrated` lets the norms look again at 500 training images, as at the end of the chapter: no
# weight is changed. **How many percent of the validation leaves are named right then?** Guess first. The
# check measures it and tells.

# %% tags=["nbval-ignore-output"]
cut = neuron_pruning.prune(network, {"features.14": 0.5})
whole, left = (training.evaluate(one, images.val) for one in (network, cut))
print(f"{whole:.1%}; cut: {left:.1%} named right")

# %% guess="my_percent"
my_percent = 50

# %% check="my_percent" points=1 tags=["nbval-ignore-output"]
checks.my_percent(my_percent)

# %% [markdown] answer="why_norms" points=3
# **What was broken, if no weight had to learn anything to repair it? And try the same with the *last*
# convolution, `features.17`: what do the norms repair there, and why?** Three to six sentences.
#
# <!-- BEGIN SOLUTION -->
# The channels that went had written something on average, and the norm behind the next convolution
# remembers the sum with them. After the cut it subtracts a mean that is no longer there, and divides by a
# spread that is another one: every channel of the sixth convolution is shifted, so ReLU cuts off
# what it should let through. New means and spreads put this right; only what the channels *said* is lost,
# and others say nearly the same. The norm right behind the cut filters was never wrong: its filters write
# what they wrote. So behind the last convolution there is nothing to repair: no norm comes after it, only the
# linear layer, whose sum has no memory. The accuracy stays about where the cut left it.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
checks.why_norms()

# %% [markdown]
# ## 5. The norms, without looking
# What if you have no images? Part of the repair can be computed. A convolution `weight` reads channels, and
# the norm behind it remembers in `running_mean` what each of its outputs was on average. `means` holds what
# each channel that it reads is on average. Now the channels `gone` stop. **What is the running mean without
# them?** Take every channel as if it were its mean at all places, and don't mind the border, where a window
# reads padding.


# %% task="mean_without"
def mean_without(running_mean, weight, means, gone):
    """(outputs,), from weight (outputs, inputs, side, side)."""
    ### BEGIN SOLUTION
    window = weight.sum(dim=(2, 3))  # a constant is read by all weights of the window
    return running_mean - window[:, gone] @ means[gone]
    ### END SOLUTION


# %% check="mean_without" points=3
checks.mean_without(mean_without)
### BEGIN HIDDEN TESTS
ones = torch.ones(2, 3, 3, 3)
found = mean_without(torch.zeros(2), ones, torch.tensor([1.0, 2.0, 4.0]), [0, 2])
assert torch.allclose(torch.as_tensor(found).float().flatten(), torch.tensor([-45.0, -45.0]))
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Widths of your own (open-ended)
# In the chapter all layers were cut alike, or for the fewest MACs. Now it is the *file* that counts: **at
# most 190,000 bytes packed, and at least 96.0% of the validation leaves right**, without any training. The
# norms may look again as often as you like. `pack` writes the file that is judged. First find out which
# layers can spare some, and which of them hold the bytes.


# %%
FILE = "02_neuron_pruning.packed"


def pack(smaller):
    """Write the packed file."""
    packed = packing.save(engines.onnx(smaller, images.shape), FILE)
    print(f"{smaller.widths}: {packed.stat().st_size:,} bytes")


for name, layer in structure.layers(network).items():
    print(f"{name:12} {layer.weight.numel():7,} weights")

# %% task="own_widths" tags=["nbval-ignore-output"]
### BEGIN SOLUTION
widths = (24, 28, 36, 36, 34, 48)
layers = list(structure.layers(network))[:-1]
shares = {
    name: 1 - few / all_ for name, few, all_ in zip(layers, widths, network.widths, strict=True)
}
smaller = neuron_pruning.prune(network, shares)
pack(training.recalibrated(smaller, images.train.first(500)))
### END SOLUTION

# %% check="own_widths" points=4 tags=["nbval-ignore-output"]
checks.own_widths(FILE)
### BEGIN HIDDEN TESTS
checks.own_widths(FILE, hidden=True)
### END HIDDEN TESTS

# %% [markdown] answer="why_widths" points=3
# **How did you find your widths, and what did you try that failed?** Which layers could spare most, and
# would the chapter's picture of sensitivity have told you? What would you do if you were allowed to train?
#
# <!-- BEGIN SOLUTION -->
# Each layer was cut alone by an eighth, a quarter and a half, and judged on a few hundred validation images
# after the norms had looked again. Without that look, as in the chapter, the last convolution seems to spare
# most and the fifth least; with it, it is the other way round: cuts before a norm are repaired, the cut before
# the linear layer is not. The fifth also saves twice, in its own filters and in those of the sixth, which is
# the largest layer. So the fifth gave most, the second, third and fourth a little, the last nothing. All
# layers cut alike lose more for the same bytes. Allowed to train, one would cut alike and much
# deeper: fine-tuning repairs more than norms can, and the head start of a clever choice is soon gone.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
checks.why_widths()

# %% tags=["nbval-ignore-output"]
progress()
