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


def wrong_contributions_of_what_was_left(sizes):
    """what_is_left"""
    return [b / a for a, b in itertools.pairwise(sizes)]


def wrong_contributions_savings_made_to_add_up(sizes):
    """removed_over_their_sum"""
    each = [1 - b / a for a, b in itertools.pairwise(sizes)]
    return [x / sum(each) for x in each]


def wrong_contributions_of_the_original(sizes):
    """in_bytes_of_the_original"""
    return [(a - b) / sizes[0] for a, b in itertools.pairwise(sizes)]


def wrong_contributions_logs_of_sizes_over_sum(sizes):
    """logarithms_of_the_sizes"""
    logs = [math.log(s) for s in sizes[1:]]
    return [each / sum(logs) for each in logs]


def wrong_contributions_abs(sizes):
    """all_steps_forward"""
    logs = np.abs(np.diff(np.log(sizes)))
    return logs / logs.sum()


def wrong_contributions_clamped(sizes):
    """no_step_back"""
    logs = -np.diff(np.log(sizes))
    logs = np.maximum(logs, 0)
    return logs / logs.sum()


def wrong_contributions_ratio_over_total_factor(sizes):
    """factors_of_the_whole_factor"""
    return [a / b / (sizes[0] / sizes[-1]) for a, b in itertools.pairwise(sizes)]


def wrong_contributions_with_leading_zero(sizes):
    """one_for_the_original"""
    logs = np.log(sizes)
    return np.concatenate([[0], -np.diff(logs)]) / (logs[0] - logs[-1])


def wrong_contributions_divided_by_log_of_the_original(sizes):
    """over_the_originals_logarithm"""
    return [math.log(a / b) / math.log(sizes[0]) for a, b in itertools.pairwise(sizes)]


def wrong_contributions_cumulative(sizes):
    """from_the_original_on"""
    logs = np.log(sizes)
    return np.cumsum(-np.diff(logs)) / (logs[0] - logs[-1])


def wrong_contributions_backwards(sizes):
    """other"""
    logs = np.log(sizes)
    return (np.diff(logs) / (logs[-1] - logs[0]))[::-1].copy()


def right_contributions_torch_diff(sizes):
    logs = torch.log2(torch.tensor(sizes, dtype=torch.float32))
    return -torch.diff(logs) / (logs[0] - logs[-1])


def right_contributions_math_log_ratio_list(sizes):
    total = math.log10(sizes[0] / sizes[-1])
    return np.array([math.log10(sizes[i] / sizes[i + 1]) / total for i in range(len(sizes) - 1)])


def right_contributions_ratio_arrays(sizes):
    s = np.asarray(sizes, dtype=float)
    return np.log(s[:-1] / s[1:]) / np.log(s[0] / s[-1])


def right_contributions_softened(sizes):
    logs = [math.log1p(s - 1) for s in sizes]
    return [(a - b) / (logs[0] - logs[-1]) for a, b in itertools.pairwise(logs)]


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


def wrong_canonical_anew_for_each_length(lengths):
    """anew_for_each_length"""
    words = {}
    for L in sorted(set(lengths.values())):
        for i, n in enumerate(sorted(n for n in lengths if lengths[n] == L)):
            words[n] = f"{i:0{L}b}"
    return words


def wrong_canonical_longest_first(lengths):
    """longest_first"""
    words, code, before = ({}, -1, None)
    for n in sorted(lengths, key=lambda n: (-lengths[n], n)):
        code = code + 1
        if before is not None and lengths[n] < before:
            code >>= before - lengths[n]
        before = lengths[n]
        words[n] = f"{code:0{before}b}"
    return words


def wrong_canonical_forgets_plus_one_on_change(lengths):
    """longer_without_the_next"""
    words, code, before = ({}, 0, None)
    for n in sorted(lengths, key=lambda n: (lengths[n], n)):
        L = lengths[n]
        if before is None:
            code = 0
        elif before < L:
            code <<= L - before
        else:
            code += 1
        words[n] = f"{code:0{L}b}"
        before = L
    return words


