"""Random arguments for the public functions: what a hurried caller might give, and worse.

`case(seed)` names a call and returns it, ready to be made. A call is right to answer, or to refuse
in the library's own words; `wrong` says what is wrong about an answer that should not have been
given: a share below nothing, a number that is none.
"""

import contextlib
import io
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from course_lib import (
    data,
    jigsaw,
    leaves,
    low_rank,
    models,
    neuron_pruning,
    quantization,
    sparse,
    weight_pruning,
)
from course_lib.images import normalisation, out_of_distribution
from course_lib.measure import claims, intervals
from course_lib.networks import counting, folding, structure, training
from course_lib.phone import rejection
from course_lib.recipes import pareto
from course_lib.techniques import calibration, channels, decompositions, ranks

Draw = Callable[[random.Random], Any]

NO_NUMBERS = (
    None, True, "0.5", "", b"x", [], [0.5], (1, 2), {}, 1 + 2j, float("nan"), float("inf"),
    -float("inf"), -1, -0.1, 0, 1.5, 10**30, 2**31, 2**63, 1e-300, 1e300, np.float32(0.5),
    np.int64(3), np.float64("nan"), torch.tensor(0.5), torch.tensor([0.5]), torch.tensor(3),
)  # fmt: skip
NO_NAMES = (None, "", "x", 5, ["l1"], b"l1", {})
SIDES = ((), (0,), (1,), (7,), (64,), (3, 4), (1, 1), (0, 3), (4, 3, 3, 3), (8, 4, 1, 1), (5, 0, 2))
TYPES = (
    torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.uint8, torch.int16,
    torch.int32, torch.int64, torch.bool, torch.complex64,
)  # fmt: skip


# Arguments


def number(*good: Any) -> Draw:
    """One of these, three times of five; else a thing that is mostly no such number."""
    return lambda r: r.choice(good) if r.random() < 0.6 else r.choice(NO_NUMBERS)


def name(*good: Any) -> Draw:
    return lambda r: r.choice(good) if r.random() < 0.7 else r.choice(NO_NAMES)


def either(*draws: Draw) -> Draw:
    return lambda r: r.choice(draws)(r)


def tensor(*good: tuple[int, ...]) -> Draw:
    """Numbers of one of these shapes, mostly; of other sizes, kinds, layouts and types."""

    def draw(r: random.Random) -> Any:
        values = torch.randn(r.choice(good) if r.random() < 0.75 else r.choice(SIDES))
        values = values * r.choice([1, 1, 1, 0, 1e-45, 1e30])
        if values.numel() and r.random() < 0.15:
            values.view(-1)[r.randrange(values.numel())] = r.choice([math.nan, math.inf])
        if r.random() < 0.3:
            values = values.to(r.choice(TYPES))
        return r.choice(LAYOUTS)(values) if r.random() < 0.3 else values

    return draw


LAYOUTS: Sequence[Callable[[torch.Tensor], Any]] = (
    lambda v: v.transpose(0, -1) if v.ndim > 1 else v,
    lambda v: v[::2] if v.ndim else v,
    lambda v: v.requires_grad_() if v.is_floating_point() else v,
    lambda v: v.to_sparse(),
    lambda v: v.to("meta"),
    lambda v: v.tolist(),
    lambda v: v.float().numpy() if not v.is_complex() else None,
    lambda v: None,
)


def labels(count: int, classes: int = 3) -> Draw:
    def draw(r: random.Random) -> Any:
        good = torch.arange(count) % classes
        odd = (good - 1, good.float(), good[1:], good[:, None], good.int(), None, good.tolist())
        return good if r.random() < 0.7 else r.choice(odd)

    return draw


