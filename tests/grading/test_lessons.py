"""Does every lesson run, its answers from top to bottom and the learner's version to its first exercise, and what does the
grader give for the two: full marks, and nothing?"""

import os
import re
import shutil

import nbformat
import pytest

from helpers.grading.nbgrader_course import Course
from helpers.notebooks import masters
from helpers.notebooks.run_cells import NotebookRun, RunLimits
from tests.support import small_course as small
from tests.support.notebook_cells import errors, outputs

pytestmark = pytest.mark.timeout(900)  # who comes first grades the lesson
LESSONS = masters.lessons(small.REPOSITORY)
ANSWERED, UNTOUCHED = "answered", "untouched"
# Their untouched notebooks train all the same: these are run to the first error only, and not graded.
SLOW = (
    "00_whole_game", "04_train_head", "06_fine_tune", "07_read_traces", "10_capstone", "11_take_it_home", "12_not_only_resnet",
    "13_honest_data",
)  # fmt: skip
# What the prose says about numbers and labels, to be found in what the cells show.
CLAIMS = {
    "00_whole_game": ("fine_tuning_gain: right (3 of 3 points)", "SVM on pixels", "Stage 6 of 6", "fine-tuning added +0."),
    "01_load_pretrained": ("palace 0.3", "daisy 0.3", "lampshade", "boathouse", "4,652,008", "25,557,032", "IMAGENET1K_V2"),
    "02_replace_head": (
        "bee", "fly", "logits: (2, 1000)", "23,528,522 parameters in all, as expected", "the new head was updated: no",
        "spread of the weights 0.183", "building 0.9993", "flower 0.9997",
    ),
    "03_freeze_base": ("sum over the model: 161", "'scalars': 20490", "159 of 159 buffers", "0 of 159", "not require grad"),
    "04_train_head": ("2.3026", "1.4612", "147 of 147 buffers", "equal bit for bit", "2 of 2 tensors updated"),
    "05_unfreeze_blocks": (
        "8,945,674 of", "22,083,594 of", "LambdaLR after add_param_group: ValueError", "KeyError: 'initial_lr'",
        "0.0001 became 0.0003",
    ),
    "06_fine_tune": (
        "best = state_dict():           2.0", "accuracy on the test images", "head alone, 15 epochs", "(32, 112, 6, 6)",
        "1,506,570 of", "2,683,050 of",
    ),
    "07_read_traces": (
        "best epoch 9, fine-tuning from 5, gap 0.08", "from None", "gap 0.44, overfits: False", "gap 0.32, overfits: True",
        "same features in row 1 and 2: True", "stem to blocks.4.2 (12 places)", "statistics changed nowhere", "changed: 0",
    ),
    "08_quiz": ("Model quiz: 0 of 3 (easy 0 of 2, medium 0 of 1)", "right (1 of 1 point)", "right (3 of 3 points)"),
    "09_debug_clinic": (
        "element 0 of tensors does not require grad", "8 8 8 8 1 ValueError", "(2, 1000)", "trainable tensors:        161",
        "loss 1.4612", "[nothing_trainable]", "No problem found", "tensors that were updated: 0", "requires_grad True, grad None",
        "statistics that changed: 159 of 159", "statistics that changed: 12 of 12",
    ),
    "10_capstone": (
        "right (5 of 5 points)", "right (12 of 12 points)", "always guessing the commonest class: supported", "head, then blocks",
        "Only what was released has changed: supported", "{'head': 12810, 'fine_tune': 2683050}", "10_capstone_report.html",
    ),
    "11_take_it_home": (
        "ran on your computer", "UnpicklingError: Weights only load failed.", "the same logits, bit for bit: True",
        "module.conv_stem.weight", "_orig_mod.conv_stem.weight", "296 of 296 tensors left out",
        "fresh process: ('9', 0.99", "is torch there: False",
        "Exporting a model while it is in training mode", "with speed-ups:    two runs differ by 0.00, from eval mode by 0.00",
        "my_model/: README.md model.onnx model.safetensors photo.png predict.py",
    ),
    "12_not_only_resnet": (
        "5,526,346 of 5,526,346", "'BatchNorm2d': 0, 'LayerNorm': 25", "buffers: 0", "76 layers, changed: ['head']",
        "ViT: twice 0.000, in another batch 0.000", "EfficientNet-Lite0: twice 0.000, in another batch 0.",
        "11 layers of the last two stages", "rank  4: {'tensors': 24, 'scalars': 69322}", "updated: ['classifier', 'up']",
        "statistics changed: 0", "same names as the plain model: True", "tensors that differ from the pre-trained model: 13",
        "No problem found", "53 frozen layers",
    ),
    "13_honest_data": (
        "60 epochs: 0 labels contradicted, 0 of the 50 wrong ones", "60 epochs, 1e-2, by train, T = 0.05",
        "Share of right answers by class, the largest class first. 0 (50 training images)", "shot 3 of digit 2",
    ),
}  # fmt: skip
# What a person marks: the course's own answer waits for it like anybody's.
BY_HAND = {"10_capstone": ("capstone_report",)}
STUB = "Write your answer here, then run this cell."


