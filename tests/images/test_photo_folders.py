"""What a folder of photos may look like: nothing vanishes, no part is taken for a class."""

import io
import os
import struct
import unicodedata
import zlib

import numpy as np
import pytest
from PIL import Image

from course_lib import data
from course_lib.images import photo_folders, photos

CLASSES = ("daisy", "rose")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))


def picture(seed):
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((40, 40), Image.Resampling.BICUBIC)


SEEDS = iter(range(10**9))


def fill(folder, count=7, suffix=".jpg", kind=None):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture(next(SEEDS)).save(folder / f"{number:02d}{suffix}", kind)
    return folder


def classes(root, names=CLASSES, count=7):
    for name in names:
        fill(root / name, count)
    return root


def loaded(root, **options):
    return data.from_folder(root, size=32, **options)


def counts(found):
    return [len(part) for part in (found.train, found.val, found.test)]


# Parts of a set


@pytest.mark.parametrize("beside", ["annotations", "labels", "runs", "images_raw", "Metadata"])
@pytest.mark.parametrize("empty", [True, False])
def test_what_lies_beside_the_parts_is_no_class(tmp_path, capsys, beside, empty):
    classes(tmp_path / "train")
    classes(tmp_path / "val", count=4)
    (tmp_path / beside).mkdir()
    if not empty:
        (tmp_path / beside / "boxes.csv").write_text("1,2,3,4")
    found = loaded(tmp_path)
    assert (found.classes, counts(found)) == (CLASSES, [12, 8, 2])
    assert f"{beside}/ beside train/: no part of the set, passed over" in capsys.readouterr().err


def test_photos_beside_two_parts_of_the_same_classes_are_passed_over(tmp_path, capsys):
    classes(tmp_path / "train")
    classes(tmp_path / "test", count=4)
    fill(tmp_path / "unlabelled")
    assert counts(loaded(tmp_path)) == [12, 2, 8]
    assert "unlabelled/ beside train/: no part of the set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("train", "other", "part"),
    [
        ("seg_train", "seg_test", 2), ("training_set", "test_set", 2), ("train_images", "test", 2),
        ("Train_Set", "Validation_Set", 1), ("Training", "Testing", 2), ("train2017", "val2017", 1),
        ("flowers-train", "flowers-valid", 1), ("trainSet", "testSet", 2), ("train", "dev", 1),
        ("TRAIN", "EVAL", 2),
    ],
)  # fmt: skip
def test_parts_are_known_by_a_word_of_their_name_and_the_same_classes(tmp_path, train, other, part):
    classes(tmp_path / train)
    classes(tmp_path / other, count=5)
    found = loaded(tmp_path)
    assert found.classes == CLASSES
    assert counts(found)[part] == 10
    assert sum(counts(found)) == 24


@pytest.mark.parametrize("names", [
    ("set1", "set2"), ("fold_0", "fold_1"), ("dev", "eval"), ("steam train", "freight train"),
])  # fmt: skip
def test_folders_that_may_be_parts_or_classes_are_asked_about(tmp_path, names):
    for name in names:
        classes(tmp_path / name)
    with pytest.raises(ValueError, match=r"two ways. If they are parts .* if they are the classes"):
        loaded(tmp_path)
    for name, new in zip(names, ("train", "test"), strict=True):
        (tmp_path / name).rename(tmp_path / new)
    assert loaded(tmp_path).classes == CLASSES


def test_train_alone_beside_photos_is_asked_about(tmp_path):
    classes(tmp_path / "train", ("diesel", "steam"))
    fill(tmp_path / "bus")
    with pytest.raises(ValueError, match=r"train/ holds the classes diesel, steam, and .* bus/"):
        loaded(tmp_path)


def test_classes_may_hold_folders_of_the_same_names(tmp_path):
    for name in CLASSES:
        classes(tmp_path / name, ("2023", "2024"))
    assert loaded(tmp_path).classes == CLASSES


def test_train_alone_is_split(tmp_path):
    classes(tmp_path / "train", count=20)
    (tmp_path / "models").mkdir()
    assert counts(loaded(tmp_path)) == [28, 6, 6]


# Classes


ENDINGS = ("", ".jpg_large", ".JPG.download", ".webp_", ".jp2", ".dng", ".bin")


@pytest.mark.parametrize("suffix", ENDINGS)
def test_photos_are_known_by_their_content_where_their_name_does_not_tell(tmp_path, suffix):
    classes(tmp_path)
    fill(tmp_path / "tulip", 8)
    fill(tmp_path / "tulip", 9, f"x{suffix}", "JPEG")
    found = loaded(tmp_path)
    assert found.classes == (*CLASSES, "tulip")
    assert sum(counts(found)) == 7 + 7 + 17


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF", "WEBP", "JPEG2000"])
def test_every_kind_that_can_be_read_is_known_by_its_beginning(tmp_path, kind):
    classes(tmp_path)
    fill(tmp_path / "tulip", 6, "", kind)
    assert loaded(tmp_path).classes == (*CLASSES, "tulip")


def test_a_class_that_cannot_be_read_is_told_with_its_kinds(tmp_path):
    classes(tmp_path)
    (tmp_path / "tulip").mkdir()
    for number in range(12):
        (tmp_path / "tulip" / f"{number}.cr3").write_bytes(b"raw" * 20)
    with pytest.raises(ValueError, match=r"tulip/ in .* 12 files and no photo .*\(.cr3\): save"):
        loaded(tmp_path)


def test_jpeg_xl_is_left_out_with_its_remedy(tmp_path):
    classes(tmp_path)
    (tmp_path / "rose" / "new.jxl").write_bytes(b"\xff\x0a" + bytes(50))
    (skipped,) = loaded(tmp_path).skipped
    assert skipped.path == "rose/new.jxl"
    assert "pillow-jxl-plugin" in skipped.reason


