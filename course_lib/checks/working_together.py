"""Checks of exercise 07: shares of the way, short words there and back, an interval, a recipe."""

import heapq
import math
from collections import Counter
from itertools import pairwise

import numpy as np
import torch

from .. import coding, models, quantization, weight_pruning
from .budget import Budget
from .prediction import Prediction
from .task import task

CHAPTER = "07_working_together"


def _whole(random: torch.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (1,), generator=random))


def _shuffled(random: torch.Generator, values: list) -> list:
    return [values[i] for i in torch.randperm(len(values), generator=random).tolist()]


def _listed(result, *_inputs):
    """A list of numbers, of whatever held them."""
    if result is None or result is ... or isinstance(result, torch.Tensor | np.ndarray):
        return result
    if isinstance(result, dict | set | str):
        raise TypeError(f"a list of numbers was asked for, this is a {type(result).__name__}")
    numbers = list(result)
    np.array(numbers, dtype=np.float64)  # raises, with a reason, for what is none
    return numbers


def _in_words(result, *_inputs):
    """A dictionary of texts, or of what somebody took for them."""
    if result is None or result is ...:
        return result
    if not isinstance(result, dict):
        raise TypeError(f"a dictionary was asked for, this is a {type(result).__name__}")
    return {n: word if isinstance(word, str | int) else str(word) for n, word in result.items()}


# 1. Who did how much?


