"""Does a model card say what was measured, and where the numbers come from?"""

import torch

from helpers.inspection.predictions import Predictions
from helpers.reports import model_card

TOLD = {
    "class_names": ["cat", "dog"], "transform": {"crop": 32},
    "provenance": {"licence": "CC BY 4.0", "data": "photo|graphs\nof mine", "seed": 3},
}  # fmt: skip


def answers(*classes: int) -> Predictions:
    """As many images of either class, with these answers."""
    half = len(classes) // 2
    return Predictions(torch.tensor([0] * half + [1] * half), torch.nn.functional.one_hot(torch.tensor(classes), 2).float())


def test_every_number_is_the_runs():
    card = model_card("Pets", answers(0, 0, 0, 0, 0, 1, 1, 0, 1, 1), onnx=(4, 2e-6), **TOLD)
    assert "Right for 9 of 10 test images: 0.900, 95 % interval 0.596 to 0.982. Mean confidence 1.000." in card
    assert "- dog: 0.80 of 5, most often taken for cat" in card and "- cat:" not in card
    assert "the same labels on 4 images, and no probability off by more than 2.0e-06" in card
    assert "in this order: cat, dog." in card and '| transform | {"crop": 32} |' in card


def test_the_top_is_what_the_hub_reads_and_a_cell_stays_a_cell():
    card = model_card("Pets", answers(*[0] * 5, *[1] * 5), onnx=(4, 0.0), **TOLD)
    assert card.startswith("---\nlicense: cc-by-4.0\npipeline_tag: image-classification\n---\n\n# Pets\n")
    assert "| data | photo\\|graphs of mine |" in card and "No mistake was seen." in card


def test_mistakes_among_few_images_are_not_passed_over():
    card = model_card("Pets", answers(0, 0, 0, 1, 1, 1, 1, 0), onnx=(4, 0.0), **TOLD)
    assert "Right for 6 of 8" in card and "No mistake" not in card and "too few to name the weakest" in card
