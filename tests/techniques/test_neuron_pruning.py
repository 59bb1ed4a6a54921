"""Neuron pruning: the smaller network computes what the silenced one does; so says the library."""

import copy
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib import (
    channel_patches,
    channels,
    counting,
    data,
    figures,
    models,
    neuron_pruning,
    recipe,
    recorded,
    sensitivity,
    training,
)
from course_lib.techniques import dependencies

few = settings(max_examples=8, deadline=None)


def lively(network, seed=0):
    """The network with norms and biases that do something, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, channels.NORMS):
                for tensor, low, high in (
                    (module.weight, 0.5, 1.5),
                    (module.bias, -0.3, 0.3),
                    (module.running_mean, -0.2, 0.2),
                    (module.running_var, 0.5, 2.0),
                ):
                    if tensor is not None:
                        drawn = torch.rand(len(tensor), generator=generator)
                        tensor.copy_(low + (high - low) * drawn)
    return network.eval()


def close(one, other, inputs, tolerance=1e-5):
    with torch.inference_mode():
        wanted, got = one(inputs), other(inputs)
    assert got.shape == wanted.shape
    assert (got - wanted).abs().max() <= tolerance * max(1.0, float(wanted.abs().max()))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return lively(models.LeafNet(8, classes=4))


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (80, 4, 4, 3), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    return data.from_arrays(pixels, np.arange(80) % 4)


class Residual(nn.Module):
    """A skip connection: two layers add into the same channels."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.first = nn.Sequential(*models.block(8, 6))
        self.second, self.norm = nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.classify = nn.Linear(8, 4)

    def forward(self, x):
        x = self.stem(x)
        x = torch.relu(x + self.norm(self.second(self.first(x))))
        return self.classify(x.mean((2, 3)))


class Dense(nn.Module):
    """Concatenation: each layer reads what all before it wrote (Huang et al. 2017)."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm1, self.conv1 = nn.BatchNorm2d(8), nn.Conv2d(8, 6, 3, padding=1)
        self.norm2, self.conv2 = nn.BatchNorm2d(14), nn.Conv2d(14, 5, 3, padding=1)
        self.norm3, self.classify = nn.BatchNorm2d(19), nn.Linear(19, 4)

    def forward(self, x):
        x = self.stem(x)
        x = torch.cat([x, self.conv1(torch.relu(self.norm1(x)))], 1)
        x = torch.cat([x, self.conv2(torch.relu(self.norm2(x)))], 1)
        return self.classify(torch.relu(self.norm3(x)).mean((2, 3)))


class Grouped(nn.Module):
    """A depthwise convolution, squeeze and excitation, and a grouped convolution at the end."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.depthwise, self.norm = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.BatchNorm2d(8)
        self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.point = nn.Conv2d(8, 6, 1)
        self.grouped = nn.Conv2d(6, 6, 3, padding=1, groups=2)
        self.classify = nn.Linear(6, 4)

    def forward(self, x):
        x = torch.relu(self.norm(self.depthwise(self.stem(x))))
        x = x * torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))
        return self.classify(torch.relu(self.grouped(self.point(x))).mean((2, 3)))


# Removed equals silenced


def random_chain(widths, seed):
    """Convolutions of random widths, then linear layers; pooling, norms and flattening between."""
    torch.manual_seed(seed)
    first, second, third, hidden = widths
    return lively(
        nn.Sequential(
            nn.Conv2d(3, first, 3, padding=1, bias=seed % 2 == 0),
            nn.BatchNorm2d(first, affine=seed % 3 != 0),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Sequential(nn.Conv2d(first, second, 3, stride=2), nn.Sigmoid()),
            nn.Conv2d(second, third, 3, padding=1),
            nn.Flatten(),
            nn.BatchNorm1d(third * 9),
            nn.Linear(third * 9, hidden),
            nn.Tanh(),
            nn.Dropout(),
            nn.Linear(hidden, 4),
        ),
        seed,
    )


def random_channels(network, seed, shape=None):
    generator = torch.Generator().manual_seed(seed)
    chosen = {}
    for layer, owned in channels.parts(network, shape).items():
        count = len(owned[0].channel)
        number = int(torch.randint(0, count, (1,), generator=generator))
        chosen[layer] = torch.randperm(count, generator=generator)[:number].tolist()
    return chosen


