"""Does the range test find a rate, and leave the model, the loader and the random state as if it had not been?"""

import copy
import math
from itertools import islice, pairwise

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks.small_models import Case
from helpers.course.errors import CourseError
from helpers.inspection.snapshot import changes_since, take_snapshot
from helpers.training.lr_finder import EXPLODED, find_lr

CASE = Case(num_images=40, batch_size=8, num_classes=3)


def loader(shuffle=True, seed=0, batch_size=8):
    images, labels = CASE.images(), CASE.labels()
    images[:, 0] += labels[:, None, None]  # something to learn
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(TensorDataset(images, labels), batch_size=batch_size, shuffle=shuffle, generator=generator)


def head_only(dropout=0.0):
    model = CASE.model().requires_grad_(False)
    model.fc = nn.Sequential(nn.Dropout(dropout), model.fc) if dropout else model.fc
    model.fc.requires_grad_(True)
    return model.eval()


def test_do_rates_grow_by_one_factor_between_the_two_ends():
    curve = find_lr(head_only(), loader(), lowest=1e-5, highest=1e-1, num_steps=40)
    factors = [after / before for before, after in pairwise(curve.rates)]
    assert factors == pytest.approx([(1e4) ** (1 / 39)] * len(factors))
    assert 1e-5 < curve.rates[0] < curve.suggestion < curve.rates[-1] < 1e-1
    assert len(curve.rates) == len(curve.losses) == 40 - 5 + 1  # a mean over one pass of five batches
    assert all(map(math.isfinite, curve.losses))


def test_does_the_curve_start_at_the_models_loss_and_fall():
    model = head_only()
    curve = find_lr(model, loader(shuffle=False))
    images, labels = loader().dataset.tensors
    assert curve.losses[0] == pytest.approx(nn.functional.cross_entropy(model(images), labels).item(), abs=0.01)
    assert min(curve.losses) < 0.8 * curve.losses[0]


def test_is_the_suggestion_where_the_curve_falls_most_steeply():
    curve = find_lr(head_only(), loader())
    lowest = curve.losses.index(min(curve.losses))
    points = zip(map(math.log, curve.rates), curve.losses, strict=True)
    slopes = [(loss - before) / (rate - lower) for (lower, before), (rate, loss) in islice(pairwise(points), lowest)]
    assert curve.suggestion == curve.rates[slopes.index(min(slopes))]


def test_does_it_stop_when_the_loss_explodes():
    curve = find_lr(CASE.model(), loader(), lowest=1e-3, highest=1e6, num_steps=60)
    assert curve.exploded and len(curve.losses) < 50
    assert curve.losses[-1] > EXPLODED * min(curve.losses) or max(curve.losses) <= EXPLODED * min(curve.losses)
    assert curve.suggestion < curve.rates[-1]


@pytest.mark.parametrize("train_batchnorm", [False, True])
def test_is_the_model_untouched(train_batchnorm):
    model = CASE.model()
    model.fc.weight.grad = torch.ones_like(model.fc.weight)
    before = take_snapshot(model)
    find_lr(model, loader(), train_batchnorm=train_batchnorm)
    assert not changes_since(before, model) and torch.equal(model.fc.weight.grad, torch.ones_like(model.fc.weight))


def test_is_the_training_after_it_the_same_as_without_it():
    def train(with_test):
        torch.manual_seed(3)
        model, batches = head_only(dropout=0.5), loader(seed=4)
        model.train()
        next(iter(batches))  # the loader's generator is somewhere in its course
        if with_test:
            find_lr(model, batches)
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
        for images, labels in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
        return [copy.deepcopy(p) for p in model.parameters()], torch.rand(1)

    with torch.random.fork_rng():
        (plain, drawn), (after, drawn_after) = train(False), train(True)
    assert all(torch.equal(a, b) for a, b in zip(plain, after, strict=True)) and drawn == drawn_after


def test_does_every_pass_take_the_same_batches():
    seen, model = [], head_only()
    model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].sum().item()))
    for batches in (loader(), DataLoader(loader().dataset, batch_size=8, shuffle=True)):
        seen.clear()
        find_lr(model, batches, num_steps=20)
        assert len(set(seen[:5])) == 5 and seen == seen[:5] * 4


def test_does_it_work_with_any_iterable_of_batches():
    batches = list(loader(shuffle=False))
    assert find_lr(head_only(), batches).losses == find_lr(head_only(), loader(shuffle=False)).losses


def test_is_the_lowest_rate_suggested_where_the_loss_never_falls():
    model = head_only()
    with torch.no_grad():
        model.fc.weight.zero_()
        model.fc.bias.zero_()
    labels = torch.arange(3).repeat(4)
    batches = DataLoader(TensorDataset(torch.zeros(12, 3, 12, 12), labels), batch_size=12)  # equal images: chance is the optimum
    curve = find_lr(model, batches)
    assert curve.suggestion == curve.rates[0]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: find_lr(head_only().requires_grad_(False), loader()), "Nothing in this model is trainable"),
        (lambda: find_lr(head_only(), []), "gave no batch"),
        (lambda: find_lr(head_only(), loader(), lowest=0.1, highest=0.1), "take 0 < lowest < highest"),
        (lambda: find_lr(head_only(), loader(), lowest=0.0), "take 0 < lowest < highest"),
        (lambda: find_lr(head_only(), loader(), num_steps=5), "20 steps or more"),
        (lambda: find_lr(CASE.model(), loader(), lowest=1e30, highest=1e35), "start from a lower one"),
    ],
)
def test_is_what_cannot_be_tested_refused_with_the_remedy(call, said):
    with pytest.raises(CourseError, match=said):
        call()
