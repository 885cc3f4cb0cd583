"""Boxes, as x0, y0, x1, y1 in pixels: how much two overlap, and which of many to keep."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def pairwise_iou(first: Float[Tensor, "n 4"], second: Float[Tensor, "m 4"]) -> Float[Tensor, "n m"]:
    """Return intersection over union of every box with every other, 0 where they do not meet.

    Args:
        first: boxes in pixels.
        second: boxes in pixels.
    """
    intersection, union, _ = _areas(first[:, None], second[None])
    return intersection / union.clamp(min=_least(union))


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
    intersection, union, around = _areas(first, second)
    least = _least(union)
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
    order = scores.argsort(descending=True, stable=True)
    boxes, labels = boxes[order], labels[order]
    rivals = (pairwise_iou(boxes, boxes) > overlap) & (labels[:, None] == labels)
    kept = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    for i in range(len(order)):
        if kept[i]:
            kept[i + 1 :] &= ~rivals[i, i + 1 :]
    return order[kept]


def _areas(
    first: Float[Tensor, "*n 4"], second: Float[Tensor, "*m 4"]
) -> tuple[Float[Tensor, "*both"], Float[Tensor, "*both"], Float[Tensor, "*both"]]:
    """Return the areas of intersection, union and smallest box around, in square pixels."""
    low, high = torch.maximum, torch.minimum
    intersection = _area(
        low(first[..., :2], second[..., :2]), high(first[..., 2:], second[..., 2:])
    )
    around = _area(high(first[..., :2], second[..., :2]), low(first[..., 2:], second[..., 2:]))
    union = _area(first[..., :2], first[..., 2:]) + _area(second[..., :2], second[..., 2:])
    return intersection, union - intersection, around


def _area(start: Float[Tensor, "*n 2"], end: Float[Tensor, "*n 2"]) -> Float[Tensor, "*n"]:
    return (end - start).clamp(min=0).prod(dim=-1)


def _least(values: Tensor) -> float:
    """Return what to divide by instead of 0."""
    return torch.finfo(values.dtype).tiny
