"""How good a trained VAE is, on images that it has not seen, and beside what it has to beat.

Bounds are in nats per image. Random numbers come from a seed of each call, so the global random
state is left as it was; so are the model's weights, its mode and its device.
"""

from .anomalies import AnomalyDetection, Area, anomaly_detection, anomaly_scores
from .bounds import Evaluation, evaluate, iwae_bound
from .compression import (
    RateDistortion,
    ReconstructionError,
    bits_per_pixel,
    pca_rate_distortion,
    rate_distortion,
    reconstruction_error,
)
from .disentanglement import DCI, MIG, ImportanceScores, dci, importance_scores, mig
from .passes import Posteriors, encode_images
from .probes import Accuracy, Clustering, Probe, clustering, probe
from .units import ActiveUnits, active_units

__all__ = [
    "DCI",
    "MIG",
    "Accuracy",
    "ActiveUnits",
    "AnomalyDetection",
    "Area",
    "Clustering",
    "Evaluation",
    "ImportanceScores",
    "Posteriors",
    "Probe",
    "RateDistortion",
    "ReconstructionError",
    "active_units",
    "anomaly_detection",
    "anomaly_scores",
    "bits_per_pixel",
    "clustering",
    "dci",
    "encode_images",
    "evaluate",
    "importance_scores",
    "iwae_bound",
    "mig",
    "pca_rate_distortion",
    "probe",
    "rate_distortion",
    "reconstruction_error",
]