def network(r: random.Random) -> Any:
    """A network of one of the usual shapes, or none; odd weights, types and places now and then."""
    made = r.choice(NETWORKS)()
    if not isinstance(made, nn.Module):
        return made
    weights = [p for p in made.parameters() if p.numel()]
    if weights and r.random() < 0.15:
        r.choice(weights).data.view(-1)[0] = r.choice([math.nan, math.inf, 1e38, 1e-45])
    way = r.random()
    if way < 0.2:
        made = r.choice([nn.Module.half, nn.Module.bfloat16, nn.Module.double])(made)
    elif way < 0.25:
        made = made.to("meta")
    elif way < 0.3:
        made.requires_grad_(False)
    return made.train(r.random() < 0.2)


def _shared() -> nn.Module:
    one = nn.Linear(4, 4)
    return nn.Sequential(one, nn.ReLU(), one)


NETWORKS: Sequence[Callable[[], Any]] = (
    lambda: models.LeafNet(4, classes=3),
    lambda: models.LeafNet(8, classes=3),
    lambda: models.LeNet5(classes=3),
    lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(8, 3),
    ),
    lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 8), nn.ReLU(), nn.Linear(8, 3)),
    lambda: nn.Sequential(nn.Conv2d(4, 8, 3, groups=4), nn.ReLU(), nn.Conv2d(8, 2, 1)),
    lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3, padding="same", padding_mode="reflect"), nn.ReLU(), nn.Conv2d(8, 2, 1)
    ),
    lambda: nn.Sequential(nn.Conv1d(3, 4, 3), nn.ReLU()),
    lambda: nn.Sequential(nn.Linear(0, 4), nn.ReLU(), nn.Linear(4, 2)),
    lambda: nn.Sequential(),
    lambda: nn.Linear(6, 3),
    lambda: nn.LSTM(3, 4),
    _shared,
    lambda: None,
    lambda: "net",
    lambda: models.LeafNet,
)  # fmt: skip


def images(r: random.Random) -> Any:
    if r.random() < 0.15:
        return r.choice([None, "x", 5, [], torch.zeros(2, 3, 32, 32)])
    side, count, channels_ = r.choice([32, 32, 28, 8]), r.choice([0, 1, 2, 6]), r.choice([3, 3, 1])
    pixels = torch.randint(0, 256, (count, channels_, side, side), dtype=torch.uint8)
    return data.Images(pixels, torch.randint(0, r.choice([3, 3, 99]), (count,)))


def pictures(r: random.Random) -> Any:
    """What somebody might give to `data.from_arrays`."""
    shape = r.choice([(40, 28, 28), (40, 32, 32, 3), (40, 3, 32, 32), (40, 32, 30, 1)])
    good = np.random.default_rng(r.randrange(99)).integers(0, 256, shape, dtype=np.uint8)
    odd = (
        good[:0], good[:1], good.astype(float), good.astype(object), good.tolist(), good[::2],
        good[0], good[..., None], torch.from_numpy(good), None, "x", [[1, 2], [3]], np.array(None),
    )  # fmt: skip
    return good if r.random() < 0.6 else r.choice(odd)


def their_labels(r: random.Random) -> Any:
    good = np.arange(40) % r.choice([1, 2, 3])
    nan = good.astype(float)
    nan[0] = math.nan
    odd = (
        ["oak", "elm"] * 20, nan, good - 1, good[:, None], good[1:], np.array([None] * 40), None,
        np.array(["a", 1] * 20, dtype=object), good.astype(bool), good + 1j, torch.from_numpy(good),
        good.astype(np.uint64) + 2**63, "x", 5, [], good.astype(float), good / 2,
    )  # fmt: skip
    return good if r.random() < 0.5 else r.choice(odd)


def rights(r: random.Random) -> Any:
    count = r.choice([10, 10, 100, 1, 0])
    good = [r.random() < 0.5 for _ in range(count)]
    odd = (
        np.array(good), torch.tensor(good), iter(good), [0.5] * 10, [math.nan] * 10, "abc", None, 5,
        ["False"] * 10, np.ones((2, 5), bool), {1: 2},
    )  # fmt: skip
    return good if r.random() < 0.5 else r.choice(odd)


