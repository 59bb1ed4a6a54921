"""Real plants: the cut network is the whole one's, and the compressed one says the same."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import engines, packing
from course_lib.phone import plant_network, plants
from course_lib.phone.plant_network import IMAGENET_NAMES
from course_lib.techniques import optimal_rounding

needs_extra = pytest.mark.skipif(
    not all(find_spec(name.replace("-", "_")) for name in plant_network.PACKAGES),
    reason=f"the extra `efficientnet` is not installed: {plant_network.COMMAND}",
)


@pytest.fixture(scope="module")
def shown():
    """Six pictures that nothing was calibrated on, and a known photo last."""
    person = plants._sample_photos()[-1]
    whole = person.resize((224, 224), Image.Resampling.BICUBIC)
    others = plants.pictures(224, 6, seed=99).pixels
    last = torch.from_numpy(np.asarray(whole).copy()).permute(2, 0, 1)[None]
    return torch.cat([others, last])


# The classes


def test_every_class_is_found_in_imagenets_list_by_its_name():
    names = plant_network.imagenet_names()
    assert [names[row] for row in plant_network.rows()] == list(IMAGENET_NAMES)
    assert len(names) == 1000
    # Three that everybody can look up.
    assert {names.index("daisy"), names.index("banana"), names.index("bolete")} == {985, 954, 997}


def test_names_are_nice_and_each_has_a_group():
    assert len(set(plants.CLASSES)) == len(plants.CLASSES) == len(plants.GROUPS) == 38
    assert set(plants.GROUPS) == {"flower", "seed", "fruit", "vegetable", "mushroom", "garden"}
    renamed = dict(zip(IMAGENET_NAMES, plants.CLASSES, strict=True))
    assert renamed["hip"] == "rose hip"
    assert renamed["pot"] == "flowerpot"
    assert "ear" not in IMAGENET_NAMES  # it is corn, a second time
    assert f"{len(plants.CLASSES)} plants" in plants.ABOUT
    assert "never decide by it what can be eaten" in plants.ABOUT


def test_a_class_that_is_not_in_the_list_is_named(monkeypatch):
    names = [name for name in plant_network.imagenet_names() if name != "fig"]
    monkeypatch.setattr(plant_network, "imagenet_names", lambda: names)
    with pytest.raises(ValueError, match="does not have exactly one fig; install torchvision"):
        plant_network.rows()


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(plant_network, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install -e "\.\[efficientnet\]"'):
        plants.network()


# The network


@needs_extra
def test_cutting_leaves_the_logits_of_plants_as_they_were(shown):
    with torch.inference_mode():
        whole = plant_network.imagenet()(plants.FED(shown))[:, list(plant_network.rows())]
        cut = plants.network()(plants.FED(shown))
    torch.testing.assert_close(cut, whole, rtol=1e-5, atol=1e-4)


@needs_extra
def test_the_known_photo_is_named_when_normalised_as_the_network_wants(shown):
    """matplotlib's photo of a person in uniform; other scales see less of it."""
    names, whole = plant_network.imagenet_names(), plant_network.imagenet()
    row = names.index("military uniform")
    photo = shown[-1:].float()
    with torch.inference_mode():
        right = whole(plants.FED(shown[-1:])).softmax(1)[0]
        bytes_as_they_are = whole(photo).softmax(1)[0]
        ours = whole((photo - 127.5) / 63.75).softmax(1)[0]
    assert names[int(right.argmax())] == "military uniform"
    assert right[row] > max(bytes_as_they_are[row], ours[row])
    assert plants.FED(torch.tensor([0, 127, 255], dtype=torch.uint8)).tolist() == [-127 / 128, 0, 1]


@needs_extra
@pytest.mark.parametrize("side", plants.SIDES.values())
def test_it_takes_pictures_of_either_side(side):
    with torch.inference_mode():
        assert plants.network()(torch.zeros(2, 3, side, side)).shape == (2, 38)


# Calibrating


def test_pictures_are_the_same_every_time_and_reach_black_and_white():
    first, again = plants.pictures(96, 12), plants.pictures(96, 12)
    assert torch.equal(first.pixels, again.pixels)
    assert first.pixels.shape == (12, 3, 96, 96)
    # Then one step of the input in 8 bits is one grey level.
    assert (int(first.pixels.min()), int(first.pixels.max())) == (0, 255)
    inputs, labels = next(first.first(3).batches(20))
    assert torch.equal(inputs, plants.FED(first.pixels[:3]))
    assert labels.tolist() == [0, 0, 0]


@pytest.fixture(scope="module")
def rounded():
    """Few pictures of few pixels, so that it is quick: the folded network, its integers."""
    folded, few = plants.fold_batch_norm(plants.network()), plants.pictures(64, 8)
    seen = optimal_rounding.moments(folded, plants.FED(few.pixels))
    return folded, plants.rounded(folded, seen, plants.HARM), few


