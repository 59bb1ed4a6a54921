"""Is a network made from another one? Seen by its weights alone, whatever way it went.

Training anew ends at other weights; pruning, rounding, factoring and a little learning leave those
that were. A filter that lost some of its inputs, and is as loud as its norm likes, still points
where it did.

>>> from course_lib import engines, models
>>> network = models.load_pretrained("leafnet_student_distilled")
>>> found = layers(engines.onnx(network, (3, 64, 64)))
>>> likeness(found, network)[0] > 0.9999
True
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional as F

from ..deploy import floats, graphs
from ..deploy.engines import Onnx
from ..networks import folding, structure

EXACTLY = 1 - 1e-9  # what a norm may do to a filter, and no rounding, and no training
STRANGE = 0.5  # networks that learned apart have at least one layer below it


@dataclass(frozen=True)
class Layer:
    """One layer as floats, (outputs, inputs, rows, columns); parts: how many it was factored in."""

    weight: Tensor
    parts: int = 1


def layers(network: Onnx) -> list[Layer]:
    """The layers of a packed network, first to last. What follows without a ReLU is one layer."""
    from onnx import numpy_helper

    found: list[Layer] = []
    open_ = False  # whether the last one may go on
    model = graphs.parsed(floats.in_floats(network).content)
    weights = dict(_weights(model.graph))
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.output[0] in weights:
            weight = weights[node.output[0]]
            if open_ and weight.shape[1] == len(found[-1].weight):
                found[-1] = Layer(_one_after(found[-1].weight, weight), found[-1].parts + 1)
            else:
                found.append(Layer(weight))
            open_ = True
        elif not _passing(node, stored):
            open_ = False
    return found


def likeness(found: Sequence[Layer], origin: nn.Module) -> list[float]:
    """For each layer of the origin how much alike the found one is, from 0 to 1; [] if they differ.

    1: each filter is one of the origin's times a number, where it is not zero. Filters may be
    missing, with what reads them. Two networks that learned apart have a layer below STRANGE.
    """
    folded = folding.fold_batch_norm(origin)
    stored = folded.state_dict()
    wanted = [stored[f"{name}.weight"].double() for name in structure.layers(folded)]
    if len(found) != len(wanted):
        return []
    alike, inputs = [], torch.arange(wanted[0].shape[1])
    for layer, whole in zip(found, wanted, strict=True):
        own, whole = layer.weight, whole.reshape(*whole.shape[:2], *whole.shape[2:] or (1, 1))
        if own.shape[1] != len(inputs) or len(own) > len(whole) or own.shape[2:] != whole.shape[2:]:
            return []
        own, whole = own.flatten(1), whole[:, inputs].flatten(1)
        there = (own != 0).double()  # what was set to zero says nothing
        lengths = own.norm(dim=1)[:, None] * (there @ whole.square().T).sqrt()
        cosines = (own @ whole.T) / lengths.clamp(min=1e-12)
        # Where none is missing each stands in its place, silent ones too, which point nowhere.
        narrower = len(own) < len(whole)
        _, columns = linear_sum_assignment(-cosines.numpy()) if narrower else (0, range(len(own)))
        inputs = torch.as_tensor(columns)
        pairs, sizes = cosines[torch.arange(len(own)), inputs], own.norm(dim=1).square()
        # A layer of zeros says nothing.
        alike.append(float((pairs * sizes).sum() / sizes.sum()) if sizes.any() else 1.0)
    return alike


def stranger(found: Sequence[Layer], origin: nn.Module, least: float) -> str:
    """Why this is not made from the origin, or not as it may be; nothing if it is."""
    alike = likeness(found, origin)
    if not alike:
        widths = [len(layer.weight) for layer in found]
        return (
            f"This network was not made from the exercise's: its layers have {widths} outputs. "
            f"Begin with the network that the task names."
        )
    worst = min(range(len(alike)), key=lambda number: alike[number])
    if alike[worst] >= least:
        return ""
    if alike[worst] < STRANGE:
        return (
            f"This network was not made from the exercise's: the weights of its layer "
            f"{worst + 1} are others. Begin with the network that the task names."
        )
    return (
        f"The weights of layer {worst + 1} are no longer those of the exercise's network: rounded, "
        f"or trained? What the task allows is less."
    )


def _weights(graph: Any) -> Iterator[tuple[str, Tensor]]:
    """(the name of what comes out, the weight) of each layer of a float graph."""
    from onnx import numpy_helper

    for node, _, tensor, outputs_first in graphs.weighted(graph):
        weight = torch.from_numpy(np.array(numpy_helper.to_array(tensor), dtype=np.float64))
        weight = weight if outputs_first else weight.T
        yield node.output[0], weight.reshape(*weight.shape[:2], *weight.shape[2:] or (1, 1))


def _passing(node: Any, stored: Mapping[str, np.ndarray]) -> bool:
    """Whether numbers go on as they are, up to where integers end; an end at zero is a ReLU."""
    if node.op_type == "Clip":
        return bool(stored.get(node.input[1], np.zeros(1)) < 0)
    return node.op_type == "Identity"


def _one_after(first: Tensor, second: Tensor) -> Tensor:
    """The one convolution that does what two do, one after the other (the second has stride 1)."""
    rows, columns = (side - 1 for side in second.shape[2:])
    turned = F.conv2d(first.transpose(0, 1), second.flip(2, 3), padding=(rows, columns))
    return turned.transpose(0, 1)
