"""Are the questions sound, is every claim in them what the code really does, and is an answer worth what it should be?"""

import ast
import json
import re
import statistics
import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from helpers.checks import code_listing, quiz
from helpers.checks.quiz import explanation, marking, ordering, questions, run_code
from helpers.checks.quiz.ask import Asked
from helpers.checks.quiz.question_kinds import ChoiceQuestion, OrderingQuestion
from helpers.checks.report import NOT_ATTEMPTED, NOT_YET, NOTED, RIGHT
from helpers.course import files, live_view, originals, progress
from helpers.course.errors import CourseError
from helpers.grading.submission.inert import clean
from tests.support.notebook_cells import QUIZ, ROOT, masters, run, source, stubbed

pytestmark = pytest.mark.usefixtures("course_folder")  # self-study, in a course folder of its own

QUESTIONS = questions.load()
CHOICES = {name: question for name, question in QUESTIONS.items() if isinstance(question, ChoiceQuestion)}
ORDERINGS = {name: question for name, question in QUESTIONS.items() if isinstance(question, OrderingQuestion)}
CODED = [(name, "") for name, question in CHOICES.items() if question.code]
CODED += [(name, option.letter) for name, question in CHOICES.items() for option in question.options if option.code]
WRONG = [(name, letter) for name, question in CHOICES.items() for letter in question.letters if letter != question.right]
# What the course contract asks for, and the pitfalls that no other exercise tests: question -> words of its right option.
CONTENT = {
    "q01_why_freeze": "keep the features",
    "q02_what_for": "new task by training some of its layers",
    "q03_freeze_snippet": "for p in model.fc.parameters():\n    p.requires_grad = True",
    "q04_count_flags": "parameter tensors",
    "q05_stuck_loss": "No parameter has `requires_grad = True`",
    "q06_where_to_start": "Freeze all, put in a final layer with 10 outputs",
    "q09_misspelt_flag": "freeze nothing",
    "q10_default_weights": "different weights after torchvision's next release",
    "q11_preprocessing": "weights.transforms()",
    "q12_two_groups": "ValueError",
    "q13_late_freeze": "Yes",
    "q14_all_at_once": "The head first, then all layers",
    "q15_which_blocks": "depends on what is new",
    "q16_new_group": "scheduler = lr_scheduler.LambdaLR(optimizer",
    "q17_adamw_myth": "gradient is None",
    "q18_seeds": "Nobody",
    "q23_same_patients": "promises too much",
    "q24_temperature": "each answer stays",
}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list:
    """What `grade` shows."""
    replies: list = []
    monkeypatch.setattr(marking, "show", replies.append)
    return replies


@pytest.fixture
def keyless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, ChoiceQuestion | OrderingQuestion]:
    """The questions as a class is handed them."""
    path = tmp_path / "questions.toml"
    path.write_text(questions.without_key(questions.PATH.read_text(encoding="utf-8")), encoding="utf-8")
    monkeypatch.setattr(questions, "PATH", path)
    return questions.load()


def test_parts_and_levels_are_those_that_the_contract_asks_for() -> None:
    sections = Counter(question.section for question in QUESTIONS.values())
    contract = {"Model quiz": 3, "Practice": 5, "Do you have it?": 10, "In order": 2}
    assert sections == contract | {"Other networks": 2, "Honest data": 2}
    test = Counter(question.level for question in QUESTIONS.values() if question.section == "Do you have it?")
    assert test == {"easy": 3, "medium": 4, "hard": 3}
    assert list(ORDERINGS) == ["q19_order_stages", "q20_order_program"]
    assert len(ORDERINGS["q19_order_stages"].items) == 6 and len(ORDERINGS["q20_order_program"].items) >= 7


@pytest.mark.parametrize("name", CHOICES)
def test_a_question_has_one_right_option_and_an_explanation_for_each(name: str) -> None:
    question = CHOICES[name]
    assert question.letters == "abcd" and question.right in tuple("abcd")
    said = [(code_listing.as_text(option.text).lower(), option.code) for option in question.options]
    reasons = [option.why for option in question.options]
    assert len(set(said)) == len(set(reasons)) == 4 and min(len(reason.split()) for reason in reasons) >= 8


