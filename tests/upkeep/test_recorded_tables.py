"""Do the pages show what the recordings say?"""

import pytest

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.upkeep import recorded_tables


@pytest.mark.parametrize("page", recorded_tables.tables(), ids=str)
def test_does_the_page_show_todays_recording(page):
    found = recorded_tables.tables()[page]
    text = (settings.root() / page).read_text(encoding="utf-8")
    assert recorded_tables.filled(text, found) == text and all(table in text for table in found.values())


def test_is_what_stands_between_marks_replaced_and_a_page_without_marks_refused():
    page = "before\n<!-- table: a -->\nold\n<!-- end -->\nafter <!-- table: b --><!-- end -->"
    filled = recorded_tables.filled(page, {"a": r"| \\1 |", "b": "B"})
    assert filled == "before\n<!-- table: a -->\n| \\\\1 |\n<!-- end -->\nafter <!-- table: b -->\nB\n<!-- end -->"
    with pytest.raises(CourseError, match="0 marks for the table 'c'"):
        recorded_tables.filled(page, {"c": ""})
