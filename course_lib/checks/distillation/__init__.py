"""Checks of exercise 05: doubts, softened answers, photos without labels, who resembles whom."""

# In the order of the exercise, which `progress` shows.
from .hesitates import hesitates
from .softened import softened
from .partly_labelled import partly_labelled
from .my_unseen import SPECIES, my_unseen, unseen
from .why_unseen import why_unseen
from .resembling import resembling
from .taught import taught
from .why_taught import why_taught
