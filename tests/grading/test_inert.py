"""Is all that a learner's code displays harmless where it is stored and where formgrader shows it?"""

import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.checks.report import REPORT_MIME
from helpers.grading.nbgrader_course import Course
from helpers.grading.submission.inert import MOST_HTML, make_inert
from helpers.notebooks.transplant import notes_of
from tests.support.small_course import REPOSITORY

CHANGE = "document.title = 'changed'"
IMAGE = f'<img src="x" onerror="{CHANGE}">'
PNG = "iVBORw0KGgo="
# What would change the title of the page that shows it: content by kind.
ACTIVE = [
    {"text/html": f"<b>bold</b><script>{CHANGE}</script>{IMAGE}", "text/plain": "plain"},
    {"text/html": ["<b>bold</b>", IMAGE], "text/plain": ["pl", "ain"]},
    {"application/javascript": CHANGE, "text/plain": "plain"},
    {"image/svg+xml": f'<svg onload="{CHANGE}"></svg>', "text/plain": "plain"},
    {"text/markdown": IMAGE, "text/plain": "plain"},
    {"text/latex": IMAGE, "text/plain": "plain"},
    {"application/vnd.jupyter.widget-view+json": {"model_id": IMAGE}, "text/plain": "plain"},
    {"image/png": f'"><script>{CHANGE}</script>', "text/plain": "plain"},
    {"text/html": f"<b>bold</b>{IMAGE}" + "<div>" * MOST_HTML, "text/plain": "plain"},
]


def stored(*outputs, **metadata):
    """A graded notebook with these outputs, made inert."""
    notebook = new_notebook(cells=[new_code_cell("", outputs=list(outputs))], metadata=metadata)
    make_inert(notebook)
    return notebook


def shown(notebook):
    """The page that nbconvert makes of it with this course's settings, as formgrader does."""
    page, _ = HTMLExporter(config=Course.here(REPOSITORY).config, template_name="classic").from_notebook_node(notebook)
    return BeautifulSoup(page, "html.parser").body


def active(page):
    """What in it could change the title."""
    handlers = [tag for tag in page(True) if any(name.startswith("on") for name in tag.attrs)]
    return [tag for tag in [*page(["script", "svg", "iframe"]), *handlers] if CHANGE in str(tag)]


@pytest.mark.parametrize("data", ACTIVE)
def test_nothing_that_is_displayed_can_change_the_page(data):
    notebook = stored(new_output("display_data", data))
    (output,) = notebook.cells[0].outputs
    assert "onerror" not in str(output) and "script" not in str(output)
    assert output.data["text/plain"] == "plain"
    assert active(shown(notebook)) == []


def test_a_page_would_be_changed_without_it():
    """The test above can fail."""
    notebook = new_notebook(cells=[new_code_cell("", outputs=[new_output("display_data", ACTIVE[0])])])
    assert active(shown(notebook))


def test_pictures_stay_with_their_words_and_without_sizes_that_are_markup():
    metadata = {"image/png": {"alt": "a curve", "width": f"1 onload={CHANGE}"}}
    notebook = stored(new_output("display_data", {"image/png": PNG}, metadata=metadata), widgets={"x": IMAGE})
    image = shown(notebook).find("img")
    assert (image["src"], image["alt"], "width" in image.attrs) == (f"data:image/png;base64,{PNG}", "a curve", False)
    assert "widgets" not in notebook.metadata
    picture = f'<img alt="a curve" src="data:image/png;base64,{PNG * 20_000}">'
    assert stored(new_output("display_data", {"text/html": picture})).cells[0].outputs[0].data["text/html"] == picture


def test_an_output_of_which_nothing_is_left_says_so_and_a_report_for_programs_stays():
    left, report = (
        stored(new_output("display_data", {"x/y\nz": "a"}), new_output("display_data", {REPORT_MIME: {"a": 1}})).cells[0].outputs
    )
    assert left.data == {"text/plain": r"[not shown: x/y\nz]"}
    assert report.data == {REPORT_MIME: {"a": 1}}


def test_names_of_errors_and_notes_are_one_line():
    forged = "Error\nada: 14 of 14\x1b[2J"
    notebook = new_notebook(cells=[new_code_cell("", outputs=[new_output("error", ename=forged, evalue=forged, traceback=[])])])
    notes_of(notebook).append(forged)
    make_inert(notebook)
    (error,) = notebook.cells[0].outputs
    assert {error.ename, error.evalue, *notes_of(notebook)} == {r"Error\nada: 14 of 14\x1b[2J"}


@pytest.mark.parametrize("source", [IMAGE, f"<script>{CHANGE}</script>", f"[x](javascript:{CHANGE})", f"`a < b`\n\n{IMAGE}"])
def test_markdown_of_a_learners_changes_nothing(source):
    page = shown(new_notebook(cells=[new_markdown_cell(f"**strong** {source}")]))
    assert active(page) == [] and page.find("strong") and not [a for a in page("a") if "javascript" in a.get("href", "")]
