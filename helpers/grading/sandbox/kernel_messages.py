"""What a kernel says, reduced to plain fields of the right types: a learner's code can say anything in its kernel's name."""

from typing import Any

MOST_LINES = 500  # of a traceback
# Forms of one output, characters of a form's name, characters of a picture's words: the limit of bytes counts none of these.
MOST_FORMS, MOST_NAME, MOST_WORDS = 50, 200, 5000


def reduced(kind: str, content: Any) -> dict[str, Any] | None:
    """The content of a message of this kind with nothing else in it; None where it is to be ignored.

    Ignored are kinds that leave no output in a notebook, messages to and from widgets among them: no page that shows a graded
    notebook runs any.
    """
    if not isinstance(content, dict):
        return None
    if kind == "status":
        return {"execution_state": _text(content.get("execution_state"))}
    if kind == "stream":
        return {"name": "stderr" if content.get("name") == "stderr" else "stdout", "text": _text(content.get("text"))}
    if kind == "error":
        lines = content.get("traceback")
        lines = [_text(line) for line in lines[:MOST_LINES]] if isinstance(lines, list) else []
        return {"ename": _text(content.get("ename"))[:1000], "evalue": _text(content.get("evalue")), "traceback": lines}
    if kind == "clear_output":
        return {"wait": content.get("wait") is True}
    if kind in ("display_data", "update_display_data", "execute_result"):
        return _display(kind, content)
    return None


def _display(kind: str, content: dict) -> dict[str, Any]:
    data, transient, count = content.get("data"), content.get("transient"), content.get("execution_count")
    forms = list(data.items())[:MOST_FORMS] if isinstance(data, dict) else []
    data = {_text(key)[:MOST_NAME]: _text(value) for key, value in forms if isinstance(value, str)}
    found = {"data": data, "metadata": _pictures(content.get("metadata"), data), "transient": {}}
    if isinstance(transient, dict) and isinstance(transient.get("display_id"), str):
        found["transient"] = {"display_id": transient["display_id"]}
    if kind == "execute_result":
        found["execution_count"] = count if type(count) is int and 0 <= count < 10**9 else None
    return found


def _pictures(metadata: Any, data: dict[str, str]) -> dict[str, dict[str, str | int]]:
    """Of an output's metadata the words that stand for a picture, and its size in pixels."""
    found = {}
    for kind, content in metadata.items() if isinstance(metadata, dict) else ():
        if kind in data and isinstance(content, dict):
            sizes = {name: content[name] for name in ("width", "height") if type(content.get(name)) is int}
            words = {"alt": _text(content["alt"])[:MOST_WORDS]} if isinstance(content.get("alt"), str) else {}
            found[kind] = words | {name: size for name, size in sizes.items() if 0 < size < 10**5}
    return found


def _text(value: Any) -> str:
    """Text that can be written as UTF-8; what is no text is empty."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
