"""Does judging at a distance give the marks of judging in place, and does a forged description gain nothing?"""

from __future__ import annotations

import importlib
import json
import pickle
import pkgutil

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from helpers.acting.known import Known, Observed, Watch
from helpers.acting.serve import answer
from helpers.checks import outcome, showing
from helpers.checks.cases import Case
from helpers.grading import judge
from helpers.grading.evidence import Evidence, Unusable
from helpers.notebooks import without_hidden_tests
from tests import answers
from tests.notebook_cells import source

NAMES = sorted(module.name for module in pkgutil.iter_modules(answers.__path__) if not module.name.endswith("_history"))
ANSWERS = {name: importlib.import_module(f"tests.answers.{name}") for name in NAMES}
# One right and three wrong answers an exercise; tests/test_checks.py tries all of them in place.
RIGHT = [(name, next(iter(ANSWERS[name].RIGHT))) for name in NAMES]
WRONG = [(name, title) for name in NAMES for title in list(ANSWERS[name].WRONG)[:3]]


class Loopback:
    """A line to functions in this very process, over the same bytes: the wire without a kernel."""

    def __init__(self, names: dict, *, change=None):
        self.names, self.change = names, change

    def ask(self, request: bytes) -> tuple[bytes, bytes]:
        content, tensors = answer(pickle.loads(request), self.names)
        if self.change:
            content, tensors = self.change(content, tensors)
        return json.dumps(content).encode(), tensors


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUNE_SECRET", "tests")
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")


def judged(name: str, given: object, *, change=None, text: str | None = None) -> tuple[float, outcome.Report]:
    """The mark of the released test cell for this answer, and the report that it showed."""
    names = getattr(ANSWERS[name], "namespace", lambda value: {name: value})(given)
    with showing.collected() as shown:
        mark = judge.run_test(text or without_hidden_tests(source(f"test_{name}")), Loopback(names, change=change))
    return mark, shown[-1]


@pytest.mark.parametrize(("name", "title"), RIGHT)
def test_a_right_answer_is_right_at_a_distance(name: str, title: str) -> None:
    mark, report = judged(name, ANSWERS[name].RIGHT[title])
    assert report.status == outcome.RIGHT, report
    assert type(mark) is float and mark > 0


@pytest.mark.parametrize(("name", "title"), WRONG)
def test_a_wrong_answer_has_the_same_reason_at_a_distance(name: str, title: str) -> None:
    given, reason = ANSWERS[name].WRONG[title]
    _, report = judged(name, given)
    assert report.status == outcome.NOT_YET, report
    assert reason in report.reasons, report


def test_what_is_missing_and_what_is_untouched_earn_nothing() -> None:
    with pytest.raises(NameError):
        judge.run_test(source("test_freeze_base"), Loopback({}))

    def freeze_base(model: nn.Module, head_name: str) -> None:
        raise NotImplementedError("Write your answer here, then run this cell.")

    mark, report = judged("freeze_base", freeze_base)
    assert (mark, report.status) == (0.0, outcome.NOT_ATTEMPTED)


# ------------------------------------------------------------- values there and back
def there_and_back(function, *arguments):
    """Call `function` at a distance; returns its result. The arguments are changed as it changed its own."""
    return judge.Distant(Loopback({"f": function}), "f")(*arguments)


@pytest.mark.parametrize(
    "value",
    [None, True, 7, -(2**62), 0.1, float("inf"), "a", (1, [2.5, {"a": None}]), {1: "one"}, {1, 2}, np.float64(0.5), np.int64(3)],
)
def test_plain_values_come_back_as_they_are(value) -> None:
    found = there_and_back(lambda: value)
    assert type(found) is type(value) and found == value


def test_not_a_number_stays_one() -> None:
    assert np.isnan(there_and_back(lambda: float("nan")))


def test_tensors_keep_values_kind_and_graph() -> None:
    leaf = torch.arange(6.0).reshape(2, 3).requires_grad_()
    plain, grown, parameter = there_and_back(lambda: (torch.tensor([1, 2]), leaf * 2, nn.Parameter(torch.ones(2))))
    assert plain.dtype == torch.int64 and plain.tolist() == [1, 2] and not plain.requires_grad
    assert torch.equal(grown.detach(), leaf.detach() * 2) and grown.requires_grad
    assert isinstance(parameter, nn.Parameter)
    with torch.inference_mode():
        assert there_and_back(lambda: torch.ones(2)).is_inference()


