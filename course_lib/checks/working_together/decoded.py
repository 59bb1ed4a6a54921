"""Task 3 of exercise 07, find the bugs: the way back."""

import numpy as np
import torch

from ..inputs import shuffled, whole
from ..task import task
from .canonical import canonical
from .results import listed


def _stream(random: torch.Generator, case: int) -> tuple:
    kind = case % 4
    if kind == 2:  # one number alone: its word has no letter, and there is nothing to store
        return [], {whole(random, -3, 3): ""}, whole(random, 3, 9)
    numbers = shuffled(random, [-2, -1, 0, 1, 2, 3])[: 4 + case % 2]
    lengths = [1, 2, 3, 3] if len(numbers) == 4 else [1, 2, 3, 4, 4]
    words = canonical.right(dict(zip(numbers, lengths, strict=True)))
    frequent = numbers[0]  # its word is "0"
    drawn = torch.randint(len(numbers), (whole(random, 12, 30),), generator=random).tolist()
    message = [frequent] * 2 + [numbers[i] for i in drawn] + [numbers[3], numbers[1], frequent]
    # Words without a gap: bits left over read as one more number, save where the bytes are full.
    left = {0: 5, 1: 0, 3: 2}[kind]
    while -sum(len(words[n]) for n in message) % 8 != left:
        message.insert(2, frequent)
    bits = "".join(words[n] for n in message) + "0" * left
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)], words, len(message)


def _one_by_one(result, *inputs):
    """The numbers as text: of a message it matters where it begins to differ, not by how much."""
    numbers = listed(result, *inputs)
    if numbers is None or numbers is ...:
        return numbers
    plain = numbers.tolist() if isinstance(numbers, torch.Tensor) else numbers
    return tuple(f"{n:g}" for n in np.array(plain, dtype=np.float64).flatten())


@task(
    "07_working_together",
    draw=_stream,
    observed=_one_by_one,
    borrowed=("decode", "decode_symbol"),
)
def decoded(
    packed, words, count, *, byte="{:08b}".format, alone=True, ends=True, skipped=0, anew=0
):
    """An encoder is as good as what its decoder gives back: always try the round trip.

    Try it with what hardly occurs, too: a layer that is all zeros, a last byte that is not full.
    """
    if alone and len(words) == 1:
        return list(words) * count
    numbers = {word: n for n, word in words.items()}
    found: list = []
    word = ""
    for place, bit in enumerate("".join(map(byte, packed))[skipped:]):
        if ends and len(found) == count:
            break
        if anew and place % anew == 0:
            word = ""
        word += bit
        if word in numbers:
            found.append(numbers[word])
            word = ""
    return found


decoded.mistaken("one_number_alone_forgotten", alone=False)("""
    - Which words has a layer whose weights are all the same?
    - If one number is all there is, its word is empty and nothing is stored. Still `count` numbers
      are to come back.
    - In a loop over bits an empty word never turns up. Look at that case before the loop.
""")

decoded.mistaken("leading_zeros_lost", byte="{:b}".format)("""
    - How many bits has a byte? Print those of the byte 5.
    - `bin(5)` is `0b101`. The byte is 00000101, and its first zeros may be somebody's word.
    - Each byte has eight bits, leading zeros among them. Two more mistakes show in what follows the
      last number, and with a layer whose weights are all the same.
""")

decoded.mistaken("as_the_colleague_has_it", byte="{:b}".format, alone=False, ends=False)("""
    - Pack three numbers by hand, and print what comes back. Which bits were lost on the way?
    - There are three mistakes: in how a byte becomes bits, in when it stops, and with a layer whose
      weights are all the same.
    - Begin with the bits: print those of the byte 5 and count them. Then print how many numbers
      came back, beside `count`.
""")

decoded.mistaken("padding_read_as_numbers", ends=False)("""
    - How many numbers come back, and how many were asked for?
    - The last byte is filled up with zeros, and zeros can be a word. What is beyond the last number
      means nothing.
    - `count` says when it is enough.
""")

decoded.mistaken("filled_up_behind", byte=lambda value: f"{value:b}".ljust(8, "0"))("""
    - Eight bits a byte, good. At which end are the zeros missing?
    - The number 5 is 101 in binary. As a byte it is 00000101, not 10100000.
    - The missing zeros go in front.
""")

decoded.mistaken("bits_backwards", byte=lambda value: f"{value:08b}"[::-1])("""
    - In which order do the bits of a byte come?
    - You read each byte from its last bit to its first.
    - The first bit of the message is the one worth 128.
""")


@decoded.mistake
def zeros_cut_off(packed, words, count):
    """
    - Which zeros at the end are filling, and which are a number's word?
    - You cut all zeros off at the end. A word that ends with zeros loses them, too.
    - The bits do not say where the message ends. Another argument does.
    """
    bits = "".join(f"{byte:08b}" for byte in packed).rstrip("0")
    return decoded.right([bits], words, count, byte=str, ends=False)


