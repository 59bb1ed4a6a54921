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
# # Weight pruning: weak connections
#
# **In one sentence:** most weights can go if the rest is repaired afterwards, but a zero saves nothing until
# somebody stores and multiplies it differently.
#
# *About 40 minutes.* Afterwards you can
# - remove weak connections, and keep them removed while the rest learns on,
# - say from which sparsity zeros save bytes, in each format,
# - say why zeros hardly save time on a processor, and what would have to change,
# - choose between single weights and larger groups.

# %% [markdown]
# ## The analogy
# Chapter 02 sawed off whole branches. Now you take the scissors to single leaves. A weight is the strength
# of a connection between two neurons. The article says: *if a weight is very close to
# zero (e.g., 0.0002), removing it has almost no effect on the final output.* You will measure whether
# that is so.

# %%
import dataclasses
import math
from copy import deepcopy

import ipywidgets
import numpy as np
import torch
from torch import nn

from course_lib import (
    data,
    figures,
    models,
    predict,
    recorded,
    scorecard,
    sparse,
    structure,
    table,
    training,
    widgets,
)
from course_lib import weight_pruning as wp
from course_lib.claims import claim

scorecard.set_threads()
images = data.load()
network = training.original(images)
sample = images.val.first(100)  # validation images: the test is for the end
chance = 1 / len(images.classes)

# %% [markdown]
# ## Predict first
# You remove the weakest weights of the whole network, and train nothing afterwards. **How many percent
# of the weights can go before the accuracy falls by one point?**

# %%
my_guess = None

guess = predict.guess(
    "Percent of the weights that can go?", my_guess, low=0, high=100, unit="%"
)
guess

# %% [markdown]
# ## The article's case, measured
# Remove every weight of at most 0.0002. Then 0.001, then more. The network ends in *logits*, one number
# for each class. How far do they move, compared with how far they are spread out anyway?

# %% tags=["nbval-ignore-output"]
before = training.predict(network, sample)


def output_change(threshold):
    """Share removed, largest and median change of the logits, share renamed."""
    weak = wp.below(network, threshold)
    after = training.predict(wp.apply(network, weak), sample)
    moved = (after - before).abs() / before.std()
    kept = torch.cat([mask.flatten() for mask in weak.values()]).double().mean()
    renamed = (after.argmax(1) != before.argmax(1)).double().mean()
    return [float(x) for x in (1 - kept, moved.max(), moved.median(), renamed)]


thresholds = [0.0002, 0.001, 0.005, 0.01, 0.02]
changes = [output_change(threshold) for threshold in thresholds]
figures.output_change(thresholds, *zip(*changes, strict=True))

# %% [markdown]
# The article is right about its 0.0002: not one leaf gets another name. But look how *few* weights are
# that weak. To get a smaller network you have to remove stronger ones. Those move the logits long before they
# rename a leaf.

# %% [markdown]
# ## From scratch
# So do not ask for a threshold. Ask for a **sparsity**, the share of zeros, and remove the weakest
# weights of each layer until it is reached.
#
# > **Formula: magnitude pruning** (Han et al. 2015)
# >
# > $$\hat{w}_i = m_i \cdot w_i$$
# >
# > $$m_i = 0 \text{ for the } \operatorname{round}(s \cdot n) \text{ smallest } \lvert w_i \rvert\text{, else } 1$$
# >
# > $s$ is `sparsity`, $n$ the layer's `len(weights)`, $m$ its **mask**. With $s = 0.5$, the weights
# > $0.3,\ -0.1,\ 0.02,\ -0.4$ become $0.3,\ 0,\ 0,\ -0.4$.


# %%
def prune_by_hand(network, sparsity):
    """A copy in which each layer's weakest weights are zero."""
    pruned = deepcopy(network)
    for layer in pruned.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            weights = layer.weight.data.view(-1)  # a view: writes into the layer
            count = round(sparsity * len(weights))
            weights[weights.abs().argsort()[:count]] = 0
    return pruned


by_hand = prune_by_hand(network, 0.5)
by_library = wp.apply(network, wp.masks(network, 0.5))
wp.sparsity(by_library)

# %% [markdown]
# `wp.masks` says which weights stay; `wp.apply` writes the zeros. With `scope="global"` all layers
# compete: the weakest weights *of the network* go.

# %% [markdown]
# ## See it
# All weights of the network. Drag the sparsity: the grey ones go. Which layer loses most? When does the
# accuracy give way?

