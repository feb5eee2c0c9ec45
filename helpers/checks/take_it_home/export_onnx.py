"""The check of `export_onnx`: a file that answers as the model does, where there is no PyTorch."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached
from helpers.checks.small_models import Case
from helpers.checks.take_it_home.kept_operators import keep_operators
from helpers.checks.take_it_home.onnx_run import OnnxRun, run_onnx
from helpers.checks.take_it_home.place import Place
from helpers.checks.take_it_home.to_export import ToExport
from helpers.inspection.snapshot import listed, take_snapshot

TOLERANCE = 1e-4  # of a probability; measured over all kinds of small models: at most 3e-7
HOME = "model.onnx"
IN, OUT = "images", "logits"


@exercise(
    aspects=(
        Aspect("file", "one ONNX file, which runs alone", 1),
        Aspect("agrees", "its labels and probabilities are those of the model in eval mode", 3),
        Aspect("batch", "for any number of images at a time", 1, requires=("agrees",)),
        Aspect("names", "what goes in is called images, what comes out logits", 0.5, requires=("file",)),
        Aspect("measured", "the largest difference of a probability comes back", 1, requires=("agrees",)),
        Aspect("refuses", "where file and model do not agree, an error says so", 1.5, requires=("agrees",)),
        Aspect("intact", "model and modes are as they came", 0.5, requires=("agrees",)),
    ),
    cases=(ToExport(Case()), ToExport(Case(num_classes=5, seed=1), restless=True)),
    hints=(
        "Note the modes, call eval(), export, run the file with ONNX Runtime on the same images, and compare: labels and "
        "probabilities. At the end each module goes back into its mode.",
        "torch.onnx.export(model, (images,), path, input_names=..., output_names=..., dynamic_shapes=..., external_data=False) "
        "writes it; onnxruntime.InferenceSession(path).run(None, {'images': images.numpy()}) gives a list of arrays.",
        "torch.onnx.export(..., dynamic_shapes=({0: torch.export.Dim('batch')},), ...)\n"
        "[found] = onnxruntime.InferenceSession(path).run(...)\nfound = torch.tensor(found).softmax(1)\n"
        "difference = (right - found).abs().max().item()\nif difference > tolerance or not ...: raise ValueError(...)",
    ),
)  # fmt: skip
def export_onnx(problem: ToExport, answer: Callable[..., float]) -> Iterator[Finding]:
    """Have a model exported, and run the file far from it: on the same images, on others, and twice."""
    images = problem.case.images()
    exported, batches = images[:4], [images[:4], images[:1], images[4:10]]
    model, place = problem.model(), Place(HOME)
    keep_operators()
    if problem.restless:  # no file can be right here, so none is looked at
        yield _refusal(answer, model, place, exported)
        yield from map(passed, ("file", "agrees", "batch", "names", "measured", "intact"))
        return
    before = take_snapshot(model)
    with place.there():
        result = answer(model, place, exported.clone())
    yield passed("refuses")  # nothing to refuse here
    run = OnnxRun("no file") if place.found is None else run_onnx(place.found, batches)
    yield _file_finding(place, run)
    if run.error:
        yield from unreached(["agrees", "batch", "names", "measured", "intact"])
        return
    yield _names_finding(run)
    agrees = _agrees_finding(run, problem, batches)
    yield agrees
    yield from [_batch_finding(run, problem, batches)] if agrees.passed else unreached(["batch"])
    yield _measured_finding(result)
    yield intact("intact", before, model, "mode_left", "statistics_moved", "model_changed", "flags_changed")


def _refusal(answer: Callable, model: nn.Module, place: Place, images: Tensor) -> Finding:
    expected = "ValueError: the model drops out features at random even in eval mode, so no file can agree with it"
    try:
        with place.there():
            result = answer(model, place, images)
    except NotImplementedError:
        raise
    except Exception:
        return passed("refuses")
    likely = "Compare what the file says with what the model says, and raise ValueError where labels or probabilities differ."
    return failed("refuses", "not_compared", found=f"no error, but {result!r}"[:200], expected=expected, likely=likely)


def _file_finding(place: Place, run: OnnxRun) -> Finding:
    expected = "an ONNX file at the path, with all its weights in it"
    if place.found is None:
        found = f"nothing there, but {listed(place.beside)}" if place.beside else "no file there"
        return failed("file", "no_file", found=found, expected=expected, likely="Write to `path` itself, as it was given.")
    if run.outside:
        return failed(
            "file", "weights_elsewhere", found=f"weights in another file: {listed(place.beside) or 'which is not there'}",
            expected=expected, likely="Unless it is told external_data=False the exporter puts weights into a second file.",
        )  # fmt: skip
    return passed_if("file", not run.error, "cannot_run", found=run.error, expected=expected)


def _names_finding(run: OnnxRun) -> Finding:
    likely = 'input_names=["images"], output_names=["logits"]: whoever runs the file asks for what it wants by these names.'
    return passed_if(
        "names", (run.inputs, run.outputs) == ((IN,), (OUT,)), "other_names",
        found=f"{listed(run.inputs)} -> {listed(run.outputs)}", expected=f"{IN} -> {OUT}", likely=likely,
    )  # fmt: skip


def _alike(logits: Tensor | None, right: Tensor) -> bool:
    """Whether these are the logits of the right labels and probabilities."""
    if logits is None or logits.shape != right.shape:
        return False
    found = logits.softmax(dim=1)
    return bool((found - right).abs().max() <= TOLERANCE) and torch.equal(found.argmax(1), right.argmax(1))


def _agrees_finding(run: OnnxRun, problem: ToExport, batches: list[Tensor]) -> Finding:
    right, first, again = problem.probabilities(batches[0]), run.first.get(0), run.again.get(0)
    expected = f"labels and probabilities as the model has them in eval mode, up to {TOLERANCE:g}"
    if first is not None and again is not None and not torch.equal(first, again):
        return failed(
            "agrees", "dropout_active", found="two runs on the same images differ", expected=expected,
            likely="Dropout is active in the file: it was exported in train mode. ONNX Runtime's speed-ups hide it.",
        )  # fmt: skip
    if _alike(first, right):
        return passed("agrees")
    if first is None or first.shape != right.shape:
        found = run.stopped.get(0) or f"an output of shape {tuple(first.shape)}"
        return failed("agrees", "other_shape", found=found, expected=f"logits of shape {tuple(right.shape)}")
    if torch.allclose(first, right, atol=TOLERANCE):
        likely = "The file gives probabilities: export the model as it is, and whoever runs it takes softmax."
        return failed("agrees", "softmax_inside", found="its outputs are probabilities", expected="logits", likely=likely)
    worst = float((first.softmax(dim=1) - right).abs().max())
    return failed("agrees", "other_answers", found=f"a probability is off by {worst:.2g}", expected=expected)


def _batch_finding(run: OnnxRun, problem: ToExport, batches: list[Tensor]) -> Finding:
    for number in (1, 2):
        if not _alike(run.first.get(number), problem.probabilities(batches[number])):
            found = f"of {len(batches[number])} images: {run.stopped.get(number, 'other answers than the model')}"
            return failed(
                "batch", "fixed_batch", found=found, expected="exported with 4 images, it takes 1 or 6 as well",
                likely="The exporter takes the example's shape for the only one, unless dynamic_shapes names the batch.",
            )  # fmt: skip
    return passed("batch")


def _measured_finding(result: Any) -> Finding:
    expected = f"a plain float: the largest difference of a probability, 0 to {TOLERANCE:g}"
    if result is None:
        return failed("measured", "nothing_returned", found="None", expected=expected, likely="What is printed is not returned.")
    if type(result) is not float:
        likely = "item() makes a plain float of a tensor."
        return failed("measured", "not_a_float", found=f"{result!r}"[:200], expected=expected, likely=likely)
    return passed_if("measured", 0 <= result <= TOLERANCE, "too_far", found=f"{result:.2g}", expected=expected)
