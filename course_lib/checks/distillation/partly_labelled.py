"""Task 3 of exercise 05, find the bugs: photos with labels and without."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..gradients import with_gradient
from ..inputs import between
from ..task import task


def _partly(random: torch.Generator, case: int) -> tuple:
    images = 1 if case % 4 == 3 else 6 + case
    student, teacher = (2 * torch.randn(images, 5, generator=random) for _ in range(2))
    labels = torch.randint(5, (images,), generator=random)
    labels[-1] = 0  # a label as good as any other
    if case % 4 == 0:
        labels[:-1:3] = -1
    elif case % 4 == 1:
        labels[: images // 2] = -1
    elif case % 4 == 2:
        labels[:] = -1
    share = between(random, 0.55, 0.8)
    return student.requires_grad_(), teacher, labels, between(random, 2.0, 5.0), share


def _each(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """The divergence of each image from the teacher, class by class."""
    wanted = (teacher / temperature).log_softmax(1)
    return wanted.exp() * (wanted - (student / temperature).log_softmax(1))


def _apart(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    return _each(student, teacher, temperature).sum(1).mean()


def _labelled(labels: Tensor) -> int:
    """How many photos have a label, to divide by: 1 if none has."""
    return max(1, int((labels >= 0).sum()))


def _from_labels(student: Tensor, labels: Tensor, over: Callable = _labelled) -> Tensor:
    known = labels >= 0
    return F.cross_entropy(student[known], labels[known], reduction="sum") / over(labels)


@task("05_distillation", draw=_partly, then=with_gradient, borrowed=("loss", "taught_by"))
def partly_labelled(
    student, teacher, labels, temperature, mix, *,
    apart=_apart, power=2, over=_labelled, of_labels=0, shares=lambda mix: (mix, 1 - mix),
):  # fmt: skip
    """Most photos of the world have no label; with this loss they share a batch with those that do.

    The labels keep the teacher honest, the teacher makes use of the rest.
    """
    from_teacher = temperature**power * apart(student, teacher, temperature)
    from_labels = temperature**of_labels * _from_labels(student, labels, over)
    return shares(mix)[0] * from_teacher + shares(mix)[1] * from_labels


@partly_labelled.mistake
def as_given(student, teacher, labels, temperature, mix):
    """
    - By what do you divide in the teacher's part? Count images, and count classes.
    - The mean of all numbers divides by the classes as well. And is the labels' part what a network
      learns from labels usually?
    - Three places: the mean in the teacher's part, what stands inside of the cross-entropy, and a
      batch in which `known` is nowhere true.
    """
    apart = _each(student, teacher, temperature).mean()
    soft = _from_labels(student / temperature, labels)
    return mix * temperature**2 * apart + (1 - mix) * soft


partly_labelled.mistaken("divided_by_the_classes", apart=lambda *given: _each(*given).mean())("""
    - By what do you divide in the teacher's part? Count images, and count classes.
    - A divergence is a *sum* over the classes. The mean runs over the images only.
    - Look at the line of `apart`: what does the mean run over there?
""")


@partly_labelled.mistake
def softened_for_the_labels(student, teacher, labels, temperature, mix):
    """
    - The teacher's part is right now. Does a label have doubts?
    - The temperature is there to make the teacher's doubts audible. In the labels' part there is no
      teacher.
    - Look at what stands inside of the cross-entropy, and beside it at the chapter's loss.
    """
    soft = _from_labels(student / temperature, labels)
    return mix * temperature**2 * _apart(student, teacher, temperature) + (1 - mix) * soft


@partly_labelled.mistake
def no_label_at_all(student, teacher, labels, temperature, mix):
    """
    - All is right as long as there is a label in the batch. And if there is none?
    - The mean of nothing is not a number, and whatever it is added to becomes none either.
    - Hand in labels that are all -1 and print the labels' part. It should be 0.
    """
    from_labels = F.cross_entropy(student, labels, ignore_index=-1)
    return mix * temperature**2 * _apart(student, teacher, temperature) + (1 - mix) * from_labels


@partly_labelled.mistake
def teacher_takes_over(student, teacher, labels, temperature, mix):
    """
    - All is right as long as there is a label in the batch. And if there is none?
    - Without labels you give the teacher the whole say. What does the task want its share to be?
    - The teacher's part stays as it is, with `mix`. Only the labels' part is 0.
    """
    share = mix if (labels >= 0).any() else 1.0
    from_teacher = temperature**2 * _apart(student, teacher, temperature)
    return share * from_teacher + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def silent_without_labels(student, teacher, labels, temperature, mix):
    """
    - All is right as long as there is a label in the batch. And if there is none?
    - Without labels your loss is 0: nobody learns anything, though the teacher has an opinion.
    - Only the labels' part is 0 then. What of the other one?
    """
    whole = partly_labelled.right(student, teacher, labels, temperature, mix)
    return whole if (labels >= 0).any() else 0.0 * whole


@partly_labelled.mistake
def taught_with_labels_only(student, teacher, labels, temperature, mix):
    """
    - Which photos have the teacher's opinion: some, or all?
    - You leave the photos without labels out of the teacher's part, too. These are what it is for.
    - `known` belongs to the labels' part alone.
    """
    known = labels >= 0
    if not known.any():
        return torch.tensor(0.0)
    return partly_labelled.right(student[known], teacher[known], labels[known], temperature, mix)


partly_labelled.mistaken("labels_thinned_out", over=len)("""
    - The mean over which photos, in the labels' part?
    - You divide the labels' part by all photos. The fewer have labels, the fainter they get.
    - Count the photos that have a label, and take the mean over these.
