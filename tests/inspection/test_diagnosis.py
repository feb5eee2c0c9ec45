"""Does each disease get its own name, and does a healthy set-up get none?"""

import warnings
from collections.abc import Callable
from dataclasses import replace

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from helpers.checks.small_models import KINDS, Case, head_only
from helpers.course.errors import CourseError
from helpers.inspection.diagnosis.diagnose import DETECTORS, diagnose
from helpers.inspection.snapshot import changes_since, take_snapshot
from helpers.training.loop import fit, set_modes


class Patient:
    """A healthy set-up, head only, for a test to spoil."""

    def __init__(self, case: Case | None = None):
        self.case = case or Case()
        self.model = head_only(self.case)
        self.optimizer = torch.optim.SGD(self.learning(), lr=0.1, momentum=0.9)
        self.loader = self.case.loader()
        self.step = None

    @property
    def head(self):
        return self.case.head(self.model)

    def learning(self):
        return [p for p in self.model.parameters() if p.requires_grad]

    def diagnose(self, **options):
        return diagnose(self.model, self.optimizer, self.loader, step=self.step, **options)


def batches(images, labels, size=4):
    return DataLoader(TensorDataset(images, labels), batch_size=size)


def gradients(model, optimizer, batch, set_to_none=True):
    """The first half of a step."""
    optimizer.zero_grad(set_to_none)
    cross_entropy(model(batch[0]), batch[1]).backward()


def attribute_on_module(p: Patient):
    p.model.requires_grad_(True).eval()
    p.model.requires_grad = False
    p.optimizer = torch.optim.SGD(p.model.parameters(), lr=0.1)


def misspelt_attribute(p: Patient):
    p.model.requires_grad_(True).eval()
    for parameter in p.model.parameters():
        parameter.require_grad = False
    p.optimizer = torch.optim.SGD(p.model.parameters(), lr=0.1)


def out_features_renamed(p: Patient):
    p.head.out_features = 2


def too_many_outputs(p: Patient):
    p.case = replace(p.case, num_classes=1000)
    labels = p.loader.dataset.tensors[1]
    p.__init__(p.case)
    p.loader = batches(p.case.images(), labels)


def nothing_trainable(p: Patient):
    p.model.requires_grad_(False).eval()


def head_frozen(p: Patient):
    p.head.requires_grad_(False).eval()
    p.model.blocks[-1].requires_grad_(True)
    p.optimizer = torch.optim.SGD(p.learning(), lr=0.1)


def optimizer_holds_foreign(p: Patient):
    setattr(p.model, p.case.head_name, nn.Linear(p.case.width, p.case.num_classes))


def trainable_not_in_optimizer(p: Patient):
    p.model.blocks[-1].requires_grad_(True)


def frozen_in_optimizer(p: Patient):
    p.optimizer = torch.optim.AdamW(p.model.parameters(), lr=0.1)


def frozen_moved_by_momentum(p: Patient):
    """Frozen in mid-run, with gradients set to zero instead of None."""
    p.model.stem.requires_grad_(True)
    p.optimizer = torch.optim.SGD(p.learning(), lr=0.1, momentum=0.9)
    gradients(p.model, p.optimizer, next(iter(p.loader)))
    p.optimizer.step()
    p.model.stem.requires_grad_(False)

    def step(model, optimizer, batch):
        gradients(model, optimizer, batch, set_to_none=False)
        optimizer.step()

    p.step = step


def frozen_moved_late(p: Patient):
    """Frozen between backward() and step()."""
    p.model.stem.requires_grad_(True)
    p.optimizer = torch.optim.SGD(p.learning(), lr=0.1)

    def step(model, optimizer, batch):
        gradients(model, optimizer, batch)
        model.stem.requires_grad_(False)
        optimizer.step()

    p.step = step


def held_twice(p: Patient):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p.optimizer = torch.optim.SGD([*p.learning(), p.head.weight], lr=0.1)


def worse_than_guessing(p: Patient):
    """A new head that is drawn far larger than nn.Linear draws it."""
    p.loader = batches(p.case.images(), p.case.labels(), size=14)
    with torch.no_grad():
        p.head.weight.mul_(30)


def zero_lr(p: Patient):
    p.optimizer.param_groups[0]["lr"] = 0.0


def loss_not_finite(p: Patient):
    with torch.no_grad():
        p.head.weight[0, 0] = float("nan")


def softmax_before_loss(p: Patient):
    p.model = nn.Sequential(p.model, nn.Softmax(dim=1))
    p.model.training = False


def batch_of_one(p: Patient):
    p.model.add_module("neck", nn.Sequential(p.model.neck, nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(p.case.width)))
    p.optimizer = torch.optim.SGD(p.learning(), lr=0.1)
    p.loader = batches(p.case.images(), p.case.labels(), 1)


