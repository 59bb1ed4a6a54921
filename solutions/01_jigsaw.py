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
# # Exercise 01: the jigsaw
#
# *About 50 minutes, six tasks.* They start where the chapter stopped: counting, covering and measuring in
# ways that it did not show, and channels that are silent together. Each task stands alone. If one keeps you
# too long, go on with the next.
#
# **How it works.** Write your function in place of the line that says so, run the cell, then the check under
# it. The check draws new inputs each time. It says what is missing, more clearly each time, but never the
# answer. What you passed is noted in `progress.json` beside this notebook, and nowhere else.

# %%
from copy import deepcopy

import torch

from course_lib import data, engines, packing, scorecard, training
from course_lib.checks import jigsaw as checks
from course_lib.checks import progress

scorecard.set_threads()
images = data.load("leaves")
network = training.original(images)

# %% [markdown]
# ## 1. How many MACs? (warm-up)
# In `00_start_here` you counted a convolution and knew the side of its output. Usually you know the side of
# its *input*: a square of `side` pixels, with `padding` pixels of zeros put around it. The window is a square
# too. It starts in the upper left corner and moves `stride` pixels at a time; where it would reach beyond the
# padded picture, nothing is computed. How many MACs are that?


# %% task="conv_macs"
def conv_macs(inputs, outputs, window, side, stride, padding):
    """MACs of a convolution of `inputs` to `outputs` channels, for one picture of side x side."""
    ### BEGIN SOLUTION
    places = (side + 2 * padding - window) // stride + 1  # along one side
    return outputs * places**2 * inputs * window**2
    ### END SOLUTION


# %% check="conv_macs" points=2
checks.conv_macs(conv_macs)
### BEGIN HIDDEN TESTS
assert conv_macs(3, 64, 3, 64, 2, 1) == 1_769_472  # the first layer of our network
assert conv_macs(1, 1, 2, 5, 3, 0) == conv_macs(1, 1, 2, 7, 3, 0) == 16
### END HIDDEN TESTS

# %% [markdown]
# ## 2. A frame
# The chapter covered pieces. Cover the picture's edge: `border` pixels at the top, at the bottom, left and
# right get the mean colour *of that picture*, the whole of it, as in the chapter. `pictures` has the shape
# `(count, channels, height, width)`, not always square, and a border of 0 covers nothing. Leave the pictures
# that came in as they are.


# %% task="framed"
def framed(pictures, border):
    """The pictures with a border, so many pixels wide, of each picture's own mean colour."""
    ### BEGIN SOLUTION
    height, width = pictures.shape[2:]
    middle = torch.zeros(height, width, dtype=torch.bool)
    middle[border : height - border, border : width - border] = True
    return torch.where(middle, pictures, pictures.mean(dim=(2, 3), keepdim=True))
    ### END SOLUTION


# %% check="framed" points=3
checks.framed(framed)
### BEGIN HIDDEN TESTS
ramp = torch.arange(48.0).reshape(1, 1, 6, 8)
assert torch.equal(framed(ramp, 0), ramp)
assert torch.equal(framed(ramp, 2)[0, 0, 2:4, 2:6], ramp[0, 0, 2:4, 2:6])
assert (framed(ramp, 2) == ramp.mean()).sum() == 48 - 8
### END HIDDEN TESTS

# %% [markdown]
# ## 3. The middle
# Of the 64 pieces in the chapter, the 16 in the middle are a quarter of the picture: a square of 32 by 32
# pixels. Cover these in every picture, with its mean colour. **How many percent of the validation leaves are
# still named right?** Guess first. The check covers the middle and tells.

# %% guess="my_middle"
my_middle = 60

# %% check="my_middle" points=1 tags=["nbval-ignore-output"]
checks.my_middle(my_middle)

# %% [markdown] answer="why_middle" points=2
# **In the chapter one piece alone cost little, and half of all pieces could go. Why do these 16 cost so
# much?** Name two reasons. And what does it tell you that a border of 8 pixels, which covers nearly twice as
# much, costs far less? (Try it, with your `framed`, on the same images.) Three to five sentences.
#
# <!-- BEGIN SOLUTION -->
# A piece is harmless alone because its neighbours show the same: the next stretch of the margin, the same
# veins. Here the neighbours go as well, and nobody is left to do their work. And in the chapter the pieces
# were chosen for each picture, least important first, with the right answer in hand; these 16 are chosen by
# their place, and there the leaf lies. The border is soil and wood for the most part. So it is not how much
# goes that counts, but what, and whether something that tells the same is left.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
checks.why_middle()

# %% [markdown]
# ## 4. Find the bugs
# The scorecard shows a latency as two numbers: the median, and the *p90*, which is the smallest of the measured
# times that at least nine in ten runs do not exceed. With an even number of runs, two lie in the middle, and
# the median halfway between them. The first `warm_up` runs do not count: they allocate memory, and choose
# algorithms. A colleague wrote this. It runs, and the numbers look plausible. It has **three mistakes**, and
# one of them shows only with certain numbers of runs.


