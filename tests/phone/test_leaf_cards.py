"""The leaf cards: one PDF, the same each time, of leaves that no network was trained on."""

import math
import re
import shutil
import subprocess

import numpy as np
import pytest

from course_lib import leaves
from course_lib.images import named_sets
from course_lib.phone import leaf_cards

COUNT = len(leaves.SPECIES)


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    return leaf_cards.write(tmp_path_factory.mktemp("cards") / "new" / "cards.pdf", specimens=1)


def test_six_cards_a_page_and_a_key(cards):
    content = cards.read_bytes()
    assert content.startswith(b"%PDF-1.4")
    assert content.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b", content)) == math.ceil(COUNT / 6) + 1
    assert content.count(b"/Subtype /Image") == 2 * COUNT
    assert [path.name for path in cards.parent.iterdir()] == ["cards.pdf"]


def test_the_key_names_each_species_once_and_the_card_that_shows_it(cards):
    # What is printed, in order; nothing of it is compressed.
    texts = [found.decode("cp1252") for found in re.findall(rb"\((.*?)\) Tj", cards.read_bytes())]
    _, labels = leaf_cards.pictures(specimens=1, size=32)
    for index, species in enumerate(leaves.SPECIES):
        assert texts.count(species.name) == 1
        number = next(text for text in texts[texts.index(species.name) :] if text.isdigit())
        assert labels[int(number) - 1] == index
    fronts = texts[: texts.index("The key")]
    assert not any(species.genus in text for text in fronts for species in leaves.SPECIES)
    assert {str(number) for number in range(1, COUNT + 1)} <= set(fronts)


@pytest.mark.long
def test_the_same_cards_each_time_and_others_with_another_seed(cards, tmp_path):
    content = cards.read_bytes()
    assert leaf_cards.write(tmp_path / "again.pdf", specimens=1).read_bytes() == content
    assert leaf_cards.write(tmp_path / "other.pdf", 1, seed=37).read_bytes() != content


def test_they_print_within_three_megabytes(cards):
    assert cards.stat().st_size * 3 < 3_000_000


def test_the_cards_are_a_longer_set_that_begins_with_the_shorter():
    images, labels = leaf_cards.pictures(2, size=48)
    fewer, first = leaf_cards.pictures(1, size=48)
    np.testing.assert_array_equal(images[:COUNT], fewer)
    np.testing.assert_array_equal(labels[:COUNT], first)
    assert np.bincount(labels).tolist() == [2] * COUNT


def test_the_leaves_are_those_of_the_renderer_without_blur_and_noise():
    before, _ = leaves.render(COUNT, seed=5)
    images, _ = leaf_cards.pictures(1, seed=5, size=64)
    seen, _ = leaves.render(COUNT, seed=5)
    np.testing.assert_array_equal(seen, before)  # the course's own camera is what it was
    assert np.abs(images.astype(float).mean((1, 2)) - seen.mean((1, 2))).max() < 2
    rough = [
        np.abs(np.diff(some.astype(float), axis=1)[:, :, :4]).mean() for some in (images, seen)
    ]
    assert rough[0] < rough[1]


def test_no_card_shows_a_leaf_of_the_courses_images():
    assert tuple(range(1, len(named_sets.LEAVES) + 1)) == leaf_cards.TAKEN
    assert leaf_cards.SEED not in leaf_cards.TAKEN
    for seed in leaf_cards.TAKEN:
        with pytest.raises(ValueError, match=f"seed must not be among 1, 2, 3, got {seed}"):
            leaf_cards.pictures(1, seed)


@pytest.mark.parametrize("specimens", [0, 9])
def test_errors_name_the_value(specimens, tmp_path):
    with pytest.raises(ValueError, match=f"specimens must be 1 to 8 .* got {specimens}"):
        leaf_cards.write(tmp_path / "cards.pdf", specimens)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_of_pdf_finds_nothing_wrong(cards):
    if not shutil.which("pdftotext"):
        pytest.skip("no pdftotext here")
    done = subprocess.run(
        ["pdftotext", "-layout", cards, "-"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert done.stdout.count("Leaf cards") == 2
