"""Tables of what is recorded, put into the documentation: a page says what the recording says, and no number is copied by hand.

A page holds marks, ``<!-- table: leads -->`` and ``<!-- end -->``; between them stands what the table of that name is today.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from helpers.checks.capstone.races import judge
from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.training import dials, race, real_run, solar_cells
from helpers.upkeep import lora, seed_tables, seeds, strategy_page

RESULTS, STRATEGIES, SPEED = (Path("docs", name) for name in ("training-results.md", "strategies.md", "speed.md"))


def tables() -> dict[Path, dict[str, str]]:
    """Page -> name -> Markdown, of what is recorded: study, run on all digits, race and its dials, ways on solar cells, speed.

    Raises:
        CourseError: a recording is missing.
    """
    runs, outcomes = seeds.load_study().runs, race.load_race().outcomes
    studied = {name: table(runs) for name, table in seed_tables.TABLES.items()} | {
        "real-run": real_run.table(real_run.load_real_run()),
        "lora": lora.table(lora.recorded()),
    }
    raced = {"race": race.table(outcomes), "seeds": race.seed_table(outcomes), "pairs": race.pairs_table(outcomes, judge)}
    raced |= {"dials": dials.table(dials.recorded()), "solar-cells": solar_cells.table(solar_cells.recorded())}
    timed = strategy_page.recorded()
    return {RESULTS: studied, STRATEGIES: raced, SPEED: strategy_page.tables(timed["strategy"], timed["machine"])}


def filled(page: str, found: Mapping[str, str]) -> str:
    """The page with these tables between its marks.

    Raises:
        CourseError: a table has no mark.
    """
    for name, table in found.items():
        body = f"<!-- table: {name} -->\n{table}\n<!-- end -->"
        page, number = re.subn(f"<!-- table: {name} -->.*?<!-- end -->", lambda _, body=body: body, page, flags=re.DOTALL)
        if number != 1:
            raise CourseError(
                f"The page has {number} marks for the table {name!r}: write <!-- table: {name} --><!-- end --> once."
            )
    return page


def write() -> None:
    """Write both pages with today's tables."""
    for name, found in tables().items():
        page = settings.root() / name
        page.write_text(filled(page.read_text(encoding="utf-8"), found), encoding="utf-8", newline="\n")
