"""Is the recorded run whole, by today's recipe, on real images, and what the course's run would be?"""

import pytest

from helpers.course.errors import CourseError
from helpers.models import backbones
from helpers.training import baselines, real_run, recipe
from helpers.training.real_run import SETTINGS, load_real_run
from tests.support.small_backbone import small_course

RUN = load_real_run()


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real_run")
    with small_course(num_train=40, num_val=30, num_test=20, batch_size=16, cache_folder=folder) as course:
        yield course


def test_is_it_todays_recipe_on_all_the_digits_that_come_with_pip():
    own = recipe.phases(backbones.get(SETTINGS["backbone"]))
    assert RUN.settings == SETTINGS and RUN.phases == tuple(map(str, own))
    assert SETTINGS["num_train"] + SETTINGS["num_val"] + SETTINGS["num_test"] == 5000
    assert RUN.machine["threads"] == 1 and RUN.machine["torch"] and RUN.seconds > 0 and "real-run" in RUN.command


def test_are_its_records_whole_and_of_whole_images():
    assert [record["epoch"] for record in RUN.history] == list(range(1, recipe.NUM_EPOCHS + 1))
    assert RUN.history.phase_starts == {"head": 1, "fine-tune": recipe.HEAD_EPOCHS + 1}
    for record in RUN.history:
        for split in ("train", "val"):
            right = record[f"{split}_accuracy"] * SETTINGS[f"num_{split}"]
            assert abs(right - round(right)) < 0.01
    assert set(RUN.accuracies) == {"head", "fine_tuned", *baselines.TITLES}
    assert all(0.5 < accuracy < 1 for accuracy in RUN.accuracies.values())


def test_does_it_run_as_the_courses_run_does_and_survive_its_file(course, tmp_path):
    run, own = real_run.make(course), recipe.course_run(course, progress=False)
    for found, wanted in zip(run.history, own.history, strict=True):
        assert found == {key: pytest.approx(wanted[key], abs=1e-5) if key != "phase" else wanted[key] for key in found}
    path = tmp_path / "run.json"
    real_run.save(run, path)
    assert load_real_run(path) == run and run.settings["num_train"] == 40


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"history": []}'])
def test_is_a_file_without_a_run_refused(content, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(content)
    with pytest.raises(CourseError, match="holds no run"):
        load_real_run(path)
