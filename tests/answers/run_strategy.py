"""`run_strategy`: swap, freeze, head, release, fine-tune, best weights, one test."""

import copy
from functools import partial
from itertools import chain

import torch
from torch import nn

from helpers.parameters import count
from helpers.training.loop import fit, measure, set_modes, train_epoch
from tests.answers import after, changed, given, head_of, unfrozen
from tests.answers.evaluate import no_eval
from tests.answers.fine_tune import record
from tests.answers.freeze_base import module_methods, only_the_head
from tests.answers.replace_head import put_linear, rename_outputs
from tests.answers.train_one_epoch import by_hand


def _release(model, config, *, negative_index=False):
    first = -config["released_blocks"] if negative_index else len(config["blocks"]) - config["released_blocks"]
    for name in chain.from_iterable(config["blocks"][first:]):
        model.get_submodule(name).requires_grad_(True)


def _strategy(
    swap=put_linear,
    freeze=module_methods,
    release=_release,
    early=lambda model, config: None,
    make=torch.optim.Adam,
    chosen=unfrozen,
    modes=set_modes,
    counted=lambda model: count(model).trainable,
    keep=copy.deepcopy,
    choose="val",
    restore=True,
    renumber=False,
    rate=lambda config, phase: config[f"{phase}_lr"],
    best_of_each_phase=False,
    early_test=None,
    test=measure,
    own=lambda model: model,
    extra=False,
):
    """A run_strategy put together from parts, so that each wrong answer differs from a right one in a single place."""

    def run_strategy(model, data, config):
        model = own(model)
        before = list(getattr(model, config["head_name"]).parameters())
        swap(model, config["head_name"], config["num_classes"])
        freeze(model, config["head_name"])
        early(model, config)
        history, best, weights, trainable = [], None, None, {}
        for phase in ("head", "fine_tune"):
            if phase == "fine_tune":
                release(model, config)
            trainable[phase] = counted(model)
            lr = rate(config, phase)
            optimizer = make(before if chosen == "before" else chosen(model), lr)
            if best_of_each_phase:
                best = None
            for epoch in range(1, config[f"{phase}_epochs"] + 1):
                modes(model)
                train, val = train_epoch(model, data["train"], optimizer), measure(model, data["val"])
                if extra:
                    train_epoch(model, data["val"], optimizer)
                history.append(record(epoch if renumber else len(history) + 1, lr, train, val))
                found = val if choose == "val" else measure(model, data[choose])
                if best is None or found["accuracy"] > best:
                    best, weights = found["accuracy"], keep(model.state_dict())
        unfinished = early_test(model, data["test"]) if early_test else None
        if restore:
            model.load_state_dict(weights)
        return {"history": history, "trainable": trainable, "test": unfinished or test(model, data["test"])}

    return run_strategy


def _with_fit(model, data, config):
    """The workshop's loop, an epoch at a time."""
    head = model.get_submodule(config["head_name"])
    model.add_module(config["head_name"], nn.Linear(head.in_features, config["num_classes"]))
    history, kept, trainable, released = [], [], {}, [[config["head_name"]]]
    for phase in ("head", "fine_tune"):
        if phase == "fine_tune" and config["released_blocks"]:
            released += config["blocks"][-config["released_blocks"] :]
        learning = {p for names in released for name in names for p in model.get_submodule(name).parameters()}
        for parameter in model.parameters():
            parameter.requires_grad = parameter in learning
        trainable[phase] = sum(p.numel() for p in learning)
        optimizer = torch.optim.AdamW(sorted(learning, key=id), lr=config[phase + "_lr"], weight_decay=0.01)
        for _ in range(config[phase + "_epochs"]):
            options = {"num_epochs": 1, "phase": phase, "keep_best": False, "progress": False}
            history = fit(model, data["train"], data["val"], optimizer, history=history, **options)
            kept.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
    ranked = max(range(len(kept)), key=lambda index: (history[index]["val_accuracy"], -history[index]["val_loss"]))
    model.load_state_dict(kept[ranked])
    return {"history": list(history), "trainable": trainable, "test": measure(model, data["test"]), "note": "with fit"}


def _sgd_by_hand(model, data, config):
    """All in one function, eval mode throughout, each step by hand, SGD with momentum."""
    name = config["head_name"]
    model.eval().requires_grad_(False)
    setattr(model, name, nn.Linear(getattr(model, name).in_features, config["num_classes"]))
    history, snapshots, trainable = [], [], {}
    for phase in ("head", "fine_tune"):
        if phase == "fine_tune":
            _release(model, config)
        parameters = unfrozen(model)
        trainable[phase] = sum(p.numel() for p in parameters)
        optimizer = torch.optim.SGD(parameters, lr=config[phase + "_lr"], momentum=0.9)
        for _ in range(config[phase + "_epochs"]):
            train, val = by_hand(model, data["train"], optimizer), measure(model, data["val"])
            history.append(record(len(history) + 1, optimizer.param_groups[0]["lr"], train, val))
            snapshots.append((val["accuracy"], [p.detach().clone() for p in model.parameters()]))
    _, best = max(snapshots, key=lambda pair: pair[0])
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), best, strict=True):
            parameter.copy_(value)
    return {"history": history, "trainable": trainable, "test": measure(model, data["test"])}


