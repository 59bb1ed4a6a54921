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
# # Distillation: teacher and student
#
# **In one sentence:** a small network learns from a large one's *opinion* of a picture, which says more
# than the picture's label, and can do without the label altogether.
#
# *About 35 minutes.* Afterwards you can
# - read a network's doubts, and say what a temperature does to them,
# - teach a small network with a large one, in ten lines,
# - say when a teacher is worth a lot, and when next to nothing.

# %% [markdown]
# ## The analogy
# The article: *a large, powerful teacher model trains a smaller student model. The student learns to
# mimic the teacher's behavior, achieving near-equal accuracy with far fewer parameters.*
#
# An apprentice holds a leaf. The label on the box says *saw maple*, no more. The old gardener says:
# "A saw maple. It could almost be a blunt maple; look at the teeth. But never an oak." Whoever hears that
# learns about three species from one leaf.

# %%
import dataclasses
import math

import ipywidgets
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import (
    counting,
    data,
    distillation,
    figures,
    predict,
    recorded,
    scorecard,
    students,
    table,
    training,
    widgets,
)
from course_lib.claims import claim

scorecard.set_threads()
images = data.load()
teacher = training.original(images)
sample = images.val.first(400)  # validation images: the test is for the end

# %% [markdown]
# ## Predict first
# Two small students, equal at birth, get the same few photos, an eighth of all there are. One gets their
# labels. The other gets *no label*, only the teacher's opinion of each photo. Both look at them equally
# often. **How many points better is the one with the teacher?** (Worse is a negative number.)

# %%
my_guess = None

guess = predict.guess(
    "Points better with the teacher, without labels?",
    my_guess,
    low=-50,
    high=50,
    unit=" points",
)
guess

# %% [markdown]
# ## The doubts of a teacher
# A network ends in *logits*, one number for each class. Softmax makes probabilities of them. A trained
# network is so sure of itself that they say little: one is nearly 1, the others nearly 0. Divide the
# logits by a **temperature** first, and the small ones can be seen. The order stays.
#
# > **Formula: softmax at a temperature** (Hinton et al. 2015)
# >
# > $$p_k = \frac{\exp(z_k / T)}{\sum_j \exp(z_j / T)}$$
# >
# > With two classes and the logits $4$ and $0$: at $T = 1$ they get 98% and 2%, at $T = 4$ 73% and 27%.
#
# Here are the eight leaves over which the teacher hesitates most and is still right; for most others you
# would see a single bar at temperature 1. Drag the temperature. Where do the doubts go?

# %% folded=true tags=["nbval-ignore-output"]
opinions = training.predict(teacher, sample)
right = opinions.argmax(1) == sample.labels
second = opinions.softmax(1).topk(2).values[:, 1]
hesitant = torch.where(right, second, 0).topk(min(8, len(right))).indices.tolist()


def draw(leaf, temperature):
    """One leaf that the teacher names right, and its probabilities."""
    number = hesitant[leaf - 1]
    soft = distillation.soften(opinions[number : number + 1], temperature)[0]
    return figures.opinion(
        sample.pixels[number].permute(1, 2, 0).squeeze(-1).numpy(),
        soft.tolist(),
        images.classes,
        int(sample.labels[number]),
        temperature,
        images.groups,
    )


widgets.Interactive(
    draw,
    leaf=ipywidgets.IntSlider(
        value=1, min=1, max=len(hesitant), description="leaf"
    ),
    temperature=ipywidgets.IntSlider(
        value=4, min=1, max=20, description="temperature"
    ),
)

# %% [markdown]
# Nobody told the teacher about genera. It was trained with labels, each as far from the next as any
# other. Yet its doubts know the genus. Call *doubt* all the probability that the true species does not
# get. Here is how much there is, the share of it that stays in the genus, and what that share would be if
# doubts fell anywhere.

# %% tags=["nbval-ignore-output"]
in_genus = {}
if images.groups is not None:
    sizes = [images.groups.count(g) - 1 for g in images.groups]
    by_chance = np.mean(sizes) / (len(images.classes) - 1)
    for temperature in (1, 4, 20):
        soft = distillation.soften(opinions, temperature)
        in_genus[temperature] = distillation.doubt_in_group(
            soft, sample.labels, images.groups
        )
        of_truth = soft.gather(1, sample.labels[:, None])
        print(
            f"temperature {temperature:2}: {1 - of_truth.mean():4.0%} doubt, "
            f"{in_genus[temperature]:.0%} of it in the genus"
        )
    print(f"anywhere: {by_chance:.0%} of it in the genus")

