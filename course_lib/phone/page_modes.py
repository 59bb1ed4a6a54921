"""What the page shows: leaf cards, your own photos, real plants; each a pair of networks.

>>> label, picture = leaf_samples()[0]
>>> label, picture.size
('Tilia rotunda', (128, 128))
"""

import functools
import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from course_lib import cache
from course_lib.deploy import engines, graphs, packing
from course_lib.images import leaves, orientation
from course_lib.images.data import ImageData, Images
from course_lib.measure import recorded
from course_lib.measure.intervals import wilson
from course_lib.networks import models
from course_lib.networks.counting import estimated_energy
from course_lib.phone import page_graphs, page_models, page_shared, plant_network, plants, rejection
from course_lib.phone.page_models import Facts, PageModel
from course_lib.recipes.result import Result
from course_lib.units import in_words

BEFORE, AFTER = "before.plants", "after.plants"
MADE_BY = (rejection, page_graphs, page_models, recorded)  # what the shipped networks depend on
SPECIES = tuple(species.name for species in leaves.SPECIES)
GENERA = tuple(species.genus for species in leaves.SPECIES)
TAKEN = ("leaves", "plants", page_shared.VALUES["MINE"])  # names of other modes
LEAF_TITLE = "Leaf cards"
LEAF_ABOUT = f"It knows {in_words(len(SPECIES))} drawn species of leaves, no real ones."
# 1 to 3 are trained, chosen and tested on (`sets.LEAVES`); the printed cards have one of their own.
CALIBRATION_SEED, SAMPLE_SEED = 7, 8
CALIBRATION_LEAVES, OTHERS_OF_A_KIND = 480, 80
SAMPLES, SAMPLE_SIDE, SAMPLE_COLOURS = 12, 128, 128
# Nothing to calibrate with: half of the probability, and everything counts as evidence.
UNCALIBRATED = rejection.Rule(temperature=1.0, probability=0.5, evidence=-1e6)


@dataclass(frozen=True)
class Mode:
    """A mode of the page: its networks, and sample pictures that none was trained on."""

    id: str
    title: str
    about: str
    before: PageModel | None
    after: PageModel
    samples: tuple[tuple[str, Image.Image], ...] = field(default=(), repr=False)  # with labels
    notes: tuple[str, ...] = ()  # for who builds the page
    cards: bool = False  # can the leaf cards be printed for it?


# The leaves


def leaf_mode() -> Mode:
    """The networks that ship with the course; calibrated once, then kept in the cache."""
    before, after = _shipped()
    return Mode("leaves", LEAF_TITLE, LEAF_ABOUT, before, after, leaf_samples(), cards=True)


def _shipped() -> tuple[PageModel, PageModel]:
    files = [models.WEIGHTS / "leafnet_leaves.safetensors", models.WEIGHTS / "leaves.packed"]
    made_by = [Path(str(module.__file__)) for module in MADE_BY]
    digest = hashlib.sha256(leaves.VERSION.encode())
    made_of = (page_shared.FILE, Path(__file__), recorded.FOLDER / "working_together.json")
    for file in (*files, *made_by, *made_of):
        digest.update(file.read_bytes())
    place = cache.writable_dir()
    if place is None:
        return _made_of_shipped()
    paths = [place / f"leaves-{digest.hexdigest()[:12]}-{name}" for name in (BEFORE, AFTER)]
    with cache.lock(paths[0]):
        try:
            before, after = map(page_models.load, paths)
        except (ValueError, FileNotFoundError):  # not made yet, or damaged
            before, after = _made_of_shipped()
            for model, path in zip((before, after), paths, strict=True):
                page_models.save(model, path)
    return before, after


