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
# # Neuron pruning: whole branches
#
# **In one sentence:** take whole channels out of every layer, let the rest learn again for a moment,
# and you hold a network that really is smaller, with nearly the old accuracy.
#
# *About 40 minutes.* Afterwards you can
# - cut channels out of a network, with everything that belongs to them,
# - say which of them matter, by five criteria, and how far to trust each,
# - say why removing few channels saves much work, and when time follows,
# - answer the question that every sharp listener asks: why not train a small network right away?

# %% [markdown]
# ## The analogy
# Pruning is like trimming a tree: you remove the branches that don't help it grow. You don't pick single
# leaves. You saw off the *whole branch*, with all that hangs on it.
#
# In a network the branch is a **neuron**; in a convolution it is a **channel**: one filter, and the map
# of responses that it writes. Saw it off, and its filter goes, the entry in the batch norm goes, and in
# the next layer the weights go that would have read it.

# %%
import dataclasses
import functools
from copy import deepcopy

import ipywidgets
import torch
from torch import nn

from course_lib import (
    channel_patches,
    channels,
    counting,
    data,
    engines,
    figures,
    neuron_pruning,
    predict,
    recorded,
    scorecard,
    sensitivity,
    table,
    training,
    widgets,
)
from course_lib.claims import claim

scorecard.set_threads()
images = data.load()
network = training.original(images)
layers = list(
    channels.parts(network)
)  # those whose channels can go, from first to last
all_macs = counting.macs(network, images.shape)
print(dict(zip(layers, network.widths, strict=True)))

# %% [markdown]
# ## Predict first
# Remove 30% of the channels of every layer. **How many percent of the multiplications are saved?** (They
# are counted as MACs: multiply, accumulate.)

# %%
my_guess = None

guess = predict.guess(
    "Percent of the MACs that are saved?", my_guess, low=0, high=100, unit="%"
)
guess

# %% [markdown]
# ## From scratch
# The simplest criterion: a filter with small weights writes small numbers, so it matters least (Li et
# al. 2017). Here it is for one layer. Look at what goes with a filter: it is the whole craft.


# %%
def trim(network, fraction):
    """A copy whose second convolution has lost its filters with the smallest weights."""
    smaller = deepcopy(network)
    conv, norm, reader = (smaller.features[i] for i in (3, 4, 7))
    importance = conv.weight.abs().sum(dim=(1, 2, 3))
    order = importance.argsort()  # the least important first
    stay = order[round(fraction * len(order)) :].sort().values
    conv.weight = nn.Parameter(conv.weight[stay])
    for name in ("weight", "bias"):
        setattr(norm, name, nn.Parameter(getattr(norm, name)[stay]))
    for name in ("running_mean", "running_var"):
        setattr(norm, name, getattr(norm, name)[stay])
    reader.weight = nn.Parameter(reader.weight[:, stay])
    return smaller


by_hand = trim(network, 0.5)
print(
    tuple(network.features[3].weight.shape), tuple(by_hand.features[3].weight.shape)
)

# %% [markdown]
# `neuron_pruning` does this for every layer, in three steps: `importance`, `choose`, `remove`. What comes
# out is a plain network with fewer channels. Nothing is masked.

# %%
importances = {"l1": neuron_pruning.importance(network, "l1")}
chosen = neuron_pruning.choose(importances["l1"], 0.3)
trimmed = neuron_pruning.remove(network, chosen)
saved = 100 * (1 - counting.macs(trimmed, images.shape) / all_macs)
left = counting.macs_by_layer(trimmed, images.shape)
for layer, work in counting.macs_by_layer(network, images.shape).items():
    print(f"{layer:12} {left[layer] / work:.0%} of its MACs left")
guess.reveal(round(saved))

# %% [markdown]
# Why about half? You cut the filters, and the layer before has lost as many channels, so each filter that
# stays reads less, too. Only the first layer still reads all of the picture, and the last still writes all
# of the classes.
#
# > **Formula: the work of a convolution**
# >
# > $$\text{MACs} = H \cdot W \text{ places} \;\times\; C_{out} \text{ filters} \;\times\; C_{in} K^2 \text{ that each reads}$$
# >
# > With 70% of the channels left on both sides, $0.7 \cdot 0.7 = 0.49$ of the work is left.

