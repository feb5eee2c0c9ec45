"""Are student and solution versions what their masters give, and are the masters well formed?"""

import copy
import shutil

import nbformat
import pytest

from helpers.course.errors import CourseError
from helpers.grading.handout import build
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import master_faults, masters
from tests.support import small_course as small
from tests.support.small_course import LESSON


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return small.make(tmp_path_factory.mktemp("built") / "course")


@pytest.fixture
def course(built, tmp_path):
    """A copy to spoil."""
    shutil.copytree(built.root, tmp_path / "course")
    return Course.here(tmp_path / "course")


def _read(course, folder):
    return masters.read(masters.path_of(folder, LESSON, course.root))


def test_this_repositorys_notebooks_are_what_their_masters_give():
    assert build.differences(Course.here(small.REPOSITORY)) == []


def test_the_student_version_has_stubs_and_no_hidden_test(built):
    cells = {cell.id: cell for cell in _read(built, "notebooks").cells}
    assert 'raise NotImplementedError("Write your answer here, then run this cell.")' in cells["double"].source
    assert cells["double"].source.startswith("def double(x: float) -> float:")
    assert "hidden" not in cells["test_double"].source and "4 * sum" in cells["test_double"].source
    assert cells["test_double"].metadata.nbgrader.points == 4


def test_what_a_master_declares_is_kept_in_all_versions_and_of_other_tags_none():
    master = small.master()
    master.metadata["finetune"] = {"computed_once": [0, "recipe"], "notes": ["x"]}
    master.cells[1].metadata["tags"] = ["hide-input", masters.SHOWN]
    master.cells[0].metadata["tags"] = ["hide-input"]
    for version in (masters.canonical(master), masters.solution(master)):
        assert masters.computed_once(version) == [0, "recipe"] and version.metadata.finetune == {"computed_once": [0, "recipe"]}
        assert [cell.id for cell in masters.shown_cells(version)] == ["numbers", "check-double", "check-colour"]
        assert version.cells[1].metadata == {"tags": [masters.SHOWN]} and version.cells[0].metadata == {}


def test_the_student_version_has_what_its_master_declares(course):
    path = masters.path_of("source", LESSON, course.root)
    master = masters.read(path)
    master.metadata["finetune"] = {"computed_once": [1]}
    path.write_text(masters.text(master), encoding="utf-8")
    build.build(course)
    student = _read(course, "notebooks")
    assert masters.computed_once(student) == [1]
    assert [cell.id for cell in masters.shown_cells(student)] == ["numbers", "check-double", "check-colour"]


def test_the_solution_version_is_the_master_without_markers_and_hidden_tests(built):
    master, answers = _read(built, "source"), _read(built, "solutions")
    assert [cell.id for cell in answers.cells] == [cell.id for cell in master.cells]
    sources = {cell.id: cell.source for cell in answers.cells}
    assert sources["double"].endswith("    twice = x + x\n    return twice") and sources["colour"] == 'colour = "blue"'
    assert not any(marker in source for marker in masters.MARKERS for source in sources.values())
    assert "helpers.grading" not in sources["test_double"]


def test_a_second_build_touches_nothing(course):
    paths = [path for folder in build.FOLDERS for path in (course.root / folder).rglob("*.ipynb")]
    before = [(path, path.stat().st_mtime_ns) for path in paths]
    build.build(course)
    assert [(path, path.stat().st_mtime_ns) for path in paths] == before and len(paths) == 2


def test_a_build_needs_no_gradebook_and_makes_none(built):
    assert not (built.root / "gradebook.db").exists()


def test_what_jupyter_adds_to_a_master_is_taken_out_again(course):
    path = masters.path_of("source", LESSON, course.root)
    master = masters.read(path)
    master.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    master.cells[1].update(execution_count=7, outputs=[nbformat.v4.new_output("stream", text="x")])
    master.cells[1].metadata["collapsed"] = True
    path.write_text(nbformat.writes(master), encoding="utf-8")
    assert build.differences(course) == [f"source/{LESSON}/{LESSON}.ipynb is not in canonical form"]
    build.build(course)
    assert build.differences(course) == []
    assert path.read_text(encoding="utf-8") == masters.text(small.master())


def test_a_picture_pasted_into_a_master_stays_there_and_in_what_is_made_of_it(course):
    path, png = masters.path_of("source", LESSON, course.root), {"seen.png": {"image/png": "iVBORw0KGgo="}}
    master = masters.read(path)
    master.cells[2].update(source="Write `double`. ![seen](attachment:seen.png)", attachments=png)
    path.write_text(nbformat.writes(master), encoding="utf-8")
    build.build(course)
    assert build.differences(course) == []
    assert [_read(course, folder).cells[2].attachments for folder in ("source", *build.FOLDERS)] == [png] * 3


def _swap(old, new):
    return lambda path: path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("folder", build.FOLDERS)
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.unlink(), "is missing"),
        (_swap("\n}\n", "\n} \n"), "is not what its master gives"),
        (_swap("def double", "### BEGIN SOLUTION def double"), 'holds the marker "BEGIN SOLUTION"'),
        (_swap("Locked", "helpers.grading"), "holds a hidden test"),
        (_swap('"outputs": []', '"outputs": [{"output_type": "stream"}]'), "holds outputs"),
        (lambda path: (path.parent / "answers.txt").write_text("blue"), "comes from no master"),
    ],
)
def test_the_check_names_what_is_wrong_with_a_generated_file(course, folder, spoil, said):
    spoil(masters.path_of(folder, LESSON, course.root))
    assert any(line.startswith(folder) and said in line for line in build.differences(course))


