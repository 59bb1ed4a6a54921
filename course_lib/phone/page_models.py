"""The phone page's model file, `.plants`: a network, and what the page says of it.

>>> from course_lib import engines, models, rejection
>>> network = engines.onnx(models.LeafNet(4, classes=3).eval(), (3, 64, 64))
>>> model = of(network, ("ash", "elm", "oak"), "after", rejection.Rule(1.0, 0.6, 4.0), name="trees")
>>> unpack(pack(model)) == model
True
>>> model.shape, model.classes[2], model.facts.kind
((3, 64, 64), 'oak', 'float32')

The file is a gzip of: 8 bytes, little-endian, the length of the header | the header, UTF-8 JSON |
the ONNX graph for one image, input "images", output "logits". Any web host serves it, and the
page's own code opens it with what every browser has. Both keep to the limits of page/shared.js.
"""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from course_lib.deploy import graphs, packing
from course_lib.deploy.engines import Onnx
from course_lib.images.data import ImageData
from course_lib.images.normalisation import COURSE, Normalisation
from course_lib.phone import page_facts, page_graphs
from course_lib.phone.page_facts import FACTS, UNKNOWN, Facts, is_text
from course_lib.phone.page_graphs import for_one_image
from course_lib.phone.page_shared import VALUES
from course_lib.phone.rejection import Rule
from course_lib.units import show_bytes

FORMAT: int = VALUES["FORMAT"]
SUFFIX: str = VALUES["SUFFIX"]
LARGEST, LARGEST_HEADER = VALUES["LARGEST"], VALUES["LARGEST_HEADER"]
FEWEST_CLASSES, MOST_CLASSES = VALUES["CLASSES"]
SMALLEST_SIDE, LARGEST_SIDE = VALUES["SIDES"]
ROLES: tuple[str, ...] = tuple(VALUES["ROLES"])
AGAIN = "copy or download it again"


@dataclass(frozen=True)
class PageModel:
    """A network as the page opens it. Raises ValueError for what no `.plants` file may hold."""

    content: bytes = field(repr=False)  # the ONNX graph, for one image at a time
    name: str
    role: str  # "before": the original; "after": the compressed one
    classes: tuple[str, ...] = field(repr=False)
    shape: tuple[int, int, int]
    unsure: Rule
    groups: tuple[str, ...] | None = field(default=None, repr=False)  # one for each class
    facts: Facts = UNKNOWN
    about: str = ""  # one or two sentences: what it knows, and what it does not
    normalisation: Normalisation = COURSE

    def __post_init__(self) -> None:
        _check(self)

    @cached_property
    def network(self) -> Onnx:
        """The network, as ONNX Runtime runs it, one image at a time."""
        graph = graphs.parsed(self.content)
        graphs.note_normalisation(graph, self.normalisation)
        return Onnx(graphs.serialised(graph), None, self.shape, graphs.kind(graph))

    @property
    def header(self) -> dict[str, Any]:
        """What stands before the graph in the file."""
        fed = self.normalisation
        mean, scale = (v[0] if len(v) == 1 else v for v in (fed.mean, fed.scale))
        return {
            "format": FORMAT, "name": self.name, "role": self.role, "classes": self.classes,
            "groups": self.groups, "shape": self.shape, "mean": mean, "scale": scale,
            "unsure": self.unsure.as_dict(), "facts": asdict(self.facts), "about": self.about,
            "onnx_bytes": len(self.content), "sha256": hashlib.sha256(self.content).hexdigest(),
        }  # fmt: skip


