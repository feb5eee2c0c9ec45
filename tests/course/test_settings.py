"""Are settings and progress read as written, and are slips in their files said in a sentence?"""

import json

import pytest

from helpers.checks.report import NOT_YET, RIGHT
from helpers.course import progress, settings
from helpers.course.errors import CourseError


class TestSettings:
    def test_laptop_is_the_default_and_needs_no_network(self, course_folder):
        chosen = settings.load()
        assert (chosen.profile, chosen.backbone, chosen.dataset) == ("laptop", "efficientnet_lite0", "digits")
        assert chosen.num_train + chosen.num_val + chosen.num_test <= 5000

    def test_environment_chooses_profile_and_cache(self, course_folder, monkeypatch):
        monkeypatch.setenv("FINETUNE_PROFILE", "reference")
        monkeypatch.setenv("FINETUNE_CACHE", str(course_folder / "cache"))
        chosen = settings.load()
        assert (chosen.backbone, chosen.num_train, chosen.image_size) == ("resnet50", 5000, 224)
        assert chosen.cache_folder == course_folder / "cache"

    def test_a_folder_below_the_course_finds_it(self, course_folder, monkeypatch):
        (course_folder / "notebooks" / "01").mkdir(parents=True)
        monkeypatch.chdir(course_folder / "notebooks" / "01")
        assert settings.root() == course_folder

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ('profile = "laptop"', 'profile = "desktop"', "desktop"),
            ('profile = "laptop"', "profile = laptop", "cannot be read"),
            ("show_solutions = true", "", "show_solutions"),
            ("limit_mb = 8000", "", "limit_mb"),
            ("limit_mb = 8000", 'limit_mb = "plenty"', "limit_mb|value"),
            ("num_train = 500", "num_train = 500\nnum_extra = 1", "num_extra"),
            ("batch_size = 32", "", "batch_size"),
            ("image_size = 96", 'image_size = "96"', "image_size"),
            ("num_val = 500", "num_val = 500.0", "num_val"),
            ("show_solutions = true", 'show_solutions = "no"', "show_solutions"),
            ("[laptop]", "[tablet]", "laptop"),
        ],
    )
    def test_a_slip_in_the_file_is_named(self, course_folder, old, new, words):
        path = course_folder / settings.FILE
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(CourseError, match=words):
            settings.load()

    def test_missing_file_is_said_in_a_sentence(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(settings, "FILE", "no-such-course.toml")
        with pytest.raises(CourseError, match=r"no-such-course\.toml"):
            settings.load()

    def test_course_error_is_shown_without_a_traceback(self):
        assert CourseError("Do this.")._render_traceback_() == ["CourseError: Do this."]


class TestProgress:
    @pytest.mark.parametrize("content", ["", "[1, 2]", "{", '{"a": 1}', "null", "\x00"])
    def test_file_that_cannot_be_read_counts_as_empty(self, course_folder, content):
        (course_folder / ".course").mkdir()
        (course_folder / ".course" / "progress.json").write_text(content, encoding="utf-8")
        assert progress.load() == {}
        progress.record("01", "a", RIGHT)
        assert progress.load() == {"01": {"a": RIGHT}}

    def test_graders_leave_no_note(self, course_folder, monkeypatch):
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
        progress.record("01", "a", RIGHT)
        assert not (course_folder / ".course").exists()

    def test_folder_that_cannot_be_written_is_no_error(self, course_folder):
        (course_folder / ".course").write_text("a file in the way", encoding="utf-8")
        progress.record("01", "a", RIGHT)
        assert progress.load() == {}

    def test_file_is_small_and_readable(self, course_folder):
        progress.record("01", "b", NOT_YET)
        progress.record("01", "a", RIGHT)
        path = course_folder / ".course" / "progress.json"
        assert json.loads(path.read_text(encoding="utf-8")) == {"01": {"a": RIGHT, "b": NOT_YET}}
        assert [entry.name for entry in path.parent.iterdir()] == ["progress.json"]
