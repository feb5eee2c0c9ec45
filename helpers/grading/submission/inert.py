"""What a learner's code displays, made harmless where it is stored: formgrader, feedback pages and JupyterLab then show it alike.

Formgrader writes outputs and Markdown into its own page, and a script there acts with the instructor's rights. So of each output
only kinds stay that nothing can run in, HTML is cleaned, and Markdown is cleaned after it has become HTML.
"""

import re
from functools import cache, lru_cache
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbformat import NotebookNode

from helpers.checks.report import REPORT_MIME
from helpers.course.one_line import one_line
from helpers.notebooks.transplant import notes_of

# What reports, tables and prose are made of. Everything else is taken out.
TAGS = """a b blockquote br caption code dd details div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s small span strong sub
    summary sup table tbody td tfoot th thead tr u ul"""
PLAIN_ATTRIBUTES = ("class", "style", "title", "aria-hidden", "aria-label", "role", "alt", "colspan", "rowspan", "scope")
STYLES = """background background-color border border-bottom border-collapse border-left border-radius border-right border-top
    color color-scheme display font-family font-size font-style font-weight line-height list-style margin margin-bottom
    margin-left margin-right margin-top max-width min-width padding padding-left padding-right text-align text-indent
    vertical-align white-space width"""
PROTOCOLS = ("http", "https", "mailto", "data")
TRACE_MIME = "application/vnd.finetune-course.trace+json"  # a training trace, see `helpers.grading.judging.trace_note`
KEPT = ("text/plain", "image/png", "image/jpeg", REPORT_MIME, TRACE_MIME)  # shown by no program as markup
IS_ANCHOR = re.compile(r"read-[\w.-]+")  # the places on a feedback page that its advice leads to
# Of one output: characters of HTML apart from its pictures, and signs that open an element; of a notebook: characters. Cleaning
# 4000 elements in one another took 1.3 s, and it grows faster than their number; a table of 60 by 20 numbers has 1300.
MOST_HTML, MOST_OPENED, MOST_IN_ALL = 50_000, 2_000, 500_000
MOST_KNOWN = 300  # texts of which it is kept what became of them: a class shares its lesson's text, and many a report
_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_BASE64 = re.compile(r"base64,[A-Za-z0-9+/=\s]*")
_SCRIPT = re.compile(r"<(script|style|iframe|object|embed)\b.*?(</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_BASE64_TEXT = re.compile(r"[A-Za-z0-9+/=\s]*")


@lru_cache(maxsize=MOST_KNOWN)
def clean(markup: str) -> str:
    """`markup` without scripts, styles of its own, event handlers, frames, forms and images from elsewhere."""
    kept = {"tags": set(TAGS.split()), "attributes": _allowed, "protocols": PROTOCOLS}
    css = CSSSanitizer(allowed_css_properties=STYLES.split())
    return str(bleach.clean(_SCRIPT.sub("", markup), **kept, css_sanitizer=css, strip=True))


def _allowed(tag: str, name: str, value: str) -> bool:
    """Whether an attribute stays: the plain ones, links to pages, and pictures that are in the page itself."""
    if tag == "a" and name == "href":
        return not value.strip().lower().startswith("data:")
    if tag == "img" and name == "src":
        return _IMAGE.fullmatch(value) is not None
    if tag == "a" and name == "id":
        return IS_ANCHOR.fullmatch(value) is not None
    if name == "style" and ("(" in value.replace("rgb(", "").replace("rgba(", "") or "\\" in value):
        return False  # url() fetches; a backslash may spell it
    return name in PLAIN_ATTRIBUTES or (tag == "details" and name == "open")


def too_much(markup: str) -> bool:
    """Whether there is more HTML than is worth cleaning; the pictures in it do not count."""
    opened = markup.count("<") - markup.count("</")
    return opened > MOST_OPENED or (len(markup) > MOST_HTML and weight(markup) > MOST_HTML)


def weight(markup: str) -> int:
    """Characters of HTML apart from its pictures."""
    return len(_BASE64.sub("", markup))


def make_inert(notebook: NotebookNode) -> None:
    """Leave in a graded notebook's outputs what can be shown without running anything; pictures stay.

    Notes, and what ends a cell, are one line each. An output of which nothing is left says so.
    """
    notes_of(notebook)[:] = [one_line(note) for note in notes_of(notebook)]
    notebook.metadata.pop("widgets", None)
    left = MOST_IN_ALL
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.pop("transient", None)
            if output.output_type == "error":
                output.ename, output.evalue = one_line(output.ename, 100), one_line(output.evalue, 2000)
            if "data" in output:
                output.data, output.metadata = _plain(output.data, left), _words_for_pictures(output.get("metadata"))
                left -= weight(output.data.get("text/html", ""))


def _words_for_pictures(metadata: Any) -> NotebookNode:
    """Of what is noted about an output its pictures' text alternatives: sizes would be written into the page as they are."""
    noted = metadata.items() if isinstance(metadata, dict) else ()
    words = {kind: about["alt"] for kind, about in noted if kind in KEPT and isinstance(about, dict) and "alt" in about}
    return NotebookNode({kind: NotebookNode(alt=one_line(alt)) for kind, alt in words.items()})


def _plain(data: dict[str, Any], left: int) -> NotebookNode:
    """Of an output's kinds of content those that stay, as plain text or cleaned; so many characters of HTML have room."""
    joined = {kind: "".join(map(str, content)) if isinstance(content, list) else content for kind, content in data.items()}
    kept = {kind: content for kind, content in joined.items() if kind in KEPT and _is_of(kind, content)}
    markup = joined.get("text/html")
    if isinstance(markup, str) and not too_much(markup) and weight(markup) <= left:
        kept["text/html"] = clean(markup)
    if not kept:
        kept["text/plain"] = f"[not shown: {one_line(', '.join(map(str, data)), 200)}]"
    return NotebookNode(kept)


def _is_of(kind: str, content: Any) -> bool:
    """Whether content is what its kind says: templates write a picture's text into the page as it is."""
    if kind.startswith("image/"):
        return isinstance(content, str) and _BASE64_TEXT.fullmatch(content) is not None
    return kind.endswith("+json") or isinstance(content, str)


@cache
def _exporter() -> Any:
    from nbconvert.exporters import HTMLExporter

    return HTMLExporter(exclude_anchor_links=True)


@pass_context
def markdown2html(context: Any, source: str) -> str:
    """nbconvert's filter of this name, in whose place nbgrader_config.py puts it: Markdown as HTML without anything active."""
    return clean(_exporter().markdown2html(context, source))
