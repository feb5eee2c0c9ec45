"""Are the masters fit for learners: short cells, named cells, complete exercises?

`helpers.notebooks.master_faults.lint` is the tool that instructors use; here it is called, and what it does not see is asserted.
That they run, and that the answers earn full marks, is tested through the grader (``test_grading_lessons``).
"""

import ast
import re
from collections import Counter
from statistics import median

import nbformat
import pytest

from helpers.course.errors import CourseError
from helpers.grading.handout.release import READING
from helpers.notebooks import master_faults
from helpers.notebooks import masters as master_files
from tests.support.notebook_cells import ROOT, answer_cells, graded, is_short, masters, run, source, stubbed

LESSONS = sorted(masters())
# What the course contract fixes; other lessons may follow.
CONTRACT = {
    "00_whole_game": ("fine_tuning_gain",),
    "01_load_pretrained": ("count_parameters", "classify"),
    "02_replace_head": ("replace_head", "expected_parameters"),
    "03_freeze_base": ("freeze_base", "trainable_summary", "set_training_mode"),
    "04_train_head": ("make_optimizer", "train_one_epoch", "evaluate", "extract_features", "head_history"),
    "05_unfreeze_blocks": ("unfreeze_last_blocks", "parameter_groups"),
    "06_fine_tune": ("fine_tune", "fine_tune_history"),
    "07_read_traces": ("read_trace", "prediction_trace"),
    "08_quiz": (
        "q01_why_freeze",
        "q02_what_for",
        "q03_freeze_snippet",
        "q04_count_flags",
        "q05_stuck_loss",
        "q06_where_to_start",
        "q07_still_head",
        "q08_statistics",
        "q09_misspelt_flag",
        "q10_default_weights",
        "q11_preprocessing",
        "q12_two_groups",
        "q13_late_freeze",
        "q14_all_at_once",
        "q15_which_blocks",
        "q16_new_group",
        "q17_adamw_myth",
        "q18_seeds",
        "q19_order_stages",
        "q20_order_program",
    ),
    "09_debug_clinic": (
        "fix_frozen_head",
        "fix_single_image",
        "fix_renamed_outputs",
        "fix_flag_on_module",
        "fix_double_softmax",
        "fix_early_optimizer",
        "fix_forgotten_block",
        "fix_no_gradient",
        "fix_moving_statistics",
        "fix_frozen_still_moves",
        "fix_validation_mode",
        "fix_leaking_augmentation",
        "fix_batch_means",
        "fix_best_weights",
    ),
    "10_capstone": ("compare_strategies", "run_strategy"),
    "11_take_it_home": ("save_model", "load_model", "predict_file", "export_onnx"),
    "12_not_only_resnet": ("lora_summary", "add_lora", "merge_lora"),
    "13_honest_data": ("class_weights", "find_suspects", "group_split", "fit_temperature"),
}  # fmt: skip
LONGEST_LINE = 115  # characters: about what a notebook's column shows without scrolling


@pytest.fixture(params=LESSONS)
def lesson(request: pytest.FixtureRequest) -> str:
    return request.param


def code_cells(lesson: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in masters()[lesson].cells if cell.cell_type == "code"]


