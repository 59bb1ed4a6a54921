"""What a good answer to why_silent says."""

from ..rubric import Rubric

why_silent = Rubric(
    "09_plant_app",
    "why_silent",
    (
        "A use where somebody acts on the name and is harmed by a wrong one (to eat, to "
        "weed), with a share that is small: one in a thousand, say.",
        "To see so small a share takes thousands of held-out pictures, and the app often says "
        "nothing.",
        "A use where a guess is worth more than silence (a class on a walk), with a larger share.",
        "The promise holds for pictures like those that it was measured on: not in rain, not "
        "with another camera, not for a thing that was not among them.",
        "It holds for all names together: of a rare species most names may be wrong.",
    ),
)
