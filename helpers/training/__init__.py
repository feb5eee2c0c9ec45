"""Batches in, a trained model and its history out.

history, observations  what a run leaves behind: one record an epoch; what is to be seen in each, by stated rules
depthwise              the gradient of depthwise kernels, at a part of its price
loop                   the one training loop of the course
live_trace, live_svg   the trace while it grows, with a button to stop
one_step               a single step, tried on a copy
cache, features        what is frozen is computed once, and kept on disk
frozen_part            how it is computed: as the model is, or in quicker ways with other last digits
on_gpu                 what a GPU wants, where there is one
kept_runs, kept_heads  what was trained before, read from disk
lr_finder              the range test: which rate to begin with
phases, run_phases     what learns for how long and how fast; the engine that runs one phase after the other
recipe, strategies     the course's own two phases, and others, as data
dials                  augmentation, weight decay, a schedule: what each adds to the recipe, and its price
baselines              what one gets without a network: three classifiers on pixels
race, recordings       strategies against each other; real runs kept in recorded/, with what made them
"""

import lazy_loader

# What lessons import; each comes with its file when it is first asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "history": ["History"],
        "kept_heads": ["kept"],
        "kept_runs": ["find_lr_once", "fit_once"],
        "live_trace": ["live"],
        "loop": ["fit", "measure", "set_modes", "train_epoch"],
        "recipe": ["course_run", "released_blocks"],
    },
)
