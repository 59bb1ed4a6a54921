"""Channels to silence: a network with some of them zero, within a budget of bytes."""

from collections.abc import Sequence

from ...deploy.engines import Onnx
from .. import lineage
from ..budget import Budget, original


def _silenced(network: Onnx, found: Sequence[lineage.Layer]) -> str:
    """Whole channels are silent, in float32; or what else was done."""
    if network.kind != "float32":
        return (
            "This network computes in integers; asked for are silent channels, the rest as it was."
        )
    for number, layer in enumerate(found, 1):
        zeros = (layer.weight.flatten(1) == 0).double().mean(1)
        if bool(((zeros > 0.05) & (zeros < 1)).any()):
            return (
                f"In layer {number} single weights are zero; asked for are whole silent channels."
            )
    return ""


few_channels = Budget(
    "01_jigsaw",
    "few_channels",
    origin=original,
    method=_silenced,
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
