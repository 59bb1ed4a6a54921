"""Exercise 04: what learners write. wrong_TASK_...: rejected, and its hint holds the docstring.

right_TASK_...: another way to do it, accepted.
"""

import functools
import math

import numpy as np
import torch
from torch.nn import functional as F

from course_lib import data, engines, packing, quantization, structure, training

# layer_bytes


def wrong_layer_bytes_in_bits(shape, bits):
    "in_bits"
    return np.prod(shape) * bits


def wrong_layer_bytes_integers_alone(shape, bits):
    "integers_alone"
    return math.ceil(np.prod(shape) * bits / 8)


def wrong_layer_bytes_forgot_the_bias(shape, bits):
    "scales_without_biases"
    return math.ceil(torch.tensor(shape).prod().item() * bits / 8) + 4 * shape[0]


def wrong_layer_bytes_per_tensor(shape, bits):
    "one_scale"
    weights = math.prod(shape)
    return math.ceil(weights * bits / 8) + 4 + 4 * shape[0]


def wrong_layer_bytes_counts_inputs(shape, bits):
    "along_the_inputs"
    out, inputs = shape[0], shape[1]
    bytes_ = (out * inputs * math.prod(shape[2:]) * bits + 7) // 8
    return bytes_ + inputs * 4 + inputs * 4


def wrong_layer_bytes_rounds_down(shape, bits):
    "rounded_down"
    return int(math.prod(shape) * bits / 8) + 8 * shape[0]


def wrong_layer_bytes_half_bytes(shape, bits):
    "half_bytes"
    return math.prod(shape) * (bits / 8) + 8 * shape[0]


def wrong_layer_bytes_always_a_convolution(shape, bits):
    "raised_ValueError"
    outputs, inputs, height, width = shape
    return math.ceil(outputs * inputs * height * width * bits / 8) + 8 * outputs


def wrong_layer_bytes_hard_coded(shape, bits):
    "always_the_same"
    return 1792


def right_layer_bytes_with_numpy(shape, bits):
    return int(np.ceil(np.prod(shape) * bits / 8)) + 2 * shape[0] * np.dtype(np.float32).itemsize


