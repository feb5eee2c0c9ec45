"""What an instructor reads on the screen when a lesson has been graded."""

import sys

from helpers.course.one_line import one_line
from helpers.grading.classroom.grade import Graded
from helpers.grading.feedback import pages
from helpers.grading.gradebook import marks
from helpers.grading.nbgrader_course import Course


def say(course: Course, lesson: str, outcomes: list[Graded]) -> int:
    """Print what came of one lesson's submissions, and make the pages of those that were refused; 1 if grading failed, else 0."""
    found = marks.marks(course, lesson, [outcome.student for outcome in outcomes])
    reasons = {outcome.student: outcome.reason for outcome in outcomes if outcome.reason}
    new = sum(outcome.new for outcome in outcomes)
    print(f"{lesson}: {new} graded now, {len(outcomes) - new} before.\n")
    print(marks.table(found, reasons))
    if refused := reasons.keys() & {entry.student for entry in found}:
        print("\n".join(pages.feedback(course, lesson, *refused).to_look_at()))
    failed = [outcome.student for outcome in outcomes if outcome.failed]
    if failed:
        names = ", ".join(map(one_line, failed))
        print(f"\nGrading failed for {names}: 0 until the same command, run again, succeeds.", file=sys.stderr)
        return 1
    print(f"\nNext: look at `python -m helpers lab`, menu Nbgrader > Formgrader, then `python -m helpers feedback {lesson}`.\n")
    return 0
