"""What comes back from a learner's kernel is compared elsewhere, and can be nothing but values."""

import ast
import base64
import contextlib
import functools
import importlib
import importlib.util
import inspect
import pickle
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from torch import nn

from course_lib import quantization
from course_lib.checks import record
from course_lib.checks.low_rank.rows_first import _split
from course_lib.checks.record import exercises
from course_lib.checks.task import Task, hints
from course_lib.classroom.grading import answering, grader, plain, sandbox
from course_lib.classroom.grading.judge import Judge

ROOT = Path(__file__).parents[2]
MODULES = exercises()


@pytest.fixture(autouse=True)
def fresh_progress(monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", "")
    monkeypatch.setattr("course_lib.checks.task.secrets.randbits", lambda bits: 0)  # no luck here
    record.IN_MEMORY.clear()


# Judging: the learner's side answers in this process, through the same bytes


def judge(names, given="", module=None):
    """A judge, and a notebook with these names that answers it."""

    def ask(question):
        return base64.b64decode(answering.answer(names, base64.b64encode(question).decode()))

    checks = f"from course_lib.checks import {module} as checks\n" if module else ""
    return Judge(checks + given, ask)


def tasks(module):
    """The tasks of a chapter's exercise that ask for a function."""
    found = vars(importlib.import_module(f"course_lib.checks.{module}"))
    return {name: check for name, check in found.items() if isinstance(check, Task)}


@functools.cache
def answers(module):
    path = ROOT / "tests" / "wrong_answers" / f"{module}.py"
    spec = importlib.util.spec_from_file_location(f"wrong_answers_{module}", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return vars(found)


def given(kind):
    found = []
    for module in MODULES:
        for name, answer in answers(module).items():
            if name.startswith(f"{kind}_"):
                own = [
                    t for t in tasks(module) if name.removeprefix(f"{kind}_").startswith(f"{t}_")
                ]
                if own:
                    found.append(pytest.param(module, max(own, key=len), answer, id=name))
    return found


@pytest.mark.parametrize(("module", "task", "answer"), given("right"))
def test_every_right_answer_passes_from_afar(module, task, answer):
    found = judge({task: answer}, module=module).verdict(f"checks.{task}({task})")
    assert found["share"] == 1, found
    assert found["said"].startswith(f"{task}: passed.")
    assert found["doubt"] == ""


@pytest.mark.slow  # for there are five hundred
@pytest.mark.parametrize(("module", "task", "answer"), given("wrong"))
def test_every_wrong_answer_is_rejected_from_afar_with_its_hint(module, task, answer):
    found = judge({task: answer}, module=module).verdict(f"checks.{task}({task})")
    assert found["share"] == 0
    check = tasks(module)[task]
    mistake = inspect.getdoc(answer) if callable(answer) else None
    if mistake in check.mistakes:
        assert found["said"] == f"{task}: not yet. {hints(check.mistakes[mistake])[0]}"
    assert re.match(rf"{task}: (not yet|open)\.", found["said"]), found


@pytest.mark.parametrize("path", sorted((ROOT / "solutions").glob("*.ipynb")), ids=lambda p: p.stem)
def test_hidden_tests_pass_from_afar_with_the_solutions_own_functions(path):
    """All checks of functions, hidden tests and all; those of files are graded in a class."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:  # as the class's source is: names of nbgrader are there
        cell.metadata.pop("tags", None)
    code = grader.given_by(notebook)
    names = {}
    for kinds in (ast.Import | ast.ImportFrom, ast.FunctionDef):
        with contextlib.suppress(NameError):  # one that takes the leaves for a default
            exec(_kept(code, kinds), names)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code":
            exec(_kept(cell.source, ast.FunctionDef), names)
    judging = judge(names, given=code)
    for cell in notebook.cells:
        own = cell.metadata.get("nbgrader", {})
        name = re.match(r"checks\.(\w+)\((\w+)\)", cell.source)
        if own.get("grade") and cell.cell_type == "code" and name and name[2] in names:
            found = judging.verdict(cell.source)
            assert found["share"] == 1, (name[1], found)


def _kept(code, kinds):
    """The statements of these kinds."""
    return "\n".join(ast.unparse(s) for s in ast.parse(code).body if isinstance(s, kinds))


# A judge before kernels that lie

AFFINE = "checks.affine(affine)"


def lying(reply, first=None):
    """A judge whose kernel has a function `affine`, and answers each call with these bytes."""
    looked = first if first is not None else plain.pack({"callable": True})
    replies = iter([looked])
    code = "from course_lib.checks import quantization as checks"
    return Judge(code, lambda question: next(replies, None) or reply)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"affine: passed.",
        pickle.dumps((1.0, 0)),
        plain.pack((1.0, 0)),
        plain.pack("passed"),
        plain.pack({"verdict": 1}),
        plain.pack({"share": 1, "said": "affine: passed."}),
        plain.pack({"result": (1.0, 0)}),
        plain.pack({"result": (1.0, 0), "inputs": 3}),
        plain.pack({"raised": "all"}),
        plain.pack({"result": (float("nan"), float("nan")), "inputs": [0, 0, 0]}),
        plain.pack({"result": (np.zeros(0), np.zeros(0)), "inputs": [0, 0, 0]}),
        plain.pack({"result": ([], []), "inputs": [0, 0, 0]}),
        plain.pack({"result": None, "inputs": [0, 0, 0]}),
        plain.pack({"result": "affine: passed.", "inputs": [0, 0, 0]}),
        plain.pack({"result": (True, True), "inputs": [0, 0, 0]}),
        plain.pack({"result": (np.float16(1), 10**400), "inputs": [0, 0, 0]}),
        plain.pack({"raised": ["Passed", "affine: passed.", 1]}),
        plain.pack({"raised": ["SystemExit", "0", 1]}),
        plain.pack({"raised": ["KeyboardInterrupt", "", None]}),
        plain.pack({"raised": ["x\0y", "", "z"]}),
        plain.pack({"result": torch.ones(2, requires_grad=True), "inputs": [0] * 3}, lambda _: 7),
    ],
)  # fmt: skip
def test_a_reply_that_is_no_answer_earns_nothing(reply):
    assert lying(reply).verdict(AFFINE)["share"] == 0


def test_a_reply_that_is_no_value_is_for_a_human():
    assert lying(b"affine: passed.").verdict(AFFINE)["doubt"] == "its answer was no plain value"
    assert lying(plain.pack({"result": (1, 0), "inputs": [0] * 3})).verdict(AFFINE)["doubt"] == ""


@pytest.mark.parametrize("value", [None, ..., 3, (1.0, 0), "affine", True, float("nan")])
def test_a_value_where_a_function_is_asked_for_earns_nothing(value):
    first = plain.pack({"result": value})
    assert lying(b"", first).verdict(AFFINE)["share"] == 0


def test_an_answer_for_another_task_earns_nothing():
    own = answers("quantization")["right_affine_in_numpy"]
    for task in tasks("quantization"):
        found = judge({task: own}, module="quantization").verdict(f"checks.{task}({task})")
        assert found["share"] == (task == "affine")


def test_a_name_that_is_missing_is_said():
    found = judge({}, module="quantization").verdict(AFFINE)
    assert found["said"] == "not passed: NameError: name 'affine' is not defined"


def test_an_open_task_an_error_and_an_interruption_are_told_apart():
    def stub(low, high, bits):
        raise NotImplementedError

    def broken(low, high, bits):
        return low.nothing

    def ends(low, high, bits):
        raise SystemExit

    found = judge({"affine": stub}, module="quantization").verdict(AFFINE)
    assert found["said"].startswith("affine: open.")
    found = judge({"affine": broken}, module="quantization").verdict(AFFINE)
    assert re.search(r"in line \d+ of its cell with AttributeError", found["said"])
    with pytest.raises(SystemExit):  # it ends the learner's process, not the judge
        answering.answer({"affine": ends}, _question(name="affine"))


def _question(name):
    asked = {"do": "call", "name": name, "inputs": (1.0, 2.0, 3), "borrowed": (), "gradients": True}
    return base64.b64encode(plain.pack(asked)).decode()


def test_inputs_that_were_changed_are_seen_from_afar():
    def clips(x, scale, low, high):
        with torch.no_grad():
            x.clamp_(low * scale, high * scale)
        return x

    found = judge({"rounded": clips}, module="quantization").verdict("checks.rounded(rounded)")
    assert "changed its input" in found["said"]

    def cuts(conv, norm, reader, stay):
        conv.weight = nn.Parameter(conv.weight[stay])
        return conv, norm, reader

    found = judge({"cut_out": cuts}, module="neuron_pruning").verdict("checks.cut_out(cut_out)")
    assert "changed its input" in found["said"]

    def sorts(times, warm_up):
        times.sort()
        return times[0], times[-1]

    check = "checks.median_and_p90(median_and_p90)"
    assert (
        "changed its input"
        in judge({"median_and_p90": sorts}, module="jigsaw").verdict(check)["said"]
    )


def test_hidden_tests_compare_with_their_own_inputs():
    def spoils(x):
        x.zero_()
        return x

    check = "str(1)\n### BEGIN HIDDEN TESTS\nx = torch.ones(2)\nassert torch.equal(spoils(x), x)"
    found = judge({"spoils": spoils}, given="import torch").verdict(check)
    assert found["said"] == "not passed: AssertionError"


def test_a_function_that_is_borrowed_is_seen_from_afar():
    def borrows(x, scale, low, high):
        return quantization.fake_quantize(x, float(scale), 0, 4)

    found = judge({"rounded": borrows}, module="quantization").verdict("checks.rounded(rounded)")
    assert "calls `fake_quantize`" in found["said"]


def test_gradients_are_asked_for_and_not_believed():
    def in_words(x, scale, low, high):  # the right numbers, a gradient of one everywhere
        inside = (x / scale).clamp(low, high).round() * scale
        return x + (inside - x).detach()

    found = judge({"rounded": in_words}, module="quantization").verdict("checks.rounded(rounded)")
    assert found["share"] == 0


def test_a_network_of_the_learners_own_class_answers_from_afar():
    class TwoSteps(nn.Module):
        def __init__(self, row):
            super().__init__()
            self.across, self.down = row

        def forward(self, x):
            return self.down(self.across(x))

    def own(conv, rank):
        return TwoSteps(_split(conv, rank))

    def lies(conv, rank):
        two = TwoSteps(_split(conv, rank))
        two.forward = lambda x: torch.zeros(1)
        return two

    check = "checks.rows_first(rows_first)"
    assert judge({"rows_first": own}, module="low_rank").verdict(check)["share"] == 1
    assert judge({"rows_first": lies}, module="low_rank").verdict(check)["share"] == 0


@pytest.mark.parametrize(
    ("guess", "share"),
    [
        (2, 1),
        (np.float64(2), 1),
        (None, 0),
        ("2", 1),
        ("two", 0),
        (4, 0),
        (float("nan"), 0),
        (True, 0),
    ],
)
def test_a_guess_is_a_plain_number(guess, share):
    found = judge({"my_luck": guess}, module="trade_offs").verdict("checks.my_luck(my_luck)")
    assert found["share"] == share


def test_checks_take_the_released_notebooks_names_before_the_learners():
    code = "def read(x):\n    return x + 1\nlong = [1, 2]\nlonger = read(len(long))"
    names = {"mine": lambda x: x, "read": lambda x: 0, "longer": 0}
    check = "str(mine(longer))\n### BEGIN HIDDEN TESTS\nassert read(1) == 2\n### END HIDDEN TESTS"
    assert judge(names, given=code).verdict(check) == {"share": 1, "said": "3", "doubt": ""}


# What a learner's kernel is not given


def test_every_task_is_withheld_from_the_learners_kernel():
    walls = sandbox._without_answers()
    pairs = {walls[i + 2]: walls[i + 1] for i, word in enumerate(walls) if word == "--ro-bind"}
    for module in MODULES:
        for check in tasks(module).values():
            file = inspect.getsourcefile(check.right)
            assert pairs[file] == str(sandbox.STAND_IN)
    assert pairs[str(sandbox.LIBRARY / "checks" / "task.py")].endswith("checks/task.py")