# %% [markdown]
# ## The norms must look again
# Is a network that lost 30% of its channels broken? Look at the batch norms first. Each remembers the mean and
# the spread of what arrived in training. Now less arrives.
#
# > **Formula: a batch norm, when it is not training** (Ioffe and Szegedy 2015)
# >
# > $$y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta$$
# >
# > $\mu$ is `running_mean`, $\sigma^2$ is `running_var`. With $\gamma = 1$, $\beta = 0$, $\mu = 4$ and
# > $\sigma = 2$, $x = 6$ gives $1$. Cut channels that brought 3 of those 6, and it gives $-0.5$: the ReLU
# > makes that 0.
#
# So let them measure again, on a few training images: no gradient, no label, a moment (Li et al. 2020).


# %% tags=["nbval-ignore-output"]
def look_again(network, images):
    """A copy whose batch norms have measured what arrives now."""
    fresh = deepcopy(network)
    for norm in fresh.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean of all batches
    fresh.train()
    with torch.no_grad():
        for inputs, _ in images.batches(64):
            fresh(inputs)
    return fresh.eval()


sample = images.val.first(120)
few = images.train.first(128)  # training images: what chooses must not judge
stale = training.evaluate(trimmed, sample)
repaired = training.evaluate(look_again(trimmed, few), sample)
print(f"30% cut: {stale:.1%}; norms taken anew: {repaired:.1%}")

# %% [markdown]
# Much of that was no real damage: not one weight has changed. So before you compare cuts, let the norms look again
# (`training.recalibrated` does just this).
#
# ## Which branches matter?
# Five criteria. *l1* and *l2* look at the filter alone. *Activation* measures how strongly the channel
# responds. *Taylor* asks how the loss would change if the channel were gone. *Random* is the baseline.
#
# > **Formula: what a channel is worth** (l1: Li et al. 2017; Taylor: Molchanov et al. 2017)
# >
# > $$I_{l1} = \sum \lvert w \rvert$$
# >
# > $$I_{Taylor} = \frac{1}{N} \sum_{n} \Big\lvert \sum_{u,v} a_{n,u,v} \frac{\partial L}{\partial a_{n,u,v}} \Big\rvert$$
# >
# > $a$ is what the next layer reads of the channel, at place $u, v$ in image $n$. Two places that hold 2 and 1,
# > with gradients 0.3 and −0.5: $\lvert 0.6 - 0.5 \rvert = 0.1$. Set both to zero, and the loss changes by
# > about 0.1.


# %% tags=["nbval-ignore-output"]
def taylor(network, images, reader=7):
    """What each channel is worth that the convolution `features[reader]` reads."""
    inputs, labels = next(images.batches(len(images)))
    read = network.features[:reader](inputs).detach().requires_grad_()
    logits = network.classify(network.features[reader:](read).mean(dim=(2, 3)))
    loss = nn.functional.cross_entropy(logits, labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, read)
    return (read * gradient).sum(dim=(2, 3)).abs().mean(dim=0)


for criterion in ("l2", "activation", "taylor"):
    importances[criterion] = neuron_pruning.importance(network, criterion, few)
for seed in (0, 1):
    importances[f"random {seed}"] = neuron_pruning.importance(
        network, "random", seed=seed
    )
shares = [0.1, 0.2, 0.35]
uncut = training.evaluate(network, sample)
at_once = {}
for criterion, values in importances.items():
    cuts = [neuron_pruning.choose(values, share) for share in shares]
    small = [neuron_pruning.remove(network, cut) for cut in cuts]
    fresh = [training.recalibrated(one, few) for one in small]
    at_once[criterion] = [uncut, *(training.evaluate(one, sample) for one in fresh)]
both = zip(at_once.pop("random 0"), at_once.pop("random 1"), strict=True)
at_once["random"] = [sum(pair) / 2 for pair in both]
figures.many_curves(
    [0, *(100 * share for share in shares)],
    at_once,
    "channels removed from every layer (%)",
    "validation accuracy",
    "Cut, norms taken anew, no weight learned since",
    chance=1 / len(images.classes),
)

