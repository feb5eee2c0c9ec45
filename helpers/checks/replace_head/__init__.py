"""The checks of lesson 02: predicted counts, and a new head."""

from helpers.checks.replace_head.expected_parameters import expected_parameters
from helpers.checks.replace_head.replace_head import replace_head

__all__ = ["expected_parameters", "replace_head"]
