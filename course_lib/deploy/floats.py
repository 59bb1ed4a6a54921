"""The integers of a packed file, written out as floats: what a file stores need not be what runs.

>>> import torch
>>> from course_lib import models, packing
>>> stored = packing.load(models.WEIGHTS / "leaves.packed")
>>> floats = in_floats(stored)
>>> stored.kind, floats.kind, floats.packed_bytes == stored.packed_bytes
('int8', 'float32', True)
>>> image = torch.ones(1, 3, 64, 64)
>>> floats(image).argmax() == stored(image).argmax()
tensor(True)
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from course_lib.deploy import graphs
from course_lib.deploy.engines import Onnx

# Operations of integers: where these are (scale and zero point follow), the bias, and the scale
# of what comes out.
OPERATIONS = {
    "QLinearConv": ((0, 3), 8, 6),
    "QGemm": ((0, 3), 6, 7),
    "QLinearMatMul": ((0, 3), None, 6),
    "QLinearAdd": ((0, 3), None, 6),
    "QLinearAveragePool": ((0,), None, 3),
    "QLinearGlobalAveragePool": ((0,), None, 3),
}  # fmt: skip
# What gives back some of the numbers that it is given, be they integers or floats.
PASSING = {"Flatten", "Identity", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}


def in_floats(network: Onnx) -> Onnx:
    """The same weights and biases in a float32 graph, with no rounding between the layers.

    What flows is still cut off at the ends of what the integers held, (lowest - zero point) * scale
    to (highest - zero point) * scale: in graphs made of integers that is their ReLU, too. Takes
    both kinds of graph that `engines.int8` makes, packed or not; a float32 network comes back as
    it is. Logits differ from those of the integers by a few steps of their scale.
    Raises ValueError that names an operation for which there is no such graph.
    """
    if network.kind == "float32":
        return network
    from onnx import helper, numpy_helper

    model = graphs.parsed(graphs.strip(network.content))
    graph = model.graph
    turned = _Floats({tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer})
    for node in graph.node:
        turned.add(node)
    for value in graph.output:
        if value.name in turned.names:
            turned.nodes.append(helper.make_node("Identity", [turned(value.name)], [value.name]))
    used = {node.domain for node in turned.nodes} | {""}
    floats = helper.make_model(
        helper.make_graph(
            turned.nodes, "g", graph.input, graph.output,
            [numpy_helper.from_array(array, name) for name, array in turned.tensors.items()],
        ),
        opset_imports=[opset for opset in model.opset_import if opset.domain in used],
        ir_version=model.ir_version,
    )  # fmt: skip
    graphs.note_normalisation(floats, network.normalisation)
    # Not what it was made of: PyTorch's network answers as the integers do.
    return replace(network, content=graphs.serialised(floats), network=None, kind="float32")


class _Floats:
    """A float graph as it grows, an operation of the integers' graph after the other."""

    def __init__(self, stored: Mapping[str, np.ndarray]):
        self.stored = stored
        self.nodes: list[Any] = []
        self.tensors: dict[str, np.ndarray] = {}
        self.names: dict[str, str] = {}  # here, of what is called otherwise in the integers' graph
        self.grids: dict[str, tuple[float, int]] = {}  # scale and zero point of what flows there
        self.ends: dict[str, tuple[float, float]] = {}  # that a value here is known to lie between

    def __call__(self, name: str) -> str:
        return self.names.get(name, name)

    def add(self, node: Any) -> None:
        if node.op_type == "QuantizeLinear":
            self._cut_off(node, self(node.input[0]), 1)
        elif node.op_type == "DequantizeLinear":
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            self.names[node.output[0]] = self._real(node, 0, axis)
        elif node.op_type in OPERATIONS:
            self._computed(node)
        else:
            self._copied(node)

    def _computed(self, node: Any) -> None:
        """An operation of integers in floats, its result cut off."""
        from onnx import helper

        places, bias, scale = OPERATIONS[node.op_type]
        settings = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if settings.pop("channels_last", 0):
            raise _refused(node, "its images have their channels last")
        outputs_first = node.op_type == "QLinearConv" or settings.get("transB")
        inputs = [self._real(node, place, 0 if outputs_first else -1) for place in places]
        if bias is not None and _given(node, bias):
            step = self.stored[node.input[1]].astype(np.float64) * self.stored[node.input[4]]
            real = self.stored[node.input[bias]] * step * settings.get("alpha", 1)
            inputs.append(self._tensor(real))
        (out,) = node.output
        whole = f"{out}.whole" if _given(node, scale) else out
        kind = node.op_type.removeprefix("QLinear").removeprefix("Q")
        self.nodes.append(helper.make_node(kind, inputs, [whole], **settings))
        if _given(node, scale):
            self._cut_off(node, whole, scale)

    def _copied(self, node: Any) -> None:
        """An operation of floats, or one that does the same to integers."""
        flows = [name for name in node.input if name in self.grids]
        eight_bits = [n for n in node.input if n in self.stored and self.stored[n].itemsize == 1]
        if eight_bits or (flows and node.op_type not in PASSING):
            raise _refused(node, f"only {', '.join(OPERATIONS)} are known to compute with integers")
        if node.op_type in PASSING:
            first, out = node.input[0], node.output[0]
            if first in self.grids:
                self.grids[out] = self.grids[first]
            if self(first) in self.ends:
                self.ends[out] = self.ends[self(first)]
        self.tensors |= {name: self.stored[name] for name in node.input if name in self.stored}
        copied = type(node)()
        copied.CopyFrom(node)
        copied.input[:] = map(self, node.input)
        self.nodes.append(copied)

    def _real(self, node: Any, place: int, axis: int) -> str:
        """What holds the real numbers of the integers that a node takes at this place."""
        name = node.input[place]
        scale, zero_point = self._scale(node, place + 1)
        if name not in self.stored:
            if self.grids.get(name) != _grid(node, scale, zero_point):
                raise _refused(node, "its integers were made with another scale, or elsewhere")
            return self(name)
        integers = self.stored[name].astype(np.float64)
        sides = np.ones(integers.ndim, int)
        if scale.size > 1:
            sides[axis] = -1
        each = [part.reshape(sides if part.size > 1 else ()) for part in (zero_point, scale)]
        return self._tensor((integers - each[0]) * each[1])

    def _cut_off(self, node: Any, source: str, place: int) -> None:
        """A node's output: `source` between the ends that its scale and zero point leave."""
        from onnx import helper

        (out,) = node.output
        scale, zero_point = self._scale(node, place)
        limits = np.iinfo(zero_point.dtype)
        self.grids[out] = _grid(node, scale, zero_point)
        ends = [
            (limit - zero_point.astype(np.float64)) * scale for limit in (limits.min, limits.max)
        ]
        low, high = (float(np.float32(end.item())) for end in ends)
        least, most = self.ends.get(source, (-np.inf, np.inf))
        if low <= least and most <= high:
            self.names[out] = source
            return
        bounds = [self._tensor(np.array(end)) for end in (low, high)]
        self.nodes.append(helper.make_node("Clip", [source, *bounds], [out]))
        self.ends[out] = low, high

    def _scale(self, node: Any, place: int) -> tuple[np.ndarray, np.ndarray]:
        """The scale at this place, and the zero point after it."""
        if node.input[place] not in self.stored:
            raise _refused(node, "its scale is computed anew for each image")
        zero_point = np.array(0, np.uint8)
        if _given(node, place + 1):
            zero_point = self.stored[node.input[place + 1]]
        return self.stored[node.input[place]], zero_point

    def _tensor(self, array: np.ndarray) -> str:
        name = f"float.{len(self.tensors)}"
        self.tensors[name] = array.astype(np.float32)
        return name


def _grid(node: Any, scale: np.ndarray, zero_point: np.ndarray) -> tuple[float, int]:
    if scale.size > 1:
        raise _refused(node, f"what flows there has {scale.size} scales instead of one")
    return float(scale.item()), int(zero_point.item())


def _given(node: Any, place: int) -> bool:
    return len(node.input) > place and bool(node.input[place])


def _refused(node: Any, why: str) -> ValueError:
    return ValueError(f"{node.op_type} cannot be turned into floats: {why}")
