"""Training: one loop for every objective, on any device, that survives being killed.

Where it begins is :func:`training_step`: an objective, its gradient, one move.
"""

from .curves import training_curves
from .fitting import fit
from .history import History
from .loop import DivergenceError, optimise
from .options import PRECISIONS, TrainingOptions
from .step import training_step

__all__ = [
    "PRECISIONS",
    "DivergenceError",
    "History",
    "TrainingOptions",
    "fit",
    "optimise",
    "training_curves",
    "training_step",
]
