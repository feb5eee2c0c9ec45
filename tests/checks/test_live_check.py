"""Do the buttons on a check's card give hints, the solution and a fresh start, and is nothing lost?"""

import re
import shutil

import pytest

from helpers.checks import freeze_base as checks
from helpers.checks import live_check
from helpers.checks.report import Aspect, Report, failed
from helpers.course import files, live_view, originals
from tests.support.small_course import REPOSITORY

EXERCISE = checks.trainable_summary


@pytest.fixture
def card(course_folder, monkeypatch):
    for folder in ("source", "solutions"):
        shutil.copytree(REPOSITORY / folder / EXERCISE.lesson, course_folder / folder / EXERCISE.lesson)
    report = Report(EXERCISE.name, (Aspect("a", "it counts"),), {"a": failed("a", "r", found="2", expected="3")})
    made = live_check.LiveCheck(report, EXERCISE)
    made.asked = []
    monkeypatch.setattr(made.view, "read", lambda cell: made.asked.append(cell))
    monkeypatch.setattr(made.view, "fill", lambda *what: made.asked.append(what))
    return made


def buttons(card):
    return re.findall(r"<button[^>]*>([^<]*)<", card.html())


def test_hints_come_one_by_one(card):
    assert buttons(card) == ["Hint 1 of 3", "Solution", "Reset this exercise"]
    for number in (1, 2, 3):
        card.answer("hint", "")
        assert card.html().count("<b>Hint ") == number
    assert buttons(card) == ["Solution", "Reset this exercise"] and card.view.widget.said == EXERCISE.hints[2]


def test_a_hint_that_is_nearly_the_code_looks_like_code_wherever_it_is_shown(card):
    from helpers.checks.code_listing import highlighted

    shown = highlighted(EXERCISE.hints[2])
    assert "<span style=" in shown and shown in EXERCISE.hint(3)._repr_html_()
    for _ in range(3):
        assert shown not in card.html()
        card.answer("hint", "")
    assert shown in card.html()


def test_the_solution_is_for_self_study(card, course_folder):
    card.answer("solution", "")
    assert "own answer" in card.html() and "Solution" not in buttons(card)
    settings = course_folder / "course.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("show_solutions = true", "show_solutions = false"))
    assert "Solution" not in buttons(live_check.LiveCheck(card.report, EXERCISE))


def test_a_reset_keeps_the_old_text_before_it_writes(card):
    card.answer("reset", "")
    card.answer("source", "mine = 1\n")
    (kept,) = files.path("kept").iterdir()
    assert kept.read_text(encoding="utf-8") == "mine = 1\n" and kept.name not in card.html()
    stub = originals.stubs(EXERCISE.lesson)[EXERCISE.name]
    assert card.asked == [EXERCISE.name, (EXERCISE.name, stub, ["mine = 1"])]
    card.answer("filled", "kept")
    assert "changed meanwhile" in card.html()
    card.answer("filled", "yes")
    assert f"Your text is kept in .course/kept/{kept.name}" in card.html()


def test_where_the_page_cannot_write_the_command_is_said(card):
    card.answer("filled", "none")
    assert f"python -m helpers reset {EXERCISE.lesson} {EXERCISE.name}" in card.html()


def test_a_check_has_buttons_where_a_page_listens_and_nowhere_else(course_folder, monkeypatch):
    shown = []
    monkeypatch.setattr(live_check.LiveCheck, "show", lambda self: shown.append(self.report))
    plain = EXERCISE(lambda model: {})
    with pytest.raises(NotImplementedError):
        plain._ipython_display_()
    monkeypatch.setattr(live_view, "has_page", lambda: True)
    report = EXERCISE(lambda model: {})
    report._ipython_display_()
    assert shown == [report] and "<button" not in report._repr_html_()


def test_what_follows_from_an_earlier_finding_is_folded():
    report = checks.freeze_base.report(lambda model, head_name: model.requires_grad_(False) and None)
    html = report._repr_html_()
    assert html.count("may follow from what is above") == 1 and "nothing in the model is trainable" in html.split("may follow")[1]
