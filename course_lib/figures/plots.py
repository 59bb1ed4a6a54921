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
    # A label beside its line where the lines are furthest apart: no legend to decode.
    values = np.array(list(lines.values()), dtype=float)
    for i, name in enumerate(lines if len(lines) > 1 else ()):
        others = np.delete(values, i, axis=0)
        gap = np.abs(others - values[i]).min(axis=0) if len(others) else np.zeros(len(x))
        gap = gap * (np.arange(len(x)) > 0) * (np.arange(len(x)) < 0.6 * len(x))
        at = int(gap.argmax())
        panel.annotate(
            name,
            (x[at], values[i, at]),
            xytext=(6, 5),
            textcoords="offset points",
            color=COLOURS[i % len(COLOURS)],
            fontweight="bold",
            fontsize=9.5,
            path_effects=HALO,
        )
    panel.set_xlabel(x_label)
    panel.set_ylabel(y_label)
    if percent:
        panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        panel.set_ylim(0, 1.04)
