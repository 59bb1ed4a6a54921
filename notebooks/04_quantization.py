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
# # Quantization: 3.14 is enough
#
# **In one sentence:** store each weight in a few bits instead of 32, compute with small integers, and
# the leaves keep their names.
#
# *About 40 minutes.* Afterwards you can
# - put any tensor on a grid: scale, zero point, per tensor, per channel,
# - say how few bits a network's weights need, and win back some of what too few bits lose,
# - turn a network into one that computes in 8-bit integers, and check each of its numbers,
# - say on which processors the same file gives other answers, and make one that is safe,
# - say when that is faster, and when it is not.

# %% [markdown]
# ## The analogy
# If pruning removes unnecessary parts, compression packs what remains more efficiently. Instead of
# 3.141592653589 you write 3.14. Nobody who cuts a round table cloth will notice.

# %%
import dataclasses
from copy import deepcopy
from functools import cache

import ipywidgets
import numpy as np
import torch
from torch import nn

from course_lib import (
    data,
    engines,
    figures,
    predict,
    processor,
    quantization,
    recorded,
    scorecard,
    structure,
    table,
    training,
    widgets,
)
from course_lib.claims import claim

scorecard.set_threads()
images = data.load()
network = training.original(images)
sample = images.val.first(150)  # validation images: the test is for the end
before = training.evaluate(network, sample)

# %% [markdown]
# ## Predict first
# Each weight of the network takes 32 bits. You round them all to fewer bits, and train nothing
# afterwards. **Down to how many bits, before the accuracy falls by more than one point?**

# %%
my_guess = None

guess = predict.guess(
    "Bits that a weight needs?", my_guess, low=1, high=32, unit=" bits"
)
guess

# %% [markdown]
# ## One number
# First: what do 32 bits hold of the article's number?

# %%
number = 3.141592653589
pi = torch.tensor(number)
print(f"written {number}, stored {pi.item():.16f}")

# %% [markdown]
# Already rounded, to the nearest of some four billion numbers! Quantization takes far fewer. It stores an
# integer and remembers one step for many of them, the **scale**: *value = scale × integer*.
#
# Let the numbers run from −4 to 4. More bits, smaller steps. The last row asks for exactly 3.14: a scale
# of 0.01, and the integer 314.

# %%
grids = {}
for bits in (4, 6, 8, 10):
    scale, _ = quantization.scale_and_zero_point(-4, 4, bits, symmetric=True)
    grids[f"{bits} bits"] = (bits, scale.item())
grids["10 bits, scale 0.01"] = (10, 0.01)
on_grid = {}
for name, (bits, scale) in grids.items():
    low, high = quantization.limits(bits, symmetric=True)
    integer = quantization.quantize(pi, scale, bits=bits, symmetric=True)
    taken = quantization.dequantize(integer, scale).item()
    on_grid[name] = (scale * np.arange(low, high + 1), taken)
figures.number_grids(number, on_grid)

# %% [markdown]
# 8 bits hold the integers from −128 to 127. So 314 does not fit; with a scale of 0.01, 3.14 would be cut
# off. For a given number of bits, *larger numbers need larger steps.*

# %% [markdown]
# ## From scratch
# A layer's weights: one scale for each output channel, so that its largest weight becomes the largest
# integer. Then round. That is all.
#
# > **Formula: a symmetric grid, a scale for each channel** (Krishnamoorthi 2018)
# >
# > $$s = \frac{\max \lvert w \rvert}{2^{b-1} - 1}, \qquad q = \operatorname{round}(w / s), \qquad \hat{w} = s\,q$$
# >
# > $b$ bits would hold one more integer below zero than above (−128 to 127). It is left out (−127 to 127),
# > so that a weight and its negative get the same step. With $b = 3$ the integers are −3 to 3: if the
# > largest weight is $0.6$, then $s = 0.2$, and $w = -0.25$ becomes $q = -1$ and comes back as $-0.2$.
#
# A trained batch norm only multiplies each channel and adds something. Both fit into the convolution before
# it: the same outputs, one operation fewer. Engines do this before they quantize.
#
# > **Formula: folding a batch norm** (Jacob et al. 2018)
# >
# > $$g = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}}, \qquad w' = g\,w, \qquad b' = \beta - g\,\mu$$
# >
# > The norm's mean $\mu$ and variance $\sigma^2$, its factor $\gamma$ and shift $\beta$. With $\gamma = 3$, a
# > root of $2$, $\mu = 1$ and $\beta = 0.5$: $g = 1.5$, each weight grows by half, and the bias is $-1$.