def test_right_letters_are_spread_and_no_option_gives_itself_away_by_length() -> None:
    spread = Counter(question.right for question in CHOICES.values()).values()
    assert max(spread) - min(spread) <= 1
    lengths = {name: {o.letter: len(o.text) + len(o.code) for o in question.options} for name, question in CHOICES.items()}
    worded = {name: found for name, found in lengths.items() if not any(o.code for o in CHOICES[name].options)}
    assert [name for name, found in worded.items() if max(found.values()) > 1.7 * sorted(found.values())[1]] == []
    longest = [name for name, found in lengths.items() if max(found, key=found.get) == CHOICES[name].right]
    assert len(longest) <= len(lengths) / 3, longest


@pytest.mark.parametrize("name", CONTENT)
def test_what_the_contract_and_the_pitfalls_ask_for_is_right(name: str) -> None:
    option = CHOICES[name].option(CHOICES[name].right)
    assert CONTENT[name] in option.text + option.code


# A pattern of the file, what takes its place, and what is said of it.
BROKEN = {
    "no TOML": ("(?s).+", "[[question", "cannot be read"),
    "a number left out": ('id = "q02_what_for"', 'id = "q05_what_for"', "should have an id that begins with q02_"),
    "no explanation": ('why = "Nobody wins', 'because = "Nobody wins', "unexpected keyword argument 'because'"),
    "an empty explanation": (r'why = "A flag computes[^\n]*', 'why = ""', "has an option without an explanation"),
    "another letter": ('right = "c"', 'right = "f"', "says that 'f' is right"),
    "two alike": (
        'text = "Because freezing by itself raises the accuracy."',
        'text = "To keep the features it has learned while the new layer learns the new task."',
        "alike",
    ),
    "not Python": (r"model\.freeze\(\)", "model.freeze(", "has code that is not Python"),
    "code without a claim": ('shows = "159"\n', "", "has code without what it shows"),
    "a key for some": ('right = "b"\n', "", "does not say which option is right"),
    "a circle": ('text = "load the pre-trained model"', 'text = "load"\nneeds = {c = "so"}', "wait for each other"),
    "an unknown level": ('level = "easy"', 'level = "trivial"', "one of the levels easy, medium and hard"),
    "no hint": (r'hint = "The new layer[^\n]*', 'hint = ""', "needs a hint, and a link such as"),
    "a link to nowhere": ('link = "03_freeze_base#why"', 'link = "lesson 3"', "needs a hint, and a link such as"),
    "no mistakes": (r"(?s)mistakes = \[.*?\]\n", "", "needs all of steps, mistakes, check, check_shows"),
    "a check that is no Python": (r'check = """', 'check = """\n)', "has code that is not Python"),
}