# %% folded=true tags=["nbval-ignore-output"]
few = sample.first(48)
layers = {
    name: f"layer {i + 1}" for i, name in enumerate(structure.layers(network))
}
weights = torch.cat(
    [network.get_submodule(name).weight.detach().flatten() for name in layers]
)
ladder = weights.abs().sort().values
limit = ladder[int(0.98 * len(ladder))].item()
counts, edges = np.histogram(weights.numpy(), 80, (-limit, limit))


def draw(sparsity):
    """The histogram with its threshold, and the accuracy without the weights below."""
    threshold = ladder[int(sparsity / 100 * (len(ladder) - 1))].item()
    pruned = wp.apply(network, wp.below(network, threshold))
    removed = wp.sparsity(pruned)
    return figures.weight_histogram(
        counts,
        edges,
        threshold,
        removed["all"],
        training.evaluate(pruned, few),
        {label: removed[name] for name, label in layers.items()},
        len(few),
    )


widgets.Interactive(
    draw, sparsity=ipywidgets.IntSlider(value=50, max=99, description="percent")
)

# %% [markdown]
# ## Which weights, and how many
# Six ways to choose, nothing trained afterwards. *Rows* and *kernels* take three or nine neighbouring
# weights at once, as a convolution holds them; *channels* takes all weights of an output. (Only its
# weights: the norm behind it goes on adding a constant. Chapter 02 removes that, too, and loses less at once.)
# Groups go by their mean strength. *Random* is the baseline.

# %% tags=["nbval-ignore-output"]
CRITERIA = {
    "magnitude, global": {"scope": "global"},
    "magnitude, per layer": {},
    "rows": {"granularity": "row"},
    "kernels": {"granularity": "kernel"},
    "channels": {"granularity": "channel"},
    "random": {"criterion": "random"},
}
whole = training.evaluate(network, sample)


def sweep(options):
    """Sparsities and accuracies, until little more than guessing is left."""
    line = [(0.0, whole)]
    for share in (0.2, 0.35, 0.4, 0.45, 0.5, 0.65, 0.8):
        pruned = wp.apply(network, wp.masks(network, share, **options))
        line.append((share, training.evaluate(pruned, sample)))
        if line[-1][1] < 2 * chance:
            break
    return tuple(zip(*line, strict=True))


at_once = {name: sweep(options) for name, options in CRITERIA.items()}
shares, accuracies = at_once["magnitude, global"]
falling = np.maximum.accumulate(whole - np.array(accuracies))
can_go = float(np.interp(0.01, falling, shares))
guess.reveal(round(100 * can_go))

# %% [markdown]
# *(Rough: one point is a single image here, and between measured sparsities a line is drawn.)* That is far from the 90% that others report (Han et
# al. 2015). It takes two repairs.
#
# ## First repair: let the batch norms look again
# Each batch norm subtracts the mean that *its layer used to have*, and divides by the deviation it used
# to have. Both have changed with the weights. So show it a few images, and let it measure anew, as in chapter 02.
# No weight is touched, and no label is looked at.

# %% tags=["nbval-ignore-output"]
SPARSITY = 0.85
FRESH = images.train.first(256)

chosen = wp.masks(network, SPARSITY, scope="global")
pruned = wp.apply(network, chosen)
fresh = training.recalibrated(pruned, FRESH)
before_repair, after_repair = (
    training.evaluate(n, sample) for n in (pruned, fresh)
)
print(f"{SPARSITY:.0%} zeros: {before_repair:.0%}, norms anew: {after_repair:.0%}")

# %% [markdown]
# At this sparsity most of the harm was stale norms, not missing weights! If you prune and measure at once, you
# measure both. Cut deeper, and fresh norms alone are not enough, as the next picture shows.
#
# ## Second repair: let the rest learn again
# The weights that stayed can take over from those that went. But plain training would fill the zeros
# again. So the mask is applied again in every step. By hand, in its plainest form; then `wp.fine_tune`, which
# does it with a better optimiser, on many images.
#
# > **Formula: a step with the mask on**
# >
# > $$w \leftarrow m \odot \left( w - \eta\, \frac{\partial L}{\partial w} \right)$$
# >
# > $\eta$ is `rate`, $\odot$ multiplies number by number. With $w = (0.3,\ 0)$, $m = (1,\ 0)$, the gradient
# > $(1,\ -2)$ and $\eta = 0.1$: a plain step gives $(0.2,\ 0.2)$, the mask makes it $(0.2,\ 0)$.


