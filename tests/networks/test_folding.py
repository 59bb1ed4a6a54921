"""folding: the same outputs without the batch norms, on chains and on networks with branches."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import fusion, parametrize

from course_lib import models
from course_lib.networks.folding import fold_batch_norm


def lived_in(network, seed=0):
    """Batch norms as training leaves them, so that folding has something to do."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 3)
            if module.affine:
                nn.init.normal_(module.weight, 1, 0.4)
                nn.init.normal_(module.bias, 0, 0.3)
    return network.eval()


def norms(network):
    return sum(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules())


@torch.inference_mode()
def difference(one, other, images):
    """The largest difference of the outputs, against the largest output."""
    expected = one(images)
    return ((other(images) - expected).abs().max() / expected.abs().max()).item()


@settings(max_examples=10, deadline=None)
@given(widths=st.lists(st.integers(1, 9), min_size=6, max_size=6), seed=st.integers(0, 99))
def test_outputs_are_unchanged_for_any_chain(widths, seed):
    network = lived_in(models.LeafNet(widths), seed)
    folded = fold_batch_norm(network)
    assert norms(folded) == 0
    assert folded.widths == tuple(widths)
    assert difference(network, folded, torch.randn(3, 3, 32, 32)) < 1e-5


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
def test_networks_with_branches_are_folded_whole(name):
    from torchvision import models as known

    network = lived_in(getattr(known, name)(num_classes=12))
    folded = fold_batch_norm(network)
    assert norms(folded) == 0
    assert difference(network, folded, torch.randn(2, 3, 64, 64)) < 1e-4


def test_the_weights_are_those_of_pytorchs_own_fusion():
    network = lived_in(models.LeafNet(4))
    folded = fold_batch_norm(network)
    theirs = fusion.fuse_conv_bn_eval(network.features[3], network.features[4])
    assert torch.allclose(folded.features[3].weight, theirs.weight, atol=1e-6)
    assert torch.allclose(folded.features[3].bias, theirs.bias, atol=1e-6)


def test_the_network_given_is_left_alone_and_frozen_layers_stay_frozen():
    network = lived_in(models.LeafNet(4)).train()
    network.features[0].requires_grad_(False)
    before = copy.deepcopy(network.state_dict())
    folded = fold_batch_norm(network)
    assert network.training
    assert not folded.training
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert not folded.features[0].weight.requires_grad
    assert not folded.features[0].bias.requires_grad
    assert folded.features[3].bias.requires_grad


class Branches(nn.Module):
    """A convolution that two read, a shared one, and norms that cannot be folded."""

    def __init__(self):
        super().__init__()
        self.read_twice, self.shared = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
        self.linear = nn.Linear(4, 4, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(4) for _ in range(3)])
        self.plain, self.flat = nn.BatchNorm2d(4, affine=False), nn.BatchNorm1d(4)

    def forward(self, images):
        seen = self.read_twice(images)
        seen = self.norms[0](seen) + seen
        seen = self.norms[1](self.shared(seen)) + self.norms[2](self.shared(seen))
        seen = self.plain(torch.relu(seen))
        return self.flat(self.linear(seen.mean((2, 3))))


def test_a_norm_stays_where_others_read_its_input():
    network = lived_in(Branches())
    folded = fold_batch_norm(network)
    assert norms(folded) == 4  # of five: the one after the linear layer is folded
    assert isinstance(folded.flat, nn.Identity)
    assert difference(network, folded, torch.randn(2, 3, 8, 8)) < 1e-5


def test_masks_are_written_in_first_and_no_norms_means_a_plain_copy():
    class Mask(nn.Module):
        def forward(self, weight):
            return weight * (weight > 0)

    network = lived_in(models.LeafNet(4))
    parametrize.register_parametrization(network.features[0], "weight", Mask())
    folded = fold_batch_norm(network)
    assert not parametrize.is_parametrized(folded.features[0])
    assert parametrize.is_parametrized(network.features[0])
    assert difference(network, folded, torch.randn(2, 3, 32, 32)) < 1e-5
    lenet = models.LeNet5().eval()
    assert difference(lenet, fold_batch_norm(lenet), torch.randn(2, 1, 28, 28)) == 0


def test_what_cannot_be_folded_is_said():
    class Depends(models.LeafNet):
        def forward(self, images):
            return super().forward(images if images.sum() > 0 else -images)

    with pytest.raises(ValueError, match="the flow through this Depends can't be traced"):
        fold_batch_norm(Depends(4))
    network = models.LeafNet(4)
    network.features[1].running_var[0] = float("nan")
    with pytest.raises(ValueError, match=r"features\.1\.running_var holds 1 NaN"):
        fold_batch_norm(network)