def of(
    network: Onnx,
    data_or_classes: ImageData | Sequence[str],
    role: str,
    unsure: Rule,
    facts: Facts | Mapping[str, Any] | None = None,
    *,
    name: str = "",
    groups: Sequence[str] | None = None,
    about: str = "",
) -> PageModel:
    """A network for the page: its graph stripped and made for one image, all else unchanged.

    data_or_classes: the images it was trained on, which give name, classes and groups; or the
    names of its classes, and then `name`. groups: for each class the name of its group, or None.
    facts: see `Facts`; the kind is read from the graph if it is not given.
    Raises ValueError for a network that the page cannot use, and says why.
    """
    if isinstance(data_or_classes, ImageData):
        data = data_or_classes
        classes, name = data.classes, name or data.name
        if groups is None and data.groups is not None and data.group_names:
            groups = [data.group_names[group] for group in data.groups]
    else:
        classes = tuple(data_or_classes)
    strange = sorted(set(facts) - set(FACTS)) if isinstance(facts, Mapping) else []
    if strange:
        raise ValueError(f"facts must be among {', '.join(FACTS)}, got {', '.join(strange)}")
    known = facts if isinstance(facts, Facts) else Facts(**(facts or {}))
    if known.kind is None:
        known = replace(known, kind=network.kind)
    if len(network.shape) != 3:
        raise ValueError(f"the network takes images of {network.shape}, not of three dimensions")
    model = PageModel(
        for_one_image(network.content, len(classes)),
        name,
        role,
        tuple(classes),
        network.shape,
        unsure,
        tuple(groups) if groups is not None else None,
        known,
        about,
        network.normalisation,
    )
    page_graphs.check(model.network, len(model.classes))
    logits = model.network(torch.zeros(1, *model.shape))
    if logits.shape != (1, len(classes)):
        raise ValueError(
            f"the network gives {tuple(logits.shape)} numbers for one image, and there are "
            f"{len(classes)} classes"
        )
    return model


def save(model: PageModel, path: str | Path) -> Path:
    """Write a `.plants` file, never half of one; the same model gives the same bytes."""
    return packing.write(path, pack(model))


