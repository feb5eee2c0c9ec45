"""The checks of lesson 10: what a race proves (`compare_strategies`), and a whole strategy as one function (`run_strategy`)."""

from helpers.checks.capstone.compare_strategies import compare_strategies
from helpers.checks.capstone.run_strategy import run_strategy

__all__ = ["compare_strategies", "run_strategy"]
