"""Damaged files of every kind that the course keeps and believes later, and photos.

`case(seed, place)` names a kind of file and returns what reads one that was changed: it must be
refused in words, or made anew, or give what was written. Anything else it says by itself:
AssertionError, with what came instead.
"""

import copy
import functools
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from course_lib import cache, data, engines, models, packing, training
from course_lib.checks import record
from course_lib.images import photos
from course_lib.images.photo_folders import Photo
from course_lib.measure.cards import Scorecard
from course_lib.phone import page_folder
from course_lib.recipes.result import Result, Stage

NUMBERS = (0, 1, 127, 255, 2**15, 2**24, 2**31, 2**32, 2**53, 2**63, 2**64 - 1)


class Refused(ValueError):
    """What was said of a file without an error: it counts as refused in words."""


VALUES = (
    None, True, 0, -1, 2**64, 0.5, 1e308, float("nan"), "", "x", "a" * 5000, "\u0000", "<script>",
    "../../etc/passwd", [], [[]], [None], {}, {"a": 1}, [0] * 1000,
)  # fmt: skip


def bent(r: random.Random, content: bytes, other: bytes = b"") -> bytes:
    """Some bytes of a file turned, cut, moved, doubled or replaced; more often at its beginning."""
    changed = bytearray(content)
    for _ in range(r.choice([1, 1, 2, 4])):
        at = r.randrange(len(changed) + 1) if r.random() < 0.5 else int(r.expovariate(1 / 60))
        at = min(at, max(0, len(changed) - 1))
        way = r.randrange(7)
        if way == 0 and changed:
            changed[at] ^= 1 << r.randrange(8)
        elif way == 1:
            changed[at : at + 1] = bytes([r.choice([0, 127, 255, *b'"{9'])])
        elif way == 2:
            del changed[at:]
        elif way == 3:
            del changed[at : at + r.choice([1, 4, 16])]
        elif way == 4:
            changed[at:at] = r.randbytes(r.choice([1, 2, 8]))
        elif way == 5:
            changed[at : at + 8] = r.choice(NUMBERS).to_bytes(8, "little")
        else:
            changed[at:] = other[r.randrange(len(other) + 1) :]
    return bytes(changed)


def bent_json(r: random.Random, given: Any) -> Any:
    """The same with some values replaced, taken out or added."""
    changed = copy.deepcopy(given)
    for _ in range(r.choice([1, 1, 2, 3])):
        inside = [each for each in _containers(changed) if each]
        if not inside:
            return r.choice(VALUES)
        holder = r.choice(inside)
        key = r.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if r.random() < 0.2:
            holder.pop(key)
        else:
            holder[key] = copy.deepcopy(r.choice(VALUES))
    return changed


def _containers(value: Any) -> list[Any]:
    children = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return []
    return [value, *(found for child in children for found in _containers(child))]


# What is damaged: made once, small


@functools.cache
def noise() -> data.ImageData:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    return data.from_arrays(pixels, np.arange(60) % 3, name="noise")


