"""Factored layers do what whole ones did, cost what is said, and never more than the layer."""

import copy
import io
import itertools
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torch.nn.utils import parametrize

from course_lib import counting, data, figures, low_rank, models, recorded, training
from course_lib.techniques import decompositions, ranks

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")
KERNELS = low_rank.METHODS[1:]
few = settings(max_examples=12, deadline=None)


@st.composite
def convolutions(draw):
    """A random convolution with random weights, and an input for it."""
    torch.manual_seed(draw(st.integers(0, 999)))
    window = draw(st.tuples(st.integers(1, 3), st.integers(1, 4)))
    stride = draw(st.tuples(st.integers(1, 2), st.integers(1, 3)))
    padding = draw(st.sampled_from([(0, 0), (1, 0), (2, 1), "same"]))
    conv = nn.Conv2d(
        draw(st.integers(1, 5)),
        draw(st.integers(1, 6)),
        window,
        stride=1 if padding == "same" else stride,
        padding=padding,
        dilation=draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
        bias=draw(st.booleans()),
        padding_mode=draw(st.sampled_from(["zeros", "circular", "replicate"])),
    )
    return conv.eval(), torch.randn(2, conv.in_channels, 11, 9)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return models.LeafNet(8, classes=4).eval()


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(1)
    colours = torch.randint(0, 256, (24, 3, 4, 4)).float()
    pixels = nn.functional.interpolate(colours, size=32).to(torch.uint8)
    return data.Images(pixels, torch.arange(24) % 4)


SHAPE = (3, 32, 32)


# One layer


@pytest.mark.parametrize("method", KERNELS)
@few
@given(both=convolutions())
def test_at_full_rank_a_convolution_answers_as_before(method, both):
    conv, inputs = both
    full = decompositions.full_rank(conv.weight.shape, method)
    factors = low_rank.cutter(conv, method)(full)
    assert torch.allclose(factors(inputs), conv(inputs), atol=1e-4)
    assert torch.allclose(low_rank.rebuilt(factors), conv.weight, atol=1e-4)


@few
@given(size=st.tuples(st.integers(1, 12), st.integers(1, 12)), bias=st.booleans())
def test_at_full_rank_a_linear_layer_answers_as_before(size, bias):
    linear = nn.Linear(*size, bias=bias)
    inputs = torch.randn(3, size[0])
    assert torch.allclose(low_rank.svd(linear, min(size))(inputs), linear(inputs), atol=1e-4)


@pytest.mark.parametrize("method", KERNELS)
@few
@given(both=convolutions(), share=st.floats(0.01, 1))
def test_the_cost_is_what_is_counted_and_the_energy_what_is_left(method, both, share):
    conv, inputs = both
    full = decompositions.full_rank(conv.weight.shape, method)
    rank = (
        tuple(max(1, round(share * most)) for most in full)
        if isinstance(full, tuple)
        else max(1, round(share * full))
    )
    factors = low_rank.cutter(conv, method)(rank)
    shape = tuple(inputs.shape[1:])
    expected = (counting.parameters(factors), counting.macs(factors, shape))
    assert low_rank.cost(conv, shape, method, rank) == expected
    assert low_rank.cost(conv, shape) == (counting.parameters(conv), counting.macs(conv, shape))
    kept = low_rank.kept_energy(conv, factors)
    if method == "tucker2":
        bounds = [
            float(ranks.energies(v)[r - 1])
            for v, r in zip(low_rank.singular_values(conv, method), rank, strict=True)
        ]
        assert sum(bounds) - 1 - 1e-6 <= kept <= min(bounds) + 1e-6
    elif method == "cp":
        assert kept >= 0
    else:
        values = low_rank.singular_values(conv, method)
        assert kept == pytest.approx(float(ranks.energies(values)[rank - 1]), abs=1e-5)


@few
@given(both=convolutions(), energy=st.floats(0.05, 1))
def test_the_smallest_rank_that_keeps_enough(both, energy):
    conv, _ = both
    for method in ("channel_svd", "spatial", "depthwise_separable"):
        rank = low_rank.rank_for_energy(conv, method, energy)
        kept = [0, *ranks.energies(low_rank.singular_values(conv, method)).tolist()]
        assert kept[rank] >= energy - 1e-9
        assert kept[rank - 1] < energy
    pair = low_rank.rank_for_energy(conv, "tucker2", energy)
    assert low_rank.kept_energy(conv, low_rank.tucker2(conv, pair)) >= energy - 1e-5


