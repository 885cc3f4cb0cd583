"""Runs an experiment and writes its table, beside a record of how it was made."""

import csv
import hashlib
import inspect
import io
import json
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..data.torchvision_sets import data_root
from ..models import write_atomically
from ..results import FOLDER
from . import architecture_grids as grids
from .architecture import (
    architecture,
    architecture_adapted,
    architecture_longer,
    architecture_shared,
    architecture_sources,
)
from .generic_encoders import generic_encoders
from .grid import Run, Settings, run_grid
from .inside_a_vae import inside_a_vae
from .kl_divergence import kl_divergence
from .latent_space import latent_space
from .latent_variable_models import latent_variable_models
from .models import GRID as MODEL_GRID
from .models import models
from .pretrained import keep_pretrained
from .provenance import provenance
from .quick_tour import quick_tour
from .similarity import (
    SEEN_WHILE_TRAINING,
    TARGETS,
    UNDER_OBJECTIVES,
    similarity,
    similarity_of_objectives,
    similarity_while_training,
    stitching,
)
from .table import SEEDS, Row
from .training_a_vae import training_a_vae
from .transfer import GRID as TRANSFER_GRID
from .transfer import GRID_OF_FEW, GRID_OF_MANY, transfer
from .transfer_card import GRID as TRANSFER_CARD_GRID
from .transfer_card import transfer_card
from .transfer_scores import GRID as TRANSFER_SCORES_GRID
from .transfer_scores import transfer_scores
from .transferability import GRID as TRANSFERABILITY_GRID
from .transferability import SHORT_GRID, transferability
from .transferability_ranking import GRID as RANKING_GRID
from .transferability_ranking import transferability_ranking
from .transferability_sources import GRID as SOURCES_GRID
from .transferability_sources import SHORT_GRID as SHORT_SOURCES_GRID
from .transferability_sources import transferability_sources
from .what_vaes_are_for import what_vaes_are_for


@dataclass(frozen=True)
class Experiment:
    """What a table of the book is made of.

    Attributes:
        run: the function that measures some rows; it takes the settings of a run as keywords.
        grid: the settings of all runs.
        after: name of an experiment whose models this one loads, or None.
        keep: writes what else is kept beside the table, given the folder of the table.
    """

    run: Callable[..., list[Row]]
    grid: Sequence[Settings] = tuple({"seed": seed} for seed in SEEDS)
    after: str | None = None
    keep: Callable[[Path], None] | None = None


EXPERIMENTS = {
    "quick_tour": Experiment(quick_tour),
    "latent_variable_models": Experiment(latent_variable_models),
    "kl_divergence": Experiment(kl_divergence),
    "training_a_vae": Experiment(training_a_vae),
    "latent_space": Experiment(latent_space),
    "what_vaes_are_for": Experiment(what_vaes_are_for),
    "models": Experiment(models, MODEL_GRID, keep=keep_pretrained),
    "similarity": Experiment(similarity, TARGETS, after="models"),
    "similarity_while_training": Experiment(
        similarity_while_training, SEEN_WHILE_TRAINING, after="models"
    ),
    "similarity_of_objectives": Experiment(
        similarity_of_objectives, UNDER_OBJECTIVES, after="models"
    ),
    "inside_a_vae": Experiment(inside_a_vae, SEEN_WHILE_TRAINING, after="models"),
    "stitching": Experiment(stitching, TARGETS, after="models"),
    "generic_encoders": Experiment(generic_encoders, TARGETS, after="models"),
    "transfer": Experiment(transfer, TRANSFER_GRID, after="models"),
    "transfer_few": Experiment(transfer, GRID_OF_FEW, after="models"),
    "transfer_many": Experiment(transfer, GRID_OF_MANY, after="models"),
    "transfer_scores": Experiment(transfer_scores, TRANSFER_SCORES_GRID, after="models"),
    "transfer_card": Experiment(transfer_card, TRANSFER_CARD_GRID, after="models"),
    "transferability_sources": Experiment(transferability_sources, SOURCES_GRID),
    "transferability": Experiment(
        transferability, TRANSFERABILITY_GRID, after="transferability_sources"
    ),
    "transferability_ranking": Experiment(
        transferability_ranking, RANKING_GRID, after="transferability_sources"
    ),
    "transferability_short_sources": Experiment(transferability_sources, SHORT_SOURCES_GRID),
    "transferability_short": Experiment(
        transferability, SHORT_GRID, after="transferability_short_sources"
    ),
    "architecture_sources": Experiment(architecture_sources, grids.SOURCES),
    "architecture_shared": Experiment(
        architecture_shared, grids.SHARED, after="architecture_sources"
    ),
    "architecture": Experiment(architecture, grids.ALONE, after="architecture_shared"),
    "architecture_adapted": Experiment(
        architecture_adapted, grids.ADAPTED, after="architecture_shared"
    ),
    "architecture_longer": Experiment(
        architecture_longer, grids.LONGER, after="architecture_sources"
    ),
    "architecture_more_sources": Experiment(architecture_sources, grids.MORE_SOURCES),
    "architecture_more_shared": Experiment(
        architecture_shared, grids.MORE_SHARED, after="architecture_more_sources"
    ),
    "architecture_more": Experiment(
        architecture, grids.MORE_ALONE, after="architecture_more_shared"
    ),
}


