"""What the course keeps on this computer beside the notebooks: small files in ``.course/``, each written whole or not at all."""

import json
import os
from pathlib import Path

from helpers.course import settings


def path(name: str) -> Path:
    """Where the file of that name lies."""
    return settings.root() / ".course" / name


def load(name: str) -> dict[str, dict]:
    """What was kept: lesson -> its entries. A file that is missing, or that cannot be read, counts as empty."""
    try:
        content = json.loads(path(name).read_text(encoding="utf-8"))
        return {str(lesson): {str(key): value for key, value in entries.items()} for lesson, entries in content.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def save(name: str, content: dict[str, dict]) -> None:
    """Keep `content`, which JSON can hold.

    Raises:
        OSError: the folder cannot be written.
    """
    path(name).parent.mkdir(exist_ok=True)
    replace(path(name), json.dumps(content, indent=1, sort_keys=True))


def replace(path: Path, text: str) -> None:
    """Write a text file in UTF-8; whoever reads it meanwhile sees the old text or the new one, never half of it."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