@pytest.mark.parametrize("title", BROKEN)
def test_a_file_that_is_not_complete_is_refused_in_one_sentence(title: str, tmp_path: Path) -> None:
    pattern, new, said = BROKEN[title]
    path = tmp_path / "questions.toml"
    path.write_text(re.sub(pattern, new, questions.PATH.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    with pytest.raises(CourseError, match=re.escape(said)) as raised:
        questions.load(path)
    assert "\n" not in str(raised.value)


def test_an_unknown_question_is_one_sentence() -> None:
    with pytest.raises(CourseError, match="There is no question 'q1': take one of q01_why_freeze"):
        quiz.ask("q1")


@pytest.mark.parametrize(("name", "letter"), CODED)
def test_code_does_what_the_file_says(name: str, letter: str) -> None:
    claim = CHOICES[name].option(letter).shows if letter else CHOICES[name].shows
    printed = quiz.run(name, letter).text
    assert re.fullmatch(pattern_of(claim), printed.strip()), printed


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_quick_check_shows_what_the_file_says(name: str) -> None:
    assert re.fullmatch(pattern_of(QUESTIONS[name].check_shows), quiz.check(name).text)


def pattern_of(claim: str) -> str:
    """A claim of what code shows as a pattern: "…" stands for anything in a line."""
    return "\n".join(".*".join(map(re.escape, line.split("…"))) for line in claim.strip().splitlines())


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_link_leads_to_a_cell_under_a_heading(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lesson, cell = QUESTIONS[name].link.split("#")
    assert cell in [one.id for one in masters()[lesson].cells]
    monkeypatch.chdir(ROOT / "source" / QUIZ)
    words, address = explanation.place(QUESTIONS[name].link)
    heading = address.split("#")[1].replace("-", " ")
    assert words.startswith(f"lesson {lesson[:2]}, ") and heading.replace(" ", "") == words[11:].replace(" ", "").replace("-", "")
    assert f"<a href='{address}' " in quiz.hint(name)._repr_html_() and words in repr(quiz.hint(name))


def test_a_lesson_that_is_not_there_is_named_without_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handout of one lesson has no other."""
    monkeypatch.chdir(tmp_path)
    assert explanation.place("03_freeze_base#why") == ("lesson 03", "")
    assert "href" not in quiz.hint("q01_why_freeze")._repr_html_()


def test_a_heading_with_quotes_and_code_is_linked_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lesson, here = tmp_path / "03_freeze_base", tmp_path / "08_quiz"
    lesson.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    cell = {"cell_type": "markdown", "id": "why", "source": ["text\n", '## The model\'s `eval`, "why"?']}
    (lesson / "03_freeze_base.ipynb").write_text(json.dumps({"cells": [cell]}), encoding="utf-8")
    words, address = explanation.place("03_freeze_base#why")
    assert words == 'lesson 03, The model\'s eval, "why"?' and address.endswith('#The-model\'s-eval,-"why"?')
    assert "#The-model&#x27;s-eval,-&quot;why&quot;?' " in quiz.hint("q01_why_freeze")._repr_html_()


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_way_to_the_answer_is_there_in_steps_and_names_it(name: str) -> None:
    question, page, words = QUESTIONS[name], quiz.ask(name).card._repr_html_(), repr(quiz.solution(name))
    assert 3 <= len(question.steps) <= 4 and len(question.mistakes) == 2 and len(question.hint.split()) >= 8
    if name in CHOICES:
        assert [re.findall(r"\banswer ([a-d])\b", step) for step in question.steps if "answer " in step][-1] == [question.right]
    else:
        said = [quoted for step in question.steps for quoted in re.findall(r"`([a-h ]+)`", step)]
        assert said and set(map(orderless, said)) <= set(ordering.orders(question))
    for text in (*question.steps, *question.mistakes, question.hint):
        assert code_listing.prose(text) in page
    for text in (*question.steps, *question.mistakes, *question.check.strip().splitlines()):
        assert code_listing.as_text(text) in words
    folds = re.findall(r"<summary[^>]*>([^<]+)</summary>", page)
    assert folds[-4:] == ["Hint", "Solution, step by step", "Quick check", "Common mistakes"]
    assert not re.search(r"<details open", page)


def orderless(order: str) -> str:
    return order.replace(" ", "")


def test_the_score_counts_right_answers_by_section_and_level(shown: list) -> None:
    assert str(quiz.score().sections[0]) == "Model quiz: 0 of 3 (easy 0 of 2, medium 0 of 1)"
    quiz.grade("q01_why_freeze", "b")
    quiz.grade("q02_what_for", "a")
    for name, question in CHOICES.items():
        if question.section == "Do you have it?" and name != "q18_seeds":
            quiz.grade(name, question.right)
    found = quiz.score()
    assert [(score.right, score.questions) for score in found.sections] == [(1, 3), (0, 5), (9, 10), (0, 2), (0, 2), (0, 2)]
    assert "Do you have it?: 9 of 10 (easy 3 of 3, medium 4 of 4, hard 2 of 3)" in repr(found)
    assert repr(found).endswith("You have it.") and "9 of 10" in found._repr_html_()


def test_a_score_of_seven_is_not_enough(shown: list) -> None:
    test = [name for name, question in CHOICES.items() if question.section == "Do you have it?"]
    for name in test[:7]:
        quiz.grade(name, CHOICES[name].right)
    assert repr(quiz.score()).endswith("From 8 right answers in “Do you have it?” on, you have it.")
    quiz.grade(test[7], CHOICES[test[7]].right)
    assert repr(quiz.score()).endswith("\nYou have it.")


def test_a_class_is_told_no_way_to_the_answer(keyless: dict, shown: list) -> None:
    for name in QUESTIONS:
        assert "feedback" in repr(quiz.solution(name)) and "Solution, step by step" not in quiz.ask(name).card._repr_html_()
        assert code_listing.as_text(QUESTIONS[name].hint) in repr(quiz.hint(name))
        with pytest.raises(CourseError, match="comes with the feedback"):
            quiz.check(name)
    quiz.grade("q01_why_freeze", "a")
    assert repr(quiz.score()).startswith("Model quiz: 1 of 3") and repr(quiz.score()).endswith("Your instructor marks them.")


def test_what_is_said_of_lesson_10_is_what_its_race_recorded() -> None:
    from helpers.training import race

    outcomes = race.load_race().outcomes
    mean = {
        key: statistics.mean(o.accuracy for o in outcomes if o.strategy == key) for key in ("all_at_once", "head_then_blocks")
    }
    assert mean["all_at_once"] > mean["head_then_blocks"] + 0.03
    assert "all layers from the start did better (lesson 10)" in CHOICES["q14_all_at_once"].option("d").why


def test_what_is_said_of_schedulers_is_what_they_do() -> None:
    """A group added late: some schedulers stop, some go on, one to a higher rate than it was given."""
    import torch
    from torch.optim import lr_scheduler

    def rates(make) -> list[float]:
        weights = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
        optimizer = torch.optim.SGD(weights[:1], lr=1e-3)
        scheduler = make(optimizer)
        optimizer.add_param_group({"params": weights[1:], "lr": 1e-4})
        for _ in range(3):
            optimizer.step()
            scheduler.step()
        return [group["lr"] for group in optimizer.param_groups]

    for make, error in ((lambda o: lr_scheduler.LambdaLR(o, float), ValueError), (one_cycle, KeyError)):
        with pytest.raises(error):
            rates(make)
    assert rates(lambda o: lr_scheduler.StepLR(o, 1, 0.5))[1] == pytest.approx(1e-4 / 8)
    assert rates(lambda o: lr_scheduler.ConstantLR(o, 0.5, 3))[1] == pytest.approx(2e-4)


def one_cycle(optimizer):
    from torch.optim import lr_scheduler

    return lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=9)


def test_numbers_in_the_explanations_are_counted() -> None:
    from torch import nn
    from torchvision.models import mobilenet_v2, resnet50

    whys = {name: " ".join(option.why for option in question.options) for name, question in CHOICES.items()}
    small, large = mobilenet_v2(num_classes=10), resnet50(num_classes=10)
    assert f"{sum(p.numel() for p in small.classifier.parameters()):,} numbers" in whys["q04_count_flags"]
    assert f"would be {len(list(small.parameters()))}" in whys["q04_count_flags"]
    assert f"{large.conv1.weight.numel():,} of ResNet50's" in whys["q06_where_to_start"]
    assert f"{sum(p.numel() for p in large.parameters()) / 1e6:.1f} million" in whys["q06_where_to_start"]
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in large.modules())
    assert f"each of the {norms} layers" in whys["q08_statistics"]
    assert f"{len(list(large.buffers()))} buffers" in whys["q08_statistics"]
    assert (0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1) and "`0.1 + 0.2 + 0.3` and `0.3 + 0.2 + 0.1` differ" in whys["q18_seeds"]


def test_the_grain_of_truth_in_the_myth_is_true() -> None:
    """Frozen with a gradient of zero, AdamW's decay does shrink a weight; with None it does not."""
    import torch

    for gradient, shrinks in ((torch.zeros(3), True), (None, False)):
        weight = torch.nn.Parameter(torch.ones(3), requires_grad=False)
        weight.grad = gradient
        torch.optim.AdamW([weight], weight_decay=0.1).step()
        assert bool((weight < 1).all()) is shrinks


def test_a_loss_with_the_right_remedy_falls() -> None:
    losses = [float(line.split()[1]) for line in quiz.run("q05_stuck_loss", "d").text.splitlines()]
    assert losses == sorted(losses, reverse=True) and len(set(losses)) == 3
    assert len(set(quiz.run("q05_stuck_loss", "b").text.splitlines())) == 1


def test_a_run_leaves_the_learners_random_numbers_and_names_alone() -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    quiz.run("q12_two_groups")
    assert torch.equal(torch.rand(3), expected)


def test_warnings_are_part_of_what_is_shown() -> None:
    assert run_code.printed_by("import warnings\nprint(1)\nwarnings.warn('careful')") == "1\nUserWarning: careful"
    assert run_code.printed_by("pass") == run_code.NOTHING


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("q01_why_freeze", "a", "it has none"),
        ("q03_freeze_snippet", "e", "take one of the letters a, b, c, d"),
        ("q04_count_flags", "a", 'write quiz.run("q04_count_flags")'),
        ("q20_order_program", "", "write the letters a b c d e f g h in the order to run them"),
    ],
)
def test_where_there_is_nothing_to_run_the_remedy_is_said(name: str, answer: str, said: str) -> None:
    with pytest.raises(CourseError, match=re.escape(said)):
        quiz.run(name, answer)


@pytest.mark.parametrize("name", CHOICES)
def test_right_letter_earns_the_point_in_every_spelling(name: str, shown: list) -> None:
    right = CHOICES[name].right
    for spelling in (right, right.upper(), f" {right} ", f"({right})", f"{right})", f"{right}."):
        mark = quiz.grade(name, spelling, points=1)
        assert (type(mark), mark, shown[-1].status) == (float, 1.0, RIGHT)
    assert code_listing.as_text(CHOICES[name].option(right).why) in repr(shown[-1])
    assert progress.load()[QUIZ][name] == RIGHT


@pytest.mark.parametrize(("name", "letter"), WRONG)
def test_wrong_letter_earns_nothing_and_is_told_its_own_reason(name: str, letter: str, shown: list) -> None:
    assert quiz.grade(name, letter) == 0.0
    question, page = CHOICES[name], shown[-1]._repr_html_()
    assert shown[-1].status == NOT_YET
    before, best, *rest = page.split("<details")
    assert code_listing.prose(question.option(letter).why) in before
    assert code_listing.prose(question.option(question.right).why) in best
    assert all(code_listing.prose(step) in "".join(rest) for step in question.steps)
    assert all(code_listing.prose(o.why) not in page for o in question.options if o.letter not in (letter, question.right))


@pytest.mark.parametrize("answer", ["e", "", "ab", "a b", "none of them", 1, 2.5, ["a"], {"a"}, True, object()])
def test_nonsense_earns_nothing_and_is_told_the_remedy(answer: object, shown: list) -> None:
    assert quiz.grade("q01_why_freeze", answer) == 0.0
    assert shown[-1].trouble.endswith("is none of the answers: write one of the letters a, b, c, d, in quotation marks.")
    assert quiz.grade("q19_order_stages", answer, points=3) == 0.0
    assert "write each of the letters a, b, c, d, e, f once" in shown[-1].trouble


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_is_untouched_is_not_attempted(name: str, shown: list) -> None:
    stub = stubbed(source(name))
    names: dict = {"quiz": quiz}
    with pytest.raises(NotImplementedError):
        run(stub, names)
    assert run(source(f"test_{name}"), names) == 0.0 and shown[-1].status == NOT_ATTEMPTED
    assert f'{name} = "..."' in shown[-1].headline


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_masters_own_answers_are_right(name: str, shown: list) -> None:
    names: dict = {"quiz": quiz}
    run(source(name), names)
    assert run(source(f"test_{name}"), names) == (1.0 if name in CHOICES else 3.0) and shown[-1].status == RIGHT


@pytest.mark.parametrize("name", ORDERINGS)
def test_every_order_that_the_graph_allows_is_right(name: str, shown: list) -> None:
    found = list(ordering.orders(ORDERINGS[name]))
    assert len(found) == {"q19_order_stages": 2, "q20_order_program": 10}[name]
    assert "".join(sorted(found[0])) not in found, "the order of the file is none of the right ones"
    for letters in found:
        for spelling in (ordering.spaced(letters), letters, ", ".join(letters).upper(), " -> ".join(letters), list(letters)):
            assert quiz.grade(name, spelling, points=3) == 3.0


def reversed_at(question: OrderingQuestion, needed: str, needing: str) -> str:
    """An order that breaks this one dependency and no other."""
    items = {item.letter: set(item.needs) for item in question.items}
    items[needing].discard(needed)
    items[needed].add(needing)
    found = ""
    while len(found) < len(items):
        found += next(letter for letter in items if letter not in found and items[letter] <= set(found))
    return found


# (question, needed, needing) for every dependency.
EDGES = [(name, letter, item.letter) for name, question in ORDERINGS.items() for item in question.items for letter in item.needs]


@pytest.mark.parametrize(("name", "needed", "needing"), EDGES)
def test_a_broken_dependency_is_named_and_costs_a_part(name: str, needed: str, needing: str, shown: list) -> None:
    question = ORDERINGS[name]
    mark = quiz.grade(name, reversed_at(question, needed, needing), points=3)
    assert 0 < mark < 3 and shown[-1].reasons == {f"{needing}_before_{needed}"}
    assert question.item(needing).needs[needed] in repr(shown[-1]) and f"{needed} before {needing}" in repr(shown[-1])


@pytest.mark.parametrize("name", ORDERINGS)
def test_the_reverse_of_a_right_order_earns_nothing(name: str, shown: list) -> None:
    assert quiz.grade(name, next(ordering.orders(ORDERINGS[name]))[::-1], points=3) == 0.0


def test_reasons_of_an_order_are_plain_words() -> None:
    """A report shows them as they stand."""
    reasons = [reason for question in ORDERINGS.values() for item in question.items for reason in item.needs.values()]
    assert not [reason for reason in reasons if code_listing.as_text(reason) != reason or "`" in reason]


def test_an_order_of_the_program_works_exactly_if_the_graph_allows_it() -> None:
    """All right orders are run, one for each broken dependency, and many at random; on a model that is built in no time."""
    import random

    question, draw = ORDERINGS["q20_order_program"], random.Random(0)
    small = "nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 512, 1), norm=nn.BatchNorm2d(512), "
    small += "pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), fc=nn.Linear(512, 12)))"
    setup = question.setup.replace("resnet18()\n", f"{small}\n").replace("32, 32", "2, 2")
    lines = {item.letter: item.code for item in question.items}
    right = set(ordering.orders(question))
    tried = right | {reversed_at(question, *edge) for name, *edge in EDGES if name == question.id}
    tried |= {"d" + "".join(draw.sample("abcefgh", 7)) for _ in range(80)}
    first = f"from collections import OrderedDict\n{setup}"
    printed = {letters: run_code.printed_by("\n".join([first, *map(lines.get, letters), question.code])) for letters in tried}
    works = "the new head was updated: True\nother weights that changed: 0\nstatistics that changed: 0"
    assert {letters for letters, text in printed.items() if text == works} == right
    assert quiz.run(question.id, "d f b h e c g a").text == works


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_reads_without_a_kernel_and_gives_nothing_away(name: str) -> None:
    asked = quiz.ask(name)
    question, page, words = QUESTIONS[name], asked.card._repr_html_(), repr(asked)
    parts = question.options if isinstance(question, ChoiceQuestion) else question.items
    for part in parts:
        assert code_listing.prose(part.text) in page and code_listing.as_text(part.text) in words
        assert all(line in words for line in part.code.strip().splitlines())
    chosen = isinstance(question, ChoiceQuestion)
    reasons = [option.why for option in parts] if chosen else [r for i in parts for r in i.needs.values()]
    assert not any(code_listing.prose(reason) in page or reason in words for reason in reasons)
    assert "<script" not in page and "class=" not in page


def plain_page(page: str) -> str:
    return re.sub(r"[\s;'\"]|&nbsp;|\xa0", "", page)


@pytest.mark.parametrize("name", ["q03_freeze_snippet", "q14_all_at_once", "q17_adamw_myth", "q20_order_program"])
def test_cards_and_replies_keep_their_look_on_a_feedback_page(name: str, shown: list) -> None:
    quiz.grade(name, "b" if name in CHOICES else "d b f h e c g a", points=3)
    for page in (quiz.ask(name).card._repr_html_(), shown[-1]._repr_html_()):
        assert plain_page(clean(page)) == plain_page(page)


def test_prose_shows_code_links_and_nothing_that_runs() -> None:
    page = code_listing.prose("`a < b` and *all* <b>x</b> [here](https://example.org) [no](javascript:x)")
    assert ">a &lt; b</code>" in page and "<em>all</em>" in page and "&lt;b&gt;" in page
    assert re.search("<a href='https://example.org' [^>]*>here</a>", page) and "href='javascript" not in page
    assert code_listing.as_text("see [here](https://example.org) for `x`") == "see here (https://example.org) for `x`"


class Page:
    """Stands for the view on a page: what was drawn and said last, and what was to be written."""

    def __init__(self) -> None:
        self.html, self.said, self.filled = "", "", []

    def draw(self, html: str, said: str = "") -> None:
        self.html, self.said = html, said

    def fill(self, cell: str, text: str, over: list[str]) -> None:
        self.filled.append((cell, text, over))


def asked_on_a_page(name: str) -> tuple[Asked, Page]:
    asked = quiz.ask(name)
    asked._view, asked.card = Page(), replace(asked.card, live=True)
    return asked, asked._view


def test_an_option_is_one_native_radio_of_the_questions_group() -> None:
    asked, _ = asked_on_a_page("q03_freeze_snippet")
    page = BeautifulSoup(asked.card._repr_html_(), "html.parser")
    radios = page.fieldset.find_all("input", type="radio")
    assert [(radio["name"], radio["value"]) for radio in radios] == [("q03_freeze_snippet", letter) for letter in "abcd"]
    assert all(radio.find_parent("label") for radio in radios) and not page.select("label button, label a")
    assert page.fieldset.legend.get_text() == text_of(code_listing.prose(asked.question.text))


def test_a_click_answers_is_kept_and_fills_the_answer_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "q01_why_freeze"
    monkeypatch.setattr(originals, "stubs", lambda lesson: {name: "as handed out\n"})
    asked, page = asked_on_a_page(name)
    asked.answer(name, "c")
    assert "Not this one." in page.html and "Nothing is taken out" in page.html and page.said.startswith("Not this one. Nothing")
    asked.answer(name, "b")
    assert "Right." in page.html and "Nothing is taken out" not in page.html
    first, second = (f'{name} = "{letter}"' for letter in "cb")
    assert page.filled == [(name, first, ["as handed out"]), (name, second, ["as handed out", first])]
    assert files.load("choices.json") == {QUIZ: {name: "b"}} and progress.load()[QUIZ][name] == "right"
    assert f'{name} = "b"' in text_of(page.html)
    asked.answer("filled", "kept")
    assert "you wrote yourself: that counts" in page.html
    asked.answer("filled", "yes")
    assert "counts as your answer" in page.html


def test_a_choice_that_was_kept_is_shown_again_and_told_to_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_view, "has_page", lambda: True)
    files.save("choices.json", {QUIZ: {"q01_why_freeze": "b", "q02_what_for": "?"}})
    asked = quiz.ask("q01_why_freeze")
    asked._ipython_display_()
    assert re.search(r"value='b' data-key='[^']*' checked", asked._view.widget.html) and "Right." in asked._view.widget.html
    other = quiz.ask("q02_what_for")
    other._ipython_display_()
    assert "checked" not in other._view.widget.html
    asked._view, other._view = Page(), Page()
    asked.answer("ready", "")
    other.answer("ready", "")
    assert len(asked._view.filled) == 1 and not other._view.filled


