"""quantization: whole networks on a grid, as engines compute them, trained with it and stored."""

import copy
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torch.nn.utils import parametrize

from course_lib import (
    counting,
    data,
    engines,
    figures,
    models,
    quantization,
    recorded,
    structure,
    training,
    weight_pruning,
)

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
    ),
]


QUIETLY = {"batch_size": 16, "progress": False}


@pytest.fixture(scope="module")
def stripes():
    """Wide and narrow stripes, of any direction, phase and contrast: quick to learn."""
    rng = np.random.default_rng(0)
    count = 240
    labels, place = np.arange(count) % 2, np.arange(32)
    angle, phase, contrast = rng.uniform((0, 0, 30), (3, 6, 100), (count, 3)).T[..., None, None]
    along = np.cos(angle) * place[:, None] + np.sin(angle) * place
    waves = np.sin(along * np.where(labels, 1.2, 0.5)[:, None, None] + phase)
    waves = 128 + contrast * waves + rng.normal(0, 25, (count, 32, 32))
    pixels = np.repeat(waves.clip(0, 255).astype(np.uint8)[..., None], 3, axis=3)
    return data.from_arrays(pixels, labels)


@pytest.fixture(scope="module")
def trained(stripes):
    torch.manual_seed(0)
    network, _ = training.fit(models.LeafNet(4, 2), stripes, epochs=8, **QUIETLY)
    assert training.evaluate(network, stripes.val) > 0.95
    return network


@pytest.fixture
def untouched(trained):
    """The trained network, and a check that a test left it as it was."""
    network = copy.deepcopy(trained).train()
    network.features[0].requires_grad_(False)
    before = copy.deepcopy(network.state_dict())
    yield network
    assert network.training
    assert not network.features[0].weight.requires_grad
    assert not any(parametrize.is_parametrized(m) for m in network.modules())
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in network.modules())
    assert all(p.grad is None for p in network.parameters())
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


# Weights


@settings(max_examples=15, deadline=None)
@given(
    bits=st.integers(2, 16), per_channel=st.booleans(), symmetric=st.booleans(),
    width=st.integers(1, 6), seed=st.integers(0, 99),
)  # fmt: skip
def test_weights_come_to_lie_on_their_grid(bits, per_channel, symmetric, width, seed):
    torch.manual_seed(seed)
    network = models.LeafNet(width)
    rounded = quantization.quantize_weights(network, bits, per_channel, symmetric)
    stored = quantization.integer_weights(network, bits, per_channel, symmetric)
    low, high = quantization.limits(bits, symmetric)
    for name, (integers, scale, zero_point) in stored.items():
        before, after = (n.get_submodule(name).weight for n in (network, rounded))
        assert scale.numel() == (len(before) if per_channel else 1)
        assert low <= integers.min() <= integers.max() <= high
        assert torch.equal(after, quantization.dequantize(integers, scale, zero_point))
        step = scale * (0.5 if symmetric else 1.0) + 1e-5
        assert bool(((after - before).abs() <= step).all())


@pytest.mark.parametrize("make", [lambda: models.LeafNet(4), models.LeNet5, models.LeNet300100])
def test_more_bits_and_a_scale_for_each_channel_come_closer(make):
    torch.manual_seed(0)
    network = make()
    with torch.no_grad():
        for layer in structure.layers(network).values():  # channels of different sizes
            layer.weight.mul_(
                torch.rand(len(layer.weight)).view(-1, *[1] * (layer.weight.ndim - 1))
            )

    def error(**settings):
        other = quantization.quantize_weights(network, **settings)
        pairs = zip(network.parameters(), other.parameters(), strict=True)
        return sum((after - before).square().sum().item() for before, after in pairs)

    errors = [error(bits=bits) for bits in range(2, 17)]
    assert errors == sorted(errors, reverse=True)
    assert error(bits=4) < 0.7 * error(bits=4, per_channel=False)


def test_only_the_layers_named_are_rounded(untouched):
    rounded = quantization.quantize_weights(untouched, 2, names=["classify"])
    assert len(rounded.classify.weight[0].unique()) <= 3
    assert torch.equal(rounded.features[0].weight, untouched.features[0].weight)
    assert not rounded.training
    assert not rounded.features[0].weight.requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("device", DEVICES)
