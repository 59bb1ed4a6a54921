"""Decode the photos of a folder, each to a small square of RGB bytes.

One bad file never stops the others: it is left out, and the reason is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course_lib.images.photo_folders import HEIC, Photo, few, readable

if TYPE_CHECKING:
    from PIL.Image import Image

FEWEST = 5  # photos of a class: three to learn from, one to choose by, one to test on
PNG = b"\x89PNG\r\n\x1a\n"
DECODER = 2  # raise it when the same file decodes to other pixels


@dataclass(frozen=True)
class Skipped:
    """A photo that is left out: path relative to the folder, and why."""

    path: str
    reason: str


def read(folder: Path, photos: Sequence[Photo], size: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Decode `photos` to (n, 3, size, size) bytes; beside each a reason if it can't be, else "".

    Memory stays at the result plus one photo for each of at most four threads. Raises ValueError
    for a decompression bomb.
    """
    from PIL import Image
    from tqdm import tqdm

    reads_heic()
    pixels = np.zeros((len(photos), 3, size, size), np.uint8)

    def decode_into(index: int) -> str:
        path = folder / photos[index].path
        try:
            pixels[index] = decode(path, size).transpose(2, 0, 1)
        except Bomb:
            raise
        except Exception as problem:  # PIL's readers raise almost anything on a broken file
            return _reason(path, problem)
        return ""

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PIL's about odd EXIF and the like; the result tells
        Image.init()  # registers PIL's formats once, before the threads
        with ThreadPoolExecutor(min(4, _cores())) as threads:
            reasons = list(
                tqdm(
                    threads.map(decode_into, range(len(photos))),
                    "Reading photos", len(photos), unit=" photos", delay=1, file=sys.stderr,
                )
            )  # fmt: skip
    return pixels, reasons


def decode(path: str | Path, size: int) -> NDArray[np.uint8]:
    """One photo as (size, size, 3) RGB bytes: upright, its middle square, on white where clear.

    Raises `Bomb` if it holds too many pixels, OSError or ValueError if it can't be read.
    """
    from PIL import Image, ImageOps

    if os.path.getsize(path) == 0:
        raise ValueError("the file is empty")
    image: Image.Image
    try:
        image = Image.open(path)
    except Image.DecompressionBombError as problem:
        raise Bomb(_too_large(path)) from problem
    except (ValueError, SyntaxError, OSError):
        image = _without_notes(path)
    with image:
        frames = getattr(image, "n_frames", 1)
        # A phone's JPEG may carry a second picture (depth, gain map): the first is the photo.
        if frames > 1 and image.format not in ("MPO", "JPEG", "HEIF"):
            raise ValueError(f"holds {frames} pictures (animated, or several pages)")
        limit = Image.MAX_IMAGE_PIXELS
        if image.format not in ("MPO", "JPEG") and limit and image.width * image.height > limit:
            raise Bomb(_too_large(path))
        image.draft("RGB", (2 * size, 2 * size))  # a JPEG is decoded at a fraction of its size
        with contextlib.suppress(Exception):  # broken EXIF: which way is up stays unknown
            ImageOps.exif_transpose(image, in_place=True)
        return square(image, size)


def square(image: Image, size: int) -> NDArray[np.uint8]:
    """The middle square of a picture, shrunk or enlarged to (size, size, 3), on white where clear.

    The phone page prepares the camera's pictures the same way.
    """
    from PIL import Image

    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    middle = (left, top, left + side, top + side)
    small = _colour(image).resize((size, size), Image.Resampling.BICUBIC, box=middle)
    if small.mode == "RGBA":
        white = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(white, small).convert("RGB")
    return np.asarray(small)


def repeated(
    photos: Sequence[Photo], pixels: NDArray[np.uint8], reasons: Sequence[str]
) -> list[str]:
    """`reasons`, with one more for each photo whose decoded pixels occur in an earlier one.

    The given test photos count as the earliest and all stay, so none of them is in train too.
    """
    told = list(reasons)
    first: dict[bytes, int] = {}
    for part in ("test", "val", "train"):
        for index, photo in enumerate(photos):
            if photo.part != part or told[index]:
                continue
            twin = first.setdefault(hashlib.sha256(pixels[index].data).digest(), index)
            if twin != index and part != "test":
                other = "" if photos[twin].name == photo.name else ", which is in another class"
                told[index] = f"the same picture as {readable(photos[twin].path)}{other}"
    return told


