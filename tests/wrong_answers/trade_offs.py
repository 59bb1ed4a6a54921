"""Exercise 08: what learners write. wrong_TASK_...: rejected, and its hint holds the docstring.

right_TASK_...: another way to do it, accepted.
"""

import functools
import itertools
import math
from collections import Counter, defaultdict
from statistics import mean, stdev

import numpy as np
import torch
from onnx import load_from_string, numpy_helper

from course_lib import data, engines, packing, recipe, recorded, roofline, scorecard

# by_genus


def wrong_by_genus_as_in_the_chapter(given, truth, groups):
    "plain_share"
    genus = torch.tensor(groups)
    return (genus[given] == genus[truth]).double().mean().item()


def wrong_by_genus_forgot_the_groups(given, truth, groups):
    "share_of_species"
    return np.mean(given.numpy() == truth.numpy())


def wrong_by_genus_balanced_over_species(given, truth, groups):
    "balanced_species"
    shares = []
    for species in range(12):
        mine = truth == species
        if mine.any():
            shares.append((given[mine] == species).float().mean())
    return sum(shares) / len(shares)


def wrong_by_genus_compares_species(given, truth, groups):
    "species_within_genera"
    right, seen = Counter(), Counter()
    for g, t in zip(given.tolist(), truth.tolist(), strict=True):
        right[groups[t]] += g == t
        seen[groups[t]] += 1
    return mean(right[genus] / seen[genus] for genus in seen)


def wrong_by_genus_a_share_for_each_species(given, truth, groups):
    "mean_over_species"
    genus = np.array(groups)
    right = genus[given] == genus[truth]
    return np.mean([right[truth == s].mean() for s in np.unique(truth)])


def wrong_by_genus_precision(given, truth, groups):
    "of_the_names_given"
    genus = np.array(groups)
    given, truth = genus[given], genus[truth]
    return np.mean([(truth[given == g] == g).mean() for g in np.unique(given)])


def wrong_by_genus_table_with_empty_rows(given, truth, groups):
    "absent_as_zero"
    count = max(groups) + 1
    table = torch.zeros(count, count)
    for g, t in zip(given.tolist(), truth.tolist(), strict=True):
        table[groups[t], groups[g]] += 1
    return (table.diagonal() / table.sum(1).clamp(min=1)).mean()


def wrong_by_genus_nan(given, truth, groups):
    "absent_divided"
    genus = torch.tensor(groups)
    given, truth = genus[given], genus[truth]
    return torch.stack([(given[truth == g] == g).float().mean() for g in range(4)]).mean()


def wrong_by_genus_divides_by_zero(given, truth, groups):
    "raised_ZeroDivisionError"
    shares = []
    for genus in sorted(set(groups)):
        mine = [groups[g] == genus for g, t in zip(given, truth, strict=True) if groups[t] == genus]
        shares.append(sum(mine) / len(mine))
    return sum(shares) / len(shares)


def wrong_by_genus_hard_coded(given, truth, groups):
    "always_the_same"
    return 0.95


def wrong_by_genus_in_place(given, truth, groups):
    "changed_its_input"
    for place in range(len(truth)):
        truth[place] = groups[truth[place]]
        given[place] = groups[given[place]]
    return mean(float((given[truth == g] == g).double().mean()) for g in truth.unique())


def wrong_by_genus_in_percent(given, truth, groups):
    "other"
    return 100 * right_by_genus_by_a_table(given, truth, groups)


def right_by_genus_by_a_table(given, truth, groups):
    genus = np.array(groups)
    table = np.zeros((4, 4))
    np.add.at(table, (genus[truth], genus[given]), 1)
    table = table[table.sum(1) > 0]
    places = np.unique(genus[truth])
    return np.mean([row[g] / row.sum() for row, g in zip(table, places, strict=True)])


