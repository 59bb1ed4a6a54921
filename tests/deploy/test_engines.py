"""ONNX Runtime computes what PyTorch does, in float32, and nearly so in integers."""

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import (
    counting,
    data,
    engines,
    models,
    neuron_pruning,
    recorded,
    scorecard,
    training,
)
from course_lib.deploy.exported import needed


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (150, 32, 32, 3), dtype=np.uint8)
    return data.from_arrays(pixels, np.arange(150) % 3)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = models.LeafNet(8, classes=3)
    with torch.no_grad():
        network(torch.randn(64, 3, 32, 32))  # batch norm's means are not its first ones
    return network


@pytest.fixture(scope="module")
def exported(network):
    return engines.onnx(network, (3, 32, 32))


@pytest.fixture(scope="module")
def integers(exported, images):
    return engines.int8(exported, images.train, count=60)


def test_float32_answers_as_pytorch_does_for_any_batch(network, exported, images):
    for inputs, _ in images.test.batches(7):
        with torch.inference_mode():
            expected = network.eval()(inputs)
        torch.testing.assert_close(exported(inputs), expected, rtol=1e-3, atol=1e-4)
    network.train()


@pytest.mark.long
def test_a_batch_can_be_fixed(network, exported, images):
    single = engines.onnx(network.eval(), (3, 32, 32), batch=1)
    inputs, _ = next(images.test.batches(3))
    assert single.batch == 1
    assert exported.batch is None
    torch.testing.assert_close(single(inputs[:1]), exported(inputs[:1]), rtol=1e-3, atol=1e-4)
    small = engines.int8(single, images.train, count=60)
    assert small.batch == 1
    assert small(inputs[:1]).argmax() == exported(inputs[:1]).argmax()
    assert engines.parity(engines.onnx(network, (3, 32, 32), batch=4), images.test, 10).images == 8
    with pytest.raises(ValueError, match="for 1 images at a time, got 3"):
        single(inputs)
    with pytest.raises(ValueError, match="at least 1 image, or None for any number, got 0"):
        engines.onnx(network, (3, 32, 32), batch=0)
    network.train()


def test_exporting_leaves_the_network_and_the_console_alone(network, capfd):
    network.train()
    engines.onnx(network, (3, 32, 32))
    assert network.training
    assert capfd.readouterr() == ("", "")


def test_int8_is_a_quarter_of_the_weights_and_near_in_its_answers(exported, integers, images):
    weights = {k: v for k, v in integers.initializers.items() if k.endswith("_quantized")}
    convolutions = [v for v in weights.values() if v.ndim == 4]
    assert {v.dtype for v in convolutions} == {np.dtype("int8")}
    assert sum(v.size for v in convolutions) == sum(
        m.weight.numel() for m in exported.network.modules() if isinstance(m, nn.Conv2d)
    )
    inputs, _ = next(images.test.batches(50))
    whole, rounded = exported(inputs), integers(inputs)
    assert 0 < (whole - rounded).abs().max() < 0.2 * (whole.max() - whole.min())


@pytest.mark.long
def test_the_scorecard_measures_what_onnx_runtime_runs(network, exported, integers, images):
    cards = scorecard.measure_all(
        {"original": network, "float32": exported, "int8": integers}, images, limit_s=0.3
    )
    assert [card.engine for card in cards] == ["pytorch", "onnxruntime", "onnxruntime"]
    assert [card.file_bytes for card in cards[1:]] == [
        len(exported.content), len(integers.content),
    ]  # fmt: skip
    assert len({card.macs for card in cards}) == len({card.params for card in cards}) == 1
    assert (cards[0].correct == cards[1].correct).all()
    assert cards[2].energy_mj < cards[1].energy_mj or not cards[2].energy_is_estimate
    (other,) = scorecard.measure_all({"exported": network}, images, "onnxruntime", limit_s=0.2)
    assert (other.engine, other.threads) == ("onnxruntime", 1)
    assert other.accuracy == cards[1].accuracy
    assert [card.saturating for card in cards] == [0, 0, len(integers.saturating)]
    assert f"{len(integers.saturating)} layers need care without VNNI" in str(cards[2])
    assert "need care" not in str(cards[1])


def test_what_cannot_be_run_is_said(network, exported, integers, images):
    with pytest.raises(ValueError, match=r"cannot take an image of shape \(1, 32, 32\)"):
        engines.onnx(network, (1, 32, 32))
    with pytest.raises(ValueError, match="count=0 of 102"):
        engines.int8(exported, images.train, count=0)
    with pytest.raises(ValueError, match="at least one image"):
        engines.int8(exported, images.train.first(0))
    with pytest.raises(ValueError, match="one of int8"):
        engines.int8(integers, images.train)
    grey = data.from_arrays(np.zeros((60, 32, 32), np.uint8), np.arange(60) % 3)
    with pytest.raises(ValueError, match="exported for images of shape"):
        scorecard.measure(exported, grey)


