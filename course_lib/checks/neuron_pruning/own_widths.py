"""Widths of one's own: a network with fewer channels within a budget of bytes."""

from ..budget import Budget

own_widths = Budget(
    "02_neuron_pruning",
    "own_widths",
    most_bytes=185_000,
    accuracy=0.963,
    test_accuracy=0.958,
    why="Sensitivity is worth what it was measured with: with the repair in place another layer is "
    "the one that can spare most.",
    hints=(
        "Have the norms looked again? And which layer lost most of it? Cut one at a time and look.",
        "Behind which layer does no norm come, that could repair the cut? Spare that one, and cut "
        "more where the repair works.",
        "Measure each layer alone at several shares, each time after the norms have looked again. "
        "Then write beside it how many bytes the cut saves, in this layer and in its reader, and "
        "begin where much is saved and little is lost.",
    ),
)
