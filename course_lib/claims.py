"""The claims of a chapter, checked where they are made.

A claim that does not depend on machine or images raises when it is false. One about speed or
energy shows *held* or *not here*, and raises only under COURSE_STRICT=1; one about the images
raises on the built-in leaves, which it was written for, and is said honestly on others.

>>> claim("8 bits are fewer than 32", 8 < 32)
held: 8 bits are fewer than 32
>>> claim("32 bits are fewer than 8", 32 < 8)
Traceback (most recent call last):
AssertionError: this claim is false: 32 bits are fewer than 8
"""

import os


def claim(
    sentence: str,
    holds: bool,
    *,
    images: str | None = None,  # the name of the images it depends on
    machine: str | None = None,  # why a machine may differ, if it depends on the machine
    measured: str = "",  # the figures behind it, shown when it does not hold
) -> None:
    """Print whether the sentence holds; raise AssertionError when it had to hold and does not."""
    if holds:
        print(f"held: {sentence}")
        return
    behind = f" ({measured})" if measured else ""
    if machine is not None and os.environ.get("COURSE_STRICT") != "1":
        print(f"not here: {sentence}{behind}. Likely reason: {machine}")
    elif images is not None and images != "leaves":
        print(f"not on these images ({images}): {sentence}{behind}")
    else:
        raise AssertionError(f"this claim is false: {sentence}{behind}")
