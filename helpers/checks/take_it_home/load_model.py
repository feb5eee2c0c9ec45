"""The check of `load_model`: a freshly built model gets its weights back, and what belongs to them comes with it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.exercise import exercise
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached, wrong_type
from helpers.checks.small_models import Case
from helpers.checks.stopped import explained
from helpers.checks.take_it_home.place import Place, Stranger
from helpers.checks.take_it_home.saved_file import HOME, KEYS, lived_in, told, written
from helpers.course.one_line import one_line
from helpers.inspection.snapshot import listed
from helpers.models.packing import pack

# What nn.DataParallel and torch.compile put before every name, and one around the other.
PREFIXES = ("module.", "_orig_mod.", "module._orig_mod.")
SENT = "model.bin"  # by a stranger; files called .safetensors torch.load itself hands to safetensors
STRANGER = "A pickle is a program. safetensors refuses what is not its own format: let its error pass, and load nothing else."


@exercise(
    aspects=(
        Aspect("weights", "every tensor of the file is in the model, buffers included", 2.5),
        Aspect("told", "class names in the file's order, transform and provenance come back", 1.5),
        Aspect("ready", "the model is in eval mode", 0.5, requires=("weights",)),
        Aspect("prefix", "names that nn.DataParallel or torch.compile have prefixed are loaded all the same", 1.5, ("weights",)),
        Aspect("strict", "a file that lacks a tensor is refused", 1, requires=("weights",)),
        Aspect("stranger", "a pickle is refused, and not opened", 1, requires=("weights",)),
    ),
    cases=(Case(num_classes=6), Case(kind="nested", head_name="classifier", num_classes=5, seed=1)),
    hints=(
        "Read tensors and metadata, free the names of what a wrapper has put before them, hand the tensors to the model, "
        "and give back the rest. Whatever does not fit should raise: so let it.",
        "safetensors.torch.load_file(path), safe_open(path, 'pt').metadata(); load_state_dict is strict by itself; json.loads "
        "makes lists and dicts of text; name.removeprefix(prefix) takes a prefix off, if every name has it.",
        "tensors = load_file(path)\nwith safe_open(path, 'pt') as file:\n"
        "    told = {key: json.loads(text) for key, text in file.metadata().items()}\n"
        "while (prefix := next((p for p in ('module.', '_orig_mod.') if all(n.startswith(p) for n in tensors)), '')):\n"
        "    tensors = {...}\nmodel.load_state_dict(tensors)\n...",
    ),
)  # fmt: skip
def load_model(case: Case, answer: Callable[..., dict]) -> Iterator[Finding]:
    """Have several files loaded: a plain one, prefixed ones, half a one, and a stranger's."""
    right, words = lived_in(case).state_dict(), told(case)
    model, result, _ = _loaded(answer, case, written(right, words))
    weights = _weights_finding(model, right, _fresh(case))
    yield weights
    yield _told_finding(result, words)
    likely = "load_state_dict leaves the mode alone, and a new model is in train mode: eval() makes it ready."
    modes = {module.training for module in model.modules()}
    yield passed_if(
        "ready", modes == {False}, "train_mode", found="train mode", expected="eval mode in all layers", likely=likely
    )
    kept = {
        name: right[name] for name in set(right) - set(_differing(model, right))
    }  # what else goes wrong has a finding already
    if weights.reason == "nothing_loaded":
        yield from unreached(["prefix"])
    else:
        yield from (_prefix_finding(answer, case, prefix, right, words, kept) for prefix in PREFIXES)
        yield _part_finding(answer, replace(case, kind="residual", head_name="module"))
    yield _strict_finding(answer, case, right, words)
    yield _stranger_finding(answer, case)


def _fresh(case: Case) -> nn.Module:
    """The architecture with other weights and other statistics, as just built: in train mode."""
    return replace(case, seed=case.seed + 1).model()


def _loaded(answer: Callable, case: Case, content: bytes, caught: bool = False) -> tuple[nn.Module, Any, Exception | None]:
    """(the model that a file of this content was loaded into, what came back, what was raised if that is to be `caught`)."""
    model, place = _fresh(case), Place(HOME, content)
    try:
        with place.there():
            return model, answer(model, place), None
    except Exception as error:
        if not caught:
            raise
        return model, None, error


def _differing(model: nn.Module, right: Mapping[str, Tensor]) -> list[str]:
    """Names of the tensors that differ from the right ones."""
    state = model.state_dict()
    return [name for name, tensor in right.items() if name not in state or not torch.equal(state[name], tensor)]


