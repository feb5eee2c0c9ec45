"""Is what lessons compute once in the cache before a class is graded, so that no notebook computes it again?"""

from unittest.mock import Mock

import pytest
from nbformat.v4 import new_notebook

from helpers.course import settings
from helpers.course.variants import LEARNER
from helpers.data import batches
from helpers.data.splits import course_splits
from helpers.grading.classroom import warm_cache, workers
from helpers.models import backbones
from helpers.notebooks import masters
from helpers.training import baselines, cache, features, recipe
from tests.support import small_course as small

SPLITS = ("test", "train", "val")


def release(*released: int | str) -> str:
    """A notebook, as text, that declares these numbers of released blocks."""
    return masters.text(new_notebook(metadata={"finetune": {"computed_once": list(released)}} if released else {}))


@pytest.fixture
def course(course_folder, monkeypatch):
    """A course of a few images with an empty cache."""
    small.few_images(course_folder)
    monkeypatch.setenv("FINETUNE_CACHE", str(course_folder / "cache"))
    return course_folder


def as_a_lesson_does(released_blocks: int) -> None:
    """What a lesson's cell computes once."""
    here, backbone, splits = settings.load(), backbones.course_backbone(), course_splits()
    sets = {name: batches.to_dataset(getattr(splits, name), backbone.transform(here.image_size)) for name in SPLITS}
    model = backbones.with_new_head(backbone, num_classes=len(splits.class_names), released_blocks=released_blocks)
    features.cached_loaders(backbone, model, sets, released_blocks=released_blocks, batch_size=here.batch_size, progress=False)


@pytest.mark.parametrize(
    ("lesson", "released"),
    [("03_freeze_base", ()), ("04_train_head", (0,)), ("06_fine_tune", (0, "recipe")), ("07_read_traces", ())],
)
def test_the_lessons_themselves_say_what_they_compute_once(lesson, released):
    text = masters.path_of("notebooks", lesson, small.REPOSITORY).read_text(encoding="utf-8")
    assert sorted(warm_cache.pieces(text)) == [(released, split) for split in SPLITS if released]


def test_a_notebook_that_declares_nothing_asks_for_nothing():
    assert warm_cache.pieces(release()) == []
    assert warm_cache.pieces(release(1)) == [((1,), split) for split in warm_cache.SPLITS]


def test_a_notebook_finds_what_was_computed_ahead(course, monkeypatch):
    warm_cache.compute(str(course), [((0, 1), "test"), ((0, 1), "train"), ((0,), "val")])
    monkeypatch.setattr(features, "_compute", Mock(side_effect=AssertionError("computed again")))
    as_a_lesson_does(0)
    with pytest.raises(AssertionError, match="computed again"):
        as_a_lesson_does(1)


def test_the_recipes_number_of_blocks_is_the_backbones(course, monkeypatch):
    warm_cache.compute(str(course), [((masters.RECIPE,), split) for split in SPLITS])
    monkeypatch.setattr(features, "_compute", Mock(side_effect=AssertionError("computed again")))
    as_a_lesson_does(recipe.released_blocks(backbones.course_backbone()))


def test_what_only_cells_that_show_ask_for_is_there_where_all_are_run(course, monkeypatch):
    small.few_images(course, image_size=32, num_train=20, num_val=20, num_test=20)
    declared = release(masters.RUN, masters.BASELINES)
    assert warm_cache.pieces(declared) == []
    warm_cache.compute(str(course), warm_cache.pieces(declared, whole=True))
    again = Mock(side_effect=AssertionError("computed again"))
    for module, name in ((features, "_compute"), (recipe, "_train"), (baselines, "fit")):
        monkeypatch.setattr(module, name, again)
    as_a_lesson_does(recipe.released_blocks(backbones.course_backbone()))
    recipe.course_run(progress=False)
    baselines.on_pixels(course_splits())


def test_where_each_learner_has_images_of_their_own_nothing_is_computed(course, monkeypatch):
    text = (course / settings.FILE).read_text(encoding="utf-8")
    (course / settings.FILE).write_text(text.replace("enabled = false", "enabled = true"), encoding="utf-8")
    monkeypatch.setenv(LEARNER, "somebody")
    assert settings.varied()
    warm_cache.compute(str(course), [((0,), "val")])
    assert not (course / "cache").exists()


def test_workers_share_it_and_something_is_said_when_it_takes_long(course, monkeypatch, capsys):
    with workers.Workers(2) as started:
        crew = started.crew(2)
        workers.compute_ahead(crew, str(course), release(), False, progress=True)
        assert "once" not in capsys.readouterr().out
        monkeypatch.setattr(workers, "SILENT_SECONDS", 0.01)
        for progress in (False, True):
            workers.compute_ahead(crew, str(course), release(0), False, progress=progress)
            said = "Computing what is frozen in this lesson's model, once" if progress else "once"
            assert (said in capsys.readouterr().out) == progress
            assert len(list((course / "cache" / cache.FOLDER).iterdir())) == len(SPLITS)
