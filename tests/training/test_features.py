"""Is training on features that were computed once the same as the full loop, to the last bit?"""

import copy
from functools import partial
from unittest.mock import Mock

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.data.named_sets import load_images
from helpers.models import backbones
from helpers.training import cache, features

PIXELS, NUM_IMAGES, BATCH_SIZE = 48, 20, 8
OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=1e-2, momentum=0.9, weight_decay=1e-4),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
}


@pytest.fixture(scope="module")
def dataset():
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(NUM_IMAGES, 3, PIXELS, PIXELS, generator=generator)
    return TensorDataset(images, torch.randint(10, (NUM_IMAGES,), generator=generator))


@pytest.fixture(scope="module")
def originals(dataset):
    """A model of each backbone. ResNet50's random weights get BatchNorm statistics that fit, else its values explode."""
    resnet = backbones.get("resnet50").build(10, pretrained=False)
    for module in resnet.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        resnet.train()(dataset.tensors[0])
    return {"resnet50": resnet, "efficientnet_lite0": backbones.get("efficientnet_lite0").build(10)}


def at_stage(originals, name, released_blocks):
    """A copy of the model with head and last blocks trainable: what with_new_head makes, without the weights' file."""
    backbone, model = backbones.get(name), copy.deepcopy(originals[name]).requires_grad_(False).eval()
    for module in [*backbone.residual_blocks(model)[16 - released_blocks :], backbone.head(model)]:
        module.requires_grad_(True)
    return backbone, model


