"""Files that are written whole or not at all: whoever reads sees the old content or the new one.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     path = write(Path(folder) / "new" / "leaf.txt", "oak")
...     path.read_text(), [file.name for file in path.parent.iterdir()]
('oak', ['leaf.txt'])
"""

import errno
import glob
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ORPHANED = 3600  # seconds; who began to write longer ago was killed
# Windows moves nothing onto a file that somebody has open: a reader soon closes it again.
PAUSES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if os.name == "nt" else ()  # seconds
REMEDIES = {
    errno.ENOSPC: "free some space, or choose a folder on another disk",
    errno.EDQUOT: "free some space, or choose a folder on another disk",
    errno.EROFS: "choose a folder that is not read-only",
    errno.EACCES: "choose a folder that you may write to, and close what has this file open",
    errno.ENOENT: "make its folder first",
    errno.EISDIR: "choose another name: a folder has this one",
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
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        _clear_orphans(path)
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


def _clear_orphans(path: Path) -> None:
    """Remove what a killed process left of its attempt to write this file."""
    for orphan in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):  # another process was faster
            if time.time() - orphan.stat().st_mtime > ORPHANED:
                orphan.unlink()


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
