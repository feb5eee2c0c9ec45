"""A small class to look at: lesson 3 released, six learners, graded, with feedback. All of it lies in ``demo/``."""

import shutil
import sys
from pathlib import Path

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.grading.classroom import grade
from helpers.grading.feedback import pages
from helpers.grading.gradebook import marks
from helpers.grading.handout import build
from helpers.grading.handout.release import COPIED, release
from helpers.grading.nbgrader_course import CONFIG, Course
from helpers.notebooks import masters

LESSON = "03_freeze_base"

RIGHT = {
    "trainable_summary": """def trainable_summary(model):
    sizes = [parameter.numel() for parameter in model.parameters() if parameter.requires_grad]
    return {"tensors": len(sizes), "scalars": sum(sizes)}""",
    "freeze_base": """def freeze_base(model, head_name):
    model.requires_grad_(False)
    getattr(model, head_name).requires_grad_(True)""",
    "set_training_mode": """def set_training_mode(model, head_name):
    model.eval()
    getattr(model, head_name).train()""",
}
# The usual tutorial: a switch that a module does not have, and train mode for everything.
ATTRIBUTES = {
    **RIGHT,
    "freeze_base": """def freeze_base(model, head_name):
    model.requires_grad = False
    getattr(model, head_name).requires_grad = True""",
    "set_training_mode": """def set_training_mode(model, head_name):
    model.train()""",
}
# The head found by a part of its name, and numbers where tensors were asked for.
LOOKALIKE = {
    **RIGHT,
    "trainable_summary": """def trainable_summary(model):
    total = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return {"tensors": total, "scalars": total}""",
    "freeze_base": """def freeze_base(model, head_name):
    for name, parameter in model.named_parameters():
        parameter.requires_grad = head_name in name""",
}
# learner -> answers (None: a file that is no notebook)
CLASS: dict[str, dict[str, str] | None] = {
    "ada-all-right": RIGHT,
    "ben-untouched": {},
    "cleo-half-way": {"freeze_base": RIGHT["freeze_base"]},
    "dan-attributes": ATTRIBUTES,
    "eve-part-of-a-name": LOOKALIKE,
    "fay-broken-file": None,
}


def main(folder: Path | None = None, workers: int | None = None) -> int:
    """Make the class in `folder` (default ``demo/``), grade it, and say where to look; returns the exit code."""
    course = make(folder or settings.root() / "demo")
    print(f"Released {LESSON}: {release(course, LESSON)}")
    print(f"{len(CLASS)} learners have handed in; grading them takes about half a minute.", flush=True)
    outcomes = grade.grade(course, LESSON, options=grade.Options(workers=workers))
    print(marks.table(marks.marks(course, LESSON), {outcome.student: outcome.reason for outcome in outcomes if outcome.reason}))
    print("\nFeedback, as each learner reads it:")
    for page in pages.feedback(course, LESSON).paths:
        print(f"  {page}")
    lab = f"{sys.executable} -m helpers lab"  # after `make demo` no environment is active
    print(f"\nTo go on: `cd {course.root}`, and run any command there, or `{lab}` and open the menu Nbgrader > Formgrader.")
    return 0


def make(folder: Path) -> Course:
    """A course in `folder` with the lesson built and all six submissions handed in. What was there before is removed.

    Raises:
        CourseError: the folder holds something that is no demonstration.
    """
    origin = settings.root()
    if folder.exists():
        if not (folder / CONFIG).is_file() or (folder / "helpers").exists():
            raise CourseError(f"{folder} is no earlier demonstration: move it away first.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for name in ("course.toml", CONFIG, *COPIED):
        if (origin / name).is_file():
            shutil.copy(origin / name, folder)
    shutil.copytree(origin / "source" / LESSON, folder / "source" / LESSON, ignore=shutil.ignore_patterns(".*"))
    course = Course.here(folder)
    build.build(course)
    for student, answers in CLASS.items():
        _hand_in(course, student, answers)
    return course


def _hand_in(course: Course, student: str, answers: dict[str, str] | None) -> None:
    target = course.folder("submitted", student, LESSON) / f"{LESSON}.ipynb"
    target.parent.mkdir(parents=True)
    # nbgrader's submit writes this file, and its release_feedback asks for it.
    (target.parent / "timestamp.txt").write_text("2026-01-15 12:00:00 UTC", encoding="utf-8")
    if answers is None:
        target.write_text('{"cells": [ this was cut off while it was saved', encoding="utf-8")
        return
    notebook = masters.read(masters.path_of("notebooks", LESSON, course.root))
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    target.write_text(masters.text(notebook), encoding="utf-8")
