"""Arrays in about as many bits as their values are surprising: an entropy coder for tensors.

Each array is described by a short table (which values, how often), and the values of all arrays go
through one range coder, the library constriction's. Weights that a technique made predictable
(zeros, few levels) become small; random ones stay as large as they are. Nothing is lost.

>>> weights = np.array([0, 0, 0, 0, 0, 0, -1, 2] * 500, dtype=np.int8)
>>> coded = encode([weights])
>>> len(coded.tables) + len(coded.codes) < weights.nbytes / 7
True
>>> decode(coded, [(weights.dtype, weights.size)])[0].tolist() == weights.tolist()
True
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import constriction
import numpy as np

MOST_VALUES = 4096  # in one table; an array with more goes byte by byte, or stays as it is
MOST_CODED = 2**26  # values in all codes of a file: 20 to 70 million are decoded in a second
AT_ONCE = 2**20  # of these, so that what the decoder gives takes little beside the array
RAW, RANGE, LIST, PLANES = range(4)  # the first byte of a table
# What a byte stands for in a table: 0 to 15, then three bits more precise than a power of two, up
# to 1.9 billion. Integers alone, so that every machine has the same model.
COUNTS = np.array([b if b < 16 else (8 + b % 8) << (b // 8 - 1) for b in range(240)])


@dataclass(frozen=True)
class Coded:
    """Arrays as bytes."""

    tables: (
        bytes | memoryview
    )  # for each array, which values it has and how often, or the array as it is
    codes: bytes | memoryview  # the range coder's words, four bytes each, little-endian
    sizes: tuple[float, ...] = ()  # bytes of each array, its table included, known after encode


def encode(arrays: Sequence[np.ndarray]) -> Coded:
    """Describe and code arrays of any numeric type and shape, in their order."""
    encoder = constriction.stream.queue.RangeEncoder()
    plans = [_plan(np.ascontiguousarray(array).reshape(-1)) for array in arrays]
    for plan in plans:
        for symbols, counts in plan.symbols:
            encoder.encode(symbols, _model(counts))
    codes = encoder.get_compressed().astype("<u4").tobytes()
    return Coded(b"".join(plan.table for plan in plans), codes, tuple(plan.bytes for plan in plans))


def decode(coded: Coded, layouts: Sequence[tuple[np.dtype, int]]) -> list[np.ndarray]:
    """The flat arrays again. layouts: dtype and number of values of each, in the same order.

    Memory is bound by the layouts, which the caller has to find reasonable first, time by
    MOST_CODED. Raises ValueError for tables that cannot be; codes that are damaged give other
    values, so that the caller needs a checksum.
    """
    return list(each(coded, layouts))


def each(coded: Coded, layouts: Sequence[tuple[np.dtype, int]]) -> Iterator[np.ndarray]:
    """The arrays of `decode` one by one, so that each can go before the next comes."""
    if len(coded.codes) % 4:
        raise ValueError(f"the codes must be words of four bytes, got {len(coded.codes)} bytes")
    codes, tables = _Codes(coded.codes), Tables(coded.tables)
    for dtype, count in layouts:
        yield _decoded(np.dtype(dtype), count, tables, codes)
    if tables.left:
        raise ValueError(f"the tables hold {tables.left} bytes that belong to no array")


def entropy(counts: np.ndarray, modelled: np.ndarray | None = None) -> float:
    """Bits of all values that occur so often, at best; or with a model's counts instead.

    >>> entropy(np.array([2, 2, 4]))  # 2, 2 and 1 bit each
    12.0
    """
    model = counts if modelled is None else modelled
    there = counts > 0
    return float(-(counts[there] * np.log2(model[there] / model.sum())).sum())


@dataclass(frozen=True)
class _Plan:
    table: bytes
    bits: float  # of the codes
    symbols: tuple[tuple[np.ndarray, np.ndarray], ...]  # to code, and the counts of their model

    @property
    def bytes(self) -> float:
        return len(self.table) + self.bits / 8


def _plan(flat: np.ndarray) -> _Plan:
    """The shortest of the ways."""
    little = flat.astype(flat.dtype.newbyteorder("<"), copy=False)
    ways = [_Plan(bytes([RAW]) + little.tobytes(), 0, ())]
    values, symbols, counts = np.unique(_integers(little), return_inverse=True, return_counts=True)
    if 0 < len(values) <= MOST_VALUES:
        ways.append(_listed(values, symbols.reshape(-1), counts))
        if int(values[-1]) - int(values[0]) < MOST_VALUES:
            ways.append(_ranged(little, values, counts))
    if little.itemsize > 1:
        planes = [_plan(plane) for plane in little.view(np.uint8).reshape(-1, little.itemsize).T]
        table = bytes([PLANES]) + b"".join(plane.table for plane in planes)
        coded = tuple(pair for plane in planes for pair in plane.symbols)
        ways.append(_Plan(table, sum(plane.bits for plane in planes), coded))
    return min(ways, key=lambda way: way.bytes)


def _integers(little: np.ndarray) -> np.ndarray:
    """Integers as they are, the bits of floats: -0.0 and every NaN are values of their own."""
    return little if little.dtype.kind in "iu" else little.view(f"<u{little.itemsize}")


def _listed(values: np.ndarray, symbols: np.ndarray, counts: np.ndarray) -> _Plan:
    model = _in_bytes(counts)
    table = bytes([LIST]) + number(len(values)) + values.tobytes() + model.tobytes()
    return _coded(table, symbols, counts, model)


def _ranged(little: np.ndarray, values: np.ndarray, counts: np.ndarray) -> _Plan:
    low, high = int(values[0]), int(values[-1])
    every = np.zeros(high - low + 1, dtype=np.int64)
    every[_above(values, low)] = counts
    model = _in_bytes(every)
    folded = 2 * low if low >= 0 else -2 * low - 1  # small numbers of either sign stay short
    table = bytes([RANGE]) + number(folded) + number(len(every)) + model.tobytes()
    return _coded(table, _above(_integers(little), low), every, model)


def _above(integers: np.ndarray, low: int) -> np.ndarray:
    if integers.dtype.kind == "u":  # beyond int64, perhaps
        return (integers - integers.dtype.type(low)).astype(np.int64)
    return integers.astype(np.int64) - low


def _coded(table: bytes, symbols: np.ndarray, counts: np.ndarray, model: np.ndarray) -> _Plan:
    if len(counts) == 1:
        return _Plan(table, 0, ())
    coded = (symbols.astype(np.int32), model)
    return _Plan(table, entropy(counts, COUNTS[model]), (coded,))


def _in_bytes(counts: np.ndarray) -> np.ndarray:
    """For each count the byte whose entry in COUNTS is nearest; what occurs keeps at least one."""
    above = np.searchsorted(COUNTS, counts).clip(1, len(COUNTS) - 1)
    nearer = counts - COUNTS[above - 1] < COUNTS[above] - counts
    return np.where(counts > 0, np.maximum(above - nearer, 1), 0).astype(np.uint8)


def _model(counts: np.ndarray):
    """The coder's model of symbols that occur so often; counts as bytes, see COUNTS."""
    shares = COUNTS[counts].astype(np.float64) / COUNTS[counts].sum()
    return constriction.stream.model.Categorical(shares, perfect=False)


