"""Object detection: boxes and classes of what is in a picture, found with any backbone.

>>> detector = Detector(backbone, scenes.class_names)
>>> history = fit_detector(detector, scenes)
>>> mean_average_precision(detect(detector, test), test)
Precision(map=…, map50=…)
"""

from .boxes import generalised_iou, non_maximum_suppression, pairwise_iou
from .coco import load_coco
from .detecting import Detections, detect
from .detector import CellPredictions, Detector
from .fitting import fit_detector
from .images import DetectionSet
from .objective import DetectionLoss, DetectionTerms
from .precision import Precision, mean_average_precision
from .scenes import render_scenes

__all__ = [
    "CellPredictions",
    "DetectionLoss",
    "DetectionSet",
    "DetectionTerms",
    "Detections",
    "Detector",
    "Precision",
    "detect",
    "fit_detector",
    "generalised_iou",
    "load_coco",
    "mean_average_precision",
    "non_maximum_suppression",
    "pairwise_iou",
    "render_scenes",
]
