"""A share for each layer: a pruned network within a budget of bytes."""

from collections.abc import Sequence

from ...deploy.engines import Onnx
from .. import lineage
from ..budget import Budget, original


def _sparser(network: Onnx, found: Sequence[lineage.Layer]) -> str:
    """Weights are zero, and that is all; or what else was done."""
    if network.kind != "float32":
        return "This network computes in integers; asked for are zeros, all else in float32."
    if not any(bool((layer.weight == 0).any()) for layer in found):
        return "None of this network's weights is zero. Did you pack what `pruned` returned?"
    return ""


few_weights = Budget(
    "03_weight_pruning",
    "few_weights",
    origin=original,
    method=_sparser,
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
