"""What a model is, what it says, and what moved.

snapshot     a model at one moment, and what has changed since
step_probe   one step on a copy: what is frozen, what gets a gradient, what moves
diagnosis/   what is wrong with model, optimizer and data, and what to do
model_state  shapes, counts and one answer: what goes into a stage of the course, and what comes out
prediction_steps  one image on its way, with its feature maps
predictions  what a model says about many images, and where two models differ
calibration  how sure it is, against how often it is right
drift        how far a run has moved each part
block_probe  what a linear classifier reads off each block
gradcam      where in an image the evidence lies
"""

import lazy_loader

# What lessons import; each comes with its file when it is first asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "block_probe": ["probe_blocks"],
        "calibration": ["calibration_error"],
        "diagnosis": ["diagnose"],
        "drift": ["movement"],
        "gradcam": ["grad_cam"],
        "model_state": ["model_state"],
        "predictions": ["changed", "confident_mistakes", "confusion", "predict"],
        "snapshot": ["changes_since", "take_snapshot"],
        "step_probe": ["probe"],
    },
)
