"""What a grading process does: examine one submission after the other, on this machine or as a worker of Dask's."""

import faulthandler
import os
import pickle
import signal
import socket
import sys
import tempfile
from multiprocessing.connection import Connection

from helpers.course import machine
from helpers.grading.judging import examine as examination
from helpers.grading.judging.job import Examined, Job
from helpers.grading.sandbox.nursery import Nursery

SPARE_SECONDS = 300  # beyond a notebook's own time: for starting its kernel, and for the judge's own computing


def examine(job: Job) -> Examined:
    """`examination.examine` in a worker, which is ended if that takes far longer than the notebook may."""
    faulthandler.dump_traceback_later(job.limits.notebook + SPARE_SECONDS, exit=True)  # from a thread that needs no Python
    try:
        return examination.examine(job)
    finally:
        faulthandler.cancel_dump_traceback_later()


def main(line: int, nursery: socket.socket) -> None:
    """Serve, in a process that was forked from a nursery: `line` is a file descriptor, `nursery` is for boxes."""
    Nursery.lent = Nursery(nursery)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        serve(Connection(line))
    finally:
        examination.end_boxes()
        os._exit(0)


def serve(line: Connection) -> None:
    """Call what is asked for and send what came of it, until the other side has enough. The first message has this process's
    environment and search path.
    """
    variables, sys.path[:] = line.recv()
    os.environ.clear()
    os.environ.update(variables)
    tempfile.tempdir = None  # Python looks once where temporary files belong
    machine.tune_allocator()
    while (request := line.recv()) is not None:
        function, arguments = request
        try:
            answer = True, function(*arguments)
        except Exception as error:
            answer = False, error
        try:
            line.send(answer)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            line.send((False, RuntimeError(f"{answer[1]!r}, {error}")))
    examination.close_boxes()
