"""The run on which a fine-tuning loop is tried: validation gets worse in it, so that its best epoch is not its last."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks.small_models import Case, released
from helpers.training.loop import fit

TRIED_EPOCHS, TRIED_LR = 6, 0.05  # a rate so high that validation gets worse


def prepared(case: Case) -> nn.Module:
    """The case's model in train mode, as careless code leaves it; head and last block released, the rest frozen."""
    return released(case, blocks=1).train()


def loaders(case: Case) -> tuple[DataLoader, DataLoader]:
    """(train, val). The validation labels are what the untrained model says, so validation gets worse as it learns."""
    generator = torch.Generator().manual_seed(case.seed + 5)
    images = torch.randn(60, 3, case.image_size, case.image_size, generator=generator)
    with torch.no_grad():
        labels = case.model().eval()(images).argmax(dim=1)
    return case.loader(), DataLoader(TensorDataset(images, labels), batch_size=16)


def tells(case: Case) -> bool:
    """Whether the best epoch is none of the last ones here, with Adam: else weights that were never put back are right ones."""
    model, (train, val) = prepared(case), loaders(case)
    optimizer = torch.optim.Adam([parameter for parameter in model.parameters() if parameter.requires_grad], lr=TRIED_LR)
    history = fit(model, train, val, optimizer, num_epochs=TRIED_EPOCHS, keep_best=False, progress=False)
    accuracies = [record["val_accuracy"] for record in history]
    return accuracies[-1] < max(accuracies)
