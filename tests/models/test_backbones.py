"""Are the backbones what their descriptions say, and do real photographs get sensible labels?"""

from unittest.mock import Mock

import pytest
import torch
from torch import nn

from helpers import parameters
from helpers.course import machine
from helpers.course.errors import CourseError
from helpers.data.images import photos
from helpers.data.named_sets import load_images
from helpers.models import backbones, made_ahead

NAMES = tuple(backbones.BACKBONES)
PIXELS = 64


@pytest.fixture(scope="module")
def models():
    """Name -> a model of the architecture in eval mode, with BatchNorm layers so different that none is taken for another."""
    made = {name: backbones.get(name).build(pretrained=False).eval() for name in NAMES}
    generator = torch.Generator().manual_seed(1)
    for module in (module for model in made.values() for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        module.running_mean.normal_(0, 0.1, generator=generator)
        module.running_var.uniform_(0.8, 1.2, generator=generator)
    return made


@pytest.fixture(params=NAMES)
def pair(request, models):
    return backbones.get(request.param), models[request.param]


def test_the_chain_is_the_forward_pass_bit_for_bit(pair):
    backbone, model = pair
    chain = backbone.chain(model)
    images = torch.randn(3, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        result = images
        for _, module in chain:
            result = module(result)
        assert torch.equal(result, model(images)) and result.isfinite().all()


def test_the_chain_holds_every_tensor_once_and_ends_with_the_head(pair):
    backbone, model = pair
    chain = backbone.chain(model)
    ids = [id(tensor) for _, module in chain for tensor in module.parameters()]
    assert sorted(ids) == sorted(id(tensor) for tensor in model.parameters())
    assert chain[-1] == (backbone.head_name, backbone.head(model))
    assert backbone.head(model).in_features == backbone.num_features


def test_the_stages_have_as_many_blocks_as_they_say(pair):
    backbone, model = pair
    counted = tuple(len(list(model.get_submodule(stage).children())) for stage in backbone.stages)
    assert counted == backbone.stage_sizes and sum(counted) == backbone.blocks_in_last_stages(100) == 16
    assert backbone.blocks_in_last_stages(2) == {"resnet50": 9, "efficientnet_lite0": 5}[backbone.name]


def test_the_blocks_are_16_and_in_order(pair):
    backbone, model = pair
    blocks = backbone.residual_blocks(model)
    assert len(blocks) == 16
    names = [name for name, _ in model.named_parameters()]
    first = [min(names.index(n) for n, p in model.named_parameters() if p is next(block.parameters())) for block in blocks]
    assert first == sorted(first)


def test_what_the_last_block_is(models):
    resnet, lite0 = models.values()
    assert backbones.get("resnet50").residual_blocks(resnet)[-2:] == [resnet.layer4[1], resnet.layer4[2]]
    *_, before, last = backbones.get("efficientnet_lite0").residual_blocks(lite0)
    assert before is lite0.blocks[5][3] and list(last) == [lite0.blocks[6][0], lite0.conv_head, lite0.bn2]


def test_the_blocks_have_names_that_lead_to_them(pair):
    backbone, model = pair
    names, blocks = backbone.block_names(model), backbone.residual_blocks(model)
    found = [[id(p) for name in block for p in model.get_submodule(name).parameters()] for block in names]
    assert found == [[id(p) for p in block.parameters()] for block in blocks]


def test_what_the_last_blocks_are_called(models):
    resnet, lite0 = (backbones.get(name).block_names(model)[-2:] for name, model in models.items())
    assert resnet == [["layer4.1"], ["layer4.2"]] and lite0 == [["blocks.5.3"], ["blocks.6.0", "conv_head", "bn2"]]


@pytest.mark.parametrize(("name", "released", "tensors", "scalars"), [
    ("resnet50", 0, 2, 20_490),
    ("resnet50", 2, 20, 8_945_674),
    ("resnet50", 3, 32, 14_985_226),
    ("resnet50", 9, 89, 22_083_594),
    ("efficientnet_lite0", 0, 2, 12_810),
    ("efficientnet_lite0", 2, 23, 1_506_570),
])  # fmt: skip
def test_a_model_with_new_head_is_at_its_stage(name, released, tensors, scalars):
    backbone = backbones.get(name)
    with torch.device("meta"):  # no numbers: only their count is asked for
        model = backbones.with_new_head(name, released_blocks=released, pretrained=False)
    counts = parameters.count(model)
    assert (counts.trainable_tensors, counts.trainable) == (tensors, scalars)
    assert [module for module in model.modules() if module.training] == [backbone.head(model)]


def test_releasing_every_block_leaves_the_stem_frozen():
    model = backbones.with_new_head("resnet50", released_blocks=16, pretrained=False)
    assert [n for n, p in model.named_parameters() if not p.requires_grad] == ["conv1.weight", "bn1.weight", "bn1.bias"]


@pytest.mark.parametrize("released", [-1, 17])
def test_more_blocks_than_there_are_is_refused(released):
    with pytest.raises(CourseError, match="give 0 to 16"):
        backbones.with_new_head("efficientnet_lite0", released_blocks=released, pretrained=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_decides_the_new_head_and_leaves_the_global_state_alone(name):
    backbone = backbones.get(name)
    torch.manual_seed(11)
    state = torch.random.get_rng_state()
    first, same, other = (backbone.build(7, pretrained=False, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(state, torch.random.get_rng_state())
    heads = [backbone.head(model).weight for model in (first, same, other)]
    assert heads[0].shape == (7, backbone.num_features)
    assert torch.equal(heads[0], heads[1]) and not torch.equal(heads[0], heads[2])
    assert all(p.requires_grad for p in first.parameters()) and first.training


def test_the_head_is_the_same_with_and_without_pretrained_weights():
    heads = [backbones.get("efficientnet_lite0").build(10, pretrained=flag).classifier.weight for flag in (True, False)]
    assert torch.equal(*heads)


def test_weights_are_put_into_a_copy_of_the_shapes_as_loading_them_would_put_them():
    backbone = backbones.get("efficientnet_lite0")
    one, other, plain = backbone.build(), backbone.build(), backbone._architecture()
    plain.load_state_dict(backbone._weights())
    for model in (one, other):
        assert [name for name, _ in model.named_modules()] == [name for name, _ in plain.named_modules()]
        assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), plain.state_dict().values(), strict=True))
        assert all(p.requires_grad and p.is_leaf and isinstance(p, nn.Parameter) for p in model.parameters())
    assert not {t.data_ptr() for t in one.state_dict().values()} & {t.data_ptr() for t in other.state_dict().values()}
    assert all(t.is_meta for t in backbone.without_values().state_dict().values())


def test_who_builds_a_model_keeps_freed_memory_for_its_batches(monkeypatch):
    tuned = Mock()
    monkeypatch.setattr(machine, "tune_allocator", tuned)
    backbones.get("efficientnet_lite0").build()
    tuned.assert_called_once_with()


@pytest.mark.parametrize("num_classes", [0, -3, 2.0, True, "10", None])
def test_a_number_of_classes_that_is_none_is_refused(num_classes):
    with pytest.raises(CourseError, match="num_classes"):
        backbones.get("resnet50").build(num_classes, pretrained=False)


def test_an_unknown_backbone_is_refused_with_the_known_ones():
    with pytest.raises(CourseError, match="resnet50, efficientnet_lite0"):
        backbones.get("resnet")


@pytest.mark.parametrize(("profile", "name"), [("laptop", "efficientnet_lite0"), ("reference", "resnet50")])
def test_one_setting_chooses_the_backbone(monkeypatch, profile, name):
    monkeypatch.setenv("FINETUNE_PROFILE", profile)
    assert backbones.course_backbone() is backbones.get(name)


def test_resnets_transform_is_the_weights_own():
    from torchvision.models import ResNet50_Weights

    own = ResNet50_Weights.IMAGENET1K_V2.transforms()
    for photo in photos().values():
        assert torch.equal(backbones.get("resnet50").transform()(photo), own(photo))


def test_lite0s_transform_is_timms_own():
    import timm
    from timm.data import create_transform, resolve_data_config

    own = create_transform(**resolve_data_config({}, model=timm.create_model("tf_efficientnet_lite0", pretrained=False)))
    for photo in photos().values():
        assert torch.allclose(backbones.get("efficientnet_lite0").transform()(photo), own(photo), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_transform_gives_normalised_squares_of_the_size_asked_for(name):
    backbone = backbones.get(name)
    china = photos()["china"]
    for size, expected in ((None, 224), (96, 96), (33, 33)):
        image = backbone.transform(size)(china)
        assert image.dtype == torch.float32 and tuple(image.shape) == (3, expected, expected)
    assert -3 < image.min() < -0.5 and 0.5 < image.max() < 3
    assert repr(backbone.transform(96)) == repr(backbone.transform(96)) != repr(backbone.transform())


def test_a_small_image_is_enlarged_smoothly():
    transform = backbones.get("efficientnet_lite0").transform(96)
    digit = load_images("digits").images[0]
    assert tuple(transform(digit).shape) == (3, 96, 96)
    # Bicubic overshoots at edges and is clipped; bilinear cannot leave the range of its input.
    assert transform(digit).abs().max() <= 1 and transform.small == "bilinear"


@pytest.mark.parametrize("size", [0, 31, 96.0, "96"])
def test_an_image_size_that_will_not_do_is_refused(size):
    with pytest.raises(CourseError, match="32 or more"):
        backbones.get("resnet50").transform(size)


@pytest.fixture(scope="module")
def lite0():
    return backbones.get("efficientnet_lite0").build().eval()


@pytest.mark.parametrize(("photo", "label", "probability"), [("china", "palace", 0.298), ("flower", "daisy", 0.323)])
def test_lite0_names_real_photographs(lite0, photo, label, probability):
    transform = backbones.get("efficientnet_lite0").transform()
    with torch.no_grad():
        found, index = lite0(transform(photos()[photo])[None]).softmax(dim=1)[0].max(dim=0)
    # Measured here; other instruction sets move the third digit.
    assert backbones.get("resnet50").categories()[index] == label and found.item() == pytest.approx(probability, abs=0.02)


def test_the_categories_are_imagenets():
    for name in NAMES:
        categories = backbones.get(name).categories()
        assert len(categories) == 1000 and categories[0] == "tench" and "daisy" in categories


@pytest.mark.parametrize("name", NAMES)
def test_a_description_is_complete_and_reads_well(name):
    backbone = backbones.get(name)
    assert backbone.name == name and backbone.licence and backbone.source.startswith("https://")
    assert "function" not in repr(backbone)


@pytest.mark.parametrize("seed", [None, 3], ids=["pre-trained", "drawn"])
def test_a_model_made_ahead_is_the_one_that_would_be_built_and_is_handed_out_once(seed):
    lite0, options = backbones.get("efficientnet_lite0"), {"pretrained": seed is None, "seed": seed or 0}
    made_ahead.keep("efficientnet_lite0", seed, [lite0.build(**options) for _ in range(2)])
    state = torch.get_rng_state()
    first, second, built = (lite0.build(5, **options) for _ in range(3))
    assert torch.equal(torch.get_rng_state(), state)
    for model in (first, second):
        assert [*model.state_dict()] == [*built.state_dict()]
        for mine, other in zip(model.state_dict().values(), built.state_dict().values(), strict=True):
            assert torch.equal(mine, other) and mine.stride() == other.stride() and mine.dtype == other.dtype
        assert all(module.training for module in model.modules()) and all(p.requires_grad for p in model.parameters())
    places = [{tensor.data_ptr() for tensor in model.state_dict().values()} for model in (first, second, built)]
    assert not places[0] & places[1] and not (places[0] | places[1]) & places[2]
