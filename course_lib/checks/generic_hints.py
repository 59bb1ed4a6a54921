"""Hints for what no task has noted as a mistake: each stronger than the last, none the solution."""

from typing import Any

from torch import Tensor, nn

from .borrowing import line_of

CHANGED = (
    "Your function changed its input. Whoever called it still needs that.",
    "Your function changed its input: an operation that ends with an underscore, an assignment "
    "into a slice, or `+=` on a tensor does that.",
    "Your function changed its input. Work on a copy: `x.clone()`, or `copy.deepcopy(network)`.",
)
NO_GRADIENT = (
    "The number is right. What is a network to do with it?",
    "The number is right, but nothing flows back from it: it has no gradient, so nobody learns.",
    "Stay with tensors to the end: no `float()`, `.item()`, `.tolist()`, `.detach()` or NumPy on "
    "the way, and no `torch.no_grad()` around it.",
)
SAME = (
    "The result is the same whatever comes in. Does it depend on the function's arguments?",
    "The result is the same whatever comes in: the check draws new inputs each time, so a number "
    "that was right once is not right again.",
    "The result is the same whatever comes in. Compute it from the arguments, not from a variable "
    "of the notebook.",
)


def borrowed(name: str) -> tuple[str, str, str]:
    """An answer that calls what it was to write."""
    return (
        f"Your function calls `{name}`, which does the task itself. Here you write it.",
        f"`{name}` is what you are to write. What does it do with its input, in plain steps?",
        f"`{name}` is what you are to write. The chapter builds it up under *From scratch*: start "
        f"from the idea there, and change it to what is asked here.",
    )


def another_gradient(said: str) -> tuple[str, str, str]:
    """Right numbers with a wrong gradient."""
    return (
        f"The number is right, what flows back from it is not: {said}.",
        f"The number is right, its gradient is not: {said}. Is a part of it behind `detach()`?",
        f"The number is right, its gradient is not: {said}. Compute both by hand for the smallest "
        f"input, and see which part of your function says nothing to the gradient.",
    )


def plain(said: str, inputs: tuple) -> tuple[str, str, str]:
    """Wrong numbers: the plainest difference, then how to look into it."""
    return (
        f"Not what was asked for: {said}.",
        f"This time: {said}. Take the smallest input you can think of and do it by hand, then "
        f"print each step of your function beside it.",
        f"This time: {said}. It fails with inputs like {_shown(inputs)}. Read the task again, word "
        f"by word, with these in hand.",
    )


def unusable(error: Exception) -> tuple[str, ...]:
    """A result that the check can do nothing with."""
    return (
        f"What came back cannot be used: {type(error).__name__}, {error}. Print what your function "
        f"returns, and compare with what was asked for.",
    )


def raised(error: Exception, inputs: tuple) -> tuple[str, str, str]:
    """An answer that stops with an error."""
    line = line_of(error)
    where = f" in line {line} of its cell" if line else ""
    said = f"Your function stopped{where} with {type(error).__name__}: {error}"
    return (
        f"{said}.",
        f"{said}. It was called with {_shown(inputs)}.",
        f"{said}. It was called with {_shown(inputs)}. Make such inputs in a cell of your own and "
        f"run its lines one by one.",
    )


def _shown(inputs: tuple) -> str:
    """The inputs in short: shapes of what is large, values of what is small."""

    def one(value: Any) -> str:
        if isinstance(value, Tensor):
            small = value.numel() <= 6
            return str(value.tolist()) if small else f"a tensor of shape {tuple(value.shape)}"
        return "a network" if isinstance(value, nn.Module) else f"{value!r:.60}"

    return ", ".join(one(value) for value in inputs)
