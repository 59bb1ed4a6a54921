"""Submissions as they come: folders, or the zip of a learning platform, of any layout.

    ana/04_quantization.ipynb                        a folder for each learner
    Ana Diaz_123_assignsubmission_file_/04_...ipynb  Moodle
    diazana_LATE_123_456_04_quantization-1.ipynb     Canvas
    ana_04_quantization (2).ipynb                    files by mail, Colab's copies
    ana.zip                                          a zip inside

Nothing of a submission is run or unpacked outside the folder it is copied to.
"""

import re
import shutil
import stat
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from ...units import short_bytes

LARGEST_FILE = 20_000_000  # bytes of one file; a notebook has a few thousand
LARGEST_ALL = 2_000_000_000  # bytes of all files unpacked
WANTED = (".ipynb", ".packed", ".json")
NOT_A_NAME = re.compile(
    r"(?i)_?\d+_assignsubmission_file_?.*$|_onlinetext_?.*$|_late(?=_|$)|_\d+_\d+$|[\s_-]*\(\d+\)$|-\d+$"
)


@dataclass
class Submission:
    """What one learner handed in for one exercise: the notebook that counts, files beside it."""

    learner: str
    exercise: str
    notebook: Path
    files: list[Path] = field(default_factory=list)
    handed_in: datetime | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    """One file somewhere in what was handed in, by the path that tells whose it is."""

    name: PurePosixPath
    path: Path
    written: datetime


def collect(
    source: Path, into: Path, exercises: list[str], due: datetime | None = None
) -> tuple[list[Submission], list[str]]:
    """Copy what was handed in to `into/LEARNER/EXERCISE/`, each learner's latest.

    Returns the submissions, and a line for everything that could not be made sense of. Raises
    FileNotFoundError when there is nothing at all, ValueError for a damaged or hostile zip.
    """
    if not source.exists():
        raise FileNotFoundError(f"submissions must be a folder or a zip, {source} is not there")
    odd: list[str] = []
    unpacked = into.parent / ".unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    found = list(_files(source, unpacked, odd))
    by_whom: dict[tuple[str, str], list[_Found]] = defaultdict(list)
    files: dict[str, list[_Found]] = defaultdict(list)
    for one in found:
        if one.path.suffix != ".ipynb":
            files[_learner(one.name, exercises)].append(one)
            continue
        exercise = next((name for name in exercises if _is_of(one.name.name, name)), None)
        if exercise is None and len(exercises) == 1:
            exercise = exercises[0]
        if exercise is None:
            odd.append(f"{one.name}: of no exercise known ({', '.join(exercises)})")
            continue
        by_whom[_learner(one.name, exercises), exercise].append(one)
    submissions = []
    for (learner, exercise), versions in sorted(by_whom.items()):
        versions.sort(key=lambda one: (one.written, str(one.name)))
        last = versions[-1]
        place = into / learner / exercise
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        made = Submission(learner, exercise, place / f"{exercise}.ipynb", handed_in=last.written)
        shutil.copyfile(last.path, made.notebook)
        beside = [one for one in files[learner] if _is_of(one.name.name, exercise)]
        for one in sorted(beside, key=lambda one: one.written):
            if one.path.suffix == ".packed":
                shutil.copyfile(one.path, place / f"{exercise}.packed")
                made.files = [place / f"{exercise}.packed"]
        if len(versions) > 1:
            made.notes.append(f"handed in {len(versions)} times; the last one counts")
        if due is not None and last.written > due:
            made.notes.append(f"late: {last.written:%Y-%m-%d %H:%M}, due {due:%Y-%m-%d %H:%M}")
        submissions.append(made)
    shutil.rmtree(unpacked, ignore_errors=True)
    if not submissions and not odd:
        raise FileNotFoundError(f"{source} holds no notebook (.ipynb)")
    return submissions, odd


