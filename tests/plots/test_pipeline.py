"""Do the six stages show their counts, in marks and in words?"""

import re

from bs4 import BeautifulSoup

from helpers.models import backbones
from helpers.parameters import Counts
from helpers.plots.pipeline import pipeline_counts, strip, strip_words
from tests.support.drawn import COUNTS

STAGES = {number: Counts(total, trainable, 161, 2) for number, (total, trainable) in COUNTS.items()}


def test_does_the_pipeline_show_six_stages_with_counts_and_shares():
    html = strip(STAGES, 3)
    boxes = BeautifulSoup(html, "html.parser").select("li")
    said = [box.get_text(" ") for box in boxes]
    assert len(boxes) == 6 and [box.get("aria-current") for box in boxes] == [None, None, "step", None, None, None]
    assert "you are here" in said[2] and sum("20,490 trainable" in words for words in said) == 2
    assert re.findall(r"width:([\d.]+)%;margin-left:auto", html) == ["100.0", "100.0", "2.0", "2.0", "38.0", "38.0"]
    words = strip_words(STAGES, 3).splitlines()
    assert words[2] == "3. freeze the base: 20,490 of 23,528,522 parameters trainable   <- you are here" and len(words) == 6


def test_are_the_pipelines_counts_the_golden_ones():
    counts = pipeline_counts(backbones.get("resnet50"))
    assert {stage: (c.total, c.trainable) for stage, c in counts.items()} == COUNTS
