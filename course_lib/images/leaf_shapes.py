"""The shapes of the leaves: invented species of four genera, as outlines, veins and stalks.

Species differ in what stands here and in nothing else. Raw coordinates have the stalk's end at
(0, 0) and the midrib along x; a finished leaf is centred and its blade has the area 1.

>>> GENERA
('Acer', 'Quercus', 'Tilia', 'Fagus')
"""

from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Species:
    """One species: its names and the traits that tell it from its two relatives."""

    name: str
    common: str
    genus: str
    lobe_depth: float = 0.0  # how far the bays reach from the lobes' tips to the midrib or base
    lobe_tips: str = "none"  # "none", "rounded" or "pointed"
    tooth_depth: float = 0.0  # in units of the square root of the blade's area; 0: smooth margin
    teeth: int = 0  # along each half of the margin
    vein_angle: float = 45.0  # degrees between midrib and side veins
    tip: str = "pointed"  # "pointed", "rounded" or "notched"


SPECIES = (
    Species("Acer profundum", "deep maple", "Acer", 0.62, "pointed"),
    Species("Acer serratum", "saw maple", "Acer", 0.62, "pointed", 0.11, 16),
    Species("Acer breve", "blunt maple", "Acer", 0.36, "pointed", 0.11, 16),
    Species("Quercus undosa", "wavy oak", "Quercus", 0.34, "rounded", tip="rounded"),
    Species("Quercus sinuosa", "bay oak", "Quercus", 0.58, "rounded", tip="rounded"),
    Species("Quercus stellata", "star oak", "Quercus", 0.58, "pointed"),
    Species("Tilia caudata", "tailed linden", "Tilia", tooth_depth=0.07, teeth=13),
    Species("Tilia rotunda", "round linden", "Tilia", tooth_depth=0.07, teeth=13, tip="rounded"),
    Species("Tilia fissa", "split linden", "Tilia", tooth_depth=0.07, teeth=13, tip="notched"),
    Species("Fagus ardua", "steep beech", "Fagus", vein_angle=32.0),
    Species("Fagus plana", "level beech", "Fagus", vein_angle=70.0, tip="rounded"),
    Species("Fagus dentata", "toothed beech", "Fagus", tooth_depth=0.11, teeth=8, vein_angle=32.0),
)
GENERA = tuple(dict.fromkeys(species.genus for species in SPECIES))


@cache
def _catmull_rom(samples: int) -> np.ndarray:
    """Weights (samples, 4) of four knots on the way from the second to the third."""
    t = np.arange(samples)[:, None] / samples
    return 0.5 * np.concatenate(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], 1
    )


def _curve(knots: np.ndarray, samples: int = 6) -> np.ndarray:
    """Smooth curve through the knots (k, 2); a knot given twice becomes a corner."""
    p = np.concatenate([knots[:1], knots, knots[-1:]])
    windows = np.stack([p[:-3], p[1:-2], p[2:-1], p[3:]], 1)
    windows = windows[(windows[:, 1] != windows[:, 2]).any(1)]
    points = np.einsum("sk,wkc->wsc", _catmull_rom(samples), windows).reshape(-1, 2)
    return np.concatenate([points, knots[-1:]])


@cache
def _steps(count: int) -> np.ndarray:
    """0, 1, ... as floats."""
    return np.arange(count, dtype=float)


def _slopes(lines: np.ndarray) -> np.ndarray:
    """What np.gradient gives along the points (..., k, 2), without its overhead."""
    slopes = np.empty_like(lines)
    slopes[..., 1:-1, :] = (lines[..., 2:, :] - lines[..., :-2, :]) / 2
    slopes[..., 0, :] = lines[..., 1, :] - lines[..., 0, :]
    slopes[..., -1, :] = lines[..., -1, :] - lines[..., -2, :]
    return slopes


