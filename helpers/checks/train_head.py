"""Checks of lesson 04: the optimizer's contents, one epoch, measuring, features computed once, the head's training."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import torch
from torch import nn

from helpers.checks import results
from helpers.checks.cases import Case
from helpers.checks.epochs import examine_evaluate, examine_train_one_epoch
from helpers.checks.exercise import Exercise, NotAttempted
from helpers.checks.extraction import examine_extract_features
from helpers.checks.outcome import Aspect, Finding, held, look, missed
from helpers.checks.starts import some
from helpers.probe import probe
from helpers.recipe import HEAD_EPOCHS
from helpers.snapshot import changes_since, take_snapshot
from helpers.trial import foreign_tensors

LESSON = "04_train_head"
CASES = (
    Case(),
    Case(kind="nested", head_name="classifier", num_classes=5, seed=1),
    Case(kind="lookalike", head_name="head", num_classes=3, width=6, seed=2),
    Case(kind="no_norm", num_classes=6, width=10, num_images=11, seed=3),
)


# ---------------------------------------------------------- make_optimizer
def released(case: Case, blocks: int) -> nn.Module:
    """The case's model in eval mode; the head and the last `blocks` blocks can learn."""
    model = case.model().requires_grad_(False).eval()
    parts = case.blocks(model)
    for part in (*parts[len(parts) - blocks :], case.head(model)):
        part.requires_grad_(True)
    return model


def examine_make_optimizer(case: Case, answer: Callable) -> Iterator[Finding]:
    """Call the answer on the model with the head alone released, with one block more, and with all of it."""
    for blocks, lr in ((0, 0.05), (1, 0.02), (case.num_blocks, 0.1)):
        model = released(case, blocks)
        before = take_snapshot(model)
        with warnings.catch_warnings(record=True):  # torch warns of a tensor that is twice in one group; we say it in words
            warnings.simplefilter("always")
            optimizer = answer(model, lr)
        if not isinstance(optimizer, torch.optim.Optimizer):
            yield missed(
                "all", "not_an_optimizer", found=f"a {type(optimizer).__name__}", expected="a torch.optim optimizer, returned"
            )
            return
        yield from _contents_findings(model, optimizer, before.flags, case.head_name, lr)
        yield _moves_finding(model, optimizer, case, before)
        changes = changes_since(before, model)
        yield look(
            "intact",
            not changes,
            "model_changed",
            found="the model itself was changed",
            expected="flags, modes and weights as they were",
        )


def _contents_findings(
    model: nn.Module, optimizer: torch.optim.Optimizer, flags: dict, head_name: str, lr: float
) -> Iterator[Finding]:
    """Findings on what the optimizer holds: all, only, once, rate."""
    held_ids = [id(p) for group in optimizer.param_groups for p in group["params"]]
    names = {id(p): name for name, p in model.named_parameters()}
    yield _all_finding(model, optimizer, set(held_ids), head_name)
    frozen = {names[i] for i in held_ids if i in names and not flags[names[i]]}
    yield look(
        "only", not frozen and not foreign_tensors(model, optimizer), "frozen_in_optimizer" if frozen else "foreign",
        found=f"{len(frozen)} frozen tensors in it: {some(frozen)}" if frozen else "tensors in it that are not this model's",
        expected="no tensor beside those of this model whose requires_grad is True",
        likely="model.parameters() yields the frozen ones as well: filter by requires_grad." if frozen else "",
    )  # fmt: skip
    twice = {names.get(i, "?") for i in held_ids if held_ids.count(i) > 1}
    yield look("once", not twice, "held_twice", found=f"more than once in it: {some(twice)}", expected="each tensor once")
    rates = {float(group["lr"]) for group in optimizer.param_groups}
    yield look(
        "rate", rates == {lr}, "other_rate", found=f"rates {sorted(rates)}", expected=f"{lr:g} everywhere, as asked for",
        likely="Without lr=lr the optimizer takes a rate of its own.",
    )  # fmt: skip


