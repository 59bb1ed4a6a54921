"""Answers for a learner's functions, in their own kernel: they get inputs, and give back values.

Nothing here knows what is right. Whoever changes this code can send other numbers, as their
function could; it decides nothing.
"""

import base64
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...checks.borrowing import line_of, watched
from .plain import MOST_BYTES, pack, unpack

ANSWER = "application/x-course-answer"
MOST_KEPT = 200  # results with a gradient, or networks, that may be asked about later

_numbers = itertools.count()
_kept: dict[int, tuple[Any, list[Tensor]]] = {}


def show(question: str) -> None:
    """Display the reply to a question, where the grader reads it."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    shell.display_pub.publish({ANSWER: answer(shell.user_ns, question)})


def answer(names: dict[str, Any], question: str) -> str:
    """The reply to a question, each a message in base64.

    names: of the notebook. The question is a dictionary: what it asks to `do`, and with what.
    """
    asked = unpack(base64.b64decode(question))
    try:
        reply = KINDS[asked.pop("do")](names, **asked)
    except Exception as error:
        reply = pack({"raised": [type(error).__name__, str(error), line_of(error)]})
    return base64.b64encode(reply).decode()


def _look(names: dict[str, Any], name: str) -> bytes:
    """Whether there is such a name, whether it is a function, else its value."""
    if name not in names:
        return pack({"missing": name})
    value = names[name]
    return pack({"callable": True}) if callable(value) else pack({"result": value})


def _call(
    names: dict[str, Any], name: str, inputs: tuple, borrowed: tuple, gradients: bool
) -> bytes:
    """What the function of that name returns, and its inputs as they are afterwards."""
    return _answered(names[name], inputs, borrowed, gradients)


def _forward(names: dict[str, Any], kept: int, inputs: tuple, training: bool) -> bytes:
    """What a network answers that was returned before."""
    network = _kept[kept][0].train(training)
    return _answered(network, inputs, (), gradients=False)


def _answered(function: Callable, inputs: tuple, borrowed: tuple, gradients: bool) -> bytes:
    with torch.set_grad_enabled(gradients), watched(frozenset(borrowed)):
        result = function(*inputs)
    leaves = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]

    def keep(value: Any) -> int:
        number = next(_numbers)
        _kept[number] = value, leaves
        _kept.pop(number - MOST_KEPT, None)
        return number

    return pack({"result": result, "inputs": [_still(x) for x in inputs]}, keep)


def _still(value: Any) -> Any:
    """An input to be sent back; its gradient is nobody's concern."""
    return value.detach() if isinstance(value, Tensor) else value


def _gradient(names: dict[str, Any], kept: int, upstream: Tensor) -> bytes:
    """How what was returned before changes with its inputs, weighed."""
    result, leaves = _kept[kept]
    found = torch.autograd.grad(result, leaves, upstream, retain_graph=True, allow_unused=True)
    return pack({"result": list(found)})


def _file(names: dict[str, Any], name: str) -> bytes:
    """The bytes of a file that the notebook wrote; None if there is none."""
    path = Path(name)
    if not path.is_file():
        return pack({"result": None})
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{name} has {path.stat().st_size:,} bytes, of {MOST_BYTES:,} at most")
    return pack({"result": path.read_bytes()})


KINDS: dict[str, Callable[..., bytes]] = {
    "look": _look,
    "call": _call,
    "forward": _forward,
    "gradient": _gradient,
    "file": _file,
}