def test_the_very_object_comes_back_where_it_went_in() -> None:
    model = Case().model()
    assert there_and_back(lambda m: m, model) is model
    assert there_and_back(lambda m: [m.fc, m.fc.weight], model) == [model.fc, model.fc.weight]


def test_a_models_state_comes_back_into_the_judges_own_model() -> None:
    model = Case().model()
    head = model.fc

    def act(m):
        m.requires_grad_(False).eval()
        m.fc = nn.Linear(8, 2)
        m.stem.weight.data.add_(1)
        m.blocks[0].norm.running_mean.add_(3)
        m.note, m.fc.weight.require_grad = "hello", False
        m.fc.weight.sum().backward()

    before = model.stem.weight.detach().clone()
    there_and_back(act, model)
    assert model.fc is not head and model.fc.weight.shape == (2, 8) and model.fc.weight.requires_grad
    assert not model.stem.weight.requires_grad and torch.equal(model.stem.weight, before + 1)
    assert not model.training and model.blocks[0].norm.running_mean.mean() > 1
    assert (model.note, vars(model.fc.weight)["require_grad"]) == ("hello", False)
    assert torch.equal(model.fc.weight.grad, torch.ones(2, 8))
    assert model(torch.zeros(1, 3, 12, 12)).shape == (1, 2)


def test_an_optimizer_holds_the_judges_own_parameters() -> None:
    model = Case().model()

    def build(m):
        return torch.optim.AdamW([{"params": m.fc.parameters(), "lr": 0.1}, {"params": [nn.Parameter(torch.ones(3))]}], lr=0.2)

    optimizer = there_and_back(build, model)
    assert type(optimizer) is torch.optim.AdamW
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == [id(p) for p in model.fc.parameters()]
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.2]
    assert optimizer.param_groups[1]["params"][0].shape == (3,)


def test_a_new_head_and_its_optimizer_are_one() -> None:
    def swap(m):
        m.fc = nn.Linear(8, 5)
        return torch.optim.SGD(m.fc.parameters(), lr=0.1)

    model = Case().model()
    optimizer = there_and_back(swap, model)
    assert optimizer.param_groups[0]["params"][0] is model.fc.weight


def test_lists_and_dicts_that_were_changed_in_place_are_changed_here() -> None:
    history, config = [{"epoch": 1}, {"epoch": 2}], {"lr": 0.1, "names": ["a"]}

    def act(h, c):
        h[0]["epoch"] = 9
        h.append({"epoch": 3})
        c["names"].append("b")
        del c["lr"]

    there_and_back(act, history, config)
    assert history == [{"epoch": 9}, {"epoch": 2}, {"epoch": 3}]
    assert config == {"names": ["a", "b"]}


def test_hooks_and_observers() -> None:
    model, watch = Case().model(), Watch()
    model.fc.register_forward_hook(watch)

    def act(m):
        with torch.no_grad():
            m(torch.zeros(2, 3, 12, 12))
        m.stem.register_forward_hook(lambda *a: None)

    there_and_back(act, model)
    assert watch.calls == [(2, False)]
    assert len(model.stem._forward_hooks) == 1


def test_errors_keep_their_name_and_words() -> None:
    def fail():
        raise ValueError("n is 9")

    class Odd(Exception):
        pass

    def odd():
        raise Odd("strange")

    with pytest.raises(ValueError, match="n is 9"):
        there_and_back(fail)
    with pytest.raises(Exception, match="strange") as caught:
        there_and_back(odd)
    assert type(caught.value).__name__ == "Odd"
    with pytest.raises(Exception) as caught:
        there_and_back(lambda: exec("raise SystemExit(3)"))
    assert type(caught.value).__name__ == "SystemExit" and isinstance(caught.value, Exception)


# ------------------------------------------------------------- what cannot be believed
class Equal:
    """Equals everything, is as large as anything."""

    def __eq__(self, other):
        return True

    __hash__ = object.__hash__

    def __float__(self):
        return 1.0


