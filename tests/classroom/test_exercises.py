"""Exercises made from solutions: nothing of a solution stays, and all that grading needs does."""

import os
import re
from pathlib import Path

import nbformat
import pytest

from course_lib import notebooks
from course_lib.classroom import assembly
from course_lib.classroom.execution import execute, kernel_env
from course_lib.classroom.exercises import GOES_ON

ROOT = Path(__file__).parents[2]
SOLUTIONS = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.py"))
SOLUTION = '''\
# %% [markdown]
# # Exercise

# %%
import math

# %% task="area"
def area(radius):
    """Of a circle."""
    ### BEGIN SOLUTION
    return math.pi * radius**2
    ### END SOLUTION

# %% check="area" points=2
assert area(0) == 0
### BEGIN HIDDEN TESTS
assert round(area(1), 2) == 3.14
### END HIDDEN TESTS

# %% guess="ratio"
ratio = 1.27

# %% check="ratio" points=1
if ratio is None:
    raise NotImplementedError

# %% task="tuned"
### BEGIN SOLUTION
best = 1.2732
### END SOLUTION

# %% check="tuned" points=1
assert True

# %% [markdown] answer="why" points=3
# **Why?**
# <!-- BEGIN SOLUTION -->
# Since the square stands around it.
# <!-- END SOLUTION -->
'''


@pytest.fixture
def house(tmp_path):
    """A repository with one solution, and nothing else to speak of."""
    root = tmp_path / "house"
    for folder in ("solutions", "course_lib", "notebooks"):
        (root / folder).mkdir(parents=True)
    (root / "course_lib/__init__.py").touch()
    (root / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (root / "solutions/01_one.py").write_text(SOLUTION)
    return root


def built(house):
    assert notebooks.build(root=house) == 0
    return nbformat.read(house / "exercises/01_one.ipynb", as_version=4)


def test_an_exercise_holds_no_answer_and_says_what_to_write(house):
    made = built(house)
    text = "\n".join(cell.source for cell in made.cells)
    for gone in ("SOLUTION", "HIDDEN", "math.pi", "3.14", "1.27", "square", "best"):
        assert gone not in text
    assert "    raise NotImplementedError  # write your code here, and delete this line" in text
    assert "ratio = None  # your guess, a number" in text
    assert [c.source for c in made.cells if "1.2732" in c.source or "# Write your" in c.source] == [
        "# Write your code here."
    ]
    assert "**Why?**\n*Write your answer here.*" in text
    assert "blob/main/exercises/01_one.ipynb" in text
    assert "assert area(0) == 0" in text
    assert all(not cell.get("outputs") for cell in made.cells)
    solution = nbformat.read(house / "solutions/01_one.ipynb", as_version=4)
    assert "solutions/01_one.ipynb" in solution.cells[0].source
    assert "3.14" in "\n".join(cell.source for cell in solution.cells)


def test_an_exercise_keeps_what_grading_needs(house):
    graded = {
        cell.metadata.nbgrader.grade_id: cell
        for cell in built(house).cells
        if "nbgrader" in cell.metadata
    }
    points = {name: cell.metadata.nbgrader.get("points") for name, cell in graded.items()}
    assert list(points.items()) == [
        ("area", None), ("area-check", 2), ("ratio", None), ("ratio-check", 1), ("tuned", None),
        ("tuned-check", 1), ("why-answer", 3),
    ]  # fmt: skip
    assert [name for name, cell in graded.items() if not cell.metadata.get("editable", True)] == [
        "area-check",
        "ratio-check",
        "tuned-check",
    ]
    assert not any(cell.metadata.get("deletable", True) for cell in graded.values())


def test_run_all_goes_to_the_end_and_fails_in_the_open_tasks_alone(house):
    built(house)
    ran = execute(house / "exercises/01_one.ipynb")
    assert ran.failure is None
    assert errors(ran.notebook) == {
        "area-check": "NotImplementedError",
        "ratio-check": "NotImplementedError",
    }


def errors(notebook):
    return {
        cell.metadata.get("nbgrader", {}).get("grade_id", cell.source): output.ename
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('# %% task="area"', "# %%", "needs task="),
        ('# %% task="area"', '# %% task="area" check="area"', "a cell has one mark"),
        ('# %% task="area"', '# %% task="the area"', "a name of small letters"),
        ('# %% task="area"', '# %% task="area" points=2', "its check has the points"),
        ('check="area" points=2', 'check="area"', "needs points="),
        ('check="ratio" points=1', 'check="ratio" points=0.5', "a whole number above 0"),
        ('check="ratio"', 'check="area"', "is there twice"),
        ('guess="ratio"', 'guess="other"', "is the line `other = NUMBER`"),
        ("[markdown] answer=", "answer=", "answers are"),
        ("    ### END SOLUTION\n", "", "do not match"),
        ("### END HIDDEN TESTS", "### BEGIN HIDDEN TESTS", "do not match"),
        ('# %% guess="ratio"', '# %% task="ratio"', "hold BEGIN SOLUTION"),
    ],
)
def test_marks_that_nbgrader_could_not_grade_by_are_named(house, capsys, old, new, said):
    assert old in SOLUTION
    # What were Python no longer is left out of the test: the marks are looked at first.
    (house / "solutions/01_one.py").write_text(SOLUTION.replace(old, new))
    if "answer" in old:
        (house / "solutions/01_one.py").write_text(
            SOLUTION.replace(old, new).replace("# **Why", "1  # **Why")
        )
    assert notebooks.build(root=house) == 1
    out = capsys.readouterr().out
    assert out.startswith("solutions/01_one.py: 01_one.py: ")
    assert said in out