def _sizes(random: torch.Generator, case: int) -> tuple:
    sizes = [_whole(random, 2_000_000, 5_000_000)]
    for number in range(3 + case % 3):
        sizes.append(sizes[-1] // _whole(random, 2 + number % 2 * 3, 4 + number % 2 * 4))
    if case % 4 == 1:  # a step that makes the file larger, as a low-rank step at full rank does
        sizes.insert(2, sizes[1] * 5 // 4)
    if case % 4 == 3:  # one that changes nothing
        sizes.insert(2, sizes[1])
    return (sizes,)


@task(CHAPTER, draw=_sizes, observed=_listed)
def contributions(sizes):
    """Counted in bytes the first step always looks best: there was the most to take.

    In factors every step is judged by the same measure, wherever it stands in the recipe.
    """
    whole = math.log(sizes[0] / sizes[-1])
    return [math.log(a / b) / whole for a, b in pairwise(sizes)]


@contributions.mistake
def in_bytes(sizes):
    """From 100 bytes to 10, then from 10 to 1: does your first step do more than the second?

    You count bytes. Both steps of that example make the file ten times smaller, so they did
    equally much.

    What has equal lengths for equal factors? The chapter's picture of the stages does, and its
    axis says how.
    """
    whole = sizes[0] - sizes[-1]
    return [(a - b) / whole for a, b in pairwise(sizes)]


@contributions.mistake
def factors(sizes):
    """Do your shares add up to 1?

    These are the factors. They multiply to the factor of the whole recipe, but shares are to add
    up.

    Which function makes sums of products? Put the factors through it, then divide by what the
    whole recipe gives.
    """
    return [a / b for a, b in pairwise(sizes)]


@contributions.mistake
def factors_over_their_sum(sizes):
    """What is the share of a step that changes nothing?

    Your shares add up to 1, but a step that leaves the file as it is gets one above zero: its
    factor is 1, not 0.

    Factors multiply, so it makes no sense to add them. Turn the product into a sum first.
    """
    each = factors(sizes)
    return [factor / sum(each) for factor in each]


@contributions.mistake
def not_shares(sizes):
    """Nearly. Do your numbers add up to 1?

    The logarithms of the factors are lengths on the picture. Asked for is each length as a share of
    the whole way.

    What is the length of the whole way, from the first size to the last? Divide by that.
    """
    return [math.log(a / b) for a, b in pairwise(sizes)]


@contributions.mistake
def from_the_original_on(sizes):
    """Your last share is 1, always. What do the steps before it get?

    You measure each size from the original on. Then a step inherits what those before it did.

    Compare each size with the one just before it.
    """
    whole = math.log(sizes[0] / sizes[-1])
    return [math.log(sizes[0] / b) / whole for b in sizes[1:]]


@contributions.mistake
def what_each_removes(sizes):
    """Do your shares add up to 1?

    You say which part of its input each step removes. 90% and then 90% again are not 180%.

    What is left multiplies from step to step. Shares are to add up: what turns the one into the
    other?
    """
    return [1 - b / a for a, b in pairwise(sizes)]


@contributions.mistake
def upside_down(sizes):
    """What does a minus sign mean here?

    The sizes of your shares are right, their signs are not: a step that makes the file smaller
    gets a share above zero.

    One of your two fractions is upside down, or one of your differences turned around.
    """
    return [-share for share in contributions.right(sizes)]


@contributions.mistake
def in_percent(sizes):
    """What do your shares add up to?

    Asked for are shares that add up to 1.

    You return percent. A share of one half is 0.5.
    """
    return [100 * share for share in contributions.right(sizes)]


# 2. Words that need no list


def _huffman(counts: dict) -> dict:
    """The chapter's."""
    heap = [(count, n, {n: ""}) for n, count in counts.items()]
    heapq.heapify(heap)
    while len(heap) > 1:
        (a, n, rare), (b, _, next_rare) = heapq.heappop(heap), heapq.heappop(heap)
        joined = {k: "0" + word for k, word in rare.items()}
        joined |= {k: "1" + word for k, word in next_rare.items()}
        heapq.heappush(heap, (a + b, n, joined))
    return heap[0][2]


def _lengths(random: torch.Generator, case: int) -> tuple:
    if case == 3:
        return ({_whole(random, -7, 7): 1},)
    wanted = (
        [1, 3, 3, 3, 3],  # two longer at once
        [2, 2, 2, 3, 4, 4],
        [1, 2, 3, 4, 4],
        [1, 4, 4, 4, 4, 4, 4, 4, 4],  # three longer
        [2, 3, 3, 3, 3, 4, 4, 4, 4],
        [2, 2, 3, 3, 5, 5, 5, 5, 4, 4],
        [3] * 8,
    )[case % 7]
    numbers = _shuffled(random, list(range(-7, 8)))[: len(wanted)]
    if case % 2 == 0:  # never by chance in the order that is wanted
        numbers.sort(reverse=True)
    return (dict(_shuffled(random, list(zip(numbers, wanted, strict=True)))),)


def _counted(lengths: dict, order: list, shift=lambda code, more: (code + 1) << more) -> dict:
    """Words in this order, each from the one before."""
    code, before, words = 0, lengths[order[0]], {order[0]: "0" * lengths[order[0]]}
    for n in order[1:]:
        code = shift(code, lengths[n] - before)
        before = lengths[n]
        words[n] = f"{code:0{before}b}"
    return words


def _in_order(lengths: dict) -> list:
    return sorted(lengths, key=lambda n: (lengths[n], n))


@task(CHAPTER, draw=_lengths, observed=_in_words, cases=14)
def canonical(lengths):
    """A file need not store the words: their lengths say everything, a few bits for each number.

    Every zip file and every JPEG picture stores its Huffman code in this way.
    """
    return _counted(lengths, _in_order(lengths))


@canonical.mistake
def as_they_come(lengths):
    """Two files with the same lengths in another order: do they get the same words?

    The lengths are minded. Of numbers whose words are equally long you take first whatever stands
    first in the dictionary.

    Of equally long words, the smaller number gets the smaller one. Sort by two things.
    """
    return _counted(lengths, sorted(lengths, key=lambda n: lengths[n]))


@canonical.mistake
def larger_numbers_first(lengths):
    """Of two numbers with equally long words, which one comes first?

    The lengths are minded, but your numbers go down where they are to go up.

    Of equally long words, the smaller number gets the smaller one: -3 comes before 2.
    """
    return _counted(lengths, sorted(lengths, key=lambda n: (lengths[n], -n)))


@canonical.mistake
def signs_aside(lengths):
    """Which is smaller: -3, or 2?

    Of equally long words you sort the numbers without their signs.

    Sort the numbers as they are: all negative ones come before zero.
    """
    return _counted(lengths, sorted(lengths, key=lambda n: (lengths[n], abs(n))))


@canonical.mistake
def zeros_in_front(lengths):
    """Does one of your words begin another?

    Where the words get longer you fill up with zeros in front. So a short word and the start of a
    long one are the same: no decoder can tell.

    The zeros go behind. First the word after the last short one, then make it longer.
    """
    return _counted(lengths, _in_order(lengths), lambda code, more: code + 1)


@canonical.mistake
def one_zero_whatever_the_jump(lengths):
    """What comes after a word of one bit, if the next has three?

    Lengths may jump by more than one. You append a single zero each time they grow.

    As many zeros are appended as the word gets longer.
    """
    return _counted(lengths, _in_order(lengths), lambda code, more: (code + 1) << (more > 0))


@canonical.mistake
def longer_before_the_next(lengths):
    """Does one of your words begin another? Look where the length changes.

    You append zeros to the last word and then count on. What begins with the last short word is
    taken already.

    The other way round: first one further, then longer.
    """
    return _counted(lengths, _in_order(lengths), lambda code, more: (code << more) + 1)


@canonical.mistake
def without_leading_zeros(lengths):
    """Are all your words as long as was asked for?

    `bin` leaves leading zeros out. In a word they count: 001 is not 1.

    Fill the words up in front to their length.
    """
    return {n: f"{int(word, 2):b}" for n, word in canonical.right(lengths).items()}


@canonical.mistake
def whole_numbers(lengths):
    """How would you tell the words 01 and 001 apart, as you write them?

    You return integers. A word is text of 0 and 1, with all its leading zeros.

    Write each integer in binary, in as many places as its word is long.
    """
    return {n: int(word, 2) for n, word in canonical.right(lengths).items()}


@canonical.mistake
def ones_first(lengths):
    """That is a code one could use. Is it the one that was agreed on?

    Your words count down from ones. The first word consists of zeros.

    Swap 0 and 1: start at zero, and count up.
    """
    swap = str.maketrans("01", "10")
    return {n: word.translate(swap) for n, word in canonical.right(lengths).items()}


@canonical.mistake
def starts_at_one(lengths):
    """What is your first word?

    All of your words are one too far: you add one before there is any word to add it to.

    The first word is all zeros. From the second on, each is one further than the one before.
    """
    code, before, words = 0, 0, {}
    for n in _in_order(lengths):
        code = (code + 1) << (lengths[n] - before)
        before = lengths[n]
        words[n] = f"{code:0{before}b}"
    return words


@canonical.mistake
def lengths_taken_for_counts(lengths):
    """What comes in: how often a number occurs, or how long its word is?

    That is the chapter's Huffman code, which takes counts. The lengths are known here.

    No tree is wanted, and no heap: sort the numbers, then count through their words.
    """
    return _huffman(lengths)


# 3. Find the bugs: the way back


def _stream(random: torch.Generator, case: int) -> tuple:
    kind = case % 4
    if kind == 2:  # one number alone: its word has no letter, and there is nothing to store
        return [], {_whole(random, -3, 3): ""}, _whole(random, 3, 9)
    numbers = _shuffled(random, [-2, -1, 0, 1, 2, 3])[: 4 + case % 2]
    lengths = [1, 2, 3, 3] if len(numbers) == 4 else [1, 2, 3, 4, 4]
    words = canonical.right(dict(zip(numbers, lengths, strict=True)))
    frequent = numbers[0]  # its word is "0"
    drawn = torch.randint(len(numbers), (_whole(random, 12, 30),), generator=random).tolist()
    message = [frequent] * 2 + [numbers[i] for i in drawn] + [numbers[3], numbers[1], frequent]
    # Words without a gap: bits left over read as one more number, save where the bytes are full.
    left = {0: 5, 1: 0, 3: 2}[kind]
    while -sum(len(words[n]) for n in message) % 8 != left:
        message.insert(2, frequent)
    bits = "".join(words[n] for n in message) + "0" * left
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)], words, len(message)


