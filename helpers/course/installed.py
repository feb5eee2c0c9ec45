"""Which packages are installed, read from the names of their folders.

`importlib.metadata` takes a package's whole description apart to say its version. It is asked only for what is not found here,
such as what a system's own installer has put somewhere else.
"""

import os
import re
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

ENDING = ".dist-info"  # https://packaging.python.org/en/latest/specifications/recording-installed-packages/


def version(package: str) -> str:
    """The version of an installed package.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if folder := _folders().get(_normal(package)):
        return folder.name.removesuffix(ENDING).partition("-")[2]
    from importlib import metadata

    return metadata.version(package)


def has_file(package: str, ending: str) -> bool:
    """Whether a file of this package, whose path ends so, is on disk."""
    folder = _folders().get(_normal(package))
    if folder is None:
        return False
    with suppress(OSError):
        listed = (line.rsplit(",", 2)[0].strip('"') for line in (folder / "RECORD").read_text(encoding="utf-8").splitlines())
        return any((folder.parent / path).is_file() for path in listed if path.endswith(ending))
    return False


@cache
def _folders() -> dict[str, Path]:
    """Package -> the folder that describes it, the one that Python would take where there are several."""
    found = {}
    for place in map(Path, sys.path):
        with suppress(OSError):
            for name in os.listdir(place):
                if name.endswith(ENDING):
                    found.setdefault(_normal(name.partition("-")[0]), place / name)
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
