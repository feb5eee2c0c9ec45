"""One process that all boxes and workers of a test run are forked from: importing what lessons need takes CPU-seconds."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import pytest

from helpers.grading.sandbox.nursery import Nursery


class LastingNursery:
    """Stands in for each `Nursery` that is started: the same process, started when first used, that outlasts who asked for it."""

    @cached_property
    def _started(self) -> Nursery:
        return START()

    def fork(self, files: Sequence[int], **order: Any) -> int:
        return self._started.fork(files, **order)

    def close(self) -> None:
        """Of one who asked for it: others go on."""

    def end(self) -> None:
        if "_started" in vars(self):
            self._started.close()


START = Nursery.start


@pytest.fixture(scope="session", autouse=True)
def one_nursery() -> Iterator[LastingNursery]:
    lasting = LastingNursery()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Nursery, "start", lambda modules=None, models=(): lasting)
        yield lasting
    lasting.end()


@pytest.fixture
def own_nurseries(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of how one is started, what it has imported and how it ends."""
    monkeypatch.setattr(Nursery, "start", START)
