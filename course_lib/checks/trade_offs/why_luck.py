"""What a good answer to why_luck says."""

from ..rubric import Rubric

why_luck = Rubric(
    "08_trade_offs",
    "why_luck",
    (
        "300 photos tell an accuracy only roughly: by chance one network gets a few more of "
        "them right, another a few less.",
        "Whoever takes the best of twenty takes the luckiest, and its luck stands in its figure.",
        "More validation photos make the luck smaller (by the root of their number), and so do "
        "fewer trials, or networks so alike that they are lucky on the same photos. Two of "
        "these are enough.",
        "The luck is larger than the one point that the rule allows: who loses a point here may "
        "lose more elsewhere.",
        "So the winner alone is asked once about images that had no part in choosing it.",
    ),
)
