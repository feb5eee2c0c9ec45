"""How flags are missed: what checks of freezing and releasing say of tensors whose `requires_grad` is not what it should be."""

from collections.abc import Collection

from torch import nn

# Attributes that look like the real flag and do nothing.
MISSPELT = ("require_grad", "required_grad", "requires_gradient", "requires_grads", "require_grads")
ATTRIBUTE = (
    "module.requires_grad = ... stores an attribute that nothing reads: set the flag of each of its parameters, or call "
    "module.requires_grad_(...), with an underscore."
)


def flag_on_module(model: nn.Module) -> bool:
    """Whether an attribute `requires_grad` was written on a module."""
    return any("requires_grad" in vars(module) for module in model.modules())


def misspelt_flag(model: nn.Module) -> str:
    """The first attribute of a parameter that looks like `requires_grad` and does nothing; empty if there is none."""
    return next((name for parameter in model.parameters() for name in MISSPELT if name in vars(parameter)), "")


def misspelt_words(slip: str) -> str:
    """What to say of such an attribute."""
    return f"Python lets you invent an attribute {slip}: the flag that autograd reads is requires_grad."


def missed(model: nn.Module, left: Collection[str], all_of: Collection[str]) -> tuple[str, str]:
    """(reason code, what they have in common) for tensors that were left out of those that were to be switched."""
    norms = {
        f"{name}.{own}" for name, module in model.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)
        for own, _ in module.named_parameters(recurse=False)
    }  # fmt: skip
    if len(left) == len(all_of):
        return "all_missed", ""
    if {*left} == norms & {*all_of}:
        return "batchnorm_missed", "These are BatchNorm's weights and biases, all of them: parameters like the others."
    if {*left} == {name for name in all_of if name.endswith("bias")}:
        return "biases_missed", "These are the biases, all of them: a layer's parameters are weight and bias."
    return "partly_missed", "parameters() of a module gives every tensor inside it, however deep it lies."
