"""Which photos lie in a folder, and the class and the part of the set that each belongs to.

    daisy/1.jpg  rose/1.jpg                           a folder for each class
    train/daisy/1.jpg  val/daisy/1.jpg  annotations/  parts above the classes, and what lies beside

Nothing vanishes: what is neither a photo nor known to be none is an error or a note.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

HEIC = {".heic", ".heif"}
JPEG = {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"}
SUFFIXES = HEIC | JPEG | {".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".ppm", ".pgm"}
# What lies beside photos, and is none.
OTHERS = {
    ".cache", ".cfg", ".csv", ".db", ".doc", ".docx", ".gz", ".h5", ".html", ".ini", ".ipynb",
    ".json", ".lnk", ".log", ".mat", ".md", ".npy", ".npz", ".onnx", ".packed", ".pdf", ".pkl",
    ".plants", ".pt", ".pth", ".pte", ".py", ".safetensors", ".sh", ".tar", ".toml", ".tsv",
    ".txt", ".url", ".xlsx", ".xml", ".yaml", ".yml", ".zip",
}  # fmt: skip
# How pictures begin, for names without a usual ending.
BEGINNINGS = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|BM|II\*\0|MM\0\*|RIFF....WEBP|....ftyp(?:avif|hei|mif1|msf1)"
    rb"|\xff\x0a|\0\0\0\x0cJXL |\0\0\0\x0cjP  ",
    re.DOTALL,
)
# What people and tools call the folders above the classes.
PARTS = {
    **dict.fromkeys(("train", "training", "trainset", "trn", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "valset", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "testset", "tst", "eval", "evaluation"), "test"),
}
LIKE_PARTS = {*PARTS, "set", "split", "fold", "part", "subset", "batch"}
LAYOUT = "make one folder per class, each with its photos: daisy/1.jpg, rose/1.jpg, ..."
MARK = ".results"  # in a folder that the course writes to, whose pictures are no photos
RESULTS = {"result.json", "compressed.packed", "trainings", "stages"}  # beside compressed.png
SHOWN = 3  # names in a message


@dataclass(frozen=True)
class Photo:
    """A file that looks like a photo: path relative to the folder, class, part of the set."""

    path: str
    name: str
    part: str = "train"


class Found(NamedTuple):
    """The photos of a folder, and what is to be said of the rest, a sentence each."""

    photos: list[Photo]
    notes: list[str]


def find(folder: Path) -> Found:
    """The photos of `folder`, in the same order on every file system.

    Each subfolder is a class; folders for training, validation and testing may stand above them,
    which are known by their names and by the same classes inside. Hidden files, files that are no
    photos and the course's own results are passed over; links to folders are followed. Raises
    FileNotFoundError or NotADirectoryError if `folder` is not there or a file, ValueError if it
    holds no photos in class folders, an empty class, or may be read in two ways.
    """
    if not folder.exists():
        raise FileNotFoundError(
            f"no folder {folder}: check the spelling; it is looked for from {Path.cwd()}"
        )
    if not folder.is_dir():
        raise NotADirectoryError(
            f"{folder} is a file, not a folder: unpack it if it is an archive, and {LAYOUT}"
        )
    notes = [f"{readable(sub.name)}/ holds results of the course and is passed over"
             for sub in _subfolders(folder) if _is_own(sub)]  # fmt: skip
    subs = [_Folder(sub, folder) for sub in _subfolders(folder) if not _is_own(sub)]
    parts = _parts(subs, folder)
    if parts:
        photos = [photo for part, sub in parts for photo in _classes(sub.path, folder, part, notes)]
        beside = [f"{each}/" for each in subs if each not in [sub for _, sub in parts]]
        if beside:
            notes.append(f"{few(beside)} beside {parts[0][1]}/: no part of the set, passed over")
    else:
        photos = _classes(folder, folder, "train", notes)
    return Found(_one_spelling(photos, notes), notes)


def mark(folder: Path) -> None:
    """Make a folder for results, whose pictures are no photos: it may lie among some."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()


def readable(path: str) -> str:
    """A path as text that can be printed and stored, also where its bytes are no UTF-8.

    >>> readable(os.fsdecode(b"fl\\xf6te/1.jpg"))
    'flöte/1.jpg'
    """
    try:
        path.encode()
        return path
    except UnicodeEncodeError:  # as old Windows programs wrote it
        return os.fsencode(path).decode("cp1252", errors="replace")


