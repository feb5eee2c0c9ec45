"""The check of `lora_summary`: what will be trainable, worked out before anything is put into the model."""

from collections.abc import Callable, Iterator

from torch import nn

from helpers import parameters
from helpers.checks.counting import count_of_two, shape_of_two, the_two
from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.not_only_resnet.to_adapt import VISIBLE, ToAdapt
from helpers.checks.report import Aspect, Finding
from helpers.inspection.snapshot import take_snapshot


@exercise(
    aspects=(
        Aspect("shape", "the answer is a dict of two plain ints under tensors and scalars", 0.5, ("tensors", "scalars")),
        Aspect("tensors", "the tensors that will be trainable are counted", 1.5),
        Aspect("scalars", "the numbers in them are counted", 1.5),
        Aspect("intact", "the model is as it was", 0.5, ("tensors", "scalars")),
    ),
    cases=VISIBLE,
    hints=(
        "Each named layer gets two matrices: one from its inputs to rank numbers, one from these to its outputs. And the head.",
        "layer.weight.shape[:2] is (outputs, inputs) of a linear layer and of a convolution alike; head.parameters().",
        "for name in layer_names:\n    outputs, inputs = model.get_submodule(name).weight.shape[:2]\n"
        "    scalars += rank * (... + ...)",
    ),
)
def lora_summary(problem: ToAdapt, answer: Callable[..., dict[str, int]]) -> Iterator[Finding]:
    """Compare the two predicted counts with those of the model once the updates are in it."""
    model, adapted = problem.model(), problem.adapted()
    names, before = problem.layer_names(model), take_snapshot(model)
    truth, head = parameters.count(adapted), parameters.count(model.get_submodule(problem.head_name))
    slips = _slips(model, names, problem.rank, truth, head)
    result = answer(model, problem.head_name, list(names), problem.rank)
    yield shape_of_two(result)
    counts = the_two(result)
    for key, right in (("tensors", truth.trainable_tensors), ("scalars", truth.trainable)) if counts else ():
        yield count_of_two(key, counts[key], right, slips[key], f"with rank {problem.rank} on {len(names)} layers")
    likely = {"counting_changed_it": "Count before anything is done."}
    yield intact("intact", before, model, "counting_changed_it", likely=likely)


def _slips(model: nn.Module, names: list[str], rank: int, truth: parameters.Counts, head: parameters.Counts) -> dict:
    """Aspect -> (wrong number, its reason code, what it is the number of)."""
    sizes = [model.get_submodule(name).weight.shape[:2] for name in names]
    whole = parameters.count(model)
    no_head = "that is the updates alone: the head is trainable, too"
    return {
        "tensors": (
            (truth.trainable_tensors - head.tensors, "head_missing", no_head),
            (len(names) + head.tensors, "one_of_two", "each update has two matrices, down and up"),
            (whole.tensors + 2 * len(names), "frozen_counted", "that is all tensors: those of the base are frozen"),
            (truth.trainable, "keys_swapped", "that is the number of scalars"),
        ),
        "scalars": (
            (truth.trainable - head.total, "head_missing", no_head),
            (rank * sum(a * b for a, b in sizes) + head.total, "product", "rank times (inputs + outputs): two matrices, not one"),
            (sum(a + b for a, b in sizes) + head.total, "rank_missing", "that is one number an input and output: there are rank"),
            (whole.total + truth.trainable - head.total, "frozen_counted", "that counts the frozen base as well"),
            (truth.trainable_tensors, "tensors_for_scalars", "that is the number of tensors: count the numbers in them"),
        ),
    }