def test_objects_of_the_learners_own_classes_do_not_come_over() -> None:
    found = there_and_back(lambda: [Equal(), lambda: 1, open])
    assert [type(thing).__name__ for thing in found] == ["Equal", "function", "builtin_function_or_method"]
    assert found[0] != 1.0
    assert judged("count_parameters", lambda model: (Equal(), Equal()))[0] == 0.0


@pytest.mark.parametrize(
    "what", ["no models", "no base", "no parameters", "a number for a name", "another key", "garbage", "no tensors", "a list"]
)
def test_a_description_that_does_not_fit_gives_no_points(what: str) -> None:
    """As from a `serve` that the learner has replaced: whatever it sends, the judge goes on, and nothing is earned."""

    def change(content, tensors):
        if what == "no models" and "models" in content:
            content["models"] = []
        if what == "no parameters" and "models" in content:
            content["models"][0]["parameters"] = []
        if what == "no base" and "models" in content:
            for kind in ("modules", "parameters", "buffers"):
                content["models"][0][kind] = [e for e in content["models"][0][kind] if e[0] == "" or e[0].startswith("fc")]
        if what == "a number for a name" and "models" in content:
            content["models"][0]["modules"] = 7
        if what == "another key" and "models" in content:
            content["result"] = {"is": "known", "name": ["module", 99, "x"]}
        if what == "no tensors":
            tensors = save({})
        if what == "garbage" and "models" in content:
            tensors = b"garbage"
        return (["models"] if what == "a list" and "models" in content else content), tensors

    right = next(iter(ANSWERS["freeze_base"].RIGHT.values()))
    mark, report = judged("freeze_base", right, change=change)
    assert mark == 0.0 and report.status == outcome.NOT_YET


def test_claims_of_frozen_weights_are_compared_with_the_judges_own() -> None:
    """The learner's side says that everything was frozen, but its tensors moved."""

    def change(content, tensors):
        from safetensors.torch import load

        if "models" in content:
            tensors = save({key: tensor + 1 for key, tensor in load(tensors).items()})
        return content, tensors

    right = next(iter(ANSWERS["freeze_base"].RIGHT.values()))
    _, report = judged("freeze_base", right, change=change)
    assert "more_than_flags" in report.reasons


def test_an_emptied_walk_over_parameters_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def freeze_base(model, head_name):
        monkeypatch.setattr(nn.Module, "named_parameters", lambda self, *a, **k: iter(()))
        monkeypatch.setattr(nn.Module, "parameters", lambda self, *a, **k: iter(()))

    class Patched(Loopback):
        def ask(self, request):
            try:
                return super().ask(request)
            finally:
                monkeypatch.undo()  # in life the patch stays on the learner's side, in another process
                monkeypatch.setenv("FINETUNE_SECRET", "tests")

    with showing.collected() as shown:
        mark = judge.run_test(source("test_freeze_base"), Patched({"freeze_base": freeze_base}))
    assert mark == 0.0 and shown[-1].status == outcome.NOT_YET


def test_a_deep_or_endless_value_is_cut() -> None:
    deep: list = []
    for _ in range(500):
        deep = [deep]
    there_and_back(lambda: deep)
    there_and_back(lambda: (n for n in iter(int, 1)))


def test_names_that_a_test_cell_needs() -> None:
    text = "from x import y\nz = [w for w in v]\ndef g(a): return a + b\nprint(y, z, u)"
    assert judge.names_needed(text) == ["b", "u", "v"]


def test_known_things_have_one_name_on_both_sides() -> None:
    model = Case(kind="shared").model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    arguments = [model, {"o": optimizer, "t": torch.ones(1)}, [model.fc]]
    mine, theirs = Known(arguments), Known(pickle.loads(pickle.dumps(arguments)))
    assert list(mine.names.values()) == list(theirs.names.values())
    assert len(set(mine.names.values())) == len(mine.names)


def test_notes_of_the_wrong_kind_are_refused() -> None:
    class Counter(Observed):
        def take(self, notes):
            self.count = int(notes)

        def notes(self):
            return 1

    counter = Counter()
    known = Known([counter])
    content = {"models": [], "optimizers": [], "observed": ["many"], "result": None, "new": {}}
    with pytest.raises(Unusable):
        Evidence(content, {}, known).apply()
