"""What a notebook keeps when it is saved: plain HTML, which any page shows later on, in place of views that need this kernel.

A saved view would say "Error displaying widget" when the notebook is opened again. ``lab_config/jupyter_server_config.json`` sets
`keep_plain` as the server's hook before saving.
"""

from typing import Any

from helpers.course.live_view import VIEW_MIME


def keep_plain(model: dict[str, Any], **_: object) -> None:
    """Take views out of the notebook that a server is about to write, where other forms of the same stand beside them.

    Args:
        model: the notebook as Jupyter's contents API has it; changed in place.
    """
    if model.get("type") != "notebook" or not isinstance(model.get("content"), dict):
        return
    for cell in model["content"].get("cells", []):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if VIEW_MIME in data and len(data) > 1:
                del data[VIEW_MIME]
    model["content"].get("metadata", {}).pop("widgets", None)
