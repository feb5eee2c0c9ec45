"""Detectors that look at flags, head and optimizer. Each returns what, why, remedy and where, or None."""

import difflib
import math

from torch import nn

from helpers.inspection.diagnosis.finding import tensors
from helpers.inspection.diagnosis.situation import Situation
from helpers.inspection.snapshot import listed
from helpers.training.loop import measure

# An attribute this close to "requires_grad" is a slip of the pen (difflib's ratio; "require_grad" has 0.96).
CLOSE = 0.8
# Discriminative rates: with the base at a tenth of the head's rate or less, all layers are meant to learn (d2l, fine-tuning).
GENTLE = 0.1
# A head that knows nothing has the loss of guessing, ln(num_classes), or more; one trained for an epoch is well below.
UNTRAINED = 0.9


def summary(s: Situation) -> str:
    """What the set-up is, in a sentence."""
    scalars = sum(s.parameters[name].numel() for name in s.trainable)
    loss = "" if s.probe.loss is None else f"; loss {s.probe.loss:.3f} on the batch tried"
    return f"{len(s.trainable)} of {tensors(len(s.parameters))} trainable ({scalars:,} scalars){loss}."


def attribute_on_module(s: Situation) -> dict | None:
    """``model.requires_grad = False``, or a misspelt ``p.require_grad``."""
    modules = [(name, m) for name, m in s.model.named_modules() if _ignored_flag(s, m)]
    slips = [(name, slip) for name, p in s.parameters.items() for slip in _slips(p)]
    if not modules and not slips:
        return None
    if modules:
        name = modules[0][0] or "the model"
        can = f"{len(s.trainable)} of {tensors(len(s.parameters))} trainable"
        what = f"{name} has an attribute requires_grad, which nothing reads: {can}."
    else:
        what = f"{tensors(len(slips))} got an attribute {slips[0][1]!r}, which nothing reads: the name is requires_grad."
    return {
        "what": what,
        "why": "Python lets you set any attribute; only the requires_grad of a parameter decides whether it learns.",
        "remedy": "Loop over module.parameters() and set p.requires_grad of each, or call module.requires_grad_(False).",
        "where": tuple(name for name, _ in [*modules, *slips]),
    }


def _ignored_flag(s: Situation, module: nn.Module) -> bool:
    """Whether the module has a flag of its own that its parameters do not follow (the head may differ from its model)."""
    flag = vars(module).get("requires_grad")
    if not isinstance(flag, bool):
        return False
    head = set() if module is s.head or s.head is None else {id(p) for p in s.head.parameters()}
    return any(p.requires_grad != flag for p in module.parameters() if id(p) not in head)


def _slips(parameter) -> list[str]:
    return difflib.get_close_matches("requires_grad", list(vars(parameter)), cutoff=CLOSE)


def out_features_renamed(s: Situation) -> dict | None:
    """``model.fc.out_features = 10``."""
    linear = [(name, module) for name, module in s.model.named_modules() if isinstance(module, nn.Linear)]
    liars = [(name, layer) for name, layer in linear if (layer.out_features, layer.in_features) != layer.weight.shape]
    if not liars:
        return None
    name, layer = liars[-1]
    rows, columns = layer.weight.shape
    return {
        "what": f"{name} says {layer.in_features} -> {layer.out_features}, but its weight does {columns} -> {rows}.",
        "why": "out_features is a note made when the layer was built; changing it changes no weight and no output.",
        "remedy": f"Put a new layer in its place: nn.Linear({columns}, {layer.out_features}).",
        "where": (name,),
    }


def nothing_trainable(s: Situation) -> dict | None:
    """Everything frozen, the head included."""
    if s.trainable or not s.parameters:
        return None
    return {
        "what": f"All {tensors(len(s.parameters))} are frozen, the head included.",
        "why": "backward() has no gradient to compute, so the loss cannot fall.",
        "remedy": "Set requires_grad = True on the head's parameters after freezing, or put the new head in after freezing.",
        "where": s.head_names,
    }


def head_frozen(s: Situation) -> dict | None:
    """Something is trainable, but not the head."""
    frozen = [name for name in s.head_names if not s.parameters[name].requires_grad]
    if not frozen:
        return None
    return {
        "what": f"{tensors(len(frozen))} of the head cannot learn: {listed(frozen)}.",
        "why": "The new head starts with random weights; frozen, it guesses for ever.",
        "remedy": "Set requires_grad = True on the head's parameters after freezing the rest.",
        "where": tuple(frozen),
    }


