"""Does torch without its compiler do what torch does, and is the compiler there for whoever calls it?"""

import pytest
import torch
from torch import nn, optim

KINDS = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "Rprop", "LBFGS"]
# Each in a process of its own, since what is spared stays so.
STEPS = """
import torch
from torch import nn, optim
from helpers.models import eager

if {spared}:
    eager.spare_optimizers()
torch.manual_seed(0)
for kind in {kinds}:
    layer = nn.Linear(5, 3)
    optimizer = getattr(optim, kind)(layer.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.StepLR(optimizer, 2)
    images, seen = torch.randn(7, 5), []
    def loss():
        seen.append(torch.is_grad_enabled())
        optimizer.zero_grad()
        found = layer(images).square().mean()
        found.backward()
        return found
    for _ in range(3):
        optimizer.step(loss)
        schedule.step()
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.step(loss)
    print(kind, seen[0], layer.weight.sum().item().hex(), optimizer.param_groups[0]["lr"])
"""
LATER = """
import sys, io, torch
from helpers.checks.replace_head.expected_parameters import truth_and_slips
from helpers.models import backbones
from helpers.plots.pipeline_map import model_map
whole = backbones.get("efficientnet_lite0").build(10, pretrained=False)
model = torch.nn.Sequential(whole.conv_stem, whole.bn1, whole.blocks[:2], whole.global_pool).eval()  # each kind of its layers
images = torch.randn(2, 3, 64, 64)
optimizer = torch.optim.Adam(model.parameters())
optimizer.step()
model_map(backbones.get("efficientnet_lite0"), stage=2)  # shapes alone
truth_and_slips("resnet50", 7)
assert "torch._dynamo" not in sys.modules
compiled = torch.compile(model, backend="eager")
with torch.no_grad():
    assert torch.equal(compiled(images), model(images))
assert "torch._dynamo" in sys.modules
model(images).sum().backward()
optimizer.step()
program = torch.export.export(model, (images,))
with torch.no_grad():
    assert torch.equal(program.module()(images), model(images))
print("as ever")
"""


def test_is_every_optimizers_step_the_same_to_the_last_bit(fresh):
    plain, spared = (fresh(STEPS.format(spared=spared, kinds=KINDS), ("torch",)) for spared in (False, True))
    assert plain.out == spared.out and len(plain.out.splitlines()) == len(KINDS)
    assert "torch._dynamo" in plain.modules - spared.modules


def test_is_the_compiler_there_when_it_is_called(fresh):
    assert fresh(LATER, ("torch",)).out.strip() == "as ever"


@pytest.mark.parametrize("differentiable", [False, True])
def test_are_steps_recorded_only_where_the_optimizer_says_so(differentiable, monkeypatch):
    from helpers.models import eager

    monkeypatch.setattr(optim.SGD, "step", eager._without_grad(optim.SGD.step.__wrapped__))
    weight = nn.Parameter(torch.ones(2))
    moved = weight.clone() if differentiable else weight
    optimizer = optim.SGD([moved], lr=0.1, differentiable=differentiable)
    moved.grad = torch.ones(2)
    optimizer.step()
    assert (moved.grad_fn is not None) == differentiable and torch.allclose(moved.detach(), torch.full((2,), 0.9))
