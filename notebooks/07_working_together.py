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
# # Working together: trim, then pack
#
# **In one sentence:** pruning removes what is not needed, compression packs what remains; chained in the
# right order, they leave a file hundreds of times smaller that knows as much.
#
# *About 40 minutes.* Afterwards you can
# - write a recipe as a list of steps, and read what each step contributes,
# - say why the order matters, and which order to take,
# - code numbers by how often they occur, and say what that can and cannot save,
# - ask the sharp question: would the small network alone have done as well?

# %% [markdown]
# ## The analogy
# You move to a smaller flat. First you *declutter*: what nobody uses goes. Then you *pack* what stays, and
# pack it well: what you have many of, in little space. Nobody packs first and throws away afterwards. The
# article says so too: *pruning removes unnecessary components; compression optimizes what remains.*
#
# Each chapter so far removed or packed something, and stopped where it began to hurt. Now they join hands.

# %%
import dataclasses
import heapq
import math
import tempfile
from collections import Counter
from pathlib import Path

import constriction
import ipywidgets
import numpy as np
import torch

from course_lib import (
    data,
    engines,
    figures,
    fresh_process,
    packing,
    predict,
    recipe,
    recorded,
    scorecard,
    table,
    training,
    widgets,
)
from course_lib.cards import show_bytes
from course_lib.claims import claim

scorecard.set_threads()
images = data.load()
network = training.original(images)
history = recorded.load("working_together")

# %% [markdown]
# ## Predict first
# We trim and pack and allow the accuracy to fall by half a point at most. **How many times smaller
# does the original's file become?** (Its checkpoint as saved, against the packed file. Each holds all that it
# takes to run.)

# %%
my_guess = None

guess = predict.guess(
    "How many times smaller?", my_guess, low=1, high=2000, unit="x"
)
guess

# %% [markdown]
# ## A recipe
# A recipe is a list of steps. Each takes the network that the step before it left.

# %%
prune, rounding, distil, pack = recipe.LEAVES
print(recipe.sentence(recipe.LEAVES))
for before, after in zip(network.widths, prune.keep, strict=True):
    print(f"{before} channels to {after}, {after / before:.0%}")

# %% [markdown]
# Every step is a chapter that you know: channels go (02); the rest is rounded to eight levels at most (04);
# what is left learns from the original (05), *with the rounding in place*.
#
# The **widths** are a choice: `compress` tries fewer or more, judged by validation images, and chapter 08 searches.
# Two rules helped. The last layers, with most of the weights, keep the smallest share. And all are multiples of
# eight, since 8-bit kernels compute channels in groups.
#
# One thing is new: the training pays a small **price** for every weight, by how many steps it is away from
# zero. Weights that earn nothing return to zero, as in chapter 03, but by themselves.
#
# > **Formula: a price on every weight** (the L1 penalty of Tibshirani 1996, in steps of the rounding)
# >
# > $$\text{loss}' = \text{loss} + \lambda \sum_i \lvert w_i \rvert / s$$
# >
# > $\lambda$ is `price`, $s$ is `step`, one for each output channel. With $s = 0.1$ and $\lambda = 0.001$, a weight of
# > $0.3$ costs $0.003$. The slope, $\lambda / s = 0.01$, pulls it towards zero, and a weight of $0.02$ just as much: only
# > what lowers the loss by more stays away from zero.


# %%
def priced(loss, weights, step, price):
    """A loss, and what the weights cost besides."""
    return loss + price * (weights.abs() / step).sum()


few = torch.tensor([0.3, -0.1, 0.02], requires_grad=True)
priced(0, few, step=0.1, price=0.001).backward()
print("the pull on each:", [round(slope, 3) for slope in few.grad.tolist()])

# %% [markdown]
# Let us cook a small portion: fewer photos, fewer passes, so that it takes a minute or two. The result is
# stored, then *restored from its file alone by a fresh process*, which measures it.

