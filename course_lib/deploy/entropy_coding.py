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

from collections.abc import Sequence
from dataclasses import dataclass

import constriction
import numpy as np

MOST_VALUES = 4096  # in one table; an array with more goes byte by byte, or stays as it is
RAW, RANGE, LIST, PLANES = range(4)  # the first byte of a table
# What a byte stands for in a table: 0 to 15, then three bits more precise than a power of two, up
# to 1.9 billion. Integers alone, so that every machine has the same model.
COUNTS = np.array([b if b < 16 else (8 + b % 8) << (b // 8 - 1) for b in range(240)])


@dataclass(frozen=True)
class Coded:
    """Arrays as bytes."""

    tables: bytes  # for each array, which values it has and how often, or the array as it is
    codes: bytes  # the range coder's words, four bytes each, little-endian
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

    Memory is bound by the layouts, which the caller has to find reasonable first. Raises
    ValueError for tables that cannot be; codes that are damaged give other values, so that the
    caller needs a checksum.
    """
    if len(coded.codes) % 4:
        raise ValueError(f"the codes must be words of four bytes, got {len(coded.codes)} bytes")
    words = np.frombuffer(coded.codes, "<u4").astype(np.uint32)
    decoder, tables = constriction.stream.queue.RangeDecoder(words), Tables(coded.tables)
    arrays = [_decoded(np.dtype(dtype), count, tables, decoder) for dtype, count in layouts]
    if tables.left:
        raise ValueError(f"the tables hold {tables.left} bytes that belong to no array")
    return arrays


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

    def __init__(self, content: bytes):
        self.content, self.at = content, 0

    @property
    def left(self) -> int:
        return len(self.content) - self.at

    def take(self, count: int) -> bytes:
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


def _decoded(dtype: np.dtype, count: int, tables: Tables, decoder) -> np.ndarray:
    little = dtype.newbyteorder("<")
    (kind,) = tables.take(1)
    if kind == RAW:
        return np.frombuffer(tables.take(count * dtype.itemsize), little).astype(dtype)
    if kind == PLANES and dtype.itemsize > 1:
        planes = [
            _decoded(np.dtype(np.uint8), count, tables, decoder) for _ in range(dtype.itemsize)
        ]
        return np.stack(planes, axis=1).reshape(-1).view(little).astype(dtype)
    if kind == LIST:
        length = _length(tables)
        values = np.frombuffer(tables.take(length * dtype.itemsize), little)
        return values[_symbols(length, count, tables, decoder)].astype(dtype)
    if kind == RANGE:
        folded, length = tables.number(), _length(tables)
        low = -(folded + 1) // 2 if folded % 2 else folded // 2
        bits = np.dtype(f"<u{dtype.itemsize}") if dtype.kind not in "iu" else dtype
        if low < np.iinfo(bits).min or low + length - 1 > np.iinfo(bits).max:
            raise ValueError(f"the tables name values that {dtype} cannot hold")
        values = np.array([low + i for i in range(length)], dtype=bits)
        return values.view(dtype)[_symbols(length, count, tables, decoder)]
    raise ValueError(f"the tables name the unknown way {kind}")


def _length(tables: Tables) -> int:
    length = tables.number()
    if not 1 <= length <= MOST_VALUES:
        raise ValueError(f"a table must have 1 to {MOST_VALUES} values, got {length}")
    return length


def _symbols(length: int, count: int, tables: Tables, decoder) -> np.ndarray:
    counts = np.frombuffer(tables.take(length), np.uint8)
    if not counts.any() or counts.max() >= len(COUNTS):
        raise ValueError("a table says of its values that none occurs, or one too often")
    if length == 1:
        return np.zeros(count, dtype=np.int32)
    try:
        return decoder.decode(_model(counts), count)
    except AssertionError as error:  # what constriction raises
        raise ValueError(f"the codes do not fit their tables: {error}") from None
