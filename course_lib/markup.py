"""Tables as HTML, for notebooks: no colours of their own, so that they read in any theme.

>>> print(table([["oak", "12"]], ["leaf", "count"]).count("<tr>"))
2
"""

from collections.abc import Iterable, Sequence
from html import escape

CELL = "border-bottom:1px solid rgba(128,128,128,0.35);vertical-align:top;"
TABLE = "border-collapse:collapse;color:inherit;background:transparent;"


def table(
    rows: Iterable[Sequence[str]],
    heads: Sequence[str] = (),
    labels: bool = False,
    numbers: bool = False,
    small: bool = False,
    name: str = "",
) -> str:
    """A table of cells that are HTML already: `html.escape` what is text.

    heads: the line above the rows. labels: is the first cell of each row its name? numbers: are
    all others set to the right? small: for many columns. name: what a screen reader calls it.
    """
    cell = f"padding:0.3em {'0.3em' if small else '0.8em'};{CELL}"
    left = cell + "text-align:left;"
    other = cell + f"text-align:{'right' if numbers else 'left'};"

    def line(cells: Sequence[str], head: bool = False) -> str:
        made = []
        for number, text in enumerate(cells):
            label = labels and number == 0
            tag = 'th scope="col"' if head else 'th scope="row"' if label else "td"
            style = (left if label else other) + "font-weight:normal;" * (label and not head)
            made.append(f'<{tag} style="{style}">{text}</{tag[:2]}>')
        return f"<tr>{''.join(made)}</tr>"

    lines = [line(heads, head=True)] * bool(heads) + [line(cells) for cells in rows]
    called = f' aria-label="{escape(name)}"' if name else ""
    style = TABLE + "font-size:80%;" * small
    return f'<table{called} style="{style}">{"".join(lines)}</table>'