# %% [markdown]
# At temperature 1 most of the doubt stays in the genus, but there is little of it. At 20 there is plenty,
# and it falls nearly anywhere. So one takes something in between.

# %% [markdown]
# ## From scratch
# The student should give the *same* softened probabilities as its teacher. The **Kullback-Leibler
# divergence** measures how far it is from them: the mean difference of the logarithms, each class weighted
# with the teacher's probability; zero if both agree. Where there are labels, they keep a small say: `mix`
# is the teacher's share.
#
# > **Formula: distillation's loss** (Hinton et al. 2015)
# >
# > $$L = m\,T^2 \sum_k t_k \ln\frac{t_k}{s_k} + (1 - m)\,(-\ln p_y)$$
# >
# > $$\frac{\partial}{\partial z_k} \sum_j t_j \ln\frac{t_j}{s_j} = \frac{s_k - t_k}{T}$$
# >
# > At temperature $T$, $t$ are the teacher's probabilities and $s$ the student's, of its logits $z$; $p_y$ is
# > what it gives the label at temperature 1; $m$ is `mix`. If the teacher says 75% and 25%, and the student
# > half and half, the sum is $0.75 \ln 1.5 + 0.25 \ln 0.5 = 0.13$.


# %% tags=["nbval-ignore-output"]
def loss_by_hand(student, teacher, labels, temperature, mix):
    """Of logits, (images, classes): the teacher's part, and the labels'."""
    wanted = (teacher / temperature).softmax(1)
    log_given = (student / temperature).log_softmax(1)
    apart = (wanted * (wanted.log() - log_given)).sum(1).mean()
    from_labels = F.cross_entropy(student, labels)
    return mix * temperature**2 * apart + (1 - mix) * from_labels


torch.manual_seed(0)
some, labels = torch.randn(6, 12), torch.arange(6)
theirs = torch.randn(6, 12)
by_hand = loss_by_hand(some, theirs, labels, temperature=4, mix=0.9)
by_library = distillation.loss(some, theirs, labels, temperature=4, mix=0.9)
by_hand, by_library

# %% [markdown]
# *Why the temperature squared?* The gradient is divided by the temperature, as the formula says, and what it
# divides shrinks as well: at twice the temperature, softened probabilities differ about half as much.
# Without the factor, the hotter the teacher, the fainter its voice beside the labels'. With no labels it
# would be a low learning rate in disguise.
#
# ## The student
# The same kind of network as its teacher, but far narrower.

# %%
untrained = students.untrained(images)
teacher_size, student_size = map(counting.parameters, (teacher, untrained))
print(f"teacher {teacher_size:,} parameters, student {student_size:,}:")
print(f"{teacher_size / student_size:.1f} times fewer")

# %% [markdown]
# It has to learn from the beginning, which takes longer than a chapter may. So somebody did the first
# part for you: this student has looked at its few labelled photos until it learned no more.
#
# Now, live. Beside its few labelled photos lie others that *nobody* labelled. It goes on learning, *once*
# from its labels, *once* from what the teacher says about those others. Both look at equally many.

# %% tags=["nbval-ignore-output"]
count = len(images.train) // students.PART
few, others = (
    dataclasses.replace(images, train=images.train.subset(part), val=sample)
    for part in (slice(count), slice(count, 4 * count))
)
learned = students.student(images, "few, alone")
outputs = training.predict(teacher, others.train)
options = {"learning_rate": 0.005, "batch_size": 32}
with_labels, by_labels = training.fit(learned, few, epochs=9, **options)
with_teacher, by_teacher = distillation.distil(
    learned, outputs, others, epochs=3, temperature=4, mix=1, **options
)
start = training.evaluate(learned, sample)
looks = [n * len(others.train) for n in range(4)]
live = {
    "its labels": [start, *by_labels.validation_accuracy[2::3]],
    "the teacher, no labels": [start, *by_teacher.validation_accuracy],
}
figures.learning_curves(
    {way: [accuracies] for way, accuracies in live.items()},
    training.evaluate(teacher, sample),
    f"{len(few.train):,} photos with labels, {len(others.train):,} without",
    looks,
)