def last_batch_of_one(p: Patient):
    batch_of_one(p)
    p.loader = batches(p.case.images()[:13], p.case.labels()[:13], 4)


def no_gradient(p: Patient):
    def step(model, optimizer, batch):
        with torch.no_grad():
            logits = model(batch[0])
        optimizer.zero_grad()
        cross_entropy(logits, batch[1]).backward()
        optimizer.step()

    p.step = step


def detached_features(p: Patient):
    p.model.blocks[-1].requires_grad_(True)
    p.optimizer = torch.optim.SGD(p.learning(), lr=0.1)

    def step(model, optimizer, batch):
        optimizer.zero_grad()
        cross_entropy(model.fc(p.case.features(model, batch[0]).detach()), batch[1]).backward()
        optimizer.step()

    p.step = step


def no_step(p: Patient):
    p.step = gradients


def frozen_batchnorm_moves(p: Patient):
    p.model.train()


def step_calls_train(p: Patient):
    """`model.train()` at the start of each epoch."""

    def step(model, optimizer, batch):
        model.train()
        gradients(model, optimizer, batch)
        optimizer.step()

    p.step = step


def everything_trainable(p: Patient):
    p.model.requires_grad_(True)
    p.optimizer = torch.optim.SGD(p.model.parameters(), lr=0.01)


IMAGES, LABELS = Case().images(), Case().labels()
UNIT = IMAGES / 4 + 0.5
BROKEN_IMAGES = IMAGES.clone()
BROKEN_IMAGES[0, 0, 0, 0] = float("inf")
# What spoils a set-up, or what the loader gives in place of the right images and labels; the disease, and words of it.
DISEASES: list[tuple[Callable | tuple[Tensor, Tensor], str, str]] = [
    (attribute_on_module, "attribute_on_module", "15 of 15 tensors trainable"),
    (misspelt_attribute, "attribute_on_module", "'require_grad'"),
    (out_features_renamed, "out_features_renamed", "8 -> 4"),
    (too_many_outputs, "too_many_outputs", "1000 outputs"),
    ((IMAGES, LABELS + 1), "labels_out_of_range", "from 1 to 4"),
    (nothing_trainable, "nothing_trainable", "All 15 tensors are frozen"),
    (head_frozen, "head_frozen", "fc.weight, fc.bias"),
    (optimizer_holds_foreign, "optimizer_holds_foreign", "2 tensors that are not in this model (shape 4 x 8, 4)"),
    (trainable_not_in_optimizer, "trainable_not_in_optimizer", "blocks.2.conv.weight"),
    (frozen_in_optimizer, "frozen_in_optimizer", "stem.weight"),
    (frozen_moved_by_momentum, "frozen_moved", "stem.weight, stem.bias"),
    (frozen_moved_late, "frozen_moved", "stem.weight, stem.bias"),
    (held_twice, "held_twice", "1 tensor "),
    (worse_than_guessing, "worse_than_guessing", "guessing among 4 classes costs 1.39"),
    (zero_lr, "zero_lr", "fc.weight, fc.bias"),
    ((UNIT, LABELS), "not_normalised", "values from 0 to 1"),
    ((UNIT * 255, LABELS), "not_normalised", "to 255"),
    (((UNIT * 255).to(torch.uint8), LABELS), "not_normalised", "torch.uint8"),
    (loss_not_finite, "loss_not_finite", "the model makes it"),
    ((BROKEN_IMAGES, LABELS), "loss_not_finite", "the images hold it already"),
    (softmax_before_loss, "softmax_before_loss", "adds up to 1"),
    (batch_of_one, "batch_of_one", "The batch has a single image"),
    (last_batch_of_one, "batch_of_one", "last batch has a single image (13 images in batches of 4)"),
    (no_gradient, "no_gradient", "fc.weight, fc.bias"),
    (detached_features, "no_gradient", "blocks.2.conv.weight"),
    (no_step, "nothing_moved", "nothing was updated"),
    (frozen_batchnorm_moves, "frozen_batchnorm_moves", "12 statistics of 4 frozen layers"),
    (step_calls_train, "frozen_batchnorm_moves", "12 statistics"),
    (everything_trainable, "everything_trainable", "the head guesses"),
    ((IMAGES, nn.functional.one_hot(LABELS, 4)), "step_fails", "RuntimeError"),
]


@pytest.mark.parametrize("spoil, code, words", DISEASES, ids=[f"{code}: {words}" for _, code, words in DISEASES])
def test_is_each_disease_found_and_no_other(spoil, code, words):
    patient = Patient()
    assert not patient.diagnose()
    if callable(spoil):
        spoil(patient)
    else:
        patient.loader = batches(*spoil)
    diagnosis = patient.diagnose()
    assert diagnosis.codes == (code,) and words in diagnosis[code].what
    assert diagnosis[code].why.endswith(".") and diagnosis[code].remedy.endswith(".")


