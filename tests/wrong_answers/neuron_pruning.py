"""Exercise 02: what learners write. wrong_TASK_...: rejected, and its hint holds the docstring.

right_TASK_...: another way to do it, accepted.
"""

import copy
import dataclasses
import functools
import math

import numpy as np
import torch
from torch import nn

from course_lib import channels, data, engines, models, neuron_pruning, packing, training

# stays


def wrong_stays_the_chapters_line(importance, fraction, multiple):
    "multiple_forgotten"
    order = importance.argsort()
    return order[round(fraction * len(order)) :].sort().values


def wrong_stays_by_the_library(importance, fraction, multiple):
    "multiple_forgotten"
    [gone] = neuron_pruning.choose({"conv": importance}, fraction).values()
    return [n for n in range(len(importance)) if n not in gone]


def wrong_stays_whole_eights_only(importance, fraction, multiple):
    "rounded_down"
    count = int((1 - fraction) * len(importance)) // multiple * multiple
    return importance.topk(count).indices.sort().values.tolist()


def wrong_stays_nearest(importance, fraction, multiple):
    "nearest_multiple"
    count = multiple * round((1 - fraction) * len(importance) / multiple)
    return sorted(importance.argsort(descending=True)[:count].tolist())


def wrong_stays_plus_one(importance, fraction, multiple):
    "always_one_more"
    count = (int((1 - fraction) * len(importance)) // multiple + 1) * multiple
    return sorted(importance.argsort(descending=True)[:count].tolist())


def wrong_stays_int_first(importance, fraction, multiple):
    "half_channels_cut_off"
    count = int(len(importance) - fraction * len(importance))
    while count % multiple:
        count += 1
    return sorted(importance.argsort(descending=True)[:count].tolist())


def wrong_stays_removes_by_eights(importance, fraction, multiple):
    "what_goes_is_rounded"
    gone = math.ceil(fraction * len(importance) / multiple) * multiple
    return np.sort(np.argsort(importance.numpy())[gone:])


def wrong_stays_the_weakest(importance, fraction, multiple):
    "the_least_important"
    count = math.ceil((1 - fraction) * len(importance) / multiple) * multiple
    return sorted(importance.argsort()[:count].tolist())


def wrong_stays_names_what_goes(importance, fraction, multiple):
    "those_that_go"
    count = min(math.ceil((1 - fraction) * len(importance) / multiple) * multiple, len(importance))
    return sorted(importance.argsort()[: len(importance) - count].tolist())


def wrong_stays_unsorted(importance, fraction, multiple):
    "in_order_of_importance"
    count = min(math.ceil((1 - fraction) * len(importance) / multiple) * multiple, len(importance))
    return importance.argsort()[len(importance) - count :]


def wrong_stays_negative_start(importance, fraction, multiple):
    "counted_from_the_end"
    count = math.ceil((1 - fraction) * len(importance) / multiple) * multiple
    return importance.argsort()[len(importance) - count :].sort().values


def wrong_stays_topk_of_too_many(importance, fraction, multiple):
    "raised_RuntimeError"
    count = math.ceil((1 - fraction) * len(importance) / multiple) * multiple
    return importance.topk(count).indices.sort().values


def wrong_stays_the_count_alone(importance, fraction, multiple):
    "other"
    count = math.ceil((1 - fraction) * len(importance) / multiple) * multiple
    return min(count, len(importance))


def wrong_stays_sorts_in_place(importance, fraction, multiple):
    "changed_its_input"
    count = math.ceil((1 - fraction) * len(importance) / multiple) * multiple
    least = sorted(importance.tolist())[-min(count, len(importance))]
    importance[importance < least] = 0
    return importance.nonzero()[:, 0]


def wrong_stays_hard_coded(importance, fraction, multiple):
    "always_the_same"
    return list(range(40))


def wrong_stays_as_a_mask(importance, fraction, multiple):
    "other"
    count = math.ceil((1 - fraction) * len(importance) / multiple) * multiple
    return importance >= importance.sort(descending=True).values[:count].min()


def right_stays_one_after_the_other(importance, fraction, multiple):
    gone = []
    while True:
        rest = [n for n in range(len(importance)) if n not in gone]
        fewer = len(rest) - 1
        wanted = (1 - fraction) * len(importance)
        lower = max((m for m in range(0, 1000, multiple) if m <= fewer), default=0)
        if lower < wanted:
            return rest
        gone += sorted(rest, key=lambda n: float(importance[n]))[: len(rest) - lower]


def right_stays_in_numpy(importance, fraction, multiple):
    values = np.asarray(importance)
    count = int(-(-(1 - fraction) * len(values) // multiple) * multiple)
    return np.sort(np.argsort(-values)[:count])


def right_stays_by_a_mask(importance, fraction, multiple):
    count = min(multiple * math.ceil(len(importance) * (1 - fraction) / multiple), len(importance))
    mask = torch.zeros(len(importance), dtype=torch.bool)
    mask[importance.topk(count).indices] = True
    return tuple(mask.nonzero().flatten().tolist())


def _count(importance, fraction, multiple):
    return min(math.ceil((1 - fraction) * len(importance) / multiple) * multiple, len(importance))


def _most(importance, count):
    return sorted(importance.argsort(descending=True)[:count].tolist())


def wrong_stays_whole_before_and_below(importance, fraction, multiple):
    "rounded_down"
    count = int(len(importance) * (1 - fraction))
    return _most(importance, count // multiple * multiple)


def wrong_stays_rounded_by_int(importance, fraction, multiple):
    "multiple_forgotten_below"
    return _most(importance, int(len(importance) * (1 - fraction)))


def wrong_stays_rounded_up_to_one(importance, fraction, multiple):
    "multiple_forgotten_above"
    return _most(importance, math.ceil(len(importance) * (1 - fraction)))


def wrong_stays_above_the_quantile(importance, fraction, multiple):
    "multiple_forgotten"
    least = float(importance.quantile(fraction))
    return [number for number, value in enumerate(importance.tolist()) if value > least]


def wrong_stays_the_share_that_goes(importance, fraction, multiple):
    "fraction_stays"
    return _most(importance, math.ceil(fraction * len(importance) / multiple) * multiple)


def wrong_stays_whole_eights_go(importance, fraction, multiple):
    "what_goes_is_rounded_down"
    gone = int(fraction * len(importance)) // multiple * multiple
    return sorted(importance.argsort()[gone:].tolist())


def wrong_stays_sorted_before_it_is_cut(importance, fraction, multiple):
    "the_first"
    order = importance.argsort(descending=True).sort().values
    return order[: _count(importance, fraction, multiple)]


def wrong_stays_what_sort_gives_first(importance, fraction, multiple):
    "the_values"
    values, _ = importance.sort(descending=True)
    return values[: _count(importance, fraction, multiple)].tolist()


def wrong_stays_ranked_twice(importance, fraction, multiple):
    "places_in_the_ranking"
    ranks = importance.argsort(descending=True).argsort()
    return ranks[: _count(importance, fraction, multiple)]


def wrong_stays_eight_whatever_is_asked(importance, fraction, multiple):
    "always_eights"
    return _most(importance, math.ceil((1 - fraction) * len(importance) / 8) * 8)


def wrong_stays_what_is_left_over(importance, fraction, multiple):
    "remainder_added"
    count = round((1 - fraction) * len(importance))
    return _most(importance, count + count % multiple)


def wrong_stays_fewer_where_there_are_no_more(importance, fraction, multiple):
    "rounded_down"
    count = math.ceil((1 - fraction) * len(importance) / multiple) * multiple
    if count > len(importance):
        count = len(importance) // multiple * multiple
    return _most(importance, count)


def right_stays_by_partition(importance, fraction, multiple):
    count = _count(importance, fraction, multiple)
    return sorted(np.argpartition(-importance.numpy(), count - 1)[:count])


def right_stays_from_the_end(importance, fraction, multiple):
    gone = (
        len(importance)
        - math.ceil(math.ceil((1 - fraction) * len(importance)) / multiple) * multiple
    )
    return importance.argsort()[max(0, gone) :].sort()[0].tolist()


# heard


def wrong_heard_l2_of_the_filter(conv, norm, reader):
    "filter_alone"
    return conv.weight.pow(2).sum(dim=(1, 2, 3)).sqrt()


def wrong_heard_no_norm(conv, norm, reader):
    "norm_left_out"
    return (
        conv.weight.flatten(1).norm(dim=1) * reader.weight.flatten(2).norm(dim=(0, 2))
        if reader.weight.ndim == 4
        else conv.weight.flatten(1).norm(dim=1) * reader.weight.norm(dim=0)
    )


def wrong_heard_no_reader(conv, norm, reader):
    "reader_left_out"
    spread = torch.sqrt(norm.running_var + norm.eps)
    return conv.weight.flatten(1).norm(dim=1) * norm.weight.abs() / spread


def wrong_heard_signed(conv, norm, reader):
    "sign_of_the_scale"
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    read = torch.stack([reader.weight[:, i].norm() for i in range(len(factor))])
    return conv.weight.flatten(1).norm(dim=1) * factor * read


def wrong_heard_by_the_variance(conv, norm, reader):
    "variance_without_root"
    found = []
    for i in range(len(conv.weight)):
        factor = abs(norm.weight[i]) / (norm.running_var[i] + norm.eps)
        found.append(conv.weight[i].norm() * factor * reader.weight[:, i].norm())
    return found


def wrong_heard_the_readers_filters(conv, norm, reader):
    "along_the_outputs"
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    return conv.weight.flatten(1).norm(dim=1) * factor * reader.weight.flatten(1).norm(dim=1)


def wrong_heard_l1(conv, norm, reader):
    "absolute_sums"
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    read = reader.weight.transpose(0, 1).flatten(1).abs().sum(1)
    return conv.weight.abs().sum((1, 2, 3)) * factor * read


def wrong_heard_without_eps(conv, norm, reader):
    "small_number_forgotten"
    factor = norm.weight.abs() / norm.running_var.sqrt()
    read = reader.weight.transpose(0, 1).flatten(1).norm(dim=1)
    return conv.weight.flatten(1).norm(dim=1) * factor * read


def wrong_heard_filters_only_of_convolutions(conv, norm, reader):
    "raised_IndexError"
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    read = reader.weight.pow(2).sum((0, 2, 3)).sqrt()
    return conv.weight.flatten(1).norm(dim=1) * factor * read


def wrong_heard_by_the_library(conv, norm, reader):
    "filter_alone"
    row = nn.Sequential(conv, norm, reader)
    return neuron_pruning.importance(row, "l2")["0"]


def wrong_heard_added_up(conv, norm, reader):
    "other"
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    read = reader.weight.transpose(0, 1).flatten(1).norm(dim=1)
    return conv.weight.flatten(1).norm(dim=1) + factor + read


def wrong_heard_folds_in_place(conv, norm, reader):
    "changed_its_input"
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    conv.weight.mul_(factor[:, None, None, None])
    read = reader.weight.transpose(0, 1).flatten(1).norm(dim=1)
    return conv.weight.flatten(1).norm(dim=1) * read


def wrong_heard_mean_of_the_reader(conv, norm, reader):
    "other"
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    read = reader.weight.transpose(0, 1).flatten(1).abs().mean(1)
    return conv.weight.flatten(1).norm(dim=1) * factor * read


def right_heard_squared_first(conv, norm, reader):
    written = torch.einsum("oikl,oikl->o", conv.weight.double(), conv.weight.double())
    read = reader.weight.double().square()
    read = read.sum(dim=[d for d in range(read.ndim) if d != 1])
    return (written * norm.weight**2 / (norm.running_var + norm.eps) * read) ** 0.5


def right_heard_by_loops(conv, norm, reader):
    found = []
    for i in range(conv.out_channels):
        written = math.sqrt(sum(w * w for w in conv.weight[i].flatten().tolist()))
        read = math.sqrt(sum(w * w for w in reader.weight[:, i].flatten().tolist()))
        spread = math.sqrt(norm.running_var[i].item() + norm.eps)
        found.append(written * abs(norm.weight[i].item()) / spread * read)
    return found


def right_heard_in_numpy(conv, norm, reader):
    written = np.linalg.norm(conv.weight.numpy().reshape(len(norm.weight), -1), axis=1)
    columns = np.moveaxis(reader.weight.numpy(), 1, 0).astype(np.float64)
    read = np.linalg.norm(columns.reshape(len(columns), -1), axis=1)
    return (
        written * np.abs(norm.weight.numpy()) / np.sqrt(norm.running_var.numpy() + norm.eps) * read
    )


def right_heard_by_trying_the_norm(conv, norm, reader):
    count = norm.num_features
    ends = torch.stack([torch.zeros(count), torch.ones(count)])[:, :, None, None]
    low, high = norm.eval()(ends)[:, :, 0, 0]
    read = reader.weight.reshape(len(reader.weight), count, -1).norm(dim=(0, 2))
    return (high - low).abs()[:, None] * (conv.weight.flatten(1).norm(dim=1) * read)[:, None]


def _heard(conv, norm, reader, spread=None, scale=None):
    spread = (norm.running_var + norm.eps).sqrt() if spread is None else spread
    scale = norm.weight.abs() / spread if scale is None else scale
    read = reader.weight.transpose(0, 1).flatten(1).norm(dim=1)
    return conv.weight.flatten(1).norm(dim=1) * scale * read


def wrong_heard_the_norms_weight(conv, norm, reader):
    "norms_scale_alone"
    return _heard(conv, norm, reader, scale=norm.weight.abs())


def wrong_heard_no_roots(conv, norm, reader):
    "roots_forgotten"
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    read = reader.weight.transpose(0, 1).flatten(1).square().sum(1)
    return conv.weight.square().sum((1, 2, 3)) * factor * read


def wrong_heard_no_root_of_the_filter(conv, norm, reader):
    "root_of_the_filter_forgotten"
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    read = reader.weight.transpose(0, 1).flatten(1).norm(dim=1)
    return (conv.weight**2).sum((1, 2, 3)) * factor * read


def wrong_heard_no_root_of_the_reader(conv, norm, reader):
    "root_of_the_reader_forgotten"
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    read = (reader.weight.transpose(0, 1).flatten(1) ** 2).sum(1)
    return conv.weight.flatten(1).norm(dim=1) * factor * read


def wrong_heard_multiplied_by_the_spread(conv, norm, reader):
    "times_the_spread"
    return _heard(conv, norm, reader, spread=1 / (norm.running_var + norm.eps).sqrt())


def wrong_heard_small_number_outside(conv, norm, reader):
    "outside_the_root"
    return _heard(conv, norm, reader, spread=norm.running_var.sqrt() + norm.eps)


def wrong_heard_the_usual_small_number(conv, norm, reader):
    "small_number_forgotten"
    return _heard(conv, norm, reader, spread=(norm.running_var + 1e-5).sqrt())


def wrong_heard_with_the_norms_bias(conv, norm, reader):
    "shift_added"
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt() + norm.bias.abs()
    return _heard(conv, norm, reader, scale=factor)


def wrong_heard_the_factor_alone(conv, norm, reader):
    "norm_alone"
    return norm.weight.abs() / (norm.running_var + norm.eps).sqrt()


def wrong_heard_without_the_filter(conv, norm, reader):
    "filter_left_out"
    return _heard(conv, norm, reader) / conv.weight.flatten(1).norm(dim=1).clamp(min=1e-9)


def wrong_heard_means_of_squares(conv, norm, reader):
    "averaged"
    written = conv.weight.square().mean((1, 2, 3)).sqrt()
    read = reader.weight.transpose(0, 1).flatten(1).square().mean(1).sqrt()
    return written * norm.weight.abs() / (norm.running_var + norm.eps).sqrt() * read


def wrong_heard_one_size_for_all(conv, norm, reader):
    "all_channels_together"
    factor = norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    return conv.weight.norm() * factor * reader.weight.norm()


def right_heard_folded(conv, norm, reader):
    weight, _ = nn.utils.fusion.fuse_conv_bn_weights(
        conv.weight,
        conv.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
    return weight.flatten(1).norm(dim=1) * reader.weight.transpose(0, 1).flatten(1).norm(dim=1)


def right_heard_by_linalg(conv, norm, reader):
    written = torch.linalg.vector_norm(conv.weight, dim=(1, 2, 3))
    read = torch.linalg.vector_norm(
        reader.weight.movedim(1, 0).reshape(conv.out_channels, -1), dim=1
    )
    return written * read * norm.weight.abs() * torch.rsqrt(norm.running_var + norm.eps)


# cut_out


def _by_a_colleague(
    conv, norm, reader, stay, statistics=False, columns=False, bias=False, scales=True
):
    """The given version; True: mended."""
    count, places = norm.num_features, reader.in_features // norm.num_features
    smaller = nn.Conv2d(conv.in_channels, len(stay), 3, conv.stride, conv.padding, bias=False)
    smaller.weight = nn.Parameter(conv.weight[stay])
    if bias and conv.bias is not None:
        smaller.bias = nn.Parameter(conv.bias[stay])
    norm, reader = copy.deepcopy(norm), copy.deepcopy(reader)
    first = list(range(len(stay)))
    for name in ("weight", "bias"):
        setattr(norm, name, nn.Parameter(getattr(norm, name)[stay if scales else first]))
    for name in ("running_mean", "running_var"):
        setattr(norm, name, getattr(norm, name)[stay if statistics else first])
    if columns:
        kept = [channel * places + place for channel in stay for place in range(places)]
    else:
        kept = [channel + count * place for place in range(places) for channel in stay]
    reader.weight = nn.Parameter(reader.weight[:, kept])
    return smaller, norm, reader


def wrong_cut_out_as_given(conv, norm, reader, stay):
    "as_given"
    return _by_a_colleague(conv, norm, reader, stay)


def wrong_cut_out_bias_alone(conv, norm, reader, stay):
    "as_given"
    return _by_a_colleague(conv, norm, reader, stay, bias=True)


def wrong_cut_out_columns_alone(conv, norm, reader, stay):
    "statistics_of_the_first"
    return _by_a_colleague(conv, norm, reader, stay, columns=True)


def wrong_cut_out_statistics_alone(conv, norm, reader, stay):
    "places_apart"
    return _by_a_colleague(conv, norm, reader, stay, statistics=True)


def wrong_cut_out_all_but_the_bias(conv, norm, reader, stay):
    "bias_lost"
    return _by_a_colleague(conv, norm, reader, stay, statistics=True, columns=True)


def wrong_cut_out_mends_the_wrong_line(conv, norm, reader, stay):
    "scales_of_the_first"
    return _by_a_colleague(
        conv, norm, reader, stay, statistics=True, columns=True, bias=True, scales=False
    )


def wrong_cut_out_loops_swapped(conv, norm, reader, stay):
    "columns_in_another_order"
    conv, norm, new = _by_a_colleague(conv, norm, reader, stay, statistics=True, bias=True)
    places = new.weight.shape[1] // len(stay)
    kept = [channel * places + place for place in range(places) for channel in stay]
    new.weight = nn.Parameter(reader.weight[:, kept])
    return conv, norm, new


def wrong_cut_out_a_new_norm(conv, norm, reader, stay):
    "statistics_forgotten"
    conv, old, reader = _by_a_colleague(
        conv, norm, reader, stay, statistics=True, columns=True, bias=True
    )
    norm = nn.BatchNorm2d(len(stay))
    norm.load_state_dict(dict(old.named_parameters()), strict=False)
    return conv, norm, reader


def wrong_cut_out_usual_settings(conv, norm, reader, stay):
    "small_number_lost"
    conv, norm, reader = right_cut_out_by_a_view(conv, norm, reader, stay)
    usual = nn.BatchNorm2d(len(stay))
    usual.load_state_dict(norm.state_dict())
    return conv, usual, reader


def wrong_cut_out_the_others(conv, norm, reader, stay):
    "stay_goes"
    others = sorted(set(range(conv.out_channels)) - set(stay))
    return right_cut_out_by_a_view(conv, norm, reader, others)


def wrong_cut_out_zeros(conv, norm, reader, stay):
    "only_silenced"
    conv, norm, reader = copy.deepcopy([conv, norm, reader])
    places = reader.in_features // conv.out_channels
    for channel in set(range(conv.out_channels)) - set(stay):
        conv.weight[channel] = 0
        norm.weight[channel] = norm.bias[channel] = 0
        reader.weight[:, channel * places : (channel + 1) * places] = 0
    return [conv, norm, reader]


def wrong_cut_out_as_trim_does(conv, norm, reader, stay):
    "cannot_be_used"
    conv, norm, reader = copy.deepcopy([conv, norm, reader])
    conv.weight = nn.Parameter(conv.weight[stay])
    for name in ("weight", "bias"):
        setattr(norm, name, nn.Parameter(getattr(norm, name)[stay]))
    for name in ("running_mean", "running_var"):
        setattr(norm, name, getattr(norm, name)[stay])
    reader.weight = nn.Parameter(reader.weight[:, stay])
    return conv, norm, reader


def wrong_cut_out_in_place(conv, norm, reader, stay):
    "changed_its_input"
    conv.weight = nn.Parameter(conv.weight[stay])
    return conv, norm, reader


def wrong_cut_out_by_the_library(conv, norm, reader, stay):
    "borrowed"
    row = nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), reader)
    gone = [n for n in range(conv.out_channels) if n not in stay]
    smaller = channels.remove(row, {"0": gone})
    return smaller[0], smaller[1], smaller[4]


def right_cut_out_by_a_view(conv, norm, reader, stay):
    new_conv, new_norm, new_reader = copy.deepcopy(conv), copy.deepcopy(norm), copy.deepcopy(reader)
    new_conv.weight.data = conv.weight.data[stay]
    if conv.bias is not None:
        new_conv.bias.data = conv.bias.data[stay]
    for tensor in (new_norm.weight, new_norm.bias, new_norm.running_mean, new_norm.running_var):
        tensor.data = tensor.data[stay]
    by_channel = reader.weight.data.unflatten(1, (norm.num_features, -1))
    new_reader.weight.data = by_channel[:, stay].flatten(1)
    return new_conv, new_norm, new_reader


def right_cut_out_as_a_row(conv, norm, reader, stay):
    row = copy.deepcopy(nn.Sequential(conv, norm, reader))
    places = reader.in_features // conv.out_channels
    columns = (torch.tensor(stay)[:, None] * places + torch.arange(places)).flatten()
    for name, tensor in [*row.named_parameters(), *row.named_buffers()]:
        if name.startswith("2"):
            tensor.data = tensor.data[:, columns] if name == "2.weight" else tensor.data
        elif tensor.ndim:
            tensor.data = tensor.data[stay]
    return row


def right_cut_out_built_anew(conv, norm, reader, stay):
    kept = torch.tensor([n in stay for n in range(conv.out_channels)])
    places = reader.in_features // conv.out_channels
    small = nn.Conv2d(
        conv.in_channels,
        len(stay),
        conv.kernel_size,
        stride=conv.stride,
        padding=conv.padding,
        bias=conv.bias is not None,
    )
    small.load_state_dict({name: tensor[kept] for name, tensor in conv.state_dict().items()})
    thin = nn.BatchNorm2d(len(stay), eps=norm.eps)
    thin.load_state_dict(
        {
            name: tensor[kept] if tensor.ndim else tensor
            for name, tensor in norm.state_dict().items()
        }
    )
    reads = nn.Linear(len(stay) * places, reader.out_features)
    with torch.no_grad():
        reads.weight.copy_(reader.weight[:, kept.repeat_interleave(places)])
        reads.bias.copy_(reader.bias)
    return [small, thin, reads]


def _rebuilt(conv, norm, reader, stay, first=(), columns=None, plain=False):
    """A right cut built anew, but that what is named in `first` is of the first channels."""

    def taken(name):
        return list(range(len(stay))) if name in first else stay

    settings = {} if plain else {"stride": conv.stride, "padding": conv.padding}
    small = nn.Conv2d(conv.in_channels, len(stay), conv.kernel_size, bias=conv.bias is not None,
                      **settings)  # fmt: skip
    small.weight.data = conv.weight.data[taken("filters")]
    if conv.bias is not None:
        small.bias.data = conv.bias.data[taken("biases")]
    thin = nn.BatchNorm2d(len(stay), eps=norm.eps)
    for name in ("weight", "bias"):
        getattr(thin, name).data = getattr(norm, name).data[taken(name)]
    thin.running_mean, thin.running_var = (
        norm.running_mean[taken("mean")],
        norm.running_var[taken("variance")],
    )
    places = reader.in_features // norm.num_features
    columns = columns or [channel * places + n for channel in stay for n in range(places)]
    reads = copy.deepcopy(reader)
    reads.weight = nn.Parameter(reader.weight[:, columns])
    return small, thin, reads


def wrong_cut_out_the_first_columns(conv, norm, reader, stay):
    "first_columns"
    places = reader.in_features // norm.num_features
    return _rebuilt(conv, norm, reader, stay, columns=list(range(places * len(stay))))


def wrong_cut_out_channels_for_columns(conv, norm, reader, stay):
    "columns_are_channels"
    places = reader.in_features // norm.num_features
    return _rebuilt(conv, norm, reader, stay, columns=[n for n in stay for _ in range(places)])


def wrong_cut_out_the_first_filters(conv, norm, reader, stay):
    "filters_of_the_first"
    return _rebuilt(conv, norm, reader, stay, first=["filters"])


def wrong_cut_out_the_first_biases(conv, norm, reader, stay):
    "bias_of_the_first"
    return _rebuilt(conv, norm, reader, stay, first=["biases"])


def wrong_cut_out_the_first_means(conv, norm, reader, stay):
    "mean_of_the_first"
    return _rebuilt(conv, norm, reader, stay, first=["mean"])


def wrong_cut_out_the_first_variances(conv, norm, reader, stay):
    "spread_of_the_first"
    return _rebuilt(conv, norm, reader, stay, first=["variance"])


def wrong_cut_out_the_first_shifts(conv, norm, reader, stay):
    "shift_of_the_first"
    return _rebuilt(conv, norm, reader, stay, first=["bias"])


def wrong_cut_out_the_usual_stride(conv, norm, reader, stay):
    "padding_lost"
    return _rebuilt(conv, norm, reader, stay, plain=True)


def wrong_cut_out_the_inputs(conv, norm, reader, stay):
    "inputs_cut"
    conv = copy.deepcopy(conv)
    conv.weight = nn.Parameter(conv.weight[:, : len(stay)])
    return conv, norm, reader


def wrong_cut_out_the_filters_alone(conv, norm, reader, stay):
    "filters_alone"
    return _rebuilt(conv, norm, reader, stay)[0], copy.deepcopy(norm), copy.deepcopy(reader)


def wrong_cut_out_not_the_reader(conv, norm, reader, stay):
    "reader_left_whole"
    return *_rebuilt(conv, norm, reader, stay)[:2], copy.deepcopy(reader)


def wrong_cut_out_the_readers_bias(conv, norm, reader, stay):
    "readers_bias_lost"
    small, thin, reads = _rebuilt(conv, norm, reader, stay)
    nn.init.zeros_(reads.bias)
    return small, thin, reads


def right_cut_out_rebuilt(conv, norm, reader, stay):
    return _rebuilt(conv, norm, reader, stay)


def right_cut_out_by_index_select(conv, norm, reader, stay):
    kept = torch.tensor(stay)
    conv, norm, reader = map(copy.deepcopy, (conv, norm, reader))
    places = reader.in_features // norm.num_features
    for tensor in (
        conv.weight,
        conv.bias,
        norm.weight,
        norm.bias,
        norm.running_mean,
        norm.running_var,
    ):
        if tensor is not None:
            tensor.data = tensor.data.index_select(0, kept)
    columns = (kept[:, None] * places + torch.arange(places)).reshape(-1)
    reader.weight.data = reader.weight.data.index_select(1, columns)
    conv.out_channels = norm.num_features = len(stay)
    reader.in_features = len(columns)
    return conv, norm, reader


# mean_without


def wrong_mean_without_plus(running_mean, weight, means, gone):
    "added"
    return running_mean + weight[:, gone].sum((2, 3)) @ means[gone]


def wrong_mean_without_a_pixel(running_mean, weight, means, gone):
    "middle_alone"
    new = running_mean.clone()
    half = weight.shape[-1] // 2
    for channel in gone:
        new -= weight[:, channel, half, half] * means[channel]
    return new


def wrong_mean_without_averaged(running_mean, weight, means, gone):
    "mean_of_the_window"
    return running_mean - weight.mean((2, 3))[:, gone] @ means[gone]


def wrong_mean_without_weights_alone(running_mean, weight, means, gone):
    "means_left_out"
    return running_mean - weight[:, gone].flatten(1).sum(1)


def wrong_mean_without_what_stays(running_mean, weight, means, gone):
    "those_that_stay"
    mask = torch.ones(len(means))
    mask[gone] = 0
    return running_mean - weight.sum((2, 3)) @ (means * mask)


def wrong_mean_without_a_forgetful_loop(running_mean, weight, means, gone):
    "only_the_last"
    new = running_mean
    for channel in gone:
        new = running_mean - weight[:, channel].sum((1, 2)) * means[channel]
    return new


def wrong_mean_without_the_part(running_mean, weight, means, gone):
    "only_the_part"
    return sum(
        (weight[:, channel].sum((1, 2)) * means[channel] for channel in gone),
        start=torch.zeros(len(weight)),
    )


def wrong_mean_without_anew(running_mean, weight, means, gone):
    "anew_from_the_means"
    left = means.clone()
    left[gone] = 0
    return weight.sum((2, 3)) @ left


def wrong_mean_without_in_place(running_mean, weight, means, gone):
    "changed_its_input"
    for channel in gone:
        running_mean -= weight[:, channel].sum((1, 2)) * means[channel]
    return running_mean


def wrong_mean_without_the_filters(running_mean, weight, means, gone):
    "raised_RuntimeError"
    return running_mean - weight.sum((2, 3)).T[gone] @ means


def wrong_mean_without_return(running_mean, weight, means, gone):
    "other"
    new = running_mean.clone()
    for channel in gone:
        new = new - weight[:, channel].sum((1, 2)) * means[channel]


def right_mean_without_by_loops(running_mean, weight, means, gone):
    found = []
    for output, mean in enumerate(running_mean.tolist()):
        for channel in gone:
            mean -= float(means[channel]) * sum(weight[output, channel].flatten().tolist())
        found.append(mean)
    return found


def right_mean_without_in_numpy(running_mean, weight, means, gone):
    part = np.einsum("oikl,i->oi", weight.numpy().astype(np.float64), means.numpy())
    return running_mean.numpy() - part[:, gone].sum(axis=1)


def right_mean_without_by_a_convolution(running_mean, weight, means, gone):
    constant = torch.zeros(1, len(means), *weight.shape[2:])
    constant[0, gone] = means[gone][:, None, None]
    return running_mean - nn.functional.conv2d(constant, weight)[0, :, 0, 0]


def wrong_mean_without_sum_times_sum(running_mean, weight, means, gone):
    "sums_multiplied"
    return running_mean - weight[:, gone].sum((1, 2, 3)) * means[gone].sum()


def wrong_mean_without_one_mean_for_all(running_mean, weight, means, gone):
    "mean_of_the_means"
    return running_mean - weight[:, gone].sum((1, 2, 3)) * (means[gone].mean() if gone else 0)


def wrong_mean_without_a_mean_over_channels(running_mean, weight, means, gone):
    "averaged_over_channels"
    parts = [weight[:, channel].sum((1, 2)) * means[channel] for channel in gone]
    return running_mean - torch.stack(parts).mean(0) if parts else running_mean


def wrong_mean_without_signs(running_mean, weight, means, gone):
    "signs_lost"
    return running_mean - weight[:, gone].abs().sum((2, 3)) @ means[gone]


def wrong_mean_without_anything(running_mean, weight, means, gone):
    "all_taken_out"
    return running_mean - weight.sum((2, 3)) @ means


def wrong_mean_without_the_first(running_mean, weight, means, gone):
    "the_first_are_gone"
    return running_mean - weight.sum((2, 3))[:, : len(gone)] @ means[: len(gone)]


def wrong_mean_without_the_window_twice(running_mean, weight, means, gone):
    "counted_twice"
    return running_mean - weight.sum((2, 3))[:, gone] @ means[gone] * weight[0, 0].numel()


def wrong_mean_without_a_share(running_mean, weight, means, gone):
    "share_of_the_channels"
    return running_mean * (len(means) - len(gone)) / len(means)


def wrong_mean_without_outputs(running_mean, weight, means, gone):
    "outputs_taken_out"
    return np.delete(running_mean.numpy(), [n for n in gone if n < len(running_mean)])


def wrong_mean_without_the_corner(running_mean, weight, means, gone):
    "corner_alone"
    return running_mean - (weight[:, gone, 0, 0] * means[gone]).sum(1)


def right_mean_without_by_a_mask(running_mean, weight, means, gone):
    went = torch.zeros(len(means))
    went[gone] = 1
    return running_mean - (weight.flatten(2).sum(2) * (means * went)).sum(1)


def right_mean_without_by_linear(running_mean, weight, means, gone):
    return running_mean - nn.functional.linear(means[gone], weight.sum((-1, -2))[:, gone])


# my_percent

right_my_percent_as_text = "90%"
wrong_my_percent_in_words = "about a half"
wrong_my_percent_negative = -5
wrong_my_percent_more_than_all = 120
wrong_my_percent_nan = math.nan
wrong_my_percent_a_list = [90]
right_my_percent_far_off = 21
right_my_percent_a_float = np.float64(93.5)


# own_widths: what the learner's cell leaves in the folder


@functools.cache
def _images():
    return data.load("leaves")


def _cut(widths, criterion="l1"):
    network = models.load_pretrained("leafnet_student_distilled")
    looked_at = _images().train.first(256) if criterion == "taylor" else None
    importances = neuron_pruning.importance(network, criterion, looked_at)
    shares = {
        name: 1 - few / len(importances[name])
        for name, few in zip(importances, widths, strict=True)
    }
    return neuron_pruning.remove(network, neuron_pruning.choose(importances, shares))


def _fresh(network):
    return training.recalibrated(network, _images().train.first(500))


def _written(network, folder):
    return packing.save(engines.onnx(network, _images().shape), folder / "02_neuron_pruning.packed")


def wrong_own_widths_nothing_cut(folder):
    "too_large"
    return _written(_cut((24, 32, 40, 40, 48, 48)), folder)


def wrong_own_widths_a_little_everywhere(folder):
    "too_large"
    return _written(_fresh(_cut((22, 29, 37, 37, 44, 44))), folder)


def wrong_own_widths_alike(folder):
    "not_right_often_enough"
    return _written(_fresh(_cut((21, 28, 34, 34, 41, 41), "taylor")), folder)


def wrong_own_widths_norms_left_alone(folder):
    "not_right_often_enough"
    return _written(_cut((24, 28, 36, 36, 34, 48)), folder)


def wrong_own_widths_by_the_chapters_sensitivity(folder):
    "not_right_often_enough"
    return _written(_fresh(_cut((18, 26, 38, 38, 44, 30))), folder)


def wrong_own_widths_a_bottleneck(folder):
    "not_right_often_enough"
    return _written(_fresh(_cut((24, 32, 40, 40, 16, 48))), folder)


def wrong_own_widths_a_checkpoint(folder):
    "cannot_be_used"
    return models.save(_cut((16, 16, 24, 24, 24, 24)), folder / "02_neuron_pruning.packed")


def right_own_widths_most_from_the_fifth(folder):
    return _written(_fresh(_cut((24, 28, 36, 36, 34, 48))), folder)


def right_own_widths_first_layer_too(folder):
    return _written(_fresh(_cut((21, 28, 36, 36, 34, 48))), folder)


def wrong_own_widths_trained_after_all(folder):
    "another_network"
    images = _images()
    few = dataclasses.replace(images, train=images.train.first(2000), val=images.val.first(100))
    tuned, _ = training.fit(
        _fresh(_cut((20, 27, 34, 34, 41, 41))), few, 1, learning_rate=0.02, progress=False
    )
    return _written(tuned, folder)
