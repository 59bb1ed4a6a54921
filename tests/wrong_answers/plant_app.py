"""Exercise 09: what learners write. wrong_TASK_...: rejected, and its hint holds the docstring.

right_TASK_...: another way to do it, accepted.
"""

import copy
import functools
import math
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from course_lib import data, engines, models, packing, recipe, recorded, students
from course_lib.checks.plant_app import GARDEN, garden

# in_time


def _of_those(good, accuracies):
    best = None
    for number, there in enumerate(good):
        if there and (best is None or accuracies[number] > accuracies[best]):
            best = number
    return best


def wrong_in_time_in_seconds(times, accuracies, rate, page):
    "in_seconds"
    good = [np.percentile(t.sum(1), 90) + page <= 1 / rate for t in times]
    return _of_those(good, accuracies)


def wrong_in_time_compares_with_the_rate(times, accuracies, rate, page):
    "rate_as_milliseconds"
    good = [np.percentile(t.sum(1) + page, 90) <= rate for t in times]
    return _of_those(good, accuracies)


def wrong_in_time_forgot_the_page(times, accuracies, rate, page):
    "nothing_for_the_page"
    good = [(1000 / t.sum(1) >= rate).mean() >= 0.9 for t in times]
    return _of_those(good, accuracies)


def wrong_in_time_gives_the_page_time(times, accuracies, rate, page):
    "page_on_the_wrong_side"
    good = [np.percentile(t.sum(1) - page, 90) <= 1000 / rate for t in times]
    return _of_those(good, accuracies)


def wrong_in_time_mean(times, accuracies, rate, page):
    "on_average"
    budget = 1000 / rate - page
    good = [statistics.mean(sum(frame) for frame in t.tolist()) <= budget for t in times]
    return _of_those(good, accuracies)


def wrong_in_time_median(times, accuracies, rate, page):
    "the_frame_in_the_middle"
    good = [np.median(t.sum(axis=1)) + page <= 1000 / rate for t in times]
    return _of_those(good, accuracies)


def wrong_in_time_percentile_of_the_rate(times, accuracies, rate, page):
    "the_fast_tenth"
    good = [np.percentile(1000 / (t.sum(1) + page), 90) >= rate for t in times]
    return _of_those(good, accuracies)


def wrong_in_time_adds_percentiles(times, accuracies, rate, page):
    "sum_of_the_percentiles"
    good = []
    for t in times:
        capture, preparation, network = (np.percentile(t[:, part], 90) for part in range(3))
        good.append(capture + preparation + network + page <= 1000 / rate)
    return _of_those(good, accuracies)


def wrong_in_time_network_alone(times, accuracies, rate, page):
    "the_network_alone"
    good = [np.percentile(t[:, -1], 90) <= 1000 / rate - page for t in times]
    return _of_those(good, accuracies)


def wrong_in_time_camera_is_free(times, accuracies, rate, page):
    "without_the_capture"
    good = [np.percentile(t[:, 1] + t[:, 2], 90) <= 1000 / rate - page for t in times]
    return _of_those(good, accuracies)


def wrong_in_time_all_frames(times, accuracies, rate, page):
    "every_frame"
    good = [bool((t.sum(1) <= 1000 / rate - page).all()) for t in times]
    return _of_those(good, accuracies)


def wrong_in_time_argmax(times, accuracies, rate, page):
    "accuracy_alone"
    return accuracies.index(max(accuracies))


def wrong_in_time_the_first(times, accuracies, rate, page):
    "the_first_in_time"
    for number, t in enumerate(times):
        if np.percentile(t.sum(1), 90) <= 1000 / rate - page:
            return number
    return None


def wrong_in_time_fastest(times, accuracies, rate, page):
    "the_fastest"
    slow = [np.percentile(t.sum(1), 90) for t in times]
    return slow.index(min(slow))


def wrong_in_time_fills_the_frame(times, accuracies, rate, page):
    "the_slowest_in_time"
    slow = np.array([np.percentile(t.sum(1), 90) for t in times])
    slow[slow > 1000 / rate - page] = 0
    return int(slow.argmax()) if slow.any() else None


def wrong_in_time_counts_anew(times, accuracies, rate, page):
    "place_among_those_in_time"
    left = [
        accuracy
        for t, accuracy in zip(times, accuracies, strict=True)
        if np.percentile(t.sum(1), 90) + page <= 1000 / rate
    ]
    return int(np.argmax(left)) if left else None


def wrong_in_time_returns_the_accuracy(times, accuracies, rate, page):
    "its_accuracy"
    good = [np.percentile(t.sum(1), 90) + page <= 1000 / rate for t in times]
    return max((a for a, g in zip(accuracies, good, strict=True) if g), default=None)


def wrong_in_time_nobody(times, accuracies, rate, page):
    "raised_ValueError"
    good = [n for n, t in enumerate(times) if np.percentile(t.sum(1), 90) <= 1000 / rate - page]
    return max(good, key=lambda n: accuracies[n])


def wrong_in_time_over_the_frames(times, accuracies, rate, page):
    "raised_"
    good = [np.percentile(t.sum(0), 90) <= 1000 / rate - page for t in times]
    return max((n for n in range(len(times)) if good[n]), key=accuracies)


def wrong_in_time_adds_the_page_in_place(times, accuracies, rate, page):
    "changed_its_input"
    for t in times:
        t[:, 2] += page
    return _of_those([np.percentile(t.sum(1), 90) <= 1000 / rate for t in times], accuracies)


def wrong_in_time_hard_coded(times, accuracies, rate, page):
    "always_the_same"
    return 3


def right_in_time_by_counting(times, accuracies, rate, page):
    best = None
    for number in range(len(times)):
        late = sum(sum(frame) + page > 1000 / rate for frame in times[number])
        if late <= len(times[number]) / 10 and (
            best is None or accuracies[number] > accuracies[best]
        ):
            best = number
    return best


