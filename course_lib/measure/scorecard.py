"""Measure every figure of a network on the machine you sit at, by one protocol.

`measure` one network, or `measure_all` of them by turns; then `compare` the cards. What a card
holds and shows, row by row, stands in `cards`.

>>> import numpy as np
>>> from course_lib import data, models
>>> pixels = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
>>> tiny = data.from_arrays(pixels, np.arange(60) % 3)
>>> networks = {"wide": models.LeafNet(8, classes=3), "narrow": models.LeafNet(4, classes=3)}
>>> wide, narrow = measure_all(networks, tiny, limit_s=0.2)
>>> wide.file_bytes > narrow.file_bytes, wide.macs
(True, 645216)
"""

import dataclasses
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_model
from torch import Tensor, nn

from course_lib import cache, files
from course_lib.deploy import graphs
from course_lib.deploy.engines import ENGINES, Exported, onnx
from course_lib.images.data import ImageData, Images
from course_lib.measure.cards import Comparison, Scorecard, compare
from course_lib.measure.intervals import Paired, paired, wilson
from course_lib.measure.measuring import (
    Latency,
    latency,
    measured_energy,
    peak_memory,
    set_threads,
    threads,
)
from course_lib.networks import feeding, identity
from course_lib.networks.counting import (
    Counted,
    count,
    estimated_energy,
    macs,
    macs_by_layer,
    still,
    working_memory,
)
from course_lib.networks.training import batches, predict, release_memory

__all__ = [
    "Comparison", "Latency", "Paired", "Scorecard", "checkpoint_bytes", "compare", "keep",
    "latency", "macs", "macs_by_layer", "measure", "measure_all", "paired", "peak_memory",
    "set_threads", "threads", "wilson", "working_memory",
]  # fmt: skip

MEASURED_IN = ("pytorch", "onnxruntime")
SPLITS = ("test", "val")  # nothing is measured on images that the network was trained on


def measure(
    network: nn.Module | Exported,
    data: ImageData,
    engine: str = "pytorch",
    name: str = "original",
    images: int | None = None,
    split: str = "test",
    limit_s: float = 10,
) -> Scorecard:
    """Every figure of one network; see `measure_all`, which also says what is raised."""
    return measure_all({name: network}, data, engine, images, split, limit_s)[0]


def measure_all(
    networks: Mapping[str, nn.Module | Exported],
    data: ImageData,
    engine: str = "pytorch",
    images: int | None = None,
    split: str = "test",
    limit_s: float = 10,
) -> list[Scorecard]:
    """Measure networks by one protocol, their latency by turns in this process; a card for each.

    networks: {name: network}; copies in evaluation mode are measured, yours stay as they are.
    An `engines.Exported` is measured as it is, in its own engine.
    engine: what runs the others, "pytorch", or "onnxruntime" (exported first, one thread).
    images: only the first so many, for a quick look. split: "test", or "val" while you choose.
    limit_s: seconds at most for the latencies of all together.

    The file is a safetensors checkpoint, written and weighed, or the engine's file. Packed is the
    packed file that the network was restored from (`packing.load`), else its file through zlib,
    level 9. Deployed is the file as it is, for nothing smaller can be loaded
    yet. Energy is measured where the machine lets it, else it is an estimate and says so.

    Raises ValueError for an unknown engine or split, a network that does not fit the data, one
    whose outputs are not numbers, and one whose operations cannot be counted.
    """
    if engine not in MEASURED_IN:
        raise ValueError(f"engine must be one of {', '.join(MEASURED_IN)}, got {engine!r}")
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if images is not None and images < 1:
        raise ValueError(f"images must be at least 1, got {images}; None takes all of them")
    if not isinstance(networks, Mapping) or not networks:
        raise ValueError(f"networks must be like {{'original': network}}, got {networks!r:.80}")
    pictures: Images = getattr(data, split)
    pictures = pictures if images is None else pictures.first(images)
    if not len(pictures):
        raise ValueError(f"data {data.name!r} has no {split} images to measure on")

    set_threads()
    running: dict[str, nn.Module | Exported] = {}
    image: dict[str, Tensor] = {}
    for name, network in networks.items():
        running[name] = network if isinstance(network, Exported) else still(network)
        image[name] = next(pictures.fed_to(running[name]).batches(1))[0]
        if isinstance(running[name], nn.Module):
            image[name] = image[name].to(feeding.place(running[name])[1])
        _check_fit(name, running[name], data, image[name])
        if engine == "onnxruntime" and isinstance(network, nn.Module):
            running[name] = onnx(network, data.shape)
    tested_on = f"{data.fingerprint} {split}"
    release_memory()
    classes = len(data.classes)
    answers = [
        _answers(name, network, pictures, classes, tested_on) for name, network in running.items()
    ]
    with torch.inference_mode():
        runs = [_run(network, image[name]) for name, network in running.items()]
        times = latency(*runs, limit_s=limit_s)
        energies = [measured_energy(run) for run in runs]
    return [
        _card(name, network, data, tested_on, correct, time, energy)
        for (name, network), correct, time, energy in zip(
            running.items(), answers, times, energies, strict=True
        )
    ]


def _run(network: nn.Module | Exported, image: Tensor) -> Callable[[], object]:
    return network.run(image) if isinstance(network, Exported) else lambda: network(image)


