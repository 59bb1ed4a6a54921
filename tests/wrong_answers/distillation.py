"""Exercise 05: what learners write. wrong_TASK_...: rejected, and its hint holds the docstring.

right_TASK_...: another way to do it, accepted.
"""

import dataclasses
import functools
import math

import numpy as np
import torch
from torch.nn import functional as F

from course_lib import data, distillation, engines, packing, quantization, students, training

# hesitates


def wrong_hesitates_forgot_exp(logits, temperature):
    "in_nats"
    p = distillation.soften(logits, temperature)
    return torch.special.entr(p).sum(1)


def wrong_hesitates_in_bits(logits, temperature):
    "in_bits"
    p = torch.softmax(logits / temperature, dim=1).double()
    return -(p * torch.log2(p + 1e-30)).sum(dim=1)


def wrong_hesitates_log2_and_exp(logits, temperature):
    "two_bases"
    p = torch.softmax(logits / temperature, dim=1).double()
    return torch.exp(-(p * torch.log2(p + 1e-30)).sum(dim=1))


def wrong_hesitates_log_and_two(logits, temperature):
    "two_bases_the_other_way"
    logs = F.log_softmax(logits / temperature, dim=1)
    return 2 ** -(logs.exp() * logs).sum(1)


def wrong_hesitates_sign(logits, temperature):
    "upside_down"
    logs = F.log_softmax(logits / temperature, dim=1)
    return (logs.exp() * logs).sum(1).exp()


def wrong_hesitates_mean(logits, temperature):
    "one_for_all"
    logs = F.log_softmax(logits / temperature, dim=1)
    return torch.exp(-(logs.exp() * logs).sum(1)).mean().item()


def wrong_hesitates_mean_of_classes(logits, temperature):
    "mean_of_the_classes"
    logs = F.log_softmax(logits / temperature, dim=1)
    return torch.exp(-(logs.exp() * logs).mean(1))


def wrong_hesitates_axis(logits, temperature):
    "over_the_images"
    logs = F.log_softmax(logits / temperature, dim=0)
    return torch.exp(-(logs.exp() * logs).sum(1))


def wrong_hesitates_no_temperature(logits, temperature):
    "temperature_forgotten"
    logs = logits.log_softmax(1)
    return torch.exp(-(logs.exp() * logs).sum(1))


def wrong_hesitates_colder(logits, temperature):
    "colder"
    logs = (logits * temperature).log_softmax(1)
    return torch.exp(-(logs.exp() * logs).sum(1))


def wrong_hesitates_divides_probabilities(logits, temperature):
    "after_softmax"
    p = logits.softmax(1) / temperature
    return torch.exp(torch.special.entr(p).sum(1))


def wrong_hesitates_as_written(logits, temperature):
    "zero_times_no_number"
    p = (logits / temperature).softmax(1)
    return torch.exp(-(p * torch.log(p)).sum(1))


def wrong_hesitates_largest(logits, temperature):
    "of_the_largest_alone"
    return [1 / float(p.max()) for p in (logits / temperature).softmax(1)]


def wrong_hesitates_by_torch(logits, temperature):
    "borrowed"
    return torch.distributions.Categorical(logits=logits / temperature).entropy().exp()


def wrong_hesitates_in_place(logits, temperature):
    "changed_its_input"
    logits /= temperature
    return torch.exp(torch.special.entr(logits.softmax(1)).sum(1))


def wrong_hesitates_hard_coded(logits, temperature):
    "always_the_same"
    return 2.0


def wrong_hesitates_counts(logits, temperature):
    "other"
    return ((logits / temperature).softmax(1) > 0.05).sum(1)


def right_hesitates_by_loops(logits, temperature):
    found = []
    for row in logits.tolist():
        highest = max(row)
        parts = [math.exp((each - highest) / temperature) for each in row]
        p = [part / sum(parts) for part in parts]
        found.append(math.exp(-sum(each * math.log(each) for each in p if each > 0)))
    return found


def right_hesitates_in_numpy(logits, temperature):
    z = logits.numpy().astype(np.float64) / temperature
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return np.exp(-np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1))


def right_hesitates_with_a_little_added(logits, temperature):
    p = distillation.soften(logits, temperature)
    return torch.exp(-(p * (p + 1e-9).log()).sum(1, keepdim=True))


def wrong_hesitates_after_exp_of_each(logits, temperature):
    "exp_before_the_sum"
    logs = (logits / temperature).log_softmax(1)
    return (torch.exp(-(logs.exp() * logs))).sum(1)


def wrong_hesitates_no_weights(logits, temperature):
    "not_weighted"
    logs = (logits / temperature).log_softmax(1)
    return torch.exp(-logs.sum(1))


def wrong_hesitates_mean_log(logits, temperature):
    "not_weighted_mean"
    logs = (logits / temperature).log_softmax(1)
    return torch.exp(-logs.mean(1))


def wrong_hesitates_clamped_coarsely(logits, temperature):
    "lifted_to_1e_02"
    p = (logits / temperature).softmax(1).clamp(min=1e-2)
    return torch.exp(-(p * p.log()).sum(1))


def wrong_hesitates_all_images(logits, temperature):
    "images_added_up"
    logs = (logits / temperature).log_softmax(1)
    return torch.exp(-(logs.exp() * logs).sum())


def wrong_hesitates_sum_dim0(logits, temperature):
    "classes_kept_apart"
    logs = (logits / temperature).log_softmax(1)
    return torch.exp(-(logs.exp() * logs).sum(0))


def wrong_hesitates_temperature_on_entropy(logits, temperature):
    "temperature_divides_the_entropy"
    logs = logits.log_softmax(1)
    return torch.exp(-(logs.exp() * logs).sum(1) / temperature)


def wrong_hesitates_temperature_outside(logits, temperature):
    "temperature_divides_the_number"
    logs = logits.log_softmax(1)
    return torch.exp(-(logs.exp() * logs).sum(1)) / temperature


def wrong_hesitates_only_logs_softened(logits, temperature):
    "half_softened"
    p = logits.softmax(1)
    logs = (logits / temperature).log_softmax(1)
    return torch.exp(-(p * logs).sum(1))


def wrong_hesitates_plus_eps_large(logits, temperature):
    "logarithm_lifted_by_1e_03"
    p = (logits / temperature).softmax(1)
    return torch.exp(-(p * (p + 1e-3).log()).sum(1))


