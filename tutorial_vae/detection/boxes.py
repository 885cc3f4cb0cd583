"""Boxes, as x0, y0, x1, y1 in pixels: how much two overlap, and which of many to keep."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..data.torchvision_import import import_torchvision


def pairwise_iou(first: Float[Tensor, "n 4"], second: Float[Tensor, "m 4"]) -> Float[Tensor, "n m"]:
    """Return intersection over union of every box with every other, 0 where they do not meet.

    Args:
        first: boxes in pixels.
        second: boxes in pixels.
    """
    # Two boxes without an area give nan there.
    return import_torchvision().ops.box_iou(first, second).nan_to_num(0)


def generalised_iou(
    first: Float[Tensor, "*n 4"], second: Float[Tensor, "*n 4"]
) -> Float[Tensor, "*n"]:
    r"""Return generalised intersection over union of boxes with their partners, in (-1, 1].

    .. math:: \frac{|A \cap B|}{|A \cup B|} - \frac{|C| - |A \cup B|}{|C|}

    where C is the smallest box around A and B. Unlike intersection over union it says of boxes
    that do not meet how far apart they are.

    Args:
        first: boxes in pixels.
        second: their partners.

    Reference: Rezatofighi et al. 2019.
    """
    low, high = torch.maximum, torch.minimum
    start, end = low(first[..., :2], second[..., :2]), high(first[..., 2:], second[..., 2:])
    intersection = _area(start, end)
    start, end = high(first[..., :2], second[..., :2]), low(first[..., 2:], second[..., 2:])
    around = _area(start, end)
    union = _area(first[..., :2], first[..., 2:]) + _area(second[..., :2], second[..., 2:])
    union = union - intersection
    # torchvision's loss adds a number to what it divides by, and its gradient differs in the last
    # digits; empty boxes have no gradient there.
    least = torch.finfo(union.dtype).tiny
    return intersection / union.clamp(min=least) - (around - union) / around.clamp(min=least)


def non_maximum_suppression(
    boxes: Float[Tensor, "n 4"],
    scores: Float[Tensor, " n"],
    labels: Int[Tensor, " n"],
    *,
    overlap: float = 0.5,
) -> Int[Tensor, " kept"]:
    """Return which boxes stay when the better of two that find the same object wins, best first.

    Boxes are taken from the highest score down, and each removes the later ones of its own class
    whose intersection over union with it is larger than ``overlap``. A removed box removes none.

    Args:
        boxes: in pixels.
        scores: larger is better; of equal ones the earlier box goes first.
        labels: class of each box.
        overlap: intersection over union that two boxes of one class may have.
    """
    # torchvision's own is compiled, and missing beside a torch that it was not compiled for.
    order = scores.argsort(descending=True, stable=True)
    boxes, labels = boxes[order], labels[order]
    rivals = (pairwise_iou(boxes, boxes) > overlap) & (labels[:, None] == labels)
    kept = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    for i in range(len(order)):
        if kept[i]:
            kept[i + 1 :] &= ~rivals[i, i + 1 :]
    return order[kept]


def _area(start: Float[Tensor, "*n 2"], end: Float[Tensor, "*n 2"]) -> Float[Tensor, "*n"]:
    return (end - start).clamp(min=0).prod(dim=-1)
