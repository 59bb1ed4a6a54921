"""The class's folder, in nbgrader's own layout, and its gradebook.

    nbgrader_config.py  gradebook.db  source/ release/ submitted/ autograded/ feedback/
    grades.csv  review.csv

`nbgrader` itself works on it: `nbgrader formgrader` shows it, and marks written answers by hand.
The gradebook is only ever written by one process.
"""

import contextlib
import csv
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from ... import files
from ..assembly import find_root, first_cells, write
from ..exercises import exercise

PARTS = (
    "nbgrader_config.py",
    "gradebook.db",
    "release",
    "source",
)  # of a class; the last makes it one
BOM = "\ufeff"  # by this a spreadsheet knows that a table is UTF-8
CONFIGURATION = '''\
"""Of nbgrader, for a class of this course. Exercises are made by `make notebooks`."""

c = get_config()  # noqa: F821
c.CourseDirectory.root = "."
c.CourseDirectory.course_id = "pruning"
# Solutions were taken out when the exercise was made, guesses and all.
c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.LockCells",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]
'''


def database(folder: Path) -> str:
    """The address of a class's gradebook."""
    return f"sqlite:///{(folder / 'gradebook.db').as_posix()}"


def new(folder: Path, root: Path | None = None) -> list[str]:
    """Make a class's folder, or bring its exercises up to date; the exercises' names.

    A new one is there as a whole, or not at all. Nothing of a class that has begun is lost: marks
    and submissions stay. Raises FileNotFoundError where no solutions are built, ValueError
    for a file.
    """
    base = find_root(root)
    solutions = sorted((base / "solutions").glob("[0-9][0-9]_*.ipynb"))
    if not solutions:
        raise FileNotFoundError(f"{base / 'solutions'} holds no built solution: `make notebooks`")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"a class is a folder, and {folder} is a file: give another name")
    if any((folder / name).exists() for name in PARTS):
        return _fill(folder, solutions, base)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with files.scratch(folder) as part:
        names = _fill(part, solutions, base)
        folder.mkdir(exist_ok=True)
        for name in PARTS:
            (part / name).rename(folder / name)
    return names


def _fill(folder: Path, solutions: Sequence[Path], base: Path) -> list[str]:
    _begin(folder)
    files.write(folder / "nbgrader_config.py", CONFIGURATION)
    names = []
    for path in solutions:
        name = path.stem
        solution = nbformat.read(path, as_version=4)
        made = exercise(solution, first_cells(f"exercises/{name}", base), hidden_tests=True)
        write(made, folder / "source" / name / f"{name}.ipynb")
        _release(folder, name)
        names.append(name)
    return names


def _begin(folder: Path) -> None:
    """Make an empty gradebook, as nbgrader would, but without calling `alembic` by its name."""
    import nbgrader
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from nbgrader.api import Base
    from sqlalchemy import create_engine, inspect

    engine = create_engine(database(folder))
    if not inspect(engine).get_table_names():
        Base.metadata.create_all(engine)
        scripts = ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic"))
        with engine.begin() as connection:
            MigrationContext.configure(connection).stamp(scripts, "head")
    engine.dispose()


def _release(folder: Path, name: str) -> None:
    """nbgrader's generate_assignment: the source into the gradebook, the exercise into release/."""
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        ClearHiddenTests,
        ComputeChecksums,
        LockCells,
        SaveCells,
    )

    made = source(folder, name)
    with book(folder) as grades:
        grades.update_or_create_assignment(name)
    about = {"nbgrader": {"assignment": name, "notebook": name, "db_url": database(folder)}}
    steps = [LockCells, CheckCellMetadata, ComputeChecksums, SaveCells]
    steps += [ClearHiddenTests, ComputeChecksums, CheckCellMetadata]
    with _quiet():
        for step in steps:
            made, _ = step().preprocess(made, about)
    write(made, folder / "release" / name / f"{name}.ipynb")


def source(folder: Path, name: str) -> NotebookNode:
    """An exercise with its hidden tests, as it grades."""
    made: NotebookNode = nbformat.read(folder / "source" / name / f"{name}.ipynb", as_version=4)
    return made


def exercises(folder: Path) -> list[str]:
    """The names of a class's exercises. Raises FileNotFoundError where there is no class."""
    names = sorted(path.parent.name for path in folder.glob("source/*/*.ipynb"))
    if not names:
        raise FileNotFoundError(f"{folder} is no class's folder yet: make one with `class new`")
    return names


@contextlib.contextmanager
def book(folder: Path) -> Iterator:
    """The gradebook, closed afterwards."""
    from nbgrader.api import Gradebook

    grades = Gradebook(database(folder))
    try:
        with _quiet():
            yield grades
    finally:
        grades.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without nbgrader's own log; errors are raised all the same."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SQLAlchemy's, of how nbgrader uses it
            yield
    finally:
        logging.disable(before)


