"""The check of `save_model`: weights, class names, transform and provenance in one file that runs nothing when it is opened."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached
from helpers.checks.small_models import Case
from helpers.checks.take_it_home.place import MOST_BYTES, Place
from helpers.checks.take_it_home.saved_file import HOME, KEYS, Content, lived_in, read, told
from helpers.course.one_line import one_line
from helpers.inspection.snapshot import listed, take_snapshot


@exercise(
    aspects=(
        Aspect("file", "one safetensors file lies at the path, and nothing beside it", 1),
        Aspect("weights", "it holds every tensor of the model, buffers included, under its own name", 2.5),
        Aspect("class_names", "its metadata have the class names, in the order of the outputs, as JSON", 1),
        Aspect("transform", "and the transform, as JSON", 0.75),
        Aspect("provenance", "and where it all comes from, as JSON", 0.75),
        Aspect("intact", "the model is as it was", 0.5, requires=("weights",)),
    ),
    cases=(
        Case(num_classes=6),
        Case(kind="shared", head_name="classifier", num_classes=5, seed=1),
        Case(kind="no_norm", head_name="head", num_classes=9, seed=2),
    ),
    hints=(
        "A model's tensors by name are its state_dict(): parameters and buffers. All else has to become text: metadata are a "
        "dict of str to str, and json.dumps makes text of lists and dicts.",
        "safetensors.torch.save_file(tensors, path, metadata=...). It refuses tensors in another order than the plain one, and "
        "two that share memory: tensor.clone(memory_format=torch.contiguous_format) gives a copy that is neither.",
        "tensors = {name: t.clone(memory_format=torch.contiguous_format) for name, t in model.state_dict().items()}\n"
        'told = {"class_names": json.dumps(...), "transform": ..., "provenance": ...}\nsave_file(tensors, path, metadata=...)',
    ),
)  # fmt: skip
def save_model(case: Case, answer: Callable[..., None]) -> Iterator[Finding]:
    """Have a made-up model saved, and read the file without opening more of it than tensors and text."""
    model, place, words = lived_in(case), Place(HOME), told(case)
    before, right = take_snapshot(model), {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with place.there():
        answer(model, place, tuple(words["class_names"]), dict(words["transform"]), dict(words["provenance"]))
    content = read(place.found) if place.found is not None else None
    yield _file_finding(place, content)
    if content is None:
        yield from unreached(["weights", *KEYS, "intact"])
        return
    yield _weights_finding(content.tensors, right, model)
    for key in KEYS:
        yield _metadata_finding(key, content, words[key])
    yield intact("intact", before, model, "mode_left", "model_changed", "flags_changed")


def _file_finding(place: Place, content: Content | None) -> Finding:
    expected = "a file in safetensors' format at the path given, and no other"
    if place.size > MOST_BYTES:
        return failed("file", "too_large", found=f"{place.size} bytes, for a model of some ten kB", expected=expected)
    if place.found is None:
        found = f"nothing there, but {listed(place.beside)}" if place.beside else "no file there"
        return failed("file", "no_file", found=found, expected=expected, likely="Write to `path` itself, as it was given.")
    if content is None:
        return failed(
            "file", "not_safetensors", found=f"{place.size} bytes that safetensors cannot read", expected=expected,
            likely="torch.save writes a pickle, which can run code when it is opened: save_file of safetensors.torch does not.",
        )  # fmt: skip
    found = f"beside it {listed(place.beside)}"
    likely = "What belongs together is kept together in one file: metadata take any text."
    return passed_if("file", not place.beside, "more_files", found=found, expected=expected, likely=likely)


def _weights_finding(tensors: Mapping[str, Tensor], right: Mapping[str, Tensor], model: nn.Module) -> Finding:
    missing = [name for name in _needed(right, model, tensors) if name not in tensors]
    more = [name for name in tensors if name not in right]
    buffers = {name for name, _ in model.named_buffers()}
    expected = f"all {len(right)} tensors of model.state_dict(), each under its name there"
    if missing and more and len({_prefix(name, right) for name in tensors} - {None}) == 1:
        return failed(
            "weights", "prefixed_names", found=f"names such as {one_line(more[0])}", expected=expected,
            likely="The names are the state_dict's own: put nothing in front of them.",
        )  # fmt: skip
    if missing and set(missing) == buffers:
        return failed(
            "weights", "buffers_missing", found=f"no {listed(missing)}", expected=expected,
            likely="parameters() and named_parameters() leave BatchNorm's running statistics out: state_dict() has them as well.",
        )  # fmt: skip
    if missing or more:
        found = f"missing: {listed(missing)}" if missing else f"in it as well: {listed(map(one_line, more))}"
        return failed("weights", "tensors_missing" if missing else "more_tensors", found=found, expected=expected)
    types = [name for name, tensor in tensors.items() if tensor.dtype != right[name].dtype]
    if types:
        found = f"{types[0]} as {tensors[types[0]].dtype}"
        likely = "Half precision makes the file smaller and the model another one: keep each tensor's type."
        return failed("weights", "other_dtype", found=found, expected="each in its own type", likely=likely)
    other = [name for name, tensor in tensors.items() if not torch.equal(tensor, right[name])]
    return passed_if(
        "weights", not other, "other_values", found=f"other numbers in {listed(other)}", expected="the model's numbers"
    )


def _needed(right: Mapping[str, Tensor], model: nn.Module, tensors: Mapping[str, Tensor]) -> list[str]:
    """The names that have to be there; of a tensor with two names one will do."""
    state, same = model.state_dict(keep_vars=True), {}
    for name, tensor in state.items():
        same.setdefault(id(tensor), []).append(name)
    groups = [next(([n] for n in names if n in tensors), names[:1]) for names in same.values()]
    return [name for group in groups for name in group if name in right]


def _prefix(name: str, right: Mapping[str, Tensor]) -> str | None:
    """What stands before a name of the model's, None where it ends with none of them."""
    return next((name.removesuffix(own) for own in sorted(right, key=len, reverse=True) if name.endswith(own)), None)


def _metadata_finding(key: str, content: Content, right: Any) -> Finding:
    text = content.metadata.get(key)
    expected = f"{key!r}: {json.dumps(right)}"[:300]
    if text is None:
        found = f"only {listed(map(one_line, content.metadata))}" if content.metadata else "no metadata"
        likely = 'save_file(..., metadata={"class_names": ..., ...}) keeps text beside the tensors.'
        return failed(key, "not_in_the_file", found=found, expected=expected, likely=likely)
    try:
        value = json.loads(text)
    except ValueError:
        return failed(
            key, "not_json", found=one_line(text, 200), expected=expected,
            likely="str() writes Python: reading that back would mean to run it. json.dumps writes what every program can read.",
        )  # fmt: skip
    if value == right:
        return passed(key)
    reason, likely = f"other_{key}", ""
    if key == "class_names" and isinstance(value, list) and sorted(map(str, value)) == sorted(right):
        reason, likely = "other_order", "The place of a name is the number of its output: sorted, it names another."
    elif isinstance(value, str):
        reason, likely = "json_twice", "This is JSON of JSON: one json.dumps is enough."
    return failed(key, reason, found=one_line(text, 200), expected=expected, likely=likely)
