"""The tasks of chapter 14: a source, a fine-grained set and a set of scenes to find things in."""

import dataclasses
from functools import cache
from pathlib import Path

import torch

from tutorial_vae.adaptation import FineTuning, fine_tune
from tutorial_vae.adaptation.backbones import Backbone
from tutorial_vae.adaptation.classifiers import Classifier, accuracy
from tutorial_vae.architecture import RandomPathObjective, RandomPaths
from tutorial_vae.data import ImageSet, load_images
from tutorial_vae.data.dsprites import SHAPES
from tutorial_vae.detection import (
    DetectionLoss,
    Detector,
    detect,
    fit_detector,
    mean_average_precision,
)
from tutorial_vae.detection.images import DetectionSet
from tutorial_vae.detection.scenes import render_scenes

SOURCE = "glyphs-latin"
TARGETS = ("glyphs-typefaces", "scenes")

_BATCH_SIZE = 32
_LR = 1e-3

_TRAIN = {SOURCE: 5000}  # images to learn from; of other tasks
_FEW = 1000
_VALIDATION = 400
_TEST = {"scenes": 400}
_MORE = 1000
_SCENE_SIZE = 48
_SCENE_BATCH_SIZE = 16
_KINDS = ("solid", "sprite")


@cache
def images_of(task: str, part: str, seed: int) -> ImageSet | DetectionSet:
    """Draw the images of a task, grey: 32×32 with labels, or scenes of 48×48 with boxes.

    In the scenes there are things of two classes, ``"solid"`` and ``"sprite"``, to find.

    Args:
        task: ``SOURCE`` or one of ``TARGETS``.
        part: ``"train"`` (5,000 of the source, 1,000 of a target), ``"validation"`` (400 others)
            or ``"test"`` (1,000, of the scenes 400).
        seed: of the training and validation images; the test images are always the same.
    """
    train = _TRAIN.get(task, _FEW)
    split = "test" if part == "test" else "train"
    count, draw = (_TEST.get(task, _MORE), 0) if part == "test" else (train + _VALIDATION, seed)
    images: ImageSet | DetectionSet
    if task == "scenes":
        images = _of_two_kinds(render_scenes(split, count=count, size=_SCENE_SIZE, seed=draw))
    else:
        images = load_images(task, split, limit=count, seed=draw)
    return {"train": images[:train], "validation": images[train:], "test": images}[part]


def _of_two_kinds(scenes: DetectionSet) -> DetectionSet:
    """Name of each thing its kind alone: ten small shapes take more steps to tell apart."""
    is_sprite = torch.tensor([name in SHAPES for name in scenes.class_names]).long()
    labels = torch.where(scenes.labels < 0, -1, is_sprite[scenes.labels])
    return dataclasses.replace(scenes, labels=labels, class_names=_KINDS)


def network_on(backbone: Backbone, task: str) -> Classifier | Detector:
    """Put a fresh head for a task on a backbone: a classifier's, or a detector's for scenes.

    Args:
        backbone: what gives the features. It is taken as it is, not copied.
        task: as in :func:`images_of`.
    """
    names = images_of(task, "test", 0).class_names
    if task == "scenes":
        return Detector(backbone, names)
    return Classifier(backbone, len(names))


def train(
    network: Classifier | Detector,
    task: str,
    seed: int,
    *,
    steps: int,
    random_paths: bool = False,
    checkpoint: Path | None = None,
) -> None:
    """Train a network in place on a task with Adam at 1e-3, on batches of 32, or of 16 scenes.

    Args:
        network: as :func:`network_on` makes it.
        task: as in :func:`images_of`.
        seed: of the images and the batches.
        steps: how many.
        random_paths: whether each step trains one random path of a super-network.
        checkpoint: file from which a longer run goes on, as in :func:`tutorial_vae.fit`.
    """
    images = images_of(task, "train", seed)
    if isinstance(network, Detector):
        assert isinstance(images, DetectionSet)
        loss = DetectionLoss()
        fit_detector(
            network, images, objective=RandomPathObjective(loss) if random_paths else loss,
            steps=steps, batch_size=_SCENE_BATCH_SIZE, lr=_LR, seed=seed, checkpoint=checkpoint,
            progress=False,
        )  # fmt: skip
    else:
        assert isinstance(images, ImageSet)
        fine_tune(
            network, images, method=RandomPaths() if random_paths else FineTuning(),
            steps=steps, batch_size=_BATCH_SIZE, lr=_LR, seed=seed, checkpoint=checkpoint,
            progress=False,
        )  # fmt: skip


def score(network: Classifier | Detector, task: str, part: str, seed: int) -> float:
    """Return how good a network is: accuracy, or mean average precision over ten overlaps.

    Args:
        network: as :func:`network_on` makes it.
        task: as in :func:`images_of`.
        part: of the images.
        seed: of the images.
    """
    images = images_of(task, part, seed)
    if isinstance(network, Detector):
        assert isinstance(images, DetectionSet)
        return mean_average_precision(detect(network, images), images).map
    assert isinstance(images, ImageSet)
    return accuracy(network, images)
