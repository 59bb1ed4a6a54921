"""Which files of course_lib a notebook's outputs depend on: those that its code reaches by name.

A name is followed to where it is defined, through the packages that pass it on: a notebook that
draws `figures.curves` depends on the file of `curves`, not on every figure of the course.
"""

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

Dotted = tuple[str, ...]  # a name below course_lib: ("figures", "curves")


def library_files(code: str, root: Path) -> list[Path]:
    """The files of course_lib that the code reaches, directly or not, and its data files.

    The renderer of the leaves is one of them, and with it the version of the images. Data files
    count where the code names their folders and themselves; numbered ones by their folders alone.
    """
    library = root / "course_lib"
    seen: set[Dotted] = set()
    found: dict[Path, str] = {}
    waiting = [(), *_used(code, ())]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _followed(name, library, found)
    files = list(found)
    words = set(re.findall(r'["/]([\w-]+)(?=["./])', "\n".join([code, *found.values()])))
    for file in library.glob("*/**/*"):
        data = file.relative_to(library)
        named = {part for part in (*data.parts[:-1], data.name.split(".")[0]) if not part.isdigit()}
        if file.suffix != ".py" and named <= words and file.is_file():
            files.append(file)
    return sorted(file for file in files if "__pycache__" not in file.parts)


def _followed(name: Dotted, library: Path, found: dict[Path, str]) -> Iterator[Dotted]:
    """The names that this one leads to; the files on the way are added to `found`."""
    folder, package = library, Dotted()
    for place, part in enumerate(name):
        if (folder / part / "__init__.py").exists():
            _read(folder / "__init__.py", found)
            folder, package = folder / part, (*package, part)
            continue
        if (folder / f"{part}.py").exists():
            _read(folder / "__init__.py", found)
            yield from _used(_read(folder / f"{part}.py", found), package)
            return
        passed_on = _passed_on(_read(folder / "__init__.py", found), package)
        if part in passed_on:
            yield from ((*whole, *name[place + 1 :]) for whole in passed_on[part])
            return
        break  # the package's own
    code = _read(folder / "__init__.py", found)
    if name or not package:
        yield from _used(code, package)


@functools.cache
def _passed_on(code: str, package: Dotted) -> dict[str, set[Dotted]]:
    """What a package's `__init__` imports, also for type checkers alone."""
    return _bound(_nodes(ast.parse(code), types=True), package)


def _read(file: Path, found: dict[Path, str]) -> str:
    if file not in found and file.exists():
        found[file] = file.read_text(encoding="utf-8")
    return found.get(file, "")


@functools.cache  # every chapter reaches most of the library
def _used(code: str, package: Dotted) -> frozenset[Dotted]:
    """The names of course_lib that the code uses when it runs, as far as dots follow them."""
    nodes = list(_nodes(ast.parse(code), types=False))
    bound = _bound(nodes, package)
    names = {
        tuple(alias.name.split(".")[1:])
        for node in nodes
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.startswith("course_lib.")
    }
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    used = set()
    for node in nodes:
        first, rest = _chain(node)
        if first in bound:
            used.add(first)
            if id(node) not in inner:
                names |= {(*whole, *rest) for whole in bound[first]}
    for unused in bound.keys() - used:  # passed on to others, or imported for what it does
        names |= bound[unused]
    return frozenset(names)


def _chain(node: ast.AST) -> tuple[str, Dotted]:
    """`a.b.c` as ("a", ("b", "c")); ("", ()) for what does not begin with a name."""
    rest: list[str] = []
    while isinstance(node, ast.Attribute):
        rest.insert(0, node.attr)
        node = node.value
    return (node.id, tuple(rest)) if isinstance(node, ast.Name) else ("", ())


def _bound(nodes: Iterable[ast.AST], package: Dotted) -> dict[str, set[Dotted]]:
    """What the imports of course_lib bind: {name in this code: what it stands for}."""
    bound: dict[str, set[Dotted]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first, *rest = alias.name.split(".")
                if first == "course_lib":
                    whole = tuple(rest) if alias.asname else ()
                    bound.setdefault(alias.asname or first, set()).add(whole)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            if base is not None:
                for alias in node.names:
                    bound.setdefault(alias.asname or alias.name, set()).add((*base, alias.name))
    return bound


def _base(node: ast.ImportFrom, package: Dotted) -> Dotted | None:
    """Where `from ... import` looks, below course_lib; None outside of it."""
    parts = tuple(node.module.split(".")) if node.module else ()
    if node.level:
        return (*package[: len(package) - node.level + 1], *parts)
    return parts[1:] if parts[:1] == ("course_lib",) else None


def _nodes(tree: ast.AST, types: bool) -> Iterator[ast.AST]:
    """All nodes of the code; types: also what only type checkers see."""
    for node in ast.iter_child_nodes(tree):
        if not types and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _nodes(node, types)
