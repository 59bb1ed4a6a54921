"""Bytes and ONNX graphs, damaged by chance as someone would who wants to harm."""

import random
from typing import Any

from onnx import ModelProto, helper

from course_lib.deploy import budgets, entropy_coding, graphs

ODD = (0, 1, -1, 2, 3, 127, 255, 2**8, 2**15, 2**16, 2**24, 2**28, 2**31, 2**32, 2**53, 2**62)
SETTINGS = {
    "pads": [4096] * 4, "strides": [0, 1], "dilations": [-1, 1], "kernel_shape": [4096, 4096],
    "group": 4096, "axis": -7, "perm": [0, 0, 1, 2], "allowzero": 1, "ceil_mode": 1, "to": 11,
    "keepdims": 0, "auto_pad": "SAME_LOWER", "axes": [0, 1], "channels_last": 1, "transA": 1,
}  # fmt: skip
FOREIGN = ("If", "Loop", "Expand", "Tile", "ConstantOfShape", "Resize", "", "relu")


def damaged(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """Some bytes changed, left out, repeated or put in; or the end of another."""
    found = bytearray(content or b"\0")
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        early = chance.random() < 0.4  # where lengths stand
        at = chance.randrange(min(len(found), 64) if early else len(found)) if found else 0
        length = chance.choice((1, 1, 2, 4, 16))
        new = chance.choice((
            chance.randbytes(length), b"", found[max(0, at - length) : at], b"\xff" * length,
            entropy_coding.number(abs(chance.choice(ODD))), other[chance.randint(0, len(other)) :],
        ))  # fmt: skip
        found[at : at + chance.choice((0, length, length, len(found)))] = new
    return bytes(found)


def changed(chance: random.Random, content: bytes) -> bytes:
    """A graph that can be read, and says something else."""
    model = ModelProto.FromString(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        try:
            chance.choice((_change_tensor, _change_operation, _change_wiring))(chance, model.graph)
        except (IndexError, ValueError, TypeError):
            continue  # nothing there to change, or a number too large for its place
    return graphs.serialised(model)


def _change_tensor(chance: random.Random, graph: Any) -> None:
    tensor, value = chance.choice(graph.initializer), chance.choice(ODD)
    what = chance.randrange(6)
    if what == 0:
        tensor.dims[chance.randrange(len(tensor.dims))] = value
    elif what == 1:
        tensor.dims.append(value)
    elif what == 2:
        tensor.data_type = chance.randrange(26)
    elif what == 3:
        tensor.raw_data = chance.randbytes(chance.choice((0, 1, 4, 8, 16, 24)))
    elif what == 4:
        tensor.float_data.append(1.0)
    else:
        graph.input[0].type.tensor_type.shape.dim[chance.randrange(4)].dim_value = value


def _change_operation(chance: random.Random, graph: Any) -> None:
    node, what = chance.choice(graph.node), chance.randrange(4)
    if what == 0:
        node.op_type = chance.choice((*sorted(budgets.OPERATIONS), *FOREIGN))
    elif what == 1:
        node.attribute.append(helper.make_attribute(*chance.choice(list(SETTINGS.items()))))
    elif what == 2:
        setting = chance.choice(node.attribute)
        setting.ints[:] = [chance.choice((0, 1, -1, 2, 4096, 4097)) for _ in setting.ints]
        setting.i = chance.choice((0, 1, -1, 2, 64, 4096))
    else:
        graph.node.remove(node)


def _change_wiring(chance: random.Random, graph: Any) -> None:
    names = [name for node in graph.node for name in (*node.input, *node.output)]
    names += [tensor.name for tensor in graph.initializer] + ["", "images", "logits", "nowhere"]
    node, what = chance.choice(graph.node), chance.randrange(4)
    if what == 0:
        node.input[chance.randrange(len(node.input))] = chance.choice(names)
    elif what == 1:
        node.output[0] = chance.choice(names)
    elif what == 2:
        graph.node.append(node)
    else:
        chance.choice(graph.initializer).name = chance.choice(names)
