"""Exercise 04: what learners write. wrong_TASK_...: rejected, and its hint holds the docstring.

right_TASK_...: another way to do it, accepted.
"""

import functools
import math

import numpy as np
import torch

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


# my_factor

wrong_my_factor_as_text = "4"
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
