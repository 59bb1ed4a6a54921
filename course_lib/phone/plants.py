"""Real plants, out of the box: ImageNet's plants before and after compressing, for the phone page.

The uncompressed network looks at 224 x 224 pixels in float32. The compressed one looks at 160, and
its weights have only as many levels as they need (`optimal_rounding`). In browsers it computes in
float32 all the same: integers are slower there, for convolutions that look at each channel alone.
`native()` computes in integers, for apps.

>>> len(CLASSES), SIDES
(38, {'before': 224, 'after': 160})

Needs no download: it is calibrated on sample photos that come with scikit-learn and matplotlib,
and on drawn leaves. None of these shows one of its classes.
"""

import hashlib
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import nn

from course_lib import cache
from course_lib.deploy import engines, graphs, packing
from course_lib.images import leaves
from course_lib.images.image_data import Images
from course_lib.networks import counting
from course_lib.networks.folding import fold_batch_norm
from course_lib.phone.plant_network import CLASSES, FED, GROUPS, network
from course_lib.phone.rejection import Rule
from course_lib.recipes import result
from course_lib.techniques import optimal_rounding

if TYPE_CHECKING:
    from course_lib.phone.page_models import PageModel

__all__ = ["CLASSES", "GROUPS", "after", "before", "files", "native", "network", "page_models"]

VERSION = "2"  # part of the cache's key: raise it whenever the networks change
SIDES = {"before": 224, "after": 160}  # pixels
ABOUT = (
    "It knows 38 plants, fruits, vegetables and mushrooms of ImageNet, whose photos it was trained "
    "on, and no others. It errs: never decide by it what can be eaten."
)
RECIPE = (
    "keep the outputs of plants; fold batch norms; look at 160 x 160 pixels; give each channel as "
    "many levels as it needs, and let the other weights make up for rounding"
)
HARM = 3e-6  # of a bit saved, see `optimal_rounding.steps`: what agreement with float32 allows
PICTURES, RANGED = 96, 48  # to round by, and of these to find the ranges of activations by
BIAS_STEP = 2.0**-8  # activations reach 6
# Chosen on one half of the pictures of benchmarks/plants.py, judged on the other.
UNSURE = {"before": Rule(1.0, 0.5, 7.5), "after": Rule(1.0, 0.5, 12.25)}

Kept = dict[str, bytes]  # files by role


# Before and after


def before() -> engines.Onnx:
    """The uncompressed network: float32, 224 x 224 pixels, any number of images."""
    return engines.Onnx(_kept()["before"], None, _shape("before"), "float32")


def after() -> engines.Onnx:
    """The compressed network for browsers, restored from its packed file; 160 x 160 pixels.

    Weights are 8-bit integers that the engine turns into floats once, when it loads them.
    """
    return packing.unpack(_kept()["after"])


def native() -> engines.Onnx:
    """The same weights in integer arithmetic, for apps: ONNX Runtime's int8, 160 x 160 pixels."""
    return packing.unpack(_kept()["native"])


def files(folder: str | Path) -> dict[str, Path]:
    """Write the networks to a folder, by role; the first two named as `compress` names them."""
    names = {
        "before": result.ORIGINAL,
        "after": result.PACKED,
        "native": "native.packed",
    }
    kept = _kept()
    return {role: packing.write(Path(folder) / names[role], kept[role]) for role in names}


def _shape(role: str) -> tuple[int, int, int]:
    return 3, SIDES[role], SIDES[role]


def _kept() -> Kept:
    """All networks' files, made once for each version of what makes them."""
    parts = [VERSION, HARM, SIDES, *(version(name) for name in ("torch", "onnx", "onnxruntime"))]
    key = hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()[:12]
    tensors, _ = cache.cached(f"plants-{key}.safetensors", key, _make)
    return {role: tensor.numpy().tobytes() for role, tensor in tensors.items()}


def _make() -> cache.Stored:
    original = network()
    print("Compressing the network of real plants, once: about a minute ...", file=sys.stderr)
    shown, side = pictures(SIDES["after"]), SIDES["after"]
    folded = fold_batch_norm(original)
    seen = optimal_rounding.moments(folded, FED(shown.pixels))
    found = rounded(folded, seen, HARM)
    made = {
        "before": engines.onnx(original, _shape("before")).content,
        "after": packing.pack(stored(folded, found, side)),
        "native": packing.pack(integers(folded, found, shown)),
    }
    return {
        role: torch.from_numpy(np.frombuffer(content, np.uint8).copy())
        for role, content in made.items()
    }, None


# The ways to store it

Found = dict[str, optimal_rounding.Rounded]


def rounded(folded: nn.Module, seen: Mapping[str, optimal_rounding.Moments], harm: float) -> Found:
    """Integers for all weights, and biases of few digits, from what the pictures showed."""
    found = optimal_rounding.rounded(folded, seen, optimal_rounding.steps(folded, seen, harm))
    return {
        name: each._replace(bias=(each.bias / BIAS_STEP).round() * BIAS_STEP)
        for name, each in found.items()
    }