@pytest.mark.parametrize("method", KERNELS)
@few
@given(both=convolutions())
def test_the_largest_useful_rank_pays_and_the_next_does_not(method, both):
    conv, inputs = both
    shape = tuple(inputs.shape[1:])
    whole = low_rank.cost(conv, shape)
    full = decompositions.full_rank(conv.weight.shape, method)
    largest = low_rank.largest_useful_rank(conv, method, shape)

    def pays(rank):
        now = low_rank.cost(conv, shape, method, rank)
        return now.parameters < whole.parameters and now.macs < whole.macs

    assert largest == 0 or pays(largest)
    if method != "tucker2" and largest < full:
        assert not pays(largest + 1)


def test_svd_is_numpys(network):
    weight = network.features[17].weight.detach().flatten(1)
    left, values, right = np.linalg.svd(weight.double().numpy(), full_matrices=False)
    conv = network.features[17]
    ours = low_rank.rebuilt(low_rank.channel_svd(conv, 5)).flatten(1)
    assert np.allclose(ours, (left[:, :5] * values[:5]) @ right[:5], atol=1e-5)
    assert np.allclose(low_rank.singular_values(conv, "channel_svd"), values, atol=1e-5)
    by_rows = weight.reshape(32, 32, 3, 3).permute(1, 2, 0, 3).reshape(96, 96)
    assert np.allclose(
        low_rank.singular_values(conv, "spatial"), np.linalg.svd(by_rows)[1], atol=1e-5
    )


def test_tucker_is_tensorlys(network):
    decomposition = pytest.importorskip("tensorly.decomposition")
    weight = network.features[10].weight.detach().double()
    (core, (out, into)), errors = decomposition.partial_tucker(
        weight.numpy(), rank=[7, 5], modes=[0, 1], tol=1e-10
    )
    ours = low_rank.tucker2(network.features[10], (5, 7))
    assert 1 - low_rank.kept_energy(network.features[10], ours) == pytest.approx(
        float(errors[-1]) ** 2, rel=5e-3
    )
    # of a weight that has these ranks, the same directions
    exact = torch.einsum("rshw,nr,cs->nchw", *map(torch.tensor, (core, out, into)))
    conv = nn.Conv2d(16, 16, 3).double()
    conv.weight.data = exact
    mine = low_rank.tucker2(conv, (5, 7))
    for direction, theirs in ((mine[2].weight, out), (mine[0].weight.mT, into)):
        basis = direction.detach().flatten(1).numpy()
        if basis.shape != theirs.shape:
            basis = mine[0].weight.detach().flatten(1).T.numpy()
        assert np.allclose(theirs @ (theirs.T @ basis), basis, atol=1e-8)


def test_cp_finds_what_is_there_and_is_as_close_as_tensorly(network):
    torch.manual_seed(3)
    parts = [torch.randn(size, 3) for size in (6, 5, 3, 3)]
    conv = nn.Conv2d(5, 6, 3)
    conv.weight.data = torch.einsum("nr,cr,hr,wr->nchw", *parts)
    weights = decompositions.cp(conv.weight.detach().double(), 3, iterations=500, tolerance=1e-12)
    found = torch.einsum("rcxy,rahx,rbyw,nrxy->nchw", *weights)
    assert torch.allclose(found.float(), conv.weight, atol=1e-3)

    tensorly = pytest.importorskip("tensorly")
    from tensorly.decomposition import parafac

    layer = network.features[10]
    weight = layer.weight.detach().double().numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = tensorly.cp_to_tensor(parafac(weight, 20, n_iter_max=60, random_state=0))
    their_kept = 1 - ((theirs - weight) ** 2).sum() / (weight**2).sum()
    assert low_rank.kept_energy(layer, low_rank.cp(layer, 20)) == pytest.approx(
        their_kept, abs=0.02
    )


def test_depthwise_separable_is_the_best_of_its_form():
    """Each input channel's windows alone: nothing closer is found by least squares from there."""
    conv = nn.Conv2d(4, 6, 3, bias=False)
    factors = low_rank.depthwise_separable(conv, 2)
    assert factors[0].groups == 4
    assert factors[0].out_channels == 8
    for channel in range(4):
        table = conv.weight.detach()[:, channel].flatten(1).double()
        best = np.linalg.svd(table.numpy(), compute_uv=False)[2:]
        lost = (low_rank.rebuilt(factors)[:, channel].flatten(1) - table).square().sum()
        assert lost.item() == pytest.approx((best**2).sum(), rel=1e-4)


