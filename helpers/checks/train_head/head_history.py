"""The check of `head_history`: the trained head, measured again."""

from collections.abc import Iterator

from torch import nn

from helpers.checks import training_result
from helpers.checks.each_epoch import every_record_finding
from helpers.checks.exercise import NotAttempted, exercise
from helpers.checks.report import Aspect, Finding
from helpers.checks.training_result import HeldOut
from helpers.training.recipe import HEAD_EPOCHS


@exercise(
    aspects=(
        Aspect("learned", "the trained head is right on held-out images, measured again", 2),
        Aspect("frozen", "the base still equals the pre-trained weights exactly", 1.5, requires=("learned",)),
        Aspect("records", "five records, epochs 1 to 5, with sensible numbers", 1, requires=("learned", "agrees")),
        Aspect("agrees", "the records say what measuring the model again says", 1.5, requires=("learned",)),
        Aspect("falls", "the training loss has fallen", 1, requires=("learned", "agrees")),
    ),
    cases=(HeldOut("val"),),
    hints=(
        "Five times: train on the training features, measure on the validation features, write a record.",
        "head_history.append({...}) with the keys epoch, lr, train_loss, train_accuracy, val_loss, val_accuracy.",
        "for epoch in range(1, 6):\n    head.train()\n    train = train_one_epoch(head, train_loader, optimizer)\n"
        "    val = evaluate(head, val_loader)\n"
        '    head_history.append({"epoch": epoch, "lr": lr, "train_loss": train["loss"], ...})',
    ),
)
def head_history(case: HeldOut, history: object, model: nn.Module) -> Iterator[Finding]:
    """Measure the model again on held-out images, then read the records."""
    if history is None:
        raise NotAttempted
    records = training_result.records_finding(history, HEAD_EPOCHS)
    yield records
    wrong = training_result.whole_model("learned", model, case.pretrained())
    if wrong is not None:
        yield wrong
        return
    frozen = training_result.frozen_finding(model, case, released_blocks=0)
    yield frozen
    val, accuracy = case.measure_again(model, 0 if frozen.passed else None)
    yield training_result.accuracy_finding(
        "learned", accuracy, case.bars().head, case.split,
        "Is the head in this model the one that was trained? Does the optimizer hold it? Did it see all five epochs?",
    )  # fmt: skip
    # Whoever puts the best epoch's weights back is as right as who keeps the last ones.
    best = training_result.nearest_best(history, val) if records.passed else None
    kept = best is not None and training_result.close(best, val)
    last = history[-1] if records.passed else None
    agrees = training_result.agrees_finding(records, best if kept else last, val, "the last record")
    yield every_record_finding(agrees, case, history, model, 0 if frozen.passed else None, most=HEAD_EPOCHS)
    yield training_result.falls_finding(records, history)
