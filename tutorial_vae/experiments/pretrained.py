"""The trained models that the package carries: those of the sets that need no download."""

import os
from pathlib import Path

import torch

from ..data.catalogue import CATALOGUE
from ..models import save_model
from ..results import pretrained_path
from .models import IMAGE_SETS, SEEDS, STEPS, model_path, trained

PRETRAINED = tuple(images for images in IMAGE_SETS if CATALOGUE[images].offline)


def keep_pretrained(folder: str | os.PathLike[str]) -> None:
    """Write the models of the experiment ``models`` on offline sets, rounded to bfloat16.

    Args:
        folder: where the experiment's table lies; the models go into ``models`` in it.
    """
    for images in PRETRAINED:
        for seed in SEEDS:
            if not model_path(images, "beta=1", seed, STEPS[-1]).is_file():
                continue  # its run failed, as the record says
            path = pretrained_path(images, seed, folder=Path(folder))
            path.parent.mkdir(exist_ok=True)
            save_model(trained(images, seed), path, dtype=torch.bfloat16)
