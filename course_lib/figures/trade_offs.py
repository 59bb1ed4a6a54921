"""Pictures of chapter 08: what gets confused, what pays where, and the roofline."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from course_lib.figures.style import COLOURS, FAINT, MUTED, TITLE, Picture, axes, picture, set_title
from course_lib.units import short_bytes


def by_size(
    sizes: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    title: str = "",
    levels: Mapping[str, Mapping[str, float]] | None = None,
) -> Picture:
    """Accuracies, in [0, 1], against bytes on a logarithmic scale, largest first.

    levels: {what stands beside: {line: its accuracy}}, dotted.
    """
    made = picture(6.6, 3.5)
    panel = axes(made)
    for (name, values), colour in zip(lines.items(), COLOURS, strict=False):
        panel.plot(sizes, values, color=colour, marker="o")
        panel.annotate(name, (sizes[-1], values[-1]), (8, 0), textcoords="offset points",
                       color=colour, fontweight="bold", fontsize=9.5, va="center")  # fmt: skip
    for label, beside in (levels or {}).items():
        for value, colour in zip(beside.values(), COLOURS, strict=False):
            panel.axhline(value, color=colour, linestyle=":", linewidth=1.3)
        close = max(beside.values()) - min(beside.values()) < 0.1
        panel.annotate(label, (1, min(beside.values())), (0, -11 if close else 3),
                       fontsize=8.5, color=MUTED,
                       xycoords=("axes fraction", "data"), textcoords="offset points",
                       ha="right")  # fmt: skip
    panel.set_xscale("log")
    panel.invert_xaxis()
    panel.minorticks_off()
    panel.set_xlim(max(sizes) * 1.3, min(sizes) / 2.2)
    panel.set_xticks(sizes, [short_bytes(size) for size in sizes], fontsize=8.5)
    panel.yaxis.set_major_formatter(lambda value, _place: f"{value:.0%}")
    panel.set_xlabel("file")
    panel.set_ylabel("test images named right")
    set_title(panel, title)
    made.alt = f"{title}: " + "; ".join(
        f"{name} from {values[0]:.1%} to {values[-1]:.1%}" for name, values in lines.items()
    )
    return made


def confusions(rows: Sequence[tuple[str, str, int, np.ndarray, np.ndarray]]) -> Picture:
    """Species taken for others, a row for each pair.

    rows: (true name, name given, how often, mistaken images, images of the species it was taken
    for); images are (count, height, width, 3), uint8.
    """
    count = max(len(row[3]) for row in rows)
    made = picture(7.2, 1.12 * len(rows) + 0.3)
    made.get_layout_engine().set(h_pad=0.11)  # type: ignore[union-attr, call-arg]
    grid = made.add_gridspec(
        len(rows), 2 * count + 1, width_ratios=[1] * count + [0.35] + [1] * count
    )
    for number, (true, given, times, mistaken, typical) in enumerate(rows):
        for side, images in ((0, mistaken), (count + 1, typical)):
            for place, image in enumerate(images[:count]):
                panel = made.add_subplot(grid[number, side + place])
                panel.imshow(image, interpolation="nearest")
                panel.set_axis_off()
                if place == 0:
                    text = f"{true}, {times} times taken for" if side == 0 else f"{given}"
                    label = panel.text(0, 1.06, text, fontsize=8.5, transform=panel.transAxes)
                    label.set_in_layout(False)  # it reaches over the next pictures
    made.suptitle("Taken for each other most often", x=0.01, ha="left", **TITLE)
    made.alt = "; ".join(
        f"{true} taken for {given} {times} times" for true, given, times, _, _ in rows
    )
    return made


def paying(gains: Mapping[tuple[str, str], float], title: str = "") -> Picture:
    """Speed-ups as a heat map, {(row, column): times faster}; blue pays, red costs."""
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*gains, strict=True))
    speed_ups = np.array([[gains.get((row, c), np.nan) for c in columns] for row in rows])
    made = picture(7.6, 1.1 + 0.42 * len(rows))
    panel = axes(made)
    logs = np.log2(np.ma.masked_invalid(speed_ups))
    colours = panel.imshow(
        logs, cmap="RdBu", norm=TwoSlopeNorm(0, -2.5, max(2.5, float(logs.max()))), aspect="auto"
    )
    for row in range(len(rows)):
        for column in range(len(columns)):
            value = speed_ups[row, column]
            if np.isnan(value):
                panel.text(column, row, "–", ha="center", va="center", color=MUTED)
                continue
            light = float(np.dot(colours.to_rgba(np.log2(value))[:3], (0.299, 0.587, 0.114)))
            panel.text(column, row, f"{value:.2g}x" if value < 10 else f"{value:.0f}x",
                       ha="center", va="center", fontsize=9.5,
                       color="black" if light > 0.55 else "white")  # fmt: skip
    panel.set_xticks(range(len(columns)), [name.replace(" ", "\n") for name in columns],
                     fontsize=9 if len(columns) <= 6 else 7.5)  # fmt: skip
    panel.xaxis.tick_top()
    panel.set_yticks(range(len(rows)), [textwrap.fill(row, 26) for row in rows], fontsize=9)
    panel.grid(False)
    panel.tick_params(length=0)
    panel.set_xlabel("blue: faster, red: slower", fontsize=9, color=MUTED)
    if title:
        made.suptitle(title, x=0.01, ha="left", **{**TITLE, "fontsize": 10})
    made.alt = f"{title}: " + "; ".join(
        f"{name}: " + ", ".join(
            f"{column} {value:.2g}x" for column, value in zip(columns, values, strict=True)
            if not np.isnan(value)
        )
        for name, values in zip(rows, speed_ups, strict=True)
    )  # fmt: skip
    return made


def roofline(
    points: Mapping[str, Sequence[tuple[str, float, float]]],
    macs_per_second: float,
    bytes_per_second: float,
) -> Picture:
    """Layers under the roof of the machine; both axes are logarithmic.

    points: a label for each network -> (layer, multiply-adds a byte, multiply-adds a second).
    """
    made = picture(7.0, 3.9)
    panel = axes(made)
    ridge = macs_per_second / bytes_per_second
    every = [intensity for layers in points.values() for _, intensity, _ in layers]
    left, right = min([*every, ridge]) / 2, max([*every, ridge]) * 3
    panel.plot([left, ridge, right], [left * bytes_per_second, macs_per_second, macs_per_second],
               color="black", linewidth=1.8)  # fmt: skip
    panel.axvline(ridge, color=MUTED, linewidth=0.9, linestyle=":")
    for (label, layers), colour in zip(points.items(), COLOURS, strict=False):
        panel.scatter([x for _, x, _ in layers], [y for _, _, y in layers], color=colour, s=42,
                      label=label, zorder=3)  # fmt: skip
    panel.text(ridge / 1.1, macs_per_second * 1.12, "memory is the limit", ha="right", fontsize=9,
               color=MUTED)  # fmt: skip
    panel.text(ridge * 1.1, macs_per_second * 1.12, "arithmetic is the limit", fontsize=9,
               color=MUTED)  # fmt: skip
    panel.set_xscale("log")
    panel.set_yscale("log")
    speeds = [speed for layers in points.values() for _, _, speed in layers]
    panel.set_ylim(min([*speeds, macs_per_second]) / 2, macs_per_second * 2.2)
    panel.set_xlim(left, right)
    panel.set_xlabel("multiply-adds for each byte moved")
    panel.set_ylabel("multiply-adds a second")
    set_title(panel, "Each layer under the roof of this machine")
    panel.legend(loc="lower right", fontsize=9)
    made.draw_without_rendering()  # for the layout gives the axes their size
    _name_points(panel, points)
    made.alt = f"roofline, ridge at {ridge:.1f} multiply-adds a byte; " + "; ".join(
        f"{label}: {sum(x > ridge for _, x, _ in layers)} of {len(layers)} layers right of it"
        for label, layers in points.items()
    )
    return made


def _name_points(
    panel: Axes, points: Mapping[str, Sequence[tuple[str, float, float]]], size: float = 9
) -> None:
    """Each point's name beside it, where no other point or name is; limits are set before."""
    scale = panel.figure.dpi / 72  # pixels a point
    places = {
        label: panel.transData.transform([(x, y) for _, x, y in layers]) / scale
        for label, layers in points.items()
    }
    taken = [(x - 4, y - 4, x + 4, y + 4) for found in places.values() for x, y in found]
    corners = panel.transData.transform(panel.lines[0].get_xydata()) / scale  # of the roof
    for (x, y), (to_x, to_y) in pairwise(corners):
        along = np.linspace((x, y), (to_x, to_y), 60)
        taken += [(x - 3, y - 2, x + 3, y + 2) for x, y in along]
    for (label, layers), colour in zip(points.items(), COLOURS, strict=False):
        for (name, intensity, speed), (x, y) in zip(layers, places[label], strict=True):
            wide, high = 0.62 * size * len(name) + 3, size
            boxes = [
                (x + i, y + j, x + i + wide, y + j + high)
                for i, j in (
                    (-wide / 2, -high - 5), (4, -high - 3), (-wide - 4, -high - 3),
                    (-wide / 2, 6), (6, -high / 2), (-wide - 6, -high / 2), (4, 4), (-wide - 4, 4),
                )
            ]  # fmt: skip
            box = min(boxes, key=lambda box: sum(_overlap(box, other) for other in taken))
            taken.append(box)
            panel.annotate(
                name, (intensity, speed), (box[0] - x, box[1] - y), fontsize=size, color=colour,
                textcoords="offset points", va="bottom",
            )  # fmt: skip


