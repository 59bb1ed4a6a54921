"""Grade a class in one command: collect, repair, run behind walls, mark, write feedback and grades.

Every submission's outcome is a file under `results/`, written whole. Who is interrupted, or killed,
starts the same command again, and only what is missing is run. The gradebook is written by this
one process alone, in the order in which the others end.
"""

import errno
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

import nbformat
from filelock import FileLock, Timeout
from nbformat import NotebookNode

from ... import files
from ...cache import locks_work
from ..assembly import find_root, write
from . import gradebook, kernel, probing, sandbox
from .reading import read
from .repair import repair
from .submissions import Submission, collect

FULL = (errno.ENOSPC, errno.EDQUOT)  # this machine's error, no submission's
# Code that an exercise does not need, and that could be meant for the checks.
SUSPECT = {
    "changes the checks": r"\b(class )?checks(\.\w+)*\s*[=:](?!=)|setattr\(\s*checks|NotYet",
    "imports what the checks are made of": r"course_lib\.checks(\.| import (?!progress|\w+ as))",
    "reads the right answer": r"\.right\b|\.mistakes\b|\bgetsource",
    "reaches into the interpreter": r"sys\.modules|set(profile|trace)|ctypes|\bgc\.|_getframe",
    "reaches into IPython": r"get_ipython|IPython\.get|display_pub",
    "starts programs or connects": r"subprocess|os\.(system|_?exit|fork|kill|exec)|\bsocket\b",
}


@dataclass
class Outcome:
    """What came of one submission; kept as JSON."""

    learner: str
    exercise: str
    key: str
    shares: dict[str, float] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak_bytes: int = 0


@dataclass(frozen=True)
class Summary:
    """A class that was graded: how many, how long, and where everything lies."""

    outcomes: list[Outcome]
    ran: int  # submissions run now; the others were there already
    grades: Path
    review: Path
    odd: list[str]

    def __str__(self) -> str:
        doubts = sum(bool(one.doubts) for one in self.outcomes)
        return (
            f"{len(self.outcomes)} submissions graded, {self.ran} of them now; {doubts} for a "
            f"human to look at ({self.review.name}), marks in {self.grades.name}, "
            "pages in feedback/"
        )


def grade(
    folder: Path,
    submissions: Path,
    due: datetime | None = None,
    walls: sandbox.Sandbox | None = None,
    jobs: int | None = None,
    root: Path | None = None,
    on_progress: Callable[[int, int, str], None] = lambda done, of, what: None,
) -> Summary:
    """Grade all that lies in `submissions` (a folder or a zip) into the class's folder.

    Raises NotContained where strangers' code could break out, FileNotFoundError for a class or
    submissions that are not there, RuntimeError when the course's own solution does not pass here,
    or when this class is being graded already.
    """
    walls = walls or sandbox.Sandbox()
    names = gradebook.exercises(folder)
    try:
        with FileLock(folder / ".grading.lock", timeout=1) if locks_work(folder) else nullcontext():
            probing.require(walls, folder)
            released = {name: gradebook.source(folder, name) for name in names}
            found, odd = collect(submissions, folder / "submitted", names, due, released)
            used = sorted({one.exercise for one in found})
            for name in used:
                on_progress(0, len(found), f"{name}: the course's own solution")
                _reference(folder, name, find_root(root), walls)
            return _grade_all(folder, found, odd, walls, jobs or _cores(), on_progress)
    except Timeout:
        raise RuntimeError(f"{folder} is being graded already; wait for that, or end it") from None


def _grade_all(
    folder: Path,
    found: Sequence[Submission],
    odd: list[str],
    walls: sandbox.Sandbox,
    jobs: int,
    on_progress: Callable[[int, int, str], None],
) -> Summary:
    outcomes: list[Outcome] = []
    ran = 0
    pool = ThreadPoolExecutor(jobs)
    try:
        waiting = {pool.submit(_outcome, folder, one, walls): one for one in found}
        for future in as_completed(waiting):
            one = waiting[future]
            outcome, now = _marked(folder, one, future)
            ran += now
            outcomes.append(replace(outcome, doubts=[*outcome.doubts, *one.doubts]))
            on_progress(len(outcomes), len(found), f"{one.learner}, {one.exercise}")
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    outcomes.sort(key=lambda one: (one.exercise, one.learner))
    doubts = [(one.learner, one.exercise, why) for one in outcomes for why in one.doubts]
    doubts += [("", "", line) for line in odd]
    rows = [{"learner": who, "exercise": what, "why": why} for who, what, why in doubts]
    return Summary(outcomes, ran, gradebook.export(folder), gradebook.review(folder, rows), odd)


def _marked(folder: Path, one: Submission, future: Future) -> tuple[Outcome, bool]:
    """The outcome of a submission, its marks and its page; an error in one stops no other."""
    try:
        outcome, now = future.result()
        graded = nbformat.read(_result(folder, one).with_suffix(".ipynb"), as_version=4)
        gradebook.save(folder, one.learner, one.exercise, graded, outcome.shares, one.handed_in)
        notes = [*one.notes, *outcome.notes, *outcome.doubts]
        gradebook.feedback(folder, one.learner, one.exercise, notes)
        return outcome, now
    except Exception as error:  # whatever a stranger's notebook makes any library raise
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        said = f"could not be graded ({type(error).__name__}: {str(error)[:200]}); look at it"
        return Outcome(one.learner, one.exercise, "", doubts=[said]), True


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _result(folder: Path, one: Submission) -> Path:
    return folder / "results" / one.learner / f"{one.exercise}.json"


