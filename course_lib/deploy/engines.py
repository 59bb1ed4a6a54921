"""What runs a network beside PyTorch: ONNX Runtime and, where it is installed, ExecuTorch.

Both run it in float32 and in real 8-bit integers.

>>> from course_lib import models
>>> network = models.LeNet300100().eval()
>>> exported = onnx(network, (1, 28, 28))
>>> exported(torch.zeros(2, 1, 28, 28)).shape
torch.Size([2, 10])
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch

from course_lib.deploy.executorch import Executorch, executorch
from course_lib.deploy.exported import Exported
from course_lib.deploy.onnx_runtime import LARGEST_DIFFERENCE, Onnx, int8, onnx
from course_lib.images.data import Images

ENGINES = (Onnx, Executorch)  # whose files `load` reads

__all__ = [
    "ENGINES",
    "Executorch", "Exported", "Onnx", "Parity", "available", "executorch", "int8", "load", "onnx",
    "parity",
]  # fmt: skip


@dataclass(frozen=True)
class Parity:
    """How an exported network's answers compare with those of the network it was made of."""

    largest: float  # difference of any logit, relative to the largest logit
    agreement: float  # share of the images given the same label, in [0, 1]
    images: int
    saturating: int = 0  # layers that other programs may compute wrongly, see `Onnx.warning`

    def __str__(self) -> str:
        elsewhere = f"; {self.saturating} layers may differ in other programs" * bool(
            self.saturating
        )
        return (
            f"largest difference {self.largest:.2g} of the largest logit, the same label on "
            f"{self.agreement:.1%} of {self.images:,} images{elsewhere}"
        )


def parity(exported: Exported, images: Images, count: int = 500) -> Parity:
    """Compare an exported network with its origin, on the first `count` images.

    Raises ValueError for a float32 network that answers otherwise than PyTorch, and for one that
    was read from a file, whose origin is not known.
    """
    if exported.network is None:
        raise ValueError("this network was read from a file; there is nothing to compare it with")
    count = min(count, len(images))
    images = images.first(count - count % (exported.batch or 1))
    largest = highest = 0.0
    same = 0
    with torch.inference_mode():
        for inputs, _ in images.fed_to(exported.network).batches(exported.batch or 20):
            ours, theirs = exported.network(inputs), exported(inputs)
            largest = max(largest, float((ours - theirs).abs().max()))
            highest = max(highest, float(ours.abs().max()))
            same += int((ours.argmax(1) == theirs.argmax(1)).sum())
    found = Parity(largest / highest, same / len(images), len(images), len(exported.saturating))
    if exported.kind == "float32" and not found.largest <= LARGEST_DIFFERENCE:
        raise ValueError(
            f"{exported.engine} answers otherwise than PyTorch ({found}): an operation was "
            f"exported wrongly"
        )
    return found


def load(path: str | Path, threads: int = 1) -> Exported:
    """A network from a file: .onnx for ONNX Runtime, .pte for ExecuTorch.

    Raises FileNotFoundError, ValueError for another kind of file, ImportError, with what to
    install, for an engine that is not there.
    """
    path = Path(path)
    content = path.read_bytes()
    for engine in ENGINES:
        if path.suffix == engine.suffix:
            return engine.restored(content, threads)
    raise ValueError(
        f"{path} must end in {' or '.join(engine.suffix for engine in ENGINES)}; "
        f"packing.load reads packed networks"
    )


def available(name: str) -> bool:
    """Is all installed that this engine needs?

    >>> available("onnxruntime")
    True
    """
    [packages] = [engine.packages for engine in ENGINES if engine.engine == name]
    return all(map(find_spec, packages))