def test_buttons_show_what_the_code_really_does() -> None:
    asked, page = asked_on_a_page("q03_freeze_snippet")
    asked.answer("run", "a")
    asked.answer("run", "c")
    assert asked.card.tried == {"a": CHOICES["q03_freeze_snippet"].option("a").shows, "c": "161"}
    assert "has no attribute" in page.html and page.said == "It shows: 161"
    asked.answer("check", "")
    assert asked.card.checked == CHOICES["q03_freeze_snippet"].check_shows
    assert re.search(r"<details open[^>]*><summary[^>]*>Quick check<", page.html)
    assert ">Run it</button>" in asked_on_a_page("q12_two_groups")[0].card._repr_html_()


def test_items_are_clicked_into_an_order() -> None:
    asked, page = asked_on_a_page("q20_order_program")
    for letter in "dfbe":
        asked.answer("add", letter)
    assert "data-key='add e' disabled" in page.html and "data-key='add h' style" in page.html
    asked.answer("undo", "")
    assert asked.card.chosen == "dfb" and not page.filled
    for letter in "chega":
        asked.answer("add", letter)
    assert asked.card.chosen == "dfbchega" and page.said == "Not this order."
    assert "c (compute the loss) stands before h (set eval mode)" in page.html
    asked.answer("run", asked.card.chosen)
    assert "statistics that changed: 60" in page.html
    asked.answer("again", "")
    assert asked.card.chosen == "" and "stands before" not in page.html
    for letter in "dfbhecga":
        asked.answer("add", letter)
    assert "q20_order_program: right" in page.html and page.filled[-1][1] == 'q20_order_program = "d f b h e c g a"'