def test_an_empty_class_is_an_error(tmp_path):
    classes(tmp_path)
    (tmp_path / "tulip" / "deeper").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"tulip/ in .* is empty: .* take the folder out"):
        loaded(tmp_path)


def test_a_folder_of_other_files_is_passed_over_and_told(tmp_path, capsys):
    classes(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "list.csv").write_text("x")
    assert loaded(tmp_path).classes == CLASSES
    assert "notes/: no photos in it, passed over" in capsys.readouterr().err


def test_of_many_classes_that_are_too_small_the_first_few_are_named(tmp_path):
    classes(tmp_path, [f"kind_{number:03d}" for number in range(120)], count=1)
    with pytest.raises(ValueError, match="kind_002 has 1, needs 5 and 117 more") as told:
        loaded(tmp_path)
    assert len(str(told.value)) < 400


def test_own_results_among_the_photos_are_passed_over(tmp_path, capsys):
    classes(tmp_path)
    before = loaded(tmp_path).fingerprint
    (tmp_path / "smaller" / "trainings").mkdir(parents=True)
    picture(1).save(tmp_path / "smaller" / "compressed.png")
    photo_folders.mark(tmp_path / "begun")
    picture(2).save(tmp_path / "begun" / "0.png")
    assert loaded(tmp_path).fingerprint == before
    assert "smaller/ holds results of the course" in capsys.readouterr().err


# Names and links


def test_names_that_differ_by_unicode_form_or_case_are_one_class(tmp_path, capsys):
    accent = "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    classes(tmp_path / "train", (accent, "Rose"))
    classes(tmp_path / "test", (unicodedata.normalize("NFD", accent), "rose"), 5)
    found = loaded(tmp_path)
    assert found.classes == ("Rose", accent)
    assert counts(found)[2] == 10
    assert capsys.readouterr().err == ""


def test_two_spellings_side_by_side_are_told(tmp_path, capsys):
    classes(tmp_path, ("daisy", "rose"))
    fill(tmp_path / "Rose")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system knows no case")
    found = loaded(tmp_path)
    assert len(found.classes) == 2
    assert sum(counts(found)) == 21
    assert "'Rose' and 'rose' are taken for one class" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows names are always Unicode")
def test_names_that_are_no_utf8_are_read_as_windows_wrote_them(tmp_path, capsys):
    classes(tmp_path, ("aster",))
    try:
        folder = os.fsencode(tmp_path) + b"/fl\xf6te"
        os.mkdir(folder)
    except OSError:
        pytest.skip("this file system takes Unicode names alone")
    for number in range(7):
        picture(next(SEEDS)).save(folder + b"/%d.png" % number)
    (tmp_path / os.fsdecode(b"fl\xf6te") / "bad.png").touch()
    found = loaded(tmp_path)
    assert found.classes == ("aster", "flöte")
    assert [each.path for each in found.skipped] == ["flöte/bad.png"]
    repr(found).encode()
    assert "read as 'flöte'" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_links_to_folders_are_followed_once(tmp_path):
    root, elsewhere = classes(tmp_path / "set"), fill(tmp_path / "elsewhere", 9)
    (root / "rose" / "more").symlink_to(elsewhere)
    (root / "rose" / "again").symlink_to(elsewhere)
    (root / "rose" / "up").symlink_to(root)
    (root / "rose" / "round").symlink_to(root / "rose")
    (root / "tulip").symlink_to(fill(tmp_path / "tulips", 6))
    found = loaded(root)
    assert found.classes == (*CLASSES, "tulip")
    assert sum(counts(found)) == 7 + 7 + 9 + 6
    assert found.skipped == ()


# What stands beside the pixels


def with_chunks(*chunks):
    """A PNG with chunks of these kinds and contents after its head."""
    whole = io.BytesIO()
    picture(next(SEEDS)).save(whole, "PNG")
    own = b"".join(
        struct.pack(">L", len(content)) + kind + content
        + struct.pack(">L", zlib.crc32(kind + content))
        for kind, content in chunks
    )  # fmt: skip
    return whole.getvalue()[:33] + own + whole.getvalue()[33:]


HUGE = zlib.compress(b"a" * 3_000_000)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"eXIf", b"Exif\0\0 broken"), (b"eXIf", b""), (b"zTXt", b"Comment\0\0" + HUGE),
        (b"iTXt", b"Comment\0\1\0\0\0" + HUGE), (b"iCCP", b"icc\0\0" + HUGE),
        (b"iCCP", b"icc\0\0not compressed"), (b"tIME", b"x"), (b"pHYs", b""), (b"gAMA", b""),
        (b"tEXt", b"\xff"), (b"cHRM", b"1"), (b"sRGB", b""),
    ],
)  # fmt: skip
def test_a_sound_png_is_used_whatever_is_noted_in_it(tmp_path, kind, content):
    whole = with_chunks((kind, content))
    (tmp_path / "noted.png").write_bytes(whole)
    (tmp_path / "plain.png").write_bytes(whole.replace(whole[33 : 33 + 12 + len(content)], b"", 1))
    noted, plain = (photos.decode(tmp_path / name, 32) for name in ("noted.png", "plain.png"))
    assert (noted == plain).all()


def test_a_broken_picture_stays_broken(tmp_path):
    whole = with_chunks((b"eXIf", b"Exif\0\0 broken"))
    for name, content in (("cut.png", whole[:-300]), ("head.png", whole[:20]), ("no.png", b"x")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises((OSError, ValueError, SyntaxError)):
            photos.decode(tmp_path / name, 32)
