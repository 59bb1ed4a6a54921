"""The pictures of the course. They take plain arrays and return a `Picture`.

>>> picture = curves([0, 1, 2], {"random": [1, 0.5, 0.1]}, "pieces removed", "confidence")
>>> picture.alt
'confidence against pieces removed; random: from 1 to 0.1'
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle
from matplotlib.ticker import FuncFormatter, PercentFormatter

from course_lib.style import (
    BLUE,
    COLOURS,
    FAINT,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    SKY,
    Picture,
    axes,
    picture,
    placed,
    set_title,
    short_bytes,
)


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
        panel.text(0, chance, " guessing", fontsize=8.5, color=MUTED, va="bottom")
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
        )
    panel.set_xlabel(x_label)
    panel.set_ylabel(y_label)
    if percent:
        panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        panel.set_ylim(0, 1.04)


def jigsaw(
    image: np.ndarray,
    covered: np.ndarray,
    confidences: Mapping[str, float],
    truth: str,
    curve: Sequence[float] | None = None,
    removed: int = 0,
) -> Picture:
    """The image with its missing pieces, and what the network now believes.

    image: (height, width, 3) or (height, width) uint8; covered: (rows, columns) bool;
    confidences: class name -> probability, the most likely first; curve: confidence in the
    truth after each number of pieces removed.
    """
    made = picture(7.2, 2.7)
    made.set_layout_engine("none")  # places given by hand: a slider waits for this picture
    puzzle, beliefs = placed(made, 0.01, 0.06, 0.3, 0.82), placed(made, 0.34, 0.06, 0.24, 0.82)
    draw_image(puzzle, image)
    height, width = image.shape[:2]
    rows, columns = covered.shape
    tall, wide = height / rows, width / columns
    corners = [(c * wide - 0.5, r * tall - 0.5) for r, c in np.argwhere(covered)]
    pieces = [Rectangle(corner, wide, tall) for corner in corners]
    puzzle.add_collection(
        PatchCollection(pieces, facecolor="white", edgecolor=FAINT, linewidth=0.5)
    )
    set_title(puzzle, f"{int(covered.sum())} of {covered.size} pieces gone", fontsize=10)
    names = list(confidences)[:3][::-1]
    values = [confidences[name] for name in names]
    beliefs.barh(
        range(len(names)), values, color=[GREEN if n == truth else FAINT for n in names], height=0.5
    )
    for row, (name, value) in enumerate(zip(names, values, strict=True)):
        beliefs.text(0.0, row + 0.31, f"{name}  {value:.0%}", fontsize=9, color=INK, va="bottom")
    beliefs.set_xlim(0, 1)
    beliefs.set_ylim(-0.5, len(names) - 0.2)
    beliefs.axis("off")
    set_title(beliefs, "the network says", fontsize=10)
    if curve is not None:
        line = placed(made, 0.67, 0.19, 0.31, 0.69)
        line.plot(range(len(curve)), curve, color=BLUE)
        line.plot([removed], [curve[removed]], "o", color=ORANGE, markersize=8)
        line.set_ylim(0, 1.04)
        line.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        line.set_xlabel("pieces removed")
        set_title(line, f"confidence in {truth}", fontsize=10)
    made.alt = (
        f"{int(covered.sum())} of {covered.size} pieces removed; the truth is {truth}; "
        + "the network says "
        + ", ".join(f"{name} {value:.0%}" for name, value in list(confidences.items())[:3])
    )
    return made


def channel_map(changes: Mapping[str, Sequence[float]], limit: float) -> Picture:
    """What silencing each channel alone does: one dot a channel, one row a layer.

    changes: layer -> change of the accuracy in points, one a channel; limit: what counts as
    no change, in points.
    """
    made = picture(6.8, 0.46 * len(changes) + 1.25)
    panel = axes(made)
    rng = np.random.default_rng(0)
    for row, values in enumerate(changes.values()):
        points = np.asarray(values, dtype=float)
        harmless = np.abs(points) <= limit + 1e-9
        height = row + rng.uniform(-0.3, 0.3, len(points))
        panel.scatter(points[harmless], height[harmless], s=9, color=GREEN, alpha=0.6, linewidths=0)
        panel.scatter(
            points[~harmless], height[~harmless], s=13, color=ORANGE, alpha=0.85, linewidths=0
        )
    panel.axvspan(-limit, limit, color=GREEN, alpha=0.12, linewidth=0)
    panel.set_yticks(range(len(changes)), list(changes))
    panel.invert_yaxis()
    panel.set_xlabel("change of accuracy when this channel alone is silenced (points)")
    everything = np.concatenate([np.asarray(v, dtype=float) for v in changes.values()])
    share = np.mean(np.abs(everything) <= limit + 1e-9)
    set_title(panel, f"{share:.0%} of {len(everything)} channels: no change worth naming")
    made.alt = (
        f"{share:.0%} of {len(everything)} channels change the accuracy by at most {limit} points "
        f"when silenced alone; the most harmful one by {everything.min():.1f}"
    )
    return made


def budgets(needs: Mapping[str, float], devices: Mapping[str, Mapping[str, float]]) -> Picture:
    """What the network needs against what each device has.

    needs: quantity -> bytes; devices: device -> {quantity: bytes it has}.
    """
    made = picture(7.2, 2.7)
    for i, (quantity, need) in enumerate(needs.items()):
        panel = axes(made, 1, len(needs), i + 1)
        names = [n for n, has in devices.items() if quantity in has]
        has = [devices[n][quantity] for n in names]
        fits = [need <= h for h in has]
        panel.barh(range(len(names)), has, color=[SKY if f else FAINT for f in fits], height=0.55)
        panel.axvline(need, color=ORANGE, linewidth=2.5)
        for row, (device, fit) in enumerate(zip(names, fits, strict=True)):
            panel.text(
                0.02,
                row - 0.42,
                f"{device}: {'fits' if fit else 'too big'}",
                fontsize=9,
                color=INK,
                transform=panel.get_yaxis_transform(),
                va="center",
            )
        panel.set_xlim(0, 1.08 * max(need, *has))
        panel.set_ylim(len(names) - 0.4, -0.75)
        panel.set_yticks([])
        panel.grid(axis="y", visible=False)
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_bytes(value)))
        set_title(panel, f"{quantity} needed: {short_bytes(need)}", color=ORANGE, fontsize=10.5)
    made.alt = "; ".join(
        f"{quantity}: {short_bytes(need)} needed, "
        + ", ".join(
            f"{n} {'fits' if need <= h[quantity] else 'too small'}"
            for n, h in devices.items()
            if quantity in h
        )
        for quantity, need in needs.items()
    )
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
