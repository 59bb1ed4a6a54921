"""Checks of exercise 09: a frame's time, a page's pictures, a threshold, a battery, a garden."""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .. import data, engines, packing, recipe
from .budget import JUDGED, Budget, leaves
from .prediction import Prediction
from .task import task

CHAPTER = "09_plant_app"


def _between(random: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(1, generator=random))


def _whole(random: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, (1,), generator=random))


# 1. Who keeps the beat?

# Networks by their frames, in shares of the time that there is: [(share of the frames, capture,
# preparation, network), ...]. The most accurate one first, so that whoever lets one of these
# pass by mistake also chooses it.
FRAMES = {
    "far too slow": [(1.0, 0.3, 0.3, 2.4)],
    "quick alone": [(1.0, 0.4, 0.35, 0.85)],
    "quick without its capture": [(1.0, 0.7, 0.3, 0.6)],
    "a third is quick": [(0.3, 0.2, 0.2, 0.4), (0.7, 0.3, 0.3, 1.3)],
    "half are quick": [(0.6, 0.2, 0.2, 0.4), (0.4, 0.3, 0.3, 1.4)],
    "quick on average": [(0.82, 0.2, 0.2, 0.35), (0.18, 0.2, 0.2, 1.1)],
    "slow by turns": [(0.79, 0.2, 0.2, 0.3), (0.07, 1.0, 0.2, 0.3), (0.07, 0.2, 1.0, 0.3),
                      (0.07, 0.2, 0.2, 1.1)],
}  # fmt: skip
KEEPING = (
    [(0.94, 0.2, 0.2, 0.45), (0.06, 0.3, 0.3, 1.0)],  # a few frames are late
    [(0.7, 0.2, 0.2, 0.5), (0.15, 0.4, 0.2, 0.3), (0.15, 0.2, 0.4, 0.3)],  # its parts are, by turns
)
LESS_ACCURATE = {"keeps it narrowly": [(1.0, 0.2, 0.2, 0.56)], "fast": [(1.0, 0.1, 0.1, 0.2)]}


def _frames(kinds: list, count: int, left: float, random: torch.Generator) -> np.ndarray:
    """Recorded times (frames, 3) in ms: capture, preparation and network."""
    rows = [row for share, *row in kinds for _ in range(round(share * count))]
    times = left * torch.tensor(rows, dtype=torch.float64)
    times *= 1 + 0.02 * (torch.rand(times.shape, generator=random, dtype=torch.float64) - 0.5)
    return times[torch.randperm(len(times), generator=random)].numpy()


