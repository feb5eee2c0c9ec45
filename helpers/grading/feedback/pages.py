"""Feedback pages: marks, reasons and the learner's own work; no hidden test, and nothing in them that runs."""

import re
from glob import escape as escape_glob
from pathlib import Path
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor

from helpers.course.errors import CourseError
from helpers.grading.feedback.read_again import IS_ANCHOR, advice
from helpers.grading.feedback.trace_picture import draw
from helpers.grading.nbgrader_course import Course, quiet_converters
from helpers.notebooks import masters
from helpers.notebooks.handed_in import KEY
from helpers.notebooks.transplant import notes_of
from helpers.reports.page import POLICY  # whatever slips through, the browser is told not to run and not to load

# What reports, tables and prose are made of. Everything else is taken out of a page.
TAGS = """a b blockquote br caption code dd details div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s small span strong sub
    summary sup table tbody td tfoot th thead tr u ul"""
PLAIN_ATTRIBUTES = ("class", "style", "title", "aria-hidden", "aria-label", "role", "alt", "colspan", "rowspan", "scope")
STYLES = """background background-color border border-bottom border-collapse border-left border-radius border-right border-top
    color display font-family font-size font-style font-weight line-height list-style margin margin-bottom margin-left
    margin-right margin-top max-width min-width padding padding-left padding-right text-align vertical-align white-space width"""
PROTOCOLS = ("http", "https", "mailto", "data")
PLAIN_TYPES = ("text/plain", "image/png", "image/jpeg")  # shown by nbconvert without being read as markup
# Bootstrap, which nbgrader's page uses, takes the padding from tables and the triangle from folds.
LOOK = "<style>th,td{padding:.15em .7em;text-align:right} summary{display:list-item;cursor:pointer} img{max-width:100%}</style>"
_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_SCRIPT = re.compile(r"<(script|style|iframe|object|embed)\b.*?(</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)


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


class HideTests(NbGraderPreprocessor):
    """Put the marks on top, and take hidden tests and their tracebacks out of the test cells.

    nbgrader's own ClearHiddenTests stops at a learner's cell with the marker in it; here only the instructor's are looked at.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        tests = [cell for cell in nb.cells if utils.is_grade(cell) and not utils.is_solution(cell)]
        for cell in tests:
            cell.source = masters.without_hidden_tests(cell.source)
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    output.evalue = ""
                    output.traceback = [f"{output.ename} (the details belong to the test and are not shown)"]
        draw(nb)
        waiting = _waiting(resources)
        root = Path(self.parent.parent.coursedir.root)
        again = advice(nb, resources["nbgrader"]["assignment"], _not_right(nb, waiting), root)
        nb.cells.insert(0, new_markdown_cell(_summary(nb, waiting, again)))
        return nb, resources


def _waiting(resources: ResourcesDict) -> set[str]:
    """The grade_ids of answers that nobody has marked by hand yet."""
    names = resources["nbgrader"]
    with Gradebook(names["db_url"]) as gradebook:
        notebook = gradebook.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
        return {grade.name for grade in notebook.grades if grade.needs_manual_grade and grade.manual_score is None}


def _not_right(nb: NotebookNode, waiting: set[str]) -> list[str]:
    """The exercises that have been marked and have less than all of their points, in order."""
    graded = [cell.metadata.nbgrader for cell in nb.cells if utils.is_grade(cell)]
    lacking = [info for info in graded if float(info.get("score") or 0) < float(info.points) and info.grade_id not in waiting]
    return [info.grade_id.removeprefix("test_") for info in lacking]


def _summary(nb: NotebookNode, waiting: set[str], again: list[str]) -> str:
    """The marks as a Markdown table, what was noticed about the file, and what to read again."""
    lines = ["# Your marks", "", "| exercise | points | of |", "|---|---|---|"]
    for cell in filter(utils.is_grade, nb.cells):
        info = cell.metadata.nbgrader
        mark = "not marked yet" if info.grade_id in waiting else f"{float(info.get('score') or 0):g}"
        lines.append(f"| {info.grade_id.removeprefix('test_')} | {mark} | {float(info.points):g} |")
    notes = [f"- {note}" for note in notes_of(nb)]
    if notes:
        lines += ["", "**About your file:**", "", *(bleach.clean(note) for note in notes)]
    lines += ["", "The reasons stand below, under each test cell."]
    skipped = nb.metadata.get(KEY, {}).get("skipped", 0)
    if isinstance(skipped, int) and skipped > 0:
        lines += ["", f"Cells that no mark depends on were not run for grading, and show no output here: {skipped} of them."]
    if again:
        lines += ["", "## What to read again", "", *again]
    return "\n".join(lines)


class PlainPage(NbGraderPreprocessor):
    """Keep of the outputs what can be shown without running anything; see `clean` for HTML."""

    def preprocess_cell(self, cell: NotebookNode, resources: ResourcesDict, index: int) -> tuple[NotebookNode, ResourcesDict]:
        for output in cell.get("outputs", []):
            if "data" in output:
                data = {kind: output.data[kind] for kind in PLAIN_TYPES if kind in output.data}
                if "text/html" in output.data:
                    data["text/html"] = clean("".join(output.data["text/html"]))  # one text, or its lines
                output.data = NotebookNode(data)
        return cell, resources


class FeedbackExporter(HTMLExporter):
    """nbgrader's feedback page without scripts: Markdown is cleaned after it has become HTML."""

    exclude_anchor_links = True

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        return clean(super().markdown2html(context, source))

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kwargs: Any) -> tuple[str, ResourcesDict]:
        page, resources = super().from_notebook_node(nb, resources, **kwargs)
        head = f'<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        scripts_gone = re.sub(r"<script\b.*?</script\s*>", "", page, flags=re.DOTALL | re.IGNORECASE)
        return scripts_gone.replace("<head>", head, 1).replace("</head>", f"{LOOK}</head>", 1), resources


def feedback(course: Course, lesson: str, student: str | None = None) -> list[Path]:
    """Write the pages of one lesson (or of one learner) to ``feedback/``; returns their paths.

    Raises:
        CourseError: nothing has been graded, or a page could not be made (names the log).
    """
    pattern = escape_glob(student) if student else "*"
    if not list((course.root / "autograded").glob(f"{pattern}/{lesson}/{lesson}.ipynb")):
        raise CourseError(f"There is nothing graded for {lesson}: run `python -m helpers grade {lesson}` first.")
    log = course.root / ".course" / "log" / lesson / "feedback.log"
    with quiet_converters(log):
        converter = GenerateFeedback(coursedir=course.directory(assignment_id=lesson, student_id=pattern), config=course.config)
        converter.force = True
        try:
            converter.start()
        except NbGraderException:
            raise CourseError(f"Some feedback pages could not be made: see {log}.") from None
    return sorted((course.root / "feedback").glob(f"{pattern}/{lesson}/{lesson}.html"))
