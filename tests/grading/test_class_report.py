"""Does the class report say what the gradebook says, find copies, and stay a page of words whatever learners write?"""

import json
import re
from random import Random

import pytest
from bs4 import BeautifulSoup
from IPython.core.formatters import DisplayFormatter
from nbformat.v4 import new_code_cell

from helpers.__main__ import main
from helpers.checks.report import REPORT_MIME, Aspect, Report, failed
from helpers.course.errors import CourseError
from helpers.grading.class_report import gather, similar_answers
from helpers.grading.class_report.facts import STATES, ClassReport, GradedExercise, Learner, Miss, Work
from helpers.grading.class_report.page import LIMITS, render
from helpers.grading.feedback import pages
from helpers.grading.gradebook import marks
from helpers.grading.handout import build
from helpers.notebooks import masters
from tests.support import small_course as small
from tests.support.small_course import LESSON

RIGHT, PARTLY, WRONG, UNTRIED, NOT_RUN, WAITING = STATES
OTHER = """def double(x):
    # my very own way <script>alert("from-answer")</script>
    total, steps, sign = 0, abs(int(x)), (1 if x > 0 else -1)
    if steps > 10 ** 6:
        return sign * steps * 2
    for _ in range(steps):
        total = total + sign
        total = total + sign
    rest = x - sign * steps
    return total + rest * 2 if steps else rest / 0.5"""
RENAMED = OTHER.replace("total", "result").replace("steps", "n").replace("sign", "s").replace("# my very own", '"""Mine."""  #')
CROWD = {f"s{number}": OTHER for number in range(4)} | {f"t{number}": f"x = {number}" for number in range(8)}
SHORT = "def double(x):\n    return sum([x] * 2) if x > 0 else -sum([-x] * 2)"
NAME = '</title><script>alert("from-name")</script>\u202eeve'
ODD = '</title><script>alert("x")</script><b a="\'">\u202e\u2066\x07\x1b\ud800&amp;'
SHOW_REPORT = """from helpers.checks import report
seen = report.Report("colour", (report.Aspect("sky", "the sky is <b>blue</b>"),))
seen.add([report.failed("sky", "not_blue", found=str(colour), expected="blue")])
from helpers.checks.display import show
show(seen)"""
# learner -> (answers, or the content of a file that is no notebook; the states that the two exercises should be in)
CLASS = {
    "ada": (small.RIGHT, (RIGHT, RIGHT)),
    "ben": ({}, (UNTRIED, UNTRIED)),
    "cleo-&amp;": ({"double": OTHER, "colour": 'colour = "red"'}, (RIGHT, WRONG)),
    "dan": ({"double": RENAMED, "colour": 'colour = "<img src=x onerror=alert(1)>"'}, (RIGHT, WRONG)),
    "eve": ({"double": "def double(x):\n    return 2 * abs(x)", "colour": 'colour = "blue"'}, (PARTLY, RIGHT)),
    "fay": ({"double": "import os\nos._exit(1)", "colour": 'colour = "blue"'}, (WRONG, RIGHT)),
    "gus": ("no notebook", (NOT_RUN, NOT_RUN)),
}


def _make(folder) -> None:
    """A class in small; its second test cell shows a report, as the course's own do."""
    course = small.make(folder)
    path = masters.path_of("source", LESSON, folder)
    master = masters.read(path)
    master.cells[-2].source = master.cells[-2].source.replace('print("the sky is", colour)', SHOW_REPORT)
    path.write_text(masters.text(master), encoding="utf-8", newline="\n")
    build.build(course)
    for student, (content, _) in CLASS.items():
        small.hand_in(course, student, content if isinstance(content, str) else small.answered(course, content))
    small.grade_here(course)
    small.hand_in(course, "hal", small.answered(course, {}))
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student("eve", first_name="Eve", last_name=NAME)


course = small.shared("report", _make)


@pytest.fixture(scope="module")
def facts(course) -> ClassReport:
    return gather.collect(course, LESSON)


@pytest.fixture(scope="module")
def html(facts) -> str:
    return render(facts)


def test_marks_and_sums_are_the_gradebooks(course, facts):
    assert {one.student: one.total for one in facts.learners} == {one.student: one.total for one in marks.marks(course, LESSON)}
    assert (facts.maximum, facts.title) == (small.FULL, "01 · Small")


