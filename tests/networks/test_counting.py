"""Operations and bytes, by hand and against torch's own counter."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.utils.flop_counter import FlopCounterMode

from course_lib import counting
from course_lib.networks.models import LeafNet, LeNet5, LeNet300100


def torchs_macs(network, shape):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, *shape))
    return counter.get_total_flops() / 2


def test_macs_of_two_layers_by_hand():
    convolution = nn.Conv2d(3, 8, 3, stride=2, padding=1)
    network = nn.Sequential(convolution, nn.Flatten(), nn.Linear(128, 5))
    # 4x4 places, 8 filters of 3x3x3; then 128 inputs to each of 5 outputs
    assert counting.macs_by_layer(network, (3, 8, 8)) == {"0": 16 * 8 * 27, "2": 640}
    assert counting.macs(network, (3, 8, 8)) == 16 * 8 * 27 + 640


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (LeafNet(64), (3, 64, 64)),
        (LeafNet(5, channels=1), (1, 28, 28)),
        (LeNet5(), (1, 28, 28)),
        (LeNet300100(), (1, 28, 28)),
        (nn.Conv2d(8, 12, 3, groups=4, padding=2, dilation=2), (8, 9, 9)),
        (nn.Conv2d(8, 8, 3, groups=8, bias=False), (8, 9, 7)),
        (nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2), (6, 5, 5)),
        (nn.Sequential(nn.Conv1d(2, 4, 5), nn.Linear(16, 3)), (2, 20)),
        (nn.Conv3d(1, 2, 2), (1, 4, 4, 4)),
    ],
)
def test_macs_agree_with_torchs_counter(network, shape):
    assert counting.macs(network, shape) == torchs_macs(network, shape)


def test_known_totals():
    assert counting.macs(LeNet300100(), (1, 28, 28)) == 784 * 300 + 300 * 100 + 100 * 10
    # LeNet-5 in Caffe's widths: 24x24 places, then 8x8, then two linear layers
    assert counting.macs(LeNet5(), (1, 28, 28)) == (
        576 * 20 * 25 + 64 * 50 * 20 * 25 + 800 * 500 + 500 * 10
    )


def test_a_grouped_transposed_convolution_by_hand():
    network = nn.ConvTranspose2d(6, 4, 3, groups=2)
    # each of 6x5x5 inputs is spread over 3x3 places of 4/2 filters
    assert counting.macs(network, (6, 5, 5)) == 6 * 25 * 9 * 2


def test_a_layer_used_twice_counts_twice():
    shared = nn.Linear(4, 4)
    network = nn.Sequential(shared, nn.ReLU(), shared)
    assert counting.macs(network, (4,)) == 32
    assert counting.macs_by_layer(network, (4,)) == {"0": 32}
    assert counting.parameters(network) == 20


def test_norms_scales_and_parametrised_layers_count_as_nothing_more():
    network = nn.Sequential(
        parametrizations.weight_norm(nn.Linear(6, 5)), nn.PReLU(5), nn.LayerNorm((5,))
    )
    assert counting.macs(network, (6,)) == 30


def test_the_network_is_left_as_it_was():
    network = LeafNet(4)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    counting.each_layer(network, (3, 32, 32))
    assert network.training
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.memory = nn.LSTM(4, 4)

    def forward(self, x):
        return self.memory(x)[0]


class Hidden(nn.Module):
    """Multiplies where no layer sees it."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(x) @ self.layer.weight


@pytest.mark.parametrize(
    ("network", "shape", "message"),
    [
        (Recurrent(), (3, 4), r"'memory', a LSTM.*build it from nn.Conv2d and nn.Linear"),
        (nn.Sequential(nn.Bilinear(4, 4, 2)), (4,), "'0', a Bilinear"),
        (Hidden(), (4,), "make 16 multiply-accumulates, but torch counts 32"),
        (LeafNet(4), (1, 32, 32), r"cannot take an image of shape \(1, 32, 32\)"),
        (nn.Linear(4, 2), (5,), r"cannot take an image of shape \(5,\)"),
    ],
)
def test_what_cannot_be_counted_is_refused(network, shape, message):
    with pytest.raises(ValueError, match=message):
        counting.macs(network, shape)


def test_bytes_by_hand():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(8 * 4 * 4, 5),
    )  # fmt: skip
    weights = 4 * (216 + 4 * 8 + 640 + 5) + 8  # the norm counts its batches in 8 bytes
    assert counting.weight_bytes(network) == weights
    picture, maps, pooled, answer = 4 * 3 * 64, 4 * 8 * 64, 4 * 8 * 16, 4 * 5
    # the convolution's image and maps are less than the pool's maps and pooled
    assert counting.working_memory(network, (3, 8, 8)) == weights + max(
        picture + maps, maps + pooled, pooled + answer
    )
    assert counting.moved_bytes(network, (3, 8, 8)) == weights + picture + maps + pooled + answer


def test_pool_after_a_narrow_input_is_what_needs_most():
    network = nn.Sequential(nn.Conv2d(1, 8, 1, bias=False), nn.ReLU(), nn.MaxPool2d(2))
    maps, pooled = 4 * 8 * 64, 4 * 8 * 16
    assert counting.working_memory(network, (1, 8, 8)) == 4 * 8 + maps + pooled


def test_parameters_that_are_zero_or_masked():
    network = nn.Sequential(nn.Linear(10, 4, bias=False), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        network[1].weight[0] = 0
    assert counting.parameters(network) == 48
    assert counting.nonzero_parameters(network) == 44
    prune.l1_unstructured(network[0], "weight", amount=30)
    assert counting.nonzero_parameters(network) == 14
    assert counting.parameters(network) == 48


def test_energy_is_the_published_sum():
    # 1 M float MACs at 3.7 + 0.9 pJ, and 1,000 words of 4 bytes at 640 pJ
    assert counting.estimated_energy(1_000_000, 4000) == pytest.approx((4.6e6 + 640e3) * 1e-9)
    # int8: 0.2 for the product, 0.1 to add it up in 32 bits
    assert counting.estimated_energy(1_000_000, 0, "int8") == pytest.approx(0.3e6 * 1e-9)
    with pytest.raises(ValueError, match="float32, int8, got 'int4'"):
        counting.estimated_energy(1, 1, "int4")
