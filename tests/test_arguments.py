"""What every public function asks of its arguments, and how it says so."""

import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import arguments


@pytest.mark.parametrize("value", [-0.1, 1, 1.2, float("nan"), "half", None, True, 1 + 2j, [0.5]])
def test_a_share_outside_its_range_is_quoted(value):
    with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\), got .*; 0.9 removes 90%"):
        arguments.share("sparsity", value, "0.9 removes 90%")
    assert arguments.share("share", 1, "1 is all", below_one=False) == 1.0


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_a_count_is_any_whole_number(value):
    assert arguments.count("images", value) == 3
    assert type(arguments.count("images", value)) is int


@pytest.mark.parametrize(
    "value", [0, -1, 2.0, float("nan"), True, None, "3", b"x", [3], 2**63, 10**30, torch.tensor(3)]
)
def test_what_is_no_count_is_refused(value):
    with pytest.raises(ValueError, match="images must be a whole number of at least 1, got"):
        arguments.count("images", value)


def test_a_number_is_finite_and_within_its_ends():
    assert arguments.number("drop", np.float32(0.5)) == 0.5
    assert arguments.number("drop", -3) == -3.0
    for value, words in (
        (float("inf"), "drop must be a finite number, got inf"),
        (10**400, "drop must be a finite number, got 1000"),
        (Decimal("0.5"), r"drop must be a finite number, got Decimal\('0.5'\)"),
    ):
        with pytest.raises(ValueError, match=words):
            arguments.number("drop", value)
    with pytest.raises(ValueError, match="drop must be a number of at least 0, got -1; try 2"):
        arguments.number("drop", -1, 0, hint="try 2")
    with pytest.raises(ValueError, match="drop must be a number from 0 to 1, got nan"):
        arguments.number("drop", float("nan"), 0, 1)
    with pytest.raises(ValueError, match="scale must be a finite number above 0, got 0"):
        arguments.above_zero("scale", 0)


def test_several_numbers_come_as_lists_arrays_or_tensors():
    for given in ([1, 2.5], (1, 2.5), np.array([1, 2.5]), torch.tensor([1, 2.5])):
        assert arguments.numbers("times", given) == [1.0, 2.5]
    for given in (None, "12", {1: 2}, [1, "2"], [float("nan")], torch.ones(2, device="meta")):
        with pytest.raises(ValueError, match="times must be"):
            arguments.numbers("times", given)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.ones((2, 3)), r"must be a tensor \(images, classes\), got array"),
        (torch.ones(3), r"must be a tensor \(images, classes\), got shape \(3,\)"),
        (torch.ones(2, 3).to_sparse(), "stored densely, got torch.sparse_coo"),
        (torch.ones(2, 3, device="meta"), "stored densely, got meta"),
        (torch.ones(2, 3, dtype=torch.complex64), "of real numbers, .* got torch.complex64"),
        (torch.tensor([[1.0, float("nan"), float("inf")]]), "2 of the 3 values of logits are NaN"),
    ],
)
def test_a_tensor_is_dense_real_and_shaped(value, words):
    with pytest.raises(ValueError, match=words):
        arguments.tensor("logits", value, "images, classes", finite=True)


def test_a_tensor_may_have_to_be_of_one_type():
    labels = torch.arange(3)
    assert arguments.tensor("labels", labels, dtype=torch.int64) is labels
    with pytest.raises(ValueError, match=r"labels must be a tensor of torch.int64, got torch.f"):
        arguments.tensor("labels", labels.float(), dtype=torch.int64)


def test_a_network_has_its_weights():
    network = nn.Linear(2, 2)
    assert arguments.network(network) is network
    with pytest.raises(ValueError, match=r"network must be a torch\.nn\.Module, got a function"):
        arguments.network(lambda images: images)
    with pytest.raises(ValueError, match=r"weight of the network has no values .*load its weights"):
        arguments.network(network.to("meta"))


def test_whoever_checks_numbers_alone_loads_no_torch():
    code = "import sys; from course_lib import arguments; arguments.count('n', 1); "
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
