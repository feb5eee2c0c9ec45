"""Can any image be followed through the model at any moment, one's own as well, and is the page told the truth about it?"""

import base64
import io

import pytest
import torch
from bs4 import BeautifulSoup
from PIL import Image

from helpers.course import live_view
from helpers.course.errors import CourseError
from helpers.data.images import ArrayImages, ImageSet
from helpers.inspection.prediction_steps import prediction_steps
from helpers.models import backbones
from helpers.plots.prediction_explorer import MAPS, NO_PICTURE, YOURS, explore_predictions

NAMES = ("ant", "bee", "<cat>")


@pytest.fixture(scope="module")
def backbone():
    return backbones.get("efficientnet_lite0")


@pytest.fixture(scope="module")
def moments(backbone):
    """The second model says always bee, the third has another base."""
    first, second, third = (backbones.with_new_head(backbone, num_classes=3, pretrained=False) for _ in range(3))
    second.load_state_dict(first.state_dict())
    for model in (second, third):
        with torch.no_grad():
            model.classifier.bias.copy_(torch.tensor([0.0, 1000.0, 0.0]))
    with torch.no_grad():
        third.bn1.bias.add_(1.0)
    return {"before": first, "head": second, "after": third}


@pytest.fixture
def explorer(backbone, moments):
    pixels = torch.randint(0, 256, (4, 40, 40, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8).numpy()
    images = ImageSet(ArrayImages(pixels), torch.tensor([0, 1, 1, 2]), NAMES, "noise")
    more = {"a 'photo'": Image.new("RGB", (50, 30), (200, 10, 10))}
    return explore_predictions(backbone, moments, images, backbone.transform(64), chosen=[3, 1], more=more)


def page(explorer) -> BeautifulSoup:
    return BeautifulSoup(explorer.html(live=True), "html.parser")


def test_the_steps_are_the_models_own(backbone, moments):
    image = torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(0))
    model = moments["before"].train()
    steps = prediction_steps(backbone, model, image)
    assert model.training and steps.early.shape == (32, 32, 32) and steps.late.shape == (1280, 2, 2)
    assert torch.allclose(steps.late.mean(dim=(1, 2)), steps.features, atol=1e-5)
    with torch.no_grad():
        assert torch.equal(model.eval()(image[None])[0], steps.logits)
    assert steps.probabilities.sum().item() == pytest.approx(1) and steps.prediction == int(steps.logits.argmax())


def test_an_image_and_a_moment_are_chosen(explorer, monkeypatch):
    monkeypatch.setattr(live_view, "has_page", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, **_: None)
    explorer._ipython_display_()
    assert repr(explorer) == "The prediction trace. image 3, after: bee, probability 1.00, wrong: it is <cat>."
    explorer.answer("pick", "image 1")
    assert explorer.verdict[1] == "✓ right" and explorer._view.widget.said == "image 1, after: bee, probability 1.00, right."
    [pressed] = page(explorer).select("button[aria-pressed=true]")
    assert pressed["data-value"] == "image 1"
    marked = [row.get_text(" ") for row in page(explorer).select("tr") if "◂ right" in row.get_text()]
    assert len(marked) == 2 and all(row.startswith("bee") for row in marked)
    assert "to those of “head”" in page(explorer).get_text()
    explorer.answer("moment", "1")
    assert "the same features as “before”" in page(explorer).get_text() and explorer.title == "head"
    for do, value in (("pick", "nothing"), ("moment", "9"), ("ready", "")):
        turn = explorer._view.widget.turn
        explorer.answer(do, value)
        assert explorer._view.widget.turn == turn
    assert "min='0' max='2' value='2'" in explorer._view.widget.controls


def test_a_picture_of_ones_own_has_no_right_class(explorer, monkeypatch):
    explorer._view = live_view.LiveView("")
    explorer.answer("file", "data:image/png;base64,bm8=")
    assert explorer.note == NO_PICTURE and YOURS not in explorer.pictures
    file = io.BytesIO()
    Image.new("RGBA", (9, 7)).save(file, format="png")
    explorer.answer("file", f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}")
    assert explorer.at == YOURS and not explorer.note and "nobody said what it is" in page(explorer).get_text()
    assert "◂ right" not in page(explorer).get_text()


def test_without_a_page_it_is_plain_html_with_words_for_each_picture(explorer, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    explorer._ipython_display_()
    [bundle] = shown
    assert set(bundle) == {"text/plain", "text/html"} and "<button" not in bundle["text/html"]
    images = BeautifulSoup(bundle["text/html"], "html.parser").select("img")
    assert len(images) == 3 and images[1]["alt"].startswith(f"{MAPS} of 32 maps")
    with pytest.raises(CourseError, match="nothing to explore"):
        explore_predictions(None, {}, None, None, chosen=[])
