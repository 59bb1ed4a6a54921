"""A learner runs every chapter and exercise in JupyterLab, and moves each control."""

import nbformat
import pytest

from course_lib.classroom.assembly import find_root
from lab_fixture import course, page, serve

pytestmark = pytest.mark.slow
ROOT = find_root()
NOTEBOOKS = [
    path.relative_to(ROOT).as_posix()
    for folder in ("notebooks", "exercises")
    for path in sorted(ROOT.glob(f"{folder}/[0-9]*.ipynb"))
]
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => {
  const {cell_type, source, outputs, execution_count, metadata} = cell.model.toJSON();
  const errors = (outputs ?? []).filter((each) => each.output_type === "error");
  return {cell_type, source, ran: execution_count != null, tags: metadata.tags ?? [],
          errors: errors.map((each) => each.traceback.join("\\n"))};
})"""
IDLE = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
CONTROLS = ".noUi-handle, .widget-dropdown select, .widget-checkbox input"
# A picture, and what it was drawn for: another value may give the same picture.
DRAWN = """[...document.querySelectorAll('.jp-OutputArea img.widget-image')].map((e) => e.src)
  + [...document.querySelectorAll('.jp-OutputArea .widget-html')].map((e) => e.innerText)"""


class Lab:
    """A notebook in JupyterLab; `said` are the page's errors, `asked` what it asked others for."""

    def __init__(self, page, address, name):
        self.page, self.said, self.asked = page, [], []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        own = ("http://127.0.0.1:", address, address.replace("http", "ws"), "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(own) else self.asked.append(r.url))
        page.goto(f"{address}/lab/tree/{name}?token=leaf")
        page.locator(".jp-Notebook").wait_for(timeout=90_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=90_000)

    def _heard(self, message):
        if message.type == "error":
            self.said.append(f"{message.text} ({message.location['url']})")

    def command(self, name, seconds=600):
        """Let JupyterLab do what one of its menus does, and wait until that is done."""
        self.begin(name)
        self.wait(seconds)

    def wait(self, seconds=600):
        """Until no cell runs. JupyterLab says so too early where an error lets others go on."""
        self.page.wait_for_function("window.done", timeout=1000 * seconds)
        before = None
        while (now := [cell["ran"] for cell in self.cells()]) != before:
            before = now
            self.page.wait_for_timeout(1500)
            self.page.wait_for_function(IDLE, timeout=1000 * seconds)

    def begin(self, name):
        self.page.evaluate(
            "(name) => { window.done = false;"
            " window.jupyterapp.commands.execute(name).finally(() => window.done = true); }",
            name,
        )

    def choose(self, words):
        """The number of the first code cell with these words, which becomes the active one."""
        number = next(
            n for n, cell in enumerate(self.cells())
            if cell["cell_type"] == "code" and words in cell["source"]
        )  # fmt: skip
        self.page.evaluate(
            "(n) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = n }", number
        )
        return number

    def cells(self):
        return self.page.evaluate(CELLS)


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.timeout(1200)
def test_all_of_it_runs_and_each_control_draws_anew(page, course, name):
    folder, _, file = name.partition("/")
    built = nbformat.read(ROOT / name, 4)
    place = file if folder == "notebooks" else name
    lab = Lab(page, course, place)
    lab.command("notebook:run-all-cells")
    code = [cell for cell in lab.cells() if cell["cell_type"] == "code" and cell["source"].strip()]
    errors = [cell["errors"] for cell in code if "raises-exception" not in cell["tags"]]
    assert [error for each in errors for error in each] == []
    assert [cell["source"] for cell in code if not cell["ran"]] == []
    controls = page.locator(".jp-OutputArea").locator(CONTROLS)
    drawn_anew = 0
    for number in range(controls.count()):
        control = controls.nth(number)
        control.scroll_into_view_if_needed()
        before = page.evaluate(DRAWN)
        control.focus()
        if control.evaluate("e => e.tagName") == "SELECT":
            chosen, of = control.evaluate("e => [e.selectedIndex, e.options.length]")
            control.select_option(index=(chosen + 1) % of)
        elif control.evaluate("e => e.type") == "checkbox":
            page.keyboard.press("Space")
        else:
            low, at, high = control.evaluate(
                "e => ['valuemin', 'valuenow', 'valuemax'].map(n => +e.getAttribute('aria-' + n))"
            )
            page.keyboard.press("ArrowRight" if at < high else "ArrowLeft")
            assert low < high
        page.wait_for_function(f"(old) => {DRAWN} !== old", arg=before, timeout=30_000)
        drawn_anew += 1
    assert (drawn_anew > 0) == (
        "widgets.Interactive(" in str(built) or "widgets.jigsaw(" in str(built)
    )
    assert page.get_by_text("could not be drawn").count() == 0
    assert [line for line in lab.said if "favicon" not in line] == []
    assert lab.asked == []


def test_out_of_order_stopped_twice_and_after_a_restart(page, course):
    lab = Lab(page, course, "02_neuron_pruning.ipynb")
    trains = lab.choose("training.fit(")
    # Out of order: nothing above it ran.
    lab.command("notebook:run-cell")
    [said] = lab.cells()[trains]["errors"]
    assert said.startswith("There is no `")
    assert "Run All Above Selected Cell" in said
    # Stopped in the midst of its training: nothing below it runs.
    lab.command("notebook:run-all-above")
    assert not any(cell["errors"] for cell in lab.cells()[:trains])
    lab.begin("notebook:run-all-below")
    page.locator(".jp-OutputArea").get_by_text("training", exact=False).last.wait_for(
        timeout=60_000
    )
    page.wait_for_timeout(1500)
    lab.begin("notebook:interrupt-kernel")
    lab.wait(60)
    cells = lab.cells()
    [said] = cells[trains]["errors"]
    assert said.startswith("Stopped in epoch ")
    assert [cell["source"] for cell in cells[trains + 1 :] if cell["ran"]] == []
    # Again, and twice: it goes on, and says the same.
    said = []
    for _ in range(2):
        lab.choose("training.fit(")
        lab.command("notebook:run-cell")
        assert lab.cells()[trains]["errors"] == []
        shown = page.locator(".jp-OutputArea").get_by_text("7,000 images later").inner_text()
        said.append(next(line for line in shown.splitlines() if "7,000 images later" in line))
    assert said[0] == said[1]
    assert float(said[0].rpartition(": ")[2].rstrip("%")) > 90
    # After a restart nothing of the old kernel is taken for the new one's.
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.wait_for_function(IDLE, timeout=60_000)
    lab.choose("training.fit(")
    lab.command("notebook:run-cell")
    [error] = lab.cells()[trains]["errors"]
    assert error.startswith("There is no `")
