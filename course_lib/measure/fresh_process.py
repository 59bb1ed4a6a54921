"""Measure networks from their files alone, in a fresh process: nothing but the files can help them.

`cards` starts the process and reads what it found; that process is
`python -m course_lib.measure.fresh_process FOLDER`.
"""

import contextlib
import dataclasses
import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file, save_file

from course_lib import cache, files
from course_lib.images.data import ImageData, Images
from course_lib.measure.cards import Scorecard
from course_lib.networks.training import release_memory

if TYPE_CHECKING:
    from course_lib.deploy.engines import Onnx

ASKED, ANSWERS = "asked.json", "answers.safetensors"


def cards(
    networks: "Mapping[str, Path | bytes | Onnx]",
    data: ImageData,
    split: str = "test",
    images: int | None = None,
    limit_s: float = 10,
) -> list[Scorecard]:
    """A card for each of the networks by name, measured by turns in one fresh process.

    networks: files, namely ONNX graphs (.onnx), packed networks, both run by ONNX Runtime, and
    ExecuTorch's .pte; or what goes into one: a network for ONNX Runtime, a packed file's bytes.
    One thread.
    split, images, limit_s: as `scorecard.measure_all` takes them.
    Raises what the files' readers raise, and RuntimeError if the process ends without an answer.
    """
    pictures: Images = getattr(data, split)
    pictures = pictures if images is None else pictures.first(images)
    asked: dict[str, Any] = {
        "name": data.name,
        "classes": data.classes,
        "limit_s": limit_s,
    }
    with files.scratch() as folder:
        asked["files"] = {
            name: str(_file(given, folder / str(number)))
            for number, (name, given) in enumerate(networks.items())
        }
        save_file(
            {"pixels": pictures.pixels.numpy(), "labels": pictures.labels.numpy()},
            folder / "images.safetensors",
        )
        (folder / ASKED).write_text(json.dumps(asked), encoding="utf-8")
        for part in (data.train, data.val, data.test):  # two processes now, on small machines
            cache.page_out(part.pixels)
        gc.collect()
        release_memory()
        with _tied() as stdin:
            done = subprocess.run(
                [sys.executable, "-m", "course_lib.measure.fresh_process", str(folder)],
                stdin=stdin,
                capture_output=True,
                text=True,
                errors="replace",
            )
        if done.returncode == 2:
            raise ValueError(done.stderr.strip())
        if done.returncode:
            raise RuntimeError(
                f"the process that measures ended with {done.returncode}: "
                f"{done.stderr.strip()[-500:] or 'too little memory is the usual reason'}"
            )
        correct = load_file(folder / ANSWERS)
        tested_on = f"{data.fingerprint} {split}"
        return [
            dataclasses.replace(
                Scorecard.from_json(json.dumps(found["card"])),
                noisy=found["noisy"],
                working_bytes=found["working_bytes"],
                saturating=found["saturating"],
                correct=correct[str(number)],
                tested_on=tested_on,
            )
            for number, found in enumerate(json.loads(done.stdout))
        ]


@contextlib.contextmanager
def _tied() -> Iterator[int]:
    """What a process reads from that ends with this one, even if this one is killed."""
    reading, writing = os.pipe()  # the system closes the other end with this process
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def _end_with_parent() -> None:
    os.read(0, 1)  # unbuffered: Python could not end while another thread holds the buffer
    os._exit(1)


def _file(given: "Path | bytes | Onnx", place: Path) -> Path:
    """Where a network lies; one that is no file yet is written to `place` and a suffix."""
    if isinstance(given, str | Path):
        return Path(given).resolve()
    path = place.with_suffix(".packed" if isinstance(given, bytes) else ".onnx")
    path.write_bytes(given if isinstance(given, bytes) else given.content)
    return path


def _judged(folder: Path) -> None:
    """Measure what `cards` left in the folder; print the cards, write which answers are right."""
    import safetensors.torch

    from course_lib.deploy import engines, packing
    from course_lib.measure import scorecard

    asked = json.loads((folder / ASKED).read_text(encoding="utf-8"))
    stored = safetensors.torch.load_file(folder / "images.safetensors")  # mapped, not copied
    images = Images(stored["pixels"], stored["labels"])
    data = ImageData(asked["name"], images.first(1), images.first(0), images,
                     tuple(asked["classes"]))  # fmt: skip

    networks = {
        name: (engines.load if path.endswith((".onnx", ".pte")) else packing.load)(path)
        for name, path in asked["files"].items()
    }
    found = scorecard.measure_all(networks, data, limit_s=asked["limit_s"])
    correct = {str(i): np.asarray(card.correct) for i, card in enumerate(found)}
    save_file(correct, folder / ANSWERS)
    aside = ("noisy", "working_bytes", "saturating")  # what a card's JSON does not hold
    told = [
        {"card": card.as_dict(), **{key: getattr(card, key) for key in aside}} for card in found
    ]
    print(json.dumps(told))


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _judged(Path(sys.argv[1]))
    except (ValueError, FileNotFoundError) as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
