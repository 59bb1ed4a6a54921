"""A learner opens JupyterLab, runs a chapter, and moves its slider."""

import pytest

from course_lib.classroom import assembly
from course_lib.classroom.assembly import find_root
from course_lib.phone import page_runtime
from lab_fixture import course, page, serve

pytestmark = pytest.mark.slow


@pytest.fixture
def lab(serve):
    """The learner's copy of chapter 01, up to its first widget."""
    root = find_root()
    notebook = assembly.assemble(root / "notebooks" / "01_jigsaw.py", root)
    last = next(i for i, cell in enumerate(notebook.cells) if "widgets.jigsaw(" in cell.source)
    notebook.cells = notebook.cells[: last + 1]
    address = serve({"notebooks/01_jigsaw.ipynb": notebook})
    return f"{address}/lab/tree/01_jigsaw.ipynb?token=leaf"


def test_it_opens_at_the_welcome_and_leads_to_a_chapter_and_on(page, course, tmp_path):
    said = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{course}/?token=leaf")
    shown = page.locator(".jp-MarkdownViewer")
    shown.get_by_text("Neuron pruning: whole branches").wait_for(timeout=90_000)
    assert shown.get_by_role("row").count() == 1 + 10
    page.wait_for_timeout(3000)  # what would ask about news, or show panels, has come
    assert page.get_by_text("Jupyter news").count() == 0
    for words in ("Nbgrader", "Create Assignment", "Validate", "Formgrader"):
        assert page.get_by_text(words, exact=True).count() == 0
    shown.get_by_text("Neuron pruning: whole branches").click()
    chapter = page.locator(".jp-NotebookPanel:visible")
    chapter.get_by_text("saw off the whole branch", exact=False).wait_for(timeout=90_000)
    assert chapter.get_by_text("Open in Colab").count() == 0
    chapter.get_by_role("link", name="Exercise 02").first.click()
    exercise = page.locator(".jp-NotebookPanel:visible")
    exercise.get_by_role("heading", name="Exercise 02: neuron pruning").wait_for(timeout=90_000)
    exercise.get_by_role("link", name="All chapters").first.click()
    shown.get_by_text("Neuron pruning: whole branches").wait_for(timeout=30_000)
    assert [line for line in said if "favicon" not in line] == []
    assert [url for url in asked if not url.startswith((course, "data:", "blob:"))] == []
    assert len((tmp_path / "said").read_text().splitlines()) == 3  # with two kernels at work


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
    # What has the keyboard keeps it: no cell turns raw, none is deleted, none goes to another one.
    cells = page.locator(".jp-Notebook .jp-Cell")
    before = cells.count(), page.locator(".jp-CodeCell").count()
    for control in (handle, page.locator(".widget-dropdown select").last):
        control.focus()
        for key in ("r", "m", "d", "d", "x", "b", "ArrowDown"):
            page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert (cells.count(), page.locator(".jp-CodeCell").count()) == before
    assert page.locator(".widget-dropdown select").last.evaluate(
        "e => e === document.activeElement"
    )


def test_what_is_ours_on_the_page_has_no_fault_that_axe_knows(page, lab):
    """Outputs, texts and controls, and the welcome; JupyterLab's own frame is not ours."""
    try:
        axe = page_runtime.axe().read_text()
    except (page_runtime.Missing, OSError) as problem:
        pytest.skip(f"no axe-core here: {problem}")

    def faults(*places):
        page.evaluate(axe)
        return page.evaluate(
            """(places) => axe.run({include: places}, NO_NAME).then(({violations}) =>
                violations.map((v) => [v.id, v.help, ...v.nodes.map((n) => n.html)]))""".replace(
                "NO_NAME",
                # ipywidgets gives no name to a slider's handle and no text to a picture: a label
                # stands beside the one, and its text, unseen, below the other.
                "{rules: {'aria-input-field-name': {enabled: false}, "
                "'image-alt': {enabled: false}}}",
            ),
            [[place] for place in places],
        )

    page.goto(lab.replace("01_jigsaw.ipynb", "welcome.md"))
    page.locator(".jp-MarkdownViewer").get_by_role("row").last.wait_for(timeout=90_000)
    assert faults(".jp-MarkdownViewer") == []
    page.goto(lab)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=90_000)
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator(".lm-Menu-itemLabel", has_text="Run All Cells").first.click()
    page.locator(".jp-OutputArea img.widget-image").last.wait_for(timeout=120_000)
    assert faults(".jp-OutputArea", ".jp-MarkdownOutput") == []