@few
@given(widths=st.tuples(*[st.integers(1, 9)] * 4), seed=st.integers(0, 999))
def test_removing_equals_zeroing_in_any_chain(widths, seed):
    network = random_chain(widths, seed)
    chosen = random_channels(network, seed)
    smaller = neuron_pruning.remove(network, chosen)
    inputs = torch.randn(3, 3, 14, 14, generator=torch.Generator().manual_seed(seed))
    close(neuron_pruning.zeroed(network, chosen), smaller, inputs)
    if any(chosen.values()):
        assert counting.parameters(smaller) < counting.parameters(network)


@few
@given(seed=st.integers(0, 999))
def test_removing_equals_zeroing_in_the_networks_of_the_course(seed):
    torch.manual_seed(seed)
    for network, side in (
        (models.LeafNet((5, 3, 6, 4, 7, 8), classes=4), 32),
        (models.LeNet5(widths=(6, 7, 9)), 28),
        (models.LeNet300100(widths=(20, 10)), 28),
    ):
        chosen = random_channels(lively(network, seed), seed)
        smaller = neuron_pruning.remove(network, chosen)
        inputs = torch.randn(2, network.channels, side, side)
        close(neuron_pruning.zeroed(network, chosen), smaller, inputs)
        gone = [len(numbers) for numbers in chosen.values()]
        assert smaller.widths == tuple(w - g for w, g in zip(network.widths, gone, strict=True))


@pytest.mark.parametrize("kind", [Residual, Dense, Grouped])
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 999))
def test_removing_equals_zeroing_where_layers_share_channels(kind, seed):
    torch.manual_seed(seed)
    network, shape = lively(kind(), seed), (3, 16, 16)
    chosen = random_channels(network, seed, shape)
    smaller = neuron_pruning.remove(network, chosen, shape)
    close(neuron_pruning.zeroed(network, chosen, shape), smaller, torch.randn(3, *shape))
    assert counting.macs(smaller, shape) < counting.macs(network, shape) or not any(chosen.values())


def test_layers_that_share_channels_stand_under_one_name():
    assert list(channels.parts(Residual(), (3, 16, 16))) == ["stem", "first.0"]
    assert list(channels.parts(Dense(), (3, 16, 16))) == ["stem", "conv1", "conv2"]
    # The grouped convolution's channels stay, and with them those that it reads.
    assert list(channels.parts(Grouped(), (3, 16, 16))) == ["stem", "squeeze"]


def test_the_graph_finds_what_the_chain_says(network):
    assert channels.chain(network) is not None
    by_chain = channels.parts(network)
    by_graph = dependencies.traced(network, (3, 32, 32))
    assert list(by_chain) == list(by_graph)
    for layer, owned in by_chain.items():
        ours = {(p.layer, p.dim): p.channel.tolist() for p in owned}
        assert ours == {(p.layer, p.dim): p.channel.tolist() for p in by_graph[layer]}


def test_a_factored_leafnet_is_still_a_chain(network):
    factored = copy.deepcopy(network)
    factored.features[3] = nn.Sequential(
        nn.Conv2d(8, 4, (3, 1)), nn.Conv2d(4, 8, (1, 3), padding=1)
    )
    factored.classify = nn.Sequential(nn.Linear(32, 6), nn.Linear(6, 4))
    smaller = neuron_pruning.prune(factored, 0.5)
    assert smaller.features[3][0].out_channels == 2
    assert smaller.classify[0].out_features == 3
    assert list(channels.chain(factored))[-4:] == ["mean", "flatten", "classify.0", "classify.1"]
    assert smaller(torch.zeros(1, 3, 32, 32)).shape == (1, 4)


def test_a_layer_used_twice_is_not_taken_for_two():
    shared = nn.Conv2d(3, 3, 3, padding=1)
    twice = nn.Sequential(shared, shared, nn.Flatten(), nn.Linear(3 * 64, 2))
    assert channels.chain(twice) is None


# What matters


def test_norms_are_those_of_the_filters(network):
    weight = network.features[3].weight
    for criterion, power in (("l1", 1), ("l2", 2)):
        found = neuron_pruning.importance(network, criterion)
        assert list(found) == [f"features.{i}" for i in (0, 3, 7, 10, 14, 17)]
        assert torch.allclose(found["features.3"], weight.flatten(1).norm(power, dim=1))


