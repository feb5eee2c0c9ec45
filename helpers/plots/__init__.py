"""Pictures of training, prediction and freezing: data and an Axes in, the Axes out.

Train and validation, frozen and trainable look the same in every picture (see `look`), never by colour
alone, and each picture has a text alternative that says in words what it shows.
"""

from helpers.plots.look import show, text_alternative
from helpers.plots.photos import plot_photos
from helpers.plots.pipeline import pipeline_counts, plot_pipeline
from helpers.plots.prediction import plot_prediction_trace
from helpers.plots.trace import REFERENCE_TRACE, plot_history
from helpers.plots.xray import plot_probe

__all__ = [
    "REFERENCE_TRACE",
    "pipeline_counts",
    "plot_history",
    "plot_photos",
    "plot_pipeline",
    "plot_prediction_trace",
    "plot_probe",
    "show",
    "text_alternative",
]
