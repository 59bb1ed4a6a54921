"""How a check works: fresh inputs, the answer beside the right one, and a hint that fits.

A task is the right function, with its docstring saying why it matters. Its mistakes are functions
too, as learners write them, with a list of three hints for a docstring, each stronger than the last
and none the solution. An answer that agrees with the right one on all inputs passes, however it was
written; one that agrees with a mistake gets that mistake's hints. For all others the plainest
difference is said.

>>> @task("00_example", draw=lambda random, case: (torch.randn(4, generator=random),))
... def double(x):
...     "Twice as much is a start."
...     return 2 * x
>>> @double.mistake
... def squared(x):
...     '''
...     - What happens to 3?
...     - 3 should become 6.
...     - It is no power.
...     '''
...     return x**2
>>> _ = double.mistaken("half", torch.mul, other=0.5)('''
...     - Is your result larger than what comes in?
...     - 3 should become 6.
...     - Twice is not half.
... ''')
>>> double.finding(lambda x: x + x, seed=0)  # right, however it is written
>>> double.finding(lambda x: x * x, seed=0).hints[0]
'What happens to 3?'
>>> double.finding(lambda x: x / 2, seed=0).mistake
'half'
"""

import contextlib
import copy
import html
import inspect
import io
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from . import generic_hints
from .agreement import TOLERANCE, agree, difference
from .borrowing import Borrowed, watched
from .gradients import learns
from .record import Record

CASES = 8


class NotYet(AssertionError):
    """An answer is not right yet; the message is a hint. Jupyter shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def still_open(said: str) -> NotImplementedError:
    """An error for a task that nobody has begun; Jupyter shows its message alone."""
    error = NotImplementedError(said)
    error._render_traceback_ = lambda: [said]  # type: ignore[attr-defined]
    return error


@dataclass(frozen=True)
class Passed:
    """A check passed, and why that matters."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: passed. {self.why}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return (
            f'<div style="border-left:4px solid #009E73;padding:4px 12px;max-width:640px">'
            f"<b>{html.escape(self.name)}: passed.</b> {html.escape(self.why)}</div>"
        )


@dataclass(frozen=True)
class Finding:
    """What is wrong with an answer, by a short name, and hints, each stronger than the last.

    said: in words, where the name does not say it: what looks otherwise begins with its first
    hint. case: the number of the case that shows it; -1 is the last one that was tried.
    """

    mistake: str
    hints: Sequence[str]
    said: str = ""
    case: int = -1

    @property
    def counted_as(self) -> str:
        """By what the tries are counted: the name, and what was said, whatever its numbers."""
        numbers = r"(-?\d[\d.,]*(e[+-]?\d+)?\s*)+"
        return self.mistake + (": " + re.sub(numbers, "#", self.said)[:80] if self.said else "")


