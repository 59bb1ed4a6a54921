"""What repo2docker does with the repository, step by step, as far as it goes without Docker."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from course_lib.classroom import notebooks

ROOT = Path(__file__).parents[1]
posix = pytest.mark.skipif(os.name == "nt", reason="Binder is Linux")


@pytest.fixture
def checkout(tmp_path):
    """As Binder has it: what git tracks, in a folder of its own."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if tracked.returncode:
        pytest.skip("not a checkout of git")
    for name in filter(None, tracked.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "benchmarks/")):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_its_environment_is_conda_forges_with_a_few_of_pip():
    """It reads environment.yml at the top, as there is no folder binder/ or .binder/."""
    assert not (ROOT / "binder").exists()
    assert not (ROOT / ".binder").exists()
    found = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert found["channels"] == ["conda-forge", "nodefaults"]
    *packages, pip = found["dependencies"]
    assert packages[0].startswith("python>=")
    assert pip["pip"][-1] == "-e ."
    assert len(packages) + len(pip["pip"]) < 30
    for name in ("mypy", "ruff", "playwright", "nbgrader", "pytest", "hypothesis", "jupytext"):
        assert name not in " ".join([*packages, *pip["pip"]])


@posix
def test_after_the_build_the_learners_copies_and_the_welcome_are_there(checkout):
    """Without jupytext, nbclient and whatever else learners have not."""
    missing = checkout / "missing"
    for name in ("jupytext", "nbclient", "nbval", "nbgrader", "pytest", "mypy"):
        (missing / name).mkdir(parents=True)
        (missing / name / "__init__.py").write_text(f"raise ImportError('no {name} here')")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = os.environ | {"PATH": path, "PYTHONPATH": f"{missing}{os.pathsep}{checkout}"}
    assert os.access(checkout / "postBuild", os.X_OK)
    ran = subprocess.run(["./postBuild"], cwd=checkout, env=own, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert (checkout / "work/welcome.md").exists()
    assert len(list((checkout / "work").rglob("*.ipynb"))) == 19

    assert os.access(checkout / "start", os.X_OK)
    names = "JUPYTER_CONFIG_PATH", "PYTHONSTARTUP"
    shown = [sys.executable, "-c", f"import os; print(*map(os.environ.get, {names}), sep='\\n')"]
    said = subprocess.run(["./start", *shown], cwd=checkout, capture_output=True, text=True)
    settings, startup = map(Path, said.stdout.splitlines())
    assert settings.parts[: len(checkout.parts)] == checkout.parts
    assert startup == settings / "startup.py"
    assert startup.exists()
    files = sorted(file.relative_to(settings).as_posix() for file in settings.rglob("*.json"))
    assert files == [
        "jupyter_lab_config.json", "jupyter_server_config.json",
        "labconfig/default_setting_overrides.json", "labconfig/page_config.json",
    ]  # fmt: skip
    assert all(json.loads((settings / file).read_text()) for file in files)


@posix
def test_every_badge_opens_what_the_build_made(checkout):
    lines = {"README.md": (ROOT / "README.md").read_text(encoding="utf-8")}
    for folder in ("notebooks", "exercises", "solutions"):
        for path in ROOT.glob(f"{folder}/[0-9]*.ipynb"):
            cell = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
            lines[f"{folder}/{path.name}"] = "".join(cell["source"])
    assert notebooks.badges(ROOT) in lines["README.md"]
    subprocess.run(
        [sys.executable, "-m", "course_lib", "work"], cwd=checkout, check=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": str(checkout)},
    )  # fmt: skip
    for name, text in lines.items():
        [place] = re.findall(r"urlpath=lab%2Ftree%2F([^)]+)\)", text)
        place = unquote(place)
        assert (checkout / place).exists(), (name, place)
        [place] = re.findall(
            r"colab\.research\.google\.com/github/[\w-]+/[\w-]+/blob/main/([^)]+)\)", text
        )
        assert (checkout / place).exists(), (name, place)
