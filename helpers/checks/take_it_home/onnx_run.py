"""What an ONNX file makes of images: run by ONNX Runtime in a fresh process that can do little, for nobody knows who wrote it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from helpers.checks.take_it_home.saved_file import Content, plain, read
from helpers.course.one_line import one_line

PROGRAM = Path(__file__).with_name("onnx_process.py")
SECONDS, MOST_READ = 300, 4_000_000  # of the clock, on however busy a machine: the program limits its processor time itself
KEPT = ("PATH", "SYSTEMROOT", "LANG")  # of the environment; threads and all else are the program's own


@dataclass(frozen=True)
class OnnxRun:
    """What came of running a file.

    Attributes:
        error: why it cannot be run; empty if it can.
        outside: whether some of its weights lie in another file.
        inputs, outputs: what it calls them.
        stopped: number of a batch -> why it stopped on that.
        first, again: number of a batch -> its first output, float32, in a first and a second run.
    """

    error: str = ""
    outside: bool = False
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    stopped: dict[int, str] = field(default_factory=dict)
    first: dict[int, Tensor] = field(default_factory=dict)
    again: dict[int, Tensor] = field(default_factory=dict)


def run_onnx(content: bytes, batches: list[Tensor]) -> OnnxRun:
    """Run a file of these bytes on batches of images, float32 (N, 3, H, W) each. Never raises on what a file can hold."""
    from safetensors.torch import save

    images = save({str(number): plain(batch) for number, batch in enumerate(batches)})
    request = len(content).to_bytes(8, "little") + content + images
    with tempfile.TemporaryDirectory(prefix="finetune-") as folder:
        answer = Path(folder, "answer")
        with answer.open("wb") as written:
            try:
                subprocess.run(
                    [sys.executable, "-I", str(PROGRAM)], input=request, stdout=written, stderr=subprocess.DEVNULL,
                    timeout=SECONDS, cwd=folder, env={name: os.environ[name] for name in KEPT if name in os.environ},
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return OnnxRun(f"it was not done after {SECONDS} seconds")
        found = read(answer.read_bytes()) if 0 < answer.stat().st_size <= MOST_READ else None
    try:
        told = json.loads(found.metadata["told"])
        error, outside = one_line(told["error"], 400), bool(told["outside"])
        inputs, outputs = (tuple(one_line(name, 100) for name in told[key]) for key in ("inputs", "outputs"))
        stopped = {int(number): one_line(words, 400) for number, words in told["stopped"].items()}
        return OnnxRun(error, outside, inputs, outputs, stopped, *(_of(turn, found) for turn in ("first", "again")))
    except (AttributeError, KeyError, TypeError, ValueError):
        return OnnxRun("running it ended the program that ran it")


def _of(turn: str, found: Content) -> dict[int, Tensor]:
    """Number of a batch -> what came of it in this turn."""
    return {int(name.partition(".")[0]): tensor for name, tensor in found.tensors.items() if name.endswith(turn)}
