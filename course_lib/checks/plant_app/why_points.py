"""What a good answer to why_points says."""

from ..rubric import Rubric

why_points = Rubric(
    "09_plant_app",
    "why_points",
    (
        "ImageNet's numbers lie around zero and reach nearly as far as those of the training.",
        "Divided by 255 all numbers lie above zero and close together: brighter than any leaf "
        "of the training, with a quarter of the contrast.",
        "The first layer's biases were made for numbers around zero: the shift pushes its "
        "channels to one side.",
        "Dividing by 255 is noticed at the first leaf. The small losses are not; a mirror "
        "costs nothing.",
        "The others are found by the numbers: the same picture through the page and through "
        "Python, pixel by pixel.",
    ),
)