""")

partly_labelled.mistaken("roles_exchanged", apart=lambda s, t, *rest: _apart(t, s, *rest))("""
    - Whose probabilities weight the differences of the logarithms?
    - A divergence has a direction. Yours weights with the student's probabilities.
    - It is the teacher who says which classes matter. PyTorch's `kl_div` wants the student first.
""")

partly_labelled.mistaken("no_square", power=0)("""
    - How loud is the teacher at a high temperature?
    - Softened probabilities differ less, and the teacher gets faint. The chapter makes up for that.
    - *Why the temperature squared?* says the chapter. Where is the square in your function?
""")

partly_labelled.mistaken("temperature_once", power=1)("""
    - How loud is the teacher at a high temperature?
    - You make up for the temperature, but not for all of it: gradients shrink faster than that.
    - *Why the temperature squared?* says the chapter. Where is the square in your function?
""")

partly_labelled.mistaken("all_images_added_up", apart=lambda *given: _each(*given).sum())("""
    - Does your teacher get louder, the larger the batch?
    - In the teacher's part you add up over the images. The labels' part is a mean.
    - Sum over the classes, mean over the images: PyTorch calls that `batchmean`.
""")

partly_labelled.mistaken("all_labels_added_up", over=lambda labels: 1)("""
    - Do your labels get louder, the more of them there are in a batch?
    - You add up over the labels. The teacher's part is a mean.
    - Divide by how many photos have a label, unless there are none.
""")


@partly_labelled.mistake
def softmax_of_the_columns(student, teacher, labels, temperature, mix):
    """
    - Which numbers add up to 1: those of an image, or those of a class?
    - Your softmax runs over the images. An opinion is about one image.
    - Logits are (images, classes). Which dimension do you hand to softmax?
    """
    apart = _each(student.T, teacher.T, temperature).sum() / len(student)
    return mix * temperature**2 * apart + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def first_species_left_out(student, teacher, labels, temperature, mix):
    """
    - Which labels are there? Which of them counts for you?
    - One species never has a say in your labels' part.
    - No label is -1. Is 0 a label?
    """
    labels = torch.where(labels > 0, labels, -1)
    return partly_labelled.right(student, teacher, labels, temperature, mix)


partly_labelled.mistaken("shares_exchanged", shares=lambda mix: (1 - mix, mix))("""
    - Whose share is `mix`?
    - With mix = 1 only the teacher should be heard. In yours only the labels are.
    - The two shares have changed places.
""")

partly_labelled.mistaken("only_one_softened", apart=lambda s, t, at: _apart(s * at, t, at))("""
    - A student that has the teacher's very logits: is its divergence 0?
    - You compare softened opinions with some that are not. They differ even if the logits agree.
    - In the teacher's part the temperature belongs to both.
""")


@partly_labelled.mistake
def cross_entropy_with_the_teacher(student, teacher, labels, temperature, mix):
    """
    - A student that has the teacher's very logits: is its divergence 0?
    - Yours pushes the student where it should, but it is no divergence: it does not end at 0.
    - Cross-entropy and divergence differ by the teacher's own doubt: see *What production does*.
    """
    wanted = (teacher / temperature).softmax(1)
    apart = -(wanted * (student / temperature).log_softmax(1)).sum(1).mean()
    return mix * temperature**2 * apart + (1 - mix) * _from_labels(student, labels)


_THEIRS = """
    - A student that has the teacher's very logits: is its divergence 0?
    - {said}
    - PyTorch's `kl_div` wants logarithms of the student's probabilities first, then the teacher's
      probabilities: see the chapter's *From scratch* for what is computed of them.
