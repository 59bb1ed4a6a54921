"""What the phone page says of a network beside its answers: bytes, accuracy, energy.

>>> check(Facts(kind="int8", accuracy=0.97))
>>> check(Facts(accuracy=97))
Traceback (most recent call last):
ValueError: accuracy of the facts must be of its kind, or None, got 97
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Facts:
    """What the page says of a network beside its answers; None: not known."""

    kind: str | None = None  # "float32" or "int8"
    file_bytes: int | None = None  # on disk: packed, where it is packed
    checkpoint_bytes: int | None = None  # of the original network
    accuracy: float | None = None  # on test images, in [0, 1], with its 95% interval
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    energy_mj: float | None = None  # one image
    energy_is_estimate: bool | None = None
    macs: int | None = None
    recipe: str | None = None


UNKNOWN = Facts()
FACTS = {each.name: each.type for each in fields(Facts)}


def check(facts: Facts) -> None:
    """Raise ValueError for a value that is not of its kind, or out of range."""
    for key, kind in FACTS.items():
        value = getattr(facts, key)
        if value is None:
            continue
        fits = {
            str | None: is_text(value),
            bool | None: isinstance(value, bool),
            int | None: type(value) is int and 0 <= value < 2**53,  # what JavaScript counts exactly
            float | None: is_number(value) and value >= 0,
        }[kind]  # type: ignore[index]
        if not fits or (key.startswith("accuracy") and value > 1):
            raise ValueError(f"{key} of the facts must be of its kind, or None, got {value!r:.60}")


def is_number(value: object) -> bool:
    """Is it a number that a float can hold, and finite?"""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return -1e300 < value < 1e300  # neither NaN nor infinite, nor an integer beyond all floats


def is_text(value: object) -> bool:
    """Is it a text that a file in UTF-8 can hold?"""
    # Half of a surrogate pair is a str in Python, and in no UTF-8 file.
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)
