"""Where the work is done: Dask, on this machine by default, on a cluster by an address. The code is the same for both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from helpers.errors import CourseError
from helpers.grading.examination import Examined, Job, examine
from helpers.grading.preprocessors import ONE_THREAD

CONNECT_SECONDS = 30
SPARE_SECONDS = 120  # for starting a box and reading, on top of the notebook's own limit


@contextmanager
def workers(number: int | None, scheduler: str | None) -> Iterator:
    """A Dask client with one single-threaded process a worker.

    Args:
        number: workers on this machine; None for as many as there are cores. Plays no part with a scheduler.
        scheduler: address of a running Dask scheduler, such as ``"tcp://10.0.0.5:8786"``; its workers need the course installed.

    Raises:
        CourseError: the scheduler does not answer.
    """
    import dask
    from distributed import Client, LocalCluster

    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)  # set before workers start: torch reads it on import
    quiet = {"distributed.admin.tick.limit": "1h", "distributed.worker.memory.terminate": False}
    try:
        with dask.config.set(quiet):
            if scheduler:
                try:
                    client = Client(scheduler, timeout=CONNECT_SECONDS)
                except (OSError, TimeoutError, ValueError) as error:
                    raise CourseError(f"No Dask scheduler answers at {scheduler} ({error}): start one first.") from None
                with client:
                    yield client
            else:
                options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None, "host": "127.0.0.1"}
                with (
                    LocalCluster(number or os.cpu_count() or 1, silence_logs=50, memory_limit=None, **options) as cluster,
                    Client(cluster) as client,
                ):
                    yield client
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def examined(client, jobs: list[Job]) -> Iterator[tuple[Job, Examined | Exception]]:
    """Each job with what came of it, as it comes. A worker that dies costs only the job that it had."""
    from distributed import as_completed

    waiting = {client.submit(examine, job, pure=False, retries=0): job for job in jobs}
    with suppress(GeneratorExit):
        for future in as_completed(list(waiting)):
            job = waiting.pop(future)
            problem = future.exception()
            yield job, problem if problem is not None else future.result()
            future.release()
