"""A model and its data at one point of the course: shapes, counts and one answer, all measured.

before = model_state(model, "fc", images)
replace_head(model, "fc", 10)
after = model_state(model, "fc", images, class_names=names)      # plots.stage_view(2, before, after) shows the two
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.course.errors import CourseError
from helpers.inspection.snapshot import Snapshot, same_tensor, take_snapshot
from helpers.parameters import Counts, count
from helpers.training.loop import device_of, in_eval_mode


@dataclass(frozen=True, eq=False)
class ModelState:
    """What goes through a model, and what the model is, at one moment.

    Attributes:
        images, features, logits: shapes of what goes in, of what reaches the head, and of what comes out.
        base, head: parameters below the head, and in it.
        example: the first image as the model gets it, float32 (3, H, W), on the CPU.
        answer: the name of that image's most probable class.
        probability: of that class, in [0, 1].
        right: how many of the images are classified correctly; None where nobody gave labels.
        head_name: what the model calls its head.
        snapshot: copies of all tensors, so that two states can be compared.
    """

    images: tuple[int, ...]
    features: tuple[int, ...]
    logits: tuple[int, ...]
    base: Counts
    head: Counts
    example: Tensor
    answer: str
    probability: float
    right: int | None
    head_name: str
    snapshot: Snapshot

    @property
    def counts(self) -> Counts:
        """The whole model's parameters."""
        return self.base + self.head

    def in_head(self, name: str) -> bool:
        """Whether the tensor of that name lies in the head."""
        return name == self.head_name or name.startswith(f"{self.head_name}.")


def model_state(
    model: nn.Module, head_name: str, images: Tensor, *, labels: Tensor | None = None, class_names: Sequence[str] = ()
) -> ModelState:
    """Pass the images through the model and note what there is to see.

    Args:
        model: asked in eval mode without gradients; left exactly as found, mode by mode.
        head_name: what the model calls its head: ``"fc"``, ``"classifier"``.
        images: float32 (N, 3, H, W), normalised as the weights expect; the first is the example.
        labels: int64 (N,), the right classes; default: not known.
        class_names: names of the outputs; where there are fewer names than outputs, a class goes by its number.

    Raises:
        CourseError: the model has no head of that name that its images reach, or there is no image.
    """
    head = dict(model.named_modules()).get(head_name) if head_name else None
    if head is None or images.ndim != 4 or not len(images):
        raise CourseError(
            f"A model with a part named {head_name!r} and a batch of images are wanted: pass the model, the name of its head, "
            "and images of shape (N, 3, H, W)."
        )
    reached: list[Tensor] = []
    hook = head.register_forward_pre_hook(lambda module, inputs: reached.append(inputs[0]))
    try:
        with in_eval_mode(model), torch.no_grad():
            logits = model(images.to(device_of(model))).float().cpu()
    finally:
        hook.remove()
    if not reached:
        raise CourseError(f"The images do not pass through {head_name!r}: pass the name of the model's last layer.")
    value, label = logits[0].softmax(dim=0).max(dim=0)
    whole, head_counts = count(model), count(head)
    return ModelState(
        images=tuple(images.shape),
        features=tuple(reached[0].shape),
        logits=tuple(logits.shape),
        base=whole - head_counts,
        head=head_counts,
        example=images[0].detach().float().cpu(),
        answer=str(class_names[label]) if len(class_names) >= logits.shape[1] else f"class {label.item()}",
        probability=value.item(),
        right=None if labels is None else int((logits.argmax(dim=1) == labels.cpu()).sum()),
        head_name=head_name,
        snapshot=take_snapshot(model),
    )


def updated(before: ModelState, after: ModelState) -> tuple[list[str], list[str]]:
    """Names of the parameters whose values differ between two states: those of the base, those of the head.

    What came, went or has another shape counts as different.
    """
    old, new = before.snapshot.parameters, after.snapshot.parameters
    names = [name for name in {**old, **new} if name not in old or name not in new or not same_tensor(old[name], new[name])]
    return [name for name in names if not after.in_head(name)], [name for name in names if after.in_head(name)]


def statistics_moved(before: ModelState, after: ModelState) -> int:
    """How many buffers, such as BatchNorm's running mean and variance, differ between two states."""
    old, new = before.snapshot.buffers, after.snapshot.buffers
    return sum(name not in new or name not in old or not same_tensor(old[name], new[name]) for name in {**old, **new})
