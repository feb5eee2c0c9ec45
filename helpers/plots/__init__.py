"""Pictures of training, prediction and freezing: data and an Axes in, the Axes out.

look          what all pictures share: lines and fillings, told apart by more than colour, and a text alternative in words
names         words that learners chose: any script and length, never a formula
photos        images with captions; samples: some of each class of a data set
pipeline      the six stages of the course; stage_view: what goes into one and what comes out
blocks        a model by its blocks; pipeline_map: the learner's own, after each cell; freeze_xray: what one step did to it
widgets       a slider for the released blocks
prediction    one image on its way to a class; prediction_explorer: any image, before and after
trace         loss and accuracy by epoch, and what guessing comes to; histories: several runs on one scale; rates: the range test
confusion, depth, grad_cam   mistakes by class; what changed, and what can be read, by block; where the evidence lies
by_class      how often a model is right in each class, the larger ones on top
reliability   how often a model is right, against how sure it is
race          strategies compared: accuracy of each seed, and the cost
"""

import lazy_loader

# What lessons import; each comes with its file when it is first asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "by_class": ["plot_by_class"],
        "confusion": ["plot_confusion"],
        "depth": ["plot_block_probes", "plot_movement"],
        "freeze_xray": ["xray"],
        "grad_cam": ["plot_grad_cam"],
        "histories": ["plot_histories"],
        "look": ["show"],
        "photos": ["plot_photos"],
        "pipeline_map": ["model_map"],
        "prediction": ["plot_prediction_trace"],
        "prediction_explorer": ["explore_predictions"],
        "race": ["plot_race", "plot_race_costs"],
        "rates": ["plot_rate_curve"],
        "reliability": ["plot_reliability"],
        "samples": ["plot_samples"],
        "stage_view": ["stage_view"],
        "trace": ["plot_history", "plot_trace"],
        "widgets": ["released_blocks"],
    },
)
