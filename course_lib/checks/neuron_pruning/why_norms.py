"""What a good answer to why_norms says."""

from ..rubric import Rubric

why_norms = Rubric(
    "02_neuron_pruning",
    "why_norms",
    (
        "The norm behind the next convolution remembers what arrived with the channels that went: "
        "it subtracts a mean that is no longer there, and divides by a spread that is another one.",
        "So each channel of the sixth convolution is shifted, and ReLU cuts off what it should let "
        "through. New means and spreads put that right.",
        "The norm right behind the cut filters was never wrong: those filters write what they "
        "wrote.",
        "Behind the last convolution the norms repair next to nothing: no norm follows the cut "
        "there, only the linear layer, which remembers nothing.",
        "What is really lost is what the channels said beyond their mean; others say nearly the "
        "same.",
    ),
)