def test_each_answer_is_in_the_state_that_it_should_be_in(facts):
    found = {one.student: tuple(work.state for work in one.works.values()) for one in facts.learners}
    assert found == {student: states for student, (_, states) in CLASS.items()}


def test_the_pages_table_holds_the_gradebooks_numbers(course, html):
    table = html[html.index("<h2>All marks") :]
    rows = re.findall(r"<tr><td><bdi>(.*?)</bdi>.*?</td>(.*?)</tr>", table, re.DOTALL)
    found = [re.sub(r"</?b>", "", "|".join(re.findall(r"<td.*?>(.*?)</td>", row))) for _, row in rows]
    assert found == [f"{one.points['double']:g}|{one.points['colour']:g}|{one.total:g}" for one in marks.marks(course, LESSON)]


def test_mistakes_are_counted_by_reason_with_the_aspects_words(facts, html):
    found = {(one.exercise, one.miss.reason): (one.miss.title, len(one.learners)) for one in facts.mistakes()}
    assert found[("colour", "not_blue")] == ("the sky is <b>blue</b>", 2)
    assert "the sky is &lt;b&gt;blue&lt;/b&gt; <code>not_blue</code>" in html


def test_everyone_who_needs_a_hand_is_there_with_the_reason(facts):
    groups = facts.attention()
    assert groups["Handed in, but there is no mark"] == [("hal", "")]
    assert [student for student, _ in groups["The file could not be graded"]] == ["gus"]
    assert "its content is not JSON" in groups["The file could not be graded"][0][1]
    assert groups["Under half of the points"] == [("ben", "0 of 6"), ("fay", "2 of 6")]
    [(student, note)] = groups["Noticed about the file or its run"]
    assert student == "fay" and "ended the kernel" in note


def test_notebooks_are_timed_and_refused_ones_are_not(facts):
    seconds = {one.student: one.seconds for one in facts.learners}
    assert seconds.pop("gus") is None
    assert all(0 < value < 60 for value in seconds.values())


def test_a_renamed_copy_is_found_and_nothing_else(facts):
    assert [(one.exercise, one.first, one.second) for one in facts.pairs] == [("double", "cleo-&amp;", "dan")]


def test_nothing_of_a_learners_becomes_markup_or_runs(html):
    read = BeautifulSoup(html, "html.parser")
    assert not read(["script", "img", "iframe", "link", "object", "form", "input"])
    assert not [name for tag in read(True) for name in tag.attrs if name.startswith("on") or name in ("href", "src", "srcset")]
    assert not re.search(r"url\((?!#)|@import|https?:", html)
    assert "\u202e" not in html
    text = read.get_text()
    assert 'alert("from-name")' in text and 'alert("from-answer")' in text, "it is shown, as text"
    assert "cleo-&amp;" in text
    assert len(read("title")) == 1


def test_no_field_of_the_page_can_become_markup_or_turn_the_writing_around():
    """Each text of a class report is the same odd one, in turn with and without a name to be called by."""
    misses = (Miss(ODD, ODD),)
    works = {ODD: Work(PARTLY, 0.5, misses, ODD + "x" * LIMITS["code"]), f"{ODD}2": Work(WAITING, 0.0, (), ODD)}
    exercises = (GradedExercise(ODD, 4.0), GradedExercise(f"{ODD}2", 2.0, prose=True))
    learners = [Learner(f"{ODD}{place}", works, name, 3.0, "", (ODD, "short")) for place, name in enumerate(("", ODD) * 8)]
    learners.append(Learner(ODD, {}, refused=ODD))
    pairs = tuple(similar_answers.Pair(ODD, one.student, f"{ODD}1", 0.9) for one in learners)
    content = render(ClassReport(ODD, ODD, exercises, tuple(learners), (ODD,), pairs, 60.0))
    read = BeautifulSoup(content, "html.parser")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", content)
    assert not read("script") and len(read("title")) == 1 and content.encode("utf-8")
    shown = ODD.replace("\u202e\u2066\x07\x1b\ud800", "\ufffd" * 5)
    assert read.get_text().count(shown) > 100, "it is shown, as text, and escaped once"
    assert all(shown in tag["aria-label"] for tag in read(attrs={"aria-label": re.compile("partly")}))
    assert "[the rest is not shown]" in content and "17 learners" in content


