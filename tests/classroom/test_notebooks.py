"""The notebook tools, on small chapters of their own."""

import ast
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from course_lib import notebooks
from course_lib.classroom import assembly, copies, dependencies, execution, runner

ADDRESS = "https://github.com/some-one/a-course"
CHAPTER = """\
# %% [markdown]
# # One
#
# Prose.

# %%
from course_lib import tool
print(tool.ANSWER)

# %%
x = 1

# %%
x = 1

# %% tags=["claims"]
assert tool.ANSWER == 42
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A repository with one chapter and a library of two modules, one of them not used."""
    root = tmp_path / "a house"
    (root / "notebooks").mkdir(parents=True)
    (root / "course_lib").mkdir()
    (root / "pyproject.toml").write_text(f'[project.urls]\nrepository = "{ADDRESS}"\n')
    (root / "course_lib/__init__.py").touch()
    (root / "course_lib/tool.py").write_text("from .deep import ANSWER\n")
    (root / "course_lib/deep.py").write_text("ANSWER = 42\n")
    (root / "course_lib/unused.py").write_text("ANSWER = 0\n")
    (root / "notebooks/01_one.py").write_text(CHAPTER)
    return root


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was executed, without a kernel: each code cell prints its number."""
    done = []

    def fake(notebook, cwd=None, env=None, timeout=600, on_progress=None):
        copy = nbformat.from_dict(notebook)
        code = [cell for cell in copy.cells if cell.cell_type == "code"]
        for number, cell in enumerate(code, 1):
            cell.execution_count = number
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=f"{number}\n")]
        done.append(code[1].source)
        return execution.Execution(copy, 1.0, 10**8)

    monkeypatch.setattr(notebooks, "execute", fake)
    return done


def ids(root: Path) -> dict[str, str]:
    notebook = assembly.assemble(root / "notebooks/01_one.py", root)
    return {cell.id: cell.source for cell in notebook.cells}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# From source to notebook


def test_ids_are_valid_unique_and_survive_edits_elsewhere(house):
    before = ids(house)
    assert len(before) == 7
    assert all(re.fullmatch(r"[\w-]{1,64}", cell_id) for cell_id in before)
    edit(house / "notebooks/01_one.py", "# Prose.", "# More prose.\n\n# %%\nadded = 1")
    after = ids(house)
    assert len(after) == 8
    kept = {cell_id for cell_id, text in before.items() if "Prose" not in text}
    assert kept <= set(after)
    assert all(after[cell_id] == before[cell_id] for cell_id in kept)


def test_tags_cell_texts_and_magics_of_the_source_arrive(house):
    source = house / "notebooks/01_one.py"
    source.write_text(CHAPTER + "\n# %% tags=['nbval-ignore-output']\n# %matplotlib inline\n")
    cells = assembly.assemble(source, house).cells
    assert cells[2].source == "# One\n\nProse."
    assert cells[-1].source == "%matplotlib inline"
    assert cells[-1].metadata.tags == ["nbval-ignore-output"]
    assert cells[-2].metadata.tags == ["claims"]


def test_generated_cells_are_not_doubled_when_the_source_carries_them(house):
    plain = ids(house)
    source = house / "notebooks/01_one.py"
    source.write_text(
        '# %% [markdown] tags=["badges"]\n# old badge\n\n# %% tags=["colab"]\nold = 1\n\n' + CHAPTER
    )
    assert ids(house) == plain


def test_pairing_is_kept_for_authors_and_versions_are_not(house):
    source = house / "notebooks/01_one.py"
    header = "# ---\n# jupyter:\n#   jupytext:\n#     formats: ipynb,py:percent\n"
    header += "#     text_representation:\n#       jupytext_version: 1.0.0\n# ---\n\n"
    source.write_text(header + CHAPTER)
    metadata = assembly.assemble(source, house).metadata
    assert metadata.jupytext == {"formats": "ipynb,py:percent"}
    assert metadata.kernelspec.display_name == "Python 3 (ipykernel)"
    assert copies.learner_copy(assembly.assemble(source, house)).metadata.keys() == {
        "kernelspec",
        "language_info",
    }


def test_a_source_with_a_syntax_error_is_named(house, capsys):
    edit(house / "notebooks/01_one.py", "x = 1", "x = = 1")
    assert notebooks.build(root=house) == 1
    assert "notebooks/01_one.py: 01_one.py is no valid py:percent source" in capsys.readouterr().out


def test_library_files_follow_imports_and_package_data(house):
    (house / "course_lib/weights").mkdir()
    (house / "course_lib/weights/net.bin").write_bytes(b"1")
    code = "import course_lib.tool"
    names = [file.name for file in dependencies.library_files(code, house)]
    assert names == ["__init__.py", "deep.py", "tool.py"]
    edit(house / "course_lib/deep.py", "42", '42\nFILE = "weights/net.bin"')
    names = [file.name for file in dependencies.library_files(code, house)]
    assert "net.bin" in names
    assert "unused.py" not in names


# When a notebook is executed


def test_second_build_executes_nothing_and_changes_no_byte(house, executions, capsys):
    assert notebooks.build(root=house) == 0
    built = (house / "notebooks/01_one.ipynb").read_bytes()
    assert notebooks.build(root=house) == 0
    assert len(executions) == 1
    assert (house / "notebooks/01_one.ipynb").read_bytes() == built
    assert "up to date" in capsys.readouterr().out
    (house / "notebooks/01_one.ipynb").unlink()
    notebooks.build(root=house)
    assert (house / "notebooks/01_one.ipynb").read_bytes() == built


@pytest.mark.parametrize(
    ("file", "old", "new", "runs"),
    [
        ("notebooks/01_one.py", "x = 1", "x = 2", 2),
        ("notebooks/01_one.py", "Prose", "Other prose", 1),
        ("course_lib/deep.py", "42", "43", 2),
        ("course_lib/unused.py", "0", "1", 1),
    ],
)
def test_only_what_the_outputs_depend_on_executes_again(house, executions, file, old, new, runs):
    notebooks.build(root=house)
    edit(house / file, old, new)
    assert notebooks.build(root=house) == 0
    assert len(executions) == runs
    assert notebooks.build(root=house, check=True) == 0
    built = nbformat.read(house / "notebooks/01_one.ipynb", as_version=4)
    assert [c.outputs[0].text for c in built.cells if c.cell_type == "code"][-1] == "5\n"


def test_a_damaged_notebook_is_built_anew(house, executions):
    notebooks.build(root=house)
    target = house / "notebooks/01_one.ipynb"
    target.write_text("<<<<<<< HEAD")
    assert notebooks.build(root=house, check=True) == 1
    assert notebooks.build(root=house) == 0
    assert len(executions) == 2
    nbformat.validate(nbformat.read(target, as_version=4))


def test_a_failing_notebook_keeps_the_old_one_and_is_named(house, executions, monkeypatch, capsys):
    notebooks.build(root=house)
    before = (house / "notebooks/01_one.ipynb").read_bytes()
    edit(house / "notebooks/01_one.py", "x = 1", "x = 2")

    def failing(notebook, **_):
        failure = execution.Failure(3, "x = 2", "ValueError: no")
        return execution.Execution(notebook, 1.0, 1, failure)

    monkeypatch.setattr(notebooks, "execute", failing)
    assert notebooks.build(root=house) == 1
    assert "01_one.py: failed in cell 3 (x = 2): ValueError: no" in capsys.readouterr().out
    assert (house / "notebooks/01_one.ipynb").read_bytes() == before


@pytest.mark.parametrize("what", ["text", "id", "tags", "hash", "missing", "source", "orphan"])
def test_check_sees_every_disagreement_and_writes_nothing(house, executions, capsys, what):
    notebooks.build(root=house)
    assert notebooks.build(root=house, check=True) == 0
    target = house / "notebooks/01_one.ipynb"
    notebook = nbformat.read(target, as_version=4)
    if what == "text":
        notebook.cells[3].source += " # edited"
    elif what == "id":
        notebook.cells[3].id = "other"
    elif what == "tags":
        notebook.cells[3].metadata.tags = ["claims"]
    elif what == "hash":
        notebook.metadata.course.source_hash = "0"
    nbformat.write(notebook, target)
    if what == "missing":
        target.unlink()
    elif what == "source":
        edit(house / "notebooks/01_one.py", "Prose", "Other prose")
    elif what == "orphan":
        target.with_name("02_two.ipynb").write_bytes(target.read_bytes())
    there = {path: path.read_bytes() for path in house.rglob("*.ipynb")}
    capsys.readouterr()
    assert notebooks.build(root=house, check=True) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("notebooks/0")
    assert {path: path.read_bytes() for path in house.rglob("*.ipynb")} == there
    assert len(executions) == 1


def test_an_output_with_a_folder_of_this_machine_is_refused(house, monkeypatch, capsys):
    def leaking(notebook, **_):
        copy = nbformat.from_dict(notebook)
        copy.cells[3].outputs = [nbformat.v4.new_output("stream", text=f"{house}/x.py:1")]
        return execution.Execution(copy, 1.0, 1)

    monkeypatch.setattr(notebooks, "execute", leaking)
    assert notebooks.build(root=house) == 1
    assert "shows a folder of this machine" in capsys.readouterr().out


def test_tidy_drops_what_is_random_or_of_one_machine():
    new = nbformat.v4.new_output
    view = {"text/plain": "IntSlider()", execution.WIDGET_VIEW: {"model_id": "random"}}
    frame = {"text/html": '<iframe src="http://127.0.0.1:8765/">', "image/png": "a picture of it"}
    outputs = [
        new("display_data", data=view),
        new("display_data", data=frame),
        new("error", ename="ValueError", evalue="no", traceback=["/home/me/x.py"]),
    ]
    executed = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("f()", outputs=outputs)])
    executed.cells[0].metadata.tags = ["raises-exception"]
    executed.metadata.widgets = {"state": 1}
    kept = execution.tidy(executed, nbformat.NotebookNode(course={}))
    assert kept.cells[0].outputs[0].data == {"text/plain": "IntSlider()"}
    assert kept.cells[0].outputs[1].data == {"image/png": "a picture of it"}
    assert kept.cells[0].outputs[2].traceback == ["ValueError: no"]
    assert kept.metadata == {"course": {}}


# With a kernel


def test_build_with_a_real_kernel(house, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "somebody's own")
    source = house / "notebooks/01_one.py"
    source.write_text(
        CHAPTER + "\n# %%\nimport os, sys\n"
        "print([os.environ.get(name) for name in ('COURSE_STRICT', 'COURSE_DATA', "
        "'OMP_WAIT_POLICY')], os.path.basename(os.getcwd()))\n"
        "import hashlib; print(hashlib.sha256(sys.executable.encode()).hexdigest())\n"
        "\n# %%\nimport ipywidgets\nwith ipywidgets.Output():\n    print('seen')\n"
    )
    assert notebooks.build(root=house) == 0
    built = nbformat.read(house / "notebooks/01_one.ipynb", as_version=4)
    text = [c.outputs[0].text for c in built.cells if c.get("outputs")]
    assert text[0] == "42\n"
    assert text[1].startswith("[None, None, 'PASSIVE'] notebooks\n")
    running = hashlib.sha256(sys.executable.encode()).hexdigest()
    assert text[1].splitlines()[1] == running
    assert text[2] == "seen\n"
    assert set(built.metadata) == {"course", "kernelspec", "language_info"}
    assert notebooks.build(root=house, check=True) == 0


def test_execute_reports_cell_error_time_and_memory():
    cells = [
        "import time; held = bytearray(150_000_000); time.sleep(0.6)",
        "raise ValueError('first\\nlast')",
        "never = 1",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    seen = []
    result = execution.execute(notebook, on_progress=seen.append)
    assert str(result.failure) == f"cell 2 ({cells[1]}): ValueError: last"
    assert result.seconds > 0.6
    assert 150_000_000 < result.peak_bytes < 600_000_000
    assert result.peak_bytes == max(at.bytes for at in seen)
    assert {at.cells for at in seen} == {3}
    assert notebook.cells[0].execution_count is None


def test_streams_are_joined_and_a_progress_bar_is_followed():
    code = """import sys, time
