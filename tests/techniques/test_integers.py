"""integers: what rounding keeps and loses, and layers that compute as an int8 engine does."""

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from course_lib import data, engines, processor
from course_lib.deploy import graphs, onnx_runtime
from course_lib.techniques.integers import (
    Quantized,
    dequantize,
    fake_quantize,
    integer_conv,
    integer_linear,
    limits,
    quantize,
    scale_and_zero_point,
)

PI = 3.141592653589
BITS = st.integers(2, 16)


def as_quantized(values, bits=8, symmetric=False, per_channel=False):
    axes = tuple(range(1 if per_channel else 0, values.ndim))
    low, high = values.amin(axes, keepdim=per_channel), values.amax(axes, keepdim=per_channel)
    scale, zero_point = scale_and_zero_point(low, high, bits, symmetric)
    return Quantized(quantize(values, scale, zero_point, bits, symmetric), scale, zero_point)


# One number


def test_float32_does_not_hold_pi_either():
    stored = torch.tensor(PI).item()
    assert stored == struct.unpack("f", struct.pack("f", PI))[0] == 3.1415927410125732


def test_which_scale_yields_3_14():
    wide, narrow = quantize(torch.tensor(PI), 0.01, bits=10), quantize(torch.tensor(PI), 0.01)
    assert (wide.item(), wide.dtype) == (314, torch.int16)
    assert dequantize(wide, 0.01).item() == pytest.approx(3.14)
    assert (narrow.item(), narrow.dtype) == (127, torch.int8)  # 314 does not fit into 8 bits
    scale, zero_point = scale_and_zero_point(-4, 4, 8, symmetric=True)
    assert scale.item() == pytest.approx(4 / 127)
    assert dequantize(*as_quantized(torch.tensor([PI, -4]), 8, True))[0].item() != 3.14
    assert zero_point.item() == 0


# Tensors


@settings(max_examples=15, deadline=None)
@given(bits=BITS, symmetric=st.booleans(), per_channel=st.booleans(), seed=st.integers(0, 99))
def test_rounding_moves_a_value_by_half_a_step_at_most_and_zero_not_at_all(
    bits, symmetric, per_channel, seed
):
    torch.manual_seed(seed)
    values = torch.randn(4, 50) * torch.tensor([[0.001], [1], [30], [0]]) + torch.randn(4, 1)
    values[:, 7] = 0
    found = as_quantized(values, bits, symmetric, per_channel)
    low, high = limits(bits, symmetric)
    assert low <= found.integers.min() <= found.integers.max() <= high
    kept = dequantize(*found)
    # The affine grid is shifted to hold zero, by up to half a step at its ends.
    half = (0.5 if symmetric else 1.0) * found.scale + 1e-5 * values.abs()
    assert bool(((kept - values).abs() <= half).all())
    assert bool((kept[:, 7] == 0).all())
    assert torch.equal(fake_quantize(values, *found[1:], bits, symmetric), kept)
    assert torch.equal(quantize(kept, *found[1:], bits, symmetric), found.integers)


@settings(max_examples=15, deadline=None)
@given(low=st.floats(-1e30, 1e30), width=st.floats(0, 1e30), bits=BITS, symmetric=st.booleans())
def test_every_range_gets_a_usable_scale(low, width, bits, symmetric):
    scale, zero_point = scale_and_zero_point(low, low + width, bits, symmetric)
    assert 0 < scale < float("inf")
    assert limits(bits, symmetric)[0] <= zero_point <= limits(bits, symmetric)[1]


def test_nothing_but_zeros_stays_zeros_and_symmetric_has_no_zero_point():
    for symmetric in (False, True):
        assert torch.equal(dequantize(*as_quantized(torch.zeros(3), 8, symmetric)), torch.zeros(3))
    denormal = torch.tensor([-1e-41, 1e-41])
    assert torch.equal(dequantize(*as_quantized(denormal)), torch.zeros(2))
    assert scale_and_zero_point(-1, 3, 8, symmetric=True)[1] == 0
    assert limits(8, symmetric=True) == (-127, 127)
    assert scale_and_zero_point(torch.zeros(3).double(), torch.ones(3).double())[0].dtype == (
        torch.float64
    )


def test_halves_go_to_the_even_integer_before_the_zero_point_is_added():
    values = torch.tensor([0.5, 1.5, 2.5])
    assert quantize(values, 1.0, 1).tolist() == [1, 3, 3]
    assert fake_quantize(values, 1.0, 1).tolist() == [0, 2, 2]


