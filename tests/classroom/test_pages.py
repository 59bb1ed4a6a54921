"""Pages of feedback fetch and run nothing; pasted pictures, and answers, reach whoever marks."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.classroom.grading.attachments import with_pictures
from course_lib.classroom.grading.pages import page
from course_lib.classroom.grading.repair import repair

PICTURE = "iVBORw0KGgo="


def shown(*cells, **more):
    return page(new_notebook(cells=list(cells), **more), "04, ana")


def test_a_page_fetches_nothing_from_elsewhere_and_runs_nothing():
    made = shown(
        new_markdown_cell("badge", metadata={"tags": ["badges"]}),
        new_markdown_cell("![x](https://x.org/a.png) <img src='//y.org/b.png' onerror=alert(1)>"),
        new_markdown_cell(
            "[a](javascript:alert(2)) [b](data:text/html,x) <script>alert(3)</script>"
        ),
        new_markdown_cell("<svg onload=alert(4)><iframe src='file:///etc/passwd'></iframe>"),
        new_markdown_cell("```mermaid\nx\n```\n\n<link rel=stylesheet href=https://z.org/c.css>"),
        new_code_cell(
            "1",
            outputs=[
                new_output(
                    "display_data",
                    {"image/png": PICTURE},
                    metadata={"image/png": {"width": "1 onload=alert(5)"}},
                )
            ],
        ),
        metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}},
    )
    assert "<script" not in made
    assert "default-src 'none'; img-src data:" in made
    tags = re.findall(r"<[a-z][^>]*>", made)
    sources = [tag for tag in tags if re.search(r"""\b(src|srcset)=(?!["']?data:image/)""", tag)]
    assert sources == []
    assert [tag for tag in tags if re.search(r"\bon\w+=", tag)] == []
    assert [tag for tag in tags if tag.startswith(("<link", "<iframe", "<svg", "<object"))] == []
    assert "javascript:" not in "".join(tags)
    assert f"data:image/png;base64,{PICTURE}" in made
    assert "badge<" not in made


