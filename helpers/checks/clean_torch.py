"""torch's global switches: as they were at its start while a check poses its problems, and who leaves one in another position.

`torch.set_grad_enabled(False)` as a statement, a default dtype or device: each stays for all that runs afterwards, in other cells
as well. Checks must not depend on what was switched before them, and an answer must not leave anything switched.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Switch:
    """One of torch's global switches.

    Attributes:
        call: how it is switched, with ``{}`` for the position.
        read, write: its position, and how to bring it into one.
        remedy: how to do without it.
        start: its position when torch has just been imported; None where the computer decides: checks leave that as they find it.
    """

    call: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    remedy: str
    start: Any = None

    def said(self, position: Any) -> str:
        """The call that brings it into this position."""
        return self.call.format(repr(str(position)) if isinstance(position, torch.device) else position)


def _device() -> torch.device:
    return torch.get_default_device()


def _set_device(device: torch.device) -> None:
    torch.set_default_device(None if device == CPU else device)  # with a device given, every call of torch's is slower


CPU = torch.device("cpu")
BLOCK = "As a statement it stays; `with torch.no_grad():` ends with its block."
SAY = "Say dtype= and device= of the tensors that you make: the default is everybody's."
BACK = "Note its position before, and bring it back into it at the end."
# The device first: what is made while the others are read or written has to lie on the CPU.
SWITCHES = (
    Switch("torch.set_default_device({})", _device, _set_device, SAY, CPU),
    Switch("torch.set_default_dtype({})", torch.get_default_dtype, torch.set_default_dtype, SAY, torch.float32),
    Switch("torch.set_grad_enabled({})", torch.is_grad_enabled, torch.set_grad_enabled, BLOCK, True),
    Switch("torch.autograd.set_detect_anomaly({})", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, BACK, False),
    Switch(
        "torch.use_deterministic_algorithms({})",
        torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, BACK, False,
    ),
    Switch(
        'torch.set_autocast_enabled("cpu", {})',
        lambda: torch.is_autocast_enabled("cpu"), lambda on: torch.set_autocast_enabled("cpu", on), BACK, False,
    ),
    Switch("torch.set_num_threads({})", torch.get_num_threads, torch.set_num_threads, BACK),
)  # fmt: skip

# What the judge knows of the notebook in which the answers are; here everything is seen directly.
_told: ContextVar[tuple[str, ...] | None] = ContextVar("told", default=None)


def switched() -> list[str]:
    """The calls that have brought switches out of their first position, such as ``"torch.set_grad_enabled(False)"``."""
    if _told.get() is not None:
        return list(_told.get())
    positions = ((switch, switch.read()) for switch in SWITCHES if switch.start is not None)
    return [switch.said(position) for switch, position in positions if position != switch.start]


@contextmanager
def told(calls: list[str]) -> Iterator[None]:
    """Inside, `switched` says this: what was found where the answers are, if that is another process."""
    token = _told.set(tuple(calls))
    try:
        yield
    finally:
        _told.reset(token)


@contextmanager
def clean_torch() -> Iterator[list[str]]:
    """torch's switches as at its start inside, and as they were afterwards.

    Yields a list; at the end it holds the calls by which what ran inside has left a switch in another position.
    """
    found = [switch.read() for switch in SWITCHES]
    clean = [position if switch.start is None else switch.start for switch, position in zip(SWITCHES, found, strict=True)]
    left: list[str] = []
    _bring(found, clean)
    try:
        yield left
    finally:
        now = [switch.read() for switch in SWITCHES]
        left += [s.said(position) for s, position, own in zip(SWITCHES, now, clean, strict=True) if position != own]
        _bring(now, found)


def _bring(positions: list, wanted: list) -> None:
    for switch, position, other in zip(SWITCHES, positions, wanted, strict=True):
        if position != other:
            switch.write(other)


_kept: list[Any] = []  # positions, by `keep`


def keep() -> None:
    """Note the switches' positions, for `bring_back`."""
    _kept[:] = [switch.read() for switch in SWITCHES]


def bring_back() -> None:
    """Bring the switches into the positions that were noted last."""
    if _kept:  # not where torch came after
        _bring([switch.read() for switch in SWITCHES], _kept)


def remedies(calls: Iterable[str]) -> str:
    """How to do without these calls, in a sentence or two."""
    return " ".join(dict.fromkeys(s.remedy for call in calls for s in SWITCHES if call.startswith(s.call.partition("{")[0])))


def found() -> str:
    """What is out of its first position, and how to bring it back, in words; empty if nothing is."""
    calls = switched()
    pairs = ((switch, call) for call in calls for switch in SWITCHES if call.startswith(switch.call.partition("{")[0]))
    back = ", ".join(switch.said(switch.start) for switch, _ in pairs)
    if not calls:
        return ""
    return (
        f"Here torch runs with {', '.join(calls)}: a cell or an answer above has called that, and all cells run with it, "
        f"training included. This check does not; end it for the rest by {back}."
    )


class Tidied:
    """An answer that is called in a clean torch.

    Attributes:
        left: the calls by which it has left switches in another position, over all its calls.
    """

    def __init__(self, answer: Callable):
        self._answer = answer
        self.left: list[str] = []

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the answer; what it leaves switched is noted, and switched back."""
        left: list[str] = []
        try:
            with clean_torch() as left:
                return self._answer(*arguments, **options)
        finally:
            elsewhere = getattr(self._answer, "left", None)  # of an answer in another process: what it has left there
            self.left = [*dict.fromkeys([*self.left, *left, *(elsewhere if isinstance(elsewhere, list) else [])])]
