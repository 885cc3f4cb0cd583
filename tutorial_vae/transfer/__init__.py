"""What carries over from one set of images to another, and what to train anew."""

from .plans import PLANS, Plan
from .retraining import RetrainedModel, retrain
from .scores import h_score, knn_accuracy, label_cka, leep, logme, nce
from .stitching import StitchResult, stitch

__all__ = [
    "PLANS",
    "Plan",
    "RetrainedModel",
    "StitchResult",
    "h_score",
    "knn_accuracy",
    "label_cka",
    "leep",
    "logme",
    "nce",
    "retrain",
    "stitch",
]
