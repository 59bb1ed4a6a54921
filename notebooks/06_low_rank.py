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
# # Low rank: grouping similar computations
#
# **In one sentence:** the filters of a layer ask similar questions; find the few that they share, compute
# those once, and let every filter mix its answer from them.
#
# *About 40 minutes.* Afterwards you can
# - say what the rank of a layer is, of its weights and of its answers,
# - split a convolution in five ways, and say what each way costs,
# - choose ranks for a whole network within a budget, and let it recover,
# - say why a fifth of the computation takes more than a fifth of the time.

# %% [markdown]
# ## The analogy
# Many neighbours go to the market. Each brings home another mixture of the same few fruits. Send one van
# for the fruits instead, and let everybody mix at home. The article calls this *grouping similar
# computations*: less to compute, while the essential structure is preserved. The neighbours are the filters of a
# layer: all of them look at the same patch of the picture.

# %%
import dataclasses
import functools

import ipywidgets
import numpy as np
import torch
from torch import nn

from course_lib import (
    counting,
    data,
    engines,
    figures,
    low_rank,
    predict,
    recorded,
    scorecard,
    table,
    training,
    widgets,
)
from course_lib.claims import claim

scorecard.set_threads()
images = data.load()
network = training.original(images)
sample = images.val.first(150)  # validation images: the test is for the end
layers = {
    f"layer {n}": place
    for n, place in enumerate(
        (i for i, m in enumerate(network.features) if isinstance(m, nn.Conv2d)), 1
    )
}
largest = network.features[layers["layer 6"]]


def named_right(network):
    """The share of the sample that the network names right."""
    logits = training.predict(network, sample, batch_size=25)
    return (logits.argmax(1) == sample.labels).double().mean().item()


# %% [markdown]
# ## Predict first
# Write a layer as a table: a row for each filter, a column for each of its weights. Every table is a sum
# of simple ones, each *one shared filter* times *how much of it each row takes*: the **singular value
# decomposition** (SVD). Each term has a strength, its **singular value**; the strongest comes first. Their
# squares add up to the **energy**: the sum of all squared weights. The number of terms is the **rank**.
#
# **What percentage of its terms does the largest layer need to keep 90% of its energy?**

# %%
my_guess = None

guess = predict.guess(
    "Percent of the terms for 90% of the energy?",
    my_guess,
    low=0,
    high=100,
    unit="%",
)
guess

# %% [markdown]
# ## From scratch
# Keep the first terms and drop the others. One layer becomes two: the window goes to a few *shared*
# channels, then a 1×1 convolution *mixes* the outputs from them.
#
# > **Formula: the nearest table of rank r** (Eckart and Young 1936)
# >
# > $$W = U S V^\top \approx U_r S_r V_r^\top$$
# >
# > $$\text{energy kept} = \frac{s_1^2 + \dots + s_r^2}{s_1^2 + \dots + s_n^2}$$
# >
# > `mixture` is $U$, `strength` $S$, `shared` $V^\top$; the small $r$ keeps the first $r$ of each. A table with
# > the rows $(2, 1)$ and $(1, 2)$ has the strengths $3$ and $1$. Rank 1 turns all four numbers into $1.5$,
# > and keeps $9 / 10$.


# %%
def two_layers(conv, rank):
    """The window to `rank` shared filters, then 1x1: each output's mixture of them."""
    rows = conv.weight.detach().flatten(1)  # one for each filter
    mixture, strength, shared = torch.linalg.svd(rows, full_matrices=False)
    inputs, window = conv.in_channels, conv.kernel_size
    first = nn.Conv2d(inputs, rank, window, conv.stride, conv.padding, bias=False)
    second = nn.Conv2d(rank, conv.out_channels, 1, bias=False)
    first.weight.data = shared[:rank].reshape(rank, inputs, *window)
    second.weight.data = (mixture[:, :rank] * strength[:rank])[:, :, None, None]
    return nn.Sequential(first, second)


by_hand = two_layers(largest, 64)
by_library = low_rank.channel_svd(largest, 64)
by_library

# %% [markdown]
# `low_rank.channel_svd` does the same, and keeps stride, padding, dilation and bias. Here are the filters
# of the *first* layer, small enough to draw: all of them, the ones they share, and what mixtures of
# these come to.

