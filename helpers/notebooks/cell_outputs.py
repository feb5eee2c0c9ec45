"""What is kept of all that a kernel sends while cells run: outputs as nbformat has them, and not too much of them."""

from collections import Counter
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg

SMALL = 10_000  # bytes: errors and results up to this size are always kept, so that a flood never drowns a mark
MOST_OUTPUTS, SPARED = 1000, 20  # of one cell; small results and errors that come after them
MOST_CELLS_FULL = 20  # a whole notebook keeps as many times a cell's bytes
KINDS = ("stream", "display_data", "update_display_data", "execute_result", "error")


class CellOutputs:
    """The outputs of a notebook's cells, one cell after the other.

    Args:
        limit: bytes kept of one cell.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self._outputs: list[NotebookNode] = []
        # Of what is printed and of all else apart: a thread that an answer has left prints into the cells after it as well
        # (ipykernel 7.1 and later), and must not take the room of a report.
        self._kept, self._in_all = Counter(), Counter()
        self._clear_first = False
        self._displays: dict[str, list[NotebookNode]] = {}  # display id -> outputs that an update changes, in whichever cells

    def begin(self, cell: NotebookNode) -> None:
        """From now on take outputs for this cell, in place of those that it has."""
        self._in_all += Counter({printed: min(size, self.limit) for printed, size in self._kept.items()})
        self._outputs = cell.outputs = []
        self._kept, self._clear_first = Counter(), False

    def take(self, kind: str, content: dict[str, Any]) -> None:
        """Take in the content of a message of this kind (jupyter_client.readthedocs.io/en/stable/messaging.html)."""
        if kind == "clear_output":
            self._clear_first = bool(content.get("wait"))
            if not self._clear_first:
                self._outputs.clear()
        elif kind in KINDS and self._has_room(kind, content):
            self._keep(kind, content)

    def take_missing(self, error: dict[str, Any]) -> None:
        """Take in the error that a kernel's reply tells of, unless it has come as an output."""
        if not any(output.get("ename") == error["ename"] for output in self._outputs):
            self.take("error", {**error, "traceback": error["traceback"] or [f"{error['ename']}: {error['evalue']}"]})

    def _has_room(self, kind: str, content: dict[str, Any]) -> bool:
        """Whether an output can be kept whole; a stream that cannot is cut at the limit."""
        new, printed = kind != "update_display_data", kind == "stream"
        size = _size(content) * (len(self._shown(content)) + new)
        small = kind in ("error", "execute_result") and size <= SMALL
        alike = sum((output.output_type == "stream") == printed for output in self._outputs)
        if new and alike >= MOST_OUTPUTS + (SPARED if small else 0):
            return False
        if not small and self._in_all[printed] >= MOST_CELLS_FULL * self.limit:
            return False
        room = self.limit - self._kept[printed]
        self._kept[printed] += size
        if size > room and not small and new and room > 0:
            start = content["text"][:room] if kind == "stream" else ""
            text = f"{start}\n... output over {self.limit} bytes was cut ...\n"
            self._outputs.append(new_output("stream", text=text))
        return size <= room or small

    def _keep(self, kind: str, content: dict[str, Any]) -> None:
        """Add an output, and give what was shown under the same display id before the same content."""
        new, shown = kind != "update_display_data", self._shown(content)
        output = output_from_msg({"header": {"msg_type": kind if new else "display_data"}, "content": content})
        for earlier in shown:
            earlier.data, earlier.metadata = output.data, output.metadata
        if not new:
            return
        if self._clear_first:
            self._outputs.clear()
            self._clear_first = False
        shown.append(output)
        self._outputs.append(output)

    def _shown(self, content: dict[str, Any]) -> list[NotebookNode]:
        """The outputs with this one's display id; a list of its own where it has none."""
        name = (content.get("transient") or {}).get("display_id")
        return self._displays.setdefault(name, []) if name else []


def _size(content: dict[str, Any]) -> int:
    """About how many bytes an output holds."""
    texts = [content.get("text", ""), content.get("evalue", ""), *content.get("data", {}).values(), *content.get("traceback", [])]
    return sum(len(text) if isinstance(text, str) else len(str(text)) for text in texts)
