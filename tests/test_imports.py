"""Is nothing heavy imported before it is needed? Each door of `helpers` in a process of its own.

A process is forked where what its door needs, torch or nbgrader, is imported; whether the door asks for it is looked at.
"""

import json

import pytest

from helpers.course import lab
from tests.support.small_course import REPOSITORY

HEAVY = {
    "onnx",
    "onnxruntime",
    "torch",
    "torch._dynamo",
    "torchvision",
    "timm",
    "matplotlib",
    "sklearn",
    "scipy",
    "pandas",
    "nbgrader",
    "nbformat",
    "nbconvert",
    "jupyter_server",
}
COMMAND = "from helpers.__main__ import main; main({!r})"
WARM = "from helpers.grading.inside.kernel import warm_up"  # what graders' processes are forked from
STEP = "import torch; torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))]).step()"
NETWORKS = "from helpers.models import backbones; [backbones.get(name).without_values() for name in backbones.BACKBONES]"
# What is done -> what of the above that takes.
DOORS = {
    "import helpers": set(),
    "import helpers.checks": set(),
    "from helpers import data, models, training, inspection, plots": set(),
    "from helpers.checks import quiz": set(),
    "from helpers.course import lab": set(),
    COMMAND.format(["doctor"]): set(),
    COMMAND.format(["check", "nowhere.ipynb"]): {"nbformat"},
    COMMAND.format(["build", "--check"]): {"nbformat", "nbgrader", "nbconvert"},
    "from helpers.checks import whole_game, freeze_base, fine_tune, debug_clinic, capstone, take_it_home": {"torch"},
    "from helpers.checks import not_only_resnet, honest_data": {"torch"},
    "from helpers import models; models.with_new_head, models.get": {"torch"},
    f"{NETWORKS}; backbones.course_backbone().build(10, pretrained=False); {STEP}": {"torch", "torchvision", "timm"},
    "from helpers.training import recipe, race, features, lr_finder, baselines": {"torch"},
    "from helpers.grading.classroom import head_start": set(),
    "from helpers.grading.classroom import worker": {"nbformat"},
    "from helpers.grading.classroom import grade, workers": {"nbformat", "nbgrader", "nbconvert"},
    "from helpers.grading.inside import nursery": set(),
    f"{WARM}; warm_up([])": {"torch"},
    f"{WARM}; warm_up(['helpers.models']); {STEP}; {NETWORKS}": {"torch", "torchvision", "timm"},
    "from helpers.grading.feedback import pages": {"nbformat", "nbgrader", "nbconvert"},
    "from helpers.plots import trace": {"matplotlib"},
    "from helpers.grading.class_report import gather": {"nbformat", "nbgrader"},
}


@pytest.mark.parametrize("door", DOORS)
def test_a_door_imports_what_it_needs(door, fresh):
    # helpers.grading first: it puts off what nbgrader imports for a server.
    base = next((names for names in (("torch",), ("helpers.grading", "nbgrader")) if names[-1] in DOORS[door]), ())
    assert fresh(door, base).modules & HEAVY == DOORS[door]


@pytest.mark.parametrize("door", ["from helpers.notebooks import masters", lab.SERVER.replace("main()", "")])
def test_reading_and_serving_notebooks_builds_no_grammar_of_web_addresses(door, fresh):
    assert fresh(door).modules & {"lark", "isoduration.parser", "jsonschema"} == {"jsonschema"}


def test_nbgraders_parts_for_a_server_come_when_they_are_asked_for(fresh):
    code = """from helpers.grading import SERVER, nbgrader_course
import sys, nbgrader
from importlib import import_module
assert "jupyter_server" not in sys.modules
for name, inner in SERVER.items():
    part = f"nbgrader.server_extensions.{name}"
    assert callable(import_module(part).load_jupyter_server_extension), part
    assert import_module(f"{part}.handlers").default_handlers, part
class App:
    pass
try:
    nbgrader.load_formgrader(App())
except AttributeError as error:
    print(error, "jupyter_server" in sys.modules)"""
    said = fresh(code).out
    assert said.startswith("'App' object has no attribute") and said.endswith("True\n"), said


def test_a_new_gradebooks_version_is_the_one_that_nbgraders_own_program_says(fresh):
    code = """import os, sys
os.environ["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
from nbgrader import api
said = api.get_alembic_version()
from helpers.grading import nbgrader_course
assert api.get_alembic_version is nbgrader_course._newest_version and api.get_alembic_version() == said
print(said)"""
    assert fresh(code, ("nbgrader",)).out.strip()


# What the first cell of a lesson imports beside torch, because the learner sees it used.
SEEN = {
    "03_freeze_base": {"torchvision", "torch._dynamo"},  # ResNet50, whose package imports the compiler
    "05_unfreeze_blocks": {"torchvision", "torch._dynamo"},
    "07_read_traces": {"matplotlib"},
    "11_take_it_home": {"onnxruntime"},
    "12_not_only_resnet": {"timm", "torchvision", "torch._dynamo"},
}


@pytest.mark.parametrize("lesson", sorted(path.name for path in (REPOSITORY / "solutions").iterdir()))
def test_the_first_cell_of_a_lesson_imports_little(lesson, fresh):
    cells = json.loads((REPOSITORY / "solutions" / lesson / f"{lesson}.ipynb").read_text(encoding="utf-8"))["cells"]
    first = "".join(next(cell["source"] for cell in cells if cell["cell_type"] == "code"))
    seen = SEEN.get(lesson, set())
    base = ("torch", *(["torchvision"] if "torchvision" in seen else []))
    assert fresh(first, base).modules & HEAVY <= {"torch", *seen}