# %% tags=["nbval-ignore-output"]
def step_by_hand(network, masks, inputs, labels, rate=0.01):
    """One step of gradient descent, in place, that leaves the zeros where they are."""
    loss = nn.functional.cross_entropy(network(inputs), labels)
    weights = list(network.parameters())
    with torch.no_grad():
        for weight, slope in zip(
            weights, torch.autograd.grad(loss, weights), strict=True
        ):
            weight -= rate * slope
        for name, mask in masks.items():
            network.get_submodule(name).weight *= mask
    return loss.item()


stepped, batch = deepcopy(fresh), next(FRESH.batches(64))
losses = [step_by_hand(stepped, chosen, *batch) for _ in range(3)]
print(
    f"by hand: loss {losses[0]:.2f}, two steps on {losses[-1]:.2f}, {wp.sparsity(stepped)['all']:.1%} zeros"
)

short = dataclasses.replace(
    images, train=images.train.first(1500), val=images.val.first(200)
)
seen = len(short.train)
tuned, history = wp.fine_tune(
    fresh,
    chosen,
    short,
    epochs=1,
    batch_size=32,
    learning_rate=0.005,
)
tuned = training.recalibrated(tuned, FRESH)  # the weights have moved once more
after_tuning = training.evaluate(tuned, sample)
print(
    f"{wp.sparsity(tuned)['all']:.1%} zeros, {after_tuning:.0%} on validation images"
)
print(f"one pass over {seen:,} images: {history.seconds:.0f} s")

# %% [markdown]
# The same for every way of choosing. On the left what you measured above; then what was recorded, after
# each repair. (*2 of 4* is explained below.)

# %% tags=["nbval-ignore-output"]
records = recorded.load("weight_pruning")
notes = records["tuned"]


def recorded_line(name, key, start):
    """The recorded accuracies of one criterion, by sparsity."""
    rows = [row for row in notes["rows"] if row["criterion"] == name]
    points = sorted((row["sparsity"], row[key]) for row in rows)
    return tuple(zip((0.0, start), *points, strict=True))


ways = [*CRITERIA, "2 of 4"]
panels = {
    "at once": at_once,
    "norms measured anew": {
        w: recorded_line(w, "fresh", notes["original_val"]) for w in ways
    },
    f"+ {notes['images_seen']:,} images seen": {
        w: recorded_line(w, "accuracy", notes["original"]) for w in ways
    },
}
print(records.label("tuned"))
figures.accuracy_by_sparsity(panels, chance)

# %% [markdown]
# *(Left: 100 validation images; middle: 300; right: 2,000 test images. Each way's learning rate was chosen on
# validation images; one run each.)* Cut half, and training gives nearly everything back where single weights,
# rows or kernels were chosen by magnitude, and much even after a random choice. Cut deeper, and finer pieces
# keep more. *Global* falls below *per layer* when much is cut at once; after training it leads, and at the very
# end both are even. Now the other question: who can *use* such holes?

# %% [markdown]
# ## From a weight to a channel
# Half of one layer in six patterns. Only its first outputs and inputs are drawn, so a corner may show more
# or less than half. *2 of 4* keeps the two strongest of four neighbouring inputs: of $0.3,\ -0.1,\ 0.02,\ -0.4$
# the first and the last. Some graphics chips multiply that pattern at up to double speed (Mishra et al. 2021).
# Processors of laptops and servers, whichever kind you have, do not know it. Groups go by their mean
# strength: `groups_by_hand` is all there is to it.

# %%
second = [n for n in layers if n.startswith("features")][1]
patterns = {
    "single weights": wp.masks(network, 0.5, names=[second]),
    "2 of 4 inputs": wp.n_of_m(network, 2, 4, names=[second]),
    "rows of three": wp.masks(network, 0.5, granularity="row", names=[second]),
    "kernels of nine": wp.masks(network, 0.5, granularity="kernel", names=[second]),
    "blocks of 4 x 4": wp.masks(network, 0.5, granularity=(4, 4), names=[second]),
    "channels": wp.masks(network, 0.5, granularity="channel", names=[second]),
}


def groups_by_hand(weight, size):
    """The mask of the stronger half of the groups, so many neighbours in memory each."""
    strengths = weight.abs().reshape(-1, size).mean(1)
    kept = torch.ones(len(strengths), dtype=torch.bool)
    kept[strengths.argsort()[: round(0.5 * len(strengths))]] = False
    return kept.repeat_interleave(size).view_as(weight)


def matrix(title, mask):
    """The mask's corner, kernel by kernel; for 2 of 4, four inputs by four inputs."""
    corner = mask[:16, :8]
    if title == "2 of 4 inputs":
        return corner.movedim(1, -1).flatten(1).numpy(), 4
    return corner.flatten(1).numpy(), 9


