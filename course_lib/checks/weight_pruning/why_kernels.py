"""What a good answer to why_kernels says."""

from ..rubric import Rubric

why_kernels = Rubric(
    "03_weight_pruning",
    "why_kernels",
    (
        "Chance would hold if the nine weights of a kernel had nothing to do with each other. They "
        "join the same input to the same output: where these two have little to say to each "
        "other, all nine stayed small.",
        "Empty kernels hold only a part of the zeros. The others lie beside the few strong weights "
        "of kernels that matter.",
        "A rule for whole kernels cannot take those. For the same number of zeros it takes further "
        "kernels, with the strong single weights in them.",
    ),
)
