"""A layer's weight as a product of smaller ones: SVD of a matrix, Tucker-2 and CP of a kernel.

Tensors in, tensors out; `low_rank` makes layers of them. A kernel is the weight of a convolution,
(outputs, inputs, height, width), as PyTorch stores it.

>>> kernel = torch.randn(64, 32, 3, 3, generator=torch.Generator().manual_seed(0))
>>> spatial = decompose(kernel, "spatial")
>>> [tuple(weight.shape) for weight in spatial.cut(8)]
[(8, 32, 3, 1), (64, 8, 1, 3)]
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib import arguments

Rank = int | tuple[int, int]  # Tucker-2 has two: (inputs', outputs')
Values = Tensor | tuple[Tensor, Tensor] | None
METHODS = ("svd", "channel_svd", "spatial", "tucker2", "cp", "depthwise_separable")


@dataclass(frozen=True)
class Decomposition:
    """A weight taken apart once. `cut(rank)` gives the factors' weights; a new rank is a slice.

    (Tucker-2 and CP have no factors that nest, so that their `cut` computes each time.)
    values: the singular values, largest first, whose squares are the energy that each rank adds;
    for Tucker-2 those of inputs and outputs; None for CP, which has none.
    """

    values: Values
    cut: Callable[..., list[Tensor]]


def shapes(shape: Sequence[int], method: str, rank: Rank) -> list[tuple[int, ...]]:
    """The shapes of the factors' weights, first applied first, for a weight of this shape.

    >>> shapes((64, 32, 3, 3), "tucker2", (8, 16))
    [(8, 32, 1, 1), (16, 8, 3, 3), (64, 16, 1, 1)]
    """
    check_kernel(shape, method)
    n, c, *window = shape
    into, r = rank if isinstance(rank, tuple) else (rank, rank)
    if method == "svd":
        return [(r, c), (n, r)]
    h, w = window
    of: dict[str, list[tuple[int, ...]]] = {
        "channel_svd": [(r, c, h, w), (n, r, 1, 1)],
        "spatial": [(r, c, h, 1), (n, r, 1, w)],
        "tucker2": [(into, c, 1, 1), (r, into, h, w), (n, r, 1, 1)],
        "cp": [(r, c, 1, 1), (r, 1, h, 1), (r, 1, 1, w), (n, r, 1, 1)],
        "depthwise_separable": [(c * r, 1, h, w), (n, c * r, 1, 1)],
    }
    return of[method]


def full_rank(shape: Sequence[int], method: str) -> Rank:
    """The rank at which nothing is lost, whatever the weight.

    >>> full_rank((64, 32, 3, 3), "spatial"), full_rank((64, 32, 3, 3), "tucker2")
    (96, (32, 64))
    """
    check_kernel(shape, method)
    n, c, *window = shape
    if method == "svd":
        return min(n, c)
    h, w = window
    of: dict[str, Rank] = {
        "channel_svd": min(n, c * h * w),
        "spatial": min(c * h, n * w),
        "tucker2": (min(c, n * h * w), min(n, c * h * w)),
        "cp": math.prod(shape) // max(shape),
        "depthwise_separable": min(n, h * w),
    }
    return of[method]


def check_kernel(shape: Sequence[int], method: str) -> None:
    """Raise ValueError unless a weight of this shape can be taken apart in this way."""
    arguments.one_of("method", method, METHODS)
    axes = 2 if method == "svd" else 4
    if len(shape) != axes or 0 in shape:
        wanted = "(outputs, inputs)" if axes == 2 else "(outputs, inputs, height, width)"
        raise ValueError(
            f"{method} takes apart a weight {wanted} that is not empty, got {tuple(shape)}"
        )


def check_rank(shape: Sequence[int], method: str, rank: Any) -> Any:
    """Return the rank, for tucker2 a pair, if it is one of this shape's; else raise ValueError."""
    full = full_rank(shape, method)
    most = full if isinstance(full, tuple) else (full,)
    given = tuple(rank) if isinstance(rank, (tuple, list)) else (rank,)
    whole = all(isinstance(r, int) and not isinstance(r, bool) for r in given)
    fits = len(given) == len(most) and whole
    if fits and all(1 <= r <= largest for r, largest in zip(given, most, strict=True)):
        return given if isinstance(full, tuple) else given[0]
    pair = isinstance(full, tuple)
    wanted = f"a pair from (1, 1) to {full}" if pair else f"a whole number from 1 to {full}"
    raise ValueError(
        f"rank must be {wanted} for {method} of a {'x'.join(map(str, shape))} weight, got "
        f"{rank!r}; largest_useful_rank() says up to which it pays"
    )


