"""What a network computes: networks that print alike, with the same weights, told apart."""

import copy
import random
import types

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import (
    cache,
    data,
    distillation,
    low_rank,
    models,
    quantization,
    scorecard,
    training,
    weight_pruning,
)
from course_lib.networks import identity

SHAPE = (3, 32, 32)


class Net(nn.Module):
    """A convolution, whatever `activation` is, and a linear layer."""

    def __init__(self, activation=torch.relu):
        super().__init__()
        self.convolution, self.activation = nn.Conv2d(3, 4, 3), activation
        self.shift = nn.Buffer(torch.zeros(4), persistent=False)
        self.classify = nn.Linear(4, 3)

    def forward(self, images):
        maps = self.activation(self.convolution(images))
        return self.classify(maps.mean(dim=(2, 3)) + self.shift)


class Turned(Net):
    def forward(self, images):
        return -super().forward(images)


Turned.__name__ = Turned.__qualname__ = "Net"


class Scale(nn.Module):
    """Prints without its factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, values):
        return values * self.factor


class Pool(nn.Module):
    """Prints without its dilation and stride."""

    def __init__(self, **how):
        super().__init__()
        self.how = how

    def forward(self, values):
        return nn.functional.max_pool2d(values.relu(), 2, **self.how)


class AddedOne(nn.Module):
    def forward(self, values):
        return values + torch.ones(1)


def with_forward(change):
    """Change a network's `forward` by hand."""

    def made(network):
        usual = network.forward
        network.forward = lambda images: change(usual(images))
        return network

    return made


def with_buffer(network):
    network.shift += 1
    return network


def with_method(network):
    network.forward = types.MethodType(lambda self, images: 2 * Net.forward(self, images), network)
    return network


def of_class(kind):
    def made(network):
        other = kind()
        other.load_state_dict(network.state_dict())
        return other

    return made


def with_activation(activation):
    def made(network):
        network.activation = activation
        return network

    return made


def with_hook(network):
    network.convolution.register_forward_hook(lambda _layer, _inputs, output: -output)
    return network


CONSTANT = torch.tensor(3.0)

# The same weights in the checkpoint as `Net(torch.relu)`, and the same text when printed (but for
# an address), and other answers.
OTHERS = {
    "a class of the same name": of_class(Turned),
    "a forward set by hand": with_forward(torch.neg),
    "a method set by hand": with_method,
    "a buffer that no checkpoint holds": with_buffer,
    "a lambda": with_activation(lambda values: values * values),
    "another lambda": with_activation(lambda values: values * values * 2),
    "a lambda with a constant": with_activation(lambda values: values * CONSTANT),
    "another operation": with_activation(torch.sigmoid),
    "a hook": with_hook,
}


@pytest.fixture
def network():
    torch.manual_seed(1)
    return Net().eval()


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (150, 32, 32, 3), dtype=np.uint8)
    return data.from_arrays(pixels, np.arange(150) % 3)


def test_all_that_compute_differently_differ_and_copies_do_not(network):
    found = {
        name: identity.of(change(copy.deepcopy(network)), SHAPE) for name, change in OTHERS.items()
    }
    assert found.pop("a hook") is None
    told = [*found.values(), identity.of(network, SHAPE)]
    assert None not in told
    assert len(set(told)) == len(told)
    for change in OTHERS.values():
        twice = {identity.of(change(copy.deepcopy(network)), SHAPE) for _ in range(2)}
        assert len(twice) == 1
    assert identity.of(copy.deepcopy(network), SHAPE) == told[-1]


@pytest.mark.parametrize("kind", OTHERS)
def test_the_teachers_outputs_are_its_own(kind, network, images, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    other = OTHERS[kind](copy.deepcopy(network))
    for asked in (network, other, network, other):
        kept = distillation.teacher_outputs(asked, images)
        torch.testing.assert_close(kept, training.predict(asked, images.train), rtol=0, atol=0)
    assert len(list(cache.cache_dir().glob("teacher-*.safetensors"))) == 1 + (kind != "a hook")


@pytest.mark.parametrize("kind", OTHERS)
def test_the_originals_card_shows_its_own_answers(kind, network, images, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(scorecard, "_card", lambda *found: found[4])
    no_time = scorecard.Latency(1.0, 1.0, 1, 0.0, False)
    monkeypatch.setattr(scorecard, "latency", lambda *runs, limit_s: [no_time])
    other = OTHERS[kind](copy.deepcopy(network))
    for asked in (network, other, network):
        right = training.predict(asked, images.test).argmax(1) == images.test.labels
        assert scorecard.measure(asked, images).tolist() == right.tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Scale(2), Scale(3)),
        (Pool(stride=1), Pool(stride=2)),
        (Pool(dilation=1), Pool(dilation=2)),
        (nn.GELU(), nn.GELU("tanh")),
        (nn.Identity(), AddedOne()),
        (Scale(torch.tensor(2.0)), Scale(torch.tensor(3.0))),
    ],
)
def test_settings_that_are_not_printed_count(one, other):
    layers = [nn.Conv2d(3, 4, 3), one, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)]
    network = nn.Sequential(*layers).eval()
    changed = copy.deepcopy(network)
    changed[1] = other
    first, second = identity.of(network, SHAPE), identity.of(changed, SHAPE)
    assert None not in (first, second)
    assert first != second


