"""Grading: submissions of any layout are found, mended, run behind walls, and marked rightly."""

import asyncio
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import zmq
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_lib.classroom.grading import (
    client,
    gradebook,
    grader,
    kernel,
    probing,
    sandbox,
    submissions,
)
from course_lib.classroom.grading.repair import repair

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import _synthetic_class as made_up  # noqa: E402

EXERCISE = made_up.EXERCISE
walls = pytest.mark.skipif(
    not (sys.platform == "linux" and shutil.which("bwrap")),
    reason="no bubblewrap here: strangers' code is not run",
)


@pytest.fixture(scope="module")
def released():
    return nbformat.read(ROOT / "solutions" / f"{EXERCISE}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def new_class(tmp_path_factory):
    """A class's folder with one exercise, as it is on the first day."""
    folder = tmp_path_factory.mktemp("school") / "a class"
    gradebook.new(folder, made_up.one_exercise(folder.parent / "root"))
    return folder


@pytest.fixture
def school(new_class, tmp_path):
    """Its copy, for one test."""
    return Path(shutil.copytree(new_class, tmp_path / "class"))


def text_of(notebook, name):
    return made_up.cell_of(notebook, name).source


# Repair


@pytest.mark.parametrize("kind", ["right", "lost_metadata", "without_the_last"])
def test_what_a_learner_wrote_is_found_again(released, kind):
    sent, passes = made_up.KINDS[kind][0]()
    repaired = repair(released, sent)
    whole = made_up.answered(*made_up.ALL)
    for task in passes:
        assert text_of(repaired.notebook, task) == text_of(whole, task)
    assert repaired.doubts == []
    assert [made_up.named(c) for c in repaired.notebook.cells if made_up.named(c)] == [
        made_up.named(c) for c in released.cells if made_up.named(c)
    ]
    if kind == "lost_metadata":
        assert "few_bits: found by its place, the metadata was lost" in repaired.notes


def test_checks_are_the_released_ones_whatever_became_of_them(released):
    for kind in ("edits_the_checks", "deletes_the_checks"):
        sent, _ = made_up.KINDS[kind][0]()
        repaired = repair(released, sent)
        for task in made_up.ALL:
            assert text_of(repaired.notebook, f"{task}-check") == text_of(released, f"{task}-check")
        assert any("the released one grades" in note for note in repaired.notes)


def test_copies_and_other_types_of_cells_are_mended_and_said(released):
    repaired = repair(released, made_up.copied_and_retyped()[0])
    whole = made_up.answered(*made_up.ALL)
    assert text_of(repaired.notebook, "affine") == text_of(whole, "affine")
    assert made_up.cell_of(repaired.notebook, "rounded").cell_type == "code"
    assert repaired.doubts == ["affine: 2 different versions; the last one counts"]
    assert "rounded: was turned into a raw cell" in repaired.notes
    assert "max(abs(low)" in "\n".join(c.source for c in repaired.notebook.cells)  # nothing is lost


def test_own_cells_stay_where_they_were_and_lose_what_they_hide(released):
    sent = made_up.answered("affine")
    at = sent.cells.index(made_up.cell_of(sent, "affine"))
    sent.cells.insert(at, new_code_cell("helper = 1", metadata={"tags": ["colab"]}))
    sent.cells.insert(0, new_markdown_cell("My name"))
    cells = repair(released, sent).notebook.cells
    helper = next(number for number, cell in enumerate(cells) if cell.source == "helper = 1")
    assert made_up.named(cells[helper + 1]) == "affine"
    assert cells[helper].metadata == {}
    assert len({cell.id for cell in cells}) == len(cells)


def test_a_cell_that_is_gone_or_enormous_is_for_a_human(released):
    sent = made_up.answered("affine")
    sent.cells.remove(made_up.cell_of(sent, "layer_bytes"))
    made_up.cell_of(sent, "affine").source = "x = 1\n" * 100_000
    doubts = " ".join(repair(released, sent).doubts)
    assert "layer_bytes: its cell is gone" in doubts
    assert "longer than" in doubts


def test_an_answer_in_words_is_found_by_its_question(released):
    sent = made_up.answered()
    answer = made_up.cell_of(sent, "why_factor-answer")
    answer.source = answer.source.replace("*Write your answer here.*", "Since steps are squared.")
    for cell in sent.cells:
        cell.metadata = nbformat.from_dict({})
        cell.id = f"x{sent.cells.index(cell)}"
    assert "steps are squared" in text_of(repair(released, sent).notebook, "why_factor-answer")


# The gradebook


@pytest.mark.long
def test_a_class_is_made_with_released_exercises_and_hidden_tests_kept(tmp_path):
    school = tmp_path / "a class"
    gradebook.new(school, ROOT)
    names = gradebook.exercises(school)
    assert EXERCISE in names
    assert names == sorted(path.stem for path in (ROOT / "solutions").glob("*.ipynb"))
    release = (school / "release" / EXERCISE / f"{EXERCISE}.ipynb").read_text(encoding="utf-8")
    source = (school / "source" / EXERCISE / f"{EXERCISE}.ipynb").read_text(encoding="utf-8")
    assert "HIDDEN TESTS" in source
    for text in (release, source):
        assert "BEGIN SOLUTION" not in text
    assert "HIDDEN TESTS" not in release
    with pytest.raises(FileNotFoundError, match="class new"):
        gradebook.exercises(school.parent)


def test_a_class_needs_no_program_on_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    root = made_up.one_exercise(tmp_path / "root")
    assert gradebook.new(tmp_path / "class", root) == [EXERCISE]
    from nbgrader.api import Gradebook

    Gradebook(gradebook.database(tmp_path / "class")).close()  # nbgrader finds nothing missing


def test_a_class_is_made_whole_or_not_at_all(tmp_path, monkeypatch):
    root = made_up.one_exercise(tmp_path / "root")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "submissions.zip").write_text("of the teacher")
    with monkeypatch.context() as patch:
        patch.setattr(gradebook, "_release", lambda *_: 1 / 0)
        for name in ("new", "there"):
            with pytest.raises(ZeroDivisionError):
                gradebook.new(tmp_path / name, root)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root", "there"]
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["submissions.zip"]
    gradebook.new(tmp_path / "there", root)
    assert gradebook.exercises(tmp_path / "there") == [EXERCISE]
    assert (tmp_path / "there" / "submissions.zip").read_text() == "of the teacher"
    with pytest.raises(ValueError, match="is a file"):
        gradebook.new(tmp_path / "there" / "submissions.zip", root)


