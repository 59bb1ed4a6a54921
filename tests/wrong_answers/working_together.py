"""Exercise 07: what learners write. wrong_TASK_...: rejected, and its hint holds the docstring.

right_TASK_...: another way to do it, accepted.
"""

import dataclasses
import functools
import heapq
import itertools
import math
import tempfile
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from course_lib import data, engines, models, packing, recipe, students
from course_lib.deploy import entropy_coding

# contributions


def wrong_contributions_in_bytes(sizes):
    "in_bytes"
    sizes = np.array(sizes)
    return -np.diff(sizes) / (sizes[0] - sizes[-1])


def wrong_contributions_plain_factors(sizes):
    "factors"
    return [sizes[i] / sizes[i + 1] for i in range(len(sizes) - 1)]


def wrong_contributions_factors_made_to_add_up(sizes):
    "factors_over_their_sum"
    found = np.array(sizes[:-1]) / np.array(sizes[1:])
    return found / found.sum()


def wrong_contributions_logarithms(sizes):
    "not_shares"
    return -np.diff(np.log(sizes))


def wrong_contributions_each_from_the_original(sizes):
    "from_the_original_on"
    logs = np.log2(sizes)
    return (logs[0] - logs[1:]) / (logs[0] - logs[-1])


def wrong_contributions_percent_removed(sizes):
    "what_each_removes"
    return [(sizes[i] - sizes[i + 1]) / sizes[i] for i in range(len(sizes) - 1)]


def wrong_contributions_sign(sizes):
    "upside_down"
    logs = torch.tensor(sizes).double().log()
    return logs.diff() / (logs[0] - logs[-1])


def wrong_contributions_in_percent(sizes):
    "in_percent"
    logs = np.log(sizes)
    return 100 * np.diff(logs) / (logs[-1] - logs[0])


def wrong_contributions_in_place(sizes):
    "changed_its_input"
    for i, size in enumerate(sizes):
        sizes[i] = math.log(size)
    return [(sizes[i] - sizes[i + 1]) / (sizes[0] - sizes[-1]) for i in range(len(sizes) - 1)]


def wrong_contributions_hard_coded(sizes):
    "raised_ValueError"
    before, pruned, rounded, packed = sizes
    logs = [math.log(x / y) for x, y in ((before, pruned), (pruned, rounded), (rounded, packed))]
    return [each / sum(logs) for each in logs]


def right_contributions_with_numpy(sizes):
    logs = np.log10(np.array(sizes, dtype=np.float32))
    return np.diff(logs) / (logs[-1] - logs[0])


def right_contributions_in_a_loop(sizes):
    found = []
    for i in range(1, len(sizes)):
        found.append(math.log2(sizes[i - 1]) - math.log2(sizes[i]))
    return tuple(each / sum(found) for each in found)


def right_contributions_by_another_base(sizes):
    pairs = itertools.pairwise(sizes)
    return torch.tensor([-math.log(y / x, sizes[0] / sizes[-1]) for x, y in pairs])


# canonical


def wrong_canonical_order_of_the_dictionary(lengths):
    "as_they_come"
    words, code, before = {}, 0, 0
    for number, length in sorted(lengths.items(), key=lambda item: item[1]):
        code <<= length - before
        words[number] = bin(code)[2:].zfill(length)
        code, before = code + 1, length
    return words


def wrong_canonical_reversed_numbers(lengths):
    "larger_numbers_first"
    code, words, last = 0, {}, None
    for number in sorted(sorted(lengths, reverse=True), key=lengths.get):
        if last is not None:
            code = (code + 1) * 2 ** (lengths[number] - lengths[last])
        words[number] = format(code, "b").zfill(lengths[number])
        last = number
    return words


def wrong_canonical_by_magnitude(lengths):
    "signs_aside"
    code, words, before = -1, {}, 0
    for number in sorted(lengths, key=lambda n: (lengths[n], abs(n))):
        code = (code + 1) << (lengths[number] - before)
        before = lengths[number]
        words[number] = f"{code:0{before}b}"
    return words


def wrong_canonical_fills_in_front(lengths):
    "zeros_in_front"
    ordered = sorted(lengths.items(), key=lambda item: (item[1], item[0]))
    return {number: f"{i:b}".zfill(length) for i, (number, length) in enumerate(ordered)}