def _one_optimizer(model, data, config, kind=torch.optim.Adam):
    """A group added to the head's optimizer in place of a new one."""
    kept = {}

    def make(parameters, lr):
        if not kept or not config["head_epochs"]:
            kept["optimizer"] = kind(parameters, lr=lr)
            kept["ids"] = {id(p) for p in parameters}
            return kept["optimizer"]
        fresh = [p for p in parameters if id(p) not in kept["ids"]]
        kept["optimizer"].param_groups[0]["lr"] = lr
        if fresh:
            kept["optimizer"].add_param_group({"params": fresh, "lr": lr})
        return kept["optimizer"]

    return _strategy(make=make)(model, data, config)


def _new_base(model):
    name, first = next(iter(model.named_children()))
    setattr(model, name, copy.deepcopy(first))


def _made_up(model, data, config):
    """Two epochs of each phase at most; the others are never trained, and written down a little worse."""
    few = {phase: min(2, config[f"{phase}_epochs"]) for phase in ("head", "fine_tune")}
    result = _strategy()(model, data, {**config, **{f"{phase}_epochs": epochs for phase, epochs in few.items()}})
    history, worst = [], {"val_accuracy": 0.0}
    for phase, epochs in few.items():
        real, result["history"] = result["history"][:epochs], result["history"][epochs:]
        more = config[f"{phase}_epochs"] - epochs
        history += real + [{**real[-1], **worst, "val_loss": real[-1]["val_loss"] + 0.05} for _ in range(more)]
    result["history"] = [{**one, "epoch": number} for number, one in enumerate(history, start=1)]
    return result


def _in_memory(data):
    """Every batch is read once, before all else."""
    return {split: list(batches) for split, batches in data.items()}


RIGHT = {
    "one loop over two phases": _strategy(),
    "all batches in memory": given(_strategy(), data=_in_memory),
    "the workshop's fit, an epoch at a time": _with_fit,
    "by hand, SGD with momentum": _sgd_by_hand,
    "copies tensor by tensor": _strategy(keep=lambda state: {key: tensor.clone() for key, tensor in state.items()}),
}
WRONG = {
    "head not swapped": (_strategy(swap=lambda model, head_name, num_classes: model), "old_head"),
    "only out_features changed": (_strategy(swap=rename_outputs), "out_features_renamed"),
    "a copy is trained": (_strategy(own=copy.deepcopy), "model_unchanged", "released_not_moved"),
    "optimizer of the old head": (_strategy(chosen="before"), "head_not_moved", "nothing_moved"),
    "base trained": (
        _strategy(freeze=lambda model, head_name: model.requires_grad_(True)),
        "frozen_moved",
        "base_moved",
        "other_count",
    ),
    "only the head unfrozen, the rest as it came": (_strategy(freeze=only_the_head), "frozen_moved", "base_moved", "other_count"),
    "blocks released with the head": (_strategy(early=_release), "released_too_early", "other_count"),
    "blocks never released": (_strategy(release=lambda model, config: None), "released_not_moved", "other_count"),
    "blocks not in the optimizer": (_strategy(chosen=head_of), "released_not_moved"),
    "blocks[-n:] with n = 0": (_strategy(release=partial(_release, negative_index=True)), "zero_releases_all", "other_count"),
    "the head's optimizer goes on": (_one_optimizer, "old_optimizer"),
    "epochs that were never trained": (_made_up, "made_up", "other_steps", "test_disagrees"),
    "the head's momentum goes on": (partial(_one_optimizer, kind=partial(torch.optim.SGD, momentum=0.9)), "old_optimizer"),
    "one rate for both": (_strategy(rate=lambda config, phase: config["head_lr"]), "rate_ignored", "no_records", "wrong_rate"),
    "Adam's own rate": (_strategy(make=lambda parameters, lr: torch.optim.Adam(parameters)), "rate_ignored"),
    "train() each epoch": (_strategy(modes=lambda model: model.train()), "statistics_moved"),
    "last weights kept": (_strategy(restore=False), "last_weights"),
    "best = state_dict() is live": (_strategy(keep=lambda state: state), "last_weights"),
    "best of fine-tuning alone": (_strategy(best_of_each_phase=True), "other_epoch"),
    "best by test": (_strategy(choose="test"), "test_looked_at_often", "other_epoch"),
    "epochs restart at 1": (_strategy(renumber=True), "wrong_epochs", "no_records"),
    "trainable counted as tensors": (_strategy(counted=lambda model: count(model).trainable_tensors), "tensors_counted"),
    "tested in train mode": (
        _strategy(test=after(nn.Module.train, no_eval)),
        "statistics_moved",
        "record_disagrees",
        "test_disagrees",
    ),
    "tested before the best weights are back": (_strategy(early_test=measure), "test_disagrees"),
    "test images read before training": (
        given(_strategy(), data=lambda data: {**data, "test": list(data["test"])}),
        "test_too_early",
    ),
    "tested again and again": (
        _strategy(test=lambda model, loader: [measure(model, loader) for _ in range(2)][-1]),
        "test_read_again",
    ),
    "the history alone": (changed(_strategy(), lambda result: result["history"]), "not_the_dict", "no_records", "not_a_list"),
    "tested on the validation images": (given(_strategy(), data=lambda data: {**data, "test": data["val"]}), "test_not_measured"),
    "trained on the validation images as well": (_strategy(modes=set_modes, extra=True), "other_steps", "record_disagrees"),
    "the whole model built anew": (_strategy(swap=after(_new_base, put_linear)), "more_replaced"),
}