def wrong_hesitates_log10(logits, temperature):
    "two_bases_and_ten"
    p = (logits / temperature).softmax(1)
    return torch.exp(-(torch.where(p > 0, p * p.log10(), 0)).sum(1))


def wrong_hesitates_ten(logits, temperature):
    "two_bases_and_ten_the_other_way"
    p = (logits / temperature).softmax(1)
    return 10 ** (-(torch.where(p > 0, p * p.log(), 0)).sum(1))


def wrong_hesitates_exp_minus_one(logits, temperature):
    "one_too_few"
    logs = (logits / temperature).log_softmax(1)
    return torch.exp(-(logs.exp() * logs).sum(1)) - 1


def wrong_hesitates_normalised(logits, temperature):
    "share_of_all_doubt"
    logs = (logits / temperature).log_softmax(1)
    return -(logs.exp() * logs).sum(1) / math.log(logits.shape[1])


def wrong_hesitates_one_minus_max(logits, temperature):
    "doubt_of_the_largest_alone"
    return 1 - (logits / temperature).softmax(1).amax(1)


def wrong_hesitates_nan_to_num_outside(logits, temperature):
    "no_number_made_zero"
    p = (logits / temperature).softmax(1)
    return torch.nan_to_num(torch.exp(-(p * p.log()).sum(1)))


def wrong_hesitates_no_exp_and_wrong_sign(logits, temperature):
    "below_zero"
    logs = (logits / temperature).log_softmax(1)
    return (logs.exp() * logs).sum(1)


def wrong_hesitates_sigmoid(logits, temperature):
    "each_class_by_itself"
    p = torch.sigmoid(logits / temperature)
    return torch.exp(-(p * p.clamp(min=1e-30).log()).sum(1))


def right_hesitates_xlogy(logits, temperature):
    p = torch.nn.Softmax(dim=-1)(logits / temperature)
    return torch.exp(-torch.xlogy(p, p).sum(-1))


def right_hesitates_entr(logits, temperature):
    return torch.special.entr(F.softmax(logits.div(temperature), dim=1)).sum(dim=1).exp()


def right_hesitates_nansum(logits, temperature):
    p = (logits / temperature).softmax(1)
    return (-(p * p.log()).nansum(1)).exp()


def right_hesitates_cross(logits, temperature):
    z = logits / temperature
    return F.cross_entropy(z, z.softmax(1), reduction="none").exp()


def right_hesitates_product(logits, temperature):
    p = (logits.double() / temperature).softmax(1)
    return 1 / (p**p).prod(1)


# softened


def wrong_softened_as_in_the_chapter(probabilities, temperature):
    "taken_for_logits"
    return torch.softmax(probabilities / temperature, dim=1)


def wrong_softened_power(probabilities, temperature):
    "sharpened"
    p = probabilities**temperature
    return p / p.sum(1, keepdim=True)


def wrong_softened_divided_and_shared(probabilities, temperature):
    "nothing_changed"
    p = probabilities / temperature
    return p / p.sum(1, keepdim=True)


def wrong_softened_divided(probabilities, temperature):
    "all_smaller"
    return probabilities / temperature


def wrong_softened_no_sum(probabilities, temperature):
    "not_shared_out"
    return torch.exp(torch.log(probabilities) / temperature)


def wrong_softened_columns(probabilities, temperature):
    "among_the_images"
    p = probabilities ** (1 / temperature) + 1e-30
    return p / p.sum(0)


def wrong_softened_softmax_of_columns(probabilities, temperature):
    "among_the_images"
    return torch.softmax((probabilities + 1e-30).double().log() / temperature, 0)


def wrong_softened_one_sum(probabilities, temperature):
    "among_all"
    p = probabilities.numpy() ** (1 / temperature)
    return p / p.sum()


def wrong_softened_softmax_after_the_power(probabilities, temperature):
    "shared_out_twice"
    return F.softmax(probabilities.pow(1 / temperature), dim=1)


def wrong_softened_logs(probabilities, temperature):
    "logarithms"
    return F.log_softmax(probabilities.log() / temperature, dim=1)


def wrong_softened_with_epsilon(probabilities, temperature):
    "zeros_lifted"
    return torch.softmax(torch.log(probabilities + 1e-8) / temperature, dim=1)


def wrong_softened_clamped(probabilities, temperature):
    "zeros_lifted"
    return torch.softmax(torch.log(probabilities.clamp(min=1e-12)) / temperature, dim=1)


def wrong_softened_by_the_library(probabilities, temperature):
    "borrowed"
    return distillation.soften(probabilities.clamp(min=1e-30).log(), temperature)


def wrong_softened_temperature_of_the_chapter(probabilities, temperature):
    "always_at_four"
    return torch.softmax(probabilities.log() / 4, dim=1)


def wrong_softened_in_place(probabilities, temperature):
    "changed_its_input"
    probabilities.pow_(1 / temperature)
    return probabilities / probabilities.sum(1, keepdim=True)


def right_softened_through_logits(probabilities, temperature):
    return torch.softmax(torch.log(probabilities) / temperature, dim=1)


def right_softened_in_numpy(probabilities, temperature):
    roots = np.power(np.asarray(probabilities, dtype=np.float64), 1 / temperature)
    return (roots.T / roots.sum(axis=1)).T


def right_softened_by_loops(probabilities, temperature):
    made = []
    for row in probabilities.tolist():
        parts = [p ** (1 / temperature) if p > 0 else 0.0 for p in row]
        made.append([part / sum(parts) for part in parts])
    return made


def _n(a):
    return a / a.sum(1, keepdim=True)


def wrong_softened_temp_on_log_no_exp(probabilities, temperature):
    "logits_shared_out"
    return _n(probabilities.clamp(min=1e-30).log() / temperature)


def wrong_softened_mixture(probabilities, temperature):
    "mixed_with_even_shares"
    k = probabilities.shape[1]
    return probabilities / temperature + (1 - 1 / temperature) / k


def wrong_softened_log_softmax_multiply(probabilities, temperature):
    "sharpened"
    return torch.softmax(torch.log(probabilities) * temperature, 1)


def wrong_softened_sqrt(probabilities, temperature):
    "always_at_two"
    return _n(probabilities**0.5)


def wrong_softened_eps_1e4(probabilities, temperature):
    "zeros_lifted_by_1e_04"
    return torch.softmax((probabilities + 1e-4).log() / temperature, 1)


