"""The page that JupyterLab opens with, and the lines that lead from notebook to notebook."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from course_lib.classroom import copies, lab, welcome
from course_lib.classroom.assembly import find_root
from course_lib.classroom.grading.repair import repair

LINK = re.compile(r"\]\(([^)]+)\)")


@pytest.fixture
def house(tmp_path):
    """The course's own notebooks and exercises, and a work/ that was just filled."""
    for folder in ("notebooks", "exercises", "course_lib"):
        (tmp_path / folder).mkdir()
        for file in find_root().glob(f"{folder}/0[0-3]_*.ipynb"):
            (tmp_path / folder / file.name).write_bytes(file.read_bytes())
    copies.fill_work(tmp_path)
    return tmp_path


def row(work, number):
    text = (work / "welcome.md").read_text(encoding="utf-8")
    [found] = [line for line in text.splitlines() if line.startswith(f"| {number} |")]
    return found


def run(path, share=1.0, error=False):
    """As Jupyter saves a notebook of which so many cells ran."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code[: round(share * len(code))]):
        cell.execution_count = number + 1
    if error:
        code[0].outputs = [nbformat.v4.new_output("error", ename="E", evalue="e", traceback=[])]
    nbformat.write(notebook, path)
    hook = SimpleNamespace(root_dir=str(path.parents[path.parent.name == "exercises"]))
    welcome.saved(os_path=str(path), model={"type": "notebook"}, contents_manager=hook)


def test_each_chapter_has_a_row_with_its_minutes_and_exercise(house):
    text = (house / "work/welcome.md").read_text(encoding="utf-8")
    assert "**Begin with [00: Start here](00_start_here.ipynb)**" in text
    assert row(house / "work", "00").count("Exercise") == 0
    assert re.fullmatch(
        r"\| 02 \| ○ \| \[Neuron pruning: [^]]+\]\(02_neuron_pruning.ipynb\) \| \d\d \| ○ "
        r"\[Exercise 02\]\(exercises/02_neuron_pruning.ipynb\), 0 of 6 passed \|",
        row(house / "work", "02"),
    )


def test_every_link_leads_somewhere(house):
    work = house / "work"
    pages = [work / "welcome.md", *work.rglob("*.ipynb")]
    assert len(pages) == 1 + 4 + 3
    for page in pages:
        if page.suffix == ".md":
            texts = [page.read_text(encoding="utf-8")]
        else:
            cells = nbformat.read(page, as_version=4).cells
            texts = [cell.source for cell in cells if "ways" in cell.metadata.get("tags", [])]
            assert len(texts) == 2
            assert cells[0].source == cells[-1].source == texts[0]
            assert welcome.is_given(texts[0])
        for text in texts:
            links = LINK.findall(text)
            assert links
            for link in links:
                assert (page.parent / link).exists(), (page.name, link)


def test_a_chapter_leads_on_and_back_and_to_its_exercise(house):
    [first, *_] = nbformat.read(house / "work/02_neuron_pruning.ipynb", as_version=4).cells
    assert LINK.findall(first.source) == [
        "welcome.md", "01_jigsaw.ipynb", "exercises/02_neuron_pruning.ipynb",
        "03_weight_pruning.ipynb",
    ]  # fmt: skip
    [first, *_] = nbformat.read(house / "work/exercises/02_neuron_pruning.ipynb", 4).cells
    assert LINK.findall(first.source) == ["../welcome.md", "../02_neuron_pruning.ipynb"]


def test_the_first_code_says_what_to_do_with_another_python(house, tmp_path):
    for path in [*(house / "work").glob("0*.ipynb"), *(house / "work/exercises").glob("*.ipynb")]:
        cells = nbformat.read(path, as_version=4).cells
        first = next(cell for cell in cells if cell.cell_type == "code")
        assert first.source == welcome.WHICH_PYTHON
        assert welcome.is_given(first.source)
        assert first.metadata.jupyter.source_hidden
        assert "".join(c.source for c in cells).count("import sys") <= 2
    exec(first.source, {})  # here it does nothing
    other = subprocess.run(
        [sys.executable, "-S", "-I", "-c", first.source], capture_output=True, text=True, cwd="/"
    )  # another Python: without what is installed
    assert other.stderr.splitlines()[-1].startswith("ModuleNotFoundError: This notebook runs with ")
    assert "Choose the Python in the folder .venv" in other.stderr


def test_a_learner_sees_neither_badges_nor_colab(house):
    for path in (house / "work").rglob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert "google.colab" not in text
        assert "mybinder" not in text


def test_a_chapter_is_begun_then_done_when_all_its_cells_ran(house):
    work = house / "work"
    chapter = work / "01_jigsaw.ipynb"
    run(chapter, share=0.3)
    assert "| 01 | ◐ |" in row(work, "01")
    run(chapter, error=True)
    assert "| 01 | ◐ |" in row(work, "01")
    assert "Go on with [00" in (work / "welcome.md").read_text(encoding="utf-8")
    copies.fill_work(house)  # an unedited copy stays as it was run
    run(work / "00_start_here.ipynb")
    assert "| 00 | ● |" in row(work, "00")
    assert "Go on with [01" in (work / "welcome.md").read_text(encoding="utf-8")


def test_what_was_done_stays_done_when_a_new_version_comes(house):
    work = house / "work"
    run(work / "01_jigsaw.ipynb")
    source = house / "notebooks/01_jigsaw.ipynb"
    source.write_text(source.read_text(encoding="utf-8").replace("The jigsaw:", "The puzzle:"))
    copies.fill_work(house)
    assert "[The puzzle" in row(work, "01")
    assert "| 01 | ● |" in row(work, "01")
    assert all(
        cell.execution_count is None
        for cell in nbformat.read(work / "01_jigsaw.ipynb", as_version=4).cells
        if cell.cell_type == "code"
    )


def test_passed_tasks_are_counted(house):
    work = house / "work"
    names = welcome.tasks(work / "exercises/02_neuron_pruning.ipynb")
    assert "stays" in names
    entry = {"passed": True, "tries": 1, "mistakes": {}}
    progress = {f"02_neuron_pruning/{name}": entry for name in names[:2]}
    progress["02_neuron_pruning/other"] = entry
    progress[f"02_neuron_pruning/{names[2]}"] = {**entry, "passed": False}
    (work / "exercises/progress.json").write_text(json.dumps(progress))
    run(work / "exercises/02_neuron_pruning.ipynb")
    assert "◐ [Exercise 02](exercises/02_neuron_pruning.ipynb), 2 of 6" in row(work, "02")
    progress |= {f"02_neuron_pruning/{name}": entry for name in names}
    (work / "exercises/progress.json").write_text(json.dumps(progress))
    welcome.write(work)
    assert "● [Exercise 02](exercises/02_neuron_pruning.ipynb), 6 of 6" in row(work, "02")


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"cells": [{}]}', "null"])
def test_damaged_files_cost_only_themselves(house, damage):
    work = house / "work"
    for name in ("01_jigsaw.ipynb", ".chapters.json", "exercises/progress.json",
                 "exercises/02_neuron_pruning.ipynb"):  # fmt: skip
        (work / name).write_text(damage)
    welcome.write(work)
    assert "| 00 | ○ |" in row(work, "00")
    assert "0 of" in row(work, "02")


def test_a_copy_beside_the_learners_own_has_no_row(house):
    work = house / "work"
    (work / "01_jigsaw.new.ipynb").write_bytes((work / "01_jigsaw.ipynb").read_bytes())
    welcome.write(work)
    assert ".new" not in (work / "welcome.md").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_costs_no_notebook(house, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(welcome.files, "write", full)
    run(house / "work/01_jigsaw.ipynb")  # no error: Jupyter would say that saving failed
    assert "| 01 | ○ |" in row(house / "work", "01")


def test_the_hook_leaves_other_folders_alone(tmp_path):
    manager = SimpleNamespace(root_dir=str(tmp_path))
    welcome.saved(os_path="x", model={"type": "notebook"}, contents_manager=manager)
    assert not list(tmp_path.iterdir())


def test_the_ways_are_nobodys_answer(house):
    released = nbformat.read(house / "exercises/02_neuron_pruning.ipynb", as_version=4)
    sent = nbformat.read(house / "work/exercises/02_neuron_pruning.ipynb", as_version=4)
    repaired = repair(released, sent)
    assert [c.source for c in repaired.notebook.cells] == [c.source for c in released.cells]
    assert repaired.notes == repaired.doubts == []


def test_a_port_that_is_taken_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert lab.free_port([port]) != port


@pytest.mark.long
def test_lab_says_three_lines_and_opens_at_the_welcome(house):
    port = lab.free_port(range(8990, 9050))
    started = (
        "import sys; from pathlib import Path; from course_lib.classroom import lab; "
        f"lab.main(['--no-browser', '--ServerApp.port={port}'], Path(sys.argv[1]))"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", started, str(house)], cwd=find_root(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        said = [server.stdout.readline() for _ in range(3)]
        address = re.search(r"http://localhost:\d+/\?token=\w+", said[0])[0]
        assert f":{port}/" in address
        for _ in range(240):
            try:
                answer = urllib.request.urlopen(address, timeout=5)
                break
            except OSError:
                assert server.poll() is None
                time.sleep(0.25)
        assert answer.url.partition("?")[0].endswith("/lab/tree/welcome.md")
        page = answer.read().decode()
        assert '"news": {"disabled": true}' in page
        assert "@jupyter/nbgrader" in page.partition("disabledExtensions")[2][:400]

        notebook = nbformat.read(house / "work/01_jigsaw.ipynb", as_version=4)
        for number, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
            cell.execution_count = number + 1
        saving = urllib.request.Request(
            address.replace("/?", "/api/contents/01_jigsaw.ipynb?"), method="PUT",
            data=json.dumps({"type": "notebook", "content": notebook}).encode(),
        )  # fmt: skip
        assert urllib.request.urlopen(saving, timeout=30).status == 200
        assert "| 01 | ● |" in row(house / "work", "01")
    finally:
        server.terminate()
        rest = server.communicate(timeout=30)[0]
    assert [line for line in rest.splitlines() if "received signal 15" not in line] == []


def keys_of_the_notebook_alone():
    """JupyterLab's keys for cells, but not while a slider, a choice or a button has the keyboard.

    Its own would turn a cell raw at an "r" that is meant for a choice below it.
    """
    schema = Path(sys.prefix) / "share/jupyter/lab/schemas/@jupyterlab/notebook-extension"
    every = json.loads((schema / "tracker.json").read_text())["jupyter.lab.shortcuts"]
    found = []
    for one in every:
        if one["selector"].endswith(".jp-mod-commandMode:not(.jp-mod-readWrite) :focus"):
            own = {name: one[name] for name in ("command", "keys", "args") if name in one}
            if any(own["keys"]):
                found.append({**own, "selector": one["selector"], "disabled": True})
                narrower = ":not(select):not(input):not(button):not([role=slider])"
                found.append({**own, "selector": one["selector"] + narrower})
    return found


def test_widgets_keep_the_keyboard_to_themselves():
    file = lab.SETTINGS / "labconfig" / "default_setting_overrides.json"
    settings = json.loads(file.read_text())
    found = keys_of_the_notebook_alone()
    assert len(found) > 60
    assert settings["@jupyterlab/shortcuts-extension:shortcuts"] == {"shortcuts": found}, (
        "another JupyterLab has other keys: write what keys_of_the_notebook_alone gives into it"
    )
