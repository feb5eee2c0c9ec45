"""`subprocess.run` for a Python program that tests start a hundred times: forked from a process that has its imports done.

Each run is a process of its own all the same, in the folder, with the environment and the streams that it is given.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

IMPORTS = ["numpy", "onnx", "onnxruntime", "safetensors.numpy"]


@cache
def _forks() -> multiprocessing.context.BaseContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTS)
    return context


def run(
    command: Sequence[str], *, input: bytes, stdout: BinaryIO, stderr: int, timeout: float, cwd: str, env: dict[str, str]
) -> None:
    """As `subprocess.run`, for the last of the command's words and a stdout that is a file.

    Raises:
        TimeoutExpired: as that does.
    """
    request = Path(cwd, "request")
    request.write_bytes(input)
    process = _forks().Process(target=_be, args=(command[-1], str(request), stdout.name, cwd, env))
    process.start()
    process.join(timeout)
    if process.is_alive():
        process.kill()
        raise subprocess.TimeoutExpired(command, timeout)


def _be(program: str, request: str, answer: str, folder: str, env: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.argv = [program]
    with open(request) as sys.stdin, open(answer, "w") as sys.stdout:
        runpy.run_path(program, run_name="__main__")


IN_PLACE_OF_SUBPROCESS = SimpleNamespace(run=run, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired)
