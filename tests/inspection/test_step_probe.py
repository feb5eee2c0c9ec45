"""Does the probe see what one step does, and leave the original as it was?"""

import copy

import pytest
import torch
from torch import nn

from helpers.checks.small_models import KINDS, Case, head_only
from helpers.inspection.snapshot import changes_since, same_tensor, take_snapshot
from helpers.inspection.step_probe import probe
from helpers.models import backbones
from helpers.training.one_step import copy_together

CASE = Case()
BATCH = next(iter(CASE.loader()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("optimizer_class", [torch.optim.SGD, torch.optim.AdamW])
def test_is_the_original_untouched(kind, optimizer_class):
    case = Case(kind=kind)
    model = case.model()
    optimizer = optimizer_class(model.parameters(), lr=0.1, weight_decay=0.1)
    model(case.images()).sum().backward()
    optimizer.step()
    before, grads = take_snapshot(model), {n: p.grad.clone() for n, p in model.named_parameters()}
    state, random = copy.deepcopy(optimizer.state_dict()), torch.get_rng_state()
    report = probe(model, optimizer, BATCH)
    assert report.changes and report.loss > 0 and not report.error and not changes_since(before, model)
    assert all(torch.equal(p.grad, grads[n]) for n, p in model.named_parameters())
    assert torch.equal(torch.get_rng_state(), random) and str(optimizer.state_dict()) == str(state)
    assert not model._forward_hooks


def test_is_randomness_inside_the_step_given_back():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3))
    random = torch.get_rng_state()
    probe(model, torch.optim.SGD(model.parameters(), lr=0.1), (torch.ones(5, 4), torch.arange(5) % 3))
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("kind", KINDS)
def test_does_a_right_set_up_show_the_head_alone(kind):
    case = Case(kind=kind)
    model = head_only(case)
    report = probe(model, torch.optim.SGD(case.head(model).parameters(), lr=0.25), BATCH)
    names = tuple(f"{case.head_name}.{own}" for own in ("weight", "bias"))
    assert report.changes.parameters == {*names} and not report.changes.buffers
    head = report[case.head_name]
    assert (head.requires_grad, head.lrs, head.in_optimizer, head.training, head.has_gradient) == (True, (0.25,), 2, True, True)
    assert head.moved == names and head.scalars == 8 * 4 + 4
    for layer in report.layers:
        seen = (layer.requires_grad, layer.lrs, layer.training, layer.has_gradient, layer.moved)
        assert layer is head or seen == ((False if layer.tensors else None), (), False, (False if layer.tensors else None), ())


def test_do_a_frozen_parts_statistics_show_in_train_mode():
    model = head_only(CASE).train()
    report = probe(model, torch.optim.SGD(model.fc.parameters(), lr=0.1), BATCH)
    assert report["neck"].buffers_moved == ("neck.running_mean", "neck.running_var", "neck.num_batches_tracked")
    assert report["neck"].moved == () and report["neck"].training


def test_are_the_159_buffers_of_resnet50_counted():
    """Facts: 161 tensors, 53 BatchNorm layers, 159 buffers; all of them change in one pass in train mode."""
    model = backbones.with_new_head("resnet50", pretrained=False).train()
    batch = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)), torch.arange(4)
    report = probe(model, torch.optim.SGD(model.fc.parameters(), lr=0.1), batch)
    assert sum(layer.tensors for layer in report.layers) == 161 and len(report.layers) == 107
    assert len(report.changes.buffers) == 159 and report.changes.parameters == {"fc.weight", "fc.bias"}
    assert sum(layer.scalars for layer in report.layers) == 23_528_522


def test_do_two_groups_show_their_rates():
    model = head_only(CASE)
    model.blocks[2].requires_grad_(True)
    groups = [{"params": model.fc.parameters(), "lr": 0.1}, {"params": model.blocks[2].parameters(), "lr": 0.01}]
    report = probe(model, torch.optim.AdamW(groups), BATCH)
    assert report["fc"].lrs == (0.1,) and report["blocks.2.conv"].lrs == (0.01,) and report["stem"].lrs == ()


def test_is_a_half_frozen_layer_mixed():
    model = head_only(CASE)
    model.fc.bias.requires_grad_(False)
    report = probe(model, torch.optim.SGD([model.fc.weight], lr=0.1), BATCH)
    assert (report["fc"].requires_grad, report["fc"].has_gradient, report["fc"].moved) == ("mixed", "mixed", ("fc.weight",))


def test_are_tensors_of_an_old_head_foreign():
    model = CASE.model()
    optimizer = torch.optim.SGD(model.fc.parameters(), lr=0.1)
    model.fc = nn.Linear(8, 4)
    report = probe(model, optimizer, BATCH)
    assert report.foreign == ((4, 8), (4,)) and not report.changes.parameters
    assert "2 tensors that are not in this model" in repr(report)


def test_does_an_optimizer_of_another_model_do_no_harm():
    other = CASE.model()
    report = probe(CASE.model(), torch.optim.SGD(other.parameters(), lr=0.1), BATCH)
    assert len(report.foreign) == len(list(other.parameters())) and not report.error