figures.mask_patterns(
    {title: matrix(title, found[second]) for title, found in patterns.items()}
)

# %% [markdown]
# ## What production does
# PyTorch brings its own: `torch.nn.utils.prune`. For the same criterion it must choose the same weights.

# %%
from torch.nn.utils import prune

theirs = deepcopy(network)
places = [(theirs.get_submodule(name), "weight") for name in layers]
prune.global_unstructured(places, prune.L1Unstructured, amount=SPARSITY)
ours = wp.masks(network, SPARSITY, scope="global")
same_global = all(
    torch.equal(ours[name], layer.weight_mask.bool())
    for name, (layer, _) in zip(layers, places, strict=True)
)
layer = deepcopy(network.get_submodule(second))
prune.ln_structured(layer, "weight", 0.5, n=1, dim=0)
same_channels = torch.equal(patterns["channels"][second], layer.weight_mask.bool())
print("the same weights, the same channels:", same_global, same_channels)

# %% [markdown]
# ## Where zeros begin to save bytes
# A zero in a file is four bytes like any other number. To save some, the file must say *where* the
# numbers are, and that costs bytes, too.
#
# > **Formula: bytes of $n$ weights, $k$ of them not zero**
# >
# > $$\text{bitmask: } \frac{n}{8} + 4k$$
# >
# > $$\text{csr: } 8k + 4\,(\text{rows} + 1)$$
# >
# > $$\text{entropy: } \frac{n\,H(k/n)}{8} + 4k$$
# >
# > $$H(p) = -p \log_2 p - (1 - p) \log_2 (1 - p)$$
# >
# > $H$ is the **entropy** (Shannon 1948): the bits that a yes or no costs at least, on average. $H(0.5) = 1$: as
# > dear as a bitmask. For $n = 8$ in 2 rows, $k = 4$: dense 32, bitmask 17, csr 44, entropy 17 bytes. At
# > $p = 0.1$ it is about half a bit.


# %%
def bytes_by_hand(weight):
    """Bytes of one layer's weight in each format; those of the places are rounded up."""
    count, kept = weight.numel(), int(weight.count_nonzero())
    shares = [kept / count, 1 - kept / count]
    entropy = -sum(p * math.log2(p) for p in shares if p > 0)
    return {
        "dense": 4 * count,
        "bitmask": math.ceil(count / 8) + 4 * kept,
        "csr": 8 * kept + 4 * (len(weight) + 1),
        "entropy": math.ceil(count * entropy / 8) + 4 * kept,
    }


formats = ("dense", "bitmask", "csr", "entropy", "zlib")
for how in formats:
    print(f"{how}: {sparse.FORMATS[how]}")

# %% tags=["nbval-ignore-output"]
zero_shares = [0.0, 0.5, 0.9]
zeroed = [wp.apply(network, wp.masks(network, share)) for share in zero_shares]
stored = {how: [sparse.stored_bytes(n, how) for n in zeroed] for how in formats}
begin = {how: sparse.break_even(network, how) for how in ("bitmask", "csr")}
figures.against_sparsity(
    zero_shares,
    stored,
    begin,
    "bytes of the whole network",
    "Bytes that the zeros save",
    "B",
)

# %% [markdown]
# *Csr*, compressed sparse rows, is the format of sparse arithmetic. It stores a column beside each
# value, and starts to pay at half. A bitmask pays almost at once. Entropy coding, chapter 07's subject,
# does a little better. A plain zip finds the zeros, too. Where there are few it is the smallest of all,
# since it packs the other numbers as well.

# %% [markdown]
# ## Where zeros begin to save time
# Compressed rows skip the zeros. But they jump about in memory, while dense arithmetic marches, the faster
# the wider your processor's registers are. Here are the whole network's times for one image. The last line is
# a dense network of about *as many weights* as the sparse one has left, untrained: only its time is asked. (A
# layer has as many weights as inputs times outputs, so each width shrinks by the *root* of the share.)

# %% tags=["nbval-ignore-output"]
image = data.normalise(sample.pixels[:1])
steps = [0.5, 0.8, 0.9, 0.98]
times = {"dense": [], "zeros in it": [], "csr": [], "a small dense network": []}
for share in steps:
    holed = wp.apply(network, wp.masks(network, share))
    widths = [max(1, round(w * (1 - share) ** 0.5)) for w in network.widths]
    small = models.LeafNet(widths, len(images.classes), images.shape[0]).eval()
    rivals = (network, holed, sparse.csr(holed), small)
    with torch.inference_mode():
        runs = [lambda rival=rival: rival(image) for rival in rivals]
        measured = scorecard.latency(*runs, limit_s=1)
    for found, time in zip(times.values(), measured, strict=True):
        found.append(time.median_ms)
