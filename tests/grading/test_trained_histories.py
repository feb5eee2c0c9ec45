"""Does a history earn its points if somebody trained it, in whatever honest way, and not if its records were made up?

Learners who answer the training result alone: nothing else in these lessons is needed for it.
"""

from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn

from helpers.grading.inside.epoch_weights import SMALL, Looks
from helpers.grading.nbgrader_course import Course
from helpers.models import backbones
from helpers.notebooks import masters
from helpers.training import features
from tests.support import small_course as small

HEAD, TUNED = "04_train_head", "06_fine_tune"
RECORD = """
def record(epoch, lr, train_loss, train_right, val_loss, val_right):
    values = dict(train_loss=train_loss, train_accuracy=train_right / 500, val_loss=val_loss, val_accuracy=val_right / 500)
    return {"epoch": epoch, "lr": lr, **values}

def look(layer, batches, step=None):
    loss, right = 0.0, 0
    for vectors, classes in batches:
        logits = layer(vectors)
        mean = nn.functional.cross_entropy(logits, classes)
        if step:
            step(mean)
        loss, right = loss + mean.item() * len(classes), right + int((logits.argmax(1) == classes).sum())
    return loss, right
"""
# Each step by hand, the bare layer, never eval() and no no_grad(): right for a head. (Were it called `layer`, as in a cell that
# only shows, all cells would be run.)
BY_HAND = (
    RECORD
    + """
linear, head_history = backbone.head(model), []
def step(mean):
    linear.zero_grad()
    mean.backward()
    for parameter in linear.parameters():
        parameter.data -= 0.1 * parameter.grad
for epoch in range(1, 6):
    loss, right = look(linear, train_loader, step)
    val = look(linear, val_loader)
    head_history.append(record(epoch, 0.1, loss / 500, right, val[0] / 500, val[1]))
"""
)
# A copy of the head learns, in another order and at another rate; the best epoch's weights are put back, which are not the last.
BEST_PUT_BACK = (
    RECORD
    + """
layer, head_history, kept = copy.deepcopy(head), [], []
batches = torch.utils.data.DataLoader(train_loader.dataset, batch_size=50, shuffle=True)
adam = torch.optim.AdamW(layer.parameters(), lr=0.1)
def step(mean):
    adam.zero_grad(); mean.backward(); adam.step()
for epoch in range(1, 6):
    loss, right = look(layer, batches, step)
    with torch.no_grad():
        val = look(layer.eval(), val_loader)
    head_history.append(record(epoch, 0.1, loss / 500, right, val[0] / 500, val[1]))
    kept.append((val[1], copy.deepcopy(layer.state_dict())))
head.load_state_dict(max(kept, key=lambda pair: pair[0])[1])
"""
)
# The head by least squares; five records made up, the last of them measured.
CLOSED_FORM = (
    RECORD
    + """
layer, (vectors, classes) = backbone.head(model), train_loader.dataset.tensors
wanted, many = nn.functional.one_hot(classes, num_classes).float() * 8, vectors.T @ vectors
with torch.no_grad():
    layer.weight.copy_(torch.linalg.solve(many + 300 * torch.eye(len(many)), vectors.T @ wanted).T)
    layer.bias.zero_()
    val = look(layer, val_loader)
made_up = [(1.9, 260, 1.5, 330), (1.3, 380, 1.1, 380), (1.0, 400, 0.9, 400), (0.8, 410, 0.8, 410)]
head_history = [record(n, 1e-3, *numbers) for n, numbers in enumerate(made_up, start=1)]
head_history.append(record(5, 1e-3, 0.7, 420, val[0] / 500, val[1]))
"""
)
# Trained, and one record made better afterwards.
EMBELLISHED = BY_HAND + 'head_history[1]["val_loss"] *= 0.8\n'
# Gradients are off from the end of the first epoch on, as after an `evaluate` that leaves them so: the second step is an error.
SWITCHED = BY_HAND + "    torch.set_grad_enabled(False)\n"
HISTORIES = {"by-hand": (BY_HAND, 7.0), "best-put-back": (BEST_PUT_BACK, 7.0), "closed-form": (CLOSED_FORM, 3.5),
             "embellished": (EMBELLISHED, 3.5)}  # fmt: skip
