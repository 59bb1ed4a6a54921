"""What factoring would do, layer by layer, as a table: what `low_rank.plan` gives.

>>> from course_lib.techniques.ranks import Cost
>>> whole, thin = Cost(18_496, 4_734_976), Cost(2_880, 737_280)
>>> print(Plan((Row("0", "channel_svd", 8, whole, thin, 0.9),)))
layer  method       rank  parameters          MACs                 energy kept
0      channel_svd  8     18 k → 2.9 k (16%)  4.7 M → 737 k (16%)  90.0%
all                       18 k → 2.9 k (16%)  4.7 M → 737 k (16%)
"""

from dataclasses import dataclass
from html import escape

from course_lib import markup
from course_lib.techniques.decompositions import Rank
from course_lib.techniques.ranks import Cost
from course_lib.units import show_count


@dataclass(frozen=True)
class Row:
    """What becomes of one layer. `left` says why it stays whole; it is empty if it is factored."""

    layer: str
    method: str
    rank: Rank | None
    before: Cost
    after: Cost
    energy: float | None  # kept, in [0, 1]; None for cp, which knows once it is fitted
    left: str = ""


@dataclass(frozen=True, repr=False)
class Plan:
    """What `factor` does with the same arguments, layer by layer. print(plan) shows a table."""

    rows: tuple[Row, ...]

    @property
    def ranks(self) -> dict[str, Rank]:
        """The rank of each layer that is factored; rank=plan.ranks chooses the same again."""
        return {row.layer: row.rank for row in self.rows if row.rank is not None}

    @property
    def before(self) -> Cost:
        """All convolutions and linear layers as they are."""
        return Cost(*map(sum, zip(*(row.before for row in self.rows), strict=True)))

    @property
    def after(self) -> Cost:
        """All of them, factored or left whole."""
        return Cost(*map(sum, zip(*(row.after for row in self.rows), strict=True)))

    @property
    def _lines(self) -> list[tuple[str, ...]]:
        lines: list[tuple[str, ...]] = [
            ("layer", "method", "rank", "parameters", "MACs", "energy kept")
        ]
        for row in self.rows:
            if row.rank is None:
                lines.append((row.layer, "whole", "", *map(show_count, row.before), row.left))
                continue
            rank = "+".join(map(str, row.rank)) if isinstance(row.rank, tuple) else str(row.rank)
            energy = "once fitted" if row.energy is None else f"{row.energy:.1%}"
            lines.append((row.layer, row.method, rank, *_change(row.before, row.after), energy))
        return [*lines, ("all", "", "", *_change(self.before, self.after), "")]

    def __str__(self) -> str:
        lines = self._lines
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        return "\n".join(
            "  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads, *rows = ([escape(text) for text in line] for line in self._lines)
        return markup.table(rows, heads)


def _change(before: Cost, after: Cost) -> list[str]:
    return [
        f"{show_count(b)} → {show_count(a)} ({a / b:.0%})"
        for b, a in zip(before, after, strict=True)
    ]
