"""The checks check: right answers in any style pass, wrong ones get the hint that fits."""

import functools
import importlib
import importlib.util
import inspect
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.checks import NotYet, progress
from course_lib.checks.agreement import difference
from course_lib.checks.budget import Budget
from course_lib.checks.prediction import Prediction
from course_lib.checks.record import Record, exercises
from course_lib.checks.task import Task, task

ROOT = Path(__file__).parents[2]
MODULES = exercises()
SEEDS = range(3)
# One draw of inputs is quick; `make test-slow` takes the others, and answers that write files.
DRAWS = {"first": ([0], []), "more": (SEEDS[1:], [pytest.mark.slow])}
draws = pytest.mark.parametrize(
    "seeds", [pytest.param(seeds, marks=marks, id=name) for name, (seeds, marks) in DRAWS.items()]
)


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    return tmp_path / "progress.json"


def checks_of(module):
    """The checks of a chapter's exercise, {name: check}."""
    return {
        name: check
        for name, check in vars(importlib.import_module(f"course_lib.checks.{module}")).items()
        if hasattr(check, "chapter") and callable(check)
    }


@functools.cache
def answers(module):
    """The module of a chapter's wrong and right answers."""
    path = ROOT / "tests" / "wrong_answers" / f"{module}.py"
    spec = importlib.util.spec_from_file_location(f"wrong_answers_{module}", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def given(kind):
    """All answers of a kind, each with the check it is for and the seeds to draw inputs by.

    `make test-quick` tries the first five of a task.
    """
    found = []
    for module in MODULES:
        checks = checks_of(module)
        count = Counter()
        for name, answer in vars(answers(module)).items():
            if name.startswith(f"{kind}_"):
                own = [c for c in checks if name.removeprefix(f"{kind}_").startswith(f"{c}_")]
                check = checks[max(own, key=len)]
                count[check] += 1
                for draw, (seeds, marks) in DRAWS.items():
                    if isinstance(check, Budget):
                        marks = [pytest.mark.slow]  # a file takes seconds to write
                    elif count[check] > 5:
                        marks = [*marks, pytest.mark.long]
                    if draw == "first" or isinstance(check, Task):
                        label = f"{module}-{name}-{draw}"
                        found.append(pytest.param(check, answer, seeds, id=label, marks=marks))
    return found


def hand_in(check, answer, folder, seed):
    """What the learner's cell does: a Budget is handed the file that the answer writes."""
    if isinstance(check, Budget):
        return check(answer(folder))
    return check(answer, seed=seed) if isinstance(check, Task) else check(answer)


@pytest.mark.parametrize(("check", "answer", "seeds"), given("right"))
def test_every_right_answer_passes_however_it_is_written(check, answer, seeds, tmp_path):
    for seed in seeds:
        assert hand_in(check, answer, tmp_path, seed).why.endswith(check.why)


@pytest.mark.parametrize(("check", "answer", "seeds"), given("wrong"))
def test_every_wrong_answer_is_rejected_with_the_hint_that_fits(check, answer, seeds, tmp_path):
    for seed in seeds:
        with pytest.raises(NotYet):
            hand_in(check, answer, tmp_path, seed)
        if callable(answer):  # its docstring says which mistake it is to be taken for
            counted = Record().entries[f"{check.chapter}/{check.name}"].mistakes
            assert {inspect.getdoc(answer) in mistake for mistake in counted} == {True}


@pytest.mark.parametrize("module", MODULES)
def test_every_task_has_five_wrong_answers_and_two_right_ones(module):
    for check in checks_of(module).values():
        for kind, least in (("wrong", 5), ("right", 2)):
            there = [p for p in given(kind) if p.values[0] is check and 0 in p.values[2]]
            assert len(there) >= least, f"{check.name} has {len(there)} {kind} answers"


@pytest.mark.long  # each of them is held against each other one
@draws
@pytest.mark.parametrize("module", MODULES)
def test_every_mistake_is_told_apart_and_its_hints_grow(module, seeds):
    for check in checks_of(module).values():
        for name, makes in getattr(check, "mistakes", {}).items():
            found = [check.finding(makes, seed) for seed in seeds]
            assert {each.mistake for each in found} == {name}
            assert len(set(found[0].hints)) == 3


@pytest.mark.parametrize("module", MODULES)
def test_a_check_stands_in_the_file_of_its_name(module):
    for name, check in checks_of(module).items():
        file = importlib.import_module(f"course_lib.checks.{module}.{name}")
        assert vars(file)[name] is check
        lines = Path(file.__file__).read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 350


@pytest.mark.parametrize("module", MODULES)
def test_progress_shows_the_tasks_in_the_order_of_their_exercise(module):
    [(source, shown)] = [(k, v) for k, v in progress().chapters.items() if k[3:] == module]
    text = (ROOT / "solutions" / f"{source}.py").read_text(encoding="utf-8")
    called = dict.fromkeys(re.findall(r"(?m)^checks\.(\w+)\(", text))
    assert list(shown) == [name for name in called if name in checks_of(module)]  # no rubrics


def test_a_task_that_is_named_as_its_file_stays_the_task_whatever_is_imported():
    file = importlib.import_module("course_lib.checks.low_rank.tucker_macs")
    assert file.tucker_macs is checks_of("low_rank")["tucker_macs"]


def doubled(**settings):
    """A task to try the machinery on."""

    @task("00_example", draw=lambda random, case: (torch.randn(3, generator=random),), **settings)
    def double(x):
        "It matters."
        return 2 * x

    @double.mistake
    def squared(x):
        """
        - One.
        - Two.
        - Three.
        """
        return x * x

    return double


def test_hints_grow_with_the_tries_of_the_same_mistake():
    said = []
    for answer in (lambda x: x**2, lambda x: x * x, lambda x: x, lambda x: x**2, lambda x: x**2):
        with pytest.raises(NotYet) as caught:
            doubled()(answer)
        said.append(str(caught.value).removeprefix("double: not yet. "))
    assert said[:2] + said[3:] == ["One.", "Two.", "Three.", "Three."]
    assert said[2] == "Not what was asked for: every number is 0.5 times what is right."


def test_what_nobody_knows_begins_with_its_own_first_hint():
    said = []
    for factor, plus in ((3, 0), (3, 0), (2, 1), (-2, 0)):
        with pytest.raises(NotYet) as caught:
            doubled()(lambda x, factor=factor, plus=plus: factor * x + plus)
        said.append(str(caught.value).removeprefix("double: not yet. "))
    assert said[0] == "Not what was asked for: every number is 1.5 times what is right."
    assert said[1].startswith("This time: every number is 1.5 times what is right. Take the small")
    assert said[2] == "Not what was asked for: every number is 1 too large."
    assert said[3] == "Not what was asked for: every sign is turned around."
    for message in ("no", "no", "yes"):
        with pytest.raises(NotYet) as caught:
            doubled()(lambda x, message=message: int(message))
        said.append("It was called with" in str(caught.value))
    assert said[4:] == [False, True, False]


def test_what_an_answer_prints_is_shown_once_for_the_case_that_matters(capsys):
    def wrong_if_negative(x):
        print("sum", float(x.sum()))
        return 2 * x if x.sum() > 0 else x

    def fails(x):
        print("before")
        raise ValueError(x)

    def right(x):
        print("here")
        return x + x

    task = doubled()
    assert task.finding(right, seed=0) is None
    assert capsys.readouterr().out == "here\n"
    found = task.finding(wrong_if_negative, seed=0)
    (line,) = capsys.readouterr().out.splitlines()
    assert float(line.removeprefix("sum ")) < 0
    assert found.case == next(
        case for case, inputs in enumerate(drawn(task, seed=0)) if float(inputs[0].sum()) < 0
    )
    assert task.finding(fails, seed=0).mistake == "raised_ValueError"
    assert capsys.readouterr().out == "before\n"


def drawn(task, seed):
    random = torch.Generator().manual_seed(seed)
    return [task.draw(random, number) for number in range(task.cases)]


def test_a_forgotten_return_is_named():
    with pytest.raises(NotYet, match="does the function end with `return`"):
        doubled()(lambda x: None)
    assert doubled().finding(lambda x: (n for n in x), seed=0).mistake == "other"


def test_an_open_task_stays_open_and_counts_as_no_try(own_progress):
    def stub(x):
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        doubled()(stub)
    assert not own_progress.exists()


def test_a_passed_task_stays_passed_and_progress_shows_it(own_progress):
    [name] = [n for n in MODULES if n == "quantization"]
    check = checks_of(name)["affine"]
    assert "04_quantization: 0 of 6 passed" in str(progress())
    with pytest.raises(NotYet):
        check(lambda low, high, bits: (1.0, 0))
    assert "affine: tried 1 time" in str(progress())
    check(answers("quantization").right_affine_in_numpy)
    with pytest.raises(NotYet):
        check(lambda low, high, bits: (1.0, 0))
    assert "affine" not in str(progress())
    assert "04_quantization: 1 of" in str(progress())
    assert "✓ affine" in progress()._repr_html_()


def test_a_damaged_or_unwritable_record_costs_nothing_but_the_record(own_progress):
    for damaged in ("", "[1]", '{"a": 3}', '{"a": {"wrong": 1}}'):
        own_progress.write_text(damaged)
        assert Record().entries == {}
        assert doubled()(lambda x: x + x).name == "double"
        assert json.loads(own_progress.read_text())["00_example/double"]["passed"]
    own_progress.unlink()
    own_progress.mkdir()  # cannot be written
    assert doubled()(lambda x: x + x).name == "double"


def test_what_a_learner_raises_is_said_with_its_line():
    def answer(x):
        return x.nothing

    with pytest.raises(NotYet, match=r"stopped in line \d+ of its cell with AttributeError"):
        doubled()(answer)
    with pytest.raises(NotYet, match="hand in the function's name"):
        doubled()(answer.__name__)


def test_a_guess_need_not_be_right_but_be_one():
    half = Prediction("00_example", "half", "Half?", 0, 10, measure=lambda: 5.0, why="So it is.")
    assert str(half(4)) == "You guessed 4, measured: 5. Off by 1 of 10. So it is."
    assert Record().entries["00_example/half"].passed
    with pytest.raises(NotYet, match="from 0 to 10"):
        half(11)
    assert Record().entries["00_example/half"].mistakes == {"no_guess": 1}
    with pytest.raises(NotImplementedError, match="half: open"):
        half(None)
    percent = Prediction("00_example", "percent", "?", 0, 100, lambda: 5.0, "So it is.", "%")
    with pytest.raises(NotYet, match=r"is 0\.9 meant as 90%\? Then write 90"):
        percent(0.9)
    assert "measured: 5%" in str(percent(1))


def test_a_folder_in_the_place_of_the_file_is_no_network(tmp_path):
    check = checks_of("quantization")["few_bits"]
    with pytest.raises(NotImplementedError, match="is not there yet"):
        check(tmp_path / "none.packed")
    with pytest.raises(NotYet, match="cannot be used"):
        check(tmp_path)


def test_inputs_are_the_learners_to_read_only():
    def answer(x):
        x.mul_(2)
        return x

    with pytest.raises(NotYet, match="changed its input"):
        doubled()(answer)


def test_borrowing_is_seen_by_name_and_place_but_libraries_may_help_themselves():
    check = doubled(borrowed=("mul",))
    with pytest.raises(NotYet, match="calls `mul`"):
        check(lambda x: torch.mul(x, 2))
    assert check(lambda x: x + x).name == "double"

    def mul(x):  # the learner's own of that name
        return x + x

    assert check(mul).name == "double"
    assert check(lambda x: mul(x)).name == "double"


def test_the_checks_own_answer_is_borrowed_too():
    check, read_before = doubled(), doubled()
    for answer in (check.right, read_before.right, lambda x: 0 + read_before.right(x)):
        assert check.finding(answer, seed=0).mistake == "borrowed"


@pytest.mark.parametrize(
    ("answer", "right", "said"),
    [
        ([1, 2], torch.tensor([[1.0], [2.0]]), None),
        (np.float32(2), 2, None),
        (torch.tensor([True, False]), [1, 0], None),
        ((1, [2, 3]), (1, torch.tensor([2, 3])), None),
        ({"a": 1}, {"a": np.int64(1)}, None),
        (None, 1, "nothing came back"),
        (..., 1, "still a `...`"),
        ([1, 2, 3], torch.ones(2), r"the shape is \(3,\), asked for is \(2,\)"),
        ([-1, -2.5], [1, 2.5], "every sign is turned around"),
        ([3, 4.5], [2, 3.5], "every number is 1 too large"),
        ([2, 1, 5], [1, 2, 5], "their order is not"),
        ([1, 9, 9], [1, 2, 4], "1 of 3 numbers are right"),
        ([1, float("nan")], [1, 2], "divided by zero"),
        ({"a": 1}, {"b": 1}, "'b' is missing; 'a' should not be there"),
        (len, 1, r"the function 'len' itself \(was it called\?\)"),
        ("three", 3, "a number was asked for; this is str"),
        (torch.nn.Linear(1, 1), 3.0, "a number was asked for"),
        ((1, 2, 3), (1, 2), "2 things were asked for"),
        (b"ab", b"ab", None),
        (b"ac", b"ab", "not what was asked for"),
        (100_001, 100_000, "the number is not right"),
        (100_000.0, 100_000, None),
        (100_001.0, 100_000.0, None),
    ],
)
def test_differences_are_said_plainly(answer, right, said):
    found = difference(answer, right)
    if said is None:
        assert found is None
    else:
        assert found is not None
        assert re.search(said, found)


def test_a_network_is_compared_parameter_by_parameter():
    one, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    other.load_state_dict(one.state_dict())
    assert difference(other, one) is None
    other.bias.data += 1
    assert difference(other, one) == "at 'bias': every number is 1 too large"
