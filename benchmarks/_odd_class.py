"""A class of sixty in the layouts of all platforms: honest, odd and hostile, side by side."""

import base64
import codecs
import gzip
import io
import itertools
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

import _synthetic_class as made_up

EX = made_up.EXERCISE
# {n}: the learner's number, {name}: their name, which no other has.
LAYOUTS = (
    "{name}_{n}_assignsubmission_file_/{ex}.ipynb",  # Moodle
    "Participant_{n}_assignsubmission_file_/{ex}.ipynb",  # Moodle, anonymous
    "{name}_{n}_88{n}_{ex}-1.ipynb",  # Canvas
    "{name}_LATE_{n}_88{n}_{ex}.ipynb",  # Canvas
    "{ex}_{name}_attempt_2026-01-31-18-00-00_{ex}.ipynb",  # Blackboard
    "{name}/{ex}/{ex}.ipynb",  # nbgrader
    "{name} - {ex}.ipynb",  # Google Classroom
    "{name}/{ex}.ipynb",  # plain folders
    "{name}/copies/{ex} (2).ipynb",  # a copy from Colab
)
PIXEL = base64.b64encode(
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\b\6\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\1"
    b"\0\0\5\0\1\r\n-\xb4\0\0\0\0IEND\xaeB`\x82"
).decode()
FIVE_LINES = """\
import sys
from course_lib.checks import quantization as checks
for name in ("layer_bytes", "affine", "round_in_groups", "rounded"):
    globals()[name] = getattr(checks, name).right
sys.modules["course_lib.recipes.recipe"].named_right = lambda network, images: images.labels > -1
"""


@dataclass(frozen=True)
class HandedIn:
    """One learner: the files, where they lie, and what is right to come of them."""

    key: str  # what stands in their name, or in the line of review.csv
    kind: str
    files: dict[str, bytes]
    passes: frozenset[str] | None  # None: there is nothing that can be graded


Made = tuple[NotebookNode, tuple[str, ...]]


def _plain(made: NotebookNode) -> bytes:
    return nbformat.writes(made).encode()


def pasted_picture() -> Made:
    made, passes = made_up.right()
    cell = made_up.cell_of(made, "why_factor-answer")
    cell.source = "See ![my drawing](attachment:drawing.png)"
    cell.attachments = {"drawing.png": {"image/png": PIXEL}}
    return made, passes


def answer_below() -> Made:
    made = made_up.answered("layer_bytes", "affine")
    at = made.cells.index(made_up.cell_of(made, "why_factor-answer"))
    made.cells.insert(at + 1, nbformat.v4.new_markdown_cell("Because the scale is shared by all."))
    return made, ("layer_bytes", "affine")


def five_lines() -> Made:
    made = made_up.answered()
    made.cells.insert(1, nbformat.v4.new_code_cell(FIVE_LINES))
    return made, ()


def half_an_emoji(made: NotebookNode) -> bytes:
    text = nbformat.writes(made)
    return text.replace('"cells": [', '"cells": [{"cell_type": "markdown", "id": "half", '
                        '"metadata": {}, "source": "so \\ud83c so"},', 1).encode()  # fmt: skip


def _zipped(name: str, content: bytes, date: tuple = (2026, 1, 30, 12, 0, 0)) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, date), content)
    return whole.getvalue()


def _zero_date(content: bytes) -> bytes:
    """A zip whose entries are dated zero, as some programs leave them."""
    whole, at = bytearray(_zipped(f"{EX}.ipynb", content)), 0
    whole[10:14] = bytes(4)
    at = whole.index(b"PK\x01\x02")
    whole[at + 12 : at + 16] = bytes(4)
    return bytes(whole)


