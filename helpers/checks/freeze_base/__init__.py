"""The checks of lesson 03: what is trainable, how much that is, and in which mode."""

from helpers.checks.freeze_base.freeze_base import freeze_base
from helpers.checks.freeze_base.set_training_mode import set_training_mode
from helpers.checks.freeze_base.trainable_summary import trainable_summary

__all__ = ["freeze_base", "set_training_mode", "trainable_summary"]