def optimizer_holds_foreign(s: Situation) -> dict | None:
    """The optimizer was built before the head was swapped."""
    foreign = s.probe.foreign
    if not foreign:
        return None
    shapes = listed([" x ".join(map(str, shape)) or "scalar" for shape in foreign])
    return {
        "what": f"The optimizer holds {tensors(len(foreign))} that are not in this model (shape {shapes}).",
        "why": "It updates tensors that nobody uses, such as the old head's; the new ones stay, and no error is raised.",
        "remedy": "Build the optimizer after replacing the head and setting requires_grad.",
        "where": tuple(name for name in s.trainable if name not in s.rates),
    }


def held_twice(s: Situation) -> dict | None:
    """A tensor twice in one group: torch refuses it across groups, within one it only warns."""
    names = {id(p): name for name, p in s.parameters.items()}
    groups = [[id(p) for p in group["params"]] for group in (s.optimizer.param_groups if s.optimizer else [])]
    twice = [
        names.get(key, "a tensor of another model") for group in groups for key in dict.fromkeys(group) if group.count(key) > 1
    ]
    if not twice:
        return None
    return {
        "what": f"{tensors(len(twice))} twice in one group of the optimizer: {listed(twice)}.",
        "why": "Each step updates them twice, as at twice the rate. torch warned of it when the optimizer was built.",
        "remedy": "Give each tensor once: model.parameters() yields each once, so build one list from it.",
        "where": tuple(twice),
    }


def trainable_not_in_optimizer(s: Situation) -> dict | None:
    """Released, but not in the optimizer. Where only the head is missing, `optimizer_holds_foreign` says why."""
    missing = [name for name in s.trainable if name not in s.rates]
    if s.optimizer is None or not missing or (s.probe.foreign and set(missing) <= set(s.head_names)):
        return None
    piled = [name for name in missing if s.parameters[name].grad is not None]
    seen = f" Gradients of earlier steps lie on {len(piled)} of them." if piled else ""
    return {
        "what": f"{tensors(len(missing))} trainable, but not in the optimizer: {listed(missing)}.{seen}",
        "why": "They are not updated, and their gradients pile up, since optimizer.zero_grad() misses them.",
        "remedy": "Build the optimizer after releasing, or call optimizer.add_param_group with them (and rebuild a scheduler).",
        "where": tuple(missing),
    }


def frozen_in_optimizer(s: Situation) -> dict | None:
    """Frozen, and in the optimizer all the same."""
    held = [name for name in s.frozen if name in s.rates]
    if not held:
        return None
    old = [name for name in held if s.parameters[name].grad is not None or s.optimizer.state.get(s.parameters[name])]
    harmless = "Their gradient is None now, so they are skipped."
    now = f"{len(old)} of them have old gradients or momentum, which can change them." if old else harmless
    return {
        "what": f"The optimizer holds {tensors(len(held))} that are frozen: {listed(held)}.",
        "why": f"{now} A gradient of zero instead of None would let momentum and weight decay change them.",
        "remedy": "Give the optimizer only what is trainable: [p for p in model.parameters() if p.requires_grad].",
        "where": tuple(held),
    }


def zero_lr(s: Situation) -> dict | None:
    """A group with trainable parameters has the rate 0."""
    learning = {id(p): name for name, p in s.parameters.items() if p.requires_grad}
    groups = enumerate(s.optimizer.param_groups if s.optimizer else [])
    still = [(i, [learning[id(p)] for p in g["params"] if id(p) in learning]) for i, g in groups if float(g["lr"]) == 0]
    names = [name for _, group in still for name in group]
    if not names:
        return None
    return {
        "what": f"Group {next(i for i, group in still if group)} of the optimizer has the learning rate 0: {listed(names)}.",
        "why": "Each step is the rate times the gradient: nothing in this group is updated.",
        "remedy": "Set a rate above 0. If a scheduler warms up from 0, let it start from a small rate.",
        "where": tuple(names),
    }


def everything_trainable(s: Situation) -> dict | None:
    """All layers released while the head still guesses, at the head's own rate."""
    if not s.base or not s.head_names or s.frozen or not s.num_outputs or s.num_outputs < 2 or _gentle(s):
        return None
    try:
        loss = measure(s.model, [(s.images, s.labels)])["loss"]
    except (RuntimeError, ValueError, IndexError, TypeError):
        return None
    chance = math.log(s.num_outputs)
    if not loss >= UNTRAINED * chance:
        return None
    return {
        "what": f"All {tensors(len(s.parameters))} are trainable, and the head guesses: loss {loss:.2f}, chance {chance:.2f}.",
        "why": "The first gradients of a random head are large and distort the features that are to be kept (arXiv 2202.10054).",
        "remedy": "Freeze everything but the head, train the head first, then release the last blocks at a low rate.",
        "where": tuple(s.base),
    }


def _gentle(s: Situation) -> bool:
    """Whether the base has a much lower rate than the head."""
    base, head = ([s.rates.get(name, 0.0) for name in names] for names in (s.base, s.head_names))
    return max(base) <= GENTLE * max(head)
