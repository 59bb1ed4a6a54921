"""Checks of exercise 05: doubts, softened answers, photos without labels, who resembles whom."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import distillation, students, surgery, training
from .budget import Budget, leaves
from .prediction import Prediction
from .task import task

CHAPTER = "05_distillation"


def _between(random: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(1, generator=random))


# 1. Between how many species?


def _opinions(random: torch.Generator, case: int) -> tuple:
    logits = 3 * torch.randn(5 + case, 4 if case % 2 else 12, generator=random)
    if case % 4 == 1:  # so sure that softmax leaves nothing at all for the others
        logits[:2] = 0.0
        logits[0, 2] = logits[1, 0] = _between(random, 800.0, 900.0)
    if case % 4 == 2:
        logits[0] = 1.0  # no idea at all
    return logits, (4.0, _between(random, 1.5, 3.0), _between(random, 6.0, 9.0), 0.5)[case % 4]


def _entropy(logits: Tensor, temperature: float = 1.0, dim: int = 1) -> Tensor:
    wanted = (logits / temperature).softmax(dim)
    return -torch.where(wanted > 0, wanted * wanted.log(), 0.0).sum(1)


@task(CHAPTER, draw=_opinions, borrowed=("entropy", "perplexity"))
def hesitates(logits, temperature):
    """In species, doubt can be compared between teachers, images and temperatures.

    Where a teacher hesitates between two or three, its answer says more than a label; at one it
    says the same.
    """
    return _entropy(logits, temperature).exp()


@hesitates.mistake
def in_nats(logits, temperature):
    """A teacher with no doubt at all: what does your function say, and what should it?

    Your number is 0 for a teacher without doubts. It should be 1: one species.

    That is the entropy itself. Which function undoes a logarithm?
    """
    return _entropy(logits, temperature)


@hesitates.mistake
def in_bits(logits, temperature):
    """A teacher with no doubt at all: what does your function say, and what should it?

    Your number is the entropy in bits: 0 without doubts, 1 between two species.

    The natural logarithm was asked for, and then what undoes it.
    """
    return _entropy(logits, temperature) / torch.tensor(2.0).log()


@hesitates.mistake
def two_bases(logits, temperature):
    """Four species, all alike: what does your function say?

    It does not say four. A logarithm and what undoes it must have the same base.

    `log2` belongs to powers of 2, `log` to `exp`. You mixed them.
    """
    return (_entropy(logits, temperature) / torch.tensor(2.0).log()).exp()


@hesitates.mistake
def two_bases_the_other_way(logits, temperature):
    """Four species, all alike: what does your function say?

    It does not say four. A logarithm and what undoes it must have the same base.

    `log` belongs to `exp`, powers of 2 to `log2`. You mixed them.
    """
    return 2 ** _entropy(logits, temperature)


@hesitates.mistake
def upside_down(logits, temperature):
    """More doubt, more species. Does your number grow with the doubt?

    Yours lies between 0 and 1, and shrinks when the doubts grow.

    Logarithms of probabilities are negative. Where does the minus sign stand in your function?
    """
    return (-_entropy(logits, temperature)).exp()


@hesitates.mistake
def mean_of_the_classes(logits, temperature):
    """Four species, all alike: what does your function say?

    You divide by the number of classes. The probabilities are weights already.

    Look for `mean` in your function. What does the text say in its place?
    """
    return (_entropy(logits, temperature) / logits.shape[1]).exp()


@hesitates.mistake
def one_for_all(logits, temperature):
    """How many numbers were asked for?

    One number for each image was asked for; yours is one for all of them.

    The sum runs over the classes, nothing runs over the images.
    """
    return _entropy(logits, temperature).exp().mean()


@hesitates.mistake
def over_the_images(logits, temperature):
    """Which numbers add up to 1: those of an image, or those of a class?

    Your softmax runs over the images. A teacher divides its belief among the *classes* of one
    image.

    Logits are (images, classes). Which dimension do you hand to softmax?
    """
    return _entropy(logits, temperature, dim=0).exp()


@hesitates.mistake
def temperature_forgotten(logits, temperature):
    """Does your result change with the temperature?

    You measure the doubts at temperature 1, whatever was asked for.

    Where does the chapter use the temperature: before softmax, or after it?
    """
    return _entropy(logits).exp()


@hesitates.mistake
def colder(logits, temperature):
    """A higher temperature: more doubts, or fewer? And in your function?

    Yours hesitates less, the hotter it gets.

    Look at what your function does with the temperature, and at *The doubts of a teacher*.
    """
    return _entropy(logits * temperature).exp()


@hesitates.mistake
def after_softmax(logits, temperature):
    """When does the temperature come in: before softmax, or after it?

    You soften the probabilities. What does the chapter soften?

    Do your probabilities still add up to 1? The temperature belongs to the logits.
    """
    softened = logits.softmax(1) / temperature
    return (-torch.where(softened > 0, softened * softened.log(), 0.0).sum(1)).exp()


@hesitates.mistake
def of_the_largest_alone(logits, temperature):
    """Is all the rest of the doubt in your number?

    You look at the largest probability alone. How the rest is divided counts as well.

    Entropy is a sum over all classes. Compare 60, 40, 0 with 60, 20, 20.
    """
    return 1 / (logits / temperature).softmax(1).amax(1)


@hesitates.mistake
def of_squares(logits, temperature):
    """You measure doubt. But is it the entropy?

    One over the sum of squares also says 1 without doubts, and 4 if four are alike. In between it
    says less than what was asked for.

    The logarithm is missing: go by the text, from the inside out.
    """
    return 1 / (logits / temperature).softmax(1).square().sum(1)


@hesitates.mistake
def zero_times_no_number(logits, temperature):
    """What does your function say of a teacher with no doubt at all?

    Sometimes a probability is exactly 0. What is its logarithm, and what is 0 times that?

    Leave a class with probability 0 out of the sum, or see to it that it adds nothing.
    """
    wanted = (logits / temperature).softmax(1)
    return (-(wanted * wanted.log()).sum(1)).exp()


# 2. The answers are probabilities


def _answers(random: torch.Generator, case: int) -> tuple:
    images = 1 if case % 4 == 2 else 4 + case
    probabilities = (2.5 * torch.randn(images, 6, generator=random)).softmax(1)
    if case % 4 in (1, 3):  # rounded by whoever sent them
        places = torch.randint(6, (images, 1), generator=random)
        probabilities.scatter_(1, torch.cat([places, (places + 2) % 6], 1), 0.0)
        probabilities /= probabilities.sum(1, keepdim=True)
    return probabilities, (4.0, 2.0, _between(random, 6.0, 9.0), _between(random, 2.5, 3.5))[
        case % 4
    ]


def _shares(parts: Tensor, dim: int | None = 1) -> Tensor:
    return parts / (parts.sum() if dim is None else parts.sum(dim, keepdim=True))


@task(CHAPTER, draw=_answers, borrowed=("soften",))
def softened(probabilities, temperature):
    """Stored answers are enough: whoever has probabilities has the logits, but for a constant.

    That is how networks behind a paid interface were copied, and why some show one class only.
    """
    return _shares(probabilities ** (1 / temperature))


@softened.mistake
def taken_for_logits(probabilities, temperature):
    """What does softmax expect, and what did you hand it?

    You treat probabilities as logits. They lie between 0 and 1: how much do they differ after
    softmax?

    Logits must come back first. What undoes the `exp` inside of softmax?
    """
    return (probabilities / temperature).softmax(1)


@softened.mistake
def sharpened(probabilities, temperature):
    """Are your probabilities softer than those that came in?

    The largest has become larger: that is what a temperature *below* 1 does.

    Dividing a logarithm by the temperature is no power of the temperature. Which power is it?
    """
    return _shares(probabilities**temperature)


@softened.mistake
def nothing_changed(probabilities, temperature):
    """Compare what comes out with what went in.

    They are the same: a factor that all classes share is lost as soon as they add up to 1 again.

    The temperature divides logits. Between probabilities and logits there is a logarithm.
    """
    return probabilities


@softened.mistake
def all_smaller(probabilities, temperature):
    """What do the probabilities of one image add up to?

    You divided each by the temperature. They no longer add up to 1, and no class has gained on
    another.

    The temperature divides logits. Between probabilities and logits there is a logarithm.
    """
    return probabilities / temperature


@softened.mistake
def not_shared_out(probabilities, temperature):
    """What do the probabilities of one image add up to?

    The proportions between the classes are right. The sum is not.

    Probabilities of an image add up to 1: softmax divides by a sum at its end.
    """
    return probabilities ** (1 / temperature)


@softened.mistake
def among_the_images(probabilities, temperature):
    """Which numbers add up to 1 in your result: those of a row, or those of a column?

    You shared out among the images. A row is one image, its classes share the 1.

    Try it with a single image. Which dimension holds the classes?
    """
    return _shares(probabilities ** (1 / temperature), 0)


@softened.mistake
def among_all(probabilities, temperature):
    """What do the probabilities of one image add up to?

    All numbers of all images together add up to 1 in your result.

    Each image has its own sum: look at `dim` and `keepdim`.
    """
    return _shares(probabilities ** (1 / temperature), None)


@softened.mistake
def shared_out_twice(probabilities, temperature):
    """Is there an `exp` too many in your function?

    Softmax takes logits. What you hand it has been through the inverse of the logarithm already.

    The power gives numbers that only need to add up to 1. Softmax does more than that.
    """
    return (probabilities ** (1 / temperature)).softmax(1)


@softened.mistake
def logarithms(probabilities, temperature):
    """Probabilities were asked for. Can they be negative?

    What you return are logarithms of the right numbers.

    One letter group too many: `softmax`, not `log_softmax`. Or undo the logarithm at the end.
    """
    return _shares(probabilities ** (1 / temperature)).log()


def _zeros_lifted(least: float) -> Callable:
    def lifted(probabilities: Tensor, temperature: float) -> Tensor:
        """What becomes of a class that the teacher ruled out?

        You add something small, so that no logarithm is infinite. The temperature makes it large.

        A class of probability 0 is to keep it. Do you need the small number at all? Try it without.
        """
        return _shares((probabilities + least) ** (1 / temperature))

    lifted.__name__ = f"zeros_lifted_by_{least:.0e}".replace("-", "_")
    return lifted


for _least in (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6):
    softened.mistake(_zeros_lifted(_least))


# 3. Find the bugs: photos with labels and without


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
    return student, teacher, labels, _between(random, 2.0, 5.0), _between(random, 0.55, 0.8)


def _apart(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """The divergence of each image from the teacher, class by class."""
    wanted = (teacher / temperature).log_softmax(1)
    return wanted.exp() * (wanted - (student / temperature).log_softmax(1))


def _from_labels(student: Tensor, labels: Tensor, over: int | None = None) -> Tensor:
    known = labels >= 0
    each = F.cross_entropy(student[known], labels[known], reduction="sum")
    return each / (over or max(1, int(known.sum())))


@task(CHAPTER, draw=_partly, borrowed=("loss", "taught_by"))
def partly_labelled(student, teacher, labels, temperature, mix):
    """Most photos of the world have no label; with this loss they share a batch with those that do.

    The labels keep the teacher honest, the teacher makes use of the rest.
    """
    apart = _apart(student, teacher, temperature).sum(1).mean()
    return mix * temperature**2 * apart + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def as_given(student, teacher, labels, temperature, mix):
    """By what do you divide in the teacher's part? Count images, and count classes.

    The mean of all numbers divides by the classes as well. And is the labels' part what a network
    learns from labels usually?

    Three places: the mean in the teacher's part, what stands inside of the cross-entropy, and a
    batch in which `known` is nowhere true.
    """
    apart = _apart(student, teacher, temperature).mean()
    soft = _from_labels(student / temperature, labels)
    return mix * temperature**2 * apart + (1 - mix) * soft


@partly_labelled.mistake
def divided_by_the_classes(student, teacher, labels, temperature, mix):
    """By what do you divide in the teacher's part? Count images, and count classes.

    A divergence is a *sum* over the classes. The mean runs over the images only.

    Look at the line of `apart`: what does the mean run over there?
    """
    apart = _apart(student, teacher, temperature).mean()
    return mix * temperature**2 * apart + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def softened_for_the_labels(student, teacher, labels, temperature, mix):
    """The teacher's part is right now. Does a label have doubts?

    The temperature is there to make the teacher's doubts audible. In the labels' part there is no
    teacher.

    Look at what stands inside of the cross-entropy, and beside it at the chapter's loss.
    """
    apart = _apart(student, teacher, temperature).sum(1).mean()
    soft = _from_labels(student / temperature, labels)
    return mix * temperature**2 * apart + (1 - mix) * soft


@partly_labelled.mistake
def no_label_at_all(student, teacher, labels, temperature, mix):
    """All is right as long as there is a label in the batch. And if there is none?

    The mean of nothing is not a number, and whatever it is added to becomes none either.

    Hand in labels that are all -1 and print the labels' part. It should be 0.
    """
    apart = _apart(student, teacher, temperature).sum(1).mean()
    from_labels = F.cross_entropy(student, labels, ignore_index=-1)
    return mix * temperature**2 * apart + (1 - mix) * from_labels


@partly_labelled.mistake
def teacher_takes_over(student, teacher, labels, temperature, mix):
    """All is right as long as there is a label in the batch. And if there is none?

    Without labels you give the teacher the whole say. What does the task want its share to be?

    The teacher's part stays as it is, with `mix`. Only the labels' part is 0.
    """
    share = mix if (labels >= 0).any() else 1.0
    apart = _apart(student, teacher, temperature).sum(1).mean()
    return share * temperature**2 * apart + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def silent_without_labels(student, teacher, labels, temperature, mix):
    """All is right as long as there is a label in the batch. And if there is none?

    Without labels your loss is 0: nobody learns anything, though the teacher has an opinion.

    Only the labels' part is 0 then. What of the other one?
    """
    whole = partly_labelled.right(student, teacher, labels, temperature, mix)
    return whole if (labels >= 0).any() else 0.0 * whole


@partly_labelled.mistake
def taught_with_labels_only(student, teacher, labels, temperature, mix):
    """Which photos have the teacher's opinion: some, or all?

    You leave the photos without labels out of the teacher's part, too. These are what it is for.

    `known` belongs to the labels' part alone.
    """
    known = labels >= 0
    if not known.any():
        return torch.tensor(0.0)
    return partly_labelled.right(student[known], teacher[known], labels[known], temperature, mix)


@partly_labelled.mistake
def labels_thinned_out(student, teacher, labels, temperature, mix):
    """The mean over which photos, in the labels' part?

    You divide the labels' part by all photos. The fewer have labels, the fainter they get.

    Count the photos that have a label, and take the mean over these.
    """
    apart = _apart(student, teacher, temperature).sum(1).mean()
    from_labels = _from_labels(student, labels, over=len(labels))
    return mix * temperature**2 * apart + (1 - mix) * from_labels


@partly_labelled.mistake
def roles_exchanged(student, teacher, labels, temperature, mix):
    """Whose probabilities weight the differences of the logarithms?

    A divergence has a direction. Yours weights with the student's probabilities.

    It is the teacher who says which classes matter. PyTorch's `kl_div` wants the student first.
    """
    apart = _apart(teacher, student, temperature).sum(1).mean()
    return mix * temperature**2 * apart + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def no_square(student, teacher, labels, temperature, mix):
    """How loud is the teacher at a high temperature?

    Softened probabilities differ less, and the teacher gets faint. The chapter makes up for that.

    *Why the temperature squared?* says the chapter. Where is the square in your function?
    """
    apart = _apart(student, teacher, temperature).sum(1).mean()
    return mix * apart + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def temperature_once(student, teacher, labels, temperature, mix):
    """How loud is the teacher at a high temperature?

    You make up for the temperature, but not for all of it: gradients shrink faster than that.

    *Why the temperature squared?* says the chapter. Where is the square in your function?
    """
    apart = _apart(student, teacher, temperature).sum(1).mean()
    return mix * temperature * apart + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def all_images_added_up(student, teacher, labels, temperature, mix):
    """Does your teacher get louder, the larger the batch?

    In the teacher's part you add up over the images. The labels' part is a mean.

    Sum over the classes, mean over the images: PyTorch calls that `batchmean`.
    """
    apart = _apart(student, teacher, temperature).sum()
    return mix * temperature**2 * apart + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def all_labels_added_up(student, teacher, labels, temperature, mix):
    """Do your labels get louder, the more of them there are in a batch?

    You add up over the labels. The teacher's part is a mean.

    Divide by how many photos have a label, unless there are none.
    """
    apart = _apart(student, teacher, temperature).sum(1).mean()
    return mix * temperature**2 * apart + (1 - mix) * _from_labels(student, labels, over=1)


@partly_labelled.mistake
def softmax_of_the_columns(student, teacher, labels, temperature, mix):
    """Which numbers add up to 1: those of an image, or those of a class?

    Your softmax runs over the images. An opinion is about one image.

    Logits are (images, classes). Which dimension do you hand to softmax?
    """
    apart = _apart(student.T, teacher.T, temperature).sum() / len(student)
    return mix * temperature**2 * apart + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def first_species_left_out(student, teacher, labels, temperature, mix):
    """Which labels are there? Which of them counts for you?

    One species never has a say in your labels' part.

    No label is -1. Is 0 a label?
    """
    labels = torch.where(labels > 0, labels, -1)
    return partly_labelled.right(student, teacher, labels, temperature, mix)


@partly_labelled.mistake
def shares_exchanged(student, teacher, labels, temperature, mix):
    """Whose share is `mix`?

    With mix = 1 only the teacher should be heard. In yours only the labels are.

    The two shares have changed places.
    """
    apart = _apart(student, teacher, temperature).sum(1).mean()
    return (1 - mix) * temperature**2 * apart + mix * _from_labels(student, labels)


@partly_labelled.mistake
def only_one_softened(student, teacher, labels, temperature, mix):
    """A student that has the teacher's very logits: is its divergence 0?

    You compare softened opinions with some that are not. They differ even if the logits agree.

    In the teacher's part the temperature belongs to both.
    """
    apart = _apart(student * temperature, teacher, temperature).sum(1).mean()
    return mix * temperature**2 * apart + (1 - mix) * _from_labels(student, labels)


@partly_labelled.mistake
def cross_entropy_with_the_teacher(student, teacher, labels, temperature, mix):
    """A student that has the teacher's very logits: is its divergence 0?

    Yours pushes the student where it should, but it is no divergence: it does not end at 0.

    Cross-entropy and divergence differ by the teacher's own doubt: see *What production does*.
    """
    wanted = (teacher / temperature).softmax(1)
    apart = -(wanted * (student / temperature).log_softmax(1)).sum(1).mean()
    return mix * temperature**2 * apart + (1 - mix) * _from_labels(student, labels)


# 4. A species that it never saw


@torch.no_grad()
def _middle(network: nn.Module, images: Any) -> Tensor:
    """What goes into the last layer, (images, width)."""
    network = surgery.copied(network)
    network.classify = nn.Identity()
    return training.predict(network, images).clone()


def unseen(species: int, temperature: float = 4.0, photos: int = 800) -> float:
    """Percent of the species' validation leaves that are named right, without a photo of it.

    A student keeps its convolutions. Its last layer starts anew and learns from photos of the other
    species, with nothing but the distilled student's answers to these.
    """
    images = leaves()
    taken = images.train.first(photos)
    taken = taken.subset(taken.labels != species)
    of_species = images.val.subset(images.val.labels == species)
    student = students.student(images, "few, alone")
    answers = training.predict(students.student(images, "distilled"), taken).clone()
    seen, looked_at = _middle(student, taken), _middle(student, of_species)
    torch.manual_seed(0)
    names = nn.Linear(seen.shape[1], len(images.classes))
    optimiser = torch.optim.Adam(names.parameters(), lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        distillation.loss(names(seen), answers, taken.labels, temperature, mix=1).backward()
        optimiser.step()
    right = names(looked_at).argmax(1) == of_species.labels
    return 100 * right.double().mean().item()


SPECIES = 0  # Acer profundum

my_unseen = Prediction(
    CHAPTER,
    "my_unseen",
    "How many percent of the unseen species' leaves are named right?",
    low=0,
    high=100,
    measure=lambda: unseen(SPECIES),
    unit="%",
    why="With labels instead of answers it would be none at all. Hinton and others found the same "
    "with digits: a student that was never shown a 3 could read nearly all of them.",
)


# 5. Who resembles whom?


def _features(random: torch.Generator, case: int) -> tuple:
    images = 1 if case % 4 == 3 else 4 + case % 3
    student = torch.randn(images, 5 + case % 2, generator=random).relu() + 0.05
    teacher = torch.randn(images, 9, generator=random).relu() + 0.05
    student *= 1 + 4 * torch.rand(images, 1, generator=random)
    teacher *= 1 + 4 * torch.rand(images, 1, generator=random)
    if case % 4 == 1:
        student[1] = 0.0
    if case % 4 == 2:
        teacher[2] = 0.0
    return student, teacher


def _nearly_zero_is_zero(result: Any, *_inputs: Tensor) -> Any:
    try:
        return 0.0 if abs(float(result)) < 1e-9 else result
    except (TypeError, ValueError):
        return result


def _cosines(features: Tensor, dim: int = 1, least: float = 1e-12) -> Tensor:
    directions = features / features.norm(dim=dim, keepdim=True).clamp(min=least)
    return directions @ directions.T


def _of_pairs(student: Tensor, teacher: Tensor) -> Tensor:
    """The mean over all pairs of different images; 0 if there are none."""
    different = 1 - torch.eye(len(student))
    return ((student - teacher).square() * different).sum() / different.sum().clamp(min=1)


@task(CHAPTER, draw=_features, observed=_nearly_zero_is_zero)
def resembling(student, teacher):
    """No regressor between the widths is needed: only who resembles whom is compared.

    This is known as similarity-preserving distillation, and works between any two networks.
    """
    return _of_pairs(_cosines(student), _cosines(teacher))


@resembling.mistake
def lengths_count(student, teacher):
    """What does your function say if all features of the teacher are twice as large?

    You multiply features as they are. An image with large features then resembles everybody.

    Only directions are to count: each image's features have length 1 before they are multiplied.
    """
    return _of_pairs(student @ student.T, teacher @ teacher.T)


@resembling.mistake
def squares_of_the_lengths(student, teacher):
    """How long is a row after you divided it by its length? And in your function?

    You divide by the sum of the squares. That is the square of the length.

    Hand in rows that point in one direction: their cosine should be 1.
    """
    plain = [each / each.square().sum(1, True).clamp(min=1e-9) for each in (student, teacher)]
    return _of_pairs(*(each @ each.T for each in plain))


@resembling.mistake
def lengths_of_the_columns(student, teacher):
    """Whose length do you divide by: that of an image, or that of a feature?

    You made each column 1 long. A row is an image, and its direction is what counts.

    Features are (images, width). Over which dimension does your length run?
    """
    return _of_pairs(_cosines(student, 0), _cosines(teacher, 0))


@resembling.mistake
def with_itself(student, teacher):
    """How many pairs are there among three images, if nobody is paired with itself?

    You count each image with itself, too. That one always resembles itself.

    Which entries of your square of numbers belong to an image and itself? Leave them out of the
    sum, and out of the count.
    """
    return (_cosines(student) - _cosines(teacher)).square().mean()


@resembling.mistake
def counted_with_itself(student, teacher):
    """How many pairs are there among three images, if nobody is paired with itself?

    The sum is right, what you divide it by is not.

    In a square of three by three numbers, how many are left without the diagonal?
    """
    pairs = _of_pairs(_cosines(student), _cosines(teacher))
    return pairs * (len(student) - 1) / len(student)


@resembling.mistake
def half_of_it(student, teacher):
    """Do you count each pair once, or twice? In the sum, and in what you divide by?

    Each pair is in your sum once, but your divisor counts it twice.

    Take three images. How many numbers did you add, and by how many did you divide?
    """
    return _of_pairs(_cosines(student), _cosines(teacher)) / 2


@resembling.mistake
def added_up(student, teacher):
    """What happens to your number in a larger batch?

    You add up all pairs. Asked for is their mean.

    Divide by how many pairs there are.
    """
    different = 1 - torch.eye(len(student))
    return ((_cosines(student) - _cosines(teacher)).square() * different).sum()


@resembling.mistake
def not_squared(student, teacher):
    """Do large differences count more than small ones, as asked for?

    You take the differences without their sign. What was asked for is something else.

    Read the task's sentence about the differences again.
    """
    apart = (_cosines(student) - _cosines(teacher)).abs() * (1 - torch.eye(len(student)))
    return apart.sum() / max(1, len(student) * (len(student) - 1))


@resembling.mistake
def with_a_root(student, teacher):
    """The mean of squares. Is there anything behind it?

    You take a root at the end, which nobody asked for.

    Compare the last operation of your function with the text.
    """
    return _of_pairs(_cosines(student), _cosines(teacher)).sqrt()


@resembling.mistake
def features_of_no_length(student, teacher):
    """What if all features of an image are 0? Behind a ReLU that happens.

    Its length is 0, and 0 / 0 is not a number. It should resemble nobody: 0.

    See to it that you never divide by 0: what is 0 divided by anything else?
    """
    plain = [each / each.norm(dim=1, keepdim=True) for each in (student, teacher)]
    return _of_pairs(*(each @ each.T for each in plain))


@resembling.mistake
def no_pair_at_all(student, teacher):
    """How many pairs are there in a batch of one image?

    The mean of no numbers is not a number. The last batch of an epoch may hold one image only.

    Hand in one image and print what you divide by. The loss should be 0 then.
    """
    apart = (_cosines(student) - _cosines(teacher)).square()
    return apart[~torch.eye(len(student), dtype=torch.bool)].mean()


# 6. Three bits and a teacher

taught = Budget(
    CHAPTER,
    "taught",
    most_bytes=21_700,
    accuracy=0.968,
    test_accuracy=0.962,
    why="Rounded networks are taught by what they were before, in practice too: no labels needed, "
    "and a few hundred photos do.",
    hints=(
        "Rounding alone, without a teacher: how much of the loss is that? And how far does your "
        "teaching get from there? Change one thing at a time.",
        "Few photos, once: each must say as much as it can. At which temperature did the chapter "
        "hear most of the doubts? And is the step too large, or too small?",
        "Try three temperatures that are far apart with one learning rate, and with the best of "
        "them three learning rates, each several times the one before.",
    ),
)