# %% [markdown]
# It may get worse at first: new photos, and a new aim. Then it passes what its labels ever taught it. Is
# that more than chance? Ask the test images.

# %% tags=["nbval-ignore-output"]
named = {
    name: training.predict(n, images.test).argmax(1) == images.test.labels
    for name, n in (("labels", with_labels), ("teacher", with_teacher))
}
live_gain = scorecard.paired(*(right.tolist() for right in named.values()))
print(f"with the teacher, against as much more training on the labels: {live_gain}")

# %% [markdown]
# A teacher turns photos without labels into lessons. But must they be *new* photos? Not even that.
# Here are whole trainings, from the first epoch on, with several seeds. Both students have the *same* few
# photos, one with labels, the other with the teacher's opinions alone.

# %% tags=["nbval-ignore-output"]
records = recorded.load("distillation")
WAYS = {
    "alone": "all photos, their labels",
    "label smoothing": "all photos, smoothed labels",
    "distilled": "all photos, labels and teacher",
    "few, alone": "few photos, their labels",
    "few, no labels, distilled": "few photos, teacher, no labels",
}


def rows(way, *names):
    """The recorded rows of a way of learning, one a seed."""
    found = [r for name in names for r in records[name]["rows"] if r["way"] == way]
    assert found, f"nothing was recorded for {way!r} in {names}"
    return found


def trainings(way, name):
    """For each seed, the validation accuracy after each epoch of so many images."""
    found = [row["validation"] for row in rows(way, name)]
    every = len(found[0]) // records[name]["epochs"]
    return [accuracies[every - 1 :: every] for accuracies in found]


print(records.label("few"))
whole = records["few"]["images_seen"]
figures.learning_curves(
    {WAYS[way]: trainings(way, "few") for way in list(WAYS)[3:]},
    records["few"]["teacher_validation"],
    f"{records['few']['images']:,} photos, again and again",
    [
        whole * n // records["few"]["epochs"]
        for n in range(1, records["few"]["epochs"] + 1)
    ],
)

# %%
by_seed = np.mean(
    [r["against_alone"]["points"] for r in rows("few, no labels, distilled", "few")]
)
guess.reveal(round(float(by_seed), 1))

# %% [markdown]
# ## Near-equal?
# With *all* the photos, their labels and the teacher, the student comes close to its teacher. How close?
# Here is the same question for each way of learning: test images, paired, a whisker for each seed.

# %% tags=["nbval-ignore-output"]
print(records.label("students"))
alone, last = rows("alone", "students"), 5
print(f"labels alone, {records['students']['images_seen']:,} images seen:")
for row in alone:
    end = row["validation"][-last:]
    print(
        f"seed {row['seed']}: {row['accuracy']:.1%}, "
        f"{row['against_teacher']['points']:+.1f} points against the original; "
        f"validation, last {last} epochs: {min(end):.1%} to {max(end):.1%}"
    )
figures.against_teacher(
    {
        text: [
            tuple(row["against_teacher"][key] for key in ("points", "low", "high"))
            for row in rows(way, "students", "few")
        ]
        for way, text in WAYS.items()
    },
    limit=1,
    title="A sixteenth of the parameters",
)

# %% [markdown]
# So the article is right: *near-equal, with far fewer parameters*. But look at the first line, too.
#
# ## When it fails: enough photos, enough labels
# See the lines above the picture: with labels alone, two of three seeds *equal the original*; one lags by nearly
# a point. So with all the photos and so many epochs, labels say nearly all there is to say. (At the end nothing
# moves any more, but no learning rate is left by then: in chapter 02 a network of nearly this size still gains from
# twice as many images. And the original saw fewer than half as many as these students.) Spreading a little doubt evenly over all classes, *label smoothing* (Szegedy et al. 2016), needs
# no teacher, and does no worse here. The small network was large enough all along.
#
# What a teacher replaces is photos and labels. In practice that is what is missing: the photos of your
# users come without labels, and the data that trained the large network is somebody else's.

# %% [markdown]
# ## When it fails: temperature 1, a poor teacher, a student too small
# The same few photos without labels. What if you take away the temperature? The teacher's skill (here it is
# a tiny network that learned from all photos and their labels)? Or the student's size?