def test_device_and_type_are_kept(trained, stripes, device, dtype):
    network = copy.deepcopy(trained).to(device, dtype)
    ranges = quantization.calibrate(network, stripes.val)
    images = data.normalise(stripes.val.pixels[:4]).to(device, dtype)
    for made in (
        quantization.quantize_weights(network, 4),
        quantization.quantize_network(network, ranges),
        quantization.simulate(network, 4, ranges),
        quantization.codebook(network, 4)[0],
    ):
        with torch.inference_mode():
            logits = made(images)
        assert (logits.device.type, logits.dtype) == (device, dtype)


# Networks


def test_eight_bits_change_next_to_nothing_and_two_bits_much(untouched, stripes):
    ranges = quantization.calibrate(untouched, stripes.val)
    before = training.predict(untouched, stripes.val)

    def moved(**bits):
        rounded = quantization.quantize_network(untouched, ranges, **bits)
        return ((training.predict(rounded, stripes.val) - before).abs().max() / before.std()).item()

    assert moved() < 0.1
    assert moved(weight_bits=16, activation_bits=16) < 0.001
    assert moved(activation_bits=2) > 5 * moved()
    assert moved(weight_bits=2) > 5 * moved()


def test_the_inputs_of_every_layer_lie_on_their_grid(trained, stripes):
    ranges = quantization.calibrate(trained, stripes.train, "percentile")
    rounded = quantization.quantize_network(trained, ranges, activation_bits=3)
    seen = {}
    for name, layer in structure.layers(rounded).items():
        layer.register_forward_pre_hook(lambda _, x, name=name: seen.update({name: x[0].unique()}))
    training.predict(rounded, stripes.val)
    assert list(seen) == list(ranges)
    assert all(len(values) <= 8 for values in seen.values())
    assert all(0.0 in values for values in seen.values())


def test_copies_and_checkpoints_keep_the_rounding(trained, stripes, tmp_path):
    ranges = quantization.calibrate(trained, stripes.train)
    rounded = quantization.quantize_network(trained, ranges, activation_bits=2)
    expected = training.predict(rounded, stripes.val)
    for made in (copy.deepcopy(rounded), structure.plain(rounded)):
        assert torch.equal(training.predict(made, stripes.val), expected)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
def test_networks_with_branches_are_quantized_too(name, stripes):
    from torchvision import models as known

    torch.manual_seed(0)
    network = getattr(known, name)(num_classes=5).eval()
    images = stripes.val.first(6)
    ranges = quantization.calibrate(network, images)
    before = training.predict(network, images)
    after = training.predict(quantization.quantize_network(network, ranges), images)
    assert 0 < (after - before).abs().max() < 0.2 * before.abs().max()


def test_bad_requests_are_quoted(trained, stripes):
    ranges = quantization.calibrate(trained, stripes.val)
    for bits in (1, 64, 3.5):
        for call in (
            lambda bits: quantization.quantize_weights(trained, bits),
            lambda bits: quantization.quantize_network(trained, ranges, weight_bits=bits),
            lambda bits: quantization.quantize_network(trained, ranges, activation_bits=bits),
            lambda bits: quantization.simulate(trained, bits),
            lambda bits: quantization.train_quantized(trained, stripes, bits),
            lambda bits: quantization.stored_bytes(trained, bits),
        ):
            with pytest.raises(ValueError, match="bits must be a whole number from 2 to 16, got"):
                call(bits)
    some = {"classify": (0.0, 1.0), "conv9": (0.0, 1.0)}
    with pytest.raises(ValueError, match=r"missing: features\.0, .*not in the network: conv9"):
        quantization.quantize_network(trained, some)
    rounded = quantization.quantize_network(trained, ranges)
    with pytest.raises(ValueError, match="are rounded already"):
        quantization.quantize_network(rounded, ranges)
    with pytest.raises(ValueError, match="has no Conv2d or Linear layer"):
        quantization.quantize_weights(nn.Sequential(nn.ReLU()), 8)
    with pytest.raises(ValueError, match="no Conv2d or Linear layer named 'conv9'"):
        quantization.quantize_weights(trained, 8, names=["conv9"])
    broken = copy.deepcopy(trained)
    broken.classify.weight.data[0, 0] = float("inf")
    for call in (
        lambda: quantization.quantize_weights(broken, 8),
        lambda: quantization.simulate(broken, 8),
        lambda: quantization.stored_bytes(broken, 8),
    ):
        with pytest.raises(ValueError, match=r"classify\.weight holds 1 NaN or infinite"):
            call()


