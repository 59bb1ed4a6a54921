"""What a good answer to why_bits says."""

from ..rubric import Rubric

why_bits = Rubric(
    "04_quantization",
    "why_bits",
    (
        "One layer at a time was rounded, all others left alone, and the accuracy measured on "
        "validation images: figures for at least two numbers of bits.",
        "Bytes saved are weighed against accuracy lost: the last two convolutions hold three "
        "quarters of all weights, so that few bits save most there.",
        "Something that failed is named with its figures: 2 bits in one layer, say, or 3 in all "
        "of them, where small losses add up.",
        "With a day of computing: train with the rounding in place, or search over the bits of "
        "all layers together, since losses of single layers do not simply add up.",
    ),
)