def test_every_picture_has_words(html):
    pictures = re.findall(r"<svg [^>]*>", html)
    assert pictures
    assert all("aria-label='" in picture or "aria-hidden='true'" in picture for picture in pictures)
    assert "double: 3 right, 1 partly right, 1 wrong, 1 not attempted, 1 not run" in html


def test_the_command_writes_the_page(course, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(course.root)
    assert main(["report", LESSON]) == 0
    assert (course.root / "reports" / f"{LESSON}.html").is_file()
    assert main(["report", LESSON, "--to", str(tmp_path / "new" / "one.html")]) == 0
    assert (tmp_path / "new" / "one.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert main(["report", "99_none"]) == 1
    assert "There is no lesson '99_none'" in capsys.readouterr().err


def test_without_a_graded_submission_there_is_one_sentence(tmp_path):
    with pytest.raises(CourseError, match="nothing graded for 01_small: run"):
        gather.collect(small.make(tmp_path), LESSON)


class TestReportsForPrograms:
    def test_a_shown_report_carries_them_beside_text_and_html(self):
        shown = Report("x", (Aspect("a", "first"), Aspect("b", "second"), Aspect("c", "third")), trouble="stopped")
        shown.add([failed("a", "wrong_sum", found="1", expected="2")])
        data, _ = DisplayFormatter().format(shown)
        assert data["text/plain"] == repr(shown) and data["text/html"] == shown._repr_html_()
        assert json.loads(json.dumps(data[REPORT_MIME])) == {
            "exercise": "x",
            "status": "not yet",
            "trouble": "stopped",
            "aspects": [
                {"key": "a", "title": "first", "passed": False, "reason": "wrong_sum"},
                {"key": "b", "title": "second", "passed": False, "reason": "error"},
                {"key": "c", "title": "third", "passed": False, "reason": "error"},
            ],
        }

    def test_they_stay_in_graded_notebooks_and_out_of_feedback(self, course):
        (graded,) = (course.folder("autograded", "dan", LESSON)).glob("*.ipynb")
        assert REPORT_MIME in graded.read_text(encoding="utf-8")
        (path,) = pages.feedback(course, LESSON, "dan").paths
        assert "finetune-course" not in path.read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        "forged",
        [
            7,
            [],
            {},
            {"exercise": "colour"},
            {"exercise": "colour", "status": [], "trouble": {}, "aspects": 3},
            {"exercise": "colour", "aspects": [None, 3, {"passed": False, "reason": 5, "title": []}]},
            {"exercise": "colour", "aspects": [{"passed": False, "reason": "r" * 9999, "title": "t\n" * 9999}] * 500},
        ],
    )
    def test_forged_ones_are_read_as_data(self, forged):
        cell = new_code_cell("", metadata={"nbgrader": {"grade_id": "test_colour", "grade": True}})
        cell.outputs = [{"output_type": "display_data", "data": {REPORT_MIME: forged}}]
        found = list(gather._misses(gather._said(cell)))
        assert len(found) <= gather.MOST_ASPECTS
        assert all(len(miss.title) <= gather.LONGEST and "\n" not in miss.title for miss in found)


class TestAlike:
    @staticmethod
    def _found(answers, known=(), **others):
        return {(one.first, one.second) for one in similar_answers.pairs("x", answers, known, **others)}

    def test_names_comments_layout_and_quotes_make_no_difference(self):
        found = similar_answers.shingles("def f(a):\n  # one\n  return {'k': a.x}")
        assert similar_answers.shingles('def g(b) :\n\n    """Doc."""\n    return {"k":b.x}') == found
        assert similar_answers.shingles("a.eval() + b.train() * 3") != similar_answers.shingles("a.train() + b.eval() * 3")

    def test_the_courses_own_answer_and_what_was_handed_out_count_for_nothing(self):
        assert self._found({"a": OTHER, "b": RENAMED}) == {("a", "b")}
        assert self._found({"a": OTHER, "b": RENAMED}, [OTHER]) == set()
        assert self._found({"a": OTHER, "b": RENAMED}, ["", RENAMED]) == set()

    @pytest.mark.parametrize("answers", [CROWD, {"a": SHORT, "b": SHORT}], ids=["many", "short"])
    def test_what_many_have_and_short_answers_count_for_nothing(self, answers):
        assert self._found(answers) == set()

    def test_answers_that_share_an_idea_only_are_not_named(self):
        mine = OTHER.replace("range(steps)", "reversed(list(range(steps)))").replace("rest / 0.5", "(rest + rest)")
        mine = mine.replace("10 ** 6", "99")
        theirs = "import math\n" + re.sub(r"total = total \+ sign\n.*\n", "total += math.copysign(2, x)\n    ", mine, count=1)
        assert self._found({"a": OTHER, "b": theirs}) == set()

    def test_prose_is_compared_by_its_words(self):
        words = " ".join(f"word{number} because it is frozen" for number in range(12))
        assert self._found({"a": words, "b": words.upper()}, prose=True) == {("a", "b")}

    @pytest.mark.parametrize("hostile", ['"""' + '\\"""' * 5000, *(c * 10**5 for c in "('\\"), "\x00\ud800" * 10**4, ""])
    def test_no_answer_holds_it_up(self, hostile):
        assert self._found({"a": hostile, "b": hostile + " x"}, [hostile]) == set()


def made_up(learners: int, seed: int = 0) -> ClassReport:
    """A class that does not exist, with every state, odd names and long sentences."""
    random = Random(seed)
    marked = {"trainable_summary": 4, "freeze_base": 6, "set_training_mode": 4}
    exercises = (*(GradedExercise(name, points) for name, points in marked.items()), GradedExercise("essay", 2, True))
    misses = [Miss(f"reason_{number}", f"aspect number {number} holds, whatever it was before") for number in range(25)]
    names = ("", "Ann O'Neil", "Łukasz Żółć", "李雷", "محمد علي", '<i>Bobby</i> "; DROP TABLE --', "X" * 90)
    found = []
    for number in range(learners):
        works, skill = {}, random.random() ** 0.6
        for exercise in exercises:
            weights = (9 * skill, 3 * skill, 3 * (1 - skill), 3 * (1 - skill), 0.3, 2 if exercise.prose else 0)
            state = random.choices(STATES, weights)[0]
            points = {RIGHT: exercise.points, PARTLY: random.choice((0.25, 0.5, 0.75)) * exercise.points}.get(state, 0.0)
            which = tuple(misses[int(25 * random.random() ** 3)] for _ in range(2)) if state in (PARTLY, WRONG) else ()
            source = "\n".join(f"x{random.random()} = {random.random()}" for _ in range(20)) if state != UNTRIED else ""
            works[exercise.name] = Work(state, points, which, source)
        notes = ("the test cell test_freeze_base was changed: the original was used",) if random.random() < 0.08 else ()
        student = f"student-{number:03}"
        found.append(Learner(student, works, random.choice(names), round(random.lognormvariate(3, 0.5), 1), "", notes))
    found[1] = Learner("broken", {one.name: Work(NOT_RUN, 0.0) for one in exercises}, refused="its content is not JSON")
    pairs = tuple(similar_answers.Pair("freeze_base", found[3].student, one.student, 0.9) for one in found[4:7])
    return ClassReport("03_freeze_base", "03 · Freeze the base", exercises, tuple(found), ("late-comer",), pairs, 600.0)


def test_three_hundred_learners_fit_on_a_page():
    report = made_up(300)
    text = BeautifulSoup(render(report), "html.parser").get_text()
    for exercise in report.exercises:
        works = report.works(exercise.name)
        assert sum(sum(work.state == state for work in works) for state in STATES) == 300
    assert "Of 300 learners" in text and WAITING in text
    answers = {one.student: one.works["freeze_base"].source for one in report.learners}
    assert similar_answers.pairs("freeze_base", {**answers, "a": OTHER, "b": RENAMED})[0].first == "a"


def test_an_empty_class_is_a_page_as_well():
    assert "There are no marks yet." in render(ClassReport("01_small", "01 · Small", (GradedExercise("double", 4),), ()))
