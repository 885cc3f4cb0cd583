"""Runs an experiment and writes its table, beside a record of how it was made."""

import csv
import io
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..models import write_atomically
from ..results import FOLDER
from .kl_divergence import kl_divergence
from .latent_variable_models import latent_variable_models
from .quick_tour import quick_tour
from .table import SEEDS, Row

EXPERIMENTS: dict[str, Callable[[int], list[Row]]] = {
    "quick_tour": quick_tour,
    "latent_variable_models": latent_variable_models,
    "kl_divergence": kl_divergence,
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
    made_by = _provenance(f"tutorial-vae experiment {name}", time.perf_counter() - started)
    write_atomically(folder / f"{name}.json", json.dumps(made_by, indent=2).encode() + b"\n")
    write_atomically(folder / f"{name}.csv", text.getvalue().encode())
    return folder / f"{name}.csv"


def _provenance(command: str, seconds: float) -> dict[str, Any]:
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "command": command,
        "tutorial_vae": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": f"{os.cpu_count()} × {_processor()}",
        "gpu": gpu,
        "seeds": list(SEEDS),
        "seconds": round(seconds),
    }


def _processor() -> str:
    """Return the processor's name; platform.processor is empty on most Linux systems."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
