"""Pictures that were pasted into a cell: they go where its text goes, none is asked for in vain.

nbconvert, by which nbgrader shows an answer to whoever marks it, gives up a whole notebook for one
picture that is missing or has its name spelled otherwise.

>>> cell = nbformat.v4.new_markdown_cell("![a](attachment:a%20b.png) and ![c](attachment:c.png)")
>>> cell.attachments = {"a b.png": {"image/png": "aGk="}}
>>> made = with_pictures(cell)
>>> made.source, list(made.attachments)
('![a](attachment:a%20b.png) and *(the picture c.png was not handed in)*', ['a b.png', 'a%20b.png'])
>>> missing(cell)
['c.png']
"""

import re
from urllib.parse import quote, unquote

import nbformat
from nbformat import NotebookNode

ASKED = re.compile(r"""attachment:(?:(?<=<attachment:)([^>\n]+)|([^\s)>"'\]]+))""")
SAFE = ":/?#@!$&()*+,;=%"  # what a Markdown parser leaves as it is in an address


def with_pictures(cell: NotebookNode) -> NotebookNode:
    """The text of a cell, as Markdown, with those of its pictures that are fit to be kept."""
    made: NotebookNode = nbformat.v4.new_markdown_cell(cell.source)
    kept = _kept(cell)
    for name in _asked(cell):
        if (known := _known(name, kept)) is not None:
            kept |= {name: kept[known], quote(name, safe=SAFE): kept[known]}
        else:
            image = rf"!\[[^\]]*\]\(<?attachment:{re.escape(name)}>?[^)]*\)"
            said = f"*(the picture {unquote(name)} was not handed in)*".replace("\\", "")
            made.source = re.sub(image, said, made.source)
            made.source = made.source.replace(f"attachment:{name}", f"missing:{name}")
    if kept:
        made.attachments = nbformat.from_dict(kept)
    return made


def missing(cell: NotebookNode) -> list[str]:
    """The names of pictures that a text asks for, and that were not handed in."""
    kept = _kept(cell)
    return [unquote(name) for name in _asked(cell) if _known(name, kept) is None]


def _asked(cell: NotebookNode) -> list[str]:
    found = (match[1] or match[2] for match in ASKED.finditer(cell.source))
    return list(dict.fromkeys(found))


def _known(name: str, kept: dict) -> str | None:
    return next((one for one in kept if unquote(one) == unquote(name)), None)


def _kept(cell: NotebookNode) -> dict[str, dict]:
    """What has the form that notebooks prescribe: {name: {kind: content}}, all pictures."""
    given = cell.get("attachments")
    kept = {}
    for name, kinds in given.items() if isinstance(given, dict) else ():
        if isinstance(kinds, dict):
            pictures = {
                kind: content
                for kind, content in kinds.items()
                if kind.startswith("image/") and isinstance(content, str)
            }
            if pictures:
                kept[name] = pictures
    return kept