# %% [markdown]
# Don't trust their order: 120 images, one draw. Here are means of three draws of images (for *random*, of channels), judged on a
# thousand:

# %%
records = recorded.load("neuron_pruning")
print(records.label("criteria"))
draws = {}
for row in records["criteria"]["rows"]:
    place = draws.setdefault(row["criterion"], {}).setdefault(row["cut"], [])
    place.append(row["norms taken anew"])
mean = {c: {cut: sum(v) / len(v) for cut, v in d.items()} for c, d in draws.items()}
print("cut       ", *(f"{cut:7.0%}" for cut in mean["l1"]))
for criterion, values in mean.items():
    print(f"{criterion:10}", *(f"{value:7.1%}" for value in values.values()))

# %% [markdown]
# For a light cut it hardly matters whom you ask, *activation* apart: even chance comes close. From a third on it
# does. The gradient keeps more than chance in every draw; the size of the filters does no better than chance, and
# at half *worse*, every time. And a strong response is no sign of importance: some channels shout all the time and
# say nothing. No criterion makes deep cuts free. Chapter 01's
# lesson: little is lost alone, much together.

# %% [markdown]
# ## See it
# On the left the network as a tree, the first layer at its foot. In the middle the channels of one layer: for
# each the piece of a validation image to which it responds most, the most important first. On the right,
# what is left, the norms taken anew. Trim, and watch what goes.

# %% folded=true tags=["nbval-ignore-output"]
tiles = channel_patches.patches(network, images.val.first(100))
judges = images.val.first(48)


@functools.cache
def trim_all(criterion, percent):
    cut = neuron_pruning.choose(importances[criterion], percent / 100)
    small = neuron_pruning.remove(network, cut)
    work = counting.macs(small, images.shape) / all_macs
    fresh = training.recalibrated(small, few.first(64))
    return small.widths, work, training.evaluate(fresh, judges)


def draw(layer, criterion, percent):
    widths, work, accuracy = trim_all(criterion, percent)
    order = importances[criterion][layers[layer]].argsort(descending=True)
    left = {
        "channels": sum(widths) / sum(network.widths),
        "MACs": work,
        f"named right, of {len(judges)}": accuracy,
    }
    gone = len(order) - widths[layer]
    return figures.trimming(
        network.widths, widths, tiles[layers[layer]][order], gone, layer, left
    )


widgets.Interactive(
    draw,
    percent=ipywidgets.IntSlider(30, 0, 90, 5, description="trim %"),
    criterion=ipywidgets.Dropdown(
        options=["l1", "taylor", "activation", "random 0"], description="criterion"
    ),
    layer=ipywidgets.Dropdown(
        options=[(f"layer {i + 1}", i) for i in range(len(layers))],
        value=3,
        description="show",
    ),
)

# %% [markdown]
# ## Which layer can spare some?
# A gardener doesn't cut every branch by the same share. Cut *one layer at a time*, and measure. (The norms
# are left alone here. The exercise asks what changes when they are not.)

# %% tags=["nbval-ignore-output"]
fractions = [0, 0.1, 0.25, 0.5, 0.75]
judged = images.val.first(150)
spared = sensitivity.sensitivity(network, judged, fractions)
figures.many_curves(
    [100 * fraction for fraction in fractions],
    {f"layer {i + 1}": spared[layer] for i, layer in enumerate(layers)},
    "channels removed from this layer alone (%)",
    "validation accuracy",
    "Some layers can spare a lot, others very little",
    chance=1 / len(images.classes),
)

# %% [markdown]
# ## On the network: cut, and let it learn again
# A tree that was trimmed grows again. Cut *half* of the channels of every layer, then train for a short
# while: **fine-tuning**.

# %% tags=["nbval-ignore-output"]
FRACTION, EPOCHS = 0.5, 2
short = dataclasses.replace(
    images, train=images.train.first(3500), val=images.val.first(300)
)
seen = EPOCHS * len(short.train)
cut = neuron_pruning.prune(network, FRACTION)
half, history = training.fit(cut, short, epochs=EPOCHS, learning_rate=0.02)
before, after_cut, after = (
    training.evaluate(one, short.val) for one in (network, cut, half)
)
print(f"{before:.1%}, cut: {after_cut:.1%}, {seen:,} images later: {after:.1%}")
print(f"fine-tuned for {history.seconds:.0f} s; widths now {half.widths}")

