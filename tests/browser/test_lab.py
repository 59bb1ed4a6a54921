"""A learner opens JupyterLab, runs a chapter, and moves its slider."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from playwright import sync_api

from course_lib.classroom import assembly, copies
from course_lib.classroom.assembly import find_root

pytestmark = pytest.mark.slow
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip


@pytest.fixture
def page():
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install Debian's package chromium to run the browser tests")
    with sync_api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


@pytest.fixture
def lab(tmp_path):
    """A server on a folder with the learner's copy of chapter 01, up to its first widget."""
    notebook = copies.learner_copy(
        assembly.assemble(find_root() / "notebooks" / "01_jigsaw.py", find_root())
    )
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    last = next(i for i, cell in enumerate(code) if "widgets.jigsaw(" in cell.source)
    notebook.cells = code[: last + 1]
    nbformat.write(notebook, tmp_path / "chapter.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
            f"--ServerApp.port={port}", "--IdentityProvider.token=leaf",
            f"--ServerApp.root_dir={tmp_path}",
        ],
        env=os.environ | {"PYTHONPATH": str(find_root()), "JUPYTER_PLATFORM_DIRS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/api?token=leaf", timeout=2)
            break
        except OSError:
            time.sleep(0.5)
    yield f"{address}/lab/tree/chapter.ipynb?token=leaf"
    server.terminate()
    server.wait(20)


def test_the_slider_takes_pieces_away(page, lab):
    page.goto(lab)
    page.locator(".jp-Notebook").wait_for(timeout=90_000)
    # Before its kernel has started, running a notebook asks for one in a dialog.
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=90_000)
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator(".lm-Menu-itemLabel", has_text="Run All Cells").first.click()
    picture = page.locator(".jp-OutputArea img.widget-image").last
    picture.wait_for(timeout=300_000)
    before = picture.get_attribute("src")
    handle = page.locator(".noUi-handle").last
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => [...document.querySelectorAll('img.widget-image')].at(-1).src !== before",
        arg=before,
        timeout=20_000,
    )
    readout = page.locator(".widget-readout").last.inner_text()
    assert readout.strip() == "33"  # half of 64, and one more
    assert page.locator(".jp-OutputArea-output[data-mime-type*=error]").count() == 0