def test_weights_norms_and_the_batches_sizes_count():
    network = models.LeafNet(4, classes=3)
    changed = copy.deepcopy(network)
    changed.features[1].running_mean[0] += 1
    assert len({identity.of(n, SHAPE) for n in (network, changed)}) == 2

    class ForOne(Scale):
        def forward(self, values):
            return values * self.factor if len(values) == 1 else values

    usual, other = Net(ForOne(1)), Net(ForOne(2))
    other.load_state_dict(usual.state_dict())
    assert identity.of(usual, SHAPE, (2,)) == identity.of(other, SHAPE, (2,))
    assert identity.of(usual, SHAPE, (1, 2)) != identity.of(other, SHAPE, (1, 2))


@pytest.mark.parametrize("training_mode", [True, False])
def test_modes_count_where_it_is_to_be_trained(training_mode):
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3072, 3))
    frozen = copy.deepcopy(network)
    frozen[2].bias.requires_grad_(False)
    found = [identity.of(n, SHAPE, training=training_mode) for n in (network, frozen)]
    assert None not in found
    assert len(set(found)) == (2 if training_mode else 1)
    assert identity.of(network.eval(), SHAPE) == identity.of(network.train(), SHAPE)


class Counting(nn.Module):
    """Another factor at every call."""

    calls = 0

    def forward(self, values):
        Counting.calls += 1
        return values * Counting.calls


UNKNOWN = {
    "chance": lambda values: values + torch.rand(1),
    "Python's chance": lambda values: values + random.random(),
    "a number of a tensor": lambda values: values * values.mean().item(),
    "a choice by the numbers": lambda values: values if values.mean() > 0 else -values,
    "numpy": lambda values: torch.from_numpy(values.detach().numpy() * 2),
    "a list": lambda values: values + torch.tensor(values.tolist()),
    "how many are above 0": lambda values: values * len(values[values > 0]),
    "how many of some are above 0": lambda values: values * len(values[..., values[0, 0, 0] > 0]),
    "how many are not 0": lambda values: values * len(values.nonzero()),
    "what it was printed as": lambda values: values * len(str(values)),
    "a script": torch.jit.script(Scale(2)),
    "what changes from call to call": Counting(),
    "an operation that fails": lambda values: values.view(7, 7, 7),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_cannot_be_told_is_none_and_not_kept(kind, images, tmp_path, monkeypatch):
    network = Net().eval()
    network.activation = UNKNOWN[kind]
    before = torch.get_rng_state()
    assert identity.of(network, SHAPE) is None
    assert torch.equal(torch.get_rng_state(), before)
    if kind != "an operation that fails":
        monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
        distillation.teacher_outputs(network, images)
        assert not list(cache.cache_dir().glob("teacher-*.safetensors"))


def test_the_network_and_the_random_numbers_are_left_as_they_were():
    network = models.LeafNet(4, classes=3).train()
    network.features[1].eval()
    modes = [module.training for module in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    drawn = torch.get_rng_state()
    assert identity.of(network, SHAPE, training=True)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), drawn)


@pytest.mark.parametrize("training_mode", [True, False])
def test_a_forward_that_reaches_the_network_itself_leaves_its_norms_alone(training_mode):
    network = models.LeafNet(4, classes=3).train()
    network.forward = lambda images: -models.LeafNet.forward(network, images)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = identity.of(network, SHAPE, training=training_mode)
    assert found is not None  # the copy's forward holds the copy
    assert network.features[1].training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    "technique",
    [
        lambda network: weight_pruning.apply(network, weight_pruning.masks(network, 0.5)),
        lambda network: quantization.simulate(network, 4),
        quantization.fold_batch_norm,
        lambda network: low_rank.factor(network, "spatial", SHAPE, macs=0.5),
    ],
)
def test_what_the_techniques_make_can_be_told(technique):
    network = technique(models.LeafNet(8, classes=3).eval())
    assert identity.of(network, SHAPE)
    assert identity.of(network, SHAPE, training=True)


def test_places_that_are_named_by_numbers_can_be_told():
    """A slice, or a tensor of numbers, takes as many places whatever the values are."""
    network = Net().eval()
    for picked in (
        lambda values: values[:, [1, 0, *range(2, values.shape[1])]],
        lambda values: values[..., torch.arange(values.shape[-1])],
        lambda values: values[slice(None), None][:, 0],
    ):
        network.activation = picked
        assert identity.of(network, SHAPE) is not None
