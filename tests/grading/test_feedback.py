"""Does a feedback page give the reasons, and nothing that runs or that belongs to the test?"""

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.checks import display
from helpers.checks.report import REPORT_MIME, Aspect, Report, failed
from helpers.course.errors import CourseError
from helpers.grading.feedback import one_page, pages, read_again, trace_picture
from helpers.grading.feedback.pages import PageLimits, feedback
from helpers.grading.judging import judged_run, trace_note
from helpers.grading.nbgrader_course import Course
from helpers.grading.submission.inert import clean
from helpers.notebooks import masters, pitfalls
from tests.support import small_course as small
from tests.support.small_course import LESSON, RIGHT

HOSTILE_OUTPUT = """from IPython.display import HTML, Javascript, SVG, display
display(HTML('<script>alert("from-html")</script><b onclick="alert(1)">bold words</b><iframe src="http://x.example"></iframe>'))
display(Javascript('alert("from-javascript")'))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg"><script>alert("from-svg")</script></svg>'))"""
HOSTILE_TEXT = """<script>alert("from-markdown")</script>

<img src=x onerror="alert(2)"> [a link](javascript:alert(3)) **strong words**"""
PITFALL = """[[pitfall]]
pitfall = "{}"
happens = "{}"
source = "measured"
taught = ["{}#task-{}"]
tested = ["{}"]
"""
PITFALLS = PITFALL.format("`x ** 2` in place of `2 * x`", "right for 0 and 2 alone", LESSON, "double", "double")
PITFALLS += PITFALL.format("The sea", "it has the sky's colour", LESSON, "colour", "colour")
PROGRESS = """import time
for done in range(4):
    print(f"\\rcomputing: {done} of 3", end="", flush=True)
    time.sleep(0.3)
print("\\r                 \\rfinished", flush=True)"""
RECORDS = [
    {"epoch": n, "lr": 1e-3, "train_loss": 1 / n, "train_accuracy": 0.5, "val_loss": 1.1 / n, "val_accuracy": 1 - 1 / n}
    for n in (1, 2, 3)
]
CURIOUS = "def double(x):\n    raise ValueError('the number was %r' % x)"


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    course = Course.here(small.once(tmp_path_factory, "feedback", _grade))
    (path,) = feedback(course, LESSON, "hostile").paths
    return path.read_text(encoding="utf-8")


def _grade(folder: Path) -> None:
    course = small.make(folder)
    (folder / "docs").mkdir()
    (folder / pitfalls.DATA).write_text(PITFALLS, encoding="utf-8")
    notebook = small.answered(course, {**RIGHT, "double": CURIOUS})
    notebook.cells[1:1] = [new_code_cell(HOSTILE_OUTPUT), new_markdown_cell(HOSTILE_TEXT), new_code_cell(PROGRESS)]
    small.hand_in(course, "hostile", notebook)
    small.grade_here(course)


def test_what_is_stored_for_formgrader_runs_nothing_either(tmp_path_factory, page):
    course = Course.here(small.once(tmp_path_factory, "feedback", _grade))
    graded = masters.read(course.folder("autograded", "hostile", LESSON) / f"{LESSON}.ipynb")
    stored = str([cell.get("outputs") for cell in graded.cells])
    assert "bold words" in stored and not re.search(r"from-html|from-javascript|from-svg|onclick|iframe", stored)


def test_what_a_page_quotes_is_bounded():
    vast = "([{" * 100_000
    outputs = [new_output("stream", text=vast), new_output("error", ename="E", evalue="", traceback=[vast])]
    outputs += [new_output("display_data", {"text/html": f"<b>{vast}", "text/plain": vast})]
    notebook = new_notebook(cells=[*(new_code_cell(vast, outputs=outputs) for _ in range(40)), new_markdown_cell(vast)])
    quoted, _ = one_page.PlainPage().preprocess(notebook, {})
    assert len(nbformat.writes(quoted)) < 2 * one_page.MOST_IN_ALL
    assert quoted.cells[0].source.startswith(vast[: one_page.MOST_QUOTED]) and "280000 more characters" in quoted.cells[0].source
    assert "text/html" not in quoted.cells[0].outputs[2].data


