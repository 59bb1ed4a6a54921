"""Tables as HTML: heads and labels are told from cells, by eye and by screen reader."""

from course_lib import markup


def test_heads_and_labels_are_told_from_cells():
    html = markup.table([["oak", "12"]], ["", "count"], labels=True, numbers=True, name='"<leaves>')
    assert html.startswith('<table aria-label="&quot;&lt;leaves&gt;" style="')
    assert html.count('<th scope="col"') == 2
    assert html.count('<th scope="row"') == 1
    assert html.count("<td") == html.count("text-align:right;") - 1 == 1
    assert html.count("<tr>") == html.count("</tr>") == 2
    assert html.count("<th") == html.count("</th>")
    assert "color:inherit" in html


def test_a_table_without_heads_or_labels_is_cells_alone():
    html = markup.table([["1", "<b>2</b>"], ["3", "4"]], small=True)
    assert html.count("<td") == html.count("</td>") == 4
    assert "<th" not in html
    assert ">&lt;" not in html, "cells are HTML already"
    assert "font-size:80%" in html
