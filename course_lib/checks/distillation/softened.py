"""Task 2 of exercise 05: the answers are probabilities."""

import torch
from torch import Tensor

from ..inputs import between
from ..task import task


def _answers(random: torch.Generator, case: int) -> tuple:
    images = 1 if case % 4 == 2 else 4 + case
    probabilities = (2.5 * torch.randn(images, 6, generator=random)).softmax(1)
    if case in (1, 3, 5):  # rounded by whoever sent them
        places = torch.randint(6, (images, 1), generator=random)
        probabilities.scatter_(1, torch.cat([places, (places + 2) % 6], 1), 0.0)
        probabilities /= probabilities.sum(1, keepdim=True)
    return probabilities, (2.0, 4.0, between(random, 2.5, 3.5), between(random, 8.0, 9.0))[case % 4]


def _shares(parts: Tensor, dim: int | None = 1) -> Tensor:
    return parts / (parts.sum() if dim is None else parts.sum(dim, keepdim=True))


@task("05_distillation", draw=_answers, borrowed=("soften",))
def softened(probabilities, temperature, *, least=0.0):
    """Stored answers are enough: whoever has probabilities has the logits, but for a constant.

    That is how networks behind a paid interface were copied, and why some show one class only.
    """
    return _shares((probabilities + least) ** (1 / temperature))


softened.mistaken("taken_for_logits", lambda answers, t: (answers / t).softmax(1))("""
    - What does softmax expect, and what did you hand it?
    - You treat probabilities as logits. They lie between 0 and 1: how much do they differ after
      softmax?
    - Logits must come back first. What undoes the `exp` inside of softmax?
""")

softened.mistaken("sharpened", lambda answers, t: _shares(answers**t))("""
    - Are your probabilities softer than those that came in?
    - The largest has become larger: that is what a temperature *below* 1 does.
    - Dividing a logarithm by the temperature is no power of the temperature. Which power is it?
""")

softened.mistaken("nothing_changed", lambda answers, t: answers)("""
    - Compare what comes out with what went in.
    - They are the same: a factor that all classes share is lost as soon as they add up to 1 again.
    - The temperature divides logits. Between probabilities and logits there is a logarithm.
""")

softened.mistaken("all_smaller", lambda answers, t: answers / t)("""
    - What do the probabilities of one image add up to?
    - You divided each by the temperature. They no longer add up to 1, and no class has gained on
      another.
    - The temperature divides logits. Between probabilities and logits there is a logarithm.
""")

softened.mistaken("not_shared_out", lambda answers, t: answers ** (1 / t))("""
    - What do the probabilities of one image add up to?
    - The proportions between the classes are right. The sum is not.
    - Probabilities of an image add up to 1: softmax divides by a sum at its end.
""")

softened.mistaken("among_the_images", lambda answers, t: _shares(answers ** (1 / t), 0))("""
    - Which numbers add up to 1 in your result: those of a row, or those of a column?
    - You shared out among the images. A row is one image, its classes share the 1.
    - Try it with a single image. Which dimension holds the classes?
""")

softened.mistaken("among_all", lambda answers, t: _shares(answers ** (1 / t), None))("""
    - What do the probabilities of one image add up to?
    - All numbers of all images together add up to 1 in your result.
    - Each image has its own sum: look at `dim` and `keepdim`.
""")

softened.mistaken("shared_out_twice", lambda answers, t: (answers ** (1 / t)).softmax(1))("""
    - Is there an `exp` too many in your function?
    - Softmax takes logits. What you hand it has been through the inverse of the logarithm already.
    - The power gives numbers that only need to add up to 1. Softmax does more than that.
""")

softened.mistaken("logarithms", lambda *given: softened.right(*given).log())("""
    - Probabilities were asked for. Can they be negative?
    - What you return are logarithms of the right numbers.
    - One letter group too many: `softmax`, not `log_softmax`. Or undo the logarithm at the end.
""")

softened.mistaken("logits_shared_out", lambda answers, t: _shares(answers.log() / t))("""
    - Can your numbers be probabilities? Look for signs, and at which class has the largest.
    - You share out logarithms. The likelier a class, the nearer to 0 its logarithm.
    - The temperature divides the logarithms. Then these must be undone, before anything is shared.
""")

