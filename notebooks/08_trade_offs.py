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
# # Trade-offs: how far, and for which machine?
#
# **In one sentence:** compression costs fine distinctions first; how far to go is found by searching, and
# what pays is decided by the hardware.
#
# *About 40 minutes.* Afterwards you can
# - say which knowledge a compressed network loses first, and show it,
# - search for the balance among many recipes, and choose by a rule of your own,
# - say which technique pays on which engine, and which pays nowhere without special hardware,
# - read a roofline: is this layer waiting for arithmetic or for memory?

# %% [markdown]
# ## The analogy
# Pack a suitcase, then a rucksack, then your pockets. The coat goes last: you would freeze at once. First
# goes what you would miss only now and then, on a fine occasion. The article warns of three things:
# *over-pruning can degrade performance, especially in fine-grained vision tasks*; *the right balance
# requires experimentation and validation*; and *some compressed models require specialized hardware*.
# This chapter measures all three.

# %%
import dataclasses
import tempfile

import numpy as np
import torch

from course_lib import (
    data,
    engines,
    figures,
    packing,
    predict,
    recipe,
    recorded,
    roofline,
    scorecard,
    search,
    training,
    weight_pruning,
)
from course_lib.claims import claim
from course_lib.models import WEIGHTS

scorecard.set_threads()
images = data.load()
network = training.original(images)
history = recorded.load("trade_offs")

# %% [markdown]
# ## Predict first
# Go on compressing where chapter 07 stopped, until a quarter of the leaves get a wrong *species*. A genus is
# easier: an oak is an oak. **How many of a hundred leaves then get a wrong *genus*?**

# %%
my_guess = None

guess = predict.guess(
    "Of 100 leaves, with how many a wrong genus?", my_guess, low=0, high=100
)
guess

# %% [markdown]
# ## Too far
# Five files, from chapter 07's down to some that would fit into a QR code. The recipe is the same; the
# widths shrink, and from the third on the bits. Restore each, and ask it about the test images.

# %% tags=["nbval-ignore-output"]
files = [WEIGHTS / "leaves.packed"]
files += [
    recorded.FOLDER / "ladder" / row["file"] for row in history["ladder"]["rows"]
]
ladder = [packing.load(file) for file in files]
truth = images.test.labels


def given_labels(network):
    """The species that it names, (count,)."""
    named = [network(inputs).argmax(1) for inputs, _ in images.test.batches(20)]
    return torch.cat(named)


named = [given_labels(step) for step in ladder]
right = {"species": [(n == truth).double().mean().item() for n in named]}
if images.groups is not None:
    genus = torch.tensor(images.groups)
    right["genus"] = [
        (genus[n] == genus[truth]).double().mean().item() for n in named
    ]
print(history.label("ladder"))
figures.by_size(
    [file.stat().st_size for file in files],
    right,
    "The same compression, two questions",
)

# %% tags=["nbval-ignore-output"]
worst = next(
    (i for i, share in enumerate(right["species"]) if share <= 0.8), len(files) - 1
)
wrong = {question: 1 - shares[worst] for question, shares in right.items()}
print(
    f"{files[worst].stat().st_size:,} bytes: "
    + ", ".join(
        f"{share:.1%} wrong {question}" for question, share in wrong.items()
    )
)
guess.reveal(round(100 * wrong.get("genus", wrong["species"])))

# %% [markdown]
# Which species does it mix up? Left, leaves that got a wrong name; right, leaves of the name they got.

# %% tags=["nbval-ignore-output"]
mixed = torch.bincount(
    truth * len(images.classes) + named[worst], minlength=len(images.classes) ** 2
).view(len(images.classes), -1)
mixed.fill_diagonal_(0)
pairs = [
    divmod(place, len(images.classes))
    for place in mixed.flatten().topk(4).indices.tolist()
]


def pictures(which, count=4):
    """The first few of them, for drawing."""
    return images.test.subset(which).first(count).pixels.permute(0, 2, 3, 1).numpy()


figures.confusions(
    [
        (
            images.classes[true],
            images.classes[taken],
            int(mixed[true, taken]),
            pictures((truth == true) & (named[worst] == taken)),
            pictures(truth == taken),
        )
        for true, taken in pairs
    ]
)

