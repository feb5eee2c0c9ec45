"""The start page, ``START.md``: ways to learn, the lessons with minutes and progress, and where to go on."""

from collections.abc import Mapping
from pathlib import Path

from helpers.course import files, settings
from helpers.course.lessons import DONE, WORDS_A_MINUTE, Lesson, hours, lessons, unfinished

PAGE = "START.md"
INTRODUCTION = """\
# Fine-tuning pre-trained models

A model that knows a thousand things learns ten new ones: first its final layer alone, then its last blocks as well.
For whoever knows Python and wants to know what happens in there; no PyTorch, no GPU and no network are needed.
"""
PICTURE = "docs/stages.svg"
PICTURE_LINE = f"""![The six stages, from the pre-trained model to the fine-tuned one]({PICTURE})

*The numbers are EfficientNet-Lite0's. Each lesson counts your own model.*"""
ALL_RIGHT = "**All checks are right. Well done.**"
NO_LESSONS = "*There are no lessons yet: run `python -m helpers build`.*"
WAYS_TITLE = "## How do you want to learn today?"
PITFALLS, GLOSSARY, RACE = "docs/pitfalls.md", "docs/glossary.md", "docs/strategies.md"
READING_MINUTES = 5  # a page that one looks things up in
HOW_TO = """\
## How a lesson works

Run a cell with **Shift + Enter**. Each task has a cell for your answer and a check below it: the check says in words what is
right and what is not yet. Its card has buttons for a hint and for the task as it was (your text is kept); without buttons,
`checks.<task>.hint()` gives a hint. While a model trains, **Stop** below its trace ends it early; `fit` keeps the best so far.
Where a cell says `my_guess = None`, write down what you expect before you run it: it stays on this computer, is never marked,
and is shown again at the lesson's end.

*The bars fill as your checks come out right; this page follows by itself.*
"""


def ways(course: list[Lesson], root: Path) -> list[str]:
    """The ways in as a Markdown table; minutes come from the lessons. A way whose page is not there is left out."""
    by_number = {lesson.number: lesson for lesson in course}
    steps = [lesson for lesson in course if "01" <= lesson.number <= "07"]
    words, exercises = sum(lesson.words for lesson in course), sum(lesson.exercise_minutes for lesson in course)
    solved = f"solutions/{course[0].name}/{course[0].name}.ipynb" if course else ""

    def lesson(number: str) -> tuple[int, str]:
        found = by_number.get(number)
        return (found.minutes or 0, found.path) if found else (0, "")

    first = lesson("01")[1]
    rows = (
        ("see the whole game once", *lesson("00"), "all six stages in one run"),
        ("go lesson by lesson", sum(one.minutes or 0 for one in steps), first, "01 to 07, each with exercises"),
        ("find out what I know already", *lesson("08"), "the quiz, with a reason for every option"),
        ("repair broken programs", *lesson("09"), "the debug clinic"),
        ("see strategies compared", 2 * READING_MINUTES, RACE, "the race of lesson 10, as a page to read"),
        ("use my own images", *lesson("10"), "the capstone, on any folder of images"),
        ("take my model home", *lesson("11"), "one file, a fresh process, ONNX, a model card"),
        ("tune other networks", *lesson("12"), "a vision transformer, LoRA, and what other libraries freeze"),
        ("learn from data as they are", *lesson("13"), "rare classes, wrong labels, groups, confidence"),
        ("read the course, solved", words / WORDS_A_MINUTE, solved, "nothing to run and nothing to write"),
        ("do the exercises and nothing else", exercises, first, "go from one `###` heading to the next; each has a check"),
        ("look up a mistake", READING_MINUTES, PITFALLS, "what it does, and where it is taught"),
        ("look up a word", READING_MINUTES, GLOSSARY, "a line each"),
    )
    kept = [row for row in rows if row[2] and (root / row[2]).is_file()]
    table = [f"| [{want}]({path}) | {hours(minutes)} | {what} |" for want, minutes, path, what in kept]
    return ["| I want to ... | takes | what it is |", "|:---|---:|:---|", *table] if table else []


def render(known: Mapping[str, Mapping[str, str]], root: Path | None = None) -> str:
    """The start page as Markdown; `known` is lesson name -> exercise name -> status, see `helpers.course.progress.load`."""
    root = root or settings.root()
    course = lessons(root)
    rows = ["| No. | Lesson | Minutes | Checks that came out right | so far |", "|---|:---|---:|:---|:---|"]
    for lesson in course:
        statuses = [known.get(lesson.name, {}).get(name) for name in lesson.exercises]
        right, noted = statuses.count("right"), statuses.count("noted")
        bar = _bar(right, noted, len(lesson.exercises))
        rows.append(f"| {lesson.number} | [{lesson.title}]({lesson.path}) | {lesson.minutes or ''} | {bar} |")
    following = unfinished(course, known)
    verb = "Go on with" if known else "Start with"
    pointer = f"**{verb} {_next(following, known.get(following.name, {}))}**" if following else ALL_RIGHT
    choices = [WAYS_TITLE, "", *found, ""] if (found := ways(course, root)) else []
    picture = [PICTURE_LINE, ""] if (root / PICTURE).is_file() else []
    page = [INTRODUCTION, pointer if course else NO_LESSONS, "", *choices, "## Lessons", "", *rows, "", HOW_TO, *picture]
    return "\n".join(page)


def _next(lesson: Lesson, known: Mapping[str, str]) -> str:
    """A link to the lesson; once one of its exercises is tried, to the first that is left."""
    left = next((name for name in lesson.exercises if known.get(name) not in DONE), "")
    words, address = lesson.place(left) if known and left else ("", lesson.path)
    return f"[{lesson.number} · {lesson.title}{': ' * bool(words)}{words}]({address})"


def _bar(right: int, noted: int, total: int) -> str:
    """Progress as two columns: a bar of what is done, and the counts."""
    if not total:
        return " | "
    words = f"{right} of {total}" if not noted else f"{noted} of {total} noted" + (f", {right} right" if right else "")
    done = right + noted
    return f'<progress max="{total}" value="{done}"></progress> | {words}{" · done" if done == total else ""}'


def write(known: Mapping[str, Mapping[str, str]], root: Path | None = None) -> Path:
    """Write the start page for what is `known` (see `render`) if it changed; returns its path."""
    path = (root or settings.root()) / PAGE
    text = render(known, root)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        files.replace(path, text)
    return path