@pytest.mark.parametrize("name", ["10_capstone_report.html", "my_model/model.onnx", ".ipynb_checkpoints/a.ipynb"])
def test_what_a_lesson_writes_when_it_is_run_is_its_readers_own(course, name):
    for folder in (*build.FOLDERS, "source"):
        path = masters.path_of(folder, LESSON, course.root).parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    assert build.differences(course) == []


def _set(number, **fields):
    return lambda master: master.cells[number].update(fields)


def _tag(number):
    return lambda master: master.cells[number].metadata.update(tags=[masters.SHOWN])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_set(0, source="# Small\n\n**Minutes:** 5"), 'does not begin with "# 01 · Title"'),
        (_set(0, source="# 01 · Small"), "**Minutes:** NN"),
        (_set(1, id="a1b2c3d4"), "a random one"),
        (_set(1, id="Base_1"), "small letters"),
        (_set(1, id="intro"), "'intro' is there twice"),
        (_set(1, source="x = 1\n" * 16), "17 lines, at most 15"),
        (_set(2, source="word " * 101), "101 words, at most 100"),
        (_set(1, source="!pip install torch"), "!pip"),
        (_set(1, source="from math import *"), "star import"),
        (_set(1, source="import warnings\nwarnings.filterwarnings('ignore')"), "warnings filter"),
        (_set(1, source="### BEGIN SOLUTION\n### END SOLUTION"), "a cell that nbgrader does not know"),
        (_set(3, source="def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x"), "needs ### BEGIN SOLUTION and"),
        (_set(3, source="def double(x):\n    # BEGIN SOLUTION\n    return 2 * x\n    # END SOLUTION"), "is not written as"),
        (_set(5, source="4.0\n### BEGIN HIDDEN TESTS"), "needs ### BEGIN HIDDEN TESTS"),
        (_set(5, source="mark = 4.0"), "ends with an expression"),
        (_set(5, source="mark ="), "is not Python"),
        (_set(0, source="# 01 · Small\n\n**Minutes:** 5\n\n![a](attachment:a.png)"), "the picture 'a.png' is not attached"),
        (_set(2, source="![a](attachment:a.svg)", attachments={"a.svg": {"image/svg+xml": "PHN2Zy8+"}}), "'a.svg' is no PNG"),
        (lambda master: master.cells[2].metadata.update(tags=["hide-input"]), "the tag 'hide-input' is not one of the course's"),
        (lambda master: master.cells[5].metadata.nbgrader.update(points=0), "locked and has points"),
        (lambda master: master.cells[3].metadata.nbgrader.update(grade_id="triple"), "the grade_id 'triple' differ"),
        (lambda master: master.cells.pop(5), "'double' has no test cell"),
        (_tag(3), "the tag 'shown' is on 'double', which is graded"),
        (_tag(5), "the tag 'shown' is on 'test_double', which is graded"),
        (_set(3, source="def double(x):\n    ### BEGIN SOLUTION\n    return base\n    ### END SOLUTION"), "'double' reads"),
        (_set(5, source="base"), "'test_double' reads 'base' of the cell 'numbers', which has the tag 'shown'"),
        (_set(5, source="### BEGIN HIDDEN TESTS\nprint(base)\n### END HIDDEN TESTS\n1.0"), "'test_double' reads 'base'"),
        (lambda master: master.metadata.update(finetune={"computed_once": ["0"]}), "no list of numbers of released blocks"),
        (lambda master: master.metadata.update(finetune={"computed_once": 2}), "no list of numbers of released blocks"),
    ],
)  # fmt: skip
def test_the_lint_of_masters_finds(spoil, said):
    master = copy.deepcopy(small.master())
    assert master_faults.faults(master, LESSON) + master_faults.lint(master, LESSON) == []
    spoil(master)
    found = master_faults.faults(master, LESSON) + master_faults.lint(master, LESSON)
    assert any(said in line for line in found), found


def test_only_locked_cells_are_not_counted_among_the_fifty():
    master = copy.deepcopy(small.master())
    extra = [nbformat.v4.new_markdown_cell("More.", id=f"more-{number}") for number in range(41)]
    master.cells += extra  # 9 of the small master's 11 cells are not locked
    assert master_faults.lint(master, LESSON) == []
    master.cells.append(nbformat.v4.new_markdown_cell("One too many.", id="too-many"))
    assert any("51 cells" in line for line in master_faults.lint(master, LESSON))


def test_a_departure_from_the_style_is_named_by_the_check_and_stops_no_build(course):
    path = masters.path_of("source", LESSON, course.root)
    path.write_text(path.read_text(encoding="utf-8").replace("Write `double`.", "word " * 101), encoding="utf-8")
    build.build(course)
    assert build.differences(course) == [f"source/{LESSON}: cell 3 (task-double): 101 words, at most 100"]


def test_a_master_that_is_not_well_formed_stops_the_build_before_anything_is_written(course):
    path = masters.path_of("source", LESSON, course.root)
    path.write_text(path.read_text(encoding="utf-8").replace("### END SOLUTION", ""), encoding="utf-8")
    before = masters.path_of("notebooks", LESSON, course.root).read_bytes()
    with pytest.raises(CourseError, match="needs ### BEGIN SOLUTION"):
        build.build(course)
    assert masters.path_of("notebooks", LESSON, course.root).read_bytes() == before


@pytest.mark.parametrize("content", ["", "{", "[]", '{"nbformat": 4}', "7"])
def test_what_is_no_notebook_is_said_in_one_sentence(tmp_path, content):
    (tmp_path / "x.ipynb").write_text(content)
    with pytest.raises(CourseError, match="not a readable notebook"):
        masters.read(tmp_path / "x.ipynb")


def test_text_is_what_nbformat_writes():
    master = small.master()
    assert masters.text(master) == nbformat.writes(master) + "\n"
