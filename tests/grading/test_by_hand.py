"""Does an answer that is marked by hand pass through the whole line: released, collected, graded, re-graded, fed back?"""

from pathlib import Path

from nbformat.v4 import new_markdown_cell

from helpers.grading.feedback import pages
from helpers.grading.gradebook import marks
from helpers.grading.handout import build
from helpers.notebooks import master_faults, masters
from tests.support import small_course as small
from tests.support.small_course import entry

ANSWER = "### My report\n\n### BEGIN SOLUTION\nIt was right for 9 of 10.\n### END SOLUTION"
WRITTEN = "### My report\n\nI measured 0.9 on 40 images. <script>alert(1)</script>"


def _make(root: Path) -> None:
    course = small.make(root)
    path = masters.path_of("source", small.LESSON, root)
    master = masters.read(path)
    cell = new_markdown_cell(ANSWER, id="report")
    info = {"grade": True, "grade_id": "report", "locked": False, "points": 8, "schema_version": 3}
    cell.metadata["nbgrader"] = {**info, "solution": True, "task": False, "cell_type": "markdown"}
    master.cells.insert(-1, cell)
    path.write_text(masters.text(masters.canonical(master)), encoding="utf-8", newline="\n")
    build.build(course)
    small.hand_in(course, "writer", small.answered(course, {**small.RIGHT, "report": WRITTEN}))
    small.hand_in(course, "silent", small.answered(course, small.RIGHT))
    small.grade_here(course)


course = small.shared("by_hand", _make)


def test_the_master_is_well_formed_and_its_answer_stays_out_of_what_is_released(course):
    master = masters.read(masters.path_of("source", small.LESSON, course.root))
    assert master_faults.faults(master, small.LESSON) == [] and build.differences(course) == []
    released = {cell.id: cell for cell in masters.read(masters.path_of("notebooks", small.LESSON, course.root)).cells}
    assert released["report"].source == "### My report\n\nWrite your answer here."
    solved = {cell.id: cell for cell in masters.read(masters.path_of("solutions", small.LESSON, course.root)).cells}
    assert solved["report"].source == "### My report\n\nIt was right for 9 of 10."


def test_a_written_answer_waits_for_a_mark_and_an_untouched_one_does_not(course):
    writer, silent = entry(course, "writer"), entry(course, "silent")
    assert writer.by_hand == ("report",) and writer.maximum["report"] == 8 and writer.points["report"] == 0
    assert silent.by_hand == () and silent.points["report"] == 0
    heading, line, *rows, nothing, _, waiting = marks.table([silent, writer]).splitlines()
    assert waiting == "  writer: waits for a mark by hand: report" and nothing == ""
    assert {len(row) for row in (line, *rows)} == {len(heading)}, "columns stand below one another"


def test_before_it_is_marked_the_feedback_says_so_and_runs_nothing_of_the_learners(course):
    [page] = pages.feedback(course, small.LESSON, "writer").paths
    text = page.read_text(encoding="utf-8")
    assert "<span>not marked yet <small>of 8</small></span>" in text and "I measured 0.9 on 40 images." in text
    assert "<script" not in text and "alert(1)" not in text
    [page] = pages.feedback(course, small.LESSON, "silent").paths
    assert "not marked yet" not in page.read_text(encoding="utf-8")


def test_a_mark_by_hand_and_its_comment_survive_a_second_grading_and_reach_the_learner(course):
    with course.gradebook() as gradebook:
        where = ("report", small.LESSON, small.LESSON, "writer")
        grade, comment = gradebook.find_grade(*where), gradebook.find_comment(*where)
        grade.manual_score, grade.needs_manual_grade = 6.5, False
        comment.manual_comment = "A claim with its number: good."
        gradebook.db.commit()
    assert entry(course, "writer").by_hand == ()
    small.grade_here(course, ["writer"], again=True)
    found = entry(course, "writer")
    assert found.points["report"] == 6.5 and found.total == small.FULL + 6.5
    [page] = pages.feedback(course, small.LESSON, "writer").paths
    text = page.read_text(encoding="utf-8")
    assert "<span>6.5 <small>of 8</small></span>" in text
    assert "A claim with its number: good." in text and "not marked yet" not in text
