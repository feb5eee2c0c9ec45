"""What `train_one_epoch` and `evaluate` must do, with the usual mistakes simulated so that each can be named."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers.acting.known import Watch
from helpers.checks.cases import Case
from helpers.checks.outcome import Finding, held, look, missed
from helpers.snapshot import changes_since, take_snapshot
from helpers.trial import explain

CLOSE = 1e-4  # relative; float32 sums in another order differ by about 1e-6
MODES = "model.train() reaches every module below it, the frozen BatchNorm layers as well: leave the modes as they are here."


def head_only(case: Case) -> nn.Module:
    """The case's model as lesson 3 leaves it: only the head can learn and is in train mode."""
    model = case.model().requires_grad_(False).eval()
    case.head(model).requires_grad_(True).train()
    return model


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    """An optimizer that holds what can learn."""
    return torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.2, momentum=0.5)


# ---------------------------------------------------------------- one epoch of training
def examine_train_one_epoch(case: Case, answer: Callable) -> Iterator[Finding]:
    """Findings on: learns, frozen, loss, accuracy."""
    model = head_only(case)
    before, optimizer = take_snapshot(model), sgd(model)
    try:
        found = answer(model, case.loader(), optimizer)
    except RuntimeError as problem:
        if "grad" not in str(problem):
            raise
        yield missed(
            "learns", "no_gradient",
            found=explain(problem, model),
            expected="a forward pass that records what backward() needs",
            likely="torch.no_grad() is for measuring. Around the training forward pass it leaves every gradient None.",
        )  # fmt: skip
        return
    changes = changes_since(before, model)
    yield _learns(case, model, before, changes)
    yield _frozen(before, changes)
    losses, right = _batches(case)
    yield from numbers(found, *expected_numbers(losses, right, case), other=_other_losses(case, bool(changes.buffers)))