decoded.mistaken("one_too_few", lambda *given: decoded.right(*given)[:-1])("""
    - How many numbers come back, and how many were asked for?
    - You stop one number early.
    - Compare the numbers found so far with `count` once more: before or after the next is added?
""")

decoded.mistaken("from_the_second_bit_on", skipped=1)("""
    - Which bit is the first one that you look at? Pack two numbers by hand, and follow it.
    - You leave the first bit out. All words are cut in other places then, and many still turn out
      to be some number's word.
    - Begin with the very first bit, and see where your slice or your counter begins.
""")

decoded.mistaken("seven_bits", byte="{:07b}".format)("""
    - How many bits has a byte? Print those of the byte 5.
    - You fill up to seven places. A byte has one more.
    - 5 is 00000101.
""")

decoded.mistaken("anew_in_each_byte", anew=8)("""
    - What becomes of a word that begins in one byte and ends in the next?
    - At the end of each byte you forget what was read of a word.
    - Begin a new word only when one is complete, wherever the bytes end.
""")


@decoded.mistake
def a_number_a_byte(packed, words, count):
    """
    - How many words fit into a byte?
    - You look up each byte as if it were one word. The words lie one behind the other, without a
      gap, and end where they end.
    - First make one long text of bits of all the bytes, then read word after word.
    """
    values = {int(word or "0", 2): n for n, word in words.items()}
    return [values.get(byte, 0) for byte in packed][:count]


@decoded.mistake
def word_never_emptied(packed, words, count):
    """
    - After the first number is found: which bits does your second word begin with?
    - The word goes on growing when its number is found. So hardly any other is found after it.
    - When a number is found, the next word begins with nothing.
    """
    if len(words) == 1:
        return list(words) * count
    bits, numbers = "".join(f"{byte:08b}" for byte in packed), {w: n for n, w in words.items()}
    return [numbers[bits[:i]] for i in range(1, len(bits) + 1) if bits[:i] in numbers][:count]


decoded.mistaken(
    "bytes_backwards", lambda packed, *rest: decoded.right(list(packed)[::-1], *rest)
)("""
    - Which byte holds the first number?
    - You begin with the last byte. The bits within each byte are in their order.
    - The first byte of the list comes first.
""")


@decoded.mistake
def one_number_alone_once(packed, words, count):
    """
    - A layer of 5 equal weights: how many numbers come back?
    - That a number can be alone you saw. It comes back a single time.
    - `count` says how often.
    """
    return list(words) if len(words) == 1 else decoded.right(packed, words, count)


@decoded.mistake
def one_number_alone_is_not_always_zero(packed, words, count):
    """
    - A layer whose weights are all 2: what does your function return?
    - Where nothing is stored you return zeros. Another number than 0 can be alone as well.
    - `words` tells which number it is.
    """
    return [0] * count if len(words) == 1 else decoded.right(packed, words, count)


@decoded.mistake
def one_too_many(packed, words, count):
    """
    - How many numbers come back, and how many were asked for?
    - You stop one number late.
    - Compare the numbers found so far with `count` once more: before or after the next is added?
    """
    if len(words) == 1:
        return list(words) * count
    return decoded.right(packed, words, count + 1)


@decoded.mistake
def one_bit_for_each_number(packed, words, count):
    """
    - By how many bits do you move on when a number is found?
    - You move on by one bit, whatever the word. So the rest of a long word is read once more.
    - The next word begins where this one ends: as many bits further as it is long.
    """
    if len(words) == 1:
        return list(words) * count
    bits, found = "".join(f"{byte:08b}" for byte in packed), list[int]()
    while len(found) < count and (n := _beginning(bits, words)) is not None:
        found.append(n)
        bits = bits[1:]
    return found


def _beginning(bits: str, words: dict):
    """The number whose word the bits begin with; None if there is none."""
    return next((n for n, word in words.items() if bits.startswith(word)), None)


@decoded.mistake
def filled_up_as_a_whole(packed, words, count):
    """
    - How many bits has each byte, as you write them? Print those of [5, 5].
    - The number of all bits is right, but you fill up once, in front of all of them. Zeros are
      missing at the start of *each* byte.
    - Fill up byte by byte, before you join them.
    """
    bits = "".join(f"{byte:b}" for byte in packed).zfill(8 * len(packed))
    return decoded.right([bits], words, count, byte=str)


decoded.mistaken("last_byte_left_out", lambda packed, *rest: decoded.right(packed[:-1], *rest))("""
    - How many numbers come back, and how many were asked for?
    - You leave the last byte out. It is filled up with zeros, but it holds words before them.
    - Read all the bytes. `count` says when it is enough.
""")