@pytest.mark.parametrize("method", KERNELS)
def test_a_factored_layer_is_of_the_same_kind(method):
    conv = nn.Conv2d(4, 6, 3, padding=1).to(torch.bfloat16).requires_grad_(False)
    state = torch.get_rng_state()
    factors = low_rank.cutter(conv, method)((2, 2) if method == "tucker2" else 2)
    assert torch.equal(torch.get_rng_state(), state)  # no random number is drawn
    assert {p.dtype for p in factors.parameters()} == {torch.bfloat16}
    assert not any(p.requires_grad for p in factors.parameters())
    assert factors.training
    assert torch.equal(factors[-1].bias, conv.bias)
    zeros = nn.Conv2d(4, 6, 3)
    nn.init.zeros_(zeros.weight)
    factors = low_rank.cutter(zeros, method)((2, 2) if method == "tucker2" else 2)
    assert low_rank.rebuilt(factors).abs().max() == 0
    assert low_rank.kept_energy(zeros, factors) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_factored_layer_stays_on_its_device():
    factors = low_rank.spatial(nn.Conv2d(4, 6, 3).cuda(), 2)
    assert all(p.is_cuda for p in factors.parameters())


# Answers


def test_cut_by_answers_the_answers_come_closest(network, images):
    said = low_rank.answers(network, images)
    layer = network.features[14]
    with torch.no_grad():
        seen = network.features[:14](data.normalise(images.pixels))
        whole = layer(seen)
        table = whole.movedim(1, -1).flatten(0, -2).double()
        assert torch.allclose(said["features.14"], table.T @ table / len(table), atol=1e-4)
        lost = {}
        for by, given in (("weights", None), ("answers", said["features.14"])):
            factors = low_rank.cutter(layer, "channel_svd", given)(4)
            lost[by] = float((factors(seen) - whole).square().mean())
        values = low_rank.singular_values(layer, "channel_svd", said["features.14"])
    assert lost["answers"] < lost["weights"]
    # of the answers, exactly what the singular values say
    assert lost["answers"] * 32 == pytest.approx(float(values[4:].square().sum()), rel=1e-3)
    full = low_rank.cutter(layer, "channel_svd", said["features.14"])(32)
    assert torch.allclose(full(seen), whole, atol=1e-4)


def test_answers_leave_the_bias_out(images):
    network = models.LeNet5(4)
    grey = data.Images(images.pixels[:, :1, :28, :28].contiguous(), images.labels)
    said = low_rank.answers(network, grey)
    with torch.no_grad():
        for module in network.modules():
            if getattr(module, "bias", None) is not None:
                module.bias.add_(0)
        last = network.layers[-1]
        hidden = network.layers[:-1](data.normalise(grey.pixels)) @ last.weight.T
    assert torch.allclose(said["layers.7"], (hidden.T @ hidden / 24).double(), atol=1e-4)


# A network


@pytest.mark.parametrize("method", KERNELS)
def test_a_factored_network_costs_what_the_plan_says(network, method):
    planned = low_rank.plan(network, method, SHAPE, macs=0.4)
    factored = low_rank.factor(network, method, SHAPE, macs=0.4)
    whole = counting.macs(network, SHAPE)
    assert planned.before.macs == whole
    assert planned.after.macs == counting.macs(factored, SHAPE) <= 0.4 * whole
    assert planned.before.parameters - planned.after.parameters == counting.parameters(
        network
    ) - counting.parameters(factored)
    assert planned.ranks
    again = low_rank.factor(network, method, SHAPE, rank=planned.ranks)
    for one, two in zip(factored.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)
    for row in planned.rows:
        assert bool(row.left) == (row.rank is None)
        assert row.layer in str(planned)
        assert f">{row.layer}</td>" in planned._repr_html_()
        if row.energy is not None and row.rank is not None:
            layer, factors = network.get_submodule(row.layer), factored.get_submodule(row.layer)
            assert low_rank.kept_energy(layer, factors) == pytest.approx(row.energy, abs=1e-4)


@pytest.mark.parametrize(
    ("network", "shape"), [(models.LeNet5(), (1, 28, 28)), (models.LeNet300100(), (1, 28, 28))]
)
def test_the_classics(network, shape):
    for choice in ({"energy": 0.5}, {"rank": 3}, {"macs": 0.5}):
        factored = low_rank.factor(network, "spatial", shape, **choice)
        assert counting.macs(factored, shape) < counting.macs(network, shape)
        assert factored(torch.zeros(2, *shape)).shape == (2, 10)
    svd = low_rank.plan(network, "svd", shape, rank=3)
    kinds = {type(network.get_submodule(name)) for name in svd.ranks}
    assert kinds == {nn.Linear}


