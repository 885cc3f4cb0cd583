"""The same scores for several representations of the same images, side by side."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64

from ..data import ImageSet
from ..estimates import Estimate
from ..evaluation import encode_images
from ..evaluation.baselines import fit_pca, flat_pixels
from ..evaluation.probes import classifier
from ..models import VAE
from .scores import h_score, knn_accuracy, label_cka, leep, logme, nce
from .target import Target

NORMAL = 1.96  # quantile of a 95 % interval

_DRAWS = 50  # half-samples behind an interval

_Scores = Mapping[str, Mapping[str, float]]


def latent_means(
    model: VAE, images: ImageSet, device: str | torch.device
) -> Float[np.ndarray, "n latent"]:
    """Return the latent means of images, in float64.

    Args:
        model: the model.
        images: the images.
        device: ``"auto"`` or the name of a device.
    """
    return encode_images(model, images, device=device).mean.double().numpy()


def source_probabilities(
    models: Mapping[str, VAE],
    own: ImageSet,
    target: Target,
    means: Mapping[str, Float[np.ndarray, "n latent"]],
    device: str | torch.device,
) -> dict[str, Float[np.ndarray, "n classes"]]:
    """Ask classifiers of the source's own images about the target's.

    Args:
        models: by name, ``"source"`` and ``"untrained"`` among them.
        own: images of the source's own kind. Without labels of two classes there is no classifier.
        target: the images to ask about.
        means: their latent means, by the name of the model.
        device: ``"auto"`` or the name of a device.

    Returns:
        Probabilities of the source's classes, by the name of the representation that the
        classifier reads; nothing where there is none.
    """
    if own.labels is None or len(own.labels.unique()) < 2:
        return {}
    pairs: dict[str, tuple[Any, Any]] = {
        name: (latent_means(models[name], own, device), means[name])
        for name in ("source", "untrained")
    }
    if not (own.images == own.images[0]).all():
        rows = flat_pixels(own.images)
        pca = fit_pca(rows, target.components, seed=target.seed)
        pairs["pca"] = pca.transform(rows), pca.transform(target.pixels)
    found = {}
    for name, (here, there) in pairs.items():
        linear = classifier("linear", len(own)).fit(here, own.labels.numpy())
        found[name] = linear.predict_proba(there)
    return found


def rate(
    features: Mapping[str, Float[np.ndarray, "n _"]],
    probabilities: Mapping[str, Float[np.ndarray, "n _"]],
    labels: Int64[np.ndarray, " n"],
    seed: int,
) -> tuple[dict[str, dict[str, Estimate]], dict[str, dict[str, Estimate]]]:
    """Score every representation, and the source's lead over each of the others.

    Args:
        features: representations by name, one of them ``"source"``.
        probabilities: of source classes, by name; nothing where there are none.
        labels: class of each image, of at least 2.
        seed: of the half-samples that the intervals come from.

    Returns:
        Scores and leads, by score and then by representation.
    """
    n, half = len(labels), len(labels) // 2
    values = _scores_of(features, probabilities, labels, np.arange(n))
    random = np.random.default_rng([seed, 2])
    draws = []
    for _ in range(_DRAWS):
        chosen = random.permutation(n)[:half]
        if len(np.unique(labels[chosen])) > 1:
            draws.append(_scores_of(features, probabilities, labels, chosen))

    def estimate(of: Callable[[_Scores], float]) -> Estimate:
        value, halves = of(values), np.array([of(draw) for draw in draws])
        if not (math.isfinite(value) and len(draws) > 1 and np.isfinite(halves).all()):
            return Estimate(value, math.nan, math.nan)
        # The spread of halves is that of the whole; for an odd number of images, nearly.
        spread = float(halves.std()) * math.sqrt(half / (n - half))
        return Estimate.around(value, NORMAL * spread)

    def score_of(score: str, name: str) -> Estimate:
        return estimate(lambda found: found[score][name])

    def lead_of(score: str, name: str) -> Estimate:
        return estimate(lambda found: found[score]["source"] - found[score][name])

    scores = {s: {name: score_of(s, name) for name in of} for s, of in values.items()}
    leads = {
        s: {name: lead_of(s, name) for name in of if name != "source"} for s, of in values.items()
    }
    return scores, leads


def _scores_of(
    features: Mapping[str, Float[np.ndarray, "n _"]],
    probabilities: Mapping[str, Float[np.ndarray, "n _"]],
    labels: Int64[np.ndarray, " n"],
    chosen: Int64[np.ndarray, " chosen"],
) -> _Scores:
    rows = {name: each[chosen] for name, each in features.items()}
    classes = labels[chosen]
    # With as many features as images both say the same of noise.
    small = {name: each for name, each in rows.items() if name != "pixels"}
    neighbours = min(5, len(classes) - 1)
    found: dict[str, dict[str, float]] = {
        "knn_accuracy": {
            name: knn_accuracy(each, classes, neighbours=neighbours) for name, each in rows.items()
        },
        "label_cka": {name: label_cka(each, classes) for name, each in rows.items()},
        "logme": {name: logme(each, classes) for name, each in small.items()},
        "h_score": {name: h_score(each, classes) for name, each in small.items()},
    }
    if probabilities:
        asked = {name: each[chosen] for name, each in probabilities.items()}
        found["leep"] = {name: leep(each, classes) for name, each in asked.items()}
        found["nce"] = {name: nce(each.argmax(axis=1), classes) for name, each in asked.items()}
    return found