@torch.no_grad()
def decompose(weight: Tensor, method: str, answers: Tensor | None = None) -> Decomposition:
    """Take a weight apart, in double precision on the processor.

    method: "svd" for a matrix (outputs, inputs); for a kernel
      "channel_svd"          outputs x (inputs, height, width): Denil et al. 2013, section 3
      "spatial"              (outputs, width) x (inputs, height): Jaderberg et al. 2014, scheme 2,
                             solved exactly by Tai et al. 2016, section 2
      "tucker2"              inputs and outputs, with a core between: Kim et al. 2016, section 3
      "cp"                   each side alone: Lebedev et al. 2015, section 3
      "depthwise_separable"  outputs x (height, width) for each input channel alone, `rank` windows
                             for each: Guo et al. 2018, section 3
    Of all factors of these shapes, those of an SVD come closest to the weight (Eckart and Young
    1936). Tucker-2 and CP are iterated, and may end a little further away than the best.
    answers: the mean of y y^T over many answers y of the layer, (outputs, outputs), for "svd" and
    "channel_svd". Then the answers, not the weight, come as close as they can (Zhang et al. 2016,
    section 3.1), and the values are those of the answers.

    Raises ValueError for an unknown method, a weight of another shape, numbers that are not finite;
    `cut` for ranks that are no whole numbers from 1 to `full_rank`.
    """
    check_kernel(arguments.tensor("weight", weight, finite=True).shape, method)
    weight = weight.detach().cpu().double()
    if answers is not None:
        arguments.tensor("answers", answers, "outputs, outputs", finite=True)
        if answers.shape != (len(weight), len(weight)):
            side = len(weight)
            raise ValueError(f"answers must be ({side}, {side}), got {tuple(answers.shape)}")
        apart = _by_answers(weight, method, answers.cpu().double())
    else:
        apart = _apart(weight, method)
    return Decomposition(
        apart.values, lambda rank: apart.cut(check_rank(weight.shape, method, rank))
    )


def _apart(weight: Tensor, method: str) -> Decomposition:
    if method == "tucker2":
        into, out = (torch.linalg.svdvals(unfold(weight, mode)) for mode in (1, 0))
        return Decomposition((into, out), lambda rank: tucker2(weight, rank))
    if method == "cp":
        return Decomposition(None, lambda rank: cp(weight, rank))
    if method == "spatial":
        matrix = weight.permute(0, 3, 1, 2).flatten(2).flatten(0, 1)
    elif method == "depthwise_separable":
        matrix = weight.transpose(0, 1).flatten(2)  # one for each input channel
    else:
        matrix = weight.flatten(1)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)

    def cut(r: int) -> list[Tensor]:
        # Each half takes the root of the singular values: halves of equal size train best.
        root = values[..., :r].sqrt()
        first, second = root[..., None] * right[..., :r, :], left[..., :r] * root[..., None, :]
        if method == "spatial":
            second = second.unflatten(0, (len(weight), -1)).transpose(1, 2)
        elif method == "depthwise_separable":
            second = second.transpose(0, 1)
        targets = shapes(weight.shape, method, r)
        return [half.reshape(to) for half, to in zip((first, second), targets, strict=True)]

    if method == "depthwise_separable":
        return Decomposition(values.square().sum(0).sqrt(), cut)  # of all input channels together
    return Decomposition(values, cut)


def _by_answers(weight: Tensor, method: str, answers: Tensor) -> Decomposition:
    """The directions in which the answers are largest, and the shared filters that give them."""
    if method not in ("svd", "channel_svd"):
        raise ValueError(
            f"answers are for svd and channel_svd, which cut a layer's outputs; got {method}"
        )
    energies, directions = torch.linalg.eigh(answers)
    directions, filters = directions.flip(1), directions.flip(1).T @ weight.flatten(1)
    most = min(filters.shape)

    def cut(r: int) -> list[Tensor]:
        size = filters[:r].norm(dim=1).clamp_min(1e-30).sqrt()  # both halves alike, as above
        halves = filters[:r] / size[:, None], directions[:, :r] * size
        targets = shapes(weight.shape, method, r)
        return [half.reshape(to) for half, to in zip(halves, targets, strict=True)]

    return Decomposition(energies.flip(0)[:most].clamp_min(0).sqrt(), cut)


