"""The page's folder: how it is built, what lies in it, and whether a folder is one.

`models.json` lists what was built: `files`, the modes with their networks and sample pictures, and
`built`, which changes with any of them.

>>> listed(Path("no such folder")) is None
True
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from course_lib import files
from course_lib.images.data import ImageData
from course_lib.phone import page_models, page_modes, page_runtime, plant_network, web_files
from course_lib.phone.page_modes import Mode
from course_lib.units import show_bytes

PAGE = Path(__file__).parent / "page"
PICTURE = PAGE / "screenshot.png"  # what it looks like; benchmarks/plant_app.py takes it
MODES = ("leaves", "plants")
NOT_COPIED = {"npm", "runtime", "__pycache__", PICTURE.name}
LIST, CARDS = "models.json", "cards.pdf"
JUNK = {".DS_Store", "Thumbs.db", "desktop.ini"}  # systems leave these wherever one looks


@dataclass(frozen=True)
class Built:
    """A built page, opened and checked. print(built) says its sizes."""

    folder: Path
    modes: tuple[str, ...]
    page_bytes: int  # all but the runtime, networks, samples and cards
    page_gzip_bytes: int  # the same on the way to a phone
    runtime_bytes: int
    runtime_gzip_bytes: int
    models: dict[str, int]  # bytes of each model file, on the disk and on the way
    samples_bytes: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        home = str(Path.home())
        place = str(self.folder)
        place = "~" + place.removeprefix(home) if place.startswith(f"{home}/") else place
        lines = [
            f"The page in {place}, with {' and '.join(self.modes)}:",
            f"  page        {show_bytes(self.page_bytes)}, {show_bytes(self.page_gzip_bytes)} on "
            f"the way",
            f"  runtime     {show_bytes(self.runtime_bytes)}, "
            f"{show_bytes(self.runtime_gzip_bytes)} on the way, once",
            *(f"  {Path(name).name:<26}{show_bytes(size)}" for name, size in self.models.items()),
            *self.notes,
        ]
        return "\n".join(lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def check(folder: str | Path) -> Built:
    """Open a built page: every file there, every network runs, every sample is a picture.

    Raises ValueError that names what is wrong.
    """
    place = Path(folder)
    about = listed(place)
    if about is None:
        raise ValueError(f"{place} is no built page: it has no {LIST} of one; app.build makes one")
    missing = [name for name in about["files"] if not (place / name).is_file()]
    if missing:
        raise ValueError(f"{place} lacks {', '.join(missing[:3])}; build it again")
    if about["built"] != _hash(place, about):
        raise ValueError(f"{place} holds other files than were built; build it again")
    sizes: dict[str, int] = {}
    for mode in about["modes"]:
        pair = [
            page_models.load(place / mode[role]) for role in page_models.ROLES if mode.get(role)
        ]
        if len({model.classes for model in pair}) != 1:
            raise ValueError(f"the two networks of {mode['id']} have not the same classes")
        sizes |= {mode[r]: (place / mode[r]).stat().st_size for r in page_models.ROLES if mode[r]}
        for sample in mode["samples"]:
            if sample["label"] not in pair[0].classes:
                raise ValueError(f"{sample['label']!r} of {sample['file']} is no class")
            with Image.open(place / sample["file"]) as picture:
                picture.load()
    shell = [place / name for name in about["files"] if "/" not in name and name != CARDS]
    read = [web_files.served(path) for path in (*shell, place / LIST)]
    return Built(
        place,
        tuple(mode["title"] for mode in about["modes"]),
        sum(len(file.content) for file in read),
        sum(len(file.zipped or file.content) for file in read),
        about["runtime"]["bytes"],
        about["runtime"]["gzip_bytes"],
        sizes,
        sum((place / name).stat().st_size for name in about["files"] if name.startswith("samples")),
    )


def build(
    out: str | Path,
    model: str | Path | None = None,
    modes: Sequence[str] | None = None,
    data: ImageData | None = None,
) -> Built:
    """Make the page's folder `out`, ready for any web host; replaces a page built there before.

    model: a folder that `compress` wrote, for the page to show; None: the leaves that ship.
    modes: "leaves" (with `model`, that in its place) and "plants"; None: both, where the extra of
    the second is installed. data: the images of `model`, for sample pictures and to calibrate
    when it says "not sure".
    Built beside its place and then moved there: `out` holds the old page or the new one. Raises
    ValueError if `out` holds anything but a built page, page_runtime.Missing if the runtime is not
    here and cannot be fetched.
    """
    if modes is not None and (not modes or set(modes) - set(MODES)):
        raise ValueError(f"modes must be some of {', '.join(MODES)}, got {modes!r:.80}")
    if data is not None and model is None:
        raise ValueError("data are the images of `model`: give both, or neither")
    place = Path(out).expanduser().resolve()
    check_place(place)
    runtime = page_runtime.folder()
    chosen, notes = _modes(model, modes, data)
    place.parent.mkdir(parents=True, exist_ok=True)
    with files.scratch(place) as scratch:
        part, old = scratch / "page", scratch / "old"
        fill(part, chosen, runtime)
        built = check(part)
        check_place(place)  # something may have come there meanwhile
        if place.exists():
            os.replace(place, old)
        try:
            os.replace(part, place)
        except BaseException:
            if old.exists():
                os.replace(old, place)
            raise
    return replace(built, folder=place, notes=notes)


def _modes(
    model: str | Path | None, wanted: Sequence[str] | None, images: ImageData | None
) -> tuple[list[Mode], tuple[str, ...]]:
    """The modes that the page gets, and what is to be told of them."""
    chosen: list[Mode] = []
    notes: list[str] = []
    if wanted is None or "leaves" in wanted:
        own = page_modes.leaf_mode() if model is None else page_modes.own_mode(model, images)
        chosen.append(own)
        notes += own.notes
    if wanted is None or "plants" in wanted:
        real = page_modes.plants_mode()
        if real is not None:
            chosen.append(real)
        elif wanted is not None:
            raise ValueError(f"real plants need an extra: {plant_network.COMMAND}")
        else:
            notes.append(f"Real plants are a second mode: {plant_network.COMMAND} brings it.")
    return chosen, tuple(notes)


def fill(part: Path, modes: Sequence[Mode], runtime: Path) -> None:
    """Write all files of the page into a new folder."""
    if not (PAGE / "index.html").is_file():
        raise ValueError(f"{PAGE} has no index.html: the page itself is missing; install again")
    hidden = shutil.ignore_patterns(".*", *NOT_COPIED)
    shutil.copytree(PAGE, part, ignore=hidden)
    (part / "runtime").mkdir()
    for name in page_runtime.FILES:
        shutil.copyfile(runtime / name, part / "runtime" / name)
    shutil.copyfile(page_runtime.NPM / page_runtime.LICENSE, part / "runtime" / "LICENSE")
    (part / "models").mkdir()
    described = [_described(mode, part) for mode in modes]
    if any(mode.cards for mode in modes):
        from course_lib.phone import leaf_cards

        leaf_cards.write(part / CARDS)
    read = [web_files.served(part / "runtime" / name) for name in page_runtime.FILES]
    about: dict[str, Any] = {
        "built": "",
        "runtime": {
            "version": page_runtime.VERSION,
            "bytes": sum(len(file.content) for file in read),
            "gzip_bytes": sum(len(file.zipped or file.content) for file in read),
        },
        "modes": described,
        "files": sorted(path.relative_to(part).as_posix() for path in _files(part)),
    }
    about["built"] = _hash(part, about)
    (part / LIST).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _described(mode: Mode, part: Path) -> dict[str, Any]:
    """A mode's entry in the list, its files written."""
    files: dict[str, str | None] = {"before": None, "after": None}
    sizes: dict[str, int | None] = {"before": None, "after": None}
    for role, model in (("before", mode.before), ("after", mode.after)):
        if model is not None:
            files[role] = f"models/{mode.id}-{role}{page_models.SUFFIX}"
            sizes[role] = page_models.save(model, part / str(files[role])).stat().st_size
    samples = []
    for number, (label, picture) in enumerate(mode.samples, 1):
        file = f"samples/{mode.id}/{number}.png"
        (part / file).parent.mkdir(parents=True, exist_ok=True)
        picture.save(part / file, optimize=True)
        samples.append({"file": file, "label": label})
    return {"id": mode.id, "title": mode.title, "about": mode.about, **files, "bytes": sizes,
            "samples": samples, "cards": CARDS if mode.cards else None}  # fmt: skip


