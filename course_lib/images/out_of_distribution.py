"""Pictures of other things than leaves, made of what is on every machine: nothing is downloaded.

Two lots of kinds, from different sources: those to choose thresholds by ("calibrate"), and those
to judge by ("judge"), so that a rule is judged on things that it was not made for.

>>> {kind: len(images) for kind, images in others_by_kind("judge", count=4).items()}
{'grounds': 4, 'photos': 4, 'print': 4, 'patterns': 4, 'shapes': 4}
>>> others("calibrate", count=4)
Images(24 of 3x64x64)
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from course_lib import arguments
from course_lib.images import leaves
from course_lib.images.data import Images
from course_lib.images.leaf_paint import patch, textures, to_image

Draw = Callable[[np.random.Generator, int], np.ndarray]  # a picture (size, size, 3), 0 to 255

LARGEST = 4096  # pixels a side
MOST_BYTES = 2**30  # of one kind, while it is drawn
SMALLEST = 32  # pixels a side: anything smaller is drawn so large and shrunk


def others(part: str, count: int = 100, size: int = 64, seed: int = 0, channels: int = 3) -> Images:
    """`count` pictures of each kind of the part "calibrate" or "judge", all with the label 0."""
    kinds = others_by_kind(part, count, size, seed, channels).values()
    pixels = torch.cat([images.pixels for images in kinds])
    return Images(pixels, torch.zeros(len(pixels), dtype=torch.int64))


def others_by_kind(
    part: str, count: int = 100, size: int = 64, seed: int = 0, channels: int = 3
) -> dict[str, Images]:
    """The same by kind: {kind: `count` pictures of size x size pixels, grey with one channel}.

    All are seen as the camera of the leaves sees: in its light, with its blur and its noise.
    Below 32 pixels they are drawn larger and shrunk. Raises ValueError for another part, a count
    below 1, a size below 8, and channels other than 1 and 3.
    """
    arguments.one_of("part", part, tuple(KINDS))
    arguments.count("size", size, 8, LARGEST)
    most = MOST_BYTES // (12 * size**2)  # a picture is drawn in floats
    arguments.count("count", count, 1, most, f"so many of {size} pixels are a gigabyte")
    arguments.seed(seed)
    if channels not in (1, 3):
        raise ValueError(f"channels must be 3, or 1 for grey, got {channels}")
    drawn_size = max(size, SMALLEST)
    found = {}
    for kind, ways in KINDS[part].items():
        rng = np.random.default_rng([seed, *kind.encode()])
        drawn = [_seen(ways[index % len(ways)](rng, drawn_size), rng) for index in range(count)]
        pixels = torch.from_numpy(np.stack(drawn).transpose(0, 3, 1, 2).copy())
        if channels == 1 or size < SMALLEST:
            exact = torch.nn.functional.interpolate(pixels.float(), size=size, mode="area")
            exact = exact if channels == 3 else exact.mean(1, keepdim=True)
            pixels = exact.round().to(torch.uint8)
        found[kind] = Images(pixels, torch.zeros(count, dtype=torch.int64))
    return found


def _seen(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As the camera sees it: bytes (size, size, 3)."""
    lit = to_image(picture * rng.uniform(0.65, 1.1))
    blurred = lit.filter(ImageFilter.GaussianBlur(rng.uniform(*leaves.BLUR) * len(picture) / 64))
    noise = rng.uniform(*leaves.NOISE) * rng.standard_normal(picture.shape)
    return np.clip(np.asarray(blurred) + noise + 0.5, 0, 255).astype(np.uint8)


# Grounds and photos


def _ground(*kinds: int) -> Draw:
    """A ground of the leaves without a leaf: soil 0, wood 1, paper 2."""

    def draw(rng: np.random.Generator, size: int) -> np.ndarray:
        texture = textures()[kinds[rng.integers(len(kinds))]][rng.integers(3)]
        return patch(texture, rng, size, rng.uniform(0.7, 1.3))

    return draw


def _crop(name: str, least: float = 0.25) -> Draw:
    """A square of a sample picture, of at least this share of its shorter side."""

    def draw(rng: np.random.Generator, size: int) -> np.ndarray:
        photo = _sample(name)
        side = min(photo.size) * rng.uniform(least, 1)
        left, top = rng.uniform(0, photo.width - side), rng.uniform(0, photo.height - side)
        box = (left, top, left + side, top + side)
        return np.asarray(photo.resize((size, size), Image.Resampling.BICUBIC, box=box))

    return draw


@cache
def _sample(name: str) -> Image.Image:
    """A photo that scikit-learn carries, or a picture that matplotlib does, on white."""
    if name in ("china.jpg", "flower.jpg"):
        from sklearn.datasets import load_sample_image

        return Image.fromarray(load_sample_image(name))
    from matplotlib.cbook import get_sample_data

    picture = Image.open(get_sample_data(name, asfileobj=False)).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


# Writing


@cache
def _digits() -> np.ndarray:
    from sklearn.datasets import load_digits

    return load_digits().images