print('a', flush=True)
for n in range(3):
    print(f'\\r{n} of 3', end='', file=sys.stderr, flush=True)
    time.sleep(0.3)
print(file=sys.stderr)
print('b')
display(1)
print('c')"""
    seen = []
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    [cell] = execution.execute(notebook, on_progress=seen.append).notebook.cells
    assert [output.get("text") for output in cell.outputs] == ["a\nb\n", "2 of 3\n", None, "c\n"]
    assert "1 of 3" in {at.said for at in seen}


def test_execute_stops_a_cell_that_takes_too_long():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("import time\nwhile True: time.sleep(0.1)")]
    )
    result = execution.execute(notebook, timeout=1)
    assert result.failure is not None
    assert result.failure.error == "it took longer than 1 s"


def test_an_interrupt_ends_the_kernel(tmp_path):
    def interrupt(at):
        if at.cell == 1 and (tmp_path / "pid").exists():
            raise KeyboardInterrupt

    code = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    with pytest.raises(KeyboardInterrupt):
        execution.execute(notebook, cwd=tmp_path, on_progress=interrupt)
    pid = int((tmp_path / "pid").read_text())
    assert execution.resident_bytes(pid) == 0


@pytest.mark.long
def test_run_shows_a_failing_chapter_and_runs_the_rest(house, capsys):
    edit(house / "notebooks/01_one.py", "x = 1\n", "raise RuntimeError('broken')\n")
    (house / "notebooks/02_two.py").write_text(
        "# %%\nimport json, os\nfrom pathlib import Path\n"
        "names = ['COURSE_DATA', 'COURSE_STRICT', 'COURSE_FULL']\n"
        "told = [os.environ.get(name) for name in names]\n"
        "print(told)\n"
        "(Path(os.environ['COURSE_BUILD']) / 'scorecards/02_two.json').write_text('[1]')\n"
        "Path(os.environ['COURSE_NOT_HERE']).write_text('not here: it is fast [0.5x]\\n')\n"
    )
    (house / "notebooks/03_three.py").write_text("# %%\nx = = 1\n")
    assert notebooks.run([], data="digits", strict=True, root=house) == 1
    out = capsys.readouterr().out
    assert "01_one failed in cell 3 (raise RuntimeError('broken')): RuntimeError: broken" in out
    assert "03_three failed in its source" in out
    assert re.search(r"02_two +\d+\.\d +\d+  ok", out)
    assert "Scorecard at the end of 02_two" in out
    assert out.splitlines()[-1] == "  it is fast [0.5x]"
    assert "python -m course_lib run 01 03" in out
    build = house / "build"
    executed = nbformat.read(build / "02_two.ipynb", as_version=4)
    assert "['digits', '1', None]" in executed.cells[-1].outputs[0].text
    report = json.loads((build / "report.json").read_text())["chapters"]
    assert [chapter["ok"] for chapter in report] == [False, True, False]
    assert report[1]["peak_bytes"] > 10_000_000
    html = (build / "01_one.html").read_text(encoding="utf-8")
    assert "broken" in html
    assert "colab-badge" not in html
    assert not re.search(r"""(src|href)=["']https?:|import\(["']https?:""", html)


# Choosing chapters


@pytest.mark.parametrize("name", ["01", "01_one", "one", "01_one.py", "notebooks/01_one"])
def test_a_chapter_has_three_names(house, name):
    assert [path.name for path in assembly.select([name], assembly.sources(house))] == ["01_one.py"]


def test_chapters_keep_their_order_and_solutions_come_after(house):
    (house / "solutions").mkdir()
    for path in ("notebooks/02_two.py", "solutions/02_two.py"):
        (house / path).write_text(CHAPTER)
    chosen = assembly.select(["two", "01", "02"], assembly.sources(house))
    assert [f"{path.parent.name}/{path.stem}" for path in chosen] == [
        "notebooks/01_one",
        "notebooks/02_two",
        "solutions/02_two",
    ]


def test_an_unknown_chapter_names_those_there(house):
    with pytest.raises(ValueError, match=r"those there \(01_one\), got '9'"):
        notebooks.run(["9"], root=house)
    with pytest.raises(ValueError, match="01_one"):
        notebooks.build(["solutions/01"], root=house)


def test_without_the_repository_the_error_says_where_chapters_live(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        assembly, "__file__", str(tmp_path / "site/course_lib/classroom/assembly.py")
    )
    with pytest.raises(FileNotFoundError, match="live in the repository"):
        notebooks.run()


def test_a_relative_folder_of_images_is_found_from_the_notebooks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "digits").mkdir()
    assert runner._where("photos") == str(tmp_path / "photos")
    assert runner._where("./missing") == str(tmp_path / "missing")
    assert runner._where("digits") == "digits"
    assert runner._where("leaves") == "leaves"


