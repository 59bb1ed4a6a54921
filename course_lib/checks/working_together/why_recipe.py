"""What a good answer to why_recipe says."""

from ..rubric import Rubric

why_recipe = Rubric(
    "07_working_together",
    "why_recipe",
    (
        "Each step that damages stands before a training: rounding last is repaired by nothing.",
        "One setting was changed at a time, with bytes and accuracy of each try written down.",
        "A try that failed, and why: 4 bits too large, too many channels cut, rounding last, "
        "a rate too high.",
        "What each step leaves for the next: fewer channels fewer weights, zeros for the "
        "coder, the teacher's opinion for what is left.",
        "What an hour would buy: a price on every weight, which needs many steps to work; the "
        "original as the teacher; fewer channels.",
    ),
)