def test_does_every_detector_have_its_disease():
    assert {code for _, code, _ in DISEASES} == set(DETECTORS)


def last_block(p: Patient):
    p.case.blocks(p.model)[-1].requires_grad_(True)
    p.optimizer = torch.optim.SGD(p.learning(), lr=0.01, momentum=0.9, nesterov=True)


def two_blocks_two_rates(p: Patient):
    blocks = nn.ModuleList(p.case.blocks(p.model)[-2:]).requires_grad_(True)
    if p.case.kind == "shared":
        p.optimizer = torch.optim.AdamW(p.learning(), lr=1e-3)
        return
    groups = [{"params": p.head.parameters(), "lr": 1e-2}, {"params": blocks.parameters(), "lr": 1e-3}]
    p.optimizer = torch.optim.AdamW(groups, weight_decay=0.01)


def released_batchnorm_in_train_mode(p: Patient):
    last_block(p)
    set_modes(p.model, train_batchnorm=True)


def in_mid_run(p: Patient):
    last_block(p)
    fit(p.model, p.loader, p.loader, p.optimizer, num_epochs=2, progress=False)
    set_modes(p.model)


def all_gently(p: Patient):
    base = [q for name, q in p.model.named_parameters() if not name.startswith(f"{p.case.head_name}.")]
    p.model.requires_grad_(True)
    p.optimizer = torch.optim.AdamW([{"params": p.head.parameters(), "lr": 1e-3}, {"params": base, "lr": 1e-5}])


def all_with_a_trained_head(p: Patient):
    with torch.no_grad():
        p.head.bias.zero_()
        p.head.bias[1] = 5.0
    p.loader = batches(p.case.images(), torch.ones(14, dtype=torch.int64))
    p.model.requires_grad_(True)
    p.optimizer = torch.optim.SGD(p.model.parameters(), lr=1e-4)


def loop_that_clears_after_the_step(p: Patient):
    def step(model, optimizer, batch):
        loss = cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    p.step = step


def few_labels_seen(p: Patient):
    p.loader = batches(p.case.images()[:3], torch.zeros(3, dtype=torch.int64))


HEALTHY = [
    lambda p: None,
    last_block,
    two_blocks_two_rates,
    released_batchnorm_in_train_mode,
    in_mid_run,
    all_gently,
    all_with_a_trained_head,
    loop_that_clears_after_the_step,
    few_labels_seen,
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("set_up", HEALTHY, ids=lambda f: f.__name__.strip("<>"))
def test_is_a_healthy_set_up_left_in_peace(kind, set_up):
    for head_name, seed in (("fc", 0), ("classifier", 1)):
        patient = Patient(Case(kind=kind, head_name=head_name, seed=seed))
        set_up(patient)
        assert patient.diagnose(head_name=patient.case.head_name).codes == ()
        if kind != "pointwise":  # there the head is not the last linear layer, which is taken for it where nobody names one
            assert patient.diagnose().codes == ()


def test_are_cached_features_no_raw_images():
    """What a frozen part has computed is never below zero, and is nothing to be normalised."""
    head, features = nn.Linear(8, 4), torch.rand(14, 8)
    loader = batches(features, torch.arange(14) % 4)
    assert not diagnose(nn.Sequential(head), torch.optim.SGD(head.parameters(), lr=0.1), loader)


@pytest.fixture(scope="module")
def resnet():
    return torchvision.models.resnet50(num_classes=10)


@pytest.fixture
def photos():
    return batches(torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)), torch.arange(4))


def stage(model, *parts):
    model.requires_grad_(False)
    for part in (model.fc, *parts):
        part.requires_grad_(True)
    set_modes(model)
    return [p for p in model.parameters() if p.requires_grad]


def test_do_the_golden_numbers_of_resnet50_stand_in_the_words(resnet, photos):
    """Facts: 2 tensors and 20,490; 20 and 8,945,674; 161; 159 buffers of 53 layers."""
    head = torch.optim.SGD(stage(resnet), lr=0.1)
    healthy = diagnose(resnet, head, photos)
    assert not healthy and "2 of 161 tensors trainable (20,490 scalars)" in healthy.summary
    resnet.train()
    assert "159 statistics of 53 frozen layers" in diagnose(resnet, head, photos)["frozen_batchnorm_moves"].what
    blocks = torch.optim.SGD(stage(resnet, resnet.layer4[1], resnet.layer4[2]), lr=0.1)
    assert "20 of 161 tensors trainable (8,945,674 scalars)" in diagnose(resnet, blocks, photos).summary
    missed = diagnose(resnet, head, photos)
    assert missed.codes == ("trainable_not_in_optimizer",) and "18 tensors" in missed["trainable_not_in_optimizer"].what
    resnet.requires_grad = False
    resnet.requires_grad_(True)
    ignored = diagnose(resnet, torch.optim.SGD(resnet.parameters(), lr=0.1), photos)
    assert ignored.codes == ("attribute_on_module",) and "161 of 161 tensors trainable" in ignored["attribute_on_module"].what
    del resnet.requires_grad


