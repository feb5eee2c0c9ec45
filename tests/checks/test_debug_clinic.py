"""Does each broken program of the debug clinic show its symptom, and does the instrument see what the lesson says it sees?

The numbers that a cell prints are measured a second time here, in another way. Whether the checks tell a repaired program from a
broken one is tested in ``test_answers``.
"""

import ast
import contextlib
import copy
import io
import math
import re
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, AdamW
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks import debug_clinic as checks
from helpers.checks.architectures import OWN
from helpers.checks.debug_clinic.patients import Pictures, in_parts, turning
from helpers.checks.small_models import KINDS, Case, head_only
from helpers.inspection.diagnosis.diagnose import diagnose
from helpers.inspection.snapshot import same_tensor
from helpers.training.loop import measure, train_epoch
from tests.support.broken_programs import LESSON, broken, cell, repaired, setup
from tests.support.notebook_cells import graded, run

NAMES = sorted(name for name, lesson in graded().items() if lesson == LESSON)
SMALL = Case(num_classes=10)
# What the lesson has the instrument say: case -> code.
SEEN = {
    "fix_early_optimizer": "optimizer_holds_foreign",
    "fix_forgotten_block": "trainable_not_in_optimizer",
    "fix_no_gradient": "no_gradient",
    "fix_moving_statistics": "frozen_batchnorm_moves",
    "fix_frozen_still_moves": "frozen_moved",
}


def shown(name: str) -> tuple[str, dict[str, Any]]:
    """What the case's broken cell prints, and the names that it leaves."""
    names, text = dict(setup()), io.StringIO()
    with contextlib.redirect_stdout(text):
        run(cell(f"broken-{name}"), names)
    return text.getvalue(), names


def numbers(text: str, pattern: str = r"-?\d+\.\d+") -> list[float]:
    return [float(found) for found in re.findall(pattern, text)]


def asked(name: str, program: Any = None) -> Any:
    """What the instrument says when the ``#`` is taken from the cell's last line; `program` takes the broken one's place."""
    *lines, last = cell(f"broken-{name}").splitlines()
    assert last.startswith("# ")
    function = name.replace("fix_", "broken_", 1)
    body = ast.parse("\n".join([*lines, last[2:]])).body
    names = dict(setup())
    if program is not None:
        body = [node for node in body if not (isinstance(node, ast.FunctionDef) and node.name == function)]
        names[function] = program
    with contextlib.redirect_stdout(io.StringIO()):
        return run(ast.unparse(ast.Module(body, [])), names)


def test_are_all_exercises_of_the_lesson_checked_and_the_other_way_round():
    assert sorted(checks.__all__) == NAMES and len(NAMES) == 14


@pytest.mark.parametrize("name", NAMES)
def test_does_every_broken_program_take_what_the_repaired_one_takes(name):
    code = (broken(name).__code__, repaired(name).__code__)
    first, second = (c.co_varnames[: c.co_argcount] for c in code)
    assert first == second


def test_frozen_head():
    text, names = shown("fix_frozen_head")
    assert "RuntimeError: element 0 of tensors does not require grad" in text
    assert not any(p.requires_grad for p in names["model"].parameters())


def test_single_image():
    text, _ = shown("fix_single_image")
    assert text.startswith("8 8 8 8 1 ValueError: Expected more than 1 value per channel")
    assert 33 % 8 == 1


def test_renamed_outputs():
    text, names = shown("fix_renamed_outputs")
    assert "out_features=10" in text and "(2, 1000)" in text
    assert names["model"].fc.weight.shape == (1000, 2048)
    assert min(ast.literal_eval(text.rsplit("class ", 1)[1])) >= 10


def test_flag_on_module():
    text, names = shown("fix_flag_on_module")
    assert [int(number) for number in re.findall(r"\d+", text)] == [161, 161]
    assert len(list(names["model"].parameters())) == 161


def test_double_softmax():
    text, _ = shown("fix_double_softmax")
    floor = math.log(math.e + 10 - 1) - 1
    assert f"epoch 60: loss {floor:.4f}" in text and f"{floor:.4f}" == "1.4612" and text.endswith("accuracy: 1.0\n")


def test_early_optimizer():
    text, names = shown("fix_early_optimizer")
    assert "tensors that were updated: 0" in text
    model = names["model"].eval()
    with torch.no_grad():
        loss = cross_entropy(model(SMALL.images()), SMALL.labels()).item()
    assert numbers(text) == [round(loss, 4)] * 4


