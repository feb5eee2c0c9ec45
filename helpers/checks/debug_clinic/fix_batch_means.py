"""The check of `fix_batch_means`: a mean of means, in which the last batch has too much say."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks.debug_clinic.repair import GONE, WORKS, repair
from helpers.checks.intact import intact
from helpers.checks.means import expected_numbers, numbers, per_batch
from helpers.checks.report import Finding, failed, passed, wrong_type
from helpers.checks.small_models import Case
from helpers.checks.tensors import CLOSE
from helpers.inspection.snapshot import changes_since, take_snapshot


def half_right(case: Case) -> tuple[nn.Module, TensorDataset]:
    """A model in eval mode, and images with labels: it is right on all images but those of the smaller last batch."""
    model, images = case.model().eval(), case.images()
    with torch.no_grad():
        labels = model(images).argmax(dim=1)
    left_over = case.num_images % case.batch_size
    labels[-left_over:] = (labels[-left_over:] + 1) % case.num_classes
    return model, TensorDataset(images, labels)


@repair(
    hints=(
        "One image, one vote. How many votes does an image in the small last batch have?",
        "loss.item() * len(labels) is a batch's sum; (logits.argmax(dim=1) == labels).sum().item() counts its right answers.",
        "total += loss.item() * len(labels)\ncorrect += ...\nsamples += len(labels)\n...\n"
        'return {"loss": total / samples, "accuracy": ...}',
    ),
    gone="the numbers do not depend on the batch size",
    works="of a single batch both numbers are right",
    loss="loss is the exact mean over all samples",
    accuracy="accuracy is the exact share of right answers",
    kept="the model is as it was",
)
def fix_batch_means(case: Case, answer: Callable) -> Iterator[Finding]:
    """Measure the same images in one batch, and in batches of which the last one is smaller."""
    model, dataset = half_right(case)
    before = take_snapshot(model)
    whole, split = (answer(model, DataLoader(dataset, batch_size=size)) for size in (case.num_images, case.batch_size))
    changes = changes_since(before, model)
    exact, slips = expected_numbers(*per_batch(model, DataLoader(dataset, batch_size=case.batch_size)), case)
    yield _same_finding(whole, split, exact, slips, case)
    wrong = next((finding for finding in numbers(whole, exact, slips) if not finding.passed), None)
    yield replace(wrong, aspect=WORKS, found=f"all images in one batch: {wrong.found}") if wrong else passed(WORKS)
    yield from numbers(split, exact, slips)
    yield intact("kept", before, changes, "model_changed")


def _same_finding(whole: object, split: object, exact: dict, slips: dict, case: Case) -> Finding:
    """Whether the numbers are the same for the same images, however they are cut into batches."""
    if not all(isinstance(found, dict) and set(found) == set(exact) for found in (whole, split)):
        return wrong_type(GONE, "not_the_dict", split, 'a dict with the keys "loss" and "accuracy"')
    differ = [key for key in exact if not math.isclose(float(whole[key]), float(split[key]), rel_tol=CLOSE, abs_tol=1e-6)]
    if not differ:
        return passed(GONE)
    key = differ[0]
    known = {reason for value, reason, _ in slips[key] if math.isclose(float(split[key]), value, rel_tol=CLOSE, abs_tol=1e-6)}
    return failed(
        GONE, "batch_means" if "batch_means" in known else "depends_on_batches",
        found=f"{key} {float(whole[key]):.4f} in one batch, {float(split[key]):.4f} in batches of {case.batch_size}",
        expected="the same two numbers for the same images, whatever the batch size",
        likely=f"The last batch has {case.num_images % case.batch_size} images and as much say as one with {case.batch_size}."
        if "batch_means" in known else "",
    )  # fmt: skip
