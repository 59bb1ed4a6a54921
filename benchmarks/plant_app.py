"""The plant app's frame budget, in Chromium with filmed leaf cards as its camera.

    python benchmarks/plant_app.py

Capture, preparation and network of both networks: on one core, and with the processor throttled
sixfold, as on a cheap phone. Writes course_lib/recorded/plant_app.json, and a picture of the page.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from _recording import record
from course_lib import app
from course_lib.phone import leaf_cards, page_folder, page_runtime, serving

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))
import filming  # noqa: E402
from page_fixture import QUIET, until  # noqa: E402

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
STAGES = ("capture", "preparation", "network", "whole")
SLOWER = 6  # a cheap phone beside this machine
ROLES = {"original": ("before", "Original"), "compressed": ("after", "Compressed")}


@contextlib.contextmanager
def browser(film: Path, scratch: Path, one_core: bool) -> Iterator[Browser]:
    """Chromium with the film for a camera; on one core, all its processes together."""
    program = CHROMIUM
    if one_core:
        starter = scratch / "chromium"
        starter.write_text(
            f'#!/bin/sh\n"exec" "{sys.executable}" "$0" "$@"\nimport os, sys\n'
            f"os.sched_setaffinity(0, {{{max(os.sched_getaffinity(0))}}})\n"
            f"os.execv({CHROMIUM!r}, [{CHROMIUM!r}, *sys.argv[1:]])\n"
        )
        starter.chmod(0o755)
        program = str(starter)
    flags = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=[*QUIET, *flags])
        yield opened
        opened.close()


def on_camera(opened: Browser, address: str, **looks) -> Page:
    size = {"width": 360, "height": 740}
    page = opened.new_page(permissions=["camera"], viewport=size, **looks)
    page.goto(address)
    page.evaluate("plantApp.ready.then(() => null)")
    page.get_by_role("button", name="Use the camera").click()
    return page


def stages(page: Page, name: str, seconds: float) -> dict:
    """Median and 90th percentile, in ms, of each stage of the last 60 frames."""
    role, label = ROLES[name]
    page.get_by_role("radio", name=label).check()
    page.wait_for_timeout(1000 * seconds)
    found = until(page, f"{{ const s = plantApp.statistics().{role}; s?.frames > 5 && s }}")
    return {stage: found[stage] for stage in STAGES}


def by_turns(page: Page, seconds: float, turns: int) -> dict:
    """Both networks by turns, several rounds in one page; `apps` is the round in the middle.

    Chromium captures a frame in 3, 9 or 20 ms, throttled, for many seconds at a time, whatever
    network is asked; one round alone would meet one of these by chance.
    """
    rounds = [{name: stages(page, name, seconds) for name in ROLES} for _ in range(turns)]
    middle = sorted(rounds, key=lambda found: found["compressed"]["whole"]["median"])
    return {"apps": middle[len(middle) // 2], "rounds": rounds}


def portrait(opened: Browser, address: str, scratch: Path) -> None:
    """What the page looks like when it names a leaf, and both networks were measured."""
    page = on_camera(opened, address, device_scale_factor=1.5)
    for name in ROLES:
        stages(page, name, 3)
    named = "(name) => /^[A-Z][a-z]+ [a-z]+$/.test(name) && name !== 'Not sure'"
    until(page, f"({named})(document.getElementById('name').textContent)")
    page.screenshot(path=scratch / "page.png", full_page=True)
    with Image.open(scratch / "page.png") as whole:
        shown = whole.convert("RGB").crop((0, 0, whole.width, round(1.5 * 970)))
        shown.quantize(192, dither=Image.Dither.NONE).save(page_folder.PICTURE, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    small = parser.parse_args().small
    if CHROMIUM is None or not page_runtime.available():
        print("no Chromium, or no onnxruntime-web, here: nothing is measured")
        return
    seconds, turns = (0.3, 1) if small else (8.0, 3)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        built = app.build(scratch / "page", modes=("leaves",))
        cards, _ = leaf_cards.pictures(specimens=1)
        film = filming.film(scratch / "cards.y4m", cards[:2] if small else cards)
        with serving.serve(built.folder) as server:
            with browser(film, scratch, hasattr(os, "sched_setaffinity")) as opened:
                answered = "plantApp.ready.then(() => performance.now())"
                first = []
                for _ in range(turns):  # each in a fresh profile
                    new = opened.new_page()
                    new.goto(server.address)
                    first.append(new.evaluate(answered))
                    new.close()
                frames = by_turns(on_camera(opened, server.address), seconds, turns)
            with browser(film, scratch, one_core=False) as opened:
                # Throttling slows the main thread alone, so everything runs there.
                page = on_camera(opened, f"{server.address}?thread=main")
                session = page.context.new_cdp_session(page)
                session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
                throttled = by_turns(page, seconds, turns)
            if not small:
                with browser(film, scratch, one_core=False) as opened:
                    portrait(opened, server.address, scratch)
        figures = {
            "frames": frames,
            "throttled": {**throttled, "rate": SLOWER},
            "first": {"milliseconds": first},
        }
        print(figures)
        if not small:
            record("plant_app", figures, chapter=True)


if __name__ == "__main__":
    main()