def text_of(page: str) -> str:
    return BeautifulSoup(page, "html.parser").get_text()


def test_without_a_page_the_card_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython.display

    displayed: list = []
    monkeypatch.setattr(IPython.display, "display", lambda thing, **_: displayed.append(thing))
    for setting in ("", "autograde"):
        monkeypatch.setenv("NBGRADER_EXECUTION", setting)
        quiz.ask("q01_why_freeze")._ipython_display_()
    assert all("<input" not in card._repr_html_() and "<button" not in card._repr_html_() for card in displayed)
    assert len(displayed) == 2


def test_the_stripped_file_has_the_same_questions_and_no_key(keyless: dict) -> None:
    text, secrets = questions.PATH.read_text(encoding="utf-8"), questions.KEY
    assert not secrets & set(re.findall(r"^(\w+) =", text, re.MULTILINE)) and "#" not in re.sub(r'"[^\n]*"', "", text)
    assert "question" in tomllib.loads(text) and list(keyless) == list(QUESTIONS)
    for name, question in keyless.items():
        assert not question.has_key and repr(quiz.ask(name)) == repr(Asked(QUESTIONS[name]))


def switch_off() -> None:
    """What an instructor sets for a class in the repository itself."""
    settings = Path("course.toml").read_text(encoding="utf-8")
    Path("course.toml").write_text(settings.replace("show_solutions = true", "show_solutions = false"), encoding="utf-8")