def save(
    folder: Path,
    learner: str,
    name: str,
    graded: NotebookNode,
    shares: dict[str, float],
    handed_in: datetime | None,
) -> None:
    """Write one graded submission: autograded/ and all its marks, by nbgrader's own means.

    shares: {check: share of its points}. Marks given by hand are kept; answers in words that are
    new, or changed, wait for a human.
    """
    from nbgrader.preprocessors import ComputeChecksums

    made: NotebookNode = nbformat.from_dict(graded)
    place = folder / "autograded" / learner / name
    write(made, place / f"{name}.ipynb")
    with book(folder) as grades:
        grades.update_or_create_student(learner)
        when = handed_in.astimezone(UTC).replace(tzinfo=None) if handed_in else None
        grades.update_or_create_submission(name, learner, timestamp=when)
        stored = {
            cell.name: cell.checksum for cell in grades.find_notebook(name, name).source_cells
        }
        made, _ = ComputeChecksums().preprocess(made, {})
        for cell in made.cells:
            own = cell.metadata.get("nbgrader", {})
            grade_id = own.get("grade_id")
            if not own.get("grade") or grade_id not in stored:
                continue
            grade = grades.find_grade(grade_id, name, name, learner)
            if own.get("solution"):  # written, marked by hand; untouched, it is worth nothing
                untouched = stored[grade_id] == own.get("checksum")
                grade.auto_score = 0 if untouched else None
                grade.needs_manual_grade = grade.manual_score is None and not untouched
            else:
                grade.auto_score = float(own.points) * shares.get(grade_id, 0)
                grade.needs_manual_grade = False
        grades.db.commit()


def feedback(folder: Path, learner: str, name: str, notes: Sequence[str]) -> Path:
    """Write the page that a learner gets back: their notebook, marks, what was found."""
    from nbgrader.preprocessors import GetGrades

    from .pages import page

    graded = nbformat.read(folder / "autograded" / learner / name / f"{name}.ipynb", as_version=4)
    if notes:
        text = "**About this submission**\n\n" + "\n".join(f"- {note}" for note in notes)
        graded.cells.insert(0, nbformat.v4.new_markdown_cell(text))
    about = {
        "nbgrader": {"assignment": name, "notebook": name, "student": learner,
                     "db_url": database(folder)},
    }  # fmt: skip
    with _quiet():
        graded, _ = GetGrades().preprocess(graded, about)
        for cell in graded.cells:
            own = cell.metadata.get("nbgrader", {})
            if own.get("grade"):
                score = own.get("score")
                points = "waits for your teacher" if score is None else f"{score:g}"
                sign = "# " if cell.cell_type == "code" else ""
                cell.source += f"\n\n{sign}Points: {points} of {own.points:g}"
        made = page(graded, f"{name}, {learner}")
    return files.write(folder / "feedback" / learner / f"{name}.html", made)


def export(folder: Path) -> Path:
    """Write grades.csv: a row for each learner and exercise, a column for each task."""
    rows: list[dict] = []
    tasks: dict[str, None] = {}
    with book(folder) as grades:
        for submission in grades.db.query(_submitted()).all():
            row: dict = {
                "learner": submission.student.id,
                "exercise": submission.assignment.name,
                "handed in": f"{submission.timestamp:%Y-%m-%d %H:%M}"
                if submission.timestamp
                else "",
                "points": round(submission.score, 2),
                "of": round(submission.max_score, 2),
                "waits for marks by hand": "yes" if submission.needs_manual_grade else "",
            }
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    tasks[grade.name] = None
                    row[grade.name] = "" if grade.needs_manual_grade else round(grade.score, 2)
            rows.append(row)
    rows.sort(key=lambda row: (row["exercise"], row["learner"]))
    heads = ["learner", "exercise", "handed in", "points", "of", "waits for marks by hand", *tasks]
    return _table(folder / "grades.csv", heads, rows)


def _submitted():
    from nbgrader.api import SubmittedAssignment

    return SubmittedAssignment


def _table(path: Path, heads: Sequence[str], rows: Sequence[dict]) -> Path:
    sheet = io.StringIO(newline="")
    table = csv.DictWriter(sheet, heads, restval="")
    table.writeheader()
    # A sheet would take a name that begins with = for a formula.
    table.writerows(
        {head: f"'{v}" if _computes(v) else v for head, v in row.items()} for row in rows
    )
    return files.write(path, BOM + files.whole(sheet.getvalue()))


def _computes(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))


def review(folder: Path, rows: Sequence[dict]) -> Path:
    """Write review.csv: what a human should look at, and why."""
    return _table(folder / "review.csv", ["learner", "exercise", "why"], rows)
