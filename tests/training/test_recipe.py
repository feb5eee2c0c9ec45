"""Is the course's run what the lessons do, read from disk later, and never read where anything differs?"""

import copy
import shutil
from dataclasses import replace

import pytest
import torch

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.data.splits import course_splits
from helpers.models import backbones
from helpers.training import cache, features, loop, recipe, run_phases
from helpers.training.history import rank
from helpers.training.loop import fit, measure
from tests.support.small_backbone import SMALL

SIZES = {"image_size": 32, "num_train": 30, "num_val": 20, "num_test": 10, "batch_size": 12}


class Trained(Exception):
    """Raised where a run would be trained that should not be."""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The course's settings for the small backbone, with a cache folder of their own."""
    monkeypatch.setitem(backbones.BACKBONES, "small", SMALL)
    return replace(settings.load(), backbone="small", dataset="digits", cache_folder=tmp_path, **SIZES)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """(the run, the folder where it is kept): trained once for all tests that only look."""
    folder = tmp_path_factory.mktemp("first_run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(backbones.BACKBONES, "small", SMALL)
        course = replace(settings.load(), backbone="small", dataset="digits", cache_folder=folder, **SIZES)
        return recipe.course_run(course, progress=False), folder


@pytest.fixture
def kept(course, first_run):
    """The course with a copy of the kept run in its cache folder."""
    shutil.copytree(first_run[1], course.cache_folder, dirs_exist_ok=True)
    return course


@pytest.fixture
def no_training(monkeypatch):
    def refuse(*args, **options):
        raise Trained

    monkeypatch.setattr(run_phases, "fit", refuse)


def kept_runs(course) -> list:
    """The files of runs in the cache; features lie beside them."""
    files = (course.cache_folder / features.FOLDER).glob("*.safetensors")
    return [file for file in files if "history" in cache.read(file.parent, file.stem)]


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def differing(one, other) -> set[str]:
    return {name for name, tensor in one.state_dict().items() if not torch.equal(tensor, other.state_dict()[name])}


def test_does_each_model_differ_from_the_one_before_in_what_could_learn(first_run):
    run, _ = first_run
    assert same(run.pretrained, backbones.released_model(SMALL, num_classes=10, seed=settings.SEED))
    assert differing(run.pretrained, run.head_model) == {"fc.weight", "fc.bias"}
    moved = differing(run.head_model, run.model)
    released = recipe.RELEASED_BLOCKS
    wanted = {"fc", "neck", *(f"blocks.{number}" for number in range(4 - released, 4))}
    assert moved and all(name.startswith(tuple(wanted)) for name in moved)
    assert moved == {name for name, p in run.model.named_parameters() if p.requires_grad}
    for model in (run.pretrained, run.head_model, run.model):
        assert not any(module.training for module in model.modules())
    assert len({p.data_ptr() for m in (run.pretrained, run.head_model, run.model) for p in m.parameters()}) == 3 * len(
        list(run.model.parameters())
    )


def test_do_the_records_tell_of_these_models(course, first_run):
    run, _ = first_run
    assert [record["epoch"] for record in run.history] == list(range(1, 16))
    assert run.history.phase_starts == {"head": 1, "fine-tune": 6} and run.history.released_at == 6
    assert [record["lr"] for record in run.history] == [1e-3] * 5 + [1e-4] * 10
    loader = batches.make_loader(run.datasets["val"], batch_size=12)
    for record, model in ((run.history[4], run.head_model), (min(run.history[5:], key=rank), run.model)):
        found = measure(model, loader)
        assert found["accuracy"] == record["val_accuracy"] and found["loss"] == pytest.approx(record["val_loss"], abs=1e-5)
    splits = course_splits(course)
    for name in ("train", "val", "test"):
        wanted = batches.to_dataset(getattr(splits, name), SMALL.transform(32))
        assert run.datasets[name].fingerprint == wanted.fingerprint
    assert run.splits.train.fingerprint() == splits.train.fingerprint()


def test_is_it_what_lesson_06_does_on_the_real_backbone(course):
    """The oracle is the lesson's own code: the head on features, then the tail with the last two blocks."""
    course = replace(course, backbone="efficientnet_lite0", num_train=24, num_val=12)
    run = recipe.course_run(course, progress=False)
    backbone = backbones.get("efficientnet_lite0")
    model = backbones.released_model(backbone, num_classes=10)
    sets = {name: run.datasets[name] for name in ("train", "val")}
    history = []
    for blocks, lr, num_epochs in ((0, 1e-3, 5), (2, 1e-4, 10)):
        for block in backbone.residual_blocks(model)[16 - blocks :]:
            block.requires_grad_(True)
        tail, loaders = features.cached_loaders(backbone, model, sets, blocks, batch_size=12, progress=False)
        adam = torch.optim.Adam([p for p in tail.parameters() if p.requires_grad], lr=lr)
        options = {"num_epochs": num_epochs, "history": history, "keep_best": blocks > 0, "progress": False}
        history = fit(tail, loaders["train"], loaders["val"], adam, **options)
        if not blocks:
            assert torch.allclose(model.classifier.weight, run.head_model.classifier.weight, atol=1e-6)
    for name, tensor in model.state_dict().items():
        assert torch.allclose(tensor, run.model.state_dict()[name], atol=1e-5), name
    numbers = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
    assert [[r[key] for key in numbers] for r in run.history] == [
        [pytest.approx(r[key], abs=1e-3) for key in numbers] for r in history
    ]


def test_is_a_later_run_read_from_disk(course, request, capsys, first_run):
    first = recipe.course_run(course)
    assert same(first.model, first_run[0].model), "estimating the time (progress) changes nothing"
    said = capsys.readouterr().out
    assert said.count("The course's recipe: the head for 5 epochs, then the last 2 blocks and the head for 10") == 1
    request.getfixturevalue("no_training")
    later = recipe.course_run(course)
    assert capsys.readouterr().out == ""
    assert later.history == first.history and later.history is not first.history
    for name in ("pretrained", "head_model", "model"):
        one, other = getattr(first, name), getattr(later, name)
        assert same(one, other)
        assert [p.requires_grad for p in one.parameters()] == [p.requires_grad for p in other.parameters()]
    assert not any(module.training for module in later.model.modules())


def other_seed(course, monkeypatch):
    return replace(course, seed=1)


def other_images(course, monkeypatch):
    return replace(course, num_train=31)


def other_size(course, monkeypatch):
    return replace(course, image_size=36)


def other_batches(course, monkeypatch):
    return replace(course, batch_size=20)


def other_rate(course, monkeypatch):
    monkeypatch.setattr(recipe, "PHASES", (recipe.PHASES[0], replace(recipe.PHASES[1], lr=2e-4)))
    return course


def other_epochs(course, monkeypatch):
    monkeypatch.setattr(recipe, "PHASES", (replace(recipe.PHASES[0], num_epochs=4), recipe.PHASES[1]))
    return course


def other_weights(course, monkeypatch):
    state = SMALL._weights()
    state["stem.bias"] += 1e-6
    monkeypatch.setitem(backbones.BACKBONES, "small", replace(SMALL, _weights=lambda: copy.deepcopy(state)))
    return course


def other_threads(course, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 17)
    return course


CHANGES = (other_seed, other_images, other_size, other_batches, other_rate, other_epochs, other_weights, other_threads)


@pytest.mark.parametrize("change", CHANGES)
def test_is_it_trained_again_when_anything_that_matters_differs(kept, no_training, monkeypatch, change):
    with pytest.raises(Trained):
        recipe.course_run(change(kept, monkeypatch), progress=False)


def test_is_it_not_trained_again_for_what_does_not_matter(kept, no_training, first_run):
    other = replace(kept, num_test=30, cache_limit_mb=100, show_solutions=False)
    assert same(recipe.course_run(other, progress=False).model, first_run[0].model)


def cut_short(folder, key, kept):
    file = folder / f"{key}.safetensors"
    file.write_bytes(file.read_bytes()[:-9])


def no_history(folder, key, kept):
    cache.write(folder, key, {name: tensor for name, tensor in kept.items() if name != "history"}, 50)


def history_of_noise(folder, key, kept):
    cache.write(folder, key, kept | {"history": torch.full((40,), 200, dtype=torch.uint8)}, 50)


def half_a_history(folder, key, kept):
    words = kept["history"].numpy().tobytes().decode()
    short = words[: words.rindex(", {")] + "]"
    cache.write(folder, key, kept | {"history": torch.tensor(list(short.encode()), dtype=torch.uint8)}, 50)


def lost_tensor(folder, key, kept):
    cache.write(folder, key, {name: tensor for name, tensor in kept.items() if name != "fine-tune/blocks.3.conv.weight"}, 50)


def other_shape(folder, key, kept):
    cache.write(folder, key, kept | {"head/fc.bias": kept["head/fc.bias"][:1]}, 50)


DAMAGES = (cut_short, no_history, history_of_noise, half_a_history, lost_tensor, other_shape)


@pytest.mark.parametrize("damage", DAMAGES)
def test_is_a_damaged_file_not_believed(kept, no_training, damage):
    spoil(kept, damage)
    with pytest.raises(Trained):
        recipe.course_run(kept, progress=False)


def test_does_training_again_put_a_damaged_file_right(kept, first_run, request):
    spoil(kept, other_shape)
    again = recipe.course_run(kept, progress=False)
    assert same(first_run[0].model, again.model) and same(first_run[0].head_model, again.head_model)
    request.getfixturevalue("no_training")
    assert recipe.course_run(kept, progress=False).history == again.history


def spoil(course, damage) -> None:
    (file,) = kept_runs(course)
    tensors = {name: tensor.clone() for name, tensor in cache.read(file.parent, file.stem).items()}
    damage(file.parent, file.stem, tensors)


def test_is_half_a_run_not_kept(course, monkeypatch):
    true_measure, done = loop.measure, []

    def interrupted(*args):
        done.append(1)
        if len(done) == 8:
            raise KeyboardInterrupt
        return true_measure(*args)

    monkeypatch.setattr(loop, "measure", interrupted)
    with pytest.raises(CourseError, match=r"after 7 of 15 epochs, so nothing is kept"):
        recipe.course_run(course, progress=False)
    assert not kept_runs(course)