def test_tables_open_in_a_spreadsheet_and_compute_nothing(tmp_path):
    whys = ["Zoë \ud83d", "=1+1", "-2+3", "@x", "\tx", "+x"]
    path = gradebook.review(tmp_path, [{"learner": "Zoë", "why": why} for why in whys])
    assert path.read_bytes().startswith("\ufefflearner".encode())
    rows = list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))
    assert [row["learner"] for row in rows] == ["Zoë"] * 6
    assert [row["why"] for row in rows] == ["Zoë \ufffd", *(f"'{why}" for why in whys[1:])]


@pytest.mark.long
def test_marks_of_hand_and_machine_live_together_and_outlive_a_new_release(school, tmp_path):
    sent = made_up.answered(*made_up.EASY)
    answer = made_up.cell_of(sent, "why_factor-answer")
    answer.source = answer.source.replace("*Write your answer here.*", "=cmd()")
    notebook = repair(gradebook.source(school, EXERCISE), sent).notebook
    shares = {"layer_bytes-check": 1, "affine-check": 0}
    for _ in range(2):  # grading again changes nothing
        gradebook.save(school, "=ana", EXERCISE, notebook, shares, datetime(2026, 1, 1, 12))
    [row] = list(csv.DictReader(gradebook.export(school).open(encoding="utf-8-sig")))
    assert row["learner"] == "'=ana"  # a sheet would compute it
    assert (row["layer_bytes-check"], row["affine-check"], row["points"]) == ("2.0", "0.0", "2.0")
    assert row["why_factor-answer"] == ""
    assert row["why_bits-answer"] == "0.0"  # untouched
    assert row["waits for marks by hand"] == "yes"
    with gradebook.book(school) as grades:
        by_hand = grades.find_grade("why_factor-answer", EXERCISE, EXERCISE, "=ana")
        by_hand.manual_score, by_hand.needs_manual_grade = 1.5, False
        grades.db.commit()
    assert gradebook.new(school, made_up.one_exercise(tmp_path / "root")) == [EXERCISE]
    [row] = list(csv.DictReader(gradebook.export(school).open(encoding="utf-8-sig")))
    assert (row["points"], row["why_factor-answer"]) == ("3.5", "1.5")
    gradebook.save(school, "=ana", EXERCISE, notebook, shares, None)
    [row] = list(csv.DictReader(gradebook.export(school).open(encoding="utf-8-sig")))
    assert (row["points"], row["why_factor-answer"]) == ("3.5", "1.5")
    page = gradebook.feedback(school, "=ana", EXERCISE, ["late"]).read_text(encoding="utf-8")
    assert "Points: 2 of 2" in page
    assert "Points: 1.5 of 2" in page
    assert "late" in page


