import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from course_lib import counting, engines, models, quantization
from course_lib.deploy import graphs, onnx_runtime

SHAPE = (3, 32, 32)


@pytest.fixture(scope="module")
def exported(noise):
    torch.manual_seed(0)
    network = models.LeafNet((4, 6, 8, 8, 9, 10), classes=3)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.weight, 0.5)  # of both signs
            nn.init.normal_(norm.bias)
    floats = engines.onnx(quantization.fold_batch_norm(network), SHAPE)
    simulated = quantization.simulate(network, 3)
    plain, integers = quantization.trained_integers(simulated)
    return {
        "float32": floats,
        "int8": engines.int8(floats, noise, 20),
        "3 bits": engines.int8(engines.onnx(plain, SHAPE), noise, 20, weights=integers),
    }


@pytest.mark.parametrize("kind", ["float32", "int8", "3 bits"])
def test_stripped_it_computes_the_same(exported, noise, kind):
    whole = exported[kind]
    stripped = graphs.strip(whole.content)
    assert len(stripped) < len(whole.content)
    inputs, _ = next(noise.batches(7))
    assert torch.equal(engines.Onnx(stripped, None, SHAPE)(inputs), whole(inputs))
    assert graphs.strip(stripped) == stripped
    onnx.checker.check_model(graphs.parsed(stripped))


def test_exact_kernels_run_what_shares_its_zero_points(exported, noise, monkeypatch):
    """As on a processor without 8-bit dot products, whichever this one is."""
    monkeypatch.setattr(onnx_runtime.processor, "exact_in_8_bits", lambda: False)
    content = exported["int8"].content
    stripped = graphs.strip(content)
    used = [name for node in graphs.parsed(stripped).graph.node for name in node.input]
    small = [t.name for t in graphs.parsed(stripped).graph.initializer if t.data_type == 3]
    assert any(used.count(name) > 1 for name in small), "else there is nothing to mend"
    inputs, _ = next(noise.batches(7))
    wanted = engines.Onnx(content, None, SHAPE)(inputs)
    assert torch.equal(engines.Onnx(stripped, None, SHAPE)(inputs), wanted)
    assert torch.equal(engines.Onnx(graphs.unshared(stripped), None, SHAPE)(inputs), wanted)


def test_weights_that_are_constants_saturate_as_well(exported, noise, monkeypatch):
    monkeypatch.setattr(onnx_runtime.processor, "exact_in_8_bits", lambda: False)
    model = graphs.parsed(graphs.strip(exported["int8"].content))
    graph = model.graph
    constants = [helper.make_node("Constant", [], [t.name], value=t) for t in graph.initializer]
    nodes = [*constants, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.node.extend(nodes)
    written = engines.Onnx(graphs.serialised(model), None, SHAPE)
    assert len(written.saturating) == len(exported["int8"].saturating) == 7
    inputs, _ = next(noise.batches(7))
    assert torch.equal(written(inputs), engines.Onnx(exported["int8"].content, None, SHAPE)(inputs))


def test_what_is_stripped(exported):
    model = graphs.parsed(graphs.strip(exported["int8"].content))
    assert [v.name for v in (*model.graph.input, *model.graph.output)] == ["images", "logits"]
    assert not model.producer_name
    assert not model.metadata_props
    assert not model.graph.value_info
    assert not any(n.name or n.doc_string or n.metadata_props for n in model.graph.node)
    assert all(len(t.name) <= 2 for t in model.graph.initializer)
    contents = [(t.data_type, tuple(t.dims), t.raw_data) for t in model.graph.initializer]
    assert len(set(contents)) == len(contents)


def test_settings_that_matter_stay():
    layers = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1, dilation=2), nn.MaxPool2d(3, 2, padding=1),
        nn.Conv2d(4, 4, 3, groups=2), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(36, 3),
    )  # fmt: skip
    exported = engines.onnx(layers.eval(), SHAPE)
    image = torch.randn(2, *SHAPE)
    stripped = engines.Onnx(graphs.strip(exported.content), None, SHAPE)
    assert torch.equal(stripped(image), exported(image))


def test_branches_are_refused():
    then = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "then", [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )  # fmt: skip
    node = helper.make_node("If", ["c"], ["out"], then_branch=then, else_branch=then)
    given = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in ("x", "c")]
    out = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
    model = helper.make_model(helper.make_graph([node], "g", given, out))
    with pytest.raises(ValueError, match="plain graph"):
        graphs.strip(model.SerializeToString())


def test_no_graph_at_all():
    with pytest.raises(ValueError, match="not an ONNX graph"):
        graphs.strip(b"\xff\xffno graph")


def test_counts_are_those_of_the_network(exported):
    whole = exported["float32"]
    counted = graphs.count(whole.content, SHAPE)
    assert counted.macs == counting.macs(whole.network, SHAPE)
    assert counted.parameters == counting.parameters(whole.network)
    assert counted.nonzero_parameters == counting.nonzero_parameters(whole.network)
    assert counted.moved_bytes == pytest.approx(
        counting.moved_bytes(whole.network, SHAPE), rel=0.01
    )
    assert counted.working_bytes == pytest.approx(
        counting.working_memory(whole.network, SHAPE), rel=0.01
    )