def right_layer_bytes_in_bits_first(shape, bits):
    total = math.prod(shape) * bits
    while total % 8:
        total += 1
    return torch.tensor(total // 8 + 8 * shape[0])


def wrong_layer_bytes_bits_beside_too(shape, bits):
    "all_in_few_bits"
    # scales and biases stored in `bits`, too
    return math.ceil((math.prod(shape) + 2 * shape[0]) * bits / 8)


def wrong_layer_bytes_beside_as_bits(shape, bits):
    "bytes_among_bits"
    # 32 bits added to bytes
    return math.ceil(math.prod(shape) * bits / 8) + 2 * 32 * shape[0]


def wrong_layer_bytes_forgot_to_divide(shape, bits):
    "bits_among_bytes"
    return math.prod(shape) * bits + 8 * shape[0]


def wrong_layer_bytes_bytes_for_bits(shape, bits):
    "a_byte_for_each"
    return math.prod(shape) * math.ceil(bits / 8) + 8 * shape[0]


def wrong_layer_bytes_whole_bytes_per_8bits(shape, bits):
    "no_byte_for_each"
    return math.prod(shape) * (bits // 8) + 8 * shape[0]


def wrong_layer_bytes_all_bits(shape, bits):
    "everything_in_bits"
    return math.prod(shape) * bits + 64 * shape[0]


def wrong_layer_bytes_two_dims_only(shape, bits):
    "without_the_kernel"
    return math.ceil(shape[0] * shape[1] * bits / 8) + 8 * shape[0]


def wrong_layer_bytes_float64(shape, bits):
    "as_float64"
    return math.ceil(math.prod(shape) * bits / 8) + 16 * shape[0]


def wrong_layer_bytes_banker(shape, bits):
    "to_the_nearest"
    return round(math.prod(shape) * bits / 8) + 8 * shape[0]


def wrong_layer_bytes_round_each_row(shape, bits):
    "each_row_by_itself"
    return shape[0] * math.ceil(math.prod(shape[1:]) * bits / 8) + 8 * shape[0]


def wrong_layer_bytes_beside_for_each_weight(shape, bits):
    "beside_each_weight"
    return math.ceil(math.prod(shape) * bits / 8) + 8 * math.prod(shape)


def wrong_layer_bytes_beside_for_each_filter(shape, bits):
    "beside_each_kernel"
    return math.ceil(math.prod(shape) * bits / 8) + 8 * shape[0] * shape[1]


def wrong_layer_bytes_bias_alone_quantized(shape, bits):
    "biases_in_few_bits"
    return math.ceil((math.prod(shape) + shape[0]) * bits / 8) + 4 * shape[0]


def wrong_layer_bytes_one_of_each(shape, bits):
    "one_of_each"
    return math.ceil(math.prod(shape) * bits / 8) + 8


def wrong_layer_bytes_last_dim(shape, bits):
    "along_the_last"
    return math.ceil(math.prod(shape) * bits / 8) + 8 * shape[-1]


def wrong_layer_bytes_sum(shape, bits):
    "lengths_added"
    return math.ceil(sum(shape) * bits / 8) + 8 * shape[0]


def wrong_layer_bytes_floor_plus_one(shape, bits):
    "always_one_more"
    return math.prod(shape) * bits // 8 + 1 + 8 * shape[0]


def wrong_layer_bytes_zero_point_too(shape, bits):
    "zero_points_too"
    return math.ceil(math.prod(shape) * bits / 8) + 12 * shape[0]


def right_layer_bytes_numel(shape, bits):
    return (torch.empty(shape).numel() * bits + 7) // 8 + 8 * shape[0]


def right_layer_bytes_divmod(shape, bits):
    whole, rest = divmod(int(np.prod(shape)) * bits, 8)
    return whole + bool(rest) + 2 * 4 * shape[0]


def right_layer_bytes_from_all_bits(shape, bits):
    return math.ceil((math.prod(shape) * bits + 64 * shape[0]) / 8)


def right_layer_bytes_star(shape, bits):
    out, *rest = shape
    per = 1
    for r in rest:
        per *= r
    return float(np.ceil(out * per * bits / 8) + 4 * out + 4 * out)


# affine


def wrong_affine_symmetric(low, high, bits):
    "symmetric"
    largest = max(abs(low), abs(high))
    return largest / (2 ** (bits - 1) - 1), 0


def wrong_affine_without_zero(low, high, bits):
    "zero_left_out"
    scale = (high - low) / (2**bits - 1)
    return scale, round(-low / scale)


def wrong_affine_one_step_too_many(low, high, bits):
    "as_many_steps_as_integers"
    low, high = min(low, 0), max(high, 0)
    scale = (high - low) / 2**bits
    return scale, int(np.round(-low / scale))


def wrong_affine_zero_point_a_fraction(low, high, bits):
    "zero_point_not_whole"
    low, high = min(low, 0), max(high, 0)
    scale = (high - low) / (2**bits - 1)
    return scale, -low / scale


def wrong_affine_sign(low, high, bits):
    "sign_of_the_zero_point"
    low, high = min(low, 0), max(high, 0)
    scale = (high - low) / (2**bits - 1)
    return scale, round(low / scale)


def wrong_affine_cuts_off(low, high, bits):
    "cut_off"
    low, high = min(low, 0), max(high, 0)
    scale = (high - low) / (2**bits - 1)
    return scale, int(-low / scale)


def wrong_affine_floors(low, high, bits):
    "floored"
    low, high = min(low, 0), max(high, 0)
    scale = (high - low) / (2**bits - 1)
    return scale, int(-low // scale)


def wrong_affine_with_a_sign(low, high, bits):
    "with_a_sign"
    low, high = min(low, 0), max(high, 0)
    scale = (high - low) / (2**bits - 1)
    return scale, round(-low / scale) - 2 ** (bits - 1)


def wrong_affine_by_the_library(low, high, bits):
    "borrowed"
    return quantization.scale_and_zero_point(low, high, bits)


def wrong_affine_scale_alone(low, high, bits):
    "other"
    return (max(high, 0) - min(low, 0)) / (2**bits - 1)


def right_affine_in_numpy(low, high, bits):
    ends = np.clip([low, high], [-np.inf, 0], [0, np.inf])
    scale = np.diff(ends)[0] / (np.left_shift(1, bits) - 1)
    return [scale, np.rint(-ends[0] / scale).astype(int)]


def right_affine_in_tensors(low, high, bits):
    low = torch.tensor(low, dtype=torch.float64).clamp(max=0)
    high = torch.tensor(high, dtype=torch.float64).clamp(min=0)
    scale = (high - low) / (2**bits - 1)
    return scale, torch.round(-low / scale)


def _w(low, high):
    return min(low, 0.0), max(high, 0.0)


def wrong_affine_pow_minus1(low, high, bits):
    "half_of_the_integers"
    low, high = _w(low, high)
    s = (high - low) / 2 ** (bits - 1)
    return s, round(-low / s)


def wrong_affine_signed_levels(low, high, bits):
    "one_bit_lost"
    low, high = _w(low, high)
    s = (high - low) / (2 ** (bits - 1) - 1)
    return s, round(-low / s)


def wrong_affine_trunc_torch(low, high, bits):
    "cut_off"
    low, high = _w(low, high)
    s = (high - low) / (2**bits - 1)
    return s, int(torch.trunc(torch.tensor(-low / s)))


def wrong_affine_floor_div_torch(low, high, bits):
    "cut_off"
    low, high = _w(low, high)
    s = (high - low) / (2**bits - 1)
    return s, math.floor(-low / s)


def wrong_affine_ceil(low, high, bits):
    "always_up"
    low, high = _w(low, high)
    s = (high - low) / (2**bits - 1)
    return s, math.ceil(-low / s)


def wrong_affine_middle(low, high, bits):
    "in_the_middle"
    low, high = _w(low, high)
    s = (high - low) / (2**bits - 1)
    return s, 2 ** (bits - 1)


def wrong_affine_low_as_zero_point(low, high, bits):
    "low_itself"
    low, high = _w(low, high)
    s = (high - low) / (2**bits - 1)
    return s, low


def wrong_affine_round_low(low, high, bits):
    "low_turned_around"
    low, high = _w(low, high)
    s = (high - low) / (2**bits - 1)
    return s, round(-low)


def wrong_affine_clamped_zp(low, high, bits):
    "zero_point_pushed_in"
    # range not widened, zp clamped
    s = (high - low) / (2**bits - 1)
    return s, min(max(round(-low / s), 0), 2**bits - 1)


def wrong_affine_only_low_widened(low, high, bits):
    "only_low_widened"
    low = min(low, 0.0)
    s = (high - low) / (2**bits - 1)
    return s, round(-low / s)


def wrong_affine_only_high_widened(low, high, bits):
    "only_high_widened"
    high = max(high, 0.0)
    s = (high - low) / (2**bits - 1)
    return s, round(-low / s)


def wrong_affine_swapped(low, high, bits):
    "exchanged"
    low, high = _w(low, high)
    s = (high - low) / (2**bits - 1)
    return round(-low / s), s


def wrong_affine_from_high(low, high, bits):
    "from_the_other_end"
    low, high = _w(low, high)
    s = (high - low) / (2**bits - 1)
    return s, round(high / s)


def wrong_affine_inverse_scale(low, high, bits):
    "turned_upside_down"
    low, high = _w(low, high)
    s = (2**bits - 1) / (high - low)
    return s, round(-low * s)


def wrong_affine_low_to_signed(low, high, bits):
    "with_a_sign"
    low, high = _w(low, high)
    s = (high - low) / (2**bits - 1)
    return s, -(2 ** (bits - 1)) - round(low / s)


def wrong_affine_int_of_sum(low, high, bits):
    "floored"
    # zp via  -low // scale with round on wrong place
    low, high = _w(low, high)
    s = (high - low) / (2**bits - 1)
    return s, round(-low // s)


def wrong_affine_zp_zero(low, high, bits):
    "always_zero"
    low, high = _w(low, high)
    return (high - low) / (2**bits - 1), 0


def wrong_affine_magnitudes(low, high, bits):
    "largest_for_all_integers_zero_left_out"
    s = max(abs(low), abs(high)) / (2**bits - 1)
    return s, round(-low / s)


def wrong_affine_symmetric_abs_widened(low, high, bits):
    "mirrored"
    m = max(abs(low), abs(high))
    s = 2 * m / (2**bits - 1)
    return s, round(m / s)


def right_affine_np_round(low, high, bits):
    qmax = (1 << bits) - 1
    rmin, rmax = np.minimum(low, 0), np.maximum(high, 0)
    s = np.float64(rmax - rmin) / qmax
    return s, np.round(0 - rmin / s)


def right_affine_from_top(low, high, bits):
    low, high = _w(low, high)
    s = (high - low) / (2**bits - 1)
    return [s, math.floor(-low / s + 0.5)]


def right_affine_dict_ifs(low, high, bits):
    if low > 0:
        low = 0
    if high < 0:
        high = 0
    levels = 2**bits
    s = (high - low) / (levels - 1)
    z = round(0 - low / s)
    z = max(0, min(levels - 1, z))
    return s, z


def right_affine_tensor32(low, high, bits):
    lo = torch.tensor([low, 0.0]).min()
    hi = torch.tensor([high, 0.0]).max()
    s = (hi - lo) / (2**bits - 1)
    return s.item(), int((-lo / s).round())


# round_in_groups


def wrong_round_in_groups_as_given(weights, bits, group):
    "as_given"
    parts = weights.reshape(group, -1)
    scale = parts.amax(dim=1, keepdim=True) / (2 ** (bits - 1) - 1)
    return (scale * (parts / scale).round()).reshape(weights.shape)


def wrong_round_in_groups_abs_alone(weights, bits, group):
    "so_many_groups"
    parts = weights.reshape(group, -1)
    scale = parts.abs().amax(dim=1, keepdim=True) / (2 ** (bits - 1) - 1)
    return (scale * (parts / scale).round()).reshape(weights.shape)


def wrong_round_in_groups_still_signed(weights, bits, group):
    "largest_with_its_sign"
    parts = weights.reshape(-1, group)
    scale = parts.max(dim=1, keepdim=True).values / (2 ** (bits - 1) - 1)
    return (scale * (parts / scale).round()).reshape(weights.shape)


def wrong_round_in_groups_zeros(weights, bits, group):
    "zeros_forgotten"
    parts = weights.unflatten(1, (-1, group))
    scale = parts.abs().amax(dim=2, keepdim=True) / (2 ** (bits - 1) - 1)
    return (scale * (parts / scale).round()).flatten(1)


def wrong_round_in_groups_columns(weights, bits, group):
    "down_the_columns"
    parts = weights.T.reshape(-1, group)
    scale = parts.abs().amax(dim=1, keepdim=True).clamp(min=1e-9) / (2 ** (bits - 1) - 1)
    return (scale * (parts / scale).round()).reshape(weights.T.shape).T


def wrong_round_in_groups_a_scale_a_row(weights, bits, group):
    "a_scale_for_each_row"
    scale = weights.abs().amax(dim=1, keepdim=True) / (2 ** (bits - 1) - 1)
    return scale * (weights / scale).round()


def wrong_round_in_groups_too_many_integers(weights, bits, group):
    "twice_the_integers"
    parts = weights.reshape(-1, group)
    scale = parts.abs().amax(dim=1, keepdim=True).clamp(min=1e-9) / (2**bits - 1)
    return (scale * (parts / scale).round()).reshape(weights.shape)


def wrong_round_in_groups_in_place(weights, bits, group):
    "changed_its_input"
    parts = weights.view(-1, group)
    scale = parts.abs().amax(dim=1, keepdim=True).clamp(min=1e-9) / (2 ** (bits - 1) - 1)
    parts.div_(scale).round_().mul_(scale)
    return weights


def wrong_round_in_groups_pieces(weights, bits, group):
    "other"
    parts = weights.reshape(-1, group)
    scale = parts.abs().amax(dim=1, keepdim=True).clamp(min=1e-9) / (2 ** (bits - 1) - 1)
    return scale * (parts / scale).round()


def right_round_in_groups_by_loops(weights, bits, group):
    made = torch.zeros_like(weights)
    for row in range(len(weights)):
        for start in range(0, weights.shape[1], group):
            piece = weights[row, start : start + group]
            scale = piece.abs().max() / (2 ** (bits - 1) - 1)
            if scale > 0:
                made[row, start : start + group] = torch.round(piece / scale) * scale
    return made


def right_round_in_groups_in_numpy(weights, bits, group):
    parts = weights.numpy().reshape(len(weights), -1, group)
    scale = np.abs(parts).max(axis=2, keepdims=True) / (2 ** (bits - 1) - 1)
    whole = np.divide(parts, scale, out=np.zeros_like(parts), where=scale > 0)
    return (np.rint(whole) * scale).reshape(weights.shape)


def _g(weights, bits, group, f=lambda p: p.abs().amax(1, keepdim=True), q=None, r=torch.round):
    parts = weights.reshape(-1, group)
    s = f(parts).clamp(min=1e-12) / ((2 ** (bits - 1) - 1) if q is None else q(bits))
    return (s * r(parts / s)).reshape(weights.shape)


def wrong_round_in_groups_pow(weights, bits, group):
    "one_integer_too_many"
    return _g(weights, bits, group, q=lambda b: 2 ** (b - 1))


def wrong_round_in_groups_trunc(weights, bits, group):
    "cut_off"
    return _g(weights, bits, group, r=torch.trunc)


def wrong_round_in_groups_int(weights, bits, group):
    "cut_off"
    return _g(weights, bits, group, r=lambda x: x.int())


def wrong_round_in_groups_floor(weights, bits, group):
    "rounded_down"
    return _g(weights, bits, group, r=torch.floor)


def wrong_round_in_groups_whole_tensor(weights, bits, group):
    "one_scale_for_all"
    s = weights.abs().max() / (2 ** (bits - 1) - 1)
    return s * (weights / s).round()


def wrong_round_in_groups_pow_clamped(weights, bits, group):
    "one_integer_too_many_cut_off"
    parts = weights.reshape(-1, group)
    s = parts.abs().amax(1, keepdim=True).clamp(min=1e-12) / 2 ** (bits - 1)
    return (s * (parts / s).round().clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)).reshape(
        weights.shape
    )


def wrong_round_in_groups_integers(weights, bits, group):
    "left_as_integers"
    parts = weights.reshape(-1, group)
    s = parts.abs().amax(1, keepdim=True).clamp(min=1e-12) / (2 ** (bits - 1) - 1)
    return (parts / s).round().reshape(weights.shape)


def wrong_round_in_groups_mean(weights, bits, group):
    "mean_of_the_group"
    return _g(weights, bits, group, f=lambda p: p.abs().mean(1, keepdim=True))


def wrong_round_in_groups_affine(weights, bits, group):
    "a_shifted_grid"
    parts = weights.reshape(-1, group)
    lo, hi = parts.amin(1, keepdim=True), parts.amax(1, keepdim=True)
    s = ((hi - lo) / (2**bits - 1)).clamp(min=1e-12)
    return (s * ((parts - lo) / s).round() + lo).reshape(weights.shape)


def wrong_round_in_groups_range(weights, bits, group):
    "length_of_the_range"
    return _g(
        weights,
        bits,
        group,
        f=lambda p: p.amax(1, keepdim=True) - p.amin(1, keepdim=True),
        q=lambda b: 2**b - 1,
    )


def wrong_round_in_groups_abs_after(weights, bits, group):
    "largest_with_its_sign"
    return _g(weights, bits, group, f=lambda p: p.amax(1, keepdim=True).abs())


def wrong_round_in_groups_strided(weights, bits, group):
    "every_so_many"
    o = weights.shape[0]
    parts = weights.reshape(o, group, -1)
    s = parts.abs().amax(1, keepdim=True).clamp(min=1e-12) / (2 ** (bits - 1) - 1)
    return (s * (parts / s).round()).reshape(weights.shape)


def wrong_round_in_groups_dim0(weights, bits, group):
    "over_the_wrong_dimension"
    parts = weights.reshape(-1, group)
    s = parts.abs().amax(0, keepdim=True).clamp(min=1e-12) / (2 ** (bits - 1) - 1)
    return (s * (parts / s).round()).reshape(weights.shape)


def wrong_round_in_groups_no_round(weights, bits, group):
    "not_rounded"
    parts = weights.reshape(-1, group)
    s = parts.abs().amax(1, keepdim=True).clamp(min=1e-12) / (2 ** (bits - 1) - 1)
    return (s * (parts / s)).reshape(weights.shape)


def wrong_round_in_groups_transposed_back(weights, bits, group):
    "every_so_many_rows"
    parts = weights.reshape(group, -1).T
    s = parts.abs().amax(1, keepdim=True).clamp(min=1e-12) / (2 ** (bits - 1) - 1)
    return (s * (parts / s).round()).T.reshape(weights.shape)


def wrong_round_in_groups_not_signed_fixed_zero(weights, bits, group):
    "largest_with_its_sign_above_zero"
    return _g(weights, bits, group, f=lambda p: p.amax(1, keepdim=True))


def wrong_round_in_groups_groups_fixed_only_zero(weights, bits, group):
    "so_many_groups"
    parts = weights.reshape(group, -1)
    s = parts.abs().amax(1, keepdim=True).clamp(min=1e-12) / (2 ** (bits - 1) - 1)
    return (s * (parts / s).round()).reshape(weights.shape)


def right_round_in_groups_split(weights, bits, group):
    out = []
    for row in weights:
        pieces = []
        for p in row.split(group):
            m = p.abs().max()
            s = m / (2 ** (bits - 1) - 1) if m > 0 else torch.tensor(1.0)
            pieces.append((p / s).round() * s)
        out.append(torch.cat(pieces))
    return torch.stack(out)


def right_round_in_groups_nan_to_num(weights, bits, group):
    w = weights.view(weights.shape[0], -1, group)
    s = w.abs().max(-1, keepdim=True)[0] / (2 ** (bits - 1) - 1)
    return torch.nan_to_num(torch.round(w / s) * s).view_as(weights)


def right_round_in_groups_lists(weights, bits, group):
    return right_round_in_groups_split(weights, bits, group).tolist()


def right_round_in_groups_repeat(weights, bits, group):
    a = weights.abs().unfold(1, group, group).amax(-1)
    s = (a / (2 ** (bits - 1) - 1)).repeat_interleave(group, 1)
    return torch.where(s > 0, (weights / s.clamp(min=1e-30)).round() * s, 0.0)


def right_round_in_groups_eps(weights, bits, group):
    parts = weights.reshape(-1, group)
    s = (parts.abs().amax(1, keepdim=True) + 1e-8) / (2 ** (bits - 1) - 1)
    return (s * (parts / s).round()).reshape(weights.shape)


def right_round_in_groups_torch(weights, bits, group):
    p = weights.reshape(-1, group)
    q = 2 ** (bits - 1) - 1
    s = (p.abs().amax(1) / q).clamp(min=1e-12)
    return torch.fake_quantize_per_channel_affine(
        p, s, torch.zeros(len(s), dtype=torch.int32), 0, -q, q
    ).reshape(weights.shape)


# rounded


def wrong_rounded_as_in_the_chapter(x, scale, low, high):
    "without_limits"
    y = x / scale
    return scale * (y + (y.round() - y).detach())


def wrong_rounded_clamp_detached(x, scale, low, high):
    "limits_unseen_by_autograd"
    y = x / scale
    return scale * (y + (torch.clamp(torch.round(y), low, high) - y).detach())


def wrong_rounded_no_trick(x, scale, low, high):
    "no_gradient"
    return torch.clamp(torch.round(x / scale), low, high) * scale


def wrong_rounded_all_detached(x, scale, low, high):
    "no_gradient"
    return (torch.clamp(torch.round(x / scale), low, high) * scale).detach()


def wrong_rounded_forgot_the_scale(x, scale, low, high):
    "left_as_integers"
    y = (x / scale).clamp(low, high)
    return y + (y.round() - y).detach()


def wrong_rounded_clips_x(x, scale, low, high):
    "limits_in_the_wrong_unit"
    y = x.clamp(low, high) / scale
    return scale * (y + (y.round() - y).detach())


def wrong_rounded_by_the_library(x, scale, low, high):
    "borrowed"
    return quantization.fake_quantize(x, scale, 0, 4)


def wrong_rounded_clipped_after_detaching(x, scale, low, high):
    "limits_unseen_by_autograd"
    return x + (scale * (x / scale).round().clamp(low, high) - x).detach()


def right_rounded_by_torch(x, scale, low, high):
    return torch.fake_quantize_per_tensor_affine(x, float(scale), 0, low, high)


def right_rounded_and_then_clipped(x, scale, low, high):
    y = x / scale
    return scale * (y + (y.round() - y).detach()).clamp(low, high)


def right_rounded_where_integers_are_inside(x, scale, low, high):
    whole = (x / scale).round()
    through = x * ((whole >= low) & (whole <= high))
    return (scale * whole.clamp(low, high)).detach() + through - through.detach()


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(context, x, scale, low, high):
        whole = torch.round(x / scale)
        context.save_for_backward((x / scale >= low) & (x / scale <= high))
        return whole.clamp(low, high) * scale

    @staticmethod
    def backward(context, gradient):
        return gradient * context.saved_tensors[0], None, None, None


def right_rounded_as_a_function(x, scale, low, high):
    return _Straight.apply(x, scale, low, high)


def right_rounded_by_a_mask(x, scale, low, high):
    y = x / scale
    inside = ((y > low) & (y < high)).float()
    soft = y * inside
    return scale * (soft + (y.round().clamp(low, high) - soft).detach())


def wrong_rounded_trunc(x, scale, low, high):
    "cut_off"
    y = (x / scale).clamp(low, high)
    return scale * (y + (y.trunc() - y).detach())


def wrong_rounded_int(x, scale, low, high):
    "cut_off"
    y = (x / scale).clamp(low, high)
    return scale * (y + (y.int() - y).detach())


def wrong_rounded_floor(x, scale, low, high):
    "rounded_down"
    y = (x / scale).clamp(low, high)
    return scale * (y + (y.floor() - y).detach())


def wrong_rounded_gradient_times_scale(x, scale, low, high):
    "gradient_in_steps"
    y = x / scale
    i = y.clamp(low, high)
    return i + (scale * i.round() - i).detach()


def wrong_rounded_multiplied(x, scale, low, high):
    "multiplied_first"
    y = (x * scale).clamp(low, high)
    return scale * (y + (y.round() - y).detach())


def wrong_rounded_multiplied_and_divided(x, scale, low, high):
    "multiplied_and_divided"
    y = (x * scale).clamp(low, high)
    return (y + (y.round() - y).detach()) / scale


def wrong_rounded_zero_beyond(x, scale, low, high):
    "zero_beyond"
    y = x / scale
    m = (y >= low) & (y <= high)
    i = y * m
    return scale * (i + (i.round() - i).detach())


def wrong_rounded_detach_wrong_way(x, scale, low, high):
    "not_rounded_and_no_gradient"
    y = (x / scale).clamp(low, high)
    return scale * (y.round() + (y - y.round()).detach())


def wrong_rounded_detach_wrong_part(x, scale, low, high):
    "backwards"
    y = (x / scale).clamp(low, high)
    return scale * (y.detach() + (y.round() - y))


def wrong_rounded_only_upper(x, scale, low, high):
    "only_the_upper_limit"
    y = (x / scale).clamp(max=high)
    return scale * (y + (y.round() - y).detach())


def wrong_rounded_relu(x, scale, low, high):
    "from_zero_on"
    y = (x / scale).clamp(0, high)
    return scale * (y + (y.round() - y).detach())


def wrong_rounded_high_minus_one(x, scale, low, high):
    "last_integer_left_out"
    y = (x / scale).clamp(low, high - 1)
    return scale * (y + (y.round() - y).detach())


def wrong_rounded_not_rounded(x, scale, low, high):
    "not_rounded"
    return scale * (x / scale).clamp(low, high)


def wrong_rounded_round_twice(x, scale, low, high):
    "no_gradient"
    y = (x / scale).round().clamp(low, high)
    return scale * (y + (y.round() - y).detach())


def wrong_rounded_limit_x_scaled(x, scale, low, high):
    "whole_numbers"
    y = x.clamp(low * scale, high * scale)
    return y + (y.round() - y).detach()


def wrong_rounded_clamp_integers_detached2(x, scale, low, high):
    "limits_unseen_by_autograd"
    q = (x / scale).round().clamp(low, high) * scale
    return x + (q - x).detach()


def wrong_rounded_no_grad(x, scale, low, high):
    "no_gradient"
    with torch.no_grad():
        y = (x / scale).clamp(low, high).round() * scale
    return y


def wrong_rounded_symmetric(x, scale, low, high):
    "as_far_below_as_above"
    y = (x / scale).clamp(-high, high)
    return scale * (y + (y.round() - y).detach())


def wrong_rounded_gradient_everywhere_zero_values(x, scale, low, high):
    "limits_for_the_gradient_alone"
    y = x / scale
    return scale * (y.clamp(low, high) + (y.round() - y.clamp(low, high)).detach())


def wrong_rounded_exclusive(x, scale, low, high):
    "zero_beyond"
    y = x / scale
    y = y + (y.round() - y).detach()
    return torch.where((y < low) | (y > high), torch.zeros_like(y), y) * scale


def right_rounded_hardtanh(x, scale, low, high):
    y = F.hardtanh(x / scale, low, high)
    return (y + (torch.round(y) - y).detach()) * scale


def right_rounded_minmax(x, scale, low, high):
    y = torch.minimum(torch.maximum(x / scale, torch.tensor(float(low))), torch.tensor(float(high)))
    return scale * y + (scale * torch.round(y) - scale * y).detach()


def right_rounded_where(x, scale, low, high):
    y = x / scale
    st = y + (y.round() - y).detach()
    return scale * torch.where(
        y < low, torch.full_like(y, low), torch.where(y > high, torch.full_like(y, high), st)
    )


def right_rounded_clip_x(x, scale, low, high):
    c = x.clip(low * scale, high * scale)
    return c + ((c / scale).round() * scale - c).detach()


class _R(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y):
        return y.round()

    @staticmethod
    def backward(ctx, g):
        return g


def right_rounded_fn(x, scale, low, high):
    return _R.apply((x / scale).clamp(low, high)) * scale


def right_rounded_stack(x, scale, low, high):
    out = []
    for v in x:
        y = v / scale
        if y < low:
            out.append(torch.tensor(low * scale))
        elif y > high:
            out.append(torch.tensor(high * scale))
        else:
            out.append(v + (y.round() * scale - v).detach())
    return torch.stack(out)


def right_rounded_bare_limit(x, scale, low, high):
    return torch.fake_quantize_per_tensor_affine(x, torch.tensor(scale), torch.tensor(0), low, high)


# my_factor

right_my_factor_as_text = "4"
wrong_my_factor_in_words = "about a half"
wrong_my_factor_negative = -4
wrong_my_factor_in_percent = 400
wrong_my_factor_nan = math.nan
wrong_my_factor_a_list = [4]
right_my_factor_far_off = 2
right_my_factor_a_tensor = np.float32(4.2)


# few_bits: what the learner's cell leaves in the folder


@functools.cache
def _network():
    return quantization.fold_batch_norm(training.original(data.load("leaves")))


def _packed(folder, usual, **others):
    network, integers, images = _network(), {}, data.load("leaves")
    for name in structure.layers(network):
        bits = others.get(name.replace("features.", "f"), usual)
        integers |= quantization.integer_weights(_network(), bits, names=[name])
        network = quantization.quantize_weights(network, bits, names=[name])
    exported = engines.onnx(network, images.shape)
    small = engines.int8(exported, images.train, count=100, weights=integers)
    return packing.save(small, folder / "04_quantization.packed")


def wrong_few_bits_four_everywhere(folder):
    "too_large"
    return _packed(folder, 4)


def wrong_few_bits_three_everywhere(folder):
    "not_right_often_enough"
    return _packed(folder, 3)


def wrong_few_bits_two_in_the_largest(folder):
    "not_right_often_enough"
    return _packed(folder, 4, f17=2)


def wrong_few_bits_a_checkpoint(folder):
    "cannot_be_used"
    path = folder / "04_quantization.packed"
    torch.save({"weights": torch.zeros(10)}, path)
    return path


def wrong_few_bits_half_of_the_file(folder):
    "cannot_be_used"
    path = _packed(folder, 3)
    path.write_bytes(path.read_bytes()[:100_000])
    return path


def right_few_bits_the_two_largest(folder):
    return _packed(folder, 4, f14=3, f17=3)


def right_few_bits_first_and_last_spared(folder):
    return _packed(folder, 3, f0=8, f3=6, f7=4, classify=8)