def test_the_network_given_is_left_alone(images):
    network = models.LeafNet(4, classes=4).train()
    network.features[3].requires_grad_(False)
    calls = []
    network.features[3].register_forward_hook(lambda *_: calls.append(1))
    before = copy.deepcopy(network.state_dict())
    factored = low_rank.factor(network, "channel_svd", SHAPE, rank=2, images=images)
    assert network.training
    assert not factored.training
    assert not calls or len(network.features[3]._forward_hooks) == 1
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())
    assert not any(p.requires_grad for p in factored.features[3].parameters())
    assert all(p.requires_grad for p in factored.features[7].parameters())


@few
@given(macs=st.floats(0.25, 0.95), method=st.sampled_from(["channel_svd", "tucker2"]))
def test_ranks_shared_out_keep_most_but_for_one_step(macs, method):
    torch.manual_seed(0)
    layers = {"a": nn.Conv2d(3, 6, 3, bias=False), "b": nn.Conv2d(6, 5, 3, bias=False)}
    shapes = {"a": (3, 9, 9), "b": (6, 7, 7)}
    wholes = {n: ranks.cost(layer, shapes[n]).macs for n, layer in layers.items()}
    found = {
        n: ranks.options(
            layer, method, shapes[n], decompositions.decompose(layer.weight, method).values
        )
        for n, layer in layers.items()
    }
    chosen = ranks.share_out({n: (wholes[n], found[n]) for n in layers}, macs)
    every = {
        n: [(wholes[n], 0.0, None)]
        + [(int(m), float(loss), o.rank(i)) for i, (m, loss) in enumerate(zip(*o[1:], strict=True))]
        for n, o in found.items()
    }
    pick = {n: next(e for e in every[n] if e[2] == chosen.get(n)) for n in layers}
    spent, lost = (sum(p[i] for p in pick.values()) for i in (0, 1))
    assert spent <= macs * sum(wholes.values())
    # What stays counts as well: with it, as many MACs must go.
    others = 5000
    share = (macs * sum(wholes.values()) + others) / (sum(wholes.values()) + others)
    assert ranks.share_out({n: (wholes[n], found[n]) for n in layers}, share, others) == chosen
    best = min(
        x[1] + y[1]
        for x, y in itertools.product(every["a"], every["b"])
        if x[0] + y[0] <= macs * sum(wholes.values())
    )
    steps = [abs(p[1] - q[1]) for n in layers for p, q in itertools.pairwise(every[n])]
    assert lost <= best + max(steps) + 1e-9


def test_a_budget_for_one_layer_is_spent_to_the_last_rank():
    conv = nn.Conv2d(16, 24, 3)
    for method in KERNELS:
        rank = low_rank.rank_for_budget(conv, method, 0.4, (16, 8, 8))
        whole = low_rank.cost(conv, (16, 8, 8)).macs
        assert low_rank.cost(conv, (16, 8, 8), method, rank).macs <= 0.4 * whole
        if method != "tucker2":
            assert low_rank.cost(conv, (16, 8, 8), method, rank + 1).macs > 0.4 * whole


def test_layers_that_do_not_pay_are_left_and_say_why(network):
    planned = low_rank.plan(network, "channel_svd", SHAPE, energy=0.99)
    left = {row.layer: row.left for row in planned.rows}
    assert "does not pay: 64 to" not in left["features.3"]
    assert "576 to" in left["features.3"]
    with pytest.raises(ValueError, match="no layer gets cheaper"):
        low_rank.factor(network, "channel_svd", SHAPE, energy=1)
    only = low_rank.plan(network, "spatial", SHAPE, rank=4, layers=["features.17"])
    assert list(only.ranks) == ["features.17"]
    assert only.rows[0].left == "not chosen"