def test_activation_is_what_the_next_layer_reads(network, images):
    found = neuron_pruning.importance(network, "activation", images.train)
    with torch.inference_mode():
        inputs = data.normalise(images.train.pixels)
        read = network.features[:7](inputs)  # convolution 2, norm, ReLU, pooling
        last = network.features(inputs).mean((2, 3))
    assert torch.allclose(found["features.3"], read.abs().mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(found["features.17"], last.abs().mean(0), atol=1e-5)


@pytest.mark.parametrize("kind", [lambda: models.LeafNet(6, classes=4), Residual, Dense])
def test_taylor_is_the_change_of_the_loss_to_first_order(kind, images):
    torch.manual_seed(1)
    network, some = lively(kind()).double(), images.train.first(40)
    inputs, labels = data.normalise(some.pixels).double(), some.labels
    found = neuron_pruning.importance(network.float(), "taylor", some)
    network = network.double()
    owned = channels.parts(network, images.shape)
    small = 1e-4

    def losses(turned):
        with torch.inference_mode():
            return nn.functional.cross_entropy(turned(inputs), labels, reduction="none")

    for layer, values in found.items():
        for channel in (0, len(values) - 1):
            turned = copy.deepcopy(network)  # its readers see a little less of this channel
            for part in owned[layer]:
                if part.dim == 1:
                    with torch.no_grad():
                        weight = turned.get_submodule(part.layer).weight
                        weight[:, part.channel == channel] *= 1 - small
            slope = (losses(turned) - losses(network)).abs().mean().item() / small
            # Norms between the concatenation and its readers belong to the reader here.
            assert values[channel].item() == pytest.approx(slope, rel=0.02, abs=1e-4)


def test_random_is_seeded(network):
    first, again, other = (
        neuron_pruning.importance(network, "random", seed=seed)["features.0"] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# Which to remove


@few
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    fraction=st.floats(0, 0.999),
    scope=st.sampled_from(neuron_pruning.SCOPES),
    least=st.integers(1, 5),
)
def test_choosing_takes_the_least_and_leaves_enough(sizes, fraction, scope, least):
    generator = torch.Generator().manual_seed(sum(sizes))
    values = {f"layer {i}": torch.rand(n, generator=generator) for i, n in enumerate(sizes)}
    chosen = neuron_pruning.choose(values, fraction, scope, least)
    for layer, numbers in chosen.items():
        total = len(values[layer])
        assert numbers == sorted(set(numbers))
        assert total - len(numbers) >= min(least, total)
        gone = torch.isin(torch.arange(total), torch.tensor(numbers, dtype=torch.long))
        assert not numbers or values[layer][gone].max() <= values[layer][~gone].min()
        if scope == "layer":
            assert len(numbers) == min(round(fraction * total), max(0, total - least))
    if scope == "global" and least == 1:
        wanted = min(round(fraction * sum(sizes)), sum(sizes) - len(sizes))
        assert sum(map(len, chosen.values())) == wanted


def test_ties_and_scales():
    equal = {"a": torch.ones(4), "b": torch.full((4,), 100.0)}
    assert neuron_pruning.choose(equal, 0.5) == {"a": [0, 1], "b": [0, 1]}
    # Each divided by its layer's mean: a layer of large filters is not spared.
    assert neuron_pruning.choose(equal, 0.25, "global") == {"a": [0, 1], "b": []}
    uneven = {"a": torch.tensor([1.0, 9.0]), "b": torch.tensor([400.0, 600.0])}
    assert neuron_pruning.choose(uneven, 0.5, "global") == {"a": [0], "b": [0]}
    assert neuron_pruning.choose(equal, {"b": 0.75}) == {"a": [], "b": [0, 1, 2]}


@few
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    keep=st.integers(1, 60),
    scope=st.sampled_from(neuron_pruning.SCOPES),
    least=st.integers(1, 5),
)
def test_numbers_to_keep_are_kept(sizes, keep, scope, least):
    generator = torch.Generator().manual_seed(sum(sizes))
    values = {f"layer {i}": torch.rand(n, generator=generator) for i, n in enumerate(sizes)}
    chosen = neuron_pruning.choose(values, scope=scope, least=least, keep=keep)
    left = {layer: len(values[layer]) - len(numbers) for layer, numbers in chosen.items()}
    if scope == "layer":
        assert left == {layer: min(len(v), max(keep, least)) for layer, v in values.items()}
        named = neuron_pruning.choose(values, least=least, keep=dict.fromkeys(values, keep))
        assert named == chosen
    elif least == 1:
        assert sum(left.values()) == min(sum(sizes), max(keep, len(sizes)))
    # The same number, asked for by the share that goes, takes the same channels.
    if scope == "global" and keep < sum(sizes):
        share = 1 - keep / sum(sizes)
        assert chosen == neuron_pruning.choose(values, share, scope, least)


