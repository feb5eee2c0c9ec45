"""Does one setting switch every lesson to ResNet50 and to other images?

Weights and natural images come from the network, so others of the same formats stand in: files under their real names in torch's
cache, with random values (ResNet50's, and lesson 12's vision transformer's), and a folder of images. Whether cells run is tested,
and not whether the published files load; accuracies would mean nothing here.
"""

import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from helpers.course import machine
from helpers.data import splits
from helpers.data.named_sets import load_images
from helpers.models import backbones, vision_transformer
from helpers.notebooks import masters, self_check
from tests.support import small_course as small
from tests.support.notebook_cells import errors

LESSONS = masters.lessons(small.REPOSITORY)
TRAINING = ("00_whole_game", "06_fine_tune", "07_read_traces", "10_capstone", "11_take_it_home")
THINNER = """
from dataclasses import replace
from functools import partial
from torchvision.models.resnet import Bottleneck, ResNet
from helpers.models.backbones import BACKBONES
thin = partial(ResNet, Bottleneck, [3, 4, 6, 3], width_per_group=16)
BACKBONES["resnet50"] = replace(BACKBONES["resnet50"], _architecture=thin)
"""
SMALL = {"image_size": 32, "num_train": 20, "num_val": 20, "num_test": 20, "batch_size": 20}


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A folder with the answers, settings for the reference profile, stand-in weights and stand-in images."""
    return small.once(tmp_path_factory, "reference", _make)


def _make(folder: Path) -> None:
    digits = load_images("digits")
    some = splits.split(digits, num_train=100, num_val=0, num_test=0).train
    for index, label in enumerate(some.labels.tolist()):
        target = folder / "images" / f"class {label}" / f"{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        some.images[index].save(target)
    _keep_weights(folder / "full", backbones.get("resnet50").build(pretrained=False, seed=3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbones, "BACKBONES", dict(backbones.BACKBONES))
        exec(THINNER, {})
        _keep_weights(folder / "thin", backbones.get("resnet50").build(pretrained=False, seed=3))
    shutil.copytree(small.REPOSITORY / "solutions", folder / "solutions")
    text = (small.REPOSITORY / "course.toml").read_text(encoding="utf-8")
    laptop, reference = text.split("[reference]")
    for name, value in SMALL.items():
        reference = re.sub(rf"(?m)^{name} = \d+", f"{name} = {value}", reference)
    reference = re.sub(r"(?m)^dataset = .*$", f'dataset = "{(folder / "images").as_posix()}"', reference)
    laptop = laptop.replace('profile = "laptop"', 'profile = "reference"', 1)
    (folder / "course.toml").write_text(f"{laptop}[reference]{reference}", encoding="utf-8")


def _keep_weights(home: Path, model: torch.nn.Module) -> None:
    """`home`, as torch's cache: these weights and a vision transformer's, under the names of the published files."""
    (home / "hub" / "checkpoints").mkdir(parents=True)
    with torch.no_grad():  # without statistics of its own a random ResNet50 in eval mode gives ever larger numbers
        for _ in range(3):
            model.train()(torch.randn(16, 3, 32, 32))
    torch.save(model.state_dict(), home / "hub" / "checkpoints" / machine.RESNET50_FILE)
    vit = vision_transformer(pretrained=False, num_classes=1000)
    save_file(vit.state_dict(), home / "hub" / "checkpoints" / machine.VIT_FILE)


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_answers_run_on_resnet50_and_a_folder_of_images(course, lesson, monkeypatch, warm_kernel):
    thin = lesson in TRAINING

    @contextmanager
    def kernel(folder, env):
        with warm_kernel(folder, env) as started:
            started.client.execute(f"exec({THINNER!r}, {{}})" if thin else "", silent=True, store_history=False)
            yield started

    monkeypatch.setenv("TORCH_HOME", str(course / ("thin" if thin else "full")))
    monkeypatch.setattr(self_check, "own_kernel", kernel)
    path = masters.path_of("solutions", lesson, course)
    done = self_check.run(masters.read(path), path.parent, cell_seconds=200, notebook_seconds=280)
    assert errors(done) == []
