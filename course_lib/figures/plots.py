"""The pictures that several chapters draw: images in rows, and lines over an axis."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter

from course_lib.figures.style import COLOURS, MUTED, Picture, axes, picture, set_title

HALO = [withStroke(linewidth=3, foreground="white")]  # a label stays readable over a line


def images_grid(
    images: np.ndarray,
    titles: Sequence[str] | None = None,
    columns: int = 6,
    cell: float = 1.05,
    alt: str = "",
) -> Picture:
    """Images (count, height, width, 3) or (count, height, width), uint8, in rows."""
    images = np.asarray(images)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    made = picture(columns * cell, rows * (cell + (0.22 if titles is not None else 0.0)), alt)
    for i, image in enumerate(images):
        panel = axes(made, rows, columns, i + 1)
        draw_image(panel, image)
        if titles is not None:
            panel.set_title(titles[i], fontsize=8, fontweight="normal", loc="center", pad=3)
    made.alt = alt or f"{len(images)} images in {rows} rows"
    return made


def contact_sheet(
    images: np.ndarray, row_titles: Sequence[str], group_of_row: Sequence[str] | None = None
) -> Picture:
    """One row a class: images (classes, count, height, width, 3), with the class's name beside."""
    images = np.asarray(images)
    classes, count = images.shape[:2]
    made = picture(1.7 + 0.62 * count, 0.66 * classes + 0.1)
    for row in range(classes):
        for column in range(count):
            panel = axes(made, classes, count, row * count + column + 1)
            draw_image(panel, images[row, column])
            if column == 0:
                name = row_titles[row]
                if group_of_row is not None:
                    name += f"\n({group_of_row[row]})"
                panel.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8.5)
    made.alt = f"contact sheet: {count} images of each of {', '.join(row_titles)}"
    return made


def draw_image(panel: Axes, image: np.ndarray) -> None:
    """One image, without ticks."""
    panel.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    panel.set_xticks([])
    panel.set_yticks([])
    panel.grid(False)
    for side in panel.spines.values():
        side.set_visible(False)


def curves(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    x_label: str,
    y_label: str,
    title: str = "",
    percent: bool = False,
    chance: float | None = None,
) -> Picture:
    """Lines over a common x, each labelled at its end."""
    made = picture(6.4, 3.5)
    panel = axes(made)
    draw_curves(panel, x, lines, x_label, y_label, percent)
    if chance is not None:
        panel.axhline(chance, color=MUTED, linewidth=1, linestyle=":")
        panel.text(
            0, chance, " guessing", fontsize=8.5, color=MUTED, va="bottom", path_effects=HALO
        )
    set_title(panel, title)
    made.alt = f"{title + ': ' if title else ''}{y_label} against {x_label}; " + "; ".join(
        f"{name}: from {values[0]:.3g} to {values[-1]:.3g}" for name, values in lines.items()
    )
    return made


def draw_curves(panel: Axes, x, lines, x_label, y_label, percent=False) -> None:
    """The lines of `curves`, in axes that are there already."""
    for (name, values), colour in zip(lines.items(), COLOURS, strict=False):
        panel.plot(x, values, color=colour, label=name)
    panel.set_xlabel(x_label)
    panel.set_ylabel(y_label)
    if percent:
        panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        panel.set_ylim(0, 1.04)
    if len(lines) > 1:
        _label(panel, x, lines)


def _label(panel: Axes, x: Sequence[float], lines: Mapping[str, Sequence[float]]) -> None:
    """Each line's name beside it, where no other line or name is near: no legend to decode."""
    at = np.linspace(min(x), max(x), 200)
    size = np.asarray(panel.get_window_extent().size, dtype=float) * 72 / panel.figure.dpi  # points
    order = np.argsort(x)
    to_axes = panel.transData + panel.transAxes.inverted()
    drawn: list[np.ndarray] = [
        to_axes.transform(np.c_[at, np.interp(at, np.take(x, order), np.take(values, order))])
        for values in lines.values()
    ]
    placed: list[tuple[float, float, float, float]] = []
    for i, name in enumerate(lines):
        width, height = 6.6 * len(name) / size[0], 11 / size[1]
        best: tuple = (-np.inf,)
        for start in range(0, 200, 4):
            for up in (5, -14):  # above the line, below it
                left, low = drawn[i][start] + np.array([6, up]) / size
                box = (left, low, left + width, low + height)
                score = _room(box, drawn, i) - 0.02 * left - 10 * _outside(box, placed)
                if score > best[0]:
                    best = (score, start, up, box)
        _, start, up, box = best
        placed.append(box)
        beside = to_axes.inverted().transform(drawn[i][start])
        panel.annotate(
            name, (beside[0], beside[1]), xytext=(6, up), textcoords="offset points", fontsize=9.5,
            color=COLOURS[i % len(COLOURS)], fontweight="bold", path_effects=HALO,
        )  # fmt: skip


def _room(box: tuple[float, float, float, float], drawn: list[np.ndarray], own: int) -> float:
    """How far the nearest other line is from a name's box, up to where more is no better."""
    left, low, right, high = box
    room = 0.15
    for i, line in enumerate(drawn):
        beside = line[(line[:, 0] > left - 0.01) & (line[:, 0] < right + 0.01), 1]
        away = np.maximum(low - beside, beside - high).min(initial=1.0)
        if away < 0.005:
            room -= 1.0  # a line runs through the name
        elif i != own:
            room = min(room, away)
    return room


def _outside(box: tuple[float, float, float, float], placed: list) -> bool:
    """Whether a name would leave the axes, or touch another name."""
    left, low, right, high = box
    touches = any(
        left < r + 0.01 and le - 0.01 < right and low < h + 0.01 and lo - 0.01 < high
        for le, lo, r, h in placed
    )
    return left < 0 or right > 1 or low < 0 or high > 1 or touches