def train(model, dataset, make_optimizer, num_epochs=2):
    """The oracle: the plainest loop there is."""
    optimizer = make_optimizer([p for p in model.parameters() if p.requires_grad])
    loader = batches.make_loader(dataset, batch_size=BATCH_SIZE, shuffle=True, seed=1)
    for _ in range(num_epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("released_blocks", [0, 2])
@pytest.mark.parametrize("name", list(backbones.BACKBONES))
def test_every_weight_equals_the_full_loops(originals, dataset, tmp_path, name, released_blocks, optimizer):
    _, full = at_stage(originals, name, released_blocks)
    train(full, dataset, OPTIMIZERS[optimizer])

    backbone, model = at_stage(originals, name, released_blocks)
    front, tail = features.split_model(backbone, model, released_blocks)
    for _ in range(2):  # computed, then read from disk
        once = features.compute_once(front, dataset, batch_size=BATCH_SIZE, folder=tmp_path, limit_mb=50, progress=False)
    train(tail, once, OPTIMIZERS[optimizer])

    before, expected, found = originals[name].state_dict(), full.state_dict(), model.state_dict()
    assert all(tensor.isfinite().all() for tensor in expected.values())
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []
    moved = {key for key in expected if not torch.equal(expected[key], before[key])}
    assert moved == {key for key, parameter in full.named_parameters() if parameter.requires_grad}


def test_batchnorm_of_the_released_part_may_learn_too(originals, dataset, tmp_path):
    """Train mode in the tail: its statistics move, and move the same."""
    results = []
    for once in (False, True):
        backbone, model = at_stage(originals, "efficientnet_lite0", 2)
        front, tail = features.split_model(backbone, model, 2)
        tail.train()
        part = features.compute_once(front, dataset, batch_size=BATCH_SIZE, folder=tmp_path, limit_mb=50, progress=False)
        train(tail if once else model, part if once else dataset, OPTIMIZERS["sgd"])
        results.append(model.state_dict())
    assert [key for key in results[0] if not torch.equal(results[0][key], results[1][key])] == []
    assert not torch.equal(results[0]["bn2.running_mean"], originals["efficientnet_lite0"].state_dict()["bn2.running_mean"])


@pytest.mark.parametrize("released_blocks", [0, 1, 2, 16])
@pytest.mark.parametrize("name", list(backbones.BACKBONES))
def test_front_and_tail_are_the_model(originals, dataset, name, released_blocks):
    backbone, model = at_stage(originals, name, released_blocks)
    modes = [module.training for module in model.modules()]
    front, tail = features.split_model(backbone, model, released_blocks)
    images = dataset.tensors[0][:3]
    with torch.no_grad():
        assert torch.equal(tail(front(images)), model(images))
    assert {id(p) for p in tail.parameters()} == {id(p) for p in model.parameters() if p.requires_grad}
    assert not [p for p in front.parameters() if p.requires_grad]
    assert modes == [module.training for module in model.modules()], "cutting changes no mode"


@pytest.mark.parametrize("released_blocks", [-1, 17, 1.0])
def test_a_cut_that_is_not_there_is_refused(originals, released_blocks):
    backbone, model = at_stage(originals, "resnet50", 0)
    with pytest.raises(CourseError, match="16 blocks"):
        features.split_model(backbone, model, released_blocks)


def small_front():
    """A frozen front that computes in no time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=8), nn.BatchNorm2d(4), nn.Flatten()).requires_grad_(False).eval()


def test_the_second_run_reads_from_disk(dataset, tmp_path, capsys):
    first, second = (features.compute_once(small_front(), dataset, name="test", folder=tmp_path, limit_mb=50) for _ in range(2))
    assert capsys.readouterr().out.count("20 images of test, about") == 1
    assert all(torch.equal(a, b) for a, b in zip(first.tensors, second.tensors, strict=True))
    assert first.tensors[0].dtype == torch.float32 and torch.equal(first.tensors[1], dataset.tensors[1])
    assert not first.tensors[0].is_inference() and not first.tensors[0].requires_grad


@pytest.mark.parametrize("change", ["weight", "buffer", "structure", "layout", "image", "label"])
def test_whatever_decides_the_result_is_in_the_key(dataset, tmp_path, change):
    features.compute_once(small_front(), dataset, folder=tmp_path, limit_mb=50, progress=False)
    front, images, labels = small_front(), dataset.tensors[0].clone(), dataset.tensors[1].clone()
    if change == "structure":
        front[1].eps = 0.1
    elif change == "layout":  # the same values, and the same sums in another order
        front = front.to(memory_format=torch.channels_last)
    else:
        tensor = {"weight": front[0].weight, "buffer": front[1].running_var, "image": images, "label": labels}[change]
        tensor.view(-1)[0] += 1e-3 if tensor.is_floating_point() else 1
    changed = TensorDataset(images, labels)
    found = features.compute_once(front, changed, folder=tmp_path, limit_mb=50, progress=False)
    with torch.no_grad():
        assert torch.equal(found.tensors[0], front(changed.tensors[0])) and torch.equal(found.tensors[1], changed.tensors[1])
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("damage", ["cut short", "flipped", "other shape", "other type"])
def test_a_damaged_file_is_made_again(dataset, tmp_path, damage):
    made = features.compute_once(small_front(), dataset, folder=tmp_path, limit_mb=50, progress=False)
    right = [tensor.clone() for tensor in made.tensors]  # `made` is mapped from the file that is damaged now
    file = next(tmp_path.iterdir())
    content = bytearray(file.read_bytes())
    if damage in ("cut short", "flipped"):
        content[-5] ^= 4
        file.write_bytes(content[:-9] if damage == "cut short" else content)
    else:
        # Whole by its checksum, yet not what this data set needs.
        found, labels = right
        short, half = {"features": found[:-1], "labels": labels[:-1]}, {"features": found.half(), "labels": labels}
        cache.write(tmp_path, file.stem, short if damage == "other shape" else half, limit_mb=50)
    again = features.compute_once(small_front(), dataset, folder=tmp_path, limit_mb=50, progress=False)
    assert all(torch.equal(a, b) for a, b in zip(right, again.tensors, strict=True))
    assert cache.read(tmp_path, file.stem) is not None, "and kept again"


def test_over_the_limit_it_stays_in_memory_and_says_so(dataset, tmp_path, capsys):
    found = features.compute_once(small_front(), dataset, folder=tmp_path, limit_mb=0.0001)
    assert len(found) == NUM_IMAGES and not list(tmp_path.iterdir()) and "they stay in memory" in capsys.readouterr().out


def test_what_could_not_be_kept_is_not_computed_again_in_the_same_process(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_held", {})
    once = partial(features.compute_once, small_front(), dataset, folder=tmp_path, limit_mb=0.0001, progress=False)
    found, compute = once(), Mock(side_effect=features._compute)
    monkeypatch.setattr(features, "_compute", compute)
    assert once().tensors[0] is found.tensors[0] and not compute.called
    found.tensors[0][0] += 1  # in place: so what is remembered has gone as well
    assert not torch.equal(once().tensors[0], found.tensors[0]) and compute.called
    monkeypatch.setattr(cache, "HELD_MB", 0)
    cache.hold(tmp_path, "large", {"features": torch.ones(3)})
    assert cache._held == {}


def test_place_and_limit_are_settings(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path / "elsewhere"))
    features.compute_once(small_front(), dataset, progress=False)
    assert len(list((tmp_path / "elsewhere" / cache.FOLDER).iterdir())) == 1


@pytest.mark.parametrize(("batch_size", "expected"), [(19, [19, 16]), (12, [12, 12]), (8, [8, 8, 8])])
def test_a_last_batch_that_is_small_is_filled_up(dataset, tmp_path, batch_size, expected):
    """No image goes through in a batch so small that it could round differently: 1e-5 was seen of one alone."""
    sizes = []
    front = small_front()
    front.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    found = features.compute_once(front, dataset, batch_size=batch_size, folder=tmp_path, limit_mb=50, progress=False)
    assert sizes == expected and torch.equal(found.tensors[1], dataset.tensors[1])


@pytest.mark.parametrize(("pixels", "expected"), [(224, [16, 16, 16]), (128, [20, 20]), (96, [36, 16]), (64, [40])])
def test_large_images_pass_in_few_at_a_time(tmp_path, pixels, expected):
    """Batches of 64 at 224 px took a fifth longer than of 16 on a CPU, and twice the memory."""
    sizes, images = [], torch.utils.data.TensorDataset(torch.rand(40, 3, pixels, pixels), torch.arange(40))
    front = small_front()
    front.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    features.compute_once(front, images, batch_size=64, folder=tmp_path, limit_mb=50, progress=False)
    assert sizes == expected


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet50"])
@pytest.mark.parametrize("released", [0, 2])
def test_a_batch_of_sixteen_or_more_is_rounded_like_one_of_any_size(originals, name, released):
    backbone, model = at_stage(originals, name, released)
    front, _ = features.split_model(backbone, model.requires_grad_(False).eval(), released)
    images = torch.randn(64, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        whole = front(images)
        for number in (features.ALIKE, 17, 20, 31, 44):
            assert torch.equal(front(images[-number:]), whole[-number:]), number


def test_a_front_that_can_learn_is_refused(originals, dataset):
    backbone, model = at_stage(originals, "resnet50", 2)
    front, _ = features.split_model(backbone, model, 0)
    with pytest.raises(CourseError, match=r"layer4_1\.conv1\.weight and 17 more tensors .* are trainable"):
        features.compute_once(front, dataset)


def test_a_front_in_train_mode_is_refused_until_the_model_is_in_eval_mode(originals, dataset, tmp_path):
    backbone, model = at_stage(originals, "efficientnet_lite0", 0)
    model.train()
    front, _ = features.split_model(backbone, model, 0)
    with pytest.raises(CourseError, match=r"train mode.*model\.eval\(\)"):
        features.compute_once(front, dataset, folder=tmp_path, limit_mb=9, progress=False)
    model.eval()
    features.compute_once(front, dataset, folder=tmp_path, limit_mb=9, progress=False)


def test_a_data_set_without_a_fingerprint_is_refused():
    with pytest.raises(CourseError, match="to_dataset"):
        features.compute_once(small_front(), [(torch.zeros(3, 8, 8), 0)])


@pytest.mark.parametrize("released_blocks", [0, 1, 3])
@pytest.mark.parametrize("name", list(backbones.BACKBONES))
def test_a_shortened_model_is_the_model_from_the_cut_on(originals, dataset, tmp_path, monkeypatch, name, released_blocks):
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path))
    backbone, model = backbones.get(name), originals[name]
    before = [(module, module.training) for module in model.modules()]
    options = {"batch_size": BATCH_SIZE, "progress": False}
    short, loaders = features.shortened(backbone, model, {"train": dataset}, released_blocks=released_blocks, **options)
    assert all(module.training == mode for module, mode in before) and all(p.requires_grad for p in model.parameters())
    assert not any(p.requires_grad for p in short.parameters()) and not any(m.training for m in short.modules())
    assert backbone.block_names(short)[:-1] == backbone.block_names(model)[:-1]
    names = [name for block in backbone.block_names(model)[16 - released_blocks :] for name in block]
    last = [p.shape for name in names for p in model.get_submodule(name).parameters()]
    assert [p.shape for p in short.parameters()] == [*last, *[p.shape for p in backbone.head(model).parameters()]]
    features_of = loaders["train"].dataset.tensors[0][:4]
    expected = copy.deepcopy(model).eval()
    with torch.no_grad():
        assert torch.allclose(short(features_of), expected(dataset.tensors[0][:4]), rtol=1e-4, atol=1e-4)
        whole = features.whole_again(backbone, model, short)
        assert torch.equal(whole(dataset.tensors[0]), expected(dataset.tensors[0]))


@pytest.mark.parametrize("blocks", [0, 1, 3])
@pytest.mark.parametrize("name", list(backbones.BACKBONES))
def test_what_is_sent_on_from_an_earlier_cut_is_the_same_to_the_last_bit(originals, dataset, tmp_path, monkeypatch, name, blocks):
    """Directly, and by way of the input of the last four blocks, which is kept as well: for images pass the network once."""
    backbone, model = at_stage(originals, name, 0)
    found, ask = {}, partial(features.cached_loaders, backbone, model, {"val": dataset}, batch_size=BATCH_SIZE, progress=False)
    for later in (0, 4):
        monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path / str(later)))
        found[later] = ask(released_blocks=blocks, later=later)[1]["val"].dataset.tensors
    assert all(torch.equal(a, b) for a, b in zip(found[0], found[4], strict=True))
    monkeypatch.setattr(features, "_compute", Mock(side_effect=AssertionError("computed again")))
    ask(released_blocks=4)
    ask(released_blocks=blocks)


def test_a_whole_model_has_what_its_shortened_one_has_learned(originals, dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path))
    backbone, model = backbones.get("efficientnet_lite0"), originals["efficientnet_lite0"]
    short, loaders = features.shortened(
        backbone, model, {"val": dataset}, released_blocks=1, batch_size=BATCH_SIZE, progress=False
    )
    short.classifier = nn.Linear(1280, 3)
    with torch.no_grad():
        short.conv_head.weight.add_(0.01)
    whole = features.whole_again(backbone, model, short)
    with torch.no_grad():
        expected = torch.cat([short(inputs) for inputs, _ in loaders["val"]])
        assert torch.allclose(whole(dataset.tensors[0]), expected, rtol=1e-4, atol=1e-4) and expected.shape == (NUM_IMAGES, 3)
    assert whole.conv_head.weight is not short.conv_head.weight and whole.conv_stem.weight is not model.conv_stem.weight


def test_loaders_of_all_splits_in_one_call(originals):
    backbone, model = at_stage(originals, "efficientnet_lite0", 0)
    digits = load_images("digits")
    parts = {"train": digits.subset(range(0, 5000, 250)), "val": digits.subset(range(1, 5000, 500))}
    datasets = {name: batches.to_dataset(part, backbone.transform(PIXELS)) for name, part in parts.items()}
    tail, loaders = features.cached_loaders(backbone, model, datasets, released_blocks=0, batch_size=8, progress=False)
    inputs, labels = next(iter(loaders["val"]))
    assert inputs.shape == (8, 1280) and torch.equal(labels, parts["val"].labels[:8]) and tail(inputs).shape == (8, 10)
    shuffled = torch.cat([labels for _, labels in loaders["train"]])
    assert not torch.equal(shuffled, parts["train"].labels) and sorted(shuffled.tolist()) == parts["train"].labels.tolist()