# %% [markdown]
# Would *you* have told them apart, at this size? What goes first is the knowledge of small differences. If
# your users only ask for the genus, go on; if they look for mushrooms, stop early.

# %% [markdown]
# ## From scratch: the front
# Several aims at once have no single winner. What can be said is who is *beaten*: another one is nowhere
# worse and somewhere better. Those whom nobody beats are the **Pareto front**. The choice among them is yours.


# %%
def front(points):
    """The points, tuples in which less is better, that no other point beats."""

    def beaten(p):
        return any(
            all(a <= b for a, b in zip(q, p, strict=True)) and q != p
            for q in points
        )

    return [p for p in points if not beaten(p)]


front([(3, 1), (1, 3), (2, 2), (3, 3), (2, 3)])

# %% [markdown]
# ## The search
# `search` tries recipes. Optuna proposes sizes, bits and prices (its sampler learns from what came of the
# earlier ones); each is tried cheaply first, and a quarter goes on in full. It asks the *validation* images
# only. Everything lies in a journal, so a search that stops goes on where it was. A small one, live:

# %% tags=["nbval-ignore-output"]
portion = dataclasses.replace(
    images, train=images.train.first(1200), val=images.val.first(300)
)
prune, _, distil, pack = recipe.LEAVES


def space(trial):
    """What may vary: the size, and the bits."""
    size = trial.suggest_float("size", 0.5, 1.5)
    bits = trial.suggest_int("bits", 2, 4)
    short = dataclasses.replace(distil, images=8000)
    return [prune.scaled(size), recipe.Quantize(bits), short, pack]


folder = tempfile.TemporaryDirectory()
live = search.search(
    portion, folder.name, trials=4, space=space, rungs=(0.3, 1.0), progress=False
)
live

# %% [markdown]
# And a longer one, recorded, as `python -m course_lib search --data leaves --out DIR` makes it. Hover over a
# point to see its settings; click it for its scorecard (on validation images: who asks the test images
# of many chooses by them).

# %% tags=["nbval-ignore-output"]
recorded_search = history["search"]
found = search.Found.restored(
    recorded_search, recorded.FOLDER / "search", images, network
)


def rule(trials):
    """Yours to write. This one: the smallest that loses at most one point."""
    held = [t for t in trials if t.drop <= 1]
    return min(held, key=lambda t: t.bytes)


winner = found.choose(rule)
print(history.label("search"))
print(f"chosen: {winner}")
found.interactive(winner)

# %% [markdown]
# Now, *once*, the test images: the winner, restored from its file in a fresh process.

# %% tags=["nbval-ignore-output"]
judged = found.judge(winner, images=1500)
judged

# %% [markdown]
# ## When one machine is not enough
# A hundred trials take hours here, and they don't need each other. With `--dask tcp://...` the same search
# hands its trials to a cluster: one coordinator asks, tells and measures the time (on *one* machine, one
# network at a time); the workers train. If a worker dies, its trials go to another. What does it cost?

# %% tags=["nbval-ignore-output"]
print(history.label("cluster"))
cost = {row["workers"]: row for row in history["cluster"]["rows"]}
for workers, row in cost.items():
    where = (
        f"{workers} worker{'s' * (workers > 1)}" if workers else "here, no cluster"
    )
    print(
        f"{where:18} {row['seconds']:5.0f} s for {row['cheap'] + row['full']} trials"
    )

# %% [markdown]
# Two workers are faster than one, but on *one* machine nothing is gained: without a cluster, both cores work on
# one trial, and nobody has to send pictures. A cluster pays from the second machine on.
#
# ## Hardware: what pays where
# Each technique in each engine, on one thread: how many times faster than the *original in float32* in the
# same engine. (Recorded; a test of your machine follows.)

# %% tags=["nbval-ignore-output"]
columns = history["engines"]["columns"]
techniques = list(columns["PyTorch"])


def original_in(column):
    """Milliseconds of the original in float32, in the engine of this column."""
    engine = column.partition(", ")[0]
    return columns.get(f"{engine}, float32", columns["PyTorch"])["original"]["ms"]