# %% tags=["nbval-ignore-output"]
portion = dataclasses.replace(
    images, train=images.train.first(3000), val=images.val.first(300)
)
short = dataclasses.replace(distil, images=8 * len(portion.train))
cooked = recipe.compress(
    portion,
    [prune, rounding, short, pack],
    max_drop=20,
    minutes=0,
    baseline=False,
    images=1000,
)
cooked.picture()

# %% [markdown]
# Equal lengths are equal factors, counted from the checkpoint. Cutting the channels leaves a network that does little
# better than guess, and rounding changes little about that. Then it learns, and soon names most of what the original
# names. Packing loses nothing: it only finds shorter words. (Here numbers count side by side in their bits; the table below packs
# an ONNX file after each step.)

# %% tags=["nbval-ignore-output"]
trimmed = [stage.card for stage in cooked.stages[:2]]
scorecard.compare([cooked.before, *trimmed, cooked.after])

# %% [markdown]
# ## From scratch: short words for frequent numbers
# After such a training the weights are small integers, many of them zero. Take those that the *whole* recipe
# left: its packed file ships with the course. Eight levels need three bits each, but the frequent ones can
# have shorter words if the rare ones have longer. Huffman (1952): join the two rarest into one; again, until
# one is left. Each joining adds a bit in front of the words of both.


# %%
def huffman(counts):
    """{number: its word of 0 and 1} for {number: how often}; no word begins another."""
    heap = [(count, n, {n: ""}) for n, count in counts.items()]
    heapq.heapify(heap)
    while len(heap) > 1:
        (a, n, rare), (b, _, next_rare) = heapq.heappop(heap), heapq.heappop(heap)
        joined = {k: "0" + word for k, word in rare.items()}
        joined |= {k: "1" + word for k, word in next_rare.items()}
        heapq.heappush(heap, (a + b, n, joined))
    return heap[0][2]


def bits(counts, words):
    """What all of them take."""
    return sum(count * len(words[n]) for n, count in counts.items())


file = recipe.packed_file(images)
compressed = packing.load(file)
weights = {
    name: array
    for name, array in compressed.initializers.items()
    if array.dtype == np.int8 and array.size > 100
}
largest = max(weights.values(), key=np.size)
counts = Counter(largest.ravel().tolist())
words = huffman(counts)
words

# %% [markdown]
# How short can it get? A number that is sure to come tells nothing, a rare one much. The mean is the **entropy**,
# known from chapter 03; no code gets by with less.
#
# > **Formula: entropy** (Shannon 1948)
# >
# > $$H = \sum_n p_n \log_2 (1 / p_n)$$
# >
# > $p_n$ is the share of the number $n$: `c / total`. With shares $\tfrac12, \tfrac14, \tfrac14$ the words may have 1, 2
# > and 2 bits: $H = \tfrac12 \cdot 1 + \tfrac14 \cdot 2 + \tfrac14 \cdot 2 = 1.5$ bits for each number.
#
# Choose how large a step of the rounding is for the largest layer of the *original*: larger steps, more zeros,
# fewer levels. Watch the bits. When does Huffman fall behind the entropy, and why?


# %% folded=true
def entropy(counts):
    """Bits for each number, at best."""
    total = sum(counts.values())
    return sum(c / total * math.log2(total / c) for c in counts.values())


wide = network.features[17].weight.detach().flatten()[:50_000]


def draw(step):
    """The weights in steps of so many hundredths of their deviation, and their words."""
    integers = (wide / (step / 100 * wide.std())).round().clamp(-7, 7).int()
    found = Counter(integers.tolist())
    code = huffman(found) if len(found) > 1 else {0: "0"}
    return figures.code_words(
        {n: c / len(integers) for n, c in found.items()},
        code,
        entropy(found),
        bits(found, code) / len(integers),
    )


widgets.Interactive(
    draw,
    step=ipywidgets.IntSlider(
        value=150, min=40, max=600, step=10, description="step (%)"
    ),
)

