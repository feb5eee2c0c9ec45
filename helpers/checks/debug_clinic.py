"""Checks of lesson 09, fourteen broken programs. Each runs the repaired one: is the symptom gone, and did nothing else break?"""

from __future__ import annotations

from helpers.checks.clinic import LESSON
from helpers.checks.clinic_data import fix_leaking_augmentation, fix_single_image
from helpers.checks.clinic_heads import fix_early_optimizer, fix_flag_on_module, fix_frozen_head, fix_renamed_outputs
from helpers.checks.clinic_measures import fix_batch_means, fix_best_weights
from helpers.checks.clinic_modes import fix_moving_statistics, fix_validation_mode
from helpers.checks.clinic_steps import fix_double_softmax, fix_forgotten_block, fix_frozen_still_moves, fix_no_gradient

__all__ = [
    "LESSON",
    "fix_batch_means",
    "fix_best_weights",
    "fix_double_softmax",
    "fix_early_optimizer",
    "fix_flag_on_module",
    "fix_forgotten_block",
    "fix_frozen_head",
    "fix_frozen_still_moves",
    "fix_leaking_augmentation",
    "fix_moving_statistics",
    "fix_no_gradient",
    "fix_renamed_outputs",
    "fix_single_image",
    "fix_validation_mode",
]