def _card(
    name: str,
    network: nn.Module | Exported,
    data: ImageData,
    tested_on: str,
    correct: np.ndarray,
    time: Latency,
    energy: float | None,
) -> Scorecard:
    low, high = wilson(int(correct.sum()), len(correct))
    counted, kind = _counted(network, data), "float32"
    if isinstance(network, Exported):
        kind, file_bytes = network.kind, len(network.content)
        packed_bytes = network.packed_bytes or len(zlib.compress(network.content, 9))
    else:
        file_bytes, packed_bytes = checkpoint_bytes(network)
    if energy is None:
        energy_mj = estimated_energy(counted.macs, counted.moved_bytes, kind)
    else:
        energy_mj = energy
    return Scorecard(
        name=name,
        engine=network.engine if isinstance(network, Exported) else "pytorch",
        threads=network.threads if isinstance(network, Exported) else torch.get_num_threads(),
        accuracy=float(correct.mean()),
        accuracy_low=low,
        accuracy_high=high,
        params=counted.parameters,
        nonzero_params=counted.nonzero_parameters,
        file_bytes=file_bytes,
        packed_bytes=packed_bytes,
        deployed_bytes=file_bytes,
        macs=counted.macs,
        latency_ms_median=time.median_ms,
        latency_ms_p90=time.p90_ms,
        memory_bytes=peak_memory(),
        energy_mj=energy_mj,
        energy_is_estimate=energy is None,
        noisy=time.noisy,
        working_bytes=counted.working_bytes,
        correct=correct,
        tested_on=tested_on,
        saturating=len(network.saturating) if isinstance(network, Exported) else 0,
    )


def _counted(network: nn.Module | Exported, data: ImageData) -> Counted:
    if not isinstance(network, Exported):
        return count(network, data.shape)
    if network.network is None:  # read from a file
        return graphs.count(network.content, data.shape)
    counted = count(network.network, data.shape)
    smaller = 4 if network.kind == "int8" else 1  # one byte for a number instead of four
    return dataclasses.replace(
        counted,
        moved_bytes=counted.moved_bytes // smaller,
        working_bytes=counted.working_bytes // smaller,
    )


def checkpoint_bytes(network: nn.Module) -> tuple[int, int]:
    """Size of the network's safetensors file on disk, and of the same file through zlib -9."""
    with files.scratch() as folder:
        file = folder / "network.safetensors"
        save_model(network, str(file))  # weights that two layers share are stored once
        return file.stat().st_size, len(zlib.compress(file.read_bytes(), 9))


def _check_fit(name: str, network: nn.Module | Exported, data: ImageData, image: Tensor) -> None:
    """Raise ValueError unless the network turns one image into one number for each class."""
    wanted = (1, len(data.classes))
    if isinstance(network, Exported) and network.shape != data.shape:
        raise ValueError(
            f"network {name!r} was exported for images of shape {network.shape}, those of "
            f"{data.name!r} have {data.shape}; export it again with engines.onnx()"
        )
    try:
        with torch.inference_mode():
            outputs = network(image)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"network {name!r} cannot take the images of {data.name!r}, of shape {data.shape} "
            f"(channels, height, width): {error}"
        ) from None
    if not isinstance(outputs, Tensor) or tuple(outputs.shape) != wanted:
        got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ValueError(
            f"network {name!r} must turn one image into shape {wanted}, a number for each of the "
            f"{len(data.classes)} classes of {data.name!r}; got {got}. "
            f"Build or train it for these classes"
        )


def _answers(
    name: str, network: nn.Module | Exported, images: Images, classes: int, tested_on: str
) -> np.ndarray:
    """One bool for each image: is the highest output its label's?"""

    def make() -> cache.Stored:
        if isinstance(network, Exported):
            # Engines keep what their largest batch needed; and outputs kept one by one would
            # lie between the freed inputs and hold their memory.
            outputs = torch.empty(len(images), classes)
            parts = zip(outputs.split(5), images.fed_to(network).batches(5), strict=True)
            for number, (part, (inputs, _)) in enumerate(parts):
                part.copy_(network(inputs))
                if number % 100 == 0:
                    cache.page_out(images.pixels)  # what was asked about is not needed again
        else:
            outputs = predict(network, images)
        broken = int((~outputs.isfinite().all(dim=1)).sum())
        if broken:
            raise ValueError(
                f"network {name!r} gives NaN or infinite outputs for {broken:,} of "
                f"{len(images):,} images: its training ran away (lower the learning rate), or a "
                f"weight is broken"
            )
        return {"correct": outputs.argmax(1) == images.labels}, ""

    # Every chapter asks the original, for a quarter of a minute. Its name says that it is worth
    # keeping; what it computes says whose answers they are.
    computed = _computed(network, images) if name == "original" else None
    if computed is None:
        found, _ = make()
    else:
        engine = network.engine if isinstance(network, Exported) else "torch"
        file = f"answers-{tested_on.replace(' ', '-')}-{engine}.safetensors"
        found, _ = cache.cached(file, f"{computed} {version(engine)} {len(images)}", make)
    return found["correct"].numpy()


def _computed(network: nn.Module | Exported, images: Images) -> str | None:
    """What the network computes of these images; None if that can't be told."""
    if isinstance(network, nn.Module):
        return identity.of(network, images.pixels.shape[1:], batches(images))
    if type(network) in ENGINES:  # the file, and nothing of anybody else's
        return hashlib.sha256(network.content).hexdigest()
    return None


def keep(chapter: str, cards: Sequence[Scorecard]) -> None:
    """Leave the chapter's cards, before to after, for `make course` to show at its end.

    The folder is COURSE_BUILD/scorecards; where that is not set (you at your own pace), nothing
    is written.
    """
    build = os.environ.get("COURSE_BUILD")
    if build:
        folder = Path(build) / "scorecards"
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps([card.as_dict() for card in cards], indent=2, allow_nan=False)
        (folder / f"{chapter}.json").write_text(text + "\n", encoding="utf-8")
