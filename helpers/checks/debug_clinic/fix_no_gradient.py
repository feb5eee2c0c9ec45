"""The check of `fix_no_gradient`: training under `no_grad`."""

from collections.abc import Callable, Iterator

from helpers.checks.debug_clinic.patients import in_parts
from helpers.checks.debug_clinic.repair import GONE, RATE, kept_finding, learned_finding, repair, trained
from helpers.checks.report import Finding, passed_if
from helpers.checks.small_models import Case, names_of, sgd
from helpers.checks.watching import visit


@repair(
    hints=(
        "Follow the way back from the loss. Where does it end, and who is waiting behind that point?",
        "with torch.no_grad(): belongs around what is frozen, and around nothing else.",
        "with torch.no_grad():\n    features = front(images)\ncross_entropy(head(block(features)), labels).backward()",
    ),
    gone="the block gets gradients and is updated",
    works="block and head have the weights that one epoch gives",
    kept="the front is as it was: weights, flags, statistics",
)
def fix_no_gradient(case: Case, answer: Callable) -> Iterator[Finding]:
    """One epoch of a model in three parts, of which the last two are trainable."""
    model, reference = in_parts(case), in_parts(case)
    front, block, head = model
    seen = visit(model, head, answer, front, block, head, case.loader(), sgd(model, lr=RATE, momentum=0))
    names = names_of(model, block)
    still = names - seen.changes.parameters
    bare = {name for name, p in model.named_parameters() if name in still and p.grad is None}
    yield passed_if(
        GONE, not still, "no_gradient" if bare else "block_stays",
        found=f"{len(still)} of the block's {len(names)} tensors were not updated; {len(bare)} never got a gradient",
        expected="every tensor of the block gets a gradient and is updated",
        likely="What runs under no_grad(), or goes through detach(), is where backward() stops." if bare else "",
    )  # fmt: skip
    trained(reference, case.loader(), sgd(reference, lr=RATE, momentum=0))
    yield learned_finding(model, reference, seen)
    yield kept_finding(seen)
