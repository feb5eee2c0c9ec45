"""Programs in processes of their own, each forked from an interpreter that has imported what it would import first.

torch alone takes two seconds, and so does nbgrader. What a program asks for and finds imported counts as imported by it.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.support.small_course import REPOSITORY

FORKS = """import builtins, gc, json, os, sys, traceback
asked, imported = set(), builtins.__import__
for name in sys.argv[1:]:
    imported(name)
before = set(sys.modules)
gc.disable()
gc.freeze()
def asking(name, globals=None, locals=None, fromlist=(), level=0):
    asked.add("" if level else name.partition(".")[0])
    return imported(name, globals, locals, fromlist, level)
def run(order):
    for number, name in ((1, "out"), (2, "error")):
        os.dup2(os.open(order["folder"] + "/" + name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    builtins.__import__ = asking
    exec(order["code"], {"__name__": "__main__"})
    with open(order["folder"] + "/modules", "w") as file:
        json.dump(sorted(set(sys.modules) - (set() if asked & set(sys.argv[1:]) else before)), file)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run(json.loads(line))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)"""


@dataclass(frozen=True)
class Ran:
    """A program that has ended well: what it printed, and the modules that it has imported."""

    out: str
    modules: frozenset[str]


Fresh = Callable[..., Ran]


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    """A function that runs a program in the repository's folder, forked where the modules in `base` are imported already."""
    started: dict[tuple[str, ...], subprocess.Popen] = {}
    folder = tmp_path_factory.mktemp("fresh")

    def run(code: str, base: tuple[str, ...] = ()) -> Ran:
        if base not in started:
            command, pipe = [sys.executable, "-c", FORKS, *base], subprocess.PIPE
            process = subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True)
            started[base] = all_of_them.enter_context(process)
        print(json.dumps({"code": code, "folder": str(folder)}), file=started[base].stdin, flush=True)
        ended = started[base].stdout.readline().strip()
        assert ended == "0", (folder / "error").read_text(encoding="utf-8")
        return Ran((folder / "out").read_text(encoding="utf-8"), frozenset(json.loads((folder / "modules").read_text())))

    with ExitStack() as all_of_them:
        yield run