@needs_extra
@pytest.mark.slow
def test_rounding_leaves_names_as_they_were(rounded):
    folded, found, _ = rounded
    inputs = plants.FED(plants.pictures(64, 40, seed=3).pixels)
    with torch.inference_mode():
        before, after = folded(inputs), optimal_rounding.written(folded, found)(inputs)
    sure = before.softmax(1).amax(1) > 0.5
    assert (before.argmax(1) == after.argmax(1))[sure].float().mean() > 0.85
    assert (before - after).square().mean() < 0.1 * before.var()
    for each in found.values():
        assert torch.equal(each.bias % plants.BIAS_STEP, torch.zeros_like(each.bias))


@needs_extra
@pytest.mark.slow
def test_stored_integers_give_the_logits_of_what_they_stand_for(rounded):
    folded, found, few = rounded
    stored, inputs = plants.stored(folded, found, 64), plants.FED(few.pixels[:2])
    with torch.inference_mode():
        expected = optimal_rounding.written(folded, found)(inputs)
    torch.testing.assert_close(stored(inputs), expected, rtol=1e-3, atol=1e-3)
    assert stored.kind == "int8"
    assert len(stored.content) < 3.6e6
    packed = packing.pack(stored)
    assert len(packed) < 0.75 * len(stored.content)
    assert torch.equal(packing.unpack(packed)(inputs), stored(inputs))
    whole = plants.integers(folded, found, few)
    assert {"QLinearConv", "QGemm"} <= {node.op_type for node in whole.graph.node}
    # Whatever range calibrating found for them, large logits are not cut off.
    assert whole.graph.node[-1].op_type == "QGemm"
    assert len(whole.graph.node[-1].input) == 7
    assert (whole(inputs) - expected).square().mean() < 0.1 * expected.var()


def test_only_a_graph_that_ends_in_integers_gets_float_logits():
    from torch import nn

    exported = engines.onnx(nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.ReLU()), (3, 2, 2))
    with pytest.raises(ValueError, match="the graph ends in Gemm, Relu, not in QGemm"):
        plants.float_logits(exported.content)


# Before and after: made once, in a minute


@pytest.fixture(scope="module")
def both():
    return plants.before(), plants.after()


@needs_extra
@pytest.mark.slow
def test_the_compressed_network_is_small_and_agrees(both):
    """With the cut network at its own side, on pictures it was not calibrated on."""
    before, after = both
    side = plants.SIDES["after"]
    pixels = plants.pictures(side, 60, seed=7).pixels
    with torch.inference_mode():
        expected = plants.network()(plants.FED(pixels))
    found, whole = after(plants.FED(pixels)), plants.native()(plants.FED(pixels))
    sure = expected.softmax(1).amax(1) > 0.5
    assert sure.sum() >= 10
    same = found.argmax(1) == expected.argmax(1)
    assert same[sure].float().mean() > 0.9
    assert same.float().mean() > 0.8
    assert (whole.argmax(1) == expected.argmax(1))[sure].float().mean() > 0.85
    assert after.packed_bytes * 5 < len(before.content)
    assert before.shape == (3, 224, 224)
    assert after.shape == (3, side, side)


@needs_extra
@pytest.mark.slow
def test_they_come_from_the_cache_the_second_time(both, tmp_path, monkeypatch):
    monkeypatch.setattr(plants, "_make", lambda: pytest.fail("made again"))
    assert plants.before().content == both[0].content
    paths = plants.files(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "compressed.packed", "native.packed", "original.onnx",
    ]  # fmt: skip
    assert packing.load(paths["after"]).content == both[1].content
    assert engines.load(paths["before"]).shape == (3, 224, 224)


@needs_extra
@pytest.mark.slow
def test_the_page_gets_two_models_with_their_own_sides_and_rules(both):
    page_models = pytest.importorskip("course_lib.phone.page_models")
    before, after = plants.page_models()
    for model, role in ((before, "before"), (after, "after")):
        header = model.header
        side = plants.SIDES[role]
        assert (header["name"], header["role"]) == ("plants", role)
        assert (header["mean"], header["scale"]) == (127, 128)
        assert header["shape"] == (3, side, side)
        assert header["classes"] == plants.CLASSES
        assert header["groups"] == plants.GROUPS
        assert model.unsure == plants.UNSURE[role]
        assert model.facts.accuracy is None
        assert model.facts.energy_is_estimate
        assert page_models.unpack(page_models.pack(model)) == model
    assert before.facts.energy_mj > 1.5 * after.facts.energy_mj
    assert 1.9 < before.facts.macs / after.facts.macs < 2.1
    assert len(page_models.pack(after)) * 4 < len(page_models.pack(before))
    assert plants.samples() == ()
