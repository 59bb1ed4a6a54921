"""The pictures of chapter 05: a teacher's opinion, how students learn, how near they come."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from course_lib.figures.plots import draw_image
from course_lib.figures.style import (
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

MOST = 12  # classes that are shown


def opinion(
    image: np.ndarray,
    probabilities: Sequence[float],
    classes: Sequence[str],
    truth: int,
    temperature: float,
    groups: Sequence[int] | None = None,
    group_name: str = "genus",
) -> Picture:
    """One image, and the probability that its teacher gives to each class at a temperature.

    image: (height, width, 3) or (height, width) uint8; truth: the number of the true class;
    groups: the group of each class, to mark the truth's relatives. Of many classes, those with
    the highest probabilities are shown.
    """
    values = np.asarray(probabilities, dtype=float)
    shown = np.sort(np.argsort(-values, kind="stable")[:MOST])
    related = [groups is not None and groups[c] == groups[truth] for c in shown]
    made = picture(7.2, 3.1)
    made.set_layout_engine("none")  # places given by hand: a slider waits for this picture
    photo, bars = placed(made, 0.0, 0.1, 0.34, 0.76), placed(made, 0.56, 0.03, 0.42, 0.85)
    draw_image(photo, image)
    set_title(photo, classes[truth], fontsize=10, color=GREEN)
    colours = [
        GREEN if c == truth else ORANGE if near else MUTED
        for c, near in zip(shown, related, strict=True)
    ]
    bars.barh(range(len(shown)), values[shown], color=colours, height=0.62)
    for row, c in enumerate(shown):
        bars.text(values[c] + 0.012, row, f"{values[c]:.1%}", fontsize=8.5, color=INK, va="center")
    bars.set_yticks(range(len(shown)), [classes[c] for c in shown], fontsize=8.5)
    for label, colour in zip(bars.get_yticklabels(), colours, strict=True):
        label.set_color(colour)
    bars.set_ylim(len(shown) - 0.4, -0.6)
    bars.set_xlim(0, 1.14)
    bars.set_xticks([])
    bars.grid(False)
    bars.spines["bottom"].set_visible(False)
    bars.tick_params(length=0)
    key = [("the true species", GREEN), (f"its {group_name}", ORANGE), ("others", MUTED)]
    for row, (text, colour) in enumerate(key if any(related) else ()):
        bars.text(0.99, 0.02 + 0.075 * (2 - row), text, color=colour, transform=bars.transAxes,
                  fontsize=8.5, fontweight="bold", ha="right")  # fmt: skip
    doubt = 1 - values[truth]
    title = f"temperature {temperature:g}: {doubt:.0%} doubt"
    if groups is not None and doubt > 0:
        near = sum(v for v, g in zip(values, groups, strict=True) if g == groups[truth])
        title += f", {(near - values[truth]) / doubt:.0%} of it in the {group_name}"
    set_title(bars, title, fontsize=10, x=-0.35)
    likely = np.argsort(-values, kind="stable")[:3]
    made.alt = f"the truth is {classes[truth]}; {title}: " + ", ".join(
        f"{classes[c]} {values[c]:.1%}" for c in likely
    )
    return made


def learning_curves(
    accuracies: Mapping[str, Sequence[Sequence[float]]],
    teacher: float,
    title: str = "",
    looks: Sequence[int] | None = None,
) -> Picture:
    """Validation error while learning, on a logarithmic axis, and the teacher's as a line.

    accuracies: way of training -> for each seed, its accuracies in [0, 1]. Seeds are thin lines,
    their mean is a thick one. looks: images seen so far at each of them; epochs from 1 if None.
    """
    made = picture(6.8, 3.6)
    panel = axes(made)
    ends = []
    epochs = np.arange(1, len(next(iter(accuracies.values()))[0]) + 1)
    x = epochs if looks is None else np.asarray(looks)
    for (way, runs), colour in zip(accuracies.items(), COLOURS, strict=False):
        wrong = 100 * (1 - np.asarray(runs, dtype=float))
        if len(wrong) > 1:
            panel.plot(x, wrong.T, color=colour, linewidth=0.8, alpha=0.45)
        mean = wrong.mean(axis=0)
        panel.plot(x, mean, color=colour, label=way)
        ends.append((way, mean[0], mean[-1]))
    panel.axhline(100 * (1 - teacher), color=MUTED, linewidth=1.2, linestyle=":")
    panel.annotate("the teacher", (x[0], 100 * (1 - teacher)), xytext=(2, 3), color=MUTED,
                   textcoords="offset points", fontsize=9)  # fmt: skip
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    low, high = panel.get_ylim()
    panel.set_yticks([t for t in (1, 2, 3, 5, 10, 20, 50, 100) if low <= t <= high])
    x_label = "epoch" if looks is None else "images seen"
    panel.set_xlabel(x_label)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    panel.set_ylabel("validation images named wrong")
    panel.legend(frameon=False, labelcolor="linecolor", prop={"weight": "bold", "size": 9.5})
    set_title(panel, title)
    made.alt = (
        f"{title + ': ' if title else ''}validation error by {x_label}; the teacher "
        f"{1 - teacher:.1%}; "
        + "; ".join(f"{way}: from {first:.1f}% to {last:.1f}%" for way, first, last in ends)
    )
    return made


def against_teacher(
    rows: Mapping[str, Sequence[tuple[float, float, float]]],
    limit: float | None = None,
    title: str = "",
    x_label: str = "points against the teacher, same test images, 95% interval",
) -> Picture:
    """Differences with their intervals: one row a way of training, one whisker a seed.

    rows: way -> (points, low, high) for each seed; limit: how far below counts as near.
    """
    made = picture(7.2, 0.52 * len(rows) + 1.15)
    panel = axes(made)
    for row, ((_, differences), colour) in enumerate(zip(rows.items(), COLOURS * 2, strict=False)):
        offsets = np.linspace(-0.22, 0.22, len(differences)) if len(differences) > 1 else [0.0]
        for offset, (points, low, high) in zip(offsets, differences, strict=True):
            panel.plot([low, high], [row + offset] * 2, color=colour, linewidth=1.6)
            panel.plot([points], [row + offset], "o", color=colour, markersize=5)
    panel.axvline(0, color=MUTED, linewidth=1.2)
    if limit is not None:
        panel.axvspan(-limit, 0, color=FAINT, alpha=0.5, linewidth=0)
        panel.text(-limit / 2, -0.52, "near-equal", ha="center", va="bottom", fontsize=8.5,
                   color=MUTED)  # fmt: skip
    panel.set_yticks(range(len(rows)), list(rows))
    panel.tick_params(axis="y", labelcolor=INK, length=0)
    panel.set_ylim(len(rows) - 0.5, -0.85)
    panel.set_xlabel(x_label)
    panel.grid(axis="y", visible=False)
    set_title(panel, title)
    made.alt = f"{title + ': ' if title else ''}{x_label}; " + "; ".join(
        f"{way}: " + ", ".join(f"{p:+.1f} ({low:+.1f} to {high:+.1f})" for p, low, high in seeds)
        for way, seeds in rows.items()
    )
    return made