# Accuracies that the prose quotes: what is printed before it -> the number. Another processor's last bits tip an image or two.
MEASURED = {
    "04_train_head": {
        "SVM on pixels .*": "0.928", "Adam, 1e-3, batches of 32 .*validation": "0.872",
        "SGD, 1e-3 .*validation": "0.726", "SGD, 1e-2 .*validation": "0.842",
        "one batch .*validation": "0.698", "1e-2, ten epochs: .*validation": "0.882",
        "1e-3, ten epochs: .*validation": "0.888", "1e-5, ten epochs: .*validation": "0.294",
        "shuffled labels, fifty epochs: training": "0.926", "shuffled labels, fifty epochs: .*validation": "0.122",
    },
    "07_read_traces": {
        " 'generalisation_gap'": "0.05", "head trained: confidence": "0.76", "head trained: .*right": "0.85",
        "fine-tuned: confidence": "0.97", "fine-tuned: .*right": "0.94", r"validation accuracy read off at [\w.]+": "0.95",
    },
    "11_take_it_home": {" +as the file says": "0.96", " +names reversed": "0.005"},
    "13_honest_data": {
        "plain loss: as met": "0.89", "plain loss: .*balanced": "0.73", "weighted loss: .*balanced": "0.78",
        "wrong of the first .*50": "0.64", "sorted by the label's own probability, lowest first": "0.86",
        " *suspects dropped": "0.862", " *suspects corrected": "0.872", " *all labels right": "0.873",
        "split by group: validation says": "0.72", "split by group: .*new digits": "0.76",
        " *each image 60 times": "0.883", " *with three versions, 15 times": "0.901",
        "weight decay 10.0: .*right": "0.815",
    },
    "10_capstone": {"  SVM on pixels": "0.98", "  head alone": "0.91", "  head, then blocks": "0.93"},
}  # fmt: skip
NEAR = 0.02


def _grade(course: Course, lesson: str) -> None:
    """One learner hands in the course's answers, in most lessons another one none."""
    students = {ANSWERED: "solutions"} if lesson in SLOW else {ANSWERED: "solutions", UNTOUCHED: "notebooks"}
    for student, folder in students.items():
        target = masters.path_of(f"submitted/{student}", lesson, course.root)
        target.parent.mkdir(parents=True)
        shutil.copy(masters.path_of(folder, lesson, course.root), target)
    small.grade_here(course, lesson=lesson, whole=True)


@pytest.fixture
def course(tmp_path_factory, lesson) -> Course:
    """The course with this lesson graded: each lesson by the test process that wants it first."""
    course = small.whole(tmp_path_factory)
    small.once(tmp_path_factory, f"lessons-{lesson}", lambda _: _grade(course, lesson))
    return course


def graded_notebook(course: Course, lesson: str, student: str) -> nbformat.NotebookNode:
    return masters.read(course.folder("autograded", student, lesson) / f"{lesson}.ipynb")


