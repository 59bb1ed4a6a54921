"""Paint for the leaves: backgrounds, blade colours, light and shadow; nothing here knows a species.

>>> patch(mottles()[0], np.random.default_rng(0), size=64).shape
(64, 64)
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from course_lib.images.leaf_shapes import Leaf

FINE = 3  # the geometry is drawn this many times finer than the picture, then averaged

View = Callable[[np.ndarray], np.ndarray]  # maps points (n, 2) of a leaf into the unit square

_TILE = 320  # side of a background texture in texels; one texel is one pixel at 64x64


def _smooth(rng: np.random.Generator, cells: tuple[int, int], side: int = _TILE) -> np.ndarray:
    """Smooth noise (side, side) of unit deviation with this many cells down and across."""
    grid = Image.fromarray(rng.standard_normal(cells).astype(np.float32))
    field = np.asarray(grid.resize((side, side), Image.Resampling.BICUBIC))
    return field / field.std()


def _fractal(rng: np.random.Generator, finest: int, side: int = _TILE) -> np.ndarray:
    """Noise with as much detail at every scale, down to `finest` cells across."""
    cells = [c for c in (3, 6, 12, 24, 48, 96, 192, 320) if c <= finest]
    return np.sum([0.75**k * _smooth(rng, (c, c), side) for k, c in enumerate(cells)], 0) / 1.5


def to_image(levels: np.ndarray) -> Image.Image:
    """Picture of grey levels (h, w) or colours (h, w, 3), cut to 0..255."""
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def _soil(rng: np.random.Generator) -> Image.Image:
    height = _fractal(rng, 192)
    stones = Image.new("L", (_TILE, _TILE))
    pen = ImageDraw.Draw(stones)
    for _ in range(420):
        x, y = rng.uniform(0, _TILE, 2)
        a, b = rng.uniform(0.8, 3.2, 2) * rng.uniform(0.6, 1.3)
        pen.ellipse((x - a, y - b, x + a, y + b), fill=int(rng.integers(60, 255)))
    crumbs = np.asarray(stones.filter(ImageFilter.GaussianBlur(0.6))) / 255.0
    relief = height + 1.6 * crumbs
    lit = relief - np.roll(relief, (2, 2), (0, 1))
    tone = 92 + 11 * height + 26 * lit + 30 * crumbs
    return to_image(tone[..., None] * [1.0, 0.82, 0.64] + 4 * _fractal(rng, 24)[..., None])


def _wood(rng: np.random.Generator) -> Image.Image:
    y = np.arange(_TILE)[:, None] + 0.0
    swing = 16 * _smooth(rng, (4, 3)) + 3 * _smooth(rng, (20, 5))
    rings = np.sin(0.35 * (y + swing)) + 0.6 * np.sin(0.9 * (y + swing) + 1)
    fibre = _smooth(rng, (320, 14)) + 0.7 * _smooth(rng, (160, 7))
    tone = 165 + 11 * rings + 8 * fibre
    for plank in range(int(rng.integers(20, 60)), _TILE, int(rng.integers(60, 90))):
        tone[plank : plank + 2] *= 0.45
        tone[plank + 2 :] += rng.uniform(-14, 14)
    return to_image(tone[..., None] * [1.0, 0.80, 0.58] + 3 * fibre[..., None])


def _paper(rng: np.random.Generator) -> Image.Image:
    tone = 224 + 2.5 * _fractal(rng, 320) + 3 * _smooth(rng, (5, 5))
    sheet = tone[..., None] * np.array([1.0, 0.985, 0.95])
    style = rng.integers(3)
    if style < 2:
        lines = np.arange(7, _TILE, 13)
        sheet[lines] *= [0.80, 0.88, 0.95]
        if style == 1:
            sheet[:, lines] *= [0.80, 0.88, 0.95]
    return to_image(sheet)


@cache
def textures() -> list[list[Image.Image]]:
    """The backgrounds, three of each kind, made once in every process."""
    rng = np.random.default_rng(20)
    return [[make(rng) for _ in range(3)] for make in (_soil, _wood, _paper)]


@cache
def mottles() -> tuple[Image.Image, Image.Image]:
    """Fine and coarse smooth noise around 128, for blades and light."""
    rng = np.random.default_rng(21)
    fine, coarse = _fractal(rng, 192), _smooth(rng, (16, 16))
    return to_image(128 + 40 * fine), to_image(128 + 40 * coarse)


def patch(
    texture: Image.Image, rng: np.random.Generator, size: int, zoom: float = 1.0
) -> np.ndarray:
    """A window of the texture, turned and shifted at random; float32 (size, size[, 3])."""
    turn, step = rng.uniform(0, 2 * np.pi), zoom * 64 / size
    c, s = step * np.cos(turn), step * np.sin(turn)
    room = _TILE / 2 - 46 * zoom
    x, y = _TILE / 2 + rng.uniform(-room, room, 2)
    to = (c, -s, x - (c - s) * size / 2, s, c, y - (s + c) * size / 2)
    window = texture.transform((size, size), Image.Transform.AFFINE, to, Image.Resampling.BILINEAR)
    return np.asarray(window, np.float32)


# Blade colours: from (fresh, dark, yellow, orange, red) pairs; every species has all of them.
_COLOURS = np.array([
    [[92, 142, 52], [70, 122, 46]], [[58, 104, 46], [44, 86, 40]], [[126, 156, 62], [90, 130, 48]],
    [[84, 128, 74], [60, 108, 62]], [[196, 170, 62], [140, 150, 58]], [[206, 142, 48],
    [190, 160, 60]], [[178, 84, 44], [196, 130, 52]], [[150, 60, 46], [120, 90, 48]],
], np.float32)  # fmt: skip
_DRY, _STALK = np.array([[128, 88, 50], [132, 118, 62]], np.float32)
_PALE = np.array([80, 78, 48], np.float32)  # by how much veins are lighter than the blade
_COLOUR_ODDS = np.cumsum([0.22, 0.18, 0.16, 0.12, 0.10, 0.08, 0.08, 0.06])


def _blurred(layer: np.ndarray, radius: float) -> np.ndarray:
    image = Image.fromarray(layer.astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image, np.float32)


def _slope(height: np.ndarray, light: np.ndarray) -> np.ndarray:
    """How much a surface rises towards the light; the picture of a relief lit from the side."""
    out = np.zeros_like(height)
    out[:, 1:-1] += light[0] * (height[:, 2:] - height[:, :-2])
    out[1:-1] += light[1] * (height[2:] - height[:-2])
    return out


def _draw(
    leaf: Leaf, camera: View, size: int, holes: np.ndarray
) -> tuple[Image.Image, list[np.ndarray]]:
    """The fine mask of the whole leaf, and blade, one half, veins and stalk (size, size), 0..255.

    Holes (h, 4) are places on the leaf and two radii in pixels at 64x64.
    """
    wide = size * FINE
    layers = [Image.new("L", (wide, wide)) for _ in range(4)]
    blade, half, veins, stalk = (ImageDraw.Draw(layer) for layer in layers)
    seen = np.split(wide * camera(leaf.points), leaf.cuts)
    shapes = [piece.ravel().tolist() for piece in seen]
    blade.polygon(shapes[0], fill=255)
    if len(holes):
        middle, radius = wide * camera(holes[:, :2]), wide / 64 * holes[:, 2:]
        for box in np.concatenate([middle - radius, middle + radius], 1).tolist():
            blade.ellipse(box, fill=0)
    half.polygon(shapes[1], fill=255)
    for shape in shapes[4:]:
        veins.polygon(shape, fill=225)
    veins.polygon(shapes[2], fill=255)
    stalk.polygon(shapes[3], fill=255)
    small = [np.asarray(layer.reduce(FINE), np.float32) for layer in layers]
    return ImageChops.lighter(layers[0], layers[3]), small


def paint_leaf(
    leaf: Leaf, camera: View, rng: np.random.Generator, ground: np.ndarray,
    holes: np.ndarray, light: np.ndarray, shade: float,
) -> np.ndarray:  # fmt: skip
    """The leaf, coloured, lit and with its shadow, on the ground (size, size, 3); float32.

    `light` (2,) points to where the light goes; `shade` in [0, 1] is how dark the shadow is.
    """
    size = len(ground)
    scale = size / 64
    whole, (blade, half, veins, stalk) = _draw(leaf, camera, size, holes)
    fine, coarse = (
        patch(mottle, rng, size, zoom) / 128 - 1
        for mottle, zoom in zip(mottles(), (min(2, (1 + scale) / 2), 2), strict=True)
    )
    near, far = _COLOURS[np.searchsorted(_COLOUR_ODDS, 0.9999 * rng.random())]
    tint = rng.normal(1, 0.05, 3).astype(np.float32) * np.float32(rng.normal(1, 0.10))
    mix = np.clip(0.5 + 1.1 * coarse, 0, 1)[..., None]
    colour = (far + (near - far) * mix) * tint
    soft = _blurred(blade, 2.6 * scale) / 255
    # a dry brown margin, on some leaves wide and on most hardly there
    dry = np.clip(rng.uniform(-1.2, 1.3) * (1 - soft) * 2.4 + 0.5 * coarse - 0.35, 0, 0.8)
    colour = colour + dry[..., None] * (_DRY - colour)
    side = _blurred(half, 1.2 * scale) / 127.5 - 1
    height = 3 * soft - _blurred(veins, 0.9 * scale) / 130 + 0.6 * coarse
    relief = scale * _slope(height, -light)
    bright = 1 + rng.uniform(-0.14, 0.14) * side + 0.22 * relief + 0.20 * fine
    pale = rng.uniform(0.55, 0.80) * (veins / 255)[..., None]
    colour = colour * bright[..., None] * (1 - 0.15 * pale) + pale * _PALE
    wood = _STALK * tint * rng.uniform(0.6, 1.1)
    bulge = 1 + 0.5 * scale * _slope(_blurred(stalk, 0.7 * scale) / 255, -light)
    x, y = np.round(light * rng.uniform(1.2, 3.0) * FINE * scale).astype(int).tolist()
    cast = whole.crop((-x, -y, whole.width - x, whole.height - y)).reduce(FINE)
    cast = cast.filter(ImageFilter.GaussianBlur(rng.uniform(0.8, 1.8) * scale))
    picture = ground * (1 - shade / 255 * np.asarray(cast, np.float32)[..., None])
    for layer, paint in ((stalk, bulge[..., None] * wood), (blade, colour)):
        picture = picture + layer[..., None] / 255 * (paint - picture)
    return picture
