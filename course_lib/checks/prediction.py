"""Check of a guess: it has to be one; it need not be right. What was measured comes back beside it.

>>> half = Prediction("00_example", "half", "Half of ten?", 0, 10, measure=lambda: 5.0,
...                   why="Now you know.")
>>> half(None)
Traceback (most recent call last):
NotImplementedError: half: open. Write a number for your guess, then run both cells again.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass

from ..figures.predict import Guess, Revealed, read
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

    def __call__(self, guess: object) -> "Told":
        """The guess beside what is measured now; NotYet for what can be no guess."""
        if guess is None or guess is Ellipsis:
            raise still_open(
                f"{self.name}: open. Write a number for your guess, then run both cells again."
            )
        record, task = Record(), f"{self.chapter}/{self.name}"
        number, wrong = read(guess, self.low, self.high, self.unit)
        if number is None:
            record.failed(task, "no_guess")
            raise NotYet(f"{self.name}: not yet. {wrong}")
        shown = Guess(self.question, number, self.low, self.high, self.unit)
        told = Told(shown.reveal(self.measure()), self.why)
        record.passed(task)
        return told


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
