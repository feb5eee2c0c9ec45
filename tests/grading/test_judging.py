"""Does judging at a distance give the verdict of judging in place, for every exercise, and does every value survive the way?"""

import copy
import importlib
import pickle
import pkgutil
import time
from collections.abc import Iterator
from functools import cache, partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from helpers.checks.exercise import Exercise
from helpers.checks.quiz import questions
from helpers.checks.report import NOT_ATTEMPTED, NOT_YET, RIGHT
from helpers.checks.small_models import Case
from helpers.checks.watching import Observed, Watch
from helpers.grading.inside.shared_objects import Known
from helpers.grading.judging.effects import CallEffects
from helpers.grading.judging.judged_run import _visit
from helpers.grading.judging.stand_ins import Unusable
from helpers.grading.judging.test_cell import Distant, fetch, names_needed, run_test
from tests import answers
from tests.answers import fine_tune_history, head_history
from tests.support import small_course as small
from tests.support.lines import Apart, Loopback, mark
from tests.support.notebook_cells import graded, run, source

NAMES = sorted(module.name for module in pkgutil.iter_modules(answers.__path__))
TRAINED = [name for name in NAMES if name.endswith("_history")]
ANSWERS = {name: importlib.import_module(f"tests.answers.{name}") for name in NAMES}
# One right and two wrong answers each, on one visible problem; test_answers.py tries all of them in place, on all problems.
CHOSEN = [(name, kind, title) for name in NAMES if name not in TRAINED for kind, most in (("RIGHT", 1), ("WRONG", 2))
          for title in list(getattr(ANSWERS[name], kind))[:most]]  # fmt: skip
TELLING = {"parameter_groups": 2}  # where the first problem does not tell them apart
# Answers that make things which do not travel: an iterator, copies of layers.
CHOSEN += [("fix_single_image", "WRONG", "an iterator"), ("run_strategy", "WRONG", "the whole model built anew")]


@pytest.fixture(autouse=True)
def _grading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUNE_SECRET", "tests")
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")


def judged_alike(name: str, given: object, status: str) -> None:
    """Judge an answer in place and at a distance: it has this status, and all is the same but the words."""
    exercise: Exercise = getattr(importlib.import_module(f"helpers.checks.{graded()[name].split('_', 1)[1]}"), name)
    names = getattr(ANSWERS[name], "namespace", lambda value: {name: value})(given)  # what the learner's notebook has defined
    line, cases, verdicts = Loopback(names), [exercise.cases[TELLING.get(name, 0)]], []
    for values in (names.values(), [fetch(line, name) for name in names]):
        torch.manual_seed(0)
        report = exercise.report(*values, cases=cases, points=10)
        findings = {key: (found.passed, found.reason) for key, found in report.findings.items()}
        verdicts.append((report.status, report.score, findings))
        assert report.status == status, report
    assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize(("name", "kind", "title"), CHOSEN)
def test_an_answer_has_the_same_verdict_at_a_distance(name: str, kind: str, title: str) -> None:
    given = getattr(ANSWERS[name], kind)[title]
    judged_alike(name, *((given, RIGHT) if kind == "RIGHT" else (given[0], NOT_YET)))


