"""Grading as a whole: what is stored when the grader ends in the middle, what is run again, and what stops it in plain words."""

import io
import itertools
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, closing, redirect_stdout, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from sqlalchemy import Engine, event

from helpers.__main__ import main
from helpers.course.errors import CourseError
from helpers.course.variants import LEARNER
from helpers.grading.classroom import forked_workers, grade, head_start, progress_bar, worker, worker_setup, workers
from helpers.grading.gradebook import backup, store
from helpers.grading.hidden import draw
from helpers.grading.judging import examine, judged_run
from helpers.grading.judging.job import Examined, Job, RunLimits, seed
from helpers.grading.nbgrader_course import Course
from helpers.grading.sandbox import isolation
from helpers.grading.sandbox.nursery import Nursery
from helpers.notebooks import masters
from helpers.notebooks.handed_in import KEY
from helpers.notebooks.run_cells import over_time
from helpers.notebooks.transplant import CHANGED, EXTRA
from tests.support import a_worker
from tests.support import small_course as small
from tests.support.small_course import LESSON, RIGHT
from tests.support.stored_marks import QUIET, digests, notebook_of, remarked, totals

SECONDS = 120  # for whatever a test waits for, on a machine that has other things to do
CURIOUS = "def double(x):\n    if x > 100:\n        raise ValueError(f'met {x}')\n    return 2 * x"
# learner -> (what is handed in, the mark)
CLASS = {
    "first": (RIGHT, 6), "second": ({"double": RIGHT["double"]}, 4), "third": ({"colour": RIGHT["colour"]}, 2), "fourth": ({}, 0),
    "fifth": (RIGHT, 6), "sixth": ({**RIGHT, "double": "def double(x):\n    return 2 * abs(x)"}, 5), "broken": ("{", 0),
    "curious": ({"double": CURIOUS, "colour": RIGHT["colour"]}, 2),
}  # fmt: skip
MARKS = {student: mark for student, (_, mark) in CLASS.items()}


def _hand_in(course: Course, student: str, work: dict[str, str] | str) -> None:
    small.hand_in(course, student, work if isinstance(work, str) else small.answered(course, work))