def test_a_layer_not_named_keeps_all():
    equal = {"a": torch.ones(4), "b": torch.ones(4)}
    assert neuron_pruning.choose(equal, keep={"b": 1}) == {"a": [], "b": [0, 1, 2]}
    assert neuron_pruning.choose(equal, keep=np.int64(3)) == {"a": [0], "b": [0]}


def test_pruning_takes_numbers_to_keep(network):
    smaller = neuron_pruning.prune(network, keep={"features.0": 3, "features.17": 99})
    assert smaller.widths == (3, *network.widths[1:])
    by_share = neuron_pruning.prune(network, {"features.0": 5 / 8})
    for one, other in zip(smaller.parameters(), by_share.parameters(), strict=True):
        assert torch.equal(one, other)


# Found once


@pytest.fixture
def traces(monkeypatch):
    """How often torch-pruning was asked to trace a network."""
    asked, whole = [], dependencies.traced
    monkeypatch.setattr(dependencies, "traced", lambda *given: asked.append(1) or whole(*given))
    return asked


def test_a_network_is_traced_once_for_each_cut(traces, images):
    network = lively(Residual())
    neuron_pruning.prune(network, 0.5, shape=images.shape)
    assert len(traces) == 1
    sensitivity.sensitivity(network, images.val, [0, 0.5])
    assert len(traces) == 2
    neuron_pruning.prune_gradually(network, images, 0.5, steps=2, progress=False)
    assert len(traces) == 4, "each step's network is another one"


def test_the_images_tell_the_shape_that_a_graph_is_traced_with(images):
    network = lively(Residual())
    told = neuron_pruning.prune(network, 0.5, "taylor", images=images.train, shape=images.shape)
    seen = neuron_pruning.prune(network, 0.5, "taylor", images=images.train)
    close(seen, told, torch.randn(2, *images.shape))
    with pytest.raises(ValueError, match="shape"):
        neuron_pruning.prune(network, 0.5)


def test_a_step_of_a_recipe_traces_and_looks_once(traces, images, tmp_path, monkeypatch):
    looked, whole = [], neuron_pruning.importance
    monkeypatch.setattr(
        neuron_pruning, "importance", lambda *given: looked.append(given[1]) or whole(*given)
    )
    network = lively(Residual())
    lesson = recipe.Lesson(images, network, tmp_path, progress=False)
    state = recipe.PruneNeurons(0.5, "l2").apply(recipe.State(network), lesson)
    assert state.network.stem.out_channels == 4
    assert (len(traces), looked) == (1, ["l2"])


# The production library agrees


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("scope", neuron_pruning.SCOPES)
def test_torch_pruning_removes_the_same_channels(network, power, scope):
    import torch_pruning as tp

    theirs = copy.deepcopy(network)
    tp.pruner.BasePruner(
        theirs,
        torch.randn(1, 3, 32, 32),
        importance=tp.importance.MagnitudeImportance(
            p=power, group_reduction="first", normalizer=None if scope == "layer" else "mean"
        ),
        pruning_ratio=0.25,
        global_pruning=scope == "global",
        ignored_layers=[theirs.classify],
    ).step()
    # torch-pruning leaves the root of the sum of squares out, which matters to their means.
    ours = neuron_pruning.importance(network, f"l{power}")
    ours = {layer: values.pow(power) for layer, values in ours.items()}
    ours = neuron_pruning.remove(network, neuron_pruning.choose(ours, 0.25, scope))
    assert ours.widths == theirs.widths
    for (name, one), other in zip(
        ours.state_dict().items(), theirs.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), name