def test_are_old_gradients_part_of_the_situation():
    """A frozen tensor with an old gradient moves, if the step does not clear it."""
    model = CASE.model().eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(CASE.images()).sum().backward()
    model.stem.requires_grad_(False)
    report = probe(model, optimizer, BATCH, step=lambda model, optimizer, batch: optimizer.step())
    assert report["stem"].moved == ("stem.weight", "stem.bias") and report.loss is None and report.outputs is None


@pytest.mark.parametrize(
    "frozen, batch, sentence",
    [
        (True, BATCH, "every parameter is frozen"),
        (False, [BATCH[0], BATCH[1] + 9], "A label has no output"),
        (False, [BATCH[0][:, :2], BATCH[1]], "The step stopped with RuntimeError"),
    ],
)
def test_is_a_step_that_cannot_be_done_told_in_a_sentence(frozen, batch, sentence):
    model = CASE.model().requires_grad_(not frozen)
    report = probe(model, torch.optim.SGD(model.parameters(), lr=0.1), batch)
    assert sentence in report.error and report.loss is None and not report.changes.parameters
    assert sentence in repr(report) and sentence in report._repr_html_()


def test_is_a_batch_of_one_told_in_a_sentence():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    batch = torch.ones(1, 3), torch.zeros(1, dtype=torch.int64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert "single image" in probe(model, optimizer, batch).error and not probe(model.eval(), optimizer, batch).error


def test_is_no_grad_around_the_forward_pass_told():
    model = head_only(CASE)

    def step(model, optimizer, batch):
        with torch.no_grad():
            logits = model(batch[0])
        nn.functional.cross_entropy(logits, batch[1]).backward()

    assert "no_grad()" in probe(model, torch.optim.SGD(model.parameters(), lr=0.1), BATCH, step=step).error


def test_does_it_work_without_an_optimizer_and_inside_no_grad():
    with torch.no_grad():
        report = probe(head_only(CASE), None, BATCH)
    assert report["fc"].has_gradient is True and report["fc"].lrs == () and not report.changes.parameters


def test_does_the_table_read_well_in_both_forms():
    report = probe(head_only(CASE), None, BATCH)
    lines = repr(report).splitlines()
    assert " ".join(lines[0].split()) == "layer kind scalars trainable rate mode gradient updated statistics"
    assert lines[-2].split() == ["fc", "Linear", "36", "yes", "not", "held", "train", "yes", "no", "-"]
    assert report._repr_html_().count("<tr>") == len(report.layers) + 1


def test_do_changes_name_each_kind_of_change():
    model = CASE.model()
    before = take_snapshot(model)
    assert not changes_since(before, model)
    model.stem.requires_grad_(False)
    model.blocks[0].eval()
    model.neck.running_mean += 1
    with torch.no_grad():
        model.blocks[1].conv.weight[0, 0, 0, 0] += 1
    model.fc = nn.Linear(8, 5)
    changes = changes_since(before, model)
    assert changes.flags == {"stem.weight", "stem.bias"} and changes.buffers == {"neck.running_mean"}
    assert changes.parameters == {"blocks.1.conv.weight", "fc.weight", "fc.bias"} and changes.modules == {"fc"}
    assert changes.modes == {"blocks.0", "blocks.0.conv", "blocks.0.norm"}


def test_are_vanished_and_new_tensors_changes():
    model = CASE.model()
    before = take_snapshot(model)
    model.fc = nn.Identity()
    model.extra = nn.Linear(2, 2, bias=False)
    changes = changes_since(before, model)
    assert changes.parameters == {"fc.weight", "fc.bias", "extra.weight"} and changes.modules == {"fc", "extra"}


def test_are_tensors_compared_to_the_last_bit_and_nan_is_itself():
    nan = torch.tensor([1.0, float("nan")])
    assert same_tensor(nan, nan.clone()) and not same_tensor(nan, torch.ones(2))
    assert not same_tensor(torch.ones(2), torch.nextafter(torch.ones(2), torch.full((2,), 2.0)))
    assert not same_tensor(torch.ones(2), torch.ones(2).double()) and not same_tensor(torch.ones(2), torch.ones(2, 1))
    image = torch.randn(1, 3, 4, 4)
    assert same_tensor(image, image.to(memory_format=torch.channels_last))
    assert same_tensor(torch.tensor(3), torch.tensor(3)) and not same_tensor(torch.tensor(3), torch.tensor(4))


def test_copies_belong_together_and_share_nothing_with_the_originals():
    hooked, plain = Case().model(), Case().model()
    hooked.register_forward_hook(lambda *_: None)  # cannot be packed, and is copied all the same
    for model in (plain, hooked):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        next(model.parameters()).grad = torch.ones_like(next(model.parameters()))
        model_copy, optimizer_copy = copy_together(model, optimizer)
        held = optimizer_copy.param_groups[0]["params"]
        assert all(a is b for a, b in zip(model_copy.parameters(), held, strict=True))
        assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), model_copy.state_dict().values(), strict=True))
        assert not {p.data_ptr() for p in model.parameters()} & {p.data_ptr() for p in held}
        assert torch.equal(held[0].grad, next(model.parameters()).grad) and held[1].grad is None
        assert len(model_copy._forward_hooks) == len(model._forward_hooks)
