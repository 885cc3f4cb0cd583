"""Fine-tuning a classifier after a method."""

from contextlib import ExitStack
from typing import Unpack

import torch
from torch import nn

from ..data import ImageSet
from ..devices import lent, own_random_state
from ..training import History, TrainingOptions, optimise
from ..training.options import complete_options
from .classifiers import Classifier, labelled
from .method import FineTuning


def fine_tune(
    classifier: Classifier,
    images: ImageSet,
    *,
    method: FineTuning | None = None,
    **options: Unpack[TrainingOptions],
) -> History:
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
        options: see :class:`tutorial_vae.training.TrainingOptions`; 500 steps by default. The seed
            is that of the method's own random numbers too.

    Returns:
        The history of the whole run, what came before a resumption included, with the columns of
        :class:`~tutorial_vae.adaptation.classifiers.Terms`.

    Raises:
        DivergenceError, FileNotFoundError: see there.
        TypeError: ``images`` is no image set, or ``method`` is no object of a method's class, or
            as there.
        ValueError: the images do not suit the classifier, or as there.
    """
    options.setdefault("steps", 500)
    chosen = complete_options(options)
    method = FineTuning() if method is None else method
    if not isinstance(method, FineTuning):
        raise TypeError(
            "method must be an object of a class such as those of METHODS, for example L2SP(), "
            f"not {method!r}"
        )
    pixels, labels = labelled(images, classifier)
    structure = classifier.structure
    with lent(nn.ModuleList([classifier, method]), chosen["device"]), ExitStack() as undone:
        undone.callback(method.detach, classifier)
        with own_random_state(torch.device("cpu"), chosen["seed"]):
            method.attach(classifier, pixels, labels)
        return optimise(
            classifier,
            method,
            [(pixels, labels)],
            maximised="objective",
            description=structure,
            **options,
        )