@pytest.mark.parametrize("look", [lambda model: create_feature_extractor(model, {"layer4": "maps"}), get_graph_node_names])
def test_is_a_base_that_a_mere_look_has_woken_named(resnet, photos, look):
    """torchvision's tools put back one mode for all layers: the model's own."""
    optimizer = torch.optim.SGD(stage(resnet), lr=0.1)
    resnet.training = True
    assert not diagnose(resnet, optimizer, photos)
    look(resnet)
    found = diagnose(resnet, optimizer, photos)
    assert found.codes == ("frozen_batchnorm_moves",) and "53 frozen layers" in found["frozen_batchnorm_moves"].what
    assert "torchinfo.summary, create_feature_extractor" in found["frozen_batchnorm_moves"].remedy


def test_is_1000_outputs_for_ten_classes_found_on_the_real_architecture(photos):
    model = torchvision.models.resnet50()
    photos.dataset.classes = [str(i) for i in range(10)]
    stage(model)
    diagnosis = diagnose(model, torch.optim.SGD(model.fc.parameters(), lr=0.1), photos)
    assert diagnosis.codes == ("too_many_outputs",) and "10 classes" in diagnosis["too_many_outputs"].what
    model.fc.out_features = 10
    assert diagnose(model, torch.optim.SGD(model.fc.parameters(), lr=0.1), photos).codes == ("out_features_renamed",)


def test_is_the_head_that_timm_draws_for_the_courses_backbone_told_apart_from_one_of_ours(photos):
    """It starts at twice the loss of guessing and more: its weights are drawn six times as large as nn.Linear's."""
    model = timm.create_model("tf_efficientnet_lite0", num_classes=10)
    head, ours = model.classifier, nn.Linear(1280, 10)
    assert head.weight.std() > 5 * ours.weight.std()
    features = torch.rand(20, 1280, generator=torch.Generator().manual_seed(0))
    loader = batches(features, torch.arange(20) % 10, size=20)
    codes = [diagnose(nn.Sequential(layer), torch.optim.SGD(layer.parameters(), lr=0.1), loader).codes for layer in (head, ours)]
    assert codes == [("worse_than_guessing",), ()]


def test_are_piled_up_gradients_told():
    patient = Patient()
    trainable_not_in_optimizer(patient)
    for batch in patient.loader:
        gradients(patient.model, patient.optimizer, batch)
        patient.optimizer.step()
    assert "Gradients of earlier steps lie on 3 of them" in patient.diagnose()["trainable_not_in_optimizer"].what


def test_is_the_floor_of_softmax_before_the_loss_told():
    """Facts: for ten classes the loss cannot fall under 1.4612."""
    patient = Patient(Case(num_classes=10))
    softmax_before_loss(patient)
    assert "1.4612" in patient.diagnose()["softmax_before_loss"].why


def test_are_several_problems_told_causes_first():
    patient = Patient()
    frozen_batchnorm_moves(patient)
    optimizer_holds_foreign(patient)
    trainable_not_in_optimizer(patient)
    diagnosis = patient.diagnose()
    assert diagnosis.codes == ("optimizer_holds_foreign", "trainable_not_in_optimizer", "frozen_batchnorm_moves")
    assert len(diagnosis) == 3 and [problem.code for problem in diagnosis] == list(diagnosis.codes)
    assert repr(diagnosis).startswith("3 problems found") and "[frozen_batchnorm_moves]" in repr(diagnosis)
    assert diagnosis._repr_html_().count("<li") == 3


def test_is_nothing_touched_by_looking():
    patient = Patient()
    patient.model.train()
    generator = torch.Generator().manual_seed(3)
    patient.loader = DataLoader(patient.loader.dataset, batch_size=4, shuffle=True, generator=generator)
    before, random, order = take_snapshot(patient.model), torch.get_rng_state(), generator.get_state()
    patient.diagnose()
    assert not changes_since(before, patient.model)
    assert torch.equal(torch.get_rng_state(), random) and torch.equal(generator.get_state(), order)
    assert all(p.grad is None for p in patient.model.parameters())


def test_is_a_wrong_head_name_or_an_empty_loader_a_clear_sentence():
    patient = Patient()
    with pytest.raises(CourseError, match="no layer 'classifier': its parts are stem, blocks, neck, fc"):
        patient.diagnose(head_name="classifier")
    patient.loader = []
    with pytest.raises(CourseError, match="gives no batch"):
        patient.diagnose()