def right_in_time_in_frames_a_second(times, accuracies, rate, page):
    whole = np.stack(times).sum(axis=2) + page
    slow = np.percentile(1000 / whole, 10, axis=1)
    shares = np.where(slow >= rate, accuracies, -1)
    return shares.argmax() if shares.max() > 0 else None


def right_in_time_by_sorting(times, accuracies, rate, page):
    for number in sorted(range(len(times)), key=lambda n: -accuracies[n]):
        frames = sorted(times[number].sum(1).tolist())
        if frames[int(0.9 * len(frames))] <= 1000 / rate - page:
            return number
    return None


def right_in_time_by_statistics(times, accuracies, rate, page):
    good = {
        accuracy: number
        for number, (t, accuracy) in enumerate(zip(times, accuracies, strict=True))
        if statistics.quantiles(t.sum(1), n=10)[-1] + page <= 1e3 / rate
    }
    return good[max(good)] if good else None


def _best(good, acc):
    g = [i for i, x in enumerate(good) if x]
    return max(g, key=lambda i: acc[i]) if g else None


def wrong_in_time_minus_one(times, accuracies, rate, page):
    """a_number_below_zero_for_nobody"""
    good = [np.percentile(t.sum(1), 90) <= 1000 / rate - page for t in times]
    b = _best(good, accuracies)
    return -1 if b is None else b


def wrong_in_time_zero_for_nobody(times, accuracies, rate, page):
    """the_first_for_nobody"""
    good = np.array([np.percentile(t.sum(1), 90) <= 1000 / rate - page for t in times])
    return int(np.argmax(np.where(good, accuracies, 0)))


def wrong_in_time_least_accurate(times, accuracies, rate, page):
    """the_least_accurate"""
    good = [np.percentile(t.sum(1), 90) <= 1000 / rate - page for t in times]
    g = [i for i, x in enumerate(good) if x]
    return min(g, key=lambda i: accuracies[i]) if g else None


def wrong_in_time_sum_over_all(times, accuracies, rate, page):
    """on_average"""
    good = [t.sum() / len(t) <= 1000 / rate - page for t in times]
    return _best(good, accuracies)


def wrong_in_time_percentile_of_all_numbers(times, accuracies, rate, page):
    """each_part_by_itself"""
    good = [np.percentile(t, 90) <= 1000 / rate - page for t in times]
    return _best(good, accuracies)


def wrong_in_time_each_part_alone(times, accuracies, rate, page):
    """each_part_by_itself"""
    good = [(np.percentile(t, 90, axis=0) <= 1000 / rate - page).all() for t in times]
    return _best(good, accuracies)


def wrong_in_time_ninety_five(times, accuracies, rate, page):
    """one_in_twenty"""
    good = [np.percentile(t.sum(1), 95) <= 1000 / rate - page for t in times]
    return _best(good, accuracies)


def wrong_in_time_median_of_network(times, accuracies, rate, page):
    """the_frame_in_the_middle"""
    good = [np.median(t, axis=0).sum() <= 1000 / rate - page for t in times]
    return _best(good, accuracies)


def wrong_in_time_compares_wrong_way(times, accuracies, rate, page):
    """the_best_of_the_late"""
    good = [np.percentile(t.sum(1), 90) >= 1000 / rate - page for t in times]
    return _best(good, accuracies)


def wrong_in_time_integer_division(times, accuracies, rate, page):
    """the_fast_tenth"""
    good = [np.percentile(t.sum(1), 0.9) <= 1000 / rate - page for t in times]
    return _best(good, accuracies)


def wrong_in_time_all_that_are(times, accuracies, rate, page):
    """all_in_time"""
    return [i for i, t in enumerate(times) if np.percentile(t.sum(1), 90) <= 1000 / rate - page]


def wrong_in_time_best_then_check(times, accuracies, rate, page):
    """the_best_or_nobody"""
    b = int(np.argmax(accuracies))
    return b if np.percentile(times[b].sum(1), 90) <= 1000 / rate - page else None


def right_in_time_quantile(times, accuracies, rate, page):
    t = torch.tensor(np.stack(times)).sum(-1)
    ok = torch.quantile(t, 0.9, dim=1) <= 1000 / rate - page
    if not ok.any():
        return None
    return torch.where(ok, torch.tensor(accuracies), -1.0).argmax()


def right_in_time_counts(times, accuracies, rate, page):
    b = None
    for i, t in enumerate(times):
        if np.count_nonzero(t.sum(1) + page <= 1000 / rate) >= 0.9 * len(t) and (
            b is None or accuracies[i] > accuracies[b]
        ):
            b = i
    return b


def right_in_time_microseconds(times, accuracies, rate, page):
    c = [
        (a, i)
        for i, (t, a) in enumerate(zip(times, accuracies, strict=True))
        if np.percentile(t.sum(1) * 1000.0, 90) <= 1000000.0 / rate - page * 1000.0
    ]
    return max(c)[1] if c else None


def right_in_time_partition(times, accuracies, rate, page):
    ok = [
        np.partition(t @ np.ones(3), int(0.9 * len(t)))[int(0.9 * len(t))] + page <= 1000 / rate
        for t in times
    ]
    return next((i for i in np.argsort(accuracies)[::-1] if ok[i]), None)


# prepared


def _shrunk(square, size):
    picture = Image.fromarray(np.ascontiguousarray(square))
    return np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC))


def _middle(pixels, width, height, size):
    picture = pixels.reshape(height, width, 4)[:, :, :3]
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return _shrunk(picture[top : top + side, left : left + side], size)


def wrong_prepared_as_given(pixels, width, height, size, mean, scale):
    "as_given"
    picture = pixels.reshape(width, height, 4)[:, :, :3]
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = picture[left : left + side, top : top + side]
    ready = (_shrunk(square, size) - mean) / scale
    return ready.reshape(1, 3, size, size)


