"""A learner's notebook reduced to the few plain fields that count, for the self-check and for the grader alike.

One odd value in a notebook's JSON would end nbgrader's run with a traceback. Here what is no regular notebook gives one sentence.
"""

import json
from typing import Any

import nbformat
from nbformat import NotebookNode

from helpers.course.errors import CourseError
from helpers.notebooks import attachments

KEY = "finetune"  # where our notes stand in a notebook's metadata
HANDED_OUT = "handed_out"  # below it: cell id -> digest of its text when it was handed out, see `helpers.notebooks.released`
MAX_CELLS = 2_000
LONGEST_ID = 64
OURS, THEIRS = "<<<<<<<", ">>>>>>>"  # with which git begins the lines around what it could not merge


class Refused(CourseError):
    """Why a submission cannot be graded, in words for the learner."""


def parse(raw: bytes, name: str) -> NotebookNode:
    """The notebook in `raw`, reduced to type, source, pictures, id and nbgrader's grade_id of each cell.

    Lines end as Python's own do, whatever system they come from. `name` is the file's, for messages.

    Raises:
        Refused: it is not a notebook.
    """
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Refused(f"{name} is not a notebook: {_why_no_json(raw)}") from None
    try:
        if content.get("nbformat") != 4:
            content = nbformat.convert(nbformat.reader.reads(json.dumps(content)), 4)
        cells = content["cells"]
        if not 0 < len(cells) <= MAX_CELLS:
            raise Refused(f"{name} has {len(cells)} cells; between 1 and {MAX_CELLS} can be graded.")
        plain = {"cells": [_plain(cell) for cell in cells], "metadata": _metadata(content.get("metadata"))}
        return nbformat.from_dict({**plain, "nbformat": 4, "nbformat_minor": 5})
    except Refused:
        raise
    except Exception:
        # nbformat fails in many ways on values of a wrong type; all of them mean the same here.
        raise Refused(f"{name} is JSON but not a notebook. Save it again from Jupyter.") from None


def unfinished_merge(text: str) -> bool:
    """Whether lines stand in it with which git marks what it could not merge."""
    starts = {line.strip()[:7] for line in text.splitlines()}
    return {OURS, THEIRS} <= starts


def _why_no_json(raw: bytes) -> str:
    if unfinished_merge(raw.decode("utf-8", "replace")):
        return (
            f"a git merge is unfinished in it (lines that begin with {OURS}). Finish the merge, and save it again from Jupyter."
        )
    return "its content is not JSON. Save it again from Jupyter."


def _metadata(found: Any) -> dict:
    """Of the notebook's own metadata what it says of the version that was handed out: short texts only."""
    digests = found.get(KEY, {}).get(HANDED_OUT, {}) if isinstance(found, dict) and isinstance(found.get(KEY), dict) else {}
    if not isinstance(digests, dict):
        return {}
    pairs = [(name, value) for name, value in digests.items() if isinstance(value, str)][:MAX_CELLS]
    return {KEY: {HANDED_OUT: {name[:LONGEST_ID]: value[:LONGEST_ID] for name, value in pairs}}} if pairs else {}


def _plain(cell: dict) -> dict:
    """One cell with nothing in it but strings of our choosing."""
    source = cell.get("source", "")
    source = "".join(source) if isinstance(source, list) else source
    if not isinstance(source, str) or cell["cell_type"] not in ("code", "markdown", "raw"):
        raise ValueError("a cell of an unknown kind")
    source = source.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be written back
    plain = {"cell_type": cell["cell_type"], "metadata": {}, "source": source.replace("\r\n", "\n").replace("\r", "\n")}
    cell_id = cell.get("id", cell.get("metadata", {}).get("id"))  # before format 4.5 some editors kept it there
    if isinstance(cell_id, str):
        plain["id"] = cell_id[:LONGEST_ID]
    grade_id = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
    if isinstance(grade_id, str):
        plain["metadata"] = {"nbgrader": {"grade_id": grade_id}}
    if cell["cell_type"] == "code":
        return {**plain, "outputs": [], "execution_count": None}
    plain["source"], pictures = attachments.kept(plain["source"], cell.get("attachments"))
    return {**plain, "attachments": pictures} if pictures else plain
