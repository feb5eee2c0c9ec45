"""Where the work is done: Dask, on this machine by default, on a cluster by an address. The code is the same for both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from helpers.course.errors import CourseError
from helpers.course.machine import ONE_THREAD
from helpers.grading.classroom import forkserver, warm_cache
from helpers.grading.judging.job import Examined, Job
from helpers.grading.sandbox.isolation import isolation

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_SECONDS = 30
ALONE = "it ran out of time beside other submissions, and was graded once more with nothing beside it"
SILENT_SECONDS = 15  # how long nothing is said before the first submission is begun
SETTINGS = {
    "distributed.admin.tick.limit": "1h",
    "distributed.admin.large-graph-warning-threshold": "1 TB",  # a submission with its files is what is to be sent
    "distributed.worker.memory.terminate": False,
    "distributed.scheduler.http.routes": [],  # pages that anybody on this machine could open
    "distributed.worker.http.routes": [],
    "distributed.scheduler.allowed-failures": 0,  # `examined` tries a job whose worker died once more
    "distributed.worker.multiprocessing-method": forkserver.METHOD,
}


class Workers(ExitStack):
    """Workers that are started when there is something to do and kept for the next lesson. Use it in a ``with`` statement.

    Args:
        most: processes at once on this machine; None for as many as there are cores. Plays no part with a scheduler.
        scheduler: address of a running Dask scheduler that takes their place, such as ``"tcp://10.0.0.5:8786"``; its workers need
            the course installed.
    """

    def __init__(self, most: int | None = None, scheduler: str | None = None):
        super().__init__()
        self.most, self.scheduler, self._client = most or os.cpu_count() or 1, scheduler, None

    def client(self, jobs: int) -> Client:
        """A Dask client for so many jobs. CourseError: as from `workers`."""
        wanted = min(self.most, jobs)
        if self._client is None:
            self._client = self.enter_context(workers(wanted, self.scheduler))
        elif not self.scheduler and len(self._client.nthreads()) < wanted:
            self._client.cluster.scale(wanted)
            self._client.wait_for_workers(wanted)
        return self._client


@contextmanager
def workers(number: int | None, scheduler: str | None = None) -> Iterator[Client]:
    """A Dask client with one single-threaded process a worker; arguments as for `Workers`.

    Raises:
        CourseError: the scheduler does not answer, or its workers are not as they should be.
    """
    import dask
    import distributed  # noqa: F401 (first: its own settings come with it)

    with dask.config.set(SETTINGS), _elsewhere(scheduler) if scheduler else _here(number) as client:
        yield client


@contextmanager
def _here(number: int | None) -> Iterator[Client]:
    """Workers on this machine. Only who holds this run's own key can talk to them: a job is code with the instructor's rights."""
    from distributed import Client, LocalCluster

    from helpers.grading.classroom.worker_setup import Station

    options = {"threads_per_worker": 1, "processes": True, "host": "127.0.0.1", "security": True}
    # Dask takes its log level from here, and keeps what it puts on disk there.
    with TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True) as folder, forkserver.environment(ONE_THREAD):
        forkserver.start()
        options |= {"silence_logs": 50, "memory_limit": None, "local_directory": folder, "dashboard_address": "127.0.0.1:0"}
        with LocalCluster(n_workers=number or os.cpu_count() or 1, **options) as cluster, Client(cluster) as client:
            client.register_plugin(Station(os.environ))
            yield client


@contextmanager
def _elsewhere(scheduler: str) -> Iterator[Client]:
    """The workers of a scheduler that runs already, each with the same `helpers` as here. Their boxes are closed at the end."""
    from distributed import Client

    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise CourseError(f"No Dask scheduler answers at {scheduler} ({error}): start one first.") from None
    with client:
        _same_course(client, scheduler)
        from helpers.grading.classroom.worker_setup import Station

        client.register_plugin(Station(None))
        try:
            yield client
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


def isolations(client: Client) -> list[str]:
    """How notebooks are kept apart on the workers' machines: one sentence or more for each way there is."""
    return sorted({str(found) for found in client.run(isolation).values()})


def compute_ahead(client: Client, root: str, release: str, progress: bool) -> None:
    """Have what the released notebook computes once in the cache of each machine that has workers, shared out among these.

    What cannot be computed here is left to the notebooks, which say why they cannot either.

    Args:
        client: from `workers`.
        root: the course's folder, as the machines see it.
        release: the notebook, as text.
        progress: say so if it takes a while.
    """
    from distributed import wait
    from distributed.comm import get_address_host
    from tqdm import tqdm

    wanted, machines, futures = warm_cache.pieces(release), {}, []
    if not wanted:
        return
    for worker in client.nthreads():
        machines.setdefault(get_address_host(worker), []).append(worker)
    for together in machines.values():
        for number, worker in enumerate(together):
            if share := wanted[number :: len(together)]:
                where = {"workers": [worker], "allow_other_workers": True}  # should this one be gone
                futures.append(client.submit(warm_cache.compute, root, share, pure=False, **where))
    try:
        wait(futures, timeout=SILENT_SECONDS)
    except TimeoutError:
        if progress:
            tqdm.write("Computing what is frozen in this lesson's model, once: later gradings read it from the cache.")
        wait(futures)


def examined(client: Client, jobs: list[Job]) -> Iterator[tuple[Job, Examined | Exception]]:
    """Each job with what came of it, as it comes. A worker that dies costs only the job that it had, the second time.

    Dask blames a death on all that the worker was to do. So every such job is run once more at the end, with nothing beside it;
    and so is whoever ran out of time beside others, since limits are in seconds of the clock.
    """
    from distributed import KilledWorker, as_completed

    from helpers.grading.classroom.worker_setup import examine

    waiting, given, done, blamed = iter(jobs), {}, as_completed(), []

    def give() -> None:
        """Give out as many jobs as can be worked on: what waits at a worker that dies is blamed for it."""
        while len(given) < max(1, sum(client.nthreads().values())) and (job := next(waiting, None)) is not None:
            future = client.submit(examine, job, pure=False)
            given[future] = job
            done.add(future)

    beside = len(jobs) > 1 and sum(client.nthreads().values()) > 1
    give()
    for future in done:
        job, result = given.pop(future), _outcome(future)
        give()  # before this one is stored
        if isinstance(result, KilledWorker):
            blamed.append((job, job))
        elif beside and not isinstance(result, Exception) and result.starved:
            blamed.append((job, replace(job, notes=(*job.notes, ALONE))))
        else:
            yield job, result
    for job, again in blamed:
        yield job, _outcome(client.submit(examine, again, pure=False))


def _outcome(future: Future) -> Examined | Exception:
    problem = future.exception()
    return future.result() if problem is None else problem
