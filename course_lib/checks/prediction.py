"""Check of a guess: it has to be one; it need not be right. What was measured comes back beside it.

>>> half = Prediction("00_example", "half", "Half of ten?", 0, 10, measure=lambda: 5.0,
...                   why="Now you know.")
>>> half(None)
Traceback (most recent call last):
NotImplementedError: half: open. Write a number for your guess, then run both cells again.
"""

import html
import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

from ..figures.predict import Guess, Revealed, share_for_percent
from .record import Record
from .task import NotYet, still_open


@dataclass(frozen=True)
class Prediction:
    """A question with a number for an answer, and how it is measured (once a guess is there)."""

    chapter: str
    name: str
    question: str
    low: float
    high: float
    measure: Callable[[], float]
    why: str
    unit: str = ""

    def __call__(self, guess: float | None) -> "Told":
        """The guess beside what is measured now; NotYet for what can be no guess."""
        if guess is None or guess is Ellipsis:
            raise still_open(
                f"{self.name}: open. Write a number for your guess, then run both cells again."
            )
        record, task = Record(), f"{self.chapter}/{self.name}"
        if wrong := self._wrong(guess):
            record.failed(task, "no_guess")
            raise NotYet(f"{self.name}: not yet. {wrong}")
        shown = Guess(self.question, float(guess), self.low, self.high, self.unit)
        told = Told(shown.reveal(self.measure()), self.why)
        record.passed(task)
        return told

    def _wrong(self, guess: object) -> str | None:
        limits = f"from {self.low:g} to {self.high:g}{self.unit}"
        if isinstance(guess, str):
            return f"A number is wanted, {limits}, without quotation marks and unit."
        if isinstance(guess, bool) or not isinstance(guess, Real) or math.isnan(float(guess)):
            return f"A number is wanted, {limits}; got {guess!r:.40}."
        if not self.low <= float(guess) <= self.high:
            return f"Possible are numbers {limits}; got {guess}. Is it the unit that was asked for?"
        return share_for_percent(float(guess), self.unit) or None


@dataclass(frozen=True)
class Told:
    """A guess, what was measured, and what to make of it."""

    revealed: Revealed
    why: str

    def __str__(self) -> str:
        return f"{self.revealed} {self.why}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"{self.revealed._repr_html_()}<p>{html.escape(self.why)}</p>"
