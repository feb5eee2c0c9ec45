"""``python -m helpers bench``: what the course measures of its own speed."""

import argparse
import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

WHAT = ("strategy", "grading", "lessons", "start")
QUICK_LESSON = "04_train_head"


def add_to(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command; `add` makes one of its name, function and words."""
    command = add("bench", run, "measure training, grading, starting, or how long each lesson lets its learner wait")
    command.add_argument("what", choices=WHAT, help="what to measure; takes hours, and with --quick under ten minutes")
    command.add_argument("lesson", nargs="*", metavar="NN_name", help="default: all lessons; of grading 03 and 04; of start 04")
    command.add_argument("--quick", action="store_true", help="one size, one lesson, a few submissions, once")
    command.add_argument("--count", type=int, default=30, metavar="N", help="submissions a lesson; default: 30")
    command.add_argument("--stock", type=int, metavar="N", help="of these how many stock nbgrader grades; default: all")
    command.add_argument("--sizes", type=int, nargs="+", metavar="N", help="of grading: classes of small notebooks instead")
    command.add_argument("--rounds", type=int, default=3, metavar="N", help="of strategy and start, in turn; default: 3")
    command.add_argument("--write", action="store_true", help="put it into README.md (lessons) or docs/speed.md (strategy), too")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")


def run(chosen: argparse.Namespace) -> None:
    """Measure and print; with ``--json`` write ``{"strategy": {...}, "machine": "..."}``."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a build machine may set it; learners' computers compile a module once
    print(machine_words(), flush=True)
    found = {"strategy": _strategy, "grading": _grading, "lessons": _lessons, "start": _start}[chosen.what](chosen)
    if chosen.json:
        chosen.json.write_text(json.dumps({chosen.what: found, "machine": machine_words()}, indent=1) + "\n", encoding="utf-8")


def machine_words() -> str:
    """Processor, cores, instruction set and versions, as figures of speed need them. Imports torch."""
    import torch

    from helpers.course import machine

    names = [line.partition(":")[2].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    processor = f"{names[0] if names else platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    return f"{machine.num_cores()} cores ({processor}), Python {platform.python_version()}, torch {torch.__version__}"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def _strategy(chosen: argparse.Namespace) -> dict:
    from helpers.upkeep import recorded_tables, strategy_page, strategy_speed

    times = []
    for task in strategy_speed.QUICK if chosen.quick else strategy_speed.TASKS:
        # The other packages and ways are measured where most is to be gained.
        others = task.image_size == 224 and task.backbone == strategy_speed.LITE0
        times.append(strategy_speed.measure(task, 1 if chosen.quick else chosen.rounds, others=others))
        print(strategy_page.strategy(times[-1:]), flush=True)
    growth = [] if chosen.quick else strategy_speed.grow()
    found = strategy_page.content(times, growth, strategy_speed.gpu())
    print("", *strategy_page.tables(found, machine_words()).values(), sep="\n\n")
    if chosen.write and not chosen.quick:
        strategy_page.write({"strategy": found, "machine": machine_words()})
        recorded_tables.write()
    return found


def _grading(chosen: argparse.Namespace) -> dict:
    from helpers.upkeep import class_sizes, grading_speed

    if chosen.sizes:
        return {"sizes": [asdict(found) for found in class_sizes.run(chosen.sizes)]}
    lessons = tuple(chosen.lesson) or ((QUICK_LESSON,) if chosen.quick else grading_speed.LESSONS)
    found = grading_speed.run(4 if chosen.quick else chosen.count, lessons, chosen.stock)
    return {**asdict(found), "cpu_ratio": found.cpu_ratio}


def _lessons(chosen: argparse.Namespace) -> dict:
    from helpers.upkeep import waiting

    measured = waiting.run(chosen.lesson or ([QUICK_LESSON] if chosen.quick else None), write=chosen.write)
    return {name: asdict(seconds) for name, seconds in measured.items()}


def _start(chosen: argparse.Namespace) -> dict:
    from helpers.upkeep import starting

    return starting.run((chosen.lesson or [QUICK_LESSON])[0], 1 if chosen.quick else chosen.rounds)