speed_ups = np.array(
    [
        [
            original_in(column) / times[name]["ms"] if name in times else np.nan
            for column, times in columns.items()
        ]
        for name in techniques
    ]
)
print(history.label("engines"))
figures.paying(
    techniques,
    list(columns),
    speed_ups,
    "times faster than the original in float32 in the same engine",
)

# %% [markdown]
# Fewer channels pay everywhere. 8 bits pay where the engine has integer arithmetic, and multiply with what
# pruning gave. Zeros pay nowhere, neither scattered nor two of four: no engine here skips them, and sparse
# arithmetic is slower still. Some GPUs skip two of four; scattered zeros want special hardware. (They do pay
# in *bytes*, chapter 03.)

# %% tags=["nbval-ignore-output"]
image = next(images.val.batches(1))[0]
whole = engines.onnx(network, images.shape)
in_8_bits = engines.int8(whole, images.train)
check, rounded = (
    engines.parity(made, images.val, count=200) for made in (whole, in_8_bits)
)
print(f"float32: {check}\n8 bits:  {rounded}")
zeros = weight_pruning.apply(
    network, weight_pruning.masks(network, 0.9, scope="global")
)
scattered = engines.onnx(zeros, images.shape)
best = packing.load(files[0])
times = scorecard.latency(
    *(made.run(image) for made in (whole, in_8_bits, scattered, best)), limit_s=4
)
names = ("float32", "8 bits", "90% zeros", "all together")
here = {
    name: times[0].median_ms / time.median_ms
    for name, time in zip(names, times, strict=True)
}
print("here:", ", ".join(f"{name} {ratio:.2g}x" for name, ratio in here.items()))

# %% [markdown]
# How many channels an engine computes at once is hardware, too. The same three convolutions in 8 bits, with
# one channel more each time:


# %% tags=["nbval-ignore-output"]
def layers(channels):
    """Three convolutions of as many channels, in 8 bits."""
    torch.manual_seed(0)
    c, wide = channels, torch.nn.Conv2d
    made = torch.nn.Sequential(
        wide(images.shape[0], c, 3, stride=4, padding=1), torch.nn.ReLU(),
        wide(c, c, 3, padding=1), torch.nn.ReLU(), wide(c, c, 3, padding=1),
    )  # fmt: skip
    floats = engines.onnx(made.eval(), images.shape)
    return engines.int8(floats, images.train, count=20, unsigned=True).run(image)


counts = range(28, 38)
stairs = scorecard.latency(*(layers(count) for count in counts), limit_s=1)
milliseconds = dict(zip(counts, (t.median_ms for t in stairs), strict=True))
figures.curves(
    list(counts),
    {"8 bits": list(milliseconds.values())},
    "channels",
    "milliseconds",
)

# %% [markdown]
# The engine computes channels in groups; a remainder costs extra. *Pruning one channel can cost time.* That is
# why the recipes leave multiples of eight.

# %% [markdown]
# ## The roofline
# A processor multiplies at most so fast, and fetches bytes at most so fast. A layer with many multiplications
# for each byte waits for arithmetic, one with few for memory. Where do yours lie?

# %% tags=["nbval-ignore-output"]
roof = roofline.roof()
compressed = recipe.PruneNeurons(prune.keep).apply(recipe.State(network), None)
under = {
    "original": roofline.layers(network, image, limit_s=2),
    "all together": roofline.layers(compressed.network, image, limit_s=2),
}


def short(name):
    """features.14 -> 14"""
    return name.rpartition(".")[2]


figures.roofline(
    {
        label: [(short(p.name), p.intensity, p.speed) for p in points]
        for label, points in under.items()
    },
    roof.macs_per_second,
    roof.bytes_per_second,
)

# %% [markdown]
# The original's convolutions stand under the flat part: less arithmetic is less time. The compressed ones
# do not become memory-bound, but they reach less of the roof: each is too small to keep the processor busy,
# and the call itself begins to count. Fewer bits help twice: less to fetch, and cheaper arithmetic.

# %% [markdown]
# ## When it fails: smaller, hardly faster
# EfficientNet-Lite0 knows ImageNet's thousand classes, and is built to be small. Take it to 8 bits, as in
# chapter 04, and show both versions photos of seedlings. (Recorded.)