# %% tags=["nbval-ignore-output"]
FAILS = {
    "few, alone": "labels, no teacher",
    "few, no labels, distilled": "teacher, temperature 4",
    "few, temperature 1": "teacher, temperature 1",
    "few, poor teacher": "a poor teacher",
    "too small, few, alone": "too small, labels",
    "too small, few, no labels, distilled": "too small, teacher",
}
print(records.label("few"))
print(records.label("fails"))
figures.runs(
    {
        text: [row["accuracy"] for row in rows(way, "few", "fails")]
        for way, text in FAILS.items()
    },
    "test accuracy, one dot a seed",
    "Three things that teaching depends on",
)

# %% [markdown]
# At temperature 1 little of the gain is left. A poor teacher is worse than none: its student believes it. And a
# student that is too small stays far behind, teacher or not: what the teacher adds is chance for two seeds, and
# points for one.

# %% [markdown]
# ## What production does
# For this you need no library: two functions of PyTorch are enough. Its cross-entropy takes
# *probabilities* as targets, so it can take a teacher's. It must push the student's logits exactly
# where our loss does.

# %% tags=["nbval-ignore-output"]
given = some.clone().requires_grad_()
T, mix = 4, 0.9
ours = distillation.loss(given, theirs, labels, T, mix)
(our_push,) = torch.autograd.grad(ours, given)
soft_targets = nn.CrossEntropyLoss()(given / T, (theirs / T).softmax(1))
pytorch = mix * T**2 * soft_targets + (1 - mix) * nn.CrossEntropyLoss()(
    given, labels
)
(their_push,) = torch.autograd.grad(pytorch, given)
kl = nn.KLDivLoss(reduction="batchmean")
divergence = kl((some / T).log_softmax(1), (theirs / T).softmax(1)).item()
ours_alone = distillation.loss(some, theirs, labels, T, mix=1).item() / T**2
print(f"the gradients differ by {(our_push - their_push).abs().max():.1e} at most;")
print(f"divergence {ours_alone:.6f}, PyTorch's {divergence:.6f}")

# %% [markdown]
# ## The scorecard
# The student that had everything: all photos, their labels, the teacher. It is one more seed than those in the
# picture, and its accuracy is measured here.

# %% tags=["nbval-ignore-output"]
distilled = students.student(images, "distilled")
networks = {"original": teacher, "student": distilled}
cards = scorecard.measure_all(networks, images, limit_s=3)
scorecard.keep("05_distillation", cards)
comparison = scorecard.compare(cards)
comparison

# %% tags=["nbval-ignore-output"]
seen = students.EPOCHS * len(images.train)
table.grow("05_distillation", cards, networks, images, trained_on=seen)

# %% [markdown]
# Compare with the rows above: small *and* fast. A student is an ordinary network, only smaller: every
# layer is dense, and no engine and no processor needs to know a trick. What it cost is in the last column:
# the images that it had to look at.

# %% [markdown]
# ## The claims, checked

# %% tags=["claims"]
computed = recorded.computed()  # None: no machine can change what is recorded
pair = comparison.differences[1]
taught = students.student(images, "few, no labels, distilled")
alone_or_taught = (
    (training.predict(n, images.test).argmax(1) == images.test.labels).tolist()
    for n in (learned, taught)
)
gain = scorecard.paired(*alone_or_taught)


def points(found, against):
    """Each seed's difference, with its interval."""
    told = (row[against] for row in found)
    return ", ".join(
        f"{t['points']:+.1f} ({t['low']:+.1f} to {t['high']:+.1f})" for t in told
    )