# %% [markdown]
# After the saw most of the accuracy was gone. A short training brought nearly all of it back.

# %% [markdown]
# ## Is half of the work half of the time?
# You know the MACs. Now the clock, in two programs that run networks: PyTorch, and ONNX Runtime on one thread. If
# time followed the work, the dots would lie on the line.

# %% tags=["nbval-ignore-output"]
image = data.normalise(sample.pixels[:1])
cuts = {f"{share:.0%} cut": share for share in (0.5, 0.75, 0.9)}
smaller = [neuron_pruning.prune(network, share) for share in cuts.values()]
exported = [engines.onnx(one, images.shape) for one in (network, *smaller)]
works = [counting.macs(one, images.shape) / all_macs for one in smaller]
with torch.inference_mode():
    runs = {
        "PyTorch": [lambda one=one: one(image) for one in (network, *smaller)],
        "ONNX Runtime": [one.run(image) for one in exported],
    }
    work_and_time = {}
    for engine, several in runs.items():
        whole, *times = scorecard.latency(*several, limit_s=3)
        shares_left = [time.median_ms / whole.median_ms for time in times]
        pairs = zip(works, shares_left, strict=True)
        work_and_time[engine] = dict(zip(cuts, pairs, strict=True))
figures.work_and_time(work_and_time)

# %% [markdown]
# It depends on who runs it. PyTorch pays for each layer before its first multiplication: Python calls it, its
# threads are woken and waited for, whatever the channels. ONNX Runtime has planned the whole
# graph beforehand, and follows the work much longer. Your processor has a say, too: registers are wide, and thin
# layers leave them half empty. *Fewer MACs are
# a promise. Only a clock can tell who keeps it.*

# %% [markdown]
# ## What production does
# In your own work use **torch-pruning**: it traces any network, finds what belongs together, and cuts it.
# With the same criterion it must leave the same network as ours, to the last weight.

# %%
import torch_pruning

theirs = deepcopy(network)
torch_pruning.pruner.BasePruner(
    theirs,
    data.normalise(images.val.pixels[:1]),
    importance=torch_pruning.importance.MagnitudeImportance(
        p=1, group_reduction="first", normalizer=None
    ),
    pruning_ratio=FRACTION,
    ignored_layers=[theirs.classify],
).step()
ours = cut.state_dict()
same_weights = all(
    torch.equal(ours[name], weights)
    for name, weights in theirs.state_dict().items()
)
print("the same channels, the same weights:", same_weights)

# %% [markdown]
# ## The sharp question
# *Why not train a small network right away?* Liu et al. (2019) asked it, and embarrassed the field. So:
# the same widths, from first weights. Once with just the images that fine-tuning saw. And a quarter of the width
# with ever more: all that the original saw and those of fine-tuning; twice as many; and for one seed twice as
# many again, to see whether it still gains.


# %% tags=["nbval-ignore-output"]
def by_way(name, value="accuracy"):
    """Way -> one value for each seed."""
    found = {}
    for row in records[name]["rows"]:
        found.setdefault(row["way"], []).append(row[value])
    return found


rows = [
    ("half", "pruned, fine-tuned", "half", "pruned"),
    ("half", "from scratch, as long", "half", "from scratch"),
    ("quarter", "pruned, fine-tuned", "a quarter of", "pruned"),
    ("quarter", "from scratch, as long", "a quarter of", "from scratch"),
    ("gradual", "at once", "a quarter of", "pruned"),
    ("quarter", "from scratch, to the end", "a quarter of", "from scratch"),
]
rows += [
    ("longer", way, "a quarter of", "from scratch") for way in by_way("longer")
]
ways = {}
for name, way, size, made in rows:
    count = by_way(name, "images_seen")[way][0]
    label = f"{size} the width, {made}, {count:,} images"
    ways[label] = by_way(name)[way]
print(records.label("half"))
print(records.label("quarter"))
print(records.label("longer"))
figures.runs(ways, "test accuracy, one dot a seed", "Pruned, and from scratch")

