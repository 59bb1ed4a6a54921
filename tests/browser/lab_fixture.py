"""JupyterLab and a browser for it, as a learner has them."""

import os
import signal
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from playwright import sync_api

from course_lib.classroom.assembly import find_root
from course_lib.classroom.lab import free_port
from page_fixture import CHROMIUM, QUIET


@pytest.fixture
def page():
    """A page of a Chromium that asks nobody for anything by itself."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install Debian's package chromium to run the browser tests")
    with sync_api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


@pytest.fixture
def serve(tmp_path):
    """Starts `make lab` on a house of these notebooks, without opening a browser; its address."""
    servers = []

    def started(notebooks):
        for name, notebook in notebooks.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, tmp_path / name)
        port = free_port(())  # any: another process starts one at the same time
        words = ["--no-browser", f"--ServerApp.port={port}", "--LabApp.expose_app_in_browser=True"]
        begin = (
            "import sys; from pathlib import Path; from course_lib.classroom import lab; "
            f"lab.main({words}, Path(sys.argv[1]))"
        )
        own = {"JUPYTER_TOKEN": "leaf", "JUPYTER_PLATFORM_DIRS": "1", "COURSE_THREADS": "2"}
        for kind in ("WORKSPACES", "SETTINGS"):  # whatever was open elsewhere stays there
            own[f"JUPYTERLAB_{kind}_DIR"] = str(tmp_path / "jupyterlab" / kind.lower())
        server = subprocess.Popen(
            [sys.executable, "-c", begin, str(tmp_path)],
            env=os.environ | own | {"PYTHONPATH": str(find_root())},
            stdout=(tmp_path / "said").open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        servers.append(server)
        address = f"http://localhost:{port}"
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api?token=leaf", timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        return address

    yield started
    for server in servers:
        server.terminate()  # it ends its kernels
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:  # Jupyter's own waiting is not what is tested here
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@pytest.fixture
def course(serve):
    """All chapters and exercises, as they are built."""
    root = find_root()
    found = [*root.glob("notebooks/[0-9]*.ipynb"), *root.glob("exercises/[0-9]*.ipynb")]
    assert len(found) == 19
    return serve({path.relative_to(root).as_posix(): nbformat.read(path, 4) for path in found})
