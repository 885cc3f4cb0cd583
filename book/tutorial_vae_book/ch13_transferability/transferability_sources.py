"""Chapter 13: backbones that have learnt something on a source."""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save

from tutorial_vae.adaptation.backbones import VAEBackbone
from tutorial_vae.adaptation.classifiers import Classifier, accuracy
from tutorial_vae.adaptation.pretraining import KINDS, pretrain
from tutorial_vae.devices import own_random_state
from tutorial_vae.files import write_atomically
from tutorial_vae.models import VAE

from ..grid import Experiment, Settings, working_folder
from ..table import Row
from ..trained_models import SEEDS
from .tasks import SHIFTS, SHORT, TASKS, task_images

UNTRAINED = "none"

_STEPS = 1000
# A supervised backbone for every source; the other kinds where pre-training kinds are compared.
GRID: list[Settings] = [
    {"source": source, "pretraining": "supervised", "seed": seed}
    for seed in SEEDS
    for source in sorted({source for source, _ in (*TASKS.values(), *SHIFTS.values())})
]
GRID += [
    {"source": source, "pretraining": kind, "seed": seed}
    for seed in SEEDS
    for source in sorted({source for source, _ in TASKS.values()})
    for kind in (*KINDS[1:], UNTRAINED)
]
# What the short benchmark needs: one task, one shift, one seed, nothing to fetch.
SHORT_GRID: list[Settings] = [
    {"source": TASKS[SHORT[0]][0], "pretraining": kind, "seed": 0} for kind in (*KINDS, UNTRAINED)
]
SHORT_GRID += [{"source": SHIFTS[SHORT[1]][0], "pretraining": "supervised", "seed": 0}]


def transferability_sources(source: str, pretraining: str, seed: int) -> list[Row]:
    """Train a backbone on a source, and keep it.

    The backbone is the encoder of the convolutional VAE up to its heads, trained for 1,000 steps
    of Adam at 1e-3 on batches of 64, in bfloat16, of at most 5,000 grey 32×32 images.

    Args:
        source: one side of a task, as :func:`task_images` names it.
        pretraining: one of ``KINDS``, or ``"none"`` for fresh weights.
        seed: of the start weights and the batches.

    Returns:
        A row with the columns source, pretraining, seed, measure and value where there was
        supervision: ``source_accuracy``, on held-out images.
    """
    images = task_images(source, "train")
    if pretraining == UNTRAINED:
        with own_random_state(torch.device("cpu"), seed):
            backbone, classifier = VAEBackbone(VAE(images.image_shape)), None
    else:
        result = pretrain(
            images, pretraining, seed=seed, steps=_STEPS, precision="bf16", progress=False
        )
        backbone, classifier = result.backbone, result.classifier
    path = _path(source, pretraining, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    module = backbone if classifier is None else classifier
    write_atomically(path, save({n: v.contiguous() for n, v in module.state_dict().items()}))
    if classifier is None:
        return []
    settings: Row = {"source": source, "pretraining": pretraining, "seed": seed}
    right = accuracy(classifier, task_images(source, "test"))
    return [settings | {"measure": "source_accuracy", "value": right}]


def backbone_of(source: str, pretraining: str, seed: int) -> VAEBackbone:
    """Load a backbone that :func:`transferability_sources` has trained.

    Args:
        source: as there.
        pretraining: as there.
        seed: as there.
    """
    if pretraining == "supervised":
        backbone = classifier_of(source, seed).backbone
        assert isinstance(backbone, VAEBackbone)
        return backbone
    backbone = VAEBackbone(VAE(task_images(source, "test").image_shape))
    backbone.load_state_dict(_state(source, pretraining, seed))
    return backbone


def classifier_of(source: str, seed: int) -> Classifier:
    """Load a backbone that was trained with labels, and its head for the source's classes.

    Args:
        source: as in :func:`transferability_sources`.
        seed: as there.
    """
    held_out = task_images(source, "test")
    backbone = VAEBackbone(VAE(held_out.image_shape))
    classifier = Classifier(backbone, len(held_out.class_names))
    classifier.load_state_dict(_state(source, "supervised", seed))
    return classifier


def _state(source: str, pretraining: str, seed: int) -> dict[str, torch.Tensor]:
    with safe_open(_path(source, pretraining, seed), framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _path(source: str, pretraining: str, seed: int) -> Path:
    name = f"{source},{pretraining},{seed}.safetensors".replace(" ", "-").replace(":", "-")
    return working_folder("transferability_sources", transferability_sources) / "models" / name


EXPERIMENTS = {
    "transferability_sources": Experiment(transferability_sources, GRID),
    "transferability_short_sources": Experiment(transferability_sources, SHORT_GRID),
}
