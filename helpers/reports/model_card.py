"""A model card made from a run: what a model is, what it was measured to do, and what nobody measured.

The idea and its parts: M. Mitchell et al., Model Cards for Model Reporting, 2019, https://arxiv.org/abs/1810.03993. The block at
the top is what the Hugging Face Hub reads: https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from helpers.data.own_images import wilson

if TYPE_CHECKING:
    from helpers.inspection.predictions import Predictions

WEAKEST = 3  # classes that are named, and confusions
FEWEST = 5  # images of a class, below which its share says too little


def model_card(
    title: str,
    answers: Predictions,
    *,
    class_names: Sequence[str],
    transform: Mapping,
    provenance: Mapping,
    onnx: tuple[int, float],
) -> str:
    """The card as Markdown.

    Args:
        title: what the model is called.
        answers: to test images that were looked at once.
        class_names: in the order of the outputs.
        transform: the preparation's numbers.
        provenance: what it was made of, by whom, under which terms; its ``"licence"`` goes to the top as well.
        onnx: on how many images its ONNX file was checked, and the largest difference of a probability there.
    """
    low, high = wilson(int(answers.right.sum()), len(answers))
    made_of = {**provenance, "transform": json.dumps(dict(transform))}
    return "\n".join(
        [
            "---", f"license: {_word(provenance.get('licence', 'other'))}", "pipeline_tag: image-classification", "---", "",
            f"# {title}", "",
            f"**In:** one RGB photograph, prepared as `transform` says. **Out:** {len(class_names)} logits, in this order: "
            f"{', '.join(class_names)}.", "",
            "## Measured", "",
            f"Right for {int(answers.right.sum())} of {len(answers)} test images: {answers.accuracy:.3f}, 95 % interval "
            f"{low:.3f} to {high:.3f}. Mean confidence {float(answers.confidence.mean()):.3f}.", "",
            *_weakest(answers, class_names), "",
            f"The ONNX file: the same labels on {onnx[0]} images, and no probability off by more than {onnx[1]:.1e}.", "",
            "## Made of", "", "| part | what it is |", "|:---|:---|",
            *(f"| {_cell(key)} | {_cell(value)} |" for key, value in made_of.items()), "",
            "## Not measured", "",
            "- Images from another source than the test images': another camera, other writers, other light.",
            f"- Things that belong to none of the {len(class_names)} classes: the model names one of them all the same.",
            "- Whether a confidence can be taken for a frequency outside these test images.", "",
        ]
    )  # fmt: skip


def _weakest(answers: Predictions, class_names: Sequence[str]) -> list[str]:
    """The classes that fared worst, a line each, with the class that they were taken for."""
    rows = []
    for label, name in enumerate(class_names):
        own = answers.labels == label
        wrong = answers.classes[own & ~answers.right].tolist()
        if int(own.sum()) >= FEWEST and wrong:
            other = max(set(wrong), key=wrong.count)
            share = 1 - len(wrong) / int(own.sum())
            rows.append((share, f"- {name}: {share:.2f} of {int(own.sum())}, most often taken for {class_names[other]}"))
    if answers.right.all():
        return ["No mistake was seen."]
    few = f"No class with a mistake has {FEWEST} test images: too few to name the weakest."
    return ["Its weakest classes:", "", *(line for _, line in sorted(rows)[:WEAKEST])] if rows else [few]


def _word(value: object) -> str:
    """A licence as the Hub writes it: small letters, no spaces."""
    return "-".join(str(value).lower().split())


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
