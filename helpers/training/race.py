"""Strategies raced: the same images, epochs and batches for all, over several seeds; and the race that was recorded.

python -m helpers race --seeds 5                       # all contestants anew: print the table, write recorded/race.json
python -m helpers race --seeds 5 --only svm gradual    # these alone, into the recorded race
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.training.history import KEYS
from helpers.training.live_race import LiveRace
from helpers.training.recordings import as_json, machine, rounded
from helpers.training.strategies import CONTESTANTS, ON_PIXELS, OnPixels, Outcome, Strategy, prepare, run_on

EVERYONE = {**CONTESTANTS, **ON_PIXELS}
RECORDED = Path(__file__).parent / "recorded" / "race.json"
# Small enough for 60 runs on one core in twenty minutes; data set, network and loop are the laptop lessons' own.
SETTINGS = {
    "backbone": "efficientnet_lite0",
    "dataset": "digits",
    "image_size": 64,
    "num_train": 300,
    "num_val": 300,
    "num_test": 1000,
    "batch_size": 32,
}


@dataclass(frozen=True)
class Race:
    """A race that was run, and under which settings.

    Attributes:
        settings: backbone, data set, image size, numbers of images, batch size.
        machine: the processor, its threads, and the versions.
        contestants: the strategies as they were raced.
        outcomes: one for each strategy and seed.
    """

    settings: dict
    machine: dict
    contestants: tuple[dict, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in order."""
        return tuple(sorted({outcome.seed for outcome in self.outcomes}))

    def save(self, path: Path = RECORDED) -> None:
        """Write the race as JSON, one outcome a line. Seconds of single epochs are left out: they are wall time."""
        values = {**vars(self), "outcomes": [_kept(outcome) for outcome in self.outcomes]}
        path.write_text(as_json(values, ("contestants", "outcomes")) + "\n", encoding="utf-8", newline="\n")


def _kept(outcome: Outcome) -> dict:
    history = [rounded({key: record[key] for key in (*KEYS, "phase")}) for record in outcome.history]
    return rounded(outcome.to_dict()) | {"history": history}


