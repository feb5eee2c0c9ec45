"""Do torch and timm do what the lessons' prose says of them? Other versions may not: then a sentence has to be changed."""

import math
import warnings

import onnx
import onnxruntime
import pytest
import timm
import torch
from torch import nn
from torch.optim import SGD, lr_scheduler

LATER_RATE = 1e-4
# Options under which each scheduler does something within twelve steps.
OPTIONS = {
    "LambdaLR": {"lr_lambda": [lambda epoch: 0.9**epoch]}, "MultiplicativeLR": {"lr_lambda": [lambda epoch: 0.9]},
    "StepLR": {"step_size": 3}, "MultiStepLR": {"milestones": [6]}, "ConstantLR": {"factor": 0.5}, "LinearLR": {},
    "ExponentialLR": {"gamma": 0.9}, "PolynomialLR": {"total_iters": 12}, "CosineAnnealingLR": {"T_max": 8},
    "CosineAnnealingWarmRestarts": {"T_0": 5}, "CyclicLR": {"base_lr": 1e-4, "max_lr": 1e-2},
    "OneCycleLR": {"max_lr": 1e-2, "total_steps": 40}, "ReduceLROnPlateau": {"patience": 2},
}  # fmt: skip


def scheduler_of(name: str, optimizer: SGD):
    parts = [lr_scheduler.StepLR(optimizer, 3), lr_scheduler.ExponentialLR(optimizer, 0.9)]
    if name == "SequentialLR":
        return lr_scheduler.SequentialLR(optimizer, parts, milestones=[6])
    return (
        lr_scheduler.ChainedScheduler(parts)
        if name == "ChainedScheduler"
        else getattr(lr_scheduler, name)(optimizer, **OPTIONS[name])
    )


def fate_of_a_later_group(name: str) -> tuple[int, float]:
    """(steps until the scheduler raises, 0 if it never does; the later group's highest rate as a multiple of its own)."""
    first, later = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    optimizer = SGD([first], lr=1e-3, momentum=0.9)
    scheduler = scheduler_of(name, optimizer)
    for _ in range(3):
        optimizer.step()
        scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
    optimizer.add_param_group({"params": [later], "lr": LATER_RATE})
    highest = LATER_RATE
    for step in range(1, 13):
        optimizer.step()
        try:
            scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
        except (ValueError, KeyError):
            return step, highest / LATER_RATE
        highest = max(highest, optimizer.param_groups[1]["lr"])
    return 0, highest / LATER_RATE


def test_of_fifteen_schedulers_five_raise_at_once_two_later_and_two_raise_the_rate():
    kinds = (getattr(lr_scheduler, name) for name in dir(lr_scheduler))
    found = {kind.__name__ for kind in kinds if isinstance(kind, type) and issubclass(kind, lr_scheduler.LRScheduler)}
    names = sorted(name for name in found - {"LRScheduler"} if not name.startswith("_"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SequentialLR itself calls what torch calls deprecated
        fates = {name: fate_of_a_later_group(name) for name in names}
    at_once = {name for name, (steps, _) in fates.items() if steps == 1}
    assert len(names) == 15
    assert at_once == {"LambdaLR", "MultiplicativeLR", "CyclicLR", "CosineAnnealingWarmRestarts", "OneCycleLR"}
    assert {name for name, (steps, _) in fates.items() if steps > 1} == {"SequentialLR", "CosineAnnealingLR"}
    raised = {name for name, (steps, multiple) in fates.items() if not steps and multiple > 1.01}
    assert raised == {"ConstantLR", "LinearLR"}


def test_constant_and_linear_double_and_triple_the_rate_of_a_group_that_comes_at_their_start():
    multiples = {}
    for name in ("ConstantLR", "LinearLR"):
        optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1e-3)
        scheduler = scheduler_of(name, optimizer)
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "lr": LATER_RATE})
        for _ in range(5):
            optimizer.step()
            scheduler.step()
        multiples[name] = optimizer.param_groups[1]["lr"] / LATER_RATE
    assert multiples == {"ConstantLR": pytest.approx(2), "LinearLR": pytest.approx(3)}