# Training


def test_training_with_rounding_wins_back_what_rounding_lost(trained, stripes):
    after_training = quantization.quantize_weights(trained, 2)
    network, history = quantization.train_quantized(trained, stripes, bits=2, epochs=4, **QUIETLY)
    lost, won = (training.evaluate(n, stripes.val) for n in (after_training, network))
    assert won > lost + 0.1
    assert history.validation_accuracy[history.best_epoch] == won
    whole = structure.plain(network)
    assert not any(parametrize.is_parametrized(m) for m in whole.modules())
    for layer in structure.layers(whole).values():
        assert all(len(channel.unique()) <= 3 for channel in layer.weight)
    assert torch.allclose(
        training.predict(whole, stripes.val), training.predict(network, stripes.val), atol=1e-5
    )
    # The weights behind are still real numbers, and any training goes on from there.
    assert len(network.classify.parametrizations.weight.original[0].unique()) > 3
    further, _ = training.fit(network, stripes, epochs=1, keep="last", **QUIETLY)
    layer = structure.plain(further).classify.weight
    assert not torch.equal(layer, whole.classify.weight)
    assert all(len(channel.unique()) <= 3 for channel in layer)


def test_folding_a_trained_network_keeps_its_weights_on_their_grid(trained):
    folded = quantization.fold_batch_norm(quantization.simulate(trained, 3))
    for layer in structure.layers(folded).values():
        for channel in layer.weight:
            steps = channel / channel.abs()[channel != 0].min()
            assert torch.allclose(steps, steps.round(), atol=1e-4)
            assert steps.abs().max() < 3.5


def test_masks_survive_training_with_rounding(trained, stripes):
    class Mask(nn.Module):
        def __init__(self, kept):
            super().__init__()
            self.register_buffer("kept", kept)

        def forward(self, weight):
            return weight * self.kept

    network = copy.deepcopy(trained)
    kept = network.classify.weight > 0
    parametrize.register_parametrization(network.classify, "weight", Mask(kept))
    ranges = quantization.calibrate(network, stripes.val)
    after, _ = quantization.train_quantized(network, stripes, 4, epochs=1, ranges=ranges, **QUIETLY)
    assert bool((structure.plain(after).classify.weight[~kept] == 0).all())


def test_frozen_layers_are_rounded_and_do_not_learn(untouched, stripes):
    simulated = quantization.simulate(untouched, 4)
    assert not simulated.training
    after, _ = training.fit(simulated, stripes, epochs=1, keep="last", **QUIETLY)
    first, before = after.features[0], simulated.features[0]
    assert torch.equal(first.weight, before.weight)
    assert len(first.weight[0].unique()) <= 15
    with pytest.raises(ValueError, match="every parameter is frozen"):
        quantization.train_quantized(copy.deepcopy(untouched).requires_grad_(False), stripes, 4)


def test_a_channel_of_zeros_stays_zero(trained):
    network = copy.deepcopy(trained)
    network.features[3].weight.data[1] = 0
    for made in (quantization.quantize_weights(network, 2), quantization.simulate(network, 2)):
        weight = made.features[3].weight
        assert bool((weight[1] == 0).all())
        assert bool(weight.isfinite().all())


# Bytes


