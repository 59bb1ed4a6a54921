"""Channels to silence: a network with some of them zero, within a budget of bytes."""

from ..budget import Budget

few_channels = Budget(
    "01_jigsaw",
    "few_channels",
    most_bytes=2_745_000,
    accuracy=0.97,
    test_accuracy=0.965,
    why="Most of the largest layer is gone without any training. Its zeros are still multiplied; "
    "the next chapter takes them out.",
    hints=(
        "Did you choose each channel by what it costs alone? What did the chapter say about that?",
        "Once some channels are silent, the others matter more than before. When did you measure "
        "what they cost?",
        "Silence a few, measure the others again without them, and go on. And accuracy is a coarse "
        "measure: nearly every channel alone leaves it as it is. What did the pieces' importance "
        "use?",
    ),
)
