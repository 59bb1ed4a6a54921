"""The network as a picture, and what its scorecard says of it."""

from collections.abc import Mapping, Sequence

from matplotlib.patches import FancyArrowPatch, Polygon

from course_lib.figures.style import (
    GREEN,
    INK,
    MUTED,
    ORANGE,
    SKY,
    Picture,
    axes,
    picture,
    set_title,
)


def network_picture(stages: Sequence[tuple[str, int, int]], classes: Sequence[str]) -> Picture:
    """A convolutional network as blocks: stages are (label, channels, side in pixels)."""
    made = picture(7.2, 2.9)
    panel = axes(made)
    panel.axis("off")
    largest_side = max(side for _, _, side in stages)
    largest_depth = max(channels for _, channels, _ in stages)
    x = 0.0
    for i, (label, channels, side) in enumerate(stages):
        tall = 0.22 + 0.78 * side / largest_side
        deep = 0.10 + 0.75 * channels / largest_depth
        slant = 0.16 * tall
        front = [(x, -tall / 2), (x + deep, -tall / 2), (x + deep, tall / 2), (x, tall / 2)]
        top = [
            (x, tall / 2),
            (x + slant, tall / 2 + slant),
            (x + deep + slant, tall / 2 + slant),
            (x + deep, tall / 2),
        ]
        side_face = [
            (x + deep, -tall / 2),
            (x + deep + slant, -tall / 2 + slant),
            (x + deep + slant, tall / 2 + slant),
            (x + deep, tall / 2),
        ]
        shade = SKY if i else ORANGE
        for corners, opacity in ((front, 0.85), (top, 0.55), (side_face, 0.4)):
            panel.add_patch(
                Polygon(corners, facecolor=shade, edgecolor="white", alpha=opacity, linewidth=1)
            )
        middle = x + deep / 2
        panel.text(middle, -0.66, label, ha="center", va="top", fontsize=9, color=INK)
        panel.text(
            middle,
            -0.80,
            f"{channels} × {side}×{side}",
            ha="center",
            va="top",
            fontsize=8,
            color=MUTED,
        )
        end = x + deep + slant
        x = end + 0.34
        panel.add_patch(
            FancyArrowPatch(
                (end + 0.04, 0), (x - 0.04, 0), arrowstyle="-|>", mutation_scale=10, color=MUTED
            )
        )
    shown = [*classes[:2], "…", classes[-1]] if len(classes) > 4 else list(classes)
    for row, name in enumerate(shown):
        panel.text(x + 0.02, 0.33 - 0.22 * row, name, va="center", fontsize=9, color=INK)
    panel.set_xlim(-0.1, x + 0.95)
    panel.set_ylim(-1.0, 0.85)
    made.alt = "the network: " + " → ".join(f"{label} {c}x{s}x{s}" for label, c, s in stages)
    return made


def before_after(
    names: Sequence[str],
    figures: Mapping[str, tuple[Sequence[float], Sequence[str], Sequence[str]]],
) -> Picture:
    """The scorecards side by side: a small bar chart a quantity, the change in bold.

    figures: quantity -> (values, values as text, changes against the first as text), one entry
    of each for every name.
    """
    made = picture(2.1 * len(figures) + 0.6, 0.62 * len(names) + 0.7)
    for i, (quantity, (values, texts, changes)) in enumerate(figures.items()):
        panel = axes(made, 1, len(figures), i + 1)
        colours = [MUTED] + [GREEN] * (len(names) - 1)
        panel.barh(range(len(names)), values, color=colours, height=0.5)
        for row, (value, text, change) in enumerate(zip(values, texts, changes, strict=True)):
            place: dict = {"textcoords": "offset points", "va": "center", "fontsize": 9.5}
            lift = 6 if change else 0
            panel.annotate(text, (value, row), xytext=(4, lift), **place)
            panel.annotate(change, (value, row), xytext=(4, -7), fontweight="bold", **place)
        panel.set_xlim(0, max(values) * 1.75 or 1)
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.set_xticks([])
        panel.grid(False)
        panel.spines["bottom"].set_visible(False)
        panel.set_yticks(range(len(names)), list(names) if i == 0 else [""] * len(names))
        panel.tick_params(length=0, labelcolor=INK)
        set_title(panel, quantity, fontsize=10)
    made.alt = "; ".join(
        f"{quantity}: "
        + ", ".join(
            f"{name} {text}" + (f" ({change})" if change else "")
            for name, text, change in zip(names, texts, changes, strict=True)
        )
        for quantity, (_, texts, changes) in figures.items()
    )
    return made
