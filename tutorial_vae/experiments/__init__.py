"""Experiments behind the book's tables: what takes longer than a chapter may, over several seeds.

An experiment is a function from a seed to rows of a table. Its table and the record of how it was
made lie in ``results/``.
"""

from .generic_encoders import generic_encoders
from .grid import Run, run_grid
from .inside_a_vae import inside_a_vae
from .kl_divergence import kl_divergence
from .latent_space import latent_space
from .latent_variable_models import latent_variable_models
from .quick_tour import quick_tour
from .running import (
    EXPERIMENTS,
    Experiment,
    FailedRunsWarning,
    run_experiment,
    working_folder,
)
from .table import SEEDS, Row
from .training_a_vae import training_a_vae
from .transfer_scores import transfer_scores
from .what_vaes_are_for import what_vaes_are_for

__all__ = [
    "EXPERIMENTS",
    "SEEDS",
    "Experiment",
    "FailedRunsWarning",
    "Row",
    "Run",
    "generic_encoders",
    "inside_a_vae",
    "kl_divergence",
    "latent_space",
    "latent_variable_models",
    "quick_tour",
    "run_experiment",
    "run_grid",
    "training_a_vae",
    "transfer_scores",
    "what_vaes_are_for",
    "working_folder",
]
