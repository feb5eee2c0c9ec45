"""One feedback page: marks, reasons and the learner's own work; no hidden test, and nothing in it that runs.

Parts that nbgrader's ``generate_feedback`` plugs in (see ``nbgrader_config.py``); `helpers.grading.feedback.pages` makes a
class's pages with them.
"""

import json
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from nbconvert.exporters import Exporter, HTMLExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbconvert.filters import Highlight2HTML, clean_html
from nbformat import NotebookNode, from_dict
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from helpers.checks.report import NOTED
from helpers.course.one_line import one_line
from helpers.grading.feedback.cards import cards
from helpers.grading.feedback.read_again import advice
from helpers.grading.feedback.trace_picture import draw
from helpers.grading.submission.inert import MOST_KNOWN, make_inert, markdown2html, too_much
from helpers.notebooks import masters
from helpers.notebooks.handed_in import KEY
from helpers.notebooks.transplant import notes_of
from helpers.reports.page import fill  # with a policy: whatever slips through, the browser is told not to run and not to load

TEMPLATE = Path(__file__).with_name("templates") / "marks.html"
# What a page quotes at most, in characters: of one source or output, and of all together. Highlighting took up to 0.5 s for 20 kB
# of unusual text; the sources of our own lessons have 30 kB at most, all cells of one together.
MOST_QUOTED, MOST_IN_ALL = 20_000, 400_000


class Marks(NbGraderPreprocessor):
    """nbgrader's GetGrades, which asks for each mark by itself and opens the gradebook anew for each page."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        names = resources["nbgrader"]
        gradebook = _gradebook(names["db_url"])
        try:
            notebook = gradebook.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
            grades = {grade.name: grade for grade in notebook.grades}
            comments = {comment.name: comment.comment for comment in notebook.comments}
            waiting = {name for name, grade in grades.items() if grade.needs_manual_grade and grade.manual_score is None}
            names |= {"waiting": waiting, "penalty": notebook.late_submission_penalty or 0.0}
            for cell in nb.cells:
                info = cell.metadata.get("nbgrader", {})
                if utils.is_solution(cell) or utils.is_task(cell):
                    info["comment"] = comments[info["grade_id"]]
                if utils.is_grade(cell) or utils.is_task(cell):
                    info["score"], info["points"] = grades[info["grade_id"]].score, grades[info["grade_id"]].max_score
        finally:
            gradebook.db.remove()
        return nb, resources


@lru_cache(maxsize=1)
def _gradebook(url: str) -> Gradebook:
    return Gradebook(url)


class HideTests(NbGraderPreprocessor):
    """Say what the marks stand on, and take hidden tests and their tracebacks out of the test cells.

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
        names, root = resources["nbgrader"], Path(self.parent.parent.coursedir.root)
        names["again"] = advice(nb, names["assignment"], _not_right(nb, names["waiting"]), root)
        return nb, resources


def _not_right(nb: NotebookNode, waiting: set[str]) -> list[str]:
    """The exercises that have been marked and have less than all of their points, in order."""
    graded = [cell.metadata.nbgrader for cell in nb.cells if utils.is_grade(cell)]
    lacking = [info for info in graded if float(info.get("score") or 0) < float(info.points) and info.grade_id not in waiting]
    return [info.grade_id.removeprefix("test_") for info in lacking]


