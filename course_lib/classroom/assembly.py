"""Where the chapters lie, and how a py:percent source becomes a notebook.

The source is the only thing written by hand. Cell ids, the badges, the Colab cell and the
metadata are all derived from it, so that the same source always gives the same notebook.

>>> cell_ids([("code", "x = 1"), ("code", "x = 1")])
['c-89811aa68d45', 'c-89811aa68d45-2']
"""

import ast
import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbformat import NotebookNode

from .. import files
from .dependencies import library_files
from .exercises import marked

GENERATED = {"badges", "colab"}  # tags of the cells that no source carries
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}
# A cell that only wires a picture (`# %% folded=true`): its code is closed, what it shows is not.
FOLDED = {
    "jupyter": {"source_hidden": True},  # JupyterLab
    "cellView": "form",  # Colab
}
HIDDEN = "hide-input"  # the tag that the site reads
# What jupytext notes down for itself in a cell's metadata.
JUPYTEXT_KEYS = {"lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker", "id"}

COLAB_CELL = """\
# On Colab this installs the course beside Colab's own torch; anywhere else it does nothing.
import sys

if "google.colab" in sys.modules:
    import subprocess
    from importlib.metadata import version
    from pathlib import Path

    kept = [f"{{name}}=={{version(name)}}\\n" for name in ("torch", "torchvision", "numpy")]
    Path("kept_versions.txt").write_text("".join(kept))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", "kept_versions.txt"]
    subprocess.run([*pip, "git+{repository}"], check=True)"""


def find_root(root: Path | str | None = None) -> Path:
    """The repository's folder: the one given, else the one that holds this package's chapters.

    Raises FileNotFoundError when course_lib was installed without them.
    """
    if root is not None:
        return Path(root).resolve()
    for folder in (Path(__file__).resolve().parents[2], Path.cwd()):
        if (folder / "notebooks").is_dir() and (folder / "course_lib").is_dir():
            return folder
    raise FileNotFoundError(
        "no folder notebooks/ beside course_lib or here: the chapters live in the repository; "
        "clone it and run this from its folder"
    )


def sources(root: Path, folders: Sequence[str] = ("notebooks", "solutions")) -> list[Path]:
    """The py:percent sources, NN_name.py, in the order they are worked through."""
    found = (path for folder in folders for path in (root / folder).glob("[0-9][0-9]_*.py"))
    return sorted(found, key=lambda path: (folders.index(path.parent.name), path.name))


def select(names: Iterable[str], available: Sequence[Path]) -> list[Path]:
    """The sources that the names mean, in their own order; no name means all.

    `01`, `01_jigsaw` and `jigsaw` are the same chapter; `solutions/01_jigsaw` is only that one.

    >>> [p.name for p in select(["jigsaw"], [Path("notebooks/01_jigsaw.py")])]
    ['01_jigsaw.py']
    """
    chosen = set()
    for name in names:
        folder, _, short = str(name).replace("\\", "/").rpartition("/")
        short = re.sub(r"\.(py|ipynb)$", "", short)
        meant = {
            path
            for path in available
            if short in (path.stem, path.stem[:2], path.stem[3:])
            and folder in ("", path.parent.name)
        }
        if not meant:
            there = ", ".join(dict.fromkeys(path.stem for path in available)) or "none yet"
            raise ValueError(f"chapter must be one of those there ({there}), got {str(name)!r}")
        chosen |= meant
    return [path for path in available if path in chosen] if chosen else list(available)


def repository(root: Path) -> tuple[str, str]:
    """The repository's address and its `owner/name`, from [project.urls] in pyproject.toml."""
    file = root / "pyproject.toml"
    project = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    address = project.get("project", {}).get("urls", {}).get("repository", "")
    match = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?", address)
    if match is None:
        raise ValueError(
            "[project.urls] repository in pyproject.toml must be https://github.com/OWNER/NAME, "
            f"got {address!r}; the badges and the Colab cell are built from it"
        )
    return f"https://github.com/{match[1]}", match[1]


def _badge_line(notebook: str, root: Path, welcome: str = "") -> str:
    _, name = repository(root)
    path = f"{notebook}.ipynb"
    colab = f"https://colab.research.google.com/github/{name}/blob/main/{path}"
    # There learners have copies of their own, see `postBuild`.
    own = welcome or re.sub(r"^(notebooks/|(?=exercises/))", "work/", path)
    binder = f"https://mybinder.org/v2/gh/{name}/main?urlpath={quote(f'lab/tree/{own}', safe='')}"
    return (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab}) "
        f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({binder})"
    )


