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
from .generation import Judge, Quality, draw_from_fitted_normal
from .passes import Posteriors, encode_images
from .probes import Clustering, Probe, clustering, latent_accuracy, probe
from .units import ActiveUnits, active_units, knock_out_costs

__all__ = [
    "DCI",
    "MIG",
    "ActiveUnits",
    "AnomalyDetection",
    "Area",
    "Clustering",
    "Evaluation",
    "ImportanceScores",
    "Judge",
    "Posteriors",
    "Probe",
    "Quality",
    "RateDistortion",
    "ReconstructionError",
    "active_units",
    "anomaly_detection",
    "anomaly_scores",
    "bits_per_pixel",
    "clustering",
    "dci",
    "draw_from_fitted_normal",
    "encode_images",
    "evaluate",
    "importance_scores",
    "iwae_bound",
    "knock_out_costs",
    "latent_accuracy",
    "mig",
    "pca_rate_distortion",
    "probe",
    "rate_distortion",
    "reconstruction_error",
]