usual = [float(np.median(times["dense"]))] * len(steps)
begin_time = sparse.crossing(steps, times["csr"], usual)
figures.against_sparsity(
    steps,
    times,
    {"csr": begin_time},
    "ms for one image",
    "Time that the zeros save",
    "ms",
)

# %% [markdown]
# ## When it fails: a mask saves neither bytes nor time
# A network full of zeros, and then the same file and the same speed. Look.

# %% tags=["nbval-ignore-output"]
masked = wp.masked(network, chosen)
with torch.inference_mode():
    plain_time, zeros_time, mask_time = (
        time.median_ms
        for time in scorecard.latency(
            *(lambda n=n: n(image) for n in (network, tuned, masked)), limit_s=1.5
        )
    )
sizes = {
    name: scorecard.checkpoint_bytes(n)
    for name, n in (("original", network), ("zeros", tuned), ("mask on", masked))
}
for (name, (file, packed)), ms in zip(
    sizes.items(), (plain_time, zeros_time, mask_time), strict=True
):
    print(f"{name:8}  {file:>9,} bytes, zipped {packed:>9,}, {ms:.2f} ms")

# %% [markdown]
# With its mask still on, the file is even *larger*: it holds weights and mask. `structure.plain` writes
# the zeros in. Then the file is as large as before, to the byte, until you zip it.

# %% [markdown]
# ## The scorecard

# %% tags=["nbval-ignore-output"]
networks = {"original": network, f"{SPARSITY:.0%} zeros": tuned}
cards = scorecard.measure_all(networks, images, limit_s=3)
scorecard.keep("03_weight_pruning", cards)
comparison = scorecard.compare(cards)
comparison

# %% tags=["nbval-ignore-output"]
table.grow("03_weight_pruning", cards, networks, images, trained_on=seen)

# %% [markdown]
# ## The claims, checked

