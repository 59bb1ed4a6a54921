"""Importing the package is quick, and mends a torchvision that was built for another torch."""

import subprocess
import sys

import pytest


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
