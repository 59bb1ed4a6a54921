"""The growing table: every chapter adds the row of the network it made.

A chapter measures its own row and finds the earlier chapters' rows where they were left, as they
were measured on this machine.

>>> row = Row("02_neuron_pruning", "half", "4 kB", "2 kB", "1 M", "1 ms", "1 ms", "97%", "-1", "8")
>>> print(Table((row,), ("03_weight_pruning",)))
chapter            network  file  packed  MACs  PyTorch  ONNX Runtime  accuracy ... images seen
02_neuron_pruning  half     4 kB  2 kB    1 M   1 ms     1 ms          97%      ... 8
Not run here yet, so without a row: 03_weight_pruning.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from html import escape
from typing import Any

from torch import nn

from course_lib import cache, files, markup
from course_lib.deploy.engines import Exported, onnx
from course_lib.images.data import ImageData
from course_lib.measure.cards import Scorecard, compare
from course_lib.measure.measuring import latency
from course_lib.units import short_ms, show_bytes, show_count

HEADS = (
    "chapter", "network", "file", "packed", "MACs", "PyTorch", "ONNX Runtime", "accuracy",
    "against the original", "images seen",
)  # fmt: skip
CHAPTERS = (
    "02_neuron_pruning",
    "03_weight_pruning",
    "04_quantization",
    "05_distillation",
    "06_low_rank",
    "07_working_together",
)


@dataclass(frozen=True)
class Row:
    """One network's line, as it is shown. Ratios and points are against the original."""

    chapter: str
    network: str
    file: str
    packed: str
    macs: str
    pytorch: str
    onnx: str
    accuracy: str
    difference: str
    images_seen: str  # in fine-tuning or training


@dataclass(frozen=True)
class Table:
    """The rows so far. print(table) shows it; a notebook shows it as HTML."""

    rows: tuple[Row, ...]
    missing: tuple[str, ...]  # earlier chapters that have not run on this machine

    def __str__(self) -> str:
        lines = [HEADS, *(astuple(row) for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(HEADS))]
        shown = [
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        return "\n".join(shown + [self._note()] * bool(self.missing))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        # Eight narrow columns: the chapter's number stands before its network, packed below file.
        rows = [
            [
                escape(f"{row.chapter[:2]} {row.network}".strip()),
                f"{escape(row.file)}<br>{escape(row.packed)}",
                *(escape(text).replace(" (", "<br>(") for text in astuple(row)[4:]),
            ]
            for row in self.rows
        ]
        heads = ["network", "file,<br>packed", *map(escape, HEADS[4:])]
        note = f"<p>{escape(self._note())}</p>" if self.missing else ""
        return markup.table(rows, heads, small=True) + note

    def _note(self) -> str:
        return f"Not run here yet, so without a row: {', '.join(self.missing)}."


def grow(
    chapter: str,
    cards: Sequence[Scorecard],
    networks: Mapping[str, nn.Module | Exported],
    data: ImageData,
    trained_on: int = 0,
    limit_s: float = 3,
) -> Table:
    """Add the chapter's networks to the table, and return it with all rows so far.

    cards, networks: the original's first, then the chapter's, in the same order. trained_on:
    images seen in fine-tuning or training, counted once each time they are seen. Time in ONNX
    Runtime (one thread) is measured here, by turns; the cards hold PyTorch's.
    The row is kept beside the cached images, for the chapters to come.

    Raises ValueError if the cards are not those of the networks.
    """
    names = [card.name for card in cards]
    if names != list(networks) or len(names) < 2:
        raise ValueError(
            f"cards and networks must be the same, the original first and one more at least; "
            f"got cards of {', '.join(names) or 'nothing'} and networks "
            f"{', '.join(networks) or 'none'}"
        )
    if chapter not in CHAPTERS:
        raise ValueError(f"chapter must be one of {', '.join(CHAPTERS)}; got {chapter!r}")
    exported = [n if isinstance(n, Exported) else onnx(n, data.shape) for n in networks.values()]
    runs = [n.run(next(data.val.fed_to(n).batches(1))[0]) for n in exported]
    times = latency(*runs, limit_s=limit_s)
    rows = [
        _row(chapter, cards[0], card, times[0].median_ms, time.median_ms, trained_on)
        for card, time in zip(cards[1:], times[1:], strict=True)
    ]
    first = _row("", cards[0], cards[0], times[0].median_ms, times[0].median_ms, 0)
    _keep(data, chapter, rows)
    earlier, missing = [first], []
    for name in CHAPTERS[: CHAPTERS.index(chapter)]:
        kept = _kept(data, name)
        earlier += kept
        missing += [] if kept else [name]
    return Table((*earlier, *rows), tuple(missing))


def _row(
    chapter: str,
    before: Scorecard,
    card: Scorecard,
    onnx_before: float,
    onnx_ms: float,
    trained_on: int,
) -> Row:
    def against(text: str, old: float, new: float) -> str:
        return text if card is before else f"{text} ({old / new:.3g}x)"

    pytorch = "no" if card.engine != "pytorch" else against(
        short_ms(card.latency_ms_median), before.latency_ms_median, card.latency_ms_median
    ) + ", noisy" * card.noisy  # fmt: skip
    pair = None if card is before else compare([before, card]).differences[1]
    low, high = 100 * card.accuracy_low, 100 * card.accuracy_high
    return Row(
        chapter=chapter,
        network=card.name,
        file=against(show_bytes(card.file_bytes), before.file_bytes, card.file_bytes),
        packed=against(show_bytes(card.packed_bytes), before.packed_bytes, card.packed_bytes),
        macs=against(show_count(card.macs), before.macs, card.macs),
        pytorch=pytorch,
        onnx=against(short_ms(onnx_ms), onnx_before, onnx_ms),
        accuracy=f"{card.accuracy:.1%} ({low:.1f} to {high:.1f})",
        difference=str(pair) if pair else "",
        images_seen="" if card is before else f"{trained_on:,}",
    )


def _path(data: ImageData, chapter: str) -> str:
    return f"table-{data.fingerprint}-{chapter}.json"


def _keep(data: ImageData, chapter: str, rows: Sequence[Row]) -> None:
    folder = cache.writable_dir()
    if folder is not None:
        files.write(folder / _path(data, chapter), json.dumps([astuple(row) for row in rows]))


def _kept(data: ImageData, chapter: str) -> list[Row]:
    """The rows that a chapter left; none if it has not run, or left them in another form."""
    try:
        text = (cache.cache_dir() / _path(data, chapter)).read_text(encoding="utf-8")
        return [Row(*map(str, values)) for values in json.loads(text)]
    except (OSError, ValueError, TypeError):
        return []
