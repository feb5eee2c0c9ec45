"""One phase of a fine-tuning strategy: what learns, for how long, and how fast."""

from dataclasses import dataclass

from torch import nn

from helpers.course.errors import CourseError
from helpers.models.backbones import Backbone

HEAD, ALL, ALL_BUT_FIRST = "head", "all", "all but the first convolution"


@dataclass(frozen=True)
class Phase:
    """Some epochs in which the same parts learn, each at its rate, with a fresh Adam.

    Attributes:
        name: what the history calls it, such as ``"head"`` or ``"fine-tune"``.
        num_epochs: passes over the training images.
        released: what is trainable: ``"head"``; a number of last residual blocks, with the head; ``"all"``; or
            ``"all but the first convolution"``.
        lr: the head's rate.
        block_lr: the rate of the last block; None: `lr` divided by `fall`.
        fall: each block learns at the rate of the one behind it divided by this; what lies before the first block comes
            last. 1: all released blocks learn at one rate.

    Raises:
        CourseError: `released` is none of these, or a number is not above 0.
    """

    name: str
    num_epochs: int
    released: str | int
    lr: float
    block_lr: float | None = None
    fall: float = 1.0

    def __post_init__(self) -> None:
        some_blocks = type(self.released) is int and self.released > 0
        if not some_blocks and self.released not in (HEAD, ALL, ALL_BUT_FIRST):
            words = f"{HEAD!r}, a number of last blocks from 1 on, {ALL!r} or {ALL_BUT_FIRST!r}"
            raise CourseError(f"A phase cannot release {self.released!r}: write {words}.")
        rates = (self.lr, self.fall, self.lr if self.block_lr is None else self.block_lr)
        if type(self.num_epochs) is not int or self.num_epochs < 1 or not min(rates) > 0:
            raise CourseError(f"Phase {self.name!r} needs num_epochs from 1 on, and lr, block_lr and fall above 0.")

    def __str__(self) -> str:
        epochs = "1 epoch" if self.num_epochs == 1 else f"{self.num_epochs} epochs"
        return f"{epochs}: {self.learners} at {self.rate_words}"

    @property
    def learners(self) -> str:
        """What learns, in words."""
        if type(self.released) is int:
            return f"head and last {'block' if self.released == 1 else f'{self.released} blocks'}"
        return {HEAD: "head", ALL: "all layers"}.get(self.released, self.released)

    @property
    def rate_words(self) -> str:
        """How fast, in words."""
        blocks = "" if self.block_lr is None else f", blocks {self.block_lr:g}"
        return f"{self.lr:g}{blocks}" + (f", each block before at 1/{self.fall:.3g} of the next" if self.fall != 1 else "")

    @property
    def released_blocks(self) -> int | None:
        """How many last blocks learn beside the head; None if what learns reaches back to the images."""
        return {HEAD: 0, ALL: None, ALL_BUT_FIRST: None}.get(self.released, self.released)

    def block_rate(self, distance: int) -> float:
        """The rate of the block that has `distance` others between itself and the head."""
        last = self.lr / self.fall if self.block_lr is None else self.block_lr
        return last / self.fall**distance


def release(backbone: Backbone, model: nn.Module, phase: Phase) -> None:
    """Let the phase's parts learn, and nothing else: flags only, whatever they were before.

    Raises:
        CourseError: the backbone has fewer blocks than the phase releases.
    """
    blocks, number = backbone.residual_blocks(model), phase.released_blocks
    if number is not None and number > len(blocks):
        raise CourseError(f"Phase {phase.name!r} releases {number} blocks, but {backbone.title} has {len(blocks)}.")
    model.requires_grad_(number is None)
    for block in blocks[len(blocks) - number :] if number is not None else ():
        block.requires_grad_(True)
    if phase.released == ALL_BUT_FIRST:
        model.get_submodule(backbone.stem[0]).requires_grad_(False)
    backbone.head(model).requires_grad_(True)


def rate_groups(backbone: Backbone, model: nn.Module, phase: Phase) -> list[dict]:
    """What an optimizer takes: every trainable parameter, once, in one group for each different rate, the head's first."""
    parts = [backbone.head(model), *reversed(backbone.residual_blocks(model)), model]
    rates = [phase.lr, *(phase.block_rate(distance) for distance in range(len(parts) - 1))]
    groups: dict[float, list[nn.Parameter]] = {}
    taken: set[int] = set()
    for part, rate in zip(parts, rates, strict=True):
        # The last part is the whole model: what is left of it lies before the first block.
        left = [p for p in part.parameters() if p.requires_grad and id(p) not in taken]
        taken |= {id(p) for p in left}
        if left:
            groups.setdefault(rate, []).extend(left)
    return [{"params": parameters, "lr": rate} for rate, parameters in groups.items()]
