"""Files that are written whole or not at all: whoever reads sees the old content or the new one.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     path = write(Path(folder) / "new" / "leaf.txt", "oak")
...     path.read_text(), [file.name for file in path.parent.iterdir()]
('oak', ['leaf.txt'])
"""

import errno
import functools
import glob
import os
import platform
import re
import secrets
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ORPHANED = 3600  # seconds; who began to write longer ago, on whatever machine, was killed
WRITER = r"\.([0-9a-f]{8})-(\d+)\.[^.]*\.tmp$"  # where, which process
# Windows moves nothing onto a file that somebody has open: a reader soon closes it again.
PAUSES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if os.name == "nt" else ()  # seconds
REMEDIES = {
    errno.ENOSPC: "free some space, or choose a folder on another disk",
    errno.EDQUOT: "free some space, or choose a folder on another disk",
    errno.EROFS: "choose a folder that is not read-only",
    errno.EACCES: "choose a folder that you may write to, and close what has this file open",
    errno.ENOENT: "make its folder first",
    errno.EISDIR: "choose another name: a folder has this one",
    errno.ENOTDIR: "choose another name: a file has that of its folder",
    errno.EFBIG: "choose a disk, or a limit (ulimit -f), that bears files of this size",
}


def write(path: str | Path, content: bytes | str) -> Path:
    """Write a file, its folder too if need be; texts as UTF-8, with the line ends that they have.

    Raises what `replacing` raises.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part, open(part, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())  # a machine that loses its power keeps the old content or the new
    return path


@contextmanager
def replacing(path: Path, mode: int | None = None) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place once the block has come to its end.

    For what needs a path to write to; `write` for all else. An error in the block, or a killed
    process, leaves `path` as it was; two that write the same file do not meet, and the last one
    stays. mode: its permissions; those of any new file if None.
    Raises OSError, with the system's reason and what to do, on a full disk or a read-only one.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{_writer()}.{secrets.token_hex(4)}.tmp")
    try:
        _clear_orphans(path.parent, f".{path.name}.")
        part.touch(exist_ok=False)
        usual = part.stat().st_mode & 0o777
        yield part
        part.chmod(usual if mode is None else mode)  # safetensors makes files private
        _move(part, path)
    except OSError as problem:
        raise _explained(problem, path) from problem
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def scratch(beside: Path | None = None) -> Iterator[Path]:
    """A folder for what nobody needs afterwards; what killed processes left of theirs goes first.

    beside: in this path's folder and named after it, for what is moved there in the end; None:
    among the system's temporary files. Raises OSError, with what to do, where none can be made.
    """
    begins = f".{beside.name}." if beside else "course-pruning."
    try:
        place = beside.parent if beside else Path(tempfile.gettempdir())
        _clear_orphans(place, begins)
        made = tempfile.TemporaryDirectory(
            prefix=f"{begins}{_writer()}.", suffix=".tmp", dir=place, ignore_cleanup_errors=True
        )
    except OSError as problem:
        raise _no_scratch(problem, beside) from problem
    with made as folder:
        yield Path(folder)


def _no_scratch(problem: OSError, beside: Path | None) -> OSError:
    if beside is not None:
        return _explained(problem, beside)
    said = (
        f"no folder for temporary files ({problem.strerror or problem}): free some space, or let "
        "the environment variable TMPDIR name a folder that can be written"
    )
    return OSError(problem.errno or errno.ENOENT, said)


@functools.cache
def _here() -> str:
    """What tells the processes of this machine, or container, from another's in a shared folder."""
    names = platform.node()
    with suppress(OSError):
        names += f" {os.stat('/proc/self/ns/pid').st_ino}"
    return f"{zlib.crc32(names.encode()):08x}"


def _writer() -> str:
    return f"{_here()}-{os.getpid()}"


def _clear_orphans(folder: Path, begins: str) -> None:
    """Remove what killed processes left in a folder under names that begin like this."""
    for orphan in folder.glob(f"{glob.escape(begins)}*.tmp"):
        with suppress(OSError):  # another process was faster
            if not _dead(orphan.name) and time.time() - orphan.stat().st_mtime <= ORPHANED:
                continue
            if not orphan.is_dir():
                orphan.unlink()
            elif _dead(orphan.name):  # a folder may be in use for longer than any file is written
                shutil.rmtree(orphan, ignore_errors=True)


def _dead(name: str) -> bool:
    """Was it a process of this machine that made the file, and is it gone?"""
    writer = re.search(WRITER, name)
    if writer is None or writer[1] != _here():
        return False
    if os.name == "nt":  # where a signal of 0 would end it
        import psutil

        return not psutil.pid_exists(int(writer[2]))
    try:
        os.kill(int(writer[2]), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return False


def _move(part: Path, path: Path) -> None:
    for pause in PAUSES:
        try:
            os.replace(part, path)
            return
        except PermissionError:
            time.sleep(pause)
    os.replace(part, path)


def _explained(problem: OSError, path: Path) -> OSError:
    """The same kind of error, which says what was not written and what to do."""
    said = f"{path} could not be written ({problem.strerror or problem}), and is as it was"
    if remedy := REMEDIES.get(problem.errno or 0):
        said += f": {remedy}"
    return OSError(problem.errno, said) if problem.errno else OSError(said)


def whole(text: str) -> str:
    """A text that a file can hold: halves of characters (lone surrogates) replaced by U+FFFD.

    >>> whole("leaf \\ud83c\\udf41, half \\ud83c")
    'leaf 🍁, half �'
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
