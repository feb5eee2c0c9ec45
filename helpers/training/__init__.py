"""Batches in, a trained model and its history out.

history                what a run leaves behind: one record an epoch
loop                   the one training loop of the course
one_step               a single step, tried on a copy
cache, features        what is frozen is computed once, and kept on disk
lr_finder              the range test: which rate to begin with
phases, run_phases     what learns for how long and how fast; the engine that runs one phase after the other
recipe, strategies     the course's own two phases, and others, as data
race, recordings       strategies against each other; real runs kept in recorded/, with what made them
"""

from helpers.training.history import History
from helpers.training.loop import fit, measure, set_modes, train_epoch

__all__ = ["RELEASED_BLOCKS", "History", "course_run", "fit", "measure", "set_modes", "train_epoch"]


def __getattr__(name: str) -> object:
    """The recipe's names when first asked for: it brings images and networks along, which the loop does without."""
    if name not in ("RELEASED_BLOCKS", "course_run"):
        raise AttributeError(f"helpers.training has no {name}")
    from helpers.training import recipe

    return getattr(recipe, name)
