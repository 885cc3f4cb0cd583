"""Adapting a classifier after a method."""

import os

import torch
from torch import Tensor

from ..data import ImageSet
from ..training import optimise
from .classifiers import Classifier, ClassifierHistory, labelled, pixels_for
from .domain_method import SourceOnly


def adapt(
    classifier: Classifier,
    source: ImageSet,
    target: ImageSet | Tensor,
    *,
    method: SourceOnly | None = None,
    steps: int = 500,
    batch_size: int = 64,
    lr: float = 1e-3,
    seed: int = 0,
    device: str | torch.device = "auto",
    precision: str = "32",
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> ClassifierHistory:
    """Train a classifier in place on a source's labels and a target's images, with Adam.

    Every step takes a batch from each domain. Labels of the target, where it has any, are never
    read. Batches, frozen parameters, the random state and what comes back are as in
    :func:`tutorial_vae.fit`.

    Args:
        classifier: what is trained.
        source: images with labels.
        target: images of the other domain: an image set, or a tensor of shape (n, channels,
            height, width) that holds uint8 or floats in [0, 1] (rounded to 256 levels).
        method: what to do about the difference; nothing, :class:`SourceOnly`, when it is not given.
            What it learns itself, such as a discriminator, stays in it.
        steps: number of optimiser steps in all, those before a resumption included.
        batch_size: images of each domain per step; all of them where there are fewer.
        lr: Adam's learning rate.
        seed: source of the batches and of all noise. The start weights are the classifier's.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.
        precision: ``"32"``, or ``"bf16"`` for bfloat16 autocast in channels-last layout; penalties
            are computed in float32 all the same.
        checkpoint: as in :func:`tutorial_vae.fit`.
        progress: whether to show a progress bar.

    Returns:
        The history of the whole run, what came before a resumption included.

    Raises:
        DivergenceError: the loss or a weight was not finite, or the loss ran away. The checkpoint,
            if there is one, keeps the last good state.
        TypeError: ``source`` is no image set, ``target`` no images, or ``method`` no object of a
            method's class.
        ValueError: an argument is outside what is said above or does not suit the classifier, or
            ``checkpoint`` belongs to another run.
        FileNotFoundError: the folder of ``checkpoint`` does not exist.
    """
    method = SourceOnly() if method is None else method
    if not isinstance(method, SourceOnly):
        raise TypeError(
            f"method must be an object of a class such as those of METHODS, for example DAN(), "
            f"not {method!r}"
        )
    pixels, labels = labelled(source, classifier, "source")
    unlabelled = pixels_for(classifier, target, "target")
    method.attach(classifier, steps)
    return optimise(
        classifier,
        method,
        [(pixels, labels), (unlabelled,)],
        ClassifierHistory(),
        description=classifier.structure,
        steps=steps,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
        device=device,
        precision=precision,
        checkpoint=checkpoint,
        progress=progress,
    )