class Task:
    """A coding task, see `task`, which makes them."""

    def __init__(
        self,
        right: Callable,
        chapter: str,
        draw: Callable[[torch.Generator, int], tuple],
        observed: Callable[..., Any] | None,
        then: Callable[..., Any] | None,
        borrowed: Sequence[str],
        tolerance: float,
        cases: int,
    ):
        self.right, self.chapter, self.draw, self.cases = right, chapter, draw, cases
        self.name, self.why = right.__name__, " ".join((right.__doc__ or "").split())
        self.borrowed, self.tolerance = frozenset(borrowed), tolerance
        self.observed = observed or (lambda result, *inputs: result)
        self.then = then
        self.mistakes: dict[str, Callable] = {}

    def mistake(self, makes: Callable) -> Callable:
        """Note a likely mistake; its docstring is a list of three hints, each after `- `."""
        if len(hints(makes)) != 3:
            raise ValueError(
                f"{self.name}: the mistake {makes.__name__} needs three hints, each after `- `"
            )
        self.mistakes[makes.__name__] = makes
        return makes

    def mistaken(
        self, name: str, instead: Callable | None = None, /, **changed: Any
    ) -> Callable[[str], Callable]:
        """Note a likely mistake in one line, then its three hints: `mistaken("name", ...)(hints)`.

        It computes what `instead` does, or else the right answer, with arguments changed: the
        right answer may have keywords of its own for that, which learners do not give.
        """

        def makes(*inputs: Any) -> Any:
            return (instead or self.right)(*inputs, **changed)

        def noted(text: str) -> Callable:
            makes.__name__, makes.__doc__ = name, text
            return self.mistake(makes)

        return noted

    def __call__(self, answer: Callable, seed: int | None = None) -> Passed:
        """Pass, or raise NotYet with a hint; NotImplementedError as long as the task is open.

        seed: of the inputs; fresh ones without.
        """
        record, key = Record(), f"{self.chapter}/{self.name}"
        found = self.finding(answer, secrets.randbits(40) if seed is None else seed)
        if found is None:
            record.passed(key)
            return Passed(self.name, self.why)
        times = record.failed(key, found.counted_as)
        hint = found.hints[min(times, len(found.hints)) - 1]
        raise NotYet(f"{self.name}: not yet. {hint}") from None

    def finding(self, answer: Any, seed: int) -> Finding | None:
        """What is wrong with the answer; None if it is right.

        It is called once for each case. What it prints is shown for one of them: the first that is
        not right, or the first of all.
        """
        printed: list[str] = []
        found = self._finding(answer, seed, printed)
        if printed:
            sys.stdout.write(printed[found.case if found else 0])
        return found

    def _finding(self, answer: Any, seed: int, printed: list[str]) -> Finding | None:
        """What is wrong with the answer; printed takes what it prints, case by case."""
        if not callable(answer):
            return Finding("no_function", [
                f"This check calls your function. It got {answer!r:.60}: hand in the function's "
                f"name, without brackets."
            ])  # fmt: skip
        random = torch.Generator().manual_seed(seed)
        cases = [self.draw(random, number) for number in range(self.cases)]
        answers: list[Any] = []
        results: list[Any] = []
        differences: list[str | None] = []
        for inputs in cases:
            own = copy.deepcopy(inputs)
            try:
                if getattr(answer, "__code__", None) == self.right.__code__:
                    raise Borrowed(self.name)
                with said_in(printed), watched(self.borrowed, self.right.__code__):
                    result = answer(*own)
            except NotImplementedError:
                raise still_open(
                    f"{self.name}: open. Write your function, then run it and this check again."
                ) from None
            except Borrowed as error:
                return Finding("borrowed", generic_hints.borrowed(str(error)))
            except Exception as error:
                if "a leaf Variable that requires grad" in str(error):  # torch's words for it
                    return Finding("changed_its_input", generic_hints.CHANGED)
                if name := self._fails_alike(error, inputs):
                    return Finding(name, hints(self.mistakes[name]))
                raised = type(error).__name__
                return Finding(f"raised_{raised}", generic_hints.raised(error, inputs), str(error))
            if not agree(own, inputs, 0):
                return Finding("changed_its_input", generic_hints.CHANGED)
            wanted = self._seen(self.right, inputs)
            answers.append(result)
            try:
                results.append(self.observed(result, *copy.deepcopy(inputs)))
            except Exception as error:
                if name := self._fails_alike(error, inputs):
                    return Finding(name, hints(self.mistakes[name]))
                return Finding("cannot_be_used", generic_hints.unusable(error), str(error))
            differences.append(difference(results[-1], wanted, self.tolerance))
        said = next((found for found in differences if found), None)
        if said is None:
            return self._finding_then(answers, cases)
        wrong = [place for place, found in enumerate(differences) if found]
        fits = {
            name: self._fits(makes, [(results[place], cases[place]) for place in wrong])
            for name, makes in self.mistakes.items()
        }
        most = max(fits.values(), default=0)
        if most:
            likely = self._likeliest([name for name in fits if fits[name] == most], results, cases)
            return Finding(likely, hints(self.mistakes[likely]), case=wrong[0])
        same = all(agree(result, results[0]) for result in results[1:])
        if same and results[0] is not None:
            return Finding("always_the_same", generic_hints.SAME, case=0)
        return Finding("other", generic_hints.plain(said, cases[wrong[0]]), said, wrong[0])

    def _likeliest(self, names: list[str], results: list[Any], cases: list[tuple]) -> str:
        """Of mistakes that fit the wrong cases alike, the first that does most like all cases."""
        every = list(zip(results, cases, strict=True))
        alike = {
            name: sum(self._fits(self.mistakes[name], [pair]) for pair in every)
            for name in (names if len(names) > 1 else [])
        }
        return max(names, key=lambda name: alike.get(name, 0))

    def _finding_then(self, answers: Sequence[Any], cases: Sequence[tuple]) -> Finding | None:
        """What is wrong with answers whose values are right: nothing learns from them, say."""
        if self.then is None:
            return None
        for result, inputs in zip(answers, cases, strict=True):
            own = copy.deepcopy(inputs)
            wanted = self.then(self.right(*own), *own)
            if said := difference(self.then(result, *inputs), wanted, self.tolerance):
                if not any(learns(each) for each in answers):
                    return Finding("no_gradient", generic_hints.NO_GRADIENT)
                return Finding("another_gradient", generic_hints.another_gradient(said))
        return None

    def _fails_alike(self, error: Exception, inputs: tuple) -> str:
        """The mistake that ends with the same error, word by word; or nothing."""
        for name, makes in self.mistakes.items():
            try:
                self._seen(makes, inputs)
            except Exception as failed:
                if (type(failed), str(failed)) == (type(error), str(error)):
                    return name
        return ""

    def _seen(self, function: Callable, inputs: tuple) -> Any:
        return self.observed(function(*copy.deepcopy(inputs)), *copy.deepcopy(inputs))

    def _fits(self, makes: Callable, wrong: Sequence[tuple[Any, tuple]]) -> int:
        """In how many wrong cases a mistake gives the same result; 0 if not in more than half.

        Nobody makes one mistake at a time: another may have spoiled a case or two.
        """
        missed = 0
        for result, inputs in wrong:
            alike = False
            with contextlib.suppress(Exception):
                alike = agree(result, self._seen(makes, inputs), self.tolerance)
            missed += not alike
            if 2 * missed >= len(wrong):
                return 0
        return len(wrong) - missed


