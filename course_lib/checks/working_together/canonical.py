"""Task 2 of exercise 07: words that need no list."""

import heapq
from itertools import pairwise

import torch

from ..inputs import shuffled, whole
from ..task import task


def _in_words(result, *_inputs):
    """A dictionary of texts, or of what somebody took for them."""
    if result is None or result is ...:
        return result
    if not isinstance(result, dict):
        raise TypeError(f"a dictionary was asked for, this is a {type(result).__name__}")
    return {n: word if isinstance(word, str | int) else str(word) for n, word in result.items()}


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
        return ({whole(random, -7, 7): 1},)
    wanted = (
        [1, 3, 3, 3, 3],  # two longer at once
        [2, 2, 2, 3, 4, 4],
        [1, 2, 3, 4, 4],
        [1, 4, 4, 4, 4, 4, 4, 4, 4],  # three longer
        [2, 3, 3, 3, 3, 4, 4, 4, 4],
        [2, 2, 3, 3, 5, 5, 5, 5, 4, 4],
        [3] * 8,
    )[case % 7]
    numbers = shuffled(random, list(range(-7, 8)))[: len(wanted)]
    if case % 2 == 0:  # never by chance in the order that is wanted
        numbers.sort(reverse=True)
    return (dict(shuffled(random, list(zip(numbers, wanted, strict=True)))),)


def _further(at: int, by: int) -> int:
    """The next word, as a number, made longer by so many bits."""
    return (at + 1) << by


@task("07_working_together", draw=_lengths, observed=_in_words, cases=14)
def canonical(lengths, *, among_equals=int, further=_further):
    """A file need not store the words: their lengths say everything, a few bits for each number.

    Every zip file and every JPEG picture stores its Huffman code in this way.
    """
    order = sorted(lengths, key=lambda n: (lengths[n], among_equals(n)))
    code, words = 0, {order[0]: "0" * lengths[order[0]]}
    for before, n in pairwise(order):
        code = further(code, lengths[n] - lengths[before])
        words[n] = f"{code:0{lengths[n]}b}"
    return words


def _rewritten(lengths, *, word):
    """The right words, each put down in another way."""
    return {n: word(right) for n, right in canonical.right(lengths).items()}


canonical.mistaken("as_they_come", among_equals=lambda n: 0)("""
    - Two files with the same lengths in another order: do they get the same words?
    - The lengths are minded. Of numbers whose words are equally long you take first whatever stands
      first in the dictionary.
    - Of equally long words, the smaller number gets the smaller one. Sort by two things.
""")

canonical.mistaken("larger_numbers_first", among_equals=lambda n: -n)("""
    - Of two numbers with equally long words, which one comes first?
    - The lengths are minded, but your numbers go down where they are to go up.
    - Of equally long words, the smaller number gets the smaller one: -3 comes before 2.
""")

canonical.mistaken("signs_aside", among_equals=abs)("""
    - Which is smaller: -3, or 2?
    - Of equally long words you sort the numbers without their signs.
    - Sort the numbers as they are: all negative ones come before zero.
""")

canonical.mistaken("zeros_in_front", further=lambda at, by: at + 1)("""
    - Does one of your words begin another?
    - Where the words get longer you fill up with zeros in front. So a short word and the start of a
      long one are the same: no decoder can tell.
    - The zeros go behind. First the word after the last short one, then make it longer.
""")

canonical.mistaken("one_zero_whatever_the_jump", further=lambda at, by: (at + 1) << (by > 0))("""
    - What comes after a word of one bit, if the next has three?
    - Lengths may jump by more than one. You append a single zero each time they grow.
    - As many zeros are appended as the word gets longer.
""")

canonical.mistaken("longer_before_the_next", further=lambda at, by: (at << by) + 1)("""
    - Does one of your words begin another? Look where the length changes.
    - You append zeros to the last word and then count on. What begins with the last short word is
      taken already.
    - The other way round: first one further, then longer.
""")

canonical.mistaken("without_leading_zeros", _rewritten, word=lambda right: f"{int(right, 2):b}")("""
    - Are all your words as long as was asked for?
    - `bin` leaves leading zeros out. In a word they count: 001 is not 1.
    - Fill the words up in front to their length.
""")

canonical.mistaken("whole_numbers", _rewritten, word=lambda right: int(right, 2))("""
    - How would you tell the words 01 and 001 apart, as you write them?
    - You return integers. A word is text of 0 and 1, with all its leading zeros.
    - Write each integer in binary, in as many places as its word is long.
""")


@canonical.mistake
def ones_first(lengths):
    """
    - That is a code one could use. Is it the one that was agreed on?
    - Your words count down from ones. The first word consists of zeros.
    - Swap 0 and 1: start at zero, and count up.
    """
    swap = str.maketrans("01", "10")
    return {n: word.translate(swap) for n, word in canonical.right(lengths).items()}