@settings(max_examples=10, deadline=None)
@given(bits=st.integers(2, 8), per_channel=st.booleans(), symmetric=st.booleans())
def test_stored_bytes_are_those_of_what_would_be_written(bits, per_channel, symmetric):
    network = models.LeafNet(5)
    stored = quantization.integer_weights(network, bits, per_channel, symmetric)
    low, _ = quantization.limits(bits, symmetric)
    written = 0
    for integers, scale, zero_point in stored.values():
        codes = (integers.numpy().astype(int) - low).astype(np.uint8).reshape(-1, 1)
        written += len(np.packbits(np.unpackbits(codes, axis=1)[:, -bits:])) + 4 * scale.numel()
        written += 0 if symmetric else zero_point.numel()
    layers = structure.layers(network)
    weights = {f"{name}.weight" for name in layers}
    for name, tensor in network.state_dict().items():
        written += 0 if name in weights else tensor.numel() * tensor.element_size()
    assert quantization.stored_bytes(network, bits, per_channel, symmetric) == written
    assert quantization.stored_bytes(network, 32) == counting.weight_bytes(network)


# Agreement


@pytest.mark.long
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("per_channel", [True, False])
def test_torchao_makes_the_same_integers(trained, symmetric, per_channel):
    primitives = pytest.importorskip(
        "torchao.quantization.quant_primitives", reason="torchao is an optional peer to compare to"
    )
    network = quantization.fold_batch_norm(trained)
    for name, ours in quantization.integer_weights(network, 8, per_channel, symmetric).items():
        weight = network.get_submodule(name).weight.detach()
        block = (1, *weight.shape[1:]) if per_channel else tuple(weight.shape)
        kind = primitives.MappingType
        low, high = quantization.limits(8, symmetric)
        scale, zero_point = primitives.choose_qparams_affine(
            weight,
            # Its plain SYMMETRIC divides by 127.5, for a range of -128 to 127.
            kind.SYMMETRIC_NO_CLIPPING_ERR if symmetric else kind.ASYMMETRIC,
            block, torch.int8, low, high,
        )  # fmt: skip
        theirs = primitives.quantize_affine(weight, block, scale, zero_point, torch.int8, low, high)
        assert torch.allclose(ours.scale.flatten(), scale.flatten(), rtol=1e-6)
        assert (ours.zero_point.flatten() - zero_point.flatten()).abs().max() <= 1
        steps = (ours.integers.int() - theirs.int()).abs()
        assert steps.max() <= 1
        assert not symmetric or (steps > 0).double().mean() < 0.001


@pytest.mark.long
def test_onnx_runtime_stores_the_same_integers_and_computes_the_same(trained, stripes):
    pytest.importorskip("onnxruntime", reason="without onnxruntime no engine to compare with")
    from course_lib import engines

    exported = engines.onnx(trained, stripes.shape)
    engine = engines.int8(exported, stripes.train, 100)
    for name, ours in quantization.integer_weights(quantization.fold_batch_norm(trained)).items():
        theirs = engine.initializers[f"{name}.weight_quantized"].astype(int)
        theirs = theirs if theirs.shape == ours.integers.shape else theirs.T
        assert np.abs(theirs - ours.integers.numpy()).max() <= 1
        scale = engine.initializers[f"{name}.weight_scale"]
        assert np.allclose(scale, ours.scale.flatten(), rtol=1e-5)
    ranges = quantization.calibrate(trained, stripes.train.first(100))
    simulated = quantization.quantize_network(trained, ranges)
    ours, theirs = (training.predict(n, stripes.test) for n in (simulated, engine_module(engine)))
    before = training.predict(trained, stripes.test)
    # Closer to each other than to float: it is the same rounding.
    assert (ours - theirs).abs().mean() < 0.05 * before.std()
    assert (ours.argmax(1) == theirs.argmax(1)).double().mean() > 0.97


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
def test_onnx_runtime_agrees_on_networks_with_branches(name, stripes):
    pytest.importorskip("onnxruntime", reason="without onnxruntime no engine to compare with")
    from torchvision import models as known

    from course_lib import engines

    network = getattr(known, name)(num_classes=5).eval()
    images = stripes.val.first(12)
    engine = engines.int8(engines.onnx(network, stripes.shape), images, 12)
    for layer, ours in quantization.integer_weights(quantization.fold_batch_norm(network)).items():
        theirs = engine.initializers[f"{layer}.weight_quantized"].astype(int)
        theirs = theirs if theirs.shape == ours.integers.shape else theirs.T
        assert np.abs(theirs - ours.integers.numpy()).max() <= 1
    ranges = quantization.calibrate(network, images)
    simulated = quantization.quantize_network(network, ranges)
    before, ours, theirs = (
        training.predict(n, images) for n in (network, simulated, engine_module(engine))
    )
    assert (ours - before).abs().max() < 0.2 * before.abs().max()
    assert (theirs - before).abs().max() < 0.2 * before.abs().max()


