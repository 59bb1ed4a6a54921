"""Pictures of chapter 07: what each step of a recipe leaves, and words for integers."""

import math
import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.ticker import PercentFormatter

from course_lib.figures.style import COLOURS, MUTED, Picture, axes, picture, set_title
from course_lib.units import short_bytes


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
    set_title(panel, "From the original to the file")
    panel.grid(axis="y", visible=False)
    made.alt = "bytes after each step: " + "; ".join(
        f"{step} {short_bytes(size)}, {accuracy:.1%} right"
        for step, size, accuracy in zip(steps, sizes, accuracies, strict=True)
    )
    return made


def code_words(
    shares: Mapping[int, float], words: Mapping[int, str], entropy: float, huffman: float
) -> Picture:
    """How often each integer occurs, and the word that a code gives it; bits for each on average.

    shares: integer -> share, in [0, 1]; words: integer -> its word of 0 and 1.
    """
    made = picture(7.0, 3.4)
    panel = axes(made)
    levels = sorted(shares)
    panel.bar(levels, [shares[n] for n in levels], color=COLOURS[0], width=0.7)
    for n in levels:
        panel.annotate(
            words[n], (n, shares[n]), (0, 4), textcoords="offset points", ha="center",
            fontsize=7.5, family="monospace", rotation=90 if len(levels) > 7 else 0,
            va="bottom",
        )  # fmt: skip
    panel.set_xlim(-7.6, 7.6)
    panel.set_ylim(0, min(1.0, max(shares.values())) * 1.45)
    panel.set_xticks(range(-7, 8))
    panel.yaxis.set_major_formatter(PercentFormatter(1))
    panel.set_xlabel("the weight as an integer, and its Huffman word")
    panel.set_ylabel("how often")
    set_title(panel, "What occurs often has a short word")
    panel.grid(axis="x", visible=False)
    fixed = math.ceil(math.log2(len(levels))) if len(levels) > 1 else 1
    lines = [("equal words", fixed), ("Huffman", huffman), ("entropy", entropy)]
    for row, (name, bits) in enumerate(lines):
        panel.text(0.99, 0.95 - 0.09 * row, f"{name}: {bits:.2f} bits each", ha="right", va="top",
                   fontsize=9.5, transform=panel.transAxes)  # fmt: skip
    made.alt = (
        f"{len(levels)} levels, {shares.get(0, 0):.0%} zero: {fixed} bits in equal words, "
        f"{huffman:.2f} by Huffman, entropy {entropy:.2f}"
    )
    return made
