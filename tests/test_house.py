"""The house: one idea, one name, its places; the same versions everywhere; nothing private."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from course_lib import __main__ as command_line
from course_lib import doctor

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.py"))
LARGEST = 5_000_000  # bytes


def tracked():
    """The files that are, or would be, in git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git here to list the files")
    return [ROOT / name for name in out.split("\0") if name and (ROOT / name).is_file()]


def key(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line and not line.startswith("#")]
    # Versions alone: no address, no hash, no build.
    assert [line for line in entries if not re.fullmatch(r"[\w.-]+==[\w.!]+", line)] == []
    return {key(name): version for name, version in (line.split("==") for line in entries)}


def requirements(*extras):
    names = [*PROJECT["dependencies"]]
    for extra in extras:
        names += PROJECT["optional-dependencies"][extra]
    return {key(Requirement(text).name): Requirement(text) for text in names}


# Versions


def test_every_direct_dependency_is_pinned_within_its_range():
    pinned = pins()
    for name, requirement in requirements(*PROJECT["optional-dependencies"]).items():
        assert name in pinned, f"{name} is missing from constraints.txt"
        assert requirement.specifier.contains(pinned[name]), f"{requirement}: {pinned[name]}"


def test_the_conda_environment_holds_what_learners_need_in_the_same_versions():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    found = {
        "torch" if name == "pytorch-cpu" else key(name): version
        for name, version in re.findall(r"(?m)^ +- ([\w.-]+?)={1,2}(\d\S*)$", text)
    }
    pinned = pins()
    assert found == {name: pinned[name] for name in requirements("learn")}


def test_the_doctor_looks_for_every_dependency_of_the_core():
    assert set(doctor.CORE) == set(requirements())


def test_conda_takes_the_same_pythons():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert f"- python{PROJECT['requires-python']}" in text


# The commands


