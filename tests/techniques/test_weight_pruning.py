"""Masks take what they say, to one group; zeros stay zero; the library of PyTorch agrees."""

import copy
import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrize, prune

from course_lib import data, figures, models, recorded, structure, training
from course_lib import weight_pruning as wp

few = settings(max_examples=12, deadline=None)
shares = st.floats(0, 1, exclude_max=True)
granularities = st.sampled_from([*wp.GRANULARITIES, (4, 1), (3, 5), (1, 4)])


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return models.LeafNet(4, classes=3).eval()


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (90, 32, 32, 3), dtype=np.uint8)
    return data.from_arrays(pixels, np.arange(90) % 3)


def tiny(seed, shape=(6, 4, 3, 3)):
    """A network of one convolution and one linear layer, of random weights."""
    torch.manual_seed(seed)
    outputs, inputs, height, width = shape
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, (height, width)), nn.ReLU(), nn.Linear(outputs, 5)
    )


def zeros(mask):
    return int((~mask).sum())


# Which weights go


@few
@given(share=shares, granularity=granularities, seed=st.integers(0, 99))
def test_the_sparsity_is_met_to_one_group(share, granularity, seed):
    network = tiny(seed)
    largest = {
        "weight": (1, 1), "row": (3, 1), "kernel": (9, 1), "channel": (36, 6),
    }.get(granularity) or (granularity[0] * granularity[1],) * 2  # fmt: skip
    found = wp.masks(network, share, granularity=granularity, names=["0", "2"])
    for (_, mask), size in zip(found.items(), largest, strict=True):
        assert abs(zeros(mask) - share * mask.numel()) <= size
        assert mask.any()
    total = sum(mask.numel() for mask in found.values())
    together = wp.masks(network, share, scope="global", granularity=granularity, names=["0", "2"])
    assert abs(sum(map(zeros, together.values())) - share * total) <= max(largest)


@few
@given(share=shares, values=st.integers(1, 3), seed=st.integers(0, 99))
def test_ties_are_met_exactly_and_fall_the_same_each_time(share, values, seed):
    network = nn.Sequential(nn.Linear(10, 7))
    torch.manual_seed(seed)
    network[0].weight.data = torch.randint(0, values, (7, 10)).float()
    (mask,) = wp.masks(network, share).values()
    assert zeros(mask) == min(69, round(70 * share))
    assert torch.equal(mask, wp.masks(network, share)["0"])
    order = network[0].weight.abs().flatten().argsort(stable=True)
    assert torch.equal((~mask).flatten().nonzero().flatten(), order[: zeros(mask)].sort().values)


@few
@given(
    shares=st.tuples(shares, shares), granularity=granularities, scope=st.sampled_from(wp.SCOPES)
)
def test_what_is_gone_at_a_low_sparsity_is_gone_at_a_higher_one(shares, granularity, scope):
    network = tiny(1)
    low, high = (wp.masks(network, s, scope=scope, granularity=granularity) for s in sorted(shares))
    for name in low:
        assert (low[name] | ~high[name]).all()


@pytest.mark.parametrize(
    ("granularity", "view"),
    [
        ("row", lambda m: m),
        ("kernel", lambda m: m.flatten(2)),
        ("channel", lambda m: m.flatten(1)),
        ((3, 1), lambda m: m.unflatten(0, (2, 3)).movedim(1, -1)),
        ((1, 6), lambda m: m.flatten(1).unflatten(1, (6, 6))),
    ],
)
def test_groups_go_as_a_whole_the_weakest_first(granularity, view):
    network = tiny(2)
    mask = wp.masks(network, 0.5, granularity=granularity, names=["0"])["0"]
    groups = view(mask)
    assert (groups.all(-1) | ~groups.any(-1)).all()
    strength = view(network[0].weight.detach().abs()).mean(-1)
    kept = groups.all(-1)
    assert strength[kept].min() > strength[~kept].max()


