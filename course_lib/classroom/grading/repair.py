"""Make a submission whole again: the released exercise, with what the learner wrote put into it.

Notebooks come back from Colab, VS Code and learning platforms with metadata lost, and with cells
that were copied, deleted, split or turned into another type. What the learner was to write is
looked for by nbgrader's name, by the cell's id, then by what it says. The cells that grade are
never the learner's: they are the released ones.

>>> from nbformat.v4 import new_code_cell, new_notebook
>>> cell = new_code_cell("def one():\\n    raise NotImplementedError")
>>> cell.metadata.nbgrader = {"grade_id": "one", "solution": True, "locked": False}
>>> sent = new_notebook(cells=[new_code_cell("def one():\\n    return 1")])  # all metadata lost
>>> repaired = repair(new_notebook(cells=[cell]), sent)
>>> repaired.notebook.cells[0].source
'def one():\\n    return 1'
>>> repaired.notes
['one: found by its name, the metadata was lost']
"""

import ast
import difflib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from ... import files
from ..welcome import is_given
from .attachments import missing, with_pictures

ALIKE = 0.6  # share of a text that stays, for two texts to be the same cell
LARGEST_CELL = 200_000  # characters of a cell; what is longer is no answer


@dataclass(frozen=True)
class Repaired:
    """A notebook to be graded; what was mended, and what a human should look at."""

    notebook: NotebookNode
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def repair(released: NotebookNode, sent: NotebookNode) -> Repaired:
    """The released exercise (hidden tests and all) with the cells of `sent` in their places.

    Every released cell is there once, in the released order; the learner's own cells follow the
    released cell that they followed. Neither notebook is changed.
    """
    released, sent, halves = nbformat.from_dict(released), *_whole(sent)
    places = [_Place(cell) for cell in released.cells]
    notes: list[str] = []
    doubts = ["halves of characters (of emoji, say) were replaced by \ufffd"] if halves else []
    taken: dict[int, int] = {}  # {number of the sent cell: place}
    for how, fits in (("", _same_name), ("", _same_id), ("text", _same_text), ("", _defines)):
        for number, cell in enumerate(sent.cells):
            if number in taken or len(cell.source) > LARGEST_CELL:
                continue
            for at, place in enumerate(places):
                if fits(place, cell) and (how != "text" or at not in taken.values()):
                    taken[number] = at
                    if place.written and fits in (_same_text, _defines):
                        notes.append(f"{place.name}: found by its name, the metadata was lost")
                    break
    too_long = [n for n, cell in enumerate(sent.cells) if len(cell.source) > LARGEST_CELL]
    if too_long:
        doubts.append(f"{len(too_long)} cells longer than {LARGEST_CELL:,} characters left out")
    last = -1
    for number, cell in enumerate(sent.cells):
        if number in taken:
            places[taken[number]].candidates.append(cell)
            last = max(last, taken[number])
        elif number not in too_long and not _grades(cell) and not is_given(cell.source):
            places[max(last, 0)].followed_by.append(_plain(cell))
    for before, place in itertools.pairwise(places):
        if place.nameless and not place.candidates and before.followed_by:
            place.candidates, before.followed_by = [_joined(before.followed_by)], []
            notes.append(f"{place.name}: found by its place, the metadata was lost")
    _find_answers(places, notes)
    cells = []
    for place in places:
        chosen = place.choose(notes, doubts)
        cells += [*place.earlier, chosen, *place.followed_by]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=released.metadata)
    notebook.nbformat_minor = 5
    _number_ids(notebook)
    return Repaired(notebook, list(dict.fromkeys(notes)), list(dict.fromkeys(doubts)))


def _whole(sent: NotebookNode) -> tuple[NotebookNode, bool]:
    """A copy that can be written to a file, and whether anything had to be replaced for that."""
    text = json.dumps(sent, ensure_ascii=False)
    made: NotebookNode = nbformat.from_dict(json.loads(files.whole(text)))
    return made, files.whole(text) != text