def load(path: str | Path) -> PageModel:
    """Read a `.plants` file.

    Raises FileNotFoundError, and ValueError for whatever is not a whole file of this format:
    damaged, cut off, of a later format, too large, or made to harm.
    """
    path = Path(path)
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} is larger than {show_bytes(LARGEST)}, the most a page opens")
    try:
        return unpack(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def pack(model: PageModel) -> bytes:
    """The bytes of a `.plants` file."""
    header = json.dumps(model.header, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    head = header.encode()
    if len(head) > LARGEST_HEADER:
        raise ValueError(
            f"names and texts take {show_bytes(len(head))}, more than {show_bytes(LARGEST_HEADER)}"
        )
    packed = io.BytesIO()
    # Neither the time nor a file name: the same model, the same bytes.
    with gzip.GzipFile("", "wb", 9, packed, mtime=0) as file:
        file.write(len(head).to_bytes(8, "little") + head + model.content)
    return packed.getvalue()


def unpack(packed: bytes) -> PageModel:
    """The model of a `.plants` file's bytes; see `load`."""
    whole = _inflated(packed)
    length = int.from_bytes(whole[:8], "little")
    if len(whole) < 8 or not 2 <= length <= min(LARGEST_HEADER, len(whole) - 8):
        raise ValueError(f"not a model file of the page, or only a part of one; {AGAIN}")
    header = _header(whole[8 : 8 + length])
    content = whole[8 + length :]
    if (header["onnx_bytes"], header["sha256"]) != (
        len(content),
        hashlib.sha256(content).hexdigest(),
    ):
        raise ValueError(f"the network in it is damaged: its checksum is another; {AGAIN}")
    groups = header["groups"]
    model = PageModel(
        content,
        header["name"],
        header["role"],
        tuple(header["classes"]),
        tuple(header["shape"]),
        _rule(header["unsure"]),
        None if groups is None else tuple(groups),
        Facts(**{name: header["facts"].get(name) for name in FACTS}),
        header["about"],
        _normalisation(header),
    )
    page_graphs.check(model.network, len(model.classes))
    return model


# Reading


def _inflated(packed: bytes) -> bytes:
    inflating = zlib.decompressobj(wbits=31)  # gzip, with its checksum
    try:
        whole = inflating.decompress(packed, LARGEST + 1)
    except zlib.error as error:
        raise ValueError(f"not a model file of the page, or damaged ({error}); {AGAIN}") from None
    if len(whole) > LARGEST:
        raise ValueError(f"it unpacks to more than {show_bytes(LARGEST)}, the most a page opens")
    if not inflating.eof:
        raise ValueError(f"only a part of a model file: its end is missing; {AGAIN}")
    if inflating.unused_data:
        raise ValueError(f"more than a model file: something follows its end; {AGAIN}")
    return whole


def _header(text: bytes) -> dict[str, Any]:
    """The header with every key there and of its type; the values' limits are PageModel's."""
    try:
        header = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its header cannot be read: {str(error)[:100]}") from None
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    version = header.get("format")
    if version != FORMAT or isinstance(version, bool):
        raise ValueError(
            f"written in format {version!r:.20}, this version of course_lib reads format {FORMAT}; "
            f"install the version of course_lib that wrote it, or a later one"
        )
    for key, (kinds, what) in HEADER.items():
        value = header.get(key)
        if key not in header or not isinstance(value, kinds) or isinstance(value, bool):
            raise ValueError(f"its header must hold {key}, {what}, got {value!r:.60}")
    return header


def _normalisation(header: dict[str, Any]) -> Normalisation:
    try:
        return Normalisation(header["mean"], header["scale"])
    except ValueError as error:
        raise ValueError(f"its header does not say how pixels are normalised: {error}") from None


def _rule(given: dict[str, Any]) -> Rule:
    known = {each.name for each in fields(Rule)}
    try:
        return Rule(**{name: value for name, value in given.items() if name in known})
    except TypeError as error:
        raise ValueError(f"unsure in its header is no whole rule: {error}") from None


NUMBERS = (int, float, list)
HEADER: dict[str, tuple[Any, str]] = {
    "name": (str, "a text"), "role": (str, "a text"), "classes": (list, "a list of names"),
    "groups": ((list, type(None)), "a list of names, or null"),
    "shape": (list, "three numbers"), "mean": (NUMBERS, "a number, or one for each channel"),
    "scale": (NUMBERS, "a number, or one for each channel"), "unsure": (dict, "an object"),
    "facts": (dict, "an object"), "about": (str, "a text"), "onnx_bytes": (int, "a number"),
    "sha256": (str, "a text"),
}  # fmt: skip


# Checking


def _check(model: PageModel) -> None:
    """Raise ValueError for values that the format does not allow."""
    if model.role not in ROLES:
        raise ValueError(f"role must be 'before' or 'after', got {model.role!r:.60}")
    for key in ("name", "about"):
        if not is_text(getattr(model, key)):
            raise ValueError(f"{key} must be a text, got {getattr(model, key)!r:.60}")
    if not model.name:
        raise ValueError("name must not be empty: what does the network know? 'leaves', say")
    if not FEWEST_CLASSES <= len(model.classes) <= MOST_CLASSES:
        raise ValueError(
            f"classes must be {FEWEST_CLASSES} to {MOST_CLASSES:,} names, got {len(model.classes)}"
        )
    for key in ("classes", "groups"):
        wrong = [name for name in getattr(model, key) or () if not is_text(name) or not name]
        if wrong:
            raise ValueError(f"{key} must be names, got {wrong[0]!r:.60} among them")
    if model.groups is not None and len(model.groups) != len(model.classes):
        raise ValueError(
            f"groups must name one for each of {len(model.classes)} classes, "
            f"got {len(model.groups)}"
        )
    shape, sides = model.shape, [each for each in model.shape[1:] if type(each) is int]
    square = len(shape) == 3 and shape[0] == 3 and len(sides) == 2 and sides[0] == sides[1]
    if not square or not SMALLEST_SIDE <= sides[0] <= LARGEST_SIDE:
        raise ValueError(
            f"shape must be (3, S, S), a square of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels in "
            f"colour as the camera gives it, got {shape!r:.60}"
        )
    if not isinstance(model.unsure, Rule):
        raise ValueError(f"unsure must be a rejection.Rule, got {model.unsure!r:.60}")
    pattern = model.unsure.pattern
    if pattern is not None and len(pattern.bias) != len(model.classes):
        raise ValueError(
            f"unsure has a pattern of {len(pattern.bias)} classes, and there are "
            f"{len(model.classes)}; calibrate it for this network"
        )
    if len(model.normalisation.mean) not in (1, shape[0]):
        raise ValueError(
            f"normalisation must have one mean for all channels or one for each of {shape[0]}, "
            f"got {model.normalisation}"
        )
    page_facts.check(model.facts)
