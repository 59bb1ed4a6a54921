"""The built-in images: drawn photographs of leaves, of invented species.

A leaf is geometry first (outline, veins, stalk, in units where the blade's area is 1), then a
camera puts its points into the picture (turn, tilt, scale, position), and paint, light, shadow,
blur and noise follow. Species differ in the geometry alone: colours, background, light and size
are drawn from the same distributions for all of them, so that only the shape tells them apart.

>>> images, labels = render(3, seed=1)
>>> images.shape, images.dtype.name, labels.dtype.name
((3, 64, 64, 3), 'uint8', 'int64')
>>> SPECIES[0].name, SPECIES[0].genus
('Acer profundum', 'Acer')
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
from PIL import ImageFilter

from course_lib import arguments
from course_lib.images.leaf_paint import View, mottles, paint_leaf, patch, textures, to_image
from course_lib.images.leaf_shapes import GENERA, SPECIES, Leaf, distances, grow_leaf

__all__ = ["GENERA", "SPECIES", "VERSION", "render", "smallest_trait", "specimen", "trait_table"]

VERSION = "1"  # part of every cache key: change it whenever the pictures change

# How hard the images are: these five numbers and the traits of SPECIES decide it.
BLUR = (0.35, 1.0)  # sigma of the lens blur in pixels at 64x64, drawn evenly
NOISE = (3.0, 12.0)  # sigma of the sensor noise in grey levels, drawn evenly
TILT = 28.0  # largest angle in degrees between the leaf and the picture plane
SCALE = (0.88, 1.08)  # length of the leaf against its nominal size
SPREAD = 1.25  # variation between the leaves of one species; 0 makes them identical

AREA = 0.225  # share of the picture that the blade of a flat leaf of scale 1 covers


def trait_table() -> list[dict[str, str]]:
    """What tells the species apart, one row a species, in words.

    >>> trait_table()[0]["lobes"]
    'deep, pointed'
    """
    rows = []
    for s in SPECIES:
        depth = "deep" if s.lobe_depth > 0.45 else "shallow"
        margin = "fine teeth" if s.tooth_depth < 0.09 else "coarse teeth"
        rows.append({
            "species": s.name, "common": s.common, "genus": s.genus,
            "lobes": f"{depth}, {s.lobe_tips}" if s.lobe_depth else "none",
            "margin": margin if s.teeth else "smooth",
            "veins": f"{s.vein_angle:.0f} degrees" if s.genus == "Fagus" else "alike",
            "tip": s.tip,
        })  # fmt: skip
    return rows


def smallest_trait(size: int = 64) -> tuple[str, float]:
    """The pair of relatives that differ least, and by how many pixels, for the smallest leaf.

    Every pair is told by its most visible trait; the leaf is the smallest and most tilted one
    that the camera gives, so that all others show the trait larger.

    >>> smallest_trait(64)[1] >= 2
    True
    """
    pixels = size * np.sqrt(AREA) * SCALE[0] * np.cos(np.deg2rad(TILT))
    best = []
    for a, b in combinations(SPECIES, 2):
        if a.genus == b.genus:
            trait, length = max(distances(a, b).items(), key=lambda item: item[1])
            best.append((float(length * pixels), f"{trait}: {a.name} and {b.name}"))
    length, words = min(best)
    return words, length


def _camera(rng: np.random.Generator, leaf: Leaf) -> View:
    """A random view: maps leaf points (n, 2) to the unit square; tilt gives the perspective."""
    turn, axis = rng.uniform(0, 2 * np.pi, 2)
    tilt = np.deg2rad(TILT) * np.sqrt(rng.random())
    scale = np.sqrt(AREA) * rng.uniform(*SCALE)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    normal = np.array([np.cos(axis), np.sin(axis)])

    def view(p: np.ndarray) -> np.ndarray:
        p = p @ rotation
        deep = (p @ normal)[:, None]
        flat = p - (1 - np.cos(tilt)) * deep * normal
        return scale * flat / (1 + 0.22 * np.sin(tilt) * deep)

    seen = view(leaf.points[: leaf.cuts[3]])
    low, high = seen.min(0), seen.max(0)
    shrink = min(1.0, 0.955 / float((high - low).max()))
    room = np.maximum(0.96 - shrink * (high - low), 0)
    corner = 0.02 + room * rng.uniform(0.1, 0.9, 2) - shrink * low
    return lambda p: shrink * view(p) + corner


def _photograph(seed: int, index: int, size: int) -> np.ndarray:
    """Image `index` of the seed, uint8 (size, size, 3)."""
    rng = np.random.default_rng([seed, index, 1])
    leaf = grow_leaf(SPECIES[_label(seed, index)], rng, SPREAD)
    camera = _camera(rng, leaf)
    kind, which = rng.integers(3, size=2)
    ground = patch(textures()[kind][which], rng, size, rng.uniform(0.7, 1.3))
    ground = ground * rng.normal(1, 0.03, 3).astype(np.float32) * np.float32(rng.uniform(0.65, 1.1))
    # bites may reach the margin, but not near the tip, where they would look like a notch
    count, edge = max(0, int(rng.integers(-3, 4))), leaf.blade()
    where = rng.integers(-len(edge) * 2 // 5, len(edge) * 2 // 5, count)
    inner = edge[where] * rng.uniform(0.15, 1.0, (count, 1))
    holes = np.concatenate([inner, rng.uniform(0.5, 1.6, (count, 2))], 1)
    sun = rng.uniform(0, 2 * np.pi)
    light = np.array([np.cos(sun), np.sin(sun)])
    picture = paint_leaf(leaf, camera, rng, ground, holes, light, rng.uniform(0.35, 0.7))
    # uneven light: a slope across the picture, and in one picture of three a foreign shadow
    grid = np.linspace(-1, 1, size, dtype=np.float32)
    slope = rng.uniform(-0.16, 0.16, 2)
    lamp = 1 + slope[0] * grid + slope[1] * grid[:, None]
    if rng.random() < 0.35:
        angle, border = rng.uniform(0, 2 * np.pi), rng.uniform(-0.2, 0.9)
        across = np.cos(angle) * grid + np.sin(angle) * grid[:, None]
        across = across + 0.25 * (patch(mottles()[1], rng, size, 2) / 128 - 1)
        lamp = lamp * (1 - rng.uniform(0.2, 0.45) * np.clip((across - border) / 0.2, 0, 1))
    warmth, green = 0.055 * rng.normal(), 0.02 * rng.normal()
    balance = np.array([1 + warmth, 1 + green, 1 - warmth], np.float32)
    sharp = to_image(picture * (lamp.astype(np.float32)[..., None] * balance))
    blurred = sharp.filter(ImageFilter.GaussianBlur(rng.uniform(*BLUR) * size / 64))
    noise = np.float32(rng.uniform(*NOISE))
    grain = noise * rng.standard_normal((size, size, 3), np.float32)
    return np.clip(np.asarray(blurred) + grain + 0.5, 0, 255).astype(np.uint8)


def _label(seed: int, index: int) -> int:
    """Each species comes once before any comes again, in an order drawn from (seed, turn)."""
    order = np.random.default_rng([seed, index // len(SPECIES), 0]).permutation(len(SPECIES))
    return int(order[index % len(SPECIES)])


def _check(seed: int, size: int) -> None:
    arguments.count("size", size, 32, 4096, hint="below 32 pixels the traits are not visible")
    arguments.seed(seed)


def _chunk(seed: int, start: int, stop: int, size: int) -> np.ndarray:
    return np.stack([_photograph(seed, index, size) for index in range(start, stop)])


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def render(
    count: int, seed: int, size: int = 64, workers: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Photographs of leaves: uint8 (count, size, size, 3) and their species, int64 (count,).

    Image i depends on (seed, i) alone, so that a longer set begins with the shorter one; every
    prefix is balanced to within one image a species. `workers` processes share the work; None
    takes two where the machine has them. ValueError for a count below 1, a size below 32 or a
    negative seed.

    >>> np.array_equal(render(2, seed=5)[0], render(4, seed=5)[0][:2])
    True
    """
    arguments.count("count", count, hint=f"{len(SPECIES)} gives one image a species")
    _check(seed, size)
    if workers is not None:
        arguments.count("workers", workers, hint="None chooses for this machine")
    labels = np.array([_label(seed, index) for index in range(count)], np.int64)
    chosen = min(2, _cores()) if workers is None else workers
    if chosen == 1 or (workers is None and count < 600):
        return _chunk(seed, 0, count, size), labels
    shares = list(pairwise(np.linspace(0, count, 1 + min(count, chosen)).astype(int).tolist()))
    helpers = [_Helper(seed, first, last, size) for first, last in shares[1:]]
    parts = [_chunk(seed, *shares[0], size), *(helper.images() for helper in helpers)]
    return np.concatenate(parts), labels


