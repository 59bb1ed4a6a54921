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
# # The plant app: out of the lab, into the hand
#
# **In one sentence:** a network is worth what it does in somebody's hand: name a plant from the camera, at
# once, for a whole day on one battery, and say so when it does not know.
#
# *About 40 minutes.* Afterwards you can
# - say where the time of one camera picture goes, and what compression changes of it,
# - prepare a picture exactly as the network learned it, in Python and in a browser,
# - teach an app to say "not sure", and measure how often it is wrong to be sure,
# - build the app, open it on your phone, and put your own plants into it.

# %% [markdown]
# ## The story
# The article ends with *a smartphone app that identifies plants using the camera*. Uncompressed, it *might
# drain the battery quickly* and *respond slowly*. After pruning and compression *the same model can run in real
# time, use less power, deliver instant results*. Eight chapters have prepared this one. Now we build that app.

# %%
import tempfile
from pathlib import Path

import ipywidgets
import numpy as np
import torch
from PIL import Image

from course_lib import (
    app,
    data,
    engines,
    figures,
    judge,
    packing,
    predict,
    recipe,
    recorded,
    scorecard,
    training,
    unsure,
    widgets,
)

scorecard.set_threads()
images = data.load()
network = training.original(images)
file = recipe.packed_file(images)
history = recorded.load("plant_app")

# %% [markdown]
# ## Predict first
# In chapter 07 the *network* became more than twenty times as fast. An app does more than run a network: it
# takes a picture from the camera, crops it, shrinks it, and only then asks. **How many times as many pictures
# a second does the whole app name afterwards**, if it goes as fast as it can?

# %%
my_guess = None

guess = predict.guess(
    "How many times as many pictures a second?", my_guess, low=1, high=100, unit="x"
)
guess

# %% [markdown]
# ## What the uncompressed app does to its user
# Three things that a user feels: how long the download takes, whether the name keeps up with the camera, and how
# long the battery lasts. First restore both networks from their files, in a fresh process, and measure them here.

# %% tags=["nbval-ignore-output"]
with tempfile.TemporaryDirectory() as folder:
    unpacked = Path(folder) / "original.onnx"
    unpacked.write_bytes(engines.onnx(network, images.shape).content)
    cards = judge.cards({"original": unpacked, "compressed": file}, images)
before, after = cards
comparison = scorecard.compare(cards)
comparison

# %% [markdown]
# A phone's battery holds about 15 watt-hours. If nothing but the network drew on it, how many plants would it
# name? The energy is the scorecard's, so on most machines an estimate; the ratio is what counts. And a download
# at 10 megabits a second, a middling connection in the woods:

# %% tags=["nbval-ignore-output"]
BATTERY_MJ = 15 * 3600 * 1000
checkpoint, _ = scorecard.checkpoint_bytes(network)
sizes = {"original": checkpoint, "compressed": file.stat().st_size}
for card in cards:
    kind = "estimate" if card.energy_is_estimate else "measured"
    print(
        f"{card.name:10} download {8 * sizes[card.name] / 10e6:7.3f} s, "
        f"{BATTERY_MJ / card.energy_mj / 1e6:7.0f} million names a charge ({kind})"
    )

# %% [markdown]
# ## From scratch: what happens to a picture
# The camera gives 640 by 480 pixels, the network learned squares of 64 by 64, in numbers from −2 to 2. So: the middle
# square, shrunk, normalised, in the order channel, row, column. Each of these can go wrong without any error;
# the network then answers all the same, only worse. (Exercise 09 has such a bug in store.)


