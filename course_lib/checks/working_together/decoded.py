"""Task 3 of exercise 07, find the bugs: the way back."""

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


@task("07_working_together", draw=_stream, observed=listed, borrowed=("decode", "decode_symbol"))
def decoded(packed, words, count, *, byte="{:08b}".format, alone=True, ends=True):
    """An encoder is as good as what its decoder gives back: always try the round trip.

    Try it with what hardly occurs, too: a layer that is all zeros, a last byte that is not full.
    """
    if alone and len(words) == 1:
        return list(words) * count
    numbers = {word: n for n, word in words.items()}
    found: list = []
    word = ""
    for bit in "".join(map(byte, packed)):
        if ends and len(found) == count:
            break
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
