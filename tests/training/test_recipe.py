"""Is the course's run what the lessons do, read from disk later, and never read where anything differs?"""

import copy
import shutil
from dataclasses import replace
from unittest.mock import DEFAULT, Mock

import pytest
import torch
from torch import nn

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.data.splits import course_splits
from helpers.models import backbones
from helpers.training import cache, features, kept_runs, loop, recipe, run_phases
from helpers.training.history import rank
from helpers.training.loop import fit, measure
from tests.support.small_backbone import SMALL, same, small_course

SIZES = {"num_train": 30, "num_val": 20, "num_test": 10, "batch_size": 12}


class Trained(Exception):
    """Raised where a run would be trained that should not be."""


@pytest.fixture
def course(tmp_path):
    """The course's settings for the small backbone, with a cache folder of their own."""
    with small_course(cache_folder=tmp_path, **SIZES) as course:
        yield course


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """(the run, the folder where it is kept): trained once for all tests that only look."""
    folder = tmp_path_factory.mktemp("first_run")
    with small_course(cache_folder=folder, **SIZES) as course:
        return recipe.course_run(course, progress=False), folder


@pytest.fixture
def kept(course, first_run):
    """The course with a copy of the kept run in its cache folder."""
    shutil.copytree(first_run[1], course.cache_folder, dirs_exist_ok=True)
    return course


@pytest.fixture
def no_training(monkeypatch):
    monkeypatch.setattr(run_phases, "fit", Mock(side_effect=Trained))


def runs_in(course, having="history") -> list:
    """The files of runs in the cache, of the whole recipe and of its fine-tuning; features lie beside them."""
    files = (course.cache_folder / cache.FOLDER).glob("*.safetensors")
    return [file for file in files if having in cache.read(file.parent, file.stem)]


def differing(one, other) -> set[str]:
    return {name for name, tensor in one.state_dict().items() if not torch.equal(tensor, other.state_dict()[name])}


def test_does_each_model_differ_from_the_one_before_in_what_could_learn(first_run):
    run, _ = first_run
    assert same(run.pretrained, backbones.with_new_head(SMALL, num_classes=10, seed=settings.SEED))
    assert differing(run.pretrained, run.head_model) == {"fc.weight", "fc.bias"}
    moved = differing(run.head_model, run.model)
    wanted = ("fc", "neck", "blocks.")  # its one stage
    assert moved and all(name.startswith(wanted) for name in moved)
    assert moved == {name for name, p in run.model.named_parameters() if p.requires_grad}
    models = (run.pretrained, run.head_model, run.model)
    assert not any(module.training for model in models for module in model.modules())
    assert len({p.data_ptr() for model in models for p in model.parameters()}) == 3 * len(list(run.model.parameters()))


def test_do_the_records_tell_of_these_models(course, first_run):
    run, _ = first_run
    assert [record["epoch"] for record in run.history] == list(range(1, 16))
    assert run.history.phase_starts == {"head": 1, "fine-tune": 6} and run.history.released_at == 6
    assert [record["lr"] for record in run.history] == [1e-3] * 5 + [recipe.FINE_TUNE_LR] * 10
    loader = batches.make_loader(run.datasets["val"], batch_size=12)
    for record, model in ((run.history[4], run.head_model), (min(run.history[5:], key=rank), run.model)):
        found = measure(model, loader)
        assert found["accuracy"] == record["val_accuracy"] and found["loss"] == pytest.approx(record["val_loss"], abs=1e-5)
    splits = course_splits(course)
    for name, wanted in batches.to_datasets(splits, SMALL.transform(32)).items():
        assert run.datasets[name].fingerprint == wanted.fingerprint
    assert run.splits.train.fingerprint() == splits.train.fingerprint()


def test_is_it_what_lesson_06_does_on_the_real_backbone(course):
    """The oracle is the lesson's own code: the head on features, then the tail with the last two stages."""
    course = replace(course, backbone="efficientnet_lite0", num_train=24, num_val=12)
    run = recipe.course_run(course, progress=False)
    backbone = backbones.get("efficientnet_lite0")
    model = backbones.with_new_head(backbone, num_classes=10)
    sets = {name: run.datasets[name] for name in ("train", "val")}
    history = []
    for blocks, lr, num_epochs in ((0, 1e-3, 5), (recipe.released_blocks(backbone), recipe.FINE_TUNE_LR, 10)):
        for block in backbone.residual_blocks(model)[16 - blocks :]:
            block.requires_grad_(True)
        tail, loaders = features.cached_loaders(backbone, model, sets, released_blocks=blocks, batch_size=12, progress=False)
        adam = torch.optim.Adam([p for p in tail.parameters() if p.requires_grad], lr=lr)
        options = {"num_epochs": num_epochs, "history": history, "keep_best": blocks > 0, "progress": False}
        history = fit(tail, loaders["train"], loaders["val"], adam, **options)
        if not blocks:
            assert torch.allclose(model.classifier.weight, run.head_model.classifier.weight, atol=1e-6)
    for name, tensor in model.state_dict().items():
        assert torch.allclose(tensor, run.model.state_dict()[name], atol=1e-5), name
    numbers = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
    found, wanted = ([r[key] for r in records for key in numbers] for records in (run.history, history))
    assert found == pytest.approx(wanted, abs=1e-3)


def test_is_a_later_run_read_from_disk(course, request, capsys, first_run):
    first = recipe.course_run(course)
    assert same(first.model, first_run[0].model), "estimating the time (progress) changes nothing"
    said = capsys.readouterr().out
    words = "The course's recipe: the head for 5 epochs, then the last 4 residual blocks (2 stages) and the head for 10"
    assert said.count(words) == 1
    request.getfixturevalue("no_training")
    later = recipe.course_run(course)
    assert capsys.readouterr().out == "" and later.history == first.history and later.history is not first.history
    for name in ("pretrained", "head_model", "model"):
        one, other = getattr(first, name), getattr(later, name)
        assert same(one, other)
        assert [p.requires_grad for p in one.parameters()] == [p.requires_grad for p in other.parameters()]
    assert not any(module.training for module in later.model.modules())


