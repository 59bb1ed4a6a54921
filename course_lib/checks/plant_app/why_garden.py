"""What a good answer to why_garden says."""

from ..rubric import Rubric

why_garden = Rubric(
    "09_plant_app",
    "why_garden",
    (
        "A plan, with one try that failed and the reason why.",
        "Fewer species to tell apart need fewer channels, not only a shorter last layer: the "
        "same recipe for all twelve loses more.",
        "Damage first, learning last; small batches give a short training more steps.",
        "On the phone: whole frames and their slow tenth, when it is warm.",
        "Photos of one's own, in sun and shade, that had no part in choosing; and how many "
        "other things get a name.",
        "What an hour costs the battery with the app, and with the camera alone.",
    ),
)