# %%
first = network.features[layers["layer 1"]]
SHARED = first.weight[0].numel() // 3
split = low_rank.channel_svd(first, SHARED)


def drawn(weights):
    """(filters, inputs, height, width) as colour tiles, or grey ones."""
    return weights.detach().permute(0, 2, 3, 1).numpy()


figures.shared_filters(
    drawn(first.weight),
    drawn(split[0].weight),
    drawn(low_rank.rebuilt(split)),
    low_rank.kept_energy(first, split),
)

# %% [markdown]
# Now the guess. And a second question: the next layer does not see a filter, but its *answers* to leaves.
# Take each layer's answers to some training images, as a table again: a row for each place in each picture,
# a column for each channel. What is *their* rank?

# %% tags=["nbval-ignore-output"]
LEVEL = 0.9
few = images.train.first(128)
said = low_rank.answers(network, few)


def energies(layer, answers=None):
    """The energy kept by rank 1, 2, ..., of a layer's weights or of its answers."""
    values = low_rank.singular_values(layer, "channel_svd", answers)
    return (values.square().cumsum(0) / values.square().sum()).numpy()


convs = {name: network.features[place] for name, place in layers.items()}
of_weights = {name: energies(conv) for name, conv in convs.items()}
of_answers = {
    name: energies(conv, said[f"features.{layers[name]}"])
    for name, conv in convs.items()
}


def share_needed(kept):
    """The share of the ranks that keeps LEVEL of the energy."""
    return (1 + (kept < LEVEL).sum()) / len(kept)


guess.reveal(round(100 * share_needed(of_weights["layer 6"])))

# %% tags=["nbval-ignore-output"]
figures.energy_curves(
    {"energy of the weights": of_weights, "energy of the answers": of_answers},
    LEVEL,
)

# %% [markdown]
# The weights are *not* of low rank: a steep start, then a long tail. But the answers are, most of all in the
# last layers, perhaps because there are only so many kinds of leaf to tell apart.
#
# ## From scratch: a cut by answers
# So keep what a layer *does*: its answers (their mean included), along the few directions in which they are
# strongest. Two layers do that:
#
# > **Formula: a cut by answers** (Zhang et al. 2016, section 3.1)
# >
# > $$Y^\top Y = V \Lambda V^\top$$
# >
# > $$W x \approx V_r \, (V_r^\top W) \, x$$
# >
# > $$\text{energy kept} = \frac{\lambda_1 + \dots + \lambda_r}{\lambda_1 + \dots + \lambda_n}$$
# >
# > A row of $Y$ is an answer $W x$; by the formula above, $Y V_r V_r^\top$ is the nearest table of rank $r$. So
# > $V_r^\top W$ are the shared filters, and $V_r$ mixes them. Let $W$ pass on what it hears: $W x = x$. Cut by its
# > weights, rank 1 keeps $1 / 2$, along any direction. But if it hears $(2, 2)$ and $(1, -1)$, then $Y^\top Y$
# > has the rows $(5, 3)$ and $(3, 5)$: $\lambda$ is $8$ along $(1, 1)$ and $2$ along
# > $(1, -1)$. One direction keeps $8 / 10$.


# %% tags=["nbval-ignore-output"]
def two_layers_by_answers(conv, rank, inputs):
    """As above, but as near as can be to the layer's answers to these inputs."""
    answers = conv(inputs).detach().movedim(1, -1).flatten(0, -2).double()
    _, directions = torch.linalg.eigh(answers.T @ answers)
    strongest = directions.flip(1)[:, :rank].float()  # eigh begins with the weakest
    pair = two_layers(conv, rank)
    shared = strongest.T @ conv.weight.detach().flatten(1)
    pair[0].weight.data = shared.reshape(pair[0].weight.shape)
    pair[1].weight.data = strongest[:, :, None, None]
    return pair


def reaching(images):
    """What each convolution is given."""
    with torch.no_grad():
        inputs = data.normalise(images.pixels)
        return {name: network.features[:p](inputs) for name, p in layers.items()}