HEAD_PHASE, BLOCKS_PHASE = recipe.phases(SMALL)
MOVED = SMALL._weights()
MOVED["stem.bias"] += 1e-6
# What decides a run -> the settings that differ, or (where, what, its other value).
CHANGES = {
    "seed": {"seed": 1},
    "images": {"num_train": 31},
    "size": {"image_size": 36},
    "batches": {"batch_size": 20},
    "rate": (recipe, "phases", lambda _: (HEAD_PHASE, replace(BLOCKS_PHASE, lr=2e-4))),
    "epochs": (recipe, "phases", lambda _: (replace(HEAD_PHASE, num_epochs=4), BLOCKS_PHASE)),
    "weights": (backbones.BACKBONES, "small", replace(SMALL, _weights=lambda: copy.deepcopy(MOVED))),
    "threads": (torch, "get_num_threads", lambda: 17),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_is_it_trained_again_when_anything_that_matters_differs(kept, no_training, monkeypatch, change):
    if isinstance(change, dict):
        kept = replace(kept, **change)
    else:
        where, what, other = change
        monkeypatch.setitem(where, what, other) if isinstance(where, dict) else monkeypatch.setattr(where, what, other)
    with pytest.raises(Trained):
        recipe.course_run(kept, progress=False)


def test_is_it_not_trained_again_for_what_does_not_matter(kept, no_training, first_run):
    other = replace(kept, num_test=30, cache_limit_mb=100, show_solutions=False)
    assert same(recipe.course_run(other, progress=False).model, first_run[0].model)


DAMAGES = ("cut short", "no history", "a history of noise", "half a history", "a lost tensor", "another shape")


def spoil(course, damage) -> None:
    """Cut the file of the whole recipe short, or write it whole with something else in it."""
    (file,) = runs_in(course, having="head/fc.bias")
    kept = {name: tensor.clone() for name, tensor in cache.read(file.parent, file.stem).items()}
    words = kept["history"].numpy().tobytes()
    half = words[: words.rindex(b", {")] + b"]"
    contents = {
        "no history": {name: tensor for name, tensor in kept.items() if name != "history"},
        "a history of noise": kept | {"history": torch.full((40,), 200, dtype=torch.uint8)},
        "half a history": kept | {"history": torch.tensor(list(half), dtype=torch.uint8)},
        "a lost tensor": {name: tensor for name, tensor in kept.items() if name != "fine-tune/blocks.3.conv.weight"},
        "another shape": kept | {"head/fc.bias": kept["head/fc.bias"][:1]},
    }
    if damage == "cut short":
        file.write_bytes(file.read_bytes()[:-9])
    else:
        assert cache.write(file.parent, file.stem, contents[damage], 50)


@pytest.mark.parametrize("damage", DAMAGES)
def test_is_a_damaged_file_not_believed(kept, no_training, damage):
    spoil(kept, damage)
    with pytest.raises(Trained):
        recipe.course_run(kept, progress=False)


def test_does_training_again_put_a_damaged_file_right(kept, first_run, request):
    spoil(kept, "another shape")
    again = recipe.course_run(kept, progress=False)
    assert same(first_run[0].model, again.model) and same(first_run[0].head_model, again.head_model)
    request.getfixturevalue("no_training")
    assert recipe.course_run(kept, progress=False).history == again.history


def test_is_fine_tuning_that_lesson_00_made_not_made_again(course, first_run, monkeypatch):
    """The lesson's own lines, from the new head on."""
    run, blocks, model = first_run[0], recipe.released_blocks(SMALL), SMALL.build()
    torch.manual_seed(course.seed)
    model.fc = nn.Linear(SMALL.num_features, 10)
    model.requires_grad_(False).eval()
    model.fc.requires_grad_(True)
    sets, options = {name: run.datasets[name] for name in ("train", "val")}, {"batch_size": course.batch_size, "progress": False}
    tail, loaders = features.cached_loaders(SMALL, model, sets, released_blocks=0, later=blocks, **options)
    adam = torch.optim.Adam(tail.parameters(), lr=recipe.HEAD_LR)
    head = fit(tail, loaders["train"], loaders["val"], adam, num_epochs=5, keep_best=False, progress=False)
    for block in SMALL.residual_blocks(model)[-blocks:]:
        block.requires_grad_(True)
    tail, loaders = features.cached_loaders(SMALL, model, sets, released_blocks=blocks, **options)
    adam = torch.optim.Adam([p for p in tail.parameters() if p.requires_grad], lr=recipe.FINE_TUNE_LR)
    options = {"num_epochs": 10, "phase": "fine-tune", "history": head, "progress": False, "course": course}
    made = kept_runs.fit_once(tail, loaders["train"], loaders["val"], adam, **options)
    assert same(model, run.model)
    monkeypatch.setattr(kept_runs, "fit", Mock(side_effect=Trained))
    again = recipe.course_run(course, progress=False)
    assert same(again.model, model) and same(again.head_model, run.head_model) and again.history[5:] == made[5:]


def test_is_half_a_run_not_kept(course, monkeypatch):
    monkeypatch.setattr(loop, "measure", Mock(wraps=loop.measure, side_effect=[DEFAULT] * 7 + [KeyboardInterrupt]))
    with pytest.raises(CourseError, match=r"after 7 of 15 epochs, so nothing is kept"):
        recipe.course_run(course, progress=False)
    assert not runs_in(course)