# %%
def quantize_by_hand(weights, bits):
    """Integers, and a scale for each output channel (the first dimension)."""
    largest = weights.abs().amax(dim=tuple(range(1, weights.ndim)), keepdim=True)
    scale = largest / (2 ** (bits - 1) - 1)
    return (weights / scale).round(), scale


def round_by_hand(network, bits):
    """A copy whose weights lie on their grids; still floats, to see what it costs."""
    rounded = deepcopy(network)
    for layer in structure.layers(rounded).values():
        integers, scale = quantize_by_hand(layer.weight.data, bits)
        layer.weight.data = scale * integers
    return rounded


def fold_by_hand(convolution, norm):
    """Weights and bias of one convolution that does what both did."""
    g = norm.weight / (norm.running_var + norm.eps).sqrt()
    weight = convolution.weight * g[:, None, None, None]
    return weight, norm.bias - g * norm.running_mean


folded = quantization.fold_batch_norm(network)  # all layers
first_folded = fold_by_hand(*network.features[:2])
by_hand = round_by_hand(folded, bits=4)
by_library = quantization.quantize_weights(folded, bits=4)

# %% [markdown]
# `fold_batch_norm` and `quantize_weights` do the same as by hand. The latter also knows one scale for a
# whole layer (`per_channel=False`).

# %% [markdown]
# ## See it
# Take fewer bits, and see the weights snap to their grid. Then give each channel a scale of its own: how much of
# the accuracy comes back?

# %% folded=true tags=["nbval-ignore-output"]
few = sample.first(48)
names = {f"layer {i + 1}": name for i, name in enumerate(structure.layers(folded))}
accuracy_before = training.evaluate(folded, few)


@cache
def result(bits, per_channel):
    rounded = quantization.quantize_weights(folded, bits, per_channel)
    accuracy = training.evaluate(rounded, few)
    return rounded, accuracy, quantization.stored_bytes(folded, bits, per_channel)


def draw(layer, bits, per_channel):
    rounded, accuracy, stored = result(bits, per_channel)
    weights = [
        each.get_submodule(names[layer]).weight.detach().flatten().numpy()
        for each in (folded, rounded)
    ]
    now = f"{bits} bits"
    return figures.weight_grid(
        *weights,
        layer,
        bits,
        {"32 bits": accuracy_before, now: accuracy},
        {"32 bits": quantization.stored_bytes(folded, 32), now: stored},
    )


widgets.Interactive(
    draw,
    layer=ipywidgets.Dropdown(
        options=list(names), value=list(names)[2], description="weights of"
    ),
    bits=ipywidgets.IntSlider(value=3, min=2, max=8, description="bits"),
    per_channel=ipywidgets.Checkbox(
        value=False, description="a scale for each channel"
    ),
)

# %% [markdown]
# ## On the network: how few bits?
# All bits, three ways. The third is **weight sharing**: no even grid, but a short list of values for each
# layer, its *codebook*, found by k-means. Each weight stores its place in the list.
#
# > **Formula: a codebook** (Han et al. 2015)
# >
# > $$k = \arg\min_j \lvert w - c_j \rvert$$
# >
# > $$c_j = \text{mean of the weights that chose } j$$
# >
# > The two by turns, until nothing changes. $b$ bits name $2^b$ values. From the list $-0.1, 0, 0.2$ the
# > weight $0.12$ takes $0.2$, and stores the place, $k = 2$.

# %% tags=["nbval-ignore-output"]
ways = {
    "one scale a layer": lambda bits: quantization.quantize_weights(
        folded, bits, per_channel=False
    ),
    "one scale a channel": lambda bits: quantization.quantize_weights(folded, bits),
    "codebook": lambda bits: quantization.codebook(folded, bits)[0],
}
all_bits = list(range(2, 9))
accuracy = {
    way: [training.evaluate(make(bits), sample) for bits in all_bits]
    for way, make in ways.items()
}
figures.curves(
    all_bits,
    accuracy,
    "bits for each weight",
    "validation accuracy",
    "How few bits does a weight need?",
    percent=True,
)


# %% [markdown]
# One of 150 images is 0.7 points: too coarse to say what costs *one* point. So here is the same on all test
# images of the leaves, recorded, for it takes longer than a chapter may. For each way: the points lost or won.