# %% [markdown]
# A Huffman word has one bit at least, so a zero costs a bit however common it is. A **range coder** (Martin 1979)
# has no words: it narrows an interval with each number, by as much as the number was expected, and writes down a
# place in the last one. It comes within a few bytes of the entropy. `packing` uses it; you write it in exercise 07.
#
# **Where do the bytes go?** The file holds an ONNX graph without names and notes, the coded numbers, a table of
# frequencies for each layer, a version and a checksum. Everything counts.

# %%
plain_bits = sum(array.size for array in weights.values()) * 3
by_huffman = by_entropy = 0
for array in weights.values():
    found = Counter(array.ravel().tolist())
    by_huffman += bits(found, huffman(found))
    by_entropy += entropy(found) * array.size
contents = packing.inspect(file)
layers = [
    part for part in contents.parts if part.name.startswith(("conv", "linear"))
]
coded = sum(part.bytes for part in layers)
print(f"three bits each {plain_bits / 8:8,.0f} bytes")
print(f"Huffman         {by_huffman / 8:8,.0f} bytes")
print(f"entropy         {by_entropy / 8:8,.0f} bytes")
print(f"range coder     {coded:8,.0f} bytes, its tables included")
contents.picture()

# %% [markdown]
# ## The order
# The same three steps, the same number of photos, another order: first learn, then round. Guess what happens
# before you run it.

# %% tags=["nbval-ignore-output"]
ways = {
    "prune - round - distil": cooked.after,
    "prune - distil - round": recipe.compress(
        portion,
        [prune, short, rounding, pack],
        max_drop=90,
        minutes=0,
        baseline=False,
        images=1000,
    ).after,
}
for way, card in ways.items():
    print(f"{way}: {card.accuracy:.1%}, {card.packed_bytes:,} bytes")

# %% [markdown]
# Rounding to so few levels does damage, and nothing came after it to repair it. Here are all six orders with
# equal budgets, recorded on a processor with VNNI.

# %% tags=["nbval-ignore-output"]
orders = {row["order"]: row for row in history["orders"]["rows"]}
print(history.label("orders"))
for name, row in sorted(orders.items(), key=lambda item: -item[1]["accuracy"]):
    print(
        f"{name:32} {row['accuracy']:6.1%} {row['packed_bytes']:8,} bytes "
        f"{row['times_faster']:5.1f}x faster"
    )

# %% [markdown]
# Learning last wins, by far: whatever does damage wants a training behind it. And cut channels first: what goes
# needs no training, and the small network has far fewer operations to train.
#
# ## On the network
# Now the whole recipe, as `python -m course_lib compress --data leaves --out DIR` cooks it in a few minutes:
# the file whose words you counted. Let a fresh process restore it, and measure it *here*, both networks in
# ONNX Runtime on one thread.
#
# "Smaller" has three lines below. The first is the headline wherever this course says how many times smaller: **the
# checkpoint as saved, against the packed file**. In the second the original is zipped, too (*File, packed*). The third
# is for an engine that cannot unpack (*Download to a phone*): as ONNX, weights of three bits take eight.
#
# How much *faster* depends on your processor: the recordings are from one with 8-bit dot products (VNNI), and
# `python -m course_lib doctor` says which kind yours is. The *answers* do not: weights of three bits are so small that
# no sum is cut off anywhere (chapter 04).

# %% tags=["nbval-ignore-output"]
seeds = history["leaves"]["rows"]
with tempfile.TemporaryDirectory() as folder:
    unpacked = Path(folder) / "original.onnx"
    unpacked.write_bytes(engines.onnx(network, images.shape).content)
    judged = fresh_process.cards({"original": unpacked, "compressed": file}, images)
comparison = scorecard.compare(judged)
scorecard.keep("07_working_together", judged)
checkpoint, _ = scorecard.checkpoint_bytes(network)
measures = {
    "checkpoint to packed file": (checkpoint, file.stat().st_size),
    "zipped to packed": [card.packed_bytes for card in judged],
    "ONNX to ONNX": [card.deployed_bytes for card in judged],
}
factors = {name: large / small for name, (large, small) in measures.items()}
for name, (large, small) in measures.items():
    print(
        f"{name:26} {show_bytes(large)} to {small:,} bytes, {factors[name]:,.0f}x smaller"
    )
