"""Do reports, checks, hints and solutions say and count what they should, and does every exercise stand where its name says?"""

import ast
import importlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from unittest.mock import Mock

import nbformat
import pytest

from helpers.checks.display import Hints, Solution, show
from helpers.checks.exercise import LESSONS, Exercise, NotAttempted, in_rounds
from helpers.checks.report import NOT_ATTEMPTED, NOT_YET, RIGHT, Aspect, Finding, Report, failed, passed, passed_if
from helpers.course import progress, settings
from helpers.course.errors import CourseError
from tests.support.notebook_cells import ROOT, graded, masters

ASPECTS = (Aspect("sum", "adds", 3), Aspect("type", "an int", 1, requires=("sum",)))


@dataclass(frozen=True)
class Pair:
    """A problem of the sample exercise: two numbers to add."""

    a: int
    b: int


def examine(pair: Pair, answer) -> Iterator[Finding]:
    if answer is None:
        raise NotAttempted
    result = answer(pair.a, pair.b)
    expected = pair.a + pair.b
    yield passed_if("sum", result == expected, "wrong_sum", found=f"{result}", expected=f"{expected}", likely="a < b & more")
    yield passed_if("type", type(result) is int, "not_int", found=type(result).__name__, expected="int")


ADD = Exercise("add", "00_sample", ASPECTS, examine, (Pair(1, 2), Pair(0, 0)), ("the idea", "the name", "nearly"))


class TestReport:
    def test_right_needs_every_aspect(self):
        report = Report("x", ASPECTS, points=4)
        report.add([passed("sum")])
        assert (report.status, report.score) == (NOT_YET, 3.0)
        report.add([passed("type")])
        assert (report.status, report.score, report.reasons) == (RIGHT, 4.0, set())

    def test_the_first_failure_stays_whatever_comes_later(self):
        report = Report("x", ASPECTS)
        report.add([passed("sum"), failed("sum", "first", found="f", expected="e")])
        report.add([failed("sum", "second", found="f", expected="e"), passed("sum")])
        assert report.reasons == {"first"} and not report.passed("sum")

    def test_an_aspect_earns_nothing_without_what_it_requires(self):
        report = Report("x", ASPECTS, points=4)
        report.add([failed("sum", "no", found="f", expected="e"), passed("type")])
        assert report.score == 0.0 and "[yes]" not in repr(report)

    def test_nothing_looked_at_is_not_right(self):
        assert Report("x", ASPECTS, points=4).status == NOT_YET and Report("x", ASPECTS, points=4).score == 0.0

    def test_trouble_is_never_right(self):
        report = Report("x", ASPECTS, trouble="stopped")
        report.add([passed("sum"), passed("type")])
        assert report.status == NOT_YET

    @pytest.mark.parametrize("points", [1, 3, 7.5, 10])
    def test_score_is_a_plain_float_within_the_points(self, points):
        report = Report("x", ASPECTS, points=points)
        report.add([passed("sum")])
        assert type(report.score) is float and report.score == round(points * 0.75, 2)

    def test_words_of_a_finding_are_escaped_in_html(self):
        html = ADD.report(lambda a, b: "<script>alert(1)</script>")._repr_html_()
        assert "<script>" not in html and "a &lt; b &amp; more" in html

    def test_what_stands_between_backticks_is_shown_as_code(self):
        found = failed("sum", "off", found="`<b>`", expected="3, as `a + b` gives", likely="an odd ` stays")
        report = Report("x", ASPECTS, trouble="`del` it")
        report.add([found])
        html = report._repr_html_()
        assert "&lt;b&gt;</code>" in html and ">a + b</code>" in html and ">del</code>" in html and "odd ` stays" in html
        assert "`a + b`" in repr(report)

    def test_html_and_text_say_the_same(self):
        report = ADD.report(lambda a, b: 7.0)
        for words in ("not yet", "adds", "7.0", "3"):
            assert words in repr(report) and words in report._repr_html_()

    def test_a_state_is_not_shown_by_colour_alone(self):
        for answer in (lambda a, b: a + b, lambda a, b: 0, None):
            report = ADD.report(answer)
            assert report.status in report._repr_html_()