def shown(course: Course, lesson: str) -> str:
    """What the cells with the course's own answers show, as text."""
    found = (output for _, output in outputs(graded_notebook(course, lesson, ANSWERED)))
    return "\n".join(out.text if out.output_type == "stream" else out.get("data", {}).get("text/plain", "") for out in found)


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_courses_own_answers_earn_every_point(course, lesson):
    found = small.entry(course, ANSWERED, lesson)
    assert found.points == {name: 0.0 if name in found.by_hand else most for name, most in found.maximum.items()}
    assert found.by_hand == BY_HAND.get(lesson, ())
    assert found.notes == ()
    assert errors(graded_notebook(course, lesson, ANSWERED)) == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_what_the_prose_says_is_what_the_cells_show(course, lesson):
    text = shown(course, lesson)
    assert [claim for claim in CLAIMS.get(lesson, ()) if claim not in text] == []


@pytest.mark.parametrize("lesson", sorted(MEASURED))
def test_accuracies_that_the_prose_quotes_are_measured_again(course, lesson):
    text, prose = shown(course, lesson), masters.path_of("source", lesson, small.REPOSITORY).read_text(encoding="utf-8")
    for before, quoted in MEASURED[lesson].items():
        assert quoted in prose, f"{lesson} does not quote {quoted} any more"
        found = re.search(rf"^{before}[^\d\n]+(\d\.\d+)", text, re.MULTILINE)
        assert found and abs(float(found[1]) - float(quoted)) <= NEAR, f"{before}: {quoted} is quoted, {found and found[1]} shown"


RUN = re.compile(r"^ *\d+  +(?:head|fine-tune) .*$", re.MULTILINE)  # a row of a History's table


@pytest.mark.parametrize("lesson", ["07_read_traces"])
def test_the_run_that_is_read_in_07_is_the_one_of_06(course, lesson, tmp_path_factory):
    small.once(tmp_path_factory, "lessons-06_fine_tune", lambda _: _grade(course, "06_fine_tune"))
    rows, read = RUN.findall(shown(course, "06_fine_tune")), RUN.findall(shown(course, lesson))
    assert len(read) == 15 and rows[-15:] == read


@pytest.mark.parametrize("lesson", ["04_train_head", "06_fine_tune"])
def test_a_box_finds_in_the_cache_what_the_lesson_computes_once(course, lesson):
    text = shown(course, lesson)
    assert "computed once" not in text and "could not be kept" not in text


@pytest.mark.parametrize("lesson", LESSONS)
def test_cells_warn_of_nothing_and_pictures_have_words(course, lesson):
    for cell_id, output in outputs(graded_notebook(course, lesson, ANSWERED)):
        assert output.get("name") != "stderr", f"{cell_id}: {output.get('text')}"
        assert "bytes was cut" not in output.get("text", ""), f"{cell_id}: longer than a grader keeps"
        if "image/png" in output.get("data", {}):
            assert output.metadata.get("image/png", {}).get("alt"), f"{cell_id}: a picture without a text alternative"


@pytest.mark.parametrize("lesson", [lesson for lesson in LESSONS if lesson not in SLOW])
def test_an_untouched_notebook_earns_nothing(course, lesson):
    assert set(small.entry(course, UNTOUCHED, lesson).points.values()) == {0.0}


def _run_to_first_error(run: NotebookRun) -> None:
    for index, cell in enumerate(run.notebook.cells):
        if cell.cell_type == "code":
            run.execute(cell, index)
            if any(output.output_type == "error" for output in cell.outputs):
                return


@pytest.mark.parametrize("lesson", LESSONS)
def test_an_untouched_notebook_fails_first_where_the_answer_is_missing(request, tmp_path, lesson):
    if lesson in SLOW:
        small.few_images(tmp_path, image_size=32, num_train=20, num_val=20, num_test=20)  # as the reference profile's test has
        notebook = masters.read(masters.path_of("notebooks", lesson, small.REPOSITORY))
        with request.getfixturevalue("warm_kernel")(tmp_path, os.environ) as kernel:
            _run_to_first_error(NotebookRun(notebook, kernel, RunLimits(cell=300)))
    else:
        notebook = graded_notebook(request.getfixturevalue("course"), lesson, UNTOUCHED)
    first = next(cell.id for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution"))
    where, error = next(pair for pair in outputs(notebook) if pair[1].output_type == "error")
    assert (error.ename, error.evalue) == ("NotImplementedError", STUB)
    # A value's stub raises in its own cell, a function's where it is first used: then the traceback leads into it.
    assert where == first or f"in {first}(" in re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
