"""The checks of lesson 01: counting parameters, and classifying a photograph."""

from helpers.checks.load_pretrained.classify import classify
from helpers.checks.load_pretrained.count_parameters import count_parameters

__all__ = ["classify", "count_parameters"]
