"""Tensors and words in one file with a checksum: what is kept, and believed when it is read again.

The format is safetensors, which holds numbers and runs no code. A disk that loses a bit, a copy cut
off, a file of somebody else: reading says so, and gives nothing.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     path = write(Path(folder) / "leaf", {"width": torch.tensor([3.5])}, {"of": "an oak"})
...     tensors, head = read(path)
...     print(tensors["width"].item(), head)
...     whole = path.read_bytes()
...     _ = path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))  # one bit of the last number
...     found(path, "making it again") is None
3.5 {'of': 'an oak'}
True
"""

import sys
import zlib
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from course_lib import files

CHECKSUM = "checksum"


class Damaged(ValueError):
    """A file that is not, or no longer, what was written."""


def write(
    path: Path, tensors: dict[str, torch.Tensor], head: dict[str, str], mode: int | None = None
) -> Path:
    """Write all of the file or nothing; raises OSError. mode: as in `files.replacing`."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with files.replacing(path, mode=mode) as part:
        try:
            save_file(tensors, part, metadata={**head, CHECKSUM: _checksum(tensors, head)})
        except SafetensorError as problem:  # how safetensors reports a full disk
            raise OSError(str(problem)) from problem
    return path


def read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors, memory-mapped, and the words. Raises FileNotFoundError, and Damaged."""
    try:
        with safe_open(path, "pt") as file:
            head = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        noted = head.pop(CHECKSUM, None)
        if noted is None:
            raise Damaged("it has no checksum: something else wrote it, or an earlier version")
        if noted != _checksum(tensors, head):
            raise Damaged("its checksum differs: the disk lost some of it, or somebody changed it")
    except FileNotFoundError:
        raise
    except (OSError, SafetensorError, RuntimeError, KeyError, ValueError) as error:
        raise error if isinstance(error, Damaged) else Damaged(str(error)) from None
    return tensors, head


def found(path: Path, say: str) -> tuple[dict[str, torch.Tensor], dict[str, str]] | None:
    """What `read` gives, or None where nothing was kept; a damaged one is said on stderr."""
    try:
        return read(path)
    except FileNotFoundError:
        return None
    except Damaged as problem:
        print(f"{path} is damaged ({problem}): {say}", file=sys.stderr)
        return None


def _checksum(tensors: dict[str, torch.Tensor], head: dict[str, str]) -> str:
    """CRC-32 over the words, and over names, types, shapes and bytes of the tensors."""
    total = zlib.crc32(repr(sorted(head.items())).encode("utf-8", "surrogatepass"))
    for name, tensor in sorted(tensors.items()):
        total = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), total)
        total = zlib.crc32(content(tensor), total)
    return str(total)


def content(tensor: torch.Tensor) -> memoryview:
    """The bytes of a tensor's numbers, one after the other, wherever and however it lies."""
    dense = tensor.detach().cpu().contiguous()
    # What is contiguous may still have any stride where there is one number alone.
    return dense.as_strided((dense.numel(),), (1,)).view(torch.uint8).numpy().data
