"""Hidden problems of the debug clinic, where they are not the usual small models."""

from __future__ import annotations

import random

from helpers.checks.cases import Case
from helpers.checks.clinic_data import Album, Batching
from helpers.grading.hidden import small_models, special


@special("fix_no_gradient")
def without_shared_weights(seed: int, count: int) -> list[Case]:
    """All kinds but the one in which block and front share a layer: there both may be meant to learn, or neither."""
    return [case for case in small_models(seed, count) if case.kind != "shared"]


@special("fix_single_image")
def batchings(seed: int, count: int) -> list[Batching]:
    """One image left over, more than one, and none; and one problem in which a batch size one smaller has one left over, too."""
    draw = random.Random(seed)
    made = []
    for index in range(count):
        batch_size = draw.randint(4, 7)
        batches = batch_size - 1 if index == 0 else draw.randint(2, 4)
        left_over = (1, 1, 1, draw.randint(2, batch_size - 1), 0)[index % 5]
        made.append(Batching(batches * batch_size + left_over, batch_size, draw.randrange(1_000, 2**31)))
    return made


@special("fix_leaking_augmentation")
def albums(seed: int, count: int) -> list[Album]:
    """Splits of several sizes, over data sets with and without a transform of their own."""
    draw = random.Random(seed)
    plain = draw.random() < 0.5
    return [
        Album(draw.randint(10, 20), draw.randint(3, 6), plain == bool(index % 2), draw.randrange(1_000, 2**31))
        for index in range(count)
    ]


@special("fix_double_softmax")
@special("fix_best_weights")
def few_models(seed: int, count: int) -> list[Case]:
    """Three small models: each takes many epochs to examine."""
    return small_models(seed, min(count, 3))
