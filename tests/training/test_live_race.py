"""Does a race on the screen grow by the epoch, and is it plain text where there is no page?"""

import re

import pytest

from helpers.course import live_view
from helpers.training.history import KEYS, History
from helpers.training.live_race import LiveRace
from helpers.training.strategies import CONTESTANTS, ON_PIXELS, Outcome

RUNNERS = [CONTESTANTS["head_only"], ON_PIXELS["svm"]]


def history(number: int) -> History:
    return History.of(dict(zip(KEYS, (n, 0.1, 1.0, 0.5, 1.0, 0.5 + n / 100), strict=True)) for n in range(1, number + 1))


def outcome(key: str, records: History) -> Outcome:
    return Outcome(key, 3, records, 0.6, 10, 2.5, 0.71, 0.1)


def points(html: str) -> list[int]:
    """How many points the line in each lane has."""
    return [len(found.split()) for found in re.findall(r"<polyline points='([^']*)'", html)]


@pytest.fixture
def page(monkeypatch):
    """What was drawn and said on a page, and what stays there."""
    drawn, kept = [], []
    handle = type("Handle", (), {"update": lambda self, bundle, raw: kept.append(bundle["text/html"])})
    monkeypatch.setattr(live_view, "has_page", lambda: True)
    monkeypatch.setattr(live_view.LiveView, "show", lambda self, plain, words: handle())
    monkeypatch.setattr(live_view.LiveView, "draw", lambda self, html, said="": drawn.append((html, said)))
    return drawn, kept


def test_a_lane_grows_with_each_epoch_and_says_how_far_it_is(page, capsys):
    drawn, kept = page
    with LiveRace(RUNNERS, 3) as race:
        assert points(race.html()) == [0, 0] and race.html().count(">waits<") == 2 and "read and prepared" in race.html()
        after_epoch = race.begin("head_only")
        for number in (1, 2):
            after_epoch(history(number))
            assert points(drawn[-1][0]) == [number, 0] and f">epoch {number} of 10<" in drawn[-1][0]
            assert f">{0.5 + number / 100:.3f}<" in drawn[-1][0]
        race.done(outcome("head_only", history(10)))
        assert drawn[-1][1] == "seed 3, head only: 0.710, 2.5 s" and ">done<" in drawn[-1][0]
        race.begin("svm")
        race.done(outcome("svm", History()))
    assert points(kept[0])[1] == 2 and "Seed 3: all are through." in kept[0], "a level line without epochs"
    assert capsys.readouterr().out == "" and "<button" not in kept[0] and kept[0].count("<th scope='row'") == 2


def test_an_end_in_the_middle_leaves_plain_html(page):
    with pytest.raises(KeyboardInterrupt), LiveRace(RUNNERS, 0) as race:
        race.begin("head_only")
        raise KeyboardInterrupt
    assert ">begins<" in page[1][0]


def test_without_a_page_it_is_a_line_a_runner_and_nothing_where_nobody_looks(capsys):
    for shown, said in ((True, "seed 3, head only: 0.710, 2.5 s\n"), (False, "")):
        with LiveRace(RUNNERS, 3, shown=shown) as race:
            race.begin("head_only")(history(1))
            race.done(outcome("head_only", history(1)))
        assert capsys.readouterr().out == said
