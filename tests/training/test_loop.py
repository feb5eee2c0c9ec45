"""Does the loop train what is released, measure exactly, and keep what was done?"""

import copy
import json

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks.small_models import KINDS, Case
from helpers.course.errors import CourseError
from helpers.inspection.snapshot import changes_since, take_snapshot
from helpers.training.history import KEYS, History
from helpers.training.loop import fit, measure, set_modes, train_epoch

CASE = Case()
LOADER = CASE.loader()  # the same batches in each pass


def head_only(case: Case = CASE):
    """A model with a free head, and its optimizer."""
    model = case.model().requires_grad_(False)
    case.head(model).requires_grad_(True)
    return model, torch.optim.SGD(case.head(model).parameters(), lr=0.1, momentum=0.9)


def record(epoch=1, accuracy=0.5, loss=1.0, **more) -> dict:
    known = {"train_loss": 1.0, "train_accuracy": 0.5, "val_loss": loss, "val_accuracy": accuracy}
    return {"epoch": epoch, "lr": 0.1, **known, **more}


class Interrupting:
    """A loader that is interrupted, as by the stop button, in a given pass and batch."""

    def __init__(self, loader, epoch: int, batch: int = 1):
        self.loader, self.epoch, self.batch, self.passes = loader, epoch, batch, 0

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        self.passes += 1
        for place, batch in enumerate(self.loader):
            if (self.passes, place) == (self.epoch, self.batch):
                raise KeyboardInterrupt
            yield batch


@pytest.mark.parametrize("kind", KINDS)
def test_does_only_the_head_move_when_only_the_head_is_free(kind):
    case = Case(kind=kind)
    model, optimizer = head_only(case)
    before = take_snapshot(model)
    history = fit(model, case.loader(), case.loader(), optimizer, num_epochs=2, progress=False)
    changes = changes_since(before, model)
    assert changes.parameters == {f"{case.head_name}.weight", f"{case.head_name}.bias"}
    assert not changes.buffers and not changes.flags and not changes.modules
    assert len(history) == 2 and not model.training


def test_does_a_record_hold_the_contracts_keys():
    model, optimizer = head_only()
    history = fit(model, LOADER, LOADER, optimizer, num_epochs=2, phase="head", progress=False)
    assert set(history[0]) == {*KEYS, "phase", "seconds"}
    assert [r["epoch"] for r in history] == [1, 2]
    assert all(type(value) in (int, float, str) for r in history for value in r.values())
    assert history[0]["phase"] == "head" and history[0]["lr"] == 0.1


def test_are_means_exact_where_the_last_batch_is_smaller():
    """Facts: 5000 images make 78 batches of 64 and one of 8; the mean of batch means is biased."""
    generator = torch.Generator().manual_seed(0)
    inputs, labels = torch.randn(5000, 6, generator=generator), torch.randint(3, (5000,), generator=generator)
    # The last batch is made hard, so that counting it as a whole batch would show.
    inputs[-8:] *= 50
    model = nn.Linear(6, 3)
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=64)
    with torch.no_grad():
        logits = model(inputs).double()
    measured = measure(model, loader)
    assert len(loader) == 79 and measured["loss"] == pytest.approx(cross_entropy(logits, labels).item(), rel=1e-6)
    assert measured["accuracy"] == (logits.argmax(1) == labels).sum().item() / 5000
    still = train_epoch(model, loader, torch.optim.SGD(model.parameters(), lr=0.0))
    assert still == pytest.approx(measured, rel=1e-6)


def test_does_measuring_leave_modes_weights_and_buffers_alone():
    model = CASE.model()
    model.blocks[1].eval()
    before = take_snapshot(model)
    measure(model, LOADER)
    assert not changes_since(before, model) and all(p.grad is None for p in model.parameters())


def test_are_modes_restored_when_measuring_fails():
    model = Case().model()
    with pytest.raises(RuntimeError):
        measure(model, [(torch.zeros(2, 7), torch.zeros(2, dtype=torch.int64))])
    assert model.training and all(module.training for module in model.modules())


def test_do_frozen_parts_go_to_eval_and_released_ones_to_train_but_for_batchnorm():
    case = Case(kind="nested")
    model, _ = head_only(case)
    case.blocks(model)[-1].requires_grad_(True)
    set_modes(model)
    training = {name for name, module in model.named_modules() if module.training}
    inside = ("", ".0", ".0.conv", ".1", ".1.0", ".1.0.conv", ".1.1")
    assert training == {*(f"blocks.2{name}" for name in inside), "fc"}
    set_modes(model, train_batchnorm=True)
    assert {"neck", "blocks.2.0.norm", "blocks.2.1.0.norm"} < {name for name, m in model.named_modules() if m.training}
    assert not model.blocks[0].norm.training


def test_does_dropout_follow_what_it_lies_in():
    model = nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.Dropout()), nn.Sequential(nn.Dropout(), nn.Linear(4, 2)))
    model[0].requires_grad_(False)
    set_modes(model)
    assert not model[0][1].training and model[1][0].training and not model.training


def test_are_the_best_epochs_weights_restored_although_training_went_on():
    """Facts: `best = model.state_dict()` is a live reference."""
    model, optimizer = head_only()
    kept = {}

    class Wrecking:
        """After two epochs the labels are turned round, so that the second epoch stays the best."""

        passes = 0

        def __iter__(self):
            self.passes += 1
            if self.passes == 3:
                kept.update(copy.deepcopy(model.state_dict()))
            for images, labels in LOADER:
                yield images, labels if self.passes < 3 else (labels + 1) % CASE.num_classes

    optimizer.param_groups[0]["lr"] = 1.0
    history = fit(model, Wrecking(), LOADER, optimizer, num_epochs=6, progress=False)
    assert history.best["epoch"] == 2 and all(torch.equal(model.state_dict()[name], kept[name]) for name in kept)


