"""Experiments behind the book's tables: what takes longer than a chapter may, over several seeds.

An experiment is a function from a seed to rows of a table. Its table and the record of how it was
made lie in ``results/``.
"""

from .kl_divergence import kl_divergence
from .latent_variable_models import latent_variable_models
from .quick_tour import quick_tour
from .running import EXPERIMENTS, run_experiment
from .table import SEEDS, Row

__all__ = [
    "EXPERIMENTS",
    "SEEDS",
    "Row",
    "kl_divergence",
    "latent_variable_models",
    "quick_tour",
    "run_experiment",
]
