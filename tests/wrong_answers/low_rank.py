"""Exercise 06: what learners write. wrong_TASK_...: rejected, and its hint holds the docstring.

right_TASK_...: another way to do it, accepted.
"""

import copy
import functools
import heapq
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_lib import counting, data, engines, low_rank, packing, training

# tucker_macs


def wrong_tucker_macs_counts_weights(inputs, outputs, window, stride, side, ranks):
    "weights_alone"
    r, s = ranks
    return inputs * r + r * s * window * window + s * outputs


def wrong_tucker_macs_all_at_the_output(inputs, outputs, window, stride, side, ranks):
    "stride_at_the_start"
    out = (side + 2 * (window // 2) - window) // stride + 1
    r, s = ranks
    return out * out * (inputs * r + r * s * window * window + s * outputs)


def wrong_tucker_macs_no_stride(inputs, outputs, window, stride, side, ranks):
    "stride_forgotten"
    r, s = ranks
    return side * side * (inputs * r + r * s * window**2 + s * outputs)


def wrong_tucker_macs_stride_last(inputs, outputs, window, stride, side, ranks):
    "stride_at_the_end"
    out = -(-side // stride)
    return side**2 * ranks[0] * (inputs + window**2 * ranks[1]) + out**2 * ranks[1] * outputs


def wrong_tucker_macs_stride_once(inputs, outputs, window, stride, side, ranks):
    "one_side_only"
    places = side * math.ceil(side / stride)
    total = side * side * inputs * ranks[0]
    total += places * window**2 * ranks[0] * ranks[1]
    return total + places * ranks[1] * outputs


def wrong_tucker_macs_rounds_down(inputs, outputs, window, stride, side, ranks):
    "side_rounded_down"
    out = side // stride
    r, s = ranks
    return side * side * inputs * r + out * out * (r * s * window**2 + s * outputs)


def wrong_tucker_macs_window_not_squared(inputs, outputs, window, stride, side, ranks):
    "half_a_window"
    out = math.ceil(side / stride)
    r, s = ranks
    return side * side * inputs * r + out * out * (r * s * window + s * outputs)


def wrong_tucker_macs_windows_everywhere(inputs, outputs, window, stride, side, ranks):
    "window_everywhere"
    out, k = math.ceil(side / stride), window * window
    r, s = ranks
    return side * side * inputs * r * k + out * out * (r * s * k + s * outputs * k)


def wrong_tucker_macs_swapped(inputs, outputs, window, stride, side, ranks):
    "ranks_swapped"
    s, r = ranks
    out = math.ceil(side / stride)
    return side * side * inputs * r + out * out * (r * s * window**2 + s * outputs)


def wrong_tucker_macs_in_flops(inputs, outputs, window, stride, side, ranks):
    "counted_twice"
    out = math.ceil(side / stride)
    r, s = ranks
    return 2 * side * side * inputs * r + 2 * out * out * (r * s * window**2 + s * outputs)


def wrong_tucker_macs_two_layers(inputs, outputs, window, stride, side, ranks):
    "without_the_last"
    out = math.ceil(side / stride)
    return side * side * inputs * ranks[0] + out * out * ranks[0] * ranks[1] * window**2


def wrong_tucker_macs_by_the_library(inputs, outputs, window, stride, side, ranks):
    "borrowed"
    conv = nn.Conv2d(inputs, outputs, window, stride, window // 2)
    return low_rank.cost(conv, (inputs, side, side), "tucker2", ranks).macs


def wrong_tucker_macs_counted_on_a_network(inputs, outputs, window, stride, side, ranks):
    "borrowed"
    chain = low_rank.tucker2(nn.Conv2d(inputs, outputs, window, stride, window // 2), ranks)
    return counting.macs(chain, (inputs, side, side))


def wrong_tucker_macs_hard_coded(inputs, outputs, window, stride, side, ranks):
    "always_the_same"
    return 589824


def wrong_tucker_macs_the_whole_layer(inputs, outputs, window, stride, side, ranks):
    "the_whole_layer"
    return inputs * outputs * window**2 * math.ceil(side / stride) ** 2


def right_tucker_macs_in_a_loop(inputs, outputs, window, stride, side, ranks):
    total, places = 0, side * side
    channels = [inputs, *ranks, outputs]
    for layer in range(3):
        k = window if layer == 1 else 1
        if layer == 1:
            places = len(range(0, side, stride)) ** 2
        total += channels[layer] * channels[layer + 1] * k * k * places
    return total


def right_tucker_macs_asks_torch(inputs, outputs, window, stride, side, ranks):
    layers = [
        nn.Conv2d(inputs, ranks[0], 1, bias=False),
        nn.Conv2d(ranks[0], ranks[1], window, stride, window // 2, bias=False),
        nn.Conv2d(ranks[1], outputs, 1, bias=False),
    ]
    image, total = torch.zeros(1, inputs, side, side), 0
    with torch.no_grad():
        for layer in layers:
            image = layer(image)
            total += layer.weight.numel() * image[0, 0].numel()
    return torch.tensor(float(total), dtype=torch.float64)


# by_answers


def wrong_by_answers_plain_svd(weight, bias, inputs, rank):
    "by_the_weights"
    u, s, v = torch.linalg.svd(weight, full_matrices=False)
    return v[:rank], u[:, :rank] * s[:rank], bias


def wrong_by_answers_as_in_the_chapter(weight, bias, inputs, rank):
    "mean_left_in"
    said = inputs @ weight.T
    _, directions = torch.linalg.eigh(said.T @ said / len(said))
    keep = directions.flip(1)[:, :rank]
    return keep.T @ weight, keep, bias


def wrong_by_answers_bias_in_the_answers(weight, bias, inputs, rank):
    "bias_and_mean_left_in"
    said = nn.functional.linear(inputs, weight, bias)
    keep = torch.linalg.svd(said.T, full_matrices=False)[0][:, :rank]
    return keep.T @ weight, keep, bias


def wrong_by_answers_old_bias(weight, bias, inputs, rank):
    "bias_as_it_was"
    said = inputs @ weight.T
    keep = torch.linalg.eigh(torch.cov(said.T))[1][:, -rank:]
    return keep.T @ weight, keep, bias


def wrong_by_answers_mean_is_the_bias(weight, bias, inputs, rank):
    "the_whole_mean_as_bias"
    said = inputs @ weight.T + bias
    mean = said.mean(0)
    keep = torch.linalg.svd((said - mean).T, full_matrices=False)[0][:, :rank]
    return keep.T @ weight, keep, mean


def wrong_by_answers_bias_through_the_factors(weight, bias, inputs, rank):
    "bias_counted_as_carried"
    said = inputs @ weight.T + bias
    mean = said.mean(0)
    keep = torch.linalg.svd((said - mean).T, full_matrices=False)[0][:, :rank]
    return keep.T @ weight, keep, mean - keep @ keep.T @ mean


def wrong_by_answers_forgot_the_bias(weight, bias, inputs, rank):
    "old_bias_dropped"
    said = inputs @ weight.T
    mean = said.mean(0)
    keep = torch.linalg.svd((said - mean).T, full_matrices=False)[0][:, :rank]
    return keep.T @ weight, keep, mean - keep @ keep.T @ mean


def wrong_by_answers_eigh_from_the_wrong_end(weight, bias, inputs, rank):
    "weakest_directions"
    said = inputs @ weight.T
    mean = said.mean(0)
    keep = torch.linalg.eigh(torch.cov(said.T))[1][:, :rank]
    return keep.T @ weight, keep, bias + mean - keep @ keep.T @ mean


def wrong_by_answers_pca_of_the_inputs(weight, bias, inputs, rank):
    "directions_of_the_inputs"
    mean = inputs.mean(0)
    v = torch.linalg.svd(inputs - mean, full_matrices=False)[2][:rank]
    return v, weight @ v.T, bias + weight @ mean - weight @ v.T @ v @ mean


def wrong_by_answers_transposed(weight, bias, inputs, rank):
    "factors_the_other_way_round"
    first, second, shift = right_by_answers_in_numpy(weight, bias, inputs, rank)
    return first.T, second.T, shift


def wrong_by_answers_by_the_library(weight, bias, inputs, rank):
    "borrowed"
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight, bias
    said = inputs @ weight.T
    pair = low_rank.cutter(layer, "svd", said.T @ said / len(said))(rank)
    return pair[0].weight, pair[1].weight, pair[1].bias


def wrong_by_answers_centres_in_place(weight, bias, inputs, rank):
    "changed_its_input"
    inputs -= inputs.mean(0)
    keep = torch.linalg.svd((inputs @ weight.T).T, full_matrices=False)[0][:, :rank]
    return keep.T @ weight, keep, bias


def wrong_by_answers_without_a_shift(weight, bias, inputs, rank):
    "cannot_be_used"
    said = inputs @ weight.T
    keep = torch.linalg.svd((said - said.mean(0)).T, full_matrices=False)[0][:, :rank]
    return keep.T @ weight, keep


def right_by_answers_in_numpy(weight, bias, inputs, rank):
    weight, bias, inputs = (part.double().numpy() for part in (weight, bias, inputs))
    said = inputs @ weight.T + bias
    _, s, vt = np.linalg.svd(said - said.mean(0), full_matrices=False)
    first, second = np.sqrt(s[:rank, None]) * vt[:rank] @ weight, vt[:rank].T / np.sqrt(s[:rank])
    return first, second, said.mean(0) - second @ first @ inputs.mean(0)


def right_by_answers_whitened(weight, bias, inputs, rank):
    x = (inputs - inputs.mean(0)).double()
    root = torch.linalg.cholesky(x.T @ x)  # the error of a cut is that of weight @ root
    u, s, vt = torch.linalg.svd(weight.double() @ root, full_matrices=False)
    second = u[:, :rank] * s[:rank]
    first = torch.linalg.solve_triangular(root, vt[:rank], upper=False, left=False)
    mean = inputs.mean(0).double()
    return [first, second, (bias + weight.double() @ mean - second @ (first @ mean))[:, None]]


# rows_first


def _factors(conv, rank, table):
    u, s, v = torch.linalg.svd(table, full_matrices=False)
    outputs, inputs, high, wide = conv.weight.shape
    first = v[:rank].reshape(rank, inputs, 1, wide)
    second = (u[:, :rank] * s[:rank]).reshape(outputs, high, rank).permute(0, 2, 1)
    return first, second[..., None]


def _table(conv):
    return conv.weight.detach().permute(0, 2, 1, 3).flatten(2).flatten(0, 1)


def _pair(conv, first, second, strides=None, paddings=None, bias=True):
    (down, along), (top, side) = conv.stride, conv.padding
    one, two = strides or ((1, along), (down, 1))
    around, above = paddings or ((0, side), (top, 0))
    a = nn.Conv2d(conv.in_channels, len(first), first.shape[2:], one, around, bias=False)
    keeps = bias and conv.bias is not None
    b = nn.Conv2d(len(first), conv.out_channels, second.shape[2:], two, above, bias=keeps)
    a.weight, b.weight = nn.Parameter(first), nn.Parameter(second)
    if keeps:
        b.bias = nn.Parameter(conv.bias.detach())
    return nn.Sequential(a, b)


def wrong_rows_first_as_given(conv, rank):
    "as_given"
    outputs, inputs, high, wide = conv.weight.shape
    table = conv.weight.detach().reshape(outputs * high, inputs * wide)
    left, strength, right = torch.linalg.svd(table, full_matrices=False)
    mixture = (left[:, :rank] * strength[:rank]).reshape(outputs, high, rank)
    (top, side), stride = conv.padding, conv.stride
    first = nn.Conv2d(inputs, rank, (1, wide), stride, (0, side), bias=False)
    second = nn.Conv2d(rank, outputs, (high, 1), stride, (top, 0), bias=False)
    first.weight.data = right[:rank].reshape(rank, inputs, 1, wide)
    second.weight.data = mixture.permute(0, 2, 1)[..., None]
    return nn.Sequential(first, second)


def wrong_rows_first_stride_mended(conv, rank):
    "table_and_bias"
    o, _, h, _ = conv.weight.shape
    return _pair(conv, *_factors(conv, rank, conv.weight.detach().reshape(o * h, -1)), bias=False)


def wrong_rows_first_bias_mended(conv, rank):
    "table_and_stride"
    o, _, h, _ = conv.weight.shape
    factors = _factors(conv, rank, conv.weight.detach().reshape(o * h, -1))
    return _pair(conv, *factors, strides=(conv.stride, conv.stride))


def wrong_rows_first_table_mended(conv, rank):
    "bias_and_stride"
    factors = _factors(conv, rank, _table(conv))
    return _pair(conv, *factors, strides=(conv.stride, conv.stride), bias=False)


def wrong_rows_first_two_mended(conv, rank):
    "stride_in_both"
    factors = _factors(conv, rank, _table(conv))
    return _pair(conv, *factors, strides=(conv.stride, conv.stride))


def wrong_rows_first_all_but_the_table(conv, rank):
    "wrong_rows_in_the_table"
    o, i, h, w = conv.weight.shape
    return _pair(conv, *_factors(conv, rank, conv.weight.detach().reshape(o * h, i * w)))


def wrong_rows_first_no_bias(conv, rank):
    "bias_forgotten"
    return _pair(conv, *_factors(conv, rank, _table(conv)), bias=False)


def wrong_rows_first_stride_at_once(conv, rank):
    "stride_in_the_first"
    return _pair(conv, *_factors(conv, rank, _table(conv)), strides=(conv.stride, (1, 1)))


def wrong_rows_first_stride_exchanged(conv, rank):
    "stride_in_the_first"
    (down, along), factors = conv.stride, _factors(conv, rank, _table(conv))
    return _pair(conv, *factors, strides=((down, 1), (1, along)))


def wrong_rows_first_padding_twice(conv, rank):
    "padding_in_both"
    factors = _factors(conv, rank, _table(conv))
    return _pair(conv, *factors, paddings=(conv.padding, conv.padding))


def wrong_rows_first_mixture_reshaped(conv, rank):
    "mixture_not_moved"
    o, _, h, _ = conv.weight.shape
    first, _ = _factors(conv, rank, _table(conv))
    u, s, _ = torch.linalg.svd(_table(conv), full_matrices=False)
    return _pair(conv, first, (u[:, :rank] * s[:rank]).reshape(o, rank, h, 1))


def wrong_rows_first_without_strength(conv, rank):
    "strengths_forgotten"
    o, _, h, _ = conv.weight.shape
    first, _ = _factors(conv, rank, _table(conv))
    u = torch.linalg.svd(_table(conv), full_matrices=False)[0]
    return _pair(conv, first, u[:, :rank].reshape(o, h, rank).movedim(2, 1)[..., None])


def wrong_rows_first_strength_in_both(conv, rank):
    "strengths_twice"
    first, second = _factors(conv, rank, _table(conv))
    s = torch.linalg.svdvals(_table(conv))[:rank]
    return _pair(conv, first * s[:, None, None, None], second)


def wrong_rows_first_columns_first(conv, rank):
    "columns_first"
    o, i, h, w = conv.weight.shape
    u, s, v = torch.linalg.svd(
        conv.weight.detach().permute(0, 3, 1, 2).reshape(o * w, i * h), full_matrices=False
    )
    (down, along), (top, side) = conv.stride, conv.padding
    return _pair(
        conv,
        v[:rank].reshape(rank, i, h, 1),
        (u[:, :rank] * s[:rank]).reshape(o, w, rank).permute(0, 2, 1)[:, :, None],
        strides=((down, 1), (1, along)),
        paddings=((top, 0), (0, side)),
    )


def wrong_rows_first_by_the_library(conv, rank):
    "borrowed"
    return low_rank.spatial(conv, rank)


def wrong_rows_first_library_turned_round(conv, rank):
    "borrowed"
    turned = copy.deepcopy(conv)
    turned.weight.data = turned.weight.data.transpose(2, 3)
    first, second = low_rank.cutter(turned, "spatial")(rank)
    return nn.Sequential(first, second)


def wrong_rows_first_bias_always(conv, rank):
    "raised_AttributeError"
    pair = _pair(conv, *_factors(conv, rank, _table(conv)), bias=False)
    pair[1].bias = nn.Parameter(conv.bias.detach().clone())
    return pair


def wrong_rows_first_factors_alone(conv, rank):
    "cannot_be_used"
    return _factors(conv, rank, _table(conv))


def wrong_rows_first_strips_the_layer(conv, rank):
    "changed_its_input"
    pair = _pair(conv, *_factors(conv, rank, _table(conv)))
    conv.weight.data = torch.zeros_like(conv.weight)
    return pair


def wrong_rows_first_rebuilt(conv, rank):
    "other"
    first, second = _factors(conv, rank, _table(conv))
    whole = copy.deepcopy(conv)
    whole.weight.data = torch.einsum("orh,riw->oihw", second[..., 0], first[:, :, 0])
    return whole


class _RowsThenColumns(nn.Module):
    def __init__(self, rows, columns):
        super().__init__()
        self.rows, self.columns = rows, columns

    def forward(self, image):
        return self.columns(self.rows(image))


def right_rows_first_in_numpy(conv, rank):
    outputs, inputs, high, wide = conv.weight.shape
    weight = conv.weight.detach().numpy().astype(np.float64)
    table = np.zeros((outputs * high, inputs * wide))
    for o in range(outputs):
        for i in range(inputs):
            table[o * high : (o + 1) * high, i * wide : (i + 1) * wide] = weight[o, i]
    u, s, v = np.linalg.svd(table, full_matrices=False)
    rows = nn.Conv2d(inputs, rank, (1, wide), (1, conv.stride[1]), (0, conv.padding[1]))
    columns = nn.Conv2d(rank, outputs, (high, 1), (conv.stride[0], 1), (conv.padding[0], 0))
    with torch.no_grad():
        rows.bias.zero_()
        columns.bias.zero_()
        if conv.bias is not None:
            columns.bias.copy_(conv.bias)
        for r in range(rank):
            rows.weight[r] = torch.tensor(v[r].reshape(inputs, 1, wide) * s[r] ** 0.5)
            columns.weight[:, r, :, 0] = torch.tensor(u[:, r].reshape(outputs, high) * s[r] ** 0.5)
    return _RowsThenColumns(rows, columns)


def right_rows_first_by_eigenvectors(conv, rank):
    weight = conv.weight.detach()
    together = torch.einsum("oihw,ojhv->iwjv", weight, weight)
    size = weight.shape[1] * weight.shape[3]
    basis = torch.linalg.eigh(together.reshape(size, size).double())[1][:, -rank:].float()
    first = basis.T.reshape(rank, weight.shape[1], 1, weight.shape[3])
    second = torch.einsum("oihw,riw->orh", weight, first[:, :, 0])[..., None]
    return list(_pair(conv, first, second))


# my_percent

right_my_percent_as_text = "95%"
wrong_my_percent_in_words = "about a half"
wrong_my_percent_negative = -5
wrong_my_percent_in_ranks = 230
wrong_my_percent_nan = float("nan")
wrong_my_percent_a_range = (80, 90)
right_my_percent_far_off = 10
right_my_percent_of_numpy = np.float64(90)
wrong_my_percent_a_share = 0.9


# shared_ranks


def _greedy(values, costs, budget, gain, ranks=None):
    ranks = ranks or [1] * len(values)
    left = budget - sum(costs)
    while True:
        fits = [i for i in range(len(values)) if ranks[i] < len(values[i]) and costs[i] <= left]
        if not fits:
            return ranks
        best = max(fits, key=lambda i: gain(i, ranks[i]))
        ranks[best] += 1
        left -= costs[best]


def wrong_shared_ranks_values(values, costs, budget):
    "values_as_they_are"
    return _greedy(values, costs, budget, lambda i, r: values[i][r] / values[i].sum() / costs[i])


def wrong_shared_ranks_absolute(values, costs, budget):
    "energy_not_as_a_share"
    return _greedy(values, costs, budget, lambda i, r: values[i][r] ** 2 / costs[i])


def wrong_shared_ranks_no_price(values, costs, budget):
    "price_forgotten"
    total = [(v**2).sum() for v in values]
    return _greedy(values, costs, budget, lambda i, r: values[i][r] ** 2 / total[i])


def wrong_shared_ranks_breaks(values, costs, budget):
    "gives_up_early"
    total = [float((v**2).sum()) for v in values]
    ranks, left = [1] * len(values), budget - sum(costs)
    while True:
        gains = [
            float(v[r]) ** 2 / t / c if r < len(v) else -1
            for v, r, t, c in zip(values, ranks, total, costs, strict=True)
        ]
        best = int(np.argmax(gains))
        if gains[best] < 0 or costs[best] > left:
            return ranks
        ranks[best] += 1
        left -= costs[best]


def wrong_shared_ranks_overdraws(values, costs, budget):
    "beyond_the_budget"
    ranks, used = [1] * len(values), sum(costs)
    while used <= budget:
        gains = {
            i: (values[i][ranks[i]] ** 2 / (values[i] ** 2).sum() / costs[i]).item()
            for i in range(len(values))
            if ranks[i] < len(values[i])
        }
        if not gains:
            break
        fits = {i: g for i, g in gains.items() if used + costs[i] <= budget}
        best = max(fits or gains, key=gains.get)
        ranks[best] += 1
        used += costs[best]
    return ranks


def wrong_shared_ranks_from_zero(values, costs, budget):
    "from_nothing"
    ranks, left = [0] * len(values), budget
    while True:
        gains = {
            i: float(v[r] ** 2 / (v**2).sum()) / c
            for i, (v, r, c) in enumerate(zip(values, ranks, costs, strict=True))
            if r < len(v) and c <= left
        }
        if not gains:
            return torch.tensor(ranks)
        best = max(gains, key=gains.get)
        ranks[best] += 1
        left -= costs[best]


def wrong_shared_ranks_off_by_one(values, costs, budget):
    "gain_of_the_last"
    total = [(v**2).sum() for v in values]
    return _greedy(values, costs, budget, lambda i, r: values[i][r - 1] ** 2 / total[i] / costs[i])


def wrong_shared_ranks_first_free(values, costs, budget):
    "first_ranks_for_free"
    total = [(v**2).sum() for v in values]
    more = budget + sum(costs)
    return _greedy(values, costs, more, lambda i, r: values[i][r] ** 2 / total[i] / costs[i])


def wrong_shared_ranks_uniform(values, costs, budget):
    "the_same_for_all"
    rank = max(1, budget // sum(costs))
    return [min(rank, len(v)) for v in values]


def wrong_shared_ranks_runs_out(values, costs, budget):
    "raised_IndexError"
    ranks, left = [1] * len(values), budget - sum(costs)
    while min(costs) <= left:
        gains = [float(v[r] ** 2 / (v**2).sum()) for v, r in zip(values, ranks, strict=True)]
        fits = [i for i in range(len(values)) if costs[i] <= left]
        best = max(fits, key=lambda i: gains[i] / costs[i])
        ranks[best] += 1
        left -= costs[best]
    return ranks


def wrong_shared_ranks_squares_in_place(values, costs, budget):
    "changed_its_input"
    for v in values:
        v.pow_(2).div_(v.sum())
    return _greedy(values, costs, budget, lambda i, r: values[i][r] / costs[i])


def wrong_shared_ranks_by_energy_alone(values, costs, budget):
    "other"
    return [1 + int(((v**2).cumsum(0) / (v**2).sum() < 0.9).sum()) for v in values]


def right_shared_ranks_with_a_heap(values, costs, budget):
    ranks, left = [1] * len(values), budget - sum(costs)
    squares = [v.double().numpy() ** 2 for v in values]
    waiting = [
        (-s[1] / s.sum() / c, i) for i, (s, c) in enumerate(zip(squares, costs, strict=True))
    ]
    heapq.heapify(waiting)
    while waiting:
        _, i = heapq.heappop(waiting)
        if costs[i] > left:
            continue  # what does not fit now never will
        ranks[i], left = ranks[i] + 1, left - costs[i]
        if ranks[i] < len(squares[i]):
            heapq.heappush(waiting, (-squares[i][ranks[i]] / squares[i].sum() / costs[i], i))
    return tuple(ranks)


def right_shared_ranks_sorted_once(values, costs, budget):
    steps = sorted(
        (-float(v[r] ** 2 / (v**2).sum() / c), i)
        for i, (v, c) in enumerate(zip(values, costs, strict=True))
        for r in range(1, len(v))
    )
    ranks, left = np.ones(len(values)), budget - sum(costs)
    for _, i in steps:
        if costs[i] <= left:
            ranks[i] += 1
            left -= costs[i]
    return ranks


# More of each task before, as others write them.


def wrong_tucker_macs_padding_forgotten(inputs, outputs, window, stride, side, ranks):
    "padding_forgotten"
    out = (side - window) // stride + 1
    r, s = ranks
    return side * side * inputs * r + out * out * (r * s * window**2 + s * outputs)


def wrong_tucker_macs_each_channel_alone(inputs, outputs, window, stride, side, ranks):
    "each_channel_alone"
    out = math.ceil(side / stride)
    r, s = ranks
    return side**2 * inputs * r + out**2 * r * window**2 + out**2 * s * outputs


def wrong_tucker_macs_not_rounded(inputs, outputs, window, stride, side, ranks):
    "side_not_rounded"
    out = side / stride
    r, s = ranks
    return side**2 * inputs * r + out**2 * (r * s * window**2 + s * outputs)


def wrong_tucker_macs_a_side_for_the_places(inputs, outputs, window, stride, side, ranks):
    "a_row_of_places"
    out = math.ceil(side / stride)
    r, s = ranks
    return side * inputs * r + out * (r * s * window**2 + s * outputs)


def wrong_tucker_macs_last_from_the_first_rank(inputs, outputs, window, stride, side, ranks):
    "last_from_the_first_rank"
    out = math.ceil(side / stride)
    r, s = ranks
    return side**2 * inputs * r + out**2 * (r * s * window**2 + r * outputs)


def wrong_tucker_macs_one_rank(inputs, outputs, window, stride, side, ranks):
    "one_rank_for_both"
    out = math.ceil(side / stride)
    r = ranks[0]
    return side**2 * inputs * r + out**2 * (r * r * window**2 + r * outputs)


def wrong_tucker_macs_stride_in_middle_and_last(inputs, outputs, window, stride, side, ranks):
    "stride_twice"
    total, channels = (0, [inputs, *ranks, outputs])
    for layer, k in enumerate((1, window, 1)):
        if layer > 0:
            side = math.ceil(side / stride)
        total += channels[layer] * channels[layer + 1] * k * k * side * side
    return total


def wrong_tucker_macs_window_in_the_first(inputs, outputs, window, stride, side, ranks):
    "window_in_the_first"
    out = math.ceil(side / stride)
    r, s = ranks
    return side**2 * inputs * r * window**2 + out**2 * (r * s + s * outputs)


def wrong_tucker_macs_with_biases(inputs, outputs, window, stride, side, ranks):
    "biases_too"
    out = math.ceil(side / stride)
    r, s = ranks
    return side**2 * (inputs + 1) * r + out**2 * ((r * window**2 + 1) * s + (s + 1) * outputs)


def wrong_tucker_macs_one_place_too_many(inputs, outputs, window, stride, side, ranks):
    "one_place_too_many"
    out = side // stride + 1
    r, s = ranks
    return side**2 * inputs * r + out**2 * (r * s * window**2 + s * outputs)


def wrong_tucker_macs_stride_divides_everything(inputs, outputs, window, stride, side, ranks):
    "stride_for_all_the_work"
    r, s = ranks
    return (inputs * r + r * s * window**2 + s * outputs) * side * side // stride


def wrong_tucker_macs_before_the_first(inputs, outputs, window, stride, side, ranks):
    "other"
    out = math.ceil(side / stride)
    r, s = ranks
    return out**2 * inputs * r + side**2 * r * s * window**2 + out**2 * s * outputs


def wrong_tucker_macs_saved(inputs, outputs, window, stride, side, ranks):
    "saved_instead_of_left"
    out = math.ceil(side / stride)
    r, s = ranks
    whole = inputs * outputs * window**2 * out**2
    return whole - (side**2 * inputs * r + out**2 * (r * s * window**2 + s * outputs))


def wrong_tucker_macs_a_share(inputs, outputs, window, stride, side, ranks):
    "as_a_share"
    out = math.ceil(side / stride)
    r, s = ranks
    whole = inputs * outputs * window**2 * out**2
    return (side**2 * inputs * r + out**2 * (r * s * window**2 + s * outputs)) / whole


def right_tucker_macs_numpy(inputs, outputs, window, stride, side, ranks):
    out = -(-side // stride)
    return np.dot(
        [side**2, out**2, out**2],
        [inputs * ranks[0], window**2 * np.prod(ranks), ranks[1] * outputs],
    )


def right_tucker_macs_formula(inputs, outputs, window, stride, side, ranks):
    p = window // 2
    out = int((side + 2 * p - (window - 1) - 1) / stride + 1)

    def conv(i, o, k, n):
        return i * o * k * k * n * n

    return sum(
        [
            conv(inputs, ranks[0], 1, side),
            conv(ranks[0], ranks[1], window, out),
            conv(ranks[1], outputs, 1, out),
        ]
    )


def right_tucker_macs_hooks(inputs, outputs, window, stride, side, ranks):
    net = nn.Sequential(
        nn.Conv2d(inputs, ranks[0], 1),
        nn.Conv2d(ranks[0], ranks[1], window, stride, window // 2),
        nn.Conv2d(ranks[1], outputs, 1),
    )
    total = []
    for layer in net:
        layer.register_forward_hook(
            lambda own, i, o: total.append(own.weight[0].numel() * o.numel())
        )
    net(torch.randn(1, inputs, side, side))
    return [sum(total)]


def _pca(weight, inputs):
    said = inputs @ weight.T
    mean = said.mean(0)
    return (said, mean, torch.linalg.svd(said - mean, full_matrices=False))


def wrong_by_answers_columns_of_vh(weight, bias, inputs, rank):
    "columns_for_rows"
    _said, mean, (_u, _s, vh) = _pca(weight, inputs)
    second = vh[:, :rank]
    return (second.T @ weight, second, bias + mean - second @ second.T @ mean)


def wrong_by_answers_strength_too(weight, bias, inputs, rank):
    "strengths_too"
    _said, mean, (_u, s, vh) = _pca(weight, inputs)
    second = vh[:rank].T * s[:rank]
    first = vh[:rank] @ weight
    return (first, second, bias + mean - second @ first @ inputs.mean(0))


def wrong_by_answers_root_in_both(weight, bias, inputs, rank):
    "strengths_too"
    _said, mean, (_u, s, vh) = _pca(weight, inputs)
    root = s[:rank].sqrt()
    second, first = (vh[:rank].T * root, root[:, None] * (vh[:rank] @ weight))
    return (first, second, bias + mean - second @ first @ inputs.mean(0))


def wrong_by_answers_weights_and_mean_mended(weight, bias, inputs, rank):
    "weights_cut_and_mean_mended"
    u, s, vh = torch.linalg.svd(weight, full_matrices=False)
    first, second = (vh[:rank], u[:, :rank] * s[:rank])
    mean = inputs.mean(0)
    return (first, second, bias + weight @ mean - second @ first @ mean)


def wrong_by_answers_standardised(weight, bias, inputs, rank):
    "answers_standardised"
    said = inputs @ weight.T
    mean = said.mean(0)
    z = (said - mean) / said.std(0)
    second = torch.linalg.svd(z, full_matrices=False)[2][:rank].T
    return (second.T @ weight, second, bias + mean - second @ second.T @ mean)


def wrong_by_answers_sign_of_the_mean(weight, bias, inputs, rank):
    "mean_taken_away"
    _said, mean, (_u, _s, vh) = _pca(weight, inputs)
    second = vh[:rank].T
    return (second.T @ weight, second, bias - mean + second @ second.T @ mean)


def wrong_by_answers_minus_what_is_said(weight, bias, inputs, rank):
    "mean_itself_forgotten"
    _said, mean, (_u, _s, vh) = _pca(weight, inputs)
    second = vh[:rank].T
    return (second.T @ weight, second, bias - second @ second.T @ mean)


def wrong_by_answers_bias_twice(weight, bias, inputs, rank):
    "bias_twice"
    said = inputs @ weight.T + bias
    mean = said.mean(0)
    second = torch.linalg.svd(said - mean, full_matrices=False)[2][:rank].T
    return (second.T @ weight, second, bias + mean - second @ second.T @ (mean - bias))


def wrong_by_answers_factors_exchanged(weight, bias, inputs, rank):
    "factors_exchanged"
    _said, mean, (_u, _s, vh) = _pca(weight, inputs)
    second = vh[:rank].T
    return (second, second.T @ weight, bias + mean - second @ second.T @ mean)


def wrong_by_answers_one_mean_for_all(weight, bias, inputs, rank):
    "one_mean_for_all"
    said = inputs @ weight.T
    mean = said.mean()
    second = torch.linalg.svd(said - mean, full_matrices=False)[2][:rank].T
    return (second.T @ weight, second, bias + mean - second @ second.T @ mean.expand(len(weight)))


def wrong_by_answers_mean_of_each_picture(weight, bias, inputs, rank):
    "mean_of_each_picture"
    said = inputs @ weight.T
    said = said - said.mean(1, keepdim=True)
    second = torch.linalg.svd(said, full_matrices=False)[2][:rank].T
    mean = (inputs @ weight.T).mean(0)
    return (second.T @ weight, second, bias + mean - second @ second.T @ mean)


def wrong_by_answers_centred_inputs_no_shift(weight, bias, inputs, rank):
    "no_shift_at_all"
    x = inputs - inputs.mean(0)
    second = torch.linalg.svd(x @ weight.T, full_matrices=False)[2][:rank].T
    return (second.T @ weight, second, torch.zeros(len(weight)))


def wrong_by_answers_mean_answer_alone(weight, bias, inputs, rank):
    "mean_without_the_bias"
    _said, mean, (_u, _s, vh) = _pca(weight, inputs)
    second = vh[:rank].T
    return (second.T @ weight, second, mean)


def wrong_by_answers_uncentred_with_shift(weight, bias, inputs, rank):
    "directions_with_the_mean"
    said = inputs @ weight.T
    mean = said.mean(0)
    second = torch.linalg.svd(said, full_matrices=False)[2][:rank].T
    return (second.T @ weight, second, bias + mean - second @ second.T @ mean)


def wrong_by_answers_regression_on_codes(weight, bias, inputs, rank):
    "directions_of_the_inputs"
    x = inputs - inputs.mean(0)
    first = torch.linalg.svd(x, full_matrices=False)[2][:rank]
    codes = torch.cat([inputs @ first.T, torch.ones(len(inputs), 1)], 1)
    sol = torch.linalg.lstsq(codes, inputs @ weight.T + bias).solution
    return (first, sol[:-1].T, sol[-1])


def right_by_answers_eigh(weight, bias, inputs, rank):
    cov = torch.cov(inputs.T)
    _e, d = torch.linalg.eigh(weight @ cov @ weight.T)
    d = d.flip(1)[:, :rank]
    return (d.T @ weight, d, bias + (weight - d @ d.T @ weight) @ inputs.mean(0))


def right_by_answers_layers(weight, bias, inputs, rank):
    said = F.linear(inputs, weight, bias)
    _u, _s, vh = torch.linalg.svd((said - said.mean(0)).double(), full_matrices=False)
    basis = vh.mT[:, :rank].float()
    first = basis.T @ weight
    shift = said.mean(0) - F.linear(F.linear(inputs, first), basis).mean(0)
    return (nn.Parameter(first), nn.Parameter(basis), nn.Parameter(shift))


def right_by_answers_sklearn(weight, bias, inputs, rank):
    from sklearn.decomposition import PCA

    said = (inputs @ weight.T + bias).numpy()
    pca = PCA(rank, svd_solver="full").fit(said)
    second = pca.components_.T
    first = pca.components_ @ weight.numpy()
    shift = pca.mean_ - second @ (pca.components_ @ (pca.mean_ - bias.numpy()))
    return (first.tolist(), second.tolist(), shift.tolist())


def right_by_answers_lstsq(weight, bias, inputs, rank):
    _said, mean, (u, s, vh) = _pca(weight, inputs)
    target = u[:, :rank] * s[:rank]
    x = inputs - inputs.mean(0)
    first = torch.linalg.lstsq(x.double(), target.double()).solution.T.float()
    second = vh[:rank].T
    return (first, second, bias + mean - second @ (first @ inputs.mean(0)))


def _cut_rows(conv, rank, table=None):
    table = _by_rows(conv) if table is None else table
    u, s, v = torch.linalg.svd(table, full_matrices=False)
    o, i, h, w = conv.weight.shape
    return (
        v[:rank].reshape(rank, i, 1, w),
        (u[:, :rank] * s[:rank]).reshape(o, h, rank).permute(0, 2, 1)[..., None],
    )


def _by_rows(conv):
    return conv.weight.detach().permute(0, 2, 1, 3).flatten(2).flatten(0, 1)


def _in_two(conv, first, second, strides=None, paddings=None, bias=None, bias1=False):
    (down, along), (top, side) = (conv.stride, conv.padding)
    one, two = strides or ((1, along), (down, 1))
    around, above = paddings or ((0, side), (top, 0))
    a = nn.Conv2d(conv.in_channels, len(first), first.shape[2:], one, around, bias=bias1)
    keeps = conv.bias is not None if bias is None else bias
    b = nn.Conv2d(len(first), conv.out_channels, second.shape[2:], two, above, bias=keeps)
    a.weight, b.weight = (nn.Parameter(first), nn.Parameter(second))
    if keeps and conv.bias is not None:
        b.bias = nn.Parameter(conv.bias.detach())
    return nn.Sequential(a, b)


def wrong_rows_first_half_of_the_strength(conv, rank):
    "strengths_half"
    o, i, h, w = conv.weight.shape
    u, s, v = torch.linalg.svd(_by_rows(conv), full_matrices=False)
    return _in_two(
        conv,
        v[:rank].reshape(rank, i, 1, w),
        (u[:, :rank] * s[:rank].sqrt()).reshape(o, h, rank).permute(0, 2, 1)[..., None],
    )


def wrong_rows_first_first_with_a_bias(conv, rank):
    "bias_drawn_by_chance"
    return _in_two(conv, *_cut_rows(conv, rank), bias1=True)


def wrong_rows_first_bias_not_copied(conv, rank):
    "bias_drawn_by_chance"
    pair = _in_two(conv, *_cut_rows(conv, rank))
    if conv.bias is not None:
        pair[1].bias = nn.Parameter(torch.rand(len(conv.bias)) - 0.5)
    return pair


def wrong_rows_first_second_always_a_bias(conv, rank):
    "bias_drawn_by_chance"
    pair = _in_two(conv, *_cut_rows(conv, rank), bias=True)
    return pair


def wrong_rows_first_stride_the_other_way(conv, rank):
    "stride_exchanged"
    down, along = conv.stride
    return _in_two(conv, *_cut_rows(conv, rank), strides=((1, down), (along, 1)))


def right_rows_first_stride_in_the_second(conv, rank):
    return _in_two(conv, *_cut_rows(conv, rank), strides=((1, 1), conv.stride))


def wrong_rows_first_stride_lost(conv, rank):
    "stride_lost"
    return _in_two(conv, *_cut_rows(conv, rank), strides=((1, 1), (1, 1)))


def wrong_rows_first_padding_forgotten(conv, rank):
    "padding_forgotten"
    return _in_two(conv, *_cut_rows(conv, rank), paddings=((0, 0), (0, 0)))


def right_rows_first_padding_in_the_first(conv, rank):
    return _in_two(conv, *_cut_rows(conv, rank), paddings=(conv.padding, (0, 0)))


def wrong_rows_first_height_before_outputs(conv, rank):
    "height_before_outputs"
    o, i, h, w = conv.weight.shape
    table = conv.weight.detach().permute(2, 0, 1, 3).reshape(h * o, i * w)
    return _in_two(conv, *_cut_rows(conv, rank, table))


def wrong_rows_first_width_before_inputs(conv, rank):
    "width_before_inputs"
    o, i, h, w = conv.weight.shape
    table = conv.weight.detach().permute(0, 2, 3, 1).reshape(o * h, w * i)
    return _in_two(conv, *_cut_rows(conv, rank, table))


def wrong_rows_first_transpose_in_the_table(conv, rank):
    "width_in_the_rows"
    o, i, h, w = conv.weight.shape
    table = conv.weight.detach().transpose(1, 3).reshape(o * h, i * w)
    return _in_two(conv, *_cut_rows(conv, rank, table))


def wrong_rows_first_relu_between(conv, rank):
    "relu_between"
    pair = _in_two(conv, *_cut_rows(conv, rank))
    return nn.Sequential(pair[0], nn.ReLU(), pair[1])


def wrong_rows_first_last_ranks(conv, rank):
    "weakest_ranks"
    o, i, h, w = conv.weight.shape
    u, s, v = torch.linalg.svd(_by_rows(conv), full_matrices=False)
    return _in_two(
        conv,
        v[-rank:].reshape(rank, i, 1, w),
        (u[:, -rank:] * s[-rank:]).reshape(o, h, rank).permute(0, 2, 1)[..., None],
    )


def wrong_rows_first_bias_in_a_first(conv, rank):
    "bias_drawn_by_chance"
    pair = _in_two(conv, *_cut_rows(conv, rank), bias=False, bias1=conv.bias is not None)
    if conv.bias is not None:
        pair[0].bias.data = conv.bias.detach()[:rank].clone()
    return pair


def wrong_rows_first_full_rank(conv, rank):
    "rank_not_kept"
    full = min(
        conv.weight.shape[0] * conv.weight.shape[2], conv.weight.shape[1] * conv.weight.shape[3]
    )
    return _in_two(conv, *_cut_rows(conv, full))


def wrong_rows_first_order_swapped(conv, rank):
    "cannot_be_used"
    pair = _in_two(conv, *_cut_rows(conv, rank))
    return nn.Sequential(pair[1], pair[0])


def right_rows_first_svd_lowrank(conv, rank):
    table = _by_rows(conv)
    u, s, v = torch.svd(table)
    o, i, h, w = conv.weight.shape
    first = (v[:, :rank] * s[:rank].sqrt()).T.reshape(rank, i, 1, w)
    second = (u[:, :rank] * s[:rank].sqrt()).reshape(o, h, rank, 1).transpose(1, 2).contiguous()
    return _in_two(conv, first.contiguous(), second)


def right_rows_first_einsum(conv, rank):
    w = conv.weight.detach()
    o, i, h, k = w.shape
    t = torch.einsum("oihw->ohiw", w).reshape(o * h, i * k)
    U, S, Vh = torch.linalg.svd(t)
    A, B = (U[:, :rank] @ torch.diag(S[:rank]), Vh[:rank])
    seq = nn.Sequential(
        nn.Conv2d(
            i, rank, (1, k), stride=(1, conv.stride[1]), padding=(0, conv.padding[1]), bias=False
        ),
        nn.Conv2d(rank, o, (h, 1), stride=(conv.stride[0], 1), padding=(conv.padding[0], 0)),
    )
    with torch.no_grad():
        seq[0].weight.copy_(B.view(rank, i, 1, k))
        seq[1].weight.copy_(A.view(o, h, rank).permute(0, 2, 1).unsqueeze(-1))
        if conv.bias is None:
            seq[1].bias.zero_()
        else:
            seq[1].bias.copy_(conv.bias)
    return seq


class _Two(nn.Module):
    def __init__(self, a, b, bias, stride, padding):
        super().__init__()
        self.a, self.b, self.bias, self.stride, self.padding = (
            nn.Parameter(a),
            nn.Parameter(b),
            bias,
            stride,
            padding,
        )

    def forward(self, x):
        x = F.conv2d(x, self.a, None, (1, self.stride[1]), (0, self.padding[1]))
        return F.conv2d(x, self.b, self.bias, (self.stride[0], 1), (self.padding[0], 0))


def right_rows_first_functional(conv, rank):
    return _Two(*_cut_rows(conv, rank), conv.bias, conv.stride, conv.padding)


def right_rows_first_double(conv, rank):
    pair = _in_two(conv, *_cut_rows(copy.deepcopy(conv).double(), rank))
    return pair.float()


def _one_by_one(values, costs, budget, gain, ranks=None, fits=lambda c, left: c <= left):
    ranks = ranks or [1] * len(values)
    left = budget - sum(costs)
    while True:
        ok = [i for i in range(len(values)) if ranks[i] < len(values[i]) and fits(costs[i], left)]
        if not ok:
            return ranks
        best = max(ok, key=lambda i: float(gain(i, ranks[i])))
        ranks[best] += 1
        left -= costs[best]


def wrong_shared_ranks_share_then_squared(values, costs, budget):
    "squared_after_sharing"
    return _one_by_one(
        values, costs, budget, lambda i, r: (values[i][r] / values[i].sum()) ** 2 / costs[i]
    )


def wrong_shared_ranks_of_what_is_left(values, costs, budget):
    "fills_the_cheapest"
    return _one_by_one(
        values,
        costs,
        budget,
        lambda i, r: values[i][r] ** 2 / (values[i][r:] ** 2).sum() / costs[i],
    )


def wrong_shared_ranks_all_so_far(values, costs, budget):
    "fills_the_cheapest"
    sq = [v**2 / (v**2).sum() for v in values]
    return _one_by_one(values, costs, budget, lambda i, r: sq[i][: r + 1].sum() / costs[i])


def wrong_shared_ranks_all_for_all_paid(values, costs, budget):
    "all_that_is_kept_by_all_it_costs"
    sq = [v**2 / (v**2).sum() for v in values]
    return _one_by_one(
        values, costs, budget, lambda i, r: sq[i][: r + 1].sum() / (costs[i] * (r + 1))
    )


def wrong_shared_ranks_cost_of_all_ranks(values, costs, budget):
    "price_of_all_ranks"
    sq = [v**2 / (v**2).sum() for v in values]
    return _one_by_one(values, costs, budget, lambda i, r: sq[i][r] / (costs[i] * (r + 1)))


def wrong_shared_ranks_of_the_whole_network(values, costs, budget):
    "energy_not_as_a_share"
    total = sum((v**2).sum() for v in values)
    return _one_by_one(values, costs, budget, lambda i, r: values[i][r] ** 2 / total / costs[i])


def wrong_shared_ranks_strictly_below(values, costs, budget):
    "keeps_a_weight_back"
    sq = [v**2 / (v**2).sum() for v in values]
    return _one_by_one(
        values, costs, budget, lambda i, r: sq[i][r] / costs[i], fits=lambda c, left: c < left
    )


def wrong_shared_ranks_never_the_last(values, costs, budget):
    "last_rank_never_given"
    sq = [v**2 / (v**2).sum() for v in values]
    [v[:-1] if len(v) > 1 else v for v in values]
    ranks, left = ([1] * len(values), budget - sum(costs))
    while True:
        ok = [i for i in range(len(values)) if ranks[i] < len(values[i]) - 1 and costs[i] <= left]
        if not ok:
            return ranks
        best = max(ok, key=lambda i: float(sq[i][ranks[i]] / costs[i]))
        ranks[best] += 1
        left -= costs[best]


def wrong_shared_ranks_from_the_top(values, costs, budget):
    "gives_up_early"
    sq = [v**2 / (v**2).sum() for v in values]
    ranks = [len(v) for v in values]
    while sum((c * r for c, r in zip(costs, ranks, strict=False))) > budget:
        ok = [i for i in range(len(values)) if ranks[i] > 1]
        worst = min(ok, key=lambda i: float(sq[i][ranks[i] - 1] / costs[i]))
        ranks[worst] -= 1
    return ranks


def wrong_shared_ranks_times_cost(values, costs, budget):
    "price_turned_round"
    sq = [v**2 / (v**2).sum() for v in values]
    return _one_by_one(values, costs, budget, lambda i, r: sq[i][r] * costs[i])


def wrong_shared_ranks_budget_of_ranks(values, costs, budget):
    "budget_in_ranks"
    sq = [v**2 / (v**2).sum() for v in values]
    ranks, left = ([1] * len(values), budget - len(values))
    while left > 0:
        ok = [i for i in range(len(values)) if ranks[i] < len(values[i])]
        if not ok:
            break
        best = max(ok, key=lambda i: float(sq[i][ranks[i]] / costs[i]))
        ranks[best] += 1
        left -= 1
    return ranks


def wrong_shared_ranks_a_share_for_each(values, costs, budget):
    "the_same_weights_for_each"
    part = budget / len(values)
    return [max(1, min(len(v), int(part // c))) for v, c in zip(values, costs, strict=False)]


def wrong_shared_ranks_whole_layer_at_once(values, costs, budget):
    "one_layer_after_the_other"
    sq = [v**2 / (v**2).sum() for v in values]
    ranks, left = ([1] * len(values), budget - sum(costs))
    for i in sorted(range(len(values)), key=lambda i: -float(sq[i][1] / costs[i])):
        while ranks[i] < len(values[i]) and costs[i] <= left:
            ranks[i] += 1
            left -= costs[i]
    return ranks


def wrong_shared_ranks_gain_by_largest(values, costs, budget):
    "share_of_the_first"
    return _one_by_one(
        values, costs, budget, lambda i, r: (values[i][r] / values[i][0]) ** 2 / costs[i]
    )


def wrong_shared_ranks_cheapest_first(values, costs, budget):
    "fills_the_cheapest"
    return _one_by_one(values, costs, budget, lambda i, r: -costs[i])


def wrong_shared_ranks_extra_ranks(values, costs, budget):
    "beside_the_first"
    sq = [v**2 / (v**2).sum() for v in values]
    return [r - 1 for r in _one_by_one(values, costs, budget, lambda i, r: sq[i][r] / costs[i])]


def right_shared_ranks_numpy(values, costs, budget):
    e = [np.asarray(v, float) ** 2 for v in values]
    e = [x / x.sum() for x in e]
    ranks = np.ones(len(e), int)
    while True:
        used = ranks @ np.array(costs)
        g = np.array(
            [
                x[r] / c if r < len(x) and used + c <= budget else -1
                for x, r, c in zip(e, ranks, costs, strict=False)
            ]
        )
        if g.max() < 0:
            return ranks.tolist()
        ranks[g.argmax()] += 1


def right_shared_ranks_torch(values, costs, budget):
    ranks = torch.ones(len(values), dtype=torch.long)
    cost = torch.tensor(costs)
    while True:
        gains = torch.full((len(values),), -torch.inf)
        for i, v in enumerate(values):
            if ranks[i] < len(v) and (ranks * cost).sum() + cost[i] <= budget:
                gains[i] = v[ranks[i]] ** 2 / v.pow(2).sum() / cost[i]
        if torch.isinf(gains).all():
            return ranks
        ranks[gains.argmax()] += 1


def right_shared_ranks_recursive(values, costs, budget):

    def go(ranks):
        left = budget - sum((r * c for r, c in zip(ranks, costs, strict=False)))
        options = [
            (float(v[r] ** 2 / torch.linalg.norm(v) ** 2 / c), i)
            for i, (v, r, c) in enumerate(zip(values, ranks, costs, strict=False))
            if r < v.numel() and c <= left
        ]
        if not options:
            return ranks
        _, i = max(options)
        return go(tuple((r + (j == i) for j, r in enumerate(ranks))))

    return go((1,) * len(values))


def right_shared_ranks_padded(values, costs, budget):
    pad = nn.utils.rnn.pad_sequence(
        [v**2 / (v**2).sum() for v in values], batch_first=True, padding_value=-1
    )
    pad = pad / torch.tensor(costs)[:, None]
    ranks = [1] * len(values)
    left = budget - sum(costs)
    pad[:, 0] = -1
    while True:
        order = pad.flatten().argsort(descending=True)
        done = True
        for k in order.tolist():
            i, r = divmod(k, pad.shape[1])
            if pad[i, r] < 0:
                break
            if r == ranks[i] and costs[i] <= left:
                ranks[i] += 1
                left -= costs[i]
                pad[i, r] = -1
                done = False
                break
        if done:
            return ranks


# few_weights: what the learner's cell leaves in the folder


@functools.cache
def _given():
    images = data.load("leaves")
    return images, training.original(images), images.train.first(128)


def _packed(network, folder):
    exported = engines.onnx(network, _given()[0].shape)
    return packing.save(exported, folder / "06_low_rank.packed")


def _in_steps(folder, **ways):
    """One way after the other, each with its ranks: f7=51 is layer features.7."""
    images, network, few = _given()
    for way, ranks in ways.items():
        by = few if way == "channel_svd" else None
        named = {name.replace("f", "features."): rank for name, rank in ranks.items()}
        network = low_rank.factor(network, way, images.shape, rank=named, images=by)
    return _packed(network, folder)


def wrong_few_weights_left_whole(folder):
    "too_large"
    return _packed(_given()[1], folder)


def wrong_few_weights_the_chapters_plan(folder):
    "too_large"
    images, network, _ = _given()
    return _packed(low_rank.factor(network, "spatial", images.shape, macs=0.2), folder)


def wrong_few_weights_a_plan_by_answers(folder):
    "not_right_often_enough"
    images, network, few = _given()
    smaller = low_rank.factor(network, "channel_svd", images.shape, macs=0.28, images=few)
    return _packed(smaller, folder)


def wrong_few_weights_the_same_energy(folder):
    "not_right_often_enough"
    images, network, few = _given()
    smaller = low_rank.factor(network, "channel_svd", images.shape, energy=0.98, images=few)
    return _packed(smaller, folder)


def wrong_few_weights_by_the_weights(folder):
    "not_right_often_enough"
    images, network, _ = _given()
    ranks = {"features.7": 51, "features.10": 51, "features.14": 51, "features.17": 3}
    return _packed(low_rank.factor(network, "channel_svd", images.shape, rank=ranks), folder)


def wrong_few_weights_a_checkpoint(folder):
    "cannot_be_used"
    path = folder / "06_low_rank.packed"
    torch.save(low_rank.spatial(_given()[1].features[3], 26).state_dict(), path)
    return path


def right_few_weights_answers_behind_a_spatial_layer(folder):
    return _in_steps(
        folder, spatial={"f3": 38}, channel_svd={"f7": 38, "f10": 51, "f14": 51, "f17": 13}
    )


def right_few_weights_fewer_ranks(folder):
    return _in_steps(
        folder, spatial={"f3": 26}, channel_svd={"f7": 45, "f10": 45, "f14": 45, "f17": 13}
    )