class PlainPage(NbGraderPreprocessor):
    """Keep of the outputs what can be shown without running anything, and of all that is quoted a bounded part."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        make_inert(nb)
        left = MOST_IN_ALL
        for cell in nb.cells:
            cell.source = _quoted(cell.source, left)
            left -= len(cell.source)
            for output in cell.get("outputs", []):
                left -= _bound(output, left)
        return nb, resources


def _bound(output: NotebookNode, left: int) -> int:
    """Cut what an output quotes; returns its length. Pictures do not count; reports for programs go, since nothing shows them."""
    if "data" in output:
        if too_much(output.data.get("text/html", "")) or left <= 0:
            output.data.pop("text/html", None)
        output.data = NotebookNode({kind: content for kind, content in output.data.items() if not kind.endswith("+json")})
        output.data["text/plain"] = _quoted(output.data.get("text/plain", ""), left)
        return len(output.data["text/plain"]) + min(MOST_QUOTED, len(output.data.get("text/html", "")))
    if "text" in output:
        output.text = _quoted(output.text, left)
        return len(output.text)
    output.traceback = [_quoted("\n".join(output.get("traceback", [])), left)]
    return len(output.traceback[0])


def _quoted(text: str, left: int) -> str:
    """As much of a text as a page quotes of it, where so many characters are left for the page."""
    most = max(0, min(MOST_QUOTED, left))
    return text if len(text) <= most else f"{text[:most]}\n... {len(text) - most} more characters are not shown here"


@lru_cache(maxsize=MOST_KNOWN)
def _highlighted(source: str, lexer: str) -> str:
    return Highlight2HTML(pygments_lexer=lexer)(source)


@lru_cache(maxsize=MOST_KNOWN)
def _cleaned(markup: str) -> str:
    return clean_html(markup)


@pass_context
def _code(context: Context, source: str, language: str | None = None, metadata: Any = None) -> str:
    info = context["nb"].metadata.get("language_info", {})
    return _highlighted(source, language or info.get("pygments_lexer", info.get("name")))


def _text(element: str | bytes) -> str:
    return _cleaned(element.decode() if isinstance(element, bytes) else str(element))


@cache
def _cells() -> HTMLExporter:
    """nbconvert's way to make HTML of cells. Markdown is cleaned after it has become HTML."""
    filters = {"markdown2html": markdown2html, "highlight_code": _code, "clean_html": _text}
    return HTMLExporter(template_name="basic", filters=filters, default_preprocessors=[])


@lru_cache(maxsize=MOST_KNOWN)
def _as_html(notebook: str) -> str:
    """The HTML of a notebook as JSON, which has one cell: in a class most cells are equal."""
    return _cells().from_notebook_node(from_dict(json.loads(notebook)))[0].strip("\n")


def cells_as_html(nb: NotebookNode) -> str:
    """The cells of a notebook, one below the other, as nbconvert makes them of the whole; each is made once for a class."""
    about = {name: nb[name] for name in ("nbformat", "nbformat_minor")}
    about["metadata"] = {"language_info": nb.metadata.get("language_info", {})}
    return "".join(f"{_as_html(json.dumps({**about, 'cells': [cell]}, sort_keys=True))}\n" for cell in nb.cells)


class FeedbackExporter(HTMLExporter):
    """The feedback page: cards on top, the notebook below, and no scripts."""

    def _preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        nb, resources = super()._preprocess(nb, resources)
        known = resources["nbgrader"]
        skipped = nb.metadata.get(KEY, {}).get("skipped", 0)
        known["page"] = {
            "cards": cards(nb, known.pop("waiting"), known.pop("again")),
            "notes": [one_line(note) for note in notes_of(nb)],
            "skipped": skipped if isinstance(skipped, int) and skipped > 0 else 0,
        }
        return nb, resources

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kwargs: Any) -> tuple[str, ResourcesDict]:
        nb, resources = Exporter.from_notebook_node(self, nb, resources, **kwargs)  # the steps before the page
        body = cells_as_html(nb)
        known = resources["nbgrader"]
        penalty, shown = known["penalty"], known["page"]
        marks = [card for card in shown["cards"] if card.status != NOTED]
        score = max(0.0, sum(float(card.points) for card in marks) - penalty)
        late = f", {penalty:g} taken off for lateness" if penalty else ""
        maximum = f"{sum(float(card.maximum) for card in shown['cards']):g}"
        scripts_gone = Markup(re.sub(r"<script\b.*?</script\s*>", "", body, flags=re.DOTALL | re.IGNORECASE))
        values = {"lesson": known["assignment"], "score": f"{score:g}", "maximum": maximum, "late": late, "body": scripts_gone}
        return fill(TEMPLATE, **values, **shown), resources
