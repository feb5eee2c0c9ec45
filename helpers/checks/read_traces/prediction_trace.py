"""The check of `prediction_trace`: one image, step by step through the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed_if, wrong_type
from helpers.checks.small_models import Case, mixed_modes
from helpers.checks.tensors import Slip, near, shape_of, slip_to
from helpers.inspection.snapshot import same_tensor, take_snapshot

STEPS = ("input", "features", "logits", "probabilities", "prediction")
TRAIN_MODE = "These are train mode's numbers, where BatchNorm looks at this one image alone: call model.eval() first."


@dataclass(frozen=True, eq=False)
class Truth:
    """What the steps are in eval mode, and in the mixed modes in which the model comes: each float32, batch of one."""

    input: Tensor
    features: Tensor
    logits: Tensor
    train_features: Tensor
    train_logits: Tensor

    @classmethod
    def of(cls, case: Case) -> Truth:
        """The steps of the case's first image through fresh models."""
        image = case.images()[:1]
        with torch.no_grad():
            model = case.model().eval()
            features, noisy = case.features(model, image), case.features(arrived(case), image)
            head = case.head(model)
            return cls(image, features, head(features), noisy, head(noisy))


def arrived(case: Case) -> nn.Module:
    """The case's model in mixed modes, its base frozen: as it stands in the middle of a course."""
    model = mixed_modes(case).requires_grad_(False)
    case.head(model).requires_grad_(True)
    return model


@exercise(
    aspects=(
        Aspect("input", "input: the image as a batch of one", 0.75),
        Aspect("features", "features: what goes into the head, in eval mode", 2),
        Aspect("logits", "logits: what comes out of the head, in eval mode", 1.25),
        Aspect("probabilities", "probabilities: their softmax over the classes", 1.25),
        Aspect("prediction", "prediction: the most probable class, int64, one for the one image", 1),
        Aspect("plain", "five tensors and no more, without a graph", 0.75, requires=("features",)),
        Aspect("intact", "model, modes and image are as they came", 1, requires=("features",)),
    ),
    cases=(
        Case(num_classes=6),
        Case(kind="lookalike", head_name="classifier", num_classes=5, seed=1),
        Case(kind="nested", head_name="head", num_classes=9, width=10, seed=2),
        Case(kind="no_norm", head_name="fc", num_classes=3, seed=3),
    ),
    hints=(
        "Make a batch of the image, listen at the head's door, send the batch through in eval mode without gradients, and put "
        "everything back.",
        "image[None], head.register_forward_pre_hook(...) and its handle's remove(), model.eval(), torch.no_grad(), "
        "logits.softmax(dim=1), logits.argmax(dim=1). Remember each module's mode first.",
        "seen = []\nhandle = getattr(model, head_name).register_forward_pre_hook(lambda module, inputs: seen.append(...))\n"
        "modes = [(module, module.training) for module in model.modules()]\nmodel.eval()\nwith torch.no_grad():\n"
        "    logits = model(...)\nhandle.remove()\nfor module, training in modes:\n    module.training = ...\n"
        'return {"input": ..., "features": seen[0], "logits": logits, "probabilities": ..., "prediction": ...}',
    ),
)
def prediction_trace(case: Case, answer: Callable[[nn.Module, str, Tensor], dict[str, Tensor]]) -> Iterator[Finding]:
    """Trace the case's first image through a model of mixed modes."""
    model, truth, image = arrived(case), Truth.of(case), case.images()[0]
    before, kept = take_snapshot(model), image.clone()
    trace = answer(model, case.head_name, image)
    if not isinstance(trace, Mapping):
        yield wrong_type("features", "not_a_dict", trace, f"a dict with the keys {', '.join(STEPS)}")
        return
    steps = {step: trace.get(step) for step in STEPS}
    rights = (truth.input, truth.features, truth.logits, truth.logits.softmax(1))
    for step, right in zip(STEPS, rights, strict=False):
        yield _step_finding(step, steps[step], right, truth)
    yield _prediction_finding(steps["prediction"], truth)
    yield _plain_finding(trace)
    yield intact("intact", before, model, "hook_left", "head_replaced")
    yield passed_if(
        "intact", not image.requires_grad and same_tensor(image, kept), "image_changed",
        found=f"the image that was passed in is another one now: {shape_of(image)}", expected="the image as it came",
        likely="Methods that end in _ change the tensor itself: unsqueeze(0), not unsqueeze_(0).",
    )  # fmt: skip
    yield intact("intact", before, model, "statistics_moved", "mode_left", "model_changed")


