"""Networks as people write them: with a view, kept activations, wrappers, other precisions."""

import copy
import types
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import (
    data,
    distillation,
    engines,
    low_rank,
    models,
    neuron_pruning,
    quantization,
    scorecard,
    structure,
    training,
    weight_pruning,
)
from course_lib.networks import feeding

SHAPE = (3, 32, 32)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    return data.from_arrays(pixels, np.arange(60) % 3)


USES = {
    "prune": lambda n, d: neuron_pruning.prune(n, 0.5, shape=SHAPE),
    "taylor": lambda n, d: neuron_pruning.prune(n, 0.5, "taylor", images=d.train),
    "masks": lambda n, d: weight_pruning.apply(n, weight_pruning.masks(n, 0.8)),
    "simulate": lambda n, d: quantization.simulate(n, 8),
    "factor": lambda n, d: low_rank.factor(n, "channel_svd", SHAPE, rank=2),
    "onnx": lambda n, d: engines.onnx(n, SHAPE),
    "scorecard": lambda n, d: scorecard.measure(n, d, limit_s=0.1),
    "fit": lambda n, d: training.fit(n, d, 1, progress=False),
    "predict": lambda n, d: training.predict(n, d.val),
    "teacher": lambda n, d: distillation.teacher_outputs(n, d),
}


class Net(nn.Module):
    """As tutorials have it; `way` is what `forward` does besides."""

    def __init__(self, way="plain"):
        super().__init__()
        self.way, self.seen = way, None
        self.one, self.two = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 16, 3)
        self.head = nn.Linear(16 * 6 * 6, 3)

    def forward(self, x):
        x = F.relu(self.one(x))
        x = F.max_pool2d(F.relu(self.two(F.max_pool2d(x, 2))), 2)
        flat = x.view(x.size(0), -1) if self.way == "view" else x.flatten(1)
        out = self.head(flat)
        if self.way == "keeps":
            self.seen = {"maps": [x, (flat,)]}
        if self.way == "asks" and x.mean() > 100:
            out = 2 * out
        kinds = {"tuple": (out, x), "list": [out], "dict": {"logits": out}, "flat": out[0],
                 "text": "rose"}  # fmt: skip
        return kinds.get(self.way, out)


def close(first, second):
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)


# Layout


def test_a_view_steps_out_of_channels_last(images):
    torch.manual_seed(0)
    plain, viewing = Net(), Net("view")
    viewing.load_state_dict(plain.state_dict())
    assert feeding.layout(plain, SHAPE) == torch.channels_last
    assert feeding.layout(viewing, SHAPE) == torch.contiguous_format
    close(training.predict(viewing, images.val), training.predict(plain, images.val))


@pytest.mark.parametrize("use", USES)
def test_a_network_with_a_view_works_everywhere(images, use):
    USES[use](Net("view"), images)


def test_a_network_is_asked_once_and_again_for_another_forward():
    network, asked = models.LeafNet(4, classes=3), []
    forward = models.LeafNet.forward

    def counted(self, x):
        asked.append(len(x))
        return forward(self, x)

    network.forward = types.MethodType(counted, network)
    assert feeding.layout(network, SHAPE) == feeding.layout(network, SHAPE)
    assert asked == [2]
    network.forward = types.MethodType(lambda self, x: x.view(len(x), -1)[:, :3], network)
    feeding.layout(network, SHAPE)
    assert asked == [2]


def test_asking_calls_no_hook_and_changes_no_norm():
    network, heard = models.LeafNet(4, classes=3).train(), []
    network.features[0].register_forward_hook(lambda *given: heard.append(1))
    before = copy.deepcopy(network.state_dict())
    feeding.layout(network, SHAPE)
    assert heard == []
    assert network.training
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in before.items())


# Outputs


@pytest.mark.parametrize(
    ("way", "what"),
    [("tuple", "a tuple of 2"), ("list", "a list of 1"), ("dict", "a dict of logits"),
     ("flat", "shape"), ("text", "a str")],
)  # fmt: skip
@pytest.mark.parametrize("use", ["prune", "taylor", "onnx", "fit", "predict", "teacher"])
def test_what_is_no_logits_is_named_at_once(images, use, way, what):
    if way == "flat" and use in ("prune", "onnx"):  # parts of networks give other tensors
        USES[use](Net(way), images)
        return
    if way == "text" and use in ("prune", "taylor"):
        what = "torch-pruning cannot find"  # which looks first
    with pytest.raises(ValueError, match=what):
        USES[use](Net(way), images)


