"""Style, types, and the directions of imports."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORTS = "from importlinter.cli import lint_imports_command as check; check()"
CHECKS = {
    "types": ["-m", "mypy"],
    "style": ["-m", "ruff", "check", "."],
    "format": ["-m", "ruff", "format", "--check", "."],
    "imports": ["-c", IMPORTS],
}


@pytest.mark.first  # types take a minute: the other process meanwhile does the rest
@pytest.mark.parametrize("name", CHECKS)
def test_the_code_passes(name):
    ran = subprocess.run(
        [sys.executable, *CHECKS[name]],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert ran.returncode == 0, ran.stdout
