"""Training a detector."""

from typing import Unpack

from torch import nn

from ..training import History, TrainingOptions, optimise
from .detector import Detector
from .images import DetectionSet
from .objective import DetectionLoss


def fit_detector(
    detector: Detector,
    images: DetectionSet,
    *,
    objective: nn.Module | None = None,
    **options: Unpack[TrainingOptions],
) -> History:
    """Train a detector in place on images with boxes with Adam, and return what it went through.

    The head starts from the weights that it has, as the backbone does. Parameters that require no
    gradient stay frozen. The global random state is left as it was. The detector comes back to the
    device and the mode that it came with.

    Args:
        detector: the detector to train.
        images: with boxes and classes. Images without an object are welcome beside others.
        objective: what is maximised, with the images' boxes and labels as arguments;
            :class:`DetectionLoss` when it is not given.
        options: see :class:`tutorial_vae.training.TrainingOptions`; 500 steps by default.

    Returns:
        The history of the whole run, what came before a resumption included, with the columns of
        :class:`DetectionTerms`.

    Raises:
        DivergenceError, FileNotFoundError: see there.
        TypeError: ``images`` is no detection set, or ``objective`` no module, or as there.
        ValueError: the images do not suit the detector or hold no object, or as there.
    """
    objective = DetectionLoss() if objective is None else objective
    if not isinstance(objective, nn.Module):
        raise TypeError(f"objective must be a module such as DetectionLoss(), not {objective!r}")
    if not isinstance(images, DetectionSet):
        raise TypeError(f"images must be a DetectionSet, not {type(images).__name__}")
    if images.image_shape != detector.image_shape:
        raise ValueError(
            f"images must have the shape (n, {', '.join(map(str, detector.image_shape))}) that "
            f"the detector reads, not {tuple(images.images.shape)}"
        )
    if images.class_names != detector.class_names:
        raise ValueError(
            f"images have the classes {images.class_names}, but the detector finds "
            f"{detector.class_names}: make it with the class_names of the images"
        )
    if not (images.labels >= 0).any():
        raise ValueError(f"images ({images.name}) hold no object, which training a detector needs")
    options.setdefault("steps", 500)
    return optimise(
        detector,
        objective,
        [(images.images, images.boxes, images.labels)],
        maximised="objective",
        description=detector.structure,
        **options,
    )
