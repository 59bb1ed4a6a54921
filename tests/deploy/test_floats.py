import dataclasses

import numpy as np
import onnx
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from course_lib import data, engines, floats, models, packing, quantization
from course_lib.deploy import graphs
from course_lib.measure import fastest
from course_lib.measure.measuring import Latency
from course_lib.measure.recorded import FOLDER
from course_lib.techniques import integers

SHAPE = (3, 32, 32)
LAYERS = ("conv", "strided", "grouped", "pointwise", "max", "mean", "residual", "add")


def network_of(layers, pooled="mean", last="gemm", seed=0, batch="batch"):
    """A random float network of these layers, as ONNX."""
    random = np.random.default_rng(seed)
    nodes, tensors, names = [], [], (f"v{i}" for i in range(100))
    channels, side = 3, 32

    def add(kind, *inputs, **attributes):
        nodes.append(helper.make_node(kind, inputs, [next(names)], **attributes))
        return nodes[-1].output[0]

    def tensor(name, values):
        tensors.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def weights(*shape, bias):
        layer, fan_in = f"layer{len(tensors)}", np.prod(shape[1:])
        drawn = random.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
        found = [tensor(f"{layer}.weight", drawn)]
        if bias:
            found.append(tensor(f"{layer}.bias", random.normal(size=shape[0]).astype(np.float32)))
        return found

    def conv(flow, outputs, size=3, relu=True, **attributes):
        groups = attributes.get("group", 1)
        held = weights(outputs, channels // groups, size, size, bias=random.random() < 0.7)
        flow = add("Conv", flow, *held, pads=[size // 2] * 4, **attributes)
        return add("Relu", flow) if relu else flow

    flow = "images"
    for layer in layers:
        wider = int(random.integers(2, 5)) * 2
        if layer in ("max", "mean") and side >= 4:
            kind = {"max": "MaxPool", "mean": "AveragePool"}[layer]
            flow, side = add(kind, flow, kernel_shape=[2, 2], strides=[2, 2]), side // 2
        elif layer == "residual":
            branch = conv(conv(flow, channels), channels, relu=False)
            flow = add("Relu", add("Add", flow, branch))
        elif layer == "add":  # with no ReLU after it
            flow = add("Add", conv(flow, channels), conv(flow, channels, 1, relu=False))
        elif layer == "grouped" and channels % 2 == 0:
            flow = conv(flow, channels, group=2)
        elif layer in ("conv", "strided", "pointwise"):
            strides = [2, 2] if layer == "strided" and side >= 4 else [1, 1]
            flow = conv(flow, wider, 1 if layer == "pointwise" else 3, strides=strides)
            channels, side = wider, side // strides[0]
    if pooled == "mean":
        flow = add("ReduceMean", flow, tensor("axes", np.array([2, 3])), keepdims=0)
    elif pooled == "global":
        flow = add("GlobalAveragePool", flow)
    flow = add("Flatten", flow)
    flat = channels * (side**2 if pooled == "flat" else 1)
    if last == "matmul":
        (held,) = weights(flat, 5, bias=False)
        flow = add("MatMul", flow, held)
    else:
        flow = add("Gemm", flow, *weights(5, flat, bias=True), transB=1)
    nodes[-1].output[0] = "logits"
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, *SHAPE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 5])
    model = helper.make_model(
        helper.make_graph(nodes, "g", [given], [logits], tensors),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    return engines.Onnx(graphs.serialised(model), None, SHAPE)


def few_bits(network, bits):
    """The integers of its layers, as training with rounding would leave them."""
    found = {}
    for node in network.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            name = node.input[1]
            weight = torch.tensor(network.initializers[name])
            scale, zero = integers.scale_and_zero_point(
                weight.flatten(1).amin(1), weight.flatten(1).amax(1), bits, symmetric=True
            )
            scale, zero = (part.reshape(-1, *[1] * (weight.ndim - 1)) for part in (scale, zero))
            whole = integers.quantize(weight, scale, bits=bits, symmetric=True)
            found[name.removesuffix(".weight")] = integers.Quantized(whole, scale, zero)
    return found


def forms(network, images, bits=4):
    """Every form in which this project writes a network in integers."""
    return {
        "signed": engines.int8(network, images, 20),
        "unsigned": engines.int8(network, images, 20, unsigned=True),
        "one scale a layer": engines.int8(network, images, 20, per_channel=False),
        "few bits": engines.int8(network, images, 20, weights=few_bits(network, bits)),
    }


def largest_error(turned):
    """How far logits may be from those of the integers: half a step at each cut, carried on."""
    errors = {}
    for node in turned.graph.node:
        error = sum(errors.get(name, 0.0) for name in node.input)
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            weight = np.abs(turned.initializers[node.input[1]])
            rows = weight.T if node.op_type == "MatMul" else weight
            error *= rows.reshape(len(rows), -1).sum(1).max()
        elif node.op_type == "Clip":
            low, high = (float(turned.initializers[name]) for name in node.input[1:])
            error += (high - low) / 255 / 2
        errors[node.output[0]] = error
    return errors[turned.graph.output[0].name]


def rounded_again(turned):
    """The float graph with the rounding put back where it cuts off."""
    model, nodes = graphs.parsed(turned.content), []
    for node in model.graph.node:
        nodes.append(node)
        if node.op_type == "Clip":
            (out,) = node.output
            low, high = (float(turned.initializers[name]) for name in node.input[1:])
            scale = numpy_helper.from_array(np.array((high - low) / 255, np.float32), f"{out}.s")
            model.graph.initializer.append(scale)
            node.output[0] = f"{out}.cut"
            nodes += [
                helper.make_node("Div", [f"{out}.cut", scale.name], [f"{out}.steps"]),
                helper.make_node("Round", [f"{out}.steps"], [f"{out}.round"]),
                helper.make_node("Mul", [f"{out}.round", scale.name], [out]),
            ]
    given, logits = model.graph.input, model.graph.output
    graph = helper.make_graph(nodes, "g", given, logits, model.graph.initializer)
    whole = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    return dataclasses.replace(turned, content=graphs.serialised(whole))


def step(network):
    """Of the logits: the scale that makes them of integers."""
    last = network.graph.node[-1]
    return float(network.initializers[last.input[1]])


def images_of(noise):
    return next(noise.batches(40))[0]


def check_same(network, images):
    """What holds for every network: its floats answer as its integers do, but for rounding."""
    turned = floats.in_floats(network)
    onnx.checker.check_model(graphs.parsed(turned.content), full_check=True)
    assert {array.dtype.name for array in turned.initializers.values()} <= {"float32", "int64"}
    expected, found = network(images), turned(images)
    differences = (expected - found).abs() / step(network)
    # A few of 255 steps; and never more than the weights can make of what rounding left out.
    assert differences.max() <= min(10, 1.001 * largest_error(turned) / step(network) + 0.01)
    if any(node.op_type == "AveragePool" for node in turned.graph.node):
        return turned  # a mean of four integers often ends in a half, which may go both ways
    # With the rounding put back it is the integers, but for the odd half.
    again = (expected - rounded_again(turned)(images)).abs() / step(network)
    assert again.max() < 3.5
    assert (again < 0.01).double().mean() > 0.9
    return turned


@pytest.mark.long
@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.sampled_from(LAYERS), max_size=4),
    st.sampled_from(["mean", "global", "flat"]),
    st.sampled_from(["gemm", "matmul"]),
    st.integers(2, 7),
    st.integers(0, 2**16),
)
@example(["residual", "max", "add", "mean"], "global", "gemm", 3, 0)
@example(["conv", "residual", "add", "max"], "mean", "gemm", 3, 0)
def test_floats_answer_as_the_integers_do(noise, layers, pooled, last, bits, seed):
    images = images_of(noise)
    network = network_of(layers, pooled, last, seed)
    for name, form in forms(network, noise, bits).items():
        turned = check_same(form, images)
        if name == "few bits" and "mean" in layers:
            continue  # no packed file may average integers
        packed = packing.unpack(packing.pack(form))
        again = floats.in_floats(packed)
        assert again.content == turned.content
        assert again.packed_bytes == packed.packed_bytes


