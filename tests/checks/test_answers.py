"""Does every check tell right from wrong, and say why?

Each answer in ``tests/answers`` goes through the notebook's visible check cell and through its locked test
cell, hidden part included, both taken from the master and run in this process.
"""

import contextlib
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from helpers.checks import exercise
from helpers.checks import report as reports
from helpers.checks.take_it_home import onnx_run
from helpers.checks.training_result import LAPTOP, HeldOut
from helpers.grading import hidden
from helpers.grading.hidden import draw
from helpers.notebooks.masters import without_hidden_tests
from helpers.training.cache import checksum
from tests import answers
from tests.support import small_course as small
from tests.support.forked_program import IN_PLACE_OF_SUBPROCESS
from tests.support.notebook_cells import graded, imports, is_short, masters, run, source, stubbed

NAMES = sorted(module.name for module in pkgutil.iter_modules(answers.__path__))
ANSWERS = {name: importlib.import_module(f"tests.answers.{name}") for name in NAMES}
RIGHT = [(name, title) for name in NAMES for title in ANSWERS[name].RIGHT]
WRONG = [(name, title) for name in NAMES for title in ANSWERS[name].WRONG]

# Exercises whose hidden problems are drawn; the training results are measured on one and the same held-out images.
DRAWN = [name for name in NAMES if "hidden.cases" in source(f"test_{name}") and not name.endswith("_history")]


def points(name: str) -> float:
    """The points that the master gives for the exercise."""
    cells = {cell.id: cell for cell in masters()[graded()[name]].cells}
    return cells[f"test_{name}"].metadata.nbgrader.points


def checks_module(name: str) -> Any:
    """The check module of the exercise's lesson."""
    return importlib.import_module(f"helpers.checks.{graded()[name].split('_', 1)[1]}")


def names_for(name: str, answer: Any) -> dict[str, Any]:
    """What the learner's notebook has defined when the check cell runs."""
    extra = getattr(ANSWERS[name], "namespace", lambda value: {name: value})(answer)
    return {"checks": checks_module(name), **extra}


def visible(name: str, answer: Any, monkeypatch: pytest.MonkeyPatch) -> reports.Report:
    """The outcome that the learner sees: of the ungraded check cell, or of the test cell as it is released."""
    if not is_short(name):
        return run(source(f"check-{name}"), names_for(name, answer))
    return marked(without_hidden_tests(source(f"test_{name}")), name, answer, monkeypatch)[1]


