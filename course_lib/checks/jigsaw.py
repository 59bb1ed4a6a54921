"""Checks of exercise 01: MACs, borders, latencies, paired differences, channels to silence."""

import math
import statistics
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import models
from ..data import normalise
from .budget import Budget, leaves
from .prediction import Prediction
from .task import task

CHAPTER = "01_jigsaw"


def _whole(random: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, (1,), generator=random))


def _pair(result: Any, *_inputs: object) -> Any:
    """Two numbers, also when they came as one array."""
    two = isinstance(result, Tensor | np.ndarray) and result.shape == (2,)
    return tuple(result) if two else result


# 1. How many MACs?


def _convolutions(random: torch.Generator, case: int) -> tuple:
    window, stride, padding = ((5, 2, 1), (3, 3, 2), (7, 2, 3), (4, 3, 1))[case % 4]
    left_over = (stride - 1) * (case // 4 % 2)  # pixels that no step reaches, as many as can be
    side = _whole(random, 6, 20) * stride + left_over + window - 2 * padding
    return _whole(random, 3, 12), _whole(random, 13, 40), window, side, stride, padding


def _places(window: int, side: int, stride: int, padding: int) -> int:
    return (side + 2 * padding - window) // stride + 1


@task(CHAPTER, draw=_convolutions, borrowed=("macs", "macs_by_layer", "get_total_flops"))
def conv_macs(inputs, outputs, window, side, stride, padding):
    """A stride of 2 leaves a quarter of the work, there and in all that follows.

    That is why our network begins with one, and why silencing a channel, which leaves every
    multiplication in place, makes nothing faster yet.
    """
    return outputs * _places(window, side, stride, padding) ** 2 * inputs * window**2


@conv_macs.mistake
def known_side(inputs, outputs, window, side, stride, padding):
    """Where do stride and padding come into your result?

    The start chapter's count was given the side of the output. Here `side` is that of the input.

    First find out at how many places the window stops along one side; then count as you did.
    """
    return inputs * outputs * window**2 * side**2


@conv_macs.mistake
def divided_by_the_stride(inputs, outputs, window, side, stride, padding):
    """Draw a row of 7 pixels and move a window of 5 along it, 2 a step. How often does it stop?

    Dividing the side by the stride is right for some windows and paddings alone.

    The window's first pixel cannot stand everywhere: how far can it go before the window leaves
    the padded picture?
    """
    return inputs * outputs * window**2 * (side // stride) ** 2


@conv_macs.mistake
def without_padding(inputs, outputs, window, side, stride, padding):
    """Which of the arguments did you not use?

    The zeros around the picture are there for the window to stand on.

    The picture that the window moves over is wider than `side`: on the left, and on the right.
    """
    return inputs * outputs * window**2 * _places(window, side, stride, 0) ** 2


@conv_macs.mistake
def padded_on_one_side(inputs, outputs, window, side, stride, padding):
    """How wide is a picture of 8 pixels with a padding of 3? Draw it.

    A row has two ends.

    The padding lies around the picture: in each row it counts on the left and on the right.
    """
    return inputs * outputs * window**2 * ((side + padding - window) // stride + 1) ** 2


@conv_macs.mistake
def steps_for_places(inputs, outputs, window, side, stride, padding):
    """Count the fence posts, and the gaps between them.

    You counted how often the window moves. At how many places does it stop?

    A window that fits without any move still stops once: test it with side and window alike.
    """
    return inputs * outputs * window**2 * ((side + 2 * padding - window) // stride) ** 2


@conv_macs.mistake
def rounded_up(inputs, outputs, window, side, stride, padding):
    """Sometimes right, sometimes too many: what if the last step does not fit?

    A window that would reach beyond the padded picture is not computed.

    Look at how you round: pixels that are left over at the end make no place of their own.
    """
    steps = math.ceil((side + 2 * padding - window) / stride)
    return inputs * outputs * window**2 * (steps + 1) ** 2


@conv_macs.mistake
def fractions(inputs, outputs, window, side, stride, padding):
    """Is a third of a place a place?

    Somewhere your result is a fraction: the window stops at whole places only.

    Look at your division: pixels that are left over at the end make no place.
    """
    return inputs * outputs * window**2 * ((side + 2 * padding - window) / stride + 1) ** 2


@conv_macs.mistake
def one_row(inputs, outputs, window, side, stride, padding):
    """Does the window move to the right only?

    The places are right along one side. The output is a square of them.

    You counted one row of the output. How many rows has it?
    """
    return inputs * outputs * window**2 * _places(window, side, stride, padding)


@conv_macs.mistake
def flat_window(inputs, outputs, window, side, stride, padding):
    """How many pixels does a window of 3 cover?

    The window is as high as it is wide.

    `window` is the length of its side. Each of its pixels is multiplied, in every input channel.
    """
    return inputs * outputs * window * _places(window, side, stride, padding) ** 2


@conv_macs.mistake
def weights_alone(inputs, outputs, window, side, stride, padding):
    """Is a weight used once, for one picture?

    You counted the weights. The same weights are used at every place.

    Multiply by the numbers of the output that belong to one channel: rows times columns.
    """
    return inputs * outputs * window**2


@conv_macs.mistake
def operations(inputs, outputs, window, side, stride, padding):
    """What is one MAC: one operation, or two?

    You counted multiplications and additions apart, as PyTorch's own counter does.

    A MAC is a multiplication together with the addition that follows it. Count the pair once.
    """
    return 2 * conv_macs.right(inputs, outputs, window, side, stride, padding)


# 2. A frame


def _pictures(random: torch.Generator, case: int) -> tuple:
    height, width = 9 + case % 3, 14 - case % 2
    pictures = torch.randn(3, 3, height, width, generator=random)
    pictures += 3 * torch.randn(3, 3, 1, 1, generator=random)  # colours differ much
    pictures[:, :, 3:-3, 3:-3] += 2  # and the middle from the border
    return pictures, (2, 3, 1, 0)[case % 4]


def _inside(pictures: Tensor, border: int) -> Tensor:
    rows, columns = pictures.shape[2:]
    inside = torch.zeros(rows, columns, dtype=torch.bool)
    inside[border : rows - border, border : columns - border] = True
    return inside


def _mean(pictures: Tensor) -> Tensor:
    return pictures.mean(dim=(2, 3), keepdim=True)


@task(CHAPTER, draw=_pictures, borrowed=("cover",))
def framed(pictures, border):
    """What you cover with matters as much as where: any colour of your own is one more edge to see.

    The mean colour adds the least that is possible.
    """
    return torch.where(_inside(pictures, border), pictures, _mean(pictures))


@framed.mistake
def no_border_covers_all(pictures, border):
    """What comes out for a border of 0 pixels?

    With a border of 0 the picture should come back as it was. Yours is gone, or part of it.

    What does a slice take that counts 0 from the end? Print `list(range(5))[-0:]` and
    `list(range(5))[0:-0]`.
    """
    return framed.right(pictures, border) if border else _mean(pictures).expand_as(pictures)


@framed.mistake
def one_colour_for_all(pictures, border):
    """Does a picture on snow get the same border as one on soil?

    The place is right. Your mean runs over all pictures of the batch.

    Which dimensions are to be left after the mean? One number for each picture and channel.
    """
    colour = pictures.mean(dim=(0, 2, 3), keepdim=True)
    return torch.where(_inside(pictures, border), pictures, colour)


@framed.mistake
def grey(pictures, border):
    """What colour has the border of a green picture?

    The place is right. Yours is grey: red, green and blue are the same in it.

    A colour is a number for each channel: do not take the mean over channels.
    """
    return torch.where(
        _inside(pictures, border), pictures, pictures.mean(dim=(1, 2, 3), keepdim=True)
    )


@framed.mistake
def one_number(pictures, border):
    """How many colours does your border have, in all pictures together?

    The place is right. One mean over all numbers gives the same grey to all pictures.

    Tell `mean` which dimensions it is to run over, and keep them, so that the shapes fit.
    """
    return torch.where(_inside(pictures, border), pictures, pictures.mean())


@framed.mistake
def colour_of_the_middle(pictures, border):
    """Whose mean is asked for: that of the whole picture, or of the part that stays?

    The place is right. Your mean leaves out what you cover.

    Take the mean of the whole picture, as it came in.
    """
    inside = _inside(pictures, border).float()
    colour = (pictures * inside).sum((2, 3), keepdim=True) / inside.sum()
    return torch.where(inside.bool(), pictures, colour)


@framed.mistake
def colour_of_the_border(pictures, border):
    """Whose mean is asked for: that of the whole picture, or of the part that goes?

    The place is right. Your mean is that of the border alone.

    Take the mean of the whole picture, as it came in.
    """
    outside = 1 - _inside(pictures, border).float()
    colour = (pictures * outside).sum((2, 3), keepdim=True) / outside.sum().clamp(min=1)
    return torch.where(outside.bool(), colour, pictures)


@framed.mistake
def zeros(pictures, border):
    """Which colour is 0, in normalised pictures?

    The place is right. A fixed colour adds an edge to bright pictures and to dark ones.

    The border is to have the picture's own mean colour.
    """
    return torch.where(_inside(pictures, border), pictures, torch.zeros(()))


@framed.mistake
def middle_covered(pictures, border):
    """What is covered in yours, and what stays?

    The colour is right. You covered the middle and kept the border.

    Asked for is the opposite: turn the condition, or the two choices, around.
    """
    return torch.where(_inside(pictures, border), _mean(pictures), pictures)


@framed.mistake
def upper_left(pictures, border):
    """Show one of your pictures: how many sides of it are covered?

    You covered the beginning of the rows and columns, not their end.

    A picture has four sides: the last rows and columns are missing.
    """
    made = _mean(pictures).expand_as(pictures).clone()
    made[:, :, border:, border:] = pictures[:, :, border:, border:]
    return made


@framed.mistake
def rows_alone(pictures, border):
    """Show one of your pictures: how many sides of it are covered?

    Top and bottom are covered. What about left and right?

    The rows are the third dimension. The columns are one of their own.
    """
    made = _mean(pictures).expand_as(pictures).clone()
    stays = slice(border, pictures.shape[2] - border)
    made[:, :, stays] = pictures[:, :, stays]
    return made


@framed.mistake
def ends_too_early(pictures, border):
    """Compare the left side of the border with the right one: how wide are they?

    One pixel too many is covered, at the end of the rows and of the columns.

    The end of a slice is not part of it: take care what you subtract there.
    """
    made = _mean(pictures).expand_as(pictures).clone()
    rows, columns = (slice(border, side - border - 1) for side in pictures.shape[2:])
    made[:, :, rows, columns] = pictures[:, :, rows, columns]
    return made


@framed.mistake
def mean_again(pictures, border):
    """How many different colours are there in the border of one picture?

    Your border is not of one colour: the mean was taken again when a part was covered already.

    Take the mean of each picture once, before anything is covered.
    """
    made = pictures.clone()
    height, width = pictures.shape[2:]
    made[:, :, :border] = _mean(made)
    made[:, :, height - border :] = _mean(made)
    made[..., :border] = _mean(made)
    made[..., width - border :] = _mean(made)
    return made


@framed.mistake
def square_alone(pictures, border):
    """Are the pictures of your check square?

    Rows and columns are counted apart here: one number does not do for both.

    Take the height from the third dimension and the width from the fourth.
    """
    made = _mean(pictures).expand_as(pictures).clone()
    stays = slice(border, pictures.shape[2] - border)
    made[:, :, stays, stays] = pictures[:, :, stays, stays]
    return made


# 3. Pieces together


@torch.inference_mode()
def _right_without_middle() -> float:
    """Percent of the validation leaves named right with the 16 pieces in the middle covered."""
    network, some = models.load_pretrained("leafnet_leaves"), leaves().val.first(200)
    right = 0
    for pixels, labels in zip(some.pixels.split(100), some.labels.split(100), strict=True):
        pictures = normalise(pixels)
        hidden = torch.where(_inside(pictures, 16), _mean(pictures), pictures)
        right += int((network(hidden).argmax(1) == labels).sum())
    return 100 * right / len(some)


my_middle = Prediction(
    CHAPTER,
    "my_middle",
    "Percent still named right without the 16 pieces in the middle?",
    low=0,
    high=100,
    unit="%",
    measure=_right_without_middle,
    why="By chance it would be one in twelve. Now cover a border that is far larger than this "
    "middle: framed(pictures, 8) hides 28 pieces' worth.",
)


# 4. Find the bugs: a summary of latencies


def _latencies(random: torch.Generator, case: int) -> tuple:
    kept = (30, 25, 24, 20, 46, 38, 10, 17)[case % 8]
    warm_up = (3, 2, 4, 5)[case % 4]
    # No two are close, and more lies above the median than below: each mistake is seen.
    ranks = torch.randperm(kept + warm_up, generator=random)
    times = 5 * 1.05 ** (ranks + 0.3 * torch.rand(len(ranks), generator=random))
    if case % 2:  # the first runs are not always the slowest
        times[:warm_up] += 4 * times.max()
    return times.tolist(), warm_up


def _upper_middle(ordered: list[float]) -> float:
    return ordered[len(ordered) // 2]


def _nine_tenths(ordered: list[float]) -> float:
    return ordered[-(-9 * len(ordered) // 10) - 1]


def _one_beyond(ordered: list[float]) -> float:
    return ordered[9 * len(ordered) // 10]


@task(CHAPTER, draw=_latencies, observed=_pair)
def median_and_p90(times, warm_up):
    """The median is what you usually wait, the p90 what you wait on a bad day. A mean is neither.

    One hiccup of the machine moves the mean and leaves the median where it is.
    """
    ordered = sorted(times[warm_up:])
    return statistics.median(ordered), _nine_tenths(ordered)


@median_and_p90.mistake
def as_given(times, warm_up):
    """Follow a list of five times by hand, such as [9, 3, 1, 2, 4] with one run of warm-up. Which
    of them is left out?

    The order of the first two steps matters. The other two mistakes are at the two places in the
    sorted list: try a list of 4 runs, then one of 10.

    The runs to leave out are the first in time. For the median, see what an even number of runs has
    in its middle; for the p90, count on your fingers with ten runs.
    """
    ordered = sorted(times)[warm_up:]
    return _upper_middle(ordered), _one_beyond(ordered)


@median_and_p90.mistake
def sorted_first(times, warm_up):
    """Which runs do you leave out: the first, or the fastest?

    Once the list is sorted, nobody knows any more which run came first.

    Look at the order of your first two steps.
    """
    ordered = sorted(times)[warm_up:]
    return statistics.median(ordered), _nine_tenths(ordered)


@median_and_p90.mistake
def two_are_left(times, warm_up):
    """The warm-up is left out correctly now. Two mistakes are left: what if there are 4 runs?

    Of 4 runs, which one is in the middle? And of 10 runs, how many may be slower than the p90?

    With an even number there are two in the middle. For the p90 try ten runs, 1 to 10 ms, by hand.
    """
    ordered = sorted(times[warm_up:])
    return _upper_middle(ordered), _one_beyond(ordered)


@median_and_p90.mistake
def upper_middle(times, warm_up):
    """What is the median of four runs?

    The p90 is right. The median is only right for odd numbers of runs.

    With an even number of runs two lie in the middle, and the median halfway between them.
    """
    ordered = sorted(times[warm_up:])
    return _upper_middle(ordered), _nine_tenths(ordered)


@median_and_p90.mistake
def one_beyond(times, warm_up):
    """What is the p90 of ten runs that take 1, 2, ..., 10 ms?

    The median is right, the p90 mostly. With 10, 20 or 30 runs it is one place too far.

    Nine of ten runs must not exceed it, and it is the smallest such time. Lists begin at 0: which
    place has the ninth of ten?
    """
    ordered = sorted(times[warm_up:])
    return statistics.median(ordered), _one_beyond(ordered)


@median_and_p90.mistake
def mean(times, warm_up):
    """One run of a hundred takes a second. What does that do to your first number?

    The first number is a mean. Asked for is the time that half of the runs stay below.

    The median is found by sorting, and lies in the middle.
    """
    ordered = sorted(times[warm_up:])
    return statistics.mean(ordered), _nine_tenths(ordered)


@median_and_p90.mistake
def between_two_runs(times, warm_up):
    """Did any run take as long as your p90 says?

    The median is right. Your p90 lies between two runs: the task asks for one of those measured.

    Libraries know many kinds of percentiles. See what yours offers under `method` (or
    `interpolation`), or take it from the sorted list.
    """
    ordered = sorted(times[warm_up:])
    place = 0.9 * (len(ordered) - 1)
    low = int(place)
    above = ordered[min(low + 1, len(ordered) - 1)] - ordered[low]
    return statistics.median(ordered), ordered[low] + (place - low) * above


@median_and_p90.mistake
def slowest_left_out(times, warm_up):
    """Is the warm-up always slow? And is what is slow always the warm-up?

    You leave out the slowest runs. A hiccup in the middle is part of what a user waits for.

    Leave out by time of the run, not by how long it took: before you sort.
    """
    ordered = sorted(times)[: len(times) - warm_up]
    return statistics.median(ordered), _nine_tenths(ordered)


@median_and_p90.mistake
def not_sorted(times, warm_up):
    """The time in the middle of the list, or the middle one of the times?

    The warm-up is left out correctly. Now the runs stand in the order in which they came.

    Median and p90 are places in a *sorted* list.
    """
    kept = times[warm_up:]
    return statistics.median(kept[(len(kept) - 1) // 2 : len(kept) // 2 + 1]), _nine_tenths(kept)


@median_and_p90.mistake
def warm_up_kept(times, warm_up):
    """Which of the arguments did you not use?

    The first runs allocate memory and choose algorithms. They are among your times.

    Leave out the first `warm_up` runs before anything else.
    """
    ordered = sorted(times)
    return statistics.median(ordered), _nine_tenths(ordered)


@median_and_p90.mistake
def last_left_out(times, warm_up):
    """When does a program warm up?

    You leave out runs at the end.

    Read what your slice takes: the warm-up is at the beginning of the list.
    """
    ordered = sorted(times[: len(times) - warm_up])
    return statistics.median(ordered), _nine_tenths(ordered)


@median_and_p90.mistake
def lower_middle(times, warm_up):
    """What is the median of four runs?

    The p90 is right. With an even number of runs you take the lower one of the middle.

    With an even number of runs two lie in the middle, and the median halfway between them.
    """
    ordered = sorted(times[warm_up:])
    return ordered[(len(ordered) - 1) // 2], _nine_tenths(ordered)


@median_and_p90.mistake
def slowest_run(times, warm_up):
    """How many runs exceed your second number? How many may exceed the p90?

    The median is right. Your second number is the slowest run of all.

    The p90 is the *smallest* time that nine in ten do not exceed: go back from the end.
    """
    ordered = sorted(times[warm_up:])
    return statistics.median(ordered), ordered[-1]


@median_and_p90.mistake
def swapped(times, warm_up):
    """Which of the two numbers comes first?

    Both numbers are right. Their order is not.

    The median first, then the p90.
    """
    median, p90 = median_and_p90.right(times, warm_up)
    return p90, median


# 5. Image by image


def _two_networks(random: torch.Generator, case: int) -> tuple:
    count = 400 + 37 * case
    fewer, more = _whole(random, 8, 16), _whole(random, 30, 45)  # they are never even
    lost, gained = (more, fewer) if case % 2 else (fewer, more)
    order = torch.randperm(count, generator=random)
    before = torch.zeros(count, dtype=torch.bool)
    before[order[: 4 * count // 5]] = True
    after = before.clone()
    after[order[:lost]] = False
    after[order[-gained:]] = True
    return before, after


def _by_image(before: Tensor, after: Tensor) -> Tensor:
    return after.double() - before.double()


@task(CHAPTER, draw=_two_networks, observed=_pair, borrowed=("paired", "wilson"), tolerance=0.004)
def points_and_margin(before, after):
    """Two networks agree on most images, and those say nothing about which is better.

    So the margin is far narrower than those of two separate accuracies: half a point can be a
    finding.
    """
    each = _by_image(before, after)
    return 100 * each.mean(), 196 * each.std() / len(each) ** 0.5


@points_and_margin.mistake
def sign_dropped(before, after):
    """What does your function say of a second network that is worse?

    Where the second network is better all is right. A worse one comes out better, too.

    A difference has a sign: lost images are minus.
    """
    points, margin = points_and_margin.right(before, after)
    return abs(points), margin


@points_and_margin.mistake
def rounded(before, after):
    """Whoever calls your function gets fewer digits than there were. Do they want that?

    Both numbers are nearly right: they were rounded.

    Return what you computed. Rounding is for printing.
    """
    points, margin = points_and_margin.right(before, after)
    return round(float(points), 1), round(float(margin), 1)


@points_and_margin.mistake
def turned_around(before, after):
    """If the second network is better, which sign should the difference have?

    The margin is right. Your difference is that of the first network over the second.

    Gained is plus, lost is minus, seen from `before` to `after`.
    """
    points, margin = points_and_margin.right(before, after)
    return -points, margin


@points_and_margin.mistake
def in_shares(before, after):
    """In which unit is your result, and in which was it asked for?

    Yours are shares of 1. Points are percent of the images.

    One image of a hundred is one point, for the difference and for the margin.
    """
    points, margin = points_and_margin.right(before, after)
    return points / 100, margin / 100


@points_and_margin.mistake
def margin_in_shares(before, after):
    """Are both of your numbers in the same unit?

    The difference is in points. The margin is a share of 1.

    Both go together: a margin beside points is in points.
    """
    points, margin = points_and_margin.right(before, after)
    return points, margin / 100


@points_and_margin.mistake
def two_separate(before, after):
    """Would your margin change if the images of the second list were shuffled? Should it?

    You added up the uncertainty of two accuracies, as if each network had seen images of its own.

    They saw the same images: begin with one number for each image, gained, lost or even, and see
    how much these numbers vary.
    """
    first, second = before.double().mean(), after.double().mean()
    both = first * (1 - first) + second * (1 - second)
    return 100 * (second - first), 196 * (both / len(before)) ** 0.5


@points_and_margin.mistake
def lost_counted_as_gained(before, after):
    """An image gained, and another one lost: what is the difference?

    You counted the images on which the two disagree. Some of them speak for the first network.

    A lost image counts against a gained one: it needs a sign of its own.
    """
    each = _by_image(before, after).abs()
    return 100 * each.mean(), 196 * each.std() / len(each) ** 0.5


@points_and_margin.mistake
def those_that_disagree_alone(before, after):
    """A point is a percent of which images?

    You left out the images on which both agree. They say nothing about who is better, but they
    count.

    Mean, deviation and number of images are all of the whole list, zeros included.
    """
    each = _by_image(before, after)
    each = each[each != 0]
    return 100 * each.mean(), 196 * each.std() / len(each) ** 0.5


@points_and_margin.mistake
def number_of_images_forgotten(before, after):
    """How wide would your margin be with a million images?

    The difference is right. The margin is that of a single image, not that of a mean.

    What do you divide by, and is it under a root? A mean of more images is surer.
    """
    each = _by_image(before, after)
    return 100 * each.mean(), 196 * each.std()


@points_and_margin.mistake
def no_root(before, after):
    """With four times the images, how much narrower should a margin be?

    The difference is right. Your margin shrinks too fast.

    You divide by the number of images itself. Chapter 00 says how much narrower an interval becomes
    with a hundred times the images.
    """
    each = _by_image(before, after)
    return 100 * each.mean(), 196 * each.std() / len(each)


@points_and_margin.mistake
def variance(before, after):
    """What is the difference between a variance and a standard deviation?

    The difference is right. Something in your margin is squared.

    Take the root of the variance, before you multiply by anything.
    """
    each = _by_image(before, after)
    return 100 * each.mean(), 196 * each.var() / len(each) ** 0.5


@points_and_margin.mistake
def standard_error(before, after):
    """How sure is your margin: 68%, or 95%?

    The difference is right. Your margin is one standard error.

    Chapter 00 had a number for 95% confidence: it was called z.
    """
    points, margin = points_and_margin.right(before, after)
    return points, margin / 1.96


@points_and_margin.mistake
def whole_width(before, after):
    """Is it the width of the interval that was asked for?

    The difference is right. The margin is twice what it should be.

    It is "plus or minus" the margin: from the middle of the interval to one of its ends.
    """
    points, margin = points_and_margin.right(before, after)
    return points, 2 * margin


# 6. Channels to silence

few_channels = Budget(
    CHAPTER,
    "few_channels",
    most_bytes=2_745_000,
    accuracy=0.97,
    test_accuracy=0.965,
    why="Most of the largest layer is gone without any training. Its zeros are still multiplied; "
    "the next chapter takes them out.",
    hints=(
        "Did you choose each channel by what it costs alone? What did the chapter say about that?",
        "Once some channels are silent, the others matter more than before. When did you measure "
        "what they cost?",
        "Silence a few, measure the others again without them, and go on. And accuracy is a coarse "
        "measure: nearly every channel alone leaves it as it is. What did the pieces' importance "
        "use?",
    ),
)