def _ribbon(lines: np.ndarray, first: float, last: float) -> np.ndarray:
    """Polygons (..., 2 k, 2) along the lines (..., k, 2), their width going from first to last."""
    along = _slopes(lines)
    across = np.stack([-along[..., 1], along[..., 0]], -1)
    across /= np.hypot(along[..., 0], along[..., 1])[..., None] + 1e-9
    steps = _steps(lines.shape[-2])
    across *= (first / 2 + steps * ((last - first) / 2 / (len(steps) - 1)))[:, None]
    return np.concatenate([lines + across, (lines - across)[..., ::-1, :]], -2)


def _polar(degrees: float, radius: float) -> tuple[float, float]:
    return radius * np.cos(np.deg2rad(degrees)), radius * np.sin(np.deg2rad(degrees))


def _knots(species: Species, jitter: np.ndarray) -> np.ndarray:
    """Knots of half an outline from the base to the tip; jitter holds numbers around 0."""
    depth = species.lobe_depth * (1 + 0.10 * jitter[0])
    if species.genus == "Acer":
        side, low = 50 + 3 * jitter[1], 104 + 4 * jitter[2]
        reach, short = 0.92 + 0.04 * jitter[3], 0.62 + 0.05 * jitter[4]
        bay, notch = (1 - depth) * 0.96, (1 - 0.85 * depth) * 0.74
        wide = 12 - 3 * depth
        return np.array([
            (0, 0), _polar(150, 0.12), _polar(low + 20, short * 0.52),
            _polar(low + 9, short * 0.80), _polar(low, short), _polar(low, short),
            _polar(low - 15, (short + notch) / 2), _polar((side + low) / 2, notch),
            _polar(side + wide, (reach + bay) / 2), _polar(side, reach), _polar(side, reach),
            _polar(side - wide, (reach + bay) / 2), _polar(side / 2, bay),
            _polar(wide, (1 + bay) / 2), (1, 0),
        ])  # fmt: skip
    if species.genus == "Quercus":
        points = [(0.0, 0.0), (0.05, 0.04)]
        for k, (x, y) in enumerate([(0.20, 0.17), (0.41, 0.26), (0.62, 0.30), (0.81, 0.22)]):
            x += 0.012 * float(jitter[1 + k])
            y *= 1 + 0.06 * float(jitter[6 + k])
            if species.lobe_tips == "rounded":
                points += [(x - 0.045, 0.90 * y), (x + 0.03, 1.0 * y), (x + 0.075, 0.86 * y)]
            else:
                points += [(x - 0.03, 0.72 * y), (x + 0.08, 1.16 * y), (x + 0.08, 1.16 * y)]
            points.append((x + 0.105, (1 - depth) * y))
        if species.tip == "rounded":
            return np.array([*points, (0.96, 0.10), (1.0, 0.05), (1.01, 0)])
        return np.array([*points, (0.97, 0.06), (1.08, 0)])
    if species.genus == "Tilia":
        points = [(0, 0), (-0.10, 0.10), (-0.13, 0.24), (-0.05, 0.40), (0.14, 0.50), (0.36, 0.50)]
        tips = {
            "pointed": [(0.58, 0.39), (0.76, 0.23), (0.88, 0.10), (0.99, 0.04), (1.12, 0)],
            "rounded": [(0.58, 0.43), (0.76, 0.30), (0.87, 0.14), (0.90, 0)],
            "notched": [(0.58, 0.44), (0.76, 0.34), (0.89, 0.22), (0.92, 0.12), (0.78, 0)],
        }
        return np.array(points + tips[species.tip])
    points = [(0, 0), (0.05, 0.10), (0.20, 0.235), (0.40, 0.285), (0.62, 0.25), (0.80, 0.16)]
    points += [(0.93, 0.08), (0.99, 0)] if species.tip == "rounded" else [(0.93, 0.05), (1.08, 0)]
    return np.array(points) * [1, 1 + 0.08 * jitter[0]]


