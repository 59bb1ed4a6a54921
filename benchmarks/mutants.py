"""Do the tests notice? Changes the library in one place at a time, and runs the module's own tests.

    python benchmarks/mutants.py [MODULE ...] [--count 200] [--seed 0] [--again] [--small]

A mutant is an operator, a comparison, a number or a flag changed (cosmic-ray makes them). Places
are drawn by chance, each as likely as any other in the modules, and each mutant runs in a copy of
the working tree, a process for each core. It is caught when the module's doctests or its own tests
(tests/ROOM/test_MODULE.py, or what imports it) fail. Those that survive are printed as changed
lines, and kept in build/mutants.json: --again tries only these.
"""

import argparse
import ast
import functools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

from course_lib.measure.measuring import threads

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "course_lib"
SURVIVORS = ROOT / "build" / "mutants.json"
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
# What the course teaches and measures with: where an unnoticed mistake costs most.
ROOMS = ("networks", "techniques", "deploy", "measure", "recipes", "classroom/grading")
MODULES = tuple(
    str(file.relative_to(LIBRARY).with_suffix(""))
    for room in ROOMS
    for file in sorted((LIBRARY / room).glob("[!_]*.py"))
)
# Tested through the module that passes them on.
BEHIND = {
    "checkpoints": "training", "cluster": "search", "coordinator": "search", "epochs": "training",
    "exported": "engines", "factors": "low_rank", "state": "recipe", "onnx_runtime": "engines",
    "rank_plan": "low_rank", "steps": "recipe", "weight_masks": "weight_pruning",
    "workers": "training", "executorch": "engines", "functions": "training", "shapes": "budgets",
    "exercise_names": "submissions", "layouts": "submissions", "recognition": "submissions",
    "stand_in": "grading",
}  # fmt: skip
ARITHMETIC = ("Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow")
ORDER = ("Lt", "LtE", "Gt", "GtE", "Eq", "NotEq")
OPERATORS = (
    *(f"ReplaceBinaryOperator_{a}_{b}" for a in ARITHMETIC for b in ARITHMETIC if a != b),
    *(f"ReplaceComparisonOperator_{a}_{b}" for a in ORDER for b in ORDER if a != b),
    "ReplaceBinaryOperator_BitAnd_BitOr", "ReplaceBinaryOperator_BitOr_BitAnd",
    "ReplaceComparisonOperator_Is_IsNot", "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue",
    "ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_USub", "AddNot",
    "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "NumberReplacer",
    "ZeroIterationForLoop",
)  # fmt: skip
LONGEST_S = 600  # of a test run; what takes so long is caught: it never ends


@dataclass(frozen=True)
class Mutant:
    """One change: the `occurrence`-th of an operator's in a module; `change` shows the line."""

    module: str
    operator: str
    occurrence: int
    line: int
    change: str = ""


def places(module: str) -> list[list[Mutant]]:
    """All mutants of a module, those of one place together."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator

    code = (LIBRARY / f"{module}.py").read_text(encoding="utf-8")
    nodes = list(ast_nodes(get_ast(code)))
    said = list(_said(code))
    found: dict[object, list[Mutant]] = {}
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        spots = [spot for node in nodes for spot, _ in operator.mutation_positions(node)]
        for occurrence, spot in enumerate(spots):
            if not any(begin <= spot < end for begin, end in said):
                mutant = Mutant(module, name, occurrence, spot[0])
                found.setdefault(spot, []).append(mutant)
    return list(found.values())


def _said(code: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """From where to where annotations and decorators reach, which say more than they do.

    So do conditions that only type checkers hold to be true.
    """
    for node in ast.walk(ast.parse(code)):
        parts = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            parts.append(node.test)
        for part in [*parts, *getattr(node, "decorator_list", [])]:
            if isinstance(part, ast.expr):
                yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)  # type: ignore[misc]


def mutated(mutant: Mutant) -> str:
    """The module's code with this change."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    code = (LIBRARY / f"{mutant.module}.py").read_text(encoding="utf-8")
    operator = get_operator(f"core/{mutant.operator}")()
    return mutate_code(code, operator, mutant.occurrence)


def shown(mutant: Mutant, code: str) -> str:
    """The line before and after."""
    before = (LIBRARY / f"{mutant.module}.py").read_text(encoding="utf-8").splitlines()
    old, new = next(
        ((a, b) for a, b in zip(before, code.splitlines(), strict=False) if a != b), ("", "")
    )
    return f"{old.strip()}  ->  {new.strip()}"


def tests(module: str) -> list[str]:
    """The module's doctests and its own tests: the file of its name, else those that import it.

    So do the tests of the module that passes it on, where there is one.
    """
    room, name = module.split("/")[0], module.split("/")[-1]
    own = ROOT / "tests" / room / f"test_{name}.py"
    files = [own] if own.exists() else [f for f in TESTS if name in _imported(f)]
    if name in BEHIND:
        files.append(ROOT / "tests" / room / f"test_{BEHIND[name]}.py")
    files = sorted(set(files))
    return [f"course_lib/{module}.py", *(str(file.relative_to(ROOT)) for file in files)]