def unfold(kernel: Tensor, mode: int) -> Tensor:
    """The kernel as a matrix, one row for each index of that dimension."""
    return kernel.movedim(mode, 0).flatten(1)


def tucker2(
    kernel: Tensor, rank: tuple[int, int], iterations: int = 100, tolerance: float = 1e-4
) -> list[Tensor]:
    """Weights of 1x1 to rank[0] channels, a core window to rank[1], 1x1 to the outputs.

    Higher-order orthogonal iteration (De Lathauwer et al. 2000, On the best rank-(R1, ..., RN)
    approximation): the best directions of the inputs, given those of the outputs, and the other
    way round, until an iteration adds less than `tolerance` of the kernel's energy.
    """
    into_rank, out_rank = rank
    into, kept = _leading(unfold(kernel, 1), into_rank), 0.0
    for _ in range(iterations):
        out = _leading(unfold(torch.einsum("nchw,cs->nshw", kernel, into), 0), out_rank)
        seen = torch.einsum("nchw,nr->rchw", kernel, out)
        into = _leading(unfold(seen, 1), into_rank)
        core = torch.einsum("rchw,cs->rshw", seen, into)
        before, kept = kept, float(core.square().sum())
        if kept - before <= tolerance * float(kernel.square().sum()):
            break
    return [into.T[..., None, None], core, out[..., None, None]]


def _leading(matrix: Tensor, rank: int) -> Tensor:
    """The `rank` directions, orthonormal, in which the matrix's columns are largest."""
    return torch.linalg.eigh(matrix @ matrix.T).eigenvectors[:, -rank:].flip(1)


def cp(
    kernel: Tensor, rank: int, iterations: int = 100, tolerance: float = 1e-4, seed: int = 0
) -> list[Tensor]:
    """Weights of 1x1 to `rank` channels, a column and a row for each, 1x1 to the outputs.

    Alternating least squares from random factors: each of the four is the best, given the other
    three, until an iteration takes off less than `tolerance` of the kernel's energy. Every order
    of the dimensions is as good; the largest comes first, so that the full rank is met at once.
    """
    order = sorted(range(4), key=lambda mode: -kernel.shape[mode])
    cube = kernel.permute(order)
    generator = torch.Generator().manual_seed(seed)
    factors = [torch.randn(size, rank, generator=generator).to(cube) for size in cube.shape]
    energy = lost = float(cube.square().sum())
    for _ in range(iterations):
        a, b, d, e = factors
        # The product with the largest factor is the dear one; the other three share it.
        a = _best(cube.flatten(1) @ torch.einsum("br,dr,er->bder", b, d, e).flatten(0, 2), b, d, e)
        seen = torch.einsum("abde,ar->bder", cube, a)
        b = _best(torch.einsum("bder,dr,er->br", seen, d, e), a, d, e)
        d = _best(torch.einsum("bder,br,er->dr", seen, b, e), a, b, e)
        last = torch.einsum("bder,br,dr->er", seen, b, d)
        e = _best(last, a, b, d)
        factors = _balanced([a, b, d, e])
        gram = (a.T @ a) * (b.T @ b) * (d.T @ d) * (e.T @ e)
        before, lost = lost, energy - 2 * float((last * e).sum()) + float(gram.sum())
        if before - lost <= tolerance * energy:
            break
    n, c, h, w = (factors[order.index(mode)] for mode in range(4))
    return [c.T[..., None, None], h.T[:, None, :, None], w.T[:, None, None], n[..., None, None]]


def _best(right: Tensor, *others: Tensor) -> Tensor:
    """The factor that solves the normal equations, (size, rank), given the three others."""
    gram = torch.stack([factor.T @ factor for factor in others]).prod(0)
    # A hair of a ridge: two terms that grow alike would make the equations singular.
    gram.diagonal().add_(1e-10 * gram.diagonal().mean() + torch.finfo(gram.dtype).tiny)
    return torch.linalg.solve(gram, right.T).T


def _balanced(factors: list[Tensor]) -> list[Tensor]:
    """The same product, each term's size shared equally by its factors."""
    sizes = torch.stack([factor.norm(dim=0).clamp_min(1e-30) for factor in factors])
    each = sizes.log().mean(0).exp()
    return [factor / size * each for factor, size in zip(factors, sizes, strict=True)]
