"""The pictures of chapter 01: pieces of an image, channels of a network, what a device has."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter

from course_lib.figures.plots import draw_image
from course_lib.figures.style import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    SKY,
    Picture,
    axes,
    picture,
    placed,
    set_title,
)
from course_lib.units import short_bytes


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
    mean = np.broadcast_to(image.mean(axis=(0, 1)) / 255, 3)  # as the network sees it; grey alike
    puzzle.add_collection(
        PatchCollection(pieces, facecolor=tuple(mean), edgecolor="white", linewidth=0.4)
    )
    set_title(puzzle, f"{int(covered.sum())} of {covered.size} pieces covered", fontsize=10)
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
        f"{int(covered.sum())} of {covered.size} pieces covered; the truth is {truth}; "
        + "the network says "
        + ", ".join(f"{name} {value:.0%}" for name, value in list(confidences.items())[:3])
    )
    return made


def channel_map(changes: Mapping[str, Sequence[float]], limit: float) -> Picture:
    """What silencing each channel alone does: one dot a channel, one row a layer.

    changes: layer -> change of the accuracy in points, one a channel; limit: what counts as
    no change, in points.
    """
    made = picture(6.8, 0.46 * len(changes) + 1.5)
    panel = axes(made)
    rng = np.random.default_rng(0)
    for row, values in enumerate(changes.values()):
        points = np.asarray(values, dtype=float)
        harmless = np.abs(points) <= limit + 1e-9
        height = row + rng.uniform(-0.3, 0.3, len(points))
        panel.scatter(points[harmless], height[harmless], s=22, color=GREEN, linewidths=0)
        panel.scatter(
            points[~harmless], height[~harmless], s=22, color=ORANGE, marker="D", linewidths=0
        )
    panel.axvspan(-limit, limit, color=GREEN, alpha=0.12, linewidth=0)
    panel.set_yticks(range(len(changes)), list(changes))
    panel.invert_yaxis()
    panel.set_xlabel("change of accuracy when this channel alone is silenced (points)")
    everything = np.concatenate([np.asarray(v, dtype=float) for v in changes.values()])
    share = np.mean(np.abs(everything) <= limit + 1e-9)
    keys = [
        Line2D([], [], color=GREEN, marker="o", linestyle="", label=f"at most {limit:g} points"),
        Line2D([], [], color=ORANGE, marker="D", linestyle="", label="more"),
    ]
    made.legend(
        handles=keys, loc="outside lower center", ncols=2, fontsize=9, labelcolor="linecolor",
        frameon=False,
    )  # fmt: skip
    set_title(panel, f"{share:.0%} of these {len(everything)} channels: no change worth naming")
    made.alt = (
        f"{share:.0%} of {len(everything)} channels change the accuracy by at most {limit} points "
        f"when silenced alone; the most harmful one by {everything.min():.1f}"
    )
    return made


def budgets(needs: Mapping[str, float], devices: Mapping[str, Mapping[str, float]]) -> Picture:
    """What the network needs against what each device has.

    needs: quantity -> bytes; devices: device -> {quantity: bytes it has}. Devices differ by so
    much that each mark is a hundred times the one before.
    """
    made = picture(7.2, 2.7)
    for i, (quantity, need) in enumerate(needs.items()):
        panel = axes(made, 1, len(needs), i + 1)
        names = [n for n, has in devices.items() if quantity in has]
        has = [devices[n][quantity] for n in names]
        fits = [need <= h for h in has]
        low, high = 0.2 * min(need, *has), 8 * max(need, *has)
        panel.barh(range(len(names)), has, color=[SKY if f else FAINT for f in fits], height=0.55)
        panel.axvline(need, color=ORANGE, linewidth=2.5)
        for row, (device, fit) in enumerate(zip(names, fits, strict=True)):
            panel.text(
                0.02,
                row - 0.42,
                f"{device}: {short_bytes(has[row])}, {'enough' if fit else 'too small'}",
                fontsize=9,
                color=INK,
                transform=panel.get_yaxis_transform(),
                va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )
        panel.set_xscale("log")
        panel.set_xlim(low, high)
        panel.set_ylim(len(names) - 0.4, -0.75)
        panel.set_yticks([])
        panel.grid(axis="y", visible=False)
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        panel.set_xticks([10.0**p for p in powers if p % 2 == powers[0] % 2])
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_bytes(value)))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_xlabel(f"{quantity} of the device")
        set_title(panel, f"{quantity} needed: {short_bytes(need)}", color=ORANGE, fontsize=10.5)
    made.alt = "; ".join(
        f"{quantity}: {short_bytes(need)} needed, "
        + ", ".join(
            f"{n} {'enough' if need <= h[quantity] else 'too small'}"
            for n, h in devices.items()
            if quantity in h
        )
        for quantity, need in needs.items()
    )
    return made