@pytest.mark.long  # it exports from PyTorch
@pytest.mark.parametrize("bits", [2, 4])
def test_what_training_with_rounding_leaves(noise, bits):
    torch.manual_seed(bits)
    network = models.LeafNet((4, 6, 8, 8, 9, 10), classes=3).eval()
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.weight, 1, 0.5)
            nn.init.normal_(norm.bias)
    plain, whole = quantization.trained_integers(quantization.simulate(network, bits))
    exported = engines.onnx(plain, SHAPE)
    check_same(engines.int8(exported, noise, 20, weights=whole), images_of(noise))
    check_same(engines.int8(exported, noise, 20), images_of(noise))


def test_the_weights_are_those_of_the_integers(noise):
    network = network_of(["conv", "grouped"])
    whole = few_bits(network, 4)
    turned = floats.in_floats(engines.int8(network, noise, 20, weights=whole))
    layers = [node for node in turned.graph.node if node.op_type in ("Conv", "Gemm")]
    assert len(layers) == len(whole) == 3
    for node, each in zip(layers, whole.values(), strict=True):
        assert np.array_equal(turned.initializers[node.input[1]], integers.dequantize(*each))
    stored = engines.int8(network, noise, 20)
    weights = [node for node in stored.graph.node if node.input[0] in stored.initializers]
    held = [array.tobytes() for array in floats.in_floats(stored).initializers.values()]
    assert len(weights) > 3  # biases, too
    for node in weights:
        real, scale, zero_point = (stored.initializers[name] for name in node.input)
        sides = [-1, *[1] * (real.ndim - 1)]
        real = (real.astype(np.float32) - zero_point.reshape(sides)) * scale.reshape(sides)
        assert real.astype(np.float32).tobytes() in held


