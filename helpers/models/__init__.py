"""Backbones with their heads, residual blocks, weights and preprocessing."""

from helpers.models.backbones import course_backbone, get, released_model

__all__ = ["course_backbone", "get", "released_model"]
