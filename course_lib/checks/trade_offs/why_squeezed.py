"""What a good answer to why_squeezed says."""

from ..rubric import Rubric

why_squeezed = Rubric(
    "08_trade_offs",
    "why_squeezed",
    (
        "It names the way to the shares: one layer at a time, its saving in bytes and its cost "
        "in accuracy.",
        "It tells of a try that failed, with its numbers: the same share everywhere, say, or "
        "biases in steps that are too coarse.",
        "The late layers mind least: they hold most of the weights. The early ones save few "
        "bytes, and all that follows stands on them.",
        "The validation images chose twice, trial 6 and then the shares. So some of what they "
        "say is luck, and the test images, which had no part in it, say less.",
    ),
)
