"""The files that were handed in: of a folder, or of a platform's archive, and of archives in these.

    ana/04_quantization.ipynb          a file of the folder or the platform's archive
    ben.zip, or cy/work.tar.gz         a learner's own archive: it tells neither who nor when

Every file comes out as one `Found`: with a path where it can be read, or with the reason why not.
Nothing is unpacked but into one folder, under names of our own.
"""

import itertools
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from ...units import short_bytes
from . import archives

OWN_ARCHIVE = 10  # times a file's limit: what a learner's own archive may take, and unpack to
MOST_FILES = 100  # of notebooks, scripts and networks in a learner's own archive
MOST_OWN = 100_000  # entries of it: somebody may zip all of an environment
MOST_ENTRIES = 1_000_000_000  # in the platform's
LONGEST_NAME = 1_000  # characters, folders and all
DEPTH = 3  # archives in archives
USABLE = re.compile(r"(?i)\.ipynb\b|\.(json|py|packed)$|(^|/)[^./]+$")  # a notebook, or a network
WORK = re.compile(r"(?i)\.(ipynb|packed)$")  # what is unpacked before all else
LITTER = re.compile(  # of systems and platforms, never a learner's
    r"(?i)(__MACOSX|\._.*|\.DS_Store|\.git|__pycache__|thumbs\.db|desktop\.ini|timestamp\.txt)$"
)
OTHER = "no notebook"  # a picture, a text: it may lie beside one


@dataclass(frozen=True)
class Found:
    """One file that was handed in; `why` says why it cannot be used."""

    name: PurePosixPath  # as the platform gave it: it tells whose it is
    written: datetime | None = None  # as the platform or the folder says, never the learner
    inner: PurePosixPath | None = None  # where it lies in a learner's own archive
    order: datetime | None = None  # in that archive: which version is the later one
    path: Path | None = None
    why: str = ""

    @property
    def file(self) -> str:
        """The file's own name."""
        return (self.inner or self.name).name

    @property
    def beside(self) -> bool:
        """Whether nobody misses it where there is a notebook of the same learner."""
        return self.why.startswith(OTHER)

    def __str__(self) -> str:
        return printable(str(self.name if self.inner is None else self.name / self.inner))


@dataclass(frozen=True)
class Limits:
    """Bytes that one file may have, and all that is unpacked."""

    file: int
    all: int


@dataclass
class _Room:
    """What may still be unpacked: bytes and files."""

    bytes: int
    files: int


def printable(text: str) -> str:
    r"""A stranger's words as they can be shown: no line breaks, no other direction, no halves.

    >>> printable("ana\n\u202egnp.04")
    'ana??gnp.04'
    """
    return "".join(c if c.isprintable() else "?" for c in text)[:300]