def _overlap(one: tuple, other: tuple) -> float:
    """The area that two boxes (left, low, right, high) share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


def by_operation(
    networks: Mapping[str, Mapping[str, float]], kinds: Sequence[str], title: str = ""
) -> Picture:
    """Milliseconds as a bar for each network, a piece for each kind of operation.

    networks: name -> {operation: milliseconds}. kinds: the operations that get a colour of their
    own, in this order; the others are summed.
    """
    made = picture(7.2, 0.95 + 0.55 * len(networks))
    panel = axes(made)
    places = range(len(networks))
    left = np.zeros(len(networks))
    rest = [sum(ms for k, ms in spent.items() if k not in kinds) for spent in networks.values()]
    pieces = {kind: [spent.get(kind, 0.0) for spent in networks.values()] for kind in kinds}
    for (kind, widths), colour in zip(
        {**pieces, "other": rest}.items(), [*COLOURS[: len(kinds)], FAINT], strict=True
    ):
        panel.barh(places, widths, left=left, color=colour, label=kind, height=0.62)
        left += widths
    for place, total in zip(places, left, strict=True):
        panel.text(total, place, f" {total:.1f} ms", va="center", fontsize=9)
    panel.set_yticks(places, list(networks))
    panel.invert_yaxis()
    panel.grid(False, axis="y")
    panel.set_xlim(0, 1.13 * left.max())
    panel.set_xlabel("milliseconds for one image")
    made.legend(loc="outside upper left", ncols=3, fontsize=8.5)
    set_title(panel, title)
    made.alt = f"{title}: " + "; ".join(
        f"{name} " + ", ".join(f"{ms:.1f} ms {kind}" for kind, ms in spent.items() if kind in kinds)
        for name, spent in networks.items()
    )
    return made
