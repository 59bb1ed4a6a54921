"""Pictures with a frame around them, in their own mean colour."""

import torch
from torch import Tensor

from ..task import task


def _pictures(random: torch.Generator, case: int) -> tuple:
    height, width = 9 + case % 3, 14 - case % 2
    pictures = torch.randn(3, 3, height, width, generator=random)
    pictures += 3 * torch.randn(3, 3, 1, 1, generator=random)  # colours differ much
    pictures[:, :, 3:-3, 3:-3] += 2  # and the middle from the border
    return pictures, (2, 3, 1, 0)[case % 4]


def inside(pictures: Tensor, border: int) -> Tensor:
    """(rows, columns): True where a pixel is no part of the border."""
    rows, columns = pictures.shape[2:]
    stays = torch.zeros(rows, columns, dtype=torch.bool)
    stays[border : rows - border, border : columns - border] = True
    return stays


def mean_colour(pictures: Tensor, over=(2, 3)) -> Tensor:
    """(pictures, colours, 1, 1): the mean over rows and columns."""
    return pictures.mean(over, keepdim=True)


@task("01_jigsaw", draw=_pictures, borrowed=("cover",))
def framed(pictures, border, *, over=(2, 3)):
    """What you cover with matters as much as where: any colour of your own is one more edge to see.

    The mean colour adds the least that is possible.
    """
    return torch.where(inside(pictures, border), pictures, mean_colour(pictures, over))


@framed.mistake
def no_border_covers_all(pictures, border):
    """
    - What comes out for a border of 0 pixels?
    - With a border of 0 the picture should come back as it was. Yours is gone, or part of it.
    - What does a slice take that counts 0 from the end? Print `list(range(5))[-0:]` and
      `list(range(5))[0:-0]`.
    """
    return framed.right(pictures, border) if border else mean_colour(pictures).expand_as(pictures)


framed.mistaken("one_colour_for_all", over=(0, 2, 3))("""
    - Does a picture on snow get the same border as one on soil?
    - The place is right. Your mean runs over all pictures of the batch.
    - Which dimensions are to be left after the mean? One number for each picture and channel.
""")

framed.mistaken("grey", over=(1, 2, 3))("""
    - What colour has the border of a green picture?
    - The place is right. Yours is grey: red, green and blue are the same in it.
    - A colour is a number for each channel: do not take the mean over channels.
""")

framed.mistaken("one_number", over=(0, 1, 2, 3))("""
    - How many colours does your border have, in all pictures together?
    - The place is right. One mean over all numbers gives the same grey to all pictures.
    - Tell `mean` which dimensions it is to run over, and keep them, so that the shapes fit.
""")


@framed.mistake
def colour_of_the_middle(pictures, border):
    """
    - Whose mean is asked for: that of the whole picture, or of the part that stays?
    - The place is right. Your mean leaves out what you cover.
    - Take the mean of the whole picture, as it came in.
    """
    stays = inside(pictures, border).float()
    colour = (pictures * stays).sum((2, 3), keepdim=True) / stays.sum()
    return torch.where(stays.bool(), pictures, colour)


@framed.mistake
def colour_of_the_border(pictures, border):
    """
    - Whose mean is asked for: that of the whole picture, or of the part that goes?
    - The place is right. Your mean is that of the border alone.
    - Take the mean of the whole picture, as it came in.
    """
    outside = 1 - inside(pictures, border).float()
    colour = (pictures * outside).sum((2, 3), keepdim=True) / outside.sum().clamp(min=1)
    return torch.where(outside.bool(), colour, pictures)


framed.mistaken("zeros", lambda pictures, border: pictures * inside(pictures, border))("""
    - Which colour is 0, in normalised pictures?
    - The place is right. A fixed colour adds an edge to bright pictures and to dark ones.
    - The border is to have the picture's own mean colour.
""")


@framed.mistake
def middle_covered(pictures, border):
    """
    - What is covered in yours, and what stays?
    - The colour is right. You covered the middle and kept the border.
    - Asked for is the opposite: turn the condition, or the two choices, around.
    """
    return torch.where(inside(pictures, border), mean_colour(pictures), pictures)


@framed.mistake
def upper_left(pictures, border):
    """
    - Show one of your pictures: how many sides of it are covered?
    - You covered the beginning of the rows and columns, not their end.
    - A picture has four sides: the last rows and columns are missing.
    """
    made = mean_colour(pictures).expand_as(pictures).clone()
    made[:, :, border:, border:] = pictures[:, :, border:, border:]
    return made


@framed.mistake
def rows_alone(pictures, border):
    """
    - Show one of your pictures: how many sides of it are covered?
    - Top and bottom are covered. What about left and right?
    - The rows are the third dimension. The columns are one of their own.
    """
    made = mean_colour(pictures).expand_as(pictures).clone()
    stays = slice(border, pictures.shape[2] - border)
    made[:, :, stays] = pictures[:, :, stays]
    return made


@framed.mistake
def ends_too_early(pictures, border):
    """
    - Compare the left side of the border with the right one: how wide are they?
    - One pixel too many is covered, at the end of the rows and of the columns.
    - The end of a slice is not part of it: take care what you subtract there.
    """
    made = mean_colour(pictures).expand_as(pictures).clone()
    rows, columns = (slice(border, side - border - 1) for side in pictures.shape[2:])
    made[:, :, rows, columns] = pictures[:, :, rows, columns]
    return made


@framed.mistake
def mean_again(pictures, border):
    """
    - How many different colours are there in the border of one picture?
    - Your border is not of one colour: the mean was taken again when a part was covered already.
    - Take the mean of each picture once, before anything is covered.
    """
    made = pictures.clone()
    height, width = pictures.shape[2:]
    made[:, :, :border] = mean_colour(made)
    made[:, :, height - border :] = mean_colour(made)
    made[..., :border] = mean_colour(made)
    made[..., width - border :] = mean_colour(made)
    return made


@framed.mistake
def square_alone(pictures, border):
    """
    - Are the pictures of your check square?
    - Rows and columns are counted apart here: one number does not do for both.
    - Take the height from the third dimension and the width from the fourth.
    """
    made = mean_colour(pictures).expand_as(pictures).clone()
    stays = slice(border, pictures.shape[2] - border)
    made[:, :, stays, stays] = pictures[:, :, stays, stays]
    return made
