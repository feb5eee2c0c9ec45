"""What stopped an answer, in words: the error, the line of the learner's cell, and its cause where the error leaves no doubt."""

import re
import traceback
from collections.abc import Callable
from typing import Any

NAMES_OF_HEADS = ("fc", "classifier", "head", "heads", "head_name", "output", "last_linear", "last_layer")
TENSOR_OR_LAYER = r"(?:requires_grad_?|parameters|numel|weight|bias|train|eval|named_parameters|in_features|data|grad|shape)"
COMPARISON = r"(?:\bif\b.*\bin\b|\bnot in\b|==|!=|\.index\(|\.remove\()"
FLOATS = "(?:Float|Double|Half|BFloat16)"
Cause = tuple[str, str]  # reason code, words

# (name of the error, pattern of its words and the line, reason code, what it means). Only what can have no other cause.
CAUSES: tuple[tuple[str, str, str, str], ...] = (
    (
        "AttributeError", rf"'str' object has no attribute '{TENSOR_OR_LAYER}'", "name_for_thing",
        "A name, which is a text, stands where a layer or tensor is needed: getattr(model, name) gives the layer of that name.",
    ),
    (
        "AttributeError", rf"'tuple' object has no attribute '{TENSOR_OR_LAYER}'", "pair_for_tensor",
        "A tuple stands where a tensor or layer is needed: named_parameters() and named_modules() give pairs, the name first.",
    ),
    (
        "AttributeError", rf"'(?:generator|list|filter|dict)' object has no attribute '{TENSOR_OR_LAYER}'", "many_for_one",
        "Several stand where one tensor or layer is needed: go through them with a loop.",
    ),
    ("TypeError", r"'(?:method|function|builtin_function_or_method)' object is not iterable"
     r"|(?:and|:) '(?:method|function|builtin_function_or_method)'", "not_called",
     "A function stands there that was not called: write () behind its name."),
    ("AttributeError", r"'(?:float|int)' object has no attribute 'backward'", "number_for_tensor",
     "A plain number has no graph: backward() belongs to the loss as a tensor, item() comes after it."),
    ("ValueError", r"values to unpack", "other_number",
     "The loop takes another number of things at a time than it gets."),
    ("TypeError", r"object of type '(?:generator|filter|map)' has no len\(\)", "no_length",
     "What comes one by one has no length: make a list of it first."),
    (
        "RuntimeError", rf"(?:size of tensor a|Boolean value of Tensor).*line \d+ of .*: .*{COMPARISON}", "compares_values",
        "`in`, ==, index() and remove() compare the numbers in two tensors, not which tensors they are: compare their id().",
    ),
    ("RuntimeError", r"leaf Variable that requires grad is being used in an in-place", "in_place",
     "A parameter is changed in place while gradients are recorded: do it inside with torch.no_grad():."),
    ("ValueError", r"more than 1 value per channel", "single_image",
     "BatchNorm in train mode found a single value a channel: a batch of one image needs eval mode."),
    ("RuntimeError", rf"Input type .* should be the same|expected scalar type {FLOATS} but found {FLOATS}", "other_precision",
     "The image and the model's weights are of different types, or on different devices: tensor.to(weight) brings it there."),
    ("ValueError", r"save a non contiguous tensor", "not_contiguous",
     "A model's weights may lie in another order than the plain one, and safetensors writes plain ones only: "
     "tensor.clone(memory_format=torch.contiguous_format)."),
    ("RuntimeError", r"Some tensors share memory", "shared_memory",
     "A layer that is used twice has its tensor under two names, and safetensors wants each to be a copy of its own: clone()."),
    ("NameError", r"name '\w+' is not defined", "unknown_name",
     "No cell that was run defines this name: is it spelt as it is above, and were all cells run in order?"),
)  # fmt: skip


def explained(error: BaseException, case: Any, name: str) -> Cause:
    """(what stopped the answer, in words; the code of its cause, empty where that is not certain).

    Args:
        error: what the answer raised.
        case: the problem on which it did.
        name: the exercise's name, and so the answer's.
    """
    kind, where = type(error).__name__, _where(error)
    words = f"{_first_line(error)}{where}"
    notes = "".join(f", {note}" for note in getattr(error, "__notes__", ()))
    reason, cause = _cause(kind, words, getattr(case, "case", case), name)
    stopped = f"the answer stopped{notes} with {kind}: {words}"
    return f"{stopped.rstrip('.')}. {cause}" if cause else stopped, reason


def _cause(kind: str, words: str, case: Any, name: str) -> Cause:
    if kind == "TypeError" and re.match(rf"{name}\(\) (?:takes|missing|got an unexpected)", words):
        return (
            "other_arguments",
            "The function takes different arguments from those of the task: leave its first line as it was given.",
        )
    found = re.search(r"'(\w+)' object has no attribute '(\w+)'", words) if kind == "AttributeError" else None
    if found and found[1] == _class_of(case):
        return _no_such_part(found[2], case.head_name)
    return next(
        ((reason, cause) for error, pattern, reason, cause in CAUSES if error == kind and re.search(pattern, words)), ("", "")
    )


def _no_such_part(part: str, head_name: str) -> Cause:
    if part in NAMES_OF_HEADS:
        return "head_by_name", (
            f"Each model has a name of its own for its last layer: in this one it is {head_name!r}. "
            "Where the function is given head_name, getattr(model, head_name) is that layer."
        )
    return "no_such_part", f"Neither this model nor PyTorch's nn.Module has anything called {part!r}."


def _class_of(case: Any) -> str:
    """The name of the class of the case's model; empty where it has none."""
    make: Callable | None = getattr(case, "model", None) if hasattr(case, "head_name") else None
    return type(make()).__name__ if make else ""


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else "(no message)"


def _where(error: BaseException) -> str:
    """The line of the learner's own cell that raised, if there is one."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if "ipykernel" in frame.filename or frame.filename.startswith("<ipython"):
            return f" (line {frame.lineno} of your cell: {(frame.line or '').strip()})"
    return ""
