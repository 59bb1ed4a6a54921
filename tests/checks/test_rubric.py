"""What a good written answer says: shown once something was written."""

import json

import pytest

from course_lib.checks.rubric import TEXT_STUB, Rubric

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
