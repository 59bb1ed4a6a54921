"""When to say "not sure": a rule from a network's logits, and pictures of other things to test it.

A network always names something. Its name is taken where the probability of the best class is
high (else two classes look alike) and where the logits are those of a known class at all (else it
is another thing). The page computes the same in JavaScript.

>>> rule = Rule(temperature=1.0, probability=0.6, evidence=3.0)
>>> labels, sure = rule.decide(torch.tensor([[0.0, 9.0, 1.0], [4.0, 4.1, 0.0], [0.1, 0.8, 0.0]]))
>>> labels.tolist(), sure.tolist()
([1, 1, 1], [True, False, False])
>>> Rule(**rule.as_dict()) == rule
True
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_lib import arguments
from course_lib.images import normalisation
from course_lib.images.data import Images
from course_lib.images.out_of_distribution import others, others_by_kind
from course_lib.networks import structure
from course_lib.phone.page_shared import VALUES

__all__ = ["Pattern", "Rule", "answers", "calibrate", "fit", "others", "others_by_kind"]

COOLEST, HOTTEST = 0.2, 20.0  # temperatures; a few images named all right would want 0
LEVELS = 20  # steps in which the share to refuse is spread over the thresholds
WRONG = 1 / 6  # weight of known things named wrongly: one more kind beside the six of `others`
FEWEST = 5  # validation images of each class, named right, for a pattern of logits
FOLDS = 5


@dataclass(frozen=True)
class Pattern:
    """What the logits of each class look like beside each other, whatever their size.

    A leaf of one species is a little like its relatives and unlike the others; a plaid is like
    this and that. Logits are taken from their middle and made alike in all directions
    (`weights @ logits - bias`); the match is the cosine with the nearest class's `directions`.
    Source: the Mahalanobis distance of Lee et al. 2018, arXiv 1807.03888, on logits, as an angle.
    """

    weights: tuple[tuple[float, ...], ...]  # (classes, classes)
    bias: tuple[float, ...]  # (classes,)
    directions: tuple[tuple[float, ...], ...]  # (classes, classes), each a row of length 1
    match: float  # the least that is accepted, in [-1, 1]

    def __post_init__(self) -> None:
        classes = len(self.bias) if isinstance(self.bias, list | tuple) else 0
        for name in ("weights", "directions"):
            object.__setattr__(self, name, _table(name, getattr(self, name), classes))
        object.__setattr__(self, "bias", _table("bias", [self.bias], classes)[0])
        _check_within("match", self.match, VALUES["MATCHES"])

    def match_of(self, logits: Tensor) -> Tensor:
        """How well logits (..., classes) match the nearest class: (...), from -1 to 1."""
        if logits.shape[-1] != len(self.bias):
            raise ValueError(
                f"logits must have {len(self.bias)} classes as the pattern has, got "
                f"{logits.shape[-1]}; calibrate the rule for this network"
            )
        weights, bias, directions = map(torch.tensor, (self.weights, self.bias, self.directions))
        seen = torch.nn.functional.normalize(logits @ weights.T - bias, dim=-1)
        return (seen @ directions.T).amax(-1)


@dataclass(frozen=True)
class Rule:
    """When a name is sure: probability and evidence are high enough, and the pattern matches.

    Probability: of the best class, softmax(logits / temperature). Evidence: logsumexp(logits),
    the negative free energy of Liu et al. 2020 (arXiv 2010.03759): are the logits large at all?
    Raises ValueError for numbers that make no rule.
    """

    temperature: float
    probability: float  # the least that is accepted, in [0, 1]
    evidence: float  # the least that is accepted
    pattern: Pattern | None = None
    turns: int = 1  # how many quarter turns of a picture the answers are averaged over: 1, 2 or 4

    def __post_init__(self) -> None:
        _check_within("temperature", self.temperature, VALUES["TEMPERATURES"])
        _check_within("probability", self.probability, VALUES["PROBABILITIES"])
        _check_within("evidence", self.evidence, VALUES["EVIDENCES"])
        if self.turns not in VALUES["TURNS"] or isinstance(self.turns, bool):
            raise ValueError(f"turns must be 1, 2 or 4 quarter turns, got {self.turns!r:.60}")
        if isinstance(self.pattern, Mapping):
            try:
                object.__setattr__(self, "pattern", Pattern(**self.pattern))
            except TypeError as error:
                raise ValueError(f"pattern is not what plain() wrote: {error}") from None
        elif not isinstance(self.pattern, Pattern | None):
            raise ValueError(f"pattern must be a Pattern or None, got {self.pattern!r:.60}")

    def as_dict(self) -> dict[str, Any]:
        """The rule as JSON holds it: three numbers, and what else it has. Back: Rule(**plain)."""
        held = asdict(self)
        if self.pattern is None:
            del held["pattern"]
        if self.turns == 1:
            del held["turns"]
        return held

    def decide(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Labels (n,) and whether each is sure (n,), of logits (n, classes) or (views, n, classes).

        Several views of the same pictures are averaged: probabilities, evidence and match.
        """
        _check_logits("logits", logits)
        likely = self.probabilities(logits)
        sure = (likely.amax(1) >= self.probability) & (self.evidence_of(logits) >= self.evidence)
        return likely.argmax(1), sure & (self.match_of(logits) >= self.match)

    @property
    def match(self) -> float:
        """The least match that is accepted; -1, so any, without a pattern."""
        return -1.0 if self.pattern is None else self.pattern.match

    def probabilities(self, logits: Tensor) -> Tensor:
        """(n, classes), of logits (n, classes) or (views, n, classes)."""
        return _mean((logits / self.temperature).softmax(-1), 2)

    def evidence_of(self, logits: Tensor) -> Tensor:
        """(n,), of logits (n, classes) or (views, n, classes)."""
        return _mean(logits.logsumexp(-1), 1)

    def match_of(self, logits: Tensor) -> Tensor:
        """(n,), of logits (n, classes) or (views, n, classes), in [-1, 1]; 1 without a pattern."""
        if self.pattern is None:
            return torch.ones(logits.shape[-2])
        return _mean(self.pattern.match_of(logits), 1)


