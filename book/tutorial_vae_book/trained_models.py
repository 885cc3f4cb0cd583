"""The VAEs that chapters 09 to 12 compare: many sets, several seeds, seen while they train."""

from pathlib import Path

import torch
from torch import nn

from tutorial_vae.data import ImageSet, load_images
from tutorial_vae.evaluation import active_units, evaluate
from tutorial_vae.files import data_root
from tutorial_vae.models import VAE, load_model, save_model
from tutorial_vae.objectives import Autoencoder, BetaTCVAE, BetaVAE
from tutorial_vae.training import fit

from .grid import Settings, working_folder
from .table import Row

IMAGE_SETS = (
    "dsprites", "solids", "glyphs-latin", "patches", "mnist", "fashion-mnist", "cifar10",
)  # fmt: skip
SEEDS = range(3)
STEPS = (0, 10, 30, 100, 300, 1000, 2000)
OBJECTIVES = ("beta=1", "beta=0", "beta=0.25", "beta=4", "tc=4")

_MOST_IMAGES = 10_000

GRID: list[Settings] = [
    {"images": images, "objective": "beta=1", "seed": s} for images in IMAGE_SETS for s in SEEDS
]
GRID += [
    {"images": "dsprites", "objective": objective, "seed": s}
    for objective in OBJECTIVES[1:]
    for s in SEEDS
]


def models(images: str, objective: str, seed: int) -> list[Row]:
    """Train one VAE, keeping it at some steps on the way, and measure it on unseen images.

    The images are grey, 32×32; the VAE is the convolutional one with ten latent dimensions,
    trained for 2,000 steps with Adam at 1e-3 on batches of 64.

    Args:
        images: name of the set, one of ``IMAGE_SETS``.
        objective: one of ``OBJECTIVES``: the weight of the KL (0 is the plain autoencoder), or of
            β-TCVAE's total correlation.
        seed: seed of the start weights, the batches and the noise.

    Returns:
        Rows with the columns images, objective, seed, step, measure and value: the held-out
        ``elbo``, ``log_likelihood`` and ``kl`` in nats per image, and the count ``active_units``.
    """
    train, unseen = grey_images(images), grey_images(images, "test", limit=1000)
    torch.manual_seed(seed)
    model = VAE(train.image_shape)
    method = _objective(objective, len(train))
    checkpoint = model_path(images, objective, seed, "training")
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.unlink(missing_ok=True)  # of a run that was killed: this one begins again
    rows: list[Row] = []
    for step in STEPS:
        if step > 0:
            fit(
                model, train, objective=method, steps=step, seed=seed, progress=False,
                checkpoint=checkpoint,
            )  # fmt: skip
        save_model(model, model_path(images, objective, seed, step))
        result = evaluate(model, unseen)
        measured = {
            "elbo": result.elbo,
            "log_likelihood": result.log_likelihood,
            "kl": result.kl,
            "active_units": active_units(model, unseen).count,
        }
        settings: Row = {"images": images, "objective": objective, "seed": seed, "step": step}
        rows += [settings | {"measure": m, "value": float(v)} for m, v in measured.items()]
    checkpoint.unlink()
    return rows


def grey_images(name: str, split: str = "train", *, limit: int = _MOST_IMAGES) -> ImageSet:
    """Load grey 32×32 images, at most 10,000.

    CIFAR-10 may also lie as a folder of pictures, ``cifar10-pictures``, in the data folder, in
    place of the whole set.

    Args:
        name: of the set.
        split: ``"train"`` or ``"test"``.
        limit: images at most.
    """
    pictures = data_root() / "cifar10-pictures"
    if name == "cifar10" and pictures.is_dir():
        name = f"folder:{pictures}"
    return load_images(name, split, channels=1, limit=limit)


def model_path(images: str, objective: str, seed: int, step: int | str) -> Path:
    """Return where the experiment keeps one of its models.

    Args:
        images: as in :func:`models`.
        objective: as in :func:`models`.
        seed: as in :func:`models`.
        step: one of ``STEPS``.
    """
    name = f"{images},{objective},{seed},{step}.safetensors"
    return working_folder("models", models) / "models" / name


def trained(images: str, seed: int, *, objective: str = "beta=1", step: int = STEPS[-1]) -> VAE:
    """Load a model of the experiment.

    Args:
        images: as in :func:`models`.
        seed: as in :func:`models`.
        objective: as in :func:`models`.
        step: one of ``STEPS``.
    """
    return load_model(model_path(images, objective, seed, step))


def _objective(name: str, images: int) -> nn.Module:
    kind, _, weight = name.partition("=")
    if kind == "tc":
        return BetaTCVAE(float(weight), images=images)
    return BetaVAE(float(weight)) if float(weight) else Autoencoder()