def _made_of_shipped() -> tuple[PageModel, PageModel]:
    """Both networks with what `benchmarks/working_together.py` measured of these very files."""
    checkpoint = models.WEIGHTS / "leafnet_leaves.safetensors"
    text = (recorded.FOLDER / "working_together.json").read_text(encoding="utf-8")
    shipped = json.loads(text)["shipped"]
    (row,), tested = shipped["rows"], shipped["test_images"]
    shape = (3, 64, 64)
    original = engines.onnx(models.load(checkpoint), shape)
    compressed = packing.load(models.WEIGHTS / "leaves.packed")
    held_out, made = _held_out_leaves(), []
    for role, network, accuracy, file_bytes, recipe in (
        ("before", original, row["original"]["accuracy"], checkpoint.stat().st_size, None),
        ("after", compressed, row["accuracy"], row["packed_bytes"], row["recipe"]),
    ):
        low, high = wilson(round(accuracy * tested), tested)
        counted = graphs.count(network.content, shape)
        facts = Facts(
            kind=network.kind,
            file_bytes=file_bytes,
            checkpoint_bytes=checkpoint.stat().st_size,
            accuracy=accuracy,
            accuracy_low=low,
            accuracy_high=high,
            energy_mj=estimated_energy(counted.macs, counted.moved_bytes, network.kind),
            energy_is_estimate=True,
            macs=counted.macs,
            recipe=recipe,
        )
        made.append(
            page_models.of(
                network,
                SPECIES,
                role,
                _rule(network, held_out),
                facts,
                name="leaves",
                groups=GENERA,
                about=LEAF_ABOUT,
            )
        )
    return made[0], made[1]


def _held_out_leaves() -> Images:
    pixels, labels = leaves.render(CALIBRATION_LEAVES, CALIBRATION_SEED, workers=1)
    channels_first = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
    return Images(channels_first, torch.from_numpy(labels))


def leaf_samples() -> tuple[tuple[str, Image.Image], ...]:
    """A leaf of each species with its name, as pictures that no network was trained on."""
    pixels, labels = leaves.render(len(SPECIES), SAMPLE_SEED, 2 * SAMPLE_SIDE, workers=1)
    found = []
    for picture, label in zip(pixels, labels.tolist(), strict=True):
        small = Image.fromarray(picture).resize((SAMPLE_SIDE,) * 2, Image.Resampling.LANCZOS)
        # A palette halves the download, and nobody sees it.
        small = small.quantize(SAMPLE_COLOURS, dither=Image.Dither.FLOYDSTEINBERG)
        found.append((leaves.SPECIES[label].name, small))
    return tuple(found)


# What `compress` wrote


def own_mode(folder: str | Path, photos: ImageData | None = None) -> Mode:
    """The networks that `compress` left in a folder, for whatever classes it was given.

    photos: the images it was given, for sample pictures and to calibrate "not sure" with.
    Raises FileNotFoundError or ValueError, with what to do, if they are not there or do not fit.
    """
    found = Result.load(folder)
    if photos is not None and (photos.classes, photos.shape) != (found.classes, found.shape):
        raise ValueError(
            f"the photos of {photos.name!r} have the classes {', '.join(photos.classes[:5])} at "
            f"{photos.shape}, the networks in {folder} {', '.join(found.classes[:5])} at "
            f"{found.shape}; give the folder that `compress` was given"
        )
    before, after, notes = _own_models(found, photos)
    slug = re.sub("[^a-z0-9]+", "-", found.data.lower()).strip("-") or "photos"
    if found.classes == SPECIES:
        return Mode("leaves", LEAF_TITLE, LEAF_ABOUT, before, after, leaf_samples(), notes, True)
    title = re.sub(r"[_\s]+", " ", found.data).strip() or "Photos"
    samples = _photo_samples(photos) if photos is not None else ()
    slug = f"own-{slug}" if slug in TAKEN else slug
    return Mode(slug, title[0].upper() + title[1:], after.about, before, after, samples,
                notes)  # fmt: skip


def write_models(
    folder: str | Path, photos: ImageData | None = None
) -> tuple[PageModel, PageModel]:
    """Make before.plants and after.plants of what `compress` left in a folder, beside it.

    photos: the images that it compressed, to calibrate "not sure" with. Raises ValueError for
    networks that a camera cannot feed: those of grey images.
    """
    return _written(Result.load(folder), photos)