def _all_finding(model: nn.Module, optimizer: torch.optim.Optimizer, held_ids: set[int], head_name: str) -> Finding:
    absent = {name for name, p in model.named_parameters() if p.requires_grad and id(p) not in held_ids}
    if not absent:
        return held("all")
    if foreign_tensors(model, optimizer):
        reason, likely = (
            "foreign",
            "The optimizer holds tensors of another model, such as a copy or the head before it was swapped.",
        )
    elif not any(name.startswith(f"{head_name}.") for name in absent):
        reason, likely = "blocks_missing", "More than the head can learn here: ask requires_grad, not a name."
    else:
        reason, likely = "trainable_missing", "Go through model.parameters() and keep all whose requires_grad is True."
    found = f"{len(absent)} tensors can learn but are not in the optimizer: {some(absent)}"
    return missed("all", reason, found=found, expected="every tensor whose requires_grad is True", likely=likely)


def _moves_finding(model: nn.Module, optimizer: torch.optim.Optimizer, case: Case, before) -> Finding:
    result = probe(model, optimizer, next(iter(case.loader())))
    wanted = {name for name, flag in before.flags.items() if flag}
    stray = result.changes.parameters - wanted
    head_moves = any(name.startswith(f"{case.head_name}.") for name in result.changes.parameters)
    return look(
        "moves", head_moves and not stray and not result.error, "step_moves_others",
        found=result.error or (f"one step moves {some(stray)}" if stray else "one step does not move the head"),
        expected="one step moves what can learn, and nothing else",
    )  # fmt: skip


make_optimizer = Exercise(
    name="make_optimizer",
    lesson=LESSON,
    aspects=(
        Aspect("all", "the optimizer holds every parameter that can learn", 2),
        Aspect("only", "it holds nothing else: no frozen tensor, none of another model", 1.5, requires=("all",)),
        Aspect("once", "it holds each of them once", 0.5, requires=("all",)),
        Aspect("rate", "every group has the rate asked for", 1, requires=("all",)),
        Aspect("moves", "one step moves what can learn, and nothing else", 1, requires=("all",)),
        Aspect("intact", "the model is as it was", 0.5, requires=("all",)),
    ),
    examine=examine_make_optimizer,
    cases=CASES,
    hints=(
        "An optimizer is a list of tensors and a rule for changing them. Which tensors? Those that may change.",
        "model.parameters(), parameter.requires_grad, and torch.optim.Adam or torch.optim.SGD with lr=lr.",
        "trainable = [p for p in model.parameters() if ...]\nreturn torch.optim.Adam(..., lr=lr)",
    ),
)

# ---------------------------------------------------------- train_one_epoch, evaluate
train_one_epoch = Exercise(
    name="train_one_epoch",
    lesson=LESSON,
    aspects=(
        Aspect("learns", "one step for each batch: the head ends where an epoch takes it", 2.5),
        Aspect("frozen", "frozen weights and BatchNorm statistics are as they were", 1.5, requires=("learns",)),
        Aspect("loss", "loss is the exact mean over all samples", 1.5, requires=("learns",)),
        Aspect("accuracy", "accuracy is the exact share of correct samples", 1.5, requires=("learns",)),
    ),
    examine=examine_train_one_epoch,
    cases=CASES,
    hints=(
        "For each batch: forget old gradients, look, compare, go back, step. Keep three sums: loss, correct answers, samples.",
        "optimizer.zero_grad(), nn.functional.cross_entropy(logits, labels), loss.backward(), optimizer.step(); "
        "loss.item() * len(labels) is the batch's sum.",
        "for images, labels in loader:\n    optimizer.zero_grad()\n    logits = model(images)\n    loss = ...\n    ...\n"
        "    total += loss.item() * len(labels)\n"
        'return {"loss": total / samples, "accuracy": correct / samples}',
    ),
)

