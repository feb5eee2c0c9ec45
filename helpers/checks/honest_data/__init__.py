"""The checks of lesson 13: weights for rare classes, a split by group, suspicious labels, and a temperature for confidence."""

from helpers.checks.honest_data.class_weights import class_weights
from helpers.checks.honest_data.find_suspects import find_suspects
from helpers.checks.honest_data.fit_temperature import fit_temperature
from helpers.checks.honest_data.group_split import group_split

__all__ = ["class_weights", "find_suspects", "fit_temperature", "group_split"]
