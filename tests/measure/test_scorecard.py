"""Measuring a whole network: every figure of the card against an independent one."""

import dataclasses
import json
import os
import zlib

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib import counting, data, engines, scorecard
from course_lib.measure.scorecard import _counted, measure, measure_all
from course_lib.networks.models import LeafNet


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (150, 32, 32, 3), dtype=np.uint8)
    return data.from_arrays(pixels, np.arange(150) % 3)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return LeafNet(8, classes=3)


@pytest.fixture(scope="module")
def card(network, images):
    return measure(network, images, limit_s=0.2)


def test_accuracy_is_that_of_an_evaluation_mode_network(card, network, images):
    inputs = (images.test.pixels.float() - 127.5) / 63.75
    with torch.no_grad():
        right = network.eval()(inputs).argmax(1) == images.test.labels
    network.train()
    assert card.accuracy == right.double().mean().item()
    assert (card.correct == right.numpy()).all()
    expected = scorecard.wilson(int(right.sum()), len(right))
    assert (card.accuracy_low, card.accuracy_high) == expected


def test_bytes_are_those_of_a_file(card, network, tmp_path):
    file = tmp_path / "network.safetensors"
    save_file(network.state_dict(), file)
    assert card.file_bytes == card.deployed_bytes == os.path.getsize(file)
    assert len(zlib.compress(file.read_bytes())) >= card.packed_bytes > 0.5 * card.file_bytes
    assert sum(t.numel() for t in load_file(file).values()) > card.params


def test_zeros_pack_well_but_take_their_place_in_the_file(images):
    sparse = LeafNet(8, classes=3)
    with torch.no_grad():
        for layer in sparse.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.zero_()
    empty = measure(sparse, images, limit_s=0.1)
    assert empty.packed_bytes < 0.3 * empty.file_bytes
    assert empty.nonzero_params < 0.1 * empty.params


def test_a_card_without_a_figure_is_not_left_for_the_next_chapter(card, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_BUILD", str(tmp_path))
    scorecard.keep("02_two", [card, card])
    assert len(json.loads((tmp_path / "scorecards" / "02_two.json").read_text())) == 2
    with pytest.raises(ValueError, match="not JSON compliant"):
        scorecard.keep("02_two", [dataclasses.replace(card, accuracy=float("nan"))])


def test_counts_agree_with_torch(card, network):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, 3, 32, 32))
    network.train()
    assert card.macs == counter.get_total_flops() / 2
    assert card.params == sum(p.numel() for p in network.parameters())


def test_the_rest_of_the_card(card):
    assert (card.name, card.engine, card.threads) == ("original", "pytorch", scorecard.threads())
    assert 0 < card.latency_ms_median <= card.latency_ms_p90
    assert card.memory_bytes > 50e6  # python with torch
    assert card.energy_mj > 0
    assert json.loads(card.to_json())["macs"] == card.macs


def test_energy_without_counters_is_the_labelled_estimate(network, images, monkeypatch):
    monkeypatch.setattr(scorecard, "measured_energy", lambda run: None)
    card = measure(network, images, limit_s=0.1)
    moved = counting.moved_bytes(network, images.shape)
    assert card.energy_is_estimate
    assert card.energy_mj == pytest.approx((card.macs * 4.6 + moved / 4 * 640) * 1e-9)


def test_energy_with_counters_is_measured(network, images, monkeypatch):
    def counters(run):
        assert run().shape == (1, 3)
        return 0.25

    monkeypatch.setattr(scorecard, "measured_energy", counters)
    card = measure(network, images, limit_s=0.1)
    assert (card.energy_mj, card.energy_is_estimate) == (0.25, False)


def test_the_network_is_left_as_it_was(network, images):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    network.train()
    measure(network, images, limit_s=0.1)
    assert network.training
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())