class FailedRunsWarning(UserWarning):
    """Some runs of an experiment failed: the table lacks their rows, and its record names them."""


def run_experiment(
    name: str,
    *,
    folder: str | os.PathLike[str] = FOLDER,
    backend: str = "loky",
    address: str | None = None,
    jobs: int = -1,
    progress: bool = True,
) -> Path:
    """Measure a table of the book again, and write it with a record of how it was made.

    Its runs lie one by one in :func:`working_folder`, so an experiment that was killed goes on
    where it was, and one that failed in part tries only those runs again.

    Args:
        name: one of ``EXPERIMENTS``.
        folder: where to write ``NAME.csv`` and ``NAME.json``.
        backend: as in :func:`run_grid`.
        address: as in :func:`run_grid`.
        jobs: as in :func:`run_grid`.
        progress: as in :func:`run_grid`.

    Returns:
        The path of the table.

    Raises:
        ValueError: there is no such experiment.
        FileNotFoundError: the folder does not exist.
        RuntimeError: every run failed.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name must be one of {', '.join(EXPERIMENTS)}, not {name!r}")
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"cannot write {name}.csv: the folder {folder} does not exist")
    experiment = EXPERIMENTS[name]
    options: dict[str, Any] = {
        "backend": backend, "address": address, "jobs": jobs, "progress": progress
    }  # fmt: skip
    if experiment.after is not None:
        run_experiment(experiment.after, folder=folder, **options)
    work = working_folder(name)
    work.mkdir(parents=True, exist_ok=True)
    runs = run_grid(experiment.run, experiment.grid, folder=work, **options)
    rows = [row for run in runs for row in run.rows]
    failures = [run for run in runs if run.error is not None]
    if not rows:
        raise RuntimeError(f"every run of {name} failed, the first with\n{failures[0].error}")
    write_atomically(folder / f"{name}.json", _record(name, runs))
    write_atomically(folder / f"{name}.csv", _table(rows))
    if experiment.keep is not None:
        experiment.keep(folder)
    if failures:
        warnings.warn(
            f"{len(failures)} of {len(runs)} runs of {name} failed, the first, "
            f"{failures[0].settings}, with {_last_line(failures[0])}. Their errors are in {work}",
            FailedRunsWarning,
            stacklevel=2,
        )
    return folder / f"{name}.csv"


def working_folder(name: str) -> Path:
    """Return the folder that holds the runs of an experiment and the models it has trained.

    It lies in the data folder (``TUTORIAL_VAE_DATA``, else the user's cache folder), under the name
    of the experiment, the version of the package and a digest of the file that defines the
    experiment: runs of another version are not mixed in.

    Args:
        name: one of ``EXPERIMENTS``.
    """
    # The function itself: checks of shapes wrap it in one that another file defines.
    source = Path(inspect.getfile(inspect.unwrap(EXPERIMENTS[name].run))).read_bytes()
    digest = hashlib.sha256(source).hexdigest()[:8]
    return data_root() / "experiments" / f"{name}-{__version__}-{digest}"


def _record(name: str, runs: Sequence[Run]) -> bytes:
    seconds = sum(run.seconds for run in runs)
    record = provenance(f"tutorial-vae experiment {name}", seconds)
    record["runs"] = len(runs)
    record["seeds"] = sorted({run.settings["seed"] for run in runs if "seed" in run.settings})
    record["failures"] = [
        run.settings | {"error": _last_line(run)} for run in runs if run.error is not None
    ]
    return json.dumps(record, indent=2).encode() + b"\n"


def _table(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows
    )
    return text.getvalue().encode()


def _last_line(run: Run) -> str:
    return (run.error or "").strip().rpartition("\n")[2]
