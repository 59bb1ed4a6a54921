"""One small file for a compressed network: its ONNX graph stripped, its weights entropy-coded.

Packing loses nothing: `load` gives back the graph that was stored, to the bit. It makes small what
the techniques before it made predictable: zeros, few levels. The container is safetensors, which
holds numbers and runs no code.

>>> from course_lib import engines, models
>>> network = engines.onnx(models.LeafNet(4).eval(), (3, 64, 64))
>>> packed = pack(network)
>>> len(packed) < len(network.content)
True
>>> image = torch.ones(1, 3, 64, 64)
>>> torch.equal(unpack(packed)(image), network(image))
True
"""

import hashlib
import json
import lzma
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as read_tensors
from safetensors.numpy import save as tensors_as_bytes

from course_lib import files
from course_lib.deploy import budgets, entropy_coding, graphs
from course_lib.deploy.budgets import check_graph
from course_lib.deploy.engines import Onnx
from course_lib.units import show_bytes

if TYPE_CHECKING:
    from course_lib.figures.style import Picture

FORMAT = 1
LARGEST = budgets.PACKED.weights + budgets.PACKED.bare  # bytes, packed or not
OPERATIONS = budgets.OPERATIONS  # that a packed graph may hold
SMALL = 16  # bytes; tensors of no more stay in the graph
SHORT = 256  # numbers; arrays of no more (scales, biases) share a table with others of their type
PRESSED: Any = {  # the graph: its bytes follow each other without any alignment
    "format": lzma.FORMAT_RAW,
    "filters": [{"id": lzma.FILTER_LZMA1, "dict_size": 2**20, "lc": 0, "lp": 0, "pb": 0}],
}


def save(network: Onnx, path: str | Path) -> Path:
    """Write a network as one packed file; see `pack`."""
    return write(path, pack(network))


def write(path: str | Path, packed: bytes) -> Path:
    """Write what `pack` gave as a file. Never leaves half a file behind."""
    return files.write(path, packed)


def load(path: str | Path, threads: int = 1) -> Onnx:
    """The network of a packed file, as ONNX Runtime runs it.

    Raises FileNotFoundError, and ValueError for whatever is not a whole packed file of this format.
    """
    path = Path(path)
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} is larger than {show_bytes(LARGEST)}, too large to be loaded")
    try:
        return unpack(path.read_bytes(), threads)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def pack(network: Onnx) -> bytes:
    """The network as the bytes of a packed file.

    Its graph is stripped (`graphs.strip`), its tensors coded (`entropy_coding.encode`), and all
    of it is unpacked again at once: the graph must come back to the bit, and give the same outputs.
    Raises ValueError for graphs that hold more than a network for images needs, see OPERATIONS.
    """
    stripped = graphs.strip(network.content)
    model = graphs.parsed(stripped)
    check_graph(model)
    tensors, _, _, coded = _coded(model)
    for tensor in tensors:
        tensor.raw_data = b""
    graph = graphs.serialised(model)
    pressed = lzma.compress(entropy_coding.number(len(graph)) + graph + coded.tables, **PRESSED)
    packed = _contained(entropy_coding.number(len(pressed)) + pressed + coded.codes)
    restored = unpack(packed, network.threads)
    image = torch.randn(2, *network.shape, generator=torch.Generator().manual_seed(0))
    if restored.content != stripped or not torch.equal(restored(image), network(image)):
        raise ValueError("the packed network answers otherwise than the one that was given")
    return packed


@dataclass(frozen=True)
class Part:
    """A part of a packed file, and how many bytes it takes there."""

    name: str
    bytes: float
    values: int = 0  # numbers that it holds
    zeros: int = 0  # among them
    levels: int = 0  # different ones


