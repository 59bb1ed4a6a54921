"""Graphs that would take gigabytes or minutes are refused from their shapes alone."""

import itertools

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from test_packing import with_graph

from course_lib import engines, models
from course_lib.deploy import budgets, entropy_coding, graphs, packing
from course_lib.phone import page_graphs

node = helper.make_node
POOLED = [node("GlobalAveragePool", ["v"], ["p"]), node("Flatten", ["p"], ["logits"])]
ONE_VALUE = bytes([entropy_coding.LIST]) + entropy_coding.number(1)
TWO_VALUES = bytes([entropy_coding.LIST]) + entropy_coding.number(2)


def graph(*nodes, shape=(3, 32, 32), version=13, **tensors):
    """A graph for images; tensors by name: their shape, or their values."""
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", *shape])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)
    stored = [
        numpy_helper.from_array(given, name)
        if isinstance(given, np.ndarray)
        else TensorProto(name=name, dims=given, data_type=TensorProto.FLOAT)
        for name, given in tensors.items()
    ]
    made = helper.make_graph(list(nodes), "g", [images], [logits], stored)
    opsets = [helper.make_opsetid("", version), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=9)


def ones(*shape):
    return np.ones(shape, np.float32)


def of_ones(count):
    """The tables of so many large tensors of ones."""
    return (ONE_VALUE + ones(1).tobytes() + b"\1") * count


# What is unpacked