# %% [markdown]
# So, honestly: **given time enough, the small network from scratch is as good as the original**, as far as one seed can
# tell. (The original saw a quarter as many images. And the last doubling still gained.) The pruned one inherits no secret that only large
# networks know. It gives you *time*: after a short training from scratch it names a quarter, and to get as far as the pruned one it takes several
# times as many images.
#
# So prune when you own a trained network and not the budget to train another. If you have the budget, train
# small. (When a teacher helps, chapter 05 asks.)

# %% [markdown]
# ## When it fails: too much at once
# Saw off three of four branches, and the tree is a stump. Here is what that leaves, and what the same
# fine-tuning makes of the half and of the quarter. Do *four steps* help, with fine-tuning in between? Those runs
# saw more images, all the same number.

# %% tags=["nbval-ignore-output"]
stump = training.recalibrated(neuron_pruning.prune(network, 0.75), few)
stump = training.evaluate(stump, sample)
print(f"three of four gone at once, norms taken anew: {stump:.1%} named right")
print(records.label("gradual"))
too_much = {
    "half gone": by_way("half")["pruned, fine-tuned"],
    "three of four gone": by_way("quarter")["pruned, fine-tuned"],
}
for way, values in by_way("gradual").items():
    seconds = sum(by_way("gradual", "seconds")[way]) / len(values)
    too_much[f"three of four, {way}, {seconds:.0f} s"] = values
figures.runs(
    too_much,
    "test accuracy, one dot a seed",
    "The deeper the cut, the less comes back",
)

# %% [markdown]
# Over-pruning costs what no short training brings back. And the steps? Where fine-tuning is short anyway,
# they change little, and take longer, since the early ones still train a wide network.

# %% [markdown]
# ## The scorecard

# %% tags=["nbval-ignore-output"]
networks = {"original": network, "half of the channels": half}
cards = scorecard.measure_all(networks, images, limit_s=3)
scorecard.keep("02_neuron_pruning", cards)
comparison = scorecard.compare(cards)
comparison

# %% tags=["nbval-ignore-output"]
table.grow("02_neuron_pruning", cards, networks, images, trained_on=seen)

# %% [markdown]
# ## The claims, checked

# %% tags=["claims"]
computed = recorded.computed()  # None: no machine can change what is recorded
inputs = data.normalise(sample.pixels[:8])
with torch.inference_mode():
    by_library = neuron_pruning.prune(network, {layers[1]: 0.5})
    same_by_hand = torch.allclose(by_hand(inputs), by_library(inputs), atol=1e-4)
    silenced = neuron_pruning.zeroed(network, chosen)
    same_silenced = torch.allclose(silenced(inputs), trimmed(inputs), atol=1e-4)
claim("the notebook cuts the channels that the library cuts", same_by_hand)
claim("a network without channels answers as if they were silent", same_silenced)
with torch.inference_mode():
    same_norms = torch.allclose(
        look_again(trimmed, few)(inputs),
        training.recalibrated(trimmed, few)(inputs),
        atol=1e-3,
    )