def test_a_linear_layer_has_kernels_of_one_weight(network):
    single = wp.masks(network, 0.6)["classify"]
    for granularity in ("row", "kernel"):
        assert torch.equal(single, wp.masks(network, 0.6, granularity=granularity)["classify"])


def test_global_takes_more_from_weaker_layers(network):
    weak = copy.deepcopy(network)
    weak.features[3].weight.data *= 0.01
    found = wp.masks(weak, 0.2, scope="global")
    assert not found["features.3"].any()
    assert found["classify"].float().mean() > 0.8
    assert wp.masks(weak, 0.2)["features.3"].any()


def test_a_layer_keeps_one_group_and_so_does_a_network(network):
    found = wp.masks(network, 0.999, granularity="channel", names=["features.0", "classify"])
    assert {name: int(mask.flatten(1).any(1).sum()) for name, mask in found.items()} == {
        "features.0": 1, "classify": 1,
    }  # fmt: skip
    everywhere = wp.masks(network, 0.99999, scope="global")
    assert sum(int(mask.sum()) for mask in everywhere.values()) == 1


def test_classes_stay_unless_they_are_named(network):
    assert "classify" not in wp.masks(network, 0.5, granularity="channel")
    assert "classify" in wp.masks(network, 0.5, granularity="channel", names=["classify"])
    assert "classify" in wp.masks(network, {"classify": 0.5}, granularity="channel")


def test_each_layer_may_have_its_own_sparsity(network):
    found = wp.masks(network, {"features.3": 0.25, "classify": 0.5})
    assert {name: zeros(mask) / mask.numel() for name, mask in found.items()} == {
        "features.3": 0.25, "classify": 0.5,
    }  # fmt: skip


def test_random_masks_depend_on_the_seed_alone(network):
    found = wp.masks(network, 0.5, "random", seed=3)
    other = copy.deepcopy(network)
    other.classify.weight.data *= 7
    again = wp.masks(other, 0.5, "random", seed=3)
    assert all(torch.equal(found[name], again[name]) for name in found)
    assert not torch.equal(found["classify"], wp.masks(network, 0.5, "random", seed=4)["classify"])


@few
@given(n=st.integers(1, 3), m=st.sampled_from([2, 4]), seed=st.integers(0, 99))
def test_n_of_m_keeps_the_n_strongest_of_each_m_inputs(n, m, seed):
    n = min(n, m - 1)
    network = tiny(seed, (5, 8, 3, 2))
    found = wp.n_of_m(network, n, m)
    assert list(found) == ["0"]  # the linear layer has five inputs
    mask = found["0"].unflatten(1, (-1, m))
    assert (mask.sum(2) == n).all()
    strength = network[0].weight.detach().abs().unflatten(1, (-1, m))
    kept = strength.masked_fill(~mask, torch.inf).amin(2)
    gone = strength.masked_fill(mask, -torch.inf).amax(2)
    assert (kept >= gone).all()


def test_below_takes_up_to_and_including_the_threshold():
    network = nn.Sequential(nn.Linear(4, 1))
    network[0].weight.data = torch.tensor([[0.0002, -0.0002, 0.00021, -1.0]])
    assert wp.below(network, 0.0002)["0"].tolist() == [[False, False, True, True]]
    assert wp.below(network, 0)["0"].all()


# The library agrees


@pytest.mark.parametrize("share", [0.1, 0.5, 0.83])
def test_pytorch_chooses_the_same_weights(network, share):
    theirs = copy.deepcopy(network)
    names = list(structure.layers(network))
    for name in names:
        prune.l1_unstructured(theirs.get_submodule(name), "weight", share)
    ours = wp.masks(network, share)
    for name in names:
        assert torch.equal(ours[name], theirs.get_submodule(name).weight_mask.bool())
    pruned = wp.apply(network, ours)
    image = torch.randn(2, 3, 32, 32)
    assert torch.equal(pruned(image), theirs(image))