def _read(bits: str, words: dict, most: float = math.inf) -> list:
    numbers = {word: n for n, word in words.items()}
    found: list = []
    word = ""
    for bit in bits:
        if len(found) >= most:
            break
        word += bit
        if word in numbers:
            found.append(numbers[word])
            word = ""
    return found


def _bits(packed: list) -> str:
    return "".join(f"{byte:08b}" for byte in packed)


def _alone(words: dict, count: int) -> list | None:
    return list(words) * count if len(words) == 1 else None


@task(CHAPTER, draw=_stream, observed=_listed, borrowed=("decode", "decode_symbol"))
def decoded(packed, words, count):
    """An encoder is as good as what its decoder gives back: always try the round trip.

    Try it with what hardly occurs, too: a layer that is all zeros, a last byte that is not full.
    """
    return _alone(words, count) or _read(_bits(packed), words, count)


@decoded.mistake
def one_number_alone_forgotten(packed, words, count):
    """Which words has a layer whose weights are all the same?

    If one number is all there is, its word is empty and nothing is stored. Still `count` numbers
    are to come back.

    In a loop over bits an empty word never turns up. Look at that case before the loop.
    """
    return _read(_bits(packed), words, count)


@decoded.mistake
def leading_zeros_lost(packed, words, count):
    """How many bits has a byte? Print those of the byte 5.

    `bin(5)` is `0b101`. The byte is 00000101, and its first zeros may be somebody's word.

    Each byte has eight bits, leading zeros among them. Two more mistakes show in what follows the
    last number, and with a layer whose weights are all the same.
    """
    bits = "".join(bin(byte)[2:] for byte in packed)
    return _alone(words, count) or _read(bits, words, count)


