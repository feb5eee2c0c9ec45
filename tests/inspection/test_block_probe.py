"""Does the probe read off each place what can be read off it, and off no other?"""

import copy

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from torch import nn

from helpers.data import batches
from helpers.data.images import ArrayImages, ImageSet
from helpers.inspection import block_probe
from helpers.inspection.block_probe import probe_blocks
from helpers.inspection.snapshot import changes_since, take_snapshot
from helpers.models import backbones
from helpers.training import features
from tests.support.small_backbone import PLACES, SMALL

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path))


def colours(number: int, seed: int) -> batches.TransformedImages:
    """Noise with a tint: class 0 is reddish, class 1 greenish, class 2 bluish."""
    generator = np.random.default_rng(seed)
    labels = np.arange(number) % 3
    pixels = generator.integers(0, 150, (number, 40, 40, 3))
    pixels[np.arange(number), :, :, labels] += 80
    images = ImageSet(ArrayImages(pixels), torch.from_numpy(labels), ("red", "green", "blue"), f"colours {seed}")
    return batches.to_dataset(images, SMALL.transform(32))


@pytest.fixture(scope="module")
def sets():
    return colours(30, seed=0), colours(15, seed=1)


def test_is_what_gets_lost_in_a_place_lost_from_there_on(sets):
    model = SMALL.build(3)
    assert probe_blocks(SMALL, model, *sets, progress=False) == dict.fromkeys(PLACES[:-1], 1.0)
    nn.init.zeros_(model.neck[1].weight)  # nothing passes but the bias; the neck belongs to the last block
    found = probe_blocks(SMALL, model, *sets, progress=False)
    assert found == {**dict.fromkeys(PLACES[:4], 1.0), "blocks.3": pytest.approx(1 / 3)}
    nn.init.zeros_(model.stem_norm.weight)
    assert probe_blocks(SMALL, model, *sets, progress=False) == pytest.approx(dict.fromkeys(PLACES[:-1], 1 / 3))


def test_are_the_figures_those_of_a_classifier_on_pooled_standardised_features():
    """The oracle takes the features with hooks, one place at a time, on noise where nothing is perfect."""
    generator = torch.Generator().manual_seed(2)
    pixels = torch.randint(256, (60, 32, 32, 3), generator=generator).numpy()
    images = ImageSet(ArrayImages(pixels), torch.randint(2, (60,), generator=generator), ("a", "b"), "noise")
    train, val = (batches.to_dataset(images.subset(part), SMALL.transform(32)) for part in (range(30), range(30, 60)))
    model = SMALL.build(2).eval()
    wanted = {}
    for name, module in zip(PLACES, [model.stem_norm, *model.blocks[:3], model.neck], strict=False):
        found = []
        handle = module.register_forward_hook(lambda module, inputs, output, found=found: found.append(output.mean(dim=(2, 3))))
        with torch.no_grad():
            for dataset in (train, val):
                model(torch.stack([dataset[index][0] for index in range(30)]))
        handle.remove()
        seen, new = ((features - found[0].mean(0)) / found[0].std(0, correction=0) for features in found)
        wanted[name] = LogisticRegression(max_iter=1000).fit(seen, train.labels).score(new, val.labels)
    assert probe_blocks(SMALL, model, train, val, progress=False) == pytest.approx(wanted, abs=1e-9)
    assert len({round(value, 3) for value in wanted.values()}) > 1, "else any place could stand for any other"


def test_is_a_second_look_read_from_disk(sets, capsys, monkeypatch):
    model = SMALL.build(3)
    first = probe_blocks(SMALL, model, *sets)
    said = capsys.readouterr().out
    assert said.count("30 images of colours 0, read off at 5 places, about") == 1 and "15 images of colours 1" in said
    monkeypatch.setattr(features, "_compute", lambda *args: pytest.fail("the features were computed again"))
    assert probe_blocks(SMALL, model, *sets) == first and capsys.readouterr().out == ""


def test_is_the_model_only_read_whatever_state_it_is_in(sets):
    model = SMALL.build(3)
    model.blocks.eval()
    model.stem.requires_grad_(False)
    before = take_snapshot(model)
    in_mixed_modes = probe_blocks(SMALL, model, *sets, progress=False)
    assert not changes_since(before, model)
    assert in_mixed_modes == probe_blocks(SMALL, copy.deepcopy(model).eval(), *sets, progress=False)


def test_does_it_walk_the_real_backbone():
    backbone = backbones.get("efficientnet_lite0")
    model = backbones.with_new_head(backbone, released_blocks=2)
    shades = [np.full((32, 32), 40 + 170 * (index % 2), dtype=np.uint8) for index in range(12)]
    images = ImageSet(ArrayImages(np.stack(shades)), torch.arange(12) % 2, ("dark", "bright"), "shades")
    assert images.images[0].getpixel((0, 0)) == (40, 40, 40) and isinstance(images.images[0], Image.Image)
    parts = [batches.to_dataset(images.subset(range(*span)), backbone.transform(32)) for span in ((0, 8), (8, 12))]
    found = probe_blocks(backbone, model, *parts, progress=False)
    assert list(found) == list(backbone.places(model))[:-1] and len(found) == 17 and set(found.values()) == {1.0}


def test_is_what_two_models_share_computed_once_and_each_classifier_learned_once(sets, monkeypatch):
    before = SMALL.build(3)
    after = copy.deepcopy(before)
    nn.init.zeros_(after.neck[1].weight)
    made, learned = [], []
    compute, accuracy = features._compute, block_probe._accuracy
    monkeypatch.setattr(features, "_compute", lambda front, *given: made.append(type(front)) or compute(front, *given))
    monkeypatch.setattr(block_probe, "_accuracy", lambda *given: learned.append(1) or accuracy(*given))
    first = probe_blocks(SMALL, before, *sets, progress=False)
    assert len(made) == 6 and len(learned) == len(first)  # of train and val: early places, what lies before the cut, late places
    probe_blocks(SMALL, after, *sets, progress=False)
    assert len(made) == 8
    assert probe_blocks(SMALL, before, *sets, progress=False) == first and len(learned) == 2 * len(first)
