"""The page that JupyterLab opens with: all chapters, how far they are done, and the exercises.

A chapter's copy has a line at its top and end that leads here, to the chapters beside it, and to
its exercise.
"""

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import files

PAGE = "welcome.md"
EXERCISES = "exercises"
PROGRESS = "progress.json"  # beside the exercises, see `checks.record`
REACHED = ".chapters.json"  # how far each chapter ever was: a new version of it begins unrun
INTRODUCTION = (
    "Make a network smaller and faster, step by step, until it names leaves on a phone. In a "
    "notebook Shift+Enter runs a cell and goes on to the next; the square above it stops what runs."
)
# The first code of a copy, for VS Code and other servers, whose Python may be another one.
WHICH_PYTHON = """\
# Which Python runs this? Nothing happens here where it is the course's.
import importlib.util
import sys

if importlib.util.find_spec("course_lib") is None:
    raise ModuleNotFoundError(
        f"This notebook runs with {sys.executable}, where the course is not installed. Choose the "
        "Python in the folder .venv of the course: in VS Code by Select Kernel (top right) and "
        "Python Environments. Or close this, and start JupyterLab by `make lab`."
    )"""
SIGNS = {"not begun": "○", "begun": "◐", "done": "●"}


@dataclass(frozen=True)
class Copy:
    """A learner's copy: what it is about, and how far it is."""

    name: str  # 02_neuron_pruning
    title: str
    minutes: int  # 0 where it does not say
    state: str  # of SIGNS

    @property
    def number(self) -> str:
        return self.name[:2]


def read(path: Path) -> Copy | None:
    """What a copy says of itself; None for a file that is no notebook of the course."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(cell["source"]) for cell in cells]
        code = [
            cell
            for cell, text in zip(cells, texts, strict=True)
            if cell["cell_type"] == "code" and text.strip()
        ]
        said = "\n".join(t for c, t in zip(cells, texts, strict=True) if c["cell_type"] != "code")
        ran = [cell.get("execution_count") is not None for cell in code]
        failed = any(out.get("output_type") == "error" for cell in code for out in cell["outputs"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    heading = re.search(r"(?m)^# (.+)$", said)
    minutes = re.search(r"\*About (\d+) minutes", said)
    state = "done" if code and all(ran) and not failed else "begun" if any(ran) else "not begun"
    title = heading[1] if heading else path.stem
    return Copy(path.stem, title, int(minutes[1]) if minutes else 0, state)


def tasks(path: Path) -> list[str]:
    """The tasks of an exercise that have a check, by name."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        checks = [
            found[1]
            for cell in cells
            if cell["metadata"].get("nbgrader", {}).get("grade")
            and (found := re.match(r"checks\.(\w+)\(", "".join(cell["source"])))
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return list(dict.fromkeys(checks))


def passed(folder: Path) -> set[str]:
    """The tasks that were passed, as `02_neuron_pruning/stays`."""
    try:
        stored = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        return {name for name, entry in stored.items() if entry.get("passed") is True}
    except (OSError, ValueError, AttributeError):
        return set()


def reached(work: Path) -> list[Copy]:
    """The chapters' copies, as far as they ever were, which is noted."""
    try:
        before = json.loads((work / REACHED).read_text(encoding="utf-8"))
        assert isinstance(before, dict)
    except (OSError, ValueError, AssertionError):
        before = {}
    order, chapters = list(SIGNS), []
    for path in sorted(work.glob("[0-9][0-9]_*.ipynb")):
        chapter = read(path)
        if chapter is None or chapter.name.endswith(".new"):  # which lies beside the learner's own
            continue
        states = [chapter.state, before.get(chapter.name)]
        best = max((s for s in states if s in order), key=order.index)
        chapters.append(replace(chapter, state=best))
    files.write(work / REACHED, json.dumps({c.name: c.state for c in chapters}, indent=1) + "\n")
    return chapters


def page(work: Path) -> str:
    """The page, as Markdown: a row a chapter, with its exercise."""
    chapters = reached(work)
    exercises = {p.stem: p for p in sorted((work / EXERCISES).glob("[0-9][0-9]_*.ipynb"))}
    done = passed(work / EXERCISES)
    rows = []
    for chapter in chapters:
        practice = ""
        if chapter.name in exercises:
            names = tasks(exercises[chapter.name])
            count = sum(f"{chapter.name}/{name}" in done for name in names)
            sign = "●" if names and count == len(names) else "◐" if count else "○"
            link = f"[Exercise {chapter.number}]({EXERCISES}/{chapter.name}.ipynb)"
            practice = f"{sign} {link}, {count} of {len(names)} passed"
        rows.append(
            f"| {chapter.number} | {SIGNS[chapter.state]} | [{chapter.title}]({chapter.name}.ipynb)"
            f" | {chapter.minutes or ''} | {practice} |"
        )
    goes_on = next((c for c in chapters if c.state != "done"), None)
    lines = ["# Pruning and compression", ""]
    lines += [INTRODUCTION, ""]
    if goes_on is not None:
        begins = "Begin with" if all(c.state == "not begun" for c in chapters) else "Go on with"
        lines += [f"**{begins} [{goes_on.number}: {goes_on.title}]({goes_on.name}.ipynb)**", ""]
    else:
        lines += ["**You worked through all chapters.**", ""]
    lines += ["| No. | State | Chapter | Minutes | Exercise |", "|---|---|---|---:|---|", *rows, ""]
    lines += [
        "○ not begun, ◐ begun, ● done: all its cells ran. (As it was when you opened this page.)",
        "",
        "These are your own copies: change what you like. Nobody overwrites what you changed.",
    ]
    return "\n".join(lines) + "\n"


def write(work: Path) -> Path:
    """Write the page into the learner's folder."""
    return files.write(work / PAGE, page(work))


def saved(os_path: str, model: Mapping[str, Any], contents_manager: Any, **_: object) -> None:
    """Jupyter's post-save hook: the page knows of it when a notebook was saved."""
    root = Path(contents_manager.root_dir)
    for work in (root, root / "work"):  # the second where the repository is served, as on Binder
        if model.get("type") == "notebook" and (work / PAGE).exists():
            with contextlib.suppress(
                OSError
            ):  # the notebook is saved, whatever becomes of the page
                write(work)


def is_given(text: str) -> bool:
    """Is a cell's text what every copy begins or ends with? It is nobody's answer."""
    line = rf"\[All chapters\]\((\.\./)?{re.escape(PAGE)}\)[^\n]*"
    return text.strip() == WHICH_PYTHON or re.fullmatch(line, text.strip()) is not None


def ways(name: str, titles: Mapping[str, str], folder: str = "", exercise: bool = True) -> str:
    """The line at a copy's top and end: to this page, the chapters beside it, its exercise.

    titles: of all chapters, by name. folder: EXERCISES for an exercise's copy. exercise: is there
    one of this chapter?
    """
    up, names = ("../" if folder else ""), sorted(titles)
    found = [f"[All chapters]({up}{PAGE})"]
    if name not in titles:
        return found[0]
    short = {name: title.partition(":")[0] for name, title in titles.items()}
    if folder:
        return f"{found[0]} · [Chapter {name[:2]}: {short[name]}]({up}{name}.ipynb)"
    at = names.index(name)
    for place in (at - 1, at, at + 1):
        if place == at and exercise:
            found.append(f"[Exercise {name[:2]}]({EXERCISES}/{name}.ipynb)")
        elif place != at and 0 <= place < len(names):
            sign = "Before: " if place < at else "Next: "
            found.append(f"{sign}[{short[names[place]]}]({names[place]}.ipynb)")
    return " · ".join(found)