def wrong_softened_eps_1e5_clamp(probabilities, temperature):
    "zeros_lifted_to_1e_05"
    return torch.softmax(probabilities.clamp(min=1e-5).log() / temperature, 1)


def wrong_softened_eps_eps(probabilities, temperature):
    "zeros_lifted_by_1e_07"
    return torch.softmax((probabilities + torch.finfo(torch.float32).eps).log() / temperature, 1)


def wrong_softened_eps_tiny_1e16(probabilities, temperature):
    "zeros_lifted_by_1e_16"
    return torch.softmax((probabilities + 1e-16).log() / temperature, 1)


def wrong_softened_zero_after_no_share(probabilities, temperature):
    "zeros_put_back_after_1e_06"
    p = torch.softmax((probabilities + 1e-6).log() / temperature, 1)
    return torch.where(probabilities > 0, p, 0.0)


def wrong_softened_logs_zero(probabilities, temperature):
    "ruled_out_becomes_likely"
    # log of zero set to 0
    each = torch.where(probabilities > 0, probabilities.log(), 0.0)
    return torch.softmax(each / temperature, 1)


def wrong_softened_max_share(probabilities, temperature):
    "largest_is_one"
    a = probabilities ** (1 / temperature)
    return a / a.amax(1, keepdim=True)


def wrong_softened_sum_no_keepdim(probabilities, temperature):
    "raised_RuntimeError"
    a = probabilities ** (1 / temperature)
    return a / a.sum(1)


def wrong_softened_exp_over(probabilities, temperature):
    "taken_for_logits"
    return _n(torch.exp(probabilities / temperature))


def wrong_softened_double_temperature(probabilities, temperature):
    "softened_twice"
    return torch.softmax(torch.log(probabilities ** (1 / temperature)) / temperature, 1)


def wrong_softened_logit(probabilities, temperature):
    "odds"
    return torch.softmax(torch.logit(probabilities, 1e-12) / temperature, 1)


def wrong_softened_norm(probabilities, temperature):
    "length_is_one"
    a = probabilities ** (1 / temperature)
    return a / a.norm(dim=1, keepdim=True)


