"""The checks of lesson 07: reading a training trace, and tracing one prediction."""

from helpers.checks.read_traces.prediction_trace import prediction_trace
from helpers.checks.read_traces.read_trace import read_trace

__all__ = ["prediction_trace", "read_trace"]
