"""Notebooks are read whatever an editor made of them, and every exercise is told by its cells."""

from pathlib import Path

import jupytext
import nbformat
import pytest
from nbconvert import PythonExporter

from course_lib.classroom.grading.reading import Known, is_solution, read

ROOT = Path(__file__).parents[2]
RELEASED = {
    path.stem: nbformat.read(path, as_version=4)
    for path in sorted((ROOT / "exercises").glob("*.ipynb"))
}
KNOWN = Known(RELEASED)


def bare(notebook, kinds=("code", "markdown")):
    """Its cells without any metadata and ids."""
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    cells = [
        make[cell.cell_type](cell.source) for cell in notebook.cells if cell.cell_type in kinds
    ]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.parametrize("name", RELEASED)
def test_every_exercise_is_told_by_its_cells_whatever_was_lost(tmp_path, name):
    whole = RELEASED[name]
    for sent in (whole, bare(whole), bare(whole, ["code"]), bare(whole, ["markdown"])):
        assert KNOWN.exercises_of(sent) == [name]
    renamed = bare(whole)
    for cell in renamed.cells:
        cell.source = cell.source.replace("raise NotImplementedError", "return 1")
    assert KNOWN.exercises_of(renamed) == [name]
    texts = {
        "percent": jupytext.writes(whole, fmt="py:percent"),
        "light": jupytext.writes(whole, fmt="py:light"),
        "jupyter": PythonExporter().from_notebook_node(whole)[0],
    }
    for kind, text in texts.items():
        path = tmp_path / f"{kind}.py"
        path.write_text(text, encoding="utf-8")
        assert KNOWN.exercises_of(read(path, script=True)[0]) == [name], kind


def test_other_notebooks_are_of_no_exercise():
    assert KNOWN.exercises_of(nbformat.v4.new_notebook()) == []
    own = [nbformat.v4.new_code_cell("import torch"), nbformat.v4.new_markdown_cell("## 1. Mine")]
    assert KNOWN.exercises_of(nbformat.v4.new_notebook(cells=own)) == []
    solution = nbformat.read(ROOT / "solutions" / "04_quantization.ipynb", as_version=4)
    assert is_solution(solution)
    assert not any(map(is_solution, RELEASED.values()))


def test_what_would_take_minutes_is_not_read(tmp_path):
    path = tmp_path / "x.py"
    for text in ("x\n\n" * 60_000 + "import course_lib", "def affine(): ..."):
        path.write_text(text)
        with pytest.raises(ValueError, match="script of none"):
            read(path, script=True)
    many = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1") for _ in range(1001)])
    path.write_text(nbformat.writes(many))
    with pytest.raises(ValueError, match="more than 1,000 cells"):
        read(path)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_a_notebook_of_any_encoding_is_read(tmp_path, encoding):
    path = tmp_path / "x.ipynb"
    sent = bare(RELEASED["04_quantization"], ["code"])
    sent.cells.append(nbformat.v4.new_markdown_cell("été"))
    path.write_bytes(nbformat.writes(sent).encode(encoding))
    made, notes = read(path)
    assert [cell.source for cell in made.cells] == [cell.source for cell in sent.cells]
    assert bool(notes) == (encoding == "cp1252")