def test_words_of_markdown_are_shown_as_what_they_are():
    made = shown(
        new_markdown_cell("# Head\n\nOne **two** $a<b$.\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    )
    for part in ("<h1>Head</h1>", "<strong>two</strong>", "$a&lt;b$", "<th>a</th>", "<td>2</td>"):
        assert part in made
    assert "&lt;p&gt;" not in made


@pytest.mark.parametrize(
    "text",
    [
        "![s](attachment:s.png)",
        "![s](attachment:my%20s.png)",
        "![s](<attachment:my s.png>)",
        '<img src="attachment:s.png">',
        "[![s](attachment:s.png)](https://x.org)",
    ],
)
def test_a_pasted_picture_is_in_the_page(text):
    kinds = {"image/png": PICTURE}
    cell = new_markdown_cell(text, attachments={"s.png": kinds, "my s.png": kinds})
    for one in (cell, with_pictures(cell)):
        assert f'src="data:image/png;base64,{PICTURE}"' in shown(one)


@pytest.mark.parametrize("attachments", [None, {}, {"s.png": 5}, {"s.png": {"image/png": 5}}, 7])
def test_a_picture_that_is_missing_is_said_and_stops_nothing(attachments):
    cell = new_markdown_cell("![s](attachment:s.png) <img src='attachment:t.png'>")
    if attachments is not None:
        cell.attachments = attachments
    made = with_pictures(cell)
    assert made.source.startswith("*(the picture s.png was not handed in)*")
    assert "attachment:" not in made.source
    nbformat.validate(new_notebook(cells=[made]))
    assert "s.png was not handed in" in shown(made)


@pytest.mark.parametrize(
    "text", ["> " * 400 + "x", "[" * 3000, "\ud83d", "\x00\x08\x1b[31m", "*" * 5000, "<" * 5000]
)
def test_a_text_that_no_parser_likes_still_has_a_page(text):
    made = shown(new_markdown_cell(text), new_markdown_cell("Points: 2 of 3"))
    assert "Points: 2 of 3" in made
    made.encode()


def answer(text, **more):
    cell = new_markdown_cell(text, **more)
    cell.metadata["nbgrader"] = {
        "grade": True, "grade_id": "why-answer", "points": 2, "locked": False, "solution": True,
    }  # fmt: skip
    return cell


QUESTION = "**Why?**\n\n*Write your answer here.*"


def repaired(*cells):
    head, end = new_markdown_cell("## 5. The next task"), new_code_cell("progress()")
    return repair(
        new_notebook(cells=[answer(QUESTION), head, end]), new_notebook(cells=list(cells))
    )


def written(notebook):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id"))


@pytest.mark.parametrize(
    "cells",
    [
        [answer(QUESTION), new_markdown_cell("Since it is.")],
        [answer(""), new_markdown_cell("Since it is.")],
        [answer(QUESTION), new_code_cell("# Since it is.")],
        [answer(QUESTION), new_code_cell("Since it is. And so on.")],
        [answer(QUESTION), nbformat.v4.new_raw_cell("Since it is.")],
        [answer(QUESTION), new_code_cell("x = 1"), new_markdown_cell("Since it is.")],
        [answer(QUESTION), new_code_cell("progress()"), new_markdown_cell("Since it is.")],
        [new_markdown_cell("Since it is.")],
    ],
)
def test_an_answer_in_a_cell_of_its_own_is_found(cells):
    made = repaired(*cells)
    assert "Since it is." in written(made.notebook).source
    assert QUESTION in written(made.notebook).source
    assert sum("Since it is." in cell.source for cell in made.notebook.cells) == 1
    assert "why-answer: the answer stood in a cell of its own" in made.notes


@pytest.mark.parametrize(
    "cells",
    [
        [answer(QUESTION)],
        [answer(QUESTION), new_code_cell("x = 1")],
        [answer(QUESTION), new_markdown_cell("  ")],
        [answer(QUESTION), new_code_cell("%timeit run(4) for four")],
    ],
)
def test_an_answer_that_is_nowhere_stays_untouched(cells):
    assert written(repaired(*cells).notebook).source == QUESTION


def test_an_answer_keeps_its_pictures_and_its_own_cells_below():
    pictures = {"s.png": {"image/png": PICTURE}}
    said = answer("**Why?** See ![s](attachment:s.png)", attachments=pictures)
    made = repaired(said, new_markdown_cell("More: ![s](attachment:s.png)", attachments=pictures))
    assert written(made.notebook).attachments == pictures
    assert made.notebook.cells[1].attachments == pictures
    below = new_markdown_cell("![s](attachment:s.png)", attachments=pictures)
    assert written(repaired(answer(QUESTION), below).notebook).attachments == pictures
    lost = repaired(answer("**Why?** See ![s](attachment:s.png)"))
    assert lost.doubts == ["why-answer: the picture s.png was not handed in"]
    assert "s.png was not handed in" in written(lost.notebook).source


def test_half_a_character_and_broken_metadata_cost_nobody_their_answer():
    made = repaired(answer("**Why?** Done \ud83d"))
    assert written(made.notebook).source == "**Why?** Done \ufffd"
    assert made.doubts == ["halves of characters (of emoji, say) were replaced by \ufffd"]
    broken = new_markdown_cell("own")
    broken.metadata["nbgrader"] = ["no", "such", "thing"]
    assert repaired(answer("**Why?** So."), broken).notebook.cells[1].source == "own"


def test_words_in_a_given_text_are_not_lost():
    given = new_notebook(cells=[new_markdown_cell("Read this.", id="g"), answer(QUESTION)])
    sent = new_notebook(cells=[new_markdown_cell("Read this. I did.", id="g"), answer(QUESTION)])
    made = repair(given, sent).notebook
    assert "Read this. I did." in "\n".join(cell.source for cell in made.cells)