# What training with rounding leaves for an engine


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_trained_integers_are_those_of_the_folded_network(trained, stripes, bits):
    network = copy.deepcopy(trained)
    with torch.no_grad():
        network.features[1].weight[0] *= -1  # a batch norm that turns its channel's sign
    simulated = quantization.simulate(network, bits)
    plain, integers = quantization.trained_integers(simulated)
    low, high = quantization.limits(bits, symmetric=True)
    inputs, _ = next(stripes.val.batches(20))
    with torch.no_grad():
        expected = quantization.fold_batch_norm(simulated)(inputs)
        torch.testing.assert_close(plain(inputs), expected, rtol=0.05, atol=0.05)
    for name, (whole, scale, zero_point) in integers.items():
        assert whole.dtype == torch.int8
        assert low <= whole.min() <= whole.max() <= high
        assert not zero_point.any()
        assert (scale > 0).all()
        assert (scale.view(torch.int32) & 0xFFFF == 0).all()  # eight significant bits
        torch.testing.assert_close(
            plain.get_parameter(f"{name}.weight").data, whole * scale, rtol=0, atol=0
        )
        rounding = simulated.get_submodule(name).parametrizations.weight[0]
        before = (simulated.get_submodule(name).weight / rounding.scale).round().abs()
        assert torch.equal(before, whole.abs().float())


def test_trained_integers_keep_masks_and_channels_of_zeros(trained):
    masks = weight_pruning.masks(trained, 0.8)
    masked = weight_pruning.masked(trained, masks)
    masks["features.3"][1] = False
    masked = weight_pruning.masked(masked, {"features.3": masks["features.3"]})
    _, integers = quantization.trained_integers(quantization.simulate(masked, 3))
    for name, mask in masks.items():
        assert not integers[name].integers[~mask].any()
        assert (integers[name].scale > 0).all()