@torch.inference_mode()
def answers(network: Callable[[Tensor], Tensor], images: Images, turns: int = 1) -> Tensor:
    """Logits (turns, n, classes) of the images as they are, and turned by a quarter, a half, ...

    network: what takes up to 20 normalised images and returns logits: an `engines.Exported`, or
    a network of PyTorch, which is asked in evaluation mode.
    """
    fed = normalisation.of(network)
    still = structure.evaluating(network) if isinstance(network, nn.Module) else nullcontext()
    with still:
        return torch.stack([
            torch.cat([
                network(fed(images.pixels[which].rot90(turn, (2, 3)).contiguous()))
                for which in images.order(20)
            ])
            for turn in range(turns)
        ])  # fmt: skip


def calibrate(
    network: Callable[[Tensor], Tensor],
    images: Images,
    others: Images | None = None,
    accept: float = 0.95,
    pattern: bool = False,
    turns: int = 1,
) -> Rule:
    """A rule that accepts about the share `accept` of the images that the network names right.

    images: validation images, never the test images. others: pictures of other things, as
    `others("calibrate")` gives them; see `fit`. turns: 4 for networks trained on pictures turned
    in all directions, as those of this course are; they need four passes, or four frames.
    """
    given = None if others is None else answers(network, others, turns)
    return fit(answers(network, images, turns), images.labels, given, accept, pattern)