def markdown(lesson: str) -> str:
    return "\n\n".join(cell.source for cell in masters()[lesson].cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("lesson", sorted(CONTRACT))
def test_a_lesson_has_the_contracts_exercises(lesson: str) -> None:
    assert lesson in LESSONS
    assert {name for name, home in answer_cells().items() if home == lesson} >= set(CONTRACT[lesson])


def test_house_style(lesson: str) -> None:
    assert master_faults.lint(masters()[lesson], lesson) == []


def test_file_is_canonical(lesson: str) -> None:
    """A master saved from Jupyter as it is would carry outputs, counts and other people's metadata."""
    path = ROOT / "source" / lesson / f"{lesson}.ipynb"
    assert path.read_text(encoding="utf-8") == master_files.text(master_files.canonical(masters()[lesson]))
    assert [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")] == [path.name]


def test_ids_are_readable_and_unique(lesson: str) -> None:
    ids = [cell.id for cell in masters()[lesson].cells]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    assert [name for name in ids if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name)] == []


@pytest.mark.parametrize("name", sorted(graded()))
def test_an_exercise_is_four_cells_in_a_row(name: str) -> None:
    """Task, answer, check, test; in the clinic task, broken program, answer, and a test that is the check as well."""
    cells = masters()[graded()[name]].cells
    first = [cell.id for cell in cells].index(f"task-{name}")
    middle = [f"broken-{name}", name] if is_short(name) else [name, f"check-{name}"]
    exercise = cells[first : first + 4]
    assert [cell.id for cell in exercise] == [f"task-{name}", *middle, f"test_{name}"]
    task, answer, test = exercise[0], next(cell for cell in exercise if cell.id == name), exercise[3]
    assert task.cell_type == "markdown" and len(task.source.split()) > 20, "the task says what is expected"
    assert (answer.metadata.nbgrader.grade, answer.metadata.nbgrader.solution) == (False, True)
    assert [cell.id for cell in exercise if "nbgrader" in cell.metadata] == [name, f"test_{name}"]
    assert f"checks.{name}.hint(" in "".join(cell.source for cell in exercise)
    assert (test.metadata.nbgrader.grade, test.metadata.nbgrader.locked) == (True, True)


@pytest.mark.parametrize("name", sorted(graded()))
def test_points_are_the_same_in_metadata_words_and_call(name: str) -> None:
    [test] = [cell for cell in code_cells(graded()[name]) if cell.id == f"test_{name}"]
    points = test.metadata.nbgrader.points
    call = ast.parse(test.source).body[-1].value
    assert ast.unparse(call.func) == f"checks.{name}.grade"
    [said] = [ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == "points"]
    assert said == points and re.search(rf"\b{points:g} points\b", test.source.splitlines()[0])


@pytest.mark.parametrize("name", sorted(graded()))
def test_markers_stand_in_pairs_and_leave_a_stub(name: str) -> None:
    text = source(name)
    assert text.count("### BEGIN SOLUTION") == text.count("### END SOLUTION") >= 1
    assert text.index("### BEGIN SOLUTION") < text.index("### END SOLUTION")
    stub = stubbed(text)
    assert "NotImplementedError" in stub
    compile(stub, name, "exec")
    [definition] = [node for node in ast.parse(stub).body if isinstance(node, (ast.FunctionDef, ast.Assign))]
    if isinstance(definition, ast.FunctionDef):
        assert definition.name == name and ast.get_docstring(definition) and definition.returns is not None
        assert all(argument.annotation for argument in definition.args.args if not argument.arg.endswith("loader"))
    else:
        assert ast.unparse(definition) == f"{name} = None"


def test_first_and_last_cell_frame_the_lesson(lesson: str) -> None:
    cells = masters()[lesson].cells
    first, last = cells[0].source, cells[-1].source
    goals, done = (re.findall(r"^- (.+)$", text, re.MULTILINE) for text in (first, last))
    assert 3 <= len(goals) <= 5 and goals == done
    assert "**Builds on:**" in first
    assert any("whole game" in cell.source.lower() for cell in cells[:5]), "its place in the picture of lesson 00"
    links = re.findall(r"\]\(\.\./(\w+)/(\w+)\.ipynb\)", last)
    assert all(folder == file for folder, file in links)
    following = [other for other in LESSONS if other > lesson][:1]
    assert [folder for folder, _ in links if folder > lesson][:1] == following


def test_every_prediction_has_a_place_to_be_written_down_and_comes_back_at_the_end(lesson: str) -> None:
    cells = masters()[lesson].cells
    for place, cell in enumerate(cells):
        if cell.cell_type == "markdown" and "**Predict first" in cell.source and lesson != "08_quiz":  # there an option is chosen
            following = [other.source for other in cells[place:] if other.cell_type == "code"][:2]
            assert any(re.search(r"^my_(guess|order) = ", code, re.MULTILINE) for code in following), cell.id
    asked = re.findall(r'guesses\.write_down\("([^"]+)"', "\n".join(cell.source for cell in code_cells(lesson)))
    shown = [cell.source for cell in code_cells(lesson) if cell.id == "look-back"]
    assert bool(asked) == bool(shown) and [question for question in asked if f'"{question}": ' not in shown[0]] == []


def test_links_between_lessons_lead_somewhere(lesson: str) -> None:
    for folder, _ in re.findall(r"\]\(\.\./(\w+)/(\w+)\.ipynb\)", markdown(lesson)):
        assert folder in LESSONS or folder > LESSONS[-1], f"{lesson} links to {folder}"


def test_pages_that_lessons_link_to_are_there_and_are_handed_out(lesson: str) -> None:
    for page in re.findall(r"\]\(\.\./\.\./(docs/[^)#]+)", markdown(lesson)):
        assert (ROOT / page).is_file() and page in READING, page


def test_pictures_have_a_text_alternative(lesson: str) -> None:
    assert re.findall(r"!\[\s*\]|<img(?![^>]*\balt=\"[^\"]+\")", markdown(lesson)) == []
    for cell in code_cells(lesson):
        assert "plt.show" not in cell.source
        assert cell.source.count("plots.plot_") <= cell.source.count("plots.show("), f"{cell.id}: show pictures by plots.show"


def unnamed_columns(text: str) -> list[str]:
    """Heads of Markdown tables in which a cell is empty: a screen reader has nothing to say of its column."""
    heads = re.findall(r"^(\|.*\|) *\n\|[-:| ]*-[-:| ]*\| *$", text, re.MULTILINE)
    return [head for head in heads if not all(cell.strip() for cell in head.strip("| ").split("|")) or head.startswith("| |")]


def test_every_column_of_a_table_has_a_name(lesson: str) -> None:
    assert unnamed_columns(markdown(lesson)) == []
    assert unnamed_columns("| | b |\n|---|:--:|\n| a | 1 |") == ["| | b |"]


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name)
def test_every_column_of_a_documents_table_has_a_name(path) -> None:
    assert unnamed_columns(path.read_text(encoding="utf-8")) == []