@pytest.mark.long  # each executes twice
@pytest.mark.parametrize("what", ["edited", "points", "missing", "orphan"])
def test_an_exercise_that_is_not_its_solutions_is_seen_and_made_anew(house, capsys, what):
    made = built(house)
    path = house / "exercises/01_one.ipynb"
    if what == "edited":
        made.cells[3].source += "\n# edited"
        nbformat.write(made, path)
    elif what == "points":
        source = house / "solutions/01_one.py"
        source.write_text(SOLUTION.replace('check="area" points=2', 'check="area" points=4'))
    elif what == "missing":
        path.unlink()
    else:
        path.with_name("02_two.ipynb").write_bytes(path.read_bytes())
    capsys.readouterr()
    assert notebooks.build(root=house, check=True) == 1
    assert "0" in capsys.readouterr().out
    if what == "orphan":
        return
    assert notebooks.build(root=house) == 0
    assert notebooks.build(root=house, check=True) == 0
    check = next(
        c for c in nbformat.read(path, as_version=4).cells if c.source.startswith("assert")
    )
    assert check.metadata.nbgrader.points == (4 if what == "points" else 2)


# The course's own


@pytest.mark.parametrize("source", SOLUTIONS, ids=lambda path: path.stem)
def test_every_check_of_an_exercise_is_called_and_every_task_checked(source):
    from course_lib.checks import record

    cells = assembly.assemble(source, ROOT).cells
    graded = {c.metadata.nbgrader.grade_id: c for c in cells if "nbgrader" in c.metadata}
    written = [name for name, cell in graded.items() if not cell.metadata.nbgrader.grade]
    assert [f"{name}-check" for name in written if f"{name}-check" not in graded] == []
    assert 4 <= len(written) <= 6
    tasks = record.progress().chapters[source.stem]
    assert list(tasks) == written
    for name in written:
        visible = graded[f"{name}-check"].source.partition("### BEGIN HIDDEN")[0].strip()
        assert re.match(rf"checks\.{name}\(", visible)
    hidden = [c for c in graded.values() if "### BEGIN HIDDEN TESTS" in c.source]
    assert len(hidden) >= 2
    assert cells[-1].source == "progress()"


@pytest.mark.long
@pytest.mark.parametrize("source", SOLUTIONS, ids=lambda path: path.stem)
def test_the_untouched_exercise_runs_and_only_its_tasks_are_open(source, tmp_path):
    path = ROOT / "exercises" / f"{source.stem}.ipynb"
    env = kernel_env(ROOT, COURSE_PROGRESS="", COURSE_DATA=None, TQDM_DISABLE="1")
    ran = execute(path, cwd=tmp_path, env=env)
    assert ran.failure is None
    raised = errors(ran.notebook)
    assert set(raised.values()) == {"NotImplementedError"}
    checks = {
        cell.metadata.nbgrader.grade_id
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
    }
    assert checks <= set(raised)
    assert all(
        GOES_ON in cell.metadata.tags for cell in ran.notebook.cells if names(cell) in raised
    )
    assert os.listdir(tmp_path) == []


def names(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")