claim(
    "the loss in the notebook is the library's",
    math.isclose(by_hand.item(), by_library.item(), rel_tol=1e-5),
)
claim(
    "PyTorch's cross-entropy with soft targets pushes where our loss does",
    torch.allclose(our_push, their_push, atol=1e-6)
    and math.isclose(ours_alone, divergence, rel_tol=1e-4),
)
claim(
    "the student has at most a fifteenth of the parameters",
    student_size * 15 <= teacher_size,
    images=images.name,
    measured=f"{teacher_size / student_size:.1f} times fewer",
)
claim(
    "the teacher's doubts know the genus, the less the higher the temperature",
    bool(in_genus)
    and in_genus[1] > in_genus[4] > in_genus[20] > by_chance
    and in_genus[1] > 2 * by_chance,
    images=images.name,
    measured=str(in_genus),
)
claim(
    "live: photos without labels and a teacher take the student further than its labels do",
    live_gain.points > 0,  # how far, another processor's rounding decides, too
    images=images.name,
    measured=str(live_gain),
)
claim(
    "few photos: the taught student, without labels, is better than the one alone",
    gain.low > 0,
    images=images.name,
    measured=str(gain),
)
claim(
    "all photos: near-equal, the whole interval lies above one point below the teacher",
    pair.low >= -1,
    images=images.name,
    measured=str(pair),
)
claim(
    "recorded: near-equal for every seed",
    all(r["against_teacher"]["low"] >= -1 for r in rows("distilled", "students")),
    machine=computed,
    measured=points(rows("distilled", "students"), "against_teacher"),
)
claim(
    "recorded: labels alone equal the original for two of three seeds, and the third lags",
    sum(
        r["against_teacher"]["low"] < 0 < r["against_teacher"]["high"]
        for r in alone
    )
    == 2
    and min(r["against_teacher"]["high"] for r in alone) < 0,
    machine=computed,
    measured=points(alone, "against_teacher"),
)
claim(
    "recorded: in the last five epochs labels alone moved by less than half a point",
    all(np.ptp(r["validation"][-last:]) < 0.005 for r in alone),
    machine=computed,
    measured=str([r["validation"][-last:] for r in alone]),
)
claim(
    "recorded: with few photos the teacher is worth a point or more, for every seed",
    all(
        r["against_alone"]["low"] > 1
        for r in rows("few, no labels, distilled", "few")
    ),
    machine=computed,
    measured=points(rows("few, no labels, distilled", "few"), "against_alone"),
)
claim(
    "recorded: with all photos what the teacher adds could be chance, for every seed",
    all(
        r["against_alone"]["low"] < 0 < r["against_alone"]["high"]
        for r in rows("distilled", "students")
    ),
    machine=computed,
    measured=points(rows("distilled", "students"), "against_alone"),
)


def mean_of(way, name="students"):
    """The mean test accuracy of all seeds."""
    return np.mean([row["accuracy"] for row in rows(way, name)])


claim(
    "recorded: label smoothing, without a teacher, does no worse on the mean of the seeds",
    mean_of("label smoothing") >= mean_of("distilled"),
    machine=computed,
    measured=f"{mean_of('label smoothing'):.2%}, distilled {mean_of('distilled'):.2%}",
)
taught_well = mean_of("few, no labels, distilled", "few")
claim(
    "recorded: at temperature 1 the teacher gains less than half as much over the labels",
    mean_of("few, temperature 1", "fails") - mean_of("few, alone", "few")
    < 0.5 * (taught_well - mean_of("few, alone", "few")),
    machine=computed,
    measured=f"{mean_of('few, temperature 1', 'fails'):.2%}, at temperature 4 {taught_well:.2%}",
)


def each(way, name):
    """The test accuracy of each seed."""
    return [row["accuracy"] for row in rows(way, name)]


claim(
    "recorded: a poor teacher is worse than labels, for every seed",
    max(each("few, poor teacher", "fails")) < min(each("few, alone", "few")),
    machine=computed,
    measured=f"{each('few, poor teacher', 'fails')}, labels {each('few, alone', 'few')}",
)
too_small = each("too small, few, alone", "fails") + each(
    "too small, few, no labels, distilled", "fails"
)
claim(
    "recorded: a student that is too small stays behind, teacher or not, for every seed",
    max(too_small) < min(each("few, alone", "few")),
    machine=computed,
    measured=f"{too_small}, large enough {each('few, alone', 'few')}",
)
squeezed = rows("too small, few, no labels, distilled", "fails")
claim(
    "recorded: to a student that is too small it adds what could be chance twice, and points once",
    [r["against_alone"]["low"] > 1 for r in squeezed].count(True) == 1
    and [
        r["against_alone"]["low"] < 0 < r["against_alone"]["high"] for r in squeezed
    ].count(True)
    == 2,
    machine=computed,
    measured=points(squeezed, "against_alone"),
)
claim(
    "the student's file is at least ten times smaller",
    cards[0].file_bytes > 10 * cards[1].file_bytes,
    images=images.name,
    measured=f"{cards[1].file_bytes:,} of {cards[0].file_bytes:,}",
)
claim(
    "the student is faster",
    cards[0].latency_ms_median > 1.25 * cards[1].latency_ms_median,
    machine="other programs are running",
    measured=f"{cards[1].latency_ms_median:.2f} of {cards[0].latency_ms_median:.2f} ms",
)

