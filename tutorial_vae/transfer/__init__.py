"""What carries over from one set of images to another, and what to train anew."""

from .assessment import assess
from .card import Profile, TransferCard
from .plans import PLANS, Plan
from .recommendation import Estimate, Evidence, Recommendation, Reliability, Verdict
from .retraining import RetrainedModel, retrain
from .scores import h_score, knn_accuracy, label_cka, leep, logme, nce
from .stitching import StitchResult, stitch

__all__ = [
    "PLANS",
    "Estimate",
    "Evidence",
    "Plan",
    "Profile",
    "Recommendation",
    "Reliability",
    "RetrainedModel",
    "StitchResult",
    "TransferCard",
    "Verdict",
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
