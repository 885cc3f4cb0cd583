"""Experiments behind the book's tables: what takes longer than a chapter may, over several seeds.

An experiment is a function from a seed to rows of a table. Its table and the record of how it was
made lie in ``results/``.
"""

import csv
import io
import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tutorial_vae.files import write_atomically

from .chapters import chapter_modules
from .grid import Experiment, Run, run_grid, working_folder
from .pretrained_models import EXPERIMENTS as OF_MODELS
from .provenance import provenance
from .results import FOLDER
from .table import Row

# Each chapter's own are found in its folder.
EXPERIMENTS: dict[str, Experiment] = {**OF_MODELS}
for module in chapter_modules():
    EXPERIMENTS |= getattr(module, "EXPERIMENTS", {})


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
    work = working_folder(name, experiment.run)
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
