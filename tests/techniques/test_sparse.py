"""Bytes are those of the real things; sparse arithmetic answers as dense arithmetic does."""

import copy
import lzma

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib import counting, models, sparse, structure
from course_lib import weight_pruning as wp

few = settings(max_examples=12, deadline=None)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return models.LeafNet(4, classes=3).eval()


def weight(share, seed, shape=(7, 5, 3, 3)):
    torch.manual_seed(seed)
    return torch.where(torch.rand(shape) < share, 0, torch.randn(shape))


@few
@given(share=st.floats(0, 1), seed=st.integers(0, 99))
def test_bytes_are_those_of_the_real_arrays(share, seed):
    tensor = weight(share, seed)
    matrix = tensor.flatten(1).numpy()
    rows = scipy.sparse.csr_matrix(matrix)
    packed = np.packbits(matrix != 0)
    assert sparse.stored_bytes(tensor, "dense") == matrix.nbytes
    assert sparse.stored_bytes(tensor, "csr") == (
        rows.data.nbytes + rows.indices.nbytes + rows.indptr.nbytes
    )
    assert sparse.stored_bytes(tensor, "bitmask") == packed.nbytes + rows.data.nbytes
    assert sparse.stored_bytes(tensor, "entropy") <= sparse.stored_bytes(tensor, "bitmask")


def test_no_common_packer_gets_below_the_entropy():
    tensor = weight(0.9, 0, (100, 1000))
    values = int(tensor.count_nonzero()) * 4
    positions = np.packbits(tensor.numpy() != 0).tobytes()
    bound = sparse.stored_bytes(tensor, "entropy") - values
    assert bound < len(lzma.compress(positions)) < sparse.stored_bytes(tensor, "bitmask") - values
    assert sparse.stored_bytes(tensor, "zlib") > bound + values * 0.85  # floats hardly shrink


def test_a_networks_bytes_hold_all_that_it_stores(network):
    assert sparse.stored_bytes(network, "dense") == counting.weight_bytes(network)
    masked = wp.masked(network, wp.masks(network, 0.9))
    assert sparse.stored_bytes(masked, "dense") == counting.weight_bytes(network)
    assert sparse.stored_bytes(masked, "csr") < 0.5 * counting.weight_bytes(network)
    weights = sum(layer.weight.numel() for layer in structure.layers(network).values())
    others = counting.weight_bytes(network) - 4 * weights
    kept = weights - round(weights * wp.sparsity(masked)["all"])
    assert sparse.stored_bytes(masked, "bitmask") == pytest.approx(
        others + 4 * kept + weights / 8, abs=8
    )


def test_the_break_even_sparsities_are_those_of_arithmetic(network):
    assert sparse.break_even(network, "bitmask") == pytest.approx(1 / 32, abs=0.002)
    # Rows of few weights pay for where they begin: a little over a half.
    assert 0.5 < sparse.break_even(network, "csr") < 0.56
    assert sparse.break_even(network, "entropy") <= 0.005
    assert sparse.break_even(network, "dense") is None


@few
@given(
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    bias=st.booleans(),
    share=st.floats(0, 0.99),
)
def test_sparse_convolutions_answer_as_dense_ones(kernel, stride, padding, dilation, bias, share):
    layer = nn.Conv2d(3, 5, (kernel, 2), stride, padding, dilation, bias=bias)
    layer.weight.data = weight(share, 0, layer.weight.shape)
    images = torch.randn(2, 3, 8, 11)
    with torch.inference_mode():
        assert torch.allclose(sparse.CsrLayer(layer)(images), layer(images), atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 6), (2, 3, 6), (6,)])
def test_sparse_linear_layers_answer_as_dense_ones(shape):
    layer = nn.Linear(6, 4)
    with torch.inference_mode():
        inputs = torch.randn(shape)
        assert torch.allclose(sparse.CsrLayer(layer)(inputs), layer(inputs), atol=1e-6)


@pytest.mark.parametrize("name", ["LeafNet", "LeNet5", "LeNet300100"])
def test_a_network_in_sparse_rows_answers_as_the_dense_one(name, network):
    if name != "LeafNet":
        network = models.ARCHITECTURES[name]().eval()
    image = torch.randn(2, network.channels, 28, 28)
    pruned = wp.apply(network, wp.masks(network, 0.9))
    before = copy.deepcopy(pruned.state_dict())
    with torch.inference_mode():
        found = sparse.csr(pruned)
        assert torch.allclose(found(image), pruned(image), atol=1e-4)
        assert not found.training
    assert all(torch.equal(value, pruned.state_dict()[key]) for key, value in before.items())
    assert structure.layers(pruned)


def test_what_cannot_be_is_said(network):
    with pytest.raises(ValueError, match=r"how must be one of dense, bitmask.*got 'zip'"):
        sparse.stored_bytes(network, "zip")
    with pytest.raises(ValueError, match="how must be one of"):
        sparse.break_even(network, "zip")
    with pytest.raises(ValueError, match="no Conv2d or Linear layer"):
        sparse.stored_bytes(nn.ReLU(), "csr")
    for options, quoted in (
        ({"groups": 2}, "groups=2"), ({"padding_mode": "reflect", "padding": 1}, "reflect"),
        ({"padding": "same"}, "same"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=rf"one group.*{quoted}"):
            sparse.csr(nn.Sequential(nn.Conv2d(4, 4, 3, **options)))
    broken = copy.deepcopy(network)
    broken.classify.weight.data[0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"classify\.weight holds 1 NaN"):
        sparse.csr(broken)


def test_lines_cross_between_what_was_measured():
    found = sparse.crossing([0.5, 0.9, 0.98], [6, 4, 1], [2, 2, 2])
    assert found == pytest.approx(0.9 + 0.08 * 2 / 3)
    assert sparse.crossing([0.5, 0.9], [1, 1], [2, 2]) == 0.5
