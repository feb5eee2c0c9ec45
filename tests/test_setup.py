"""Do the files at the top say the same thing, and nothing that is not so?"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from helpers.__main__ import main
from helpers.course import lab, machine, start_page
from helpers.course.errors import CourseError
from helpers.course.lessons import lessons
from helpers.models import backbones
from helpers.plots.pipeline import STAGES, pipeline_counts
from helpers.training import recipe
from helpers.upkeep import waiting

ROOT = Path(__file__).resolve().parent.parent
LINES = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
REQUIREMENTS = [Requirement(line.split("#")[0]) for line in LINES if line and not line.startswith(("#", "-"))]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PICTURE = ElementTree.parse(ROOT / "docs" / "pipeline.svg")
WORDS = PICTURE.find("{http://www.w3.org/2000/svg}desc").text
PAGES = ("README.md", "docs/instructors.md", "docs/glossary.md", "docs/platforms.md")


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.name)
def test_requirement_is_bounded_below(requirement: Requirement) -> None:
    assert {part.operator for part in requirement.specifier} & {">=", "=="}


def test_requirements_end_with_the_package_itself() -> None:
    assert [line for line in LINES if line.strip()][-1] == "-e ."


def test_binder_gets_the_python_and_the_pytorch_that_the_course_asks_for() -> None:
    text = (ROOT / "binder" / "environment.yml").read_text(encoding="utf-8")
    found = {name: bounds for name, bounds in re.findall(r"^  - ([a-z-]+)([=<>].*)$", text, re.MULTILINE)}
    ranges = {requirement.name: requirement.specifier for requirement in REQUIREMENTS}
    assert found.keys() == {"python", "pytorch-cpu", "torchvision"}
    assert SpecifierSet(found["pytorch-cpu"]) == ranges["torch"] and SpecifierSet(found["torchvision"]) == ranges["torchvision"]
    assert found["python"].removeprefix("=") in SpecifierSet(PROJECT["project"]["requires-python"])


def test_binder_and_hubs_are_told_of_the_same_variables_as_our_own_server() -> None:
    own = lab.environment(ROOT, "token")
    for page in ("binder/start", "docs/platforms.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH"):
            [folder] = re.findall(rf"{name}\W+(?:f\W+COURSE\W+|PWD/)?(helpers[\w/]+)", text)
            assert own[name].startswith(str(ROOT / folder)), page
        assert re.search(rf"FINETUNE_LAB\W+{own['FINETUNE_LAB']}\b", text), page


@pytest.mark.parametrize(("torch", "torchvision"), [("2.9.1", "0.24.1"), ("2.14.1", "0.29.1"), ("2.15.0", "0.29.2")])
def test_requirements_admit_the_pairs_that_were_promised(torch: str, torchvision: str) -> None:
    ranges = {requirement.name: requirement.specifier for requirement in REQUIREMENTS}
    assert torch in ranges["torch"] and torchvision in ranges["torchvision"]


def test_oldest_python_is_said_once() -> None:
    oldest = ".".join(map(str, machine.OLDEST_PYTHON))
    assert SpecifierSet(PROJECT["project"]["requires-python"]) == SpecifierSet(f">={oldest}")
    assert f"Python {oldest}" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "start"), [("Makefile", r"\$\(COURSE\)"), *((page, "python -m helpers") for page in PAGES)])
def test_every_command_in_the_makefile_and_the_pages_exists(page: str, start: str, capsys) -> None:
    for line in re.findall(rf"{start} ([^`\n]+)", (ROOT / page).read_text(encoding="utf-8")):
        command, *rest = line.split()
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0, line
        known = capsys.readouterr().out
        assert all(word in known for word in rest if word.startswith("--")), line


@pytest.mark.parametrize("page", PAGES)
def test_every_link_in_the_pages_leads_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#\s]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_tables_in_the_readme_are_up_to_date() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert waiting.readme_block(ROOT) in page and waiting.ways_block(ROOT) in page, "run `make build`"


def test_every_way_to_learn_is_offered_and_takes_some_minutes() -> None:
    rows = start_page.ways(lessons(ROOT), ROOT)[2:]
    assert len(rows) == 13 and not [row for row in rows if "| 0 minutes |" in row]
    assert set(rows) <= set(start_page.render({}, ROOT).splitlines())


def test_minutes_of_a_lesson_are_not_below_reading_running_exercises_and_waiting() -> None:
    measured = waiting.recorded(ROOT)
    least = {lesson.name: lesson.least_minutes(measured.get(lesson.name, {}).get("cold", 60)) for lesson in lessons(ROOT)}
    assert {lesson.name: lesson.minutes for lesson in lessons(ROOT) if lesson.minutes < least[lesson.name]} == {}, least


def test_table_without_its_marks_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("no table", encoding="utf-8")
    with pytest.raises(CourseError, match="marks"):
        waiting.update_readme(tmp_path)


def test_limits_in_the_instructors_page_are_the_configured_ones() -> None:
    settings = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    for number, name in re.findall(r"\| (\d+) \w+ \| `c\.Execute\.(\w+)`", page):
        configured = int(re.search(rf"c\.Execute\.{name} = ([\d_]+)", settings)[1])
        assert int(number) in (configured, configured / 1e6), name


def picture_texts(name: str, picture: ElementTree.ElementTree = PICTURE) -> list[str]:
    """What the elements of that class in a picture say, in the order of the file."""
    return ["".join(element.itertext()) for element in picture.iter() if element.get("class") == name]


@pytest.mark.parametrize(("name", "backbone", "released"), [("pipeline", "resnet50", 2), ("stages", "efficientnet_lite0", 0)])
def test_picture_shows_the_stages_and_the_counts_of_the_real_architecture(name: str, backbone: str, released: int) -> None:
    picture = ElementTree.parse(ROOT / "docs" / f"{name}.svg")
    words = picture.find("{http://www.w3.org/2000/svg}desc").text
    model = backbones.get(backbone)
    found = pipeline_counts(model, released_blocks=released or recipe.released_blocks(model))
    counts = [f"{count.trainable:,}" for count in found.values()]
    assert picture_texts("count", picture) == counts
    assert re.findall(r"([\d,]+) trainable parameters", words) == counts
    titles = [title.replace("\n", " ").capitalize() for title in STAGES]
    assert re.findall(r"\d: ([^,]+)", words) == titles
    lines = picture_texts("stage", picture)
    assert [" ".join(lines[place : place + 2]) for place in range(0, 12, 2)] == titles


def test_picture_shows_the_steps_that_its_words_name() -> None:
    assert WORDS.endswith(f"{picture_texts('step')[0]} become {', '.join(picture_texts('step')[1:])}.")


def test_picture_names_every_folder_of_the_package_but_upkeep() -> None:
    folders = {path.parent.name for path in ROOT.glob("helpers/*/__init__.py")}
    assert sorted(picture_texts("room")) == sorted(f"{name}/" for name in folders - {"upkeep"})


def test_bench_refuses_a_lesson_that_is_not_there() -> None:
    with pytest.raises(CourseError, match="no_such_lesson"):
        waiting.run(["no_such_lesson"])


def test_every_lesson_says_its_minutes_and_has_exercises() -> None:
    for lesson in lessons(ROOT):
        assert lesson.minutes and lesson.exercises, lesson.name


def test_style() -> None:
    answer = subprocess.run([sys.executable, "-m", "ruff", "check", "."], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout
