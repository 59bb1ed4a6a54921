"""What a good answer to why_unseen says."""

from ..rubric import Rubric

why_unseen = Rubric(
    "05_distillation",
    "why_unseen",
    (
        "Each answer to a photo of another species says how much of the unseen one is in it: "
        "more for its relatives, less for the others. Over many photos that tells in which "
        "direction of the features the species lies.",
        "With labels it would fail for every species: a class that is never right is only ever "
        "pushed down.",
        "At temperature 1 the small probabilities hardly count in the loss, so that less of "
        "this is heard, for most species.",
        "It can fail entirely, as for one of the beeches: no photo ever said that such a leaf "
        "is *not* the relative that it resembles.",
        "The convolutions had seen the species before, with its label. Only the last layer had "
        "not, which makes it easier than it sounds.",
    ),
)
