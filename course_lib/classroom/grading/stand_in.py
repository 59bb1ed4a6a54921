"""Stands in a learner's kernel for the file of a task, which holds the right answer.

Checks that a learner calls in cells of their own say that they are judged elsewhere.
"""

from typing import Any


class Later:
    """A check of that name, which says nothing here."""

    def __init__(self, name: str):
        self.name = name

    def __call__(self, *_inputs: Any, **_settings: Any) -> str:
        return f"{self.name}: judged later, elsewhere."


def __getattr__(name: str) -> Later:
    if name.startswith(("__", "pytest")):  # what Python and pytest look for in any module
        raise AttributeError(name)
    return Later(name)
