"""Are the problems of lesson 13 what they say, and the truth that answers are held against the field's own?"""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from helpers.checks.honest_data import class_weights, find_suspects, fit_temperature, group_split
from helpers.checks.honest_data.class_weights import balanced
from helpers.checks.honest_data.find_suspects import suspects
from helpers.checks.honest_data.fit_temperature import TOLERANCE, best, loss_at
from helpers.checks.honest_data.tables import Groups, Labels, Scored
from helpers.grading.hidden import problems
from helpers.inspection.predictions import Predictions, confident_mistakes

SEEDS = range(20)
MADE = {name: [case for seed in SEEDS for case in problems.MAKERS[name](seed, 5)] for name in (
    "class_weights", "find_suspects", "fit_temperature", "group_split")}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_hidden_problems_are_other_ones_than_those_that_learners_see(name):
    exercise = {"class_weights": class_weights, "find_suspects": find_suspects, "fit_temperature": fit_temperature,
                "group_split": group_split}[name]  # fmt: skip
    assert {case.seed for case in exercise.cases} & {case.seed for case in MADE[name]} == set()
    assert len(set(MADE[name])) == len(MADE[name])


@pytest.mark.parametrize("case", [Labels(), *MADE["class_weights"][:10]])
def test_class_weights_are_scikit_learns_and_weigh_1_on_average(case):
    labels, weights = case.labels(), balanced(case.labels(), case.num_classes)
    theirs = compute_class_weight("balanced", classes=np.arange(case.num_classes), y=labels.numpy())
    assert np.allclose(weights, theirs) and weights.dtype == torch.float32
    assert weights[labels].mean().item() == pytest.approx(1)
    assert np.allclose(weights[labels], compute_sample_weight("balanced", labels.numpy()))


def test_no_two_classes_are_of_one_size_and_none_is_empty():
    for case in MADE["class_weights"]:
        counts = case.labels().bincount(minlength=case.num_classes).tolist()
        assert len(counts) == len(set(counts)) == case.num_classes and min(counts) > 0


def test_groups_come_in_no_order_with_gaps_and_of_unlike_sizes():
    for case in (Groups(), *MADE["group_split"]):
        groups = case.groups()
        names, sizes = groups.unique(return_counts=True)
        assert len(names) == case.num_groups >= 12 and len(set(sizes.tolist())) > 2
        assert not torch.equal(groups, groups.sort().values) and int(names.min()) >= 100


@pytest.mark.parametrize("case", [Scored(200), *MADE["fit_temperature"][:10]])
def test_the_best_temperature_is_the_one_that_scipy_finds(case):
    logits, labels = case.scores()
    classes = list(range(case.num_classes))
    losses = lambda t: log_loss(labels, (logits.double() / t).softmax(dim=1), labels=classes)  # noqa: E731
    theirs = minimize_scalar(losses, bounds=(0.05, 20), method="bounded").x
    ours = best(lambda t: loss_at(t, logits, labels))
    assert ours == pytest.approx(theirs, rel=1e-3) and loss_at(ours, logits, labels) == pytest.approx(losses(theirs))
    assert ours == pytest.approx(case.temperature, rel=0.4), "nearly what the logits were multiplied by"


def test_a_temperature_at_the_edge_of_the_tolerance_is_right_and_one_beyond_is_not():
    case = Scored(200, temperature=4.0)
    logits, labels = case.scores()
    right = best(lambda t: loss_at(t, logits, labels))
    lowest, steps = loss_at(right, logits, labels), [right * 1.002**step for step in range(400)]
    inside = [t for t in steps if loss_at(t, logits, labels) < lowest + 0.9 * TOLERANCE]
    outside = next(t for t in steps if loss_at(t, logits, labels) > lowest + 1.1 * TOLERANCE)
    for t, expected in ((inside[-1], True), (outside, False)):
        assert fit_temperature.report(lambda *_, t=t: t, cases=[case]).passed("minimum") is expected
    assert math.isclose(inside[-1] / right, 1, abs_tol=0.15), "a tenth off is no more than that"


@pytest.mark.parametrize("case", [Scored(), *MADE["find_suspects"][:10]])
def test_suspects_are_lesson_07s_confident_mistakes(case):
    logits, labels = case.scores()
    found = suspects(logits, labels)
    assert torch.equal(found, confident_mistakes(Predictions(labels, logits.softmax(dim=1)), case.num_images))
    assert case.count < len(found) < case.num_images, "some are asked for, and there are fewer than images"


def test_of_equally_sure_contradictions_either_may_come_first():
    class Twins(Scored):
        def scores(self):
            logits, labels = super().scores()
            return torch.cat([logits, logits]), torch.cat([labels, labels])

    def find(order):
        def answer(logits, labels, k):
            if k < 0:
                raise ValueError("k")
            confidence, classes = logits.softmax(dim=1).max(dim=1)
            places = order(torch.arange(len(labels)))
            wrong = places[(classes != labels)[places]]
            return wrong[confidence[wrong].argsort(descending=True, stable=True)][:k]

        return answer

    twins = Twins(num_images=40, count=6)
    for order in (lambda places: places, lambda places: places.flip(0)):
        report = find_suspects.report(find(order), cases=[twins])
        assert report.passed("contradicted") and report.passed("order") and report.passed("intact"), report
