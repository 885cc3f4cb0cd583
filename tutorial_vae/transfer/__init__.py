"""What carries over from one set of images to another, and what to train anew."""

from ..estimates import Estimate
from .assessment import assess
from .card import TransferCard
from .plans import PLANS, Plan
from .recommendation import Answer, Evidence, Recommendation, Reliability
from .retraining import RetrainedModel, retrain
from .scores import h_score, knn_accuracy, label_cka, leep, logme, nce
from .stitching import StitchResult, stitch

__all__ = [
    "PLANS",
    "Answer",
    "Estimate",
    "Evidence",
    "Plan",
    "Recommendation",
    "Reliability",
    "RetrainedModel",
    "StitchResult",
    "TransferCard",
    "assess",
    "h_score",
    "knn_accuracy",
    "label_cka",
    "leep",
    "logme",
    "nce",
    "retrain",
    "stitch",
]
