"""Adapting a classifier after a method."""

from typing import Unpack

from torch import Tensor

from ..data import ImageSet
from ..training import History, TrainingOptions, optimise
from .classifiers import Classifier, labelled, pixels_for
from .domain_method import SourceOnly


def adapt(
    classifier: Classifier,
    source: ImageSet,
    target: ImageSet | Tensor,
    *,
    method: SourceOnly | None = None,
    **options: Unpack[TrainingOptions],
) -> History:
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
    options.setdefault("steps", 500)
    method = SourceOnly() if method is None else method
    if not isinstance(method, SourceOnly):
        raise TypeError(
            f"method must be an object of a class such as those of METHODS, for example DAN(), "
            f"not {method!r}"
        )
    pixels, labels = labelled(source, classifier, "source")
    unlabelled = pixels_for(classifier, target, "target")
    method.attach(classifier, options["steps"])
    return optimise(
        classifier,
        method,
        [(pixels, labels), (unlabelled,)],
        maximised="objective",
        description=classifier.structure,
        **options,
    )