def test_pytorch_chooses_the_same_weights_of_all_layers_together(network):
    theirs = copy.deepcopy(network)
    names = list(structure.layers(network))
    parameters = [(theirs.get_submodule(name), "weight") for name in names]
    prune.global_unstructured(parameters, prune.L1Unstructured, amount=0.7)
    ours = wp.masks(network, 0.7, scope="global")
    for name in names:
        assert torch.equal(ours[name], theirs.get_submodule(name).weight_mask.bool())


def test_pytorch_chooses_the_same_channels(network):
    theirs = copy.deepcopy(network)
    ours = wp.masks(network, 0.6, granularity="channel")
    for name, mask in ours.items():
        layer = theirs.get_submodule(name)
        prune.ln_structured(layer, "weight", 0.6, n=1, dim=0)
        assert torch.equal(mask, layer.weight_mask.bool())


def test_pytorch_applies_a_random_mask_alike(network):
    theirs = copy.deepcopy(network)
    ours = wp.masks(network, 0.5, "random")
    for name, mask in ours.items():
        prune.custom_from_mask(theirs.get_submodule(name), "weight", mask)
    image = torch.randn(2, 3, 32, 32)
    assert torch.equal(wp.masked(network, ours)(image), theirs(image))


def test_pytorchs_sparsifier_chooses_the_same_two_of_four():
    pruning = pytest.importorskip("torch.ao.pruning")
    network = nn.Sequential(nn.Linear(16, 8))
    ours = wp.n_of_m(network, 2, 4)["0"]
    sparsifier = pruning.WeightNormSparsifier(1.0, sparse_block_shape=(1, 4), zeros_per_block=2)
    sparsifier.prepare(network, [{"tensor_fqn": "0.weight"}])
    sparsifier.step()
    assert torch.equal(ours, network[0].parametrizations.weight[0].mask.bool())


# Networks


@few
@given(share=shares, seed=st.integers(0, 99))
def test_applied_masked_and_written_in_are_the_same_network(share, seed):
    network = tiny(seed)
    found = wp.masks(network, share, "random", seed=seed)
    applied, masked = wp.apply(network, found), wp.masked(network, found)
    image = torch.randn(2, 4, 5, 5)
    outputs = applied[:1](image)
    assert torch.equal(outputs, masked[:1](image))
    assert torch.equal(outputs, structure.plain(masked)[:1](image))
    for name, mask in found.items():
        weight = applied.get_submodule(name).weight
        assert torch.equal(weight, network.get_submodule(name).weight * mask)
        assert not torch.signbit(weight[~mask]).any()  # no -0.0, which would not compress
    assert wp.sparsity(applied) == wp.sparsity(masked)


def test_the_network_given_is_left_alone(network):
    given = copy.deepcopy(network).train()
    given.classify.requires_grad_(False)
    before = copy.deepcopy(given.state_dict())
    found = wp.masks(given, 0.5)
    wp.n_of_m(given, 2, 4)
    for made in (wp.apply(given, found), wp.masked(given, found)):
        assert not made.training
    assert given.training
    assert not parametrize.is_parametrized(given.classify)
    assert not given.classify.weight.requires_grad
    assert all(torch.equal(value, given.state_dict()[key]) for key, value in before.items())


def test_a_frozen_network_in_half_precision_works_like_any_other(network):
    given = copy.deepcopy(network).half().requires_grad_(False)
    found = wp.masks(given, 0.5)
    masked = wp.masked(given, found)
    assert masked.classify.weight.dtype == torch.half
    assert not any(p.requires_grad for p in masked.parameters())
    assert wp.sparsity(wp.apply(given, found))["all"] == pytest.approx(0.5, abs=0.01)


def test_masks_are_the_masked_networks_own(network):
    found = wp.masks(network, 0.5)
    masked = wp.masked(network, found)
    for mask in found.values():
        mask.fill_(True)
    assert wp.sparsity(masked)["all"] == pytest.approx(0.5, abs=0.01)


def test_sparsity_is_the_share_of_zeros_of_each_layer_and_in_all(network):
    found = wp.sparsity(wp.apply(network, wp.masks(network, {"classify": 0.5})))
    weights = sum(layer.weight.numel() for layer in structure.layers(network).values())
    assert found["classify"] == 0.5
    assert found["features.3"] == 0
    assert found["all"] == pytest.approx(24 / weights)


