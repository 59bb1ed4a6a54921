"""The pictures of packed files."""

from collections.abc import Sequence

from course_lib.style import COLOURS, MUTED, Picture, axes, picture


def bytes_by_part(names: Sequence[str], sizes: Sequence[float], notes: Sequence[str]) -> Picture:
    """Where the bytes of a file go: a bar for each part, with what is said of it beside."""
    made = picture(7.0, 0.5 + 0.36 * len(names))
    panel = axes(made)
    panel.barh(range(len(names)), sizes, color=COLOURS[0], height=0.62)
    for row, (size, note) in enumerate(zip(sizes, notes, strict=True)):
        text = f" {size:,.0f}"
        panel.text(size, row, text, va="center", fontsize=9)
        panel.text(
            size, row, " " * (2 * len(text) + 2) + note, va="center", fontsize=8, color=MUTED
        )
    panel.set_yticks(range(len(names)), list(names))
    panel.invert_yaxis()
    panel.set_xlim(0, 2.1 * max(sizes))
    panel.set_xlabel("bytes")
    panel.grid(axis="y", visible=False)
    made.alt = "bytes of each part: " + "; ".join(
        f"{name} {size:,.0f}" for name, size in zip(names, sizes, strict=True)
    )
    return made