def wrong_canonical_zeros_appended_to_count_without_shift_one_appended(lengths):
    """ones_appended"""
    words, code, before = ({}, -1, 0)
    for n in sorted(lengths, key=lambda n: (lengths[n], n)):
        L = lengths[n]
        code = code + 1
        d = L - before if words else L
        code = code << d | (1 << d) - 1 if words else 0
        words[n] = f"{code:0{L}b}"
        before = L
    return words


def wrong_canonical_swapped_dict(lengths):
    """words_for_keys"""
    words, code, before = ({}, -1, 0)
    for n in sorted(lengths, key=lambda n: (lengths[n], n)):
        code = code + 1 << lengths[n] - before
        before = lengths[n]
        words[f"{code:0{before}b}"] = n
    return words


def wrong_canonical_sorted_by_number_first(lengths):
    """by_the_numbers_alone"""
    words, _code = ({}, 0)
    for i, n in enumerate(sorted(lengths)):
        words[n] = f"{i:b}".zfill(lengths[n])[: lengths[n]]
    return words


def wrong_canonical_as_text_sorted(lengths):
    """numbers_as_text"""
    words, code, before = ({}, -1, 0)
    for n in sorted(lengths, key=lambda n: (lengths[n], str(n))):
        code = code + 1 << lengths[n] - before
        before = lengths[n]
        words[n] = f"{code:0{before}b}"
    return words


def wrong_canonical_with_0b(lengths):
    """its_prefix_left"""
    words, code, before = ({}, -1, 0)
    for n in sorted(lengths, key=lambda n: (lengths[n], n)):
        code = code + 1 << lengths[n] - before
        before = lengths[n]
        words[n] = bin(code)
    return words


def wrong_canonical_reversed_bits(lengths):
    """words_backwards"""
    words, code, before = ({}, -1, 0)
    for n in sorted(lengths, key=lambda n: (lengths[n], n)):
        code = code + 1 << lengths[n] - before
        before = lengths[n]
        words[n] = f"{code:0{before}b}"[::-1]
    return words


def wrong_canonical_unary(lengths):
    """one_word_a_length"""
    return {n: "1" * (lengths[n] - 1) + "0" for n in lengths}


def wrong_canonical_padded_behind(lengths):
    """filled_up_behind"""
    words, code, before = ({}, -1, 0)
    for n in sorted(lengths, key=lambda n: (lengths[n], n)):
        code = code + 1 << lengths[n] - before
        before = lengths[n]
        words[n] = f"{code:b}".ljust(before, "0")
    return words


def wrong_canonical_lists(lengths):
    """lists_of_bits"""
    words, code, before = ({}, -1, 0)
    for n in sorted(lengths, key=lambda n: (lengths[n], n)):
        code = code + 1 << lengths[n] - before
        before = lengths[n]
        words[n] = [int(b) for b in f"{code:0{before}b}"]
    return words


def right_canonical_kraft(lengths):
    at, words = (Fraction(0), {})
    for L, n in sorted(((L, n) for n, L in lengths.items())):
        words[n] = format(int(at * 2**L), f"0{L}b")
        at += Fraction(1, 2**L)
    return words


def right_canonical_deflate(lengths):
    count = Counter(lengths.values())
    code = 0
    nxt = {}
    for b in range(1, max(lengths.values()) + 1):
        code = code + count.get(b - 1, 0) << 1
        nxt[b] = code
    words = {}
    for n in sorted(lengths):
        L = lengths[n]
        words[n] = bin(nxt[L])[2:].zfill(L)
        nxt[L] += 1
    return words


def right_canonical_product(lengths):
    taken, words = ([], {})
    for n in sorted(lengths, key=lambda n: (lengths[n], n)):
        for bits in itertools.product("01", repeat=lengths[n]):
            w = "".join(bits)
            if not any(w.startswith(t) for t in taken):
                taken.append(w)
                words[n] = w
                break
    return words


