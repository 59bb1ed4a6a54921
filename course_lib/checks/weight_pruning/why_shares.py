"""What a good answer to why_shares says."""

from ..rubric import Rubric

why_shares = Rubric(
    "03_weight_pruning",
    "why_shares",
    (
        "What was tried, with its figures: bytes and accuracy of at least one way that failed.",
        "How the shares were found: each layer cut alone, with fresh norms, or step by step from "
        "the shares of one ranking. Where the bytes lie decides where cutting pays.",
        "The global ranking knows how large a weight is. It does not know what its layer makes of "
        "it: the norm behind a layer lets small weights count as much as large ones.",
        "With a day: train on with the masks held, search over all shares at once, and judge on "
        "images that chose nothing.",
    ),
)
