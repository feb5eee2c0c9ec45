"""The checks of lesson 05: releasing the last blocks, and telling the optimizer so."""

from helpers.checks.unfreeze_blocks.parameter_groups import parameter_groups
from helpers.checks.unfreeze_blocks.unfreeze_last_blocks import unfreeze_last_blocks

__all__ = ["parameter_groups", "unfreeze_last_blocks"]
