"""Does the summary of many answers say what the model says, and where two models differ?"""

import pytest
import torch

from helpers.checks.small_models import Case
from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.inspection.predictions import Predictions, changed, confident_mistakes, confusion, predict
from helpers.inspection.snapshot import changes_since, take_snapshot
from helpers.training.loop import measure


def answers(labels: list[int], classes: list[int], confidence: list[float] | None = None, num_classes: int = 4) -> Predictions:
    """Predictions of these classes, each with this probability; the rest is shared by the other classes."""
    sure = torch.tensor(confidence or [0.7] * len(labels))
    probabilities = ((1 - sure) / (num_classes - 1))[:, None].repeat(1, num_classes)
    probabilities[torch.arange(len(labels)), torch.tensor(classes)] = sure
    return Predictions(torch.tensor(labels), probabilities)


def test_are_the_answers_those_of_the_model_in_eval_mode():
    case = Case(num_images=14, batch_size=4)
    found = predict(case.model(), case.loader())
    with torch.no_grad():
        wanted = case.model().eval()(case.images()).softmax(dim=1)
    assert found.probabilities.shape == (14, 4) and found.probabilities.dtype == torch.float32
    assert torch.allclose(found.probabilities, wanted, atol=1e-6) and torch.equal(found.labels, case.labels())
    assert found.classes.dtype == found.labels.dtype == torch.int64 and len(found) == 14
    assert torch.equal(found.classes, wanted.argmax(dim=1))
    assert torch.allclose(found.confidence, wanted.max(dim=1).values, atol=1e-6)
    assert found.accuracy == measure(case.model(), case.loader())["accuracy"] == found.right.sum().item() / 14
    assert not found.probabilities.requires_grad


def test_is_the_model_left_as_it_was_found():
    case = Case()
    model = case.model()
    model.blocks.eval()
    before = take_snapshot(model)
    predict(model, case.loader())
    assert not changes_since(before, model) and model.training and not model.blocks[0].norm.training


def test_are_the_modes_put_back_after_an_error():
    model = Case().model()
    with pytest.raises(RuntimeError):
        predict(model, [(torch.zeros(2, 5), torch.zeros(2, dtype=torch.int64))])
    assert all(module.training for module in model.modules())


def test_is_an_empty_loader_refused():
    with pytest.raises(CourseError, match="used-up iterator"):
        predict(Case().model(), iter([]))


def test_do_changed_images_come_in_their_three_kinds():
    #         stays  right>wrong  wrong>right  wrong>wrong  stays wrong  wrong>right
    labels = [0, 1, 2, 3, 0, 1]
    before = answers(labels, [0, 1, 0, 0, 3, 2])
    after = answers(labels, [0, 2, 2, 1, 3, 1])
    assert changed(before, after).tolist() == [2, 5, 1, 3] and changed(before, after).dtype == torch.int64
    assert changed(after, before).tolist() == [1, 2, 5, 3]
    assert changed(before, before).tolist() == [] and changed(before, before).dtype == torch.int64


def test_are_predictions_of_other_images_refused():
    with pytest.raises(CourseError, match="without shuffling"):
        changed(answers([0, 1], [0, 1]), answers([1, 0], [0, 1]))
    with pytest.raises(CourseError, match="one loader"):
        changed(answers([0, 1], [0, 1]), answers([0], [0]))


def test_are_the_surest_mistakes_first():
    found = answers([0, 1, 2, 3, 0], [0, 2, 0, 3, 1], [0.99, 0.5, 0.9, 0.4, 0.6])
    assert confident_mistakes(found, 2).tolist() == [2, 4] and confident_mistakes(found, 9).tolist() == [2, 4, 1]
    assert confident_mistakes(found, 0).tolist() == [] == confident_mistakes(answers([1], [1]), 3).tolist()
    assert confident_mistakes(found, 2).dtype == torch.int64


def test_does_the_confusion_matrix_count_true_classes_by_row_and_leave_no_class_out():
    found = confusion(answers([0, 0, 0, 2, 2], [0, 1, 1, 2, 0], num_classes=4))
    assert found.tolist() == [[1, 2, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]] and found.dtype == torch.int64


def test_does_a_loader_of_the_courses_work_in_any_batch_size():
    case = Case(num_images=14)
    dataset = case.loader().dataset
    small, large = (predict(case.model(), batches.make_loader(dataset, batch_size=size)) for size in (3, 14))
    assert torch.allclose(small.probabilities, large.probabilities, atol=1e-6) and torch.equal(small.labels, large.labels)