class TestExercise:
    def test_right(self):
        assert ADD.report(lambda a, b: a + b).status == RIGHT

    def test_wrong_says_what_was_found_and_expected(self):
        report = ADD.report(lambda a, b: a * b)
        assert report.reasons == {"wrong_sum"} and "found: 2" in repr(report) and "expected: 3" in repr(report)

    def test_stub_function_is_not_attempted(self):
        report = ADD.report(Mock(side_effect=NotImplementedError("Write your answer here, then run this cell.")))
        assert (report.status, report.share, report.findings) == (NOT_ATTEMPTED, 0.0, {})

    def test_value_left_at_none_is_not_attempted(self):
        assert ADD.report(None).status == NOT_ATTEMPTED

    def test_half_written_answer_is_attempted_and_earns_nothing_for_what_is_missing(self):
        def half(a, b):
            if a:
                return a + b
            raise NotImplementedError

        report = ADD.report(half, points=4)
        assert report.status == NOT_YET and "NotImplementedError" in report.trouble and report.score == 0.0

    @pytest.mark.parametrize("error", [ValueError("no"), SystemExit(0), RecursionError(), AssertionError()])
    def test_error_of_the_answer_is_reported_and_earns_nothing(self, error):
        report = ADD.report(Mock(side_effect=error), points=4)
        assert (report.status, report.score, report.reasons) == (NOT_YET, 0.0, {"error"})
        assert type(error).__name__ in report.trouble

    def test_error_on_a_later_problem_takes_back_what_an_earlier_one_gave(self):
        assert ADD.report(lambda a, b: a + b if a else 1 / 0, points=4).score == 0.0

    def test_grade_returns_a_plain_float(self, capsys):
        mark = ADD.grade(lambda a, b: a + b, points=3)
        assert (type(mark), mark) == (float, 3.0) and "add: right (3 of 3 points)" in capsys.readouterr().out

    def test_grade_uses_the_problems_it_is_given(self):
        assert ADD.grade(lambda a, b: 3, points=4, cases=[Pair(1, 2)]) == 4.0
        assert ADD.grade(lambda a, b: 3, points=4) < 4.0

    def test_not_a_number_is_zero(self):
        odd = Exercise("odd", "00_sample", (Aspect("sum", "adds", math.nan),), examine, (Pair(1, 2),), ("a", "b", "c"))
        assert odd.grade(lambda a, b: a + b, points=2) == 0.0

    def test_check_is_noted_on_the_start_page(self, course_folder):
        ADD(lambda a, b: 0)
        assert progress.load() == {"00_sample": {"add": NOT_YET}}
        ADD(lambda a, b: a + b)
        ADD(lambda a, b: 0)
        assert progress.load() == {"00_sample": {"add": RIGHT}}

    def test_a_report_alone_leaves_no_note(self, course_folder):
        ADD.report(lambda a, b: a + b)
        assert progress.load() == {}

    def test_a_test_cell_is_noted_like_a_check_but_not_where_it_is_graded(self, course_folder, monkeypatch):
        ADD.grade(lambda a, b: a + b, points=1)
        assert progress.load() == {ADD.lesson: {ADD.name: "right"}}
        ADD.grade(lambda a, b: a - b, points=1)
        assert progress.load() == {ADD.lesson: {ADD.name: "right"}}, "once right stays right"
        (course_folder / ".course" / "progress.json").unlink()
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
        ADD.grade(lambda a, b: a + b, points=1)
        assert progress.load() == {}


