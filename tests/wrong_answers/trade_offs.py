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
    "in_percent"
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


# More of each task before, as others write them.


def wrong_by_genus_species_first_then_genera(given, truth, groups):
    "mean_over_species"
    genus = torch.tensor(groups)
    shares = []
    for g in genus[truth].unique():
        own = [
            (genus[given[truth == s]] == g).double().mean()
            for s in truth.unique()
            if groups[s] == g
        ]
        shares.append(sum(own) / len(own))
    return sum(shares) / len(shares)


def wrong_by_genus_of_all_photos(given, truth, groups):
    "shares_of_all_photos"
    genus = torch.tensor(groups)
    a, b = (genus[given], genus[truth])
    return torch.stack([((a == g) & (b == g)).double().mean() for g in b.unique()]).mean()


def wrong_by_genus_sum_not_mean(given, truth, groups):
    "sum_of_shares"
    genus = torch.tensor(groups)
    a, b = (genus[given], genus[truth])
    return sum((a[b == g] == g).double().mean() for g in b.unique())


def wrong_by_genus_one_against_all(given, truth, groups):
    "one_genus_against_the_rest"
    genus = torch.tensor(groups)
    a, b = (genus[given], genus[truth])
    return torch.stack([((a == g) == (b == g)).double().mean() for g in b.unique()]).mean()


def wrong_by_genus_f1(given, truth, groups):
    "named_and_there_together"
    from sklearn.metrics import f1_score

    genus = np.array(groups)
    return f1_score(genus[truth], genus[given], average="macro", labels=np.unique(genus[truth]))


def wrong_by_genus_iou(given, truth, groups):
    "right_over_named_or_there"
    genus = np.array(groups)
    a, b = (genus[given], genus[truth])
    return np.mean(
        [((a == g) & (b == g)).sum() / ((a == g) | (b == g)).sum() for g in np.unique(b)]
    )


def wrong_by_genus_share_wrong(given, truth, groups):
    "share_of_wrong"
    genus = torch.tensor(groups)
    a, b = (genus[given], genus[truth])
    return torch.stack([(a[b == g] != g).double().mean() for g in b.unique()]).mean()


def wrong_by_genus_worst(given, truth, groups):
    "the_worst_genus"
    genus = torch.tensor(groups)
    a, b = (genus[given], genus[truth])
    return min((a[b == g] == g).double().mean() for g in b.unique())


def wrong_by_genus_named_genera_too(given, truth, groups):
    "absent_as_zero"
    genus = np.array(groups)
    a, b = (genus[given], genus[truth])
    return np.mean([(a[b == g] == g).mean() if (b == g).any() else 0 for g in np.union1d(a, b)])


def wrong_by_genus_weighted_by_count(given, truth, groups):
    "plain_share"
    genus = torch.tensor(groups)
    a, b = (genus[given], genus[truth])
    total = 0
    for g in b.unique():
        mine = b == g
        total += mine.sum() / len(b) * (a[mine] == g).double().mean()
    return total


def wrong_by_genus_divides_by_all_genera(given, truth, groups):
    "absent_as_zero"
    genus = torch.tensor(groups)
    a, b = (genus[given], genus[truth])
    return sum((a[b == g] == g).double().mean() for g in b.unique()) / len(set(groups))


def wrong_by_genus_divides_by_species(given, truth, groups):
    "divided_by_the_species"
    genus = torch.tensor(groups)
    a, b = (genus[given], genus[truth])
    return sum((a[b == g] == g).double().mean() for g in b.unique()) / len(groups)


def wrong_by_genus_median(given, truth, groups):
    "other"
    genus = torch.tensor(groups)
    a, b = (genus[given], genus[truth])
    return np.median([(a[b == g] == g).double().mean().item() for g in b.unique()])


def wrong_by_genus_genus_of_rows(given, truth, groups):
    "not_yet_one_number"
    genus = torch.tensor(groups)
    a, b = (genus[given], genus[truth])
    return [(a[b == g] == g).double().mean().item() for g in b.unique()]