@pytest.mark.parametrize("way", ["no key", "switched off"])
def test_in_a_class_answers_are_noted_and_nothing_is_told(way: str, request: pytest.FixtureRequest, shown: list) -> None:
    request.getfixturevalue("keyless") if way == "no key" else switch_off()
    for name, question in QUESTIONS.items():
        chosen = isinstance(question, ChoiceQuestion)
        answers = question.letters if chosen else [question.letters, next(ordering.orders(question))]
        said = set()
        for answer in answers:
            assert quiz.grade(name, answer, points=1) == 0.0
            asked = quiz.ask(name)
            asked.choose(answer) if isinstance(question, ChoiceQuestion) else asked.arrange(answer)
            assert shown[-1].status == asked.card.verdict == NOTED
            said.add(re.sub(r"\"[a-h ]+\"", "", repr(shown[-1])))
            assert not re.search(r"Right\.|Not this one", asked.card._repr_html_())
            whys = [o.why for o in question.options] if isinstance(question, ChoiceQuestion) else []
            assert not any(code_listing.prose(why) in asked.card._repr_html_() + shown[-1]._repr_html_() for why in whys)
        assert len(said) == 1, "right and wrong answers are spoken of alike"
        assert "your instructor marks it" in repr(shown[-1]) and "not your mark" in repr(shown[-1])
    assert set(progress.load()[QUIZ].values()) == {NOTED}
    assert quiz.run("q03_freeze_snippet", "d").text == "2"


