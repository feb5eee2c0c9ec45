"""What is wrong with a model, its optimizer and its data, and what to do about it."""

from helpers.inspection.diagnosis.diagnose import diagnose

__all__ = ["diagnose"]