def wrong_by_genus_looked_up_in_the_list(given, truth, groups):
    "raised_TypeError"
    a, b = (groups[given], groups[truth])
    return np.mean([(a[b == g] == g).mean() for g in set(b)])


def right_by_genus_pandas(given, truth, groups):
    import pandas as pd

    g = np.array(groups)
    frame = pd.DataFrame({"right": g[given] == g[truth], "genus": g[truth]})
    return frame.groupby("genus")["right"].mean().mean()


def right_by_genus_balanced_accuracy(given, truth, groups):
    import warnings

    from sklearn.metrics import balanced_accuracy_score

    g = np.array(groups)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return balanced_accuracy_score(g[truth], g[given])


def right_by_genus_one_hot(given, truth, groups):
    one = torch.nn.functional.one_hot(torch.tensor(groups)).double()
    table = one[truth].T @ one[given]
    rows = table.sum(1)
    return (table.diag()[rows > 0] / rows[rows > 0]).mean()


def right_by_genus_loop(given, truth, groups):
    hits, seen = (defaultdict(int), defaultdict(int))
    for name, real in zip(given, truth, strict=False):
        seen[groups[real]] += 1
        if groups[name] == groups[real]:
            hits[groups[real]] += 1
    return sum(hits[g] / seen[g] for g in seen) / len(seen)


def _within(networks, least, most):
    return sorted(((b, a) for a, b in networks if a >= least and b <= most))


def wrong_covered_strips_end_at_the_network(networks, least, most):
    "best_before_its_network"
    area, last = (0, 0)
    best = 0
    for b, a in _within(networks, least, most):
        best = max(best, a)
        area += (best - least) * (b - last)
        last = b
    return area / ((1 - least) * most)


def wrong_covered_strips_end_and_last(networks, least, most):
    "best_before_and_a_last_strip"
    area, last, best = (0, 0, 0)
    for b, a in _within(networks, least, most):
        best = max(best, a - least)
        area += best * (b - last)
        last = b
    area += best * (most - last)
    return area / ((1 - least) * most)


def wrong_covered_first_from_zero(networks, least, most):
    "first_strip_from_nothing"
    them = _within(networks, least, most)
    area = best = 0
    for k, (b, a) in enumerate(them):
        best = max(best, a - least)
        start = 0 if k == 0 else b
        end = them[k + 1][0] if k + 1 < len(them) else most
        area += best * (end - start)
    return area / ((1 - least) * most)


def wrong_covered_divided_by_most(networks, least, most):
    "height_not_divided"
    return right_covered_steps(networks, least, most) * (1 - least)


def wrong_covered_one_box(networks, least, most):
    "one_box"
    them = _within(networks, least, most)
    return (
        (max((a for _, a in them)) - least)
        * (most - min((b for b, _ in them)))
        / ((1 - least) * most)
    )


def wrong_covered_uncovered(networks, least, most):
    "what_is_not_covered"
    return 1 - right_covered_steps(networks, least, most)


def wrong_covered_percent(networks, least, most):
    "in_percent"
    return 100 * right_covered_steps(networks, least, most)


def wrong_covered_only_the_bytes(networks, least, most):
    "too_few_right_kept"
    them = sorted(((b, a) for a, b in networks if b <= most))
    area = 0
    best = -1
    for k, (b, a) in enumerate(them):
        best = max(best, a)
        end = them[k + 1][0] if k + 1 < len(them) else most
        area += (best - least) * (end - b)
    return area / ((1 - least) * most)


def wrong_covered_only_the_share(networks, least, most):
    "too_large_kept"
    them = sorted(((b, a) for a, b in networks if a >= least))
    area = 0
    best = 0
    for k, (b, a) in enumerate(them):
        best = max(best, a - least)
        end = them[k + 1][0] if k + 1 < len(them) else most
        area += best * (end - b)
    return area / ((1 - least) * most)


