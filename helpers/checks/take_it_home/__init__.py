"""The checks of lesson 11: a model saved with all that belongs to it, loaded elsewhere, asked about a file, and exported."""

from helpers.checks.take_it_home.export_onnx import export_onnx
from helpers.checks.take_it_home.load_model import load_model
from helpers.checks.take_it_home.predict_file import predict_file
from helpers.checks.take_it_home.save_model import save_model

__all__ = ["export_onnx", "load_model", "predict_file", "save_model"]
