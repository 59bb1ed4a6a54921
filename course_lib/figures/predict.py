"""The learner's guess beside the result: guess first, then look.

>>> guess("How many of the 64 pieces can go?", None, low=0, high=64).value is None
True
>>> print(guess("How many of the 64 pieces can go?", 10, low=0, high=64).reveal(40))
You guessed 10, measured: 40. Off by 30 of 64.

What people type is read as they mean it: 62.5, "62,5", "62.5 %", and the pair that Python makes of
62,5 without quotation marks. What can be no guess is told so in a sentence, and is none: Run All
goes on, and no older guess is shown for it.
"""

import html
import math
import re
from dataclasses import dataclass
from numbers import Real


@dataclass(frozen=True)
class Guess:
    """A question, and what the learner thinks; None as long as nothing was guessed."""

    question: str
    value: float | None
    low: float
    high: float
    unit: str = ""
    wrong: str = ""  # why what was written is no guess

    def reveal(self, measured: float) -> "Revealed":
        """The guess beside what was measured."""
        return Revealed(self, measured)

    def __str__(self) -> str:
        if self.wrong:
            return f"{self.question}\n{self.wrong} Write it anew, and run this cell again."
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
            why = self.guess.wrong or "No guess this time."
            return f"Measured: {_short(self.measured)}{unit}. ({why})"
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


def guess(question: str, value: object, low: float, high: float, unit: str = "") -> Guess:
    """Note a guess; None is none. Run All never stops here: what cannot be read is said."""
    number, wrong = read(value, low, high, unit)
    return Guess(question, number, low, high, unit, wrong)


def read(value: object, low: float, high: float, unit: str = "") -> tuple[float | None, str]:
    """The number that somebody means, or what is wrong with it; neither for None.

    >>> read("62,5 %", 0, 100, "%"), read((62, 5), 0, 100, "%")  # without quotation marks: a pair
    ((62.5, ''), (62.5, ''))
    >>> read(0.9, 0, 100, "%")[1]
    'Percent are asked for: is 0.9 meant as 90%? Then write 90. (For less than 1%, 0 or 1 will do.)'
    """
    if value is None or value is Ellipsis:
        return None, ""
    limits = f"from {_short(low)} to {_short(high)}{unit}"
    if isinstance(value, str):
        sign = "%" if "point" in unit else unit  # 15% is said for 15 points, too
        plain = re.fullmatch(
            rf"\s*([-+]?\d*[.,]?\d+)\s*({re.escape(unit.strip())}|{re.escape(sign)})?\s*", value
        )
        number: object = float(plain[1].replace(",", ".")) if plain else value
    elif isinstance(value, tuple) and _comma(value):
        number = float(f"{value[0]}.{value[1]}")
    else:
        number = value
    if isinstance(value, tuple) and number is value:
        shown = ", ".join(map(str, value))
        return None, f"{shown:.40} is not one number for Python: write it with a point, like 62.5."
    if isinstance(number, bool) or not isinstance(number, Real) or not math.isfinite(number):
        return None, f"A guess here is a number {limits}; got {value!r:.40}."
    found = float(number)
    if not low <= found <= high:
        return None, f"A guess here is {limits}; got {value!r:.40}. Is it the unit asked for?"
    if unit == "%" and 0 < found < 1:
        return None, (
            f"Percent are asked for: is {found:g} meant as {100 * found:g}%? Then write "
            f"{100 * found:g}. (For less than 1%, 0 or 1 will do.)"
        )
    return found, ""


def _comma(value: tuple) -> bool:
    """Is it what Python makes of 62,5? A pair like 60, 70 is a range, which is no guess."""
    return [type(v) for v in value] == [int, int] and 0 <= value[1] < min(value[0], 10)


def _short(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
