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
# # The jigsaw: why models carry parts that do not matter
#
# **In one sentence:** take pieces away from a picture, then from the network itself, and you find
# that many of them were never needed.
#
# *About 30 minutes.* Afterwards you can
# - say why models need pruning and compression: faster, lighter, deployable,
# - measure how much a piece matters by taking it away,
# - say why "each of these is useless" does not mean "all of these are useless",
# - tell from a scorecard whether a network fits a device.

# %% [markdown]
# ## The analogy
# Think of a massive jigsaw puzzle with thousands of pieces. Some pieces don't contribute to the final
# image at all: sky, soil, a shadow. You would recognise the leaf without them. In the same way, many
# parts of a network add little value, but each of them takes memory, time and energy.

# %%
import torch

from course_lib import (
    counting,
    data,
    figures,
    jigsaw,
    predict,
    scorecard,
    training,
    widgets,
)
from course_lib.claims import claim

scorecard.set_threads()
images = data.load()
network = training.original(images)
puzzles = images.val.first(24)  # validation images: the test is for the end
inputs = data.normalise(puzzles.pixels)
GRID = 8 if images.shape[1] % 8 == 0 else 7
PIECES = GRID * GRID

# %% [markdown]
# ## Predict first
# Cut each picture into square pieces. Cover some of them with the picture's own mean colour, and begin with
# those that matter least. **How many percent of the pieces can go before the network loses one in five
# of the pictures that it knew?**

# %%
my_guess = None

guess = predict.guess(
    "Percent of the pieces that can go?", my_guess, low=0, high=100, unit="%"
)
guess

# %% [markdown]
# ## From scratch
# How much does one piece matter? Cover it, and see how much **confidence** is lost: the probability that the
# network gives to the right name. *Importance is what you lose when a part is gone.* You will meet this idea
# again for channels, for weights and for layers.
#
# > **Formula: importance by covering** (occlusion, Zeiler and Fergus 2014)
# >
# > $$I_k = p(y \mid x) - p(y \mid x_{-k})$$
# >
# > $p$ is `softmax` of the network, $y$ the right name, $x_{-k}$ the picture with piece $k$ covered. Sure to 0.95
# > before and to 0.60 after: $I_k = 0.35$. Below zero, the network is surer without the piece.


# %% tags=["nbval-ignore-output"]
@torch.inference_mode()
def importance(image, label):
    """The confidence lost when each piece alone is covered: (GRID, GRID)."""
    sure = network(image[None]).softmax(1)[0, label]
    size = image.shape[1] // GRID
    lost = torch.zeros(GRID, GRID)
    for row in range(GRID):
        for column in range(GRID):
            covered = image.clone()
            place = (
                slice(row * size, (row + 1) * size),
                slice(column * size, (column + 1) * size),
            )
            covered[:, place[0], place[1]] = image.mean(dim=(1, 2))[:, None, None]
            lost[row, column] = sure - network(covered[None]).softmax(1)[0, label]
    return lost


by_hand = importance(inputs[0], puzzles.labels[0])
print(
    f"most important piece: {by_hand.max():.3f} of confidence lost; median: {by_hand.median():.3f}"
)

# %% [markdown]
# `jigsaw.importance` does the same for many pictures at once. It gives the order in which the pieces go: least
# important first, most important first, or at random for comparison.