def wrong_canonical_one_zero(lengths):
    "one_zero_whatever_the_jump"
    word, words, before = "", {}, 0
    for length, number in sorted((v, k) for k, v in lengths.items()):
        if not words:
            word = "0" * length
        else:
            after = bin(int(word, 2) + 1)[2:].zfill(len(word))
            word = after + "0" if length > before else after
            word = word.zfill(length)
        before = length
        words[number] = word
    return words


def wrong_canonical_longer_first(lengths):
    "longer_before_the_next"
    word, words = "", {}
    for length, number in sorted((v, k) for k, v in lengths.items()):
        word = word.ljust(length, "0")
        if words:
            word = bin(int(word, 2) + 1)[2:].zfill(length)
        words[number] = word
    return words


def wrong_canonical_bin(lengths):
    "without_leading_zeros"
    code, words, before = 0, {}, 0
    for length, number in sorted((v, k) for k, v in lengths.items()):
        code <<= length - before
        words[number], before = bin(code)[2:], length
        code += 1
    return words


def wrong_canonical_integers(lengths):
    "whole_numbers"
    code, words, before = 0, {}, 0
    for length, number in sorted((v, k) for k, v in lengths.items()):
        code <<= length - before
        words[number], before = code, length
        code += 1
    return words


def wrong_canonical_huffman_of_the_chapter(lengths):
    "lengths_taken_for_counts"
    heap = [(count, n, {n: ""}) for n, count in lengths.items()]
    heapq.heapify(heap)
    while len(heap) > 1:
        (a, n, rare), (b, _, next_rare) = heapq.heappop(heap), heapq.heappop(heap)
        joined = {k: "0" + word for k, word in rare.items()}
        joined |= {k: "1" + word for k, word in next_rare.items()}
        heapq.heappush(heap, (a + b, n, joined))
    return heap[0][2]


def wrong_canonical_begins_with_one(lengths):
    "starts_at_one"
    words, last = {}, 0
    code = 0
    for number in sorted(lengths, key=lambda n: (lengths[n], n)):
        code = (code + 1) * 2 ** (lengths[number] - last)
        last = lengths[number]
        words[number] = format(code, "b").zfill(last)
    return words


def wrong_canonical_sorted_by_number_alone(lengths):
    "raised_ValueError"
    code, words, before = 0, {}, 0
    for number in sorted(lengths):
        code <<= lengths[number] - before
        words[number] = f"{code:0{lengths[number]}b}"
        code, before = code + 1, lengths[number]
    return words


def wrong_canonical_empties_the_dictionary(lengths):
    "changed_its_input"
    code, words, before = 0, {}, 0
    while lengths:
        number = min(lengths, key=lambda n: (lengths[n], n))
        length = lengths.pop(number)
        code <<= length - before
        words[number] = f"{code:0{length}b}"
        code, before = code + 1, length
    return words


def wrong_canonical_a_list(lengths):
    "cannot_be_used"
    code, words, before = 0, [], 0
    for length, _ in sorted((v, k) for k, v in lengths.items()):
        code <<= length - before
        words.append(f"{code:0{length}b}")
        code, before = code + 1, length
    return words


def right_canonical_on_text(lengths):
    words, word = {}, None
    for number in sorted(lengths, key=lambda n: (lengths[n], n)):
        if word is None:
            word = ""
        else:  # add one by hand
            head = word.rstrip("1")
            word = head[:-1] + "1" + "0" * (len(word) - len(head))
        word += "0" * (lengths[number] - len(word))
        words[number] = word
    return words


def right_canonical_with_numpy(lengths):
    numbers, long = np.array(list(lengths)), np.array(list(lengths.values()))
    order = np.lexsort((numbers, long))
    # Each word begins where the shares of those before it end: a sum of 2**-length.
    starts = np.concatenate([[0], np.cumsum(2.0 ** -long[order])[:-1]])
    return {
        numbers[i]: np.binary_repr(int(start * 2 ** long[i]), long[i])
        for i, start in zip(order, starts, strict=True)
    }


