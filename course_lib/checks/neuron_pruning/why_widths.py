"""What a good answer to why_widths says."""

from ..rubric import Rubric

why_widths = Rubric(
    "02_neuron_pruning",
    "why_widths",
    (
        "A plan: each layer cut alone by several shares, the norms taken anew each time, the "
        "accuracy on validation images beside the bytes that it saves.",
        "A try that failed, with its figure: all layers alike, say, or the norms left alone.",
        "Which layers spared most: the fifth, which saves in itself and in the sixth, its reader. "
        "The last spares least, since no norm follows that could repair the cut.",
        "The chapter's picture says otherwise: it was measured with the norms left alone, and so "
        "finds the last layers the other way round.",
        "Allowed to train: cut alike and deeper, since learning repairs more than norms can.",
    ),
)