def locked(name: str, answer: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[float, reports.Report]:
    """The mark of the locked test cell, hidden part included, and the report that it showed."""
    return marked(source(f"test_{name}"), name, answer, monkeypatch)


def marked(text: str, name: str, answer: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[float, reports.Report]:
    """The mark that a test cell's source gives, and the report that it showed."""
    shown: list[reports.Report] = []
    monkeypatch.setattr(exercise, "show", shown.append)
    mark = run(text, names_for(name, answer))
    return mark, shown[-1]


@pytest.fixture(scope="module", autouse=True)
def _few_held_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fewer and smaller images than learners have, with the same bars, and each set of weights measured on them once.

    500 training images are the fewest for which the course's own bars hold. What a model measures depends on its weights and
    buffers alone, as all have the lesson's architecture: the visible check and the test cell then share one number.
    """
    folder, kept, measure = tmp_path_factory.mktemp("held_out"), {}, HeldOut.measure
    small.few_images(folder, num_train=500, num_val=250, num_test=250, image_size=64)

    def measured(self: HeldOut, model: Any, released_blocks: int | None, split: str | None = None) -> dict[str, float]:
        key = self.seed, split or self.split, released_blocks, checksum(model.state_dict())
        if key not in kept:
            kept[key] = measure(self, model, released_blocks, split)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(HeldOut, "measure", measured)
        patch.setattr(HeldOut, "bars", lambda _: LAPTOP)
        patch.setattr(hidden, "cases", _drawn_once)
        yield


@pytest.fixture(scope="module", autouse=True)
def _forked_onnx() -> Iterator[None]:
    """A hundred ONNX files are run, each in a process of its own: a Python started anew takes 0.3 CPU-s to import what it needs.

    `tests/checks/test_take_it_home.py` starts it as learners do.
    """
    with pytest.MonkeyPatch.context() as patch:
        if sys.platform == "linux":
            patch.setattr(onnx_run, "subprocess", IN_PLACE_OF_SUBPROCESS)
        yield


def _drawn_once(name: str) -> list:
    """The hidden problems of an exercise, drawn once for each secret: some are tried before they are taken."""
    key = name, draw.secret()
    if key not in _problems:
        _problems[key] = tuple(draw.cases(name))
    return list(_problems[key])


_problems: dict[tuple[str, str], tuple] = {}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks that do not depend on this computer's secret, and no trace on its start page."""
    monkeypatch.setenv("FINETUNE_SECRET", "tests")
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")


@pytest.fixture(autouse=True)
def _without_onednn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolutions by torch's own code: on small models oneDNN takes nearly half as long again.

    Right answers meet the problems of the first secret with oneDNN, as learners do, and those of other secrets without: a verdict
    that hung on the last bits would show. Real backbones, those of training results, train with it throughout.
    """
    small_models = not request.node.callspec.params["name"].endswith("_history")
    if small_models and request.function is not test_right_answer_is_right:
        monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)


@pytest.mark.parametrize("name", sorted(graded()))
def test_every_exercise_has_enough_answers(name: str) -> None:
    assert name in NAMES, f"tests/answers/{name}.py is missing"
    # A repair in the clinic has less room to be right or wrong in: the broken program itself is one of the wrong ones.
    right, wrong = (2, 3) if is_short(name) else (3, 5)
    assert len(ANSWERS[name].RIGHT) >= right
    assert len(ANSWERS[name].WRONG) >= wrong


@pytest.mark.parametrize(("name", "title"), RIGHT)
def test_right_answer_is_right(name: str, title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = ANSWERS[name].RIGHT[title]
    report = visible(name, answer, monkeypatch)
    assert report.status == reports.RIGHT, report
    mark, report = locked(name, answer, monkeypatch)
    assert report.status == reports.RIGHT, report
    assert type(mark) is float
    assert mark == points(name)


@pytest.mark.parametrize(("name", "title"), WRONG)
def test_wrong_answer_is_refused_with_its_reason(name: str, title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, reason, *_ = ANSWERS[name].WRONG[title]
    mark, report = refused(name, answer, reason, monkeypatch)
    assert report.status == reports.NOT_YET, report
    assert type(mark) is float
    assert 0 <= mark < points(name), report
    assert reason in report.reasons, report
    # A learner who was told "right" must not get a low mark, and reads the same reason in both places.
    report = seen(name, title, monkeypatch)
    assert report.status == reports.NOT_YET, report
    assert reason in report.reasons, report


def refused(name: str, answer: Any, reason: str, monkeypatch: pytest.MonkeyPatch) -> tuple[float, reports.Report]:
    """As `locked`, on the first hidden problem alone where that gives the reason: further ones can only take points."""
    problems = hidden.cases(name) if name in DRAWN else []
    monkeypatch.setattr(hidden, "cases", lambda _: problems[:1])
    first = locked(name, answer, monkeypatch) if problems else None
    if first and reason in first[1].reasons:
        return first
    monkeypatch.setattr(hidden, "cases", _drawn_once)
    return locked(name, answer, monkeypatch)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_answer_gets_the_reasons_that_it_deserves_and_no_other(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix of all wrong answers and all reasons: words about a mistake are read by those who made it, and by nobody else."""
    deserved = {title: set(reasons) for title, (_, *reasons) in ANSWERS[name].WRONG.items()}
    found = {title: seen(name, title, monkeypatch).reasons for title in deserved}
    # "error" says only that something was not reached: where the cause of the error is certain, it has a reason of its own.
    assert {title: found[title] - ({"error"} - deserved[title]) for title in deserved} == deserved


@pytest.mark.parametrize("name", NAMES)
def test_words_about_a_cause_belong_to_one_reason(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an answer could have the right reason and read words about a mistake that it did not make."""
    words: dict[str, set] = {}
    for title in ANSWERS[name].WRONG:
        for finding in seen(name, title, monkeypatch).findings.values():
            if finding.likely:
                words.setdefault(_bare(finding.likely), set()).add(finding.reason)
    assert {text: reasons for text, reasons in words.items() if len(reasons) > 1} == {}
    by_reason: dict[str, set] = {}
    for text, (reason, *_) in words.items():
        by_reason.setdefault(reason, set()).add(text)
    assert {reason: texts for reason, texts in by_reason.items() if len(texts) > MOST_WORDS} == {}


MOST_WORDS = 3  # of one reason: a count can be wrong in several places, each with words of its own


def _bare(text: str) -> str:
    """Words without the names and numbers of the problem at hand."""
    return re.sub(r"'[^']*'|\d+(?:\.\d+)?", "_", text)


def seen(name: str, title: str, monkeypatch: pytest.MonkeyPatch) -> reports.Report:
    """The visible check's report on a wrong answer, made once."""
    if (name, title) not in _seen:
        _seen[name, title] = visible(name, ANSWERS[name].WRONG[title][0], monkeypatch)
    return _seen[name, title]


_seen: dict[tuple[str, str], reports.Report] = {}


@pytest.mark.parametrize("secret", ["another", "a third"])
@pytest.mark.parametrize("name", DRAWN)
def test_another_secret_changes_no_verdict(name: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hidden problems are drawn at random: right must be right and wrong wrong whatever is drawn."""
    monkeypatch.setenv("FINETUNE_SECRET", secret)
    check, cases = getattr(checks_module(name), name), hidden.cases(name)

    def to_the_first_refusal(*case_and_answer: Any) -> Iterator[reports.Finding]:
        for finding in check.examine(*case_and_answer):
            yield finding
            if not finding.passed:
                return

    looks = replace(check, examine=to_the_first_refusal)

    def is_right(answer: Any) -> bool:  # nothing is looked at after the first refusal: not a problem, not an aspect
        return all(looks.report(answer, cases=[case]).status == reports.RIGHT for case in cases)

    right, wrong = ANSWERS[name].RIGHT, ANSWERS[name].WRONG
    assert {title for title, answer in right.items() if not is_right(answer)} == set()
    assert {title for title, (answer, *_) in wrong.items() if is_right(answer)} == set()


def stub(name: str) -> Any:
    """What the untouched answer cell leaves under the exercise's name."""
    names = {"__name__": "notebook"}
    for cell in masters()[graded()[name]].cells:
        if cell.id == name:
            break
        if cell.cell_type == "code":
            run("\n".join(imports(cell.source)) or "None", names)
    with contextlib.suppress(NotImplementedError):  # a value's cell raises at once; its name then holds None
        run(stubbed(source(name)), names)
    return names[name]


@pytest.mark.parametrize("name", NAMES)
def test_untouched_stub_is_not_attempted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = stub(name)
    assert visible(name, answer, monkeypatch).status == reports.NOT_ATTEMPTED
    mark, report = locked(name, answer, monkeypatch)
    assert report.status == reports.NOT_ATTEMPTED
    assert (type(mark), mark) == (float, 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_doing_nothing_earns_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mark, report = locked(name, (lambda *args, **kwargs: None), monkeypatch)
    assert report.status != reports.RIGHT
    assert mark == 0.0, report


@pytest.mark.parametrize("name", NAMES)
def test_hints_come_in_three_steps_and_do_not_repeat(name: str) -> None:
    hints = getattr(checks_module(name), name).hints
    assert len(set(hints)) == 3
    assert all(hint.strip() for hint in hints)