smaller = factors["checkpoint to packed file"]
faster = judged[0].latency_ms_median / judged[1].latency_ms_median
there = [row["times_faster"] for row in seeds]
print(
    f"{faster:.1f}x faster here; recorded with VNNI {min(there):.0f} to {max(there):.0f}x "
    "(three seeds)"
)
comparison

# %%
guess.reveal(round(smaller, -1))

# %% [markdown]
# ## The sharp question
# Would the same small network have done as well *from scratch*: random weights, labels, the same rounding,
# the same price, as many photos? Three seeds, recorded; the longest training with one.

# %% tags=["nbval-ignore-output"]
print(history.label("leaves"))
for row in seeds:
    alone = row["baseline"]
    print(
        f"seed {row['seed']}: compressed {row['points']:+.1f} points, "
        f"{row['packed_bytes']:,} bytes; from scratch {alone['points']:+.1f}, "
        f"{alone['packed_bytes']:,} bytes"
    )
more = history["leaves"]["longer"]
print(
    f"from scratch, with the original's photos on top ({more['images_seen']:,}): "
    f"{more['points']:+.1f} points, {more['packed_bytes']:,} bytes"
)

# %% [markdown]
# On the leaves the inheritance is worth its name; whether a still longer training from scratch would catch up was not
# measured. Two things come down from the original: the weights that the small network starts
# from, and the opinion that it learns from. On other images it may be otherwise; see *Going further*.
# **Ask the sharp question anew for your own images.**

# %% [markdown]
# ## What production does
# `constriction` is a library of entropy coders. Its Huffman code needs as many bits as ours, and its range
# coder gives back every weight.

# %%
symbols = np.array(sorted(counts))
shares = np.array([counts[n] for n in symbols.tolist()], dtype=np.float64)
tree = constriction.symbol.huffman.EncoderHuffmanTree(shares)
encoder = constriction.symbol.QueueEncoder()
for index in np.searchsorted(symbols, largest.ravel()).tolist():
    encoder.encode_symbol(index, tree)
_, theirs = encoder.get_compressed_and_bitrate()
print(f"ours {bits(counts, words):,} bits, theirs {theirs:,} bits")
restored = packing.unpack(packing.pack(cooked.network))
print("the same weights again:", restored.content == cooked.network.content)

# %% [markdown]
# ## When it fails: packing alone
# Pack the *original*. Its weights are real numbers, hardly two of them alike. Their sizes resemble each other, so
# something can be expected of the first bits of each, and nothing of all the others. Rounded to 8 bits they have a
# few hundred levels, and most are in use. Only what was trained to be predictable packs well.

# %% tags=["nbval-ignore-output"]
whole = engines.onnx(network, images.shape)
in_8_bits = engines.int8(whole, images.train)
alone = {
    "the original": (len(whole.content), len(packing.pack(whole))),
    "in 8 bits": (len(in_8_bits.content), len(packing.pack(in_8_bits))),
    "compressed": (len(compressed.content), file.stat().st_size),
}
for name, (unpacked, small) in alone.items():
    print(
        f"{name:13} {show_bytes(unpacked)} packed {show_bytes(small)}, {unpacked / small:.1f}x"
    )

# %% [markdown]
# And a damaged file is refused, not believed: half a network would still name plants, wrongly.

