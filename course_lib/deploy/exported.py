"""What every engine gives: a network as the file that it loads, called like a network.

An engine is a module beside this one: a subclass of Exported, and a function that exports to it;
`engines` lists it in ENGINES and passes both on.
"""

import contextlib
import importlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from course_lib.images import normalisation
from course_lib.images.data import Images
from course_lib.images.normalisation import Normalisation


@dataclass(frozen=True, eq=False)
class Exported:
    """A network as the file that an engine loads.

    Called with normalised float images (batch, channels, height, width), it returns logits
    (batch, classes).
    """

    content: bytes = field(repr=False)  # the file
    network: nn.Module | None = field(repr=False)  # what it was made of, if that is known here
    shape: tuple[int, ...]  # of one image
    kind: str = "float32"  # or "int8"
    threads: int = 1
    packed_bytes: int | None = None  # size of the packed file that it was restored from
    engine = ""
    suffix = ""  # of its files
    packages: ClassVar[tuple[str, ...]] = ()  # that it needs

    @classmethod
    def restored(cls, content: bytes, threads: int) -> "Exported":
        """The network of a file's content."""
        raise NotImplementedError

    @property
    def batch(self) -> int | None:
        """How many images at a time the file is for; None: any number."""
        return None

    @property
    def normalisation(self) -> Normalisation:
        """How the file's network is fed."""
        return normalisation.of(self.network)

    @property
    def saturating(self) -> tuple[str, ...]:
        """The weights that other programs may compute wrongly; XNNPACK's kernels never do."""
        return ()

    def __call__(self, images: Tensor) -> Tensor:
        raise NotImplementedError

    def run(self, image: Tensor) -> Callable[[], object]:
        """A function that computes this one image, with nothing around it: for timing."""
        raise NotImplementedError


def check_calibration(count: int, images: Images | None) -> None:
    if images is not None and (count < 1 or not len(images)):
        raise ValueError(
            f"calibration needs at least one image, got count={count} of {len(images):,}; "
            f"100 to 500 images of the training or validation set are usual"
        )


def needed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{name} is missing ({error}); `python course.py setup` brings onnx, onnxscript and "
            f"onnxruntime, `pip install executorch torchao` ExecuTorch"
        ) from None


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without the exporter's progress and the deprecations inside of other people's code."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
