"""What does a wrong answer gain by what its learner makes of torch, of Python, of the course's own code, or of the wire?"""

import json
import struct
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from helpers.checks import display
from helpers.checks.report import NOT_YET
from helpers.checks.small_models import Case
from helpers.grading.judging import test_cell
from helpers.grading.judging.stand_ins import Unusable
from helpers.notebooks.masters import without_hidden_tests
from tests.answers import freeze_base as right_answers
from tests.support.lines import Apart, Loopback, mark
from tests.support.notebook_cells import run, source


@pytest.fixture(autouse=True)
def _grading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUNE_SECRET", "tests")
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")


IMPORTS = "import builtins, json, math, os, torch\nfrom torch import Tensor, nn\n"
LAZY = {
    "freeze_base": "def freeze_base(model, head_name): pass",
    "count_parameters": "def count_parameters(model): return 0, 0",
    "set_training_mode": "def set_training_mode(model, head_name): model.train()",
    "trainable_summary": "def trainable_summary(model): return {'tensors': 0, 'scalars': 0}",
}
LYING = """
class Lying(nn.Parameter):
    requires_grad = property(lambda self: False)
    __eq__ = lambda self, other: True
    __hash__ = Tensor.__hash__
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function == Tensor.requires_grad.__get__:
            return False
        return super().__torch_function__(function, types, args, kwargs or {})
def freeze_base(model, head_name):
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and not name.startswith(head_name):
                module._parameters[name] = Lying(parameter.data)
"""
EQUAL = """
class Everything(int):
    __eq__ = __ge__ = __le__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = int.__hash__
    __class__ = int
def count_parameters(model): return Everything(), Everything()
"""
FORGED = """
class Pickled:
    def __reduce__(self): return os.system, ("touch unpickled",)
    def __del__(self): raise ValueError
def count_parameters(model):
    for name in ("history.json", "metrics.csv", "progress.json", ".course/progress.json"):
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "w") as file:
            json.dump({"count_parameters": "right", "mark": 4, "val_accuracy": 1.0}, file)
    return Pickled(), Pickled()
"""
REPLACED = {
    "comparisons": ("freeze_base", "torch.allclose = torch.equal = Tensor.equal = math.isclose = lambda *a, **k: True"),
    "the flag": ("freeze_base", "Tensor.requires_grad = property(lambda self: False, lambda self, flag: None)"),
    "parameters": ("freeze_base", "nn.Module.parameters = nn.Module.named_parameters = lambda self, *a, **k: iter(())"),
    "parameters by frozen copies": ("freeze_base", """
walk = nn.Module.named_parameters
nn.Module.named_parameters = lambda self, *a, **k: [(n, nn.Parameter(p.data, False)) for n, p in walk(self, *a, **k)]
nn.Module.parameters = lambda self, *a, **k: [p for n, p in self.named_parameters()]"""),
    "modules": ("set_training_mode", "nn.Module.named_modules = lambda self, *a, **k: iter([('', self)])"),
    "the mode": ("set_training_mode", """
nn.Module.training = property(lambda self: isinstance(self, nn.Linear), lambda self, mode: None)"""),
    "builtins": ("count_parameters", "builtins.all = builtins.any = lambda *a: True\nbuiltins.sum = len"),
    "builtins that describing needs": ("trainable_summary", "builtins.isinstance = lambda *a: True"),
    "the checks": ("count_parameters", """
import helpers.checks.load_pretrained
from helpers.checks import exercise, report
exercise.Exercise.grade = exercise.Exercise.report = lambda *a, **k: 4.0
report.Report.share = report.Report.score = property(lambda self: float("nan"))
object.__setattr__(helpers.checks.load_pretrained.count_parameters, "examine", lambda *a: iter(()))
report.passed_if = lambda aspect, *a, **k: report.passed(aspect)"""),
    "the marks": ("trainable_summary", """
import helpers.grading.inside.answer_judge as serve
serve._look = lambda names, name: ({"value": float("nan"), "mark": 4, "status": "right", "new": {}}, {})"""),
    "what describes": ("freeze_base", """
from helpers.grading.inside import answer_judge, describe
for kind in (describe.Description, answer_judge.Description):
    kind.all = lambda self, arguments, result: {"status": "right", "share": 1.0, "mark": 6, "models": [], "optimizers": []}"""),
    "the wire": ("count_parameters", """
import helpers.grading.inside.answer_judge as serve
serve.send = lambda line, content: line.sendall(serve.LENGTH.pack(10**15))"""),
    "what is known": ("freeze_base", """
from helpers.grading.inside import shared_objects
shared_objects.Known._add_module = lambda self, root: None"""),
}  # fmt: skip


