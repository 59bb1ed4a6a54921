"""Grading: submissions of any layout are found, mended, run behind walls, and marked rightly."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from datetime import datetime
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_lib.classroom.grading import (
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


# Submissions


def zipped(path, files, times=None):
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, content) in enumerate(files.items()):
            entry = zipfile.ZipInfo(name, (times or {}).get(name, (2026, 1, 1 + number, 12, 0, 0)))
            archive.writestr(entry, content)
    return path


@pytest.mark.parametrize(
    ("name", "learner"),
    [
        (f"ana/{EXERCISE}.ipynb", "ana"),
        (f"ana/{EXERCISE}/{EXERCISE}.ipynb", "ana"),
        (f"Ana Díaz_123_assignsubmission_file_/{EXERCISE}.ipynb", "Ana_Díaz"),
        (f"diazana_LATE_123_456_{EXERCISE}-1.ipynb", "diazana"),
        (f"ana_{EXERCISE} (2).ipynb", "ana"),
        ("ana/Copy of Exercise 04 quantization.ipynb", "ana"),
        ("ana/quantization.ipynb", "ana"),
    ],
)
def test_a_submission_is_found_in_every_layout(tmp_path, name, learner):
    source = zipped(tmp_path / "in.zip", {name: "{}", "__MACOSX/x.ipynb": "", "ana/notes.txt": ""})
    found, odd = submissions.collect(source, tmp_path / "submitted", [EXERCISE, "05_distillation"])
    assert [(one.learner, one.exercise) for one in found] == [(learner, EXERCISE)]
    assert odd == []
    assert found[0].notebook.read_text() == "{}"
    with zipfile.ZipFile(source) as archive:
        archive.extractall(tmp_path / "as folder")
    again, _ = submissions.collect(tmp_path / "as folder", tmp_path / "again", [EXERCISE])
    assert [one.learner for one in again] == [learner]


def test_the_last_version_counts_with_the_file_beside_it_and_late_is_said(tmp_path):
    inner = zipped(tmp_path / "inner.zip", {f"{EXERCISE}.ipynb": "third"}).read_bytes()
    files = {
        f"ana/{EXERCISE}.ipynb": "first",
        f"ana/again/{EXERCISE}.ipynb": "second",
        f"ana/{EXERCISE}.packed": "network",
        "ben.zip": inner,
        "cy/05_distillation.ipynb": "other",
        "dan/holiday.ipynb": "what",
    }
    found, odd = submissions.collect(
        zipped(tmp_path / "in.zip", files),
        tmp_path / "submitted",
        [EXERCISE, "05_distillation"],
        due=datetime(2026, 1, 1, 18),
    )
    by = {one.learner: one for one in found}
    assert by["ana"].notebook.read_text() == "second"
    assert by["ana"].files[0].read_text() == "network"
    assert by["ana"].notes == [
        "handed in 2 times; the last one counts",
        "late: 2026-01-02 12:00, due 2026-01-01 18:00",
    ]
    assert by["ben"].notebook.read_text() == "third"
    assert by["cy"].exercise == "05_distillation"
    assert odd == [f"dan/holiday.ipynb: of no exercise known ({EXERCISE}, 05_distillation)"]


def test_hostile_and_damaged_zips_harm_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "LARGEST_FILE", 1000)
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"../../{EXERCISE}.ipynb", "out")
        archive.writestr(f"/{EXERCISE}.ipynb", "out")
        archive.writestr(f"bomb/{EXERCISE}.ipynb", "0" * 100_000)
        link = zipfile.ZipInfo(f"link/{EXERCISE}.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr(f"ana/{EXERCISE}.ipynb", "good")
    path = tmp_path / "in" / "all.zip"
    path.parent.mkdir()
    path.write_bytes(inside.getvalue())
    found, odd = submissions.collect(path, tmp_path / "out" / "submitted", [EXERCISE])
    assert [one.learner for one in found] == ["ana"]
    assert sum("leads out of the zip" in line for line in odd) == 2
    assert sum("is larger than" in line for line in odd) == 1
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {"all.zip", f"{EXERCISE}.ipynb"}
    path.write_bytes(inside.getvalue()[:200])
    with pytest.raises(ValueError, match="no zip that can be read"):
        submissions.collect(path, tmp_path / "submitted", [EXERCISE])
    found, odd = submissions.collect(path.parent, tmp_path / "submitted", [EXERCISE])
    assert found == []
    assert "no zip that can be read" in odd[0]
    with pytest.raises(FileNotFoundError, match="is not there"):
        submissions.collect(tmp_path / "nowhere", tmp_path / "submitted", [EXERCISE])


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


@pytest.mark.long
def test_marks_of_hand_and_machine_live_together_and_outlive_a_new_release(school, tmp_path):
    sent = made_up.answered(*made_up.EASY)
    answer = made_up.cell_of(sent, "why_factor-answer")
    answer.source = answer.source.replace("*Write your answer here.*", "=cmd()")
    notebook = repair(gradebook.source(school, EXERCISE), sent).notebook
    shares = {"layer_bytes-check": 1, "affine-check": 0}
    for _ in range(2):  # grading again changes nothing
        gradebook.save(school, "=ana", EXERCISE, notebook, shares, datetime(2026, 1, 1, 12))
    [row] = list(csv.DictReader(gradebook.export(school).open(encoding="utf-8")))
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
    [row] = list(csv.DictReader(gradebook.export(school).open(encoding="utf-8")))
    assert (row["points"], row["why_factor-answer"]) == ("3.5", "1.5")
    gradebook.save(school, "=ana", EXERCISE, notebook, shares, None)
    [row] = list(csv.DictReader(gradebook.export(school).open(encoding="utf-8")))
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


@walls
def test_a_file_that_was_handed_in_is_judged_before_the_learners_code(tmp_path):
    file = tmp_path / "network.packed"
    file.write_text("handed in")
    notebook = small("raise SystemExit", "open('network.packed', 'w').write('other')")
    notebook.cells[-1].source = "checks.read(FILE)"
    given = "class checks:\n    read = lambda path: open(path).read()\nFILE = 'network.packed'"
    ran = kernel.run(notebook, sandbox.Sandbox(), [file], given)
    assert ran.verdicts["one-check"] == kernel.Verdict(1, "handed in")
    assert file.read_text() == "handed in"


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
    command += ["--cell-seconds", "15", "--json"]
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
    rows = list(csv.DictReader((folder / "grades.csv").open(encoding="utf-8")))
    marks = {
        row["learner"]: sum(float(row[f"{task}-check"]) for task in made_up.ALL) for row in rows
    }
    assert marks == {one.name: one.points for one in who}
    assert len(list(folder.glob("feedback/*/*.html"))) == len(who)
    flagged = {row["learner"] for row in csv.DictReader((folder / "review.csv").open())}
    assert {one.name for one in who if one.flagged} <= flagged