def wrong_covered_sorted_by_share(networks, least, most):
    "sorted_by_share"
    them = sorted(((a, b) for a, b in networks if a >= least and b <= most))
    area = 0
    for k, (a, b) in enumerate(them):
        end = them[k + 1][1] if k + 1 < len(them) else most
        area += (a - least) * (end - b)
    return area / ((1 - least) * most)


def wrong_covered_in_percent_steps(networks, least, most):
    "other"
    hits = 0
    for x in np.linspace(0, most, 100):
        for y in np.linspace(least, 1, 100):
            hits += any((b <= x and a >= y for a, b in networks if a >= least and b <= most))
    return hits / 100**2


def wrong_covered_at_random(networks, least, most):
    "other"
    rng = np.random.default_rng(0)
    x, y = (rng.uniform(0, most, 20000), rng.uniform(least, 1, 20000))
    hit = np.zeros(20000, bool)
    for a, b in networks:
        if a >= least and b <= most:
            hit |= (b <= x) & (a >= y)
    return hit.mean()


def wrong_covered_neighbours_overlap_only(networks, least, most):
    "neighbours_overlap_alone"
    them = _within(networks, least, most)
    area = sum(((a - least) * (most - b) for b, a in them))
    for (_b1, a1), (b2, a2) in itertools.pairwise(them):
        area -= (min(a1, a2) - least) * (most - b2)
    return area / ((1 - least) * most)


def wrong_covered_mean(networks, least, most):
    "mean_of_rectangles"
    them = _within(networks, least, most)
    return np.mean([(a - least) * (most - b) for b, a in them]) / ((1 - least) * most)


def wrong_covered_swapped(networks, least, most):
    "bytes_and_share_exchanged"
    area, height, start = (0.0, 0.0, 0)
    for size, share in sorted(networks):
        if size <= most and share - least > height:
            area += height * (size - start)
            height, start = (share - least, size)
    return (area + height * (most - start)) / ((1 - least) * most)


def wrong_covered_starts_at_least(networks, least, most):
    "only_what_is_gained_by_the_best"
    area = 0
    best = least
    them = _within(networks, least, most)
    for k, (b, a) in enumerate(them):
        if a > best:
            end = them[k + 1][0] if k + 1 < len(them) else most
            area += (a - best) * (end - b)
            best = a
    return area / ((1 - least) * most)


def right_covered_steps(networks, least, most):
    area = height = start = 0.0
    for share, size in sorted(networks, key=lambda n: n[1]):
        if size <= most and share - least > height:
            area += height * (size - start)
            height, start = (share - least, size)
    return (area + height * (most - start)) / ((1 - least) * most)


def right_covered_gains(networks, least, most):
    best, area = (least, 0.0)
    for b, a in sorted(((b, -a) for a, b in networks)):
        a = -a
        if b <= most and a > best:
            area += (a - best) * (most - b)
            best = a
    return area / (1 - least) / most


def right_covered_numpy(networks, least, most):
    a, b = np.array(networks).T
    keep = (a >= least) & (b <= most)
    a, b = (a[keep], b[keep])
    order = np.argsort(b, kind="stable")
    a, b = (np.maximum.accumulate(a[order]), b[order])
    widths = np.diff(np.append(b, most))
    return np.dot(a - least, widths) / ((1 - least) * most)


def right_covered_cells(networks, least, most):
    xs = sorted({b for _, b in networks if b <= most} | {most})
    ys = sorted({a for a, _ in networks if a >= least} | {least})
    area = 0
    for x0, x1 in itertools.pairwise(xs):
        for y0, y1 in itertools.pairwise(ys):
            if any((b <= x0 and a >= y1 for a, b in networks)):
                area += (x1 - x0) * (y1 - y0)
    return area / ((1 - least) * most)


def right_covered_trapz_steps(networks, least, most):
    them = [(b, a) for a, b in networks if a >= least and b <= most]

    def heights(x):
        return max([a - least for b, a in them if b <= x], default=0)

    cuts = sorted({b for b, _ in them} | {0, most})
    return sum((heights(x) * (y - x) for x, y in itertools.pairwise(cuts))) / ((1 - least) * most)