def _digit(rng: np.random.Generator, size: int) -> np.ndarray:
    """A handwritten digit, dark on white."""
    grey = to_image(255 * (1 - _digits()[rng.integers(len(_digits()))] / 16))
    wide = round(size * rng.uniform(0.5, 0.9))
    sheet = np.full((size, size, 3), 250, np.uint8)
    top, left = rng.integers(0, size - wide + 1, 2)
    large = np.asarray(grey.resize((wide, wide), Image.Resampling.BICUBIC))
    sheet[top : top + wide, left : left + wide] = np.minimum(large, 250)[..., None]
    return sheet


@cache
def _font(height: int) -> ImageFont.FreeTypeFont:
    from matplotlib import get_data_path

    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSerif.ttf", height)


def _print(rng: np.random.Generator, size: int) -> np.ndarray:
    """A piece of a printed page."""
    words = (leaves.__doc__ or "").split()
    sheet = Image.new("RGB", (4 * size, 4 * size), (248, 247, 242))
    pen, height = ImageDraw.Draw(sheet), int(size * rng.uniform(0.2, 0.9))
    for top in range(-int(rng.integers(height)), 4 * size, round(1.3 * height)):
        line = " ".join(rng.choice(words, 12))
        pen.text((-int(rng.integers(height)), top), line, (30, 30, 30), _font(height))
    turned = sheet.rotate(rng.uniform(-20, 20), Image.Resampling.BICUBIC)
    middle = turned.crop((size // 2, size // 2, 7 * size // 2, 7 * size // 2))
    return np.asarray(middle.resize((size, size), Image.Resampling.BICUBIC))


# Colours and forms


def _across(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Two axes at right angles across the picture, turned at random: each (size, size)."""
    angle, grid = rng.uniform(0, 2 * np.pi), np.linspace(-1, 1, size)
    x, y = grid[None, :], grid[:, None]
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


def _colour(rng: np.random.Generator, size: int) -> np.ndarray:
    """One colour, or one that turns into another."""
    first, second = rng.uniform(0, 255, (2, 3))
    across = _across(rng, size)[0][..., None] * rng.integers(2)
    return first + (second - first) * (across + 1) / 2


def _blobs(rng: np.random.Generator, size: int) -> np.ndarray:
    """Colours without any form, from coarse to fine."""
    cells = int(rng.choice([4, 8, 16, 32, 64]))
    coarse = to_image(128 + 60 * rng.standard_normal((cells, cells, 3)))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))


def _stripes(rng: np.random.Generator, size: int) -> np.ndarray:
    """Stripes, or a plaid."""
    first, second = rng.uniform(0, 255, (2, 3))
    rate = np.pi * rng.uniform(2, 14)
    one, other = (np.sin(rate * axis) > 0 for axis in _across(rng, size))
    mix = (1.0 * one + other) / 2 if rng.integers(2) else 1.0 * one
    return first + (second - first) * mix[..., None]


def _form(outline: Callable[[np.random.Generator], np.ndarray]) -> Draw:
    """A form (corners, 2) within the unit circle, in one colour, on a ground of the leaves."""

    def draw(rng: np.random.Generator, size: int) -> np.ndarray:
        ground = _ground(0, 1, 2)(rng, size)
        angle, radius = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.4)
        turn = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
        corners = 3 * size * (0.5 + radius * outline(rng) @ np.array(turn))
        mask = Image.new("L", (3 * size, 3 * size))
        ImageDraw.Draw(mask).polygon(corners.ravel().tolist(), fill=255)
        cover = np.asarray(mask.reduce(3), np.float32)[..., None] / 255
        colour = rng.uniform(30, 220, 3)
        if rng.integers(2):
            colour = np.sort(colour)[[1, 2, 0]]  # as leaves are: most green, least blue
        return ground + cover * (colour - ground)

    return draw


def _polygon(corners: int, inner: float = 1, flat: float = 1) -> np.ndarray:
    """Corners on a circle, every second one at the distance `inner`; `flat` presses it together."""
    angles = 2 * np.pi * np.arange(corners) / corners
    distance = np.where(np.arange(corners) % 2, inner, 1)[:, None]
    return distance * np.stack([np.cos(angles), flat * np.sin(angles)], 1)


def _disc(rng: np.random.Generator) -> np.ndarray:
    return _polygon(80, flat=rng.uniform(0.5, 1))


def _box(rng: np.random.Generator) -> np.ndarray:
    wide = rng.uniform(0.3, 1)
    return np.array([[-1, -wide], [1, -wide], [1, wide], [-1, wide]])


def _star(rng: np.random.Generator) -> np.ndarray:
    return _polygon(2 * int(rng.integers(4, 9)), inner=rng.uniform(0.4, 0.8))


def _triangle(rng: np.random.Generator) -> np.ndarray:
    return _polygon(3)


KINDS: dict[str, dict[str, tuple[Draw, ...]]] = {
    "calibrate": {
        "paper": (_ground(2),),
        "temple": (_crop("china.jpg"),),
        "digits": (_digit,),
        "colours": (_colour,),
        "blobs": (_blobs,),
        "discs": (_form(_disc),),
    },
    "judge": {
        "grounds": (_ground(0), _ground(1)),  # soil and wood
        "photos": (_crop("flower.jpg"), _crop("grace_hopper.jpg")),  # a flower and a portrait
        "print": (_print, _crop("logo2.png", 0.5), _crop("Minduka_Present_Blue_Pack.png", 0.5)),
        "patterns": (_stripes,),
        "shapes": (_form(_box), _form(_star), _form(_triangle)),
    },
}
