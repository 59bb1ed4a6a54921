"""Which weights to keep: masks by magnitude or at random, for single weights or groups of them.

>>> import torch
>>> network = nn.Sequential(nn.Linear(4, 2, bias=False))
>>> strengths = torch.tensor([[0.9, -0.1, 0.4, 0.0002], [-0.2, 0.1, 0.1, 0.3]])
>>> _ = network.load_state_dict({"0.weight": strengths})
>>> masks(network, sparsity=0.5)["0"]  # the stronger half
tensor([[ True, False,  True, False],
        [ True, False, False,  True]])
>>> n_of_m(network, 1, 4)["0"]  # the strongest of each four
tensor([[ True, False, False, False],
        [False, False, False,  True]])
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from course_lib import arguments
from course_lib.networks import structure

CRITERIA = ("magnitude", "random")
SCOPES = ("layer", "global")
GRANULARITIES = ("weight", "row", "kernel", "channel")
Masks = dict[str, Tensor]
Granularity = str | tuple[int, int]  # one of GRANULARITIES, or a block: (outputs, inputs)
EXAMPLE = "0.9 removes 90% of the weights"


def masks(
    network: nn.Module,
    sparsity: float | Mapping[str, float],
    criterion: str = "magnitude",
    scope: str = "layer",
    granularity: Granularity = "weight",
    seed: int = 0,  # of the criterion "random"
    names: Sequence[str] | None = None,  # of the layers; all convolutions and linear layers if None
) -> Masks:
    """Which weights to keep: layer name -> bool, of the shape of the layer's weight.

    sparsity: the share of weights to remove, in [0, 1), or {layer name: share}. It is met as
    exactly as whole groups allow; of equal weights, those that stand first go first. At least one
    group stays: of each layer, or in the "global" scope of all, where a layer may lose everything.
    criterion: "magnitude" removes the smallest |w| (Han et al. 2015, arXiv 1506.02626, section 3),
    for groups the smallest mean |w|; "random" is the baseline every criterion has to beat.
    scope: "layer" takes the share from each layer, "global" from all together, so that layers of
    small weights lose more.
    granularity: what goes at once (Mao et al. 2017, arXiv 1705.08922, section 3): a "weight"; a
    "row" of a kernel; a whole "kernel"; a "channel", all weights of one output; or a block
    (outputs, inputs) of the weight seen as a matrix of shape (outputs, inputs x kernel). A
    linear layer has kernels of one weight. "channel" leaves the network's last layer whole unless
    it is named: its channels are the classes.

    Chosen on the processor, so that every device gets the same masks. Raises ValueError for bad
    arguments, unknown layers, NaN weights, and a network without such layers.
    """
    arguments.one_of("criterion", criterion, CRITERIA)
    arguments.one_of("scope", scope, SCOPES)
    by_layer = isinstance(sparsity, Mapping)
    if by_layer and (scope == "global" or names is not None):
        raise ValueError(
            "sparsity by layer names its layers itself and knows no global scope; give one number "
            f"for scope='global' or with names, got {sparsity!r}"
        )
    weights = effective_weights(network, sparsity if by_layer else names)  # type: ignore[arg-type]
    if not weights:
        raise ValueError("names must hold at least one layer, got none; None takes all layers")
    if granularity == "channel" and not by_layer and names is None and len(weights) > 1:
        weights.popitem()
    shares = {
        name: arguments.share("sparsity", sparsity[name] if by_layer else sparsity, EXAMPLE)  # type: ignore[index]
        for name in weights
    }
    generator = torch.Generator().manual_seed(arguments.seed(seed))
    groups, sizes, scores = {}, {}, {}
    for name, weight in weights.items():
        groups[name] = _groups(weight.shape, granularity)
        sizes[name] = groups[name].flatten().bincount()
        if criterion == "random":
            scores[name] = torch.rand(len(sizes[name]), generator=generator, dtype=torch.float64)
        else:
            strength = weight.cpu().abs().double().flatten()
            scores[name] = groups[name].flatten().bincount(strength) / sizes[name]
    if scope == "global":
        together = _strongest(
            torch.cat([*scores.values()]), torch.cat([*sizes.values()]), next(iter(shares.values()))
        )
        kept = dict(zip(scores, together.split([len(s) for s in sizes.values()]), strict=True))
    else:
        kept = {name: _strongest(scores[name], sizes[name], shares[name]) for name in weights}
    return {name: kept[name][groups[name]].to(weight.device) for name, weight in weights.items()}


def effective_weights(network: nn.Module, names: Iterable[str] | None = None) -> dict[str, Tensor]:
    """Layer name -> its weight as it acts, masks included; NaN weights are refused."""
    structure.check_weights(network)
    layers = structure.layers(network, names=names)
    return {name: cast(Tensor, layer.weight).detach() for name, layer in layers.items()}


def _groups(shape: torch.Size, granularity: Granularity) -> Tensor:
    """The number of the group that each weight belongs to: every group is a block of the matrix."""
    outputs, inputs = shape[0], shape[1:].numel()
    if 0 in shape:
        raise ValueError(f"a layer has no weights to choose from: {tuple(shape)}")
    if isinstance(granularity, tuple):
        block = granularity
        if len(block) != 2 or not all(isinstance(side, int) and side >= 1 for side in block):
            raise ValueError(
                f"a block must be (outputs, inputs), two whole numbers of at least 1, "
                f"got {granularity!r}; (4, 1) takes four outputs' weights at once"
            )
    else:
        arguments.one_of("granularity", granularity, (*GRANULARITIES, "a block such as (4, 1)"))
        columns = {
            "weight": 1,
            "row": shape[3:].numel(),
            "kernel": shape[2:].numel(),
            "channel": inputs,
        }
        block = (1, columns[granularity])
    down = torch.arange(outputs) // block[0]
    across = torch.arange(inputs) // block[1]
    return (down[:, None] * (int(across[-1]) + 1) + across).reshape(shape)


def _strongest(scores: Tensor, sizes: Tensor, share: float) -> Tensor:
    """Which groups stay, (groups,) bool, when this share of the weights goes, weakest first."""
    if sizes.min() == sizes.max():
        count = round(share * len(scores))  # as torch.nn.utils.prune rounds
    else:
        order = scores.argsort(stable=True)
        before = sizes[order].cumsum(0) - sizes[order]
        count = int((before + sizes[order] / 2 < share * sizes.sum()).sum())
    count = min(count, len(scores) - 1)
    if count == 0:
        return torch.ones(len(scores), dtype=torch.bool)
    last = scores.kthvalue(count).values  # ten times as fast as sorting a million weights
    kept = scores > last
    equal = (scores == last).nonzero().flatten()
    kept[equal[count - int((scores < last).sum()) :]] = True
    return kept


def n_of_m(network: nn.Module, n: int, m: int, names: Sequence[str] | None = None) -> Masks:
    """Keep the `n` strongest of each `m` neighbours: 2 of 4 is what NVIDIA's sparse cores take.

    Neighbours lie along the input channels, at the same place of the kernel (Mishra et al. 2021,
    arXiv 2104.08378, section 3). Layers whose inputs are no multiple of `m` are left out when
    `names` is None; if named, or if there is no other, ValueError.
    """
    whole = all(isinstance(number, int) for number in (n, m))
    if not whole or not 1 <= n < m <= 4096:
        raise ValueError(f"n of m needs whole numbers 1 <= n < m, got n={n!r}, m={m!r}; 2 of 4")
    weights = effective_weights(network, names)
    fitting = {name: weight for name, weight in weights.items() if weight.shape[1] % m == 0}
    if not fitting or (names is not None and len(fitting) < len(weights)):
        inputs = {name: weight.shape[1] for name, weight in weights.items()}
        raise ValueError(f"{n} of {m} needs input channels in multiples of {m}, got {inputs}")
    found = {}
    for name, weight in fitting.items():
        strength = weight.cpu().abs().movedim(1, -1).unflatten(-1, (-1, m))
        order = strength.argsort(dim=-1, descending=True, stable=True)
        kept = torch.zeros_like(strength, dtype=torch.bool).scatter_(-1, order[..., :n], True)
        found[name] = kept.flatten(-2).movedim(-1, 1).contiguous().to(weight.device)
    return found


def below(network: nn.Module, threshold: float, names: Sequence[str] | None = None) -> Masks:
    """Masks that remove the weights of at most this absolute value: |w| <= threshold.

    >>> layer = nn.Linear(2, 1)
    >>> layer.weight = nn.Parameter(torch.tensor([[0.0002, -0.3]]))
    >>> below(nn.Sequential(layer), 0.0002)
    {'0': tensor([[False,  True]])}
    """
    threshold = arguments.number(
        "threshold", threshold, 0, hint="0.0002 removes what is hardly there"
    )
    return {
        name: weight.abs() > threshold for name, weight in effective_weights(network, names).items()
    }