def test_cells_made_one_by_one_are_what_nbconvert_makes_of_all_together():
    notebook = masters.read(masters.path_of("solutions", "03_freeze_base"))
    picture = new_output("display_data", {"image/png": "aGk=", "text/plain": "a < b"})
    outputs = [picture, new_output("stream", text="\n one\n\n")]
    notebook.cells[2:2] = [new_code_cell("x = '<b>'", outputs=outputs), new_markdown_cell("\n\n<pre>\n\n")]
    whole, _ = one_page._cells().from_notebook_node(notebook)
    assert one_page.cells_as_html(notebook) == whole == one_page.cells_as_html(notebook)


def test_who_has_no_page_is_named_and_gets_a_plain_one(tmp_path_factory, page):
    course = Course.here(small.once(tmp_path_factory, "feedback", _grade))
    made = feedback(course, LESSON, "hostile", limits=PageLimits(memory_mb=0))
    assert list(made.plain) == ["hostile"] and "marks and reasons alone" in made.plain["hostile"]
    plain = made.paths[0].read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>|\s+", " ", plain)
    assert re.search(r"double\s+0\s+4\s+colour\s+2\s+2", text) and "the test cell stopped with ValueError" in text
    assert "default-src 'none'" in plain and "bold words" not in plain
    assert pages._why(None, PageLimits()) == "making the page took more than 400 s"
    hasty = feedback(course, LESSON, "hostile", limits=PageLimits(seconds=0)).plain["hostile"]
    assert "0 s of processor time" in hasty
    assert "1500 MB" in pages._why(pages.OUT_OF_MEMORY, PageLimits())
    assert feedback(course, LESSON, "hostile").plain == {}, "within the limits it is made"


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
    assert "hidden" not in page.lower().replace("aria-hidden", "").split("<body")[1]
    assert "4 * sum" not in page


def test_marks_and_reasons_are_on_the_page(page):
    text = re.sub(r"<[^>]+>", " ", page)
    assert re.search(r"your marks\s+2\s+of 6 points", text)
    assert re.search(r"double\s+0\s+of 4", text) and re.search(r"colour\s+2\s+of 2", text)
    assert "the test cell stopped with ValueError: the number was 1" in text and "Test cell" not in text


def test_the_page_names_its_language_and_underlines_links(page):
    parsed = BeautifulSoup(page, "html.parser")
    assert parsed.html["lang"] == "en" and "text-decoration: underline" in parsed.style.string
    assert len(parsed.select("section.card")) == 2 and parsed.select_one("details.notebook:not([open])")
    ids = {tag["id"] for tag in parsed.find_all(id=True)}
    assert {link["href"][1:] for link in parsed.select("a[href^='#']")} <= ids


def test_cells_that_were_not_run_are_said_to_be(page):
    assert "were not run for grading, and show no output here: 3 of them" in page  # the number and the visible checks


def test_a_known_reason_leads_to_the_place_of_that_mistake():
    cells = [new_markdown_cell("## One", id="one"), new_markdown_cell("## Two", id="two"), new_code_cell("", id="freeze_base")]
    test = new_code_cell("", id="test_freeze_base", metadata={"nbgrader": {"grade_id": "test_freeze_base"}})
    cells.append(test)
    whole = read_again.advice(new_notebook(cells=cells), "03_freeze_base", ["freeze_base"], small.REPOSITORY)["freeze_base"]
    assert whole[0] == "- [Two](#read-two)" and len(whole) > 2
    report = {"aspects": [{"key": "base", "passed": False, "reason": "attribute_on_module"}]}
    test.outputs = [new_output("display_data", {REPORT_MIME: report})]
    (line,) = read_again.advice(new_notebook(cells=cells), "03_freeze_base", ["freeze_base"], small.REPOSITORY)["freeze_base"]
    assert line.startswith("- `model.requires_grad = False`, or a misspelt")


