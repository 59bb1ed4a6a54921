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
# # Exercise 05: distillation
#
# *About 55 minutes, six tasks.* They start where the chapter stopped: a teacher who answers with
# probabilities, photos of which only some have a label, a species that the student never saw. Each task
# stands alone. If one keeps you too long, go on with the next.
#
# The check under a task draws new inputs each time. It says what is missing, more clearly each time,
# but never the answer. What you passed is noted in `progress.json` beside this notebook, and nowhere else.

# %%
import dataclasses

import torch
from torch.nn import functional as F

from course_lib import (
    counting,
    data,
    distillation,
    engines,
    packing,
    quantization,
    scorecard,
    students,
    training,
)
from course_lib.checks import distillation as checks
from course_lib.checks import progress

scorecard.set_threads()
images = data.load("leaves")
teacher = training.original(images)
student = students.student(images, "distilled")

# %% [markdown]
# ## 1. Between how many species? (warm-up)
# A teacher gives one species 60%, another 40%. Between how many does it hesitate? The **entropy** of its
# probabilities measures doubt: minus the sum of `p * log(p)` over all classes, with the natural logarithm.
# Undo the logarithm with `exp`, and doubt comes in species: 1 for a teacher without doubts, 4 for one to whom
# four species are alike and all others impossible. Write it for logits at a temperature. A class with
# probability 0 adds nothing.


# %% task="hesitates"
def hesitates(logits, temperature):
    """For each image, exp(entropy) at this temperature; logits: (images, classes)."""
    ### BEGIN SOLUTION
    logs = (logits / temperature).log_softmax(1)
    return torch.exp(-(logs.exp() * logs).sum(1))
    ### END SOLUTION


# %% check="hesitates" points=2
checks.hesitates(hesitates)
### BEGIN HIDDEN TESTS
equal = torch.tensor([[5.0, 5.0, -900.0, 5.0, 5.0]])
assert abs(float(hesitates(equal, 3)[0]) - 4) < 1e-3
assert abs(float(hesitates(torch.tensor([[0.0, 999.0]]), 1)[0]) - 1) < 1e-3
### END HIDDEN TESTS

# %% [markdown]
# ## 2. The answers are probabilities
# The teacher is somebody else's: it sends probabilities, at temperature 1, and keeps its logits. You want
# a temperature all the same. Turn the probabilities into those that the teacher would have given at
# `temperature`. Some are exactly 0, because they were rounded before they were sent: these classes
# **keep their 0**.


# %% task="softened"
def softened(probabilities, temperature):
    """Probabilities (images, classes) at temperature 1, as they are at another."""
    ### BEGIN SOLUTION
    parts = probabilities ** (1 / temperature)
    return parts / parts.sum(1, keepdim=True)
    ### END SOLUTION


