"""Checks of lesson 09, fourteen broken programs. Each runs the repaired one: is the symptom gone, and did nothing else break?"""

from helpers.checks.debug_clinic.fix_batch_means import fix_batch_means
from helpers.checks.debug_clinic.fix_best_weights import fix_best_weights
from helpers.checks.debug_clinic.fix_double_softmax import fix_double_softmax
from helpers.checks.debug_clinic.fix_early_optimizer import fix_early_optimizer
from helpers.checks.debug_clinic.fix_flag_on_module import fix_flag_on_module
from helpers.checks.debug_clinic.fix_forgotten_block import fix_forgotten_block
from helpers.checks.debug_clinic.fix_frozen_head import fix_frozen_head
from helpers.checks.debug_clinic.fix_frozen_still_moves import fix_frozen_still_moves
from helpers.checks.debug_clinic.fix_leaking_augmentation import fix_leaking_augmentation
from helpers.checks.debug_clinic.fix_moving_statistics import fix_moving_statistics
from helpers.checks.debug_clinic.fix_no_gradient import fix_no_gradient
from helpers.checks.debug_clinic.fix_renamed_outputs import fix_renamed_outputs
from helpers.checks.debug_clinic.fix_single_image import fix_single_image
from helpers.checks.debug_clinic.fix_validation_mode import fix_validation_mode

__all__ = [
    "fix_batch_means", "fix_best_weights", "fix_double_softmax", "fix_early_optimizer", "fix_flag_on_module",
    "fix_forgotten_block", "fix_frozen_head", "fix_frozen_still_moves", "fix_leaking_augmentation",
    "fix_moving_statistics", "fix_no_gradient", "fix_renamed_outputs", "fix_single_image", "fix_validation_mode",
]  # fmt: skip
