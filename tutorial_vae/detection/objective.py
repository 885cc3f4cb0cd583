"""What a detector is trained for: the right class in every cell, and boxes that fit."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, one_hot

from ..checks import check_weight
from .boxes import generalised_iou
from .detector import Detector


class DetectionTerms(NamedTuple):
    """What training maximises and its two parts, for a batch, per cell that stands for an object.

    ``objective`` is ``-(class_loss + box_loss)``; ``class_loss`` is in nats, ``box_loss`` is a
    number from 0 to 2 without a unit.
    """

    objective: Float[Tensor, ""]
    class_loss: Float[Tensor, ""]
    box_loss: Float[Tensor, ""]


class DetectionLoss(nn.Module):
    r"""Focal loss of the classes plus generalised intersection over union of the boxes.

    .. math::
        \begin{gathered}
        \frac1P \sum_{i, c} -\alpha_{ic} (1 - q_{ic})^\gamma \log q_{ic} , \cr
        \frac1P \sum_{i \text{ positive}} 1 - \mathrm{GIoU}(b_i, b_i^*)
        \end{gathered}

    over all cells i and classes c of a batch, P of which stand for an object (1 where none does).
    Here q is the probability given to what is true, that the class is there (then α is ``share``)
    or not (then it is 1 - ``share``).

    Args:
        share: α, what an object counts against empty cells, from 0 to 1.
        focus: γ; the larger, the less counts a cell that is nearly right. 0 is cross-entropy.

    Both defaults are those of Lin et al.

    Raises:
        ValueError: ``share`` or ``focus`` is outside what is said above.

    Reference: Lin et al. 2017; Rezatofighi et al. 2019.
    """

    def __init__(self, *, share: float = 0.25, focus: float = 2.0) -> None:
        super().__init__()
        if not 0 <= share <= 1:
            raise ValueError(f"share must lie between 0 and 1, not {share!r}")
        check_weight("focus", focus)
        self.share = share
        self.focus = focus

    def forward(
        self,
        detector: Detector,
        x: Float[Tensor, "batch channels height width"],
        boxes: Float[Tensor, "batch most 4"],
        labels: Int[Tensor, "batch most"],
    ) -> DetectionTerms:
        """Return the objective of a batch and its two parts.

        Args:
            detector: what is trained.
            x: images in [0, 1].
            boxes: of the objects, in pixels; nan where an image has fewer.
            labels: their classes; -1 where an image has fewer.
        """
        logits, predicted = detector(x)
        wanted_labels, wanted_boxes = assign(detector.centres, boxes, labels)
        positive = wanted_labels >= 0
        count = positive.sum().clamp(min=1)

        there = one_hot(wanted_labels + 1, logits.shape[-1] + 1)[..., 1:].bool()
        signed = torch.where(there, logits, -logits)
        weights = torch.where(there, self.share, 1 - self.share)
        # log q and log (1 - q) from the logit: neither loses digits, nor its gradient.
        focal = -weights * (self.focus * logsigmoid(-signed)).exp() * logsigmoid(signed)
        class_loss = focal.sum() / count

        wanted_boxes = torch.where(positive[..., None], wanted_boxes, predicted.detach())
        misfit = (1 - generalised_iou(predicted, wanted_boxes)) * positive
        box_loss = misfit.sum() / count
        return DetectionTerms(-(class_loss + box_loss), class_loss, box_loss)

    def extra_repr(self) -> str:
        """Name the settings, so that a checkpoint can tell one loss from another."""
        return f"share={self.share}, focus={self.focus}"


def assign(
    centres: Float[Tensor, "cells 2"],
    boxes: Float[Tensor, "batch most 4"],
    labels: Int[Tensor, "batch most"],
) -> tuple[Int[Tensor, "batch cells"], Float[Tensor, "batch cells 4"]]:
    """Return for every cell the class and the box of the object that it stands for.

    This is the smallest object whose box holds the cell's centre: -1 and nan where there is none.

    Args:
        centres: x and y of each cell's centre in pixels.
        boxes: of the objects, in pixels; nan where an image has fewer.
        labels: their classes; -1 where an image has fewer.
    """
    start, end = boxes[:, None, :, :2], boxes[:, None, :, 2:]
    points = centres[None, :, None]
    # No comparison with nan holds, so that rows without an object hold no centre.
    inside = ((points > start) & (points < end)).all(dim=-1)
    areas = torch.where(inside, (end - start).prod(dim=-1), torch.inf)
    smallest = areas.argmin(dim=-1)
    found = inside.any(dim=-1)
    wanted_boxes = boxes.gather(1, smallest[..., None].expand(-1, -1, 4))
    return (
        torch.where(found, labels.gather(1, smallest), -1),
        torch.where(found[..., None], wanted_boxes, torch.nan),
    )