# Reading, with the suspicion that a file deserves


class Tables:
    """Bytes that are read piece by piece, and may end early."""

    def __init__(self, content: bytes | memoryview):
        self.content, self.at = memoryview(content), 0

    @property
    def left(self) -> int:
        return len(self.content) - self.at

    def take(self, count: int) -> memoryview:
        if count > self.left:
            raise ValueError(f"the tables end early: {count} bytes wanted, {self.left} left")
        self.at += count
        return self.content[self.at - count : self.at]

    def number(self) -> int:
        """What `number` wrote."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number in the tables has more than 64 bits")


def number(value: int) -> bytes:
    """Seven bits in each byte, the lowest first; the top bit says that more follow."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


class _Codes:
    """The range coder's words, and how many values were asked of them."""

    def __init__(self, codes: bytes | memoryview):
        words = np.frombuffer(codes, "<u4").astype(np.uint32)
        self.decoder, self.asked = constriction.stream.queue.RangeDecoder(words), 0

    def into(self, found: np.ndarray, values: np.ndarray, counts: np.ndarray) -> None:
        """Fill an array with values that occur so often; counts as bytes."""
        self.asked += len(found)
        if self.asked > MOST_CODED:
            raise ValueError(
                f"the codes stand for {self.asked:,} values or more, and at most {MOST_CODED:,} "
                f"are read"
            )
        model = _model(counts)
        try:
            for start in range(0, len(found), AT_ONCE):
                part = found[start : start + AT_ONCE]
                part[:] = values[self.decoder.decode(model, len(part))]
        except AssertionError as error:  # what constriction raises
            raise ValueError(f"the codes do not fit their tables: {error}") from None


def _decoded(dtype: np.dtype, count: int, tables: Tables, codes: _Codes) -> np.ndarray:
    little = dtype.newbyteorder("<")
    (kind,) = tables.take(1)
    if kind == RAW:
        return np.frombuffer(tables.take(count * dtype.itemsize), little).astype(dtype)
    if kind == PLANES and dtype.itemsize > 1:
        planes = np.empty((count, dtype.itemsize), np.uint8)
        for i in range(dtype.itemsize):
            planes[:, i] = _decoded(np.dtype(np.uint8), count, tables, codes)
        return planes.reshape(-1).view(little).astype(dtype, copy=False)
    if kind == LIST:
        length = _length(tables)
        values = np.frombuffer(tables.take(length * dtype.itemsize), little)
        return _chosen(values.astype(dtype), count, tables, codes)
    if kind == RANGE:
        folded, length = tables.number(), _length(tables)
        low = -(folded + 1) // 2 if folded % 2 else folded // 2
        bits = np.dtype(f"<u{dtype.itemsize}") if dtype.kind not in "iu" else dtype
        if low < np.iinfo(bits).min or low + length - 1 > np.iinfo(bits).max:
            raise ValueError(f"the tables name values that {dtype} cannot hold")
        values = np.array([low + i for i in range(length)], dtype=bits)
        return _chosen(values.view(dtype), count, tables, codes)
    raise ValueError(f"the tables name the unknown way {kind}")


def _length(tables: Tables) -> int:
    length = tables.number()
    if not 1 <= length <= MOST_VALUES:
        raise ValueError(f"a table must have 1 to {MOST_VALUES} values, got {length}")
    return length


def _chosen(values: np.ndarray, count: int, tables: Tables, codes: _Codes) -> np.ndarray:
    """An array of so many of the values, by the counts that follow in the tables."""
    counts = np.frombuffer(tables.take(len(values)), np.uint8)
    if not counts.any() or counts.max() >= len(COUNTS):
        raise ValueError("a table says of its values that none occurs, or one too often")
    if len(values) == 1:
        return np.full(count, values[0])
    found = np.empty(count, values.dtype)
    codes.into(found, values, counts)
    return found