def test_what_is_not_right_leads_to_its_part_and_pitfalls(page):
    advice = BeautifulSoup(page, "html.parser").select_one("#card-double ul").decode_contents()
    assert '<a href="#read-intro">01 · Small</a>' in advice
    assert "<code>x ** 2</code> in place of <code>2 * x</code>: right for 0 and 2 alone" in advice
    assert '<a id="read-intro"></a>' in page
    assert "The sea" not in page, "the exercise that is right has nothing to read again"


def test_a_part_is_the_last_one_above_and_other_lessons_are_named(tmp_path):
    def lesson(*cells):
        return new_notebook(cells=[*cells], metadata={"finetune": {"extra": ["mine"]}})

    path = masters.path_of("notebooks", "01_other", tmp_path)
    path.parent.mkdir(parents=True)
    other = lesson(new_markdown_cell("# 01 · Other\n\n## Where `x` comes from", id="a"), new_code_cell("x", id="x-run"))
    path.write_text(masters.text(other), encoding="utf-8")
    (tmp_path / "docs").mkdir()
    rows = PITFALLS.replace(f'["{LESSON}#task-double"]', '["01_other#x-run", "02_here#c"]').replace("task-colour", "gone")
    (tmp_path / pitfalls.DATA).write_text(rows, encoding="utf-8")
    here = lesson(
        new_markdown_cell("# 02 · Here", id="top"),
        new_markdown_cell("read on\n\n## Twice", id="c"),
        new_markdown_cell("# A heading of the learner's own", id="mine"),
        new_markdown_cell("### Exercise 1", id="task-double"),
        new_code_cell("", id="double"),
        new_code_cell("", id="colour"),
    )
    lines = read_again.advice(here, "02_here", ["double", "colour", "elsewhere"], tmp_path)
    assert lines["double"][0] == "- [Twice](#read-c)"
    assert lines["double"][1].endswith("(lesson 01, “Where x comes from”, [Twice](#read-c))")
    assert lines["colour"] == ["- [Twice](#read-c)", "- The sea: it has the sky's colour"] and lines["elsewhere"] == []
    assert [cell.id for cell in here.cells if cell.source.startswith("<a id=")] == ["c"]


def test_a_trace_that_the_judge_was_shown_is_drawn():
    """The way of a history through judge, graded notebook and feedback page."""
    with display.collected() as shown:
        for name, value in {"head_history": RECORDS, "colour": "blue", "model": [1, 2]}.items():
            trace_note.note(name, value)
    graded = new_notebook(cells=[new_code_cell("", outputs=judged_run._displays(shown, 100_000))])
    (kept,) = graded.cells[0].outputs
    assert kept.data["text/plain"].startswith("head_history\nepoch")
    trace_picture.draw(graded)
    html = graded.cells[0].outputs[0].data["text/html"]
    assert "Your trace, head_history." in html and html.startswith("<img alt=")
    assert clean(html).count("data:image/png;base64,") == 1


def test_what_a_test_cell_shows_has_the_limit_of_outputs():
    outputs = judged_run._displays(["a" * 300, "b" * 300, "c"], 500)
    assert [output.output_type for output in outputs] == ["display_data", "stream"] and "was cut" in outputs[1].text


@pytest.mark.parametrize(
    "value",
    [
        RECORDS[:1],
        [*RECORDS, {}],
        [*RECORDS, {**RECORDS[0], "val_loss": float("nan")}],
        [*RECORDS, {**RECORDS[0], "val_loss": "<script>"}],
        [*RECORDS, {**RECORDS[0], "lr": 1e300}],
        RECORDS * 100,
        {"records": RECORDS},
    ],
)
def test_what_is_no_trace_is_not_drawn(value):
    assert trace_note.drawable(value) == []


def test_our_own_reports_keep_their_look():
    report = Report("freeze_base", (Aspect("base", "the base is <frozen>"),), points=6)
    report.add([failed("base", "x", found="a", expected="b", likely="c")])
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