# Colab, Binder, badges


def colab_cell(house: Path) -> str:
    markdown, code = notebooks.first_cells("01_one", root=house)
    assert "/some-one/a-course/blob/main/notebooks/01_one.ipynb" in markdown.source
    assert code.metadata.tags == ["colab"]
    return code.source


def test_the_colab_cell_does_nothing_elsewhere(house, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was started"))
    exec(colab_cell(house), {})
    assert list(tmp_path.iterdir()) == [house]


def test_the_colab_cell_installs_beside_the_torch_there(house, monkeypatch, tmp_path):
    started = []
    versions = {"torch": "2.11.0+cu128", "torchvision": "0.26.0+cu128", "numpy": "2.1.0"}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.setattr("importlib.metadata.version", versions.__getitem__)
    monkeypatch.setattr(subprocess, "run", lambda command, **how: started.append((command, how)))
    exec(colab_cell(house), {})
    [(command, how)] = started
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-1] == f"git+{ADDRESS}"
    assert how["check"]
    constraint = Path(command[command.index("--constraint") + 1])
    assert constraint.read_text().split() == [f"{k}=={v}" for k, v in versions.items()]


def test_the_address_is_one_setting_and_a_wrong_one_is_named(house):
    edit(house / "pyproject.toml", ADDRESS, "https://example.org/x")
    with pytest.raises(ValueError, match=r"\[project.urls\] repository .* 'https://example.org/x'"):
        notebooks.badges(root=house)


