"""Bits for each layer: a quantized network within a budget of bytes."""

from collections.abc import Sequence

from ...deploy.engines import Onnx
from .. import lineage
from ..budget import Budget, original


def rounded(network: Onnx, found: Sequence[lineage.Layer]) -> str:
    """It computes in integers; or that it does not."""
    if network.kind == "float32":
        return "This network computes in float32; asked for are integers. `pack` makes them."
    return ""


few_bits = Budget(
    "04_quantization",
    "few_bits",
    origin=original,
    alike=0.9,  # two bits leave 0.98, three 0.97 at least
    method=rounded,
    most_bytes=330_000,
    accuracy=0.97,
    test_accuracy=0.965,
    why="Bits are money: spend them where they buy accuracy. That is how mixed precision is chosen "
    "for large networks too, layer by layer, by sensitivity.",
    hints=(
        "Which layer lost most of it? Round one at a time and look.",
        "A layer in 2 bits loses more than two layers in 3. And where do 3 bits save most?",
        "Sort the layers by what 3 bits save in each (its weights), and by what that costs in "
        "accuracy. Begin where much is saved and little is lost; stop when the bytes fit.",
    ),
)
