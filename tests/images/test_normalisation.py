"""Each network is fed as it says, by whatever asks it, and its files say so too."""

import copy

import numpy as np
import pytest
import torch

from course_lib import (
    data,
    distillation,
    engines,
    jigsaw,
    low_rank,
    models,
    neuron_pruning,
    packing,
    quantization,
    rejection,
    scorecard,
    sensitivity,
    training,
)
from course_lib.deploy import floats, graphs
from course_lib.images import normalisation
from course_lib.images.normalisation import COURSE, IMAGENET, Normalisation
from course_lib.measure import fastest
from course_lib.networks import identity
from course_lib.phone import page_models
from course_lib.techniques import calibration, channel_patches

UNIT = Normalisation(0, 255)  # pixels become 0 to 1
THREE = Normalisation((10, 20, 30), (100, 200, 50))
RULE = rejection.Rule(1.0, 0.5, 1.0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def white():
    """White pictures, which any normalisation tells apart: all inputs are one number."""
    pixels = np.full((24, 32, 32, 3), 255, np.uint8)
    found = data.from_arrays(pixels, ["ash", "elm", "oak"] * 8)
    return found


def watched(fed=UNIT):
    """A network and the list of the numbers that it, or a copy of it, is fed."""
    network, seen = models.LeafNet(4, classes=3).eval(), []
    network.normalisation = fed
    first = next(iter(network.features))
    first.register_forward_pre_hook(lambda _layer, given: seen.extend(given[0].unique().tolist()))
    return network, seen


# What a normalisation is


def test_pixels_become_inputs_and_inputs_pixels():
    pixels = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    for each in (COURSE, UNIT, THREE, IMAGENET):
        mean, scale = (torch.tensor(v).reshape(-1, 1, 1) for v in (each.mean, each.scale))
        assert torch.equal(each(pixels), (pixels.float() - mean) / scale)
        assert (each.pixels(each(pixels)) - pixels).abs().max() < 1e-3
    assert torch.equal(COURSE(pixels), data.normalise(pixels))
    assert COURSE(torch.tensor([0, 255])).tolist() == [-2, 2]


def test_what_torchvision_states_gives_what_torchvision_computes():
    pixels = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    from torchvision.transforms.v2 import functional as F

    wanted = F.normalize(F.to_dtype(pixels, torch.float32, scale=True), list(mean), list(std))
    torch.testing.assert_close(Normalisation.of_unit(mean, std)(pixels), wanted)
    assert Normalisation.of_unit(mean, std) == IMAGENET


@pytest.mark.parametrize(
    ("mean", "scale", "says"),
    [
        (0, 0, "every scale above 0"),
        (0, (1, -1), "as many"),
        ((1, 2, 3), 1, "as many"),
        ((), (), "mean must be a finite number, or one for each channel"),
        (float("nan"), 1, "mean must be a finite number"),
        (0, float("inf"), "scale must be a finite number"),
        (10**400, 1, "mean must be a finite number"),
        ("127", 1, "mean must be a finite number"),
        (True, 1, "mean must be a finite number"),
        ([[1], [2], [3]], [1, 1, 1], "mean must be a finite number"),
    ],
)
def test_numbers_that_make_none_are_refused(mean, scale, says):
    with pytest.raises(ValueError, match=says):
        Normalisation(mean, scale)


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match="3 channels takes images of as many"):
        THREE(torch.zeros(2, 1, 8, 8, dtype=torch.uint8))


def test_an_attribute_of_another_kind_is_refused():
    network = models.LeafNet(4)
    network.normalisation = (0.5, 0.5)
    with pytest.raises(ValueError, match=r"must be a data.Normalisation, got \(0.5, 0.5\)"):
        normalisation.of(network)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mean": 1}', '{"mean": 1, "scale": "x"}'])
def test_a_text_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="its normalisation is none"):
        Normalisation.from_json(text)


def test_images_are_fed_as_the_network_wants(white):
    network, _ = watched(THREE)
    fed = white.train.fed_to(network)
    assert torch.equal(next(fed.first(2).batches(2))[0], THREE(white.train.pixels[:2]))
    assert fed.subset([0, 1]).normalisation == THREE
    assert white.train.normalisation == COURSE
    assert white.train.fed_to(models.LeafNet(4)) is white.train


# Whatever asks a network


ASKING = {
    "predict": lambda network, found: training.predict(network, found.train),
    "evaluate": lambda network, found: training.evaluate(network, found.train),
    "recalibrated": lambda network, found: training.recalibrated(network, found.train),
    "fit": lambda network, found: training.fit(
        network, found, epochs=1, augment=False, progress=False
    ),
    "activation": lambda network, found: neuron_pruning.importance(
        network, "activation", found.train
    ),
    "taylor": lambda network, found: neuron_pruning.importance(network, "taylor", found.train),
    "sensitivity": lambda network, found: sensitivity.sensitivity(network, found.val, [0, 0.5]),
    "patches": lambda network, found: channel_patches.patches(network, found.val),
    "calibrate": lambda network, found: calibration.calibrate(network, found.val),
    "silence": lambda network, found: jigsaw.silence(network, found.val, "layer 1", [0]),
    "silence_share": lambda network, found: jigsaw.silence_share(network, found.val, 0.5),
    "low rank": lambda network, found: low_rank.factor(
        network, "channel_svd", found.shape, rank=2, images=found.train
    ),
    "teacher": lambda network, found: distillation.teacher_outputs(network, found),
    "scorecard": lambda network, found: scorecard.measure(network, found, limit_s=0.1),
    "rejection": lambda network, found: rejection.answers(network, found.val, 4),
}


