"""A name that a cell above would have made: one sentence instead of a traceback.

After a restart, or with cells run out of order, Python says that a name is not defined. The
learner's notebook tells which of its cells makes it; what none of them makes is a slip of the pen,
and shown as ever. `lab_settings/startup.py` asks for this in every kernel of `make lab` and Binder.
"""

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NOTEBOOK = "JPY_SESSION_NAME"  # where Jupyter's server says which notebook a kernel is for


def explain(shell: Any) -> None:
    """Have a shell of IPython say which cell makes a name that is missing."""

    def missing(shell: Any, kind: type, error: NameError, traceback: Any, tb_offset=None) -> None:
        running = shell.user_ns.get("In", [""])[-1]
        said = sentence(error.name or "", Path(os.environ.get(NOTEBOOK, "")), running)
        if said and not isinstance(error, UnboundLocalError):
            error._render_traceback_ = lambda: [said]  # type: ignore[attr-defined]  # IPython's
        shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)

    shell.set_custom_exc((NameError,), missing)


def sentence(name: str, notebook: Path, running: str = "") -> str:
    """What to do about a missing name; empty where no other cell than the one running makes it."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    for source in code:
        if name in names_made(source) and source.strip() != running.strip():
            head = next(line for line in source.splitlines() if line.strip())
            return (
                f"There is no `{name}` yet: the cell that begins with\n\n    {head.strip()}\n\n"
                "makes it. Run what stands above this cell first: in the menu Run, "
                "Run All Above Selected Cell."
            )
    return ""


def names_made(source: str) -> set[str]:
    """The names that a cell makes for others.

    >>> sorted(names_made("import torch as t\\nfor i in range(3):\\n    x, y = f(lambda z: z)"))
    ['i', 't', 'x', 'y']
    """
    try:
        return set(_made(ast.parse(source)))
    except SyntaxError:  # half written, or of IPython's own: %matplotlib
        return set()


def _made(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name
        elif isinstance(child, ast.alias):
            yield (child.asname or child.name).partition(".")[0]
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif not isinstance(child, ast.Lambda | ast.comprehension):
            yield from _made(child)