evaluate = Exercise(
    name="evaluate",
    lesson=LESSON,
    aspects=(
        Aspect("measured", "each image goes through the model once, and a dict comes back", 0.5),
        Aspect("loss", "loss is the exact mean over all samples, in eval mode", 1.5),
        Aspect("accuracy", "accuracy is the exact share of correct samples", 1),
        Aspect("modes", "every module is back in the mode it came in", 1, requires=("measured",)),
        Aspect("intact", "weights, statistics, flags and gradients are as they were", 1, requires=("measured",)),
        Aspect("no_grad", "no gradient is recorded", 1, requires=("measured",)),
    ),
    examine=examine_evaluate,
    cases=CASES,
    hints=(
        "Measuring must leave no trace: note how each module stands, put all in eval mode, measure, put each back.",
        "model.modules() and module.training; model.eval(); with torch.no_grad():; the sums are those of train_one_epoch.",
        "modes = [(module, module.training) for module in model.modules()]\nmodel.eval()\nwith torch.no_grad():\n    ...\n"
        "for module, training in modes:\n    module.training = training",
    ),
)


# ---------------------------------------------------------- extract_features
extract_features = Exercise(
    name="extract_features",
    lesson=LESSON,
    aspects=(
        Aspect("features", "features are the head's inputs, float32, one row an image", 2),
        Aspect("labels", "labels are int64, in the order of the rows", 1, requires=("features",)),
        Aspect("once", "each image goes through the model once, in one pass", 1, requires=("features",)),
        Aspect("plain", "a head can be trained on them", 1, requires=("features",)),
        Aspect("intact", "the model is as it was", 1, requires=("features",)),
    ),
    examine=examine_extract_features,
    cases=CASES,
    hints=(
        "Let the whole model run, and listen at the door of its last room.",
        "head.register_forward_pre_hook(f) calls f(module, inputs) each time; torch.cat joins batches. Modes as in evaluate.",
        "head = getattr(model, head_name)\n"
        "handle = head.register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))\n...\n"
        "handle.remove()\nreturn torch.cat(features), torch.cat(labels)",
    ),
)


# ---------------------------------------------------------- head_history
def examine_head_history(case: results.HeldOut, history: object, model: nn.Module) -> Iterator[Finding]:
    """Measure the model again on held-out images, then read the records."""
    if history is None:
        raise NotAttempted
    records = results.records_finding(history, HEAD_EPOCHS)
    yield records
    wrong = results.whole_model("learned", model, case.pretrained())
    if wrong is not None:
        yield wrong
        return
    frozen = results.frozen_finding(model, case, released_blocks=0)
    yield frozen
    known = 0 if frozen.passed else None
    val = case.measure(model, known, "val")
    accuracy = val["accuracy"] if case.split == "val" else case.measure(model, known)["accuracy"]
    yield results.accuracy_finding(
        "learned", accuracy, case.bars().head, case.split,
        "Is the head in this model the one that was trained? Does the optimizer hold it? Did it see all five epochs?",
    )  # fmt: skip
    last = history[-1] if records.passed else None
    yield results.agrees_finding(
        records, last, val, "the last record", "Measure after the epoch's training, on the validation features."
    )
    yield results.falls_finding(records, history)


head_history = Exercise(
    name="head_history",
    lesson=LESSON,
    aspects=(
        Aspect("learned", "the trained head is right on held-out images, measured again", 2),
        Aspect("frozen", "the base still equals the pre-trained weights to the last bit", 1.5, requires=("learned",)),
        Aspect("records", "five records, epochs 1 to 5, with sensible numbers", 1, requires=("learned", "agrees")),
        Aspect("agrees", "the last record says what measuring the model again says", 1.5, requires=("learned",)),
        Aspect("falls", "the training loss has fallen", 1, requires=("learned", "agrees")),
    ),
    examine=examine_head_history,
    cases=(results.HeldOut("val"),),
    hints=(
        "Five times: train on the training features, measure on the validation features, write a record.",
        "head_history.append({...}) with the keys epoch, lr, train_loss, train_accuracy, val_loss, val_accuracy.",
        "for epoch in range(1, 6):\n    head.train()\n    train = train_one_epoch(head, train_loader, optimizer)\n"
        "    val = evaluate(head, val_loader)\n"
        '    head_history.append({"epoch": epoch, "lr": lr, "train_loss": train["loss"], ...})',
    ),
)
