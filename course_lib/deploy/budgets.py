"""What a graph from someone else's file may cost: counted before it is unpacked or run.

`check` reads sizes, `check_run` walks the graph by the rules of `shapes`, for one image. Both
refuse with a ValueError that names the figure and the limit. page/budgets.js does the same for
the phone page, with the limits of page/shared.js.

>>> from course_lib import engines, models
>>> graph = graphs.parsed(graphs.strip(engines.onnx(models.LeafNet(4).eval(), (3, 64, 64)).content))
>>> check(graph)  # bytes of its tensors
19120
>>> cost = check_run(graph)
>>> cost.answers["logits"], cost.steps < 2**26
((1, 12), True)
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from course_lib.deploy import graphs
from course_lib.deploy.shapes import BLOCK, RULES, WEIGHTS, Shape, Step, filled, result
from course_lib.units import show_bytes

OPERATIONS = frozenset(RULES)
MOST_OPERATIONS, MOST_TENSORS, LARGEST_SETTING = 10_000, 4096, 4096
MOST_PLACES = 16  # inputs, outputs or settings of an operation
SIZES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8}  # bytes, of a
# number by its type in ONNX: floats of 32, 16 and 64 bits, integers, truth values.
FLOATS, INTS, TEXT, FLOAT, INT = 6, 7, 3, 1, 2  # types of settings
CHANNELS = frozenset(RULES) - {"Flatten", "Gemm", "MatMul", "QGemm", "QLinearMatMul", "Reshape"}


@dataclass(frozen=True)
class Limits:
    """The most that is let through. What the numbers rest on stands in docs/decisions.md."""

    bare: int = 2**20  # bytes of a graph without its weights
    weights: int = 105_000_000  # bytes of all stored tensors
    memory: int = 480_000_000  # bytes to load the network and run it on one image
    steps: int = 2**33  # for one image, see `shapes`
    folded: int = 2**30  # of these, for what is computed from stored tensors alone, at loading


PACKED = Limits()


@dataclass
class Cost:
    """What loading and one image take, at most."""

    weights: int = 0  # bytes that are stored
    values: int = 0  # bytes of all results of operations, as if none gave its place to another
    folded: int = 0  # bytes of the results that need no image
    padding: int = 0  # bytes that the engine fills blocks of channels up with
    largest: int = 0  # bytes of the largest tensor that the engine lays out anew
    buffer: int = 0  # bytes beside, while one operation runs
    steps: int = 0
    folded_steps: int = 0
    answers: dict[str, Shape] = field(default_factory=dict)  # the shapes of the graph's outputs

    @property
    def memory(self) -> int:
        """Measured: the file and the engine hold weights three times while loading; what is laid
        out anew or folded takes three times its new size for a moment."""
        moment = 3 * (self.largest + self.padding + self.folded)
        return 3 * self.weights + moment + self.values + self.buffer


def check(model: Any, limits: Limits = PACKED) -> int:
    """The bytes of all stored tensors; ValueError for too many, or for tensors that cannot be."""
    stored = model.graph.initializer
    if len(stored) > MOST_TENSORS:
        raise ValueError(
            f"its graph holds {len(stored):,} tensors, a network has at most {MOST_TENSORS:,}"
        )
    size = sum(math.prod(each.dims) * size_of(each) for each in stored)
    if size > limits.weights:
        raise ValueError(
            f"it would take {show_bytes(size)}, more than {show_bytes(limits.weights)}"
        )
    return size


def size_of(tensor: Any) -> int:
    """Bytes of each number; ValueError for a tensor that cannot be."""
    if any(side < 1 for side in tensor.dims) or len(tensor.dims) > MOST_PLACES:
        raise ValueError(f"a tensor of shape {list(tensor.dims)!s:.60} cannot be")
    if tensor.data_type not in SIZES:
        raise ValueError(f"a tensor of the unknown type {tensor.data_type}")
    return SIZES[tensor.data_type]


def check_bare(content: bytes, limits: Limits = PACKED) -> None:
    """Refuse an ONNX file that holds more than weights, before each of its parts is an object."""
    bare, bytes_ = len(content), memoryview(content)
    for read, (number, value) in enumerate(_nested(bytes_)):
        bare -= len(value) if number == RAW_DATA else 0
        if 2 * read > limits.bare:  # no field has less than two bytes
            break
    if bare > limits.bare:
        raise ValueError(
            f"its graph takes {show_bytes(bare)} beside its weights, more than "
            f"{show_bytes(limits.bare)}"
        )


def check_graph(model: Any) -> None:
    """Raise ValueError unless the graph only does what a network for images needs."""
    graph = model.graph
    named = [
        n for node in graph.node for n in (*node.input, *node.output, node.op_type, node.domain)
    ]
    named += [each.name for each in (*graph.initializer, *graph.input, *graph.output)]
    if not all(isinstance(name, str) for name in named):
        raise ValueError("its graph has names that are no text")
    strange = sorted({n.op_type for n in graph.node} - OPERATIONS)
    domains = sorted({n.domain for n in graph.node} - {"", "com.microsoft"})
    if strange or domains or model.functions or len(graph.node) > MOST_OPERATIONS:
        raise ValueError(
            f"its graph has {len(graph.node):,} operations, "
            f"{', '.join(strange + domains) or 'all known'}; a packed network has at most "
            f"{MOST_OPERATIONS:,}, and none but {', '.join(sorted(OPERATIONS))}"
        )
    for tensor in (*graph.initializer, *(a.t for n in graph.node for a in n.attribute)):
        if tensor.external_data or tensor.data_location:
            raise ValueError("its graph wants to read another file")
    if graph.sparse_initializer or model.training_info:
        raise ValueError("its graph holds sparse tensors or a training of its own")
    for node in graph.node:
        _check_settings(node)


def _check_settings(node: Any) -> None:
    if max(len(node.input), len(node.output), len(node.attribute)) > MOST_PLACES:
        raise ValueError(f"its {node.op_type} has more than {MOST_PLACES} inputs or settings")
    if len({setting.name for setting in node.attribute}) < len(node.attribute):
        raise ValueError(f"its {node.op_type} says a setting twice")
    for setting in node.attribute:
        if setting.HasField("g") or setting.graphs or setting.sparse_tensors:
            raise ValueError(f"its {node.op_type} holds a graph of its own")
        if any(abs(number) > LARGEST_SETTING for number in (setting.i, *setting.ints)):
            raise ValueError(f"{setting.name} of its {node.op_type} is beyond {LARGEST_SETTING}")
        if setting.type not in (FLOATS, INTS, TEXT, FLOAT, INT) or setting.ref_attr_name:
            raise ValueError(f"{setting.name} of its {node.op_type} is neither number nor text")


# The walk


@dataclass(frozen=True)
class _Value:
    shape: Shape
    size: int  # bytes of each number
    stored: bool = True  # or computed from nothing but what is stored

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.size

    @property
    def padding(self) -> int:
        """Bytes more if the second side is filled up to blocks."""
        if len(self.shape) != 4:
            return 0
        return self.bytes // self.shape[1] * (-self.shape[1] % BLOCK)


def check_run(model: Any, limits: Limits = PACKED) -> Cost:
    """What one image takes; ValueError for more than the limits, and for what cannot be told.

    The tensors must be whole. A batch of any number counts as one image.
    """
    cost = Cost(weights=check(model, limits))
    values = _given(model)
    numbers = {t.name: _integers(t) for t in model.graph.initializer if t.data_type == 7}
    for node in model.graph.node:
        inputs = _inputs(node, values)
        step = Step(
            node.op_type,
            [each.shape if each else None for each in inputs],
            {setting.name: _setting(setting) for setting in node.attribute},
            [numbers.get(name) for name in node.input],
        )
        shape, steps = result(step)
        made = _Value(shape, _size(step, inputs), all(each.stored for each in inputs if each))
        _add(cost, step, inputs, made, steps)
        _refuse(cost, node.op_type, limits)
        _name(node, made, values)
    for value in model.graph.output:
        if value.name not in values:
            raise ValueError(f"ONNX Runtime cannot run its graph: nothing gives {value.name!r:.60}")
        cost.answers[value.name] = values[value.name].shape
    return cost


def _given(model: Any) -> dict[str, _Value]:
    """Everything that is there before the first operation: stored tensors, and one image."""
    values = {}
    for tensor in model.graph.initializer:
        size = size_of(tensor)
        whole = len(tensor.raw_data) == size * math.prod(tensor.dims)
        if not whole or tensor.name in values or not tensor.name:
            raise ValueError(
                f"its tensor {tensor.name!r:.60} must be there once, with raw data of "
                f"{size * math.prod(tensor.dims):,} bytes, got {len(tensor.raw_data):,}"
            )
        values[tensor.name] = _Value(tuple(tensor.dims), size)
    shape = graphs.image_shape(model)
    for value in model.graph.input:
        if value.name not in values:
            batch = max(1, value.type.tensor_type.shape.dim[0].dim_value)
            size = SIZES.get(value.type.tensor_type.elem_type, 8)
            values[value.name] = _Value((batch, *shape), size, False)
    return values


def _inputs(node: Any, values: dict[str, _Value]) -> list[Any]:
    """What an operation reads, None where an input is left out."""
    for name in node.input:
        if name and name not in values:
            raise ValueError(
                f"ONNX Runtime cannot run its graph: its {node.op_type} reads {name!r:.60}, which "
                f"nothing before it gives"
            )
    return [values[name] if name else None for name in node.input]


def _name(node: Any, made: _Value, values: dict[str, _Value]) -> None:
    (*names,) = filter(None, node.output)
    if len(names) != 1 or names[0] in values or node.output[0] != names[0]:
        raise ValueError(
            f"ONNX Runtime cannot run its graph: its {node.op_type} must give one result with a "
            f"name of its own, got {names!s:.60}"
        )
    values[names[0]] = made


def _integers(tensor: Any) -> list[int] | None:
    if len(tensor.raw_data) > 8 * MOST_PLACES:
        return None  # no list of axes or sides
    starts = range(0, len(tensor.raw_data), 8)
    return [int.from_bytes(tensor.raw_data[i : i + 8], "little", signed=True) for i in starts]


def _setting(setting: Any) -> Any:
    kinds = {INT: setting.i, INTS: list(setting.ints), TEXT: setting.s, FLOAT: setting.f}
    return kinds.get(setting.type)


def _size(step: Step, inputs: list[Any]) -> int:
    """Bytes of each number of a result, at most."""
    if step.operation in ("Cast", "QuantizeLinear", "DequantizeLinear"):
        kind = step.number("to", step.number("output_dtype", 0))
        if kind:
            return SIZES.get(kind, 8)
    if step.operation == "QuantizeLinear":
        return inputs[2].size if len(inputs) > 2 and inputs[2] else 1
    return 4 if step.operation in ("DequantizeLinear", "QGemm") else inputs[0].size


def _add(cost: Cost, step: Step, inputs: list[Any], made: _Value, steps: int) -> None:
    cost.steps += steps
    cost.values += made.bytes + (made.padding if step.operation in CHANNELS else 0)
    if made.stored:
        cost.folded += made.bytes
        cost.folded_steps += steps
    weight = inputs[WEIGHTS[step.operation]] if step.operation in WEIGHTS else None
    if weight is None:
        return
    if weight.stored:
        whole = filled(step.operation, weight.shape) * weight.size
        cost.padding += whole - weight.bytes
        cost.largest = max(cost.largest, whole)
    if "Conv" in step.operation:
        windows = math.prod(made.shape[2:]) * math.prod(weight.shape[2:])
        cost.buffer = max(cost.buffer, windows * max(8, weight.shape[1] * inputs[0].size))


def _refuse(cost: Cost, operation: str, limits: Limits) -> None:
    if cost.memory > limits.memory:
        raise ValueError(
            f"it would take {show_bytes(cost.memory)} to load and run on one image, more than "
            f"{show_bytes(limits.memory)}; it is its {operation} that goes beyond"
        )
    for steps, limit, what in (
        (cost.steps, limits.steps, "for one image"),
        (cost.folded_steps, limits.folded, "from stored tensors alone"),
    ):
        if steps > limit:
            raise ValueError(
                f"it would compute {steps:,} steps {what}, more than {limit:,}; it is its "
                f"{operation} that goes beyond"
            )


# ONNX's own format, read as far as sizes are needed

MODEL_GRAPH, GRAPH_TENSOR, RAW_DATA = 7, 5, 9


def _nested(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a file, of its graph and of its tensors; of those the raw data is numbered."""
    for number, value in _fields(content):
        yield 0, value
        if number != MODEL_GRAPH:
            continue
        for inner, part in _fields(value):
            yield 0, part
            if inner == GRAPH_TENSOR:
                yield from ((n if n == RAW_DATA else 0, each) for n, each in _fields(part))


def _fields(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """(number, value) of each field; a value that is no run of bytes is empty."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        kind, start = key & 7, at
        if kind == 0:
            _, at = _varint(content, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        elif kind == 2:
            length, start = _varint(content, at)
            at = start + length
        if kind not in (0, 1, 2, 5) or at > len(content):
            raise ValueError("not an ONNX graph: it ends early, or its parts have no length")
        yield key >> 3, content[start:at] if kind == 2 else content[:0]


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            break
        value |= (content[at] & 127) << shift
        at += 1
        if content[at - 1] < 128:
            return value, at
    raise ValueError("not an ONNX graph: it ends early, or its parts have no length")