class _Helper:
    """A process that renders a share of the images while this one renders its own.

    A plain process instead of a pool: a pool runs the caller's script once more in each of its
    workers unless that script has a main guard, and a fork would copy locks of other threads.
    """

    def __init__(self, seed: int, first: int, last: int, size: int):
        self.share = (seed, first, last, size)
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `images`)
        code = (
            "import sys; from course_lib.images.leaves import _chunk; "
            f"sys.stdout.buffer.write(_chunk{self.share})"
        )
        path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        self.process: subprocess.Popen | None = None
        with contextlib.suppress(OSError):  # no processes to be had
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=self.file,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": path},
            )

    def images(self) -> np.ndarray:
        """The share; rendered here when the process could not do it."""
        _, first, last, size = self.share
        with self.file:
            if self.process is not None and self.process.wait() == 0:
                self.file.seek(0)
                found = np.frombuffer(self.file.read(), np.uint8)
                if found.size == (last - first) * size * size * 3:
                    return found.reshape(-1, size, size, 3)
        return _chunk(*self.share)


def specimen(species: int | str, seed: int = 0, size: int = 256) -> np.ndarray:
    """A leaf as pressed on white paper, tip up, without the camera: uint8 (size, size, 3).

    `species` is an index into SPECIES or a name from it. ValueError for an unknown species, a
    size below 32 or a negative seed.

    >>> specimen("Tilia fissa", size=64).shape
    (64, 64, 3)
    """
    names = [known.name for known in SPECIES]
    index = names.index(str(species)) if species in names else species
    if not isinstance(index, int | np.integer) or not 0 <= index < len(SPECIES):
        raise ValueError(
            f"species must be 0 to {len(SPECIES) - 1} or a name in SPECIES, got {species!r}; "
            f"{names[0]!r} is one"
        )
    _check(seed, size)
    rng = np.random.default_rng([seed, int(index), 2])
    leaf = grow_leaf(SPECIES[index], rng, SPREAD, vein_width=0.032)
    seen = leaf.points[: leaf.cuts[3]]
    low, high = seen.min(0), seen.max(0)
    scale = min(1.25 * np.sqrt(AREA), 0.86 / float((high - low).max()))

    def camera(p: np.ndarray) -> np.ndarray:
        return 0.5 + scale * (p - (low + high) / 2)[:, ::-1] * [1, -1]

    paper = np.full((size, size, 3), 250, np.float32)
    light = np.array([0.6, 0.8])
    return np.asarray(to_image(paint_leaf(leaf, camera, rng, paper, np.empty((0, 4)), light, 0.3)))