def test_channels_that_are_constant_keep_their_bias_in_the_engine(stripes):
    """All zero, or so weak beside its bias that no int32 holds the bias in its steps."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4),
    ).eval()  # fmt: skip
    with torch.no_grad():
        network[0].bias += torch.tensor([5.0, 4.0, 3.0, 2.0])
        network[0].weight[0] = 0
        network[0].weight[1] *= 1e-12
        network[4].weight[2:] = 0
        network[4].bias[2:] = torch.tensor([7.0, 9.0])
    plain, integers = quantization.trained_integers(quantization.simulate(network, 4))
    exported = engines.onnx(plain, stripes.shape)
    engine = engines.int8(exported, stripes.train, 60, weights=integers)
    inputs, _ = next(stripes.test.batches(24))
    with torch.no_grad():
        expected = plain(inputs)
    assert (engine(inputs) - expected).abs().max() < 0.05 * expected.abs().max()


def test_trained_integers_need_rounded_weights(trained):
    with pytest.raises(ValueError, match=r"features\.0 are not rounded; simulate"):
        quantization.trained_integers(trained)


def test_the_engine_keeps_trained_integers(trained, stripes):
    plain, integers = quantization.trained_integers(quantization.simulate(trained, 3))
    exported = engines.onnx(plain, stripes.shape)
    engine = engines.int8(exported, stripes.train, 60, weights=integers)
    stored = engine.initializers
    for name, (whole, scale, _) in integers.items():
        kept = torch.tensor(stored[f"{name}.weight_quantized"])
        assert torch.equal(kept if kept.shape == whole.shape else kept.T, whole)
        assert stored[f"{name}.weight_scale"].tolist() == scale.flatten().tolist()
    inputs, _ = next(stripes.test.batches(24))
    with torch.no_grad():
        expected = plain(inputs)
    assert (engine(inputs) - expected).abs().max() < 0.1 * expected.abs().max()
    assert (engine(inputs).argmax(1) == expected.argmax(1)).float().mean() > 0.9
    assert {n.op_type for n in engine.graph.node} >= {"QLinearConv", "QGemm"}
    some = {"features.3": integers["features.3"]}  # the others are the engine's to choose
    engine = engines.int8(exported, stripes.train, 60, weights=some)
    assert np.abs(engine.initializers["features.3.weight_quantized"]).max() <= 3
    assert np.abs(engine.initializers["features.7.weight_quantized"]).max() == 127
    wrong = integers | {"other": integers["features.0"]}
    with pytest.raises(ValueError, match="no layers named other"):
        engines.int8(exported, stripes.train, 60, weights=wrong)


@pytest.mark.slow
def test_a_recorded_row_is_found_again():
    recorded_rows = recorded.load("quantization")["bits"]
    images = data.load("leaves")
    network = quantization.fold_batch_norm(training.original(images))
    row = next(
        row for row in recorded_rows["rows"]
        if row["way"] == "one scale a channel" and row["bits"] == 3
    )  # fmt: skip
    assert quantization.stored_bytes(network, 3) == row["bytes"]
    test = images.test.first(recorded_rows["test_images"])
    accuracy = training.evaluate(quantization.quantize_weights(network, 3), test)
    assert accuracy == pytest.approx(row["accuracy"], abs=0.002)


def engine_module(engine):
    """The engine as something that training.predict can call."""

    class Module(nn.Module):
        def forward(self, images):
            return engine(images)

    return Module()


# Pictures

WEIGHTS = np.random.default_rng(0).normal(0, 0.1, 500)
PICTURES = {
    "number_grids": lambda: figures.number_grids(
        3.14159, {"4 bits": (np.linspace(-4, 4, 15), 2.857), "8 bits": (np.arange(-4, 4, 0.1), 3.1)}
    ),
    "weight_grid": lambda: figures.weight_grid(
        WEIGHTS, WEIGHTS.round(1), "layer 1", 3, {"32 bits": 0.98, "3 bits": 0.9},
        {"32 bits": 4.6e6, "3 bits": 4.4e5},
    ),
    "many values": lambda: figures.outlier({"8 bits": (WEIGHTS, WEIGHTS.round(3))}, 0.4),
    "outlier": lambda: figures.outlier(
        {"as trained": (WEIGHTS, WEIGHTS.round(1)), "one outlier": (WEIGHTS, WEIGHTS.round(0))}, 0.4
    ),
    "engine_times": lambda: figures.engine_times(
        {"tiny": (0.004, 0.006), "large": (2.0, 0.5)}, ["float32", "int8"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_drawn_readable_and_described(name):
    made = PICTURES[name]()
    pixels = np.asarray(Image.open(io.BytesIO(made.png())).convert("RGB"), dtype=int)
    assert pixels.shape[1] >= 100
    assert (pixels < 128).any(axis=2).mean() > 0.002
    assert len(made.alt) > 15


def test_descriptions_carry_the_data():
    assert "3.14159 becomes 2.857 with 4 bits; 3.1 with 8 bits" in PICTURES["number_grids"]().alt
    assert "500 different weights become 8" in PICTURES["weight_grid"]().alt
    assert "3 bits 90% named right, 440 kB" in PICTURES["weight_grid"]().alt
    assert "one outlier: 1 values left" in PICTURES["outlier"]().alt
    assert "tiny 1.5x slower; large 4x faster" in PICTURES["engine_times"]().alt


def test_a_scale_that_training_carried_below_zero_is_still_a_step(noise):
    torch.manual_seed(0)
    simulated = quantization.simulate(models.LeafNet(4, classes=3), 3)
    with torch.no_grad():
        for layer in structure.layers(simulated).values():
            layer.parametrizations.weight[-1].scale[0] *= -1
    plain, integers = quantization.trained_integers(simulated)
    images = next(noise.batches(8))[0]
    torch.testing.assert_close(plain(images), simulated(images), rtol=0.02, atol=0.02)
    assert all((each.scale > 0).all() for each in integers.values())
    assert all(each.integers[0].any() for each in integers.values())
    folded = quantization.fold_batch_norm(simulated)
    for name, layer in structure.layers(folded).items():
        written = plain.get_submodule(name).weight
        torch.testing.assert_close(written, layer.weight, rtol=0.01, atol=1e-6)
