"""Do marks follow what changes in a term: the master, the due date, the rule for late work? And do table and exports agree?"""

import csv
import shutil
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.plugins import BasePlugin

from helpers.course.errors import CourseError
from helpers.grading.class_report import gather
from helpers.grading.classroom import grade
from helpers.grading.feedback import pages
from helpers.grading.gradebook import lateness, marks, records
from helpers.grading.gradebook.export import export
from helpers.grading.handout import build
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import masters
from tests.support import small_course as small
from tests.support.small_course import FULL, LESSON, RIGHT, entry

REPORT = "### What I saw\n\n### BEGIN SOLUTION\nThe sky was blue all day.\n### END SOLUTION"
WRITTEN = "### What I saw\n\nIt was blue at noon and red at night."
HALVE = "def halve(x):\n    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION"
TEST_HALVE = "# Locked: 3 points.\n3.0 if halve(8) == 4 else 0.0"
STAMPS = {"writer": "2026-01-08T12:00Z", "reader": "2026-01-08 12:00:00.000000 UTC", "late": "2026-01-10T21:00+09:00"}
COLOUR = ("task-colour", "colour", "check-colour", "test_colour")


def _cell(name: str, source: str, *, points: float = 0, solution: bool = False, prose: bool = False) -> NotebookNode:
    cell = (new_markdown_cell if prose else new_code_cell)(source, id=name)
    info = {"grade": bool(points), "grade_id": name, "locked": not solution, "schema_version": 3, "solution": solution}
    cell.metadata["nbgrader"] = {**info, "task": False, **({"points": points} if points else {})}
    return cell


def _write(course: Course, *cells: NotebookNode, without: tuple[str, ...] = ()) -> None:
    """Put the small lesson's master, with `cells` before its last one, in place, and build."""
    master = small.master()
    master.cells[-1:-1] = cells
    master.cells = [cell for cell in master.cells if cell.id not in without]
    path = masters.path_of("source", LESSON, course.root)
    path.write_text(masters.text(masters.canonical(master)), encoding="utf-8", newline="\n")
    build.build(course)


def _report(points: float = 8, name: str = "report") -> NotebookNode:
    return _cell(name, REPORT, points=points, solution=True, prose=True)


def _make(root: Path) -> None:
    course = small.make(root)
    _write(course, _report())
    for student in ("writer", "reader", "late"):
        path = small.hand_in(course, student, small.answered(course, {**RIGHT, "report": WRITTEN}))
        path.with_name(lateness.STAMP).write_text(STAMPS[student], encoding="utf-8")
    small.grade_here(course)
    with course.gradebook() as gradebook:  # as formgrader does, but for taking the answer off nbgrader's list
        gradebook.find_grade("report", LESSON, LESSON, "writer").manual_score = 6.5
        gradebook.find_comment("report", LESSON, LESSON, "writer").manual_comment = "Well seen."
        gradebook.db.commit()


graded = small.shared("terms", _make)


@pytest.fixture
def course(graded, tmp_path) -> Course:
    """The class as it was graded, for one test to change."""
    shutil.copytree(graded.root, tmp_path / "course")
    return Course.here(tmp_path / "course")


def _rows(path: Path) -> dict[str, dict[str, str]]:
    with open(path, newline="", encoding="utf-8-sig") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def _everywhere(course: Course) -> dict[str, float]:
    """Learner -> mark, after seeing that table, both kinds of export and class report have the same one."""
    found = {one.student: one.total for one in marks.marks(course, LESSON)}
    rows = _rows(export(course, course.root / "grades.csv"))
    assert {student: float(row["score"]) for student, row in rows.items()} == found
    with open(export(course, course.root / "canvas.csv", layout="canvas"), newline="", encoding="utf-8") as file:
        assert {line[3]: float(line[5]) for line in list(csv.reader(file))[2:]} == found
    assert {one.student: one.total for one in gather.collect(course, LESSON).learners} == found
    return found


def test_a_mark_by_hand_waits_for_none_after_a_second_grading(course):
    small.grade_here(course, ["writer", "reader"], again=True)
    writer, reader = entry(course, "writer"), entry(course, "reader")
    assert (writer.by_hand, reader.by_hand) == ((), ("report",))
    assert (writer.points["report"], writer.total) == (6.5, FULL + 6.5)
    said = marks.table([writer, reader])
    assert "reader: waits for a mark by hand: report" in said and "writer:" not in said
    with course.gradebook() as gradebook:
        on_nbgraders_list = gradebook.find_grade("report", LESSON, LESSON, "writer").needs_manual_grade
    assert not on_nbgraders_list, "formgrader has nothing to do there either"


