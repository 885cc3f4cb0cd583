"""Training: one loop for every objective, on any device, that survives being killed."""

from .curves import training_curves
from .fitting import History, fit
from .loop import DivergenceError, optimise
from .options import PRECISIONS, TrainingOptions

__all__ = [
    "PRECISIONS",
    "DivergenceError",
    "History",
    "TrainingOptions",
    "fit",
    "optimise",
    "training_curves",
]