@pytest.mark.parametrize("what", ASKING)
def test_it_is_fed_as_it_says(what, white):
    network, seen = watched()
    ASKING[what](network, white)
    # Channels are counted, and operations, on made-up images.
    assert set(seen) - {0.0} == {1.0}
    network, seen = watched(COURSE)
    ASKING[what](network, white)
    assert set(seen) - {0.0} == {2.0}


@pytest.mark.parametrize("what", ["live", "kept", "hints"])
def test_teacher_and_student_are_each_fed_in_their_own_way(what, white):
    teacher, asked = watched(THREE)
    student, learned = watched(UNIT)
    options = {"epochs": 1, "augment": False, "progress": False}
    if what == "hints":
        distillation.hints(student, teacher, white, "features.6", "features.6", **options)
    elif what == "kept":
        distillation.distil(student, teacher, white, **options)
    else:
        loss = distillation.taught_by(teacher)
        training.fit(student, white, loss=loss, **options)
    assert set(learned) - {0.0} == {1.0}
    levels = sorted({round(x, 4) for x in asked} - {0.0})
    assert levels == [1.175, 2.45, 4.5]


# What it is stored as


def fed_otherwise(fed=THREE):
    """A network that computes from inputs of `fed` what it did from those of the course."""
    torch.manual_seed(1)
    network = models.LeafNet(4, classes=3).eval()
    other = copy.deepcopy(network)
    other.normalisation = fed
    return network, other


def test_copies_are_fed_as_their_original(white):
    _, network = fed_otherwise()
    cut = neuron_pruning.choose(neuron_pruning.importance(network, "l1", shape=white.shape), 0.5)
    trained, _ = training.fit(network, white, epochs=1, progress=False)
    for each in (
        neuron_pruning.remove(network, cut, white.shape),
        quantization.quantize_network(network, calibration.calibrate(network, white.val)),
        low_rank.factor(network, "svd", white.shape, rank=2),
        trained,
    ):
        assert normalisation.of(each) == THREE


def test_a_checkpoint_holds_it(tmp_path):
    plain, network = fed_otherwise()
    assert normalisation.of(models.load(models.save(network, tmp_path / "a.st"))) == THREE
    loaded = models.load(models.save(plain, tmp_path / "b.st"))
    assert normalisation.of(loaded) == COURSE
    assert b"normalisation" not in (tmp_path / "b.st").read_bytes()


@pytest.mark.long
def test_files_hold_it_and_are_fed_so(noise, tmp_path):
    plain, network = fed_otherwise()
    exported = engines.onnx(network, (3, 32, 32))
    eight = engines.int8(exported, noise, 20)
    restored = packing.unpack(packing.pack(eight))
    (tmp_path / "a.onnx").write_bytes(eight.content)
    files = (exported, eight, restored, engines.load(tmp_path / "a.onnx"), floats.in_floats(eight))
    wanted = training.predict(network, noise)
    for each in files:
        assert each.normalisation == THREE
        answers = torch.cat([each(inputs) for inputs, _ in noise.fed_to(each).batches(20)])
        assert (answers - wanted).abs().max() < 0.05 * wanted.abs().max()
    assert fastest.choose(restored, images=noise).agreement > 0.9
    assert engines.parity(exported, noise).agreement == 1
    # The network's own pixels, not the course's: ranges found on others would cut these off.
    ranges = [calibration.calibrate(each, noise)["features.0"] for each in (network, plain)]
    assert ranges[0][1] == pytest.approx(THREE(torch.full((3, 1, 1), 255)).max().item(), rel=0.02)
    assert ranges[1][1] == pytest.approx(2, rel=0.02)


def test_files_of_the_course_need_no_note():
    plain, _ = fed_otherwise()
    exported = engines.onnx(plain, (3, 32, 32))
    assert exported.normalisation == COURSE
    assert not graphs.parsed(exported.content).metadata_props


@pytest.mark.long
def test_other_notes_of_a_file_stay_and_go_as_they_did():
    _, network = fed_otherwise()
    model = graphs.parsed(engines.onnx(network, (3, 32, 32)).content)
    model.metadata_props.add(key="author", value="me")
    graphs.note_normalisation(model, UNIT)
    graphs.note_normalisation(model, IMAGENET)
    noted = {each.key: each.value for each in model.metadata_props}
    assert noted == {"author": "me", "normalisation": IMAGENET.as_json()}
    stripped = graphs.parsed(graphs.strip(graphs.serialised(model)))
    assert [each.key for each in stripped.metadata_props] == ["normalisation"]


@pytest.mark.long
def test_a_note_that_is_none_is_refused():
    _, network = fed_otherwise()
    exported = engines.onnx(network, (3, 32, 32))
    model = graphs.parsed(exported.content)
    model.metadata_props[0].value = '{"mean": 1, "scale": 0}'
    with pytest.raises(ValueError, match="its normalisation is none"):
        packing.pack(engines.Onnx(graphs.serialised(model), None, exported.shape))


def test_answers_are_kept_for_one_way_of_feeding_alone():
    plain, network = fed_otherwise()
    assert identity.of(plain, (3, 32, 32)) != identity.of(network, (3, 32, 32))


def test_the_page_reads_it(noise):
    _, network = fed_otherwise()
    exported = engines.onnx(network, (3, 32, 32))
    model = page_models.of(exported, ("ash", "elm", "oak"), "after", RULE, name="trees")
    assert (model.header["mean"], model.header["scale"]) == (THREE.mean, THREE.scale)
    opened = page_models.unpack(page_models.pack(model))
    assert opened == model
    assert opened.network.normalisation == THREE
    answers = rejection.answers(opened.network, noise.first(1))[0]
    torch.testing.assert_close(answers, exported(THREE(noise.pixels[:1])))
