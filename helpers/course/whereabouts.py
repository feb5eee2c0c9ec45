"""Where a learner is: which exercises came out right on this computer, and which one is next.

    whereabouts.show("03_freeze_base")      # a card that follows checks as they come out right, where a page shows it
    python -m helpers where                 # the same of the whole course, in a terminal
"""

from __future__ import annotations

from html import escape

from helpers.course import live_view, progress, settings
from helpers.course.lessons import DONE, Lesson, lessons, unfinished
from helpers.course.palette import BLUE, FAULT, GREEN, PALE, SOFT_INK
from helpers.course.paper import paper

# Status -> (sign, colour). What nobody has checked yet has none.
LOOKS = {"right": ("✓", GREEN), "noted": ("◐", GREEN), "not yet": ("✕", FAULT)}
BLANK = ("○", SOFT_INK)
SOME = 6  # from so many exercises on, buttons stand side by side


class Board:
    """A lesson's exercises and how far each is; in a notebook a card whose buttons lead to them.

    Attributes:
        lesson: the name of its folder.
    """

    def __init__(self, lesson: str) -> None:
        self.lesson = lesson
        found = next((one for one in lessons() if one.name == lesson), None)
        self.exercises = {name: found.place(name)[0] for name in found.exercises} if found else {}
        self._view: live_view.LiveView | None = None

    def statuses(self) -> dict[str, str]:
        """Exercise -> what its checks came to so far; empty where there was none."""
        known = progress.load().get(self.lesson, {})
        return {name: known.get(name, "") for name in self.exercises}

    def words(self) -> str:
        """How far the learner is, and what is next, in a sentence or two."""
        statuses = self.statuses()
        done = sum(status in DONE for status in statuses.values())
        following = next((name for name, status in statuses.items() if status not in DONE), "")
        then = f"Next: {self.exercises[following]}." if following else "This lesson is done."
        return f"{done} of {len(statuses)} done. {then}" if statuses else "There is nothing to check in this lesson."

    def __repr__(self) -> str:
        return "\n".join([self.words(), *(f"  {_look(s)[0]} {self.exercises[name]}" for name, s in self.statuses().items())])

    def html(self, *, live: bool = False) -> str:
        """The card; `live`: each exercise is a button that leads to it."""
        statuses = self.statuses()
        done = sum(status in DONE for status in statuses.values())
        rows = []
        for name, status in statuses.items():
            sign, colour = _look(status)
            mark = f"<b aria-hidden='true' style='color:{colour};flex:none;width:1.4em'>{sign}</b>"
            said = f"{escape(self.exercises[name])}{f', {status}' if status else ''}"
            look = "font:inherit;text-align:left;background:none;border:0;padding:0;text-decoration:underline;cursor:pointer"
            told = f"data-do='go' data-value='{name}' data-key='go {name}'"
            link = f"<button type='button' {told} style='{look};color:{BLUE}'>{said}</button>"
            rows.append(f"<li style='display:flex;break-inside:avoid;padding:.15em 0'>{mark}{link if live else said}</li>")
        share = done / len(statuses) if statuses else 0
        bar = f"<div style='height:6px;width:{share:.0%};background:{GREEN}'></div>"
        bar = f"<div aria-hidden='true' style='height:6px;background:{PALE};margin:.3em 0'>{bar}</div>"
        columns = ";columns:3 16em" * (len(rows) > SOME)
        listed = f"<ul style='list-style:none;padding:0;margin:.3em 0{columns}'>{''.join(rows)}</ul>"
        edge = GREEN if statuses and done == len(statuses) else PALE
        return paper(f"<div style='font-weight:600'>{escape(self.words())}</div>{bar}{listed}", edge=edge)

    def _ipython_display_(self) -> None:
        self._view = live_view.LiveView(self.html(live=True), lambda do, value: self.redraw() if do == "ready" else None)
        self._view.show(self.html(), repr(self))
        progress.follow(self.redraw, self.lesson)

    def redraw(self) -> None:
        """Show what is known now."""
        if self._view is not None:
            self._view.draw(self.html(live=True), self.words())


def show(lesson: str) -> None:
    """Display a lesson's board where a page follows it, and nothing elsewhere: what is published is not somebody's progress."""
    if live_view.has_page():
        Board(lesson)._ipython_display_()


def lines() -> list[str]:
    """The whole course for a terminal: a line a lesson, and where to go on."""
    course, known = lessons(), progress.load()
    told = []
    for lesson in course:
        done, total = _done(lesson, known), len(lesson.exercises)
        told.append(f"{'✓' if done == total else ' '} {lesson.number} {lesson.title}: {done} of {total} done")
    following = unfinished(course, known)
    if following is None:
        return [*told, "All checks are right."]
    statuses = known.get(following.name, {})
    exercise = next((name for name in following.exercises if statuses.get(name) not in DONE), "")
    title, _ = following.place(exercise)
    verb, path = "Go on" if known else "Start", settings.root() / following.path
    return [*told, "", f"{verb} with {following.number} · {following.title}: {title} (cell {exercise})", f"  {path}"]


def _done(lesson: Lesson, known: dict[str, dict[str, str]]) -> int:
    return sum(known.get(lesson.name, {}).get(name) in DONE for name in lesson.exercises)


def _look(status: str) -> tuple[str, str]:
    return LOOKS.get(status, BLANK)