def right_by_genus_by_dictionaries(given, truth, groups):
    found = defaultdict(list)
    for g, t in zip(given.tolist(), truth.tolist(), strict=True):
        found[groups[t]].append(groups[g] == groups[t])
    return mean(sum(right) / len(right) for right in found.values())


def right_by_genus_by_a_library(given, truth, groups):
    from sklearn.metrics import recall_score

    genus = np.array(groups)
    there = np.unique(genus[truth])
    return recall_score(genus[truth], genus[given], labels=there, average="macro")


def right_by_genus_weighted(given, truth, groups):
    genus = torch.tensor(groups)
    given, truth = genus[given], genus[truth]
    counts = truth.bincount(minlength=4)
    weights = 1 / counts[truth].double()
    return (weights * (given == truth)).sum() / (counts > 0).sum()


# covered


def wrong_covered_adds_all(networks, least, most):
    "overlaps_counted_twice"
    area = 0
    for share, size in networks:
        area += max(0, share - least) * max(0, most - size)
    return area / ((1 - least) * most)


def wrong_covered_the_best_one(networks, least, most):
    "the_largest_alone"
    areas = [max(0, share - least) * max(0, most - size) for share, size in networks]
    return max(areas) / ((1 - least) * most)


def wrong_covered_forgot_the_front(networks, least, most):
    "beaten_ones_kept"
    inside = sorted((b, a) for a, b in networks if a >= least and b <= most)
    ends = [b for b, _ in inside[1:]] + [most]
    area = sum((a - least) * (end - b) for (b, a), end in zip(inside, ends, strict=True))
    return area / most / (1 - least)


def _front(points):
    """The chapter's, for points in which less is better."""
    return [
        p
        for p in points
        if not any(all(a <= b for a, b in zip(q, p, strict=True)) and q != p for q in points)
    ]


def wrong_covered_in_the_given_order(networks, least, most):
    "not_sorted"
    front = _front([(-a, b) for a, b in networks if a >= least and b <= most])
    front = list(dict.fromkeys(front))
    area = 0
    for place, (a, b) in enumerate(front):
        end = front[place + 1][1] if place + 1 < len(front) else most
        area += (-a - least) * (end - b)
    return area / ((1 - least) * most)


def wrong_covered_without_limits(networks, least, most):
    "beyond_the_limits"
    front = sorted((b, -a) for a, b in set(_front([(-a, b) for a, b in networks])))
    sizes = np.array([b for b, _ in front] + [most])
    heights = np.array([a for _, a in front]) - least
    return (np.diff(sizes) * heights).sum() / ((1 - least) * most)


def wrong_covered_between_networks_alone(networks, least, most):
    "without_the_last_strip"
    inside = sorted((b, a) for a, b in networks if a >= least and b <= most)
    area, best = 0.0, 0.0
    for (b, a), (end, _) in itertools.pairwise(inside):
        best = max(best, a)
        area += (best - least) * (end - b)
    return area / ((1 - least) * most)


def wrong_covered_by_the_larger_one(networks, least, most):
    "the_next_ones_height"
    front = sorted({(b, -a) for a, b in _front([(-a, b) for a, b in networks
                                                if a >= least and b <= most])})  # fmt: skip
    area = (front[-1][1] - least) * (most - front[-1][0])
    for (b, _), (end, a) in itertools.pairwise(front):
        area += (a - least) * (end - b)
    return area / ((1 - least) * most)


def wrong_covered_by_trapezoids(networks, least, most):
    "straight_lines"
    front = sorted({(b, -a) for a, b in _front([(-a, b) for a, b in networks
                                                if a >= least and b <= most])})  # fmt: skip
    front.append((most, front[-1][1]))
    sizes, heights = np.array(front).T
    return np.trapezoid(heights - least, sizes) / ((1 - least) * most)


def wrong_covered_not_as_a_share(networks, least, most):
    "in_bytes"
    return right_covered_in_strips(networks, least, most) * (1 - least) * most


