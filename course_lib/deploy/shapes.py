"""What each operation of a packed graph gives for known shapes, and about how long it computes.

By rules of our own, from shapes alone: nothing is computed, so that a graph made to harm costs
nothing. page/shapes.js has the same rules for the phone page.

>>> conv = Step("Conv", [(1, 3, 64, 64), (16, 3, 3, 3)], {"pads": [1, 1, 1, 1], "strides": [2, 2]})
>>> result(conv)
((1, 16, 32, 32), 967168)
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Shape = tuple[int, ...]

# Steps are multiply-adds of a large convolution; what is slower for each counts as several.
# Measured in ONNX Runtime 1.32: 15 billion a second there, 0.15 where every output is alone.
PER_NUMBER, PER_PRODUCT, PER_WINDOW, PER_CALL = 32, 4, 16, 512
FEW = 4  # outputs that share what they look at; with fewer, each product is as slow as a window's
BLOCK = 16  # ONNX Runtime fills channels, rows and columns up to blocks, for the widest registers
# Where an operation has what it lays out anew.
WEIGHTS = {
    "Conv": 1, "QLinearConv": 3, "Gemm": 1, "MatMul": 1, "QGemm": 3, "QLinearMatMul": 3,
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """An operation, before it runs."""

    operation: str
    shapes: Sequence[Shape | None]  # of its inputs; None: left out
    settings: dict[str, Any]
    stored: Sequence[list[int] | None] = ()  # integers of the inputs that are stored in the file

    def shape(self, place: int) -> Shape:
        found = self.shapes[place] if place < len(self.shapes) else None
        if found is None:
            raise self.wrong(f"has no input {place}")
        return found

    def number(self, name: str, usual: int) -> int:
        value = self.settings.get(name, usual)
        if not isinstance(value, int):
            raise self.wrong(f"has a setting {name} that is no whole number")
        return value

    def numbers(self, name: str, usual: list[int], least: int) -> list[int]:
        """A setting with a number for each of `usual`."""
        value = self.settings.get(name, usual)
        if not isinstance(value, list) or len(value) != len(usual) or min(value, default=0) < least:
            raise self.wrong(f"has no {len(usual)} {name} of at least {least}")
        return value

    def axes(self, rank: int) -> list[int]:
        """The axes that it names, as a setting or as a stored input; empty: none are named."""
        stored = self.stored[1] if len(self.stored) > 1 else None
        found = self.settings.get("axes", stored)
        if found is None and len(self.shapes) > 1 and self.shapes[1] is not None:
            raise self.wrong("computes its axes, where they must be stored")
        if not isinstance(found, list | None):
            raise self.wrong("has axes that are no list")
        return [self.axis(axis, rank) for axis in found or []]

    def axis(self, axis: int, rank: int) -> int:
        if not -rank <= axis < rank:
            raise self.wrong(f"names axis {axis} of {rank}")
        return axis % rank

    def wrong(self, what: str) -> ValueError:
        return ValueError(f"ONNX Runtime cannot run its graph: its {self.operation} {what}")


def result(step: Step) -> tuple[Shape, int]:
    """(shape, steps) of what an operation of RULES gives; ValueError if it cannot be."""
    shape, steps = RULES[step.operation](step)
    if any(side < 1 for side in shape):
        raise step.wrong(f"would give a tensor of shape {list(shape)}")
    largest = max(math.prod(each) for each in (shape, *step.shapes) if each is not None)
    return shape, steps + PER_NUMBER * largest


def filled(operation: str, weight: Shape) -> int:
    """How many numbers a weight has once the engine has laid it out in blocks.

    >>> filled("Conv", (1, 3, 5, 5)), filled("Conv", (16, 17, 1, 1)), filled("MatMul", (3, 20))
    (1200, 512, 592)
    """
    if len(weight) < 2:
        return math.prod(weight)
    if "Conv" in operation:
        inputs = _blocks(weight[1]) if weight[1] > BLOCK else weight[1]
        return _blocks(weight[0]) * inputs * math.prod(weight[2:])
    rows, columns = weight[-2:]
    sums = 4 * max(rows, columns)  # of integers, for their zero points
    return math.prod(weight[:-2]) * (_blocks(rows) * _blocks(columns) + sums)


def _blocks(count: int) -> int:
    return count + -count % BLOCK


def _same(step: Step) -> tuple[Shape, int]:
    return step.shape(0), 0


def _broadcast(step: Step, *places: int) -> tuple[Shape, int]:
    return _joined(step, *(step.shape(place) for place in places)), 0


def _joined(step: Step, *shapes: Shape) -> Shape:
    """The shape that all of them are repeated to."""
    found = []
    for sides in itertools.zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1):
        if any(side not in (1, max(sides)) for side in sides):
            raise step.wrong(f"cannot join {' and '.join(str(list(shape)) for shape in shapes)}")
        found.append(max(sides))
    return tuple(reversed(found))


def _conv(step: Step, weight: int) -> tuple[Shape, int]:
    given, kernel, groups = step.shape(0), step.shape(weight), step.number("group", 1)
    fits = len(kernel) == len(given) and 3 <= len(given) <= 5 and groups > 0
    if not fits or kernel[1] * groups != given[1] or kernel[0] % groups:
        raise step.wrong(f"has weights {list(kernel)} for {list(given)} in {groups} groups")
    if list(kernel[2:]) != step.numbers("kernel_shape", list(kernel[2:]), 1):
        raise step.wrong("says another kernel_shape than its weights have")
    shape = (given[0], kernel[0], *_windows(step, given[2:], kernel[2:]))
    each = PER_WINDOW if kernel[0] < FEW * groups else 1
    products = math.prod(shape) * math.prod(kernel[1:])
    return shape, each * products + PER_CALL * given[0] * groups


def _pool(step: Step) -> tuple[Shape, int]:
    given, kernel = step.shape(0), step.settings.get("kernel_shape")
    if not 3 <= len(given) <= 5 or not isinstance(kernel, list):
        raise step.wrong(f"has no kernel_shape for {list(given)}")
    kernel = step.numbers("kernel_shape", [1] * (len(given) - 2), 1)
    shape = (*given[:2], *_windows(step, given[2:], kernel))
    return shape, PER_WINDOW * math.prod(shape) * math.prod(kernel)


def _windows(step: Step, sides: Shape, kernel: Sequence[int]) -> list[int]:
    """How many places a kernel has along each side."""
    ones, zeros = [1] * len(sides), [0] * 2 * len(sides)
    strides, spread = step.numbers("strides", ones, 1), step.numbers("dilations", ones, 1)
    pads, way = step.numbers("pads", zeros, 0), step.settings.get("auto_pad", b"NOTSET")
    if way in (b"SAME_UPPER", b"SAME_LOWER"):
        return [-(-side // stride) for side, stride in zip(sides, strides, strict=True)]
    if way not in (b"NOTSET", b"VALID"):
        raise step.wrong("has an unknown auto_pad")
    found = []
    for i, (side, stride) in enumerate(zip(sides, strides, strict=True)):
        before, after = (pads[i], pads[i + len(sides)]) if way == b"NOTSET" else (0, 0)
        room = side + before + after - (kernel[i] - 1) * spread[i] - 1
        places = room // stride + 1
        # A last window that is not whole counts if it begins before the padding behind.
        more = step.number("ceil_mode", 0) and room % stride and places * stride < side + before
        found.append(places + bool(more) if room >= 0 else 0)
    return found


def _global_pool(step: Step) -> tuple[Shape, int]:
    given = step.shape(0)
    if len(given) < 3 or step.number("channels_last", 0):
        raise step.wrong(f"takes no {list(given)}")
    return (*given[:2], *(1 for _ in given[2:])), 0


def _gemm(step: Step, weight: int) -> tuple[Shape, int]:
    shapes = [step.shape(0), step.shape(weight)]
    if any(len(shape) != 2 for shape in shapes):
        raise step.wrong(f"must have two matrices, got {' and '.join(map(str, shapes))}")
    turned = [step.number(name, 0) for name in ("transA", "transB")]
    a, b = (s[::-1] if turn else s for s, turn in zip(shapes, turned, strict=True))
    if a[1] != b[0]:
        raise step.wrong(f"cannot multiply {list(a)} by {list(b)}")
    return (a[0], b[1]), PER_PRODUCT * a[0] * a[1] * b[1]


def _matmul(step: Step, second: int) -> tuple[Shape, int]:
    a, b = step.shape(0), step.shape(second)
    rows, columns = a[-2:-1], b[-1:] if len(b) > 1 else ()
    inner = b[-2] if len(b) > 1 else b[0] if b else 0
    if not a or a[-1] != inner:
        raise step.wrong(f"cannot multiply {list(a)} by {list(b)}")
    batch = _joined(step, a[:-2], b[:-2])
    shape = (*batch, *rows, *columns)
    return shape, PER_PRODUCT * math.prod(shape) * inner + PER_CALL * math.prod(batch)


def _flatten(step: Step) -> tuple[Shape, int]:
    given, axis = step.shape(0), step.number("axis", 1)
    cut = axis if axis == len(given) else step.axis(axis, len(given))
    return (math.prod(given[:cut]), math.prod(given[cut:])), 0


def _reshape(step: Step) -> tuple[Shape, int]:
    given, wanted = step.shape(0), step.stored[1] if len(step.stored) > 1 else None
    if wanted is None:
        raise step.wrong("computes the shape to give, where it must be stored")
    copied = not step.number("allowzero", 0)
    sides = [
        given[i] if side == 0 and copied and i < len(given) else side
        for i, side in enumerate(wanted)
    ]
    known = math.prod(side for side in sides if side != -1)
    if sides.count(-1) == 1 and known > 0:
        sides[sides.index(-1)] = math.prod(given) // known
    if min(sides, default=1) < 1 or math.prod(sides) != math.prod(given):
        raise step.wrong(f"cannot make {wanted} of {list(given)}")
    return tuple(sides), 0


def _squeeze(step: Step) -> tuple[Shape, int]:
    given = step.shape(0)
    axes = step.axes(len(given)) or [i for i, side in enumerate(given) if side == 1]
    if any(given[axis] != 1 for axis in axes):
        raise step.wrong(f"cannot leave out axes {axes} of {list(given)}")
    return tuple(side for i, side in enumerate(given) if i not in axes), 0


def _reduce(step: Step) -> tuple[Shape, int]:
    given = step.shape(0)
    axes = step.axes(len(given))
    if not axes:
        axes = [] if step.number("noop_with_empty_axes", 0) else list(range(len(given)))
    kept = step.number("keepdims", 1)
    sides = [1 if i in axes else side for i, side in enumerate(given)]
    return tuple(side for i, side in enumerate(sides) if kept or i not in axes), 0


def _transpose(step: Step) -> tuple[Shape, int]:
    given = step.shape(0)
    order = step.numbers("perm", list(reversed(range(len(given)))), 0)
    if sorted(order) != list(range(len(given))):
        raise step.wrong(f"cannot order {list(given)} by {order}")
    return tuple(given[i] for i in order), 0


def _of_two(rule: Callable[..., tuple[Shape, int]], *places: int) -> Any:
    return lambda step: rule(step, *places)


# What a packed graph may do: nothing that branches, loops, reads files or fills memory by itself.
RULES: dict[str, Callable[[Step], tuple[Shape, int]]] = {
    **dict.fromkeys(("BatchNormalization", "Cast", "Clip", "Identity", "Relu", "Sigmoid"), _same),
    **dict.fromkeys(("DequantizeLinear", "QuantizeLinear", "Softmax"), _same),
    **dict.fromkeys(("Add", "Mul", "Sub"), _of_two(_broadcast, 0, 1)),
    "QLinearAdd": _of_two(_broadcast, 0, 3),
    "Conv": _of_two(_conv, 1), "QLinearConv": _of_two(_conv, 3),
    "AveragePool": _pool, "MaxPool": _pool,
    "GlobalAveragePool": _global_pool, "QLinearGlobalAveragePool": _global_pool,
    "Gemm": _of_two(_gemm, 1), "QGemm": _of_two(_gemm, 3),
    "MatMul": _of_two(_matmul, 1), "QLinearMatMul": _of_two(_matmul, 3),
    "Flatten": _flatten, "Reshape": _reshape, "Squeeze": _squeeze,
    "ReduceMean": _reduce, "Transpose": _transpose,
}  # fmt: skip