@contextlib.contextmanager
def said_in(printed: list[str]) -> Iterator[None]:
    """What is printed meanwhile is one more text of the list, instead."""
    words = io.StringIO()
    try:
        with contextlib.redirect_stdout(words):
            yield
    finally:
        printed.append(words.getvalue())


def task(
    chapter: str,
    draw: Callable[[torch.Generator, int], tuple],
    observed: Callable[..., Any] | None = None,
    then: Callable[..., Any] | None = None,
    borrowed: Sequence[str] = (),
    tolerance: float = TOLERANCE,
    cases: int = CASES,
) -> Callable[[Callable], Task]:
    """Make a task of the function that is its right answer; the docstring says why it matters.

    draw: inputs, given a `torch.Generator` and the number of the case (kinds of input go by turns,
    so that none is left to chance). observed: what is compared of a result, given the result and
    the inputs (outputs of a network, say); the result itself without. then: what is
    compared besides, once all results agree: how they change with an input, for what something is
    trained by. borrowed: names of functions, of this library or of torch, that the answer is to do
    without.
    """
    return lambda right: Task(right, chapter, draw, observed, then, borrowed, tolerance, cases)


def hints(mistake: Callable) -> list[str]:
    """The hints in the docstring: what follows each `- ` that begins a line."""
    text = inspect.cleandoc(mistake.__doc__ or "")
    return [" ".join(part.split()) for part in re.split(r"(?m)^- ", text)[1:]]