def _files(place: Path) -> Iterator[Path]:
    yield from (path for path in place.rglob("*") if path.is_file() or path.is_symlink())


def _hash(place: Path, about: dict[str, Any]) -> str:
    """Changes with any file of the page, and with what its list says."""
    digest = hashlib.sha256(json.dumps({**about, "built": ""}, sort_keys=True).encode())
    for name in about["files"]:
        digest.update(hashlib.sha256((place / name).read_bytes()).digest())
    return digest.hexdigest()[:16]


def listed(place: Path) -> dict[str, Any] | None:
    """models.json of a built page, None where there is none."""
    try:
        about = json.loads((place / LIST).read_text(encoding="utf-8"))
        names = about["files"]
        whole = isinstance(about["built"], str) and isinstance(about["modes"], list)
        whole = whole and isinstance(names, list)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (
        about
        if whole and all(isinstance(name, str) and len(name) < 200 for name in names)
        else None
    )


def check_place(place: Path) -> None:
    """Raise ValueError if building here would remove what the page did not make."""
    if not place.exists():
        return
    if not place.is_dir():
        raise ValueError(f"{place} is a file; out must be a folder for the page")
    there = {path.relative_to(place).as_posix() for path in _files(place)}
    about = listed(place)
    made = {LIST, *about["files"]} if about else set()
    foreign = sorted(name for name in there - made if Path(name).name not in JUNK)
    if foreign:
        raise ValueError(
            f"{place} holds {foreign[0]}{' and more' if len(foreign) > 1 else ''}, which no built "
            f"page has, and it would be lost: choose a new folder, or move that away"
        )
