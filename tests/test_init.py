"""Importing the package is quick, and mends a torchvision that was built for another torch."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import course_lib


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, course_lib\n"
        "print([m for m in ('torch', 'numpy', 'matplotlib', 'PIL', 'sklearn') if m in sys.modules])"
    )
    assert run(code).stdout.strip() == "[]"


def test_waiting_threads_sleep_unless_told_otherwise():
    code = "import os, course_lib; print(os.environ['OMP_WAIT_POLICY'])"
    assert run("import os; os.environ.pop('OMP_WAIT_POLICY', None);" + code).stdout == "PASSIVE\n"
    assert run("import os; os.environ['OMP_WAIT_POLICY'] = 'ACTIVE';" + code).stdout == "ACTIVE\n"


@pytest.mark.long
def test_torchvision_works_after_the_package_is_imported():
    result = run(
        "import course_lib, torch\n"
        "from torchvision import models\n"
        "from torchvision.transforms import v2\n"
        "network = models.mobilenet_v3_small().eval()\n"
        "print(network(v2.Resize(32)(torch.zeros(1, 3, 64, 64))).shape)"
    )
    assert result.stdout.strip() == "torch.Size([1, 1000])", result.stderr[-500:]


@pytest.mark.long
def test_a_torchvision_that_lacks_its_operators_is_mended(tmp_path):
    broken = tmp_path / "torchvision"
    broken.mkdir()
    (broken / "_C.so").write_bytes(b"built for another torch")
    (broken / "__init__.py").write_text(
        "import torch\n"
        "@torch.library.register_fake('torchvision::nms')\n"
        "def nms(dets, scores, iou_threshold): ...\n"
    )
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
    assert "nms does not exist" in run(path + "import torchvision").stderr
    mended = run(path + "import course_lib, torchvision; print('imported')")
    assert mended.stdout == "imported\n", mended.stderr[-500:]


# The front door


def named_for_type_checkers():
    """{name: module} of what `course_lib/__init__.py` imports for type checkers alone."""
    [block] = [
        node
        for node in ast.parse(Path(course_lib.__file__).read_text(encoding="utf-8")).body
        if isinstance(node, ast.If)
    ]
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    return {
        alias.asname: ".".join(filter(None, ["course_lib", node.module, alias.name]))
        for node in block.body
        for alias in node.names
    }


def test_python_and_type_checkers_see_the_same_names():
    assert sorted(named_for_type_checkers()) == dir(course_lib)


@pytest.mark.parametrize(("name", "lies"), named_for_type_checkers().items())
def test_a_name_is_the_module_that_lies_in_its_room(name, lies):
    module = getattr(course_lib, name)
    assert module is importlib.import_module(lies)
    assert module is importlib.import_module(f"course_lib.{name}")
    assert module.__name__ == module.__spec__.name == lies


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ("surgery", "networks.structure"),
        ("allocation", "techniques.sensitivity"),
        ("responses", "techniques.channel_patches"),
        ("judge", "measure.fresh_process"),
        ("unsure", "phone.rejection"),
    ],
)
def test_edited_copies_of_chapters_go_on_with_former_names(former, now):
    module = importlib.import_module(f"course_lib.{now}")
    assert getattr(course_lib, former) is importlib.import_module(f"course_lib.{former}") is module
    assert former not in dir(course_lib)


def test_a_name_that_is_not_there_brings_the_nearest():
    with pytest.raises(ImportError):
        importlib.import_module("course_lib.neuron_prunning")
    with pytest.raises(AttributeError, match="no module neuron_prunning; did you mean neuron_prun"):
        _ = course_lib.neuron_prunning
    with pytest.raises(AttributeError, match="there are: app, cards"):
        _ = course_lib.zzz


def test_the_help_fits_on_a_screen_and_names_every_module():
    text = inspect.getdoc(course_lib)
    assert len(text.splitlines()) <= 30
    assert max(map(len, text.splitlines())) <= 100
    words = text.replace(",", " ").replace(";", " ").split()
    assert [name for name in dir(course_lib) if name not in words] == []
    assert text.index("recipe.compress") < text.index("room")