@functools.cache
def checkpoint(place: Path) -> tuple[bytes, bytes, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    network = models.LeafNet(4, classes=3)
    one = models.save(network, place / "one.safetensors", {"seed": 0}).read_bytes()
    two = models.save(models.LeNet5(3), place / "two.safetensors").read_bytes()
    return one, two, network.state_dict()


@functools.cache
def half(place: Path) -> tuple[bytes, nn.Module, dict[str, torch.Tensor]]:
    """A training that was killed, as a file; where it began; and where it would have ended."""
    torch.manual_seed(0)
    network, file = models.LeafNet(4, classes=3), place / "half.part"

    def stop(_network: nn.Module, done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    settings: dict[str, Any] = {"epochs": 2, "batch_size": 32, "progress": False}
    ended, _ = training.fit(network, noise(), **settings)
    try:
        training.fit(network, noise(), checkpoint=file, after_step=stop, **settings)
    except KeyboardInterrupt:
        return file.read_bytes(), network, ended.state_dict()
    raise AssertionError("the training was not interrupted")


@functools.cache
def result(place: Path) -> Path:
    """What `compress` leaves, of the smallest network."""
    network = engines.onnx(models.LeafNet(4, classes=3).eval(), (3, 32, 32))
    packed = packing.pack(network)
    card = Scorecard("the network", "onnxruntime", 1, *[0.9] * 3, *[9] * 6, 1.0, 1.0, 9, 0.1, True)
    made = Result(
        recipe="pack the result", before=card, after=card, baseline=None, max_drop=0.5,
        stages=(Stage("pack the result", len(packed), packing.unpack(packed), card),), tries=(),
        seconds=1.0, data="noise", shape=(3, 32, 32), classes=("a", "b", "c"), images_seen=60,
        original=network, packed=packed, points=None, parity=None, native={}, beside={},
    )  # fmt: skip
    return made.save(place / "out")


@functools.cache
def pictures() -> dict[str, bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    found = {}
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM"):
        held = io.BytesIO()
        Image.fromarray(pixels).save(held, kind)
        found[kind] = held.getvalue()
    return found


# What reads them


def same(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor], what: str) -> None:
    if found.keys() != wanted.keys() or any(
        not torch.equal(found[name], wanted[name]) for name in wanted
    ):
        raise AssertionError(what)


def read_checkpoint(r: random.Random, place: Path) -> None:
    one, two, weights = checkpoint(place)
    file = place / "bent.safetensors"
    file.write_bytes(bent(r, one, two))
    same(models.load(file).state_dict(), weights, "another network, and no word")


def read_header(r: random.Random, place: Path) -> None:
    """A checkpoint whose header was written anew: the words, not the bytes, are another's."""
    one, _, weights = checkpoint(place)
    length = int.from_bytes(one[:8], "little")
    header = json.dumps(bent_json(r, json.loads(one[8 : 8 + length]))).encode()
    file = place / "header.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + one[8 + length :])
    same(models.load(file).state_dict(), weights, "another network, and no word")


def read_half(r: random.Random, place: Path) -> None:
    content, network, ended = half(place)
    file = place / "bent.part"
    file.write_bytes(bent(r, content))
    settings: dict[str, Any] = {"epochs": 2, "batch_size": 32, "progress": False}
    found, _ = training.fit(network, noise(), checkpoint=file, **settings)
    same(found.state_dict(), ended, "went on to another network, and no word")


def read_cache(r: random.Random, place: Path) -> None:
    held = {"x": torch.arange(600).reshape(2, 3, 100)}, {"reasons": ["", ""]}
    path = cache.cache_dir() / "fuzzed"
    path.unlink(missing_ok=True)
    cache.cached("fuzzed", "key", lambda: held)
    path.write_bytes(bent(r, path.read_bytes()))
    tensors, note = cache.cached("fuzzed", "key", lambda: held)
    same(tensors, held[0], "other numbers from the cache")
    assert note == held[1], "another note from the cache"


def read_result(r: random.Random, place: Path) -> None:
    folder = result(place)
    name = r.choice(["result.json", "result.json", "compressed.packed", "original.onnx"])
    whole = (folder / name).read_bytes()
    other = bent(r, whole)
    if name == "result.json" and r.random() < 0.7:
        other = json.dumps(bent_json(r, json.loads(whole))).encode()
    try:
        (folder / name).write_bytes(other)
        Result.load(folder)
    finally:
        (folder / name).write_bytes(whole)


def read_progress(r: random.Random, place: Path) -> None:
    kept = {"01_jigsaw/few": {"passed": True, "tries": 3, "mistakes": {"a": 2}}}
    text = json.dumps(bent_json(r, kept)).encode()
    file = place / "progress.json"
    file.write_bytes(text if r.random() < 0.7 else bent(r, text))
    record.Record(file).failed("01_jigsaw/few", "a")
    record.Record(file).passed("01_jigsaw/few")
    assert record.Record(file).entries["01_jigsaw/few"].passed, "a passed task is lost"


def read_page(r: random.Random, place: Path) -> None:
    page = place / "page"
    page.mkdir(exist_ok=True)
    listing = {
        "built": "abc", "runtime": {"version": "1", "bytes": 1}, "files": ["index.html"],
        "modes": [{"id": "leaves", "title": "t", "bytes": {}, "samples": [{"label": "a"}]}],
    }  # fmt: skip
    (page / "models.json").write_text(json.dumps(bent_json(r, listing)))
    page_folder.check_place(page)
    page_folder.check(page)


def read_photo(r: random.Random, place: Path) -> None:
    kinds = pictures()
    kind, other = r.choice(list(kinds)), r.choice(list(kinds))
    file = place / f"photo.{ {'JPEG': 'jpg', 'TIFF': 'tif'}.get(kind, kind.lower()) }"
    file.write_bytes(bent(r, kinds[kind], kinds[other]))
    pixels, (reason,) = photos.read(place, [Photo(file.name, "leaf")], 64)
    assert pixels.shape == (1, 3, 64, 64)
    assert len(reason) < 400, "a reason that nobody reads"
    if reason:
        raise Refused(reason)


READERS: dict[str, Callable[[random.Random, Path], None]] = {
    "checkpoint": read_checkpoint, "header": read_header, "photo": read_photo,
    "cache": read_cache, "result": read_result, "progress": read_progress, "page": read_page,
    "half": read_half,
}  # fmt: skip


def case(seed: int, place: Path) -> tuple[str, Callable[[], None]]:
    """A kind of file, and what reads one of that kind in the folder `place`."""
    _ = checkpoint(place), half(place), result(place), pictures()  # made once, outside of the case
    kind = list(READERS)[seed % len(READERS)]
    return kind, lambda: READERS[kind](random.Random(seed), place)