def _find_answers(places: list["_Place"], notes: list[str]) -> None:
    """Give an untouched answer the words that stand in cells of their own, below it or above."""
    for at, place in enumerate(places):
        if not place.by_hand or any(not _untouched(c, place.cell) for c in place.candidates):
            continue
        ends = not any(other.name for other in places[at + 1 :])
        below = [place, *(places[at + 1 :] if ends else [])]
        above = [other for other in places[:at][-1:] if not other.by_hand]
        for near in [*below, *above]:
            prose = [cell for cell in near.followed_by if _is_prose(cell)]
            if said := [cell for cell in prose if near in below or cell.cell_type != "code"]:
                place.candidates.append(_answer(place.cell, said))
                near.followed_by = [cell for cell in near.followed_by if cell not in said]
                notes.append(f"{place.name}: the answer stood in a cell of its own")
                break


def _answer(released: NotebookNode, said: list[NotebookNode]) -> NotebookNode:
    text = "\n\n".join(cell.source for cell in [released, *said])
    made: NotebookNode = nbformat.v4.new_markdown_cell(text)
    pictures = {name: kinds for c in said for name, kinds in c.get("attachments", {}).items()}
    if pictures:
        made.attachments = nbformat.from_dict(pictures)
    return made


def _is_prose(cell: NotebookNode) -> bool:
    """Whether a cell says something in words: in a code cell, as comments, a text or no Python."""
    if not cell.source.strip():
        return False
    if cell.cell_type != "code":
        return True
    try:
        body = ast.parse(cell.source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return not re.match(r"\s*[%!]", cell.source) and len(cell.source.split()) > 3
    texts = (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant) for n in body)
    return all(texts)


class _Place:
    """A released cell, the sent cells that may stand for it, and the learner's own behind it."""

    def __init__(self, cell: NotebookNode):
        own = about(cell)
        self.cell, self.name = cell, str(own.get("grade_id", ""))
        self.written = bool(own.get("solution"))
        self.locked = bool(own.get("locked"))
        self.by_hand = self.written and cell.cell_type == "markdown"  # an answer, marked by hand
        # Written by the learner, but neither a function nor a guess: code that makes a file.
        made = set(defined(cell.source)) if cell.cell_type == "code" else {self.name}
        self.nameless = self.written and self.name not in made
        self.candidates: list[NotebookNode] = []
        self.earlier: list[NotebookNode] = []  # versions that another has replaced
        self.followed_by: list[NotebookNode] = []

    def choose(self, notes: list[str], doubts: list[str]) -> NotebookNode:
        """The cell that is graded: the released one, with the learner's text where it is theirs."""
        made: NotebookNode = nbformat.from_dict(self.cell)
        if self.locked:
            fitting = {_words(made.source), _words(_visible(made.source))}
            if any(_words(cell.source) not in fitting for cell in self.candidates):
                notes.append(f"{self.name}: the check was edited; the released one grades")
            if not self.candidates:
                notes.append(f"{self.name}: the check was deleted; the released one grades")
            return made
        if not self.written:
            # Given cells: the learner's version, which may hold an import more; never nothing.
            kept = [cell for cell in self.candidates if cell.source.strip()]
            if kept and made.cell_type == "code":
                made.source = "\n\n".join(dict.fromkeys(cell.source for cell in kept))
            else:  # words of the learner's in a given text are not lost
                changed = [cell for cell in kept if _words(cell.source) != _words(made.source)]
                self.followed_by[:0] = map(_plain, changed)
            return made
        edited = [cell for cell in self.candidates if not _untouched(cell, made)]
        if not self.candidates:
            doubts.append(f"{self.name}: its cell is gone; taken as not answered")
        if edited:
            texts = list(dict.fromkeys(cell.source for cell in edited))
            if len(texts) > 1:
                doubts.append(f"{self.name}: {len(texts)} different versions; the last one counts")
                self.earlier = [_plain(cell) for cell in edited if cell.source != texts[-1]]
            if edited[-1].cell_type != made.cell_type:
                notes.append(f"{self.name}: was turned into a {edited[-1].cell_type} cell")
            made.source = texts[-1]
            if self.by_hand:
                doubts.extend(
                    f"{self.name}: the picture {name} was not handed in"
                    for name in missing(edited[-1])
                )
                pictured = with_pictures(edited[-1])
                made.source = pictured.source
                made.update({k: v for k, v in pictured.items() if k == "attachments"})
        return made


