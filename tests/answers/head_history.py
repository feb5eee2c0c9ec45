"""`head_history`: five epochs of the head on features that were computed once.

An answer is a `partial` that trains (once) and gives (head_history, model), as the lesson's cells leave them.
"""

import copy
from functools import cache, partial

import torch

from helpers.course import settings
from helpers.data.batches import to_dataset
from helpers.data.splits import course_splits
from helpers.models import backbones
from helpers.training import features
from helpers.training.loop import fit, measure


def namespace(answer):
    """The names that the check cell uses; anything but a partial stands for a history beside an untrained model."""
    history, model = answer() if isinstance(answer, partial) else (answer, untrained())
    return {"head_history": history, "model": model}


def untrained(pretrained=True):
    """The released model of the lesson's start."""
    return backbones.with_new_head(backbones.course_backbone(), pretrained=pretrained)


def cached(model, released_blocks):
    """(what is trained of the model, split -> batches of its inputs)."""
    course, backbone = settings.load(), backbones.course_backbone()
    splits = course_splits()
    sets = {name: to_dataset(getattr(splits, name), backbone.transform(course.image_size)) for name in ("train", "val")}
    return features.cached_loaders(
        backbone, model, sets, released_blocks=released_blocks, batch_size=course.batch_size, progress=False
    )


@cache
def loaders():
    """Split -> batches of the head's inputs."""
    return cached(untrained(), 0)[1]


@cache
def trained(make=torch.optim.Adam, lr=1e-3, num_epochs=5):
    """(history, model) of honest work."""
    model, batches = untrained(), loaders()
    head = backbones.course_backbone().head(model)
    options = {"num_epochs": num_epochs, "keep_best": False, "progress": False}
    return plain(fit(head, batches["train"], batches["val"], make(head.parameters(), lr=lr), **options)), model


def plain(history):
    """The records as the lesson's own loop makes them."""
    return [{key: value for key, value in record.items() if key not in ("phase", "seconds")} for record in history]


def base_moved(model):
    """A copy with another first tensor, which is a frozen one."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        next(model.parameters()).mul_(1.001)
    return model


def _altered(history=copy.deepcopy, model=lambda model: model):
    """Honest work with another history or another model, made of its own."""
    found, trained_model = trained()
    return history(found), model(trained_model)


def _with_last(**changes):
    return lambda history: [*history[:-1], {**history[-1], **changes}]


def _forged():
    return trained()[0], untrained()


def _run_in_train_mode(model):
    model = copy.deepcopy(model)
    with torch.no_grad():
        model.train()(torch.randn(4, 3, 96, 96))
    return model.eval()


def _head_never_moved():
    model = untrained()
    found = measure(backbones.course_backbone().head(model), loaders()["val"])
    record = {"lr": 1e-3, "train_loss": 2.3, "train_accuracy": 0.1, "val_loss": found["loss"], "val_accuracy": found["accuracy"]}
    return [{"epoch": epoch, **record} for epoch in range(1, 6)], model


def epochs_from_zero(history):
    return [{**record, "epoch": record["epoch"] - 1} for record in history]


def head_alone(model):
    """The head in place of the model."""
    return backbones.course_backbone().head(model)


RIGHT = {
    "Adam": partial(trained),
    "AdamW, another rate": partial(trained, torch.optim.AdamW, 2e-3),
    "SGD with a rate of its own": partial(trained, torch.optim.SGD, 0.05),
}
WRONG = {
    "forged history, untrained model": (partial(_forged), "low_accuracy", "record_disagrees"),
    "optimizer built before the head swap: nothing moved": (partial(_head_never_moved), "loss_does_not_fall", "low_accuracy"),
    "base in train mode": (partial(_altered, model=_run_in_train_mode), "statistics_moved", "record_disagrees"),
    "base moved": (partial(_altered, model=base_moved), "frozen_moved"),
    "accuracy embellished": (partial(_altered, _with_last(val_accuracy=0.99)), "record_disagrees"),
    "a loss that is not a number": (partial(_altered, _with_last(train_loss=float("nan"))), "not_finite", "no_records"),
    "epochs from 0": (partial(_altered, epochs_from_zero), "wrong_epochs", "no_records"),
    "three epochs": (partial(trained, num_epochs=3), "wrong_length", "no_records"),
    "the head instead of the model": (partial(_altered, model=head_alone), "not_the_model"),
    "no pre-trained weights": (
        partial(_altered, model=lambda model: untrained(pretrained=False)),
        "frozen_moved",
        "low_accuracy",
        "record_disagrees",
    ),
}
