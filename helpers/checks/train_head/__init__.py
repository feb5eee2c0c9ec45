"""The checks of lesson 04: the optimizer's contents, one epoch, measuring, features computed once, the head's training."""

from helpers.checks.train_head.evaluate import evaluate
from helpers.checks.train_head.extract_features import extract_features
from helpers.checks.train_head.head_history import head_history
from helpers.checks.train_head.make_optimizer import make_optimizer
from helpers.checks.train_head.train_one_epoch import train_one_epoch

__all__ = ["evaluate", "extract_features", "head_history", "make_optimizer", "train_one_epoch"]
