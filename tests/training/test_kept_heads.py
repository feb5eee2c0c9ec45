"""Is a head that was trained before the same to the last bit, and never taken for another one?"""

import pytest
import torch
from torch import nn

from helpers.course.errors import CourseError
from helpers.training.kept_heads import kept

TRAINED = []
RATE = 0.1


def train_head(x, y, *, seed=0, lr=0.1, weight=None, also=None):
    torch.manual_seed(seed)
    head, loss_of = nn.Linear(x.shape[1], 3), nn.CrossEntropyLoss(weight=weight)
    optimizer = torch.optim.SGD(head.parameters(), lr=lr)
    for batch in torch.randperm(len(x)).split(8):
        optimizer.zero_grad()
        loss_of(head(x[batch]), y[batch]).backward()
        optimizer.step()
    return head.requires_grad_(False)


def by_a_variable(x, y):
    return torch.optim.SGD(nn.Linear(x.shape[1], 3).parameters(), lr=RATE)


def by_an_inner_variable(x, y):
    return [(lambda: RATE)() for _ in x]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path))
    TRAINED.clear()
    rule = torch.optim.SGD
    monkeypatch.setattr(torch.optim, "SGD", lambda *given, **options: TRAINED.append(1) or rule(*given, **options))


X, Y = torch.randn(20, 5, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 3


def called(train, *given, **options):
    """(head, what torch draws next) from a fresh state."""
    torch.manual_seed(7)
    return train(*given, **options), torch.rand(2)


def test_is_the_second_head_the_first_one_without_training():
    once = kept(train_head)
    (first, drawn), (second, again), (plain, usual) = (called(train, X, Y) for train in (once, once, train_head))
    assert len(TRAINED) == 2 and once.__wrapped__ is train_head
    for head in (second, plain):
        assert all(torch.equal(a, b) for a, b in zip(first.parameters(), head.parameters(), strict=True))
        assert not any(p.requires_grad for p in head.parameters()) and torch.equal(head(X), first(X))
    assert torch.equal(drawn, again) and torch.equal(drawn, usual)


@pytest.mark.parametrize("other", [{"seed": 1}, {"lr": 0.2}, {"weight": torch.ones(3)}, {"x": X + 1}, {"y": Y.flip(0)}])
def test_are_other_arguments_trained_anew(other):
    once = kept(train_head)
    called(once, X, Y)
    called(once, **{"x": X, "y": Y, **other})
    assert len(TRAINED) == 2


def test_is_a_default_part_of_the_call():
    once = kept(train_head)
    called(once, X, Y)
    called(once, X, Y, seed=0, lr=0.1)
    assert len(TRAINED) == 1


def test_is_nothing_kept_by_an_address():
    once = kept(train_head)
    for _ in range(2):
        called(once, X, Y, also=train_head)
    assert len(TRAINED) == 2


@pytest.mark.parametrize("train", [by_a_variable, by_an_inner_variable])
def test_is_a_function_that_reads_a_variable_refused(train):
    with pytest.raises(CourseError, match="reads RATE from outside"):
        kept(train)
