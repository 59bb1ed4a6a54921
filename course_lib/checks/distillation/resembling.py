"""Task 5 of exercise 05: who resembles whom?"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..gradients import learns, with_gradient
from ..task import task


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
    return student.requires_grad_(), teacher


def _nearly_zero_is_zero(result: Any, *_inputs: Tensor) -> Any:
    result = result.detach() if isinstance(result, Tensor) else result
    try:
        return 0.0 if abs(float(result)) < 1e-9 else result
    except (TypeError, ValueError):
        return result


def _teaches(result: Any, student: Tensor, *_others: Tensor) -> Any:
    """What flows back; of one image the loss is 0 whatever it is.

    Where features are all 0 the right answers differ, so there it counts only that anything does.
    """
    if len(student) == 1 or not student.any(1).all():
        return learns(result) or len(student) == 1
    return with_gradient(result, student)[1]


def _cosines(features: Tensor, dim: int = 1, least: float = 1e-12, power: int = 1) -> Tensor:
    """Of each image with each; power: of the length that features are divided by."""
    directions = features / features.norm(dim=dim, keepdim=True).clamp(min=least) ** power
    return directions @ directions.T


def _of_pairs(student: Tensor, teacher: Tensor) -> Tensor:
    """The mean over all pairs of different images; 0 if there are none."""
    different = 1 - torch.eye(len(student))
    return ((student - teacher).square() * different).sum() / different.sum().clamp(min=1)


@task("05_distillation", draw=_features, observed=_nearly_zero_is_zero, then=_teaches)
def resembling(student, teacher, *, alike=_cosines):
    """No regressor between the widths is needed: only who resembles whom is compared.

    This is known as similarity-preserving distillation, and works between any two networks.
    """
    return _of_pairs(alike(student), alike(teacher))


resembling.mistaken("lengths_count", alike=lambda each: each @ each.T)("""
    - What does your function say if all features of the teacher are twice as large?
    - You multiply features as they are. An image with large features then resembles everybody.
    - Only directions are to count: each image's features have length 1 before they are multiplied.
""")

resembling.mistaken("squares_of_the_lengths", alike=lambda each: _cosines(each, power=2))("""
    - How long is a row after you divided it by its length? And in your function?
    - You divide by the sum of the squares. That is the square of the length.
    - Hand in rows that point in one direction: their cosine should be 1.
""")

for _name, _length in (
    ("sums_instead_of_lengths", lambda each: each.abs().sum(1, keepdim=True)),
    ("largest_instead_of_lengths", lambda each: each.abs().amax(1, keepdim=True)),
):

    def _another_length(each: Tensor, length: Callable = _length) -> Tensor:
        scaled = each / length(each).clamp(min=1e-12)
        return scaled @ scaled.T

    resembling.mistaken(_name, alike=_another_length)("""
    - Hand in rows that point in one direction. Is their cosine 1?
    - You divide by something else than the length of a row.
    - The length is the root of the sum of the squares.
""")

resembling.mistaken("length_of_all_features", alike=lambda each: (
    each @ each.T / each.square().sum().clamp(min=1e-12)
))("""
    - How many lengths are there in your function: one, or one for each image?
    - You divide by the length of all features together.
    - Each row has a length of its own: look at `dim` and `keepdim`.
""")  # fmt: skip

for _name, _middle in (("middle_taken_away", 0), ("middle_of_each_taken_away", 1)):
    resembling.mistaken(_name, alike=lambda each, dim=_middle: (
        _cosines(each - each.mean(dim, keepdim=True))
    ))("""
    - From where do your directions start: from zero?
    - You take a mean away first. That makes a correlation of the cosine.
    - Features as they are, each row divided by its length: nothing else.
""")  # fmt: skip

for _name, _raw in (
    ("lengths_of_the_teacher_count", lambda s, t: _of_pairs(_cosines(s), t @ t.T)),
    ("lengths_of_the_student_count", lambda s, t: _of_pairs(s @ s.T, _cosines(t))),
):
    resembling.mistaken(_name, _raw)("""
    - What does your function say if all features of one of the two are twice as large?
    - You divide by the lengths on one side only.
    - What you do with the student's features belongs to the teacher's, too.
""")

resembling.mistaken("lengths_of_the_columns", alike=lambda each: _cosines(each, dim=0))("""
    - Whose length do you divide by: that of an image, or that of a feature?
    - You made each column 1 long. A row is an image, and its direction is what counts.
    - Features are (images, width). Over which dimension does your length run?
""")

resembling.mistaken("with_itself", lambda s, t: (_cosines(s) - _cosines(t)).square().mean())("""
    - How many pairs are there among three images, if nobody is paired with itself?
    - You count each image with itself, too. That one always resembles itself.
    - Which entries of your square of numbers belong to an image and itself? Leave them out of the
      sum, and out of the count.
