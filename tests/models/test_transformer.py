"""Is the small vision transformer had with timm's weights, and is their absence or damage one sentence with the remedy?"""

import pytest
import timm
import torch
from safetensors.torch import save_file

from helpers.course import machine
from helpers.course.errors import CourseError
from helpers.models import vision_transformer, weights


@pytest.fixture(scope="module")
def published():
    """A state dict of the published form, with random values: timm's own model with its head of 1000 classes."""
    torch.manual_seed(7)
    return timm.create_model("vit_tiny_patch16_224", pretrained=False).state_dict()


@pytest.fixture
def file(tmp_path, monkeypatch, offline):
    """Where the weights belong: torch's cache, empty, with no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints" / machine.VIT_FILE


def test_without_weights_the_seed_decides_and_the_random_state_stays():
    state = torch.get_rng_state()
    one, same, other = (vision_transformer(pretrained=False, seed=seed).head.weight for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other) and one.shape == (10, 192)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_file_put_there_by_hand_fills_all_but_the_head(file, published):
    save_file(published, file)
    model = vision_transformer(pretrained=True, num_classes=4)
    own = model.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in published.items() if not name.startswith("head."))
    assert model.head.weight.shape == (4, 192) and model.training and all(p.requires_grad for p in model.parameters())


def test_absence_without_a_network_is_one_sentence_with_the_remedy(file):
    with pytest.raises(CourseError) as error:
        vision_transformer(pretrained=True)
    sentence = str(error.value)
    assert f"put the file into that folder as {file.name}" in sentence and weights.VIT_URL in sentence
    assert str(file.parent) in sentence and 'profile = "laptop"' in sentence and "\n" not in sentence
    assert not list(file.parent.iterdir()), "nothing half-made is left behind"


def test_a_damaged_file_or_another_models_is_named_with_the_remedy(file, published):
    save_file(published, file)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CourseError, match=f"{file.name} is damaged .*: delete it"):
        vision_transformer(pretrained=True)
    save_file({"conv1.weight": torch.zeros(3)}, file)
    with pytest.raises(CourseError, match="other names or shapes"):
        vision_transformer(pretrained=True)


def test_the_name_is_that_of_timms_weights():
    tag = timm.create_model("vit_tiny_patch16_224", pretrained=False).pretrained_cfg["tag"]
    assert f"vit_tiny_patch16_224.{tag}.safetensors" == machine.VIT_FILE
