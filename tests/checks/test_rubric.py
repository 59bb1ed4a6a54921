"""What a good written answer says: shown once something was written."""

import importlib
import json
from pathlib import Path

import jupytext
import pytest

from course_lib.checks.rubric import TEXT_STUB, Rubric

SOLUTIONS = sorted((Path(__file__).parents[2] / "solutions").glob("*.py"))
WHY = Rubric("02_neuron_pruning", "why_norms", ("It remembers <the sum>.", "It shifts."))
QUESTION = "**What was broken?** Three to six sentences.\n\n"


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Save the learner's notebook with this text in the answer's cell."""
    monkeypatch.chdir(tmp_path)

    def save(text):
        mark = {"nbgrader": {"grade_id": "why_norms-answer"}}
        cells = [
            {"cell_type": "code", "metadata": {}, "source": ["1"]},
            {"cell_type": "markdown", "metadata": mark, "source": text.splitlines(keepends=True)},
        ]
        content = json.dumps({"cells": cells})
        (tmp_path / "02_neuron_pruning.ipynb").write_text(content, encoding="utf-8")

    return save


def test_nothing_is_shown_before_something_was_written(saved):
    saved(QUESTION + TEXT_STUB)
    shown = WHY()
    assert "open. Write your answer" in str(shown)
    for text in (str(shown), shown._repr_html_()):
        assert "remembers" not in text


def test_the_points_stand_open_beside_what_was_written(saved):
    saved(QUESTION + "The norms remembered the channels that went.")
    shown = WHY()
    assert str(shown).endswith("- It remembers <the sum>.\n- It shifts.")
    assert "<details open>" in shown._repr_html_()
    assert "<li>It remembers &lt;the sum&gt;.</li>" in shown._repr_html_()


@pytest.mark.parametrize("content", ["", "[]", '{"cells": [{}]}', '{"cells": []}', None])
def test_where_the_notebook_cannot_be_read_they_are_folded(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "02_neuron_pruning.ipynb").write_text(content, encoding="utf-8")
    assert "<details><summary>" in WHY()._repr_html_()


@pytest.mark.parametrize("source", SOLUTIONS, ids=lambda path: path.stem)
def test_each_written_task_is_followed_by_its_rubric(source):
    cells = jupytext.read(source).cells
    checks = importlib.import_module(f"course_lib.checks.{source.stem[3:]}")
    written = [place for place, cell in enumerate(cells) if "answer" in cell.metadata]
    assert written
    for place in written:
        name = cells[place].metadata["answer"]
        assert cells[place + 1].source == f"checks.{name}()"
        rubric = getattr(checks, name)
        assert (rubric.exercise, rubric.name) == (source.stem, name)
        assert len(rubric.points) >= 2