@pytest.mark.long
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
@pytest.mark.parametrize("criterion", ["l1", "taylor"])
def test_torchvisions_networks_come_out_smaller_and_run(name, criterion):
    import torchvision

    torch.manual_seed(0)
    network = lively(getattr(torchvision.models, name)(weights=None, num_classes=4))
    pixels = torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8)
    images = data.Images(pixels, torch.arange(8) % 4)
    shape = (3, 64, 64)
    found = neuron_pruning.importance(network, criterion, images)
    chosen = neuron_pruning.choose(found, 0.5)
    smaller = neuron_pruning.remove(network, chosen, shape)
    close(neuron_pruning.zeroed(network, chosen, shape), smaller, data.normalise(pixels), 1e-4)
    assert counting.parameters(smaller) < 0.4 * counting.parameters(network)
    assert counting.macs(smaller, shape) < 0.4 * counting.macs(network, shape)
    loss = smaller.train()(data.normalise(pixels)).sum()
    loss.backward()  # and they learn


# What is given stays as it is


def test_the_network_given_is_left_alone(network, images):
    given_ = copy.deepcopy(network).train()
    given_.features[3].requires_grad_(False)
    before = copy.deepcopy(given_.state_dict())
    smaller = neuron_pruning.prune(given_, 0.5, "taylor", images=images.train)
    assert given_.training
    assert not smaller.training
    assert all(torch.equal(before[key], value) for key, value in given_.state_dict().items())
    assert all(p.grad is None for p in given_.parameters())
    assert not given_.features[3]._forward_pre_hooks
    assert not smaller.features[3]._forward_pre_hooks
    assert not smaller.features[3].weight.requires_grad  # frozen stays frozen
    assert smaller.features[0].weight.requires_grad


def test_a_frozen_network_and_one_in_double_precision(network, images):
    frozen = copy.deepcopy(network).requires_grad_(False)
    assert neuron_pruning.prune(frozen, 0.5, "taylor", images=images.train).widths[0] == 4
    double = neuron_pruning.prune(copy.deepcopy(network).double(), 0.5)
    assert {p.dtype for p in double.parameters()} == {torch.float64}
    with torch.no_grad():
        shape = (3, 16, 16)
        assert channels.parts(Residual().requires_grad_(False), shape)


