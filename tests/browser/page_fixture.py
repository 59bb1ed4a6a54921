"""What the tests of the page share: its folder, and ways to talk to it."""

import base64
import gzip
import json
import shutil
import time
from pathlib import Path

import numpy as np

from course_lib import app

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip
SEED = 4_242  # of pictures that no network was trained on, nor chosen or calibrated by


def build(folder: Path) -> Path:
    """The page with the leaf mode."""
    return app.build(folder, modes=("leaves",)).folder


def until(page, script: str, seconds: float = 20):
    """What `script` gives in the page, as soon as it is true.

    The page's policy forbids Playwright's own way to wait for a function.
    """
    end = time.monotonic() + seconds
    while not (found := page.evaluate(script)):
        if time.monotonic() > end:
            raise AssertionError(f"not true within {seconds} s: {script}")
        page.wait_for_timeout(50)
    return found


def as_rgba(pictures: np.ndarray) -> str:
    """Pictures (..., 3), uint8, as the base64 of RGBA bytes."""
    opaque = np.full((*pictures.shape[:-1], 1), 255, np.uint8)
    return base64.b64encode(np.concatenate([pictures, opaque], -1).tobytes()).decode()


BYTES = "(text) => Uint8ClampedArray.from(atob(text), (letter) => letter.charCodeAt(0))"


def with_header(source: Path, target: Path, **changes) -> Path:
    """Write a model file like another, with something else in its header."""
    whole = gzip.decompress(source.read_bytes())
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length]) | changes
    text = json.dumps(header).encode()
    target.write_bytes(gzip.compress(len(text).to_bytes(8, "little") + text + whole[8 + length :]))
    return target