class Twice(nn.Module):
    """One layer used twice, under two names, and one that is never used."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(8, 8, 3, padding=1)
        self.second = self.first
        self.never = nn.Conv2d(8, 8, 3)
        self.grouped = nn.Conv2d(8, 8, 3, groups=4)

    def forward(self, images):
        return self.grouped(self.second(self.first(images)[..., ::2, ::2]))


def test_shared_unused_and_grouped_layers():
    network = Twice()
    planned = low_rank.plan(network, "spatial", (8, 16, 16), rank=2)
    factored = low_rank.factor(network, "spatial", (8, 16, 16), rank=2)
    assert factored.first is factored.second
    assert planned.after.macs == counting.macs(factored, (8, 16, 16))
    assert planned.before.macs == counting.macs(network, (8, 16, 16))
    left = {row.layer: row.left for row in planned.rows}
    assert left["never"] == "no image passes through it"
    assert "4 groups" in left["grouped"]
    with pytest.raises(ValueError, match="grouped can't be factored: 4 groups"):
        low_rank.factor(network, "spatial", (8, 16, 16), rank={"grouped": 2})


def test_a_masked_layer_is_factored_as_masked_and_other_masks_stay(network):
    class Mask(nn.Module):
        def forward(self, weight):
            return weight * (weight > 0)

    masked = copy.deepcopy(network)
    for name in ("features.3", "features.7"):
        parametrize.register_parametrization(masked.get_submodule(name), "weight", Mask())
    factored = low_rank.factor(masked, "spatial", SHAPE, rank={"features.3": 5})
    kept = low_rank.kept_energy(masked.features[3], factored.features[3])
    assert kept == pytest.approx(
        float(ranks.energies(low_rank.singular_values(masked.features[3], "spatial"))[4]), abs=1e-5
    )
    assert parametrize.is_parametrized(factored.features[7])


def test_a_layer_alone_and_a_network_factored_again(network, images):
    linear = low_rank.factor(nn.Linear(20, 30), "svd", (20,), rank=4)
    assert [layer.out_features for layer in linear] == [4, 30]
    once = low_rank.factor(network, "spatial", SHAPE, macs=0.5)
    twice = low_rank.factor(once, "channel_svd", SHAPE, macs=0.8, images=images)
    assert counting.macs(twice, SHAPE) <= 0.8 * counting.macs(once, SHAPE)
    assert twice(torch.zeros(1, *SHAPE)).shape == (1, 4)


# What cannot be


@pytest.mark.parametrize("method", KERNELS)
@pytest.mark.parametrize("rank", [0, -1, 1.5, True, "3", None, (1, 2, 3), 10_000])
def test_a_rank_that_is_none_is_quoted(method, rank):
    conv = nn.Conv2d(4, 6, 3)
    if rank is None:
        with pytest.raises(ValueError, match="give exactly one of"):
            low_rank.factor(conv, method, (4, 8, 8), rank=rank)
        return
    with pytest.raises(ValueError, match=r"rank must be .*got .*largest_useful_rank"):
        low_rank.cutter(conv, method)(rank)
    with pytest.raises(ValueError, match="rank"):
        low_rank.factor(conv, method, (4, 8, 8), rank=rank)


def test_a_rank_that_grows_the_layer_is_refused_with_the_figures(network):
    with pytest.raises(
        ValueError, match=r"features.3: rank 20 does not pay: 576 to 960 parameters, .* MACs"
    ):
        low_rank.factor(network, "spatial", SHAPE, rank={"features.3": 20})
    with pytest.raises(ValueError, match=r"features\.3: rank 20 does not pay"):
        low_rank.plan(network, "spatial", SHAPE, rank=20, layers="features.3")
    assert "features.3" not in low_rank.plan(network, "spatial", SHAPE, rank=20).ranks


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "pca", "rank": 2}, "method must be one of svd, channel_svd, .*; got 'pca'"),
        ({"energy": 1.2}, r"energy must be in \[0, 1\], got 1.2"),
        ({"energy": 0}, r"energy must be in \(0, 1\], got 0"),
        ({"energy": float("nan")}, "energy must be in"),
        ({"macs": 1}, r"macs must be in \[0, 1\), got 1"),
        ({"macs": 1e-5}, "macs=1e-05 is out of reach: the smallest ranks leave 0.0"),
        ({"macs": 0}, "macs=0 is out of reach"),
        ({}, "give exactly one of energy=, rank= and macs="),
        ({"rank": 2, "macs": 0.5}, "give exactly one of"),
        ({"rank": 2, "layers": ["features.99"]}, "no Conv2d or Linear layer named 'features.99'"),
        ({"rank": {"features.99": 2}}, "no Conv2d or Linear layer named 'features.99'"),
        ({"rank": {"features.3": 2}, "layers": ["features.3"]}, "leave out layers="),
        ({"method": "cp", "energy": 0.9}, "cp has no singular values"),
        ({"shape": (1, 32, 32), "rank": 2}, r"cannot take an image of shape \(1, 32, 32\)"),
        ({"method": "svd", "rank": {"features.3": 2}}, "svd is not for nn.Conv2d; channel_svd"),
    ],
)
def test_bad_requests_are_answered(network, arguments, message):
    arguments = {"method": "spatial", "shape": SHAPE, **arguments}
    with pytest.raises(ValueError, match=message):
        low_rank.factor(network, **arguments)


def test_bad_layers_and_networks_are_answered(network, images):
    with pytest.raises(ValueError, match=r"spatial is not for nn\.Linear; svd would be"):
        low_rank.spatial(nn.Linear(3, 4), 1)
    with pytest.raises(ValueError, match="a ConvTranspose2d is no plain"):
        low_rank.channel_svd(nn.ConvTranspose2d(3, 4, 3), 1)
    with pytest.raises(ValueError, match="4 groups"):
        low_rank.channel_svd(nn.Conv2d(4, 4, 3, groups=4), 1)
    with pytest.raises(ValueError, match="has no Conv2d or Linear layer"):
        low_rank.factor(nn.Sequential(nn.ReLU()), "svd", (3,), rank=1)
    with pytest.raises(ValueError, match="answers are for svd and channel_svd"):
        low_rank.factor(network, "spatial", SHAPE, rank=2, images=images)
    with pytest.raises(ValueError, match="answers needs images, got none"):
        low_rank.plan(network, "channel_svd", SHAPE, rank=2, images=images.first(0))
    with pytest.raises(ValueError, match="cp has no singular values"):
        low_rank.singular_values(network.features[3], "cp")
    broken = copy.deepcopy(network)
    broken.features[3].weight.data[0] = float("nan")
    with pytest.raises(ValueError, match=r"features\.3\.weight holds 72 NaN"):
        low_rank.factor(broken, "spatial", SHAPE, rank=2)
    with pytest.raises(ValueError, match="weight holds 72 NaN"):
        low_rank.spatial(broken.features[3], 2)


# Pictures


TILES = np.random.default_rng(0).normal(size=(9, 3, 3, 3))
ENERGIES = {"layer 1": [0.5, 0.9, 1.0], "layer 2": [0.9, 0.95, 1.0]}
PICTURES = {
    "energies": lambda: figures.energy_curves({"weights": ENERGIES, "answers": ENERGIES}, 0.9),
    "filters": lambda: figures.shared_filters(TILES, TILES[:2], TILES, 0.6),
    "cut": lambda: figures.rank_cut([3.0, 2, 1, 1], 2, 3, "layer 1", {"MACs": 0.5, "time": 1.1}),
    "cost": lambda: figures.cost_by_rank({"a": ([0.5, 1], [0.6, 1.2]), "b": ([0.5, 1], [1, 2])}),
    "times": lambda: figures.time_left({"cp": 1.2, "spatial": 0.2}, 0.2),
    "methods": lambda: figures.accuracy_by_macs(
        {"as cut": {"a": ([0.1, 0.2], [0.5, 0.9])}}, [0.97]
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_drawn_and_described(name):
    picture = PICTURES[name]()
    pixels = np.asarray(Image.open(io.BytesIO(picture.png())).convert("RGB"))
    assert (pixels < 128).any(axis=2).mean() > 0.002
    assert len(picture.alt) > 30


def test_descriptions_carry_the_data():
    assert "weights: layer 1 67%, layer 2 33%" in PICTURES["energies"]().alt
    assert "rank 2 of 4 keeps 87%" in PICTURES["cut"]().alt
    assert "a pays up to 50% of its full rank" in PICTURES["cost"]().alt
    assert "with 20% of the multiply-adds: cp 120%, spatial 20%" in PICTURES["times"]().alt
    assert "as cut, a: 50.0% at 10%, 90.0% at 20%" in PICTURES["methods"]().alt


@pytest.mark.slow
def test_the_recorded_methods_are_what_comes_out_here():
    """One cheap row: the network factored by spatial at the smallest budget, before tuning."""
    table = recorded.load("low_rank")["methods"]
    row = min((r for r in table["rows"] if r["method"] == "spatial"), key=lambda r: r["budget"])
    images = data.load("leaves")
    network = training.original(images)
    factored = low_rank.factor(network, "spatial", images.shape, macs=row["budget"])
    share = counting.macs(factored, images.shape) / counting.macs(network, images.shape)
    assert share == pytest.approx(row["macs"], abs=1e-9)
    val = images.val.first(table["val_images"])
    assert training.evaluate(factored, val) == pytest.approx(row["at_once"], abs=0.01)