TENTH = round(len(largest.weight) / 10)
heard, small = reaching(few)["layer 6"], sample.first(48)
given = reaching(small)
pairs = {
    "weights": two_layers(largest, TENTH),
    "answers": two_layers_by_answers(largest, TENTH, heard),
}
both_kept = {}
for by, pair in pairs.items():
    whole = largest(given["layer 6"])
    lost = whole - pair(given["layer 6"])
    both_kept[by] = (
        low_rank.kept_energy(largest, pair),
        1 - (lost.square().sum() / whole.square().sum()).item(),
    )
    print(
        f"rank {TENTH} of {len(largest.weight)}, cut by its {by}: "
        f"{both_kept[by][0]:.0%} of the energy of its weights, "
        f"{both_kept[by][1]:.0%} of that of its answers to other leaves"
    )

# %% [markdown]
# Less than half of the one is nearly all of the other, whichever you cut by. The weights' energy counts every
# input alike, as if noise came in. From *leaves* the half that is gone would have heard next to nothing.
#
# ## See it
# Choose a layer and cut it, by its weights or by its answers. When does the pair become larger than the layer?
# Which cut lets you go further down? Not always that by answers: try 10% of layer 3. What comes behind a layer
# listens to some differences more than to others.


# %% folded=true tags=["nbval-ignore-output"]
@functools.cache
def cut(layer, by):
    """Takes a rank, returns the pair of layers; decomposed when it is first asked for."""
    answers = said[f"features.{layers[layer]}"] if by == "answers" else None
    return low_rank.cutter(convs[layer], "channel_svd", answers)


values = {
    (name, by): np.sqrt(np.diff(kept[name], prepend=0))
    for by, kept in (("weights", of_weights), ("answers", of_answers))
    for name in convs
}
macs = counting.macs_by_layer(network, images.shape)


def named_when_cut(layer, by, rank):
    """The share named right of some leaves, with the layer cut there."""
    with torch.inference_mode():
        said = cut(layer, by)(rank)(given[layer])
        seen = network.features[layers[layer] + 1 :](said)
        named = network.classify(seen.mean(dim=(2, 3))).argmax(1)
    return (named == small.labels).double().mean().item()


def draw(layer, by, percent):
    """The layer cut there, and what the rest of the network makes of it."""
    rank = max(1, round(percent / 100 * len(values[layer, by])))
    conv, shape = convs[layer], tuple(given[layer].shape[1:])
    now = low_rank.cost(conv, shape, "channel_svd", rank).macs
    whole = macs[f"features.{layers[layer]}"]
    left = {
        "multiply-adds of this layer": now / whole,
        "of the whole network": 1 + (now - whole) / sum(macs.values()),
        "named right": named_when_cut(layer, by, rank),
    }
    useful = low_rank.largest_useful_rank(conv, "channel_svd", shape)
    return figures.rank_cut(values[layer, by], rank, useful, f"{layer}, {by}", left)


widgets.Interactive(
    draw,
    layer=ipywidgets.Dropdown(
        options=list(layers), value="layer 6", description="layer"
    ),
    by=ipywidgets.Dropdown(
        options=["weights", "answers"], description="cut by its"
    ),
    percent=ipywidgets.IntSlider(value=10, min=1, max=100, description="ranks (%)"),
)

# %% [markdown]
# ## Five ways to group
# A convolution's weights have four sides: outputs, inputs, and the window's height and width. Which of
# them you group is up to you.
#
# | method | the window k×k becomes | source |
# |---|---|---|
# | `channel_svd` | k×k to r channels, 1×1 | Zhang et al. 2016 |
# | `spatial` | k×1 to r channels, 1×k | Jaderberg et al. 2014 |
# | `tucker2` | 1×1, k×k between fewer channels, 1×1 | Kim et al. 2016 |
# | `cp` | 1×1, k×1 and 1×k in each channel alone, 1×1 | Lebedev et al. 2015 |
# | `depthwise_separable` | k×k in each channel alone, 1×1 | Guo et al. 2018; the form: MobileNet, Howard et al. 2017 |
#
# Linear layers have two sides, and one way: `svd`. `plan` shares a budget out over the layers: it takes
# from where the least energy is lost for each operation saved.

# %%
BUDGET = 0.2  # of the multiply-accumulates
low_rank.plan(network, "spatial", images.shape, macs=BUDGET)

# %% [markdown]
# Which way is best? Ask the validation images, each way within the same budgets, with nothing trained yet.
# (`cp` takes too long to fit here.) Below it: recorded, test images, after a short fine-tuning of each. Mind the
# scale: each step up halves what goes wrong, or more.

