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
# - say why removing few channels saves much work, and why time does not follow all the way,
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
# al. 2017). Here it is for one layer. Look at what has to go with a filter: it is the whole craft.


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
# out is a plain network with fewer channels. Nothing is masked; nothing is left of what was cut.

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
# Why about half? A layer's work is *places x filters x what each filter reads*. You cut the filters, and
# the layer before has lost as many channels, so each filter that stays reads less, too: 0.7 x 0.7. Only
# the first layer still reads all of the picture, and the last still writes all of the classes.

# %% [markdown]
# ## Which branches matter?
# Five criteria. *l1* and *l2* look at the filter alone. *Activation* measures how strongly the channel
# responds. *Taylor* multiplies the response by its gradient: how would the loss change if the channel
# were gone (Molchanov et al. 2017)? *Random* is the baseline. Cut, train nothing, and look.

# %% tags=["nbval-ignore-output"]
looked_at = images.train.first(128)  # training images: what chooses must not judge
sample = images.val.first(120)
for criterion in ("l2", "activation", "taylor"):
    importances[criterion] = neuron_pruning.importance(
        network, criterion, looked_at
    )
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
    at_once[criterion] = [uncut, *(training.evaluate(one, sample) for one in small)]
both = zip(at_once.pop("random 0"), at_once.pop("random 1"), strict=True)
at_once["random"] = [sum(pair) / 2 for pair in both]
figures.many_curves(
    [0, *(100 * share for share in shares)],
    at_once,
    "channels removed from every layer (%)",
    "validation accuracy",
    "Cut, and nothing learned since",
    chance=1 / len(images.classes),
)

# %% [markdown]
# Two surprises. Trimming hurts *early*: chapter 01's lesson, most are harmless alone, together they are
# not. And the criteria are no oracle. For a light cut the gradient knows best. But a strong response
# is no sign of importance: some channels shout all the time and say nothing.

# %% [markdown]
# ## See it
# On the left the network, layer on layer, as a tree. In the middle the channels of one layer: for each
# the piece of a validation image to which it responds most, the most important first. Trim, and watch
# what goes. Do the last ones look less useful to *you*?

# %% tags=["nbval-ignore-output"]
tiles = channel_patches.patches(network, images.val.first(100))
few = images.val.first(48)


@functools.cache
def trim_all(criterion, percent):
    cut = neuron_pruning.choose(importances[criterion], percent / 100)
    small = neuron_pruning.remove(network, cut)
    work = counting.macs(small, images.shape) / all_macs
    return small.widths, work, training.evaluate(small, few)