def _written(found: Result, photos: ImageData | None) -> tuple[PageModel, PageModel]:
    if found.shape[0] != 3:
        raise ValueError(
            f"the networks in {found.folder} take images of shape {found.shape}, and a camera "
            f"gives colour: three channels"
        )
    held_out = None if photos is None else photos.val
    groups = GENERA if found.classes == SPECIES else None
    if found.classes == SPECIES and held_out is None:
        held_out = _held_out_leaves()
    elif photos is not None and photos.groups is not None and photos.group_names:
        groups = tuple(photos.group_names[group] for group in photos.groups)
    made = [
        page_models.of(
            network,
            found.classes,
            role,
            UNCALIBRATED if held_out is None else _rule(network, held_out),
            _facts(role, network, found),
            name=found.data or "photos",
            groups=groups,
            about=_about(found),
        )
        for role, network in (("before", found.original), ("after", found.network))
    ]
    for model, name in zip(made, (BEFORE, AFTER), strict=True):
        page_models.save(model, _folder(found) / name)
    return made[0], made[1]


def _folder(found: Result) -> Path:
    assert found.folder is not None  # it was loaded from one
    return found.folder


def _own_models(
    found: Result, photos: ImageData | None
) -> tuple[PageModel, PageModel, tuple[str, ...]]:
    """The .plants files of the folder if they belong to its networks, else made anew."""
    kept = []
    for name, network in ((BEFORE, found.original), (AFTER, found.network)):
        try:
            model = page_models.load(_folder(found) / name)
        except (ValueError, FileNotFoundError):
            break
        if model.content != page_models.for_one_image(network.content, len(found.classes)):
            break
        kept.append(model)
    calibrated = all(model.unsure != UNCALIBRATED for model in kept)
    if len(kept) < 2 or (photos is not None and not calibrated):
        kept = list(_written(found, photos))
        calibrated = all(model.unsure != UNCALIBRATED for model in kept)
    notes = () if calibrated else (
        "Without its photos, when to say \"not sure\" could not be calibrated: name them with "
        "--data FOLDER.",
    )  # fmt: skip
    return kept[0], kept[1], notes


def _facts(role: str, network: engines.Onnx, found: Result) -> Facts:
    card = found.before if role == "before" else found.after
    known = {name: value for name, value in card.as_dict().items() if name in page_models.FACTS}
    known |= {
        "kind": network.kind,
        "file_bytes": card.file_bytes if role == "before" else card.packed_bytes,
        "checkpoint_bytes": found.before.file_bytes,
        "recipe": found.recipe if role == "after" else None,
    }
    return Facts(**known)


def _about(found: Result) -> str:
    if found.classes == SPECIES:
        return LEAF_ABOUT
    return f"It knows {len(found.classes)} kinds, learnt from the photos in {found.data}."


def _photo_samples(photos: ImageData) -> tuple[tuple[str, Image.Image], ...]:
    """Test photos, one of each class by turns."""
    labels = photos.test.labels.numpy()
    turns = [np.flatnonzero(labels == label) for label in range(len(photos.classes))]
    rounds = range(math.ceil(SAMPLES / max(1, len(turns))))
    chosen = [int(own[turn]) for turn in rounds for own in turns if turn < len(own)][:SAMPLES]
    return tuple(
        (
            photos.classes[labels[index]],
            Image.fromarray(photos.test.pixels[index].permute(1, 2, 0).numpy().copy()),
        )
        for index in chosen
    )


def _rule(network: engines.Onnx, held_out: Images) -> rejection.Rule:
    """When to say "not sure", chosen on held-out images and on pictures of other things.

    Networks trained on pictures turned in all directions are surer by a mean over four of them. The
    pattern of the logits tells what is none of the classes.
    """
    others = _others(network.shape[1])
    turns = 4 if orientation.symmetries(held_out).turns else 1
    return rejection.calibrate(network, held_out, others, pattern=True, turns=turns)


@functools.cache
def _others(side: int) -> Images:
    return rejection.others("calibrate", OTHERS_OF_A_KIND, side)


# Real plants


def plants_mode() -> Mode | None:
    """The bundled ImageNet network, cut down to plants; None if its extra is not installed."""
    if not all(find_spec(name.replace("-", "_")) for name in plant_network.PACKAGES):
        return None
    before, after = plants.page_models()
    return Mode("plants", "Real plants", after.about, before, after, plants.samples())
