"""The check of lesson 00: what fine-tuning added, read from a run's table."""

from helpers.checks.whole_game.fine_tuning_gain import fine_tuning_gain

__all__ = ["fine_tuning_gain"]