# %%
def fewest_bits(rows):
    """The fewest bits whose interval, like those of all above them, ends within one point."""
    needed = 9
    for bits in sorted(rows, reverse=True):
        if rows[bits]["low"] < -1:
            break
        needed = bits
    return needed


records = recorded.load("quantization")
by_bits = {}
for row in records["bits"]["rows"]:
    by_bits.setdefault(row["way"], {})[row["bits"]] = row
needed = {way: fewest_bits(rows) for way, rows in by_bits.items()}
for way, rows in by_bits.items():
    print(
        ", ".join(f"{bits} bits {row['points']:+.1f}" for bits, row in rows.items())
    )
    too_few = rows[needed[way] - 1]
    print(
        f"    {way} needs {needed[way]} bits; {too_few['bits']} bits cost "
        f"{too_few['points']:+.1f} ({too_few['low']:+.1f} to {too_few['high']:+.1f})"
    )
print(records.label("bits"))
guess.reveal(needed["one scale a channel"])

# %% [markdown]
# ## Training with rounding
# Two bits leave three values to a channel: minus scale, zero, scale. Rounded afterwards, the network
# forgets nearly everything. Let it *learn* with the rounding in place: **quantization-aware training**.
#
# Rounding is a staircase, and a staircase has no slope to learn from. The trick: go forward through the
# staircase, but backward as if it were a straight line.
#
# > **Formula: the straight-through estimator** (Bengio et al. 2013)
# >
# > $$\text{forward: } \hat{w} = s \operatorname{round}(w / s)$$
# >
# > $$\text{backward: } \frac{\partial \hat{w}}{\partial w} := 1$$
# >
# > In code, of $x = w / s$: `x + (x.round() - x).detach()`. With $x = 1.4$ that is $1.4 + (1 - 1.4) = 1$;
# > what is detached has no gradient, so the $1.4$ alone learns.
#
# Each channel's scale is learned as well (Esser et al. 2020).

# %% tags=["nbval-ignore-output"]
short = dataclasses.replace(images, train=images.train.first(1200), val=sample)
two_bits, history = quantization.train_quantized(
    network, short, bits=2, epochs=1, learning_rate=0.005, batch_size=32
)
two_bits = quantization.fold_batch_norm(two_bits)  # and its weights are written in
rounded_only = quantization.quantize_weights(folded, 2)
lost = before - training.evaluate(rounded_only, sample)
still_lost = before - training.evaluate(two_bits, sample)
print(
    f"2 bits cost {100 * lost:.1f} points; after {history.seconds:.0f} s of training {100 * still_lost:.1f}"
)

# %% [markdown]
# ## What flows through, too
# So far only the weights were rounded. To *compute* in integers, what flows between the layers must be
# integers as well. Which range does it need? Nobody knows before images have gone through: that is
# **calibration**, which notes the smallest and the largest number at each place.
#
# After a ReLU nothing is negative. Half of a symmetric grid would lie idle. So these grids are shifted,
# *affine*: the **zero point** is the integer that stands for zero.
#
# > **Formula: an affine grid** (Jacob et al. 2018)
# >
# > $$s = \frac{\text{high} - \text{low}}{2^b - 1}$$
# >
# > $$q = \operatorname{clamp}(\operatorname{round}(x / s) + z), \qquad \hat{x} = s\,(q - z)$$
# >
# > $s$ is `scale`, $z$ is `zero_point`. From $0$ to $2.55$ in 8 bits $s = 0.01$, and $0$ becomes the lowest
# > integer, $z = -128$. Then $x = 0.5$ becomes $q = 50 - 128 = -78$, and comes back as $0.01 \cdot 50$.

# %% tags=["nbval-ignore-output"]
ranges = quantization.calibrate(network, images.train.first(200))
for name, (low, high) in ranges.items():
    scale, zero_point = quantization.scale_and_zero_point(low, high)
    print(
        f"{name}: {low:5.2f} to {high:5.2f}, scale {scale:.4f}, zero point {zero_point}"
    )
simulated = quantization.quantize_network(network, ranges)

# %% [markdown]
# `quantize_network` rounds weights and what flows, all in floats: a rehearsal. Now the real thing.

# %% [markdown]
# ## What production does
# ONNX Runtime runs networks on servers, phones and in browsers. It folds, calibrates on the same
# images, and stores 8-bit integers. Are they *our* integers?

# %% tags=["nbval-ignore-output"]
exported = engines.onnx(network, images.shape)
int8 = engines.int8(exported, images.train, count=200)
print(f"{len(exported.content):,} bytes in float32, {len(int8.content):,} in int8")

