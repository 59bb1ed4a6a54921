"""The last task of exercise 06: few weights."""

from ..budget import Budget

few_weights = Budget(
    "06_low_rank",
    "few_weights",
    most_bytes=760_000,
    accuracy=0.97,
    test_accuracy=0.965,
    why="Every layer has its own way and its own rank, and none was trained again. From here a "
    "short training would win back more, as in the chapter.",
    hints=(
        "Which layer lost most of it? Cut one at a time, the others whole, and look.",
        "The plan counts operations; here bytes count. Which layers have many weights and mind "
        "little? And does every layer mind the same way of cutting?",
        "Put down for each layer and way what a cut saves in weights, and what it costs in "
        "accuracy. Cut hard where much is saved and little is lost, and leave the small layers, "
        "which save little, higher ranks or whole.",
    ),
)
