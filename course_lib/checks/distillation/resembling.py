"""Task 5 of exercise 05: who resembles whom?"""

from typing import Any

import torch
from torch import Tensor

from ..gradients import learns
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


def _teaches(result: Any, student: Tensor, *_others: Tensor) -> bool:
    """Does anything flow back? Of one image the loss is 0 whatever it is.

    How much is not compared: at features that are all 0 the right answers differ.
    """
    return learns(result) or len(student) == 1


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