def _files(source: Path, unpacked: Path, odd: list[str]) -> Iterator[_Found]:
    if source.is_file():
        yield from _zipped(source, PurePosixPath(), unpacked, odd)
        return
    for path in sorted(source.rglob("*")):
        inside = PurePosixPath(path.relative_to(source).as_posix())
        if path.is_symlink() or not path.is_file() or _hidden(inside):
            continue
        if path.suffix == ".zip":
            try:
                yield from _zipped(path, inside.with_suffix(""), unpacked, odd)
            except ValueError as error:
                odd.append(str(error))
        elif path.suffix in WANTED:
            if path.stat().st_size > LARGEST_FILE:
                odd.append(f"{inside}: larger than {short_bytes(LARGEST_FILE)}")
                continue
            written = datetime.fromtimestamp(path.stat().st_mtime)
            yield _Found(inside, path, written)


def _zipped(path: Path, inside: PurePosixPath, unpacked: Path, odd: list[str]) -> Iterator[_Found]:
    """The notebooks in a zip, written one by one under names of our own."""
    try:
        with zipfile.ZipFile(path) as archive:
            total = 0
            for entry in archive.infolist():
                name = PurePosixPath(entry.filename.replace("\\", "/"))
                suffix = name.suffix.lower()
                link = stat.S_ISLNK(entry.external_attr >> 16)
                if entry.is_dir() or link or _hidden(name) or suffix not in (*WANTED, ".zip"):
                    continue
                if ".." in name.parts or name.is_absolute():
                    odd.append(
                        f"{path.name}: {entry.filename!r:.100} leads out of the zip; left out"
                    )
                    continue
                total += entry.file_size
                if entry.file_size > LARGEST_FILE * (10 if suffix == ".zip" else 1):
                    odd.append(f"{path.name}: {name} is larger than {short_bytes(LARGEST_FILE)}")
                    continue
                if total > LARGEST_ALL:
                    raise ValueError(f"{path.name} unpacks to more than {short_bytes(LARGEST_ALL)}")
                unpacked.mkdir(parents=True, exist_ok=True)
                copy = unpacked / f"{len(list(unpacked.iterdir()))}{suffix}"
                with archive.open(entry) as reader, open(copy, "wb") as writer:
                    if _copy(reader, writer, entry.file_size) is None:
                        odd.append(f"{path.name}: {name} says it is smaller than it is; left out")
                        continue
                if suffix == ".zip":
                    if inside.parts[:1] == ("zip",):
                        odd.append(f"{path.name}: a zip in a zip in a zip, {name}, was left out")
                        continue
                    try:
                        yield from _zipped(copy, inside / name.with_suffix(""), unpacked, odd)
                    except ValueError as error:
                        odd.append(f"{name}: {error}")
                    continue
                yield _Found(inside / name, copy, datetime(*entry.date_time))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise ValueError(f"{path.name} is no zip that can be read: {error}") from error


def _copy(reader, writer, size: int) -> int | None:
    written = 0
    while block := reader.read(1 << 20):
        written += len(block)
        if written > size:
            return None
        writer.write(block)
    return written


def _hidden(path: PurePosixPath) -> bool:
    return any(re.match(r"\.[^.]|__MACOSX", part) for part in path.parts) or (
        "-checkpoint" in path.name
    )


def _is_of(name: str, exercise: str) -> bool:
    """Whether a file's name names an exercise, whatever a platform put around it."""
    stem = re.sub(r"\W+", "_", name.lower().rsplit(".", 1)[0])
    return (
        exercise in stem
        or exercise[3:] in stem
        or bool(re.search(rf"(^|_){exercise[:2]}(_|$)", stem))
    )


def _learner(path: PurePosixPath, exercises: list[str]) -> str:
    """Whose a file is: by its outermost folder, or by what stands before the exercise's name."""
    own = [part for part in path.parts[:-1] if not any(_is_of(part + ".x", e) for e in exercises)]
    name = own[0] if own else ""
    if not name:
        stem = path.name.rsplit(".", 1)[0]
        for exercise in exercises:
            stem = re.split(rf"(?i)[\s_-]*{re.escape(exercise)}", stem)[0] or stem
        name = stem
    for _ in range(4):
        name = NOT_A_NAME.sub("", name).strip(" _-")
    name = re.sub(r"[^\w.@ -]", "", name).strip(". ").replace(" ", "_")
    return name[:60] or "unknown"