def wrong_winner_shares_against_points(before, after, sizes, most):
    "shares_beside_points"
    c = after - before
    low = c.mean(1) - 1.96 * c.std(1) / len(before) ** 0.5
    return _named(low >= -most, sizes)


def wrong_winner_lost_and_gained_exchanged(before, after, sizes, most):
    "gained_and_lost_exchanged"
    c = 100 * (before - after)
    low = c.mean(1) - 1.96 * c.std(1) / len(before) ** 0.5
    return _named(low >= -most, sizes)


def wrong_winner_change_either_way(before, after, sizes, most):
    "no_better_allowed"
    c = 100 * (after - before)
    half = 1.96 * c.std(1) / len(before) ** 0.5
    return _named(c.mean(1).abs() + half <= most, sizes)


def wrong_winner_variance(before, after, sizes, most):
    "far_too_wide"
    c = 100 * (after - before)
    return _named(c.mean(1) - 1.96 * c.var(1) / len(before) ** 0.5 >= -most, sizes)


def wrong_winner_without_196(before, after, sizes, most):
    "half_as_wide"
    c = 100 * (after - before)
    return _named(c.mean(1) - c.std(1) / len(before) ** 0.5 >= -most, sizes)


def wrong_winner_spread_not_of_the_mean(before, after, sizes, most):
    "far_too_wide"
    c = 100 * (after - before)
    return _named(c.mean(1) - 1.96 * c.std(1) >= -most, sizes)


def wrong_winner_the_largest(before, after, sizes, most):
    "the_largest"
    c = 100 * (after - before)
    low = c.mean(1) - 1.96 * c.std(1) / len(before) ** 0.5
    them = [n for n in range(len(sizes)) if low[n] >= -most]
    return max(them, key=lambda n: sizes[n], default=None)


def wrong_winner_nan_is_unchanged(before, after, sizes, most):
    "failed_one_wins"
    c = torch.nan_to_num(100 * (after - before))
    low = c.mean(1) - 1.96 * c.std(1) / len(before) ** 0.5
    return _named(low >= -most, sizes)


def wrong_winner_minus_one(before, after, sizes, most):
    "minus_one_for_nobody"
    c = 100 * (after - before)
    low = c.mean(1) - 1.96 * c.std(1) / len(before) ** 0.5
    got = _named(low >= -most, sizes)
    return -1 if got is None else got


def wrong_winner_smallest_or_nobody(before, after, sizes, most):
    "smallest_or_nobody"
    n = int(np.argmin(sizes))
    c = 100 * (after[n] - before)
    return n if c.mean() - 1.96 * c.std() / len(before) ** 0.5 >= -most else None


def wrong_winner_smallest_as_fallback(before, after, sizes, most):
    "smallest_of_all"
    c = 100 * (after - before)
    low = c.mean(1) - 1.96 * c.std(1) / len(before) ** 0.5
    got = _named(low >= -most, sizes)
    return int(np.argmin(sizes)) if got is None else got


def wrong_winner_root_of_the_networks(before, after, sizes, most):
    "far_too_wide"
    c = 100 * (after - before)
    return _named(c.mean(1) - 1.96 * c.std(1) / len(after) ** 0.5 >= -most, sizes)


def wrong_winner_along_the_networks(before, after, sizes, most):
    "mean_over_the_networks"
    change = 100 * (after - before)
    return _named(change.mean(0) - 1.96 * change.std(0) / len(before) ** 0.5 >= -most, sizes)


def wrong_winner_deviation_in_shares(before, after, sizes, most):
    "no_interval"
    c = after - before
    return _named(100 * c.mean(1) - 1.96 * c.std(1) / len(before) ** 0.5 >= -most, sizes)


def wrong_winner_best_lower_end(before, after, sizes, most):
    "the_most_accurate"
    c = 100 * (after - before)
    low = torch.nan_to_num(c.mean(1) - 1.96 * c.std(1) / len(before) ** 0.5, nan=-1000000000.0)
    best = int(low.argmax())
    return best if low[best] >= -most else None


