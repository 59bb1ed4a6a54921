"""Task 2 of exercise 05: the answers are probabilities."""

import torch
from torch import Tensor

from ..inputs import between
from ..task import task


def _answers(random: torch.Generator, case: int) -> tuple:
    images = 1 if case % 4 == 2 else 4 + case
    probabilities = (2.5 * torch.randn(images, 6, generator=random)).softmax(1)
    if case % 4 in (1, 3):  # rounded by whoever sent them
        places = torch.randint(6, (images, 1), generator=random)
        probabilities.scatter_(1, torch.cat([places, (places + 2) % 6], 1), 0.0)
        probabilities /= probabilities.sum(1, keepdim=True)
    return probabilities, (2.0, 4.0, between(random, 2.5, 3.5), between(random, 6.0, 9.0))[case % 4]


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

for _least in (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6):
    softened.mistaken(f"zeros_lifted_by_{_least:.0e}".replace("-", "_"), least=_least)("""
    - What becomes of a class that the teacher ruled out?
    - You add something small, so that no logarithm is infinite. The temperature makes it large.
    - A class of probability 0 is to keep it. Do you need the small number at all? Try it without.
""")
