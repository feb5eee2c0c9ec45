"""The command line: ``python -m helpers COMMAND``. Thin; each command lives where its work is done."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.course.errors import CourseError
from helpers.upkeep import bench, recording_commands

if TYPE_CHECKING:
    from helpers.grading.nbgrader_course import Course


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 all is well (a command need not say it), 1 something needs a correction (in words), 130 interrupted."""
    chosen = _parser().parse_args(arguments)
    try:
        return chosen.run(chosen) or 0
    except CourseError as error:
        print(error, file=sys.stderr)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(("helpers.grading", "nbgrader")):
            raise
        print(f"`{chosen.command}` is for instructors and did not come with this copy of the course.", file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m helpers", description="The course on fine-tuning: its commands.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: object, words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        command.set_defaults(run=run)
        return command

    command = add("lab", _lab, "check the machine, write the start page and open JupyterLab")
    command.add_argument("--no-browser", action="store_true", help="print the address only")
    command.add_argument("--port", type=int, metavar="N", help="default: the first free one")
    add("doctor", _doctor, "say what this machine has and what it lacks")
    add("where", _where, "say what is done, and which exercise is next")
    command = add("check", _check, "run a copy of a notebook and say what its exercises are worth so far")
    command.add_argument("notebook", type=Path)
    command = add("reset", _reset, "put an exercise, or a whole closed lesson, back to what was handed out; keep a copy")
    command.add_argument("lesson", metavar="NN_name")
    command.add_argument("exercise", nargs="?", default="", help="default: all of the lesson's")
    command = add("build", _build, "write notebooks/, solutions/, and the tables of lessons and pitfalls, from the masters")
    command.add_argument("--check", action="store_true", help="write nothing; say what is not up to date")
    command = add("release", _release, "make what learners are handed for a lesson")
    command.add_argument("lesson", metavar="NN_name")
    command.add_argument("--to", choices=("zip", "exchange"), default="zip", help="default: handout/NN_name.zip")
    command.add_argument("--show-solutions", action="store_true", help="let the quiz and solution() tell the answers")
    _add_what_comes_before_grading(add)
    command = add("grade", _grade, "grade what has been handed in for a lesson, or for several")
    command.add_argument("lesson", nargs="+", metavar="NN_name")
    command.add_argument("--student", action="append", metavar="ID", help="only this learner; may be given again")
    _add_ways_of_grading(command)
    command = add("feedback", _feedback, "write the feedback pages of a lesson")
    command.add_argument("lesson", metavar="NN_name")
    command.add_argument("--student", metavar="ID", help="only this learner")
    command = add("report", _report, "write the class report of a lesson: marks, mistakes, who may need a hand")
    command.add_argument("lesson", metavar="NN_name")
    command.add_argument("--to", type=Path, metavar="FILE", help="default: reports/NN_name.html")
    command = add("export", _export, "write the gradebook as CSV, or the quiz for Moodle")
    formats = ("nbgrader", "canvas", "moodle", "moodle-quiz")
    command.add_argument("--format", choices=formats, default="nbgrader", help="default: nbgrader; moodle-quiz: the questions")
    command.add_argument("--to", type=Path, metavar="FILE", help="default: grades.csv, grades_canvas.csv, quiz_moodle.xml ...")
    command.add_argument("--lesson", metavar="NN_name", help="only this lesson")
    bench.add_to(add)
    recording_commands.add_to(add)
    command = add("site", _site, "write the solved course as a web site, and follow all its links")
    command.add_argument("--to", type=Path, metavar="FOLDER", help="default: site/")
    command.add_argument("--quick", action="store_true", help="run no lesson; those that have changed are shown without outputs")
    add("demo", _demo, "make a small class in demo/, grade it and write its feedback")
    return parser


def _add_what_comes_before_grading(add: Callable[..., argparse.ArgumentParser]) -> None:
    command = add("roster", _roster, "put a class list into the gradebook, also Canvas's gradebook file or Moodle's list")
    command.add_argument("file", type=Path)
    command = add("due", _due, "say when a lesson is due, or set it")
    command.add_argument("lesson", metavar="NN_name")
    command.add_argument("date", nargs="?", help="with the offset from UTC: 2026-01-31T23:59+01:00; or none")
    command.add_argument("--student", metavar="ID", help="only for this learner")
    command = add("collect", _collect, "put what a learning platform let you download into submitted/")
    command.add_argument("download", type=Path, help="a zip or a folder from Canvas or Moodle, or with a folder for each learner")
    command.add_argument("--lesson", metavar="NN_name", help="which one notebooks are that do not say so themselves")


def _add_ways_of_grading(command: argparse.ArgumentParser) -> None:
    command.add_argument("--workers", type=int, metavar="N", help="learners at once; default: as many as there are cores")
    command.add_argument("--scheduler", metavar="ADDRESS", help="grade on this Dask scheduler's workers: tcp://10.0.0.5:8786")
    command.add_argument("--again", action="store_true", help="grade what has been graded already, too")
    command.add_argument("--require-sandbox", action="store_true", help="refuse to grade where there is no sandbox")
    command.add_argument("--whole", action="store_true", help="run the cells that only show as well")
    command.add_argument("--quiet", action="store_true", help="show no progress, only the marks at the end")


def _lab(chosen: argparse.Namespace) -> int:
    from helpers.course import lab

    return lab.run(open_browser=not chosen.no_browser, port=chosen.port)


def _doctor(_: argparse.Namespace) -> int:
    from helpers.course import machine

    checks = machine.report()
    print("\n".join(str(check) for check in checks))
    return 0 if all(check.ok for check in checks) else 1


def _where(_: argparse.Namespace) -> None:
    from helpers.course import whereabouts

    print("\n".join(whereabouts.lines()))


def _check(chosen: argparse.Namespace) -> None:
    from helpers.notebooks import self_check

    print(f"Running a copy of {chosen.notebook} ...", flush=True)
    print("\n".join(self_check.lines(self_check.check(chosen.notebook))))


def _reset(chosen: argparse.Namespace) -> None:
    from helpers.course import reset

    kept = reset.reset(chosen.lesson, chosen.exercise)
    print(f"{chosen.exercise or chosen.lesson} is as it was handed out. The notebook as it was is kept in {kept}")


def _here() -> Course:
    from helpers.grading.nbgrader_course import Course

    return Course.here()


def _build(chosen: argparse.Namespace) -> int:
    from helpers.upkeep import generated

    return generated.run(_here(), only_check=chosen.check)


def _release(chosen: argparse.Namespace) -> None:
    from helpers.grading.handout import release

    target = release.release(_here(), chosen.lesson, chosen.to, chosen.show_solutions)
    print(f"Hand out {target}")


def _roster(chosen: argparse.Namespace) -> None:
    from helpers.grading.gradebook import roster

    print("\n".join(roster.enrol(_here(), chosen.file)))


def _due(chosen: argparse.Namespace) -> None:
    from helpers.grading.gradebook import lateness

    print(lateness.due(_here(), chosen.lesson, chosen.date, chosen.student))


def _collect(chosen: argparse.Namespace) -> None:
    from helpers.grading.collect import collect

    print("\n".join(collect.collect(_here(), chosen.download, chosen.lesson).said))


def _grade(chosen: argparse.Namespace) -> int:
    from helpers.grading.classroom import head_start

    # First, since what is imported next takes as long.
    nursery = None if chosen.scheduler else head_start.nursery(chosen.lesson, chosen.student)
    from helpers.grading.class_report import terminal
    from helpers.grading.classroom import grade
    from helpers.grading.classroom.workers import Workers
    from helpers.grading.gradebook import backup
    from helpers.grading.sandbox import isolation

    here = _here()
    for lesson in chosen.lesson:
        here.lesson(lesson)  # a slip in the last name is said before the first lesson is graded
    given = {name: getattr(chosen, name) for name in ("workers", "scheduler", "again", "whole")}
    options = grade.Options(**given, require_box=chosen.require_sandbox, progress=not chosen.quiet)
    if not chosen.scheduler:  # its workers say for themselves
        print(isolation.isolation(chosen.require_sandbox))
    print(backup.words(here), flush=True)
    failed = 0
    with Workers(chosen.workers, chosen.scheduler, nursery) as workers:
        for lesson in chosen.lesson:
            failed |= terminal.say(here, lesson, grade.grade(here, lesson, chosen.student, options, workers))
    return failed


def _feedback(chosen: argparse.Namespace) -> None:
    from helpers.grading.feedback import pages as feedback_pages

    print(feedback_pages.feedback(_here(), chosen.lesson, *([chosen.student] if chosen.student else [])))


def _report(chosen: argparse.Namespace) -> None:
    from helpers.grading.class_report import gather

    print(f"The class report is {gather.write(_here(), chosen.lesson, chosen.to)}")


def _export(chosen: argparse.Namespace) -> None:
    if chosen.format == "moodle-quiz":
        from helpers.grading.gradebook import moodle_quiz

        print(f"The quiz is in {moodle_quiz.write(chosen.to or Path('quiz_moodle.xml'))}")
        return
    from helpers.grading.gradebook import export

    target = chosen.to or Path("grades.csv" if chosen.format == "nbgrader" else f"grades_{chosen.format}.csv")
    print(f"Marks are in {export.export(_here(), target, chosen.lesson, chosen.format)}")
    print("\n".join(export.to_know(_here(), chosen.lesson, chosen.format)))


def _site(chosen: argparse.Namespace) -> None:
    from helpers.upkeep.site import build

    print(f"Open {build.run(chosen.to, quick=chosen.quick)} in a browser, or put its folder on any web server.")


def _demo(_: argparse.Namespace) -> int:
    from helpers.grading import demo

    return demo.main()


if __name__ == "__main__":
    gc.set_threshold(50_000)  # imports leave little garbage: looking for it took 6 % of the start of grading
    status = main()
    gc.freeze()  # Python would look for garbage in all that was imported before it ends: a second after grading
    sys.exit(status)