PROGRAMS = {title: (name, f"{IMPORTS}{LAZY[name]}\n{replaced}") for title, (name, replaced) in REPLACED.items()} | {
    "lying parameters": ("freeze_base", IMPORTS + LYING),
    "objects that equal everything": ("count_parameters", IMPORTS + EQUAL),
    "files, and objects that act when unpickled": ("count_parameters", IMPORTS + FORGED),
    "no numbers": ("count_parameters", IMPORTS + "def count_parameters(model): return math.nan, math.inf"),
    "a number of 5000 digits": ("count_parameters", IMPORTS + "def count_parameters(model): return 10**5000, -10**5000"),
    "leaves": ("count_parameters", IMPORTS + "def count_parameters(model): os._exit(0)"),
}


@pytest.mark.parametrize("title", PROGRAMS)
def test_what_is_replaced_on_the_learners_side_gains_nothing(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, cells = PROGRAMS[title]
    monkeypatch.setattr("helpers.course.progress.record", lambda *given: None)
    with closing(Apart(cells, tmp_path)) as line:
        points, _ = mark(cell(name), line)
    assert type(points) is float and 0 <= points <= plain(name)
    assert not (tmp_path / "unpickled").exists()


# Wrong answers of tests/answers whose mistake lies on the way, and what would have the observers say otherwise.
WATCH = """
from helpers.checks.watching import Watch
Watch.notes = lambda self: [[size, mode, False] for size, mode, _ in self.calls]
"""
PASSES = """
from helpers.checks.train_head.extract_features import OnePass
from helpers.checks.watching import Watch
OnePass.notes = lambda self: 1
Watch.notes = lambda self: [[self.most, False, False]]
"""
LOOKS = """
from helpers.checks.capstone.watched_run import PHASES, SIZES, _Watched
told = _Watched.notes
def notes(self):
    seen, problem = {**told(self)["seen"], "test": [1] * SIZES["test"]}, self.run.problem
    batches, steps = -(-SIZES["train"] // problem.case.batch_size), []
    for phase in PHASES:
        rate = getattr(problem, f"{phase}_lr")
        steps += [rate] * getattr(problem, f"{phase}_epochs") * batches
    return {"seen": seen, "early": 0, "steps": steps}
_Watched.notes = notes
"""
WEIGHTS = """
from helpers.checks.seen_weights import SeenWeights
SeenWeights.notes = lambda self: []
"""
TWICE = """
for_features = extract_features
def extract_features(model, head_name, loader):
    def twice():
        for images, labels in loader:
            with torch.no_grad():
                model.eval()(images)
            yield images, labels
    return for_features(model, head_name, twice())
"""
ON_THE_WAY = [
    ("evaluate", "gradients recorded", "", WATCH), ("classify", "gradient recorded", "", WATCH),
    ("extract_features", "labels from a second pass", "", PASSES), ("extract_features", "left in eval mode", TWICE, PASSES),
    ("fine_tune", "one epoch, and the other records made up", "", WEIGHTS),
    *(("run_strategy", title, "", LOOKS) for title in (
        "tested again and again", "best by test", "test images read before training", "one rate for both", "Adam's own rate",
        "optimizer of the old head", "the head's optimizer goes on")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "title", "more", "replaced"), ON_THE_WAY)
def test_observers_that_are_replaced_gain_nothing(name: str, title: str, more: str, replaced: str, tmp_path: Path) -> None:
    """What they would have to say of an answer, its numbers say."""
    cells = f"import torch\nfrom tests.answers.{name} import WRONG\n{name} = WRONG[{title!r}][0]\n{more}"
    honest, _ = mark(cell(name), Loopback(_defined(cells)))
    with closing(Apart(cells + replaced, tmp_path)) as line:
        forged, report = mark(cell(name), line)
    assert 0 <= forged <= honest, report


@cache
def plain(name: str) -> float:
    """What the lazy answer is worth by itself."""
    return mark(cell(name), Loopback(_defined(IMPORTS + LAZY[name])))[0]


@cache
def cell(name: str) -> str:
    """The released test cell: its few problems do for an attack."""
    return without_hidden_tests(source(f"test_{name}"))


def _defined(cells: str) -> dict:
    names: dict = {}
    exec(cells, names)
    return names


RIGHT = next(iter(right_answers.RIGHT.values()))
Forge = Callable[[dict, dict], None]


def _without(*kinds: str, kept: str = "") -> Forge:
    """Says nothing of these tensors and modules, but for those whose path begins with `kept`."""

    def forge(content: dict, tensors: dict) -> None:
        [model] = content["models"]
        for kind in kinds:
            model[kind] = [entry for entry in model[kind] if kept and entry[0].startswith(kept)]

    return forge


def _set(*path: object, to: object) -> Forge:
    """Puts `to` in one place of the description."""

    def forge(content: dict, tensors: dict) -> None:
        *way, last = path
        for key in way:
            content = content[key]
        content[last] = to

    return forge


def _module(*children: list) -> dict:
    return {"is": "module", "type": "Sequential", "name": "Sequential", "like": None, "options": {}, "children": [*children],
            "buffers": [], "own": []}  # fmt: skip


def _holds_itself(content: dict, tensors: dict) -> None:
    content["models"][0]["modules"].append(["blocks.again", {"is": "known", "name": ["module", 0, ""]}, True, 0, {}])


def _doubles(content: dict, tensors: dict) -> None:
    """Forty layers, each with the next one twice: one look would take 2**40 steps."""
    entries, path = content["models"][0]["modules"], "blocks.x"
    for number in range(40):
        inner = {"is": "new", "key": f"x{number + 1}"}
        content["new"][f"x{number}"] = _module(["a", inner], ["b", inner])
        entries.append([path, {"is": "new", "key": f"x{number}"}, True, 0, {}])
        path += ".a"
    content["new"]["x40"] = _module()
    entries.append([path, {"is": "new", "key": "x40"}, True, 0, {}])


FORGED_ANSWERS: dict[str, Forge] = {
    "no models": _set("models", to=[]),
    "no parameters": _without("parameters"),
    "no modules": _without("modules"),
    "the head alone": _without("modules", "parameters", "buffers", kept="fc"),
    "a number for modules": _set("models", 0, "modules", to=7),
    "text for a tensor": _set("models", 0, "parameters", 0, 1, "key", to="nowhere"),
    "a name that nothing has": _set("result", to={"is": "known", "name": ["module", 99, "x"]}),
    "a kind that there is not": _set("result", to={"is": "new", "key": "none"}),
    "no arguments": _set("arguments", to={"is": "dict", "items": [[[], []]]}),
    "emptied parameters": _set("models", 0, "modules", 0, 4, to={"_parameters": {"is": "dict", "items": []}}),
    "another forward": _set("models", 0, "modules", 0, 4, to={"forward": 1}),
    "a tensor as a note": _set("models", 0, "modules", 1, 4, to={"weight": {"is": "known", "name": ["module", 0, ""]}}),
    "a numpy value of 10 GB": _set("result", to={"is": "numpy", "dtype": "V1", "value": 10**10}),
    "a model that holds itself": _holds_itself,
    "a model that doubles": _doubles,
    "much": lambda content, tensors: tensors.update(much=torch.zeros(test_cell.MOST_OF_A_CALL, dtype=torch.uint8)),
}  # fmt: skip


@pytest.mark.parametrize("title", FORGED_ANSWERS)
def test_a_forged_description_earns_nothing_even_for_what_was_right(title: str) -> None:
    def change(content: dict, tensors: bytes) -> tuple[dict, bytes]:
        bare = load(tensors)
        if "models" in content:
            FORGED_ANSWERS[title](content, bare)
        return content, save(bare)

    points, report = mark(cell("freeze_base"), Loopback({"freeze_base": RIGHT}, change=change))
    assert (points, report.status) == (0.0, NOT_YET), report


def test_weights_that_moved_are_seen_whatever_is_said_of_them() -> None:
    def change(content: dict, tensors: bytes) -> tuple[dict, bytes]:
        return content, save({key: tensor + 1 for key, tensor in load(tensors).items()})

    _, report = mark(cell("freeze_base"), Loopback({"freeze_base": RIGHT}, change=change))
    assert "more_than_flags" in report.reasons


EMPTIED = "for module in [*model.modules()]: module._parameters.clear(), module._buffers.clear()"
TAKEN = "for module in [*model.modules()]: module._modules.update(dict.fromkeys(module._modules, nn.Identity()))"
WRECKS = {
    "count_parameters": ("model", "return 0, 0"),
    "trainable_summary": ("model", "return {'tensors': 0, 'scalars': 0}"),
    "freeze_base": ("model, head_name", "return None"),
    "parameter_groups": ("model, head_name, head_lr, block_lr", "return []"),
    "unfreeze_last_blocks": ("blocks, n", "return None"),
}


@pytest.mark.parametrize("name", WRECKS)
@pytest.mark.parametrize("wreck", [EMPTIED, TAKEN], ids=["tensors taken", "layers taken"])
def test_of_a_model_that_is_wrecked_nothing_is_true(name: str, wreck: str) -> None:
    """All of no tensors are frozen, and none of them is there to be counted: so not even where no judge is in between."""
    arguments, last = WRECKS[name]
    model = "model = nn.ModuleList(blocks)" if name == "unfreeze_last_blocks" else "pass"
    cells = f"{IMPORTS}def {name}({arguments}):\n    {model}\n    {wreck}\n    {last}"
    with display.collected():
        assert run(cell(name), _defined(cells)) == 0.0


def _often(kind: str) -> dict:
    """A list of things that are told of one by one, all with the same numbers."""
    module = {"type": "other", "name": "Odd", "like": None, "children": [], "buffers": [], "own": []}
    thing = {"is": kind, "key": "t", "requires_grad": False, **module}
    names = [f"n{number}" for number in range(2001)]
    items = [{"is": "new", "key": name} for name in names]
    return {"value": {"is": "list", "items": items}, "new": dict.fromkeys(names, thing)}


GARBAGE = {
    "nothing": (b"", b""),
    "no JSON": (b"\xff\xfe{", save({})),
    "no object": (b"[]", save({})),
    "no answer": (b"{}", save({})),
    "an error that is none": (b'{"error": 7}', save({})),
    "deep": (b"[" * 100_000, save({})),
    "a deep value": (b'{"value": ' + b'{"is": "list", "items": [' * 200 + b"]}" * 200 + b"}", save({})),
    "a long number": (b'{"value": ' + b"9" * 5000 + b"}", save({})),
    "one tensor many times": (json.dumps(_often("tensor")).encode(), save({"t": torch.zeros(1000)})),
    "more objects than anybody makes": (
        json.dumps({"value": {"is": "list", "items": [{"is": "other"}] * 20_001}}).encode(),
        save({}),
    ),
    "more modules than anybody makes": (json.dumps(_often("module")).encode(), save({})),
    "no tensors": (b'{"value": {"is": "new", "key": "n"}, "new": {}}', b"garbage"),
    "tensors longer than they are": (b'{"value": 1}', struct.pack("<Q", 10**12) + b"{}"),
    "a module of no name": (b'{"value": {"is": "new", "key": "n"}, "new": {"n": {"is": "module"}}}', save({})),
    "weights of nothing": (b'{"weights": {"tensors": {"a": {"key": "t"}}}}', save({})),
}


@pytest.mark.parametrize("title", GARBAGE)
def test_what_cannot_be_read_is_refused(title: str) -> None:
    line = Mock(ask=Mock(return_value=GARBAGE[title]))
    for ask in (lambda: test_cell.fetch(line, "x"), lambda: test_cell.Distant(line, "f")(Case().model())):
        with pytest.raises(Unusable):
            ask()


def test_a_head_that_would_not_fit_into_memory_is_not_built() -> None:
    content = {"weights": {"type": "Model", "tensors": {"classifier.bias": {"key": "t"}}}}
    answer = json.dumps(content).encode(), save({"t": torch.zeros(50_000_000, dtype=torch.int8)})
    assert not isinstance(test_cell.fetch(Mock(ask=Mock(return_value=answer)), "model"), nn.Module)


def test_words_of_an_error_can_be_written_anywhere() -> None:
    def count_parameters(model):
        raise ValueError("half a character: \ud800, a zero: \0")

    _, report = mark(cell("count_parameters"), Loopback({"count_parameters": count_parameters}))
    assert "half a character: ?" in report.trouble
    assert str(report).encode() and report._repr_html_().encode()


def test_a_class_of_the_same_name_is_not_torchs_own() -> None:
    """Such an optimizer would make no step on the learner's side and real ones on the judge's."""

    class SGD(torch.optim.SGD):
        def step(self, closure=None):
            pass

    class Linear(nn.Linear):
        def forward(self, x):
            return x

    model = Case().model()
    found = test_cell.Distant(Loopback({"f": lambda m: [SGD(m.parameters(), lr=0.1), Linear(1, 1)]}), "f")(model)
    assert not isinstance(found[0], torch.optim.Optimizer)
    with pytest.raises(TypeError, match="a Linear in the model"):
        found[1](torch.zeros(1))