@decoded.mistake
def as_the_colleague_has_it(packed, words, count):
    """Pack three numbers by hand, and print what comes back. Which bits were lost on the way?

    There are three mistakes: in how a byte becomes bits, in when it stops, and with a layer whose
    weights are all the same.

    Begin with the bits: print those of the byte 5 and count them. Then print how many numbers came
    back, beside `count`.
    """
    return _read("".join(bin(byte)[2:] for byte in packed), words)


@decoded.mistake
def padding_read_as_numbers(packed, words, count):
    """How many numbers come back, and how many were asked for?

    The last byte is filled up with zeros, and zeros can be a word. What is beyond the last number
    means nothing.

    `count` says when it is enough.
    """
    return _alone(words, count) or _read(_bits(packed), words)


@decoded.mistake
def filled_up_behind(packed, words, count):
    """Eight bits a byte, good. At which end are the zeros missing?

    The number 5 is 101 in binary. As a byte it is 00000101, not 10100000.

    The missing zeros go in front.
    """
    bits = "".join(f"{byte:b}".ljust(8, "0") for byte in packed)
    return _alone(words, count) or _read(bits, words, count)


@decoded.mistake
def bits_backwards(packed, words, count):
    """In which order do the bits of a byte come?

    You read each byte from its last bit to its first.

    The first bit of the message is the one worth 128.
    """
    bits = "".join(f"{byte:08b}"[::-1] for byte in packed)
    return _alone(words, count) or _read(bits, words, count)