def test_the_gradient_passes_straight_through_and_stops_where_values_are_cut_off():
    values = torch.tensor([0.3, -0.8, 9.0, -9.0], requires_grad=True)
    scale = torch.tensor(0.5, requires_grad=True)
    fake_quantize(values, scale, 0, 4, symmetric=True).sum().backward()
    assert values.grad.tolist() == [1, 1, 0, 0]
    # Learned step size: round(v/s) - v/s inside of the range, the last integer beyond it.
    by_hand = (1 - 0.6) + (-2 + 1.6) + 7 - 7
    assert scale.grad.item() == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("bits", [1, 0, -8, 17, 32, 64, 8.0, "8", None, True])
def test_bits_out_of_range_are_quoted(bits):
    for call in (
        lambda: limits(bits),
        lambda: scale_and_zero_point(0, 1, bits),
        lambda: quantize(torch.ones(1), 1.0, 0, bits),
        lambda: fake_quantize(torch.ones(1), 1.0, 0, bits),
    ):
        with pytest.raises(ValueError, match=r"bits must be a whole number from 2 to 16, got"):
            call()


def test_what_no_integer_stands_for_is_refused():
    with pytest.raises(ValueError, match="2 of the 3 values are NaN or infinite"):
        quantize(torch.tensor([1.0, float("nan"), float("inf")]), 0.1)
    with pytest.raises(ValueError, match="low <= high, got 1 and -1"):
        scale_and_zero_point(1.0, -1.0)
    with pytest.raises(ValueError, match="low and high must be numbers"):
        scale_and_zero_point(torch.tensor([0.0, float("nan")]), torch.ones(2))
    with pytest.raises(ValueError, match=r"scale must be above zero, got 0\.0"):
        quantize(torch.ones(1), 0.0)
    with pytest.raises(ValueError, match="a dense tensor of floats, got list"):
        fake_quantize([1.0, 2.0], 0.1)
    with pytest.raises(ValueError, match=r"a dense tensor of floats, got torch\.int64"):
        fake_quantize(torch.ones(2, dtype=torch.int64), 0.1)


@pytest.mark.parametrize("point", [2**31, -(2**31), 2.0**31, torch.tensor([2.0**31])])
def test_a_zero_point_beyond_32_bits_is_refused(point):
    """32-bit floats hold no 2^31 - 1: compared in these, the next number passed."""
    layer = Quantized(torch.ones(1, 1, dtype=torch.int8), torch.tensor(0.1), torch.tensor(0))
    for call in (
        lambda: quantize(torch.ones(1), 1.0, point),
        lambda: integer_linear(layer, layer, None, 0.1, point),
    ):
        with pytest.raises(ValueError, match="zero_point must be a whole number of 32 bits, got"):
            call()


# Layers


