"""Training a detector."""

import dataclasses
import os

import torch
from torch import nn

from ..training import optimise
from .detector import Detector
from .images import DetectionSet
from .objective import DetectionLoss


@dataclasses.dataclass(frozen=True)
class DetectorHistory:
    """What training went through: one row for every 25 steps, averaged over them.

    Attributes:
        step: number of the last step of each row, counted from 1.
        objective: what was maximised, per cell that stands for an object.
        class_loss: focal loss of the classes, nats per such cell.
        box_loss: 1 less generalised intersection over union, mean over such cells.
        seconds: time spent training up to each row.
    """

    step: list[int] = dataclasses.field(default_factory=list)
    objective: list[float] = dataclasses.field(default_factory=list)
    class_loss: list[float] = dataclasses.field(default_factory=list)
    box_loss: list[float] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.step)


def fit_detector(
    detector: Detector,
    images: DetectionSet,
    *,
    objective: nn.Module | None = None,
    steps: int = 500,
    batch_size: int = 64,
    lr: float = 1e-3,
    seed: int = 0,
    device: str | torch.device = "auto",
    precision: str = "32",
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> DetectorHistory:
    """Train a detector in place on images with boxes with Adam, and return what it went through.

    The head starts from the weights that it has, as the backbone does. Parameters that require no
    gradient stay frozen. The global random state is left as it was. The detector comes back to the
    device and the mode that it came with.

    Args:
        detector: the detector to train.
        images: with boxes and classes. Images without an object are welcome beside others.
        objective: what is maximised, with the images' boxes and labels as arguments;
            :class:`DetectionLoss` when it is not given.
        steps: number of optimiser steps in all, those before a resumption included.
        batch_size: images per step; all of them when there are fewer.
        lr: Adam's learning rate.
        seed: source of the batches. The start weights are the detector's.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.
        precision: ``"32"``, or ``"bf16"`` for bfloat16 autocast in channels-last layout.
        checkpoint: file that holds everything needed to go on, as in :func:`tutorial_vae.fit`.
        progress: whether to show a progress bar.

    Returns:
        The history of the whole run, what came before a resumption included.

    Raises:
        DivergenceError: the loss or a weight was not finite, or the loss ran away. The checkpoint,
            if there is one, keeps the last good state.
        TypeError: ``images`` is no detection set, or ``objective`` no module.
        ValueError: an argument is outside what is said above, the images do not suit the detector
            or hold no object, or ``checkpoint`` belongs to another run.
        FileNotFoundError: the folder of ``checkpoint`` does not exist.
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
    return optimise(
        detector,
        objective,
        [(images.images, images.boxes, images.labels)],
        DetectorHistory(),
        description=detector.structure,
        steps=steps,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
        device=device,
        precision=precision,
        checkpoint=checkpoint,
        progress=progress,
    )
