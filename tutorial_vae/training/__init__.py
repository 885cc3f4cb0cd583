"""Training: one loop for every objective, on any device, that survives being killed."""

from .curves import training_curves
from .fitting import History, fit
from .loop import PRECISIONS, DivergenceError, optimise

__all__ = ["PRECISIONS", "DivergenceError", "History", "fit", "optimise", "training_curves"]
