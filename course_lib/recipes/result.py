"""What `recipe.compress` found, and the folder it is kept in: `save` and `load`, side by side.

    original.onnx               the network that was compressed; .safetensors if it is the course's
    stages/1.onnx, ...          what each step left
    compressed.packed, .onnx    the result: the packed file, and the graph that it holds
    compressed-float32.onnx     the same network before its weights are stored as integers
    baseline.packed             the honest baseline, if there is one
    original.pte, ...           for apps on phones, where ExecuTorch is installed
    compressed.png, result.json the picture, and all else; result.json is written last

>>> Result.load("nowhere")
Traceback (most recent call last):
FileNotFoundError: no folder nowhere: `python -m course_lib compress --data NAME|FOLDER --out \
nowhere` makes one
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib import files
from course_lib.deploy import engines, packing
from course_lib.measure.cards import Comparison, Scorecard, compare
from course_lib.measure.intervals import Paired
from course_lib.units import show_bytes

if TYPE_CHECKING:
    from course_lib.figures.style import Picture

ORIGINAL, PACKED, ABOUT = NEEDED = ("original.onnx", "compressed.packed", "result.json")
GRAPH, PICTURE, STAGES = "compressed.onnx", "compressed.png", "stages"
CHECKPOINT, BASELINE = "original.safetensors", "baseline.packed"
FLOATS, CHECKSUM = "compressed-float32.onnx", "checksum"
NATIVE = ("original.pte", "compressed-float32.pte", "compressed.pte")
BESIDE = (CHECKPOINT, BASELINE, FLOATS, *NATIVE)  # each there or not


@dataclass(frozen=True)
class Try:
    """The recipe at one size; judged on the validation images."""

    factor: float  # the recipe's own sizes times this, see `Step.scaled`
    bytes: int
    drop: float  # points below the original


@dataclass(frozen=True)
class Stage:
    """The network after one step of the recipe."""

    step: str
    bytes: int  # its weights side by side in their bits; after packing: the file
    network: engines.Onnx | None = field(repr=False, compare=False)  # None: its file is gone
    card: Scorecard


@dataclass(frozen=True)
class Result:
    """What `compress` found. print(result) shows it; `.picture()` draws it."""

    recipe: str  # in words, at the size that was chosen
    before: Scorecard
    after: Scorecard
    baseline: Scorecard | None  # the same architecture, budget and rounding, from random weights
    stages: tuple[Stage, ...]  # one a step, in order
    tries: tuple[Try, ...]
    max_drop: float  # points
    seconds: float  # of compressing; training the original, baseline and measuring not counted
    data: str  # the images' name, their shape and classes
    shape: tuple[int, int, int]
    classes: tuple[str, ...] = field(repr=False)
    images_seen: int  # in training, counted once each time they are seen
    original: engines.Onnx = field(repr=False, compare=False)
    packed: bytes = field(repr=False)  # the file that the compressed network is restored from
    points: Paired | None = None  # the accuracy after, less that before, on the same images
    parity: engines.Parity | None = None  # of the graph that runs with the network it was made of
    native: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # bytes, and parity
    beside: Mapping[str, bytes] = field(default_factory=dict, repr=False)  # files, see BESIDE
    folder: Path | None = None  # where the files are, if they were kept

    @property
    def holds(self) -> bool:
        """Did a network lose no more than max_drop points, on the validation images?"""
        return any(each.drop <= self.max_drop for each in self.tries)

    @property
    def network(self) -> engines.Onnx:
        """The compressed network, restored from its packed file."""
        network = self.stages[-1].network
        assert network is not None
        return network

    @property
    def comparison(self) -> Comparison:
        """The scorecards: before, after, and the baseline."""
        return compare([self.before, self.after, *([self.baseline] if self.baseline else [])])

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the command line: before, after, and a scorecard for each step."""
        return {
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "steps": [
                {"step": stage.step, "bytes": stage.bytes, **stage.card.as_dict()}
                for stage in self.stages
            ],
        }

    def save(self, folder: str | Path) -> Path:
        """Write all files to a folder, made if need be; an interruption leaves no half result.

        What an earlier result left there goes. Raises what `files.write` raises.
        """
        folder = Path(folder)
        (folder / ABOUT).unlink(missing_ok=True)  # until the others are there, it is no result
        for old in (*(folder / name for name in BESIDE), *_stages(folder)):
            old.unlink(missing_ok=True)
        drawn = io.BytesIO()
        self.picture().savefig(drawn, dpi=150)
        contents = {
            ORIGINAL: self.original.content,
            PACKED: self.packed,
            GRAPH: self.network.content,
            PICTURE: drawn.getvalue(),
            **self.beside,
        }
        for number, stage in enumerate(self.stages[:-1], 1):
            if stage.network is not None:
                contents[f"{STAGES}/{number}.onnx"] = stage.network.content
        for name, content in contents.items():
            files.write(folder / name, content)
        about = self._about() | {
            "files": {n: _digest(c) for n, c in contents.items() if n != PICTURE}
        }
        about[CHECKSUM] = _digest(json.dumps(about, sort_keys=True).encode())
        return files.write(folder / ABOUT, json.dumps(about, indent=2) + "\n").parent

    @classmethod
    def load(cls, folder: str | Path) -> "Result":
        """What `save` wrote, by this version or an earlier one.

        Its cards hold the figures of their JSON, and no longer which answers were right.
        Raises FileNotFoundError without the folder, ValueError for one that is no whole result, or
        whose files are no longer what was written: with what is wrong, and what to do.
        """
        folder = Path(folder)
        about = _read(folder)
        found = [_network(folder / STAGES / f"{n}.onnx") for n in range(1, len(about["steps"]))]
        found.append(packing.load(folder / PACKED))
        original = _network(folder / ORIGINAL)
        assert original is not None
        return cls(
            **{key: about[key] for key in ("recipe", "max_drop", "seconds", "data", "images_seen")},
            **{key: about[key] for key in ("before", "after", "baseline", "tries", "points")},
            shape=tuple(about["shape"]),
            classes=tuple(about["classes"]),
            stages=tuple(
                Stage(step, size, network, card)
                for (step, size, card), network in zip(about["steps"], found, strict=True)
            ),
            original=original,
            packed=(folder / PACKED).read_bytes(),
            parity=about.get("parity"),
            native=about.get("native", {}),
            beside={n: (folder / n).read_bytes() for n in BESIDE if (folder / n).is_file()},
            folder=folder,
        )

    def _about(self) -> dict[str, Any]:
        """What result.json holds; `_read` is its other side."""
        return {
            **self.as_dict(),
            "baseline": self.baseline.as_dict() if self.baseline else None,
            "points": vars(self.points) if self.points else None,
            "parity": vars(self.parity) if self.parity else None,
            "native": self.native,
            "recipe": self.recipe,
            "data": self.data,
            "shape": self.shape,
            "classes": self.classes,
            "max_drop": self.max_drop,
            "holds": self.holds,
            "seconds": self.seconds,
            "images_seen": self.images_seen,
            "tries": [vars(each) for each in self.tries],
        }

    def picture(self) -> "Picture":
        """What each step left, in bytes, on a scale of powers of ten."""
        from course_lib import figures  # drawing loads matplotlib, compressing need not

        names = ["the original", *(stage.step for stage in self.stages)]
        sizes = [self.before.file_bytes, *(stage.bytes for stage in self.stages)]
        accuracies = [self.before.accuracy, *(stage.card.accuracy for stage in self.stages)]
        return figures.waterfall(names, sizes, accuracies)

    def __str__(self) -> str:
        smaller = self.before.file_bytes / self.after.packed_bytes
        faster = self.before.latency_ms_median / self.after.latency_ms_median
        lines = [
            f"The recipe: {self.recipe}.",
            f"{show_bytes(self.before.file_bytes)} became {self.after.packed_bytes:,} bytes: "
            f"{smaller:,.0f}x smaller and {faster:.1f}x faster, after {self.seconds:,.0f} s.",
        ]
        if not self.holds:
            least = min(self.tries, key=lambda each: each.drop)
            lines.append(
                f"No network lost at most {self.max_drop:g} points of the validation images; this "
                f"one comes closest, with {least.drop:.1f}. More images in Distil, more bits or a "
                f"larger max_drop would help."
            )
        if self.network.warning:
            lines.append(f"Careful: {self.network.warning}.")
        return "\n".join([*lines, "", str(self.comparison)])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def _network(path: Path) -> engines.Onnx | None:
    """The network of an .onnx file; None if somebody removed it."""
    network = engines.load(path) if path.exists() else None
    assert network is None or isinstance(network, engines.Onnx)
    return network


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _check_digests(folder: Path, about: dict[str, Any]) -> None:
    """Raise ValueError for what is no longer what was written (the first versions noted none)."""
    if CHECKSUM not in about:
        return
    noted = about.pop(CHECKSUM)
    if noted != _digest(json.dumps(about, sort_keys=True).encode()):
        raise ValueError("its checksum differs: it was changed, or the disk lost some of it")
    for name, digest in about.pop("files").items():
        file = folder / name
        if file.is_file() and _digest(file.read_bytes()) != digest:
            raise ValueError(f"{name} is another than was written, by its checksum")


