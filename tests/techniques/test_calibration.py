"""calibration: the ranges that images give, three ways, without keeping what flows."""

import copy

import pytest
import torch
from torch import nn

from course_lib import data, models
from course_lib.techniques import calibration
from course_lib.techniques.calibration import METHODS, calibrate
from course_lib.techniques.integers import fake_quantize, scale_and_zero_point


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return models.LeafNet(4, 3).eval()


@pytest.fixture(scope="module")
def images():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (30, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return data.Images(pixels, torch.zeros(30, dtype=torch.int64))


def inputs_of(network, images):
    """Everything that goes into each layer, kept: what calibration must not do."""
    seen, network = {}, copy.deepcopy(network)
    for name, layer in network.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_pre_hook(lambda _, x, name=name: seen.update({name: x[0]}))
    with torch.inference_mode():
        network(data.normalise(images.pixels))
    return seen


def test_minmax_is_the_smallest_and_the_largest_value_that_flows(network, images):
    seen = inputs_of(network, images)
    for batch_size in (7, 30):
        ranges = calibrate(network, images, batch_size=batch_size)
        assert list(ranges) == list(seen)
        for name, (low, high) in ranges.items():
            assert low == pytest.approx(seen[name].min().item(), abs=1e-5)
            assert high == pytest.approx(seen[name].max().item(), abs=1e-5)


def test_percentile_leaves_out_one_value_in_ten_thousand(network, images):
    seen = inputs_of(network, images)
    for name, (low, high) in calibrate(network, images, "percentile").items():
        values = seen[name].flatten()
        width = (values.max() - values.min()).item() / 2048
        for beyond in (low - values, values - high):  # above zero: outside of the range
            assert (beyond > 1e-6).double().mean() <= 0.0001
            assert (beyond >= -1.01 * width).double().mean() >= 0.0001  # no wider than needed


def test_percentile_cuts_both_ends_alike():
    """Of 2,048 equal bins, one value in ten thousand at each end lies in the outermost one."""
    counts = torch.zeros(calibration.BINS, dtype=torch.float64)
    counts[0] = counts[-1] = 0.5
    counts[600:1400] = 20
    low, high = calibration._percentile(counts, -1.0, 1.0, 8)
    width = 2 / calibration.BINS
    assert (low, high) == (pytest.approx(-1 + 600 * width), pytest.approx(-1 + 1400 * width))


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_mse_has_the_smallest_error_of_the_three(network, images, bits):
    seen = inputs_of(network, images)

    def error(name, ranges):
        scale, zero_point = scale_and_zero_point(*ranges[name], bits)
        return (fake_quantize(seen[name], scale, zero_point, bits) - seen[name]).square().mean()

    ranges = {how: calibrate(network, images, how, bits) for how in METHODS}
    for name in seen:
        errors = {how: error(name, ranges[how]).item() for how in METHODS}
        assert errors["mse"] <= 1.02 * min(errors.values())


def test_fewer_bits_cut_off_more(network, images):
    few, many = (calibrate(network, images, "mse", bits) for bits in (2, 8))
    assert all(few[name][1] < many[name][1] for name in few)


@pytest.mark.parametrize("method", METHODS)
def test_constant_inputs_and_other_networks_are_calibrated_too(method):
    dark = data.Images(torch.zeros(3, 1, 28, 28, dtype=torch.uint8), torch.zeros(3).long())
    for make in (models.LeNet5, models.LeNet300100):
        ranges = calibrate(make(), dark, method)
        first = ranges[next(iter(ranges))]
        assert first[0] <= first[1] <= 0
        assert scale_and_zero_point(*first)[0] > 0


def test_the_network_given_is_left_alone(images):
    network = models.LeafNet(4, 3).train()
    before = copy.deepcopy(network.state_dict())
    ranges = calibrate(network, images)
    assert network.training
    assert not any(layer._forward_pre_hooks for layer in network.modules())
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert ranges == calibrate(network.eval(), images)


def test_bad_requests_are_quoted(network, images):
    with pytest.raises(ValueError, match="at least one image to calibrate with, got none"):
        calibrate(network, images.first(0))
    with pytest.raises(ValueError, match="one of minmax, percentile, mse, got 'entropy'"):
        calibrate(network, images, "entropy")
    with pytest.raises(ValueError, match="from 2 to 16, got 1"):
        calibrate(network, images, "mse", bits=1)
    with pytest.raises(ValueError, match="has no Conv2d or Linear layer"):
        calibrate(nn.Sequential(nn.ReLU()), images)
    broken = copy.deepcopy(network)
    broken.features[0].weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"features\.0\.weight holds 1 NaN"):
        calibrate(broken, images)
    huge = copy.deepcopy(network)
    for norm in (huge.features[1], huge.features[4]):
        norm.weight.data.fill_(3e38)
    with pytest.raises(ValueError, match=r"inputs of layer 'features\.\d+' are not all numbers"):
        calibrate(huge, images)