def test_the_targets_of_make_are_the_commands_of_course_py():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"\n([\w -]+):\n\t@\"\$\(PYTHON\)\" course.py \$@ \$\(ARGS\)", text)[1]
    shown = subprocess.run(
        [sys.executable, "course.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert sorted(targets.split()) == sorted(re.findall(r"(?m)^  ([\w-]+) +\w", shown))
    assert set(re.search(r"\.PHONY: (.*)", text)[1].split()) == {"help", *targets.split()}
    assert ".ONESHELL" not in text  # the make of macOS is 3.81


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_make_alone_prints_the_help_and_passes_words_on():
    # These tests may themselves run under make, whose settings would reach the one here.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}

    def make(*words):
        command = ["make", f"PYTHON={sys.executable}", *words]
        ran = subprocess.run(
            command, cwd=ROOT, env=outside, capture_output=True, text=True, check=True
        )
        return ran.stdout

    assert "make COMMAND" in make()
    assert make("-n", "course", "ARGS=01").strip().endswith("course.py course 01")


def test_the_readme_names_the_two_commands_and_what_to_type_without_make():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("make course", "make test", "python course.py course"):
        assert command in text


def test_continuous_integration_runs_both_kinds_of_tests():
    script = ROOT / ".ci" / "run"
    lines = script.read_text(encoding="utf-8").splitlines()
    assert lines[-2:] == ["make test", "make test-slow"]
    assert os.name == "nt" or os.access(script, os.X_OK)


def test_the_command_line_answers_a_wrong_request_in_one_line(monkeypatch, capsys):
    from course_lib import notebooks

    def refuse(*arguments):
        raise ValueError("no chapter '77';\n  there are 00 and 01")

    monkeypatch.setattr(notebooks, "run", refuse)
    assert command_line.main(["run", "77"]) == 2
    assert capsys.readouterr().err == "run: no chapter '77'; there are 00 and 01\n"


def test_an_error_of_the_system_keeps_its_traceback(monkeypatch):
    from course_lib import notebooks

    monkeypatch.setattr(notebooks, "build", lambda *_: (ROOT / "no such file").read_bytes())
    with pytest.raises(FileNotFoundError):
        command_line.main(["notebooks"])


def test_the_command_line_passes_on_what_was_asked(monkeypatch):
    from course_lib import notebooks

    asked = []
    monkeypatch.setattr(notebooks, "run", lambda *words: asked.append(words) or 0)
    monkeypatch.setattr(notebooks, "build", lambda *words: asked.append(words) or 1)
    assert command_line.main(["run", "00", "01", "--data", "digits", "--strict"]) == 0
    assert command_line.main(["notebooks", "--check"]) == 1
    assert asked == [(["00", "01"], "digits", True, False), ([], True)]


# The places


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_is_built(chapter):
    assert (ROOT / "notebooks" / f"{chapter}.ipynb").exists()


def test_the_readme_has_a_row_for_each_chapter():
    rows = re.findall(r"(?m)^\| (\d\d) \|", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert rows == [name[:2] for name in CHAPTERS]


@pytest.mark.parametrize("chapter", [name for name in CHAPTERS if not name.startswith("00")])
def test_an_idea_has_one_name_in_all_its_places(chapter):
    # Two chapters are about several modules, and have their names from what these do together.
    several = {
        "07_working_together": ["recipe", "packing"],
        "08_trade_offs": ["search", "engines", "roofline"],
        "09_plant_app": ["app", "rejection"],
    }
    for module in several.get(chapter, [chapter[3:]]):
        [room] = {path.parent.name for path in (ROOT / "course_lib").glob(f"*/{module}.py")} - {
            "figures"
        }
        assert (ROOT / "tests" / room / f"test_{module}.py").exists()
    exercise = [f"solutions/{chapter}{ending}" for ending in (".py", ".ipynb")]
    exercise.append(f"exercises/{chapter}.ipynb")
    there = [place for place in exercise if (ROOT / place).exists()]
    assert there in ([], exercise)  # an exercise is whole, or not there yet


def test_there_is_no_exercise_without_its_chapter():
    found = {
        path.stem for folder in ("solutions", "exercises") for path in ROOT.glob(f"{folder}/*")
    }
    assert {name for name in found if re.match(r"\d\d_", name)} <= set(CHAPTERS)


# What is published


def test_no_file_is_large():
    assert [str(path) for path in tracked() if path.stat().st_size > LARGEST] == []


def test_no_file_names_this_machine_or_a_package_registry():
    # A ~ keeps this file from naming them itself.
    private = ["/ro~ot/", "/Us~ers/", "C:\\Us~ers", "/tm~p/", "/wo~rk/main", "/wo~rk/shared"]
    private += [f"{Path.home()}{os.sep}"] if len(Path.home().parts) > 1 else []
    registries = ["py~pi.org", "python~hosted.org", "registry.npm~js", "deb.deb~ian.org"]
    registries += ["download.py~torch.org", "conda.ana~conda.org"]
    names = [name.replace("~", "") for name in private + registries]
    pattern = re.compile("|".join(map(re.escape, names)))
    found = []
    for path in tracked():
        text = path.read_bytes()[:LARGEST].decode("utf-8", "ignore")
        if "\0" not in text and (match := pattern.search(text)):
            found.append(f"{path.relative_to(ROOT)}: {match[0]}")
    assert found == []


def test_importing_the_library_loads_nothing_heavy():
    script = "import course_lib, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "torchvision", "matplotlib", "numpy", "sklearn"} & set(loaded)


def test_formulas_stand_on_one_line_each():
    """JupyterLab takes formulas out before it sees a quote: the second line's `>` would stay."""
    boxes = 0
    for source in (ROOT / "notebooks").glob("*.py"):
        lines = source.read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if line.count("$$") % 2] == [], source.name
        boxes += sum("**Formula" in line for line in lines)
    assert boxes >= 20


# What hosts of repositories read

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def shown_help():
    ran = [sys.executable, "course.py"]
    return subprocess.run(ran, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_workflows_run_commands_that_are_there():
    commands = set(re.findall(r"(?m)^  ([\w-]+) +\w", shown_help()))
    found = {path.name: yaml.safe_load(path.read_text()) for path in WORKFLOWS}
    assert sorted(found) == ["newest.yml", "tests.yml"]
    for name, workflow in found.items():
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                run = step.get("run", "")
                if run.startswith("python course.py "):
                    assert run.split()[2] in commands, (name, run)
                elif run == ".ci/run":
                    assert os.access(ROOT / run, os.X_OK)
    every = found["tests.yml"]["jobs"]["tests"]["strategy"]["matrix"]
    assert {text.partition("-")[0] for text in every["os"]} == {"ubuntu", "windows", "macos"}
    low, high = re.findall(r"\d\.\d+", PROJECT["requires-python"])
    assert every["python"][0] == low
    assert every["python"][-1] == f"3.{int(high[2:]) - 1}"


def test_templates_are_forms_and_the_citation_is_of_this_version():
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text())
        assert {"name", "description", "body"} <= form.keys()
        assert len({part["id"] for part in form["body"]}) == len(form["body"])
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["repository-code"] == PROJECT["urls"]["repository"]
    assert citation["license"] == PROJECT["license"]
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert "course.py setup" in container["postCreateCommand"]