BATCH = "A model takes batches: give it image[None], of shape (1, 3, H, W), and keep the first dimension in every step."
EXPECTED = {
    "input": "the image as a batch of one",
    "features": "what goes into the head, in eval mode",
    "logits": "what comes out of the head, in eval mode",
    "probabilities": "the softmax of the logits over the classes",
}
# Step -> reason and likely cause where no slip leads to what was found.
OTHERWISE = {
    "input": ("other_input", "The image comes normalised: unsqueeze(0) or image[None] is all that it needs."),
    "features": ("other_features", "A forward pre-hook on the head sees exactly what goes in."),
    "logits": ("other_logits", "The logits are what model(batch) returns, or head(features)."),
    "probabilities": ("other_probabilities", "Softmax over the classes of the very logits in the trace."),
}


def _slips(step: str, truth: Truth) -> list[Slip]:
    """The tensors that usual mistakes in a step lead to."""
    logits, probabilities = truth.logits, truth.logits.softmax(1)
    outputs = "These are the head's outputs: its inputs are wanted, one layer earlier."
    slips = {
        "features": [
            (logits, "logits_returned", outputs),
            (truth.train_logits, "logits_returned", outputs),
            (truth.train_features, "train_mode", TRAIN_MODE),
        ],
        "logits": [
            (truth.train_logits, "train_mode", TRAIN_MODE),
            (probabilities, "softmax_too_early", "These add up to 1: logits are the head's outputs before the softmax."),
            (truth.features, "features_returned", "These are the head's inputs: the logits come out of it."),
        ],
        "probabilities": [
            (torch.ones_like(logits), "wrong_dim", "A softmax over dim 0 compares images, and there is one: use dim=1."),
            (logits, "no_softmax", "These are the logits: softmax turns them into probabilities."),
            (probabilities.softmax(1), "softmax_twice", "A softmax of a softmax: apply it once, to the logits."),
            (logits.sigmoid(), "sigmoid", "Sigmoid treats each class on its own: softmax makes them add up to 1."),
            (logits.log_softmax(1), "log_softmax", "These are logarithms of probabilities: use softmax."),
            (truth.train_logits.softmax(1), "train_mode", TRAIN_MODE),
        ],
    }
    return slips.get(step, [])


def _step_finding(step: str, found: object, right: Tensor, truth: Truth) -> Finding:
    """Whether one step's tensor is the right one; else the slip that leads to it, if one does."""
    expected, otherwise = f"{shape_of(right)}, {EXPECTED[step]}", OTHERWISE[step]
    if not isinstance(found, Tensor):
        return _no_tensor(step, found, expected, "Leave the tensors as they are.")
    if step == "features" and found.dim() > 2:
        otherwise = "not_flat", "These are maps from before the pooling: take what reaches the head."
    reason, likely = ("no_batch", BATCH) if near(found[None], right) else slip_to(found, _slips(step, truth), otherwise)
    fine = found.dtype == torch.float32 and near(found, right)
    return passed_if(step, fine, reason, found=shape_of(found), expected=expected, likely=likely)


def _no_tensor(step: str, found: object, expected: str, likely: str) -> Finding:
    if found is None:
        return failed(step, "missing_key", found=f'no key "{step}"', expected=expected)
    return failed(step, "not_a_tensor", found=f"a {type(found).__name__}", expected=expected, likely=likely)


def _prediction_finding(found: object, truth: Truth) -> Finding:
    right = truth.logits.argmax(1)
    expected = f"int64 (1,): {right.tolist()}"
    if not isinstance(found, Tensor):
        return _no_tensor("prediction", found, expected, "argmax(dim=1) gives a tensor of shape (1,).")
    reason, likely = "other_class", "The predicted class is the place of the largest logit: argmax(dim=1)."
    if found.shape != right.shape:
        reason, likely = "prediction_shape", "Without dim=1 argmax forgets the batch: one class for each image, shape (1,)."
    elif found.dtype != torch.int64:
        reason, likely = "prediction_dtype", "A class is a whole number: argmax gives int64; max gives the value as well."
    elif torch.equal(found.cpu(), truth.train_logits.argmax(1)):
        reason, likely = "train_mode", TRAIN_MODE
    fine = (found.dtype, found.shape) == (right.dtype, right.shape) and torch.equal(found.cpu(), right)
    said = f"{shape_of(found)}: {found.flatten().tolist()[:4]}"
    return passed_if("prediction", fine, reason, found=said, expected=expected, likely=likely)


def _plain_finding(trace: Mapping) -> Finding:
    """Whether no tensor drags a graph along, and there are the five keys and no other."""
    if set(trace) != set(STEPS):
        found = f"the keys {', '.join(map(str, trace))}"[:200]
        return failed("plain", "other_keys", found=found, expected=f"exactly the keys {', '.join(STEPS)}")
    graph = [step for step, value in trace.items() if isinstance(value, Tensor) and value.requires_grad]
    return passed_if(
        "plain", not graph, "graph_kept",
        found=f"these remember how they were made: {', '.join(graph)}", expected="numbers to look at, without a graph",
        likely="Put the call to the model inside with torch.no_grad():",
    )  # fmt: skip