def test_a_second_mask_holds_beside_the_first(network):
    first = wp.masked(network, wp.masks(network, 0.5))
    again = wp.masks(first, 0.75)
    both = wp.masked(first, again)
    assert wp.sparsity(both)["all"] == pytest.approx(0.75, abs=0.01)
    for name, mask in wp.masks(network, 0.5).items():
        assert not again[name][~mask].any()  # zeros go first


@pytest.mark.parametrize("name", ["LeNet5", "LeNet300100"])
def test_the_classics_are_pruned_too(name):
    network = models.ARCHITECTURES[name]()
    pruned = wp.apply(network, wp.masks(network, 0.9, scope="global"))
    assert wp.sparsity(pruned)["all"] == pytest.approx(0.9, abs=1e-4)
    assert pruned(torch.zeros(1, 1, 28, 28)).isfinite().all()


@pytest.mark.long  # for torchvision's import alone
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
def test_torchvisions_networks_are_pruned_too(name):
    torchvision = pytest.importorskip("torchvision")
    network = getattr(torchvision.models, name)(weights=None, num_classes=4).eval()
    found = wp.masks(network, 0.8)
    pruned = wp.apply(network, found)
    assert wp.sparsity(pruned)["all"] == pytest.approx(0.8, abs=0.01)
    with torch.inference_mode():
        assert pruned(torch.zeros(1, 3, 32, 32)).isfinite().all()
    pairs = wp.n_of_m(network, 2, 4)
    assert pairs
    assert all(mask.float().mean() == 0.5 for mask in pairs.values())
    kernels = wp.masks(network, 0.5, granularity="kernel", names=list(found)[:3])
    assert all(abs(mask.float().mean() - 0.5) < 0.1 for mask in kernels.values())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_every_device_gets_the_same_masks(network):
    there = copy.deepcopy(network).cuda()
    for made in (lambda n: wp.masks(n, 0.5, "random"), lambda n: wp.n_of_m(n, 2, 4)):
        ours, theirs = made(network), made(there)
        assert all(mask.is_cuda for mask in theirs.values())
        assert all(torch.equal(ours[name], theirs[name].cpu()) for name in ours)
    assert wp.apply(there, wp.masks(network, 0.5)).classify.weight.is_cuda


# Training


def test_zeros_survive_training_and_the_rest_learns(network, images):
    found = wp.masks(network, 0.8)
    tuned, history = wp.fine_tune(network, found, images, epochs=1, progress=False)
    assert len(history.loss) == 1
    assert not tuned.training
    for name, mask in found.items():
        weight = tuned.get_submodule(name).weight
        assert not weight[~mask].any()
        assert (weight[mask] != network.get_submodule(name).weight[mask]).float().mean() > 0.9
    assert not parametrize.is_parametrized(tuned.classify)


def test_zeros_alone_do_not_survive(network, images):
    applied = wp.apply(network, wp.masks(network, 0.8))
    tuned, _ = training.fit(applied, images, epochs=1, progress=False)
    assert wp.sparsity(tuned)["all"] < 0.1


@few
@given(begin=st.integers(-5, 50), length=st.integers(1, 60), ends=st.tuples(shares, shares))
def test_the_schedule_rises_from_one_end_to_the_other(begin, length, ends):
    initial, final = sorted(ends)
    end = begin + length
    found = [wp.schedule(step, begin, end, final, initial) for step in range(begin - 2, end + 3)]
    assert found == sorted(found) or np.diff(found).min() > -1e-12
    assert found[:3] == pytest.approx([initial] * 3)
    assert found[-3:] == pytest.approx([final] * 3)


def test_a_schedule_without_end_begins_and_never_arrives():
    step, end = np.int64(1), 10**30  # NumPy holds no such whole number
    assert wp.schedule(step, 0, end, 0.5) == pytest.approx(0)