def test_masks_are_written_in(network):
    from torch.nn.utils import parametrize, prune

    class Half(nn.Module):
        def forward(self, weight):
            return weight / 2

    masked = copy.deepcopy(network)
    parametrize.register_parametrization(masked.features[3], "weight", Half())
    smaller = neuron_pruning.remove(masked, {"features.0": [0]})
    assert torch.equal(smaller.features[3].weight, network.features[3].weight[:, 1:] / 2)
    prune.l1_unstructured(masked.features[7], "weight", 0.5)
    with pytest.raises(ValueError, match=r"features\.7 .*prune\.remove"):
        neuron_pruning.prune(masked, 0.5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_on_a_gpu(network, images):
    there = copy.deepcopy(network).cuda()
    for criterion in neuron_pruning.CRITERIA:
        smaller = neuron_pruning.prune(there, 0.5, criterion, images=images.train)
        assert {p.device.type for p in smaller.parameters()} == {"cuda"}
        assert smaller(torch.zeros(1, 3, 32, 32, device="cuda")).shape == (1, 4)


# Gradually, and by sensitivity


def test_gradual_pruning_ends_where_one_shot_does(network, images):
    whole = training.fit(network, images, 1, progress=False)[0]
    smaller, history = neuron_pruning.prune_gradually(
        whole, images, 0.6, steps=3, epochs=1, progress=False
    )
    assert smaller.widths == neuron_pruning.prune(whole, 0.6).widths
    assert [step.fraction for step in history] == pytest.approx([0.263, 0.457, 0.6], abs=1e-3)
    work = [step.macs for step in history]
    assert work == sorted(work, reverse=True)
    assert work[-1] == counting.macs(smaller, images.shape)
    assert history[-1].tuned == training.evaluate(smaller, images.val)
    narrow = models.LeafNet((1, 4, 4, 4, 4, 4), classes=4)
    kept, _ = neuron_pruning.prune_gradually(narrow, images, 0.6, steps=1, progress=False)
    assert kept.widths == (1, 2, 2, 2, 2, 2), "a layer's last channel stays"
    globally, _ = neuron_pruning.prune_gradually(
        whole, images, 0.5, steps=2, scope="global", progress=False
    )
    assert sum(globally.widths) == sum(network.widths) // 2


@pytest.mark.parametrize("kind", [lambda: models.LeafNet(6, classes=4), Residual])
def test_sensitivity_is_the_accuracy_with_one_layer_cut(kind, images):
    torch.manual_seed(3)
    network, fractions = lively(kind()), [0, 0.3, 0.6]
    found = sensitivity.sensitivity(network, images.train, fractions)
    for layer, accuracies in found.items():
        for fraction, accuracy in zip(fractions, accuracies, strict=True):
            cut = neuron_pruning.prune(network, {layer: fraction}, shape=images.shape)
            assert accuracy == pytest.approx(training.evaluate(cut, images.train))


@pytest.mark.parametrize("kind", [lambda: models.LeafNet(16, classes=4), Grouped])
@settings(max_examples=6, deadline=None)
@given(share=st.floats(0.3, 1.0), seed=st.integers(0, 99))
def test_allocation_meets_its_target(kind, share, seed):
    network, shape, fractions = kind(), (3, 32, 32), [0, 0.25, 0.5, 0.75]
    generator = torch.Generator().manual_seed(seed)
    found = {
        layer: (1 - torch.rand(4, generator=generator).sort().values).tolist()
        for layer in channels.parts(network, shape)
    }
    target = int(share * counting.macs(network, shape))
    if kind is Grouped and share < 0.8:
        target = counting.macs(network, shape)
    chosen = sensitivity.allocate(network, shape, found, fractions, target)
    assert all(0 <= fraction <= 0.75 for fraction in chosen.values())
    smaller = neuron_pruning.prune(network, chosen, shape=shape)
    reached = counting.macs(smaller, shape)
    assert reached <= target
    if kind is not Grouped:
        assert reached >= 0.9 * target  # and not far below it


def test_allocation_spares_the_layer_that_cannot_spare(network):
    found = {layer: [1.0, 0.99, 0.98] for layer in channels.parts(network)}
    found["features.10"] = [1.0, 0.5, 0.1]
    half = counting.macs(network, (3, 64, 64)) // 2
    chosen = sensitivity.allocate(network, (3, 64, 64), found, [0, 0.5, 0.75], half)
    assert chosen["features.10"] == 0
    assert min(chosen.values()) == chosen["features.10"] < max(chosen.values())


# What channels look for


def test_a_patch_is_where_the_channel_responds():
    network = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.ReLU(), nn.Flatten())
    network.append(nn.Linear(2 * 32 * 32, 4))
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].bias.zero_()
        network[0].weight[0, 0] = 1.0  # red, as much as can be seen
        network[0].weight[1, 2] = 1.0  # blue
    pixels = torch.zeros(4, 3, 32, 32, dtype=torch.uint8)
    pixels[2, 0, 10:13, 20:23] = 255
    pixels[3, 2, 0:2, 0:2] = 200
    found = channel_patches.patches(network, data.Images(pixels, torch.zeros(4).long()), side=3)
    assert (found["0"][0] == [255, 0, 0]).all()
    assert (found["0"][1][:, :, 2] > 0).any()
    with pytest.raises(ValueError, match="Residual"):
        channel_patches.patches(Residual(), data.Images(pixels, torch.zeros(4).long()))


