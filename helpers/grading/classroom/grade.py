"""A whole class graded, several learners at once; one of them never stops the others, and a stopped run goes on where it was."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.course.one_line import one_line
from helpers.grading.classroom import workers
from helpers.grading.classroom.progress_bar import Tally
from helpers.grading.classroom.workers import Workers
from helpers.grading.gradebook import backup, lateness, master_changes, spelling
from helpers.grading.gradebook.roster import usable as usable_name
from helpers.grading.gradebook.store import NotStored, Writer
from helpers.grading.handout.build import generate, restore
from helpers.grading.hidden import draw
from helpers.grading.judging.examine import examine
from helpers.grading.judging.job import Examined, Job, RunLimits, fingerprint, tests_of
from helpers.grading.nbgrader_course import Course
from helpers.grading.submission.intake import take_in
from helpers.notebooks import masters

FAILED = "grading failed, the next run tries again"


@dataclass(frozen=True)
class Graded:
    """What became of one learner's submission.

    Attributes:
        student: whose.
        reason: why it was not graded; empty if it was.
        new: whether it was graded in this run, and not before.
        failed: whether that was the grader's failure: the mark is 0 until the next run, which grades it anew.
    """

    student: str
    reason: str = ""
    new: bool = True
    failed: bool = False


@dataclass(frozen=True)
class Options:
    """How to grade.

    Attributes:
        workers: processes at once, never more than submissions; None for as many as there are cores.
        scheduler: address of a Dask scheduler that takes their place.
        again: grade what has been graded in the same way before, too.
        require_box: refuse to run anything where there is no sandbox.
        whole: run the cells that no mark depends on as well.
        progress: show submissions done, marks so far and time left: as a bar on a terminal, elsewhere as a plain line for
            each submission. False shows nothing: all that there is to say is in the gradebook and in what `grade` returns.
    """

    workers: int | None = None
    scheduler: str | None = None
    again: bool = False
    require_box: bool = False
    whole: bool = False
    progress: bool = True


def grade(
    course: Course, lesson: str, students: list[str] | None = None, options: Options = Options(), crew: Workers | None = None
) -> list[Graded]:
    """Grade the submissions of `lesson`: marks go to the gradebook, graded notebooks to ``autograded/``.

    What is graded already, with the same file, lesson and secret, is left as it is. So a run that was stopped goes on
    where it was, and one that comes after new submissions grades only these.

    Args:
        lesson: such as ``"03_freeze_base"``.
        students: learners to grade; None for all who have handed in.
        options: how.
        crew: who grades, for several lessons one after the other; None starts some for this lesson alone.

    Raises:
        CourseError: no such lesson or learner, nothing handed in, notebooks/ is out of date, or marks cannot be stored.
    """
    course.lesson(lesson)
    names = _chosen(course, lesson, students)
    if options.workers is not None and options.workers < 1:
        raise CourseError(f"--workers is {options.workers}: take 1 or more.")
    backup.writable(course)
    backup.back_up(course)
    said = spelling.settle(course)
    usable = [name for name in names if usable_name(name)]
    reason = "not graded: such a folder name cannot be used, rename it (letters, digits, - and _, not too many)"
    outcomes = [Graded(name, reason) for name in names if name not in usable]
    with Writer(course, lesson) as writer:  # says what is wrong with the gradebook, if anything is
        for sentence in [*said, *prepare(course, lesson)]:
            print(one_line(sentence), flush=True)
        stored, ungraded, refused = {} if options.again else writer.stored(), [], []
        empty = _empty_job(course, lesson, options)
        for job in (_job(course, empty, name) for name in usable):  # read again when it is their turn: a class may have gigabytes
            if stored.get(job.student) == fingerprint(job):
                outcomes.append(Graded(job.student, job.refused, new=False))
            else:
                (refused if job.refused else ungraded).append(job.student)
        with nullcontext(crew) if crew else Workers(options.workers, options.scheduler) as started:
            jobs = (_job(course, empty, name) for name in (*refused, *ungraded))
            outcomes += _graded(writer, jobs, len(refused), len(ungraded), options, started)
    with course.changing() as gradebook:
        lateness.settle(gradebook, course, lesson)
    return sorted(outcomes, key=lambda outcome: outcome.student)


def prepare(course: Course, lesson: str) -> list[str]:
    """Bring the gradebook up to date with the master, and make the secret: once, before several processes need them.

    Returns:
        What has changed since the lesson was graded, a sentence each.

    Raises:
        CourseError: what was released is not what the master gives.
    """
    restore(course, lesson)
    released = masters.path_of("notebooks", lesson, course.root)
    with TemporaryDirectory() as folder:
        generate(course, lesson, Path(folder), database=False)  # before anything in the gradebook changes
        fresh = masters.path_of("", lesson, Path(folder))
        if released.read_bytes() != fresh.read_bytes():
            raise CourseError(f"notebooks/{lesson} is not what source/{lesson} gives: run `python -m helpers build` first.")
        master = masters.canonical(masters.read(masters.path_of("source", lesson, course.root)))
        with course.changing() as gradebook:
            said = master_changes.follow(gradebook, lesson, master, masters.read(released))
        generate(course, lesson, Path(folder), database=True)
    draw.secret(course.root)
    return [f"{lesson} has changed: {change}." for change in said]


def _chosen(course: Course, lesson: str, students: list[str] | None) -> list[str]:
    there = spelling.submitters(course, lesson)
    if not there:
        remedy = f"run `python -m helpers collect DOWNLOAD`, or put notebooks into submitted/<learner>/{lesson}/"
        raise CourseError(f"Nobody has handed in {lesson}: {remedy}.")
    students = [spelling.one(student) for student in students or []]
    missing = sorted(set(students) - set(there))
    if missing:
        those = ", ".join(map(one_line, there))
        raise CourseError(f"{', '.join(map(one_line, missing))} handed in nothing for {lesson}: those who did are {those}.")
    return sorted(set(students)) if students else there


def _empty_job(course: Course, lesson: str, options: Options) -> Job:
    """All that examining takes and is the same for all learners."""
    limits = course.config.Execute
    return Job(
        root=str(course.root),
        lesson=lesson,
        student="",
        release=masters.path_of("notebooks", lesson, course.root).read_text(encoding="utf-8"),
        tests=tests_of(masters.canonical(masters.read(masters.path_of("source", lesson, course.root)))),
        secret=draw.secret(course.root),
        limits=RunLimits(limits.timeout, limits.notebook_timeout, limits.output_limit, limits.iopub_timeout),
        require_box=options.require_box,
        whole=options.whole,
        settings=settings.deciding(course.root),
    )


def _job(course: Course, empty: Job, student: str) -> Job:
    """All that examining this learner's work takes. Reads files with care, opens nothing of what is in them."""
    job, lesson = replace(empty, student=student), empty.lesson
    folder = course.folder("submitted", student, lesson)
    try:
        if folder.is_symlink() or folder.parent.is_symlink() or not folder.is_dir():
            return replace(job, refused="the submission is not a folder: hand in a folder with the notebook in it")
        found = take_in(folder, lesson)
    except Exception as error:  # whatever lies there, it is this learner's alone
        return replace(job, refused=f"the submission cannot be read ({type(error).__name__}: {one_line(error, 200)})")
    return replace(job, content=found.content, refused=found.refused, files=found.files, notes=found.notes)