def wrong_prepared_floats_alone(pixels, width, height, size, mean, scale):
    "swapped_and_scrambled"
    picture = pixels.reshape(width, height, 4)[:, :, :3]
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = picture[left : left + side, top : top + side]
    ready = (_shrunk(square, size).astype(float) - mean) / scale
    return ready.reshape(1, 3, size, size)


def wrong_prepared_transposed_alone(pixels, width, height, size, mean, scale):
    "swapped_and_wrapped"
    picture = pixels.reshape(width, height, 4)[:, :, :3]
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = picture[left : left + side, top : top + side]
    ready = (_shrunk(square, size) - mean) / scale
    return ready.transpose(2, 0, 1)[None]


def wrong_prepared_rows_alone(pixels, width, height, size, mean, scale):
    "scrambled_and_wrapped"
    return ((_middle(pixels, width, height, size) - mean) / scale).reshape(1, 3, size, size)


def wrong_prepared_width_first(pixels, width, height, size, mean, scale):
    "rows_and_columns"
    picture = pixels.reshape(width, height, 4)[:, :, :3]
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    small = _shrunk(picture[left : left + side, top : top + side], size).astype(np.float32)
    return np.moveaxis((small - mean) / scale, -1, 0)[None]


def wrong_prepared_reshaped(pixels, width, height, size, mean, scale):
    "scrambled"
    small = torch.from_numpy(_middle(pixels, width, height, size).copy()).float()
    return ((small - mean) / scale).view(1, 3, size, size)


def wrong_prepared_float_too_late(pixels, width, height, size, mean, scale):
    "wrapped"
    ready = (_middle(pixels, width, height, size) - mean).astype(np.float32) / scale
    return ready.transpose(2, 0, 1).reshape(1, 3, size, size)


def wrong_prepared_begins_at_the_corner(pixels, width, height, size, mean, scale):
    "corner"
    side = min(width, height)
    square = pixels.reshape(height, width, 4)[:side, :side, :3]
    ready = (_shrunk(square, size) - float(mean)) / scale
    return ready.transpose(2, 0, 1)


def wrong_prepared_from_the_left(pixels, width, height, size, mean, scale):
    "left_edge"
    side, top = min(width, height), max(0, height - width) // 2
    square = pixels.reshape(height, width, 4)[top : top + side, :side, :3]
    ready = (_shrunk(square, size) - float(mean)) / scale
    return ready.transpose(2, 0, 1)[np.newaxis]


def wrong_prepared_from_the_top(pixels, width, height, size, mean, scale):
    "top_edge"
    side, left = min(width, height), max(0, width - height) // 2
    square = pixels.reshape(height, width, 4)[:side, left : left + side, :3]
    ready = (_shrunk(square, size) - float(mean)) / scale
    return ready.transpose(2, 0, 1)[np.newaxis]


def wrong_prepared_not_cut(pixels, width, height, size, mean, scale):
    "squeezed"
    picture = pixels.reshape(height, width, 4)[:, :, :3]
    ready = (_shrunk(picture, size).astype(np.float64) - mean) / scale
    return ready.transpose(2, 0, 1)[None]


