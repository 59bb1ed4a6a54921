"""What a good answer to why_taught says."""

from ..rubric import Rubric

why_taught = Rubric(
    "05_distillation",
    "why_taught",
    (
        "One thing was changed at a time, with figures from a few hundred validation leaves: "
        "bits, temperature, learning rate.",
        "Something that failed is named: temperature 1, where an answer says little more than a "
        "label; a learning rate for untrained networks, which makes it forget; a very small "
        "one, which does too little.",
        "The two teachers are compared on the same images. The student before it was rounded is "
        "enough: the rounded one was that network, and can nearly say the same.",
        "Photos shown twice would be those over which the teacher hesitates most, or those that "
        "the rounded network names otherwise than its teacher: there an answer says most.",
    ),
)
