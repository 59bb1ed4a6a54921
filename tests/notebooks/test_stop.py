"""The stop button in a notebook: one sentence, nothing after it runs, and the cell goes on."""

import pytest
from jupyter_client.manager import start_new_kernel

GIVEN = """
import numpy as np, torch
from course_lib import data, models, training
labels = np.arange(160) % 2
pixels = np.random.default_rng(0).integers(0, 60, (160, 28, 28), dtype=np.uint8)
pixels[labels == 0, ::4] = 255
images = data.from_arrays(pixels, labels, name="stripes")
torch.manual_seed(0)
network = models.LeafNet(4, 2, 1)
"""
TRAINS = "tuned, history = training.fit(network, images, epochs=30, batch_size=8)"


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    manager, client = start_new_kernel()
    try:
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def said(client, asked, on_progress=lambda: None):
    """The messages of a cell, until its kernel is idle again."""
    found = []
    while True:
        message = client.get_iopub_msg(timeout=120)
        if message["parent_header"].get("msg_id") != asked:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            return found
        if kind == "stream" and "training" in content["text"]:
            on_progress()
            on_progress = lambda: None  # noqa: E731
        found.append((kind, content))


def text(found):
    return "".join(content["text"] for kind, content in found if kind == "stream")


@pytest.mark.long
def test_stop_ends_run_all_and_the_cell_goes_on_when_it_is_run_again(kernel):
    manager, client = kernel
    said(client, client.execute(GIVEN))
    first = client.execute(TRAINS)
    after = client.execute("print('7,000 images later')")  # Run All has sent it already
    found = said(client, first, on_progress=manager.interrupt_kernel)
    [error] = [content for kind, content in found if kind == "error"]
    assert error["ename"] == "Stopped"
    [sentence] = error["traceback"]
    assert sentence.startswith("Stopped in epoch ")
    assert sentence.endswith("What was learned is kept: run this again, and it goes on from there.")
    reply = client.get_shell_msg(timeout=60)
    while reply["parent_header"]["msg_id"] != after:
        reply = client.get_shell_msg(timeout=60)
    assert reply["content"]["status"] == "aborted"
    shown = "print('tuned' in globals(), len(list(__import__('pathlib').Path(cache).iterdir())))"
    where = "import os; cache = os.environ['COURSE_CACHE']\n"
    assert text(said(client, client.execute(where + shown))) == "False 1\n"
    assert "error" not in [kind for kind, _ in said(client, client.execute(TRAINS))]
    done = said(client, client.execute("print(len(history.loss), os.listdir(cache))"))
    assert text(done) == "30 []\n"
