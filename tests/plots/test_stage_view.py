"""Does a stage's table show what was measured, in HTML and in words, and mark what differs?"""

import pytest
import torch
from torch import nn

from helpers.course.errors import CourseError
from helpers.inspection.model_state import model_state
from helpers.plots import stage_view
from tests.support.small_backbone import SMALL


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(0)
    return torch.randn(4, 3, 32, 32)


def state(model, images, **options):
    return model_state(model, "fc", images, **options)


def test_a_new_head_is_seen_in_shapes_counts_and_answer(images):
    model = SMALL.build()
    before = state(model, images, class_names=[f"kind {i}" for i in range(1000)])
    model.fc = nn.Linear(8, 10)
    view = stage_view(2, before, state(model, images, labels=torch.zeros(4, dtype=torch.int64)))
    (_, seen, base, features, head, scores, answer), (_, _, new_base, _, new_head, new_scores, new_answer) = view.rows()
    assert (seen, features, scores, new_scores) == (("4 × 3 × 32 × 32",), ("4 × 8",), ("4 × 1000",), ("4 × 10",))
    assert head == ("8 inputs", "1000 outputs", "9,000 numbers", "all trainable")
    assert new_head == ("8 inputs", "10 outputs", "90 numbers", "all trainable", "2 of 2 tensors updated")
    assert new_base == (*base, "no tensor updated") and answer[0].startswith("kind ")
    assert new_answer[0].startswith("class ") and new_answer[2].endswith("of 4 right")
    html = view._repr_html_()
    assert "<b>4 × 10</b>" in html and "<b>90 numbers</b>" in html and f"<b>{base[0]}</b>" not in html
    assert "no tensor updated" in html and "<b>no tensor updated</b>" not in html
    assert html.count("alt='the example'") == 2 and "<caption" in html and "scope='row'" in html
    assert repr(view).startswith("Stage 2 of 6: replace the final layer") and "90 numbers" in repr(view)


def test_freezing_training_and_moved_statistics_are_told(images):
    model = SMALL.build(10)
    loaded = state(model, images)
    model.requires_grad_(False)
    model.fc.requires_grad_(True)
    frozen = state(model, images)
    rows = stage_view(3, loaded, frozen).rows()
    assert rows[0][2][1] == "all trainable" and rows[1][2][1:] == ("all frozen", "no tensor updated")
    model.train()
    with torch.no_grad():
        model.fc.bias += 1
        model(images)
    rows = stage_view(4, frozen, state(model, images), note="<5 epochs>").rows()
    assert "1 of 2 tensors updated" in rows[1][4]
    assert any("statistics changed" in line for line in rows[1][2]) and "no tensor updated" in rows[1][2]
    assert "&lt;5 epochs&gt;" in stage_view(4, frozen, frozen, note="<5 epochs>")._repr_html_()


def test_what_does_not_fit_is_said_in_a_sentence(images):
    model = SMALL.build(10)
    good = state(model, images)
    with pytest.raises(CourseError, match="no stage 7"):
        stage_view(7, good, good)
    with pytest.raises(CourseError, match="different images"):
        stage_view(2, good, state(model, images[:2]))