@settings(max_examples=10, deadline=None)
@given(
    outputs=st.integers(1, 7), inputs=st.integers(1, 40), per_channel=st.booleans(),
    bias=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_integer_arithmetic_ends_within_one_step_of_real_arithmetic(
    outputs, inputs, per_channel, bias, seed
):
    torch.manual_seed(seed)
    x = as_quantized(torch.rand(3, inputs) - 0.2)
    weight = as_quantized(torch.randn(outputs, inputs), 8, True, per_channel)
    shift = torch.randn(outputs) if bias else None
    real = F.linear(dequantize(*x), dequantize(*weight), shift)
    scale, zero_point = scale_and_zero_point(real.min(), real.max())
    found = integer_linear(x, weight, shift, scale, zero_point)
    assert found.integers.dtype == torch.int8
    # Half a step for rounding, one more where the affine grid is shifted at its end.
    assert (dequantize(*found) - real).abs().max() <= 1.01 * scale


def one_layer(layer, shape):
    """The layer alone as an ONNX file; written by hand, since the exporter takes seconds."""
    onnx = pytest.importorskip("onnx", reason="without onnx there is nothing to compare with")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    stored = [
        onnx.numpy_helper.from_array(t.detach().numpy(), n) for n, t in layer.named_parameters()
    ]
    if isinstance(layer, nn.Conv2d):
        nodes = [
            helper.make_node("Conv", ["images", "weight", "bias"], ["logits"],
                             strides=layer.stride, pads=[*layer.padding] * 2)
        ]  # fmt: skip
    else:
        nodes = [
            helper.make_node("Flatten", ["images"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weight", "bias"], ["logits"], transB=1),
        ]
    graph = helper.make_graph(
        nodes,
        "layer",
        [helper.make_tensor_value_info("images", floats, ["batch", *shape])],
        [helper.make_tensor_value_info("logits", floats, None)],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return engines.Onnx(model.SerializeToString(), layer, shape)


LAYERS = {
    "conv": lambda: nn.Conv2d(3, 5, 3, padding=1),
    "conv, stride 2": lambda: nn.Conv2d(3, 5, 3, stride=2),
    "linear": lambda: nn.Linear(3 * 12 * 12, 6),
}


def steps_apart(layer, shape, images, per_channel=True, stripped=False, **settings):
    """How far ONNX Runtime's integers are from those by hand, in steps, for each output."""
    engine = engines.int8(one_layer(layer, shape), images, per_channel=per_channel, **settings)
    stored = {name: torch.tensor(array) for name, array in engine.initializers.items()}
    is_conv = isinstance(layer, nn.Conv2d)

    weight = stored["weight_quantized"]
    if not is_conv and weight.shape != layer.weight.shape:
        weight = weight.T  # ONNX Runtime stores it transposed, or not
    ones = [1] * (layer.weight.ndim - 1)
    scale = stored["weight_scale"].reshape(-1, *ones) if per_channel else stored["weight_scale"]
    theirs = Quantized(weight, scale, torch.zeros_like(scale, dtype=torch.int32))
    if not settings.get("reduce_range"):
        ours = as_quantized(layer.weight.detach(), 8, True, per_channel)
        assert torch.equal(ours.integers, theirs.integers)
        assert torch.allclose(ours.scale.flatten(), theirs.scale.flatten())

    x = data.normalise(images.pixels)
    scale, zero_point = scale_and_zero_point(x.min(), x.max())
    given = "images" if is_conv else "flat"
    shift = 128 if settings.get("unsigned") else 0  # ours are signed
    assert scale.item() == pytest.approx(stored[f"{given}_scale"].item())
    assert zero_point == stored[f"{given}_zero_point"].int() - shift
    inputs = Quantized(quantize(x, scale, zero_point), scale, zero_point)

    out = stored["logits_scale"], stored["logits_zero_point"].int() - shift
    bias = layer.bias.detach()
    if is_conv:
        found = integer_conv(inputs, theirs, bias, *out, layer.stride[0], layer.padding[0])
    else:
        flat = inputs._replace(integers=inputs.integers.flatten(1))
        found = integer_linear(flat, theirs, bias, *out)
    if stripped:
        engine = engines.Onnx(graphs.strip(engine.content), None, shape, "int8")
    return (found.integers.int() - quantize(engine(x), *out).int()).abs()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("per_channel", [True, False])
def test_a_layer_by_hand_equals_onnx_runtimes_integers(name, per_channel):
    pytest.importorskip("onnxruntime", reason="without onnxruntime no engine to compare with")
    torch.manual_seed(0)
    layer, shape = LAYERS[name](), (3, 12, 12)
    pixels = torch.randint(0, 256, (20, *shape), dtype=torch.uint8)
    images = data.Images(pixels, torch.zeros(20, dtype=torch.int64))
    steps = steps_apart(layer, shape, images, per_channel)
    assert steps.max() <= 1
    assert (steps == 0).double().mean() >= 0.999  # one in a thousand rounds the other way


@settings(max_examples=12, deadline=None)
@given(
    inputs=st.integers(1, 20), outputs=st.integers(1, 9), kernel=st.sampled_from([0, 1, 3, 5]),
    stride=st.integers(1, 2), loud=st.booleans(), per_channel=st.booleans(),
    unsigned=st.booleans(), reduce_range=st.booleans(), stripped=st.booleans(),
    seed=st.integers(0, 999),
)  # fmt: skip
def test_every_layer_gives_the_same_integers_on_every_processor(
    inputs, outputs, kernel, stride, loud, per_channel, unsigned, reduce_range, stripped, seed
):
    """Exact arithmetic is the same everywhere; an engine that agrees with it is so, too."""
    torch.manual_seed(seed)
    shape = (inputs, 6, 6)
    if kernel:
        layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)
    else:
        layer = nn.Linear(inputs * 36, outputs)
    if loud:  # neighbours of one sign, all of them large: what saturates first
        layer.weight.data.abs_().clamp_(min=0.9 * layer.weight.max().item())
    pixels = torch.randint(200 if loud else 0, 256, (8, *shape), dtype=torch.uint8)
    pixels[0, 0, 0, 0] = 0
    images = data.Images(pixels, torch.zeros(8, dtype=torch.int64))
    steps = steps_apart(layer, shape, images, per_channel, stripped, unsigned=unsigned,
                        reduce_range=reduce_range)  # fmt: skip
    assert steps.max() <= 1


def test_which_weights_saturate_without_vnni():
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 5, 3)
    pixels = torch.randint(0, 256, (8, 3, 6, 6), dtype=torch.uint8)
    images = data.Images(pixels, torch.zeros(8, dtype=torch.int64))
    floats = one_layer(layer, (3, 6, 6))
    assert floats.saturating == ()
    assert floats.warning == ""
    full, safe = engines.int8(floats, images), engines.int8(floats, images, reduce_range=True)
    assert full.saturating == ("weight_quantized",)
    assert "reduce_range" in full.warning
    assert safe.saturating == ()
    # Two products of 255 and the weights: the largest sums that 16 bits hold, and one more.
    for pair, saturates in (((64, 64), False), ((65, 64), True), ((-64, -64), False),
                            ((-65, -64), True), ((127, -127), False), ((127, 1), False),
                            ((127, 2), True)):  # fmt: skip
        weight = torch.zeros(2, 1, 1, 2, dtype=torch.int8)
        weight[1, 0, 0] = torch.tensor(pair)
        model = graphs.parsed(full.content)
        stored = next(t for t in model.graph.initializer if t.name == "weight_quantized")
        stored.CopyFrom(onnx.numpy_helper.from_array(weight.numpy(), "weight_quantized"))
        assert bool(graphs.saturating(model)) is saturates, pair


@pytest.mark.parametrize(("kind", "turned", "names"), [
    ("MatMulInteger", False, ()), ("QGemm", False, ()), ("QGemm", True, ("weight",)),
])  # fmt: skip
def test_what_is_added_to_a_pair_belongs_to_one_output(kind, turned, names):
    weight = np.array([[127, 127], [0, 0]], dtype=np.int8)  # stored inputs first, or outputs first
    inputs = ["x", *["scale", "zero"] * (kind == "QGemm"), "weight"]
    node = onnx.helper.make_node(kind, inputs, ["y"], **({"transB": 1} if turned else {}))
    stored = [onnx.numpy_helper.from_array(weight, "weight")]
    graph = onnx.helper.make_graph([node], "g", [], [], stored)
    assert graphs.saturating(onnx.helper.make_model(graph)) == names


def test_what_is_exact_on_this_processor_is_asked_for_only_where_it_is_needed(monkeypatch):
    torch.manual_seed(0)
    pixels = torch.randint(200, 256, (8, 3, 6, 6), dtype=torch.uint8)
    images = data.Images(pixels, torch.zeros(8, dtype=torch.int64))
    made = engines.int8(one_layer(nn.Conv2d(3, 5, 3), (3, 6, 6)), images)
    asked = []
    monkeypatch.setattr(onnx_runtime.graphs, "unshared", lambda content: asked.append(1) or content)
    for exact, expected in ((True, 0), (False, 1)):
        asked.clear()
        monkeypatch.setattr(onnx_runtime.processor, "exact_in_8_bits", lambda exact=exact: exact)
        assert engines.Onnx(made.content, None, made.shape, "int8")(torch.ones(1, 3, 6, 6)).numel()
        assert len(asked) == expected
        assert ("this processor has it" in made.warning) is exact


def test_layers_refuse_what_they_would_compute_wrongly():
    x, weight = as_quantized(torch.rand(2, 8)), as_quantized(torch.rand(4, 8))
    with pytest.raises(ValueError, match="weight must be symmetric"):
        integer_linear(x, weight, None, 0.1)
    symmetric = as_quantized(torch.randn(4, 9), symmetric=True)
    with pytest.raises(ValueError, match=r"inputs \(2, 8\) and weight \(4, 9\)"):
        integer_linear(x, symmetric, None, 0.1)
    filters = as_quantized(torch.randn(4, 3, 3, 3), symmetric=True)
    with pytest.raises(ValueError, match=r"inputs must be \(batch, 3, height, width\)"):
        integer_conv(as_quantized(torch.rand(1, 4, 8, 8)), filters, None, 0.1)


# The other kind of processor


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_plain_processor_computes_the_same_integers():
    """Emulated: AVX2 and nothing newer. Where this one is plain, all other tests say it already."""
    if not processor.exact_in_8_bits():
        pytest.skip("this processor is a plain one itself")
    emulator = shutil.which("qemu-x86_64")
    if emulator is None or processor.platform.machine() != "x86_64":
        pytest.skip("no qemu-x86_64 here (Debian's package qemu-user), or not an x86 processor")
    plain = [emulator, "-cpu", "Haswell-noTSX", sys.executable]
    tests = ["-k", "by_hand_equals or which_weights", "-p", "no:cacheprovider", str(Path(__file__))]
    ran = subprocess.run(
        [*plain, "-m", "pytest", "-q", *tests],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