def wrong_covered_from_zero(networks, least, most):
    "above_zero"
    inside = sorted((b, a) for a, b in networks if a >= least and b <= most)
    area, best = 0.0, 0.0
    for place, (b, a) in enumerate(inside):
        best = max(best, a)
        area += best * ([*inside, (most, 0)][place + 1][0] - b)
    return area / most


def wrong_covered_by_optuna(networks, least, most):
    "borrowed"
    from optuna._hypervolume import compute_hypervolume

    points = np.array([(b, -a) for a, b in networks if a >= least and b <= most], dtype=float)
    area = compute_hypervolume(points, np.array([most, -least]))
    return area / ((1 - least) * most)


def wrong_covered_sorts_in_place(networks, least, most):
    "changed_its_input"
    networks.sort(key=lambda each: each[1])
    return right_covered_in_strips(networks, least, most)


def wrong_covered_the_front_itself(networks, least, most):
    "other"
    return _front([(-a, b) for a, b in networks])


def wrong_covered_counts_networks(networks, least, most):
    "other"
    return sum(a >= least and b <= most for a, b in networks) / len(networks)


def right_covered_in_strips(networks, least, most):
    inside = sorted((b, a) for a, b in networks if a >= least and b <= most)
    area = best = 0
    for place, (b, a) in enumerate(inside):
        best = max(best, a - least)
        end = inside[place + 1][0] if place + 1 < len(inside) else most
        area += best * (end - b)
    return area / ((1 - least) * most)


def right_covered_byte_by_byte(networks, least, most):
    heights = np.full(most, least)
    for share, size in networks:
        if size < most:
            heights[size:] = np.maximum(heights[size:], share)
    return torch.tensor(heights - least).mean() / (1 - least)


def right_covered_from_above(networks, least, most):
    area, end = 0.0, most
    for share, size in sorted(networks, reverse=True):
        if share > least and size < end:
            area += (share - least) * (end - size)
            end = size
    return [area / (1 - least) / most]


# winner


def _named(holds, sizes):
    best = None
    for number in range(len(sizes)):
        if holds[number] and (best is None or sizes[number] < sizes[best]):
            best = number
    return best


def wrong_winner_as_given(before, after, sizes, most):
    "as_given"
    change = 100 * (after - before)
    half = 1.96 * change.std(dim=1) / len(before)
    end = change.mean(dim=1) + half
    best = None
    for number, size in enumerate(sizes):
        if end[number] < -most:
            continue
        if best is None or size < sizes[best]:
            best = number
    return best


def wrong_winner_root_alone(before, after, sizes, most):
    "optimistic_end"
    change = 100 * (after - before)
    half = 1.96 * change.std(dim=1) / math.sqrt(len(before))
    return _named([not end < -most for end in change.mean(dim=1) + half], sizes)


def wrong_winner_optimistic_without_failures(before, after, sizes, most):
    "optimistic_end"
    change = 100 * (after - before).numpy()
    half = 1.96 * change.std(axis=1) / len(before) ** 0.5
    return _named(change.mean(axis=1) + half >= -most, sizes)


def wrong_winner_sign_alone(before, after, sizes, most):
    "far_too_narrow"
    change = 100 * (after - before)
    half = 1.96 * change.std(dim=1) / len(before)
    return _named([not end < -most for end in change.mean(dim=1) - half], sizes)


def wrong_winner_failures_forgotten(before, after, sizes, most):
    "failed_one_wins"
    change = 100 * (after - before)
    half = 1.96 * change.std(dim=1) / len(before) ** 0.5
    return _named([not end < -most for end in change.mean(dim=1) - half], sizes)


def wrong_winner_on_these_images(before, after, sizes, most):
    "no_interval"
    lost = 100 * (before.mean() - after.mean(dim=1))
    return _named(lost < most, sizes)


