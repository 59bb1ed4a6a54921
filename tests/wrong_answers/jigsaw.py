"""Exercise 01: what learners write. wrong_TASK_...: rejected, and its hint holds the docstring.

right_TASK_...: another way to do it, accepted.
"""

import functools
import heapq
import math
import statistics
from copy import deepcopy

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib import data, engines, jigsaw, packing, scorecard, training

# conv_macs


def wrong_conv_macs_as_in_the_start_chapter(inputs, outputs, window, side, stride, padding):
    "known_side"
    numbers = outputs * side * side
    each = inputs * window * window
    return numbers * each


def wrong_conv_macs_side_over_stride(inputs, outputs, window, side, stride, padding):
    "divided_by_the_stride"
    out = side // stride
    return outputs * out * out * inputs * window * window


def wrong_conv_macs_forgot_the_padding(inputs, outputs, window, side, stride, padding):
    "without_padding"
    out = (side - window) // stride + 1
    return outputs * out * out * inputs * window * window


def wrong_conv_macs_padded_once(inputs, outputs, window, side, stride, padding):
    "padded_on_one_side"
    side += padding
    out = (side - window) // stride + 1
    return outputs * out**2 * inputs * window**2


def wrong_conv_macs_off_by_one(inputs, outputs, window, side, stride, padding):
    "steps_for_places"
    out = (side + 2 * padding - window) // stride
    return outputs * out**2 * inputs * window**2


def wrong_conv_macs_rounds_up(inputs, outputs, window, side, stride, padding):
    "rounded_up"
    out = math.ceil((side + 2 * padding - window + 1) / stride)
    if (side + 2 * padding - window) % stride:
        out += 1
    return outputs * out**2 * inputs * window**2


def wrong_conv_macs_divides_plainly(inputs, outputs, window, side, stride, padding):
    "fractions"
    out = (side + 2 * padding - window) / stride + 1
    return outputs * out * out * inputs * window * window


def wrong_conv_macs_one_dimension(inputs, outputs, window, side, stride, padding):
    "one_row"
    out = (side + 2 * padding - window) // stride + 1
    return outputs * out * inputs * window**2


def wrong_conv_macs_window_once(inputs, outputs, window, side, stride, padding):
    "flat_window"
    out = (side + 2 * padding - window) // stride + 1
    return outputs * out * out * inputs * window


def wrong_conv_macs_parameters(inputs, outputs, window, side, stride, padding):
    "weights_alone"
    return sum(p.numel() for p in nn.Conv2d(inputs, outputs, window, bias=False).parameters())


def wrong_conv_macs_flops(inputs, outputs, window, side, stride, padding):
    "operations"
    out = (side + 2 * padding - window) // stride + 1
    return 2 * outputs * out**2 * inputs * window**2


def wrong_conv_macs_by_the_library(inputs, outputs, window, side, stride, padding):
    "borrowed"
    layer = nn.Conv2d(inputs, outputs, window, stride, padding)
    return scorecard.macs(layer, (inputs, side, side))


def wrong_conv_macs_by_the_counter(inputs, outputs, window, side, stride, padding):
    "borrowed"
    layer = nn.Conv2d(inputs, outputs, window, stride, padding)
    with FlopCounterMode(display=False) as counter:
        layer(torch.zeros(1, inputs, side, side))
    return counter.get_total_flops() // 2


def wrong_conv_macs_hard_coded(inputs, outputs, window, side, stride, padding):
    "always_the_same"
    return 1_769_472


def wrong_conv_macs_with_the_bias(inputs, outputs, window, side, stride, padding):
    "with_the_bias"
    out = (side + 2 * padding - window) // stride + 1
    return outputs * out**2 * (inputs * window**2 + 1)


def wrong_conv_macs_rounds_to_the_nearest(inputs, outputs, window, side, stride, padding):
    "rounded_up"
    out = round((side + 2 * padding - window) / stride + 1)
    return outputs * out * out * inputs * window * window


def wrong_conv_macs_without_the_inputs(inputs, outputs, window, side, stride, padding):
    "one_input"
    out = (side + 2 * padding - window) // stride + 1
    return outputs * out**2 * window**2


def wrong_conv_macs_without_the_outputs(inputs, outputs, window, side, stride, padding):
    "one_output"
    out = (side + 2 * padding - window) // stride + 1
    return out * out * window * window * inputs


def wrong_conv_macs_one_inside_the_division(inputs, outputs, window, side, stride, padding):
    "steps_for_places"
    out = (side + 2 * padding - window + 1) // stride
    return inputs * outputs * window**2 * out**2


def wrong_conv_macs_every_place(inputs, outputs, window, side, stride, padding):
    "without_stride"
    out = side + 2 * padding - window + 1
    return inputs * outputs * window**2 * out**2


def wrong_conv_macs_window_anywhere(inputs, outputs, window, side, stride, padding):
    "window_beyond"
    out = (side + 2 * padding) // stride
    return inputs * outputs * window**2 * out**2


def wrong_conv_macs_same(inputs, outputs, window, side, stride, padding):
    "rounded_up_side"
    out = math.ceil(side / stride)
    return inputs * outputs * window**2 * out**2


def wrong_conv_macs_brackets_forgotten(inputs, outputs, window, side, stride, padding):
    "brackets"
    out = side + 2 * padding - window // stride + 1
    return inputs * outputs * window**2 * out**2


