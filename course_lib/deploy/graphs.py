"""ONNX graphs as such: strip one of what no engine needs, count what it computes.

>>> from course_lib import engines, models
>>> exported = engines.onnx(models.LeafNet(4).eval(), (3, 64, 64))
>>> len(strip(exported.content)) < len(exported.content)
True
>>> counted = count(exported.content, (3, 64, 64))
>>> counted.macs, counted.parameters
(700608, 4776)
"""

import itertools
import math
import string
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from course_lib.images.normalisation import COURSE, Normalisation
from course_lib.networks.counting import Counted
from course_lib.techniques.integers import two_largest

NORMALISATION = "normalisation"  # the key of the file's metadata

# Where an operation has its weight and its bias, and where its scales and zero points.
WEIGHTS = {
    "Conv": (1, 2), "Gemm": (1, 2), "MatMul": (1,), "QLinearConv": (3, 8), "QLinearMatMul": (3,),
    "QGemm": (3, 6), "ConvInteger": (1,), "MatMulInteger": (1,),
}  # fmt: skip
SCALES = {
    "QuantizeLinear": (1, 2), "DequantizeLinear": (1, 2), "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7), "QGemm": (1, 2, 4, 5, 7, 8), "ConvInteger": (2, 3),
    "MatMulInteger": (2, 3), "QLinearAdd": (1, 2, 4, 5, 6, 7),
    "QLinearGlobalAveragePool": (1, 2, 3, 4), "Clip": (1, 2),
}  # fmt: skip


def strip(content: bytes) -> bytes:
    """The same computation without names, notes and shapes; of equal tensors one is kept.

    The graph's inputs and outputs keep their names, and how it is fed stays noted. Raises
    ValueError for a graph with branches, loops or functions of its own.
    """
    onnx = _onnx()
    model = parsed(content)
    graph = model.graph
    nested = [n.op_type for n in graph.node if any(a.g.node or a.graphs for a in n.attribute)]
    if nested or model.functions or graph.sparse_initializer:
        raise ValueError(
            f"only a plain graph can be stripped, got one with "
            f"{', '.join(nested) or 'functions or sparse tensors'}"
        )
    tensors = dict(_tensors(graph))
    versions = {opset.domain: opset.version for opset in model.opset_import}
    nodes = [node for node in graph.node if node.op_type != "Constant"]
    kept = [value.name for value in (*graph.input, *graph.output) if value.name not in tensors]
    names: dict[str, str] = {"": ""} | {name: name for name in kept}
    short = _short_names(set(kept))
    same: dict[tuple, str] = {}  # content -> its short name
    stripped = onnx.ModelProto(ir_version=model.ir_version)
    for node in nodes:
        for name in node.input:
            if name in names:
                continue
            tensor = tensors[name]  # what is no input, no output of a node before: an initializer
            array = onnx.numpy_helper.to_array(tensor)
            content_key = (tensor.data_type, array.shape, array.tobytes())
            if content_key not in same:
                same[content_key] = next(short)
                stripped.graph.initializer.append(
                    onnx.TensorProto(
                        name=same[content_key],
                        dims=array.shape,
                        data_type=tensor.data_type,
                        raw_data=array.astype(array.dtype.newbyteorder("<")).tobytes(),
                    )
                )
            names[name] = same[content_key]
        for name in node.output:
            if name not in names:
                names[name] = next(short)
        stripped.graph.node.append(
            onnx.NodeProto(
                op_type=node.op_type,
                domain=node.domain,
                input=[names[name] for name in node.input],
                output=[names[name] for name in node.output],
                attribute=_needed(node, versions.get(node.domain, 1)),
            )
        )
    stripped.graph.name = "g"  # an ONNX graph must have a name
    used = {node.domain for node in nodes}
    stripped.opset_import.extend(o for o in model.opset_import if o.domain in used | {""})
    for ours, theirs in (
        (stripped.graph.input, graph.input),
        (stripped.graph.output, graph.output),
    ):
        for value in theirs:
            if value.name not in tensors:
                ours.append(onnx.ValueInfoProto(name=value.name, type=value.type))
    note_normalisation(stripped, normalisation(model))
    return serialised(stripped)