# %% tags=["claims"]
computed = recorded.computed()  # None: no machine can change what is recorded
removed, largest, _, renamed = changes[0]
claim(
    "the notebook's magnitude pruning is the library's",
    all(
        torch.equal(a, b)
        for a, b in zip(by_hand.parameters(), by_library.parameters(), strict=True)
    ),
)
claim(
    "without the weights up to 0.0002 no image is named otherwise",
    renamed == 0 and largest < 0.01,
    images=images.name,
    measured=f"{renamed:.1%} renamed, largest change {largest:.2%}",
)
claim(
    "stronger ones move the logits long before they rename a leaf: at 0.005 by more than a twentieth, and none renamed",
    changes[2][1] > 0.05 and changes[2][3] == 0,
    images=images.name,
    measured=str(changes[2]),
)
claim(
    "weights as weak as 0.0002 are few: less than one in twenty",
    removed < 0.05,
    images=images.name,
    measured=f"{removed:.1%}",
)
recovered = {(row["criterion"], row["sparsity"]): row for row in notes["rows"]}
finer_first = ("magnitude, per layer", "rows", "kernels")
kept = {
    share: [recovered[name, share]["accuracy"] for name in finer_first]
    for share in (0.8, 0.9)
}
claim(
    "without any repair, between a fifth and three fifths of the weights can go for one point",
    0.2 < can_go < 0.6,
    images=images.name,
    measured=f"{can_go:.0%}",
)
claim(
    f"at {SPARSITY:.0%} zeros, measuring the norms anew gives back more than half of what pruning took",
    after_repair - before_repair > 0.5 * (whole - before_repair),
    images=images.name,
    measured=f"{whole:.1%}, pruned {before_repair:.1%}, anew {after_repair:.1%}",
)
claim(
    "a step by hand keeps every zero, and the loss falls",
    abs(wp.sparsity(stepped)["all"] - SPARSITY) < 1e-4 and losses[-1] < losses[0],
    images=images.name,
    measured=str(losses),
)
claim(
    "at once, global falls below per layer when much is cut",
    at_once["magnitude, global"][1][-1] < at_once["magnitude, per layer"][1][-1],
    images=images.name,
    measured=str(at_once),
)
claim(
    "training on gives back more than the norms alone",
    after_tuning > after_repair,
    images=images.name,
    measured=f"{after_tuning:.1%} after {after_repair:.1%}",
)
claim(
    "zeros survive fine-tuning: the sparsity is what was asked for",
    abs(wp.sparsity(tuned)["all"] - SPARSITY) < 1e-4,
)
claim(
    "recorded: at 80% and 90% zeros, after training, finer pieces keep more: weights, rows, kernels",
    all(v == sorted(v, reverse=True) for v in kept.values()),
    machine=computed,
    measured=str(kept),
)
by_magnitude = (
    "magnitude, global",
    "magnitude, per layer",
    "rows",
    "kernels",
    "2 of 4",
)
claim(
    "recorded: at 50% zeros training gives all but three points back to weights, rows, kernels and 2 of 4, not to channels or a random choice",
    all(recovered[name, 0.5]["points"] > -3 for name in by_magnitude)
    and all(
        -12 < recovered[name, 0.5]["points"] < -3 for name in ("channels", "random")
    ),
    machine=computed,
    measured=str({n: recovered[n, 0.5]["points"] for n in by_magnitude}),
)
claim(
    "recorded: after training, global leads per layer up to 90% zeros; at 95% they are even within two points",
    all(
        recovered["magnitude, global", share]["accuracy"]
        > recovered["magnitude, per layer", share]["accuracy"]
        for share in (0.5, 0.8, 0.9)
    )
    and abs(
        recovered["magnitude, global", 0.95]["accuracy"]
        - recovered["magnitude, per layer", 0.95]["accuracy"]
    )
    < 0.02,
    machine=computed,
)
claim(
    "recorded: after training, magnitude keeps more than random, at every sparsity they share",
    all(
        row["accuracy"] > recovered["random", share]["accuracy"]
        for (name, share), row in recovered.items()
        if name.startswith("magnitude") and ("random", share) in recovered
    ),
    machine=computed,
    measured=", ".join(
        f"{name} {share:.0%}: {row['accuracy']:.1%}"
        for (name, share), row in recovered.items()
        if name == "random" or name.startswith("magnitude")
    ),
)
claim(
    "PyTorch chooses the same weights, and the same channels",
    same_global and same_channels,
)
weight = network.get_submodule(second).weight.detach()
claim(
    "groups by hand are the library's rows, kernels and channels",
    all(
        torch.equal(groups_by_hand(weight, size), patterns[title][second])
        for title, size in (
            ("rows of three", 3),
            ("kernels of nine", 9),
            ("channels", weight[0].numel()),
        )
    ),
)
claim(
    "bytes by hand are the library's",
    all(
        bytes_by_hand(n.get_submodule(second).weight)[how]
        == sparse.stored_bytes(n.get_submodule(second).weight, how)
        for n in zeroed
        for how in formats[:-1]
    ),
)
claim(
    "the box: 8 weights in 2 rows, 4 of them not zero",
    bytes_by_hand(torch.tensor([[1.0, 0, 2, 0], [3, 0, 4, 0]]))
    == {"dense": 32, "bitmask": 17, "csr": 44, "entropy": 17},
)
claim(
    "where there are no zeros a zip is the smallest; the entropy is never above the bitmask",
    stored["zlib"][0] == min(sizes[0] for sizes in stored.values())
    and all(
        a <= b for a, b in zip(stored["entropy"], stored["bitmask"], strict=True)
    ),
    images=images.name,
    measured=str(stored),
)
claim(
    "a bitmask begins to save bytes below 5% zeros, compressed rows only above 50%",
    begin["bitmask"] < 0.05 and 0.5 < begin["csr"] < 0.55,
    measured=str(begin),
)
claim(
    "at 90% zeros a plain zip comes within a fifth of the entropy",
    stored["zlib"][-1] < 1.2 * stored["entropy"][-1],
    images=images.name,
    measured=f"{stored['zlib'][-1]:,} of {stored['entropy'][-1]:,}",
)
claim(
    f"at {steps[1]:.0%} zeros, sparse rows are slower than the dense network",
    times["csr"][1] > times["dense"][1],
    machine="its sparse arithmetic is better than that of the machines we know",
    measured=f"{times['csr'][1]:.2f} ms, dense {times['dense'][1]:.2f} ms",
)
claim(
    "a small dense network is faster than a sparse one of as many weights",
    all(
        a < b
        for a, b in zip(times["a small dense network"], times["csr"], strict=True)
    ),
    machine="other programs are running",
    measured="; ".join(
        f"{share:.0%} zeros: {a:.2f} ms, sparse {b:.2f} ms"
        for share, a, b in zip(
            steps, times["a small dense network"], times["csr"], strict=True
        )
    ),
)
claim(
    "zeros alone make the file no byte smaller, and a mask makes it larger",
    cards[1].file_bytes == cards[0].file_bytes
    and sizes["mask on"][0] > sizes["original"][0],
    measured=str(sizes),
)
claim(
    "zipped, the zeros are found: less than a quarter of the original's bytes",
    cards[1].packed_bytes < cards[0].packed_bytes / 4,
    images=images.name,
    measured=f"{cards[1].packed_bytes:,} of {cards[0].packed_bytes:,}",
)
claim(
    "zeros alone save no time: not a fifth of it",
    cards[1].latency_ms_median > 0.8 * cards[0].latency_ms_median,
    machine="other programs are running",
    measured=f"{cards[1].latency_ms_median:.2f} of {cards[0].latency_ms_median:.2f} ms",
)
claim(
    f"{SPARSITY:.0%} of the weights gone cost at most two points on the test images",
    comparison.differences[1].points >= -2,
    images=images.name,
    measured=str(comparison.differences[1]),
)