@decoded.mistake
def zeros_cut_off(packed, words, count):
    """Which zeros at the end are filling, and which are a number's word?

    You cut all zeros off at the end. A word that ends with zeros loses them, too.

    The bits do not say where the message ends. Another argument does.
    """
    return _alone(words, count) or _read(_bits(packed).rstrip("0"), words)


@decoded.mistake
def one_too_few(packed, words, count):
    """How many numbers come back, and how many were asked for?

    You stop one number early.

    Compare the numbers found so far with `count` once more: before or after the next is added?
    """
    return (_alone(words, count) or _read(_bits(packed), words, count))[:-1]


# 4. Prune half of it


def _saved() -> float:
    """By how many percent pruning half shrinks the coded weights, in 3 bits."""
    network = models.load_pretrained("leafnet_leaves")
    halved = weight_pruning.apply(network, weight_pruning.masks(network, 0.5))
    sizes = []
    for each in (network, halved):
        folded = quantization.fold_batch_norm(each)
        arrays = [q.integers.numpy() for q in quantization.integer_weights(folded, 3).values()]
        coded = coding.encode(arrays)
        sizes.append(len(coded.tables) + len(coded.codes))
    return 100 * (1 - sizes[1] / sizes[0])


my_saving = Prediction(
    CHAPTER,
    "my_saving",
    "By how many percent does pruning half of the weights shrink what is rounded to 3 bits?",
    low=0,
    high=100,
    measure=_saved,
    why="Most of what pruning takes, rounding sends to zero anyway. What two techniques save, each "
    "alone, cannot be multiplied: measure the chain.",
    unit="%",
)


# 5. No words at all


def _message(random: torch.Generator, case: int) -> tuple:
    numbers = _shuffled(random, [-2, -1, 1, 2])[: 2 + case % 2]
    numbers.insert(1, 0)
    if numbers == sorted(numbers):
        numbers.reverse()
    counts = [_whole(random, low, low + 2) for low in (4, 9, 6, 12)[: len(numbers)]]
    if case % 4 == 0:
        counts[1] = 18  # zeros above all
    message = [numbers[-1], numbers[0], 0, numbers[case % 2], 0][: 4 + case % 2]
    if case % 4 == 3:  # beginning with the first of the table: the low end stays for a while
        message[:2] = [numbers[0], numbers[-1]]
    return message, dict(zip(numbers, counts, strict=True))


def _low_and_width(result, *_inputs):
    low, high = result
    return float(low), float(high) - float(low)


def _parts(counts: dict) -> dict:
    """{number: (where its part begins, where it ends)}."""
    total, below, found = sum(counts.values()), 0, {}
    for n, count in counts.items():
        found[n] = below / total, (below + count) / total
        below += count
    return found


def _narrowed(numbers, parts: dict) -> tuple[float, float]:
    low, width = 0.0, 1.0
    for n in numbers:
        start, end = parts[n]
        low, width = low + width * start, width * (end - start)
    return low, low + width


@task(CHAPTER, draw=_message, observed=_low_and_width, tolerance=1e-3)
def interval(numbers, counts):
    """The width is the product of the probabilities, so its bits are the sum of log2(1/p).

    That is the entropy, with no rounding up to whole bits for each number: a frequent zero costs
    a small part of a bit.
    """
    return _narrowed(numbers, _parts(counts))


@interval.mistake
def starts_anew(numbers, counts):
    """Change the first of the numbers. Does your result change?

    Each number narrows the interval that the one before it left. Yours begins at 0 and 1 each time.

    The part of a number is a part *of the interval so far*, not of 0 to 1.
    """
    return _parts(counts)[numbers[-1]]


@interval.mistake
def the_next_ones_part(numbers, counts):
    """Where does the part of the table's very first number begin?

    The widths are right. Each of your parts begins where it should end.

    A part begins after all numbers that stand *before* it in the table: its own count is not among
    them yet.
    """
    parts = {n: (end, 2 * end - start) for n, (start, end) in _parts(counts).items()}
    return _narrowed(numbers, parts)


