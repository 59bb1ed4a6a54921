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
# # Exercise 04: quantization
#
# *About 50 minutes, six tasks.* They start where the chapter stopped: grids that are shifted, shared by
# groups, and cut off. Each task stands alone. If one keeps you too long, go on with the next.
#
# The check under a task draws new inputs each time. It says what is missing, more clearly each time,
# but never the answer. What you passed is noted in `progress.json` beside this notebook, and nowhere else.

# %%
import torch

from course_lib import data, engines, packing, quantization, scorecard, structure, training
from course_lib.checks import progress
from course_lib.checks import quantization as checks

scorecard.set_threads()
images = data.load("leaves")
network = training.original(images)

# %% [markdown]
# ## 1. How many bytes? (warm-up)
# A layer's weights have the shape `(outputs, inputs, height, width)`, or `(outputs, inputs)`. They are
# stored in `bits` each, one after the other, without gaps. Beside them lie a scale and a bias for each
# output channel, in float32. How many bytes is that? Files have no half bytes.


# %% task="layer_bytes"
def layer_bytes(shape, bits):
    """Bytes of a layer: its weights in `bits`, a scale and a bias for each output channel."""
    ### BEGIN SOLUTION
    weights = 1
    for length in shape:
        weights *= length
    return -(-weights * bits // 8) + 2 * 4 * shape[0]
    ### END SOLUTION


# %% check="layer_bytes" points=2
checks.layer_bytes(layer_bytes)

# %% [markdown]
# ## 2. A grid with a zero point
# In the chapter you put weights on a symmetric grid by hand: the largest became the largest integer, zero
# became zero. What flows through a network is not symmetric. Write the *affine* grid: the integers run
# from 0 to 2^bits − 1 (no sign), `low` becomes the first of them and `high` the last. A value is
# `scale * (integer - zero_point)`. Padding is made of zeros, so **0.0 must lie on the grid exactly**,
# even if the range does not reach it: then widen the range until it does.


# %% task="affine"
def affine(low, high, bits):
    """The scale (a float) and the zero point (a whole number) for values from low to high."""
    ### BEGIN SOLUTION
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / (2**bits - 1)
    return scale, round(-low / scale)
    ### END SOLUTION


# %% check="affine" points=3
checks.affine(affine)
### BEGIN HIDDEN TESTS
for low, high in [(-1, 1), (0.5, 0.75), (-3, -2.5)]:
    scale, zero_point = affine(low, high, 8)
    assert 0 <= zero_point <= 255
    assert scale * (0 - zero_point) <= min(low, 0) + scale / 2 + 1e-9
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Find the bugs
# Language models are stored in 4 bits with a scale for each *group* of weights: each row (one output) is cut
# into pieces of `group` weights that follow each other, and each piece has a symmetric scale of its own.
# A colleague wrote this. It runs, and the shapes are right. The numbers are not: it has **three mistakes**,
# and one of them shows only when a group is all zeros. What comes back are the rounded weights, as
# floats, in the shape they came in.


# %%
def rounded_by_a_colleague(weights, bits, group):
    parts = weights.reshape(group, -1)
    largest = parts.amax(dim=1, keepdim=True)
    scale = largest / (2 ** (bits - 1) - 1)
    return (scale * (parts / scale).round()).reshape(weights.shape)


# %% task="round_in_groups"
def round_in_groups(weights, bits, group):
    """Weights (outputs, inputs), rounded with a scale for each group; inputs % group == 0."""
    ### BEGIN SOLUTION
    parts = weights.reshape(-1, group)
    largest = parts.abs().amax(dim=1, keepdim=True)
    scale = largest.clamp(min=1e-12) / (2 ** (bits - 1) - 1)
    return (scale * (parts / scale).round()).reshape(weights.shape)
    ### END SOLUTION


# %% check="round_in_groups" points=3
checks.round_in_groups(round_in_groups)
### BEGIN HIDDEN TESTS
outlier = torch.ones(2, 8)
outlier[0, 0] = -700.0
assert torch.equal(round_in_groups(outlier, 4, 4)[:, 4:], outlier[:, 4:])
assert not round_in_groups(torch.zeros(3, 6), 4, 2).any()
### END HIDDEN TESTS

# %% [markdown]
# ## 4. One bit more
# Each bit more halves the step of the grid. **By which factor does the mean squared error of the rounded
# weights fall, from 5 bits to 6?** Guess first. The check rounds the weights of the network and tells.

# %% guess="my_factor"
my_factor = 4

# %% check="my_factor" points=1
checks.my_factor(my_factor)

# %% [markdown] answer="why_factor" points=2
# **Why this factor? And the accuracy of the network hardly changed from 6 bits to 5 in the chapter, but
# collapsed from 3 to 2, though the error grew by about as much: why?** Three to five sentences.
#
# <!-- BEGIN SOLUTION -->
# Within one step of the grid the error is spread evenly, so its square has the mean step²/12. Half the
# step is a quarter of that. What counts for the network is the error beside the weights themselves: at
# 6 bits it is far smaller than the weights and the differences between the classes' outputs, so nothing is
# named otherwise. At 2 bits it is as large as the weights: most fall onto zero, and the signal that the
# next layer was trained on is gone. The same factor hurts only where little room is left.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
checks.why_factor()

# %% [markdown]
# ## 5. Rounding that knows its limits
# The chapter's line `x + (x.round() - x).detach()` rounds forward and lets the gradient through backward. It has
# no end: any integer may come out. Write the version with limits: integers from `low` to `high`, and **no
# gradient for numbers that were cut off** (moving them a little changes nothing). Return floats in the
# size of `x`.


# %% task="rounded"
def rounded(x, scale, low, high):
    """x on the grid scale * (low, ..., high); gradient 1 inside of its limits, 0 beyond."""
    ### BEGIN SOLUTION
    inside = (x / scale).clamp(low, high)
    return scale * (inside + (inside.round() - inside).detach())
    ### END SOLUTION


# %% check="rounded" points=3
checks.rounded(rounded)
### BEGIN HIDDEN TESTS
x = torch.tensor([-9.0, -0.4, 0.3, 9.0], requires_grad=True)
rounded(x, 0.5, -2, 1).sum().backward()
assert x.grad.tolist() == [0, 1, 1, 0]
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Bits for each layer (open-ended)
# Large layers take the most bytes. Do they need the most bits? Give each layer bits of its own:
# **at most 330,000 bytes packed, and at least 97.0% of the validation leaves right**, without any
# training. `pack` writes the file that is judged. First find out which layers can do with little.


# %%
folded = quantization.fold_batch_norm(network)
FILE = "04_quantization.packed"


def pack(bits):
    """Compute in integers with these bits, and write the packed file."""
    rounded, integers = folded, {}
    for name, few in bits.items():
        rounded = quantization.quantize_weights(rounded, few, names=[name])
        integers |= quantization.integer_weights(folded, few, names=[name])
    exported = engines.onnx(rounded, images.shape)
    packed = packing.save(engines.int8(exported, images.train, count=200, weights=integers), FILE)
    print(f"{packed.stat().st_size:,} bytes")


print({name: layer.weight.numel() for name, layer in structure.layers(folded).items()})

# %% task="few_bits" tags=["nbval-ignore-output"]
### BEGIN SOLUTION
bits = dict.fromkeys(structure.layers(folded), 4)
bits |= {"features.14": 3, "features.17": 3}
pack(bits)
### END SOLUTION

# %% check="few_bits" points=4 tags=["nbval-ignore-output"]
checks.few_bits(FILE)
### BEGIN HIDDEN TESTS
checks.few_bits(FILE, hidden=True)
### END HIDDEN TESTS

# %% [markdown] answer="why_bits" points=3
# **How did you find your bits, and what did you try that failed?** Which layers minded least, and
# why those? What would you do with a day of computing time?
#
# <!-- BEGIN SOLUTION -->
# One layer at a time was rounded to 3 and to 2 bits, the others left alone, and the accuracy on a few
# hundred validation images noted. With 3 bits alone no layer costs more than a point, with 2 bits each
# costs 7 to 60. The last two convolutions hold three quarters of all weights: 3 bits there save most. All
# layers at 3 bits are too much at once: small losses add up. With a day: train with the rounding in
# place, and search over the bits of all layers.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
checks.why_bits()

# %% tags=["nbval-ignore-output"]
progress()
