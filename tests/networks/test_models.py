"""LeafNet and the classics: shapes, sizes, checkpoints that survive, clear refusals."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from course_lib import models


def test_leafnet_keeps_its_promised_size():
    network = models.LeafNet(64).eval()
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, 64, 64))
    assert 1.0e6 < sum(p.numel() for p in network.parameters()) < 1.2e6
    assert counter.get_total_flops() / 2 <= 160e6


@settings(max_examples=12, deadline=None)
@given(
    side=st.integers(28, 128),
    channels=st.sampled_from([1, 3]),
    width=st.integers(1, 6),
    classes=st.integers(2, 9),
)
def test_leafnet_takes_every_promised_input(side, channels, width, classes):
    network = models.LeafNet(width, classes, channels).eval()
    assert network(torch.zeros(2, channels, side, side)).shape == (2, classes)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (torch.zeros(3, 64, 64), "got \\(3, 64, 64\\)"),
        (torch.zeros(1, 1, 64, 64), "channels=data.shape"),
        (torch.zeros(1, 3, 16, 64), "28 to 128"),
        (torch.zeros(1, 64, 64, 3), r"channels stand last. images.permute\(0, 3, 1, 2\)"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "data.normalise"),
    ],
)
def test_leafnet_says_what_is_wrong_with_its_input(images, words):
    with pytest.raises(ValueError, match=words):
        models.LeafNet(4)(images)


@pytest.mark.parametrize("arguments", [{"width": 0}, {"classes": 1}, {"channels": 4}])
def test_leafnet_refuses_impossible_shapes(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        models.LeafNet(**arguments)


@pytest.mark.parametrize(
    ("network", "parameters"), [(models.LeNet300100, 266_610), (models.LeNet5, 431_080)]
)
def test_the_classics_have_their_published_sizes(network, parameters):
    made = network().eval()
    assert sum(p.numel() for p in made.parameters()) == parameters
    assert made(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    with pytest.raises(ValueError, match="28x28"):
        made(torch.zeros(2, 1, 32, 32))


@pytest.mark.parametrize("widths", [(3, 0, 7), (3, -1, 7), (3, 5), (3, 5, 7, 9)])
def test_lenet_refuses_widths_that_no_layer_has(widths):
    with pytest.raises(ValueError, match=r"needs 3 widths >= 1 .* got widths="):
        models.LeNet5(widths=widths)


@pytest.mark.parametrize(
    "network", [models.LeafNet(4, 5, 1), models.LeNet300100(), models.LeNet5(7)]
)
def test_a_checkpoint_gives_the_same_network(network, tmp_path):
    path = models.save(network.eval(), tmp_path / "new" / "n.safetensors", {"seed": 3})
    back = models.load(path)
    images = torch.randn(2, 1, 28, 28)
    assert torch.equal(network(images), back(images))
    assert models.notes(path) == {"seed": 3}
    assert not back.training
    assert [p.name for p in path.parent.iterdir()] == ["n.safetensors"]


@pytest.mark.parametrize(
    "network",
    [
        models.LeafNet((5, 4, 7, 3, 9, 6), classes=4),
        models.LeNet5(widths=(3, 5, 7)),
        models.LeNet300100(widths=(9, 8)),
    ],
)
def test_widths_describe_a_network_as_it_is(network, tmp_path):
    again = models.load(models.save(network, tmp_path / "n.safetensors"))
    assert again.widths == network.widths
    side = 28 if network.channels == 1 else 32
    image = torch.rand(2, network.channels, side, side)
    assert torch.equal(again(image), network.eval()(image))


def test_save_refuses_a_network_whose_layers_were_exchanged(tmp_path):
    network = models.LeafNet(4)
    network.classify = torch.nn.Sequential(torch.nn.Linear(16, 2), torch.nn.Linear(2, 12))
    with pytest.raises(ValueError, match=r"classify.0.bias.*pack it first"):
        models.save(network, tmp_path / "n.safetensors")


def test_a_damaged_checkpoint_is_named_not_loaded(tmp_path):
    path = models.save(models.LeafNet(4), tmp_path / "n.safetensors")
    whole = path.read_bytes()
    for damaged in (b"", whole[:50], whole[: len(whole) // 2], b"\xff" * 200):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="not a whole checkpoint"):
            models.load(path)
    with pytest.raises(FileNotFoundError):
        models.load(tmp_path / "none.safetensors")


def test_save_refuses_what_load_could_not_rebuild(tmp_path):
    with pytest.raises(ValueError, match="got a Linear"):
        models.save(torch.nn.Linear(2, 2), tmp_path / "n.safetensors")
