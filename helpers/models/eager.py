"""torch without its compiler, which takes as long to import as torch itself and which neither lessons nor grading call.

Three places ask for it in passing: torchvision for one word about a device, timm to have it keep out of one function, and an
optimizer to have it keep out of what it does next. Whoever does compile or export imports it as ever.
"""

import importlib
import sys
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import torch

COMPILER = "torch._dynamo"


def imported(name: str) -> ModuleType:
    """A module of torchvision's or timm's, imported with a stand-in for the compiler meanwhile.

    Of what they take from it, `is_compile_supported` is called on a GPU alone, and then by the compiler itself; and `disable`
    changes nothing where nothing is compiled.
    """
    if COMPILER in sys.modules or name in sys.modules:
        return importlib.import_module(name)
    stand_in, utils = ModuleType(COMPILER), ModuleType(f"{COMPILER}.utils")
    stand_in.disable = lambda function=None, *_, **__: function if function is not None else stand_in.disable
    utils.is_compile_supported = lambda kind: importlib.import_module(f"{COMPILER}.utils").is_compile_supported(kind)
    sys.modules |= {COMPILER: stand_in, utils.__name__: utils}
    try:
        return importlib.import_module(name)
    finally:
        del sys.modules[COMPILER], sys.modules[utils.__name__]
        vars(torch).pop("_dynamo", None)


def spare_optimizers() -> None:
    """Have an optimizer's first step not import the compiler.

    `torch.optim.optimizer._use_grad_for_differentiable` does, and so does `torch._compile._disable_dynamo`, which keeps for each
    function what it is to call instead. What is not known is left.
    """
    for method in ("state_dict", "load_state_dict", "zero_grad", "add_param_group"):
        function = getattr(getattr(torch.optim.Optimizer, method), "__wrapped__", None)
        if function is not None and not hasattr(function, "__dynamo_disable"):
            setattr(function, "__dynamo_disable", function)
    for kind in vars(torch.optim).values():
        step = getattr(kind, "step", None) if isinstance(kind, type) else None
        if getattr(getattr(step, "__code__", None), "co_name", "") == "_use_grad" and hasattr(step, "__wrapped__"):
            kind.step = _without_grad(step.__wrapped__)


def _without_grad(step: Callable) -> Callable:
    """The step as torch has it: gradients are recorded only where the optimizer says that it can be differentiated."""

    @wraps(step)
    def stepping(self: torch.optim.Optimizer, *arguments: Any, **options: Any) -> Any:
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            return step(self, *arguments, **options)

    return stepping
