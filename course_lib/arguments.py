"""Arguments of public functions, checked in one place: a wrong call is answered with a sentence.

Each function gives the argument back, or raises ValueError: what was given, what would be right.

>>> count("clusters", 2.5)
Traceback (most recent call last):
ValueError: clusters must be a whole number of at least 1, got 2.5
>>> share("sparsity", 1.2, "0.9 removes 90% of the weights")
Traceback (most recent call last):
ValueError: sparsity must be in [0, 1), got 1.2; 0.9 removes 90% of the weights
>>> import torch
>>> tensor("kernel", torch.zeros(3), "outputs, inputs, height, width")
Traceback (most recent call last):
ValueError: kernel must be a tensor (outputs, inputs, height, width), got shape (3,)
"""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # whoever checks a number alone need not load torch
    import torch
    from torch import Tensor, nn

_LARGEST = 2**63 - 1  # torch's whole numbers have 64 bits


def count(name: str, value: Any, least: int = 1, most: int = _LARGEST, hint: str = "") -> int:
    """A whole number from least to most; a bool is none."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not least <= value <= most:
        wanted = f"of at least {least}" if most == _LARGEST else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {wanted}, {_got(value, hint)}")
    return int(value)


def seed(value: Any) -> int:
    """A seed of random numbers: a whole number of at least 0."""
    return count("seed", value, 0, hint="any such number gives its own draw")


def number(
    name: str, value: Any, low: float = -math.inf, high: float = math.inf, hint: str = ""
) -> float:
    """A finite number from low to high; a bool is none."""
    if not _is_number(value) or not low <= value <= high:
        wanted = "finite number"
        if low > -math.inf:
            wanted = (
                f"number from {low:g} to {high:g}"
                if high < math.inf
                else f"number of at least {low:g}"
            )
        raise ValueError(f"{name} must be a {wanted}, {_got(value, hint)}")
    return float(value)


def numbers(name: str, value: Any) -> list[float]:
    """Finite numbers: of a list or a tuple, or of an array or a tensor of one dimension."""
    if hasattr(value, "is_meta"):
        value = tensor(name, value, "numbers")
    several = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(several, list | tuple):
        raise ValueError(f"{name} must be a list of numbers, {_got(value)}")
    return [number(f"each of {name}", each) for each in several]


def above_zero(name: str, value: Any, hint: str = "") -> float:
    """A finite number above zero; a bool is none."""
    if not _is_number(value) or value <= 0:
        raise ValueError(f"{name} must be a finite number above 0, {_got(value, hint)}")
    return float(value)


def share(name: str, value: Any, hint: str, below_one: bool = True) -> float:
    """A number in [0, 1), or in [0, 1] unless below_one."""
    if not _is_number(value) or not 0 <= value <= 1 or (below_one and value == 1):
        range_ = "[0, 1)" if below_one else "[0, 1]"
        raise ValueError(f"{name} must be in {range_}, {_got(value, hint)}")
    return float(value)


def one_of(name: str, value: Any, choices: Sequence[Any]) -> Any:
    """One of a few names."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; {_got(value)}")
    return value


def shape(name: str, value: Any) -> tuple[int, ...]:
    """The sides of an array: whole numbers of at least 1."""
    sides = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
    if not sides or not all(isinstance(side, Integral) and int(side) >= 1 for side in sides):
        wanted = "(channels, height, width), such as (3, 64, 64)"
        raise ValueError(f"{name} must be {wanted}, {_got(value)}")
    return tuple(int(side) for side in sides)


def tensor(
    name: str,
    value: Any,
    axes: str = "",
    *,
    finite: bool = False,
    dtype: "torch.dtype | None" = None,
) -> "Tensor":
    """A dense tensor of real numbers, with as many dimensions as `axes` names.

    axes: "images, classes" for two; any number of them if empty. finite: neither NaN nor infinite.
    dtype: this one alone.
    """
    from torch import Tensor, strided

    wanted = f"{name} must be a tensor" + f" ({axes})" * bool(axes)
    if not isinstance(value, Tensor):
        raise ValueError(f"{wanted}, {_got(value)}")
    if axes and value.ndim != axes.count(",") + 1:
        raise ValueError(f"{wanted}, got shape {tuple(value.shape)}")
    if value.is_meta or value.layout != strided or value.is_complex():
        kind = "meta" if value.is_meta else str(value.dtype if value.is_complex() else value.layout)
        raise ValueError(f"{wanted} of real numbers, stored densely, got {kind}")
    if dtype is not None and value.dtype != dtype:
        raise ValueError(f"{wanted} of {dtype}, got {value.dtype}")
    if finite and value.is_floating_point():
        broken = int((~value.isfinite()).sum())
        if broken:
            raise ValueError(
                f"{broken:,} of the {value.numel():,} values of {name} are NaN or infinite"
            )
    return value


def network(value: Any) -> "nn.Module":
    """A network, whose weights are there."""
    from torch import nn

    if not isinstance(value, nn.Module):
        raise ValueError(f"network must be a torch.nn.Module, got a {type(value).__name__}")
    for name, held in (*value.named_parameters(), *value.named_buffers()):
        if held.is_meta:
            raise ValueError(
                f"{name} of the network has no values (it is on the meta device); load its weights"
            )
    return value


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def _got(value: Any, hint: str = "") -> str:
    shown = " ".join(repr(value).split())
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    return f"got {shown}" + f"; {hint}" * bool(hint)
