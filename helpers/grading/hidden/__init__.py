"""The problems that only the grader poses: drawn at random from a secret, the same ones at every grading."""

from helpers.grading.hidden.draw import cases, seed

__all__ = ["cases", "seed"]