# %% check="softened" points=3
checks.softened(softened)
### BEGIN HIDDEN TESTS
opinions = training.predict(student, images.val.first(20))
found = torch.as_tensor(softened(opinions.double().softmax(1), 4.0)).double()
assert torch.allclose(found, distillation.soften(opinions.double(), 4.0), atol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Find the bugs
# In most collections, only some photos have a label. A colleague lets them share a batch: the teacher has
# a say on *every* photo, the labels on those that have one. A label of −1 means that there is none. The loss
# is `mix` times the teacher's part, as in the chapter (the divergence, zero if both agree), plus `1 - mix`
# times the labels' part, the mean over *the photos that have a label*. If no photo of a batch has one, the
# labels' part is 0. It runs, and gives a number. It has **three mistakes**, and one of them shows only
# now and then.


# %%
def loss_by_a_colleague(student, teacher, labels, temperature, mix):
    log_given = (student / temperature).log_softmax(1)
    wanted = (teacher / temperature).softmax(1)
    apart = (wanted * (wanted.log() - log_given)).mean()
    known = labels >= 0
    from_labels = F.cross_entropy(student[known] / temperature, labels[known])
    return mix * temperature**2 * apart + (1 - mix) * from_labels


# %% task="partly_labelled"
def partly_labelled(student, teacher, labels, temperature, mix):
    """The loss of logits (images, classes); labels (images,) are -1 if missing."""
    ### BEGIN SOLUTION
    log_given = (student / temperature).log_softmax(1)
    wanted = (teacher / temperature).softmax(1)
    apart = (wanted * (wanted.log() - log_given)).sum(1).mean()
    known = labels >= 0
    from_labels = F.cross_entropy(student[known], labels[known]) if known.any() else 0.0
    return mix * temperature**2 * apart + (1 - mix) * from_labels
    ### END SOLUTION


# %% check="partly_labelled" points=3
checks.partly_labelled(partly_labelled)
### BEGIN HIDDEN TESTS
logits = torch.tensor([[2.0, 0.0, 1.0]], requires_grad=True)
partly_labelled(logits, torch.zeros(1, 3), torch.tensor([-1]), 2.0, 0.5).backward()
assert logits.grad[0, 0] > 0 > logits.grad[0, 1]
### END HIDDEN TESTS

# %% [markdown]
# ## 4. A species that it never saw
# The student that learned from few labels keeps its convolutions, but its last layer starts anew. That layer
# gets photos of all species but one, without labels, and the answers of the chapter's best student to them, at
# temperature 4. **Not one photo shows *Acer profundum***. Afterwards it is shown the validation
# leaves of just that species. **How many percent of them does it name right?** Guess first; the check trains
# the layer and tells.

# %% guess="my_unseen"
my_unseen = 10

# %% check="my_unseen" points=1 tags=["nbval-ignore-output"]
checks.my_unseen(my_unseen)

# %% [markdown] answer="why_unseen" points=3
# **How can one learn a species from photos that don't show it?** And when does it fail? Ask
# `checks.unseen(species, temperature)` for other species (from 0 on) and for temperature 1, then explain what you
# see in three to five sentences.
#
# <!-- BEGIN SOLUTION -->
# With each photo of another maple the teacher says how much of an *Acer profundum* is in it, and with each
# oak how little. Over many photos that tells in which direction of the features the species lies, though
# no photo lies there itself. At temperature 1 the small probabilities hardly count in the loss, so for most
# species less of that is heard. It can fail entirely: *Fagus plana* is taken for another beech. The layer has
# to guess how far the numbers go on growing, or shrinking, where no photo was, and nobody ever told it that
# such a leaf is *not* the relative it knows. With labels it would fail for every species: a class that is
# never right is only ever pushed down. (The convolutions had seen the species before, which helps.)
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
checks.why_unseen()

# %% [markdown]
# ## 5. Who resembles whom?
# The hints at the end of the chapter need a regressor, because teacher and student differ in width. Another way
# does without: compare *who resembles whom*. Two images are alike if their features point in the same
# direction, so take the cosine: the product of the two rows, each divided by its length. Do this for every pair
# of **different** images, once with the student's features and once with the teacher's. The loss is the
# **mean of the squared differences** between the two. An image whose features are all 0 resembles nobody
# (cosine 0), and a batch of one image has no pairs and the loss 0.


# %% task="resembling"
def resembling(student, teacher):
    """The loss of features (images, width) and (images, another width)."""

    ### BEGIN SOLUTION
    def cosines(features):
        lengths = features.norm(dim=1, keepdim=True).clamp(min=1e-12)
        return (features / lengths) @ (features / lengths).T

    apart = (cosines(student) - cosines(teacher)).square()
    pairs = len(apart) * (len(apart) - 1)
    return apart.fill_diagonal_(0).sum() / max(1, pairs)
    ### END SOLUTION


# %% check="resembling" points=3
checks.resembling(resembling)
### BEGIN HIDDEN TESTS
some = torch.tensor([[3.0, 0.0], [0.0, 2.0], [1.0, 0.0]])
assert float(resembling(some, 5 * some)) < 1e-9
assert abs(float(resembling(some, torch.ones(3, 4))) - 2 / 3) < 1e-5
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Three bits and a teacher (open-ended)
# The chapter's student, rounded to few bits, forgets much. It can be taught again. But there are no labels, and
# whoever teaches has time for **640 photos, each shown once**. **At most 21,700 bytes packed, and at least
# 96.8% of the validation leaves right.** Whom do you ask for answers, at which temperature, with which learning
# rate? `teach` rounds the student, lets it learn from your answers and writes the packed file that is judged. It
# takes a few seconds, and returns the network that it packed.

# %%
photos = images.train.first(640)  # nobody has labelled these
lessons = dataclasses.replace(images, train=photos, val=images.val.first(100))
FILE = "05_distillation.packed"


def teach(answers, bits, temperature, learning_rate):
    """Round the student, teach it with answers (logits of the photos), pack it."""
    simulated = quantization.simulate(student, bits)
    network, _ = distillation.distil(
        simulated, answers, lessons, epochs=1, temperature=temperature, mix=1,
        learning_rate=learning_rate, batch_size=32, augment=False, keep="last",
        progress=False,
    )  # fmt: skip
    network, integers = quantization.trained_integers(network)
    exported = engines.onnx(network, images.shape)
    small = engines.int8(exported, images.train, count=100, weights=integers)
    packed = packing.save(small, FILE)
    print(f"{packed.stat().st_size:,} bytes")
    return network


print(f"the student has {counting.parameters(student):,} parameters")

# %% task="taught" tags=["nbval-ignore-output"]
### BEGIN SOLUTION
answers = training.predict(student, photos)
network = teach(answers, bits=3, temperature=8, learning_rate=0.008)
print(f"{training.evaluate(network, images.val.first(300)):.1%} of 300 right")
### END SOLUTION

# %% check="taught" points=4 tags=["nbval-ignore-output"]
checks.taught(FILE)
### BEGIN HIDDEN TESTS
checks.taught(FILE, hidden=True)
### END HIDDEN TESTS

# %% [markdown] answer="why_taught" points=3
# **How did you find your settings, and what did you try that failed?** Who is the better teacher, the original or
# the student before it was rounded, and why? What would you do if one photo could be shown twice?
#
# <!-- BEGIN SOLUTION -->
# Four bits were too large, two forgot too much, so three it was. With one learning rate, temperatures 1, 4 and
# 20 were tried, then learning rates around the best, each on a few hundred validation leaves. At
# temperature 1 most photos said no more than a label, and 640 labels are few. A learning rate of 0.05,
# good for a network that starts anew, made it forget what it knew; a very small one did too little. The
# student before rounding is enough of a teacher: the rounded one can nearly say the same, since it once was
# the same network. Whoever may show photos twice should show those twice over which the teacher
# hesitates most (task 1): there its answers say most.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
checks.why_taught()

# %% tags=["nbval-ignore-output"]
progress()
