"""How a network takes its images: normalised, on its device, in its precision and layout.

>>> from course_lib import data, models
>>> images = data.Images(torch.zeros(30, 3, 32, 32, dtype=torch.uint8), torch.zeros(30).long())
>>> [tuple(inputs.shape) for inputs, _ in batches(models.LeafNet(4), images, 20)]
[(20, 3, 32, 32), (10, 3, 32, 32)]
"""

from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from course_lib import arguments
from course_lib.images import image_data
from course_lib.images.image_data import Images
from course_lib.networks import structure

_LAYOUTS: WeakKeyDictionary[nn.Module, dict[object, torch.memory_format]] = WeakKeyDictionary()


def batches(
    network: nn.Module, images: Images, size: int, memory: torch.memory_format | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs as the network takes them, and their labels, `size` at a time.

    Raises ValueError for what is no network, no images, or images that it does not take.
    """
    image_data.checked(images)
    arguments.network(network)
    if len(images):
        layout(network, images.pixels.shape[1:])
    device, dtype = place(network)
    for inputs, labels in images.fed_to(network).batches(size, device=device):
        inputs = inputs.to(dtype)
        yield (inputs if memory is None else inputs.to(memory_format=memory)), labels


def place(network: Any) -> tuple[torch.device, torch.dtype]:
    """Where its weights lie, and their precision; the processor and float32 without any."""
    weight = next((p for p in network.parameters() if p.is_floating_point()), torch.empty(0))
    return weight.device, weight.dtype


def layout(network: nn.Module, shape: Sequence[int]) -> torch.memory_format:
    """The layout to compute in: channels last, which is faster, where the network can.

    A `view` in its forward cannot. A copy without hooks is asked about two blank images, once for
    each network and its forward.
    Raises ValueError for a network that does not turn images (batch, *shape) into logits (batch,
    classes): a tuple, a dict, another shape.
    """
    key = (tuple(shape), getattr(network.forward, "__func__", network.forward), place(network))
    known = _LAYOUTS.setdefault(network, {})
    if key not in known:
        known[key] = _tried(network, shape)
    return known[key]


@torch.inference_mode()
def _tried(network: nn.Module, shape: Sequence[int]) -> torch.memory_format:
    asked = structure.duplicate(network).eval()
    for module in asked.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    device, dtype = place(asked)
    blank = torch.zeros(2, *shape, device=device, dtype=dtype)
    try:
        outputs = asked(blank.to(memory_format=torch.channels_last))
    except Exception as error:  # the network's own, of any kind
        if "view size is not compatible" in str(error):
            return torch.contiguous_format
        raise ValueError(
            f"this {type(network).__name__} takes no images {tuple(shape)}: {one_line(error)}"
        ) from error
    check_logits(outputs, 2)
    return torch.channels_last


def check_labels(labels: Tensor, logits: Tensor) -> None:
    """Raise ValueError unless each label is one of the network's classes."""
    if len(labels) and not bool((labels >= 0).logical_and(labels < logits.shape[1]).all()):
        raise ValueError(
            f"labels must be 0 to {logits.shape[1] - 1}, the network's classes, got "
            f"{int(labels.min())} to {int(labels.max())}; build the network for the data"
        )


def one_line(error: BaseException) -> str:
    """What an error says, short enough to stand in a sentence."""
    return " ".join(str(error).split())[:120]


def check_logits(outputs: object, count: int) -> None:
    """Raise ValueError unless these are logits of so many images, (count, classes)."""
    if isinstance(outputs, Tensor):
        if outputs.ndim == 2 and len(outputs) == count:
            return
        what = f"shape {tuple(outputs.shape)} for {count} images"
    elif isinstance(outputs, dict):
        what = f"a dict of {', '.join(map(str, outputs))}"
    elif isinstance(outputs, tuple | list):
        what = f"a {type(outputs).__name__} of {len(outputs)}"
    else:
        what = f"a {type(outputs).__name__}"
    raise ValueError(
        f"the network must return logits, a tensor (images, classes), got {what}; wrap it in a "
        f"module whose forward returns the logits alone"
    )
