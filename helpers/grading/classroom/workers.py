"""Where the work is done: in processes on this machine by default, on a cluster of Dask's by an address. Jobs are the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from helpers.course.errors import CourseError
from helpers.grading.classroom import warm_cache
from helpers.grading.classroom.forked_workers import ForkedWorkers, WorkerEnded
from helpers.grading.judging.job import Examined, Job
from helpers.grading.sandbox.isolation import isolation
from helpers.grading.sandbox.nursery import Nursery

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 30
ALONE = "it ran out of time beside other submissions, and was graded once more with nothing beside it"
SILENT_SECONDS = 15  # how long nothing is said before the first submission is begun
SETTINGS = {
    "distributed.admin.tick.limit": "1h",
    "distributed.admin.large-graph-warning-threshold": "1 TB",  # a submission with its files is what is to be sent
    "distributed.scheduler.allowed-failures": 0,  # `examined` tries a job whose worker died once more
}

Submit = Callable[..., Future]  # called with a module's function and its arguments


class Crew(Protocol):
    """Single-threaded workers, here or elsewhere: how many, and how to give them work."""

    number: int

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """What the call gives, in whichever worker is free; `WorkerEnded` where its process ended meanwhile."""

    def machines(self) -> list[list[Submit]]:
        """For each machine one `submit` a worker."""


class Workers(ExitStack):
    """Workers that are started when there is something to do and kept for the next lesson. Use it in a ``with`` statement.

    Args:
        most: processes at once on this machine; None for as many as there are cores. Plays no part with a scheduler.
        scheduler: address of a running Dask scheduler that takes their place, such as ``"tcp://10.0.0.5:8786"``; its workers need
            the course installed.
        nursery: which they are forked from, if it runs already. Is ended with them.
    """

    def __init__(self, most: int | None = None, scheduler: str | None = None, nursery: Nursery | None = None):
        super().__init__()
        self.most, self.scheduler, self._crew, self._nursery = most or os.cpu_count() or 1, scheduler, None, nursery
        if nursery is not None:
            self.callback(nursery.close)

    def crew(self, jobs: int) -> Crew:
        """Workers for so many jobs. CourseError: the scheduler does not answer, or its workers are not as they should be."""
        if self._crew is None and self.scheduler:
            self._crew = self.enter_context(_elsewhere(self.scheduler))
        elif self._crew is None:
            self._crew = ForkedWorkers(self.most, self._nursery)
            self.callback(self._crew.close)
        if not self.scheduler:
            self._crew.grow(min(self.most, jobs))
        return self._crew


class _DaskCrew:
    def __init__(self, client: Client):
        self._client = client
        self.submit = client.get_executor(pure=False).submit

    @property
    def number(self) -> int:
        return sum(self._client.nthreads().values())

    def machines(self) -> list[list[Submit]]:
        from distributed.comm import get_address_host

        found: dict[str, list[Submit]] = {}
        for worker in self._client.nthreads():  # another one takes its place should it be gone
            own = self._client.get_executor(pure=False, workers=[worker], allow_other_workers=True)
            found.setdefault(get_address_host(worker), []).append(own.submit)
        return list(found.values())

    def isolations(self) -> list[str]:
        return sorted({str(found) for found in self._client.run(isolation).values()})


@contextmanager
def _elsewhere(scheduler: str) -> Iterator[_DaskCrew]:
    """The workers of a scheduler that runs already, each with the same `helpers` as here. Their boxes are closed at the end."""
    import dask
    from distributed import Client  # its own settings come with it

    try:
        with dask.config.set(SETTINGS):
            client = Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise CourseError(f"No Dask scheduler answers at {scheduler} ({error}): start one first.") from None
    with client:
        _same_course(client, scheduler)
        from helpers.grading.classroom.worker_setup import Station

        client.register_plugin(Station(None))
        try:
            yield _DaskCrew(client)
        finally:
            with suppress(Exception):  # a cluster that is gone has no boxes
                client.unregister_worker_plugin(Station.name)


def _same_course(client: Client, scheduler: str) -> None:
    from helpers.grading.classroom import worker_setup

    install = "install this copy of the course there (pip install -e .)"
    try:
        found = client.run(worker_setup.digest)
    except Exception as error:
        raise CourseError(f"The workers of {scheduler} cannot import `helpers` ({error}): {install}.") from None
    if not found:
        raise CourseError(f"The scheduler at {scheduler} has no workers: start some with `dask worker {scheduler}`.")
    other = sorted(worker for worker, digest in found.items() if digest != worker_setup.digest())
    if other:
        raise CourseError(f"Another version of `helpers` is installed where {', '.join(other)} run: {install}.")


def isolations(crew: Crew) -> list[str]:
    """How notebooks are kept apart on the workers' machines: one sentence or more for each way there is."""
    return crew.isolations() if isinstance(crew, _DaskCrew) else [str(isolation())]


def compute_ahead(crew: Crew, root: str, release: str, whole: bool, progress: bool) -> None:
    """Have what the released notebook computes once in the cache of each machine that has workers, shared out among these.

    What cannot be computed here is left to the notebooks, which say why they cannot either.

    Args:
        crew: from `Workers`.
        root: the course's folder, as the machines see it.
        release: the notebook, as text.
        whole: whether cells that only show are run as well.
        progress: say so if it takes a while.
    """
    from tqdm import tqdm

    wanted, futures = warm_cache.pieces(release, whole), []
    for together in crew.machines() if wanted else []:
        for number, submit in enumerate(together):
            if share := wanted[number :: len(together)]:
                futures.append(submit(warm_cache.compute, root, share))
    if wait(futures, timeout=SILENT_SECONDS).not_done and progress:
        tqdm.write("Computing what is frozen in this lesson's model, once: later gradings read it from the cache.")
    wait(futures)


def examined(crew: Crew, jobs: Iterable[Job]) -> Iterator[tuple[Job, Examined | Exception]]:
    """Each job with what came of it, as it comes. A worker that dies costs only the job that it had, the second time.

    Such a job is run once more at the end, with nothing beside it; and so is whoever ran out of time beside others, since limits
    are in seconds of the clock.
    """
    from helpers.grading.classroom.worker import examine

    waiting, given, blamed, beside = iter(jobs), {}, [], set()

    def give() -> None:
        """Give out as many jobs as can be worked on: Dask blames a death on all that the worker was to do."""
        while len(given) < max(1, crew.number) and (job := next(waiting, None)) is not None:
            given[crew.submit(examine, job)] = job
        if len(given) > 1:
            beside.update(job.student for job in given.values())

    give()
    while given:
        done = [(given.pop(future), _outcome(future)) for future in wait(given, return_when=FIRST_COMPLETED).done]
        give()  # before these are stored
        for job, result in done:
            if isinstance(result, WorkerEnded) or type(result).__name__ == "KilledWorker":
                blamed.append((job, job))
            elif job.student in beside and not isinstance(result, Exception) and result.starved:
                blamed.append((job, replace(job, notes=(*job.notes, ALONE))))
            else:
                yield job, result
    for job, again in blamed:
        yield job, _outcome(crew.submit(examine, again))


def _outcome(future: Future) -> Examined | Exception:
    problem = future.exception()
    return future.result() if problem is None else problem
