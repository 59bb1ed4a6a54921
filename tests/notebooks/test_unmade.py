"""A name that a cell above makes: a sentence says which; a slip of the pen is shown as ever."""

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from course_lib.classroom import lab, unmade

CELLS = [
    "# The network\nnetwork = 5\ndef half(x):\n    return x / undefined_in_here",
    "%matplotlib inline",
    "print(network)",
    "count = count + 1",
]


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "02_neuron_pruning.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_the_sentence_names_the_cell_and_what_to_do(notebook, tmp_path):
    assert unmade.sentence("network", notebook, CELLS[2]) == (
        "There is no `network` yet: the cell that begins with\n\n    # The network\n\nmakes it. "
        "Run what stands above this cell first: in the menu Run, Run All Above Selected Cell."
    )
    assert "# The network" in unmade.sentence("half", notebook)
    for name in ("netwrok", "undefined_in_here", "x", ""):
        assert unmade.sentence(name, notebook) == ""
    assert unmade.sentence("count", notebook, CELLS[3]) == ""  # it alone makes it
    (tmp_path / "torn.ipynb").write_text('{"cells": [')
    for path in (tmp_path / "torn.ipynb", tmp_path / "none.ipynb", tmp_path):
        assert unmade.sentence("network", path) == ""


@pytest.mark.long
def test_a_kernel_of_the_lab_says_it(notebook, monkeypatch):
    monkeypatch.setenv("PYTHONSTARTUP", str(lab.SETTINGS / "startup.py"))
    monkeypatch.setenv(unmade.NOTEBOOK, str(notebook))
    manager, client = start_new_kernel()
    try:

        def errors(code):
            found = []
            client.execute_interactive(
                code, timeout=60, allow_stdin=False,
                output_hook=lambda m: found.append(m) if m["msg_type"] == "error" else None,
            )  # fmt: skip
            return [message["content"]["traceback"] for message in found]

        ipythons = {"In", "Out", "get_ipython", "exit", "quit", "open"}
        left = "{name for name in dir() if name[0] != '_'}"
        assert errors(f"assert {left} <= {ipythons}, {left}") == []
        [[said]] = errors(CELLS[2])
        assert said.startswith("There is no `network` yet: ")
        [traceback] = errors("netwrok")
        assert "name 'netwrok' is not defined" in traceback[-1]
        assert len(traceback) > 1
        its_own = "def f():\n    print(network)\n    network = 1\nf()"
        [traceback] = errors(its_own)
        assert "UnboundLocalError" in traceback[-1]
        assert errors("network = 5") == errors(CELLS[2]) == []
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
