"""The students: what they learn from, what is shipped, what is kept."""

import dataclasses

import numpy as np
import pytest
import torch

from course_lib import counting, data, leaves, models, recorded, students, training


@pytest.fixture(scope="session")
def drawn():
    """The leaves, from the cache that all tests share: before a test has one of its own."""
    return data.load("leaves")


@pytest.fixture
def stripes(tmp_path, monkeypatch):
    """Forty images of two classes, a quick original, two epochs, and a cache of their own."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(students, "EPOCHS", 2)
    torch.manual_seed(0)
    teacher = models.LeafNet(4, 2, 1).eval()
    monkeypatch.setattr(training, "original", lambda data, progress: teacher)
    labels = np.arange(40) % 2
    pixels = np.random.default_rng(0).integers(0, 60, (40, 28, 28), dtype=np.uint8)
    pixels[labels == 0, ::4] = 255
    return data.from_arrays(pixels, labels, name="stripes")


@pytest.mark.parametrize("way", students.FILES)
def test_the_shipped_students_are_small_and_of_these_leaves(way):
    path = models.WEIGHTS / f"{students.FILES[way]}.safetensors"
    network, notes = models.load(path), models.notes(path)
    original = models.LeafNet(training.ORIGINAL_WIDTH)
    assert network.widths == students.WIDTHS
    assert 15 * counting.parameters(network) <= counting.parameters(original)
    assert notes["images"] == leaves.VERSION
    assert notes["seed"] == students.SHIPPED_SEED
    assert notes["way"] == way


def test_the_seed_of_the_shipped_students_is_in_no_other_table():
    records = recorded.load("distillation")
    for name, table in records.items():
        seeds = {row["seed"] for row in table["rows"]}
        assert (students.SHIPPED_SEED in seeds) == (name == "shipped")
        assert len(seeds) >= 3 or name == "shipped"


def test_few_images_are_an_eighth_each_eight_times(stripes):
    few = students.fewer(stripes)
    assert len(few.train) == len(stripes.train)
    count = len(stripes.train) // 8
    assert torch.equal(few.train.pixels[:count], stripes.train.pixels[:count])
    assert torch.equal(few.train.pixels[count : 2 * count], stripes.train.pixels[:count])
    assert few.val is stripes.val


@pytest.mark.parametrize("way", students.FILES)
def test_students_of_other_images_are_trained_once(stripes, monkeypatch, way):
    first = students.student(stripes, way, progress=False)
    assert not first.training
    assert first.classes == 2
    train, calls = students.trained, []
    monkeypatch.setattr(students, "trained", lambda *a, **k: calls.append(a) or train(*a, **k))
    again = students.student(stripes, way, progress=False)
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True)
    )
    assert not calls
    monkeypatch.setattr(training, "original", lambda data, progress: models.LeafNet(5, 2, 1).eval())
    students.student(stripes, way, progress=False)  # another teacher's student is another one
    assert len(calls) == 1


def test_no_student_ships_for_other_images_called_leaves(drawn, stripes, monkeypatch):
    monkeypatch.setattr(students, "trained", lambda *_args, **_options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        students.student(dataclasses.replace(stripes, name="leaves"), "distilled")
    images = dataclasses.replace(drawn, name="mine")
    assert students.student(images, "distilled").widths == students.WIDTHS


def test_without_labels_means_without_labels(stripes):
    """Wrong labels change nothing for a student that is taught by opinions alone."""
    wrong = data.Images(stripes.train.pixels, 1 - stripes.train.labels)
    liar = data.ImageData("liar", wrong, stripes.val, stripes.test, stripes.classes)
    for way, same in (("few, no labels, distilled", True), ("few, alone", False)):
        true, _ = students.trained(stripes, way, progress=False)
        false, _ = students.trained(liar, way, progress=False)
        alike = all(
            torch.equal(a, b) for a, b in zip(true.parameters(), false.parameters(), strict=True)
        )
        assert alike == same


def test_a_way_that_is_none_is_answered_with_those_there_are(stripes):
    with pytest.raises(ValueError, match=r"one of 'distilled', 'few, alone', .* got 'alone'"):
        students.student(stripes, "alone")


@pytest.mark.slow
def test_recorded_rows_of_the_shipped_students_are_what_they_measure_here():
    images = data.load("leaves")
    for row in recorded.load("distillation")["shipped"]["rows"]:
        accuracy = training.evaluate(students.student(images, row["way"]), images.test)
        assert accuracy == pytest.approx(row["accuracy"], abs=0.002), row["way"]