def test_the_schedule_is_the_papers_cubic():
    assert wp.schedule(3, 0, 10, 0.9, 0.1) == pytest.approx(0.9 + (0.1 - 0.9) * 0.7**3)


def test_gradual_pruning_rises_to_the_sparsity_and_stays(network, images, monkeypatch):
    seen = []
    fit = training.fit

    def watched(network, *arguments, after_step, **options):
        def both(network, done, steps):
            after_step(network, done, steps)
            seen.append(wp.sparsity(network)["all"])

        return fit(network, *arguments, after_step=both, **options)

    monkeypatch.setattr(training, "fit", watched)
    pruned, history = wp.prune_gradually(
        network, images, 0.8, epochs=4, cuts=5, batch_size=16, progress=False
    )
    assert wp.sparsity(pruned)["all"] == pytest.approx(0.8, abs=1e-3)
    assert seen == sorted(seen)
    assert len(set(seen)) >= 5
    assert min(seen[3 * len(seen) // 4 :]) == pytest.approx(0.8, abs=1e-3)  # the last quarter
    assert history.best_epoch == 3  # the last one, whichever was best


def test_gradual_pruning_cuts_twenty_times_along_the_schedule(network, monkeypatch):
    cuts = {}

    def watched(network, data, after_step, **_options):
        kept = 0.0
        for done in range(1, 161):
            after_step(network, done, 160)
            pruned = filter(parametrize.is_parametrized, network.modules())
            masks = [layer.parametrizations.weight[-1].mask for layer in pruned]
            zero = 1 - sum(int(m.sum()) for m in masks) / sum(m.numel() for m in masks)
            if zero != kept:
                cuts[done] = kept = zero
        return network, None

    monkeypatch.setattr(training, "fit", watched)
    wp.prune_gradually(network, None, 0.9, epochs=1)
    assert list(cuts) == list(range(6, 121, 6))  # in the first three quarters of the steps
    assert list(cuts.values()) == pytest.approx(
        [0.9 - 0.9 * (1 - done / 120) ** 3 for done in cuts], abs=1e-3
    )


def test_a_winning_ticket_is_found_from_the_start(images):
    torch.manual_seed(1)
    initial = models.LeafNet(4, classes=3)
    before = copy.deepcopy(initial.state_dict())
    found, dense = wp.winning_ticket(initial, images, 0.75, rounds=2, epochs=1, progress=False)
    assert wp.sparsity(dense)["all"] < 0.01
    ticket = wp.masked(initial, found)
    assert wp.sparsity(ticket)["all"] == pytest.approx(0.75, abs=0.01)
    weight = ticket.features[3].parametrizations.weight.original
    assert torch.equal(weight, before["features.3.weight"])
    assert all(torch.equal(value, initial.state_dict()[key]) for key, value in before.items())


def test_a_light_ticket_has_as_many_zeros_as_asked_for(images):
    found, _ = wp.winning_ticket(
        models.LeafNet(4, classes=3), images, 0.3, rounds=2, epochs=1, progress=False
    )
    removed = sum(int((~mask).sum()) for mask in found.values())
    assert removed / sum(mask.numel() for mask in found.values()) == pytest.approx(0.3, abs=0.01)


def test_a_training_of_fewer_steps_than_cuts_prunes_at_each(network, images):
    few = dataclasses.replace(images, train=images.train.first(12))
    pruned, _ = wp.prune_gradually(
        network, few, 0.5, epochs=2, cuts=20, batch_size=4, progress=False
    )  # six steps
    assert wp.sparsity(pruned)["all"] == pytest.approx(0.5, abs=1e-3)


# Pictures

LINE = ([0, 0.5, 0.9], [0.98, 0.9, 0.3])
PICTURES = {
    "change": lambda: figures.output_change(
        [0.0002, 0.01], [0.01, 0.5], [6e-4, 0.5], [1e-4, 0.1], [0, 0.3]
    ),
    "histogram": lambda: figures.weight_histogram(
        [1, 5, 9, 5, 1], [-2, -1.2, -0.4, 0.4, 1.2, 2], 0.7, 0.62, 0.97, {"a": 0.2, "b": 0.8}, 48
    ),
    "everything": lambda: figures.weight_histogram([1, 5], [-1, 0, 1], 3, 1, 0.1, {"a": 1}, 48),
    "patterns": lambda: figures.mask_patterns({"kernel": (np.eye(9, dtype=bool), 3)}),
    "accuracy": lambda: figures.accuracy_by_sparsity(
        {"one": {"random": LINE}, "two": {"rows": LINE}}, 0.1
    ),
    "bytes": lambda: figures.against_sparsity(
        [0, 0.5, 0.9],
        {"dense": [4e6] * 3, "csr": [8e6, 4e6, 1e6]},
        {"csr": 0.5},
        "file",
        "Bytes",
        "B",
    ),
    "seeds": lambda: figures.seeds({"ticket": {0.9: [0.94, 0.95], 0.95: [0.9, 0.8]}}, "accuracy"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_drawn_and_described(name):
    picture = PICTURES[name]()
    assert picture.png().startswith(b"\x89PNG")
    assert len(picture.alt) > 20


def test_descriptions_carry_the_data():
    assert "|w| up to 0.0002 (1.0% of the weights): largest 0.06%" in PICTURES["change"]().alt
    assert "62.0% of all: accuracy 97% on 48 images; a loses 20%" in PICTURES["histogram"]().alt
    assert "kernel 89% zero" in PICTURES["patterns"]().alt
    assert "two: rows 98% at 0% 90% at 50%" in PICTURES["accuracy"]().alt
    assert "from 8 MB at 0% to 1 MB at 90%, below dense from 50%" in PICTURES["bytes"]().alt
    assert "ticket: 94.5% at 90%, 85.0% at 95%" in PICTURES["seeds"]().alt


# What was recorded


@pytest.mark.slow
def test_a_recorded_lottery_is_drawn_again_with_the_same_outcome(monkeypatch):
    folder = Path(__file__).parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(folder)
    spec = importlib.util.spec_from_file_location("benchmark", folder / "weight_pruning.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    old = recorded.load("weight_pruning")["lottery"]
    options = {key: old[key] for key in ("epochs", "learning_rate")} | {"progress": False}
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)  # as it was recorded: sums in another order are another training
        rows = benchmark.tickets(data.load("mnist5k"), 0.95, old["seeds"][0], 1, options)
    finally:
        torch.set_num_threads(threads)
    then = {
        row["start"]: row["accuracy"]
        for row in old["rows"]
        if row["sparsity"] == 0.95 and row["seed"] == old["seeds"][0]
    }
    for row in rows:  # another processor rounds otherwise, and training carries that on
        assert row["accuracy"] == pytest.approx(then[row["start"]], abs=0.05)


# What cannot be


@pytest.mark.parametrize("share", [1.2, -0.1, 1, float("nan"), "half", True, None])
def test_a_share_out_of_range_is_quoted(network, images, share):
    quoted = r"must be in \[0, 1\), got"
    with pytest.raises(ValueError, match=f"sparsity {quoted}"):
        wp.masks(network, share)
    with pytest.raises(ValueError, match=f"sparsity {quoted}"):
        wp.masks(network, share, scope="global")
    with pytest.raises(ValueError, match=f"sparsity {quoted}"):
        wp.masks(network, {"classify": share})
    with pytest.raises(ValueError, match=f"sparsity {quoted}"):
        wp.prune_gradually(network, images, share, epochs=1)
    with pytest.raises(ValueError, match=f"sparsity {quoted}"):
        wp.winning_ticket(network, images, share)
    with pytest.raises(ValueError, match=f"final {quoted}"):
        wp.schedule(1, 0, 2, share)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (lambda n: wp.masks(n, 0.5, "size"), r"criterion must be one of magnitude, random.*'size'"),
        (lambda n: wp.masks(n, 0.5, scope="all"), "scope must be one of layer, global; got 'all'"),
        (lambda n: wp.masks(n, 0.5, granularity="filter"), "granularity must be.*'filter'"),
        (lambda n: wp.masks(n, 0.5, granularity=(0, 4)), r"a block must be .*got \(0, 4\)"),
        (lambda n: wp.masks(n, 0.5, granularity=(4,)), r"a block must be .*got \(4,\)"),
        (lambda n: wp.masks(n, 0.5, names=["conv9"]), "no Conv2d or Linear layer named 'conv9'"),
        (lambda n: wp.masks(n, 0.5, names=[]), "names must hold at least one"),
        (lambda n: wp.masks(n, {}), "names must hold at least one"),
        (lambda n: wp.masks(n, {"conv9": 0.5}), "no Conv2d or Linear layer named 'conv9'"),
        (lambda n: wp.masks(n, {"classify": 0.5}, scope="global"), "knows no global scope"),
        (lambda n: wp.masks(n, {"classify": 0.5}, names=["classify"]), "names its layers itself"),
        (lambda n: wp.masks(nn.ReLU(), 0.5), "this ReLU has no Conv2d or Linear layer"),
        (lambda n: wp.masks("network", 0.5), r"must be a torch\.nn\.Module, got a str"),
        (lambda n: wp.n_of_m(n, 4, 4), "1 <= n < m, got n=4, m=4"),
        (lambda n: wp.n_of_m(n, 0, 4), "1 <= n < m, got n=0, m=4"),
        (lambda n: wp.n_of_m(n, 0.5, 4), "1 <= n < m, got n=0.5"),
        (lambda n: wp.n_of_m(n, 2, 4, ["features.0"]), "multiples of 4, got {'features.0': 3}"),
        (lambda n: wp.n_of_m(n, 1, 7), "multiples of 7"),
        (lambda n: wp.below(n, -1), "threshold must be a number of at least 0, got -1"),
        (lambda n: wp.below(n, "small"), "threshold must be a number of at least 0, got 'small'"),
        (lambda n: wp.apply(n, [True]), "masks must be a dict of layer name -> mask, got list"),
        (lambda n: wp.masked(n, {"classify": torch.ones(3, 16)}), "must be a bool tensor.*float32"),
        (lambda n: wp.apply(n, {"classify": torch.ones(3, 3).bool()}), r"must be \(3, 16\) like"),
        (lambda n: wp.apply(n, {"conv9": torch.ones(3).bool()}), "named 'conv9'"),
        (lambda n: wp.schedule(1, 2, 2, 0.5), "begin < end .* got begin=2, end=2"),
        (lambda n: wp.schedule(1, 0, 2, 0.5, 0.6), "initial=0.6, final=0.5"),
        (lambda n: wp.prune_gradually(n, None, 0.5, 1, cuts=0), "cuts must be .* got 0"),
        (lambda n: wp.winning_ticket(n, None, 0.5, rounds=0), "rounds must be .* got 0"),
    ],
)  # fmt: skip
def test_a_bad_request_is_answered_with_what_would_do(network, request_, answer):
    with pytest.raises(ValueError, match=answer):
        request_(network)


@pytest.mark.parametrize(
    "request_",
    [
        lambda n: wp.masks(n, 0.5),
        lambda n: wp.masks(n, 0.5, "random"),
        lambda n: wp.n_of_m(n, 2, 4),
        lambda n: wp.below(n, 0.1),
        lambda n: wp.apply(n, {}),
        lambda n: wp.masked(n, {}),
        lambda n: wp.sparsity(n),
    ],
)
def test_broken_weights_are_refused(network, request_):
    broken = copy.deepcopy(network)
    broken.classify.weight.data[0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"classify\.weight holds 1 NaN"):
        request_(broken)


def test_a_frozen_network_cannot_be_fine_tuned_and_that_is_said(network, images):
    frozen = copy.deepcopy(network).requires_grad_(False)
    with pytest.raises(ValueError, match="nothing to train"):
        wp.fine_tune(frozen, wp.masks(frozen, 0.5), images, epochs=1)
