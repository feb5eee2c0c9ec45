"""Is a run that was made before the same to the last bit, and never taken for another one?"""

import copy

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from helpers.data.batches import make_loader
from helpers.training import kept_runs
from helpers.training.history import History
from helpers.training.kept_runs import find_lr_once, fit_once

EARLIER = [{"epoch": 1, "lr": 0.1, **dict.fromkeys(("train_loss", "train_accuracy", "val_loss", "val_accuracy"), 0.5)}]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path))


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.3), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    model[0].requires_grad_(False)
    return model


def once(
    model: nn.Module, *, shift=0.0, lr=0.01, batch_size=8, seed=0, draws=5, num_epochs=3, optimizer=torch.optim.Adam, **more
):
    """(history, model, the order's next state, torch's next random number) of a run from a fresh state."""
    model, draw = copy.deepcopy(model), torch.Generator().manual_seed(0)
    sets = [TensorDataset(torch.randn(20, 6, generator=draw) + shift, torch.arange(20) % 3) for _ in range(2)]
    train, val = (make_loader(one, batch_size=batch_size, shuffle=not n, seed=seed) for n, one in enumerate(sets))
    torch.manual_seed(draws)
    learning = optimizer([p for p in model.parameters() if p.requires_grad], lr=lr)
    history = fit_once(model, train, val, learning, num_epochs=num_epochs, history=more.get("history", ()))
    return history, model, train.generator.get_state(), torch.rand(1)


@pytest.fixture
def trainings(monkeypatch) -> list:
    made, fit = [], kept_runs.fit
    monkeypatch.setattr(kept_runs, "fit", lambda *given, **options: made.append(options) or fit(*given, **options))
    return made


def test_is_the_second_run_the_first_one_without_training(trainings, capsys):
    first, second = once(network(), history=EARLIER), once(network(), history=EARLIER)
    assert len(trainings) == 1 and "read from disk" in capsys.readouterr().out
    assert first[0] == second[0] and isinstance(second[0], History) and len(second[0]) == 4
    assert all(torch.equal(a, b) for a, b in zip(first[1].parameters(), second[1].parameters(), strict=True))
    assert torch.equal(first[2], second[2]) and torch.equal(first[3], second[3]) and not second[1].training


def test_is_it_what_fit_alone_gives(trainings):
    once(network())
    kept, known = once(network()), copy.deepcopy(network())
    torch.manual_seed(0)  # what a run draws is its own, always the same
    draw = torch.Generator().manual_seed(0)
    sets = [TensorDataset(torch.randn(20, 6, generator=draw), torch.arange(20) % 3) for _ in range(2)]
    train, val = (make_loader(one, batch_size=8, shuffle=not n) for n, one in enumerate(sets))
    optimizer = torch.optim.Adam([p for p in known.parameters() if p.requires_grad], lr=0.01)
    own = kept_runs.fit(known, train, val, optimizer, num_epochs=3, progress=False)
    seen = [[{**record, "seconds": 0} for record in history] for history in (kept[0], own)]
    assert seen[0] == seen[1] and all(torch.equal(a, b) for a, b in zip(kept[1].parameters(), known.parameters(), strict=True))


@pytest.mark.parametrize(
    "other",
    [
        {"shift": 0.1},
        {"lr": 0.02},
        {"batch_size": 4},
        {"seed": 1},
        {"num_epochs": 2},
        {"optimizer": torch.optim.SGD},
    ],
)
def test_is_another_run_trained_anew(other, trainings):
    once(network())
    once(network(), **other)
    assert len(trainings) == 2


def test_is_it_the_same_run_whatever_was_drawn_before_and_do_draws_go_on_as_if_it_had_not_been(trainings):
    first, second = once(network()), once(network(), draws=6)
    assert len(trainings) == 1 and first[0] == second[0]
    for drawn, seed in ((first[3], 5), (second[3], 6)):
        torch.manual_seed(seed)
        assert torch.equal(drawn, torch.rand(1))


def test_are_other_weights_or_flags_trained_anew(trainings):
    once(network())
    once(network(seed=1))
    free = network()
    free[0].requires_grad_(True)
    once(free)
    assert len(trainings) == 3


def test_is_a_stopped_run_not_kept(trainings, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(kept_runs, "fit", lambda *given, **options: History.of(EARLIER))
        once(network())
    once(network())
    assert len(trainings) == 1


def test_is_a_range_test_made_once_for_the_same_weights_images_and_order(monkeypatch):
    made, find_lr, labels = [], kept_runs.find_lr, torch.arange(20) % 3
    monkeypatch.setattr(kept_runs, "find_lr", lambda *given: made.append(given) or find_lr(*given))

    def curve(seed=0, shift=0.0, order=0, draws=5):
        images, model = torch.randn(20, 6, generator=torch.Generator().manual_seed(0)) + shift, network(seed)
        torch.manual_seed(draws)
        return find_lr_once(model, make_loader(TensorDataset(images, labels), batch_size=8, shuffle=True, seed=order))

    first = curve()
    assert curve() == curve(draws=6) == first and len(made) == 1
    torch.manual_seed(0)  # what it draws is its own, always the same
    assert first == find_lr(*made[0])
    for other in ({"seed": 1}, {"shift": 0.1}, {"order": 1}):
        assert curve(**other) != first
    assert len(made) == 4
