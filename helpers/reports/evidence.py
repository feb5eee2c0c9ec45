"""What can be measured of a strategy once it has run: its answers, what it changed, and what one step of each phase moves.

As in lesson 10:

    evidence = gather(backbone, model, chosen, config, (short, loaders, result), control=(other, its_loaders, its_result))
    evidence.claims    # what that supports, claim by claim
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape

import torch
from torch import nn
from torch.utils.data import DataLoader

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.course.palette import SOFT_INK
from helpers.course.paper import paper
from helpers.data import batches
from helpers.data.own_images import ChosenImages
from helpers.inspection.predictions import Predictions, predict
from helpers.inspection.snapshot import same_tensor
from helpers.inspection.step_probe import Probe, probe
from helpers.models.backbones import Backbone
from helpers.reports import claims
from helpers.training import features
from helpers.training.baselines import Baseline, strongest
from helpers.training.history import History
from helpers.training.loop import measure, set_modes

PHASES = ("head", "fine_tune")
PROBED_IMAGES = 16  # one step needs no more to show what moves
RESULT_KEYS = ("history", "trainable", "test")
RunOf = tuple[nn.Module, Mapping[str, DataLoader], Mapping]


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that was measured of one strategy.

    Attributes:
        chosen: the images.
        backbone: the pre-trained network.
        config: what `run_strategy` was handed.
        history: its records, over both phases.
        trainable: phase -> scalars that were trainable.
        val_accuracy: of the model as it was left, on the validation images, measured again.
        test: its answers to the test images.
        control: the head alone's answers to the same images, and its epochs; None if there was no control.
        baseline: the strongest classifier on raw pixels, by validation; None if none was fitted.
        kept: what was to stay as it was loaded, compared.
        probes: phase -> one probed step of it.
    """

    chosen: ChosenImages
    backbone: Backbone
    config: Mapping
    history: History
    trainable: Mapping[str, int]
    val_accuracy: float
    test: Predictions
    control: tuple[Predictions, int] | None
    baseline: Baseline | None
    kept: claims.Kept
    probes: Mapping[str, Probe] = field(repr=False)

    @cached_property
    def claims(self) -> tuple[claims.Claim, ...]:
        """What the measurements support, and what not."""
        control, epochs = self.control or (None, None)
        return (
            claims.beats_guessing(self.test, self.chosen.majority()),
            claims.beats_control(self.test, len(self.history), control, epochs),
            claims.beats_baseline(self.test, self.baseline and self.baseline.title, self.baseline and self.baseline.answers),
            claims.finds_each_class(self.test, self.chosen.class_names),
            claims.kept_still(self.kept),
            claims.has_best_weights(self.history, self.val_accuracy),
            claims.best_before_the_end(self.history),
            claims.no_overfitting(self.history),
        )

    @property
    def released_at(self) -> int | None:
        """The first epoch of fine-tuning, if both phases have epochs."""
        both = self.config["head_epochs"] and self.config["fine_tune_epochs"]
        return self.config["head_epochs"] + 1 if both else None

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.claims))

    def _repr_html_(self) -> str:
        items = []
        for claim in self.claims:
            sign, colour = claims.LOOKS[claim.outcome]
            outcome = f"<b style='color:{colour}'><span aria-hidden='true'>{sign}</span> {claim.outcome}</b>"
            sentence = f"<b>{escape(claim.sentence)}</b><br><span style='color:{SOFT_INK}'>{escape(claim.evidence)}</span>"
            items.append(f"<li style='margin:.5em 0'>{outcome} &nbsp; {sentence}</li>")
        return paper(f"<ul style='list-style:none;padding:0;margin:0'>{''.join(items)}</ul>")


