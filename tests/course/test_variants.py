"""Does each learner get a variant of their own, always the same one, here and where marks are given, and nobody one unasked?"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from nbformat.v4 import new_notebook
from nbgrader.converters import Autograde

from helpers.checks.bars import FEWER_DIGITS
from helpers.checks.training_result import HeldOut
from helpers.course import machine, settings
from helpers.course.errors import CourseError
from helpers.course.variants import SOURCES, Choices, Variant, which_classes
from helpers.data import splits
from helpers.data.named_sets import load_images
from helpers.grading.classroom.grade import prepare
from helpers.grading.gradebook import marks
from helpers.grading.handout import build, release
from helpers.grading.nbgrader_course import Course, quiet_converters
from helpers.notebooks import masters
from tests.support import small_course as small
from tests.support.small_course import LESSON

CHOICES = Choices(enabled=True, course="fine-tuning", num_classes=(8, 9, 10))
# What the first release of the course dealt out: another Python must deal out the same.
SEED, NUMBER, CLASSES = 369735583, 9, [0, 1, 2, 4, 5, 6, 7, 8]
NAMES = [f"learner-{number}" for number in range(60)]


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    """It is not known who works here."""
    for name in SOURCES:
        monkeypatch.delenv(name, raising=False)


def _switch_on(folder: Path, learner: str = "") -> None:
    path = folder / settings.FILE
    text = path.read_text(encoding="utf-8")
    text = text.replace("enabled = false", "enabled = true").replace('learner = ""', f'learner = "{learner}"')
    path.write_text(text, encoding="utf-8")


class TestOff:
    def test_everybody_has_the_same_whoever_they_are(self, course_folder, monkeypatch):
        before = settings.load()
        monkeypatch.setenv("FINETUNE_LEARNER", "right-answers")
        assert settings.load() == before and settings.variant() is None
        assert (before.seed, before.num_classes, before.dataset, before.learner) == (0, 0, "digits", "")

    def test_the_images_are_those_of_the_first_seed(self, course_folder):
        whole = splits.split(load_images("digits"), num_train=500, num_val=500, num_test=1000, seed=0)
        found = splits.course_splits()
        for part in ("train", "val", "test"):
            assert getattr(found, part).fingerprint() == getattr(whole, part).fingerprint()

    def test_a_file_without_the_table_has_none(self, course_folder):
        path = course_folder / settings.FILE
        head, _, rest = path.read_text(encoding="utf-8").partition("[variants]")
        path.write_text(head + rest[rest.index("[cache]") :], encoding="utf-8")
        assert settings.variant() is None


class TestDrawing:
    def test_a_name_always_draws_the_same(self):
        assert CHOICES.of_learner("right-answers") == Variant("right-answers", SEED, NUMBER, "")
        assert which_classes(10, 8, SEED) == CLASSES

    def test_learners_differ(self):
        drawn = [CHOICES.of_learner(name) for name in NAMES]
        assert len({variant.seed for variant in drawn}) == len(NAMES)
        assert {variant.num_classes for variant in drawn} == {8, 9, 10}
        assert len({tuple(which_classes(10, 8, variant.seed)) for variant in drawn}) > 20

    def test_another_course_deals_anew(self):
        other = replace(CHOICES, course="fine-tuning, second term")
        assert all(CHOICES.of_learner(name).seed != other.of_learner(name).seed for name in NAMES)

    def test_sets_are_drawn_where_there_are_several(self):
        choices = replace(CHOICES, datasets=("digits", "small_digits"))
        assert {choices.of_learner(name).dataset for name in NAMES} == {"digits", "small_digits"}

    @pytest.mark.parametrize(
        ("name", "same"),
        [(" Right-Answers ", "right-answers"), ("RIGHT-ANSWERS", "right-answers"), ("le\u0301", "l\u00e9")],
    )
    def test_capitals_outer_blanks_and_the_way_an_accent_is_stored_make_no_difference(self, name, same):
        assert CHOICES.of_learner(name) == CHOICES.of_learner(same)


class TestWho:
    def test_without_a_name_there_is_one_sentence_with_the_remedy(self, course_folder):
        _switch_on(course_folder)
        with pytest.raises(CourseError, match=r'it is not known who you are: write .* as learner = "\.\.\."'):
            settings.load()
        (said,) = (check for check in machine.report() if check.name == "learner")
        assert not said.ok and "[variants] of course.toml" in said.sentence

    def test_the_file_comes_last_the_grader_first(self, course_folder, monkeypatch):
        _switch_on(course_folder, "in-the-file")
        assert settings.load().learner == "in-the-file"
        monkeypatch.setenv("JUPYTERHUB_USER", "on-the-hub")
        assert settings.load().learner == "on-the-hub"
        monkeypatch.setenv("FINETUNE_LEARNER", "as-handed-in")
        assert settings.load().learner == "as-handed-in"

    @pytest.mark.parametrize(
        "table",
        [
            {"enabled": "yes"},
            {"num_classes": 8},
            {"num_classes": [1]},
            {"num_classes": [8.0]},
            {"datasets": [""]},
            {"learner": 7},
            {"students": ["x"]},
            "on",
        ],
    )
    def test_a_slip_in_the_table_is_named(self, table):
        with pytest.raises(CourseError, match=r"\[variants\] can hold"):
            Choices.of(table, Path("course.toml"))

    def test_no_name_goes_out_with_a_handout(self, tmp_path):
        course = small.make(tmp_path / "course")
        _switch_on(course.root, "the-instructor")
        handed_out = release.contents(course, LESSON)["course.toml"].decode()
        assert "the-instructor" not in handed_out and 'learner = ""' in handed_out and "enabled = true" in handed_out


class TestImages:
    def test_some_classes_are_kept_and_numbered_anew(self):
        whole = load_images("digits")
        some = splits.some_classes(whole, 8, SEED)
        assert some.class_names == tuple(str(digit) for digit in CLASSES)
        assert some.labels.dtype == torch.int64 and some.labels.bincount().tolist() == [500] * 8
        digits = torch.tensor([int(name) for name in some.class_names])[some.labels]
        assert torch.equal(digits, whole.labels[torch.isin(whole.labels, torch.tensor(CLASSES))])

    def test_all_classes_are_the_set_itself(self):
        whole = load_images("small_digits")
        assert splits.some_classes(whole, 10, SEED) is whole

    def test_more_classes_than_there_are_is_said(self):
        with pytest.raises(CourseError, match=r"digits has 10 classes, but course\.toml asks for 11"):
            splits.some_classes(load_images("digits"), 11, SEED)

    def test_splits_follow_the_learner_and_the_measured_bars_hold_for_them(self, course_folder, monkeypatch):
        _switch_on(course_folder)
        found = {}
        for name in ("learner-2", "learner-3"):
            monkeypatch.setenv("FINETUNE_LEARNER", name)
            found[name] = splits.course_splits()
            assert HeldOut("test").num_classes() == settings.variant().num_classes == len(found[name].class_names)
            assert HeldOut("test").bars() == FEWER_DIGITS
        assert found["learner-2"].train.fingerprint() != found["learner-3"].train.fingerprint()

    def test_bars_that_were_not_measured_are_not_asked_for(self, course_folder, monkeypatch):
        path = course_folder / settings.FILE
        path.write_text(path.read_text(encoding="utf-8").replace("[8, 9, 10]", "[5]"), encoding="utf-8")
        _switch_on(course_folder, "right-answers")
        assert HeldOut("test").bars().head == pytest.approx(3 / 5)


# By import_module, so that the box for these notebooks need not import torch first.
OWN = """from importlib import import_module
import os
settings = import_module("helpers.course.settings")"""
DRAWN = """drawn = None  # this learner's seed
### BEGIN SOLUTION
drawn = settings.load().seed
### END SOLUTION"""
TEST = """# Locked: 2 points.
mark = 0.0
### BEGIN HIDDEN TESTS
from helpers.course import settings
mark = 2.0 if drawn == settings.load().seed else 0.0
### END HIDDEN TESTS
mark"""
HONEST = "drawn = settings.load().seed"
ANSWERS = {
    "honest": HONEST,
    "also-honest": HONEST,
    "goes-by-another-name": 'os.environ["FINETUNE_LEARNER"] = "honest"\n' + HONEST,
    "copied": f"drawn = {CHOICES.of_learner('honest').seed}",
}