def _toothed(half: np.ndarray, depth: float, species: Species, uneven: np.ndarray) -> np.ndarray:
    """Cut teeth of this depth into half an outline (n, 2); they fade at its base and corners."""
    # the teeth of maples stand upright, since their lobes turn back and forth
    teeth, peak = species.teeth, 0.5 if species.genus == "Acer" else 0.72
    steps = np.diff(half, axis=0)
    length = np.hypot(*steps.T)
    along = np.concatenate([[0], np.cumsum(length)]) / length.sum()
    straight = (steps[1:] * steps[:-1]).sum(1) / (length[1:] * length[:-1] + 1e-12)
    corners = np.concatenate([along[1:-1][straight < 0.1], [1.0]])
    start = np.arange(teeth) / teeth
    at = np.unique(np.concatenate([along, start, start + peak / teeth]))
    points = np.stack([np.interp(at, along, half[:, k]) for k in (0, 1)], 1)
    slope = _slopes(points)
    normal = np.stack([-slope[:, 1], slope[:, 0]], 1)
    normal /= np.hypot(*normal.T)[:, None] + 1e-9
    rise = at * teeth - np.floor(at * teeth)
    saw = np.minimum(rise / peak, (1 - rise) / (1 - peak)) - 0.5
    saw *= 1 + 0.25 * uneven[np.minimum((at * teeth).astype(int), teeth - 1)]
    near = np.abs(at[:, None] - corners).min(1)
    # a narrow tip has no room for teeth
    fade = np.clip(near / 0.09, 0, 1) * np.clip(at / 0.08, 0, 1) * np.clip((1 - at) / 0.16, 0, 1)
    return points + (depth * saw * fade)[:, None] * normal


def _veins(species: Species, knots: np.ndarray, jitter: np.ndarray) -> np.ndarray:
    """Side veins of one half (v, 6, 2); they may overshoot: the blade's edge cuts them."""
    s = np.linspace(0, 1, 6)[:, None]
    if species.genus == "Acer":
        mains = [knots[4], knots[9], knots[-1]]
        lines = [s * end for end in mains[:2]]
        for end in mains[1:]:
            across = np.array([-end[1], end[0]])
            for k in range(3):
                for sign in (-1, 1) if end[1] > 0 else (1,):
                    reach = (0.30 - 0.06 * k) * (0.8 * end + sign * across)
                    lines.append((0.34 + 0.17 * k) * end + s * reach)
        return np.stack(lines)
    if species.genus == "Quercus":
        ends = knots[3::4][:4]
        roots = np.stack([ends[:, 0] - 0.75 * ends[:, 1], 0 * ends[:, 1]], 1)
        return roots[:, None] * (1 - s) + 0.93 * ends[:, None] * s
    angle = np.deg2rad(species.vein_angle + 3.0 * jitter[12])
    reach = 0.55 * np.array([np.cos(angle), np.sin(angle)])
    bend = np.concatenate([0.05 * s**2, -0.01 * s**2], 1)
    if species.genus == "Tilia":
        fans = [s * np.array(_polar(a, 0.62)) for a in (48, 88, 128)]
        return np.stack(fans + [[x, 0] + s * reach + bend for x in (0.20, 0.36, 0.52, 0.66)])
    roots = np.linspace(0.10, 0.80, 5) - 0.18 * (reach[0] - 0.33)
    return np.stack([[x, 0] + s * reach + bend for x in roots])


@dataclass(frozen=True)
class Leaf:
    """Polygons, one after the other, of a leaf with a blade of area 1, centred at (0, 0).

    Cut at `cuts`, the points (n, 2) fall into the blade, one half of it, the midrib, the stalk
    and the side veins: one array, so that a view of the whole leaf is one operation.
    """

    points: np.ndarray
    cuts: np.ndarray

    def blade(self) -> np.ndarray:
        return self.points[: self.cuts[0]]


