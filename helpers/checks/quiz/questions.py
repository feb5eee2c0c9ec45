"""questions.toml read and checked: questions with options to choose from, and questions with items to put in order.

The file that learners of a class are handed is the same one without its key (`without_key`): no right letters, explanations,
printed results or dependencies. Everything that works without these works with either file.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from helpers.checks.quiz.question_kinds import ChoiceQuestion, Item, Option, OrderingQuestion
from helpers.course.errors import CourseError

PATH = Path(__file__).with_name("questions.toml")
LETTERS = "abcdefgh"
NUM_OPTIONS = 4
LEVELS = ("easy", "medium", "hard")
# What is not handed out in a class: it would tell the answer.
KEY = frozenset({"right", "why", "shows", "needs", "steps", "mistakes", "check", "check_shows"})
EXPLAINED = ("steps", "mistakes", "check", "check_shows")  # what every question has with the key, beside the reasons
LINK = re.compile(r"\d\d_[a-z_]+#[a-z0-9_-]+")
ID = re.compile(r"q(\d\d)_[a-z0-9_]+")


def load(path: Path | None = None) -> dict[str, ChoiceQuestion | OrderingQuestion]:
    """id -> question, in the file's order.

    Raises:
        CourseError: the file is missing, no TOML, or a question in it is not complete.
    """
    path = path or PATH
    try:
        return _checked(path.name, path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} cannot be read ({error}): put the original file back.") from None


@lru_cache(maxsize=4)
def _checked(name_of_file: str, text: str) -> dict[str, ChoiceQuestion | OrderingQuestion]:
    """The questions of a text that is checked once, however often a notebook asks."""
    content = tomllib.loads(text)
    found: dict[str, ChoiceQuestion | OrderingQuestion] = {}
    for number, entry in enumerate(content.get("question", []), start=1):
        name = str(entry.get("id", f"question {number}")) if isinstance(entry, dict) else f"question {number}"
        try:
            question = _question(dict(entry), content.get("imports", ""))
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise CourseError(f"{name_of_file}: {name} is not complete ({error}): compare it with its neighbours.") from None
        problem = next(_problems(question, number), None)
        if problem:
            raise CourseError(f"{name_of_file}: {name} {problem}.")
        found[question.id] = question
    if len({question.has_key for question in found.values()}) != 1:
        raise CourseError(f"{name_of_file} has the key to some questions and not to others: put the original file back.")
    return found


def get(question_id: str) -> ChoiceQuestion | OrderingQuestion:
    """The question with this id.

    Raises:
        CourseError: there is none.
    """
    found = load()
    if question_id not in found:
        raise CourseError(f"There is no question {question_id!r}: take one of {', '.join(found)}.")
    return found[question_id]


def without_key(content: str) -> str:
    """The same questions as TOML, without comments and without all that would tell an answer."""
    return "".join(_toml(_stripped(tomllib.loads(content)), ()))


def _question(entry: dict[str, Any], imports: str) -> ChoiceQuestion | OrderingQuestion:
    """The entry as it stands; what is missing or too many raises TypeError."""
    entry.update({name: tuple(entry.get(name, ())) for name in ("steps", "mistakes")})
    if entry.get("check") or any(part.get("code") for part in (entry, *entry.get("option", ()), *entry.get("item", ()))):
        entry["setup"] = f"{imports}{entry.get('setup', '')}"
    if "item" in entry:
        items = zip(LETTERS, entry.pop("item"), strict=False)
        return OrderingQuestion(**entry, items=tuple(Item(letter, **item) for letter, item in items))
    options = zip(LETTERS, entry.pop("option"), strict=False)
    return ChoiceQuestion(**entry, options=tuple(Option(letter, **option) for letter, option in options))


def _problems(question: ChoiceQuestion | OrderingQuestion, number: int) -> Iterator[str]:
    """What is wrong with a question, as ends of a sentence that begins with its id."""
    match = ID.fullmatch(question.id)
    if not match or int(match[1]) != number:
        yield f"should have an id that begins with q{number:02d}_"
    if not question.section or not question.text or question.level not in LEVELS:
        yield "needs a section, a text, and one of the levels easy, medium and hard"
    if not question.hint or not LINK.fullmatch(question.link):
        yield "needs a hint, and a link such as 03_freeze_base#not-freezing"
    parts = question.options if isinstance(question, ChoiceQuestion) else question.items
    said = [(part.text.strip().lower(), part.code.strip()) for part in parts]
    if len(set(said)) != len(said) or ("", "") in said:
        yield "has two options that are alike, or an empty one"
    for code in (question.setup, question.code, question.check, *(part.code for part in parts)):
        try:
            compile(code, question.id, "exec")
        except SyntaxError as error:
            yield f"has code that is not Python ({error.msg}: {(error.text or '').strip()})"
    yield from (_choice_problems if isinstance(question, ChoiceQuestion) else _ordering_problems)(question)
    if any(bool(getattr(question, name)) != question.has_key for name in EXPLAINED):
        yield f"needs all of {', '.join(EXPLAINED)}"


def _choice_problems(question: ChoiceQuestion) -> Iterator[str]:
    if len(question.options) != NUM_OPTIONS:
        yield f"has {len(question.options)} options in place of {NUM_OPTIONS}"
    elif question.has_key:
        if question.right not in question.letters or len(question.right) != 1:
            yield f"says that {question.right!r} is right, which is none of its letters"
        if not all(option.why for option in question.options):
            yield "has an option without an explanation"
        if any(bool(part.code) != bool(part.shows) for part in (question, *question.options)):
            yield "has code without what it shows, or the other way round"
    elif any(option.why or option.shows for option in question.options):
        yield "has explanations and does not say which option is right"


def _ordering_problems(question: OrderingQuestion) -> Iterator[str]:
    placed: set[str] = set()
    while waiting := [item for item in question.items if item.letter not in placed]:
        ready = [item.letter for item in waiting if set(item.needs) <= placed]
        if not ready:
            yield f"has items that wait for each other, or for one that is not there: {', '.join(i.letter for i in waiting)}"
            return
        placed.update(ready)


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stripped(entry) for name, entry in value.items() if name not in KEY}
    return [_stripped(entry) for entry in value] if isinstance(value, list) else value


def _toml(table: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """A table of strings and of lists of such tables as TOML, whose strings are written like JSON's."""
    for name, value in table.items():
        if not isinstance(value, list):
            yield f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
    for name, value in table.items():
        for entry in value if isinstance(value, list) else ():
            yield f"\n[[{'.'.join((*path, name))}]]\n"
            yield from _toml(entry, (*path, name))