def count(content: bytes, shape: Sequence[int]) -> Counted:
    """Count operations, parameters and bytes for one image of `shape`, from the graph alone.

    Convolutions and matrix products, in float32 and int8. The shapes between them are those that
    ONNX Runtime computes for an image of zeros.
    """
    onnx = _onnx()
    graph = parsed(content).graph
    values = _values(content, shape)
    tensors = {name: onnx.numpy_helper.to_array(tensor) for name, tensor in _tensors(graph)}
    macs, moved, largest = 0, 0, 0
    aside: set[str] = set()  # scales, zero points
    # Between a quantize and a dequantize operation the numbers have 8 bits.
    short = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    short |= {n.input[0]: n.output[0] for n in graph.node if n.op_type == "QuantizeLinear"}
    for node in graph.node:
        aside.update(node.input[i] for i in SCALES.get(node.op_type, ()) if i < len(node.input))
        if node.op_type not in WEIGHTS:
            continue
        first, weight, out = node.input[0], node.input[WEIGHTS[node.op_type][0]], node.output[0]
        each = (
            math.prod(_shape(weight, values, tensors)[1:])
            if "Conv" in node.op_type
            else _shape(first, values, tensors)[-1]
        )
        macs += each * math.prod(values[out].shape)
        flows = sum(values[short.get(name, name)].nbytes for name in (first, out))
        moved, largest = moved + flows, max(largest, flows)
    held = sum(array.nbytes for array in tensors.values())
    counted = [
        array for name, array in tensors.items() if name not in aside and array.dtype != np.int64
    ]
    return Counted(
        macs=macs,
        parameters=sum(array.size for array in counted),
        nonzero_parameters=sum(int(np.count_nonzero(array)) for array in counted),
        moved_bytes=held + moved,
        working_bytes=held + largest,
    )


def parsed(content: bytes) -> Any:
    """The bytes of an ONNX file as an onnx.ModelProto; raises ValueError if they are none."""
    from google.protobuf.message import DecodeError

    try:
        return _onnx().load_from_string(content)
    except DecodeError as error:
        raise ValueError(f"not an ONNX graph: {error}") from None


def serialised(model: Any) -> bytes:
    """The bytes of an ONNX file, the same for the same graph."""
    return model.SerializeToString(deterministic=True)


def kind(model: Any) -> str:
    """ "int8" if any weight is an 8-bit integer, else "float32"."""
    eight = (_onnx().TensorProto.INT8, _onnx().TensorProto.UINT8)
    return (
        "int8"
        if any(t.data_type in eight for t in model.graph.initializer if t.dims)
        else "float32"
    )


def image_shape(model: Any) -> tuple[int, ...]:
    """(channels, height, width) of the images that the graph takes; ValueError if it is unclear."""
    stored = {tensor.name for tensor in model.graph.initializer}
    given = [value for value in model.graph.input if value.name not in stored]
    shapes = [[d.dim_value for d in value.type.tensor_type.shape.dim] for value in given]
    if len(shapes) != 1 or len(shapes[0]) != 4 or min(shapes[0][1:]) < 1:
        raise ValueError(f"it must take images (batch, channels, height, width), got {shapes}")
    return tuple(shapes[0][1:])


def normalisation(model: Any) -> Normalisation:
    """How the graph is fed; ValueError for a note that is none, `COURSE` without one."""
    noted = {each.key: each.value for each in model.metadata_props}
    text = noted.get(NORMALISATION)
    return COURSE if text is None else Normalisation.from_json(text)


def note_normalisation(model: Any, fed: Normalisation) -> None:
    """Write into the file's metadata how the graph is fed; `COURSE` needs no note."""
    kept = {each.key: each.value for each in model.metadata_props if each.key != NORMALISATION}
    if fed != COURSE:
        kept[NORMALISATION] = fed.as_json()
    _onnx().helper.set_model_props(model, kept)


def saturating(model: Any) -> tuple[str, ...]:
    """The weights, by name, with which x86 processors without VNNI may compute wrongly.

    There, products of 8-bit activations and signed weights are added in pairs in 16 bits, and what
    does not fit is cut off. Listed is a weight if the two largest of one output that have the same
    sign could reach that with activations of 255: from |64| + |65| on. Which weights become a pair
    is the engine's choice; a network that is not listed is safe in every program that loads it.
    """
    found: dict[str, None] = {}
    for _, name, tensor, outputs_first in weighted(model.graph):
        if tensor.data_type != _onnx().TensorProto.INT8:
            continue
        weight = _onnx().numpy_helper.to_array(tensor)
        rows = weight if outputs_first else np.moveaxis(weight, -1, 0)
        if two_largest(rows) > (2**15 - 1) / 255 or two_largest(rows, -1) > 2**15 / 255:
            found[name] = None
    return tuple(found)


