"""Training a classifier after a method, with labels of the target or without."""

from contextlib import ExitStack
from typing import Unpack

import torch
from torch import Tensor, nn

from ..data import ImageSet
from ..devices import lent, own_random_state
from ..training import History, TrainingOptions, optimise
from ..training.options import complete_options
from .classifiers import Classifier, labelled, pixels_for
from .method import Method


def fine_tune(
    classifier: Classifier,
    images: ImageSet,
    *,
    method: Method | None = None,
    **options: Unpack[TrainingOptions],
) -> History:
    """Train a classifier in place on labelled images with Adam, and return what it went through.

    The head starts from the weights that it has, as the backbone does. Parameters that require no
    gradient stay frozen under every method. The global random state is left as it was. The
    classifier comes back to the device, the modes and the structure that it came with, also when
    training fails.

    Args:
        classifier: the classifier to train.
        images: the target's images, with labels.
        method: what holds on to what the backbone knows; nothing, as :class:`FineTuning`, when it
            is not given. The names of all are in ``FINE_TUNING``.
        options: see :class:`tutorial_vae.training.TrainingOptions`; 500 steps by default. The seed
            is that of the method's own random numbers too, and the checkpoint holds the method's
            start weights.

    Returns:
        The history of the whole run, what came before a resumption included, with the columns of
        :class:`~tutorial_vae.adaptation.classifiers.Terms`.

    Raises:
        DivergenceError, FileNotFoundError: see there.
        TypeError: ``images`` is no image set, or ``method`` is no object of a method's class, or
            as there.
        ValueError: the images do not suit the classifier, the method compares domains, or as there.
    """
    if isinstance(method, Method) and method.compares_domains:
        raise ValueError(
            f"method {type(method).__name__} compares two domains, and there are images of one: "
            "use adapt(classifier, source, target, method=...)"
        )
    return _train(classifier, labelled(images, classifier), None, method, options)


def adapt(
    classifier: Classifier,
    source: ImageSet,
    target: ImageSet | Tensor,
    *,
    method: Method | None = None,
    **options: Unpack[TrainingOptions],
) -> History:
    """Train a classifier in place on a source's labels and a target's images, with Adam.

    Every step takes a batch from each domain. Labels of the target, where it has any, are never
    read. What stays and what comes back are as in :func:`fine_tune`.

    Args:
        classifier: what is trained.
        source: images with labels.
        target: images of the other domain: an image set, or a tensor of shape (n, channels,
            height, width) that holds uint8 or floats in [0, 1] (rounded to 256 levels).
        method: what to do about the difference; nothing, as :class:`SourceOnly`, when it is not
            given. The names of all are in ``DOMAIN_ADAPTATION``; those of ``FINE_TUNING`` do as
            well, with the source's labels. What it learns itself, such as a discriminator, stays
            in it.
        options: see :class:`tutorial_vae.training.TrainingOptions`; 500 steps by default. A batch
            is of each domain. Penalties are computed in float32 in ``"bf16"`` precision too.

    Returns:
        The history of the whole run, what came before a resumption included, with the columns of
        :class:`~tutorial_vae.adaptation.classifiers.Terms`.

    Raises:
        DivergenceError, FileNotFoundError: see there.
        TypeError: ``source`` is no image set, ``target`` no images, or ``method`` no object of a
            method's class, or as there.
        ValueError: an argument does not suit the classifier, or as there.
    """
    known = labelled(source, classifier, "source")
    return _train(classifier, known, pixels_for(classifier, target, "target"), method, options)


def _train(
    classifier: Classifier,
    known: tuple[Tensor, Tensor],
    target: Tensor | None,
    method: Method | None,
    options: TrainingOptions,
) -> History:
    method = Method() if method is None else method
    if not isinstance(method, Method):
        raise TypeError(
            "method must be an object of a class such as those of FINE_TUNING and "
            f"DOMAIN_ADAPTATION, for example L2SP(), not {method!r}"
        )
    options.setdefault("steps", 500)
    options = complete_options(options)
    structure = classifier.structure
    with lent(nn.ModuleList([classifier, method]), options["device"]), ExitStack() as undone:
        undone.callback(method.detach, classifier)
        with own_random_state(torch.device("cpu"), options["seed"]):
            method.attach(classifier, *known, steps=options["steps"])
        return optimise(
            classifier,
            method,
            [known] if target is None else [known, (target,)],
            maximised="objective",
            description=structure,
            **options,
        )
