"""The checks of lesson 06: fine-tuning, and what came of it."""

from helpers.checks.fine_tune.fine_tune import fine_tune
from helpers.checks.fine_tune.fine_tune_history import fine_tune_history

__all__ = ["fine_tune", "fine_tune_history"]