def wrong_prepared_bgr(pixels, width, height, size, mean, scale):
    "blue_first"
    small = _middle(pixels, width, height, size)[:, :, ::-1].astype(np.float32)
    return ((small - mean) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_with_opacity(pixels, width, height, size, mean, scale):
    "four_channels"
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    picture = Image.fromarray(pixels.reshape(height, width, 4), "RGBA")
    square = picture.crop((left, top, left + side, top + side)).resize((size, size), 3)
    return ((np.asarray(square).astype(np.float32) - mean) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_by_the_chapters_cell(pixels, width, height, size, mean, scale):
    "always_those_of_the_leaves"
    picture = Image.fromarray(pixels.reshape(height, width, 4)).convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.resize(
        (size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    small = np.asarray(square, dtype=np.float32)
    return torch.from_numpy((small - 127.5) / 63.75).permute(2, 0, 1)[None]


def wrong_prepared_from_zero_to_one(pixels, width, height, size, mean, scale):
    "by_255"
    return (_middle(pixels, width, height, size) / 255).transpose(2, 0, 1)[None]


def wrong_prepared_as_for_imagenet(pixels, width, height, size, mean, scale):
    "by_255_first"
    ready = (_middle(pixels, width, height, size) / 255 - mean) / scale
    return ready.transpose(2, 0, 1)[None].astype(np.float32)


def wrong_prepared_without_brackets(pixels, width, height, size, mean, scale):
    "divided_first"
    small = _middle(pixels, width, height, size).astype(np.float32)
    return (small / scale - mean).transpose(2, 0, 1)[None]


def wrong_prepared_standardised(pixels, width, height, size, mean, scale):
    "own_statistics"
    small = _middle(pixels, width, height, size).astype(np.float64)
    return ((small - small.mean()) / small.std()).transpose(2, 0, 1)[None]


def wrong_prepared_colours_last(pixels, width, height, size, mean, scale):
    "channels_last"
    return ((_middle(pixels, width, height, size).astype(np.float32) - mean) / scale)[None]


def wrong_prepared_by_t(pixels, width, height, size, mean, scale):
    "on_its_side"
    return ((_middle(pixels, width, height, size).astype(np.float32) - mean) / scale).T[None]


def wrong_prepared_not_shrunk(pixels, width, height, size, mean, scale):
    "other"
    picture = pixels.reshape(height, width, 4)[:, :, :3].astype(np.float32)
    return ((picture - mean) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_three_bytes_a_pixel(pixels, width, height, size, mean, scale):
    "raised_ValueError"
    picture = pixels.reshape(height, width, 3)
    return ((picture - float(mean)) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_in_place(pixels, width, height, size, mean, scale):
    "changed_its_input"
    pixels[3::4] = 0
    small = _middle(pixels, width, height, size)
    return ((small - float(mean)) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_black(pixels, width, height, size, mean, scale):
    "other"
    return np.zeros((1, 3, size, size))


def right_prepared_by_torch(pixels, width, height, size, mean, scale):
    small = torch.tensor(_middle(pixels, width, height, size))
    return ((small.permute(2, 0, 1).float() - mean) / scale).unsqueeze(0)


def right_prepared_by_pil(pixels, width, height, size, mean, scale):
    picture = Image.frombytes("RGBA", (width, height), pixels.tobytes()).convert("RGB")
    side = min(picture.size)
    left, top = (width - side) // 2, (height - side) // 2
    box = (left, top, left + side, top + side)
    small = picture.resize((size, size), Image.Resampling.BICUBIC, box=box)
    return np.stack([(np.asarray(band, np.float32) - mean) / scale for band in small.split()])


def right_prepared_channel_by_channel(pixels, width, height, size, mean, scale):
    small = _middle(pixels, width, height, size)
    ready = np.empty((1, 3, size, size), np.float32)
    for channel in range(3):
        ready[0, channel] = (small[:, :, channel].astype(int) - mean) / scale
    return ready


def right_prepared_divides_apart(pixels, width, height, size, mean, scale):
    small = _middle(pixels, width, height, size)
    return np.einsum("hwc->chw", small / scale - mean / scale)[None].tolist()


def _sh(square, size):
    return np.asarray(
        Image.fromarray(np.ascontiguousarray(square)).resize((size, size), Image.Resampling.BICUBIC)
    )


def _mid(pixels, width, height):
    p = pixels.reshape(height, width, 4)[:, :, :3]
    s = min(width, height)
    left, t = ((width - s) // 2, (height - s) // 2)
    return p[t : t + s, left : left + s]


def wrong_prepared_largest_square_padded(pixels, width, height, size, mean, scale):
    """with_a_border"""
    p = pixels.reshape(height, width, 4)[:, :, :3]
    s = max(width, height)
    q = np.zeros((s, s, 3), np.uint8)
    q[
        (s - height) // 2 : (s - height) // 2 + height, (s - width) // 2 : (s - width) // 2 + width
    ] = p
    return ((_sh(q, size).astype(float) - mean) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_centre_size_crop(pixels, width, height, size, mean, scale):
    """cut_to_size"""
    p = pixels.reshape(height, width, 4)[:, :, :3]
    t, left = ((height - size) // 2, (width - size) // 2)
    return ((p[t : t + size, left : left + size].astype(float) - mean) / scale).transpose(2, 0, 1)[
        None
    ]


def wrong_prepared_int8(pixels, width, height, size, mean, scale):
    """signed_bytes"""
    s = _sh(_mid(pixels, width, height), size).astype(np.int8).astype(float)
    return ((s - mean) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_multiplies(pixels, width, height, size, mean, scale):
    """multiplied"""
    s = _sh(_mid(pixels, width, height), size).astype(float)
    return ((s - mean) * scale).transpose(2, 0, 1)[None]


def wrong_prepared_plus_mean(pixels, width, height, size, mean, scale):
    """mean_added"""
    s = _sh(_mid(pixels, width, height), size).astype(float)
    return ((s + mean) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_no_mean(pixels, width, height, size, mean, scale):
    """mean_left_out"""
    s = _sh(_mid(pixels, width, height), size).astype(float)
    return (s / scale).transpose(2, 0, 1)[None]


def wrong_prepared_no_batch_no_scale(pixels, width, height, size, mean, scale):
    """scale_left_out"""
    s = _sh(_mid(pixels, width, height), size).astype(float)
    return (s - mean).transpose(2, 0, 1)[None]


def wrong_prepared_planar_bytes(pixels, width, height, size, mean, scale):
    """read_as_planes"""
    p = pixels.reshape(4, height, width)[:3].transpose(1, 2, 0)
    s = min(width, height)
    left, t = ((width - s) // 2, (height - s) // 2)
    s = _sh(p[t : t + s, left : left + s], size).astype(float)
    return ((s - mean) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_argb(pixels, width, height, size, mean, scale):
    """opacity_first"""
    p = pixels.reshape(height, width, 4)[:, :, 1:]
    s = min(width, height)
    left, t = ((width - s) // 2, (height - s) // 2)
    s = _sh(p[t : t + s, left : left + s], size).astype(float)
    return ((s - mean) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_top_left_exchanged(pixels, width, height, size, mean, scale):
    """cut_the_other_way"""
    p = pixels.reshape(height, width, 4)[:, :, :3]
    s = min(width, height)
    left, t = ((width - s) // 2, (height - s) // 2)
    q = p[left : left + s, t : t + s]
    return ((_sh(q, size).astype(float) - mean) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_flipped(pixels, width, height, size, mean, scale):
    """upside_down"""
    s = _sh(_mid(pixels, width, height)[::-1], size).astype(float)
    return ((s - mean) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_clipped(pixels, width, height, size, mean, scale):
    """below_zero_lost"""
    s = _sh(_mid(pixels, width, height), size).astype(float)
    return (np.clip(s - mean, 0, None) / scale).transpose(2, 0, 1)[None]


def wrong_prepared_back_to_bytes(pixels, width, height, size, mean, scale):
    """whole_numbers"""
    s = _sh(_mid(pixels, width, height), size).astype(int)
    return ((s - mean) // scale).transpose(2, 0, 1)[None]


def wrong_prepared_nearest(pixels, width, height, size, mean, scale):
    """pixels_picked"""
    q = _mid(pixels, width, height)
    s = q.shape[0]
    i = np.arange(size) * s // size
    return ((q[i][:, i].astype(float) - mean) / scale).transpose(2, 0, 1)[None]


def right_prepared_int16(pixels, width, height, size, mean, scale):
    s = _sh(_mid(pixels, width, height), size).astype(np.int16)
    return np.moveaxis((s - mean) / scale, 2, 0)[np.newaxis].astype(np.float32)


def right_prepared_torch_permute(pixels, width, height, size, mean, scale):
    s = torch.from_numpy(_sh(_mid(pixels, width, height), size).copy()).to(torch.float32)
    return s.sub(mean).div(scale).permute(2, 0, 1).unsqueeze(0).contiguous()


def right_prepared_pil_crop(pixels, width, height, size, mean, scale):
    im = Image.fromarray(pixels.reshape(height, width, 4)).convert("RGB")
    s = min(im.size)
    left, t = ((width - s) // 2, (height - s) // 2)
    a = np.float32(im.crop((left, t, left + s, t + s)).resize((size, size), Image.BICUBIC))
    return np.expand_dims(np.rollaxis((a - mean) / scale, 2), 0)


def right_prepared_einsum_list(pixels, width, height, size, mean, scale):
    s = np.subtract(_sh(_mid(pixels, width, height), size), mean, dtype=np.float64)
    return [[(s[..., c] / scale).tolist() for c in range(3)]]


def right_prepared_opacity_goes_last(pixels, width, height, size, mean, scale):
    p = pixels.reshape(height, width, 4)
    s = min(width, height)
    p = p[(height - s) // 2 :, (width - s) // 2 :][:s, :s]
    r = (_sh(p, size)[..., :3].astype(np.float32) - mean) / scale
    return torch.tensor(r).movedim(-1, 0)[None]


# my_points

right_my_points_as_text = "15%"
wrong_my_points_in_words = "about a half"
wrong_my_points_gained = -5
wrong_my_points_too_many = 150
wrong_my_points_nan = math.nan
wrong_my_points_a_pair = (10, 20)
wrong_my_points_no = False
right_my_points_none_at_all = 0
right_my_points_all_of_them = np.float32(88)


# threshold


def wrong_threshold_none(probabilities, right, most):
    "nothing_comes_back_for_nothing"
    for least in probabilities.unique().tolist():
        given = right[probabilities >= least]
        if 1 - given.double().mean() <= most:
            return least


def wrong_threshold_of_all_images(probabilities, right, most):
    "share_of_all"
    for least in sorted(probabilities.tolist()):
        if ((probabilities >= least) & ~right).float().mean() <= most:
            return least
    return 1.01


def wrong_threshold_false_positives(probabilities, right, most):
    "share_of_the_wrong"
    p, r = probabilities.numpy(), right.numpy()
    for least in np.unique(p):
        if (p[~r] >= least).sum() <= most * (~r).sum():
            return float(least)
    return 2


def wrong_threshold_recall(probabilities, right, most):
    "keeps_the_right_ones"
    for least in sorted(probabilities.tolist(), reverse=True):
        if (probabilities[right] >= least).double().mean() >= 1 - most:
            return least
    return 2


def wrong_threshold_quantile(probabilities, right, most):
    "the_least_sure"
    return np.quantile(probabilities.numpy(), most)


def wrong_threshold_trusts_it(probabilities, right, most):
    "believed"
    return 1.0 - most


def wrong_threshold_most(probabilities, right, most):
    "the_limit_itself"
    return most


def wrong_threshold_careful(probabilities, right, most):
    "the_strictest"
    for least in sorted(probabilities.tolist(), reverse=True):
        given = right[probabilities >= least]
        if (~given).sum() <= most * len(given):
            return least
    return 2.0


def wrong_threshold_breaks_off(probabilities, right, most):
    "stopped_at_the_first"
    found = 2.0
    for least in sorted(set(probabilities.tolist()), reverse=True):
        given = right[probabilities >= least]
        if (~given).float().mean() > most:
            break
        found = least
    return found


def wrong_threshold_by_cumsum(probabilities, right, most):
    "cut_among_equals"
    order = np.argsort(-probabilities.numpy(), kind="stable")
    wrong = np.cumsum(~right.numpy()[order])
    share = wrong / np.arange(1, len(wrong) + 1)
    good = np.flatnonzero(share <= most)
    return probabilities[order[good[-1]]].item() if len(good) else 2.0


def wrong_threshold_above(probabilities, right, most):
    "strictly_above"
    for least in sorted(probabilities.tolist()):
        given = right[probabilities > least]
        if len(given) and (~given).sum() <= most * len(given):
            return least
    return max(probabilities)


def wrong_threshold_upside_down(probabilities, right, most):
    "the_wrong_way_round"
    values, order = probabilities.sort()
    wrong = (~right[order]).cumsum(0)
    good = wrong <= most * torch.arange(1, len(values) + 1)
    return values[good][-1] if good.any() else math.inf


def wrong_threshold_in_percent(probabilities, right, most):
    "accepts_everything"
    for least in sorted(probabilities.tolist()):
        if (~right[probabilities >= least]).float().mean() <= 100 * most:
            return least
    return 2.0


def wrong_threshold_nan(probabilities, right, most):
    "accepts_nothing"
    return float("nan")


def wrong_threshold_hard_coded(probabilities, right, most):
    "other"
    return 0.6


def wrong_threshold_how_many(probabilities, right, most):
    "accepts_nothing"
    least = right_threshold_by_a_loop(probabilities, right, most)
    return int((probabilities >= least).sum())


def wrong_threshold_which(probabilities, right, most):
    "cannot_be_used"
    return probabilities >= 0.6


def wrong_threshold_nothing_back(probabilities, right, most):
    "other"
    print(right_threshold_by_a_loop(probabilities, right, most))


def wrong_threshold_sorts_in_place(probabilities, right, most):
    "changed_its_input"
    probabilities.copy_(probabilities.sort().values)
    return 0.6


def right_threshold_by_a_loop(probabilities, right, most):
    found, most_names = 1.5, 0
    for least in probabilities.tolist():
        given = [
            r for p, r in zip(probabilities.tolist(), right.tolist(), strict=True) if p >= least
        ]
        if given.count(False) <= most * len(given) and len(given) > most_names:
            found, most_names = least, len(given)
    return found


def right_threshold_sorted(probabilities, right, most):
    p, r = probabilities.numpy(), right.numpy()
    order = np.argsort(-p)
    p, r = p[order], r[order]
    precision = np.cumsum(r) / np.arange(1, len(r) + 1)
    last_of_equals = np.append(p[1:] < p[:-1], True)
    good = np.flatnonzero(last_of_equals & (precision >= 1 - most))
    return p[good[-1]] if len(good) else np.inf


def right_threshold_between_two(probabilities, right, most):
    values = probabilities.unique()
    middles = torch.cat([values[:1] - 0.1, (values[1:] + values[:-1]) / 2, values[-1:] + 0.1])
    given = probabilities[None] >= middles[:, None]
    wrong = (given & ~right).sum(1)
    return middles[(wrong <= most * given.sum(1)).nonzero()[0]]


def wrong_threshold_for_each_name_alone(probabilities, right, most):
    """accepts_everything"""
    return probabilities[right].min()


def wrong_threshold_above_all_wrong(probabilities, right, most):
    """stopped_at_the_first"""
    return probabilities[~right].max() + 1e-06


def wrong_threshold_share_right(probabilities, right, most):
    """accepts_everything"""
    for t in sorted(set(probabilities.tolist())):
        if right[probabilities >= t].float().mean() >= most:
            return t
    return 2.0


def wrong_threshold_grid_of_hundredths(probabilities, right, most):
    """steps_of_a_hundredth"""
    for t in np.arange(0, 1.01, 0.01):
        g = right[probabilities >= t]
        if len(g) and (~g).float().mean() <= most:
            return float(t)
    return 2.0


def wrong_threshold_bisect(probabilities, right, most):
    """by_halving"""
    lo, hi = (0.0, 1.0)
    for _ in range(40):
        m = (lo + hi) / 2
        g = right[probabilities >= m]
        if len(g) == 0 or (~g).float().mean() <= most:
            hi = m
        else:
            lo = m
    return hi


def wrong_threshold_zero_for_nothing(probabilities, right, most):
    """everything_for_nothing"""
    for t in sorted(set(probabilities.tolist())):
        g = right[probabilities >= t]
        if (~g).sum() <= most * len(g):
            return t
    return 0.0


def wrong_threshold_one_for_nothing(probabilities, right, most):
    """the_surest_for_nothing"""
    for t in sorted(set(probabilities.tolist())):
        g = right[probabilities >= t]
        if (~g).sum() <= most * len(g):
            return t
    return probabilities.max()


def wrong_threshold_strictly_less(probabilities, right, most):
    """out_of_the_right"""
    for t in sorted(set(probabilities.tolist())):
        g = right[probabilities >= t]
        if (~g).sum() <= most * g.sum():
            return t
    return 2.0


def wrong_threshold_rounds_counts(probabilities, right, most):
    """share_of_all"""
    k = int(most * len(right))
    w = probabilities[~right].sort(descending=True).values
    return w[k] + 1e-06 if k < len(w) else 0.0


def wrong_threshold_lowest_right_sorted(probabilities, right, most):
    """quantile_of_the_wrong"""
    return torch.quantile(probabilities[~right], 1 - most)


def wrong_threshold_quantile_right(probabilities, right, most):
    """quantile_of_the_right"""
    return torch.quantile(probabilities[right], most)


def wrong_threshold_mean_prob(probabilities, right, most):
    """believed_on_average"""
    for t in sorted(set(probabilities.tolist())):
        if 1 - probabilities[probabilities >= t].mean() <= most:
            return t
    return 2.0


def wrong_threshold_rounded(probabilities, right, most):
    """rounded"""
    for t in sorted(set(probabilities.tolist())):
        g = right[probabilities >= t]
        if (~g).sum() <= most * len(g):
            return round(t, 2)
    return 2.0


def wrong_threshold_wrong_of_most_sure_index(probabilities, right, most):
    """accepts_nothing"""
    v = sorted(set(probabilities.tolist()))
    for i, t in enumerate(v):
        g = right[probabilities >= t]
        if (~g).sum() <= most * len(g):
            return i
    return 2.0


def right_threshold_unique_flip(probabilities, right, most):
    v = probabilities.unique()
    ok = [(~right[probabilities >= t]).sum() <= most * (probabilities >= t).sum() for t in v]
    return v[ok.index(True)] if True in ok else 1.5


def right_threshold_numpy_grid(probabilities, right, most):
    p, r = (probabilities.numpy().astype(float), right.numpy())
    v = np.unique(p)
    n = p[None] >= v[:, None]
    e = (n & ~r).sum(1) / n.sum(1)
    return v[e <= most].min() if (e <= most).any() else 2


def right_threshold_max_by_count(probabilities, right, most):
    c = [2.0] + [
        t for t in probabilities.tolist() if (~right[probabilities >= t]).double().mean() <= most
    ]
    return max(c, key=lambda t: int((probabilities >= t).sum()))


def right_threshold_just_below(probabilities, right, most):
    for t in sorted(set(probabilities.tolist())):
        g = right[probabilities >= t]
        if (~g).sum() <= most * len(g):
            return t - 1e-06
    return math.inf


def right_threshold_bincount(probabilities, right, most):
    o = probabilities.argsort(descending=True)
    p, w = (probabilities[o], (~right[o]).cumsum(0))
    n = torch.arange(1, len(p) + 1)
    last = torch.cat([p[1:] < p[:-1], torch.tensor([True])])
    k = (last & (w <= most * n)).nonzero().flatten()
    return p[k[-1]].item() if len(k) else 1.01


# gain


def wrong_gain_network_alone(watts, aiming, frames, before, after):
    "energy_of_the_network_alone"
    return (frames * before[1]) / (frames * after[1])


def wrong_gain_faster(watts, aiming, frames, before, after):
    "time_of_the_network_alone"
    return before[0] / after[0]


def wrong_gain_power_times_time(watts, aiming, frames, before, after):
    "both_ratios_multiplied"
    return (before[0] * before[1]) / (after[0] * after[1])


def wrong_gain_the_other_way(watts, aiming, frames, before, after):
    "upside_down"
    return 1 / right_gain_from_a_battery(watts, aiming, frames, before, after)


def wrong_gain_saved(watts, aiming, frames, before, after):
    "share_saved"
    energy = [
        watts * (aiming + frames * ms / 1e3) + frames * mj / 1e3 for ms, mj in (before, after)
    ]
    return (energy[0] - energy[1]) / energy[0]


def wrong_gain_more(watts, aiming, frames, before, after):
    "more_in_percent"
    energy = [
        watts * (aiming + frames * ms / 1e3) + frames * mj / 1e3 for ms, mj in (before, after)
    ]
    return (energy[0] - energy[1]) / energy[1]


def wrong_gain_never_aims(watts, aiming, frames, before, after):
    "without_the_aiming"
    return (watts * before[0] + before[1]) / (watts * after[0] + after[1])


def wrong_gain_screen_off_while_computing(watts, aiming, frames, before, after):
    "screen_while_aiming_alone"
    screen = watts * aiming
    return (screen + frames * before[1] / 1000) / (screen + frames * after[1] / 1000)


def wrong_gain_time_of_use(watts, aiming, frames, before, after):
    "without_the_networks_energy"
    return (aiming + frames * before[0] / 1000) / (aiming + frames * after[0] / 1000)


def wrong_gain_one_frame(watts, aiming, frames, before, after):
    "a_single_frame"
    energy = [watts * (aiming + ms / 1000) + mj / 1000 for ms, mj in (before, after)]
    return energy[0] / energy[1]


def wrong_gain_energy_once(watts, aiming, frames, before, after):
    "energy_of_a_single_frame"
    energy = [watts * (aiming + frames * ms / 1000) + mj / 1000 for ms, mj in (before, after)]
    return energy[0] / energy[1]


def wrong_gain_time_once(watts, aiming, frames, before, after):
    "time_of_a_single_frame"
    energy = [watts * (aiming + ms / 1000) + frames * mj / 1000 for ms, mj in (before, after)]
    return energy[0] / energy[1]


def wrong_gain_aims_each_time(watts, aiming, frames, before, after):
    "a_single_frame"
    energy = [frames * (watts * (aiming + ms / 1000) + mj / 1000) for ms, mj in (before, after)]
    return energy[0] / energy[1]


def wrong_gain_millijoules(watts, aiming, frames, before, after):
    "millijoules_taken_for_joules"
    energy = [watts * (aiming + frames * ms / 1000) + frames * mj for ms, mj in (before, after)]
    return energy[0] / energy[1]


def wrong_gain_milliseconds(watts, aiming, frames, before, after):
    "milliseconds_taken_for_seconds"
    energy = [watts * (aiming + frames * ms) + frames * mj / 1000 for ms, mj in (before, after)]
    return energy[0] / energy[1]


def wrong_gain_no_units(watts, aiming, frames, before, after):
    "thousands_left_out"
    old = watts * (aiming + frames * before[0]) + frames * before[1]
    new = watts * (aiming + frames * after[0]) + frames * after[1]
    return old / new


def wrong_gain_weighted(watts, aiming, frames, before, after):
    "mean_of_the_factors"
    parts = np.array([watts * aiming, watts * frames * before[0] / 1e3, frames * before[1] / 1e3])
    factors = np.array([1, before[0] / after[0], before[1] / after[1]])
    return (parts * factors).sum() / parts.sum()


def wrong_gain_both_numbers(watts, aiming, frames, before, after):
    "other"
    return [54_000 / (watts * (aiming + frames * ms / 1e3) + frames * mj / 1e3)
            for ms, mj in (before, after)]  # fmt: skip


def wrong_gain_twice(watts, aiming, frames, before, after):
    "always_the_same"
    return 2.0


def wrong_gain_in_percent(watts, aiming, frames, before, after):
    "other"
    return 100 * right_gain_from_a_battery(watts, aiming, frames, before, after)


def right_gain_from_a_battery(watts, aiming, frames, before, after):
    battery = 15 * 3600 * 1000  # mJ
    numbers = []
    for ms, mj in (before, after):
        screen = watts * 1000 * aiming + watts * ms * frames
        numbers.append(battery / (screen + mj * frames))
    return numbers[1] / numbers[0]


def right_gain_by_amdahl(watts, aiming, frames, before, after):
    fixed, waiting = watts * aiming, watts * frames * before[0] / 1000
    computing = frames * before[1] / 1000
    total = fixed + waiting + computing
    left = fixed / total
    left += waiting / total / (before[0] / after[0]) + computing / total / (before[1] / after[1])
    return 1 / left


def right_gain_in_tensors(watts, aiming, frames, before, after):
    ms, mj = torch.tensor([before, after], dtype=torch.float64).T
    old, new = watts * (1000 * aiming + frames * ms) + frames * mj
    return old / new


def _e(w, a, f, net):
    return w * (a + f * net[0] / 1000) + f * net[1] / 1000


def wrong_gain_time_ratio_total(watts, aiming, frames, before, after):
    """without_the_networks_energy"""
    t = [aiming + frames * ms / 1000 for ms, _ in (before, after)]
    return t[0] / t[1]


def wrong_gain_watts_times_ms_plus_mj_no_aiming_frames(watts, aiming, frames, before, after):
    """power_for_energy"""
    p = [watts + mj / ms for ms, mj in (before, after)]
    return p[0] / p[1]


def wrong_gain_power_added(watts, aiming, frames, before, after):
    """networks_power_all_the_time"""
    e = [(watts + mj / ms) * (aiming + frames * ms / 1000) for ms, mj in (before, after)]
    return e[0] / e[1]


def wrong_gain_aiming_each_frame(watts, aiming, frames, before, after):
    """a_single_frame"""
    e = [frames * (watts * (aiming + ms / 1000) + mj / 1000) for ms, mj in (before, after)]
    return e[0] / e[1]


def wrong_gain_network_while_aiming(watts, aiming, frames, before, after):
    """networks_power_all_the_time"""
    e = []
    for ms, mj in (before, after):
        n = frames + aiming * 1000 / ms
        e.append(watts * (aiming + frames * ms / 1000) + n * mj / 1000)
    return e[0] / e[1]


def wrong_gain_mj_squared(watts, aiming, frames, before, after):
    """energy_times_time"""
    e = [watts * aiming + frames * ms / 1000 * mj / 1000 for ms, mj in (before, after)]
    return e[0] / e[1]


def wrong_gain_difference(watts, aiming, frames, before, after):
    """joules_saved"""
    return _e(watts, aiming, frames, before) - _e(watts, aiming, frames, after)


def wrong_gain_swapped_ms_mj(watts, aiming, frames, before, after):
    """ms_and_mj_exchanged"""
    e = [_e(watts, aiming, frames, n[::-1]) for n in (before, after)]
    return e[0] / e[1]


def wrong_gain_watts_forgotten_on_aiming(watts, aiming, frames, before, after):
    """watts_on_the_frames_alone"""
    e = [aiming + watts * frames * ms / 1000 + frames * mj / 1000 for ms, mj in (before, after)]
    return e[0] / e[1]


def wrong_gain_watts_forgotten(watts, aiming, frames, before, after):
    """without_the_watts"""
    e = [aiming + frames * ms / 1000 + frames * mj / 1000 for ms, mj in (before, after)]
    return e[0] / e[1]


def wrong_gain_bracket(watts, aiming, frames, before, after):
    """watts_on_the_aiming_alone"""
    e = [watts * aiming + frames * ms / 1000 + frames * mj / 1000 for ms, mj in (before, after)]
    return e[0] / e[1]


def wrong_gain_factors_added(watts, aiming, frames, before, after):
    """mean_of_the_networks_gains"""
    return (before[0] / after[0] + before[1] / after[1]) / 2


def wrong_gain_mj_as_power(watts, aiming, frames, before, after):
    """millijoules_as_power"""
    e = [(watts + mj / 1000) * (aiming + frames * ms / 1000) for ms, mj in (before, after)]
    return e[0] / e[1]


def right_gain_mwh(watts, aiming, frames, before, after):
    def each(ms, mj):
        return watts * 1000 * (aiming * 1000 + frames * ms) / 1000 + frames * mj

    return each(*before) / each(*after)


def right_gain_numpy(watts, aiming, frames, before, after):
    b, a = (np.array(before), np.array(after))
    k = np.array([watts * frames, frames]) / 1000
    return (watts * aiming + k @ b) / (watts * aiming + k @ a)


def right_gain_capacity(watts, aiming, frames, before, after):
    j = 15 * 3600
    n = [j / _e(watts, aiming, frames, x) for x in (before, after)]
    return torch.tensor(n[1] / n[0])


def right_gain_relative(watts, aiming, frames, before, after):
    saved = watts * frames * (before[0] - after[0]) / 1000 + frames * (before[1] - after[1]) / 1000
    return 1 + saved / _e(watts, aiming, frames, after)


# own_plants: what the learner's cell leaves in the folder


@functools.cache
def _cooked(*steps, species=GARDEN):
    images = data.load("leaves")
    student = copy.deepcopy(students.student(images, "distilled")).eval()
    last = student.classify
    student.classes, student.classify = len(species), nn.Linear(last.in_features, len(species))
    student.classify.weight.data = last.weight.data[list(species)].clone()
    student.classify.bias.data = last.bias.data[list(species)].clone()
    with tempfile.TemporaryDirectory() as folder:
        lesson = recipe.Lesson(garden(images), student, Path(folder), progress=False)
        return recipe.states([*steps, recipe.Pack()], lesson)[-1].packed


def _cook(folder, *steps, species=GARDEN):
    return packing.write(folder / "09_plant_app.packed", _cooked(*steps, species=species))


LEARNING = recipe.Distil(images=4000, batch_size=32, learning_rate=0.05)


def wrong_own_plants_half_of_the_channels(folder):
    "too_large"
    return _cook(folder, recipe.PruneNeurons(0.5), recipe.Quantize(3), LEARNING)


def wrong_own_plants_four_bits(folder):
    "too_large"
    return _cook(folder, recipe.PruneNeurons(0.7), recipe.Quantize(4))


def wrong_own_plants_all_twelve(folder):
    "another_network"
    content = (recorded.FOLDER / "search" / "6.packed").read_bytes()
    return packing.write(folder / "09_plant_app.packed", content)


def wrong_own_plants_the_first_six(folder):
    "not_right_often_enough"
    return _cook(folder, recipe.PruneNeurons(0.5), recipe.Quantize(3), species=(0, 1, 2, 3, 4, 5))


def wrong_own_plants_never_taught(folder):
    "not_right_often_enough"
    return _cook(folder, recipe.PruneNeurons(0.5), recipe.Quantize(3))


def wrong_own_plants_rounded_last(folder):
    "not_right_often_enough"
    return _cook(folder, recipe.PruneNeurons(0.5), LEARNING, recipe.Quantize(3))


def wrong_own_plants_too_greedy(folder):
    "not_right_often_enough"
    return _cook(folder, recipe.PruneNeurons(0.3), recipe.Quantize(3), LEARNING)


def wrong_own_plants_not_packed(folder):
    "cannot_be_used"
    path = folder / "09_plant_app.packed"
    network = models.LeafNet((4, 4, 8, 8, 8, 8), 6).eval()
    path.write_bytes(engines.onnx(network, (3, 64, 64)).content[:6000])
    return path


def right_own_plants_half_and_some_weights(folder):
    steps = recipe.PruneNeurons(0.5), recipe.PruneWeights(0.4), recipe.Quantize(3), LEARNING
    return _cook(folder, *steps)


def right_own_plants_more_channels_more_zeros(folder):
    steps = recipe.PruneNeurons(0.55), recipe.PruneWeights(0.6), recipe.Quantize(3), LEARNING
    return _cook(folder, *steps)
