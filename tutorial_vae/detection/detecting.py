"""Finding objects with a trained detector."""

import dataclasses

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ..checks import check_count
from ..data import ImageSet
from ..data.imageset import as_float, image_tensor
from ..devices import evaluation_mode
from .boxes import non_maximum_suppression
from .detector import Detector
from .images import DetectionSet

_CANDIDATES = 1000  # best of an image that suppression looks at, as in FCOS


@dataclasses.dataclass(frozen=True, eq=False)
class Detections:
    """What was found in each image, best first.

    Attributes:
        boxes: x0, y0, x1, y1 in pixels, float32 of shape (N, most, 4), padded with nan.
        scores: from 0 to 1, float32 of shape (N, most), padded with nan.
        labels: class as an index into the detector's ``class_names``, int64 of shape (N, most),
            padded with -1.
    """

    boxes: Float[Tensor, "count most 4"]
    scores: Float[Tensor, "count most"]
    labels: Int64[Tensor, "count most"]

    def __len__(self) -> int:
        return len(self.boxes)


@torch.no_grad()
def detect(
    detector: Detector,
    images: DetectionSet | ImageSet | Tensor,
    *,
    threshold: float = 0.05,
    most: int = 20,
    overlap: float = 0.5,
    batch_size: int = 256,
) -> Detections:
    """Return what a detector finds in images, in evaluation mode, on the CPU.

    A cell's class with a score above the threshold is a candidate, and its box is cut off at the
    border of the picture. Of the best 1000 candidates of an image those stay that
    :func:`non_maximum_suppression` keeps.

    Args:
        detector: left in the mode that it came in, part by part.
        images: an image set with or without boxes, or a tensor of shape (n, channels, height,
            width) that holds uint8 or floats in [0, 1].
        threshold: score, from 0 to 1, above which a class is found.
        most: objects to return for an image, the best ones.
        overlap: intersection over union, from 0 to 1, that two boxes of one class may have.
        batch_size: images at a time.

    Raises:
        TypeError: ``images`` is none of these.
        ValueError: the images have another shape than the detector reads, or a number is outside
            what is said above.
    """
    for name, value in (("threshold", threshold), ("overlap", overlap)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must lie between 0 and 1, not {value!r}")
    check_count("most", most)
    check_count("batch_size", batch_size)
    pixels = image_tensor(images.images if isinstance(images, DetectionSet) else images)
    if tuple(pixels.shape[1:]) != detector.image_shape:
        raise ValueError(
            f"images must have the shape (n, {', '.join(map(str, detector.image_shape))}) that "
            f"the detector reads, not {tuple(pixels.shape)}"
        )
    found = Detections(
        torch.full((len(pixels), most, 4), torch.nan),
        torch.full((len(pixels), most), torch.nan),
        torch.full((len(pixels), most), -1),
    )
    _, height, width = detector.image_shape
    border = torch.tensor([width, height, width, height], dtype=torch.float32)
    with evaluation_mode(detector) as device:
        image = 0
        for part in pixels.split(batch_size):
            logits, boxes = (value.cpu() for value in detector(as_float(part.to(device))))
            boxes = boxes.clamp(min=0).minimum(border)
            for image_scores, image_boxes in zip(logits.sigmoid(), boxes, strict=True):
                cells, labels = (image_scores > threshold).nonzero(as_tuple=True)
                scores = image_scores[cells, labels]
                best = scores.argsort(descending=True, stable=True)[:_CANDIDATES]
                cells, labels, scores = cells[best], labels[best], scores[best]
                kept = non_maximum_suppression(image_boxes[cells], scores, labels, overlap=overlap)[
                    :most
                ]
                found.boxes[image, : len(kept)] = image_boxes[cells[kept]]
                found.scores[image, : len(kept)] = scores[kept]
                found.labels[image, : len(kept)] = labels[kept]
                image += 1
    return found
