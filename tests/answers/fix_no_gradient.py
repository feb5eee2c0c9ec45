"""`fix_no_gradient`: no_grad around what is frozen, and around nothing else."""

import torch
from torch.nn.functional import cross_entropy

from tests.support.broken_programs import broken, repaired


def _recorded(front, block, head, loader, optimizer):
    for images, labels in loader:
        optimizer.zero_grad()
        cross_entropy(head(block(front(images))), labels).backward()
        optimizer.step()


def _front_detached(front, block, head, loader, optimizer):
    for images, labels in loader:
        loss = cross_entropy(head(block(front(images).detach())), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def _block_detached(front, block, head, loader, optimizer):
    for images, labels in loader:
        optimizer.zero_grad()
        cross_entropy(head(block(front(images)).detach()), labels).backward()
        optimizer.step()


def _all_released(front, block, head, loader, optimizer):
    front.requires_grad_(True)
    _recorded(front, block, head, loader, torch.optim.SGD([*front.parameters(), *block.parameters(), *head.parameters()], lr=0.1))


def _requires_grad_on_features(front, block, head, loader, optimizer):
    for images, labels in loader:
        optimizer.zero_grad()
        with torch.no_grad():
            features = block(front(images))
        cross_entropy(head(features.requires_grad_(True)), labels).backward()
        optimizer.step()


def _no_step(front, block, head, loader, optimizer):
    for images, labels in loader:
        optimizer.zero_grad()
        cross_entropy(head(block(front(images))), labels).backward()


def _train_mode(front, block, head, loader, optimizer):
    block.train()
    _recorded(front, block, head, loader, optimizer)


def _not_cleared(front, block, head, loader, optimizer):
    for images, labels in loader:
        cross_entropy(head(block(front(images))), labels).backward()
        optimizer.step()


RIGHT = {"around the front": repaired("fix_no_gradient"), "everything recorded": _recorded, "front detached": _front_detached}
WRONG = {
    "the broken program": (broken("fix_no_gradient"), "no_gradient"),
    "detach in place of no_grad": (_block_detached, "no_gradient"),
    "a flag on the features": (_requires_grad_on_features, "no_gradient"),
    "the front released as well": (_all_released, "frozen_moved"),
    "no step": (_no_step, "block_stays"),
    "gradients not cleared": (_not_cleared, "other_steps"),
    "the block in train mode": (_train_mode, "statistics_moved"),
}
