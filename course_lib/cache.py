"""What took long to make is kept in one file, safe to share between many processes.

A reader sees all of a file or none of it (`files`); a checksum tells when the disk lost some of it
(`kept`); a lock lets one process make what the others wait for. The lock only saves work: without
it the result is the same, made several times.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import getpass
import json
import mmap
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from course_lib import kept
from course_lib.telling import tell

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = "course-pruning"
PAGE_OUT = 21  # MADV_PAGEOUT of <linux/mman.h>: unlike DONTNEED it never loses what was written
LONGEST_WAIT = 900.0  # seconds; whoever holds the lock longer is taken to be stuck

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)

Stored = tuple[dict[str, torch.Tensor], Any]  # tensors by name, and a note that JSON can hold


def cache_dir() -> Path:
    """The folder for what is computed once: `COURSE_CACHE`, else the platform's cache folder.

    Nothing is created here.

    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, COURSE_CACHE="~/leaves-cache"):
    ...     cache_dir().name
    'leaves-cache'
    """
    chosen = os.environ.get("COURSE_CACHE", "").strip()
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    if sys.platform == "win32":
        platform_folder = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        platform_folder = "~/Library/Caches"
    else:
        platform_folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(platform_folder).expanduser() / NAME
    except RuntimeError:  # a container's user without a home
        return _temporary()


def cached(filename: str, key: str, make: Callable[[], Stored]) -> Stored:
    """The content of `filename` in the cache, or what `make()` returns, kept there for next time.

    `key` says what the content was made from; a file with another key is made again, and so is a
    damaged one (said in one line on stderr). Tensors come memory-mapped: they cost no memory until
    used, and processes share them. An unwritable cache is replaced, with one warning, by a
    temporary folder, or else by memory alone. Errors of `make` are passed on.

    >>> from unittest.mock import patch
    >>> with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, COURSE_CACHE=folder):
    ...     made = cached("three", "1", lambda: ({"x": torch.ones(3)}, "note"))
    ...     kept = cached("three", "1", lambda: ({"x": torch.zeros(3)}, "never made"))
    >>> kept[0]["x"].tolist(), kept[1]
    ([1.0, 1.0, 1.0], 'note')
    """
    found = _read(cache_dir() / filename, key)
    if found is not None:
        return found
    folder = writable_dir()
    if folder is None:
        return make()
    path = folder / filename
    with lock(path):
        found = _read(path, key, say="making it again")
        if found is not None:
            return found
        made = make()
        try:
            _write(path, key, *made)
        except OSError as problem:  # a full disk, or a file that Windows holds open
            warnings.warn(
                f"{problem.strerror or problem} (COURSE_CACHE names it). Until then, what it would "
                "hold stays in memory and is made again next time.",
                stacklevel=2,
            )
            return made
        del made  # mapped from the file, it is not in memory twice
        return _read(path, key) or make()


def writable_dir() -> Path | None:
    """`cache_dir()`, created; else a temporary folder, else None, either with one warning."""
    for folder in (cache_dir(), _temporary()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as problem:
            reason = problem.strerror or str(problem)
            continue
        if folder != cache_dir():
            _warn_unwritable(reason, f"{folder} is used instead")
        return folder
    _warn_unwritable(reason, "nothing is kept for next time")
    return None


def under_way(filename: str) -> Path | None:
    """Where in the cache to keep what a long making goes on from; None where nothing is kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `cached` says it
        folder = writable_dir()
    return None if folder is None else folder / filename


def in_cache(path: Path) -> bool:
    """Does it only save work? Results of a command lie elsewhere."""
    return any(folder in path.absolute().parents for folder in (cache_dir(), _temporary()))


@contextmanager
def lock(path: Path, waiting: str = "") -> Iterator[None]:
    """Let one process at a time work on `path`; the system frees the lock of a dead process.

    Where locks do not work (some network drives; one warning says so), or one is held for
    `LONGEST_WAIT` seconds, the block runs without it.
    waiting: for work that two must not do at once; the second says so, and waits to the end.
    """
    # Everyone who shares the cache may take the lock, whoever was first to make its file.
    guard = FileLock(path.with_name(f".{path.name}.lock"), mode=0o666)
    if locks_work(path.parent):
        _wait(guard, path, waiting)
    try:
        yield
    finally:
        guard.release()


def _wait(guard: FileLock, path: Path, waiting: str) -> None:
    try:
        try:
            guard.acquire(timeout=0 if waiting else 1)
        except Timeout:
            if waiting:
                print(waiting, file=sys.stderr, flush=True)
            else:
                tell(f"Waiting for another process to finish {path.name} ...")
            guard.acquire(timeout=-1 if waiting else LONGEST_WAIT)
    except Timeout:
        print(f"The other process seems stuck: going on without {path.name}", file=sys.stderr)
    except (OSError, NotImplementedError):
        pass


@functools.cache
def locks_work(folder: Path) -> bool:
    """Whether files of a folder can be locked; asked here, since filelock before 3.21 waits."""
    if fcntl is None:
        return True  # Windows locks everywhere
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno in NO_LOCKS:
            warnings.warn(
                f"{folder} lies on a file system without locks ({problem.strerror}): two processes "
                "there may do the same work; what comes of it is right",
                stacklevel=4,
            )
            return False
    return True


def _read(path: Path, key: str, say: str = "") -> Stored | None:
    """What `_write` wrote, or None if it is absent, made from something else, or damaged."""
    try:
        tensors, head = kept.read(path)
        if head.get("key") != key:
            return None
        note = json.loads(head["note"])
    except FileNotFoundError:
        return None
    except (kept.Damaged, KeyError, ValueError) as problem:
        if say:
            print(f"{path.name} in the cache is damaged ({problem}): {say}", file=sys.stderr)
        return None
    for tensor in tensors.values():
        page_out(tensor)
    return tensors, note


def _write(path: Path, key: str, tensors: dict[str, torch.Tensor], note: Any) -> None:
    """Write all of the file or nothing, to be read by whoever shares the cache; raises OSError."""
    kept.write(path, tensors, {"key": key, "note": json.dumps(note)}, mode=0o644)


def page_out(tensor: torch.Tensor) -> None:
    """Let go of the memory behind a tensor of a mapped file; it is read again when it is needed.

    Who has read all of a set once, for a checksum, holds all of it otherwise. Linux alone; nothing
    is lost, whatever the tensor lies in.
    """
    if sys.platform != "linux":
        return
    start, end = tensor.data_ptr(), tensor.data_ptr() + tensor.numel() * tensor.element_size()
    start, end = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
    if end > start:
        with contextlib.suppress(OSError, AttributeError):  # another C library
            advise = ctypes.CDLL("libc.so.6").madvise
            advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
            advise(start, end - start, PAGE_OUT)


def _temporary() -> Path:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = "user"
    return Path(tempfile.gettempdir()) / f"{NAME}-{user}"


def _warn_unwritable(reason: str, instead: str) -> None:
    warnings.warn(
        f"the cache folder {cache_dir()} cannot be written ({reason}): {instead}. Set the "
        "environment variable COURSE_CACHE to a folder you can write to.",
        stacklevel=4,
    )
