"""Submissions as they come: whose each file is, which exercise it is, and which version counts.

`handed_in` reads folders and archives, `recognition` tells exercises, `layouts` knows what
platforms call their files, `learners` keeps people apart. Every file ends as a submission, or as
a line that says why not; nothing that was there before is deleted.
"""

import filecmp
import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from pathlib import Path, PurePosixPath

from nbformat import NotebookNode

from .exercise_names import Names
from .handed_in import Limits, Reader
from .layouts import Owner, owners
from .learners import Learner, kept_apart, load, named, save
from .reading import Known
from .recognition import File, recognised, without_several

LARGEST_FILE = 20_000_000  # bytes of one file; a notebook has a few thousand
LARGEST_ALL = 2_000_000_000  # bytes of all files unpacked
SHOWN = 20  # files that one line names
MADE = ("", "source", "release", "autograded", "feedback", "results", "earlier")  # by the class


@dataclass
class Submission:
    """What one learner handed in for one exercise: the notebook that counts, files beside it."""

    learner: str
    exercise: str
    notebook: Path
    files: list[Path] = field(default_factory=list)
    handed_in: datetime | None = None
    notes: list[str] = field(default_factory=list)  # for the learner
    doubts: list[str] = field(default_factory=list)  # for whoever grades


def deadline(text: str) -> datetime:
    """A due date as a command line has it: `2026-01-31T18:00`, with `Z` or `+01:00`; or a day.

    >>> deadline("2026-01-31")
    datetime.datetime(2026, 1, 31, 23, 59, 59)

    Raises ValueError for anything else.
    """
    try:
        due = datetime.fromisoformat(text)
        whole_day = "T" not in text.upper() and ":" not in text
        return _local(datetime.combine(due, time(23, 59, 59)) if whole_day else due)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(
            "the due date must be like 2026-01-31, 2026-01-31T18:00, 2026-01-31T17:00Z or "
            f"2026-01-31T18:00+01:00, got {text!r}"
        ) from error


def _local(when: datetime) -> datetime:
    """As this machine's clock says it, which is how files are dated."""
    return when.astimezone().replace(tzinfo=None) if when.tzinfo else when


def collect(
    source: Path,
    into: Path,
    exercises: Sequence[str],
    due: datetime | None = None,
    released: Mapping[str, NotebookNode] | None = None,
) -> tuple[list[Submission], list[str]]:
    """Copy what was handed in to `into/LEARNER/EXERCISE/`, each learner's latest.

    What lies in `into` is taken where it lies; what is replaced there is kept in `earlier/` beside
    it. due: what came later is noted as late. released: the exercises, by whose cells a submission
    is told; without them its name alone tells.

    Returns the submissions, and a line for everything else that was handed in. Raises
    FileNotFoundError when there is nothing at all, ValueError for an archive that cannot be read,
    or a folder that the class itself has made.
    """
    if not source.exists():
        raise FileNotFoundError(f"submissions must be a folder or a zip, {source} is not there")
    if source.resolve() in [(into.parent / name).resolve() for name in MADE]:
        raise ValueError(f"{source} is the class's own: give what was handed in, or {into}")
    room = into.parent / ".unpacked"
    shutil.rmtree(room, ignore_errors=True)
    try:
        files = _files(source, into, Names(exercises), Known(released or {}), room)
        submissions, odd = _sorted(files, source, into, _local(due) if due else None)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    if not submissions and not odd:
        raise FileNotFoundError(f"{source} holds no notebook (.ipynb)")
    return submissions, odd


def _files(source: Path, into: Path, names: Names, known: Known, room: Path) -> list[File]:
    """All that was handed in, recognised, with its owner."""
    inside = _inside(source, into)
    reader = Reader(room, Limits(LARGEST_FILE, LARGEST_ALL))
    found = list(reader.read(source, leave=into.parent.resolve()))
    if inside is not None:
        found = [replace(one, name=inside / one.name) for one in found]
    files = [recognised(one, names, known) for one in without_several(found, names)]
    told = [None if one.is_network else one.exercise for one in files]
    whose = owners([one.found.name for one in files], told, names, in_place=inside is not None)
    return [
        replace(one, owner=owner, stamp=_stamp(one, owner))
        for one, owner in zip(files, whose, strict=True)
    ]


def _inside(source: Path, into: Path) -> PurePosixPath | None:
    """Where in `into` a source lies; None if it lies elsewhere, or is the platform's archive."""
    if source.is_file():
        return None
    try:
        return PurePosixPath(source.resolve().relative_to(into.resolve()).as_posix())
    except ValueError:
        return None


def _stamp(one: File, owner: Owner) -> datetime | None:
    """When nbgrader's own layout says that this was handed in."""
    path = one.found.path
    if path is None or path.parent.name != one.exercise or owner.platform:
        return None
    try:
        with open(path.parent / "timestamp.txt", encoding="utf-8") as file:
            from nbgrader.utils import parse_utc

            said: datetime = parse_utc(file.read(100).strip())
        return _local(said.replace(tzinfo=UTC))
    except (OSError, ValueError, OverflowError, TypeError):
        return None