@pytest.mark.long
def test_a_page_of_feedback_runs_nothing_of_a_strangers(school):
    sent = made_up.answered()
    sent.cells.append(new_markdown_cell("<script>alert(1)</script><img src=x onerror=alert(2)>"))
    notebook = repair(gradebook.source(school, EXERCISE), sent).notebook
    gradebook.save(school, "eve", EXERCISE, notebook, {}, None)
    page = gradebook.feedback(school, "eve", EXERCISE, ["<b onclick=alert(3)>"]).read_text()
    assert "alert(1)" not in page.replace("&lt;script&gt;alert(1)", "")
    assert "onerror" not in page.replace("&lt;img src=x onerror", "")
    assert "<b onclick" not in page


@pytest.mark.parametrize(
    ("output", "kept"),
    [
        ({"data": {"text/html": "<script>", "text/plain": "x", "text/javascript": "y"}}, "x"),
        ({"data": {"image/png": 'AAAA"><script>alert(1)</script>', "text/plain": "x"}}, "x"),
        ({"data": {"text/plain": "half \ud83d"}}, "half ?"),
        ({"data": {"text/plain": ["x"]}}, None),
        ({"data": 3}, None),
        ({}, None),
    ],
)
def test_of_what_a_kernel_shows_text_and_pictures_stay(output, kept):
    shown = kernel._harmless([nbformat.from_dict({"output_type": "display_data", **output})])
    assert [dict(one.data) for one in shown if one.data] == ([{"text/plain": kept}] if kept else [])
    picture = nbformat.from_dict({"output_type": "display_data", "data": {"image/png": "iVBOR/+="}})
    assert kernel._harmless([picture])[0].data == {"image/png": "iVBOR/+="}
    for kind in ("stream", "error", "no kind", None):
        odd = nbformat.from_dict({"output_type": kind, "text": {"a": 1}, "ename": None})
        nbformat.validate(nbformat.v4.new_notebook(
            cells=[new_code_cell(outputs=kernel._harmless([odd]))]
        ))  # fmt: skip


def test_an_outcome_is_kept_no_longer_than_the_checks_stay_what_they_are(
    school, tmp_path, monkeypatch
):
    task = tmp_path / "checks" / "quantization" / "affine.py"
    task.parent.mkdir(parents=True)
    notebook = school / "source" / EXERCISE / f"{EXERCISE}.ipynb"
    monkeypatch.setattr(sandbox, "LIBRARY", tmp_path)
    keys = set()
    for code in ("right = 1", "right = 2"):
        task.write_text(code)
        one = submissions.Submission("ada", EXERCISE, notebook)
        keys.add(grader._key(school, one, sandbox.Sandbox()))
    assert len(keys) == 2


# Behind walls


@walls
def test_every_wall_holds(tmp_path):
    held = probing.probe(sandbox.Sandbox(), tmp_path)
    assert len(held) == 17
    assert [name for name, holds in held.items() if not holds] == []
    assert list(tmp_path.iterdir()) == []