# %%
def prepare(picture, size=64):
    """A picture of any size as the network's input, (1, 3, size, size)."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.resize(
        (size, size),
        Image.Resampling.BICUBIC,
        box=(left, top, left + side, top + side),
    )
    pixels = np.asarray(square, dtype=np.float32)
    return torch.from_numpy((pixels - 127.5) / 63.75).permute(2, 0, 1)[None]


frame = Image.fromarray(
    np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
)
ours = prepare(frame)
ours.shape, ours.min().item() >= -2, ours.max().item() <= 2

# %% [markdown]
# ## One picture, from the camera to the name
# The page does the same in JavaScript, to within one grey level of 255; a test compares them in a browser. Here is
# where its time goes, measured in Chromium with its fake camera, both networks on the same pictures, one
# thread; recorded.

# %% tags=["nbval-ignore-output"]
STAGES = ("capture", "preparation", "network")
frames = history["frames"]["apps"]
print(history.label("frames"))
figures.frame_budget(
    {
        name: {stage: frames[name][stage]["median"] for stage in STAGES}
        for name in frames
    },
    1000 / 30,
    "One picture, in the browser",
)

# %% tags=["nbval-ignore-output"]
whole = {
    name: sum(frames[name][stage]["median"] for stage in STAGES) for name in frames
}
network_faster = (
    frames["original"]["network"]["median"]
    / frames["compressed"]["network"]["median"]
)
app_faster = whole["original"] / whole["compressed"]
print(f"the network {network_faster:.1f}x as fast, the app {app_faster:.1f}x")
guess.reveal(round(app_faster, 1))

# %% [markdown]
# **Amdahl's law**: what you do not make faster soon takes all the time. Whoever wants the app faster still should
# now look at the preparation, not at the network. Compression is done when it is no longer the problem.

# %% [markdown]
# ## “Not sure”
# A network always names something: twelve numbers come out, and one is the largest. Point it at a plaid shirt, and
# the shirt is an oak. What tells when to doubt? The **probability** of the best answer: are two species alike here?
# And the **match**: do all twelve numbers *together* look as they do for some species? A wavy oak is a little like
# its relatives and unlike the maples; a shirt is like this and that.
#
# `unsure.calibrate` chooses both thresholds with validation leaves and some pictures of other things. Here you see
# test leaves, and *other kinds* of other things. Move the thresholds: what do you give up, for what?

# %% tags=["nbval-ignore-output"]
compressed = packing.load(file)
rule = unsure.calibrate(
    compressed,
    images.val,
    unsure.others("calibrate", size=images.shape[1]),
    pattern=True,
)
pictures = {"test images": images.test.first(500)}
pictures |= unsure.others_by_kind("judge", size=images.shape[1])


def answered(some):
    """The probability of the best class, and the match, for each image."""
    (logits,) = unsure.answers(compressed, some)
    return rule.probabilities(logits).amax(1).numpy(), rule.pattern.match_of(
        logits
    ).numpy()


known = {kind: answered(some) for kind, some in pictures.items()}


def draw(probability, match):
    return figures.not_sure(known, probability, match)


widgets.Interactive(
    draw,
    probability=ipywidgets.FloatSlider(
        value=rule.probability, min=0.2, max=1, step=0.01
    ),
    match=ipywidgets.FloatSlider(
        value=rule.pattern.match, min=-1, max=1, step=0.01
    ),
)


# %% tags=["nbval-ignore-output"]
def named(some):
    """The share that is given a name at all."""
    _, sure = rule.decide(unsure.answers(compressed, some)[0])
    return sure.double().mean().item()


believed = {kind: named(some) for kind, some in pictures.items()}
print({kind: f"{share:.1%}" for kind, share in believed.items()})
refusing = {
    row["network"] + ", " + row["rule"]: row
    for row in recorded.load("unsure")["rules"]["rows"]
}

# %% [markdown]
# ## Who pays?
# One figure of accuracy hides who pays for it. The same test leaves, species by species.

# %% tags=["nbval-ignore-output"]
right = [torch.as_tensor(card.correct).double() for card in cards]
by_class = [
    [
        share[images.test.labels == number].mean().item()
        for number in range(len(images.classes))
    ]
    for share in right
]
figures.who_pays(images.classes, *by_class, "What it cost, species by species")

# %% [markdown]
# ## Build it
# `app.build` makes a folder that any web host can serve: the page, both networks, some sample leaves, and cards to
# print. `app.in_notebook` serves it on this machine and shows it here.

# %% tags=["nbval-ignore-output"]
site = app.build(Path(tempfile.mkdtemp()) / "plant-app")
print(app.check(site))
app.in_notebook(site)

# %% [markdown]
# Press *Use the camera*, or a sample. Then press **Original** and **Compressed** by turns, and watch the milliseconds.
# On your phone: `python -m course_lib app --lan`, and point the camera at the code that it prints. With
# `cards.pdf` printed, or on a laptop's screen, a class needs no garden. And with your own photos:
#
#     python -m course_lib app --data ~/photos --out myplants