def _sorted(
    files: Sequence[File], source: Path, into: Path, due: datetime | None
) -> tuple[list[Submission], list[str]]:
    """Submissions with names for their learners, and a line for all that is in none."""
    versions: dict[tuple[str, str], list[File]] = defaultdict(list)
    others: dict[str, list[File]] = defaultdict(list)
    for one in files:
        if one.exercise is None or one.is_network:
            others[one.owner.label].append(one)
        else:
            versions[one.owner.label, one.exercise].append(one)
    people = _people(versions)
    list_of = into.parent / "learners.json"
    in_place = _inside(source, into) is not None
    before = load(list_of)
    called = named(people, [] if in_place else before)
    people = [replace(one, called=called[one.label]) for one in people]
    there = {one.called for one in before} if in_place else set()
    # First, so that whoever is interrupted finds everybody under the same name.
    save(list_of, [one for one in people if one.called not in there], before)
    submissions = []
    for (label, exercise), its in versions.items():
        networks = [one for one in others[label] if one.exercise == exercise]
        made = _submission(called[label], exercise, its, networks, due)
        script = max(its, key=lambda one: one.order).is_script
        _place(made, ".py" if script else ".ipynb", into, in_place)
        others[label] = [one for one in others[label] if one.exercise != exercise]
        submissions.append(made)
    submissions.sort(key=lambda one: (one.learner, one.exercise))
    return submissions, kept_apart(people, before) + _lines(others, submissions, called)


def _people(versions: Mapping[tuple[str, str], Sequence[File]]) -> list[Learner]:
    exercises: dict[str, set[str]] = defaultdict(set)
    whose: dict[str, Owner] = {}
    for (label, exercise), its in versions.items():
        exercises[label].add(exercise)
        whose[label] = its[0].owner
    return [
        Learner(label, owner.name, exercises[label], owner.number, owner.steady)
        for label, owner in whose.items()
    ]


def _submission(
    learner: str,
    exercise: str,
    versions: Sequence[File],
    networks: Sequence[File],
    due: datetime | None,
) -> Submission:
    """The version that counts, and what is to be said of it."""
    *older, last = sorted(versions, key=lambda one: one.order)
    *left, network = [None, *sorted(networks, key=lambda one: one.order)]
    made = Submission(learner, exercise, _path(last), handed_in=last.date)
    made.files = [_path(network)] if network else []
    contents = {_digest(one) for one in versions}
    if len(contents) > 1:
        made.notes.append(f"handed in {len(contents)} times; the last one counts")
    if last.date is None:
        made.doubts.append(f"{last.found}: its date cannot be read")
    elif due is not None and last.date > due:
        made.notes.append(f"late: {last.date:%Y-%m-%d %H:%M}, due {due:%Y-%m-%d %H:%M}")
    if any(one.order[:-1] == last.order[:-1] and _digest(one) != _digest(last) for one in older):
        made.doubts.append(f"several versions of one date; {last.found} counts")
    made.doubts += filter(None, (last.owner.doubt, last.doubt))
    if not_taken := [one for one in [*older, *left] if one is not None]:
        made.doubts.append(f"not graded, since {last.found} is: {_listed(not_taken)}")
    return made


def _path(one: File) -> Path:
    assert one.found.path is not None
    return one.found.path


def _digest(one: File) -> bytes:
    return hashlib.sha256(_path(one).read_bytes()).digest()


def _listed(files: Sequence[File]) -> str:
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return ", ".join(str(one.found) for one in files[:SHOWN]) + more


def _place(made: Submission, ending: str, into: Path, in_place: bool) -> None:
    """Give a submission its place in the class's folder; who lies there already stays."""
    network = f"{made.exercise}.packed"
    there = in_place and all(
        into.resolve() in p.resolve().parents for p in [made.notebook, *made.files]
    )
    if there and [path.name for path in made.files] in ([], [network]):
        return
    place = (into.parent / "unpacked" if in_place else into) / made.learner / made.exercise
    files = {f"{made.exercise}{ending}": made.notebook}
    if made.files:
        files[network] = made.files[0]
    kept = _put(files, place, into.parent / "earlier" / made.learner, made.handed_in)
    if kept is not None:
        said = kept.relative_to(into.parent).as_posix()
        made.doubts.append(f"takes the place of what was collected before, which is now {said}")
    made.notebook, *made.files = [place / name for name in files]


def _put(
    files: Mapping[str, Path], place: Path, earlier: Path, when: datetime | None
) -> Path | None:
    """Copy files to a folder of their own, whole or not at all; where what it replaces is kept."""
    same = [(place / n).is_file() and filecmp.cmp(p, place / n, False) for n, p in files.items()]
    if all(same):
        return None
    new = place.with_name(f".{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for name, path in files.items():
        shutil.copyfile(path, new / name)
        if when is not None:
            os.utime(new / name, (when.timestamp(), when.timestamp()))
    kept = None
    if place.exists():
        earlier.mkdir(parents=True, exist_ok=True)
        number = sum(1 for _ in earlier.glob(f"{place.name} *")) + 1
        kept = place.rename(earlier / f"{place.name} {number}")
    new.rename(place)
    return kept


def _lines(
    others: Mapping[str, Sequence[File]],
    submissions: Sequence[Submission],
    called: Mapping[str, str],
) -> list[str]:
    """A line for every file of those who handed in no notebook; the others' go to their own."""
    first = {one.learner: one for one in reversed(submissions)}
    lines: list[str] = []
    for label, its in others.items():
        owner = first.get(called.get(label, ""))
        beside = [one for one in its if owner is not None and one.found.beside]
        if owner and (own := [one for one in beside if not one.is_receipt]):
            owner.doubts.append(f"also handed in, not graded: {_listed(own)}")
        by_reason: dict[str, list[File]] = defaultdict(list)
        for one in its:
            if one not in beside:
                by_reason[one.found.why or "a network without its notebook"].append(one)
        for why, those in by_reason.items():
            every = [[one] for one in those] if len(those) <= SHOWN else [those]
            (owner.doubts if owner else lines).extend(f"{_listed(e)}: {why}" for e in every)
    return lines
