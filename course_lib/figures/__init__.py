"""The pictures of the course: a file for each chapter, and one for what several of them draw.

They take plain arrays and return a `Picture`.

>>> picture = curves([0, 1, 2], {"random": [1, 0.5, 0.1]}, "pieces removed", "confidence")
>>> picture.alt
'confidence against pieces removed; random: from 1 to 0.1'
"""

from course_lib.figures.jigsaw import budgets, channel_map, jigsaw
from course_lib.figures.network import before_after, network_picture
from course_lib.figures.plots import contact_sheet, curves, draw_curves, draw_image, images_grid

__all__ = [
    "before_after", "budgets", "channel_map", "contact_sheet", "curves", "draw_curves",
    "draw_image", "images_grid", "jigsaw", "network_picture",
]  # fmt: skip
