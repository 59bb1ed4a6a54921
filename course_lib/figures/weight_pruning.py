"""The pictures of chapter 03: weights and thresholds, masks, bytes and time against sparsity."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, PercentFormatter

from course_lib.figures.style import (
    BLUE,
    COLOURS,
    FAINT,
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

Line = tuple[Sequence[float], Sequence[float]]  # x, y


def output_change(
    thresholds: Sequence[float],
    removed: Sequence[float],
    largest: Sequence[float],
    median: Sequence[float],
    labels: Sequence[float],
) -> Picture:
    """What removing all weights up to a threshold does to the output.

    removed: share of the weights, in [0, 1]; largest, median: change of the logits in shares of
    their spread; labels: share of the images that are named otherwise.
    """
    made = picture(7.2, 3.5)
    panel = axes(made)
    places = range(len(thresholds))
    for values, colour, name, above in (
        (largest, ORANGE, "largest", 1),
        (median, BLUE, "median", 0),
    ):
        panel.plot(places, values, "o-", color=colour)
        panel.annotate(
            f"{name} change",
            (1, values[1]),
            xytext=(-8, 6) if above else (8, -8),
            ha="right" if above else "left",
            va="bottom" if above else "top",
            textcoords="offset points",
            color=colour,
            fontweight="bold",
            fontsize=9.5,
        )
    panel.set_yscale("log")
    ticks = [
        f"{t:g}\n{r:.0%} gone\n{n:.0%} renamed"
        for t, r, n in zip(thresholds, removed, labels, strict=True)
    ]
    panel.set_xticks(places, ticks, fontsize=9)
    panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g}%"))
    panel.set_xlabel("weights removed up to this absolute value")
    panel.set_ylabel("change, share of the spread")
    set_title(panel, "How far the logits move")
    made.alt = "change of the logits, in shares of their spread: " + "; ".join(
        f"|w| up to {t:g} ({r:.1%} of the weights): largest {a:.2%}, median {b:.2%}, "
        f"{n:.1%} of the images renamed"
        for t, r, a, b, n in zip(thresholds, removed, largest, median, labels, strict=True)
    )
    return made


def weight_histogram(
    counts: Sequence[float],
    edges: Sequence[float],
    threshold: float,
    removed: float,
    accuracy: float,
    layers: Mapping[str, float],
    images: int,
) -> Picture:
    """All weights, those up to the threshold marked, and what their removal costs.

    counts, edges: the histogram; removed: share of the weights; accuracy: in [0, 1] on so many
    images; layers: the share that each layer loses, in [0, 1].
    """
    made = picture(7.2, 2.9)
    made.set_layout_engine("none")  # places given by hand: a slider waits for this picture
    panel, bars = placed(made, 0.03, 0.2, 0.5, 0.66), placed(made, 0.69, 0.2, 0.27, 0.66)
    low, high = edges[0], edges[-1]
    inner = np.unique(np.clip([*edges, -threshold, threshold], low, high))
    middles = (inner[1:] + inner[:-1]) / 2
    heights = np.asarray(counts, dtype=float)[np.searchsorted(edges, middles) - 1]
    gone = np.abs(middles) <= threshold
    panel.stairs(np.where(gone, 0, heights), inner, fill=True, color=BLUE)
    panel.stairs(np.where(gone, heights, 0), inner, fill=True, color=FAINT)
    for side in (-threshold, threshold):
        panel.axvline(side, color=ORANGE, linewidth=1.5)
    for place, words, colour in ((0.985, "stay", BLUE), (0.5, "go", MUTED), (0.015, "stay", BLUE)):
        panel.text(
            place, 0.9 if words == "stay" else 0.06, words, color=colour, fontsize=10,
            fontweight="bold", transform=panel.transAxes,
            ha="center" if words == "go" else "left" if place < 0.5 else "right",
        )  # fmt: skip
    panel.set_xlim(low, high)
    panel.set_yticks([])
    panel.grid(False)
    panel.spines["left"].set_visible(False)
    panel.set_xlabel(f"weight (removed: |w| ≤ {threshold:.4f})")
    set_title(panel, f"{removed:.1%} of the weights removed", fontsize=10)
    names, shares = list(layers), list(layers.values())
    bars.barh(range(len(names)), shares, color=ORANGE, height=0.6)
    bars.set_yticks(range(len(names)), names, fontsize=9)
    bars.invert_yaxis()
    bars.set_xlim(0, 1)
    bars.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    bars.set_xlabel("removed from each layer")
    set_title(bars, f"accuracy {accuracy:.0%} ({images} images)", fontsize=10)
    made.alt = (
        f"weights up to {threshold:.4f} removed, {removed:.1%} of all: accuracy {accuracy:.0%} on "
        f"{images} images; " + ", ".join(f"{name} loses {s:.0%}" for name, s in layers.items())
    )
    return made


def mask_patterns(masks: Mapping[str, tuple[np.ndarray, int]]) -> Picture:
    """Masks as matrices, (outputs, inputs x kernel) bool, kept weights blue, removed ones white.

    masks: name -> (matrix, columns between two lines).
    """
    columns = 2
    rows = -(-len(masks) // columns)
    made = picture(7.2, 1.15 * rows + 0.65)
    shades = ListedColormap(["white", BLUE])
    for i, (name, (mask, every)) in enumerate(masks.items()):
        panel = axes(made, rows, columns, i + 1)
        panel.imshow(mask, cmap=shades, vmin=0, vmax=1, aspect="auto")
        for at in range(every, mask.shape[1], every):
            panel.axvline(at - 0.5, color=ORANGE, linewidth=0.8)
        panel.set_xticks([])
        panel.set_yticks([])
        panel.grid(False)
        if i >= len(masks) - columns:
            panel.set_xlabel("inputs", fontsize=9)
        if i % columns == 0:
            panel.set_ylabel("outputs", fontsize=9)
        set_title(panel, name, fontsize=10)
    keys = [
        Patch(facecolor=BLUE, edgecolor=MUTED, label="kept"),
        Patch(facecolor="white", edgecolor=MUTED, label="removed"),
        Line2D([], [], color=ORANGE, linewidth=1.5, label="next kernel (2 of 4: next four inputs)"),
    ]
    made.legend(handles=keys, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    made.alt = "masks: " + ", ".join(
        f"{name} {1 - mask.mean():.0%} zero" for name, (mask, _) in masks.items()
    )
    return made


def accuracy_by_sparsity(panels: Mapping[str, Mapping[str, Line]], chance: float) -> Picture:
    """Accuracy against sparsity, a panel for each way, the same colour for the same criterion.

    panels: title -> {criterion: (sparsities, accuracies)}, both in [0, 1].
    """
    made = picture(7.6, 3.6)
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    first: Axes | None = None
    for i, (title, lines) in enumerate(panels.items()):
        panel = axes(made, 1, len(panels), i + 1, sharex=first, sharey=first)
        first = first or panel
        for name, (x, y) in lines.items():
            panel.plot(x, y, "o-", markersize=3.5, color=_colour(names, name), label=name)
        panel.axhline(chance, color=MUTED, linewidth=1, linestyle=":")
        panel.set_xlabel("weights removed")
        panel.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        panel.set_ylim(0, 1.04)
        panel.set_xticks([0, 0.5, 1])
        panel.tick_params(labelleft=i == 0)
        if i == 0:
            panel.set_ylabel("accuracy")
            panel.text(0, chance, " guessing", fontsize=8.5, color=MUTED, va="top")
        set_title(panel, title, fontsize=10)
    handles = {
        label: handle
        for panel in made.axes
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    made.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=9,
        labelcolor="linecolor", frameon=False,
    )  # fmt: skip
    made.alt = "accuracy against sparsity; " + "; ".join(
        f"{title}: "
        + ", ".join(
            f"{name} " + " ".join(f"{a:.0%} at {s:.0%}" for s, a in zip(*line, strict=True))
            for name, line in lines.items()
        )
        for title, lines in panels.items()
    )
    return made


def _colour(names: Sequence[str], name: str) -> str:
    return (*COLOURS, INK, MUTED)[names.index(name)]


def against_sparsity(
    sparsities: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    crossings: Mapping[str, float | None],
    y_label: str,
    title: str,
    unit: str = "",
) -> Picture:
    """Bytes or time against sparsity, the first line dashed: what the others have to beat.

    crossings: line -> the sparsity from which it lies below the first line; None, or left out, for
    a line that never does, or always. unit: "B" for bytes, "ms" for milliseconds.
    """
    made = picture(7.0, 3.7)
    panel = axes(made)
    reference = next(iter(lines))
    names = [name for name in lines if name != reference]
    panel.plot(sparsities, lines[reference], "--", color=INK, label=reference)
    for name in names:
        panel.plot(sparsities, lines[name], "o-", markersize=3.5, color=_colour(names, name))
    for name in names:
        at = crossings.get(name)
        if at is not None:
            height = np.interp(at, sparsities, lines[reference])
            panel.plot([at], [height], "D", color=_colour(names, name), markersize=8)
            panel.annotate(
                f"from {at:.0%}", (at, height), xytext=(3, 8), textcoords="offset points",
                fontsize=9.5, fontweight="bold", color=_colour(names, name),
            )  # fmt: skip
    panel.set_ylim(0)
    panel.set_xlabel("weights removed")
    panel.set_ylabel(y_label)
    panel.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if unit == "B":
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_bytes(value)))
    handles = [panel.lines[0], *panel.lines[1 : 1 + len(names)]]
    made.legend(
        handles, [reference, *names], loc="outside lower center", ncols=3, fontsize=9,
        labelcolor="linecolor", frameon=False,
    )  # fmt: skip
    set_title(panel, title)

    def short(value: float) -> str:
        return short_bytes(value) if unit == "B" else f"{value:.2g} {unit}".strip()

    made.alt = f"{title}: {y_label} against sparsity; " + "; ".join(
        f"{name}: from {short(values[0])} at {sparsities[0]:.0%} to {short(values[-1])} at "
        f"{sparsities[-1]:.0%}"
        + (f", below {reference} from {crossings[name]:.0%}" if crossings.get(name) else "")
        for name, values in lines.items()
    )
    return made


def seeds(
    results: Mapping[str, Mapping[float, Sequence[float]]], y_label: str, title: str = ""
) -> Picture:
    """Accuracy of several seeds at each sparsity: a dot a seed, a line through their means.

    results: name -> {sparsity: accuracies in [0, 1], one a seed}.
    """
    made = picture(7.0, 3.6)
    panel = axes(made)
    places = sorted({s for by_sparsity in results.values() for s in by_sparsity})
    for i, (name, by_sparsity) in enumerate(results.items()):
        shift = 0.09 * (i - (len(results) - 1) / 2)
        x = np.array([places.index(s) for s in by_sparsity]) + shift
        means = [float(np.mean(values)) for values in by_sparsity.values()]
        panel.plot(x, means, color=COLOURS[i], label=name)
        for at, values in zip(x, by_sparsity.values(), strict=True):
            panel.scatter([at] * len(values), values, s=14, color=COLOURS[i], linewidths=0)
    panel.set_xticks(range(len(places)), [f"{100 * s:g}%" for s in places])
    panel.set_xlabel("weights removed")
    panel.set_ylabel(y_label)
    panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    made.legend(
        *panel.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9,
        labelcolor="linecolor", frameon=False,
    )  # fmt: skip
    set_title(panel, title)
    made.alt = f"{title}: {y_label}; " + "; ".join(
        f"{name}: "
        + ", ".join(f"{np.mean(values):.1%} at {100 * s:g}%" for s, values in found.items())
        for name, found in results.items()
    )
    return made