def _epoch(case: Case, *, zero: bool = True, softmax: bool = False, batches: int | None = None) -> tuple[nn.Module, list, list]:
    """The head, losses () and correct answers per batch of one epoch, or of one with a usual mistake in it."""
    model = head_only(case)
    optimizer, losses, right = sgd(model), [], []
    for images, labels in list(case.loader())[:batches]:
        if zero:
            optimizer.zero_grad()
        logits = model(images)
        loss = cross_entropy(logits.softmax(dim=1) if softmax else logits, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        right.append(int((logits.argmax(dim=1) == labels).sum()))
    return case.head(model), losses, right


def _batches(case: Case) -> tuple[list[float], list[int]]:
    return _epoch(case)[1:]


def _learns(case: Case, model: nn.Module, before, changes) -> Finding:
    head = case.head(model)
    if not any(name.startswith(f"{case.head_name}.") for name in changes.parameters):
        return missed(
            "learns", "nothing_moved",
            found="no weight of the head has changed after the epoch",
            expected="one optimizer step per batch",
            likely="Each batch needs all four: zero_grad(), the loss, backward(), step().",
        )  # fmt: skip
    if changes.buffers:  # the moved statistics are named by the aspect "frozen"; no second mark is lost for them
        return held("learns")
    if same_weights(head, _epoch(case)[0]):
        return held("learns")
    mistakes = (
        (
            "gradients_pile_up",
            {"zero": False},
            "Without optimizer.zero_grad() every batch adds its gradient to all earlier ones.",
        ),
        ("softmax_before_loss", {"softmax": True}, "cross_entropy applies the softmax itself: hand it the logits."),
        ("one_batch", {"batches": 1}, "The loop ends after its first batch: look for a return or break inside it."),
    )
    for reason, mistake, likely in mistakes:
        if same_weights(head, _epoch(case, **mistake)[0]):
            return missed(
                "learns", reason, found="the head moved, but not as one epoch moves it", expected=_ONE_EPOCH, likely=likely
            )
    return missed("learns", "other_steps", found="the head moved, but not as one epoch moves it", expected=_ONE_EPOCH)


_ONE_EPOCH = "for each batch of the loader, once: zero_grad(), cross entropy of the logits, backward(), step()"


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    """Whether two modules' parameters agree up to rounding."""
    return all(torch.allclose(p, q, rtol=1e-3, atol=1e-5) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def _frozen(before, changes) -> Finding:
    moved = sorted(name for name in changes.parameters if not before.flags.get(name, True))
    if moved:
        return missed(
            "frozen", "frozen_moved",
            found=f"{len(moved)} frozen tensors have changed, such as {moved[0]}",
            expected="only the parameters that can learn move",
            likely="Leave requires_grad alone, and let only the optimizer that was handed in make steps.",
        )  # fmt: skip
    return look(
        "frozen", not changes.buffers, "batchnorm_moved",
        found=f"{len(changes.buffers)} BatchNorm buffers have moved, such as {min(changes.buffers, default='')}",
        expected="running statistics as they were: requires_grad = False does not protect them, eval mode does",
        likely=MODES,
    )  # fmt: skip


def _other_losses(case: Case, trained_batchnorm: bool) -> list[tuple[float, str, str]]:
    losses, right = _epoch(case, softmax=True)[1:]
    other = [
        (
            expected_numbers(losses, right, case)[0]["loss"],
            "softmax_before_loss",
            "cross_entropy takes logits, not probabilities.",
        )
    ]
    return [*other, (math.nan, "train_mode", MODES)] if trained_batchnorm else other


# ---------------------------------------------------------------- measuring
def examine_evaluate(case: Case, answer: Callable) -> Iterator[Finding]:
    """Findings on: measured, loss, accuracy, modes, intact, no_grad."""
    model = case.model()
    model.blocks[0].eval()  # a model of mixed modes, as after lesson 3: one flag cannot bring it back
    other = _train_mode_loss(case)
    before, watch = take_snapshot(model), Watch()
    case.head(model).register_forward_hook(watch)
    found = answer(model, case.loader())
    changes = changes_since(before, model)
    yield look(
        "measured", isinstance(found, dict) and watch.samples == case.num_images, "not_measured",
        found=f"a {type(found).__name__} after {watch.samples} of {case.num_images} images",
        expected="a dict, after each image went through once",
    )  # fmt: skip
    losses, right = _measured(case)
    yield from numbers(found, *expected_numbers(losses, right, case), other=other)
    yield look(
        "modes", not changes.modes, "mode_left",
        found=f"{len(changes.modes)} modules are in another mode than before",
        expected="every module in the mode it came in: here the first block in eval mode, all else in train mode",
        likely="model.train() at the end, even model.train(was_training), puts all modules in one mode: note each one's own.",
    )  # fmt: skip
    yield _intact_finding(model, changes)
    yield look(
        "no_grad", watch.calls and not any(watch.graphs), "gradient_recorded",
        found="the logits carry a graph for backward()" if watch.calls else "the head was not called",
        expected="a forward pass under torch.no_grad()",
        likely="eval() switches layers' behaviour; it does not switch gradients off. That is no_grad()'s work.",
    )  # fmt: skip


def _intact_finding(model: nn.Module, changes) -> Finding:
    state = changes.parameters | changes.buffers | changes.flags | changes.modules
    clean = not state and all(p.grad is None for p in model.parameters())
    train_mode = "In train mode BatchNorm gathers statistics even under no_grad(): call model.eval() first."
    return look(
        "intact", clean, "statistics_moved" if changes.buffers else "model_changed",
        found=f"{len(state)} tensors or flags have changed, such as {min(state)}" if state else "gradients lie in the model",
        expected="weights, buffers, flags and gradients as before",
        likely=train_mode if changes.buffers else "",
    )  # fmt: skip


def _forward(case: Case, model: nn.Module) -> tuple[list[float], list[int]]:
    with torch.no_grad():
        outputs = [(model(images), labels) for images, labels in case.loader()]
    return [cross_entropy(z, y).item() for z, y in outputs], [int((z.argmax(dim=1) == y).sum()) for z, y in outputs]


def _measured(case: Case) -> tuple[list[float], list[int]]:
    return _forward(case, case.model().eval())


def _train_mode_loss(case: Case) -> list[tuple[float, str, str]]:
    model = case.model()
    model.blocks[0].eval()
    losses, right = _forward(case, model)
    words = "These are the numbers of train mode, where BatchNorm looks at the batch: call model.eval() first."
    return [(expected_numbers(losses, right, case)[0]["loss"], "train_mode", words)]


# ---------------------------------------------------------------- the two numbers
def expected_numbers(losses: list[float], right: list[int], case: Case) -> tuple[dict[str, float], dict[str, list]]:
    """The exact per-sample means, and for each key the values that usual mistakes give, with their reasons."""
    sizes = [len(labels) for _, labels in case.loader()]
    loss = sum(mean * size for mean, size in zip(losses, sizes, strict=True)) / sum(sizes)
    shares = [r / size for r, size in zip(right, sizes, strict=True)]
    exact = {"loss": loss, "accuracy": sum(right) / sum(sizes)}
    biased = "The last batch is smaller, yet in a mean of batch means it has as much say: weigh each batch by its size."
    last = "This is the last batch alone: add up over all batches."
    slips = {
        "loss": [
            (sum(losses) / len(losses), "batch_means", biased),
            (losses[-1], "last_batch", last),
            (sum(losses), "not_divided", "This is a sum over batches: divide by the number of samples."),
            (sum(losses) / sum(sizes), "batch_means", "loss.item() is a batch's mean already: times its size before adding up."),
        ],
        "accuracy": [
            (sum(shares) / len(shares), "batch_means", biased),
            (100 * exact["accuracy"], "percent", "Accuracies are in [0, 1] here: not in percent."),
            (float(sum(right)), "not_divided", "This is the number of correct answers: divide by the number of samples."),
            (shares[-1], "last_batch", last),
        ],
    }
    return exact, slips


def numbers(found: object, exact: dict[str, float], slips: dict[str, list], *, other: list) -> Iterator[Finding]:
    """Findings on the aspects ``loss`` and ``accuracy`` of a returned dict."""
    for key, value in exact.items():
        if not isinstance(found, dict) or set(found) != set(exact):
            shape = f"a dict with the keys {sorted(found, key=str)}" if isinstance(found, dict) else f"{type(found).__name__}"
            yield missed(key, "not_the_dict", found=shape, expected='a dict with the keys "loss" and "accuracy", and no other')
        else:
            yield _number(key, found[key], value, slips[key] + (other if key == "loss" else []))


def _number(key: str, found: object, exact: float, slips: list) -> Finding:
    if type(found) is not float or not math.isfinite(found):
        kind = "a tensor" if isinstance(found, Tensor) else f"{type(found).__name__} {found!r}"
        expected = "a finite Python float: .item() takes the number out of a tensor, and with it the graph goes"
        return missed(key, "not_plain", found=f"{key} is {kind}", expected=expected)
    if math.isclose(found, exact, rel_tol=CLOSE, abs_tol=1e-6):
        return held(key)
    for value, reason, likely in slips:
        if math.isnan(value) or math.isclose(found, value, rel_tol=CLOSE, abs_tol=1e-6):
            return missed(
                key, reason, found=f"{key} {found:.4f}", expected=f"{exact:.4f}, the mean over all samples", likely=likely
            )
    return missed(key, "other_mean", found=f"{key} {found:.4f}", expected=f"{exact:.4f}, the mean over all samples")
