"""One loop -> a history; what is frozen is computed once; runs of several phases; races between strategies."""

from helpers.training.history import History
from helpers.training.loop import fit, measure, set_modes, train_epoch
from helpers.training.recipe import RELEASED_BLOCKS, course_run

__all__ = ["RELEASED_BLOCKS", "History", "course_run", "fit", "measure", "set_modes", "train_epoch"]
