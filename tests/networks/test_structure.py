"""surgery copies what is whole, names what is not, and finds the layers to work on."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from course_lib import models, structure


def test_a_copy_is_still_and_the_given_network_is_left_alone():
    network = models.LeafNet(4).train()
    network.classify.requires_grad_(False)
    copy = structure.copied(network)
    assert not copy.training
    assert network.training
    assert not copy.classify.weight.requires_grad
    assert copy.features[0].weight.requires_grad
    assert copy.features[0].weight.data_ptr() != network.features[0].weight.data_ptr()


@pytest.mark.parametrize("name", ["features.0.weight", "features.1.running_var"])
def test_a_broken_weight_is_named_with_how_many(name):
    network = models.LeafNet(4)
    network.state_dict()[name].view(-1)[1:3] = float("nan")
    with pytest.raises(ValueError, match=f"{name} holds 2 NaN or infinite values"):
        structure.copied(network)
    with pytest.raises(ValueError, match=r"must be a torch\.nn\.Module, got a str"):
        structure.copied("network")


def test_layers_are_found_in_order_and_wrong_names_are_answered_with_the_right_ones():
    network = models.LeafNet(4)
    assert list(structure.layers(network, nn.Linear)) == ["classify"]
    assert list(structure.layers(network, names=["classify", "features.0"])) == [
        "features.0", "classify",
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"no Conv2d layer named 'conv9'.*features.0, features.3"):
        structure.layers(network, nn.Conv2d, ["conv9"])
    with pytest.raises(ValueError, match="this Sequential has no Conv2d or Linear layer"):
        structure.layers(nn.Sequential(nn.ReLU()))


def test_plain_writes_parametrizations_into_the_weights():
    class Halved(nn.Module):
        def forward(self, weight):
            return weight / 2

    network = models.LeafNet(4)
    parametrize.register_parametrization(network.classify, "weight", Halved())
    whole = structure.plain(network)
    assert not parametrize.is_parametrized(whole.classify)
    assert parametrize.is_parametrized(network.classify)
    assert torch.equal(whole.classify.weight, network.classify.weight)


def test_plain_leaves_frozen_weights_frozen():
    network = models.LeafNet(4)
    network.classify.requires_grad_(False)
    for layer in (network.classify, network.features[0]):
        parametrize.register_parametrization(layer, "weight", nn.Identity())
    whole = structure.plain(network)
    assert not whole.classify.weight.requires_grad
    assert whole.features[0].weight.requires_grad


@pytest.mark.parametrize("used", [False, True])
def test_weights_computed_from_others_are_refused_with_the_way_out(used):
    network = models.LeafNet(4).eval()
    prune.l1_unstructured(network.classify, "weight", 0.5)
    if used:  # then the computed weight could be copied
        with torch.no_grad():
            network(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match=r"weight of classify .*prune.remove\(layer, 'weight'\)"):
        structure.copied(network)
    prune.remove(network.classify, "weight")
    assert (structure.copied(network).classify.weight == 0).float().mean() == 0.5