def area(outline: np.ndarray) -> float:
    """Area inside a polygon (n, 2)."""
    x, y = outline.T
    before = np.arange(-1, len(x) - 1)
    return 0.5 * abs(float((x * y[before] - y * x[before]).sum()))


def grow_leaf(
    species: Species, rng: np.random.Generator, spread: float = 1.0, vein_width: float = 0.052
) -> Leaf:
    """One individual of a species; spread 0 gives the nominal leaf.

    The width of the veins is in units of the root of the blade's area.

    >>> leaf = grow_leaf(SPECIES[0], np.random.default_rng(0))
    >>> round(area(leaf.blade()), 6)
    1.0
    """
    jitter = np.clip(spread * rng.standard_normal((2, 48)), -2, 2)
    warp, phase = spread * rng.standard_normal((2, 2, 2)), rng.uniform(0, 6.283, (2, 2))
    knots = [_knots(species, jitter[k]) for k in (0, 1)]
    halves, veins = [], []
    for k, flip in enumerate(([1, 1], [1, -1])):
        half = _curve(knots[k])
        if k == 0:
            unit = np.sqrt(area(np.concatenate([half, half[::-1] * [1, -1]])))
        if species.teeth:
            depth = species.tooth_depth * unit * (1 + 0.08 * jitter[0, 20])
            half = _toothed(half, depth, species, jitter[k, 24:])
        halves.append(half * flip)
        veins.append(_veins(species, knots[k], jitter[0]) * flip)
    end = (knots[0][-1] + knots[1][-1] * [1, -1]) / 2
    midrib = np.linspace([0, 0], end, 9)
    t = np.linspace(0, 1, 7)
    stalk = np.stack([unit * (0.05 - 0.34 * t), 0.07 * unit * jitter[0, 21] * t**2], 1)
    pieces = [
        np.concatenate([halves[0], halves[1][-2::-1]]),
        np.concatenate([halves[0], midrib[::-1]]),
        _ribbon(midrib, 0.062 * unit, 0.018 * unit),
        _ribbon(stalk, 0.062 * unit, 0.085 * unit),
        *_ribbon(np.concatenate(veins), vein_width * unit, 0.4 * vein_width * unit),
    ]
    cuts = np.cumsum([len(piece) for piece in pieces])[:-1]
    points = np.concatenate(pieces)
    # bend the midrib and warp the blade gently, veins and outline together
    grown = points + [0, 1] * (0.16 * jitter[0, 22] * (points[:, :1] - 0.5) ** 2)
    for k, (direction, shift) in enumerate(zip(warp, phase, strict=True), 1):
        wave = np.sin(4.0 * k * (points @ [[0.6, -0.8], [0.8, 0.6]]) + shift)
        grown += 0.012 * wave @ direction
    blade = grown[: cuts[0]]
    return Leaf((grown - (blade.min(0) + blade.max(0)) / 2) / np.sqrt(area(blade)), cuts)


def distances(a: Species, b: Species) -> dict[str, float]:
    """How far two relatives differ, trait by trait, in units of the root of the blade's area."""
    still = np.zeros(48)
    one, two = (_knots(s, still) for s in (a, b))
    unit = np.sqrt(2 * area(_curve(one)))
    found = {"teeth": abs(a.tooth_depth - b.tooth_depth)}
    if a.lobe_depth != b.lobe_depth:
        reach = 0.28 if a.genus == "Quercus" else 0.96
        found["lobe depth"] = abs(a.lobe_depth - b.lobe_depth) * reach / unit
    if a.lobe_tips != b.lobe_tips:
        found["lobe tips"] = abs(one[:, 1].max() - two[:, 1].max()) / unit
    if a.tip != b.tip:
        found["tip"] = abs(one[-1, 0] - two[-1, 0]) / unit
    if a.vein_angle != b.vein_angle:
        cot = [1 / np.tan(np.deg2rad(s.vein_angle)) for s in (a, b)]
        found["vein angle"] = 0.25 * abs(cot[0] - cot[1]) / unit
    return found