def fit(
    logits: Tensor,
    labels: Tensor,
    others: Tensor | None = None,
    accept: float = 0.95,
    pattern: bool = False,
) -> Rule:
    """The rule for logits (n, classes) or (views, n, classes) of validation images with `labels`.

    The temperature has the smallest negative log-likelihood (Guo et al. 2017, arXiv 1706.04599).
    Of all thresholds that accept the share `accept` of what is named right, those are taken that
    accept the fewest of `others` (logits of other things) and of what is named wrong; without
    others, all thresholds refuse alike. pattern: add one (`Pattern`), where each class has at
    least five images named right.
    Raises ValueError for no images named right, and for accept outside (0, 1].
    """
    if not 0 < arguments.number("accept", accept) <= 1:
        raise ValueError(f"accept must be in (0, 1], got {accept}; 0.95 refuses one of twenty")
    _check_logits("logits", logits)
    if others is not None and _check_logits("others", others).shape[-1] != logits.shape[-1]:
        raise ValueError(
            f"others must be logits of {logits.shape[-1]} classes, got {others.shape[-1]}"
        )
    arguments.tensor("labels", labels, "n", dtype=torch.int64)
    if len(labels) != logits.shape[-2] or not bool(
        ((labels >= 0) & (labels < logits.shape[-1])).all()
    ):
        raise ValueError(
            f"labels must be a class below {logits.shape[-1]} for each of {logits.shape[-2]} images"
        )
    views = logits if logits.ndim == 3 else logits[None]
    temperature = _temperature(views, labels)
    rule = Rule(temperature, 0.0, 0.0, None, len(views))
    right = rule.probabilities(views).argmax(1) == labels
    if not right.any():
        raise ValueError(
            f"none of {len(labels)} validation images is named right; is the network trained, "
            f"and are these its classes?"
        )
    classes = views.shape[-1]
    enough = labels[right].bincount(minlength=classes).amin() >= FEWEST
    shape = _pattern(views[:, right], labels[right]) if pattern and enough else None

    def scores(views: Tensor, match: Tensor | None = None) -> Tensor:
        """Probability, evidence and match, (3, n); without a pattern all match alike."""
        if match is None:
            match = torch.zeros(views.shape[1]) if shape is None else _match(shape, views)
        return torch.stack([rule.probabilities(views).amax(1), rule.evidence_of(views), match])

    fresh = None if shape is None else _fresh_match(views[:, right], labels[right])
    bad = None if others is None else scores(others if others.ndim == 3 else others[None])
    good, wrong = scores(views[:, right], fresh), scores(views[:, ~right])
    probability, evidence, match = _thresholds(good, wrong, bad, accept)
    if shape is not None:
        shape = Pattern(shape.weights, shape.bias, shape.directions, max(-1.0, match))
    return Rule(temperature, max(0.0, probability), evidence, shape, len(views))


def _check_within(name: str, value: Any, ends: Sequence[float]) -> None:
    low, high = ends
    arguments.number(name, value, low, high, "calibrate() gives a rule that fits a network")


def _check_logits(name: str, logits: Tensor) -> Tensor:
    several = isinstance(logits, Tensor) and logits.ndim == 3
    axes = "views, images, classes" if several else "images, classes"
    arguments.tensor(name, logits, axes, finite=True)
    if not logits.is_floating_point() or not logits.shape[-1]:
        kind = f"{logits.dtype} of shape {tuple(logits.shape)}"
        raise ValueError(f"{name} must be floats ({axes}), got {kind}")
    return logits


def _thresholds(good: Tensor, wrong: Tensor, others: Tensor | None, accept: float) -> list[float]:
    """The least probability, evidence and match; each argument holds these for n images, (3, n)."""
    count = good.shape[1]
    needed = max(1, math.ceil(accept * count - 1e-9))
    ordered = good.sort(1).values
    places = [round((count - needed) * level / LEVELS) for level in range(LEVELS + 1)]
    best, lowest = torch.full((3,), -torch.inf), math.inf
    for first, second in itertools.product(places, places):
        if others is None and first != second:
            continue
        least = torch.tensor([-torch.inf, float(ordered[1, first]), float(ordered[2, second])])
        left = good[0, (good >= least[:, None]).all(0)].sort().values
        if len(left) < needed:
            continue
        least[0] = left[-needed]
        if others is None:  # nothing to choose by: all three refuse as many as they can
            least[0] = min(least[0], ordered[0, first])
            harm = -float(first)
        else:
            harm = _passed(others, least) + WRONG * _passed(wrong, least)
        if harm < lowest:
            best, lowest = least, harm
    if not best.isfinite().all():
        raise ValueError("logits must be of usual size to make a rule of; these are far too large")
    return [math.floor(1e4 * value) / 1e4 for value in best.tolist()]


