"""Values as plain bytes, and back: what is unpacked can neither run nor pretend to be anything.

A message is a safetensors file of arrays; the one named `tree` is JSON that says how they hang
together. Layers that torch has itself are described and built anew; of other networks the layers
inside are described, and the whole can be asked what it answers (`Afar`).

>>> unpack(pack((torch.ones(2), {3: "word"}, 0.5)))
(tensor([1., 1.]), {3: 'word'}, 0.5)
>>> unpack(pack([torch.nn.Linear(2, 1), ...]))
[Linear(in_features=2, out_features=1, bias=True), Ellipsis]
>>> unpack(b"no message")
Traceback (most recent call last):
course_lib.classroom.grading.plain.Unreadable: no plain values: ...
"""

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from torch import Tensor, nn

MOST_BYTES = 16_000_000  # of a message
MOST_ITEMS = 1_000_000  # of what is counted through: a generator, say
WORDS = 2000  # letters of what somebody else's object says of itself

_CONVOLUTION = (
    "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups",
    "padding_mode",
)  # fmt: skip
_NORM = ("num_features", "eps", "momentum", "affine", "track_running_stats")
# What a layer is made with, besides its tensors.
LAYERS: dict[str, tuple[str, ...]] = {
    "Conv1d": _CONVOLUTION,
    "Conv2d": _CONVOLUTION,
    "BatchNorm1d": _NORM,
    "BatchNorm2d": _NORM,
    "Linear": ("in_features", "out_features"),
    "Flatten": ("start_dim", "end_dim"),
    "ReLU": (),
    "Identity": (),
    "Sequential": (),
}


class Unreadable(ValueError):
    """A message that is none."""


@dataclass(frozen=True)
class Afar:
    """How to ask for what stays where it is, by its number there."""

    gradient: Callable[[int, Tensor], Tensor]  # (number, value): a value that can be differentiated
    network: Callable[[int], nn.Module]  # (number): one that answers from there


class Foreign:
    """Stands for an object that is no plain value: it says what it was, and does nothing."""

    def __init__(self, text: str):
        self.text = self.__name__ = text

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


class ForeignFunction(Foreign):
    """Stands for a function; calling it gives nothing."""

    def __call__(self, *_inputs: Any) -> None:
        return None


def pack(value: Any, keep: Callable[[Any], int] | None = None) -> bytes:
    """The bytes of a value. Raises TypeError for numbers that are none, such as complex ones.

    keep: notes what stays behind, and gives its number: a tensor with a gradient, a network.
    """
    arrays: dict[str, np.ndarray] = {}
    tree = _Packing(arrays, keep).plain(value)
    text = np.frombuffer(json.dumps(tree).encode(), np.uint8)
    return safetensors.numpy.save({**arrays, "tree": text})


def unpack(content: bytes, afar: Afar | None = None) -> Any:
    """The value of a message; Unreadable if it is none, or is larger than MOST_BYTES."""
    if len(content) > MOST_BYTES:
        raise Unreadable(f"a message of {len(content):,} bytes, of {MOST_BYTES:,} at most")
    try:
        arrays = safetensors.numpy.load(content)
        tree = json.loads(arrays.pop("tree").tobytes())
        return _Unpacking(arrays, afar).made(tree)
    except Exception as error:  # whatever a stranger's bytes make a parser raise
        raise Unreadable(f"no plain values: {type(error).__name__}: {error}"[:200]) from None


@dataclass
class _Packing:
    arrays: dict[str, np.ndarray]
    keep: Callable[[Any], int] | None

    def plain(self, value: Any) -> Any:
        """What JSON can say: itself, or a list of its kind and what it is made of."""
        if value is None or isinstance(value, bool):
            return value
        for scalar in (int, float, str):
            if isinstance(value, scalar):
                return scalar(value)
        if isinstance(value, Tensor):
            return self._tensor(value, self.keep)
        if isinstance(value, nn.Module):
            return self._layer(value)
        if isinstance(value, dict):
            return ["dict", [[self.plain(k), self.plain(v)] for k, v in value.items()]]
        for kind, group in _GROUPS.items():
            if isinstance(value, group):
                return [kind, [self.plain(part) for part in value]]
        return self._other(value)

    def _other(self, value: Any) -> Any:
        if value is Ellipsis:
            return ["ellipsis"]
        if isinstance(value, bytes | bytearray):
            return ["bytes", self._stored(np.frombuffer(bytes(value), np.uint8))]
        if isinstance(value, np.ndarray | np.generic | range) or hasattr(value, "__array__"):
            array = np.asarray(value)
            if array.dtype.kind in "OSU":
                return self.plain(array.tolist())
            return ["number" if isinstance(value, np.generic) else "array", self._stored(array)]
        if callable(value):
            name = getattr(value, "__name__", "")
            return ["function", type(value).__name__, str(name)[:WORDS]]
        if isinstance(value, Iterable):
            return ["iterator", [self.plain(x) for x in itertools.islice(value, MOST_ITEMS)]]
        if hasattr(value, "__float__"):
            return float(value)
        return ["other", type(value).__name__, str(value)[:WORDS]]

    def _tensor(self, tensor: Tensor, keep: Callable[[Any], int] | None) -> list:
        kept = keep(tensor) if keep and tensor.requires_grad else None
        return ["tensor", self._stored(_array(tensor)), tensor.requires_grad, kept]

    def _stored(self, array: np.ndarray) -> str:
        if array.dtype.kind not in "biuf":
            raise TypeError(f"numbers of type {array.dtype} cannot be handed in")
        width = f"{array.dtype.kind}{min(array.dtype.itemsize, 8)}"
        name = str(len(self.arrays))
        self.arrays[name] = np.array(array, dtype=np.dtype(width), order="C")
        return name

    def _layer(self, module: nn.Module) -> list:
        kind = type(module).__name__
        known = getattr(nn, kind, None) is type(module) and kind in LAYERS
        own = {**module._parameters, **module._buffers}
        return [
            "layer",
            kind if known else "",
            {name: self.plain(getattr(module, name)) for name in LAYERS[kind]} if known else {},
            module.training,
            [
                [name, None if x is None else self._tensor(x, None), isinstance(x, nn.Parameter)]
                for name, x in own.items()
            ],
            [[name, self._layer(child)] for name, child in module.named_children()],
            self.keep(module) if self.keep and not known else None,
        ]


