"""Does a feedback page give the reasons, and nothing that runs or that belongs to the test?"""

import re
from pathlib import Path

import pytest

from helpers.checks.outcome import Aspect, Report, missed
from helpers.errors import CourseError
from helpers.grading import classroom
from helpers.grading.course import Course
from helpers.grading.feedback import clean, feedback
from tests import small_course as small
from tests.small_course import LESSON, RIGHT

HOSTILE_OUTPUT = """from IPython.display import HTML, Javascript, SVG, display
display(HTML('<script>alert("from-html")</script><b onclick="alert(1)">bold words</b><iframe src="http://x.example"></iframe>'))
display(Javascript('alert("from-javascript")'))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg"><script>alert("from-svg")</script></svg>'))"""
HOSTILE_TEXT = """<script>alert("from-markdown")</script>

<img src=x onerror="alert(2)"> [a link](javascript:alert(3)) **strong words**"""
PROGRESS = """import time
for done in range(4):
    print(f"\\rcomputing: {done} of 3", end="", flush=True)
    time.sleep(0.3)
print("\\r                 \\rfinished", flush=True)"""
CURIOUS = "def double(x):\n    raise ValueError('the number was %r' % x)"


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    course = Course.here(small.once(tmp_path_factory, "feedback", _grade))
    (path,) = feedback(course, LESSON, "hostile")
    return path.read_text(encoding="utf-8")


def _grade(folder: Path) -> None:
    from nbformat.v4 import new_code_cell, new_markdown_cell

    course = small.make(folder)
    notebook = small.answered(course, {**RIGHT, "double": CURIOUS})
    notebook.cells[1:1] = [new_code_cell(HOSTILE_OUTPUT), new_markdown_cell(HOSTILE_TEXT), new_code_cell(PROGRESS)]
    small.hand_in(course, "hostile", notebook)
    classroom.grade(course, LESSON, workers=1, progress=False)


def test_no_script_handler_or_frame_is_left(page):
    body = page.split("<body", 1)[1]  # the head has nbgrader's own styles
    shown = re.sub(r"<pre.*?</pre>", "", body, flags=re.DOTALL)  # sources and printed text, escaped
    assert not re.search(r"<script|<iframe|<svg|onerror|onclick|href=.javascript:", shown, re.IGNORECASE)
    assert "<script" not in page and "default-src 'none'" in page
    assert "bold words" in page and "strong words" in page


def test_of_a_progress_bar_only_its_end_is_left(page):
    assert re.search(r"<pre>\s*finished\s*</pre>", page)
    assert not re.search(r"computing: \d of 3", page)


def test_hidden_tests_and_their_tracebacks_are_not_shown(page):
    assert "hidden" not in page.lower().replace("visibility: hidden", "").replace("overflow: hidden", "").split("<body")[1]
    assert "4 * sum" not in page.split("the test cell stopped with ValueError")[1]


def test_marks_and_reasons_are_on_the_page(page):
    text = re.sub(r"<[^>]+>", " ", page)
    assert re.search(r"double\s+0\s+4\s+colour\s+2\s+2", text)
    assert "the test cell stopped with ValueError: the number was 1" in text


def test_our_own_reports_keep_their_look():
    report = Report("freeze_base", (Aspect("base", "the base is <frozen>"),), points=6)
    report.add([missed("base", "x", found="a", expected="b", likely="c")])
    html = report._repr_html_()
    kept = clean(html)
    assert re.sub(r"[\s;'\"]|&nbsp;|\xa0", "", kept) == re.sub(r"[\s;'\"]|&nbsp;|\xa0", "", html)


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        "<SCRIPT src=//x.example></SCRIPT>",
        "<script>alert(1)",
        "<scr<script></script>ipt>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<img src='data:image/svg+xml;base64,AAAA'>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href=' data:text/html,x'>x</a>",
        "<div style='background:url(http://x.example/a)'>x</div>",
        "<style>body{display:none}</style>",
        "<form action=//x.example><input></form>",
        "<meta http-equiv=refresh content='0;url=//x.example'>",
        "<svg onload=alert(1)>",
    ],
)
def test_nothing_that_runs_or_loads_survives(markup):
    unwanted = r"<script|javascript:|onerror|onload|x\.example|data:|<style|<form|<meta|<svg"
    assert not re.search(unwanted, clean(markup), re.IGNORECASE)


def test_pictures_in_the_page_stay_with_their_text():
    picture = '<img alt="a curve" src="data:image/png;base64,iVBORw0KGgo=">'
    assert clean(picture) == picture


def test_without_grading_there_is_one_sentence(tmp_path):
    course = small.make(tmp_path / "course")
    with pytest.raises(CourseError, match="There is nothing graded for 01_small: run"):
        feedback(course, LESSON)
