"""What "freeze" does in other libraries: each freezes a small model, trains one epoch, and this course's probe says what moved.

    python docs/other_libraries.py                     # own environment in a temporary folder (7 GB on Linux), then the page
    python docs/other_libraries.py --python PYTHON     # an environment that has the packages already

It writes the tables of docs/other-libraries.md. The course itself and its tests need none of these packages.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import venv
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "other-libraries.md"
PACKAGES = {
    "torch": "2.14.1", "torchvision": "0.29.1", "timm": "1.0.31", "fastai": "2.8.12", "lightning": "2.6.6", "skorch": "1.4.0",
    "keras": "3.15.1", "peft": "0.21.2", "transformers": "5.24.0", "accelerate": "1.15.0", "torchinfo": "1.8.0",
    "thop": "0.1.1.post2209072238",
}  # fmt: skip
HEADS = ("tf_efficientnet_lite0", "mobilenetv3_small_100", "mnasnet_small", "vit_tiny_patch16_224", "convnext_atto", "resnet18")


@dataclass(frozen=True)
class Row:
    """One way to freeze, after one epoch.

    Attributes:
        library, way: whose, and how.
        weights, statistics: of the base's, how many changed, in words.
        held: what the optimizer holds of the frozen tensors.
        again: what the library's own unfreezing brings back.
    """

    library: str
    way: str
    weights: str
    statistics: str
    held: str
    again: str = "–"


# ------------------------------------------------------------ the model, its images, and the probe
def network():
    """A base (convolution, BatchNorm) of 4 parameters and 3 statistics, and a head."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    base = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(OrderedDict(base=base, head=nn.Linear(8, 3)))


def batches():
    """32 images (3, 8, 8), whose mean is 1, in batches of 8, with labels of three classes."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(1)
    return DataLoader(TensorDataset(torch.randn(32, 3, 8, 8) + 1, torch.randint(3, (32,))), batch_size=8)


def seen(library: str, way: str, before, model, optimizer=None, again: str = "–", head: str = "head") -> Row:
    """The row of a model that was snapped before its epoch."""
    from helpers.inspection.snapshot import changes_since

    changes = changes_since(before, model)
    base = [name for name in before.parameters if head not in name and "lora" not in name]
    statistics = [name for name in before.buffers if head not in name]
    moved = [name for name in base if name in changes.parameters], [name for name in statistics if name in changes.buffers]
    held = {id(p) for group in (optimizer.param_groups if optimizer else []) for p in group["params"]}
    frozen = [p for name, p in model.named_parameters() if name in base and not p.requires_grad]
    of_base = f"{sum(id(p) in held for p in frozen)} of {len(frozen)}" if optimizer else "–"
    return Row(library, way, f"{len(moved[0])} of {len(base)}", f"{len(moved[1])} of {len(statistics)}", of_base, again)


def epoch(model, optimizer) -> None:
    """One epoch as torchvision's reference script runs it: `model.train()` first."""
    from torch.nn.functional import cross_entropy

    model.train()
    for images, labels in batches():
        optimizer.zero_grad()
        cross_entropy(model(images), labels).backward()
        optimizer.step()


def state(base) -> str:
    """What is trainable in the base, and its BatchNorm's mode."""
    flags = [p.requires_grad for p in base.parameters()]
    modes = {m.training for m in base.modules() if type(m).__name__ == "BatchNorm2d"}
    norm = f"BatchNorm in {'train' if True in modes else 'eval'} mode" if modes else "no BatchNorm"
    return f"{sum(flags)} of {len(flags)} trainable, {norm}"


def sgd(model):
    """SGD over what is trainable."""
    import torch

    return torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)


