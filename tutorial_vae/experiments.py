"""Experiments behind the book's tables: what takes longer than a chapter may, over several seeds.

An experiment is a function from a seed to rows of a table. Its table and the record of how it was
made lie in ``results/``.
"""

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

from . import __version__
from .data import ImageSet, load_images
from .evaluation import evaluate
from .models import VAE, write_atomically
from .results import FOLDER
from .similarity import compare_layers
from .training import fit

SEEDS = range(5)

Row = dict[str, str | int | float]


def quick_tour(seed: int) -> list[Row]:
    """Everything that the first chapter measures, for one seed.

    Two VAEs are trained on handwritten digits and one on printed letters, compared on unseen
    digits layer by layer, and the digits are then learnt anew on top of frozen encoders.

    Args:
        seed: seed of the start weights, the batches, the noise and the drawn letters.

    Returns:
        Rows with the columns seed, measure, name, part, layer and value: the held-out ELBO in
        nats per image, or the CKA of one layer, in the encoder or the decoder, with the same
        layer of the VAE trained on digits.
    """
    digits, unseen = load_images("digits"), load_images("digits", "test")
    letters = load_images("glyphs-latin", limit=2000, seed=seed)
    digit_vae = _trained(digits, seed)
    others = {
        "letters": _trained(letters, seed),
        "digits, other seed": _trained(digits, seed + 1000),
        "untrained": _fresh(digits, seed + 2000),
    }
    rows: list[Row] = []

    def add(measure: str, name: str, value: float, layer: str = "") -> None:
        rows.append(
            {
                "seed": seed,
                "measure": measure,
                "name": name,
                "part": layer.partition(".")[0],
                "layer": layer,
                "value": value,
            }
        )

    add("elbo", "trained on digits", evaluate(digit_vae, unseen).elbo)
    add("elbo", "trained on letters", evaluate(others["letters"], unseen).elbo)
    for name, other in others.items():
        similarity = compare_layers(digit_vae, other, unseen)
        for index, layer in enumerate(similarity.rows):
            add("cka", name, float(similarity.values[index, index]), layer)
    for name in ("letters", "untrained"):
        model = _fresh(digits, seed + 3000)
        model.encoder = others[name].encoder
        model.encoder.requires_grad_(requires_grad=False)
        _train(model, digits, seed)
        add("elbo", f"encoder {name}, decoder retrained", evaluate(model, unseen).elbo)
    return rows


def _fresh(images: ImageSet, seed: int) -> VAE:
    torch.manual_seed(seed)
    return VAE(images.image_shape)


def _train(model: VAE, images: ImageSet, seed: int, *, steps: int = 800) -> None:
    fit(model, images, steps=steps, batch_size=32, lr=2e-3, seed=seed, progress=False)


def _trained(images: ImageSet, seed: int) -> VAE:
    model = _fresh(images, seed)
    _train(model, images, seed)
    return model


EXPERIMENTS: dict[str, Callable[[int], list[Row]]] = {"quick_tour": quick_tour}


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
