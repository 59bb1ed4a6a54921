import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from course_lib.deploy import entropy_coding

TYPES = [np.int8, np.uint8, np.int16, np.int32, np.int64, np.float16, np.float32, np.float64]


def restored(arrays):
    return entropy_coding.decode(entropy_coding.encode(arrays), [(a.dtype, a.size) for a in arrays])


def size(*arrays):
    coded = entropy_coding.encode(arrays)
    return len(coded.tables) + len(coded.codes)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(TYPES).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(max_dims=3, min_side=0, max_side=9))
), max_size=4))  # fmt: skip
def test_any_arrays_come_back_to_the_bit(arrays):
    for before, after in zip(arrays, restored(arrays), strict=True):
        assert after.dtype == before.dtype
        assert after.tobytes() == before.tobytes()


@pytest.mark.parametrize("kind", TYPES)
def test_few_values_many_times(kind):
    array = np.random.default_rng(0).choice(np.array([0, 0, 0, 1, 5], kind), 3000)
    (after,) = restored([array])
    assert after.tobytes() == array.tobytes()
    assert size(array) < 3000 * 1.6 / 8  # bits: the entropy is 1.37


def test_floats_keep_minus_zero_and_every_nan():
    array = np.array([0.0, -0.0, np.nan, -np.nan, np.inf] * 20, np.float32)
    array.view(np.uint32)[2] ^= 5  # another NaN
    (after,) = restored([array])
    assert after.tobytes() == array.tobytes()


def test_an_array_that_is_big_endian_comes_back_with_the_same_numbers():
    array = np.arange(300, dtype=">i4")
    coded = entropy_coding.encode([array])
    (after,) = entropy_coding.decode(coded, [(np.dtype("<i4"), array.size)])
    assert after.tolist() == array.tolist()


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_near_the_entropy(share):
    rng = np.random.default_rng(1)
    weights = np.where(rng.random(50_000) < share, 0, rng.integers(-7, 8, 50_000)).astype(np.int8)
    best = entropy_coding.entropy(np.unique(weights, return_counts=True)[1]) / 8
    assert best <= size(weights) <= best * 1.01 + 40


def test_random_numbers_stay_as_large_as_they_are():
    array = np.random.default_rng(2).integers(0, 256, 5000, dtype=np.uint8)
    assert size(array) <= array.nbytes + 8


def test_floats_with_short_mantissas_take_less():
    floats = np.random.default_rng(3).normal(size=2000).astype(np.float32)
    short = (floats.view(np.uint32) & 0xFFFF0000).view(np.float32)
    assert size(short) < 0.6 * size(floats)


def test_sizes_add_up():
    arrays = [np.zeros(1000, np.int8), np.random.default_rng(4).integers(-2, 3, 4000).astype("i1")]
    coded = entropy_coding.encode(arrays)
    assert len(coded.sizes) == 2
    assert sum(coded.sizes) == pytest.approx(len(coded.tables) + len(coded.codes), abs=8)
    assert coded.sizes[0] < 10


def test_entropy_of_a_wrong_model_is_larger():
    counts = np.array([900, 90, 10])
    assert entropy_coding.entropy(counts) < entropy_coding.entropy(counts, np.array([1, 1, 1]))
    assert entropy_coding.entropy(np.array([5, 0])) == 0


LAYOUT = [(np.dtype(np.int8), 4000)]
WHOLE = entropy_coding.encode([np.random.default_rng(5).integers(-2, 3, 4000).astype(np.int8)])


@pytest.mark.parametrize("tables", [
    b"", bytes([9]), WHOLE.tables[:-1], WHOLE.tables + b"x",
    bytes([entropy_coding.RAW]) + b"short",
    bytes([entropy_coding.RANGE, 0, 0]),  # no values
    bytes([entropy_coding.RANGE, 0, 3, 0, 0, 0]),  # none of them ever occurs
    bytes([entropy_coding.RANGE]) + entropy_coding.number(10**6) + bytes([2, 1, 1]),  # not int8
    bytes([entropy_coding.LIST]) + entropy_coding.number(10**9) + b"x",
    bytes([entropy_coding.PLANES]) * 5,
    bytes([entropy_coding.RANGE]) + b"\xff" * 12,
])  # fmt: skip
def test_tables_that_cannot_be(tables):
    with pytest.raises(ValueError, match=r"table|codes"):
        entropy_coding.decode(entropy_coding.Coded(tables, WHOLE.codes), LAYOUT)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, [0]), (127, [127]), (128, [128, 1]), (300, [172, 2]), (2**14 - 1, [255, 127])],
)
def test_a_number_takes_a_byte_for_seven_bits(value, written):
    """As in LEB128."""
    assert list(entropy_coding.number(value)) == written
    assert entropy_coding.Tables(bytes(written)).number() == value


def test_codes_that_are_cut():
    with pytest.raises(ValueError, match="four bytes"):
        entropy_coding.decode(entropy_coding.Coded(WHOLE.tables, WHOLE.codes[:-1]), LAYOUT)
    for cut in (0, 4, len(WHOLE.codes) // 8 * 4):  # other values, or an error; never a crash
        try:
            (after,) = entropy_coding.decode(
                entropy_coding.Coded(WHOLE.tables, WHOLE.codes[:cut]), LAYOUT
            )
        except ValueError:
            continue
        assert after.size == 4000
