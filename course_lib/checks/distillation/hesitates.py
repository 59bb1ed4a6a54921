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

for _name, _mixed in (
    ("two_bases", lambda *given: (_entropy(*given) / math.log(2)).exp()),
    ("two_bases_the_other_way", lambda *given: 2 ** _entropy(*given)),
    ("two_bases_and_ten", lambda *given: (_entropy(*given) / math.log(10)).exp()),
    ("two_bases_and_ten_the_other_way", lambda *given: 10 ** _entropy(*given)),
):
    hesitates.mistaken(_name, _mixed)("""
    - Four species, all alike: what does your function say?
    - It does not say four. A logarithm and what undoes it must have the same base.
    - `log2` belongs to powers of 2, `log10` to powers of 10, `log` to `exp`. You mixed them.
""")

hesitates.mistaken("below_zero", lambda *given: -_entropy(*given))("""
    - A teacher with no doubt at all: what does your function say? And can doubt be negative?
    - Logarithms of probabilities are negative. That is where the minus sign comes in.
    - The sum with its minus sign is not the end: which function undoes a logarithm?
""")

hesitates.mistaken("one_too_few", lambda *given: _entropy(*given).exp() - 1)("""
    - A teacher with no doubt at all: what does your function say, and what should it?
    - You count the *other* species. The right one is among those that it hesitates between.
    - Compare with the text: 1 for a teacher without doubts.
""")

hesitates.mistaken("share_of_all_doubt", lambda x, t: _entropy(x, t) / math.log(x.shape[1]))("""
    - Four species, all alike: what does your function say?
    - Yours ends at 1, however many species there are. Asked for is how many.
    - Nothing is divided by the number of classes. Which function undoes a logarithm?
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


for _name, _late in (
    ("temperature_divides_the_entropy", lambda x, t: (_entropy(x) / t).exp()),
    ("temperature_divides_the_number", lambda x, t: _entropy(x).exp() / t),
):
    hesitates.mistaken(_name, _late)("""
    - When does the temperature come in: before softmax, or after it?
    - You divide the doubt by the temperature. A hot teacher then has less of it, not more.
    - Look at *The doubts of a teacher*: what does the chapter divide?
""")


@hesitates.mistake
def half_softened(logits, temperature):
    """
    - How often do the probabilities stand in the sum? And are they the same both times?
    - You soften those inside of the logarithm, but not those before it, or the other way round.
    - Make the softened probabilities first, and use them in both places.
    """
    return (-(logits.softmax(1) * (logits / temperature).log_softmax(1)).sum(1)).exp()


@hesitates.mistake
def exp_before_the_sum(logits, temperature):
    """
    - Four species, all alike: what does your function say?
    - You undo the logarithm class by class and add up afterwards.
    - Entropy is the whole sum. `exp` comes once for each image, at the end.
    """
    logs = (logits / temperature).log_softmax(1)
    return (-logs.exp() * logs).exp().sum(1)


for _name, _gathered in (
    ("not_weighted", lambda logs: logs.sum(1)),
    ("not_weighted_mean", lambda logs: logs.mean(1)),
):

    def _logs_alone(logits, temperature, gathered=_gathered):
        return (-gathered((logits / temperature).log_softmax(1))).exp()

    hesitates.mistaken(_name, _logs_alone)("""
    - Which classes count most in your function: the likely ones?
    - You add up the logarithms as they are. The less likely a class, the more it counts then.
    - Each logarithm is multiplied by something first: see the formula in the text.
""")


@hesitates.mistake
def each_class_by_itself(logits, temperature):
    """
    - Do the probabilities of an image add up to 1 in your function?
    - `sigmoid` asks each class by itself. Here the classes share one opinion.
    - Which function makes probabilities of logits in the chapter?
    """
    return torch.special.entr(torch.sigmoid(logits / temperature)).sum(1).exp()


for _name, _added_up in (
    ("images_added_up", lambda parts: parts.sum()),
    ("classes_kept_apart", lambda parts: parts.sum(0)),
):

    def _over_images(logits, temperature, added_up=_added_up):
        return added_up(torch.special.entr((logits / temperature).softmax(1))).exp()

    hesitates.mistaken(_name, _over_images)("""
    - How many numbers were asked for? Print the shape of yours.
    - One number for each image was asked for. You add up over the images.
    - Logits are (images, classes): over which dimension does the sum of an image's classes run?
""")

for _least in (1e-2, 1e-3, 1e-4, 1e-5):
    for _name, _lifted in (
        ("lifted_to", lambda p, least: -p.clamp(min=least) * p.clamp(min=least).log()),
        ("logarithm_lifted_by", lambda p, least: -p * (p + least).log()),
    ):

        def _with_doubts(logits, temperature, lifted=_lifted, least=_least):
            return lifted((logits / temperature).softmax(1), least).sum(1).exp()

        hesitates.mistaken(f"{_name}_{_least:.0e}".replace("-", "_"), _with_doubts)("""
    - A teacher with no doubt at all: what does your function say, exactly?
    - You add something small, or lift probabilities to it, so that no logarithm is infinite. It is
      not small enough: it shows in the sum.
    - A class with probability 0 is to add nothing. Can you take the logarithm of the softmax in
      one step, without the small number?
""")

hesitates.mistaken("doubt_of_the_largest_alone", lambda x, t: 1 - (x / t).softmax(1).amax(1))("""
    - Is all the rest of the doubt in your number? And is it a number of species?
    - You look at the largest probability alone. How the rest is divided counts as well.
    - Entropy is a sum over all classes. Compare 60, 40, 0 with 60, 20, 20.
""")

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


@hesitates.mistake
def no_number_made_zero(logits, temperature):
    """
    - What does your function say of a teacher with no doubt at all?
    - It was not a number, and you made it 0. It should be 1: one species.
    - Mend it where it arises: what is 0 times the logarithm of 0, and what should it add?
    """
    return torch.nan_to_num(zero_times_no_number(logits, temperature))
