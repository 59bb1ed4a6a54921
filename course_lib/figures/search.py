"""Pictures of chapter 08's search: what was tried, and the front."""

from collections.abc import Sequence

from course_lib.figures.style import COLOURS, MUTED, Picture, axes, picture, set_title
from course_lib.units import short_bytes


def pareto(
    sizes: Sequence[float],
    points: Sequence[float],
    milliseconds: Sequence[float],
    front: Sequence[bool],
    chosen: int | None = None,
) -> Picture:
    """Bytes against points of accuracy, a dot a trial, larger if slower; the front filled.

    points: against the original. chosen: the number of the trial with a ring around it.
    """
    made = picture(7.0, 3.8)
    panel = axes(made)
    panel.axhline(0, color=MUTED, linewidth=1, linestyle=":")
    panel.annotate("the original", (0, 0), (4, 3), xycoords=("axes fraction", "data"),
                   textcoords="offset points", fontsize=8.5, color=MUTED)  # fmt: skip
    slowest = max(milliseconds, default=1)
    for size, gained, ms, best in zip(sizes, points, milliseconds, front, strict=True):
        panel.scatter(
            size,
            gained,
            30 + 170 * (ms / slowest) ** 2,
            color=COLOURS[0] if best else "none",
            edgecolors=COLOURS[0] if best else MUTED,
            zorder=3 if best else 2,
        )
    # In three dimensions; of these, the steps in bytes and accuracy alone are joined.
    line: list[tuple[float, float]] = []
    for size, gained in sorted(zip(sizes, points, strict=True)):
        if not line or gained > line[-1][1]:
            line.append((size, gained))
    if line:
        panel.step(*zip(*line, strict=True), where="post", color=COLOURS[0], linewidth=1.2,
                   label="best for its bytes")  # fmt: skip
    if chosen is not None:
        panel.scatter(sizes[chosen], points[chosen], 420, facecolors="none",
                      edgecolors=COLOURS[1], linewidths=2.2, zorder=4)  # fmt: skip
    panel.set_xscale("log")
    panel.margins(0.1, 0.16)
    low, high = panel.get_xlim()
    steps = [step * 10**power for power in range(1, 8) for step in (1, 1.5, 2, 3, 4, 5, 6, 8)]
    there = [step for step in steps if low <= step <= high]
    panel.set_xticks(there, [short_bytes(step) for step in there])
    panel.minorticks_off()
    for label, style in (
        ("on the front", {"color": COLOURS[0]}),
        ("beaten", {"color": "none", "edgecolors": MUTED}),
        ("chosen", {"color": "none", "edgecolors": COLOURS[1], "linewidths": 2.2}),
    ):
        if label != "chosen" or chosen is not None:
            panel.scatter([], [], 55, label=label, **style)
    panel.legend(loc="lower right", fontsize=9.5)
    panel.set_xlabel("packed file (larger dots are slower)")
    panel.set_ylabel("points against the original")
    set_title(panel, "What was tried, and the front")
    made.alt = f"{len(sizes)} trials, {sum(front)} on the front; " + "; ".join(
        f"{short_bytes(size)} {gained:+.1f} points {ms:.2f} ms"
        for size, gained, ms, best in zip(sizes, points, milliseconds, front, strict=True)
        if best
    )
    return made
