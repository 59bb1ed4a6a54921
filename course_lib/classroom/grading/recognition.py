"""What a file that was handed in is: a notebook of which exercise, a network, or neither."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePosixPath

from .exercise_names import Names
from .handed_in import OTHER, Found
from .layouts import Owner, platform
from .reading import Known, is_solution, read

SINGLE = "told by nothing but that the class has one exercise"


@dataclass(frozen=True)
class File:
    """A file that was handed in, what it is, and whose."""

    found: Found
    exercise: str | None = None
    doubt: str = ""
    sure: bool = False  # its cells say so, or the name of a network
    owner: Owner = field(default_factory=lambda: Owner("", ""))
    stamp: datetime | None = None  # nbgrader's own

    @property
    def is_network(self) -> bool:
        """Whether it is a packed network that may be handed in beside a notebook."""
        return self.found.file.lower().endswith(".packed")

    @property
    def is_script(self) -> bool:
        """Whether it is a Python file."""
        return self.found.file.lower().endswith(".py")

    @property
    def is_receipt(self) -> bool:
        """Whether a platform wrote it: Blackboard puts a text beside each attempt."""
        return self.owner.date is not None and self.found.file.lower().endswith(".txt")

    @property
    def date(self) -> datetime | None:
        """When it was handed in, by what no learner writes; None if no file can be of that date."""
        date = self.owner.date or self.stamp or self.found.written
        return date if date is not None and 1980 <= date.year < 2108 else None

    @property
    def order(self) -> tuple:
        """Which of several versions counts: the one for which this is highest."""
        date, inner = (when or datetime.min for when in (self.date, self.found.order))
        kind = self.sure, not self.is_script
        return *kind, date, inner, self.found.written or datetime.min, str(self.found)


def recognised(found: Found, names: Names, known: Known) -> File:
    """What a file is: by its cells, then by whole words of its name; `found.why` where that fails.

    A notebook that only its name tells is taken, with a doubt; in other files nothing but cells
    counts.
    """
    named = (found.inner and names.of(found.inner)) or names.of(found.name)
    if found.why or found.path is None:
        return File(found)
    one = File(found, named)
    if one.is_network:
        sure = names.exercise(found.file) is not None
        return replace(one, sure=sure) if named else _left(found, f"{OTHER}: of no exercise")
    notebook = ".ipynb" in found.file.lower()
    try:
        sent, _ = read(found.path, one.is_script)
        cells = known.exercises_of(sent)
    except Exception:  # a stranger's file; whoever grades it finds the same error, and says it
        sent, cells = None, []
    if sent is not None and is_solution(sent):
        return _left(found, "the course's own solution")
    if cells:
        return _by_cells(found, cells, named)
    if not notebook:
        return _left(found, f"{OTHER} of this course")
    if named is None and len(names.titles) > 1:
        return _left(found, f"of no exercise known ({', '.join(names.titles)})")
    alone = next(iter(names.titles))
    silent = sent is not None and known.own
    doubt = "none of its cells is of the exercise, its name alone says so" if silent else ""
    return File(found, named or alone, doubt if named else SINGLE)


def _by_cells(found: Found, cells: list[str], named: str | None) -> File:
    if len(cells) == 1:
        other = named not in (None, cells[0])
        doubt = f"its name says {named}, its cells {cells[0]}: taken as that" if other else ""
        return File(found, cells[0], doubt, sure=True)
    several = f"its cells are of {' and '.join(sorted(cells))}"
    if named in cells:
        return File(found, named, f"{several}: taken as its name says", sure=True)
    return _left(found, several)


def _left(found: Found, why: str) -> File:
    return File(replace(found, path=None, why=why))


def without_several(found: Sequence[Found], names: Names) -> list[Found]:
    """All files, but for an archive that holds the works of several learners: that is one line.

    Inside of an archive nobody is told apart from others, lest one learner hands in as another.
    """
    labels: dict[PurePosixPath, set[str]] = defaultdict(set)
    for one in found:
        if one.inner and (who := platform(one.inner.parts[0], names, len(one.inner.parts) == 1)):
            labels[one.name].add(who.label)
    several = {name for name, whose in labels.items() if len(whose) > 1}
    why = "holds the works of several learners: grade it with a command of its own"
    return [one for one in found if one.name not in several] + [
        Found(name, why=why) for name in sorted(several)
    ]