claim("norms that look again here are those of the library", same_norms)
claim(
    "so is what a channel is worth by its gradient",
    torch.allclose(
        taylor(network, few), importances["taylor"][layers[1]], rtol=0.01, atol=1e-6
    ),
)
claim(
    "much of the damage of a cut is in the norms",
    repaired > stale + 0.2,
    images=images.name,
    measured=f"{stale:.1%}, {repaired:.1%}",
)
claim(
    "30% fewer channels are about half of the MACs",
    45 < saved < 55,
    measured=f"{saved:.0f}%",
)
claim(
    "a strong response is no sign of importance: activation does worse than chance",
    sum(at_once["activation"]) < sum(at_once["random"]),
    images=images.name,
    measured=str({name: values[1:] for name, values in at_once.items()}),
)
light, third, deep = ({c: mean[c][cut] for c in mean} for cut in (0.1, 0.35, 0.5))
claim(
    "recorded: for a light cut all but activation are within two points",
    max(light.values()) - min(light[c] for c in light if c != "activation") < 0.02,
    machine=computed,
    measured=str(light),
)
claim(
    "recorded: from a third on the gradient is ahead of chance in every draw",
    all(
        ours > theirs
        for cut in (0.35, 0.5)
        for ours, theirs in zip(
            draws["taylor"][cut], draws["random"][cut], strict=True
        )
    ),
    machine=computed,
    measured=f"{third}, {deep}",
)
claim(
    "recorded: the size of the filters does no better than chance at a third, worse at half every time",
    max(third["l1"], third["l2"]) < third["random"]
    and all(
        max(by_l1, by_l2) < by_chance
        for by_l1, by_l2, by_chance in zip(
            draws["l1"][0.5], draws["l2"][0.5], draws["random"][0.5], strict=True
        )
    ),
    machine=computed,
    measured=f"{third}, {deep}",
)
claim(
    "recorded: activation is the worst at every cut",
    all(
        mean["activation"][cut] == min(mean[c][cut] for c in mean)
        for cut in mean["l1"]
    ),
    machine=computed,
    measured=str(mean["activation"]),
)
claim(
    "recorded: a third cut at once costs a tenth of the accuracy and more, whatever the criterion",
    max(max(draws[c][0.35]) for c in draws) < records["criteria"]["uncut"] - 0.1,
    machine=computed,
    measured=str(third),
)
at_half = [values[3] for values in spared.values()]
claim(
    "one layer can spare half of its channels for a tenth of the accuracy, another cannot",
    max(at_half) > 0.9 * spared[layers[0]][0] > min(at_half),
    images=images.name,
    measured=str(at_half),
)
claim(
    "half of the channels gone costs more than half of the accuracy, and is nearly all repaired",
    after_cut < 0.5 * before and after > before - 0.05,
    images=images.name,
    measured=f"{before:.1%}, {after_cut:.1%}, {after:.1%}",
)
deepest_work, deepest_time = work_and_time["PyTorch"]["90% cut"]
claim(
    "in PyTorch the deepest cut leaves at least three times as much of the time as of the work",
    deepest_time > 3 * deepest_work,
    machine="other programs are running, or calls cost next to nothing there",
    measured=f"{deepest_time:.1%} of the time for {deepest_work:.1%} of the work",
)
left_at_half = {name: cut["50% cut"][1] for name, cut in work_and_time.items()}
claim(
    "with half of the channels, ONNX Runtime saves more of its time than PyTorch of its own",
    left_at_half["ONNX Runtime"] < left_at_half["PyTorch"],
    machine="other programs are running",
    measured=str(left_at_half),
)
claim("torch-pruning leaves the same network, to the last weight", same_weights)
as_long = [
    row["against pruned, fine-tuned"]
    for name in ("half", "quarter")
    for row in records[name]["rows"]
    if row["way"] == "from scratch, as long"
]
claim(
    "recorded: trained as short as fine-tuning, from scratch is worse, every time",
    all(found["high"] < 0 for found in as_long),
    machine=computed,
    measured=", ".join(f"{found['points']:+.1f}" for found in as_long) + " points",
)
to_the_end = [
    row["against pruned, fine-tuned"]
    for row in records["quarter"]["rows"]
    if row["way"] == "from scratch, to the end"
]
claim(
    "recorded: with all images, from scratch overtakes a short fine-tuning, every time",
    all(found["low"] > 0 for found in to_the_end),
    machine=computed,
    measured=", ".join(f"{found['points']:+.1f}" for found in to_the_end)
    + " points",
)
longer = by_way("gradual")["at once"]
whole_way = by_way("quarter")["from scratch, to the end"]
claim(
    "recorded: pruned, a quarter of the images lead within a point of from scratch to the end",
    abs(sum(longer) / len(longer) - sum(whole_way) / len(whole_way)) < 0.01
    and 4 * by_way("gradual", "images_seen")["at once"][0]
    <= by_way("quarter", "images_seen")["from scratch, to the end"][0],
    machine=computed,
    measured=str({"pruned": longer, "from scratch": whole_way}),
)
twice, *_ = by_way("longer").values()
claim(
    "recorded: with twice as many images it gains, and passes the longest fine-tuning",
    min(twice) > max(whole_way) and min(twice) > max(longer),
    machine=computed,
    measured=str({"from scratch": twice, "pruned": longer}),
)
[four_times] = [r for r in records["longer"]["rows"] if r["images_seen"] > 400_000]
claim(
    "recorded: with four times as many it still gains, and is as good as the original",
    four_times["accuracy"] > max(twice)
    and four_times["against_original"]["high"] > 0,
    machine=computed,
    measured=str(four_times),
)
claim(
    "three of four channels at once leave little more than guessing",
    stump < 2.5 / len(images.classes),
    images=images.name,
    measured=f"{stump:.1%}",
)
claim(
    "recorded: the deeper the cut, the less the same fine-tuning brings back, every time",
    min(too_much["half gone"]) > max(too_much["three of four gone"]),
    machine=computed,
    measured=str(too_much),
)
steps = [
    row["against at once"]["points"]
    for row in records["gradual"]["rows"]
    if row["way"] == "in four steps"
]
claim(
    "recorded: at the same number of images, four steps change the mean by less than a point",
    abs(sum(steps) / len(steps)) < 1,
    machine=computed,
    measured=str(steps),
)
pair = comparison.differences[1]
claim(
    "a quarter of the MACs is left, a quarter of the bytes, and at most four points are lost",
    cards[1].macs < 0.27 * cards[0].macs
    and cards[1].file_bytes < 0.27 * cards[0].file_bytes
    and pair.points > -4,
    images=images.name,
    measured=str(pair),
)
claim(
    "with half of the channels it is faster",
    cards[1].latency_ms_median < cards[0].latency_ms_median,
    machine="other programs are running",
    measured=f"{cards[1].latency_ms_median:.2f} of {cards[0].latency_ms_median:.2f} ms",
)