def test_forgotten_block():
    """The gradients are added up by hand, epoch after epoch."""
    text, _ = shown("fix_forgotten_block")
    found = numbers(text)
    assert found[::2] == [0.0, 0.0, 0.0]
    model = head_only(SMALL)
    block = SMALL.blocks(model)[-1].requires_grad_(True)
    norms = []
    for _ in range(3):
        for images, labels in SMALL.loader():
            model.fc.zero_grad()
            cross_entropy(model(images), labels).backward()
            with torch.no_grad():
                for parameter in model.fc.parameters():
                    parameter -= 0.1 * parameter.grad
        norms.append(next(block.parameters()).grad.norm().item())
    assert found[1::2] == pytest.approx(norms, abs=0.006) and norms == sorted(norms)


def test_no_gradient():
    text, names = shown("fix_no_gradient")
    front, block, head = names["model"]
    assert text.count("requires_grad True, grad None") == len(list(block.parameters())) == 5
    assert all(p.grad is not None for p in head.parameters()) and all(p.grad is None for p in front.parameters())


def test_moving_statistics():
    text, names = shown("fix_moving_statistics")
    assert "fc.bias fc.weight" in text and "statistics that changed: 159 of 159" in text
    fresh = setup()["models"].with_new_head(setup()["resnet50"], num_classes=10, pretrained=False)
    after = dict(names["model"].named_buffers())
    assert sum(not same_tensor(b, after[name]) for name, b in fresh.named_buffers()) == len(after) == 159


def test_frozen_still_moves():
    """Momentum and decay by hand: what they do to a tensor whose gradient is zero in each of four steps."""
    text, names = shown("fix_frozen_still_moves")
    model = names["model"]
    block = {name for name, p in model.named_parameters() if not p.requires_grad and name.startswith(("blocks.2", "neck"))}
    assert len(block) == 5 and block <= set(text.split())
    for name in block:
        before, now = names["before"].parameters[name].clone(), dict(model.named_parameters())[name].detach()
        momentum = names["optimizer"].state[dict(model.named_parameters())[name]]["momentum_buffer"]
        assert momentum.abs().sum() > 0 and not torch.equal(before, now)


def test_validation_mode():
    text, names = shown("fix_validation_mode")
    assert "statistics that changed: 12 of 12" in text
    fresh = SMALL.model().eval()
    with torch.no_grad():
        first = cross_entropy(fresh(SMALL.images()), SMALL.labels()).item()
        after = cross_entropy(names["model"].eval()(SMALL.images()), SMALL.labels()).item()
    assert numbers(text) == [round(first, 4), round(after, 4)] and abs(first - after) > 1e-3


def test_leaking_augmentation():
    text, _ = shown("fix_leaking_augmentation")
    found, plain = numbers(text), SMALL.images()[10].mean().item()
    assert len(set(found)) == 3 and all(-1e-3 <= value - plain <= 1 + 1e-3 for value in found)


def test_batch_means():
    text, names = shown("fix_batch_means")
    with torch.no_grad():
        logits = names["model"](SMALL.images())
    each = cross_entropy(logits, SMALL.labels(), reduction="none")
    hits = (logits.argmax(dim=1) == SMALL.labels()).float()
    splits = [values.split(size) for size in (14, 6, 4) for values in (each, hits)]
    expected = [sum(part.mean().item() for part in parts) / len(parts) for parts in splits]
    assert numbers(text) == pytest.approx(expected, abs=6e-5) and len(set(numbers(text))) == 6


def test_best_weights():
    *losses, left = numbers(shown("fix_best_weights")[0])
    assert left == losses[-1] > min(losses) == losses[2]


def test_does_the_lesson_offer_the_instrument_where_it_sees_something():
    assert {name for name in NAMES if cell(f"broken-{name}").splitlines()[-1].startswith("# diagnose(")} == set(SEEN)


@pytest.mark.parametrize(("name", "code"), SEEN.items())
def test_does_the_instrument_name_the_fault_and_fall_silent_after_the_repair(name, code):
    assert asked(name).codes == (code,)
    # Gradients of None keep the frozen block still; that the optimizer goes on holding it is worth a warning all the same.
    left = {"fix_frozen_still_moves": ("frozen_in_optimizer",)}
    assert asked(name, repaired(name)).codes == left.get(name, ())


def test_are_piled_up_gradients_in_the_words():
    assert "Gradients of earlier steps lie on 5 of them" in asked("fix_forgotten_block")["trainable_not_in_optimizer"].what