def _same_name(place: _Place, cell: NotebookNode) -> bool:
    return bool(place.name) and about(cell).get("grade_id") == place.name


def _same_id(place: _Place, cell: NotebookNode) -> bool:
    same = cell.get("id") is not None and cell.get("id") == place.cell.get("id")
    return same and (cell.cell_type == place.cell.cell_type or place.written)


def _same_text(place: _Place, cell: NotebookNode) -> bool:
    """The released words, or for what is written into a text, words that begin alike."""
    released = _words(_visible(place.cell.source))
    if _words(cell.source) == released:
        return True
    if place.written and place.cell.cell_type == "markdown":
        prompt = re.match(r"\*\*(.+?)\*\*", place.cell.source, re.DOTALL)
        return prompt is not None and _words(prompt[1])[:60] in _words(cell.source)
    if place.locked:
        head = released.split()[:1]
        return bool(head) and _words(cell.source).startswith(head[0])
    if not place.written and place.cell.cell_type == cell.cell_type == "code" and released:
        alike = difflib.SequenceMatcher(None, released, _words(cell.source))
        bounds = (alike.real_quick_ratio, alike.quick_ratio, alike.ratio)  # the dearest last
        return all(bound() > ALIKE for bound in bounds)
    return False


def _defines(place: _Place, cell: NotebookNode) -> bool:
    """The function or the guess that the place is for, in code or in a retyped cell."""
    if not (place.written and place.cell.cell_type == "code"):
        return False
    return place.name in set(defined(cell.source)) and place.name in set(defined(place.cell.source))


def defined(code: str) -> Iterator[str]:
    """Names that code defines or assigns at its top level; by pattern where it does not parse."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield from re.findall(r"(?m)^(?:def\s+)?(\w+)\s*(?:\(.*\)\s*(?:->.*)?:|=[^=])", code)
        return
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def about(cell: NotebookNode) -> dict:
    """What nbgrader has noted in a cell; nothing where a learner, or a tool, broke it."""
    own = cell.get("metadata", {}).get("nbgrader")
    return own if isinstance(own, dict) else {}


def _visible(source: str) -> str:
    """A check as the learner was given it."""
    return re.sub(r"\n?### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", "", source, flags=re.DOTALL)


def _words(text: str) -> str:
    return " ".join(text.split())


def _untouched(cell: NotebookNode, released: NotebookNode) -> bool:
    return not cell.source.strip() or _words(cell.source) == _words(released.source)


def _grades(cell: NotebookNode) -> bool:
    """Whether a cell pretends to grade: a check of another exercise, or one made up."""
    return bool(about(cell).get("grade"))


def _plain(cell: NotebookNode) -> NotebookNode:
    """A learner's own cell, without any metadata and outputs, but with its pictures."""
    if cell.cell_type == "markdown":
        return with_pictures(cell)
    code = cell.cell_type == "code"
    make = nbformat.v4.new_code_cell if code else nbformat.v4.new_raw_cell
    made: NotebookNode = make(cell.source)
    return made


def _joined(cells: list[NotebookNode]) -> NotebookNode:
    code = [cell.source for cell in cells if cell.cell_type != "markdown"]
    return nbformat.v4.new_code_cell("\n\n".join(code))


def _number_ids(notebook: NotebookNode) -> None:
    for number, cell in enumerate(notebook.cells):
        cell.id = f"g-{number}"
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