# %% tags=["nbval-ignore-output"]
ways = {
    "channel_svd": ("channel_svd", None),
    "channel_svd, by answers": ("channel_svd", few),
    "spatial": ("spatial", None),
    "tucker2": ("tucker2", None),
    "depthwise_separable": ("depthwise_separable", None),
}
as_factored = {}
for way, (method, by) in ways.items():
    found = []
    for budget in (0.15, BUDGET, 0.3):
        smaller = low_rank.factor(
            network, method, images.shape, macs=budget, images=by
        )
        share = counting.macs(smaller, images.shape) / sum(macs.values())
        found.append((share, named_right(smaller)))
    as_factored[way] = tuple(zip(*found, strict=True))
history = recorded.load("low_rank")
tuned = {}
for row in reversed(history["methods"]["rows"]):
    shares, accuracies = tuned.setdefault(row["method"], ([], []))
    shares.append(row["macs"])
    accuracies.append(row["accuracy"])
print("below:", history.label("methods"))
figures.accuracy_by_macs(
    {"as factored, here": as_factored, "fine-tuned, recorded": tuned},
    (named_right(network), history["methods"]["original"]),
)

# %% [markdown]
# As factored, they lie far apart. After a short training the best can hardly be told apart: the better the
# cut, the less there is to win back.
#
# ## On the network
# Take the way that names most at the budget, and train it a little: two passes over a part of the training
# images, with a *small* learning rate (in a product, each step moves both factors). Then the batch norms look
# again, as in chapter 03.

