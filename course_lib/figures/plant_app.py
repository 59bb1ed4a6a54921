"""Pictures of chapter 09: a frame's budget, when to say "not sure", who pays, and what is left."""

from collections.abc import Mapping, Sequence

import numpy as np

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

DOTS = 500  # of each kind in `not_sure`


def frame_budget(
    apps: Mapping[str, Mapping[str, float]], budget_ms: float, title: str = ""
) -> Picture:
    """A frame's milliseconds as a bar for each app, a piece for each stage, against the budget.

    apps: name -> {stage: milliseconds}, the same stages in the same order for all.
    """
    made = picture(7.2, 1.05 + 0.5 * len(apps))
    panel = axes(made)
    left = np.zeros(len(apps))
    for stage, colour in zip(next(iter(apps.values())), COLOURS, strict=False):
        widths = [stages[stage] for stages in apps.values()]
        panel.barh(range(len(apps)), widths, left=left, color=colour, label=stage, height=0.6)
        left += widths
    for place, total in enumerate(left):
        panel.text(total, place, f" {total:.1f} ms", va="center", fontsize=9)
    panel.axvline(budget_ms, color=INK, linestyle=":", linewidth=1.4)
    panel.annotate(
        f"{budget_ms:.0f} ms: the next picture comes", (budget_ms, 1), (0, 3), fontsize=8.5,
        xycoords=("data", "axes fraction"), textcoords="offset points", ha="center", color=MUTED,
    )  # fmt: skip
    panel.set_yticks(range(len(apps)), list(apps))
    panel.invert_yaxis()
    panel.grid(False, axis="y")
    panel.set_xlim(0, 1.15 * max(budget_ms, left.max()))
    panel.set_xlabel("milliseconds for one picture")
    made.legend(loc="outside upper left", frameon=False, ncols=4, fontsize=8.5)
    set_title(panel, title, pad=16)
    made.alt = f"{title}: " + "; ".join(
        f"{name}: " + ", ".join(f"{stage} {ms:.2f} ms" for stage, ms in stages.items())
        for name, stages in apps.items()
    )
    return made


def not_sure(
    kinds: Mapping[str, tuple[np.ndarray, np.ndarray]],
    probability: float,
    match: float,
) -> Picture:
    """How sure a network is of several kinds of pictures, and where it is believed.

    kinds: name -> (probability of the best class, match with its pattern), one of each for every
    picture: all are counted, and some 500 of each kind drawn. Believed is the corner where both
    are at least as large as the two numbers say.
    """
    made = picture(7.0, 3.9)
    panel = axes(made)
    low = min(float(np.min(e)) for _, e in kinds.values())
    high = max(float(np.max(e)) for _, e in kinds.values())
    pad = 0.05 * (high - low) or 0.05
    panel.fill_between([probability, 1.015], match, high + pad, color="#e9f5ef", zorder=0)
    for (name, (sure, close)), colour, mark in zip(kinds.items(), COLOURS, "osD^vP", strict=False):
        named = np.mean((sure >= probability) & (close >= match))
        some = slice(None, None, -(-len(sure) // DOTS))
        panel.scatter(
            sure[some], close[some], s=11, color=colour, alpha=0.55, linewidths=0, marker=mark,
            label=f"{name}: {named:.0%} named",
        )  # fmt: skip
    panel.axvline(probability, ymin=0, color=INK, linewidth=1.1, linestyle=":")
    panel.axhline(match, color=INK, linewidth=1.1, linestyle=":")
    panel.text(probability, high + 0.6 * pad, " named", ha="left", va="top", fontsize=9, color=INK)
    panel.text(0.005, high + 0.6 * pad, "“not sure”", ha="left", va="top", fontsize=9,
               color=MUTED, transform=panel.get_yaxis_transform())  # fmt: skip
    panel.set_xlim(min(0.2, probability), 1.015)
    panel.set_ylim(low - pad, high + pad)
    panel.set_xlabel("probability of the best species")
    panel.set_ylabel("match with the pattern\nof a known species")
    made.legend(loc="outside upper left", frameon=False, ncols=2, fontsize=8.5, markerscale=2)
    set_title(panel, "Who gets a name")
    made.alt = f"believed from {probability:.2f} and {match:.1f} on: " + "; ".join(
        f"{name} {np.mean((sure >= probability) & (close >= match)):.0%}"
        for name, (sure, close) in kinds.items()
    )
    return made


def who_pays(
    names: Sequence[str], before: Sequence[float], after: Sequence[float], title: str = ""
) -> Picture:
    """Accuracy of each class, in [0, 1], before and after, sorted by what it lost."""
    order = np.argsort(np.subtract(after, before))
    made = picture(6.8, 1.2 + 0.27 * len(names))
    panel = axes(made)
    for place, index in enumerate(order):
        panel.plot([before[index], after[index]], [place, place], color=FAINT, linewidth=3)
    places = np.arange(len(order))
    # The larger dot below, so that both are seen where they are equal.
    panel.scatter(np.take(before, order), places, color=BLUE, s=85, label="original", zorder=3)
    panel.scatter(np.take(after, order), places, color=ORANGE, s=26, marker="D",
                  label="compressed", zorder=3)  # fmt: skip
    panel.set_yticks(places, [names[index] for index in order], fontsize=8.5)
    panel.invert_yaxis()
    panel.xaxis.set_major_formatter(lambda value, _place: f"{value:.0%}")
    panel.set_xlabel("test images named right")
    made.legend(loc="outside upper left", frameon=False, ncols=2, fontsize=9)
    set_title(panel, title)
    made.alt = f"{title}: " + "; ".join(
        f"{names[index]} {before[index]:.1%} to {after[index]:.1%}" for index in order
    )
    return made


def to_scale(large: tuple[str, float], small: tuple[str, float]) -> Picture:
    """Two files as squares, their areas to scale.

    large, small: a name, and bytes.
    """
    made = picture(6.4, 3.3)
    made.set_layout_engine("none")
    panel = placed(made, 0.02, 0.02, 0.96, 0.88)
    set_title(panel, "Both files, to scale")
    side = (small[1] / large[1]) ** 0.5
    panel.add_patch(_square(0, 0, 1, BLUE))
    panel.add_patch(_square(1.28, 0, side, ORANGE))
    panel.text(0.5, 0.5, f"{large[0]}\n{short_bytes(large[1])}", ha="center", va="center",
               color="white", fontsize=13, fontweight="bold")  # fmt: skip
    panel.text(1.28, side + 0.04, f"{small[0]}, {short_bytes(small[1])}", fontsize=12, color=INK)
    panel.set_xlim(-0.02, 2.05)
    panel.set_ylim(-0.02, 1.02)
    panel.set_aspect("equal")
    panel.set_axis_off()
    made.alt = f"two squares to scale: {large[0]} {large[1]:,.0f} bytes, {small[0]} {small[1]:,.0f}"
    return made


def _square(x: float, y: float, side: float, colour: str):
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), side, side, color=colour, linewidth=0)