"""


def _softened(logits: Tensor, temperature: float) -> Tensor:
    return (logits / temperature).softmax(1)


for _name, _compared, _said in (
    (
        "student_without_logarithm",
        lambda s, t, at: F.kl_div(_softened(s, at), _softened(t, at), reduction="batchmean"),
        "You hand `kl_div` the student's probabilities. It does not take their logarithm for you.",
    ),
    (
        "teacher_in_logarithms",
        lambda s, t, at: F.kl_div(
            _softened(s, at).log(), _softened(t, at).log(), reduction="batchmean"
        ),
        "Yours is no number at all: `kl_div` takes the logarithm of what you hand it second.",
    ),
    (
        "squares_of_probabilities",
        lambda s, t, at: F.mse_loss(_softened(s, at), _softened(t, at)),
        "You take squared differences of probabilities. A divergence compares their logarithms.",
    ),
):
    partly_labelled.mistaken(_name, apart=_compared)(_THEIRS.format(said=_said))

for _name, _teachers in (
    ("labels_with_full_say", lambda mix: (mix, 1.0)),
    ("both_with_full_say", lambda mix: (1.0, 1.0)),
):
    partly_labelled.mistaken(_name, shares=_teachers)("""
    - With mix = 1, who is heard? And in your function?
    - The labels keep their full say, whatever `mix` is.
    - The two shares add up to 1: where is the labels' one?
""")

for _name, _power in (("squared_for_all", 2), ("squared_for_the_labels", 0)):
    partly_labelled.mistaken(_name, power=_power, of_labels=2)("""
    - Which of the two parts gets fainter, the higher the temperature?
    - You multiply the labels' part by the square, too. Their gradients never shrank.
    - *Why the temperature squared?* says the chapter. To which part does that belong?
""")

partly_labelled.mistaken("divided_by_the_square", power=-2)("""
    - How loud is the teacher at a high temperature?
    - Softened opinions are faint already, and you make them fainter.
    - *Why the temperature squared?* says the chapter. Is it multiplied, or divided?
""")

for _name, _power in (("not_softened", 0), ("not_softened_but_squared", 2)):
    partly_labelled.mistaken(_name, power=_power, apart=lambda s, t, at: _apart(s, t, 1.0))("""
    - Does the divergence know of the temperature?
    - You compare opinions at temperature 1, whatever was asked for.
    - In the teacher's part both logits are divided by the temperature, before softmax.
""")

partly_labelled.mistaken("colder", apart=lambda s, t, at: _apart(s * at, t * at, 1.0))("""
    - A higher temperature: softer opinions, or harder ones? And in your function?
    - You multiply the logits by the temperature.
    - Look at *The doubts of a teacher*: what does the chapter do with the logits?
""")


@partly_labelled.mistake
def teacher_for_the_rest_only(student, teacher, labels, temperature, mix):
    """
    - Which photos have the teacher's opinion: some, or all?
    - The teacher speaks about the photos without labels only. Asked for is every photo.
    - No mask belongs into the teacher's part.
    """
    rest = labels < 0
    apart = _apart(student[rest], teacher[rest], temperature) if rest.any() else 0.0
    return mix * temperature**2 * apart + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def each_photo_by_itself(student, teacher, labels, temperature, mix):
    """
    - The mean over which photos, in each of the two parts?
    - You mix photo by photo, and where a label is missing the teacher gets the whole share.
    - Two means, over different photos. They are mixed once, at the end.
    """
    known = labels >= 0
    apart = temperature**2 * _each(student, teacher, temperature).sum(1)
    hard = F.cross_entropy(student, labels.clamp(min=0), reduction="none")
    return torch.where(known, mix * apart + (1 - mix) * hard, apart).mean()


@partly_labelled.mistake
def labels_only_if_all_are_known(student, teacher, labels, temperature, mix):
    """
    - A batch in which one label is missing: what becomes of the others?
    - You drop all labels as soon as one is missing.
    - `all` or `any`? The labels' part is 0 only if *no* photo has one.
    """
    labels = labels if (labels >= 0).all() else torch.full_like(labels, -1)
    return partly_labelled.right(student, teacher, labels, temperature, mix)


for _name, _taken_for in (
    ("none_taken_for_the_first", lambda labels, teacher: labels.clamp(min=0)),
    ("none_taken_for_the_second", lambda labels, teacher: labels.abs()),
    ("none_taken_for_the_last", lambda labels, teacher: labels % teacher.shape[1]),
    ("none_made_up_by_the_teacher", lambda labels, teacher: torch.where(
        labels < 0, teacher.argmax(1), labels
    )),
):  # fmt: skip

    def _labelled_all(student, teacher, labels, temperature, mix, of=_taken_for):
        labels = of(labels, teacher)
        return partly_labelled.right(student, teacher, labels, temperature, mix)

    partly_labelled.mistaken(_name, _labelled_all)("""
    - A photo without a label: what does your labels' part say of it?
    - You give it a label that nobody gave it, and count it among those that have one.
    - -1 means that there is none. Only photos that have a label belong into the labels' part.
""")