def right_canonical_numpy_ints(lengths):
    keys = sorted(lengths.items(), key=lambda kv: kv[::-1])
    code, prev, out = (0, keys[0][1], {})
    for i, (n, L) in enumerate(keys):
        if i:
            code = code + 1 << L - prev
        out[np.int64(n)] = np.binary_repr(code, width=L)
        prev = L
    return out


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


def _bits(packed):
    return "".join(f"{b:08b}" for b in packed)


def wrong_decoded_skips_the_first_bit(packed, words, count):
    """from_the_second_bit_on"""
    if len(words) == 1:
        return list(words) * count
    rev = {w: n for n, w in words.items()}
    out, w = ([], "")
    for bit in _bits(packed)[1:]:
        w += bit
        if w in rev:
            out.append(rev[w])
            w = ""
    return (out + [0] * count)[:count]


def wrong_decoded_seven_bits(packed, words, count):
    """seven_bits"""
    if len(words) == 1:
        return list(words) * count
    rev = {w: n for n, w in words.items()}
    out, w = ([], "")
    for byte in packed:
        for bit in f"{byte:07b}":
            w += bit
            if w in rev:
                out.append(rev[w])
                w = ""
    return out[:count]


def wrong_decoded_word_restarts_at_each_byte(packed, words, count):
    """anew_in_each_byte"""
    if len(words) == 1:
        return list(words) * count
    rev = {w: n for n, w in words.items()}
    out = []
    for byte in packed:
        w = ""
        for bit in f"{byte:08b}":
            w += bit
            if w in rev:
                out.append(rev[w])
                w = ""
    return out[:count]


def wrong_decoded_count_as_bytes(packed, words, count):
    """a_number_a_byte"""
    rev = {int(w or "0", 2): n for n, w in words.items()}
    return [rev.get(b, 0) for b in packed][:count]


def wrong_decoded_never_resets(packed, words, count):
    """word_never_emptied"""
    if len(words) == 1:
        return list(words) * count
    rev = {w: n for n, w in words.items()}
    out, w = ([], "")
    for bit in _bits(packed):
        w += bit
        if w in rev:
            out.append(rev[w])
    return out[:count]


def wrong_decoded_little_end(packed, words, count):
    """bytes_backwards"""
    if len(words) == 1:
        return list(words) * count
    rev = {w: n for n, w in words.items()}
    out, w = ([], "")
    for bit in _bits(packed[::-1]):
        w += bit
        if w in rev:
            out.append(rev[w])
            w = ""
    return out[:count]


def wrong_decoded_empty_returns_one(packed, words, count):
    """one_number_alone_once"""
    if len(words) == 1:
        return list(words)
    rev = {w: n for n, w in words.items()}
    out, w = ([], "")
    for bit in _bits(packed):
        w += bit
        if w in rev:
            out.append(rev[w])
            w = ""
    return out[:count]


def wrong_decoded_empty_returns_zeros(packed, words, count):
    """one_number_alone_is_not_always_zero"""
    if not packed:
        return [0] * count
    rev = {w: n for n, w in words.items()}
    out, w = ([], "")
    for bit in _bits(packed):
        w += bit
        if w in rev:
            out.append(rev[w])
            w = ""
    return out[:count]


def wrong_decoded_one_too_many(packed, words, count):
    """one_too_many"""
    if len(words) == 1:
        return list(words) * count
    rev = {w: n for n, w in words.items()}
    out, w = ([], "")
    for bit in _bits(packed):
        if len(out) > count:
            break
        w += bit
        if w in rev:
            out.append(rev[w])
            w = ""
    return out


def wrong_decoded_longest_word_first(packed, words, count):
    """one_bit_for_each_number"""
    if len(words) == 1:
        return list(words) * count
    bits, out = (_bits(packed), [])
    while len(out) < count and bits:
        for n, w in words.items():
            if bits.startswith(w):
                out.append(n)
                bits = bits[1:]
                break
        else:
            break
    return out


