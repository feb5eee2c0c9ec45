"""The check of `extract_features`: the head's inputs, computed once."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if
from helpers.checks.small_models import TO_TRAIN, Case, mixed_modes
from helpers.checks.tensors import Slip, near, shape_of, slip_to
from helpers.checks.watching import Counting, TellsTurn, visit

MOST_PASSES = 4  # whose order is looked for in labels
TRAIN_MODE = "These are the features of train mode, where BatchNorm looks at the batch: call model.eval() first."


class OnePass(Counting):
    """Batches in an order of their own on every pass, as a shuffling loader gives them; counts the passes."""

    def __init__(self, case: Case):
        self.case = case

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = self.order(self.count)
        self.count += 1
        images, labels = self.case.images()[order], self.case.labels()[order]
        return iter(zip(images.split(self.case.batch_size), labels.split(self.case.batch_size), strict=True))

    def order(self, number: int) -> Tensor:
        """The order of the images in the pass of this number, from 0."""
        generator = torch.Generator().manual_seed(self.case.seed + 10 + number)
        return torch.randperm(self.case.num_images, generator=generator)

    def __len__(self) -> int:
        return -(-self.case.num_images // self.case.batch_size)


@exercise(
    aspects=(
        Aspect("features", "features are the head's inputs, float32, one row an image", 2),
        Aspect("labels", "labels are int64, in the order of the rows", 1, requires=("features",)),
        Aspect("once", "each image goes through the model once, in one pass", 1, requires=("features",)),
        Aspect("plain", "a head can be trained on them", 1, requires=("features",)),
        Aspect("intact", "the model is as it was", 1, requires=("features",)),
    ),
    cases=TO_TRAIN,
    hints=(
        "Let the whole model run, and listen at the door of its last room.",
        "head.register_forward_pre_hook(f) calls f(module, inputs) each time; torch.cat joins batches. Modes as in evaluate.",
        "head = getattr(model, head_name)\n"
        "handle = head.register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))\n...\n"
        "handle.remove()\nreturn torch.cat(features), torch.cat(labels)",
    ),
)
def extract_features(case: Case, answer: Callable) -> Iterator[Finding]:
    """Call the answer on a model of mixed modes with a loader that shuffles on every pass."""
    model = mixed_modes(case)
    case.head(model).weight.requires_grad_(False)
    loader = OnePass(case)
    seen = visit(model, case.first(model), answer, model, case.head_name, loader, by=TellsTurn(case.num_images))
    found = seen.returned
    if not isinstance(found, (tuple, list)) or len(found) != 2 or not all(isinstance(part, Tensor) for part in found):
        several = isinstance(found, (tuple, list))
        kinds = f"a {type(found).__name__}" + (f" of {', '.join(type(part).__name__ for part in found)}" if several else "")
        yield failed("features", "not_a_pair", found=kinds[:200], expected="two tensors: features, labels")
        return
    features, labels = found
    order = loader.order(0) if loader.count else torch.arange(case.num_images)
    first = _features(case, order, TellsTurn.first)
    all_first = near(features, first)
    fits = all_first or _of_some_turn(features, [first, *(_features(case, order, turn) for turn in (TellsTurn.later, 1.0))])
    yield _features_finding(case, features, order, first, fits)
    another = any(torch.equal(labels.cpu(), case.labels()[loader.order(number)]) for number in range(1, MOST_PASSES))
    yield _labels_finding(case, labels, order, loader.count, another)
    counted = loader.count == 1 and seen.watch.samples == case.num_images
    # The first time that an image goes through the model is the only one that gives these numbers.
    yield passed_if(
        "once", counted and (all_first or not fits) and not another, "not_once",
        found=f"{loader.count} passes through the loader, {seen.watch.samples} images through the model",
        expected=f"one pass, {case.num_images} images",
    )  # fmt: skip
    inference = features.is_inference()
    yield passed_if(
        "plain", not features.requires_grad and not inference, "inference_mode" if inference else "graph_kept",
        found="tensors made under inference_mode()" if inference else "features that drag their graph along",
        expected="features without a graph that a head can later be trained on",
        likely="Use torch.no_grad(): what inference_mode() makes cannot be saved for backward()." if inference
        else "Put the calls of the model inside with torch.no_grad():",
    )  # fmt: skip
    yield intact("intact", seen.before, model, "hook_left", "head_replaced", "mode_left", "model_changed")


def _labels_finding(case: Case, labels: Tensor, order: Tensor, passes: int, another: bool) -> Finding:
    right = case.labels()[order]
    reason, likely = "labels_differ", ""
    if labels.dtype != torch.int64:
        reason, likely = "labels_dtype", "Class numbers are int64, as cross_entropy takes them: leave the labels as they come."
    elif another:
        reason = "labels_of_another_pass"
        likely = "Take features and labels from the same pass: a shuffling loader has another order in each."
    return passed_if(
        "labels", labels.dtype == torch.int64 and torch.equal(labels.cpu(), right), reason,
        found=f"{shape_of(labels)} from {passes} passes through the loader",
        expected=f"int64 ({case.num_images},), each label in the row of its image's features", likely=likely,
    )  # fmt: skip


def _scaled(case: Case, model: nn.Module, factor: float) -> nn.Module:
    """`model`, of the case, with the outputs of its first layer times `factor`."""
    case.first(model).register_forward_hook(lambda module, inputs, output: output * factor)
    return model


def _features(case: Case, order: Tensor, factor: float) -> Tensor:
    """The head's inputs in eval mode, with the outputs of the first layer times `factor`."""
    with torch.no_grad():
        return case.features(_scaled(case, case.model().eval(), factor), case.images()[order])


def _of_some_turn(features: Tensor, turns: list[Tensor]) -> bool:
    """Whether each row is what its image gives, the first time or a later one."""
    if any(features.shape != right.shape for right in turns):
        return False
    return all(any(near(row, right[number]) for right in turns) for number, row in enumerate(features))


def _slips(case: Case, order: Tensor) -> Iterator[Slip]:
    expected, train = (_scaled(case, model, TellsTurn.first) for model in (case.model().eval(), mixed_modes(case)))
    with torch.no_grad():
        logits = expected(case.images()[order])
        noisy = torch.cat([case.features(train, part) for part in case.images()[order].split(case.batch_size)])
    yield logits, "logits_returned", "These are the head's outputs: its inputs are wanted, one layer earlier."
    yield noisy, "train_mode", TRAIN_MODE


def _features_finding(case: Case, features: Tensor, order: Tensor, right: Tensor, fits: bool) -> Finding:
    """Whether these are the features: `right` are those of the first time, `fits` says whether each row is of some time."""
    if features.dtype == torch.float32 and fits:
        return passed("features")
    wanted = f"float32 {tuple(right.shape)}, what goes into the head in eval mode"
    otherwise = "other_features", ""
    if features.dim() > 2:
        otherwise = "not_flat", "These are maps from before the pooling: take what reaches the head."
    elif len(features) != len(right):
        otherwise = "rows_missing", "There is to be one row an image, of all batches one below the other."
    reason, likely = slip_to(features, _slips(case, order), otherwise)
    return failed("features", reason, found=shape_of(features), expected=wanted, likely=likely)
