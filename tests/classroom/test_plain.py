"""Values go to a learner's kernel and come back as bytes that can be nothing but values."""

import json
import pickle
from collections import deque
from fractions import Fraction

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch import nn

from course_lib.classroom.grading import plain


class Pretends(torch.Tensor):
    """Equal to everything, by its own account."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function.__name__ in ("eq", "allclose", "equal"):
            return True
        return super().__torch_function__(function, types, args, kwargs or {})


@pytest.mark.parametrize(
    ("value", "back"),
    [
        (None, None),
        (True, True),
        (-(10**30), -(10**30)),
        (float("inf"), float("inf")),
        ("\ud83d ü", "\ud83d ü"),
        ((1, [2.5, ()], {3: {"a": None}}), (1, [2.5, ()], {3: {"a": None}})),
        ({1, 2}, {1, 2}),
        (b"\x00\xff", b"\x00\xff"),
        (..., ...),
        (np.float64(0.5), 0.5),
        (np.int8(-3), np.int8(-3)),
        (np.array(["a", None], object), ["a", None]),
        (Fraction(1, 4), 0.25),
        (torch.Size([2, 3]), (2, 3)),
    ],
)
def test_plain_values_come_back_as_they_were(value, back):
    found = plain.unpack(plain.pack(value))
    assert type(found) is type(back)
    assert found == back


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "int64", "int32", "int8", "uint8", "bool"]
)
def test_arrays_keep_type_and_shape(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    for one in (array, array.T, array[0, 0:0], np.asfortranarray(array), array[::-1]):
        found = plain.unpack(plain.pack((one, torch.from_numpy(one.copy()))))
        assert found[0].dtype == found[1].numpy().dtype == array.dtype
        assert found[0].shape == tuple(found[1].shape) == one.shape
        assert np.array_equal(found[0], one)
        assert np.array_equal(found[1].numpy(), one)
    assert plain.unpack(plain.pack(torch.ones(2, dtype=torch.bfloat16))).dtype == torch.float32
    assert plain.unpack(plain.pack(np.longdouble(2))) == 2


def test_what_can_be_counted_through_comes_back_as_that():
    for value in ((n for n in (1, 2)), map(int, "12"), {1: 0, 2: 0}.keys(), deque([1, 2])):
        found = plain.unpack(plain.pack(value))
        assert not isinstance(found, list | tuple)
        assert list(found) == [1, 2]
    assert plain.unpack(plain.pack(range(1, 3))).tolist() == [1, 2]


def test_objects_of_other_kinds_say_what_they_were_and_do_nothing():
    found = plain.unpack(plain.pack([len, nn.Conv2d, object()]))
    assert [callable(each) for each in found] == [True, True, False]
    assert found[0].__name__ == str(found[0]) == "len"
    assert type(found[2]).__name__ == "object"
    for each in found:
        assert isinstance(each, plain.Foreign)


def test_what_pretends_to_be_a_tensor_is_one_when_it_arrives():
    found = plain.unpack(plain.pack(torch.zeros(2).as_subclass(Pretends)))
    assert type(found) is torch.Tensor
    assert not torch.equal(found, torch.ones(2))


def test_layers_are_built_anew_whatever_their_widths_say():
    conv = nn.Conv2d(4, 6, (3, 5), 2, (1, 2), bias=False)
    conv.weight = nn.Parameter(conv.weight[:2])  # out_channels is still 6
    norm = nn.BatchNorm2d(2, eps=0.3)
    norm.running_mean += 1
    row = nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), nn.Linear(24, 3).requires_grad_(False))
    row.eval()
    found = plain.unpack(plain.pack(row))
    image = torch.randn(1, 4, 8, 5)
    assert torch.equal(found(image), row(image))
    assert [p.requires_grad for p in found.parameters()] == [
        p.requires_grad for p in row.parameters()
    ]
    assert found[0].bias is None
    assert found[1].eps == 0.3
    assert not any(layer.training for layer in found.modules())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"passed",
        pickle.dumps(1),
        plain.pack([0] * 10)[:-3],
        safetensors.numpy.save({"0": np.ones(2)}),
        safetensors.numpy.save({"tree": np.frombuffer(b"[" * 50_000, np.uint8)}),
        b"\xff" * 100,
    ],
)
def test_what_is_no_message_is_refused(content):
    with pytest.raises(plain.Unreadable):
        plain.unpack(content)


def forged(tree, **arrays):
    text = np.frombuffer(json.dumps(tree).encode(), np.uint8)
    return safetensors.numpy.save({**arrays, "tree": text})


@pytest.mark.parametrize(
    "tree",
    [
        {"a": 1},
        ["_init__"],
        ["made", 1],
        ["tensor", "none", False, None],
        ["list", [["array", "0"], ["array", "0"]]],  # one array twice: no message grows on opening
        ["layer", "LSTM", {}, False, [], [], None],
        ["layer", "", {}, False, [], [], 1],
        ["layer", "Linear", {"in_features": 2}, False, [], [], None],
        [
            "layer",
            "Identity",
            {},
            False,
            [["forward", ["tensor", "0", False, None], False]],
            [],
            None,
        ],
        [
            "layer",
            "Sequential",
            {},
            False,
            [],
            [["a.b", ["layer", "ReLU", {}, True, [], [], None]]],
            None,
        ],
    ],
)
def test_a_message_holds_no_kinds_but_those_that_are_known(tree):
    with pytest.raises(plain.Unreadable):
        plain.unpack(forged(tree, **{"0": np.ones(2)}))


def test_a_message_has_a_largest_size(monkeypatch):
    monkeypatch.setattr(plain, "MOST_BYTES", 1000)
    with pytest.raises(plain.Unreadable, match="1,000 at most"):
        plain.unpack(plain.pack(np.zeros(1000)))


def test_numbers_that_cannot_be_compared_are_no_answer():
    with pytest.raises(TypeError, match="complex"):
        plain.pack(torch.ones(1, dtype=torch.complex64))
