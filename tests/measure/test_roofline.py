"""The roofline: what the machine can do at best, and layers under it."""

import math

import torch

from course_lib import counting, models, roofline


def test_the_roof_is_the_lower_of_two_limits():
    roof = roofline.Roof(50e9, 10e9)
    assert roof.reachable(roof.ridge) == roof.macs_per_second
    assert roof.reachable(roof.ridge / 2) == roof.macs_per_second / 2


def test_this_machine_has_a_roof():
    roof = roofline.roof(limit_s=0.1)
    assert 0 < roof.macs_per_second < math.inf
    assert 0 < roof.bytes_per_second < math.inf


def test_layers_are_counted_as_everywhere_else():
    network = models.LeafNet(8).eval()
    threads = torch.get_num_threads()
    points = roofline.layers(network, torch.zeros(1, 3, 64, 64), limit_s=0.1)
    assert torch.get_num_threads() == threads
    assert [point.name for point in points] == list(counting.macs_by_layer(network, (3, 64, 64)))
    assert sum(point.macs for point in points) == counting.macs(network, (3, 64, 64))
    norms = 4 * 4 * sum(network.widths) + 8 * len(network.widths)
    assert (
        sum(point.bytes for point in points) == counting.moved_bytes(network, (3, 64, 64)) - norms
    )
    assert all(point.seconds > 0 for point in points)
    text = roofline.describe(points, roofline.Roof(1e9, 1e9))
    assert text.count("multiply-adds a byte") == 7
    limits = ["arithmetic" if point.intensity > 1 else "memory" for point in points]
    assert [line.split("(")[-1] for line in text.splitlines()] == [f"{each})" for each in limits]
