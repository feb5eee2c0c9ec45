"""Is what learners are handed enough to work with, and without a single answer?"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import pytest

from helpers.checks.quiz.question_kinds import ChoiceQuestion
from helpers.checks.quiz.questions import PATH, load
from helpers.course import lessons, originals, variants
from helpers.course.errors import CourseError
from helpers.grading.classroom import grade
from helpers.grading.handout.release import contents, release
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import masters, released
from tests.support import small_course as small
from tests.support.notebook_cells import QUIZ
from tests.support.small_course import REPOSITORY

LESSONS = masters.lessons(REPOSITORY)
QUESTIONS = "helpers/checks/quiz/questions.toml"
HANDED = {"id", "section", "text", "level", "link", "hint", "setup", "code", "option", "item"}  # of a question, to a class
FIRST_EXERCISE = """import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], 4)
notebook.cells.insert(0, nbformat.v4.new_code_cell("import helpers\\nprint('HELPERS', helpers.__file__)"))
try:
    nbclient.NotebookClient(notebook, timeout=250, resources={"metadata": {"path": sys.argv[2]}}).execute()
except nbclient.exceptions.CellExecutionError as error:
    print("FIRST ERROR", error.ename)
print(notebook.cells[0].outputs[0].text)"""

# Here the package is installed editable, which lends its grading/ to the unpacked copy; a learner's computer has none.
GRADE_WITHOUT_THIS_CHECKOUT = """import sys
sys.meta_path = [finder for finder in sys.meta_path if "Editable" not in repr(finder)]
from helpers.__main__ import main
sys.exit(main(["grade", "03_freeze_base"]))"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return small.whole(tmp_path_factory)


@pytest.fixture(scope="module")
def handed_out(course):
    """Lesson -> path in its handout -> content."""
    return cache(lambda lesson: contents(course, lesson))


def _unpacked(course, lesson: str, folder: Path):
    """The folder of an unpacked handout, and a function that runs Python there as on a computer without this checkout."""
    with zipfile.ZipFile(release(course, lesson)) as archive:
        archive.extractall(folder)
    home = folder / "fine-tuning"
    options = {"cwd": home, "env": {**os.environ, "PYTHONPATH": str(home), "OMP_NUM_THREADS": "1"}, "timeout": 280}

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, **options)

    return home, run


def _plain(source: str) -> str:
    """Source without comments and white space, so that another indentation hides nothing."""
    return re.sub(r"\s+", "", re.sub(r"#.*", "", source))


@cache
def _answers() -> list[tuple[str, str]]:
    """(grade_id, answer without white space) for every answer of the course that is long enough to be told from chance."""
    return [
        (cell.id, plain)
        for lesson in LESSONS
        for cell in masters.read(masters.path_of("source", lesson, REPOSITORY)).cells
        for body in re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, re.DOTALL)
        if len(plain := _plain(body)) > 60
    ]


@cache  # the package is the same in every handout
def _answers_in(name: str, content: bytes) -> list[str]:
    """Exercises whose answer stands in the file."""
    text = content.decode("utf-8")
    plain = _plain(text if name.endswith(".py") else text.replace("\\n", "").replace('",', "").replace('"', ""))
    if name.endswith(".ipynb"):
        plain = _plain("\n".join(cell.source for cell in masters.nbformat.reads(text, 4).cells))
    return [answer for answer, body in _answers() if body in plain]


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_answer_no_hidden_test_and_no_grader_is_in_the_handout(handed_out, lesson):
    files = handed_out(lesson)
    folders = {name.split("/")[0] for name in files}
    assert folders == {"README.md", "course.toml", "helpers", "notebooks", "pyproject.toml", "requirements.txt"}
    assert not [name for name in files if name.startswith(("helpers/grading", "notebooks/")) and lesson not in name]
    for name, content in files.items():
        if name.endswith(".ipynb"):
            text = content.decode("utf-8")
            assert not any(marker in text for marker in masters.MARKERS), name
            assert "helpers.grading" not in text, name
        found = _answers_in(name, content)
        assert not found, f"{name} holds the answer of {found}"


