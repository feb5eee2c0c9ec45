"""What the tests of pictures draw, and how they look at it."""

from collections.abc import Iterable

import torch
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from helpers.checks.small_models import Case, head_only
from helpers.inspection.drift import Movement
from helpers.inspection.step_probe import Probe, probe
from helpers.training.history import KEYS, History

CONFUSION = torch.tensor([[9, 1, 0], [4, 15, 1], [0, 0, 0]])
NAMES = ("ant", "bee", "cat")
MOVED = (
    Movement("stem", 0.0, 0.0, False),
    Movement("blocks.0", 0.0, 0.25, False),
    Movement("blocks.1", 0.01, 0.0, True),
    Movement("fc", 1.32, None, True),
)
BEFORE = {"stem": 0.4, "blocks.0": 0.8, "blocks.1": 0.7}
AFTER = {"stem": 0.4, "blocks.0": 0.8, "blocks.1": 0.9}
ALL, HEAD, BLOCKS = (23_528_522, 23_528_522), (23_528_522, 20_490), (23_528_522, 8_945_674)
COUNTS = {1: (25_557_032, 25_557_032), 2: ALL, 3: HEAD, 4: HEAD, 5: BLOCKS, 6: BLOCKS}


def texts(ax) -> list[str]:
    """What stands in the axes, in the order of drawing."""
    return [text.get_text() for text in ax.texts]


def boxes(ax, drawn: Iterable[Text]) -> list[Bbox]:
    """Where these texts stand, in pixels: inside the figure, each of them."""
    figure = ax.get_figure()
    figure.canvas.draw()
    found = [text.get_window_extent() for text in drawn if text.get_text()]
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in found)
    return found


def records(number: int, phase: str, start: float = 0.5) -> History:
    rows = ((n, 0.1, 2 - start - n / 50, start + n / 40, 2.1 - start - n / 50, start + n / 50) for n in range(1, number + 1))
    return History.of(dict(zip(KEYS, row, strict=True)) | {"phase": phase} for row in rows)


def whole_run() -> History:
    return records(5, "head").extend_with(records(10, "fine-tune", 0.6))


def small_probe(train: bool = False, optimizer_all: bool = False) -> Probe:
    case = Case(kind="lookalike")
    model = head_only(case)
    if train:
        model.train()
    optimizer = torch.optim.SGD((model if optimizer_all else model.fc).parameters(), lr=0.1)
    return probe(model, optimizer, next(iter(case.loader())))


def prediction(num_classes: int = 4, num_features: int = 8, top: int = 2) -> dict:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, num_classes, generator=generator)
    logits[0, top] = 5.0
    return {
        "input": torch.randn(1, 3, 12, 12, generator=generator),
        "features": torch.randn(1, num_features, generator=generator),
        "logits": logits,
        "probabilities": logits.softmax(1),
        "prediction": logits.argmax(1),
    }


def pictures(number: int) -> list[Image.Image]:
    return [Image.new("RGB", (30, 20), (255, 255, 255)) for _ in range(number)]


def heat(number: int) -> torch.Tensor:
    """Evidence at the top right, none elsewhere."""
    maps = torch.zeros(number, 20, 30)
    maps[:, :6, 21:] = 1.0
    return maps