@dataclass(frozen=True)
class Contents:
    """Where the bytes of a packed file go. print(contents) shows a table."""

    parts: tuple[Part, ...]

    @property
    def bytes(self) -> int:
        """The whole file."""
        return round(sum(part.bytes for part in self.parts))

    def picture(self) -> "Picture":
        """One bar a part."""
        from course_lib import figures  # drawing loads matplotlib, packing need not

        return figures.bytes_by_part(
            [part.name for part in self.parts],
            [part.bytes for part in self.parts],
            [_in_words(part) for part in self.parts],
        )

    def __str__(self) -> str:
        lines = [(p.name, f"{p.bytes:,.0f} bytes", _in_words(p)) for p in self.parts]
        lines.append(("the file", f"{self.bytes:,} bytes", ""))
        wide = [max(len(line[i]) for line in lines) for i in (0, 1)]
        return "\n".join(
            f"{name:<{wide[0]}}  {size:>{wide[1]}}  {what}".rstrip() for name, size, what in lines
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def _in_words(part: Part) -> str:
    if not part.values:
        return ""
    return (
        f"{part.values:,} numbers, {part.levels:,} different, "
        f"{part.zeros / part.values:.0%} zero, {8 * part.bytes / part.values:.1f} bits each"
    )


def inspect(packed: bytes | str | Path) -> Contents:
    """Where the bytes go: each layer's weights, what else is coded, the graph, the container.

    packed: a packed file's path, or its bytes. Raises what `load` raises.
    """
    network = unpack(packed) if isinstance(packed, bytes) else load(packed)
    whole = packed if isinstance(packed, bytes) else Path(packed).read_bytes()
    model = graphs.parsed(network.content)
    tensors, arrays, groups, coded = _coded(model)
    uses = graphs.uses(model)
    parts: dict[str, Part] = {}
    for some, group_bytes in zip(groups, coded.sizes, strict=True):
        held = sum(arrays[i].size for i in some)
        for i in some:
            name, array = uses.get(tensors[i].name, "scales and biases"), arrays[i]
            now = parts.get(name, Part(name, 0))
            parts[name] = Part(
                name,
                now.bytes + group_bytes * array.size / held,
                now.values + array.size,
                now.zeros + int((array == 0).sum()),
                max(now.levels, len(np.unique(array))),
            )
    header = 8 + int.from_bytes(whole[:8], "little")
    rest = len(whole) - header - sum(part.bytes for part in parts.values())
    return Contents(
        (*parts.values(), Part("graph, small tensors", rest), Part("container", header))
    )


def unpack(packed: bytes, threads: int = 1) -> Onnx:
    """The network of a packed file's bytes.

    Raises ValueError for anything else: damaged, cut off, of a later format, or made to harm.
    Memory and time are bounded by `budgets`: what the file unpacks to is counted before it is
    unpacked, what the network takes to load and to run on one image before the engine has it.
    """
    size, body = len(packed), _body(packed)
    del packed  # a copy less, unless the caller keeps it
    model = _model(body)
    del body
    budgets.check_run(model)
    shape, kind = graphs.image_shape(model), graphs.kind(model)
    content = graphs.serialised(model)
    del model
    network = Onnx(content, None, shape, kind, threads, packed_bytes=size)
    _ = network.normalisation  # refuses a note that is none
    network.try_once()  # some mistakes show up when it runs
    return network


def _model(body: bytes) -> Any:
    """The whole graph, an onnx.ModelProto, of what `_body` gave."""
    content = entropy_coding.Tables(body)
    tables = entropy_coding.Tables(_inflated(content.take(content.number())))
    length = tables.number()
    if length > budgets.PACKED.bare:
        raise ValueError(
            f"its graph is unreasonably large: {show_bytes(length)} beside its weights, more than "
            f"{show_bytes(budgets.PACKED.bare)}"
        )
    model = graphs.parsed(bytes(tables.take(length)))
    check_graph(model)
    budgets.check(model)
    hollow = [t for t in model.graph.initializer if not t.raw_data and math.prod(t.dims)]
    empty = [_Hollow(_dtype(tensor), math.prod(tensor.dims)) for tensor in hollow]
    groups = _shared(empty)
    layouts = [(empty[some[0]].dtype, sum(empty[i].size for i in some)) for some in groups]
    coded = entropy_coding.Coded(tables.take(tables.left), content.take(content.left))
    for some, array in zip(groups, entropy_coding.each(coded, layouts), strict=True):
        ends = np.cumsum([empty[i].size for i in some])[:-1]
        for i, part in zip(some, np.split(array, ends), strict=True):
            hollow[i].raw_data = part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes()
    return model


# The container


@dataclass(frozen=True)
class _Hollow:
    """What is known of an array before its values are."""

    dtype: np.dtype
    size: int


def _coded(
    model: Any,
) -> tuple[list[Any], list[np.ndarray], list[list[int]], entropy_coding.Coded]:
    """The tensors that are coded, their arrays, which of them share a table, and their codes."""
    tensors = [tensor for tensor in model.graph.initializer if len(tensor.raw_data) > SMALL]
    arrays = [np.frombuffer(tensor.raw_data, _dtype(tensor)) for tensor in tensors]
    groups = _shared(arrays)
    joined = [np.concatenate([arrays[i] for i in some]) for some in groups]
    return tensors, arrays, groups, entropy_coding.encode(joined)


def _shared(arrays: Sequence[np.ndarray | _Hollow]) -> list[list[int]]:
    """The arrays that have one table together: each large one alone, small ones of one kind."""
    groups: dict[object, list[int]] = {}
    for i, array in enumerate(arrays):
        groups.setdefault(i if array.size > SHORT else array.dtype.str, []).append(i)
    return list(groups.values())


def _contained(body: bytes) -> bytes:
    header = {"packed": f"{FORMAT} {_checksum(body)}"}
    return tensors_as_bytes({"network": np.frombuffer(body, np.uint8)}, header)


def _body(packed: bytes) -> bytes:
    try:
        tensors = read_tensors(packed)
        length = int.from_bytes(packed[:8], "little")
        header = json.loads(packed[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"not a packed network, or only a part of one: {error}") from None
    if "packed" not in header:
        raise ValueError("not a packed network, but another safetensors file")
    version, _, checksum = header["packed"].partition(" ")
    if version != str(FORMAT):
        raise ValueError(
            f"packed in format {version:.20}, this version of course_lib reads {FORMAT}; "
            f"install the version that wrote it, or a later one"
        )
    body = tensors["network"].tobytes() if set(tensors) == {"network"} else b""
    if checksum != _checksum(body):
        raise ValueError("the packed network is damaged: its checksum is another; copy it again")
    return body


def _checksum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


def _inflated(pressed: bytes | memoryview) -> bytes:
    try:
        inflating = lzma.LZMADecompressor(**PRESSED)
        content = inflating.decompress(pressed, LARGEST)
    except (lzma.LZMAError, EOFError) as error:
        raise ValueError(f"its graph cannot be read: {error}") from None
    if not inflating.eof and not inflating.needs_input:
        raise ValueError("its graph is unreasonably large")
    return content


def _dtype(tensor: Any) -> np.dtype:
    from onnx import helper

    budgets.size_of(tensor)  # refuses what cannot be
    return np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
