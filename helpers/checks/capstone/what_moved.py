"""What a strategy did to its model: the new head, what moved in which phase, and what did not."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from helpers.checks.capstone.watched_run import SIZES, WatchedRun
from helpers.checks.intact import intact
from helpers.checks.report import Finding, failed, passed_if
from helpers.checks.small_models import Case, names_of
from helpers.checks.training_result import records_finding
from helpers.inspection.snapshot import changes_since, listed

NO_RATE = 1e-9  # moves a weight by less than anybody sees, with any optimizer
BEFORE, TOLD = 2, 3  # epochs by which it is told whether an optimizer remembers: of the head, which moves nothing, and afterwards
# In 9 problems, with oneDNN and without, right answers' losses differed by 1e-7 at most, an Adam's that goes on by 2e-4 or more.
SAME_LOSS = 3e-5


def fits(run: WatchedRun) -> bool:
    """Whether the model can be measured on the new task's images."""
    return isinstance(run.head(), nn.Linear) and run.head().weight.shape == (run.problem.num_classes, run.problem.case.width)


def learning(run: WatchedRun) -> tuple[set[str], set[str]]:
    """(names of the head's parameters, names of the released blocks' parameters) in the model as it is now."""
    problem = run.problem
    head = [run.head()] if isinstance(run.head(), nn.Module) else []
    names = [name for block in problem.blocks()[len(problem.blocks()) - problem.released_blocks :] for name in block]
    return names_of(run.model, *head), names_of(run.model, *map(run.model.get_submodule, names))


def head_finding(run: WatchedRun) -> Finding:
    """Whether the model that was handed in has the new head, and is otherwise built as it was."""
    name, expected = run.problem.case.head_name, (run.problem.num_classes, run.problem.case.width)
    words = f"model.{name} is a new nn.Linear of {expected[1]} inputs and {expected[0]} outputs, in the model that was handed in"
    if fits(run) and run.head().bias is not None and run.head().out_features == expected[0]:
        replaced = {other for other in changes_since(run.before, run.model).modules if other != name}
        return passed_if(
            "head", not replaced, "more_replaced", found=f"these modules are different ones than before: {listed(replaced)}",
            expected="the base as it came: only the head is swapped",
            likely="Was the model built anew, or a copy put in its place?",
        )  # fmt: skip
    if not changes_since(run.before, run.model):
        likely = "Was a copy trained? Work on the model itself: whoever called you looks at that one."
        return failed("head", "model_unchanged", found="the model is exactly as it came", expected=words, likely=likely)
    shape = tuple(getattr(getattr(run.head(), "weight", None), "shape", ()))
    old = tuple(run.before.parameters[f"{name}.weight"].shape)
    renamed = shape == old and getattr(run.head(), "out_features", old[0]) != old[0]
    reason = "out_features_renamed" if renamed else "old_head" if shape == old else "other_head"
    likely = "A new value for out_features changes no weight: put a new layer there." if renamed else ""
    return failed("head", reason, found=f"a {type(run.head()).__name__} whose weight is {shape}", expected=words, likely=likely)


def frozen_finding(run: WatchedRun) -> Finding:
    """Whether what is never released, and every buffer, is as it came."""
    moved = changes_since(run.before, run.model).parameters & run.before.parameters.keys()
    blocks = names_of(run.model, *(run.model.get_submodule(name) for block in run.problem.blocks() for name in block))
    if not run.problem.released_blocks and run.problem.fine_tune_epochs and moved - learning(run)[0] == blocks:
        return failed(
            "frozen", "zero_releases_all", found=f"with released_blocks = 0 all blocks have changed: {listed(blocks)}",
            expected="no block changes", likely="blocks[-0:] is blocks[0:], the whole list: count from the front.",
        )  # fmt: skip
    return intact(
        "frozen", run.before, run.model, "frozen_moved", "statistics_moved",
        frozen=run.before.parameters, free=set().union(*learning(run)),
        likely={"frozen_moved": "Whatever flags the model came with: freeze every parameter first, then release."},
    )  # fmt: skip


def first_head(still: WatchedRun) -> Tensor | None:
    """The new head's weight as it is drawn, from a run in which it hardly moves; None if there is none."""
    return still.head().weight.detach().clone() if fits(still) else None


def rate_findings(still: WatchedRun, tuned: WatchedRun, again: Callable[[], WatchedRun]) -> Iterator[Finding]:
    """Whether nothing moves at next to no rate: in the head's epochs (`still`) and in fine-tuning (`tuned`).

    Random numbers are the same in all runs, so both heads were drawn alike; where they differ, a run `again` tells whether they
    were.
    """
    after = dict(tuned.model.named_parameters())
    moved = {name for name in learning(tuned)[1] if _differ(tuned.before.parameters[name], after[name])}
    one, other = first_head(still), first_head(tuned)
    heads = one is not None and other is not None and _differ(one, other)
    if heads and not moved and _differ(one, first_head(again())):
        return  # drawn by the answer's own lot: nothing is known
    if one is not None and other is not None:
        yield passed_if(
            "optimizer", not heads and not moved, "rate_ignored",
            found=f"with rate {NO_RATE:g} these weights move: {listed(moved) or 'the head'}", expected="none, at this rate",
            likely="Hand the phase's own rate to its optimizer.",
        )  # fmt: skip


