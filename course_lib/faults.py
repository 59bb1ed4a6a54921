"""What a machine's failing looks like in Python, and the one sentence that says what to do.

>>> print(sentence(OSError(28, "No space left on device", "out/result.json")))
out/result.json: No space left on device; free some space, or choose a folder on another disk
>>> sentence(RuntimeError("a mistake of the course's own")) is None
True
"""

import errno
import os
import re

from course_lib.files import REMEDIES, whole

# PyTorch, ONNX Runtime, safetensors and the loader of libraries each have words of their own.
MEMORY = (
    r"can't allocate memory|not enough memory|cannot allocate memory|out of memory|bad_alloc|"
    r"failed to map segment|can't start new thread|Resource temporarily unavailable|"
    r"unable to mmap|MapViewOfFile|failed to allocate|Failed to allocate memory|std::bad_alloc"
)
DISK = (
    r"unexpected pos|PytorchStreamWriter|file write failed|No space left on device|os error 28|"
    r"database or disk is full|disk I/O error|unable to open database file|readonly database|"
    r"Read-only file system|os error 30"
)
MACHINE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG),
    *(errno.EIO, errno.EMFILE, errno.ENFILE),
)
NO_SCRATCH = "No usable temporary directory"
SCRATCH = (
    "no folder for temporary files can be written: free some space, or let the environment "
    "variable TMPDIR name a folder that can"
)


def sentence(error: BaseException, folder: str | None = None) -> str | None:
    """What went wrong and what to do, in one line; None for what is no failing of the machine.

    folder: where the command writes to, for errors that do not say which file they were about.
    """
    text = " ".join(str(error).split())
    if NO_SCRATCH in text:
        return SCRATCH
    if _memory(error, text):
        why = text[:150] or "Python could get no more"
        return (
            f"not enough memory ({why}): close other programs, raise the limit (ulimit -v) if "
            "there is one, or take smaller or fewer images"
        )
    if isinstance(error, OSError) and error.errno is not None:
        return _of_the_system(error, folder)
    if re.search(DISK, text):
        place = folder or "the folder that the command writes to"
        return (
            f"{place}, COURSE_CACHE's folder or TMPDIR's is full or read-only "
            f"({text[:120]}): free some space there, or choose other ones"
        )
    return None


def _memory(error: BaseException, text: str) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOMEM, errno.EAGAIN):
        return True
    kinds = (RuntimeError, ImportError, OSError)
    return isinstance(error, MemoryError) or (
        isinstance(error, kinds) and re.search(MEMORY, text, re.IGNORECASE) is not None
    )


def _of_the_system(error: OSError, folder: str | None) -> str | None:
    number, reason = error.errno or 0, " ".join((error.strerror or str(error)).split())
    if error.filename is None and reason != os.strerror(number):  # `files` has said all
        return reason
    if number not in MACHINE:  # a file that is not there, say: where it was missed matters
        return None
    place = error.filename or folder or "the folder that the command writes to"
    remedy = REMEDIES.get(number, "mend that, then give the same command again")
    return f"{whole(os.fsdecode(place))}: {reason}; {remedy}"
