"""How long each lesson lets its learner wait: every solution, run from top to bottom, first with nothing computed, then again."""

import json
import platform
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from helpers.course import machine, settings, start_page
from helpers.course.errors import CourseError
from helpers.course.lessons import hours, lessons
from helpers.upkeep import run_solution

RECORD = Path("docs") / "waiting.json"
BEGIN, END = "<!-- lessons: written by `python -m helpers build`, do not edit -->", "<!-- /lessons -->"
WAYS_BEGIN, WAYS_END = "<!-- ways: written by `python -m helpers build`, do not edit -->", "<!-- /ways -->"


@dataclass(frozen=True)
class Waiting:
    """Wall seconds in which the cells of one lesson ran, kernel start left out.

    Attributes:
        cold: with an empty cache folder, as on the first day.
        warm: right after that, as on every later day.
    """

    cold: float
    warm: float


def run(names: list[str] | None = None, *, write: bool = False) -> dict[str, Waiting]:
    """Measure the lessons named (default: all) and print them as a table.

    Side effects: with `write`, keeps the figures in docs/waiting.json and puts the table into README.md. Runs
    in a copy and with a cache folder of its own: the user's cache, notebooks and progress stay as they are.

    Raises:
        CourseError: there is no such solution, or a solution does not run.
    """
    root = settings.root()
    found = sorted(path.parent.name for path in root.glob("solutions/*/*.ipynb"))
    unknown = sorted(set(names or found) - set(found))
    if unknown or not found:
        raise CourseError(f"There is no solution for {', '.join(unknown) or 'any lesson'}: run `python -m helpers build` first.")
    measured = {name: Waiting(**figures) for name, figures in recorded(root).items() if name in found}
    for name in names or found:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            path = root / "solutions" / name / f"{name}.ipynb"
            measured[name] = Waiting(_seconds(path, root, Path(folder)), _seconds(path, root, Path(folder)))
        print(f"{name}: {measured[name].cold:.1f} s at first, {measured[name].warm:.1f} s from then on", flush=True)
    print("", lessons_table(root, measured), "", where(), sep="\n")
    if write:
        kept = {"machine": where(), "lessons": {name: asdict(waiting) for name, waiting in sorted(measured.items())}}
        (root / RECORD).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8", newline="\n")
        update_readme(root)
    return measured


def recorded(root: Path) -> dict[str, dict[str, float]]:
    """Lesson -> its figures as last written; empty if there are none."""
    path = root / RECORD
    return json.loads(path.read_text(encoding="utf-8"))["lessons"] if path.is_file() else {}


def where() -> str:
    """The machine, as figures need it."""
    cores = machine.num_cores()
    return f"{cores} CPU core{'s' if cores > 1 else ''} ({platform.machine()}), Python {platform.python_version()}"


def lessons_table(root: Path, measured: dict[str, Waiting]) -> str:
    """The lessons as a Markdown table, and their sum; minutes and words come from the notebooks, seconds from `measured`."""
    rows = ["| No. | Lesson | Minutes (planned) | Words | Waiting, first run | Waiting, later |", "|--|:---|---:|---:|---:|---:|"]
    course = lessons(root)
    for lesson in course:
        waiting = measured.get(lesson.name)
        seconds = f"{waiting.cold:.0f} s | {waiting.warm:.0f} s" if waiting else "not measured | not measured"
        link = f"[{lesson.title}]({lesson.path})"
        rows.append(f"| {lesson.number} | {link} | {lesson.minutes or ''} | {lesson.words:,} | {seconds} |")
    known = [measured[lesson.name] for lesson in course if lesson.name in measured]
    cold, warm = (f"{sum(getattr(waiting, name) for waiting in known) / 60:.0f} min" for name in ("cold", "warm"))
    total, words = hours(sum(lesson.minutes or 0 for lesson in course)), sum(lesson.words for lesson in course)
    return "\n".join([*rows, f"| | **all** | **{total}** | **{words:,}** | **{cold}** | **{warm}** |"])


def readme_block(root: Path) -> str:
    """What stands between the marks around the lessons in README.md."""
    path = root / RECORD
    measured = {name: Waiting(**figures) for name, figures in recorded(root).items()}
    words = f"Measured on {json.loads(path.read_text(encoding='utf-8'))['machine']}.\n" if measured else ""
    return f"{BEGIN}\n{lessons_table(root, measured)}\n\n{words}{END}"


def ways_block(root: Path) -> str:
    """What stands between the marks around the ways to learn in README.md."""
    return "\n".join([WAYS_BEGIN, *start_page.ways(lessons(root), root), WAYS_END])


def update_readme(root: Path) -> None:
    """Put the tables of ways and of lessons into README.md.

    Raises:
        CourseError: the marks of one of them are not there.
    """
    path = root / "README.md"
    text = path.read_text(encoding="utf-8")
    for begin, end, content in ((BEGIN, END, readme_block(root)), (WAYS_BEGIN, WAYS_END, ways_block(root))):
        before, found, rest = text.partition(begin)
        _, closed, behind = rest.partition(end)
        if not (found and closed):
            raise CourseError(f"{path} has lost the marks around a table: put back {begin} and {end}.")
        text = before + content + behind
    path.write_text(text, encoding="utf-8", newline="\n")


def _seconds(path: Path, root: Path, folder: Path) -> float:
    """Wall seconds from the first cell to the last, with `folder` as the only place that is written to."""
    return run_solution.run(path, root, folder, FINETUNE_CACHE=str(folder / "cache"))[1]
