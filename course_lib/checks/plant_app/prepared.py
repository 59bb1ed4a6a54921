"""Task 2 of exercise 09, find the bugs: from the camera's bytes to the network's input."""

from typing import Any

import numpy as np
import torch
from PIL import Image

from ..inputs import whole
from ..task import task


def _shrunk(picture: np.ndarray, size: int) -> np.ndarray:
    """Bytes (height, width, 3 or 4) as ones of (size, size, 3 or 4)."""
    given = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(given.resize((size, size), Image.Resampling.BICUBIC))


def _captured(random: torch.Generator, case: int) -> tuple:
    """A camera's bytes: upright, lying or square, large or odd; and what a network wants."""
    short, more = whole(random, 40, 60), whole(random, 12, 40)
    width, height = ((short + more, short), (short, short + more), (short, short),
                     (short + more, short))[case % 4]  # fmt: skip
    rough = torch.randint(0, 256, (3, height // 6 + 1, width // 6 + 1), generator=random).float()
    smooth = torch.nn.functional.interpolate(rough[None], (height, width), mode="bilinear")[0]
    pixels = torch.full((height, width, 4), 255, dtype=torch.uint8)
    pixels[..., :3] = smooth.permute(1, 2, 0).round().byte()
    mean, scale = ((127, 128), (127.5, 63.75), (120, 60), (127.5, 127.5))[case // 2 % 4]
    return pixels.flatten().numpy(), width, height, (16, 24, 21)[case % 3], mean, scale


def _inside(result: Any, *_inputs: Any) -> Any:
    """Without the rim, where cutting before shrinking and after it are not quite the same."""
    if result is None or result is Ellipsis:
        return result
    return np.asarray(result)[..., 2:-2, 2:-2]


def _page(
    pixels, width, height, size, mean, scale,
    swapped=False, scrambled=False, wrapped=False, cut="both", colours=slice(3), norm=None,
    axes=(2, 0, 1),
):  # fmt: skip
    """The page's preparation, with whatever is wrong about it; cut: the sides that it knows of."""
    down, across = (width, height) if swapped else (height, width)
    picture = np.asarray(pixels).reshape(down, across, 4)[..., colours]
    side = min(width, height)
    top = (down - side) // 2 if cut in ("both", "down") else 0
    left = (across - side) // 2 if cut in ("both", "across") else 0
    square = picture[top : top + side, left : left + side] if cut else picture
    small: Any = _shrunk(square, size)
    low = small - np.uint8(mean) if wrapped and mean == int(mean) else small.astype(float) - mean
    ready = norm(small.astype(float), mean, scale) if norm else low / scale
    return ready.reshape(1, -1, size, size) if scrambled else ready.transpose(axes)[None]


ONE_LEVEL = 0.012  # of 255, beside the largest number that comes out: PIL rounds up or down


@task(
    "09_plant_app",
    draw=_captured,
    observed=_inside,
    borrowed=("prepare", "square"),
    tolerance=ONE_LEVEL,
)
def prepared(pixels, width, height, size, mean, scale):
    """A network fed wrongly raises no error: it names something else, a little less often rightly.

    So the page's numbers are compared with Python's, picture by picture, and not its names alone.
    """
    return _page(pixels, width, height, size, mean, scale)


prepared.mistaken("as_given", _page, swapped=True, scrambled=True, wrapped=True)("""
    - Look at what each line makes. Is it still a picture? Draw it.
    - Try one that is not square, with another colour in each corner, and follow the corners to the
      end. Then try whole numbers for the mean: what do dark pixels become?
    - Ask of each line in turn: which number of the shape counts the rows? Does `reshape` move
      colours to where they belong? Which type do the pixels have when something is taken away from
      them?
""")

prepared.mistaken("swapped_and_scrambled", _page, swapped=True, scrambled=True)("""
    - Dark pixels are right now. Draw what `picture` is, and then what comes back.
    - Try a picture that is not square: where do its rows end? And what does the last `reshape` do
      with three colours that lie beside each other?
    - The bytes come row by row: which number is it that counts the rows? And at the end the colours
      have to change their place, not the numbers their shape alone.
""")

prepared.mistaken("swapped_and_wrapped", _page, swapped=True, wrapped=True)("""
    - The colours are in their places. Draw a picture that is not square.
    - Where do the rows of your picture end? And with a whole number for the mean, what do dark
      pixels become?
    - The bytes come row by row: which number counts the rows? And which type do the pixels have
      when the mean is taken away?
""")

prepared.mistaken("scrambled_and_wrapped", _page, scrambled=True, wrapped=True)("""
    - The middle is right. Draw the first of the three channels that come back.
    - Nine small grey leaves in place of one: what does the last `reshape` do with three colours
      that lie beside each other? And with a whole number for the mean, what do dark pixels become?
    - At the end the colours have to change their place, not the numbers their shape alone. And
      before the mean is taken away: which type do the pixels have?
""")

prepared.mistaken("rows_and_columns", _page, swapped=True)("""
    - Right for square pictures. In which order do the bytes of another one come?
    - Row by row, from left to right: a row has as many pixels as the picture is *wide*. Draw yours.
    - The first number of the shape counts rows, the second what is in a row. And so it is where you
      cut.
""")

prepared.mistaken("scrambled", _page, scrambled=True)("""
    - Draw the first of the three channels that come back. What do you see?
    - `reshape` leaves the numbers in their order. Red, green and blue of a pixel lie beside each
      other, and still do afterwards.
    - The colours have to come first: which function of numpy changes the order of the axes?
""")

prepared.mistaken("wrapped", _page, wrapped=True)("""
    - Right for some means, not for others. Which ones? Take 127 away from a pixel of 100.
    - Pixels are whole numbers without a sign, of 8 bits. `np.uint8(100) - 127` is no error, and no
      -27 either.
    - Of which type are the pixels when the mean is taken away from them? Of which should they be?
""")

prepared.mistaken("left_edge", _page, cut="down")("""
    - Right for upright pictures. Which part of a lying one do you cut out?
    - Your square begins at the left edge. Asked for is the middle.
    - What is too much in a row is left out on both sides, half of it on each.
""")

prepared.mistaken("top_edge", _page, cut="across")("""
    - Right for lying pictures. Which part of an upright one do you cut out?
    - Your square begins at the top. Asked for is the middle.
    - What is too much in a column is left out above and below, half of it on each side.
""")

prepared.mistaken("corner", _page, cut="neither")("""
    - Where in the camera's picture does the user hold the leaf?
    - You cut the square out at the beginning of rows and columns. Asked for is the middle.
    - As much is left out on the left as on the right, and above as below. How much is that?
""")

prepared.mistaken("squeezed", _page, cut="")("""
    - What becomes of a round leaf in a picture that is twice as wide as high?
    - You shrink the whole picture. Leaves become narrow, and the network never saw such ones.
    - Cut first, then shrink: what goes into `shrunk` is square already.
""")

prepared.mistaken("blue_first", _page, colours=[2, 1, 0])("""
    - What colour has a green leaf in the autumn, and what colour in your picture?
    - You turn the colours around. The camera's bytes are red, green, blue, as the network wants
      them.
    - Some libraries store blue first; the page does not. Only the fourth number of each pixel goes.
""")

prepared.mistaken("four_channels", _page, colours=slice(4))("""
    - How many channels does the network expect, and what is in yours?
    - You kept the fourth number of each pixel, its opacity. It is no colour.
    - Take red, green and blue, and leave the last one of the four out.
""")

prepared.mistaken("always_those_of_the_leaves", _page, norm=lambda x, *_: (x - 127.5) / 63.75)("""
    - Right for the leaves. What about the real plants, whose network learned other numbers?
    - You always take the numbers of the leaves' network, as the chapter's cell does.
    - Each model's file says what is taken away from a pixel and what it is divided by: both are
      arguments.
""")

prepared.mistaken("by_255", _page, norm=lambda x, mean, scale: x / 255)("""
    - From which number to which do your results go, and where do `mean` and `scale` come in?
    - You divide by 255, as many networks want it. This one was trained on other numbers.
    - Each model file says what is taken away from a pixel, and what it is divided by.
""")

prepared.mistaken("by_255_first", _page, norm=lambda x, mean, scale: (x / 255 - mean) / scale)("""
    - Are `mean` and `scale` for pixels from 0 to 1, or for pixels from 0 to 255? Look at them.
    - You divide by 255 and then take a mean of more than a hundred away.
    - `mean` and `scale` are meant for the bytes as they come. Divide once.
""")

prepared.mistaken("divided_first", _page, norm=lambda x, mean, scale: x / scale - mean)("""
    - A pixel that equals the mean: what does it become?
    - You divide first and take the mean away after that: brackets are missing.
    - The mean goes before anything is divided.
""")

prepared.mistaken("own_statistics", _page, norm=lambda x, mean, scale: (x - x.mean()) / x.std())("""
    - Two pictures of the same leaf, one in the shade: may they be given other numbers?
    - You take the mean and the spread of each picture itself. The network was trained with two
      numbers that are the same for all.
    - `mean` and `scale` are arguments: use these.
""")

prepared.mistaken("channels_last", _page, axes=(0, 1, 2))("""
    - Which shape was asked for, and which has your result?
    - Your colours come last. The network wants them before the rows and the columns.
    - Change the order of the axes, of the axes and not of the numbers: first colours, then rows,
      then columns.
""")

prepared.mistaken("on_its_side", _page, axes=(2, 1, 0))("""
    - The colours come first, as they should. Is the leaf upright? Draw a channel.
    - Your rows have become columns: `.T` turns around all the axes.
    - The colours come first, and rows stay before columns: say in which order you want the axes.
""")


prepared.mistaken("mean_left_out", _page, norm=lambda x, mean, scale: x / scale)("""
    - A pixel that equals the mean: what should it become?
    - You divide, but nothing is taken away before.
    - There are two numbers in the model's file. Where is the first of them in your function?
""")

prepared.mistaken("scale_left_out", _page, norm=lambda x, mean, scale: x - mean)("""
    - From which number to which do your results go? The network learned numbers near zero.
    - You take the mean away, but do not divide.
    - There are two numbers in the model's file. Where is the second of them in your function?
""")

prepared.mistaken("mean_added", _page, norm=lambda x, mean, scale: (x + mean) / scale)("""
    - A pixel that equals the mean: what should it become?
    - You add the mean. All your numbers lie above zero.
    - Which sign stands before `mean` in the task?
""")

prepared.mistaken("multiplied", _page, norm=lambda x, mean, scale: (x - mean) * scale)("""
    - From which number to which do your results go? The network learned numbers near zero.
    - You multiply by `scale`.
    - Look at the formula in the task once more.
""")

prepared.mistaken(
    "below_zero_lost", _page, norm=lambda x, mean, scale: (x - mean).clip(0) / scale
)("""
    - What do dark pixels become? Take a mean of 127 away from a pixel of 100.
    - Whatever is below the mean becomes 0 in your function. Half of the picture is gone.
    - Nothing is cut off: the network learned numbers below zero as well.
""")

prepared.mistaken("whole_numbers", _page, norm=lambda x, mean, scale: (x - mean) // scale)("""
    - How many different numbers are there in your result?
    - You divide and leave out what is behind the point: four levels or so are left of 256.
    - `//` is not `/`.
""")

prepared.mistaken(
    "signed_bytes", _page,
    norm=lambda x, mean, scale: (x.astype(np.uint8).astype(np.int8) - float(mean)) / scale,
)("""
    - Right for dark pixels. What becomes of a pixel of 200?
    - With 8 bits and a sign numbers go from -128 to 127. Bright pixels become dark ones.
    - Which type holds whole numbers from 0 to 255 *and* numbers below zero?
""")  # fmt: skip

prepared.mistaken("opacity_first", _page, colours=slice(1, 4))("""
    - Which of the four numbers of a pixel is always 255 here, and which channel of yours is?
    - You leave out the first of the four: that is red. The opacity stays.
    - Red, green, blue and opacity, in this order: the last one goes.
""")


@prepared.mistake
def read_as_planes(pixels, width, height, size, mean, scale):
    """
    - Draw what you make of the bytes, before anything else. Is it a picture?
    - You read all reds first, then all greens. But the four numbers of a pixel stand side by side.
    - Which axis of the shape is the one that changes fastest?
    """
    planes = np.asarray(pixels).reshape(4, height, width).transpose(1, 2, 0)
    return _page(planes.reshape(-1), width, height, size, mean, scale)


@prepared.mistake
def cut_the_other_way(pixels, width, height, size, mean, scale):
    """
    - Right for square pictures. What do the two slices cut, rows or columns?
    - Rows and columns are read rightly, and then exchanged where you cut.
    - The first slice is for rows: it begins at the top.
    """
    picture, side = np.asarray(pixels).reshape(height, width, 4)[..., :3], min(width, height)
    top, left = (height - side) // 2, (width - side) // 2
    small = _shrunk(picture[left : left + side, top : top + side], size)
    return (small.transpose(2, 0, 1)[None] - float(mean)) / scale


@prepared.mistake
def cut_to_size(pixels, width, height, size, mean, scale):
    """
    - How much of the leaf is in your picture?
    - You cut `size` pixels out of the middle, and shrink nothing: what you see is a small piece.
    - The square is as large as the picture allows. `shrunk` makes `size` of it.
    """
    picture = np.asarray(pixels).reshape(height, width, 4)[..., :3]
    top, left = (height - size) // 2, (width - size) // 2
    piece = picture[top : top + size, left : left + size]
    return (piece.transpose(2, 0, 1)[None] - float(mean)) / scale


@prepared.mistake
def with_a_border(pixels, width, height, size, mean, scale):
    """
    - Right for square pictures. Draw another one: what stands at its edges?
    - You make the picture square by a border. Asked for is to cut.
    - The square is as wide as the *shorter* side.
    """
    side = max(width, height)
    square = np.zeros((side, side, 3), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    picture = np.asarray(pixels).reshape(height, width, 4)[..., :3]
    square[top : top + height, left : left + width] = picture
    return (_shrunk(square, size).transpose(2, 0, 1)[None] - float(mean)) / scale


@prepared.mistake
def upside_down(pixels, width, height, size, mean, scale):
    """
    - Draw the first of the three channels. Where is the top of the leaf?
    - Your picture stands on its head.
    - The bytes begin with the upper line. Nothing has to be turned.
    """
    return _page(pixels, width, height, size, mean, scale)[:, :, ::-1]


@prepared.mistake
def pixels_picked(pixels, width, height, size, mean, scale):
    """
    - What becomes of the pixels between those that you take?
    - You pick single pixels instead of shrinking. That is quick, and fine patterns flicker.
    - `shrunk` is there for that, and it is right.
    """
    picture, side = np.asarray(pixels).reshape(height, width, 4)[..., :3], min(width, height)
    top, left = (height - side) // 2, (width - side) // 2
    some = np.arange(size) * side // size
    picked = picture[top + some][:, left + some]
    return (picked.transpose(2, 0, 1)[None] - float(mean)) / scale
