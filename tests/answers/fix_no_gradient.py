"""`fix_no_gradient`: no_grad around what is frozen, and around nothing else."""

import torch
from torch.nn.functional import cross_entropy

from tests.answers import given
from tests.support.broken_programs import broken, repaired


def _loop(features=lambda front, block, images: block(front(images)), *, clear=True, step=True):
    def program(front, block, head, loader, optimizer):
        for images, labels in loader:
            if clear:
                optimizer.zero_grad()
            cross_entropy(head(features(front, block, images)), labels).backward()
            if step:
                optimizer.step()

    return program


_recorded = _loop()


def _all_released(front, block, head, loader, optimizer):
    front.requires_grad_(True)
    _recorded(front, block, head, loader, torch.optim.SGD([*front.parameters(), *block.parameters(), *head.parameters()], lr=0.1))


def _flag_on_features(front, block, images):
    with torch.no_grad():
        features = block(front(images))
    return features.requires_grad_(True)


RIGHT = {
    "around the front": repaired("fix_no_gradient"),
    "everything recorded": _recorded,
    "front detached": _loop(lambda front, block, images: block(front(images).detach())),
}
WRONG = {
    "the broken program": (broken("fix_no_gradient"), "no_gradient", "other_steps"),
    "detach in place of no_grad": (
        _loop(lambda front, block, images: block(front(images)).detach()),
        "no_gradient",
        "other_steps",
    ),
    "a flag on the features": (_loop(_flag_on_features), "no_gradient", "other_steps"),
    "the front released as well": (_all_released, "frozen_moved", "other_steps"),
    "no step": (_loop(step=False), "block_stays", "nothing_moved"),
    "gradients not cleared": (_loop(clear=False), "other_steps"),
    "the block in train mode": (given(_recorded, block=torch.nn.Module.train), "statistics_moved", "other_steps"),
}
