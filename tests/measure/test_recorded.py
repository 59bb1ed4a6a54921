"""Recorded figures are read with how they came about, or computed again."""

import json

import pytest

from course_lib import recorded


def test_a_label_says_how_figures_came_about(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    monkeypatch.delenv("COURSE_FULL", raising=False)
    made = {
        "date": "2026-11-23", "machine": "a laptop", "command": "python benchmarks/x.py",
        "commit": "abc", "seconds": 1234.5,
    }  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps({"sweep": {"rows": [1], "made": made}}))
    found = recorded.load("x")
    assert found["sweep"]["rows"] == [1]
    assert found.label("sweep") == (
        "recorded 2026-11-23, a laptop: python benchmarks/x.py, 1,234 s"
    )
    with pytest.raises(FileNotFoundError, match="nothing was recorded under 'y'; there is: x"):
        recorded.load("y")


def test_what_is_asked_for_in_full_is_computed_by_its_script(tmp_path, monkeypatch):
    (tmp_path / "course_lib").mkdir()
    (tmp_path / "benchmarks").mkdir()
    monkeypatch.setattr(recorded, "__file__", str(tmp_path / "course_lib/measure/recorded.py"))
    monkeypatch.setenv("COURSE_FULL", "1")
    with pytest.raises(FileNotFoundError, match="only a clone"):
        recorded.load("x")
    (tmp_path / "benchmarks/x.py").write_text(
        "import json, os, pathlib\n"
        "folder = pathlib.Path(os.environ['COURSE_RECORD'])\n"
        "(folder / 'x.json').write_text(json.dumps({'sweep': {'rows': [2]}}))\n"
    )
    assert recorded.load("x")["sweep"]["rows"] == [2]


def test_a_claim_about_what_is_recorded_may_only_fail_where_it_is_computed(monkeypatch):
    monkeypatch.delenv("COURSE_FULL", raising=False)
    assert recorded.computed() is None
    monkeypatch.setenv("COURSE_FULL", "1")
    assert "COURSE_FULL=1" in recorded.computed()