def _weights_finding(model: nn.Module, right: Mapping[str, Tensor], fresh: nn.Module) -> Finding:
    other, buffers = _differing(model, right), {name for name, _ in model.named_buffers()}
    expected = "the file's tensors, bit for bit"
    if not other:
        return passed("weights")
    if set(other) <= buffers:
        return failed(
            "weights", "buffers_not_loaded", found=f"the statistics that it was built with: {listed(other)}", expected=expected,
            likely="BatchNorm's statistics are buffers, not parameters: load_state_dict takes both from one dict.",
        )  # fmt: skip
    nothing = not _differing(model, fresh.state_dict())
    likely = "load_state_dict changes the very model that was given; a name that is assigned anew changes nothing out there."
    reason, likely = ("nothing_loaded", likely) if nothing else ("other_weights", "")
    return failed("weights", reason, found=f"other numbers in {listed(other)}", expected=expected, likely=likely)


def _told_finding(result: Any, words: dict[str, Any]) -> Finding:
    expected = "a dict with class_names (a list), transform and provenance (dicts)"
    if not isinstance(result, dict):
        return wrong_type("told", "not_a_dict", result, expected, "What is to be used later has to be returned.")
    if set(result) != set(KEYS):
        return failed("told", "other_keys", found=f"the keys {listed(map(one_line, result))}", expected=expected)
    for key in KEYS:
        value, right = result[key], words[key]
        if isinstance(value, str):
            likely = "Metadata are text: json.loads makes lists and dicts of it again."
            return failed("told", "still_text", found=f"{key}: a text", expected=expected, likely=likely)
        value = list(value) if isinstance(value, tuple) and key == "class_names" else value
        if key == "class_names" and value != right and isinstance(value, list) and sorted(map(str, value)) == sorted(right):
            likely = "Outputs have numbers, and the file says which name each has: a sorted list names other outputs."
            found = ", ".join(map(one_line, value))
            return failed("told", "other_order", found=found, expected=", ".join(right), likely=likely)
        if value != right:
            return failed("told", "other_content", found=f"{key}: {value!r}"[:300], expected=f"{right!r}"[:300])
    return passed("told")


def _prefix_finding(answer: Callable, case: Case, prefix: str, right: dict, words: dict, kept: dict) -> Finding:
    content = written({f"{prefix}{name}": tensor for name, tensor in right.items()}, words)
    model, _, error = _loaded(answer, case, content, caught=True)
    found = f"with names such as {prefix}{next(iter(right))} "
    found += explained(error, case, "load_model")[0] if error else "the model is not what the file says"
    return passed_if(
        "prefix", error is None and not _differing(model, kept), "prefix_kept", found=found,
        expected=f"the same weights as from the file without {prefix!r}",
        likely="Where every name begins with module. or _orig_mod., a wrapper has put it there: take it off, and look again.",
    )  # fmt: skip


def _part_finding(answer: Callable, case: Case) -> Finding:
    right = lived_in(case).state_dict()
    model, _, error = _loaded(answer, case, written(right, told(case)), caught=True)
    other = [name for name in _differing(model, right) if name.startswith("module.")]
    found = "of a model with a layer called module "
    found += explained(error, case, "load_model")[0] if error else f"these were not loaded: {listed(other)}"
    return passed_if(
        "prefix", error is None and not other, "part_named_module", found=found,
        expected="a layer's own name stays: module.weight is no prefix where other names lack it",
        likely="Only what stands before every single name was put there by a wrapper: ask all of them.",
    )  # fmt: skip


def _strict_finding(answer: Callable, case: Case, right: Mapping[str, Tensor], words: dict) -> Finding:
    weights = [name for name in right if name.endswith("weight")]  # torch itself makes up a num_batches_tracked that is not there
    lacking = weights[len(weights) // 2]
    content = written({name: tensor for name, tensor in right.items() if name != lacking}, words)
    _, _, error = _loaded(answer, case, content, caught=True)
    return passed_if(
        "strict", error is not None, "half_loaded", found=f"no error although the file has no {lacking}",
        expected="an error: a layer would keep its random numbers",
        likely="strict=False is silent about what is missing: leave load_state_dict strict.",
    )  # fmt: skip


def _stranger_finding(answer: Callable, case: Case) -> Finding:
    place, error = Place(SENT, pack(Stranger())), None
    try:
        with place.there():
            answer(_fresh(case), place)
    except Exception as raised:
        error = raised
    if place.opened:
        return failed(
            "stranger", "pickle_opened", found="a pickle was opened, and the code in it has run",
            expected="an error, and nothing run", likely=STRANGER,
        )  # fmt: skip
    return passed_if(
        "stranger", error is not None, "pickle_passed", found="no error although the file is no safetensors file",
        expected="an error, and nothing run",
    )  # fmt: skip
