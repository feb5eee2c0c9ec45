"""Pictures of training, prediction and freezing: data and an Axes in, the Axes out.

look          what all pictures share: lines and fillings, told apart by more than colour, and a text alternative in words
photos        images with captions; samples: some of each class of a data set
pipeline      the six stages of the course; widgets: a slider for the released blocks
prediction    one image on its way to a class; step_probe: what one step did to each part
trace         loss or accuracy by epoch; histories: several runs on one scale; rates: the range test
confusion, depth, grad_cam   mistakes by class; what moved, and what can be read, by block; where the evidence lies
race          strategies compared: accuracy of each seed, and the cost
"""

from helpers.plots.confusion import plot_confusion
from helpers.plots.depth import plot_block_probes, plot_movement
from helpers.plots.grad_cam import plot_grad_cam
from helpers.plots.histories import plot_histories
from helpers.plots.look import show
from helpers.plots.photos import plot_photos
from helpers.plots.pipeline import pipeline_counts, plot_pipeline
from helpers.plots.prediction import plot_prediction_trace
from helpers.plots.race import plot_race, plot_race_costs
from helpers.plots.rates import plot_rate_curve
from helpers.plots.samples import plot_samples
from helpers.plots.step_probe import plot_probe
from helpers.plots.trace import plot_history
from helpers.plots.widgets import released_blocks

__all__ = [
    "pipeline_counts",
    "plot_block_probes",
    "plot_confusion",
    "plot_grad_cam",
    "plot_histories",
    "plot_history",
    "plot_movement",
    "plot_photos",
    "plot_pipeline",
    "plot_prediction_trace",
    "plot_probe",
    "plot_race",
    "plot_race_costs",
    "plot_rate_curve",
    "plot_samples",
    "released_blocks",
    "show",
]