def few(names: Iterable[str], joined: str = ", ") -> str:
    """The first few, and how many more there are.

    >>> few("abcdefgh")
    'a, b, c and 5 more'
    """
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return joined.join(names[:SHOWN]) + more


class _Folder:
    """A folder and what lies in it; its photos are looked for once."""

    def __init__(self, path: Path, root: Path):
        self.path, self.root = path, root
        self.role, self.usual = _role(path.name)

    def __str__(self) -> str:
        return readable(self.path.name)

    @cached_property
    def files(self) -> list[Path]:
        return list(_files(self.path, self.root))

    @cached_property
    def photos(self) -> list[Path]:
        return [path for path in self.files if _is_photo(path)]

    @cached_property
    def inside(self) -> set[str]:
        """The names of its folders that hold photos, in one spelling."""
        return {_spelled(path.relative_to(self.path).parts[0]) for path in self.photos
                if path.parent != self.path}  # fmt: skip

    @cached_property
    def is_above(self) -> bool:
        """Do all its photos lie in folders of their own?"""
        return bool(self.photos) and all(path.parent != self.path for path in self.photos)


def _role(name: str) -> tuple[str | None, bool]:
    """The part of a set that a folder's name tells, and whether it tells nothing else.

    >>> _role("seg_train"), _role("Validation"), _role("daisy"), _role("trainSet")
    (('train', False), ('val', True), (None, False), ('train', True))
    """
    words = re.findall("[a-z]+", re.sub("([a-z])([A-Z])", r"\1 \2", name).lower())
    roles = [PARTS[word] for word in words if word in PARTS]
    rest = [word for word in words if word not in PARTS and word != "set"]
    return (roles[0], not rest) if len(set(roles)) == 1 else (None, False)


def _parts(subs: list[_Folder], folder: Path) -> list[tuple[str, _Folder]]:
    """The folders above the classes, training first; none if `subs` are the classes."""
    trains = [sub for sub in subs if sub.role == "train" and sub.is_above]
    judged = [sub for sub in subs if sub.role in ("val", "test")]
    same = [sub for sub in judged if any(sub.inside & train.inside for train in trains)]
    rest = [sub for sub in subs if sub not in trains + judged and sub.photos]
    usual = [sub for sub in trains + judged if sub.usual]
    if not trains or not (same or (usual and trains[0].usual)):
        _ask_of_parts(subs)
        return []
    if rest and not same and "test" not in [sub.role for sub in judged]:
        raise ValueError(
            f"{folder} can be read in two ways: {trains[0]}/ holds the classes "
            f"{few(sorted(trains[0].inside))}, and beside it lie photos in {rest[0]}/. If they are "
            f"one class each, put the photos of {trains[0]}/ side by side; if {trains[0]}/ is what "
            f"is trained on, take {rest[0]}/ out or rename it to test/"
        )
    parts = [(sub.role, sub) for sub in trains + judged if sub.photos]
    order = ("train", "val", "test")
    return sorted(((role, sub) for role, sub in parts if role), key=lambda p: order.index(p[0]))


def _ask_of_parts(subs: list[_Folder]) -> None:
    """Raise ValueError for folders that look like parts of a set, and do not say of which kind."""
    alike = [sub for sub in subs if sub.is_above and _looks_like_a_part(sub)]
    shared = set.intersection(*(sub.inside for sub in alike)) if len(alike) > 1 else set()
    if len(shared) > 1:
        names = few([f"{sub}/" for sub in alike])
        raise ValueError(
            f"{names} hold folders of the same names ({few(sorted(shared))}), which can be read in "
            f"two ways. If they are parts of one set, rename them to train/, val/ and test/; if "
            f"they are the classes, put the photos of each side by side"
        )


def _looks_like_a_part(sub: _Folder) -> bool:
    return bool(set(re.findall("[a-z]+", str(sub).lower())) & LIKE_PARTS)