def draw(layer, criterion, percent):
    widths, work, accuracy = trim_all(criterion, percent)
    order = importances[criterion][layers[layer]].argsort(descending=True)
    left = {
        "channels": sum(widths) / sum(network.widths),
        "MACs": work,
        f"named right, of {len(few)}": accuracy,
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
# A gardener doesn't cut every branch by the same share. Cut *one layer at a time*, and measure.

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
# Now spend the cut where it hurts least for the work it saves. `sensitivity.allocate` does that step by
# step, until the network has no more MACs than one that was cut alike everywhere. We judge on *other*
# validation images than those that decided.

# %% tags=["nbval-ignore-output"]
alike = neuron_pruning.remove(
    network, neuron_pruning.choose(importances["l1"], 0.2)
)
target = counting.macs(alike, images.shape)
shares_of_layers = sensitivity.allocate(
    network, images.shape, spared, fractions, target
)
spread = neuron_pruning.remove(
    network, neuron_pruning.choose(importances["l1"], shares_of_layers)
)
others = images.val.subset(slice(min(200, len(images.val) // 2), 500))
accuracy = {}
for name, small in (("alike", alike), ("by sensitivity", spread)):
    accuracy[name] = training.evaluate(small, others)
    work = counting.macs(small, images.shape) / all_macs
    print(f"{name:14} {work:.1%} of the MACs, {accuracy[name]:.1%} {small.widths}")

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
half, history = training.fit(
    cut, short, epochs=EPOCHS, learning_rate=0.02, progress=False
)
before, after_cut, after = (
    training.evaluate(one, short.val) for one in (network, cut, half)
)
print(f"{before:.1%}, cut: {after_cut:.1%}, {seen:,} images later: {after:.1%}")
print(f"fine-tuned for {history.seconds:.0f} s; widths now {half.widths}")

# %% [markdown]
# After the saw most of the accuracy was gone. A short training brought nearly all of it back. What was left
# of the filters is a far better start than chance, as you will see.

# %% [markdown]
# ## Is half of the work half of the time?
# You know the MACs. Now the clock. If time followed the work, the dots would lie on the line.

# %% tags=["nbval-ignore-output"]
image = data.normalise(sample.pixels[:1])
cuts = {f"{share:.0%} cut": share for share in (0.3, 0.5, 0.75, 0.9)}
smaller = [neuron_pruning.prune(network, share) for share in cuts.values()]
with torch.inference_mode():
    runs = [lambda one=one: one(image) for one in (network, *smaller)]
    whole_time, *times = scorecard.latency(*runs, limit_s=3)
work_and_time = {
    name: (
        counting.macs(one, images.shape) / all_macs,
        time.median_ms / whole_time.median_ms,
    )
    for name, one, time in zip(cuts, smaller, times, strict=True)
}
figures.work_and_time(work_and_time)

# %% [markdown]
# Each layer costs something before its first multiplication: it is called, it waits for its threads, its
# numbers come out of memory. That part doesn't shrink with the channels: the deeper the cut, the larger its
# share of what is left. How far above the line the dots lie, your processor decides: the faster it
# multiplies, and the wider the registers that thin layers leave half empty, the farther. (A dot below the
# line? The smaller network may fit into a cache that was too small before.) *Fewer MACs are a promise. Only a
# clock can tell whether it is kept.*

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
# the same widths, from first weights, three times. Once with just the images that fine-tuning saw; and for a
# quarter of the width also to the end, with all that the original ever saw and those of fine-tuning on top.

# %% tags=["nbval-ignore-output"]
records = recorded.load("neuron_pruning")


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
ways = {}
for name, way, size, made in rows:
    count = by_way(name, "images_seen")[way][0]
    label = f"{size} the width, {made}, {count:,} images"
    ways[label] = by_way(name)[way]
print(records.label("half"))
print(records.label("quarter"))
figures.runs(ways, "test accuracy, one dot a seed", "Pruned, and from scratch")

# %% [markdown]
# So, honestly: **given time enough, the small network from scratch is as good.** What the pruned
# one inherits is no secret that only large networks know. What pruning gives you is *time*. From scratch, a
# short training gives next to nothing; pruned, it gives a working network, and a little more training
# takes it to where the other arrives at the very end.
#
# So prune when you own a trained network and not the budget to train another. If you have the budget, train
# small, or better: in chapter 05 a teacher helps.

# %% [markdown]
# ## When it fails: the bottleneck
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
    tuned, _ = training.fit(start, brief, 1, learning_rate=0.02, progress=False)
    grown[name] = training.evaluate(tuned, brief.val)
    work = counting.macs(start, images.shape) / all_macs
    print(f"{name:10} {work:.1%} of the MACs, {grown[name]:.1%} {start.widths}")

# %% [markdown]
# ## When it fails: too much at once
# Saw off three of four branches, and the tree is a stump. Here is what such a cut leaves, and what the same
# fine-tuning makes of the half and of the quarter. Does it help to go in *four steps*, with fine-tuning in
# between? Those runs saw more images, all the same number.

# %% tags=["nbval-ignore-output"]
stump = training.evaluate(neuron_pruning.prune(network, 0.75), sample)
print(f"three of four gone at once: {stump:.1%} named right")
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
claim(
    "30% fewer channels are about half of the MACs",
    45 < saved < 55,
    measured=f"{saved:.0f}%",
)
light = {name: values[1] for name, values in at_once.items()}
claim(
    "for a light cut the gradient chooses better than chance",
    light["taylor"] > light["random"],
    images=images.name,
    measured=str(light),
)
mean = {name: sum(values) / len(values) for name, values in at_once.items()}
claim(
    "a strong response is no sign of importance: activation does worse than chance",
    mean["activation"] < mean["random"],
    images=images.name,
    measured=str(mean),
)
claim(
    "a third cut at once costs more than a third of the accuracy, whatever the criterion",
    all(values[-1] < 0.66 * values[0] for values in at_once.values()),
    images=images.name,
    measured=str({name: values[-1] for name, values in at_once.items()}),
)
at_half = [values[3] for values in spared.values()]
claim(
    "one layer can spare half of its channels for a tenth of the accuracy, another cannot",
    max(at_half) > 0.9 * spared[layers[0]][0] > min(at_half),
    images=images.name,
    measured=str(at_half),
)
claim(
    "cut where it can be spared, ten points more are left of the accuracy, at no more MACs",
    accuracy["by sensitivity"] > accuracy["alike"] + 0.1
    and counting.macs(spread, images.shape) <= target,
    images=images.name,
    measured=str(accuracy),
)
claim(
    "half of the channels gone costs more than half of the accuracy, and is nearly all repaired",
    after_cut < 0.5 * before and after > before - 0.05,
    images=images.name,
    measured=f"{before:.1%}, {after_cut:.1%}, {after:.1%}",
)
deepest_work, deepest_time = list(work_and_time.values())[-1]
claim(
    "the deepest cut leaves at least three times as large a share of the time as of the work",
    deepest_time > 3 * deepest_work,
    machine="other programs are running, or calls cost next to nothing there",
    measured=f"{deepest_time:.1%} of the time for {deepest_work:.1%} of the work",
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
    "recorded: trained to the end, from scratch overtakes a short fine-tuning, every time",
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
claim(
    "a bottleneck of two channels costs far more than an even cut",
    grown["bottleneck"] < grown["even cut"] - 0.1
    and counting.macs(even, images.shape) <= goal,
    images=images.name,
    measured=str(grown),
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
# - Fewer channels shrink a layer twice. The clock follows, but not all the way; how far, the processor
#   decides.
# - Cut, learn, measure. Cut where it can be spared. Never to a bottleneck.
# - From scratch is as good if you have the time. Pruning is for those who don't.
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
# - `choose(..., scope="global")`: which layers lose most when all channels compete?

# %% [markdown]
# ## Going further: let the norms look again
# A batch norm remembers the mean and the spread of what it saw in training. After the cut it sees
# something else. Let it take them anew from a few images: no gradient, no label, a moment.

# %% tags=["nbval-ignore-output"]
fresh = training.recalibrated(trimmed, images.train.first(500), 32)
stale = training.evaluate(trimmed, sample)
repaired = training.evaluate(fresh, sample)
print(f"30% cut: {stale:.1%}; norms taken anew: {repaired:.1%}")
claim(
    "much of the damage of a cut is in the norms",
    repaired > stale + 0.2,
    images=images.name,
    measured=f"{stale:.1%}, {repaired:.1%}",
)

# %% [markdown]
# ## Going further: does the head start last?
# Cut where it can be spared, or cut alike; the same MACs. You saw how far ahead the first is at once. Then
# both learn on.

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
