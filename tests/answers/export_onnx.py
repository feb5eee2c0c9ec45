"""`export_onnx`: one ONNX file, checked against the model.

torch's older exporter writes most of them: the newer one takes seconds, and the lesson's own answer goes through that.
"""

import copy
import warnings
from pathlib import Path

import onnx
import onnxruntime
import torch
from onnx.reference import ReferenceEvaluator
from torch import nn

from helpers.training.loop import in_eval_mode
from tests.answers import changed

OPEN = {"images": {0: "batch"}, "logits": {0: "batch"}}


def _write(model, images, path, *, names=("images", "logits"), axes=OPEN, training=torch.onnx.TrainingMode.EVAL):
    """Write the file by the older exporter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (images,), path, input_names=[names[0]], output_names=[names[1]], dynamic_axes=axes, dynamo=False,
            training=training,
        )  # fmt: skip


def _by_runtime(path, images):
    session = onnxruntime.InferenceSession(str(path))
    return torch.tensor(session.run(None, {session.get_inputs()[0].name: images.numpy()})[0])


def _by_reference(path, images):
    return torch.tensor(ReferenceEvaluator(str(path)).run(["logits"], {"images": images.numpy()})[0])


def _compared(found, right, tolerance):
    difference = (found.softmax(1) - right.softmax(1)).abs().max().item()
    if difference > tolerance or not torch.equal(found.argmax(1), right.argmax(1)):
        raise ValueError(f"a probability differs by {difference}")
    return difference


def _made_of(write=_write, run=_by_runtime, compare=_compared, quiet=in_eval_mode):
    """An export_onnx put together from parts, so that each wrong answer differs from a right one in a single place."""

    def export_onnx(model, path, images, tolerance=1e-4):
        with quiet(model), torch.no_grad():
            write(model, images, path)
            return compare(run(path, images), model(images), tolerance)

    return export_onnx


_right = _made_of()


def _on_a_copy(model, path, images, tolerance=1e-4):
    copied = copy.deepcopy(model).eval().requires_grad_(False)
    _write(copied, images[:1], path)
    return max(_compared(_by_runtime(path, image[None]), copied(image[None]), tolerance) for image in images)


def _leaving_eval(model, path, images, tolerance=1e-4):
    model.eval()
    return _right(model, path, images, tolerance)


def _in_train_mode(model, images, path):
    modes = {module: module.training for module in model.modules()}
    _write(model.train(), images, path, training=torch.onnx.TrainingMode.PRESERVE)
    for module, training in modes.items():
        module.training = training


def _with_dropout_alone(model, path, images, tolerance=1e-4):
    """The head's Dropout in train mode, as in a fine-tuning whose head trains: ONNX Runtime's speed-ups hide it."""
    with in_eval_mode(model), torch.no_grad():
        right = model(images)
        next(module for module in model.modules() if isinstance(module, nn.Dropout)).train()
        _write(model, images, path, training=torch.onnx.TrainingMode.PRESERVE)
        return _compared(_by_runtime(path, images), right, tolerance)


def _elsewhere(model, images, path):
    _write(model, images, path)
    onnx.save_model(onnx.load(path), path, save_as_external_data=True, location="weights.data", size_threshold=0)


def _another_ending(model, images, path):
    _write(model, images, f"{path}.onnx")


def _argmax(model, images, path):
    class Label(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, images):
            return self.model(images).argmax(dim=1).float()

    _write(Label().eval(), images, path)


def _other_weights(model, images, path):
    other = copy.deepcopy(model)
    [*other.parameters()][-1].data.add_(torch.arange(len([*other.parameters()][-1])))
    _write(other, images, path)


def _no_onnx(model, images, path):
    Path(path).write_bytes(b"weights")
    _kept.append(model)


def _twice(path, images):
    """What the model says at another time, in place of the file."""
    return _kept.pop()(images)


_kept: list[nn.Module] = []


def _never(found, right, tolerance):
    return 0.0


RIGHT = {
    "restored, ONNX Runtime": _right,
    "on a copy, image by image": _on_a_copy,
    "onnx's own evaluator": _made_of(run=_by_reference),
}
WRONG = {
    "Dropout in train mode": (_with_dropout_alone, "dropout_active"),
    "fixed batch": (_made_of(write=lambda model, images, path: _write(model, images, path, axes=None)), "fixed_batch"),
    "never compared": (_made_of(compare=_never), "not_compared"),
    "all in train mode, never compared": (
        _made_of(write=_in_train_mode, compare=_never), "dropout_active", "not_compared", "statistics_moved",
    ),
    "other names": (
        _made_of(write=lambda model, images, path: _write(model, images, path, names=("x", "y"), axes={"x": {0: "n"}})),
        "other_names",
    ),
    "softmax inside": (
        _made_of(
            write=lambda model, images, path: _write(nn.Sequential(model, nn.Softmax(1)).eval(), images, path),
            compare=lambda found, right, tolerance: _compared(found.log(), right, tolerance),
        ),
        "softmax_inside",
    ),
    "labels inside": (
        _made_of(write=_argmax, compare=_never),
        "other_shape", "not_compared",
    ),
    "weights in another file": (_made_of(write=_elsewhere), "weights_elsewhere"),
    "another ending": (_made_of(write=_another_ending, run=lambda path, images: _by_runtime(f"{path}.onnx", images)), "no_file"),
    "no ONNX file": (_made_of(write=_no_onnx, run=_twice), "cannot_run"),
    "other weights, never compared": (
        _made_of(write=_other_weights, compare=_never), "other_answers", "not_compared",
    ),
    "left in eval mode": (_leaving_eval, "mode_left"),
    "in per cent": (changed(_right, lambda difference: 100 + difference), "too_far"),
    "a tensor": (changed(_right, torch.tensor), "not_a_float"),
    "nothing returned": (changed(_right, lambda difference: None), "nothing_returned"),
}  # fmt: skip