def stored(folded: nn.Module, found: Found, side: int) -> engines.Onnx:
    """float32 arithmetic with weights stored as integers: a cast and a product at loading."""
    import onnx

    exported = engines.onnx(optimal_rounding.written(folded, found), (3, side, side))
    model = onnx.load_from_string(exported.content)
    nodes = []
    for tensor in list(model.graph.initializer):
        layer = tensor.name.removesuffix(".weight")
        if layer not in found or layer == tensor.name:
            continue
        name, (weight, scale, _) = tensor.name, found[layer].quantized
        arrays = {"integers": weight.numpy(), "scale": scale.numpy()}
        for what, array in arrays.items():
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, f"{name}.{what}"))
        to = onnx.TensorProto.FLOAT
        nodes += [
            onnx.helper.make_node("Cast", [f"{name}.integers"], [f"{name}.cast"], to=to),
            onnx.helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [name]),
        ]
        model.graph.initializer.remove(tensor)
    if len(nodes) != 2 * len(found):
        raise ValueError(f"of {len(found)} layers' weights, {len(nodes) // 2} are in the graph")
    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return engines.Onnx(graphs.strip(model.SerializeToString()), None, exported.shape, "int8")


def integers(folded: nn.Module, found: Found, shown: Images) -> engines.Onnx:
    """Integer arithmetic, by ONNX Runtime's quantizer; activations unsigned."""
    shape = tuple(shown.pixels.shape[1:])
    floats = engines.onnx(optimal_rounding.written(folded, found), shape)
    weights = {name: each.quantized for name, each in found.items()}
    made = engines.int8(floats, shown, RANGED, weights=weights)
    return engines.Onnx(graphs.strip(float_logits(made.content)), None, shape, "int8")


def float_logits(content: bytes) -> bytes:
    """The int8 graph with its last layer's sums as real numbers.

    Pictures that show none of the classes give small logits, and a range found on them would cut
    off those of a plant.
    """
    import onnx

    model = onnx.load_from_string(content)
    nodes, output = model.graph.node, model.graph.output[0].name
    last, converting = nodes[-2], nodes[-1]
    if (last.op_type, converting.op_type) != ("QGemm", "DequantizeLinear"):
        raise ValueError(f"the graph ends in {last.op_type}, {converting.op_type}, not in QGemm")
    del last.input[7:]  # scale and zero point of its output: both or none
    last.output[0] = output
    nodes.remove(converting)
    return model.SerializeToString()


# Pictures to calibrate with


def pictures(side: int, count: int = PICTURES, seed: int = 0) -> Images:
    """Pictures to calibrate with, side x side: three in four are pieces of photos, the rest leaves.

    The photos (a flower, a palace, a person) come with scikit-learn and matplotlib; their pieces
    are flipped and recoloured at random. Labels are all 0.
    """
    rng = np.random.default_rng(seed)
    photos, drawn = _sample_photos(), max(1, count // 4)
    pieces = [_piece(photos[i % len(photos)], side, rng) for i in range(count - drawn)]
    leaf, _ = leaves.render(drawn, seed + 5, side, workers=1)
    pixels = np.concatenate([np.stack(pieces), leaf])[rng.permutation(count)]
    channels_first = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
    return Images(channels_first, torch.zeros(count, dtype=torch.int64), FED)


def _sample_photos() -> list[Image.Image]:
    """The flower twice: most of what the network will see are plants."""
    from matplotlib.cbook import get_sample_data
    from sklearn.datasets import load_sample_image

    flower, palace = (Image.fromarray(load_sample_image(f"{n}.jpg")) for n in ("flower", "china"))
    with Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)) as image:
        person = image.convert("RGB")
    return [flower, flower, palace, person]


def _piece(photo: Image.Image, side: int, rng: np.random.Generator) -> np.ndarray:
    cut = int(min(photo.size) * rng.uniform(0.35, 1))
    left, top = (int(rng.integers(0, length - cut + 1)) for length in photo.size)
    box = (left, top, left + cut, top + cut)
    piece = photo.resize((side, side), Image.Resampling.BICUBIC, box=box)
    if rng.random() < 0.5:
        piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    hue, colour, light = (np.asarray(band).astype(float) for band in piece.convert("HSV").split())
    hue += rng.integers(0, 256) * (rng.random() < 0.6)
    colour *= rng.uniform(0.6, 1.5)
    light = light * rng.uniform(0.6, 1.3) + rng.uniform(-20, 20)
    bands = [hue % 256, colour.clip(0, 255), light.clip(0, 255)]
    return np.asarray(
        Image.merge("HSV", [Image.fromarray(b.astype(np.uint8)) for b in bands]).convert("RGB")
    )


# For the page


def page_models() -> tuple["PageModel", "PageModel"]:
    """Both networks as the phone page opens them, for its mode "plants".

    Their accuracy is not stated: too few labelled photos of these classes are at hand. How often
    the compressed one agrees with the original is in `recorded/plants.json`.
    """
    from course_lib.phone import page_models as pages

    networks = {"before": before(), "after": after()}
    models = []
    for role, each in networks.items():
        counted = graphs.count(each.content, each.shape)
        # Once loaded, all weights are float32, and so is the arithmetic.
        short = sum(a.nbytes for a in each.initializers.values() if a.dtype == np.int8)
        facts = pages.Facts(
            kind="int8 weights" if short else each.kind,
            file_bytes=each.packed_bytes or len(each.content),
            checkpoint_bytes=len(networks["before"].content),
            energy_mj=counting.estimated_energy(counted.macs, counted.moved_bytes + 3 * short),
            energy_is_estimate=True,
            macs=counted.macs,
            recipe=RECIPE if role == "after" else None,
        )
        models.append(
            pages.of(
                each, CLASSES, role, UNSURE[role], facts,
                name="plants", groups=GROUPS, about=ABOUT,
            )
        )  # fmt: skip
    return models[0], models[1]


def samples() -> tuple[tuple[str, Image.Image], ...]:
    """Pictures with their labels to show beside the page's camera: none.

    No photo of these classes may be handed on with the course; the camera and the learner's own
    photos are the way.
    """
    return ()
