"""Do the quicker ways give nearly the model's own features, and are they never taken for them?"""

import importlib.util

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.models import backbones
from helpers.training import features, frozen_part
from helpers.training.frozen_part import PLAIN, TOLERANCE, WAYS

here = pytest.mark.skipif(not frozen_part.has_bfloat16(), reason="this processor has no bfloat16")
QUICKER = [pytest.param(way, marks=here if way == "bfloat16" else ()) for way in WAYS if way != PLAIN]


@pytest.fixture(scope="module")
def front():
    backbone = backbones.get("efficientnet_lite0")
    return features.split_model(backbone, backbones.with_new_head(backbone).eval().requires_grad_(False), 2)[0]


@pytest.fixture(scope="module")
def images():
    return torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("way", QUICKER)
def test_a_quicker_way_gives_nearly_the_same(front, images, way):
    before = {name: tensor.clone() for name, tensor in front.state_dict().items()}
    computed = frozen_part.prepared(front, images, way)
    with torch.no_grad():
        expected, found = front(images), computed(images).float()
        fewer = computed(images[:3]).float()
    assert (found - expected).abs().max() <= TOLERANCE[way] * expected.abs().max() and fewer.shape == expected[:3].shape
    after = front.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before), "the model is as it was"


@pytest.mark.parametrize("way", QUICKER)
def test_a_slice_of_a_model_keeps_its_modes_and_gives_the_same(front, images, way):
    """A slice of a Sequential is a new one, which calls itself in train mode though all its layers are in eval mode."""
    start, between = front[:4], front[4:]
    modes = [module.training for module in between.modules()]
    assert modes[0] and not any(modes[1:])
    with torch.no_grad():
        maps = start(images)
        expected, found = between(maps), frozen_part.prepared(between, maps, way)(maps).float()
    assert [module.training for module in between.modules()] == modes
    assert (found - expected).abs().max() <= TOLERANCE[way] * expected.abs().max()


def test_a_folded_front_has_no_batchnorm_left(front, images):
    with torch.no_grad():
        folded = frozen_part.prepared(front, images, "folded")
    assert not [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d)]
    assert frozen_part.prepared(front, images, PLAIN) is front


class TwoReaders(nn.Module):
    """BatchNorm may not be multiplied into what another module reads as well."""

    def __init__(self):
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.norm.running_mean += 1

    def forward(self, images):
        between = self.convolution(images)
        return between + self.norm(between)


def test_a_way_that_gives_something_else_is_refused(images):
    with pytest.raises(CourseError, match="does not fit this model"):
        frozen_part.prepared(TwoReaders().eval().requires_grad_(False), images, "folded")


@pytest.mark.parametrize("way", QUICKER)
def test_features_of_one_way_are_never_read_for_another(front, images, tmp_path, way):
    dataset = TensorDataset(images, torch.arange(8))
    kept = {}
    for asked in (PLAIN, way, PLAIN):
        options = {"batch_size": 8, "folder": tmp_path, "limit_mb": 50, "progress": False, "way": asked}
        kept[asked] = features.compute_once(front, dataset, **options).tensors[0].clone()
    with torch.no_grad():
        assert torch.equal(kept[PLAIN], front(images))
    assert not torch.equal(kept[way], kept[PLAIN]) and len(list(tmp_path.iterdir())) == 2


def test_the_settings_choose_the_way(front, images, tmp_path, course_folder, monkeypatch):
    path = course_folder / settings.FILE
    path.write_text(
        path.read_text(encoding="utf-8").replace('frozen_part = "float32"', 'frozen_part = "folded"'), encoding="utf-8"
    )
    dataset = TensorDataset(images, torch.arange(8))
    options = {"folder": tmp_path / "features", "limit_mb": 50, "progress": False}
    by_settings = features.compute_once(front, dataset, **options)
    assert torch.equal(by_settings.tensors[0], features.compute_once(front, dataset, **options, way="folded").tensors[0])
    assert len(list((tmp_path / "features").iterdir())) == 1
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith("frozen_part")), encoding="utf-8")
    assert settings.load().frozen_part == PLAIN, "an older course.toml goes on working"


def test_what_cannot_be_had_is_said_in_a_sentence(monkeypatch):
    with pytest.raises(CourseError, match="float32, folded, bfloat16, onnxruntime"):
        frozen_part.described("int8")
    monkeypatch.setattr(frozen_part, "has_bfloat16", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(CourseError, match="no bfloat16"):
        frozen_part.described("bfloat16")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="pip install onnxruntime"):
        frozen_part.described("onnxruntime")


def test_what_is_not_known_is_not_assumed(monkeypatch, tmp_path):
    for words, has in (("flags : avx2 avx512f", False), ("flags : avx512_bf16 avx2", True), ("Features : fp bf16", True)):
        (tmp_path / "cpuinfo").write_text(words, encoding="utf-8")
        monkeypatch.setattr(frozen_part, "CPUINFO", tmp_path / "cpuinfo")
        assert frozen_part.has_bfloat16() is has
    monkeypatch.setattr(frozen_part, "CPUINFO", tmp_path / "none")
    assert frozen_part.has_bfloat16() is False


def test_every_way_is_described():
    assert set(WAYS) == {PLAIN, *TOLERANCE}
