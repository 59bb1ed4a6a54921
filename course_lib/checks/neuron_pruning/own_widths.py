"""Widths of one's own: a network with fewer channels within a budget of bytes."""

from collections.abc import Sequence

from ...deploy.engines import Onnx
from .. import lineage
from ..budget import Budget, student


def _narrower(network: Onnx, found: Sequence[lineage.Layer]) -> str:
    """Channels are gone, and that is all; or what else was done."""
    if network.kind != "float32":
        return "This network computes in integers; asked for are fewer channels, in float32."
    for number, layer in enumerate(found, 1):
        if float((layer.weight == 0).double().mean()) > 0.05:
            return f"In layer {number} weights are zero; asked for are channels that are gone."
    return ""


own_widths = Budget(
    "02_neuron_pruning",
    "own_widths",
    origin=student,
    method=_narrower,
    most_bytes=190_000,
    accuracy=0.96,
    test_accuracy=0.955,
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