class Reader:
    """Reads what was handed in, and unpacks it into the folder `room`."""

    def __init__(self, room: Path, limits: Limits):
        self.room, self.limits = room, limits
        self.own = limits.file * OWN_ARCHIVE
        self.number = itertools.count()

    def read(self, source: Path, leave: Path | None = None) -> Iterator[Found]:
        """All files of a folder but those in the folder `leave`, of an archive, or one file.

        Raises ValueError for an archive that cannot be read as a whole.
        """
        if source.is_dir():
            for path in _walk(source, leave):
                yield from self._file(path, PurePosixPath(path.relative_to(source).as_posix()))
        elif archives.NAMED.search(source.name):
            room = _Room(self.limits.all, MOST_ENTRIES)
            with archives.opened(
                source, source.name, self.limits.all, MOST_ENTRIES, self.room
            ) as entries:
                yield from self._entries(entries, None, room, 0)
        else:
            yield from self._file(source.resolve(), PurePosixPath(source.name))

    def _file(self, path: Path, name: PurePosixPath) -> Iterator[Found]:
        """A file of a folder."""
        found = Found(name)
        try:
            about = path.lstat()
            if stat.S_ISDIR(about.st_mode):
                os.listdir(path)  # it says why it cannot be read
            if not stat.S_ISREG(about.st_mode):
                yield replace(found, why="is a link or no file; left out")
                return
            found = replace(found, written=datetime.fromtimestamp(about.st_mtime), path=path)
            with open(path, "rb"):
                pass
        except (OSError, ValueError, OverflowError) as error:
            yield Found(name, why=f"cannot be read: {getattr(error, 'strerror', None) or error}")
            return
        yield from self._judged(found, about.st_size, _Room(self.own, MOST_FILES), 0)

    def _judged(self, found: Found, size: int, room: _Room, depth: int) -> Iterator[Found]:
        """A file on the disk: usable, or left out with the reason; an archive's files."""
        if why := self._unusable(found, size):
            yield replace(found, path=None, why=why)
        elif not archives.NAMED.search(found.file):
            yield found
        elif depth >= DEPTH:
            yield replace(found, path=None, why=f"is an archive in {DEPTH} archives; left out")
        else:
            assert found.path is not None
            base = replace(found, path=None, inner=found.inner or PurePosixPath())
            try:
                with archives.opened(
                    found.path, found.file, self.own, MOST_OWN, self.room
                ) as entries:
                    yield from self._entries(entries, base, room, depth + 1)
            except ValueError as error:
                yield replace(found, path=None, why=str(error))

    def _unusable(self, found: Found, size: int) -> str:
        # A platform's own folder may begin with any sign that a name begins with.
        parts = found.inner.parts if found.inner else found.name.parts[1:]
        hidden = any(part.startswith(".") for part in (*parts, found.file))
        if hidden or ".ipynb_checkpoints" in found.name.parts or "-checkpoint" in found.file:
            return f"{OTHER}: hidden, or Jupyter's own copy"
        archive = archives.NAMED.search(found.file)
        if not archive and not USABLE.search(found.file):
            return OTHER
        most = self.own if archive else self.limits.file
        return f"is larger than {short_bytes(most)}; left out" if size > most else ""

    def _entries(
        self, entries: Iterable[archives.Entry], base: Found | None, room: _Room, depth: int
    ) -> Iterator[Found]:
        """An archive's files; those of archives in it come last, so that no bomb costs others."""
        later: list[tuple[int, Found]] = []
        some = False
        for entry in sorted(entries, key=lambda entry: not WORK.search(entry.name)):
            path = PurePosixPath(entry.name.replace("\\", "/"))
            if any(LITTER.match(part) for part in path.parts):
                continue
            some = True
            found = self._unpacked(entry, _at(base, path, entry.written), path, room)
            if found.path is not None and archives.NAMED.search(found.file):
                later.append((entry.size, found))
            else:
                yield found
        for size, found in sorted(later, key=lambda one: one[0]):
            its = _Room(self.own, MOST_FILES) if base is None else room
            yield from self._judged(found, size, its, depth)
        if base is not None and not some:
            yield replace(base, inner=None, why="is an archive with nothing in it")

    def _unpacked(
        self, entry: archives.Entry, found: Found, path: PurePosixPath, room: _Room
    ) -> Found:
        if len(entry.name) > LONGEST_NAME:
            return replace(
                found, why=f"has a name of more than {LONGEST_NAME:,} characters; left out"
            )
        if ".." in path.parts or path.is_absolute():
            return replace(found, why="leads out of the zip; left out")
        if why := entry.why or self._unusable(found, entry.size):
            return replace(found, why=why)
        if entry.size > room.bytes or room.files < 1:
            return replace(found, why="more than may be unpacked here; left out")
        room.bytes -= entry.size
        room.files -= 1
        self.room.mkdir(parents=True, exist_ok=True)
        copy = self.room / str(next(self.number))
        if why := entry.unpack(copy):
            copy.unlink(missing_ok=True)
            return replace(found, why=why)
        return replace(found, path=copy)


def _walk(source: Path, leave: Path | None) -> Iterator[Path]:
    """All files under a folder, links and folders that cannot be read among them."""
    failed: list[str] = []
    for here, folders, names in os.walk(source, onerror=lambda e: failed.append(e.filename)):
        links = [name for name in folders if os.path.islink(os.path.join(here, name))]
        for name in sorted([*names, *links]):
            if not LITTER.match(name):
                yield Path(here, name)
        folders[:] = sorted(
            name
            for name in folders
            if not LITTER.match(name) and (leave is None or Path(here, name).resolve() != leave)
        )
    yield from map(Path, failed)


def _at(base: Found | None, path: PurePosixPath, written: datetime | None) -> Found:
    """A file in the platform's archive, or in a learner's own, which says neither who nor when."""
    if base is None:
        return Found(path, written)
    inside = PurePosixPath(*(part for part in path.parts if part not in ("..", "/")))
    return replace(base, inner=(base.inner or PurePosixPath()) / inside, order=written)