# %%
def by_a_colleague(times, warm_up):
    ordered = sorted(times)[warm_up:]
    median = ordered[len(ordered) // 2]
    p90 = ordered[len(ordered) * 9 // 10]
    return median, p90


print(by_a_colleague([9.0, 2.0, 5.0, 3.0, 4.0, 2.5], warm_up=1))


# %% task="median_and_p90"
def median_and_p90(times, warm_up):
    """The median and the p90 of the runs after the first `warm_up`; times in ms, as they came."""
    ### BEGIN SOLUTION
    ordered = sorted(times[warm_up:])
    count = len(ordered)
    median = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    p90 = ordered[(9 * count + 9) // 10 - 1]  # nine tenths of them, rounded up; places begin at 0
    return median, p90
    ### END SOLUTION


# %% check="median_and_p90" points=3
checks.median_and_p90(median_and_p90)
### BEGIN HIDDEN TESTS
assert tuple(median_and_p90([50, *range(10, 0, -1)], 1)) == (5.5, 9)
assert tuple(median_and_p90([1, 7, 8, 90], 1)) == (8, 90)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Image by image
# Two networks name the same images. `before` and `after` say for each image whether it was named right
# (tensors of bool, in the same order). Give each image a number: +1 if only the second network got it right,
# −1 if only the first did, 0 if they agree. The mean of these numbers is the difference of the two networks.
# Return it **in points**, and its margin at 95%: 1.96 standard deviations of these numbers, divided by the
# root of how many there are, in points as well. (Scorecards take a finer formula for small counts.)


# %% task="points_and_margin"
def points_and_margin(before, after):
    """How many points better the second network is, and plus or minus how many."""
    ### BEGIN SOLUTION
    each = after.double() - before.double()
    return 100 * each.mean(), 100 * 1.96 * each.std() / len(each) ** 0.5
    ### END SOLUTION


# %% check="points_and_margin" points=3
checks.points_and_margin(points_and_margin)

# %% [markdown]
# ## 6. Silent together (open-ended)
# The last convolution has 256 channels and holds half of all weights. What is silent need not be stored: its
# zeros take little room in a packed file. Silence channels of this layer until the file has **at most
# 2,745,000 bytes, with at least 97.0% of the validation leaves right**, without any training. `pack`
# silences channels and writes the file that is judged; that takes a while. Trying is far quicker: behind this
# layer the network only takes each channel's mean over the picture, so `heard` holds all that `classify`
# ever gets to hear. Multiply it by zeros and ones, and you know who is named right. First find out how many
# channels must go. Then: which?


# %% tags=["nbval-ignore-output"]
FILE = "01_jigsaw.packed"
some = images.val.first(300)
with torch.inference_mode():
    heard = torch.cat([network.features(x).mean(dim=(2, 3)) for x, _ in some.batches(100)])


def named_right(silent):
    """The share of these images that is named right with these channels silent."""
    kept = torch.ones(256)
    kept[silent] = 0
    with torch.inference_mode():
        return (network.classify(heard * kept).argmax(1) == some.labels).double().mean().item()


def pack(silent):
    """Write the packed file of the network with these channels of its last layer silent."""
    quiet = deepcopy(network)
    convolution, norm = quiet.features[17], quiet.features[18]
    with torch.no_grad():
        for numbers in (convolution.weight, norm.weight, norm.bias):
            numbers[silent] = 0
    packed = packing.save(engines.onnx(quiet, images.shape), FILE)
    print(f"{packed.stat().st_size:,} bytes")


print(f"{tuple(heard.shape)}, {named_right([]):.1%} with none silent")
print(f"{named_right(list(range(128))):.1%} without the first half")

# %% task="few_channels" tags=["nbval-ignore-output"]
### BEGIN SOLUTION
silent = []
with torch.inference_mode():
    says = heard[:, :, None] * network.classify.weight.T  # what each channel adds to each class
    while len(silent) < 180:  # three go, then all others are measured again without them
        kept = torch.ones(256)
        kept[silent] = 0
        alone = network.classify(heard * kept)[:, None] - says  # one more silent: each in turn
        loss = -alone.log_softmax(2)[torch.arange(300), :, some.labels].mean(0)
        loss[silent] = torch.inf
        silent += loss.argsort()[:3].tolist()
pack(silent)
### END SOLUTION

# %% check="few_channels" points=4 tags=["nbval-ignore-output"]
checks.few_channels(FILE)
### BEGIN HIDDEN TESTS
judged, others = packing.load(FILE, threads=2), images.test.first(500)
names = torch.cat([judged(x).argmax(1) for x, _ in others.batches(50)])
assert (names == others.labels).double().mean() >= 0.965
### END HIDDEN TESTS

# %% [markdown] answer="why_channels" points=3
# **How did you find your channels, and what did you try that failed?** Measure each channel alone, silence
# those that cost least, all at once: does that do better than channels drawn at random? Why?
#
# <!-- BEGIN SOLUTION -->
# Those that cost least alone did far worse together than a random draw. A class that many channels speak
# for can spare any one of them, so that all of these looked harmless; without all of them several classes were
# never named again. A random draw takes from all alike. What worked: silence three, measure all others again
# without them, and go on until the bytes fit; by the loss, since one channel hardly moves the accuracy.
# Drawing a thousand sets at random and keeping the best goes far, too: that also measures channels
# together. Either way they were chosen on these few images, and only others tell whether the choice holds.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
checks.why_channels()

# %% tags=["nbval-ignore-output"]
progress()
