"""The built-in leaves: the same everywhere, balanced, and told apart by their shape alone."""

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from course_lib import leaves
from course_lib.images.leaf_shapes import area, grow_leaf
from course_lib.images.leaves import GENERA, SPECIES, render, smallest_trait, specimen, trait_table

# Made by `coarse` from images 0 and 1 of seed 1. New pictures need a new VERSION and new numbers.
LABELS_OF_SEED_1 = [8, 11, 4, 7, 5, 0, 1, 9, 2, 10, 6, 3, 6, 2, 4, 9, 7, 1, 0, 3, 5, 11, 8, 10]
COARSE_OF_SEED_1 = np.array(
    [
        [
            149.0,
            128.3,
            97.2,
            134.1,
            134.5,
            91.3,
            109.8,
            121.9,
            77.2,
            144.3,
            124.4,
            94.8,
            168.6,
            146.3,
            111.0,
            102.4,
            130.3,
            77.3,
            65.1,
            119.5,
            61.5,
            109.6,
            111.9,
            75.5,
            163.6,
            141.2,
            108.2,
            143.9,
            135.1,
            95.6,
            104.5,
            119.9,
            74.6,
            125.7,
            114.5,
            83.5,
            163.3,
            140.9,
            108.1,
            143.7,
            124.0,
            94.1,
            138.6,
            119.9,
            91.0,
            126.2,
            108.8,
            82.6,
        ],
        [
            72.8,
            64.3,
            50.5,
            76.9,
            63.0,
            43.6,
            98.6,
            86.1,
            64.5,
            87.9,
            78.3,
            60.4,
            78.5,
            63.9,
            47.7,
            150.3,
            97.2,
            54.1,
            147.0,
            107.2,
            63.8,
            96.9,
            86.8,
            66.8,
            86.4,
            74.1,
            57.1,
            181.3,
            122.0,
            67.8,
            145.5,
            116.1,
            75.7,
            108.8,
            97.2,
            75.1,
            113.0,
            101.5,
            78.0,
            137.4,
            112.8,
            80.4,
            108.5,
            97.0,
            74.7,
            97.4,
            87.4,
            67.3,
        ],
    ]
).reshape(2, 4, 4, 3)


def coarse(images):
    """Means over 16x16 pixels, which noise and rounding hardly move: float (n, 4, 4, 3)."""
    return images.reshape(len(images), 4, 16, 4, 16, 3).mean((2, 4))


@pytest.fixture(scope="module")
def sheet():
    return render(960, seed=11, workers=1)


def test_shapes_and_types():
    images, labels = render(5, seed=0, size=48)
    assert images.shape == (5, 48, 48, 3)
    assert images.dtype == np.uint8
    assert labels.shape == (5,)
    assert labels.dtype == np.int64


def test_an_image_depends_on_seed_and_index_alone():
    images, labels = render(40, seed=4)
    fewer, first = render(15, seed=4)
    np.testing.assert_array_equal(images[:15], fewer)
    np.testing.assert_array_equal(labels[:15], first)
    assert not np.array_equal(images, render(40, seed=5)[0])
    assert len(np.unique(images.reshape(40, -1), axis=0)) == 40


def test_the_number_of_workers_changes_nothing():
    alone, labels = render(26, seed=6, workers=1)
    together, same = render(26, seed=6, workers=2)
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(labels, same)


def _refuse(*args, **options):
    raise OSError("no processes here")


def _die(*args, **options):
    return subprocess.Popen([sys.executable, "-c", "import sys; print('half'); sys.exit(3)"])


@pytest.mark.parametrize("broken", [_refuse, _die])
def test_works_where_processes_cannot_start_or_die(monkeypatch, broken):
    fake = SimpleNamespace(Popen=broken, DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr(leaves, "subprocess", fake)
    np.testing.assert_array_equal(
        render(13, seed=6, workers=2)[0], render(13, seed=6, workers=1)[0]
    )


def test_a_script_without_a_main_guard_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "print('started')\n"
        "from course_lib import leaves\n"
        "print(leaves.render(30, seed=6, workers=2)[0].shape)\n"
    )
    result = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(leaves.__file__).parents[2])},
    )
    assert result.stdout == "started\n(30, 64, 64, 3)\n", result.stderr[-500:]


@pytest.mark.parametrize("count", [1, 7, 12, 100, 8000])
def test_every_prefix_is_balanced_and_shuffled(count):
    labels = np.array([leaves._label(1, index) for index in range(count)])
    counts = np.bincount(labels, minlength=len(SPECIES))
    assert counts.max() - counts.min() <= 1
    if count >= 100:
        assert (np.diff(labels) < 0).mean() > 0.3