def wrong_conv_macs_stride_at_the_end(inputs, outputs, window, side, stride, padding):
    "stride_at_the_end"
    out = side + 2 * padding - window + 1
    return inputs * outputs * window**2 * out**2 // stride**2


def wrong_conv_macs_window_minus_one(inputs, outputs, window, side, stride, padding):
    "rounded_up"
    out = (side + 2 * padding - (window - 1)) // stride + 1
    return inputs * outputs * window**2 * out**2


def wrong_conv_macs_numbers_of_the_output(inputs, outputs, window, side, stride, padding):
    "numbers_alone"
    out = (side + 2 * padding - window) // stride + 1
    return outputs * out * out


def wrong_conv_macs_padding_is_free(inputs, outputs, window, side, stride, padding):
    "padding_not_multiplied"
    real = 0
    for left in range(-padding, side + padding - window + 1, stride):
        real += sum(0 <= left + i < side for i in range(window))
    return inputs * outputs * real**2


def wrong_conv_macs_stride_once(inputs, outputs, window, side, stride, padding):
    "stride_in_one_direction"
    out = (side + 2 * padding - window) // stride + 1
    return inputs * outputs * window**2 * out * (side + 2 * padding - window + 1)


def wrong_conv_macs_counted_by_pixels(inputs, outputs, window, side, stride, padding):
    "of_the_padded_picture"
    return inputs * outputs * window**2 * (side + 2 * padding) ** 2


def right_conv_macs_by_walking(inputs, outputs, window, side, stride, padding):
    places, left = 0, -padding
    while left + window <= side + padding:
        places += 1
        left += stride
    return torch.tensor(float(outputs * places * places * inputs * window * window))


def right_conv_macs_by_running_it(inputs, outputs, window, side, stride, padding):
    layer = nn.Conv2d(inputs, outputs, window, stride, padding, bias=False)
    out = layer(torch.zeros(1, inputs, side, side))
    return out.numel() * layer.weight[0].numel()


def right_conv_macs_in_numpy(inputs, outputs, window, side, stride, padding):
    out = np.floor((side + 2 * padding - window) / stride) + 1
    return np.prod([inputs, outputs, window, window, out, out])


def right_conv_macs_by_range(inputs, outputs, window, side, stride, padding):
    starts = range(0, side + 2 * padding - window + 1, stride)
    return inputs * outputs * window * window * len(starts) * len(starts)


def right_conv_macs_by_unfold(inputs, outputs, window, side, stride, padding):
    columns = nn.functional.unfold(
        torch.zeros(1, inputs, side, side), window, padding=padding, stride=stride
    )
    return outputs * columns.shape[1] * columns.shape[2]


def right_conv_macs_numpy_windows(inputs, outputs, window, side, stride, padding):
    row = np.pad(np.zeros(side), padding)
    out = np.lib.stride_tricks.sliding_window_view(row, window)[::stride].shape[0]
    return np.int64(out) ** 2 * inputs * outputs * window**2


def right_conv_macs_on_meta(inputs, outputs, window, side, stride, padding):
    with torch.device("meta"):
        layer = nn.Conv2d(inputs, outputs, window, stride=stride, padding=padding)
        made = layer(torch.empty(2, inputs, side, side))
    return made[0].numel() * inputs * window**2


# framed


def wrong_framed_minus_zero(pictures, border):
    "no_border_covers_all"
    made = pictures.clone()
    mean = pictures.mean(dim=(2, 3), keepdim=True)
    made[:, :, :border] = mean
    made[:, :, -border:] = mean
    made[:, :, :, :border] = mean
    made[:, :, :, -border:] = mean
    return made


def wrong_framed_pastes_the_middle(pictures, border):
    "no_border_covers_all"
    made = pictures.mean((2, 3), keepdim=True).repeat(1, 1, *pictures.shape[2:])
    made[:, :, border:-border, border:-border] = pictures[:, :, border:-border, border:-border]
    return made


def _pasted(pictures, border, colour):
    height, width = pictures.shape[2:]
    made = torch.zeros_like(pictures) + colour
    rows, columns = slice(border, height - border), slice(border, width - border)
    made[:, :, rows, columns] = pictures[:, :, rows, columns]
    return made


def wrong_framed_mean_of_the_batch(pictures, border):
    "one_colour_for_all"
    return _pasted(pictures, border, pictures.mean(dim=(0, 2, 3))[:, None, None])


def wrong_framed_mean_of_the_batch_and_minus_zero(pictures, border):
    "one_colour_for_all"
    made = pictures.clone()
    colour = pictures.mean(dim=(0, 2, 3))[:, None, None]
    made[:, :, :border] = made[:, :, -border:] = colour
    made[..., :border] = made[..., -border:] = colour
    return made


def wrong_framed_grey(pictures, border):
    "grey"
    return _pasted(pictures, border, pictures.flatten(1).mean(1)[:, None, None, None])


def wrong_framed_plain_mean(pictures, border):
    "one_number"
    return _pasted(pictures, border, pictures.mean())


def wrong_framed_mean_of_what_stays(pictures, border):
    "colour_of_the_middle"
    height, width = pictures.shape[2:]
    middle = pictures[:, :, border : height - border, border : width - border]
    return _pasted(pictures, border, middle.mean((2, 3), keepdim=True))