@interval.mistake
def low_moved_too_early(numbers, counts):
    """One number goes well. What is different from the second on?

    Both new ends are computed from both old ones. When you compute your second, is the first still
    the old one?

    Keep the old low end, or the old width, until both new ends are there.
    """
    low, high = 0.0, 1.0
    for n in numbers:
        start, end = _parts(counts)[n]
        low = low + (high - low) * start
        high = low + (high - low) * end
    return low, high


@interval.mistake
def width_shrunk_too_early(numbers, counts):
    """The width is right. What do you multiply by it, before or after it shrinks?

    The low end moves by a part of the *old* width. Yours has shrunk already.

    Two lines in the wrong order: move first, shrink then.
    """
    low, width = 0.0, 1.0
    for n in numbers:
        start, end = _parts(counts)[n]
        width *= end - start
        low += width * start
    return low, low + width


@interval.mistake
def low_not_scaled(numbers, counts):
    """Can your low end get beyond 1?

    The width shrinks, but the low end moves as if the interval still went from 0 to 1.

    Where a part begins is a share of the interval so far: of its width.
    """
    low, width = 0.0, 1.0
    for n in numbers:
        start, end = _parts(counts)[n]
        low, width = low + start, width * (end - start)
    return low, low + width


@interval.mistake
def from_the_last_one_on(numbers, counts):
    """Which number does a decoder find first?

    The width is right. You take the numbers from the last to the first.

    The first number chooses its part of 0 to 1, the second a part of that, and so on.
    """
    return _narrowed(list(numbers)[::-1], _parts(counts))


@interval.mistake
def table_sorted_by_number(numbers, counts):
    """In which order do the parts lie?

    The widths are right. You sorted the table by its numbers.

    The parts lie in the order of the table as it came in. Encoder and decoder must agree on it.
    """
    return _narrowed(numbers, _parts(dict(sorted(counts.items()))))


@interval.mistake
def table_sorted_by_count(numbers, counts):
    """In which order do the parts lie? What does `most_common` do to it?

    The widths are right. You sorted the table by how often its numbers occur.

    The parts lie in the order of the table as it came in. Encoder and decoder must agree on it.
    """
    return _narrowed(numbers, _parts(dict(Counter(counts).most_common())))


@interval.mistake
def equal_parts(numbers, counts):
    """How wide is the part of a frequent number, how wide that of a rare one?

    All your parts are equally wide: the counts play no role.

    The part of a number is its count among all counts of the table.
    """
    return _narrowed(numbers, _parts(dict.fromkeys(counts, 1)))


@interval.mistake
def counted_in_the_message(numbers, counts):
    """Where do your shares come from: the table, or the numbers themselves?

    You count the numbers of the message. The decoder does not have them yet.

    Encoder and decoder share the table: take the shares from there.
    """
    return _narrowed(numbers, _parts({n: list(numbers).count(n) for n in counts}))


@interval.mistake
def low_and_its_width(numbers, counts):
    """Is your second number larger than the first? What was it to be?

    You return where the interval begins and how wide it is.

    Asked for are both ends of the interval.
    """
    low, high = interval.right(numbers, counts)
    return low, high - low


# 6. A recipe

small_file = Budget(
    CHAPTER,
    "small_file",
    most_bytes=16_500,
    accuracy=0.955,
    test_accuracy=0.95,
    why="Pruning alone, rounding alone, training alone: none gets there. In the right order each "
    "leaves the next one something to do.",
    hints=(
        "What comes last in your recipe, and what could repair the damage that it does?",
        "Steps that damage come first, learning last. Then: which of your steps is the one that is "
        "too greedy? Undo half of it and look.",
        "Draw a table of bytes and accuracy, with one line for each try. Change one setting at a "
        "time, and spend the bytes that you have left. Small batches give a short training more "
        "steps.",
    ),
)
