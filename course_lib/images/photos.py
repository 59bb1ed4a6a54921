"""Find the photos in a folder and decode each to a small square of RGB bytes.

One bad file never stops the others: it is left out, and the reason is told.
"""

from __future__ import annotations

import hashlib
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

if TYPE_CHECKING:
    from PIL.Image import Image

FEWEST = 5  # photos of a class: three to learn from, one to choose by, one to test on
DECODER = 1  # raise it when the same file decodes to other pixels
HEIC = {".heic", ".heif"}
JPEG = {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"}
SUFFIXES = HEIC | JPEG | {".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".ppm", ".pgm"}
# What people and tools call the folders above the classes.
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
LAYOUT = "make one folder per class, each with its photos: daisy/1.jpg, rose/1.jpg, ..."


@dataclass(frozen=True)
class Photo:
    """A file that looks like a photo: path relative to the folder, class, part of the set."""

    path: str
    name: str
    part: str = "train"


@dataclass(frozen=True)
class Skipped:
    """A photo that is left out: path relative to the folder, and why."""

    path: str
    reason: str


def find(folder: Path) -> list[Photo]:
    """The photos of `folder`, in the same order on every file system.

    Each subfolder is a class; train/ and test/ (and val/) may stand above them. Hidden files and
    files that are no photos are passed over. Raises FileNotFoundError or NotADirectoryError if
    `folder` is not there or a file, ValueError if it holds no photos in class folders.
    """
    if not folder.exists():
        raise FileNotFoundError(
            f"no folder {folder}: check the spelling; it is looked for from {Path.cwd()}"
        )
    if not folder.is_dir():
        raise NotADirectoryError(
            f"{folder} is a file, not a folder: unpack it if it is an archive, and {LAYOUT}"
        )
    above = {path.name.lower(): path for path in _subfolders(folder)}
    known = PARTS.keys() & above.keys()
    parts = {PARTS[name] for name in known}
    if not ("train" in parts and (known == above.keys() or "test" in parts)):
        return _classes(folder, folder)
    return [
        photo
        for name in sorted(known, key=lambda name: ("train", "val", "test").index(PARTS[name]))
        for photo in _classes(above[name], folder, PARTS[name])
    ]


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
    try:
        image = Image.open(path)
    except Image.DecompressionBombError as problem:
        raise Bomb(_too_large(path)) from problem
    with image:
        frames = getattr(image, "n_frames", 1)
        # A phone's JPEG may carry a second picture (depth, gain map): the first is the photo.
        if frames > 1 and image.format not in ("MPO", "JPEG", "HEIF"):
            raise ValueError(f"holds {frames} pictures (animated, or several pages)")
        limit = Image.MAX_IMAGE_PIXELS
        if image.format not in ("MPO", "JPEG") and limit and image.width * image.height > limit:
            raise Bomb(_too_large(path))
        image.draft("RGB", (2 * size, 2 * size))  # a JPEG is decoded at a fraction of its size
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
                told[index] = f"the same picture as {photos[twin].path}{other}"
    return told


def report(folder: Path, photos: Sequence[Photo], reasons: Sequence[str]) -> tuple[Skipped, ...]:
    """What is left out, told in one line on stderr; raises ValueError if too little is left."""
    pairs = list(zip(photos, reasons, strict=True))
    skipped = tuple(Skipped(photo.path, why) for photo, why in pairs if why)
    told = f"{len(skipped)} of {len(photos)} photos left out" if skipped else "none left out"
    if skipped:
        told += f", e.g. {skipped[0].path}: {skipped[0].reason}"
    left = Counter((photo.part, photo.name) for photo, why in pairs if not why)
    parts = sorted({photo.part for photo in photos}, reverse=True)
    few = [
        f"{name} has {left[part, name]}{f' in {part}/' * (len(parts) > 1)}, needs {least}"
        for part, least in ((part, FEWEST if part == "train" else 1) for part in parts)
        for name in sorted({photo.name for photo in photos})
        if left[part, name] < least
    ]
    if few:
        raise ValueError(
            f"too few photos in {folder}: {'; '.join(few)} ({told}). Add photos, or take the class "
            "out of the folder."
        )
    if skipped:
        print(f"{folder.name}: {told}", file=sys.stderr)
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


def _classes(folder: Path, root: Path, part: str = "train") -> list[Photo]:
    """The photos of each class folder in `folder`, however deep they lie in it."""
    photos = [
        Photo(path.relative_to(root).as_posix(), sub.name, part)
        for sub in _subfolders(folder)
        for path in _files(sub)
        if _is_photo(path)
    ]
    if photos:
        return photos
    loose = sum(_is_photo(path) and _visible(path.name) for path in folder.iterdir())
    if loose and part in ("val", "test"):
        raise ValueError(
            f"{folder} holds {loose} photos in no class folder: sort them into the same classes "
            f"as the training photos, or rename it to take them out"
        )
    if loose:
        raise ValueError(f"{folder} holds {loose} photos but no class folders: {LAYOUT}")
    others = {
        path.suffix.lower() or path.name for sub in _subfolders(folder) for path in _files(sub)
    }
    seen = f", only {', '.join(sorted(others)[:5])}" if others else ""
    raise ValueError(
        f"no photos in the subfolders of {folder}{seen}: {LAYOUT} (JPEG, PNG, WebP, TIFF, HEIC)"
    )


def _subfolders(folder: Path) -> list[Path]:
    found = (path for path in folder.iterdir() if path.is_dir() and _visible(path.name))
    return sorted(found, key=lambda path: path.name)  # Path's own order depends on the platform


def _files(folder: Path) -> list[Path]:
    found = []
    for top, folders, names in os.walk(folder):
        folders[:] = filter(_visible, folders)
        found += [Path(top, name) for name in names if _visible(name)]
    return sorted(found, key=lambda path: path.as_posix())


def _visible(name: str) -> bool:
    return not name.startswith((".", "__MACOSX"))


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


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
        if path.suffix.lower() in HEIC and not reads_heic():
            return "HEIC needs a reader: pip install pillow-heif, or export the photo as JPEG"
        return "not a picture, whatever its name says, or damaged at its beginning"
    text = str(problem).replace(str(path), path.name)
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