def _recorded(random: torch.Generator, case: int) -> tuple:
    """Networks that each look good by one wrong measure, and one or none that is good."""
    rate = (24, 60, 20, 50)[case % 4]
    page = 1000 / rate * _between(random, 0.12, 0.18)
    left = 1000 / rate - page
    narrowly = [(1.0, 0.2, 0.2, 0.6 + page / left / 2)]  # in time if nothing else were to be done
    beyond = [(1.0, 0.2, 0.2, 0.6 + 1.5 * page / left)]
    kinds = [*FRAMES.values(), beyond, narrowly]
    if case != 5:  # else nobody keeps the beat
        kinds += [KEEPING[case % 2], *LESS_ACCURATE.values()]
    count = 100 * _whole(random, 1, 3)
    times = [_frames(each, count, left, random) for each in kinds]
    steps = [_between(random, 0.004, 0.01) for _ in times]
    accuracies = [0.985 - sum(steps[:place]) for place in range(len(times))]
    order = torch.randperm(len(times), generator=random).tolist()
    best, fast = len(times) - 3, len(times) - 1
    if case != 5 and (order.index(fast) < order.index(best)) != bool(case // 2 % 2):
        order.reverse()
    return [times[i] for i in order], [accuracies[i] for i in order], rate, page


def _slow_tenth(values: np.ndarray) -> float:
    """A tenth is slower. No frame is near the limit there, so it need not be interpolated."""
    return float(np.sort(values)[9 * len(values) // 10])


def _most_accurate(accuracies: list, holds: list) -> int | None:
    return max((n for n, good in enumerate(holds) if good), key=lambda n: accuracies[n],
               default=None)  # fmt: skip


def _chosen(times, accuracies, limit, measure) -> int | None:
    """The most accurate one of which the measure of its frames is within the limit."""
    return _most_accurate(accuracies, [measure(each) <= limit for each in times])


@task(CHAPTER, draw=_recorded, cases=6)
def in_time(times, accuracies, rate, page):
    """A user feels the frames that come late, not the mean of all.

    So a budget is for a whole frame, from the camera to the name, and for the slow tenth of them.
    """
    limit = 1000 / rate - page
    return _chosen(times, accuracies, limit, lambda each: _slow_tenth(each.sum(1)))


@in_time.mistake
def in_seconds(times, accuracies, rate, page):
    """In which unit are the times, and in which one is 1 / rate?

    A frame has 1 / rate *seconds*. The recorded times are milliseconds, so nobody can hold that.

    Write down how many milliseconds one of 30 frames a second may take, and begin with that number.
    """
    return _chosen(times, accuracies, 1 / rate - page, lambda each: _slow_tenth(each.sum(1)))


@in_time.mistake
def rate_as_milliseconds(times, accuracies, rate, page):
    """60 frames a second: how long may one of them take? Longer than at 20 a second?

    You compare milliseconds with frames a second. At about 30 the two happen to be alike.

    More frames a second leave *less* time for each. Turn the rate into milliseconds first.
    """
    return _chosen(times, accuracies, rate - page, lambda each: _slow_tenth(each.sum(1)))


@in_time.mistake
def nothing_for_the_page(times, accuracies, rate, page):
    """Who else needs a part of each frame? Read the task again.

    Your frame belongs to the three parts alone. The page draws the picture and the bars, too.

    What `page` takes is not there for the others: the frame is shorter by it.
    """
    return _chosen(times, accuracies, 1000 / rate, lambda each: _slow_tenth(each.sum(1)))


@in_time.mistake
def page_on_the_wrong_side(times, accuracies, rate, page):
    """Does the page's own work leave more time for a frame, or less?

    Your limit is longer than the frame itself.

    What the page takes counts like a fourth part of the frame. Put it on the right side of the
    comparison.
    """
    return _chosen(times, accuracies, 1000 / rate + page, lambda each: _slow_tenth(each.sum(1)))


@in_time.mistake
def on_average(times, accuracies, rate, page):
    """Half of the frames take 10 ms, half take 50. What is the mean, and how does it feel?

    You look at the mean. Many quick frames make up for slow ones there, but not for the user.

    Nine of ten frames have to be in time: which number tells that?
    """
    return _chosen(times, accuracies, 1000 / rate - page, lambda each: each.sum(1).mean())


@in_time.mistake
def the_frame_in_the_middle(times, accuracies, rate, page):
    """How many frames are slower than the median?

    Half of all frames may be late by your measure. Asked for is a tenth.

    The median is the 50th percentile. Which one was asked for?
    """
    return _chosen(times, accuracies, 1000 / rate - page, lambda each: np.median(each.sum(1)))


@in_time.mistake
def the_fast_tenth(times, accuracies, rate, page):
    """Sort the frames from fast to slow. On which end do you stand?

    Nine of ten frames are slower than your number. A high percentile of frames a *second* is a low
    one of milliseconds.

    The slow end counts: in milliseconds the 90th percentile, in frames a second the 10th.
    """
    limit = 1000 / rate - page
    return _chosen(times, accuracies, limit, lambda each: -_slow_tenth(-each.sum(1)))


@in_time.mistake
def sum_of_the_percentiles(times, accuracies, rate, page):
    """Is the frame with the slow capture the same one as that with the slow network?

    You take the slow tenth of each part, then add. The parts may be slow in different frames: then
    more frames are late than you think, or none is.

    A frame is in time or late as a whole. What comes first then, the sum or the percentile?
    """
    limit = 1000 / rate - page
    return _chosen(times, accuracies, limit, lambda each: sum(map(_slow_tenth, each.T)))


@in_time.mistake
def the_network_alone(times, accuracies, rate, page):
    """From the camera to the name: what else takes time?

    You look at the last column alone. A frame has to be captured and prepared before.

    All three columns belong to a frame.
    """
    return _chosen(times, accuracies, 1000 / rate - page, lambda each: _slow_tenth(each[:, 2]))


@in_time.mistake
def without_the_capture(times, accuracies, rate, page):
    """Where does a frame begin?

    You add preparation and network. Until the camera's picture is there, time passes as well.

    All three columns belong to a frame, the first one too.
    """
    limit = 1000 / rate - page
    return _chosen(times, accuracies, limit, lambda each: _slow_tenth(each[:, 1:].sum(1)))


@in_time.mistake
def every_frame(times, accuracies, rate, page):
    """How many frames may be late by your measure, and how many by the task's?

    You ask for the slowest frame of all. On a phone there is always one that is late.

    One frame of ten may be late. Which number has nine tenths of the frames below it?
    """
    return _chosen(times, accuracies, 1000 / rate - page, lambda each: each.sum(1).max())


@in_time.mistake
def accuracy_alone(times, accuracies, rate, page):
    """Would a user wait for the name that you offer?

    You return the most accurate network of all. It is far too slow.

    First see who is in time. Of these alone take the most accurate.
    """
    return int(np.argmax(accuracies))


@in_time.mistake
def the_first_in_time(times, accuracies, rate, page):
    """Does your function look at `accuracies`?

    Yours takes the first network that is in time. The list has no order.

    Among all that are in time, the most accurate one.
    """
    limit = 1000 / rate - page
    return next((n for n, each in enumerate(times) if _slow_tenth(each.sum(1)) <= limit), None)


@in_time.mistake
def the_fastest(times, accuracies, rate, page):
    """Whoever is in time is in time. What decides among these?

    You take the fastest one. It is less accurate than another that is in time as well.

    Time only says who may take part. Then `accuracies` decide.
    """
    slow = [_slow_tenth(each.sum(1)) for each in times]
    best = int(np.argmin(slow))
    return best if slow[best] <= 1000 / rate - page else None


@in_time.mistake
def the_slowest_in_time(times, accuracies, rate, page):
    """Is a slower network always a better one?

    You take the one that fills the frame. Some networks are slow without being accurate.

    `accuracies` tell who is the best of those that are in time.
    """
    slow = [_slow_tenth(each.sum(1)) for each in times]
    return max((n for n, ms in enumerate(slow) if ms <= 1000 / rate - page),
               key=lambda n: slow[n], default=None)  # fmt: skip


@in_time.mistake
def place_among_those_in_time(times, accuracies, rate, page):
    """The right one is found, under a wrong number. Among whom do you count?

    You sort out the slow ones first, and return the place in the list of those that are left.

    The number is the place in the list that your function was given. Keep the numbers while you
    sort out.
    """
    limit = 1000 / rate - page
    held = [a for each, a in zip(times, accuracies, strict=True)
            if _slow_tenth(each.sum(1)) <= limit]  # fmt: skip
    return held.index(max(held)) if held else None


@in_time.mistake
def its_accuracy(times, accuracies, rate, page):
    """What comes back: how accurate the network is, or which one it is?

    You return the accuracy of the right one. Asked for is its number, its place in the list.

    Look for the place of the highest accuracy among those in time, not for the accuracy itself.
    """
    number = in_time.right(times, accuracies, rate, page)
    return None if number is None else accuracies[number]


# 2. Find the bugs: from the camera's bytes to the network's input


def _shrunk(picture: np.ndarray, size: int) -> np.ndarray:
    """Bytes (height, width, 3 or 4) as ones of (size, size, 3 or 4)."""
    given = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(given.resize((size, size), Image.Resampling.BICUBIC))


def _captured(random: torch.Generator, case: int) -> tuple:
    """A camera's bytes: upright, lying or square, large or odd; and what a network wants."""
    short, more = _whole(random, 40, 60), _whole(random, 12, 40)
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
    CHAPTER,
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


@prepared.mistake
def as_given(pixels, width, height, size, mean, scale):
    """Look at what each line makes. Is it still a picture? Draw it.

    Try one that is not square, with another colour in each corner, and follow the corners to the
    end. Then try whole numbers for the mean: what do dark pixels become?

    Ask of each line in turn: which number of the shape counts the rows? Does `reshape` move colours
    to where they belong? Which type do the pixels have when something is taken away from them?
    """
    return _page(pixels, width, height, size, mean, scale,
                 swapped=True, scrambled=True, wrapped=True)  # fmt: skip


@prepared.mistake
def swapped_and_scrambled(pixels, width, height, size, mean, scale):
    """Dark pixels are right now. Draw what `picture` is, and then what comes back.

    Try a picture that is not square: where do its rows end? And what does the last `reshape` do
    with three colours that lie beside each other?

    The bytes come row by row: which number is it that counts the rows? And at the end the colours
    have to change their place, not the numbers their shape alone.
    """
    return _page(pixels, width, height, size, mean, scale, swapped=True, scrambled=True)


@prepared.mistake
def swapped_and_wrapped(pixels, width, height, size, mean, scale):
    """The colours are in their places. Draw a picture that is not square.

    Where do the rows of your picture end? And with a whole number for the mean, what do dark pixels
    become?

    The bytes come row by row: which number counts the rows? And which type do the pixels have when
    the mean is taken away?
    """
    return _page(pixels, width, height, size, mean, scale, swapped=True, wrapped=True)


@prepared.mistake
def scrambled_and_wrapped(pixels, width, height, size, mean, scale):
    """The middle is right. Draw the first of the three channels that come back.

    Nine small grey leaves in place of one: what does the last `reshape` do with three colours that
    lie beside each other? And with a whole number for the mean, what do dark pixels become?

    At the end the colours have to change their place, not the numbers their shape alone. And before
    the mean is taken away: which type do the pixels have?
    """
    return _page(pixels, width, height, size, mean, scale, scrambled=True, wrapped=True)


@prepared.mistake
def rows_and_columns(pixels, width, height, size, mean, scale):
    """Right for square pictures. In which order do the bytes of another one come?

    Row by row, from left to right: a row has as many pixels as the picture is *wide*. Draw yours.

    The first number of the shape counts rows, the second what is in a row. And so it is where you
    cut.
    """
    return _page(pixels, width, height, size, mean, scale, swapped=True)


@prepared.mistake
def scrambled(pixels, width, height, size, mean, scale):
    """Draw the first of the three channels that come back. What do you see?

    `reshape` leaves the numbers in their order. Red, green and blue of a pixel lie beside each
    other, and still do afterwards.

    The colours have to come first: which function of numpy changes the order of the axes?
    """
    return _page(pixels, width, height, size, mean, scale, scrambled=True)


@prepared.mistake
def wrapped(pixels, width, height, size, mean, scale):
    """Right for some means, not for others. Which ones? Take 127 away from a pixel of 100.

    Pixels are whole numbers without a sign, of 8 bits. `np.uint8(100) - 127` is no error, and no
    -27 either.

    Of which type are the pixels when the mean is taken away from them? Of which should they be?
    """
    return _page(pixels, width, height, size, mean, scale, wrapped=True)


@prepared.mistake
def left_edge(pixels, width, height, size, mean, scale):
    """Right for upright pictures. Which part of a lying one do you cut out?

    Your square begins at the left edge. Asked for is the middle.

    What is too much in a row is left out on both sides, half of it on each.
    """
    return _page(pixels, width, height, size, mean, scale, cut="down")


@prepared.mistake
def top_edge(pixels, width, height, size, mean, scale):
    """Right for lying pictures. Which part of an upright one do you cut out?

    Your square begins at the top. Asked for is the middle.

    What is too much in a column is left out above and below, half of it on each side.
    """
    return _page(pixels, width, height, size, mean, scale, cut="across")


@prepared.mistake
def corner(pixels, width, height, size, mean, scale):
    """Where in the camera's picture does the user hold the leaf?

    You cut the square out at the beginning of rows and columns. Asked for is the middle.

    As much is left out on the left as on the right, and above as below. How much is that?
    """
    return _page(pixels, width, height, size, mean, scale, cut="neither")


@prepared.mistake
def squeezed(pixels, width, height, size, mean, scale):
    """What becomes of a round leaf in a picture that is twice as wide as high?

    You shrink the whole picture. Leaves become narrow, and the network never saw such ones.

    Cut first, then shrink: what goes into `shrunk` is square already.
    """
    return _page(pixels, width, height, size, mean, scale, cut="")


@prepared.mistake
def blue_first(pixels, width, height, size, mean, scale):
    """What colour has a green leaf in the autumn, and what colour in your picture?

    You turn the colours around. The camera's bytes are red, green, blue, as the network wants them.

    Some libraries store blue first; the page does not. Only the fourth number of each pixel goes.
    """
    return _page(pixels, width, height, size, mean, scale, colours=[2, 1, 0])


@prepared.mistake
def four_channels(pixels, width, height, size, mean, scale):
    """How many channels does the network expect, and what is in yours?

    You kept the fourth number of each pixel, its opacity. It is no colour.

    Take red, green and blue, and leave the last one of the four out.
    """
    return _page(pixels, width, height, size, mean, scale, colours=slice(4))


@prepared.mistake
def always_those_of_the_leaves(pixels, width, height, size, mean, scale):
    """Right for the leaves. What about the real plants, whose network learned other numbers?

    You always take the numbers of the leaves' network, as the chapter's cell does.

    Each model's file says what is taken away from a pixel and what it is divided by: both are
    arguments.
    """
    return _page(pixels, width, height, size, mean, scale,
                 norm=lambda x, m, s: (x - 127.5) / 63.75)  # fmt: skip


@prepared.mistake
def by_255(pixels, width, height, size, mean, scale):
    """From which number to which do your results go, and where do `mean` and `scale` come in?

    You divide by 255, as many networks want it. This one was trained on other numbers.

    Each model file says what is taken away from a pixel, and what it is divided by.
    """
    return _page(pixels, width, height, size, mean, scale, norm=lambda x, m, s: x / 255)


@prepared.mistake
def by_255_first(pixels, width, height, size, mean, scale):
    """Are `mean` and `scale` for pixels from 0 to 1, or for pixels from 0 to 255? Look at them.

    You divide by 255 and then take a mean of more than a hundred away.

    `mean` and `scale` are meant for the bytes as they come. Divide once.
    """
    return _page(pixels, width, height, size, mean, scale, norm=lambda x, m, s: (x / 255 - m) / s)


@prepared.mistake
def divided_first(pixels, width, height, size, mean, scale):
    """A pixel that equals the mean: what does it become?

    You divide first and take the mean away after that: brackets are missing.

    The mean goes before anything is divided.
    """
    return _page(pixels, width, height, size, mean, scale, norm=lambda x, m, s: x / s - m)


@prepared.mistake
def own_statistics(pixels, width, height, size, mean, scale):
    """Two pictures of the same leaf, one in the shade: may they be given other numbers?

    You take the mean and the spread of each picture itself. The network was trained with two
    numbers that are the same for all.

    `mean` and `scale` are arguments: use these.
    """
    return _page(pixels, width, height, size, mean, scale,
                 norm=lambda x, m, s: (x - x.mean()) / x.std())  # fmt: skip


@prepared.mistake
def channels_last(pixels, width, height, size, mean, scale):
    """Which shape was asked for, and which has your result?

    Your colours come last. The network wants them before the rows and the columns.

    Change the order of the axes, of the axes and not of the numbers: first colours, then rows, then
    columns.
    """
    return _page(pixels, width, height, size, mean, scale, axes=(0, 1, 2))


@prepared.mistake
def on_its_side(pixels, width, height, size, mean, scale):
    """The colours come first, as they should. Is the leaf upright? Draw a channel.

    Your rows have become columns: `.T` turns around all the axes.

    The colours come first, and rows stay before columns: say in which order you want the axes.
    """
    return _page(pixels, width, height, size, mean, scale, axes=(2, 1, 0))


# 3. Only divided by 255


@functools.cache
def _lost() -> float:
    """Points that the shipped network loses on leaves divided by 255; validation images."""
    images = leaves()
    network = packing.load(recipe.packed_file(images))
    right = recipe.named_right(network, images.val).double().mean().item()
    divided = torch.cat([network(p.float() / 255).argmax(1) for p in images.val.pixels.split(20)])
    return 100 * (right - float((divided == images.val.labels).double().mean()))


my_points = Prediction(
    CHAPTER,
    "my_points",
    "How many points of accuracy are lost if the pixels are only divided by 255?",
    low=0,
    high=100,
    measure=_lost,
    why="The same leaves, and to an eye the same pictures. Nothing raised an error, and no time or "
    "size changed: only a comparison with Python's numbers tells.",
    unit=" points",
)


# 4. When to say nothing


def _named(random: torch.Generator, case: int) -> tuple:
    """Probabilities of validation images and whether the name is right; other things among them.

    The surest names hold wrong ones, so that the share goes up and down on the way; at the best
    threshold it is just below the limit, and the next image is one of many that are equally sure.
    """
    most = (0.02, 0.05, 0.1, 0.03)[case % 4]
    allowed = _whole(random, round(220 * most), round(280 * most))
    accepted, wrong = round((allowed + 0.5) / most), allowed - 1  # never just at the limit
    first = [True] * accepted
    for place in (0, 1) if case % 4 == 1 else (9, 10):  # sure, and wrong
        first[place] = False
    rest = torch.randperm(accepted - 30, generator=random)[: wrong - 2] + 20
    for place in rest.tolist():
        first[place] = False
    next_ones = [True] * 5 + [False] * 7  # in every other case they are equally sure
    tail = torch.rand(_whole(random, 120, 160), generator=random) < 0.45
    tail[-3:] = torch.tensor([False, True, True])
    if case == 6:  # nothing can be accepted
        first, next_ones = [False, False, False, True, False], [True, False, False]
    right = torch.tensor([*first, *next_ones, *tail.tolist()])
    grid = torch.randperm(3600, generator=random)[: len(right)].sort(descending=True).values + 400
    if case // 2 % 2:
        grid[len(first) : len(first) + len(next_ones)] = grid[len(first)].clone()
    grid[-1] = 350
    order = torch.randperm(len(right), generator=random)
    return (grid.float() / 4096)[order], right[order], most


def _accepted(result: Any, probabilities: Tensor, *_inputs: Any) -> Any:
    """How many images a threshold accepts: all thresholds between two images are alike."""
    if result is None or result is Ellipsis:
        return result
    return int((probabilities.double() >= float(result)).sum())


def _counted(probabilities: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each threshold that comes into question, the highest first: who is accepted, who is wrong."""
    values, which = probabilities.unique(return_inverse=True)
    accepted = torch.bincount(which, minlength=len(values)).flip(0).cumsum(0)
    wrong = torch.bincount(which[~right], minlength=len(values)).flip(0).cumsum(0)
    return values.flip(0), accepted, wrong


def _lowest(values: Tensor, holds: Tensor) -> float:
    """The lowest threshold that holds; one that accepts nothing if there is none."""
    return float(values[holds.nonzero()[-1]]) if holds.any() else math.inf


@task(CHAPTER, draw=_named, observed=_accepted)
def threshold(probabilities, right, most):
    """What a network calls 90% sure is right nine times in ten only if somebody saw to that.

    A threshold that was measured keeps its promise on images like those that it was measured on.
    """
    values, accepted, wrong = _counted(probabilities, right)
    return _lowest(values, wrong <= most * accepted)


@threshold.mistake
def nothing_comes_back_for_nothing(probabilities, right, most):
    """Mostly right. What do you return if no threshold holds?

    Nothing came back once: no threshold keeps the promise there. The page still needs a number.

    A threshold that no probability reaches accepts nothing at all.
    """
    found = threshold.right(probabilities, right, most)
    return None if found == math.inf else found


@threshold.mistake
def share_of_all(probabilities, right, most):
    """Wrong names are counted, as they should be. Out of how many do you take the share?

    You divide by all images. Those that got no name have no part in the promise.

    At most so many of the *accepted* ones are wrong: divide by how many were accepted.
    """
    values, _, wrong = _counted(probabilities, right)
    return _lowest(values, wrong <= most * len(right))


@threshold.mistake
def share_of_the_wrong(probabilities, right, most):
    """Wrong names are counted, as they should be. Out of how many do you take the share?

    You ask how many of the *wrong* names slip through. Asked for is how many of the accepted names
    are wrong.

    A user sees the accepted names alone: divide by these.
    """
    values, _, wrong = _counted(probabilities, right)
    return _lowest(values, wrong <= most * wrong[-1])


@threshold.mistake
def keeps_the_right_ones(probabilities, right, most):
    """Which promise do you keep: that the names given are right, or that right ones are given?

    You see to it that nearly all the right names are accepted. How many wrong ones are accepted
    with them?

    Of those that are *accepted* take the share that is wrong.
    """
    values, accepted, wrong = _counted(probabilities, right)
    good = accepted - wrong
    return float(values[(good >= (1 - most) * good[-1]).nonzero()[0]])


@threshold.mistake
def the_least_sure(probabilities, right, most):
    """Does your function look at `right`?

    You leave out a fixed share of the images, the least sure ones. Whether those that are left are
    right, you do not know yet.

    Count how many of the accepted ones are wrong, at each threshold that comes into question.
    """
    return float(torch.quantile(probabilities, most))


@threshold.mistake
def believed(probabilities, right, most):
    """Is a network that says 0.98 right in 98 of 100 cases? Count.

    You take the network's word for it. It was never asked whether its probabilities are true.

    `right` tells how often it is right indeed: count at each threshold that comes into question.
    """
    return 1 - most


@threshold.mistake
def the_limit_itself(probabilities, right, most):
    """`most` is a share of wrong names. Is it a probability that a name is right?

    You return what was given. Nearly every image is accepted then, the wrong ones too.

    Look for the threshold: try each one that comes into question, and count the wrong names.
    """
    return most


@threshold.mistake
def the_strictest(probabilities, right, most):
    """The promise is kept. How many images still get a name?

    You found a threshold that holds, the highest one. Others hold as well and accept more.

    Of all thresholds that hold, the one that accepts the most images.
    """
    values, accepted, wrong = _counted(probabilities, right)
    holds = (wrong <= most * accepted).nonzero()
    return float(values[holds[0]]) if len(holds) else math.inf


@threshold.mistake
def stopped_at_the_first(probabilities, right, most):
    """The surest image of all may be wrong. What does your function do then?

    You go down from the surest one and stop as soon as the share is too high. Further down it may
    be low again.

    The share goes up and down on the way: look at all the thresholds before you decide.
    """
    values, accepted, wrong = _counted(probabilities, right)
    return _lowest(values, (wrong > most * accepted).cumsum(0) == 0)


@threshold.mistake
def cut_among_equals(probabilities, right, most):
    """Often nearly right. Several images have the very same probability: what becomes of them?

    You sort, count image by image, and stop between two that are equally sure. A threshold accepts
    both, or neither.

    Look only at places where the probability changes, or count with the threshold itself.
    """
    values, order = probabilities.sort(descending=True, stable=True)
    wrong = (~right[order]).cumsum(0)
    holds = (wrong <= most * torch.arange(1, len(values) + 1)).nonzero().flatten()
    return float(values[holds[-1]]) if len(holds) else math.inf


@threshold.mistake
def strictly_above(probabilities, right, most):
    """The image whose probability equals your threshold: is it accepted?

    You count images *above* the threshold. The page accepts those that reach it, too.

    Compare your sign with the task's words, "at least": is the one that you return among those that
    you counted?
    """
    values, accepted, wrong = _counted(probabilities, right)
    holds = (wrong <= most * accepted).nonzero()
    last = len(values) - 1
    return float(values[min(last, int(holds[-1]) + 1)]) if len(holds) else float(values[0])


@threshold.mistake
def the_wrong_way_round(probabilities, right, most):
    """Which images does the page accept: those above the threshold, or those below?

    You begin with the least sure images. The page accepts the surest ones.

    Turn the order around: the highest probability comes first.
    """
    values, accepted, wrong = _counted(-probabilities, right)
    found = _lowest(values, wrong <= most * accepted)
    return -found if found < 0 else found


@threshold.mistake
def limit_in_percent(probabilities, right, most):
    """`most` is 0.02 for two in a hundred. In which unit is the number that you compare with it?

    Your limit is a hundred times too high: everything is accepted.

    Take both as shares, from 0 to 1.
    """
    return float(probabilities.min())


# 5. What the battery gains


def _phones(random: torch.Generator, case: int) -> tuple:
    """A phone, how it is used, and (ms, mJ) a frame of two networks."""
    watts, aiming = _between(random, 1.2, 2.8), _between(random, 1.5, 4)
    frames = _whole(random, 3, 9)
    heavy = (1.0, 3.0, 0.4, 1.5)[case % 4]
    before = (_between(random, 90, 220), heavy * _between(random, 250, 500))
    after = (before[0] / _between(random, 8, 16), before[1] / _between(random, 18, 40))
    return watts, aiming, frames, before, after


def _joules(watts, aiming, frames, network) -> float:
    ms, mj = network
    return watts * (aiming + frames * ms / 1000) + frames * mj / 1000


@task(CHAPTER, draw=_phones)
def gain(watts, aiming, frames, before, after):
    """This is Amdahl's law: what is not made smaller limits what all the rest can gain.

    Whoever says how much longer a battery lasts has to say what else is running.
    """
    return _joules(watts, aiming, frames, before) / _joules(watts, aiming, frames, after)


@gain.mistake
def energy_of_the_network_alone(watts, aiming, frames, before, after):
    """A network that takes no energy at all: does the battery last for ever?

    You compare the energy of the two networks. Screen and camera drain the battery, too.

    What does one identification take in all? Begin with that, once for each network.
    """
    return before[1] / after[1]


@gain.mistake
def time_of_the_network_alone(watts, aiming, frames, before, after):
    """Is the phone off while nobody waits for the network?

    You compare the milliseconds of the two networks. Aiming takes time as well, and the battery
    holds energy, not time.

    What does one identification take in all, in joules? Begin with that, once for each network.
    """
    return before[0] / after[0]


@gain.mistake
def both_ratios_multiplied(watts, aiming, frames, before, after):
    """A network that takes no energy at all: does the battery last for ever?

    You multiply two gains of the network. Neither of them makes the screen darker.

    What does one identification take in all, in joules? Begin with that, once for each network.
    """
    return before[0] / after[0] * before[1] / after[1]


@gain.mistake
def upside_down(watts, aiming, frames, before, after):
    """More identifications, or fewer? Is your number above 1?

    You divide the small by the large. Who takes *less* for each gets *more* of them.

    Turn the quotient around.
    """
    return 1 / gain.right(watts, aiming, frames, before, after)


@gain.mistake
def share_saved(watts, aiming, frames, before, after):
    """Half of the energy is saved: how many times as many identifications are that?

    You return the share of the energy that is saved. Asked for is how many times as many.

    Who takes half for each gets twice as many of them, not half more.
    """
    return 1 - 1 / gain.right(watts, aiming, frames, before, after)


@gain.mistake
def more_in_percent(watts, aiming, frames, before, after):
    """How many times as many: if nothing changes, which number is it?

    You return by how much there are more. Then no change is 0, and asked for is 1.

    "Twice as many" is 2, not 1 and not 100.
    """
    return gain.right(watts, aiming, frames, before, after) - 1


@gain.mistake
def without_the_aiming(watts, aiming, frames, before, after):
    """What is the phone doing while its user looks for the leaf?

    The screen and the camera are on while the user aims. You count the frames alone.

    `aiming` belongs to the seconds during which `watts` flow.
    """
    return _joules(watts, 0, frames, before) / _joules(watts, 0, frames, after)


@gain.mistake
def screen_while_aiming_alone(watts, aiming, frames, before, after):
    """Is the screen dark while the network computes?

    You let screen and camera run while the user aims. They also run while the frames are computed,
    and that takes longer with the slow network.

    The seconds are those of aiming *and* those of all the frames.
    """
    joules = [watts * aiming + frames * mj / 1000 for _, mj in (before, after)]
    return joules[0] / joules[1]


@gain.mistake
def without_the_networks_energy(watts, aiming, frames, before, after):
    """You count how long the phone is on. What does the network take besides?

    The millijoules of the frames are missing.

    To what screen and camera take, add what all the frames take.
    """
    joules = [watts * (aiming + frames * ms / 1000) for ms, _ in (before, after)]
    return joules[0] / joules[1]


@gain.mistake
def a_single_frame(watts, aiming, frames, before, after):
    """How many frames are computed until a name is there?

    You count a single frame.

    Both the time and the energy of a frame are taken `frames` times.
    """
    return _joules(watts, aiming, 1, before) / _joules(watts, aiming, 1, after)


@gain.mistake
def energy_of_a_single_frame(watts, aiming, frames, before, after):
    """The time is right. How often does the network take its millijoules?

    You take the time of all the frames, but the energy of one.

    `mj` is for a frame, as `ms` is.
    """
    joules = [watts * (aiming + frames * ms / 1000) + mj / 1000 for ms, mj in (before, after)]
    return joules[0] / joules[1]


@gain.mistake
def time_of_a_single_frame(watts, aiming, frames, before, after):
    """The energy of the network is right. How long are screen and camera on?

    You take the energy of all the frames, but the time of one.

    `ms` is for a frame, as `mj` is.
    """
    joules = [watts * (aiming + ms / 1000) + frames * mj / 1000 for ms, mj in (before, after)]
    return joules[0] / joules[1]


@gain.mistake
def millijoules_taken_for_joules(watts, aiming, frames, before, after):
    """Watts times seconds: in which unit is that, and in which one is `mj`?

    You add millijoules to joules, so the network seems to take nearly everything.

    A watt for a second is a joule. How many millijoules is that?
    """
    joules = [watts * (aiming + frames * ms / 1000) + frames * mj for ms, mj in (before, after)]
    return joules[0] / joules[1]


@gain.mistake
def milliseconds_taken_for_seconds(watts, aiming, frames, before, after):
    """In which unit is `aiming`, and in which one is `ms`?

    You add milliseconds to seconds.

    How many seconds is a millisecond? Bring all times into one unit before you add.
    """
    joules = [watts * (aiming + frames * ms) + frames * mj / 1000 for ms, mj in (before, after)]
    return joules[0] / joules[1]


@gain.mistake
def thousands_left_out(watts, aiming, frames, before, after):
    """In which units are `ms` and `mj`, and in which ones `aiming` and `watts`?

    You add milliseconds to seconds, and millijoules to joules.

    Bring everything into seconds and joules first. How many of them make a thousand?
    """
    joules = [watts * (aiming + frames * ms) + frames * mj for ms, mj in (before, after)]
    return joules[0] / joules[1]


@gain.mistake
def mean_of_the_factors(watts, aiming, frames, before, after):
    """Half of the energy shrinks to nothing. How many times as many identifications are possible?

    You weight factors by their shares. One huge factor then seems to make up for everything else.

    Add up what is *left* of each part. The quotient of the sums comes last.
    """
    whole = _joules(watts, aiming, frames, before)
    shares = [watts * aiming, watts * frames * before[0] / 1000, frames * before[1] / 1000]
    factors = [1, before[0] / after[0], before[1] / after[1]]
    return sum(s / whole * f for s, f in zip(shares, factors, strict=True))


# 6. A garden of one's own

GARDEN = (0, 2, 3, 6, 9, 11)  # species that grow there, in the order of the garden's own classes


def garden(images: data.ImageData) -> data.ImageData:
    """The leaves of the garden's species alone, its classes 0 to 5: some 2,000 to learn from.

    >>> garden(data.load("leaves")).classes[:2]
    ('Acer profundum', 'Acer breve')
    """
    names = tuple(images.classes[species] for species in GARDEN)
    parts = images.train.first(4000), images.val, images.test.first(JUDGED)  # all fill the memory
    train, val, test = map(_grown, parts)
    return data.ImageData("garden", train, val, test, names)


def _grown(part: data.Images) -> data.Images:
    """Those of these leaves that grow in the garden, with its own labels."""
    place = torch.full((12,), -1)
    place[list(GARDEN)] = torch.arange(len(GARDEN))
    some = part.subset(place[part.labels] >= 0)
    return data.Images(some.pixels, place[some.labels])


@dataclass(frozen=True)
class OfTheGarden(Budget):
    """So many bytes at most, and so many of the garden's leaves right; one answer a species."""

    def judged(self, hidden: bool) -> data.Images:
        return _grown(super().judged(hidden))

    def unfit(self, network: engines.Onnx, judged: data.Images) -> str:
        answers = network(next(judged.batches(1))[0]).shape[-1]
        if answers == len(GARDEN):
            return ""
        return (
            f"This network tells {answers} species apart; in the garden grow {len(GARDEN)}. Which "
            f"network did you begin with?"
        )


own_plants = OfTheGarden(
    CHAPTER,
    "own_plants",
    most_bytes=6_500,
    accuracy=0.95,
    test_accuracy=0.935,
    why="Whoever has fewer things to tell apart needs fewer channels to do it. The cheapest "
    "compression of all is to ask what an app is for.",
    hints=(
        "What comes last in your recipe, and what could repair the damage that it does?",
        "Half of the species are gone: which part of the network have you made smaller by that, "
        "the last layer alone? Give back some of what you took, and look which step took too much.",
        "Draw a table of bytes and share of right ones, with one line for each try, and change one "
        "setting at a time. Damage comes first, learning last. Small batches give a short training "
        "more steps.",
    ),
)
