"""What a test asks of a grading worker. Imports nothing, so that what is imported there is what the worker has by itself."""

import os
import signal
import sys

HEAVY = {"torch", "torch._dynamo", "torchvision", "timm", "matplotlib", "nbgrader", "distributed", "helpers.grading.hidden"}


def itself() -> tuple[int, list[str], list[str]]:
    """Its number, what is heavy and imported in it, and the names of its variables."""
    return os.getpid(), sorted(HEAVY & set(sys.modules)), sorted(os.environ)


def raises() -> None:
    """An error that cannot be sent."""
    raise type("Local", (Exception,), {})("cannot be sent")


def dies(job):
    """An examination that takes its process along: always, or the first time."""
    from helpers.grading.judging.job import Examined

    once = os.path.join(job.root, "died")
    if job.student == "deadly" or (job.student == "unlucky" and not os.path.exists(once)):
        open(once, "x").close() if job.student == "unlucky" else None
        os.kill(os.getpid(), signal.SIGKILL)
    return Examined(job.student, "", seconds=1.0, starved=job.student == "starved" and not job.notes)