# %% tags=["nbval-ignore-output"]
importances = jigsaw.importance(network, inputs, puzzles.labels, grid=GRID)
orders = {how: jigsaw.order(importances, how) for how in jigsaw.ORDERS}
steps = list(range(0, PIECES + 1, max(1, PIECES // 16)))
removed = {
    how: jigsaw.removal_curve(network, inputs, puzzles.labels, order, steps)
    for how, order in orders.items()
}
accuracy = {how: accuracies for how, (_, accuracies) in removed.items()}
figures.curves(
    [100 * s / PIECES for s in steps],
    accuracy,
    "pieces removed (%)",
    "still named right",
    "Which pieces you take matters more than how many",
    percent=True,
    chance=1 / len(images.classes),
)


# %% tags=["nbval-ignore-output"]
def share_that_can_go(accuracies):
    """The largest share of pieces after which at least four in five are still named right."""
    lasting = [
        s
        for s, a in zip(steps, accuracies, strict=True)
        if a >= 0.8 * accuracies[0]
    ]
    return max(lasting) / PIECES


can_go = {
    how: share_that_can_go(accuracies) for how, accuracies in accuracy.items()
}
guess.reveal(round(100 * can_go["least important first"]))

# %% [markdown]
# Taken at random, far fewer pieces can go. Taken from the wrong end, hardly any. The whole craft of
# pruning is in this picture: *not how much you remove, but whether you know what matters.*
#
# (Two warnings. With so few pictures one of them is several percent: look at how far apart the lines are, not at
# their teeth. And the order was found with the right answer in hand, picture by picture. It shows what is
# possible, not what a camera could do.)

# %% [markdown]
# ## See it
# Move the slider. What is covered has the picture's mean colour, as the network sees it. Which pieces stay
# longest? Take the second picture: does the network get *surer* with fewer pieces?

# %% folded=true tags=["nbval-ignore-output"]
few = range(min(4, len(puzzles)))
every = list(range(PIECES + 1))
curves = {
    how: [
        jigsaw.removal_curve(
            network,
            inputs[i : i + 1].expand(1, -1, -1, -1),
            puzzles.labels[i : i + 1],
            orders[how][i : i + 1],
            every,
        )[0]
        for i in few
    ]
    for how in orders
}


def beliefs(i, covered):
    """What the network thinks of picture i with these pieces covered, the likeliest first."""
    with torch.inference_mode():
        hidden = jigsaw.cover(inputs[i : i + 1], torch.from_numpy(covered)[None])
        sure = network(hidden).softmax(1)[0]
    return {
        images.classes[c]: sure[c].item() for c in sure.argsort(descending=True)[:3]
    }


widgets.jigsaw(
    puzzles.pixels.permute(0, 2, 3, 1).numpy().squeeze()[: len(few)],
    [images.classes[puzzles.labels[i]] for i in few],
    {how: order.numpy() for how, order in orders.items()},
    beliefs,
    curves,
    grid=GRID,
    start=PIECES // 2,
)

# %% [markdown]
# ## On the network: silence its channels
# Now the network is the puzzle, and its pieces are the channels. Silence one: set its output to zero,
# everywhere, and leave the rest alone. Then count how many validation images are still named right. All
# channels would take ten minutes, so we draw some: the same share of every layer, at random.
#
# A channel that moves the accuracy by at most a tenth of a point changes nothing worth naming: that is one
# image in a thousand.

# %% tags=["nbval-ignore-output"]
LIMIT = 0.1  # points
whole = training.evaluate(network, images.val)
chosen = jigsaw.sample_channels(network, share=1 / 32)
changes = {}
for layer, numbers in chosen.items():
    correct = jigsaw.silence(network, images.val, layer, numbers)
    changes[layer] = [
        100 * (share - whole) for share in correct.double().mean(1).tolist()
    ]
figures.channel_map(changes, LIMIT)

# %% [markdown]
# So few channels, and what about the others? You have met the tool: a share of a sample has a Wilson interval.
# What it says of *all* channels is the interval, not the share.

# %% tags=["nbval-ignore-output"]
all_channels = sum(channels for _, channels in jigsaw.layers(network).values())
moved = [abs(change) for found in changes.values() for change in found]


def share_within(points):
    """How many sampled channels move the accuracy by at most so much, and what all may do."""
    count = sum(change <= points + 1e-9 for change in moved)
    return count, *scorecard.wilson(count, len(moved))


for points in (LIMIT, 0.5, 1.0):
    count, low, high = share_within(points)
    print(
        f"at most {points} points: {count} of {len(moved)}, so {low:.0%} to {high:.0%} of all {all_channels}"
    )

# %% [markdown]
# ## What production does
# PyTorch has tools that silence parts of a network: `torch.nn.utils.prune` puts a mask over its
# weights. Behind each convolution stands a **batch norm**, which scales and shifts each channel. Mask both
# numbers, and the channel falls silent. It must cost exactly what we measured.

# %% tags=["nbval-ignore-output"]
from copy import deepcopy

from torch.nn.utils import prune

layer = "layer 3"
place, channels = jigsaw.layers(network)[layer]
masked = deepcopy(network)
norm, mask = masked.features[place - 1], torch.ones(channels)
mask[chosen[layer][0]] = 0
prune.custom_from_mask(norm, "weight", mask)
prune.custom_from_mask(norm, "bias", mask)
by_pytorch = 100 * (training.evaluate(masked, images.val) - whole)
print(
    f"channel {chosen[layer][0]} of {layer}: {by_pytorch:+.1f} points with PyTorch's mask, {changes[layer][0]:+.1f} with ours"
)

# %% [markdown]
# ## When it fails: alone is not together
# Can you add up what channels cost alone? No! One can be silenced because *others do its work*. Silence those
# too, and nobody does it. Here a random share of every layer is silenced at once, harmful ones included.

# %% tags=["nbval-ignore-output"]
shares = [0, 0.1, 0.25, 0.5]
together = [
    jigsaw.silence_share(network, images.val.first(300), share)
    .double()
    .mean()
    .item()
    for share in shares
]
tenth = 100 * (together[0] - together[1])
added_up = 0.1 * all_channels * -sum(map(sum, changes.values())) / len(moved)
print(
    f"a tenth silenced together: -{tenth:.0f} points; added up alone: -{added_up:.0f}"
)
figures.curves(
    [100 * share for share in shares],
    {"silenced together": together},
    "channels silenced in every layer (%)",
    "validation accuracy",
    "Little lost alone, much together",
    percent=True,
    chance=1 / len(images.classes),
)

# %% [markdown]
# That is why pruning is a craft and not a sweep. The next chapters choose better than at random, and
# let the network learn again after each cut.

# %% [markdown]
# ## Does it fit?
# Why bother? Because the network has to run somewhere.
# - **Faster**: a camera delivers thirty frames a second. Each of them wants an answer.
# - **Lighter**: the file is downloaded and stored; the working memory is all a small chip has.
# - **Deployable**: a phone, a drone, a sensor on a plant. No data centre, no socket.

# %% tags=["nbval-ignore-output"]
film = jigsaw.clip(images.val.pixels[0])
film_names = []


def watch():
    for frame in film:  # one frame at a time, as they come from a camera
        with torch.inference_mode():
            film_names.append(int(network(data.normalise(frame[None])).argmax()))


(time,) = scorecard.latency(watch, limit_s=2)
frames_a_second = 1000 * len(film) / time.median_ms
print(
    f"{frames_a_second:.0f} frames/s here, on {scorecard.threads()} threads, with nothing else to do"
)

# %%
card_bytes, _ = scorecard.checkpoint_bytes(network)
weights = counting.weight_bytes(network)
working = scorecard.working_memory(network, images.shape) - weights
devices = {}
for budget in jigsaw.BUDGETS:
    devices[budget.device] = {
        "storage": budget.storage,
        "working memory": budget.memory,
    }
    print(f"{budget.device}: {budget.source}")
figures.budgets({"storage": card_bytes, "working memory": working}, devices)

# %% [markdown]
# Each mark to the right is a hundred times as much. *Storage* is the file that holds the weights, the *checkpoint*.
# *Working memory* here is the input and the output of the hungriest layer, as if the weights were read from
# storage; the scorecard adds the weights to it. (Makers of chips count memory in KiB, 1,024 bytes: 320 KiB are the
# 328 kB of the picture.) The phone has plenty of both. What it minds is the download:
# Google's store saw 1% fewer installs for each 6 MB more (Tolomei 2017). For both small chips the file is too
# large, and so is what flows through the network.

# %% [markdown]
# ## The scorecard of the original
# This is what the rest of the course brings down.

# %% tags=["nbval-ignore-output"]
card = scorecard.measure(network, images, limit_s=4)
scorecard.keep("01_jigsaw", [card])
card

# %% [markdown]
# ## The claims, checked

# %% tags=["claims"]
areas = {how: sum(values) / len(values) for how, values in accuracy.items()}

claim(
    "the notebook's importance is the library's",
    torch.allclose(by_hand.flatten(), importances[0], atol=1e-4)
    or images.shape[1] % GRID != 0,
)
claim(
    "least important first keeps more than random, random more than most important first",
    areas["least important first"]
    > areas["random"]
    > areas["most important first"],
    images=images.name,
    measured=str(areas),
)
claim(
    "half of the pieces can go, taken least important first; at random less than a fifth, from the wrong end less than that",
    can_go["least important first"] >= 0.5
    and can_go["most important first"] < can_go["random"] < 0.2,
    images=images.name,
    measured=str(can_go),
)
claim(
    "the second picture: surer with some of its pieces gone than with all of them there",
    max(curves["least important first"][1]) > curves["least important first"][1][0],
    images=images.name,
)
claim(
    "most channels move the accuracy by at most half a point each: more than half of all, with 95% confidence",
    share_within(0.5)[1] > 0.5,
    images=images.name,
    measured=str(share_within(0.5)),
)
claim(
    "a quarter of the channels, or more, change nothing worth naming, with 95% confidence",
    share_within(LIMIT)[1] > 0.25,
    images=images.name,
    measured=str(share_within(LIMIT)),
)
claim(
    "PyTorch's mask costs what silencing costs",
    abs(by_pytorch - changes[layer][0]) < 1e-9,
)
claim(
    "a tenth silenced together costs more than adding up what channels cost alone",
    tenth > 1.3 * added_up,
    images=images.name,
    measured=f"{tenth:.0f} and {added_up:.0f} points",
)
claim(
    "half of all channels silenced together cost more than half of the accuracy",
    together[-1] < 0.5 * together[0],
    images=images.name,
    measured=f"{together[-1]:.1%} of {together[0]:.1%}",
)
fits = {
    b.device: (card_bytes <= b.storage, working <= b.memory) for b in jigsaw.BUDGETS
}
claim(
    "the original fits a phone; both small chips lack the storage for it, and the memory",
    fits
    == {
        "phone": (True, True),
        "microcontroller": (False, False),
        "palm-sized drone": (False, False),
    },
    images=images.name,
    measured=str(fits),
)
claim(
    "this machine names thirty frames a second",
    frames_a_second > 30,
    machine="other programs are running, or the processor is slow",
    measured=f"{frames_a_second:.0f} frames/s",
)

# %% [markdown]
# ## Takeaways
# - Importance is what you lose when a part is gone. It can be measured.
# - Networks carry many parts that do not matter *alone*. Together they do.
# - Faster, lighter, deployable: three reasons, three kinds of rows on the scorecard.
#
# **Quiz**
#
# <details><summary>Most channels cost at most half a point when silenced alone. Why can't you conclude that the
# network works without them?</summary>
# Because each was measured with all the others still there to do its work. Importance is a property of
# a part <i>in a network</i>; once a part is gone, the importance of the others has changed.
# </details>
#
# <details><summary>For some pictures the confidence rises when the first pieces go. How can a network be
# surer with fewer pieces?</summary>
# Some pieces speak against the right answer: a shadow that looks like a lobe, a hole that looks like a
# tooth. Their importance is negative.
# </details>
#
# <details><summary>A network needs more working memory than a chip has, but its file would fit. Does
# making the file smaller help?</summary>
# Not by itself. Working memory is about what flows through the network: channels and their size. You
# need fewer channels, smaller pictures, or fewer bits for what flows.
# </details>
#
# **Try it.** Change one thing, guess first, run again:
# - `GRID = 4`: do fewer, larger pieces tell more or less?
# - `images.val.first(24)`: put `images.train` there. Is the network surer of what it has seen?
# - `LIMIT = 0.5`: how many channels matter that little?
#
# **Next:** `02_neuron_pruning` takes whole channels out, for good.
