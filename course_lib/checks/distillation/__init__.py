"""Checks of exercise 05: doubts, softened answers, photos without labels, who resembles whom."""

# In the exercise's order: `progress` shows it.
# isort: off
from .hesitates import hesitates
from .softened import softened
from .partly_labelled import partly_labelled
from .my_unseen import SPECIES, my_unseen, unseen
from .resembling import resembling
from .taught import taught

__all__ = [
    "SPECIES",
    "hesitates",
    "my_unseen",
    "partly_labelled",
    "resembling",
    "softened",
    "taught",
    "unseen",
]