@functools.cache
def _imported(file: Path) -> set[str]:
    """The modules of course_lib that a file of tests imports."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    froms = [node for node in froms if node.module.split(".")[0] == "course_lib"]
    inside = {part for node in froms for part in node.module.split(".")[1:]}
    return inside | {alias.name for node in froms for alias in node.names}


def run(copy: Path, module: str, limit_s: float, say: bool = False) -> bool:
    """Whether the module's tests pass in this copy of the working tree; say: print why not."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider"]
    command += ["-p", "no:xdist", *tests(module)]
    env = {**os.environ, "PYTHONPATH": str(copy)}
    for marks in ("not slow and not long", "long"):  # most mutants need no more than the quick ones
        try:
            done = subprocess.run(
                [*command, "-m", marks], cwd=copy, env=env, capture_output=True, text=True,
                timeout=limit_s,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False
        if done.returncode not in (0, 5):  # 5: there are no such tests
            if say:
                print(done.stdout[-3000:], flush=True)
            return False
    return True


def tried(mutants: list[Mutant]) -> Iterator[tuple[Mutant, bool, float]]:
    """(mutant, was it caught?, seconds), in the order in which they end."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    copies: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(threads()) as pool:
        for number in range(threads()):
            copy = Path(folder) / str(number)
            for name in listed:
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / name).is_file():
                    shutil.copy2(ROOT / name, copy / name)
            copies.put(copy)

        def attempt(mutant: Mutant) -> tuple[Mutant, bool, float]:
            copy, start = copies.get(), time.perf_counter()
            file = copy / "course_lib" / f"{mutant.module}.py"
            code = file.read_text(encoding="utf-8")
            try:
                file.write_text(mutated(mutant), encoding="utf-8")
                caught = not run(copy, mutant.module, LONGEST_S)
            finally:
                file.write_text(code, encoding="utf-8")
                copies.put(copy)
            return mutant, caught, time.perf_counter() - start

        # Modules that are tested by the same file are asked once, by one of them.
        modules = list({tuple(tests(m.module)[1:]): m.module for m in mutants}.values())
        whole = dict(zip(modules, pool.map(lambda m: _unchanged(copies, m), modules), strict=True))
        if failing := [module for module, passes in whole.items() if not passes]:
            raise SystemExit(f"these tests fail without any change: {', '.join(failing)}")
        yield from pool.map(attempt, mutants)


def _unchanged(copies: "SimpleQueue[Path]", module: str) -> bool:
    copy = copies.get()
    try:
        return run(copy, module, LONGEST_S, say=True)
    finally:
        copies.put(copy)


def drawn(modules: list[str], count: int, seed: int) -> list[Mutant]:
    """So many mutants, at as many places, the same for the same seed and code."""
    rng = random.Random(seed)
    everywhere = [place for module in modules for place in places(module)]
    chosen = rng.sample(everywhere, min(count, len(everywhere)))
    return [rng.choice(place) for place in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"in {', '.join(ROOMS)}")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="only those that survived last time")
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    if arguments.small:
        arguments.modules, arguments.count = ["intervals"], 2
    meant = {name: [m for m in MODULES if m.endswith(f"/{name}")] for name in arguments.modules}
    if unknown := [name for name, found in meant.items() if not found]:
        parser.error(f"no such module: {', '.join(unknown)}")
    modules = [module for found in meant.values() for module in found] or list(MODULES)
    if arguments.again:
        mutants = [Mutant(**kept) for kept in json.loads(SURVIVORS.read_text(encoding="utf-8"))]
    else:
        mutants = drawn(modules, arguments.count, arguments.seed)
    caught, all_of, survivors = Counter[str](), Counter[str](), []
    start = time.perf_counter()
    for mutant, noticed, seconds in tried(mutants):
        all_of[mutant.module] += 1
        caught[mutant.module] += noticed
        if not noticed:
            change = shown(mutant, mutated(mutant))
            survivors.append(asdict(mutant) | {"change": change})
            print(f"survived: {mutant.module}:{mutant.line} [{mutant.operator}, {seconds:.0f} s] "
                  f"{change}", flush=True)  # fmt: skip
    for module in sorted(all_of):
        print(f"{module:30} {caught[module]:3} of {all_of[module]:3} caught")
    total = len(mutants)
    print(f"{caught.total()} of {total} caught, {caught.total() / max(1, total):.1%}, "
          f"in {(time.perf_counter() - start) / 60:.1f} minutes")  # fmt: skip
    if not arguments.small:
        SURVIVORS.parent.mkdir(exist_ok=True)
        SURVIVORS.write_text(json.dumps(survivors, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
