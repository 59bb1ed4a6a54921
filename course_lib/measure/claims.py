"""The claims of a chapter, checked where they are made.

A claim that does not depend on machine or images raises when it is false. One about time, energy or
memory shows *held here* or *not here*, with its figures: a slow machine is no mistake. It raises
only under COURSE_STRICT=1, for authors on the machine that the recordings are from. One about the
images raises on the built-in leaves, which it was written for, and is said honestly on others.

>>> claim("8 bits are fewer than 32", 8 < 32)
held: 8 bits are fewer than 32
>>> claim("it is faster", 3 < 2, machine="other programs are running", measured="3 and 2 ms")
not here: it is faster [3 and 2 ms; likely reason: other programs are running]
>>> claim("32 bits are fewer than 8", 32 < 8)
Traceback (most recent call last):
AssertionError: this claim is false: 32 bits are fewer than 8

A claim that is about some processors only says so on the others:

>>> claim("8 bits are faster", False, machine="load", unless="no 8-bit dot products")
not asked here: 8 bits are faster [no 8-bit dot products]
"""

import os
from pathlib import Path

# How the line of a claim about the machine begins.
HERE = ("held here", "not here", "not asked here")


def claim(
    sentence: str,
    holds: bool,
    *,
    images: str | None = None,  # the name of the images it depends on
    machine: str | None = None,  # why a machine may differ, if it depends on the machine
    measured: str = "",  # the figures behind it
    unless: str = "",  # why it is not about this machine; empty where it is
) -> None:
    """Print whether the sentence holds; raise AssertionError when it had to hold and does not.

    What did not hold on this machine is added to the file that COURSE_NOT_HERE names, a line each:
    a run of many chapters lists it at its end.
    Raises ValueError unless `holds` is one True or False.
    """
    behind = f" ({measured})" if measured else ""
    holds = _truth(sentence, holds)
    if unless:
        print(f"{HERE[2]}: {sentence} [{unless}]")
    elif machine is not None:
        _here(sentence, holds, machine, measured)
    elif holds:
        print(f"held: {sentence}")
    elif images is not None and images != "leaves":
        print(f"not on these images ({images}): {sentence}{behind}")
    else:
        raise AssertionError(f"this claim is false: {sentence}{behind}")


def _truth(sentence: str, holds: object) -> bool:
    """True or False, also NumPy's and PyTorch's own; a text, a list, NaN would count as true."""
    one = getattr(holds, "ndim", None) == 0 and not getattr(holds, "is_meta", False)
    if isinstance(holds, bool) or (one and str(getattr(holds, "dtype", "")).endswith("bool")):
        return bool(holds)
    shown = " ".join(repr(holds).split())
    raise ValueError(
        f"whether a claim holds must be True or False, got {shown:.80} for: {sentence}; compare "
        f"what was measured (3 < 5), and of many values say .all()"
    )


def _here(sentence: str, holds: bool, machine: str, measured: str) -> None:
    """A claim about this machine; its figures stand in brackets, where no comparison looks."""
    reason = "" if holds else f"likely reason: {machine}"
    behind = "; ".join(filter(None, [measured, reason]))
    line = f"{HERE[not holds]}: {sentence}" + f" [{behind}]" * bool(behind)
    if not holds and os.environ.get("COURSE_STRICT") == "1":
        raise AssertionError(line)
    print(line)
    file = os.environ.get("COURSE_NOT_HERE")
    if file and not holds:
        with Path(file).open("a", encoding="utf-8") as listed:
            listed.write(line + "\n")


def not_here(file: Path) -> str:
    """The list of what did not hold on this machine, with the processor; empty when all held."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    if not lines:
        return ""
    from course_lib.processor import described  # loads torch, which a claim need not

    head = f"Not held on this machine, which is no error ({described()}):"
    return "\n".join([head, *(f"  {line.partition(': ')[2]}" for line in dict.fromkeys(lines))])