@cache
def _secrets() -> list[str]:
    """Every explanation of the quiz, every reason of its orders, every claim of what code shows that is told from chance."""
    found = []
    for question in load().values():
        if isinstance(question, ChoiceQuestion):
            found += [text for option in question.options for text in (option.why, option.shows) if len(text) > 40]
        else:
            found += [reason for item in question.items for reason in item.needs.values()]
        found += [*question.steps, *question.mistakes, *(line for line in question.check.splitlines() if "print(" in line)]
    return found


@cache  # the package is the same in every handout
def _told_in(content: bytes) -> list[str]:
    """Secrets and answers of the quiz that stand in the file."""
    text = content.decode("utf-8")
    bare = text.replace('\\"', '"')
    told = [secret for secret in _secrets() if secret in text or secret in bare]
    return told + re.findall(r"^q\d\d_\w+ = \"", bare, re.MULTILINE)


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_quiz_goes_out_without_key_and_explanations(course, handed_out, lesson):
    files = handed_out(lesson)
    handed = tomllib.loads(files[QUESTIONS].decode("utf-8"))["question"]
    parts = [part for question in handed for part in (question, *question.get("option", ()), *question.get("item", ()))]
    assert {name for part in parts for name in part} == HANDED
    assert len(_secrets()) > 80
    for name, content in files.items():
        assert not _told_in(content), name
    assert contents(course, lesson, show_solutions=True)[QUESTIONS] == PATH.read_bytes()


@pytest.mark.skipif(QUIZ not in LESSONS, reason="the quiz is not there")
def test_the_quiz_of_a_class_runs_and_its_answers_are_noted(course, tmp_path, monkeypatch):
    home, run = _unpacked(course, QUIZ, tmp_path)
    path = masters.path_of("notebooks", QUIZ, home)
    notebook = masters.read(path)
    questions = load()
    for cell in notebook.cells:
        if cell.id in questions:
            question = questions[cell.id]
            cell.source = f'{cell.id} = "{"a" if isinstance(question, ChoiceQuestion) else question.letters}"'
    for cell in notebook.cells:  # as some editors leave a notebook: the handout knows the lesson
        cell.metadata = masters.NotebookNode()
        del cell["id"]
    path.write_text(masters.text(notebook), encoding="utf-8")
    monkeypatch.setattr(originals, "COPIES", home / "helpers" / "course" / "originals")
    assert lessons.lessons(home)[0].exercises == tuple(questions)
    done = run("-m", "helpers", "check", str(path))
    assert done.returncode == 0, done.stderr
    assert re.findall(r"(?m)^(q\d\d_\w+): noted, ", done.stdout) == list(questions), done.stdout
    number = len(questions)
    assert f"{number} answers of {number} are noted: they are marked when your instructor grades." in done.stdout
    assert "0 of" not in done.stdout


def test_solutions_are_switched_off_unless_wanted(course):
    assert b"show_solutions = false" in contents(course, LESSONS[0])["course.toml"]
    assert b"show_solutions = true" in contents(course, LESSONS[0], show_solutions=True)["course.toml"]


@pytest.mark.skipif("03_freeze_base" not in LESSONS, reason="lesson 03 is not there")
def test_an_unpacked_handout_works_on_its_own(course, tmp_path):
    home, run = _unpacked(course, "03_freeze_base", tmp_path)
    notebook = masters.path_of("notebooks", "03_freeze_base", home)
    done = run("-c", FIRST_EXERCISE, str(notebook), str(notebook.parent))
    assert "FIRST ERROR NotImplementedError" in done.stdout, done.stdout + done.stderr
    assert f"HELPERS {home}" in done.stdout
    refused = run("-c", GRADE_WITHOUT_THIS_CHECKOUT)
    assert refused.returncode == 1 and "is for instructors and did not come with this copy" in refused.stderr