def wrong_winner_by_two_accuracies(before, after, sizes, most):
    "two_intervals"
    old, new, count = before.mean(), after.mean(1), len(before)
    error = (old * (1 - old) / count + new * (1 - new) / count) ** 0.5
    return _named(100 * (new - old - 1.96 * error) > -most, sizes)


def wrong_winner_takes_the_first(before, after, sizes, most):
    "the_first_that_holds"
    for number, row in enumerate(after):
        if scorecard.paired(before.bool(), row == 1).low >= -most:
            return number
    return None


def wrong_winner_most_accurate(before, after, sizes, most):
    "the_most_accurate"
    change = 100 * (after - before)
    low = change.mean(1) - 1.96 * change.std(1) / len(before) ** 0.5
    held = [n for n in range(len(sizes)) if low[n] >= -most]
    return max(held, key=lambda n: after[n].sum()) if held else None


def wrong_winner_wilson_beside_the_original(before, after, sizes, most):
    "two_intervals"
    low = [
        scorecard.wilson(int(row.nansum()), len(row))[0] - before.mean() if not row.isnan().any()
        else -1
        for row in after
    ]  # fmt: skip
    return _named([100 * end >= -most for end in low], sizes)


def wrong_winner_returns_the_bytes(before, after, sizes, most):
    "its_size"
    change = 100 * (after - before)
    low = change.mean(1) - 1.96 * change.std(1) / len(before) ** 0.5
    held = [size for size, end in zip(sizes, low, strict=True) if end >= -most]
    return min(held) if held else None


def wrong_winner_counts_anew(before, after, sizes, most):
    "place_among_those_left"
    change = 100 * (after - before)
    low = change.mean(1) - 1.96 * change.std(1) / len(before) ** 0.5
    held = [size for size, end in zip(sizes, low, strict=True) if end >= -most]
    return int(np.argmin(held)) if held else None


def wrong_winner_nobody_holds(before, after, sizes, most):
    "raised_ValueError"
    change = 100 * (after - before)
    low = change.mean(1) - 1.96 * change.std(1) / len(before) ** 0.5
    return min((n for n in range(len(sizes)) if low[n] >= -most), key=lambda n: sizes[n])


def wrong_winner_failures_as_zeros(before, after, sizes, most):
    "changed_its_input"
    after[after.isnan()] = 0
    return right_winner_in_numpy(before, after, sizes, most)


def wrong_winner_always_one(before, after, sizes, most):
    "always_the_same"
    return 1


def right_winner_in_numpy(before, after, sizes, most):
    change = np.nan_to_num(100 * (after - before).numpy().astype(np.float64), nan=-100)
    low = change.mean(1) - 1.96 * change.std(1, ddof=1) / np.sqrt(change.shape[1])
    bytes_ = np.where(low >= -most, sizes, np.inf)
    return None if np.isinf(bytes_).all() else np.argmin(bytes_)


def right_winner_in_plain_python(before, after, sizes, most):
    for size, number in sorted((size, number) for number, size in enumerate(sizes)):
        del size
        change = [
            100 * (a - b) for a, b in zip(after[number].tolist(), before.tolist(), strict=True)
        ]
        if any(math.isnan(one) for one in change):
            continue
        if mean(change) - 1.96 * stdev(change) / math.sqrt(len(change)) >= -most:
            return number
    return None


def right_winner_without_failures_first(before, after, sizes, most):
    answered = {n: row - before for n, row in enumerate(after) if not row.isnan().any()}
    low = {n: 100 * (c.mean() - 2 * c.std(correction=0) / c.numel() ** 0.5)
           for n, c in answered.items()}  # fmt: skip
    return next((n for n in sorted(low, key=lambda n: sizes[n]) if low[n] >= -most), None)


def right_winner_by_another_interval(before, after, sizes, most):
    low = [
        scorecard.paired(before.bool(), row.bool()).low if not row.isnan().any() else -math.inf
        for row in after
    ]
    return _named(torch.tensor(low) >= -most, sizes)


# my_luck