def wrong_framed_mean_of_what_goes(pictures, border):
    "colour_of_the_border"
    if not border:
        return pictures
    black = _pasted(pictures, border, 0)
    edge = pictures - _pasted(pictures, border, 0) * (black != 0)
    count = (edge != 0).sum((2, 3), keepdim=True)
    return _pasted(pictures, border, edge.sum((2, 3), keepdim=True) / count)


def wrong_framed_black(pictures, border):
    "zeros"
    return _pasted(pictures, border, 0.0)


def wrong_framed_the_wrong_way_round(pictures, border):
    "middle_covered"
    height, width = pictures.shape[2:]
    made = pictures.clone()
    made[:, :, border : height - border, border : width - border] = pictures.mean((2, 3))[
        :, :, None, None
    ]
    return made


def wrong_framed_two_sides(pictures, border):
    "upper_left"
    made, mean = pictures.clone(), pictures.mean((2, 3), keepdim=True)
    made[:, :, :border, :] = mean
    made[:, :, :, :border] = mean
    return made


def wrong_framed_top_and_bottom(pictures, border):
    "rows_alone"
    made, mean = pictures.clone(), pictures.mean((2, 3), keepdim=True)
    made[:, :, :border] = mean
    made[:, :, pictures.shape[2] - border :] = mean
    return made


def wrong_framed_one_too_many(pictures, border):
    "ends_too_early"
    height, width = pictures.shape[2:]
    made = pictures.mean((2, 3), keepdim=True).expand(-1, -1, height, width).clone()
    for y in range(border, height - border - 1):
        for x in range(border, width - border - 1):
            made[:, :, y, x] = pictures[:, :, y, x]
    return made


def wrong_framed_mean_each_time(pictures, border):
    "mean_again"
    made = pictures.clone()
    height, width = made.shape[2:]
    made[:, :, 0:border] = made.mean((2, 3), keepdim=True)
    made[:, :, height - border : height] = made.mean((2, 3), keepdim=True)
    made[:, :, :, 0:border] = made.mean((2, 3), keepdim=True)
    made[:, :, :, width - border : width] = made.mean((2, 3), keepdim=True)
    return made


def wrong_framed_squares(pictures, border):
    "square_alone"
    side = pictures.shape[-2]
    made = pictures.mean((2, 3), keepdim=True).repeat(1, 1, *pictures.shape[2:])
    for y in range(border, side - border):
        made[:, :, y, border : side - border] = pictures[:, :, y, border : side - border]
    return made


def wrong_framed_in_place(pictures, border):
    "changed_its_input"
    mean = pictures.mean((2, 3), keepdim=True)
    height, width = pictures.shape[2:]
    pictures[:, :, :border] = mean
    pictures[:, :, height - border :] = mean
    pictures[:, :, :, :border] = mean
    pictures[:, :, :, width - border :] = mean
    return pictures


def wrong_framed_by_pieces(pictures, border):
    "borrowed"
    covered = torch.ones(len(pictures), 64, dtype=torch.bool)
    covered[:, 9:55] = False
    return jigsaw.cover(pictures, covered)


def wrong_framed_as_in_the_chapter(pictures, border):
    "other"
    made = pictures.clone()
    made[:, :, :border] = pictures.mean(dim=(1, 2))[:, None, None]
    return made


def wrong_framed_median(pictures, border):
    "other"
    height, width = pictures.shape[2:]
    made = pictures.flatten(2).median(2).values[:, :, None, None].expand_as(pictures).clone()
    made[:, :, border : height - border, border : width - border] = pictures[
        :, :, border : height - border, border : width - border
    ]
    return made


def wrong_framed_around_it(pictures, border):
    "around_the_picture"
    mean = pictures.mean((2, 3), keepdim=True)
    return nn.functional.pad(pictures - mean, [border] * 4) + mean


def wrong_framed_cut_out(pictures, border):
    "cut_off"
    height, width = pictures.shape[2:]
    return pictures[:, :, border : height - border, border : width - border]


def wrong_framed_dimensions_one_and_two(pictures, border):
    "rows_of_channels"
    made, mean = pictures.clone(), pictures.mean((2, 3), keepdim=True)
    made[:, :border] = mean[:, :border]
    made[:, -border:] = mean[:, -border:]
    made[:, :, :border] = mean
    made[:, :, -border:] = mean
    return made


def wrong_framed_mean_of_each_row(pictures, border):
    "colour_of_each_row"
    mean = pictures.mean(3, keepdim=True).expand_as(pictures)
    made, inner = (
        mean.clone(),
        (slice(border, pictures.shape[2] - border), slice(border, pictures.shape[3] - border)),
    )
    made[(..., *inner)] = pictures[(..., *inner)]
    return made


def wrong_framed_mean_of_each_column(pictures, border):
    "colour_of_each_column"
    height, width = pictures.shape[2:]
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    edge = (
        (rows < border)
        | (rows >= height - border)
        | (columns < border)
        | (columns >= width - border)
    )
    return torch.where(edge, pictures.mean(2, keepdim=True), pictures)


def wrong_framed_height_and_width_swapped(pictures, border):
    "sides_swapped"
    width, height = pictures.shape[2:]
    made = pictures.mean((2, 3), keepdim=True).expand_as(pictures).clone()
    made[:, :, border : height - border, border : width - border] = pictures[
        :, :, border : height - border, border : width - border
    ]
    return made