def _classes(folder: Path, root: Path, part: str, notes: list[str]) -> list[Photo]:
    """The photos of each class folder in `folder`, however deep they lie in it."""
    subs = [_Folder(sub, root) for sub in _subfolders(folder) if not _is_own(sub)]
    photos = [
        Photo(path.relative_to(root).as_posix(), sub.path.name, part)
        for sub in subs
        for path in sub.photos
    ]
    if not photos:
        raise _no_photos(folder, subs, part)
    without = [sub for sub in subs if not sub.photos]
    empty = [sub for sub in without if not sub.files]
    unread = [sub for sub in without if any(not _is_other(path) for path in sub.files)]
    if empty:
        raise ValueError(
            f"{few([f'{sub}/' for sub in empty])} in {folder} is empty: a class needs photos; add "
            f"them, or take the folder out"
        )
    if unread:
        kinds = sorted({path.suffix.lower() or "no ending" for path in unread[0].files})
        raise ValueError(
            f"{unread[0]}/ in {folder} holds {len(unread[0].files)} files and no photo that can be "
            f"read ({few(kinds)}): save them as JPEG or PNG, or take the folder out"
        )
    if without:
        notes.append(f"{few([f'{sub}/' for sub in without])}: no photos in it, passed over")
    return photos


def _no_photos(folder: Path, subs: list[_Folder], part: str) -> ValueError:
    loose = sum(_is_photo(p) and _visible(p.name) for p in folder.iterdir() if p.is_file())
    if loose and part in ("val", "test"):
        return ValueError(
            f"{folder} holds {loose} photos in no class folder: sort them into the same classes "
            f"as the training photos, or rename it to take them out"
        )
    if loose:
        return ValueError(f"{folder} holds {loose} photos but no class folders: {LAYOUT}")
    others = {path.suffix.lower() or path.name for sub in subs for path in sub.files}
    seen = f", only {', '.join(sorted(others)[:5])}" if others else ""
    return ValueError(
        f"no photos in the subfolders of {folder}{seen}: {LAYOUT} (JPEG, PNG, WebP, TIFF, HEIC)"
    )


def _one_spelling(photos: list[Photo], notes: list[str]) -> list[Photo]:
    """The same photos, each class under one name: its first spelling, as text."""
    names: dict[str, str] = {}
    spellings: dict[tuple[str, str], set[str]] = {}
    for photo in photos:
        names.setdefault(_spelled(photo.name), unicodedata.normalize("NFC", readable(photo.name)))
        spellings.setdefault((photo.part, _spelled(photo.name)), set()).add(photo.name)
    for (_, key), several in spellings.items():
        if len(several) > 1:
            spelled = " and ".join(ascii(readable(one)) for one in sorted(several))
            notes.append(f"{spelled} are taken for one class, {names[key]!r}")
    strange = {photo.name for photo in photos if readable(photo.name) != photo.name}
    notes += [f"a folder's name is not valid UTF-8, and read as {readable(n)!r}" for n in strange]
    return [replace(photo, name=names[_spelled(photo.name)]) for photo in photos]


def _spelled(name: str) -> str:
    """The same for names that differ by case or by how Unicode writes an accent."""
    return unicodedata.normalize("NFC", readable(name)).casefold()


# Files and folders


def _subfolders(folder: Path) -> list[Path]:
    found = (path for path in folder.iterdir() if path.is_dir() and _visible(path.name))
    return sorted(found, key=lambda path: path.name)  # Path's own order depends on the platform


def _files(folder: Path, root: Path) -> Iterator[Path]:
    """All visible files below a folder in a fixed order; a link to a folder is followed once."""
    found, seen = [], {root.resolve(), *folder.resolve().parents}  # no link back to where we are
    for top, folders, names in os.walk(folder, followlinks=True):
        real = Path(top).resolve()
        if real in seen or _is_own(Path(top)):
            folders[:] = []
            continue
        seen.add(real)
        folders[:] = filter(_visible, folders)
        found += [Path(top, name) for name in names if _visible(name)]
    yield from sorted(found, key=lambda path: path.as_posix())


def _is_own(folder: Path) -> bool:
    """Are these results of the course? Its pictures are no photos."""
    if (folder / MARK).exists():
        return True
    return (folder / "compressed.png").exists() and any((folder / n).exists() for n in RESULTS)


def _visible(name: str) -> bool:
    return not name.startswith((".", "__MACOSX"))


def _is_other(path: Path) -> bool:
    return path.suffix.lower() in OTHERS or path.name == "Thumbs.db"


def _is_photo(path: Path) -> bool:
    """By its name's ending, or else by how it begins."""
    if path.suffix.lower() in SUFFIXES:
        return True
    if _is_other(path):
        return False
    try:
        with open(path, "rb") as file:
            return BEGINNINGS.match(file.read(16)) is not None
    except OSError:
        return False
