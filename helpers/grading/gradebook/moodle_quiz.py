"""The quiz of lesson 08 as a file that Moodle imports into its question bank: Moodle XML, with an explanation for each option.

Written as https://docs.moodle.org/en/Moodle_XML_format describes it, and as Moodle's importer reads it
(``question/format/xml/format.php`` in https://github.com/moodle/moodle). Questions whose items are put in order are not in it:
several orders are right, and no question type of Moodle's can say so. GIFT, the other format of Moodle's, is not written: in it
an ``=`` in the code of a wrong option begins a right answer.
"""

from collections.abc import Iterable
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from helpers.checks.code_listing import highlighted, printed, prose
from helpers.checks.quiz.explanation import place
from helpers.checks.quiz.question_kinds import ChoiceQuestion, Option
from helpers.checks.quiz.questions import load
from helpers.course.errors import CourseError

TOP = "$course$/top/Fine-tuning pre-trained models"  # where the question bank gets its categories, one for each section
# Letters stay where they are, since explanations name them; a third of the mark for each further try is Moodle's own default.
FIXED = {
    "defaultgrade": "1", "penalty": "0.3333333", "hidden": "0", "single": "true", "shuffleanswers": "false",
    "answernumbering": "abc", "showstandardinstruction": "0",
}  # fmt: skip


def write(target: Path) -> Path:
    """Write all questions with options to `target`, as XML in UTF-8; returns its path.

    Raises:
        CourseError: this copy of the quiz has no key.
    """
    quiz, section = Element("quiz"), ""
    for question in (question for question in load().values() if isinstance(question, ChoiceQuestion)):
        if not question.has_key:
            raise CourseError("This copy of the quiz has no key: export it in the course's own folder, not in a handout.")
        if question.section != section:
            section = question.section
            category = SubElement(quiz, "question", type="category")
            _text(category, "category", f"{TOP}/{section}")
        _question(quiz, question)
    indent(quiz, " ")
    ElementTree(quiz).write(target, encoding="UTF-8", xml_declaration=True)
    return target


def _question(quiz: Element, question: ChoiceQuestion) -> None:
    element = SubElement(quiz, "question", type="multichoice")
    _text(element, "name", question.id)
    _html(element, "questiontext", _asked(question))
    _html(element, "generalfeedback", _explained(question))
    for name, value in FIXED.items():
        SubElement(element, name).text = value
    SubElement(element, "idnumber").text = question.id
    for option in question.options:
        answer = _html(element, "answer", _option(option))
        answer.set("fraction", "100" if option.letter == question.right else "0")
        _html(answer, "feedback", prose(option.why) + (printed(option.shows.strip("\n")) if option.shows else ""))
    _html(element, "hint", f"<p>{prose(question.hint)}</p><p>To read again: {prose(place(question.link)[0])}</p>")
    tags = SubElement(element, "tags")
    _text(tags, "tag", question.level)


def _asked(question: ChoiceQuestion) -> str:
    """The question with its code, and with what runs before it."""
    coded = any(option.code for option in question.options)
    before = f"<p>Before these lines runs:</p>{highlighted(question.setup)}" if question.code or coded else ""
    after = "<p>After the lines that you choose runs:</p>" if question.code and coded else ""
    return f"<p>{prose(question.text)}</p>{before}{after}{highlighted(question.code) if question.code else ''}"


def _option(option: Option) -> str:
    return (f"<p>{prose(option.text)}</p>" if option.text else "") + (highlighted(option.code) if option.code else "")


def _explained(question: ChoiceQuestion) -> str:
    """The way to the answer, the quick check, and common mistakes."""
    check = f"<p>Quick check:</p>{highlighted(question.check)}{printed(question.check_shows.strip(chr(10)))}"
    return f"<ol>{_items(question.steps)}</ol>{check}<p>Common mistakes:</p><ul>{_items(question.mistakes)}</ul>"


def _items(sentences: Iterable[str]) -> str:
    return "".join(f"<li>{prose(sentence)}</li>" for sentence in sentences)


def _html(parent: Element, name: str, content: str) -> Element:
    """An element whose text is HTML: Moodle takes it as one string, escaped."""
    element = _text(parent, name, content)
    element.set("format", "html")
    return element


def _text(parent: Element, name: str, content: str) -> Element:
    element = SubElement(parent, name)
    SubElement(element, "text").text = content
    return element