def unshared(content: bytes) -> bytes:
    """The same graph, each of its signed 8-bit tensors written once for every use.

    `strip` keeps one of equal zero points; ONNX Runtime 1.32, told to turn weights into unsigned
    ones, fails on those that are shared ("Attempt to replace the existing tensor").
    """
    model = parsed(content)
    eight_bits = _onnx().TensorProto.INT8
    signed = {name: t for name, t in _stored(model.graph) if t.data_type == eight_bits}
    used: set[str] = set()
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name in used:
                again = _onnx().TensorProto()
                again.CopyFrom(signed[name])
                again.name = f"{name}.{len(model.graph.initializer)}"
                model.graph.initializer.append(again)
                node.input[place] = again.name
            elif name in signed:
                used.add(name)
    return serialised(model)


def uses(model: Any) -> dict[str, str]:
    """For each stored weight, by name, what it is: "conv 16 to 24, 3x3", "linear 40 to 12"."""
    found: dict[str, str] = {}
    for node, name, tensor, outputs_first in weighted(model.graph):
        if "Conv" in node.op_type:
            outputs, inputs, *sides = tensor.dims
            what = f"conv {inputs} to {outputs}, {'×'.join(map(str, sides))}"
        else:
            inputs, outputs = reversed(tensor.dims) if outputs_first else tensor.dims
            what = f"linear {inputs} to {outputs}"
        again = sum(other.split(" (")[0] == what for other in found.values())
        found.setdefault(name, f"{what} ({again + 1})" if again else what)
    return found


def weighted(graph: Any) -> Iterator[tuple[Any, str, Any, bool]]:
    """Each operation with a stored weight: it, the weight's name and tensor, outputs first?

    Where a weight is stored as integers and computed with as floats, the integers are meant.
    """
    stored = dict(_stored(graph))
    fed = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    for node in graph.node:
        if node.op_type in WEIGHTS:
            name = node.input[WEIGHTS[node.op_type][0]]
            name = fed.get(name, name)
            turned = any(a.name == "transB" and a.i for a in node.attribute)
            if name in stored:
                yield node, name, stored[name], "Conv" in node.op_type or turned


def _stored(graph: Any) -> Iterator[tuple[str, Any]]:
    """The stored tensors by name; those of Constant nodes, too, if they are written as tensors."""
    yield from ((tensor.name, tensor) for tensor in graph.initializer)
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            yield node.output[0], node.attribute[0].t


def _values(content: bytes, shape: Sequence[int]) -> dict[str, np.ndarray]:
    """Every value that flows through the graph for one image of zeros, by name."""
    import onnxruntime

    onnx = _onnx()
    model = parsed(content)
    (given,) = [v for v in model.graph.input if v.name not in dict(_tensors(model.graph))]
    names = [n for node in model.graph.node for n in node.output if n]
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    image = np.zeros((1, *shape), dtype=np.float32)
    return dict(zip(names, session.run(names, {given.name: image}), strict=True)) | {
        given.name: image
    }


def _tensors(graph: Any) -> Iterator[tuple[str, Any]]:
    """The stored tensors by name; ValueError for a constant that is written otherwise."""
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name != "value":
            written = node.attribute[0].name
            raise ValueError(f"a constant is written as {written!r}, not as a tensor")
    return _stored(graph)


def _shape(name: str, values: dict[str, np.ndarray], tensors: dict[str, np.ndarray]) -> tuple:
    return (values if name in values else tensors)[name].shape


def _needed(node: Any, version: int) -> list:
    """A node's settings without those that say what holds anyway."""
    onnx = _onnx()
    try:
        known = onnx.defs.get_schema(node.op_type, version, node.domain).attributes
    except onnx.defs.SchemaError:  # an operation of ONNX Runtime's own
        known = {}
    kept = []
    for attribute in sorted(node.attribute, key=lambda a: a.name):
        value = onnx.helper.get_attribute_value(attribute)
        given = known[attribute.name].default_value if attribute.name in known else None
        usual = given is not None and given.type and value == onnx.helper.get_attribute_value(given)
        # "If not present, defaults to 1 (or 0) along each spatial axis", says ONNX.
        usual |= attribute.name in ("dilations", "strides") and set(value) == {1}
        usual |= attribute.name == "pads" and set(value) == {0}
        usual |= attribute.name == "kernel_shape" and node.op_type in ("Conv", "QLinearConv")
        if not usual:
            kept.append(onnx.helper.make_attribute(attribute.name, value))
    return kept


def _short_names(taken: set[str]) -> Iterator[str]:
    letters = string.ascii_letters
    for length in itertools.count(1):
        for characters in itertools.product(letters, repeat=length):
            if (name := "".join(characters)) not in taken:
                yield name


def _onnx() -> Any:
    import onnx
    import onnx.numpy_helper

    return onnx