def test_the_probe_sees_that_there_are_no_walls(tmp_path):
    held = probing.probe(sandbox.Sandbox(unsafe=True), tmp_path)
    assert {name for name, holds in held.items() if holds} <= {
        "see_the_grader", "new_namespace", "abstract_socket",
    }  # fmt: skip
    assert not held["network"]
    assert not held["read_grades"]
    assert not held["write_outside"]


def test_grading_refuses_where_code_could_break_out(tmp_path, school, monkeypatch):
    monkeypatch.setattr(probing, "probe", lambda *_: {"network": False, "read_grades": True})
    if sys.platform == "linux":
        with pytest.raises(sandbox.NotContained, match=r"break out here: network\..*--unsafe"):
            probing.require(sandbox.Sandbox(), tmp_path)
        with pytest.raises(sandbox.NotContained):
            grader.grade(school, tmp_path)
    assert probing.require(sandbox.Sandbox(unsafe=True), tmp_path) == {}


def test_without_bubblewrap_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(sandbox.NotContained, match="apt install bubblewrap"):
        sandbox.Sandbox().command(["true"], Path("/scratch"))


SMALL = """\
import os, sys, time
print(sorted(os.listdir(".")), os.path.exists("/etc/passwd"), os.getcwd())
"""


def small(*cells):
    """A notebook of one check, of what is called `value`, and the cells given before it."""
    check = new_code_cell(
        "checks.one(value)\n### BEGIN HIDDEN TESTS\nassert value.upper()\n### END HIDDEN TESTS"
    )
    check.metadata["nbgrader"] = {"grade": True, "grade_id": "one-check", "points": 1}
    return nbformat.v4.new_notebook(cells=[*map(new_code_cell, cells), check])


GIVEN = """
class checks:
    @staticmethod
    def one(value):
        assert value == "right" or value() == "right", "wrong"
        return "seen"
"""


@walls
@pytest.mark.long  # some of them wait for their limits
@pytest.mark.parametrize(
    ("code", "share", "said"),
    [
        ("pass", 1, "seen"),
        ("value = ''", 0, "not passed"),
        ("value = 3", 0, "not passed"),
        ("import os; os._exit(0)", 0, "not reached: its kernel died"),
        ("import sys; value = lambda: sys.exit()", 0, "not passed: SystemExit"),
        ("import os; value = lambda: os._exit(0)", 0, "its kernel died"),
        ("print('x' * 30000)\n" * 200, 0, "not reached: ended: it printed more than"),
        ("x = bytearray(b'x') * 900_000_000; import time; time.sleep(5)", 0, "of memory"),
        ("while True: pass", 1, "seen"),  # the cell alone is interrupted
        ("import time\nvalue = lambda: time.sleep(60)", 0, "it took too long"),
        ("import os\nfor n in range(99): os.fork() or time.sleep(9)", 0, "not reached: ended"),
    ],
)
def test_what_a_cell_does_costs_itself_alone(code, share, said):
    limits = sandbox.Limits(
        cell_seconds=3, seconds=40, memory_bytes=800_000_000, output_bytes=500_000, processes=20
    )
    ran = kernel.run(small("value = 'right'", SMALL, code), sandbox.Sandbox(limits), (), GIVEN)
    verdict = ran.verdicts["one-check"]
    assert (verdict.share, said in verdict.said) == (share, True), (verdict, ran.doubts)
    assert ran.notebook.cells[1].outputs[0].text == "[] False /scratch\n"


@pytest.mark.long
@walls
@pytest.mark.parametrize("unsafe", [False, True])
def test_a_file_that_was_handed_in_is_judged_before_the_learners_code(tmp_path, unsafe):
    file = tmp_path / "network.packed"
    file.write_text("handed in")
    notebook = small("raise SystemExit", "open('network.packed', 'w').write('other')")
    notebook.cells[-1].source = "checks.read(FILE)"
    given = "class checks:\n    read = lambda path: open(path).read()\nFILE = 'network.packed'"
    ran = kernel.run(notebook, sandbox.Sandbox(unsafe=unsafe), [file], given)
    assert ran.verdicts["one-check"] == kernel.Verdict(1, "handed in")
    assert file.read_text() == "handed in"


