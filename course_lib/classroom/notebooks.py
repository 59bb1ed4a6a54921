"""Build the notebooks from their sources, and check that the two agree.

>>> from course_lib import notebooks
>>> notebooks.build(["01"], check=True)  # doctest: +SKIP
0

A notebook is executed again only when its code or the library that it reaches changed; new
prose alone keeps the outputs. `execute` and `run` are here for the command line.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

try:
    import jupytext  # noqa: F401
    import nbclient  # noqa: F401
    import nbformat
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"{error.name} is missing: notebooks are built and run with the extra 'lab'; "
        "install it with `make setup`, or with `pip install -e .[lab]`",
        name=error.name,
    ) from error
from nbformat import NotebookNode

from ..units import megabytes
from .assembly import assemble, badges, find_root, first_cells, select, sources, text_hash, write
from .execution import Execution, execute, kernel_env, tidy
from .exercises import exercise
from .runner import run

__all__ = ["badges", "build", "execute", "first_cells", "root", "run"]

root = find_root


def build(names: Sequence[str] = (), check: bool = False, root: Path | str | None = None) -> int:
    """Build the notebooks named (all without names) beside their sources; 0 when all went well.

    check: execute and write nothing; 1, with a line for each, when a notebook and its source
    disagree in text, ids or hash.
    """
    base = find_root(root)
    available = sources(base)
    failed = 0
    for source in select(names, available):
        problem = disagreement(source, base) if check else _build_one(source, base)
        if problem:
            failed += 1
            print(f"{_name(source)}: {problem}")
    if check and not names:
        for orphan in _orphans(base):
            failed += 1
            print(f"{_name(orphan)}: has no source; delete it or write {orphan.stem}.py")
    return int(failed > 0)


def disagreement(source: Path, base: Path) -> str | None:
    """What a built notebook and its source disagree in, and the remedy; None when they agree."""
    remedy = "run `make notebooks`"
    try:
        fresh = assemble(source, base)
    except ValueError as error:
        return str(error)
    built = _read(source.with_suffix(".ipynb"))
    if built is None:
        return f"the notebook is missing or cannot be read; {remedy}"
    if [c.source for c in built.cells] != [c.source for c in fresh.cells]:
        return f"the notebook's text is not the source's; {remedy}"
    if [c.get("id") for c in built.cells] != [c.id for c in fresh.cells]:
        return f"the notebook's cell ids are not the source's; {remedy}"
    stored = built.metadata.get("course", {}).get("source_hash")
    if not stored == text_hash(built.cells) == fresh.metadata.course.source_hash:
        return f"the notebook's tags or hash are not the source's; {remedy}"
    if _is_solution(source) and _read(_exercise_file(source, base)) != _exercise(
        fresh, source, base
    ):
        return f"its exercise is missing, or not what the solution gives; {remedy}"
    return None


def _is_solution(source: Path) -> bool:
    return source.parent.name == "solutions"


def _exercise_file(solution: Path, base: Path) -> Path:
    return base / "exercises" / f"{solution.stem}.ipynb"


def _exercise(fresh: NotebookNode, solution: Path, base: Path) -> NotebookNode:
    return exercise(fresh, first_cells(f"exercises/{solution.stem}", base))


def _build_one(source: Path, base: Path) -> str | None:
    """Build one notebook; what went wrong, or None. A failure leaves the old one in place."""
    problem = _build_source(source, base)
    if problem is None and _is_solution(source):
        write(_exercise(assemble(source, base), source, base), _exercise_file(source, base))
    return problem


def _build_source(source: Path, base: Path) -> str | None:
    try:
        fresh = assemble(source, base)
    except ValueError as error:
        return str(error)
    target = source.with_suffix(".ipynb")
    old = _read(target)
    if old is not None and _same_inputs(old, fresh):
        if disagreement(source, base) is None:
            print(f"{_name(target)}: up to date")
            return None
        code = [cell for cell in old.cells if cell.cell_type == "code"]
        for cell, before in zip(_code(fresh), code, strict=True):
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
        write(fresh, target)
        print(f"{_name(target)}: new prose, outputs kept")
        return None
    print(f"{_name(target)}: executing ...", file=sys.stderr)
    result: Execution = execute(fresh, cwd=source.parent, env=build_env(base))
    if result.failure:
        return f"failed in {result.failure}"
    built = tidy(result.notebook, fresh.metadata)
    environment = [sys.prefix] if sys.prefix != sys.base_prefix else []
    for private in (str(base), *environment):
        if json.dumps(private)[1:-1] in nbformat.writes(built):
            return f"an output shows a folder of this machine, {private}; print names, not paths"
    write(built, target)
    print(f"{_name(target)}: {result.seconds:.0f} s, {megabytes(result.peak_bytes)}")
    return None


def build_env(base: Path) -> dict[str, str]:
    """The environment of what is kept and compared.

    Built-in images, no learner's record, and no progress bars: whether there is one depends on
    what an earlier run has left in the cache.
    """
    course = dict.fromkeys(("COURSE_DATA", "COURSE_FULL", "COURSE_BUILD", "COURSE_STRICT"))
    return kernel_env(base, TQDM_DISABLE="1", COURSE_PROGRESS="", **course)


def _same_inputs(old: NotebookNode, fresh: NotebookNode) -> bool:
    """Whether the outputs of the old notebook are those of the fresh one's code."""
    stored = old.metadata.get("course", {}).get("inputs_hash")
    same_code = [c.source for c in _code(old)] == [c.source for c in _code(fresh)]
    executed = all(c.get("execution_count") for c in _code(old) if c.source.strip())
    return stored == fresh.metadata.course.inputs_hash and same_code and executed


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _read(path: Path) -> NotebookNode | None:
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)
    except Exception:  # missing, damaged, merge markers: it is built anew
        return None
    return notebook


def _orphans(base: Path) -> list[Path]:
    """Notebooks whose source is gone; an exercise's is its solution's."""
    places = {"notebooks": "notebooks", "solutions": "solutions", "exercises": "solutions"}
    return [
        path
        for folder, source in places.items()
        for path in sorted((base / folder).glob("*.ipynb"))
        if not (base / source / f"{path.stem}.py").exists()
    ]


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