wrong_my_luck_the_accuracy = 98.5
wrong_my_luck_with_unit = "1.5 points"
wrong_my_luck_negative = -1
wrong_my_luck_nan = math.nan
wrong_my_luck_a_list = [1, 2]
wrong_my_luck_yes = True
right_my_luck_none_at_all = 0
right_my_luck_near = np.float64(1.6)


# least_seconds


def wrong_least_seconds_all_at_once(layers, batch, bits, macs_per_second, bytes_per_second):
    "roof_of_the_whole"
    weights = sum(o * i for o, i in layers)
    flows = sum(o + i for o, i in layers)
    moved = weights * bits / 8 + 4 * batch * flows
    return max(batch * weights / macs_per_second, moved / bytes_per_second)


def wrong_least_seconds_adds(layers, batch, bits, macs_per_second, bytes_per_second):
    "one_after_the_other"
    total = 0
    for outputs, inputs in layers:
        total += batch * outputs * inputs / macs_per_second
        total += (outputs * inputs * bits / 8 + 4 * batch * (outputs + inputs)) / bytes_per_second
    return total


def wrong_least_seconds_min(layers, batch, bits, macs_per_second, bytes_per_second):
    "the_faster_of_the_two"
    o, i = np.array(layers).T
    macs = batch * o * i
    moved = o * i * bits / 8 + 4 * batch * (o + i)
    return np.minimum(macs / macs_per_second, moved / bytes_per_second).sum()


def wrong_least_seconds_image_by_image(layers, batch, bits, macs_per_second, bytes_per_second):
    "weights_for_each_image"
    once = right_least_seconds_by_the_roof(layers, 1, bits, macs_per_second, bytes_per_second)
    return batch * once


def wrong_least_seconds_weights_alone(layers, batch, bits, macs_per_second, bytes_per_second):
    "weights_alone"
    return sum(
        max(batch * o * i / macs_per_second, o * i * bits / 8 / bytes_per_second) for o, i in layers
    )


def wrong_least_seconds_in_bits(layers, batch, bits, macs_per_second, bytes_per_second):
    "bits_taken_for_bytes"
    return right_least_seconds_by_the_roof(
        layers, batch, 8 * bits, macs_per_second, bytes_per_second
    )


def wrong_least_seconds_flows_in_bits(layers, batch, bits, macs_per_second, bytes_per_second):
    "everything_in_bits"
    seconds = 0
    for o, i in layers:
        moved = (o * i + batch * o + batch * i) * bits / 8
        seconds += max(batch * o * i / macs_per_second, moved / bytes_per_second)
    return seconds


def wrong_least_seconds_forgot_the_batch(layers, batch, bits, macs_per_second, bytes_per_second):
    "one_image"
    return right_least_seconds_by_the_roof(layers, 1, bits, macs_per_second, bytes_per_second)


def wrong_least_seconds_batch_of_bytes_alone(
    layers, batch, bits, macs_per_second, bytes_per_second
):
    "macs_of_one_image"
    return sum(
        max(o * i / macs_per_second, (o * i * bits / 8 + 4 * batch * (o + i)) / bytes_per_second)
        for o, i in layers
    )


def wrong_least_seconds_in_operations(layers, batch, bits, macs_per_second, bytes_per_second):
    "two_for_one"
    seconds = []
    for o, i in layers:
        moved = o * i * bits // 8 + (i + o) * batch * 4
        seconds.append(max(2 * o * i * batch / macs_per_second, moved / bytes_per_second))
    return np.sum(seconds)


def wrong_least_seconds_always_convolutions(layers, batch, bits, macs_per_second, bytes_per_second):
    "raised_ValueError"
    return sum(o * i * h * w * batch / macs_per_second for o, i, h, w in layers)


def wrong_least_seconds_bytes_a_second(layers, batch, bits, macs_per_second, bytes_per_second):
    "other"
    return sum(
        max(batch * o * i / bytes_per_second, (o * i * bits / 8) / macs_per_second)
        for o, i in layers
    )


