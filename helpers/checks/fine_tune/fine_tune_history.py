"""The check of `fine_tune_history`: the fine-tuned weights, measured again."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from helpers.checks import training_result
from helpers.checks.each_epoch import every_record_finding
from helpers.checks.exercise import NotAttempted, exercise
from helpers.checks.report import Aspect, Finding, failed, passed_if
from helpers.checks.training_result import HeldOut
from helpers.inspection.snapshot import listed
from helpers.models import backbones
from helpers.training.recipe import CAUTIOUS_LR, FINE_TUNE_EPOCHS, FINE_TUNE_LR, released_blocks

DRAWN_EPOCHS = 2  # of ten, drawn by the grader: one takes as long to measure as the best one

HARDLY = (
    "A single step of Adam changes a weight by about the rate, one of SGD by the rate times the gradient, far less here: "
    "which optimizer does fine_tune make?"
)


@exercise(
    aspects=(
        Aspect("released", "the head and the last blocks have learned, two or more", 2),
        Aspect("frozen", "all else still equals the pre-trained weights exactly", 1.5, requires=("released",)),
        Aspect("accuracy", "the model is right on held-out images, measured again", 1.5, requires=("released",)),
        Aspect("gain", "it is better than before fine-tuning, measured again", 1.5, requires=("released", "accuracy")),
        Aspect("records", "ten records, epochs 1 to 10, one rate: 3e-4 or 1e-4", 1, requires=("released", "agrees")),
        Aspect("agrees", "the records say what measuring the model again says", 1.5, requires=("released",)),
        Aspect("falls", "the training loss has fallen", 1, requires=("released", "agrees")),
    ),
    cases=(HeldOut("val"),),
    hints=(
        "Everything is ready: the tail holds what learns, the loaders hold what goes into it. One call does the work.",
        'fine_tune(tail, loaders["train"], loaders["val"], lr=...): ten epochs are its own default, the rate is in the task.',
        "fine_tune_history = fine_tune(tail, ..., ..., lr=3e-4)",
    ),
)
def fine_tune_history(case: HeldOut, history: object, model: nn.Module, head_model: nn.Module) -> Iterator[Finding]:
    """Measure the model before and after fine-tuning again on held-out images, then read the records."""
    if history is None:
        raise NotAttempted
    backbone = backbones.get(case.settings().backbone)
    records = training_result.records_finding(history, FINE_TUNE_EPOCHS, FINE_TUNE_LR, CAUTIOUS_LR)
    yield records
    pairs = (("released", model, "model"), ("gain", head_model, "head_model"))
    looks = (training_result.whole_model(aspect, found, case.pretrained(), name) for aspect, found, name in pairs)
    wrong = next(filter(None, looks), None)
    if wrong is not None:
        yield wrong
        return
    released = _released(backbone, model, head_model)
    yield _moved_finding(backbone, model, head_model, released)
    frozen = training_result.frozen_finding(model, case, released)
    yield frozen
    val, accuracy = case.measure_again(model, released if frozen.passed else None)
    likely = "Did the best epoch's weights stay in the model? Was the head trained first?"
    yield training_result.accuracy_finding("accuracy", accuracy, case.bars().fine_tuned, case.split, likely)
    yield _gain_finding(case, accuracy, model, head_model, rate=history[0]["lr"] if records.passed else 0.0)
    best = training_result.nearest_best(history, val) if records.passed else None
    agrees = training_result.agrees_finding(records, best, val, "the best epoch's record")
    yield every_record_finding(agrees, case, history, model, released if frozen.passed else None, most=DRAWN_EPOCHS)
    yield training_result.falls_finding(records, history)


def _released(backbone: backbones.Backbone, model: nn.Module, head_model: nn.Module) -> int:
    """How many last blocks were fine-tuned: as far back as one has moved, but two at least and the recipe's at most."""
    most = released_blocks(backbone)
    pairs = zip(*(list(reversed(backbone.residual_blocks(whole)))[:most] for whole in (model, head_model)), strict=True)
    moved = [number for number, pair in enumerate(pairs, start=1) if not _equal(*pair)]
    return max([training_result.LEAST_BLOCKS, *moved])


def _equal(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def _moved_finding(backbone: backbones.Backbone, model: nn.Module, head_model: nn.Module, released: int) -> Finding:
    """Whether every released tensor is another one than before fine-tuning."""
    names = training_result.learning_names(backbone, model, released)
    start: dict[str, Tensor] = dict(head_model.named_parameters())
    still = {name for name, p in model.named_parameters() if name in names and torch.equal(p, start[name])}
    return passed_if(
        "released", not still, "nothing_moved" if still == names else "released_not_moved",
        found=f"{len(still)} of {len(names)} released tensors are as before fine-tuning: {listed(still)}",
        expected=f"the head and the last {released} blocks have learned",
        likely="Is head_model a deep copy made before fine-tuning, and is `tail` what was fine-tuned?" if still == names
        else "Were the blocks released before the optimizer was built?",
    )  # fmt: skip


def _gain_finding(case: HeldOut, accuracy: float, model: nn.Module, head_model: nn.Module, rate: float) -> Finding:
    bars = case.bars()
    intact = training_result.frozen_finding(head_model, case, released_blocks=0).passed
    before = case.measure(head_model, 0 if intact else None)["accuracy"]
    if before < bars.head or not intact:
        return failed(
            "gain", "no_start",
            found=f"head_model has accuracy {before:.3f} on the {case.split} images, or another base than the pre-trained one",
            expected="the model after the head's epochs and before fine-tuning: a fair start",
        )  # fmt: skip
    way = _mean_way(model, head_model)
    still = 0 < way < rate / 2
    moved = f"; with rate {rate:g} each released weight has changed by {way:.1g} on average" if still else ""
    return passed_if(
        "gain", accuracy - before >= bars.gain, "hardly_moved" if still else "no_gain",
        found=f"accuracy {before:.3f} before, {accuracy:.3f} after, on the {case.split} images{moved}",
        expected=f"a gain of {bars.gain:+.3f} or more", likely=HARDLY if still else "",
    )  # fmt: skip


def _mean_way(model: nn.Module, head_model: nn.Module) -> float:
    """How far the tensors that moved have moved since before fine-tuning, on average over all numbers in them."""
    start = dict(head_model.named_parameters())
    ways = [(p.detach() - start[name].detach()).abs() for name, p in model.named_parameters()]
    moved = [way for way in ways if way.any()]
    return sum(way.sum().item() for way in moved) / max(1, sum(way.numel() for way in moved))
