"""The pictures of chapter 04: numbers and weights that snap to a grid, and what it costs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from course_lib.figures.style import (
    BLUE,
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
from course_lib.units import short_bytes


def number_grids(value: float, grids: Mapping[str, tuple[np.ndarray, float]]) -> Picture:
    """One number and the grids that it may be put on, a row each.

    grids: name -> (the values of the grid in rising order, the one that was taken). The axis
    shows the surroundings of the number; the point that was taken is named.
    """
    made = picture(6.8, 0.5 * len(grids) + 1.2)
    panel = axes(made)
    for row, (grid, taken) in enumerate(grids.values()):
        grid = np.asarray(grid, dtype=float)
        panel.plot([grid[0], grid[-1]], [row, row], color=FAINT, linewidth=1, zorder=1)
        panel.vlines(grid, row - 0.18, row + 0.18, color=MUTED, linewidth=1)
        panel.plot([taken], [row], "o", color=ORANGE, markersize=8, zorder=3)
        text = panel.text(taken, row - 0.27, f"{taken:.6g}", ha="center", fontsize=9, color=ORANGE)
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    panel.axvline(value, color=GREEN, linewidth=1.5)
    ends = [taken for _, taken in grids.values()] + [value]
    margin = max(0.15 * (max(ends) - min(ends)), 0.02 * abs(value))
    panel.set_xlim(min(ends) - margin, max(ends) + margin)
    panel.set_ylim(len(grids) - 0.5, -0.75)
    panel.set_yticks(range(len(grids)), list(grids))
    panel.tick_params(axis="y", length=0, labelcolor=INK)
    panel.grid(False)
    panel.spines["left"].set_visible(False)
    panel.set_xlabel(f"the green line is {value:.13g}")
    set_title(panel, "One number, and what grids make of it")
    made.alt = f"{value:.12g} becomes " + "; ".join(
        f"{taken:.6g} with {name}" for name, (_, taken) in grids.items()
    )
    return made


def weight_grid(
    before: np.ndarray,
    after: np.ndarray,
    layer: str,
    bits: int,
    accuracies: Mapping[str, float],
    sizes: Mapping[str, float],
) -> Picture:
    """A layer's weights before and after they snap to their grid; accuracy and bytes beside.

    before, after: the weights, (count,); accuracies and sizes (bytes): name -> figure, the
    original's first.
    """
    made = picture(7.2, 2.9)
    made.set_layout_engine("none")  # places given by hand: a slider waits for this picture
    values = _draw_weights(placed(made, 0.03, 0.18, 0.53, 0.7), before, after)
    set_title(made.axes[0], f"{layer}, {bits} bits: {values:,} values left", fontsize=10)
    _key(made.axes[0])
    percent = {name: f"{share:.0%}" for name, share in accuracies.items()}
    _bars(placed(made, 0.61, 0.56, 0.37, 0.3), accuracies, percent, 1.0)
    set_title(made.axes[1], "named right", fontsize=10)
    shown = {name: short_bytes(size) for name, size in sizes.items()}
    _bars(placed(made, 0.61, 0.08, 0.37, 0.3), sizes, shown, max(sizes.values()))
    set_title(made.axes[2], "bytes", fontsize=10)
    made.alt = (
        f"{layer} at {bits} bits: {np.unique(before).size:,} different weights become {values:,}; "
        + "; ".join(f"{name} {percent[name]} named right, {shown[name]}" for name in accuracies)
    )
    return made


def outlier(panels: Mapping[str, tuple[np.ndarray, np.ndarray]], closest: float) -> Picture:
    """Weights on their grid, one panel a case, all over the range of most weights.

    panels: name -> (weights before, weights after); closest: the axis ends there, on both sides.
    """
    made = picture(7.2, 2.8)
    left = {}
    for i, (name, (before, after)) in enumerate(panels.items()):
        panel = axes(made, 1, len(panels), i + 1)
        near = np.abs(before) <= closest
        left[name] = _draw_weights(panel, before[near], after[near], closest)
        set_title(panel, f"{name}:\n{left[name]:,} values left", fontsize=10)
        panel.set_xlabel("weight")
    _key(made.axes[0])
    made.alt = "; ".join(f"{name}: {count:,} values left" for name, count in left.items())
    return made


def _draw_weights(
    panel: Axes, before: np.ndarray, after: np.ndarray, end: float | None = None
) -> int:
    """Histograms of the weights before and after; returns how many values are left."""
    before, after = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    end = float(np.abs(before).max()) * 1.02 or 1.0 if end is None else end
    left = np.unique(after).size
    few = left <= 60  # more stems than that make a moiré with the bins
    edges = np.linspace(-end, end, 202 if few else 68)  # odd numbers: zero is the middle of one
    counts, _ = np.histogram(before, edges)
    snapped, _ = np.histogram(after.clip(-end, end), edges)
    # Roots: a stem gathers what was spread over many bins, and would dwarf everything.
    panel.stairs(counts**0.5, edges, color=BLUE, fill=True, alpha=0.35, linewidth=0)
    if few:
        middles, kept = (edges[1:] + edges[:-1]) / 2, snapped > 0
        panel.vlines(middles[kept], 0, snapped[kept] ** 0.5, color=ORANGE, linewidth=1.5)
    else:
        panel.stairs(snapped**0.5, edges, color=ORANGE, linewidth=1.5)
    panel.set_xlim(-end, end)
    panel.set_ylim(bottom=0)
    panel.set_yticks([])
    panel.grid(False)
    return left


def _key(panel: Axes) -> None:
    """What the two colours of `_draw_weights` mean."""
    for row, (text, colour) in enumerate((("in 32 bits", BLUE), ("on the grid", ORANGE))):
        panel.text(0.03, 0.97 - 0.09 * row, text, color=colour, transform=panel.transAxes,
                   fontsize=9, fontweight="bold", va="top")  # fmt: skip


def _bars(panel: Axes, values: Mapping[str, float], texts: Mapping[str, str], end: float) -> None:
    colours = [MUTED] + [ORANGE] * (len(values) - 1)
    panel.barh(range(len(values)), list(values.values()), color=colours, height=0.55)
    for row, name in enumerate(values):
        panel.text(0, row - 0.32, f"{name}  {texts[name]}", fontsize=9, color=INK, va="bottom")
    panel.set_xlim(0, end)
    panel.set_ylim(len(values) - 0.5, -0.85)
    panel.axis("off")


def engine_times(times: Mapping[str, tuple[float, float]], names: Sequence[str]) -> Picture:
    """The time of each layer in two engines as a ratio: right of the line the second is faster.

    times: layer -> (milliseconds in the first, in the second), smallest layer first; names: of
    the two engines.
    """
    made = picture(6.8, 0.42 * len(times) + 1.2)
    panel = axes(made)
    ratios = [first / second for first, second in times.values()]
    colours = [GREEN if ratio > 1 else ORANGE for ratio in ratios]
    panel.barh(range(len(times)), [r - 1 for r in ratios], left=1, color=colours, height=0.55)
    for row, (ratio, (first, second)) in enumerate(zip(ratios, times.values(), strict=True)):
        unit, times_unit = ("ms", 1) if first >= 1 else ("µs", 1000)
        text = f"{first * times_unit:.3g} → {second * times_unit:.3g} {unit}"
        panel.annotate(
            text, (max(ratio, 1), row), xytext=(5, 0), textcoords="offset points", va="center",
            fontsize=9, color=INK,
        )  # fmt: skip
    panel.axvline(1, color=INK, linewidth=1)
    panel.set_xscale("log")
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xticks([0.25, 0.5, 1, 2, 4], ["¼", "½", "1", "2", "4"])
    panel.set_xlim(min(0.4, 0.8 * min(ratios)), 2.2 * max(2, *ratios))
    panel.set_ylim(len(times) - 0.5, -0.5)
    panel.set_yticks(range(len(times)), list(times))
    panel.tick_params(axis="y", length=0, labelcolor=INK)
    panel.grid(axis="y", visible=False)
    panel.set_xlabel(f"times faster in {names[1]} than in {names[0]}")
    set_title(panel, "Layer by layer")
    made.alt = f"from {names[0]} to {names[1]}: " + "; ".join(
        f"{layer} {ratio:.2g}x faster" if ratio > 1 else f"{layer} {1 / ratio:.2g}x slower"
        for layer, ratio in zip(times, ratios, strict=True)
    )
    return made