def _stages(folder: Path) -> list[Path]:
    return list((folder / STAGES).glob("*.onnx"))


def _read(folder: Path) -> dict[str, Any]:
    """result.json of a folder that `compress` finished, its parts as the types they are here."""
    again = f"python -m course_lib compress --data NAME|FOLDER --out {folder}"
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}: `{again}` makes one")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ValueError(
            f"{folder} holds no {' and no '.join(missing)}: `compress` did not come to its end "
            f"there, or wrote to another folder; the same `{again}` goes on"
        )
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        _check_digests(folder, about)
        texts = [about["recipe"], about["data"], *about["classes"]]
        if not all(isinstance(text, str) for text in texts) or len(about["shape"]) != 3:
            raise ValueError("recipe, data and classes must be texts, shape three numbers")
        if not about["steps"]:
            raise ValueError("it names no steps")
        about["steps"] = [(row.pop("step"), row.pop("bytes"), _card(row)) for row in about["steps"]]
        about |= {key: _card(about[key]) for key in ("before", "after")}
        about["baseline"] = _card(about["baseline"]) if about["baseline"] else None
        about["points"] = Paired(**about["points"]) if about["points"] else None
        about["tries"] = tuple(Try(**each) for each in about["tries"])
        if about.get("parity"):  # not in the first versions
            about["parity"] = engines.Parity(**about["parity"])
        _ = [about[key] for key in ("max_drop", "seconds", "images_seen")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{folder / ABOUT} is not what `compress` writes ({error!s:.100}); run `{again}` again"
        ) from None
    return about


def _card(given: Any) -> Scorecard:
    return Scorecard.from_json(json.dumps(given))
