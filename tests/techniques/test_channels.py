"""Channels that something picks, orders or counts stay where they are; all others go exactly."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import channels, neuron_pruning

SHAPE = (3, 16, 16)


class Between(nn.Module):
    """first -> something -> second -> the mean over places -> classify."""

    def __init__(self, between, read=8, written=8):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(read, 8, 3, padding=1)
        self.classify = nn.Linear(written, 4)
        self.norm = nn.LayerNorm(8)
        self.scale = nn.Parameter(torch.rand(8, 1, 1) + 0.5)
        self.between = between

    def forward(self, images):
        return self.classify(
            self.second(self.between(self, F.relu(self.first(images)))).mean((2, 3))
        )


class Behind(Between):
    """first -> second -> something -> classify."""

    def forward(self, images):
        return self.classify(self.between(self, self.second(F.relu(self.first(images)))))


class Tied(nn.Module):
    """Two layers share one weight: no column of it is one layer's alone."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = nn.Linear(768, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.third.weight = self.second.weight
        self.classify = nn.Linear(8, 4)

    def forward(self, images):
        seen = F.relu(self.first(images.flatten(1)))
        return self.classify(F.relu(self.third(F.relu(self.second(seen)))))


# What is computed with the first layer's channels; the second's go as ever.
FIRST_STAYS = {
    "flipped": Between(lambda n, x: x.flip(1)),
    "rolled": Between(lambda n, x: x.roll(1, 1)),
    "ordered": Between(lambda n, x: x.sort(1).values),
    "picked": Between(lambda n, x: x[:, torch.arange(7, -1, -1)]),
    "shuffled": Between(lambda n, x: x.unflatten(1, (2, 4)).transpose(1, 2).flatten(1, 2)),
    "softmax": Between(lambda n, x: x.softmax(1)),
    "layer norm": Between(lambda n, x: n.norm(x.movedim(1, -1)).movedim(-1, 1)),
    "scaled": Between(lambda n, x: x * n.scale),
    "counted": Between(lambda n, x: x / n.first.out_channels),
    "pixel shuffle": Between(lambda n, x: F.pixel_shuffle(x, 2), read=2),
    "half of them": Between(lambda n, x: x[:, ::2], read=4),
}
# With the second's; the first's go.
SECOND_STAYS = {
    "gated": Behind(lambda n, x: F.glu(x, 1).mean((2, 3)), written=4),
    "multiplied halves": Behind(lambda n, x: torch.mul(*x.chunk(2, 1)).mean((2, 3)), written=4),
    "strongest": Behind(lambda n, x: x.mean((2, 3)).topk(4, 1).values, written=4),
    "places first": Behind(
        lambda n, x: F.adaptive_avg_pool2d(x, 2).permute(0, 2, 3, 1).flatten(1), written=32
    ),
}
GO = {
    "normalised": Between(lambda n, x: F.normalize(x, dim=1)),
    "added up on the way": Between(lambda n, x: x.cumsum(1)),
    "places last": Behind(lambda n, x: F.adaptive_avg_pool2d(x, 2).flatten(1), written=32),
    "joined": Between(lambda n, x: torch.cat([x, x + 1], 1), read=16),
}


def pruned_as_silenced(network):
    """The layers that went, and whether what is left computes what silencing them does."""
    torch.manual_seed(0)
    network = network.eval()
    values = neuron_pruning.importance(network, "l1", shape=SHAPE)
    chosen = neuron_pruning.choose(values, 0.4)
    smaller = channels.remove(network, chosen, SHAPE)
    silenced = channels.zeroed(network, chosen, SHAPE)
    images = torch.randn(3, *SHAPE)
    with torch.inference_mode():
        torch.testing.assert_close(smaller(images), silenced(images), rtol=1e-4, atol=1e-5)
    return list(values)


@pytest.mark.parametrize("how", FIRST_STAYS)
@pytest.mark.filterwarnings("ignore:1 of 2 layers")
def test_channels_whose_place_or_number_counts_stay(how):
    assert pruned_as_silenced(FIRST_STAYS[how]) == ["second"]


@pytest.mark.parametrize("how", SECOND_STAYS)
@pytest.mark.filterwarnings("ignore:1 of 2 layers")
def test_so_do_those_behind(how):
    assert pruned_as_silenced(SECOND_STAYS[how]) == ["first"]


@pytest.mark.parametrize("how", GO)
def test_channels_that_are_each_their_own_go(how):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pruned_as_silenced(GO[how]) == ["first", "second"]


def test_who_stays_is_said():
    with pytest.warns(UserWarning, match=r"1 of 2 layers of this Between keep all .*\(first\): wh"):
        channels.parts(FIRST_STAYS["flipped"].eval(), SHAPE)


def test_layers_that_share_a_weight_are_refused_by_name():
    """Cut at the same places, all at once, they would agree by chance."""
    with (
        pytest.warns(UserWarning, match=r"3 of 3 layers of this Tied .*first, second, third"),
        pytest.raises(ValueError, match="this Tied has no channels that can go"),
    ):
        channels.parts(Tied().eval(), SHAPE)
