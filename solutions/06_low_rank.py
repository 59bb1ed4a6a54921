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
# # Exercise 06: low rank
#
# *About 60 minutes, six tasks.* They start where the chapter stopped: strides between the factors, cuts that
# mind the mean, rows before columns, and bytes in the place of operations. Each task stands alone. If one
# keeps you too long, go on with the next.
#
# The check under a task draws new inputs each time. It says what is missing, more clearly each time,
# but never the answer. What you passed is noted in `progress.json` beside this notebook, and nowhere else.

# %%
import torch
from torch import nn

from course_lib import data, engines, low_rank, packing, scorecard, structure, training
from course_lib.checks import low_rank as checks
from course_lib.checks import progress

scorecard.set_threads()
images = data.load("leaves")
network = training.original(images)

# %% [markdown]
# ## 1. Three layers for one (warm-up)
# The chapter's `tucker2` makes three layers of one convolution: 1×1 from `inputs` to `ranks[0]` channels, the
# window from these to `ranks[1]`, and 1×1 to `outputs`. The picture that comes in is `side` high and `side`
# wide. The layer's window is `window` × `window` (an odd number), its padding `window // 2`, and it moves by
# `stride`: with 1 the side stays as it is, with 2 half of it is left, rounded up. Stride and padding go to
# the middle layer. How many multiply-adds do the three need for one picture?