def _key(folder: Path, one: Submission, walls: sandbox.Sandbox) -> str:
    """A hash of everything that an outcome depends on."""
    digest = hashlib.sha256(repr(walls).encode())
    for path in (
        folder / "source" / one.exercise / f"{one.exercise}.ipynb",
        one.notebook,
        *one.files,
    ):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    judging = (sandbox.LIBRARY / "classroom" / "grading").glob("*.py")
    for path in sorted([*(sandbox.LIBRARY / "checks").rglob("*.py"), *judging]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def _outcome(folder: Path, one: Submission, walls: sandbox.Sandbox) -> tuple[Outcome, bool]:
    """The outcome of a submission, and whether it had to be run for that."""
    path, key = _result(folder, one), _key(folder, one, walls)
    try:
        kept = Outcome(**json.loads(path.read_text(encoding="utf-8")))
        if kept.key == key and path.with_suffix(".ipynb").exists():
            return kept, False
    except (OSError, ValueError, TypeError):
        pass  # none yet, or damaged: it is run
    outcome = Outcome(one.learner, one.exercise, key)
    released = gradebook.source(folder, one.exercise)
    notebook = _run(released, one, walls, outcome)
    try:
        write(notebook, path.with_suffix(".ipynb"))
    except nbformat.ValidationError:  # of what a stranger's code has shown
        outcome.doubts.append("what it showed is nothing that a notebook can hold; left out")
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = []
        write(notebook, path.with_suffix(".ipynb"))
    files.write(path, json.dumps(asdict(outcome), indent=1) + "\n")
    return outcome, True


def _run(
    released: NotebookNode, one: Submission, walls: sandbox.Sandbox, outcome: Outcome
) -> NotebookNode:
    try:
        sent, mended = read(one.notebook, script=one.notebook.suffix == ".py")
        repaired = repair(released, sent)
    except Exception as error:  # whatever a stranger's file makes a parser raise
        said = f"the notebook cannot be read ({type(error).__name__}); taken as not answered"
        outcome.doubts.append(said)
        return nbformat.from_dict(released)
    outcome.notes = [*mended, *repaired.notes]
    outcome.doubts = [*repaired.doubts, *suspicions(repaired.notebook, released)]
    graded = kernel.run(repaired.notebook, walls, one.files, given_by(released))
    outcome.shares = {name: verdict.share for name, verdict in graded.verdicts.items()}
    outcome.said = {name: verdict.said for name, verdict in graded.verdicts.items()}
    outcome.doubts += graded.doubts
    outcome.seconds, outcome.peak_bytes = round(graded.seconds, 2), graded.peak_bytes
    return graded.notebook


def given_by(released: NotebookNode) -> str:
    """The code that a released notebook gives, without what is asked for and what grades it."""
    return "\n\n".join(
        cell.source
        for cell in released.cells
        if cell.cell_type == "code"
        and "nbgrader" not in cell.metadata
        and "colab" not in cell.metadata.get("tags", [])
    )


def suspicions(notebook: NotebookNode, released: NotebookNode) -> list[str]:
    """What in a learner's code a human should look at; no mark depends on it."""
    given = {cell.source.strip() for cell in released.cells}
    code = "\n".join(
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.source.strip() not in given
    )
    return [f"its code {what}" for what, how in SUSPECT.items() if re.search(how, code)]


def _reference(folder: Path, name: str, root: Path, walls: sandbox.Sandbox) -> None:
    """Run the course's own solution: it must get all marks here, and fills the cache."""
    path = root / "solutions" / f"{name}.ipynb"
    if not path.exists():
        return
    os.environ.setdefault("TQDM_DISABLE", "1")
    _fill_cache()
    one = Submission("_solution", name, path)
    released = gradebook.source(folder, name)
    key, done = _key(folder, one, walls), folder / "results" / "_solution" / f"{name}.json"
    if done.exists() and json.loads(done.read_text(encoding="utf-8")).get("key") == key:
        return
    generous = replace(walls, limits=replace(walls.limits, cell_seconds=600, seconds=1800))
    graded = kernel.run(
        repair(released, nbformat.read(path, as_version=4)).notebook,
        generous,
        (),
        given_by(released),
    )
    wrong = {n: verdict.said for n, verdict in graded.verdicts.items() if verdict.share < 1}
    if wrong:
        lines = "; ".join(f"{n}: {said}" for n, said in wrong.items())
        raise RuntimeError(f"the course's own solution of {name} does not pass here: {lines}")
    files.write(done, json.dumps({"key": key, "seconds": graded.seconds}) + "\n")


def _fill_cache() -> None:
    """Have the built-in leaves rendered once; behind the walls the cache can only be read."""
    from ...images import data

    data.load("leaves")


def say(done: int, of: int, what: str) -> None:
    """Progress on stderr: one line that is redrawn on a terminal, a line each elsewhere."""
    line = f"{done} of {of}  {what}"[:100]
    again = sys.stderr.isatty()
    print(f"\r\x1b[K{line}" if again else line, end="" if again and done < of else "\n",
          file=sys.stderr, flush=True)  # fmt: skip