def wrong_framed_one_wider(pictures, border):
    "one_too_wide"
    height, width = pictures.shape[2:]
    made, mean = pictures.clone(), pictures.mean((2, 3))
    for y in range(height):
        for x in range(width):
            if min(y, x, height - 1 - y, width - 1 - x) <= border:
                made[:, :, y, x] = mean
    return made


def wrong_framed_first_pictures_colour(pictures, border):
    "colour_of_the_first"
    height, width = pictures.shape[2:]
    made = pictures.clone()
    colour = pictures[0].mean((1, 2))[:, None, None]
    made[:, :, :border] = colour
    made[:, :, height - border :] = colour
    made[:, :, :, :border] = colour
    made[:, :, :, width - border :] = colour
    return made


def wrong_framed_corners(pictures, border):
    "corners_alone"
    height, width = pictures.shape[2:]
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    edge = ((rows < border) | (rows >= height - border)) & (
        (columns < border) | (columns >= width - border)
    )
    return torch.where(edge, pictures.mean((2, 3), keepdim=True), pictures)


def wrong_framed_half(pictures, border):
    "other"
    made = pictures.clone()
    height, width = pictures.shape[2:]
    grey = torch.full_like(made, 0.5)
    grey[:, :, border : height - border, border : width - border] = made[
        :, :, border : height - border, border : width - border
    ]
    return grey


def wrong_framed_last_row_stays(pictures, border):
    "last_ones_stay"
    made, mean = pictures.clone(), pictures.mean((2, 3), keepdim=True)
    if border:
        made[:, :, :border] = mean
        made[:, :, -border:-1] = mean
        made[:, :, :, :border] = mean
        made[:, :, :, -border:-1] = mean
    return made


def wrong_framed_columns_only(pictures, border):
    "columns_alone"
    made, mean = pictures.clone(), pictures.mean((2, 3), keepdim=True)
    made[..., :border] = mean
    made[..., pictures.shape[3] - border :] = mean
    return made


def wrong_framed_lower_right(pictures, border):
    "lower_right"
    made, mean = pictures.clone(), pictures.mean((2, 3), keepdim=True)
    made[:, :, pictures.shape[2] - border :] = mean
    made[..., pictures.shape[3] - border :] = mean
    return made


def right_framed_four_slices(pictures, border):
    made, mean = pictures.clone(), pictures.mean(dim=(2, 3), keepdim=True)
    if border > 0:
        made[:, :, :border] = mean
        made[:, :, -border:] = mean
        made[:, :, :, :border] = mean
        made[:, :, :, -border:] = mean
    return made


def right_framed_by_loops_in_numpy(pictures, border):
    made = pictures.numpy().astype(np.float64)
    count, channels, height, width = made.shape
    for i in range(count):
        for c in range(channels):
            mean = made[i, c].mean()
            for y in range(height):
                for x in range(width):
                    if min(y, x, height - 1 - y, width - 1 - x) < border:
                        made[i, c, y, x] = mean
    return made


def right_framed_padded_again(pictures, border):
    if border == 0:
        return pictures
    mean = pictures.mean((2, 3), keepdim=True)
    middle = (pictures - mean)[:, :, border:-border, border:-border]
    return nn.functional.pad(middle, [border] * 4) + mean


def right_framed_by_a_mask_of_ones(pictures, border):
    mask = torch.ones_like(pictures)
    if border:
        mask[..., :border, :] = mask[..., -border:, :] = 0
        mask[..., :border] = mask[..., -border:] = 0
    return pictures * mask + pictures.mean((-1, -2), keepdim=True) * (1 - mask)


def right_framed_distance_to_the_edge(pictures, border):
    h, w = pictures.shape[-2:]
    y = torch.minimum(torch.arange(h), torch.arange(h).flip(0))
    x = torch.minimum(torch.arange(w), torch.arange(w).flip(0))
    return torch.where(
        torch.minimum(y[:, None], x[None]) >= border,
        pictures,
        pictures.mean([2, 3])[..., None, None],
    )


def right_framed_masked_fill_each(pictures, border):
    made = []
    for picture in pictures:
        edge = np.ones(picture.shape[1:], dtype=bool)
        edge[border : edge.shape[0] - border, border : edge.shape[1] - border] = False
        own = picture.numpy().copy()
        for channel in own:
            channel[edge] = channel.mean()
        made.append(torch.from_numpy(own))
    return torch.stack(made)


def right_framed_reduced_by_adaptive_pool(pictures, border):
    colour = nn.functional.adaptive_avg_pool2d(pictures, 1)
    made = colour.repeat(1, 1, *pictures.shape[2:])
    inner = (
        ...,
        slice(border, pictures.shape[2] - border),
        slice(border, pictures.shape[3] - border),
    )
    made[inner] = pictures[inner]
    return made.tolist()


# my_middle

right_my_middle_as_text = "60%"
wrong_my_middle_in_words = "about a half"
wrong_my_middle_above_all = 140
wrong_my_middle_negative = -20
wrong_my_middle_nan = math.nan
wrong_my_middle_a_list = [60]
wrong_my_middle_yes = True
right_my_middle_far_off = 90
right_my_middle_as_numpy = np.float32(17.5)


