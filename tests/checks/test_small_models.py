"""Have the small problems of the checks what matters in a real model?"""

import pickle

import pytest
import torch

from helpers.checks.packing import pack
from helpers.checks.small_models import KINDS, Case

TENSORS = {
    "frozen parameter": torch.nn.Parameter(torch.rand(2, 3), requires_grad=False),
    "learning tensor": torch.rand(2, requires_grad=True),
    "number": torch.tensor(3),
    "nothing": torch.empty(0, 4),
    "flags": torch.tensor([[True], [False]]),
    "half": torch.tensor([1.5, -2], dtype=torch.bfloat16),
    "across": torch.rand(3, 4).t(),
    "channels last": torch.rand(1, 2, 3, 3).to(memory_format=torch.channels_last),
    "conjugate": torch.tensor([1 + 2j]).conj(),
}


@pytest.mark.parametrize("name", TENSORS)
def test_a_packed_tensor_comes_back_as_it_was(name):
    tensor = TENSORS[name]
    again, twin = pickle.loads(pack([tensor, tensor]))
    assert again is twin and torch.equal(again, tensor)
    for what in ("dtype", "shape", "requires_grad", "is_leaf"):
        assert getattr(again, what) == getattr(tensor, what)
    assert type(again) is type(tensor) and again.stride() == tensor.stride()
    assert again.numel() == 0 or again.data_ptr() != tensor.data_ptr()


class TestCases:
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_model_has_what_its_kind_says(self, kind):
        case = Case(kind=kind, head_name="top")
        model = case.model()
        norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        assert bool(norms) == (kind not in ("no_norm", "vision_transformer", "swin"))
        assert ("pre_top_norm" in dict(model.named_modules())) == (kind in ("lookalike", "shared"))
        once, twice = list(model.named_parameters()), list(model.named_parameters(remove_duplicate=False))
        assert (len(twice) > len(once)) == (kind == "shared")
        assert model(case.images()).shape == (case.num_images, case.num_classes)
        last = list(model.children())[-1]
        assert (case.head(model) is last) == (kind not in ("head_first", "pointwise"))

    @pytest.mark.parametrize("kind", KINDS)
    def test_head_blocks_and_first_layer_are_where_the_case_says(self, kind):
        case = Case(kind=kind, num_blocks=3, width=10, num_classes=5)
        model = case.model().eval()
        head = case.head(model)
        assert type(head) is torch.nn.Linear and head.weight.shape == (5, 10) and model.get_submodule(case.head_name) is head
        assert case.features(model, case.images()).shape == (case.num_images, 10) and not head._forward_pre_hooks
        blocks = case.blocks(model)
        assert len(blocks) == 3 and {id(p) for p in head.parameters()}.isdisjoint(id(p) for b in blocks for p in b.parameters())
        seen = []
        case.first(model).register_forward_hook(lambda *args: seen.append(len(args[2])))
        model(case.images())
        assert seen == [case.num_images]

    def test_no_two_classes_have_a_part_or_a_method_of_their_own_in_common(self):
        """What every hidden model had could be used by name, and would work nowhere else."""
        models = [
            Case(kind=kind, head_name="top").model() for kind in ("residual", "sequential", "efficientnet", "regnet", "swin")
        ]
        names = [{*dir(model)} | {name for name, _ in model.named_children()} for model in models]
        assert {name for name in set.intersection(*names) if name not in dir(torch.nn.Module())} == set()

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_tensor_takes_part_in_the_forward_pass(self, kind):
        case = Case(kind=kind)
        model = case.model()
        torch.nn.functional.cross_entropy(model(case.images()), case.labels()).backward()
        assert [name for name, p in model.named_parameters() if p.grad is None] == []

    def test_statistics_are_lived_in(self):
        norm = Case().model().blocks[0].norm
        assert norm.num_batches_tracked.item() > 0
        assert not torch.equal(norm.running_mean, torch.zeros_like(norm.running_mean))

    def test_making_a_model_leaves_the_random_state(self):
        before = torch.get_rng_state()
        Case(seed=4711).model()  # one that no other test has had built
        assert torch.equal(before, torch.get_rng_state())

    def test_each_model_is_one_of_its_own(self):
        first = Case().model()
        with torch.no_grad():
            first.fc.weight.zero_()
        second = Case().model()
        assert second.fc.weight.any() and second.training and second.fc.weight.requires_grad

    def test_the_last_batch_is_smaller(self):
        sizes = [len(labels) for _, labels in Case().loader()]
        assert sizes[-1] < sizes[0] == Case().batch_size

    def test_blocks_end_with_what_lies_before_the_head(self):
        case = Case()
        model = case.model()
        assert model.neck in list(case.blocks(model)[-1].modules()) and len(case.blocks(model)) == case.num_blocks