def by_layer(draw: Draw) -> Draw:
    return lambda r: {r.choice(["0", "features.0", "conv", 3]): draw(r)}


def importances(r: random.Random) -> Any:
    odd = (None, [torch.rand(3)], {}, {"conv": torch.rand(0)})
    sizes = {f"layer{n}": tensor((8,), (3,), (16,), (1,))(r) for n in range(r.choice([1, 2, 3]))}
    return sizes if r.random() < 0.8 else r.choice(odd)


def quantized(*shapes: tuple[int, ...]) -> Draw:
    def draw(r: random.Random) -> Any:
        integers = torch.randint(-100, 100, r.choice(shapes), dtype=torch.int8)
        zero = torch.tensor(r.choice([0, 0, 3]), dtype=torch.int32)
        return quantization.Quantized(integers, torch.tensor(0.1), zero)

    return draw


def trials(r: random.Random) -> Any:
    """Trials, or what refuses to be one."""
    return [
        pareto.Trial(
            n, {"bits": 3.0}, number(0.9, 0.8)(r), number(0.1, 1.0)(r), number(100, 200)(r),
            number(1.0, 2.0)(r), "a recipe",
        )
        for n in range(r.choice([0, 1, 3]))
    ]  # fmt: skip


share = number(0.0, 0.1, 0.3, 0.5, 0.9, 0.99)
shares = either(share, share, by_layer(share))
seed = number(0, 1, 7)
shape = either(
    lambda r: (3, 32, 32), lambda r: (3, 32, 32),
    lambda r: r.choice([None, (1, 28, 28), (3,), "x", (0, 0, 0), (3, -1, -1), (3, 32.5, 32)]),
)  # fmt: skip
names = either(lambda r: None, lambda r: r.choice([["0"], "0", ["zz"], [], 5]))
flag = either(lambda r: True, lambda r: False)
bits = number(2, 3, 4, 8, 16)
scale = either(number(0.1, 1.0), tensor((1,), (4, 1, 1, 1), (3, 1)))
zero_point = number(0, 0, 3, -128)
batch = tensor((2, 3, 32, 32), (1, 3, 8, 8))
truth = number(True, False, np.bool_(True), torch.tensor(False))
method = name(*decompositions.METHODS)
lesson = either(
    lambda r: {"energy": share(r)}, lambda r: {"rank": number(1, 2, 4)(r)},
    lambda r: {"macs": share(r)}, lambda r: {"rank": by_layer(number(1, 2))(r)}, lambda r: {},
)  # fmt: skip
layer = either(
    lambda r: nn.Conv2d(4, 8, 3), lambda r: nn.Linear(6, 3), lambda r: nn.Conv2d(4, 8, 1),
    lambda r: nn.Conv2d(4, 8, 3, groups=2), lambda r: nn.ReLU(), lambda r: None, lambda r: 5,
)  # fmt: skip


def taken_apart(weight: Any, way: Any, answers: Any, rank: Any) -> Any:
    return decompositions.decompose(weight, way, answers).cut(rank)


def ordered(values: Any, how: Any, start: Any, removed: Any) -> Any:
    return jigsaw.first_pieces(jigsaw.order(values, how, start), removed)


def decided(temperature: Any, least: Any, evidence: Any, turns: Any, logits: Any) -> Any:
    return rejection.Rule(temperature, least, evidence, None, turns).decide(logits)


def claimed(sentence: str, holds: Any, machine: Any) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(AssertionError):
        claims.claim(sentence, holds, machine=machine)


def picked(listed: Any, drop: Any, count: Any) -> Any:
    return pareto.smallest(listed, drop), pareto.best(listed, count)


def some_of(which: Any, size: Any) -> Any:
    ten = data.Images(torch.zeros(10, 3, 32, 32, dtype=torch.uint8), torch.arange(10))
    return list(ten.subset(which).batches(size))