# One epoch of ten was trained; the best record is measured, the others are made up.
FEWER = '''
def few_epochs():
    learning = [p for p in tail.parameters() if p.requires_grad]
    adam = torch.optim.Adam(learning, lr=3e-4)
    set_modes(tail)
    train = train_epoch(tail, loaders["train"], adam)
    val = measure(tail, loaders["val"])
    keys = {"lr": 3e-4, "train_accuracy": train["accuracy"]}
    records = [{"epoch": n, **keys, "train_loss": train["loss"] - 0.01 * n, "val_loss": val["loss"] + 0.05 * (11 - n),
                "val_accuracy": val["accuracy"] - 0.02} for n in range(1, 11)]
    records[-1] |= {"val_loss": val["loss"], "val_accuracy": val["accuracy"]}
    return records
fine_tune_history = few_epochs()
'''  # fmt: skip
FINE_TUNED = {"one-epoch": FEWER}


def _make(root: Path) -> None:
    small.real(root, (HEAD, TUNED))
    course = Course.here(root)
    for lesson, name, answers in (
        (HEAD, "head_history", {"switched": SWITCHED} | {student: source for student, (source, _) in HISTORIES.items()}),
        (TUNED, "fine_tune_history", FINE_TUNED),
    ):
        for student, source in answers.items():
            notebook = masters.read(masters.path_of("notebooks", lesson, root))
            next(cell for cell in notebook.cells if cell.id == name).source = source
            path = masters.path_of(f"submitted/{student}", lesson, root)
            path.parent.mkdir(parents=True)
            nbformat.write(notebook, path)
        small.grade_here(course, lesson=lesson)


course = small.shared("trained-histories", _make)


def _graded(course: Course, lesson: str, student: str, exercise: str) -> tuple[float, str]:
    """(points, what the report says) of one exercise."""
    notebook = masters.read(course.folder("autograded", student, lesson) / f"{lesson}.ipynb")
    cell = next(cell for cell in notebook.cells if cell.id == f"test_{exercise}")
    shown = "\n".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
    return small.entry(course, student, lesson).points[exercise], shown


@pytest.mark.parametrize("student", HISTORIES)
def test_a_heads_history_earns_what_was_trained(course, student):
    points, shown = _graded(course, HEAD, student, "head_history")
    assert points == HISTORIES[student][1], shown
    assert ("none of the weights that the model had" in shown) == (points < 7), shown


def test_a_training_that_a_switch_has_ended_is_told_so_and_of_no_other_cause(course):
    points, shown = _graded(course, HEAD, "switched", "head_history")
    assert points < 7 and "Here torch runs with torch.set_grad_enabled(False)" in shown and "likely" not in shown, shown


@pytest.mark.parametrize("student", FINE_TUNED)
def test_records_of_epochs_that_were_never_trained_are_told(course, student):
    points, shown = _graded(course, TUNED, student, "fine_tune_history")
    assert points < 9 and "none of the weights that the model had" in shown, shown


@pytest.mark.parametrize("backbone", backbones.BACKBONES.values(), ids=lambda backbone: backbone.name)
def test_a_tail_ends_as_the_whole_model_does(backbone):
    """Places are counted from the end, whichever of the two a notebook trains."""
    model = backbone.without_values()
    whole = [id(p) for p in model.parameters()]
    for blocks in (0, 2, len(backbone.residual_blocks(model))):
        tail = [id(p) for p in features.split_model(backbone, model, blocks)[1].parameters()]
        assert tail == whole[len(whole) - len(tail) :]


def test_a_look_is_kept_where_weights_have_changed_and_something_is_measured():
    """Of a large model; of a small one every change is."""
    for width, expected in ((4, [False, True, True]), (SMALL, [True, True])):
        looks, model = Looks(), nn.Sequential(nn.Flatten(), nn.Linear(width, 1))
        model.register_forward_pre_hook(looks)
        model[1].register_forward_pre_hook(looks)
        images = torch.zeros(1, width)
        model(images)  # trains
        with torch.no_grad():
            model[1].bias.add_(1)
            model(images)
            model(images)
            model[1].weight.data[0, 0] = 2
            model(images)
        found = looks.told(None)[0]["looks"]
        assert [quiet for quiet, _ in found] == expected and found[-1][1] == [[1, [1]], [2, [1, width]]]
        assert looks.told(len(found) - 1)[1]["2"][0, 0] == 2