def test_the_readme_has_the_badges():
    readme = Path(__file__).parents[2] / "README.md"
    if not readme.exists():
        pytest.skip("README.md is not written yet")
    assert notebooks.badges(readme.parent) in readme.read_text(encoding="utf-8")


# The learner's copies


@pytest.fixture
def school(house, executions) -> Path:
    (house / "exercises").mkdir()
    notebooks.build(root=house)
    built = house / "notebooks/01_one.ipynb"
    (house / "exercises/01_one.ipynb").write_bytes(built.read_bytes())
    copies.fill_work(house)
    return house


def new_version(house: Path, word: str = "Fresh") -> None:
    source = house / "notebooks/01_one.py"
    source.write_text(CHAPTER.replace("Prose", f"{word} prose"))
    notebooks.build(root=house)


def learner_edits(path: Path, text: str = "my_guess = 7") -> bytes:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[4].source = text
    nbformat.write(notebook, path)
    return path.read_bytes()


def test_copies_carry_no_outputs_and_no_trace_of_the_build(school):
    assert sorted(
        p.relative_to(school / "work").as_posix() for p in school.glob("work/**/*.*")
    ) == [
        ".chapters.json",
        ".course.json",
        "01_one.ipynb",
        "exercises/01_one.ipynb",
        "welcome.md",
    ]
    copy = nbformat.read(school / "work/01_one.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in copy.cells)
    assert not {"jupytext", "course"} & set(copy.metadata)


def test_an_unedited_copy_is_updated_even_after_running_it(school, capsys):
    work = school / "work/01_one.ipynb"
    notebook = nbformat.read(work, as_version=4)
    notebook.cells[3].outputs = [nbformat.v4.new_output("stream", text="ran")]
    notebook.metadata.language_info.version = "3.13.1"
    notebook.cells.append(nbformat.v4.new_code_cell(""))
    nbformat.write(notebook, work)
    ran = work.read_bytes()
    copies.fill_work(school)
    assert work.read_bytes() == ran, "nothing new: the learner's outputs stay"
    new_version(school)
    capsys.readouterr()
    copies.fill_work(school)
    assert "Fresh prose" in work.read_text()
    assert capsys.readouterr().out == ""
    assert not (school / "work/01_one.new.ipynb").exists()


def test_an_edited_copy_is_never_overwritten(school, capsys):
    work = school / "work/01_one.ipynb"
    mine = learner_edits(work)
    capsys.readouterr()
    copies.fill_work(school)
    assert capsys.readouterr().out == "", "an edit alone is no reason to speak"
    for word in ("Fresh", "Fresher"):
        new_version(school, word)
        capsys.readouterr()
        copies.fill_work(school)
        [line] = capsys.readouterr().out.splitlines()
        assert "01_one.new.ipynb" in line
        assert work.read_bytes() == mine
        assert f"{word} prose" in (school / "work/01_one.new.ipynb").read_text()
        copies.fill_work(school)
        assert capsys.readouterr().out == "", "said once"


def test_a_new_version_that_was_edited_is_the_learners_too(school):
    learner_edits(school / "work/01_one.ipynb")
    new_version(school)
    copies.fill_work(school)
    mine = learner_edits(school / "work/01_one.new.ipynb", "mine too")
    new_version(school, "Fresher")
    copies.fill_work(school)
    assert (school / "work/01_one.new.ipynb").read_bytes() == mine
    assert "Fresher prose" in (school / "work/01_one.new.new.ipynb").read_text()


@pytest.mark.parametrize("damage", ["lost", "garbage", "list"])
def test_without_the_state_a_differing_copy_counts_as_edited(school, damage):
    state = school / "work/.course.json"
    mine = learner_edits(school / "work/01_one.ipynb")
    other = (school / "work/exercises/01_one.ipynb").read_bytes()
    if damage == "lost":
        state.unlink()
    else:
        state.write_text("{" if damage == "garbage" else "[1]")
    copies.fill_work(school)
    assert (school / "work/01_one.ipynb").read_bytes() == mine
    assert (school / "work/01_one.new.ipynb").exists()
    assert (school / "work/exercises/01_one.ipynb").read_bytes() == other
    assert not (school / "work/exercises/01_one.new.ipynb").exists()
    new_version(school)
    copies.fill_work(school)
    assert (school / "work/01_one.ipynb").read_bytes() == mine


def test_a_corrupt_copy_is_left_alone(school, capsys):
    work = school / "work/01_one.ipynb"
    work.write_text('{"cells": [')
    new_version(school)
    capsys.readouterr()
    copies.fill_work(school)
    assert work.read_text() == '{"cells": ['
    assert "left alone" in capsys.readouterr().out


def test_a_deleted_copy_comes_back(school):
    (school / "work/01_one.ipynb").unlink()
    copies.fill_work(school)
    assert (school / "work/01_one.ipynb").exists()


def test_the_colab_cell_is_valid_python(house):
    assert ast.parse(colab_cell(house)).body


@pytest.mark.long
def test_a_kernel_that_cannot_start_is_said_in_one_sentence():
    """Until Python's end: nbclient asks there for a kernel that there never was."""
    code = (
        "import os, nbformat; from course_lib.classroom import execution\n"
        "book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('1')])\n"
        "env = {**os.environ, 'PYTHONHOME': '/nowhere'}\n"
        "print(execution.execute(book, env=env).failure.error)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "too little memory is the usual reason, `make doctor` looks for others" in ran.stdout
    assert ran.stdout.count("\n") == 1
    assert (ran.returncode, ran.stderr) == (0, "")