def report(
    folder: Path, photos: Sequence[Photo], reasons: Sequence[str], notes: Sequence[str] = ()
) -> tuple[Skipped, ...]:
    """What is left out, told with the notes on stderr; raises ValueError if too little is left."""
    pairs = list(zip(photos, reasons, strict=True))
    skipped = tuple(Skipped(readable(photo.path), why) for photo, why in pairs if why)
    told = f"{len(skipped)} of {len(photos)} photos left out" if skipped else "none left out"
    if skipped:
        told += f", e.g. {skipped[0].path}: {skipped[0].reason}"
    left = Counter((photo.part, photo.name) for photo, why in pairs if not why)
    parts = sorted({photo.part for photo in photos}, reverse=True)
    missing = [
        f"{name} has {left[part, name]}{f' in {part}/' * (len(parts) > 1)}, needs {least}"
        for part, least in ((part, FEWEST if part == "train" else 1) for part in parts)
        for name in sorted({photo.name for photo in photos})
        if left[part, name] < least
    ]
    if missing:
        raise ValueError(
            f"too few photos in {folder}: {few(missing, '; ')} ({told}). Add photos, or take "
            "the class out of the folder."
        )
    for note in (*notes, *([told] if skipped else [])):
        print(f"{readable(folder.name)}: {note}", file=sys.stderr)
    return skipped


def state(folder: Path, photos: Sequence[Photo], size: int) -> str:
    """A key that changes with any photo (path, bytes, time), with `size` and with the decoder."""
    digest = hashlib.sha256(f"{DECODER} {size} {reads_heic()}".encode())
    for photo in photos:
        try:
            status = (folder / photo.path).stat()
        except OSError:  # a broken link is a photo that can't be read
            continue
        digest.update(
            f"\n{photo.path}\0{status.st_size} {status.st_mtime_ns}".encode(
                errors="surrogateescape"
            )
        )
    return digest.hexdigest()


def reads_heic() -> bool:
    """Whether iPhone photos can be read here; registers the reader if so."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


class Bomb(ValueError):
    """More pixels than a photo has; decoding it could fill the memory."""


def _without_notes(path: str | Path) -> Image:
    """A PNG without the texts, profiles and EXIF that keep PIL from opening it.

    Raises what PIL raises for any other file.
    """
    from PIL import Image

    content, at, kept = Path(path).read_bytes(), 8, [PNG]
    if not content.startswith(PNG):
        return Image.open(path)
    while at < len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        # Capital letters are what a picture cannot do without; clear colours and frames change it.
        if content[at + 4 : at + 5].isupper() or content[at + 4 : at + 8] in (b"tRNS", b"acTL"):
            kept.append(content[at:end])
        at = end
    return Image.open(io.BytesIO(b"".join(kept)))


def _colour(image: Any) -> Any:
    """Any PIL picture as RGB, or as RGBA where some of it is clear."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits a pixel; PIL's own conversion would clip
        eight = np.asarray(image).clip(0, 65535) // 257
        return Image.fromarray(eight.astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("holds 32-bit floating point; save it with 8 or 16 bits")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _reason(path: Path, problem: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(problem, UnidentifiedImageError):
        if path.suffix.lower() == ".jxl" or path.read_bytes()[:2] == b"\xff\x0a":
            return "JPEG XL cannot be read here: pip install pillow-jxl-plugin, or export as JPEG"
        if path.suffix.lower() in HEIC and not reads_heic():
            return "HEIC needs a reader: pip install pillow-heif, or export the photo as JPEG"
        return "not a picture, whatever its name says, or damaged at its beginning"
    text = readable(str(problem).replace(str(path), path.name))
    if "truncated" in text.lower():
        return f"truncated: {text}"
    return text if type(problem) is ValueError else f"unreadable: {type(problem).__name__}: {text}"


def _too_large(path: str | Path) -> str:
    return (
        f"{path} holds more pixels than a photo does (a decompression bomb?) and could fill the "
        "memory: remove it, or save it smaller"
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
