"""Can what stands on the course's own paper be read, whatever the page around it looks like?"""

import re

import pytest

from helpers.checks import quiz
from helpers.checks.display import Hints, Solution
from helpers.checks.report import LOOKS, Aspect, Report, failed
from helpers.course import palette
from helpers.models import backbones
from helpers.plots.widgets import released_blocks

AA = 4.5  # WCAG 2.2, 1.4.3


def contrast(one: str, other: str) -> float:
    """Contrast of two colours written as ``#rrggbb``: 1 to 21 (WCAG 2.2, definition of contrast ratio)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


CARDS = {
    "report": lambda: Report("x", (Aspect("a", "title"),), {"a": failed("a", "r", found="f", expected="e")})._repr_html_(),
    "not attempted": lambda: Report("x", (Aspect("a", "title"),), attempted=False)._repr_html_(),
    "hints": lambda: Hints("x", ("one", "two", "three"), 1)._repr_html_(),
    "solution": lambda: Solution("x", "code = 1")._repr_html_(),
    "question": lambda: quiz.ask("q03_freeze_snippet").card._repr_html_(),
    "slider": lambda: released_blocks(backbones.get("efficientnet_lite0")).html(2),
}


@pytest.mark.parametrize("ground", [palette.PAPER, palette.TINT])
@pytest.mark.parametrize("ink", [palette.INK, palette.SOFT_INK, palette.BLUE, palette.GREEN, palette.FAULT])
def test_words_of_every_colour_are_legible_on_both_grounds(ink, ground):
    assert contrast(ink, ground) >= AA


def test_every_status_has_a_colour_of_the_table():
    assert {colour for colour, _ in LOOKS.values()} <= {palette.SOFT_INK, palette.FAULT, palette.GREEN, palette.BLUE}


@pytest.mark.parametrize("card", CARDS)
def test_a_card_brings_ground_and_ink_and_no_colour_from_elsewhere(card):
    html = CARDS[card]()
    assert html.startswith("<div") and f"background:{palette.PAPER};color:{palette.INK}" in html.split(">")[0]
    table = {value for name, value in vars(palette).items() if name.isupper()}
    frozen = {"#E1E8EF", "#B4C0CC"}  # the stripes of what is frozen, under INK
    assert set(re.findall(r"#[0-9A-Fa-f]{6}\b", html)) <= table | frozen
