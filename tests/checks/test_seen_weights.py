"""Are the weights kept that an answer's model had, however it is called, and does a record that they do not give fail?"""

import copy

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks.report import passed
from helpers.checks.seen_weights import seen_weights
from helpers.training.loop import measure

VAL = DataLoader(TensorDataset(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 2), batch_size=4)


def whole(model, images):
    return model(images)


def by_its_method(model, images):
    return model.forward(images)


def head_alone(model, images):
    return model.fc(images.relu())


def a_copy(model, images):
    return copy.deepcopy(model)(images)


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("way", [whole, by_its_method, head_alone, a_copy])
def test_a_record_is_given_by_the_weights_of_its_epoch_and_a_made_up_one_by_none(way, gradients):
    model, history = nn.Sequential(), []
    for name, part in (("first", nn.ReLU()), ("fc", nn.Linear(4, 2))):
        model.add_module(name, part)
    unseen = copy.deepcopy(model)
    with seen_weights(model, "fc") as seen:
        for epoch in (1, 2, 3, 4):
            if epoch < 4:  # an epoch may change nothing, and is measured all the same
                nn.init.normal_(model.fc.weight)
            for images, _ in VAL:
                with torch.set_grad_enabled(gradients):
                    way(model, images)
            unseen.load_state_dict(model.state_dict())
            found = measure(unseen, VAL)
            history.append({"epoch": epoch, "val_loss": found["loss"], "val_accuracy": found["accuracy"]})
    assert not model._forward_pre_hooks
    assert seen.finding(passed("records"), history, model, VAL).passed
    for other in ([*history, history[-1]], [{**one, "val_loss": one["val_loss"] + (n == 1)} for n, one in enumerate(history)]):
        assert seen.finding(passed("records"), other, model, VAL).reason == "made_up"
