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
# # Start here
#
# **In one sentence:** you meet the leaves, the network that names them, and the scorecard that
# measures it; every later chapter makes this network smaller and measures it again.
#
# *About 30 minutes.* Afterwards you can
# - say whether this machine is ready for the course, and what to do if not,
# - read a scorecard, and say how each figure on it is measured,
# - say how sure an accuracy is.
#
# The course follows the article *Pruning & Model Compression in AI: making computer vision models
# smaller, faster, and practical*. Its ideas, its analogies and its plant app lead the way; here
# each of its claims is measured on your machine.

# %% [markdown]
# ## Is this machine ready?
# Each line is something the course uses. Where something is missing, the line below says what to do.

# %% tags=["nbval-ignore-output"]
from course_lib import doctor

print(doctor.table(doctor.check()))

# %% [markdown]
# ## What you should know already
# Five questions. If you can answer four, you are ready. Think first, then open the answer.
#
# <details><summary><b>1.</b> A convolution slides a small window over an image. What does the
# network learn: the window's contents, or where to put it?</summary>
# The contents: the window's weights. The same weights are used at every place.
# </details>
#
# <details><summary><b>2.</b> What is a channel?</summary>
# One of the pictures that a layer hands on: the answer of one learned filter at every place. An
# RGB image has one channel for each colour; a layer inside the network has many more.
# </details>
#
# <details><summary><b>3.</b> The network's last layer gives one number for each class. How do they
# become probabilities?</summary>
# Softmax: the exponential of each, divided by the sum of all of them.
# </details>
#
# <details><summary><b>4.</b> Why do we keep test images that the network never trained on?</summary>
# Because it can remember the training images. Only new ones tell what it has understood. We keep a
# third set apart as well, the validation images: for every choice that we make on the way.
# </details>
#
# <details><summary><b>5.</b> What is a loss, and what does training do with it?</summary>
# One number that says how wrong the answers are. Training changes the weights, a little at a time,
# in the direction that makes it smaller.
# </details>
#
# Fewer than four? Any introduction to image classification with PyTorch will do; come back after
# its first network.

# %% [markdown]
# ## The leaves
# The pictures come with the course and need no download: they are drawn, then photographed by an
# imagined camera, on soil, wood or paper, in uneven light. Genera and colours are borrowed from nature,
# the species are not. (You chose other images? Then you see those.)

# %%
from course_lib import (
    data,
    figures,
    leaves,
    predict,
    processor,
    scorecard,
    training,
)
from course_lib.claims import claim

scorecard.set_threads()  # two threads at most: the machine may be shared
images = data.load()
images


# %%
def some_of_each(split, count):
    """The first images of each class, (classes, count, height, width, 3)."""
    pixels = split.pixels.permute(0, 2, 3, 1).numpy().squeeze()
    return [
        pixels[split.labels == label][:count]
        for label in range(len(images.classes))
    ]


genera = [images.group_names[g] for g in images.groups] if images.groups else None
count = min(9, int(images.train.labels.bincount().min()))
figures.contact_sheet(some_of_each(images.train, count), images.classes, genera)

# %% [markdown]
# Look at the rows. Telling *genera* apart is easy: their outlines differ. Telling *species* of the
# same genus apart is hard: it takes the teeth of the margin, the depth of the lobes, the tip. That
# is a **fine-grained** task, and fine-grained tasks are where careless compression hurts first.
#
# Here is one of each, pressed on paper, and what tells the species of a genus apart:

# %%
specimens = [
    leaves.specimen(number, size=160) for number in range(len(leaves.SPECIES))
]
figures.images_grid(
    specimens, [species.name for species in leaves.SPECIES], cell=1.2
)

# %%
rows = leaves.trait_table()
for row in [dict(zip(rows[0], rows[0], strict=True)), *rows]:
    print(
        f"{row['species']:18}{row['lobes']:18}{row['margin']:14}{row['veins']:12}{row['tip']}"
    )