def test_nothing_is_cut_off_twice(noise):
    whole = engines.int8(network_of(["conv", "max"], "flat"), noise, 20)
    kinds = [node.op_type for node in floats.in_floats(whole).graph.node]
    assert [node.op_type for node in whole.graph.node].count("QuantizeLinear") == 5
    assert kinds == ["Clip", "Conv", "Clip", "MaxPool", "Flatten", "Gemm", "Clip", "Identity"]


def test_a_float_network_stays_as_it_is():
    network = network_of(["conv"])
    assert floats.in_floats(network) is network
    choice = fastest.choose(network)
    assert choice.network is network
    assert str(choice) == "in floats, as it was given: it holds no integers"


def test_the_leaves():
    leaves = data.load("leaves").val.first(300)
    images = next(leaves.batches(300))[0]
    network = packing.load(models.WEIGHTS / "leaves.packed")
    turned = floats.in_floats(network)
    assert (turned.kind, turned.shape, turned.threads) == ("float32", network.shape, 1)
    assert turned.packed_bytes == network.packed_bytes
    same = turned(images).argmax(1) == network(images).argmax(1)
    assert same.double().mean() >= 0.99


def test_ties_are_no_other_answer():
    """In 8 bits two logits are often equal; which of them floats find larger does not count."""
    leaves = data.load("leaves").val
    network = packing.load(FOLDER / "ladder" / "0.25-2.packed")
    images = next(leaves.first(300).batches(300))[0]
    same = network(images).argmax(1) == floats.in_floats(network)(images).argmax(1)
    assert same.double().mean() < 0.9
    assert fastest.choose(network, 0.01, leaves).agreement >= 0.99


# What cannot be turned


def model_of(*nodes, out=TensorProto.FLOAT, **tensors):
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", *SHAPE])
    logits = helper.make_tensor_value_info("logits", out, None)
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in tensors.items()]
    domains = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph(list(nodes), "g", [given], [logits], held)
    content = helper.make_model(graph, opset_imports=domains, ir_version=10).SerializeToString()
    return engines.Onnx(content, None, SHAPE, "int8")


def quantized(*inputs):
    return helper.make_node("QuantizeLinear", ["images", *inputs], ["whole"])


GRID = {"scale": np.float32(0.1), "zero": np.uint8(3)}