def test_a_mark_by_hand_of_another_answer_is_named_until_somebody_looks(course):
    def grade_and_read(**options) -> tuple:
        small.grade_here(course, ["writer"], **options)
        return entry(course, "writer").about_marks

    small.hand_in(course, "writer", small.answered(course, {**RIGHT, "report": "### What I saw\n\nNothing."}))
    named = ("has a mark by hand that was given to another answer: report",)
    assert grade_and_read() == named and entry(course, "writer").points["report"] == 6.5
    assert grade_and_read(again=True) == named
    with course.gradebook() as gradebook:
        gradebook.find_grade("report", LESSON, LESSON, "writer").needs_manual_grade = False
        gradebook.db.commit()
    assert entry(course, "writer").about_marks == () == grade_and_read(again=True)


def test_exercises_may_come_and_go_and_have_other_points_after_a_grading(course, capsys):
    _write(course, _cell("halve", HALVE, solution=True), _cell("test_halve", TEST_HALVE, points=3), _report(4), without=COLOUR)
    small.grade_here(course, ["writer"])
    said = capsys.readouterr().out
    for change in ("colour is gone, with 3 marks, 0 of them by hand", "halve is new", "report has 4 points and not 8"):
        assert f"{LESSON} has changed: {change}." in said
    writer, reader = entry(course, "writer"), entry(course, "reader")
    assert writer.points == {"double": 4, "halve": 0, "report": 6.5} and list(writer.points) == ["double", "halve", "report"]
    assert writer.maximum == {"double": 4, "halve": 3, "report": 4}
    assert "the mark by hand of report, 6.5, is above its maximum, 4" in marks.table([writer])
    assert reader.points["halve"] == 0 and reader.by_hand == ("report",), "who was not graded again has not tried it"
    assert _everywhere(course)["writer"] == 10.5
    assert _rows(export(course, course.root / "grades.csv"))["writer"]["max_score"] == "11.0"
    build.generate(course, LESSON, course.root / "elsewhere", database=True)  # stock nbgrader takes it from here


def test_what_was_not_built_changes_no_mark(course):
    before = _everywhere(course)
    path = masters.path_of("source", LESSON, course.root)
    path.write_text(masters.text(small.master()), encoding="utf-8", newline="\n")
    with pytest.raises(CourseError, match="build` first"):
        grade.prepare(course, LESSON)
    assert _everywhere(course) == before


def test_an_exercise_with_a_new_name_keeps_marks_and_comments_by_hand(course):
    _write(course, _report(name="what_i_saw"))
    assert grade.prepare(course, LESSON) == [f"{LESSON} has changed: report is now what_i_saw."]
    assert entry(course, "writer").points["what_i_saw"] == 6.5
    with course.gradebook() as gradebook:
        assert gradebook.find_comment("what_i_saw", LESSON, LESSON, "writer").comment == "Well seen."
    assert grade.prepare(course, LESSON) == []


def test_a_dropped_and_a_new_exercise_are_not_taken_for_one(course):
    other = _report(name="forecast")
    other.source = other.source.replace("What I saw", "What I expect of tomorrow's weather, and from which signs")
    _write(course, other)
    said = grade.prepare(course, LESSON)
    assert any("report is gone, with 3 marks, 1 of them by hand" in change for change in said)
    assert entry(course, "writer").points == {"double": 4, "colour": 2, "forecast": 0}