def wrong_winner_all_that_hold(before, after, sizes, most):
    "all_that_hold"
    c = 100 * (after - before)
    low = c.mean(1) - 1.96 * c.std(1) / len(before) ** 0.5
    return [n for n in range(len(sizes)) if low[n] >= -most]


def wrong_winner_most_positive(before, after, sizes, most):
    "gain_asked_for"
    c = 100 * (after - before)
    low = c.mean(1) - 1.96 * c.std(1) / len(before) ** 0.5
    return _named(low >= most, sizes)


def wrong_winner_divides_by_root_twice(before, after, sizes, most):
    "half_as_wide"
    c = 100 * (after - before)
    error = c.std(1) / len(before) ** 0.5
    return _named(c.mean(1) - 1.96 * error / 2 >= -most, sizes)


def right_winner_torch(before, after, sizes, most):
    change = 100 * (after - before)
    low = change.mean(1) - 1.96 * change.std(1) / before.numel() ** 0.5
    masked = torch.where(low >= -most, torch.tensor(sizes, dtype=torch.float), torch.inf)
    best = masked.argmin()
    return None if masked[best].isinf() else best.item()


def right_winner_sorted(before, after, sizes, most):
    for n in np.argsort(sizes):
        c = 100 * (after[n] - before)
        if c.isnan().any():
            continue
        if c.mean() - 1.96 * c.std() / math.sqrt(c.numel()) >= -most:
            return int(n)


def right_winner_enumerate(before, after, sizes, most):
    best, bytes_ = (None, math.inf)
    for i, (row, size) in enumerate(zip(after, sizes, strict=False)):
        d = (row - before) * 100
        if (d.mean() - 1.96 * d.std() / len(d) ** 0.5).item() >= -most and size < bytes_:
            best, bytes_ = (i, size)
    return best


def right_winner_scipy(before, after, sizes, most):
    from scipy import stats

    c = 100 * (after - before).numpy()
    low = c.mean(1) - 1.96 * stats.sem(c, axis=1)
    ok = np.flatnonzero(low >= -most)
    return ok[np.argmin(np.array(sizes)[ok])] if len(ok) else None


def _seconds(layers, batch, bits, mps, bps, macs=None, moved=None, combine=max):
    total = 0.0
    for o, i in layers:
        m = batch * o * i if macs is None else macs(o, i)
        b = o * i * bits / 8 + 4 * batch * (o + i) if moved is None else moved(o, i)
        total += combine(m / mps, b / bps)
    return total


def wrong_least_seconds_outputs_forgotten(layers, batch, bits, mps, bps):
    "outputs_forgotten"
    return _seconds(
        layers, batch, bits, mps, bps, moved=lambda o, i: o * i * bits / 8 + 4 * batch * i
    )


def wrong_least_seconds_inputs_forgotten(layers, batch, bits, mps, bps):
    "inputs_forgotten"
    return _seconds(
        layers, batch, bits, mps, bps, moved=lambda o, i: o * i * bits / 8 + 4 * batch * o
    )


def wrong_least_seconds_flows_of_one_image(layers, batch, bits, mps, bps):
    "inputs_of_one_image"
    return _seconds(
        layers, batch, bits, mps, bps, moved=lambda o, i: o * i * bits / 8 + 4 * (o + i)
    )


