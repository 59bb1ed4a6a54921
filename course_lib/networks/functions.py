"""What a function does, as a short text: its code, and the values that the code reads.

A training goes on only with the loss that it began with. A cell that is run again makes another
function, of the same code; so it is told by that, and by what it has from outside.

>>> def scaled(factor):
...     return lambda x: factor * x
>>> identity(scaled(2)) == identity(scaled(2)), identity(scaled(2)) == identity(scaled(3))
(True, False)
>>> identity(iter([1]).__next__) is None  # nobody can tell
True
"""

import builtins
import dataclasses
import functools
import hashlib
import json
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.networks import identity as networks

PLAIN = (bool, int, float, complex, str, bytes, slice, type(None), type(...), torch.dtype,
         torch.device, torch.memory_format)  # fmt: skip
# Known by their names and versions: nobody changes them in a notebook.
LIBRARIES = ("torch", "numpy", "math", "builtins", "functools", "itertools", "operator")
VERSIONS = f"torch {torch.__version__}, numpy {np.__version__}"


class _Unknown(Exception):
    """Something that no text stands for."""


def identity(function: Callable, shape: Sequence[int] = (3, 64, 64)) -> str | None:
    """64 hex digits, the same for functions that do the same; None where that can't be told.

    shape: (channels, height, width) of the images that networks inside of it are asked about.
    """
    try:
        told = _Telling(shape).told(function)
    except _Unknown:
        return None
    return hashlib.sha256(json.dumps([VERSIONS, told]).encode()).hexdigest()


class _Telling:
    """Values as JSON holds them; each is told once."""

    def __init__(self, shape: Sequence[int]):
        self.shape = tuple(shape)
        self.seen: dict[int, int] = {}
        self.alive: list[Any] = []  # else an id could be another object's later

    def told(self, value: Any) -> Any:
        if isinstance(value, PLAIN):
            return [type(value).__name__, repr(value)]
        if id(value) in self.seen:
            return ["again", self.seen[id(value)]]
        self.seen[id(value)] = len(self.seen)
        self.alive.append(value)
        return [type(value).__name__, *self._parts(value)]

    def _parts(self, value: Any) -> list[Any]:
        if isinstance(value, nn.Module):
            found = networks.of(value, self.shape, training=value.training)
            if found is None:
                raise _Unknown(f"a {type(value).__name__} that cannot be told from others")
            return [found]
        if isinstance(value, Tensor):
            return [networks.content(value.detach())]
        if isinstance(value, np.ndarray) and value.dtype != object:
            return [str(value.dtype), value.shape, hashlib.sha256(value.tobytes()).hexdigest()]
        if isinstance(value, list | tuple):
            return [self.told(part) for part in value]
        if isinstance(value, dict):
            return [[self.told(key), self.told(part)] for key, part in value.items()]
        if isinstance(value, types.ModuleType):
            return [value.__name__]
        if isinstance(value, type) and value.__module__ != "__main__":
            return [value.__module__, value.__qualname__]
        if (getattr(value, "__module__", None) or "").partition(".")[0] in LIBRARIES and hasattr(
            value, "__qualname__"
        ):
            return [value.__module__, value.__qualname__]
        if isinstance(value, functools.partial):
            return [self.told(part) for part in (value.func, value.args, value.keywords)]
        if isinstance(value, types.MethodType):
            return [self.told(value.__func__), self.told(value.__self__)]
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.CodeType):
            consts = [self.told(each) for each in value.co_consts]
            return [value.co_code.hex(), value.co_names, value.co_varnames, consts]
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            own = type(value)
            parts = [self.told(getattr(value, each.name)) for each in dataclasses.fields(value)]
            return [own.__module__, own.__qualname__, *parts]
        raise _Unknown(f"a {type(value).__name__}")

    def _function(self, function: types.FunctionType) -> list[Any]:
        read = {
            name: function.__globals__[name]
            for name in _names(function.__code__)
            if name in function.__globals__ and not hasattr(builtins, name)
        }
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        return [
            self.told(part)
            for part in (function.__code__, function.__defaults__, function.__kwdefaults__,
                         cells, read)
        ]  # fmt: skip


def _names(code: types.CodeType) -> list[str]:
    """The names that a function's code, and that of functions inside of it, reads from outside."""
    found = list(code.co_names)
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            found += _names(each)
    return list(dict.fromkeys(found))