def load_race(path: Path = RECORDED) -> Race:
    """The recorded race of all contestants over five seeds.

    Raises:
        CourseError: the file is missing, or is not a race.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        values |= {"contestants": tuple(values["contestants"]), "outcomes": tuple(map(Outcome.of, values["outcomes"]))}
        return Race(**values)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CourseError(f"{path} holds no race ({error}): restore the file, or run `python -m helpers race`.") from None


def race(
    keys: Iterable[str | Strategy | OnPixels] | None = None,
    seeds: Iterable[int] = (0,),
    *,
    course: settings.Settings | None = None,
    progress: bool = False,
) -> list[Outcome]:
    """The outcomes, seed by seed. With one seed all contestants get the same images, head and order of batches.

    Args:
        keys: contestants by key, or strategies of your own; default `EVERYONE`, with a network or without.
        seeds: each contestant runs once with each.
        course: backbone, sizes and batch size; default by `course.toml`.
        progress: show the race while it is run (`helpers.training.live_race`); in plain text a line as each run ends.

    Raises:
        CourseError: there is no contestant of that name.
    """
    strategies = [_contestant(key) for key in (EVERYONE if keys is None else keys)]
    course, outcomes = course or settings.load(), []
    for seed in seeds:
        seeded = replace(course, seed=seed)
        with LiveRace(strategies, seed, shown=progress) as lanes:
            sets = prepare(seeded)
            for strategy in strategies:
                outcomes.append(run_on(sets, strategy, seeded, after_epoch=lanes.begin(strategy.key)))
                lanes.done(outcomes[-1])
    return outcomes


def _contestant(key: str | Strategy | OnPixels) -> Strategy | OnPixels:
    if not isinstance(key, str):
        return key
    if key not in EVERYONE:
        raise CourseError(f"There is no contestant {key!r}: write one of {', '.join(EVERYONE)}.")
    return EVERYONE[key]


def title(key: str) -> str:
    """A contestant's name in sentences; the key of a strategy of somebody's own."""
    return EVERYONE[key].title if key in EVERYONE else key


def ranking(outcomes: Iterable[Outcome]) -> list[str]:
    """The strategies' keys by median test accuracy, the highest first."""
    accuracies: dict[str, list[float]] = {}
    for outcome in outcomes:
        accuracies.setdefault(outcome.strategy, []).append(outcome.accuracy)
    return sorted(accuracies, key=lambda key: -median(accuracies[key]))


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown, a row for each strategy, by median accuracy: spread of the test accuracy over the seeds, and what it cost."""
    rows = [
        "| strategy | test accuracy, median | least | greatest | CPU seconds, median | most trainable parameters |",
        "|:---|---:|---:|---:|---:|---:|",
    ]
    for key in ranking(outcomes):
        runs = [outcome for outcome in outcomes if outcome.strategy == key]
        found = [run.accuracy for run in runs]
        cost = f"{median(run.seconds for run in runs):.1f} | {max(run.trainable for run in runs):,}"
        rows.append(f"| {title(key)} | {median(found):.3f} | {min(found):.3f} | {max(found):.3f} | {cost} |")
    return "\n".join(rows)


def seed_table(outcomes: Sequence[Outcome]) -> str:
    """Markdown, a row for each strategy, by median accuracy: its test accuracy with each seed."""
    found = {(outcome.strategy, outcome.seed): outcome.accuracy for outcome in outcomes}
    seeds = sorted({seed for _, seed in found})
    rows = [f"| strategy | {' | '.join(f'seed {seed}' for seed in seeds)} |", "|:---|" + "---:|" * len(seeds)]
    for key in ranking(outcomes):
        cells = (f"{found[key, seed]:.3f}" if (key, seed) in found else "-" for seed in seeds)
        rows.append(f"| {title(key)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def pairs_table(outcomes: Sequence[Outcome], compare: Callable[[list[dict], str, str], str]) -> str:
    """Markdown, a row and a column for each strategy, by median accuracy: what `compare` concludes of the row against the column.

    ``+``: the row is better, ``-``: the column is; nothing: undecided; ``?``: it concluded something else.

    Args:
        outcomes: runs of all strategies.
        compare: ``compare(records, first, second)`` -> the better one's key, or ``"undecided"``; records as by `Outcome.summary`.
    """
    keys, records = ranking(outcomes), [outcome.summary() for outcome in outcomes]
    numbers = " | ".join(str(place) for place in range(1, len(keys) + 1))
    rows = [f"| row against column | {numbers} |", "|:---|" + ":---:|" * len(keys)]
    for place, key in enumerate(keys, start=1):
        said = {other: str(compare(records, key, other)) for other in keys if other != key}
        cells = [{key: "+", other: "-", "undecided": ""}.get(verdict, "?") for other, verdict in said.items()]
        cells.insert(place - 1, "·")
        rows.append(f"| {place}. {title(key)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main(num_seeds: int, only: Sequence[str] = ()) -> None:
    """Race all contestants with the seeds from 0 on, print a line a run, then the table, and write the file.

    Args:
        num_seeds: how many seeds.
        only: race these alone and put them into the recorded race, in the place of earlier runs of theirs.

    Raises:
        CourseError: with `only`, where the recorded race had other settings or another machine: its runs would not compare.
    """
    course, earlier, here = replace(settings.load(), **SETTINGS), load_race() if only else None, machine()
    if earlier and (earlier.settings, earlier.machine) != (SETTINGS, here):
        recorded = earlier.settings | earlier.machine
        raise CourseError(f"The recorded race had other images or another machine ({recorded}): leave out --only, race all.")
    outcomes = race(only or None, range(num_seeds), course=course, progress=True)
    entries = {key: asdict(one) for key, one in EVERYONE.items()}
    found = Race(SETTINGS, here, tuple(entries.values()), tuple(outcomes))
    if earlier:
        outcomes = [outcome for outcome in earlier.outcomes if outcome.strategy not in only] + outcomes
        contestants = {entry["key"]: entry for entry in earlier.contestants} | {key: entries[key] for key in only}
        found = replace(found, contestants=tuple(contestants.values()), outcomes=tuple(outcomes))
    found.save()
    print("", table(found.outcomes), sep="\n")
    print(f"\nWritten to {RECORDED}.", file=sys.stderr)
