"""Chapters 11 and 12: every component plan, between all sets, for three numbers of images."""

from functools import cache

import torch

from tutorial_vae.data import ImageSet
from tutorial_vae.evaluation import evaluate, latent_accuracy, probe
from tutorial_vae.models import VAE
from tutorial_vae.transfer import PLANS, retrain

from ..grid import Experiment, Settings
from ..table import Row
from ..trained_models import IMAGE_SETS, SEEDS, grey_images, trained

# Patches are a source only: their classes are the two photographs that they were cut from.
TARGETS = tuple(images for images in IMAGE_SETS if images != "patches")
FEW, SIZE, MANY = 100, 1000, 8000  # the largest is all that the smallest set holds
STEPS = 500
BASELINES = "baselines"

_PLANS = tuple(name for name in PLANS if name not in ("scratch", "new-ends"))


def _grid(size: int) -> list[Settings]:
    """Return all runs on so many images."""
    runs: list[Settings] = []
    for seed in SEEDS:
        for target in TARGETS:
            on_target: Settings = {"target": target, "size": size, "seed": seed}
            alone = [(plan, "none") for plan in ("scratch", BASELINES)]
            pairs = [(plan, s) for s in IMAGE_SETS if s != target for plan in _PLANS]
            runs += [
                {**on_target, "plan": plan, "source": source} for plan, source in alone + pairs
            ]
    return runs


GRID, GRID_OF_FEW, GRID_OF_MANY = (_grid(size) for size in (SIZE, FEW, MANY))


def transfer(source: str, target: str, plan: str, size: int, seed: int) -> list[Row]:
    """Retrain a source's VAE on some images of a target by one plan, and measure it on unseen ones.

    Every plan takes the same 500 steps of Adam at 1e-3 on batches of 32, in bfloat16, from the
    source's model of the experiment ``models``.

    Args:
        source: name of the set that the model was trained on, or ``"none"`` where none is needed.
        target: name of the set that it goes to, one of ``TARGETS``.
        plan: a name in ``PLANS``; or ``"baselines"``, which needs no model of any set.
        size: images of the target that there are, a random subset.
        seed: of the source's model, of the subset and of the retraining.

    Returns:
        Rows with the columns target, source, plan, size, seed, measure and value: the held-out
        ``elbo`` and ``kl`` in nats per image on 1,000 unseen images; and ``accuracy``, that of a
        linear probe on latent means, fitted to the labels of the same ``size`` images. Baselines
        have an accuracy only, their plans are called ``"untrained"``, ``"pca"`` and ``"pixels"``.
    """
    train, unseen = target_images(target, size, seed)
    settings: Row = {"target": target, "source": source, "plan": plan, "size": size, "seed": seed}
    if plan == BASELINES:
        accuracies = probe(VAE(train.image_shape), train, unseen, seed=seed)._asdict()
        return [
            settings | {"plan": name, "measure": "accuracy", "value": accuracies[name].value}
            for name in ("untrained", "pca", "pixels")
        ]
    model = VAE(train.image_shape) if source == "none" else trained(source, seed)
    result = retrain(
        model,
        train,
        plan,
        steps=STEPS,
        batch_size=32,
        seed=seed,
        precision="bf16",
        progress=False,
    )
    held_out = evaluate(result.model, unseen)
    measured = {
        "elbo": held_out.elbo,
        "kl": held_out.kl,
        "accuracy": latent_accuracy(result.model, train, unseen).value,
    }
    return [settings | {"measure": m, "value": value} for m, value in measured.items()]


@cache
def _all_images(name: str) -> tuple[ImageSet, ImageSet]:
    return grey_images(name), grey_images(name, "test", limit=1000)


def target_images(name: str, size: int, seed: int) -> tuple[ImageSet, ImageSet]:
    """Return some of a set's training images, and 1,000 unseen ones.

    Args:
        name: of the set.
        size: training images, a random subset.
        seed: of the subset.
    """
    train, unseen = _all_images(name)
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    return train[order[:size]], unseen


EXPERIMENTS = {
    "transfer": Experiment(transfer, GRID, after="models"),
    "transfer_few": Experiment(transfer, GRID_OF_FEW, after="models"),
    "transfer_many": Experiment(transfer, GRID_OF_MANY, after="models"),
}
