"""What a good answer to why_ranks says."""

from ..rubric import Rubric

why_ranks = Rubric(
    "06_low_rank",
    "why_ranks",
    (
        "It names the way to the ranks: one layer cut at a time, the others whole, with its "
        "price in accuracy and its saving in weights.",
        "It tells of a try that failed, with its numbers: the chapter's plan, say, or the same "
        "share of the energy for all layers.",
        "The last convolution minds least, though it holds half of all weights: behind it there "
        "are only so many kinds of leaf to tell apart.",
        "Not every layer minds the same way: the early ones rather go by rows and columns, the "
        "later ones by their answers.",
        "For multiply-adds the layers with large pictures would have to give more, and the last "
        "one's weights would count less.",
    ),
)
