"""`fix_frozen_head`: freeze the base, not the head that is in it by then."""

from tests.answers import thaw
from tests.answers.freeze_base import by_prefix, lookalike, module_methods, weight_only
from tests.answers.replace_head import put_linear
from tests.support.broken_programs import broken, repaired


def _swapped_then(set_flags):
    """Swaps the head and then does ``set_flags(model, head_name)``, an answer to `freeze_base`."""

    def program(model, head_name, num_classes):
        set_flags(put_linear(model, head_name, num_classes), head_name)
        return model

    return program


_release_afterwards = _swapped_then(module_methods)


def _old_head(model, head_name, num_classes):
    module_methods(model, head_name)
    return model


def _returns_head(model, head_name, num_classes):
    return getattr(_release_afterwards(model, head_name, num_classes), head_name)


RIGHT = {
    "frozen first": repaired("fix_frozen_head"),
    "released afterwards": _release_afterwards,
    "by the first part of the name": _swapped_then(by_prefix),
}
WRONG = {
    "the broken program": (broken("fix_frozen_head"), "head_frozen"),
    "everything released": (_swapped_then(lambda model, head_name: thaw(model)), "base_moves"),
    "the old head released": (_old_head, "old_head"),
    "the bias left frozen": (_swapped_then(weight_only), "head_partly_frozen"),
    "names that contain the head's": (_swapped_then(lookalike), "base_moves"),
    "the head returned": (_returns_head, "not_the_model"),
}