def started(course: Course) -> psutil.Popen:
    """``python -m helpers grade`` in a process group of its own."""
    command = [sys.executable, "-m", "helpers", "grade", LESSON, "--workers", "1"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    return psutil.Popen(command, cwd=course.root, env={**os.environ, "PYTHONPATH": str(small.REPOSITORY)}, **options)


def kill_when(grader: psutil.Popen, moment: Callable[[psutil.Popen], object]) -> None:
    """Kill it, and see that nothing of it goes on, and that nothing was wrong with it."""
    end = time.monotonic() + SECONDS
    while not moment(grader):
        assert grader.poll() is None and time.monotonic() < end, grader.communicate()[0]
        time.sleep(0.01)
    left = grader.children(recursive=True)
    os.killpg(grader.pid, signal.SIGKILL)
    said = grader.communicate()[0]
    assert "Warning" not in said and "Traceback" not in said
    assert psutil.wait_procs(left, timeout=SECONDS)[1] == []


def has_a_box(grader: psutil.Popen) -> bool:
    """Whether a box is among its processes; one that has just ended says nothing of itself."""
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        family = grader.children(recursive=True)
        return any(process.name() == "bwrap" or "nursery" in " ".join(process.cmdline()) for process in family)
    return False


def _killed_and_finished(folder: Path) -> None:
    """Kill the grader when the first box starts, when one learner is stored, and when two more are. Then let one finish, here."""
    course = small.make(folder)
    for student, (work, _) in CLASS.items():
        _hand_in(course, student, work)
    kill_when(started(course), has_a_box)
    seen: dict[str, str] = {}
    for more in (1, 2):
        wanted = len(_stored(course)) + more
        kill_when(started(course), lambda _, wanted=wanted: len(_stored(course)) >= wanted)
        now = {student: sha256(notebook_of(course, student).read_bytes()).hexdigest() for student in _sealed(course)}
        assert {student: now[student] for student in seen} == seen, "what is stored is not graded again"
        found = totals(course)
        assert set(now) <= set(found)
        assert found.items() <= MARKS.items(), "whole marks, or none"
        seen = now
    before = len(_sealed(course))
    with chdir(course.root), redirect_stdout(io.StringIO()) as said:
        assert main(["grade", LESSON, "--workers", "1"]) == 0
    (folder / "said.txt").write_text(f"{before}\n{said.getvalue()}", encoding="utf-8")


def _stored(course: Course) -> list[Path]:
    return list((course.root / "autograded").glob(f"*/{LESSON}/{LESSON}.ipynb"))


def _sealed(course: Course) -> set[str]:
    with store.Writer(course, LESSON) as opened:
        return {student for student, fingerprint in opened.stored().items() if fingerprint}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Course:
    """The class after three kills and a run to the end. Not to be changed."""
    return Course.here(small.once(tmp_path_factory, "killed", _killed_and_finished))


@pytest.fixture
def course(finished, tmp_path) -> Course:
    """A copy of it."""
    shutil.copytree(finished.root, tmp_path / "course", ignore=shutil.ignore_patterns("said.txt"))
    return Course.here(tmp_path / "course")


def test_a_killed_grader_loses_no_mark_and_counts_none_twice(finished):
    assert totals(finished) == MARKS
    assert _sealed(finished) == set(CLASS)
    assert len(list((finished.root / ".course" / "backups").glob("gradebook-*.db"))) >= 2
    with closing(sqlite3.connect(finished.root / "gradebook.db")) as book:
        counts = [book.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in ("submitted_assignment", "grade")]
    assert counts == [len(CLASS), 2 * len(CLASS)]


def test_the_run_that_finishes_says_what_it_does(finished):
    before, *lines = (finished.root / "said.txt").read_text(encoding="utf-8").splitlines()
    said, now = "\n".join(lines), len(CLASS) - int(before)
    assert lines[0] == str(isolation.isolation())
    assert lines[1].startswith(f"Marks go to {finished.root / 'gradebook.db'}; its last 10 copies")
    assert f"{now} graded now, {before} before." in said
    assert re.search(rf"^{now} of {now}, \w+: \d of 6, median so far [\d.]+, 00:00 left$", said, re.MULTILINE)
    assert "Warning" not in said and "Traceback" not in said


def _die_at(number: int, course: Course, examined: Examined) -> bool:
    """Store in a process that is killed before its `number`th statement or change of a file's name; whether it came so far."""
    child = os.fork()
    if child == 0:
        count = itertools.count(1)

        def step(*_: object) -> None:
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            with store.Writer(course, LESSON) as opened:
                for moment in ("before_cursor_execute", "commit"):
                    event.listen(Engine, moment, step)
                sys.addaudithook(lambda name, _: step() if name == "os.rename" else None)
                opened.store(examined, {}, "new")
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_kill_at_any_step_of_storing_leaves_the_old_marks_or_the_new_ones(course, tmp_path):
    other = remarked(course, "first")
    kept = tmp_path / "kept"
    shutil.copytree(course.root, kept)
    number, step, outcomes = 1, 4, []
    while True:
        died = _die_at(number, course, other)
        total = totals(course)["first"]
        with store.Writer(course, LESSON) as opened:
            stored = opened.stored().get("first")
            assert total in (6, 2), "whole marks"
            assert stored != "new" or total == 2, "no notebook says what the gradebook does not have"
            assert stored in ("new", None) or total == 6
            outcomes.append((total, stored == "new"))
            if not died and step == 1:
                break
            if total == 2 and died:  # finish, as the next run does
                opened.store(other, {}, "new")
                assert opened.stored()["first"] == "new"
        shutil.rmtree(course.root)
        shutil.copytree(kept, course.root)
        if total == 2 and step > 1:  # the marks are there: back to the last step at which they were not, and one by one
            number, step = max(1, number - step), 1
        number += step
    assert outcomes[0] == (6, False) and outcomes[-1] == (2, True)
    assert (2, False) in outcomes, "a kill between gradebook and notebook was among them"


def test_storing_leaves_the_courses_settings_as_they_are(course):
    """traitlets' own copy of a configuration shares its sections (5.16.1)."""
    before = repr(course.config)  # some of its values are equal to nothing but themselves
    with store.Writer(course, LESSON) as opened:
        opened.store(remarked(course, "first"), {}, "new")
    assert repr(course.config) == before


@pytest.fixture
def examined_here(monkeypatch) -> Iterator[list[str]]:
    """No other processes: jobs are examined in this one. The list of whose was."""
    done: list[str] = []

    def examined(_: object, jobs: list[Job]) -> Iterator[tuple[Job, Examined]]:
        for job in jobs:
            done.append(job.student)
            # as plain as can be: a submission in which nothing could be run, so 0 with a reason for each exercise
            yield job, replace(examine.examine(replace(job, refused="not run here")), refused="")

    monkeypatch.setattr(workers.Workers, "crew", lambda *_: None)
    monkeypatch.setattr(workers, "examined", examined)
    yield done


def test_the_same_again_runs_nothing_and_changes_nothing(course, examined_here):
    before = digests(course)
    outcomes = grade.grade(course, LESSON, options=QUIET)
    assert examined_here == [] and not any(outcome.new for outcome in outcomes)
    assert {**digests(course), "gradebook.db": ""} == {**before, "gradebook.db": ""}
    assert totals(course) == MARKS


def test_only_new_and_changed_work_is_run(course, examined_here):
    _hand_in(course, "second", RIGHT)
    _hand_in(course, "ninth", RIGHT)
    new = [outcome.student for outcome in grade.grade(course, LESSON, ["ninth"], QUIET) if outcome.new]
    assert new == examined_here == ["ninth"]
    grade.grade(course, LESSON, options=QUIET)
    assert examined_here == ["ninth", "second"]
    grade.grade(course, LESSON, ["third"], replace(QUIET, again=True))
    assert examined_here == ["ninth", "second", "third"]
    assert totals(course) == {**MARKS, "second": 0, "third": 0, "ninth": 0}


def test_marks_that_were_lost_from_the_gradebook_are_graded_anew(course, examined_here):
    with course.gradebook() as book:
        book.find_grade("test_double", LESSON, LESSON, "third").auto_score = 3.0
        book.remove_submission(LESSON, "fifth")
        book.db.commit()
    assert _sealed(course) == set(CLASS) - {"third", "fifth"}
    (course.root / "gradebook.db").unlink()
    grade.grade(course, LESSON, options=QUIET)
    assert sorted(examined_here) == sorted(CLASS)
    assert set(totals(course)) == set(CLASS)


def test_a_worker_that_is_killed_costs_its_own_job_and_only_the_second_time(monkeypatch, tmp_path):
    monkeypatch.setattr(worker, "examine", a_worker.dies)
    jobs = [Job(str(tmp_path), LESSON, student, "", {}, "") for student in ("a", "starved", "deadly", "b", "unlucky", "c", "d")]
    with workers.Workers(2) as started:
        crew = started.crew(9)
        assert crew.number == 2
        found = {job.student: result for job, result in workers.examined(crew, jobs)}
        (alone,) = (result for _, result in workers.examined(crew, [jobs[1]]))
    assert alone.starved and not found["starved"].starved, "beside others it is run once more, and alone it was alone"
    assert isinstance(found.pop("deadly"), forked_workers.WorkerEnded)
    assert {student: result.student for student, result in found.items()} == {name: name for name in found}
    assert set(found) == {"a", "starved", "b", "unlucky", "c", "d"}


@pytest.mark.parametrize(
    ("ended", "share", "starved"),
    [
        (over_time(120), 0.3, True),
        (judged_run._unusable(judged_run.HungUp(judged_run.NOBODY)), 0.3, True),
        (over_time(120), 0.9, False),
        (judged_run._unusable(judged_run.HungUp("the connection was closed")), 0.3, False),
    ],
    ids=["ran out of time", "a kernel too slow to connect", "an endless loop", "ended its process"],
)
def test_who_ran_out_of_time_without_a_processor_is_known(ended, share, starved, monkeypatch, tmp_path):
    """Who has one most of the time is an endless loop, and is not run again."""
    notebook = new_notebook(cells=[new_code_cell("1", id="test_x")], metadata={KEY: {"notes": [], CHANGED: [], EXTRA: []}})
    seconds, clock = iter((0.0, 100 * share)), iter((0.0, 100.0))
    monkeypatch.setattr(judged_run, "run_judged", lambda box, graded, *others: graded.cells[0].outputs.append(ended) or [])
    monkeypatch.setattr(examine, "_box", Mock())
    monkeypatch.setattr(examine, "_processor_seconds", lambda box: next(seconds))
    monkeypatch.setattr(examine, "perf_counter", lambda: next(clock))
    for name in ("FINETUNE_SECRET", "NBGRADER_EXECUTION", LEARNER):
        monkeypatch.setenv(name, "")  # set by the run
    monkeypatch.chdir(tmp_path)
    assert examine._run(notebook, Job(str(tmp_path), LESSON, "first", "", {"test_x": "1"}, "")) is starved


def test_a_kernel_that_does_not_come_in_time_is_no_crash(tmp_path, monkeypatch):
    monkeypatch.setattr(judged_run, "CONNECT_SECONDS", 0.05)
    line = judged_run.SocketLine(tmp_path / "judge.sock", time.monotonic() + 5)
    line.open()
    with pytest.raises(judged_run.OutOfTime):
        line.ask(b"")
    line.close()
    with pytest.raises(judged_run.HungUp, match=judged_run.NOBODY):
        line.ask(b"")


def test_workers_stay_for_the_next_lesson_and_more_come_when_it_has_more_to_do(own_nurseries, monkeypatch):
    monkeypatch.setenv("FINETUNE_SECRET", "told to workers alone")
    with workers.Workers(2, nursery=Nursery.start([])) as pool:
        crew = pool.crew(1)
        first, heavy, names = crew.submit(a_worker.itself).result()
        assert "FINETUNE_SECRET" in names and heavy == ["torch"]
        assert pool.crew(9) is crew and crew.number == 2
        assert pool.crew(1) is crew and crew.number == 2
        assert crew.submit(a_worker.itself).result() != crew.submit(a_worker.itself).result(), "they take turns"
        with pytest.raises(RuntimeError, match="cannot be sent"):
            crew.submit(a_worker.raises).result()
        nursery = psutil.Process(first).parent()
        assert "FINETUNE_SECRET" not in nursery.environ(), "what boxes are forked from as well is told nothing"
    assert psutil.wait_procs([nursery, *nursery.children()] if nursery.is_running() else [], timeout=SECONDS)[1] == []


def test_a_job_that_never_ends_ends_its_worker(monkeypatch):
    monkeypatch.setattr(worker, "SPARE_SECONDS", 0)
    monkeypatch.setattr(examine, "examine", lambda job: time.sleep(SECONDS))
    job = Job("", LESSON, "first", "", {}, "", limits=replace(RunLimits(), notebook=1))
    child = os.fork()
    if not child:
        try:
            worker.examine(job)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_new_work_meets_new_problems_and_the_same_file_the_same():
    one = Job("", LESSON, "first", "", {}, "a secret", content=b"{}")
    assert seed(one) == seed(replace(one, student="second", limits=RunLimits(cell=1)))
    assert len({seed(job) for job in (one, replace(one, content=b"{ }"), replace(one, secret="another"))}) == 3


def test_the_noted_seed_poses_the_same_problems(course, monkeypatch):
    notebook = masters.read(notebook_of(course, "curious"))
    monkeypatch.setenv("FINETUNE_SECRET", notebook.metadata.finetune.seed)
    assert f"met {draw.seed('double')}" in masters.text(notebook)


def test_a_class_on_a_dask_scheduler_gets_the_same_marks(course, monkeypatch, tmp_path, capsys):
    import dask
    from distributed import LocalCluster

    where = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "local_directory": tmp_path}
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": True, "silence_logs": 50}
    with dask.config.set(workers.SETTINGS), LocalCluster(**where, **options) as cluster:
        there = grade.Options(scheduler=cluster.scheduler_address, again=True)
        outcomes = grade.grade(course, LESSON, options=there)
        assert all(outcome.new and not outcome.failed for outcome in outcomes)
        with cluster.get_client() as client:
            assert list(client.run(lambda: len(examine._boxes)).values()) == [0], "no box stays on the cluster"
        monkeypatch.setattr(worker_setup, "PACKAGE", tmp_path)
        with pytest.raises(CourseError, match=r"Another version of `helpers` is installed where tcp:\S+ run"):
            grade.grade(course, LESSON, options=there)
    assert totals(course) == MARKS
    assert str(isolation.isolation()) in capsys.readouterr().out


