"""What teachers are told is what the course is."""

import json
import math
import re
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
ROWS = [
    [part.strip() for part in line.strip("|").split("|")]
    for line in GUIDE.splitlines()
    if re.match(r"\| \d\d_\w+ \|", line)
]


def counted(chapter):
    """Words and code cells of a chapter's core."""
    words, code = 0, 0
    for cell in jupytext.read(ROOT / "notebooks" / f"{chapter}.py").cells:
        if cell.source.startswith("## Going further"):
            break
        code += cell.cell_type == "code"
        if cell.cell_type == "markdown":  # a formula is no words
            said = re.sub(r"(?s)\$\$.*?\$\$|\$[^$\n]*\$", " ", cell.source)
            words += len(re.findall(r"[\w’']+", said))
    return words, code


def test_every_chapter_has_its_minutes():
    chapters = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.py"))
    assert [row[0] for row in ROWS] == chapters


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_minutes_are_what_the_stated_formula_gives(row):
    words, code = counted(row[0])
    assert (int(row[1].replace(",", "")), int(row[2])) == (round(words, -2), code)
    minutes = int(row[1].replace(",", "")) / 150 + 1.2 * code + int(row[3]) / 60 + 5
    assert int(row[4]) == 5 * math.ceil(minutes / 5)


def test_every_chapter_with_a_guess_has_advice_for_it():
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        if any("predict.guess(" in "".join(cell["source"]) for cell in cells):
            assert re.search(rf"(?m)^\| {path.stem[:2]} \|", GUIDE), path.stem


def test_commands_and_places_that_are_named_are_there():
    from course_lib.__main__ import parser

    asked = parser().parse_args(["class", "grade", "CLASS", "in.zip", "--due", "2026-01-31T18:00"])
    assert asked.what == "grade"
    for link in re.findall(r"\]\(([^)]+)\)", GUIDE):
        assert (ROOT / "docs" / link).exists()
    from course_lib.checks.record import progress

    tasks = {name for chapter in progress().chapters.values() for name in chapter}
    named = re.findall(r"\d\d `(\w+)`", GUIDE)
    assert set(named) <= tasks
    assert len(named) >= 3