for _name, _fixed in (("always_at_two", 2), ("always_at_four", 4)):
    softened.mistaken(_name, lambda answers, t, at=_fixed: softened.right(answers, at))("""
    - Does your result change with the temperature?
    - You soften always to the same degree, whatever was asked for.
    - Where does `temperature` stand in your function?
""")

softened.mistaken("softened_twice", lambda answers, t: softened.right(answers, t * t))("""
    - How often does the temperature come into your function?
    - Your probabilities are softer than was asked for: the temperature divides twice.
    - A power of `1 / temperature` divides the logarithm already.
""")

softened.mistaken(
    "all_alike", lambda answers, t: torch.full_like(answers, 1 / answers.shape[1])
)("""
    - Which class has the largest probability in your result?
    - All classes get the same. Print the power that you take: is it 0?
    - `//` drops what follows the point: what is 1 // 4?
""")

softened.mistaken("mixed_with_even_shares", lambda answers, t: (
    answers / t + (1 - 1 / t) / answers.shape[1]
))("""
    - What becomes of a class that the teacher ruled out?
    - You mix the teacher's answer with an even one. That is softer, too, but no temperature.
    - The temperature divides logits. Between probabilities and logits there is a logarithm.
""")  # fmt: skip

for _name, _scaled in (
    ("largest_is_one", lambda parts: parts / parts.amax(1, keepdim=True)),
    ("length_is_one", lambda parts: parts / parts.norm(dim=1, keepdim=True)),
):
    softened.mistaken(_name, lambda answers, t, to=_scaled: to(answers ** (1 / t)))("""
    - What do the probabilities of one image add up to?
    - The proportions between the classes are right. The sum is not.
    - By what do you divide at the end? Their *sum* has to become 1.
""")

softened.mistaken("odds", lambda answers, t: (torch.logit(answers) / t).softmax(1))("""
    - Put softmax behind your logits at temperature 1. Do the probabilities come back?
    - `logit` belongs to `sigmoid`: one class against all the rest. These classes share one softmax.
    - What undoes the `exp` inside of softmax?
""")

softened.mistaken("another_base", lambda answers, t: (answers.log2() / t).softmax(1))("""
    - Put softmax behind your logits at temperature 1. Do the probabilities come back?
    - Softmax takes powers of e. Your logarithm has another base.
    - Which logarithm does `exp` undo?
""")


@softened.mistake
def ruled_out_becomes_likely(answers, t):
    """
    - What becomes of a class that the teacher ruled out?
    - You give it the logarithm 0. That is the logarithm of 1, of being sure.
    - A class of probability 0 is to keep it. Which logit would softmax make a 0 of?
    """
    return (torch.where(answers > 0, answers.log(), 0.0) / t).softmax(1)


_LIFTED = """
    - What becomes of a class that the teacher ruled out?
    - You add something small, or lift zeros to it, so that no logarithm is infinite. The
      temperature makes it large.
    - A class of probability 0 is to keep it. Do you need the small number at all? Try it without.
"""
_LIFTED_AND_PUT_BACK = """
    - What do the probabilities of one image add up to, where a class was ruled out?
    - You put the zeros back at the end. What they had been given until then is missing now.
    - First the zeros, then the sharing out. And do you need the small number at all?
"""
for _least in (
    *(10.0**-n for n in (3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 20, 30)), torch.finfo().eps
):  # fmt: skip
    _named = f"{_least:.0e}".replace("-", "_")
    softened.mistaken(f"zeros_lifted_by_{_named}", least=_least)(_LIFTED)
    if _least > 1e-6:  # below, the two are the same

        def _lifted_to(answers, t, least=_least):
            return softened.right(answers.clamp(min=least), t)

        softened.mistaken(f"zeros_lifted_to_{_named}", _lifted_to)(_LIFTED)

    def _put_back(answers, t, least=_least):
        return softened.right(answers + least, t) * (answers > 0)

    softened.mistaken(f"zeros_put_back_after_{_named}", _put_back)(_LIFTED_AND_PUT_BACK)