@pytest.mark.parametrize("kind", [TensorProto.INT8, TensorProto.FLOAT, TensorProto.DOUBLE])
def test_one_value_repeated_without_end(kind):
    model = graph(node("Identity", ["images"], ["v"]), *POOLED)
    size = 8 if kind == TensorProto.DOUBLE else 4 if kind == TensorProto.FLOAT else 1
    model.graph.initializer.add(name="w", data_type=kind, dims=[2**28 // size])
    packed = with_graph(model, ONE_VALUE + bytes(size) + b"\1")
    assert len(packed) < 400
    with pytest.raises(ValueError, match="would take 268 MB, more than 105 MB"):
        packing.unpack(packed)


def test_codes_that_stand_for_more_than_is_decoded_in_seconds(monkeypatch):
    model = graph(node("Identity", ["images"], ["v"]), *POOLED)
    model.graph.initializer.add(name="w", data_type=TensorProto.INT8, dims=[2**26 + 1])
    packed = with_graph(model, TWO_VALUES + b"\0\1" + bytes([239, 1]), bytes(64))
    monkeypatch.setattr(entropy_coding, "_model", lambda counts: pytest.fail("decoded"))
    with pytest.raises(ValueError, match=r"stand for 67,108,865 values or more, .* 67,108,864"):
        packing.unpack(packed)


def test_a_limit_for_all_planes_together(monkeypatch):
    monkeypatch.setattr(entropy_coding, "MOST_CODED", 1000)
    coded = entropy_coding.encode([np.tile(np.arange(2, dtype=np.float64), 501)])
    assert coded.tables[0] in (entropy_coding.LIST, entropy_coding.PLANES)
    with pytest.raises(ValueError, match="stand for 1,002 values"):
        entropy_coding.decode(coded, [(np.dtype(np.float64), 1002)])


def test_arrays_are_decoded_in_parts(monkeypatch):
    values = np.random.default_rng(0).integers(-3, 4, 1000).astype(np.int8)
    coded = entropy_coding.encode([values, values[:7]])
    monkeypatch.setattr(entropy_coding, "AT_ONCE", 64)
    found = entropy_coding.decode(coded, [(values.dtype, 1000), (values.dtype, 7)])
    assert (found[0] == values).all()
    assert (found[1] == values[:7]).all()


@pytest.mark.parametrize(("count", "message"), [
    (4097, "holds 4,097 tensors, a network has at most 4,096"),
    (100_000, r"unreasonably large: [\d.]+ MB beside its weights, more than 1\.0 MB"),
])  # fmt: skip
def test_tensors_without_end(count, message):
    model = graph(node("Identity", ["images"], ["v"]), *POOLED)
    model.graph.initializer.extend(
        TensorProto(name=f"w{i}", data_type=TensorProto.INT8, dims=[300]) for i in range(count)
    )
    with pytest.raises(ValueError, match=message):
        packing.unpack(with_graph(model, (ONE_VALUE + b"\1\1") * count))


# What is computed


@pytest.mark.parametrize(("nodes", "tensors", "message"), [
    ([node("Add", ["a", "b"], ["c"])], {"a": (20_000, 1), "b": (1, 20_000)},
        "would take 6.4 GB to load and run on one image, more than 480 MB; it is its Add"),
    ([node("MatMul", ["a", "b"], ["c"])], {"a": (20_000, 1), "b": (1, 20_000)}, "its MatMul"),
    ([node("MatMul", ["a", "a"], ["b"]), node("MatMul", ["b", "a"], ["c"])], {"a": (1000, 1000)},
        r"would compute [\d,]+ steps from stored tensors alone, more than 1,073,741,824"),
    ([node("AveragePool", ["a"], ["b"], kernel_shape=[2, 2], pads=[1] * 4),
      node("Conv", ["b", "k"], ["c"], pads=[4096] * 4)],
        {"a": ones(1, 1, 8, 8), "k": ones(16, 1, 1, 1)}, "to load and run on one image"),
])  # fmt: skip
def test_constants_that_the_engine_would_fold(nodes, tensors, message):
    """An engine computes at loading what no image changes."""
    mean = node("ReduceMean", ["c"], ["m"], keepdims=0)
    model = graph(*nodes, mean, node("Add", ["images", "m"], ["v"]), *POOLED, **tensors)
    hollow = sum(not tensor.raw_data for tensor in model.graph.initializer)
    packed = with_graph(model, of_ones(hollow))
    assert len(packed) < 500
    with pytest.raises(ValueError, match=message):
        packing.unpack(packed)


@pytest.mark.parametrize(("nodes", "tensors", "message"), [
    ([node("Conv", ["images", "k"], ["v"], pads=[4096] * 4)], {"k": ones(3, 3, 1, 1)},
        "would take .* GB to load and run on one image"),
    ([node("MaxPool", ["images"], ["v"], kernel_shape=[500] * 2, pads=[499] * 4)], {},
        "would compute .* steps for one image, more than 8,589,934,592; it is its MaxPool"),
    ([node("Flatten", ["images"], ["f"]), node("Transpose", ["f"], ["t"]),
      node("MatMul", ["t", "f"], ["x"]), node("MatMul", ["x", "x"], ["y"]),
      node("Reshape", ["y", "to"], ["v"])], {"to": np.array([1, 1, 3072, 3072])}, "its MatMul"),
])  # fmt: skip
def test_images_that_become_large_or_take_long(nodes, tensors, message):
    with pytest.raises(ValueError, match=message):
        budgets.check_run(graph(*nodes, *POOLED, **tensors))


def test_many_results_that_are_small_each():
    names = ["images", *(f"v{i}" for i in range(8000)), "v"]
    chain = [node("Add", [a, "images"], [b]) for a, b in itertools.pairwise(names)]
    with pytest.raises(ValueError, match="to load and run on one image"):
        budgets.check_run(graph(*chain, *POOLED))


def test_a_convolution_of_one_filter_counts_as_the_block_that_the_engine_makes_of_it():
    """ONNX Runtime fills 1 filter of 100 MB up to 16: 4.9 GB and 14 seconds, measured."""
    conv = node("Conv", ["images", "w"], ["v"])
    model = graph(conv, *POOLED, shape=(1, 4000, 4000), w=(1, 1, 4000, 4000))
    with pytest.raises(ValueError, match=r"would take .* GB to load"):
        packing.unpack(with_graph(model, of_ones(1)))


@pytest.mark.parametrize("shape", [(25_000_000, 1), (1, 25_000_000)])
def test_a_matrix_of_one_column_counts_as_a_block(shape):
    model = graph(
        node("Reshape", ["images", "to"], ["r"]), node("MatMul", ["r", "w"], ["logits"]),
        shape=(1, 5000, 5000), w=shape, to=np.array([-1, shape[0]]),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"would take .* to load"):
        packing.unpack(with_graph(model, of_ones(1)))


def test_a_sparse_tensor_would_be_filled_up():
    model = graph(node("Add", ["images", "w"], ["v"]), *POOLED)
    sparse = model.graph.sparse_initializer.add(dims=[2**15, 2**15])
    sparse.values.CopyFrom(numpy_helper.from_array(ones(1), "w"))
    with pytest.raises(ValueError, match="sparse tensors"):
        packing.unpack(with_graph(model))


@pytest.mark.parametrize(("made", "message"), [
    (lambda: graph(node("Reshape", ["images", "images"], ["v"]), *POOLED), "must be stored"),
    (lambda: graph(node("Relu", ["v"], ["x"]), node("Relu", ["images"], ["v"]), *POOLED),
        "reads 'v', which nothing before it gives"),
    (lambda: graph(node("MaxPool", ["images"], ["v", "i"], kernel_shape=[2, 2]), *POOLED),
        "must give one result"),
    (lambda: graph(node("Relu", ["images"], ["images"]), *POOLED), "a name of its own"),
    (lambda: graph(node("Conv", ["images", "w"], ["v"], group=0), *POOLED, w=ones(3, 3, 1, 1)),
        "in 0 groups"),
    (lambda: graph(node("Cast", ["images"], ["v"], to=8), *POOLED), "cannot run its graph"),
])  # fmt: skip
def test_what_cannot_be_counted_is_refused(made, message):
    with pytest.raises(ValueError, match=message):
        packing.unpack(with_graph(made()))


@pytest.mark.parametrize(
    ("weight", "settings", "message"),
    [
        ((4, 3, 3, 3), {"group": 0}, r"has weights \[4, 3, 3, 3\] for \[1, 3, 8, 8\] in 0 groups"),
        ((4, 3, 3, 3), {"group": -1}, "in -1 groups"),
        ((4, 3, 3, 3), {"group": 2}, "in 2 groups"),
        ((4, 1, 3, 3), {"group": 3}, "in 3 groups"),  # four filters for three groups
        ((4, 2, 3, 3), {}, "in 1 groups"),
        ((4, 3, 3), {}, "in 1 groups"),
        ((4, 3, 3, 3, 1), {}, "in 1 groups"),
        ((4, 3, 3, 3), {"kernel_shape": [3, 1]}, "says another kernel_shape"),
        ((4, 3, 9, 3), {}, "would give a tensor of shape"),
    ],
)
def test_a_convolution_that_fits_nothing_is_refused(weight, settings, message):
    made = graph(
        node("Conv", ["images", "w"], ["logits"], **settings), shape=(3, 8, 8), w=ones(*weight)
    )
    with pytest.raises(ValueError, match=message):
        budgets.check_run(made)


@pytest.mark.parametrize(("sides", "runs"), [(1, True), (2, True), (3, True), (4, False)])
def test_a_convolution_has_one_to_three_sides(sides, runs):
    """ONNX Runtime runs no others."""
    weight = ones(4, 3, *(1 for _ in range(sides)))
    given = ones(1, 3, *(4 for _ in range(sides)))
    made = graph(node("Conv", ["a", "w"], ["logits"]), a=given, w=weight)
    if runs:
        ((_, found), *_) = answers(made.SerializeToString(), (3, 32, 32))
        assert budgets.check_run(made).answers["logits"] == found.shape
    else:
        with pytest.raises(ValueError, match="in 1 groups"):
            budgets.check_run(made)


def test_a_number_takes_the_bytes_that_numpy_gives_it():
    for kind, size in budgets.SIZES.items():
        assert np.dtype(helper.tensor_dtype_to_np_dtype(kind)).itemsize == size, kind


def test_what_needs_the_image_is_not_folded():
    made = graph(node("Relu", ["images"], ["logits"]))
    assert budgets.check_run(made).folded_steps == 0
    assert budgets.check_run(graph(node("Relu", ["a"], ["logits"]), a=ones(9))).folded_steps > 0


@pytest.mark.parametrize(
    ("weight", "groups"), [((4, 3, 3, 3), 1), ((3, 1, 3, 3), 3), ((6, 1, 1, 1), 3)]
)
def test_a_convolution_that_fits_is_counted(weight, groups):
    made = graph(
        node("Conv", ["images", "w"], ["logits"], group=groups), shape=(3, 8, 8), w=ones(*weight)
    )
    ((_, found),) = answers(made.SerializeToString(), (3, 8, 8))
    assert budgets.check_run(made).answers["logits"] == found.shape


@pytest.mark.parametrize(
    ("one", "other"),
    [((3, 1, 8), (8, 1)), ((1,), (3, 8, 8)), ((3, 8, 8), (8, 8)), ((3, 1, 1), (1, 8, 8))],
)
def test_what_is_joined_is_repeated_as_numpy_repeats_it(one, other):
    made = graph(node("Add", ["a", "b"], ["logits"]), a=ones(*one), b=ones(*other))
    found = budgets.check_run(made).answers["logits"]
    assert found == np.broadcast_shapes(one, other)


@pytest.mark.parametrize(("one", "other"), [((3, 2, 8), (3, 8)), ((2,), (3, 8, 8))])
def test_what_cannot_be_joined_is_refused(one, other):
    made = graph(node("Add", ["a", "b"], ["logits"]), a=ones(*one), b=ones(*other))
    with pytest.raises(ValueError, match="cannot join"):
        budgets.check_run(made)


def test_parts_without_number_are_counted_before_they_are_read():
    """Each empty part of two bytes becomes an object of a hundred."""
    content = graphs.serialised(graph(node("Relu", ["images"], ["v"]), *POOLED))
    budgets.check_bare(content)
    large = graph(node("Relu", ["images"], ["v"]), *POOLED, w=ones(2**20)).SerializeToString()
    budgets.check_bare(large)  # weights are no parts
    for parts in (b"\x72\0" * 2**20, b"\x7a\xff\xff\x7f" + bytes(2**21 - 1)):
        with pytest.raises(ValueError, match=r"beside its weights, more than 1\.0 MB"):
            budgets.check_bare(content + parts)
    for broken in (b"\x3a\xff", b"\x3a\x05\0", b"\xff" * 12, b"\x0b"):
        with pytest.raises(ValueError, match="ends early, or its parts have no length"):
            budgets.check_bare(content + broken)


# What is no bomb


@pytest.mark.long
@pytest.mark.parametrize(("network", "shape"), [
    (models.LeafNet((6, 6, 12, 12, 10, 10), classes=3), (3, 64, 64)),
    (models.LeNet5(), (1, 28, 28)), (models.LeNet300100(), (1, 28, 28)),
])  # fmt: skip
def test_shapes_are_those_that_onnx_runtime_computes(network, shape, noise):
    floats = engines.onnx(network.eval(), shape)
    forms = [floats]
    if shape[0] == 3:
        small = engines.onnx(network.eval(), (3, 32, 32))
        forms += [engines.int8(small, noise, 10), engines.int8(small, noise, 10, unsigned=True)]
    for form in forms:
        stripped = graphs.strip(form.content)
        cost = budgets.check_run(graphs.parsed(stripped))
        assert {name: (1, *found.shape[1:]) for name, found in answers(stripped, form.shape)} == (
            cost.answers
        )
        assert 0 < cost.memory < 60e6
        assert graphs.count(stripped, form.shape).macs < cost.steps < 2**28


def answers(content, shape):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (given,), (logits,) = session.get_inputs(), session.get_outputs()
    (found,) = session.run(None, {given.name: np.zeros((1, *shape), np.float32)})
    return [(logits.name, found)]


def test_windows_are_counted_as_onnx_runtime_counts_them():
    rng = np.random.default_rng(0)
    for _ in range(150):
        kernel, strides, spread = (rng.integers(1, high, 2).tolist() for high in (5, 4, 3))
        settings = {"kernel_shape": kernel, "strides": strides, "dilations": spread}
        settings["ceil_mode"] = int(rng.integers(2))
        if rng.random() < 0.3:
            # ONNX Runtime 1.32 computes another number than it says for these with dilations.
            settings |= {"auto_pad": "SAME_UPPER", "dilations": [1, 1], "ceil_mode": 0}
            settings["strides"] = [min(pair) for pair in zip(kernel, strides, strict=True)]
        else:
            settings["pads"] = [int(rng.integers(side)) for side in (*kernel, *kernel)]
        shape = (2, *rng.integers(9, 20, 2).tolist())
        made = graph(node("MaxPool", ["images"], ["logits"], **settings), shape=shape, version=19)
        ((_, found),) = answers(made.SerializeToString(), shape)
        assert budgets.check_run(made).answers["logits"] == found.shape, settings


@pytest.mark.long
def test_a_network_of_twenty_megabytes_fits():
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(3, 32, 3, 2, 1), *(
        torch.nn.Conv2d(32 * 2**i, 64 * 2**i, 3, 2, 1) for i in range(5)
    )]  # fmt: skip
    network = torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    packed = packing.pack(engines.onnx(network.eval(), (3, 224, 224)))
    assert len(packed) > 20e6
    assert packing.unpack(packed).shape == (3, 224, 224)


def test_both_kinds_of_files_have_the_same_limits():
    page, packed = page_graphs.LIMITS, budgets.PACKED
    assert (page.bare, page.memory, page.steps, page.folded) == (
        packed.bare, packed.memory, packed.steps, packed.folded,
    )  # fmt: skip
    assert page.weights < packed.weights
    assert onnx.TensorProto.FLOAT == page_graphs.FLOAT32