""")


@resembling.mistake
def counted_with_itself(student, teacher):
    """
    - How many pairs are there among three images, if nobody is paired with itself?
    - The sum is right, what you divide it by is not.
    - In a square of three by three numbers, how many are left without the diagonal?
    """
    return resembling.right(student, teacher) * (len(student) - 1) / len(student)


resembling.mistaken("half_of_it", lambda *given: resembling.right(*given) / 2)("""
    - Do you count each pair once, or twice? In the sum, and in what you divide by?
    - Each pair is in your sum once, but your divisor counts it twice.
    - Take three images. How many numbers did you add, and by how many did you divide?
""")

resembling.mistaken("twice_of_it", lambda *given: 2 * resembling.right(*given))("""
    - Do you count each pair once, or twice? In the sum, and in what you divide by?
    - Each pair is in your sum twice, but your divisor counts it once.
    - Take three images. How many numbers did you add, and by how many did you divide?
""")


@resembling.mistake
def upper_half_over_all(student, teacher):
    """
    - Take three images. How many numbers do you add, and by how many do you divide?
    - Half of the square is zeros that you put there, and they are in your mean.
    - `triu` keeps the square's size. Take the mean over the pairs alone.
    """
    return torch.triu((_cosines(student) - _cosines(teacher)).square(), 1).mean()


@resembling.mistake
def for_each_image(student, teacher):
    """
    - Three images: how many pairs are there, and by how many do you divide?
    - You divide by the images. In a larger batch your number grows.
    - Each image is paired with all the others. How many pairs does that give?
    """
    return resembling.right(student, teacher) * (len(student) - 1)


@resembling.mistake
def neighbours_only(student, teacher):
    """
    - Three images: how many pairs are there? And how many do you compare?
    - You compare each image with the next one only.
    - Every image is paired with every other: a square of cosines.
    """

    def with_the_next(features: Tensor) -> Tensor:
        return _cosines(features).diagonal(1)

    apart = (with_the_next(student) - with_the_next(teacher)).square()
    return apart.sum() / max(1, len(apart))


resembling.mistaken("added_up", lambda s, t: resembling.right(s, t) * len(s) * (len(s) - 1))("""
    - What happens to your number in a larger batch?
    - You add up all pairs. Asked for is their mean.
    - Divide by how many pairs there are.
""")


@resembling.mistake
def not_squared(student, teacher):
    """
    - Do large differences count more than small ones, as asked for?
    - You take the differences without their sign. What was asked for is something else.
    - Read the task's sentence about the differences again.
    """
    apart = (_cosines(student) - _cosines(teacher)).abs() * (1 - torch.eye(len(student)))
    return apart.sum() / max(1, len(student) * (len(student) - 1))


for _name, _other_order in (
    ("mean_before_the_square", lambda s, t, n: (s - t).sum().square() / n**2),
    ("squares_before_the_difference", lambda s, t, n: (s.square() - t.square()).sum() / n),
):

    def _in_another_order(student, teacher, made=_other_order):
        different, n = 1 - torch.eye(len(student)), max(1, len(student) * (len(student) - 1))
        return made(_cosines(student) * different, _cosines(teacher) * different, n)

    resembling.mistaken(_name, _in_another_order)("""
    - In which order: difference, square, mean? And in your function?
    - In yours large differences up and down may cancel each other. Squares cannot.
    - Read it backwards: the mean of the squares of the differences.
""")

resembling.mistaken("root_of_the_sum", lambda s, t: (
    resembling.right(s, t) * len(s) * (len(s) - 1)
).sqrt())("""
    - The mean of squares. Is there a root in it? And does your number grow with the batch?
    - `norm` is the root of a sum. Asked for is a mean, without a root.
    - Compare the last operations of your function with the text.
""")  # fmt: skip

resembling.mistaken("with_a_root", lambda *given: resembling.right(*given).sqrt())("""
    - The mean of squares. Is there anything behind it?
    - You take a root at the end, which nobody asked for.
    - Compare the last operation of your function with the text.
""")

resembling.mistaken("features_of_no_length", alike=lambda each: _cosines(each, least=0.0))("""
    - What if all features of an image are 0? Behind a ReLU that happens.
    - Its length is 0, and 0 / 0 is not a number. It should resemble nobody: 0.
    - See to it that you never divide by 0: what is 0 divided by anything else?
""")


@resembling.mistake
def no_pair_at_all(student, teacher):
    """
    - How many pairs are there in a batch of one image?
    - The mean of no numbers is not a number. The last batch of an epoch may hold one image only.
    - Hand in one image and print what you divide by. The loss should be 0 then.
    """
    apart = (_cosines(student) - _cosines(teacher)).square()
    return apart[~torch.eye(len(student), dtype=torch.bool)].mean()


@resembling.mistake
def images_of_no_length_left_out(student, teacher):
    """
    - What if all features of an image are 0? Behind a ReLU that happens.
    - You leave such an image out. It resembles nobody, and is a pair with each of the others.
    - Its cosines are 0, and they count. See to it that you never divide by 0.
    """
    there = student.any(1) & teacher.any(1)
    return resembling.right(student[there], teacher[there])