_GROUPS: dict[str, Any] = {"list": list, "tuple": tuple, "set": set | frozenset}


def _array(tensor: Tensor) -> np.ndarray:
    wide = tensor.detach().to_dense() if tensor.layout != torch.strided else tensor.detach()
    return (wide.float() if wide.dtype == torch.bfloat16 else wide).numpy(force=True)


class _Unpacking:
    """Builds values of the kinds that are known here, and of no other; each array serves once."""

    def __init__(self, arrays: dict[str, np.ndarray], afar: Afar | None):
        self.arrays, self.afar = arrays, afar

    def made(self, tree: Any) -> Any:
        if not isinstance(tree, list):
            if isinstance(tree, dict):
                raise TypeError("a bare dictionary")
            return tree
        kind, *parts = tree
        if kind not in self.KINDS:
            raise TypeError(f"unknown kind {kind!r:.20}")
        return getattr(self, f"_{kind}")(*parts)

    KINDS = frozenset(
        {"list", "tuple", "set", "iterator", "dict", "ellipsis", "bytes", "array", "number"}
        | {"tensor", "function", "other", "layer"}
    )

    def _list(self, parts: list) -> list:
        return [self.made(part) for part in parts]

    def _tuple(self, parts: list) -> tuple:
        return tuple(self._list(parts))

    def _set(self, parts: list) -> set:
        return set(self._list(parts))

    def _iterator(self, parts: list) -> Any:
        return iter(self._list(parts))

    def _dict(self, pairs: list) -> dict:
        return {self.made(key): self.made(value) for key, value in pairs}

    def _ellipsis(self) -> Any:
        return ...

    def _array(self, name: str) -> np.ndarray:
        return np.array(self.arrays.pop(name))

    def _bytes(self, name: str) -> bytes:
        return self._array(name).tobytes()

    def _number(self, name: str) -> Any:
        return self._array(name)[()]

    def _tensor(self, name: str, differentiable: bool, kept: int | None) -> Tensor:
        tensor = torch.from_numpy(self._array(name))
        if not differentiable:
            return tensor
        if kept is not None and self.afar:
            return self.afar.gradient(int(kept), tensor)
        return tensor.requires_grad_()

    def _function(self, kind: str, name: str) -> Foreign:
        return type(str(kind), (ForeignFunction,), {})(str(name))

    def _other(self, kind: str, text: str) -> Foreign:
        return type(str(kind), (Foreign,), {})(str(text))

    def _layer(
        self, kind: str, settings: dict, training: bool, tensors: list, children: list,
        kept: int | None,
    ) -> nn.Module:  # fmt: skip
        if kind:
            made = {name: self.made(settings[name]) for name in LAYERS[kind]}
            bare = {"device": "meta"} if tensors else {}
            layer = getattr(nn, kind)(**made, **bare)
        elif self.afar and kept is not None:
            layer = self.afar.network(int(kept))
        else:
            raise TypeError("a network that is not known here")
        for name, tree, is_parameter in tensors:
            tensor = self.made(tree)
            if is_parameter or name in layer._parameters:
                layer.register_parameter(name, _parameter(tensor))
            else:
                layer.register_buffer(name, tensor)
        for name, tree in children:
            layer.add_module(name, self.made(tree))
        layer.training = bool(training)
        return layer


def _parameter(tensor: Tensor | None) -> nn.Parameter | None:
    if tensor is None:
        return None
    return nn.Parameter(tensor.detach(), requires_grad=tensor.requires_grad)