class TestHintsAndSolutions:
    def test_hints_are_folded_until_asked_for(self):
        assert "the idea" not in repr(ADD.hint()).split("hint(1)")[0]
        assert " open" not in ADD.hint()._repr_html_()
        assert repr(ADD.hint(2)) == "Hint 2 (the name of the API): the name"
        assert ADD.hint(2)._repr_html_().count("<details open") == 1

    @pytest.mark.parametrize("number", [0, 4, "1", -1, True, 1.0])
    def test_there_are_three_hints(self, number):
        with pytest.raises(CourseError, match="hint"):
            ADD.hint(number)

    def test_hint_is_escaped(self):
        assert "&lt;b&gt;" in Hints("x", ("<b>", "two", "three"), 1)._repr_html_()

    def _write_solution(self, course_folder, cells):
        path = course_folder / "solutions" / "00_sample" / "00_sample.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)

    def test_solution_is_the_courses_own_cell(self, course_folder):
        cell = nbformat.v4.new_code_cell("def add(a, b):\n    return a + b", id="add")
        self._write_solution(course_folder, [nbformat.v4.new_markdown_cell("text", id="title"), cell])
        assert repr(ADD.solution()) == cell.source

    def test_solution_can_be_switched_off(self, course_folder):
        path = course_folder / settings.FILE
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("show_solutions = true", "show_solutions = false"), encoding="utf-8")
        self._write_solution(course_folder, [nbformat.v4.new_code_cell("secret", id="add")])
        assert "switched off" in repr(ADD.solution()) and "secret" not in ADD.solution()._repr_html_()

    def test_missing_solution_is_said_in_a_sentence(self, course_folder):
        assert "did not come" in repr(ADD.solution())
        self._write_solution(course_folder, [nbformat.v4.new_code_cell("x", id="another")])
        assert "did not come" in repr(ADD.solution())

    def test_solution_is_folded(self):
        assert "<details><summary>" in Solution("x", "code")._repr_html_()

    def test_show_prints_outside_a_notebook(self, capsys):
        show(passed("a"))
        assert "Finding" in capsys.readouterr().out


def test_what_is_fine_but_earns_nothing_yet_is_explained_once():
    report = ADD.report(lambda a, b: 7)
    assert "[fine so far] an int" in repr(report)
    assert repr(report).count("counts once the rest holds") == report._repr_html_().count("counts once the rest holds") == 1
    assert "counts once" not in repr(ADD.report(lambda a, b: a + b))


def test_what_an_error_prevented_is_not_reached_and_the_error_is_said_once():
    report = ADD.report(lambda a, b: 1 / 0)
    assert "[not reached] adds" in repr(report) and "[not reached] an int" in repr(report)
    assert repr(report).count("ZeroDivisionError") == 1 and report.reasons == {"error"}


def test_the_lessons_are_those_of_the_masters_in_their_order():
    assert [f"{number:02d}_{name}" for number, name in enumerate(LESSONS)] == [*masters()]


@pytest.mark.parametrize(("name", "lesson"), graded().items())
def test_an_exercise_stands_in_the_file_of_its_name_in_the_folder_of_its_lesson(name, lesson):
    folder = lesson.split("_", 1)[1]
    face = importlib.import_module(f"helpers.checks.{folder}")
    found = getattr(face, name)  # not the module of the same name
    assert isinstance(found, Exercise) and (found.name, found.lesson) == (name, lesson) and name in face.__all__
    assert found.examine.__module__ == f"{face.__name__}.{name}"
    assert {name for name in face.__all__ if graded()[name] != lesson} == set()


def test_an_exercise_is_imported_by_the_face_of_its_lesson_and_by_nobody_else():
    modules = {f"helpers.checks.{lesson.split('_', 1)[1]}.{name}" for name, lesson in graded().items()}
    importers = {}
    for path in (ROOT / "helpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                named = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                named = {alias.name for alias in node.names}
            else:
                continue
            for module in named & modules:
                importers.setdefault(module, set()).add(path.relative_to(ROOT).as_posix())
    assert importers == {module: {f"{module.rsplit('.', 1)[0].replace('.', '/')}/__init__.py"} for module in modules}


class TestRounds:
    def looks(self):
        yield [passed("sum"), passed("type")]
        yield (passed("sum") if number == 0 else 1 / 0 for number in range(2))

    def test_a_round_that_stops_takes_back_what_it_did_not_reach(self):
        report = Report("x", ASPECTS)
        with pytest.raises(ZeroDivisionError):
            for finding in in_rounds(self.looks()):
                report.add([finding])
        assert report.passed("sum") and not report.passed("type") and report.reasons == {"error"}

    def test_what_only_one_round_looks_at_stays(self):
        report = Report("x", ASPECTS)
        with pytest.raises(ZeroDivisionError):
            for finding in in_rounds(self.looks(), once=["type"]):
                report.add([finding])
        assert report.passed("type") and report.reasons == set()
