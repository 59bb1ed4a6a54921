"""The last task of exercise 08: the gap in the front."""

from ..budget import Budget

squeezed = Budget(
    "08_trade_offs",
    "squeezed",
    most_bytes=5_300,
    accuracy=0.95,
    test_accuracy=0.935,
    why="There is room between any two networks of a front, and a search that costs seconds a try "
    "finds it. Whether it lasts, only images tell that had no part in the search.",
    hints=(
        "Which layer lost most of it? Squeeze one at a time and look.",
        "The same share everywhere is too much for some layers. And do only weights take bytes?",
        "Note for each layer what a quarter of its ones costs in accuracy and what it saves in "
        "bytes. Take from those where much is saved for little, and leave the others whole. Then "
        "look at `biases`: small steps of it cost nearly nothing.",
    ),
)