def _graded(writer: Writer, jobs: Iterator[Job], refused: int, others: int, options: Options, crew: Workers) -> Iterator[Graded]:
    """Examine and store, each as it comes: first so many that are refused, then the others."""
    first = next(jobs, None)
    if first is None:
        return
    jobs = chain([first], jobs)
    cells = masters.nbformat.reads(first.release, as_version=4).cells
    best = sum(float(cell.metadata.get("nbgrader", {}).get("points", 0)) for cell in cells)
    with Tally(refused + others, best, options.progress) as tally:
        for job, result in _examined(jobs, refused, others, options, crew):
            failed = isinstance(result, Exception)
            if failed:
                causes = "its process was ended from outside, took far too long, or ran out of memory"
                why = f"{FAILED}: {causes} ({type(result).__name__})"
                result = replace(examine(replace(job, refused=why)), refused=why)
            try:
                scores = writer.store(result, dict(job.files), "" if failed else fingerprint(job))
            except NotStored as error:  # this submission's own doing: without its files there is nothing to stumble over
                why, failed = f"{FAILED}: {one_line(error)}", True
                result = replace(examine(replace(job, refused=why)), refused=why)
                scores = writer.store(result, {}, "")
            tally.add(job.student, sum(score or 0.0 for score in scores.values()))
            yield Graded(job.student, result.refused, failed=failed)


def _examined(
    jobs: Iterator[Job], refused: int, others: int, options: Options, crew: Workers
) -> Iterator[tuple[Job, Examined | Exception]]:
    """Each job with what came of it. Workers are started only if something is to run; CourseError: why nothing can be run."""
    yield from ((job, examine(job)) for job in islice(jobs, refused))
    first = next(jobs, None)
    if first is None:
        return
    started = crew.crew(others)
    if options.scheduler and options.progress:
        print("\n".join(workers.isolations(started)), flush=True)
    workers.compute_ahead(started, first.root, first.release, options.whole, options.progress)
    for job, result in workers.examined(started, chain([first], jobs)):
        if isinstance(result, CourseError):
            raise result
        yield job, result