# median_and_p90


def wrong_median_and_p90_as_given(times, warm_up):
    "as_given"
    ordered = sorted(times)[warm_up:]
    return ordered[len(ordered) // 2], ordered[len(ordered) * 9 // 10]


def wrong_median_and_p90_still_sorted_first(times, warm_up):
    "sorted_first"
    ordered = np.sort(times)[warm_up:]
    return np.median(ordered), np.percentile(ordered, 90, method="inverted_cdf")


def wrong_median_and_p90_sorted_first_and_p90(times, warm_up):
    "sorted_first"
    ordered = sorted(times)[warm_up:]
    return statistics.median(ordered), ordered[int(0.9 * len(ordered))]


def wrong_median_and_p90_warm_up_alone(times, warm_up):
    "two_are_left"
    ordered = sorted(times[warm_up:])
    return ordered[len(ordered) // 2], ordered[len(ordered) * 9 // 10]


def wrong_median_and_p90_even_counts(times, warm_up):
    "upper_middle"
    ordered = sorted(times[warm_up:])
    return ordered[len(ordered) // 2], ordered[math.ceil(len(ordered) * 0.9) - 1]


def wrong_median_and_p90_tens(times, warm_up):
    "one_beyond"
    kept = torch.tensor(times[warm_up:], dtype=torch.float64).sort().values
    return kept.quantile(0.5), kept[int(0.9 * len(kept))]


def wrong_median_and_p90_mean(times, warm_up):
    "mean"
    kept = np.array(times[warm_up:])
    return kept.mean(), np.percentile(kept, 90, method="inverted_cdf")


def wrong_median_and_p90_interpolated(times, warm_up):
    "between_two_runs"
    kept = np.array(times[warm_up:])
    return np.median(kept), np.percentile(kept, 90)


def wrong_median_and_p90_drops_the_slowest(times, warm_up):
    "slowest_left_out"
    ordered = sorted(times, reverse=True)[warm_up:][::-1]
    return statistics.median(ordered), ordered[math.ceil(0.9 * len(ordered)) - 1]


def wrong_median_and_p90_unsorted(times, warm_up):
    "not_sorted"
    kept = times[warm_up:]
    half = len(kept) // 2
    median = kept[half] if len(kept) % 2 else (kept[half - 1] + kept[half]) / 2
    return median, kept[math.ceil(0.9 * len(kept)) - 1]


def wrong_median_and_p90_warm_up_ignored(times, warm_up):
    "warm_up_kept"
    return np.median(times), np.percentile(times, 90, method="inverted_cdf")


def wrong_median_and_p90_cuts_the_end(times, warm_up):
    "last_left_out"
    kept = np.sort(times[:-warm_up])
    return np.median(kept), np.percentile(kept, 90, method="inverted_cdf")


def wrong_median_and_p90_by_torch(times, warm_up):
    "lower_middle"
    kept = torch.tensor(times[warm_up:])  # torch's median is the lower one
    return kept.median(), kept.sort().values[math.ceil(0.9 * len(kept)) - 1]


def wrong_median_and_p90_slowest(times, warm_up):
    "slowest_run"
    kept = times[warm_up:]
    return statistics.median(kept), max(kept)


def wrong_median_and_p90_swapped(times, warm_up):
    "swapped"
    kept = np.array(times)[warm_up:]
    return np.percentile(kept, 90, method="inverted_cdf"), np.median(kept)


def wrong_median_and_p90_sorts_in_place(times, warm_up):
    "changed_its_input"
    del times[:warm_up]
    times.sort()
    return statistics.median(times), times[math.ceil(0.9 * len(times)) - 1]


def wrong_median_and_p90_median_alone(times, warm_up):
    "other"
    return statistics.median(times[warm_up:])


def wrong_median_and_p90_by_the_protocol(times, warm_up):
    "other"
    found = scorecard.latency(lambda: sum(times), limit_s=0.01, least_s=0.001)[0]
    return found.median_ms, found.p90_ms


def wrong_median_and_p90_rounded_place(times, warm_up):
    "place_rounded"
    kept = sorted(times[warm_up:])
    return statistics.median(kept), kept[round(0.9 * len(kept)) - 1]


def wrong_median_and_p90_cut_off_place(times, warm_up):
    "place_cut_off"
    kept = sorted(times[warm_up:])
    return statistics.median(kept), kept[int(0.9 * len(kept)) - 1]


def wrong_median_and_p90_numpy_lower(times, warm_up):
    "place_cut_off"
    kept = np.array(times[warm_up:])
    return np.median(kept), np.percentile(kept, 90, method="lower")


def wrong_median_and_p90_place_of_the_last(times, warm_up):
    "place_cut_off"
    kept = sorted(times[warm_up:])
    return statistics.median(kept), kept[int(0.9 * (len(kept) - 1))]


def wrong_median_and_p90_numpy_higher(times, warm_up):
    "one_beyond"
    kept = np.array(times[warm_up:])
    return np.median(kept), np.percentile(kept, 90, method="higher")


def wrong_median_and_p90_warm_up_in_one(times, warm_up):
    "warm_up_in_the_p90"
    return statistics.median(times[warm_up:]), sorted(times)[math.ceil(0.9 * len(times)) - 1]


def wrong_median_and_p90_one_more_left_out(times, warm_up):
    "one_more_left_out"
    kept = sorted(times[warm_up + 1 :])
    return statistics.median(kept), kept[math.ceil(0.9 * len(kept)) - 1]


def wrong_median_and_p90_one_less_left_out(times, warm_up):
    "one_less_left_out"
    kept = sorted(times[warm_up - 1 :])
    return statistics.median(kept), kept[math.ceil(0.9 * len(kept)) - 1]


def wrong_median_and_p90_nine_tenths_of_the_slowest(times, warm_up):
    "nine_tenths_of_the_slowest"
    kept = times[warm_up:]
    return statistics.median(kept), 0.9 * max(kept)


def wrong_median_and_p90_quantiles(times, warm_up):
    "between_two_others"
    kept = times[warm_up:]
    return statistics.median(kept), statistics.quantiles(kept, n=10)[-1]


def wrong_median_and_p90_torch_quantile(times, warm_up):
    "between_two_runs"
    kept = torch.tensor(times[warm_up:], dtype=torch.float64)
    return kept.quantile(0.5), kept.quantile(0.9)


def wrong_median_and_p90_middle_one_late(times, warm_up):
    "middle_of_the_next"
    kept = sorted(times[warm_up:])
    half = len(kept) // 2
    return (kept[half] + kept[half + 1]) / 2, kept[math.ceil(0.9 * len(kept)) - 1]


def wrong_median_and_p90_always_two(times, warm_up):
    "always_two_in_the_middle"
    kept = sorted(times[warm_up:])
    half = len(kept) // 2
    return (kept[half - 1] + kept[half]) / 2, kept[math.ceil(0.9 * len(kept)) - 1]


def wrong_median_and_p90_count_of_all(times, warm_up):
    "counted_with_the_warm_up"
    kept = sorted(times[warm_up:])
    place = min(math.ceil(0.9 * len(times)) - 1, len(kept) - 1)
    return statistics.median(kept), kept[place]


def wrong_median_and_p90_p10(times, warm_up):
    "from_the_wrong_end"
    kept = sorted(times[warm_up:], reverse=True)
    return statistics.median(kept), kept[math.ceil(0.9 * len(kept)) - 1]


def wrong_median_and_p90_midrange(times, warm_up):
    "other"
    kept = np.array(times[warm_up:])
    return (kept.min() + kept.max()) / 2, np.percentile(kept, 90, method="inverted_cdf")


def wrong_median_and_p90_named(times, warm_up):
    "other"
    kept = np.array(times[warm_up:])
    return {"median": np.median(kept), "p90": np.percentile(kept, 90, method="inverted_cdf")}


def right_median_and_p90_in_numpy(times, warm_up):
    kept = np.asarray(times)[warm_up:]
    return np.median(kept), np.percentile(kept, 90, method="inverted_cdf")


def right_median_and_p90_as_an_array(times, warm_up):
    ordered = np.sort(times[warm_up:])
    return np.array([np.median(ordered), ordered[len(ordered) - 1 - len(ordered) // 10]])


def right_median_and_p90_by_counting(times, warm_up):
    kept = torch.tensor(times)[warm_up:]
    enough = [t for t in kept if (kept <= t).sum() * 10 >= 9 * len(kept)]
    return [kept.quantile(0.5), min(enough)]


def right_median_and_p90_heap(times, warm_up):
    kept = times[warm_up:]
    return statistics.median(kept), heapq.nlargest(len(kept) // 10 + 1, kept)[-1]


def right_median_and_p90_nanmedian(times, warm_up):
    kept = np.array(times, dtype=float)
    kept[:warm_up] = np.nan
    return np.nanmedian(kept), np.nanquantile(kept, 0.9, method="inverted_cdf")


def right_median_and_p90_kthvalue(times, warm_up):
    kept = torch.tensor(times[warm_up:], dtype=torch.float64)
    n = len(kept)
    median = (kept.kthvalue((n + 1) // 2).values + kept.kthvalue(n // 2 + 1).values) / 2
    return torch.stack([median, kept.kthvalue((9 * n + 9) // 10).values])


def right_median_and_p90_first_that_lasts(times, warm_up):
    kept = sorted(times)
    for early in times[:warm_up]:
        kept.remove(early)
    p90 = next(t for t in kept if sum(other <= t for other in kept) >= 0.9 * len(kept))
    middle = kept[(len(kept) - 1) // 2 : len(kept) // 2 + 1]
    return sum(middle) / len(middle), p90


# points_and_margin


def wrong_points_and_margin_turned_around(before, after):
    "turned_around"
    each = before.float() - after.float()
    return 100 * each.mean(), 196 * each.std() / math.sqrt(len(each))


def wrong_points_and_margin_always_better(before, after):
    "sign_dropped"
    each = after.double() - before.double()
    return abs(100 * each.mean()), 196 * each.std() / math.sqrt(len(each))


def wrong_points_and_margin_rounded(before, after):
    "rounded"
    each = 100 * (after.double() - before.double())
    return round(each.mean().item(), 1), round(1.96 * each.std().item() / len(each) ** 0.5, 1)


def wrong_points_and_margin_shares(before, after):
    "in_shares"
    each = after.numpy().astype(float) - before.numpy().astype(float)
    return each.mean(), 1.96 * each.std() / np.sqrt(each.size)


def wrong_points_and_margin_half_in_points(before, after):
    "margin_in_shares"
    each = after.int() - before.int()
    return 100 * each.float().mean(), 1.96 * each.float().std() / len(each) ** 0.5


def wrong_points_and_margin_two_intervals(before, after):
    "two_separate"
    n, p, q = len(before), before.float().mean(), after.float().mean()
    return 100 * (q - p), 196 * math.sqrt(p * (1 - p) / n + q * (1 - q) / n)


def wrong_points_and_margin_two_deviations(before, after):
    "two_separate"
    first, second = before.double(), after.double()
    error = ((first.var() + second.var()) / len(before)).sqrt()
    return 100 * (second.mean() - first.mean()), 196 * error


def wrong_points_and_margin_xor(before, after):
    "lost_counted_as_gained"
    each = (before ^ after).double()
    return 100 * each.mean(), 196 * each.std() / len(each) ** 0.5


def wrong_points_and_margin_of_those_that_differ(before, after):
    "those_that_disagree_alone"
    differ = before != after
    each = after[differ].double() - before[differ].double()
    return 100 * each.mean(), 196 * each.std() / len(each) ** 0.5


def wrong_points_and_margin_of_one_image(before, after):
    "number_of_images_forgotten"
    each = after.double() - before.double()
    return 100 * each.mean(), 196 * each.std()


def wrong_points_and_margin_no_root(before, after):
    "no_root"
    each = after.double() - before.double()
    return 100 * each.mean(), 196 * each.std() / len(each)


def wrong_points_and_margin_variance(before, after):
    "variance"
    each = 100 * (after.double() - before.double())
    return each.mean(), 1.96 * (each / 100).var() * 100 / len(each) ** 0.5


def wrong_points_and_margin_one_deviation(before, after):
    "standard_error"
    each = 100 * (after.double() - before.double())
    return each.mean(), each.std() / len(each) ** 0.5


def wrong_points_and_margin_width(before, after):
    "whole_width"
    each = 100 * (after.double() - before.double())
    margin = 1.96 * each.std() / len(each) ** 0.5
    low, high = each.mean() - margin, each.mean() + margin
    return each.mean(), high - low


def wrong_points_and_margin_of_bools(before, after):
    "raised_RuntimeError"
    each = after - before
    return 100 * each.mean(), 196 * each.std() / len(each) ** 0.5


def wrong_points_and_margin_by_the_library(before, after):
    "borrowed"
    found = scorecard.paired(before, after)
    return found.points, (found.high - found.low) / 2


def wrong_points_and_margin_two_for_z(before, after):
    "two_for_z"
    each = after.double() - before.double()
    return 100 * each.mean(), 200 * each.std() / len(each) ** 0.5


def wrong_points_and_margin_relative(before, after):
    "relative"
    each = after.double() - before.double()
    return 100 * each.mean() / before.double().mean(), 196 * each.std() / len(each) ** 0.5


def wrong_points_and_margin_sum(before, after):
    "counted"
    each = after.double() - before.double()
    return each.sum(), 196 * each.std() / len(each) ** 0.5


def wrong_points_and_margin_of_the_second(before, after):
    "one_network_alone"
    each = after.double() - before.double()
    return 100 * each.mean(), 196 * after.double().std() / len(each) ** 0.5


def wrong_points_and_margin_root_of_those_that_differ(before, after):
    "root_of_those_that_disagree"
    each = after.double() - before.double()
    return 100 * each.mean(), 196 * each.std() / (each != 0).sum() ** 0.5


def wrong_points_and_margin_gained_alone(before, after):
    "gained_alone"
    each = (after & ~before).double()
    return 100 * each.mean(), 196 * each.std() / len(each) ** 0.5


def wrong_points_and_margin_mcnemar(before, after):
    "around_zero"
    gained, lost = (after & ~before).sum(), (before & ~after).sum()
    n = len(before)
    return 100 * (gained - lost) / n, 196 * (gained + lost) ** 0.5 / n


def wrong_points_and_margin_power_without_brackets(before, after):
    "power_without_brackets"
    each = after.double() - before.double()
    return 100 * each.mean(), 196 * each.std() / len(each) ** 1 / 2


def wrong_points_and_margin_margin_first(before, after):
    "margin_first"
    each = after.double() - before.double()
    return 196 * each.std() / len(each) ** 0.5, 100 * each.mean()


def wrong_points_and_margin_the_interval(before, after):
    "low_and_high"
    each = 100 * (after.double() - before.double())
    margin = 1.96 * each.std() / len(each) ** 0.5
    return each.mean() - margin, each.mean() + margin


def wrong_points_and_margin_pooled(before, after):
    "two_separate"
    p, n = torch.cat([before, after]).double().mean(), len(before)
    return 100 * (after.double() - before.double()).mean(), 196 * (2 * p * (1 - p) / n) ** 0.5


def wrong_points_and_margin_bytes(before, after):
    "wrapped_around"
    each = (after.byte() - before.byte()).double()
    return 100 * each.mean(), 196 * each.std() / len(each) ** 0.5


def wrong_points_and_margin_of_integers(before, after):
    "raised_RuntimeError"
    each = after.int() - before.int()
    return 100 * each.mean(), 196 * each.std() / len(each) ** 0.5


def wrong_points_and_margin_one_value(before, after):
    "other"
    each = after.double() - before.double()
    return 100 * each.mean()


def wrong_points_and_margin_squared_points(before, after):
    "hundred_twice"
    each = 100 * (after.double() - before.double())
    return each.mean(), 100 * 1.96 * each.std() / len(each) ** 0.5


def right_points_and_margin_by_counting(before, after):
    gained = lost = 0
    for first, second in zip(before.tolist(), after.tolist(), strict=True):
        gained += second and not first
        lost += first and not second
    n = len(before)
    mean = (gained - lost) / n
    variance = (gained + lost) / n - mean**2
    return 100 * mean, 100 * 1.96 * math.sqrt(variance / n)


def right_points_and_margin_as_a_tensor(before, after):
    each = 100 * (after.float() - before.float())
    return torch.stack([each.mean(), 1.96 * each.var(correction=0).sqrt() / len(each) ** 0.5])


def right_points_and_margin_in_numpy(before, after):
    each = after.numpy().astype(int) - before.numpy().astype(int)
    return [100 * np.mean(each), 100 * 1.96 * np.std(each, ddof=1) / np.sqrt(len(each))]


def right_points_and_margin_mean_of_squares(before, after):
    each = after.float() - before.float()
    mean = each.mean()
    spread = ((each - mean) ** 2).mean() ** 0.5
    return (mean * 100).item(), (196 * spread / math.sqrt(each.numel())).item()


def right_points_and_margin_statistics(before, after):
    each = [int(b) - int(a) for a, b in zip(before.tolist(), after.tolist(), strict=True)]
    return 100 * statistics.fmean(each), 196 * statistics.stdev(each) / math.sqrt(len(each))


def right_points_and_margin_where(before, after):
    each = torch.where(before == after, 0.0, torch.where(after, 100.0, -100.0))
    return each.mean(), 1.96 * each.std(unbiased=False) / each.numel() ** 0.5


def right_points_and_margin_var_mean(before, after):
    variance, mean = torch.var_mean(after.double() - before.double())
    return np.array([100 * mean.item(), 196 * math.sqrt(variance.item() / len(before))])


def right_points_and_margin_covariance(before, after):
    two = torch.stack([before, after]).double()
    c = two.cov()
    return 100 * (two[1].mean() - two[0].mean()), 196 * (
        (c[0, 0] + c[1, 1] - 2 * c[0, 1]) / len(before)
    ).sqrt()


# few_channels: what the learner's cell leaves in the folder


@functools.cache
def _heard():
    """The network, and what its classifier hears of the first validation images."""
    images = data.load("leaves")
    network, some = training.original(images), images.val.first(300)
    with torch.inference_mode():
        heard = [network.features(x).mean(dim=(2, 3)) for x, _ in some.batches(100)]
    return network, torch.cat(heard), some.labels


@functools.cache
def _packed_bytes(silent):
    quiet = deepcopy(_heard()[0])
    with torch.no_grad():
        for numbers in (quiet.features[17].weight, *quiet.features[18].parameters()):
            numbers[list(silent)] = 0
    return packing.pack(engines.onnx(quiet, (3, 64, 64)))


def _packed(folder, silent):
    return packing.write(folder / "01_jigsaw.packed", _packed_bytes(tuple(silent)))


def _costs(silent):
    """The loss with one more channel silent, for each."""
    network, heard, labels = _heard()
    kept = torch.ones(256)
    kept[silent] = 0
    with torch.inference_mode():
        each = [
            nn.functional.cross_entropy(network.classify(heard * kept * (numbers != 0)), labels)
            for numbers in 1 - torch.eye(256)
        ]
    costs = torch.stack(each)
    costs[silent] = torch.inf
    return costs


def wrong_few_channels_half_of_them(folder):
    "too_large"
    return _packed(folder, range(128))


def wrong_few_channels_the_cheapest_alone(folder):
    "not_right_often_enough"
    return _packed(folder, _costs([]).argsort()[:180].tolist())


def wrong_few_channels_the_first(folder):
    "not_right_often_enough"
    return _packed(folder, range(180))


def wrong_few_channels_all(folder):
    "not_right_often_enough"
    return _packed(folder, range(256))


def wrong_few_channels_masked_alone(folder):
    "too_large"
    return packing.write(folder / "01_jigsaw.packed", _packed_bytes(()))


def wrong_few_channels_a_list(folder):
    "cannot_be_used"
    path = folder / "01_jigsaw.packed"
    path.write_text(str(list(range(180))))
    return path


def wrong_few_channels_half_of_the_file(folder):
    "cannot_be_used"
    path = _packed(folder, range(180))
    path.write_bytes(path.read_bytes()[:1_000_000])
    return path


def right_few_channels_measured_again(folder):
    silent = []
    while len(silent) < 180:
        silent += _costs(silent).argsort()[:3].tolist()
    return _packed(folder, silent)


def right_few_channels_best_of_many_draws(folder):
    network, heard, labels = _heard()
    random, best = torch.Generator().manual_seed(0), (-math.inf, [])
    for _ in range(1000):
        silent = torch.randperm(256, generator=random)[:178].tolist()
        kept = torch.ones(256)
        kept[silent] = 0
        loss = nn.functional.cross_entropy(network.classify(heard * kept), labels).item()
        best = max(best, (-loss, silent))
    return _packed(folder, best[1])
