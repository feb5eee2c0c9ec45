"""LoRA beside releasing whole stages, with several seeds: the table of lesson 12.

Each seed draws its own images, head and order of batches. The head learns for five epochs as in the recipe, on features that are
computed once. From this same start each way learns for ten more, and keeps its best epoch's weights by validation accuracy.

python -m helpers lora --seeds 5
"""

import copy
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean

import torch
from torch import nn

from helpers import parameters
from helpers.checks.not_only_resnet.to_adapt import around, mixes_channels
from helpers.course import settings
from helpers.data import batches
from helpers.data.splits import course_splits
from helpers.models import backbones
from helpers.training import features
from helpers.training.loop import fit, measure
from helpers.training.recipe import FINE_TUNE_EPOCHS, FINE_TUNE_LR, phases, released_blocks
from helpers.training.recordings import as_json, machine
from helpers.training.run_phases import PhaseInputs, run_phases

RECORDED = Path(__file__).parents[1] / "training" / "recorded" / "lora.json"
# Of the rates 1e-3 and 3e-3 the better one by validation accuracy with seed 0, in all blocks (0.938 and 0.958).
RANK, ALPHA, LORA_LR = 4, 8.0, 3e-3


@dataclass(frozen=True)
class Way:
    """What learns beside the head.

    Attributes:
        title: in words.
        blocks: of so many last residual blocks; None: of all of them.
        rank: of the updates of their convolutions of kernel size 1; None: the blocks' own weights learn.
        lr: Adam's rate.
    """

    title: str
    blocks: int | None
    rank: int | None
    lr: float


@dataclass(frozen=True)
class Outcome:
    """One way with one seed.

    Attributes:
        way: key of `ways`.
        seed: of images, head and order of batches.
        val, test: accuracies in [0, 1].
        trainable: scalars.
        seconds: processor time, with the head's epochs, the frozen part and validation.
    """

    way: str
    seed: int
    val: float
    test: float
    trainable: int
    seconds: float


def ways() -> dict[str, Way]:
    """What is compared, in the order of the table."""
    stages = released_blocks(backbones.course_backbone())
    return {
        "stages": Way("the last two stages themselves", stages, None, FINE_TUNE_LR),
        "lora_stages": Way(f"LoRA of rank {RANK} in the last two stages", stages, RANK, LORA_LR),
        "lora_all": Way(f"LoRA of rank {RANK} in all blocks", None, RANK, LORA_LR),
    }


def adapt(backbone: backbones.Backbone, model: nn.Module, blocks: int, rank: int) -> None:
    """Put updates beside the convolutions of kernel size 1 in the last blocks: only they and the head learn."""
    model.requires_grad_(False)
    inside = tuple(f"{name}." for names in backbone.block_names(model)[-blocks:] for name in names)
    names = [name for name, module in model.named_modules() if f"{name}.".startswith(inside) and mixes_channels(module)]
    for name in names:
        layer = model.get_submodule(name)
        lora = around(layer, rank, ALPHA)
        nn.init.zeros_(lora.up.weight)
        model.set_submodule(name, lora.to(memory_format=torch.channels_last))
    backbone.head(model).requires_grad_(True)


def run_seed(seed: int, chosen: Sequence[str]) -> list[Outcome]:
    """Train with one seed in each of these ways, from one and the same trained head."""
    course = replace(settings.load(), seed=seed)
    backbone, splits = backbones.get(course.backbone), course_splits(course)
    model = backbones.with_new_head(backbone, num_classes=len(splits.class_names), seed=seed)
    datasets = batches.to_datasets(splits, backbone.transform(course.image_size))
    began = time.process_time()
    head = phases(backbone)[0]
    seen = {name: datasets[name] for name in ("train", "val")}
    inputs = PhaseInputs(backbone, model, seen, [head], batch_size=course.batch_size, seed=seed, on_disk=False)
    run_phases(inputs, [head], keep_best=False)
    spent, found = time.process_time() - began, []
    for key in chosen:
        way, learner, began = ways()[key], copy.deepcopy(model), time.process_time()
        blocks = way.blocks or len(backbone.residual_blocks(learner))
        torch.manual_seed(seed)
        if way.rank:
            adapt(backbone, learner, blocks, way.rank)
        else:
            for block in backbone.residual_blocks(learner)[-blocks:]:
                block.requires_grad_(True)
        front, tail = features.split_model(backbone, learner.eval(), blocks)
        options = {"batch_size": course.batch_size, "on_disk": False, "progress": False}
        maps = {name: features.compute_once(front, datasets[name], **options) for name in ("train", "val")}
        loaders = batches.make_loaders(maps, batch_size=course.batch_size, seed=seed)
        optimizer = torch.optim.Adam([p for p in tail.parameters() if p.requires_grad], lr=way.lr)
        fit(tail, loaders["train"], loaders["val"], optimizer, num_epochs=FINE_TUNE_EPOCHS, phase="fine-tune", progress=False)
        seconds = round(spent + time.process_time() - began, 1)
        test = measure(learner, batches.make_loader(datasets["test"], batch_size=course.batch_size))["accuracy"]
        accuracies = {"val": measure(tail, loaders["val"])["accuracy"], "test": test}
        found.append(Outcome(key, seed, trainable=parameters.count(learner).trainable, seconds=seconds, **accuracies))
    return found


def recorded() -> list[Outcome]:
    """The recorded outcomes, way by way and seed by seed."""
    return [Outcome(**entry) for entry in json.loads(RECORDED.read_text(encoding="utf-8"))["outcomes"]]


def table(outcomes: Sequence[Outcome]) -> str:
    """One row for each way: accuracies as mean and range over the seeds."""
    rows = ["| beside the head learns | trainable | test accuracy | lowest to highest | CPU-seconds |"]
    rows.append("|:---|---:|---:|---:|---:|")
    for key, way in ways().items():
        those = [outcome for outcome in outcomes if outcome.way == key]
        tests = [outcome.test for outcome in those]
        spread = f"{min(tests):.3f} to {max(tests):.3f}"
        seconds = fmean(outcome.seconds for outcome in those)
        rows.append(f"| {way.title} | {those[0].trainable:,} | {fmean(tests):.3f} | {spread} | {seconds:.0f} |")
    return "\n".join(rows)


def main(seeds: int) -> list[Outcome]:
    """Run all ways with this many seeds and write the recording."""
    outcomes: list[Outcome] = []
    for seed in range(seeds):
        outcomes += run_seed(seed, list(ways()))
        content = {"made_on": machine(), "outcomes": [asdict(outcome) for outcome in outcomes]}
        RECORDED.write_text(as_json(content, ["outcomes"]) + "\n", encoding="utf-8", newline="\n")
        print(*outcomes[-3:], sep="\n", flush=True)
    return outcomes
