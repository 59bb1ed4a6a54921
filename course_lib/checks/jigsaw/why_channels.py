"""What a good answer to why_channels says."""

from ..rubric import Rubric

why_channels = Rubric(
    "01_jigsaw",
    "why_channels",
    (
        "What was tried, with its figures: at least one way that failed, and by how much.",
        "Those that cost least alone do worse together than a random draw: a channel that others "
        "can stand in for looks harmless, and so does each of those others.",
        "A random draw takes from all kinds of channels alike, so that something of each is left.",
        "What works measures channels together: silence a few, measure all others again without "
        "them, and go on; or draw many sets, and keep the best. By the loss, since one channel "
        "hardly moves the accuracy.",
        "The channels were chosen on these images. Only other images tell whether that holds.",
    ),
)
