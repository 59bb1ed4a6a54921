"""Whether a network was made from another one is seen by its weights, and by nothing else."""

import shutil

import pytest
import torch

from course_lib import data, engines, low_rank, models, neuron_pruning, packing, quantization
from course_lib import weight_pruning as wp
from course_lib.checks import NotYet
from course_lib.checks.lineage import EXACTLY, STRANGE, layers, likeness, stranger
from course_lib.networks import training

pytestmark = pytest.mark.long  # exports take seconds
SHAPE = (3, 32, 32)


@pytest.fixture(scope="module")
def network():
    """A network whose norms have seen something, and scale some channels by less than zero."""
    torch.manual_seed(0)
    made = models.LeafNet((8, 8, 12, 12, 16, 16), classes=5)
    made.train()
    with torch.no_grad():
        for _ in range(3):
            made(torch.randn(16, *SHAPE))
        for module in made.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.copy_(torch.randn(len(module.weight)).sign())
    return made.eval()


def found(network):
    return layers(engines.onnx(network, SHAPE))


def test_what_was_not_changed_is_alike(network):
    assert min(likeness(found(network), network)) > EXACTLY
    assert stranger(found(network), network, EXACTLY) == ""


def test_channels_that_are_gone_and_norms_that_looked_again_leave_the_rest(network):
    smaller = neuron_pruning.prune(network, 0.4)
    with torch.no_grad():
        for module in smaller.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_var.mul_(torch.rand(len(module.running_var)) + 0.5)
                module.running_mean.add_(1)
    assert min(likeness(found(smaller), network)) > EXACTLY


def test_zeros_say_nothing(network):
    sparse = wp.apply(network, wp.masks(network, 0.7))
    assert min(likeness(found(sparse), network)) > EXACTLY
    silent = neuron_pruning.zeroed(network, {"features.7": [1, 9], "features.17": [2, 3, 7, 11]})
    assert min(likeness(found(silent), network)) > EXACTLY


def test_rounding_turns_weights_a_little(network):
    folded = quantization.fold_batch_norm(network)
    for bits, least in ((6, 0.995), (3, 0.9)):
        alike = likeness(found(quantization.quantize_weights(folded, bits)), network)
        assert least < min(alike) < EXACTLY
        said = stranger(found(quantization.quantize_weights(folded, bits)), network, EXACTLY)
        assert "no longer those of the exercise's network: rounded" in said


def test_factors_are_one_layer_again(network):
    for method, rank in (("channel_svd", 6), ("spatial", 10), ("tucker2", (6, 6))):
        ranks = dict.fromkeys(["features.3", "features.10"], rank)
        factored = low_rank.factor(network, method, SHAPE, rank=ranks)
        made = found(factored)
        parts = 3 if method == "tucker2" else 2
        assert [layer.parts for layer in made] == [1, parts, 1, parts, 1, 1, 1]
        assert [len(layer.weight) for layer in made] == [8, 8, 12, 12, 16, 16, 5]
        alike = likeness(made, network)
        assert alike[0] > EXACTLY > alike[1] > 0.5


def test_a_network_that_learned_apart_is_a_stranger(network):
    torch.manual_seed(1)
    other = models.LeafNet((8, 8, 12, 12, 16, 16), classes=5).eval()
    assert min(likeness(found(other), network)) < STRANGE
    assert "was not made from the exercise's" in stranger(found(other), network, 0.3)
    wider = models.LeafNet((8, 8, 12, 12, 16, 20), classes=5).eval()
    assert likeness(found(wider), network) == []
    assert "its layers have [8, 8, 12, 12, 16, 20, 5] outputs" in stranger(
        found(wider), network, 0.3
    )


def test_integers_are_read_as_what_they_stand_for():
    images = data.load("leaves")
    student = models.load_pretrained("leafnet_student_distilled")
    eight_bits = engines.int8(engines.onnx(student, images.shape), images.train, count=8)
    assert 0.999 < min(likeness(layers(eight_bits), student)) < EXACTLY


@pytest.mark.parametrize(
    "task",
    [
        ("jigsaw", "few_channels"),
        ("neuron_pruning", "own_widths"),
        ("weight_pruning", "few_weights"),
        ("quantization", "few_bits"),
        ("distillation", "taught"),
        ("low_rank", "few_weights"),
        ("working_together", "small_file"),
        ("trade_offs", "squeezed"),
        ("plant_app", "own_plants"),
    ],
    ids="/".join,
)
def test_the_network_that_ships_is_no_answer_to_any_task(task, tmp_path, monkeypatch):
    import importlib

    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    check = getattr(importlib.import_module(f"course_lib.checks.{task[0]}"), task[1])
    handed_in = tmp_path / "shipped.packed"
    shutil.copy(models.WEIGHTS / "leaves.packed", handed_in)
    with pytest.raises(NotYet):
        check(handed_in)


def test_six_bits_are_no_fewer_channels(tmp_path, monkeypatch):
    from course_lib.checks import neuron_pruning as checks

    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    images = data.load("leaves")
    student = models.load_pretrained("leafnet_student_distilled")
    rounded = quantization.quantize_weights(quantization.fold_batch_norm(student), 6)
    for network in (
        engines.onnx(rounded, images.shape),
        engines.int8(engines.onnx(student, images.shape), images.train, count=8),
    ):
        path = packing.save(network, tmp_path / "own.packed")
        with pytest.raises(NotYet, match=r"rounded, or trained\?"):
            checks.own_widths(path)


def test_training_is_seen(tmp_path):
    images = data.load("leaves")
    student = models.load_pretrained("leafnet_student_distilled")
    few = data.ImageData("few", images.train.first(64), images.val.first(20), images.test.first(20),
                         images.classes)  # fmt: skip
    trained, _ = training.fit(student, few, 1, learning_rate=0.01, progress=False)
    alike = likeness(layers(engines.onnx(trained, images.shape)), student)
    assert STRANGE < min(alike) < EXACTLY
