"""The pictures of packed files."""

from collections.abc import Sequence

from course_lib.figures.style import COLOURS, MUTED, Picture, axes, picture, set_title


def bytes_by_part(names: Sequence[str], sizes: Sequence[float], notes: Sequence[str]) -> Picture:
    """Where the bytes of a file go: a bar for each part, with what is said of it beside."""
    made = picture(7.4, 0.5 + 0.36 * len(names))
    panel = axes(made)
    panel.barh(range(len(names)), sizes, color=COLOURS[0], height=0.62)
    for row, (size, note) in enumerate(zip(sizes, notes, strict=True)):
        panel.text(size, row, f" {size:,.0f}", va="center", fontsize=9)
        # Beside the panel, where no bar is too long for it.
        panel.text(1.01, row, note, va="center", fontsize=7.5, color=MUTED,
                   transform=panel.get_yaxis_transform())  # fmt: skip
    panel.set_yticks(range(len(names)), list(names))
    panel.invert_yaxis()
    panel.set_xlim(0, 1.2 * max(sizes))
    panel.set_xlabel("bytes")
    set_title(panel, "Where the bytes are")
    panel.grid(axis="y", visible=False)
    made.alt = "bytes of each part: " + "; ".join(
        f"{name} {size:,.0f}" for name, size in zip(names, sizes, strict=True)
    )
    return made
