"""Training: one loop for every objective, on any device, that survives being killed."""

from .fitting import History, fit
from .loop import PRECISIONS, DivergenceError, optimise
from .randomness import own_random_state

__all__ = ["PRECISIONS", "DivergenceError", "History", "fit", "optimise", "own_random_state"]
