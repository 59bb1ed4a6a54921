"""Pictures of chapter 07: what each step of a recipe leaves."""

import textwrap
from collections.abc import Sequence

from course_lib.style import COLOURS, MUTED, Picture, axes, picture, short_bytes


def waterfall(steps: Sequence[str], sizes: Sequence[float], accuracies: Sequence[float]) -> Picture:
    """Bytes after each step, the first is the original; each bar spans what the step took away.

    The scale is logarithmic: equal lengths are equal factors. accuracies: in [0, 1], written
    beside the bars.
    """
    made = picture(7.2, 0.9 + 0.62 * len(steps))
    panel = axes(made)
    least, most = min(sizes), max(sizes)
    for row, (size, accuracy) in enumerate(zip(sizes, accuracies, strict=True)):
        before = sizes[row - 1] if row else size
        low, high = sorted((before, size))
        if row:
            panel.barh(row, high - low, left=low, color=COLOURS[0 if size <= before else 1],
                       height=0.55)  # fmt: skip
            panel.plot([before, before], [row - 1, row], color=MUTED, linewidth=0.8, zorder=0)
        panel.plot([size, size], [row - 0.3, row + 0.3], color="black", linewidth=2.5)
        factor = f"{sizes[0] / size:,.0f}x" if row else ""
        panel.annotate(
            f"{short_bytes(size)}  {factor}", (low if row else size, row), (-6, 0),
            textcoords="offset points", ha="right", va="center", fontsize=9,
        )  # fmt: skip
        panel.text(1.01, row, f"{accuracy:.1%}", transform=panel.get_yaxis_transform(),
                   va="center", fontsize=9)  # fmt: skip
    panel.text(1.01, -0.75, "accuracy", transform=panel.get_yaxis_transform(), va="center",
               fontsize=8, color=MUTED)  # fmt: skip
    panel.set_xscale("log")
    panel.minorticks_off()
    panel.set_xlim(least / 8, most * 1.6)
    panel.set_yticks(range(len(steps)), [textwrap.fill(step, 27) for step in steps], fontsize=8.5)
    panel.set_ylim(len(steps) - 0.5, -1.0)
    panel.set_xlabel("bytes (each grid line is ten times the one before)")
    panel.grid(axis="y", visible=False)
    made.alt = "bytes after each step: " + "; ".join(
        f"{step} {short_bytes(size)}, {accuracy:.1%} right"
        for step, size, accuracy in zip(steps, sizes, accuracies, strict=True)
    )
    return made
