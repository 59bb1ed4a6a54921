"""The pictures of chapter 02: a network trimmed like a tree, work beside time, runs by seed."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import PercentFormatter

from course_lib.figures.plots import draw_image
from course_lib.figures.style import (
    BLUE,
    COLOURS,
    FAINT,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    Picture,
    axes,
    picture,
    placed,
    set_title,
)


def trimming(
    widths: Sequence[int],
    kept: Sequence[int],
    tiles: np.ndarray,
    gone: int,
    layer: int,
    shares: Mapping[str, float],
) -> Picture:
    """The network as a tree with what is cut off, the channels of one layer, and what is left.

    widths, kept: channels of each layer, before and now, the first layer first; tiles: uint8
    (channels, side, side[, 3]), what each channel of layer `layer` (from 0) responds to, the most
    important first, of which the last `gone` are cut; shares: quantity -> what is left, in [0, 1].
    """
    made = picture(7.2, 3.3)
    made.set_layout_engine("none")  # places given by hand: a slider waits for this picture
    tree = placed(made, 0.02, 0.06, 0.27, 0.8)
    colours = [ORANGE if i == layer else GREEN for i in range(len(widths))]
    for sizes, shade in ((widths, [FAINT] * len(widths)), (kept, colours)):
        left = [-size / 2 for size in sizes]
        tree.barh(range(len(widths)), sizes, left=left, color=shade, height=0.72)
    for row, size in enumerate(kept):
        tree.text(0, row, str(size), ha="center", va="center", fontsize=8, color="white")
    tree.axis("off")
    set_title(tree, "channels, layer on layer", fontsize=10, y=1)
    sheet = placed(made, 0.31, 0.06, 0.36, 0.8)
    draw_image(sheet, _sheet(tiles, len(tiles) - gone))
    sheet.set_anchor("NW")
    set_title(sheet, f"layer {layer + 1}: what they look for", fontsize=10, color=ORANGE, y=1)
    bars = placed(made, 0.71, 0.06, 0.27, 0.8)
    for row, (quantity, share) in enumerate(shares.items()):
        bars.barh(row, 1, color=FAINT, height=0.3)
        bars.barh(row, share, color=BLUE, height=0.3)
        bars.text(0, row - 0.24, f"{quantity}  {share:.0%}", fontsize=9.5, color=INK)
    bars.set_xlim(0, 1)
    bars.set_ylim(len(shares) - 0.6, -0.7)
    bars.axis("off")
    set_title(bars, "what is left", fontsize=10, y=1)
    made.alt = (
        f"layer {layer + 1} keeps {len(tiles) - gone} of {len(tiles)} channels; all layers: "
        + ", ".join(f"{k} of {w}" for k, w in zip(kept, widths, strict=True))
        + "; left: "
        + ", ".join(f"{quantity} {share:.0%}" for quantity, share in shares.items())
    )
    return made


def _sheet(tiles: np.ndarray, kept: int) -> np.ndarray:
    """All tiles as one image, row by row; what is cut fades. One image is drawn in no time."""
    tiles = np.asarray(tiles)
    if tiles.ndim == 4 and tiles.shape[3] == 1:
        tiles = tiles[..., 0]
    count, side = tiles.shape[:2]
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    cell = side + 2
    sheet = np.full((rows * cell, columns * cell, *tiles.shape[3:]), 255, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // columns * cell, i % columns * cell
        shown = tile if i < kept else 232 + tile // 20
        sheet[top : top + side, left : left + side] = shown
    return sheet


def work_and_time(engines: Mapping[str, Mapping[str, tuple[float, float]]]) -> Picture:
    """The share of the MACs that is left against the share of the time that is left.

    engines: of one or two programs that run networks, label -> (share of the MACs, share of the
    time), in [0, 1] or a little above.
    """
    made = picture(6.0, 4.0)
    panel = axes(made)
    points = [pair for cuts in engines.values() for pair in cuts.values()]
    right = 1.5 * max(work for work, _ in points)
    top = 1.1 * max(right, *(time for _, time in points))
    panel.plot([0, right], [0, right], color=MUTED, linestyle=":", linewidth=1.4)
    panel.annotate(
        "if time followed the MACs", (0.97 * right, 0.97 * right), xytext=(0, 8),
        textcoords="offset points", fontsize=9, color=MUTED, ha="right", va="bottom",
    )  # fmt: skip
    for (engine, cuts), colour in zip(engines.items(), COLOURS, strict=False):
        named = engine == next(iter(engines))  # the cuts of all stand one below the other
        ordered = sorted(cuts.values())
        panel.plot(*zip(*ordered, strict=True), color=colour, linewidth=1.2)
        for label, (work, time) in cuts.items():
            panel.plot([work], [time], "o", color=colour, markersize=8)
            panel.annotate(
                label if named else "", (work, time), xytext=(7, -11),
                textcoords="offset points", va="center", fontsize=9, color=INK,
            )  # fmt: skip
        panel.annotate(
            engine, ordered[-1], xytext=(9, 4 if named else -4), textcoords="offset points",
            va="bottom" if named else "top",
            fontsize=11, fontweight="bold", color=colour,
        )  # fmt: skip
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panel.set_xlim(-0.02 * right, right)
    panel.set_ylim(0, top)
    panel.set_xlabel("MACs left")
    panel.set_ylabel("time left, of its own for the whole network")
    set_title(panel, "The same cuts, run by two programs" if len(engines) > 1 else "Work and time")
    made.alt = "time left for the MACs left: " + "; ".join(
        f"{engine}, {label}: {time:.0%} of the time for {work:.0%} of the MACs"
        for engine, cuts in engines.items()
        for label, (work, time) in cuts.items()
    )
    return made


def runs(rows: Mapping[str, Sequence[float]], x_label: str, title: str = "") -> Picture:
    """One dot a run (a seed), one row a way of doing it, with the mean as a line.

    rows: label -> values in [0, 1].
    """
    made = picture(6.8, 0.56 * len(rows) + 1.0)
    panel = axes(made)
    low = min(min(values) for values in rows.values())
    low = max(0.0, low - 0.12 * (1 - low))
    panel.set_xlim(low, 1.0)
    for row, (label, values) in enumerate(rows.items()):
        mean, colour = float(np.mean(values)), COLOURS[row % len(COLOURS)]
        panel.axhline(row, color=FAINT, linewidth=1, zorder=0)
        panel.plot(values, [row] * len(values), "o", color=colour, markersize=7, alpha=0.75)
        panel.plot([mean, mean], [row - 0.15, row + 0.15], color=colour)
        panel.text(low, row - 0.21, f"{label}: {mean:.1%}", fontsize=9.5, color=INK)
    panel.set_yticks([])
    panel.set_ylim(len(rows) - 0.6, -0.6)
    panel.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panel.set_xlabel(x_label)
    panel.grid(axis="y", visible=False)
    set_title(panel, title)
    made.alt = f"{title + ': ' if title else ''}{x_label}; " + "; ".join(
        f"{label}: {', '.join(f'{value:.1%}' for value in values)}"
        for label, values in rows.items()
    )
    return made


def many_curves(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    x_label: str,
    y_label: str,
    title: str,
    chance: float,
) -> Picture:
    """Accuracies over a common x, up to six lines, each named at its right end.

    lines: name -> values in [0, 1]; the names are moved apart where the lines end close together.
    """
    made = picture(6.8, 3.6)
    panel = axes(made)
    least = 0.065  # between two names
    order = sorted(lines, key=lambda name: lines[name][-1])
    places = [float(lines[name][-1]) for name in order]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + least)
    over = max(0.0, places[-1] - 1.0)
    colours = dict(zip(lines, COLOURS, strict=False))
    for name, place in zip(order, places, strict=True):
        panel.plot(x, lines[name], color=colours[name])
        panel.annotate(
            name, (x[-1], lines[name][-1]), xytext=(1.025, place - over),
            textcoords=panel.get_yaxis_transform(), color=colours[name], fontweight="bold",
            fontsize=9.5, va="center", annotation_clip=False,
        )  # fmt: skip
    panel.axhline(chance, color=MUTED, linewidth=1, linestyle=":")
    panel.text(x[0], chance, "guessing", fontsize=8.5, color=MUTED, va="bottom")
    panel.set_xlim(x[0], x[-1])
    panel.set_ylim(0, 1.04)
    panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panel.set_xlabel(x_label)
    panel.set_ylabel(y_label)
    set_title(panel, title)
    made.alt = f"{title}: {y_label} against {x_label}; " + "; ".join(
        f"{name}: {', '.join(f'{value:.0%}' for value in values)}" for name, values in lines.items()
    )
    return made
