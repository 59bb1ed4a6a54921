"""Covering pieces and silencing channels, against the long way round."""

import copy
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import data, jigsaw, models


@pytest.fixture(scope="module")
def network(images):
    torch.manual_seed(0)
    network = models.LeafNet(6, 4, 3)
    with torch.no_grad():  # batch norms that do something
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.bias.normal_(0, 0.2)
        network.eval()
        # Centred answers: each image lies near a border, and silencing a channel moves some.
        features = network.features(data.normalise(images.pixels)).mean(dim=(2, 3))
        network.classify.bias.copy_(-network.classify.weight @ features.mean(0))
    return network


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(1)
    colours = torch.randint(0, 256, (90, 3, 4, 4)).float()  # coarse, so that answers differ
    pixels = torch.nn.functional.interpolate(colours, size=32).to(torch.uint8)
    return data.Images(pixels, torch.arange(90) % 4)


@settings(max_examples=20, deadline=None)
@given(grid=st.integers(1, 8), seed=st.integers(0, 99))
def test_cover_changes_the_covered_pieces_alone(grid, seed):
    torch.manual_seed(seed)
    image = torch.randn(2, 3, 8 * grid, 8 * grid)
    covered = torch.rand(2, grid * grid) < 0.5
    result = jigsaw.cover(image, covered)
    for i in range(2):
        for piece in range(grid * grid):
            row, column = 8 * (piece // grid), 8 * (piece % grid)
            was = image[i, :, row : row + 8, column : column + 8]
            now = result[i, :, row : row + 8, column : column + 8]
            mean = image[i].mean((1, 2))[:, None, None].expand_as(was)
            assert torch.equal(now, mean if covered[i, piece] else was)


def test_importance_is_the_confidence_that_is_lost(network, images):
    inputs = data.normalise(images.pixels[:2])
    labels = images.labels[:2]
    lost = jigsaw.importance(network, inputs, labels, grid=4)
    image = inputs[1:2].clone()
    image[:, :, 8:16, 16:24] = inputs[1].mean((1, 2))[None, :, None, None]  # piece 6
    with torch.inference_mode():
        before = network(inputs[1:2]).softmax(1)[0, labels[1]]
        after = network(image).softmax(1)[0, labels[1]]
    assert lost.shape == (2, 16)
    assert lost[1, 6].item() == pytest.approx((before - after).item(), abs=1e-5)


def test_orders_take_each_piece_once_and_from_the_right_end():
    importances = torch.randn(5, 16)
    for how in jigsaw.ORDERS:
        assert (jigsaw.order(importances, how).sort(1).values == torch.arange(16)).all()
    assert (jigsaw.order(importances, "least important first")[:, 0] == importances.argmin(1)).all()
    assert (jigsaw.order(importances, "most important first")[:, 0] == importances.argmax(1)).all()
    assert torch.equal(jigsaw.order(importances, "random"), jigsaw.order(-importances, "random"))
    with pytest.raises(ValueError, match="'best'"):
        jigsaw.order(importances, "best")


def test_the_curve_starts_whole_and_ends_alike(network, images):
    inputs = data.normalise(images.pixels)
    orders = jigsaw.order(torch.randn(90, 16), "random")
    confidences, accuracies = jigsaw.removal_curve(
        network, inputs, images.labels, orders, [0, 8, 16]
    )
    whole = jigsaw.confidence(network, inputs, images.labels).mean().item()
    assert confidences[0] == pytest.approx(whole, abs=1e-5)
    assert len(confidences) == len(accuracies) == 3


@pytest.mark.parametrize("layer", ["layer 1", "layer 3", "layer 6"])
def test_silencing_equals_zeroing_the_channel_in_the_whole_network(network, images, layer):
    place, channels = jigsaw.layers(network)[layer]
    chosen = list(range(channels))
    found = jigsaw.silence(network, images, layer, chosen, batch_size=7)
    assert len(found.unique(dim=0)) > 1  # else any mistake would pass
    for row, channel in enumerate(chosen):
        long_way = copy.deepcopy(network)

        def zero(_module, _inputs, output, channel=channel):
            output = output.clone()
            output[:, channel] = 0
            return output

        long_way.features[place].register_forward_hook(zero)
        with torch.inference_mode():
            answers = long_way(data.normalise(images.pixels)).argmax(1)
        assert torch.equal(found[row], answers == images.labels)


def test_silencing_a_share_at_the_ends_of_the_range(network, images):
    with torch.inference_mode():
        whole = network(data.normalise(images.pixels)).argmax(1) == images.labels
        nothing = network.classify.bias.argmax() == images.labels
    assert torch.equal(jigsaw.silence_share(network, images, 0), whole)
    assert torch.equal(jigsaw.silence_share(network, images, 1), nothing)


def test_a_network_in_training_mode_answers_the_same_and_stays_as_it_was(network, images):
    inputs, labels = data.normalise(images.pixels[:8]), images.labels[:8]
    orders = jigsaw.order(torch.rand(8, 16), "least important first")
    learning = copy.deepcopy(network).train()
    learning.features[1].eval()
    modes = [module.training for module in learning.modules()]
    before = {name: value.clone() for name, value in learning.state_dict().items()}
    for ask in (
        lambda net: jigsaw.confidence(net, inputs, labels),
        lambda net: jigsaw.importance(net, inputs, labels, grid=2),
        lambda net: torch.tensor(jigsaw.removal_curve(net, inputs, labels, orders, [0, 5])),
        lambda net: jigsaw.silence(net, images, "layer 2", [0, 1]),
        lambda net: jigsaw.silence_share(net, images, 0.5),
    ):
        assert torch.equal(ask(learning), ask(network))
    assert [module.training for module in learning.modules()] == modes
    assert all(torch.equal(before[key], value) for key, value in learning.state_dict().items())


def test_bad_requests_are_quoted(network, images):
    with pytest.raises(ValueError, match="layer 9"):
        jigsaw.silence(network, images, "layer 9", [0])
    with pytest.raises(ValueError, match=r"0 to 5; got \[6\]"):
        jigsaw.silence(network, images, "layer 1", [0, 6])
    with pytest.raises(ValueError, match=r"got 1\.2"):
        jigsaw.silence_share(network, images, 1.2)
    with pytest.raises(ValueError, match="got a LeNet5"):
        jigsaw.layers(models.LeNet5())
    with pytest.raises(ValueError, match="8x8 puzzle"):
        jigsaw.cover(torch.zeros(1, 3, 32, 32), torch.zeros(1, 10, dtype=torch.bool))


def test_sampled_channels_are_the_same_each_time(network):
    chosen = jigsaw.sample_channels(network, share=0.5)
    assert chosen == jigsaw.sample_channels(network, share=0.5)
    sizes = {layer: channels for layer, (_, channels) in jigsaw.layers(network).items()}
    assert list(chosen) == [f"layer {i}" for i in range(1, 7)]
    assert all(len(set(chosen[layer])) == sizes[layer] / 2 for layer in sizes)
    assert all(len(chosen) == 1 for chosen in jigsaw.sample_channels(network, 0.01).values())
    assert jigsaw.sample_channels(network, 1)["layer 1"] == list(range(sizes["layer 1"]))
    with pytest.raises(ValueError, match="got 4"):
        jigsaw.sample_channels(network, share=4)


def test_a_clip_moves_and_starts_with_the_image():
    image = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    film = jigsaw.clip(image, frames=12)
    assert film.shape == (12, 3, 64, 64)
    assert film.dtype == torch.uint8
    assert torch.equal(film[0], image)
    assert torch.equal(film[-1], image)  # it ends as it began, and can be shown in a circle
    assert not torch.equal(film[3], image)


def test_every_budget_names_its_source():
    assert all(
        b.storage > b.memory / 2 > 0 and any(c.isdigit() for c in b.source) for b in jigsaw.BUDGETS
    )
    sizes = {"GB": 10**9, "MB": 10**6, "KiB": 1024}
    for budget in jigsaw.BUDGETS:
        named = re.findall(r"(\d+) (GB|MB|KiB) of", budget.source)
        assert [int(n) * sizes[unit] for n, unit in named] == [budget.storage, budget.memory]
