"""Do counting, freezing, releasing and grouping hold on any small model, not only on the ones we thought of?

The answers tested are the masters' own (the solution cells), against oracles that share no code with them:
a walk through ``_parameters`` by hand in place of ``parameters()``, and real optimisation steps in place of flags.
"""

import math
from functools import cache
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import parameters
from helpers.checks.small_models import Case
from helpers.inspection.snapshot import take_snapshot
from tests.support.cases import small_cases
from tests.support.notebook_cells import graded, imports, masters, run, source

settings.register_profile("course", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("course")

CASES = small_cases(num_images=st.just(5), batch_size=st.just(3), image_size=st.integers(6, 12))


@cache
def answer(name: str) -> Any:
    """The course's own answer to an exercise: the master's solution cell, run."""
    names: dict[str, Any] = {}
    for cell in masters()[graded()[name]].cells:
        if cell.cell_type == "code" and cell.id == name:
            break
        if cell.cell_type == "code":
            run("\n".join(imports(cell.source)) or "None", names)
    run(source(name), names)
    return names[name]


def tensors_by_hand(model: nn.Module) -> dict[int, nn.Parameter]:
    """Every parameter tensor once, found by walking the modules' own dictionaries."""
    found, waiting = {}, [model]
    while waiting:
        module = waiting.pop()
        waiting.extend(child for child in module._modules.values() if child is not None)
        found |= {id(p): p for p in module._parameters.values() if p is not None}
    return found


def shuffled(case: Case, seed: int) -> nn.Module:
    """The case's model with a random half of its tensors frozen."""
    model, draw = case.model(), torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.requires_grad = bool(torch.rand((), generator=draw) < 0.5)
    return model


def moved_by_a_step(model: nn.Module, case: Case, groups: Any = None) -> set[int]:
    """The ids of the tensors that one real step of SGD moves, with a loss that reaches every layer."""
    before = {key: p.detach().clone() for key, p in tensors_by_hand(model).items()}
    optimizer = torch.optim.SGD(groups if groups is not None else list(model.parameters()), lr=0.5)
    logits = model(case.images()[: case.batch_size])
    # Beside the loss a pull on every weight: a dead ReLU must not look like a frozen layer.
    loss = nn.functional.cross_entropy(logits, case.labels()[: case.batch_size])
    loss = loss + sum((p + 1).square().sum() for p in model.parameters() if p.requires_grad)
    loss.backward()
    optimizer.step()
    return {key for key, p in tensors_by_hand(model).items() if not torch.equal(before[key], p)}


@given(CASES, st.integers(0, 100))
def test_counts_agree_with_a_walk_by_hand(case: Case, seed: int) -> None:
    model = shuffled(case, seed)
    everything = tensors_by_hand(model).values()
    learning = [p for p in everything if p.requires_grad]
    total, trainable = (sum(math.prod(p.shape) for p in tensors) for tensors in (everything, learning))
    assert answer("count_parameters")(model) == (total, trainable)
    assert answer("trainable_summary")(model) == {"tensors": len(learning), "scalars": trainable}
    counts = parameters.count(model)
    assert (counts.total, counts.trainable, counts.trainable_tensors) == (total, trainable, len(learning))


@given(CASES, st.integers(1, 3))
def test_a_tables_rows_make_up_the_whole(case: Case, depth: int) -> None:
    model = case.model()
    assert parameters.parameter_table(model, depth).total == parameters.count(model)


@given(CASES, st.integers(0, 100))
def test_freezing_leaves_the_head_alone_to_move(case: Case, seed: int) -> None:
    model = shuffled(case, seed)
    modes = take_snapshot(model).modes
    answer("freeze_base")(model, case.head_name)
    assert take_snapshot(model).modes == modes
    assert moved_by_a_step(model.eval(), case) == set(tensors_by_hand(case.head(model)))


@given(CASES, st.integers(0, 100))
def test_freezing_twice_is_freezing_once(case: Case, seed: int) -> None:
    model = shuffled(case, seed)
    answer("freeze_base")(model, case.head_name)
    flags = take_snapshot(model).flags
    answer("freeze_base")(model, case.head_name)
    assert take_snapshot(model).flags == flags


@given(CASES, st.integers(1, 12))
def test_the_new_head_has_the_old_width_and_leaves_the_features(case: Case, num_classes: int) -> None:
    model, images = case.model().eval(), case.images()
    with torch.no_grad():
        features = case.features(model, images)
        new = answer("replace_head")(model, case.head_name, num_classes)
        assert new is model and torch.equal(case.features(new, images), features)
        assert new(images).shape == (case.num_images, num_classes)
    assert sum(math.prod(p.shape) for p in tensors_by_hand(case.head(new)).values()) == num_classes * case.width + num_classes


@given(CASES, st.booleans())
def test_modes_let_no_statistic_move(case: Case, training: bool) -> None:
    model = case.model().train(training)
    answer("freeze_base")(model, case.head_name)
    answer("set_training_mode")(model, case.head_name)
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    model(case.images())
    assert all(torch.equal(buffers[name], b) for name, b in model.named_buffers())
    assert case.head(model).training


@given(CASES, st.data())
def test_releasing_the_last_blocks_adds_exactly_them(case: Case, data: st.DataObject) -> None:
    model = case.model()
    answer("freeze_base")(model, case.head_name)
    blocks = case.blocks(model)
    n = data.draw(st.integers(0, len(blocks)), label="n")
    answer("unfreeze_last_blocks")(blocks, n)
    # Weights shared with an earlier block are the same tensors: releasing the last releases them there as well.
    expected = set(tensors_by_hand(case.head(model)))
    for block in blocks[len(blocks) - n :]:
        expected |= set(tensors_by_hand(block))
    assert moved_by_a_step(model.eval(), case) == expected


@given(CASES, st.data())
def test_groups_hold_every_trainable_tensor_once(case: Case, data: st.DataObject) -> None:
    model = case.model()
    answer("freeze_base")(model, case.head_name)
    blocks = case.blocks(model)
    answer("unfreeze_last_blocks")(blocks, data.draw(st.integers(0, len(blocks)), label="n"))
    groups = answer("parameter_groups")(model, case.head_name, 1e-2, 1e-3)
    held = [id(p) for group in groups for p in group["params"]]
    learning = {key for key, p in tensors_by_hand(model).items() if p.requires_grad}
    assert len(held) == len(set(held)) and set(held) == learning
    head = set(tensors_by_hand(case.head(model)))
    assert all(group["lr"] == (1e-2 if {id(p) for p in group["params"]} & head else 1e-3) for group in groups if group["params"])
    assert moved_by_a_step(model.eval(), case, groups) == learning


@given(CASES)
def test_equal_cases_are_equal_problems(case: Case) -> None:
    one, two = case.model(), case.model()
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert torch.equal(case.images(), case.images()) and all(p.requires_grad for p in one.parameters())
    assert one.training
