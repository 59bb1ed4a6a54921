"""A share for each layer: a pruned network within a budget of bytes."""

from ..budget import Budget

few_weights = Budget(
    "03_weight_pruning",
    "few_weights",
    most_bytes=870_000,
    accuracy=0.955,
    test_accuracy=0.945,
    why="No single ranking knew these shares: you measured what each layer can spare. That is how "
    "sparsity is shared out in large networks too.",
    hints=(
        "Which layer lost most of it? Prune one at a time, with fresh norms, and look.",
        "The global ranking takes nearly everything from one layer. Does that layer mind? Which "
        "other large layer could give more instead?",
        "Begin with the shares of the global ranking. Take less from the layer that lost most, "
        "more from its neighbours, until the bytes fit. Small layers bring few bytes: spare them.",
    ),
)
