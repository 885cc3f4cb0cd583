"""Runs an experiment and writes its table, beside a record of how it was made."""

import csv
import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from ..models import write_atomically
from ..results import FOLDER
from .kl_divergence import kl_divergence
from .latent_space import latent_space
from .latent_variable_models import latent_variable_models
from .provenance import provenance
from .quick_tour import quick_tour
from .table import SEEDS, Row
from .training_a_vae import training_a_vae
from .what_vaes_are_for import what_vaes_are_for

EXPERIMENTS: dict[str, Callable[[int], list[Row]]] = {
    "quick_tour": quick_tour,
    "latent_variable_models": latent_variable_models,
    "kl_divergence": kl_divergence,
    "training_a_vae": training_a_vae,
    "latent_space": latent_space,
    "what_vaes_are_for": what_vaes_are_for,
}


def run_experiment(name: str, *, folder: str | os.PathLike[str] = FOLDER) -> Path:
    """Run an experiment for every seed, and write its table and how it was made.

    Args:
        name: one of ``EXPERIMENTS``.
        folder: where to write ``NAME.csv`` and ``NAME.json``.

    Returns:
        The path of the table.

    Raises:
        ValueError: there is no such experiment.
        FileNotFoundError: the folder does not exist.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name must be one of {', '.join(EXPERIMENTS)}, not {name!r}")
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"cannot write {name}.csv: the folder {folder} does not exist")
    from tqdm.auto import tqdm

    started = time.perf_counter()
    rows = [row for seed in tqdm(SEEDS, desc=name, unit="seed") for row in EXPERIMENTS[name](seed)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows
    )
    made_by = provenance(f"tutorial-vae experiment {name}", time.perf_counter() - started)
    made_by["seeds"] = list(SEEDS)
    write_atomically(folder / f"{name}.json", json.dumps(made_by, indent=2).encode() + b"\n")
    write_atomically(folder / f"{name}.csv", text.getvalue().encode())
    return folder / f"{name}.csv"
