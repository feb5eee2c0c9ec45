"""Answers to the exercises, right and wrong, one module for each grade_id.

Each module has

- ``RIGHT``: name -> answer, at least three;
- ``WRONG``: name -> (answer, reason code that it deserves, and others that it deserves as well), at least five: the report
  has exactly these;
- where the cells need more than the answer under its own name: ``namespace(answer) -> dict`` of names.

The untouched stub is tried by the tests themselves.

A wrong answer that differs from a right one in a single place is made of it, by a module's own parts or by the functions here.
"""

import copy
import inspect
import linecache
from collections.abc import Callable
from functools import wraps
from statistics import fmean
from typing import Any

import torch

from helpers.training.loop import in_eval_mode


def cell(text: str, **names: Any) -> Callable:
    """The function that a cell of a notebook defines last: errors in it name their line, as a learner reads them."""
    file = f"<ipython-input-{len(linecache.cache)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), names)
    return [value for value in names.values() if inspect.isfunction(value)][-1]


def changed(answer: Callable, change: Callable[[Any], Any]) -> Callable:
    """The answer, with `change` made to its result."""

    @wraps(answer)
    def with_change(*args, **options):
        return change(answer(*args, **options))

    return with_change


def given(answer: Callable, **changes: Callable[[Any], Any]) -> Callable:
    """The answer, with ``change(argument)`` in place of each argument named, such as ``model=copy.deepcopy``."""
    signature = inspect.signature(answer)

    def with_others(*args, **options):
        bound = signature.bind(*args, **options)
        bound.apply_defaults()
        for name, change in changes.items():
            bound.arguments[name] = change(bound.arguments[name])
        return answer(*bound.args, **bound.kwargs)

    return with_others


def after(prepare: Callable[[Any], object], answer: Callable) -> Callable:
    """The answer, with `prepare` done first to its first argument, such as the model."""

    @wraps(answer)
    def prepared(model, *args, **options):
        prepare(model)
        return answer(model, *args, **options)

    return prepared


def followed_by(answer: Callable, then: Callable[[Any], object]) -> Callable:
    """The answer, with `then` done last to its first argument, such as the model."""

    @wraps(answer)
    def finished(model, *args, **options):
        found = answer(model, *args, **options)
        then(model)
        return found

    return finished


def quietly(answer: Callable, *, gradients: bool = False) -> Callable:
    """The answer in eval mode and, unless asked for, without gradients; afterwards each module is in its own mode again."""

    @wraps(answer)
    def quiet(model, *args, **options):
        with in_eval_mode(model), torch.set_grad_enabled(gradients):
            return answer(model, *args, **options)

    return quiet


def switching_gradients_off(answer: Callable) -> Callable:
    """The answer, which leaves gradients switched off for everybody."""

    @wraps(answer)
    def switching(*args, **options):
        found = answer(*args, **options)
        torch.set_grad_enabled(False)
        return found

    return switching


def put_back(answer: Callable, tensors: Callable[[Any], Any] = torch.nn.Module.state_dict) -> Callable:
    """The answer; afterwards the model's `tensors`, (name, tensor) each, have their values of before again."""

    @wraps(answer)
    def restoring(model, *args, **options):
        saved = copy.deepcopy(dict(tensors(model)))
        found = answer(model, *args, **options)
        model.load_state_dict(saved, strict=False)
        return found

    return restoring


def unfrozen(module) -> list[torch.nn.Parameter]:
    """Its parameters that can be trained."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def head_of(model) -> list[torch.nn.Parameter]:
    """The parameters of the model's last linear layer, wherever it stands among its children."""
    return [*[module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1].parameters()]


def freeze(model) -> None:
    """Freeze every parameter."""
    model.requires_grad_(False)


def thaw(model) -> None:
    """Make every parameter trainable."""
    model.requires_grad_(True)


def misspell(module, flag=False) -> None:
    """Give each parameter an attribute that is nearly called `requires_grad`."""
    for parameter in module.parameters():
        parameter.require_grad = flag


def flag_top_layers(module, flag=False) -> None:
    """Set the flags of the direct children's own parameters, and miss what is nested."""
    for child in module.children():
        for parameter in child.parameters(recurse=False):
            parameter.requires_grad = flag


def in_percent(means: dict[str, float]) -> dict[str, float]:
    """The same loss and accuracy, with the accuracy in percent."""
    return {**means, "accuracy": 100 * means["accuracy"]}


def batch_by_batch(answer: Callable) -> Callable:
    """The mean of what the answer finds for each batch alone, however many samples it has."""

    def unweighted(model, loader, *others):
        batches = [answer(model, [batch], *others) for batch in loader]
        return {key: fmean(found[key] for found in batches) for key in batches[0]}

    return unweighted


def as_tuple(found: dict) -> tuple:
    """The values without their names."""
    return tuple(found.values())
