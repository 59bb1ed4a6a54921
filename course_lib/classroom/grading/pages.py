"""The page that a learner gets back: a notebook as HTML that runs nothing and fetches nothing.

Pictures are in the page itself, those pasted into answers among them; formulas stay as they were
typed. What a stranger's Markdown may be is a short list of tags and attributes.
"""

import html
import re
from collections.abc import Mapping
from urllib.parse import unquote

import bleach
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode, from_dict

from ... import files

POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
    "font-src data:; style-src 'unsafe-inline'\">"
)
TEMPLATE = (
    "{% extends 'lab/index.html.j2' %}{% block html_head_js %}"
    + POLICY
    + "{% endblock %}{% block html_head_js_mathjax %}{% endblock %}"
    "{% block html_head_js_mermaidjs %}{% endblock %}{% block jupyter_widgets %}{% endblock %}"
    "{% block footer %}</html>{% endblock %}"
)
TAGS = {
    *bleach.ALLOWED_TAGS, "br", "caption", "dd", "del", "details", "div", "dl", "dt", "h1", "h2",
    "h3", "h4", "h5", "h6", "hr", "img", "p", "pre", "s", "span", "sub", "summary", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "u",
}  # fmt: skip
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*$")
ELSEWHERE = {"badges", "colab"}  # cells that lead out of the page


def page(notebook: NotebookNode, title: str) -> str:
    """The page of a notebook that is valid; as plain text where its Markdown cannot be shown."""
    shown: NotebookNode = from_dict(notebook)
    shown.cells = [c for c in shown.cells if not ELSEWHERE & set(c.metadata.get("tags", []))]
    for output in (output for cell in shown.cells for output in cell.get("outputs", [])):
        if "metadata" in output:
            output.metadata.clear()  # a width goes into the page without quotes
    exporter = _Page(raw_template=TEMPLATE, sanitize_html=True, filters={"clean_html": _clean})
    try:
        made, _ = exporter.from_notebook_node(shown, {"metadata": {"name": title}})
    except Exception:  # of a parser, at a stranger's text: thousands of brackets
        made = _plain(shown, title)
    return files.whole(made)


class _Page(HTMLExporter):
    """nbconvert's page, which takes pictures from the cell that they were pasted into."""

    @pass_context
    def markdown2html(self, context, source):
        return MarkdownWithMath(_Renderer(pictures(context.get("cell", {})))).render(source)


class _Renderer(IPythonRenderer):
    def __init__(self, attached: Mapping[str, str]):
        super().__init__(escape=False, exclude_anchor_links=True)
        self.attached = attached

    def image(self, text, url, title=None):
        if not url.startswith("attachment:"):
            return super().image(text, url, title)
        name = unquote(url.removeprefix("attachment:"))
        if name not in self.attached:
            return f"<em>(the picture {html.escape(name)} was not handed in)</em>"
        return f'<img src="{self.attached[name]}" alt="{html.escape(name)}">'

    def block_html(self, html):
        return super().block_html(self._embedded(html))

    def inline_html(self, html):
        return super().inline_html(self._embedded(html))

    def _embedded(self, text: str) -> str:
        return re.sub(
            r"""(?<=["'])attachment:([^"'>]+)""",
            lambda match: self.attached.get(unquote(match[1]), ""),
            text,
        )


def pictures(cell: Mapping) -> dict[str, str]:
    """The pictures pasted into a cell, {name: address that holds all of it}."""
    found = {}
    for name, kinds in cell.get("attachments", {}).items():
        for kind, content in kinds.items():
            content = "".join(content) if isinstance(content, list) else str(content)
            if PICTURE.match(address := f"data:{kind};base64,{content}"):
                found[unquote(name)] = "".join(address.split())
    return found


def _clean(element: object) -> str:
    """HTML of the tags and attributes that a notebook needs, as the filter `clean_html`."""
    return bleach.clean(
        str(element),
        tags=TAGS,
        attributes=_allowed,
        protocols={*bleach.ALLOWED_PROTOCOLS, "data"},
    )


def _allowed(tag: str, name: str, value: str) -> bool:
    if tag == "img" and name == "src":
        return bool(PICTURE.match(value))
    if tag == "a" and name == "href":
        return bool(re.match(r"(?i)(https?://|mailto:|#)", value))
    return name in {"class", "id", "alt", "title", "align", "colspan", "rowspan", "width", "height"}


def _plain(notebook: NotebookNode, title: str) -> str:
    texts = (f"<pre>{html.escape(cell.source)}</pre>" for cell in notebook.cells)
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8">{POLICY}'
        f"<title>{html.escape(title)}</title></head><body>{'<hr>'.join(texts)}</body></html>"
    )