# ------------------------------------------------------------ the libraries
def plain() -> Iterator[Row]:
    """torch with torchvision's loop, torchvision's FrozenBatchNorm2d, and this course."""
    from torchvision.ops import FrozenBatchNorm2d

    from helpers.inspection.snapshot import take_snapshot
    from helpers.training.loop import set_modes, train_epoch

    model = network()
    model.base.requires_grad_(False)
    before, optimizer = take_snapshot(model), sgd(model)
    epoch(model, optimizer)
    model.base.requires_grad_(True)
    again = state(model.base)
    model.base.requires_grad_(False)
    yield seen("torch, torchvision's loop", "`base.requires_grad_(False)`, `model.train()`", before, model, optimizer, again)
    model = network()
    model.base[1] = FrozenBatchNorm2d(8)
    model.base.requires_grad_(False)
    before, optimizer = take_snapshot(model), sgd(model)
    epoch(model, optimizer)
    row = seen("torchvision", "`ops.FrozenBatchNorm2d` in BatchNorm's place", before, model, optimizer)
    model.base.requires_grad_(True)
    yield Row(**asdict(row) | {"again": state(model.base)})
    model = network()
    model.base.requires_grad_(False)
    before, optimizer = take_snapshot(model), sgd(model)
    set_modes(model)
    train_epoch(model, batches(), optimizer)
    yield seen("this course", "`base.requires_grad_(False)`, `set_modes(model)`", before, model, optimizer)


def timm() -> Iterator[Row]:
    """timm's own freeze and unfreeze, in a model in eval mode."""
    from timm.utils import freeze, unfreeze

    from helpers.inspection.snapshot import take_snapshot

    model = network()
    freeze(model, ["base"])
    before, optimizer = take_snapshot(model), sgd(model)
    epoch(model, optimizer)
    row = seen("timm", '`timm.utils.freeze(model, ["base"])`', before, model, optimizer)
    model.eval()
    unfreeze(model, ["base"])
    yield Row(**asdict(row) | {"again": f"{state(model.base)}, in a model in eval mode"})


def fastai() -> Iterator[Row]:
    """Learner.freeze with each setting of BatchNorm."""
    from fastai.vision.all import SGD, BnFreeze, CrossEntropyLossFlat, DataLoaders, Learner, params

    from helpers.inspection.snapshot import take_snapshot

    for train_bn in (True, False):
        for callbacks in ([], [BnFreeze]):
            model = network()
            learner = Learner(
                DataLoaders(batches(), batches()), model, loss_func=CrossEntropyLossFlat(), opt_func=SGD, train_bn=train_bn,
                splitter=lambda model: [params(model.base), params(model.head)], cbs=callbacks,
            )  # fmt: skip
            learner.freeze()
            before = take_snapshot(model)
            with learner.no_bar(), learner.no_logging():
                learner.fit(1, 0.1)
            held = {id(p) for group in learner.opt.param_lists for p in group}
            frozen = [p for p in model.base.parameters() if not p.requires_grad]
            words = f"`freeze()`, `train_bn={train_bn}`{', `BnFreeze`' if callbacks else ''}"
            row = asdict(seen("fastai", words, before, model))
            learner.unfreeze()
            row |= {"held": f"{sum(id(p) in held for p in frozen)} of {len(frozen)}", "again": state(model.base)}
            yield Row(**row)


