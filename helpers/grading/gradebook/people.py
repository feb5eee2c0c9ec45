"""Who is meant: a learner of the gradebook found by what a platform calls them."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nbgrader.api import Gradebook

# In a learner's id: nbgrader takes some for patterns and writes others into its pages as markup, systems take some for paths.
UNUSABLE = set('[]*?{}/\\:<>"')
FIELDS = ("first_name", "last_name", "email", "lms_user_id")


def letters(text: str) -> str:
    """What is left of a name in the files of a platform: letters and digits, small, one spelling for each."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return "".join(sign for sign in plain if sign.isalnum())


@dataclass
class People:
    """The learners of a gradebook, to be found by id, address, number or name.

    Attributes:
        ids: all of them.
        listed: whether a class list has been imported: then nobody else is in the class.
        exact: id, address, login, in small letters -> learners.
        names: letters of a first and a last name, in both orders -> learners.
        numbers: Canvas's own number -> learner.
        others: any other platform's number -> learners.
    """

    ids: set[str] = field(default_factory=set)
    listed: bool = False
    exact: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    numbers: dict[str, str] = field(default_factory=dict)
    others: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, gradebook: Gradebook, canvas: Mapping[str, Mapping[str, str]]) -> People:
        """Everybody in `gradebook`; `canvas`: what is known of Canvas, from `records.canvas`."""
        people = cls()
        for student in gradebook.students:
            people.ids.add(student.id)
            people.listed = people.listed or any(getattr(student, name) for name in FIELDS)
            for word in filter(None, (student.id, student.email)):
                people.exact[_plain(word)].add(student.id)
            first, last = student.first_name or "", student.last_name or ""
            for name in {letters(first + last), letters(last + first), letters(student.id)} - {""}:
                people.names[name].add(student.id)
            if student.lms_user_id:
                people.others[_plain(student.lms_user_id)].add(student.id)
        for learner, line in canvas.items():
            people.ids.add(learner)
            people.numbers[line["ID"]] = learner
            people.names[letters(line["Student"])].add(learner)
            for word in filter(None, (line["SIS User ID"], line["SIS Login ID"])):
                people.exact[_plain(word)].add(learner)
        people.numbers.pop("", None)
        people.names.pop("", None)
        return people

    def find(self, ids: Iterable[str] = (), name: str = "", canvas: str = "") -> str | None:
        """The one learner who fits: by Canvas's number, else by an id, an address or a platform's number, else by the name.

        Args:
            ids: what the learner may be called by.
            name: first and last name in either order, whole or what a file's name has left of it.
            canvas: Canvas's own number.

        Returns:
            The learner's id; None if nobody fits, or several do.
        """
        if canvas in self.numbers:
            return self.numbers[canvas]
        words = [_plain(word) for word in ids if word]
        for known in (self.exact, self.others):
            for word in words:
                if len(known.get(word, ())) == 1:
                    return next(iter(known[word]))
        fitting = self.of_name(name, canvas)
        return fitting.pop() if len(fitting) == 1 else None

    def of_name(self, name: str, canvas: str = "") -> set[str]:
        """Everybody of that name; with a number of Canvas's that nobody has, only those who have none."""
        return self.names.get(letters(name), set()) - (set(self.numbers.values()) if canvas else set())


def _plain(word: str) -> str:
    return unicodedata.normalize("NFC", word).strip().casefold()
