"""Rounding that makes up for itself: smaller errors than the nearest integers, within 7 bits."""

import pytest
import torch
from torch import nn

from course_lib.deploy import entropy_coding
from course_lib.techniques import optimal_rounding
from course_lib.techniques.optimal_rounding import MOST


def photos(count=96, seed=0):
    """Smooth pictures: their pixels go together, as those of photos do."""
    noise = torch.randn(count, 3, 5, 5, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(noise + 1, size=16, mode="bicubic")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 16, 3, stride=2), nn.ReLU6(),
        nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.ReLU6(), nn.Conv2d(16, 24, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 6),
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def seen(network):
    return optimal_rounding.moments(network, photos(), batch_size=32)


def error(network, other):
    images = photos(seed=1)  # others than it was rounded by
    with torch.inference_mode():
        return float((network(images) - other(images)).square().mean())


@pytest.mark.parametrize("harm", [1e-4, 1e-2])
def test_it_beats_the_nearest_integers_at_the_same_steps(network, seen, harm):
    steps = optimal_rounding.steps(network, seen, harm)
    found = optimal_rounding.rounded(network, seen, steps)
    nearest = {}
    for name, layer in network.named_modules():
        if name in found:
            scale = found[name].quantized.scale
            integers = (layer.weight / scale).round().clamp(-MOST, MOST).to(torch.int8)
            quantized = found[name].quantized._replace(integers=integers)
            nearest[name] = optimal_rounding.Rounded(quantized, layer.bias.detach())
    ours = error(network, optimal_rounding.written(network, found))
    theirs = error(network, optimal_rounding.written(network, nearest))
    assert ours < theirs / 4


def test_bits_are_spread_where_they_do_good(network, seen):
    """At as many bits in all, one step for every weight does more harm."""
    steps = optimal_rounding.steps(network, seen, 1e-3)
    found = optimal_rounding.rounded(network, seen, steps)

    def bits(rounded):
        arrays = [each.quantized.integers.numpy() for each in rounded.values()]
        return sum(entropy_coding.encode(arrays).sizes)

    for one in torch.logspace(-3, 0, 60).flip(0).tolist():
        flat = {
            name: torch.full_like(step, one).maximum(
                dict(network.named_modules())[name].weight.flatten(1).abs().amax(1) / MOST
            ).detach()
            for name, step in steps.items()
        }  # fmt: skip
        other = optimal_rounding.rounded(network, seen, flat)
        if bits(other) >= bits(found):
            break
    ours = error(network, optimal_rounding.written(network, found))
    assert ours < error(network, optimal_rounding.written(network, other))


def test_less_harm_is_more_levels_and_a_smaller_error(network, seen):
    levels, errors = [], []
    for harm in (1e-1, 1e-3, 1e-6):
        steps = optimal_rounding.steps(network, seen, harm)
        found = optimal_rounding.rounded(network, seen, steps)
        levels.append(sum(len(each.quantized.integers.unique()) for each in found.values()))
        errors.append(error(network, optimal_rounding.written(network, found)))
    assert levels == sorted(levels)
    assert errors == sorted(errors, reverse=True)


def test_integers_fit_processors_without_vnni_and_scales_are_few(network, seen):
    steps = optimal_rounding.steps(network, seen, 1e-9)
    for each in optimal_rounding.rounded(network, seen, steps).values():
        assert each.quantized.integers.dtype == torch.int8
        assert int(each.quantized.integers.abs().max()) <= MOST
        octaves = each.quantized.scale.log2() * optimal_rounding.SCALES
        torch.testing.assert_close(octaves, octaves.round(), atol=1e-4, rtol=0)
    assert 255 * MOST * 2 < 2**15


def test_windows_are_what_the_convolution_multiplies(network, seen):
    """The mean products of a layer's inputs, from the definition."""
    images = photos()
    with torch.inference_mode():
        inner = network[:3](images)
    windows = nn.functional.unfold(inner[:, 5:6], 3, padding=1).transpose(1, 2).reshape(-1, 9)
    windows = torch.cat([windows, torch.ones(len(windows), 1)], 1)
    expected = windows.T @ windows / len(windows)
    torch.testing.assert_close(seen["3"].inputs[5], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"stride": (2, 1), "padding": (1, 0)},
        {"stride": (1, 3), "padding": (0, 2)},
        {"kernel_size": (3, 5), "padding": (0, 1), "groups": 2},
        {"out_channels": 2, "groups": 2, "kernel_size": 1},
    ],
)
def test_windows_of_any_layer_give_its_outputs(options):
    layer = nn.Conv2d(**{"in_channels": 4, "out_channels": 6, "kernel_size": (2, 3), **options})
    inputs = torch.randn(2, 4, 9, 11)
    windows = optimal_rounding._windows(layer, inputs)
    weights = layer.weight.unflatten(0, (layer.groups, -1)).flatten(2)
    weights = torch.cat([weights, layer.bias.reshape(layer.groups, -1, 1)], -1)
    outputs = torch.einsum("gpw,gow->gop", windows, weights).flatten(0, 1)
    wanted = layer(inputs).transpose(0, 1).flatten(1)
    torch.testing.assert_close(outputs, wanted)


def test_of_many_places_some_are_looked_at_in_rows_and_columns_alike(monkeypatch):
    monkeypatch.setattr(optimal_rounding, "PLACES", 120)
    inputs = torch.randn(2, 4, 6, 40)  # 480 places
    windows = optimal_rounding._windows(nn.Conv2d(4, 3, 1), inputs)
    assert windows.shape == (1, 2 * 3 * 20, 4 + 1)
    expected = inputs[:, :, 1::2, 1::2].permute(0, 2, 3, 1).reshape(1, -1, 4)
    assert torch.equal(windows[..., :4], expected)


def test_the_network_is_left_alone_and_writing_gives_what_integers_stand_for(network, seen):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    steps = optimal_rounding.steps(network, seen, 1e-3)
    found = optimal_rounding.rounded(network, seen, steps)
    written = optimal_rounding.written(network, found)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    integers, scale, _ = found["8"].quantized
    assert torch.equal(written[8].weight, integers * scale)


def test_a_channel_that_no_picture_lights_up_keeps_its_weights(network):
    quiet = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 256, 3)).eval()
    with torch.no_grad():
        quiet[0].bias[2] = -1000.0
    seen = optimal_rounding.moments(quiet, photos())
    assert float(seen["0"].sensitivity[2]) == 0
    steps = optimal_rounding.steps(quiet, seen, 1e-5)
    found = optimal_rounding.rounded(quiet, seen, steps)
    assert found["0"].quantized.integers[2].abs().max() >= optimal_rounding.FEWEST


def test_what_cannot_be_rounded_is_said():
    with pytest.raises(ValueError, match=r"layer '0' has 2 groups; only one, or one for each of"):
        optimal_rounding.moments(nn.Sequential(nn.Conv2d(4, 8, 1, groups=2)), photos())
    with pytest.raises(ValueError, match="harm must be above zero, got 0"):
        optimal_rounding.steps(nn.Linear(3, 3), {}, 0)