def test_a_patch_behind_strides_and_pooling_is_cut_at_its_place():
    """Each output of the second convolution sees 7 x 7 pixels, 4 apart, from -1 on."""
    network = nn.Sequential(
        nn.Conv2d(3, 2, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(2, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 64, 3),
    )  # fmt: skip
    with torch.no_grad():
        for layer in (network[0], network[3]):
            layer.weight.zero_()
            layer.bias.zero_()
        network[0].weight[0, 0, 1, 1] = network[3].weight[1, 0] = 1.0
        network[0].weight[1, 1, 1, 1] = network[3].weight[0, 1] = 1.0
    pixels = torch.randint(0, 99, (3, 3, 32, 32), dtype=torch.uint8)
    pixels[1, 0, 14, 22] = 255  # the output in row 3, column 5
    pixels[2, 1, 0, 28] = 255  # in row 0, column 7: its patch reaches over the edge
    found = channel_patches.patches(network, data.Images(pixels, torch.zeros(3).long()), side=5)
    for channel, (image, top, left) in {1: (1, 11, 19), 0: (2, -1, 27)}.items():
        rows, columns = (torch.arange(5) + start for start in (top, left))
        cut = pixels[image][:, rows.clamp(0, 31)][:, :, columns.clamp(0, 31)]
        assert (found["3"][channel] == cut.permute(1, 2, 0).numpy()).all()


# Bad input


def bad(message, call):
    with pytest.raises(ValueError, match=message):
        call()


def test_bad_requests_are_quoted(network, images):
    importances = neuron_pruning.importance(network)
    prune, choose, remove = neuron_pruning.prune, neuron_pruning.choose, neuron_pruning.remove
    for wrong in (1.2, -0.1, 1.0, float("nan"), "half", True, None):
        bad(f"fraction must be in .*got {wrong!r}", lambda wrong=wrong: prune(network, wrong))
        bad("fraction must be in", lambda wrong=wrong: choose(importances, {"features.0": wrong}))
    bad("criterion must be one of l1.*got 'l3'", lambda: prune(network, 0.5, "l3"))
    bad("scope must be one of layer, global; got 'all'", lambda: prune(network, 0.5, scope="all"))
    bad("'conv1', which is no layer", lambda: choose(importances, {"conv1": 0.5}))
    bad("one number with scope", lambda: choose(importances, {"features.0": 0.5}, "global"))
    bad("at least one layer", lambda: choose({}, 0.5))
    for wrong in (0, -1, 2.5, True, "all"):
        bad(f"keep must be a whole number .*got {wrong!r}", lambda w=wrong: prune(network, keep=w))
    bad("either fraction or keep, got fraction=0.5, keep=4", lambda: prune(network, 0.5, keep=4))
    bad("keep names 'conv1', which is no layer", lambda: choose(importances, keep={"conv1": 2}))
    bad("keep must be one number", lambda: choose(
        importances, None, "global", keep={"features.0": 2}))  # fmt: skip
    bad("least must be .*got 0", lambda: choose(importances, 0.5, least=0))
    bad("finite numbers", lambda: choose({"a": torch.tensor([1.0, torch.nan])}, 0.5))
    none = data.Images(images.train.pixels[:0], images.train.labels[:0])
    for criterion in ("activation", "taylor"):
        bad("looks at images, got None", lambda c=criterion: prune(network, 0.5, c))
        bad("looks at images, got Images", lambda c=criterion: prune(network, 0.5, c, images=none))
    bad("'classify', which is no layer", lambda: remove(network, {"classify": [0]}))
    bad(r"channels 0 to 7 .*got \[8, -1\]", lambda: remove(network, {"features.0": [8, -1]}))
    bad(r"got \[0\.5\]", lambda: remove(network, {"features.0": [0.5]}))
    bad(r"got \[True, False\]", lambda: remove(network, {"features.0": [True, False]}))
    bad("must keep one of them; got all", lambda: remove(network, {"features.0": range(8)}))
    bad("steps must be at least 1, got 0", lambda: neuron_pruning.prune_gradually(
        network, images, 0.5, steps=0))  # fmt: skip
    bad(r"got 1\.2", lambda: neuron_pruning.prune_gradually(network, images, 1.2))
    bad("ascending", lambda: sensitivity.sensitivity(network, images.val, [0.5, 0.1]))
    bad("at least one image", lambda: sensitivity.sensitivity(network, none, [0.5]))
    bad(r"got \[1\.2\]|got 1\.2", lambda: sensitivity.sensitivity(network, images.val, [1.2]))
    found = {layer: [0.9, 0.8] for layer in importances}
    bad("macs must be at least", lambda: sensitivity.allocate(
        network, (3, 32, 32), found, [0, 0.5], 1000))  # fmt: skip
    bad("'conv1'", lambda: sensitivity.allocate(
        network, (3, 32, 32), {"conv1": [1]}, [0], 1000))  # fmt: skip


def test_networks_that_cannot_be_pruned_say_why(network):
    broken = copy.deepcopy(network)
    with torch.no_grad():
        broken.features[3].weight[0, 0, 0, 0] = torch.nan
    bad(r"features\.3\.weight holds 1 NaN", lambda: neuron_pruning.prune(broken, 0.5))
    bad("no Conv2d or Linear", lambda: neuron_pruning.prune(nn.Sequential(nn.ReLU()), 0.5))
    alone = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    bad("no channels that can go", lambda: neuron_pruning.prune(alone, 0.5))
    bad("shape must be .*got None", lambda: neuron_pruning.prune(Residual(), 0.5))
    bad("shape", lambda: neuron_pruning.prune(Residual(), 0.5, shape=(1, 16, 16)))
    tiny = neuron_pruning.prune(models.LeafNet(1), 0.9)
    assert tiny.widths == (1, 1, 1, 1, 1, 1) or min(tiny.widths) == 1  # the last one always stays


def test_without_torch_pruning_chains_go_on_and_others_are_told(network, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    assert neuron_pruning.prune(network, 0.5).widths[0] == 4
    with pytest.raises(ImportError, match="pip install torch-pruning"):
        neuron_pruning.prune(Residual(), 0.5, shape=(3, 16, 16))


class Mixes(nn.Module):
    """Removing a channel changes the others: no network for channel removal."""

    def __init__(self):
        super().__init__()
        self.conv, self.classify = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, x):
        return self.classify(self.conv(x).mean((2, 3)).softmax(1))


def test_what_would_be_computed_wrongly_is_refused():
    network, shape = lively(Mixes()), (3, 16, 16)
    with (
        pytest.warns(UserWarning, match=r"1 of 1 layers of this Mixes keep all .* \(conv\)"),
        pytest.raises(ValueError, match="this Mixes has no channels that can go"),
    ):
        neuron_pruning.prune(network, 0.5, shape=shape)
    untried = dependencies.traced(network, shape)
    with pytest.raises(ValueError, match="does not compute what"):
        channels.remove(network, {"conv": [0, 1]}, shape, untried)


# Pictures

TILES = np.random.default_rng(0).integers(0, 256, (10, 6, 6, 3), dtype=np.uint8)
PICTURES = {
    "trimming": lambda: figures.trimming([8, 10], [4, 7], TILES, 3, 1, {"MACs": 0.4}),
    "grey": lambda: figures.trimming([8, 10], [4, 7], TILES[..., :1], 3, 1, {"MACs": 0.4}),
    "work": lambda: figures.work_and_time(
        {"one": {"half": (0.25, 0.4), "third": (0.5, 0.45)}, "other": {"half": (0.25, 0.3)}}
    ),
    "curves": lambda: figures.many_curves(
        [0, 50], {"a": [1, 0.5], "b": [1, 0.5]}, "x", "y", "T", 0.1
    ),
    "runs": lambda: figures.runs({"pruned": [0.9, 0.91], "from scratch": [0.8]}, "accuracy", "T"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_drawn_and_described(name):
    picture = PICTURES[name]()
    assert picture.png().startswith(b"\x89PNG")
    told = {
        "trimming": "keeps 7 of 10 channels; all layers: 4 of 8, 7 of 10; left: MACs 40%",
        "grey": "layer 2",
        "work": "half: 40% of the time for 25% of the MACs",
        "curves": "T: y against x; a: 100%, 50%; b: 100%, 50%",
        "runs": "pruned: 90.0%, 91.0%",
    }
    assert told[name] in picture.alt


# What was recorded


@pytest.mark.slow
def test_a_recorded_row_comes_out_again():
    table = recorded.load("neuron_pruning")["quarter"]
    row = next(r for r in table["rows"] if r["way"] == "pruned, fine-tuned" and r["seed"] == 0)
    images = data.load("leaves")
    short = replace(images, train=images.train.first(4000), val=images.val.first(500))
    cut = neuron_pruning.prune(training.original(images), table["fraction"])
    assert list(cut.widths) == table["widths"]
    assert counting.macs(cut, images.shape) == row["macs"]
    tuned, _ = training.fit(cut, short, epochs=2, learning_rate=0.02, seed=0, progress=False)
    # Another processor rounds otherwise, and training carries that far.
    assert training.evaluate(tuned, images.test) == pytest.approx(row["accuracy"], abs=0.02)


def test_the_last_step_learns_as_long_as_it_is_told(network, images, monkeypatch):
    asked = []
    fit = training.fit
    monkeypatch.setattr(
        training, "fit", lambda n, d, epochs, *a, **o: asked.append(epochs) or fit(n, d, 1, *a, **o)
    )
    for last, expected in ((None, [2, 2, 2]), (5, [2, 2, 5])):
        asked.clear()
        neuron_pruning.prune_gradually(
            network, images, 0.5, steps=3, epochs=2, last_epochs=last, progress=False
        )
        assert asked == expected
