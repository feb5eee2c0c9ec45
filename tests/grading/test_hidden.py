"""Are hidden problems secret, varied, and the same at every grading?"""

import importlib
import multiprocessing
import os
import stat

import pytest

from helpers.checks.report import NOT_YET
from helpers.grading.hidden import draw, problems
from tests.answers import after
from tests.support.notebook_cells import graded


@pytest.fixture(autouse=True)
def course(tmp_path, monkeypatch):
    (tmp_path / "course.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FINETUNE_SECRET", raising=False)
    return tmp_path


def test_a_regrade_poses_the_same_problems_and_another_course_others(course, monkeypatch):
    first = problems.small_models(draw.seed("freeze_base"))
    assert problems.small_models(draw.seed("freeze_base")) == first
    (course / ".course" / "secret").unlink()
    assert problems.small_models(draw.seed("freeze_base")) != first


def test_each_exercise_has_problems_of_its_own():
    assert draw.seed("freeze_base") != draw.seed("make_optimizer")


@pytest.mark.parametrize("number", range(20))
def test_small_models_are_of_unrelated_classes_and_differ_from_each_other_and_from_visible_ones(number):
    made = problems.small_models(number)
    assert all(len({case.kind for case in made} & set(group)) == 1 for group in problems.GROUPS)
    assert len(set(made)) == len({case.seed for case in made}) == len(problems.GROUPS)
    assert all(case.seed >= 1000 and case.num_images % case.batch_size for case in made)
    assert "efficientnet" in {case.kind for case in made}, "the class of the lesson's own backbone"


def test_fields_can_be_kept_and_more_problems_than_kinds_be_asked_for():
    made = problems.small_models(1, count=8, num_classes=10)
    assert len(made) == 8 > len(problems.GROUPS) and {case.num_classes for case in made} == {10}


def test_an_exercise_can_have_problems_of_its_own_kind(monkeypatch):
    monkeypatch.setitem(problems.MAKERS, "sums", lambda seed, count: [seed] * count)
    assert draw.cases("sums", count=2) == [draw.seed("sums")] * 2


def test_the_secret_is_the_owners_alone(course):
    draw.seed("freeze_base")
    path = course / ".course" / "secret"
    assert len(path.read_text()) == 32
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


def test_the_environment_can_bring_the_secret_and_then_no_file_is_made(course, monkeypatch):
    monkeypatch.setenv("FINETUNE_SECRET", "one")
    first = draw.seed("freeze_base")
    monkeypatch.setenv("FINETUNE_SECRET", "two")
    assert draw.seed("freeze_base") != first
    assert not (course / ".course").exists()


def test_graders_that_start_at_once_agree():
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert len(set(pool.map(draw.seed, ["freeze_base"] * 12, chunksize=1))) == 1


# What only some class of models has by these names: the lesson's backbone, timm's, torchvision's, the course's own small ones.
PARTS = {
    "conv_head": lambda model: model.conv_head,
    "blocks": lambda model: model.blocks,
    "num_features": lambda model: model.num_features,
    "get_classifier": lambda model: model.get_classifier(),
    "features": lambda model: model.features,
    "stem": lambda model: model.stem,
    "the last child": lambda model: [*model.children()][-1].in_features,
}
OF_MODELS = (
    "count_parameters", "classify", "replace_head", "freeze_base", "trainable_summary", "set_training_mode", "make_optimizer",
    "train_one_epoch", "evaluate", "extract_features", "parameter_groups", "fine_tune", "prediction_trace", "save_model",
    "load_model", "predict_file", "export_onnx", "lora_summary", "add_lora", "merge_lora",
)  # fmt: skip


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", OF_MODELS)
def test_an_answer_that_asks_for_what_one_class_of_models_has_is_not_right(name, number):
    """Each names one part of the model, and is right otherwise."""
    cases = [getattr(problem, "case", problem) for problem in problems.MAKERS.get(name, problems.small_models)(number, 5)]

    def stops(part):
        for case in cases:
            try:
                PARTS[part](case.model())
            except AttributeError:
                return True
        return False

    assert len({case.kind for case in cases}) >= 3
    assert [part for part in PARTS if not stops(part)] == []


@pytest.mark.parametrize("name", OF_MODELS)
def test_a_right_answer_that_asks_for_it_first_is_graded_as_not_right(name):
    """By the name that the lesson's own backbone has, which is posed as well."""
    check = getattr(importlib.import_module(f"helpers.checks.{graded()[name].split('_', 1)[1]}"), name)
    right = next(iter(importlib.import_module(f"tests.answers.{name}").RIGHT.values()))
    cases = sorted(draw.cases(name), key=lambda case: getattr(case, "case", case).kind != "efficientnet")[:2]
    report = check.report(after(PARTS["conv_head"], right), cases=cases, points=1)
    assert report.status == NOT_YET and report.score < 1 and "conv_head" in report.trouble, report
