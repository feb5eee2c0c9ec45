"""The checks of lesson 12: small layers beside frozen ones, counted before they are there, put in, and merged away."""

from helpers.checks.not_only_resnet.add_lora import add_lora
from helpers.checks.not_only_resnet.lora_summary import lora_summary
from helpers.checks.not_only_resnet.merge_lora import merge_lora

__all__ = ["add_lora", "lora_summary", "merge_lora"]
