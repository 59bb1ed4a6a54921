"""Do two answers agree? And if not, what is the plainest difference between them?

Any style of answer is fine: tensors, arrays, lists or plain numbers, (n,) or (n, 1), any dtype.

>>> difference([1, 2], torch.tensor([1.0, 2.0]))
>>> print(difference([2, 4], [1, 2]))
every number is 2 times what is right
>>> print(difference(None, 1.0))
nothing came back: does the function end with `return`?
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

TOLERANCE = 1e-4  # relative to the largest number; float32 in another order stays below it
COUNTS = 1e-3  # of whole numbers, absolute: one byte too many is one too many


def difference(answer: Any, right: Any, tolerance: float = TOLERANCE) -> str | None:
    """What distinguishes an answer from the right one, in words that do not give it away.

    None when they agree: the same numbers within the tolerance, the same shape apart from
    dimensions of length one. Tuples and lists agree part by part, networks parameter by parameter.
    """
    if answer is None and right is not None:
        return "nothing came back: does the function end with `return`?"
    if answer is Ellipsis:
        return "there is still a `...` where the answer goes"
    if isinstance(right, nn.Module):
        if not isinstance(answer, nn.Module):
            return f"a network was asked for; this is {_kind(answer)}"
        return difference(dict(answer.state_dict()), dict(right.state_dict()), tolerance)
    if isinstance(right, dict):
        return _of_dicts(answer, right, tolerance)
    if isinstance(right, str) or right is None:
        return None if answer == right else f"{right.__class__.__name__} differs: {answer!r}"
    if isinstance(right, tuple):
        return _of_parts(answer, right, tolerance)
    return _of_numbers(answer, right, tolerance)


def agree(answer: Any, right: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether there is no difference."""
    return difference(answer, right, tolerance) is None


def _of_dicts(answer: Any, right: dict, tolerance: float) -> str | None:
    if not isinstance(answer, dict):
        return f"a dictionary was asked for; this is {_kind(answer)}"
    missing, strange = right.keys() - answer.keys(), answer.keys() - right.keys()
    if missing or strange:
        said = [f"{name!r} is missing" for name in sorted(missing, key=str)[:3]]
        said += [f"{name!r} should not be there" for name in sorted(strange, key=str)[:3]]
        return "; ".join(said)
    for name, value in right.items():
        if found := difference(answer[name], value, tolerance):
            return f"at {name!r}: {found}"
    return None


def _of_parts(answer: Any, right: tuple, tolerance: float) -> str | None:
    if not isinstance(answer, tuple | list) or len(answer) != len(right):
        return f"{len(right)} things were asked for; this is {_kind(answer)}"
    for place, (own, value) in enumerate(zip(answer, right, strict=True), 1):
        if found := difference(own, value, tolerance):
            return f"part {place} of {len(right)}: {found}"
    return None


def _of_numbers(answer: Any, right: Any, tolerance: float) -> str | None:
    wanted = _array(right)
    if wanted is None:  # no numbers at all: bytes, say
        same = type(answer) is type(right) and answer == right
        return None if same else f"this is not what was asked for: {_kind(answer)}"
    own = _array(answer)
    if own is None:
        wish = "a number was" if wanted.ndim == 0 else "numbers were"
        return f"{wish} asked for; this is {_kind(answer)}"
    if own.squeeze().shape != wanted.squeeze().shape:
        return f"the shape is {own.shape}, asked for is {wanted.shape}"
    own, wanted = own.squeeze(), wanted.squeeze()
    if not own.size:
        return None
    if np.isnan(own).any() and not np.isnan(wanted).any():
        return "some are not a number (nan): what is divided by zero?"
    limit = tolerance * max(float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0)), 1e-12)
    if _whole(right):
        limit = min(limit, COUNTS)
    with np.errstate(invalid="ignore"):
        near = (
            (own == wanted) | (np.abs(own - wanted) <= limit) | (np.isnan(own) & np.isnan(wanted))
        )
    if near.all():
        return None
    return _pattern(own, wanted, limit) or _share(near)


_RELATED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "every number is the square of what is right": np.square,
    "every number is the root of what is right": np.sqrt,
    "every number is 1 divided by what is right": np.reciprocal,
    "every number is 1 minus what is right": lambda right: 1 - right,
    "every number is 100 minus what is right": lambda right: 100 - right,
    "only signs are missing": np.abs,
}


def _pattern(own: np.ndarray, wanted: np.ndarray, limit: float) -> str | None:
    """A factor, a sign, a shift, an order: what all numbers have in common."""
    if not (np.isfinite(own).all() and np.isfinite(wanted).all()):
        return None
    every = "every number" if own.size > 1 else "the number"
    if np.abs(wanted).max() > limit and np.abs(own).max() > limit:
        factor = float((own * wanted).sum() / (wanted * wanted).sum())
        near = np.abs(own - factor * wanted).max() <= limit * max(1.0, abs(factor))
        if factor and near and f"{factor:.4g}" != "1":
            return (
                "every sign is turned around"
                if math.isclose(factor, -1, rel_tol=1e-3)
                else f"{every} is {factor:.4g} times what is right"
            )
    for said, made in _RELATED.items():
        with np.errstate(all="ignore"):
            related = made(wanted)
        known = np.isfinite(related)
        # What is the same for one number by chance is not for four.
        if known.sum() >= min(4, own.size) and not np.allclose(related[known], wanted[known]):
            size = max(1.0, float(np.abs(related[known]).max() / max(np.abs(wanted).max(), 1e-12)))
            if (np.abs(own[known] - related[known]) <= limit * size).all():
                return said.replace("every number", every)
    if own.ndim and own.size > 1:
        shift = float((own - wanted).mean())
        if np.abs(own - wanted - shift).max() <= limit:
            return f"every number is {abs(shift):.4g} too {'large' if shift > 0 else 'small'}"
        if np.abs(np.sort(own, None) - np.sort(wanted, None)).max() <= limit:
            return "the numbers are right, their order is not"
    return None


def _whole(right: Any) -> bool:
    if isinstance(right, Tensor):
        return not right.is_floating_point()
    return isinstance(right, int | np.integer)


def _share(near: np.ndarray) -> str:
    if not near.any():
        return "no number is right" if near.size > 1 else "the number is not right"
    return f"{int(near.sum())} of {near.size} numbers are right"


def _array(value: Any) -> np.ndarray | None:
    """The value as float64 numbers; None if it has none."""
    if isinstance(value, Tensor):
        return value.detach().cpu().to(torch.float64).numpy()
    try:
        return np.asarray(
            [_array(part) for part in value] if isinstance(value, list | tuple) else value,
            dtype=np.float64,
        )
    except (TypeError, ValueError):
        return None


def _kind(value: Any) -> str:
    """What somebody handed in, in a word or two."""
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    if callable(value) and not isinstance(value, nn.Module):
        return f"the function {getattr(value, '__name__', '')!r} itself (was it called?)"
    if isinstance(value, Tensor | np.ndarray):
        return f"a {type(value).__name__.lower()} of shape {tuple(value.shape)}"
    return f"{type(value).__name__} ({str(value)[:40]})"