places = either(
    lambda r: r.choice([slice(2), [0, 1], [], torch.ones(10, dtype=torch.bool), np.array([1, 2])]),
    lambda r: r.choice([[99], [-1], [0.5], None, "x", [True] * 3, torch.tensor(3), 3, [[1, 2]]]),
)
CALLS: dict[str, tuple[Callable[..., Any], tuple[Draw, ...]]] = {
    "choose": (neuron_pruning.choose, (importances, shares, name(*neuron_pruning.SCOPES),
                                       number(1, 2))),
    "importance": (neuron_pruning.importance, (network, name(*neuron_pruning.CRITERIA), images,
                                               shape, seed)),
    "prune": (neuron_pruning.prune, (network, shares, name("l1", "l2", "random"),
                                     name(*neuron_pruning.SCOPES), images, shape, seed)),
    "remove": (channels.remove, (network, by_layer(lambda r: r.choice(
        [[0], [0, 1], [99], [-1], [], [0, 0], "01", None, [0.5], list(range(8))])), shape)),
    "masks": (weight_pruning.masks, (network, shares, name("magnitude", "random"),
                                     name("layer", "global"),
                                     either(name("weight", "row", "kernel", "channel"),
                                            lambda r: r.choice([(4, 1), (0, 1), (1.5, 1), (1,)])),
                                     seed, names)),
    "n_of_m": (weight_pruning.n_of_m, (network, number(1, 2), number(2, 4), names)),
    "below": (weight_pruning.below, (network, number(0.1, 0), names)),
    "apply": (weight_pruning.apply, (network, by_layer(tensor((4, 4), (8, 3, 3, 3))))),
    "sparsity": (weight_pruning.sparsity, (network,)),
    "schedule": (weight_pruning.schedule, (number(0, 1, 5), number(0), number(4, 10), share,
                                           share)),
    "stored_bytes": (sparse.stored_bytes, (either(network, tensor((3, 4))),
                                           name(*sparse.FORMATS))),
    "csr": (sparse.csr, (network,)),
    "quantize": (quantization.quantize, (tensor((4, 3, 3, 3), (7,)), scale, zero_point, bits,
                                         flag)),
    "scale": (quantization.scale_and_zero_point, (either(number(-1.0, 0.0), tensor((4,))),
                                                  either(number(1.0, 0.0), tensor((4,))), bits,
                                                  flag)),
    "fake_quantize": (quantization.fake_quantize, (tensor((4, 3, 3, 3), (7,)), scale, zero_point,
                                                   bits, flag)),
    "dequantize": (quantization.dequantize, (tensor((7,)), scale, zero_point)),
    "integer_linear": (quantization.integer_linear, (quantized((2, 4), (4,), (0, 4), (2, 3)),
                                                     quantized((3, 4), (3,)),
                                                     either(lambda r: None, tensor((3,))), scale,
                                                     zero_point)),
    "integer_conv": (quantization.integer_conv, (quantized((2, 4, 8, 8), (4, 8, 8), (1, 4, 2, 2)),
                                                 quantized((3, 4, 3, 3), (3, 4)), lambda r: None,
                                                 number(0.1), zero_point, number(1, 2),
                                                 number(0, 1))),
    "quantize_weights": (quantization.quantize_weights, (network, bits, flag, flag, names)),
    "simulate": (quantization.simulate, (network, bits)),
    "lloyd": (quantization.lloyd, (tensor((16,), (3, 4)), number(2, 4, 16))),
    "codebook": (quantization.codebook, (network, number(1, 2, 4), either(lambda r: None,
                                                                          number(4)))),
    "calibrate": (calibration.calibrate, (network, images, name(*calibration.METHODS), bits)),
    "fold": (folding.fold_batch_norm, (network,)),
    "decompose": (taken_apart, (tensor((8, 4, 3, 3), (6, 5), (4, 4, 1, 1)), method,
                                either(lambda r: None, lambda r: None, tensor((8, 8), (6, 6))),
                                either(number(1, 2), lambda r: (1, 1)))),
    "factor": (lambda net, how, of, kw: low_rank.factor(net, how, of, **kw),
               (network, method, shape, lesson)),
    "rank_for_energy": (ranks.rank_for_energy, (layer, method, share)),
    "count": (counting.count, (network, shape)),
    "evaluate": (training.evaluate, (network, images)),
    "recalibrated": (training.recalibrated, (network, images)),
    "check_weights": (structure.check_weights, (network,)),
    "wilson": (intervals.wilson, (number(0, 5, 97), number(100, 1), number(0.95, 0.9))),
    "paired": (intervals.paired, (rights, rights, number(0.95, 0.9))),
    "spread": (intervals.spread, (either(lambda r: [1.0, 2.0, 3.0] * 4, rights, tensor((20,))),)),
    "claim": (claimed, (name("it is small"), truth, either(lambda r: None, lambda r: "load"))),
    "from_arrays": (lambda pixels, those, classes, val, start: data.from_arrays(
        pixels, those, classes, val=val, seed=start),
        (pictures, their_labels, either(lambda r: None, lambda r: r.choice(
            [("a", "b", "c"), (), ["a"], ("a", "a", "b"), "abc", 5, (1, 2, 3)])), share, seed)),
    "Images": (data.Images, (tensor((4, 3, 32, 32)), labels(4))),
    "subset": (some_of, (places, number(1, 2, 4))),
    "normalise": (normalisation.COURSE, (tensor((2, 3, 4, 4)),)),
    "specimen": (leaves.specimen, (either(number(0, 3), name("Tilia fissa")), seed, number(32))),
    "others": (out_of_distribution.others, (name("judge", "calibrate"), number(1, 2), number(32),
                                            seed)),
    "cover": (jigsaw.cover, (batch, either(tensor((2, 4)), lambda r: torch.ones(2, 4) > 0,
                                           lambda r: torch.zeros(2, 0) > 0))),
    "piece_importance": (jigsaw.importance, (network, batch, labels(2), number(2, 4))),
    "order": (ordered, (tensor((2, 4)), name(*jigsaw.ORDERS), seed, number(1, 2))),
    "rule": (decided, (number(1.0), share, number(3.0), number(1, 2, 4),
                       tensor((4, 3), (2, 4, 3)))),
    "rule_fit": (rejection.fit, (tensor((20, 3), (2, 20, 3)), labels(20),
                                 either(lambda r: None, tensor((5, 3), (0, 3))), number(0.95),
                                 flag)),
    "trials": (picked, (trials, number(1, 2), number(1, 2))),
}  # fmt: skip


PASSED_ON = {"cover", "dequantize", "fake_quantize", "normalise", "spread"}  # what they are given


def case(seed: int) -> tuple[str, Callable[[], Any]]:
    """The name of a call, and the call; what is drawn for it may refuse as the call may."""
    called = list(CALLS)[seed % len(CALLS)]
    function, draws = CALLS[called]

    def made() -> Any:
        torch.manual_seed(seed)
        r = random.Random(seed)
        return function(*(draw(r) for draw in draws))

    return called, made


def wrong(called: str, answer: Any) -> str:
    """What is wrong with an answer: numbers that are none. "" if nothing is."""
    return "" if called in PASSED_ON else _wrong(answer)


def _wrong(answer: Any) -> str:
    if isinstance(answer, nn.Module):
        answer = dict(answer.named_parameters())
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list | tuple):
        return next(filter(None, map(_wrong, answer)), "")
    if isinstance(answer, float):
        return "" if math.isfinite(answer) else f"the answer is {answer}"
    if isinstance(answer, torch.Tensor) and answer.is_floating_point() and not answer.is_meta:
        return "" if bool(answer.isfinite().all()) else "the answer holds NaN or infinite values"
    return ""
