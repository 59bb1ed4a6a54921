"""What is handed in is read, told whose and of which exercise; nobody is lost or merged."""

import io
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from course_lib.classroom.grading import submissions

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import _synthetic_class as made_up  # noqa: E402

EXERCISE = made_up.EXERCISE


def zipped(path, files, times=None):
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, content) in enumerate(files.items()):
            entry = zipfile.ZipInfo(name, (times or {}).get(name, (2026, 1, 1 + number, 12, 0, 0)))
            archive.writestr(entry, content)
    return path


@pytest.mark.parametrize(
    ("name", "learner"),
    [
        (f"ana/{EXERCISE}.ipynb", "ana"),
        (f"ana/{EXERCISE}/{EXERCISE}.ipynb", "ana"),
        (f"Ana Díaz_123_assignsubmission_file_/{EXERCISE}.ipynb", "Ana_Díaz"),
        (f"diazana_LATE_123_456_{EXERCISE}-1.ipynb", "diazana"),
        (f"ana_{EXERCISE} (2).ipynb", "ana"),
        ("ana/Copy of Exercise 04 quantization.ipynb", "ana"),
        ("ana/quantization.ipynb", "ana"),
    ],
)
def test_a_submission_is_found_in_every_layout(tmp_path, name, learner):
    source = zipped(tmp_path / "in.zip", {name: "{}", "__MACOSX/x.ipynb": "", ".DS_Store": ""})
    found, odd = submissions.collect(source, tmp_path / "submitted", [EXERCISE, "05_distillation"])
    assert [(one.learner, one.exercise) for one in found] == [(learner, EXERCISE)]
    assert odd == []
    assert found[0].notebook.read_text() == "{}"
    with zipfile.ZipFile(source) as archive:
        archive.extractall(tmp_path / "as folder")
    again, _ = submissions.collect(tmp_path / "as folder", tmp_path / "again", [EXERCISE])
    assert [one.learner for one in again] == [learner]


def test_the_last_version_counts_with_the_file_beside_it_and_late_is_said(tmp_path):
    inner = zipped(tmp_path / "inner.zip", {f"{EXERCISE}.ipynb": "third"}).read_bytes()
    files = {
        f"ana/{EXERCISE}.ipynb": "first",
        f"ana/again/{EXERCISE}.ipynb": "second",
        f"ana/{EXERCISE}.packed": "network",
        "ben.zip": inner,
        "cy/05_distillation.ipynb": "other",
        "dan/holiday.ipynb": "what",
    }
    found, odd = submissions.collect(
        zipped(tmp_path / "in.zip", files),
        tmp_path / "submitted",
        [EXERCISE, "05_distillation"],
        due=datetime(2026, 1, 1, 18),
    )
    by = {one.learner: one for one in found}
    assert by["ana"].notebook.read_text() == "second"
    assert by["ana"].files[0].read_text() == "network"
    assert by["ana"].notes == [
        "handed in 2 times; the last one counts",
        "late: 2026-01-02 12:00, due 2026-01-01 18:00",
    ]
    assert by["ben"].notebook.read_text() == "third"
    assert by["cy"].exercise == "05_distillation"
    assert odd == [f"dan/holiday.ipynb: of no exercise known ({EXERCISE}, 05_distillation)"]


def test_hostile_and_damaged_zips_harm_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "LARGEST_FILE", 1000)
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"../../{EXERCISE}.ipynb", "out")
        archive.writestr(f"/{EXERCISE}.ipynb", "out")
        archive.writestr(f"bomb/{EXERCISE}.ipynb", "0" * 100_000)
        link = zipfile.ZipInfo(f"link/{EXERCISE}.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr(f"ana/{EXERCISE}.ipynb", "good")
    path = tmp_path / "in" / "all.zip"
    path.parent.mkdir()
    path.write_bytes(inside.getvalue())
    found, odd = submissions.collect(path, tmp_path / "out" / "submitted", [EXERCISE])
    assert [one.learner for one in found] == ["ana"]
    assert sum("leads out of the zip" in line for line in odd) == 2
    assert sum("is larger than" in line for line in odd) == 1
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {
        "all.zip", f"{EXERCISE}.ipynb", "learners.json",
    }  # fmt: skip
    path.write_bytes(inside.getvalue()[:200])
    with pytest.raises(ValueError, match="no zip that can be read"):
        submissions.collect(path, tmp_path / "submitted", [EXERCISE])
    found, odd = submissions.collect(path.parent, tmp_path / "submitted", [EXERCISE])
    assert found == []
    assert "no zip that can be read" in odd[0]
    with pytest.raises(FileNotFoundError, match="is not there"):
        submissions.collect(tmp_path / "nowhere", tmp_path / "submitted", [EXERCISE])