def right_canonical_length_by_length(lengths):
    code, words = 0, {}
    for length in range(1, max(lengths.values()) + 1):
        code *= 2
        for number in sorted(n for n in lengths if lengths[n] == length):
            words[number] = f"{code:b}".rjust(length, "0")
            code += 1
    return words


# decoded


def wrong_decoded_as_it_was(packed, words, count):
    "as_the_colleague_has_it"
    numbers = {word: number for number, word in words.items()}
    bits = "".join(bin(byte)[2:] for byte in packed)
    found, word = [], ""
    for bit in bits:
        word += bit
        if word in numbers:
            found.append(numbers[word])
            word = ""
    return found


def wrong_decoded_only_stops(packed, words, count):
    "leading_zeros_lost"
    numbers = {word: number for number, word in words.items()}
    bits = "".join(bin(byte)[2:] for byte in packed)
    found, word = [], ""
    for bit in bits:
        word += bit
        if word in numbers:
            found.append(numbers[word])
            word = ""
        if len(found) == count:
            break
    return found or list(words) * count


def wrong_decoded_only_eight_bits(packed, words, count):
    "padding_read_as_numbers"
    numbers = {word: number for number, word in words.items()}
    found, word = [], ""
    for byte in packed:
        for bit in format(byte, "08b"):
            word += bit
            if word in numbers:
                found.append(numbers[word])
                word = ""
    return found


def wrong_decoded_without_the_empty_word(packed, words, count):
    "one_number_alone_forgotten"
    numbers = {word: number for number, word in words.items()}
    found, word = [], ""
    for byte in packed:
        for place in range(7, -1, -1):
            word += str(byte >> place & 1)
            if word in numbers and len(found) < count:
                found.append(numbers[word])
                word = ""
    return found


def wrong_decoded_zeros_behind(packed, words, count):
    "filled_up_behind"
    numbers = {word: number for number, word in words.items()}
    found, word = [], ""
    for bit in "".join(f"{bin(byte)[2:]:0<8}" for byte in packed):
        word += bit
        if word in numbers:
            found.append(numbers[word])
            word = ""
    return found[:count]


def wrong_decoded_lowest_bit_first(packed, words, count):
    "bits_backwards"
    if len(words) == 1:
        return [*words] * count
    numbers = {word: number for number, word in words.items()}
    found, word = [], ""
    for byte in packed:
        for place in range(8):
            word += str((byte >> place) & 1)
            if word in numbers:
                found.append(numbers[word])
                word = ""
    return found[:count]


def wrong_decoded_strips_the_padding(packed, words, count):
    "zeros_cut_off"
    numbers = {word: number for number, word in words.items()}
    found, word = [], ""
    for bit in "".join(f"{byte:08b}" for byte in packed).rstrip("0"):
        word += bit
        if word in numbers:
            found.append(numbers[word])
            word = ""
    return found if "" not in numbers else [numbers[""]] * count


def wrong_decoded_one_early(packed, words, count):
    "one_too_few"
    numbers = {word: number for number, word in words.items()}
    bits = "".join(f"{byte:08b}" for byte in packed)
    if len(words) == 1:
        return list(words) * count
    found, word = [], ""
    for bit in bits:
        word += bit
        if word in numbers:
            if len(found) == count - 1:
                break
            found.append(numbers[word])
            word = ""
    return found


def wrong_decoded_by_the_library(packed, words, count):
    "borrowed"
    coded = entropy_coding.Coded(b"", bytes(packed))
    return entropy_coding.decode(coded, [(np.dtype(np.int8), count)])[0]


def wrong_decoded_eats_the_bytes(packed, words, count):
    "changed_its_input"
    numbers = {word: number for number, word in words.items()}
    if len(words) == 1:
        return list(words) * count
    found, word = [], ""
    while packed:
        for bit in f"{packed.pop(0):08b}":
            word += bit
            if word in numbers:
                found.append(numbers[word])
                word = ""
    return found[:count]


def wrong_decoded_as_words(packed, words, count):
    "cannot_be_used"
    found, word = [], ""
    for bit in "".join(f"{byte:08b}" for byte in packed):
        word += bit
        if word in words.values():
            found.append(word)
            word = ""
    return found[:count] or [""] * count


