"""The pictures of chapter 06: what a rank keeps, what it costs, filters that share their work."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from course_lib.figures.plots import draw_image
from course_lib.figures.style import (
    BLUE,
    COLOURS,
    FAINT,
    INK,
    MUTED,
    ORANGE,
    SKY,
    Picture,
    axes,
    picture,
    placed,
    set_title,
)


def energy_curves(panels: Mapping[str, Mapping[str, Sequence[float]]], level: float) -> Picture:
    """The energy kept against the share of the ranks kept, one line a layer.

    panels: title -> {layer: energies kept by rank 1, 2, ...}, the first layer first;
    level: the energy, in [0, 1], whose share of the ranks is told.
    """
    made = picture(6.6, 3.3)
    told = []
    for i, (title, lines) in enumerate(panels.items()):
        panel = axes(made, 1, len(panels), i + 1)
        shades = colormaps["viridis"](np.linspace(0.85, 0.1, len(lines)))
        for (layer, energies), shade in zip(lines.items(), shades, strict=True):
            shares = np.arange(len(energies) + 1) / len(energies)
            panel.plot(shares, [0, *energies], color=shade, linewidth=1.8, label=layer)
        panel.axhline(level, color=MUTED, linewidth=1, linestyle=":")
        last = list(lines)[-1]
        needed = _needed(lines[last], level)
        panel.plot([needed], [level], "o", color=ORANGE, markersize=7, zorder=5)
        panel.annotate(
            f"{last}: {needed:.0%} of the ranks\nkeep {level:.0%} of the energy",
            (needed, level), xytext=(0.97, 0.4), textcoords="axes fraction", fontsize=9.5,
            color=INK, ha="right", arrowprops={"arrowstyle": "-", "color": ORANGE, "shrinkB": 4},
        )  # fmt: skip
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        panel.set_xlim(0, 1)
        panel.set_ylim(0, 1.02)
        panel.set_xlabel("ranks kept")
        set_title(panel, title)
        if i == 0:
            panel.set_ylabel("energy kept")
        if i == len(panels) - 1:
            panel.legend(
                fontsize=9, loc="lower right", labelspacing=0.2, ncols=2, handlelength=1.1,
                columnspacing=1,
            )  # fmt: skip
        told.append(
            f"{title}: "
            + ", ".join(f"{layer} {_needed(e, level):.0%}" for layer, e in lines.items())
        )
    made.alt = f"share of the ranks that keeps {level:.0%} of the energy; " + "; ".join(told)
    return made


def _needed(energies: Sequence[float], level: float) -> float:
    """The share of the ranks that keeps at least so much energy."""
    kept = np.asarray(energies) >= level - 1e-12
    return (int(kept.argmax()) + 1) / len(kept)


def shared_filters(
    filters: np.ndarray, shared: np.ndarray, rebuilt: np.ndarray, kept: float
) -> Picture:
    """A layer's filters, the few that they share, and what mixtures of these few come to.

    filters, rebuilt: (count, height, width[, 3]); shared: (rank, height, width[, 3]); any scale,
    zero is grey. kept: the energy that they keep, in [0, 1].
    """
    made = picture(6.6, 2.4)
    count, rank = len(filters), len(shared)
    panels = (
        (filters, f"{count} filters"),
        (shared, f"the {rank} that they share"),
        (rebuilt, f"mixtures: {kept:.0%} kept"),
    )
    for i, (tiles, title) in enumerate(panels):
        panel = axes(made, 1, 3, i + 1)
        columns = math.ceil(math.sqrt(len(tiles)))
        draw_image(panel, _sheet(tiles, math.ceil(len(tiles) / columns), columns))
        panel.set_anchor("N")
        set_title(panel, title, fontsize=10.5)
    made.alt = (
        f"{count} filters of {filters.shape[1]}x{filters.shape[2]} weights, the {rank} that they "
        f"share, and the {count} mixtures of these {rank}, which keep {kept:.0%} of the energy"
    )
    return made


def _sheet(tiles: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Filters as tiles of one grey or coloured image; each uses the whole range of brightness."""
    tiles = np.asarray(tiles, dtype=float)
    if tiles.ndim == 4 and tiles.shape[3] == 1:
        tiles = tiles[..., 0]
    high, wide = tiles.shape[1:3]
    sheet = np.full((rows * (high + 1), columns * (wide + 1), *tiles.shape[3:]), 255, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // columns * (high + 1), i % columns * (wide + 1)
        grey = 127.5 + 127.5 * tile / max(np.abs(tile).max(), 1e-12)
        sheet[top : top + high, left : left + wide] = grey.round()
    return sheet


def rank_cut(
    values: Sequence[float],
    rank: int,
    useful: int,
    layer: str,
    left: Mapping[str, float],
) -> Picture:
    """The singular values of a layer, cut at a rank, and what is left of the network.

    values: largest first; useful: the largest rank that pays; left: quantity -> share, from 0 to
    a little above 1.
    """
    made = picture(7.2, 2.9)
    made.set_layout_engine("none")  # places given by hand: a slider waits for this picture
    curve, bars = placed(made, 0.075, 0.19, 0.52, 0.69), placed(made, 0.67, 0.1, 0.31, 0.78)
    numbers, height = np.arange(1, len(values) + 1), np.asarray(values, dtype=float)
    energies = np.cumsum(height**2) / max((height**2).sum(), 1e-30)
    kept = float(energies[rank - 1])
    curve.fill_between(numbers[:rank], height[:rank], color=SKY, alpha=0.6, step="mid", linewidth=0)
    curve.plot(numbers, height, color=BLUE, drawstyle="steps-mid", linewidth=1.6)
    curve.axvline(rank, color=ORANGE, linewidth=2)
    curve.annotate(
        "cut here", (rank, 0.72 * height[0]), (5, 0), textcoords="offset points", fontsize=9.5,
        color=ORANGE,
    )  # fmt: skip
    if useful < len(values):
        curve.axvspan(useful + 0.5, len(values), color=FAINT, alpha=0.6, linewidth=0)
        curve.text(
            len(values), height[0] * 1.02, "larger than\nthe layer", fontsize=9, color=MUTED,
            ha="right", va="top",
        )  # fmt: skip
    curve.set_xlim(0, len(values))
    curve.set_ylim(0, height[0] * 1.06)
    curve.set_xlabel("rank")
    curve.set_ylabel("singular value")
    set_title(curve, f"{layer}: rank {rank} of {len(values)} keeps {kept:.0%}", fontsize=10)
    _bars(bars, left)
    made.alt = (
        f"{layer}, rank {rank} of {len(values)} keeps {kept:.0%} of the energy; it pays up to "
        f"rank {useful}; left: {', '.join(f'{name} {share:.1%}' for name, share in left.items())}"
    )
    return made


def _bars(panel: Axes, shares: Mapping[str, float]) -> None:
    for row, (quantity, share) in enumerate(shares.items()):
        panel.barh(row, 1, color=FAINT, height=0.3)
        panel.barh(row, min(1, share), color=BLUE if share <= 1 else ORANGE, height=0.3)
        panel.text(0, row - 0.24, f"{quantity}  {share:.1%}", fontsize=9.5, color=INK)
    panel.set_xlim(0, 1)
    panel.set_ylim(len(shares) - 0.6, -0.7)
    panel.axis("off")
    set_title(panel, "what is left", fontsize=10, y=1)


def cost_by_rank(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Picture:
    """What the factors of a layer cost at each rank, against the layer itself.

    lines: method -> (ranks, as shares of the full rank; their MACs, as shares of the layer's).
    """
    made = picture(6.4, 3.6)
    panel = axes(made)
    top = 1.15 * max(max(macs) for _, macs in lines.values())
    panel.axhspan(1, top, color=FAINT, alpha=0.6, linewidth=0)
    panel.text(0.01, 1.02, "larger than the layer", fontsize=9, color=MUTED, va="bottom")
    told, below = [], -1.0
    colours = dict(zip(lines, COLOURS, strict=False))
    for method, (shares, macs) in sorted(lines.items(), key=lambda item: item[1][1][-1]):
        panel.plot(shares, macs, color=colours[method])
        below = max(macs[-1], below + 0.065 * top)  # labels must not lie on each other
        panel.annotate(
            method, (shares[-1], below), xytext=(4, 0), textcoords="offset points",
            color=colours[method], fontweight="bold", fontsize=9.5, va="center",
        )  # fmt: skip
        within = [s for s, m in zip(shares, macs, strict=True) if m < 1]
        told.append(f"{method} pays up to {max(within, default=0):.0%} of its full rank")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panel.set_xlim(0, 1.46)
    panel.set_xticks(np.arange(0, 1.01, 0.25))
    panel.set_ylim(0, top)
    panel.set_xlabel("rank, of the full rank")
    panel.set_ylabel("MACs, of the layer's")
    set_title(panel, "Nothing is lost at full rank, and nothing is gained")
    made.alt = "; ".join(told)
    return made


def time_left(times: Mapping[str, float], work: float) -> Picture:
    """The share of the time that is left, one bar each, against the share of the work.

    times: label -> share of the time; work: share of the MACs; both in [0, 1] or a little above.
    """
    made = picture(6.8, 0.42 * len(times) + 1.2)
    panel = axes(made)
    panel.barh(range(len(times)), list(times.values()), color=BLUE, height=0.55)
    for row, time in enumerate(times.values()):
        panel.text(
            time + 0.01, row, f"{time:.0%}", va="center", fontsize=9.5, color=INK, zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
    panel.axvline(work, color=INK, linewidth=1.4, linestyle=":")
    panel.text(
        work, -0.75, f" {work:.0%} of the work", ha="left", va="center", fontsize=9, color=MUTED
    )
    panel.axvline(1, color=MUTED, linewidth=1)
    panel.text(1, -0.75, " as before", ha="left", va="center", fontsize=9, color=MUTED)
    panel.set_yticks(range(len(times)), list(times))
    panel.set_ylim(len(times) - 0.4, -1.1)
    panel.set_xlim(0, max(1.3, 1.12 * max(times.values())))
    panel.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panel.set_xlabel("time left")
    panel.grid(axis="y", visible=False)
    set_title(panel, f"{work:.0%} of the work is not {work:.0%} of the time")
    made.alt = f"time left with {work:.0%} of the multiply-adds: " + ", ".join(
        f"{label} {time:.0%}" for label, time in times.items()
    )
    return made


def accuracy_by_macs(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    whole: Sequence[float],
) -> Picture:
    """What is named wrong, against the share of the MACs that is left, one line a method.

    panels: title -> {method: (shares of the MACs, accuracies)}; whole: the original's accuracy for
    each panel, on its images.
    """
    made = picture(6.6, 5.6)
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    told = []
    for i, ((title, lines), original) in enumerate(zip(panels.items(), whole, strict=True)):
        panel = axes(made, len(panels), 1, i + 1)
        panel.axhline(_wrong(original), color=MUTED, linewidth=1, linestyle=":")
        panel.annotate(
            "original", (0.002, _wrong(original)), (0, -3), textcoords="offset points", va="top",
            fontsize=9.5, color=MUTED,
        )  # fmt: skip
        for name, (shares, accuracies) in lines.items():
            colour, mark = COLOURS[names.index(name) % len(COLOURS)], MARKS[names.index(name) % 6]
            panel.plot(
                shares, [_wrong(a) for a in accuracies], f"{mark}-", color=colour, markersize=6
            )
            points = zip(shares, accuracies, strict=True)
            told.append(f"{title}, {name}: " + ", ".join(f"{a:.1%} at {s:.0%}" for s, a in points))
        panel.set_yscale("log")
        panel.set_ylim(1.05, 0.007)
        panel.set_yticks([1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01])
        panel.minorticks_off()
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        panel.set_xlim(0, 0.32)
        panel.set_ylabel("named wrong")
        set_title(panel, title)
        if i == 0:
            for name, colour, mark in zip(names, COLOURS, MARKS, strict=False):
                there = [title for title, lines in panels.items() if name in lines]
                only = "" if len(there) == len(panels) else f" ({', '.join(there)})"
                panel.plot([], [], f"{mark}-", color=colour, markersize=6, label=name + only)
            panel.legend(fontsize=9.5, loc="lower left")
        if i == len(panels) - 1:
            panel.set_xlabel("MACs left")
    made.alt = "; ".join(told)
    return made


MARKS = "osD^vX"


def _wrong(accuracy: float) -> float:
    """The share named wrong; none at all has no place on a logarithmic axis."""
    return max(1 - accuracy, 0.008)
