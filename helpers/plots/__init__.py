"""Pictures of training, prediction and freezing: data and an Axes in, the Axes out.

Train and validation, frozen and trainable look the same in every picture (see `look`), never by colour
alone, and each picture has a text alternative that says in words what it shows.
"""

from helpers.plots.confusion import plot_confusion
from helpers.plots.depth import plot_block_probes, plot_movement
from helpers.plots.grad_cam import plot_grad_cam
from helpers.plots.histories import plot_histories
from helpers.plots.look import show, text_alternative
from helpers.plots.photos import plot_photos
from helpers.plots.pipeline import pipeline_counts, plot_pipeline
from helpers.plots.prediction import plot_prediction_trace
from helpers.plots.race import plot_race, plot_race_costs
from helpers.plots.rates import plot_rate_curve
from helpers.plots.samples import plot_samples
from helpers.plots.step_probe import plot_probe
from helpers.plots.trace import REFERENCE_TRACE, plot_history
from helpers.plots.widgets import released_blocks

__all__ = [
    "REFERENCE_TRACE",
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
    "text_alternative",
]