def wrong_decoded_never_ends(packed, words, count):
    "raised_IndexError"
    bits = "".join(f"{byte:08b}" for byte in packed)
    found, at = [], 0
    for _ in range(count):
        word = bits[at]
        while word not in words.values():
            at += 1
            word += bits[at]
        at += 1
        found += [number for number in words if words[number] == word]
    return found


def right_decoded_with_unpackbits(packed, words, count):
    bits = "".join(map(str, np.unpackbits(np.array(packed, dtype=np.uint8))))
    found = np.zeros(count)
    for i in range(count):
        for number, word in words.items():
            if bits.startswith(word):
                found[i], bits = number, bits[len(word) :]
                break
    return found


def right_decoded_by_one_large_integer(packed, words, count):
    whole, places = int.from_bytes(bytes(packed), "big"), 8 * len(packed)
    numbers = {(len(word), int(word or "0", 2)): number for number, word in words.items()}
    found, length = [], 0
    while len(found) < count:
        key = length, (whole >> (places - length)) & (2**length - 1)
        if key in numbers:
            found.append(numbers[key])
            places, length = places - length, 0
        else:
            length += 1
    return torch.tensor(found)


# interval


def wrong_interval_each_alone(numbers, counts):
    "starts_anew"
    total = sum(counts.values())
    for number in numbers:
        low = 0
        for other, count in counts.items():
            if other == number:
                high = low + count / total
                break
            low += count / total
    return low, high


def wrong_interval_one_part_too_far(numbers, counts):
    "the_next_ones_part"
    total, above, sums = sum(counts.values()), 0, {}
    for number, count in counts.items():
        above += count
        sums[number] = above
    low, width = 0, 1
    for number in numbers:
        low += width * sums[number] / total
        width *= counts[number] / total
    return low, low + width


def _starts(counts):
    values = np.array(list(counts.values()), dtype=float)
    ends = np.cumsum(values) / values.sum()
    return dict(zip(counts, zip(ends - values / values.sum(), ends, strict=True), strict=True))


def wrong_interval_new_low_in_high(numbers, counts):
    "low_moved_too_early"
    low, high = 0.0, 1.0
    for number in numbers:
        start, end = _starts(counts)[number]
        low += start * (high - low)
        high = low + end * (high - low)
    return low, high


def wrong_interval_shrinks_first(numbers, counts):
    "width_shrunk_too_early"
    low, width = 0.0, 1.0
    for number in numbers:
        start, end = _starts(counts)[number]
        width = width * (end - start)
        low = low + start * width
    return low, low + width


def wrong_interval_adds_the_starts(numbers, counts):
    "low_not_scaled"
    low, width = 0.0, 1.0
    for number in numbers:
        start, end = _starts(counts)[number]
        low += start
        width *= end - start
    return [low, low + width]


def wrong_interval_reversed(numbers, counts):
    "from_the_last_one_on"
    low, width = 0.0, 1.0
    for number in reversed(numbers):
        start, end = _starts(counts)[number]
        low, width = low + start * width, width * (end - start)
    return low, low + width


def wrong_interval_sorted_table(numbers, counts):
    "table_sorted_by_number"
    total = sum(counts.values())
    low, high = 0.0, 1.0
    for number in numbers:
        below = sum(count for other, count in counts.items() if other < number)
        width = high - low
        low, high = (low + width * below / total, low + width * (below + counts[number]) / total)
    return low, high


def wrong_interval_most_common(numbers, counts):
    "table_sorted_by_count"
    table, low, width = Counter(counts).most_common(), 0.0, 1.0
    for number in numbers:
        below = 0
        for other, count in table:
            if other == number:
                low += width * below / sum(counts.values())
                width *= count / sum(counts.values())
                break
            below += count
    return low, low + width


def wrong_interval_without_counts(numbers, counts):
    "equal_parts"
    low, width, order = 0.0, 1.0, list(counts)
    for number in numbers:
        width /= len(order)
        low += width * order.index(number)
    return low, low + width


def wrong_interval_counts_the_message(numbers, counts):
    "counted_in_the_message"
    table = {number: numbers.count(number) for number in counts}
    low, width = 0.0, 1.0
    for number in numbers:
        start, end = _starts(table)[number]
        low, width = low + start * width, width * (end - start)
    return low, low + width