def gather(
    backbone: Backbone,
    model: nn.Module,
    chosen: ChosenImages,
    config: Mapping,
    run: RunOf,
    *,
    control: RunOf | None = None,
    on_pixels: Mapping[str, Baseline] | None = None,
) -> Evidence:
    """The evidence of a run of `run_strategy`: measured again on the trained model, not copied from what the run says.

    Args:
        backbone: the description of `model`.
        model: the pre-trained model with its old head; not changed.
        chosen: the images.
        config: what `run_strategy` was handed.
        run: (the model that it trained, from `helpers.training.features.shortened`; the loaders of that model; what it returned).
            Nothing is changed; ``"test"`` is not shuffled.
        control: the same three of a run with the head alone, on the same images.
        on_pixels: what `helpers.training.baselines.on_pixels` found on the same images.

    Raises:
        CourseError: the result lacks a part, or has no epoch; the baselines are those of other images.
    """
    short, loaders, result = run
    for one in (result, *([control[2]] if control else [])):
        missing = [key for key in RESULT_KEYS if not isinstance(one, Mapping) or key not in one]
        if missing or not one["history"]:
            lacking = ", ".join(missing) or "records in its history"
            raise CourseError(f"The result lacks {lacking}: run_strategy returns a dict with {', '.join(RESULT_KEYS)}.")
    test, baseline = predict(short, loaders["test"]), strongest(on_pixels) if on_pixels else None
    if baseline and not _of_these(baseline, test):
        raise CourseError(
            "These baselines are of different images: call baselines.on_pixels(chosen.splits) with those chosen here."
        )
    answers = (predict(control[0], control[1]["test"]), len(control[2]["history"])) if control else None
    return Evidence(
        chosen=chosen,
        backbone=backbone,
        config=dict(config),
        history=History.of(result["history"]),
        trainable=dict(result["trainable"]),
        val_accuracy=measure(short, loaders["val"])["accuracy"],
        test=test,
        control=answers,
        baseline=baseline,
        kept=_kept(model, config, short),
        probes=_probes(backbone, model, chosen, config, short),
    )


def _of_these(baseline: Baseline, test: Predictions) -> bool:
    """Whether the baseline's answers to these images are right as often as it says."""
    right = torch.as_tensor(baseline.answers) == test.labels if len(baseline.answers) == len(test) else None
    return right is not None and abs(float(right.float().mean()) - baseline.test_accuracy) < claims.CLOSE


def _kept(model: nn.Module, config: Mapping, short: nn.Module) -> claims.Kept:
    """What of the trained model still is what the pre-trained one has."""
    learning, before = _released_names(short, config), model.state_dict()
    stay = {name for name in short.state_dict() if name not in learning}
    moved = [name for name, tensor in short.state_dict().items() if name in stay and not same_tensor(before[name], tensor)]
    own = {name for name, _ in short.named_parameters()}
    front = [name for name, _ in model.named_parameters() if name not in own]
    return claims.Kept(len(learning), len(front), len(stay & own), len(stay - own), tuple(moved))


def _released_names(model: nn.Module, config: Mapping) -> set[str]:
    """Names of the parameters that the config lets learn in the end."""
    parts = [[config["head_name"]], *config["blocks"][len(config["blocks"]) - config["released_blocks"] :]]
    ids = {id(p) for names in parts for name in names for p in model.get_submodule(name).parameters()}
    return {name for name, p in model.named_parameters() if id(p) in ids}


def _probes(backbone: Backbone, model: nn.Module, chosen: ChosenImages, config: Mapping, short: nn.Module) -> dict[str, Probe]:
    """Phase -> one step on a copy of the whole model, with flags, modes and rate as the config has them in that phase."""
    whole, probes = features.whole_again(backbone, model, short), {}
    images = batches.to_dataset(chosen.splits.train, backbone.transform(settings.load().image_size))
    batch = next(iter(batches.make_loader(images, batch_size=min(PROBED_IMAGES, len(images)))))
    for phase in PHASES:
        names = _released_names(whole, {**config, "released_blocks": 0} if phase == "head" else config)
        for name, parameter in whole.named_parameters():
            parameter.requires_grad = name in names
        set_modes(whole)
        optimizer = torch.optim.Adam([p for p in whole.parameters() if p.requires_grad], lr=config[f"{phase}_lr"])
        if config[f"{phase}_epochs"]:
            probes[phase] = probe(whole, optimizer, batch)
    return probes