@pytest.fixture(scope="module")
def _small_course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A course of a few images, and training that does not touch what other tests have trained."""
    folder = tmp_path_factory.mktemp("small_course")
    small.few_images(folder, num_train=100, num_val=40, num_test=40)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for module, name in ((head_history, "loaders"), (head_history, "trained"), (fine_tune_history, "_run")):
            patch.setattr(module, name, cache(getattr(module, name).__wrapped__))
        yield


@pytest.mark.usefixtures("_small_course")
@pytest.mark.parametrize("name", TRAINED)
def test_trained_weights_have_the_same_verdict_at_a_distance(name: str) -> None:
    first = {"head_history": "trained", "fine_tune_history": "tuned"}[name]
    judged_alike(name, partial(getattr(ANSWERS[name], first)), RIGHT)
    # The history of honest work beside weights that never learned.
    judged_alike(name, partial(ANSWERS[name]._forged), NOT_YET)


@pytest.mark.parametrize("name", questions.load())
def test_quiz_answers_are_marked_at_a_distance(name: str) -> None:
    question, cell, names = questions.load()[name], source(f"test_{name}"), {}
    run(source(name), names)
    right = names[name]
    wrong = right[::-1] if isinstance(question, questions.OrderingQuestion) else next(x for x in question.letters if x != right)
    full, _ = mark(cell, Loopback({name: right}))
    less, _ = mark(cell, Loopback({name: wrong}))
    assert full >= 1 and less < full
    for odd in (None, ..., [right], float("nan"), {}):
        points, _ = mark(cell, Loopback({name: odd}))
        assert type(points) is float and 0 <= points <= full


@pytest.mark.parametrize("name", graded())
def test_a_test_cell_takes_from_the_notebook_what_the_exercise_is_given(name: str) -> None:
    expected = {"head_history": ["head_history", "model"], "fine_tune_history": ["fine_tune_history", "head_model", "model"]}
    assert names_needed(source(f"test_{name}")) == expected.get(name, [name])


def test_a_test_cell_is_run_as_it_is_in_the_master() -> None:
    right = next(iter(ANSWERS["count_parameters"].RIGHT.values()))
    points, report = mark(source("test_count_parameters"), Loopback({"count_parameters": right}))
    assert (type(points), points, report.status) == (float, 4.0, RIGHT)


@pytest.mark.parametrize("test_cell", [
    "while True: pass\n1", "for _ in range(10**12):\n    try: len('')\n    except Exception: pass\n1", "answer()\n1",
    "try: answer()\nexcept Exception: pass\n1",
])  # fmt: skip
def test_a_judge_that_takes_too_long_is_ended_and_so_is_an_answer(test_cell: str, tmp_path) -> None:
    line = Apart("def answer():\n    import time\n    time.sleep(2)", tmp_path, seconds=1)
    outputs, over_time = _visit(partial(run_test, test_cell), line, seconds=1.5)
    line.close()
    assert (outputs, over_time) == ([], True)


def test_a_judge_in_time_is_left_alone_afterwards(tmp_path) -> None:
    outputs, over_time = _visit(partial(run_test, "sum(range(4))"), Loopback({}), seconds=0.2)
    ends = time.monotonic() + 0.4
    while time.monotonic() < ends:  # where a late end would be felt
        pass
    assert ([output["data"]["text/plain"] for output in outputs], over_time) == (["6"], False)


def test_what_is_missing_and_what_is_untouched_earn_nothing() -> None:
    with pytest.raises(NameError):
        run_test(source("test_freeze_base"), Loopback({}))

    def freeze_base(model: nn.Module, head_name: str) -> None:
        raise NotImplementedError("Write your answer here, then run this cell.")

    points, report = mark(source("test_freeze_base"), Loopback({"freeze_base": freeze_base}))
    assert (points, report.status) == (0.0, NOT_ATTEMPTED)


def there_and_back(function, *arguments):
    """Call `function` at a distance; returns its result. The arguments are changed as it changed its own."""
    return Distant(Loopback({"f": function}), "f")(*arguments)


NUMBERS = (7, -(2**62), 0.1, float("inf"), float("nan"), np.float64(0.5), np.int64(3))


@pytest.mark.parametrize("value", [None, True, *NUMBERS, "a", (1, [2.5, {"a": None}]), {1: "one"}, {1, 2}])
def test_plain_values_come_back_as_they_are(value) -> None:
    found = there_and_back(lambda: value)
    assert type(found) is type(value)
    assert found == value or (np.isnan(found) and np.isnan(value))


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
    assert watch.calls == [(2, True, False)]
    assert len(model.stem._forward_hooks) == 1


def test_a_gradient_goes_over_and_comes_back() -> None:
    model = Case().model()
    model(torch.zeros(2, 3, 12, 12)).sum().backward()
    before = model.fc.weight.grad.clone()

    def act(m):
        found = [p.grad is not None for p in m.parameters()]
        m.zero_grad(set_to_none=False)
        m.stem.weight.grad = None
        return found

    assert all(there_and_back(act, model))
    assert before.any() and not model.fc.weight.grad.any() and model.stem.weight.grad is None


def test_a_copy_of_a_layer_works_as_the_layer_did() -> None:
    model = Case(kind="nested").model().eval()
    images, blocks = Case().images(), model.blocks
    before = model(images)
    there_and_back(lambda m: setattr(m, "blocks", copy.deepcopy(m.blocks)), model)
    assert model.blocks is not blocks and torch.equal(model(images), before)


def test_loaders_and_data_sets_can_be_read_as_they_could_there() -> None:
    numbers = TensorDataset(torch.arange(5))

    class Counted(Dataset):
        def __init__(self):
            self.looks = 0

        def __len__(self):
            return 2

        def __getitem__(self, index):
            self.looks += 1
            return self.looks

    class Breaks:
        def __iter__(self):
            yield 1
            raise ValueError("no more")

    loader, data, once, breaks = there_and_back(lambda: (DataLoader(numbers, 2), Counted(), (n for n in (1, 2)), Breaks()))
    assert [[len(batch[0]) for batch in loader] for _ in range(2)] == [[2, 2, 1]] * 2 and not hasattr(loader, "__getitem__")
    assert (data[0], data[1], data[0], len(data)) == (1, 2, 3, 2) and not hasattr(data, "__iter__")
    assert (list(once), list(once), type(once).__name__) == ([1, 2], [], "generator")
    with pytest.raises(ValueError, match="no more"):
        list(breaks)


def test_errors_keep_their_name_and_words() -> None:
    class Odd(Exception):
        pass

    def fail(error):
        raise error

    errors = {ValueError("n is 9"): ValueError, Odd("strange"): Exception, KeyError(26): KeyError, SystemExit(3): Exception}
    for error, kind in errors.items():
        with pytest.raises(kind, match=f"^{error}$") as caught:
            there_and_back(partial(fail, error))
        assert type(caught.value).__name__ == type(error).__name__


def test_a_deep_or_endless_value_is_cut() -> None:
    deep: list = []
    for _ in range(500):
        deep = [deep]
    there_and_back(lambda: deep)
    there_and_back(lambda: (n for n in iter(int, 1)))


def test_names_that_a_test_cell_needs() -> None:
    text = "from x import y\nz = [w for w in v]\ndef g(a): return a + b\nprint(y, z, u)"
    assert names_needed(text) == ["b", "u", "v"]


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

    content = {"models": [], "optimizers": [], "observed": ["many"], "inputs": [], "result": None, "arguments": None, "new": {}}
    with pytest.raises(Unusable):
        CallEffects(content, {}, Known([Counter()])).apply([])
