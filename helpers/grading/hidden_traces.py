"""Hidden problems of `read_trace`: recorded runs that no lesson shows, each stopped at a random epoch."""

from __future__ import annotations

import random

from helpers import recordings
from helpers.checks.misreadings import fair, told_apart
from helpers.checks.reading import Traces
from helpers.grading.hidden import special


@special("read_trace")
def stopped_runs(seed: int, count: int) -> list[Traces]:
    """One set of histories: `count` drawn by chance, and as many more as it takes to tell all known misreadings apart."""
    runs = recordings.load(recordings.HIDDEN)
    lengths = [(name, epochs) for name, run in runs.items() for epochs in range(2, len(run.history) + 1)]
    cuts = [(name, epochs) for name, epochs in lengths if fair(runs[name].history[:epochs])]
    random.Random(seed).shuffle(cuts)
    chosen, told = [], set()
    for cut in cuts:
        tells = told_apart(runs[cut[0]].history[: cut[1]])
        if len(chosen) < count or not tells <= told:
            chosen.append(cut)
            told |= tells
    return [Traces(recordings.HIDDEN, tuple(chosen))]