def test_grading_marks_with_explanations_though_they_are_switched_off(shown: list, monkeypatch: pytest.MonkeyPatch) -> None:
    switch_off()
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert quiz.grade("q01_why_freeze", "b") == 1.0 and quiz.grade("q01_why_freeze", "a") == 0.0
    assert "A flag computes nothing" in repr(shown[-1]) and "The new layer's first guesses" in repr(shown[-1])
    assert quiz.grade("q19_order_stages", "b f e d a c", points=3) == 1.8


def test_grading_without_the_key_stops_instead_of_giving_everybody_nothing(keyless, monkeypatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(CourseError, match="has no key: grade in the course's own folder"):
        quiz.grade("q01_why_freeze", "b")


def test_notebook_and_file_have_the_same_questions_in_the_same_order() -> None:
    cells = masters()[QUIZ].cells
    assert [cell.id for cell in cells if cell.metadata.get("nbgrader", {}).get("solution")] == list(QUESTIONS)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_three_cells_in_a_row(name: str) -> None:
    cells = masters()[QUIZ].cells
    first = [cell.id for cell in cells].index(f"ask-{name}")
    ask, answer, test = cells[first : first + 3]
    assert (ask.source, answer.id, test.id) == (f'quiz.ask("{name}")', name, f"test_{name}")
    assert re.match(rf"{name} = None  # ", answer.source)
    assert (answer.metadata.nbgrader.grade, answer.metadata.nbgrader.locked) == (False, False)
    assert (test.metadata.nbgrader.grade, test.metadata.nbgrader.locked, test.metadata.nbgrader.solution) == (True, True, False)
    call = ast.parse(test.source).body[-1].value
    points = test.metadata.nbgrader.points
    assert ast.unparse(call) == f"quiz.grade('{name}', {name}, points={points})"
    assert points == (1 if name in CHOICES else 3) and re.search(rf"\b{points} points?\b", test.source.splitlines()[0])


def test_a_question_stands_in_its_own_section() -> None:
    headings: list[str] = []
    for cell in masters()[QUIZ].cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            headings.append(cell.source.splitlines()[0].removeprefix("## "))
        if cell.id.startswith("ask-"):
            assert QUESTIONS[cell.id.removeprefix("ask-")].section == headings[-1]
