"""A small student learns from a large teacher: from its doubts (Hinton), or its features (FitNets).

>>> import torch
>>> teacher = torch.tensor([[9.0, 6.0, 0.0]])  # a saw maple, perhaps a blunt maple; hardly an oak
>>> for temperature in (1, 4, 20):
...     print([f"{p:.0%}" for p in soften(teacher, temperature)[0].tolist()])
['95%', '5%', '0%']
['63%', '30%', '7%']
['40%', '34%', '26%']
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib import arguments, cache
from course_lib.images import normalisation
from course_lib.images.data import ImageData
from course_lib.networks import identity, structure, training


def soften(logits: Tensor, temperature: float = 4.0) -> Tensor:
    """The probabilities at a temperature: softmax(logits / temperature), (images, classes).

    Temperature 1 is the usual softmax. A higher one keeps the order of the classes and lets the
    small probabilities be seen; towards infinity all classes become alike.
    Source: Hinton, Vinyals and Dean 2015, arXiv 1503.02531, section 2, equation 1.
    """
    return (_checked_logits("logits", logits) / _checked_temperature(temperature)).softmax(1)


def loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float = 4.0,
    mix: float = 0.9,  # the teacher's share; the labels have the rest
) -> Tensor:
    """How far the student is from the teacher's opinion and from the labels: a scalar to lower.

        mix * T^2 * KL(teacher at T || student at T) + (1 - mix) * cross-entropy(student, labels)

    logits: (images, classes); labels: (images,). The mean over the images. The gradients of the
    first part shrink with 1 / T^2; the factor T^2 makes up for it, so that `mix` means the same at
    every temperature. Source: Hinton et al. 2015, section 2. There, cross-entropy stands for KL:
    the two differ by the teacher's entropy, which has no gradient.

    Raises ValueError for a temperature that is not above 0, a mix outside of [0, 1], and for
    logits of different shapes: student and teacher must have the same classes.

    >>> logits, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    >>> loss(logits, logits, labels, mix=1).item()  # a student that thinks as its teacher does
    0.0
    """
    temperature, mix = _checked_temperature(temperature), _checked_mix(mix)
    if _checked_logits("teacher_logits", teacher_logits).shape != student_logits.shape:
        raise ValueError(
            f"student and teacher must name the same classes of the same images, got logits "
            f"{tuple(student_logits.shape)} and {tuple(teacher_logits.shape)}"
        )
    divergence = F.kl_div(
        (student_logits / temperature).log_softmax(1),
        (teacher_logits.to(student_logits) / temperature).log_softmax(1),
        reduction="batchmean",  # the default would divide by the classes, too
        log_target=True,
    )
    return mix * temperature**2 * divergence + (1 - mix) * F.cross_entropy(student_logits, labels)


def teacher_outputs(teacher: nn.Module, data: ImageData) -> Tensor:
    """The teacher's logits on data.train, (images, classes), from the cache if they are there.

    Computed once for each teacher (for what it computes, see `identity.of`; one of which that
    can't be told is asked each time) and each set of images, so that several students do not pay
    for it again. The images are taken as they are: training moves and turns them, and the
    teacher's opinion of the upright image stands for all of these.

    Raises ValueError for a teacher with broken weights, of other classes or other images.
    """
    _check_teacher(teacher, data)

    key = identity.of(teacher, data.shape, training.batches(data.train))
    if key is None:
        return training.predict(teacher, data.train)

    def make() -> cache.Stored:
        return {"logits": training.predict(teacher, data.train)}, ""

    stored, _ = cache.cached(f"teacher-{data.fingerprint}-{key[:12]}.safetensors", key, make)
    return stored["logits"]


def taught_by(
    teacher: nn.Module | Tensor, temperature: float = 4.0, mix: float = 0.9
) -> training.Loss:
    """`loss` as `training.fit(..., loss=...)` takes it, for training that does more than distil.

    teacher: a network, which is asked about each batch just as the student sees it (moved, turned;
    slow), or its logits on data.train, as `teacher_outputs` gives them.
    """
    temperature, mix = _checked_temperature(temperature), _checked_mix(mix)
    if isinstance(teacher, nn.Module):
        asked = structure.copied(teacher)

        def opinion(student: nn.Module, inputs: Tensor, numbers: Tensor) -> Tensor:
            with torch.no_grad():
                seen = normalisation.converted(inputs, student, asked)
                return asked.to(inputs.device)(seen)
    else:
        known = _checked_logits("teacher", teacher)

        def opinion(student: nn.Module, inputs: Tensor, numbers: Tensor) -> Tensor:
            return known[numbers].to(inputs.device)

    def hook(network: nn.Module, inputs: Tensor, labels: Tensor, numbers: Tensor) -> Tensor:
        logits = network(inputs).float()  # training may compute them in 16 bits
        return loss(logits, opinion(network, inputs, numbers), labels, temperature, mix)

    return hook


def distil(
    student: nn.Module,
    teacher: nn.Module | Tensor,
    data: ImageData,
    epochs: int = 20,
    temperature: float = 4.0,
    mix: float = 0.9,
    **options: Any,  # of training.fit: learning_rate, seed, keep, after_step, progress, ...
) -> tuple[nn.Module, training.History]:
    """Train a copy of the student with the teacher's help; return it, and what happened.

    teacher: any network with the same classes, asked about each batch as the student sees it, or
    its logits on data.train, as `teacher_outputs` gives them: faster, and the teacher is paid once.
    Source: Hinton et al. 2015. Raises ValueError for a teacher that does not fit the data, and for
    what `loss` and `training.fit` refuse.
    """
    structure.check_weights(student)
    if isinstance(teacher, nn.Module):
        _check_teacher(teacher, data)
    else:
        _check_outputs(teacher, data)
    return training.fit(student, data, epochs, loss=taught_by(teacher, temperature, mix), **options)


def label_smoothing(smoothing: float = 0.1) -> training.Loss:
    """The baseline without a teacher, for `training.fit(..., loss=...)`: equal doubts for all.

    Cross-entropy to (1 - smoothing) * label + smoothing / classes. Source: Szegedy et al. 2016,
    arXiv 1512.00567, section 7.
    """
    arguments.share("smoothing", smoothing, "0.1 is usual")

    def hook(network: nn.Module, inputs: Tensor, labels: Tensor, numbers: Tensor) -> Tensor:
        return F.cross_entropy(network(inputs).float(), labels, label_smoothing=smoothing)

    return hook


def hints(
    student: nn.Module,
    teacher: nn.Module,
    data: ImageData,
    student_layer: str,  # a name of student.named_modules(), such as "features.12"
    teacher_layer: str,
    epochs: int = 2,
    **options: Any,  # of training.fit
) -> tuple[nn.Module, training.History]:
    """FitNets' first stage: the student's layer learns to tell what the teacher's layer says.

    Only the layers up to `student_layer` are trained; `distil` the result for the second stage. A
    regressor learns beside them, a 1x1 convolution (after a linear layer: a linear one) from the
    student's channels to the teacher's, and is thrown away. The loss is the mean squared difference
    of the two; the teacher sees the same moved and turned images.
    Source: Romero et al. 2015, arXiv 1412.6550, section 2.2 and equation 3, with a 1x1 regressor.

    Raises ValueError for a layer that is not there, and for two whose maps differ in size.
    """
    structure.check_weights(student)
    _check_teacher(teacher, data)
    if not any(p.requires_grad for p in student.parameters()):
        raise ValueError(
            "every parameter of the student is frozen; student.requires_grad_(True) lets it learn"
        )
    teacher = structure.copied(teacher)
    shapes = []
    for role, network, layer in (
        ("student", student, student_layer),
        ("teacher", teacher, teacher_layer),
    ):
        names = [name for name, _ in network.named_modules() if name]
        if layer not in names:
            raise ValueError(f"{role}_layer must be one of {', '.join(names)}; got {layer!r}")
        device = next(network.parameters()).device
        image = next(data.train.first(1).fed_to(network).batches(1, device=device))[0]
        with torch.no_grad():
            shapes.append(_features(structure.copied(network), layer, image).shape)
    (_, inside, *size), (_, wanted, *teacher_size) = shapes
    if size != teacher_size or len(size) not in (0, 2):
        raise ValueError(
            f"the two layers must give maps of one height and width (or vectors), got "
            f"{student_layer!r} {tuple(shapes[0][1:])} and {teacher_layer!r} "
            f"{tuple(shapes[1][1:])}; take layers that lie behind equally many strides and poolings"
        )
    torch.manual_seed(options.get("seed", 0))
    regressor = nn.Conv2d(inside, wanted, 1) if size else nn.Linear(inside, wanted)

    def hook(network: nn.Module, inputs: Tensor, labels: Tensor, numbers: Tensor) -> Tensor:
        with torch.no_grad():
            seen = normalisation.converted(inputs, network, teacher)
            hint = _features(teacher.to(inputs.device), teacher_layer, seen)
        assert isinstance(network, _Guided)
        return F.mse_loss(
            network.regressor(_features(network.student, student_layer, inputs)), hint
        )

    guided, history = training.fit(
        _Guided(student, regressor), data, epochs, loss=hook, **{"keep": "last", **options}
    )
    assert isinstance(guided, _Guided)
    return guided.student, history


class _Guided(nn.Module):
    """A student and the regressor that learns beside it; answers as the student does."""

    def __init__(self, student: nn.Module, regressor: nn.Module):
        super().__init__()
        self.student, self.regressor = student, regressor
        self.normalisation = normalisation.of(student)

    def forward(self, images: Tensor) -> Tensor:
        return self.student(images)


class _Reached(Exception):
    """The layer has answered; the layers behind it need not be computed."""


def _features(network: nn.Module, layer: str, images: Tensor) -> Tensor:
    """What the layer gives for the images; nothing behind it is computed or changed."""
    found = []

    def stop(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        found.append(output)
        raise _Reached

    handle = network.get_submodule(layer).register_forward_hook(stop)
    try:
        network(images)
    except _Reached:
        pass
    finally:
        handle.remove()
    return found[0]


def doubt_in_group(probabilities: Tensor, labels: Tensor, groups: Sequence[int]) -> float:
    """Of all doubt, the share that goes to other classes of the same group (genus), in [0, 1].

    probabilities: (images, classes); labels: (images,); groups: the group of each class. Doubt is
    what the true class does not get.

    >>> doubt_in_group(torch.tensor([[0.7, 0.2, 0.1]]), torch.tensor([0]), groups=(5, 5, 8))
    0.667
    """
    if len(groups) != probabilities.shape[1] or len(labels) != len(probabilities):
        raise ValueError(
            f"groups must name a group for each of {probabilities.shape[1]} classes, and labels a "
            f"class for each of {len(probabilities)} images; got {len(groups)} and {len(labels)}"
        )
    group = torch.as_tensor(groups)
    same = group[None, :] == group[labels][:, None]
    others = torch.ones_like(probabilities).scatter(1, labels[:, None], 0)
    doubt = probabilities * others
    return round((doubt * same).sum().item() / doubt.sum().item(), 3)


def _check_teacher(teacher: nn.Module, data: ImageData) -> None:
    """Raise ValueError unless the teacher gives a number for each class of these images."""
    structure.check_weights(teacher)
    if not len(data.train):
        raise ValueError(f"data {data.name!r} has no training images to ask the teacher about")
    try:
        outputs = training.predict(teacher, data.train.first(1))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"the teacher cannot take the images of {data.name!r}, of shape {data.shape}: {error}"
        ) from None
    _check_outputs(outputs, data, images=1)


def _check_outputs(outputs: Tensor, data: ImageData, images: int | None = None) -> None:
    wanted = (len(data.train) if images is None else images, len(data.classes))
    if tuple(_checked_logits("teacher", outputs).shape) != wanted:
        raise ValueError(
            f"the teacher's logits must be {wanted}: one row for each image, a number for each of "
            f"the {len(data.classes)} classes of {data.name!r}; got {tuple(outputs.shape)}. "
            f"teacher_outputs(teacher, data) makes them; teacher and student must have the same "
            f"classes"
        )


def _checked_logits(name: str, logits: Tensor) -> Tensor:
    if not isinstance(logits, Tensor) or logits.ndim != 2 or not logits.is_floating_point():
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"{name} must be float logits of shape (images, classes), got {shape}")
    if not logits.isfinite().all():
        raise ValueError(
            f"{name} hold NaN or infinite values: a training ran away, or these are not logits"
        )
    return logits


def _checked_temperature(temperature: float) -> float:
    if not isinstance(temperature, (int, float)) or not 0 < temperature < math.inf:
        raise ValueError(
            f"temperature must be a number above 0, got {temperature!r}; 1 is the usual softmax, "
            f"2 to 10 are usual to learn from"
        )
    return float(temperature)


def _checked_mix(mix: float) -> float:
    return arguments.share("mix", mix, "0.9 is nine parts teacher, one part labels", False)
