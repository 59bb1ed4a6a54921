"""The last task of exercise 07: a recipe."""

from ..budget import Budget, student

small_file = Budget(
    "07_working_together",
    "small_file",
    origin=student,
    alike=0.6,  # 4,000 images leave 0.8 and more
    most_bytes=16_500,
    accuracy=0.955,
    test_accuracy=0.95,
    why="Pruning alone, rounding alone, training alone: none gets there. In the right order each "
    "leaves the next one something to do.",
    hints=(
        "What comes last in your recipe, and what could repair the damage that it does?",
        "Steps that damage come first, learning last. Then: which of your steps is the one that is "
        "too greedy? Undo half of it and look.",
        "Draw a table of bytes and accuracy, with one line for each try. Change one setting at a "
        "time, and spend the bytes that you have left. Small batches give a short training more "
        "steps.",
    ),
)
