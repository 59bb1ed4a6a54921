"""When the app says "not sure": leaves are named, other things and doubtful leaves are not."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from course_lib import leaves, models, packing, recorded, rejection
from course_lib.images.data import Images
from course_lib.images.out_of_distribution import KINDS


def rendered(count, seed):
    pixels, labels = leaves.render(count, seed)
    channels_first = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
    return Images(channels_first, torch.from_numpy(labels))


@pytest.fixture(scope="module")
def network():
    return packing.load(models.WEIGHTS / "leaves.packed")


@pytest.fixture(scope="module")
def chosen_on():
    """Validation leaves and other things."""
    return rendered(300, seed=2), rejection.others("calibrate", 20)


@pytest.fixture(scope="module")
def rule(network, chosen_on):
    return rejection.calibrate(network, *chosen_on)


@pytest.fixture(scope="module")
def with_pattern(network, chosen_on):
    return rejection.calibrate(network, *chosen_on, pattern=True, turns=4)


def accepted(rule, network, images):
    labels, sure = rule.decide(rejection.answers(network, images, rule.turns))
    return sure, labels == images.labels


def test_a_network_in_training_mode_is_asked_in_evaluation_mode():
    torch.manual_seed(0)
    network = models.LeafNet(4, classes=3).train()
    network.features[1].eval()
    modes = [module.training for module in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    pixels = torch.randint(0, 256, (9, 3, 32, 32), dtype=torch.uint8)
    images = Images(pixels, torch.zeros(9, dtype=torch.long))
    asked = rejection.answers(network, images, turns=2)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(asked, rejection.answers(network.eval(), images, turns=2))


# On leaves and other things


def test_most_leaves_that_are_named_right_are_accepted(rule, with_pattern, network):
    fresh = rendered(240, seed=8)
    for each in (rule, with_pattern):
        sure, right = accepted(each, network, fresh)
        assert 0.87 < sure[right].float().mean() <= 1
        assert right[sure].float().mean() >= right.float().mean()


def test_the_share_that_was_asked_for_is_accepted_of_what_it_was_chosen_on(network, chosen_on):
    images, others = chosen_on
    for accept in (0.8, 0.95, 1.0):
        rule = rejection.calibrate(network, images, others, accept)
        sure, right = accepted(rule, network, images)
        assert accept <= sure[right].float().mean() < accept + 0.02


def test_a_ground_without_a_leaf_is_never_named(rule, with_pattern, network):
    grounds = rejection.others_by_kind("judge", 40)["grounds"]
    for each in (rule, with_pattern):
        assert accepted(each, network, grounds)[0].sum() == 0


def test_a_pattern_refuses_more_of_other_things(rule, with_pattern, network):
    others = rejection.others("judge", 40)
    named = [accepted(each, network, others)[0].float().mean() for each in (rule, with_pattern)]
    assert named[1] < named[0] / 2
    assert named[1] < 0.1


# The rule


def test_a_rule_goes_through_json(rule, with_pattern):
    assert list(rule.as_dict()) == ["temperature", "probability", "evidence"]
    logits = 5 * torch.randn(4, 50, 12, generator=torch.Generator().manual_seed(0))
    for each in (rule, with_pattern):
        again = rejection.Rule(**json.loads(json.dumps(each.as_dict(), allow_nan=False)))
        assert again == each
        for before, after in zip(each.decide(logits), again.decide(logits), strict=True):
            assert torch.equal(before, after)
    assert len(json.dumps(with_pattern.as_dict())) < 4000


def test_each_threshold_refuses():
    rule = rejection.Rule(temperature=2.0, probability=0.7, evidence=5.0)
    likely_and_seen, alike, small = [9.0, 2.0, 1.0], [9.0, 8.5, 1.0], [4.0, -3.0, -3.0]
    labels, sure = rule.decide(torch.tensor([likely_and_seen, alike, small]))
    assert labels.tolist() == [0, 0, 0]
    assert sure.tolist() == [True, False, False]
    assert rule.probabilities(torch.tensor([small]))[0, 0] > 0.7
    assert rule.evidence_of(torch.tensor([alike]))[0] > 5


def test_several_views_are_averaged():
    rule = rejection.Rule(1.0, 0.6, 0.0)
    views = torch.tensor(
        [[[5.0, 0.0], [5.0, 0.0]], [[5.0, 0.0], [0.0, 5.0]]]
    )  # two of two pictures
    labels, sure = rule.decide(views)
    assert labels[0] == 0
    assert sure.tolist() == [True, False]
    torch.testing.assert_close(rule.probabilities(views)[1], torch.tensor([0.5, 0.5]))


def test_a_pattern_looks_at_the_direction_of_logits_not_at_their_size():
    """What is much like the first class, and a little like the third, is neither."""
    random = torch.Generator().manual_seed(3)
    centres = torch.tensor([[8.0, 2.0, 0.0], [2.0, 8.0, 0.0], [0.0, 0.0, 8.0]])
    labels = torch.arange(300) % 3
    logits = centres[labels] + 0.5 * torch.randn(300, 3, generator=random)
    strange = torch.tensor([15.0, 0.0, 9.0]) + 0.5 * torch.randn(40, 3, generator=random)
    plain = rejection.fit(logits, labels, strange)
    shaped = rejection.fit(logits, labels, strange, pattern=True)
    assert plain.decide(strange)[1].float().mean() > 0.5
    assert shaped.decide(strange)[1].float().mean() < 0.1
    assert shaped.decide(logits)[1].float().mean() > 0.9
    assert shaped.pattern.match_of(torch.zeros(2, 3)).abs().max() <= 1


def test_too_few_images_give_no_pattern():
    labels = torch.arange(12) % 3
    logits = 5 * torch.nn.functional.one_hot(labels, 3).float()
    assert rejection.fit(logits, labels, pattern=True).pattern is None


def test_the_temperature_mends_what_is_overconfident():
    random = torch.Generator().manual_seed(1)
    honest = torch.randn(4000, 5, generator=random)
    labels = torch.multinomial(honest.softmax(1), 1, generator=random)[:, 0]
    assert rejection.fit(3 * honest, labels).temperature == pytest.approx(3, rel=0.1)
    assert rejection.fit(honest / 2, labels).temperature == pytest.approx(0.5, rel=0.1)


def test_without_other_things_all_thresholds_refuse_some(network, chosen_on):
    rule = rejection.calibrate(network, chosen_on[0])
    logits = rejection.answers(network, chosen_on[0])[0]
    assert (rule.probabilities(logits).amax(1) < rule.probability).any()
    assert (rule.evidence_of(logits) < rule.evidence).any()


def test_a_turned_picture_is_turned(network):
    images = rendered(12, seed=8)
    turned = Images(images.pixels.rot90(1, (2, 3)).contiguous(), images.labels)
    four = rejection.answers(network, images, 4)
    assert four.shape == (4, 12, 12)
    torch.testing.assert_close(four[1], rejection.answers(network, turned)[0])


# Errors

GOOD = rejection.Pattern(((1.0, 0.0), (0.0, 1.0)), (0.0, 0.0), ((1.0, 0.0), (0.0, 1.0)), 0.8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"temperature": 0}, "temperature must be a number from 0.001 to 1000, got 0"),
        ({"temperature": True}, "temperature"),
        ({"probability": 1.2}, "probability must be a number from 0 to 1, got 1.2"),
        ({"evidence": float("nan")}, "evidence .* got nan"),
        ({"evidence": "4"}, "evidence .* got '4'"),
        ({"turns": 3}, "turns must be 1, 2 or 4 quarter turns, got 3"),
        ({"pattern": 4}, "pattern must be a Pattern or None, got 4"),
        ({"pattern": {"weights": []}}, "pattern is not what plain"),
        ({"pattern": {**vars(GOOD), "match": 2}}, "match must be a number from -1 to 1, got 2"),
        ({"pattern": {**vars(GOOD), "bias": 3}}, "of the pattern must hold"),
        ({"pattern": {**vars(GOOD), "bias": [0.0, None]}}, "bias of the pattern must hold"),
        ({"pattern": {**vars(GOOD), "weights": [[1, 2], [3]]}}, "weights of the pattern must"),
        ({"pattern": {**vars(GOOD), "directions": [[1, 2]]}}, "directions of the pattern must"),
        ({"pattern": {**vars(GOOD), "directions": [[1, 2], 7]}}, "directions of the pattern must"),
    ],
)
def test_what_is_no_rule_is_refused(change, words):
    good = {"temperature": 1.0, "probability": 0.6, "evidence": 4.0, "pattern": vars(GOOD)}
    assert rejection.Rule(**good).pattern == GOOD
    with pytest.raises(ValueError, match=words):
        rejection.Rule(**{**good, **change})


def test_errors_name_the_value():
    logits, labels = torch.eye(3), torch.arange(3)
    with pytest.raises(ValueError, match=r"accept must be in .* got 95"):
        rejection.fit(logits, labels, accept=95)
    with pytest.raises(ValueError, match="none of 3 validation images is named right"):
        rejection.fit(logits, torch.tensor([1, 2, 0]))
    with pytest.raises(ValueError, match=r"must have 2 classes .* got 3"):
        rejection.Rule(1.0, 0.5, 0.0, GOOD).decide(logits)
    with pytest.raises(ValueError, match="calibrate, judge; got 'test'"):
        rejection.others("test")
    with pytest.raises(ValueError, match=r"count must be a whole number from 1 to \d+, got 0"):
        rejection.others("judge", 0)


# Other things


def test_other_things_are_the_same_each_time_and_of_the_size_that_was_asked_for():
    first = rejection.others_by_kind("judge", 3, size=96)
    for kind, images in rejection.others_by_kind("judge", 3, size=96).items():
        assert torch.equal(images.pixels, first[kind].pixels)
        assert images.pixels.shape == (3, 3, 96, 96)
        assert len(images.pixels.reshape(3, -1).unique(dim=0)) == 3
    other = rejection.others_by_kind("judge", 3, size=96, seed=1)
    assert not any(torch.equal(other[kind].pixels, first[kind].pixels) for kind in first)


def test_no_way_of_drawing_is_in_both_parts():
    ways = [{way for some in kinds.values() for way in some} for kinds in KINDS.values()]
    assert not ways[0] & ways[1]
    assert not KINDS["calibrate"].keys() & KINDS["judge"].keys()


def test_a_rule_of_a_larger_picture_and_other_classes(network):
    """What own photos need: any network that gives logits, any number of classes."""
    random = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 5)).eval()
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (60, 3, 32, 32), np.uint8))
    images = Images(pixels, torch.zeros(60, dtype=torch.int64))
    images = replace(images, labels=rejection.answers(random, images)[0].argmax(1))
    rule = rejection.calibrate(
        random, images, rejection.others("calibrate", 3, size=32), pattern=True
    )
    assert rule.decide(rejection.answers(random, images))[1].float().mean() >= 0.95


# What was recorded


@pytest.mark.slow
def test_what_the_benchmark_recorded_comes_out_again(network):
    rows = recorded.load("unsure")["rules"]["rows"]
    told = {row["rule"]: row for row in rows if row["network"] == "compressed"}
    validation = rendered(1000, seed=2)  # as data.load("leaves").val
    for pattern, way in ((False, "both"), (True, "with pattern")):
        rule = rejection.calibrate(
            network, validation, rejection.others("calibrate"), pattern=pattern
        )
        assert rule.temperature == pytest.approx(told[way]["temperature"], rel=0.02)
        for kind, images in rejection.others_by_kind("judge", 300).items():
            share = float(accepted(rule, network, images)[0].double().mean())
            assert share == pytest.approx(told[way]["accepted of others"][kind]["share"], abs=0.02)


def test_other_things_come_grey_and_small_for_networks_that_see_so():
    small = rejection.others_by_kind("judge", 3, size=28, channels=1)
    assert {tuple(images.pixels.shape) for images in small.values()} == {(3, 1, 28, 28)}
    grey = rejection.others("calibrate", 2, size=64, channels=1).pixels.float()
    coloured = rejection.others("calibrate", 2, size=64).pixels.float()
    assert (grey - coloured.mean(1, keepdim=True)).abs().max() <= 0.5
    with pytest.raises(ValueError, match=r"channels must be 3, or 1 for grey, got 4"):
        rejection.others("judge", channels=4)


def test_a_rule_without_a_pattern_matches_everything():
    logits = torch.tensor([[0.0, 9.0], [1.0, 1.5]])
    plain = rejection.Rule(1.0, 0.9, -100.0)
    assert (plain.match, plain.match_of(logits).tolist()) == (-1.0, [1.0, 1.0])
    assert plain.decide(logits)[1].tolist() == [True, False]