def lightning() -> Iterator[Row]:
    """A module that freezes for itself, the finetuning callbacks, and weight averaging."""
    import lightning as L
    import torch
    from lightning.pytorch.callbacks import BackboneFinetuning, BaseFinetuning, StochasticWeightAveraging
    from torch.nn.functional import cross_entropy

    from helpers.inspection.snapshot import take_snapshot

    class Module(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.backbone, self.head = network().base, network().head

        def training_step(self, batch, _):
            return cross_entropy(self.head(self.backbone(batch[0])), batch[1])

        def configure_optimizers(self):
            return sgd(self)

    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    averaging = StochasticWeightAveraging(swa_lrs=0.1, swa_epoch_start=1)
    ways: dict[str, tuple[Callable, list, int]] = {
        "`backbone.requires_grad_(False)`": (lambda m: m.requires_grad_(False), [], 1),
        "the same, and `backbone.eval()`": (lambda m: m.requires_grad_(False).eval(), [], 1),
        "`BaseFinetuning.freeze(backbone)`": (BaseFinetuning.freeze, [], 1),
        "`BaseFinetuning.freeze(backbone, train_bn=False)`": (lambda m: BaseFinetuning.freeze(m, train_bn=False), [], 1),
        "`BackboneFinetuning(train_bn=False)`": (lambda m: m, [BackboneFinetuning(5, train_bn=False)], 1),
        "`backbone.eval()`, `StochasticWeightAveraging`": (lambda m: m.requires_grad_(False).eval(), [averaging], 3),
    }
    for words, (prepare, callbacks, epochs) in ways.items():
        module = Module()
        with torch.no_grad():
            module.backbone[1].running_mean.fill_(0.5)  # statistics that were learned before
            module.backbone[1].running_var.fill_(2.0)
        prepare(module.backbone)
        before, trainer = take_snapshot(module), L.Trainer(max_epochs=epochs, accelerator="cpu", callbacks=callbacks, **quiet)
        trainer.fit(module, batches())
        row = asdict(seen("Lightning", words, before, module, trainer.optimizers[0]))
        norm = module.backbone[1]
        if epochs > 1:
            mean, variance = norm.running_mean.unique().tolist(), norm.running_var.unique().tolist()
            row |= {"held": "–", "again": f"afterwards the means are {mean}, the variances {variance}"}
        elif "BaseFinetuning" in words:
            BaseFinetuning.make_trainable(module.backbone)
            row |= {"again": state(module.backbone)}
        yield Row(**row)


def skorch() -> Iterator[Row]:
    """The Freezer callback."""
    from skorch import NeuralNetClassifier
    from skorch.callbacks import Freezer
    from torch import nn

    from helpers.inspection.snapshot import take_snapshot

    options = {"criterion": nn.CrossEntropyLoss, "max_epochs": 1, "lr": 0.1, "train_split": None, "verbose": 0}
    net = NeuralNetClassifier(network(), callbacks=[Freezer("base.*")], **options).initialize()
    before, (images, labels) = take_snapshot(net.module_), batches().dataset.tensors
    net.partial_fit(images.numpy(), labels.numpy())
    yield seen("skorch", '`Freezer("base.*")`', before, net.module_, net.optimizer_)


def keras() -> Iterator[Row]:
    """Layers of Keras on torch: its own flag, and torch's."""
    from keras import Sequential, layers, losses, optimizers

    from helpers.inspection.snapshot import changes_since, take_snapshot

    def by_torch(base):
        base.requires_grad_(False)
        base.eval()

    for words, freeze in {
        "`base.trainable = False`": lambda base: setattr(base, "trainable", False),
        "`base.requires_grad_(False)`, `base.eval()`": by_torch,
    }.items():
        parts = [layers.Input((8, 8, 3)), layers.Conv2D(8, 3), layers.BatchNormalization(), layers.GlobalAveragePooling2D()]
        base = Sequential(parts, name="base")
        model = Sequential([base, layers.Dense(3, name="head")])
        freeze(base)
        model.compile(optimizer=optimizers.SGD(0.1), loss=losses.SparseCategoricalCrossentropy(from_logits=True))
        before, (images, labels) = take_snapshot(model), batches().dataset.tensors
        model.fit(images.permute(0, 2, 3, 1).numpy(), labels.numpy(), batch_size=8, epochs=1, verbose=0)
        names = [name for name in before.parameters if "head" not in name]
        moving = [name for name in names if "moving" in name]
        changed, held = changes_since(before, model).parameters, [v.path for v in model.optimizer._trainable_variables]
        of_base = [path for path in held if "head" not in path]
        counts = [f"{len(changed & {*which})} of {len(which)}" for which in ([n for n in names if n not in moving], moving)]
        base.trainable = True
        again = f"{len(base.trainable_variables)} of 4 trainable"
        yield Row("Keras on torch", words, *counts, f"{len(of_base)} of 4", again)


def peft() -> Iterator[Row]:
    """LoRA on the convolution, the head saved with it."""
    from peft import LoraConfig, get_peft_model

    from helpers.inspection.snapshot import take_snapshot

    model = get_peft_model(network(), LoraConfig(r=2, lora_alpha=4, target_modules=["base.0"], modules_to_save=["head"]))
    before, optimizer = take_snapshot(model), sgd(model)
    epoch(model, optimizer)
    row = asdict(seen("PEFT", "`get_peft_model`: LoRA on the convolution", before, model, optimizer))
    yield Row(**row | {"again": f"`merge_and_unload()`: {state(model.merge_and_unload().base)}"})


def transformers() -> Iterator[Row]:
    """Trainer with a small ResNet of the library's own."""
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification, Trainer, TrainingArguments

    from helpers.inspection.snapshot import take_snapshot

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], layer_type="basic", num_labels=3)
    model, (images, labels) = ResNetForImageClassification(config), batches().dataset.tensors
    model.resnet.requires_grad_(False)
    large = torch.nn.functional.interpolate(images, size=32)
    data = [{"pixel_values": image, "labels": label} for image, label in zip(large, labels, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"report_to": [], "save_strategy": "no", "disable_tqdm": True, "use_cpu": True, "logging_strategy": "no"}
        arguments = TrainingArguments(folder, num_train_epochs=1, per_device_train_batch_size=8, learning_rate=0.01, **quiet)
        before, trainer = take_snapshot(model), Trainer(model, arguments, train_dataset=data)
        trainer.train()
    words = "`Trainer`, `base_model.requires_grad_(False)`"
    row = seen("transformers", words, before, model, trainer.optimizer, head="classifier")
    model.base_model.requires_grad_(True)
    yield Row(**asdict(row) | {"again": state(model.base_model)})


def looks() -> list[tuple[str, str, str]]:
    """(what looks at the model; the mode of the base's BatchNorm, where all else was in train mode; of the head)."""
    import thop
    import torch
    import torchinfo
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    rows = []
    for words, look in {
        "`torchinfo.summary(model, (2, 3, 8, 8))`": lambda model: torchinfo.summary(model, (2, 3, 8, 8), verbose=0),
        "`thop.profile(model, (images,))`": lambda model: thop.profile(model, (torch.zeros(2, 3, 8, 8),), verbose=False),
        "`create_feature_extractor(model, ...)`": lambda model: create_feature_extractor(model, {"base": "maps"}),
        "`get_graph_node_names(model)`": get_graph_node_names,
    }.items():
        awake, asleep = network().train(), network().eval()
        awake.base.eval()
        asleep.head.train()
        for model in (awake, asleep):
            look(model)
        rows.append((words, *("train" if part.training else "eval" for part in (awake.base[1], asleep.head))))
    return rows


def by_hand() -> str:
    """LoRA as lesson 12 writes it beside PEFT's, with the same matrices, on the first layer of a network of its own."""
    import torch
    from peft import LoraConfig, get_peft_model
    from torch import nn

    from helpers import parameters
    from helpers.checks.not_only_resnet.to_adapt import around

    ours, theirs = (nn.Sequential(nn.Conv2d(3, 8, 1, stride=2), nn.Flatten(), nn.Linear(128, 5)) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    adapted = get_peft_model(theirs, LoraConfig(r=2, lora_alpha=4, target_modules=["0"]))
    ours.requires_grad_(False)
    ours[0] = around(ours[0], 2, 4.0)
    layer = theirs[0]
    with torch.no_grad():
        layer.lora_A["default"].weight.copy_(ours[0].down.weight)
        layer.lora_B["default"].weight.copy_(ours[0].up.weight)
        images = next(iter(batches()))[0]
        apart = (ours(images) - adapted(images)).abs().max().item()
        lora = ours[0]
        update = lora.scale * lora.up.weight.flatten(1) @ lora.down.weight.flatten(1)
        merged = lora.layer.weight + update.view_as(lora.layer.weight)
        weight = adapted.merge_and_unload()[0].weight
    counts = [parameters.count(model).trainable for model in (ours, get_peft_model(
        nn.Sequential(nn.Conv2d(3, 8, 1, stride=2)), LoraConfig(r=2, lora_alpha=4, target_modules=["0"])))]  # fmt: skip
    rows = (
        ("trainable, by hand and by PEFT", f"{counts[0]} and {counts[1]}"),
        ("largest difference of a logit", f"{apart:.1e}"),
        ("largest difference of a merged weight", f"{(weight - merged).abs().max().item():.1e}"),
    )
    return "\n".join(["| what | value |", "|:---|---:|", *(f"| {what} | {value} |" for what, value in rows)])


def surprises() -> list[tuple[str, str]]:
    """(what is done, what comes of it) where a release or a new head does something else than it seems to."""
    import copy

    import timm
    import torch
    from lightning.pytorch.callbacks import BaseFinetuning
    from torch import nn
    from torch.optim import SGD, lr_scheduler

    rows = []
    for way, options in {"ConstantLR": {"factor": 0.1}, "LinearLR": {"start_factor": 0.1}}.items():
        first, late = nn.Linear(2, 2), nn.Linear(2, 2)
        optimizer = SGD(first.parameters(), lr=0.1)
        scheduler = getattr(lr_scheduler, way)(optimizer, total_iters=3, **options)
        optimizer.add_param_group({"params": late.parameters(), "lr": 0.1})
        for _ in range(5):
            optimizer.step()
            scheduler.step()
        rates = [f"{group['lr']:.2g}" for group in optimizer.param_groups]
        rows.append((f"torch: a group with lr 0.1 joins under `{way}`", f"at the end the rates are {' and '.join(rates)}"))
    weight = nn.Parameter(torch.ones(1))
    twice = SGD([weight, weight], lr=0.1)
    weight.grad = torch.ones(1)
    twice.step()
    rows.append(("torch: a tensor twice in one group, gradient 1, lr 0.1", f"a warning; one step makes 1 to {weight.item():.1f}"))
    images = next(iter(batches()))[0]
    exported = torch.export.export(network().train(), (images,))
    program, listed = exported.module(), len(exported.graph_signature.buffers_to_mutate)
    before = {name: buffer.clone() for name, buffer in program.named_buffers()}
    program(images)
    moved = sum(not torch.equal(buffer, before[name]) for name, buffer in program.named_buffers())
    rows.append(
        ("torch: `torch.export` in train mode", f"its signature lists {listed} buffers that change; a call changes {moved}")
    )
    branch = nn.Linear(3, 2)
    twin, optimizer = copy.deepcopy(branch).requires_grad_(False), SGD(branch.parameters(), lr=0.1)
    BaseFinetuning.unfreeze_and_add_param_group(twin, optimizer)
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    added = sum(id(p) in held for p in twin.parameters())
    words = "Lightning: `unfreeze_and_add_param_group` of a branch whose weights equal those of one that is held"
    rows.append((words, f"a warning; {added} of 2 tensors join the optimizer"))
    for name in HEADS:
        made, reset = timm.create_model(name, num_classes=10), timm.create_model(name)
        reset.reset_classifier(10)
        spreads = " and ".join(f"{model.get_classifier().weight.std().item():.2g}" for model in (made, reset))
        words = f"timm's {name}: a head by `create_model(num_classes=10)` and by `reset_classifier(10)`"
        rows.append((words, f"weights of spread {spreads}"))
    return rows


LIBRARIES = (plain, timm, fastai, lightning, skorch, keras, peft, transformers)


# ------------------------------------------------------------ the page
def tables() -> dict[str, str]:
    """Name -> Markdown."""
    from importlib.metadata import version

    head = "| library | frozen by | base's weights moved | its statistics moved | frozen in the optimizer | unfrozen again |"
    rows = [head, "|:---|:---|---:|---:|---:|:---|"]
    rows += [f"| {' | '.join(asdict(row).values())} |" for library in LIBRARIES for row in library()]
    looked = ["| what looks | base's BatchNorm, was eval | head, was train |", "|:---|:---|:---|"]
    looked += [f"| {' | '.join(row)} |" for row in looks()]
    found = "\n".join(["| what is done | what comes of it |", "|:---|:---|", *(f"| {a} | {b} |" for a, b in surprises())])
    python = ".".join(map(str, sys.version_info[:3]))
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    made = f"Made with Python {python}, {versions}."
    return {"freeze": "\n".join(rows), "looks": "\n".join(looked), "by-hand": by_hand(), "surprises": found, "versions": made}


def main() -> None:
    """Make the environment if need be, measure in it, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", help="an interpreter that has the packages")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if chosen.inside:
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        print(json.dumps(tables()))
        return
    from helpers.upkeep.recorded_tables import filled

    with tempfile.TemporaryDirectory() as folder:
        python = chosen.python or _environment(Path(folder))
        command = [python, __file__, "--inside"]
        done = subprocess.run(
            command, env={**os.environ, "KERAS_BACKEND": "torch"}, stdout=subprocess.PIPE, text=True, check=True
        )
    page = filled(PAGE.read_text(encoding="utf-8"), json.loads(done.stdout.splitlines()[-1]))
    PAGE.write_text(page, encoding="utf-8", newline="\n")


def _environment(folder: Path) -> str:
    """The interpreter of a new environment with the packages in it, and with what the course's probe needs."""
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    packages = [f"{name}=={version}" for name, version in PACKAGES.items()]
    subprocess.run([python, "-m", "pip", "install", "-q", *packages, "-r", str(ROOT / "requirements.txt")], check=True)
    return python


if __name__ == "__main__":
    main()
