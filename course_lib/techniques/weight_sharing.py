"""Weight sharing: a layer's weights become indices into a short list of values, its codebook.

>>> weights = torch.tensor([0.9, 1.0, 1.1, -2.0, 0.0, 0.1])
>>> values, indices = lloyd(weights, clusters=3)
>>> values, indices
(tensor([-2.0000,  0.0500,  1.0000]), tensor([2, 2, 2, 0, 1, 1], dtype=torch.uint8))
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib import arguments
from course_lib.networks import counting, structure

MOST_BITS = 8


class Codebook(NamedTuple):
    """A layer's shared values, (clusters,) in rising order, and which of them each weight has."""

    values: Tensor
    indices: Tensor  # uint8, of the weight's shape


def lloyd(weights: Tensor, clusters: int, iterations: int = 100) -> Codebook:
    """k-means of numbers: move each value to the mean of the weights nearest to it, and repeat.

    It starts from values spread evenly between the smallest and the largest weight, which keeps
    the few large weights (Han et al. 2016, arXiv 1510.00149, section 3.2), and stops when nothing
    moves any more, or after `iterations` rounds. A value that no weight is nearest to stays where
    it is. Weights with no more different values than clusters are kept exactly.

    Raises ValueError for NaN weights, and unless there are 2 to 256 clusters.
    """
    hint = "16 clusters make indices of 4 bits"
    clusters = arguments.count("clusters", clusters, 2, 2**MOST_BITS, hint)
    arguments.tensor("weights", weights)
    if not weights.numel() or not bool(weights.isfinite().all()):
        raise ValueError(
            f"weights must be numbers, and one at least; got {weights.numel():,} of which "
            f"{int((~weights.isfinite()).sum()):,} are NaN or infinite"
        )
    different = weights.detach().unique()
    if len(different) <= clusters:
        return _nearest(weights, different)
    # In rising order each cluster is a stretch, so that its mean comes from two running sums.
    rising = weights.detach().flatten().double().sort().values
    sums = torch.cat([rising.new_zeros(1), rising.cumsum(0)])
    values = torch.linspace(0, 1, clusters, dtype=torch.float64, device=weights.device)
    values = rising[0] + (rising[-1] - rising[0]) * values
    for _ in range(iterations):
        ends = torch.searchsorted(rising, (values[1:] + values[:-1]) / 2)
        ends = torch.cat([ends.new_zeros(1), ends, ends.new_tensor([len(rising)])])
        counts = ends.diff()
        means = torch.where(counts > 0, sums[ends].diff() / counts.clamp(min=1), values)
        if torch.equal(means, values):
            break
        values = means
    return _nearest(weights, values.to(weights.dtype))


def codebook(
    network: nn.Module,
    bits: int | None = None,
    clusters: int | None = None,
    names: Iterable[str] | None = None,
) -> tuple[nn.Module, dict[str, Codebook]]:
    """A copy, in evaluation mode, whose layers share 2**bits weights each, and their codebooks.

    Either bits, 1 to 8, or the number of clusters. One codebook for each convolution and linear
    layer (Han et al. 2016, arXiv 1510.00149, section 3). Zeros of a pruned layer are weights like
    any other here. names: only these layers.

    Raises ValueError for bits or clusters out of range, none or both of them, and NaN weights.
    """
    if (bits is None) == (clusters is None):
        raise ValueError(
            f"give either bits or clusters, got bits={bits!r} and clusters={clusters!r}; "
            f"bits=4 is the same as clusters=16"
        )
    if bits is not None:
        hint = "4 bits are indices into a codebook of 16 values"
        clusters = 2 ** arguments.count("bits", bits, 1, MOST_BITS, hint)
    assert clusters is not None
    network = structure.plain(network)
    books = {}
    for name, layer in structure.layers(network, names=names).items():
        weight = layer.weight
        assert isinstance(weight, Tensor)
        books[name] = lloyd(weight, clusters)
        with torch.no_grad():
            weight.copy_(books[name].values[books[name].indices.long()])
    return network, books


def shared_bytes(network: nn.Module, books: dict[str, Codebook]) -> int:
    """Bytes of the network with these layers stored as codebooks.

    Counted: the indices packed at the bits that the codebook's length needs, four bytes for each
    of its values, everything else as it lies in memory.
    """
    network = structure.plain(network)
    total = counting.weight_bytes(network)
    for name, layer in structure.layers(network, names=books).items():
        weight, book = layer.weight, books[name]
        assert isinstance(weight, Tensor)
        bits = max(1, math.ceil(math.log2(len(book.values))))
        total -= weight.numel() * weight.element_size()
        total += math.ceil(weight.numel() * bits / 8) + 4 * len(book.values)
    return total


def _nearest(weights: Tensor, values: Tensor) -> Codebook:
    """Which of the values, in rising order, is nearest to each weight."""
    middles = (values[1:] + values[:-1]) / 2
    indices = torch.bucketize(weights.detach(), middles)
    return Codebook(values, indices.to(torch.uint8))
