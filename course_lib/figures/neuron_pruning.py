"""The pictures of chapter 02: a network trimmed like a tree, work beside time, runs by seed."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import PercentFormatter

from course_lib.figures.plots import draw_image
from course_lib.style import (
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


def work_and_time(points: Mapping[str, tuple[float, float]]) -> Picture:
    """The share of the MACs that is left against the share of the time that is left.

    points: label -> (share of the MACs, share of the time), in [0, 1] or a little above.
    """
    made = picture(5.6, 4.0)
    panel = axes(made)
    top = 1.05 * max(1.0, *(max(pair) for pair in points.values()))
    panel.plot([0, top], [0, top], color=MUTED, linestyle=":", linewidth=1.4)
    panel.text(0.62, 0.56, "if time followed the MACs", rotation=35, fontsize=9, color=MUTED,
               ha="center", va="center")  # fmt: skip
    for label, (work, time) in points.items():
        panel.plot([work], [time], "o", color=ORANGE if time > work else GREEN, markersize=8)
        panel.annotate(
            label, (work, time), xytext=(-8, 4), textcoords="offset points", ha="right",
            fontsize=9, color=INK,
        )  # fmt: skip
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panel.set_xlim(-0.02, top)
    panel.set_ylim(0, top)
    panel.set_xlabel("MACs left")
    panel.set_ylabel("time left")
    slower = sum(time > work for work, time in points.values())
    set_title(panel, f"{slower} of {len(points)} save less time than work")
    made.alt = "time left for the MACs left: " + "; ".join(
        f"{label}: {time:.0%} of the time for {work:.0%} of the MACs"
        for label, (work, time) in points.items()
    )
    return made


def runs(rows: Mapping[str, Sequence[float]], x_label: str, title: str = "") -> Picture:
    """One dot a run (a seed), one row a way of doing it, with the mean as a line.

    rows: label -> values in [0, 1].
    """
    made = picture(6.8, 0.5 * len(rows) + 1.2)
    panel = axes(made)
    for row, values in enumerate(rows.values()):
        mean = float(np.mean(values))
        colour = COLOURS[row % len(COLOURS)]
        panel.plot(values, [row] * len(values), "o", color=colour, markersize=7, alpha=0.75)
        panel.plot([mean, mean], [row - 0.3, row + 0.3], color=colour)
        panel.annotate(
            f"{mean:.1%}", (mean, row - 0.3), xytext=(0, 2), textcoords="offset points",
            ha="center", fontsize=9, color=INK,
        )  # fmt: skip
    panel.set_yticks(range(len(rows)), list(rows))
    panel.set_ylim(len(rows) - 0.4, -0.8)
    panel.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panel.set_xlabel(x_label)
    panel.grid(axis="y", visible=False)
    set_title(panel, title)
    made.alt = f"{title + ': ' if title else ''}{x_label}; " + "; ".join(
        f"{label}: {', '.join(f'{value:.1%}' for value in values)}"
        for label, values in rows.items()
    )
    return made
