"""Exercise 03: what learners write. wrong_TASK_...: rejected, and its hint holds the docstring.

right_TASK_...: another way to do it, accepted.
"""

import functools
import heapq
import itertools
import math

import numpy as np
import torch

from course_lib import data, engines, packing, training
from course_lib import weight_pruning as wp

# n_of_m_bytes


def wrong_n_of_m_bytes_in_bits(shape, n, m, bits):
    "in_bits"
    return np.prod(shape) // m * n * (bits + int(np.ceil(np.log2(m))))


def wrong_n_of_m_bytes_share_of_the_dense(shape, n, m, bits):
    "places_forgotten"
    return math.ceil(math.prod(shape) * n / m * bits / 8)


def wrong_n_of_m_bytes_a_bitmask(shape, n, m, bits):
    "a_yes_or_no_for_each"
    weights = math.prod(shape)
    return math.ceil((weights + weights * n // m * bits) / 8)


def wrong_n_of_m_bytes_one_place(shape, n, m, bits):
    "a_place_for_each_group"
    groups = math.prod(shape) // m
    return math.ceil(groups * (n * bits + math.ceil(math.log2(m))) / 8)


def wrong_n_of_m_bytes_log_cut_off(shape, n, m, bits):
    "too_few_bits_for_a_place"
    kept = math.prod(shape) // m * n
    return math.ceil(kept * (bits + int(math.log2(m))) / 8)


def wrong_n_of_m_bytes_log_of_the_length(shape, n, m, bits):
    "one_bit_too_many"
    kept = math.prod(shape) // m * n
    return math.ceil(kept * (bits + len(f"{m:b}")) / 8)


def wrong_n_of_m_bytes_log_as_it_is(shape, n, m, bits):
    "places_of_a_fraction"
    kept = math.prod(shape) // m * n
    return int(np.ceil(kept * (bits + np.log2(m)) / 8))


def wrong_n_of_m_bytes_bytes_for_places(shape, n, m, bits):
    "a_byte_for_each_place"
    kept = math.prod(shape) // m * n
    return math.ceil(kept * bits / 8) + kept


def wrong_n_of_m_bytes_what_went(shape, n, m, bits):
    "removed_ones"
    gone = math.prod(shape) // m * (m - n)
    return -(-gone * (bits + (m - 1).bit_length()) // 8)


def wrong_n_of_m_bytes_whole_division(shape, n, m, bits):
    "rounded_down"
    return int(math.prod(shape) / m * n * (bits + math.ceil(math.log2(m))) / 8)


def wrong_n_of_m_bytes_not_rounded(shape, n, m, bits):
    "part_of_a_byte"
    return math.prod(shape) / m * n * (bits + math.ceil(math.log2(m))) / 8


def wrong_n_of_m_bytes_group_by_group(shape, n, m, bits):
    "each_group_rounded"
    group = math.ceil(n * (bits + math.ceil(math.log2(m))) / 8)
    return group * math.prod(shape) // m


def wrong_n_of_m_bytes_two_streams(shape, n, m, bits):
    "two_roundings"
    kept = math.prod(shape) // m * n
    return math.ceil(kept * bits / 8) + math.ceil(kept * math.ceil(math.log2(m)) / 8)


def wrong_n_of_m_bytes_always_a_convolution(shape, n, m, bits):
    "raised_ValueError"
    outputs, inputs, height, width = shape
    kept = outputs * inputs * height * width // m * n
    return math.ceil(kept * (bits + math.ceil(math.log2(m))) / 8)


def wrong_n_of_m_bytes_hard_coded(shape, n, m, bits):
    "always_the_same"
    return 4608


def wrong_n_of_m_bytes_of_two_dimensions(shape, n, m, bits):
    "other"
    kept = shape[0] * shape[1] // m * n
    return math.ceil(kept * (bits + 2) / 8)


def wrong_n_of_m_bytes_m_bits_for_a_place(shape, n, m, bits):
    "m_bits_for_a_place"
    kept = math.prod(shape) // m * n
    return math.ceil(kept * (bits + m) / 8)


def wrong_n_of_m_bytes_one_number_for_each_choice(shape, n, m, bits):
    "one_number_for_each_choice"
    groups = math.prod(shape) // m
    return math.ceil(groups * (n * bits + math.ceil(math.log2(math.comb(m, n)))) / 8)


def wrong_n_of_m_bytes_whole_share(shape, n, m, bits):
    "nothing_is_left"
    kept = math.prod(shape) * (n // m)
    return math.ceil(kept * (bits + math.ceil(math.log2(m))) / 8)


def wrong_n_of_m_bytes_n_and_m_swapped(shape, n, m, bits):
    "n_and_m_swapped"
    kept = math.prod(shape) // n * m
    return math.ceil(kept * (bits + math.ceil(math.log2(m))) / 8)


def wrong_n_of_m_bytes_kernel_forgotten(shape, n, m, bits):
    "kernel_forgotten"
    kept = shape[0] * shape[1] // m * n
    return math.ceil(kept * (bits + (m - 1).bit_length()) / 8)


def wrong_n_of_m_bytes_sum_of_the_shape(shape, n, m, bits):
    "lengths_added_up"
    kept = sum(shape) // m * n
    return math.ceil(kept * (bits + (m - 1).bit_length()) / 8)


def wrong_n_of_m_bytes_values_in_bytes(shape, n, m, bits):
    "values_in_bytes"
    kept = math.prod(shape) // m * n
    return kept * bits + math.ceil(kept * (m - 1).bit_length() / 8)


def wrong_n_of_m_bytes_numbers_below_n(shape, n, m, bits):
    "places_up_to_n"
    kept = math.prod(shape) // m * n
    return math.ceil(kept * (bits + math.ceil(math.log2(n))) / 8)


def wrong_n_of_m_bytes_each_weight_whole(shape, n, m, bits):
    "each_weight_rounded"
    kept = math.prod(shape) // m * n
    return kept * math.ceil((bits + (m - 1).bit_length()) / 8)


def wrong_n_of_m_bytes_float32(shape, n, m, bits):
    "always_32_bits"
    kept = math.prod(shape) // m * n
    return math.ceil(kept * (32 + (m - 1).bit_length()) / 8)


def wrong_n_of_m_bytes_all_values(shape, n, m, bits):
    "all_values"
    weights = math.prod(shape)
    return math.ceil((weights * bits + weights // m * n * (m - 1).bit_length()) / 8)


def wrong_n_of_m_bytes_a_place_for_all(shape, n, m, bits):
    "places_of_all"
    weights = math.prod(shape)
    return math.ceil((weights // m * n * bits + weights * (m - 1).bit_length()) / 8)


def wrong_n_of_m_bytes_plus_one(shape, n, m, bits):
    "one_more_always"
    kept = math.prod(shape) // m * n
    return kept * (bits + (m - 1).bit_length()) // 8 + 1


def wrong_n_of_m_bytes_nearest(shape, n, m, bits):
    "rounded_down"
    kept = math.prod(shape) // m * n
    return round(kept * (bits + (m - 1).bit_length()) / 8)


def wrong_n_of_m_bytes_one_filter(shape, n, m, bits):
    "one_output"
    kept = math.prod(shape[1:]) // m * n
    return math.ceil(kept * (bits + (m - 1).bit_length()) / 8)


def right_n_of_m_bytes_by_counting(shape, n, m, bits):
    place = len(bin(m - 1)) - 2
    total = 0
    for _ in range(math.prod(shape) // m):
        total += n * bits + n * place
    return (total + 7) // 8


def right_n_of_m_bytes_in_numpy(shape, n, m, bits):
    kept = np.prod(shape) * n / m
    return np.ceil(kept * (bits + np.ceil(np.log2(m))) / 8)


def right_n_of_m_bytes_torch(shape, n, m, bits):
    kept = torch.Size(shape).numel() * n // m
    place = math.ceil(math.log(m, 2) - 1e-9)
    return -(-(kept * (bits + place)) // 8)


def right_n_of_m_bytes_packed(shape, n, m, bits):
    kept = int(np.prod(shape)) // m * n
    return len(np.packbits(np.zeros(kept * (bits + len(np.binary_repr(m - 1))), dtype=np.uint8)))


def right_n_of_m_bytes_divmod(shape, n, m, bits):
    place = 0
    while 2**place < m:
        place += 1
    whole, rest = divmod(math.prod(shape) // m * n * (bits + place), 8)
    return whole + bool(rest)


def right_n_of_m_bytes_by_a_layer(shape, n, m, bits):
    mask = torch.zeros(shape)
    mask[:, torch.arange(shape[1]) % m < n] = 1
    return torch.ceil(mask.sum().double() * (bits + math.frexp(m - 1)[1]) / 8)


# keep_n_of_m


def wrong_keep_n_of_m_by_reshape(weights, n, m):
    "as_they_lie_in_memory"
    parts = weights.abs().reshape(-1, m)
    mask = torch.zeros_like(parts, dtype=torch.bool)
    mask.scatter_(1, parts.topk(n, dim=1).indices, True)
    return mask.reshape(weights.shape)


def wrong_keep_n_of_m_reshaped_at_once(weights, n, m):
    "not_moved_back"
    parts = weights.abs().movedim(1, -1).reshape(-1, m)
    mask = torch.zeros(parts.shape, dtype=torch.bool)
    mask[torch.arange(len(parts))[:, None], parts.topk(n).indices] = True
    return mask.reshape(weights.shape)


def wrong_keep_n_of_m_outputs(weights, n, m):
    "along_the_outputs"
    mask = torch.zeros(weights.shape, dtype=torch.bool)
    for start in range(0, len(weights), m):
        strongest = weights[start : start + m].abs().topk(n, dim=0).indices
        mask[start : start + m].scatter_(0, strongest, True)
    return mask


def wrong_keep_n_of_m_interleaved(weights, n, m):
    "far_apart"
    step = weights.shape[1] // m
    mask = torch.zeros(weights.shape, dtype=torch.bool)
    for start in range(step):
        strongest = weights[:, start::step].abs().topk(n, dim=1).indices
        mask[:, start::step].scatter_(1, strongest, True)
    return mask


def _by_input_groups(weights, n, m, choose):
    mask = torch.zeros(weights.shape, dtype=torch.bool)
    for start in range(0, weights.shape[1], m):
        group = weights[:, start : start + m]
        mask[:, start : start + m].scatter_(1, choose(group), True)
    return mask


def wrong_keep_n_of_m_signed(weights, n, m):
    "with_their_signs"
    return _by_input_groups(weights, n, m, lambda group: group.topk(n, dim=1).indices)


def wrong_keep_n_of_m_weakest(weights, n, m):
    "weakest_stay"
    return _by_input_groups(weights, n, m, lambda group: group.abs().argsort(dim=1)[:, :n])


def wrong_keep_n_of_m_removes_n(weights, n, m):
    "n_are_removed"
    return _by_input_groups(weights, n, m, lambda group: group.abs().argsort(dim=1)[:, n:])


def wrong_keep_n_of_m_true_is_removed(weights, n, m):
    "turned_round"
    return _by_input_groups(weights, n, m, lambda group: group.abs().argsort(dim=1)[:, : m - n])


def wrong_keep_n_of_m_by_kth_value(weights, n, m):
    "as_strong_as_the_last"
    parts = weights.abs().unflatten(1, (-1, m))
    limit = parts.kthvalue(m - n + 1, dim=2, keepdim=True).values
    return (parts >= limit).flatten(1, 2)


def wrong_keep_n_of_m_above_the_kth_removed(weights, n, m):
    "stronger_than_the_next"
    parts = weights.abs().unflatten(1, (-1, m))
    limit = parts.kthvalue(m - n, dim=2, keepdim=True).values
    return (parts > limit).flatten(1, 2)


def wrong_keep_n_of_m_loses_the_last(weights, n, m):
    "one_too_few"
    parts = weights.abs().unflatten(1, (-1, m))
    limit = parts.topk(n, dim=2).values[:, :, -1:]
    return (parts > limit).flatten(1, 2)


def wrong_keep_n_of_m_as_in_the_chapter(weights, n, m):
    "one_ranking_for_the_layer"
    mask = torch.ones(weights.numel(), dtype=torch.bool)
    count = round((1 - n / m) * weights.numel())
    mask[weights.flatten().abs().argsort()[:count]] = False
    return mask.view(weights.shape)


def wrong_keep_n_of_m_zeros_written(weights, n, m):
    "weights_not_mask"
    return weights.clone() * right_keep_n_of_m_by_loops(weights, n, m)


def wrong_keep_n_of_m_in_place(weights, n, m):
    "changed_its_input"
    weights.abs_()
    return _by_input_groups(weights, n, m, lambda group: group.topk(n, dim=1).indices)


def wrong_keep_n_of_m_by_the_library(weights, n, m):
    "borrowed"
    layer = torch.nn.Linear(2, 2)
    layer.weight = torch.nn.Parameter(weights)
    return wp.n_of_m(torch.nn.Sequential(layer), n, m)["0"]


def wrong_keep_n_of_m_groups_returned(weights, n, m):
    "cannot_be_used"
    parts = weights.abs().movedim(1, -1).unflatten(-1, (-1, m))
    order = parts.argsort(dim=-1, descending=True)
    return torch.zeros_like(parts, dtype=torch.bool).scatter_(-1, order[..., :n], True)


def wrong_keep_n_of_m_whole_kernels(weights, n, m):
    "whole_kernels"
    strength = weights.abs()
    if weights.ndim == 4:
        strength = strength.sum((2, 3), keepdim=True)
    groups = strength.unflatten(1, (-1, m))
    mask = torch.zeros(groups.shape, dtype=torch.bool).scatter(2, groups.topk(n, 2).indices, True)
    return mask.flatten(1, 2).expand_as(weights).clone()


def wrong_keep_n_of_m_whole_inputs(weights, n, m):
    "whole_inputs"
    strength = weights.abs().transpose(0, 1).flatten(1).sum(1).reshape(-1, m)
    mask = torch.zeros(strength.shape, dtype=torch.bool).scatter(1, strength.topk(n).indices, True)
    mask = mask.flatten()
    return mask.reshape(1, -1, *[1] * (weights.ndim - 2)).expand_as(weights).clone()


def wrong_keep_n_of_m_each_output_ranked(weights, n, m):
    "one_ranking_for_each_output"
    flat = weights.abs().flatten(1)
    count = flat.shape[1] * n // m
    mask = torch.zeros(flat.shape, dtype=torch.bool).scatter(1, flat.topk(count, 1).indices, True)
    return mask.reshape(weights.shape)


def wrong_keep_n_of_m_rank_of_order(weights, n, m):
    "order_for_rank"
    parts = weights.abs().unflatten(1, (-1, m))
    return (parts.argsort(dim=2, descending=True) < n).flatten(1, 2)


def wrong_keep_n_of_m_order_ascending(weights, n, m):
    "order_for_rank_upwards"
    parts = weights.abs().unflatten(1, (-1, m))
    return (parts.argsort(dim=2) >= m - n).flatten(1, 2)


def wrong_keep_n_of_m_chunks(weights, n, m):
    "m_groups"
    masks = []
    for part in weights.abs().chunk(m, dim=1):
        k = min(n, part.shape[1])
        masks.append(
            torch.zeros(part.shape, dtype=torch.bool).scatter(1, part.topk(k, 1).indices, True)
        )
    return torch.cat(masks, 1)


def wrong_keep_n_of_m_indices(weights, n, m):
    "cannot_be_used"
    return weights.abs().unflatten(1, (-1, m)).topk(n, dim=2).indices


def wrong_keep_n_of_m_by_quantile(weights, n, m):
    "as_strong_as_the_last"
    parts = weights.abs().unflatten(1, (-1, m))
    return (parts >= parts.quantile(1 - n / m, dim=2, keepdim=True)).flatten(1, 2)


def wrong_keep_n_of_m_above_the_mean(weights, n, m):
    "above_the_mean"
    parts = weights.abs().unflatten(1, (-1, m))
    return (parts > parts.mean(dim=2, keepdim=True)).flatten(1, 2)


def wrong_keep_n_of_m_first_group(weights, n, m):
    "first_group_alone"
    mask = torch.ones(weights.shape, dtype=torch.bool)
    mask[:, :m] = False
    mask[:, :m].scatter_(1, weights[:, :m].abs().topk(n, dim=1).indices, True)
    return mask


def wrong_keep_n_of_m_along_the_width(weights, n, m):
    "as_they_lie_in_memory"
    flat = weights.flatten(1)
    mask = torch.zeros(flat.shape, dtype=torch.bool)
    for start in range(0, flat.shape[1], m):
        best = flat[:, start : start + m].abs().topk(n, dim=1).indices
        mask[:, start : start + m].scatter_(1, best, True)
    return mask.view_as(weights)


def wrong_keep_n_of_m_one_threshold(weights, n, m):
    "one_ranking_for_the_layer"
    limit = weights.abs().flatten().quantile(1 - n / m)
    return weights.abs() > limit


def wrong_keep_n_of_m_n_minus_one(weights, n, m):
    "keeps_one_less"
    parts = weights.abs().unflatten(1, (-1, m))
    order = parts.argsort(2, descending=True)
    mask = torch.zeros(parts.shape, dtype=torch.bool)
    mask.scatter_(2, order[:, :, : n - 1], True)
    return mask.flatten(1, 2)


def wrong_keep_n_of_m_n_plus_one(weights, n, m):
    "keeps_one_more"
    parts = weights.abs().unflatten(1, (-1, m))
    mask = torch.ones(parts.shape, dtype=torch.bool)
    order = parts.argsort(2)
    mask.scatter_(2, order[:, :, : m - n - 1], False)
    return mask.flatten(1, 2)


def right_keep_n_of_m_by_loops(weights, n, m):
    mask = torch.zeros(weights.shape)
    flat, own = weights.flatten(2) if weights.ndim == 4 else weights[..., None], mask
    own = mask.flatten(2) if weights.ndim == 4 else mask[..., None]
    for output in range(flat.shape[0]):
        for place in range(flat.shape[2]):
            for start in range(0, flat.shape[1], m):
                group = flat[output, start : start + m, place].abs().tolist()
                for which in sorted(range(m), key=group.__getitem__)[m - n :]:
                    own[output, start + which, place] = 1
    return own.reshape(mask.shape)


def right_keep_n_of_m_in_numpy(weights, n, m):
    strength = np.abs(weights.numpy())
    groups = strength.reshape(len(strength), -1, m, *strength.shape[2:])
    ranks = (-groups).argsort(axis=2, kind="stable").argsort(axis=2, kind="stable")
    return (ranks < n).reshape(strength.shape)


def right_keep_n_of_m_by_topk(weights, n, m):
    return _by_input_groups(weights, n, m, lambda group: group.abs().topk(n, dim=1).indices)


def right_keep_n_of_m_rank_of_rank(weights, n, m):
    parts = weights.square().unflatten(1, (-1, m))
    return (parts.argsort(2).argsort(2) >= m - n).flatten(1, 2).int()


def right_keep_n_of_m_einops_like(weights, n, m):
    flat = weights.abs().reshape(weights.shape[0], weights.shape[1] // m, m, -1)
    mask = torch.zeros_like(flat)
    mask.scatter_(2, flat.topk(n, dim=2, sorted=False).indices, 1.0)
    return mask.view(weights.shape)


def right_keep_n_of_m_argpartition(weights, n, m):
    w = np.moveaxis(np.abs(weights.numpy()), 1, -1)
    groups = w.reshape(*w.shape[:-1], -1, m)
    best = np.argpartition(groups, m - n, axis=-1)[..., m - n :]
    mask = np.zeros(groups.shape, bool)
    np.put_along_axis(mask, best, True, axis=-1)
    return np.moveaxis(mask.reshape(w.shape), -1, 1)


def right_keep_n_of_m_list_back(weights, n, m):
    mask = torch.stack(
        [
            torch.zeros_like(part, dtype=torch.bool).scatter(1, part.abs().topk(n, 1).indices, True)
            for part in weights.split(m, dim=1)
        ],
        1,
    ).flatten(1, 2)
    return mask.tolist()


# as_gaps


def wrong_as_gaps_no_fillers(weights, bits):
    "no_fillers"
    there = weights.nonzero().flatten()
    gaps = torch.diff(there, prepend=torch.tensor([-1])) - 1
    return gaps.tolist(), weights[there].tolist()


def wrong_as_gaps_filler_without_place(weights, bits):
    "fillers_take_no_place"
    largest = 2**bits - 1
    gaps, values, zeros = [], [], 0
    for weight in weights:
        if weight == 0:
            zeros += 1
        else:
            while zeros > largest:
                gaps.append(largest)
                values.append(0)
                zeros -= largest
            gaps.append(zeros)
            values.append(weight)
            zeros = 0
    return gaps, values


def wrong_as_gaps_eager(weights, bits):
    "fillers_too_early"
    gaps, values, zeros = [], [], 0
    for weight in weights.tolist():
        if weight:
            gaps.append(zeros)
            values.append(weight)
            zeros = 0
        else:
            zeros += 1
            if zeros == 2**bits - 1:
                gaps.append(zeros)
                values.append(0.0)
                zeros = 0
    return gaps, values


def wrong_as_gaps_if_for_while(weights, bits):
    "one_filler_at_most"
    largest = 2**bits - 1
    gaps, values, last = [], [], -1
    for place in np.flatnonzero(weights.numpy()):
        gap = place - last - 1
        if gap > largest:
            gaps.append(largest)
            values.append(0.0)
            gap -= largest + 1
        gaps.append(gap)
        values.append(weights[place].item())
        last = place
    return gaps, values


def wrong_as_gaps_distances(weights, bits):
    "distances"
    gaps, values, last = [], [], -1
    for place, weight in enumerate(weights.tolist()):
        if weight != 0:
            gap = place - last
            while gap > 2**bits - 1:
                gaps.append(2**bits - 1)
                values.append(0.0)
                gap -= 2**bits
            gaps.append(gap)
            values.append(weight)
            last = place
    return gaps, values


def wrong_as_gaps_stream(weights, bits):
    "zeros_at_the_end"
    gaps, values, zeros = [], [], 0
    for weight in weights.tolist():
        if weight == 0 and zeros < 2**bits - 1:
            zeros += 1
        else:
            gaps.append(zeros)
            values.append(weight)
            zeros = 0
    return gaps, values


def wrong_as_gaps_last_zeros_flushed(weights, bits):
    "the_rest_as_well"
    gaps, values, zeros = [], [], 0
    for weight in weights.tolist():
        if weight == 0 and zeros < 2**bits - 1:
            zeros += 1
        else:
            gaps.append(zeros)
            values.append(weight)
            zeros = 0
    gaps.append(zeros)
    values.append(0.0)
    return gaps, values


def wrong_as_gaps_one_too_large(weights, bits):
    "one_too_large"
    gaps, values, zeros = [], [], 0
    for weight in weights.tolist():
        if weight == 0:
            zeros += 1
            continue
        while zeros > 2**bits:
            gaps.append(2**bits)
            values.append(0.0)
            zeros -= 2**bits + 1
        gaps.append(zeros)
        values.append(weight)
        zeros = 0
    return gaps, values


def wrong_as_gaps_places(weights, bits):
    "places"
    there = torch.where(weights != 0)[0]
    return list(there), list(weights[there])


def wrong_as_gaps_values_first(weights, bits):
    "values_first"
    gaps, values = right_as_gaps_by_division(weights, bits)
    return values, gaps


def wrong_as_gaps_largest_is_bits(weights, bits):
    "bits_for_the_largest"
    gaps, values, last = [], [], -1
    for place in weights.nonzero().flatten().tolist():
        fillers, gap = divmod(place - last - 1, bits + 1)
        gaps += [bits] * fillers + [gap]
        values += [0.0] * fillers + [weights[place].item()]
        last = place
    return gaps, values


def wrong_as_gaps_pairs(weights, bits):
    "cannot_be_used"
    return list(zip(*right_as_gaps_by_division(weights, bits), strict=True))


def wrong_as_gaps_clipped(weights, bits):
    "cut_to_the_largest"
    there = weights.nonzero().flatten()
    gaps = (torch.diff(there, prepend=torch.tensor([-1])) - 1).clamp(max=2**bits - 1)
    return gaps, weights[there]


def wrong_as_gaps_rest_forgotten(weights, bits):
    "rest_forgotten"
    gaps, values, zeros = [], [], 0
    for weight in weights.tolist():
        if weight == 0:
            zeros += 1
            continue
        if zeros > 2**bits - 1:
            gaps.append(2**bits - 1)
            values.append(0.0)
            zeros = 0
        gaps.append(zeros)
        values.append(weight)
        zeros = 0
    return gaps, values


def wrong_as_gaps_at_least_the_largest(weights, bits):
    "filler_for_the_largest"
    largest = 2**bits - 1
    gaps, values, zeros = [], [], 0
    for weight in weights.tolist():
        if weight == 0:
            zeros += 1
            continue
        while zeros >= largest:
            gaps.append(largest)
            values.append(0.0)
            zeros -= largest + 1
        gaps.append(zeros)
        values.append(weight)
        zeros = 0
    return gaps, values


def wrong_as_gaps_never_reset(weights, bits):
    "never_reset"
    largest = 2**bits - 1
    gaps, values, zeros = [], [], 0
    for weight in weights.tolist():
        if weight == 0:
            zeros += 1
            continue
        while zeros > largest:
            gaps.append(largest)
            values.append(0.0)
            zeros -= largest + 1
        gaps.append(zeros)
        values.append(weight)
    return gaps, values


def wrong_as_gaps_diff_alone(weights, bits):
    "cannot_be_used"
    there = np.flatnonzero(weights.numpy())
    return (np.diff(there) - 1).tolist(), weights[there].tolist()


def wrong_as_gaps_from_zero(weights, bits):
    "first_place_off"
    there = np.flatnonzero(weights.numpy())
    gaps, values = [], []
    for gap, place in zip(np.diff(there, prepend=0) - 1, there, strict=True):
        while gap > 2**bits - 1:
            gaps.append(2**bits - 1)
            values.append(0.0)
            gap -= 2**bits
        gaps.append(gap)
        values.append(weights[place])
    return gaps, values


def wrong_as_gaps_positive_ones(weights, bits):
    "positive_alone"
    gaps, values, zeros = [], [], 0
    for weight in weights.tolist():
        if weight > 0:
            while zeros > 2**bits - 1:
                gaps.append(2**bits - 1)
                values.append(0.0)
                zeros -= 2**bits
            gaps.append(zeros)
            values.append(weight)
            zeros = 0
        else:
            zeros += 1
    return gaps, values


def wrong_as_gaps_filler_is_the_weight(weights, bits):
    "filler_has_the_weight"
    gaps, values, zeros = [], [], 0
    for weight in weights.tolist():
        if weight == 0:
            zeros += 1
            continue
        while zeros > 2**bits - 1:
            gaps.append(2**bits - 1)
            values.append(weight)
            zeros -= 2**bits
        gaps.append(zeros)
        values.append(weight)
        zeros = 0
    return gaps, values


def wrong_as_gaps_filler_behind(weights, bits):
    "fillers_behind"
    gaps, values, last = [], [], -1
    for place in weights.nonzero().flatten().tolist():
        fillers, gap = divmod(place - last - 1, 2**bits)
        gaps += [gap] + [2**bits - 1] * fillers
        values += [weights[place].item()] + [0.0] * fillers
        last = place
    return gaps, values


def wrong_as_gaps_twice_the_bits(weights, bits):
    "twice_the_bits"
    largest = 2 * bits - 1
    gaps, values, zeros = [], [], 0
    for weight in weights.tolist():
        if weight == 0:
            zeros += 1
            continue
        while zeros > largest:
            gaps.append(largest)
            values.append(0.0)
            zeros -= largest + 1
        gaps.append(zeros)
        values.append(weight)
        zeros = 0
    return gaps, values


def wrong_as_gaps_zeros_behind_each(weights, bits):
    "gaps_behind"
    gaps, values = [], []
    there = [*weights.nonzero().flatten().tolist(), len(weights)]
    for place, following in itertools.pairwise(there):
        fillers, gap = divmod(following - place - 1, 2**bits)
        gaps += [2**bits - 1] * fillers + [gap]
        values += [weights[place].item()] + [0.0] * fillers
    return gaps, values


def wrong_as_gaps_every_entry(weights, bits):
    "every_weight"
    return [0] * len(weights), weights.tolist()


def wrong_as_gaps_filler_of_gap_zero(weights, bits):
    "fillers_of_gap_zero"
    gaps, values, zeros = [], [], 0
    for weight in weights.tolist():
        if weight == 0:
            zeros += 1
            continue
        while zeros > 2**bits - 1:
            gaps.append(0)
            values.append(0.0)
            zeros -= 1
        gaps.append(zeros)
        values.append(weight)
        zeros = 0
    return gaps, values


def wrong_as_gaps_modulo(weights, bits):
    "rest_of_a_division"
    there = weights.nonzero().flatten()
    gaps = (torch.diff(there, prepend=torch.tensor([-1])) - 1) % 2**bits
    return gaps, weights[there]


def right_as_gaps_by_division(weights, bits):
    gaps, values, last = [], [], -1
    for place in weights.nonzero().flatten().tolist():
        fillers, gap = divmod(place - last - 1, 2**bits)
        gaps += [2**bits - 1] * fillers + [gap]
        values += [0.0] * fillers + [weights[place].item()]
        last = place
    return gaps, values


def right_as_gaps_in_numpy(weights, bits):
    weights = np.asarray(weights, dtype=np.float64)
    last = np.flatnonzero(weights).max()
    places = []
    for place in range(last + 1):
        before = places[-1] if places else -1
        if weights[place] or place - before == 2**bits:
            places.append(place)
    return np.diff(places, prepend=-1) - 1, weights[places]


def right_as_gaps_fillers_first(weights, bits):
    gaps, values, zeros = [], [], 0
    for weight in weights:
        if weight != 0:
            many = zeros // 2**bits
            if many:  # the short gap first, then fillers with the largest one
                gaps.append(zeros - many * 2**bits)
                values.append(0)
                gaps.extend([2**bits - 1] * many)
                values.extend([0] * (many - 1))
            else:
                gaps.append(zeros)
            values.append(weight)
            zeros = 0
        else:
            zeros += 1
    return [gaps, values]


def right_as_gaps_recursive(weights, bits):
    def after(rest):
        there = rest.nonzero()
        if not len(there):
            return [], []
        place = min(int(there[0]), 2**bits - 1)
        gaps, values = after(rest[place + 1 :])
        return [place, *gaps], [rest[place].item(), *values]

    return after(weights)


def right_as_gaps_regular_marks(weights, bits):
    marks, last = [], -1
    for place in torch.where(weights != 0)[0].tolist():
        marks += range(last + 2**bits, place, 2**bits)
        marks.append(place)
        last = place
    marks = torch.tensor(marks)
    return torch.diff(marks, prepend=torch.tensor([-1])) - 1, weights[marks]


def right_as_gaps_itertools(weights, bits):
    gaps, values, zeros = [], [], 0
    for zero, run in itertools.groupby(weights.tolist(), key=lambda w: w == 0):
        run = list(run)
        if zero:
            zeros = len(run)
            continue
        for weight in run:
            gaps += zeros // 2**bits * [2**bits - 1] + [zeros % 2**bits]
            values += zeros // 2**bits * [0.0] + [weight]
            zeros = 0
    return gaps, values


def right_as_gaps_trimmed_stream(weights, bits):
    gaps, values, zeros = [], [], 0
    for weight in weights.numpy():
        if weight == 0 and zeros < 2**bits - 1:
            zeros += 1
        else:
            gaps.append(zeros)
            values.append(weight)
            zeros = 0
    while values[-1] == 0:
        gaps.pop(), values.pop()
    return np.array(gaps), np.array(values)


# masks_together


def wrong_masks_together_colleague(weights, sparsity):
    "as_given"
    masks = {}
    for name, weight in weights.items():
        threshold = weight.quantile(sparsity)
        masks[name] = weight > threshold
    return masks


def wrong_masks_together_abs_alone(weights, sparsity):
    "each_layer_for_itself"
    masks = {}
    for name, weight in weights.items():
        threshold = weight.abs().quantile(sparsity)
        masks[name] = weight.abs() > threshold
    return masks


def wrong_masks_together_chapter_by_layer(weights, sparsity):
    "each_layer_exactly"
    masks = {}
    for name, weight in weights.items():
        mask = torch.ones(weight.numel(), dtype=torch.bool)
        count = round(sparsity * weight.numel())
        mask[weight.flatten().abs().argsort()[:count]] = False
        masks[name] = mask.reshape(weight.shape)
    return masks


def wrong_masks_together_signed(weights, sparsity):
    "signs_and_threshold"
    everything = torch.cat([weight.flatten() for weight in weights.values()])
    threshold = everything.quantile(sparsity)
    return {name: weight > threshold for name, weight in weights.items()}


def wrong_masks_together_signed_by_place(weights, sparsity):
    "with_the_signs"
    flat = np.concatenate([weight.numpy().ravel() for weight in weights.values()])
    keep = np.ones(len(flat), dtype=bool)
    keep[np.argsort(flat, kind="stable")[: round(sparsity * len(flat))]] = False
    masks, start = {}, 0
    for name, weight in weights.items():
        masks[name] = keep[start : start + weight.numel()].reshape(weight.shape)
        start += weight.numel()
    return masks


def wrong_masks_together_kth_value(weights, sparsity):
    "equal_ones_all_go"
    everything = torch.cat([weight.abs().flatten() for weight in weights.values()])
    count = round(sparsity * len(everything))
    if count == 0:
        return {name: torch.ones_like(weight) for name, weight in weights.items()}
    threshold = everything.kthvalue(count).values
    return {name: weight.abs() > threshold for name, weight in weights.items()}


def wrong_masks_together_global_quantile(weights, sparsity):
    "threshold_by_quantile"
    everything = np.concatenate([np.abs(weight.numpy()).ravel() for weight in weights.values()])
    threshold = np.quantile(everything, sparsity)
    return {name: weight.abs() > threshold for name, weight in weights.items()}


def wrong_masks_together_at_least(weights, sparsity):
    "equal_ones_all_stay"
    everything = torch.cat([weight.abs().flatten() for weight in weights.values()])
    threshold = everything.sort().values[round(sparsity * len(everything))]
    return {name: weight.abs() >= threshold for name, weight in weights.items()}


def wrong_masks_together_off_by_one(weights, sparsity):
    "one_too_many"
    everything = torch.cat([weight.abs().flatten() for weight in weights.values()])
    threshold = everything.sort().values[round(sparsity * len(everything))]
    return {name: weight.abs() > threshold for name, weight in weights.items()}


def _by_place(weights, count, descending=False):
    flat = torch.cat([weight.abs().flatten() for weight in weights.values()])
    kept = torch.ones(len(flat), dtype=torch.bool)
    kept[flat.argsort(descending=descending)[:count]] = False
    masks = {}
    for name, weight in weights.items():
        masks[name], kept = kept[: weight.numel()].reshape(weight.shape), kept[weight.numel() :]
    return masks


def wrong_masks_together_int(weights, sparsity):
    "cut_off"
    return _by_place(weights, int(sum(w.numel() for w in weights.values()) * sparsity))


def wrong_masks_together_strongest(weights, sparsity):
    "the_strongest_go"
    return _by_place(weights, round(100 * sparsity), descending=True)


def wrong_masks_together_inverted(weights, sparsity):
    "true_for_removed"
    return {name: mask == 0 for name, mask in _by_place(weights, round(100 * sparsity)).items()}


def wrong_masks_together_written(weights, sparsity):
    "pruned_weights"
    masks = _by_place(weights, round(100 * sparsity))
    return {name: torch.where(masks[name], weights[name], 0) for name in weights}


def wrong_masks_together_in_place(weights, sparsity):
    "changed_its_input"
    for weight in weights.values():
        weight.abs_()
    return _by_place(weights, round(100 * sparsity))


def wrong_masks_together_a_list(weights, sparsity):
    "cannot_be_used"
    return list(_by_place(weights, round(100 * sparsity)).values())


def wrong_masks_together_flat(weights, sparsity):
    "cannot_be_used"
    return {n: mask.flatten() for n, mask in _by_place(weights, round(100 * sparsity)).items()}


def wrong_masks_together_half_always(weights, sparsity):
    "other"
    return _by_place(weights, 50)


def _flat(weights):
    return torch.cat([w.abs().flatten() for w in weights.values()])


def _split(kept, weights):
    parts = kept.split([w.numel() for w in weights.values()])
    return {n: p.reshape(w.shape) for (n, w), p in zip(weights.items(), parts, strict=True)}


def wrong_masks_together_quantile_at_least(weights, sparsity):
    "equal_ones_all_stay"
    limit = _flat(weights).quantile(sparsity)
    return {n: w.abs() >= limit for n, w in weights.items()}


def wrong_masks_together_mean_threshold(weights, sparsity):
    "mean_of_thresholds"
    limit = torch.stack([w.abs().quantile(sparsity) for w in weights.values()]).mean()
    return {n: w.abs() > limit for n, w in weights.items()}


def wrong_masks_together_kth_at_least(weights, sparsity):
    "one_too_few"
    flat = _flat(weights)
    count = round(sparsity * len(flat))
    if count == 0:
        return {n: torch.ones_like(w, dtype=torch.bool) for n, w in weights.items()}
    limit = flat.kthvalue(count).values
    return {n: w.abs() >= limit for n, w in weights.items()}


def wrong_masks_together_share_that_stays(weights, sparsity):
    "share_that_stays"
    flat = _flat(weights)
    kept = torch.zeros(len(flat), dtype=torch.bool)
    kept[flat.topk(round(sparsity * len(flat))).indices] = True
    return _split(kept, weights)


def wrong_masks_together_rounded_up(weights, sparsity):
    "rounded_up"
    flat = _flat(weights)
    kept = torch.ones(len(flat), dtype=torch.bool)
    kept[flat.argsort()[: math.ceil(sparsity * len(flat))]] = False
    return _split(kept, weights)


def wrong_masks_together_sign_in_the_comparison(weights, sparsity):
    "sign_in_the_comparison"
    limit = _flat(weights).quantile(sparsity)
    return {n: w > limit for n, w in weights.items()}


def wrong_masks_together_signed_limit(weights, sparsity):
    "signed_threshold"
    limit = torch.cat([w.flatten() for w in weights.values()]).quantile(sparsity)
    return {n: w.abs() > limit for n, w in weights.items()}


def wrong_masks_together_order_for_rank(weights, sparsity):
    "order_for_rank"
    flat = _flat(weights)
    return _split(flat.argsort() >= round(sparsity * len(flat)), weights)


def wrong_masks_together_scaled_by_layer(weights, sparsity):
    "scaled_by_layer"
    flat = torch.cat(
        [(w.abs() / w.abs().max().clamp(min=1e-9)).flatten() for w in weights.values()]
    )
    kept = torch.ones(len(flat), dtype=torch.bool)
    kept[flat.argsort()[: round(sparsity * len(flat))]] = False
    return _split(kept, weights)


def wrong_masks_together_of_what_is_left(weights, sparsity):
    "of_what_is_left"
    flat = _flat(weights)
    there = int((flat > 0).sum())
    kept = flat > 0
    order = flat.masked_fill(flat == 0, torch.inf).argsort()
    kept[order[: round(sparsity * there)]] = False
    return _split(kept, weights)


def wrong_masks_together_largest_layer(weights, sparsity):
    "other"
    flat = _flat(weights)
    order = flat.argsort()[: round(sparsity * len(flat))]
    kept = torch.ones(len(flat), dtype=torch.bool)
    kept[order[::2]] = False
    return _split(kept, weights)


def wrong_masks_together_topk_threshold(weights, sparsity):
    "equal_ones_all_stay"
    flat = _flat(weights)
    keep = len(flat) - round(sparsity * len(flat))
    limit = flat.topk(keep).values.min()
    return {n: w.abs() >= limit for n, w in weights.items()}


def wrong_masks_together_numpy_percentile(weights, sparsity):
    "threshold_by_quantile"
    flat = np.abs(np.concatenate([w.numpy().ravel() for w in weights.values()]))
    limit = np.percentile(flat, 100 * sparsity)
    return {n: np.abs(w.numpy()) > limit for n, w in weights.items()}


def wrong_masks_together_sparsity_as_threshold(weights, sparsity):
    "sparsity_for_a_threshold"
    return {n: w.abs() > sparsity for n, w in weights.items()}


def right_masks_together_by_place(weights, sparsity):
    return _by_place(weights, round(sum(w.numel() for w in weights.values()) * sparsity))


def right_masks_together_by_a_heap(weights, sparsity):
    ladder = [
        (abs(value), name, place)
        for name, weight in weights.items()
        for place, value in enumerate(weight.flatten().tolist())
    ]
    masks = {name: np.ones(weight.numel()) for name, weight in weights.items()}
    for _, name, place in heapq.nsmallest(round(sparsity * len(ladder)), ladder):
        masks[name][place] = 0
    return {name: mask.reshape(weights[name].shape) for name, mask in masks.items()}


def right_masks_together_threshold_and_ties(weights, sparsity):
    flat = torch.cat([weight.abs().reshape(-1) for weight in weights.values()]).double()
    order = flat + torch.arange(len(flat)) * 1e-12  # breaks ties
    kept = order >= order.sort().values[round(sparsity * len(flat))]
    parts = torch.split(kept, [weight.numel() for weight in weights.values()])
    return {n: part.view_as(w) for (n, w), part in zip(weights.items(), parts, strict=True)}


def right_masks_together_topk(weights, sparsity):
    flat = _flat(weights)
    kept = torch.zeros(len(flat))
    kept[flat.topk(len(flat) - round(sparsity * len(flat))).indices] = 1
    return _split(kept, weights)


def right_masks_together_argpartition(weights, sparsity):
    flat = np.concatenate([np.square(w.numpy()).ravel() for w in weights.values()])
    count = round(sparsity * flat.size)
    kept = np.ones(flat.size, bool)
    if count:
        kept[np.argpartition(flat, count - 1)[:count]] = False
    out, start = {}, 0
    for n, w in weights.items():
        out[n] = kept[start : start + w.numel()].reshape(tuple(w.shape))
        start += w.numel()
    return out


def right_masks_together_rank_of_rank(weights, sparsity):
    flat = _flat(weights)
    return _split(flat.argsort().argsort() >= round(sparsity * len(flat)), weights)


def right_masks_together_lists(weights, sparsity):
    flat = _flat(weights)
    kept = torch.ones(len(flat), dtype=torch.bool)
    kept[flat.sort(stable=True).indices[: round(sparsity * len(flat))]] = False
    return {n: mask.tolist() for n, mask in _split(kept, weights).items()}


def right_masks_together_threshold_then_ties(weights, sparsity):
    flat = _flat(weights)
    count = round(sparsity * len(flat))
    if not count:
        return {n: torch.ones_like(w, dtype=torch.bool) for n, w in weights.items()}
    limit = flat.kthvalue(count).values
    kept = flat > limit
    ties = (flat == limit).nonzero().flatten()
    kept[ties[: len(flat) - count - int(kept.sum())]] = True
    return _split(kept, weights)


# my_kernels

right_my_kernels_as_text = "39%"
wrong_my_kernels_in_words = "about a half"
wrong_my_kernels_beyond_all = 390
wrong_my_kernels_negative = -5
wrong_my_kernels_nan = math.nan
wrong_my_kernels_a_list = [39]
right_my_kernels_far_off = 90
right_my_kernels_a_numpy_number = np.float64(100 * 0.9**9)


# few_weights: what the learner's cell leaves in the folder


@functools.cache
def _content(shares, fresh=True, scope="layer"):
    """The packed file's bytes. shares: of features.3, .7, .10, .14, .17; or one for all layers."""
    images = data.load("leaves")
    network = training.original(images)
    if isinstance(shares, tuple):
        shares = dict(zip((f"features.{n}" for n in (3, 7, 10, 14, 17)), shares, strict=True))
    pruned = wp.apply(network, wp.masks(network, shares, scope=scope))
    if fresh:
        pruned = training.recalibrated(pruned, images.train.first(256))
    return packing.pack(engines.onnx(pruned, images.shape))


def _written(folder, content):
    return packing.write(folder / "03_weight_pruning.packed", content)


def wrong_few_weights_the_chapters_global_share(folder):
    "too_large"
    return _written(folder, _content(0.8, scope="global"))


def wrong_few_weights_same_share_everywhere(folder):
    "not_right_often_enough"
    return _written(folder, _content(0.86))


def wrong_few_weights_global_until_it_fits(folder):
    "not_right_often_enough"
    return _written(folder, _content(0.845, scope="global"))


def wrong_few_weights_stale_norms(folder):
    "not_right_often_enough"
    return _written(folder, _content((0.6, 0.65, 0.75, 0.9, 0.9), fresh=False))


def wrong_few_weights_a_checkpoint(folder):
    "cannot_be_used"
    path = folder / "03_weight_pruning.packed"
    torch.save({"weights": torch.zeros(10)}, path)
    return path


def wrong_few_weights_the_end_is_missing(folder):
    "cannot_be_used"
    return _written(folder, _content(0.86)[:-1000])


def right_few_weights_the_two_largest_alike(folder):
    return _written(folder, _content((0.6, 0.65, 0.75, 0.9, 0.9)))


def right_few_weights_early_layers_give_more(folder):
    return _written(folder, _content((0.65, 0.65, 0.7, 0.91, 0.9)))
