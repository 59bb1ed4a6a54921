"""Sees when an answer calls what it was to write itself."""

import functools
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

LIBRARY = Path(__file__).parents[1]


class Borrowed(Exception):
    """The answer called what it was to write itself."""


class watched:
    """While it is entered, calls of the named functions by the answer raise Borrowed.

    Functions of this library are known by name and file, those of torch by name. Whatever a
    library's own function calls in turn is its own affair. right: the right answer's own code; it
    may be another object, read from its file before.
    """

    def __init__(self, names: frozenset[str], right: CodeType | None = None):
        self.names, self.right = names, right
        self.before: Any = None

    def __enter__(self) -> None:
        self.before = sys.getprofile()
        sys.setprofile(self._look)

    def __exit__(self, *_error: object) -> None:
        sys.setprofile(self.before)

    def _look(self, frame: FrameType, event: str, argument: Any) -> None:
        code = caller = frame.f_code
        if event == "call":
            name = code.co_name
            borrowed = (name in self.names and of_libraries(code)) or code == self.right
            caller = frame.f_back.f_code if frame.f_back else code
        elif event == "c_call":
            name = getattr(argument, "__name__", "")
            borrowed = name in self.names
        else:
            return
        if borrowed and not of_libraries(caller):
            raise Borrowed(name)


def line_of(error: BaseException) -> int | None:
    """The deepest line of an error that is not of a library: the learner's own."""
    trace, line = error.__traceback__, getattr(error, "learners_line", None)
    while trace is not None:
        if not of_libraries(trace.tb_frame.f_code):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def of_libraries(code: CodeType) -> bool:
    return _in_a_library(code.co_filename)


@functools.cache  # it is asked at every call that an answer makes
def _in_a_library(name: str) -> bool:
    file = Path(name)
    return "site-packages" in file.parts or LIBRARY in file.parents
