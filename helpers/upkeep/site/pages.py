"""The pages of the site as Sphinx reads them: the same tree as the course's own, with solved lessons in ``notebooks/``.

So links hold as they are written. One to a file that has no page becomes plain words.
"""

import re
import shutil
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from helpers.checks.quiz import questions
from helpers.course import start_page
from helpers.course.lessons import Lesson, hours
from helpers.notebooks import masters
from helpers.notebooks.links import plain_where_missing
from helpers.upkeep.site import quiz_page

HERE = Path(__file__).resolve().parent
ASK = "ask-"  # a cell's id begins so where a question is asked
NOTEBOOKS_OWN = ("setup", "how", "score")  # cells of the quiz that are about cells
QUIZ = "Choose an answer: you read at once why it is right, or which misunderstanding it is. Your choices stay in this browser."
NOT_RUN = """```{admonition} Without outputs
:class: warning

This lesson has not been run since it, or the code below it, changed.
```"""
SHOWN = (".md", ".svg", ".png")  # of docs/
TOCTREE = "```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"
READING = ("glossary", "pitfalls", "strategies", "training-results")  # for everybody; the other pages are for who runs the course
_IPYNB = re.compile(r"""(<a\b[^>]*\bhref=["'](?!https?:)[^"'#]+)\.ipynb\b""")
_PART = re.compile(r"^# ", re.MULTILINE)


def write(root: Path, target: Path, course: list[Lesson], solved: dict[str, NotebookNode | None]) -> None:
    """Write all pages, the pictures that they show, and Sphinx's settings.

    Args:
        root: the course.
        target: an empty folder.
        course: its lessons, in order.
        solved: lesson -> its solution with outputs; None where there are none of today's.
    """
    shutil.copy(HERE / "conf.py", target)
    shutil.copytree(HERE / "static", target / "_static")
    shutil.copytree(root / "docs", target / "docs", ignore=lambda _, names: [one for one in names if not one.endswith(SHOWN)])
    texts = {path.relative_to(target): path.read_text(encoding="utf-8") for path in target.glob("docs/*.md")}
    texts[Path("index.md")] = _index(course, sorted(path.stem for path in texts))
    known = {*texts, *(Path(lesson.path) for lesson in course)}
    for path, text in texts.items():
        (target / path).write_text(_linked(text, path, known, target), encoding="utf-8")
    for lesson in course:
        path = Path(lesson.path)
        notebook = solved[lesson.name] or _bare(masters.read(masters.path_of("solutions", lesson.name, root)))
        _as_page(notebook)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = _linked(cell.source, path, known, target)
        (target / path).parent.mkdir(parents=True)
        nbformat.write(notebook, target / path)


def _linked(text: str, page: Path, known: set[Path], target: Path) -> str:
    """Markdown whose links lead to pages of the site: README.md's list of lessons is the first page, other files have none."""

    def there(address: str) -> bool:
        found = (target / page.parent / address).resolve()
        return found.is_file() or (found.is_relative_to(target) and found.relative_to(target) in known)

    return plain_where_missing(text.replace("(../../README.md)", "(../../index.md)"), there)


def _index(course: list[Lesson], documents: list[str]) -> str:
    """The first page: what the course is, its lessons, and what there is to read beside them."""
    rows = ["| No. | Lesson | Minutes |", "|:---|:---|---:|"]
    rows += [f"| {lesson.number} | [{lesson.title}]({lesson.path}) | {lesson.minutes or ''} |" for lesson in course]
    total = hours(sum(lesson.minutes or 0 for lesson in course))
    other = [name for name in documents if name not in READING]
    trees = {
        "Lessons": [lesson.path.removesuffix(".ipynb") for lesson in course],
        "To look up": [f"docs/{name}" for name in READING if name in documents],
        "For who runs the course": [f"docs/{name}" for name in other],
    }
    parts = [
        start_page.INTRODUCTION,
        "These pages show the course *solved*: each lesson has been run, and its answers are folded, so that you think first.",
        "The quiz answers your clicks in the page. To work in the lessons yourself, open the course in JupyterLab.",
        f"\n![The six stages, from the pre-trained model to the fine-tuned one]({start_page.PICTURE})",
        f"\n## Lessons\n\nTogether {total}, planned for whoever does the exercises.\n",
        *rows,
        "",
        *(TOCTREE.format(caption=caption, pages="\n".join(pages)) for caption, pages in trees.items() if pages),
    ]
    return "\n".join(parts)


def _bare(notebook: NotebookNode) -> NotebookNode:
    """A lesson that has not been run: it says so below its title."""
    notebook.cells.insert(1, new_markdown_cell(NOT_RUN))
    return notebook


def _as_page(notebook: NotebookNode) -> None:
    """Answers folded, locked cells left out, questions that answer clicks; in place."""
    asked = questions.load()
    is_quiz, cells = any(cell.id in asked for cell in notebook.cells), []
    for cell in notebook.cells:
        info = cell.metadata.get("nbgrader", {})
        question = asked.get(cell.id.removeprefix(ASK)) if cell.id.startswith(ASK) else None
        if cell.id in asked or (is_quiz and cell.id in NOTEBOOKS_OWN) or (info.get("grade") and info.get("locked")):
            continue  # an answer to the quiz, and what only marks
        if cell.cell_type == "markdown" and cells:
            cell.source = _PART.sub("## ", cell.source)  # a page has one title
        if question is not None:
            data = {"text/html": quiz_page.card(question)}
            cell.outputs = [new_output("display_data", data=data)]
            cell.metadata["tags"] = ["remove-input"]
        elif info.get("solution") and cell.cell_type == "code":
            cell.metadata["tags"] = ["hide-input"]
        for output in cell.get("outputs", ()):
            _plain(output)
        cells.append(cell)
    shown = [asked[cell.id.removeprefix(ASK)] for cell in cells if cell.id.removeprefix(ASK) in asked]
    if shown:
        cells[1:1] = [new_markdown_cell(QUIZ), new_markdown_cell(quiz_page.strip(shown))]
    notebook.cells = cells


def _plain(output: NotebookNode) -> None:
    """An output without what only a kernel answers; links in its HTML lead to pages."""
    data = output.get("data", {})
    if "text/html" in data:
        data["text/html"] = _IPYNB.sub(r"\1.html", data["text/html"])
        for other in [kind for kind in data if kind not in ("text/html", "text/plain")]:
            del data[other]