ours = quantization.integer_weights(folded)
steps_apart = {}
for name, weights in ours.items():
    theirs = int8.initializers[f"{name}.weight_quantized"].astype(int)
    apart = np.abs(theirs - weights.integers.numpy())
    steps_apart[name] = int(apart.max())
    print(
        f"{name}: {np.mean(apart == 0):.2%} of {apart.size:,} integers are the same"
    )

# %% [markdown]
# ## Integer arithmetic, once by hand
# A layer computes $y = \sum w x + b$. Put the grids in: $w = s_w q_w$ (no zero point), $x = s_x (q_x - z_x)$,
# $y = s_y (q_y - z_y)$. Then
#
# $$s_y (q_y - z_y) = s_w s_x \sum q_w (q_x - z_x) + b.$$
#
# Divide by $s_y$, and count the bias in steps of $s_w s_x$, too:
#
# > **Formula: a layer in integers** (Jacob et al. 2018)
# >
# > $$q_y = z_y + \operatorname{round}\Bigl( M \Bigl[ \sum q_w (q_x - z_x) + \operatorname{round}\Bigl( \frac{b}{s_w s_x} \Bigr) \Bigr] \Bigr)$$
# >
# > $$M = \frac{s_w s_x}{s_y}$$
# >
# > In the brackets are integers alone: 8-bit ones are multiplied, and their products summed in 32 bits. With
# > $s_w = 0.02$, $s_x = 0.1$ and $s_y = 0.05$, $M = 0.04$: a sum of $150$ is $6$ steps of the output.
#
# Take the first layer alone, one image, and one number of its output.

# %% tags=["nbval-ignore-output"]
first = nn.Sequential(*folded.features[:3])  # convolution, no norm any more, ReLU
engine = engines.int8(engines.onnx(first, images.shape), images.train, count=50)
stored = {name: torch.tensor(value) for name, value in engine.initializers.items()}
s_x, z_x = stored["images_scale"], stored["images_zero_point"].int()
s_y, z_y = stored["logits_scale"], stored["logits_zero_point"].int()
image, _ = next(sample.batches(1))
x = quantization.Quantized(quantization.quantize(image, s_x, z_x), s_x, z_x)
weights, bias = ours["features.0"], folded.features[0].bias.detach()

output = engine(image)
by_engine = quantization.quantize(output, s_y, z_y).int()
row, column = 4, 6  # of the output; stride 2 and a border of one pixel
channel = int(output[0, :, row, column].argmax())
q_x = x.integers[0, :, 2 * row - 1 : 2 * row + 2, 2 * column - 1 : 2 * column + 2]
q_w, s_w = weights.integers[channel].int(), weights.scale[channel].item()
M = s_w * s_x / s_y
total = (q_w * (q_x.int() - z_x)).sum() + (
    bias[channel] / (s_w * s_x)
).round().int()
one = int(z_y + (M * total).round())
its = int(by_engine[0, channel, row, column])
print(f"summed in 32 bits {total}, as 8 bits {one}; the engine says {its}")

by_integers = quantization.integer_conv(
    x, weights, bias, s_y, z_y, stride=2, padding=1
)
apart = (by_integers.integers.int() - by_engine).abs()
print(
    f"all {apart.numel():,} numbers: {(apart == 0).double().mean():.2%} are the same"
)

# %% [markdown]
# And the ReLU? It costs nothing. Zero is the lowest integer of the output, and what lies below is cut off
# anyway.
#
# That holds on every processor, for this course asks its engine for exact sums. Other programs may not:
#
# ## The same file, two processors, other answers
# Those sums have 32 bits. Not everywhere! Processors with *dot products* for 8-bit integers (on x86 they
# are called VNNI) sum exactly. On other x86 processors ONNX Runtime first adds *pairs* of products, in 16
# bits. What does not fit there, from −32,768 to 32,767, is cut off. No error, no warning. (Signed activations
# don't help: the engine adds 128 first, and they run from 0 to 255.)


# %%
def in_pairs(activations, weights):
    """Sums as x86 makes them without VNNI: what two products add up to is cut off."""
    products = activations * weights
    pairs = products[..., 0::2] + products[..., 1::2]
    return pairs.clamp(-(2**15), 2**15 - 1).sum(-1)