def wrong_decoded_zfill_on_the_whole(packed, words, count):
    """filled_up_as_a_whole"""
    if len(words) == 1:
        return list(words) * count
    rev = {w: n for n, w in words.items()}
    bits = "".join(bin(b)[2:] for b in packed).zfill(8 * len(packed))
    out, w = ([], "")
    for bit in bits:
        w += bit
        if w in rev:
            out.append(rev[w])
            w = ""
    return out[:count]


def wrong_decoded_empty_word_inside_loop(packed, words, count):
    """one_number_alone_forgotten"""
    rev = {w: n for n, w in words.items()}
    out, w = ([], "")
    for bit in _bits(packed):
        w += bit
        if w in rev:
            out.append(rev[w])
            w = ""
        if len(out) >= count:
            return out
    return out


def wrong_decoded_bits_only_fixed_and_lone(packed, words, count):
    """last_byte_left_out"""
    if len(words) == 1:
        return list(words) * count
    rev = {w: n for n, w in words.items()}
    out, w = ([], "")
    for bit in _bits(packed[:-1]):
        w += bit
        if w in rev:
            out.append(rev[w])
            w = ""
    return out[:count]


def right_decoded_np_unpackbits_iter(packed, words, count):
    rev = {w: n for n, w in words.items()}
    if "" in rev:
        return np.full(count, rev[""])
    it = iter(np.unpackbits(np.array(packed, np.uint8)).astype(str))
    out = []
    while len(out) < count:
        w = ""
        while w not in rev:
            w += next(it)
        out.append(rev[w])
    return np.array(out)


def right_decoded_tree(packed, words, count):
    root = {}
    for n, w in words.items():
        node = root
        for c in w:
            node = node.setdefault(c, {})
        node["n"] = n
    bits = iter("".join(format(b, "08b") for b in packed))
    out = []
    for _ in range(count):
        node = root
        while "n" not in node:
            node = node[next(bits)]
        out.append(node["n"])
    return out


def right_decoded_shift(packed, words, count):
    rev = {(len(w), int(w, 2) if w else 0): n for n, w in words.items()}
    if (0, 0) in rev:
        return tuple([rev[0, 0]] * count)
    out, v, L = ([], 0, 0)
    for b in packed:
        for i in reversed(range(8)):
            v, L = (v << 1 | b >> i & 1, L + 1)
            if (L, v) in rev:
                out.append(rev[L, v])
                v = L = 0
                if len(out) == count:
                    return tuple(out)


def right_decoded_regex(packed, words, count):
    import re

    bits = "".join(bin(b)[2:].rjust(8, "0") for b in packed)
    if len(words) == 1:
        return [next(iter(words)) for _ in range(count)]
    rev = {w: n for n, w in words.items()}
    return torch.tensor([rev[m] for m in re.findall("|".join(words.values()), bits)][:count])


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


def _st(counts):
    t = sum(counts.values())
    acc = 0
    out = {}
    for k, c in counts.items():
        out[k] = (acc / t, c / t)
        acc += c
    return out


def wrong_interval_percentages_not_normalised(numbers, counts):
    """counts_for_shares"""
    low, w = (0.0, 1.0)
    acc = {}
    a = 0
    for k, c in counts.items():
        acc[k] = a
        a += c
    for n in numbers:
        low += w * acc[n]
        w *= counts[n]
    return (low, low + w)


def wrong_interval_high_minus(numbers, counts):
    """from_the_high_end_down"""
    s = _st(counts)
    low, w = (0.0, 1.0)
    for n in numbers:
        st, p = s[n]
        low, w = (low + w * (1 - st - p), w * p)
    return (low, low + w)


def wrong_interval_counts_used_up(numbers, counts):
    """counts_used_up"""
    c = dict(counts)
    low, w = (0.0, 1.0)
    for n in numbers:
        s = _st(c)
        st, p = s[n]
        low, w = (low + w * st, w * p)
        c[n] -= 1
    return (low, low + w)