# %% task="tucker_macs"
def tucker_macs(inputs, outputs, window, stride, side, ranks):
    """Multiply-adds of the three layers, for one picture of `side` x `side` places."""
    ### BEGIN SOLUTION
    before, after = side**2, ((side - 1) // stride + 1) ** 2
    first = inputs * ranks[0] * before
    middle = window**2 * ranks[0] * ranks[1] * after
    last = ranks[1] * outputs * after
    return first + middle + last
    ### END SOLUTION


# %% check="tucker_macs" points=2
checks.tucker_macs(tucker_macs)

# %% [markdown]
# ## 2. A cut that leaves the mean alone
# The chapter cut a layer by its answers, and let the directions carry their mean too. A layer with a bias need
# not do that: what is the same for all inputs is one number for each output. Given a linear layer (`weight`
# with a row for each output, and `bias`) and the `inputs` that it heard (a row for each picture), find three
# things: the weight `first` of a layer from the inputs to `rank` features (without a bias), the weight
# `second` of a layer from these to the outputs, and `shift`, the bias of the second. Together they are to
# come **as near to the layer's answers to these inputs as any pair of this rank can** (squared differences,
# added up).


# %% task="by_answers"
def by_answers(weight, bias, inputs, rank):
    """first (rank, inputs), second (outputs, rank) and shift (outputs,), cut by the answers."""
    ### BEGIN SOLUTION
    said = inputs @ weight.T
    mean = said.mean(dim=0)
    _, _, directions = torch.linalg.svd(said - mean, full_matrices=False)
    second = directions[:rank].T
    first = second.T @ weight
    shift = bias + mean - second @ (second.T @ mean)
    return first, second, shift
    ### END SOLUTION


# %% check="by_answers" points=3
checks.by_answers(by_answers)
### BEGIN HIDDEN TESTS
weight, heard = torch.eye(3), torch.tensor([[9.0, 1.0, 5.0], [9.0, 3.0, 5.0]])
first, second, shift = by_answers(weight, torch.ones(3), heard, 1)
said = heard @ torch.as_tensor(first).T @ torch.as_tensor(second).T + torch.as_tensor(shift)
assert torch.allclose(said, heard + 1, atol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Find the bugs
# The chapter's `spatial` looks down the columns first (k×1), then along the rows (1×k). A colleague wrote it the
# other way round: **1×k to `rank` channels, then k×1**, as near to the layer's weights as this rank allows.
# It runs on the network's layers. The numbers are wrong: it has **three mistakes**, and one of them shows
# only in layers with a stride. Windows need not be square, strides need not be alike down and along, and not
# every layer has a bias. (Padding is given as numbers, and there are no groups and no dilation.)


# %%
def split_by_a_colleague(conv, rank):
    outputs, inputs, high, wide = conv.weight.shape
    table = conv.weight.detach().reshape(outputs * high, inputs * wide)
    left, strength, right = torch.linalg.svd(table, full_matrices=False)
    mixture = (left[:, :rank] * strength[:rank]).reshape(outputs, high, rank)
    (top, side), stride = conv.padding, conv.stride
    first = nn.Conv2d(inputs, rank, (1, wide), stride, (0, side), bias=False)
    second = nn.Conv2d(rank, outputs, (high, 1), stride, (top, 0), bias=False)
    first.weight.data = right[:rank].reshape(rank, inputs, 1, wide)
    second.weight.data = mixture.permute(0, 2, 1)[..., None]
    return nn.Sequential(first, second)


# %% task="rows_first"
def rows_first(conv, rank):
    """The convolution as two: along the rows to `rank` channels, then down the columns."""
    ### BEGIN SOLUTION
    outputs, inputs, high, wide = conv.weight.shape
    sides = conv.weight.detach().permute(0, 2, 1, 3)  # outputs, high, inputs, wide
    table = sides.reshape(outputs * high, inputs * wide)
    left, strength, right = torch.linalg.svd(table, full_matrices=False)
    mixture = (left[:, :rank] * strength[:rank]).reshape(outputs, high, rank)
    (top, side), (down, along) = conv.padding, conv.stride
    first = nn.Conv2d(inputs, rank, (1, wide), (1, along), (0, side), bias=False)
    second = nn.Conv2d(rank, outputs, (high, 1), (down, 1), (top, 0), bias=conv.bias is not None)
    first.weight.data = right[:rank].reshape(rank, inputs, 1, wide)
    second.weight.data = mixture.permute(0, 2, 1)[..., None]
    if conv.bias is not None:
        second.bias.data = conv.bias.detach().clone()
    return nn.Sequential(first, second)
    ### END SOLUTION


# %% check="rows_first" points=3
checks.rows_first(rows_first)
### BEGIN HIDDEN TESTS
conv = nn.Conv2d(2, 3, (5, 3), stride=(2, 1), padding=(2, 1))
image = torch.randn(1, 2, 9, 8)
with torch.no_grad():
    assert torch.allclose(rows_first(conv, 6)(image), conv(image), atol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. Shuffled
# Here is the share of its ranks that the largest layer needs for 90% of the energy of its weights. Now shuffle
# these weights: each goes to a place drawn by chance, and nothing is left of what the layer learnt. **How many
# percent of the ranks does the shuffled layer need for 90% of the energy?** Guess first. The check shuffles
# and tells.

# %%
largest = network.features[17]
rank = low_rank.rank_for_energy(largest, "channel_svd", 0.9)
print(f"as trained: {rank / low_rank.full_rank(largest.weight.shape, 'channel_svd'):.0%}")

# %% guess="my_percent"
my_percent = 95

# %% check="my_percent" points=1
checks.my_percent(my_percent)

# %% [markdown] answer="why_percent" points=2
# **Why not 100 (or at least 90), and why so near to the trained layer? And why can the trained layer be cut to
# a twentieth of its ranks, as the chapter's slider shows, and the network still names the leaves?** Three
# to five sentences. The singular values of both layers, side by side, are a good place to look.
#
# <!-- BEGIN SOLUTION -->
# Even numbers without any structure make terms of unlike strength by chance, so 90% of the energy never takes
# 90% of the ranks. 90% is a question about the tail, and there the trained layer looks like noise too: much of
# what its random start left there was never trained away, as nothing in the leaves asked for it. What was
# learnt is in the head: the first terms of the trained layer are several times as strong as those of the
# shuffled one. They are the ones that answer to leaves, while the tail answers to inputs that hardly come. So
# the energy of the weights says how much is cut off, but not whether anything would have used it.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
checks.why_percent()

# %% [markdown]
# ## 5. Who gets the next rank?
# Write your own `plan`. You are given the singular values of each layer (the largest first), what one rank
# costs in each (in weights), and a budget of weights for all layers together. Begin with rank 1 in every
# layer. Then give one rank more, again and again, to the layer where the next rank **gains the largest share of
# that layer's energy for each weight it costs**; look only at layers where it still fits into the budget. Stop
# when none does. A layer has no more ranks than singular values.


# %% task="shared_ranks"
def shared_ranks(values, costs, budget):
    """The rank of each layer, within the budget: values[i] singular values, costs[i] a rank."""
    ### BEGIN SOLUTION
    shares = [own**2 / (own**2).sum() for own in values]
    ranks = [1] * len(values)
    left = budget - sum(costs)
    while True:
        gains = {
            i: share[rank] / cost
            for i, (share, rank, cost) in enumerate(zip(shares, ranks, costs, strict=True))
            if rank < len(share) and cost <= left
        }
        if not gains:
            return ranks
        best = max(gains, key=gains.get)
        ranks[best] += 1
        left -= costs[best]
    ### END SOLUTION


# %% check="shared_ranks" points=3
checks.shared_ranks(shared_ranks)
### BEGIN HIDDEN TESTS
flat, steep = torch.ones(4), torch.tensor([4.0, 1.0, 0.5])
assert list(shared_ranks((flat, steep), (10, 10), 60)) == [4, 2]
assert list(shared_ranks((flat, steep), (10, 1), 20)) == [1, 3]
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Few weights (open-ended)
# Operations lie in other layers than bytes do. Factor the network, each layer in its own way and to its own
# rank: **at most 760,000 bytes packed, and at least 97.0% of the validation leaves right**, without any training
# and in float32. `pack` writes the file that is judged; `named_right` asks a part of the validation images.
# `low_rank.factor` takes `rank={layer: rank}` and cuts these layers alone. What it returns can be factored
# again, other layers in another way; with `images=few` it cuts by answers. First find out what each layer
# can do with.


# %%
few, some = images.train.first(128), images.val.first(300)
FILE = "06_low_rank.packed"


def named_right(smaller):
    """The share of some validation images that a network names right."""
    return training.evaluate(smaller, some)


def pack(smaller):
    """Write the packed file of a factored network."""
    packed = packing.save(engines.onnx(smaller, images.shape), FILE)
    print(f"{packed.stat().st_size:,} bytes")


print({name: layer.weight.numel() for name, layer in structure.layers(network).items()})

# %% task="few_weights" tags=["nbval-ignore-output"]
### BEGIN SOLUTION
smaller = low_rank.factor(network, "spatial", images.shape, rank={"features.3": 26})
by_their_answers = dict.fromkeys(["features.7", "features.10", "features.14"], 51)
by_their_answers["features.17"] = 13
smaller = low_rank.factor(smaller, "channel_svd", images.shape, rank=by_their_answers, images=few)
pack(smaller)
### END SOLUTION

# %% check="few_weights" points=4 tags=["nbval-ignore-output"]
checks.few_weights(FILE)
### BEGIN HIDDEN TESTS
checks.few_weights(FILE, hidden=True)
### END HIDDEN TESTS

# %% [markdown] answer="why_ranks" points=3
# **How did you find your ranks, and what did you try that failed?** Which layers minded least, and why those?
# Which would you cut otherwise if the budget were multiply-adds?
#
# <!-- BEGIN SOLUTION -->
# A plan by multiply-adds came first, by answers and by weights: too large, or too much lost, as it cuts the
# early layers hard, where few weights are. The same share of energy for all layers failed too: the last layer
# keeps little of it and minds nothing, a layer in the middle minds a lot. So one layer at a time was cut to a
# tenth, a fifth and two fifths of its ranks, by its answers and by `spatial`, the others left whole. The last
# convolution holds half of all weights and can do with a twentieth of its ranks: behind it there are few kinds
# of leaf to tell apart. The others need about the same number of ranks by answers, and the second goes best
# by rows and columns. For multiply-adds the layers in the middle would have to give more: their pictures
# are larger, and the last one's savings would count less.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
checks.why_ranks()

# %% tags=["nbval-ignore-output"]
progress()
