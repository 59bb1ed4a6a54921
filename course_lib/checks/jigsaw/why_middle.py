"""What a good answer to why_middle says."""

from ..rubric import Rubric

why_middle = Rubric(
    "01_jigsaw",
    "why_middle",
    (
        "A piece alone is harmless because its neighbours show the same: the next stretch of the "
        "margin, the same veins. Here the neighbours are gone as well.",
        "In the chapter the pieces were chosen for each picture, with the right answer in hand. "
        "These are chosen by their place, and in that place lies the leaf.",
        "The border is soil, wood or paper for the most part. What counts is not how much goes, "
        "but what, and whether something is left that tells the same.",
    ),
)
