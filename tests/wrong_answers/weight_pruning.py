"""Exercise 03: what learners write. wrong_TASK_...: rejected, and its hint holds the docstring.

right_TASK_...: another way to do it, accepted.
"""

import functools
import heapq
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


def right_n_of_m_bytes_by_counting(shape, n, m, bits):
    place = len(bin(m - 1)) - 2
    total = 0
    for _ in range(math.prod(shape) // m):
        total += n * bits + n * place
    return (total + 7) // 8


def right_n_of_m_bytes_in_numpy(shape, n, m, bits):
    kept = np.prod(shape) * n / m
    return np.ceil(kept * (bits + np.ceil(np.log2(m))) / 8)


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


def wrong_keep_n_of_m_rank_of_order(weights, n, m):
    "other"
    parts = weights.abs().unflatten(1, (-1, m))
    return (parts.argsort(dim=2, descending=True) < n).flatten(1, 2)


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
    "other"
    there = weights.nonzero().flatten()
    gaps = (torch.diff(there, prepend=torch.tensor([-1])) - 1).clamp(max=2**bits - 1)
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


# my_kernels

wrong_my_kernels_as_text = "39%"
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