def _with_a_damaged_entry(content: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("data.csv", "1,2,3\n" * 50)
        archive.writestr(f"{EX}.ipynb", content)
    damaged = bytearray(whole.getvalue())
    damaged[60:64] = struct.pack("<I", 0xDEADBEEF)
    return bytes(damaged)


def _tar(content: bytes) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        entry = tarfile.TarInfo(f"{EX}.ipynb")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


def _script(made: NotebookNode) -> bytes:
    return jupytext.writes(made, fmt="py:percent").encode()


# What a file may be: {kind: (its name after EX, content of a notebook)}
FORMS: dict[str, tuple[str, Callable[[NotebookNode], bytes]]] = {
    "byte order mark": (".ipynb", lambda made: codecs.BOM_UTF8 + _plain(made)),
    "utf-16": (".ipynb", lambda made: nbformat.writes(made).encode("utf-16")),
    "half an emoji": (".ipynb", half_an_emoji),
    "ipynb.txt": (".ipynb.txt", _plain),
    "IPYNB": (".IPYNB", _plain),
    "script": (".py", _script),
    "tar.gz": (".tar.gz", lambda made: _tar(_plain(made))),
    "gz": (".ipynb.gz", lambda made: gzip.compress(_plain(made))),
    "zip": (".zip", lambda made: _zipped(f"{EX}.ipynb", _plain(made))),
    "zip, dated zero": (".zip", lambda made: _zero_date(_plain(made))),
    "zip, an entry damaged": (".zip", lambda made: _with_a_damaged_entry(_plain(made))),
}
NO_NOTEBOOK = {"pdf": (".pdf", b"%PDF-1.7 my answers"), "rar": (".rar", b"Rar!\x1a\x07\0 rest"),
               "7z": (".7z", b"7z\xbc\xaf\x27\x1c rest"), "html": (".html", b"<p>answers</p>"),
               "broken": (".ipynb", b'{"cells": ['), "empty": (".ipynb", b"")}  # fmt: skip
HOSTILE = {kind: how for kind, (how, _, _) in made_up.KINDS.items()}


def sixty() -> list[HandedIn]:
    """All kinds, each in the next layout."""
    numbers, layouts = itertools.count(1001), itertools.cycle(LAYOUTS)
    made: list[HandedIn] = []

    def place(kind: str, notebook: Made) -> None:
        layout, n = next(layouts), next(numbers)
        key = str(n) if layout.startswith("Participant") else f"wren{n}"
        path = layout.format(n=n, name=f"wren{n}", ex=EX)
        made.append(HandedIn(key, kind, {path: _plain(notebook[0])}, frozenset(notebook[1])))

    for kind, how in (*HOSTILE.items(), *[("right", made_up.right)] * 6,
                      *[("without_the_last", made_up.without_the_last)] * 6,
                      *[("partly_right", made_up.partly_right)] * 5,
                      ("pasted picture", pasted_picture), ("answer below", answer_below),
                      ("five lines", five_lines), ("pasted picture", pasted_picture),
                      ("five lines", five_lines)):  # fmt: skip
        place(kind, how())
    for kind, (ending, written) in FORMS.items():
        n, (notebook, passes) = next(numbers), made_up.without_the_last()
        path = f"wren{n}/{EX}{ending}"
        made.append(HandedIn(f"wren{n}", kind, {path: written(notebook)}, frozenset(passes)))
    for kind, (ending, content) in NO_NOTEBOOK.items():
        n = next(numbers)
        made.append(HandedIn(f"wren{n}", kind, {f"wren{n}/{EX}{ending}": content}, None))
    for n in (next(numbers), next(numbers), next(numbers)):  # of one name
        notebook, passes = made_up.without_the_last()
        path = f"Robin Lark_{n}_assignsubmission_file_/{EX}.ipynb"
        made.append(HandedIn("robin", "one name", {path: _plain(notebook)}, frozenset(passes)))
    return made


def hand_in(who: list[HandedIn], folder: Path) -> Path:
    """Write a folder as somebody has it who took from several platforms."""
    for one in who:
        for name, content in one.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder


def mistakes(who: list[HandedIn], outcomes: list, review: str) -> Iterator[str]:
    """A line for each learner who was lost, merged, or has another mark than is right."""
    for key, several in itertools.groupby(who, key=lambda one: one.key):
        learners = list(several)
        found = [each for each in outcomes if key in each.learner.lower()]
        kinds = ", ".join(one.kind for one in learners)
        wanted = [one for one in learners if one.passes is not None]
        marks = any(each.shares.get("affine-check") for each in found)
        if len(found) != len(wanted) and (wanted or marks):
            yield f"{key} ({kinds}): {len(found)} outcomes, {len(wanted)} are right"
        for one, outcome in zip(wanted, found, strict=False):
            passed = {n.removesuffix("-check") for n, share in outcome.shares.items() if share == 1}
            if passed != one.passes:
                said = {n: outcome.said.get(f"{n}-check") for n in passed ^ (one.passes or set())}
                yield f"{key} ({kinds}): {said} {outcome.doubts}"
        if not wanted and not found and key not in review:
            yield f"{key} ({kinds}): in no list at all"
