"""What a learner has passed, tried and left open: one small file in the learner's folder.

Nothing is sent anywhere. `progress()` draws it. COURSE_PROGRESS names another file; empty, it
is kept in memory alone (built notebooks and grading leave no trace).
"""

import contextlib
import html
import importlib
import json
import os
import pkgutil
from dataclasses import dataclass, field
from pathlib import Path

from .. import files, markup
from ..figures.style import GREEN, MUTED, ORANGE

FILE = "progress.json"


@dataclass
class Entry:
    """One task: was it passed, and how often was which mistake made?"""

    passed: bool = False
    tries: int = 0
    mistakes: dict[str, int] = field(default_factory=dict)


IN_MEMORY: dict[str, Entry] = {}  # where no file is to be kept: of this process alone


class Record:
    """All tasks ever tried in this folder. It does without a file it cannot use."""

    def __init__(self, path: Path | None = None):
        named = os.environ.get("COURSE_PROGRESS")
        self.path = path or (Path(named) if named else None if named == "" else Path(FILE))
        self.entries: dict[str, Entry] = IN_MEMORY if self.path is None else self._read()

    def _read(self) -> dict[str, Entry]:
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            assert self.path is not None
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            return {name: _entry(**entry) for name, entry in stored.items()}
        return {}

    def passed(self, task: str) -> None:
        """Note a passed check."""
        entry = self.entries.setdefault(task, Entry())
        entry.passed, entry.tries = True, entry.tries + 1
        self._write()

    def failed(self, task: str, mistake: str) -> int:
        """Note a mistake; how often it was made by now."""
        entry = self.entries.setdefault(task, Entry())
        entry.tries += 1
        entry.mistakes[mistake] = entry.mistakes.get(mistake, 0) + 1
        self._write()
        return entry.mistakes[mistake]

    def _write(self) -> None:
        if self.path is None:
            return
        text = json.dumps({name: vars(entry) for name, entry in self.entries.items()}, indent=1)
        with contextlib.suppress(OSError):  # a read-only folder: the hints still come
            files.write(self.path, text + "\n")


def _entry(passed: bool, tries: int, mistakes: dict[str, int]) -> Entry:
    """One task as the file has it; what is no count there is 0: no file stops a check."""

    def count(value: object) -> int:
        return value if isinstance(value, int) and 0 <= value < 10**9 else 0

    known = mistakes if isinstance(mistakes, dict) else {}
    return Entry(passed is True, count(tries), {name: count(known[name]) for name in known})


@dataclass(frozen=True)
class Progress:
    """All tasks of all exercises: passed, tried or open; as text and as a picture."""

    chapters: dict[str, dict[str, str]]  # {exercise: {task: "passed", "tried 3 times" or "open"}}

    def __str__(self) -> str:
        lines = []
        for chapter, tasks in self.chapters.items():
            done = sum(said == "passed" for said in tasks.values())
            lines.append(f"{chapter}: {done} of {len(tasks)} passed")
            lines += [f"  {name}: {said}" for name, said in tasks.items() if said != "passed"]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = []
        for chapter, tasks in self.chapters.items():
            marks = "".join(
                f'<span title="{html.escape(f"{name}: {said}")}" style="display:inline-block;'
                f"padding:1px 8px;margin:2px;border-radius:9px;font-size:12px;{_look(said)}"
                f'">{_sign(said)} {html.escape(name)}</span>'
                for name, said in tasks.items()
            )
            rows.append([html.escape(chapter), marks])
        return markup.table(rows, labels=True, name=str(self))


def _sign(said: str) -> str:
    return "✓" if said == "passed" else "…" if said.startswith("tried") else "○"


def _look(said: str) -> str:
    if said == "passed":
        return f"background:{GREEN};color:white"
    return f"border:1px solid {ORANGE if said.startswith('tried') else MUTED}"


def exercises() -> list[str]:
    """The names of the exercises that have checks: the folders beside this file."""
    beside = pkgutil.iter_modules([str(Path(__file__).parent)])
    return [name for _, name, is_package in beside if is_package]


def progress() -> Progress:
    """What was passed, tried and left open, in this folder, of all exercises there are."""
    entries = Record().entries
    chapters: dict[str, dict[str, str]] = {}
    for found in exercises():
        module = importlib.import_module(f"course_lib.checks.{found}")
        for name, task in vars(module).items():
            if hasattr(task, "chapter") and callable(task):
                entry = entries.get(f"{task.chapter}/{task.name}", Entry())
                said = f"tried {entry.tries} time{'s' * (entry.tries > 1)}"
                said = "passed" if entry.passed else said if entry.tries else "open"
                chapters.setdefault(task.chapter, {})[name] = said
    return Progress(dict(sorted(chapters.items())))