def test_code_is_python_in_lines_that_fit_and_asks_for_nothing_online(lesson: str) -> None:
    for cell in code_cells(lesson):
        ast.parse(cell.source)
        assert [line for line in cell.source.splitlines() if len(line) > LONGEST_LINE] == [], cell.id
        assert not re.search(r"urllib|requests\.|urlopen|wget|warnings\.", cell.source), cell.id


def test_prose_uses_the_courses_words(lesson: str) -> None:
    text = markdown(lesson)
    assert not re.search(r"\bfine ?tun(e|ing)\b(?!\()", re.sub(r"`[^`]*`|\]\([^)]*\)", "", text), re.IGNORECASE)
    assert not re.search(r"\bnormaliz|\boptimiz(?!er)|\bunfreez(?=es?\s+rows)", re.sub(r"`[^`]*`", "", text))
    assert not re.search(r"\bTODO\b|\bFIXME\b|placeholder", text, re.IGNORECASE)


def test_the_numbers_that_a_learner_predicts_are_counted_right() -> None:
    """Golden numbers written down here, in nothing that learners are handed."""
    from helpers.checks.replace_head.expected_parameters import truth_and_slips

    assert truth_and_slips("resnet50", 10)[0] == {"total": 23_528_522, "head": 20_490, "base": 23_508_032}
    assert truth_and_slips("efficientnet_lite0", 10)[0] == {"total": 3_383_818, "head": 12_810, "base": 3_371_008}


@pytest.mark.parametrize(
    ("lesson", "page", "ids"),
    [("06_fine_tune", "training-results.md", ("groups-read", "try")), ("10_capstone", "strategies.md", ("try",))],
)
def test_what_a_lesson_quotes_of_runs_that_it_does_not_make_stands_in_the_documentation(lesson, page, ids) -> None:
    text = "".join(cell.source for cell in masters()[lesson].cells if cell.id in ids)
    quoted = re.findall(r"\b0\.\d{2,3}\b|\b\d+ to \d+\b", text)
    documented = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert len(quoted) > 2 and [number for number in quoted if number not in documented] == []


def test_what_lesson_06_says_of_batchnorm_and_of_the_recipe_is_recorded() -> None:
    from helpers.upkeep import seeds

    runs = seeds.load_study().runs
    leads = [round(run.lead("test", "train_mode"), 3) for run in runs]
    assert (len(leads), sum(lead < 0 for lead in leads), sum(lead > 0 for lead in leads)) == (20, 10, 9)
    first = {way: median(run.curves[way][5] for run in runs) for way in ("fine_tuned", "train_mode")}
    assert first["train_mode"] > first["fine_tuned"]
    assert min(run.lead("test", "baselines") for run in runs if run.has("fine_tuned", "baselines")) > 0
    two = [run.lead("test", "two_rates") for run in runs if run.has("two_rates")]
    assert (len(two), sum(lead < 0 for lead in two), sum(lead > 0 for lead in two)) == (5, 3, 2), "groups-read"


@pytest.mark.parametrize(("folder", "lesson"), [(f, n) for f in ("notebooks", "solutions") for n in LESSONS])
def test_what_learners_get_has_the_masters_cell_ids(folder: str, lesson: str) -> None:
    path = ROOT / folder / lesson / f"{lesson}.ipynb"
    if not path.is_file():
        raise CourseError(f"{path} is missing: run python -m helpers build.")
    assert [cell.id for cell in nbformat.read(path, as_version=4).cells] == [cell.id for cell in masters()[lesson].cells]


def test_the_stub_used_here_is_the_courses_own() -> None:
    with pytest.raises(NotImplementedError, match="Write your answer here"):
        run(stubbed(source("expected_parameters")), {})


# What computes the same for everybody, beside features -> the word for it in a master's metadata.
SHARED = {"course_run()": master_files.RUN, "baselines.on_pixels(splits)": master_files.BASELINES}


def test_a_lesson_declares_what_it_computes_once(lesson: str) -> None:
    """The numbers of released blocks with which it asks for features, and what its cells that show compute."""
    calls = [node for cell in code_cells(lesson) for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    loaders = [call for call in calls if ast.unparse(call.func) == "features.cached_loaders"]
    given = [keyword.value for call in loaders for keyword in call.keywords if keyword.arg == "released_blocks"]
    numbers = {argument.value if isinstance(argument, ast.Constant) else master_files.RECIPE for argument in given}
    shared = [word for call, word in SHARED.items() if call in map(ast.unparse, calls)]
    assert master_files.computed_once(masters()[lesson]) == [*sorted(numbers, key=str), *shared]
