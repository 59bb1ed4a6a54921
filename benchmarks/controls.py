"""How soon does a picture follow its control? Milliseconds for each slider and choice.

    python benchmarks/controls.py [CHAPTER ...] [--small]

Runs each chapter up to its interactive picture, in a kernel of its own, and sets every control to
values of its range, drawn by chance, one at a time. Measured is what the kernel takes from the
value to the new picture: as a browser adds tens of milliseconds, asked is at most 100 (p90) where a
picture is only drawn, 300 where something is computed. Writes results/controls.json.
"""

import argparse
import json
from pathlib import Path

import nbclient
import nbformat

import _recording
from course_lib.classroom import assembly

SHOWS = ("widgets.Interactive(", "widgets.jigsaw(")
MEASURE = """
import json, random, time
def _measured(shown, count=40):
    chance, found = random.Random(0), {}
    for name, control in shown.controls.items():
        if hasattr(control, "options"):
            values = [value for _, value in control._options_full]
        elif isinstance(control.value, bool):
            values = [False, True]
        else:
            number = round((control.max - control.min) / control.step)
            values = [control.min + n * control.step for n in range(number + 1)]
        took = []
        for _ in range(count):
            value = chance.choice([each for each in values if each != control.value])
            start = time.perf_counter()
            control.value = value
            took.append(1000 * (time.perf_counter() - start))
        took.sort()
        found[name] = {"median": took[len(took) // 2], "p90": took[9 * len(took) // 10],
                       "longest": took[-1]}
    return found
print("CONTROLS " + json.dumps(_measured(list(Out.values())[-1])))
"""


def main() -> None:
    """Measure the chapters named, print a line for each control, record them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="01, or its name")
    parser.add_argument("--small", action="store_true", help="one chapter; records nothing")
    asked = parser.parse_args()
    if asked.small:
        asked.chapters = ["01"]
    root = assembly.find_root()
    sources = assembly.select(asked.chapters, assembly.sources(root, ["notebooks"]))
    found = {}
    for source in sources:
        controls = measured(source, root)
        if controls:
            found[source.stem] = controls
        for name, took in controls.items():
            times = ", ".join(f"{kind} {ms:.0f} ms" for kind, ms in took.items())
            print(f"{source.stem} {name}: {times}", flush=True)
    if not asked.chapters:
        _recording.record("controls", {"controls": found})


def measured(source: Path, root: Path) -> dict[str, dict[str, float]]:
    """The milliseconds of each control of a chapter's picture; nothing where it has none."""
    notebook = assembly.assemble(source, root)
    places = [n for n, cell in enumerate(notebook.cells) if any(s in cell.source for s in SHOWS)]
    if not places:
        return {}
    cells = [cell for cell in notebook.cells[: places[0] + 1] if cell.cell_type == "code"]
    notebook.cells = [*cells, nbformat.v4.new_code_cell(MEASURE)]
    client = nbclient.NotebookClient(notebook, timeout=None, kernel_name="python3")
    client.execute()
    said = "".join(out.get("text", "") for out in notebook.cells[-1].outputs)
    [line] = [line for line in said.splitlines() if line.startswith("CONTROLS ")]
    controls: dict[str, dict[str, float]] = json.loads(line.removeprefix("CONTROLS "))
    return controls


if __name__ == "__main__":
    main()