def wrong_interval_adaptive_up(numbers, counts):
    """counts_that_grow"""
    c = dict(counts)
    low, w = (0.0, 1.0)
    for n in numbers:
        st, p = _st(c)[n]
        low, w = (low + w * st, w * p)
        c[n] += 1
    return (low, low + w)


def wrong_interval_not_narrowed_high(numbers, counts):
    """high_moved_too_early"""
    s = _st(counts)
    low, high = (0.0, 1.0)
    for n in numbers:
        st, p = s[n]
        high = low + (high - low) * (st + p)
        low = low + (high - low) * st
    return (low, high)


def wrong_interval_width_from_zero(numbers, counts):
    """begins_at_zero"""
    t = sum(counts.values())
    w = 1.0
    for n in numbers:
        w *= counts[n] / t
    return (0.0, w)


def wrong_interval_middle(numbers, counts):
    """a_single_place"""
    s = _st(counts)
    low, w = (0.0, 1.0)
    for n in numbers:
        st, p = s[n]
        low, w = (low + w * st, w * p)
    return (low + w / 2, low + w / 2)


def wrong_interval_part_index_by_value(numbers, counts):
    """all_before_it_as_wide"""
    t = sum(counts.values())
    low, w = (0.0, 1.0)
    keys = list(counts)
    for n in numbers:
        low += w * keys.index(n) * counts[n] / t
        w *= counts[n] / t
    return (low, low + w)


def wrong_interval_high_low_swapped(numbers, counts):
    """high_end_first"""
    s = _st(counts)
    low, w = (0.0, 1.0)
    for n in numbers:
        st, p = s[n]
        low, w = (low + w * st, w * p)
    return (low + w, low)


def wrong_interval_product_of_ends(numbers, counts):
    """ends_multiplied"""
    s = _st(counts)
    return (math.prod(s[n][0] for n in numbers), math.prod(s[n][0] + s[n][1] for n in numbers))


def wrong_interval_high_scaled_from_zero(numbers, counts):
    """high_without_the_low_end"""
    s = _st(counts)
    low, high = (0.0, 1.0)
    for n in numbers:
        st, p = s[n]
        w = high - low
        low, high = (low + w * st, w * (st + p))
    return (low, high)


def right_interval_numpy(numbers, counts):
    k = list(counts)
    p = np.array(list(counts.values()), float)
    p /= p.sum()
    c = np.concatenate([[0], p.cumsum()])
    low, high = (0.0, 1.0)
    for n in numbers:
        i = k.index(n)
        w = high - low
        low, high = (low + w * c[i], low + w * c[i + 1])
    return np.array([low, high])


def right_interval_accumulate(numbers, counts):
    t = sum(counts.values())
    starts = dict(zip(counts, itertools.accumulate([0, *counts.values()]), strict=False))
    low, w = (Fraction(0), Fraction(1))
    for n in numbers:
        low += w * Fraction(starts[n], t)
        w *= Fraction(counts[n], t)
    return (low, low + w)


def right_interval_torch(numbers, counts):
    p = torch.tensor([counts[k] for k in counts], dtype=torch.float64)
    p = p / p.sum()
    e = p.cumsum(0)
    s = e - p
    idx = [list(counts).index(n) for n in numbers]
    w = torch.cat([torch.ones(1, dtype=torch.float64), p[idx].cumprod(0)])
    low = (w[:-1] * s[idx]).sum()
    return torch.stack([low, low + w[-1]])


def right_interval_recursive(numbers, counts):
    if not numbers:
        return [0.0, 1.0]
    st, p = _st(counts)[numbers[0]]
    low, high = right_interval_recursive(numbers[1:], counts)
    return [st + p * low, st + p * high]


# my_saving

right_my_saving_as_text = "50%"
wrong_my_saving_in_words = "about a half"
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
