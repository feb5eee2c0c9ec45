"""The check of `evaluate`: exact means in eval mode, and no trace left behind."""

from collections.abc import Callable, Iterator

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.means import expected_numbers, is_among, logits_of, measured, numbers
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached
from helpers.checks.small_models import TO_TRAIN, Case, mixed_modes
from helpers.checks.watching import TellsGraph, Watch, visit

TRAIN_MODE = "These are the numbers of train mode, where BatchNorm looks at the batch: call model.eval() first."


@exercise(
    aspects=(
        Aspect("measured", "each image goes through the model once, and a dict comes back", 0.5),
        Aspect("loss", "loss is the exact mean over all samples, in eval mode", 1.5),
        Aspect("accuracy", "accuracy is the exact share of correct samples", 1),
        Aspect("modes", "every module is back in the mode it came in", 1, requires=("measured",)),
        Aspect("intact", "weights, statistics, flags and gradients are as they were", 1, requires=("measured",)),
        Aspect("no_grad", "no gradient is recorded", 1, requires=("measured",)),
    ),
    cases=TO_TRAIN,
    hints=(
        "Measuring must leave no trace: remember each module's mode, put all in eval mode, measure, put each back.",
        "model.modules() and module.training; model.eval(); with torch.no_grad():; the sums are those of train_one_epoch.",
        "modes = [(module, module.training) for module in model.modules()]\nmodel.eval()\nwith torch.no_grad():\n    ...\n"
        "for module, training in modes:\n    module.training = training",
    ),
)
def evaluate(case: Case, answer: Callable) -> Iterator[Finding]:
    """Findings on: measured, loss, accuracy, modes, intact, no_grad."""
    model = mixed_modes(case)
    seen = visit(model, case.head(model), answer, model, case.loader(), by=TellsGraph())
    found, watch = seen.returned, seen.watch
    tables = _tables(case)
    fits = {graph for graph in tables if is_among(found, "loss", *tables[graph])}
    if isinstance(found, dict) and watch.samples == case.num_images:  # of numbers that tell nothing nothing is known
        told = fits or is_among(found, "accuracy", *tables[False])
        yield passed("measured") if told else unreached(["measured"])[0]
    else:
        yield failed(
            "measured", "not_measured", found=f"a {type(found).__name__} after {watch.samples} of {case.num_images} images",
            expected="a dict, after each image went through once",
        )  # fmt: skip
    (exact, slips), (noisy, _) = tables[fits == {True}]
    yield from numbers(found, exact, slips, {key: [(value, "train_mode", TRAIN_MODE)] for key, value in noisy.items()})
    yield intact("modes", seen.before, seen.changes, "mode_left")
    yield intact("intact", seen.before, seen.changes, "statistics_moved", "model_changed", apart=("modes",))
    yield passed_if(
        "intact", all(p.grad is None for p in model.parameters()), "model_changed",
        found="gradients lie in the model", expected="no gradient where none was",
    )  # fmt: skip
    yield _no_grad_finding(watch, fits)


def _tables(case: Case) -> dict[bool, tuple[tuple, tuple]]:
    """With a graph and without: (exact numbers, slips) in eval mode and in the modes that the model came in."""
    outputs = [logits_of(model, case.batches()) for model in (case.model().eval(), mixed_modes(case))]
    return {
        graph: tuple(expected_numbers(*measured(of_mode, scale), case) for of_mode in outputs)
        for graph, scale in TellsGraph.factors.items()
    }


def _no_grad_finding(watch: Watch, fits: set[bool]) -> Finding:
    """Whether no graph was recorded: `fits` says for which of the two the loss is one that comes of it."""
    if watch.calls and not any(watch.graphs) and fits != {True}:
        return passed("no_grad") if False in fits else unreached(["no_grad"])[0]  # numbers that tell nothing
    return failed(
        "no_grad", "gradient_recorded" if watch.calls else "not_measured",
        found="the logits carry a graph for backward()" if watch.calls else "the head was not called",
        expected="a forward pass under torch.no_grad()",
        likely="eval() changes what layers do; gradients are switched off by no_grad()." if watch.calls else "",
    )  # fmt: skip