@canonical.mistake
def starts_at_one(lengths):
    """
    - What is your first word?
    - All of your words are one too far: you add one before there is any word to add it to.
    - The first word is all zeros. From the second on, each is one further than the one before.
    """
    code, before, words = 0, 0, {}
    for n in sorted(lengths, key=lambda n: (lengths[n], n)):
        code = (code + 1) << (lengths[n] - before)
        before = lengths[n]
        words[n] = f"{code:0{before}b}"
    return words


canonical.mistaken("lengths_taken_for_counts", _huffman)("""
    - What comes in: how often a number occurs, or how long its word is?
    - That is the chapter's Huffman code, which takes counts. The lengths are known here.
    - No tree is wanted, and no heap: sort the numbers, then count through their words.
""")


@canonical.mistake
def anew_for_each_length(lengths):
    """
    - Does one of your words begin another?
    - For each length you begin to count at zero again. The first word of each is all zeros then,
      and a shorter one stands at the start of a longer one.
    - Where the words get longer, counting goes on: from the last word, one further, then zeros
      appended.
    """
    words: dict = {}
    for length in set(lengths.values()):
        same = sorted(n for n in lengths if lengths[n] == length)
        words |= {n: f"{place:0{length}b}" for place, n in enumerate(same)}
    return words


@canonical.mistake
def longest_first(lengths):
    """
    - Which number gets the first word, all zeros?
    - You begin with the longest words. They are agreed on from the shortest to the longest.
    - Look at the way your lengths are sorted, then at what happens between one length and the next.
    """
    order = sorted(lengths, key=lambda n: (-lengths[n], n))
    code, words = 0, {order[0]: "0" * lengths[order[0]]}
    for before, n in pairwise(order):
        code = (code + 1) >> (lengths[before] - lengths[n])
        words[n] = f"{code:0{lengths[n]}b}"
    return words


def _longer(at: int, by: int) -> int:
    """Either one further, or longer."""
    return at << by if by else at + 1


canonical.mistaken("longer_without_the_next", further=_longer)("""
    - Does one of your words begin another? Look where the length changes.
    - Where the length grows you append zeros, and do not count on: what begins with the last short
      word is taken already.
    - One is added for each next word, also for the first of a new length. Zeros come after that.
""")

canonical.mistaken("ones_appended", further=lambda at, by: ((at + 2) << by) - 1)("""
    - Your first words are right. What is appended where they get longer?
    - You fill up with ones. The words before the first of a length are lost then.
    - Zeros are appended.
""")


@canonical.mistake
def words_for_keys(lengths):
    """
    - What do you look up in the dictionary that comes back: a number, or a word?
    - Your dictionary has the words for keys. A decoder wants that; here the numbers are the keys.
    - Exchange what stands before and after the colon.
    """
    return {word: n for n, word in canonical.right(lengths).items()}


@canonical.mistake
def by_the_numbers_alone(lengths):
    """
    - Which number gets the first word: the smallest one, or the one with the shortest word?
    - You sort by the numbers and give each its place in that order. So one word begins another, and
      some are too short for their place.
    - Sort by two things: by length first, and only where lengths are equal by the number.
    """
    return {n: f"{i:b}".zfill(lengths[n])[: lengths[n]] for i, n in enumerate(sorted(lengths))}


canonical.mistaken("numbers_as_text", among_equals=str)("""
    - Which is smaller: -3, or -5? And as text?
    - Of equally long words you sort the numbers as text, letter by letter.
    - Sort the numbers as they are.
""")

canonical.mistaken("its_prefix_left", _rewritten, word=lambda right: bin(int(right, 2)))("""
    - Print one of your words. Is it made of 0 and 1 alone?
    - `bin` writes `0b` in front, and leaves leading zeros out.
    - Take the two letters off, then fill up in front to the word's length.
""")

canonical.mistaken("words_backwards", _rewritten, word=lambda right: right[::-1])("""
    - Does one of your words begin another?
    - The right words, each read from its end.
    - The digit that counts most stands first, and zeros are appended at the end.
""")


@canonical.mistake
def one_word_a_length(lengths):
    """
    - Two numbers with words of the same length: can you tell them apart?
    - All of your words of one length are the same word.
    - Each next word is the one before it plus one.
    """
    return {n: "1" * (lengths[n] - 1) + "0" for n in lengths}


canonical.mistaken(
    "filled_up_behind", _rewritten, word=lambda right: f"{int(right, 2):b}".ljust(len(right), "0")
)("""
    - Does one of your words stand for two numbers?
    - Your words have the right length, but zeros that were lost in front were put back behind.
    - Zeros in front of a word belong there: fill up on that side.
""")

canonical.mistaken("lists_of_bits", _rewritten, word=lambda right: [int(bit) for bit in right])("""
    - What is a word to be: a list, or text?
    - The bits are right. You return each word as a list of numbers.
    - A word is text of 0 and 1: join its bits.
""")