def wrong_least_seconds_whole_bytes_a_weight(layers, batch, bits, mps, bps):
    "whole_bytes_for_each_weight"
    return _seconds(
        layers, batch, bits, mps, bps, moved=lambda o, i: o * i * (bits // 8) + 4 * batch * (o + i)
    )


def wrong_least_seconds_flows_a_byte_each(layers, batch, bits, mps, bps):
    "a_byte_for_each_number"
    return _seconds(
        layers, batch, bits, mps, bps, moved=lambda o, i: o * i * bits / 8 + batch * (o + i)
    )


def wrong_least_seconds_flows_in_bits_again(layers, batch, bits, mps, bps):
    "bits_of_what_flows"
    return _seconds(
        layers, batch, bits, mps, bps, moved=lambda o, i: o * i * bits / 8 + 32 * batch * (o + i)
    )


def wrong_least_seconds_weights_in_float32(layers, batch, bits, mps, bps):
    "weights_in_float32"
    return _seconds(
        layers, batch, bits, mps, bps, moved=lambda o, i: 4 * o * i + 4 * batch * (o + i)
    )


def wrong_least_seconds_slowest_layer(layers, batch, bits, mps, bps):
    "the_slowest_layer"
    return max(_seconds([each], batch, bits, mps, bps) for each in layers)


def wrong_least_seconds_for_one_image(layers, batch, bits, mps, bps):
    "for_each_image"
    return _seconds(layers, batch, bits, mps, bps) / batch


def wrong_least_seconds_mean_of_both(layers, batch, bits, mps, bps):
    "mean_of_the_two"
    return _seconds(layers, batch, bits, mps, bps, combine=lambda a, b: (a + b) / 2)


def wrong_least_seconds_arithmetic_alone(layers, batch, bits, mps, bps):
    "arithmetic_alone"
    return _seconds(layers, batch, bits, mps, bps, combine=lambda a, b: a)


def wrong_least_seconds_memory_alone(layers, batch, bits, mps, bps):
    "macs_of_one_image"
    return _seconds(layers, batch, bits, mps, bps, combine=lambda a, b: b)


def wrong_least_seconds_everything_once_a_batch(layers, batch, bits, mps, bps):
    "weights_for_each_image"
    return batch * _seconds(layers, 1, bits, mps, bps)


def wrong_least_seconds_passed_on(layers, batch, bits, mps, bps):
    "moved_once_between_layers"
    total = 0.0
    for n, (o, i) in enumerate(layers):
        flows = (i if n == 0 else 0) + o
        total += max(batch * o * i / mps, (o * i * bits / 8 + 4 * batch * flows) / bps)
    return total


def wrong_least_seconds_milliseconds(layers, batch, bits, mps, bps):
    "in_milliseconds"
    return 1000 * _seconds(layers, batch, bits, mps, bps)


def wrong_least_seconds_with_biases(layers, batch, bits, mps, bps):
    "other"
    return _seconds(
        layers,
        batch,
        bits,
        mps,
        bps,
        moved=lambda o, i: o * i * bits / 8 + 4 * o + 4 * batch * (o + i),
    )


def wrong_least_seconds_roof_speed_wrong(layers, batch, bits, mps, bps):
    "the_faster_of_the_two"
    total = 0
    for o, i in layers:
        m = batch * o * i
        b = o * i * bits / 8 + 4 * batch * (o + i)
        total += m / max(mps, m / b * bps)
    return total


def wrong_least_seconds_bytes_over_macs(layers, batch, bits, mps, bps):
    "other"
    total = 0
    for o, i in layers:
        m = batch * o * i
        b = o * i * bits / 8 + 4 * batch * (o + i)
        total += m / min(mps, b / m * bps)
    return total


def right_least_seconds_numpy(layers, batch, bits, mps, bps):
    o, i = np.array(layers, float).T
    return np.maximum(batch * o * i / mps, (o * i * bits / 8 + 4 * batch * (o + i)) / bps).sum()


def right_least_seconds_torch(layers, batch, bits, mps, bps):
    t = torch.tensor(layers, dtype=torch.float64)
    macs = t.prod(1)
    moved = macs * bits / 8 + t.sum(1) * batch * 4
    return torch.stack([macs * batch / mps, moved / bps]).amax(0).sum()


def right_least_seconds_roof(layers, batch, bits, mps, bps):
    total = 0
    for o, i in layers:
        m = batch * o * i
        b = o * i * bits / 8 + 4 * batch * (o + i)
        total += m / min(mps, m / b * bps)
    return total


def right_least_seconds_ridge(layers, batch, bits, mps, bps):
    ridge, s = (mps / bps, 0.0)
    for o, i in layers:
        m, b = (batch * o * i, (o * i * bits + 32 * batch * (o + i)) / 8)
        s += m / mps if m / b > ridge else b / bps
    return [s]


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