def test_a_forward_that_no_graph_holds_is_one_sentence(images):
    with pytest.raises(ValueError, match="PyTorch cannot export this network") as told:
        engines.onnx(Net("asks"), SHAPE)
    assert len(str(told.value).splitlines()) == 1
    assert "\x1b" not in str(told.value)
    training.fit(Net("asks"), images, 1, progress=False)


# Copies


@pytest.mark.parametrize("use", USES)
def test_kept_activations_are_no_hindrance(images, use):
    network = Net("keeps")
    network(torch.randn(2, *SHAPE)).sum().backward()
    assert network.seen["maps"][0].grad_fn is not None
    USES[use](network, images)


@pytest.mark.long
@pytest.mark.parametrize("use", USES)
def test_hooks_that_keep_what_they_see_are_no_hindrance(images, use):
    network = Net()
    kept = network.kept = []
    network.two.register_forward_hook(lambda module, given, made: kept.append(made))
    network(torch.randn(2, *SHAPE)).sum().backward()
    engines.onnx(Net(), SHAPE)
    USES[use](network, images)
    structure.duplicate(network)  # also of what an export left in `kept`


@pytest.mark.parametrize("way", ["default", "keyword", "closure", "method"])
def test_a_forward_set_by_hand_computes_with_the_copys_own_layers(way):
    network = Net()

    def flat(n, x):
        return n.head(F.adaptive_avg_pool2d(n.two(n.one(x)), 6).flatten(1))

    network.forward = {
        "default": lambda x, n=network: flat(n, x),
        "keyword": lambda x, *, n=network: flat(n, x),
        "closure": lambda x: flat(network, x),
        "method": types.MethodType(lambda self, x: flat(self, x), network),
    }[way]
    copied, image = structure.duplicate(network), torch.randn(1, *SHAPE)
    close(copied(image), network(image))
    with torch.no_grad():
        copied.head.bias += 1
    close(copied(image), network(image) + 1)


def test_a_copy_shares_nothing():
    network = Net("keeps")
    network(torch.randn(2, *SHAPE))
    copied = structure.duplicate(network)
    copied.seen["maps"][0].zero_()
    assert network.seen["maps"][0].abs().sum() > 0


# Wrappers and precisions


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("wrap", [nn.DataParallel, lambda n: torch.compile(n, backend="eager")])
def test_wrappers_are_taken_off(images, use, wrap):
    network = Net()
    made = USES[use](wrap(network), images)
    if use == "predict":
        close(made, training.predict(network, images.val))
    if use == "fit":
        assert type(made[0]) is Net


@pytest.mark.parametrize("use", ["prune", "masks", "simulate", "onnx", "fit", "scorecard"])
def test_scripted_networks_are_refused(images, use):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.trace(Net(), torch.zeros(1, *SHAPE))
    with pytest.raises(ValueError, match="scripted or traced network cannot be changed"):
        USES[use](scripted, images)


@pytest.mark.parametrize("use", [use for use in USES if use != "onnx"])
def test_64_bits_work(images, use):
    USES[use](Net().double(), images)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_engines_want_32_bits(kind):
    with pytest.raises(ValueError, match=rf"are {kind}, .* network.float\(\) makes them so"):
        engines.onnx(Net().to(kind), SHAPE)


def test_training_wants_32_bits(images):
    for network in (Net().half(), Net().bfloat16()):
        with pytest.raises(ValueError, match=r"weights of 32 bits.*network.float\(\)"):
            training.fit(network, images, 1, progress=False)


def test_labels_are_held_against_the_classes_not_against_the_images():
    logits = torch.zeros(2, 5)
    feeding.check_labels(torch.tensor([0, 4]), logits)
    for labels in ([0, 5], [-1, 4]):
        with pytest.raises(ValueError, match="labels must be 0 to 4, the network's classes"):
            feeding.check_labels(torch.tensor(labels), logits)