@pytest.mark.parametrize("kind", ["int8", "3 bits"])
def test_counts_of_integers(exported, kind):
    whole, counted = exported["float32"], graphs.count(exported[kind].content, SHAPE)
    assert counted.macs == counting.macs(whole.network, SHAPE)
    assert counted.parameters == counting.parameters(whole.network)
    # A quarter of the bytes, but for scales, and biases that stay 32 bits long.
    assert counted.moved_bytes < 0.5 * counting.moved_bytes(whole.network, SHAPE)
    assert counted.working_bytes < 0.5 * counting.working_memory(whole.network, SHAPE)


def test_zeros_are_no_parameters_that_count():
    torch.manual_seed(1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4, bias=False))
    network[1].weight.data[0] = 0
    counted = graphs.count(engines.onnx(network, SHAPE).content, SHAPE)
    assert counted.parameters == 4 * 3072
    assert counted.nonzero_parameters == int(network[1].weight.count_nonzero())
    assert counted.macs == 4 * 3072


def test_the_shape_and_the_kind(exported):
    assert graphs.image_shape(graphs.parsed(exported["float32"].content)) == SHAPE
    kinds = {kind: graphs.kind(graphs.parsed(e.content)) for kind, e in exported.items()}
    assert kinds == {"float32": "float32", "int8": "int8", "3 bits": "int8"}
    with pytest.raises(ValueError, match="must take images"):
        graphs.image_shape(onnx.ModelProto())


@pytest.mark.parametrize(
    ("row", "listed"),
    [
        ((64, 64), ()), ((64, 65), ("w",)), ((-64, -64), ()), ((-64, -65), ("w",)),
        ((127, -128), ()), ((127, 1), ()), ((1, 127, 2), ("w",)), ((-128, 0), ()),
    ],
)  # fmt: skip
def test_a_pair_that_16_bits_cannot_hold_is_listed(row, listed):
    """From 64 and 65 on, times 255: two of one sign, in one output."""
    weights = numpy_helper.from_array(
        np.array([row, [3] * len(row)], np.int8)[..., None, None], "w"
    )
    scale = numpy_helper.from_array(np.float32(0.1), "s")
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["v"]),
        helper.make_node("Conv", ["images", "v"], ["seen"]),
    ]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("images", "seen")
    ]
    made = helper.make_graph(nodes, "g", values[:1], values[1:], [weights, scale])
    assert graphs.saturating(helper.make_model(made)) == listed


def test_biases_are_as_fine_as_the_outputs_steps_need(exported):
    """Within half of a 32nd of that, or half of their own step where it is coarser."""
    whole = exported["3 bits"]
    biases = {name: p for name, p in whole.network.named_parameters() if name.endswith(".bias")}
    graph = graphs.parsed(whole.content).graph
    stored = {t.name: numpy_helper.to_array(t).astype(np.float64) for t in graph.initializer}
    seen = set()
    for node_ in graph.node:
        places = {"QLinearConv": (8, 6), "QGemm": (6, 7)}.get(node_.op_type)
        if places is None:
            continue
        bias, out = (stored[node_.input[place]] for place in places)
        name = node_.input[3].removesuffix(".weight_quantized")
        step = stored[node_.input[1]] * stored[node_.input[4]].reshape(-1)
        real = biases[f"{name}.bias"].detach().double().numpy()
        assert (np.abs(bias * step - real) <= 1.001 * np.maximum(out / 64, step / 2)).all()
        seen.add(node_.op_type)
    assert seen == {"QLinearConv", "QGemm"}


def test_integers_of_layers_that_are_not_there_are_refused(exported, noise):
    one = quantization.quantize(torch.ones(2, 2), 8)
    with pytest.raises(ValueError, match="has no layers named nowhere"):
        engines.int8(exported["float32"], noise, 20, weights={"nowhere": one})


@pytest.mark.long
def test_layers_without_a_bias_keep_their_trained_integers(noise):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False), nn.ReLU(), nn.Conv2d(6, 5, 3, stride=2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3, bias=False),
    ).eval()  # fmt: skip
    plain, integers = quantization.trained_integers(quantization.simulate(network, 5))
    written = engines.int8(engines.onnx(plain, SHAPE), noise, 40, weights=integers)
    stored = {t.name: t for t in graphs.parsed(written.content).graph.initializer}
    for name, given in integers.items():
        found = torch.from_numpy(numpy_helper.to_array(stored[f"{name}.weight_quantized"]).copy())
        assert torch.equal(found, given.integers.to(torch.int8))
    inputs, _ = next(noise.batches(40))
    with torch.inference_mode():
        wanted = plain(inputs)
    spread = (wanted - wanted.mean(0)).std()
    assert (written(inputs) - wanted).abs().max() < 0.5 * spread