def test_several_networks_are_timed_by_turns_and_paired(network, images, monkeypatch):
    calls = []

    def by_turns(*runs, limit_s):
        calls.append((len(runs), limit_s, [run().shape for run in runs]))
        return [scorecard.Latency(ms, ms + 1, 10, 0.01, False) for ms in (8.0, 2.0)]

    monkeypatch.setattr(scorecard, "latency", by_turns)
    cards = measure_all({"wide": network, "narrow": LeafNet(4, classes=3)}, images, limit_s=3)
    assert calls == [(2, 3, [(1, 3), (1, 3)])]
    assert [(c.name, c.latency_ms_median) for c in cards] == [("wide", 8.0), ("narrow", 2.0)]
    table = scorecard.compare(cards)
    assert table.differences[1].total == len(images.test)
    changes = {row.key: row.changes[1] for row in table.rows}
    assert changes["latency_ms_median"] == "4.0x faster"


def test_fewer_images_and_the_validation_split(network, images):
    few = measure(network, images, images=7, split="val", limit_s=0.1)
    assert len(few.correct) == 7
    inputs = (images.val.pixels[:7].float() - 127.5) / 63.75
    with torch.no_grad():
        right = network.eval()(inputs).argmax(1) == images.val.labels[:7]
    network.train()
    assert few.correct.tolist() == right.tolist()


class Nothing(nn.Module):
    """Passes the tests of shape, but one kind of image gives no number."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        return self.layer(x.mean(dim=(2, 3))) / (len(x) == 1)


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (LeafNet(4, 3), {"engine": "tpu"}, "engine must be one of pytorch, onnxruntime, got 'tpu'"),
        (LeafNet(4, 3), {"split": "train"}, "split must be one of test, val, got 'train'"),
        (LeafNet(4, 3), {"images": 0}, "images must be at least 1, got 0"),
        (LeafNet(4, 12), {}, r"shape \(1, 3\), a number for each of the 3 classes.*got \(1, 12\)"),
        (LeafNet(4, 3, channels=1), {}, r"'net' cannot take the images of .* \(3, 32, 32\)"),
        (nn.Conv2d(5, 3, 1), {}, r"'net' cannot take the images of .* \(3, 32, 32\)"),
        (nn.Identity(), {}, r"got \(1, 3, 32, 32\)"),
        (Nothing(), {}, "NaN or infinite outputs for"),
    ],
)
def test_what_cannot_be_measured_says_why(network, options, message, images):
    with pytest.raises(ValueError, match=message):
        measure(network, images, name="net", **options)


def test_networks_must_have_names(network, images):
    with pytest.raises(ValueError, match="networks must be like"):
        measure_all([network], images)
    with pytest.raises(ValueError, match="networks must be like"):
        measure_all({}, images)


@pytest.mark.long
def test_an_exported_originals_answers_are_kept_and_nobody_elses(images, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    torch.manual_seed(0)
    one, other = (engines.onnx(LeafNet(4, classes=3), (3, 32, 32)) for _ in range(2))
    given, answer = [], engines.Onnx.__call__

    def counted(network, inputs):
        given.append(len(inputs))
        return answer(network, inputs)

    monkeypatch.setattr(engines.Onnx, "__call__", counted)

    def asked(network, name):
        """Images that it is asked about, without the one that tells the shape of its outputs."""
        given.clear()
        correct = measure(network, images, name=name, limit_s=0.05).correct
        return sum(given) - 1, correct.tolist()

    count = len(images.test)
    first = asked(one, "original")
    assert first[0] == count
    assert asked(one, "original") == (0, first[1])
    assert asked(other, "original")[0] == count, "another file of the same name and shape"
    assert asked(one, "small")[0] == asked(one, "small")[0] == count


@pytest.mark.parametrize(("kind", "smaller"), [("float32", 1), ("int8", 4)])
def test_an_exported_network_moves_as_many_numbers_in_bytes_of_its_kind(kind, smaller, images):
    network = LeafNet(4, classes=3)
    exported = engines.onnx(network, (3, 32, 32))
    if kind == "int8":
        exported = engines.int8(exported, images.train, 20)
    found, whole = (_counted(each, images) for each in (exported, network))
    assert found.macs == whole.macs
    assert found.moved_bytes == whole.moved_bytes // smaller
    assert found.working_bytes == whole.working_bytes // smaller
