"""`fix_moving_statistics`: the frozen base sleeps while the head learns."""

from torch.nn import Module
from torch.nn.modules.batchnorm import _BatchNorm

from helpers.training.loop import set_modes, train_epoch
from tests.answers import after, followed_by, put_back, thaw
from tests.support.broken_programs import broken, repaired


def _each_epoch(prepare):
    """Does `prepare` to the model before each epoch."""

    def program(model, head_name, loader, optimizer, num_epochs):
        losses = []
        for _ in range(num_epochs):
            prepare(model)
            losses.append(train_epoch(model, loader, optimizer)["loss"])
        return losses

    return program


def _once(model, head_name, loader, optimizer, num_epochs):
    model.eval()
    getattr(model, head_name).train()
    return [train_epoch(model, loader, optimizer)["loss"] for _ in range(num_epochs)]


def _batchnorm_asleep(model):
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()


def _no_training(model, head_name, loader, optimizer, num_epochs):
    model.eval()
    getattr(model, head_name).train()
    return [0.0] * num_epochs


RIGHT = {
    "each epoch": repaired("fix_moving_statistics"),
    "set_modes": _each_epoch(set_modes),
    "once, before the loop": _once,
    "BatchNorm alone asleep": _each_epoch(_batchnorm_asleep),
}
WRONG = {
    "the broken program": (broken("fix_moving_statistics"), "statistics_moved", "base_in_train_mode", "other_numbers"),
    "eval afterwards": (
        followed_by(broken("fix_moving_statistics"), Module.eval),
        "statistics_moved",
        "base_in_train_mode",
        "other_numbers",
    ),
    # The symptom is gone; the head has learned on drifting features all the same.
    "statistics put back at the end": (
        put_back(broken("fix_moving_statistics"), Module.named_buffers),
        "base_in_train_mode",
        "other_numbers",
    ),
    "the head asleep, too": (_each_epoch(Module.eval), "head_in_eval"),
    "no training": (_no_training, "nothing_moved", "head_not_used", "other_numbers"),
    "everything released": (after(thaw, _once), "flags_changed"),
}