def test_does_keep_best_off_leave_the_last_weights():
    (model, optimizer), (other, other_optimizer) = head_only(), head_only()
    fit(model, LOADER, LOADER, optimizer, num_epochs=3, keep_best=False, progress=False)
    set_modes(other)
    for _ in range(3):
        train_epoch(other, LOADER, other_optimizer)
    assert torch.equal(model.fc.weight, other.fc.weight)


def test_does_an_interruption_keep_what_was_done(capsys):
    model, optimizer = head_only()
    twin, twin_optimizer = head_only()
    earlier = [record(1, phase="head")]
    history = fit(model, Interrupting(LOADER, 3), LOADER, optimizer, num_epochs=9, phase="fine-tune", history=earlier)
    reference = fit(twin, LOADER, LOADER, twin_optimizer, num_epochs=2, progress=False)
    assert [r["epoch"] for r in history] == [1, 2, 3] and history.released_at == 2
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), twin.state_dict().values(), strict=True))
    assert [r["val_loss"] for r in history[1:]] == [r["val_loss"] for r in reference]
    assert "Interrupted after 2 of 9 epochs" in capsys.readouterr().out


def test_does_an_interruption_in_the_first_epoch_give_an_empty_history(capsys):
    model, optimizer = head_only()
    assert fit(model, Interrupting(LOADER, 1), LOADER, optimizer, num_epochs=3) == []
    assert "Interrupted after 0 of 3 epochs" in capsys.readouterr().out


def test_is_the_bar_on_stdout_alone(capfd):
    """Output on stderr would cost the marks of an nbgrader test cell."""
    model, optimizer = head_only()
    fit(model, LOADER, LOADER, optimizer, num_epochs=2)
    out, err = capfd.readouterr()
    assert "epoch 2 of 2" in out and err == ""
    fit(model, LOADER, LOADER, optimizer, num_epochs=1, progress=False)
    assert capfd.readouterr() == ("", "")


def test_does_the_record_tell_the_rate_that_the_epoch_had():
    model, optimizer = head_only()
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    history = fit(model, LOADER, LOADER, optimizer, num_epochs=3, scheduler=scheduler, progress=False)
    assert [r["lr"] for r in history] == pytest.approx([0.1, 0.05, 0.025])
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    assert len(fit(model, LOADER, LOADER, optimizer, num_epochs=1, scheduler=plateau, progress=False)) == 1


@pytest.mark.parametrize("number", [0, -1, 2.0, True, None])
def test_is_a_senseless_number_of_epochs_refused(number):
    model, optimizer = head_only()
    with pytest.raises(CourseError, match="num_epochs"):
        fit(model, LOADER, LOADER, optimizer, num_epochs=number)


def test_is_a_fully_frozen_model_or_an_empty_loader_refused_in_a_sentence():
    model, optimizer = head_only()
    with pytest.raises(CourseError, match="no batch"):
        fit(model, [], LOADER, optimizer, num_epochs=1, progress=False)
    with pytest.raises(CourseError, match="Nothing in this model is trainable"):
        fit(model.requires_grad_(False), LOADER, LOADER, optimizer, num_epochs=1)


def test_is_the_best_record_by_accuracy_then_loss_then_time_with_nan_last():
    nan = float("nan")
    assert History.of([record(1, 0.5), record(2, 0.7, 2.0), record(3, 0.7, 1.0), record(4, 0.7, 1.0)]).best["epoch"] == 3
    assert History.of([record(1, nan, nan), record(2, 0.1, nan), record(3, 0.1, 9.0)]).best["epoch"] == 3
    assert History().best is None


def test_do_histories_join():
    head = History.of([record(1, phase="head"), record(2, phase="head")])
    whole = head.extend_with([record(1, phase="fine-tune"), record(2, phase="fine-tune")])
    assert [r["epoch"] for r in whole] == [1, 2, 3, 4] and len(head) == 2
    assert whole.phase_starts == {"head": 1, "fine-tune": 3} and whole.released_at == 3
    assert head.released_at is None and History.of([record()]).phase_starts == {}
    assert History.of(json.loads(json.dumps(whole))) == whole, "plain values"


def test_does_a_history_show_its_table_in_words_and_as_html():
    head = History.of([record(1, phase="head"), record(2, phase="head")])
    whole = head.extend_with([record(1, 0.9, phase="fine-tune"), record(2, 0.9, phase="<b>")])
    lines = repr(whole).splitlines()
    assert lines[0].split()[:2] == ["epoch", "phase"] and lines[3].endswith(whole.observations[2])
    assert lines[3].startswith("    3  fine-tune"), "numbers end at the right, words begin at the left"
    html = whole._repr_html_()
    assert html.count("<tr>") == 5 and html.count("scope='col'") == 8 and "&lt;b&gt;" in html and "<b>" not in html
    assert html.count("border-top") == 2 * 8, "a line where a phase begins"
    assert "phase" not in repr(History.of([record()])) and History.of([record()])._repr_html_().count("<td") == 7
    assert repr(History()) == "History: no epoch yet" and "no epoch" in History()._repr_html_()


def test_is_a_history_a_copy_of_the_records():
    records = [record()]
    history = History.of(records)
    history[0]["lr"] = 7.0
    assert records[0]["lr"] == 0.1
    with pytest.raises(CourseError, match="val_accuracy"):
        History.of([{key: 0 for key in KEYS if key != "val_accuracy"}])