@pytest.mark.long
@walls
def test_a_file_that_the_notebook_wrote_is_judged_elsewhere():
    notebook = small("open('network.packed', 'w').write('written')")
    notebook.cells[-1].source = "checks.read(FILE)"
    given = "class checks:\n    read = lambda path: open(path).read()\nFILE = 'network.packed'"
    ran = kernel.run(notebook, sandbox.Sandbox(), (), given)
    assert ran.verdicts["one-check"] == kernel.Verdict(1, "written")


# A class


def test_a_class_is_graded_again_when_a_task_of_the_checks_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "LIBRARY", tmp_path / "course_lib")
    task = tmp_path / "course_lib" / "checks" / EXERCISE / "affine.py"
    source = tmp_path / "source" / EXERCISE / f"{EXERCISE}.ipynb"
    for file in (task, source):
        file.parent.mkdir(parents=True)
        file.write_text("as it was")
    one = submissions.Submission("ana", EXERCISE, source)
    before = grader._key(tmp_path, one, sandbox.Sandbox())
    task.write_text("better")
    assert grader._key(tmp_path, one, sandbox.Sandbox()) != before


@pytest.fixture
def without_kernels(monkeypatch):
    """Grading whose kernels say what the tests tell them: {text in a notebook: what happens}."""
    happens = {}

    def run(notebook, walls, files=(), imports=""):
        text = nbformat.writes(notebook)
        for words, what in happens.items():
            if words in text:
                what(notebook)
        checks = [
            name for cell in notebook.cells if (name := made_up.named(cell)).endswith("-check")
        ]
        return kernel.Graded(notebook, {name: kernel.Verdict(1, "seen") for name in checks}, 1.0, 1)

    monkeypatch.setattr(kernel, "run", run)
    monkeypatch.setattr(probing, "require", lambda *_: {})
    monkeypatch.setattr(grader, "_reference", lambda *_: None)
    return happens


def rows_of(path):
    return list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))


def shows(data):
    def happen(notebook):
        cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
        cell.outputs = [
            nbformat.from_dict({"output_type": "display_data", "data": data, "metadata": {}})
        ]

    return happen


def fails(notebook):
    raise RuntimeError("a library at its end")


@pytest.mark.long
def test_whatever_one_learner_hands_in_the_others_are_graded(school, tmp_path, without_kernels):
    without_kernels |= {
        "it breaks": fails,
        "it shows a number": shows({"image/png": 5}),
        "it shows half": shows({"text/plain": "\udcff"}),
    }

    def notebook(own="", encoding="utf-8", **more):
        made = made_up.answered(*made_up.ALL)
        made.cells.append(new_markdown_cell(own, **more))
        return nbformat.writes(made).encode(encoding, "surrogatepass")

    deep = "[" * 100_000
    files = {
        "ana": notebook("nothing odd"),
        "bom": notebook(encoding="utf-8-sig"),
        "utf16": notebook(encoding="utf-16"),
        "utf16le": notebook(encoding="utf-16-le"),
        "ansi": notebook("caf\xe9").replace("\xe9".encode(), b"\xe9"),
        "picture": notebook("![s](attachment:s.png)", attachments={"s.png": {"image/png": "aGk="}}),
        "lost": notebook("![s](attachment:s.png)"),
        "half": notebook("done \ud83d"),
        "escaped": notebook("done half").replace(b"done half", b"done \\ud83d"),
        "breaks": notebook("it breaks"),
        "number": notebook("it shows a number"),
        "shows": notebook("it shows half"),
        "deep": f'{{"cells": {deep}'.encode(),
        "empty": b"",
        "list": b"[1, 2]",
        "cells": b'{"cells": [1, null, {}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        "old": b'{"worksheets": [], "metadata": {}, "nbformat": 3, "nbformat_minor": 0}',
        "brackets": notebook("[" * 3000),
    }
    source = tmp_path / "in"
    for who, content in files.items():
        (source / who).mkdir(parents=True)
        (source / who / f"{EXERCISE}.ipynb").write_bytes(content)
    (source / "pdf").mkdir()
    (source / "pdf" / "04.pdf").write_text("%PDF")
    summary = grader.grade(school, source, walls=sandbox.Sandbox(), root=ROOT, jobs=1)
    assert {one.learner for one in summary.outcomes} == set(files)
    why = {}
    for row in rows_of(summary.review):
        why.setdefault(row["learner"], []).append(row["why"])
    graded = {row["learner"]: float(row["points"]) for row in rows_of(summary.grades)}
    full = sum(made_up.POINTS.values())
    unread = {"deep", "empty", "list", "cells"}
    assert graded == {who: 0 if who in unread else full for who in files if who != "breaks"}
    for who in unread:
        assert "cannot be read" in why[who][0]
    assert why["breaks"] == ["could not be graded (RuntimeError: a library at its end); look at it"]
    assert "left out" in why["number"][0]
    assert "halves of characters" in why["half"][0]
    assert "halves of characters" in why["escaped"][0]
    assert why[""] == ["pdf/04.pdf: no notebook"]
    assert "ana" not in why
    assert {path.parent.name for path in school.glob("feedback/*/*.html")} == set(graded)
    picture = school / "autograded" / "picture" / EXERCISE / f"{EXERCISE}.ipynb"
    assert '"image/png": "aGk="' in picture.read_text(encoding="utf-8")
    again = grader.grade(school, school / "submitted", walls=sandbox.Sandbox(), root=ROOT, jobs=1)
    assert {one.learner: one.shares for one in again.outcomes} == {
        one.learner: one.shares for one in summary.outcomes
    }
    assert again.ran == 1  # what broke is tried again, nothing else


