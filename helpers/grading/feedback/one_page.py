"""One feedback page: marks, reasons and the learner's own work; no hidden test, and nothing in it that runs.

Parts that nbgrader's ``generate_feedback`` plugs in (see ``nbgrader_config.py``); `helpers.grading.feedback.pages` makes a
class's pages with them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bleach
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from helpers.course.one_line import one_line
from helpers.grading.feedback.read_again import advice
from helpers.grading.feedback.trace_picture import draw
from helpers.grading.submission.inert import make_inert, markdown2html, too_much
from helpers.notebooks import masters
from helpers.notebooks.handed_in import KEY
from helpers.notebooks.transplant import notes_of
from helpers.reports.page import POLICY  # whatever slips through, the browser is told not to run and not to load

# Bootstrap, which nbgrader's page uses, takes the padding from tables and the triangle from folds.
LOOK = "<style>th,td{padding:.15em .7em;text-align:right} summary{display:list-item;cursor:pointer} img{max-width:100%}</style>"
# What a page quotes at most, in characters: of one source or output, and of all together. Highlighting took up to 0.5 s for 20 kB
# of unusual text; the sources of our own lessons have 30 kB at most, all cells of one together.
MOST_QUOTED, MOST_IN_ALL = 20_000, 400_000


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
        waiting, penalty = _waiting(resources)
        root = Path(self.parent.parent.coursedir.root)
        again = advice(nb, resources["nbgrader"]["assignment"], _not_right(nb, waiting), root)
        nb.cells.insert(0, new_markdown_cell(_summary(nb, waiting, again, penalty)))
        return nb, resources


def _waiting(resources: ResourcesDict) -> tuple[set[str], float]:
    """The grade_ids of answers that nobody has marked by hand yet, and what lateness costs."""
    names = resources["nbgrader"]
    with Gradebook(names["db_url"]) as gradebook:
        notebook = gradebook.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
        waiting = {grade.name for grade in notebook.grades if grade.needs_manual_grade and grade.manual_score is None}
        return waiting, notebook.late_submission_penalty or 0.0


def _not_right(nb: NotebookNode, waiting: set[str]) -> list[str]:
    """The exercises that have been marked and have less than all of their points, in order."""
    graded = [cell.metadata.nbgrader for cell in nb.cells if utils.is_grade(cell)]
    lacking = [info for info in graded if float(info.get("score") or 0) < float(info.points) and info.grade_id not in waiting]
    return [info.grade_id.removeprefix("test_") for info in lacking]


def _summary(nb: NotebookNode, waiting: set[str], again: list[str], penalty: float) -> str:
    """The marks as a Markdown table, what was noticed about the file, and what to read again."""
    lines = ["# Your marks", "", "| exercise | points | of |", "|---|---|---|"]
    for cell in filter(utils.is_grade, nb.cells):
        info = cell.metadata.nbgrader
        mark = "not marked yet" if info.grade_id in waiting else f"{float(info.get('score') or 0):g}"
        lines.append(f"| {info.grade_id.removeprefix('test_')} | {mark} | {float(info.points):g} |")
    if penalty:
        lines.append(f"| handed in late | {-penalty:g} | |")
    notes = [f"- {note}" for note in notes_of(nb)]
    if notes:
        lines += ["", "**About your file:**", "", *(bleach.clean(one_line(note)) for note in notes)]
    lines += ["", "The reasons stand below, under each test cell."]
    skipped = nb.metadata.get(KEY, {}).get("skipped", 0)
    if isinstance(skipped, int) and skipped > 0:
        lines += ["", f"Cells that no mark depends on were not run for grading, and show no output here: {skipped} of them."]
    if again:
        lines += ["", "## What to read again", "", *again]
    return "\n".join(lines)


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


class FeedbackExporter(HTMLExporter):
    """nbgrader's feedback page without scripts: Markdown is cleaned after it has become HTML."""

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        yield from super().default_filters()
        yield "markdown2html", markdown2html

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kwargs: Any) -> tuple[str, ResourcesDict]:
        page, resources = super().from_notebook_node(nb, resources, **kwargs)
        head = f'<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        scripts_gone = re.sub(r"<script\b.*?</script\s*>", "", page, flags=re.DOTALL | re.IGNORECASE)
        return scripts_gone.replace("<head>", head, 1).replace("</head>", f"{LOOK}</head>", 1), resources
