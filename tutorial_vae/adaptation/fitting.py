"""Fine-tuning a classifier after a method."""

import os
from contextlib import ExitStack

import torch
from torch import nn

from ..data import ImageSet
from ..devices import lent, own_random_state
from ..training import optimise
from .classifiers import Classifier, ClassifierHistory, labelled
from .method import FineTuning


def fine_tune(
    classifier: Classifier,
    images: ImageSet,
    *,
    method: FineTuning | None = None,
    steps: int = 500,
    batch_size: int = 64,
    lr: float = 1e-3,
    seed: int = 0,
    device: str | torch.device = "auto",
    precision: str = "32",
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> ClassifierHistory:
    """Train a classifier in place on labelled images with Adam, and return what it went through.

    The head starts from the weights that it has, as the backbone does. Parameters that require no
    gradient stay frozen under every method. The global random state is left as it was. The
    classifier comes back to the device, the mode and the structure that it came with, also when
    training fails.

    Args:
        classifier: the classifier to train.
        images: the target's images, with labels.
        method: what holds on to what the backbone knows; :class:`FineTuning`, nothing, when it is
            not given. The names of all are in ``METHODS``.
        steps: number of optimiser steps in all, those before a resumption included.
        batch_size: images per step; all of them when there are fewer.
        lr: Adam's learning rate.
        seed: source of the batches and of the method's own random numbers. The start weights are
            the classifier's.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.
        precision: ``"32"``, or ``"bf16"`` for bfloat16 autocast in channels-last layout.
        checkpoint: file that holds everything needed to go on, as in :func:`tutorial_vae.fit`;
            the method's start weights lie in it too.
        progress: whether to show a progress bar.

    Returns:
        The history of the whole run, what came before a resumption included.

    Raises:
        DivergenceError: the loss or a weight was not finite, or the loss ran away. The checkpoint,
            if there is one, keeps the last good state.
        TypeError: ``images`` is no image set, or ``method`` is no object of a method's class.
        ValueError: an argument is outside what is said above, the images do not suit the
            classifier, or ``checkpoint`` belongs to another run.
        FileNotFoundError: the folder of ``checkpoint`` does not exist.
    """
    method = FineTuning() if method is None else method
    if not isinstance(method, FineTuning):
        raise TypeError(
            "method must be an object of a class such as those of METHODS, for example L2SP(), "
            f"not {method!r}"
        )
    pixels, labels = labelled(images, classifier)
    structure = classifier.structure
    with lent(nn.ModuleList([classifier, method]), device), ExitStack() as undone:
        undone.callback(method.detach, classifier)
        with own_random_state(torch.device("cpu"), seed):
            method.attach(classifier, pixels, labels)
        return optimise(
            classifier,
            method,
            [(pixels, labels)],
            ClassifierHistory(),
            description=structure,
            steps=steps,
            batch_size=batch_size,
            lr=lr,
            seed=seed,
            device=device,
            precision=precision,
            checkpoint=checkpoint,
            progress=progress,
        )
