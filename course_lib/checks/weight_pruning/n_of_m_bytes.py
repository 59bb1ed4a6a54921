"""What a place costs: the bytes of a layer in n of m."""

import math

import torch

from ..task import task


def _between(random: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, (1,), generator=random))


def _odd(random: torch.Generator, low: int, high: int) -> int:
    return 2 * _between(random, low // 2, high // 2) + 1


def _patterns(random: torch.Generator, case: int) -> tuple:
    n, m, bits = (
        (2, 4, 16), (3, 8, 8), (2, 5, 4), (5, 8, 7), (1, 6, 32), (3, 16, 6), (4, 7, 5), (1, 4, 8),
    )[case % 8]  # fmt: skip
    outputs, groups = _odd(random, 10, 40), _odd(random, 4, 12)
    return (outputs, m * groups, 3, 3) if case % 2 else (outputs, m * groups), n, m, bits


@task("03_weight_pruning", draw=_patterns, tolerance=1e-9)
def n_of_m_bytes(shape, n, m, bits, *, place=lambda m: (m - 1).bit_length(), whole=math.ceil):
    """2 of 4 halves the multiplications, but not the file: the places are stored as well.

    The fewer bits a weight has, the more of the file tells only where the weights are.
    """
    return whole(math.prod(shape) // m * n * (bits + place(m)) / 8)


n_of_m_bytes.mistaken("in_bits", whole=lambda size: 8 * size)("""
    - Your number is in another unit than the one asked for.
    - A byte has 8 bits.
    - You counted bits. Make whole bytes of them at the very end, once for the whole layer.
""")

n_of_m_bytes.mistaken("places_forgotten", place=lambda m: 0)("""
    - The values are there. Does the reader know where each of them belongs?
    - In a group of 4, two values alone could stand at six different pairs of places.
    - Each kept weight has its value and its place in the group. You counted the values only.
""")


@n_of_m_bytes.mistake
def a_yes_or_no_for_each(shape, n, m, bits):
    """
    - How does your format say where a kept weight stands? Is that the way the task describes?
    - Yours is the chapter's bitmask: a bit for every weight, kept or not. For 2 of 4 that happens
      to cost the same.
    - Here a place is a number, and there is one beside each weight that is *kept*. How large can
      that number get?
    """
    return math.ceil(math.prod(shape) // m * (n * bits + m) / 8)


@n_of_m_bytes.mistake
def a_place_for_each_group(shape, n, m, bits):
    """
    - How many places does a group need?
    - You counted one place for each group. If two weights of a group are kept, where is the second?
    - Every kept weight brings a place of its own.
    """
    return math.ceil(math.prod(shape) // m * (n * bits + (m - 1).bit_length()) / 8)


n_of_m_bytes.mistaken("too_few_bits_for_a_place", place=lambda m: m.bit_length() - 1)("""
    - Right for some m, wrong for others: for which?
    - With groups of 5 the places are 0, 1, 2, 3 and 4. Do 2 bits tell five of them apart?
    - Where m is no power of two, your places have a bit too few: look at how you round.
""")

n_of_m_bytes.mistaken("one_bit_too_many", place=int.bit_length)("""
    - Right for some m, wrong for others: for which?
    - With groups of 4 the places are 0, 1, 2 and 3. What is the last one in binary?
    - Where m is a power of two, your places have a bit too many: they begin at 0 and end before m.
""")

n_of_m_bytes.mistaken("places_of_a_fraction", place=math.log2)("""
    - Right for some m, wrong for others: for which?
    - With groups of 5 your place takes 2.3 bits. Each place is stored by itself.
    - The bits of one place are a whole number, before you multiply by anything.
""")

n_of_m_bytes.mistaken("a_byte_for_each_place", place=lambda m: 8)("""
    - How many bits does your place have, and how many does it need?
    - A place within a group is a small number: a whole byte (or four) is what compressed rows take.
    - Take as few bits as the numbers from 0 to m - 1 need.
""")


@n_of_m_bytes.mistake
def removed_ones(shape, n, m, bits):
    """
    - In 3 of 8, how many of the 8 weights are in the file?
    - You store those that were removed.
    - `n` is how many stay, in each group of `m`.
    """
    return n_of_m_bytes.right(shape, m - n, m, bits)


n_of_m_bytes.mistaken("rounded_down", whole=math.floor)("""
    - Very close. What happens to the last few bits?
    - If the bits do not fill the last byte, the byte is there all the same.
    - `//` and `int` round down. The bytes of a file are rounded up.
""")

n_of_m_bytes.mistaken("part_of_a_byte", whole=float)("""
    - Can a file have that many bytes?
    - Your result is not whole. The last byte is there even if it is not full.
    - Round up, at the very end.
""")


@n_of_m_bytes.mistake
def each_group_rounded(shape, n, m, bits):
    """
    - A little too much. Where do you round up, and how often?
    - You round up in every group (or for every weight). The task says: without gaps.
    - Only the last byte of the layer may be left unfilled. Count all bits first.
    """
    return math.prod(shape) // m * math.ceil(n * (bits + (m - 1).bit_length()) / 8)


@n_of_m_bytes.mistake
def one_more_always(shape, n, m, bits):
    """
    - Very close. What if the bits fill the last byte exactly?
    - You always add a byte. Take 16 bits: how many bytes do they need?
    - Rounding up is not the same as rounding down and adding one.
    """
    return n_of_m_bytes.right(shape, n, m, bits, whole=math.floor) + 1


@n_of_m_bytes.mistake
def two_roundings(shape, n, m, bits):
    """
    - Very close: sometimes one too many. How often do you round up?
    - You round the values' bytes, and then the places' bytes. Without gaps a value and a place may
      share a byte.
    - Only the last byte of the layer may be left unfilled. Add up bits, not bytes.
    """
    values = n_of_m_bytes.right(shape, n, m, bits, place=lambda m: 0)
    return values + n_of_m_bytes.right(shape, n, m, bits=0)


n_of_m_bytes.mistaken("m_bits_for_a_place", place=lambda m: m)("""
    - How many bits does the number 3 need? And how many places are there in a group of 4?
    - Your place has a bit for each neighbour. It is a number, and each kept weight has
      one.
    - In as few whole bits as the numbers from 0 to m - 1 need: write the last of them in binary.
""")


@n_of_m_bytes.mistake
def one_number_for_each_choice(shape, n, m, bits):
    """
    - Clever, and smaller. But what does the task say stands beside each kept weight?
    - You number the ways to choose n of m, one number a group. The task stores a place for each
      weight.
    - Each kept weight brings its own place, from 0 to m - 1.
    """
    choice = math.ceil(math.log2(math.comb(m, n)))
    return math.ceil(math.prod(shape) // m * (n * bits + choice) / 8)


@n_of_m_bytes.mistake
def places_up_to_n(shape, n, m, bits):
    """
    - In 2 of 4, can the place be 3?
    - Your places are numbered among those that stay. Where in the group of m do they lie?
    - A place is a number from 0 to m - 1.
    """
    return n_of_m_bytes.right(shape, n, m, bits, place=lambda _: (n - 1).bit_length())


@n_of_m_bytes.mistake
def nothing_is_left(shape, n, m, bits):
    """
    - Print how many weights you keep.
    - Half of a layer is not 0 times it. Which of your divisions comes too early?
    - `n // m` is 0. Count groups first, or multiply before you divide.
    """
    return 0


@n_of_m_bytes.mistake
def n_and_m_swapped(shape, n, m, bits):
    """
    - Do more weights stay than there were?
    - You count groups of n, and keep m of each.
    - Of each `m` neighbours `n` stay: which of the two do you divide by?
    """
    return math.ceil(math.prod(shape) // n * m * (bits + (m - 1).bit_length()) / 8)


@n_of_m_bytes.mistake
def kernel_forgotten(shape, n, m, bits):
    """
    - Right for linear layers, wrong for convolutions. What does their shape have more?
    - You counted one weight for each pair of output and input. A kernel has more of them.
    - Every number of the shape counts, whether there are two or four.
    """
    return n_of_m_bytes.right(shape[:2], n, m, bits)


@n_of_m_bytes.mistake
def one_output(shape, n, m, bits):
    """
    - Which number of the shape did you not use?
    - You counted the weights of a single output.
    - Every number of the shape counts, the first one as well.
    """
    return n_of_m_bytes.right(shape[1:], n, m, bits)


@n_of_m_bytes.mistake
def lengths_added_up(shape, n, m, bits):
    """
    - How many weights has a layer of 10 outputs and 20 inputs?
    - You added the numbers of the shape.
    - Every output has a weight for every input (and every place of the kernel).
    """
    return math.ceil(sum(shape) // m * n * (bits + (m - 1).bit_length()) / 8)


@n_of_m_bytes.mistake
def values_in_bytes(shape, n, m, bits):
    """
    - In which unit is each of the two parts that you add?
    - Your places are in bytes. Your values are still in bits.
    - Add up bits, values and places together, and make bytes of them once, at the end.
    """
    kept = math.prod(shape) // m * n
    return kept * bits + math.ceil(kept * (m - 1).bit_length() / 8)


@n_of_m_bytes.mistake
def each_weight_rounded(shape, n, m, bits):
    """
    - Too much. Where do you round up, and how often?
    - Each weight begins a new byte in yours. The task says: without gaps.
    - Only the last byte of the layer may be left unfilled. Count all bits first.
    """
    return math.prod(shape) // m * n * math.ceil((bits + (m - 1).bit_length()) / 8)


@n_of_m_bytes.mistake
def always_32_bits(shape, n, m, bits):
    """
    - Which of the arguments did you not use?
    - Your values have 32 bits each. They may have fewer.
    - How many bits a value has is what `bits` says.
    """
    return n_of_m_bytes.right(shape, n, m, 32)


@n_of_m_bytes.mistake
def all_values(shape, n, m, bits):
    """
    - How many values are in the file?
    - You store the zeros as well. What are the places for, then?
    - Only what stays has a value, and a place beside it.
    """
    kept = math.prod(shape) // m * n
    return math.ceil((math.prod(shape) * bits + kept * (m - 1).bit_length()) / 8)


@n_of_m_bytes.mistake
def places_of_all(shape, n, m, bits):
    """
    - How many places are in the file?
    - You store a place for every weight, for those that went as well.
    - Only what stays has a place, beside its value.
    """
    kept = math.prod(shape) // m * n
    return math.ceil((kept * bits + math.prod(shape) * (m - 1).bit_length()) / 8)


@n_of_m_bytes.mistake
def one_of_each_group(shape, n, m, bits):
    """
    - Which of the arguments did you not use?
    - You keep one weight of each group.
    - Of each group `n` stay.
    """
    return n_of_m_bytes.right(shape, 1, m, bits)


@n_of_m_bytes.mistake
def bits_multiplied(shape, n, m, bits):
    """
    - A value of 8 bits and a place of 2: how many bits is that together?
    - You multiply the bits of value and place.
    - They lie one after the other.
    """
    return n_of_m_bytes.right(shape, n, m, bits * (m - 1).bit_length(), place=lambda m: 0)


for _name, _place in {
    "places_forgotten": lambda m: 0,
    "too_few_bits": lambda m: m.bit_length() - 1,
    "one_bit_too_many": int.bit_length,
    "fractions": math.log2,
    "m_bits": lambda m: m,
}.items():
    for _end, _whole in {"rounded_down": math.floor, "in_bits": lambda size: 8 * size}.items():
        n_of_m_bytes.mistaken(f"{_name}_and_{_end}", place=_place, whole=_whole)("""
    - Two things are wrong: the bits of a place, and what you make of all bits at the end. How many
      bits do the places of a group of 4 need, how many those of a group of 5?
    - Write the largest place, m - 1, in binary, for m = 4, 5 and 8. And how many bytes are 20 bits?
    - First print the bits of one place for several m. Then see how the last, unfilled byte counts.
""")
