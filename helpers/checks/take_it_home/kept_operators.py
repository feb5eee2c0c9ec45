"""torch's table of how its operators are written in ONNX, made once a process: `torch.onnx.export` makes it anew in each call.

To make it, a thousand functions of onnxscript's are parsed from their source; of an export of a small model that is two fifths.
"""

import copy
import sys
from functools import cache, wraps

MODULE = "torch.onnx._internal.exporter._registration"  # torch's own: another release may call things otherwise


def keep_operators() -> None:
    """From now on exports share one table, if this process has exported before; else, and in other releases of torch, nothing."""
    registry = getattr(sys.modules.get(MODULE), "ONNXRegistry", None)
    make = getattr(registry, "from_torchlib", None)
    if make is None or hasattr(make, "__wrapped__"):
        return
    kept = cache(make)

    @wraps(make)
    def from_torchlib(*given, **options):
        """A copy: operators that one export adds are not in the next one's table."""
        table = copy.copy(kept(*given, **options))
        table.functions = {name: [*ways] for name, ways in table.functions.items()}
        return table

    registry.from_torchlib = staticmethod(from_torchlib)
