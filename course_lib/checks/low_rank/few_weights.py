"""The last task of exercise 06: few weights."""

from collections.abc import Sequence

from ...deploy.engines import Onnx
from .. import lineage
from ..budget import Budget, original


def _factored(network: Onnx, found: Sequence[lineage.Layer]) -> str:
    """Layers are factored, and that is all; or what else was done."""
    if network.kind != "float32":
        return "This network computes in integers; asked for are factors, in float32."
    if all(layer.parts == 1 for layer in found):
        return "No layer of this network is factored. Did you pack what `low_rank.factor` returned?"
    for number, layer in enumerate(found, 1):
        if layer.parts == 1 and float((layer.weight == 0).double().mean()) > 0.05:
            return f"In layer {number} weights are zero; asked for are factors of lower rank."
    return ""


few_weights = Budget(
    "06_low_rank",
    "few_weights",
    origin=original,
    alike=0.3,  # the root of the share of energy that is left
    method=_factored,
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
