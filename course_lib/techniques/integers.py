"""Real numbers as small integers, and how a layer computes with them.

A real number is kept as an integer times a step, the scale: value = scale * (integer - zero point).

>>> scale, zero_point = scale_and_zero_point(-4.0, 4.0, bits=8, symmetric=True)
>>> integer = quantize(torch.tensor(3.141592653589), scale, zero_point, symmetric=True)
>>> integer.item(), round(dequantize(integer, scale, zero_point).item(), 4)
(100, 3.1496)
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib import arguments

FEWEST_BITS, MOST_BITS = 2, 16


class Quantized(NamedTuple):
    """A tensor as integers; `dequantize(*quantized)` gives its real values."""

    integers: Tensor  # int8, or int16 above 8 bits
    scale: Tensor  # float, () or one for each channel in a shape that broadcasts
    zero_point: Tensor  # int32, shaped as scale: the integer that stands for 0.0


def limits(bits: int, symmetric: bool = False) -> tuple[int, int]:
    """The smallest and the largest integer that `bits` can hold, signed.

    Symmetric leaves the lowest one out, so that -x is there for every x.
    Raises ValueError unless bits is a whole number from 2 to 16.

    >>> limits(8), limits(8, symmetric=True), limits(2, symmetric=True)
    ((-128, 127), (-127, 127), (-1, 1))
    """
    bits = arguments.count(
        "bits", bits, FEWEST_BITS, MOST_BITS, "8 is what processors compute with"
    )
    highest = 2 ** (bits - 1) - 1
    return (-highest if symmetric else -highest - 1), highest


def scale_and_zero_point(
    low: float | Tensor, high: float | Tensor, bits: int = 8, symmetric: bool = False
) -> tuple[Tensor, Tensor]:
    """The step between two integers, and the integer that stands for zero.

    low, high: the smallest and the largest real number to hold; tensors give one scale for each
    entry (a channel, say). The range is widened to hold zero, which every scheme keeps exact:
    padding and ReLU write zeros. Returns (scale, zero_point), float and int32, shaped as low.
    Affine uses every integer (Jacob et al. 2018, arXiv 1712.05877, section 2.1); symmetric has
    zero point 0, which saves work in every product. A range of nothing but zeros has scale 1.

    Raises ValueError for bits out of range, low above high, and ends that are not numbers.

    >>> scale_and_zero_point(0.0, 5.1, bits=8)
    (tensor(0.0200), tensor(-128, dtype=torch.int32))
    """
    low_integer, high_integer = limits(bits, symmetric)
    low, high = _values("low", low), _values("high", high)
    if low.ndim and high.ndim and low.shape != high.shape:
        raise ValueError(f"low and high must be alike, got {tuple(low.shape)}, {tuple(high.shape)}")
    dtype = low.dtype if low.is_floating_point() else torch.float32
    low, high = low.double(), high.double()  # a half must not round by chance: ONNX Runtime's way
    if not bool((low.isfinite() & high.isfinite() & (low <= high)).all()):
        raise ValueError(
            f"low and high must be numbers with low <= high, got {_short(low)} and {_short(high)}; "
            f"they are the smallest and the largest value to hold"
        )
    if symmetric:
        scale = torch.maximum(low.abs(), high.abs()) / high_integer
    else:
        low, high = low.clamp(max=0), high.clamp(min=0)
        scale = (high - low) / (high_integer - low_integer)
    # Below the smallest normal number a division by the scale would overflow.
    scale = torch.where(scale < torch.finfo(dtype).tiny, 1.0, scale)
    if symmetric:
        return scale.to(dtype), torch.zeros_like(scale, dtype=torch.int32)
    zero_point = (low_integer - low / scale).round().clamp(low_integer, high_integer)
    return scale.to(dtype), zero_point.to(torch.int32)


def quantize(
    values: Tensor,
    scale: float | Tensor,
    zero_point: int | Tensor = 0,
    bits: int = 8,
    symmetric: bool = False,
) -> Tensor:
    """The nearest integers: round(values / scale) + zero_point, cut off at the ends of `bits`.

    scale, zero_point: numbers, or tensors that broadcast with values. Halves go to the even
    integer, as in ONNX's QuantizeLinear. Returns int8, or int16 above 8 bits.
    Raises ValueError for bits out of range, a scale that is not above zero, NaN or infinite values.

    >>> quantize(torch.tensor([-1.0, 0.014, 9.0]), scale=0.01)
    tensor([-100,    1,  127], dtype=torch.int8)
    """
    low, high = limits(bits, symmetric)
    arguments.tensor("values", values)
    scale, zero_point = _step(values, scale, zero_point)
    broken = int((~values.isfinite()).sum())
    if broken:
        raise ValueError(
            f"{broken:,} of the {values.numel():,} values are NaN or infinite; "
            f"no integer stands for them"
        )
    integers = ((values / scale).round() + zero_point).clamp(low, high)
    return integers.to(torch.int8 if bits <= 8 else torch.int16)


def dequantize(integers: Tensor, scale: float | Tensor, zero_point: int | Tensor = 0) -> Tensor:
    """The real values that the integers stand for: (integers - zero_point) * scale.

    >>> dequantize(torch.tensor([314], dtype=torch.int16), scale=0.01)
    tensor([3.1400])
    """
    arguments.tensor("integers", integers)
    scale, zero_point = _step(integers, scale, zero_point)
    return (integers.to(torch.int32) - zero_point) * scale


def fake_quantize(
    values: Tensor,
    scale: float | Tensor,
    zero_point: int | Tensor = 0,
    bits: int = 8,
    symmetric: bool = False,
) -> Tensor:
    """dequantize(quantize(values)) in float: the values that integers would leave.

    Its gradient is the straight-through estimator's: rounding counts as if it did nothing, and
    values cut off at an end get no gradient (Bengio et al. 2013, arXiv 1308.3432). The scale may
    be learned: its gradient is that of the learned step size (Esser et al. 2020, arXiv 1902.08153,
    section 2.1).
    """
    low, high = limits(bits, symmetric)
    # Nothing is asked about their numbers: networks run through here.
    if not _dense(values) or not values.is_floating_point():
        wrong = values.dtype if isinstance(values, Tensor) else type(values).__name__
        raise ValueError(f"values must be a dense tensor of floats, got {wrong}")
    for name, given, most in (("scale", scale, 1e38), ("zero_point", zero_point, 2**31 - 1)):
        if not isinstance(given, Tensor):
            arguments.number(name, given, -most, most)
        elif not _dense(given) or "meta" in {given.device.type, values.device.type}:
            raise ValueError(f"{name} must be a number, or a dense tensor where the values are")
        else:
            _check_shape(name, given, values)
    scale = scale if isinstance(scale, Tensor) else float(scale)
    point = torch.as_tensor(zero_point, device=values.device)
    steps = (values / scale).clamp(low - point, high - point)
    return (steps + (steps.round() - steps).detach()) * scale


def integer_linear(
    inputs: Quantized,
    weight: Quantized,
    bias: Tensor | None,
    scale: float | Tensor,
    zero_point: int | Tensor = 0,
) -> Quantized:
    """A linear layer in integers alone: int8 x int8, summed in int32, rescaled to int8.

    inputs: (batch, in); weight: (out, in), symmetric, with one scale or one for each output;
    bias: (out,) real numbers or None; scale, zero_point: those of the outputs, from calibration.
    Returns the outputs, (batch, out) int8. (Jacob et al. 2018, arXiv 1712.05877, section 2.2-2.4.)

    Raises ValueError for weights with a zero point, and shapes that do not fit.
    """
    arguments.tensor("weight", weight.integers, "outputs, inputs")
    arguments.tensor("inputs", inputs.integers)
    if bool((weight.zero_point != 0).any()):
        raise ValueError(
            f"weight must be symmetric, got the zero point {_short(weight.zero_point)}; "
            f"quantize it with symmetric=True"
        )
    if inputs.integers.shape[-1:] != weight.integers.shape[1:]:
        raise ValueError(
            f"inputs {tuple(inputs.integers.shape)} and weight {tuple(weight.integers.shape)} do "
            f"not fit: the last number of each must be the same"
        )
    if bias is not None and arguments.tensor("bias", bias, "outputs").shape != (
        len(weight.integers),
    ):
        raise ValueError(f"bias must hold {len(weight.integers)} numbers, got {len(bias)}")
    product_scale = inputs.scale * weight.scale.flatten()  # of one product of two integers
    sums = (inputs.integers.to(torch.int32) - inputs.zero_point) @ weight.integers.to(torch.int32).T
    if bias is not None:
        sums = sums + (bias / product_scale).round().to(torch.int32)
    scale, zero_point = _step(sums, scale, zero_point)
    outputs = (sums * (product_scale / scale)).round() + zero_point
    return Quantized(
        outputs.clamp(*limits(8)).to(torch.int8),
        torch.as_tensor(scale),
        torch.as_tensor(zero_point, dtype=torch.int32),
    )


def integer_conv(
    inputs: Quantized,
    weight: Quantized,
    bias: Tensor | None,
    scale: float | Tensor,
    zero_point: int | Tensor = 0,
    stride: int = 1,
    padding: int = 0,
) -> Quantized:
    """A convolution in integers alone: every patch of the image goes through `integer_linear`.

    inputs: (batch, channels, height, width); weight: (out, channels, rows, columns), symmetric.
    The image is padded with its zero point, the integer for 0.0. Returns (batch, out, ...) int8.
    """
    arguments.tensor("weight", weight.integers, "outputs, channels, rows, columns")
    stride, padding = (
        arguments.count("stride", stride),
        arguments.count("padding", padding, 0, 4096),
    )
    _, channels, rows, columns = weight.integers.shape
    if inputs.integers.ndim != 4 or inputs.integers.shape[1] != channels:
        raise ValueError(
            f"inputs must be (batch, {channels}, height, width) for a weight of shape "
            f"{tuple(weight.integers.shape)}, got {tuple(inputs.integers.shape)}"
        )
    if min(inputs.integers.shape[2] - rows, inputs.integers.shape[3] - columns) < -2 * padding:
        raise ValueError(
            f"a window of {rows}x{columns} does not fit into images of shape "
            f"{tuple(inputs.integers.shape[2:])} padded by {padding}"
        )
    padded = F.pad(inputs.integers, [padding] * 4, value=int(inputs.zero_point))
    patches = padded.unfold(2, rows, stride).unfold(3, columns, stride)
    patches = patches.permute(0, 2, 3, 1, 4, 5).flatten(3)  # (batch, height, width, one patch)
    flat = weight._replace(integers=weight.integers.flatten(1))
    outputs = integer_linear(inputs._replace(integers=patches), flat, bias, scale, zero_point)
    return outputs._replace(integers=outputs.integers.permute(0, 3, 1, 2))


def _values(name: str, given: Any, dtype: torch.dtype = torch.float32) -> Tensor:
    """A number, or a tensor of them, as a tensor."""
    if isinstance(given, Tensor):
        return arguments.tensor(name, given)
    return torch.tensor(arguments.number(name, given), dtype=dtype)


def _step(values: Tensor, scale: Any, zero_point: Any) -> tuple[Any, Any]:
    """Both as they are computed with. Raises ValueError unless they are numbers, or fit the values.

    The scale is a step, finite and above zero; the zero point is one of the integers of 32 bits.
    """
    scales = _values("scale", scale)
    points = _values("zero_point", zero_point, torch.float64).double()  # holds all of 32 bits
    if not bool((scales > 0).logical_and(scales.isfinite()).all()):
        raise ValueError(f"scale must be above zero, got {_short(scale)}; it is the step's size")
    most = 2**31 - 1
    if not bool((points % 1 == 0).logical_and(points.abs() <= most).all()):
        raise ValueError(f"zero_point must be a whole number of 32 bits, got {_short(zero_point)}")
    for name, one in (("scale", scales), ("zero_point", points)):
        _check_shape(name, one, values)
    return (
        scale if isinstance(scale, Tensor) else float(scale),
        zero_point if isinstance(zero_point, Tensor) else int(zero_point),
    )


def _dense(value: object) -> bool:
    return isinstance(value, Tensor) and not value.is_sparse and not value.is_complex()


def _check_shape(name: str, one: Tensor, values: Tensor) -> None:
    try:
        torch.broadcast_shapes(values.shape, one.shape)
    except RuntimeError:
        raise ValueError(
            f"{name} must be a number, or broadcast with shape {tuple(values.shape)}, got shape "
            f"{tuple(one.shape)}; (outputs, 1, 1, 1) is one for each output channel"
        ) from None


def _short(value: object) -> str:
    """A number, or the ends of a tensor, for an error message."""
    if isinstance(value, Tensor) and value.numel() > 1:
        return f"{value.min().item():g} to {value.max().item():g} ({value.numel()} numbers)"
    return f"{value.item():g}" if isinstance(value, Tensor) else f"{value!r}"


def two_largest(rows: np.ndarray, sign: int = 1) -> int:
    """The largest sum of two numbers of one row, negative ones counted as zero; few are copied.

    >>> two_largest(np.array([[5, -7, 1], [2, -9, 2]], np.int8)), two_largest(np.eye(2), -1)
    (6, 0)
    """
    at_once, sums = 1 + 2**22 * len(rows) // rows.size, []
    for start in range(0, len(rows), at_once):
        part = sign * rows[start : start + at_once].astype(np.int16)
        part = part.reshape(len(part), -1).clip(0)
        places = part.argmax(axis=1)[:, None]
        largest = np.take_along_axis(part, places, axis=1)
        np.put_along_axis(part, places, 0, axis=1)
        sums.append(int((largest[:, 0] + part.max(axis=1)).max()))
    return max(sums)