def test_a_missing_package_is_named_with_how_to_get_it():
    with pytest.raises(ImportError, match="no_such_engine is missing"):
        needed("no_such_engine")


@pytest.mark.skipif(
    not engines.available("executorch"), reason="the extra `deploy`, which brings ExecuTorch"
)
def test_executorch_answers_as_pytorch_does_and_nearly_so_in_int8(network, images):
    inputs, _ = next(images.test.batches(5))
    with torch.inference_mode():
        expected = network.eval()(inputs)
    whole = engines.executorch(network, (3, 32, 32))
    torch.testing.assert_close(whole(inputs), expected, rtol=1e-3, atol=1e-4)
    rounded = engines.executorch(network, (3, 32, 32), images.train, count=30)
    assert 0 < (rounded(inputs) - expected).abs().max() < 0.2 * (expected.max() - expected.min())
    assert len(rounded.content) < 0.6 * len(whole.content)
    card = scorecard.measure(rounded, images, limit_s=0.2)
    assert (card.engine, card.file_bytes) == ("executorch", len(rounded.content))
    with pytest.raises(ValueError, match="count=0"):
        engines.executorch(network, (3, 32, 32), images.train, count=0)


def test_parity_is_told_and_a_wrong_export_is_refused(network, exported, integers, images):
    same = engines.parity(exported, images.train)
    assert same.largest < 1e-4
    assert same.agreement == 1
    assert same.images == len(images.train)
    rounded = engines.parity(integers, images.train, count=50)
    assert rounded.images == 50
    assert (same.saturating, rounded.saturating) == (0, len(integers.saturating))
    assert "may differ in other programs" in str(rounded)
    assert 1e-4 < rounded.largest < 0.2
    assert "same label on" in str(rounded)
    other = models.LeafNet(8, classes=3).eval()
    wrong = engines.Onnx(exported.content, other, exported.shape)
    with pytest.raises(ValueError, match="exported wrongly"):
        engines.parity(wrong, images.train)


def test_a_network_comes_back_from_its_file(exported, integers, images, tmp_path):
    inputs = next(images.test.batches(3))[0]
    for network in (exported, integers):
        path = tmp_path / "network.onnx"
        path.write_bytes(network.content)
        loaded = engines.load(path)
        assert (loaded.shape, loaded.kind) == (network.shape, network.kind)
        assert torch.equal(loaded(inputs), network(inputs))
    with pytest.raises(ValueError, match="read from a file"):
        engines.parity(loaded, images.train)
    (tmp_path / "network.h5").write_bytes(b"?")
    with pytest.raises(ValueError, match=r"must end in \.onnx or \.pte"):
        engines.load(tmp_path / "network.h5")
    with pytest.raises(FileNotFoundError):
        engines.load(tmp_path / "nowhere.onnx")


class Branches(nn.Module):
    """Two ways that meet in an addition, as in every residual network."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = (nn.Conv2d(n, 16, 3, padding=1) for n in (3, 16))
        self.c, self.d = nn.Conv2d(16, 16, 1), nn.Conv2d(16, 4, 1)

    def forward(self, images):
        first = torch.relu(self.a(images))
        return self.d(torch.relu(self.c(first + self.b(first)))).mean((2, 3))


def test_unsigned_integers_stay_integers_around_additions(images, tmp_path):
    """What the chapter says of signed ones is looked up in the graph that ONNX Runtime makes."""
    import onnx
    import onnxruntime

    network = Branches().eval()
    whole = engines.onnx(network, (3, 32, 32))
    made = engines.int8(whole, images.train, count=60, unsigned=True)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(made.content, options)
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert kinds.count("QLinearConv") == 4
    assert "Conv" not in kinds
    inputs, _ = next(images.test.batches(50))
    whole, rounded = whole(inputs), made(inputs)
    assert (whole - rounded).abs().max() < 0.05 * whole.abs().max()


def test_the_recorded_table_of_engines_is_of_these_networks():
    table = recorded.load("trade_offs")["engines"]
    network = training.original(data.load("leaves"))
    assert table["macs"]["original"] == counting.macs(network, (3, 64, 64))
    half = neuron_pruning.prune(network, 0.5)
    name = "neuron pruning, half of the channels"
    assert table["macs"][name] == counting.macs(half, (3, 64, 64))
    assert all(check["largest"] < 1e-3 for check in table["parity"].values())
    everywhere = [set(column) for name, column in table["columns"].items() if "sparse" not in name]
    assert all(rows == set(table["macs"]) for rows in everywhere)