def badges(root: Path | str | None = None) -> str:
    """The README's line of Markdown that opens the course on Colab and on Binder."""
    return _badge_line("notebooks/00_start_here", find_root(root), "work/welcome.md")


def first_cells(name: str, root: Path | str | None = None) -> list[NotebookNode]:
    """The two cells before a chapter's own: the badges, and the one that prepares Colab.

    name: `01_jigsaw` (in notebooks/), or with its folder, `solutions/01_jigsaw`.
    """
    base = find_root(root)
    address, _ = repository(base)
    name = name if "/" in name else f"notebooks/{name}"
    return [
        nbformat.v4.new_markdown_cell(_badge_line(name, base), metadata={"tags": ["badges"]}),
        nbformat.v4.new_code_cell(
            COLAB_CELL.format(repository=address), metadata={"tags": ["colab"]}
        ),
    ]


def tags(cell: NotebookNode) -> set[str]:
    """The tags of a cell."""
    return set(cell.metadata.get("tags", []))


def cell_ids(cells: Iterable[tuple[str, str]]) -> list[str]:
    """An id for each (type, source): a hash of the cell, numbered where it repeats.

    An edit elsewhere leaves a cell's id as it is.
    """
    seen: Counter[str] = Counter()
    ids = []
    for kind, text in cells:
        digest = "c-" + hashlib.sha256(f"{kind}\n{text}".encode()).hexdigest()[:12]
        seen[digest] += 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return ids


def text_hash(cells: Iterable[NotebookNode]) -> str:
    """A hash of what the cells say and how they are tagged and graded, outputs left out."""
    said = [[cell.cell_type, cell.source, sorted(tags(cell)), *_graded(cell)] for cell in cells]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _graded(cell: NotebookNode) -> list[dict]:
    return [dict(cell.metadata.nbgrader)] if "nbgrader" in cell.metadata else []


def _inputs_hash(notebook: NotebookNode, code: str, root: Path) -> str:
    """A hash of everything that outputs depend on: the code cells and the library they reach."""
    code_cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    digest = hashlib.sha256(
        text_hash(cell for cell in code_cells if not tags(cell) & GENERATED).encode()
    )
    for file in library_files(code, root):
        # A checkout on Windows may turn the line ends of a text.
        content = file.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{file.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def assemble(source: Path, root: Path) -> NotebookNode:
    """The notebook that a py:percent source stands for, not executed.

    Raises ValueError, naming the file, when the source cannot be read, or the marks of a
    solution's cells do not fit.
    """
    import jupytext  # authors have it, learners need none

    code = source.read_text(encoding="utf-8")
    try:
        parsed = jupytext.reads(code, fmt="py:percent")
        ast.parse(code)
    except Exception as error:  # jupytext passes on whatever its parsers raise
        raise ValueError(f"{source.name} is no valid py:percent source: {error}") from error
    # Saving from a paired notebook may have put the generated cells into the source.
    body = [cell for cell in parsed.cells if not tags(cell) & GENERATED]
    cells = first_cells(f"{source.parent.name}/{source.stem}", root) + body
    ids = cell_ids((cell.cell_type, cell.source) for cell in cells)
    for cell, cell_id in zip(cells, ids, strict=True):
        cell.id = cell_id
        for key in JUPYTEXT_KEYS & set(cell.metadata):
            del cell.metadata[key]
        if cell.metadata.pop("folded", False):
            cell.metadata.update(nbformat.from_dict(FOLDED))
            cell.metadata.tags = [*cell.metadata.get("tags", []), HIDDEN]
    if source.parent.name == "solutions":
        marked(cells, source.name)
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.nbformat_minor = 5
    formats = parsed.metadata.get("jupytext", {}).get("formats")
    set_metadata(notebook, {"jupytext": {"formats": formats}} if formats else {})
    notebook.metadata.course = NotebookNode(
        source_hash=text_hash(cells), inputs_hash=_inputs_hash(notebook, code, root)
    )
    return notebook


def set_metadata(notebook: NotebookNode, extra: dict) -> None:
    """Replace a notebook's metadata by what is the same on every machine, and the extra."""
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNELSPEC, "language_info": LANGUAGE, **extra}
    )


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook, whole or not at all; the same notebook gives the same bytes.

    Halves of characters, which no file can hold, are replaced.
    """
    nbformat.validate(notebook)
    files.write(path, files.whole(nbformat.writes(notebook)) + "\n")