# %% [markdown]
# ## Takeaways
# - A teacher's doubts say what a picture resembles. A temperature above 1 makes them audible.
# - A student with a sixteenth of the parameters is near-equal. It can be, because the task fits into it.
# - With few photos, or none labelled, a teacher is worth points. With plenty of both, its gain was chance for
#   every seed: labels alone get two of three students as far as the original, and label smoothing does as well.
# - The student is dense and ordinary: small, fast, on any engine. The price is a training from scratch.
#
# **Quiz**
#
# <details><summary>At a very high temperature all classes become nearly alike. Why can the student still
# learn from that?</summary>
# Because the loss compares the small differences that are left, and the factor T² enlarges their gradients
# again. In the limit, the student learns the logits themselves.
# </details>
#
# <details><summary>What can a student learn from a teacher that has no doubts?</summary>
# On photos with labels, nothing new: it says what the label says. On photos without labels it still stands
# in for them.
# </details>
#
# <details><summary>For some seeds the student's test accuracy lies above its teacher's. Is that an
# error?</summary>
# No. The student is another network, it looked at more images, and the labels correct the teacher where it
# is wrong. And look at the interval: a difference that small may be chance.
# </details>
#
# **Try it.** Change one thing, guess first, run again:
# - `temperature=1` in the live training, then 20.
# - `slice(count, 4 * count)` becomes `torch.arange(3 * count) % count`: no new photos, only opinions. What
#   is still gained?
# - `outputs = outputs.roll(1, 0)`: a teacher who confuses the photos.

# %% [markdown]
# ## Going further: listen to its thoughts
# Why listen only to the last word? **FitNets** (Romero et al. 2015) let a middle layer of the student
# predict what a middle layer of the teacher says, before the usual distillation. A small regressor, thrown
# away afterwards, translates between the widths. Here is that first step, live: two epochs of the few
# photos. Below it, recorded: the whole training, with all photos and several seeds.

# %% tags=["nbval-ignore-output"]
hinted, history = distillation.hints(
    untrained, teacher, few, "features.12", "features.12", epochs=2
)
print("mean squared difference:", " -> ".join(f"{x:.3f}" for x in history.loss))
print(records.label("students"))
for way in ("distilled", "hints, then distilled"):
    for row in rows(way, "students"):
        found = row["against_alone"]
        print(
            f"{way:21} seed {row['seed']}: {found['points']:+.1f} points against alone "
            f"({found['low']:+.1f} to {found['high']:+.1f})"
        )

# %% [markdown]
# One seed gains, another loses: here hints are a gamble. They were made for students *deeper* than their
# teachers, hard to train at the time; batch norm has since made that much easier.

# %% tags=["claims"]
against_alone = [
    row["against_alone"] for row in rows("hints, then distilled", "students")
]
claim(
    "the student came nearer to the teacher's features",
    history.loss[1] < history.loss[0],
)
claim(
    "recorded: hints are a gamble, one seed gains beyond chance, another loses",
    any(r["low"] > 0 for r in against_alone)
    and any(r["high"] < 0 for r in against_alone),
    machine=computed,
    measured=points(rows("hints, then distilled", "students"), "against_alone"),
)

# %% [markdown]
# ## Going further: where it began
# Hinton, Vinyals and Dean (2015) counted errors among 10,000 handwritten digits: of a student alone, with a
# teacher, and of its teacher. Only the teacher had seen *moved* digits, so its opinions carry what the
# student never saw. Below theirs, ours, with fewer epochs, no dropout and a milder temperature.

# %% tags=["nbval-ignore-output"]
print(records.label("mnist"))
runs = {"Hinton et al.": records["mnist"]["hinton"]}
runs |= {f"seed {row['seed']}": row for row in records["mnist"]["rows"]}
for name, row in runs.items():
    print(
        f"{name:13} alone {row['alone']:3} errors, distilled {row['distilled']:3}, "
        f"teacher {row['teacher']:3}"
    )

# %% tags=["claims"]
claim(
    "recorded: on digits the student errs less with its teacher, for every seed",
    all(r["distilled"] < r["alone"] for r in records["mnist"]["rows"]),
    machine=computed,
    measured=str([(r["distilled"], r["alone"]) for r in records["mnist"]["rows"]]),
)

# %% [markdown]
# **Next:** `06_low_rank` groups computations that resemble each other.
