"""Does the map point to where the evidence is, and is the model left alone?"""

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from helpers.course.errors import CourseError
from helpers.inspection.gradcam import grad_cam, log_odds
from helpers.inspection.snapshot import changes_since, take_snapshot
from helpers.models import backbones
from tests.support.small_backbone import SMALL

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def model():
    return SMALL.build(4).requires_grad_(False).eval()


@pytest.fixture
def images():
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def by_hand(model, images, classes):
    """The paper's formula, with the gradient written out: behind the map there is only a mean and the linear head."""
    with torch.no_grad():
        maps = model.neck(model.blocks(model.stem_norm(model.stem(images))))
        probabilities = model.fc(maps.mean(dim=(2, 3))).softmax(dim=1)
        weights = []
        for probability, label in zip(probabilities, classes, strict=True):
            others = probability.clone()
            others[label] = 0
            weights.append(model.fc.weight[label] - (others / others.sum()) @ model.fc.weight)
        found = torch.einsum("nk,nkhw->nhw", torch.stack(weights), maps).relu()
        found = interpolate(found[:, None], size=(32, 32), mode="bilinear")[:, 0]
        return found / found.amax(dim=(1, 2), keepdim=True)


def test_are_the_maps_the_papers(model, images):
    classes = torch.tensor([2, 0, 3])
    found = grad_cam(SMALL, model, images, classes)
    assert found.shape == (3, 32, 32) and found.dtype == torch.float32 and not found.requires_grad
    assert torch.allclose(found, by_hand(model, images, classes), atol=1e-4)
    assert found.amin() >= 0 and found.amax(dim=(1, 2)).tolist() == pytest.approx([1.0] * 3)


def test_is_the_class_to_look_for_what_the_model_says(model, images):
    with torch.no_grad():
        said = model(images).argmax(dim=1)
    assert torch.equal(grad_cam(SMALL, model, images), grad_cam(SMALL, model, images, said))
    assert not torch.allclose(grad_cam(SMALL, model, images), grad_cam(SMALL, model, images, (said + 1) % 4))


@pytest.mark.parametrize("row, column", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_does_the_map_point_to_the_evidence(model, row, column):
    """A model in which light is the only evidence for class 1, and a picture with light in one corner."""
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    nn.init.ones_(model.stem.weight)
    for norm in (model.stem_norm, model.neck[1]):
        nn.init.ones_(norm.weight)
        norm.running_mean.zero_()
    nn.init.eye_(model.neck[0].weight[:, :, 0, 0])
    nn.init.ones_(model.fc.weight[1])
    image = torch.full((1, 3, 32, 32), -1.0)
    image[0, :, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = 1.0
    heat = grad_cam(SMALL, model, image, torch.tensor([1]))[0]
    quarters = heat.unfold(0, 16, 16).unfold(1, 16, 16).mean(dim=(2, 3)).flatten()
    assert quarters.argmax() == 2 * row + column and quarters.max() > 5 * quarters.sort().values[-2]
    # For another class the same light is evidence against it.
    assert grad_cam(SMALL, model, image, torch.tensor([0])).eq(0).all()


def test_do_logits_that_sink_together_change_nothing(model, images):
    """Softmax does not see what all classes share, and the map of the bare logit would vanish."""
    before = grad_cam(SMALL, model, images)
    model.fc.weight -= 3.0
    assert model(images).max() < 0 and torch.allclose(grad_cam(SMALL, model, images), before, atol=1e-3)


def test_are_the_log_odds_those_of_the_probability():
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 40.0, -3.0]])
    found = log_odds(logits, torch.tensor([0, 1]))
    p = logits[0].softmax(dim=0)[0]
    assert found[0].item() == pytest.approx(torch.log(p / (1 - p)).item(), rel=1e-5)
    assert 39 < found[1] < 40.1, "finite where the probability is 1 in float32"


@pytest.mark.parametrize("state", ["frozen", "all trainable, train mode", "mixed"])
def test_is_the_model_left_as_found(model, images, state):
    if state != "frozen":
        model.requires_grad_(True).train()
        model(images).sum().backward()
    if state == "mixed":
        model.blocks.requires_grad_(False).eval()
    before, gradients = take_snapshot(model), [p.grad.clone() if p.grad is not None else None for p in model.parameters()]
    picture = images.clone()
    with torch.no_grad():
        grad_cam(SMALL, model, picture)
    assert not changes_since(before, model)
    for gradient, parameter in zip(gradients, model.parameters(), strict=True):
        assert parameter.grad is None if gradient is None else torch.equal(parameter.grad, gradient)
    assert torch.equal(picture, images) and not picture.requires_grad
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules()), "no hook stays behind"


def test_is_the_mode_of_the_model_no_matter(model, images):
    wanted = grad_cam(SMALL, model, images)
    assert torch.equal(grad_cam(SMALL, model.train(), images), wanted)


def test_is_inference_mode_answered_in_a_sentence_and_what_was_made_in_it_taken(model, images):
    with torch.inference_mode():
        made = images.clone()
        with pytest.raises(CourseError, match=r"outside torch\.inference_mode\(\)"):
            grad_cam(SMALL, model, images)
    assert made.is_inference() and torch.equal(grad_cam(SMALL, model, made), grad_cam(SMALL, model, images))


def test_is_what_is_no_batch_of_images_refused(model, images):
    with pytest.raises(CourseError, match=r"images\[None\]"):
        grad_cam(SMALL, model, images[0])
    with pytest.raises(CourseError, match="one class for each"):
        grad_cam(SMALL, model, images, torch.tensor([1]))


@pytest.mark.parametrize("name, layer", [("resnet50", "layer4.2"), ("efficientnet_lite0", "bn2")])
def test_is_it_the_last_feature_map_of_the_real_backbones(name, layer):
    backbone = backbones.get(name)
    model = backbone.build(10, pretrained=False).requires_grad_(False).eval()
    seen = []
    model.get_submodule(layer).register_forward_hook(lambda module, inputs, output: seen.append(output.shape[-2:]))
    heat = grad_cam(backbone, model, torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)))
    assert heat.shape == (1, 64, 64) and heat.isfinite().all() and set(seen) == {(2, 2)}
    # Two spots a side, enlarged: the quarter at each corner is one value.
    assert all(heat[0, top : top + 16, left : left + 16].std() < 1e-5 for top in (0, 48) for left in (0, 48))
    assert heat[0, 0, 0] != heat[0, 63, 63]