def test_does_the_instrument_see_the_five_first_faults_too():
    _, names = shown("fix_frozen_head")
    assert diagnose(names["model"], SGD(names["model"].fc.parameters(), lr=0.1), names["loader"]).codes == ("nothing_trainable",)
    _, names = shown("fix_single_image")
    loader = broken("fix_single_image")(names["dataset"], 8)
    assert diagnose(names["head"], SGD(names["head"].parameters(), lr=0.1), loader).codes[0] == "batch_of_one"
    model = broken("fix_renamed_outputs")(head_only(Case(num_classes=12)), "fc", 3)
    optimizer, loader = SGD(model.fc.parameters(), lr=0.1), Case(num_classes=3).loader()
    assert diagnose(model, optimizer, loader).codes == ("out_features_renamed",)
    model = SMALL.model().eval()
    assert diagnose(model, broken("fix_flag_on_module")(model, "fc", 0.1), SMALL.loader()).codes == ("attribute_on_module",)
    model = head_only(SMALL)
    doubled = nn.Sequential(model, nn.Softmax(dim=1)).eval()
    assert diagnose(doubled, SGD(model.fc.parameters(), lr=0.1), SMALL.loader()).codes == ("softmax_before_loss",)


def test_does_the_xray_show_a_sick_model_and_a_healthy_one():
    text, names = io.StringIO(), {**setup(), **{f.__name__: f for f in (broken("fix_frozen_head"), repaired("fix_frozen_head"))}}
    names["plots"] = type("Plots", (), {"xray": staticmethod(lambda probe: probe)})
    with contextlib.redirect_stdout(text):
        run(cell("instrument-run"), names)
    sick, healthy = text.getvalue().split("--- fix_frozen_head")
    assert "[nothing_trainable]" in sick and "No problem found." in healthy


def test_does_the_probe_see_what_a_look_leaves_behind():
    assert len(asked("fix_validation_mode").changes.buffers) == 12
    assert not asked("fix_validation_mode", repaired("fix_validation_mode")).changes


def test_is_the_instrument_blind_to_the_last_three_faults():
    """So the lesson says."""
    model = head_only(SMALL)
    optimizer = SGD(model.fc.parameters(), lr=0.1)
    _, names = shown("fix_leaking_augmentation")
    for part in (names["train"], names["val"]):
        assert diagnose(model, optimizer, DataLoader(part, batch_size=4)).codes == ()
    broken("fix_batch_means")(model, SMALL.loader())
    assert diagnose(model, optimizer, SMALL.loader()).codes == ()
    _, names = shown("fix_best_weights")
    assert diagnose(names["model"], names["optimizer"], names["val_loader"]).codes == ()


def test_is_frozen_from_the_start_out_of_adamws_reach():
    model = head_only(SMALL)
    before = copy.deepcopy(model.state_dict())
    train_epoch(model, SMALL.loader(), AdamW(model.parameters(), lr=0.1, weight_decay=0.5))
    after = model.state_dict()
    assert {name for name in before if not torch.equal(before[name], after[name])} == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("turn", [2, 3])
def test_is_a_turning_run_best_where_it_turns(kind, turn):
    for seed in range(2):
        model, loader, val, optimizer = turning(Case(kind=kind, num_classes=3 + 7 * seed, seed=seed), turn)
        losses = []
        for _ in range(5):
            train_epoch(model, loader, optimizer)
            losses.append(measure(model, val)["loss"])
        assert losses.index(min(losses)) == turn - 1


@pytest.mark.parametrize("kind", OWN)
def test_do_three_parts_give_what_the_model_gives(kind):
    case = Case(kind=kind)
    parts = in_parts(case)
    with torch.no_grad():
        assert torch.allclose(parts(case.images()), case.model().eval()(case.images()), atol=1e-5)
    front, block, head = parts
    assert [any(p.requires_grad for p in part.parameters()) for part in (block, head)] == [True, True]
    assert kind == "shared" or not any(p.requires_grad for p in front.parameters())


def test_do_pictures_take_a_transform_as_other_data_sets_do():
    pictures = Pictures(torch.zeros(2, 3, 4, 4), torch.tensor([1, 0]))
    assert torch.equal(pictures[0][0], torch.zeros(3, 4, 4)) and pictures[0][1] == 1 and len(pictures) == 2
    pictures.transform = lambda image: image + 1
    assert pictures[1][0].min() == 1
    images, labels = next(iter(DataLoader(pictures, batch_size=2)))
    assert images.shape == (2, 3, 4, 4) and labels.tolist() == [1, 0]
    assert TensorDataset(images, labels)[0][1] == 1
