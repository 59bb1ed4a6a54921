"""weight_sharing: k-means as scikit-learn does it, and layers that keep to their codebooks."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import models
from course_lib.networks.counting import weight_bytes
from course_lib.techniques.weight_sharing import Codebook, codebook, lloyd, shared_bytes


def error(weights, book):
    return (weights - book.values[book.indices.long()]).double().square().sum().item()


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 300), clusters=st.integers(2, 32), seed=st.integers(0, 99))
def test_every_weight_has_the_nearest_value_and_every_value_is_a_mean(count, clusters, seed):
    torch.manual_seed(seed)
    weights = torch.randn(count)
    book = lloyd(weights, clusters)
    assert bool((book.values.diff() > 0).all())
    assert len(book.values) == min(clusters, len(weights.unique()))
    distances = (weights[:, None] - book.values).abs()
    chosen = distances.gather(1, book.indices.long()[:, None])[:, 0]
    assert bool((chosen <= distances.amin(1) + 1e-6).all())
    for i in book.indices.unique().long():
        mean = weights[book.indices == i].double().mean().item()
        assert book.values[i].item() == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("clusters", [2, 4, 16])
def test_scikit_learn_finds_the_same_codebook(clusters):
    from sklearn.cluster import KMeans

    weights = torch.randn(4000, generator=torch.Generator().manual_seed(clusters))
    ours = lloyd(weights, clusters, iterations=300)
    start = np.linspace(weights.min().item(), weights.max().item(), clusters)[:, None]
    theirs = KMeans(clusters, init=start, n_init=1, max_iter=300, tol=0).fit(weights[:, None])
    assert np.allclose(np.sort(theirs.cluster_centers_[:, 0]), ours.values, atol=1e-4)
    assert error(weights, ours) == pytest.approx(theirs.inertia_, rel=1e-5)


def test_more_clusters_never_hurt_and_few_different_weights_are_kept_exactly():
    weights = torch.randn(2000, generator=torch.Generator().manual_seed(0))
    errors = [error(weights, lloyd(weights, 2**bits)) for bits in range(1, 9)]
    assert errors == sorted(errors, reverse=True)
    few = torch.tensor([0.5, -0.25, 0.5, 0.0]).repeat(10)
    book = lloyd(few, 16)
    assert torch.equal(book.values[book.indices.long()], few)
    assert len(book.values) == 3


@pytest.mark.parametrize("make", [lambda: models.LeafNet(6), models.LeNet5])
def test_a_layer_keeps_to_its_codebook(make):
    network = make().train()
    before = copy.deepcopy(network.state_dict())
    shared, books = codebook(network, bits=3)
    assert network.training
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    for name, book in books.items():
        weight = shared.get_submodule(name).weight
        assert torch.equal(weight, book.values[book.indices.long()])
        assert len(weight.unique()) <= 8
        assert book.indices.shape == weight.shape
    same, _ = codebook(network, clusters=8)
    assert torch.equal(same.state_dict()[f"{name}.weight"], weight)
    one, books = codebook(network, bits=3, names=[name])
    assert list(books) == [name]
    first = next(iter(dict(one.named_parameters())))
    assert torch.equal(one.state_dict()[first], before[first])


def test_stored_bytes_are_those_of_packed_indices_and_codebooks():
    network = models.LeNet5()
    for bits in (1, 3, 8):
        _, books = codebook(network, bits)
        packed = sum(
            len(np.packbits(np.unpackbits(book.indices.numpy().reshape(-1, 1), axis=1)[:, -bits:]))
            + book.values.numel() * 4
            for book in books.values()
        )
        biases = 4 * sum(v.numel() for k, v in network.named_parameters() if k.endswith("bias"))
        assert shared_bytes(network, books) == packed + biases
    assert shared_bytes(network, {}) == weight_bytes(network)


def test_bad_requests_are_quoted():
    network = models.LeNet5()
    for bits in (0, 9, 64, 4.0):
        with pytest.raises(ValueError, match="bits must be a whole number from 1 to 8, got"):
            codebook(network, bits)
    for clusters in (1, 257, 2.5):
        with pytest.raises(ValueError, match="clusters must be a whole number from 2 to 256, got"):
            codebook(network, clusters=clusters)
    for both in ({}, {"bits": 4, "clusters": 16}):
        with pytest.raises(ValueError, match="either bits or clusters"):
            codebook(network, **both)
    with pytest.raises(ValueError, match="no Conv2d or Linear layer named 'conv9'"):
        codebook(network, 4, names=["conv9"])
    with pytest.raises(ValueError, match="1 are NaN or infinite"):
        lloyd(torch.tensor([1.0, float("nan")]), 2)
    with pytest.raises(ValueError, match="got 0"):
        lloyd(torch.zeros(0), 2)
    with pytest.raises(ValueError, match="has no Conv2d or Linear layer"):
        codebook(torch.nn.Sequential(torch.nn.ReLU()), 4)
    assert isinstance(lloyd(torch.zeros(3), 2), Codebook)
