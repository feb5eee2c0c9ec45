"""Does the cheap gradient of wide depthwise kernels give torch's own bits, and keep out of everything else?"""

import copy

import pytest
import torch
from torch import nn

from helpers.models import backbones
from helpers.training import depthwise
from helpers.training.features import split_model
from helpers.training.loop import set_modes, train_epoch

HERE = torch.backends.cpu.get_cpu_capability()
on_avx512 = pytest.mark.skipif(HERE != "AVX512", reason="other processors go another way")
on_avx2 = pytest.mark.skipif(HERE != "AVX2", reason="other processors go another way")


def network(channels=32, kernel=5, stride=1, padding=2, groups=None, bias=False) -> nn.Module:
    torch.manual_seed(0)
    convolution = nn.Conv2d(channels, channels, kernel, stride, padding, groups=groups or channels, bias=bias)
    layers = [nn.Conv2d(3, channels, 1), convolution, nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 4)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def batches(size=7) -> list:
    draw = torch.Generator().manual_seed(1)
    return [(torch.randn(n, 3, size, size, generator=draw), torch.randint(4, (n,), generator=draw)) for n in (16, 5)]


def trained(model: nn.Module, loader: list) -> tuple[dict, list]:
    model = copy.deepcopy(model)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    return train_epoch(model, loader, optimizer), [*model.parameters()]


def both_ways(model: nn.Module, loader: list, monkeypatch, used: list) -> bool:
    apply = depthwise._Convolution.apply
    with monkeypatch.context() as patch:
        patch.setattr(depthwise, "WAYS", {})
        plain, plain_weights = trained(model, loader)
    with monkeypatch.context() as patch:
        patch.setattr(depthwise._Convolution, "apply", lambda *given: used.append(given) or apply(*given))
        cheap, cheap_weights = trained(model, loader)
    return plain == cheap and all(torch.equal(a, b) for a, b in zip(plain_weights, cheap_weights, strict=True))


@on_avx512
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 0}, {"kernel": 7, "padding": 3}, {"channels": 48}])
@pytest.mark.parametrize("size", [7, 12])
def test_is_a_trained_model_the_same_to_the_last_bit(options, size, monkeypatch):
    used = []
    assert both_ways(network(**options), batches(size), monkeypatch, used) and len(used) == 2


@pytest.mark.parametrize("options", [{"kernel": 3, "padding": 1}, {"channels": 24}, {"groups": 16}, {"bias": True}])
def test_is_everything_else_left_to_torch(options, monkeypatch):
    used = []
    assert both_ways(network(**options), batches(), monkeypatch, used) and not used


def test_is_the_default_layout_left_to_torch(monkeypatch):
    used = []
    assert both_ways(network(64).to(memory_format=torch.contiguous_format), batches(3), monkeypatch, used) and not used


def test_is_a_frozen_kernel_left_to_torch(monkeypatch):
    model, used = network(64), []
    model[1].requires_grad_(False)
    assert both_ways(model, batches(3), monkeypatch, used) and not used


@on_avx2
@pytest.mark.parametrize("options", [{}, {"kernel": 3, "padding": 1}, {"kernel": 7, "padding": 3}])
@pytest.mark.parametrize("size", [2, 3])
def test_are_small_maps_trained_place_by_place_to_the_same_last_bit(options, size, monkeypatch):
    used = []
    assert both_ways(network(64, **options), batches(size), monkeypatch, used)
    assert len(used) == 2 or (size, options.get("kernel")) == (3, 3), "these torch sums in another order: the plain way"


@pytest.mark.parametrize(("size", "options"), [(2, {}), (3, {}), (3, {"kernel": 3, "padding": 1}), (6, {"stride": 2})])
def test_is_the_gradient_place_by_place_the_right_one_on_any_processor(size, options):
    convolution, images = network(64, **options)[1], torch.randn(5, 64, size, size).contiguous(memory_format=torch.channels_last)
    outputs = convolution(images)
    gradient = torch.randn(outputs.shape).contiguous(memory_format=torch.channels_last)
    outputs.backward(gradient)
    found = depthwise._place_by_place(gradient, images, convolution.weight, convolution.stride, convolution.padding)
    assert torch.allclose(found, convolution.weight.grad, atol=1e-5)


def test_is_torch_without_onednn_left_alone(monkeypatch):
    used = []
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    assert both_ways(network(64), batches(3), monkeypatch, used) and not used


@pytest.mark.skipif(HERE not in depthwise.WAYS, reason="other processors go the plain way")
def test_does_a_shape_with_other_bits_go_the_plain_way(monkeypatch):
    used = []
    monkeypatch.setattr(depthwise, "_same_bits", lambda *shape: False)
    assert both_ways(network(64), batches(3), monkeypatch, used) and not used


@on_avx512
def test_are_all_wide_kernels_of_the_released_blocks_trained_the_cheap_way(monkeypatch):
    backbone, used = backbones.get("efficientnet_lite0"), []
    model = backbone.build(num_classes=4, pretrained=False).eval()
    _, tail = split_model(backbone, model, 5)
    set_modes(tail)
    inputs = torch.randn(4, 112, 6, 6, generator=torch.Generator().manual_seed(0)).contiguous()
    assert both_ways(tail, [(inputs, torch.tensor([0, 1, 2, 3]))], monkeypatch, used)
    wide = [m for m in tail.modules() if isinstance(m, nn.Conv2d) and m.groups > 1 and m.kernel_size[1] > depthwise.NARROW]
    assert len(used) == len(wide) == 4
