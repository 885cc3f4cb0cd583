"""The trained models that the package carries: those of the sets that need no download."""

import os
from pathlib import Path

import torch

from tutorial_vae.data.catalogue import CATALOGUE
from tutorial_vae.models import save_model
from tutorial_vae.pretrained import FOLDER as PACKAGE
from tutorial_vae.pretrained import pretrained_path

from .grid import Experiment
from .results import FOLDER
from .trained_models import GRID, IMAGE_SETS, SEEDS, STEPS, model_path, models, trained

PRETRAINED = tuple(images for images in IMAGE_SETS if CATALOGUE[images].offline)


def keep_pretrained(folder: str | os.PathLike[str]) -> None:
    """Write the models of the experiment ``models`` on offline sets, rounded to bfloat16.

    Args:
        folder: where the experiment's table lies; the models go into ``models`` in it, those
            of the book's own table into the package.
    """
    kept = PACKAGE if Path(folder) == FOLDER else Path(folder) / "models"
    kept.mkdir(exist_ok=True)
    for images in PRETRAINED:
        for seed in SEEDS:
            if not model_path(images, "beta=1", seed, STEPS[-1]).is_file():
                continue  # its run failed, as the record says
            path = pretrained_path(images, seed, folder=kept)
            save_model(trained(images, seed), path, dtype=torch.bfloat16)


EXPERIMENTS = {"models": Experiment(models, GRID, keep=keep_pretrained)}