def wrong_softened_int_power(probabilities, temperature):
    "all_alike"
    return _n(probabilities ** (1 // temperature))


def wrong_softened_nan_fixed(probabilities, temperature):
    "ruled_out_becomes_likely"
    return torch.softmax(torch.nan_to_num(probabilities.log(), neginf=0.0) / temperature, 1)


def wrong_softened_log2(probabilities, temperature):
    "another_base"
    return torch.softmax(probabilities.log2() / temperature, 1)


def right_softened_normalize(probabilities, temperature):
    return F.normalize(probabilities.pow(1 / temperature), p=1, dim=1)


def right_softened_masked(probabilities, temperature):
    each = probabilities.clamp(min=1e-38).log() / temperature
    each = each.masked_fill(probabilities == 0, float("-inf"))
    return each.softmax(-1)


def right_softened_nan(probabilities, temperature):
    z = torch.nan_to_num(probabilities.log(), neginf=-1e9)
    return F.softmax(z / temperature, dim=1)


def right_softened_tiny(probabilities, temperature):
    return ((probabilities.double() + 1e-300).log() / temperature).softmax(1)


def right_softened_zero_then_share(probabilities, temperature):
    p = torch.softmax((probabilities + 1e-30).log() / temperature, 1)
    p = torch.where(probabilities > 0, p, 0.0)
    return p / p.sum(1, keepdim=True)


# partly_labelled


def wrong_partly_labelled_as_given(student, teacher, labels, temperature, mix):
    "as_given"
    log_given = (student / temperature).log_softmax(1)
    wanted = (teacher / temperature).softmax(1)
    apart = (wanted * (wanted.log() - log_given)).mean()
    known = labels >= 0
    from_labels = F.cross_entropy(student[known] / temperature, labels[known])
    return mix * temperature**2 * apart + (1 - mix) * from_labels


def wrong_partly_labelled_labels_mended(student, teacher, labels, temperature, mix):
    "divided_by_the_classes"
    log_given = (student / temperature).log_softmax(1)
    wanted = (teacher / temperature).softmax(1)
    apart = (wanted * (wanted.log() - log_given)).mean()
    known = labels >= 0
    from_labels = F.cross_entropy(student[known], labels[known])
    return mix * temperature**2 * apart + (1 - mix) * from_labels


def wrong_partly_labelled_teacher_mended(student, teacher, labels, temperature, mix):
    "softened_for_the_labels"
    log_given = (student / temperature).log_softmax(1)
    wanted = (teacher / temperature).softmax(1)
    apart = F.kl_div(log_given, wanted, reduction="batchmean")
    known = labels >= 0
    from_labels = F.cross_entropy(student[known] / temperature, labels[known])
    return mix * temperature**2 * apart + (1 - mix) * from_labels


def wrong_partly_labelled_nothing_known(student, teacher, labels, temperature, mix):
    "no_label_at_all"
    log_given = (student / temperature).log_softmax(1)
    wanted = (teacher / temperature).softmax(1)
    apart = F.kl_div(log_given, wanted, reduction="batchmean")
    known = labels >= 0
    from_labels = F.cross_entropy(student[known], labels[known])
    return mix * temperature**2 * apart + (1 - mix) * from_labels


def wrong_partly_labelled_teacher_alone(student, teacher, labels, temperature, mix):
    "teacher_takes_over"
    log_given = (student / temperature).log_softmax(1)
    wanted = (teacher / temperature).softmax(1)
    apart = temperature**2 * F.kl_div(log_given, wanted, reduction="batchmean")
    known = labels >= 0
    if known.sum() == 0:
        return apart
    return mix * apart + (1 - mix) * F.cross_entropy(student[known], labels[known])


def wrong_partly_labelled_zero(student, teacher, labels, temperature, mix):
    "silent_without_labels"
    known = labels != -1
    if not known.any():
        return 0.0
    log_given = (student / temperature).log_softmax(1)
    wanted = (teacher / temperature).softmax(1)
    apart = temperature**2 * F.kl_div(log_given, wanted, reduction="batchmean")
    return mix * apart + (1 - mix) * F.cross_entropy(student[known], labels[known])


def wrong_partly_labelled_known_alone(student, teacher, labels, temperature, mix):
    "taught_with_labels_only"
    known = labels >= 0
    if known.sum() == 0:
        return torch.tensor(0.0)
    student, teacher, labels = student[known], teacher[known], labels[known]
    log_given = (student / temperature).log_softmax(1)
    wanted = (teacher / temperature).softmax(1)
    apart = temperature**2 * F.kl_div(log_given, wanted, reduction="batchmean")
    return mix * apart + (1 - mix) * F.cross_entropy(student, labels)


def wrong_partly_labelled_mean_of_all(student, teacher, labels, temperature, mix):
    "labels_thinned_out"
    log_given = (student / temperature).log_softmax(1)
    wanted = (teacher / temperature).softmax(1)
    apart = temperature**2 * F.kl_div(log_given, wanted, reduction="batchmean")
    each = F.cross_entropy(student, labels.clamp(min=0), reduction="none")
    return mix * apart + (1 - mix) * (each * (labels >= 0)).mean()


def wrong_partly_labelled_swapped(student, teacher, labels, temperature, mix):
    "roles_exchanged"
    known = labels >= 0
    apart = F.kl_div(
        (teacher / temperature).log_softmax(1),
        (student / temperature).softmax(1),
        reduction="batchmean",
    )
    hard = F.cross_entropy(student[known], labels[known]) if known.any() else 0
    return mix * temperature**2 * apart + (1 - mix) * hard


def wrong_partly_labelled_no_square(student, teacher, labels, temperature, mix):
    "no_square"
    known = labels >= 0
    wanted = (teacher / temperature).softmax(1)
    apart = F.kl_div((student / temperature).log_softmax(1), wanted, reduction="batchmean")
    hard = F.cross_entropy(student[known], labels[known]) if known.any() else 0
    return mix * apart + (1 - mix) * hard


def wrong_partly_labelled_mix(student, teacher, labels, temperature, mix):
    "shares_exchanged"
    known = labels >= 0
    wanted = (teacher / temperature).softmax(1)
    apart = F.kl_div((student / temperature).log_softmax(1), wanted, reduction="batchmean")
    hard = F.cross_entropy(student[known], labels[known]) if known.any() else 0
    return (1 - mix) * temperature**2 * apart + mix * hard


def wrong_partly_labelled_soft_targets(student, teacher, labels, temperature, mix):
    "cross_entropy_with_the_teacher"
    known = labels >= 0
    soft = F.cross_entropy(student / temperature, (teacher / temperature).softmax(1))
    hard = F.cross_entropy(student[known], labels[known]) if known.any() else 0
    return mix * temperature**2 * soft + (1 - mix) * hard


def wrong_partly_labelled_by_the_library(student, teacher, labels, temperature, mix):
    "borrowed"
    return distillation.loss(student, teacher, labels.clamp(min=0), temperature, mix)


def wrong_partly_labelled_pasted_from_the_chapter(student, teacher, labels, temperature, mix):
    "raised_IndexError"
    wanted = (teacher / temperature).softmax(1)
    log_given = (student / temperature).log_softmax(1)
    apart = (wanted * (wanted.log() - log_given)).sum(1).mean()
    from_labels = F.cross_entropy(student, labels)
    return mix * temperature**2 * apart + (1 - mix) * from_labels


def wrong_partly_labelled_fills_labels_in(student, teacher, labels, temperature, mix):
    "changed_its_input"
    labels[labels < 0] = teacher.argmax(1)[labels < 0]
    return F.cross_entropy(student, labels)


def wrong_partly_labelled_teacher_names_them(student, teacher, labels, temperature, mix):
    "none_made_up_by_the_teacher"
    labels = torch.where(labels < 0, teacher.argmax(1), labels)
    wanted = (teacher / temperature).softmax(1)
    apart = F.kl_div((student / temperature).log_softmax(1), wanted, reduction="batchmean")
    return mix * temperature**2 * apart + (1 - mix) * F.cross_entropy(student, labels)


def right_partly_labelled_ignoring(student, teacher, labels, temperature, mix):
    soft = torch.nn.KLDivLoss(reduction="batchmean", log_target=True)(
        F.log_softmax(student / temperature, dim=1), F.log_softmax(teacher / temperature, dim=1)
    )
    hard = F.cross_entropy(student, labels, ignore_index=-1, reduction="sum")
    return mix * temperature**2 * soft + (1 - mix) * hard / (labels != -1).sum().clamp(min=1)


def wrong_partly_labelled_with_plain_numbers(student, teacher, labels, temperature, mix):
    "no_gradient"
    plain = student.tolist(), teacher.tolist(), labels.tolist(), temperature, mix
    return _by_loops(*plain, math.exp, math.log)


def wrong_partly_labelled_without_gradients(student, teacher, labels, temperature, mix):
    "no_gradient"
    with torch.no_grad():
        return _as_it_should_be(student, teacher, labels, temperature, mix)


def wrong_partly_labelled_as_a_number(student, teacher, labels, temperature, mix):
    "no_gradient"
    return _as_it_should_be(student, teacher, labels, temperature, mix).item()


def wrong_partly_labelled_half_detached(student, teacher, labels, temperature, mix):
    "another_gradient"
    whole = _as_it_should_be(student, teacher, labels, temperature, mix)
    return whole.detach() / 2 + whole / 2


def right_partly_labelled_by_loops(student, teacher, labels, temperature, mix):
    return _by_loops(student, teacher, labels, temperature, mix, torch.exp, torch.log)


def _by_loops(student, teacher, labels, temperature, mix, exp, log):
    def probabilities(logits, divisor):
        parts = [exp(each / divisor) for each in logits]
        return [part / sum(parts) for part in parts]

    soft, hard = [], []
    for own, theirs, label in zip(student, teacher, labels, strict=True):
        p, q = probabilities(theirs, temperature), probabilities(own, temperature)
        soft.append(sum(a * log(a / b) for a, b in zip(p, q, strict=True)))
        if label >= 0:
            hard.append(-log(probabilities(own, 1)[label]))
    from_labels = sum(hard) / len(hard) if hard else 0.0
    return mix * temperature**2 * sum(soft) / len(soft) + (1 - mix) * from_labels


def right_partly_labelled_in_double(student, teacher, labels, temperature, mix):
    student, teacher = student.double(), teacher.double()
    wanted = (teacher / temperature).softmax(-1)
    entropy = -(wanted * wanted.log()).sum(-1).mean()
    soft = F.cross_entropy(student / temperature, wanted) - entropy
    hard = torch.nan_to_num(F.cross_entropy(student, labels, ignore_index=-1))
    return mix * temperature**2 * soft + (1 - mix) * hard


def _as_it_should_be(student, teacher, labels, temperature, mix, square=2, reduction="batchmean"):
    known = labels >= 0
    wanted = (teacher / temperature).softmax(1)
    soft = F.kl_div((student / temperature).log_softmax(1), wanted, reduction=reduction)
    hard = F.cross_entropy(student[known], labels[known]) if known.any() else 0
    return mix * temperature**square * soft + (1 - mix) * hard


def wrong_partly_labelled_temperature_once(student, teacher, labels, temperature, mix):
    "temperature_once"
    return _as_it_should_be(student, teacher, labels, temperature, mix, square=1)


def wrong_partly_labelled_reduction_sum(student, teacher, labels, temperature, mix):
    "all_images_added_up"
    return _as_it_should_be(student, teacher, labels, temperature, mix, reduction="sum")


def wrong_partly_labelled_sum_of_labels(student, teacher, labels, temperature, mix):
    "all_labels_added_up"
    kl = torch.nn.KLDivLoss(reduction="batchmean")
    soft = kl((student / temperature).log_softmax(1), (teacher / temperature).softmax(1))
    hard = F.cross_entropy(student, labels, ignore_index=-1, reduction="sum")
    return mix * temperature**2 * soft + (1 - mix) * hard


def wrong_partly_labelled_axis(student, teacher, labels, temperature, mix):
    "softmax_of_the_columns"
    known = labels >= 0
    log_given = (student / temperature).log_softmax(0)
    wanted = (teacher / temperature).softmax(0)
    apart = (wanted * (wanted.log() - log_given)).sum(1).mean()
    hard = F.cross_entropy(student[known], labels[known]) if known.any() else 0
    return mix * temperature**2 * apart + (1 - mix) * hard


def wrong_partly_labelled_above_zero(student, teacher, labels, temperature, mix):
    "first_species_left_out"
    labels = torch.where(labels > 0, labels, -1)
    return _as_it_should_be(student, teacher, labels, temperature, mix)


def _soft(s, t, T):
    return F.kl_div((s / T).log_softmax(1), (t / T).softmax(1), reduction="batchmean")


def _hard(s, each):
    k = each >= 0
    return F.cross_entropy(s[k], each[k]) if k.any() else 0.0


def wrong_partly_labelled_kl_mean(student, teacher, labels, temperature, mix):
    "divided_by_the_classes"
    a = F.kl_div((student / temperature).log_softmax(1), (teacher / temperature).softmax(1))
    return mix * temperature**2 * a + (1 - mix) * _hard(student, labels)


def wrong_partly_labelled_t_square_on_all(student, teacher, labels, temperature, mix):
    "squared_for_all"
    return temperature**2 * (
        mix * _soft(student, teacher, temperature) + (1 - mix) * _hard(student, labels)
    )


def wrong_partly_labelled_t_square_on_labels(student, teacher, labels, temperature, mix):
    "squared_for_the_labels"
    return mix * _soft(student, teacher, temperature) + (1 - mix) * temperature**2 * _hard(
        student, labels
    )


def wrong_partly_labelled_divided_by_t2(student, teacher, labels, temperature, mix):
    "divided_by_the_square"
    return mix / temperature**2 * _soft(student, teacher, temperature) + (1 - mix) * _hard(
        student, labels
    )


def wrong_partly_labelled_no_mix(student, teacher, labels, temperature, mix):
    "both_with_full_say"
    return temperature**2 * _soft(student, teacher, temperature) + _hard(student, labels)


def wrong_partly_labelled_mix_teacher_only(student, teacher, labels, temperature, mix):
    "labels_with_full_say"
    return mix * temperature**2 * _soft(student, teacher, temperature) + _hard(student, labels)


def wrong_partly_labelled_unlabelled_teacher_only(student, teacher, labels, temperature, mix):
    "teacher_for_the_rest_only"
    k = labels < 0
    soft = _soft(student[k], teacher[k], temperature) if k.any() else 0.0
    return mix * temperature**2 * soft + (1 - mix) * _hard(student, labels)


def wrong_partly_labelled_mse(student, teacher, labels, temperature, mix):
    "squares_of_probabilities"
    return mix * temperature**2 * F.mse_loss(
        (student / temperature).softmax(1), (teacher / temperature).softmax(1)
    ) + (1 - mix) * _hard(student, labels)


def wrong_partly_labelled_per_image(student, teacher, labels, temperature, mix):
    "each_photo_by_itself"
    tot = []
    for s, t, each in zip(student, teacher, labels, strict=True):
        s, t = s[None], t[None]
        a = temperature**2 * _soft(s, t, temperature)
        tot.append(mix * a + (1 - mix) * F.cross_entropy(s, each[None]) if each >= 0 else a)
    return torch.stack(tot).mean()


def wrong_partly_labelled_per_image2(student, teacher, labels, temperature, mix):
    "labels_thinned_out"
    tot = 0
    for s, t, each in zip(student, teacher, labels, strict=True):
        s, t = s[None], t[None]
        tot = (
            tot
            + mix * temperature**2 * _soft(s, t, temperature)
            + ((1 - mix) * F.cross_entropy(s, each[None]) if each >= 0 else 0)
        )
    return tot / len(student)


def wrong_partly_labelled_detach_student(student, teacher, labels, temperature, mix):
    "another_gradient"
    return mix * temperature**2 * _soft(student.detach(), teacher, temperature) + (1 - mix) * _hard(
        student, labels
    )


def wrong_partly_labelled_log_student_not(student, teacher, labels, temperature, mix):
    "student_without_logarithm"
    a = F.kl_div(
        (student / temperature).softmax(1),
        (teacher / temperature).softmax(1),
        reduction="batchmean",
    )
    return mix * temperature**2 * a + (1 - mix) * _hard(student, labels)


def wrong_partly_labelled_target_logits(student, teacher, labels, temperature, mix):
    "teacher_in_logarithms"
    a = F.kl_div(
        (student / temperature).log_softmax(1),
        (teacher / temperature).log_softmax(1),
        reduction="batchmean",
    )
    return mix * temperature**2 * a + (1 - mix) * _hard(student, labels)


def wrong_partly_labelled_only_zero_guard_wrong(student, teacher, labels, temperature, mix):
    "labels_only_if_all_are_known"
    k = labels >= 0
    soft = temperature**2 * _soft(student, teacher, temperature)
    if not k.all():
        return mix * soft
    return mix * soft + (1 - mix) * F.cross_entropy(student, labels)


def wrong_partly_labelled_clamped_labels(student, teacher, labels, temperature, mix):
    "none_taken_for_the_first"
    return mix * temperature**2 * _soft(student, teacher, temperature) + (
        1 - mix
    ) * F.cross_entropy(student, labels.clamp(min=0))


def wrong_partly_labelled_abs_labels(student, teacher, labels, temperature, mix):
    "none_taken_for_the_second"
    return mix * temperature**2 * _soft(student, teacher, temperature) + (
        1 - mix
    ) * F.cross_entropy(student, labels.abs())


def wrong_partly_labelled_last_class(student, teacher, labels, temperature, mix):
    "none_taken_for_the_last"
    return mix * temperature**2 * _soft(student, teacher, temperature) + (
        1 - mix
    ) * F.cross_entropy(student, labels % student.shape[1])


def wrong_partly_labelled_cross_entropy_sum(student, teacher, labels, temperature, mix):
    "cross_entropy_with_the_teacher"
    w = (teacher / temperature).softmax(1)
    a = -(w * (student / temperature).log_softmax(1)).sum() / len(w)
    return mix * temperature**2 * a + (1 - mix) * _hard(student, labels)


def wrong_partly_labelled_not_temperature(student, teacher, labels, temperature, mix):
    "not_softened"
    return mix * _soft(student, teacher, 1.0) + (1 - mix) * _hard(student, labels)


def wrong_partly_labelled_times_t(student, teacher, labels, temperature, mix):
    "colder"
    a = F.kl_div(
        (student * temperature).log_softmax(1),
        (teacher * temperature).softmax(1),
        reduction="batchmean",
    )
    return mix * temperature**2 * a + (1 - mix) * _hard(student, labels)


def wrong_partly_labelled_weights_of_batch(student, teacher, labels, temperature, mix):
    "labels_thinned_out"
    share = (labels >= 0).float().mean()
    return mix * temperature**2 * _soft(student, teacher, temperature) + (1 - mix) * share * _hard(
        student, labels
    )


def right_partly_labelled_kl_none(student, teacher, labels, temperature, mix):
    a = (
        F.kl_div(
            (student / temperature).log_softmax(1),
            (teacher / temperature).softmax(1),
            reduction="none",
        )
        .sum(1)
        .mean()
    )
    ce = F.cross_entropy(student, labels.clamp(min=0), reduction="none")
    m = (labels >= 0).float()
    return mix * temperature**2 * a + (1 - mix) * (ce * m).sum() / m.sum().clamp(min=1)


def right_partly_labelled_gather(student, teacher, labels, temperature, mix):
    logp = student.log_softmax(1)
    idx = torch.nonzero(labels >= 0).flatten()
    hard = -logp[idx, labels[idx]].mean() if len(idx) else torch.zeros(())
    return mix * temperature**2 * _soft(student, teacher, temperature) + (1 - mix) * hard


def right_partly_labelled_torch_kl(student, teacher, labels, temperature, mix):
    p = torch.distributions.Categorical(logits=teacher / temperature)
    q = torch.distributions.Categorical(logits=student / temperature)
    hard = (
        0 if (labels == -1).all() else F.nll_loss(student.log_softmax(-1), labels, ignore_index=-1)
    )
    return (
        mix * temperature * temperature * torch.distributions.kl_divergence(p, q).mean()
        + (1 - mix) * hard
    )


def right_partly_labelled_ce(student, teacher, labels, temperature, mix):
    t = (teacher / temperature).softmax(1)
    a = F.cross_entropy(student / temperature, t) - F.cross_entropy(teacher / temperature, t)
    loss = mix * a * temperature**2
    if (labels > -1).sum() > 0:
        loss = loss + (1 - mix) * F.cross_entropy(student[labels > -1], labels[labels > -1])
    return loss


# my_unseen

right_my_unseen_as_text = "10%"
wrong_my_unseen_in_words = "about a half"
wrong_my_unseen_negative = -1
wrong_my_unseen_of_a_thousand = 830
wrong_my_unseen_nan = math.nan
wrong_my_unseen_a_tuple = (0, 100)
right_my_unseen_none = 0
right_my_unseen_a_number_of_numpy = np.float64(85.5)


# resembling


def _to_length_one(features):
    return features / features.norm(dim=1, keepdim=True).clamp(min=1e-9)


def wrong_resembling_raw_products(student, teacher):
    "lengths_count"
    n = len(student)
    apart = (student @ student.T - teacher @ teacher.T) ** 2
    apart[range(n), range(n)] = 0
    return apart.sum() / max(1, n * (n - 1))


def wrong_resembling_squares_of_lengths(student, teacher):
    "squares_of_the_lengths"
    s = student / (student**2).sum(1, keepdim=True).clamp(min=1e-9)
    t = teacher / (teacher**2).sum(1, keepdim=True).clamp(min=1e-9)
    n = len(s)
    return ((s @ s.T - t @ t.T) ** 2).fill_diagonal_(0).sum() / max(1, n * (n - 1))


def wrong_resembling_columns(student, teacher):
    "lengths_of_the_columns"
    s, t = F.normalize(student, dim=0), F.normalize(teacher, dim=0)
    n = len(student)
    apart = (s @ s.T - t @ t.T) ** 2
    apart[range(n), range(n)] = 0
    return apart.sum() / max(1, n * (n - 1))


def wrong_resembling_mse(student, teacher):
    "with_itself"
    s, t = F.normalize(student, dim=1), F.normalize(teacher, dim=1)
    return F.mse_loss(s @ s.T, t @ t.T)


def wrong_resembling_divided_by_all(student, teacher):
    "counted_with_itself"
    s, t = _to_length_one(student), _to_length_one(teacher)
    return ((s @ s.T - t @ t.T) ** 2).fill_diagonal_(0).mean()


def wrong_resembling_half(student, teacher):
    "half_of_it"
    s, t = _to_length_one(student), _to_length_one(teacher)
    n, total = len(s), 0.0
    for i in range(n):
        for j in range(i):
            total += float(s[i] @ s[j] - t[i] @ t[j]) ** 2
    return total / (n * (n - 1)) if n > 1 else 0.0


def wrong_resembling_sum(student, teacher):
    "added_up"
    s, t = _to_length_one(student), _to_length_one(teacher)
    return ((s @ s.T - t @ t.T) ** 2).fill_diagonal_(0).sum()


def wrong_resembling_absolute(student, teacher):
    "not_squared"
    s, t = _to_length_one(student), _to_length_one(teacher)
    n = len(s)
    return (s @ s.T - t @ t.T).abs().fill_diagonal_(0).sum() / max(1, n * (n - 1))


def wrong_resembling_root(student, teacher):
    "with_a_root"
    s, t = _to_length_one(student), _to_length_one(teacher)
    n = len(s)
    total = ((s @ s.T - t @ t.T) ** 2).fill_diagonal_(0).sum()
    return math.sqrt(total / max(1, n * (n - 1)))


def wrong_resembling_zeros(student, teacher):
    "features_of_no_length"
    s = student / torch.linalg.norm(student, axis=1)[:, None]
    t = teacher / torch.linalg.norm(teacher, axis=1)[:, None]
    n = len(s)
    return ((s @ s.T - t @ t.T) ** 2).fill_diagonal_(0).sum() / max(1, n * (n - 1))


def wrong_resembling_one_image(student, teacher):
    "no_pair_at_all"
    s, t = F.normalize(student), F.normalize(teacher)
    different = ~torch.eye(len(s), dtype=torch.bool)
    return F.mse_loss((s @ s.T)[different], (t @ t.T)[different])


def wrong_resembling_neither_corner(student, teacher):
    "features_of_no_length"
    s, t = student / student.norm(dim=1)[:, None], teacher / teacher.norm(dim=1)[:, None]
    different = ~torch.eye(len(s), dtype=torch.bool)
    return F.mse_loss((s @ s.T)[different], (t @ t.T)[different])


def wrong_resembling_as_the_chapters_hints(student, teacher):
    "raised_RuntimeError"
    return ((student - teacher) ** 2).mean()


def wrong_resembling_in_place(student, teacher):
    "changed_its_input"
    for features in (student, teacher):
        features /= features.norm(dim=1, keepdim=True).clamp(min=1e-9)
    different = ~torch.eye(len(student), dtype=torch.bool)
    return ((student @ student.T - teacher @ teacher.T)[different] ** 2).mean()


def wrong_resembling_distances(student, teacher):
    "other"
    s, t = torch.pdist(_to_length_one(student)), torch.pdist(_to_length_one(teacher))
    return ((s - t) ** 2).mean() if len(s) else 0.0


def wrong_resembling_with_plain_numbers(student, teacher):
    "no_gradient"
    return right_resembling_by_loops(student.tolist(), teacher.tolist())


def wrong_resembling_as_a_number(student, teacher):
    "no_gradient"
    return float(right_resembling_by_torch(student, teacher))


def wrong_resembling_detached(student, teacher):
    "no_gradient"
    return right_resembling_by_torch(student.detach(), teacher)


def right_resembling_by_loops(s, t):
    def cosine(one, other):
        length = (sum(x * x for x in one) * sum(x * x for x in other)) ** 0.5
        return sum(x * y for x, y in zip(one, other, strict=True)) / length if length else 0.0

    found = []
    for i in range(len(s)):
        for j in range(i + 1, len(s)):
            found.append((cosine(s[i], s[j]) - cosine(t[i], t[j])) ** 2)
    return sum(found) / len(found) if found else 0


def right_resembling_by_torch(student, teacher):
    s = F.cosine_similarity(student[:, None], student[None], dim=2)
    t = F.cosine_similarity(teacher[:, None], teacher[None], dim=2)
    above = torch.triu(torch.ones_like(s), 1) > 0
    return ((s - t)[above] ** 2).sum() / max(1, above.sum())


def wrong_resembling_in_numpy(student, teacher):
    "no_gradient"
    alike = []
    for features in (student.detach().numpy().astype(float), teacher.numpy().astype(float)):
        length = np.linalg.norm(features, axis=1, keepdims=True)
        rows = np.divide(features, length, out=np.zeros_like(features), where=length > 0)
        alike.append((rows @ rows.T)[np.triu_indices(len(rows), 1)])
    return np.mean((alike[0] - alike[1]) ** 2) if alike[0].size else 0.0


def _c(x):
    x = F.normalize(x, dim=1)
    return x @ x.T


def _off(a):
    return a[~torch.eye(len(a), dtype=torch.bool)]


def _m(d):
    return d.mean() if d.numel() else d.sum()


def wrong_resembling_square_of_mean(student, teacher):
    "mean_before_the_square"
    return _m(_off(_c(student) - _c(teacher))) ** 2


def wrong_resembling_difference_of_squares(student, teacher):
    "squares_before_the_difference"
    return _m(_off(_c(student) ** 2 - _c(teacher) ** 2))


def wrong_resembling_centered(student, teacher):
    "middle_taken_away"
    return _m(_off((_c(student - student.mean(0)) - _c(teacher - teacher.mean(0))) ** 2))


def wrong_resembling_fro(student, teacher):
    "root_of_the_sum"
    d = _c(student) - _c(teacher)
    d = d * (1 - torch.eye(len(d)))
    return torch.linalg.norm(d)


def wrong_resembling_neighbours(student, teacher):
    "neighbours_only"
    s, t = F.normalize(student, dim=1), F.normalize(teacher, dim=1)
    d = (s[1:] * s[:-1]).sum(1) - (t[1:] * t[:-1]).sum(1)
    return _m(d**2)


def wrong_resembling_l1norm(student, teacher):
    "sums_instead_of_lengths"
    s = F.normalize(student, p=1, dim=1)
    t = F.normalize(teacher, p=1, dim=1)
    return _m(_off((s @ s.T - t @ t.T) ** 2))


def wrong_resembling_upper_half_over_all(student, teacher):
    "upper_half_over_all"
    d = torch.triu((_c(student) - _c(teacher)) ** 2, 1)
    n = len(d)
    return d.sum() / max(1, n * n)


def wrong_resembling_mean_of_triu(student, teacher):
    "upper_half_over_all"
    return torch.triu((_c(student) - _c(teacher)) ** 2, 1).mean()


def wrong_resembling_per_row(student, teacher):
    "for_each_image"
    d = (_c(student) - _c(teacher)) ** 2
    return d.fill_diagonal_(0).sum() / len(d)


def wrong_resembling_only_student_normed(student, teacher):
    "lengths_of_the_teacher_count"
    return _m(_off((_c(student) - teacher @ teacher.T) ** 2))


def wrong_resembling_max_norm(student, teacher):
    "largest_instead_of_lengths"
    s = student / student.amax(1, keepdim=True).clamp(min=1e-12)
    t = teacher / teacher.amax(1, keepdim=True).clamp(min=1e-12)
    return _m(_off((s @ s.T - t @ t.T) ** 2))


def wrong_resembling_norm_of_all(student, teacher):
    "length_of_all_features"
    s = student / student.norm().clamp(min=1e-12)
    t = teacher / teacher.norm().clamp(min=1e-12)
    return _m(_off((s @ s.T - t @ t.T) ** 2))


def wrong_resembling_skip_zero(student, teacher):
    "images_of_no_length_left_out"
    k = (student.norm(dim=1) > 0) & (teacher.norm(dim=1) > 0)
    return _m(_off((_c(student[k]) - _c(teacher[k])) ** 2))


def wrong_resembling_diag_as_pair(student, teacher):
    "twice_of_it"
    n = len(student)
    return ((_c(student) - _c(teacher)) ** 2).fill_diagonal_(0).sum() / max(1, n * (n - 1) / 2)


def wrong_resembling_nan(student, teacher):
    "no_pair_at_all"
    d = (_c(student) - _c(teacher)) ** 2
    n = len(d)
    return (d.sum() - d.trace()) / (n * n - n)


def wrong_resembling_sum_of_lengths(student, teacher):
    "sums_instead_of_lengths"
    s = student / student.sum(1, keepdim=True).clamp(min=1e-12)
    t = teacher / teacher.sum(1, keepdim=True).clamp(min=1e-12)
    return _m(_off((s @ s.T - t @ t.T) ** 2))


def right_resembling_triu_indices(student, teacher):
    i, j = torch.triu_indices(len(student), len(student), 1)
    s = F.normalize(student, dim=1)
    t = F.normalize(teacher, dim=1)
    if len(i) == 0:
        return (student * 0).sum()
    return F.mse_loss((s[i] * s[j]).sum(1), (t[i] * t[j]).sum(1))


def right_resembling_einsum(student, teacher):
    def f(x):
        x = x / (x.norm(dim=-1, keepdim=True) + 1e-8)
        return torch.einsum("id,jd->ij", x, x)

    m = 1 - torch.eye(len(student))
    return (((f(student) - f(teacher)) * m) ** 2).sum() / m.sum().clamp(min=1)


def right_resembling_loops(student, teacher):
    tot = student.sum() * 0
    n = 0
    for i in range(len(student)):
        for j in range(len(student)):
            if i != j:
                tot = (
                    tot
                    + (
                        F.cosine_similarity(student[i], student[j], dim=0)
                        - F.cosine_similarity(teacher[i], teacher[j], dim=0)
                    )
                    ** 2
                )
                n += 1
    return tot / n if n else tot


def right_resembling_itertools(student, teacher):
    from itertools import combinations

    d = [
        (
            F.cosine_similarity(student[[i]], student[[j]])
            - F.cosine_similarity(teacher[[i]], teacher[[j]])
        )
        ** 2
        for i, j in combinations(range(len(student)), 2)
    ]
    return torch.cat(d).mean() if d else torch.tensor(0.0)


def right_resembling_trace(student, teacher):
    d = (_c(student) - _c(teacher)).pow(2)
    n = d.size(0)
    return (d.sum() - d.diagonal().sum()) / (n * (n - 1)) if n > 1 else d.sum() * 0


# taught: what the learner's cell leaves in the folder

FILE = "05_distillation.packed"


@functools.cache
def _given():
    images = data.load("leaves")
    photos = images.train.first(640)
    lessons = dataclasses.replace(images, train=photos, val=images.val.first(32))
    return images, lessons, students.student(images, "distilled")


@functools.cache
def _answers():
    _, lessons, student = _given()
    return training.predict(student, lessons.train)


def _teach(folder, answers, bits, temperature, learning_rate):
    _, lessons, student = _given()
    network, _ = distillation.distil(
        quantization.simulate(student, bits), answers, lessons, epochs=1, temperature=temperature,
        mix=1, learning_rate=learning_rate, batch_size=32, augment=False, keep="last",
        progress=False,
    )  # fmt: skip
    return _packed(folder, *quantization.trained_integers(network))


def _packed(folder, network, integers):
    images = _given()[0]
    exported = engines.onnx(network, images.shape)
    small = engines.int8(exported, images.train, count=100, weights=integers)
    return packing.save(small, folder / FILE)


def wrong_taught_four_bits(folder):
    "too_large"
    network = quantization.fold_batch_norm(_given()[2])
    integers = quantization.integer_weights(network, 4)
    return _packed(folder, quantization.quantize_weights(network, 4), integers)


def wrong_taught_rounded_without_a_teacher(folder):
    "not_right_often_enough"
    network = quantization.fold_batch_norm(_given()[2])
    integers = quantization.integer_weights(network, 3)
    return _packed(folder, quantization.quantize_weights(network, 3), integers)


def wrong_taught_no_temperature(folder):
    "not_right_often_enough"
    return _teach(folder, _answers(), 3, 1, 0.005)


def wrong_taught_step_of_an_untrained_network(folder):
    "not_right_often_enough"
    return _teach(folder, _answers(), 3, 4, 0.05)


def wrong_taught_two_bits(folder):
    "not_right_often_enough"
    return _teach(folder, _answers(), 2, 20, 0.01)


def wrong_taught_answers_to_other_photos(folder):
    "not_right_often_enough"
    return _teach(folder, _answers().roll(1, 0), 3, 20, 0.01)


def wrong_taught_a_checkpoint(folder):
    "cannot_be_used"
    torch.save(_given()[2].state_dict(), folder / FILE)
    (folder / FILE).write_bytes((folder / FILE).read_bytes()[:20_000])
    return folder / FILE


def right_taught_warm(folder):
    return _teach(folder, _answers(), 3, 8, 0.008)


def right_taught_hotter(folder):
    return _teach(folder, _answers().clone(), 3, 12, 0.008)