# %% [markdown]
# ## Takeaways
# - A channel goes with its filter, its norm, and the weights that read it. The network is smaller for
#   good: no special format, no special hardware.
# - Fewer channels shrink a layer twice. Whether the clock follows is up to the program that runs it.
# - Cut, let the norms look again, judge. Criteria matter for deep cuts, and none is an oracle.
# - Cut, learn, measure. One layer can spare three quarters of its channels, another not half.
# - From scratch gets as far, if you have the time. Pruning is for those who don't.
#
# **Quiz**
#
# <details><summary>You remove half of the channels of <i>one</i> layer in the middle. How much of the
# MACs of the <i>next</i> layer is left?</summary>
# Half. It keeps all of its filters, but each reads half as many channels. Only a layer that is cut itself
# <i>and</i> reads one that was cut is down to a quarter.
# </details>
#
# <details><summary>In a network with skip connections, why can't you choose the channels of each layer
# freely?</summary>
# The two things that are added must have the same channels. Layers that add into one another lose the
# same channels together, or none.
# </details>
#
# <details><summary>A paper says: pruned to a tenth, as good as the original. What would you ask for?
# </summary>
# The same small network from scratch with the same total budget; the time on a clock, not only MACs; and
# the interval of the difference.
# </details>
#
# **Try it.** Change one thing, guess first, run again:
# - `FRACTION = 0.75`: how much more fine-tuning does it need?
# - `trim(network, 0.5)`: keep the *least* important filters instead. How bad is it?

# %% [markdown]
# ## Going further: the bottleneck
# All information flows through every layer. Leave *two* channels of one layer in the half network, and
# compare with an even cut that leaves no more MACs. Both get the same fine-tuning.

# %% tags=["nbval-ignore-output"]
narrow_at = layers[3]
narrow = neuron_pruning.prune(half, {narrow_at: 1 - 2 / half.widths[3]})
goal = counting.macs(narrow, images.shape)
share = next(
    step / 64
    for step in range(64)
    if counting.macs(neuron_pruning.prune(half, step / 64), images.shape) <= goal
)
even = neuron_pruning.prune(half, share)
brief = dataclasses.replace(
    images, train=images.train.first(1000), val=images.val.first(200)
)
grown = {}
for name, start in (("bottleneck", narrow), ("even cut", even)):
    tuned, _ = training.fit(start, brief, 1, learning_rate=0.02)
    grown[name] = training.evaluate(tuned, brief.val)
    work = counting.macs(start, images.shape) / all_macs
    print(f"{name:10} {work:.1%} of the MACs, {grown[name]:.1%} {start.widths}")
