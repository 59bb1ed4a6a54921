"""What a good answer to why_saving says."""

from ..rubric import Rubric

why_saving = Rubric(
    "07_working_together",
    "why_saving",
    (
        "The largest weight of a channel sets the scale, so with 3 bits a large part of the "
        "weights is less than half a step from zero.",
        "The weak weights that pruning takes are those that rounding sends to zero anyway: "
        "few zeros are added.",
        "The coder pays little for what is left besides: small integers are frequent.",
        "With 8 bits hardly any weight is rounded to zero, and each costs most of its bits: "
        "pruning half saves far more there.",
        "But less than half: where the zeros are costs up to one bit a weight.",
    ),
)
