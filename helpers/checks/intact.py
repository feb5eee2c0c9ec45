"""One look at what an answer leaves behind: is the model as it came?

Each exercise says for which reasons it asks, and what may change all the same. The order in which the reasons are looked at, and
the words, are the same in all lessons.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from helpers.checks.report import Finding, failed, passed
from helpers.inspection.snapshot import Changes, Snapshot, changes_since, listed

STATE = ("parameters", "buffers", "flags", "modes", "modules")
TRAIN_MODE = (
    "In train mode BatchNorm changes its statistics in every pass, whatever requires_grad and no_grad() say: call eval() on what "
    "is to keep still."
)


@dataclass(frozen=True)
class Difference:
    """One way in which a model is not what it was.

    Attributes:
        kinds: where it is looked for: fields of `Changes`, ``"frozen"`` for parameters that were to stay, ``"hooks"``.
        found: what is seen, with ``{names}`` for where.
        expected: what should have been seen.
        likely: what probably happened.
    """

    kinds: tuple[str, ...]
    found: str
    expected: str
    likely: str = ""


_STATISTICS = Difference(
    ("buffers",), "BatchNorm's buffers have changed: {names}", "running statistics exactly as they were", TRAIN_MODE
)
_MODULES = Difference(
    ("modules",), "these are different modules than before: {names}", "the model's own layers, each in its place",
    "If you put another layer in for a while, put the original one back when you are done.",
)  # fmt: skip
# Reason code -> what it stands for, in the order in which they are looked at.
DIFFERENCES: dict[str, Difference] = {
    "hook_left": Difference(
        ("hooks",), "hooks are still on {names}", "a model without hooks, as it came",
        "Keep what register_... returns and call its remove().",
    ),
    "head_replaced": _MODULES,
    "frozen_moved": Difference(
        ("frozen",), "these have changed although they are to stay frozen: {names}", "what is frozen stays exactly as it was",
        "Only what requires_grad releases may change, and only by an optimizer's steps: leave the flags of the others alone.",
    ),
    "base_changed": Difference(
        ("parameters", "buffers", "modules"), "changed besides the head: {names}",
        "every layer of the base the object that it was, with its weights and statistics",
        "Of weights and layers only the head's have to change.",
    ),
    "flags_changed": Difference(
        ("flags",), "requires_grad was switched in {names}", "requires_grad as it was wherever the task does not say otherwise",
        "Which tensors may learn is decided elsewhere: leave the flags as you find them.",
    ),
    "layers_changed": _MODULES,
    "statistics_moved": _STATISTICS,
    "statistics_move": _STATISTICS,
    "batchnorm_moved": _STATISTICS,
    "mode_left": Difference(
        ("modes",), "in another mode than before: {names}", "every module in the mode it came in",
        "One train() or eval() puts all modules in one mode: note each one's own before, and put it back.",
    ),
    "counting_changed_it": Difference(
        STATE, "counting changed {names}", "the model as it came", "Read the flags, do not set them."
    ),
    "modes_too": Difference(
        ("modes",), "also in another mode than before: {names}", "every module in the mode it came in",
        "train() and eval() are another switch, which freezing and releasing leave alone.",
    ),
    "more_than_flags": Difference(
        STATE, "changed as well: {names}", "only the flags requires_grad change: no weight, no mode, no layer",
        "Freezing and releasing are a flag on each parameter tensor: nothing has to be replaced, and no number changed.",
    ),
    "more_than_modes": Difference(
        STATE, "changed as well: {names}", "only the modes change: no weight, no flag, no layer",
        "train() and eval() are all that is needed.",
    ),
    "model_changed": Difference(STATE, "changed all the same: {names}", "the model as it came, but for what the task asks for"),
}  # fmt: skip
ORDER = tuple(DIFFERENCES)


def intact(
    aspect: str,
    before: Snapshot,
    now: nn.Module | Changes,
    *reasons: str,
    free: Collection[str] = (),
    apart: Collection[str] = (),
    frozen: Iterable[str] | None = None,
    likely: Mapping[str, str] | None = None,
) -> Finding:
    """Whether a model is as it came, and if not, the first of `reasons` in the order of `DIFFERENCES`.

    Args:
        aspect: the aspect that the finding is on.
        before: the model as it came.
        now: the model, or what is known to have changed in it since (hooks are only seen on the model itself).
        reasons: keys of `DIFFERENCES`.
        free: names of tensors and modules that may change; with a module goes all that is inside it.
        apart: kinds of changes that are the answer's own work, or another aspect's.
        frozen: names of the parameters that are to stay; default those whose `requires_grad` was False.
        likely: reason -> what probably happened, where an exercise can say more than `DIFFERENCES`.
    """
    changes = now if isinstance(now, Changes) else changes_since(before, now)
    stay = {name for name, flag in before.flags.items() if not flag} if frozen is None else {*frozen}
    seen = {kind: getattr(changes, kind) for kind in STATE} | {"frozen": changes.parameters & stay}
    modules = [] if isinstance(now, Changes) else now.named_modules()
    seen["hooks"] = {name for name, module in modules if module._forward_hooks or module._forward_pre_hooks}
    for reason in sorted(reasons, key=ORDER.index):
        difference = DIFFERENCES[reason]
        kinds = [kind for kind in difference.kinds if kind not in apart]
        names = {name for kind in kinds for name in seen[kind] if not _inside(name, free)}
        if names:
            words = (likely or {}).get(reason) or difference.likely or (TRAIN_MODE if names & seen["buffers"] else "")
            found = difference.found.format(names=listed(names))
            return failed(aspect, reason, found=found, expected=difference.expected, likely=words)
    return passed(aspect)


def _inside(name: str, free: Collection[str]) -> bool:
    return any(name == other or name.startswith(f"{other}.") for other in free)