# %% tags=["nbval-ignore-output"]
at_budget = {way: accuracies[1] for way, (_, accuracies) in as_factored.items()}
chosen = max(at_budget, key=at_budget.get)
method, by = ways[chosen]
factored = low_rank.factor(network, method, images.shape, macs=BUDGET, images=by)
short = dataclasses.replace(
    images, train=images.train.first(1500), val=images.val.first(300)
)
recovered, learning = training.fit(
    factored, short, epochs=2, learning_rate=0.003, batch_size=32
)
smaller = training.recalibrated(recovered, images.train.first(256))
trained_on = len(short.train) * len(learning.loss)
unused = images.val.subset(slice(min(300, len(images.val) // 2), None))
with_factors, with_training, whole = (
    training.evaluate(n, unused) for n in (factored, smaller, network)
)
print(f"{chosen}: {with_factors:.1%} of other validation images as factored,")
print(f"{with_training:.1%} after {trained_on:,} images (original: {whole:.1%})")

# %% tags=["nbval-ignore-output"]
cards = scorecard.measure_all(
    {"original": network, "low rank": smaller}, images, limit_s=4
)
scorecard.keep("06_low_rank", cards)
comparison = scorecard.compare(cards)
comparison

# %% [markdown]
# Look at the *time* before you celebrate (more below).
#
# And the sharp question: would layers of these shapes, trained from random weights, do as well? (Recorded.)

# %%
from_scratch = history["scratch"]["rows"]
print(f"{'':29}  images  points")
for row in from_scratch:
    print(
        f"{row['way']:29} {row['images_seen']:7,}  "
        f"{row['points']:+.1f} ({row['low']:+.1f} to {row['high']:+.1f})"
    )
print(history.label("scratch"))

# %% [markdown]
# About as well, as far as one seed can tell, but after many times as many images. As with pruning, what you
# inherit is *training*.

# %% [markdown]
# ## What production does
# `tensorly` is the library for tensors of low rank, NumPy the one for matrices. SVD and Tucker must keep as much
# energy as ours. CP is a search from a random start, and may end a little elsewhere.

# %% tags=["nbval-ignore-output"]
from tensorly import cp_to_tensor
from tensorly.decomposition import parafac, partial_tucker

conv, RANK = convs["layer 2"], 16
weight = conv.weight.detach().double().numpy()
kept = {
    "svd": low_rank.kept_energy(conv, low_rank.channel_svd(conv, RANK)),
    "tucker2": low_rank.kept_energy(conv, low_rank.tucker2(conv, (RANK, RANK))),
    "cp": low_rank.kept_energy(conv, low_rank.cp(conv, RANK)),
}
strengths = np.linalg.svd(weight.reshape(len(weight), -1), compute_uv=False)
_, errors = partial_tucker(weight, rank=[RANK, RANK], modes=[0, 1])
theirs = cp_to_tensor(parafac(weight, RANK, init="random", random_state=2))
by_others = {
    "svd": (strengths[:RANK] ** 2).sum() / (strengths**2).sum(),
    "tucker2": 1 - errors[-1] ** 2,
    "cp": 1 - ((theirs - weight) ** 2).sum() / (weight**2).sum(),
}
for way in kept:
    print(f"{way:8} ours keeps {kept[way]:.3f}, theirs {by_others[way]:.3f}")

# %% [markdown]
# ## When it fails: the rank that makes a layer larger
# Two layers of high rank cost more than one. Every way has such a point, and some come early.

# %%
shape = tuple(given["layer 2"].shape[1:])
growing = {}
for way in ("channel_svd", "spatial", "depthwise_separable"):
    full = low_rank.full_rank(conv.weight.shape, way)
    costs = [
        low_rank.cost(conv, shape, way, rank).macs
        / macs[f"features.{layers['layer 2']}"]
        for rank in range(1, full + 1)
    ]
    growing[way] = ([rank / full for rank in range(1, full + 1)], costs)
try:
    too_high = low_rank.largest_useful_rank(conv, "spatial", shape) + 1
    low_rank.factor(
        network,
        "spatial",
        images.shape,
        rank={f"features.{layers['layer 2']}": too_high},
    )
except ValueError as refused:
    print(f"refused: {refused}")
figures.cost_by_rank(growing)

# %% [markdown]
# A plan leaves such layers whole, and says so. Ask for nearly all of the energy, and hardly anything is
# left to gain.

# %%
careful = low_rank.plan(network, "channel_svd", images.shape, energy=0.98)
careful

# %% [markdown]
# ## When it fails: a fifth of the work, more than a fifth of the time
# How much of the *time* is left? First of one layer alone, split in all five ways at the same budget; then of
# the whole network, in PyTorch and in ONNX Runtime.

# %% tags=["nbval-ignore-output"]
splits = {
    way: low_rank.cutter(conv, way)(
        low_rank.rank_for_budget(conv, way, BUDGET, shape)
    )
    for way in low_rank.METHODS[1:]
}
one = given["layer 2"][:1]
with torch.inference_mode():
    runs = [lambda split=split: split(one) for split in (conv, *splits.values())]
    before, *after = scorecard.latency(*runs, limit_s=3)
left = {
    f"layer 2, {way}": time.median_ms / before.median_ms
    for way, time in zip(splits, after, strict=True)
}
exported = {
    name: engines.onnx(made, images.shape)
    for name, made in (("original", network), ("low rank", smaller))
}
image = next(images.val.batches(1))[0]
runs = [made.run(image) for made in exported.values()]
before, after = scorecard.latency(*runs, limit_s=2)
in_pytorch = cards[1].latency_ms_median / cards[0].latency_ms_median
left["network, PyTorch"] = in_pytorch
left["network, ONNX Runtime"] = after.median_ms / before.median_ms
for card in cards:
    speed = card.macs / card.latency_ms_median / 1e6
    print(f"{card.name}: {speed:.0f} billion multiply-adds a second in PyTorch")
figures.time_left(left, BUDGET)

# %% [markdown]
# Several layers for one, each of them thin. Every layer costs a call, and reads and writes all that flows
# through it, however little it computes. Thin matrices leave many of the processor's lanes idle. How much that
# weighs, your processor decides: the faster its arithmetic, the less of the saving is left, and `cp`, four layers
# for one, may even take longer than the whole. PyTorch pays for all of that; ONNX Runtime plans the whole network
# before it runs it, and pays less. *Operations are a promise; time is what engine and processor make of it.*

# %% [markdown]
# ## The growing table

# %% tags=["nbval-ignore-output"]
table.grow("06_low_rank", cards, exported, images, trained_on=trained_on)

# %% [markdown]
# ## The claims, checked

# %% tags=["claims"]
computed = recorded.computed()  # None: no machine can change what is recorded
claim(
    "the notebook's two layers are the library's",
    torch.allclose(
        low_rank.rebuilt(by_hand), low_rank.rebuilt(by_library), atol=1e-5
    ),
)
claim(
    "tensorly and NumPy keep the energy that we keep",
    abs(kept["svd"] - by_others["svd"]) < 1e-5
    and abs(kept["tucker2"] - by_others["tucker2"]) < 0.005
    and abs(kept["cp"] - by_others["cp"]) < 0.03,
    measured=f"{kept} and {by_others}",
)
claim(
    "the notebook's cut by answers is the library's",
    torch.allclose(
        low_rank.rebuilt(pairs["answers"]),
        low_rank.rebuilt(cut("layer 6", "answers")(TENTH)),
        atol=1e-5,
    ),
)
claim(
    "less than half of the weights' energy is more than nine tenths of that of the answers",
    all(weights < 0.5 and answers > 0.9 for weights, answers in both_kept.values()),
    images=images.name,
    measured=str(both_kept),
)
claim(
    "of its weights the cut by weights keeps more, of its answers the cut by answers",
    both_kept["weights"][0] > both_kept["answers"][0]
    and both_kept["weights"][1] < both_kept["answers"][1],
    images=images.name,
    measured=str(both_kept),
)
third = [
    named_when_cut("layer 3", by, round(len(convs["layer 3"].weight) / 10))
    for by in ("weights", "answers")
]
claim(
    "a tenth of layer 3 names more cut by its weights than by its answers",
    third[0] > third[1],
    images=images.name,
    measured=str(third),
)
at_full_rank = low_rank.cutter(largest, "channel_svd")(len(largest.weight))
claim(
    "at full rank nothing is lost",
    torch.allclose(low_rank.rebuilt(at_full_rank), largest.weight, atol=1e-4),
)
needed = {
    name: (share_needed(of_weights[name]), share_needed(of_answers[name]))
    for name in layers
}
claim(
    "the weights of every layer need more than a third of the ranks, the answers less than a third",
    all(w > 1 / 3 > a for w, a in needed.values()),
    images=images.name,
    measured=str(needed),
)
claim(
    "the largest layer's answers need a tenth of the ranks that its weights need, or fewer",
    needed["layer 6"][1] <= needed["layer 6"][0] / 10,
    images=images.name,
    measured=str(needed["layer 6"]),
)
claim(
    "the largest layer's answers need no more ranks than there are classes",
    needed["layer 6"][1] * len(largest.weight) <= len(images.classes),
    images=images.name,
    measured=f"{needed['layer 6'][1] * len(largest.weight):.0f}",
)
claim(
    "cut by its answers, channel_svd names more than cut by its weights, at every budget",
    all(
        a > w
        for a, w in zip(
            as_factored["channel_svd, by answers"][1],
            as_factored["channel_svd"][1],
            strict=True,
        )
    ),
    images=images.name,
    measured=str(as_factored),
)
claim(
    "at the budget, spatial names most as factored",
    chosen == "spatial",
    images=images.name,
    measured=str(at_budget),
)
claim(
    "a short training gives back some of what factoring took",
    with_factors < with_training,
    images=images.name,
    measured=f"{whole:.1%}, factored {with_factors:.1%}, trained {with_training:.1%}",
)
claim(
    "the budget is kept",
    cards[1].macs <= BUDGET * cards[0].macs,
)
lost = comparison.differences[1]
claim(
    "with a fifth of the operations, at most two points are lost",
    lost.points >= -2,
    images=images.name,
    measured=str(lost),
)
claim(
    "spatial stops paying at half of its full rank, channel_svd much later",
    max(s for s, c in zip(*growing["spatial"], strict=True) if c < 1) <= 0.5
    and max(s for s, c in zip(*growing["channel_svd"], strict=True) if c < 1) > 0.8,
)
claim(
    "with nearly all of the energy asked for, little is saved",
    careful.after.macs > 0.9 * careful.before.macs,
    images=images.name,
    measured=f"{careful.after.macs / careful.before.macs:.0%}",
)
claim(
    "in PyTorch a larger share of the time is left than of the operations, by a fifth of it or more",
    in_pytorch > 1.2 * BUDGET,
    machine="a slow processor is busy with the arithmetic alone",
    measured=f"{in_pytorch:.0%} of the time for {BUDGET:.0%} of the operations",
)
of_splits = {way: left[f"layer 2, {way}"] for way in splits}
claim(
    "the slowest of the five splits leaves twice as much of the time as of the operations, or more",
    max(of_splits.values()) > 2 * BUDGET,
    machine="a slow processor is busy with the arithmetic alone",
    measured=", ".join(f"{way} {share:.0%}" for way, share in of_splits.items()),
)
in_onnx = left["network, ONNX Runtime"]
claim(
    "ONNX Runtime leaves more of the time than of the operations, too, but no more than PyTorch",
    BUDGET < in_onnx < 1.1 * in_pytorch,
    machine="other programs are running",
    measured=f"{in_onnx:.0%} of the time left, in PyTorch {in_pytorch:.0%}",
)

recorded_at = {
    (row["method"], row["budget"]): row for row in history["methods"]["rows"]
}
smallest = [row for (_, share), row in recorded_at.items() if share == 0.15]
claim(
    "recorded: at the smallest budget a short training helps every way",
    all(row["accuracy"] > row["at_once"] for row in smallest),
    machine=computed,
    measured=str([(row["at_once"], row["accuracy"]) for row in smallest]),
)
best = [
    recorded_at[way, 0.2]["accuracy"]
    for way in ("spatial", "tucker2", "channel_svd, by answers")
]
claim(
    "recorded: after a short training three ways lie within a point",
    max(best) - min(best) < 0.01,
    machine=computed,
    measured=str(best),
)
*tuned_rows, fresh = from_scratch
claim(
    "recorded: from scratch the same layers come within a point, for ten times the images or more",
    abs(fresh["points"] - np.mean([row["points"] for row in tuned_rows])) < 1
    and fresh["images_seen"] > 10 * tuned_rows[0]["images_seen"],
    machine=computed,
    measured=f"{fresh['points']:+.1f} points for {fresh['images_seen']:,} images",
)

# %% [markdown]
# ## Takeaways
# - A few shared filters don't come close to a layer's weights. They do come close to what it answers.
# - As factored, columns and rows of the window go furthest here. A short training nearly closes the gap
#   between the ways.
# - A rank has a point from where on it costs more than it saves; a plan leaves such layers whole.
# - A fifth of the operations is not a fifth of the time. Ask the engine, on your processor.
#
# **Quiz**
#
# <details><summary>At full rank nothing is lost. Why not take it?</summary>
# Because two layers of full rank hold and compute more than the one they come from. Below some rank they
# pay; the picture shows where.
# </details>
#
# <details><summary>Why does no ReLU stand between the two factors?</summary>
# Their product has to be the layer's weight again. With a ReLU between them there is no product, and
# what was factored would be another function. (When you fine-tune, you could add one, and train on.)
# </details>
#
# <details><summary>Pruned channels and low rank both make layers thinner. What is the difference?</summary>
# Pruning keeps some of the filters as they are. Low rank keeps mixtures of all of them. The next layer still
# gets all its channels, so nothing else has to change; but there is one layer more to call.
# </details>
#
# **Try it.** Change one thing, guess first, run again:
# - `BUDGET = 0.13`: which way holds out longest? (Ask for 0.1, and one way refuses. Why that one?)
# - `few = images.train.first(8)`: how many pictures does it take to know a layer's answers?
# - `low_rank.factor(smaller, "channel_svd", ..., images=few)`: what was factored can be factored again.
#
# **Next:** `07_working_together` chains the techniques, and packs the result.

# %% [markdown]
# ## Going further: one window for each channel
# MobileNet's layers treat windows and channels apart: k×k in each channel alone, then 1×1 (with a batch norm
# and a ReLU between them). That is the end of this road. How much of a trained layer fits into that form?
# With as many windows for each channel as a window has weights, nothing is lost; MobileNet has one.

# %% tags=["nbval-ignore-output"]
windows = low_rank.singular_values(largest, "depthwise_separable").square()
for count in (1, 3, len(windows)):
    print(
        f"{count} for each channel: {windows[:count].sum() / windows.sum():.0%} kept"
    )
mobile = low_rank.factor(network, "depthwise_separable", images.shape, rank=1)
named_mobile = named_right(mobile)
print(f"all layers with one: {named_mobile:.1%} named right as factored")

# %% [markdown]
# So you do not get a MobileNet by cutting: you *train* one. The form is cheap because it can say less,
# and the training has to find what it can say.

# %% tags=["claims"]
claim(
    "a network of MobileNet's layers is not to be had by cutting: fewer than half are named right",
    named_mobile < 0.5,
    images=images.name,
    measured=f"{named_mobile:.1%}",
)