def test_timms_new_head_for_this_backbone_starts_far_above_ln_of_the_classes():
    torch.manual_seed(0)
    made = timm.create_model("tf_efficientnet_lite0", num_classes=10).get_classifier()
    plain = nn.Linear(1280, 10)
    ratio = (made.weight.std() / plain.weight.std()).item()
    assert ratio == pytest.approx(11.4, abs=0.3)
    features, labels = torch.randn(64, 1280).relu(), torch.arange(64) % 10
    start = {head: nn.functional.cross_entropy(head(features), labels).item() for head in (made, plain)}
    assert abs(start[plain] - math.log(10)) < 0.5 and start[made] > 2 * math.log(10)


def test_the_same_names_weights_of_timm_expect_other_statistics_than_the_courses():
    other, ours = (timm.models.get_pretrained_cfg(name) for name in ("efficientnet_lite0", "tf_efficientnet_lite0"))
    assert other.mean == (0.485, 0.456, 0.406) and other.std == (0.229, 0.224, 0.225)
    assert ours.mean == ours.std == (0.5, 0.5, 0.5)


@pytest.fixture(scope="module")
def train_mode_file(tmp_path_factory):
    """A small model with BatchNorm and Dropout, exported in train mode as lesson 11 does it."""
    path = tmp_path_factory.mktemp("train_mode") / "train_mode.onnx"
    both = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Dropout(0.5), nn.Linear(800, 4)).train()
    with pytest.warns(UserWarning, match="while it is in training mode"):
        torch.onnx.export(both, (torch.randn(2, 3, 12, 12),), path, input_names=["images"], external_data=False, verbose=False)
    return path, both.eval()


def test_exported_in_train_mode_batchnorm_is_as_in_eval_mode_and_dropout_active(train_mode_file):
    graph = onnx.load(train_mode_file[0]).graph
    nodes = {node.op_type: node for node in graph.node}
    assert "BatchNormalization" not in nodes or not any(
        attribute.name == "training_mode" and attribute.i for attribute in nodes["BatchNormalization"].attribute
    )
    [active] = [entry for entry in graph.initializer if entry.name == nodes["Dropout"].input[2]]
    assert onnx.numpy_helper.to_array(active).item() is True


@pytest.mark.parametrize(("level", "hidden"), [("ORT_ENABLE_ALL", True), ("ORT_DISABLE_ALL", False)])
def test_the_speed_ups_of_onnx_runtime_take_an_active_dropout_out(train_mode_file, level, hidden):
    options, images = onnxruntime.SessionOptions(), torch.randn(2, 3, 12, 12)
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(train_mode_file[0], options)
    first, again = (torch.tensor(session.run(None, {"images": images.numpy()})[0]) for _ in range(2))
    with torch.no_grad():
        right = train_mode_file[1](images)
    assert (torch.equal(first, again), torch.allclose(first, right, atol=1e-4)) == (hidden, hidden)


def test_a_weighted_loss_divides_by_the_weights_of_the_batch_so_their_scale_and_the_weight_of_one_image_cancel():
    logits, labels, weight = torch.randn(6, 3), torch.tensor([0, 1, 1, 1, 2, 1]), torch.tensor([3.0, 0.5, 3.0])
    loss = nn.functional.cross_entropy
    assert loss(logits, labels, weight=weight) == pytest.approx(loss(logits, labels, weight=100 * weight).item(), rel=1e-5)
    assert loss(logits, labels, weight=weight) != pytest.approx(loss(logits, labels).item(), rel=1e-3)
    assert loss(logits[:1], labels[:1], weight=weight) == pytest.approx(loss(logits[:1], labels[:1]).item(), rel=1e-5)
