"""`fine_tune_history`: ten epochs of the head and the last blocks, two or more, at 1e-4 or 3e-4, after the head's own five.

An answer is a `partial` that trains (once) and gives (fine_tune_history, model, head_model), as the lesson's cells leave them.
"""

import copy
from functools import cache, partial

import torch

from helpers.models import backbones
from helpers.training.loop import fit
from tests.answers import head_history, unfrozen


def namespace(answer):
    """The names that the check cell uses; no partial: a history beside a model that was never fine-tuned."""
    start = head_history.trained()[1]
    history, model, head_model = answer() if isinstance(answer, partial) else (answer, copy.deepcopy(start), start)
    return {"fine_tune_history": history, "model": model, "head_model": head_model}


def tuned(*args, **options):
    """(history, model, head_model) of a whole run."""
    return _run(*args, **options)[0]


@cache
def _run(make=torch.optim.Adam, released=2, train_batchnorm=False, num_epochs=10, lr=1e-4):
    """What `tuned` gives, and what it would give after three epochs."""
    head_model = head_history.trained()[1]
    model = copy.deepcopy(head_model)
    for block in backbones.course_backbone().residual_blocks(model)[16 - released :]:
        block.requires_grad_(True)
    tail, loaders = head_history.cached(model, max(released, 2))
    optimizer = make(unfrozen(tail), lr=lr)
    short = []

    def keep(history):
        if len(history) <= 3 and history[-1] is history.best:
            short[:] = [copy.deepcopy(model).eval()]

    options = {"num_epochs": num_epochs, "train_batchnorm": train_batchnorm, "progress": False, "after_epoch": keep}
    history = head_history.plain(fit(tail, loaders["train"], loaders["val"], optimizer, **options))
    return (history, model, head_model), (history[:3], *short, head_model)


def _altered(history=copy.deepcopy, model=lambda model: model, start=lambda start: start):
    """Honest work with another history, model or start, made of its own."""
    found, tuned_model, head_model = tuned()
    return history(found), model(tuned_model), start(head_model)


def _embellished(history):
    best = max(history, key=lambda record: record["val_accuracy"])
    return [{**record, "val_accuracy": 0.999} if record is best else record for record in history]


def _forged():
    start = head_history.trained()[1]
    return tuned()[0], copy.deepcopy(start), start


def _another_rate(history):
    return [{**record, "lr": 1e-3} for record in history]


RIGHT = {
    "Adam": partial(tuned),
    "AdamW, three blocks at the recipe's rate": partial(tuned, torch.optim.AdamW, released=3, lr=3e-4),
    "RMSprop": partial(tuned, torch.optim.RMSprop),
}
WRONG = {
    "forged history, model never fine-tuned": (partial(_forged), "nothing_moved", "no_gain", "record_disagrees"),
    "only the head went on learning": (
        partial(tuned, released=0, num_epochs=2),
        "released_not_moved",
        "wrong_length",
        "no_gain",
        "no_records",
    ),
    "BatchNorm in train mode": (
        partial(tuned, train_batchnorm=True, num_epochs=2),
        "statistics_moved",
        "low_accuracy",
        "wrong_length",
        "no_gain",
        "no_records",
    ),
    "another rate": (partial(_altered, _another_rate), "wrong_rate", "no_records"),
    "frozen weights moved": (partial(_altered, model=head_history.base_moved), "frozen_moved"),
    "head_model is no copy": (partial(_altered, start=lambda start: tuned()[1]), "nothing_moved", "no_start"),
    "SGD in place of Adam": (partial(tuned, torch.optim.SGD), "hardly_moved"),
    "an untrained start": (partial(_altered, start=lambda start: head_history.untrained()), "no_start"),
    "accuracy embellished": (partial(_altered, _embellished), "record_disagrees"),
    "three epochs": (partial(lambda: _run()[1]), "wrong_length", "no_records"),
    "the head in place of the model": (partial(_altered, model=head_history.head_alone), "not_the_model"),
}