def test_a_scheduler_that_does_not_answer_is_said(course, monkeypatch):
    monkeypatch.setattr(workers, "CONNECT_SECONDS", 1)
    before = totals(course)
    with pytest.raises(CourseError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9 .*: start one first"):
        grade.grade(course, LESSON, options=grade.Options(scheduler="tcp://127.0.0.1:9", again=True, progress=False))
    assert {**before, "broken": 0} == totals(course)


def test_what_stops_all_stops_the_class_and_what_stops_one_is_tried_again(course, monkeypatch, examined_here):
    problems: list[Exception] = [MemoryError()]
    monkeypatch.setattr(workers, "examined", lambda _, jobs: ((job, problems[0]) for job in jobs))
    _hand_in(course, "second", RIGHT)
    (second,) = (outcome for outcome in grade.grade(course, LESSON, options=QUIET) if outcome.new)
    assert (second.student, second.failed) == ("second", True) and "MemoryError" in second.reason
    assert totals(course)["second"] == 0 and "second" not in _sealed(course), "an explicit 0 until it is graded"
    problems[0] = CourseError("there is no sandbox")
    before = digests(course)
    with pytest.raises(CourseError, match="there is no sandbox"):
        grade.grade(course, LESSON, ["first", "second"], QUIET)
    assert {**digests(course), "gradebook.db": ""} == {**before, "gradebook.db": ""}


def test_without_a_sandbox_it_is_said_or_refused(course, monkeypatch, capsys):
    monkeypatch.chdir(course.root)
    monkeypatch.setattr(isolation, "_obstacle", lambda: "bubblewrap is not installed; `apt-get install bubblewrap` brings it")
    before = digests(course)
    assert main(["grade", LESSON, "--require-sandbox"]) == 1
    said = capsys.readouterr()
    assert "There is no sandbox on this system: bubblewrap is not installed" in said.err and said.out == ""
    assert digests(course) == before
    assert main(["grade", LESSON, "--quiet"]) == 0  # nothing is left to run
    assert "a notebook can read and change what you can" in capsys.readouterr().out.splitlines()[0]


def test_a_locked_gradebook_is_said_and_loses_nothing(course, monkeypatch):
    monkeypatch.setattr(backup, "LOCKED_SECONDS", 0)
    monkeypatch.setattr(store, "LOCKED_SECONDS", 0)
    before, other = digests(course), remarked(course, "first")
    with store.Writer(course, LESSON) as opened:
        # another program that has the gradebook to itself, until its input ends
        hold = "import sqlite3, sys; book = sqlite3.connect(sys.argv[1]); book.execute('BEGIN EXCLUSIVE'); print(); input()"
        command = [sys.executable, "-c", hold, str(course.root / "gradebook.db")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout.readline() == "\n"
            with pytest.raises(CourseError, match=r"could not be backed up \(database is locked\): close what holds it open"):
                grade.grade(course, LESSON, options=QUIET)
            with pytest.raises(CourseError, match=r"first could not be stored .*close what holds the gradebook open"):
                opened.store(other, {}, "new")
        assert digests(course) == before
        assert opened.store(other, {}, "new") == {"test_double": 1.0, "test_colour": 1.0}
    assert totals(course)["first"] == 2


FULL_DISK = """
import shutil, sys
from pathlib import Path
from helpers.course.errors import CourseError
from helpers.grading.classroom import grade
from helpers.grading.gradebook import store
from helpers.grading.nbgrader_course import Course
from tests.support.small_course import LESSON
from tests.support.stored_marks import QUIET, digests, remarked, totals
disk = Path(sys.argv[2])
shutil.copytree(sys.argv[1], disk / "course")
course = Course.here(disk / "course")
before, filler = digests(course), disk / "filler"
def fill(left):
    filler.unlink(missing_ok=True)
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - left))
def attempt(work):
    try:
        work()
        return True
    except CourseError as error:
        print(error)
        assert digests(course) == before, "something was lost"
other = remarked(course, "first")
fill(16_384)
attempt(lambda: grade.grade(course, LESSON, options=QUIET))
with store.Writer(course, LESSON) as opened:
    for left in range(0, 200_000, 8192):  # each time it comes a little further
        fill(left)
        if attempt(lambda: opened.store(other, {}, "new")):
            break
    filler.unlink()
    opened.store(other, {}, "new")
print(totals(course)["first"])
"""


def test_a_full_disk_is_said_and_loses_nothing(course, tmp_path):
    if isolation.isolation().layer != "bubblewrap" and not os.environ.get("CI"):
        pytest.skip("a small disk of its own is made with bubblewrap")
    disk = tmp_path / "disk"
    disk.mkdir()
    size = sum(path.stat().st_size for path in course.root.rglob("*") if path.is_file()) + 2_000_000
    command = ["bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--size", str(size), "--tmpfs", str(disk)]
    command += [sys.executable, "-c", FULL_DISK, str(course.root), str(disk)]
    env = {**os.environ, "PYTHONPATH": str(small.REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=env, check=False)
    assert done.returncode == 0, done.stderr
    first, *stores, total = done.stdout.splitlines()
    assert re.search(r"could not be backed up \(.*\): make room", first), first
    assert len(stores) > 1 and all("could not be stored" in line and "make room" in line for line in stores), stores
    assert total == "2.0"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("autograded", r"autograded cannot be written \(File exists\): make room or correct its rights"),
        (".course/backups", r"could not be backed up \(.*\): make room, or correct its rights"),
        ("autograded/broken", r"The marks of broken could not be stored \(.*\): look at .*broken.log"),
    ],
)
def test_a_folder_that_cannot_be_written_is_said_and_loses_nothing(course, place, said):
    _hand_in(course, "broken", "[")
    path = course.root / place
    shutil.rmtree(path)
    path.write_text("in the way")
    before = totals(course)
    with pytest.raises(CourseError, match=said):
        grade.grade(course, LESSON, options=QUIET)
    assert totals(course) == before


def test_the_last_ten_copies_are_kept_and_each_is_a_gradebook(course):
    made = [backup.back_up(course) for _ in range(12)]
    kept = sorted((course.root / ".course" / "backups").iterdir())
    assert kept == made[-10:]
    shutil.copy(made[-1], course.root / "gradebook.db")
    assert totals(course) == MARKS
    (course.root / "gradebook.db").unlink()
    assert backup.back_up(course) is None


def test_progress_is_a_bar_on_a_terminal_lines_in_a_log_or_nothing(capsys, monkeypatch):
    def show(wanted: bool) -> tuple[str, str]:
        with progress_bar.Tally(2, 6.0, wanted) as shown:
            shown.add("first", 6.0)
            shown.add("second", 2.5)
        return capsys.readouterr()

    assert show(False) == ("", "")
    lines = show(True).out.splitlines()
    assert lines[1] == "2 of 2, second: 2.5 of 6, median so far 4.25, 00:00 left"
    assert re.fullmatch(r"1 of 2, first: 6 of 6, median so far 6, \d\d:\d\d left", lines[0])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    out, bar = show(True)
    assert out == "" and "2/2" in bar and "second: 2.5 of 6, median so far 4.25" in bar


def test_what_a_released_notebook_builds_is_found_in_it_so_that_it_can_be_made_ahead():
    lessons = ("03_freeze_base", "04_train_head")
    freeze, train = (head_start.code_run(masters.path_of("notebooks", lesson, small.REPOSITORY)) for lesson in lessons)
    assert head_start.built(freeze, "efficientnet_lite0") == [("resnet50", 0)]
    assert head_start.built(train, "efficientnet_lite0") == [("efficientnet_lite0", None)] * 2
    assert head_start.built(train, "resnet50") == [], "its weights may have to be downloaded"
    assert "torch" in head_start.imported(freeze) and head_start.code_run(Path("nowhere.ipynb")) == []