# %% [markdown]
# ## The network
# One small convolutional network names the leaves. Each block below is a stack of channels: its height is
# the side of the pictures, its length how many there are. Each stage halves the side and, but for the first,
# doubles the channels: smaller pictures, more of them, until one number for each class is left.

# %%
# The leaves' network is there already; for other images one is trained once, and kept.
original = training.original(images)
channels, side = images.shape[0], images.shape[1]
figures.network_picture(
    [
        ("image", channels, side),
        ("first stage", original.widths[0], side // 2),
        ("second", 2 * original.widths[0], side // 4),
        ("third", 4 * original.widths[0], side // 8),
    ],
    images.classes,
)

# %% [markdown]
# ## Predict first
# Before each measurement you write down a guess. A guess costs you ten seconds, and what surprises
# you is what you will remember. Put a number in place of `None`, or leave it: nothing stops.
#
# **To name one leaf, how many multiplications does this network do, in millions?**

# %%
my_guess = None

guess = predict.guess(
    "Millions of multiplications for one leaf?", my_guess, low=0, high=500
)
guess

# %%
operations = scorecard.macs(original, images.shape)
guess.reveal(operations / 1e6)

# %% [markdown]
# They are called **MACs**, for *multiply and accumulate*: each multiplication is followed by one
# addition. Where do they come from? Count one layer yourself.
#
# > **Formula: the MACs of a convolution**
# >
# > $$\text{MACs} = \underbrace{\text{outputs} \cdot \text{side}^2}_{\text{numbers it puts out}} \cdot \underbrace{\text{inputs} \cdot \text{window}^2}_{\text{multiplications for each}}$$
# >
# > From 2 channels to 3, with a window of $3 \times 3$ and an output of $4 \times 4$ pixels:
# > $3 \cdot 16 = 48$ numbers, $2 \cdot 9 = 18$ multiplications each, $864$ MACs.


# %%
def macs_of_convolution(inputs, outputs, window, side):
    numbers = outputs * side * side  # how many numbers the layer puts out
    each = inputs * window * window  # multiplications for each of them
    return numbers * each


first = macs_of_convolution(channels, original.widths[0], window=3, side=side // 2)
counted = next(iter(scorecard.macs_by_layer(original, images.shape).values()))
print(
    f"the first layer by hand: {first:,}, counted: {counted:,}, all layers: {operations:,}"
)

# %% [markdown]
# ## How sure is an accuracy?
# Suppose a network names nearly every leaf of a small test right. Would it do so again on other
# leaves? The **Wilson interval** says where the true accuracy may lie. It is made so that of a hundred such
# intervals about 95 hold the truth: *95% confidence*.
#
# > **Formula: the Wilson interval** (Wilson 1927)
# >
# > $$\frac{p + \dfrac{z^2}{2n}}{1 + \dfrac{z^2}{n}} \;\pm\; \frac{z}{1 + \dfrac{z^2}{n}} \sqrt{\frac{p\,(1 - p)}{n} + \frac{z^2}{4n^2}}$$
# >
# > $p$ is `share`, $n$ is `total`; $z = 1.96$ makes it 95%. Four of four right, with $z = 2$: the middle is
# > $1.5 / 2 = 0.75$, the spread $1 \cdot \sqrt{4/64} = 0.25$. So the truth lies between 50% and 100%.


# %%
def wilson(right, total, z=1.96):
    share = right / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    spread = (
        z
        / (1 + z**2 / total)
        * (share * (1 - share) / total + z**2 / (4 * total**2)) ** 0.5
    )
    return middle - spread, middle + spread


for total in (100, 1_000, 10_000):
    low, high = wilson(total * 97 // 100, total)
    print(
        f"{total * 97 // 100:>5} of {total:>6} right: between {low:.1%} and {high:.1%}"
    )

# %% [markdown]
# A hundred times the images make the interval about ten times narrower.
#
# And two networks? Their **difference** has an interval of its own. *If zero lies in it, there is no finding.*
# On different images it is wider than either network's, for two uncertainties come together. On the *same*
# images, compared one by one, it is usually far narrower: images that both name alike say nothing about which is better.
# So this course compares on the same images, and writes the difference's interval beside it. (You compute one
# in exercise 01.)

# %% [markdown]
# ## The scorecard
# Here it is, measured now, on your machine. All figures belong to the same weights. The line above it
# names your processor.

# %% tags=["nbval-ignore-output"]
card = scorecard.measure(original, images)
print(processor.described())
card

# %% [markdown]
# | figure | how it is measured |
# |---|---|
# | accuracy | on test images that were neither trained on nor used for any choice; with its interval |
# | bytes | files on disk, weighed; *packed* is the same file, compressed without loss; a *download* is what a phone fetches to run it |
# | MACs, parameters | counted from the network itself, layer by layer |
# | time (*latency*) | one image at a time, warm; the median, and what nine of ten runs stay below |
# | working memory | counted: all weights, and the input and output of the hungriest layer |
# | peak memory | the most this process held at any moment, Python and its libraries included |
# | energy | read from the processor where it lets us, else an *estimate*: MACs and bytes, each at its published cost (Horowitz 2014, Han et al. 2015; of an older chip, so good for comparing only) |
#
# A busy machine is slow at random. So a latency is measured until its median is steady. If it never
# is, the card says *noisy machine*, and you should not believe small differences.
#
# You may meet **two kinds of processors**. One multiplies 8-bit integers and adds them up in a single
# instruction (*dot products*; on x86 they are called VNNI), the other does not. What is counted is the same on
# both, times are not. Remember which kind you have: some lessons depend on it.

# %% [markdown]
# ## What production does
# Counting is easy to get wrong, so we count twice. PyTorch has a counter of its own. It counts
# multiplications and additions apart, which makes two for each MAC. Half of its figure must be ours.

# %%
import torch
from torch.utils.flop_counter import FlopCounterMode

with FlopCounterMode(display=False) as counter, torch.inference_mode():
    original(torch.zeros(1, *images.shape))
print(
    f"PyTorch's counter: {counter.get_total_flops():,} = 2 x {counter.get_total_flops() // 2:,}"
)

# %% [markdown]
# ## The claims, checked
# Every chapter ends like this. What the text said is checked against what was measured; a sentence
# that is false stops the chapter. What depends on your machine says *held here* or *not here*, with its
# figures; *not here* is no error.

# %% tags=["claims"]
few, many = wilson(97, 100), wilson(9_700, 10_000)
narrower = (few[1] - few[0]) / (many[1] - many[0])
claim("the hand count of the first layer is the counter's", first == counted)
claim(
    "our MACs are half of PyTorch's operations",
    counter.get_total_flops() == 2 * operations,
)
claim(
    "the box: four of four right, with z = 2, leave 50% to 100%",
    max(abs(a - b) for a, b in zip(wilson(4, 4, z=2), (0.5, 1.0), strict=True))
    < 1e-9,
)
claim(
    "a hundred times the images make the interval about ten times narrower",
    8 < narrower < 12,
)
claim(
    "the library's interval is the one above",
    max(
        abs(a - b)
        for a, b in zip(wilson(97, 100), scorecard.wilson(97, 100), strict=True)
    )
    < 1e-4,
)
claim(
    "the network names more than nine of ten test images",
    card.accuracy_low > 0.9,
    images=images.name,
    measured=f"{card.accuracy:.1%}",
)

# %% [markdown]
# ## Takeaways
# - One network, one scorecard, measured the same way in every chapter.
# - An accuracy without its interval is half a figure.
# - Guess, measure, compare. And read what did *not* hold with the same care as what did.
#
# **How to go on.** The next chapter is `01_jigsaw`. Your own copies lie in the folder `work/` (`make
# lab` puts them there), and no update overwrites what you have written. Pictures with sliders need a
# running notebook; on a web page they stand still.