def test_the_same_release_is_the_same_file(tmp_path):
    made = small.make(tmp_path / "course")
    first = release(made, small.LESSON).read_bytes()
    assert release(made, small.LESSON).read_bytes() == first


def test_each_weeks_zip_goes_into_the_terms_one_folder_and_links_lead_to_what_is_there(tmp_path):
    small.real(tmp_path / "course", LESSONS[2:4])
    home = tmp_path / "learner" / "fine-tuning"
    settings = home / "course.toml"
    for lesson in LESSONS[2:4]:
        with zipfile.ZipFile(release(Course.here(tmp_path / "course"), lesson)) as archive:
            archive.extractall(tmp_path / "learner")
        if lesson == LESSONS[2]:
            settings.write_text(settings.read_text(encoding="utf-8").replace('learner = ""', "learner = 'ada'"), encoding="utf-8")
        variants.keep_name(settings)
    assert [path.name for path in (tmp_path / "learner").iterdir()] == ["fine-tuning"]
    assert [lesson.name for lesson in lessons.lessons(home)] == LESSONS[2:4]
    assert "learner = 'ada'  " in settings.read_text(encoding="utf-8")
    notebook = masters.read(masters.path_of("notebooks", LESSONS[3], home))
    assert f"](../{LESSONS[2]}/{LESSONS[2]}.ipynb)" in notebook.cells[0].source
    assert "Next: 04 · Train the head, where" in notebook.cells[-1].source
    noted = notebook.metadata["finetune"]["handed_out"]
    assert noted[notebook.cells[-1].id] == released.digest(notebook.cells[-1].source)


def test_the_exchange_gets_what_nbgrader_would_put_there(tmp_path, monkeypatch):
    monkeypatch.delenv("FINETUNE_EXCHANGE", raising=False)
    made = small.make(tmp_path / "course")
    folder = release(made, small.LESSON, to="exchange")
    assert [path.name for path in folder.rglob("*.ipynb")] == [f"{small.LESSON}.ipynb"]
    assert folder == Path(tmp_path / "course" / "exchange" / "fine-tuning" / "outbound" / small.LESSON)
    made.config.CourseDirectory.max_dir_size = 0  # kB: nbgrader refuses, and has deleted the former release before
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(CourseError, match=r"could not release 01_small .Directory size is too big"):
        release(made, small.LESSON, to="exchange")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_an_unknown_lesson_and_an_outdated_one_are_refused(tmp_path):
    made = small.make(tmp_path / "course")
    with pytest.raises(CourseError, match="There is no lesson '07_x' in source/: take one of 01_small"):
        release(made, "07_x")
    masters.path_of("notebooks", small.LESSON, made.root).write_text("{}")
    with pytest.raises(CourseError, match="build` first"):
        release(made, small.LESSON)


def test_a_student_version_that_nbgrader_deleted_is_written_again(tmp_path):
    made = small.make(tmp_path / "course")
    path = masters.path_of("notebooks", small.LESSON, made.root)
    before = path.read_bytes()
    shutil.rmtree(path.parent)  # as `nbgrader generate_assignment --force` does before it refuses
    assert release(made, small.LESSON).is_file() and path.read_bytes() == before
    shutil.rmtree(path.parent)
    grade.prepare(made, small.LESSON)
    assert path.read_bytes() == before


def test_a_master_in_a_folder_too_deep_is_named(tmp_path):
    made = small.make(tmp_path / "course")
    deep = made.root / "source" / "week-1" / "02_deep" / "02_deep.ipynb"
    deep.parent.mkdir(parents=True)
    deep.write_text(masters.text(small.master()))
    with pytest.raises(CourseError, match=r"source/week-1/02_deep/02_deep\.ipynb is not where a lesson is looked for: move it"):
        release(made, "02_deep")