# %% tags=["nbval-ignore-output"]
real = history["efficientnet"]
nets = real["networks"]
print(history.label("efficientnet"))
for name, row in nets.items():
    print(
        f"{name:15} {nets['float32']['bytes'] / row['bytes']:3.1f}x smaller, "
        f"{nets['float32']['ms'] / row['ms']:3.1f}x faster, "
        f"same label {row['agreement']:6.1%}, {row['agreement_where_sure']:4.0%} where sure"
    )
figures.by_operation(
    {
        name: {kind: found["ms"] for kind, found in row["by_operation"].items()}
        for name, row in nets.items()
    },
    [
        "convolution in float32",
        "convolution in 8 bits",
        "depthwise convolution in float32",
        "depthwise convolution in 8 bits",
        "DequantizeLinear",
    ],
    "EfficientNet-Lite0, one image",
)

# %% [markdown]
# The second bar is the usual setting, signed integers. Look what the engine made of it: around the additions
# of two branches it fell back to *floats*, and spends time on converting to and fro. With unsigned ones
# (third bar) every convolution computes in integers. Even so the depthwise ones (chapter 06) gain nothing: few
# multiplications for each byte. And a network that was *built* small has less to give: where it hesitates, a
# small change tips the label. **Ask the engine what it runs**; nobody else will tell you.

# %% [markdown]
# ## What production does
# Optuna finds the front by itself, `study.best_trials`. It must be the one that ours finds.

# %%
import optuna

study = optuna.create_study(directions=["minimize", "minimize"])
random = np.random.default_rng(0)
points = [tuple(p) for p in random.integers(1, 40, (60, 2)).tolist()]
for point in points:
    study.add_trial(
        optuna.trial.create_trial(values=[float(value) for value in point])
    )
theirs = {tuple(int(v) for v in trial.values) for trial in study.best_trials}
ours = set(front(points))
sorted(ours)

# %% [markdown]
# ## The claims, checked

# %% tags=["claims"]
claim("Optuna's front is the notebook's", ours == theirs)
claim(
    "the recorded front is the one that the library finds",
    {t.number for t in found.front}
    == {row["number"] for row in recorded_search["trials"] if row["front"]},
)
if images.groups is not None:
    claim(
        "chapter 07's compression is harmless for the genus: more than 99 of 100 are right",
        right["genus"][0] > 0.99,
        images=images.name,
        measured=f"{right['genus'][0]:.1%}",
    )
    claim(
        "too far, species suffer at least twice as much as genera",
        wrong["species"] > 2 * wrong["genus"],
        images=images.name,
        measured=str(wrong),
    )
    claim(
        "most of what is mixed up is of one genus, far more than by chance",
        sum(int(mixed[a, b]) for a in range(len(genus)) for b in range(len(genus))
            if genus[a] == genus[b]) > 0.5 * int(mixed.sum()),
        images=images.name,
    )  # fmt: skip
