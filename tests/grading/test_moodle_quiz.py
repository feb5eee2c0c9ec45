"""The quiz as Moodle's question bank imports it, read back the way in which Moodle reads it."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.dom import minidom

import pytest

from helpers import __main__ as command_line
from helpers.checks.code_listing import as_text
from helpers.checks.quiz import questions
from helpers.checks.quiz.question_kinds import ChoiceQuestion
from helpers.course.errors import CourseError
from helpers.grading.gradebook import moodle_quiz

CHOICES = {name: question for name, question in questions.load().items() if isinstance(question, ChoiceQuestion)}


class Words(HTMLParser):
    """What a reader sees of HTML; knows an element that is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.open = [], []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("p", "pre", "li", "div"):
            self.words.append(" ")


def seen(html: str) -> str:
    reader = Words()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return plain("".join(reader.words))


def plain(text: str) -> str:
    return " ".join(text.replace("`", "").split())


def children(element: minidom.Element, name: str) -> list[minidom.Element]:
    return [child for child in element.childNodes if child.nodeName == name]


def text(element: minidom.Element, *path: str) -> str:
    """The string at the end of the path, as `getpath` of Moodle's importer finds it: the first of each name, then trimmed."""
    for name in path:
        element = children(element, name)[0]
    assert all(node.nodeType in (node.TEXT_NODE, node.CDATA_SECTION_NODE) for node in element.childNodes), "one string"
    return "".join(node.data for node in element.childNodes).strip()


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> list[minidom.Element]:
    """All <question> elements of the file that the command writes."""
    target = tmp_path_factory.mktemp("export") / "quiz.xml"
    assert command_line.main(["export", "--format", "moodle-quiz", "--to", str(target)]) == 0
    root = minidom.parse(str(target)).documentElement
    assert root.tagName == "quiz" and {child.nodeName for child in root.childNodes} == {"question", "#text"}
    return children(root, "question")


def test_each_section_is_a_category_and_its_questions_follow_it(read) -> None:
    found, section = [], ""
    for question in read:
        if question.getAttribute("type") == "category":
            section = text(question, "category", "text").removeprefix("$course$/top/Fine-tuning pre-trained models/")
        else:
            assert question.getAttribute("type") == "multichoice"
            found.append((section, text(question, "name", "text"), text(question, "idnumber")))
    assert found == [(question.section, name, name) for name, question in CHOICES.items()] and len(found) == 22


def test_exactly_the_right_option_is_right_and_each_has_its_own_explanation(read) -> None:
    for element in (one for one in read if one.getAttribute("type") == "multichoice"):
        question = CHOICES[text(element, "name", "text")]
        answers = children(element, "answer")
        fractions = [answer.getAttribute("fraction") for answer in answers]
        assert fractions == ["100" if option.letter == question.right else "0" for option in question.options]
        for answer, option in zip(answers, question.options, strict=True):
            assert (answer.getAttribute("format"), children(answer, "feedback")[0].getAttribute("format")) == ("html", "html")
            assert seen(text(answer, "text")) == plain(f"{words(option.text)} {option.code}")
            assert seen(text(answer, "feedback", "text")).startswith(plain(words(option.why)))
        assert (text(element, "single"), text(element, "shuffleanswers"), text(element, "answernumbering")) == (
            "true",
            "false",
            "abc",
        )


def test_question_hint_and_steps_are_there_whole(read) -> None:
    for element in (one for one in read if one.getAttribute("type") == "multichoice"):
        question = CHOICES[text(element, "name", "text")]
        asked, explained = seen(text(element, "questiontext", "text")), seen(text(element, "generalfeedback", "text"))
        assert asked.startswith(plain(words(question.text))) and plain(question.code) in asked
        assert plain(words(question.hint)) in seen(text(element, "hint", "text"))
        for sentence in (*question.steps, *question.mistakes):
            assert plain(words(sentence)) in explained
        assert plain(question.check) in explained and plain(question.check_shows) in explained
        assert text(element, "tags", "tag", "text") == question.level


def words(sentence: str) -> str:
    """A sentence without marks and addresses."""
    return re.sub(r" \(https://[^)]*\)", "", as_text(sentence))


def test_a_copy_without_the_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "questions.toml"
    path.write_text(questions.without_key(questions.PATH.read_text(encoding="utf-8")), encoding="utf-8")
    monkeypatch.setattr(questions, "PATH", path)
    with pytest.raises(CourseError, match="has no key"):
        moodle_quiz.write(tmp_path / "quiz.xml")
    assert not (tmp_path / "quiz.xml").exists()