def test_an_extended_deadline_and_a_changed_rule_take_effect_without_a_run(course):
    strict = Course(course.root, deepcopy(course.config))
    strict.config.LateSubmissionPlugin.penalty_method = "zero"
    said = lateness.due(strict, LESSON, "2026-01-09T13:00+01:00")
    assert said.startswith(f"{LESSON} is due 2026-01-09 12:00 UTC, ") and said.endswith('The rule for late work: "zero".')
    assert not any(one.new for one in small.grade_here(strict))
    assert _everywhere(strict) == {"writer": FULL + 6.5, "reader": FULL, "late": 0}
    assert "  late: 1 d 0 h late: 6 less" in marks.table(marks.marks(strict, LESSON))
    [page] = pages.feedback(strict, LESSON, "late").paths
    assert "of 14 points, 6 taken off for lateness<" in page.read_text(encoding="utf-8")
    lateness.due(strict, LESSON, "2026-01-10T12:00Z", student="late")
    assert _everywhere(strict)["late"] == FULL, "a date of one's own"
    lateness.due(strict, LESSON, "none", student="late")
    assert _everywhere(strict)["late"] == 0
    small.grade_here(course)  # the rule is "none" again
    assert _everywhere(course)["late"] == FULL and "1 d 0 h late: no penalty" in marks.table([entry(course, "late")])
    lateness.due(strict, LESSON, "2026-01-11T12:00Z")
    assert _everywhere(strict)["late"] == FULL and entry(course, "late").about_marks == ()


class PointADay(BasePlugin):
    """A rule of an instructor's own."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float:
        return total_seconds_late // (24 * 3600)


def test_a_rule_of_ones_own_counts(course):
    own = Course(course.root, deepcopy(course.config))
    own.config.AssignLatePenalties.plugin_class = PointADay
    assert lateness.due(own, LESSON, "2026-01-08T12:00Z").endswith("The rule for late work: a plugin of yours.")
    assert _everywhere(own) == {"writer": FULL + 6.5, "reader": FULL, "late": FULL - 2}


def test_a_stamp_that_cannot_be_read_for_certain_is_named_and_takes_nothing_off(course):
    lateness.due(course, LESSON, "2026-01-09T12:00Z")
    (course.folder("submitted", "late", LESSON) / lateness.STAMP).write_text("2026-01-10 12:00:00 JST\n")
    small.grade_here(course, ["late"])
    [words] = entry(course, "late").about_marks
    assert words.startswith('its timestamp.txt is not used, which zone "JST" is cannot be told for certain: write it like 2026-')
    with course.gradebook() as gradebook:
        assert gradebook.find_submission(LESSON, "late").timestamp is None
    records.remember_collected(course.root, {LESSON: {"late": {"late": True, "platform": "Canvas"}}})
    assert entry(course, "late").about_marks[1] == "late, says Canvas, which gives no time: nothing was taken off"


NOON = datetime(2026, 7, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2026-07-10T12:00Z", "UTC"),
        ("2026-07-10T14:00:00+02:00", "UTC"),
        ("2026-07-10 12:00:00.000000 UTC", "UTC"),
        ("2026-07-10 12:00", "UTC"),
        ("2026-07-10 13:00 +0100", "UTC"),  # nbgrader's own reading: 11:58:20
        ("2026-07-10 14:00 Europe/Berlin", "UTC"),
        ("2026-07-10 21:00 JST", "Asia/Tokyo"),  # nbgrader's own: 21:00
        ("2026-07-10 14:00 CEST", "Europe/Berlin"),
    ],
)
def test_a_stamp_names_one_moment(text, zone):
    assert lateness.moment(text, zone) == NOON


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-07-10 21:00 JST", 'which zone "JST" is'),
        ("2026-07-10 14:00 CET", 'which zone "CET" is'),  # in July nobody there means it
        ("2026-07-10 14:00 Nowhere/Land", "which zone"),
        ("the day after tomorrow", "is no date and time"),
        ("10/07/2026 12:00 UTC", "is no date and time"),
        ("0001-01-01T00:00+14:00", "is no date and time"),
        ("", "is no date and time"),
    ],
)
def test_what_is_not_certain_is_refused_in_words(text, why):
    with pytest.raises(ValueError, match=why):
        lateness.moment(text, "Europe/Berlin" if "CET" in text else "UTC")


def test_a_due_date_needs_its_offset_and_a_learner_who_is_there(course):
    with pytest.raises(CourseError, match='"2026-01-09T12:00" has no zone: write it with its offset from UTC, like 2026-'):
        lateness.due(course, LESSON, "2026-01-09T12:00")
    with pytest.raises(CourseError, match="is not due at any time"):
        lateness.due(course, LESSON, "2026-01-09T12:00Z", student="late")
    with pytest.raises(CourseError, match="nobody has nothing graded"):
        lateness.due(course, LESSON, "2026-01-09T12:00Z", student="nobody")
    assert lateness.due(course, LESSON) == f"{LESSON} has no due date."
