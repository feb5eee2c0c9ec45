"""Is a model measured without being changed, and is what cannot be measured said in a sentence?"""

import pytest
import torch
from torch import nn

from helpers.course.errors import CourseError
from helpers.inspection import model_state
from tests.support.small_backbone import SMALL


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(0)
    return torch.randn(4, 3, 32, 32)


def test_the_model_is_left_as_found(images):
    model = SMALL.build(10)
    model.stem_norm.eval()
    modes = [module.training for module in model.modules()]
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model_state(model, "fc", images)
    assert modes == [module.training for module in model.modules()]
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in model.state_dict().items())
    assert not model.fc._forward_pre_hooks


def test_what_does_not_fit_is_said_in_a_sentence(images):
    model = SMALL.build(10)
    for head_name, batch in (("classifier", images), ("", images), ("fc", images[0]), ("fc", images[:0])):
        with pytest.raises(CourseError, match="images of shape"):
            model_state(model, head_name, batch)
    model.unused = nn.Linear(8, 2)
    with pytest.raises(CourseError, match="do not pass through 'unused'"):
        model_state(model, "unused", images)
