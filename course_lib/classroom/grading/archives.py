"""What lies in a zip or a tar, entry by entry: one that is damaged costs itself alone.

Strangers made these files. Sizes are looked at before anything is unpacked, packed tars are
unpacked to the disk within a limit before they are read, and links are never followed.
"""

import bz2
import errno
import gzip
import itertools
import lzma
import re
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from ...units import short_bytes

NAMED = re.compile(
    r"(?i)\.(zip|tar|t[abglx]z2?|gz|bz2|xz|rar|7z|zst|lz|lzma|z|ace|arj|sit|sitx|dmg|iso)$"
)
PACKED: dict[bytes, Callable] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
NO_DATE = datetime(1980, 1, 1)  # what zips say that were made without one


@dataclass(frozen=True)
class Entry:
    """A file in an archive; `why` says why it cannot be read."""

    name: str
    size: int
    written: datetime | None
    opened: Callable[[], IO[bytes] | None]
    why: str = ""

    def unpack(self, to: Path) -> str:
        """Write it to a file; why that was not possible, or an empty line."""
        try:
            with open(to, "wb") as writer:
                reader = self.opened()
                if reader is None:
                    return "is no file; left out"
                with reader:
                    whole = _copied(reader, writer, self.size)
            return "" if whole else "says it is smaller than it is; left out"
        except Exception as error:  # whatever a damaged archive makes an unpacker raise
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            return f"is damaged ({_words(error)}); left out"


@contextmanager
def opened(
    path: Path, called: str, most: int, most_files: int, room: Path
) -> Iterator[Iterator[Entry]]:
    """The entries of an archive, told by its content: zip, tar, packed by gzip, bzip2 or xz.

    called: its name. most: bytes that a packed tar may unpack to, into the folder `room`.
    most_files: entries that it may have.
    Raises ValueError for an archive that cannot be read, and says what to do.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(262)
        unpack = next((how for magic, how in PACKED.items() if head.startswith(magic)), None)
        if unpack is not None:
            path, head = _unpacked(unpack, path, called, most, room)
            if b"ustar" not in head[257:262]:  # one file, packed without a tar
                name = called.rpartition(".")[0] or called
                yield iter([Entry(name, path.stat().st_size, None, lambda: path.open("rb"))])
                return
        if b"ustar" in head[257:262]:
            with tarfile.open(path, "r:") as tar:
                yield _of_tar(tar, called, most_files)
            return
        if not head.startswith(b"PK") and not called.lower().endswith(".zip"):
            raise ValueError(
                f"{called} is of a kind that is not read here: unpack it, or make it a zip"
            )
        if _entries_said(path) > most_files:
            raise ValueError(f"{called} has more than {most_files:,} entries; left out")
        with zipfile.ZipFile(path) as archive:
            yield _of_zip(archive)
    except ValueError:
        raise
    except Exception as error:  # of its own kind for each format, and each damage
        kind = "zip" if called.lower().endswith(".zip") else "archive"
        raise ValueError(f"{called} is no {kind} that can be read: {_words(error)}") from error


def _unpacked(
    unpack: Callable, path: Path, called: str, most: int, room: Path
) -> tuple[Path, bytes]:
    room.mkdir(parents=True, exist_ok=True)
    copy = room / f"{path.name[:50]}.unpacked"
    with unpack(path) as reader, open(copy, "wb") as writer:
        if not _copied(reader, writer, most):
            raise ValueError(f"{called} unpacks to more than {short_bytes(most)}; left out")
    with open(copy, "rb") as file:
        return copy, file.read(262)


def _of_zip(archive: zipfile.ZipFile) -> Iterator[Entry]:
    for one in archive.infolist():
        if one.is_dir():
            continue
        why = "is a link; left out" if stat.S_ISLNK(one.external_attr >> 16) else ""
        if one.flag_bits & 1:
            why = "is encrypted: ask for it without a password"
        try:
            written = datetime(*one.date_time)
        except ValueError:  # a month 0, a second 62
            written = NO_DATE
        yield Entry(
            _name(one),
            one.file_size,
            None if written <= NO_DATE else written,
            lambda one=one: archive.open(one),  # type: ignore[misc]
            why,
        )


def _name(one: zipfile.ZipInfo) -> str:
    """An entry's name; macOS writes UTF-8 and does not say so."""
    if one.flag_bits & 0x800:
        return one.filename
    try:
        return one.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return one.filename


def _of_tar(archive: tarfile.TarFile, called: str, most_files: int) -> Iterator[Entry]:
    for number in itertools.count():
        try:
            one = archive.next()
        except Exception as error:
            yield Entry(called, 0, None, lambda: None, f"is damaged ({_words(error)}) from here on")
            return
        if one is None:
            return
        if number >= most_files:
            yield Entry(called, 0, None, lambda: None, f"has more than {most_files:,} entries")
            return
        if one.isdir():
            continue
        try:
            written = datetime.fromtimestamp(one.mtime) if one.mtime > 0 else None
        except (ValueError, OverflowError, OSError):
            written = None
        why = "" if one.isreg() else "is a link or no file; left out"
        yield Entry(one.name, one.size, written, lambda one=one: archive.extractfile(one), why)  # type: ignore[misc]


def _entries_said(path: Path) -> int:
    """How many entries a zip's table of contents can hold, by its size, before it is read."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_557))
        end = file.read()
    at = end.rfind(b"PK\5\6")
    if at < 0 or len(end) < at + 20:
        return 0
    bytes_of_table: int = struct.unpack_from("<L", end, at + 12)[0]
    return min(bytes_of_table, size) // 46  # no entry takes less


def _copied(reader: IO[bytes], writer: IO[bytes], most: int) -> bool:
    """Copy, and whether it was no more than was said."""
    written = 0
    while block := reader.read(1 << 20):
        written += len(block)
        if written > most:
            return False
        writer.write(block)
    return True


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
