"""How fast a strategy trains where what is frozen is computed once: beside the usual loop, and beside the limit for any loop."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field, replace
from statistics import median

from helpers.course.errors import CourseError
from helpers.course.machine import ONE_THREAD
from helpers.training import frozen_part
from helpers.upkeep import other_caches
from helpers.upkeep.strategy_run import LIMIT, OURS, PHASES, SAME, USUAL, Task

# What is measured: the lessons' own size, 224 px, and another backbone. The last batch has 16 images or more: smaller ones are
# rounded in another way, and what is computed once is computed in whole batches.
LITE0, RESNET50 = "efficientnet_lite0", "resnet50"
TASKS = (Task(USUAL, LITE0, 96, 500, 32), Task(USUAL, LITE0, 224, 300, 64), Task(USUAL, RESNET50, 224, 128, 64))
QUICK = (Task(USUAL, LITE0, 224, 128, 64),)
GROWTH = Task(USUAL, LITE0, 64, 500, 64, epochs=(1, 1))
COUNTS = (500, 5_000, 50_000)
STOPPED = "stopped:"  # what follows is the error's class and words
MOST_USUAL = 5_000  # images on which the usual loop is still measured


@dataclass(frozen=True)
class Times:
    """CPU-seconds of one strategy, one entry a round; the ways take turns.

    Attributes:
        task: what was trained, in the usual way.
        usual: a full forward pass every epoch, default layout and allocator.
        cold, warm: the course's own way with nothing computed, and with the features on disk.
        limit_cold, limit_warm: one forward pass of the frozen part an image and the released part's arithmetic; the latter alone.
        equal: whether the course's way in the usual loop's layout ends in the very same weights, in each round.
        gap: how far the validation accuracies of the usual and the course's own layout lie apart, at most.
        packages: others that compute once, in the course's layout -> ``cold`` and ``warm``, one entry a round, and ``equal``:
            whether they end in the course's weights; or ``failed``, the error in words.
        ways: other ways to compute the frozen part -> ``cold``, ``off`` (`frozen_part.off`) and ``gap`` to the usual accuracy; or
            ``failed``.
    """

    task: Task
    usual: list[float]
    cold: list[float]
    warm: list[float]
    limit_cold: list[float]
    limit_warm: list[float]
    equal: bool
    gap: float
    packages: dict[str, dict] = field(default_factory=dict)
    ways: dict[str, dict] = field(default_factory=dict)

    def ratio(self, way: str) -> float:
        """How many times as long the usual loop takes: the median of the rounds."""
        return median(self.ratios(way))

    def ratios(self, way: str) -> list[float]:
        """The same of each round."""
        return [usual / ours for usual, ours in zip(self.usual, getattr(self, way), strict=True)]

    def over_limit(self, way: str) -> float:
        """How many times as long as the limit: the median of the rounds."""
        pairs = zip(getattr(self, way), getattr(self, f"limit_{way}"), strict=True)
        return median(ours / limit for ours, limit in pairs)


def measure(task: Task, rounds: int, *, others: bool = False) -> Times:
    """Train in all ways, one after the other, `rounds` times; each in a process of one thread and a cache of its own.

    With `others`, what `Times.packages` and `Times.ways` have is measured as well.
    """
    found: dict[str, list] = {name: [] for name in ("usual", "cold", "warm", "limit_cold", "limit_warm")}
    packages = [package for package in other_caches.PACKAGES if others and package not in other_caches.missing()]
    ways = [way for way in frozen_part.WAYS if others and way != frozen_part.PLAIN]
    beside: dict[str, list[dict]] = {name: [] for name in (*packages, *ways)}
    equal, gap = True, 0.0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="speed-") as cache:
            usual, cold, warm, limit, same = (run_one(task, way, cache) for way in (USUAL, OURS, OURS, LIMIT, SAME))
            for package in packages:
                beside[package].append(_package(task, package, cache, cold["weights"]))
            for way in ways:
                beside[way].append(_way(task, way, cache, usual["val_accuracy"]))
        found["usual"].append(usual["cpu"])
        found["cold"].append(cold["cpu"])
        found["warm"].append(warm["cpu"])
        found["limit_warm"].append(limit["tail"])
        found["limit_cold"].append(limit["front"] + limit["tail"])
        equal = equal and usual["weights"] == same["weights"] and cold["weights"] == warm["weights"]
        gap = max(gap, abs(usual["val_accuracy"] - cold["val_accuracy"]))
    joined = {name: _joined(entries) for name, entries in beside.items()}
    apart = {"packages": {name: joined[name] for name in packages}, "ways": {name: joined[name] for name in ways}}
    return Times(task, **found, equal=equal, gap=gap, **apart)


def _package(task: Task, package: str, cache: str, weights: str) -> dict:
    try:
        cold, warm = (run_one(task, package, cache) for _ in range(2))
    except CourseError as error:
        return {"failed": str(error).rpartition(STOPPED)[2].strip()}
    return {"cold": cold["cpu"], "warm": warm["cpu"], "equal": cold["weights"] == warm["weights"] == weights}


def _way(task: Task, way: str, cache: str, accuracy: float) -> dict:
    try:
        frozen_part.described(way)
        found = run_one(replace(task, frozen_part=way), OURS, cache)
    except CourseError as error:
        return {"failed": str(error).rpartition(STOPPED)[2].strip()}
    return {"cold": found["cpu"], "off": found["off"], "gap": abs(accuracy - found["val_accuracy"])}


def _joined(entries: list[dict]) -> dict:
    """Rounds as one entry: what failed once has failed, seconds as lists, the worst of what else was found."""
    failed = [entry for entry in entries if "failed" in entry]
    if failed:
        return failed[0]
    worst = {"cold": list, "warm": list, "off": max, "gap": max, "equal": all}
    return {name: worst[name](entry[name] for entry in entries) for name in entries[0]}


def grow(task: Task = GROWTH, counts: tuple[int, ...] = COUNTS) -> list[dict]:
    """For each number of images: CPU-seconds of the whole strategy in each way, bytes on disk and memory.

    One epoch of each phase is run, and counts as often as the strategy has it: all take the same. ``usual`` is None where it
    would take too long. ``disk`` and ``memory``: MB of features, and the most of the process's own memory, cold.
    """
    found = []
    for images in counts:
        asked = replace(task, images=images)
        with tempfile.TemporaryDirectory(prefix="speed-") as cache:
            cold, warm, limit = (run_one(asked, way, cache) for way in (OURS, OURS, LIMIT))
            usual = run_one(asked, USUAL, cache) if images <= MOST_USUAL else None
        head, tuning = (phase.num_epochs for phase in PHASES)
        more = (head - 1) * warm["epochs"][0] + (tuning - 1) * warm["epochs"][1]
        found.append({
            "images": images,
            "usual": usual and head * usual["epochs"][0] + tuning * usual["epochs"][1],
            "cold": cold["cpu"] + more,
            "warm": warm["cpu"] + more,
            "limit_cold": limit["front"] + limit["tail"],
            "limit_warm": limit["tail"],
            "disk_mb": cold["disk_mb"],
            "memory_mb": cold["memory_mb"],
        })  # fmt: skip
        print(found[-1], flush=True)
    return found


def run_one(task: Task, way: str, cache: str) -> dict:
    """What `helpers.upkeep.strategy_run` prints of one way, in a process of its own with one thread.

    Raises:
        CourseError: the run stopped.
    """
    content = json.dumps({**asdict(task), "way": way})
    env = {**os.environ, **ONE_THREAD, "FINETUNE_CACHE": cache}
    command = [sys.executable, "-m", "helpers.upkeep.strategy_run", content]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CourseError(f"The run {content} {STOPPED} {' '.join(done.stderr.splitlines()[-1:])}")
    return json.loads(done.stdout.splitlines()[-1])


def gpu(task: Task = TASKS[1]) -> str:
    """What a GPU takes, in words; in words as well that there is none."""
    import torch

    if not torch.cuda.is_available():
        return "This machine has no GPU that torch can use: nothing was measured on one."
    asked, said = replace(task, device="cuda"), []
    with tempfile.TemporaryDirectory(prefix="speed-") as cache:
        usual = run_one(asked, USUAL, cache)
        for way in (frozen_part.PLAIN, "bfloat16"):
            cold, warm = (run_one(replace(asked, frozen_part=way), OURS, cache) for _ in range(2))
            gap = abs(usual["val_accuracy"] - cold["val_accuracy"])
            said.append(f"in {way} {cold['cpu']:.1f} s cold and {warm['cpu']:.1f} s warm, accuracy off by {gap:.3f}")
    return (
        f"On {torch.cuda.get_device_name()}, wall time: the usual loop {usual['cpu']:.1f} s; the course's way {'; '.join(said)}."
    )
