"""What a model is, what it says, and what moved.

snapshot     a model at one moment, and what has changed since
step_probe   one step on a copy: what is frozen, what gets a gradient, what moves
diagnosis/   what is wrong with model, optimizer and data, and what to do
predictions  what a model says about many images, and where two models differ
drift        how far a run has moved each part
block_probe  what a linear classifier reads off each block
gradcam      where in an image the evidence lies
"""

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