# %% [markdown]
# ## Takeaways
# - Removing weights near zero is harmless, as the article says. But few weights are near enough.
# - After pruning, repair: norms first (seconds, no labels), then training with the mask on.
# - Zeros save bytes only in a format that skips them, and time only in arithmetic that skips them. On
#   processors that begins so late that, for time, a smaller dense network wins. (For accuracy at equally
#   many weights Zhu and Gupta found the large sparse one better.)
# - So what is it for? For the *file*: zeros, few bits and entropy coding together make the smallest ones
#   (chapter 07). For time, remove channels (chapter 02).
#
# **Quiz**
#
# <details><summary>Compressed rows begin to pay at half of the weights. Why just there?</summary>
# Each weight that is kept stores its value <i>and</i> its column, 4 bytes each. Twice the bytes for half
# of the weights is even. With columns of 16 bits it would begin at a third.
# </details>
#
# <details><summary>At 80% zeros, four of five multiplications could be skipped. Why is the sparse
# network slower all the same?</summary>
# Dense arithmetic works on many neighbouring numbers with one instruction. A sparse row must first look
# up where each number is, and then fetch it from there. The skipped work was the cheap part.
# </details>
#
# <details><summary>You prune, evaluate, and find that the network guesses. Is the mask bad?</summary>
# You can't know yet. First measure the batch norms anew. Only what is still lost then is lost through the
# missing weights.
# </details>
#
# **Try it.** Change one thing, guess first, run again:
# - `SPARSITY = 0.9`: does one pass over so few images still suffice? (A claim may then say that it is
#   false. That is your answer.)
# - `scope="global"` where `chosen` is made: leave it out. Which layer did it spare before?
# - `FRESH = images.train.first(16)`: how few images do the norms need?

# %% [markdown]
# ## Going further: gradually
# Cutting all at once is a shock. Zhu and Gupta (2017) let the sparsity grow while the network trains:
# fast at first, when many weights can be spared, ever slower at the end.
#
# > **Formula: a growing sparsity** (Zhu and Gupta 2017)
# >
# > $$s(t) = s_f + (s_i - s_f) \left(1 - \frac{t - t_0}{t_1 - t_0}\right)^3$$
# >
# > $t_0$ is `begin`, $t_1$ is `end`, $s_f$ is `final`, and $s_i$, where it starts, is 0. Half-way to $s_f = 0.8$
# > it is $0.8 - 0.8 \cdot \tfrac{1}{8} = 0.7$.

# %%
progress = [step / 100 for step in range(101)]
figures.curves(
    [100 * p for p in progress],
    {"sparsity": [wp.schedule(p, begin=0, end=0.75, final=0.9) for p in progress]},
    "training steps (%)",
    "sparsity",
    "Fast at first, then ever slower",
    percent=True,
)

# %% tags=["nbval-ignore-output"]
print(records.label("gradual"))
for row in records["gradual"]["rows"]:
    print(
        f"{row['sparsity']:.0%} zeros {row['way']:9}: test {row['accuracy']:.1%}, "
        f"{row['points']:+.1f} points ({row['low']:+.1f} to {row['high']:+.1f})"
    )

# %% [markdown]
# At 90% going slowly gains nothing: what was cut at once has all the steps to recover in, what is cut
# gradually only the last quarter. At 95% going slowly came out ahead. With one seed and overlapping
# intervals that is a hint, not a result.