def _course(folder: Path) -> Course:
    """The small course with variants on, and with an exercise whose right answer is the learner's own seed."""
    course = small.make(folder)
    _switch_on(folder)
    cells = [small._code("own", OWN), small._code("drawn", DRAWN, solution=True), small._code("test_drawn", TEST, points=2)]
    path = masters.path_of("source", LESSON, folder)
    master = masters.canonical(new_notebook(cells=[small._text("intro", "# 01 · Small\n\n**Minutes:** 5"), *cells]))
    path.write_text(masters.text(master), encoding="utf-8", newline="\n")
    build.build(course)
    for name, answer in ANSWERS.items():
        small.hand_in(course, name, small.answered(course, {"drawn": answer}))
    return course


graded = small.shared("variants", lambda folder: small.grade_here(_course(folder)))


def test_marks_are_given_by_the_name_under_which_work_was_handed_in(graded):
    found = {entry.student: entry.total for entry in marks.marks(graded, LESSON)}
    assert found == {"honest": 2, "also-honest": 2, "goes-by-another-name": 0, "copied": 0}


def test_other_settings_are_another_way_of_grading(graded, tmp_path):
    before = (graded.root / settings.FILE).read_text(encoding="utf-8")
    (tmp_path / settings.FILE).write_text(before.replace("show_solutions = true", "show_solutions = false"), encoding="utf-8")
    assert settings.deciding(tmp_path) == settings.deciding(graded.root)
    (tmp_path / settings.FILE).write_text(before.replace('course = "fine-tuning"', 'course = "anew"'), encoding="utf-8")
    assert settings.deciding(tmp_path) != settings.deciding(graded.root)


def test_stock_autograde_draws_the_same(tmp_path):
    course = _course(tmp_path / "course")
    prepare(course, LESSON)
    with quiet_converters(tmp_path / "log"):
        directory = course.directory(assignment_id=LESSON, student_id="honest")
        Autograde(coursedir=directory, config=course.config).start()
    assert [(entry.student, entry.total) for entry in marks.marks(course, LESSON)] == [("honest", 2)]