@pytest.mark.parametrize(("nodes", "message"), [
    ([quantized("scale", "zero"),
      helper.make_node("QLinearSoftmax", ["whole", "scale", "zero", "scale", "zero"], ["logits"],
                       domain="com.microsoft")], "QLinearSoftmax cannot be turned"),
    ([helper.make_node("DynamicQuantizeLinear", ["images"], ["whole", "its", "own"]),
      helper.make_node("DequantizeLinear", ["whole", "its", "own"], ["logits"])],
     "DequantizeLinear cannot be turned .* computed anew"),
    ([helper.make_node("DynamicQuantizeLinear", ["images"], ["whole", "its", "own"]),
      helper.make_node("ConvInteger", ["whole", "weight"], ["logits"])], "ConvInteger cannot"),
    ([quantized("scale", "zero"),
      helper.make_node("DequantizeLinear", ["whole", "other", "zero"], ["logits"])],
     "DequantizeLinear cannot be turned .* another scale"),
    ([quantized("each", "zeros")], "QuantizeLinear cannot be turned .* 3 scales"),
    ([quantized("scale", "zero"), helper.make_node("Cast", ["whole"], ["logits"], to=1)],
     "Cast cannot"),
    ([quantized("scale", "zero"),
      helper.make_node("QLinearGlobalAveragePool", ["whole", *["scale", "zero"] * 2], ["logits"],
                       domain="com.microsoft", channels_last=1)], "channels last"),
])  # fmt: skip
def test_what_cannot_be_turned_is_named(nodes, message):
    tensors = GRID | {
        "other": np.float32(0.2), "each": np.ones(3, np.float32), "zeros": np.zeros(3, np.uint8),
        "weight": np.ones((2, 3, 1, 1), np.int8),
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        floats.in_floats(model_of(*nodes, **tensors))


def test_without_a_zero_point():
    back = helper.make_node("DequantizeLinear", ["whole", "scale"], ["logits"])
    network = model_of(quantized("scale"), back, **GRID)
    images = torch.tensor([-1.0, 7.5, 99.0]).repeat(1, 1024).reshape(1, *SHAPE)
    assert floats.in_floats(network)(images).unique().tolist() == pytest.approx([0, 7.5, 25.5])


# Which is faster


def timed(monkeypatch, integers_ms, floats_ms):
    def latency(*runs, limit_s):
        assert len(runs) == 2
        assert limit_s == 0.1
        for run in runs:
            run()
        return tuple(Latency(ms, ms, 9, 0.01, False) for ms in (integers_ms, floats_ms))

    monkeypatch.setattr(fastest, "latency", latency)


@pytest.mark.parametrize(("floats_ms", "kind", "words"), [
    (1.0, "float32", "in floats, 1 ms an image: in integers it takes 2 ms (100.0% of the images"),
    (1.7, "float32", "in floats"),
    (1.9, "int8", "in integers, 2 ms an image (floats: 1.9 ms; taken only if they save 10%"),
    (3.0, "int8", "in integers"),
])  # fmt: skip
@pytest.mark.parametrize("batch", ["batch", 2])
def test_the_faster_is_taken(monkeypatch, noise, floats_ms, kind, words, batch):
    timed(monkeypatch, 2.0, floats_ms)
    network = engines.int8(network_of(["conv"], batch=batch), noise, 20, unsigned=True)
    choice = fastest.choose(network, 0.1, noise)
    assert choice.network.kind == kind
    assert choice.milliseconds == {"integers": 2.0, "floats": floats_ms}
    assert choice.agreement == 1
    assert 0 < choice.largest < 0.03
    assert str(choice).startswith(words)


def test_floats_that_answer_otherwise_are_not_taken(monkeypatch, noise):
    timed(monkeypatch, 2.0, 1.0)
    network = engines.int8(network_of(["conv"]), noise, 20)
    monkeypatch.setattr(fastest, "in_floats", lambda _: network_of(["conv"], seed=1))
    choice = fastest.choose(network, 0.1)
    assert choice.network is network
    assert choice.agreement < fastest.LEAST_AGREEMENT
    assert "floats, 1 ms, answer otherwise" in str(choice)


def test_without_images_it_is_the_same_noise_each_time(noise):
    network = engines.int8(network_of(["conv"]), noise, 20)
    first, second = (fastest.choose(network, 0.01) for _ in range(2))
    assert (first.agreement, first.largest) == (second.agreement, second.largest)
    assert first.agreement >= fastest.LEAST_AGREEMENT