# %% tags=["claims"]
slowly = {
    (row["way"], row["sparsity"]): row["accuracy"]
    for row in records["gradual"]["rows"]
}
claim(
    "the box: half-way to 0.8 it is 0.7",
    abs(wp.schedule(0.5, begin=0, end=1, final=0.8) - 0.7) < 1e-9,
)
claim(
    "recorded, one seed: going slowly wins at 95% zeros, and makes less than a point of difference at 90%",
    slowly["gradually", 0.95] > slowly["at once", 0.95] + 0.01
    and abs(slowly["gradually", 0.9] - slowly["at once", 0.9]) < 0.01,
    machine=computed,
    measured=str(slowly),
)

# %% [markdown]
# ## Going further: the lottery ticket
# A bold idea (Frankle and Carbin 2019): inside a large network hides a small one that was *lucky with its
# first weights*. To find it, train, prune, then **rewind**: put the surviving weights back to where they
# started, and train them alone. Below that is three calls: train `initial`, take the mask of the trained
# network, and fine-tune `initial` under it.
#
# Is it luck of the weights, or is the mask enough? Compare with the same mask over other first weights,
# and with a random mask. Handwritten digits and a small network without convolutions are quick.

# %% tags=["nbval-ignore-output"]
digits = data.load("mnist5k")
fit = {"epochs": 5, "learning_rate": 0.02}
TICKET = 0.95


def untrained(seed):
    torch.manual_seed(seed)
    return models.LeNet300100()


initial, other = untrained(0), untrained(1)
dense, _ = training.fit(initial, digits, **fit)
ticket = wp.masks(dense, TICKET)
starts = {
    "the ticket, rewound": (initial, ticket),
    "its mask, other weights": (other, ticket),
    "a random mask": (initial, wp.masks(initial, TICKET, "random")),
}
draws = {"dense": training.evaluate(dense, digits.test)}
for name, (start, mask) in starts.items():
    trained, _ = wp.fine_tune(start, mask, digits, **fit)
    draws[name] = training.evaluate(trained, digits.test)
for name, accuracy in draws.items():
    print(f"{name:24} {accuracy:.1%}")

# %% [markdown]
# One seed is an anecdote. Here are several seeds and sparsities, and tickets found in several rounds of
# pruning. The lines above the picture ask one thing more: with three times the training, do the others
# catch up?

# %% tags=["nbval-ignore-output"]
print(records.label("lottery"))
by_start = {}
for row in records["lottery"]["rows"]:
    found = by_start.setdefault(row["start"], {})
    found.setdefault(row["sparsity"], []).append(row["accuracy"])
for start in ("dense", *starts):
    recorded_name = {"the ticket, rewound": "ticket"}.get(start, start)
    found = [
        row["accuracy"]
        for row in records["lottery"]["longer"]
        if row["start"] == recorded_name
    ]
    print(
        f"{start:24} {np.mean(found):.1%} after {records['lottery']['longer_epochs']} epochs"
    )
figures.seeds(by_start, "test accuracy", "Tickets, rewound and not")

# %% [markdown]
# At 95% zeros (the lines above), longer training closes most of the gap: the ticket's mask over other
# weights comes close to the ticket. A random mask stays behind. So the lucky weights are mostly a head start,
# and the mask carries most of the rest. In larger networks going back to the very first weights often fails;
# one rewinds to a point early in training (Frankle et al. 2020).


# %% tags=["claims"]
def best_of(start, share):
    """The best seed of a start."""
    return max(by_start[start][share])


def worst_of(start, share):
    """The worst seed of a start."""
    return min(by_start[start][share])


claim(
    "a ticket learns better than the same mask over other weights, and that than a random mask",
    draws["the ticket, rewound"]
    > draws["its mask, other weights"]
    > draws["a random mask"],
    measured=str(draws),
)

claim(
    "recorded: so it is for every seed and every sparsity",
    all(
        worst_of("ticket", share)
        > best_of("its mask, other weights", share)
        > worst_of("its mask, other weights", share)
        > best_of("a random mask", share)
        for share in by_start["ticket"]
    ),
    machine=computed,
    measured=str(by_start),
)
late = {}
for row in records["lottery"]["longer"]:
    late.setdefault(row["start"], []).append(row["accuracy"])
early = {start: found[0.95] for start, found in by_start.items()}
at_first, at_last = (
    np.mean(found["ticket"]) - np.mean(found["its mask, other weights"])
    for found in (early, late)
)
claim(
    "recorded: trained longer, other weights make up most of the ticket's lead, a random mask does not",
    at_last < at_first / 4
    and np.mean(late["ticket"]) - np.mean(late["a random mask"]) > 0.1,
    machine=computed,
    measured=str(late),
)

# %% [markdown]
# **Next:** `04_quantization` keeps every weight, and stores each in fewer bits.
