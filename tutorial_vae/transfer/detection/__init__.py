"""Object detection: boxes and classes of what is in a picture, found with any backbone.

>>> detector = Detector(backbone, scenes.class_names)
>>> history = fit_detector(detector, scenes)
>>> mean_average_precision(detect(detector, test), test)
Precision(map=…, map50=…)
"""

from .boxes import generalised_iou, non_maximum_suppression, pairwise_iou
from .detecting import Detections, detect
from .detector import CellPredictions, Detector
from .fitting import DetectorHistory, fit_detector
from .objective import DetectionLoss, DetectionTerms
from .precision import Precision, mean_average_precision

__all__ = [
    "CellPredictions",
    "DetectionLoss",
    "DetectionTerms",
    "Detections",
    "Detector",
    "DetectorHistory",
    "Precision",
    "detect",
    "fit_detector",
    "generalised_iou",
    "mean_average_precision",
    "non_maximum_suppression",
    "pairwise_iou",
]