def right_least_seconds_by_the_roof(layers, batch, bits, macs_per_second, bytes_per_second):
    roof = roofline.Roof(macs_per_second, bytes_per_second)
    seconds = 0.0
    for outputs, inputs in layers:
        macs = batch * outputs * inputs
        moved = outputs * inputs * bits / 8 + 4 * batch * (inputs + outputs)
        seconds += macs / roof.reachable(macs / moved)
    return seconds


def right_least_seconds_by_what_limits(layers, batch, bits, macs_per_second, bytes_per_second):
    ridge = macs_per_second / bytes_per_second
    times = []
    for out, inp in layers:
        moved = (out * inp * bits + 32 * batch * (out + inp)) / 8
        intensity = batch * out * inp / moved
        if intensity > ridge:
            times.append(batch * out * inp / macs_per_second)
        else:
            times.append(moved / bytes_per_second)
    return math.fsum(times)


def right_least_seconds_in_tensors(layers, batch, bits, macs_per_second, bytes_per_second):
    o, i = torch.tensor(layers, dtype=torch.float64).T
    weights = o * i
    busy = batch * weights / macs_per_second
    fetching = (weights * bits / 8 + 4 * batch * (o + i)) / bytes_per_second
    return torch.maximum(busy, fetching).sum()


# squeezed: what the learner's cell leaves in the folder


@functools.cache
def _start():
    return packing.load(recorded.FOLDER / "search" / "6.packed")


def _packed(folder, shares, biases=1, number=6):
    """The search's network with so many of each layer's ones gone, spread evenly."""
    start = packing.load(recorded.FOLDER / "search" / f"{number}.packed")
    model = load_from_string(start.content)
    left = list(shares)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor).copy()
        if array.dtype == np.int8 and array.ndim > 1:
            share = left.pop(0)
            for row in array.reshape(len(array), -1):
                ones = np.flatnonzero(np.abs(row) == 1)
                count = round(share * len(ones))
                if count:
                    row[ones[np.linspace(0, len(ones) - 1, count).round().astype(int)]] = 0
        elif array.dtype == np.int32 and array.ndim:
            array = (np.rint(array / biases) * biases).astype(np.int32)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    small = engines.Onnx(model.SerializeToString(), None, start.shape, "int8")
    return packing.save(small, folder / "08_trade_offs.packed")


def wrong_squeezed_the_winner_itself(folder):
    "too_large"
    return packing.save(_start(), folder / "08_trade_offs.packed")


def wrong_squeezed_the_same_everywhere(folder):
    "not_right_often_enough"
    return _packed(folder, [0.3] * 7)


def wrong_squeezed_biases_alone(folder):
    "too_large"
    return _packed(folder, [0] * 7, biases=64)


def wrong_squeezed_the_last_layer_empty(folder):
    "not_right_often_enough"
    return _packed(folder, [0, 0, 0, 0, 0, 1, 0])


def wrong_squeezed_from_the_ladder(folder):
    "not_right_often_enough"
    content = (recorded.FOLDER / "ladder" / "0.4-2.packed").read_bytes()
    return packing.write(folder / "08_trade_offs.packed", content)


def wrong_squeezed_chapter_07s(folder):
    "too_large"
    content = recipe.packed_file(data.load("leaves")).read_bytes()
    return packing.write(folder / "08_trade_offs.packed", content)


def wrong_squeezed_no_packed_file(folder):
    "cannot_be_used"
    path = folder / "08_trade_offs.packed"
    path.write_bytes(_start().content[:5000])
    return path


def right_squeezed_the_late_layers(folder):
    return _packed(folder, [0, 0, 0, 0.3, 0.3, 0.4, 0], biases=32)


def right_squeezed_the_last_most(folder):
    return _packed(folder, [0, 0, 0, 0.3, 0.3, 0.5, 0], biases=32)
