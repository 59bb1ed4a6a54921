"""Task 1 of exercise 05: between how many species?"""

import math

import torch
from torch import Tensor

from ..inputs import between
from ..task import task


def _opinions(random: torch.Generator, case: int) -> tuple:
    logits = 3 * torch.randn(5 + case, 4 if case % 2 else 12, generator=random)
    if case % 4 == 1:  # so sure that softmax leaves nothing at all for the others
        logits[:2] = 0.0
        logits[0, 2] = logits[1, 0] = between(random, 800.0, 900.0)
    if case % 4 == 2:
        logits[0] = 1.0  # no idea at all
    return logits, (4.0, between(random, 1.5, 3.0), between(random, 6.0, 9.0), 0.5)[case % 4]


def _entropy(logits: Tensor, temperature: float = 1.0, dim: int = 1) -> Tensor:
    wanted = (logits / temperature).softmax(dim)
    return -torch.where(wanted > 0, wanted * wanted.log(), 0.0).sum(1)


@task("05_distillation", draw=_opinions, borrowed=("entropy", "perplexity"))
def hesitates(logits, temperature):
    """In species, doubt can be compared between teachers, images and temperatures.

    Where a teacher hesitates between two or three, its answer says more than a label; at one it
    says the same.
    """
    return _entropy(logits, temperature).exp()


hesitates.mistaken("in_nats", _entropy)("""
    - A teacher with no doubt at all: what does your function say, and what should it?
    - Your number is 0 for a teacher without doubts. It should be 1: one species.
    - That is the entropy itself. Which function undoes a logarithm?
""")

hesitates.mistaken("in_bits", lambda *given: _entropy(*given) / math.log(2))("""
    - A teacher with no doubt at all: what does your function say, and what should it?
    - Your number is the entropy in bits: 0 without doubts, 1 between two species.
    - The natural logarithm was asked for, and then what undoes it.
""")

hesitates.mistaken("two_bases", lambda *given: (_entropy(*given) / math.log(2)).exp())("""
    - Four species, all alike: what does your function say?
    - It does not say four. A logarithm and what undoes it must have the same base.
    - `log2` belongs to powers of 2, `log` to `exp`. You mixed them.
""")

hesitates.mistaken("two_bases_the_other_way", lambda *given: 2 ** _entropy(*given))("""
    - Four species, all alike: what does your function say?
    - It does not say four. A logarithm and what undoes it must have the same base.
    - `log` belongs to `exp`, powers of 2 to `log2`. You mixed them.
""")

hesitates.mistaken("upside_down", lambda *given: (-_entropy(*given)).exp())("""
    - More doubt, more species. Does your number grow with the doubt?
    - Yours lies between 0 and 1, and shrinks when the doubts grow.
    - Logarithms of probabilities are negative. Where does the minus sign stand in your function?
""")

hesitates.mistaken("mean_of_the_classes", lambda x, t: (_entropy(x, t) / x.shape[1]).exp())("""
    - Four species, all alike: what does your function say?
    - You divide by the number of classes. The probabilities are weights already.
    - Look for `mean` in your function. What does the text say in its place?
""")

hesitates.mistaken("one_for_all", lambda *given: hesitates.right(*given).mean())("""
    - How many numbers were asked for?
    - One number for each image was asked for; yours is one for all of them.
    - The sum runs over the classes, nothing runs over the images.
""")

hesitates.mistaken("over_the_images", lambda logits, t: _entropy(logits, t, dim=0).exp())("""
    - Which numbers add up to 1: those of an image, or those of a class?
    - Your softmax runs over the images. A teacher divides its belief among the *classes* of one
      image.
    - Logits are (images, classes). Which dimension do you hand to softmax?
""")

hesitates.mistaken("temperature_forgotten", lambda logits, temperature: _entropy(logits).exp())("""
    - Does your result change with the temperature?
    - You measure the doubts at temperature 1, whatever was asked for.
    - Where does the chapter use the temperature: before softmax, or after it?
""")

hesitates.mistaken("colder", lambda logits, temperature: _entropy(logits * temperature).exp())("""
    - A higher temperature: more doubts, or fewer? And in your function?
    - Yours hesitates less, the hotter it gets.
    - Look at what your function does with the temperature, and at *The doubts of a teacher*.
""")


@hesitates.mistake
def after_softmax(logits, temperature):
    """
    - When does the temperature come in: before softmax, or after it?
    - You soften the probabilities. What does the chapter soften?
    - Do your probabilities still add up to 1? The temperature belongs to the logits.
    """
    softened = logits.softmax(1) / temperature
    return (-torch.where(softened > 0, softened * softened.log(), 0.0).sum(1)).exp()


hesitates.mistaken("of_the_largest_alone", lambda x, t: 1 / (x / t).softmax(1).amax(1))("""
    - Is all the rest of the doubt in your number?
    - You look at the largest probability alone. How the rest is divided counts as well.
    - Entropy is a sum over all classes. Compare 60, 40, 0 with 60, 20, 20.
""")

hesitates.mistaken("of_squares", lambda x, t: 1 / (x / t).softmax(1).square().sum(1))("""
    - You measure doubt. But is it the entropy?
    - One over the sum of squares also says 1 without doubts, and 4 if four are alike. In between it
      says less than what was asked for.
    - The logarithm is missing: go by the text, from the inside out.
""")


@hesitates.mistake
def zero_times_no_number(logits, temperature):
    """
    - What does your function say of a teacher with no doubt at all?
    - Sometimes a probability is exactly 0. What is its logarithm, and what is 0 times that?
    - Leave a class with probability 0 out of the sum, or see to it that it adds nothing.
    """
    wanted = (logits / temperature).softmax(1)
    return (-(wanted * wanted.log()).sum(1)).exp()
