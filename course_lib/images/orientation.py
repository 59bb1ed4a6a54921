"""Have pictures an up, and a left? What turns and flips may be trained on depends on it.

A leaf on a table is the same leaf in every direction; a tree with the sky above it is not, and no
digit may be mirrored. So a small classifier is asked how pictures were turned. Where it can tell,
on pictures that it has not seen, they have an up.
Source of the question: Gidaris et al. 2018, arXiv 1803.07728.

>>> from course_lib import data
>>> found = symmetries(data.load("digits").train)
>>> found.turns, found.flips
(False, False)
"""

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.images.image_data import Images

AUGMENTATIONS = ("move", "turn", "flip")
SIDE, CELLS, DIRECTIONS = 32, 4, 8  # pixels looked at; cells a side; directions of edges
MOST = 1000  # pictures that are looked at
RIDGE = 0.1  # in units of the features' variance
# Half-way between pictures from above, which are lit from one side, and photos with an up.
UP, LEFT = 0.45, 0.65

_KNOWN: WeakKeyDictionary[Images, "Symmetries"] = WeakKeyDictionary()


@dataclass(frozen=True)
class Symmetries:
    """What changes nothing about pictures, and how well it was told whether it was done."""

    turns: bool  # by quarters
    flips: bool  # of left and right
    told_turns: float  # the share of unseen pictures of which it was told how they are turned
    told_flips: float  # and whether they are mirrored

    def __str__(self) -> str:
        turned = f"turned pictures are {'the same' if self.turns else 'others'}"
        flipped = f"mirrored ones {'the same' if self.flips else 'others'}"
        return (
            f"{turned} (told apart: {self.told_turns:.0%}, by luck 25%), {flipped} "
            f"({self.told_flips:.0%}, by luck 50%)"
        )


def chosen(augment: bool | Collection[str], images: Images, tell: bool = False) -> frozenset[str]:
    """What is done to pictures in training, of "move", "turn" and "flip".

    True: all that these pictures bear, see `symmetries`, which is told once on stderr where it is
    not all; False: nothing; else what is named. Raises ValueError for other names.
    """
    if augment is True:
        known = images in _KNOWN
        found = symmetries(images)
        if tell and not known and not (found.turns and found.flips):
            print(f"In training, {found}", file=sys.stderr)
        bear = {"turn": found.turns, "flip": found.flips}
        return frozenset({"move", *(name for name in bear if bear[name])})
    names = [] if augment is False else [augment] if isinstance(augment, str) else list(augment)
    if strange := [name for name in names if name not in AUGMENTATIONS]:
        raise ValueError(
            f"augment must be True (all that the pictures bear), False, or some of "
            f"{', '.join(AUGMENTATIONS)}; got {strange[0]!r}"
        )
    return frozenset(names)


def symmetries(images: Images) -> Symmetries:
    """Whether pictures may be turned by quarters, and mirrored, in training; takes seconds.

    Each half of the first 1,000 training images is judged by what the other half teaches, knowing
    their classes: of lying and standing stripes each kind has an up. Pictures that are not square
    cannot be turned by a quarter. Asked again about the same, it is known.
    """
    if images not in _KNOWN:
        some = images.first(MOST)
        square = some.pixels.shape[2] == some.pixels.shape[3]
        turned = _told(some, 4, partial(torch.rot90, dims=(2, 3))) if square else 1.0
        flipped = _told(some, 2, lambda pictures, flip: pictures.flip(3) if flip else pictures)
        _KNOWN[images] = Symmetries(turned < UP, flipped < LEFT, turned, flipped)
    return _KNOWN[images]


def _told(images: Images, kinds: int, changed: Callable[[Tensor, int], Tensor]) -> float:
    """The share of unseen pictures of which it is told which kind of change was made."""
    if len(images) < 2:
        return 1 / kinds
    small = F.interpolate(images.pixels.float() / 255, (SIDE, SIDE), mode="area")
    features = torch.stack([_features(changed(small, kind)) for kind in range(kinds)])
    halves = list(zip(features.tensor_split(2, 1), images.labels.tensor_split(2), strict=True))
    right = [_right(*seen, *unseen) for seen, unseen in (halves, halves[::-1])]
    return float(torch.cat(right).double().mean())


def _right(seen: Tensor, classes: Tensor, unseen: Tensor, asked: Tensor) -> Tensor:
    """Of which unseen pictures a ridge regression tells the kind of change, knowing their class.

    seen, unseen: features (kinds, count, features); classes, asked: the labels of each (count,).
    """
    kinds, count, width = seen.shape
    mean, deviation = seen.mean((0, 1)), seen.flatten(0, 1).std(0, correction=0) + 1e-6
    known, new = (((each - mean) / deviation).flatten(0, 1) for each in (seen, unseen))
    most = int(max(classes.max(), asked.max())) + 1
    # One output for each kind of each class.
    groups = classes.repeat(kinds) * kinds + torch.arange(kinds).repeat_interleave(count)
    wanted = F.one_hot(groups, most * kinds).float()
    strength = RIDGE * len(known) * torch.eye(width)
    weights = torch.linalg.solve(known.T @ known + strength, known.T @ (wanted - wanted.mean(0)))
    said = (new @ weights).view(kinds, len(asked), most, kinds)
    own = said[:, torch.arange(len(asked)), asked].argmax(2)  # (kinds, count)
    return (own == torch.arange(kinds)[:, None]).flatten()


def _features(images: Tensor) -> Tensor:
    """Where it is light and coloured, and which way edges run where: (count, features)."""
    cells = F.adaptive_avg_pool2d(images, 2 * CELLS).flatten(1)
    grey = F.pad(images.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")[:, 0]
    across = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    down = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    strength = (across**2 + down**2).sqrt()
    direction = (torch.atan2(down, across) / (2 * torch.pi) * DIRECTIONS).round().long()
    edges = [strength * (direction % DIRECTIONS == each) for each in range(DIRECTIONS)]
    pooled = [F.adaptive_avg_pool2d(each, CELLS).flatten(1).sqrt() for each in edges]
    return torch.cat([cells, *pooled], 1)
