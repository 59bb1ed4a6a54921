"""Pictures with a frame around them, in their own mean colour."""

from collections.abc import Callable

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


# What follows covers other rows and columns, or in another colour.


def _outside(rows: Callable, columns: Callable) -> Callable:
    """What lies outside of both ranges is covered; each is given the border and the side."""

    def makes(pictures, border):
        made = mean_colour(pictures).expand_as(pictures).clone()
        height, width = pictures.shape[2:]
        inner = (..., slice(*rows(border, height)), slice(*columns(border, width)))
        made[inner] = pictures[inner]
        return made

    return makes


def _inner(border: int, side: int) -> tuple[int, int]:
    return border, side - border


def _wider(border: int, side: int) -> tuple[int, int]:
    return border + 1, side - border - 1


def _narrower(border: int, side: int) -> tuple[int, int]:
    return max(border - 1, 0), side - max(border - 1, 0)


framed.mistaken("columns_alone", _outside(lambda _, side: (0, side), _inner))("""
    - Show one of your pictures: how many sides of it are covered?
    - Left and right are covered. What about top and bottom?
    - The columns are the fourth dimension. The rows are one of their own.
""")

framed.mistaken("lower_right", _outside(*2 * [lambda border, side: (0, side - border)]))("""
    - Show one of your pictures: how many sides of it are covered?
    - You covered the end of the rows and columns, not their beginning.
    - A picture has four sides: the first rows and columns are missing.
""")

for _how, _range in (("wide", _wider), ("narrow", _narrower)):
    framed.mistaken(f"one_too_{_how}", _outside(_range, _range))(f"""
    - Cover a border of 1, and print one channel: how wide is it?
    - Your border is one pixel too {_how}, on each side.
    - Rows are counted from 0: which number does the last covered one have, with a border of 1?
""")


@framed.mistake
def last_ones_stay(pictures, border):
    """
    - Look at the very last row and column of yours. Are they covered?
    - All is covered but the last row, or the last column. What does your slice end with?
    - `list(range(5))[-2:-1]` has one element, not two: an end is not part of its slice.
    """
    if not border:
        return pictures
    made = pictures.clone()
    made[:, :, :border] = made[:, :, -border:-1] = mean_colour(pictures)
    made[..., :border] = made[..., -border:-1] = mean_colour(pictures)
    return made


@framed.mistake
def one_line(pictures, border):
    """
    - How thick is the line that you draw?
    - An index takes one row, or one column. The border has `border` of them.
    - Look at your square brackets: a colon before or behind the number makes it a range.
    """
    made = pictures.clone()
    made[:, :, border] = made[:, :, -border] = mean_colour(pictures)[..., 0]
    made[..., border] = made[..., -border] = mean_colour(pictures)[..., 0]
    return made


@framed.mistake
def corners_alone(pictures, border):
    """
    - Show one of your pictures: where is it covered?
    - Only the corners are. Is a pixel of the border in a border row *and* in a border column?
    - Look at how you put the two conditions together.
    """
    stays = inside(pictures, border)
    rows, columns = stays.any(1, keepdim=True), stays.any(0, keepdim=True)
    return torch.where(rows | columns, pictures, mean_colour(pictures))


@framed.mistake
def sides_swapped(pictures, border):
    """
    - Which comes first in a shape: height or width?
    - Where the pictures are not square, your border ends at the wrong place.
    - PyTorch has (count, channels, height, width): look at the names you gave the last two.
    """
    height, width = pictures.shape[2:]
    made = mean_colour(pictures).expand_as(pictures).clone()
    inner = (..., slice(border, width - border), slice(border, height - border))
    made[inner] = pictures[inner]
    return made


@framed.mistake
def rows_of_channels(pictures, border):
    """
    - Print the shape of `pictures`. Which dimension is the height?
    - You cover along the channels. With three of them, whole pictures go.
    - Rows are the third dimension, columns the fourth: count the colons in your brackets.
    """
    made, colour = pictures.clone(), mean_colour(pictures).expand_as(pictures)
    last = len(pictures[0]) - border
    made[:, :border], made[:, last:] = colour[:, :border], colour[:, last:]
    made[:, :, :border] = mean_colour(pictures)
    made[:, :, pictures.shape[2] - border :] = mean_colour(pictures)
    return made


for _line, _over in (("row", 3), ("column", 2)):
    framed.mistaken(f"colour_of_each_{_line}", over=_over)(f"""
    - How many different colours are there in the border of one picture?
    - The place is right. Each {_line} has a colour of its own in yours.
    - A mean over which dimensions leaves one number for each picture and channel?
""")


@framed.mistake
def colour_of_the_first(pictures, border):
    """
    - Does a picture on snow get the same border as one on soil?
    - The place is right. All pictures have the colour of the first one.
    - Each picture has a mean of its own: which index did you leave out, or put in?
    """
    colour = mean_colour(pictures)[:1]
    return torch.where(inside(pictures, border), pictures, colour)


@framed.mistake
def around_the_picture(pictures, border):
    """
    - How large is the picture that comes back?
    - You put a border *around* the picture. It was to be covered, not framed from outside.
    - The size stays as it was: the border takes the place of pixels that are there.
    """
    colour = mean_colour(pictures)
    return torch.nn.functional.pad(pictures - colour, [border] * 4) + colour


@framed.mistake
def cut_off(pictures, border):
    """
    - How large is the picture that comes back?
    - You cut the border off. The middle alone is no picture of the same size.
    - Put the middle back to where it was, into a picture of the mean colour.
    """
    height, width = pictures.shape[2:]
    return pictures[:, :, border : height - border, border : width - border]


def _to_the_end(border: int, side: int) -> tuple[int, int]:
    return border, side


for _side, _ranges in (
    ("bottom", (_to_the_end, _inner)),
    ("right", (_inner, _to_the_end)),
):
    framed.mistaken(f"{_side}_side_stays", _outside(*_ranges))("""
    - Show one of your pictures: how many sides of it are covered?
    - Three of the four sides are covered.
    - Go through your lines: top, bottom, left, right.
""")
