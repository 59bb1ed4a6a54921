"""What a good answer to why_factor says."""

from ..rubric import Rubric

why_factor = Rubric(
    "04_quantization",
    "why_factor",
    (
        "Within one step of the grid the error lies anywhere, each place as likely. The mean of "
        "its square is the square of the step, divided by 12.",
        "One bit more halves the step (a little more than that: 15 steps to the largest weight "
        "become 31), so the mean square falls to a quarter, or slightly less.",
        "What counts for the network is the error beside the weights themselves. At 5 or 6 bits "
        "it is far smaller than they are, and no leaf changes its name.",
        "At 2 bits the error is as large as the weights. Most of them fall onto zero, and what "
        "the next layer was trained on is gone: the same factor hurts where no room is left.",
    ),
)
