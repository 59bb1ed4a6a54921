"""The scorecard itself, and the table that sets several side by side.

>>> original = Scorecard(
...     name="original", engine="pytorch", threads=2,
...     accuracy=0.97, accuracy_low=0.965, accuracy_high=0.974,
...     params=1_149_388, nonzero_params=1_149_388,
...     file_bytes=4_600_000, packed_bytes=4_300_000, deployed_bytes=4_600_000,
...     macs=153_000_000, latency_ms_median=4.7, latency_ms_p90=5.2,
...     memory_bytes=400_000_000, energy_mj=1.5, energy_is_estimate=True)
>>> Scorecard.from_json(original.to_json()) == original
True
>>> from dataclasses import replace
>>> small = replace(original, name="small", file_bytes=383_000, latency_ms_median=1.4)
>>> for row in compare([original, small]).rows:
...     if row.key in ("file_bytes", "latency_ms_median"):
...         print(row.cells, row.changes)
('4.6 MB', '383 kB') ('', '12x smaller')
('4.70 ms (5.20 ms)', '1.40 ms (5.20 ms)') ('', '3.4x faster')
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib import markup
from course_lib.measure.intervals import Paired, paired
from course_lib.units import show_bytes, show_count, show_ms, three_digits

if TYPE_CHECKING:
    from course_lib.figures.style import Picture

__all__ = ["Comparison", "Row", "Scorecard", "compare", "show_bytes", "show_count"]


@dataclass(frozen=True)
class Scorecard:
    """All figures of one network; they belong to the same weights. print(card) shows a table.

    The first seventeen are the JSON; the others tell more about the measurement and stay here.
    """

    name: str
    engine: str
    threads: int
    accuracy: float  # share of the test images, in [0, 1], with its 95% Wilson interval
    accuracy_low: float
    accuracy_high: float
    params: int
    nonzero_params: int
    file_bytes: int  # the checkpoint on disk
    packed_bytes: int  # the same, packed without loss
    deployed_bytes: int  # what a phone downloads for this network
    macs: int  # multiply-accumulates for one image
    latency_ms_median: float  # one image, warm
    latency_ms_p90: float
    memory_bytes: int  # peak resident size of this process and its children so far
    energy_mj: float  # one image
    energy_is_estimate: bool
    noisy: bool = field(default=False, compare=False)  # is the median unsure by more than 5%?
    working_bytes: int | None = field(default=None, compare=False)  # see counting.working_memory
    correct: np.ndarray | None = field(default=None, compare=False, repr=False)  # of each image
    tested_on: str = field(default="", compare=False)  # which images; a pair needs the same
    saturating: int = field(default=0, compare=False)  # layers to care for, see `Onnx.warning`

    def as_dict(self) -> dict[str, Any]:
        """The seventeen figures of the JSON by name, in order."""
        return {key: getattr(self, key) for key in KEYS}

    def to_json(self) -> str:
        """The figures as one JSON object."""
        return json.dumps(self.as_dict(), indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Scorecard":
        """Read what `to_json` wrote; raises ValueError that says what is wrong with the text."""
        try:
            values = json.loads(text)
        except (json.JSONDecodeError, TypeError) as error:
            raise ValueError(f"a scorecard must be JSON text, got {text!r:.60}: {error}") from None
        keys = set(values) if isinstance(values, dict) else set()
        if keys != set(KEYS):
            raise ValueError(
                f"a scorecard must be one JSON object with the keys that to_json() writes; "
                f"missing: {', '.join(k for k in KEYS if k not in keys) or 'none'}; "
                f"unknown: {', '.join(sorted(keys - set(KEYS))) or 'none'}"
            )
        for key, kind in KEYS.items():
            if kind is float and type(values[key]) is int:
                values[key] = float(values[key])
            if type(values[key]) is not kind or (kind is float and not math.isfinite(values[key])):
                raise ValueError(f"{key} must be a {kind.__name__}, got {values[key]!r}")
        return cls(**values)

    def __str__(self) -> str:
        return str(Comparison((self,)))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        return Comparison((self,))._repr_html_()


KEYS: dict[str, type] = {
    f.name: f.type for f in fields(Scorecard) if f.compare and isinstance(f.type, type)
}  # the figures of the JSON and their types


@dataclass(frozen=True)
class Row:
    """One line of the table: a cell for each card, and its change against the first card."""

    key: str
    label: str
    cells: tuple[str, ...]
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Cards side by side; each is held against the first. print(comparison) shows a table."""

    cards: tuple[Scorecard, ...]

    @property
    def differences(self) -> tuple[Paired | None, ...]:
        """Accuracy against the first card image by image; None if the images are not the same."""
        first = self.cards[0]
        return tuple(
            paired(first.correct, card.correct)
            if card is not first
            and first.correct is not None
            and card.correct is not None
            and first.tested_on == card.tested_on
            and len(first.correct) == len(card.correct)
            else None
            for card in self.cards
        )

    @property
    def rows(self) -> tuple[Row, ...]:
        """The lines of the table, most asked-for first."""
        first = self.cards[0]
        points = ["", *(f"{p:+.1f} points" for p in self.as_dict()["points"].round(1)[1:] + 0.0)]
        changes = [
            str(pair) if pair else point
            for pair, point in zip(self.differences, points, strict=True)
        ]
        rows = [self._row("accuracy", "Accuracy (95% interval)", changes)]
        for key, label, less, more in LINES:
            changes = [""]
            for card in self.cards[1:]:
                # a measured energy and an estimate have no ratio
                alike = key != "energy_mj" or first.energy_is_estimate == card.energy_is_estimate
                words = (less, more) if alike else ("", "")
                changes.append(_ratio(getattr(first, key), getattr(card, key), *words))
            rows.append(self._row(key, label, changes))
        return tuple(row for row in rows if any(row.cells))

    def _row(self, key: str, label: str, changes: list[str]) -> Row:
        return Row(key, label, tuple(_cell(card, key) for card in self.cards), tuple(changes))

    def as_dict(self) -> dict[str, Any]:
        """The figures for a picture: {key: list of texts, or array with a number for each card}.

        `points`, `points_low`, `points_high`: accuracy against the first card, in percentage
        points, with its paired 95% interval (NaN without one).
        """
        columns: dict[str, Any] = {}
        for key, kind in KEYS.items():
            values = [getattr(card, key) for card in self.cards]
            columns[key] = values if kind is str else np.array(values)
        columns["points"] = 100 * (columns["accuracy"] - columns["accuracy"][0])
        for end in ("low", "high"):
            ends = [getattr(pair, end) if pair else math.nan for pair in self.differences]
            columns[f"points_{end}"] = np.array(ends)
        return columns

    def picture(self) -> "Picture":
        """What a phone's owner would notice, one bar a card: download, time, energy, accuracy."""
        from course_lib import figures  # drawing loads matplotlib, measuring need not

        rows = {row.key: row for row in self.rows}
        plain = self.as_dict()
        bars = {}
        for key, title in PICTURED.items():
            texts = [text.split(" (")[0] for text in rows[key].cells]
            changes = rows[key].changes
            if key == "accuracy":
                changes = ("", *(f"{points:+.1f} points" for points in plain["points"][1:] + 0.0))
            if key == "energy_mj" and plain["energy_is_estimate"].any():
                title += ", estimate"
            bars[title] = (plain[key].tolist(), texts, changes)
        return figures.before_after([card.name for card in self.cards], bars)

    def __str__(self) -> str:
        lines = [("", *(card.name for card in self.cards))]
        for row in self.rows:
            lines.append((row.label, *row.cells))
            if any(row.changes):
                lines.append(("", *row.changes))
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        lines.insert(1, tuple("-" * width for width in widths))
        return "\n".join(
            "  ".join(
                text.rjust(width) if i else text.ljust(width)
                for i, (text, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        rows = [
            [
                escape(row.label),
                *(
                    escape(text) + (f"<br><b>{escape(change)}</b>" if change else "")
                    for text, change in zip(row.cells, row.changes, strict=True)
                ),
            ]
            for row in self.rows
        ]
        heads = ["", *(escape(card.name) for card in self.cards)]
        return markup.table(rows, heads, labels=True, numbers=True)


def compare(cards: Iterable[Scorecard]) -> Comparison:
    """Cards side by side, each against the first: `compare([before, after])`.

    Raises ValueError without cards, TypeError for something else than cards.
    """
    cards = tuple(cards)
    if not cards:
        raise ValueError("compare needs at least one scorecard, like compare([before, after])")
    for card in cards:
        if not isinstance(card, Scorecard):
            raise TypeError(f"compare takes scorecards, got a {type(card).__name__}; measure() it")
    return Comparison(cards)


# How figures are written


def _ratio(before: float | None, after: float | None, less: str, more: str) -> str:
    """'12x smaller': how many times `after` is less or more than `before`; '' if it has none."""
    if not before or not after or not less:
        return ""
    factor = max(before / after, after / before)
    if factor < 1.05:
        return "the same" if factor == 1 else "about the same"
    digits = 1 if factor < 9.95 else 0
    return f"{factor:,.{digits}f}x {less if after < before else more}"


def _cell(card: Scorecard, key: str) -> str:
    """One figure of a card as the table shows it."""
    value = getattr(card, key)
    if value is None:
        return ""
    if key == "accuracy":
        low, high = 100 * card.accuracy_low, 100 * card.accuracy_high
        return f"{value:.1%} ({low:.1f} to {high:.1f})"
    if key == "latency_ms_median":
        text = f"{show_ms(value)} ({show_ms(card.latency_ms_p90)})"
        return text + (", noisy machine" if card.noisy else "")
    if key == "energy_mj":
        kind = "estimate" if card.energy_is_estimate else "measured"
        return f"{three_digits(value)} mJ ({kind})"
    if key == "engine":
        care = f"; {card.saturating} layers need care without VNNI" * bool(card.saturating)
        return f"{value}, {card.threads} thread{'s' if card.threads > 1 else ''}{care}"
    return show_bytes(value) if key.endswith("_bytes") else show_count(value)


PICTURED = {
    "deployed_bytes": "download",
    "latency_ms_median": "time for one image",
    "energy_mj": "energy",
    "accuracy": "accuracy",
}
LINES = (  # key, label, and the words for less and more than before
    ("file_bytes", "File on disk", "smaller", "larger"),
    ("packed_bytes", "File, packed", "smaller", "larger"),
    ("deployed_bytes", "Download to a phone", "smaller", "larger"),
    ("params", "Parameters", "fewer", "more"),
    ("nonzero_params", "Parameters not zero", "fewer", "more"),
    ("macs", "Multiply-adds for one image", "fewer", "more"),
    ("latency_ms_median", "Time for one image (9 of 10 within)", "faster", "slower"),
    ("energy_mj", "Energy for one image", "less", "more"),
    ("working_bytes", "Working memory for one image", "smaller", "larger"),
    # the peak so far says nothing of one network alone, so it gets no ratio
    ("memory_bytes", "Peak memory of this session", "", ""),
    ("engine", "Measured with", "", ""),
)
