"""Telling images apart from those that a model was trained on."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from ..data import ImageSet
from ..models import VAE
from .baselines import fit_pca, flat_pixels, pca_squared_errors
from .bounds import image_elbos
from .passes import checked_images, squared_errors

SCORES = ("elbo", "reconstruction", "kl", "squared_error")


def anomaly_scores(
    model: VAE,
    images: ImageSet | Tensor,
    *,
    score: str = "elbo",
    samples: int = 1,
    batch_size: int = 256,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> Float64[Tensor, " n"]:
    """Score how unlike its training images a model finds each image: the higher, the less alike.

    Args:
        model: the model. Its weights, mode and device are left as they were.
        images: an image set, or a tensor of shape (n, channels, height, width) that holds uint8
            or floats in [0, 1].
        score: ``"elbo"`` (minus the bound), ``"reconstruction"`` (minus its log-likelihood part)
            or ``"kl"``, all in nats, or ``"squared_error"`` (per pixel, from the posterior mean).
        samples: draws from each image's posterior.
        batch_size: images per pass.
        seed: source of the draws; the global random state is left as it was.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Returns:
        One value per image, on the CPU.

    Raises:
        ValueError: the images do not suit the model, or an argument is outside what is said above.
    """
    if score not in SCORES:
        raise ValueError(f"score must be one of {SCORES}, not {score!r}")
    if score == "squared_error":
        return squared_errors(model, images, batch_size=batch_size, device=device)
    parts = image_elbos(
        model, images, samples=samples, batch_size=batch_size, seed=seed, device=device
    )
    return {"elbo": -parts.elbo, "reconstruction": -parts.log_likelihood, "kl": parts.kl}[score]


class Area(NamedTuple):
    """Area under a ROC curve: 0.5 is chance, 1 is perfect. With its standard error."""

    value: float
    standard_error: float


class AnomalyDetection(NamedTuple):
    """Areas under the ROC curves of a model's score and of PCA's reconstruction error."""

    model: Area
    pca: Area


def anomaly_detection(
    model: VAE,
    train: ImageSet | Tensor,
    normal: ImageSet | Tensor,
    anomalies: ImageSet | Tensor,
    *,
    score: str = "elbo",
    samples: int = 1,
    batch_size: int = 256,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> AnomalyDetection:
    """Measure how well a score tells anomalies from normal images, beside PCA of the same size.

    Args:
        model: the model. Its weights, mode and device are left as they were.
        train: the normal images that the model was trained on; PCA is fitted to them.
        normal: other normal images, at least 2.
        anomalies: images of another kind, at least 2.
        score: as in :func:`anomaly_scores`. PCA is scored by its squared error in any case.
        samples: draws from each image's posterior.
        batch_size: images per pass.
        seed: source of the draws; the global random state is left as it was.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or the name of a device.

    Raises:
        ValueError: the images do not suit the model, or an argument is outside what is said above.

    Reference: the standard errors follow DeLong et al. 1988.
    """
    pca = fit_pca(flat_pixels(checked_images(model, train)), model.latent_dim, seed=seed)
    by_model, by_pca = [], []
    for images in (normal, anomalies):
        scores = anomaly_scores(
            model,
            images,
            score=score,
            samples=samples,
            batch_size=batch_size,
            seed=seed,
            device=device,
        )
        by_model.append(scores.numpy())
        by_pca.append(pca_squared_errors(pca, flat_pixels(checked_images(model, images))))
    return AnomalyDetection(_area(*by_model), _area(*by_pca))


def _area(normal: Float64[np.ndarray, " n"], anomalous: Float64[np.ndarray, " m"]) -> Area:
    from sklearn.metrics import roc_auc_score

    for name, scores in (("normal", normal), ("anomalies", anomalous)):
        if len(scores) < 2:
            raise ValueError(f"{name} must hold at least 2 images, not {len(scores)}")
    truth = np.repeat([0, 1], [len(normal), len(anomalous)])
    area = roc_auc_score(truth, np.concatenate([normal, anomalous]))
    variance = _below(normal, anomalous).var(ddof=1) / len(anomalous)
    variance += _below(anomalous, normal).var(ddof=1) / len(normal)
    return Area(float(area), float(variance**0.5))


def _below(
    these: Float64[np.ndarray, " n"], those: Float64[np.ndarray, " m"]
) -> Float64[np.ndarray, " m"]:
    """Share of ``these`` that lie below each of ``those``, ties counted by half."""
    ordered = np.sort(these)
    counts = np.searchsorted(ordered, those, "left") + np.searchsorted(ordered, those, "right")
    return counts / (2 * len(these))
