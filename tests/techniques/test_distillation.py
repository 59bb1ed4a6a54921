"""Distillation: the loss is the paper's and torch's; students learn, teachers stay as they are."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from course_lib import cache, data, distillation, figures, models, training

few = settings(max_examples=15, deadline=None)
quiet = {"progress": False, "epochs": 1, "batch_size": 16}


@pytest.fixture(scope="module")
def stripes():
    """Three kinds of stripes in colour: learned in moments."""
    rng = np.random.default_rng(0)
    labels = np.arange(150) % 3
    pixels = rng.integers(0, 60, (150, 32, 32, 3), dtype=np.uint8)
    pixels[labels == 0, ::4] = 255
    pixels[labels == 1, :, ::4] = 255
    pixels[labels == 2, ::8, ::8] = 255
    return data.from_arrays(pixels, labels, name="stripes")


@pytest.fixture(scope="module")
def digits28():
    rng = np.random.default_rng(0)
    return data.from_arrays(rng.integers(0, 256, (80, 28, 28), dtype=np.uint8), np.arange(80) % 4)


@pytest.fixture(scope="module")
def teacher():
    return models.LeafNet(8, classes=3).eval()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))


def state(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def logits(seed, images=5, classes=4, scale=3.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(images, classes, generator=generator)


# The loss


@few
@given(
    seed=st.integers(0, 99), temperature=st.floats(0.5, 50), mix=st.floats(0, 1),
    classes=st.integers(2, 9),
)  # fmt: skip
def test_the_loss_is_the_papers_sum_written_out_in_numpy(seed, temperature, mix, classes):
    student, taught = logits(seed, classes=classes), logits(seed + 100, classes=classes)
    labels = torch.arange(5) % classes

    def softmax(values):
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    z, v = student.double().numpy(), taught.double().numpy()
    p, q = softmax(v / temperature), softmax(z / temperature)
    divergence = (p * np.log(p / q)).sum(axis=1).mean()
    entropy = -np.log(softmax(z)[np.arange(5), labels]).mean()
    wanted = mix * temperature**2 * divergence + (1 - mix) * entropy
    got = distillation.loss(student, taught, labels, temperature, mix).item()
    assert got == pytest.approx(wanted, rel=1e-3, abs=1e-4)


@few
@given(seed=st.integers(0, 99), temperature=st.floats(1, 20))
def test_its_gradient_is_that_of_torchs_cross_entropy_with_probabilities(seed, temperature):
    labels = torch.arange(5) % 4
    ours, theirs = logits(seed).requires_grad_(), logits(seed).requires_grad_()
    taught = logits(seed + 100)
    distillation.loss(ours, taught, labels, temperature, mix=1).backward()
    soft = F.cross_entropy(theirs / temperature, (taught / temperature).softmax(1))
    (temperature**2 * soft).backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-5)


def test_mix_zero_is_cross_entropy_and_an_equal_student_has_nothing_to_learn():
    labels = torch.arange(5) % 4
    student, taught = logits(1), logits(2)
    plain = distillation.loss(student, taught, labels, mix=0)
    assert torch.allclose(plain, F.cross_entropy(student, labels))
    assert distillation.loss(taught, taught, labels, mix=1).item() == pytest.approx(0, abs=1e-6)
    # A constant added to all logits of an image changes no probability.
    moved = distillation.loss(student + 7, taught - 3, labels)
    assert torch.allclose(moved, distillation.loss(student, taught, labels), atol=1e-4)


def test_at_a_high_temperature_half_the_squared_difference_of_the_logits_is_left():
    # Hinton et al. 2015, section 2.1, equations 3 and 4, for logits of mean zero.
    student, taught = (x - x.mean(1, keepdim=True) for x in (logits(1), logits(2)))
    got = distillation.loss(student, taught, torch.arange(5) % 4, temperature=1000, mix=1)
    wanted = ((student - taught) ** 2).sum(1).mean() / (2 * 4)
    assert got.item() == pytest.approx(wanted.item(), rel=0.02)


@few
@given(seed=st.integers(0, 99), low=st.floats(0.5, 10), more=st.floats(1.1, 5))
def test_a_higher_temperature_keeps_the_order_and_raises_the_doubt(seed, low, more):
    cold, warm = (distillation.soften(logits(seed), t) for t in (low, low * more))
    assert torch.allclose(warm.sum(1), torch.ones(5))
    assert torch.equal(cold.argsort(1), warm.argsort(1))
    assert (warm.max(1).values <= cold.max(1).values + 1e-6).all()


@pytest.mark.parametrize("temperature", [0, -1, math.inf, math.nan, "warm", None])
def test_a_temperature_that_is_none_is_quoted(temperature):
    with pytest.raises(
        ValueError, match=f"temperature must be a number above 0, got {temperature!r}"
    ):
        distillation.soften(logits(0), temperature)
    with pytest.raises(ValueError, match="temperature"):
        distillation.loss(logits(0), logits(1), torch.arange(5) % 4, temperature)
    with pytest.raises(ValueError, match="temperature"):
        distillation.taught_by(logits(0), temperature)


@pytest.mark.parametrize("mix", [-0.1, 1.2, math.nan, "half"])
def test_a_mix_outside_its_range_is_quoted(mix):
    with pytest.raises(ValueError, match=rf"mix must be in \[0, 1\], got {mix!r}"):
        distillation.loss(logits(0), logits(1), torch.arange(5) % 4, mix=mix)


def test_logits_that_do_not_fit_are_described():
    labels = torch.arange(5) % 4
    with pytest.raises(ValueError, match=r"same classes.*\(5, 4\) and \(5, 3\)"):
        distillation.loss(logits(0), logits(1, classes=3), labels)
    with pytest.raises(ValueError, match=r"\(images, classes\), got \(4,\)"):
        distillation.soften(torch.zeros(4))
    with pytest.raises(ValueError, match="NaN or infinite"):
        distillation.soften(torch.tensor([[math.nan, 1.0]]))
    with pytest.raises(ValueError, match=r"float logits .* got \(1, 2\)"):
        distillation.soften(torch.tensor([[1, 2]]))


# What the teacher says


def test_the_teacher_is_asked_once_and_left_as_it_was(stripes, monkeypatch):
    teacher = models.LeafNet(4, classes=3).train()
    before = state(teacher)
    first = distillation.teacher_outputs(teacher, stripes)
    asked = []
    monkeypatch.setattr(training, "predict", lambda *a: asked.append(len(a[1])) or first[:1])
    again = distillation.teacher_outputs(teacher, stripes)
    assert torch.equal(first, again)
    assert sum(asked) == 1  # one image, to see that it fits
    assert teacher.training
    assert same(before, state(teacher))


def test_another_teacher_and_other_images_have_outputs_of_their_own(stripes):
    teacher = models.LeafNet(4, classes=3).eval()
    first = distillation.teacher_outputs(teacher, stripes)
    assert torch.allclose(first, training.predict(teacher, stripes.train))
    other = copy.deepcopy(teacher)
    with torch.no_grad():
        other.classify.bias += 1
    assert torch.allclose(distillation.teacher_outputs(other, stripes), first + 1, atol=1e-5)
    fewer = replace(stripes, train=stripes.train.subset(slice(3, 30)))
    assert torch.allclose(distillation.teacher_outputs(teacher, fewer), first[3:30], atol=1e-5)
    assert len(list(cache.cache_dir().glob("teacher-*.safetensors"))) == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: models.LeafNet(4, classes=5), r"\(1, 3\): .*'stripes'; got \(1, 5\)"),
        (lambda: models.LeNet5(3), r"cannot take the images of 'stripes'.*\(3, 32, 32\)"),
        (lambda: nn.Conv2d(3, 3, 3), r"logits, .* \(images, classes\), got shape \(2, 3, 30, 30\)"),
        (lambda: "teacher", r"must be a torch\.nn\.Module, got a str"),
    ],
)  # fmt: skip
def test_a_teacher_that_does_not_fit_is_refused_before_any_training(stripes, wrong, message):
    with pytest.raises(ValueError, match=message):
        distillation.teacher_outputs(wrong(), stripes)
    if not isinstance(wrong(), str):
        with pytest.raises(ValueError, match=message):
            distillation.distil(models.LeafNet(4, classes=3), wrong(), stripes, **quiet)


def test_outputs_of_other_images_or_classes_and_broken_ones_are_refused(stripes):
    student, count = models.LeafNet(4, classes=3), len(stripes.train)
    for outputs in (torch.zeros(count - 1, 3), torch.zeros(count, 4), torch.zeros(count)):
        with pytest.raises(ValueError, match=r"logits"):
            distillation.distil(student, outputs, stripes, **quiet)
    with pytest.raises(ValueError, match="NaN or infinite"):
        distillation.distil(student, torch.full((count, 3), math.nan), stripes, **quiet)
    with pytest.raises(ValueError, match="got str"):
        distillation.distil(student, "outputs", stripes, **quiet)


def test_no_images_are_no_lesson(stripes, teacher):
    empty = replace(stripes, train=stripes.train.first(0))
    with pytest.raises(ValueError, match="no training images"):
        distillation.teacher_outputs(teacher, empty)


# Students


@pytest.mark.long
def test_the_student_learns_what_the_teacher_thinks_even_where_the_labels_are_wrong(stripes):
    """All of the lesson comes from the teacher: it never hears the true labels."""
    swapped = replace(
        stripes,
        train=data.Images(stripes.train.pixels, (stripes.train.labels + 1) % 3),
        val=data.Images(stripes.val.pixels, (stripes.val.labels + 1) % 3),
    )
    outputs = 8 * F.one_hot(swapped.train.labels, 3).float()
    student, history = distillation.distil(
        models.LeafNet(4, classes=3), outputs, stripes, epochs=8, mix=1, keep="last",
        learning_rate=0.02, batch_size=8, progress=False,
        augment=False,  # turned stripes are the other kind
    )  # fmt: skip
    assert history.loss[-1] < history.loss[0] / 2
    assert training.evaluate(student, swapped.val) > 0.9


def test_the_student_given_and_the_teacher_stay_as_they_are(stripes, teacher):
    student = models.LeafNet(4, classes=3).train()
    before, taught = state(student), state(teacher)
    grown, history = distillation.distil(student, teacher, stripes, **quiet)
    assert student.training
    assert not grown.training
    assert same(before, state(student))
    assert same(taught, state(teacher))
    assert not same(before, state(grown))
    assert all(p.grad is None for p in (*student.parameters(), *teacher.parameters()))
    assert len(history.loss) == 1


def test_a_teacher_that_watches_and_its_outputs_teach_the_same_where_nothing_moves(
    stripes, teacher
):
    outputs = distillation.teacher_outputs(teacher, stripes)
    student = models.LeafNet(4, classes=3)
    still = {**quiet, "augment": False}
    by_outputs, _ = distillation.distil(student, outputs, stripes, **still)
    by_teacher, _ = distillation.distil(student, teacher, stripes, **still)
    for name, value in by_outputs.state_dict().items():
        assert torch.allclose(value, by_teacher.state_dict()[name], atol=1e-3), name


def test_it_works_on_the_two_lenets_and_with_any_teacher(digits28):
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(784, 4))
    for student in (models.LeNet5(4, (2, 3, 8)), models.LeNet300100(4, (8, 6))):
        grown, _ = distillation.distil(student, teacher, digits28, **quiet)
        assert type(grown) is type(student)
        assert grown.widths == student.widths


def test_frozen_and_broken_students_are_refused_with_the_reason(stripes, teacher):
    student = models.LeafNet(4, classes=3)
    with torch.no_grad():
        student.classify.weight[0, 0] = math.nan
    with pytest.raises(ValueError, match=r"classify\.weight holds 1 NaN"):
        distillation.distil(student, teacher, stripes, **quiet)
    frozen = models.LeafNet(4, classes=3).requires_grad_(False)
    with pytest.raises(ValueError, match="every parameter is frozen"):
        distillation.distil(frozen, teacher, stripes, **quiet)
    with pytest.raises(ValueError, match="student"):
        distillation.hints(frozen, teacher, stripes, "features.12", "features.12", **quiet)


def test_a_run_away_training_says_so(stripes, teacher):
    outputs = 1e6 * distillation.teacher_outputs(teacher, stripes)
    with pytest.raises(FloatingPointError, match="learning rate"):
        distillation.distil(
            models.LeafNet(4, classes=3), outputs, stripes, learning_rate=1e6, epochs=3,
            progress=False,
        )  # fmt: skip


def test_label_smoothing_is_torchs():
    student, labels = logits(3), torch.arange(5) % 4
    hook = distillation.label_smoothing(0.2)
    got = hook(nn.Identity(), student, labels, torch.arange(5))
    soft = 0.8 * F.one_hot(labels, 4) + 0.2 / 4
    assert torch.allclose(got, F.cross_entropy(student, soft))
    with pytest.raises(ValueError, match=r"smoothing must be in \[0, 1\), got 1"):
        distillation.label_smoothing(1)


def test_without_numbers_they_are_those_of_the_docstring():
    student, teacher = torch.tensor([[1.0, 2.0, -1.0]]), torch.tensor([[0.5, 3.0, 0.0]])
    labels = torch.tensor([2])
    given = distillation.loss(student, teacher, labels, temperature=4, mix=0.9)
    assert torch.equal(distillation.loss(student, teacher, labels), given)


# Hints


def test_hints_bring_the_students_features_nearer_and_touch_nothing_behind(stripes, teacher):
    student = models.LeafNet(4, classes=3)
    before = state(student)
    grown, history = distillation.hints(
        student, teacher, stripes, "features.12", "features.12", epochs=4, batch_size=16,
        progress=False,
    )  # fmt: skip
    assert history.loss[-1] < history.loss[0]
    assert isinstance(grown, models.LeafNet)
    assert not grown.training
    assert same(before, state(student))
    after = state(grown)
    behind = ("features.14", "features.15", "features.17", "features.18", "classify")
    for name in before:
        assert torch.equal(before[name], after[name]) == name.startswith(behind), name
    assert not any(module._forward_hooks for module in (*grown.modules(), *teacher.modules()))


def test_hints_work_after_linear_layers(digits28):
    student, teacher = models.LeNet300100(4, (8, 6)), models.LeNet300100(4, (20, 12))
    grown, _ = distillation.hints(student, teacher, digits28, "layers.2", "layers.2", **quiet)
    assert not torch.equal(grown.layers[1].weight, student.layers[1].weight)
    assert torch.equal(grown.layers[5].weight, student.layers[5].weight)


def test_layers_that_are_not_there_or_differ_in_size_are_named(stripes, teacher):
    student = models.LeafNet(4, classes=3)
    with pytest.raises(ValueError, match=r"student_layer must be one of features, .*got 'conv9'"):
        distillation.hints(student, teacher, stripes, "conv9", "features.12", **quiet)
    with pytest.raises(ValueError, match=r"teacher_layer must be one of .*got ''"):
        distillation.hints(student, teacher, stripes, "features.12", "", **quiet)
    with pytest.raises(
        ValueError, match=r"'features.12' \(8, 8, 8\) and 'features.5' \(8, 16, 16\)"
    ):
        distillation.hints(student, teacher, stripes, "features.12", "features.5", **quiet)
    with pytest.raises(ValueError, match="vectors"):
        distillation.hints(student, teacher, stripes, "classify", "features.12", **quiet)


# Doubts


def test_doubt_in_group_counts_relatives_alone():
    probabilities = torch.tensor([[0.6, 0.3, 0.1, 0.0], [0.1, 0.2, 0.2, 0.5]])
    labels = torch.tensor([0, 3])
    # 0.3 and 0.2 of the doubts 0.4 and 0.5 stay within the groups {0, 1} and {2, 3}
    found = distillation.doubt_in_group(probabilities, labels, (7, 7, 9, 9))
    assert found == pytest.approx(0.5 / 0.9, abs=1e-3)
    assert distillation.doubt_in_group(probabilities, labels, (0, 1, 2, 3)) == 0
    assert distillation.doubt_in_group(probabilities, labels, (1, 1, 1, 1)) == 1
    with pytest.raises(ValueError, match=r"a group for each of 4 classes.*got 3"):
        distillation.doubt_in_group(probabilities, labels, (1, 1, 1))


# Pictures

PIXELS = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
EXAMPLES = {
    "opinion": lambda: figures.opinion(
        PIXELS, [0.7, 0.2, 0.1], ["oak", "holm oak", "elm"], 0, 4, [0, 0, 1]
    ),
    "opinion of many": lambda: figures.opinion(
        PIXELS[..., 0], np.full(30, 1 / 30), [str(i) for i in range(30)], 3, 20
    ),
    "learning": lambda: figures.learning_curves(
        {"alone": [[0.5, 0.8], [0.4, 0.7]], "taught": [[0.6, 0.9], [0.6, 0.8]]}, 0.97, "Learning"
    ),
    "learning by looks": lambda: figures.learning_curves(
        {"alone": [[0.5, 0.8]], "taught": [[0.6, 0.9]]}, 0.97, "Learning", [0, 3000]
    ),
    "against": lambda: figures.against_teacher(
        {"alone": [(-2, -3, -1)], "taught": [(-0.5, -1, 0), (-0.4, -0.9, 0.1)]}, limit=1.0
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_picture_is_drawn_and_carries_its_data(name):
    made = EXAMPLES[name]()
    assert made.png().startswith(b"\x89PNG")
    for text in {
        "opinion": ("the truth is oak", "30% doubt, 67% of it in the genus", "holm oak 20.0%"),
        "opinion of many": ("temperature 20: 97% doubt",),
        "learning by looks": ("by images seen; the teacher 3.0%", "taught: from 40.0% to 10.0%"),
        "learning": ("by epoch; the teacher 3.0%", "alone: from 55.0% to 25.0%"),
        "against": ("alone: -2.0 (-3.0 to -1.0)", "taught: -0.5"),
    }[name]:
        assert text in made.alt