# %%
damaged = bytearray(file.read_bytes())
damaged[len(damaged) // 2] ^= 1
try:
    packing.unpack(bytes(damaged))
except ValueError as refused:
    print(f"refused: {refused}")

# %% [markdown]
# ## The growing table

# %% tags=["nbval-ignore-output"]
seen = history["shipped"]["rows"][0]["images_seen"]
networks = {"original": network, "compressed": compressed}
cards = scorecard.measure_all(networks, images, limit_s=2)
table.grow("07_working_together", cards, networks, images, trained_on=seen)

# %% [markdown]
# ## The claims, checked

# %% tags=["claims"]
computed = recorded.computed()  # None: no machine can change what is recorded
lost = comparison.differences[1]
image = next(images.val.batches(1))[0]
claim(
    "the Huffman code of the notebook needs as many bits as the library's",
    bits(counts, words) == theirs,
)
claim(
    "Huffman lies between the entropy and one bit more",
    entropy(counts) * largest.size
    <= bits(counts, words)
    < (entropy(counts) + 1) * largest.size,
)
claim(
    "no word begins another",
    not any(a != b and words[b].startswith(words[a]) for a in words for b in words),
)
claim(
    "the packed network is the stored one, to the bit",
    restored.content == cooked.network.content
    and torch.equal(restored(image), cooked.network(image)),
)
rounded = rounding.apply(recipe.State(network), None).network.features[0]
with torch.no_grad():
    one_layer = rounded.parametrizations.weight
    ours = priced(0, one_layer.original, one_layer[-1].step, distil.price)
    theirs_of_it = distil.price * recipe.in_steps(torch.nn.Sequential(rounded))
claim(
    "our price is the recipe's",
    torch.isclose(ours, theirs_of_it).item(),
)
claim(
    "the last layers keep the smallest share of their channels, and all widths are multiples of 8",
    prune.keep[-1] / network.widths[-1]
    == min(k / w for k, w in zip(prune.keep, network.widths, strict=True))
    and all(k % 8 == 0 for k in prune.keep),
)
claim(
    "cut, it names little more than by guessing, and rounding changes little about it; then it learns",
    max(card.accuracy for card in trimmed) < 0.25
    and abs(trimmed[1].accuracy - trimmed[0].accuracy) < 0.1
    and cooked.after.accuracy > 0.8,
    images=images.name,
    measured=str([card.accuracy for card in (*trimmed, cooked.after)]),
)
claim(
    "the headline is the largest of the three factors, the ONNX file's the smallest",
    factors["checkpoint to packed file"]
    > factors["zipped to packed"]
    > factors["ONNX to ONNX"],
    measured=str(factors),
)
claim(
    "the file is at least 400 times smaller than the original's",
    smaller >= 400,
    images=images.name,
    measured=f"{smaller:.0f}x",
)
claim(
    "at most half a point of accuracy is lost, and with 95% confidence less than one",
    lost.points >= -0.5 and lost.low > -1,
    images=images.name,
    measured=str(lost),
)
claim(
    "no sum of its 8-bit products can be cut off, on any processor",
    compressed.saturating == cooked.network.saturating == (),
)
claim(
    "it runs at least five times as fast",
    faster >= 5,
    machine="other programs are running",
    measured=f"{judged[0].latency_ms_median:.3f} and {judged[1].latency_ms_median:.3f} ms, "
    f"{faster:.1f}x",
)
claim(
    "packing alone saves less than a fifth, in 8 bits, too; of the compressed network more than half",
    all(
        alone[name][1] > 0.8 * alone[name][0]
        for name in ("the original", "in 8 bits")
    )
    and alone["compressed"][1] < alone["compressed"][0] / 2,
    measured=str(alone),
)
claim(
    "the range coder, with all its tables, takes less than Huffman's words alone",
    coded < by_huffman / 8,
    images=images.name,
    measured=f"{coded:.0f} and {by_huffman / 8:.0f}",
)
first, second = (card.accuracy for card in ways.values())
claim(
    "rounding after the training costs points; with the rounding in place it learns around it",
    first > second + 0.03,
    images=images.name,
    measured=f"{first:.1%} and {second:.1%}",
)
last = [row["accuracy"] for name, row in orders.items() if name.endswith("Distil")]
others = [
    row["accuracy"] for name, row in orders.items() if not name.endswith("Distil")
]
claim(
    "recorded: both orders that learn last beat all four others",
    len(last) == 2 and min(last) > max(others),
    machine=computed,
    measured=f"{last} and {others}",
)
claim(
    "recorded: for every seed the compressed network beats the one from scratch, beyond chance",
    all(row["low"] > row["baseline"]["high"] for row in seeds),
    machine=computed,
    measured=str([(row["low"], row["baseline"]["high"]) for row in seeds]),
)
claim(
    "recorded: every seed is 400 times smaller, within half a point, and with VNNI 20 times faster",
    all(
        row["checkpoint_bytes"] >= 400 * row["packed_bytes"]
        and row["times_faster"] >= 20
        and row["points"] >= -0.5
        for row in seeds
    ),
    machine=computed,
    measured=str(
        [(r["packed_bytes"], r["times_faster"], r["points"]) for r in seeds]
    ),
)
claim(
    "recorded: from scratch it stays behind even with the original's photos on top",
    more["high"] < min(row["points"] for row in seeds),
    machine=computed,
    measured=f"{more['points']} ({more['low']} to {more['high']})",
)

# %% [markdown]
# ## Takeaways
# - Declutter, then pack: channels first, then bits, then learn with both in place, then code.
# - Every step that damages wants a training behind it. The order that learns last wins.
# - A coder makes small what is predictable. Make it predictable *while you train*.
# - Judge the file, restored in a fresh process; and ask what the small network alone would have done.
#
# **Quiz**
#
# <details><summary>Why does pruning weights (chapter 03) not stand in the recipe?</summary>
# It does, in disguise: the price drives weights to zero during the training, and the coder makes zeros
# nearly free. No mask has to be stored, and no weight is lost for good too early.
# </details>
#
# <details><summary>Could you pack the packed file again?</summary>
# It has hardly any pattern left: what could be expected was used. A second coder would only add its own header.
# </details>
#
# <details><summary>The file is hundreds of times smaller, the network far fewer times faster. Why not as much?</summary>
# Zeros and short words save bytes, not multiplications: the engine unpacks the weights and computes with all
# of them. Time comes from fewer channels, and from 8-bit arithmetic where the processor has instructions for it;
# each layer has a fixed cost besides.
# </details>
#
# **Try it.** Change one thing, guess first, run again:
# - `dataclasses.replace(short, price=1e-4)`: what happens to the bytes, and to the accuracy?
# - `recipe.Quantize(2)` in place of `rounding`: four levels fewer.
# - Your own photos: `python -m course_lib compress --data FOLDER --out DIR`.
#
# **Next:** `08_trade_offs` asks what it costs, how far to go, and on which hardware it pays.

# %% [markdown]
# ## Going further: real photos
# 4,750 photos of seedlings (Giselsson et al. 2017), twelve species; at most one point was to be lost on the
# *validation* photos. Recorded, with VNNI:

# %% tags=["nbval-ignore-output"]
photos = history["seedlings"]["rows"]
print(history.label("seedlings"))
for row in photos:
    alone = row["baseline"]
    print(
        f"seed {row['seed']}: {row['times_smaller']:.0f}x smaller, {row['times_faster']:.0f}x faster, "
        f"{row['points']:+.1f} points ({row['low']:+.1f} to {row['high']:+.1f}); "
        f"from scratch {alone['points']:+.1f}"
    )

# %% [markdown]
# Smaller still, but look at the intervals: 723 test photos tell a point only roughly, and whoever takes the smallest
# of several by a few hundred validation photos sometimes takes a lucky one. Here the network from scratch is close
# behind, and each time the intervals of the two overlap.

# %% tags=["claims"]
claim(
    "recorded: of the seedlings' networks each is 500 times smaller, and with VNNI 24 times faster",
    all(row["times_smaller"] > 500 and row["times_faster"] > 24 for row in photos),
    machine=computed,
    measured=str([(row["times_smaller"], row["times_faster"]) for row in photos]),
)
claim(
    "recorded: there it is ahead of the one from scratch for every seed, and the intervals overlap",
    all(row["low"] < row["baseline"]["high"] for row in photos)
    and all(row["points"] > row["baseline"]["points"] for row in photos),
    machine=computed,
    measured=str([(row["points"], row["baseline"]["points"]) for row in photos]),
)
