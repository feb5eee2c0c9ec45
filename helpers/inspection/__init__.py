"""What a model is, what it says, and what moved."""

from helpers.inspection.block_probe import probe_blocks
from helpers.inspection.diagnosis import diagnose
from helpers.inspection.drift import movement
from helpers.inspection.gradcam import grad_cam
from helpers.inspection.predictions import changed, confident_mistakes, confusion, predict
from helpers.inspection.snapshot import changes_since, take_snapshot
from helpers.inspection.step_probe import probe

__all__ = [
    "changed",
    "changes_since",
    "confident_mistakes",
    "confusion",
    "diagnose",
    "grad_cam",
    "movement",
    "predict",
    "probe",
    "probe_blocks",
    "take_snapshot",
]
