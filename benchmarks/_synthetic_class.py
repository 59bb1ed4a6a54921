"""A class of learners who do not exist: what they hand in, and the marks that are right for it."""

import random
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
EXERCISE = "04_quantization"
POINTS = {
    "layer_bytes": 2,
    "affine": 3,
    "round_in_groups": 3,
    "my_factor": 1,
    "rounded": 3,
    "few_bits": 4,
}
WRONG_AFFINE = """\
def affine(low, high, bits):
    largest = max(abs(low), abs(high))
    return largest / (2 ** (bits - 1) - 1), 0
"""
HANGS = "def affine(low, high, bits):\n    while True:\n        pass\n"


@dataclass(frozen=True)
class Learner:
    """One made-up learner: a notebook, and the tasks that they are to get points for."""

    name: str
    kind: str
    notebook: NotebookNode
    passes: frozenset[str]
    flagged: bool = False  # a human is to look at it

    @property
    def points(self) -> float:
        """Of all checks; answers in words wait for a human."""
        return sum(POINTS[task] for task in self.passes)


def one_exercise(root: Path) -> Path:
    """A folder to make a class from that holds this exercise alone."""
    for name in ("pyproject.toml", f"solutions/{EXERCISE}.ipynb"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


def answered(*tasks: str) -> NotebookNode:
    """The exercise with these tasks answered as the solution does, the others untouched."""
    made = nbformat.read(ROOT / "exercises" / f"{EXERCISE}.ipynb", as_version=4)
    solution = nbformat.read(ROOT / "solutions" / f"{EXERCISE}.ipynb", as_version=4)
    given = {named(cell): cell.source for cell in solution.cells}
    for cell in made.cells:
        if named(cell) in tasks:
            lines = given[named(cell)].splitlines()
            cell.source = "\n".join(line for line in lines if "SOLUTION" not in line)
    return made


def named(cell: NotebookNode) -> str:
    """The name of a cell for grading; empty for all others."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def cell_of(notebook: NotebookNode, name: str) -> NotebookNode:
    """A notebook's cell of that name."""
    return next(cell for cell in notebook.cells if named(cell) == name)


EASY = ("layer_bytes", "affine", "round_in_groups", "my_factor", "rounded")
ALL = (*EASY, "few_bits")


def _insert(notebook: NotebookNode, before: str, code: str) -> None:
    at = notebook.cells.index(cell_of(notebook, before))
    notebook.cells.insert(at, nbformat.v4.new_code_cell(code))


def right() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered(*ALL, "why_factor-answer", "why_bits-answer")
    return made, ALL


def without_the_last() -> tuple[NotebookNode, tuple[str, ...]]:
    return answered(*EASY, "why_factor-answer"), EASY


def partly_right() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes", "my_factor", "rounded")
    cell_of(made, "affine").source = WRONG_AFFINE
    return made, ("layer_bytes", "my_factor", "rounded")


def untouched() -> tuple[NotebookNode, tuple[str, ...]]:
    return answered(), ()


def not_python() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes", "my_factor")
    cell_of(made, "affine").source = "def affine(low, high bits):\n  return"
    return made, ("layer_bytes", "my_factor")


def hangs_in_a_task() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes", "round_in_groups", "my_factor")
    cell_of(made, "affine").source = HANGS
    return made, ("layer_bytes", "round_in_groups", "my_factor")


def ends_the_kernel() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes", "affine", "my_factor")
    cell_of(made, "affine").source += "\nimport os\nos._exit(0)"
    return made, ("layer_bytes",)


def edits_the_checks() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes")
    for name in ALL[1:]:
        cell_of(made, f"{name}-check").source = f"print('{name}: passed.')"
    return made, ("layer_bytes",)


def overwrites_checks() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes")
    code = "class checks:\n" + "".join(
        f"    {name} = staticmethod(lambda *a, **k: print('passed'))\n" for name in ALL
    )
    _insert(made, "affine", code)
    return made, ("layer_bytes",)


def patches_the_checks() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes")
    code = (
        "from course_lib.checks import budget, prediction, task\n"
        "for kind in (task.Task, prediction.Prediction, budget.Budget):\n"
        "    kind.__call__ = lambda self, *a, **k: 'passed'\n"
        "task.Task.finding = lambda self, *a, **k: None\n"
    )
    _insert(made, "affine", code)
    return made, ("layer_bytes",)


def hands_in_the_right_answer_itself() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes")
    cell_of(made, "affine").source = "affine = checks.affine.right"
    return made, ("layer_bytes",)


def deletes_the_checks() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes", "my_factor")
    made.cells = [cell for cell in made.cells if not named(cell).endswith("-check")]
    return made, ("layer_bytes", "my_factor")


def forks() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes", "affine")
    _insert(made, "affine", "import os\nwhile True:\n    os.fork()")
    return made, ("layer_bytes",)


def fills_the_memory() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes", "affine")
    _insert(made, "affine", "kept = []\nwhile True:\n    kept.append(bytearray(b'x') * 50_000_000)")
    return made, ("layer_bytes",)


def fills_the_disk() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes", "affine")
    code = (
        "with open('large', 'wb') as file:\n    while True:\n        file.write(bytes(1_000_000))"
    )
    _insert(made, "affine", code)
    return made, ("layer_bytes", "affine")


def prints_without_end() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes", "affine")
    _insert(made, "affine", "while True:\n    print('x' * 1000)")
    return made, ("layer_bytes",)


def lost_metadata() -> tuple[NotebookNode, tuple[str, ...]]:
    """From Colab by way of a platform: no metadata, other ids, one cell's type changed."""
    made, passes = right()
    for number, cell in enumerate(made.cells):
        cell.metadata = nbformat.from_dict({})
        cell.id = f"other-{number}"
    return made, passes


def copied_and_retyped() -> tuple[NotebookNode, tuple[str, ...]]:
    made = answered("layer_bytes", "affine", "rounded", "my_factor")
    copy = nbformat.from_dict(cell_of(made, "affine"))
    copy.id = "copied"
    cell_of(made, "affine").source = WRONG_AFFINE
    made.cells.insert(made.cells.index(cell_of(made, "affine")) + 1, copy)
    retyped = cell_of(made, "rounded")
    retyped.cell_type = "raw"
    for key in ("outputs", "execution_count"):
        retyped.pop(key, None)
    return made, ("layer_bytes", "affine", "rounded", "my_factor")


# kind: (how it is made, how many of a hundred, whether a human is to look)
KINDS: dict[str, tuple[Callable, int, bool]] = {
    "right": (right, 22, False),
    "without_the_last": (without_the_last, 18, False),
    "partly_right": (partly_right, 16, False),
    "untouched": (untouched, 10, False),
    "not_python": (not_python, 4, False),
    "lost_metadata": (lost_metadata, 5, False),
    "copied_and_retyped": (copied_and_retyped, 3, True),
    "deletes_the_checks": (deletes_the_checks, 2, False),
    "hangs_in_a_task": (hangs_in_a_task, 3, False),
    "ends_the_kernel": (ends_the_kernel, 3, True),
    "edits_the_checks": (edits_the_checks, 3, False),
    "overwrites_checks": (overwrites_checks, 2, False),
    "patches_the_checks": (patches_the_checks, 2, True),
    "hands_in_the_right_answer_itself": (hands_in_the_right_answer_itself, 1, True),
    "forks": (forks, 2, True),
    "fills_the_memory": (fills_the_memory, 1, True),
    "fills_the_disk": (fills_the_disk, 1, False),
    "prints_without_end": (prints_without_end, 2, True),
}


def learners(kinds: dict[str, int], seed: int = 0) -> list[Learner]:
    """So many of each kind, in an order that has nothing to do with it."""
    order = [kind for kind, many in kinds.items() for _ in range(many)]
    random.Random(seed).shuffle(order)
    made = []
    for number, kind in enumerate(order):
        notebook, passes = KINDS[kind][0]()
        made.append(
            Learner(f"learner{number:03}", kind, notebook, frozenset(passes), KINDS[kind][2])
        )
    return made


def hundred() -> list[Learner]:
    """The class of a hundred."""
    return learners({kind: many for kind, (_, many, _) in KINDS.items()})


def hand_in(who: list[Learner], folder: Path) -> Path:
    """Write a zip as Moodle gives it: a folder for each learner."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / "submissions.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, one in enumerate(who):
            place = f"{one.name}_{1000 + number}_assignsubmission_file_"
            archive.writestr(f"{place}/{EXERCISE}.ipynb", nbformat.writes(one.notebook))
    return path


def mistakes(who: list[Learner], outcomes: list) -> list[str]:
    """A line for every learner whose marks, or whose place on the human's list, are wrong."""
    found = {outcome.learner: outcome for outcome in outcomes}
    lines = []
    for one in who:
        outcome = found.pop(one.name, None)
        if outcome is None:
            lines.append(f"{one.name} ({one.kind}) was lost")
            continue
        passed = {n.removesuffix("-check") for n, share in outcome.shares.items() if share == 1}
        if passed != one.passes:
            said = {n: outcome.said.get(f"{n}-check") for n in passed ^ one.passes}
            lines.append(f"{one.name} ({one.kind}): {said} {outcome.doubts}")
        if one.flagged and not outcome.doubts:
            lines.append(f"{one.name} ({one.kind}) should be looked at by a human")
    return lines + [f"{name} is nobody" for name in found]
