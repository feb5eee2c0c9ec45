"""Workers on this machine: processes forked from one that has imported what they need. Only this process can talk to them."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from helpers.course.machine import ONE_THREAD
from helpers.grading.sandbox.nursery import Nursery

END_SECONDS = 20  # for a worker to end its box
WORKER = "helpers.grading.classroom.worker"


class WorkerEnded(RuntimeError):
    """The process that had the job is gone."""


class ForkedWorkers:
    """Up to `most` single-threaded processes, each with one job at a time. `close` ends them, and the nursery.

    Elsewhere than on Linux, where a fork is not safe with torch, each starts anew.
    """

    def __init__(self, most: int, nursery: Nursery | None):
        self._nursery = nursery or (Nursery.start() if sys.platform == "linux" else None)
        self._threads = ThreadPoolExecutor(most)
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        self.number = 0

    def grow(self, number: int) -> None:
        """Have at least so many.

        Raises:
            CourseError: none can be forked any more.
        """
        for _ in range(self.number, number):
            self._idle.put(self._start())
            self.number += 1

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """What a worker's call of a module's function gives; `WorkerEnded` where the process ended meanwhile."""
        return self._threads.submit(self._call, function, arguments)

    def machines(self) -> list[list[Callable[..., Future]]]:
        """For each machine one `submit` a worker."""
        return [[self.submit] * self.number]

    def close(self) -> None:
        """End all: at once those that are at work, the others when they have ended their boxes."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for _ in range(self._idle.qsize()):
            line = self._idle.get()
            with line, suppress(OSError, EOFError):
                line.send(None)
                if line.poll(END_SECONDS):
                    line.recv()
        if self._nursery is not None:
            self._nursery.close()

    def _start(self) -> Connection:
        ours, theirs = multiprocessing.Pipe()
        with theirs:
            if self._nursery is not None:
                self._nursery.fork([theirs.fileno()], do=WORKER)
            else:
                from helpers.grading.classroom.worker import serve

                multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True).start()
        ours.send(({**os.environ, **ONE_THREAD}, [os.path.abspath(entry) for entry in sys.path]))
        return ours

    def _call(self, function: Callable, arguments: tuple) -> Any:
        line = self._idle.get()
        try:
            line.send((function, arguments))
            done, value = line.recv()
        except (OSError, EOFError):
            line.close()
            self._idle.put(self._start())
            raise WorkerEnded("a grading process ended") from None
        self._idle.put(line)
        if done:
            return value
        raise value
