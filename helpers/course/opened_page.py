"""What a page is given when a notebook is opened: its kernel's own description stands in it already.

The notebooks that are handed out name no version of Python. JupyterLab fills that in when their kernel has started, and then
takes an untouched notebook for a changed one: a dot on its tab, and "Save your work?" when it is closed.
"""

from functools import cache
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

KERNEL = "python3"  # of this environment: `helpers.course.lab` sees to that


class Contents(AsyncLargeFileManager):
    """Files as Jupyter's own contents manager has them, notebooks as they are once their kernel has started."""

    async def get(self, *args: Any, **options: Any) -> dict[str, Any]:
        """The model of a file or folder, see `AsyncLargeFileManager.get`."""
        model = await super().get(*args, **options)
        describe_kernel(model)
        return model


def describe_kernel(model: dict[str, Any]) -> None:
    """Put this environment's kernel into a notebook's metadata, if it is the kernel that the notebook asks for.

    Args:
        model: as Jupyter's contents API has it; changed in place.
    """
    if model.get("type") == "notebook" and isinstance(model.get("content"), dict):
        metadata = model["content"].get("metadata", {})
        if metadata.get("kernelspec", {}).get("name") == KERNEL:
            metadata |= _kernel()


@cache
def _kernel() -> dict[str, dict[str, Any]]:
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelspec import get_kernel_dict

    known = get_kernel_dict()
    spec = {"display_name": known["display_name"], "language": known["language"], "name": KERNEL}
    return {"kernelspec": spec, "language_info": dict(IPythonKernel.language_info)}