claim(
    "a bottleneck of two channels costs far more than an even cut",
    grown["bottleneck"] < grown["even cut"] - 0.1
    and counting.macs(even, images.shape) <= goal,
    images=images.name,
    measured=str(grown),
)

# %% [markdown]
# ## Going further: cut where it can be spared
# Spend the cut where it hurts least for the work it saves: a few channels at a time, always in the layer
# where they cost least, until the network has no more MACs than one that was cut alike everywhere
# (`sensitivity.allocate`).
#
# > **Formula: the price of a cut**
# >
# > $$\text{price} = \frac{-\log(\text{accuracy after}) + \log(\text{accuracy before})}{\text{MACs saved}}$$
# >
# > With logarithms, losses of several layers add up as their accuracies multiply: 0.9 and 0.8 make 0.72.
#
# We judge on *other* validation images than those that decided.

# %% tags=["nbval-ignore-output"]
alike = neuron_pruning.remove(
    network, neuron_pruning.choose(importances["l1"], 0.3)
)
target = counting.macs(alike, images.shape)
shares_of_layers = sensitivity.allocate(
    network, images.shape, spared, fractions, target
)
spread = neuron_pruning.remove(
    network, neuron_pruning.choose(importances["l1"], shares_of_layers)
)
others = images.val.subset(slice(min(200, len(images.val) // 2), 500))
accuracy, fresh = {}, {}
for name, small in (("alike", alike), ("by sensitivity", spread)):
    accuracy[name] = training.evaluate(small, others)
    fresh[name] = training.evaluate(training.recalibrated(small, few), others)
    work = counting.macs(small, images.shape) / all_macs
    print(f"{name}, {small.widths}: {work:.1%} of the MACs")
    print(
        f"   {accuracy[name]:.1%} named right, norms taken anew {fresh[name]:.1%}"
    )
claim(
    "cut where it can be spared, more is left of the accuracy, at no more MACs",
    accuracy["by sensitivity"] > accuracy["alike"] + 0.1
    and fresh["by sensitivity"] > fresh["alike"]
    and counting.macs(spread, images.shape) <= target,
    images=images.name,
    measured=f"{accuracy}, norms taken anew {fresh}",
)

# %% [markdown]
# ## Going further: does the head start last?
# Cut by sensitivity, the network is ahead at once. Then both learn on.

# %% tags=["nbval-ignore-output"]
print(records.label("allocation"))
start = records["allocation"]["at_once"]
print("at once:", {way: f"{share:.1%}" for way, share in start.items()})
figures.runs(
    by_way("allocation"),
    "test accuracy, one dot a seed",
    "The same MACs, after fine-tuning",
)

# %%
ahead = [
    row["against alike"]["points"]
    for row in records["allocation"]["rows"]
    if row["way"] == "by sensitivity"
]
claim(
    "recorded: far ahead at once, and not ahead any more after fine-tuning",
    start["by sensitivity"] > start["alike"] + 0.1 and max(ahead) < 0.5,
    machine=computed,
    measured=f"{start}, {ahead}",
)

# %% [markdown]
# It doesn't. Sensitivity was measured *without* learning, and so it says what can be spared without learning.
# Use it when you cannot fine-tune: no images, no time. Otherwise an even cut is hard to beat.

# %% [markdown]
# ## Going further: networks that are no chains
# Skip connections, concatenations, depthwise convolutions: `remove` asks torch-pruning which layers share
# their channels, cuts them together, and checks that the smaller network computes what the silenced one
# does. Here is torchvision's MobileNet, made for phones, untrained, for small images:

# %%
from torchvision.models import mobilenet_v3_small

shape = (3, 64, 64)
mobile = mobilenet_v3_small(weights=None)
thinner = neuron_pruning.prune(mobile, 0.5, shape=shape)
share = counting.macs(thinner, shape) / counting.macs(mobile, shape)
answers = tuple(thinner(torch.zeros(1, *shape)).shape)
print(f"{share:.0%} of the MACs, answers {answers}")
claim(
    "half of the channels gone leaves far less than half of the MACs there, too",
    0.2 < share < 0.4,
    measured=f"{share:.0%}",
)

# %% [markdown]
# **Next:** `03_weight_pruning` takes away single weights, and finds that a zero is not yet a saving.