def test_the_pictures_are_those_of_this_version():
    images, labels = render(24, seed=1)
    assert labels.tolist() == LABELS_OF_SEED_1
    np.testing.assert_allclose(coarse(images[:2]), COARSE_OF_SEED_1, atol=1.0)


def test_twelve_species_in_four_genera():
    assert len({species.name for species in SPECIES}) == 12
    assert [sum(species.genus == genus for species in SPECIES) for genus in GENERA] == [3] * 4
    assert all(species.name.startswith(species.genus) for species in SPECIES)


def test_the_table_tells_relatives_apart():
    rows = trait_table()
    assert [row["species"] for row in rows] == [species.name for species in SPECIES]
    for a, b in combinations(rows, 2):
        traits = [key for key in a if key not in ("species", "common", "genus")]
        assert a["genus"] != b["genus"] or any(a[key] != b[key] for key in traits)


def test_the_smallest_trait_is_two_pixels_or_more():
    words, pixels = smallest_trait(64)
    assert pixels >= 2
    assert smallest_trait(128)[1] == pytest.approx(2 * pixels)
    assert any(species.name in words for species in SPECIES)


def nearest_species(features, labels):
    """Accuracy on the second half of two classifiers fitted on the first, the better one."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    half = len(labels) // 2
    tried = (LogisticRegression(C=0.01, max_iter=200), KNeighborsClassifier(15))
    return max(
        make_pipeline(StandardScaler(), one)
        .fit(features[:half], labels[:half])
        .score(features[half:], labels[half:])
        for one in tried
    )


@pytest.mark.long
def test_mean_colour_and_background_do_not_tell_the_species(sheet):
    images, labels = sheet
    pixels = images.astype(np.float32)
    frame = np.concatenate(
        [pixels[:, :3].mean(1), pixels[:, -3:].mean(1), pixels[:, :, :3].mean(2),
         pixels[:, :, -3:].mean(2)], 1,
    ).reshape(len(images), -1, 8, 3).mean(2).reshape(len(images), -1)  # fmt: skip
    mean = np.concatenate([pixels.mean((1, 2)), pixels.std((1, 2))], 1)
    # 3 points above chance, and the noise of this many test images
    chance = 1 / len(SPECIES)
    limit = chance + 0.03 + 2 * np.sqrt(chance * (1 - chance) / (len(labels) / 2))
    assert nearest_species(mean, labels) < limit
    assert nearest_species(frame, labels) < limit


def test_the_leaf_is_inside_the_picture_and_of_one_size(sheet):
    cover = []
    for index in range(240):
        rng = np.random.default_rng([11, index, 1])
        leaf = grow_leaf(SPECIES[leaves._label(11, index)], rng)
        seen = leaves._camera(rng, leaf)(leaf.points[: leaf.cuts[3]])
        assert seen.min() > 0
        assert seen.max() < 1
        cover.append(area(seen[: leaf.cuts[0]]))
    cover, labels = np.array(cover), sheet[1][:240]
    means = np.array([cover[labels == k].mean() for k in range(len(SPECIES))])
    assert means.max() / means.min() < 1.15


def test_a_specimen_is_a_leaf_on_white_paper():
    card = specimen(3, seed=2, size=96)
    assert card.shape == (96, 96, 3)
    assert card[0].min() > 235
    assert card[48, 48].min() < 200
    np.testing.assert_array_equal(card, specimen(3, seed=2, size=96))
    assert not np.array_equal(card, specimen(3, seed=3, size=96))


@pytest.mark.parametrize(
    ("call", "received"),
    [
        (lambda: render(0, seed=1), "got 0"),
        (lambda: render(3, seed=1, size=16), "got 16"),
        (lambda: render(3, seed=-1), "got -1"),
        (lambda: render(3, seed=1, workers=0), "got 0"),
        (lambda: specimen(len(SPECIES)), f"got {len(SPECIES)}"),
        (lambda: specimen("Acer nullum"), "Acer nullum"),
        (lambda: specimen(0, size=8), "got 8"),
        (lambda: specimen(0, seed=-3), "got -3"),
    ],
)
def test_errors_name_the_value(call, received):
    with pytest.raises(ValueError, match=received):
        call()


def test_importing_is_quick_and_pulls_in_nothing_heavy():
    code = (
        "import sys, course_lib.images.leaves;"
        "print([name for name in ('torch', 'scipy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