two = torch.tensor([255, 255]), torch.tensor([127, 127])  # activations, weights
of_two, left_of_two = (two[0] * two[1]).sum().item(), in_pairs(*two).item()
print(f"255 x 127 + 255 x 127 = {of_two:,}, of which {left_of_two:,} are left")

# %% [markdown]
# Now a whole layer, of integers drawn by chance. Beside it the same layer with halved weights: they take 7
# bits.

# %%
drawn = torch.Generator().manual_seed(0)
patches = torch.randint(0, 256, (50, 1, 18), generator=drawn)  # 3x3, two channels
filters = torch.randint(-127, 128, (64, 18), generator=drawn)
differ = {}
for bits, weights in ((8, filters), (7, filters // 2)):
    exact = (patches * weights).sum(-1)
    off = (in_pairs(patches, weights) - exact).abs()
    differ[bits] = int((off > 0).sum())
    print(f"{bits} bits: {differ[bits]:,} of {off.numel():,} sums are wrong,")
    print(f"by up to {off.max():,}; the largest sum is {exact.abs().max():,}")

# %% [markdown]
# In 7 bits no weight is beyond ±64, and 255 × 64 × 2 always fits. A trained network's weights are mostly small,
# so fewer of its sums are cut off. But which, nobody tells you. Three things make you safe:
# - **7-bit weights**, `engines.int8(..., reduce_range=True)`: right in every program that loads the file.
# - **Exact kernels.** ONNX Runtime has an option for them, `session.x64quantprecision`. `course_lib.engines`
#   sets it where your processor needs it, so that the same file names the same leaves. It costs time.
# - **Know the processor.** `processor.described()` names yours, and so does
#   `python -m course_lib doctor`.
#
# Here are both files, loaded by this course, and as another program would load them. Before them, the one
# number of the first layer that you computed by hand:

# %% tags=["nbval-ignore-output"]
import onnxruntime


def by_others(made, pixels):
    """What a program answers that loads the file and asks for nothing special."""
    session = onnxruntime.InferenceSession(
        made.content, providers=["CPUExecutionProvider"]
    )
    return torch.from_numpy(session.run(None, {"images": pixels.numpy()})[0])


seven = engines.int8(exported, images.train, count=200, reduce_range=True)
print(f"{processor.described()}\n{int8.warning}")
first_elsewhere = quantization.quantize(by_others(engine, image), s_y, z_y).int()
its_elsewhere = int(first_elsewhere[0, channel, row, column])
print(f"by hand {one}, by the course's engine {its}, elsewhere {its_elsewhere};")
differing = (first_elsewhere != by_engine).double().mean()
print(f"{differing:.1%} of the layer's numbers differ")
given, _ = next(sample.batches(100))
elsewhere = {}
for bits, made in ((8, int8), (7, seven)):
    theirs = by_others(made, given)
    off = (theirs - made(given)).abs().mean() / theirs.abs().max()
    elsewhere[bits] = off.item()
    print(f"{bits} bits: elsewhere off by {off:.2%} of the largest logit (mean)")

# %% [markdown]
# ## The scorecard

# %% tags=["nbval-ignore-output"]
cards = scorecard.measure_all(
    {"original": network, "8 bits": int8}, images, limit_s=3
)
scorecard.keep("04_quantization", cards)
comparison = scorecard.compare(cards)
comparison

# %% tags=["nbval-ignore-output"]
comparison.picture()

# %% [markdown]
# Careful: two things changed at once, the numbers *and* the engine. How much of the time do the integers
# save? Same engine, same thread, by turns:

# %% tags=["nbval-ignore-output"]
rivals = {"float32": exported, "8 bits": int8, "7 bits": seven}
found = scorecard.latency(*(made.run(image) for made in rivals.values()), limit_s=3)
ms = {name: time.median_ms for name, time in zip(rivals, found, strict=True)}
for name, time in ms.items():
    print(f"{name:8} {time:.2f} ms, {ms['float32'] / time:.1f}x")

# %% [markdown]
# Which kind is your processor? With dot products, both integer files take the same time, a fraction of
# float32's. Without them, integers gain less, and exact kernels for all 8 bits take some of that back.

# %% [markdown]
# ## When it fails
# **One outlier ruins the scale.** Make one single weight a hundred times as large as the largest. The
# step has to grow with it, and nearly all the others fall onto zero. That happens: a batch norm with a tiny
# variance, folded, makes such channels.

# %% tags=["nbval-ignore-output"]
weight = folded.features[7].weight.detach()
spoiled = weight.clone()
spoiled[0, 0, 0, 0] = 100 * weight.abs().max()


def in_8_bits(weight, per_channel):
    layer = nn.Sequential(nn.Conv2d(*weight.shape[1::-1], 3, bias=False))
    layer[0].weight.data = weight
    rounded = quantization.quantize_weights(layer, 8, per_channel)[0].weight
    return weight[1:].flatten().numpy(), rounded.detach()[1:].flatten().numpy()


cases = {
    "a scale for the layer": in_8_bits(weight, False),
    "one outlier": in_8_bits(spoiled, False),
    "a scale for each channel": in_8_bits(spoiled, True),
}
figures.outlier(cases, weight.abs().max().item())

# %% [markdown]
# All pictures leave out the outlier's own channel. A scale for each channel keeps the damage there.
#
# **Integers are not always faster.** Numbers have to be brought to the grid and back, and that takes
# time too. Here are layers from tiny to large, each as a network of its own. (From which size on integers
# gain, your processor decides.)

# %% tags=["nbval-ignore-output"]
layers = {
    "linear, 16 to 16": (nn.Sequential(nn.Flatten(), nn.Linear(16, 16)), (1, 4, 4)),
    "conv, 3 to 4, 8×8": (nn.Conv2d(3, 4, 3, padding=1), (3, 8, 8)),
    "conv, 3 to 16, 32×32": (nn.Conv2d(3, 16, 3, padding=1), (3, 32, 32)),
    "conv, 64 to 64, 32×32": (nn.Conv2d(64, 64, 3, padding=1), (64, 32, 32)),
}
times = {}
for name, (layer, shape) in layers.items():
    pixels = torch.randint(0, 256, (8, *shape), dtype=torch.uint8)
    noise = data.Images(pixels, torch.zeros(8, dtype=torch.int64))
    in_floats = engines.onnx(nn.Sequential(layer), shape)
    in_integers = engines.int8(in_floats, noise)
    both = [
        each.run(data.normalise(pixels[:1])) for each in (in_floats, in_integers)
    ]
    times[name] = tuple(t.median_ms for t in scorecard.latency(*both, limit_s=1))
figures.engine_times(times, ["float32", "int8"])

# %% [markdown]
# ## Going further: which range to calibrate to?
# Min-max keeps the largest value, and pays with large steps for all others. A *percentile* cuts off the
# rarest; *mse* searches for the range with the smallest error. At 8 bits it hardly matters. Below?

# %% tags=["nbval-ignore-output"]
activation_bits = [3, 4, 8]
some = sample.first(100)
calibrated = {}
for method in quantization.METHODS:
    calibrated[method] = []
    for bits in activation_bits:
        found = quantization.calibrate(
            network, images.train.first(40), method, bits
        )
        rounded = quantization.quantize_network(network, found, 8, bits)
        calibrated[method].append(training.evaluate(rounded, some))
figures.curves(
    activation_bits,
    calibrated,
    "bits for what flows (weights: 8)",
    "validation accuracy",
    "At 3 bits the range matters",
    percent=True,
)

# %% [markdown]
# At 4 bits it does not matter yet. At 3 the smallest error keeps most; of 100 images, a few points are chance.
#
# ## Going further: trained with rounding for longer
# Longer than above, and with several seeds, recorded. *32 bits* (one seed) is the original, trained
# on for as long without rounding. Is it perhaps the training alone that helps?

# %%
trained = records["trained"]
for row in trained["rows"]:
    print(
        f"{row['bits']} bits, seed {row['seed']}: {row['accuracy']:.1%}, "
        f"{row['points']:+.1f} points ({row['low']:+.1f} to {row['high']:+.1f}), {row['bytes']:,} bytes"
    )
print(f"{trained['images_seen']:,} images seen in training")
print(records.label("trained"))

# %% [markdown]
# It is not: training on alone cost something. It is the rounding in the training that helps.
#
# ## Going further: ExecuTorch
# On phones, PyTorch's own ExecuTorch does the same, where it is installed.

# %% tags=["nbval-ignore-output"]
if engines.available("executorch"):
    on_phones = {
        "original": engines.executorch(network, images.shape),
        "8 bits": engines.executorch(network, images.shape, images.train, 50),
    }
    phone_cards = scorecard.measure_all(on_phones, images, images=300, limit_s=2)
    print(scorecard.compare(phone_cards))
else:
    print("not installed here: pip install executorch torchao")

# %% [markdown]
# ## The growing table

# %% tags=["nbval-ignore-output"]
table.grow("04_quantization", cards, {"original": exported, "8 bits": int8}, images)

# %% [markdown]
# ## The claims, checked

# %% tags=["claims"]
computed = recorded.computed()  # None: no machine can change what is recorded
pair = comparison.differences[1]
at_4 = {way: accuracies[all_bits.index(4)] for way, accuracies in accuracy.items()}
values_left = {name: np.unique(after).size for name, (_, after) in cases.items()}
agree = training.predict(simulated, sample).argmax(1) == torch.cat(
    [int8(x).argmax(1) for x, _ in sample.batches(20)]
)
as_rounded = {
    row["bits"]: row["accuracy"]
    for row in records["bits"]["rows"]
    if row["way"] == "one scale a channel"
}
by_training = ", ".join(
    f"{row['bits']} bits {row['accuracy']:.1%}" for row in trained["rows"]
)
tiny, *_, large = (first / second for first, second in times.values())

claim(
    "float32 does not hold 3.141592653589 either",
    pi.item() != number and abs(pi.item() - number) < 1e-6,
)
claim(
    "3.14 is 314 steps of 0.01: ten bits hold it, eight cut it off",
    quantization.quantize(pi, 0.01, bits=10).item() == 314
    and quantization.quantize(pi, 0.01, bits=8).item() == 127,
)
claim(
    "the notebook's rounding is the library's",
    all(
        torch.equal(a, b)
        for a, b in zip(by_hand.parameters(), by_library.parameters(), strict=True)
    ),
)
claim(
    "the notebook's folding is the library's",
    torch.allclose(first_folded[0], folded.features[0].weight, atol=1e-5)
    and torch.allclose(first_folded[1], folded.features[0].bias, atol=1e-5),
)
claim(
    "folding batch norms leaves the outputs as they are",
    torch.allclose(
        training.predict(folded, few), training.predict(network, few), atol=1e-3
    ),
)
claim(
    "our integers are ONNX Runtime's, within one step",
    max(steps_apart.values()) <= 1,
    measured=str(steps_apart),
)
claim(
    "the layer computed by hand is the engine's, within one step",
    apart.max() <= 1 and abs(one - its) <= 1,
)
claim(
    "two products of 8-bit integers may be too much for 16 bits, with 7-bit weights never",
    of_two > left_of_two == 2**15 - 1 and 255 * 64 * 2 < 2**15,
)
claim(
    "by hand: added in pairs, 8-bit weights give wrong sums, 7-bit weights give none",
    differ[8] > 0 and differ[7] == 0,
    measured=str(differ),
)
claim("with 7 bits no layer's sums could be cut off", seven.saturating == ())
claim(
    "with all 8 bits every layer's sums could be cut off",
    len(int8.saturating) == len(ours),
    images=images.name,
    measured=f"{len(int8.saturating)} of {len(ours)}",
)
alike = (int8(given).argmax(1) == seven(given).argmax(1)).double().mean()
claim(
    "7-bit weights name at least 97 of 100 leaves as 8-bit ones do",
    alike >= 0.97,
    images=images.name,
    measured=f"{alike:.1%}",
)
claim(
    "in 7 bits other programs give the same answers",
    elsewhere[7] < 1e-4,
    measured=f"{elsewhere[7]:.2%}",
)
claim(
    "elsewhere the first layer's numbers differ where there are no dot products, and only there",
    (differing > 0.01) != processor.exact_in_8_bits(),
    machine="the engine takes other kernels there than those we know",
    measured=f"{differing:.1%} differ; by hand {one}, elsewhere {its_elsewhere}",
)
claim(
    "in 8 bits other programs answer otherwise where there are no dot products, and only there",
    (elsewhere[8] > 1e-4) != processor.exact_in_8_bits(),
    machine="the engine takes other kernels there than those we know",
    measured=f"off by {elsewhere[8]:.2%}; {processor.described()}",
)
claim(
    "the rehearsal in floats and the engine name at least 97 of 100 leaves alike",
    agree.double().mean() >= 0.97,
    images=images.name,
    measured=f"{agree.double().mean():.1%}",
)
claim(
    "the int8 file is at least 3.5 times smaller",
    len(exported.content) >= 3.5 * len(int8.content),
)
claim(
    "8 bits cost at most one point: the whole interval of the difference lies above that",
    pair.low >= -1,
    images=images.name,
    measured=str(pair),
)
least = 1.5 if processor.exact_in_8_bits() else 1.1
claim(
    "integers are faster than floats in the same engine, by half or more with dot products",
    all(ms["float32"] > least * ms[name] for name in ("8 bits", "7 bits")),
    machine="other programs are running",
    measured=", ".join(f"{name} {time:.2f} ms" for name, time in ms.items()),
)
claim(
    "7 bits are no slower than 8",
    ms["7 bits"] < 1.15 * ms["8 bits"],
    machine="other programs are running",
    measured=f"{ms['7 bits']:.2f} and {ms['8 bits']:.2f} ms",
)
claim(
    "recorded: a scale for each channel needs the fewest bits, no more than five",
    needed["one scale a channel"] <= 5
    and all(
        needed["one scale a channel"] < bits
        for way, bits in needed.items()
        if way != "one scale a channel"
    ),
    machine=computed,
    measured=str(needed),
)
claim(
    "at 4 bits one scale a layer costs more than a point, and more than one a channel",
    at_4["one scale a layer"] < min(before - 0.01, at_4["one scale a channel"]),
    images=images.name,
    measured=str(at_4),
)
claim(
    "training with rounding wins back most of what 2 bits lost",
    lost > 0.3 and still_lost < 0.5 * lost,
    images=images.name,
    measured=f"{lost:.1%} lost, {still_lost:.1%} after training",
)
claim(
    "one outlier leaves others a handful of values, a scale for each channel mends it",
    values_left["one outlier"] < 10
    and values_left["a scale for each channel"]
    >= values_left["a scale for the layer"],
    measured=str(values_left),
)
claim(
    "the tiny layer is not faster in int8, and gains less than the large one",
    tiny < min(1.05, large),
    machine="the engine or the processor treats tiny layers better than ours",
    measured=f"{tiny:.2f}x, the large one {large:.2f}x as fast as in float32",
)
claim(
    "at 3 bits the range of the smallest error keeps more than min-max",
    calibrated["mse"][0] > calibrated["minmax"][0],
    images=images.name,
    measured=str(calibrated),
)
claim(
    "recorded: for every seed, training with rounding beats rounding, at 3 and at 2 bits",
    all(
        row["accuracy"] > as_rounded[row["bits"]]
        for row in trained["rows"]
        if row["bits"] < 32
    ),
    machine=computed,
    measured=f"{by_training}; rounded {as_rounded[3]:.1%}, {as_rounded[2]:.1%}",
)
claim(
    "recorded: training on alone, without rounding, gains nothing, and costs something",
    all(row["high"] < 0 for row in trained["rows"] if row["bits"] == 32),
    machine=computed,
    measured=by_training,
)

# %% [markdown]
# ## Takeaways
# - A number becomes an integer and a scale; a range that need not hold zero in its middle, a zero point.
# - 8 bits: a quarter of the bytes, real integer arithmetic, next to no loss. Take them always, and 7 for the
#   weights where you don't know the processor.
# - Fewer bits need a scale for each channel, and below four training with rounding.
# - Outliers decide the scale. Tiny layers gain no time.
#
# **Quiz**
#
# <details><summary>Why do the weights get a symmetric grid, and the activations an affine one?</summary>
# After a ReLU nothing is negative: a symmetric grid would waste half of its integers, that is one bit. The
# zero point costs next to nothing: what it subtracts is the same for every image, z times the sum of a
# filter's weights, and that is known before. Weights lie on both sides of zero, so a symmetric grid fits. A zero point
# of theirs would cost one sum more for each output, of the activations, and that is new for each image.
# </details>
#
# <details><summary>The products of 8-bit integers are summed in 32 bits. Why not in 16?</summary>
# One product needs up to 15 bits. A 3x3 convolution over 64 channels adds 576 of them, which can be ten
# bits more. 16 bits are too few already for two of them, and nothing tells you, as you saw.
# </details>
#
# <details><summary>The file shrinks to a quarter, but the time does not. Name two reasons.</summary>
# Bringing numbers to the grid and back takes time, which tiny layers never earn back. And a processor
# without dot products for 8-bit integers needs several instructions for what others do in one.
# </details>
#
# **Try it.** Change one thing, guess first, run again:
# - `images.train.first(200)` in the calibration: is one image enough? Are ten?
# - `bits=2` in the training: how much of the loss comes back with 3?
# - `spoiled[0, 0, 0, 0] = 100 * ...`: from which factor on is the layer ruined?

# %% [markdown]
# **Next:** `05_distillation` lets a small network learn from the large one.