def wrong_interval_low_and_width(numbers, counts):
    "low_and_its_width"
    low, width = 0.0, 1.0
    for number in numbers:
        start, end = _starts(counts)[number]
        low, width = low + start * width, width * (end - start)
    return low, width


def wrong_interval_width_alone(numbers, counts):
    "cannot_be_used"
    return math.prod(counts[number] / sum(counts.values()) for number in numbers)


def wrong_interval_counts_made_shares_in_place(numbers, counts):
    "changed_its_input"
    total = sum(counts.values())
    for number in counts:
        counts[number] /= total
    low, width = 0.0, 1.0
    for number in numbers:
        start, end = _starts(counts)[number]
        low, width = low + start * width, width * (end - start)
    return low, low + width


def right_interval_in_fractions(numbers, counts):
    total, low, high = sum(counts.values()), Fraction(0), Fraction(1)
    for number in numbers:
        before = list(counts)[: list(counts).index(number)]
        start = Fraction(sum(counts[other] for other in before), total)
        end = start + Fraction(counts[number], total)
        low, high = low + (high - low) * start, low + (high - low) * end
    return low, high


def right_interval_in_float32(numbers, counts):
    shares = torch.tensor(list(counts.values())).float()
    ends = (shares / shares.sum()).cumsum(0)
    ends = torch.cat([torch.zeros(1), ends])
    edges = torch.tensor([0.0, 1.0])
    for number in numbers:
        at = list(counts).index(number)
        edges = edges[0] + (edges[1] - edges[0]) * ends[at : at + 2]
    return edges


def right_interval_from_within(numbers, counts):
    low, high = 0.0, 1.0
    for number in list(numbers)[::-1]:  # the last interval, put into the part of the one before
        start, end = _starts(counts)[number]
        low, high = start + low * (end - start), start + high * (end - start)
    return np.array([low, high])


# my_saving

wrong_my_saving_as_text = "50%"
wrong_my_saving_more_than_all = 120
wrong_my_saving_negative = -3
wrong_my_saving_nan = float("nan")
wrong_my_saving_a_range = (10, 20)
right_my_saving_half = 50
right_my_saving_an_integer_of_numpy = np.int64(8)


# small_file: what the learner's cell leaves in the folder


@functools.cache
def _cooked(*steps):
    images = data.load("leaves")
    few = dataclasses.replace(images, train=images.train.first(2000))
    student = students.student(images, "distilled")
    with tempfile.TemporaryDirectory() as folder:
        lesson = recipe.Lesson(few, student, Path(folder), progress=False)
        packed = recipe.states([*steps, recipe.Pack()], lesson)[-1].packed
    return packed


def _cook(folder, *steps):
    return packing.write(folder / "07_working_together.packed", _cooked(*steps))


LEARNING = recipe.Distil(images=4000, batch_size=64, learning_rate=0.02)


def wrong_small_file_rounded_to_four_bits(folder):
    "too_large"
    return _cook(folder, recipe.Quantize(4))


def wrong_small_file_rounded_and_taught(folder):
    "too_large"
    return _cook(folder, recipe.Quantize(3), LEARNING)


def wrong_small_file_rounded_last(folder):
    "not_right_often_enough"
    return _cook(folder, recipe.PruneNeurons(0.85), LEARNING, recipe.Quantize(3))


def wrong_small_file_too_greedy(folder):
    "not_right_often_enough"
    return _cook(folder, recipe.PruneWeights(0.85), recipe.Quantize(3), LEARNING)


def wrong_small_file_never_taught(folder):
    "not_right_often_enough"
    return _cook(folder, recipe.PruneNeurons(0.7), recipe.Quantize(4))


def wrong_small_file_not_packed(folder):
    "cannot_be_used"
    path = folder / "07_working_together.packed"
    network = models.LeafNet((4, 4, 8, 8, 8, 8)).eval()
    path.write_bytes(engines.onnx(network, (3, 64, 64)).content[:16_000])
    return path


def right_small_file_channels_go(folder):
    return _cook(folder, recipe.PruneNeurons(0.85), recipe.Quantize(3), LEARNING)


def right_small_file_weights_go(folder):
    return _cook(folder, recipe.PruneWeights(0.67), recipe.Quantize(3), LEARNING)
