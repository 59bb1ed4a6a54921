"""The learner's guess beside the result: guess first, then look.

>>> guess("How many of the 64 pieces can go?", None, low=0, high=64).value is None
True
>>> print(guess("How many of the 64 pieces can go?", 10, low=0, high=64).reveal(40))
You guessed 10, measured: 40. Off by 30 of 64.
"""

import html
from dataclasses import dataclass


@dataclass(frozen=True)
class Guess:
    """A question, and what the learner thinks; None as long as nothing was guessed."""

    question: str
    value: float | None
    low: float
    high: float
    unit: str = ""

    def reveal(self, measured: float) -> "Revealed":
        """The guess beside what was measured."""
        return Revealed(self, measured)

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.question}\nWrite your guess above: my_guess = (a number), and run again."
        return f"{self.question}\nYour guess: {_short(self.value)}{self.unit}. Read on to see."

    __repr__ = __str__


@dataclass(frozen=True)
class Revealed:
    """A guess and the measured figure, as a line of text and as a small picture."""

    guess: Guess
    measured: float

    def __str__(self) -> str:
        unit = self.guess.unit
        if self.guess.value is None:
            return f"Measured: {_short(self.measured)}{unit}. (No guess this time.)"
        off = abs(self.guess.value - self.measured)
        return (
            f"You guessed {_short(self.guess.value)}{unit}, measured: "
            f"{_short(self.measured)}{unit}. Off by {_short(off)} of "
            f"{_short(self.guess.high - self.guess.low)}."
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def mark(value: float, colour: str, label: str, top: bool) -> str:
            place = (value - self.guess.low) / (self.guess.high - self.guess.low)
            left = 100 * min(1.0, max(0.0, place))
            shift = "0" if left < 15 else "-100%" if left > 85 else "-50%"
            return (
                f'<div style="position:absolute;left:{left:.1f}%;top:22px;width:3px;height:18px;'
                f'background:{colour}"></div><div style="position:absolute;left:{left:.1f}%;'
                f"top:{'0' if top else '42px'};transform:translateX({shift});"
                f'white-space:nowrap;font-size:13px">{html.escape(label)}</div>'
            )

        marks = mark(
            self.measured, "#009E73", f"measured {_short(self.measured)}{self.guess.unit}", False
        )
        if self.guess.value is not None:
            text = f"your guess {_short(self.guess.value)}{self.guess.unit}"
            marks += mark(self.guess.value, "#D55E00", text, True)
        return (
            f'<div role="img" aria-label="{html.escape(str(self))}" style="position:relative;'
            f'height:64px;max-width:520px;margin:4px 8px">'
            f'<div style="position:absolute;left:0;right:0;top:30px;height:2px;background:#999">'
            f"</div>{marks}</div>"
        )


def guess(question: str, value: float | None, low: float, high: float, unit: str = "") -> Guess:
    """Note a guess. None is allowed, so that Run All never stops here.

    Raises ValueError for a guess outside of what is possible, and for 0.9 where 90% is meant.
    """
    if value is not None and not (isinstance(value, int | float) and low <= value <= high):
        raise ValueError(
            f"a guess here is a number from {_short(low)} to {_short(high)}, got {value!r}; "
            f"or None to go on without one"
        )
    if value is not None and (said := share_for_percent(value, unit)):
        raise ValueError(said)
    return Guess(question, value, low, high, unit)


def share_for_percent(value: float, unit: str) -> str:
    """What to say to a guess that looks like a share where percent are asked for, or nothing.

    >>> share_for_percent(0.9, "%")
    'Percent are asked for: is 0.9 meant as 90%? Then write 90. (For less than 1%, 0 or 1 will do.)'
    """
    if unit != "%" or not 0 < value < 1:
        return ""
    return (
        f"Percent are asked for: is {value:g} meant as {100 * value:g}%? Then write "
        f"{100 * value:g}. (For less than 1%, 0 or 1 will do.)"
    )


def _short(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
