"""Does the report name what is missing, with a remedy, and never fall over itself?"""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from torchvision.models import ResNet50_Weights

from helpers.course import installed, machine
from helpers.course.machine import Check

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def course(course_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course folder of its own, with its requirements and an empty cache, which is the current one."""
    shutil.copy(ROOT / "requirements.txt", course_folder)
    monkeypatch.setenv("FINETUNE_CACHE", str(course_folder / "cache"))
    return course_folder


def only(name: str) -> Check:
    """The one check of that name."""
    return next(check for check in machine.report() if check.name == name)


def test_report_has_one_sentence_on_each_matter(course: Path) -> None:
    checks = machine.report()
    names = ["Python", "packages", "programs", "cores", "memory", "disk", "GPU", "weights", "data"]
    assert [check.name for check in checks] == names
    assert all(check.sentence and isinstance(check.ok, bool) for check in checks)


def test_installation_meets_its_requirements(course: Path) -> None:
    assert only("packages").ok, only("packages").sentence
    assert only("weights").ok
    assert only("data").ok


def test_package_outside_its_range_is_named_with_a_remedy(course: Path) -> None:
    (course / "requirements.txt").write_text("torch<1\nno-such-package-here>=1  # reason\n-e .\n", encoding="utf-8")
    check = only("packages")
    assert not check.ok
    assert "torch is" in check.sentence
    assert "no-such-package-here is missing" in check.sentence
    assert "pip install" in check.sentence


@pytest.mark.parametrize(
    ("name", "constant", "value", "remedy"),
    [
        ("Python", "OLDEST_PYTHON", (4, 0), "install"),
        ("memory", "MEMORY_GB", 1e6, "larger machine"),
        ("memory", "FREE_MEMORY_GB", 1e6, "close other programs"),
        ("disk", "FREE_DISK_GB", {"laptop": 1e9}, "make room"),
    ],
)
def test_what_is_short_comes_with_a_remedy(name, constant, value, remedy, course: Path, monkeypatch) -> None:
    monkeypatch.setattr(machine, constant, value)
    assert not only(name).ok
    assert remedy in only(name).sentence


def test_programs_off_the_path_are_said_with_the_command_that_helps(course: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(course))
    assert not only("programs").ok
    assert "activate" in only("programs").sentence


def test_broken_settings_fail_their_checks_and_spare_the_others(course: Path) -> None:
    (course / "course.toml").write_text("profile = ", encoding="utf-8")
    checks = {check.name: check for check in machine.report()}
    assert not checks["disk"].ok
    assert "course.toml" in checks["disk"].sentence
    assert checks["Python"].ok


@pytest.mark.parametrize(
    ("dataset", "ok"), [("cifar10", True), ("photos", True), ("small_digits", True), ("./no/such/folder", False)]
)
def test_data_that_is_not_embedded(dataset: str, ok: bool, course: Path) -> None:
    (course / "photos").mkdir()
    text = (course / "course.toml").read_text(encoding="utf-8")
    (course / "course.toml").write_text(text.replace('"digits"', f'"{dataset}"'), encoding="utf-8")
    assert only("data").ok is ok


def test_downloaded_weights_are_looked_for_where_torch_keeps_them(course: Path, monkeypatch) -> None:
    monkeypatch.setenv("FINETUNE_PROFILE", "reference")
    monkeypatch.setenv("TORCH_HOME", str(course / "torch"))
    assert str(machine.torch_hub_folder()) == torch.hub.get_dir()
    assert only("weights").sentence.count("downloaded at first use") == 2
    folder = course / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / machine.RESNET50_FILE).touch()
    assert "ResNet50's ImageNet weights are there" in only("weights").sentence
    (folder / machine.VIT_FILE).touch()
    assert only("weights").sentence.count("are there") == 2


def test_resnet50_file_name_is_torchvisions() -> None:
    assert ResNet50_Weights.IMAGENET1K_V2.url.endswith(machine.RESNET50_FILE)


def test_report_needs_no_torch(course: Path) -> None:
    slow = {"torch", "importlib.metadata", "packaging.requirements", *(["psutil"] if sys.platform == "linux" else [])}
    code = f"import sys; from helpers.course import machine; machine.report(); print(sorted({slow!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=course, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_versions_and_bounds_are_what_the_libraries_say() -> None:
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines())
    for line in (line for line in lines if line and not line.startswith("-")):
        known = Requirement(line)
        name, bounds = machine.REQUIREMENT.fullmatch(line).groups()
        assert name == known.name and SpecifierSet(bounds) == known.specifier
        assert installed.version(name) == metadata.version(name)
    assert installed.version("Jupyter.CLIENT") == metadata.version("jupyter_client")
    with pytest.raises(ModuleNotFoundError):
        installed.version("no-such-package-here")


def test_packages_that_were_installed_in_other_ways_are_found_as_well(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "from_debian-2.1.egg-info").write_text("Name: from-debian\nVersion: 2.1\n", encoding="utf-8")
    folder = tmp_path / "From.pip-3.0+cpu.dist-info"
    folder.mkdir()
    (folder / "RECORD").write_text('"data/a,b.csv",sha256=x,3\ndata/gone.csv,,\n', encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a,b.csv").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "nowhere"), str(tmp_path)])
    monkeypatch.setattr(installed, "_folders", installed._folders.__wrapped__)
    assert installed.version("from-debian") == "2.1" and installed.version("from_pip") == "3.0+cpu"
    assert installed.has_file("from-pip", "b.csv") and not installed.has_file("from-pip", "gone.csv")
    assert not installed.has_file("from-debian", "b.csv")


def test_allocator_is_left_alone_where_it_is_not_glibcs(monkeypatch) -> None:
    monkeypatch.setattr(machine.platform, "libc_ver", lambda: ("", ""))
    assert machine.tune_allocator() is False


def test_allocator_is_tuned_on_glibc() -> None:
    expected = machine.platform.libc_ver()[0] == "glibc"
    code = "from helpers.course import machine; print(machine.tune_allocator())"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == str(expected)


def test_device_is_one_that_torch_has() -> None:
    assert torch.zeros(1, device=machine.device()).device.type == machine.device()
