"""What a good answer to why_percent says."""

from ..rubric import Rubric

why_percent = Rubric(
    "06_low_rank",
    "why_percent",
    (
        "Even numbers drawn by chance make terms of unlike strength, so 90% of the energy never "
        "takes 90% of the ranks.",
        "90% is a question about the tail. The tail of the trained layer looks like that of the "
        "shuffled one: much of what its random start left there was never trained away.",
        "What was learnt is in the head: the first singular values of the trained layer are "
        "several times as large as those of the shuffled one.",
        "The network needs what answers to leaves. The energy of the weights says how much is "
        "cut off, not whether any input would have used it.",
        "The singular values of both layers were looked at, and the answer says what was seen "
        "there.",
    ),
)
