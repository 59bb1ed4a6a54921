"""What `--small` tries a benchmark out on, so that every line of it runs within seconds."""

import dataclasses
from typing import Any

import torch
from torch import nn

from course_lib import models
from course_lib.images.data import ImageData


def few(images: ImageData, train: int, val: int, test: int) -> ImageData:
    """The first so many images of each part."""
    return dataclasses.replace(
        images, train=images.train.first(train), val=images.val.first(val),
        test=images.test.first(test),
    )  # fmt: skip


def shortened(efficientnet: Any) -> None:
    """Leave two of EfficientNet-Lite0's sixteen blocks, and a convolution of chance behind them."""
    efficientnet._blocks = efficientnet._blocks[:2]
    efficientnet._conv_head = nn.Conv2d(24, 1280, 1)


def narrow(images: ImageData, width: int = 8) -> nn.Module:
    """An untrained LeafNet for these images, in the place of the original."""
    torch.manual_seed(0)
    return models.LeafNet(width, len(images.classes), images.shape[0]).eval()