def _passed(scores: Tensor, least: Tensor) -> float:
    passed = (scores >= least[:, None]).all(0)
    return float(passed.double().mean()) if len(passed) else 0.0


def _temperature(views: Tensor, labels: Tensor) -> float:
    """What to divide logits (views, n, classes) by, by bisection: the loss is convex in 1 / T."""
    low, high = 1 / HOTTEST, 1 / COOLEST
    logits = views.double()
    own = logits.gather(2, labels.expand(len(views), -1)[..., None])[..., 0]
    for _ in range(40):
        middle = math.sqrt(low * high)
        expected = ((middle * logits).softmax(-1) * logits).sum(-1)
        low, high = (low, middle) if (expected - own).mean() > 0 else (middle, high)
    return float(f"{1 / middle:.4g}")


def _pattern(views: Tensor, labels: Tensor) -> Pattern:
    """The pattern of logits (views, n, classes): what is usual for a class, and how it varies."""
    classes = views.shape[-1]
    logits, repeated = views.reshape(-1, classes).double(), labels.repeat(len(views))
    means = torch.stack([logits[repeated == label].mean(0) for label in range(classes)])
    apart = logits - means[repeated]
    varies = apart.T @ apart / len(apart)
    varies += 0.01 * varies.trace() / classes * torch.eye(classes)  # few images leave gaps
    weights = torch.linalg.cholesky(varies.inverse()).T
    directions = torch.nn.functional.normalize((means - means.mean(0)) @ weights.T, dim=1)
    rows = [
        [[float(f"{value:.5g}") for value in row] for row in table.tolist()]
        for table in (weights, (weights @ means.mean(0))[None], directions)
    ]
    return Pattern(rows[0], rows[1][0], rows[2], -1.0)  # type: ignore[arg-type]


def _fresh_match(views: Tensor, labels: Tensor) -> Tensor:
    """The match of each image with a pattern made without it, as that of a new image will be."""
    numbers = torch.zeros(len(labels), dtype=torch.int64)
    for label in labels.unique():  # each class in every fold
        own = labels == label
        numbers[own] = torch.arange(int(own.sum())) % FOLDS
    match = torch.zeros(len(labels))
    for fold in range(FOLDS):
        shape = _pattern(views[:, numbers != fold], labels[numbers != fold])
        match[numbers == fold] = _match(shape, views[:, numbers == fold])
    return match


def _match(pattern: Pattern, views: Tensor) -> Tensor:
    return _mean(pattern.match_of(views), 1)


def _mean(values: Tensor, axes: int) -> Tensor:
    """The mean over views, if there is an axis for them before the other `axes`."""
    return values.mean(0) if values.ndim > axes else values


def _table(name: str, rows: Any, classes: int) -> tuple[tuple[float, ...], ...]:
    lists = isinstance(rows, list | tuple) and all(isinstance(row, list | tuple) for row in rows)
    wide = lists and all(len(row) == classes for row in rows)
    numbers = wide and all(_is_number(value) for row in rows for value in row)
    if not numbers or classes < 2 or len(rows) != (1 if name == "bias" else classes):
        raise ValueError(
            f"{name} of the pattern must hold a finite number for each class or pair of classes; "
            f"take it from a rule's plain()"
        )
    return tuple(tuple(float(value) for value in row) for row in rows)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