def test_suspicious_code_is_named_for_a_human(released):
    found = {
        kind: grader.suspicions(repair(released, made_up.KINDS[kind][0]()[0]).notebook, released)
        for kind in made_up.KINDS
    }
    for kind in ("patches_the_checks", "hands_in_the_right_answer_itself", "overwrites_checks"):
        assert found[kind] != []
    for kind in ("right", "without_the_last", "partly_right", "untouched", "lost_metadata"):
        assert found[kind] == []


SAMPLE = ["right", "partly_right", "untouched", "lost_metadata", "copied_and_retyped"]
SAMPLE += ["hangs_in_a_task", "ends_the_kernel", "edits_the_checks", "patches_the_checks"]
SAMPLE += ["forks", "prints_without_end"]


@walls
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_class_is_marked_rightly_though_the_grader_is_killed_in_between(tmp_path):
    who = made_up.learners(dict.fromkeys(SAMPLE, 1))
    handed_in = made_up.hand_in(who, tmp_path / "in")
    folder = tmp_path / "class"
    gradebook.new(folder, made_up.one_exercise(tmp_path / "root"))
    command = [sys.executable, "-m", "course_lib", "class", "grade", str(folder), str(handed_in)]
    command += ["--json"]  # with the limit that teachers have: a busy machine needs it
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 300
    while len(list(folder.glob("results/learner*/*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    there = {path: path.read_bytes() for path in folder.glob("results/learner*/*.json")}
    assert 3 <= len(there) < len(who)
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout)
    outcomes = [grader.Outcome(**one) for one in found["outcomes"]]
    assert made_up.mistakes(who, outcomes) == []
    assert found["ran"] == len(who) - len(there)
    assert all(path.read_bytes() == content for path, content in there.items())
    rows = list(csv.DictReader((folder / "grades.csv").open(encoding="utf-8-sig")))
    marks = {
        row["learner"]: sum(float(row[f"{task}-check"]) for task in made_up.ALL) for row in rows
    }
    assert marks == {one.name: one.points for one in who}
    assert len(list(folder.glob("feedback/*/*.html"))) == len(who)
    flagged = {
        row["learner"] for row in csv.DictReader((folder / "review.csv").open(encoding="utf-8-sig"))
    }
    assert {one.name for one in who if one.flagged} <= flagged


def test_a_kernel_that_takes_no_message_is_dead():
    """zmq would wait for it for ever, and with it the whole class."""

    def send(_message):
        raise zmq.Again

    manager = client._Manager()
    manager.connected = SimpleNamespace(control_channel=SimpleNamespace(send=send))
    with pytest.raises(DeadKernelError, match="takes no message"):
        asyncio.run(manager.interrupt_kernel())
