"""How good detections are, by the measure that COCO made the common one."""

import contextlib
import io
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from .detecting import Detections
from .images import DetectionSet

_MOST = 100  # detections of an image and class that count, as in COCO


class Precision(NamedTuple):
    """Mean average precision, from 0 to 1: over ten overlaps (``map``), and at 0.5 (``map50``)."""

    map: float
    map50: float


def mean_average_precision(detections: Detections, truth: DetectionSet) -> Precision:
    r"""Return the mean average precision of detections, computed by pycocotools.

    From the highest score down, a detection is right if its intersection over union with an
    object of its class that is not yet found reaches a bound. The average precision of a class is

    .. math::
        \frac{1}{101} \sum_{r = 0, 0.01, \ldots, 1} \;
        \max_{\tilde r \geq r} p(\tilde r) ,

    where p is the share of right detections down to the score at which the share
    :math:`\tilde r` of the objects is found. ``map50`` is its mean over the classes that the truth
    holds, at the bound 0.5, and ``map`` that over the bounds 0.5, 0.55, …, 0.95 as well. The 100
    best detections of a class in an image count. Objects that the truth has left out count as
    absent: whoever finds them is wrong.

    Args:
        detections: what was found in the images of ``truth``, in their order.
        truth: what is there.

    Raises:
        ImportError: pycocotools is not installed.
        ValueError: the two are not of the same length, a detection has a class that the truth does
            not name, or the truth holds no object.

    Reference: Lin et al. 2014.
    """
    if len(detections) != len(truth):
        raise ValueError(
            f"detections are of {len(detections)} images and truth of {len(truth)}; they must be "
            "of the same"
        )
    if detections.labels.numel() and int(detections.labels.max()) >= len(truth.class_names):
        raise ValueError(
            f"detections have labels up to {int(detections.labels.max())}, but truth names "
            f"{len(truth.class_names)} classes, from 0"
        )
    if not (truth.labels >= 0).any():
        raise ValueError(f"truth ({truth.name}) holds no object, so that there is nothing to find")
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise ImportError(
            "mean_average_precision needs an extra: pip install 'tutorial-vae[detection]'"
        ) from error

    # pycocotools reports every stage on standard output.
    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for entries in (
            _annotations(truth.boxes, truth.labels),
            _annotations(detections.boxes, detections.labels, detections.scores),
        ):
            side = COCO()
            side.dataset = {
                "images": [{"id": image} for image in range(len(truth))],
                "categories": [{"id": label} for label in range(len(truth.class_names))],
                "annotations": entries,
            }
            side.createIndex()
            sides.append(side)
        evaluation = COCOeval(*sides, iouType="bbox")
        # Of its groups by size and by number only the one with everything is asked for.
        evaluation.params.areaRng = evaluation.params.areaRng[:1]
        evaluation.params.areaRngLbl = evaluation.params.areaRngLbl[:1]
        evaluation.params.maxDets = [_MOST]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]  # (bounds, recalls, classes, 1, 1)
    known = (precision > -1).all(axis=(0, 1, 3, 4))  # -1 marks classes without an object
    by_bound = precision[:, :, known].mean(axis=(1, 2, 3, 4))
    at_half = np.isclose(evaluation.params.iouThrs, 0.5)
    return Precision(float(by_bound.mean()), float(by_bound[at_half].item()))


def _annotations(
    boxes: Float[Tensor, "count most 4"],
    labels: Int[Tensor, "count most"],
    scores: Float[Tensor, "count most"] | None = None,
) -> list[dict[str, Any]]:
    """Return boxes in the form of COCO's annotation files, padding left out."""
    entries: list[dict[str, Any]] = []
    for image, row in (labels >= 0).nonzero().tolist():
        x0, y0, x1, y1 = boxes[image, row].tolist()
        entry = {
            "id": len(entries) + 1,  # pycocotools takes 0 for "not matched"
            "image_id": image,
            "category_id": int(labels[image, row]),
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": (x1 - x0) * (y1 - y0),
            "iscrowd": 0,
        }
        if scores is not None:
            entry["score"] = float(scores[image, row])
        entries.append(entry)
    return entries