def memory_findings(run: Callable[..., WatchedRun], case: Case) -> Iterator[Finding]:
    """Whether fine-tuning goes as it does without the head's epochs, if these move nothing: so a new optimizer does.

    All training images are one batch here, so that the order in which an answer takes them makes no difference.

    Args:
        run: the answer on its problem, with some fields of that changed.
        case: the problem's model.
    """
    for seed in (case.seed, case.seed + 1):  # rarely, a ReLU near 0 makes much of the last bits; not twice
        losses = _fine_tuned(run, replace(case, batch_size=SIZES["train"], seed=seed))
        if losses is None:
            return  # other findings say so
        after, alone = losses
        pairs = zip(after, alone, strict=True)
        same = all(math.isclose(one, other, abs_tol=SAME_LOSS, rel_tol=SAME_LOSS) for one, other in pairs)
        if same:
            break
    yield passed_if(
        "optimizer", same, "old_optimizer",
        found=f"after {BEFORE} epochs of the head that move nothing, the training losses of fine-tuning are {_losses(after)}",
        expected=f"as without these epochs: {_losses(alone)}",
        likely="Does the head's optimizer go on? Its moments and step counts belong to another phase: build a new one after the "
        "release.",
    )  # fmt: skip


def _fine_tuned(run: Callable[..., WatchedRun], case: Case) -> list[list[float]] | None:
    """Fine-tuning's training losses, after epochs of the head that move nothing and without; None if a run is no whole one."""
    slow = {"head_lr": NO_RATE, "fine_tune_lr": 0.05, "fine_tune_epochs": TOLD, "case": case}
    runs = [run(head_epochs=epochs, **slow) for epochs in (BEFORE, 0)]
    results = [found.result if isinstance(found.result, Mapping) else {} for found in runs]
    histories = [result.get("history") for result in results]
    whole = all(records_finding(h, n).passed for h, n in zip(histories, (BEFORE + TOLD, TOLD), strict=True))
    if not whole or any(changes_since(found.before, found.model).buffers for found in runs):
        return None
    return [[record["train_loss"] for record in history[-TOLD:]] for history in histories]


def _losses(losses: list[float]) -> str:
    return ", ".join(f"{loss:.4f}" for loss in losses)


def _differ(one: Tensor, other: Tensor | None) -> bool:
    return other is None or one.shape != other.shape or not torch.allclose(one, other.detach(), rtol=0, atol=1e-6)


def _head_stays(run: WatchedRun) -> bool:
    """Whether the new head's weight is as it was drawn."""
    return run.first_head is not None and fits(run) and not _differ(run.first_head, run.head().weight)


def head_phase_finding(run: WatchedRun) -> Finding:
    """Of a run without fine-tuning: the head has learned, and nothing else."""
    head, _ = learning(run)
    moved = {name for name in changes_since(run.before, run.model).parameters if name in run.before.parameters} - head
    if moved:
        early = moved <= learning(run)[1]
        return failed(
            "head_phase", "released_too_early" if early else "base_moved",
            found=f"with fine_tune_epochs = 0, {len(moved)} tensors of the base have changed: {listed(moved)}",
            expected="while the head is trained, all else is frozen, the blocks to be released later as well",
            likely="These are the blocks to be released: release them after the head's epochs, not before." if early else "",
        )  # fmt: skip
    return passed_if(
        "head_phase", not _head_stays(run), "head_not_moved",
        found="the head is as it was drawn, after its epochs", expected="the head learns",
        likely="An optimizer updates the tensors that it was given: the head that is in the model by then has to be among them.",
    )  # fmt: skip


def released_finding(run: WatchedRun) -> Finding:
    """Of a run without head epochs: head and released blocks have learned."""
    head, blocks = learning(run)
    still = blocks - changes_since(run.before, run.model).parameters
    same_head = _head_stays(run)
    nothing = same_head and still == blocks
    still |= {name for name in head if name.endswith("weight") and same_head}
    return passed_if(
        "released", not same_head and not still, "nothing_moved" if nothing else "released_not_moved",
        found=f"with head_epochs = 0, these were not updated: {listed(still) or 'any'}",
        expected="in the fine-tuning epochs the head and the last released_blocks blocks learn",
        likely="" if nothing else "A parameter learns if its requires_grad is True and the optimizer holds it.",
    )  # fmt: skip