claim(
    "each smaller file of the ladder names fewer species",
    all(
        a > b for a, b in zip(right["species"], right["species"][1:], strict=False)
    ),
    images=images.name,
    measured=str(right["species"]),
)
claim(
    "every live trial ended, and a quarter of them went on in full",
    live.cheap == 4 and len(live.trials) == 1,
)
claim(
    "the winner keeps the rule on the validation images",
    winner.drop <= 1
    and all(winner.bytes <= t.bytes for t in found.trials if t.drop <= 1),
)
claim(
    "and on the test images, as far as they can tell",
    judged.differences[1].high > -1,
    images=images.name,
    measured=str(judged.differences[1]),
)
claim(
    "recorded: two workers are faster than one",
    cost[2]["seconds"] < cost[1]["seconds"],
    measured=str(cost),
)
table_of = {
    (technique, column): speed_ups[i, j]
    for i, technique in enumerate(techniques)
    for j, column in enumerate(columns)
}
sparse_rows = [name for name in techniques if name.startswith("weight pruning")]
claim(
    "recorded: zeros save no time in any engine without sparse arithmetic",
    all(
        table_of[name, column] < 1.15 * table_of["original", column]
        for name in sparse_rows
        for column in columns
        if "sparse" not in column
    ),
    measured=str({k: v for k, v in table_of.items() if k[0] in sparse_rows}),
)
claim(
    "recorded: fewer channels pay in every engine",
    all(
        table_of["neuron pruning, half of the channels", column]
        > 1.3 * table_of["original", column]
        for column in columns
        if "sparse" not in column
    ),
)
claim(
    "recorded: 8 bits pay at least twofold in ONNX Runtime",
    table_of["original", "ONNX Runtime, int8"] > 2,
)
by_kind = {name: row["by_operation"] for name, row in nets.items()}
times_faster = {
    name: nets["float32"]["ms"] / row["ms"] for name, row in nets.items()
}
claim(
    "recorded: EfficientNet in 8 bits is 3.5 times smaller, with signed integers not 1.5 times faster",
    nets["float32"]["bytes"] > 3.5 * nets["int8"]["bytes"]
    and times_faster["int8"] < 1.5,
    measured=str(times_faster),
)
claim(
    "recorded: some of its convolutions stayed in floats; unsigned, none does, and it is faster",
    by_kind["int8"]["convolution in float32"]["nodes"] > 0
    and not any("in float32" in kind for kind in by_kind["int8, unsigned"])
    and times_faster["int8, unsigned"] > 1.3 * times_faster["int8"],
    measured=str(times_faster),
)
claim(
    "recorded: depthwise convolutions gain less than half of what the others gain",
    by_kind["float32"]["convolution in float32"]["ms"]
    / by_kind["int8, unsigned"]["convolution in 8 bits"]["ms"]
    > 2
    * by_kind["float32"]["depthwise convolution in float32"]["ms"]
    / by_kind["int8, unsigned"]["depthwise convolution in 8 bits"]["ms"],
)
claim(
    "recorded: where it was sure, 8 bits give the same label more often than elsewhere",
    all(row["agreement_where_sure"] > row["agreement"] for name, row in nets.items()
        if name != "float32"),
)  # fmt: skip
claim(
    "float32 answers as PyTorch does",
    check.largest < 1e-3 and check.agreement > 0.995,
)
claim(
    "8 bits give the same label on at least 98 of 100 images",
    rounded.agreement >= 0.98,
    images=images.name,
    measured=str(rounded),
)
claim(
    "here too: zeros alone save no time",
    here["90% zeros"] < 1.2,
    machine="other programs are running",
    measured=str(here),
)
claim(
    "here too: all together is at least five times what 8 bits alone are",
    here["all together"] > 5 * here["8 bits"],
    machine="other programs are running",
    measured=str(here),
)
claim(
    "here: 31 channels take longer than 32",
    milliseconds[31] > milliseconds[32],
    machine="its registers have other widths",
    measured=str(milliseconds),
)
convolutions = under["original"][1:-1]
claim(
    "here: arithmetic limits every convolution of the original but the first",
    all(point.intensity > roof.ridge for point in convolutions),
    machine="fast arithmetic beside slow memory moves the ridge to the right",
    measured=f"ridge {roof.ridge:.1f}",
)

# %% [markdown]
# ## Takeaways
# - Fine distinctions go first. Measure the question that your users ask, not an easier one.
# - There is no best network, only a front, and your rule. Choose on validation images; test once.
# - Fewer channels pay everywhere (in multiples of eight), fewer bits where integers are fast, zeros only in
#   bytes.
# - Ask the roofline what a layer waits for, and the engine what it makes of it.
#
# **Quiz**
#
# <details><summary>Why may the search not look at the test images?</summary>
# The best of many trials is partly luck. Chosen on the test images, that luck would stand in the result.
# </details>
#
# <details><summary>Why does the coordinator measure the time, not the worker?</summary>
# Workers differ, and several of them share a machine. Times are comparable only where they were taken under
# the same conditions, one at a time.
# </details>
#
# <details><summary>Could a network with 90% zeros be fast?</summary>
# On hardware that skips zeros, or if whole channels are zero, for then they can be cut out. Chapter 02 is
# weight pruning that every engine understands.
# </details>
#
# **Try it.** Change one thing, guess first, run again:
# - `rule`: the fastest that loses at most half a point. Is it the same one?
# - `space`: add `trial.suggest_float("price", 1e-6, 1e-4, log=True)`. Does the sampler find its use?
# - Your own engine: `engines.load(FILE).run(image)`.
#
# **Next:** `09_plant_app` puts the result on a phone.
